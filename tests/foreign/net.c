/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network device, with pointers into guest RAM. What a guest wrote is copied before it is
 * judged, and only the copy is used. A ring that is broken stops the device until it is reset
 * (DEVICE_NEEDS_RESET); frames and commands that are wrong are given back, and have no effect.
 */
#include "net.h"
#include "mistakes.h"

#include <string.h>

#define NET_F_MAC	    (1ull << 5)
#define NET_F_MRG_RXBUF	    (1ull << 15)
#define NET_F_STATUS	    (1ull << 16)
#define NET_F_CTRL_VQ	    (1ull << 17)
#define NET_F_CTRL_MAC_ADDR (1ull << 23)

#define NET_OFFERED                                                                                \
	(VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT | NET_F_MAC | NET_F_MRG_RXBUF | NET_F_STATUS |     \
	 NET_F_CTRL_VQ | NET_F_CTRL_MAC_ADDR)

#define NET_S_LINK_UP 1

/* where in a header (5.1.9) the number of buffers is: the one field in use without offloads */
#define NUM_BUFFERS_AT 10u

enum net_ctrl {
	CTRL_OK = 0,
	CTRL_ERR = 1,
	CTRL_MAC = 1,
	CTRL_MAC_ADDR_SET = 1,
};

/* ---- guest RAM ---- */

static void *guest_ptr(const struct vm *vm, uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < VMM_RAM_RANGES; i++) {
		const struct vm_ram *r = &vm->ram[i];
		uint64_t at = gpa - r->base;

		if (at < r->size && (len <= r->size - at || mistake(NET_ADDRESS_START)))
			return r->host + at;
	}
	return NULL;
}

/* To the chain's writable bytes, from the first one on, of which there are as many. */
static void copy_in(const struct net_chain *c, const void *from, uint64_t len)
{
	const uint8_t *src = from;

	for (const struct buf *buf = c->buf + c->nout; len > 0; buf++) {
		uint64_t part = buf->len < len ? buf->len : len;

		if (mistake(NET_RX_OVERRUN) && buf == c->buf + c->nout + c->nin - 1)
			part = len;
		memcpy(buf->host, src, part);
		src += part;
		len -= part;
	}
}

/* ---- interrupts ---- */

static void interrupt(struct net *n, uint32_t why)
{
	n->interrupts |= why;
	n->vm->irq(n->vm, n->interrupts != 0);
}

/* The guest broke a ring (2.1.2). */
static void needs_reset(struct net *n)
{
	n->status |= STATUS_NEEDS_RESET;
	if (n->status & STATUS_DRIVER_OK)
		interrupt(n, INTERRUPT_CONFIG);
}

/* ---- queues (2.7) ---- */

