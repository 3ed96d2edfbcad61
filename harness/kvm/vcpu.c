/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ioctls on a processor; the segment and control registers of its two starting modes.
 */
#include "vcpu.h"

#include <asm/kvm.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

#define CR0_PE	 1ull
#define CR0_ET	 (1ull << 4)
#define CR0_PG	 (1ull << 31)
#define CR4_PAE	 (1ull << 5)
#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)

#define MSR_MISC_ENABLE	      0x1a0u
#define MISC_ENABLE_FAST      1ull /* string instructions */
#define MSR_MTRR_DEFAULT      0x2ffu
#define MTRR_ON_AND_WRITEBACK 0x806ull

#define CPUID_ENTRIES	      256u
#define CPUID1_ECX_DEADLINE   (1u << 24)
#define CPUID1_ECX_HYPERVISOR (1u << 31)

int vcpu_create(struct vcpu *cpu, const struct vm *vm, unsigned int id)
{
	int bytes = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	memset(cpu, 0, sizeof(*cpu));
	cpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)id);
	if (cpu->fd < 0 || bytes <= 0)
		return errno ? -errno : -EIO;
	cpu->run_bytes = (size_t)bytes;
	cpu->run = mmap(NULL, cpu->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
	if (cpu->run == MAP_FAILED) {
		cpu->run = NULL;
		return -errno;
	}
	return 0;
}

void vcpu_destroy(struct vcpu *cpu)
{
	if (cpu->run)
		munmap(cpu->run, cpu->run_bytes);
	if (cpu->fd >= 0)
		close(cpu->fd);
}

/* ---- what it is ---- */

/* Each processor is a package of one core and one thread: nothing to be derived from ids. */
static void set_topology(struct kvm_cpuid_entry2 *e, uint32_t id, uint32_t count, bool deadline)
{
	switch (e->function) {
	case 1:
		e->ebx = (e->ebx & 0x0000ffffu) | id << 24 | count << 16;
		e->ecx |= CPUID1_ECX_HYPERVISOR;
		if (deadline)
			e->ecx |= CPUID1_ECX_DEADLINE;
		break;
	case 4:
		e->eax &= 0x3fffu;
		break;
	case 0xb:
	case 0x1f:
		e->eax = 0;
		e->ebx = e->index < 2;
		e->ecx = e->index | (e->index < 2 ? (e->index + 1) << 8 : 0);
		e->edx = id;
		break;
	case 0x80000008u:
		e->ecx = 0;
		break;
	case 0x8000001du:
		e->eax &= 0x3fffu;
		break;
	case 0x8000001eu:
		e->eax = id;
		e->ebx = id;
		e->ecx = 0;
		break;
	default:
		break;
	}
}

static int set_cpuid(struct vcpu *cpu, const struct vm *vm, unsigned int id, unsigned int count)
{
	bool deadline = ioctl(vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	struct kvm_cpuid2 *list;
	int err = 0;

	list = calloc(1, sizeof(*list) + CPUID_ENTRIES * sizeof(list->entries[0]));
	if (!list)
		return -ENOMEM;
	list->nent = CPUID_ENTRIES;
	if (ioctl(vm->kvm, KVM_GET_SUPPORTED_CPUID, list))
		err = -errno;
	for (uint32_t i = 0; i < list->nent && !err; i++)
		set_topology(&list->entries[i], id, count, deadline);
	if (!err && ioctl(cpu->fd, KVM_SET_CPUID2, list))
		err = -errno;
	free(list);
	return err;
}

/* As firmware would leave it. A host that lacks the register does without. */
static void set_msr(struct vcpu *cpu, uint32_t index, uint64_t value)
{
	struct kvm_msrs *list = calloc(1, sizeof(*list) + sizeof(list->entries[0]));

	if (!list)
		return;
	list->nmsrs = 1;
	list->entries[0].index = index;
	list->entries[0].data = value;
	(void)ioctl(cpu->fd, KVM_SET_MSRS, list);
	free(list);
}

int vcpu_describe(struct vcpu *cpu, const struct vm *vm, unsigned int id, unsigned int count)
{
	int err = set_cpuid(cpu, vm, id, count);

	if (err)
		return err;
	set_msr(cpu, MSR_MISC_ENABLE, MISC_ENABLE_FAST);
	set_msr(cpu, MSR_MTRR_DEFAULT, MTRR_ON_AND_WRITEBACK);
	return 0;
}

/* ---- where it starts ---- */

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type, bool long_mode)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.g = 1,
		.l = long_mode,
		.db = !long_mode,
	};
}

static void set_mode(struct kvm_sregs *s, const struct vcpu_entry *entry)
{
	struct kvm_segment data = flat_segment(VCPU_DATA, 3, false);

	s->cs = flat_segment(VCPU_CODE, 11, entry->tables != 0);
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->tr = (struct kvm_segment){
		.limit = 0x67, .selector = VCPU_TASK, .type = 11, .present = 1
	};
	if (entry->gdt) {
		s->gdt.base = entry->gdt;
		s->gdt.limit = VCPU_TASK + 7;
	}
	s->cr0 = CR0_PE | CR0_ET;
	if (entry->tables) {
		s->cr3 = entry->tables;
		s->cr4 = CR4_PAE;
		s->cr0 |= CR0_PG;
		s->efer = EFER_LME | EFER_LMA;
	}
}

int vcpu_start_at(struct vcpu *cpu, const struct vcpu_entry *entry)
{
	struct kvm_regs regs = {
		.rip = entry->rip,
		.rbx = entry->rbx,
		.rsi = entry->rsi,
		.rsp = entry->rsp,
		.rflags = 2,
	};
	struct kvm_sregs sregs;

	if (ioctl(cpu->fd, KVM_GET_SREGS, &sregs))
		return -errno;
	set_mode(&sregs, entry);
	if (ioctl(cpu->fd, KVM_SET_SREGS, &sregs) || ioctl(cpu->fd, KVM_SET_REGS, &regs))
		return -errno;
	return 0;
}

/* ---- running ---- */

void vcpu_finish_exit(struct vcpu *cpu)
{
	cpu->run->immediate_exit = 1;
	while (ioctl(cpu->fd, KVM_RUN, 0) == 0)
		;
	cpu->run->immediate_exit = 0;
}

int vcpu_run(struct vcpu *cpu)
{
	while (ioctl(cpu->fd, KVM_RUN, 0)) {
		if (errno != EAGAIN)
			return -errno;
	}
	return 0;
}

void vcpu_state(const struct vcpu *cpu, char *text, size_t room)
{
	struct kvm_sregs s;
	struct kvm_regs r;

	if (ioctl(cpu->fd, KVM_GET_REGS, &r) || ioctl(cpu->fd, KVM_GET_SREGS, &s)) {
		snprintf(text, room, "registers cannot be read");
		return;
	}
	snprintf(text, room, "rip 0x%llx rsp 0x%llx cr0 0x%llx cr2 0x%llx cr3 0x%llx", r.rip, r.rsp,
		 s.cr0, s.cr2, s.cr3);
}
