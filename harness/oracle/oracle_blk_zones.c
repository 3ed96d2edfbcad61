/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a zoned disk and a device in front of it have to do (5.2.6): a model of the zones of its
 * own, moved by each request that the disk carries out, and the answers that follow from it.
 */
#include <endian.h>
#include <string.h>

#include "array_size.h"
#include "oracle_blk_internal.h"

static const struct anvil_disk_zoning *zoning(const struct oracle *o)
{
	return &o->p->zones.options.zoning;
}

/* ---- the model ---- */

static uint64_t size_of(const struct oracle *o, unsigned int index)
{
	uint64_t start = (uint64_t)index * zoning(o)->zone_sectors;

	return o->capacity - start < zoning(o)->zone_sectors ? o->capacity - start
							     : zoning(o)->zone_sectors;
}

static struct model_zone new_zone(const struct oracle *o, unsigned int index)
{
	const struct anvil_zoned_disk_options *w = &o->p->zones.options;
	struct model_zone z = {
		.start = (uint64_t)index * w->zoning.zone_sectors,
		.written = (uint64_t)index * w->zoning.zone_sectors,
		.pointer = (uint64_t)index * w->zoning.zone_sectors,
		.capacity = size_of(o, index),
		.state = VIRTIO_BLK_ZS_EMPTY,
	};

	if (index < w->conventional) {
		z.type = VIRTIO_BLK_ZT_CONV;
		z.state = VIRTIO_BLK_ZS_NOT_WP;
		return z;
	}
	z.type = w->zoning.model == ANVIL_DISK_HOST_AWARE ? VIRTIO_BLK_ZT_SWP : VIRTIO_BLK_ZT_SWR;
	if (z.type == VIRTIO_BLK_ZT_SWR) {
		if (w->zone_capacity && z.capacity > w->zone_capacity)
			z.capacity = w->zone_capacity;
		z.capacity = z.capacity * 512 / w->zoning.write_granularity *
			     w->zoning.write_granularity / 512;
	}
	if (index && index == o->p->zones.read_only)
		z.state = VIRTIO_BLK_ZS_RDONLY;
	if (index && index == o->p->zones.offline)
		z.state = VIRTIO_BLK_ZS_OFFLINE;
	return z;
}

void oracle_zones_start(struct oracle *o)
{
	o->zones = 0;
	if (!o->p->zones.zoned)
		return;
	o->zone_spans = 0;
	memset(o->content.now, 0, sizeof(o->content.now));
	o->content.logs = 0;
	o->disk_clock = 0;
	while ((uint64_t)o->zones * zoning(o)->zone_sectors < o->capacity) {
		o->zone[o->zones] = new_zone(o, o->zones);
		o->zones++;
	}
	/* what was there before */
	oracle_content_set_all(o, 0, o->p->zones.options.conventional * zoning(o)->zone_sectors,
			       ORACLE_CONTENT_UNSURE);
}

static unsigned int count_state(const struct oracle *o, uint32_t states)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < o->zones; i++)
		count += states >> o->zone[i].state & 1;
	return count;
}

#define STATE(s)      (1u << VIRTIO_BLK_ZS_##s)
#define OPEN_STATES   (STATE(IOPEN) | STATE(EOPEN))
#define ACTIVE_STATES (OPEN_STATES | STATE(CLOSED))
#define DEAD_STATES   (STATE(RDONLY) | STATE(OFFLINE))

static bool in(const struct model_zone *z, uint32_t states)
{
	return states >> z->state & 1;
}

/* 5.2.6: one that nothing is written to, and nothing is to be, is empty then. */
static void close_up(struct model_zone *z)
{
	z->state = z->pointer > z->start ? VIRTIO_BLK_ZS_CLOSED : VIRTIO_BLK_ZS_EMPTY;
}

/* A zone enters an open state, if the limits allow it; one opened by a write may have to go. */
static uint8_t open_up(struct oracle *o, struct model_zone *z, uint8_t state)
{
	const struct anvil_disk_zoning *limit = zoning(o);

	if (limit->active_max && !in(z, ACTIVE_STATES) &&
	    count_state(o, ACTIVE_STATES) == limit->active_max)
		return VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE;
	if (limit->open_max && !in(z, OPEN_STATES) &&
	    count_state(o, OPEN_STATES) == limit->open_max) {
		unsigned int i = 0;

		while (i < o->zones && !in(&o->zone[i], STATE(IOPEN)))
			i++;
		if (i == o->zones)
			return VIRTIO_BLK_S_ZONE_OPEN_RESOURCE;
		close_up(&o->zone[i]);
		hit(MILESTONE_BLK_ZONE_IMPLICIT_CLOSE);
	}
	z->state = state;
	return VIRTIO_BLK_S_OK;
}

