/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mistakes that AddressSanitizer reports, one for each call that it can make. Built twice, with the
 * tap and without, reports are to be the same: tests/tap/reports compares them.
 *
 * Usage: faults          how many there are
 *        faults N        makes mistake N
 *        faults N deaf   the same, while nobody listens
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef TAPPED
#include "tap/tap.h"
#endif

#define FAULT(name) __attribute__((noinline)) static void fault_##name(void)

/* of 20 bytes, of which the compiler does not know */
static uint8_t *block, *freed;
static volatile size_t twenty = 20;
static uint8_t table[20];
static volatile uint64_t kept;
typedef uint64_t vector __attribute__((vector_size(16), aligned(1)));

#define FAULTS_OF(type, n)                                                                         \
	FAULT(load_##n)                                                                            \
	{                                                                                          \
		kept = *(volatile type *)(void *)(block + twenty);                                 \
	}                                                                                          \
	FAULT(store_##n)                                                                           \
	{                                                                                          \
		*(volatile type *)(void *)(block + twenty) = 1;                                    \
	}

FAULTS_OF(uint8_t, 1)
FAULTS_OF(uint16_t, 2)
FAULTS_OF(uint32_t, 4)
FAULTS_OF(uint64_t, 8)

FAULT(load_16)
{
	kept = (*(volatile vector *)(void *)(block + 8))[1];
}

FAULT(store_16)
{
	*(volatile vector *)(void *)(block + 8) = (vector){ 1, 2 };
}

FAULT(load_long_double)
{
	kept = *(volatile long double *)(void *)(block + 16) > 1;
}

FAULT(store_long_double)
{
	*(volatile long double *)(void *)(block + 16) = 1;
}

FAULT(add)
{
	__atomic_fetch_add((uint32_t *)(void *)(block + twenty), 1, __ATOMIC_SEQ_CST);
}

FAULT(underflow)
{
	kept = *(volatile uint8_t *)(block - 1);
}

FAULT(after_free)
{
	kept = *(volatile uint32_t *)(void *)freed;
}

FAULT(stack)
{
	volatile uint8_t own[20] = { 0 };

	kept = own[twenty];
}

FAULT(global)
{
	kept = ((volatile uint8_t *)table)[twenty];
}

FAULT(after_scope)
{
	volatile uint32_t *p;

	{
		volatile uint32_t own = 1;

		p = &own;
	}
	kept = *p;
}

FAULT(null)
{
	kept = *(volatile uint32_t *)(twenty - 20);
}

FAULT(memcpy)
{
	uint8_t own[100];

	memcpy(own, block, twenty + 1);
	kept = own[3];
}

FAULT(memmove)
{
	memmove(block + 1, block, twenty);
}

FAULT(memset)
{
	memset(block, 1, twenty + 5);
}

FAULT(memcmp)
{
	kept = (uint64_t)memcmp(block, freed - 200 + twenty * 10, twenty + 1);
}

FAULT(write)
{
	kept = (uint64_t)write(STDOUT_FILENO, block, twenty + 1);
}

static void (*const faults[])(void) = {
	fault_load_1,	fault_load_2,		fault_load_4,
	fault_load_8,	fault_load_16,		fault_store_1,
	fault_store_2,	fault_store_4,		fault_store_8,
	fault_store_16, fault_load_long_double, fault_store_long_double,
	fault_add,	fault_underflow,	fault_after_free,
	fault_stack,	fault_global,		fault_after_scope,
	fault_null,	fault_memcpy,		fault_memmove,
	fault_memset,	fault_memcmp,		fault_write,
};

#ifdef TAPPED
static unsigned int told;

/* what it does itself is not to be told */
__attribute__((no_sanitize("address"))) static void hear(void *opaque, const void *at, size_t bytes,
							 const void *place)
{
	(void)opaque;
	(void)at;
	(void)bytes;
	(void)place;
	told++;
}

static const struct tap_listener listener = { hear, hear, hear };
#endif

int main(int argc, char **argv)
{
	size_t count = sizeof(faults) / sizeof(faults[0]);

	if (argc < 2) {
		printf("%zu\n", count);
		return 0;
	}
	block = malloc(twenty);
	freed = malloc(40);
	memset(block, 0, twenty);
	free(freed);
#ifdef TAPPED
	/* to all that there is */
	if (argc == 2)
		tap_listen((const void *)1, (size_t)1 << 47, &listener, NULL);
#endif
	faults[strtoul(argv[1], NULL, 10) % count]();
	return 0;
}
