/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Disks: a file, io_uring, and zones in front of either.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "array_size.h"
#include "disk_file.h"
#include "disk_io_uring.h"
#include "disk_range.h"
#include "job.h"
#include "place.h"
#include "play.h"
#include "zones.h"

static struct {
	bool ring;
	bool zoned;
	struct anvil_disk_file file;
	struct anvil_disk_io_uring uring;
	struct anvil_zoned_disk zones;
	struct anvil_disk before; /* as it was opened */
} rig;

#define V(i) (line->v[i])

/* ---- the set-up ---- */

static void set_image(const struct step *line)
{
	static const uint64_t size[] = { 300,
					 1,
					 8,
					 40,
					 1000,
					 (UINT64_C(1) << 22) + 100,
					 (UINT64_C(1) << 23) + 100,
					 (UINT64_C(1) << 32) + 100 };
	static const uint64_t zoned_size[] = { 1000, 300, 640, 1250 };
	uint64_t sectors = rig.zoned ? zoned_size[V(0) % ARRAY_SIZE(zoned_size)]
				     : size[V(0) % ARRAY_SIZE(size)];

	host.image.block_device = V(1) & 2;
	host.image.block = (V(1) & 6) != 6 ? ANVIL_DISK_SECTOR_BYTES : V(2) & 32 ? 65536 : 4096;
	host.image.zones = host.image.block_device && V(2) & 8;
	host.image.locked = host.image.block_device && V(2) & 16;
	if (host.image.block_device) { /* whole blocks, as all are */
		uint64_t block = host.image.block / ANVIL_DISK_SECTOR_BYTES;

		sectors += (block - sectors % block) % block;
	}
	host.image.bytes = sectors * ANVIL_DISK_SECTOR_BYTES;
	if (V(2) & 4) /* a last sector that is cut short */
		host.image.bytes -= 100;
	host.image.patterned = V(2) & 1;
	host.image.lacks =
		(V(3) & 1 ? FALLOC_FL_PUNCH_HOLE : 0) | (V(3) & 2 ? FALLOC_FL_ZERO_RANGE : 0);
	place_set(sectors);
	host_ring_reset(V(1) & 8);
	shadow_reset(host.image.patterned);
}

static void set_fault(const struct step *line)
{
	static const enum host_trouble trouble[] = { HOST_EIO,	  HOST_EPERM,  HOST_ENOSYS,
						     HOST_ENOMEM, HOST_EINVAL, HOST_EACCES,
						     HOST_EBUSY };

	if (V(5) % 16 > 0)
		host_add_fault(
			&(struct host_fault){ .call = HOST_SETUP,
					      .trouble = trouble[V(3) / 4 % ARRAY_SIZE(trouble)],
					      .after = V(5) % 16 - 1u,
					      .count = 1 });
}

static bool trouble_in_setup(void)
{
	for (unsigned int t = 0; t < HOST_TROUBLES; t++) {
		if (host.troubles.count[HOST_SETUP][t])
			return true;
	}
	return false;
}

/* Why it cannot be opened; 0 if it can. */
static int refusal(unsigned int flags)
{
	if (host.image.bytes % ANVIL_DISK_SECTOR_BYTES)
		return -EINVAL;
	if (host.image.locked && !(flags & ANVIL_DISK_IMAGE_READ_ONLY))
		return -EACCES;
	return host.image.zones ? -EINVAL : 0;
}

/* No pointer is left to what should be freed. */
static void forget(void)
{
	memset(&rig, 0, sizeof(rig));
}

/* The line of an error names what it is about, and is one line. */
static void check_refusal(int err, unsigned int flags, const char *error)
{
	if (!trouble_in_setup() && err != refusal(flags))
		steps_finding("is not opened (%d): %s", err, error);
	if (strncmp(error, HOST_IMAGE_PATH ": ", strlen(HOST_IMAGE_PATH) + 2) != 0 ||
	    strchr(error, '\n'))
		steps_finding("says of what it refuses (%d): %s", err, error);
	if (host_opened() > 0)
		steps_finding("is not opened, and leaves %u descriptors open", host_opened());
	forget();
}

static bool open_disk(const struct step *line)
{
	unsigned int flags = ANVIL_DISK_IMAGE_ANY_CONTENT;
	char error[256] = "";
	int err;

	if (!rig.zoned && V(1) & 1)
		flags |= ANVIL_DISK_IMAGE_READ_ONLY;
	if (V(2) & 2)
		flags &= ~(unsigned int)ANVIL_DISK_IMAGE_ANY_CONTENT;
	host.setting_up = true;
	set_fault(line);
	err = rig.ring ? anvil_disk_io_uring_open(&rig.uring, HOST_IMAGE_PATH, flags, jobs.most,
						  error, sizeof(error))
		       : anvil_disk_file_open(&rig.file, HOST_IMAGE_PATH, flags, error,
					      sizeof(error));
	host.setting_up = false;
	host.faults = 0;
	jobs.disk = rig.ring ? &rig.uring.disk : &rig.file.disk;
	if (err)
		check_refusal(err, flags, error);
	else if (!trouble_in_setup() && refusal(flags))
		steps_finding("opens what is to be refused (%d)", refusal(flags));
	else if (jobs.disk->capacity != host.image.bytes / ANVIL_DISK_SECTOR_BYTES ||
		 jobs.disk->block_bytes != host.image.block ||
		 jobs.disk->read_only != (flags & ANVIL_DISK_IMAGE_READ_ONLY))
		steps_finding("opens as a disk of %llu sectors",
			      (unsigned long long)jobs.disk->capacity);
	return !err;
}

