/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole network device, from registers to frames.
 */
#include "target.h"

FUZZ_TARGET(DEVICE_NET, OP_INIT, OP_RESET, OP_WRITE, OP_READ, OP_POKE, OP_FILL, OP_QUEUE, OP_STOP,
	    OP_CHAIN, OP_TX, OP_TX, OP_TX, OP_TX, OP_RX, OP_RX, OP_RX, OP_CTRL, OP_CTRL, OP_CTRL,
	    OP_FRAME, OP_FRAME, OP_FRAME, OP_FRAME, OP_KICK, OP_AVAIL, OP_USED, OP_LINK, OP_STALL,
	    OP_RACE, OP_RACE, OP_DRAIN, OP_ACK, OP_MANY, OP_TIME, OP_CTRL, OP_CTRL, OP_CTRL,
	    OP_CTRL);
