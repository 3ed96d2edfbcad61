/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For a device that gcc or clang compiles with -fsanitize=thread: the calls that are made to
 * ThreadSanitizer, which is not there. Atomic accesses are made here and not in the device, so a
 * read-modify-write is told as the load and the store that it is. They are all sequentially
 * consistent, which no order that a device asks for is stronger than.
 */
#include "tap_internal.h"

void __tsan_init(void);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);
void __tsan_vptr_update(void *at, void *value);
void __tsan_read_range(const void *at, size_t bytes);
void __tsan_write_range(const void *at, size_t bytes);
void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_signal_fence(int order);

void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller)
{
	(void)caller;
}

void __tsan_func_exit(void)
{
}

/* An object in C++ gets its table of functions. */
void __tsan_vptr_update(void *at, void *value)
{
	(void)value;
	TAP(store, at, sizeof(void *));
}

void __tsan_read_range(const void *at, size_t bytes)
{
	TAP(load, at, bytes);
}

void __tsan_write_range(const void *at, size_t bytes)
{
	TAP(store, at, bytes);
}

void __tsan_atomic_thread_fence(int order)
{
	(void)order;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void __tsan_atomic_signal_fence(int order)
{
	(void)order;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* clang-format off */
#define FEW(name, kind, size)                                                                      \
	void __tsan_##name##size(const void *at);                                                  \
	void __tsan_##name##size(const void *at)                                                   \
	{                                                                                          \
		if (tap_touches_few(at, size))                                                     \
			tap_tell_##kind(at, size, TAP_PLACE);                                      \
	}

#define SIZES(name, kind)                                                                          \
	FEW(name, kind, 1)                                                                         \
	FEW(name, kind, 2)                                                                         \
	FEW(name, kind, 4)                                                                         \
	FEW(name, kind, 8)                                                                         \
	FEW(name, kind, 16)

SIZES(read, load)
SIZES(write, store)
SIZES(unaligned_read, load)
SIZES(unaligned_write, store)
SIZES(volatile_read, load)
SIZES(volatile_write, store)
SIZES(unaligned_volatile_read, load)
SIZES(unaligned_volatile_write, store)

/* ---- atomic accesses ---- */

#define LOAD(type, bits, operation)                                                                \
	type __tsan_atomic##bits##_load(const volatile type *at, int order);                       \
	type __tsan_atomic##bits##_load(const volatile type *at, int order)                        \
	{                                                                                          \
		(void)order;                                                                       \
		TAP(load, (const void *)at, sizeof(*at));                                          \
		return operation(at, __ATOMIC_SEQ_CST);                                            \
	}

#define STORE(type, bits, operation)                                                               \
	void __tsan_atomic##bits##_store(volatile type *at, type value, int order);                \
	void __tsan_atomic##bits##_store(volatile type *at, type value, int order)                 \
	{                                                                                          \
		(void)order;                                                                       \
		TAP(store, (const void *)at, sizeof(*at));                                         \
		operation(at, value, __ATOMIC_SEQ_CST);                                            \
	}

#define MODIFY(type, bits, name, operation)                                                        \
	type __tsan_atomic##bits##_##name(volatile type *at, type value, int order);               \
	type __tsan_atomic##bits##_##name(volatile type *at, type value, int order)                \
	{                                                                                          \
		(void)order;                                                                       \
		TAP(load, (const void *)at, sizeof(*at));                                          \
		TAP(store, (const void *)at, sizeof(*at));                                         \
		return operation(at, value, __ATOMIC_SEQ_CST);                                     \
	}

/* The store is told if it is going to be made. */
#define SWAP(type, bits)                                                                           \
	static inline type swap##bits(volatile type *at, type expected, type value,                \
				      const void *place)                                           \
	{                                                                                          \
		if (tap_touches_few((const void *)at, sizeof(*at)))                                \
			tap_tell_load((const void *)at, sizeof(*at), place);                       \
		if (*at == expected && tap_touches_few((const void *)at, sizeof(*at)))             \
			tap_tell_store((const void *)at, sizeof(*at), place);                      \
		return __sync_val_compare_and_swap(at, expected, value);                           \
	}                                                                                          \
	type __tsan_atomic##bits##_compare_exchange_val(volatile type *at, type expected,          \
							type value, int order, int failure);       \
	type __tsan_atomic##bits##_compare_exchange_val(volatile type *at, type expected,          \
							type value, int order, int failure)        \
	{                                                                                          \
		(void)order;                                                                       \
		(void)failure;                                                                     \
		return swap##bits(at, expected, value, TAP_PLACE);                                 \
	}

#define COMPARE(type, bits, name)                                                                  \
	int __tsan_atomic##bits##_compare_exchange_##name(volatile type *at, type *expected,       \
							  type value, int order, int failure);     \
	int __tsan_atomic##bits##_compare_exchange_##name(volatile type *at, type *expected,       \
							  type value, int order, int failure)      \
	{                                                                                          \
		type wanted = *expected, found = swap##bits(at, wanted, value, TAP_PLACE);         \
                                                                                                   \
		(void)order;                                                                       \
		(void)failure;                                                                     \
		if (found != wanted)                                                               \
			*expected = found;                                                         \
		return found == wanted;                                                            \
	}

#define ATOMIC(type, bits, prefix)                                                                 \
	LOAD(type, bits, prefix##_load_n)                                                          \
	STORE(type, bits, prefix##_store_n)                                                        \
	MODIFY(type, bits, exchange, prefix##_exchange_n)                                          \
	MODIFY(type, bits, fetch_add, prefix##_fetch_add)                                          \
	MODIFY(type, bits, fetch_sub, prefix##_fetch_sub)                                          \
	MODIFY(type, bits, fetch_and, prefix##_fetch_and)                                          \
	MODIFY(type, bits, fetch_or, prefix##_fetch_or)                                            \
	MODIFY(type, bits, fetch_xor, prefix##_fetch_xor)                                          \
	MODIFY(type, bits, fetch_nand, prefix##_fetch_nand)                                        \
	SWAP(type, bits)                                                                           \
	COMPARE(type, bits, strong)                                                                \
	COMPARE(type, bits, weak)

ATOMIC(uint8_t, 8, __atomic)
ATOMIC(uint16_t, 16, __atomic)
ATOMIC(uint32_t, 32, __atomic)
ATOMIC(uint64_t, 64, __atomic)

#ifdef __GCC_HAVE_SYNC_COMPARE_AND_SWAP_16

typedef unsigned __int128 wide;

/* Compilers make calls of a library of all but compare-and-swap. */
#define WIDE(name, result)                                                                         \
	static wide wide_##name(volatile wide *at, wide value, int order)                          \
	{                                                                                          \
		wide old = *at, found;                                                             \
                                                                                                   \
		(void)order;                                                                       \
		while ((found = __sync_val_compare_and_swap(at, old, result)) != old)              \
			old = found;                                                               \
		return old;                                                                        \
	}

WIDE(exchange_n, value)
WIDE(fetch_add, old + value)
WIDE(fetch_sub, old - value)
WIDE(fetch_and, old & value)
WIDE(fetch_or, old | value)
WIDE(fetch_xor, old ^ value)
WIDE(fetch_nand, ~(old & value))

static wide wide_load_n(const volatile wide *at, int order)
{
	(void)order;
	return __sync_val_compare_and_swap((volatile wide *)at, 0, 0);
}

static void wide_store_n(volatile wide *at, wide value, int order)
{
	wide_exchange_n(at, value, order);
}

ATOMIC(wide, 128, wide)

#endif
/* clang-format on */
