/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The block device, with pointers into guest RAM. What a guest wrote is copied before it is
 * judged, and only the copy is used. A ring that is broken stops the device until it is reset
 * (DEVICE_NEEDS_RESET); a request that is wrong is answered with an error.
 */
#include "blk.h"
#include "mistakes.h"

#include <string.h>

#define SECTOR	 512u
#define ID_BYTES 20u

#define BLK_F_SEG_MAX  (1ull << 2)
#define BLK_F_RO       (1ull << 5)
#define BLK_F_BLK_SIZE (1ull << 6)
#define BLK_F_FLUSH    (1ull << 9)

enum blk_type {
	TYPE_IN = 0,
	TYPE_OUT = 1,
	TYPE_FLUSH = 4,
	TYPE_GET_ID = 8,
};

enum blk_status {
	BLK_OK = 0,
	BLK_IOERR = 1,
	BLK_UNSUPP = 2,
};

struct blk_header {
	uint32_t type;
	uint32_t reserved;
	uint64_t sector;
};

/* One request: its device-readable buffers, and then its device-writable ones. */
struct chain {
	uint16_t head;
	unsigned int nout, nin;
	uint64_t out_len, in_len;
	uint64_t written; /* bytes stored, from the first writable one on */
	struct buf buf[BLK_QUEUE_MAX];
};

/* ---- guest RAM ---- */

static void *guest_ptr(const struct vm *vm, uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < VMM_RAM_RANGES; i++) {
		const struct vm_ram *r = &vm->ram[i];
		uint64_t at = gpa - r->base;
		bool inside = at < r->size && len <= r->size - at;

		if (mistake(BLK_ADDRESS_WRAPS))
			inside = gpa >= r->base && gpa + len <= r->base + r->size;
		if (inside || mistake(BLK_ADDRESS_UNCHECKED))
			return r->host + at;
	}
	return NULL;
}

/* To the chain's writable bytes, from the first one on, of which there are as many. */
static void copy_in(struct chain *c, const void *from, uint64_t len)
{
	const uint8_t *src = from;

	c->written = len;
	for (unsigned int i = c->nout; i < c->nout + c->nin && len > 0; i++) {
		uint64_t n = c->buf[i].len < len ? c->buf[i].len : len;

		memcpy(c->buf[i].host, src, n);
		src += n;
		len -= n;
	}
}

/* ---- interrupts ---- */

static void interrupt(struct blk *b, uint32_t why)
{
	b->interrupts |= why;
	b->vm->irq(b->vm, b->interrupts != 0);
}

/* The guest broke the ring (2.1.2). */
static void needs_reset(struct blk *b)
{
	b->status |= STATUS_NEEDS_RESET;
	interrupt(b, INTERRUPT_CONFIG);
}

/* ---- the queue (2.7) ---- */

static bool chain_add(const struct blk *b, struct chain *c, const struct vring_desc *d)
{
	bool write = d->flags & DESC_WRITE;
	void *host = guest_ptr(b->vm, d->addr, d->len);

	if (mistake(BLK_WRITE_FLAG) && c->nin > 0)
		write = true;
	if (mistake(BLK_HEADER_WRITABLE) && c->nout == 0)
		write = false;
	if (d->len == 0)
		return true;
	if (!host || (!write && c->nin > 0))
		return false;
	c->buf[c->nout + c->nin] = (struct buf){ host, d->len };
	if (write) {
		c->nin++;
		c->in_len += d->len;
	} else {
		c->nout++;
		c->out_len += d->len;
	}
	return true;
}

/* Puts the table's address and number of descriptors there (2.7.5.3). */
static bool enter_table(const struct blk *b, const struct vring_desc *d, const void **table,
			uint32_t *size)
{
	bool valid = d->len > 0 && d->len % sizeof(*d) == 0;
	uint32_t len = mistake(BLK_INDIRECT_LENGTH) ? (uint32_t)sizeof(*d) : d->len;

	if (!(b->driver_features & VIRTIO_F_INDIRECT) || (d->flags & DESC_NEXT))
		return false;
	if (!valid && !mistake(BLK_INDIRECT_LENGTH))
		return false;
	*table = guest_ptr(b->vm, d->addr, len);
	*size = d->len / (uint32_t)sizeof(*d);
	return *table != NULL;
}