static bool set_up(const struct steps *steps)
{
	static const uint8_t depth[] = { JOBS, 1, 2, 4 };
	const struct step *line = &steps->setup;

	rig.ring = line->name == STEPS_URING || line->name == STEPS_RZONED;
	rig.zoned = line->name == STEPS_ZONED || line->name == STEPS_RZONED;
	host_reset();
	host_image_reset();
	jobs_reset();
	jobs.ring = rig.ring;
	jobs.most = depth[V(4) % ARRAY_SIZE(depth)];
	set_image(line);
	if (!open_disk(line))
		return false;
	if (rig.zoned) {
		const struct anvil_zoned_disk_options *options = zones_options(V(4) / 4);

		if (anvil_zoned_disk_init(&rig.zones, jobs.disk, options))
			steps_finding("has no zones");
		jobs.disk = &rig.zones.disk;
		jobs.rules = &zones_rules;
		zones_reset(jobs.disk, options);
	}
	rig.before = *jobs.disk;
	return true;
}

/* ---- operations ---- */

static void transfer(enum anvil_disk_op op, const struct step *line)
{
	static const uint8_t length[] = {
		1, 2, 3, 4, 7, 8, 9, 16, 31, 64, 127, 128, 129, 200, 5, 33
	};
	uint64_t sectors = length[V(2) % ARRAY_SIZE(length)];
	uint64_t sector;

	if (rig.zoned && V(3) & 1) { /* where a zone goes on */
		sector = zones_next(V(0) % zones_count());
		if (sector + sectors > jobs.disk->capacity)
			return;
	} else {
		sector = place_choose(V(0), V(1), &sectors);
	}
	job_begin(op, sector, sectors, V(4) & 1 ? JOB_AGAIN : 0);
}

static void range(enum anvil_disk_op op, const struct step *line)
{
	static const uint32_t length[] = { 1,	2,   3,	  7,   8,    9,	   16,	 64,
					   128, 129, 300, 520, 2048, 2049, 2060, 131075 };
	uint64_t sectors = length[V(2) % ARRAY_SIZE(length)];
	uint64_t sector = place_choose(V(0), V(1), &sectors);

	if (rig.zoned && op == ANVIL_DISK_WRITE_ZEROES && V(3) & 2) {
		sectors = 1 + V(2) % 16;
		sector = zones_next(V(0) % zones_count());
		if (sector + sectors > jobs.disk->capacity)
			return;
	}
	job_begin(op, sector, sectors, (V(3) & 1 ? JOB_UNMAP : 0) | (V(4) & 1 ? JOB_AGAIN : 0));
}

static void erase(const struct step *line)
{
	uint64_t sectors = 8;
	unsigned int zone;

	if (!rig.zoned) {
		job_begin(ANVIL_DISK_SECURE_ERASE, place_choose(V(0), V(1), &sectors), sectors, 0);
		return;
	}
	zone = V(0) % zones_count();
	sectors = (1 + V(1) % 3) * (uint64_t)jobs.disk->zoning->zone_sectors;
	if (zones_start(zone) + sectors <= jobs.disk->capacity)
		job_begin(ANVIL_DISK_SECURE_ERASE, zones_start(zone), sectors, 0);
}

static void manage(enum anvil_disk_op op, const struct step *line)
{
	job_begin(op, zones_start(V(0) % zones_count()), 0, 0);
}

static void append(const struct step *line)
{
	uint64_t sectors = 1 + V(1) % 16;

	if (sectors <= jobs.disk->zoning->append_sectors_max)
		job_begin(ANVIL_DISK_ZONE_APPEND, zones_start(V(0) % zones_count()), sectors, 0);
}

static void fail_zone(const struct step *line)
{
	enum anvil_disk_zone_state state =
		V(1) & 1 ? ANVIL_DISK_ZONE_OFFLINE : ANVIL_DISK_ZONE_READ_ONLY;
	unsigned int zone = V(0) % zones_count();

	zones_failed(zone, state);
	anvil_zoned_disk_fail_zone(&rig.zones, zone, state);
}

static void fault(const struct step *line)
{
	static const uint8_t count[] = { 1, 2, 3, 5, 20, 99, 100, 101, 120, 200 };
	static const uint32_t bytes[] = { 0, 1, 100, 511, 512, 513, 1024, 4096, 65535, 65536 };

	host_add_fault(&(struct host_fault){ .call = (enum host_call)(V(0) % (HOST_SUBMIT + 1)),
					     .trouble = (enum host_trouble)(V(1) % HOST_TROUBLES),
					     .after = V(2) % 32,
					     .count = count[V(3) % ARRAY_SIZE(count)],
					     .bytes = bytes[V(4) % ARRAY_SIZE(bytes)] });
}

