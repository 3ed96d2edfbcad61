/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Steps are cut at blocks: on a block device fallocate refuses anything else, so what stands before
 * the first whole block and after the last one is written.
 */
#include "disk_range.h"

#include <errno.h>

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How far it is from `offset` to the next block's start. */
static uint64_t before_block(const struct anvil_disk_range *range)
{
	return (range->block - range->offset % range->block) % range->block;
}

/* A hint is for whole blocks alone. */
static void shrink_to_blocks(struct anvil_disk_range *range)
{
	uint64_t head = smaller(before_block(range), range->left);

	range->offset += head;
	range->left -= head;
	range->left -= range->left % range->block;
}

void anvil_disk_range_begin(struct anvil_disk_range *range, const struct anvil_disk *disk,
			    const struct anvil_disk_request *request)
{
	*range = (struct anvil_disk_range){
		.hint = request->op == ANVIL_DISK_DISCARD,
		.block = disk->block_bytes ? disk->block_bytes : ANVIL_DISK_SECTOR_BYTES,
		.offset = request->sector * ANVIL_DISK_SECTOR_BYTES,
		.left = request->sectors * ANVIL_DISK_SECTOR_BYTES,
	};
	range->means =
		range->hint || request->unmap ? ANVIL_DISK_RANGE_PUNCH : ANVIL_DISK_RANGE_ZERO;
	if (range->hint)
		shrink_to_blocks(range);
}

bool anvil_disk_range_next(const struct anvil_disk_range *range, struct anvil_disk_range_step *step)
{
	uint64_t most = range->means == ANVIL_DISK_RANGE_PUNCH ? ANVIL_DISK_RANGE_HOLE_BYTES
							       : ANVIL_DISK_RANGE_WRITE_BYTES;
	uint64_t head = before_block(range);
	uint64_t blocks = range->left - range->left % range->block;

	*step = (struct anvil_disk_range_step){ range->means, range->offset,
						smaller(range->left, most) };
	if (range->means == ANVIL_DISK_RANGE_WRITE)
		return range->left > 0;
	if (head > 0 || blocks == 0) {
		step->means = ANVIL_DISK_RANGE_WRITE;
		step->bytes = smaller(range->left, head > 0 ? head : range->left);
	} else {
		step->bytes = smaller(blocks, most);
	}
	return range->left > 0;
}

void anvil_disk_range_advance(struct anvil_disk_range *range, uint64_t bytes)
{
	range->offset += bytes;
	range->left -= bytes;
}

/* What file systems and block devices say that lack a means, or a policy that refuses the call. */
static bool lacks(int err)
{
	return err == -EOPNOTSUPP || err == -ENOSYS || err == -EINVAL || err == -ENODEV ||
	       err == -ENOTTY;
}

int anvil_disk_range_failed(struct anvil_disk_range *range,
			    const struct anvil_disk_range_step *step, int err)
{
	if (!lacks(err) || step->means == ANVIL_DISK_RANGE_WRITE)
		return err;
	if (range->hint)
		range->left = 0;
	range->means = step->means == ANVIL_DISK_RANGE_PUNCH ? ANVIL_DISK_RANGE_ZERO
							     : ANVIL_DISK_RANGE_WRITE;
	return 0;
}