/* It may have been closed, or finished, meanwhile. */
static void written_to(struct model_zone *z, uint64_t sector)
{
	z->written = sector;
	if (z->pointer < sector)
		z->pointer = sector;
	if (sector == z->start + z->capacity) {
		z->state = VIRTIO_BLK_ZS_FULL;
		hit(MILESTONE_BLK_ZONE_FILLED);
	} else if (in(z, STATE(EMPTY))) {
		z->state = VIRTIO_BLK_ZS_CLOSED;
	}
}

/* Or its last sector is given to a write that is under way. */
static bool is_full(const struct model_zone *z)
{
	return in(z, STATE(FULL)) ||
	       (z->pointer == z->start + z->capacity && z->pointer > z->written);
}

static uint8_t write_swr(struct oracle *o, struct model_zone *z, uint64_t sector, uint64_t sectors)
{
	uint8_t status = VIRTIO_BLK_S_OK;

	if (in(z, DEAD_STATES) || is_full(z))
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	if (sector != z->pointer)
		return VIRTIO_BLK_S_ZONE_UNALIGNED_WP;
	if (sector + sectors > z->start + z->capacity)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	if ((sector + sectors - z->start) * 512 % zoning(o)->write_granularity)
		return VIRTIO_BLK_S_ZONE_UNALIGNED_WP;
	if (in(z, STATE(EMPTY) | STATE(CLOSED)))
		status = open_up(o, z, VIRTIO_BLK_ZS_IOPEN);
	if (status == VIRTIO_BLK_S_OK)
		z->pointer = sector + sectors;
	return status;
}

static uint8_t write_anywhere(struct oracle *o, uint64_t first, uint64_t end)
{
	for (unsigned int i = 0; i < o->zones; i++) {
		const struct model_zone *z = &o->zone[i];

		if (z->start < end && z->start + size_of(o, i) > first && in(z, DEAD_STATES))
			return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	}
	for (unsigned int i = 0; i < o->zones; i++) {
		struct model_zone *z = &o->zone[i];

		if (z->start < end && z->start + size_of(o, i) > first &&
		    in(z, STATE(EMPTY) | STATE(CLOSED)))
			z->state = VIRTIO_BLK_ZS_IOPEN;
	}
	return VIRTIO_BLK_S_OK;
}

/* 5.2.6.2: in a zone that takes any write, what is in front of the pointer need not be written. */
void oracle_zones_wrote(struct oracle *o, uint64_t sector, uint64_t sectors)
{
	uint64_t end = sector + sectors;

	oracle_content_mark(o, sector, end, true);
	for (unsigned int i = 0; i < o->zones; i++) {
		struct model_zone *z = &o->zone[i];
		uint64_t z_end = z->start + size_of(o, i);

		if (z->start >= end || z_end <= sector || z->type == VIRTIO_BLK_ZT_CONV)
			continue;
		if (end < z_end)
			z_end = end;
		if (z_end > z->written)
			written_to(z, z_end);
		if (z->type == VIRTIO_BLK_ZT_SWP)
			hit(MILESTONE_BLK_ZONE_PREFERRED);
	}
}

/* Writes that are under way there, and are not part of any zone from now on. */
static void overtake(struct oracle *o, const struct model_zone *z)
{
	uint64_t end = z->start + size_of(o, (unsigned int)(z - o->zone));

	for (unsigned int i = 0; o->p->zones.front && i < o->at_disk; i++) {
		struct model_flight *f = &o->disk_request[i].flight;

		if (!f->writes || f->sector >= end || z->start >= f->sector + f->sectors)
			continue;
		f->overtaken = true;
		hit(MILESTONE_BLK_ZONE_OVERTAKEN);
	}
}

