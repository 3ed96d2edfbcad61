/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chains that are outstanding: what each says, in all its versions, and what was stored for it.
 */
#include "safety_internal.h"

#include <string.h>

struct safety_chain *safety_chain_add(struct safety *s, unsigned int queue, uint32_t id)
{
	struct safety_queue *q = &s->queue[queue];
	struct safety_chain *c;

	if (q->chains == SAFETY_CHAINS)
		return NULL;
	c = q->held[q->chains++];
	memset(c, 0, offsetof(struct safety_chain, stored));
	c->id = id;
	q->named[id % SETUP_QUEUE_SIZE]++;
	c->low = UINT64_MAX;
	c->order = s->order++;
	c->first = s->segments;
	return c;
}

/* ---- versions ---- */

void safety_version_begin(struct safety *s, struct safety_version *v)
{
	*v = (struct safety_version){ .first = s->segments,
				      .low = UINT64_MAX,
				      .source = { .from = UINT64_MAX } };
}

void safety_version_source(struct safety_version *v, uint64_t gpa, uint64_t len)
{
	uint64_t to = gpa + len;

	if (to < gpa) { /* around the end of all addresses */
		gpa = 0;
		to = UINT64_MAX;
	}
	if (gpa < v->source.from)
		v->source.from = gpa;
	if (to > v->source.to)
		v->source.to = to;
}

static struct safety_span both(struct safety_span a, struct safety_span b)
{
	return (struct safety_span){ .from = a.from < b.from ? a.from : b.from,
				     .to = a.to > b.to ? a.to : b.to };
}

static void put(struct safety *s, struct safety_version *v, const struct safety_segment *g)
{
	if (s->segments == SAFETY_SEGMENTS) {
		s->off = true;
		return;
	}
	s->segment[s->segments++] = *g;
	v->count++;
	v->tables |= g->table;
	v->bound += 64 + 4ull * g->len; /* each byte once or twice, each descriptor some times */
	if (g->gpa < v->low)
		v->low = g->gpa;
	if (g->gpa + g->len > v->high)
		v->high = g->gpa + g->len;
}

void safety_version_segment(struct safety *s, struct safety_version *v, uint64_t at, uint64_t gpa,
			    uint32_t len, bool writable)
{
	struct safety_segment g = { .at = at, .gpa = gpa, .said = len, .writable = writable };

	g.len = (uint32_t)safety_in_ram(s, gpa, len);
	v->descriptors++;
	if (g.len != len || len == 0 || (!writable && v->writable) ||
	    v->readable + v->writable + len > 0x100000000ull)
		v->malformed = true;
	if (writable)
		v->writable += len;
	else
		v->readable += len;
	put(s, v, &g);
}

void safety_version_table(struct safety *s, struct safety_version *v, uint64_t at, uint64_t gpa,
			  uint32_t len, bool linked, unsigned int limit)
{
	const struct safety_segment table = { .at = at,
					      .gpa = gpa,
					      .said = len,
					      .len = (uint32_t)safety_in_ram(s, gpa, len),
					      .table = true };
	uint32_t entries = len / 16;
	struct virtq_desc d;
	uint32_t i = 0;

	if (table.len != len || len % 16 || entries == 0)
		v->malformed = true;
	if (table.len)
		put(s, v, &table);
	safety_version_source(v, gpa, table.len);
	for (unsigned int n = 0; i < entries; n++) {
		unsigned int flags;

		if (n == limit) {
			v->malformed = true;
			return;
		}
		if (!safety_copy(s, gpa + 16ull * i, &d, sizeof(d)))
			return;
		/* the two layouts have the flags in different places */
		flags = safety_u16(s, linked ? d.flags : d.next);
		if (flags & VIRTQ_DESC_F_INDIRECT)
			v->malformed = true;
		safety_version_segment(s, v, gpa + 16ull * i, safety_u64(s, d.addr),
				       safety_u32(s, d.len), flags & VIRTQ_DESC_F_WRITE);
		if (linked && !(flags & VIRTQ_DESC_F_NEXT))
			return;
		i = linked ? safety_u16(s, d.next) : i + 1;
		if (linked && i >= entries)
			v->malformed = true;
	}
}

