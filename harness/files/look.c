/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all kinds of file have in common.
 */
#include "look.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DESCRIPTORS 64u /* looked at */

/* ---- answers ---- */

bool look_one_line(const char *text)
{
	return *text && !strchr(text, '\n');
}

void look_at_error(int err, const char *error)
{
	if (err > 0)
		handed_finding("is answered with %d", err);
	if (err && !look_one_line(error))
		handed_finding("is refused with (%d): %s", err, error);
}

/* Linked in place of complain and complain_of: many inputs are refused, and nobody reads that. */
static unsigned int complaints;

void __wrap_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool __wrap_complain_of(const char *path, const char *what);

void __wrap_complain(const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (!*line)
		handed_finding("is complained of without a word");
	complaints++;
}

bool __wrap_complain_of(const char *path, const char *what)
{
	__wrap_complain("%s: %s", path, what);
	return false;
}

void look_complaints_forget(void)
{
	complaints = 0;
}

unsigned int look_complaints(void)
{
	return complaints;
}

/* ---- files ---- */

int look_file(const struct handed *h, char path[LOOK_PATH])
{
	int fd = memfd_create("handed", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)h->len) ||
	    pwrite(fd, h->bytes, h->given, 0) != (ssize_t)h->given) {
		perror("fuzz_files: a file in memory");
		exit(1);
	}
	(void)snprintf(path, LOOK_PATH, "/proc/self/fd/%d", fd);
	return fd;
}

int look_open_again(const char *path)
{
	return open(path, O_RDWR | O_CLOEXEC);
}

void look_close(int fd)
{
	(void)close(fd);
}

unsigned int look_descriptors(void)
{
	struct pollfd fds[DESCRIPTORS];
	unsigned int open = 0;

	for (unsigned int i = 0; i < DESCRIPTORS; i++)
		fds[i] = (struct pollfd){ .fd = (int)i };
	(void)poll(fds, DESCRIPTORS, 0);
	for (unsigned int i = 0; i < DESCRIPTORS; i++)
		open += !(fds[i].revents & POLLNVAL);
	return open;
}
