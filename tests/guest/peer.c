/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's end of a guest's TCP connections: sends a file and stores what comes, both at the same
 * time. Usage: peer SEND STORE PORTS [ADDRESS]. Listens on a free port of 127.0.0.1 or ADDRESS;
 * PORTS gets its number and that of another free port, one that is to be forwarded to the guest.
 * What the n-th connection brings is stored in STORE.n. If something listens on the other port
 * after the first connection, it is connected to, too, and what that brings goes to
 * STORE.forwarded.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0666);

	if (fd < 0)
		die(path);
	return fd;
}

static struct sockaddr_in loopback(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

/* A socket bound to a free port. */
static int bind_anywhere(const char *address, uint16_t *port)
{
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (address && inet_pton(AF_INET, address, &a.sin_addr) != 1)
		die(address);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		die("no free port");
	*port = ntohs(a.sin_port);
	return fd;
}

static void tell_ports(const char *path, uint16_t port, uint16_t forwarded)
{
	char part[4096];
	FILE *f;

	snprintf(part, sizeof(part), "%s.part", path);
	f = fopen(part, "w");
	if (!f || fprintf(f, "%u %u\n", port, forwarded) < 0 || fclose(f) || rename(part, path))
		die(path);
}

/* Sends as much as goes. Returns false when all is sent. */
static bool send_some(int fd, int file, off_t *sent)
{
	char buffer[65536];
	ssize_t have = pread(file, buffer, sizeof(buffer), *sent);
	ssize_t n;

	if (have <= 0)
		return false;
	n = send(fd, buffer, (size_t)have, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN; /* else the other side is gone: reading tells */
	*sent += n;
	return true;
}

/* Returns false at the end. */
static bool store_some(int fd, int file)
{
	char buffer[65536];
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

	if (n <= 0)
		return false;
	if (write(file, buffer, (size_t)n) != n)
		die("cannot store");
	return true;
}

/*
 * Until both sides have sent all they have. Ours stays open that long: busybox's nc ends at the
 * other side's end, whatever it has still to send.
 */
static void transfer(int fd, int file, const char *store, const char *suffix)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	char path[4096];
	off_t sent = 0;
	int out;

	snprintf(path, sizeof(path), "%s.%s", store, suffix);
	out = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
	while (p.events) {
		if (poll(&p, 1, -1) < 0)
			die("poll");
		if (p.revents & POLLOUT && !send_some(fd, file, &sent))
			p.events = (short)(p.events & ~POLLOUT);
		if (p.revents & ~POLLOUT && !store_some(fd, out))
			p.events = (short)(p.events & ~POLLIN);
		if (p.revents & (POLLERR | POLLHUP) && !(p.events & POLLIN))
			break;
	}
	close(out);
	close(fd);
	printf("peer: connection %s: %lld bytes sent\n", suffix, (long long)sent);
	fflush(stdout);
}

static void use_forwarded(uint16_t port, int file, const char *store)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		transfer(fd, file, store, "forwarded");
	else
		close(fd);
}

int main(int argc, char **argv)
{
	uint16_t port, forwarded;
	int listener, file;

	if (argc != 4 && argc != 5) {
		fputs("peer: usage: peer SEND STORE PORTS [ADDRESS]\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	file = open_file(argv[1], O_RDONLY);
	listener = bind_anywhere(argv[4], &port);
	if (listen(listener, 8))
		die("listen");
	close(bind_anywhere(NULL, &forwarded));
	tell_ports(argv[3], port, forwarded);
	for (unsigned int n = 1;; n++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		char suffix[16];

		if (fd < 0)
			die("accept");
		snprintf(suffix, sizeof(suffix), "%u", n);
		transfer(fd, file, argv[2], suffix);
		if (n == 1)
			use_forwarded(forwarded, file, argv[2]);
	}
}
