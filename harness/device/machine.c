/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RAM between guard pages, the tap that tells the oracle whose bytes these are, and each call into
 * the device watched from start to end.
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
#include "base/msan.h"
#include "bad_options.h"

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

static void fetching(void *opaque, uint64_t gpa, size_t len)
{
	struct machine *m = ((struct machine_tap *)opaque)->machine;

	for (unsigned int i = 0; i < m->races; i++)
		fire_race(m, &m->race[i], gpa, len);
}

static void ring_fetched(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	struct machine_tap *t = opaque;

	oracle_ring_fetched(&t->machine->oracle, t->queue, gpa, bytes, len);
}

static void ring_stored(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	struct machine_tap *t = opaque;

	check_initialized(bytes, len);
	machine_touched(t->machine, gpa, len);
	oracle_ring_stored(&t->machine->oracle, t->queue, gpa, bytes, len);
}

static void buffer_fetched(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	struct machine_tap *t = opaque;

	oracle_buffer_fetched(&t->machine->oracle, gpa, bytes, len);
}

static void buffer_stored(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	struct machine_tap *t = opaque;

	check_initialized(bytes, len);
	machine_touched(t->machine, gpa, len);
	oracle_buffer_stored(&t->machine->oracle, gpa, bytes, len);
}

static void create_tap(struct machine *m, struct machine_tap *t, unsigned int queue, bool ring)
{
	struct anvil_guest_memory_region region[MAP_REGIONS];

	for (unsigned int i = 0; i < MAP_REGIONS; i++)
		region[i] = (struct anvil_guest_memory_region){ region_gpa[i], MAP_REGION_BYTES,
								m->ram[i] };
	t->machine = m;
	t->queue = queue;
	t->tap.opaque = t;
	t->tap.fetching = fetching;
	t->tap.fetched = ring ? ring_fetched : buffer_fetched;
	t->tap.stored = ring ? ring_stored : buffer_stored;
	if (anvil_guest_memory_init(&t->memory, region, MAP_REGIONS))
		abort();
	t->memory.tap = &t->tap;
}

static void tell(struct machine *m, const struct machine_event *event)
{
	if (m->told)
		m->told(m->told_opaque, event);
}

static void tell_number(struct machine *m, enum machine_event_kind kind, uint64_t number)
{
	if (m->told)
		tell(m, &(struct machine_event){ .kind = kind, .number = number });
}

void machine_add_race(struct machine *m, const struct race *race)
{
	if (m->told)
		tell(m, &(struct machine_event){ .kind = MACHINE_RACE, .race = *race });
	if (m->races < MACHINE_RACES)
		m->race[m->races++] = *race;
}

void machine_drop_races(struct machine *m)
{
	tell_number(m, MACHINE_CALM, 0);
	m->races = 0;
}

/* ---- the device ---- */

static void set_irq(void *opaque, bool asserted)
{
	oracle_irq(&((struct machine *)opaque)->oracle, asserted);
}

static void defer(void *opaque)
{
	((struct machine *)opaque)->deferred_work = true;
}

static const struct anvil_mmio_host_ops host_ops = { .set_irq = set_irq, .defer = defer };

void machine_create(struct machine *m)
{
	memset(m, 0, sizeof(*m));
	for (unsigned int i = 0; i < MAP_REGIONS; i++)
		m->ram[i] = map_region();
	for (unsigned int i = 0; i < SETUP_QUEUES; i++)
		create_tap(m, &m->ring[i], i, true);
	create_tap(m, &m->buffer, 0, false);
	oracle_create(&m->oracle);
	fake_disk_create(&m->disk, &m->oracle);
	fake_nic_create(&m->nic, &m->oracle);
	echo_device_create(&m->echo);
	m->image = malloc(MACHINE_IMAGE_BYTES);
	if (!m->image)
		abort();
}

static int start_blk(struct machine *m)
{
	struct anvil_blk_options o;

	machine_blk_options(m, &o);
	m->dev = &m->blk.dev;
	return anvil_blk_init(&m->blk, &o);
}

static int start_net(struct machine *m)
{
	struct anvil_net_options o;

	machine_net_options(m, &o);
	m->dev = &m->net.dev;
	return anvil_net_init(&m->net, &o);
}

static int start_echo(struct machine *m)
{
	m->dev = &m->echo.dev;
	return echo_device_init(&m->echo, &m->p, &m->oracle, &m->buffer.memory);
}

typedef int start_device(struct machine *m);

