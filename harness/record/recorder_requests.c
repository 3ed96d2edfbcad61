/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the driver does once it runs: the rings are walked by the devices' own virtqueue, and each
 * chain becomes the nearest request.
 */
#include <endian.h>
#include <string.h>

#include "guest/guest.h"
#include "script/operands.h"
#include "recorder_internal.h"

/* ---- scripts of requests ---- */

static void add(struct recorder *r, const struct script_op *op)
{
	r->script.op[r->script.ops++] = *op;
}

static unsigned int queue_of(enum op_code code)
{
	return code == OP_TX ? ANVIL_NET_TX : code == OP_CTRL ? ANVIL_NET_CTRL : 0;
}

static bool is_request(const struct script_op *op)
{
	return op->code == OP_BLK || op->code == OP_TX || op->code == OP_RX || op->code == OP_CTRL;
}

/* If the script ends with a request of this queue that waits for its notification, here it is. */
static bool notify_last(struct recorder *r, unsigned int queue)
{
	struct script_op *last = &r->script.op[r->script.ops - 1];

	if (r->script.ops <= r->opening || !is_request(last) ||
	    !(last->request.flags & CHAIN_QUIET) || queue_of((enum op_code)last->code) != queue)
		return false;
	last->request.flags &= (uint8_t)~CHAIN_QUIET;
	memset(&r->batch, 0, sizeof(r->batch));
	return true;
}

void recorder_end_requests(struct recorder *r)
{
	for (unsigned int i = 0; i < r->encoder.p.queues; i++)
		notify_last(r, i);
	recorder_save_requests(r);
}

#define RX_COUNT    33u
#define RX_REOPENED 2u /* operations */

/* Receive buffers that the device has from earlier. */
static void reopen_receive(struct recorder *r)
{
	const struct anvil_virtqueue *vq = &r->queue[ANVIL_NET_RX].vq;
	struct script_op op = r->receive;
	uint16_t used = 0;

	if (op.code == 0 || !anvil_virtqueue_enabled(vq) ||
	    anvil_guest_memory_load_u16(&r->memory, vq->device_area + VIRTQ_USED_IDX, &used))
		return;

	unsigned int left = (uint16_t)(vq->next_avail - used);

	for (unsigned int i = 0; i < RX_REOPENED && left > 0; i++) {
		unsigned int count = left < RX_COUNT ? left : RX_COUNT;

		op.rx.count = (uint8_t)(count - 1);
		op.rx.flags &= (uint8_t)~CHAIN_QUIET;
		add(r, &op);
		left -= count;
	}
}

/* Operand `size` of what sets a queue up; 0 is the largest. */
static uint8_t size_operand(const struct recorder *r, const struct anvil_virtqueue *vq)
{
	uint8_t choice = encode_queue_size(vq->size);

	return setup_queue_size(choice) < r->encoder.p.queue_size_max ? choice : 0;
}

/* `init` starts all queues, this driver perhaps not. */
static void stop_what_does_not_run(struct recorder *r)
{
	for (unsigned int i = 0; i < r->encoder.p.queues; i++) {
		struct script_op op = script_op(OP_STOP);

		op.stop.queue = (uint8_t)i;
		r->queue[i].flags = 0;
		if (!anvil_virtqueue_enabled(&r->queue[i].vq))
			add(r, &op);
	}
}

void recorder_start_requests(struct recorder *r)
{
	struct script_op init = script_op(OP_INIT);

	init.init.size = size_operand(r, &r->queue[0].vq);
	r->phase = RECORDER_REQUESTS;
	recorder_start_script(r);
	r->encoder.queue_size =
		init.init.size ? setup_queue_size(init.init.size) : r->encoder.p.queue_size_max;
	init.init.decline = r->encoder.p.offered.word[0] & ~r->features;
	add(r, &init);
	stop_what_does_not_run(r);
	reopen_receive(r);
	r->opening = r->script.ops;
}

static void add_op(struct recorder *r, const struct script_op *op)
{
	if (r->script.ops >= RECORDER_REQUEST_OPS) {
		recorder_end_requests(r);
		recorder_start_requests(r);
	}
	add(r, op);
}

/* ---- chains ---- */

#define LOW_BYTES (GUEST_DATA_END - GUEST_DATA)

static uint64_t low_bytes(uint64_t len)
{
	return len > LOW_BYTES ? 0 : (len + 3) / 4 * 4;
}

/* Whether the pretend driver has room for one request more before it notifies. */
static bool fits(const struct recorder *r, const struct encoded_op *op)
{
	uint64_t low = low_bytes(op->out) + low_bytes(op->in);
	bool high = op->out > LOW_BYTES || op->in > LOW_BYTES;
	uint64_t largest = low > r->batch.largest ? low : r->batch.largest;

	return r->batch.descs + op->descs <= r->encoder.queue_size && !(high && r->batch.high) &&
	       r->batch.low + low + largest <= LOW_BYTES;
}