void safety_version_copy(struct safety *s, struct safety_version *v, const struct safety_chain *of)
{
	*v = of->now;
	v->source = of->source;
	v->first = s->segments;
	if (v->count > SAFETY_SEGMENTS - s->segments) {
		s->off = true;
		v->count = 0;
	}
	memcpy(&s->segment[v->first], &s->segment[of->now.first], v->count * sizeof(*s->segment));
	s->segments += v->count;
}

/* By members: what is between them is not the same each time. */
static bool same_descriptor(const struct safety_segment *a, const struct safety_segment *b)
{
	return a->gpa == b->gpa && a->said == b->said && a->writable == b->writable &&
	       a->table == b->table;
}

static bool same_segment(const struct safety_segment *a, const struct safety_segment *b)
{
	return a->at == b->at && a->len == b->len && same_descriptor(a, b);
}

static bool same(const struct safety *s, const struct safety_version *a,
		 const struct safety_version *b)
{
	if (a->count != b->count || a->readable != b->readable || a->writable != b->writable ||
	    a->malformed != b->malformed)
		return false;
	for (unsigned int i = 0; i < a->count; i++) {
		if (!same_segment(&s->segment[a->first + i], &s->segment[b->first + i]))
			return false;
	}
	return true;
}

/* Segments of all versions of a chain lie in a row: those of older ones move to the end. */
static void join(struct safety *s, struct safety_chain *c, const struct safety_version *v)
{
	unsigned int room = SAFETY_SEGMENTS - s->segments;
	unsigned int count = c->count < room ? c->count : room;

	if (c->count == 0)
		c->first = v->first;
	if (c->count == 0 || c->first + c->count == v->first) {
		c->count += v->count;
		return;
	}
	if (c->now.first >= c->first && c->now.first < c->first + c->count)
		c->now.first += s->segments - c->first;
	if (count < c->count) {
		c->now.count = 0;
		s->off = true;
	}
	memcpy(&s->segment[s->segments], &s->segment[c->first], count * sizeof(*s->segment));
	s->segments += count;
	c->first = v->first;
	c->count = v->count + count;
}

static void add(struct safety *s, struct safety_queue *q, struct safety_chain *c,
		const struct safety_version *v)
{
	join(s, c, v);
	c->tables |= v->tables;
	c->bound += v->bound;
	q->bound += v->bound;
	if (v->low < c->low)
		c->low = v->low;
	if (v->high > c->high)
		c->high = v->high;
	if (v->writable > c->writable)
		c->writable = v->writable;
}

/*
 * A guest that changes descriptors just when the device looks at them may have any field of one
 * read as it was, and any other as it is; and have the device go by what an old one named to one
 * that is new. Such segments belong to what a device may touch, to no version alone.
 */
#define TORN_MOST 512u /* segments looked at: beyond that, few devices come by all of them */
#define TORN_ROWS 256u

struct torn {
	struct safety *s;
	const struct safety_queue *q;
	const struct safety_chain *c;
	struct safety_version v;
	/* Segments looked at, by their place in what is torn: those of the chain, then, from
	 * TORN_MOST on, of the version. Each is in a row with those that it may cover. */
	uint16_t row[TORN_ROWS]; /* the last one put there, and 1; 0 if there is none */
	uint16_t before[2 * TORN_MOST];
};

static unsigned int row_of(const struct safety_segment *g)
{
	uint64_t n = g->at ^ g->gpa * 0x9e3779b97f4a7c15ull;

	return (unsigned int)((n >> 56 ^ n >> 4) % TORN_ROWS);
}

static void put_in_row(struct torn *t, unsigned int number, const struct safety_segment *g)
{
	uint16_t *row = &t->row[row_of(g)];

	t->before[number] = *row;
	*row = (uint16_t)(number + 1);
}

static void begin_torn(struct torn *t, struct safety *s, const struct safety_queue *q,
		       const struct safety_chain *c)
{
	t->s = s;
	t->q = q;
	t->c = c;
	safety_version_begin(s, &t->v);
	t->v.writable = c->writable;
	memset(t->row, 0, sizeof(t->row));
	for (unsigned int i = 0; i < c->count && i < TORN_MOST; i++)
		put_in_row(t, i, &s->segment[c->first + i]);
}

