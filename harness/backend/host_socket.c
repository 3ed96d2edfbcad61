/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sockets: each is one end of a pair, whose other end the script has. These functions stand in
 * place of the C library's for all of the program, libslirp included.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "steps.h"

#define LOOPBACK 0x7f000001u
#define VISITOR	 40000u /* the port of who connects */

struct host_sockets host_sockets;

void host_sockets_reset(void)
{
	for (unsigned int i = 0; i < host_sockets.count; i++)
		(void)close(host_sockets.socket[i].other);
	memset(&host_sockets, 0, sizeof(host_sockets));
}

/* The youngest with this descriptor: it may have been closed, and given out again. */
static struct host_socket *find(int fd)
{
	for (unsigned int i = host_sockets.count; i-- > 0;) {
		if (host_sockets.socket[i].fd == fd)
			return &host_sockets.socket[i];
	}
	return NULL;
}

static int fails(enum host_call call)
{
	int err = host_strike(call, NULL);

	errno = -err;
	return err ? -1 : 0;
}

static int new_socket(int type)
{
	int pair[2];

	if (host_sockets.count == HOST_SOCKETS) {
		errno = ENFILE;
		return -1;
	}
	if (socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair))
		abort();
	host_sockets.socket[host_sockets.count++] =
		(struct host_socket){ .fd = pair[0], .other = pair[1], .forward = host.setting_up };
	return pair[0];
}

void host_socket_comes(struct host_socket *s)
{
	ssize_t n = send(s->other, "", 1, MSG_NOSIGNAL);

	(void)n; /* nobody listens any more */
}

static void note(int fd, const struct sockaddr *address, socklen_t len)
{
	struct host_socket *s = find(fd);
	struct sockaddr_in in;

	if (!s || !address || len < sizeof(in) || address->sa_family != AF_INET)
		return;
	memcpy(&in, address, sizeof(in));
	s->address = ntohl(in.sin_addr.s_addr);
	s->port = ntohs(in.sin_port);
	host_sockets.reached++;
}

static void fill_address(struct sockaddr *address, socklen_t *len, uint32_t ip, uint16_t port)
{
	const struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(ip),
		.sin_port = htons(port),
	};

	if (!address || !len)
		return;
	memcpy(address, &in, *len < sizeof(in) ? *len : sizeof(in));
	*len = sizeof(in);
}

/* ---- calls ---- */

int socket(int domain, int type, int protocol)
{
	(void)domain, (void)protocol;
	return fails(HOST_SOCKET) ? -1 : new_socket(type & (SOCK_STREAM | SOCK_DGRAM));
}

/* An address that is not the host's cannot be had. */
int bind(int fd, const struct sockaddr *address, socklen_t len)
{
	struct sockaddr_in in = { 0 };
	uint32_t ip;

	(void)fd;
	memcpy(&in, address, len < sizeof(in) ? len : sizeof(in));
	ip = ntohl(in.sin_addr.s_addr);
	if (ip != 0 && ip >> 24 != 127 && ip != HOST_OWN_ADDRESS) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	return host.setting_up ? fails(HOST_SETUP) : 0;
}

int listen(int fd, int backlog)
{
	struct host_socket *s = find(fd);

	(void)backlog;
	if (s)
		s->listens = true;
	return 0;
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	note(fd, address, len);
	return fails(HOST_CONNECT);
}

int accept(int fd, struct sockaddr *address, socklen_t *len)
{
	uint8_t knock;

	if (recv(fd, &knock, 1, MSG_DONTWAIT) != 1)
		return -1;
	fill_address(address, len, LOOPBACK, VISITOR);
	return fails(HOST_SOCKET) ? -1 : new_socket(SOCK_STREAM);
}

ssize_t sendto(int fd, const void *data, size_t bytes, int flags, const struct sockaddr *address,
	       socklen_t len)
{
	note(fd, address, len);
	return send(fd, data, bytes, flags);
}

ssize_t recvfrom(int fd, void *data, size_t bytes, int flags, struct sockaddr *address,
		 socklen_t *len)
{
	const struct host_socket *s = find(fd);
	ssize_t n = recv(fd, data, bytes, flags);

	if (s && s->port)
		fill_address(address, len, s->address, s->port);
	else
		fill_address(address, len, LOOPBACK, VISITOR);
	return n;
}

/* ---- time, and how many files there may be; of whoever does not play with this, the system's ----
 */

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __real_getrlimit(__rlimit_resource_t what, struct rlimit *limit);
int __wrap_getrlimit(__rlimit_resource_t what, struct rlimit *limit);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (host_sockets.files == 0)
		return __real_clock_gettime(clock, now);
	now->tv_sec = host_sockets.clock / 1000000000;
	now->tv_nsec = host_sockets.clock % 1000000000;
	return 0;
}

int __wrap_getrlimit(__rlimit_resource_t what, struct rlimit *limit)
{
	if (host_sockets.files == 0 || what != RLIMIT_NOFILE)
		return __real_getrlimit(what, limit);
	limit->rlim_cur = host_sockets.files;
	return 0;
}
