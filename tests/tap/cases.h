/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kinds of access to guest RAM, one function each, as a device under test would make them: compiled
 * with the flags of ci/tap.mk. Each says what it does, and what is told of it where that is less.
 *
 * Accesses are words: L or S for a load or a store, T for a store that is told when it is done, the
 * offset in `ram`, a plus, the bytes. They are told just so and in this order. Behind a "*" they
 * may come in other pieces and in another order, each byte as often as it is named.
 */
#ifndef TESTS_TAP_CASES_H
#define TESTS_TAP_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RAM_BYTES  4096u
#define MARGIN	   64u
#define HOST_BYTES 512u

/* what is in byte i of RAM and of the device's memory, before a case runs */
#define PATTERN(i)	((uint8_t)(7 * (i) + 1 + ((i) >> 8)))
#define HOST_PATTERN(i) ((uint8_t)(5 * (i) + 1))

/* a ring's descriptor, and the kinds of struct that one finds in devices */
struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct tap_case {
	const char *name;
	void (*run)(void);
	const char *does;
	/* what is told of it, where that is not all; NULL: all */
	const char *clang;  /* with AddressSanitizer or alone */
	const char *thread; /* with -fsanitize=thread */
	const char *gcc;
	bool gcc_store_first; /* gcc tells the store before the load, and both before either */
	bool elsewhere;	      /* accesses come from another function than this one */
	bool differs;	      /* each run does something else: nothing to compare for races */
};

/* found by the linker, in any order */
extern const struct tap_case *const __start_tap_cases[], *const __stop_tap_cases[];

extern uint8_t *ram;		 /* guest RAM; to the compiler, bytes of anyone */
extern uint8_t world[];		 /* RAM, as an array that the compiler knows: behind a margin */
extern uint8_t host[HOST_BYTES]; /* the device's own memory */
extern volatile uint64_t kept;	 /* what it has seen */
extern volatile size_t zero;	 /* makes lengths variable */
extern int pipe_in, pipe_out, socket_in, socket_out; /* a pipe; a pair of datagram sockets */

#define KEEP(value) (kept = kept * 31 + (uint64_t)(value))

/* for a case: nothing is told of it, by any way */
#define UNTOLD .clang = "", .thread = "", .gcc = ""

/* what lies at an offset of RAM */
#define AT(type, offset) ((type *)(void *)(ram + (offset)))

/* clang-format off */
#define CASE(called, ...)                                                                          \
	void case_##called(void);                                                                  \
	static const struct tap_case about_##called = { .name = #called,                           \
							.run = case_##called,                      \
							__VA_ARGS__ };                             \
	__attribute__((section("tap_cases"), used))                                                \
	static const struct tap_case *const entry_##called = &about_##called;                      \
	__attribute__((noinline)) void case_##called(void)
/* clang-format on */

#ifdef __cplusplus
}
#endif

#endif