void machine_start(struct machine *m, const struct setup *p, jmp_buf *escape)
{
	static start_device *const start[DEVICE_KINDS] = {
		[DEVICE_BLK] = start_blk,
		[DEVICE_NET] = start_net,
		[DEVICE_ECHO] = start_echo,
	};

	m->p = *p;
	m->races = 0;
	m->deferred_work = false;
	m->now = 0;
	oracle_start(&m->oracle, &m->p, escape);

	fake_disk_start(&m->disk, &m->p);
	fake_nic_start(&m->nic, &m->p);
	bad_options_try(m, m->p.bad_option);

	int err = start[p->kind](m);

	if (err) {
		complain("cannot create the device: %s", strerror(-err));
		abort();
	}
	for (unsigned int i = 0; i < m->dev->queues; i++)
		m->dev->queue[i].memory = &m->ring[i].memory;
	if (!m->p.legacy)
		anvil_mmio_init(&m->mmio, m->dev, &host_ops, m);
	else if (anvil_mmio_init_legacy(&m->mmio, m->dev, &host_ops, m, m->p.big_endian))
		abort();
}

void machine_stop(struct machine *m)
{
	if (m->p.kind == DEVICE_BLK) {
		m->dev->status = 0; /* after a violation, there may be requests */
		fake_disk_return(&m->disk);
		anvil_blk_destroy(&m->blk);
	} else if (m->p.kind == DEVICE_NET) {
		anvil_net_destroy(&m->net);
	} else {
		echo_device_destroy(&m->echo);
	}
	fake_disk_stop(&m->disk);
	clean(m);
}

/* ---- calls into the device, each watched from start to end ---- */

/* a poll takes one chain at least, if there are any */
#define POLLS_MAX (SETUP_QUEUES * SETUP_QUEUE_SIZE + 64u)

/* Deferred work belongs to the call that left it, as a host that polls at once would have it; but a
 * poll is a call, and does no more than one. */
void machine_settle(struct machine *m)
{
	for (unsigned int i = 0; m->deferred_work; i++) {
		if (i == POLLS_MAX)
			oracle_fail(&m->oracle, 10, "work is deferred without end");
		m->deferred_work = false;
		oracle_polls(&m->oracle);
		anvil_mmio_poll(&m->mmio);
	}
	oracle_settle(&m->oracle, (uint32_t)anvil_mmio_read(&m->mmio, VIRTIO_MMIO_STATUS, 4));
}

uint64_t machine_read(struct machine *m, uint64_t offset, unsigned int width)
{
	uint64_t value;

	oracle_read_begins(&m->oracle);
	value = anvil_mmio_read(&m->mmio, offset, width);
	oracle_read(&m->oracle, offset, width, value);
	return value;
}

/* Registers that only take note of a value. What they should not have done shows at the next call
 * that settles, since the device's state stays. */
static bool only_latches(uint64_t offset)
{
	return offset < VIRTIO_MMIO_CONFIG && offset != VIRTIO_MMIO_STATUS &&
	       offset != VIRTIO_MMIO_QUEUE_NOTIFY && offset != VIRTIO_MMIO_QUEUE_READY &&
	       offset != VIRTIO_MMIO_QUEUE_PFN && offset != VIRTIO_MMIO_QUEUE_RESET &&
	       offset != VIRTIO_MMIO_INTERRUPT_ACK;
}

void machine_write(struct machine *m, uint64_t offset, unsigned int width, uint64_t value)
{
	oracle_write(&m->oracle, offset, width, value);
	anvil_mmio_write(&m->mmio, offset, width, value);
	if (!only_latches(offset) || m->oracle.accesses || m->deferred_work ||
	    oracle_memory_grew(&m->oracle))
		machine_settle(m);
}

void machine_frame(struct machine *m, uint32_t len, const struct anvil_nic_offload *offload)
{
	if (m->p.kind != DEVICE_NET)
		return;
	if (m->told)
		tell(m, &(struct machine_event){ .kind = MACHINE_FRAME,
						 .len = len,
						 .bytes = fake_nic_frame(&m->nic),
						 .offload = *offload });
	oracle_event(&m->oracle);
	fake_nic_arrives(&m->nic, len, offload);
	machine_settle(m);
}

/* The embedder's question before it destroys a device; the disk knows the answer. */
static void check_idle(struct machine *m)
{
	if (anvil_blk_idle(&m->blk) != (m->disk.pendings == 0))
		oracle_fail(&m->oracle, 8, "the device says %s, %u requests are at the disk",
			    m->disk.pendings ? "idle" : "busy", m->disk.pendings);
}

