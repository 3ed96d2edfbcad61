/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which accesses touch the range that is listened to: at its ends, across them, of no byte and of
 * all that there are, where it begins at the first address and where it ends at the last. Nobody
 * hears anything before the first tap_listen and after one with NULL.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tap/tap.h"

/* the calls that clang makes */
void __tap_load1(const void *at);
void __tap_load2(const void *at);
void __tap_load4(const void *at);
void __tap_load8(const void *at);
void __tap_load16(const void *at);
void __tap_loadN(const void *at, size_t bytes);
void __tap_store4(const void *at);

static unsigned int heard, failed;
static uintptr_t heard_at;
static size_t heard_bytes;

static void hear(void *opaque, const void *at, size_t bytes, const void *place)
{
	(void)place;
	heard++;
	heard_at = (uintptr_t)at;
	heard_bytes = bytes;
	if (opaque != &heard)
		failed++;
}

static void load(uintptr_t at, size_t bytes)
{
	const void *p = (const void *)at;

	switch (bytes) {
	case 1:
		__tap_load1(p);
		break;
	case 2:
		__tap_load2(p);
		break;
	case 4:
		__tap_load4(p);
		break;
	case 8:
		__tap_load8(p);
		break;
	case 16:
		__tap_load16(p);
		break;
	default:
		__tap_loadN(p, bytes);
	}
}

/* byte by byte, as far as it may touch */
static bool touches(uintptr_t at, size_t bytes, uintptr_t from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (from + i - at < bytes)
			return true;
	return false;
}

static void check(uintptr_t at, size_t bytes, uintptr_t from, size_t count)
{
	bool expected = touches(at, bytes, from, count);

	heard = 0;
	load(at, bytes);
	if (heard == expected && (!expected || (heard_at == at && heard_bytes == bytes)))
		return;
	printf("listening to %#zx+%zu, a load of %#zx+%zu is heard %u times\n", (size_t)from, count,
	       (size_t)at, bytes, heard);
	failed++;
}

static void check_around(uintptr_t from, size_t count, const struct tap_listener *listener)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 4, 8, 10, 16, 40, 4096, SIZE_MAX / 2 };

	tap_listen((const void *)from, count, listener, &heard);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (uintptr_t at = from - 50; at != from + count + 50; at++)
			if (at + sizes[i] >= at) /* an access does not go round the last address */
				check(at, sizes[i], listener ? from : 0, listener ? count : 0);
	}
}

int main(void)
{
	static const struct tap_listener loads = { .load = hear }, stores = { .store = hear };

	check(0, 16, 0, 0);
	check(UINTPTR_MAX / 2, 4, 0, 0);
	check_around(0x10000, 1, &loads);
	check_around(0x10000, 64, &loads);
	check_around(0x7fffffffe000, 100, &loads);
	check_around(50, 64, &loads);
	check_around(UINTPTR_MAX - 200, 64, &loads);
	check_around(0x10000, 0, &loads);
	check_around(0x10000, 64, NULL);
	check_around(UINTPTR_MAX / 2, 64, NULL);

	/* a member that is NULL */
	tap_listen((const void *)0x10000, 64, &stores, &heard);
	check(0x10000, 4, 0, 0);
	__tap_store4((const void *)0x10004);
	if (heard != 1)
		failed++;
	if (failed)
		printf("listen: %u checks failed\n", failed);
	return failed != 0;
}
