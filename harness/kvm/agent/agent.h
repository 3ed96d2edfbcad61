/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the agent in a booted Linux and its host agree upon, beside the commands of payload.h.
 */
#ifndef AGENT_H
#define AGENT_H

#include "../payload.h"

/* Memory that is reserved to the mailbox. */
#define AGENT_MAILBOX	    0x50000000u
#define AGENT_MAILBOX_BYTES 0x20000u

/* The disk that the kernel's own driver has: the agent writes and reads its sectors in turn. */
#define AGENT_SECTOR	 4096u
#define AGENT_SECTORS	 64u
#define AGENT_DISK_BYTES (AGENT_SECTOR * AGENT_SECTORS)

enum agent_result {
	AGENT_OK,
	AGENT_DISK_WRITE,
	AGENT_DISK_READ,
	AGENT_DISK_CONTENT,
	AGENT_NIC,
};

#endif
