/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests as system calls. Ranges were checked by the device; the file may still shrink meanwhile,
 * and then it is an error, not a shorter request.
 *
 * Discards and writes of zeroes stand in a queue through `next`; poll works on its first one.
 */
#include "disk_file.h"

#include "disk_image.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ZEROES_BYTES 65536u

/* Whether a call that failed is to be made again; `tries` counts those in a row. */
static bool again(unsigned int *tries)
{
	return errno == EINTR && ++*tries <= ANVIL_DISK_RETRIES_MAX;
}

static int failure(void)
{
	return errno == EINTR ? -EIO : -errno;
}

static int pread_all(int fd, uint8_t *data, uint64_t len, uint64_t offset)
{
	unsigned int tries = 0;

	while (len > 0) {
		ssize_t n = pread(fd, data, (size_t)len, (off_t)offset);

		if (n < 0 && again(&tries))
			continue;
		if (n <= 0)
			return n ? failure() : -EIO;
		tries = 0;
		data += n;
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

static int pwrite_all(int fd, const uint8_t *data, uint64_t len, uint64_t offset)
{
	unsigned int tries = 0;

	while (len > 0) {
		ssize_t n = pwrite(fd, data, (size_t)len, (off_t)offset);

		if (n < 0 && again(&tries))
			continue;
		if (n <= 0)
			return n ? failure() : -EIO;
		tries = 0;
		data += n;
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

static int flush(int fd)
{
	unsigned int tries = 0;

	while (fdatasync(fd)) {
		if (!again(&tries))
			return failure();
	}
	return 0;
}

static int allocate(int fd, int mode, uint64_t len, uint64_t offset)
{
	unsigned int tries = 0;

	while (fallocate(fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len)) {
		if (!again(&tries))
			return failure();
	}
	return 0;
}

static struct anvil_disk_file *to_file(struct anvil_disk *disk)
{
	return (struct anvil_disk_file *)(void *)disk;
}

/* ---- at once ---- */

static int carry_out(const struct anvil_disk_file *file, const struct anvil_disk_request *request)
{
	uint64_t offset = request->sector * ANVIL_DISK_SECTOR_BYTES;
	uint64_t len = request->sectors * ANVIL_DISK_SECTOR_BYTES;

	if (request->op == ANVIL_DISK_READ)
		return pread_all(file->fd, request->data, len, offset);
	if (request->op == ANVIL_DISK_FLUSH)
		return file->disk.read_only ? 0 : flush(file->fd);
	if (request->op != ANVIL_DISK_WRITE) /* a file knows no erasure and no zones */
		return -EOPNOTSUPP;
	return file->disk.read_only ? -EROFS : pwrite_all(file->fd, request->data, len, offset);
}

/* ---- step by step ---- */

static bool has_range(const struct anvil_disk_request *request)
{
	return request->op == ANVIL_DISK_DISCARD || request->op == ANVIL_DISK_WRITE_ZEROES;
}

static int write_zeroes(int fd, uint64_t len, uint64_t offset)
{
	static const uint8_t zeroes[ZEROES_BYTES];
	uint64_t part;
	int err = 0;

	for (uint64_t done = 0; done < len && !err; done += part) {
		part = len - done < ZEROES_BYTES ? len - done : ZEROES_BYTES;
		err = pwrite_all(fd, zeroes, part, offset + done);
	}
	return err;
}

static int do_step(int fd, const struct anvil_disk_range_step *step)
{
	switch (step->means) {
	case ANVIL_DISK_RANGE_PUNCH:
		return allocate(fd, FALLOC_FL_PUNCH_HOLE, step->bytes, step->offset);
	case ANVIL_DISK_RANGE_ZERO:
		return allocate(fd, FALLOC_FL_ZERO_RANGE, step->bytes, step->offset);
	default:
		return write_zeroes(fd, step->bytes, step->offset);
	}
}

/* The first request becomes the one that is worked on. */
static void begin_first(struct anvil_disk_file *file)
{
	if (!file->first)
		return;
	anvil_disk_range_begin(&file->range, &file->disk, file->first);
	(void)eventfd_write(file->event_fd, 1);
}

static void enqueue(struct anvil_disk_file *file, struct anvil_disk_request *request)
{
	request->next = NULL;
	if (file->first)
		file->last->next = request;
	else
		file->first = request;
	file->last = request;
	if (file->first == request)
		begin_first(file);
}

/* Takes a request out of the queue; `before` is the one in front of it. */
static void finish(struct anvil_disk_file *file, struct anvil_disk_request *before,
		   struct anvil_disk_request *request, int result)
{
	if (before)
		before->next = request->next;
	else
		file->first = request->next;
	if (file->last == request)
		file->last = before;
	if (!before)
		begin_first(file);
	request->done(request, result);
}

void anvil_disk_file_poll(struct anvil_disk_file *file)
{
	struct anvil_disk_range_step step;
	eventfd_t events;

	(void)eventfd_read(file->event_fd, &events);
	if (!file->first)
		return;

	int err = 0;

	if (anvil_disk_range_next(&file->range, &step)) {
		err = do_step(file->fd, &step);
		if (err)
			err = anvil_disk_range_failed(&file->range, &step, err);
		else
			anvil_disk_range_advance(&file->range, step.bytes);
	}
	if (err || file->range.left == 0)
		finish(file, NULL, file->first, err);
	else
		(void)eventfd_write(file->event_fd, 1);
}

void anvil_disk_file_drain(struct anvil_disk_file *file)
{
	while (file->first)
		anvil_disk_file_poll(file);
}

/* ---- requests ---- */

static void submit(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	struct anvil_disk_file *file = to_file(disk);

	if (!has_range(request))
		request->done(request, carry_out(file, request));
	else if (disk->read_only)
		request->done(request, -EROFS);
	else
		enqueue(file, request);
}

static void cancel(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	struct anvil_disk_file *file = to_file(disk);
	struct anvil_disk_request *before = NULL;
	struct anvil_disk_request *r = file->first;

	for (; r && r != request; r = r->next)
		before = r;
	if (r)
		finish(file, before, r, -ECANCELED);
}

static const struct anvil_disk_ops file_ops = { .submit = submit, .cancel = cancel };

/* ---- opening ---- */

int anvil_disk_file_open(struct anvil_disk_file *file, const char *path, unsigned int flags,
			 char *error, size_t error_len)
{
	struct anvil_disk disk;
	int fd = anvil_disk_image_open(&disk, path, flags, error, error_len);
	int event_fd;
	int err;

	if (fd < 0)
		return fd;
	event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (event_fd < 0) {
		err = -errno;
		(void)snprintf(error, error_len, "%s: no event for it: %s", path, strerror(-err));
		(void)close(fd);
		return err;
	}
	disk.ops = &file_ops;
	*file = (struct anvil_disk_file){ .disk = disk, .fd = fd, .event_fd = event_fd };
	return 0;
}

void anvil_disk_file_close(struct anvil_disk_file *file)
{
	assert(!file->first);
	(void)close(file->event_fd);
	(void)close(file->fd);
	file->event_fd = -1;
	file->fd = -1;
}