static bool covers(const struct safety_segment *a, const struct safety_segment *b)
{
	return a->at == b->at && a->gpa == b->gpa && a->said >= b->said &&
	       a->writable == b->writable && a->table == b->table;
}

static const struct safety_segment *segment_torn(const struct torn *t, unsigned int number)
{
	return &t->s->segment[number < TORN_MOST ? t->c->first + number
						 : t->v.first + number - TORN_MOST];
}

static bool is_there(const struct torn *t, const struct safety_segment *g)
{
	for (unsigned int i = t->row[row_of(g)]; i > 0; i = t->before[i - 1]) {
		if (covers(segment_torn(t, i - 1), g))
			return true;
	}
	return false;
}

static void put_torn(struct torn *t, struct safety_segment g)
{
	if (is_there(t, &g))
		return;
	g.len = (uint32_t)safety_in_ram(t->s, g.gpa, g.said);
	if (t->v.count < TORN_MOST)
		put_in_row(t, TORN_MOST + t->v.count, &g);
	put(t->s, &t->v, &g);
	if (g.writable)
		t->v.writable += g.said;
}

/* What stands there now, in a ring or a table. */
static struct safety_segment descriptor_at(const struct torn *t, uint64_t at)
{
	unsigned int flags;
	struct virtq_desc d;

	safety_copy(t->s, at, &d, sizeof(d));
	flags = safety_u16(t->s, t->q->packed ? d.next : d.flags);
	return (struct safety_segment){ .at = at,
					.gpa = safety_u64(t->s, d.addr),
					.said = safety_u32(t->s, d.len),
					.writable = flags & VIRTQ_DESC_F_WRITE &&
						    !(flags & VIRTQ_DESC_F_INDIRECT),
					.table = flags & VIRTQ_DESC_F_INDIRECT };
}

/* As a buffer or a table, as `kind` is. */
static void put_torn_as(struct torn *t, struct safety_segment g, const struct safety_segment *kind)
{
	g.writable = kind->writable;
	g.table = kind->table;
	put_torn(t, g);
	for (uint32_t i = 0; g.table && !t->s->off && i < g.said / 16 && i < SAFETY_TABLE_MAX; i++)
		put_torn(t, descriptor_at(t, g.gpa + 16ull * i));
}

static void tear_descriptor(struct torn *t, const struct safety_segment *was,
			    const struct safety_segment *is)
{
	struct safety_segment address[2] = { *was, *is };

	for (unsigned int i = 0; i < 2; i++) {
		address[i].said = was->said > is->said ? was->said : is->said;
		put_torn_as(t, address[i], was);
		put_torn_as(t, address[i], is);
	}
}

/* Whether that gave all there is, when it was done last. A guest that races at each fetch has
 * hundreds of chains looked at each time, of which nearly none has changed. */
static bool is_torn(const struct safety *s, const struct safety_chain *c)
{
	bool changed = c->torn != c->count;

	for (unsigned int i = 0; !changed && i < c->count && i < TORN_MOST; i++) {
		uint64_t at = s->segment[c->first + i].at;

		changed = safety_changed(s, at, at + sizeof(struct virtq_desc));
	}
	return !changed;
}

static void tear(struct safety *s, struct safety_queue *q, struct safety_chain *c)
{
	struct torn t;

	if (!s->raced)
		c->torn = 0;
	if (!s->raced || is_torn(s, c))
		return;
	begin_torn(&t, s, q, c);
	for (unsigned int i = 0; i < c->count && i < TORN_MOST && !s->off; i++) {
		const struct safety_segment was = s->segment[c->first + i];
		const struct safety_segment is = descriptor_at(&t, was.at);

		if (!same_descriptor(&was, &is))
			tear_descriptor(&t, &was, &is);
	}
	if (t.v.count)
		add(s, q, c, &t.v);
	c->torn = c->count;
}

void safety_chain_withdrawn(struct safety *s, struct safety_queue *q, struct safety_chain *c)
{
	c->vague = true;
	tear(s, q, c);
}

