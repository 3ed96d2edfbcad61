/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The functions of recorder.h, and the bring-up: all up to the first notification.
 */
#include "recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"
#include "guest/guest.h"
#include "recorder_internal.h"

/* ---- the bring-up ---- */

static void start_bring_up(struct recorder *r)
{
	r->phase = RECORDER_BRING_UP;
	r->writes.ops = 0;
	recorder_start_script(r);
}

/* A device that was only looked at is no bring-up. */
static void end_bring_up(struct recorder *r)
{
	if (r->writes.ops > 0)
		recorder_save_bring_up(r);
	recorder_start_script(r);
}

/* More writes than this leave no room to go on in. */
#define WRITES_MAX (SCRIPT_OPS_MAX - 8u)

static void add_access(struct recorder *r, const struct script_op *op)
{
	if (r->script.ops == SCRIPT_OPS_MAX) {
		end_bring_up(r);
		memcpy(r->script.op, r->writes.op, r->writes.ops * sizeof(*op));
		r->script.ops = r->writes.ops;
	}
	r->script.op[r->script.ops++] = *op;
	if (op->code == OP_WRITE)
		r->writes.op[r->writes.ops++] = *op;
	if (r->writes.ops > WRITES_MAX) {
		end_bring_up(r);
		r->phase = RECORDER_DEAF;
	}
}

/* From where the pretend driver has its rings to the same place above 4 GiB. */
#define TO_HIGH (MAP_LOW - (uint32_t)MAP_HIGH)

/* The low half mostly comes first: when the high one says where the ring lies, it is moved again.
 */
static void move_high(struct script *s, uint64_t low_register)
{
	for (unsigned int i = s->ops; i > 0; i--) {
		struct script_op *op = &s->op[i - 1];

		if (op->code != OP_WRITE)
			continue;
		if (op->write.offset == low_register && op->write.value >= MAP_LOW)
			op->write.value -= TO_HIGH;
		if (op->write.offset == low_register || op->write.offset == VIRTIO_MMIO_QUEUE_SEL)
			return;
	}
}

static uint64_t moved_low(struct recorder *r, uint64_t offset, uint64_t value)
{
	unsigned int queue = r->queue_sel % SETUP_QUEUES_FEW;
	uint64_t ring = offset == VIRTIO_MMIO_QUEUE_DESC_LOW ? guest_desc(&r->encoder.p, queue)
			: offset == VIRTIO_MMIO_QUEUE_DRIVER_LOW
				? guest_avail_ring(&r->encoder.p, queue)
				: guest_used_ring(&r->encoder.p, queue);

	if (recorder_selected(r) && *recorder_ring_area(recorder_selected(r), offset) >> 32)
		ring -= TO_HIGH;
	return ring | (value & 15); /* as well or badly aligned */
}

/* What the driver writes, where the script's guest has it. */
static uint64_t moved(struct recorder *r, uint64_t offset, uint64_t value)
{
	uint32_t most = r->encoder.p.queue_size_max;

	if (offset == VIRTIO_MMIO_QUEUE_SIZE && value > most && value <= r->queue[0].vq.size_max)
		return most;
	if (!recorder_ring_area(&r->queue[0].vq, offset))
		return value;
	if (!(offset & RECORDER_HIGH_HALF))
		return moved_low(r, offset, value);
	if (value == 0)
		return 0;
	move_high(&r->script, offset - RECORDER_HIGH_HALF);
	move_high(&r->writes, offset - RECORDER_HIGH_HALF);
	return MAP_HIGH >> 32;
}

/* ---- what the embedder tells ---- */

static void reset(struct recorder *r)
{
	struct script_op op = script_op(OP_WRITE);

	op.write.offset = VIRTIO_MMIO_STATUS;
	if (r->phase == RECORDER_REQUESTS)
		recorder_requests_reset(r);
	else if (r->phase == RECORDER_BRING_UP && r->writes.ops > 0)
		end_bring_up(r);
	if (r->phase != RECORDER_BRING_UP || r->writes.ops > 0)
		start_bring_up(r);
	add_access(r, &op);
	recorder_forget_driver(r);
}

/* The bring-up ends with the first thing that a running device is told. */
static void start_if_live(struct recorder *r)
{
	if (r->phase != RECORDER_BRING_UP || !recorder_live(r))
		return;
	end_bring_up(r);
	if (recorder_accepted(r, VIRTIO_F_RING_PACKED)) {
		complain("%s: the driver uses packed rings: its requests are not recorded",
			 r->options.prefix);
		r->phase = RECORDER_DEAF;
		return;
	}
	recorder_start_requests(r);
}

void recorder_write(struct recorder *r, uint64_t offset, unsigned int width, uint64_t value)
{
	struct script_op op;

	if (!recorder_wants_more(r))
		return;
	if (width == 4)
		value = (uint32_t)value;
	if (width == 4 && offset == VIRTIO_MMIO_STATUS && value == 0) {
		reset(r);
		return;
	}
	if (width == 4 && offset == VIRTIO_MMIO_QUEUE_NOTIFY)
		start_if_live(r);
	if (r->phase == RECORDER_REQUESTS)
		recorder_requests_write(r, offset, width, value);
	else if (r->phase == RECORDER_BRING_UP &&
		 recorder_access_op(OP_WRITE, offset, width, moved(r, offset, value), &op))
		add_access(r, &op);
	if (width == 4)
		recorder_program(r, offset, value);
}

void recorder_read(struct recorder *r, uint64_t offset, unsigned int width)
{
	struct script_op op;

	if (!recorder_wants_more(r))
		return;
	if (r->phase == RECORDER_REQUESTS)
		recorder_requests_read(r, offset, width);
	else if (r->phase == RECORDER_BRING_UP &&
		 recorder_access_op(OP_READ, offset, width, 0, &op))
		add_access(r, &op);
}

void recorder_frame(struct recorder *r, const struct anvil_nic_frame *frame)
{
	if (!recorder_wants_more(r) || !r->options.net)
		return;
	start_if_live(r);
	if (r->phase == RECORDER_REQUESTS)
		recorder_requests_frame(r, frame);
}

static int create(struct recorder *r, uint16_t size_max)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < r->encoder.p.queues; i++)
		err = anvil_virtqueue_init(&r->queue[i].vq, &r->memory, size_max, true);
	r->segment = err ? NULL : calloc(size_max, sizeof(*r->segment));
	return r->segment ? 0 : -ENOMEM;
}

static void destroy(struct recorder *r)
{
	for (unsigned int i = 0; i < r->encoder.p.queues; i++)
		anvil_virtqueue_destroy(&r->queue[i].vq);
	free(r->segment);
	r->segment = NULL;
}

int recorder_init(struct recorder *r, const struct recorder_options *options)
{
	memset(r, 0, sizeof(*r));
	r->options = *options;
	r->memory = options->blk ? *options->blk->memory : *options->net->memory;
	r->memory.tap = NULL; /* nobody is to see us */
	encode_device(&r->encoder, options->blk, options->net);
	start_bring_up(r);

	int err = create(r, options->blk ? options->blk->queue_size_max
					 : options->net->queue_size_max);

	if (err)
		destroy(r);
	return err;
}

bool recorder_finish(struct recorder *r)
{
	if (r->phase == RECORDER_BRING_UP)
		end_bring_up(r);
	else if (r->phase == RECORDER_REQUESTS)
		recorder_end_requests(r);
	destroy(r);
	return !r->failed;
}
