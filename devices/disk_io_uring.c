/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request is one operation of the ring after another until it is done: what a short transfer left
 * over, the next step of a range, what is to be tried where the file system refused. So a slot has
 * at most one operation with the kernel, and in addition at most one cancellation.
 */
#include "disk_io_uring.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "array_size.h"
#include "disk_image.h"
#include "disk_range.h"

#define ZEROES_BYTES	 65536u
#define OPERATION_BYTES	 (1u << 30) /* an operation's length has 32 bits */
#define RING_PER_REQUEST 2u

struct slot {
	struct anvil_disk_request *request; /* NULL: free */
	bool cancelled;
	bool untaken; /* the kernel did not take its operation, however often it was asked */
	unsigned int retries; /* in a row, of its operation */
	/* reads and writes: what is left, in bytes, and where its data is */
	uint64_t offset;
	uint64_t left;
	uint8_t *data;
	/* discards and zeroes: what is left, and the step that the kernel has */
	struct anvil_disk_range range;
	struct anvil_disk_range_step step;
};

struct anvil_disk_io_uring_queue {
	struct io_uring ring;
	unsigned int depth;
	unsigned int taken;
	unsigned int refusals; /* in a row, of the kernel to take operations */
	struct slot slot[];
};

static const uint8_t zeroes[ZEROES_BYTES];

static struct anvil_disk_io_uring *to_uring(struct anvil_disk *disk)
{
	return (struct anvil_disk_io_uring *)(void *)disk;
}

static struct slot *find_slot(struct anvil_disk_io_uring_queue *queue,
			      const struct anvil_disk_request *request)
{
	for (unsigned int i = 0; i < queue->depth; i++) {
		if (queue->slot[i].request == request)
			return &queue->slot[i];
	}
	return NULL;
}

/* ---- to the kernel ---- */

/* What the kernel does not take now stays in the ring; the event has poll try again. */
static void submit_ring(struct anvil_disk_io_uring *uring)
{
	struct io_uring *ring = &uring->queue->ring;

	if (io_uring_sq_ready(ring) == 0)
		return;
	(void)io_uring_submit(ring);
	if (io_uring_sq_ready(ring) == 0) {
		uring->queue->refusals = 0;
		return;
	}
	uring->queue->refusals++;
	(void)eventfd_write(uring->event_fd, 1);
}

/*
 * Takes out of the ring what the kernel has refused too often, and marks whose that is. The kernel
 * reads the ring only when it is entered, which is our own doing.
 */
static void take_back(struct anvil_disk_io_uring_queue *queue)
{
	struct io_uring_sq *sq = &queue->ring.sq;
	unsigned int head = __atomic_load_n(sq->khead, __ATOMIC_ACQUIRE);

	for (unsigned int i = head; i != sq->sqe_tail; i++) {
		const struct io_uring_sqe *sqe = &sq->sqes[i & *sq->kring_mask];
		struct slot *slot = (struct slot *)(uintptr_t)sqe->user_data;

		if (slot) /* not a cancellation */
			slot->untaken = true;
	}
	sq->sqe_head = head;
	sq->sqe_tail = head;
	__atomic_store_n(sq->ktail, head, __ATOMIC_RELEASE);
	queue->refusals = 0;
}

static bool has_range(const struct anvil_disk_request *request)
{
	return request->op == ANVIL_DISK_DISCARD || request->op == ANVIL_DISK_WRITE_ZEROES;
}

static unsigned int at_most(uint64_t bytes, unsigned int most)
{
	return bytes < most ? (unsigned int)bytes : most;
}

/* There is something left. */
static void prepare_step(struct slot *slot, struct io_uring_sqe *sqe, int fd)
{
	struct anvil_disk_range_step *step = &slot->step;
	int mode = FALLOC_FL_KEEP_SIZE;

	(void)anvil_disk_range_next(&slot->range, step);
	if (step->means == ANVIL_DISK_RANGE_WRITE) {
		step->bytes = at_most(step->bytes, ZEROES_BYTES);
		io_uring_prep_write(sqe, fd, zeroes, (unsigned int)step->bytes, step->offset);
		return;
	}
	mode |= step->means == ANVIL_DISK_RANGE_PUNCH ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
	/* io_uring_prep_fallocate has other types in other releases of liburing */
	io_uring_prep_rw(IORING_OP_FALLOCATE, sqe, fd, NULL, (unsigned int)mode, step->offset);
	sqe->addr = step->bytes;
}

