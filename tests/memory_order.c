/* SPDX-License-Identifier: BSD-3-Clause */
#include "memory_order.h"

#include "support.h"

#define EVENTS 512u
#define SITES  16u

struct event {
	enum { LOAD, STORE, FENCE } kind;
	unsigned int class;
	int order;	  /* __ATOMIC_* */
	const void *site; /* that gives the order; NULL: none does */
};

static struct {
	order_classify classify;
	const void *opaque;
	struct anvil_guest_memory_tap tap;
	struct event event[EVENTS];
	unsigned int events;
	/* of the access that the tap is going to tell */
	int order;
	const void *site;
	/* taken for relaxed, or for no fence */
	const void *without;
	bool before[EVENTS][EVENTS];
} record;

static void add(struct event e)
{
	assert_true(record.events < EVENTS);
	record.event[record.events++] = e;
}

/* ---- what ThreadSanitizer would be told ---- */

static void ordered(int order, const void *site)
{
	assert_null(record.site); /* else an access was not told by the tap */
	record.order = order;
	record.site = site;
}

void __tsan_init(void);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);
void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_signal_fence(int order);
uint16_t __tsan_atomic16_load(const volatile uint16_t *at, int order);
void __tsan_atomic16_store(volatile uint16_t *at, uint16_t value, int order);

void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller)
{
	(void)caller;
}

void __tsan_func_exit(void)
{
}

void __tsan_atomic_thread_fence(int order)
{
	if (record.classify)
		add((struct event){ FENCE, 0, order, __builtin_return_address(0) });
}

/* binds the compiler alone */
void __tsan_atomic_signal_fence(int order)
{
	(void)order;
}

uint16_t __tsan_atomic16_load(const volatile uint16_t *at, int order)
{
	if (record.classify)
		ordered(order, __builtin_return_address(0));
	return *at;
}

void __tsan_atomic16_store(volatile uint16_t *at, uint16_t value, int order)
{
	if (record.classify)
		ordered(order, __builtin_return_address(0));
	*at = value;
}

/* plain accesses, which the tap tells if they are to guest memory */
#define PLAIN(name)                                                                                \
	void __tsan_##name(void *at);                                                              \
	void __tsan_##name(void *at)                                                               \
	{                                                                                          \
		(void)at;                                                                          \
	}
#define SIZES(name) PLAIN(name##1) PLAIN(name##2) PLAIN(name##4) PLAIN(name##8) PLAIN(name##16)
SIZES(read)
SIZES(write)
SIZES(unaligned_read)
SIZES(unaligned_write)
#define RANGE(name)                                                                                \
	void __tsan_##name##_range(void *at, size_t bytes);                                        \
	void __tsan_##name##_range(void *at, size_t bytes)                                         \
	{                                                                                          \
		(void)at;                                                                          \
		(void)bytes;                                                                       \
	}
RANGE(read)
RANGE(write)

void *__tsan_memcpy(void *to, const void *from, size_t bytes);
void *__tsan_memmove(void *to, const void *from, size_t bytes);
void *__tsan_memset(void *to, int value, size_t bytes);

void *__tsan_memcpy(void *to, const void *from, size_t bytes)
{
	return memcpy(to, from, bytes);
}

void *__tsan_memmove(void *to, const void *from, size_t bytes)
{
	return memmove(to, from, bytes);
}

void *__tsan_memset(void *to, int value, size_t bytes)
{
	return memset(to, value, bytes);
}

/* ---- what the tap tells ---- */

static void told(bool store, uint64_t gpa, const void *bytes, size_t len)
{
	add((struct event){ store ? STORE : LOAD,
			    record.classify(record.opaque, store, gpa, bytes, len),
			    record.site ? record.order : __ATOMIC_RELAXED, record.site });
	record.site = NULL;
}

static void fetching(void *opaque, uint64_t gpa, size_t len)
{
	(void)opaque;
	(void)gpa;
	(void)len;
}

static void fetched(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	(void)opaque;
	told(false, gpa, bytes, len);
}

static void stored(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	(void)opaque;
	told(true, gpa, bytes, len);
}

