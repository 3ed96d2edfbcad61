/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An image on disk_io_uring.h and requests: for test_disk_io_uring_*.c. liburing's entry points
 * below stand between the back end and the library, so that set-up can be refused and operations be
 * shortened or spoilt on their way; only one file of a program may include this.
 *
 * Where the kernel refuses io_uring, the tests that need it are skipped and say so.
 */
#ifndef TESTS_DISK_IO_URING_RIG_H
#define TESTS_DISK_IO_URING_RIG_H

#include "support.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "array_size.h"
#include "disk_io_uring.h"

/* ---- between the back end and the library ---- */

static struct {
	int setup;	       /* what io_uring_queue_init answers, unless 0 */
	bool old;	       /* a kernel whose rings cannot be restricted */
	uint8_t instead;       /* another operation than a transfer, unless 0 */
	unsigned int most;     /* bytes per transfer, 0: no limit */
	unsigned int refuse;   /* so many calls of io_uring_submit fail first */
	unsigned int no_file;  /* so many operations are on no file */
	int result;	       /* of every operation, unless 0 */
	int unsupported;       /* fallocate modes that do not exist here */
	unsigned int modes[8]; /* of fallocate, the first ones */
	unsigned int allocates;
	uint64_t allocate_most; /* bytes of one fallocate, and of one transfer */
	uint64_t transfer_most;
	unsigned int transfers;
	unsigned int syncs;
	unsigned int cancels;
} host;

/* ISO C has no conversion from void * to a function */
static inline void find(const char *name, void *function)
{
	void *found = dlsym(RTLD_NEXT, name);

	assert_non_null(found);
	memcpy(function, &found, sizeof(found));
}

int io_uring_queue_init(unsigned int entries, struct io_uring *ring, unsigned int flags)
{
	int (*real)(unsigned int, struct io_uring *, unsigned int);

	find("io_uring_queue_init", &real);
	if (host.old && flags)
		return -EINVAL;
	return host.setup ? host.setup : real(entries, ring, flags);
}

static inline void spoil_allocate(struct io_uring_sqe *sqe)
{
	if (host.allocates < ARRAY_SIZE(host.modes))
		host.modes[host.allocates] = sqe->len;
	host.allocates++;
	if (sqe->addr > host.allocate_most)
		host.allocate_most = sqe->addr;
	if ((int)sqe->len & host.unsupported)
		sqe->len = 1u << 30; /* no such mode */
}

static inline void spoil(struct io_uring_sqe *sqe)
{
	switch (sqe->opcode) {
	case IORING_OP_FALLOCATE:
		spoil_allocate(sqe);
		break;
	case IORING_OP_FSYNC:
		assert_int_equal(sqe->fsync_flags, IORING_FSYNC_DATASYNC);
		host.syncs++;
		break;
	case IORING_OP_ASYNC_CANCEL:
		host.cancels++;
		break;
	default:
		host.transfers++;
		if (sqe->len > host.transfer_most)
			host.transfer_most = sqe->len;
		if (host.instead)
			sqe->opcode = host.instead;
		if (host.most && sqe->len > host.most)
			sqe->len = host.most;
		if (host.no_file) {
			host.no_file--;
			sqe->fd = -1;
		}
		break;
	}
}

/* What is done by now is said to have gone otherwise. */
static inline void spoil_results(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	unsigned int head;

	assert_int_equal(io_uring_wait_cqe(ring, &cqe), 0);
	io_uring_for_each_cqe(ring, head, cqe)
	{
		cqe->res = host.result;
	}
}

int io_uring_submit(struct io_uring *ring)
{
	int (*real)(struct io_uring *);

	find("io_uring_submit", &real);
	if (host.refuse) {
		host.refuse--;
		return -EAGAIN;
	}
	for (unsigned int i = ring->sq.sqe_head; i != ring->sq.sqe_tail; i++)
		spoil(&ring->sq.sqes[i & *ring->sq.kring_mask]);

	int taken = real(ring);

	if (host.result)
		spoil_results(ring);
	return taken;
}

