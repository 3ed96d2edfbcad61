/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What scripts for devices of others are made of, for libFuzzer and for AFL++; OP_SCHEDULE comes to
 * it where the device has threads.
 */
#ifndef DUT_OPS_H
#define DUT_OPS_H

#define DUT_OPS_BLK                                                                                \
	OP_INIT, OP_RESET, OP_WRITE, OP_READ, OP_POKE, OP_FILL, OP_QUEUE, OP_STOP, OP_CHAIN,       \
		OP_BLK, OP_BLK, OP_BLK, OP_BLK, OP_BLK, OP_BLK, OP_KICK, OP_AVAIL, OP_USED,        \
		OP_COMPLETE, OP_RESIZE, OP_STALL, OP_RACE, OP_RACE, OP_DRAIN, OP_ACK, OP_MANY

#define DUT_OPS_NET                                                                                \
	OP_INIT, OP_RESET, OP_WRITE, OP_READ, OP_POKE, OP_FILL, OP_QUEUE, OP_STOP, OP_CHAIN,       \
		OP_TX, OP_TX, OP_TX, OP_RX, OP_RX, OP_RX, OP_CTRL, OP_CTRL, OP_KICK, OP_AVAIL,     \
		OP_USED, OP_FRAME, OP_FRAME, OP_FRAME, OP_LINK, OP_RACE, OP_RACE, OP_DRAIN,        \
		OP_ACK, OP_MANY

#endif
