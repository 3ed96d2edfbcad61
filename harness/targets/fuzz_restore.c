/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices that are saved and made anew, from their state or from what somebody made of it, under a
 * hostile guest.
 */
#include "target.h"

FUZZ_TARGET(DEVICE_KINDS, OP_INIT, OP_RESTORE, OP_RESTORE, OP_RESTORE, OP_RESTORE, OP_WRITE,
	    OP_QUEUE, OP_CHAIN, OP_BLK, OP_BLK, OP_TX, OP_RX, OP_CTRL, OP_CTRL, OP_MANY, OP_KICK,
	    OP_USED, OP_FRAME, OP_COMPLETE, OP_LINK, OP_RESIZE, OP_ZONE, OP_DRAIN, OP_ACK);
