/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The block device of many queues: numbers of queues, of chains and of sectors that do not fit into
 * 5, 6, 8 or 32 bits.
 */
#include "wide.h"
#include "mistakes.h"

#include <stdlib.h>
#include <string.h>

#define SECTOR	 512u
#define ID_BYTES 20u

#define BLK_F_MQ (1ull << 12)

enum wide_type {
	TYPE_IN = 0,
	TYPE_OUT = 1,
	TYPE_GET_ID = 8,
};

enum wide_status {
	WIDE_OK = 0,
	WIDE_IOERR = 1,
	WIDE_UNSUPP = 2,
};

/* ---- interrupts ---- */

static void interrupt(struct wide *b, uint32_t why)
{
	b->interrupts |= why;
	b->vm->irq(b->vm, b->interrupts != 0);
}

/* The guest broke the ring (2.1.2). */
static void needs_reset(struct wide *b)
{
	b->status |= STATUS_NEEDS_RESET;
	interrupt(b, INTERRUPT_CONFIG);
}

/* ---- the disk ---- */

/* Where a sector is; NULL: it is zeroes. */
static uint8_t *sector_at(const struct wide *b, uint64_t sector)
{
	if (mistake(WIDE_SECTOR_32))
		sector = (uint32_t)sector;
	return sector < b->disk->sectors ? b->disk->data + sector * SECTOR : NULL;
}

static bool range_valid(const struct wide *b, uint64_t sector, uint64_t len)
{
	uint64_t capacity = b->config.capacity, sectors = len / SECTOR;

	return len % SECTOR == 0 && sectors <= capacity && sector <= capacity - sectors;
}

/* ---- requests (5.2.6) ---- */

/* To the request's writable bytes, behind those that were written. */
static void copy_in(struct wide_request *r, const void *from, uint64_t len)
{
	const uint8_t *src = from;
	uint64_t skip = r->written;

	r->written += len;
	for (unsigned int i = r->nout; len > 0; i++) {
		uint64_t n = r->buf[i].len;

		if (skip >= n) {
			skip -= n;
			continue;
		}
		n = n - skip < len ? n - skip : len;
		memcpy(r->buf[i].host + skip, src, n);
		skip = 0;
		src += n;
		len -= n;
	}
}

static uint8_t do_in(const struct wide *b, struct wide_request *r, uint64_t sector)
{
	static const uint8_t zeroes[SECTOR];
	uint64_t len = r->in_len - 1;

	if (!range_valid(b, sector, len))
		return WIDE_IOERR;
	for (uint64_t at = 0; at < len; at += SECTOR, sector++) {
		const uint8_t *there = sector_at(b, sector);

		copy_in(r, there ? there : zeroes, SECTOR);
	}
	return WIDE_OK;
}

static uint8_t do_out(const struct wide *b, const struct wide_request *r, uint64_t sector)
{
	uint64_t len = r->out_len - sizeof(struct wide_header);

	if (!range_valid(b, sector, len))
		return WIDE_IOERR;
	for (uint64_t at = 0; at < len; at += SECTOR, sector++) {
		uint8_t *there = sector_at(b, sector);

		if (there)
			bufs_read(r->buf, sizeof(struct wide_header) + at, there, SECTOR);
	}
	return WIDE_OK;
}

static uint8_t do_get_id(struct wide_request *r)
{
	static const char id[ID_BYTES] = "hobby disk";

	copy_in(r, id, r->in_len - 1 < ID_BYTES ? r->in_len - 1 : ID_BYTES);
	return WIDE_OK;
}

static uint8_t execute(const struct wide *b, struct wide_request *r)
{
	struct wide_header h;

	if (r->out_len < sizeof(h))
		return WIDE_IOERR;
	bufs_read(r->buf, 0, &h, sizeof(h));
	switch (h.type) {
	case TYPE_IN:
		return do_in(b, r, h.sector);
	case TYPE_OUT:
		return do_out(b, r, h.sector);
	case TYPE_GET_ID:
		return do_get_id(r);
	default:
		return WIDE_UNSUPP;
	}
}

/* The status is the last writable byte. */
static void put_status(struct wide_request *r, uint8_t status)
{
	const struct buf *last = &r->buf[r->nout + r->nin - 1];

	last->host[last->len - 1] = status;
	if (r->written == r->in_len - 1)
		r->written = r->in_len;
}

/* ---- queues (2.7) ---- */

