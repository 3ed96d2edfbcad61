/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A TAP interface: frames that wait to be read, and the one that was written last.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host.h"
#include "steps.h"

struct host_tap host_tap;

static void forget_first(void)
{
	free(host_tap.in[host_tap.first].data);
	host_tap.first = (host_tap.first + 1) % HOST_TAP_FRAMES;
	host_tap.ins--;
}

void host_tap_reset(void)
{
	while (host_tap.ins > 0)
		forget_first();
	free(host_tap.out);
	memset(&host_tap, 0, sizeof(host_tap));
}

bool host_tap_arrives(uint8_t *data, size_t len)
{
	unsigned int at = (host_tap.first + host_tap.ins) % HOST_TAP_FRAMES;

	if (host_tap.ins == HOST_TAP_FRAMES)
		return false;
	host_tap.in[at].data = data;
	host_tap.in[at].len = len;
	host_tap.ins++;
	return true;
}

/* ---- system calls ---- */

ssize_t __real_read(int fd, void *data, size_t len);
ssize_t __wrap_read(int fd, void *data, size_t len);
ssize_t __real_writev(int fd, const struct iovec *part, int parts);
ssize_t __wrap_writev(int fd, const struct iovec *part, int parts);

/* All that an event has counted, as eventfd_read. */
static ssize_t read_event(struct host_fd *event, void *data, size_t len)
{
	if (event->events == 0 || len != sizeof(event->events)) {
		errno = event->events ? EINVAL : EAGAIN;
		return -1;
	}
	memcpy(data, &event->events, len);
	event->events = 0;
	return (ssize_t)len;
}

/* A frame that is longer than the buffer is cut short, as the kernel does. */
ssize_t __wrap_read(int fd, void *data, size_t len)
{
	int err;

	if (!host_find(fd))
		return __real_read(fd, data, len);
	if (host_find(fd)->kind == HOST_EVENT)
		return read_event(host_find(fd), data, len);
	err = host_strike(HOST_READ, NULL);
	if (!err && host_tap.ins == 0)
		err = -EAGAIN;
	if (err) {
		errno = -err;
		return -1;
	}

	size_t n = host_tap.in[host_tap.first].len;

	if (n > len)
		n = len;
	memcpy(data, host_tap.in[host_tap.first].data, n);
	forget_first();
	host_tap.reads++;
	return (ssize_t)n;
}

/* A write is a frame, or nothing. */
ssize_t __wrap_writev(int fd, const struct iovec *part, int parts)
{
	size_t at = 0;
	int err;

	if (!host_find(fd))
		return __real_writev(fd, part, parts);
	err = host_strike(HOST_WRITE, NULL);
	if (err) {
		errno = -err;
		return -1;
	}
	free(host_tap.out);
	host_tap.out_len = 0;
	for (int i = 0; i < parts; i++)
		host_tap.out_len += part[i].iov_len;
	host_tap.out = malloc(host_tap.out_len);
	if (!host_tap.out)
		abort();
	for (int i = 0; i < parts; at += part[i++].iov_len)
		memcpy(host_tap.out + at, part[i].iov_base, part[i].iov_len);
	host_tap.outs++;
	return (ssize_t)host_tap.out_len;
}