void oracle_zones_lost(struct oracle *o, uint64_t sector)
{
	struct model_zone *z = oracle_zone_at(o, sector);

	if (z->type != VIRTIO_BLK_ZT_SWR)
		return;
	z->pointer = z->written;
	overtake(o, z);
	if (in(z, STATE(CLOSED)))
		close_up(z);
	hit(MILESTONE_BLK_ZONE_LOST);
}

struct model_zone *oracle_zone_at(struct oracle *o, uint64_t sector)
{
	return &o->zone[sector / zoning(o)->zone_sectors];
}

static uint8_t write_zones(struct oracle *o, uint64_t sector, uint64_t sectors)
{
	struct model_zone *z = oracle_zone_at(o, sector);
	const struct model_zone *last = oracle_zone_at(o, sector + sectors - 1);

	if (last->type != VIRTIO_BLK_ZT_SWR)
		return write_anywhere(o, sector, sector + sectors);
	return z == last ? write_swr(o, z, sector, sectors) : VIRTIO_BLK_S_ZONE_INVALID_CMD;
}

/* 5.2.6.2: what was not written is told apart from what was */
static void check_unwritten(struct oracle *o, const struct anvil_disk_request *r)
{
	if (!oracle_content_known(o))
		return;
	for (uint64_t i = 0; i < r->sectors; i++) {
		const struct model_zone *z = oracle_zone_at(o, r->sector + i);

		if (z->type == VIRTIO_BLK_ZT_CONV || oracle_content_written(o, r->sector + i))
			continue;
		for (unsigned int k = 0; k < 512; k++) {
			if (r->data[i * 512 + k])
				oracle_fail(o, 9, "sector %llu was not written, and reads as data",
					    (unsigned long long)(r->sector + i));
		}
		hit(MILESTONE_BLK_ZONE_UNWRITTEN);
	}
}

static uint8_t pass_over(struct oracle *o, const struct anvil_disk_request *r, uint32_t bad)
{
	uint64_t end = r->sector + r->sectors;

	if (oracle_zone_at(o, end - 1)->type == VIRTIO_BLK_ZT_SWR &&
	    oracle_zone_at(o, end - 1) != oracle_zone_at(o, r->sector))
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	for (const struct model_zone *z = oracle_zone_at(o, r->sector);
	     z <= oracle_zone_at(o, end - 1); z++) {
		if (in(z, bad))
			return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	}
	return VIRTIO_BLK_S_OK;
}

static void empty(struct oracle *o, struct model_zone *z)
{
	uint64_t end = z->start + size_of(o, (unsigned int)(z - o->zone));

	if (z->type == VIRTIO_BLK_ZT_CONV || in(z, DEAD_STATES))
		return;
	z->state = VIRTIO_BLK_ZS_EMPTY;
	z->written = z->start;
	z->pointer = z->start;
	overtake(o, z);
	oracle_content_mark(o, z->start, end, false);
	oracle_content_set_all(o, z->start, end, ORACLE_CONTENT_ZEROES);
}

static uint8_t erase(struct oracle *o, const struct anvil_disk_request *r)
{
	uint64_t end = r->sector + r->sectors;

	for (unsigned int i = 0; i < o->zones; i++) {
		const struct model_zone *z = &o->zone[i];

		if (z->start >= r->sector && z->start < end &&
		    (in(z, DEAD_STATES) || z->type == VIRTIO_BLK_ZT_CONV))
			return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	}
	for (unsigned int i = 0; i < o->zones; i++) {
		if (o->zone[i].start >= r->sector && o->zone[i].start < end)
			empty(o, &o->zone[i]);
	}
	hit(MILESTONE_BLK_ZONE_ERASED);
	return VIRTIO_BLK_S_OK;
}

static uint8_t change_state(struct oracle *o, const struct anvil_disk_request *r)
{
	struct model_zone *z = oracle_zone_at(o, r->sector);

	if (z->type == VIRTIO_BLK_ZT_CONV || in(z, DEAD_STATES))
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	if (r->op == ANVIL_DISK_ZONE_RESET) {
		empty(o, z);
	} else if (r->op == ANVIL_DISK_ZONE_FINISH) {
		z->state = VIRTIO_BLK_ZS_FULL;
	} else if (r->op == ANVIL_DISK_ZONE_OPEN) {
		return in(z, STATE(FULL)) ? VIRTIO_BLK_S_ZONE_INVALID_CMD
					  : open_up(o, z, VIRTIO_BLK_ZS_EOPEN);
	} else {
		if (!in(z, ACTIVE_STATES))
			return VIRTIO_BLK_S_ZONE_INVALID_CMD;
		close_up(z);
	}
	return VIRTIO_BLK_S_OK;
}

