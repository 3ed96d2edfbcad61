/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Data of the wrong length is refused, replies are cut to the room that the driver left.
 */
#include "virtio_net_command.h"

#include <string.h>

bool anvil_net_command_rest(struct anvil_descriptor_chain *chain, void *data, size_t len)
{
	return chain->read.left == len && !anvil_descriptor_chain_read(chain, data, len);
}

void anvil_net_command_result(struct anvil_net_reply *reply, const void *bytes, uint32_t len)
{
	memcpy(reply->bytes, bytes, len);
	reply->len = len;
}

bool anvil_net_command_fill(struct anvil_descriptor_chain *chain, const void *bytes, size_t len)
{
	size_t part = len < chain->write.left ? len : (size_t)chain->write.left;

	return !anvil_descriptor_chain_write(chain, bytes, part) && part == len;
}