static bool chain_add(const struct net *n, struct net_chain *c, const struct vring_desc *d)
{
	bool write = d->flags & DESC_WRITE || (mistake(NET_RX_WRITE_FLAG) && c->nin > 0);
	void *host = guest_ptr(n->vm, d->addr, d->len);

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

/* The first descriptor of a table, or NULL (2.7.5.3). */
static const void *enter_table(const struct net *n, const struct vring_desc *d)
{
	if (!(n->driver_features & VIRTIO_F_INDIRECT) || d->flags & DESC_NEXT)
		return NULL;
	if (d->len == 0 || d->len % sizeof(*d))
		return NULL;
	return guest_ptr(n->vm, d->addr, d->len);
}

/* Returns false where the guest broke the ring. */
static bool chain_walk(const struct net *n, const struct virtqueue *q, uint16_t head,
		       struct net_chain *c)
{
	const void *table = q->desc;
	uint32_t size = q->num, i = head, steps = 0;
	bool indirect = false;

	c->head = head;
	c->nout = c->nin = 0;
	c->out_len = c->in_len = 0;
	for (;;) {
		struct vring_desc d;

		if (i >= size && !(mistake(NET_NEXT_PAST_BY_ONE) && i == size))
			return false;
		d = desc_at(table, i);
		if (d.flags & DESC_INDIRECT) {
			/* a table does not lead to another one, nor to the queue's own */
			if (mistake(NET_TABLE_IN_ITSELF) ? table != q->desc : indirect)
				return false;
			table = enter_table(n, &d);
			if (!table)
				return false;
			indirect = true;
			size = d.len / (uint32_t)sizeof(d);
			i = 0;
			continue;
		}
		/* a chain is no longer than the queue, but for one in a loop */
		if (steps++ == q->num && !mistake(NET_CHAIN_ENDLESS))
			return false;
		if (!chain_add(n, c, &d))
			return false;
		if (mistake(NET_LENGTH_TWICE) && d.len > 0)
			c->buf[c->nout + c->nin - 1].len = desc_at(table, i).len;
		if (!(d.flags & DESC_NEXT))
			return true;
		i = d.next;
	}
}

/* How many chains the guest has made available, or -1 where it broke the ring. */
static int available(const struct virtqueue *q)
{
	uint16_t idx = READ_ONCE(q->avail->idx);
	uint16_t count = (uint16_t)(idx - q->last_avail);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return count <= q->num ? count : -1;
}

/* The head of the i-th of these. */
static uint16_t available_head(const struct virtqueue *q, unsigned int i)
{
	uint16_t head = READ_ONCE(q->avail->ring[(q->last_avail + i) % q->num]);

	return mistake(NET_HEAD_MASKED) ? (uint16_t)(head & (q->num - 1)) : head;
}

/* The i-th used entry from here on; nobody sees it before `publish`. */
static void put_used(struct virtqueue *q, unsigned int i, uint16_t head, uint64_t len)
{
	struct vring_used_elem *e = &q->used->ring[(q->used_idx + i) % q->num];

	WRITE_ONCE(e->id, head);
	WRITE_ONCE(e->len, (uint32_t)len);
}

static void publish(struct virtqueue *q, unsigned int count)
{
	q->last_avail = (uint16_t)(q->last_avail + count);
	q->used_idx = (uint16_t)(q->used_idx + count);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	WRITE_ONCE(q->used->idx, q->used_idx);
	/* every notification is wanted (2.7.10.2) */
	WRITE_ONCE(q->used->flags, 0);
}

static void notify_driver(struct net *n, const struct virtqueue *q)
{
	/* the guest sets the flag and looks at the index, or the other way round */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(READ_ONCE(q->avail->flags) & AVAIL_NO_INTERRUPT))
		interrupt(n, INTERRUPT_USED);
}

static bool running(const struct net *n, const struct virtqueue *q)
{
	uint32_t status = n->status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET | STATUS_FAILED);

	return (q->ready || mistake(NET_NOT_READY)) &&
	       (status == STATUS_DRIVER_OK || mistake(NET_BEFORE_DRIVER_OK));
}

/* ---- from the host (5.1.9.4) ---- */

/* A frame that has no room is lost, its buffers are not. */
static int no_room(struct virtqueue *q, unsigned int count)
{
	if (mistake(NET_RX_LOST))
		q->last_avail = (uint16_t)(q->last_avail + count);
	return 0;
}

/* Takes as many chains into n->rx as have room for `total` bytes. Returns how many, 0 where there
 * are too few, or -1 where the guest broke the ring. */
static int take_buffers(struct net *n, struct virtqueue *q, uint64_t total)
{
	bool mergeable = n->driver_features & NET_F_MRG_RXBUF;
	int pending = available(q);
	uint64_t room = 0;
	unsigned int count = 0;

	if (pending < 0)
		return -1;
	while (room < total) {
		struct net_chain *c = &n->rx[count];
		/* a frame's first buffer has room for its header */
		uint64_t least = count == 0 && !mistake(NET_RX_HEADER) ? NET_HEADER : 1;

		if ((int)count == pending || (count == 1 && !mergeable))
			return no_room(q, count);
		if (!chain_walk(n, q, available_head(q, count), c) || c->in_len < least)
			return -1;
		room += c->in_len;
		count++;
		if (mistake(NET_RX_OVERRUN) && !mergeable)
			break;
	}
	return (int)count;
}

