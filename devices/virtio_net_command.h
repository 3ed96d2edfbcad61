/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the commands of the control queue (5.1.9.5) take their data and give their results, for the
 * files that carry them out.
 */
#ifndef ANVIL_NET_COMMAND_H
#define ANVIL_NET_COMMAND_H

#include "virtio_net.h"
#include "virtio_spec.h"

/* What goes behind the ack of a command that succeeded, as far as the driver left room for it. */
struct anvil_net_reply {
	uint8_t bytes[8];
	uint32_t len;
	/* or statistics, checked */
	struct virtio_net_stats_wish wish[ANVIL_NET_STATS_WISHES];
	unsigned int wishes;
};

/* Reads exactly what is left of a command; false: it is of another length. */
bool anvil_net_command_rest(struct anvil_descriptor_chain *chain, void *data, size_t len)
	__attribute__((warn_unused_result));

/* Sets a result, of at most 8 bytes. */
void anvil_net_command_result(struct anvil_net_reply *reply, const void *bytes, uint32_t len);

/* Writes as many of these bytes as fit; returns whether all did. */
bool anvil_net_command_fill(struct anvil_descriptor_chain *chain, const void *bytes, size_t len);

#endif