/* ---- an image ---- */

#define SECTORS 300u /* more than one piece of zeroes */
#define BYTES	(SECTORS * ANVIL_DISK_SECTOR_BYTES)
#define DEPTH	4u

struct fixture {
	char dir[32];
	char path[64];
	char error[256];
	uint8_t content[BYTES]; /* what the image should hold */
	struct anvil_disk_io_uring uring;
	bool open;
};

static inline void make_file(struct fixture *f)
{
	int fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->content, BYTES), BYTES);
	assert_int_equal(close(fd), 0);
}

static inline int open_uring(struct fixture *f, bool read_only, unsigned int depth)
{
	memset(f->error, 0, sizeof(f->error));
	return anvil_disk_io_uring_open(&f->uring, f->path, read_only, depth, f->error,
					sizeof(f->error));
}

static inline void close_uring(struct fixture *f)
{
	anvil_disk_io_uring_close(&f->uring);
	f->open = false;
}

static inline int setup_image(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	memset(&host, 0, sizeof(host));
	strcpy(f->dir, "/tmp/disk_io_uring.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/image", f->dir);
	for (size_t i = 0; i < BYTES; i++)
		f->content[i] = (uint8_t)(i * 7 + i / 512 + 1);
	make_file(f);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->open)
		close_uring(f);
	(void)unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

/* At the start of each test that needs the kernel's help. */
static inline struct fixture *opened(void **state)
{
	struct fixture *f = *state;
	int err = open_uring(f, false, DEPTH);

	f->open = err == 0;
	if (err == -ENOSYS || err == -EPERM) {
		printf("skipped: %s\n", f->error + strlen(f->path) + 2);
		teardown(state);
		*state = NULL;
		skip();
	}
	assert_string_equal(f->error, "");
	assert_int_equal(err, 0);
	return f;
}

static inline int teardown_opened(void **state)
{
	return *state ? teardown(state) : 0;
}

/* ---- requests ---- */

struct job {
	struct anvil_disk_request request;
	unsigned int dones;
	int result;
	struct fixture *again; /* submit once more when done, so many times */
	unsigned int agains;
};

static inline void done(struct anvil_disk_request *request, int result)
{
	struct job *job = (struct job *)(void *)request;

	job->dones++;
	job->result = result;
	if (job->agains > 0) {
		job->agains--;
		job->again->uring.disk.ops->submit(&job->again->uring.disk, request);
	}
}

static inline void begin(struct fixture *f, struct job *job, enum anvil_disk_op op, uint64_t sector,
			 uint64_t sectors, uint8_t *data)
{
	job->request = (struct anvil_disk_request){
		.op = op, .sector = sector, .sectors = sectors, .data = data, .done = done
	};
	job->dones = 0;
	f->uring.disk.ops->submit(&f->uring.disk, &job->request);
}

/* As an embedder does: waits for the event, then polls. */
static inline void wait_for(struct fixture *f, const struct job *job)
{
	struct pollfd event = { .fd = f->uring.event_fd, .events = POLLIN };

	while (!job->dones) {
		assert_int_equal(poll(&event, 1, 10000), 1);
		anvil_disk_io_uring_poll(&f->uring);
	}
	assert_int_equal(job->dones, 1);
}

static inline int carry_out(struct fixture *f, enum anvil_disk_op op, uint64_t sector,
			    uint64_t sectors, uint8_t *data)
{
	struct job job = { .dones = 0 };

	begin(f, &job, op, sector, sectors, data);
	wait_for(f, &job);
	return job.result;
}

/* The image gives way to a pipe that nobody writes to: reads that last. */
static inline void put_pipe(struct fixture *f, int pipe_fd[2])
{
	assert_int_equal(pipe(pipe_fd), 0);
	assert_int_equal(dup2(pipe_fd[0], f->uring.fd), f->uring.fd);
}

#endif