static uint8_t append(struct oracle *o, const struct anvil_disk_request *r, uint64_t asked,
		      uint64_t *place)
{
	struct model_zone *z = oracle_zone_at(o, asked);

	if (z->type != VIRTIO_BLK_ZT_SWR)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	*place = z->pointer;
	return write_swr(o, z, z->pointer, r->sectors);
}

uint8_t oracle_zones_arrive(struct oracle *o, const struct anvil_disk_request *r, uint64_t asked,
			    uint64_t *place)
{
	*place = r->sector;
	switch (r->op) {
	case ANVIL_DISK_READ:
		return pass_over(o, r, STATE(OFFLINE));
	case ANVIL_DISK_DISCARD:
		return pass_over(o, r, DEAD_STATES);
	case ANVIL_DISK_WRITE:
	case ANVIL_DISK_WRITE_ZEROES:
		return write_zones(o, r->sector, r->sectors);
	case ANVIL_DISK_SECURE_ERASE:
		return erase(o, r);
	case ANVIL_DISK_ZONE_APPEND:
		return append(o, r, asked, place);
	case ANVIL_DISK_ZONE_RESET_ALL:
		for (unsigned int i = 0; i < o->zones; i++)
			empty(o, &o->zone[i]);
		return VIRTIO_BLK_S_OK;
	case ANVIL_DISK_FLUSH:
	case ANVIL_DISK_ZONE_REPORT:
		return VIRTIO_BLK_S_OK;
	default:
		return change_state(o, r);
	}
}

/* What is discarded counts as unwritten, but where only the end of a zone can be unwritten. */
static void carried_out(struct oracle *o, const struct anvil_disk_request *r, uint64_t place)
{
	if (r->op == ANVIL_DISK_WRITE || r->op == ANVIL_DISK_WRITE_ZEROES ||
	    r->op == ANVIL_DISK_ZONE_APPEND)
		oracle_zones_wrote(o, place, r->sectors);
	if (r->op == ANVIL_DISK_DISCARD && oracle_zone_at(o, r->sector)->type != VIRTIO_BLK_ZT_SWR)
		oracle_content_mark(o, r->sector, r->sector + r->sectors, false);
	if (r->op == ANVIL_DISK_READ)
		check_unwritten(o, r);
}

uint8_t oracle_zones_status(int result)
{
	switch (result) {
	case 0:
		return VIRTIO_BLK_S_OK;
	case ANVIL_DISK_ZONE_ERROR_INVALID:
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	case ANVIL_DISK_ZONE_ERROR_UNALIGNED:
		return VIRTIO_BLK_S_ZONE_UNALIGNED_WP;
	case ANVIL_DISK_ZONE_ERROR_OPEN:
		return VIRTIO_BLK_S_ZONE_OPEN_RESOURCE;
	case ANVIL_DISK_ZONE_ERROR_ACTIVE:
		return VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE;
	default:
		return VIRTIO_BLK_S_IOERR;
	}
}

static void tell_milestone(uint8_t status)
{
	if (status == VIRTIO_BLK_S_ZONE_INVALID_CMD)
		hit(MILESTONE_BLK_ZONE_INVALID);
	if (status == VIRTIO_BLK_S_ZONE_UNALIGNED_WP)
		hit(MILESTONE_BLK_ZONE_UNALIGNED);
	if (status == VIRTIO_BLK_S_ZONE_OPEN_RESOURCE)
		hit(MILESTONE_BLK_ZONE_OPEN_LIMIT);
	if (status == VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE)
		hit(MILESTONE_BLK_ZONE_ACTIVE_LIMIT);
}

void oracle_zones_check_place(struct oracle *o, const struct anvil_disk_request *r, uint64_t place)
{
	if (r->sector != place)
		oracle_fail(o, 8, "zones: data is appended at %llu instead of %llu",
			    (unsigned long long)r->sector, (unsigned long long)place);
}

void oracle_zones_check_status(struct oracle *o, const struct anvil_disk_request *r, uint8_t said,
			       uint8_t right)
{
	if (said != right)
		oracle_fail(o, 8, "zones: request %d at %llu ends with %u instead of %u", r->op,
			    (unsigned long long)r->sector, said, right);
	tell_milestone(right);
}

