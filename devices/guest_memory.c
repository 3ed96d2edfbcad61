/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The only file that turns a guest-physical address into a host address.
 */
#include "guest_memory.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

/*
 * The compiler must take `p` to have been changed behind its back: without this clang re-reads
 * guest memory after the "private copy" made by memcpy.
 */
static inline void compiler_barrier(const void *p)
{
	__asm__ volatile("" ::"r"(p) : "memory");
}

static bool aligned(uint64_t value)
{
	return value % ANVIL_GUEST_MEMORY_ALIGN == 0;
}

static bool region_valid(const struct anvil_guest_memory_region *r)
{
	return r->host && r->size && aligned(r->gpa) && aligned(r->size) &&
	       aligned((uintptr_t)r->host) && r->size - 1 <= UINT64_MAX - r->gpa &&
	       r->size - 1 <= UINTPTR_MAX - (uintptr_t)r->host;
}

int anvil_guest_memory_init(struct anvil_guest_memory *memory,
			    const struct anvil_guest_memory_region *region, unsigned int regions)
{
	if (regions == 0 || regions > ANVIL_GUEST_MEMORY_REGIONS_MAX)
		return -EINVAL;
	for (unsigned int i = 0; i < regions; i++) {
		if (!region_valid(&region[i]))
			return -EINVAL;
		if (i > 0 && (region[i].gpa <= region[i - 1].gpa ||
			      region[i].gpa - region[i - 1].gpa < region[i - 1].size))
			return -EINVAL;
	}
	memset(memory, 0, sizeof(*memory));
	memcpy(memory->region, region, regions * sizeof(*region));
	memory->regions = regions;
	return 0;
}

/* RAM alone: with registers among it, a guest could have a device reset itself amid its work. */
static const struct anvil_guest_memory_region *find(const struct anvil_guest_memory *memory,
						    uint64_t gpa)
{
	for (unsigned int i = 0; i < memory->regions; i++) {
		const struct anvil_guest_memory_region *r = &memory->region[i];

		if (gpa >= r->gpa && gpa - r->gpa < r->size)
			return r;
	}
	return NULL;
}

/* How many of the `len` bytes at `gpa` lie in region `r`, which holds the first of them. */
static uint64_t part_in(const struct anvil_guest_memory_region *r, uint64_t gpa, uint64_t len)
{
	uint64_t room = r->size - (gpa - r->gpa);

	return len < room ? len : room;
}

bool anvil_guest_memory_contains(const struct anvil_guest_memory *memory, uint64_t gpa,
				 uint64_t len)
{
	/* else a guest could have a range wrap around 2^64 and pass for an empty one */
	if (len > 0 && len - 1 > UINT64_MAX - gpa)
		return false;
	/* to its end: else a guest could have a copy run on from RAM into the host's memory */
	while (len > 0) {
		const struct anvil_guest_memory_region *r = find(memory, gpa);

		if (!r)
			return false;
		uint64_t part = part_in(r, gpa, len);

		gpa += part;
		len -= part;
	}
	return true;
}

static void *host_address(const struct anvil_guest_memory *memory, uint64_t gpa, size_t len,
			  size_t *part)
{
	const struct anvil_guest_memory_region *r = find(memory, gpa);

	*part = (size_t)part_in(r, gpa, len);
	return (char *)r->host + (gpa - r->gpa);
}

static void tell_fetching(const struct anvil_guest_memory *memory, uint64_t gpa, size_t len)
{
	if (memory->tap)
		memory->tap->fetching(memory->tap->opaque, gpa, len);
}

static void tell_fetched(const struct anvil_guest_memory *memory, uint64_t gpa, const void *bytes,
			 size_t len)
{
	if (memory->tap)
		memory->tap->fetched(memory->tap->opaque, gpa, bytes, len);
}

static void tell_stored(const struct anvil_guest_memory *memory, uint64_t gpa, const void *bytes,
			size_t len)
{
	if (memory->tap)
		memory->tap->stored(memory->tap->opaque, gpa, bytes, len);
}

int anvil_guest_memory_read(const struct anvil_guest_memory *memory, uint64_t gpa, void *dst,
			    size_t len)
{
	/* else a guest could have us follow NULL */
	if (!anvil_guest_memory_contains(memory, gpa, len))
		return -EFAULT;
	tell_fetching(memory, gpa, len);
	for (size_t done = 0, part; done < len; done += part) {
		const void *src = host_address(memory, gpa + done, len - done, &part);

		memcpy((char *)dst + done, src, part);
	}
	compiler_barrier(dst);
	tell_fetched(memory, gpa, dst, len);
	return 0;
}

int anvil_guest_memory_write(const struct anvil_guest_memory *memory, uint64_t gpa, const void *src,
			     size_t len)
{
	/* else a guest could have us follow NULL */
	if (!anvil_guest_memory_contains(memory, gpa, len))
		return -EFAULT;
	for (size_t done = 0, part; done < len; done += part) {
		void *dst = host_address(memory, gpa + done, len - done, &part);

		memcpy(dst, (const char *)src + done, part);
		compiler_barrier(dst);
	}
	tell_stored(memory, gpa, src, len);
	return 0;
}

/* A region holds both bytes of an aligned pair or none, since its bounds are aligned too. */
static uint16_t *host_u16(const struct anvil_guest_memory *memory, uint64_t gpa)
{
	const struct anvil_guest_memory_region *r = find(memory, gpa);

	if (!r || gpa % sizeof(uint16_t))
		return NULL;
	return (uint16_t *)(void *)((char *)r->host + (gpa - r->gpa));
}

int anvil_guest_memory_load_u16(const struct anvil_guest_memory *memory, uint64_t gpa,
				uint16_t *value)
{
	const uint16_t *src = host_u16(memory, gpa);

	/* else a guest could have us read at NULL */
	if (!src)
		return -EFAULT;
	tell_fetching(memory, gpa, sizeof(*src));

	uint16_t raw = __atomic_load_n(src, __ATOMIC_ACQUIRE);

	tell_fetched(memory, gpa, &raw, sizeof(raw));
	*value = le16toh(raw);
	return 0;
}

int anvil_guest_memory_store_u16(const struct anvil_guest_memory *memory, uint64_t gpa,
				 uint16_t value)
{
	uint16_t *dst = host_u16(memory, gpa);
	uint16_t raw = htole16(value);

	/* else a guest could have us write at NULL */
	if (!dst)
		return -EFAULT;
	__atomic_store_n(dst, raw, __ATOMIC_RELEASE);
	tell_stored(memory, gpa, &raw, sizeof(raw));
	return 0;
}
