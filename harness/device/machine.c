/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tap, which tells of each fetch and store of the device, and makes the changes of a racing
 * guest (fire_race); and the device itself.
 */
#include "machine_internal.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/asan.h"
#include "base/complain.h"

/* ---- the tap ---- */

/* In the driver's byte order. */
static void change_by(struct machine *m, uint64_t gpa, int by)
{
	uint16_t raw;

	machine_load(m, gpa, &raw, sizeof(raw));
	raw = m->p.big_endian ? htobe16((uint16_t)(be16toh(raw) + by))
			      : htole16((uint16_t)(le16toh(raw) + by));
	machine_store(m, gpa, &raw, sizeof(raw));
}

static void fire_race(struct machine *m, struct race *r, uint64_t gpa, size_t len)
{
	bool apart = gpa >= r->watch ? gpa - r->watch >= r->watch_bytes : r->watch - gpa >= len;

	if (r->countdown == 0 || apart || --r->countdown)
		return;
	if (r->by)
		change_by(m, r->gpa, r->by);
	else
		machine_store(m, r->gpa, r->bytes, r->len);
	if (r->grows) {
		r->grown = true;
		r->countdown = 1;
	}
	if (m->exact)
		oracle_raced(&m->oracle);
	safety_raced(&m->safety);
}

static struct machine *to_machine(struct device_under_test *dut)
{
	return (struct machine *)dut->harness;
}

static void fetching(struct device_under_test *dut, uint64_t gpa, size_t len)
{
	struct machine *m = to_machine(dut);

	if (m->races && !m->exact && !machine_script_gpa(m, gpa, &gpa))
		return;
	for (unsigned int i = 0; i < m->races; i++)
		fire_race(m, &m->race[i], gpa, len);
}

static void fetched(struct device_under_test *dut, uint64_t gpa, const void *bytes, size_t len)
{
	(void)bytes;
	safety_load(&to_machine(dut)->safety, gpa, len, NULL);
}

static void stored(struct device_under_test *dut, uint64_t gpa, const void *bytes, size_t len)
{
	if (bytes)
		machine_gives_out(to_machine(dut), bytes, len, "guest RAM at", gpa);
	machine_device_stored(to_machine(dut), gpa, len);
	safety_stored(&to_machine(dut)->safety, gpa, len);
}

static void set_irq(struct device_under_test *dut, bool asserted)
{
	struct machine *m = to_machine(dut);

	if (m->exact)
		oracle_irq(&m->oracle, asserted);
}

/* More are not looked at: a length may be anything */
#define FRAME_BYTES_MOST ((size_t)ANVIL_NIC_FRAME_BYTES_MAX)

static void sent(struct device_under_test *dut, const void *frame, size_t bytes)
{
	struct machine *m = to_machine(dut);

	if (bytes <= FRAME_BYTES_MOST)
		machine_gives_out(m, frame, bytes, "frame, byte", 0);
	if (m->told_sent)
		m->told_sent(m->sent_opaque, frame, bytes);
	if (m->exact || !m->inside)
		return;
	check_handed_over(frame, bytes < FRAME_BYTES_MOST ? bytes : FRAME_BYTES_MOST, false);
	safety_sent(&m->safety, frame, bytes);
}

static void between(struct device_under_test *dut, bool waits)
{
	struct machine *m = to_machine(dut);

	if (m->threads)
		machine_threads_between(m, waits);
}

