/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors, events, and what goes wrong.
 */
#include "host.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "steps.h"

struct host host;

void host_reset(void)
{
	memset(&host, 0, sizeof(host));
}

/* ---- what goes wrong ---- */

void host_add_fault(const struct host_fault *fault)
{
	if (host.faults == HOST_FAULTS) {
		memmove(host.fault, host.fault + 1, sizeof(host.fault) - sizeof(host.fault[0]));
		host.faults--;
	}
	host.fault[host.faults++] = *fault;
}

int host_errno(enum host_trouble trouble)
{
	static const int number[HOST_TROUBLES] = {
		[HOST_EINTR] = EINTR,	[HOST_EAGAIN] = EAGAIN,		[HOST_ENOSPC] = ENOSPC,
		[HOST_EIO] = EIO,	[HOST_EOPNOTSUPP] = EOPNOTSUPP, [HOST_EINVAL] = EINVAL,
		[HOST_EFBIG] = EFBIG,	[HOST_ENOSYS] = ENOSYS,		[HOST_EPERM] = EPERM,
		[HOST_ENOMEM] = ENOMEM, [HOST_EACCES] = EACCES,		[HOST_EBUSY] = EBUSY,
	};

	return number[trouble];
}

int host_strike(enum host_call call, uint64_t *bytes)
{
	for (unsigned int i = 0; i < host.faults; i++) {
		struct host_fault *f = &host.fault[i];

		if (f->call != call || f->count == 0)
			continue;
		if (f->after > 0) {
			f->after--;
			continue;
		}
		f->count--;
		host.troubles.count[call][f->trouble]++;
		if (bytes && f->trouble == HOST_NOTHING)
			*bytes = 0;
		else if (bytes && f->trouble == HOST_SHORT && f->bytes == 0)
			*bytes = *bytes > 0;
		else if (bytes && *bytes > f->bytes)
			*bytes = f->bytes;
		return -host_errno(f->trouble);
	}
	return 0;
}

/* ---- descriptors ---- */

int host_open(enum host_kind kind, bool may_write)
{
	int err = host.setting_up ? host_strike(HOST_SETUP, NULL) : 0;

	for (unsigned int i = 0; i < HOST_FDS && !err; i++) {
		if (host.fd[i].kind == HOST_CLOSED) {
			host.fd[i] = (struct host_fd){ kind, may_write, 0 };
			return HOST_FD_FIRST + (int)i;
		}
	}
	errno = err ? -err : EMFILE;
	return -1;
}

struct host_fd *host_find(int fd)
{
	if (fd < HOST_FD_FIRST || fd >= HOST_FD_FIRST + (int)HOST_FDS)
		return NULL;
	return &host.fd[fd - HOST_FD_FIRST];
}

int host_close(int fd)
{
	struct host_fd *found = host_find(fd);

	if (!found || found->kind == HOST_CLOSED)
		steps_finding("closes descriptor %d, which is not open", fd);
	found->kind = HOST_CLOSED;
	return 0;
}

unsigned int host_opened(void)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < HOST_FDS; i++)
		count += host.fd[i].kind != HOST_CLOSED;
	return count;
}

/* ---- system calls ---- */

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_eventfd(unsigned int count, int flags);
int __wrap_eventfd_read(int fd, eventfd_t *value);
int __wrap_eventfd_write(int fd, eventfd_t value);
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);

int __wrap_close(int fd)
{
	return host_find(fd) ? host_close(fd) : __real_close(fd);
}

int __wrap_eventfd(unsigned int count, int flags)
{
	(void)count;
	if ((flags & (EFD_CLOEXEC | EFD_NONBLOCK)) != (EFD_CLOEXEC | EFD_NONBLOCK))
		steps_finding("makes an event that blocks, or that other programs inherit");
	return host_open(HOST_EVENT, true);
}

static struct host_fd *event_of(int fd)
{
	struct host_fd *event = host_find(fd);

	if (!event || event->kind != HOST_EVENT)
		steps_finding("takes descriptor %d for an event", fd);
	return event;
}

int __wrap_eventfd_read(int fd, eventfd_t *value)
{
	struct host_fd *event = event_of(fd);

	if (event->events == 0) {
		errno = EAGAIN;
		return -1;
	}
	*value = event->events;
	event->events = 0;
	return 0;
}

int __wrap_eventfd_write(int fd, eventfd_t value)
{
	event_of(fd)->events += value;
	return 0;
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	uint64_t value;

	if (!host_find(fd))
		return __real_write(fd, data, len);
	if (len != sizeof(value))
		steps_finding("writes %zu bytes into an event", len);
	memcpy(&value, data, sizeof(value));
	event_of(fd)->events += value;
	return (ssize_t)len;
}
