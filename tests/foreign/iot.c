/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The block device with I/O threads. A thread takes a chain with the lock held, carries it out
 * without, and gives it back with the lock held again. Who resets the device or stops the queue
 * waits until no thread has a chain.
 */
#include "iot.h"
#include "mistakes.h"

#include <sched.h>
#include <string.h>

#define SECTOR	 512u
#define ID_BYTES 20u
#define SEGMENTS IOT_QUEUE_MAX

enum iot_type {
	TYPE_IN = 0,
	TYPE_OUT = 1,
	TYPE_GET_ID = 8,
};

enum iot_status {
	IOT_OK = 0,
	IOT_IOERR = 1,
	IOT_UNSUPP = 2,
};

/* One request of a thread: its device-readable buffers, and then its device-writable ones. */
struct work {
	struct virtqueue q; /* as it was when the chain was taken */
	unsigned int resets;
	uint16_t head;
	unsigned int nout, nin;
	uint64_t out_len, in_len;
	uint64_t written; /* bytes stored, from the first writable one on */
	struct buf buf[SEGMENTS];
};

static void copy_in(struct work *w, const void *from, uint64_t len)
{
	const uint8_t *src = from;

	w->written = len;
	for (unsigned int i = w->nout; i < w->nout + w->nin && len > 0; i++) {
		uint64_t n = w->buf[i].len < len ? w->buf[i].len : len;

		memcpy(w->buf[i].host, src, n);
		src += n;
		len -= n;
	}
}

/* ---- interrupts, with the lock held ---- */

static void interrupt(struct iot *b, uint32_t why)
{
	b->interrupts |= why;
	b->vm->irq(b->vm, b->interrupts != 0);
}

/* The guest broke the ring (2.1.2). */
static void needs_reset(struct iot *b)
{
	b->status |= STATUS_NEEDS_RESET;
	interrupt(b, INTERRUPT_CONFIG);
}

/* ---- a chain is carried out (5.2.6), without the lock ---- */

static bool add_buffer(const struct iot *b, struct work *w, const struct vring_desc *d)
{
	bool write = d->flags & DESC_WRITE;
	void *host = vm_ptr(b->vm, d->addr, d->len);

	if (d->len == 0)
		return true;
	if (!host || (!write && w->nin > 0))
		return false;
	w->buf[w->nout + w->nin] = (struct buf){ host, d->len };
	if (write) {
		w->nin++;
		w->in_len += d->len;
	} else {
		w->nout++;
		w->out_len += d->len;
	}
	return true;
}

static bool walk(const struct iot *b, struct work *w)
{
	uint32_t i = w->head;

	for (uint32_t steps = 0; i < w->q.num && steps < w->q.num; steps++) {
		struct vring_desc d = desc_at(w->q.desc, i);

		if (d.flags & DESC_INDIRECT || !add_buffer(b, w, &d))
			return false;
		if (!(d.flags & DESC_NEXT))
			return w->in_len > 0;
		i = d.next;
	}
	return false;
}

static bool range_valid(const struct iot *b, uint64_t sector, uint64_t len)
{
	uint64_t sectors = len / SECTOR;

	return len % SECTOR == 0 && sectors <= b->disk->sectors &&
	       sector <= b->disk->sectors - sectors;
}

static uint8_t do_in(const struct iot *b, struct work *w, uint64_t sector)
{
	if (!range_valid(b, sector, w->in_len - 1))
		return IOT_IOERR;
	copy_in(w, b->disk->data + sector * SECTOR, w->in_len - 1);
	return IOT_OK;
}

static uint8_t do_out(const struct iot *b, const struct work *w, uint64_t sector)
{
	uint64_t len = w->out_len - sizeof(struct iot_header);

	if (!range_valid(b, sector, len))
		return IOT_IOERR;
	bufs_read(w->buf, sizeof(struct iot_header), b->disk->data + sector * SECTOR, len);
	return IOT_OK;
}

static uint8_t do_get_id(struct work *w)
{
	static const char id[ID_BYTES] = "hobby disk";

	copy_in(w, id, w->in_len - 1 < ID_BYTES ? w->in_len - 1 : ID_BYTES);
	return IOT_OK;
}

/* The status is the last writable byte. */
static void put_status(struct work *w, uint8_t status)
{
	const struct buf *last = &w->buf[w->nout + w->nin - 1];

	last->host[last->len - 1] = status;
	if (w->written == w->in_len - 1)
		w->written = w->in_len;
}

/* Of use to nobody but the VMM's operator, who reads it under the same lock as the configuration */
static void count_request(struct iot *b)
{
	pthread_mutex_lock(&b->config_lock);
	b->requests++;
	pthread_mutex_unlock(&b->config_lock);
}

static uint8_t execute(struct iot *b, struct work *w)
{
	struct iot_header h;

	if (w->out_len < sizeof(h))
		return IOT_IOERR;
	bufs_read(w->buf, 0, &h, sizeof(h));
	count_request(b);
	switch (h.type) {
	case TYPE_IN:
		return do_in(b, w, h.sector);
	case TYPE_OUT:
		return do_out(b, w, h.sector);
	case TYPE_GET_ID:
		return do_get_id(w);
	default:
		return IOT_UNSUPP;
	}
}

