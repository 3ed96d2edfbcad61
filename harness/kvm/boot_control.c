/* SPDX-License-Identifier: BSD-3-Clause */
#include "boot_control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/complain.h"
#include "host_device.h"

/* O_RDWR keeps a writer open, so read never sees the end of the FIFO. */
int boot_control_open(struct boot_control *c, const char *path, char *error, size_t room)
{
	struct stat st;

	c->fd = -1;
	c->len = 0;
	if (!path)
		return 0;
	c->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (c->fd >= 0 && fstat(c->fd, &st) == 0 && S_ISFIFO(st.st_mode))
		return 0;
	snprintf(error, room,
		 "--control: %s: no named pipe that can be read and written; make one: mkfifo %s",
		 path, path);
	return -EINVAL;
}

void boot_control_close(struct boot_control *c)
{
	if (c->fd >= 0)
		close(c->fd);
}

void boot_report(const struct board *board)
{
	for (unsigned int i = 0; i < board->devices; i++)
		host_device_report(board->device[i], i);
}

/* "report", or "DEVICE WHAT": the number is that of the option, from 0. */
static const char *handle_line(const struct board *board, char *line)
{
	unsigned int number;
	int from = 0;

	if (!strcmp(line, "report")) {
		boot_report(board);
		return NULL;
	}
	if (sscanf(line, "%3u %n", &number, &from) != 1 || from == 0 || !line[from])
		return "name a device's number and what to do, or: report";
	if (number >= board->devices)
		return "there is no such device";
	return host_device_control(board->device[number], line + from);
}

static void end_line(struct boot_control *c, const struct board *board)
{
	const char *refusal = "the line is too long";

	if (c->len < sizeof(c->line)) {
		c->line[c->len] = 0;
		refusal = handle_line(board, c->line);
	}
	c->line[sizeof(c->line) - 1] = 0;
	complain("control: %s: %s", c->line, refusal ? refusal : "done");
	c->len = 0;
}

void boot_control_read(struct boot_control *c, const struct board *board)
{
	char bytes[BOOT_CONTROL_ROOM];
	ssize_t n = read(c->fd, bytes, sizeof(bytes));

	for (ssize_t i = 0; i < n; i++) {
		if (bytes[i] == '\n')
			end_line(c, board);
		else if (c->len < sizeof(c->line))
			c->line[c->len++] = bytes[i];
	}
}