uint8_t oracle_zones_completed(struct oracle *o, const struct anvil_disk_request *r, uint64_t asked,
			       int result)
{
	uint8_t said = oracle_zones_status(result);
	uint64_t place;
	uint8_t right;

	if (said == VIRTIO_BLK_S_IOERR) /* nothing was done */
		return said;
	right = oracle_zones_arrive(o, r, asked, &place);
	oracle_zones_check_status(o, r, said, right);
	if (right != VIRTIO_BLK_S_OK)
		return right;
	oracle_zones_check_place(o, r, place);
	carried_out(o, r, place);
	return right;
}

/* ---- zones that fail ---- */

bool oracle_zone_is_offline(const struct model_zone *z)
{
	return in(z, STATE(OFFLINE));
}

bool oracle_zone_is_dead(const struct model_zone *z)
{
	return in(z, DEAD_STATES);
}

void oracle_zone_failed(struct oracle *o, unsigned int zone, bool offline)
{
	struct model_zone *z = &o->zone[zone];

	if (z->type == VIRTIO_BLK_ZT_CONV || in(z, STATE(OFFLINE)))
		return;
	z->state = offline ? VIRTIO_BLK_ZS_OFFLINE : VIRTIO_BLK_ZS_RDONLY;
	z->pointer = z->written;
	overtake(o, z);
	hit(MILESTONE_BLK_ZONE_FAILS);
}

/* ---- what the guest gets ---- */

static void put64(uint8_t *at, uint64_t value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof(value));
}

static void put_descriptor(const struct model_zone *z, uint8_t *at)
{
	bool has_pointer = !in(z, DEAD_STATES | STATE(FULL) | STATE(NOT_WP));

	memset(at, 0, 64);
	put64(at, z->capacity);
	put64(at + 8, z->start);
	put64(at + 16, has_pointer ? z->written : UINT64_MAX);
	at[24] = z->type;
	at[25] = z->state;
}

void oracle_zones_reply(struct oracle *o, struct model_chain *c, const struct anvil_disk_request *r)
{
	uint64_t told = 0;

	if (r->op == ANVIL_DISK_ZONE_APPEND) {
		put64(c->capture + 16, r->sector);
		c->data_bytes = 8;
		return;
	}
	if (r->op != ANVIL_DISK_ZONE_REPORT)
		return;
	for (uint64_t i = c->sector / zoning(o)->zone_sectors; i < o->zones && told < c->zones; i++)
		put_descriptor(&o->zone[i], c->capture + 16 + 64 * ++told);
	memset(c->capture + 16, 0, 64);
	put64(c->capture + 16, told);
	c->data_bytes = 64 + 64 * told;
	hit(told ? MILESTONE_BLK_ZONE_REPORT : MILESTONE_BLK_ZONE_REPORT_EMPTY);
}

/* ---- what a request asks for ---- */

static const struct zone_type {
	uint32_t type;
	enum anvil_disk_op op;
	enum milestone done;
} zone_type[] = {
	{ VIRTIO_BLK_T_ZONE_APPEND, ANVIL_DISK_ZONE_APPEND, MILESTONE_BLK_ZONE_APPEND },
	{ VIRTIO_BLK_T_ZONE_REPORT, ANVIL_DISK_ZONE_REPORT, MILESTONE_BLK_ZONE_REPORT_EMPTY },
	{ VIRTIO_BLK_T_ZONE_OPEN, ANVIL_DISK_ZONE_OPEN, MILESTONE_BLK_ZONE_OPEN },
	{ VIRTIO_BLK_T_ZONE_CLOSE, ANVIL_DISK_ZONE_CLOSE, MILESTONE_BLK_ZONE_CLOSE },
	{ VIRTIO_BLK_T_ZONE_FINISH, ANVIL_DISK_ZONE_FINISH, MILESTONE_BLK_ZONE_FINISH },
	{ VIRTIO_BLK_T_ZONE_RESET, ANVIL_DISK_ZONE_RESET, MILESTONE_BLK_ZONE_RESET },
	{ VIRTIO_BLK_T_ZONE_RESET_ALL, ANVIL_DISK_ZONE_RESET_ALL, MILESTONE_BLK_ZONE_RESET_ALL },
};

