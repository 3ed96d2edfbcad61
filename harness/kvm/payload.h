/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bare guest: reads commands from its mailbox and carries them out with its own loads and
 * stores, then tells the host through a port.
 */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

/* The payload's own memory, not part of the device's map. */
#define PAYLOAD_GPA	0x10000u
#define PAYLOAD_BYTES	0x20000u
#define PAYLOAD_CODE	PAYLOAD_GPA
#define PAYLOAD_TABLES	(PAYLOAD_GPA + 0x1000u)
#define PAYLOAD_STACK	(PAYLOAD_GPA + 0x8000u)
#define PAYLOAD_MAILBOX (PAYLOAD_GPA + 0x8000u)
#define PAYLOAD_ROOM	(PAYLOAD_BYTES - 0x8000u - 64u) /* for one command's bytes */

/* Where the guest sees the device's registers; one page, which no memory stands behind. */
#define PAYLOAD_WINDOW	     0xd0000000u
#define PAYLOAD_WINDOW_BYTES 0x1000u
#define PAYLOAD_PORT	     0x10u

enum payload_op {
	PAYLOAD_END,
	PAYLOAD_WRITE1,
	PAYLOAD_WRITE2,
	PAYLOAD_WRITE4,
	PAYLOAD_WRITE8,
	PAYLOAD_READ1,
	PAYLOAD_READ2,
	PAYLOAD_READ4,
	PAYLOAD_READ8,
	PAYLOAD_COPY, /* `len` bytes that follow the command */
	PAYLOAD_OWN,  /* an agent in a kernel: use that one's own devices; leaves enum agent_result
		       */
};

struct payload_command {
	uint32_t op;
	uint32_t len;
	uint64_t gpa;
	uint64_t value; /* a read leaves its result here */
};

/* Writes code and page tables into the payload's memory. */
void payload_install(uint8_t *memory);

#endif
