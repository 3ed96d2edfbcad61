/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ioctls on /dev/kvm and on the machine.
 */
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "watch.h"

/* Three pages that some processors need for real mode; nobody else uses them. */
#define IDENTITY_MAP 0xfffbc000ull
#define TASK_STATE   0xfffbd000ul

static int fail(char *error, size_t room, const char *what, int err, const char *advice)
{
	snprintf(error, room, "%s: %s; %s", what, strerror(err), advice);
	return -err;
}

static const char *advice_for(int err)
{
	if (err == EACCES || err == EPERM)
		return "add yourself to the group that owns it";
	if (!watch_hardware(WATCH_CPUINFO))
		return WATCH_NO_HARDWARE;
	switch (err) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return "load the module kvm_intel or kvm_amd";
	default:
		return "the host cannot run a guest";
	}
}

int vm_create(struct vm *vm, char *error, size_t room)
{
	int err;

	memset(vm, 0, sizeof(*vm));
	vm->fd = -1;
	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0) {
		err = errno;
		return fail(error, room, "/dev/kvm", err, advice_for(err));
	}
	if (ioctl(vm->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return fail(error, room, "/dev/kvm", EINVAL,
			    "its API version is not the one of 2007");
	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	if (vm->fd < 0) {
		err = errno;
		return fail(error, room, "KVM_CREATE_VM", err, advice_for(EIO));
	}
	return 0;
}

void vm_destroy(struct vm *vm)
{
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

int vm_add_irqchip(struct vm *vm)
{
	uint64_t identity = IDENTITY_MAP;

	if (ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) ||
	    ioctl(vm->fd, KVM_SET_TSS_ADDR, TASK_STATE) || ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0))
		return -errno;
	return 0;
}

int vm_bind_irq(const struct vm *vm, int event_fd, unsigned int gsi)
{
	struct kvm_irqfd irqfd = { .fd = (uint32_t)event_fd, .gsi = gsi };

	return ioctl(vm->fd, KVM_IRQFD, &irqfd) ? -errno : 0;
}

int vm_bind_write(const struct vm *vm, int event_fd, uint64_t gpa, uint32_t value)
{
	struct kvm_ioeventfd bind = {
		.datamatch = value,
		.addr = gpa,
		.len = sizeof(value),
		.fd = event_fd,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};

	return ioctl(vm->fd, KVM_IOEVENTFD, &bind) ? -errno : 0;
}