static void add_request(struct recorder *r, unsigned int queue, struct encoded_op *op)
{
	uint64_t low = low_bytes(op->out) + low_bytes(op->in);

	if (!fits(r, op))
		notify_last(r, queue);
	op->record.request.flags |= CHAIN_QUIET;
	add_op(r, &op->record);
	r->batch.descs += op->descs;
	r->batch.low += low;
	r->batch.largest = low > r->batch.largest ? low : r->batch.largest;
	r->batch.high |= op->out > LOW_BYTES || op->in > LOW_BYTES;
}

/* Buffers of one kind make one operation; what lies in them does not matter. */
static void add_receive(struct recorder *r, const struct encoded_op *op)
{
	struct script_op *last = &r->script.op[r->script.ops - 1];
	struct script_op quiet = op->record;

	r->receive = op->record;
	quiet.rx.flags |= CHAIN_QUIET;
	quiet.rx.count = last->rx.count;
	if (r->script.ops > r->opening && !memcmp(last, &quiet, sizeof(quiet)) &&
	    last->rx.count + 1u < RX_COUNT) {
		last->rx.count++;
		return;
	}
	quiet.rx.count = 0;
	add_op(r, &quiet);
}

/* Fetched once more, and perhaps another one by now: what cannot be is not said. */
static bool in_a_table(const struct recorder *r, const struct anvil_virtqueue *vq, uint16_t head)
{
	struct virtq_desc desc;

	return vq->indirect &&
	       !anvil_guest_memory_read(&r->memory, vq->desc_area + head * sizeof(desc), &desc,
					sizeof(desc)) &&
	       le16toh(desc.flags) & VIRTQ_DESC_F_INDIRECT;
}

static void take_chain(struct recorder *r, unsigned int queue, struct anvil_descriptor_chain *chain)
{
	bool indirect = in_a_table(r, &r->queue[queue].vq, chain->head);
	struct encoded_op op;

	if (r->options.blk) {
		encode_blk(&r->encoder, chain, indirect, &op);
		op.record.blk.flags |= (uint8_t)(queue << 5); /* CHAIN_QUEUE */
	} else if (queue == ANVIL_NET_RX) {
		encode_rx(chain, indirect, &op);
	} else if (queue == ANVIL_NET_TX) {
		encode_tx(&r->encoder, chain, indirect, &op);
	} else {
		encode_ctrl(&r->encoder, chain, indirect, &op);
	}
	if (op.pieces > r->encoder.queue_size)
		return;
	if (op.record.code == OP_RX)
		add_receive(r, &op);
	else
		add_request(r, queue, &op);
}

/* 2.7.7.1: without EVENT_IDX the driver says by a flag whether it wants interrupts. */
static void take_flags(struct recorder *r, unsigned int queue)
{
	struct recorder_queue *q = &r->queue[queue];
	struct script_op op = script_op(OP_AVAIL);
	uint16_t flags;

	if (q->vq.event_idx ||
	    anvil_guest_memory_load_u16(&r->memory, q->vq.driver_area + VIRTQ_AVAIL_FLAGS,
					&flags) ||
	    flags == q->flags)
		return;
	op.avail.queue = (uint8_t)queue;
	op.avail.how = AVAIL_FLAGS;
	op.avail.value = flags;
	add_op(r, &op);
	q->flags = flags;
}

/* Chains that came, were served and are gone cannot be told any more. */
static void pass_over_missed(struct recorder *r, struct anvil_virtqueue *vq)
{
	uint16_t idx;

	if (anvil_guest_memory_load_u16(&r->memory, vq->driver_area + VIRTQ_AVAIL_IDX, &idx) ||
	    (uint16_t)(idx - vq->next_avail) <= vq->size)
		return;
	vq->next_avail = idx;
	vq->avail_idx = idx;
}

/* All chains that have come since the last time. Returns whether the recording goes on. */
static bool collect(struct recorder *r, unsigned int queue)
{
	struct anvil_virtqueue *vq = &r->queue[queue].vq;
	int popped = 1;

	if (!anvil_virtqueue_enabled(vq))
		return true;
	take_flags(r, queue);
	pass_over_missed(r, vq);
	for (uint32_t i = 0; i < vq->size && popped > 0; i++) {
		struct anvil_descriptor_chain chain;

		anvil_descriptor_chain_init(&chain, &r->memory, r->segment, vq->size_max);
		popped = anvil_virtqueue_pop(vq, &chain);
		if (popped <= 0)
			break;
		/* not ours to hold: the device does */
		anvil_virtqueue_unpop(vq, &chain);
		vq->next_avail++;
		take_chain(r, queue, &chain);
	}
	if (popped >= 0)
		return true;
	recorder_end_requests(r);
	r->phase = RECORDER_DEAF;
	return false;
}

/* The device may have found these by itself. Receive buffers wait for a frame. */
static void collect_all(struct recorder *r)
{
	for (unsigned int i = 0; i < r->encoder.p.queues && collect(r, i); i++) {
		if (r->options.blk || i != ANVIL_NET_RX)
			notify_last(r, i);
	}
}

/* ---- after DRIVER_OK ---- */

