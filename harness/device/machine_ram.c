/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guest RAM: ours lies between guard pages; another device's is where that device has it. Scripts
 * know one map (script/setup.h), whose regions are windows on the RAM that there is. They end where
 * that ends, so that what is outside for a script is outside for the device.
 */
#include "machine_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "array_size.h"

static const uint64_t region_gpa[MAP_REGIONS] = { MAP_LOW, MAP_LOW_SEAM, MAP_HIGH };

/* Between pages that fault: a device that leaves a region by one byte is caught. */
static uint8_t *map_region(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *base = mmap(NULL, MAP_REGION_BYTES + 2 * page, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (base == MAP_FAILED || mprotect(base + page, MAP_REGION_BYTES, PROT_READ | PROT_WRITE))
		abort();
	return base + page;
}

/* How many of `len` bytes at `gpa` lie in one region, and which; 0: the first is not RAM. */
static size_t in_region(uint64_t gpa, size_t len, unsigned int *region)
{
	for (unsigned int i = 0; i < MAP_REGIONS; i++) {
		if (gpa >= region_gpa[i] && gpa - region_gpa[i] < MAP_REGION_BYTES) {
			size_t room = MAP_REGION_BYTES - (size_t)(gpa - region_gpa[i]);

			*region = i;
			return len < room ? len : room;
		}
	}
	return 0;
}

size_t machine_ram_at(uint64_t gpa, size_t len)
{
	unsigned int region;

	return in_region(gpa, len, &region);
}

static void mark_dirty(struct machine *m, uint64_t gpa, size_t len)
{
	unsigned int region;

	for (size_t part; len && (part = in_region(gpa, len, &region)); gpa += part, len -= part) {
		size_t at = region * MAP_REGION_BYTES + (size_t)(gpa - region_gpa[region]);

		for (size_t i = at / MACHINE_DIRTY_UNIT; i <= (at + part - 1) / MACHINE_DIRTY_UNIT;
		     i++)
			m->dirty[i / 64] |= 1ull << (i % 64);
	}
}

void machine_touched(struct machine *m, uint64_t gpa, size_t len)
{
	unsigned int region;

	mark_dirty(m, gpa, len);
	if (m->exact) {
		safety_guest_stored(&m->safety, gpa, len);
		return;
	}
	for (size_t part; len && (part = in_region(gpa, len, &region)); gpa += part, len -= part)
		safety_guest_stored(&m->safety, machine_gpa(m, gpa), part);
}

void machine_known(struct machine *m, uint64_t gpa, size_t len)
{
	unsigned int region;

	for (size_t part; m->copy && len && (part = in_region(gpa, len, &region));
	     gpa += part, len -= part) {
		size_t from = (size_t)(gpa - region_gpa[region]);

		memcpy(m->copy + region * MAP_REGION_BYTES + from, m->ram[region] + from, part);
	}
}

void machine_device_stored(struct machine *m, uint64_t gpa, size_t len)
{
	uint64_t from = gpa;

	if (m->exact || machine_script_gpa(m, gpa, &from))
		mark_dirty(m, from, len);
	else
		m->spilled = true;
}

/* Assigned, not memset: it is done some twenty times a script, and a call costs more than it does.
 */
struct unit {
	uint64_t word[MACHINE_DIRTY_UNIT / sizeof(uint64_t)];
};

void machine_clean(struct machine *m)
{
	static const struct unit zero;
	const size_t units = MAP_REGION_BYTES / sizeof(zero);

	for (unsigned int i = 0; m->spilled && i < DUT_RAM_REGIONS; i++) {
		if (m->dut->ram[i].bytes)
			memset(m->dut->ram[i].host, 0, (size_t)m->dut->ram[i].bytes);
	}
	m->spilled = false;
	for (size_t w = 0; w < ARRAY_SIZE(m->dirty); w++) {
		for (; m->dirty[w]; m->dirty[w] &= m->dirty[w] - 1) {
			size_t unit = w * 64 + (size_t)__builtin_ctzll(m->dirty[w]);
			void *at = m->ram[unit / units] + unit % units * sizeof(zero);

			*(struct unit *)at = zero;
			if (m->copy)
				memset(m->copy + unit * sizeof(zero), 0, sizeof(zero));
		}
	}
}

/*
 * Most copies are of an index or a descriptor. Of a constant size the compiler writes the copy and
 * the sanitizer's checks in place; of another, memcpy is a call.
 */
static void copy(void *to, const void *from, size_t len)
{
	if (len == sizeof(uint16_t))
		memcpy(to, from, sizeof(uint16_t));
	else if (len == sizeof(struct virtq_desc))
		memcpy(to, from, sizeof(struct virtq_desc));
	else
		memcpy(to, from, len);
}

void machine_load(const struct machine *m, uint64_t gpa, void *bytes, size_t len)
{
	unsigned int region;

	memset(bytes, 0, len);
	for (size_t done = 0, part; done < len && (part = in_region(gpa, len - done, &region));
	     gpa += part, done += part)
		copy((uint8_t *)bytes + done, m->ram[region] + (gpa - region_gpa[region]), part);
}

void machine_store(struct machine *m, uint64_t gpa, const void *bytes, size_t len)
{
	unsigned int region;

	machine_touched(m, gpa, len);
	for (size_t done = 0, part; done < len && (part = in_region(gpa, len - done, &region));
	     gpa += part, done += part)
		copy(m->ram[region] + (gpa - region_gpa[region]), (const uint8_t *)bytes + done,
		     part);
	machine_known(m, gpa - len, len);
}

/* ---- windows ---- */

void machine_map_own(struct machine *m, struct dut_ram *ram)
{
	for (unsigned int i = 0; i < MAP_REGIONS; i++) {
		m->ram[i] = map_region();
		m->window[i] = region_gpa[i];
		ram[i] = (struct dut_ram){ region_gpa[i], MAP_REGION_BYTES, m->ram[i] };
	}
}

/* The last `bytes` of a range, below those that are taken; on a page. */
static bool place_window(struct machine *m, unsigned int region, const struct dut_ram *r,
			 uint64_t taken, uint64_t bytes)
{
	uint64_t end = r->gpa + r->bytes - taken;
	uint64_t start = (end - bytes) & ~0xfffull;

	if (r->bytes < taken + bytes || start < r->gpa)
		return false;
	for (uint64_t at = 0; at < bytes; at += MAP_REGION_BYTES, region++) {
		m->window[region] = start + at;
		m->ram[region] = (uint8_t *)r->host + (start + at - r->gpa);
		memset(m->ram[region], 0, MAP_REGION_BYTES);
	}
	return true;
}

bool machine_map_foreign(struct machine *m)
{
	const struct dut_ram *ram = m->dut->ram;
	const uint64_t low = 2ull * MAP_REGION_BYTES;
	unsigned int i = 0;

	/* whatever the device's host has done for that, it is the guest's */
	for (unsigned int k = 0; k < DUT_RAM_REGIONS; k++)
		take_as_written(ram[k].host, (size_t)ram[k].bytes);
	while (i < DUT_RAM_REGIONS && !place_window(m, 0, &ram[i], 0, low))
		i++;
	if (i == DUT_RAM_REGIONS)
		return false;
	for (unsigned int k = 0; k < DUT_RAM_REGIONS; k++) {
		if (k != i && place_window(m, 2, &ram[k], 0, MAP_REGION_BYTES))
			return true;
	}
	return place_window(m, 2, &ram[i], low, MAP_REGION_BYTES);
}

static bool is_ram(const struct machine *m, uint64_t gpa)
{
	for (unsigned int i = 0; i < DUT_RAM_REGIONS; i++) {
		if (gpa >= m->dut->ram[i].gpa && gpa - m->dut->ram[i].gpa < m->dut->ram[i].bytes)
			return true;
	}
	return false;
}

/* Somewhere above all RAM. */
static uint64_t outside(const struct machine *m, uint64_t gpa)
{
	uint64_t end = 0;

	for (unsigned int i = 0; i < DUT_RAM_REGIONS; i++) {
		if (m->dut->ram[i].gpa + m->dut->ram[i].bytes > end)
			end = m->dut->ram[i].gpa + m->dut->ram[i].bytes;
	}
	return end + 0x10000000 + gpa % 0x10000000;
}

uint64_t machine_gpa(const struct machine *m, uint64_t gpa)
{
	/* what is next to a region is next to its window */
	for (unsigned int i = 0; i < MAP_REGIONS; i++) {
		if (gpa >= region_gpa[i] && gpa - region_gpa[i] < MAP_REGION_BYTES)
			return m->window[i] + (gpa - region_gpa[i]);
	}
	if (gpa >= MAP_LOW_END && gpa - MAP_LOW_END < MAP_REGION_BYTES)
		return m->window[1] + MAP_REGION_BYTES + (gpa - MAP_LOW_END);
	if (gpa >= MAP_HIGH_END && gpa - MAP_HIGH_END < MAP_REGION_BYTES)
		return m->window[2] + MAP_REGION_BYTES + (gpa - MAP_HIGH_END);
	return !m->exact && is_ram(m, gpa) ? outside(m, gpa) : gpa;
}

bool machine_script_gpa(const struct machine *m, uint64_t gpa, uint64_t *script)
{
	for (unsigned int i = 0; i < MAP_REGIONS; i++) {
		if (gpa >= m->window[i] && gpa - m->window[i] < MAP_REGION_BYTES) {
			*script = region_gpa[i] + (gpa - m->window[i]);
			return true;
		}
	}
	return false;
}
