/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second opinion on saved states: whether one may be taken back, and what the device then is.
 */
#include <errno.h>

#include "array_size.h"
#include "oracle_internal.h"
#include "state_bytes.h"

#define HEADER_BYTES 18u

uint64_t oracle_image_number(struct oracle_image *im, unsigned int bytes)
{
	uint64_t value = 0;

	if (im->left < bytes) {
		im->ended = true;
		im->left = 0;
		return 0;
	}
	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint64_t)im->at[i] << (8 * i);
	im->at += bytes;
	im->left -= bytes;
	return value;
}

void oracle_image_bytes(struct oracle_image *im, uint8_t *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)oracle_image_number(im, 1);
}

static bool header_fine(const struct oracle *o, struct oracle_image *im)
{
	uint64_t magic = oracle_image_number(im, 4);
	uint64_t version = oracle_image_number(im, 2);
	uint64_t type = oracle_image_number(im, 4);
	uint64_t len = oracle_image_number(im, 4);
	uint64_t sum = oracle_image_number(im, 4);

	return !im->ended && magic == 0x564e4156 && version == 1 && len == im->left &&
	       anvil_state_checksum(im->at, im->left) == sum && type == o->kind->device_id;
}

/* 3.1.1, 3.1.2: the bits of a status come in one order; the device's own only where it runs */
static bool status_fine(const struct oracle *o, uint32_t status)
{
	uint32_t said = status & ~(uint32_t)(VIRTIO_STATUS_NEEDS_RESET | VIRTIO_STATUS_FAILED);

	if (status & VIRTIO_STATUS_NEEDS_RESET && said != SAID_DRIVER_OK &&
	    !(o->p->legacy && (said == SAID_DRIVER || said == SAID_LEGACY_DRIVER_OK)))
		return false;
	if (said == 0 || said == SAID_ACKNOWLEDGE || said == SAID_DRIVER)
		return true;
	if (o->p->legacy)
		return said == SAID_LEGACY_DRIVER_OK;
	return said == SAID_FEATURES_OK || said == SAID_DRIVER_OK ||
	       (said == SAID_SUSPEND && o->driver_features[0] >> VIRTIO_F_SUSPEND & 1);
}

/* When features are final, and that they are such as may be. */
static bool agreement_fine(const struct oracle *o)
{
	bool some = o->driver_features[0] || o->driver_features[1];

	if (!(o->status & VIRTIO_STATUS_DRIVER))
		return !some && !o->agreed;
	if (o->p->legacy && o->status & VIRTIO_STATUS_DRIVER_OK && !o->agreed)
		return false;
	if (!o->p->legacy && o->agreed)
		return false;
	return !oracle_final(o) || oracle_features_fine(o);
}

static bool load_status(struct oracle *o, struct oracle_image *im)
{
	uint64_t interface = oracle_image_number(im, 1);
	uint64_t wanted = o->p->big_endian ? 2 : o->p->legacy;
	uint32_t status = (uint32_t)oracle_image_number(im, 1);
	uint64_t agreed = oracle_image_number(im, 1);
	uint64_t suspending = oracle_image_number(im, 1);
	uint64_t late = oracle_image_number(im, 1);
	uint64_t most = o->kind->late;

	o->driver_features[0] = oracle_image_number(im, 8);
	o->driver_features[1] = oracle_image_number(im, 8);
	o->generation = (uint32_t)oracle_image_number(im, 4);
	if (interface != wanted || agreed > 1 || suspending > 1 || late & ~most ||
	    !status_fine(o, status))
		return false;
	o->status = status;
	o->agreed = agreed;
	o->suspending = suspending;
	o->config_late = (unsigned int)late;
	if (!agreement_fine(o))
		return false;
	if (suspending &&
	    (status != SAID_DRIVER_OK || !(o->driver_features[0] >> VIRTIO_F_SUSPEND & 1)))
		return false;
	if (late && !(status & VIRTIO_STATUS_SUSPEND))
		return false;
	if (oracle_final(o))
		oracle_agreed(o);
	return true;
}

/* A legacy device looks into its queues before that. */
static bool may_have_run(const struct oracle *o)
{
	return o->p->legacy || o->status & (VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_SUSPEND);
}

