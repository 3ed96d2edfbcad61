/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One mapping for each region.
 */
#include "ram.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define MIB  (1ull << 20)
#define HUGE (2 * MIB)

static struct ram_region *add_region(struct ram *ram, uint64_t gpa, void *host, uint64_t bytes)
{
	struct ram_region *r = &ram->region[ram->regions];

	assert(ram->regions < RAM_REGIONS_MAX);
	*r = (struct ram_region){ .gpa = gpa, .bytes = bytes, .host = host };
	ram->regions++;
	return r;
}

/*
 * Memory between pages that fault, on a boundary of HUGE as its guest-physical address is: only so
 * can KVM map it by large pages.
 */
static int add_own(struct ram *ram, uint64_t gpa, uint64_t bytes)
{
	size_t total = bytes + 2 * HUGE;
	uint8_t *area =
		mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct ram_region *r;
	uint8_t *host;

	if (area == MAP_FAILED)
		return -ENOMEM;
	host = area + HUGE - (uintptr_t)area % HUGE;
	r = add_region(ram, gpa, host, bytes);
	r->area = area;
	r->area_bytes = total;
	if (mprotect(host, bytes, PROT_READ | PROT_WRITE))
		return -ENOMEM;
	(void)madvise(host, bytes, MADV_HUGEPAGE);
	(void)madvise(host, bytes, MADV_DONTDUMP);
	return 0;
}

int ram_create(struct ram *ram, unsigned int mib)
{
	uint64_t bytes = mib * MIB;
	uint64_t low = bytes < RAM_LOW_END ? bytes : RAM_LOW_END;
	int err;

	memset(ram, 0, sizeof(*ram));
	err = add_own(ram, 0, low);
	if (!err && bytes > low)
		err = add_own(ram, RAM_HIGH_START, bytes - low);
	if (err)
		ram_destroy(ram);
	return err;
}

void ram_destroy(struct ram *ram)
{
	for (unsigned int i = 0; i < ram->regions; i++) {
		const struct ram_region *r = &ram->region[i];

		if (r->area)
			munmap(r->area, r->area_bytes);
	}
	ram->regions = 0;
}

void ram_add_reserved(struct ram *ram, uint64_t gpa, void *host, uint64_t bytes)
{
	add_region(ram, gpa, host, bytes)->reserved = true;
}

uint8_t *ram_at(const struct ram *ram, uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < ram->regions; i++) {
		const struct ram_region *r = &ram->region[i];

		if (!r->reserved && gpa >= r->gpa && gpa - r->gpa <= r->bytes &&
		    len <= r->bytes - (gpa - r->gpa))
			return r->host + (gpa - r->gpa);
	}
	return NULL;
}

uint64_t ram_low_end(const struct ram *ram)
{
	return ram->region[0].gpa + ram->region[0].bytes;
}

uint64_t ram_bytes(const struct ram *ram)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < ram->regions; i++)
		bytes += ram->region[i].reserved ? 0 : ram->region[i].bytes;
	return bytes;
}

static unsigned int map_add(struct ram_map_entry *map, unsigned int n, uint64_t gpa, uint64_t end,
			    uint32_t type)
{
	assert(n < RAM_MAP_MAX);
	map[n] = (struct ram_map_entry){ .gpa = gpa, .bytes = end - gpa, .type = type };
	return n + 1;
}

unsigned int ram_map(const struct ram *ram, struct ram_map_entry map[RAM_MAP_MAX])
{
	unsigned int n = 0;

	n = map_add(map, n, 0, RAM_BASE_END, RAM_MAP_USABLE);
	n = map_add(map, n, RAM_FIRMWARE, RAM_FIRMWARE_END, RAM_MAP_RESERVED);
	n = map_add(map, n, RAM_FIRMWARE_END, ram_low_end(ram), RAM_MAP_USABLE);
	for (unsigned int i = 1; i < ram->regions; i++) {
		const struct ram_region *r = &ram->region[i];

		n = map_add(map, n, r->gpa, r->gpa + r->bytes,
			    r->reserved ? RAM_MAP_RESERVED : RAM_MAP_USABLE);
	}
	return n;
}

void ram_for_devices(const struct ram *ram, struct anvil_guest_memory *memory)
{
	struct anvil_guest_memory_region region[RAM_REGIONS_MAX];
	unsigned int n = 0;
	int err;

	for (unsigned int i = 0; i < ram->regions; i++) {
		const struct ram_region *r = &ram->region[i];

		if (!r->reserved)
			region[n++] =
				(struct anvil_guest_memory_region){ r->gpa, r->bytes, r->host };
	}
	err = anvil_guest_memory_init(memory, region, n);
	assert(!err); /* ours: sorted, aligned */
	(void)err;
}
