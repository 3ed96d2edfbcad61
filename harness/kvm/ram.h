/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest-physical memory of a machine that boots a kernel, and the map of it that the kernel is
 * told.
 *
 * Low memory ends at most at RAM_LOW_END; the rest goes on at 4 GiB. Between them lie the windows
 * of devices and interrupt controllers.
 */
#ifndef RAM_H
#define RAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest_memory.h"

#define RAM_LOW_END	0xc0000000u
#define RAM_HIGH_START	0x100000000ull
#define RAM_REGIONS_MAX 8u

/* What firmware keeps of the first megabyte: its tables, from here to 1 MiB. */
#define RAM_FIRMWARE	 0xe0000u
#define RAM_FIRMWARE_END 0x100000u
#define RAM_BASE_END	 0x9fc00u

struct ram_region {
	uint64_t gpa;
	uint64_t bytes;
	uint8_t *host;
	bool reserved; /* there, but not the kernel's */
	void *area;    /* the mapping that it lies in, if it is ours */
	size_t area_bytes;
};

struct ram {
	struct ram_region region[RAM_REGIONS_MAX];
	unsigned int regions;
};

#define RAM_MIB_MIN 32u
#define RAM_MIB_MAX 65536u

/* Zeroed memory of `mib` MiB, between guard pages. Returns 0 or -ENOMEM. */
int ram_create(struct ram *ram, unsigned int mib) __attribute__((warn_unused_result));
void ram_destroy(struct ram *ram);

/* Adds memory that stays the caller's, and that the kernel must leave alone. */
void ram_add_reserved(struct ram *ram, uint64_t gpa, void *host, uint64_t bytes);

/*
 * Where `len` bytes at `gpa` lie in this process, or NULL unless the kernel's memory has all of
 * them in one piece. For setting up what the guest finds at its start; later it is the guest's.
 */
uint8_t *ram_at(const struct ram *ram, uint64_t gpa, uint64_t len);

/* The end of the piece of memory that the kernel is loaded into. */
uint64_t ram_low_end(const struct ram *ram);

/* How much the kernel has in all. */
uint64_t ram_bytes(const struct ram *ram);

#define RAM_MAP_MAX	 16u
#define RAM_MAP_USABLE	 1u /* the numbers of the BIOS call E820 */
#define RAM_MAP_RESERVED 2u

struct ram_map_entry {
	uint64_t gpa;
	uint64_t bytes;
	uint32_t type;
};

/* What the kernel is told; returns how many entries. */
unsigned int ram_map(const struct ram *ram, struct ram_map_entry map[RAM_MAP_MAX]);

/* The memory of the kernel, for devices: what they may reach. */
void ram_for_devices(const struct ram *ram, struct anvil_guest_memory *memory);

#endif
