/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ring walking alone: chains of every shape through the echo device.
 */
#include "target.h"

FUZZ_TARGET(DEVICE_ECHO, OP_INIT, OP_POKE, OP_POKE, OP_FILL, OP_QUEUE, OP_STOP, OP_CHAIN, OP_CHAIN,
	    OP_CHAIN, OP_CHAIN, OP_CHAIN, OP_CHAIN, OP_MANY, OP_KICK, OP_AVAIL, OP_AVAIL, OP_USED,
	    OP_COMPLETE, OP_COMPLETE, OP_STALL, OP_RACE, OP_RACE, OP_DRAIN);
