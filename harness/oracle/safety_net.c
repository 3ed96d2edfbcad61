/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of a network device (5.1.6): what is sent is what a transmit chain holds, and what arrives
 * in receive buffers is a frame that the host handed over. Nothing is said of frames that a device
 * drops, nor of those that it may change by an offload.
 */
#include "safety_internal.h"

#include <stdlib.h>
#include <string.h>

#define HEADER 12u

/* Of a longer frame the rest is not looked at. */
#define LOOKED_AT 0x10000u

void safety_net_start(struct safety *s)
{
	struct safety_frames *f = &s->frames;

	for (unsigned int i = 0; i < SAFETY_FRAMES; i++) {
		if (!f->frame[i])
			f->frame[i] = malloc(SAFETY_FRAME_BYTES);
		if (!f->frame[i])
			abort();
		f->len[i] = 0;
	}
	if (!f->stored)
		f->stored = malloc(SAFETY_FRAME_BYTES);
	if (!f->stored)
		abort();
	f->next = 0;
	f->bytes = 0;
	f->buffers = 0;
	f->shown = 0;
	f->unknown = false;
	f->oweds = 0;
	f->owed_any = 0;
}

/* Offloads by which a device changes a frame or its header. */
static bool changes_frames(const struct safety *s)
{
	const uint64_t some = 1ull << VIRTIO_NET_F_CSUM | 1ull << VIRTIO_NET_F_GUEST_CSUM;

	return s->p->legacy || s->features[0] & some || s->features[1];
}

/* ---- to the host ---- */

/* Whether the chain holds this frame behind its header. */
static bool holds(const struct safety *s, const struct safety_chain *c, const uint8_t *frame,
		  size_t len)
{
	uint8_t part[2048];
	size_t most = len < LOOKED_AT ? len : LOOKED_AT;

	if (c->sent || c->now.readable != HEADER + len)
		return false;
	for (size_t at = 0; at < most; at += sizeof(part)) {
		size_t more = most - at < sizeof(part) ? most - at : sizeof(part);

		safety_chain_copy(s, c, false, HEADER + at, part, more);
		if (memcmp(part, frame + at, more))
			return false;
	}
	return true;
}

/* ---- chains that are given back before their frame is sent ---- */

#define HASH_START 0xcbf29ce484222325ull

static uint64_t hash_on(uint64_t hash, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ull;
	return hash;
}

static uint64_t hash_of_chain(const struct safety *s, const struct safety_chain *c, size_t len)
{
	uint64_t hash = HASH_START;
	uint8_t part[2048];
	size_t most = len < LOOKED_AT ? len : LOOKED_AT;

	for (size_t at = 0; at < most; at += sizeof(part)) {
		size_t more = most - at < sizeof(part) ? most - at : sizeof(part);

		safety_chain_copy(s, c, false, HEADER + at, part, more);
		hash = hash_on(hash, part, more);
	}
	return hash;
}

/* A frame that the device has copied may leave when it likes. */
static void owe(struct safety *s, const struct safety_queue *q, const struct safety_chain *c)
{
	struct safety_frames *f = &s->frames;
	size_t len;

	if (c->sent)
		return;
	if (q->broken || safety_chain_unclear(s, c) || f->oweds == SAFETY_OWED) {
		f->owed_any++;
		return;
	}
	if (c->now.readable <= HEADER)
		return;
	len = (size_t)(c->now.readable - HEADER);
	f->owed[f->oweds].len = len;
	f->owed[f->oweds++].hash = hash_of_chain(s, c, len);
}

static bool is_owed(struct safety_frames *f, const uint8_t *frame, size_t len)
{
	uint64_t hash =
		f->oweds ? hash_on(HASH_START, frame, len < LOOKED_AT ? len : LOOKED_AT) : 0;

	for (unsigned int i = 0; i < f->oweds; i++) {
		if (f->owed[i].len != len || f->owed[i].hash != hash)
			continue;
		f->owed[i] = f->owed[--f->oweds];
		return true;
	}
	if (!f->owed_any)
		return false;
	f->owed_any--;
	return true;
}

void safety_sent(struct safety *s, const void *frame, size_t len)
{
	bool unclear = s->off || changes_frames(s);

	for (unsigned int i = 1; i < 2 * s->p->pairs && i < s->p->queues; i += 2) {
		struct safety_queue *q = &s->queue[i];

		unclear |= q->broken;
		for (unsigned int k = 0; q->ready && k < q->chains; k++) {
			unclear |= safety_chain_unclear(s, q->held[k]);
			if (!holds(s, q->held[k], frame, len))
				continue;
			q->held[k]->sent = true;
			return;
		}
	}
	if (!unclear && !is_owed(&s->frames, frame, len))
		safety_fail(s, 9, "sends %zu bytes that are not those of any available chain", len);
}

/* ---- to the guest ---- */

void safety_frame(struct safety *s, const void *frame, size_t len)
{
	struct safety_frames *f = &s->frames;
	unsigned int at = f->next++ % SAFETY_FRAMES;

	if (len > SAFETY_FRAME_BYTES)
		return;
	memcpy(f->frame[at], frame, len);
	f->len[at] = len;
}

void safety_net_returned(struct safety *s, unsigned int queue, const struct safety_chain *c,
			 uint32_t len)
{
	struct safety_frames *f = &s->frames;

	if (queue >= 2 * s->p->pairs)
		return;
	if (queue % 2) {
		owe(s, &s->queue[queue], c);
		return;
	}
	f->buffers++;
	if (s->queue[queue].broken || safety_chain_unclear(s, c) ||
	    len > SAFETY_FRAME_BYTES - f->bytes) {
		f->unknown = true;
		return;
	}
	f->bytes += safety_chain_copy(s, c, true, 0, f->stored + f->bytes, len);
}

static bool was_handed_over(const struct safety_frames *f)
{
	for (unsigned int i = 0; i < SAFETY_FRAMES; i++) {
		if (f->len[i] && f->bytes == HEADER + f->len[i] &&
		    !memcmp(f->stored + HEADER, f->frame[i], f->len[i]))
			return true;
	}
	return false;
}

void safety_net_settle(struct safety *s)
{
	struct safety_frames *f = &s->frames;
	bool clear = f->buffers && !f->unknown && !s->off && !changes_frames(s);
	unsigned int said = f->stored[10] | (unsigned int)f->stored[11] << 8;

	if (clear && (f->bytes < HEADER || !was_handed_over(f)))
		safety_fail(
			s, 9,
			"stores %zu bytes in %u receive buffers, which are no frame of the host's",
			f->bytes, f->buffers);
	else if (clear && (f->stored[0] || f->stored[1])) /* 5.1.6.4.1 */
		safety_fail(s, 9,
			    "a received frame has flags 0x%x and gso_type 0x%x, without offloads",
			    f->stored[0], f->stored[1]);
	else if (clear && s->tapped && f->shown > 1)
		safety_fail(s, 5, "shows the receive buffers of one frame one by one");
	else if (clear && safety_accepted(s, VIRTIO_NET_F_MRG_RXBUF) && said != f->buffers)
		safety_fail(s, 5, "says %u receive buffers of a frame that has %u", said,
			    f->buffers);
	f->bytes = 0;
	f->buffers = 0;
	f->shown = 0;
	f->unknown = false;
}
