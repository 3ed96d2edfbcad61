/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Capture files, behind the C library's streams: what these read and write comes here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"
#include "steps.h"

struct host_capture host_capture;

/* The streams that are open, their descriptors, and the place in the input. */
static struct {
	FILE *in;
	FILE *out;
	int in_fd;
	int out_fd;
	size_t at;
} stream;

void host_capture_reset(void)
{
	host_capture.in_len = 0;
	host_capture.out_len = 0;
	memset(&stream, 0, sizeof(stream));
}

bool host_capture_open(void)
{
	return stream.in || stream.out;
}

/* ---- what a stream asks for ---- */

static enum host_call call_of(enum host_call call)
{
	return host.setting_up ? HOST_SETUP : call;
}

static ssize_t read_in(void *cookie, char *data, size_t len)
{
	uint64_t bytes = host_capture.in_len > stream.at ? host_capture.in_len - stream.at : 0;
	int err;

	(void)cookie;
	if (bytes > len)
		bytes = len;
	err = host_strike(call_of(HOST_READ), &bytes);
	if (err) {
		errno = -err;
		return -1;
	}
	memcpy(data, host_capture.in + stream.at, bytes);
	stream.at += bytes;
	return (ssize_t)bytes;
}

static int seek_in(void *cookie, off64_t *offset, int whence)
{
	int err = host_strike(HOST_SETUP, NULL);

	(void)cookie;
	if (whence == SEEK_CUR)
		*offset += (off64_t)stream.at;
	else if (whence == SEEK_END)
		*offset += (off64_t)host_capture.in_len;
	if (err || *offset < 0) {
		errno = err ? -err : EINVAL;
		return -1;
	}
	stream.at = (size_t)*offset;
	return 0;
}

/* As the C library does with a file: until all is written, or a call fails. */
static ssize_t write_out(void *cookie, const char *data, size_t len)
{
	size_t done = 0;

	(void)cookie;
	while (done < len) {
		uint64_t bytes = len - done;
		int err = host_strike(call_of(HOST_WRITE), &bytes);

		if (bytes > HOST_CAPTURE_BYTES - host_capture.out_len)
			steps_finding("writes a capture of more than %u bytes", HOST_CAPTURE_BYTES);
		memcpy(host_capture.out + host_capture.out_len, data + done, bytes);
		host_capture.out_len += bytes;
		done += bytes;
		if (err || bytes == 0) {
			errno = err ? -err : ENOSPC;
			break;
		}
	}
	return (ssize_t)done;
}

static int close_in(void *cookie)
{
	(void)cookie;
	stream.in = NULL;
	return host_close(stream.in_fd);
}

static int close_out(void *cookie)
{
	int err = host.setting_up ? 0 : host_strike(HOST_SYNC, NULL);

	(void)cookie;
	stream.out = NULL;
	(void)host_close(stream.out_fd);
	errno = -err;
	return err ? -1 : 0;
}

/* ---- calls ---- */

FILE *__real_fdopen(int fd, const char *mode);
FILE *__wrap_fdopen(int fd, const char *mode);
int __real_fileno(FILE *file);
int __wrap_fileno(FILE *file);
int __real_ftruncate(int fd, off_t len);
int __wrap_ftruncate(int fd, off_t len);

FILE *__wrap_fdopen(int fd, const char *mode)
{
	const cookie_io_functions_t in = { .read = read_in, .seek = seek_in, .close = close_in };
	const cookie_io_functions_t out = { .write = write_out, .close = close_out };
	const struct host_fd *found = host_find(fd);
	int err;

	if (!found)
		return __real_fdopen(fd, mode);
	err = host_strike(HOST_SETUP, NULL);
	if (err) {
		errno = -err;
		return NULL;
	}
	if (found->kind == HOST_CAPTURE_IN) {
		stream.in_fd = fd;
		stream.in = fopencookie(NULL, mode, in);
		return stream.in;
	}
	stream.out_fd = fd;
	stream.out = fopencookie(NULL, mode, out);
	return stream.out;
}

int __wrap_fileno(FILE *file)
{
	if (file && file == stream.in)
		return stream.in_fd;
	return file && file == stream.out ? stream.out_fd : __real_fileno(file);
}

int __wrap_ftruncate(int fd, off_t len)
{
	int err;

	if (!host_find(fd))
		return __real_ftruncate(fd, len);
	err = host_strike(HOST_SETUP, NULL);
	errno = -err;
	if (!err)
		host_capture.out_len = (size_t)len;
	return err ? -1 : 0;
}