static const struct zone_type *find_type(uint32_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(zone_type); i++) {
		if (zone_type[i].type == type)
			return &zone_type[i];
	}
	return NULL;
}

bool oracle_is_zone_type(uint32_t type)
{
	return find_type(type) != NULL;
}

bool oracle_zone_changes(uint32_t type)
{
	return find_type(type) && type != VIRTIO_BLK_T_ZONE_REPORT;
}

void oracle_zone_done(uint32_t type)
{
	if (type != VIRTIO_BLK_T_ZONE_REPORT)
		hit(find_type(type)->done);
}

static int expect_append(const struct oracle *o, const struct model_chain *c)
{
	uint64_t bytes = c->readable_bytes - 16;
	uint32_t most = zoning(o)->append_sectors_max;

	if (c->writable_bytes != 9 || bytes % 512)
		return VIRTIO_BLK_S_IOERR;
	if (most == 0)
		return VIRTIO_BLK_S_UNSUPP;
	if (bytes == 0 || bytes > 512ull * most || c->sector >= o->capacity ||
	    c->sector % zoning(o)->zone_sectors)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	return -1;
}

static int expect_report(const struct oracle *o, struct model_chain *c)
{
	uint64_t most = o->p->transfer_max;

	if (c->readable_bytes != 16 || c->writable_bytes < 65)
		return VIRTIO_BLK_S_IOERR;
	if (c->sector >= o->capacity)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	if (o->p->range_segments_max * 16ull > most)
		most = o->p->range_segments_max * 16ull;
	if (o->p->offered.word[0] >> VIRTIO_BLK_F_SECURE_ERASE & 1 &&
	    o->p->erase_segments_max * 16ull > most)
		most = o->p->erase_segments_max * 16ull;
	if (most > c->writable_bytes - 1)
		most = c->writable_bytes - 1;
	c->zones = (uint32_t)((most - 64) / 64);
	return -1;
}

static int expect_change(const struct oracle *o, const struct model_chain *c)
{
	if (c->readable_bytes != 16 || c->writable_bytes != 1)
		return VIRTIO_BLK_S_IOERR;
	if (c->type != VIRTIO_BLK_T_ZONE_RESET_ALL &&
	    (c->sector >= o->capacity || c->sector % zoning(o)->zone_sectors))
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	return -1;
}

int oracle_zones_expect(struct oracle *o, struct model_chain *c)
{
	int status;

	if (c->type == VIRTIO_BLK_T_ZONE_APPEND)
		status = expect_append(o, c);
	else if (c->type == VIRTIO_BLK_T_ZONE_REPORT)
		status = expect_report(o, c);
	else
		status = expect_change(o, c);
	if (status == VIRTIO_BLK_S_ZONE_INVALID_CMD)
		hit(MILESTONE_BLK_ZONE_INVALID);
	else if (status == VIRTIO_BLK_S_UNSUPP)
		hit(MILESTONE_BLK_ZONE_NO_APPEND);
	else if (status >= 0)
		hit(MILESTONE_BLK_ZONE_BAD);
	return status;
}

void oracle_zones_request(const struct model_chain *c, struct anvil_disk_request *right)
{
	right->op = find_type(c->type)->op;
	right->sector = c->type == VIRTIO_BLK_T_ZONE_RESET_ALL ? 0 : c->sector;
	if (right->op == ANVIL_DISK_ZONE_APPEND)
		right->sectors = (c->readable_bytes - 16) / 512;
	if (right->op == ANVIL_DISK_ZONE_REPORT)
		right->zones = c->zones;
}

/* ---- the configuration space ---- */

void oracle_zones_config(struct oracle *o, bool told)
{
	const struct anvil_disk_zoning *z = zoning(o);

	if (!o->p->zones.zoned)
		return;
	oracle_put_config(o, 72, told ? z->zone_sectors : 0, 4);
	oracle_put_config(o, 76, told ? z->open_max : 0, 4);
	oracle_put_config(o, 80, told ? z->active_max : 0, 4);
	oracle_put_config(o, 84, told ? z->append_sectors_max : 0, 4);
	oracle_put_config(o, 88, told ? z->write_granularity : 0, 4);
	oracle_put_config(o, 92, told ? z->model : 0, 1);
}