static void prepare(struct slot *slot, struct io_uring_sqe *sqe, int fd)
{
	unsigned int len = at_most(slot->left, OPERATION_BYTES);

	switch (slot->request->op) {
	case ANVIL_DISK_READ:
		io_uring_prep_read(sqe, fd, slot->data, len, slot->offset);
		break;
	case ANVIL_DISK_WRITE:
		io_uring_prep_write(sqe, fd, slot->data, len, slot->offset);
		break;
	case ANVIL_DISK_FLUSH:
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
		break;
	default: /* what else there is was checked by submit */
		prepare_step(slot, sqe, fd);
		break;
	}
}

/* There is room: cancellations leave room for an operation of every slot. */
static void start(struct anvil_disk_io_uring *uring, struct slot *slot)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->queue->ring);

	assert(sqe);
	prepare(slot, sqe, uring->fd);
	io_uring_sqe_set_data(sqe, slot);
	submit_ring(uring);
}

/* ---- from the kernel ---- */

#define GO_ON 1

static int transferred(struct slot *slot, uint64_t len)
{
	if (len == 0)
		return -EIO; /* the file shrank */
	assert(len <= slot->left);
	slot->offset += len;
	slot->left -= len;
	slot->data += len;
	return slot->left > 0 ? GO_ON : 0;
}

/* The kernel answered a step: fallocate with 0, a write of zeroes with how many. */
static int stepped(struct slot *slot, int result)
{
	const struct anvil_disk_range_step *step = &slot->step;

	if (result < 0) {
		int err = anvil_disk_range_failed(&slot->range, step, result);

		if (err)
			return err;
	} else if (step->means != ANVIL_DISK_RANGE_WRITE) {
		anvil_disk_range_advance(&slot->range, step->bytes);
	} else {
		if (result == 0)
			return -EIO; /* no room, and no word of it */
		assert((uint64_t)result <= step->bytes);
		anvil_disk_range_advance(&slot->range, (uint64_t)result);
	}
	return slot->range.left > 0 ? GO_ON : 0;
}

/* Returns what the request's result is, or GO_ON. */
static int check(struct slot *slot, int result)
{
	if (result == -EINTR || result == -EAGAIN)
		return ++slot->retries <= ANVIL_DISK_RETRIES_MAX ? GO_ON : -EIO;
	slot->retries = 0;
	if (has_range(slot->request))
		return stepped(slot, result);
	if (result < 0)
		return result;
	return slot->request->op == ANVIL_DISK_FLUSH ? 0 : transferred(slot, (uint64_t)result);
}

/* The slot is free before `done`, which may submit. */
static void finish(struct anvil_disk_io_uring *uring, struct slot *slot, int result)
{
	struct anvil_disk_request *request = slot->request;

	slot->request = NULL;
	uring->queue->taken--;
	request->done(request, result);
}

static void completed(struct anvil_disk_io_uring *uring, struct slot *slot, int result)
{
	result = check(slot, result);
	if (result == GO_ON && !slot->cancelled)
		start(uring, slot);
	else
		finish(uring, slot, result == GO_ON ? -ECANCELED : result);
}

/* The kernel will not have them: their requests fail. */
static void give_up(struct anvil_disk_io_uring *uring)
{
	struct anvil_disk_io_uring_queue *queue = uring->queue;

	take_back(queue);
	for (unsigned int i = 0; i < queue->depth; i++) {
		struct slot *slot = &queue->slot[i];

		if (slot->request && slot->untaken)
			finish(uring, slot, -EIO);
	}
}