void order_record(struct anvil_guest_memory *memory, order_classify classify, const void *opaque)
{
	record.classify = classify;
	record.opaque = opaque;
	record.events = 0;
	record.site = NULL;
	record.tap = (struct anvil_guest_memory_tap){ fetching, fetched, stored, NULL };
	memory->tap = &record.tap;
}

/* ---- what is in order ---- */

static bool acquires(int order)
{
	return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static bool releases(int order)
{
	return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static int order_of(const struct event *e)
{
	return e->site && e->site == record.without ? __ATOMIC_RELAXED : e->order;
}

/* Whether a fence keeps two accesses, one before and one behind it, in order. A store stays before
 * a load only behind one that is sequentially consistent. */
static bool fences(int order, const struct event *a, const struct event *b)
{
	if (order == __ATOMIC_SEQ_CST)
		return true;
	return (a->kind == LOAD && acquires(order)) || (b->kind == STORE && releases(order));
}

static bool fenced(unsigned int a, unsigned int b)
{
	for (unsigned int i = a + 1; i < b; i++) {
		if (record.event[i].kind == FENCE &&
		    fences(order_of(&record.event[i]), &record.event[a], &record.event[b]))
			return true;
	}
	return false;
}

static bool directly(unsigned int a, unsigned int b)
{
	const struct event *x = &record.event[a], *y = &record.event[b];

	if (x->kind == FENCE || y->kind == FENCE)
		return false;
	return (x->kind == LOAD && acquires(order_of(x))) ||
	       (y->kind == STORE && releases(order_of(y))) ||
	       (x->kind == STORE && y->kind == LOAD && order_of(x) == __ATOMIC_SEQ_CST &&
		order_of(y) == __ATOMIC_SEQ_CST) ||
	       fenced(a, b);
}

/* Also by way of a third: program order is a line, so the ones between two are all there are. */
static void set_before(void)
{
	for (unsigned int len = 1; len < record.events; len++) {
		for (unsigned int a = 0; a + len < record.events; a++) {
			bool is = directly(a, a + len);

			for (unsigned int m = a + 1; m < a + len && !is; m++)
				is = record.before[a][m] && record.before[m][a + len];
			record.before[a][a + len] = is;
		}
	}
}

/* The number of pairs that the rule is about; `broken`: of these, not in order. */
static unsigned int count(const struct order_rule *rule, unsigned int *broken)
{
	unsigned int pairs = 0;

	*broken = 0;
	for (unsigned int b = 0; b < record.events; b++) {
		if (record.event[b].class != rule->then)
			continue;
		for (unsigned int a = 0; a < b; a++) {
			if (record.event[a].class != rule->first)
				continue;
			pairs++;
			*broken += !record.before[a][b];
		}
	}
	return pairs;
}

static void hold(const struct order_rule *rule)
{
	unsigned int broken;

	if (count(rule, &broken) == 0)
		fail_msg("nothing was recorded for: %s", rule->why);
	if (broken)
		fail_msg("another processor may see it otherwise: %s", rule->why);
}

static bool any_broken(const struct order_rule *rule, unsigned int rules)
{
	unsigned int broken = 0;

	for (unsigned int i = 0; i < rules && !broken; i++)
		count(&rule[i], &broken);
	return broken;
}

static unsigned int sites(const void **site)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < record.events; i++) {
		unsigned int k = 0;

		while (k < n && site[k] != record.event[i].site)
			k++;
		if (k < n || !record.event[i].site)
			continue;
		assert_true(n < SITES);
		site[n++] = record.event[i].site;
	}
	return n;
}

void order_check(const struct order_rule *rule, unsigned int rules)
{
	const void *site[SITES];
	unsigned int n = sites(site);

	assert_null(record.site);
	record.without = NULL;
	set_before();
	for (unsigned int i = 0; i < rules; i++)
		hold(&rule[i]);
	for (unsigned int i = 0; i < n; i++) {
		record.without = site[i];
		set_before();
		if (!any_broken(rule, rules))
			fail_msg("no rule needs the order at %p", site[i]);
	}
	record.classify = NULL;
}
