/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A target of the device that the program is linked with: device_under_test().
 */
#include "target.h"

#include <stdlib.h>

#include "array_size.h"
#include "base/complain.h"

static const uint8_t blk_ops[] = {
	OP_INIT,  OP_RESET, OP_WRITE, OP_READ,	   OP_POKE,   OP_FILL,	OP_QUEUE, OP_STOP, OP_CHAIN,
	OP_BLK,	  OP_BLK,   OP_BLK,   OP_BLK,	   OP_BLK,    OP_BLK,	OP_KICK,  OP_AVAIL, OP_USED,
	OP_COMPLETE, OP_RESIZE, OP_STALL, OP_RACE, OP_RACE, OP_DRAIN, OP_ACK,
};

static const uint8_t net_ops[] = {
	OP_INIT, OP_RESET, OP_WRITE, OP_READ, OP_POKE, OP_FILL, OP_QUEUE, OP_STOP,  OP_CHAIN,
	OP_TX,	 OP_TX,	   OP_TX,    OP_RX,   OP_RX,   OP_RX,	OP_CTRL,  OP_CTRL,  OP_KICK,
	OP_AVAIL, OP_USED, OP_FRAME, OP_FRAME, OP_FRAME, OP_LINK, OP_RACE, OP_RACE, OP_DRAIN, OP_ACK,
};

static const struct mutator_profile profile[] = {
	[DEVICE_BLK] = { DEVICE_BLK, blk_ops, ARRAY_SIZE(blk_ops) },
	[DEVICE_NET] = { DEVICE_NET, net_ops, ARRAY_SIZE(net_ops) },
};

static enum device_kind kind;

void target_create(struct machine *m)
{
	struct device_under_test *dut = device_under_test();
	char error[200];

	if (!machine_create_foreign(m, dut, error, sizeof(error))) {
		complain("%s: %s", dut->name ? dut->name : "device under test", error);
		exit(2);
	}
	kind = m->offer.kind;
}

const struct mutator_profile *target_profile(void)
{
	return &profile[kind];
}
