/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * disk_io_uring.h on the real kernel. liburing's entry points below stand between the back end and
 * the library, so that set-up can be refused and operations be shortened or spoilt on their way.
 *
 * Where the kernel refuses io_uring, the tests that need it are skipped and say so.
 */
#include "support.h"

#include <dlfcn.h>
#include <endian.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "array_size.h"
#include "disk_image.h"
#include "disk_io_uring.h"
#include "disk_range.h"
#include "virtio_blk.h"

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
static void find(const char *name, void *function)
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

static void spoil_allocate(struct io_uring_sqe *sqe)
{
	if (host.allocates < ARRAY_SIZE(host.modes))
		host.modes[host.allocates] = sqe->len;
	host.allocates++;
	if (sqe->addr > host.allocate_most)
		host.allocate_most = sqe->addr;
	if ((int)sqe->len & host.unsupported)
		sqe->len = 1u << 30; /* no such mode */
}

static void spoil(struct io_uring_sqe *sqe)
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
static void spoil_results(struct io_uring *ring)
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

#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define ZERO  (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)

struct fixture {
	char dir[32];
	char path[64];
	char error[256];
	uint8_t content[BYTES]; /* what the image should hold */
	struct anvil_disk_io_uring uring;
	bool open;
};

static void make_file(struct fixture *f)
{
	int fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->content, BYTES), BYTES);
	assert_int_equal(close(fd), 0);
}

static int open_uring(struct fixture *f, bool read_only, unsigned int depth)
{
	memset(f->error, 0, sizeof(f->error));
	return anvil_disk_io_uring_open(&f->uring, f->path, read_only, depth, f->error,
					sizeof(f->error));
}

static void close_uring(struct fixture *f)
{
	anvil_disk_io_uring_close(&f->uring);
	f->open = false;
}

static int setup_image(void **state)
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

static int teardown(void **state)
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
static struct fixture *opened(void **state)
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

static int teardown_opened(void **state)
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

static void done(struct anvil_disk_request *request, int result)
{
	struct job *job = (struct job *)(void *)request;

	job->dones++;
	job->result = result;
	if (job->agains > 0) {
		job->agains--;
		job->again->uring.disk.ops->submit(&job->again->uring.disk, request);
	}
}

static void begin(struct fixture *f, struct job *job, enum anvil_disk_op op, uint64_t sector,
		  uint64_t sectors, uint8_t *data)
{
	job->request = (struct anvil_disk_request){
		.op = op, .sector = sector, .sectors = sectors, .data = data, .done = done
	};
	job->dones = 0;
	f->uring.disk.ops->submit(&f->uring.disk, &job->request);
}

/* As an embedder does: waits for the event, then polls. */
static void wait_for(struct fixture *f, const struct job *job)
{
	struct pollfd event = { .fd = f->uring.event_fd, .events = POLLIN };

	while (!job->dones) {
		assert_int_equal(poll(&event, 1, 10000), 1);
		anvil_disk_io_uring_poll(&f->uring);
	}
	assert_int_equal(job->dones, 1);
}

static int carry_out(struct fixture *f, enum anvil_disk_op op, uint64_t sector, uint64_t sectors,
		     uint8_t *data)
{
	struct job job = { .dones = 0 };

	begin(f, &job, op, sector, sectors, data);
	wait_for(f, &job);
	return job.result;
}

static int write_zeroes(struct fixture *f, uint64_t sector, uint64_t sectors, bool unmap)
{
	struct job job = { .request = { .op = ANVIL_DISK_WRITE_ZEROES,
					.sector = sector,
					.sectors = sectors,
					.unmap = unmap,
					.done = done } };

	f->uring.disk.ops->submit(&f->uring.disk, &job.request);
	wait_for(f, &job);
	return job.result;
}

static void expect_content(struct fixture *f)
{
	static uint8_t got[BYTES + 1];
	int fd = open(f->path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, sizeof(got)), BYTES);
	assert_int_equal(close(fd), 0);
	assert_memory_equal(got, f->content, BYTES);
}

/* ---- opening ---- */

static void image_gives_the_disk_its_size(void **state)
{
	struct fixture *f = opened(state);

	assert_int_equal(f->uring.disk.capacity, SECTORS);
	assert_false(f->uring.disk.read_only);
	assert_int_equal(f->uring.disk.id[0], 0);
}

