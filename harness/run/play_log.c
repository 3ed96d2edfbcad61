/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One shared mapping: the log itself, its entries, and the bytes they tell of.
 */
#include "play_log.h"

#include <string.h>
#include <sys/mman.h>

#define ENTRIES_MAX (1u << 16)
#define BYTES_MAX   (16u << 20)

struct arena {
	struct play_log log;
	struct play_entry entry[ENTRIES_MAX];
	uint8_t storage[BYTES_MAX];
};

struct play_log *play_log_create(void)
{
	struct arena *a = mmap(NULL, sizeof(*a), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (a == MAP_FAILED)
		return NULL;
	a->log.entry = a->entry;
	a->log.storage = a->storage;
	return &a->log;
}

void play_log_destroy(struct play_log *log)
{
	munmap(log, sizeof(struct arena));
}

const uint8_t *play_log_bytes(const struct play_log *log, const struct play_entry *e)
{
	return log->storage + e->bytes;
}

/* The next entry, with a copy of the bytes if there are any; NULL: no room. */
static struct play_entry *add(struct play_log *log, enum play_entry_kind kind, const void *bytes,
			      size_t len)
{
	struct play_entry *e = &log->entry[log->entries];

	if (log->entries == ENTRIES_MAX || len > BYTES_MAX - log->used)
		log->full = true;
	if (log->full)
		return NULL;
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->op = *log->op;
	e->len = (uint32_t)len;
	e->bytes = log->used;
	if (bytes) {
		memcpy(log->storage + log->used, bytes, len);
		log->used += len;
	}
	log->entries++;
	return e;
}

static struct play_log *to_log(struct bus *c)
{
	return (struct play_log *)(void *)c;
}

static uint64_t log_read(struct bus *c, uint64_t offset, unsigned int width)
{
	struct play_log *log = to_log(c);
	struct play_entry *e = add(log, PLAY_READ, NULL, 0);
	uint64_t value;

	if (e) {
		e->at = offset;
		e->width = width;
	}
	value = log->inner->ops->read(log->inner, offset, width);
	if (e) {
		e->value = value;
		e->answered = true;
	}
	return value;
}

static void log_write(struct bus *c, uint64_t offset, unsigned int width, uint64_t value)
{
	struct play_log *log = to_log(c);
	struct play_entry *e = add(log, PLAY_WRITE, NULL, 0);

	if (e) {
		e->at = offset;
		e->width = width;
		e->value = value;
	}
	log->inner->ops->write(log->inner, offset, width, value);
}

static void log_load(struct bus *c, uint64_t gpa, void *bytes, size_t len)
{
	struct play_log *log = to_log(c);
	struct play_entry *e = add(log, PLAY_LOAD, NULL, 0);

	if (e) {
		e->at = gpa;
		e->len = (uint32_t)len;
	}
	log->inner->ops->load(log->inner, gpa, bytes, len);
}

static void log_store(struct bus *c, uint64_t gpa, const void *bytes, size_t len)
{
	struct play_log *log = to_log(c);
	struct play_entry *e = add(log, PLAY_STORE, bytes, len);

	if (e)
		e->at = gpa;
	log->inner->ops->store(log->inner, gpa, bytes, len);
}

static void log_event(void *opaque, const struct machine_event *event)
{
	struct play_entry *e = add(opaque, PLAY_EVENT, event->bytes, event->len);

	if (e)
		e->event = *event;
}

/* ---- what the device does ---- */

/* After a violation nothing of it counts: the machine is cleared away */
static void note_access(struct play_log *log, bool store, uint64_t gpa, const void *bytes,
			size_t len)
{
	struct play_access *a;

	if (log->bus.machine->oracle.broken_rule)
		return;
	if (log->access_op != *log->op)
		log->accesses = 0;
	log->access_op = *log->op;
	a = &log->access[log->accesses++ % PLAY_ACCESSES];
	a->store = store;
	a->at = gpa;
	a->len = (uint32_t)len;
	memcpy(a->bytes, bytes, len < PLAY_ACCESS_BYTES ? len : PLAY_ACCESS_BYTES);
}

static void log_fetching(void *opaque, uint64_t gpa, size_t len)
{
	const struct play_tap *t = opaque;

	t->inner.fetching(t->inner.opaque, gpa, len);
}

static void log_fetched(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	const struct play_tap *t = opaque;

	note_access(t->log, false, gpa, bytes, len);
	t->log->checking = true;
	t->inner.fetched(t->inner.opaque, gpa, bytes, len);
	t->log->checking = false;
}

static void log_stored(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	const struct play_tap *t = opaque;

	note_access(t->log, true, gpa, bytes, len);
	t->log->checking = true;
	t->inner.stored(t->inner.opaque, gpa, bytes, len);
	t->log->checking = false;
}

/* Once a machine, which knows of its taps by their address; those of our devices alone */
static void put_before(struct play_log *log, struct play_tap *t, struct anvil_guest_memory_tap *tap)
{
	if (tap->fetched == log_fetched)
		return;
	t->log = log;
	t->inner = *tap;
	*tap = (struct anvil_guest_memory_tap){ log_fetching, log_fetched, log_stored, t };
}

void play_log_begin(struct play_log *log, struct bus *inner, const volatile int *op)
{
	static const struct bus_ops ops = {
		.name = "log",
		.read = log_read,
		.write = log_write,
		.load = log_load,
		.store = log_store,
	};

	log->bus.ops = &ops;
	log->bus.machine = inner->machine;
	log->inner = inner;
	log->op = op;
	log->full = false;
	log->entries = 0;
	log->used = 0;
	log->access_op = -1;
	log->accesses = 0;
	log->checking = false;
	for (unsigned int i = 0; inner->machine->exact && i < SETUP_QUEUES; i++)
		put_before(log, &log->tap[i], &inner->machine->own.ring[i].tap);
	if (inner->machine->exact)
		put_before(log, &log->tap[SETUP_QUEUES], &inner->machine->own.buffer.tap);
	inner->machine->told = log_event;
	inner->machine->told_opaque = log;
}
