/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Register sequences against the transport, with the echo device behind it.
 */
#include "target.h"

FUZZ_TARGET(DEVICE_ECHO, OP_INIT, OP_INIT, OP_RESET, OP_WRITE, OP_WRITE, OP_WRITE, OP_WRITE,
	    OP_WRITE, OP_WRITE, OP_READ, OP_READ, OP_READ, OP_READ, OP_QUEUE, OP_QUEUE, OP_QUEUE,
	    OP_STOP, OP_STOP, OP_CHAIN, OP_KICK, OP_KICK, OP_USED, OP_COMPLETE, OP_ACK, OP_DRAIN);