static void expect_error(struct fixture *f, const char *says)
{
	assert_int_equal(strncmp(f->error, f->path, strlen(f->path)), 0);
	assert_int_equal(f->error[strlen(f->path)], ':');
	assert_null(strchr(f->error, '\n'));
	if (!strstr(f->error, says))
		fail_msg("\"%s\" does not say \"%s\"", f->error, says);
}

static int lowest_free_fd(void)
{
	int fd = dup(0);

	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	return fd;
}

static void refusals_say_what_to_do_and_leave_nothing_open(void **state)
{
	static const struct {
		int err;
		const char *says;
	} t[] = { { -ENOSYS, "no io_uring with all that is needed; use Linux 5.6" },
		  { -EPERM, "kernel.io_uring_disabled" },
		  { -EACCES, "a security policy" },
		  { -ENOMEM, "ulimit -l" },
		  { -EMFILE, "cannot be set up: Too many open files" } };
	struct fixture *f = *state;
	int fd = lowest_free_fd();

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		host.setup = t[i].err;
		assert_int_equal(open_uring(f, false, DEPTH), t[i].err);
		expect_error(f, t[i].says);
		assert_int_equal(lowest_free_fd(), fd);
	}
	assert_int_equal(open_uring(f, false, 0), -EINVAL);
	expect_error(f, "0 requests at a time; say 1 to ");
	assert_int_equal(open_uring(f, false, ANVIL_DISK_IO_URING_DEPTH_MAX + 1), -EINVAL);
	assert_int_equal(truncate(f->path, 513), 0);
	assert_int_equal(open_uring(f, false, DEPTH), -EINVAL);
	expect_error(f, "513 bytes is not a multiple of 512");
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(open_uring(f, false, DEPTH), -ENOENT);
	expect_error(f, "no such file");
	assert_int_equal(lowest_free_fd(), fd);
}

/* Whoever writes into the ring's memory can ask for anything, and a seccomp filter sees none of it
 */
static void ring_takes_only_what_a_disk_needs(void **state)
{
	static const uint8_t foreign[] = { IORING_OP_OPENAT, IORING_OP_CONNECT, IORING_OP_SENDMSG };
	struct fixture *f = opened(state);
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];

	if (!f->uring.restricted) {
		print_message("skipped: rings cannot be restricted before Linux 5.10\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		host.instead = foreign[i];
		assert_int_equal(carry_out(f, ANVIL_DISK_READ, 0, 1, data), -EACCES);
	}
	host.instead = 0;
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, 0, 1, data), 0);
}

static void old_kernel_gives_a_ring_and_it_says_so(void **state)
{
	struct fixture *f = opened(state);
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];

	close_uring(f);
	host.old = true;
	assert_int_equal(open_uring(f, false, DEPTH), 0);
	f->open = true;
	assert_false(f->uring.restricted);
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, 0, 1, data), 0);
}

static void greatest_depth_can_be_had(void **state)
{
	struct fixture *f = opened(state);

	close_uring(f);
	assert_int_equal(open_uring(f, false, ANVIL_DISK_IO_URING_DEPTH_MAX), 0);
	anvil_disk_io_uring_close(&f->uring);
	assert_int_equal(open_uring(f, false, 1), 0);
	f->open = true;
	assert_int_equal(carry_out(f, ANVIL_DISK_FLUSH, 0, 0, NULL), 0);
}

/* ---- what requests do ---- */

