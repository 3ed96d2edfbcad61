/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's side of a ring: what liburing's entry points would have it do, when and in the order
 * that the script says. liburing's inline functions work on the ring as it is.
 */
#include <errno.h>
#include <liburing.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"
#include "steps.h"

#define DEPTH_MAX 32u

static struct {
	struct io_uring *ring;
	struct io_uring_sqe sqe[DEPTH_MAX];
	struct io_uring_cqe cqe[2 * DEPTH_MAX];
	unsigned int sq_head, sq_tail, sq_mask, sq_entries;
	unsigned int cq_head, cq_tail, cq_mask, cq_entries;
	unsigned int none;
	struct io_uring_sqe pending[DEPTH_MAX];
	unsigned int pendings;
	int event;
	bool enabled; /* operations may be submitted */
	bool restricted;
	bool eager; /* carries out all at once */
} kernel;

void host_ring_reset(bool eager)
{
	kernel.ring = NULL;
	kernel.pendings = 0;
	kernel.eager = eager;
}

unsigned int host_ring_pending(void)
{
	return kernel.pendings;
}

bool host_ring_ready(void)
{
	return kernel.ring && kernel.cq_head != kernel.cq_tail;
}

/* ---- at work ---- */

static void complete(const struct io_uring_sqe *sqe, int result)
{
	struct io_uring_cqe *cqe = &kernel.cqe[kernel.cq_tail & kernel.cq_mask];

	if (kernel.cq_tail - kernel.cq_head > kernel.cq_mask)
		steps_finding("leaves so much unseen that the ring is full");
	*cqe = (struct io_uring_cqe){ .user_data = sqe->user_data, .res = result };
	kernel.cq_tail++;
	host_find(kernel.event)->events++;
}

static int carry_out(const struct io_uring_sqe *sqe)
{
	void *data = (void *)(uintptr_t)sqe->addr;

	switch (sqe->opcode) {
	case IORING_OP_READ:
		return (int)host_image_read(sqe->fd, data, sqe->len, sqe->off);
	case IORING_OP_WRITE:
		return (int)host_image_write(sqe->fd, data, sqe->len, sqe->off);
	case IORING_OP_FSYNC:
		if (sqe->fsync_flags != IORING_FSYNC_DATASYNC || sqe->off || sqe->len)
			steps_finding("flushes a part, or more than data");
		return host_image_sync(sqe->fd);
	case IORING_OP_FALLOCATE:
		return host_image_allocate(sqe->fd, (int)sqe->len, sqe->off, sqe->addr);
	default:
		steps_finding("asks the ring for operation %u", sqe->opcode);
	}
}

static void remove_pending(unsigned int at)
{
	kernel.pendings--;
	memmove(&kernel.pending[at], &kernel.pending[at + 1],
		(kernel.pendings - at) * sizeof(kernel.pending[0]));
}

void host_ring_complete(unsigned int which)
{
	if (kernel.pendings == 0)
		return;
	which %= kernel.pendings;

	struct io_uring_sqe sqe = kernel.pending[which];

	remove_pending(which);
	complete(&sqe, carry_out(&sqe));
}

/* What is under way may be past stopping: as the kernel does with every second one. */
static void cancel(const struct io_uring_sqe *sqe)
{
	for (unsigned int i = 0; i < kernel.pendings; i++) {
		struct io_uring_sqe other = kernel.pending[i];

		if (other.user_data != sqe->addr)
			continue;
		if (i % 2) {
			complete(sqe, -EALREADY);
			return;
		}
		remove_pending(i);
		complete(&other, -ECANCELED);
		complete(sqe, 0);
		return;
	}
	complete(sqe, -ENOENT);
}

static void take(const struct io_uring_sqe *sqe)
{
	if (sqe->opcode == IORING_OP_ASYNC_CANCEL) {
		cancel(sqe);
		return;
	}
	if (kernel.pendings == DEPTH_MAX)
		steps_finding("gives the ring more operations than it has room for");
	for (unsigned int i = 0; i < kernel.pendings; i++) {
		if (kernel.pending[i].user_data == sqe->user_data)
			steps_finding("gives the ring a second operation of one request");
	}
	kernel.pending[kernel.pendings++] = *sqe;
	if (kernel.eager)
		host_ring_complete(kernel.pendings - 1);
}

/* ---- what liburing would do ---- */

int __wrap_io_uring_queue_init(unsigned int entries, struct io_uring *ring, unsigned int flags);
void __wrap_io_uring_queue_exit(struct io_uring *ring);
int __wrap_io_uring_submit(struct io_uring *ring);
int __wrap_io_uring_submit_and_wait(struct io_uring *ring, unsigned int count);
struct io_uring_probe *__wrap_io_uring_get_probe_ring(struct io_uring *ring);
void __wrap_io_uring_free_probe(struct io_uring_probe *probe);
int __wrap_io_uring_register_eventfd(struct io_uring *ring, int fd);
long __wrap_syscall(long number, ...);
long __real_syscall(long number, ...);