static bool add_buffer(const struct wide *b, struct wide_request *r, const struct vring_desc *d)
{
	bool write = d->flags & DESC_WRITE;
	void *host = vm_ptr(b->vm, d->addr, d->len);

	if (d->len == 0)
		return true;
	if (!host || (!write && r->nin > 0) || r->nout + r->nin == WIDE_SEGMENTS)
		return false;
	r->buf[r->nout + r->nin] = (struct buf){ host, d->len };
	if (write) {
		r->nin++;
		r->in_len += d->len;
	} else {
		r->nout++;
		r->out_len += d->len;
	}
	return true;
}

/* The table's address and number of descriptors (2.7.5.3). */
static bool enter_table(const struct wide *b, const struct vring_desc *d, const void **table,
			uint32_t *size)
{
	if (!(b->driver_features & VIRTIO_F_INDIRECT) || d->flags & DESC_NEXT || d->len == 0 ||
	    d->len % sizeof(*d))
		return false;
	*table = vm_ptr(b->vm, d->addr, d->len);
	*size = d->len / (uint32_t)sizeof(*d);
	return *table != NULL;
}

static bool walk(const struct wide *b, const struct virtqueue *q, uint32_t i,
		 struct wide_request *r)
{
	const void *table = q->desc;
	uint32_t size = q->num;

	for (uint32_t steps = 0; i < size && steps <= q->num; steps++) {
		struct vring_desc d = desc_at(table, i);

		if (d.flags & DESC_INDIRECT) {
			if (table != q->desc || !enter_table(b, &d, &table, &size))
				return false;
			i = 0;
			continue;
		}
		if (!add_buffer(b, r, &d))
			return false;
		if (!(d.flags & DESC_NEXT))
			return r->in_len > 0;
		i = d.next;
	}
	return false;
}

static uint16_t next_head(struct virtqueue *q)
{
	uint16_t at = q->last_avail++;

	if (mistake(WIDE_POSITION_BYTE))
		at &= 255;
	return READ_ONCE(q->avail->ring[at % q->num]);
}

/* All chains that are there; false: the guest broke the ring. */
static bool take_all(struct wide *b, struct virtqueue *q, unsigned int *count)
{
	uint16_t idx = READ_ONCE(q->avail->idx);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	*count = 0;
	if ((uint16_t)(idx - q->last_avail) > q->num)
		return false;
	while (q->last_avail != idx) {
		struct wide_request *r = &b->request[(*count)++];
		uint16_t head = next_head(q);

		r->head = mistake(WIDE_HEAD_BYTE) ? (uint8_t)head : head;
		r->nout = r->nin = 0;
		r->out_len = r->in_len = r->written = 0;
		if (!walk(b, q, head, r))
			return false;
	}
	return true;
}

static void give_back(struct virtqueue *q, const struct wide_request *r)
{
	struct vring_used_elem *e = &q->used->ring[q->used_idx++ % q->num];

	WRITE_ONCE(e->id, r->head);
	WRITE_ONCE(e->len, (uint32_t)r->written);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	WRITE_ONCE(q->used->idx, q->used_idx);
}

static void serve_queue(struct wide *b, struct virtqueue *q)
{
	unsigned int count;

	if (!take_all(b, q, &count)) {
		needs_reset(b);
		return;
	}
	for (unsigned int i = 0; i < count; i++) {
		put_status(&b->request[i], execute(b, &b->request[i]));
		give_back(q, &b->request[i]);
	}
	/* the guest sets the flag and looks at the index, or the other way round */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (count && !(READ_ONCE(q->avail->flags) & AVAIL_NO_INTERRUPT))
		interrupt(b, INTERRUPT_USED);
}

void wide_serve(struct wide *b)
{
	while (b->notified) {
		unsigned int queue = (unsigned int)__builtin_ctzll(b->notified);
		uint32_t running =
			b->status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET | STATUS_FAILED);

		b->notified &= b->notified - 1;
		if (b->vq[queue].ready && running == STATUS_DRIVER_OK)
			serve_queue(b, &b->vq[queue]);
	}
}

static void notify(struct wide *b, uint32_t queue)
{
	if (queue >= WIDE_QUEUES)
		return;
	if (mistake(WIDE_QUEUE_MASK))
		queue %= 32; /* as 1u << queue is on many processors */
	b->notified |= 1ull << queue;
}

/* ---- registers (4.2.2) ---- */

static uint64_t offered(void)
{
	return VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT | BLK_F_MQ;
}

static bool features_valid(const struct wide *b)
{
	return !(b->driver_features & ~offered()) && !b->driver_features_above &&
	       b->driver_features & VIRTIO_F_VERSION_1;
}