static void sectors_are_read_and_written_in_place(void **state)
{
	static const uint64_t sector[] = { 0, 1, 150, SECTORS - 3 };
	struct fixture *f = opened(state);
	uint8_t data[3 * ANVIL_DISK_SECTOR_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(sector); i++) {
		uint8_t *place = f->content + sector[i] * ANVIL_DISK_SECTOR_BYTES;

		assert_int_equal(carry_out(f, ANVIL_DISK_READ, sector[i], 3, data), 0);
		assert_memory_equal(data, place, sizeof(data));
		memset(data, (int)(0x80 + i), sizeof(data));
		memset(place, (int)(0x80 + i), sizeof(data));
		assert_int_equal(carry_out(f, ANVIL_DISK_WRITE, sector[i], 3, data), 0);
		expect_content(f);
	}
	assert_int_equal(carry_out(f, ANVIL_DISK_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(host.syncs, 1);
}

static void short_transfers_are_continued(void **state)
{
	static const unsigned int most[] = { 1, 511, 512, 1000 };
	struct fixture *f = opened(state);
	uint8_t data[2 * ANVIL_DISK_SECTOR_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(most); i++) {
		host.most = most[i];
		host.transfers = 0;
		assert_int_equal(carry_out(f, ANVIL_DISK_READ, 5, 2, data), 0);
		assert_int_equal(host.transfers, (sizeof(data) + most[i] - 1) / most[i]);
		assert_memory_equal(data, f->content + 5 * 512, sizeof(data));
		memset(data, (int)i, sizeof(data));
		memset(f->content + 7 * 512, (int)i, sizeof(data));
		assert_int_equal(carry_out(f, ANVIL_DISK_WRITE, 7, 2, data), 0);
		expect_content(f);
	}
}

static void file_that_shrank_is_an_error_not_a_short_read(void **state)
{
	struct fixture *f = opened(state);
	uint8_t data[2 * ANVIL_DISK_SECTOR_BYTES];

	assert_int_equal(truncate(f->path, BYTES - 512), 0);
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, SECTORS - 2, 2, data), -EIO);
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, SECTORS - 1, 1, data), -EIO);
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, SECTORS - 2, 1, data), 0);
}

static void errors_of_the_system_end_the_request(void **state)
{
	struct fixture *f = opened(state);
	uint8_t data[ANVIL_DISK_SECTOR_BYTES] = { 0 };

	host.no_file = 2;
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, 0, 1, data), -EBADF);
	assert_int_equal(carry_out(f, ANVIL_DISK_WRITE, 0, 1, data), -EBADF);
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, 0, 1, data), 0);
	expect_content(f);
}

static void discard_punches_a_hole_or_does_nothing(void **state)
{
	struct fixture *f = opened(state);

	assert_int_equal(carry_out(f, ANVIL_DISK_DISCARD, 10, 20, NULL), 0);
	assert_int_equal(host.allocates, 1);
	assert_int_equal(host.modes[0], PUNCH);
	memset(f->content + 10 * 512, 0, 20 * 512);
	expect_content(f); /* the size included */

	host.unsupported = FALLOC_FL_PUNCH_HOLE;
	assert_int_equal(carry_out(f, ANVIL_DISK_DISCARD, 100, 20, NULL), 0);
	expect_content(f);
}

/* 5.2.6.2: zeroes there must be, however; storage is given back if `unmap` only */
static void zeroes_are_written_whatever_the_file_system_can(void **state)
{
	static const struct {
		bool unmap;
		int unsupported;
		unsigned int modes[2];
	} t[] = {
		{ false, 0, { ZERO, 0 } },
		{ false, FALLOC_FL_ZERO_RANGE, { ZERO, 0 } },
		{ true, 0, { PUNCH, 0 } },
		{ true, FALLOC_FL_PUNCH_HOLE, { PUNCH, ZERO } },
		{ true, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE, { PUNCH, ZERO } },
	};
	/* to both sides of the piece that is written at once, 128 sectors */
	static const uint32_t sectors[] = { 1, 127, 128, 129, 257, SECTORS - 1 };
	struct fixture *f = opened(state);

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		for (size_t s = 0; s < ARRAY_SIZE(sectors); s++) {
			memset(f->content, (int)(i + 1), BYTES);
			make_file(f);
			memset(host.modes, 0, sizeof(host.modes));
			host.allocates = 0;
			host.unsupported = t[i].unsupported;
			assert_int_equal(write_zeroes(f, 1, sectors[s], t[i].unmap), 0);
			assert_memory_equal(host.modes, t[i].modes, sizeof(t[i].modes));
			memset(f->content + 512, 0, sectors[s] * 512);
			expect_content(f);
		}
	}
}

/* 5.2: so they are not offered; and asked for all the same, they do nothing. */
static void erasure_and_zones_are_not_there(void **state)
{
	struct fixture *f = opened(state);

	assert_false(f->uring.disk.secure_erase);
	assert_null(f->uring.disk.lifetime);
	assert_null(f->uring.disk.zoning);
	for (int op = ANVIL_DISK_SECURE_ERASE; op <= ANVIL_DISK_ZONE_RESET_ALL; op++) {
		struct job job = { .dones = 0 };

		begin(f, &job, (enum anvil_disk_op)op, 0, 1, NULL);
		assert_int_equal(job.dones, 1); /* inside submit */
		assert_int_equal(job.result, -EOPNOTSUPP);
	}
	assert_int_equal(host.transfers + host.allocates + host.syncs, 0);
	expect_content(f);
}