/* ---- a chain is taken and given back, with the lock held ---- */

static bool runs(const struct iot *b)
{
	uint32_t status = b->status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET | STATUS_FAILED);

	return b->vq.ready && status == STATUS_DRIVER_OK;
}

/* The number of the next entry of the available ring; false: there is none. */
static bool next_entry(struct iot *b, uint16_t *entry)
{
	struct virtqueue *q = &b->vq;
	uint16_t idx = READ_ONCE(q->avail->idx);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	*entry = q->last_avail;
	if ((uint16_t)(idx - *entry) > q->num) {
		needs_reset(b);
		return false;
	}
	if (idx == *entry) { /* what comes from now on is notified anew */
		b->kicked = false;
		return false;
	}
	return true;
}

static bool take(struct iot *b, struct work *w)
{
	uint16_t entry;

	if (!b->kicked || b->stopping || !runs(b) || !next_entry(b, &entry))
		return false;
	w->q = b->vq;
	w->resets = b->resets;
	if (mistake(IOT_AVAIL_UNLOCKED))
		pthread_mutex_unlock(&b->lock);
	w->head = READ_ONCE(w->q.avail->ring[entry % w->q.num]);
	if (mistake(IOT_AVAIL_UNLOCKED))
		pthread_mutex_lock(&b->lock);
	b->vq.last_avail = (uint16_t)(entry + 1);
	if (!mistake(IOT_BUSY_LATE))
		b->busy++;
	return true;
}

static void store_entry(const struct virtqueue *q, uint16_t at, const struct work *w)
{
	struct vring_used_elem *e = &q->used->ring[at % q->num];

	WRITE_ONCE(e->id, w->head);
	WRITE_ONCE(e->len, (uint32_t)w->written);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void push_used(struct iot *b, const struct work *w)
{
	uint16_t at = b->vq.used_idx;

	if (mistake(IOT_USED_UNLOCKED) || mistake(IOT_INDEX_EARLY))
		pthread_mutex_unlock(&b->lock);
	if (mistake(IOT_INDEX_EARLY))
		b->vq.used_idx++;
	store_entry(&w->q, at, w);
	if (mistake(IOT_USED_UNLOCKED) || mistake(IOT_INDEX_EARLY))
		pthread_mutex_lock(&b->lock);
	if (!mistake(IOT_INDEX_EARLY))
		b->vq.used_idx = (uint16_t)(at + 1);
	WRITE_ONCE(w->q.used->idx, b->vq.used_idx);
}

static void give_back(struct iot *b, struct work *w)
{
	if (w->resets != b->resets)
		return;
	push_used(b, w);
	/* the guest sets the flag and looks at the index, or the other way round */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(READ_ONCE(w->q.avail->flags) & AVAIL_NO_INTERRUPT))
		interrupt(b, INTERRUPT_USED);
}

/* ---- a thread ---- */

/* Carries it out; false: the guest broke the ring. */
static bool carry_out(struct iot *b, struct work *w)
{
	if (mistake(IOT_BUSY_LATE)) {
		w->q = b->vq;
		pthread_mutex_lock(&b->lock);
		b->busy++;
		pthread_mutex_unlock(&b->lock);
	}
	if (!walk(b, w))
		return false;
	put_status(w, execute(b, w));
	return true;
}

static void end_work(struct iot *b, struct work *w, bool good)
{
	pthread_mutex_lock(&b->lock);
	if (mistake(IOT_LOCK_ORDER))
		count_request(b);
	if (good)
		give_back(b, w);
	else
		needs_reset(b);
	b->busy--;
	if (b->busy == 0)
		pthread_cond_broadcast(&b->idle);
	if (mistake(IOT_ERROR_KEEPS_LOCK) && !good && b->stopping)
		return;
	pthread_mutex_unlock(&b->lock);
}

bool iot_work(struct iot *b)
{
	struct work w;
	bool taken;

	memset(&w, 0, offsetof(struct work, buf));
	pthread_mutex_lock(&b->lock);
	taken = take(b, &w);
	pthread_mutex_unlock(&b->lock);
	if (taken)
		end_work(b, &w, carry_out(b, &w));
	return taken;
}

/* ---- registers (4.2.2), with the lock held ---- */

static uint64_t offered(void)
{
	return VIRTIO_F_VERSION_1 | VIRTIO_F_RING_RESET;
}

static bool features_valid(const struct iot *b)
{
	return !(b->driver_features & ~offered()) && !b->driver_features_above &&
	       b->driver_features & VIRTIO_F_VERSION_1;
}

/* No thread has a chain, and none takes one, until resume. */
static void stop_threads(struct iot *b)
{
	b->stopping = true;
	while (b->busy > 0 && mistake(IOT_RESET_SPINS))
		sched_yield();
	while (b->busy > 0)
		pthread_cond_wait(&b->idle, &b->lock);
}

