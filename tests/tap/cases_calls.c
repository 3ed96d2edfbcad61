/* SPDX-License-Identifier: BSD-3-Clause */
/* System calls, and what no compiler tells: inline assembly. */
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cases.h"

static uint8_t own[64];

/* ---- files ---- */

CASE(call_read, .does = "T8+30")
{
	KEEP(write(pipe_in, host, 30));
	KEEP(read(pipe_out, ram + 8, 64));
}

CASE(call_read_refused, .does = "")
{
	KEEP(read(-1, ram + 8, 64));
}

CASE(call_write, .does = "L8+30")
{
	KEEP(write(pipe_in, ram + 8, 30));
	KEEP(read(pipe_out, own, 30));
	KEEP(own[0] + own[29]);
}

CASE(call_readv, .does = "T0+10 T64+20")
{
	struct iovec v[] = { { ram, 10 }, { ram + 64, 40 }, { ram + 200, 10 } };

	KEEP(write(pipe_in, host, 30));
	KEEP(readv(pipe_out, v, 3));
}

CASE(call_writev, .does = "L0+10 L64+20")
{
	struct iovec v[] = { { ram, 10 }, { host, 3 }, { ram + 64, 20 } };

	KEEP(writev(pipe_in, v, 3));
	KEEP(read(pipe_out, own, 33));
	KEEP(own[0] + own[32]);
}

CASE(call_writev_refused, .does = "")
{
	struct iovec v[] = { { ram, 10 } };

	KEEP(writev(pipe_in, v, (int)zero - 1));
}

/* a file of 40 bytes */
static int file(void)
{
	FILE *f = tmpfile();
	int fd = dup(fileno(f));

	KEEP(pwrite(fd, host, 40, 0));
	fclose(f);
	return fd;
}

CASE(call_pread, .does = "T8+30")
{
	int fd = file();

	KEEP(pread(fd, ram + 8, 64, 10));
	close(fd);
}

CASE(call_pwrite, .does = "L8+30")
{
	int fd = file();

	KEEP(pwrite(fd, ram + 8, 30, 10));
	KEEP(pread(fd, own, 30, 10));
	KEEP(own[0] + own[29]);
	close(fd);
}

CASE(call_preadv, .does = "T0+10 T64+20")
{
	struct iovec v[] = { { ram, 10 }, { ram + 64, 40 } };
	int fd = file();

	KEEP(preadv(fd, v, 2, 10));
	close(fd);
}

CASE(call_pwritev, .does = "L0+10 L64+20")
{
	struct iovec v[] = { { ram, 10 }, { ram + 64, 20 } };
	int fd = file();

	KEEP(pwritev(fd, v, 2, 10));
	KEEP(pread(fd, own, 30, 10));
	KEEP(own[0] + own[29]);
	close(fd);
}

CASE(call_pread64, .does = "T8+30 L8+30")
{
	int fd = file();

	KEEP(pread64(fd, ram + 8, 64, 10));
	KEEP(pwrite64(fd, ram + 8, 30, 10));
	close(fd);
}

CASE(call_preadv64, .does = "T8+30 L8+30")
{
	struct iovec v[] = { { ram + 8, 30 } };
	int fd = file();

	KEEP(preadv64(fd, v, 1, 10));
	KEEP(pwritev64(fd, v, 1, 10));
	close(fd);
}

CASE(call_fread, .does = "T8+40")
{
	int fd = file();
	FILE *f = fdopen(fd, "r+");

	KEEP(fread(ram + 8, 16, 4, f));
	KEEP(feof(f) != 0);
	fclose(f);
}

CASE(call_fwrite, .does = "L8+30")
{
	int fd = file();
	FILE *f = fdopen(dup(fd), "r+");

	KEEP(fwrite(ram + 8, 10, 3, f));
	fclose(f);
	KEEP(pread(fd, own, 30, 0));
	KEEP(own[0] + own[29]);
	close(fd);
}

/* ---- sockets ---- */

CASE(call_recv, .does = "T8+30")
{
	KEEP(send(socket_in, host, 30, 0));
	KEEP(recv(socket_out, ram + 8, 64, 0));
}

CASE(call_recv_truncated, .does = "T8+20")
{
	KEEP(send(socket_in, host, 30, 0));
	KEEP(recv(socket_out, ram + 8, 20, MSG_TRUNC));
}

CASE(call_send, .does = "L8+30")
{
	KEEP(send(socket_in, ram + 8, 30, 0));
	KEEP(recv(socket_out, own, 30, 0));
	KEEP(own[0] + own[29]);
}

CASE(call_recvfrom, .does = "T8+30")
{
	KEEP(send(socket_in, host, 30, 0));
	KEEP(recvfrom(socket_out, ram + 8, 64, 0, NULL, NULL));
}

CASE(call_sendto, .does = "L8+30")
{
	KEEP(sendto(socket_in, ram + 8, 30, 0, NULL, 0));
	KEEP(recv(socket_out, own, 30, 0));
	KEEP(own[0] + own[29]);
}

CASE(call_recvmsg, .does = "T0+10 T64+20")
{
	struct iovec v[] = { { ram, 10 }, { ram + 64, 40 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	KEEP(send(socket_in, host, 30, 0));
	KEEP(recvmsg(socket_out, &m, 0));
}

CASE(call_sendmsg, .does = "L0+10 L64+20")
{
	struct iovec v[] = { { ram, 10 }, { ram + 64, 20 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	KEEP(sendmsg(socket_in, &m, 0));
	KEEP(recv(socket_out, own, 30, 0));
	KEEP(own[0] + own[29]);
}

CASE(call_getrandom, .does = "T8+16", .differs = true)
{
	KEEP(getrandom(ram + 8, 16, 0));
}

/* ---- inline assembly ---- */

#ifdef __x86_64__
CASE(asm_load, .does = "L0+4", UNTOLD)
{
	uint32_t v;

	__asm__ volatile("movl %1, %0" : "=r"(v) : "m"(*AT(uint32_t, 0)));
	KEEP(v);
}

CASE(asm_store, .does = "S0+4", UNTOLD)
{
	__asm__ volatile("movl $1, %0" : "=m"(*AT(uint32_t, 0)));
}

CASE(asm_add, .does = "L0+4 S0+4", UNTOLD)
{
	uint32_t v = 1;

	__asm__ volatile("lock xaddl %0, %1" : "+r"(v), "+m"(*AT(uint32_t, 0)));
	KEEP(v);
}

CASE(asm_copy, .does = "L0+20", UNTOLD)
{
	const uint8_t *from = ram;
	uint8_t *to = host;
	size_t n = 20;

	__asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(n)::"memory");
}
#endif
