/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the model knows of a device as a whole: its memory, its status, its features; and how a rule
 * that was broken ends a script.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/fiber.h"
#include "oracle_internal.h"

bool oracle_milestone[MILESTONE_COUNT];

const char *const oracle_milestone_name[MILESTONE_COUNT] = {
#define X(id, text) #id,
	MILESTONES(X)
#undef X
};

const char *const oracle_milestone_text[MILESTONE_COUNT] = {
#define X(id, text) text,
	MILESTONES(X)
#undef X
};

/* ---- memory, which a device has all of when it is created ---- */

static _Thread_local uint64_t allocations;

static void count_allocation(const volatile void *at, size_t bytes)
{
	(void)at;
	(void)bytes;
	allocations++;
}

static void count_free(const volatile void *at)
{
	(void)at; /* what is freed again was the guest's doing, too */
}

/* Sanitizers have it; without one, nobody counts. */
__attribute__((weak)) int __sanitizer_install_malloc_and_free_hooks(
	void (*malloc_hook)(const volatile void *at, size_t bytes),
	void (*free_hook)(const volatile void *at));

bool oracle_has_allocated(const struct oracle *o)
{
	return allocations != o->allocations;
}

void oracle_excuse_allocations(struct oracle *o)
{
	o->allocations = allocations;
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
	static bool hooked;

	if (!hooked && __sanitizer_install_malloc_and_free_hooks)
		__sanitizer_install_malloc_and_free_hooks(count_allocation, count_free);
	hooked = true;
	memset(o, 0, sizeof(*o));
	o->chain = calloc(SETUP_CHAINS, sizeof(*o->chain));
	o->captures = address_space((size_t)SETUP_CHAINS * ORACLE_CAPTURE_BYTES);
	o->log = address_space(ORACLE_WAITING_LOG * sizeof(*o->log));
	o->log_bytes = address_space(ORACLE_WAITING_BYTES);
	o->list = calloc(1, sizeof(*o->list));
	o->net.completed = malloc(ANVIL_NIC_FRAME_BYTES_MAX);
	o->net.answer = malloc(ORACLE_ANSWER_BYTES);
	if (!o->chain || !o->list || !o->net.completed || !o->net.answer)
		abort();
}

/* ---- a broken rule, and what happened ---- */

static void leave(void *opaque)
{
	struct oracle *o = opaque;

	longjmp(*o->escape, 1);
}

void oracle_fail(struct oracle *o, unsigned int rule, const char *format, ...)
{
	va_list args;

	o->broken_rule = (int)rule;
	va_start(args, format);
	vsnprintf(o->reason, sizeof(o->reason), format, args);
	va_end(args);
	fiber_leave(leave, o);
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

/* ---- status and features ---- */

bool oracle_live(const struct oracle *o)
{
	if (o->p->legacy) /* there the queues run from DRIVER on */
		return (o->status & ~(uint32_t)VIRTIO_STATUS_DRIVER_OK) == SAID_DRIVER;
	return o->status == ORACLE_STATUS_LIVE;
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

/* ---- a call ---- */

void oracle_event(struct oracle *o)
{
	o->accesses = 0;
	oracle_excuse_allocations(o);
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

void oracle_counts_access(struct oracle *o)
{
	if (o->in_read)
		oracle_fail(o, 10, "a register read touches guest memory");
	if (++o->accesses > o->access_bound)
		oracle_fail(o, 10, "more than %llu guest memory accesses in one call",
			    (unsigned long long)o->access_bound);
}

void oracle_raced(struct oracle *o)
{
	o->raced = true;
	hit(MILESTONE_RING_RACED);
}

void oracle_irq(struct oracle *o, bool asserted)
{
	o->irq = asserted;
}
