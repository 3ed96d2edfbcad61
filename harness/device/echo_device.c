/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each chain in flight is a job with private copies of its own, as in the real devices.
 */
#include "echo_device.h"

#include <stdlib.h>
#include <string.h>

struct echo_job {
	struct anvil_descriptor_chain chain;
	struct anvil_descriptor_segment *segment;
	uint8_t *data; /* ECHO_BYTES */
	size_t len;
	unsigned int queue;
	uint16_t taken_at; /* ring position after it was taken */
};

static struct echo_device *to_echo(struct anvil_device *dev)
{
	return (struct echo_device *)((char *)dev - offsetof(struct echo_device, dev));
}

static void take_out(struct echo_device *e, unsigned int which)
{
	struct echo_job done = e->job[which];

	e->jobs--;
	memmove(&e->job[which], &e->job[which + 1], (e->jobs - which) * sizeof(done));
	e->job[e->jobs] = done;
}

static void answer(struct echo_device *e, unsigned int which)
{
	struct echo_job *j = &e->job[which];
	size_t room = j->chain.writable_bytes < j->len ? (size_t)j->chain.writable_bytes : j->len;
	int err;

	oracle_works_at(e->oracle, j->queue, j->chain.head);
	err = anvil_descriptor_chain_write(&j->chain, j->data, room);

	(void)err; /* there is room */
	anvil_virtqueue_fill(&e->dev.queue[j->queue], &j->chain);
	anvil_device_publish(&e->dev, j->queue);
	take_out(e, which);
}

/* Each queue has jobs of its own: none has to wait for another's. */
static unsigned int jobs_of(const struct echo_device *e, unsigned int queue)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < e->jobs; i++)
		count += e->job[i].queue == queue;
	return count;
}

static enum anvil_served serve_one(struct anvil_device *dev, unsigned int queue)
{
	struct echo_device *e = to_echo(dev);
	struct echo_job *j = &e->job[e->jobs];

	if (jobs_of(e, queue) == ECHO_JOBS)
		return ANVIL_SERVED_LATER;
	anvil_descriptor_chain_init(&j->chain, e->memory, j->segment, SETUP_QUEUE_SIZE);

	enum anvil_served served =
		anvil_device_popped(dev, queue, anvil_virtqueue_pop(&dev->queue[queue], &j->chain));

	if (served != ANVIL_SERVED_ONE)
		return served;
	j->queue = queue;
	j->taken_at = dev->queue[queue].next_avail;
	j->len =
		j->chain.readable_bytes < ECHO_BYTES ? (size_t)j->chain.readable_bytes : ECHO_BYTES;
	if (anvil_descriptor_chain_read(&j->chain, j->data, j->len))
		j->len = 0;
	e->jobs++;
	if (!e->deferred)
		answer(e, e->jobs - 1);
	return ANVIL_SERVED_ONE;
}

static void notified(struct anvil_device *dev, unsigned int queue)
{
	anvil_device_serve(dev, queue, serve_one);
}

static void queue_stopped(struct anvil_device *dev, unsigned int queue)
{
	struct echo_device *e = to_echo(dev);

	for (unsigned int i = e->jobs; i > 0; i--) {
		if (e->job[i - 1].queue == queue)
			take_out(e, i - 1);
	}
}

static void config_written(struct anvil_device *dev, uint32_t offset, const uint8_t *bytes,
			   uint32_t len)
{
	if (offset + len <= 8)
		memcpy(to_echo(dev)->config + offset, bytes, len);
}

static void reset(struct anvil_device *dev)
{
	struct echo_device *e = to_echo(dev);

	for (unsigned int i = 0; i < sizeof(e->config); i++)
		e->config[i] = i < 8 ? (uint8_t)(i + 2) : 0;
}

static void save(const struct anvil_device *dev, struct anvil_state_writer *w)
{
	anvil_state_put_bytes(w, ((const struct echo_device *)dev)->config, 8);
}

static bool restore(struct anvil_device *dev, struct anvil_state_reader *r)
{
	anvil_state_get_bytes(r, to_echo(dev)->config, 8);
	return true;
}

static const struct anvil_feature_rule rules[] = { { 1, { 0 } } };

static const struct anvil_device_ops echo_ops = {
	.device_id = 0x2a,
	.rule = rules,
	.rules = 1,
	.notified = notified,
	.queue_stopped = queue_stopped,
	.config_written = config_written,
	.reset = reset,
	.save = save,
	.restore = restore,
};

/* Only the chain taken last from its queue can go back (anvil_virtqueue_unpop). */
static void give_back_newest(struct echo_device *e)
{
	struct echo_job *j = &e->job[e->jobs - 1];
	struct anvil_virtqueue *vq = &e->dev.queue[j->queue];

	if (j->taken_at != vq->next_avail)
		return;
	oracle_unpopped(e->oracle, j->queue);
	anvil_virtqueue_unpop(vq, &j->chain);
	take_out(e, e->jobs - 1);
}

void echo_device_complete(struct echo_device *e, unsigned int which, bool unpop)
{
	if (e->jobs == 0)
		return;

	unsigned int at = e->backwards ? e->jobs - 1 - which % e->jobs : which % e->jobs;
	unsigned int queue = e->job[unpop ? e->jobs - 1 : at].queue;

	if (!anvil_device_queue_live(&e->dev, queue)) {
		take_out(e, unpop ? e->jobs - 1 : at);
		return;
	}
	if (unpop) {
		give_back_newest(e);
		if (e->dev.suspending)
			anvil_device_defer(&e->dev, queue);
		return;
	}
	answer(e, at);
	anvil_device_notify(&e->dev, queue);
}

void echo_device_create(struct echo_device *e)
{
	memset(e, 0, sizeof(*e));
	e->job = calloc(ECHO_QUEUES * ECHO_JOBS, sizeof(*e->job));
	for (unsigned int i = 0; e->job && i < ECHO_QUEUES * ECHO_JOBS; i++) {
		e->job[i].segment = malloc(SETUP_QUEUE_SIZE * sizeof(*e->job[i].segment));
		e->job[i].data = malloc(ECHO_BYTES);
		if (!e->job[i].segment || !e->job[i].data)
			abort();
	}
	if (!e->job)
		abort();
}

int echo_device_init(struct echo_device *e, const struct setup *p, struct oracle *oracle,
		     const struct anvil_guest_memory *memory)
{
	e->oracle = oracle;
	e->memory = memory;
	e->deferred = p->flags & FLAG_DEFERRED;
	e->backwards = p->flags & FLAG_BACKWARDS;
	e->jobs = 0;

	int err = anvil_device_init(&e->dev, &echo_ops, memory, p->queues, p->queue_size_max,
				    &p->offered);

	e->dev.config = e->config;
	e->dev.config_len = sizeof(e->config);
	reset(&e->dev);
	return err;
}

void echo_device_destroy(struct echo_device *e)
{
	anvil_device_destroy(&e->dev);
}
