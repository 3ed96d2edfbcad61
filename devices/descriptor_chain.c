/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments are checked once, on entry; afterwards a copy can only fail for want of length.
 */
#include "descriptor_chain.h"

#include <errno.h>
#include <string.h>

#include "cannot_fail.h"

void anvil_descriptor_chain_init(struct anvil_descriptor_chain *chain,
				 const struct anvil_guest_memory *memory,
				 struct anvil_descriptor_segment *storage, unsigned int capacity)
{
	memset(chain, 0, sizeof(*chain));
	chain->memory = memory;
	chain->segment = storage;
	chain->capacity = capacity;
}

int anvil_descriptor_chain_append(struct anvil_descriptor_chain *chain, uint64_t gpa, uint32_t len,
				  bool writable)
{
	/* else a guest could have us write behind the storage, by a longer indirect table */
	if (chain->count >= chain->capacity)
		return -ELOOP;
	if (!writable && chain->readable < chain->count)
		return -EPROTO;
	if (len > ANVIL_DESCRIPTOR_CHAIN_BYTES_MAX - chain->readable_bytes - chain->writable_bytes)
		return -EOVERFLOW;
	/* else a guest could have a copy leave RAM and fail an assert; with a byte more it could
	 * not use the end of RAM */
	if (!anvil_guest_memory_contains(chain->memory, gpa, len))
		return -EFAULT;

	chain->segment[chain->count].gpa = gpa;
	chain->segment[chain->count].len = len;
	chain->count++;
	if (writable) {
		chain->writable_bytes += len;
	} else {
		chain->readable_bytes += len;
		chain->readable++;
	}
	return 0;
}

void anvil_descriptor_chain_rewind(struct anvil_descriptor_chain *chain)
{
	chain->written = 0;
	chain->read.segment = 0;
	chain->read.offset = 0;
	chain->read.left = chain->readable_bytes;
	chain->write.segment = chain->readable;
	chain->write.offset = 0;
	chain->write.left = chain->writable_bytes;
}

/*
 * Moves the cursor on by at most `len` bytes, all in one segment. Returns how many, and where in
 * the guest they lie. The caller has checked that `len` bytes are left.
 */
static uint32_t advance(const struct anvil_descriptor_chain *chain,
			struct anvil_descriptor_cursor *cursor, uint64_t len, uint64_t *gpa)
{
	const struct anvil_descriptor_segment *s = &chain->segment[cursor->segment];

	/* else a guest could have us stay for ever at a buffer of no bytes */
	while (cursor->offset == s->len) {
		s = &chain->segment[++cursor->segment];
		cursor->offset = 0;
	}

	uint32_t room = s->len - cursor->offset;
	uint32_t part = len < room ? (uint32_t)len : room;

	*gpa = s->gpa + cursor->offset;
	cursor->offset += part;
	cursor->left -= part;
	return part;
}

int anvil_descriptor_chain_read(struct anvil_descriptor_chain *chain, void *dst, size_t len)
{
	uint32_t part;

	if (len > chain->read.left)
		return -ENODATA;
	/* `done` says where: else a guest could have us write behind `dst`, by three descriptors */
	for (size_t done = 0; done < len; done += part) {
		uint64_t gpa;

		part = advance(chain, &chain->read, len - done, &gpa);
		anvil_cannot_fail(
			anvil_guest_memory_read(chain->memory, gpa, (char *)dst + done, part));
	}
	return 0;
}

int anvil_descriptor_chain_skip(struct anvil_descriptor_chain *chain, uint64_t len)
{
	uint64_t gpa;

	if (len > chain->read.left)
		return -ENODATA;
	while (len > 0)
		len -= advance(chain, &chain->read, len, &gpa);
	return 0;
}

int anvil_descriptor_chain_write(struct anvil_descriptor_chain *chain, const void *src, size_t len)
{
	uint32_t part;

	if (len > chain->write.left)
		return -ENOSPC;
	for (size_t done = 0; done < len; done += part) {
		uint64_t gpa;

		/* what is left: else a guest could read what lies behind `src` in the host */
		part = advance(chain, &chain->write, len - done, &gpa);
		anvil_cannot_fail(anvil_guest_memory_write(chain->memory, gpa,
							   (const char *)src + done, part));
	}
	chain->written += len;
	return 0;
}

int anvil_descriptor_chain_write_last(struct anvil_descriptor_chain *chain, uint8_t byte)
{
	/* else a guest could have the byte stored where we may only read */
	if (chain->write.left == 0)
		return -ENOSPC;
	if (chain->write.left == 1)
		return anvil_descriptor_chain_write(chain, &byte, 1);

	const struct anvil_descriptor_segment *s = &chain->segment[chain->count - 1];

	/* else a guest could have the byte in front of an empty descriptor overwritten */
	while (s->len == 0)
		s--;
	chain->write.left = 0;
	/* one byte, the last: else a guest could read our stack behind it, or find a status where
	 * its data begins */
	return anvil_guest_memory_write(chain->memory, s->gpa + s->len - 1, &byte, 1);
}