/* As many as are there now, no more: `done` may submit what completes at once, for ever. */
static void reap(struct anvil_disk_io_uring *uring)
{
	struct io_uring *ring = &uring->queue->ring;
	struct io_uring_cqe *cqe;

	for (unsigned int n = io_uring_cq_ready(ring); n > 0; n--) {
		if (io_uring_peek_cqe(ring, &cqe))
			return;

		struct slot *slot = io_uring_cqe_get_data(cqe);
		int result = cqe->res;

		io_uring_cqe_seen(ring, cqe);
		if (slot) /* not a cancellation's own */
			completed(uring, slot, result);
	}
}

/* The event is cleared first: what completes from here on sets it again. */
void anvil_disk_io_uring_poll(struct anvil_disk_io_uring *uring)
{
	eventfd_t events;

	(void)eventfd_read(uring->event_fd, &events);
	submit_ring(uring);
	if (uring->queue->refusals > ANVIL_DISK_RETRIES_MAX)
		give_up(uring);
	reap(uring);
}

void anvil_disk_io_uring_drain(struct anvil_disk_io_uring *uring)
{
	while (uring->queue->taken > 0) {
		if (io_uring_cq_ready(&uring->queue->ring) == 0)
			(void)io_uring_submit_and_wait(&uring->queue->ring, 1);
		anvil_disk_io_uring_poll(uring);
	}
}

/* ---- requests ---- */

static void submit(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	struct anvil_disk_io_uring *uring = to_uring(disk);

	if (request->op > ANVIL_DISK_WRITE_ZEROES) { /* a file knows no erasure and no zones */
		request->done(request, -EOPNOTSUPP);
		return;
	}
	if (disk->read_only && request->op != ANVIL_DISK_READ) {
		request->done(request, request->op == ANVIL_DISK_FLUSH ? 0 : -EROFS);
		return;
	}

	struct slot *slot = find_slot(uring->queue, NULL);

	assert(slot);
	*slot = (struct slot){
		.request = request,
		.data = request->data,
		.offset = request->sector * ANVIL_DISK_SECTOR_BYTES,
		.left = request->sectors * ANVIL_DISK_SECTOR_BYTES,
	};
	if (has_range(request))
		anvil_disk_range_begin(&slot->range, disk, request);
	if (has_range(request) && slot->range.left == 0) {
		slot->request = NULL; /* a hint for less than a block */
		request->done(request, 0);
		return;
	}
	uring->queue->taken++;
	start(uring, slot);
}

/* At least the request is not carried any further; if there is room, the kernel is asked too. */
static void cancel(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	struct anvil_disk_io_uring *uring = to_uring(disk);
	struct io_uring *ring = &uring->queue->ring;
	struct slot *slot = find_slot(uring->queue, request);

	assert(slot);
	if (slot->cancelled)
		return;
	slot->cancelled = true;
	if (io_uring_sq_space_left(ring) <= uring->queue->depth)
		return;

	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_cancel(sqe, slot, 0);
	io_uring_sqe_set_data(sqe, NULL);
	submit_ring(uring);
}

static const struct anvil_disk_ops io_uring_ops = { .submit = submit, .cancel = cancel };

/* ---- opening ---- */

static int explain(int err, const char *path, char *error, size_t len)
{
	switch (err) {
	case -ENOSYS:
		(void)snprintf(error, len,
			       "%s: this kernel has no io_uring with all that is needed; use "
			       "Linux 5.6 or newer, or the plain file back end",
			       path);
		break;
	case -EPERM:
	case -EACCES:
		(void)snprintf(error, len,
			       "%s: this process may not use io_uring (sysctl "
			       "kernel.io_uring_disabled, or a security policy); allow it, or use "
			       "the plain file back end",
			       path);
		break;
	case -ENOMEM:
		(void)snprintf(
			error, len,
			"%s: no memory for io_uring; use fewer requests at a time, or in old "
			"kernels raise the limit of locked memory (ulimit -l)",
			path);
		break;
	default:
		(void)snprintf(error, len, "%s: io_uring cannot be set up: %s", path,
			       strerror(-err));
	}
	return err;
}

static const uint8_t operation[] = { IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC,
				     IORING_OP_FALLOCATE, IORING_OP_ASYNC_CANCEL };

#define OPERATIONS (ARRAY_SIZE(operation))

