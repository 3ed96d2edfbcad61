/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Not by swapcontext, which makes two system calls each time, and of which AddressSanitizer warns.
 */
#include "fiber.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "asan.h"

#define STACK_BYTES ((size_t)256 << 10)
#define GUARD_BYTES ((size_t)4096)

/* What C++ knows of exceptions that are being handled: __cxa_eh_globals */
struct handled {
	void *caught;
	unsigned int uncaught;
};

struct fiber {
	void *at; /* top of its stack while it waits */
	uint8_t *stack;
	void *fake; /* AddressSanitizer's */
	struct handled handled;
	void (*run)(void *opaque);
	void *opaque;
};

static struct fiber main_fiber;
static struct fiber *current = &main_fiber;
static const void *main_stack;
static size_t main_bytes;
static void (*leaves)(void *opaque);
static void *leaves_opaque;

/* as <sanitizer/common_interface_defs.h> and libstdc++ have them; pointers as in asan.c */
void __sanitizer_start_switch_fiber(void **fake, const void *stack, size_t bytes)
	__attribute__((weak));
void __sanitizer_finish_switch_fiber(void *fake, const void **stack, size_t *bytes)
	__attribute__((weak));
void *__cxa_get_globals(void) __attribute__((weak));

static void (*volatile const switch_starts)(void **, const void *,
					    size_t) = __sanitizer_start_switch_fiber;
static void (*volatile const switch_ends)(void *, const void **,
					  size_t *) = __sanitizer_finish_switch_fiber;
static void *(*volatile const handled_now)(void) = __cxa_get_globals;

#ifdef __x86_64__

bool fiber_possible(void)
{
	return true;
}

/* Pushes what a function has to keep, leaves the top of this stack at *from, goes on at `to`. */
void anvil_fiber_jump(void **from, void *to) __attribute__((visibility("hidden")));

/* clang-format off */
__asm__(".pushsection .text\n"
	".globl anvil_fiber_jump\n"
	".hidden anvil_fiber_jump\n"
	".type anvil_fiber_jump,@function\n"
	"anvil_fiber_jump:\n"
	"\tpushq %rbp\n"
	"\tpushq %rbx\n"
	"\tpushq %r12\n"
	"\tpushq %r13\n"
	"\tpushq %r14\n"
	"\tpushq %r15\n"
	"\tmovq %rsp, (%rdi)\n"
	"\tmovq %rsi, %rsp\n"
	"\tpopq %r15\n"
	"\tpopq %r14\n"
	"\tpopq %r13\n"
	"\tpopq %r12\n"
	"\tpopq %rbx\n"
	"\tpopq %rbp\n"
	"\tretq\n"
	".size anvil_fiber_jump,.-anvil_fiber_jump\n"
	".popsection\n");
/* clang-format on */

#else

bool fiber_possible(void)
{
	return false;
}

static void anvil_fiber_jump(void **from, void *to)
{
	(void)from, (void)to;
	abort();
}

#endif

/* On the new stack: how it was left last, if that is known. */
static void arrive(struct fiber *f)
{
	const void *stack;
	size_t bytes;

	if (!switch_ends)
		return;
	switch_ends(f->fake, &stack, &bytes);
	if (!main_stack && f != &main_fiber) {
		main_stack = stack;
		main_bytes = bytes;
	}
}

static void begin(void)
{
	struct fiber *f = current;

	arrive(f);
	f->run(f->opaque);
	abort();
}

struct fiber *fiber_create(void (*run)(void *opaque), void *opaque)
{
	struct fiber *f = calloc(1, sizeof(*f));
	void *map = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (!f || map == MAP_FAILED || mprotect(map, GUARD_BYTES, PROT_NONE))
		abort();
	f->stack = (uint8_t *)map + GUARD_BYTES;
	f->run = run;
	f->opaque = opaque;
	fiber_renew(f);
	return f;
}

void fiber_renew(struct fiber *f)
{
	void **top = (void **)(void *)(f->stack + STACK_BYTES);

	take_fence(f->stack, STACK_BYTES);
	/* what begin() returns to, which ends a stack trace; begin(); six registers */
	*--top = NULL;
	*--top = (void *)(uintptr_t)begin;
	top -= 6;
	memset(top, 0, 6 * sizeof(*top));
	f->at = top;
	f->fake = NULL;
	memset(&f->handled, 0, sizeof(f->handled));
}

static void change_handled(struct fiber *from, const struct fiber *to)
{
	void *now = handled_now ? handled_now() : NULL;

	if (!now)
		return;
	memcpy(&from->handled, now, sizeof(from->handled));
	memcpy(now, &to->handled, sizeof(to->handled));
}

void fiber_switch(struct fiber *to)
{
	struct fiber *from = current;

	to = to ? to : &main_fiber;
	if (to == from)
		return;
	change_handled(from, to);
	if (switch_starts)
		switch_starts(&from->fake, to->stack ? to->stack : main_stack,
			      to->stack ? STACK_BYTES : main_bytes);
	current = to;
	anvil_fiber_jump(&from->at, to->at);
	arrive(from);
	if (from == &main_fiber && leaves) {
		void (*how)(void *opaque) = leaves;

		leaves = NULL;
		how(leaves_opaque);
	}
}

void fiber_leave(void (*how)(void *opaque), void *opaque)
{
	if (current != &main_fiber) {
		leaves = how;
		leaves_opaque = opaque;
		fiber_switch(NULL);
	}
	how(opaque);
	abort();
}