static void read_only_image_is_never_changed(void **state)
{
	struct fixture *f = opened(state);
	uint8_t data[ANVIL_DISK_SECTOR_BYTES] = { 0 };
	static const enum anvil_disk_op op[] = { ANVIL_DISK_WRITE, ANVIL_DISK_DISCARD,
						 ANVIL_DISK_WRITE_ZEROES, ANVIL_DISK_FLUSH };

	close_uring(f);
	assert_int_equal(open_uring(f, true, DEPTH), 0);
	f->open = true;
	for (size_t i = 0; i < ARRAY_SIZE(op); i++) {
		struct job job = { .dones = 0 };

		begin(f, &job, op[i], 0, op[i] != ANVIL_DISK_FLUSH, data);
		assert_int_equal(job.dones, 1); /* inside submit */
		assert_int_equal(job.result, op[i] == ANVIL_DISK_FLUSH ? 0 : -EROFS);
	}
	assert_int_equal(host.transfers + host.allocates + host.syncs, 0);
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, 0, 1, data), 0);
	assert_memory_equal(data, f->content, sizeof(data));
	expect_content(f);
}

/* ---- when they do it ---- */

static void depth_requests_are_under_way_at_once(void **state)
{
	struct fixture *f = opened(state);
	struct job job[DEPTH] = { 0 };
	uint8_t data[DEPTH][ANVIL_DISK_SECTOR_BYTES];

	for (unsigned int round = 0; round < 100; round++) {
		memset(data, 0, sizeof(data));
		for (unsigned int i = 0; i < DEPTH; i++) {
			begin(f, &job[i], ANVIL_DISK_READ, round + i, 1, data[i]);
			assert_int_equal(job[i].dones, 0); /* not inside submit */
		}
		anvil_disk_io_uring_drain(&f->uring);
		for (unsigned int i = 0; i < DEPTH; i++) {
			assert_int_equal(job[i].dones, 1);
			assert_int_equal(job[i].result, 0);
			assert_memory_equal(data[i], f->content + (round + i) * 512, 512);
		}
	}
	anvil_disk_io_uring_drain(&f->uring); /* nothing left: does not wait */
}

/* One call of poll does not serve a guest that never stops. */
static void done_may_submit_and_poll_still_returns(void **state)
{
	struct fixture *f = opened(state);
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];
	struct job job = { .again = f, .agains = 1000 };

	close_uring(f);
	assert_int_equal(open_uring(f, false, 1), 0); /* its slot is free again in done */
	f->open = true;
	begin(f, &job, ANVIL_DISK_READ, 0, 1, data);
	for (unsigned int before = 0; before < 1000; before = job.dones) {
		struct pollfd event = { .fd = f->uring.event_fd, .events = POLLIN };

		assert_int_equal(poll(&event, 1, 10000), 1);
		anvil_disk_io_uring_poll(&f->uring);
		assert_in_range(job.dones, before, before + 1);
	}
	anvil_disk_io_uring_drain(&f->uring);
	assert_int_equal(job.dones, 1001);
}

static void operations_that_the_kernel_does_not_take_are_offered_again(void **state)
{
	struct fixture *f = opened(state);
	struct job job[DEPTH] = { 0 };
	uint8_t data[DEPTH][ANVIL_DISK_SECTOR_BYTES];

	host.refuse = 3;
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, 7, 1, data[0]), 0);
	assert_memory_equal(data[0], f->content + 7 * 512, 512);

	host.refuse = 3 * DEPTH;
	for (unsigned int i = 0; i < DEPTH; i++) {
		begin(f, &job[i], ANVIL_DISK_READ, i, 1, data[i]);
		f->uring.disk.ops->cancel(&f->uring.disk, &job[i].request);
	}
	host.refuse = 1;
	anvil_disk_io_uring_drain(&f->uring);
	for (unsigned int i = 0; i < DEPTH; i++)
		assert_int_equal(job[i].dones, 1);
}

/* Polls until it is done, at most so many times. An event may be of what poll has seen already. */
static void polls_until_done(struct fixture *f, const struct job *job, unsigned int most)
{
	struct pollfd event = { .fd = f->uring.event_fd, .events = POLLIN };
	unsigned int polls = 0;

	for (; !job->dones && polls < most; polls++) {
		assert_int_equal(poll(&event, 1, 10000), 1);
		anvil_disk_io_uring_poll(&f->uring);
	}
	assert_int_equal(job->dones, 1);
}