static void lay_out(struct io_uring *ring, unsigned int entries)
{
	memset(ring, 0, sizeof(*ring));
	kernel.sq_head = kernel.sq_tail = kernel.cq_head = kernel.cq_tail = kernel.none = 0;
	kernel.sq_entries = entries;
	kernel.sq_mask = entries - 1;
	kernel.cq_entries = 2 * entries;
	kernel.cq_mask = 2 * entries - 1;
	ring->sq = (struct io_uring_sq){ .khead = &kernel.sq_head,
					 .ktail = &kernel.sq_tail,
					 .kring_mask = &kernel.sq_mask,
					 .kring_entries = &kernel.sq_entries,
					 .kflags = &kernel.none,
					 .kdropped = &kernel.none,
					 .sqes = kernel.sqe,
					 .ring_mask = entries - 1,
					 .ring_entries = entries };
	ring->cq = (struct io_uring_cq){ .khead = &kernel.cq_head,
					 .ktail = &kernel.cq_tail,
					 .kring_mask = &kernel.cq_mask,
					 .kring_entries = &kernel.cq_entries,
					 .koverflow = &kernel.none,
					 .cqes = kernel.cqe,
					 .ring_mask = 2 * entries - 1,
					 .ring_entries = 2 * entries };
}

int __wrap_io_uring_queue_init(unsigned int entries, struct io_uring *ring, unsigned int flags)
{
	unsigned int power = 1;
	int fd = host_open(HOST_RING, true);

	if (fd < 0)
		return -errno;
	while (power < entries)
		power *= 2;
	if (power > DEPTH_MAX)
		steps_finding("asks for a ring of %u operations", entries);
	lay_out(ring, power);
	ring->ring_fd = fd;
	kernel.ring = ring;
	kernel.event = -1;
	kernel.enabled = !(flags & IORING_SETUP_R_DISABLED);
	kernel.restricted = false;
	return 0;
}

void __wrap_io_uring_queue_exit(struct io_uring *ring)
{
	if (ring != kernel.ring)
		steps_finding("ends a ring that is not there");
	if (kernel.pendings > 0)
		steps_finding("ends the ring with %u operations under way", kernel.pendings);
	host_close(ring->ring_fd);
	kernel.ring = NULL;
}

/* How many operations it takes now: all, or, if something is wrong, some of them or none. */
int __wrap_io_uring_submit(struct io_uring *ring)
{
	uint64_t most = ring->sq.sqe_tail - kernel.sq_head;
	int err = host_strike(HOST_SUBMIT, &most);
	int taken = 0;

	if (!kernel.enabled)
		steps_finding("submits to a ring that is not enabled");
	ring->sq.sqe_head = ring->sq.sqe_tail;
	kernel.sq_tail = ring->sq.sqe_tail;
	if (err)
		return err;
	for (; most > 0; most--, taken++) {
		struct io_uring_sqe sqe = kernel.sqe[kernel.sq_head & kernel.sq_mask];

		kernel.sq_head++;
		take(&sqe);
	}
	return taken;
}

/* It waits for nothing that cannot come. */
int __wrap_io_uring_submit_and_wait(struct io_uring *ring, unsigned int count)
{
	int taken = __wrap_io_uring_submit(ring);

	(void)count;
	if (taken < 0)
		return taken;
	if (!host_ring_ready() && kernel.pendings == 0 && taken == 0 &&
	    ring->sq.sqe_tail == kernel.sq_head)
		steps_finding("waits for requests that the kernel does not have");
	if (!host_ring_ready())
		host_ring_complete(0);
	return taken;
}

struct io_uring_probe *__wrap_io_uring_get_probe_ring(struct io_uring *ring)
{
	const unsigned int ops = IORING_OP_FALLOCATE + 20;
	struct io_uring_probe *probe = NULL;

	(void)ring;
	if (!host_strike(HOST_SETUP, NULL))
		probe = calloc(1, sizeof(*probe) + ops * sizeof(probe->ops[0]));
	if (!probe)
		return NULL;
	probe->ops_len = (uint8_t)ops;
	probe->last_op = (uint8_t)(ops - 1);
	for (unsigned int i = 0; i < ops; i++)
		probe->ops[i] = (struct io_uring_probe_op){ .op = (uint8_t)i,
							    .flags = IO_URING_OP_SUPPORTED };
	if (host_strike(HOST_SETUP, NULL))
		probe->ops[IORING_OP_FALLOCATE].flags = 0;
	return probe;
}

void __wrap_io_uring_free_probe(struct io_uring_probe *probe)
{
	free(probe);
}

int __wrap_io_uring_register_eventfd(struct io_uring *ring, int fd)
{
	int err = host_strike(HOST_SETUP, NULL);

	(void)ring;
	kernel.event = fd;
	return err;
}

static int ring_call(long number, unsigned int what)
{
	int err = host_strike(HOST_SETUP, NULL);

	if (!err && number == SYS_io_uring_register) {
		kernel.restricted = kernel.restricted || what == IORING_REGISTER_RESTRICTIONS;
		kernel.enabled = kernel.enabled || what == IORING_REGISTER_ENABLE_RINGS;
	}
	errno = -err;
	return err ? -1 : 0;
}

long __wrap_syscall(long number, ...)
{
	long v[6];
	va_list args;

	va_start(args, number);
	for (unsigned int i = 0; i < 6; i++)
		v[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_io_uring_register || number == SYS_io_uring_enter)
		return ring_call(number, (unsigned int)v[1]);
	return __real_syscall(number, v[0], v[1], v[2], v[3], v[4], v[5]);
}
