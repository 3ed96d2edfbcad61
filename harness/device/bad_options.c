/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each mistake is one option out of range; the answer must be -EINVAL.
 */
#include "bad_options_internal.h"

#include <errno.h>
#include <string.h>

/* ---- memory maps ---- */

#define MAPS 10u

static int try_map(const struct own_device *d, unsigned int which)
{
	struct anvil_guest_memory_region r[ANVIL_GUEST_MEMORY_REGIONS_MAX + 1];
	struct anvil_guest_memory memory;
	unsigned int count = 2;

	for (unsigned int i = 0; i <= ANVIL_GUEST_MEMORY_REGIONS_MAX; i++)
		r[i] = (struct anvil_guest_memory_region){ (uint64_t)i * MAP_REGION_BYTES,
							   MAP_REGION_BYTES, d->dut.ram[0].host };
	if (which == 0)
		count = 0;
	if (which == 1)
		count = ANVIL_GUEST_MEMORY_REGIONS_MAX + 1;
	if (which == 2)
		r[1].gpa += 1;
	if (which == 3)
		r[1].size -= 1;
	if (which == 4)
		r[1].size = 0;
	if (which == 5)
		r[1].host = NULL;
	if (which == 6)
		r[1].host = d->dut.ram[0].host + 16;
	if (which == 7)
		r[1].gpa = UINT64_MAX - ANVIL_GUEST_MEMORY_ALIGN + 1;
	if (which == 8)
		r[1].gpa = 0;
	if (which == 9)
		r[1].gpa -= ANVIL_GUEST_MEMORY_ALIGN;
	return anvil_guest_memory_init(&memory, r, count);
}

/* ---- devices ---- */

typedef int try_options(struct own_device *d, unsigned int which);

void bad_options_try(struct own_device *d, unsigned int which)
{
	static try_options *const try_device[DEVICE_KINDS] = {
		[DEVICE_BLK] = bad_options_blk,
		[DEVICE_NET] = bad_options_net,
		[DEVICE_ECHO] = bad_options_echo,
	};
	int err;

	if (which == 0)
		return;
	which--;
	err = which < MAPS ? try_map(d, which) : try_device[d->p.kind](d, which - MAPS);
	if (err != -EINVAL)
		oracle_fail(d->oracle, 7, "a wrong option (%u) is answered with %d, not -EINVAL",
			    which + 1, err);
}