/* The caller's thread would spin for ever, and the guest hear nothing. */
static void kernel_that_takes_nothing_is_an_error_in_the_end(void **state)
{
	struct fixture *f = opened(state);
	struct job job[DEPTH] = { 0 };
	uint8_t data[DEPTH][ANVIL_DISK_SECTOR_BYTES];

	for (unsigned int round = 0; round < 3; round++) {
		host.refuse = 100000;
		for (unsigned int i = 0; i < DEPTH; i++)
			begin(f, &job[i], ANVIL_DISK_READ, i, 1, data[i]);
		f->uring.disk.ops->cancel(&f->uring.disk, &job[1].request);
		polls_until_done(f, &job[0], 3 * ANVIL_DISK_RETRIES_MAX);
		for (unsigned int i = 0; i < DEPTH; i++) {
			assert_int_equal(job[i].dones, 1);
			assert_int_equal(job[i].result, -EIO);
		}
		host.refuse = 0;
		host.transfers = 0;
		assert_int_equal(carry_out(f, ANVIL_DISK_READ, 7, 1, data[0]), 0);
		assert_int_equal(host.transfers, 1); /* none of those that were given up */
		assert_memory_equal(data[0], f->content + 7 * 512, 512);
	}
}

static void operation_put_off_for_ever_is_an_error_in_the_end(void **state)
{
	static const int answer[] = { -EAGAIN, -EINTR };
	struct fixture *f = opened(state);
	uint8_t data[ANVIL_DISK_SECTOR_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(answer); i++) {
		struct job job = { .dones = 0 };

		host.result = answer[i];
		host.transfers = 0;
		begin(f, &job, ANVIL_DISK_READ, 0, 1, data);
		polls_until_done(f, &job, 3 * ANVIL_DISK_RETRIES_MAX);
		assert_int_equal(job.result, -EIO);
		assert_int_equal(host.transfers, ANVIL_DISK_RETRIES_MAX + 1);
	}
	host.result = 0;
	assert_int_equal(carry_out(f, ANVIL_DISK_READ, 0, 1, data), 0);
}

/* The image gives way to a pipe that nobody writes to: reads that last. */
static void put_pipe(struct fixture *f, int pipe_fd[2])
{
	assert_int_equal(pipe(pipe_fd), 0);
	assert_int_equal(dup2(pipe_fd[0], f->uring.fd), f->uring.fd);
}

static void request_that_lasts_is_cancelled(void **state)
{
	struct fixture *f = opened(state);
	struct job job[DEPTH] = { 0 };
	uint8_t data[DEPTH][ANVIL_DISK_SECTOR_BYTES];
	int pipe_fd[2];

	put_pipe(f, pipe_fd);
	for (unsigned int round = 0; round < 10; round++) {
		for (unsigned int i = 0; i < DEPTH; i++)
			begin(f, &job[i], ANVIL_DISK_READ, 0, 1, data[i]);
		anvil_disk_io_uring_poll(&f->uring);
		for (unsigned int i = 0; i < DEPTH; i++) {
			assert_int_equal(job[i].dones, 0);
			f->uring.disk.ops->cancel(&f->uring.disk, &job[i].request);
			f->uring.disk.ops->cancel(&f->uring.disk, &job[i].request);
		}
		for (unsigned int i = 0; i < DEPTH; i++) {
			wait_for(f, &job[i]);
			assert_int_equal(job[i].result, -ECANCELED);
		}
	}
	assert_int_equal(host.cancels, 10 * DEPTH);
	assert_int_equal(close(pipe_fd[0]), 0);
	assert_int_equal(close(pipe_fd[1]), 0);
}

