/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Without the library of ThreadSanitizer, harness/tap/tap_tsan.c makes a device's atomic accesses:
 * each of them, of each width, does what it has to, and is told as a load and a store.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tap/tap.h"

/* changed where a compiler does not expect it */
static volatile unsigned int loads, stores;
static unsigned int failed;

static void hear_load(void *opaque, const void *at, size_t bytes, const void *place)
{
	(void)at;
	(void)place;
	loads += bytes == *(const size_t *)opaque ? 1 : 100;
}

static void hear_store(void *opaque, const void *at, size_t bytes, const void *place)
{
	(void)at;
	(void)place;
	stores += bytes == *(const size_t *)opaque ? 1 : 100;
}

static const struct tap_listener listener = { .load = hear_load, .store = hear_store };

static void expect(const char *what, size_t bytes, bool right, unsigned int l, unsigned int s)
{
	if (!right || loads != l || stores != s) {
		printf("atomics: %s of %zu bytes: %s, %u loads and %u stores told\n", what, bytes,
		       right ? "right" : "wrong", loads, stores);
		failed++;
	}
	loads = stores = 0;
}

#define ORDER __ATOMIC_SEQ_CST

/* `place` was a; `operation` returns a and leaves `after` */
#define MODIFIES(name, operation, after)                                                           \
	*place = a;                                                                                \
	loads = stores = 0;                                                                        \
	got = operation(place, b, ORDER);                                                          \
	expect(#operation, bytes, got == a && read_##name() == (after), 1, 1);

#define SWAPS(name, weak)                                                                          \
	*place = a;                                                                                \
	loads = stores = 0;                                                                        \
	got = a;                                                                                   \
	done = __atomic_compare_exchange_n(place, &got, b, weak, ORDER, ORDER);                    \
	expect("compare and swap", bytes, done &&got == a && read_##name() == b, 1, 1);            \
	got = c;                                                                                   \
	done = __atomic_compare_exchange_n(place, &got, a, weak, ORDER, ORDER);                    \
	expect("compare and swap, refused", bytes, !done && got == b && read_##name() == b, 1, 0);

/* read_NAME: what is there, without being told */
#define WIDTH(type, name)                                                                          \
	static union {                                                                             \
		type value;                                                                        \
		uint8_t bytes[16];                                                                 \
	} ram_##name __attribute__((aligned(16)));                                                 \
                                                                                                   \
	__attribute__((noinline, no_sanitize("thread"))) static type read_##name(void)             \
	{                                                                                          \
		return *(volatile type *)&ram_##name.value;                                        \
	}                                                                                          \
                                                                                                   \
	static void check_##name(type a, type b, type c)                                           \
	{                                                                                          \
		type *place = &ram_##name.value, got;                                              \
		size_t bytes = sizeof(type);                                                       \
		bool done;                                                                         \
                                                                                                   \
		tap_listen(place, bytes, &listener, &bytes);                                       \
		MODIFIES(name, __atomic_fetch_add, (type)(a + b))                                  \
		MODIFIES(name, __atomic_fetch_sub, (type)(a - b))                                  \
		MODIFIES(name, __atomic_fetch_and, (type)(a & b))                                  \
		MODIFIES(name, __atomic_fetch_or, (type)(a | b))                                   \
		MODIFIES(name, __atomic_fetch_xor, (type)(a ^ b))                                  \
		MODIFIES(name, __atomic_fetch_nand, (type) ~(a & b))                               \
		MODIFIES(name, __atomic_exchange_n, b)                                             \
		SWAPS(name, false)                                                                 \
		SWAPS(name, true)                                                                  \
		__atomic_store_n(place, c, ORDER);                                                 \
		expect("store", bytes, read_##name() == c, 0, 1);                                  \
		got = __atomic_load_n(place, ORDER);                                               \
		expect("load", bytes, got == c, 1, 0);                                             \
		tap_listen(NULL, 0, NULL, NULL);                                                   \
	}

WIDTH(uint8_t, 8)
WIDTH(uint16_t, 16)
WIDTH(uint32_t, 32)
WIDTH(uint64_t, 64)
#ifdef __GCC_HAVE_SYNC_COMPARE_AND_SWAP_16
WIDTH(unsigned __int128, 128)
#endif

int main(void)
{
	check_8(0xf3, 0x5e, 0x11);
	check_16(0xf3a1, 0x5e77, 0x1111);
	check_32(0xf3a1c5d9u, 0x5e77e188u, 3);
	check_64(0xf3a1c5d90badf00dull, 0x5e77e18812345678ull, 3);
#ifdef __GCC_HAVE_SYNC_COMPARE_AND_SWAP_16
	check_128((unsigned __int128)0xf3a1c5d90badf00dull << 64 | 0xf777777777777777ull,
		  (unsigned __int128)0x5e77e18812345678ull << 64 | 0xf666666666666666ull, 3);
#endif
	return failed != 0;
}