static bool chain_walk(const struct blk *b, struct chain *c)
{
	const struct virtqueue *q = &b->vq[0];
	const void *table = q->desc;
	uint32_t size = q->num, i = c->head, steps = 0;
	bool indirect = false;

	if (i >= size && !mistake(BLK_HEAD_UNCHECKED))
		return false;
	for (;;) {
		struct vring_desc d = desc_at(table, i);

		if (d.flags & DESC_INDIRECT) {
			if (indirect && !mistake(BLK_INDIRECT_NESTED))
				return false;
			if (!enter_table(b, &d, &table, &size))
				return false;
			indirect = true;
			i = 0;
			continue;
		}
		/* a chain is no longer than the queue, but for one in a loop */
		if (steps++ == q->num && !mistake(BLK_CHAIN_ENDLESS))
			return false;
		if (!chain_add(b, c, &d))
			return false;
		if (mistake(BLK_DESC_TWICE) && d.len > 0)
			c->buf[c->nout + c->nin - 1].len = desc_at(table, i).len;
		if (!(d.flags & DESC_NEXT))
			return true;
		i = d.next;
		if (i >= size && !mistake(BLK_NEXT_UNCHECKED))
			return false;
	}
}

static void push_used(struct virtqueue *q, const struct chain *c)
{
	struct vring_used_elem *e = &q->used->ring[q->used_idx % q->num];
	uint64_t len = c->written;

	if (mistake(BLK_USED_LEN_UNWRITTEN))
		len = c->in_len;
	if (mistake(BLK_USED_LEN_ALL))
		len = c->out_len + c->in_len;
	q->used_idx++;
	if (mistake(BLK_INDEX_FIRST))
		WRITE_ONCE(q->used->idx, q->used_idx);
	WRITE_ONCE(e->id, c->head);
	WRITE_ONCE(e->len, (uint32_t)len);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	WRITE_ONCE(q->used->idx, q->used_idx);
	/* every notification is wanted (2.7.10.2) */
	WRITE_ONCE(q->used->flags, 0);
}

/* ---- requests (5.2.6) ---- */

static bool range_valid(const struct blk *b, uint64_t sector, uint64_t len)
{
	uint64_t capacity = b->config.capacity, sectors = len / SECTOR;

	if (len % SECTOR && !mistake(BLK_LENGTH_ODD))
		return false;
	if (mistake(BLK_RANGE_START))
		return sector < capacity;
	if (mistake(BLK_RANGE_WRAPS))
		return sector * SECTOR + len <= capacity * SECTOR;
	return sectors <= capacity && sector <= capacity - sectors;
}

static uint8_t do_in(struct blk *b, struct chain *c, uint64_t sector)
{
	uint64_t len = c->in_len - 1;

	if (!range_valid(b, sector, len))
		return BLK_IOERR;
	copy_in(c, b->disk->data + sector * SECTOR, len);
	return BLK_OK;
}

/* The first bytes of a sector, which is written as a whole */
static uint8_t write_part(struct blk *b, const struct chain *c, uint64_t sector, uint64_t len)
{
	uint8_t whole[SECTOR];

	bufs_read(c->buf, sizeof(struct blk_header), whole, len);
	if (sector < b->config.capacity)
		memcpy(b->disk->data + sector * SECTOR, whole, SECTOR);
	return BLK_OK;
}

static uint8_t do_out(struct blk *b, struct chain *c, struct blk_header *h)
{
	uint64_t len = c->out_len - sizeof(*h);
	bool read_only = b->disk->read_only;

	if (mistake(BLK_READ_ONLY_ASKED))
		read_only = b->driver_features & BLK_F_RO;
	if (unwritten(BLK_SECTOR_REST) && !read_only && len < SECTOR)
		return write_part(b, c, h->sector, len);
	if (read_only || !range_valid(b, h->sector, len))
		return BLK_IOERR;
	if (mistake(BLK_SECTOR_TWICE))
		bufs_read(c->buf, 0, h, sizeof(*h));
	bufs_read(c->buf, sizeof(*h), b->disk->data + h->sector * SECTOR, len);
	return BLK_OK;
}

static uint8_t do_get_id(struct chain *c)
{
	static const char id[ID_BYTES] = "hobby disk";
	uint64_t len = c->in_len - 1 < ID_BYTES ? c->in_len - 1 : ID_BYTES;
	char name[ID_BYTES];

	if (mistake(BLK_ID_LENGTH)) {
		memcpy(c->buf[c->nout].host, id, ID_BYTES);
		c->written = ID_BYTES;
		return BLK_OK;
	}
	memcpy(name, id, unwritten(BLK_ID_REST) ? strlen(id) : ID_BYTES);
	copy_in(c, name, len);
	return BLK_OK;
}

