/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between encode.c and the device types.
 */
#ifndef ENCODE_INTERNAL_H
#define ENCODE_INTERNAL_H

#include "encode.h"

uint64_t encode_smaller(uint64_t a, uint64_t b);

/* Reads the next readable bytes, up to `room` of them. Returns how many. */
size_t encode_read(struct anvil_descriptor_chain *chain, void *bytes, size_t room);

/* One direction of a request: so many bytes, where the header ends or the status begins. */
struct encode_stream {
	uint64_t len;
	uint64_t natural;
};

/* An operation with nothing but its code and chain flags. */
void encode_start(struct encoded_op *op, enum op_code code, bool indirect);

/*
 * Fills in what the operation takes, its lengths being known by now. Returns operand `split`.
 * `natural` is where the header ends in the readable bytes of the real chain; its last writable
 * byte is the status.
 */
uint8_t encode_finish(const struct encoder *n, const struct anvil_descriptor_chain *chain,
		      uint64_t natural, const struct encode_stream *out,
		      const struct encode_stream *in, struct encoded_op *op);

#endif
