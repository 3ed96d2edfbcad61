/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole block device, from registers to disk.
 */
#include "target.h"

FUZZ_TARGET(DEVICE_BLK, OP_INIT, OP_RESET, OP_WRITE, OP_READ, OP_POKE, OP_FILL, OP_QUEUE, OP_STOP,
	    OP_CHAIN, OP_BLK, OP_BLK, OP_BLK, OP_BLK, OP_BLK, OP_BLK, OP_MANY, OP_KICK, OP_AVAIL,
	    OP_USED, OP_COMPLETE, OP_COMPLETE, OP_RESIZE, OP_ZONE, OP_STALL, OP_RACE, OP_RACE,
	    OP_DRAIN, OP_ACK);