static uint8_t execute(struct blk *b, struct chain *c)
{
	struct blk_header h;

	if (mistake(BLK_HEADER_LENGTH) && c->nout > 0)
		memcpy(&h, c->buf[0].host, sizeof(h));
	else if (unwritten(BLK_HEADER_REST) && c->out_len < sizeof(h))
		bufs_read(c->buf, 0, &h, c->out_len);
	else if (c->out_len < sizeof(h))
		return BLK_IOERR;
	else
		bufs_read(c->buf, 0, &h, sizeof(h));
	switch (h.type) {
	case TYPE_IN:
		return do_in(b, c, h.sector);
	case TYPE_OUT:
		return do_out(b, c, &h);
	case TYPE_FLUSH:
		/* memory is as stable as this disk gets */
		return b->driver_features & BLK_F_FLUSH ? BLK_OK : BLK_UNSUPP;
	case TYPE_GET_ID:
		return do_get_id(c);
	default:
		return BLK_UNSUPP;
	}
}

/* The status is the last writable byte, which may or may not follow on what was written. */
static void answer(struct blk *b, struct chain *c, uint8_t status)
{
	const struct buf *last = &c->buf[c->nout + c->nin - 1];

	last->host[last->len - 1] = status;
	if (!unwritten(BLK_USED_LEN) && c->written == c->in_len - 1)
		c->written = c->in_len;
	push_used(&b->vq[0], c);
}

/* Returns false where the guest broke the ring. */
static bool serve_chain(struct blk *b, uint16_t head)
{
	struct chain c;
	uint8_t status;

	c.head = head;
	c.nout = c.nin = 0;
	c.out_len = c.in_len = 0;
	if (!unwritten(BLK_USED_LEN))
		c.written = 0;
	/* where no byte is writable, nothing can be answered */
	if (!chain_walk(b, &c) || (c.in_len == 0 && !mistake(BLK_NO_STATUS)))
		return false;
	status = execute(b, &c);
	if (mistake(BLK_UNANSWERED) && status == BLK_UNSUPP)
		return true;
	answer(b, &c, status);
	if (mistake(BLK_ANSWERED_TWICE) && status == BLK_IOERR)
		answer(b, &c, status);
	return true;
}

static void serve(struct blk *b)
{
	struct virtqueue *q = &b->vq[0];
	uint32_t running = b->status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET | STATUS_FAILED);
	uint16_t idx, served = q->used_idx;
	uint32_t slot;

	if (!q->ready || (running != STATUS_DRIVER_OK && !mistake(BLK_RESET_KEEPS_QUEUE)))
		return;
	slot = q->last_avail % q->num;
	/* read once: what comes in the meantime is notified anew */
	idx = READ_ONCE(q->avail->idx);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if ((uint16_t)(idx - q->last_avail) > q->num && !mistake(BLK_AVAIL_JUMP)) {
		needs_reset(b);
		return;
	}
	while (q->last_avail != idx) {
		q->last_avail++;
		if (!serve_chain(b, READ_ONCE(q->avail->ring[slot]))) {
			needs_reset(b);
			break;
		}
		slot = q->last_avail % q->num;
	}
	/* the guest sets the flag and looks at the index, or the other way round */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (q->used_idx != served && !(READ_ONCE(q->avail->flags) & AVAIL_NO_INTERRUPT))
		interrupt(b, INTERRUPT_USED);
}

/* ---- registers (4.2.2) ---- */

static uint64_t offered(const struct blk *b)
{
	return VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT | BLK_F_FLUSH | BLK_F_BLK_SIZE |
	       BLK_F_SEG_MAX | (b->disk->read_only ? BLK_F_RO : 0);
}

static bool features_valid(const struct blk *b)
{
	/* there are more than 64 bits, none of which is offered */
	bool any = b->driver_features & ~offered(b) || b->driver_features_above;

	return (!any || mistake(BLK_FEATURES_ANY)) && b->driver_features & VIRTIO_F_VERSION_1;
}

/* All that a driver did is undone; the disk stays. */
static void reset(struct blk *b)
{
	struct virtqueue old = b->vq[0];

	blk_init(b, b->vm, b->disk);
	if (mistake(BLK_RESET_KEEPS_INDEX))
		b->vq[0].last_avail = old.last_avail;
	if (mistake(BLK_RESET_KEEPS_QUEUE))
		b->vq[0] = old;
	b->vm->irq(b->vm, false);
}

static void set_status(struct blk *b, uint32_t value)
{
	if (value == 0) {
		reset(b);
		return;
	}
	if (!mistake(BLK_STATUS_ANY)) {
		/* bits are added, each after those that it needs; a reset alone takes them away */
		value = b->status | (value & STATUS_BY_DRIVER);
		if (!(b->status & STATUS_FEATURES_OK) && !features_valid(b))
			value &= ~(uint32_t)STATUS_FEATURES_OK;
		if (!(value & STATUS_FEATURES_OK))
			value &= ~(uint32_t)STATUS_DRIVER_OK;
	}
	b->status = value;
}