/* Nothing was taken from a queue before DRIVER_OK; afterwards it has to ask the driver anew. */
static bool load_indices(const struct oracle *o, struct model_queue *q, uint16_t next,
			 uint16_t told)
{
	q->seen_idx = next;
	q->next_avail = next;
	q->next_used = next;
	q->ask_from = told;
	if (oracle_live(o)) {
		q->used_flags = 1;
		q->avail_event = (uint16_t)(next + 1);
	}
	return (next == 0 && told == 0) || may_have_run(o);
}

static bool load_packed_places(const struct oracle *o, struct model_queue *q, uint16_t next,
			       uint16_t told)
{
	q->at.avail = next;
	q->at.used = next;
	if (oracle_live(o))
		q->used_flags = RING_EVENT_FLAGS_DISABLE;
	if (next % 0x8000 >= q->size || told % 0x8000 >= q->size)
		return false;
	q->at.ask_first = told;
	if (next == 0x8000 && told == 0x8000)
		return true;
	hit(MILESTONE_STATE_PACKED);
	return may_have_run(o);
}

/* Some page size, a power of 2, and what follows from it and the alignment (2.7.2) */
static bool legacy_place_fine(const struct model_queue *q)
{
	uint64_t end = q->desc + 18ull * q->size + 6;
	uint64_t page = q->pfn ? q->desc / q->pfn : 0;

	if (!q->pfn || q->desc % q->pfn || !page || (page & (page - 1)) || page >> 32)
		return false;
	if (!q->align || (q->align & (q->align - 1)))
		return false;
	return q->driver == q->desc + 16ull * q->size &&
	       q->device == (end % q->align ? end - end % q->align + q->align : end);
}

static bool programming_fine(const struct oracle *o, unsigned int queue, bool on)
{
	const struct model_queue *q = &o->queue[queue];
	bool some = q->size || q->desc || q->driver || q->device || q->align || q->pfn;

	if (o->p->legacy) {
		if (on)
			return o->agreed && oracle_queue_exists(o, queue) && legacy_place_fine(q);
		return !some || o->status & VIRTIO_STATUS_DRIVER;
	}
	if (q->align || q->pfn)
		return false;
	return !some || (o->status & VIRTIO_STATUS_FEATURES_OK && oracle_queue_exists(o, queue));
}

static bool load_queue(struct oracle *o, unsigned int queue, struct oracle_image *im)
{
	struct model_queue *q = &o->queue[queue];
	uint64_t on;
	uint16_t next;
	uint16_t told;

	q->size = (uint32_t)oracle_image_number(im, 4);
	q->desc = oracle_image_number(im, 8);
	q->driver = oracle_image_number(im, 8);
	q->device = oracle_image_number(im, 8);
	q->align = (uint32_t)oracle_image_number(im, 4);
	q->pfn = (uint32_t)oracle_image_number(im, 4);
	on = oracle_image_number(im, 1);
	next = (uint16_t)oracle_image_number(im, 2);
	told = (uint16_t)oracle_image_number(im, 2);
	if (on > 1 || !programming_fine(o, queue, on))
		return false;
	if (on == 0)
		return next == 0 && told == 0;
	oracle_start_queue(o, q);
	if (!q->ready)
		return false;
	if (!(q->packed ? load_packed_places(o, q, next, told) : load_indices(o, q, next, told)))
		return false;
	return oracle_unnotified(q) < q->size;
}

/* Nobody else puts off what is to be told, and nobody is suspended with it (3.4.2). */
static bool all_told(const struct oracle *o)
{
	for (unsigned int i = 0; i < o->p->queues; i++) {
		bool may = o->kind->coalesces && o->kind->coalesces(o, i);

		if (!o->queue[i].ready || !oracle_unnotified(&o->queue[i]))
			continue;
		if (o->status & VIRTIO_STATUS_SUSPEND || (!may && oracle_queue_live(o, i)))
			return false;
	}
	return true;
}

