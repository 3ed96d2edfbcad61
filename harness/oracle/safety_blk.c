/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of a block device (5.2.6), where its disk can be seen: what is read is what was written,
 * and nothing else has changed. Of a request that may be taken in two ways (it is malformed, the
 * guest races, data lie over data) the disk's content is believed.
 */
#include "safety_internal.h"

#include <stdlib.h>
#include <string.h>

#define SECTOR 512u

void safety_see_disk(struct safety *s, const void *content, uint64_t sectors)
{
	struct safety_disk *d = &s->disk;
	size_t bytes = (size_t)sectors * SECTOR;

	d->seen = content;
	d->sectors = sectors;
	d->first = malloc(bytes);
	d->should = malloc(bytes);
	if (!d->first || !d->should)
		abort();
	memcpy(d->first, content, bytes);
	memcpy(d->should, content, bytes);
}

void safety_blk_start(struct safety *s)
{
	struct safety_disk *d = &s->disk;

	if (d->touched)
		memcpy(d->should, d->first, (size_t)d->sectors * SECTOR);
	d->touched = false;
	d->unknown = false;
}

struct request {
	uint32_t type;
	uint64_t sector;
	uint64_t bytes; /* of data */
	uint8_t status;
};

static bool is_type(uint32_t type)
{
	return type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_OUT || type == VIRTIO_BLK_T_FLUSH ||
	       type == VIRTIO_BLK_T_GET_ID;
}

static void check_answer(struct safety *s, const struct safety_chain *c, const struct request *r)
{
	if (r->status > VIRTIO_BLK_S_UNSUPP)
		safety_fail(s, 4, "answers the request of chain %u with status %u", c->id,
			    r->status);
	if (!s->p->legacy && r->status == VIRTIO_BLK_S_OK && r->type > VIRTIO_BLK_T_ZONE_RESET_ALL)
		safety_fail(s, 4, "answers a request of type %u, which there is not, with OK",
			    r->type);
}

static void wrote(struct safety *s, const struct safety_chain *c, const struct request *r)
{
	struct safety_disk *d = &s->disk;

	if (r->status != VIRTIO_BLK_S_OK) {
		d->unknown = true; /* a part of it may be there */
		return;
	}
	safety_chain_copy(s, c, false, 16, d->should + r->sector * SECTOR, (size_t)r->bytes);
	d->touched = true;
}

/* What was stored has to be what is on the disk. */
static void was_read(struct safety *s, const struct safety_chain *c, const struct request *r)
{
	uint8_t bytes[SECTOR];

	for (uint64_t at = 0; r->status == VIRTIO_BLK_S_OK && at < r->bytes; at += SECTOR) {
		safety_chain_copy(s, c, true, at, bytes, SECTOR);
		if (memcmp(bytes, s->disk.should + r->sector * SECTOR + at, SECTOR))
			safety_fail(s, 8, "reads other bytes than sector %llu has",
				    (unsigned long long)(r->sector + at / SECTOR));
	}
}

static bool is_inside(const struct request *r, uint64_t sectors)
{
	return r->sector <= sectors && r->bytes / SECTOR <= sectors - r->sector;
}

/* Of a large disk a part can be seen: what lies behind that changes nothing there. */
static bool is_behind(const struct safety *s, const struct request *r)
{
	return r->sector >= s->disk.sectors && is_inside(r, s->p->capacity) &&
	       r->bytes % SECTOR == 0;
}

static void check_request(struct safety *s, const struct safety_chain *c, const struct request *r)
{
	uint64_t all = s->disk.sectors < s->p->capacity ? s->p->capacity : s->disk.sectors;

	check_answer(s, c, r);
	if (r->type != VIRTIO_BLK_T_IN && r->type != VIRTIO_BLK_T_OUT) {
		s->disk.unknown |= !is_type(r->type);
		return;
	}
	if (r->type == VIRTIO_BLK_T_OUT && r->status == VIRTIO_BLK_S_OK &&
	    s->offered.word[0] >> VIRTIO_BLK_F_RO & 1)
		safety_fail(s, 8, "writes to a read-only disk");
	if (is_behind(s, r))
		return;
	if (!is_inside(r, all) && r->status == VIRTIO_BLK_S_OK)
		safety_fail(s, 8, "answers %llu bytes at sector %llu with OK, the disk has %llu",
			    (unsigned long long)r->bytes, (unsigned long long)r->sector,
			    (unsigned long long)all);
	if (!is_inside(r, s->disk.sectors) || r->bytes % SECTOR) {
		s->disk.unknown = true;
		return;
	}
	if (r->type == VIRTIO_BLK_T_OUT)
		wrote(s, c, r);
	else if (!s->disk.unknown)
		was_read(s, c, r);
}

void safety_blk_returned(struct safety *s, const struct safety_queue *q,
			 const struct safety_chain *c)
{
	struct virtio_blk_header h;
	struct request r = { 0 };

	if (!s->disk.seen || s->off)
		return;
	if (s->overlaps || q->broken || safety_chain_unclear(s, c) || c->now.readable < sizeof(h) ||
	    c->now.writable < 1) {
		s->disk.unknown = true;
		return;
	}
	safety_chain_copy(s, c, false, 0, &h, sizeof(h));
	safety_chain_copy(s, c, true, c->now.writable - 1, &r.status, 1);
	r.type = safety_u32(s, h.type);
	r.sector = safety_u64(s, h.sector);
	r.bytes = r.type == VIRTIO_BLK_T_IN ? c->now.writable - 1 : c->now.readable - sizeof(h);
	check_request(s, c, &r);
}

static bool may_write(const struct safety *s, const struct safety_queue *q,
		      const struct safety_chain *c, uint64_t sector)
{
	struct virtio_blk_header h;
	uint64_t from;

	if (q->broken || safety_chain_unclear(s, c) || c->now.readable < sizeof(h))
		return true;
	safety_chain_copy(s, c, false, 0, &h, sizeof(h));
	from = safety_u64(s, h.sector);
	return safety_u32(s, h.type) == VIRTIO_BLK_T_OUT && sector >= from &&
	       sector - from < (c->now.readable - sizeof(h) + SECTOR - 1) / SECTOR;
}

/* Of what has not been given back yet, a part may be done: for ever, if the device breaks before
 * (2.1.2). */
static bool may_be_under_way(const struct safety *s, uint64_t sector)
{
	SAFETY_EACH_LIVE(s, i)
	{
		for (unsigned int k = 0; k < s->queue[i].chains; k++) {
			if (may_write(s, &s->queue[i], s->queue[i].held[k], sector))
				return true;
		}
	}
	return false;
}

static void compare(struct safety *s)
{
	struct safety_disk *d = &s->disk;

	for (uint64_t i = 0; i < d->sectors; i++) {
		if (memcmp(d->seen + i * SECTOR, d->should + i * SECTOR, SECTOR) &&
		    !may_be_under_way(s, i))
			safety_fail(s, 8, "sector %llu of the disk is not what was written",
				    (unsigned long long)i);
	}
}

void safety_blk_settle(struct safety *s)
{
	struct safety_disk *d = &s->disk;

	if (!d->seen)
		return;
	if (d->unknown || s->off) {
		memcpy(d->should, d->seen, (size_t)d->sectors * SECTOR);
		d->touched = true;
	} else if (d->touched && s->accesses) {
		compare(s);
	}
	d->unknown = false;
}

void safety_ends(struct safety *s)
{
	if (!s->exact && s->disk.seen && !s->off)
		compare(s);
}