/* Data over rings: what is fetched there may be the one or the other. */
static bool meets_rings(const struct safety *s, unsigned int first, unsigned int count)
{
	for (unsigned int i = 0; i < s->p->queues; i++) {
		const struct safety_queue *q = &s->queue[i];
		const struct safety_parts parts = q->parts;

		for (unsigned int k = 0; q->ready && k < count; k++) {
			const struct safety_segment *g = &s->segment[first + k];

			if (safety_meets(g->gpa, g->len, q->desc, parts.desc) ||
			    safety_meets(g->gpa, g->len, q->driver, parts.driver) ||
			    safety_meets(g->gpa, g->len, q->device, parts.device))
				return true;
		}
	}
	return false;
}

static void look_for_rings(struct safety *s, struct safety_queue *q, unsigned int first,
			   unsigned int count)
{
	if (!meets_rings(s, first, count))
		return;
	s->over_rings = true;
	q->broken |= !s->exact;
}

static bool overlap(const struct safety *s, const struct safety_chain *a,
		    const struct safety_chain *b)
{
	for (unsigned int i = 0; i < a->count; i++) {
		const struct safety_segment *x = &s->segment[a->first + i];

		for (unsigned int k = 0; k < b->count; k++) {
			const struct safety_segment *y = &s->segment[b->first + k];

			if ((x->writable || y->writable) &&
			    safety_meets(x->gpa, x->len, y->gpa, y->len))
				return true;
		}
	}
	return false;
}

/* Of a device that tells nothing nobody knows in which order it stores into chains that overlap. */
static void stir_overlapping(struct safety *s, struct safety_chain *c)
{
	for (unsigned int i = 0; i < s->p->queues; i++) {
		const struct safety_queue *q = &s->queue[i];

		for (unsigned int k = 0; q->ready && k < q->chains; k++) {
			if (q->held[k] != c && overlap(s, q->held[k], c))
				q->held[k]->stirred = c->stirred = true;
		}
	}
}

static bool is_news(struct safety *s, struct safety_queue *q, struct safety_chain *c,
		    const struct safety_version *v)
{
	if (c->count && same(s, &c->now, v)) {
		s->segments = v->first;
		return false;
	}
	c->vague |= c->count > 0;
	c->now = *v;
	add(s, q, c, v);
	return true;
}

void safety_version_end(struct safety *s, struct safety_queue *q, struct safety_chain *c,
			const struct safety_version *v)
{
	bool again = c->count;
	bool news = is_news(s, q, c, v);

	c->source = again ? both(c->source, v->source) : v->source;
	q->source = q->source.to ? both(q->source, c->source) : c->source;
	if (again)
		tear(s, q, c);
	if (!news)
		return;
	if (!s->tapped)
		stir_overlapping(s, c);
	q->broken |= v->malformed;
	look_for_rings(s, q, v->first, v->count);
}

void safety_chains_meet_rings(struct safety *s)
{
	for (unsigned int i = 0; i < s->p->queues; i++) {
		struct safety_queue *q = &s->queue[i];

		for (unsigned int k = 0; q->ready && k < q->chains; k++)
			look_for_rings(s, q, q->held[k]->first, q->held[k]->count);
	}
}

static void move(struct safety *s, struct safety_chain *c, struct safety_segment *to,
		 unsigned int *count)
{
	unsigned int first = *count;

	memcpy(to + first, &s->segment[c->first], c->count * sizeof(*to));
	c->now.first = c->now.first - c->first + first;
	c->first = first;
	*count += c->count;
}

void safety_chains_tidy(struct safety *s)
{
	static _Thread_local struct safety_segment kept[SAFETY_SEGMENTS];
	unsigned int outstanding = 0;
	unsigned int count = 0;

	for (unsigned int i = 0; i < s->p->queues; i++)
		outstanding += s->queue[i].chains;
	if (outstanding && s->segments < SAFETY_SEGMENTS / 2)
		return;
	for (unsigned int i = 0; outstanding && i < s->p->queues; i++) {
		for (unsigned int k = 0; k < s->queue[i].chains; k++)
			move(s, s->queue[i].held[k], kept, &count);
	}
	memcpy(s->segment, kept, count * sizeof(*kept));
	s->segments = count;
}

/* ---- the end ---- */

