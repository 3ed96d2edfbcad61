/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the register window of version 1 differs from that of version 2 (4.2.4). For
 * virtio_mmio*.c; embedders call anvil_mmio_init_legacy.
 */
#ifndef ANVIL_MMIO_LEGACY_H
#define ANVIL_MMIO_LEGACY_H

#include "virtio_mmio.h"

struct anvil_mmio_reg {
	uint32_t (*read)(const struct anvil_mmio *m);	     /* NULL: write-only */
	void (*write)(struct anvil_mmio *m, uint32_t value); /* NULL: read-only */
};

/*
 * The register at this offset, a multiple of 4 below VIRTIO_MMIO_CONFIG; `modern` is the one of
 * version 2.
 */
const struct anvil_mmio_reg *anvil_mmio_legacy_reg(uint64_t offset,
						   const struct anvil_mmio_reg *modern);

struct anvil_mmio_legacy_rings {
	uint64_t desc;
	uint64_t avail;
	uint64_t used;
};

/*
 * Where the parts of a legacy virtqueue of `size` entries lie (2.7.2): the descriptor table at page
 * `page_number`, the available ring with its used_event behind it, the used ring at the next
 * multiple of `used_align`. Any numbers are allowed; false, and nothing said, when the page size or
 * the alignment is not a power of 2, or `size` is 0 or above VIRTQ_SIZE_MAX. The result is not
 * checked otherwise; it cannot have overflowed.
 */
bool anvil_mmio_legacy_layout(uint32_t page_number, uint32_t page_size, uint32_t size,
			      uint32_t used_align, struct anvil_mmio_legacy_rings *rings)
	__attribute__((warn_unused_result));

/* Whether each queue that runs lies where its QueuePFN can have put it, for some page size. */
bool anvil_mmio_legacy_placed(const struct anvil_mmio *m);

#endif
