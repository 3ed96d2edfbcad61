/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each entry: a header in hexadecimal, the name, the content; each filled up to four bytes.
 */
#include "cpio.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 110u

static bool grow(struct cpio *c, size_t by)
{
	uint8_t *more = realloc(c->bytes, c->len + by);

	if (!more)
		return false;
	memset(more + c->len, 0, by);
	c->bytes = more;
	return true;
}

static size_t round_up(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

int cpio_add(struct cpio *c, const char *name, unsigned int mode, const void *bytes, size_t len)
{
	size_t name_end = round_up(HEADER_BYTES + strlen(name) + 1);
	size_t total = name_end + round_up(len);
	char header[HEADER_BYTES + 1];

	if (len > UINT32_MAX || !grow(c, total))
		return -ENOMEM;
	/* magic, inode, mode, uid, gid, links, time, size, devices (4), length of the name, sum */
	snprintf(header, sizeof(header),
		 "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", ++c->entries, mode,
		 0u, 0u, 1u, 0u, (unsigned int)len, 0u, 0u, 0u, 0u, (unsigned int)strlen(name) + 1,
		 0u);
	memcpy(c->bytes + c->len, header, HEADER_BYTES);
	memcpy(c->bytes + c->len + HEADER_BYTES, name, strlen(name));
	if (len > 0)
		memcpy(c->bytes + c->len + name_end, bytes, len);
	c->len += total;
	return 0;
}

int cpio_end(struct cpio *c)
{
	return cpio_add(c, "TRAILER!!!", 0, NULL, 0);
}
