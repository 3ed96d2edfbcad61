/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of the machine. Each calls only those above it here:
 *
 *   machine_tap      accesses of a device that was compiled to tell them
 *   machine_threads  threads of a device, and its locks
 *   machine_untapped stores of one that was not
 *   machine_calls    calls into the device, watched from start to end
 *   machine_host     what its host does
 *   machine_restore  saved states
 *   machine_ram      guest RAM, and how a script's addresses become the device's
 *   machine_foreign  what a device of somebody else offers
 *   machine_ground   what two devices have in common
 *   machine          the tap, a new device
 */
#ifndef MACHINE_INTERNAL_H
#define MACHINE_INTERNAL_H

#include "base/msan.h"
#include "machine.h"

/* Guest RAM of our own; where that of another device has the script's regions: false: too little.
 */
void machine_map_own(struct machine *m, struct dut_ram *ram);
bool machine_map_foreign(struct machine *m);
/* All that was written is zero again. */
void machine_clean(struct machine *m);
/* The device has stored there, at an address of its own. */
void machine_device_stored(struct machine *m, uint64_t gpa, size_t len);

/* Cuts m->p to what the device offers. */
void machine_adapt(struct machine *m);

/* The same by m->ground; and the host does only what both hosts can do. */
void machine_ground_setup(struct machine *m);
void machine_ground_host(struct machine *m);

/* A device that tells no accesses: what has changed after a call, and at the end. */
void machine_untapped_create(struct machine *m);
void machine_untapped_settle(struct machine *m);
void machine_untapped_ends(struct machine *m);
/* A script that was left: all that has changed will be zero again. */
void machine_untapped_stops(struct machine *m);
/* What stands at a script's address now is no news. */
void machine_known(struct machine *m, uint64_t gpa, size_t len);

/* The tap tells this machine from now on. */
void machine_tap_listen(struct machine *m);
/* What was told last has been stored. */
static inline void machine_tap_flush(struct machine *m)
{
	size_t len = m->store_len;

	m->store_len = 0;
	if (len)
		m->host.stored(m->dut, m->store_gpa, NULL, len);
}

/* Threads, if the device has some: made once; at the start of a script; and when a call is done. */
void machine_threads_create(struct machine *m);
void machine_threads_start(struct machine *m);
void machine_threads_settle(struct machine *m);
/* False: there are none that choices reach. */
bool machine_threads_choose(struct machine *m, unsigned int after, uint64_t choices);
/* The harness itself asks the device something: nothing is chosen. */
void machine_threads_quiet(struct machine *m, bool quiet);
/* Whether one has stopped in the middle. */
bool machine_threads_midway(const struct machine *m);
/* Another one may go on here; or has to, if this one waits. */
void machine_threads_point(struct machine *m);
void machine_threads_between(struct machine *m, bool waits);

/* The device has come back: what has grown does so no more. */
static inline void machine_stop_growing(struct machine *m)
{
	for (unsigned int i = 0; i < m->races; i++) {
		if (m->race[i].grown)
			m->race[i].countdown = 0;
	}
}

/* Where the script is left, if it was given up. */
static inline void machine_go_on(const struct machine *m)
{
	if (m->leave)
		m->leave();
}

/*
 * The guest, or another host, gets to see these bytes of the device: what MemorySanitizer knows
 * that nobody has written is reported, as bytes `where` from `at` on.
 */
void machine_report_unwritten(const struct machine *m, const void *bytes, size_t len,
			      const char *where, uint64_t at);

static inline void machine_gives_out(const struct machine *m, const void *bytes, size_t len,
				     const char *where, uint64_t at)
{
	if (first_unwritten(bytes, len) >= 0)
		machine_report_unwritten(m, bytes, len, where, at);
}

/* The disk is read by the next guest, or by whoever may read its image. */
static inline void machine_check_disk(const struct machine *m)
{
	if (m->dut->disk)
		machine_gives_out(m, m->dut->disk, (size_t)m->dut->sectors * 512, "disk, byte", 0);
}

/* A register, or a part of the configuration space. */
static inline uint64_t machine_get(const struct machine *m, uint64_t offset, unsigned int width)
{
	uint64_t value = m->dut->read(m->dut, offset, width);
	uint64_t seen = width < 8 ? value & ((1ull << 8 * width) - 1) : value;

	machine_go_on(m);
	machine_gives_out(m, &seen, sizeof(seen), "register", offset);
	/* it was told, and is no mistake of ours */
	take_as_written(&value, sizeof(value));
	return value;
}

/* Whoever follows what happens hears of this. */
void machine_tell(struct machine *m, const struct machine_event *event);
void machine_tell_number(struct machine *m, enum machine_event_kind kind, uint64_t number);

/* Before an event of the host's, and at the end of each call into the device. */
void machine_event(struct machine *m);
void machine_settle(struct machine *m);
/* A call of the host is several of the device's: of each, as much is expected as of one (rule 10).
 * `opaque` is the machine. */
void machine_called_again(void *opaque);

#endif