static void one_is_cancelled_and_the_others_finish(void **state)
{
	struct fixture *f = opened(state);
	struct job job[2] = { 0 };
	uint8_t data[2][ANVIL_DISK_SECTOR_BYTES];
	int pipe_fd[2];

	put_pipe(f, pipe_fd);
	begin(f, &job[0], ANVIL_DISK_READ, 0, 1, data[0]);
	begin(f, &job[1], ANVIL_DISK_READ, 0, 1, data[1]);
	f->uring.disk.ops->cancel(&f->uring.disk, &job[0].request);
	wait_for(f, &job[0]);
	assert_int_equal(job[0].result, -ECANCELED);
	assert_int_equal(job[1].dones, 0);

	/* in two parts: the rest is waited for */
	assert_int_equal(write(pipe_fd[1], f->content, 100), 100);
	anvil_disk_io_uring_poll(&f->uring);
	assert_int_equal(job[1].dones, 0);
	assert_int_equal(write(pipe_fd[1], f->content + 100, 412), 412);
	wait_for(f, &job[1]);
	assert_int_equal(job[1].result, 0);
	assert_memory_equal(data[1], f->content, 512);
	assert_int_equal(close(pipe_fd[0]), 0);
	assert_int_equal(close(pipe_fd[1]), 0);
}

/* Zeroes piece by piece, cancelled after the first. */
static void cancelled_request_is_not_carried_on(void **state)
{
	struct fixture *f = opened(state);
	struct job job = {
		.request = { .op = ANVIL_DISK_WRITE_ZEROES, .sectors = SECTORS, .done = done }
	};

	host.unsupported = FALLOC_FL_ZERO_RANGE;
	f->uring.disk.ops->submit(&f->uring.disk, &job.request);
	while (host.transfers == 0)
		anvil_disk_io_uring_poll(&f->uring);
	f->uring.disk.ops->cancel(&f->uring.disk, &job.request);
	wait_for(f, &job);
	assert_int_equal(job.result, -ECANCELED);
	assert_int_equal(host.transfers, 1);
}

#define MANY ((200u << 20) / ANVIL_DISK_SECTOR_BYTES + 3u)

/* One operation of gigabytes could not be cancelled, and would keep the storage busy meanwhile. */
static void ranges_reach_the_kernel_in_bounded_steps(void **state)
{
	static const struct {
		enum anvil_disk_op op;
		bool unmap;
		int unsupported;
		uint64_t most;
		unsigned int operations;
	} t[] = {
		{ ANVIL_DISK_WRITE_ZEROES, false, FALLOC_FL_ZERO_RANGE, 65536, 1 + 3200 + 1 },
		{ ANVIL_DISK_WRITE_ZEROES, false, 0, ANVIL_DISK_RANGE_WRITE_BYTES, 200 + 1 },
		{ ANVIL_DISK_WRITE_ZEROES, true, 0, ANVIL_DISK_RANGE_HOLE_BYTES, 4 },
		{ ANVIL_DISK_DISCARD, false, 0, ANVIL_DISK_RANGE_HOLE_BYTES, 4 },
		{ ANVIL_DISK_DISCARD, false, FALLOC_FL_PUNCH_HOLE, ANVIL_DISK_RANGE_HOLE_BYTES, 1 },
	};
	struct fixture *f = opened(state);

	close_uring(f);
	assert_int_equal(truncate(f->path, 0), 0);
	assert_int_equal(truncate(f->path, (off_t)MANY * ANVIL_DISK_SECTOR_BYTES), 0);
	assert_int_equal(open_uring(f, false, DEPTH), 0);
	f->open = true;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct job job = { .request = { .op = t[i].op,
						.sectors = MANY,
						.unmap = t[i].unmap,
						.done = done } };

		memset(&host, 0, sizeof(host));
		host.unsupported = t[i].unsupported;
		f->uring.disk.ops->submit(&f->uring.disk, &job.request);
		wait_for(f, &job);
		assert_int_equal(job.result, 0);
		assert_int_equal(host.allocates + host.transfers, t[i].operations);
		assert_int_equal(host.transfers ? host.transfer_most : host.allocate_most,
				 t[i].most);
	}
}

/* ---- behind the device ---- */

#define REQUESTS 12u /* more than it has slots */

struct machine {
	struct guest guest;
	struct anvil_blk blk;
};

static struct machine *create_machine(struct fixture *f)
{
	struct machine *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	guest_init(&m->guest);

	struct anvil_blk_options options = {
		.memory = &m->guest.ram.memory,
		.disk = &f->uring.disk,
		.queue_size_max = 64,
		.slots = DEPTH,
		.transfer_max = ANVIL_DISK_SECTOR_BYTES,
		.blk_size = 512,
		.range_sectors_max = 1,
		.range_segments_max = 1,
	};