static void store_packet(struct net *n, struct virtqueue *q, uint64_t total, uint16_t count)
{
	uint16_t told = mistake(NET_RX_NUM_BUFFERS) ? 1 : count;
	uint64_t done = 0;

	memcpy(n->packet + NUM_BUFFERS_AT, &told, sizeof(told));
	for (unsigned int i = 0; i < count; i++) {
		const struct net_chain *c = &n->rx[i];
		uint64_t part = c->in_len;

		/* the last one takes the rest */
		if (i + 1u == count)
			part = total - done;
		copy_in(c, n->packet + done, part);
		put_used(q, i, c->head, mistake(NET_RX_USED_LEN) ? c->in_len : part);
		done += part;
		if (mistake(NET_RX_ONE_BY_ONE))
			WRITE_ONCE(q->used->idx, (uint16_t)(q->used_idx + i + 1));
	}
	if (mistake(NET_RX_HEADER))
		memcpy(n->rx[0].buf[n->rx[0].nout].host, n->packet, NET_HEADER);
}

bool net_receive(struct net *n, const void *frame, size_t len)
{
	struct virtqueue *q = &n->vq[NET_RX];
	uint8_t header[NET_HEADER];
	int count;

	if (!running(n, q) || !n->link_up || len > NET_FRAME_MAX)
		return false;
	if (!unwritten(NET_RX_HEADER))
		memset(header, 0, NET_HEADER);
	if (!mistake(NET_RX_STALE_HEADER))
		memcpy(n->packet, header, NET_HEADER);
	if (mistake(NET_RX_PAST_END))
		len = (len + 7) / 8 * 8;
	memcpy(n->packet + NET_HEADER, frame, len);
	count = take_buffers(n, q, NET_HEADER + len);
	if (count < 0)
		needs_reset(n);
	if (count <= 0)
		return false;
	store_packet(n, q, NET_HEADER + len, (uint16_t)count);
	publish(q, (unsigned int)count);
	notify_driver(n, q);
	return true;
}

void net_set_link(struct net *n, bool up)
{
	if (n->link_up == up)
		return;
	n->link_up = up;
	n->config.status = up ? NET_S_LINK_UP : 0;
	n->generation++;
	if (n->driver_features & NET_F_STATUS && n->status & STATUS_DRIVER_OK)
		interrupt(n, INTERRUPT_CONFIG);
}

/* ---- from the guest ---- */

/* A chain's fate, where it is not the length for its used entry. */
enum fate {
	BROKEN = -1,
	UNANSWERED = -2,
};

/* A frame that is as long as Ethernet wants it, or longer than its bytes are */
static void send_short(struct net *n, uint64_t len)
{
	uint8_t frame[60];

	memcpy(frame, n->packet + NET_HEADER, len);
	n->vm->send(n->vm, frame, sizeof(frame) + (mistake(NET_TX_TRAILER) ? 4 : 0));
}

/* 5.1.9.2: a header, of which no offload makes use, and a frame. */
static int transmit(struct net *n, const struct net_chain *c)
{
	uint64_t len = c->out_len - NET_HEADER;

	if ((c->out_len < NET_HEADER && !mistake(NET_TX_SHORT)) ||
	    (c->out_len > sizeof(n->packet) && !mistake(NET_TX_LONG)))
		return mistake(NET_TX_LOST) ? UNANSWERED : 0;
	bufs_read(c->buf, 0, n->packet, c->out_len);
	if ((unwritten(NET_PADDING) || mistake(NET_TX_TRAILER)) && len > 0 && len < 60 &&
	    n->link_up)
		send_short(n, len);
	else if (len > 0 && n->link_up)
		n->vm->send(n->vm, n->packet + NET_HEADER, len);
	return 0;
}

/* 5.1.9.5: class, command, data. */
static uint8_t command(struct net *n, const struct net_chain *c)
{
	uint64_t len = c->out_len - 2;
	uint8_t what[2];

	if (c->out_len < sizeof(what))
		return CTRL_ERR;
	bufs_read(c->buf, 0, what, sizeof(what));
	if (what[0] != CTRL_MAC || what[1] != CTRL_MAC_ADDR_SET)
		return CTRL_ERR;
	if (!(n->driver_features & NET_F_CTRL_MAC_ADDR) && !mistake(NET_CTRL_UNNEGOTIATED))
		return CTRL_ERR;
	if (len != sizeof(n->config.mac) && !mistake(NET_CTRL_LENGTH))
		return CTRL_ERR;
	bufs_read(c->buf, sizeof(what), n->config.mac, len);
	n->generation++;
	return CTRL_OK;
}

