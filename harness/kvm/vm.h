/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtual machine of KVM: its memory, its interrupt controllers, and the events that the kernel
 * handles for it. Processors are in vcpu.h.
 */
#ifndef VM_H
#define VM_H

#include <stddef.h>
#include <stdint.h>

struct vm {
	int kvm;
	int fd;
	unsigned int slots;
};

/*
 * A machine without memory. Returns 0, or a negative errno with one line in `error` that says what
 * to do. vm_destroy undoes it, also after a failure.
 */
int vm_create(struct vm *vm, char *error, size_t room) __attribute__((warn_unused_result));
void vm_destroy(struct vm *vm);

/* Gives the guest memory at `gpa`; sizes and addresses are multiples of the page size. */
int vm_add_memory(struct vm *vm, uint64_t gpa, void *host, size_t bytes)
	__attribute__((warn_unused_result));

/*
 * The kernel's own PIC, IO-APIC and local APICs, before the first processor. Interrupt lines are
 * inputs of the IO-APIC, VM_GSIS of them. Returns 0 or a negative errno.
 */
#define VM_GSIS 24u
int vm_add_irqchip(struct vm *vm) __attribute__((warn_unused_result));

/* What is written to `event_fd` is an edge on this line. */
int vm_bind_irq(const struct vm *vm, int event_fd, unsigned int gsi)
	__attribute__((warn_unused_result));

/* A guest's 32-bit write of `value` to `gpa` signals `event_fd`, and exits no more. */
int vm_bind_write(const struct vm *vm, int event_fd, uint64_t gpa, uint32_t value)
	__attribute__((warn_unused_result));

#endif