/* One step alone is done of what may be of gigabytes. */
static void poll_once(void)
{
	host.written = 0;
	host.punched = 0;
	if (rig.ring)
		anvil_disk_io_uring_poll(&rig.uring);
	else
		anvil_disk_file_poll(&rig.file);
	if (!rig.zoned && !rig.ring &&
	    (host.written > ANVIL_DISK_RANGE_WRITE_BYTES ||
	     host.punched > ANVIL_DISK_RANGE_HOLE_BYTES))
		steps_finding("writes %llu bytes in a step, and gives back %llu",
			      (unsigned long long)host.written, (unsigned long long)host.punched);
}

/* Whoever waits for the event hears of it. */
static void check_event(void)
{
	const struct host_fd *event = host_find(rig.ring ? rig.uring.event_fd : rig.file.event_fd);
	bool needed = rig.ring ? host_ring_ready() || (jobs_busy() > 0 && host_ring_pending() == 0)
			       : (!rig.zoned && jobs_range_busy());

	if (needed && event->events == 0)
		steps_finding("has something to do, and the event does not say so");
	if (rig.zoned && !rig.ring && jobs_busy() > 0 && event->events == 0)
		steps_finding("has %u requests that nothing goes on with", jobs_busy());
}

static void drain(void)
{
	if (rig.ring)
		anvil_disk_io_uring_drain(&rig.uring);
	else
		anvil_disk_file_drain(&rig.file);
	if (jobs_busy() > 0)
		steps_finding("is drained, and has %u requests still", jobs_busy());
}

static void play_zone_op(const struct step *line)
{
	static const struct {
		char name;
		enum anvil_disk_op op;
	} op[] = { { 'O', ANVIL_DISK_ZONE_OPEN },      { 'C', ANVIL_DISK_ZONE_CLOSE },
		   { 'H', ANVIL_DISK_ZONE_FINISH },    { 'X', ANVIL_DISK_ZONE_RESET },
		   { 'L', ANVIL_DISK_ZONE_RESET_ALL }, { 'Q', ANVIL_DISK_ZONE_REPORT } };

	if (line->name == 'A')
		append(line);
	else if (line->name == 'N')
		fail_zone(line);
	for (unsigned int i = 0; i < ARRAY_SIZE(op); i++) {
		if (op[i].name == line->name)
			manage(op[i].op, line);
	}
}

static void play_op(const struct step *line)
{
	switch (line->name) {
	case 'R':
		transfer(ANVIL_DISK_READ, line);
		break;
	case 'W':
		transfer(ANVIL_DISK_WRITE, line);
		break;
	case 'F':
		job_begin(ANVIL_DISK_FLUSH, 0, 0, 0);
		break;
	case 'D':
		range(ANVIL_DISK_DISCARD, line);
		break;
	case 'Z':
		range(ANVIL_DISK_WRITE_ZEROES, line);
		break;
	case 'E':
		erase(line);
		break;
	case 'P':
		for (unsigned int i = 0; i <= V(0) % 8; i++)
			poll_once();
		break;
	case 'K':
		job_cancel(V(0));
		break;
	case 'I':
		fault(line);
		break;
	case 'S':
		host_ring_complete(V(0));
		break;
	case 'G':
		drain();
		break;
	default:
		play_zone_op(line);
		break;
	}
}

/* ---- the end ---- */

static void read_back(uint64_t sector, uint64_t sectors)
{
	job_begin(ANVIL_DISK_READ, sector, sectors, 0);
	if (rig.ring)
		drain();
}

static void check_end(void)
{
	host.faults = 0;
	for (unsigned int i = 0; i < JOBS; i++)
		jobs.job[i].again = false;
	drain();
	shadow_each(rig.zoned ? jobs.disk->zoning->zone_sectors : 64, read_back);
	job_begin(ANVIL_DISK_FLUSH, 0, 0, 0);
	drain();
	if (rig.before.capacity != jobs.disk->capacity ||
	    rig.before.block_bytes != jobs.disk->block_bytes ||
	    rig.before.read_only != jobs.disk->read_only || rig.before.zoning != jobs.disk->zoning)
		steps_finding("is another disk than at first: %llu sectors",
			      (unsigned long long)jobs.disk->capacity);
}

static void close_disk(void)
{
	if (rig.zoned)
		anvil_zoned_disk_destroy(&rig.zones);
	if (rig.ring)
		anvil_disk_io_uring_close(&rig.uring);
	else
		anvil_disk_file_close(&rig.file);
	if (host_opened() > 0)
		steps_finding("is closed, and leaves %u descriptors open", host_opened());
	forget();
}

void play_disk(struct steps *steps)
{
	if (!set_up(steps))
		return;
	for (steps->now = 0; steps->now < (int)steps->ops; steps->now++) {
		play_op(&steps->op[steps->now]);
		check_event();
	}
	check_end();
	close_disk();
}
