/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linked with --wrap for each function here (ci/dut.mk): the checks of AddressSanitizer, of a
 * device that is compiled with -fsanitize-recover=address, by calls (the tap) or inline. Its own
 * way to go on takes milliseconds for a report, and then makes the access; here the script is left
 * before it is made, and an access that is known to be reported is not reported again.
 */
#include "target_catch.h"

#include <stdint.h>
#include <string.h>

#include <sanitizer/asan_interface.h>

#include "base/sanitizer.h"

/* What a device that was left in the middle has allocated is lost. */
const char sanitizer_options[] =
	CATCH_OPTIONS ":suppress_equal_pcs=0:detect_leaks=0:print_summary=0:quarantine_size_mb=1:"
		      "thread_local_quarantine_size_kb=64:max_malloc_fill_size=64:redzone=1024";

static void hear(const char *text)
{
	catch_report(CAUGHT_ADDRESS, text);
}

#define GRANULE 8u /* bytes of memory for a byte of the map */

static uintptr_t map;

/* before constructors of the device's */
static void __attribute__((constructor(101))) begin(void)
{
	size_t scale;

	__asan_get_shadow_mapping(&scale, &map);
	__asan_set_error_report_callback(hear);
}

static const uint8_t *mapped(const void *at)
{
	return (const uint8_t *)(map + (uintptr_t)at / GRANULE);
}

void __real___asan_loadN_noabort(const void *at, size_t bytes);
void __real___asan_storeN_noabort(const void *at, size_t bytes);

struct access {
	const void *at;
	size_t bytes;
};

static void report_load(const void *opaque)
{
	const struct access *a = opaque;

	__real___asan_loadN_noabort(a->at, a->bytes);
}

static void report_store(const void *opaque)
{
	const struct access *a = opaque;

	__real___asan_storeN_noabort(a->at, a->bytes);
}

/* What is wrong there: "freed", "behind a variable"... by the map's byte; a low number says that a
 * part may be accessed, and the next byte what comes then */
static uint8_t kind_of(const void *poisoned)
{
	const uint8_t *kind = mapped(poisoned);

	return *kind && *kind < GRANULE ? kind[1] : *kind;
}

static __attribute__((noinline)) void check(const void *at, size_t bytes, bool store)
{
	const char *end = (const char *)at + bytes;
	const char *poisoned = __asan_region_is_poisoned((void *)(uintptr_t)at, bytes);
	struct access a;

	if (!poisoned)
		return;
	/* from there on, as the report names what its first byte is */
	a = (struct access){ poisoned, (size_t)(end - poisoned) };
	catch_reportable(CAUGHT_ADDRESS, (uint64_t)kind_of(poisoned) << 1 | store,
			 store ? report_store : report_load, &a);
}

/* Nearly all memory may be accessed as a whole. */
static inline void check_few(const void *at, size_t bytes, bool store)
{
	const uint8_t *first = mapped(at);

	if (first[0] || (bytes > GRANULE && first[1]))
		check(at, bytes, store);
}

/* clang-format off */
#define FEW(kind, size, store)                                                                     \
	void __wrap___asan_##kind##size##_noabort(const void *at);                                 \
	void __wrap___asan_report_##kind##size##_noabort(const void *at);                          \
	void __wrap___asan_##kind##size##_noabort(const void *at)                                  \
	{                                                                                          \
		check_few(at, size, store);                                                        \
	}                                                                                          \
	void __wrap___asan_report_##kind##size##_noabort(const void *at)                           \
	{                                                                                          \
		check(at, size, store);                                                            \
	}

#define KIND(kind, store)                                                                          \
	FEW(kind, 1, store)                                                                        \
	FEW(kind, 2, store)                                                                        \
	FEW(kind, 4, store)                                                                        \
	FEW(kind, 8, store)                                                                        \
	FEW(kind, 16, store)                                                                       \
	void __wrap___asan_##kind##N_noabort(const void *at, size_t bytes);                        \
	void __wrap___asan_report_##kind##_n_noabort(const void *at, size_t bytes);                \
	void __wrap___asan_##kind##N_noabort(const void *at, size_t bytes)                         \
	{                                                                                          \
		check(at, bytes, store);                                                           \
	}                                                                                          \
	void __wrap___asan_report_##kind##_n_noabort(const void *at, size_t bytes)                 \
	{                                                                                          \
		check(at, bytes, store);                                                           \
	}

KIND(load, false)
KIND(store, true)
/* clang-format on */

/* what base/asan.h says of memory that was handed over */
void __wrap___asan_report_error(void *pc, void *bp, void *sp, void *at, int written, size_t bytes);

void __wrap___asan_report_error(void *pc, void *bp, void *sp, void *at, int written, size_t bytes)
{
	(void)pc, (void)bp, (void)sp;
	check(at, bytes, written);
}

void *__wrap___asan_memcpy(void *to, const void *from, size_t bytes);
void *__wrap___asan_memmove(void *to, const void *from, size_t bytes);
void *__wrap___asan_memset(void *to, int value, size_t bytes);
void *__real___asan_memcpy(void *to, const void *from, size_t bytes);
void *__real___asan_memmove(void *to, const void *from, size_t bytes);
void *__real___asan_memset(void *to, int value, size_t bytes);

void *__wrap___asan_memcpy(void *to, const void *from, size_t bytes)
{
	check(from, bytes, false);
	check(to, bytes, true);
	return __real___asan_memcpy(to, from, bytes);
}

void *__wrap___asan_memmove(void *to, const void *from, size_t bytes)
{
	check(from, bytes, false);
	check(to, bytes, true);
	return __real___asan_memmove(to, from, bytes);
}

void *__wrap___asan_memset(void *to, int value, size_t bytes)
{
	check(to, bytes, true);
	return __real___asan_memset(to, value, bytes);
}
