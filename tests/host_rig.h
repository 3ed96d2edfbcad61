/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device of the runner leaves behind: open descriptors, words on stderr, recorded scripts.
 * For test_host_device.c and test_host_nic_device.c.
 */
#ifndef TESTS_HOST_RIG_H
#define TESTS_HOST_RIG_H

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "script/script.h"

static inline unsigned int open_files(void)
{
	unsigned int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* ---- stderr ---- */

struct listener {
	FILE *file;
	int before;
};

/* What is said from now on is kept. */
static inline void listen_to_stderr(struct listener *l)
{
	l->file = tmpfile();
	l->before = dup(STDERR_FILENO);
	assert_non_null(l->file);
	fflush(stderr);
	assert_int_equal(dup2(fileno(l->file), STDERR_FILENO), STDERR_FILENO);
}

/* Gives what was said, of which `room` - 1 bytes have room; stderr is as before. */
static inline void hear_stderr(struct listener *l, char *text, size_t room)
{
	ssize_t len;

	fflush(stderr);
	assert_int_equal(dup2(l->before, STDERR_FILENO), STDERR_FILENO);
	close(l->before);
	len = pread(fileno(l->file), text, room - 1, 0);
	assert_true(len >= 0);
	text[len] = '\0';
	(void)fclose(l->file);
}

/* ---- records ---- */

/* How many operations of this kind are in the scripts there, each of whose names begins so; they
 * are removed, with the folder. */
static inline unsigned int take_recorded(const char *folder, const char *prefix, enum op_code code)
{
	static uint8_t bytes[1 << 16];
	static struct script script;
	DIR *d = opendir(folder);
	unsigned int count = 0;
	const struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d))) {
		FILE *file;

		if (e->d_name[0] == '.')
			continue;
		assert_memory_equal(e->d_name, prefix, strlen(prefix));
		file = fdopen(openat(dirfd(d), e->d_name, O_RDONLY), "rb");
		assert_non_null(file);
		script_decode(bytes, fread(bytes, 1, sizeof(bytes), file), &script);
		(void)fclose(file);
		assert_int_equal(unlinkat(dirfd(d), e->d_name, 0), 0);
		for (unsigned int i = 0; i < script.ops; i++)
			count += script.op[i].code == code;
	}
	closedir(d);
	assert_int_equal(rmdir(folder), 0);
	return count;
}

#endif
