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
	while ((uint64_t)o->zones * zoning(o)->zone_sectors < o->capacity) {
		o->zone[o->zones] = new_zone(o, o->zones);
		o->zones++;
	}
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
		o->zone[i].state = VIRTIO_BLK_ZS_CLOSED;
		hit(MILESTONE_BLK_ZONE_IMPLICIT_CLOSE);
	}
	z->state = state;
	return VIRTIO_BLK_S_OK;
}

static void written_to(struct model_zone *z, uint64_t sector)
{
	z->written = sector;
	if (sector == z->start + z->capacity) {
		z->state = VIRTIO_BLK_ZS_FULL;
		hit(MILESTONE_BLK_ZONE_FILLED);
	}
}

static void add_span(struct oracle *o, uint64_t from, uint64_t to)
{
	if (from >= to)
		return;
	if (o->zone_spans < ORACLE_ZONE_SPANS)
		o->zone_span[o->zone_spans] = (struct model_span){ from, to };
	o->zone_spans++; /* too many: what was written is not known any more */
}

static bool is_written(const struct oracle *o, uint64_t sector)
{
	for (unsigned int i = 0; i < o->zone_spans; i++) {
		if (sector >= o->zone_span[i].from && sector < o->zone_span[i].to)
			return true;
	}
	return false;
}

/* 5.2.6.2: in a zone that takes any write, what is in front of the pointer need not be written. */
static void mark_data(struct oracle *o, uint64_t first, uint64_t end, bool written)
{
	if (o->zone_spans > ORACLE_ZONE_SPANS)
		return;
	for (unsigned int i = o->zone_spans; i > 0; i--) {
		struct model_span had = o->zone_span[i - 1];

		if (had.from >= end || had.to <= first)
			continue;
		o->zone_span[i - 1] = o->zone_span[--o->zone_spans];
		add_span(o, had.from, first);
		add_span(o, end, had.to);
	}
	if (written)
		add_span(o, first, end);
}

static uint8_t write_swr(struct oracle *o, struct model_zone *z, uint64_t sector, uint64_t sectors)
{
	uint8_t status = VIRTIO_BLK_S_OK;

	if (in(z, DEAD_STATES | STATE(FULL)))
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	if (sector != z->written)
		return VIRTIO_BLK_S_ZONE_UNALIGNED_WP;
	if (sector + sectors > z->start + z->capacity)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	if ((sector + sectors - z->start) * 512 % zoning(o)->write_granularity)
		return VIRTIO_BLK_S_ZONE_UNALIGNED_WP;
	if (in(z, STATE(EMPTY) | STATE(CLOSED)))
		status = open_up(o, z, VIRTIO_BLK_ZS_IOPEN);
	if (status == VIRTIO_BLK_S_OK) {
		mark_data(o, sector, sector + sectors, true);
		written_to(z, sector + sectors);
	}
	return status;
}

static uint8_t write_anywhere(struct oracle *o, uint64_t first, uint64_t end)
{
	for (unsigned int i = 0; i < o->zones; i++) {
		const struct model_zone *z = &o->zone[i];

		if (z->start < end && z->start + size_of(o, i) > first && in(z, DEAD_STATES))
			return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	}
	mark_data(o, first, end, true);
	for (unsigned int i = 0; i < o->zones; i++) {
		struct model_zone *z = &o->zone[i];
		uint64_t z_end = z->start + size_of(o, i);

		if (z->start >= end || z_end <= first || z->type == VIRTIO_BLK_ZT_CONV ||
		    in(z, STATE(FULL)))
			continue;
		if (in(z, STATE(EMPTY) | STATE(CLOSED)))
			z->state = VIRTIO_BLK_ZS_IOPEN;
		if (end < z_end)
			z_end = end;
		if (z_end > z->written)
			written_to(z, z_end);
		hit(MILESTONE_BLK_ZONE_PREFERRED);
	}
	return VIRTIO_BLK_S_OK;
}

static struct model_zone *zone_at(struct oracle *o, uint64_t sector)
{
	return &o->zone[sector / zoning(o)->zone_sectors];
}

