/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Atomic accesses, by the compiler's names and by C11's. clang tells of a read-modify-write only
 * that it stores.
 */
#include <stdatomic.h>

#include "cases.h"

/* ---- loads and stores ---- */

CASE(atomic_load_relaxed, .does = "L2+2")
{
	KEEP(__atomic_load_n(AT(uint16_t, 2), __ATOMIC_RELAXED));
}

CASE(atomic_load_acquire, .does = "L2+2")
{
	KEEP(__atomic_load_n(AT(uint16_t, 2), __ATOMIC_ACQUIRE));
}

CASE(atomic_load_1, .does = "L3+1")
{
	KEEP(__atomic_load_n(AT(uint8_t, 3), __ATOMIC_ACQUIRE));
}

CASE(atomic_load_8, .does = "L8+8")
{
	KEEP(__atomic_load_n(AT(uint64_t, 8), __ATOMIC_SEQ_CST));
}

CASE(atomic_load_twice, .does = "L2+2 L2+2")
{
	uint16_t a = __atomic_load_n(AT(uint16_t, 2), __ATOMIC_ACQUIRE);

	KEEP(a + __atomic_load_n(AT(uint16_t, 2), __ATOMIC_ACQUIRE));
}

CASE(atomic_store_release, .does = "S2+2")
{
	__atomic_store_n(AT(uint16_t, 2), 7, __ATOMIC_RELEASE);
}

CASE(atomic_store_1, .does = "S3+1")
{
	__atomic_store_n(AT(uint8_t, 3), 7, __ATOMIC_RELAXED);
}

CASE(atomic_store_4, .does = "S4+4")
{
	__atomic_store_n(AT(uint32_t, 4), 7, __ATOMIC_SEQ_CST);
}

CASE(atomic_store_8, .does = "S8+8")
{
	__atomic_store_n(AT(uint64_t, 8), 7, __ATOMIC_SEQ_CST);
}

CASE(c11_load, .does = "L2+2")
{
	KEEP(atomic_load_explicit(AT(_Atomic uint16_t, 2), memory_order_acquire));
}

CASE(c11_store, .does = "S2+2")
{
	atomic_store_explicit(AT(_Atomic uint16_t, 2), 3, memory_order_release);
}

struct pair {
	uint32_t a, b;
};

CASE(c11_load_of_struct, .does = "L8+8")
{
	struct pair v = atomic_load(AT(_Atomic(struct pair), 8));

	KEEP(v.a + v.b);
}

/* ---- read, modify, write ---- */

CASE(atomic_add, .does = "L4+4 S4+4", .clang = "S4+4")
{
	KEEP(__atomic_fetch_add(AT(uint32_t, 4), 1, __ATOMIC_SEQ_CST));
}

CASE(atomic_add_8, .does = "L8+8 S8+8", .clang = "S8+8")
{
	KEEP(__atomic_add_fetch(AT(uint64_t, 8), 3, __ATOMIC_SEQ_CST));
}

CASE(atomic_sub, .does = "L4+2 S4+2", .clang = "S4+2")
{
	KEEP(__atomic_fetch_sub(AT(uint16_t, 4), 1, __ATOMIC_SEQ_CST));
}

CASE(atomic_or, .does = "L4+2 S4+2", .clang = "S4+2")
{
	KEEP(__atomic_fetch_or(AT(uint16_t, 4), 0x80, __ATOMIC_SEQ_CST));
}

CASE(atomic_or_of_no_result, .does = "L4+4 S4+4", .clang = "S4+4")
{
	__atomic_fetch_or(AT(uint32_t, 4), 0x80, __ATOMIC_RELAXED);
}

CASE(atomic_and, .does = "L4+4 S4+4", .clang = "S4+4")
{
	KEEP(__atomic_fetch_and(AT(uint32_t, 4), 0x0f0f0f0f, __ATOMIC_ACQUIRE));
}

CASE(atomic_xor, .does = "L4+1 S4+1", .clang = "S4+1")
{
	KEEP(__atomic_fetch_xor(AT(uint8_t, 4), 0x55, __ATOMIC_RELEASE));
}

CASE(atomic_nand, .does = "L4+1 S4+1", .clang = "S4+1")
{
	KEEP(__atomic_fetch_nand(AT(uint8_t, 4), 0x55, __ATOMIC_RELAXED));
}

CASE(atomic_exchange, .does = "L8+8 S8+8", .clang = "S8+8")
{
	KEEP(__atomic_exchange_n(AT(uint64_t, 8), 1, __ATOMIC_ACQ_REL));
}

CASE(atomic_test_and_set, .does = "L4+1 S4+1", .clang = "S4+1")
{
	KEEP(__atomic_test_and_set(AT(uint8_t, 4), __ATOMIC_ACQUIRE));
}

CASE(atomic_clear, .does = "S4+1")
{
	__atomic_clear(AT(bool, 4), __ATOMIC_RELEASE);
}

/* ---- compare and swap ---- */

CASE(compare_swap_done, .does = "L4+4 L4+4 S4+4", .clang = "L4+4 S4+4")
{
	uint32_t expected = *AT(volatile uint32_t, 4);

	KEEP(__atomic_compare_exchange_n(AT(uint32_t, 4), &expected, 9, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST));
}

/* clang tells a store that is not made */
CASE(compare_swap_refused, .does = "L4+4", .clang = "S4+4")
{
	uint32_t expected = 0xdead;

	KEEP(__atomic_compare_exchange_n(AT(uint32_t, 4), &expected, 9, true, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED));
	KEEP(expected);
}

CASE(compare_swap_16, .does = "*L16+16", .clang = "S16+16")
{
	unsigned __int128 expected = 0;

	KEEP(__atomic_compare_exchange_n(AT(unsigned __int128, 16), &expected, 1, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
}

CASE(sync_add, .does = "L4+4 S4+4", .clang = "S4+4")
{
	KEEP(__sync_fetch_and_add(AT(uint32_t, 4), 2));
}

CASE(sync_compare_swap, .does = "L4+2", .clang = "S4+2")
{
	KEEP(__sync_bool_compare_and_swap(AT(uint16_t, 4), 0, 2));
}

CASE(sync_lock, .does = "L4+4 S4+4", .clang = "S4+4")
{
	KEEP(__sync_lock_test_and_set(AT(uint32_t, 4), 1));
}

CASE(c11_add, .does = "L2+2 S2+2", .clang = "S2+2")
{
	KEEP(atomic_fetch_add(AT(_Atomic uint16_t, 2), 1));
}

CASE(c11_increment, .does = "L4+4 S4+4", .clang = "S4+4")
{
	(*AT(_Atomic uint32_t, 4))++;
}

CASE(c11_multiply, .does = "L4+4 L4+4 S4+4", .clang = "L4+4 S4+4")
{
	*AT(_Atomic uint32_t, 4) *= 3u;
}

CASE(c11_exchange, .does = "L4+1 S4+1", .clang = "S4+1")
{
	KEEP(atomic_exchange(AT(_Atomic uint8_t, 4), 1));
}

CASE(c11_compare_swap, .does = "L2+2", .clang = "S2+2")
{
	uint16_t expected = 0;

	KEEP(atomic_compare_exchange_strong(AT(_Atomic uint16_t, 2), &expected, 1));
}

CASE(c11_flag, .does = "L0+1 S0+1", .clang = "S0+1")
{
	KEEP(atomic_flag_test_and_set(AT(atomic_flag, 0)));
}
