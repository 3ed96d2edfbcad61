/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffers: what the device fetches from them, what it stores into them, and whether a chain that it
 * gives back holds just what is due.
 */
#include <string.h>

#include "oracle_internal.h"

/* Finds the segment among [from, to) that holds [gpa, gpa + len) at or after stream position
 * `least`, and the position. */
static bool find_position(const struct model_chain *c, unsigned int from, unsigned int to,
			  uint64_t least, uint64_t gpa, uint64_t len, uint64_t *position)
{
	uint64_t start = 0;

	for (unsigned int i = from; i < to; i++) {
		const struct model_segment *s = &c->segment[i];

		if (gpa >= s->gpa && gpa - s->gpa < s->len && len <= s->len - (gpa - s->gpa) &&
		    start + (gpa - s->gpa) >= least) {
			*position = start + (gpa - s->gpa);
			return true;
		}
		start += s->len;
	}
	return false;
}

void oracle_buffer_fetched(struct oracle *o, uint64_t gpa, const void *bytes, size_t len)
{
	struct model_chain *c = o->last;
	uint64_t at;

	oracle_counts_access(o);
	if (!c || !c->taken || !oracle_queue_live(o, o->last_queue))
		oracle_fail(o, c ? 2 : 6, "reads a buffer at 0x%llx, no chain is being read",
			    (unsigned long long)gpa);
	if (!find_position(c, 0, c->readable, c->read_pos, gpa, len, &at)) {
		if (find_position(c, 0, c->readable, 0, gpa, len, &at))
			oracle_fail(o, 10, "reads %zu bytes at 0x%llx of chain %u again", len,
				    (unsigned long long)gpa, c->head);
		oracle_fail(o, 2, "reads %zu bytes at 0x%llx, not device-readable in chain %u", len,
			    (unsigned long long)gpa, c->head);
	}
	if (at + len <= ORACLE_CAPTURE_BYTES) {
		memset(c->capture + c->read_pos, 0, (size_t)(at - c->read_pos));
		memcpy(c->capture + at, bytes, len);
	}
	c->read_pos = at + len;
}

static bool writable_in(const struct model_chain *c, uint64_t gpa, size_t len)
{
	uint64_t at;

	return c->taken && find_position(c, c->readable, c->count, 0, gpa, len, &at);
}

static bool writable_somewhere(const struct oracle *o, uint64_t gpa, size_t len)
{
	for (unsigned int i = 0; i < o->p->queues; i++) {
		const struct model_queue *q = &o->queue[i];

		for (unsigned int k = 0; q->ready && k < q->helds; k++) {
			if (writable_in(q->held[k], gpa, len))
				return true;
		}
	}
	return false;
}

static bool log_full(const struct oracle *o, size_t len)
{
	bool in_order = oracle_accepted(o, VIRTIO_F_IN_ORDER);
	size_t room = in_order ? ORACLE_WAITING_BYTES : 2 * ORACLE_CAPTURE_BYTES;

	return o->logs == (in_order ? ORACLE_WAITING_LOG : ORACLE_LOG_MAX) ||
	       len > room - o->log_used;
}

void oracle_buffer_stored(struct oracle *o, uint64_t gpa, const void *bytes, size_t len)
{
	oracle_counts_access(o);
	if (!oracle_live(o))
		oracle_fail(o, 6, "stores at 0x%llx while not running", (unsigned long long)gpa);
	if (!(o->last && writable_in(o->last, gpa, len)) && !writable_somewhere(o, gpa, len))
		oracle_fail(o, 1, "stores %zu bytes at 0x%llx, not device-writable", len,
			    (unsigned long long)gpa);
	if (log_full(o, len))
		oracle_fail(o, 3, "stores more than any request asks for");
	memcpy(o->log_bytes + o->log_used, bytes, len);
	o->log[o->logs++] = (struct model_store){
		.by = o->current,
		.gpa = gpa,
		.len = (uint32_t)len,
		.bytes = o->log_bytes + o->log_used,
	};
	o->log_used += len;
}

/* ---- giving a chain back ---- */

