/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings and buffers: follows each fetch and store of the device with the bytes that it saw.
 */
#include "oracle.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "oracle_internal.h"

bool oracle_milestone[MILESTONE_COUNT];

const char *const oracle_milestone_text[MILESTONE_COUNT] = {
#define X(id, text) text,
	MILESTONES(X)
#undef X
};

static const uint32_t live_status = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER |
				    VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK;

/* ---- memory, which a device has all of when it is created ---- */

static _Thread_local uint64_t allocated; /* pieces that were not freed yet */

static void count_allocation(const volatile void *at, size_t bytes)
{
	(void)at;
	(void)bytes;
	allocated++;
}

static void count_free(const volatile void *at)
{
	(void)at;
	allocated--;
}

/* Sanitizers have it; without one, nobody counts. */
__attribute__((weak)) int __sanitizer_install_malloc_and_free_hooks(
	void (*malloc_hook)(const volatile void *at, size_t bytes),
	void (*free_hook)(const volatile void *at));

bool oracle_memory_grew(const struct oracle *o)
{
	return allocated - o->allocated - 1 < UINT64_MAX / 2;
}

/* Pages of it are used as they are touched. */
static void *address_space(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

void oracle_create(struct oracle *o)
{
	size_t chains = (size_t)PERSONALITY_QUEUES * PERSONALITY_QUEUE_SIZE;
	static bool hooked;
	uint8_t *capture = address_space(chains * ORACLE_CAPTURE_BYTES);
	struct model_chain *chain = calloc(chains, sizeof(*chain));

	if (!hooked && __sanitizer_install_malloc_and_free_hooks)
		__sanitizer_install_malloc_and_free_hooks(count_allocation, count_free);
	hooked = true;
	memset(o, 0, sizeof(*o));
	o->log = address_space(ORACLE_WAITING_LOG * sizeof(*o->log));
	o->log_bytes = address_space(ORACLE_WAITING_BYTES);
	o->list = calloc(1, sizeof(*o->list));
	o->net.completed = malloc(NIC_FRAME_BYTES_MAX);
	o->net.answer = malloc(ORACLE_ANSWER_BYTES);
	if (!chain || !o->list || !o->net.completed || !o->net.answer)
		abort();
	for (size_t i = 0; i < chains; i++)
		chain[i].capture = capture + i * ORACLE_CAPTURE_BYTES;
	for (unsigned int q = 0; q < PERSONALITY_QUEUES; q++)
		o->queue[q].chain = chain + (size_t)q * PERSONALITY_QUEUE_SIZE;
}

void oracle_fail(struct oracle *o, unsigned int rule, const char *format, ...)
{
	va_list args;

	o->broken_rule = (int)rule;
	va_start(args, format);
	vsnprintf(o->reason, sizeof(o->reason), format, args);
	va_end(args);
	longjmp(*o->escape, 1);
}

void oracle_digest_number(uint64_t *sum, uint64_t number)
{
	*sum = (*sum ^ number) * 0x9e3779b97f4a7c15ull;
	*sum ^= *sum >> 29;
}

void oracle_digest_bytes(uint64_t *sum, const void *bytes, uint64_t len)
{
	const uint8_t *at = bytes;

	oracle_digest_number(sum, len);
	for (; len > 0; len--)
		*sum = (*sum ^ *at++) * 0x100000001b3ull;
}

bool oracle_live(const struct oracle *o)
{
	if (o->p->legacy) /* there the queues run from DRIVER on */
		return (o->status & ~(uint32_t)VIRTIO_STATUS_DRIVER_OK) == 3;
	return o->status == live_status;
}

bool oracle_final(const struct oracle *o)
{
	return o->p->legacy ? o->agreed : o->status & VIRTIO_STATUS_FEATURES_OK;
}

bool oracle_accepted(const struct oracle *o, unsigned int feature)
{
	return oracle_final(o) && o->driver_features[feature / 64] >> (feature % 64) & 1;
}

bool oracle_queue_live(const struct oracle *o, unsigned int queue)
{
	return oracle_live(o) && o->queue[queue].ready;
}

/* 2.4, 2.6.1.1.1: one request that may still reach the disk, of this queue or of any. */
static bool draining(const struct oracle *o, unsigned int queue, bool any)
{
	for (unsigned int i = 0; i < o->at_disk; i++) {
		const struct model_disk_request *d = &o->disk_request[i];

		if (d->stopped && (any || d->queue == queue))
			return true;
	}
	return false;
}

bool oracle_draining(const struct oracle *o)
{
	return draining(o, 0, true);
}

bool oracle_in_use(const struct oracle *o, unsigned int queue)
{
	return o->queue[queue].ready || draining(o, queue, false);
}

uint32_t oracle_status(const struct oracle *o)
{
	return o->resetting ? o->resetting : o->status;
}

bool oracle_in_ram(uint64_t gpa, uint64_t len)
{
	if (len == 0)
		return true;
	if (gpa >= MAP_LOW && gpa < MAP_LOW_END)
		return len <= MAP_LOW_END - gpa;
	return gpa >= MAP_HIGH && gpa < MAP_HIGH_END && len <= MAP_HIGH_END - gpa;
}

static void forget_chains(struct oracle *o, unsigned int queue)
{
	struct model_queue *q = &o->queue[queue];

	for (unsigned int i = 0; i < q->helds; i++)
		q->held[i]->taken = false;
	q->helds = 0;
	if (o->last && o->last_queue == queue)
		o->last = NULL;
}

static void drop_stores(struct oracle *o, unsigned int from, unsigned int count)
{
	uint8_t *to = o->log_bytes;

	memmove(&o->log[from], &o->log[from + count], (o->logs - from - count) * sizeof(*o->log));
	o->logs -= count;
	for (unsigned int i = 0; i < o->logs; i++) {
		memmove(to, o->log[i].bytes, o->log[i].len);
		o->log[i].bytes = to;
		to += o->log[i].len;
	}
	o->log_used = (size_t)(to - o->log_bytes);
}

/* In order, what is done may wait for others that now are forgotten. */
static void drop_stores_of(struct oracle *o, const struct model_queue *q)
{
	for (unsigned int i = o->logs; i > 0; i--) {
		const struct model_chain *by = o->log[i - 1].by;

		if (by >= q->chain && by < q->chain + PERSONALITY_QUEUE_SIZE)
			drop_stores(o, i - 1, 1);
	}
}

/* Ids of a packed ring are any. */
struct model_chain *oracle_chain_of(const struct model_queue *q, uint32_t head)
{
	for (unsigned int i = 0; i < q->helds; i++) {
		if (q->held[i]->head == head)
			return q->held[i];
	}
	return NULL;
}

void oracle_works_at(struct oracle *o, unsigned int queue, uint16_t head)
{
	o->at_work = oracle_chain_of(&o->queue[queue], head);
}

void oracle_stop_queue(struct oracle *o, unsigned int queue)
{
	struct model_queue *q = &o->queue[queue];
	bool ran_before = q->ran_before;

	if (q->ready)
		o->stopped[queue].pfn = q->pfn;
	for (unsigned int i = 0; i < o->at_disk; i++)
		o->disk_request[i].stopped |= o->disk_request[i].queue == queue;
	forget_chains(o, queue);
	drop_stores_of(o, q);
	if (o->p->kind == DEVICE_NET)
		oracle_net_stopped(o, queue);
	memset(q, 0, offsetof(struct model_queue, chain));
	q->ran_before = ran_before;
}

void oracle_forget_waiting(struct oracle *o)
{
	if (!oracle_accepted(o, VIRTIO_F_IN_ORDER))
		return;
	o->logs = 0;
	o->log_used = 0;
}

void oracle_must_break(struct oracle *o, enum milestone m)
{
	hit(m);
	o->walk.active = false;
	o->status |= VIRTIO_STATUS_NEEDS_RESET;
	if (o->status & VIRTIO_STATUS_DRIVER_OK)
		o->interrupts |= VIRTIO_INTERRUPT_CONFIG;
	for (unsigned int i = 0; i < o->p->queues; i++)
		forget_chains(o, i);
	oracle_forget_waiting(o);
}

void oracle_event(struct oracle *o)
{
	o->accesses = 0;
	o->allocated = allocated;
	o->raced = false;
	if (!o->saw_jump)
		return;
	o->saw_jump = false;
	for (unsigned int i = 0; i < o->p->queues; i++)
		o->queue[i].saw_jump = false;
}

void oracle_polls(struct oracle *o)
{
	o->accesses = 0;
}

static void access_counts(struct oracle *o)
{
	if (o->in_read)
		oracle_fail(o, 10, "a register read touches guest memory");
	if (++o->accesses > o->access_bound)
		oracle_fail(o, 10, "more than %llu guest memory accesses in one call",
			    (unsigned long long)o->access_bound);
}

static struct model_queue *running_queue(struct oracle *o, unsigned int queue, uint64_t gpa,
					 const char *what)
{
	access_counts(o);
	if (!oracle_queue_live(o, queue))
		oracle_fail(o, 6, "%s at 0x%llx: queue %u is not running", what,
			    (unsigned long long)gpa, queue);
	return &o->queue[queue];
}

/* ---- taking a chain ---- */

void oracle_taken(struct oracle *o, struct model_chain *c)
{
	struct model_walk *w = &o->walk;
	struct model_queue *q = &o->queue[w->queue];

	w->active = false;
	c->taken = true;
	if (o->p->kind == DEVICE_BLK)
		oracle_blk_took(o, w->queue);
	c->order = o->order++;
	q->held[q->helds++] = c;
	q->gave_back = false;
	if (w->indirect)
		hit(MILESTONE_RING_INDIRECT);
	if (!(o->status & VIRTIO_STATUS_DRIVER_OK))
		hit(MILESTONE_LEGACY_EARLY);
	o->last = c;
	o->at_work = c;
	o->last_queue = w->queue;
}

static void finish_walk(struct oracle *o)
{
	struct model_queue *q = &o->queue[o->walk.queue];

	q->next_avail++;
	if (q->next_avail > q->size)
		hit(MILESTONE_RING_WRAPPED);
	oracle_taken(o, o->walk.chain);
}

bool oracle_table_fine(const struct oracle *o, const struct model_segment *table,
		       unsigned int flags)
{
	return oracle_accepted(o, VIRTIO_F_INDIRECT_DESC) && !o->walk.indirect &&
	       !(flags & VIRTQ_DESC_F_NEXT) && table->len >= 16 && table->len % 16 == 0 &&
	       oracle_in_ram(table->gpa, table->len);
}

static void enter_table(struct oracle *o, const struct virtq_desc *d)
{
	struct model_walk *w = &o->walk;

	if (!oracle_table_fine(o, &(struct model_segment){ d->addr, d->len }, d->flags)) {
		oracle_must_break(o, MILESTONE_BREAK_INDIRECT);
		return;
	}
	w->indirect = true;
	w->table = d->addr;
	w->entries = d->len / 16;
	w->index = 0;
}

static bool breaks(struct oracle *o, enum milestone m)
{
	oracle_must_break(o, m);
	return false;
}

bool oracle_add_segment(struct oracle *o, struct model_chain *c, const struct model_segment *s,
			bool writable)
{
	if (c->count == o->queue[o->walk.queue].size)
		return breaks(o, MILESTONE_BREAK_LOOP);
	if (!writable && c->readable < c->count)
		return breaks(o, MILESTONE_BREAK_ORDER);
	if (c->readable_bytes + c->writable_bytes + s->len > 0x100000000ull)
		return breaks(o, MILESTONE_BREAK_TOTAL);
	if (!oracle_in_ram(s->gpa, s->len))
		return breaks(o, MILESTONE_BREAK_ADDRESS);
	c->segment[c->count++] = *s;
	if (writable) {
		c->writable_bytes += s->len;
	} else {
		c->readable_bytes += s->len;
		c->readable++;
	}
	return true;
}

static void add_segment(struct oracle *o, const struct virtq_desc *d)
{
	struct model_walk *w = &o->walk;
	const struct model_segment s = { d->addr, d->len };

	if (!oracle_add_segment(o, w->chain, &s, d->flags & VIRTQ_DESC_F_WRITE))
		return;
	if (!(d->flags & VIRTQ_DESC_F_NEXT)) {
		finish_walk(o);
		return;
	}
	w->index = d->next;
	if (w->index >= w->entries)
		oracle_must_break(o, MILESTONE_BREAK_NEXT);
}

static void descriptor_fetched(struct oracle *o, uint64_t gpa, const void *bytes, size_t len)
{
	struct model_walk *w = &o->walk;
	const uint8_t *raw = bytes;
	struct virtq_desc d;

	if (gpa != w->table + 16ull * w->index || len != sizeof(d))
		oracle_fail(o, 10, "fetches %zu bytes at 0x%llx instead of descriptor %u", len,
			    (unsigned long long)gpa, w->index);
	d.addr = oracle_64(o, raw);
	d.len = oracle_32(o, raw + 8);
	d.flags = (uint16_t)oracle_16(o, raw + 12);
	d.next = (uint16_t)oracle_16(o, raw + 14);
	if (d.flags & VIRTQ_DESC_F_INDIRECT)
		enter_table(o, &d);
	else
		add_segment(o, &d);
}

static bool too_far(const struct model_queue *q)
{
	return (uint16_t)(q->seen_idx - q->next_avail) > q->size;
}

bool oracle_jumped(const struct model_queue *q)
{
	return q->saw_jump || (!q->packed && too_far(q));
}

bool oracle_sees_more(const struct model_queue *q)
{
	return q->packed ? q->at.seen : q->seen_idx != q->next_avail;
}

void oracle_clear_chain(struct model_chain *c, uint16_t head)
{
	c->head = head;
	c->entries = 1;
	c->count = 0;
	c->readable = 0;
	c->readable_bytes = 0;
	c->writable_bytes = 0;
	c->read_pos = 0;
	c->plan = PLAN_NONE;
	c->request = NULL;
	c->waiting = false;
	c->failed = false;
	c->sent = false;
}

static void head_fetched(struct oracle *o, unsigned int queue, uint16_t head)
{
	struct model_queue *q = &o->queue[queue];
	struct model_chain *c;

	if (o->suspending)
		oracle_fail(o, 7, "takes a chain from queue %u while it is to be suspended", queue);
	if (q->seen_idx == q->next_avail)
		oracle_fail(o, 4, "takes a chain from queue %u that was not made available", queue);
	if (too_far(q))
		oracle_fail(o, 4, "takes a chain from queue %u though its index jumped", queue);
	if (head >= q->size) {
		oracle_must_break(o, MILESTONE_BREAK_HEAD);
		return;
	}
	c = &q->chain[head];
	if (c->taken) {
		oracle_must_break(o, MILESTONE_BREAK_IN_FLIGHT);
		return;
	}
	oracle_clear_chain(c, head);
	o->walk = (struct model_walk){
		.active = true,
		.queue = queue,
		.table = q->desc,
		.entries = q->size,
		.index = head,
		.chain = c,
	};
}

/* ---- what the driver wants to hear ---- */

unsigned int oracle_untold(const struct model_queue *q)
{
	return q->packed ? oracle_packed_untold(q) : (uint16_t)(q->next_used - q->ask_from);
}

void oracle_interrupt(struct oracle *o, const struct model_queue *q)
{
	o->interrupts |= VIRTIO_INTERRUPT_USED;
	if (o->p->kind == DEVICE_NET)
		oracle_net_interrupt(o, (unsigned int)(q - o->queue));
}

static void flags_fetched(struct oracle *o, struct model_queue *q, uint16_t flags)
{
	q->must_ask = false;
	if (flags & VIRTQ_AVAIL_F_NO_INTERRUPT)
		hit(MILESTONE_RING_NO_INTERRUPT);
	else
		oracle_interrupt(o, q);
}

/* 2.7.7.2: notify when the entry at index used_event is among those just published */
static void used_event_fetched(struct oracle *o, struct model_queue *q, uint16_t event)
{
	bool among = false;

	q->must_ask = false;
	for (uint16_t i = q->ask_from; i != q->next_used; i++)
		among |= i == event;
	if (among)
		oracle_interrupt(o, q);
	else
		hit(MILESTONE_RING_EVENT_IDX);
}

void oracle_ring_fetched(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			 size_t len)
{
	struct model_queue *q = running_queue(o, queue, gpa, "ring fetch");
	bool event_idx = oracle_accepted(o, VIRTIO_F_EVENT_IDX);
	uint16_t value = 0;

	if (q->packed) {
		oracle_packed_fetched(o, queue, gpa, bytes, len);
		return;
	}
	if (o->walk.active && o->walk.queue == queue) {
		descriptor_fetched(o, gpa, bytes, len);
		return;
	}
	if (len == sizeof(value))
		value = (uint16_t)oracle_16(o, bytes);
	if (len == 2 && gpa == q->driver + 2) {
		q->must_look = false;
		q->seen_idx = value;
		q->notified = false;
		if (too_far(q))
			q->saw_jump = o->saw_jump = true;
	} else if (len == 2 && gpa == q->driver + 4 + 2ull * (q->next_avail % q->size))
		head_fetched(o, queue, value);
	else if (len == 2 && gpa == q->driver && !event_idx && q->must_ask)
		flags_fetched(o, q, value);
	else if (len == 2 && gpa == q->driver + 4 + 2ull * q->size && event_idx && q->must_ask)
		used_event_fetched(o, q, value);
	else
		oracle_fail(o, 10, "fetches %zu ring bytes of queue %u at 0x%llx without need", len,
			    queue, (unsigned long long)gpa);
}

/* ---- buffers ---- */

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

	access_counts(o);
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
	access_counts(o);
	if (!oracle_live(o))
		oracle_fail(o, 6, "stores at 0x%llx while not running", (unsigned long long)gpa);
	if (!(o->last && writable_in(o->last, gpa, len)) && !writable_somewhere(o, gpa, len))
		oracle_fail(o, 1, "stores %zu bytes at 0x%llx, not device-writable", len,
			    (unsigned long long)gpa);
	if (log_full(o, len))
		oracle_fail(o, 3, "stores more than any request asks for");
	memcpy(o->log_bytes + o->log_used, bytes, len);
	o->log[o->logs++] = (struct model_store){
		.by = o->p->kind == DEVICE_NET ? NULL : o->at_work,
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
		drop_stores(o, from, (unsigned int)count);
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
	if (i > 0 && o->p->kind == DEVICE_BLK)
		hit(MILESTONE_BLK_OUT_OF_ORDER);
	for (q->helds--; i < q->helds; i++)
		q->held[i] = q->held[i + 1];
	c->taken = false;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The echo device gives back what it read, as far as that fits. */
static void echo_due(const struct model_chain *c, struct due *due)
{
	due->part[0] = c->capture;
	due->len[0] = smaller(c->read_pos, c->writable_bytes);
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

bool oracle_gives_back(struct oracle *o, unsigned int queue, uint32_t head, uint32_t len)
{
	struct due due = { .last = -1 };
	struct model_chain *c = held_chain(o, queue, head);
	bool stored = false;

	if (o->p->kind == DEVICE_BLK)
		oracle_blk_due(o, c, &due);
	else if (o->p->kind == DEVICE_NET)
		oracle_net_due(o, queue, c, &due);
	else
		echo_due(c, &due);

	uint64_t right = due_stores(o, c, &due, &stored);

	if (len != right)
		oracle_fail(o, 3, "used.len of chain %u is %u instead of %llu", c->head, len,
			    (unsigned long long)right);
	if (o->digests)
		digest_chain(o, queue, c, &due, len);
	drop_held(o, queue, c);
	o->queue[queue].pushed++;
	if (o->p->big_endian)
		hit(MILESTONE_LEGACY_BIG_ENDIAN);
	return stored;
}

static void used_entry(struct oracle *o, unsigned int queue, const uint8_t *bytes)
{
	oracle_gives_back(o, queue, oracle_32(o, bytes), oracle_32(o, bytes + 4));
}

static void index_stored(struct oracle *o, unsigned int queue, uint16_t value)
{
	struct model_queue *q = &o->queue[queue];

	if (q->pushed == 0 || value != (uint16_t)(q->next_used + q->pushed))
		oracle_fail(o, 5,
			    "used index of queue %u goes from %u to %u with %u entries written",
			    queue, q->next_used, value, q->pushed);
	if (o->p->kind != DEVICE_NET || o->net.waiting[queue] == 0)
		q->ask_from = q->next_used;
	q->next_used = value;
	q->pushed = 0;
	q->must_ask = true;
	if (o->p->kind == DEVICE_NET)
		oracle_net_published(o, queue);
}

void oracle_ring_stored(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			size_t len)
{
	struct model_queue *q = running_queue(o, queue, gpa, "ring store");
	bool event_idx = oracle_accepted(o, VIRTIO_F_EVENT_IDX);

	if (q->packed) {
		oracle_packed_stored(o, queue, gpa, bytes, len);
		return;
	}

	uint64_t slot = (uint16_t)(q->next_used + q->pushed) % q->size;
	uint16_t value = 0;

	if (len == sizeof(value))
		value = (uint16_t)oracle_16(o, bytes);
	if (len == sizeof(struct virtq_used_elem) && gpa == q->device + 4 + 8 * slot)
		used_entry(o, queue, bytes);
	else if (len == 2 && gpa == q->device + 2)
		index_stored(o, queue, value);
	else if (len == 2 && gpa == q->device && !event_idx && value <= 1)
		q->used_flags = value;
	else if (len == 2 && gpa == q->device + 4 + 8ull * q->size && event_idx)
		q->avail_event = value;
	else
		oracle_fail(o, 1,
			    "stores %zu bytes at 0x%llx, no place in the used ring of queue %u",
			    len, (unsigned long long)gpa, queue);
}

/* The device gives the chain taken last back to the ring. */
void oracle_unpopped(struct oracle *o, unsigned int queue)
{
	struct model_queue *q = &o->queue[queue];

	if (q->helds == 0)
		return;
	q->held[--q->helds]->taken = false;
	if (q->packed)
		oracle_packed_untaken(q, q->held[q->helds]);
	else
		q->next_avail--;
	q->gave_back = true;
	o->last = NULL;
	hit(MILESTONE_RING_UNPOP);
}

/* ---- the end of a call ---- */

bool oracle_asks_to_notify(const struct oracle *o, unsigned int queue)
{
	const struct model_queue *q = &o->queue[queue];

	if (q->packed)
		return oracle_packed_asks_to_notify(q);
	return oracle_accepted(o, VIRTIO_F_EVENT_IDX) ? q->avail_event == q->seen_idx
						      : !q->used_flags;
}

void oracle_raced(struct oracle *o)
{
	o->raced = true;
	hit(MILESTONE_RING_RACED);
}

static void settle_queue(struct oracle *o, unsigned int queue)
{
	const struct model_queue *q = &o->queue[queue];

	if (!q->ready)
		return;
	if (q->pushed)
		oracle_fail(o, 4, "queue %u: %u used entries are not published", queue, q->pushed);
	if (q->must_ask)
		oracle_fail(o, 4, "queue %u: did not ask whether the driver wants to hear", queue);
	if (!oracle_queue_live(o, queue) || (q->helds && o->p->kind != DEVICE_BLK) ||
	    q->gave_back || oracle_jumped(q) || o->suspending)
		return;
	if (o->p->kind == DEVICE_NET && oracle_net_is_rx(o, queue))
		return; /* it asks when it needs buffers: oracle_frame_ends */
	if (o->p->kind == DEVICE_BLK && o->at_disk >= o->p->slots)
		return; /* it looks when a slot is free */
	if (o->p->kind == DEVICE_BLK && q->notified)
		oracle_fail(o, 4, "queue %u: was notified, has a slot, and does not look", queue);
	if (q->must_look)
		oracle_fail(o, 4, "queue %u: resumed, and did not look for chains", queue);
	if (oracle_sees_more(q))
		oracle_fail(o, 4, "queue %u: saw that there are chains and left them alone", queue);
	if (!oracle_asks_to_notify(o, queue))
		oracle_fail(o, 4, "queue %u is empty, and the driver is not asked to notify",
			    queue);
}

/* A jump need not be noticed at once: the device may have no reason to take a chain now. */
static bool may_break(const struct oracle *o, enum milestone *m)
{
	for (unsigned int i = 0; i < o->p->queues; i++) {
		*m = o->queue[i].packed ? MILESTONE_PACKED_BREAK_WITHDRAWN : MILESTONE_BREAK_INDEX;
		if (oracle_queue_live(o, i) && oracle_jumped(&o->queue[i]))
			return true;
	}
	return false;
}

/* In order, what is done may wait for what was taken before it. */
static bool may_wait(struct oracle *o)
{
	if (!oracle_accepted(o, VIRTIO_F_IN_ORDER))
		return false;
	for (unsigned int i = 0; i < o->p->queues; i++) {
		if (oracle_queue_live(o, i) && o->queue[i].helds > 1) {
			hit(MILESTONE_RING_IN_ORDER);
			return true;
		}
	}
	return o->logs == 0;
}

/* Suspended it is with the last chain in flight given back, and not before. */
static void settle_suspend(struct oracle *o)
{
	if (!o->suspending || o->status != live_status)
		return;
	for (unsigned int i = 0; i < o->p->queues; i++) {
		if (o->queue[i].helds || oracle_draining(o)) {
			hit(MILESTONE_SUSPEND_WAITS);
			return;
		}
	}
	hit(MILESTONE_SUSPENDED);
	o->suspending = false;
	o->status = live_status - VIRTIO_STATUS_DRIVER_OK + VIRTIO_STATUS_SUSPEND;
}

void oracle_settle(struct oracle *o, uint32_t status)
{
	enum milestone m;

	if (oracle_memory_grew(o))
		oracle_fail(o, 10, "keeps memory that it allocated while a guest drives it");
	if (o->walk.active)
		oracle_fail(o, 4, "stops in the middle of a chain of queue %u", o->walk.queue);
	if (o->logs && !may_wait(o))
		oracle_fail(o, 3, "stores at 0x%llx for a chain that it does not give back",
			    (unsigned long long)o->log[0].gpa);
	if (status & VIRTIO_STATUS_NEEDS_RESET && !(o->status & VIRTIO_STATUS_NEEDS_RESET) &&
	    may_break(o, &m))
		oracle_must_break(o, m);
	settle_suspend(o);
	if (status != oracle_status(o))
		oracle_fail(o,
			    o->resetting || !o->status			      ? 6
			    : status & ~o->status & VIRTIO_STATUS_NEEDS_RESET ? 4
									      : 7,
			    "status is 0x%02x instead of 0x%02x", status, oracle_status(o));
	if (o->irq != (o->interrupts != 0))
		oracle_fail(o, 4, "the interrupt line is %s, events 0x%x are due",
			    o->irq ? "up" : "down", o->interrupts);
	for (unsigned int i = 0; i < o->p->queues; i++)
		settle_queue(o, i);
	if (o->p->kind == DEVICE_BLK)
		oracle_blk_settle(o);
	o->last = NULL;
}

void oracle_irq(struct oracle *o, bool asserted)
{
	o->irq = asserted;
}

uint64_t oracle_avail_gpa(const struct oracle *o, unsigned int queue)
{
	const struct model_queue *q = &o->queue[queue];

	return q->packed ? oracle_packed_avail_gpa(q) : q->driver + VIRTQ_AVAIL_IDX;
}

void oracle_drained(struct oracle *o, unsigned int queue, const uint8_t *bytes)
{
	const struct model_queue *q = &o->queue[queue];
	uint16_t avail = (uint16_t)oracle_16(o, bytes);

	if (!oracle_queue_live(o, queue))
		return;
	if (q->helds)
		oracle_fail(o, 4, "queue %u still holds chain %u with nothing left to wait for",
			    queue, q->held[0]->head);
	if (o->p->kind == DEVICE_NET && oracle_net_is_rx(o, queue))
		return;
	if (o->suspending)
		return;
	if (q->packed && oracle_packed_available(avail, q->at.avail))
		oracle_fail(o, 4, "queue %u leaves the available chain at place 0x%x alone", queue,
			    q->at.avail);
	if (!q->packed && avail != q->next_avail)
		oracle_fail(o, 4, "queue %u leaves available chains alone (at %u of %u)", queue,
			    q->next_avail, avail);
}