static int control(struct net *n, const struct net_chain *c)
{
	uint8_t ack;

	/* where no byte is writable, nothing can be answered */
	if (c->in_len == 0 && !mistake(NET_CTRL_NO_ACK))
		return BROKEN;
	ack = command(n, c);
	if (mistake(NET_CTRL_UNANSWERED) && ack == CTRL_ERR)
		return UNANSWERED;
	if (mistake(NET_CTRL_NO_ACK))
		*c->buf[c->nout + c->nin - 1].host = ack;
	else
		copy_in(c, &ack, sizeof(ack));
	return sizeof(ack);
}

static void serve(struct net *n, struct virtqueue *q)
{
	uint16_t served = q->used_idx;
	int fate = 0, pending;
	struct net_chain c;

	if (!running(n, q))
		return;
	/* counted once: what comes in the meantime is notified anew */
	pending = available(q);
	for (int i = 0; i < pending || (mistake(NET_AVAIL_AGAIN) && available(q) > 0); i++) {
		fate = BROKEN;
		if (chain_walk(n, q, available_head(q, 0), &c))
			fate = q == &n->vq[NET_CTRL] ? control(n, &c) : transmit(n, &c);
		if (fate == BROKEN)
			break;
		if (fate == UNANSWERED) {
			q->last_avail++;
			continue;
		}
		put_used(q, 0, c.head, (uint64_t)fate);
		publish(q, 1);
	}
	if (q->used_idx != served)
		notify_driver(n, q);
	if (pending < 0 || fate == BROKEN)
		needs_reset(n);
}

/* A queue that is not there, or has nothing to do, may be notified, too. */
static void notified(struct net *n, uint32_t index)
{
	if (index == NET_CTRL && !(n->driver_features & NET_F_CTRL_VQ))
		return;
	if (index != NET_RX && (index < NET_QUEUES || mistake(NET_NOTIFY_UNCHECKED)))
		serve(n, &n->vq[index]);
}

/* ---- registers (4.2.2) ---- */

static bool features_valid(const struct net *n)
{
	uint64_t f = n->driver_features;

	/* there are more than 64 bits, none of which is offered */
	if (f & ~NET_OFFERED || n->driver_features_above || !(f & VIRTIO_F_VERSION_1))
		return false;
	return f & NET_F_CTRL_VQ || !(f & NET_F_CTRL_MAC_ADDR);
}

/* All that a driver did is undone; the link stays as it is. */
static void reset(struct net *n)
{
	uint8_t last[6];
	bool up = n->link_up;

	memcpy(last, n->config.mac, sizeof(last));
	net_init(n, n->vm, n->mac);
	if (mistake(NET_RESET_KEEPS_MAC))
		memcpy(n->config.mac, last, sizeof(last));
	n->link_up = up;
	n->config.status = up ? NET_S_LINK_UP : 0;
	n->vm->irq(n->vm, false);
}

static void set_status(struct net *n, uint32_t value)
{
	if (value == 0) {
		reset(n);
		return;
	}
	/* bits are added, each after those that it needs; a reset alone takes them away */
	value = n->status | (value & STATUS_BY_DRIVER);
	if (!(n->status & STATUS_FEATURES_OK) && !features_valid(n))
		value &= ~(uint32_t)STATUS_FEATURES_OK;
	if (!(value & STATUS_FEATURES_OK))
		value &= ~(uint32_t)STATUS_DRIVER_OK;
	n->status = value;
}

static void set_driver_features(struct net *n, uint32_t value)
{
	/* what was agreed stays as it is */
	if (n->status & STATUS_FEATURES_OK)
		return;
	if (n->driver_features_sel < 2)
		set_half(&n->driver_features, n->driver_features_sel, value);
	else if (n->driver_features_sel < 4)
		set_half(&n->driver_features_above, n->driver_features_sel - 2, value);
}