static int check_operations(struct io_uring *ring)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	bool all = probe;

	for (size_t i = 0; all && i < OPERATIONS; i++)
		all = io_uring_opcode_supported(probe, operation[i]);
	io_uring_free_probe(probe);
	return all ? 0 : -ENOSYS;
}

static int register_with(const struct io_uring *ring, unsigned int what, void *arg, unsigned int n)
{
	return syscall(SYS_io_uring_register, ring->ring_fd, what, arg, n) ? -errno : 0;
}

/*
 * The ring gets to work with this, and nobody can register anything with it any more. Not by
 * liburing, whose shared library of version 2.3 lacks the two functions.
 */
static int restrict_operations(struct io_uring *ring)
{
	struct io_uring_restriction only[OPERATIONS];
	int err;

	memset(only, 0, sizeof(only));
	for (size_t i = 0; i < OPERATIONS; i++) {
		only[i].opcode = IORING_RESTRICTION_SQE_OP;
		only[i].sqe_op = operation[i];
	}
	err = register_with(ring, IORING_REGISTER_RESTRICTIONS, only, OPERATIONS);
	return err ? err : register_with(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

/* A ring that is not to work yet is asked for first; before Linux 5.10 there is none. */
static int create_ring(struct anvil_disk_io_uring *uring)
{
	struct anvil_disk_io_uring_queue *queue = uring->queue;
	unsigned int entries = queue->depth * RING_PER_REQUEST;
	int err = io_uring_queue_init(entries, &queue->ring, IORING_SETUP_R_DISABLED);

	uring->restricted = err == 0;
	return err == -EINVAL ? io_uring_queue_init(entries, &queue->ring, 0) : err;
}

/* A policy may allow a ring to be made, and not to be used. */
static int check_use(const struct io_uring *ring)
{
	return syscall(SYS_io_uring_enter, ring->ring_fd, 0, 0, 0, NULL, 0) < 0 ? -errno : 0;
}

static int init_ring(struct anvil_disk_io_uring *uring)
{
	struct io_uring *ring = &uring->queue->ring;
	int err = create_ring(uring);

	if (err)
		return err;
	err = check_operations(ring);
	if (!err)
		err = io_uring_register_eventfd(ring, uring->event_fd);
	if (!err && uring->restricted)
		err = restrict_operations(ring);
	if (!err)
		err = check_use(ring);
	if (err)
		io_uring_queue_exit(ring);
	return err;
}

/* On failure takes back all that it did. */
static int init_queue(struct anvil_disk_io_uring *uring, unsigned int depth)
{
	int err = -ENOMEM;

	uring->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (uring->event_fd < 0)
		return -errno;
	uring->queue = calloc(1, sizeof(*uring->queue) + depth * sizeof(uring->queue->slot[0]));
	if (uring->queue) {
		uring->queue->depth = depth;
		err = init_ring(uring);
	}
	if (err) {
		free(uring->queue);
		(void)close(uring->event_fd);
	}
	return err;
}

int anvil_disk_io_uring_open(struct anvil_disk_io_uring *uring, const char *path,
			     unsigned int flags, unsigned int depth, char *error, size_t error_len)
{
	if (depth == 0 || depth > ANVIL_DISK_IO_URING_DEPTH_MAX) {
		(void)snprintf(error, error_len, "%s: %u requests at a time; say 1 to %u", path,
			       depth, ANVIL_DISK_IO_URING_DEPTH_MAX);
		return -EINVAL;
	}

	int fd = anvil_disk_image_open(&uring->disk, path, flags, error, error_len);

	if (fd < 0)
		return fd;

	int err = init_queue(uring, depth);

	if (err) {
		(void)close(fd);
		return explain(err, path, error, error_len);
	}
	uring->fd = fd;
	uring->disk.ops = &io_uring_ops;
	return 0;
}

void anvil_disk_io_uring_close(struct anvil_disk_io_uring *uring)
{
	assert(uring->queue->taken == 0);
	io_uring_queue_exit(&uring->queue->ring);
	free(uring->queue);
	uring->queue = NULL;
	(void)close(uring->event_fd);
	(void)close(uring->fd);
	uring->event_fd = -1;
	uring->fd = -1;
}
