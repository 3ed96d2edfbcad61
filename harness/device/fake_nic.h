/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network interface that swallows what is sent, and hands over the frames of a script.
 */
#ifndef FAKE_NIC_H
#define FAKE_NIC_H

#include "oracle/oracle.h"

#define FAKE_NIC_WAITING 4u

struct fake_frame {
	struct anvil_nic_frame frame;
	uint8_t *data; /* ANVIL_NIC_FRAME_BYTES_MAX */
};

struct fake_nic {
	struct anvil_nic nic; /* first */
	struct oracle *oracle;
	struct fake_frame waiting[FAKE_NIC_WAITING]; /* for receive buffers */
	unsigned int waitings;
	bool stalled;
	bool drops;
	/* told of each frame that was taken; NULL: nobody is */
	void (*sent)(struct fake_nic *n, const struct anvil_nic_frame *frame);
	uint8_t *fenced; /* bytes behind a frame that nobody may touch now */
};

/* Once a process. */
void fake_nic_create(struct fake_nic *n, struct oracle *oracle);
void fake_nic_start(struct fake_nic *n, const struct setup *p);
/* The storage to build the next frame in; then hand it over. */
uint8_t *fake_nic_frame(struct fake_nic *n);
void fake_nic_arrives(struct fake_nic *n, uint32_t len, const struct anvil_nic_offload *offload);
/* Whether a frame that waits for buffers could be received now: then it should have been. */
bool fake_nic_was_forgotten(struct fake_nic *n);
/* Whether the nic answers -EAGAIN to what the guest sends; going back to false tells the device. */
void fake_nic_stall(struct fake_nic *n, bool stalled);

#endif