void machine_complete(struct machine *m, unsigned int which, int result)
{
	if (m->told)
		tell(m, &(struct machine_event){
				.kind = MACHINE_COMPLETE, .number = which, .result = result });
	oracle_event(&m->oracle);
	if (m->p.kind == DEVICE_BLK)
		check_idle(m);
	if (m->p.kind == DEVICE_BLK)
		fake_disk_complete(&m->disk, which, result);
	else if (m->p.kind == DEVICE_ECHO)
		echo_device_complete(&m->echo, which, result != 0);
	machine_settle(m);
}

void machine_link(struct machine *m, bool up)
{
	if (m->p.kind != DEVICE_NET)
		return;
	tell_number(m, MACHINE_LINK, up);
	oracle_event(&m->oracle);
	oracle_link(&m->oracle, up);
	anvil_net_set_link(&m->net, up);
	machine_settle(m);
}

void machine_announce(struct machine *m)
{
	if (m->p.kind != DEVICE_NET)
		return;
	tell_number(m, MACHINE_ANNOUNCE, 0);
	oracle_event(&m->oracle);
	oracle_announce(&m->oracle);
	anvil_net_announce(&m->net);
	machine_settle(m);
}

void machine_speed(struct machine *m, uint32_t speed, uint8_t duplex)
{
	if (m->p.kind != DEVICE_NET)
		return;
	if (m->told)
		tell(m, &(struct machine_event){
				.kind = MACHINE_SPEED, .number = speed, .len = duplex });
	oracle_event(&m->oracle);
	oracle_speed(&m->oracle, speed, duplex);
	anvil_net_set_speed(&m->net, speed, duplex);
	machine_settle(m);
}

/* The device has to say when it wants to be told the next time. */
void machine_time(struct machine *m, uint64_t usecs)
{
	uint64_t due = 0;
	uint64_t next = 0;

	if (m->p.kind != DEVICE_NET)
		return;
	m->now = usecs > UINT64_MAX - m->now ? UINT64_MAX : m->now + usecs;
	tell_number(m, MACHINE_TIME, m->now);
	oracle_event(&m->oracle);
	oracle_time(&m->oracle, m->now);

	bool waits = anvil_net_tick(&m->net, m->now, &next);

	machine_settle(m);
	if (waits != oracle_waits(&m->oracle, &due) || next != due)
		oracle_fail(&m->oracle, 4, "wants the time %s at %llu, and not %llu",
			    waits ? "told" : "not told", (unsigned long long)next,
			    (unsigned long long)due);
}

void machine_resize(struct machine *m, uint64_t capacity)
{
	if (m->p.kind != DEVICE_BLK || m->p.zones.zoned)
		return;
	tell_number(m, MACHINE_RESIZE, capacity);
	oracle_event(&m->oracle);
	m->disk.disk.capacity = capacity;
	oracle_resized(&m->oracle, capacity);
	anvil_blk_resized(&m->blk);
	machine_settle(m);
}

void machine_stall(struct machine *m, bool nic_stalled)
{
	if (m->p.kind != DEVICE_NET)
		return;
	tell_number(m, MACHINE_STALL, nic_stalled);
	oracle_event(&m->oracle);
	fake_nic_stall(&m->nic, nic_stalled);
	machine_settle(m);
}

void machine_disk_deferred(struct machine *m, bool deferred)
{
	tell_number(m, MACHINE_DEFER, deferred);
	m->disk.deferred = deferred;
	m->echo.deferred = deferred;
}

void machine_check_waiting(struct machine *m)
{
	if (m->p.kind != DEVICE_NET || m->oracle.net.many ||
	    !oracle_queue_live(&m->oracle, ANVIL_NET_RX))
		return;
	tell_number(m, MACHINE_RETRY, 0);
	oracle_event(&m->oracle);
	if (fake_nic_was_forgotten(&m->nic))
		oracle_fail(&m->oracle, 4,
			    "a frame waited for buffers and was not asked for again");
	machine_settle(m);
}

void machine_drain(struct machine *m)
{
	uint64_t due = 0;

	if (m->p.kind == DEVICE_NET && oracle_waits(&m->oracle, &due))
		machine_time(m, due > m->now ? due - m->now : 0);
	machine_disk_deferred(m, false);
	if (m->nic.stalled)
		machine_stall(m, false);
	while (m->p.kind == DEVICE_BLK ? m->disk.pendings
				       : m->p.kind == DEVICE_ECHO && m->echo.jobs)
		machine_complete(m, 0, 0);
}
