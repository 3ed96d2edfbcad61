/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a guest's shell cannot do by itself. Linked statically: the guest has no C library.
 *   guestctl drain                         waits until all is out that was written to the console
 *   guestctl out PORT VALUE                a byte to an I/O port, after that
 *   guestctl zero DEVICE OFFSET LENGTH     has a disk write zeroes
 *   guestctl discard DEVICE OFFSET LENGTH  has a disk discard
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* What a terminal has taken may be far from sent, and what ends a machine does not wait for it. */
static int drain(void)
{
	if (tcdrain(STDOUT_FILENO) == 0 || errno == ENOTTY)
		return 0;
	perror("guestctl: tcdrain");
	return 1;
}

static int out(const char *port, const char *value)
{
	if (ioperm(strtoul(port, NULL, 0), 1, 1)) {
		perror("guestctl: ioperm");
		return 2;
	}
	(void)drain();
	outb((unsigned char)strtoul(value, NULL, 0), (unsigned short)strtoul(port, NULL, 0));
	return 0;
}

static int range(unsigned long request, const char *path, const char *offset, const char *length)
{
	uint64_t what[2] = { strtoull(offset, NULL, 0), strtoull(length, NULL, 0) };
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, request, what)) {
		perror("guestctl: ioctl");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "drain"))
		return drain();
	if (argc == 4 && !strcmp(argv[1], "out"))
		return out(argv[2], argv[3]);
	if (argc == 5 && !strcmp(argv[1], "zero"))
		return range(BLKZEROOUT, argv[2], argv[3], argv[4]);
	if (argc == 5 && !strcmp(argv[1], "discard"))
		return range(BLKDISCARD, argv[2], argv[3], argv[4]);
	fputs("guestctl: drain | out PORT VALUE | zero|discard DEVICE OFFSET LENGTH\n", stderr);
	return 2;
}