static void start_queue(struct net *n, struct virtqueue *q)
{
	uint64_t num = q->num;

	if (num > NET_QUEUE_MAX && !mistake(NET_QUEUE_SIZE))
		return;
	if (num == 0 || num & (num - 1))
		return;
	if (q->desc_addr % 16 || q->avail_addr % 2 || q->used_addr % 4)
		return;
	q->last_avail = q->used_idx = 0;
	q->desc = guest_ptr(n->vm, q->desc_addr, 16 * num);
	q->avail = guest_ptr(n->vm, q->avail_addr, 4 + 2 * num);
	q->used = guest_ptr(n->vm, q->used_addr, 4 + 8 * num);
	q->ready = q->desc && q->avail && q->used;
}

static void write_queue(struct net *n, uint64_t offset, uint32_t value)
{
	struct virtqueue *q;

	if (n->queue_sel >= NET_QUEUES)
		return;
	q = &n->vq[n->queue_sel];
	if (offset == MMIO_QUEUE_READY && !(value & 1))
		q->ready = false;
	/* what was checked stays as it is */
	if (q->ready)
		return;
	if (offset == MMIO_QUEUE_READY && value & 1)
		start_queue(n, q);
	else
		virtqueue_set(q, offset, value);
}

static uint32_t read_register(const struct net *n, uint64_t offset)
{
	switch (offset) {
	case MMIO_DEVICE_FEATURES:
		if (n->device_features_sel >= 2)
			return 0;
		return (uint32_t)(NET_OFFERED >> (32 * n->device_features_sel));
	case MMIO_QUEUE_NUM_MAX:
		return n->queue_sel < NET_QUEUES ? NET_QUEUE_MAX : 0;
	case MMIO_QUEUE_READY:
		return n->queue_sel < NET_QUEUES && n->vq[n->queue_sel].ready;
	case MMIO_INTERRUPT_STATUS:
		return n->interrupts;
	case MMIO_STATUS:
		return n->status;
	case MMIO_CONFIG_GENERATION:
		return n->generation;
	default:
		return fixed_register(offset, 1);
	}
}

static void write_register(struct net *n, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case MMIO_DEVICE_FEATURES_SEL:
		n->device_features_sel = value;
		break;
	case MMIO_DRIVER_FEATURES_SEL:
		n->driver_features_sel = value;
		break;
	case MMIO_DRIVER_FEATURES:
		set_driver_features(n, value);
		break;
	case MMIO_QUEUE_SEL:
		n->queue_sel = value;
		break;
	case MMIO_QUEUE_NOTIFY:
		notified(n, value);
		break;
	case MMIO_INTERRUPT_ACK:
		n->interrupts &= ~value;
		n->vm->irq(n->vm, n->interrupts != 0);
		break;
	case MMIO_STATUS:
		set_status(n, value);
		break;
	default:
		write_queue(n, offset, value);
	}
}

/* ---- the window ---- */

uint64_t net_read(struct net *n, uint64_t offset, unsigned int width)
{
	uint64_t at = offset - MMIO_CONFIG, value = 0;

	if (offset < MMIO_CONFIG)
		return width == 4 ? read_register(n, offset) : 0;
	if (at + width <= sizeof(n->config))
		memcpy(&value, (uint8_t *)&n->config + at, width);
	return value;
}

void net_write(struct net *n, uint64_t offset, unsigned int width, uint64_t value)
{
	/* there is no field of the configuration that a driver may write */
	if (offset < MMIO_CONFIG && width == 4)
		write_register(n, offset, (uint32_t)value);
	else if (offset >= MMIO_CONFIG && mistake(NET_CONFIG_WRITE))
		memcpy(&n->config.mac[offset - MMIO_CONFIG], &value, width);
}

void net_init(struct net *n, struct vm *vm, const uint8_t mac[6])
{
	uint8_t own[6];

	memcpy(own, mac, sizeof(own));
	memset(n, 0, sizeof(*n));
	n->vm = vm;
	n->link_up = true;
	for (unsigned int i = 0; i < NET_QUEUES; i++)
		n->vq[i].num = NET_QUEUE_MAX;
	memcpy(n->mac, own, sizeof(own));
	memcpy(n->config.mac, own, sizeof(own));
	n->config.status = NET_S_LINK_UP;
}