static bool load(struct oracle *o, struct oracle_image *im)
{
	uint32_t interrupts;

	o->device_sel = (uint32_t)oracle_image_number(im, 4);
	o->driver_sel = (uint32_t)oracle_image_number(im, 4);
	o->queue_sel = (uint32_t)oracle_image_number(im, 4);
	o->page_size = (uint32_t)oracle_image_number(im, 4);
	interrupts = (uint32_t)oracle_image_number(im, 4);
	if (interrupts > 3 || (o->page_size && !o->p->legacy))
		return false;
	if (!load_status(o, im) || oracle_image_number(im, 1) != o->p->queues)
		return false;
	for (unsigned int i = 0; i < o->p->queues; i++) {
		if (!load_queue(o, i, im))
			return false;
	}
	if (!o->kind->restored(o, im) || !all_told(o))
		return false;
	o->interrupts |= interrupts;
	if (im->ended || im->left)
		return false;
	if (o->p->big_endian)
		hit(MILESTONE_LEGACY_BIG_ENDIAN_STATE);
	return true;
}

bool oracle_restored(struct oracle *o, const uint8_t *image, size_t len)
{
	struct oracle_image im = { .at = image, .left = len };

	uint32_t generation = o->generation;
	uint32_t page_size = o->page_size;

	oracle_event(o);
	if (!header_fine(o, &im))
		return false;
	if (load(o, &im))
		return true;
	oracle_reset(o);
	o->generation = generation;
	o->page_size = page_size;
	return false;
}

/* ---- what it saves is what it is ---- */

static uint64_t sum_of_registers(const struct oracle *o)
{
	const uint32_t number[] = {
		o->status,     o->agreed,     o->suspending, o->config_late, o->generation,
		o->interrupts, o->device_sel, o->driver_sel, o->queue_sel,   o->page_size,
	};
	uint64_t sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(number); i++)
		oracle_digest_number(&sum, number[i]);
	oracle_digest_bytes(&sum, o->driver_features, sizeof(o->driver_features));
	oracle_digest_bytes(&sum, o->config, o->config_bytes);
	return sum;
}

static uint64_t sum_of_queues(const struct oracle *o)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < o->p->queues; i++) {
		const struct model_queue *q = &o->queue[i];

		if (!oracle_queue_exists(o, i))
			continue;
		oracle_digest_number(&sum, q->size);
		oracle_digest_number(&sum, q->desc);
		oracle_digest_number(&sum, q->driver);
		oracle_digest_number(&sum, q->device);
		oracle_digest_number(&sum, (uint64_t)q->align << 32 | q->pfn);
		oracle_digest_number(&sum, q->ready);
		if (q->ready && !(o->status & VIRTIO_STATUS_NEEDS_RESET))
			oracle_digest_number(&sum, q->packed ? q->at.avail : q->next_avail);
	}
	return sum;
}

static uint64_t sum_of_kind(const struct oracle *o)
{
	return o->kind->saved ? o->kind->saved(o) : 0;
}

static bool in_flight(const struct oracle *o)
{
	for (unsigned int i = 0; i < o->p->queues; i++) {
		if (o->queue[i].helds)
			return true;
	}
	return oracle_draining(o);
}

void oracle_saved(struct oracle *o, int err)
{
	/* of a broken device the model has forgotten the chains; the device may know some */
	if ((err == -EBUSY) != in_flight(o) && !(o->status & VIRTIO_STATUS_NEEDS_RESET))
		oracle_fail(o, 7, "saving it gives %d with requests%s in flight", err,
			    in_flight(o) ? "" : " not");
	if (err && err != -EBUSY)
		oracle_fail(o, 7, "saving it gives %d", err);
	if (err)
		return;
	o->saved[0] = sum_of_registers(o);
	o->saved[1] = sum_of_queues(o);
	o->saved[2] = sum_of_kind(o);
}

void oracle_restored_same(struct oracle *o, bool fine)
{
	const char *what = o->saved[0] != sum_of_registers(o) ? "registers"
			   : o->saved[1] != sum_of_queues(o)  ? "queues"
			   : o->saved[2] != sum_of_kind(o)    ? "settings"
							      : NULL;

	if (!fine)
		oracle_fail(o, 7, "it saved a state that is to be refused");
	if (what)
		oracle_fail(o, 7, "the %s that it saved are not those that it had", what);
}

void oracle_took_state(struct oracle *o, bool fine, int err)
{
	if (fine != !err)
		oracle_fail(o, 7, "%s state is %s (%d)", fine ? "a good" : "an impossible",
			    err ? "refused" : "taken", err);
}

void oracle_took_state_busy(struct oracle *o, int err)
{
	if (err != -EBUSY)
		oracle_fail(o, 7, "restoring gives %d while requests are at the disk", err);
}
