/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtual machine with one processor, reduced to what a bare payload needs: memory slots, long
 * mode with an identity map, and exits.
 */
#ifndef VM_H
#define VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kvm_run;

struct vm {
	int kvm;
	int fd;
	int vcpu;
	struct kvm_run *run;
	size_t run_bytes;
	unsigned int slots;
};

/*
 * Returns 0, or a negative errno with one line in `error` that says what to do. vm_destroy undoes
 * it, also after a failure.
 */
int vm_create(struct vm *vm, char *error, size_t room) __attribute__((warn_unused_result));
void vm_destroy(struct vm *vm);

/* Gives the guest memory at `gpa`; sizes and addresses are multiples of the page size. */
int vm_add_memory(struct vm *vm, uint64_t gpa, void *host, size_t bytes)
	__attribute__((warn_unused_result));

/* Puts the processor into long mode at `rip`, with page tables at `cr3`. */
int vm_start_at(struct vm *vm, uint64_t rip, uint64_t cr3, uint64_t rsp)
	__attribute__((warn_unused_result));

/* Finishes an access that an exit left half done, without running the guest. */
void vm_finish_exit(struct vm *vm);

/* Runs until the next exit; vm->run tells. Returns 0 or a negative errno. */
int vm_run(struct vm *vm) __attribute__((warn_unused_result));

#endif
