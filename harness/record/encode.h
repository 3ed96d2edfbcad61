/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a real driver did, in the words of a script: the nearest device, the nearest request, the
 * nearest frame.
 *
 * Exact: types, classes and commands, flags, status byte or none, the offload header of a frame,
 * data lengths up to what the script's device can take, indirect or not, and whether header, data
 * and status share a buffer. Not exact:
 *
 *   - sectors are taken modulo the script's capacity, so that a request inside the disk stays
 *     inside, and one outside outside; what is longer than the script's disk, or a piece of its
 *     RAM, is cut down to that;
 *   - how data is cut into buffers: of the 16 ways that an operation has, the one that comes
 *     nearest in their number;
 *   - the segments of a discard follow each other and are all as long as the first;
 *   - of frames only kind, length and destination are kept; of commands with tables, the counts;
 *   - a number of an offload header that is 16384 to 16639 more than is right becomes 16383 more;
 *   - receive buffers have one of eight lengths, in up to five pieces of the same length;
 *   - contents of buffers, other than what is said above, and their addresses.
 */
#ifndef ENCODE_H
#define ENCODE_H

#include "script/setup.h"
#include "virtio_blk.h"
#include "virtio_net.h"

struct encoder {
	const struct anvil_blk_options *blk; /* the real device: one of these */
	const struct anvil_net_options *net;
	struct script_op header; /* the script's */
	struct setup p;		 /* what that stands for */
	uint16_t queue_size;	 /* as the script's driver sets queues up; at first the largest */
};

/* An operation, and what it takes up of the pretend driver's queue and buffers. */
struct encoded_op {
	struct script_op record;
	unsigned int pieces; /* if more than the queue has entries: no script can say it */
	unsigned int descs;  /* of the queue */
	uint64_t out;	     /* bytes in the first and the second buffer */
	uint64_t in;
};

/* Chooses the header. The options stay the caller's; one of them is NULL. */
void encode_device(struct encoder *n, const struct anvil_blk_options *blk,
		   const struct anvil_net_options *net);

/* The class of queue sizes that is the smallest at or above `size`, or the largest there is. */
uint8_t encode_queue_size(uint32_t size);

/*
 * A chain just popped from the queue of that operation; its read cursor moves. `indirect`: all of
 * it in a table. Any content will do.
 */
void encode_blk(const struct encoder *n, struct anvil_descriptor_chain *chain, bool indirect,
		struct encoded_op *op);
void encode_tx(const struct encoder *n, struct anvil_descriptor_chain *chain, bool indirect,
	       struct encoded_op *op);
void encode_rx(const struct anvil_descriptor_chain *chain, bool indirect, struct encoded_op *op);
void encode_ctrl(const struct encoder *n, struct anvil_descriptor_chain *chain, bool indirect,
		 struct encoded_op *op);

/* A frame that arrives. */
void encode_frame(const struct encoder *n, const struct anvil_nic_frame *frame,
		  struct script_op *op);

#endif