static void set_driver_features(struct blk *b, uint32_t value)
{
	/* what was agreed stays as it is */
	if (b->status & STATUS_FEATURES_OK)
		return;
	if (b->driver_features_sel < 2)
		set_half(&b->driver_features, b->driver_features_sel, value);
	else if (b->driver_features_sel < 4)
		set_half(&b->driver_features_above, b->driver_features_sel - 2, value);
}

static void start_queue(struct blk *b, struct virtqueue *q)
{
	uint64_t num = q->num;

	if (num > BLK_QUEUE_MAX && !mistake(BLK_QUEUE_TOO_LARGE))
		return;
	if ((num == 0 || num & (num - 1)) && !mistake(BLK_QUEUE_ZERO))
		return;
	if (q->desc_addr % 16 || q->avail_addr % 2 || q->used_addr % 4)
		return;
	if (!mistake(BLK_RESET_KEEPS_INDEX))
		q->last_avail = q->used_idx = 0;
	q->desc = guest_ptr(b->vm, q->desc_addr, 16 * num);
	q->avail = guest_ptr(b->vm, q->avail_addr, 4 + 2 * num);
	q->used = guest_ptr(b->vm, q->used_addr, 4 + 8 * num);
	q->ready = (q->desc && q->avail && q->used) || mistake(BLK_RING_UNCHECKED);
}

static struct virtqueue *selected(struct blk *b)
{
	if (b->queue_sel >= BLK_QUEUES && !mistake(BLK_QUEUE_SELECT))
		return NULL;
	return &b->vq[b->queue_sel];
}

static void write_queue(struct blk *b, uint64_t offset, uint32_t value)
{
	struct virtqueue *q = selected(b);

	if (!q)
		return;
	if (offset == MMIO_QUEUE_READY && !(value & 1))
		q->ready = false;
	/* what was checked stays as it is */
	if (q->ready && !mistake(BLK_QUEUE_CHANGES))
		return;
	if (offset == MMIO_QUEUE_READY && value & 1)
		start_queue(b, q);
	else
		virtqueue_set(q, offset, value);
}

static uint32_t read_register(struct blk *b, uint64_t offset)
{
	const struct virtqueue *q = selected(b);

	switch (offset) {
	case MMIO_DEVICE_FEATURES:
		if (b->device_features_sel >= 2)
			return 0;
		return (uint32_t)(offered(b) >> (32 * b->device_features_sel));
	case MMIO_QUEUE_NUM_MAX:
		return q ? BLK_QUEUE_MAX : 0;
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

static void write_register(struct blk *b, uint64_t offset, uint32_t value)
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
		if (value < BLK_QUEUES)
			serve(b);
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

static bool in_config(uint64_t at, unsigned int width)
{
	return at + width <= sizeof(struct blk_config) || mistake(BLK_CONFIG_PAST_END);
}

/* What is not offered nobody has to write. */
static uint64_t read_offered(const struct blk *b, uint64_t at, unsigned int width)
{
	struct blk_config c;
	uint64_t value = 0;

	c.capacity = b->config.capacity;
	c.seg_max = b->config.seg_max;
	c.blk_size = b->config.blk_size;
	memcpy(&value, (uint8_t *)&c + at, width);
	return value;
}

uint64_t blk_read(struct blk *b, uint64_t offset, unsigned int width)
{
	uint64_t value = 0;

	if (offset >= MMIO_CONFIG) {
		if (unwritten(BLK_CONFIG_REST) && in_config(offset - MMIO_CONFIG, width))
			return read_offered(b, offset - MMIO_CONFIG, width);
		if (in_config(offset - MMIO_CONFIG, width))
			memcpy(&value, (uint8_t *)&b->config + (offset - MMIO_CONFIG), width);
		return value;
	}
	return width == 4 ? read_register(b, offset) : 0;
}

void blk_write(struct blk *b, uint64_t offset, unsigned int width, uint64_t value)
{
	if (offset >= MMIO_CONFIG) {
		/* there is no field that a driver may write */
		if (mistake(BLK_CONFIG_WRITABLE) && in_config(offset - MMIO_CONFIG, width))
			memcpy((uint8_t *)&b->config + (offset - MMIO_CONFIG), &value, width);
		return;
	}
	if (width == 4)
		write_register(b, offset, (uint32_t)value);
}

void blk_init(struct blk *b, struct vm *vm, struct disk *disk)
{
	memset(b, 0, sizeof(*b));
	b->vm = vm;
	b->disk = disk;
	b->vq[0].num = BLK_QUEUE_MAX;
	b->config.capacity = disk->sectors;
	b->config.seg_max = BLK_QUEUE_MAX - 2;
	b->config.blk_size = SECTOR;
}
