/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A listener that leaves a device by longjmp, ten thousand times: the marks that AddressSanitizer
 * puts around the variables of the functions left go with them, and nothing fills up.
 */
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tap/tap.h"

#define TIMES 10000u

static uint8_t ram[256];
static sigjmp_buf away;
static volatile unsigned int told, leave_at;
static volatile size_t zero;

/* as of a harness that is not instrumented */
__attribute__((no_sanitize("address", "kernel-address", "thread"))) static void
hear(void *opaque, const void *at, size_t bytes, const void *place)
{
	(void)opaque;
	(void)at;
	(void)bytes;
	(void)place;
	if (++told == leave_at)
		siglongjmp(away, 1);
}

static const struct tap_listener listener = { hear, hear, hear };

/* A device's functions: variables with marks around them, deeper and deeper */
__attribute__((noinline)) static unsigned int device(unsigned int depth)
{
	volatile uint8_t own[40];
	uint8_t copied[24];

	own[depth % 40] = ram[depth];
	memcpy(copied, ram + 8, 8 + zero);
	if (memcmp(copied, ram + 8, 8 + zero))
		return 0;
	if (depth)
		own[1] = (uint8_t)device(depth - 1);
	ram[depth + 128] = own[1];
	return own[1] + copied[3];
}

/* The same stack, of another use: a mark that was left there is found. */
__attribute__((noinline)) static void fill(uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)i;
}

__attribute__((noinline, no_sanitize("address", "kernel-address", "thread"))) static void
again(void)
{
	uint8_t own[8192];

	fill(own, sizeof(own));
}

int main(void)
{
	volatile unsigned int left = 0;

	tap_listen(ram, sizeof(ram), &listener, NULL);
	for (volatile unsigned int i = 0; i < TIMES; i++) {
		told = 0;
		leave_at = 1 + i % 60;
		if (sigsetjmp(away, 0) == 0)
			device(14);
		else
			left++;
		again();
	}
	if (left != TIMES) {
		printf("left %u times of %u\n", left, TIMES);
		return 1;
	}
	return 0;
}
