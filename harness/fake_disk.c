/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Completions wait in a list until the script says which one comes, and how it went.
 */
#include "fake_disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR DISK_SECTOR_BYTES

/* Each byte tells its sector, and no sector is zero. */
static void first_content(struct fake_disk *d, uint64_t sector)
{
	memset(d->content + sector * SECTOR, (int)(0x80 | sector), SECTOR);
}

static void mark_dirty(struct fake_disk *d, const struct disk_request *r)
{
	for (uint64_t i = r->sector; i < r->sector + r->sectors; i++)
		d->dirty[i / 64] |= 1ull << (i % 64);
}

/* The oracle has checked the range against the capacity when the request came. */
static void carry_out(struct fake_disk *d, struct disk_request *r)
{
	uint8_t *at = d->content + r->sector * SECTOR;
	size_t len = (size_t)r->sectors * SECTOR;

	switch (r->op) {
	case DISK_READ:
		memcpy(r->data, at, len);
		break;
	case DISK_WRITE:
		memcpy(at, r->data, len);
		mark_dirty(d, r);
		break;
	case DISK_DISCARD:
	case DISK_WRITE_ZEROES:
		memset(at, 0, len);
		mark_dirty(d, r);
		break;
	case DISK_FLUSH:
		break;
	}
}

static void finish(struct fake_disk *d, struct disk_request *r, int result)
{
	if (d->fail_every && ++d->count % d->fail_every == 0)
		result = -EIO;
	if (!result)
		carry_out(d, r);
	oracle_disk_completed(d->oracle, r, result);
	r->done(r, result);
}

static void submit(struct disk *disk, struct disk_request *r)
{
	struct fake_disk *d = (struct fake_disk *)(void *)disk;

	oracle_disk_submitted(d->oracle, r);
	if (!d->deferred) {
		finish(d, r, 0);
		return;
	}
	if (d->pendings == FAKE_DISK_PENDING)
		oracle_fail(d->oracle, 10, "more than %u requests at the disk", FAKE_DISK_PENDING);
	d->cancelled[d->pendings] = false;
	d->pending[d->pendings++] = r;
}

void fake_disk_complete(struct fake_disk *d, unsigned int which, int result)
{
	if (d->pendings == 0)
		return;
	which %= d->pendings;

	struct disk_request *r = d->pending[which];

	if (d->cancelled[which])
		result = -ECANCELED;
	for (d->pendings--; which < d->pendings; which++) {
		d->pending[which] = d->pending[which + 1];
		d->cancelled[which] = d->cancelled[which + 1];
	}
	finish(d, r, result);
}

static void cancel(struct disk *disk, struct disk_request *r)
{
	struct fake_disk *d = (struct fake_disk *)(void *)disk;
	unsigned int i = 0;

	while (i < d->pendings && d->pending[i] != r)
		i++;
	if (i == d->pendings)
		oracle_fail(d->oracle, 8, "a request is cancelled that is not at the disk");
	d->cancelled[i] = true;
	if (!d->cancel_late)
		fake_disk_complete(d, i, 0);
}

void fake_disk_create(struct fake_disk *d, struct oracle *oracle)
{
	static const struct disk_ops ops = { .submit = submit, .cancel = cancel };

	memset(d, 0, sizeof(*d));
	d->disk.ops = &ops;
	d->oracle = oracle;
	d->content = malloc((size_t)PERSONALITY_SECTORS * SECTOR);
	if (!d->content)
		abort();
	memcpy(d->disk.id, personality_disk_id, sizeof(d->disk.id));
	for (uint64_t i = 0; i < PERSONALITY_SECTORS; i++)
		first_content(d, i);
}

void fake_disk_start(struct fake_disk *d, const struct personality *p)
{
	for (unsigned int w = 0; w < PERSONALITY_SECTORS / 64; w++) {
		for (; d->dirty[w]; d->dirty[w] &= d->dirty[w] - 1)
			first_content(d, w * 64 + (uint64_t)__builtin_ctzll(d->dirty[w]));
	}
	d->pendings = 0;
	d->count = 0;
	d->disk.capacity = p->capacity;
	d->disk.read_only = p->flags & FLAG_READ_ONLY;
	d->deferred = p->flags & FLAG_DEFERRED;
	d->cancel_late = p->flags & FLAG_CANCEL_LATE;
	d->fail_every = p->fail_every;
}