void safety_chain_rename(struct safety_queue *q, struct safety_chain *c, uint32_t id)
{
	q->named[c->id % SETUP_QUEUE_SIZE]--;
	q->named[id % SETUP_QUEUE_SIZE]++;
	c->id = id;
}

/* Of two the newer one: the other has been all that it was. */
struct safety_chain *safety_chain_of(struct safety_queue *q, uint32_t id)
{
	for (unsigned int i = q->named[id % SETUP_QUEUE_SIZE] ? q->chains : 0; i-- > 0;) {
		if (q->held[i]->id == id)
			return q->held[i];
	}
	return NULL;
}

void safety_chain_drop(struct safety *s, struct safety_queue *q, struct safety_chain *c)
{
	unsigned int i = 0;

	while (q->held[i] != c)
		i++;
	for (q->chains--; i < q->chains; i++)
		q->held[i] = q->held[i + 1];
	q->held[i] = c;
	s->hit = NULL;
	q->named[c->id % SETUP_QUEUE_SIZE]--;
	q->bound -= c->bound;
	if (!q->chains)
		q->source.to = 0;
}

struct safety_chain *safety_chain_wild(struct safety *s, unsigned int queue, uint16_t place,
				       uint32_t id)
{
	struct safety_queue *q = &s->queue[queue];
	struct safety_chain *c = q->wild_at[place];

	if (c)
		return c;
	c = safety_chain_add(s, queue, id);
	if (!c) {
		s->off = true;
		return NULL;
	}
	c->wild = true;
	c->place = place;
	q->wild_at[place] = c;
	return c;
}

void safety_queue_wild(struct safety_queue *q)
{
	if (!q->wild)
		memset(q->wild_at, 0, SETUP_QUEUE_SIZE * sizeof(struct safety_chain *));
	q->wild = q->broken = q->confused = true;
}

void safety_queue_published(const struct safety *s, struct safety_queue *q)
{
	if (q->broken && safety_accepted(s, VIRTIO_F_IN_ORDER))
		safety_queue_wild(q);
}

static uint64_t prefix(const struct safety_chain *c)
{
	for (unsigned int i = 0; i < c->intervals; i++) {
		if (c->stored[i].from == 0)
			return c->stored[i].to;
	}
	return 0;
}

size_t safety_chain_copy(const struct safety *s, const struct safety_chain *c, bool writable,
			 uint64_t from, void *bytes, size_t len)
{
	uint8_t *to = bytes;
	size_t done = 0;

	for (unsigned int i = 0; i < c->now.count && done < len; i++) {
		const struct safety_segment *g = &s->segment[c->now.first + i];
		size_t part;

		if (g->table || g->writable != writable)
			continue;
		if (from >= g->len) {
			from -= g->len;
			continue;
		}
		part = g->len - (size_t)from < len - done ? g->len - (size_t)from : len - done;
		safety_copy(s, g->gpa + from, to + done, part);
		done += part;
		from = 0;
	}
	return done;
}

static bool overlaps_itself(const struct safety *s, const struct safety_chain *c)
{
	const struct safety_segment *g = &s->segment[c->now.first];

	for (unsigned int i = 0; i < c->now.count; i++) {
		for (unsigned int k = 0; k < i; k++) {
			if ((g[i].writable || g[k].writable) &&
			    safety_meets(g[i].gpa, g[i].len, g[k].gpa, g[k].len))
				return true;
		}
	}
	return false;
}

bool safety_chain_unclear(const struct safety *s, const struct safety_chain *c)
{
	return c->vague || c->wild || c->stirred || c->now.malformed || c->now.count > 64 ||
	       overlaps_itself(s, c);
}

void safety_chain_returned(struct safety *s, unsigned int queue, struct safety_chain *c,
			   uint32_t len)
{
	struct safety_queue *q = &s->queue[queue];

	if (len > c->writable)
		safety_fail(s, 3,
			    "queue %u gives chain %u back with %u bytes, it has room for %llu",
			    queue, c->id, len, (unsigned long long)c->writable);
	if (s->tapped && !c->vague && !c->wild && !c->many && len > prefix(c))
		safety_fail(s, 3,
			    "queue %u gives chain %u back with %u bytes, of which it stored %llu",
			    queue, c->id, len, (unsigned long long)prefix(c));
	safety_chain_drop(s, q, c);
}
