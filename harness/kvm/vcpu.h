/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One processor of a virtual machine: what state it starts in, and running it.
 */
#ifndef VCPU_H
#define VCPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kvm_run;
struct vm;

struct vcpu {
	int fd;
	struct kvm_run *run; /* says why the last exit happened */
	size_t run_bytes;
};

/* Returns 0, or a negative errno. vcpu_destroy undoes it, also after a failure. */
int vcpu_create(struct vcpu *cpu, const struct vm *vm, unsigned int id)
	__attribute__((warn_unused_result));
void vcpu_destroy(struct vcpu *cpu);

/*
 * Gives the processor what a kernel asks of one: all that the host supports (CPUID), with an APIC
 * id of its own among `count`, and memory that is cached. Returns 0 or a negative errno.
 */
int vcpu_describe(struct vcpu *cpu, const struct vm *vm, unsigned int id, unsigned int count)
	__attribute__((warn_unused_result));

/* The first instruction, and what is in the registers then; those that are not named are 0. */
struct vcpu_entry {
	uint64_t rip;
	uint64_t rbx;
	uint64_t rsi;
	uint64_t rsp;
	uint64_t tables; /* long mode with these page tables (CR3), or 0: 32-bit without paging */
	uint64_t gdt;	 /* where the segments' descriptors lie, or 0: nowhere */
};

/* Selectors of the flat segments that a processor starts with, and their descriptors. */
#define VCPU_CODE 0x10u
#define VCPU_DATA 0x18u
#define VCPU_TASK 0x20u

int vcpu_start_at(struct vcpu *cpu, const struct vcpu_entry *entry)
	__attribute__((warn_unused_result));

/* Finishes an access that an exit left half done, without running the guest. */
void vcpu_finish_exit(struct vcpu *cpu);

/* Runs until the next exit; cpu->run tells. Returns 0, -EINTR (a signal, or vcpu_interrupt), or
 * another negative errno. */
int vcpu_run(struct vcpu *cpu) __attribute__((warn_unused_result));

/* Where the processor stands, as one line, for reports. */
void vcpu_state(const struct vcpu *cpu, char *text, size_t room);

#endif
