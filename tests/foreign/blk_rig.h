/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the block device share.
 */
#ifndef FOREIGN_BLK_RIG_H
#define FOREIGN_BLK_RIG_H

#include "driver.h"

#define F_RO	(1ull << 5)
#define F_FLUSH (1ull << 9)

#define SECTORS 128u
#define HEADER	GPA(BUFFERS)
#define STATUS	GPA(BUFFERS + 0x100)
#define DATA	GPA(BUFFERS + 0x1000)

enum {
	IN = 0,
	OUT = 1,
	FLUSH = 4,
	GET_ID = 8,
	OK = 0,
	IOERR = 1,
	UNSUPP = 2,
};

static inline void put_header(uint32_t type, uint64_t sector)
{
	memcpy(ram(HEADER), &type, sizeof(type));
	memset((uint8_t *)ram(HEADER) + 4, 0, 4);
	memcpy((uint8_t *)ram(HEADER) + 8, &sector, sizeof(sector));
	*(uint8_t *)ram(STATUS) = NOTHING;
}

/* A request of up to three descriptors. Returns its status. */
static inline unsigned int request(uint32_t type, uint64_t sector, uint32_t len)
{
	put_header(type, sector);
	desc(0, 0, HEADER, 16, DESC_NEXT, len ? 1 : 2);
	desc(0, 1, DATA, len, type == OUT ? DESC_NEXT : DESC_NEXT | DESC_WRITE, 2);
	desc(0, 2, STATUS, 1, DESC_WRITE, 0);
	submit(0, 0);
	return *(uint8_t *)ram(STATUS);
}

static inline uint32_t used_len(unsigned int i)
{
	return used(0)->ring[i].len;
}

#endif