static const struct dut_host calls = {
	.set_irq = set_irq,
	.sent = sent,
	.fetching = fetching,
	.fetched = fetched,
	.stored = stored,
	.between = between,
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

static int attach(struct machine *m, struct device_under_test *dut)
{
	struct safety_ram ram[SAFETY_RAM] = { 0 };
	int err;

	m->dut = dut;
	m->exact = dut->traits & DUT_EXACT;
	dut->harness = m;
	m->host = calls;
	err = dut->create(dut, &m->host);
	for (unsigned int i = 0; i < DUT_RAM_REGIONS; i++)
		ram[i] =
			(struct safety_ram){ dut->ram[i].gpa, dut->ram[i].bytes, dut->ram[i].host };
	safety_attach(&m->safety, ram, dut->traits & DUT_TAPPED, m->exact);
	return err;
}

static void create(struct machine *m)
{
	memset(m, 0, sizeof(*m));
	oracle_create(&m->oracle);
	safety_create(&m->safety, &m->oracle);
	m->image = malloc(MACHINE_IMAGE_BYTES);
	if (!m->image)
		abort();
}

void machine_create(struct machine *m)
{
	struct dut_ram ram[MAP_REGIONS];

	create(m);
	machine_map_own(m, ram);
	own_device_init(&m->own, &m->oracle, ram);
	if (attach(m, &m->own.dut))
		abort();
	m->own.disk.again = machine_called_again;
	m->own.disk.again_opaque = m;
}

static void listen(struct machine *m)
{
	m->frame = malloc(ANVIL_NIC_FRAME_BYTES_MAX);
	if (!m->frame)
		abort();
	memset(m->frame, 0x5a, ANVIL_NIC_FRAME_BYTES_MAX);
	if (m->dut->traits & DUT_TAPPED)
		machine_tap_listen(m);
	else
		machine_untapped_create(m);
	machine_threads_create(m);
}

/* Which callback is missing that each device has; NULL: none. */
static const char *missing(const struct device_under_test *dut)
{
	return !dut->create	   ? "create"
	       : !dut->power_cycle ? "power_cycle"
	       : !dut->read	   ? "read"
	       : !dut->write	   ? "write"
				   : NULL;
}

bool machine_create_foreign(struct machine *m, struct device_under_test *dut, char *error,
			    size_t room)
{
	const char *none = missing(dut);
	int err;

	create(m);
	if (dut->version < 1 || dut->version > DUT_VERSION) {
		snprintf(error, room, "made for version %u of the door, this is version %u",
			 dut->version, DUT_VERSION);
		return false;
	}
	if (dut->traits & DUT_EXACT) {
		snprintf(error, room,
			 "it promises DUT_EXACT, which is for the harness's own devices");
		return false;
	}
	if (none) {
		snprintf(error, room, "%s is NULL in its struct device_under_test; define it",
			 none);
		return false;
	}
	err = attach(m, dut);
	if (err)
		snprintf(error, room, "create: %s", strerror(-err));
	else if (dut->disk && (!dut->sectors || dut->sectors > MACHINE_DISK_SECTORS))
		snprintf(error, room, "its disk has %llu sectors: 1 to %u, or leave out `disk`",
			 (unsigned long long)dut->sectors, MACHINE_DISK_SECTORS);
	else if (!machine_map_foreign(m))
		snprintf(error, room,
			 "guest RAM: 128 KiB in one range and 64 KiB beside are needed");
	else {
		listen(m);
		return true;
	}
	return false;
}

void machine_start(struct machine *m, const struct setup *p, jmp_buf *escape)
{
	m->p = *p;
	m->races = 0;
	m->now = 0;
	m->stalled = m->exact && p->flags & FLAG_NIC_STALLED;
	if (m->ground)
		machine_ground_setup(m);
	else if (!m->exact)
		machine_adapt(m);
	oracle_start(&m->oracle, &m->p, escape);
	safety_start(&m->safety, &m->p, m->exact ? &p->offered : &m->offer.features);
	m->inside = false;
	m->store_len = 0;
	if (m->exact)
		own_device_choose(&m->own, &m->p);
	if (m->ground)
		machine_ground_host(m);
	m->leave = NULL;
	m->unseen = m->copy;
	if (m->threads)
		machine_threads_start(m);
	machine_power_cycle(m);
	machine_go_on(m);
}

void machine_give_up(struct machine *m, void (*leave)(void))
{
	m->leave = leave;
}

void machine_stop(struct machine *m)
{
	m->inside = false;
	m->leave = NULL;
	if (m->exact)
		own_device_stop(&m->own);
	if (m->unseen)
		machine_untapped_stops(m);
	machine_clean(m);
}
