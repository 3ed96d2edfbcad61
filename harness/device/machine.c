/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guest RAM between guard pages; the tap, which tells the oracle of each fetch and store of the
 * device, and makes the changes of a racing guest (fire_race); and the device itself.
 */
#include "machine_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "array_size.h"
#include "base/complain.h"

/* ---- RAM ---- */

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

void machine_touched(struct machine *m, uint64_t gpa, size_t len)
{
	unsigned int region;

	for (size_t part; len && (part = in_region(gpa, len, &region)); gpa += part, len -= part) {
		size_t at = region * MAP_REGION_BYTES + (size_t)(gpa - region_gpa[region]);

		for (size_t i = at / MACHINE_DIRTY_UNIT; i <= (at + part - 1) / MACHINE_DIRTY_UNIT;
		     i++)
			m->dirty[i / 64] |= 1ull << (i % 64);
	}
}

/* Assigned, not memset: it is done some twenty times a script, and a call costs more than it does.
 */
struct unit {
	uint64_t word[MACHINE_DIRTY_UNIT / sizeof(uint64_t)];
};

static void clean(struct machine *m)
{
	static const struct unit zero;
	const size_t units = MAP_REGION_BYTES / sizeof(zero);

	for (size_t w = 0; w < ARRAY_SIZE(m->dirty); w++) {
		for (; m->dirty[w]; m->dirty[w] &= m->dirty[w] - 1) {
			size_t unit = w * 64 + (size_t)__builtin_ctzll(m->dirty[w]);
			void *at = m->ram[unit / units] + unit % units * sizeof(zero);

			*(struct unit *)at = zero;
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
}

/* ---- the tap ---- */

static void fire_race(struct machine *m, struct race *r, uint64_t gpa, size_t len)
{
	bool apart = gpa >= r->watch ? gpa - r->watch >= r->watch_bytes : r->watch - gpa >= len;

	if (r->countdown == 0 || apart || --r->countdown)
		return;
	machine_store(m, r->gpa, r->bytes, r->len);
	oracle_raced(&m->oracle);
}

static struct machine *to_machine(struct device_under_test *dut)
{
	return (struct machine *)dut->harness;
}

static void fetching(struct device_under_test *dut, uint64_t gpa, size_t len)
{
	struct machine *m = to_machine(dut);

	for (unsigned int i = 0; i < m->races; i++)
		fire_race(m, &m->race[i], gpa, len);
}

static void fetched(struct device_under_test *dut, uint64_t gpa, const void *bytes, size_t len)
{
	(void)dut, (void)gpa, (void)bytes, (void)len;
}

static void stored(struct device_under_test *dut, uint64_t gpa, const void *bytes, size_t len)
{
	(void)bytes;
	machine_touched(to_machine(dut), gpa, len);
}

static void set_irq(struct device_under_test *dut, bool asserted)
{
	oracle_irq(&to_machine(dut)->oracle, asserted);
}

static void sent(struct device_under_test *dut, const void *frame, size_t bytes)
{
	(void)dut, (void)frame, (void)bytes;
}

static const struct dut_host host = {
	.set_irq = set_irq,
	.sent = sent,
	.fetching = fetching,
	.fetched = fetched,
	.stored = stored,
};

void machine_add_race(struct machine *m, const struct race *race)
{
	if (m->told)
		machine_tell(m, &(struct machine_event){ .kind = MACHINE_RACE, .race = *race });
	if (m->races < MACHINE_RACES)
		m->race[m->races++] = *race;
}

void machine_drop_races(struct machine *m)
{
	machine_tell_number(m, MACHINE_CALM, 0);
	m->races = 0;
}

/* ---- the device ---- */

static void attach(struct machine *m, struct device_under_test *dut)
{
	int err;

	m->dut = dut;
	dut->harness = m;
	err = dut->create(dut, &host);
	if (err) {
		complain("%s: cannot be created: %s", dut->name, strerror(-err));
		abort();
	}
}

void machine_create(struct machine *m)
{
	struct dut_ram ram[MAP_REGIONS];

	memset(m, 0, sizeof(*m));
	for (unsigned int i = 0; i < MAP_REGIONS; i++) {
		m->ram[i] = map_region();
		ram[i] = (struct dut_ram){ region_gpa[i], MAP_REGION_BYTES, m->ram[i] };
	}
	oracle_create(&m->oracle);
	own_device_init(&m->own, &m->oracle, ram);
	attach(m, &m->own.dut);
	m->image = malloc(MACHINE_IMAGE_BYTES);
	if (!m->image)
		abort();
}

void machine_start(struct machine *m, const struct setup *p, jmp_buf *escape)
{
	m->p = *p;
	m->races = 0;
	m->now = 0;
	m->stalled = p->flags & FLAG_NIC_STALLED;
	oracle_start(&m->oracle, &m->p, escape);
	own_device_choose(&m->own, &m->p);
	m->dut->power_cycle(m->dut);
}

void machine_stop(struct machine *m)
{
	own_device_stop(&m->own);
	clean(m);
}