	assert_int_equal(anvil_blk_init(&m->blk, &options), 0);
	guest_attach(&m->guest, &m->blk.dev);
	guest_drive(&m->guest, features(-1), 1, 64);
	return m;
}

static void destroy_machine(struct machine *m)
{
	assert_true(anvil_blk_idle(&m->blk));
	anvil_blk_destroy(&m->blk);
	guest_destroy(&m->guest);
	free(m);
}

static uint64_t answer_gpa(unsigned int i)
{
	return RAM_LOW + i * 1024;
}

/* Request i reads sector i. */
static void offer_reads(struct machine *m)
{
	for (unsigned int i = 0; i < REQUESTS; i++) {
		struct virtio_blk_header header = { htole32(VIRTIO_BLK_T_IN), 0, htole64(i) };
		struct buffer buffer[] = { { RAM_SEAM + i * 16, sizeof(header), 0 },
					   { answer_gpa(i), ANVIL_DISK_SECTOR_BYTES + 1,
					     WRITABLE } };

		ram_put(&m->guest.ram, buffer[0].gpa, &header, sizeof(header));
		ring_chain(&m->guest.ring[0], buffer, ARRAY_SIZE(buffer));
	}
	guest_notify(&m->guest, 0);
}

static void device_is_served(void **state)
{
	struct fixture *f = opened(state);
	struct machine *m = create_machine(f);
	uint8_t got[ANVIL_DISK_SECTOR_BYTES];

	offer_reads(m);
	anvil_disk_io_uring_drain(&f->uring); /* those too that had to wait for a slot */
	assert_int_equal(ring_published(&m->guest.ring[0]), REQUESTS);
	for (unsigned int i = 0; i < REQUESTS; i++) {
		ram_get(&m->guest.ram, answer_gpa(i), got, sizeof(got));
		assert_memory_equal(got, f->content + i * 512, sizeof(got));
		assert_int_equal(ram_get8(&m->guest.ram, answer_gpa(i) + 512), VIRTIO_BLK_S_OK);
	}
	destroy_machine(m);
}

static void device_is_reset_with_requests_under_way(void **state)
{
	struct fixture *f = opened(state);
	struct machine *m = create_machine(f);
	int pipe_fd[2];

	put_pipe(f, pipe_fd);
	offer_reads(m);
	anvil_disk_io_uring_poll(&f->uring);
	assert_false(anvil_blk_idle(&m->blk));
	reg_write(&m->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(host.cancels, DEPTH);
	anvil_disk_io_uring_drain(&f->uring); /* would wait for ever if they were not cancelled */
	assert_int_equal(ring_published(&m->guest.ring[0]), 0);
	destroy_machine(m);
	assert_int_equal(close(pipe_fd[0]), 0);
	assert_int_equal(close(pipe_fd[1]), 0);
}

#define TEST(name)	 cmocka_unit_test_setup_teardown(name, setup_image, teardown_opened)
#define TEST_ERROR(name) cmocka_unit_test_setup_teardown(name, setup_image, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(image_gives_the_disk_its_size),
		TEST_ERROR(refusals_say_what_to_do_and_leave_nothing_open),
		TEST(ring_takes_only_what_a_disk_needs),
		TEST(old_kernel_gives_a_ring_and_it_says_so),
		TEST(greatest_depth_can_be_had),
		TEST(sectors_are_read_and_written_in_place),
		TEST(short_transfers_are_continued),
		TEST(file_that_shrank_is_an_error_not_a_short_read),
		TEST(errors_of_the_system_end_the_request),
		TEST(discard_punches_a_hole_or_does_nothing),
		TEST(zeroes_are_written_whatever_the_file_system_can),
		TEST(erasure_and_zones_are_not_there),
		TEST(read_only_image_is_never_changed),
		TEST(depth_requests_are_under_way_at_once),
		TEST(done_may_submit_and_poll_still_returns),
		TEST(operations_that_the_kernel_does_not_take_are_offered_again),
		TEST(kernel_that_takes_nothing_is_an_error_in_the_end),
		TEST(operation_put_off_for_ever_is_an_error_in_the_end),
		TEST(request_that_lasts_is_cancelled),
		TEST(one_is_cancelled_and_the_others_finish),
		TEST(cancelled_request_is_not_carried_on),
		TEST(ranges_reach_the_kernel_in_bounded_steps),
		TEST(device_is_served),
		TEST(device_is_reset_with_requests_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