/* The address of a stream position of the writable bytes, and how many bytes follow in place. */
static uint64_t writable_at(const struct model_chain *c, uint64_t position, uint64_t *room)
{
	for (unsigned int i = c->readable; i < c->count; i++) {
		const struct model_segment *s = &c->segment[i];

		if (position < s->len) {
			*room = s->len - position;
			return s->gpa + position;
		}
		position -= s->len;
	}
	*room = 0;
	return 0;
}

/* Compares with one part of what is due; tells the first byte that differs. */
static void check_part(struct oracle *o, const struct model_chain *c, const uint8_t *bytes,
		       const uint8_t *right, size_t len, uint64_t position)
{
	if (!memcmp(bytes, right, len))
		return;
	while (*bytes == *right) {
		bytes++;
		right++;
		position++;
	}
	oracle_fail(o, 9, "stores 0x%02x instead of 0x%02x as byte %llu of chain %u", *bytes,
		    *right, (unsigned long long)position, c->head);
}

static void check_bytes(struct oracle *o, const struct model_chain *c, const struct due *due,
			const struct model_store *s, uint64_t position)
{
	uint64_t first = position < due->len[0] ? due->len[0] - position : 0;

	if (first > s->len)
		first = s->len;
	if (first)
		check_part(o, c, s->bytes, due->part[0] + position, (size_t)first, position);
	if (first < s->len)
		check_part(o, c, s->bytes + first, due->part[1] + position + first - due->len[0],
			   (size_t)(s->len - first), position + first);
}

/* The stores since the last used entry are those of this chain: first the data, then the last
 * byte. Returns what used.len has to be. */
static uint64_t check_stores(struct oracle *o, const struct model_chain *c, const struct due *due)
{
	uint64_t data = due->len[0] + due->len[1];
	uint64_t position = 0;
	bool last = due->last < 0;

	for (unsigned int i = 0; i < o->logs; i++) {
		const struct model_store *s = &o->log[i];
		uint64_t room;
		uint64_t gpa = writable_at(c, position, &room);

		if (position == data && !last) {
			gpa = writable_at(c, c->writable_bytes - 1, &room);
			if (s->gpa != gpa || s->len != 1)
				oracle_fail(o, 3,
					    "the status of chain %u goes to 0x%llx, not 0x%llx",
					    c->head, (unsigned long long)s->gpa,
					    (unsigned long long)gpa);
			if (s->bytes[0] != due->last)
				oracle_fail(o, 4, "chain %u is answered with %u instead of %d",
					    c->head, s->bytes[0], due->last);
			last = true;
			continue;
		}
		if (position + s->len > data || s->gpa != gpa || s->len > room)
			oracle_fail(o, 3, "stores %u bytes at 0x%llx that chain %u is not owed",
				    s->len, (unsigned long long)s->gpa, c->head);
		check_bytes(o, c, due, s, position);
		position += s->len;
	}
	if (position != data || !last)
		oracle_fail(o, 4, "chain %u comes back with %llu of %llu bytes and %s status",
			    c->head, (unsigned long long)position, (unsigned long long)data,
			    last ? "a" : "no");
	return data + (due->last >= 0 && data + 1 == c->writable_bytes);
}

/*
 * In order, entries wait for those before them, and so stores of several chains do: which of them
 * are this chain's? Those in a row that are just what is due. Returns how many, from `from` on, or
 * -1.
 */
static int fitting_stores(const struct oracle *o, const struct model_chain *c,
			  const struct due *due, unsigned int from)
{
	uint64_t data = due->len[0] + due->len[1];
	uint64_t position = 0;
	unsigned int i = from;
	uint64_t room;

	for (; position < data; i++) {
		const struct model_store *s = &o->log[i];

		if (i == o->logs || (s->by && s->by != c) ||
		    s->gpa != writable_at(c, position, &room) || s->len > room ||
		    position + s->len > data)
			return -1;
		for (uint32_t k = 0; k < s->len; k++, position++) {
			const uint8_t *right = position < due->len[0]
						       ? due->part[0] + position
						       : due->part[1] + position - due->len[0];

			if (s->bytes[k] != *right)
				return -1;
		}
	}
	if (due->last < 0)
		return (int)(i - from);
	if (i == o->logs || (o->log[i].by && o->log[i].by != c) || o->log[i].len != 1 ||
	    o->log[i].bytes[0] != due->last ||
	    o->log[i].gpa != writable_at(c, c->writable_bytes - 1, &room))
		return -1;
	return (int)(i - from + 1);
}