static void resume_threads(struct iot *b)
{
	b->stopping = false;
}

static void clear(struct iot *b)
{
	b->kicked = false;
	b->status = 0;
	b->interrupts = 0;
	b->device_features_sel = b->driver_features_sel = b->queue_sel = 0;
	b->driver_features = b->driver_features_above = 0;
	memset(&b->vq, 0, sizeof(b->vq));
	b->vq.num = IOT_QUEUE_MAX;
}

static void reset(struct iot *b)
{
	if (!mistake(IOT_RESET_NO_WAIT))
		stop_threads(b);
	clear(b);
	b->vm->irq(b->vm, false);
	resume_threads(b);
}

static void set_status(struct iot *b, uint32_t value)
{
	if (value == 0) {
		reset(b);
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

static void set_driver_features(struct iot *b, uint32_t value)
{
	if (b->status & STATUS_FEATURES_OK)
		return;
	if (b->driver_features_sel < 2)
		set_half(&b->driver_features, b->driver_features_sel, value);
	else if (b->driver_features_sel < 4)
		set_half(&b->driver_features_above, b->driver_features_sel - 2, value);
}

static void stop_queue(struct iot *b)
{
	stop_threads(b);
	b->vq.ready = false;
	b->kicked = false;
	resume_threads(b);
}

/* All that the driver has programmed is gone (2.6.1). */
static void reset_queue(struct iot *b)
{
	if (!(b->driver_features & VIRTIO_F_RING_RESET))
		return;
	b->resets++;
	if (!mistake(IOT_QUEUE_RESET_NO_WAIT))
		stop_threads(b);
	b->kicked = false;
	memset(&b->vq, 0, sizeof(b->vq));
	b->vq.num = IOT_QUEUE_MAX;
	resume_threads(b);
}

static void write_queue(struct iot *b, uint64_t offset, uint32_t value)
{
	if (b->queue_sel != 0)
		return;
	if (offset == MMIO_QUEUE_RESET && value == 1)
		reset_queue(b);
	if (offset == MMIO_QUEUE_READY && !(value & 1))
		stop_queue(b);
	/* what was checked stays as it is */
	if (b->vq.ready)
		return;
	if (offset == MMIO_QUEUE_READY && value & 1)
		virtqueue_start(&b->vq, b->vm, IOT_QUEUE_MAX);
	else
		virtqueue_set(&b->vq, offset, value);
}

static uint32_t read_register(const struct iot *b, uint64_t offset)
{
	switch (offset) {
	case MMIO_DEVICE_FEATURES:
		return b->device_features_sel < 2
			       ? (uint32_t)(offered() >> (32 * b->device_features_sel))
			       : 0;
	case MMIO_QUEUE_NUM_MAX:
		return b->queue_sel ? 0 : IOT_QUEUE_MAX;
	case MMIO_QUEUE_READY:
		return !b->queue_sel && b->vq.ready;
	case MMIO_INTERRUPT_STATUS:
		return b->interrupts;
	case MMIO_STATUS:
		return b->status;
	default:
		return fixed_register(offset, 2);
	}
}

static void write_register(struct iot *b, uint64_t offset, uint32_t value)
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
		if (value == 0)
			b->kicked = runs(b);
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

static uint64_t read_config(struct iot *b, uint64_t at, unsigned int width)
{
	uint64_t value = 0;

	pthread_mutex_lock(&b->config_lock);
	if (mistake(IOT_LOCK_ORDER))
		pthread_mutex_lock(&b->lock);
	if (at + width <= sizeof(b->config))
		memcpy(&value, (const uint8_t *)&b->config + at, width);
	if (mistake(IOT_LOCK_ORDER))
		pthread_mutex_unlock(&b->lock);
	pthread_mutex_unlock(&b->config_lock);
	return value;
}

uint64_t iot_read(struct iot *b, uint64_t offset, unsigned int width)
{
	uint64_t value;

	if (offset >= MMIO_CONFIG)
		return read_config(b, offset - MMIO_CONFIG, width);
	if (width != 4)
		return 0;
	pthread_mutex_lock(&b->lock);
	value = read_register(b, offset);
	pthread_mutex_unlock(&b->lock);
	return value;
}

void iot_write(struct iot *b, uint64_t offset, unsigned int width, uint64_t value)
{
	if (offset >= MMIO_CONFIG || width != 4)
		return;
	pthread_mutex_lock(&b->lock);
	write_register(b, offset, (uint32_t)value);
	pthread_mutex_unlock(&b->lock);
}

void iot_create(struct iot *b, struct vm *vm, struct disk *disk)
{
	memset(b, 0, sizeof(*b));
	b->vm = vm;
	b->disk = disk;
	pthread_mutex_init(&b->lock, NULL);
	pthread_mutex_init(&b->config_lock, NULL);
	pthread_cond_init(&b->idle, NULL);
	b->config.capacity = disk->sectors;
	iot_power_cycle(b);
}

void iot_power_cycle(struct iot *b)
{
	b->busy = 0;
	b->stopping = false;
	clear(b);
}