static void notified(struct recorder *r, uint64_t value)
{
	struct script_op kick = script_op(OP_KICK);
	unsigned int queue;

	if (recorder_accepted(r, VIRTIO_F_NOTIFICATION_DATA))
		value &= VIRTIO_NOTIFY_QUEUE_MASK;
	queue = (unsigned int)value;

	if (value >= r->encoder.p.queues) {
		kick.kick.raw = 1;
		kick.kick.value = value;
		add_op(r, &kick);
		return;
	}
	if (r->options.net && queue != ANVIL_NET_RX && !collect(r, ANVIL_NET_RX))
		return;
	if (!collect(r, queue) || notify_last(r, queue))
		return;
	kick.kick.queue = (uint8_t)queue;
	add_op(r, &kick);
}

/* The driver goes on to take what was used: as often as there is something new in a queue. */
static void acknowledged(struct recorder *r, uint64_t events)
{
	struct script_op ack = script_op(OP_ACK);
	bool any = false;

	for (unsigned int i = 0; events & VIRTIO_INTERRUPT_USED && i < r->encoder.p.queues; i++) {
		struct recorder_queue *q = &r->queue[i];
		struct script_op op = script_op(OP_USED);
		uint16_t used;

		if (!anvil_virtqueue_enabled(&q->vq) ||
		    anvil_guest_memory_load_u16(&r->memory, q->vq.device_area + VIRTQ_USED_IDX,
						&used) ||
		    used == q->used_seen)
			continue;
		q->used_seen = used;
		any = true;
		op.used.queue = (uint8_t)i;
		op.used.event = q->vq.event_idx;
		add_op(r, &op);
	}
	if (!any)
		add_op(r, &ack);
}

/* Whether the queue will run once the driver says that it is ready. */
static bool starts(const struct recorder *r, const struct anvil_virtqueue *vq)
{
	struct anvil_virtqueue trial = *vq;

	return recorder_queue_writable(r, vq) &&
	       !anvil_virtqueue_enable(&trial, recorder_ring_features(r));
}

/* Stopping a queue and starting it; what is programmed in between goes into that. */
static void queue_changes(struct recorder *r, uint64_t offset, uint64_t value)
{
	struct script_op op;

	if (r->queue_sel >= r->encoder.p.queues)
		return;

	const struct anvil_virtqueue *vq = &r->queue[r->queue_sel].vq;

	if (offset == VIRTIO_MMIO_QUEUE_READY && value == 1 && starts(r, vq)) {
		op = script_op(OP_QUEUE);
		op.queue.queue = (uint8_t)r->queue_sel;
		op.queue.size = size_operand(r, vq);
		add_op(r, &op);
	} else if ((offset == VIRTIO_MMIO_QUEUE_READY && value == 0) ||
		   (offset == VIRTIO_MMIO_QUEUE_RESET && value == 1)) {
		op = script_op(OP_STOP);
		op.stop.queue = (uint8_t)r->queue_sel;
		op.stop.how = offset == VIRTIO_MMIO_QUEUE_RESET;
		add_op(r, &op);
	}
}

static bool is_queue_register(uint64_t offset)
{
	return offset == VIRTIO_MMIO_QUEUE_RESET ||
	       (offset >= VIRTIO_MMIO_QUEUE_SEL && offset <= VIRTIO_MMIO_QUEUE_READY) ||
	       (offset >= VIRTIO_MMIO_QUEUE_DESC_LOW && offset <= VIRTIO_MMIO_QUEUE_DEVICE_HIGH);
}

void recorder_requests_write(struct recorder *r, uint64_t offset, unsigned int width,
			     uint64_t value)
{
	struct script_op op;

	if (width == 4 && offset == VIRTIO_MMIO_QUEUE_NOTIFY)
		notified(r, value);
	else if (width == 4 && offset == VIRTIO_MMIO_INTERRUPT_ACK)
		acknowledged(r, value);
	else if (width == 4 && is_queue_register(offset))
		queue_changes(r, offset, value);
	else if (recorder_access_op(OP_WRITE, offset, width, value, &op))
		add_op(r, &op);
}

/* Whether a stopped queue is still in use: setting it up asks for that, too. */
static bool is_wait(const struct recorder *r, uint64_t offset)
{
	return offset == VIRTIO_MMIO_QUEUE_READY && r->queue_sel < r->encoder.p.queues &&
	       !anvil_virtqueue_enabled(&r->queue[r->queue_sel].vq);
}

void recorder_requests_read(struct recorder *r, uint64_t offset, unsigned int width)
{
	struct script_op op;

	if (offset == VIRTIO_MMIO_INTERRUPT_STATUS)
		collect_all(r); /* while the driver has not taken its chains back yet */
	else if (is_wait(r, offset))
		return;
	else if (recorder_access_op(OP_READ, offset, width, 0, &op))
		add_op(r, &op);
}

void recorder_requests_frame(struct recorder *r, const struct anvil_nic_frame *frame)
{
	struct script_op op;

	if (!collect(r, ANVIL_NET_RX))
		return;
	encode_frame(&r->encoder, frame, &op);
	add_op(r, &op);
}

void recorder_requests_reset(struct recorder *r)
{
	struct script_op op = script_op(OP_RESET);

	add_op(r, &op);
	recorder_end_requests(r);
}
