/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * System calls that read guest RAM or fill it, for the device's objects that tap_libc.syms renames.
 * What is read is told before, with the most that can be. What is filled is told after, with what
 * was: only the kernel knows how much that is.
 */
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tap_internal.h"

extern __typeof__(read) __tap_read;
extern __typeof__(write) __tap_write;
extern __typeof__(pread) __tap_pread;
extern __typeof__(pwrite) __tap_pwrite;
extern __typeof__(readv) __tap_readv;
extern __typeof__(writev) __tap_writev;
extern __typeof__(preadv) __tap_preadv;
extern __typeof__(pwritev) __tap_pwritev;
extern __typeof__(recv) __tap_recv;
extern __typeof__(send) __tap_send;
extern __typeof__(recvfrom) __tap_recvfrom;
extern __typeof__(sendto) __tap_sendto;
extern __typeof__(recvmsg) __tap_recvmsg;
extern __typeof__(sendmsg) __tap_sendmsg;
extern __typeof__(getrandom) __tap_getrandom;
extern __typeof__(fread) __tap_fread;
extern __typeof__(fwrite) __tap_fwrite;

static void vector_loaded(const struct iovec *v, size_t count, const void *place)
{
	if (count > IOV_MAX) /* or negative: the kernel refuses it */
		return;
	for (size_t i = 0; i < count; i++)
		if (tap_touches(v[i].iov_base, v[i].iov_len))
			tap_tell_load(v[i].iov_base, v[i].iov_len, place);
}

static void vector_stored(const struct iovec *v, size_t count, ssize_t done, const void *place)
{
	size_t left = done > 0 ? (size_t)done : 0;

	for (size_t i = 0; i < count && left; i++) {
		size_t bytes = v[i].iov_len < left ? v[i].iov_len : left;

		if (tap_touches(v[i].iov_base, bytes))
			tap_tell_stored(v[i].iov_base, bytes, place);
		left -= bytes;
	}
}

/* What a call has filled: not more than its room, whatever it returns (MSG_TRUNC) */
static size_t filled(ssize_t done, size_t room)
{
	if (done <= 0)
		return 0;
	return (size_t)done < room ? (size_t)done : room;
}

/* ---- files ---- */

ssize_t __tap_read(int fd, void *to, size_t bytes)
{
	ssize_t done = read(fd, to, bytes);

	TAP(stored, to, filled(done, bytes));
	return done;
}

ssize_t __tap_write(int fd, const void *from, size_t bytes)
{
	TAP(load, from, bytes);
	return write(fd, from, bytes);
}

ssize_t __tap_pread(int fd, void *to, size_t bytes, off_t at)
{
	ssize_t done = pread(fd, to, bytes, at);

	TAP(stored, to, filled(done, bytes));
	return done;
}

ssize_t __tap_pwrite(int fd, const void *from, size_t bytes, off_t at)
{
	TAP(load, from, bytes);
	return pwrite(fd, from, bytes, at);
}

ssize_t __tap_readv(int fd, const struct iovec *v, int count)
{
	ssize_t done = readv(fd, v, count);

	vector_stored(v, (size_t)count, done, TAP_PLACE);
	return done;
}

ssize_t __tap_writev(int fd, const struct iovec *v, int count)
{
	vector_loaded(v, (size_t)count, TAP_PLACE);
	return writev(fd, v, count);
}

ssize_t __tap_preadv(int fd, const struct iovec *v, int count, off_t at)
{
	ssize_t done = preadv(fd, v, count, at);

	vector_stored(v, (size_t)count, done, TAP_PLACE);
	return done;
}

ssize_t __tap_pwritev(int fd, const struct iovec *v, int count, off_t at)
{
	vector_loaded(v, (size_t)count, TAP_PLACE);
	return pwritev(fd, v, count, at);
}

/* other names of the same; objcopy wants one for each */
TAP_ALIAS(__tap_pread64, __tap_pread);
TAP_ALIAS(__tap_pwrite64, __tap_pwrite);
TAP_ALIAS(__tap_preadv64, __tap_preadv);
TAP_ALIAS(__tap_pwritev64, __tap_pwritev);

/* By bytes: an item may be read in part at the end of a file. */
size_t __tap_fread(void *restrict to, size_t size, size_t count, FILE *restrict file)
{
	size_t done;

	if (size == 0 || count > SIZE_MAX / size)
		return fread(to, size, count, file);
	done = fread(to, 1, size * count, file);
	TAP(stored, to, done);
	return done / size;
}

size_t __tap_fwrite(const void *restrict from, size_t size, size_t count, FILE *restrict file)
{
	TAP(load, from, size == 0 || count > SIZE_MAX / size ? 0 : size * count);
	return fwrite(from, size, count, file);
}

/* ---- sockets; and chance ---- */

ssize_t __tap_recv(int fd, void *to, size_t bytes, int flags)
{
	ssize_t done = recv(fd, to, bytes, flags);

	TAP(stored, to, filled(done, bytes));
	return done;
}

ssize_t __tap_send(int fd, const void *from, size_t bytes, int flags)
{
	TAP(load, from, bytes);
	return send(fd, from, bytes, flags);
}

ssize_t __tap_recvfrom(int fd, void *restrict to, size_t bytes, int flags,
		       struct sockaddr *restrict address, socklen_t *restrict length)
{
	ssize_t done = recvfrom(fd, to, bytes, flags, address, length);

	TAP(stored, to, filled(done, bytes));
	return done;
}

ssize_t __tap_sendto(int fd, const void *from, size_t bytes, int flags,
		     const struct sockaddr *address, socklen_t length)
{
	TAP(load, from, bytes);
	return sendto(fd, from, bytes, flags, address, length);
}

ssize_t __tap_recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t done = recvmsg(fd, message, flags);

	vector_stored(message->msg_iov, message->msg_iovlen, done, TAP_PLACE);
	return done;
}

ssize_t __tap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	vector_loaded(message->msg_iov, message->msg_iovlen, TAP_PLACE);
	return sendmsg(fd, message, flags);
}

ssize_t __tap_getrandom(void *to, size_t bytes, unsigned int flags)
{
	ssize_t done = getrandom(to, bytes, flags);

	TAP(stored, to, filled(done, bytes));
	return done;
}