static void set_status(struct wide *b, uint32_t value)
{
	if (value == 0) {
		wide_power_cycle(b);
		b->vm->irq(b->vm, false);
		return;
	}
	/* bits are added, each after those that it needs; a reset alone takes them away */
	value = b->status | (value & STATUS_BY_DRIVER);
	if (!(b->status & STATUS_FEATURES_OK) && !features_valid(b))
		value &= ~(uint32_t)STATUS_FEATURES_OK;
	if (!(value & STATUS_FEATURES_OK))
		value &= ~(uint32_t)STATUS_DRIVER_OK;
	b->status = value;
}

static void set_driver_features(struct wide *b, uint32_t value)
{
	if (b->status & STATUS_FEATURES_OK)
		return;
	if (b->driver_features_sel < 2)
		set_half(&b->driver_features, b->driver_features_sel, value);
	else if (b->driver_features_sel < 4)
		set_half(&b->driver_features_above, b->driver_features_sel - 2, value);
}

static struct virtqueue *selected(struct wide *b)
{
	return b->queue_sel < WIDE_QUEUES ? &b->vq[b->queue_sel] : NULL;
}

static void write_queue(struct wide *b, uint64_t offset, uint32_t value)
{
	struct virtqueue *q = selected(b);

	if (!q)
		return;
	if (offset == MMIO_QUEUE_READY && !(value & 1))
		q->ready = false;
	/* what was checked stays as it is */
	if (q->ready)
		return;
	if (offset == MMIO_QUEUE_READY && value & 1)
		virtqueue_start(q, b->vm, WIDE_QUEUE_MAX);
	else
		virtqueue_set(q, offset, value);
}

static uint32_t read_register(struct wide *b, uint64_t offset)
{
	const struct virtqueue *q = selected(b);

	switch (offset) {
	case MMIO_DEVICE_FEATURES:
		return b->device_features_sel < 2
			       ? (uint32_t)(offered() >> (32 * b->device_features_sel))
			       : 0;
	case MMIO_QUEUE_NUM_MAX:
		return q ? WIDE_QUEUE_MAX : 0;
	case MMIO_QUEUE_READY:
		return q && q->ready;
	case MMIO_INTERRUPT_STATUS:
		return b->interrupts;
	case MMIO_STATUS:
		return b->status;
	default:
		return fixed_register(offset, 2);
	}
}

static void write_register(struct wide *b, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case MMIO_DEVICE_FEATURES_SEL:
		b->device_features_sel = value;
		break;
	case MMIO_DRIVER_FEATURES_SEL:
		b->driver_features_sel = value;
		break;
	case MMIO_DRIVER_FEATURES:
		set_driver_features(b, value);
		break;
	case MMIO_QUEUE_SEL:
		b->queue_sel = value;
		break;
	case MMIO_QUEUE_NOTIFY:
		notify(b, value);
		break;
	case MMIO_INTERRUPT_ACK:
		b->interrupts &= ~value;
		b->vm->irq(b->vm, b->interrupts != 0);
		break;
	case MMIO_STATUS:
		set_status(b, value);
		break;
	default:
		write_queue(b, offset, value);
	}
}

/* ---- the window ---- */

uint64_t wide_read(struct wide *b, uint64_t offset, unsigned int width)
{
	uint64_t value = 0;

	if (offset < MMIO_CONFIG)
		return width == 4 ? read_register(b, offset) : 0;
	if (offset - MMIO_CONFIG + width <= sizeof(b->config))
		memcpy(&value, (const uint8_t *)&b->config + (offset - MMIO_CONFIG), width);
	return value;
}

void wide_write(struct wide *b, uint64_t offset, unsigned int width, uint64_t value)
{
	if (offset < MMIO_CONFIG && width == 4)
		write_register(b, offset, (uint32_t)value);
}

bool wide_create(struct wide *b, struct vm *vm, struct disk *disk)
{
	b->vm = vm;
	b->disk = disk;
	b->request = calloc(mistake(WIDE_IN_FLIGHT_64) ? 64 : WIDE_QUEUE_MAX, sizeof(*b->request));
	b->config.capacity = WIDE_CAPACITY;
	b->config.num_queues = WIDE_QUEUES;
	return b->request != NULL;
}

void wide_power_cycle(struct wide *b)
{
	b->status = b->interrupts = 0;
	b->device_features_sel = b->driver_features_sel = b->queue_sel = 0;
	b->driver_features = b->driver_features_above = 0;
	b->notified = 0;
	memset(b->vq, 0, sizeof(b->vq));
	for (unsigned int i = 0; i < WIDE_QUEUES; i++)
		b->vq[i].num = WIDE_QUEUE_MAX;
}