/* As check_stores, which tells what is wrong if nothing fits. */
static uint64_t find_stores(struct oracle *o, const struct model_chain *c, const struct due *due,
			    bool *stored)
{
	for (unsigned int from = 0; from <= o->logs; from++) {
		int count = fitting_stores(o, c, due, from);

		if (count < 0)
			continue;
		oracle_drop_stores(o, from, (unsigned int)count);
		*stored = count > 0;
		return due->len[0] + due->len[1] +
		       (due->last >= 0 && due->len[0] + due->len[1] + 1 == c->writable_bytes);
	}
	return check_stores(o, c, due);
}

static struct model_chain *held_chain(struct oracle *o, unsigned int queue, uint32_t head)
{
	struct model_chain *c = oracle_chain_of(&o->queue[queue], head);

	if (!c)
		oracle_fail(o, 4, "queue %u gives back chain %u, which it does not hold", queue,
			    head);
	return c;
}

static void drop_held(struct oracle *o, unsigned int queue, struct model_chain *c)
{
	struct model_queue *q = &o->queue[queue];
	unsigned int i = 0;

	while (q->held[i] != c)
		i++;
	if (i > 0 && oracle_accepted(o, VIRTIO_F_IN_ORDER))
		oracle_fail(o, 4, "queue %u gives back chain %u before chain %u, not in order",
			    queue, c->head, q->held[0]->head);
	if (i > 0 && o->kind->keeps)
		hit(MILESTONE_BLK_OUT_OF_ORDER);
	for (q->helds--; i < q->helds; i++)
		q->held[i] = q->held[i + 1];
	c->taken = false;
}

static uint64_t due_stores(struct oracle *o, const struct model_chain *c, const struct due *due,
			   bool *stored)
{
	uint64_t right;

	if (oracle_accepted(o, VIRTIO_F_IN_ORDER))
		return find_stores(o, c, due, stored);
	right = check_stores(o, c, due);
	*stored = o->logs > 0;
	o->logs = 0;
	o->log_used = 0;
	return right;
}

static void digest_chain(struct oracle *o, unsigned int queue, const struct model_chain *c,
			 const struct due *due, uint32_t len)
{
	uint64_t *sum = &o->digest.completions;

	oracle_digest_number(sum, queue);
	oracle_digest_number(sum, c->order);
	oracle_digest_number(sum, len);
	oracle_digest_number(sum, (uint64_t)due->last);
	for (unsigned int i = 0; i < 2; i++)
		oracle_digest_bytes(sum, due->part[i], due->len[i]);
	o->digest.completed++;
}

static void tell_size(const struct oracle *o, unsigned int queue, const struct model_chain *c)
{
	if (queue >= 32)
		hit(MILESTONE_RING_HIGH_QUEUE);
	if (c->head > UINT8_MAX && !o->queue[queue].packed)
		hit(MILESTONE_RING_HIGH_HEAD);
	if (c->count > 256)
		hit(MILESTONE_RING_LONG_CHAIN);
	if (o->queue[queue].helds > 256)
		hit(MILESTONE_RING_MANY_HELD);
}

bool oracle_gives_back(struct oracle *o, unsigned int queue, uint32_t head, uint32_t len)
{
	struct due due = { .last = -1 };
	struct model_chain *c = held_chain(o, queue, head);
	bool stored = false;

	o->kind->due(o, queue, c, &due);

	uint64_t right = due_stores(o, c, &due, &stored);

	if (len != right)
		oracle_fail(o, 3, "used.len of chain %u is %u instead of %llu", c->head, len,
			    (unsigned long long)right);
	if (o->digests)
		digest_chain(o, queue, c, &due, len);
	tell_size(o, queue, c);
	drop_held(o, queue, c);
	o->queue[queue].filled++;
	if (o->p->big_endian)
		hit(MILESTONE_LEGACY_BIG_ENDIAN);
	return stored;
}
