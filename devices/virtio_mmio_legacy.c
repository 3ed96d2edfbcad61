/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The register window of version 1 (4.2.4): queues are placed by page number.
 */
#include "virtio_mmio_legacy.h"

#include "virtio_spec.h"

static bool power_of_two(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

/*
 * No sum can overflow: page_number * page_size is at most (2^32 - 1) * 2^31, all that comes behind
 * it below 2^20, and the next multiple at most 2^31 - 1 further on.
 */
bool anvil_mmio_legacy_layout(uint32_t page_number, uint32_t page_size, uint32_t size,
			      uint32_t used_align, struct anvil_mmio_legacy_rings *rings)
{
	/* 0 is none: else a guest could have us divide by it, or put the used ring at address 0 */
	if (!power_of_two(page_size) || !power_of_two(used_align) || size == 0 ||
	    size > VIRTQ_SIZE_MAX)
		return false;

	uint64_t mask = used_align - 1ull;
	uint64_t avail_len = VIRTQ_AVAIL_RING + (size + 1ull) * VIRTQ_AVAIL_ENTRY_SIZE;

	/* in 64 bits: else a guest could have a ring above 4 GiB written to below it */
	rings->desc = (uint64_t)page_number * page_size;
	rings->avail = rings->desc + (uint64_t)size * sizeof(struct virtq_desc);
	rings->used = (rings->avail + avail_len + mask) & ~mask;
	return true;
}

static struct anvil_virtqueue *selected(const struct anvil_mmio *m)
{
	return anvil_device_queue(m->dev, m->queue_sel);
}

/* The selected queue, if it may be set up now. */
static struct anvil_virtqueue *writable_queue(const struct anvil_mmio *m)
{
	struct anvil_virtqueue *vq = selected(m);

	return vq && anvil_device_queue_writable(m->dev, vq) ? vq : NULL;
}

static uint32_t read_version(const struct anvil_mmio *m)
{
	(void)m;
	return 1;
}

static uint32_t read_queue_pfn(const struct anvil_mmio *m)
{
	const struct anvil_virtqueue *vq = selected(m);

	return anvil_device_queue_in_use(m->dev, m->queue_sel) ? vq->page_number : 0;
}

/* Running queues stay where they are: their addresses were computed when they were placed. */
static void write_guest_page_size(struct anvil_mmio *m, uint32_t value)
{
	m->guest_page_size = value;
}

static void write_queue_align(struct anvil_mmio *m, uint32_t value)
{
	struct anvil_virtqueue *vq = writable_queue(m);

	if (vq)
		vq->used_align = value;
}

static void place_queue(struct anvil_mmio *m, struct anvil_virtqueue *vq, uint32_t page_number)
{
	struct anvil_mmio_legacy_rings rings;

	if (!anvil_mmio_legacy_layout(page_number, m->guest_page_size, vq->size, vq->used_align,
				      &rings))
		return;
	vq->page_number = page_number;
	vq->desc_area = rings.desc;
	vq->driver_area = rings.avail;
	vq->device_area = rings.used;
	anvil_device_start_queue(m->dev, m->queue_sel);
}

/* Features become final first: they may leave this queue without a use, so that it does not start.
 */
static void write_queue_pfn(struct anvil_mmio *m, uint32_t value)
{
	struct anvil_virtqueue *vq = writable_queue(m);

	if (value == 0) {
		anvil_device_stop_queue(m->dev, m->queue_sel);
	} else if (vq) {
		anvil_device_finalize_legacy(m->dev);
		place_queue(m, vq, value);
	}
}

/* Registers that are in neither column do not exist. */
static const struct {
	bool as_modern;
	struct anvil_mmio_reg own;
} regs[VIRTIO_MMIO_CONFIG / 4] = {
	[VIRTIO_MMIO_MAGIC / 4] = { .as_modern = true },
	[VIRTIO_MMIO_VERSION / 4] = { .own = { .read = read_version } },
	[VIRTIO_MMIO_DEVICE_ID / 4] = { .as_modern = true },
	[VIRTIO_MMIO_VENDOR_ID / 4] = { .as_modern = true },
	[VIRTIO_MMIO_DEVICE_FEATURES / 4] = { .as_modern = true },
	[VIRTIO_MMIO_DEVICE_FEATURES_SEL / 4] = { .as_modern = true },
	[VIRTIO_MMIO_DRIVER_FEATURES / 4] = { .as_modern = true },
	[VIRTIO_MMIO_DRIVER_FEATURES_SEL / 4] = { .as_modern = true },
	[VIRTIO_MMIO_GUEST_PAGE_SIZE / 4] = { .own = { .write = write_guest_page_size } },
	[VIRTIO_MMIO_QUEUE_SEL / 4] = { .as_modern = true },
	[VIRTIO_MMIO_QUEUE_SIZE_MAX / 4] = { .as_modern = true },
	[VIRTIO_MMIO_QUEUE_SIZE / 4] = { .as_modern = true },
	[VIRTIO_MMIO_QUEUE_ALIGN / 4] = { .own = { .write = write_queue_align } },
	[VIRTIO_MMIO_QUEUE_PFN /
		4] = { .own = { .read = read_queue_pfn, .write = write_queue_pfn } },
	[VIRTIO_MMIO_QUEUE_NOTIFY / 4] = { .as_modern = true },
	[VIRTIO_MMIO_INTERRUPT_STATUS / 4] = { .as_modern = true },
	[VIRTIO_MMIO_INTERRUPT_ACK / 4] = { .as_modern = true },
	[VIRTIO_MMIO_STATUS / 4] = { .as_modern = true },
};

const struct anvil_mmio_reg *anvil_mmio_legacy_reg(uint64_t offset,
						   const struct anvil_mmio_reg *modern)
{
	return regs[offset / 4].as_modern ? modern : &regs[offset / 4].own;
}

/* Where this number of pages of any size puts the queue. */
static bool placed(const struct anvil_virtqueue *vq)
{
	for (unsigned int shift = 0; shift < 32; shift++) {
		struct anvil_mmio_legacy_rings rings;

		if (anvil_mmio_legacy_layout(vq->page_number, 1u << shift, vq->size, vq->used_align,
					     &rings) &&
		    rings.desc == vq->desc_area && rings.avail == vq->driver_area &&
		    rings.used == vq->device_area)
			return vq->page_number != 0;
	}
	return false;
}

bool anvil_mmio_legacy_placed(const struct anvil_mmio *m)
{
	for (unsigned int i = 0; i < m->dev->queues; i++) {
		if (anvil_virtqueue_enabled(&m->dev->queue[i]) && !placed(&m->dev->queue[i]))
			return false;
	}
	return true;
}