static uint8_t write_zones(struct oracle *o, uint64_t sector, uint64_t sectors)
{
	struct model_zone *z = zone_at(o, sector);
	const struct model_zone *last = zone_at(o, sector + sectors - 1);

	if (last->type != VIRTIO_BLK_ZT_SWR)
		return write_anywhere(o, sector, sector + sectors);
	return z == last ? write_swr(o, z, sector, sectors) : VIRTIO_BLK_S_ZONE_INVALID_CMD;
}

/* 5.2.6.2: what was not written is told apart from what was */
static void check_unwritten(struct oracle *o, const struct anvil_disk_request *r)
{
	if (o->zone_spans > ORACLE_ZONE_SPANS)
		return;
	for (uint64_t i = 0; i < r->sectors; i++) {
		const struct model_zone *z = zone_at(o, r->sector + i);

		if (z->type == VIRTIO_BLK_ZT_CONV || is_written(o, r->sector + i))
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

	if (zone_at(o, end - 1)->type == VIRTIO_BLK_ZT_SWR &&
	    zone_at(o, end - 1) != zone_at(o, r->sector))
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	for (const struct model_zone *z = zone_at(o, r->sector); z <= zone_at(o, end - 1); z++) {
		if (in(z, bad))
			return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	}
	return VIRTIO_BLK_S_OK;
}

static void empty(struct oracle *o, struct model_zone *z)
{
	if (z->type == VIRTIO_BLK_ZT_CONV || in(z, DEAD_STATES))
		return;
	z->state = VIRTIO_BLK_ZS_EMPTY;
	z->written = z->start;
	mark_data(o, z->start, z->start + size_of(o, (unsigned int)(z - o->zone)), false);
}

/* What is discarded counts as unwritten, but where only the end of a zone can be unwritten. */
static uint8_t discard(struct oracle *o, const struct anvil_disk_request *r)
{
	uint8_t status = pass_over(o, r, DEAD_STATES);

	if (status == VIRTIO_BLK_S_OK && zone_at(o, r->sector)->type != VIRTIO_BLK_ZT_SWR)
		mark_data(o, r->sector, r->sector + r->sectors, false);
	return status;
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
	struct model_zone *z = zone_at(o, r->sector);

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
		z->state = z->written > z->start ? VIRTIO_BLK_ZS_CLOSED : VIRTIO_BLK_ZS_EMPTY;
	}
	return VIRTIO_BLK_S_OK;
}

/* An append has been given its place, right or wrong: the zone is the one around it. */
static uint8_t append(struct oracle *o, const struct anvil_disk_request *r)
{
	struct model_zone *z = zone_at(o, r->sector);

	if (z->type != VIRTIO_BLK_ZT_SWR)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	return write_swr(o, z, z->written, r->sectors);
}

static uint8_t carry_out(struct oracle *o, const struct anvil_disk_request *r, uint64_t asked)
{
	struct anvil_disk_request zone = *r;

	switch (r->op) {
	case ANVIL_DISK_READ:
		return pass_over(o, r, STATE(OFFLINE));
	case ANVIL_DISK_DISCARD:
		return discard(o, r);
	case ANVIL_DISK_WRITE:
	case ANVIL_DISK_WRITE_ZEROES:
		return write_zones(o, r->sector, r->sectors);
	case ANVIL_DISK_SECURE_ERASE:
		return erase(o, r);
	case ANVIL_DISK_ZONE_APPEND:
		zone.sector = asked;
		return append(o, &zone);
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

static uint8_t status_of(int result)
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

uint8_t oracle_zones_completed(struct oracle *o, const struct anvil_disk_request *r, uint64_t asked,
			       int result)
{
	uint8_t said = status_of(result);
	uint64_t place = r->op == ANVIL_DISK_ZONE_APPEND ? zone_at(o, asked)->written : r->sector;
	uint8_t right;

	if (said == VIRTIO_BLK_S_IOERR) /* nothing was done */
		return said;
	right = carry_out(o, r, asked);
	if (said != right)
		oracle_fail(o, 8, "zones: request %d at %llu ends with %u instead of %u", r->op,
			    (unsigned long long)r->sector, said, right);
	tell_milestone(right);
	if (right != VIRTIO_BLK_S_OK)
		return right;
	if (r->sector != place)
		oracle_fail(o, 8, "zones: data is appended at %llu instead of %llu",
			    (unsigned long long)r->sector, (unsigned long long)place);
	if (r->op == ANVIL_DISK_READ)
		check_unwritten(o, r);
	return right;
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
