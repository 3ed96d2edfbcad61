/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ioctls on /dev/kvm, and the segment and control registers of long mode.
 */
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CR0_PE	 1ull
#define CR0_ET	 (1ull << 4)
#define CR0_PG	 (1ull << 31)
#define CR4_PAE	 (1ull << 5)
#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)

static int fail(char *error, size_t room, const char *what, const char *advice)
{
	int err = errno;

	snprintf(error, room, "%s: %s; %s", what, strerror(err), advice);
	return err ? -err : -EIO;
}

int vm_create(struct vm *vm, char *error, size_t room)
{
	int bytes;

	memset(vm, 0, sizeof(*vm));
	vm->fd = -1;
	vm->vcpu = -1;
	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0)
		return fail(error, room, "/dev/kvm",
			    errno == EACCES ? "add yourself to the group that owns it"
					    : "load the kvm module, or play --on model");
	if (ioctl(vm->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return fail(error, room, "/dev/kvm", "its API version is not the one of 2007");
	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return fail(error, room, "KVM_CREATE_VM", "the host cannot run a guest");
	vm->vcpu = ioctl(vm->fd, KVM_CREATE_VCPU, 0);
	bytes = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (vm->vcpu < 0 || bytes <= 0)
		return fail(error, room, "KVM_CREATE_VCPU", "the host cannot run a guest");
	vm->run_bytes = (size_t)bytes;
	vm->run = mmap(NULL, vm->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
	if (vm->run == MAP_FAILED) {
		vm->run = NULL;
		return fail(error, room, "KVM_RUN", "not enough memory");
	}
	return 0;
}

void vm_destroy(struct vm *vm)
{
	if (vm->run)
		munmap(vm->run, vm->run_bytes);
	if (vm->vcpu >= 0)
		close(vm->vcpu);
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->kvm >= 0)
		close(vm->kvm);
}

int vm_add_memory(struct vm *vm, uint64_t gpa, void *host, size_t bytes)
{
	struct kvm_userspace_memory_region r = {
		.slot = vm->slots,
		.guest_phys_addr = gpa,
		.memory_size = bytes,
		.userspace_addr = (uintptr_t)host,
	};

	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &r))
		return -errno;
	vm->slots++;
	return 0;
}

static void flat_segment(struct kvm_segment *s, uint8_t type, bool code)
{
	memset(s, 0, sizeof(*s));
	s->limit = 0xffffffff;
	s->selector = code ? 0x8 : 0x10;
	s->type = type;
	s->present = 1;
	s->s = 1;
	s->g = 1;
	s->l = code;
	s->db = !code;
}

int vm_start_at(struct vm *vm, uint64_t rip, uint64_t cr3, uint64_t rsp)
{
	struct kvm_regs regs = { .rip = rip, .rsp = rsp, .rflags = 2 };
	struct kvm_sregs sregs;
	struct kvm_segment data;

	if (ioctl(vm->vcpu, KVM_GET_SREGS, &sregs))
		return -errno;
	flat_segment(&sregs.cs, 11, true);
	flat_segment(&data, 3, false);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr3 = cr3;
	sregs.cr4 = CR4_PAE;
	sregs.cr0 = CR0_PE | CR0_ET | CR0_PG;
	sregs.efer = EFER_LME | EFER_LMA;
	if (ioctl(vm->vcpu, KVM_SET_SREGS, &sregs) || ioctl(vm->vcpu, KVM_SET_REGS, &regs))
		return -errno;
	return 0;
}

void vm_finish_exit(struct vm *vm)
{
	vm->run->immediate_exit = 1;
	while (ioctl(vm->vcpu, KVM_RUN, 0) == 0)
		;
	vm->run->immediate_exit = 0;
}

int vm_run(struct vm *vm)
{
	while (ioctl(vm->vcpu, KVM_RUN, 0)) {
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
	return 0;
}
