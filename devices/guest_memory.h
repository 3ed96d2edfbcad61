/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guest RAM, reached only by copying.
 *
 * A guest can change its memory at any moment, also while a copy runs. So nothing here hands out a
 * host pointer: callers get private copies, and check only those. Each fetch ends with a compiler
 * barrier, so that the compiler cannot turn a use of the copy into a second fetch.
 *
 * Every call is all or nothing: on failure no byte has been copied in either direction.
 */
#ifndef ANVIL_GUEST_MEMORY_H
#define ANVIL_GUEST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ANVIL_GUEST_MEMORY_REGIONS_MAX 8u

/* Region boundaries, host addresses included, are multiples of this, in bytes. */
#define ANVIL_GUEST_MEMORY_ALIGN 4096u

struct anvil_guest_memory_region {
	uint64_t gpa;  /* first guest-physical address */
	uint64_t size; /* bytes, not 0; gpa + size may be 2^64 but not more */
	void *host;    /* where all of it lies in this process; stays the caller's */
};

/*
 * An observer of every access that a device makes. For harnesses: production code leaves the
 * pointer NULL and pays one predicted branch a copy. The callbacks run inside the access:
 * `fetching` before the bytes are read (it may change guest memory: that is a racing guest),
 * `fetched` with the bytes that the device got, `stored` with the bytes that it wrote.
 */
struct anvil_guest_memory_tap {
	void (*fetching)(void *opaque, uint64_t gpa, size_t len);
	void (*fetched)(void *opaque, uint64_t gpa, const void *bytes, size_t len);
	void (*stored)(void *opaque, uint64_t gpa, const void *bytes, size_t len);
	void *opaque;
};

/* The map must not change while a device uses it. */
struct anvil_guest_memory {
	struct anvil_guest_memory_region region[ANVIL_GUEST_MEMORY_REGIONS_MAX];
	unsigned int regions;
	const struct anvil_guest_memory_tap *tap; /* NULL: none; owned by the caller */
};

/*
 * Takes over a map of 1 to ANVIL_GUEST_MEMORY_REGIONS_MAX regions, sorted by address, not
 * overlapping; adjacent ones form one range. No tap. Returns 0, or -EINVAL if the map breaks a rule
 * above.
 */
int anvil_guest_memory_init(struct anvil_guest_memory *memory,
			    const struct anvil_guest_memory_region *region, unsigned int regions)
	__attribute__((warn_unused_result));

/* Whether [gpa, gpa + len) is all RAM; any numbers are allowed. An empty range always is. */
bool anvil_guest_memory_contains(const struct anvil_guest_memory *memory, uint64_t gpa,
				 uint64_t len);

/* Copies `len` bytes from the guest to `dst`. Returns 0, or -EFAULT if some byte is not RAM. */
int anvil_guest_memory_read(const struct anvil_guest_memory *memory, uint64_t gpa, void *dst,
			    size_t len) __attribute__((warn_unused_result));

/* Copies `len` bytes from `src` to the guest. Returns 0, or -EFAULT if some byte is not RAM. */
int anvil_guest_memory_write(const struct anvil_guest_memory *memory, uint64_t gpa, const void *src,
			     size_t len) __attribute__((warn_unused_result));

/*
 * One little-endian 16-bit access, single-copy atomic, as ring indices need (2.7.13): the load has
 * acquire order, the store release order. Returns 0, or -EFAULT if `gpa` is odd or not RAM.
 */
int anvil_guest_memory_load_u16(const struct anvil_guest_memory *memory, uint64_t gpa,
				uint16_t *value) __attribute__((warn_unused_result));
int anvil_guest_memory_store_u16(const struct anvil_guest_memory *memory, uint64_t gpa,
				 uint16_t value) __attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif

#endif
