/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of the block device: slots and queues (virtio_blk.c), requests
 * (virtio_blk_request.c), those about zones (virtio_blk_zoned.c), and what the device is made with
 * (virtio_blk_config.c).
 */
#ifndef ANVIL_BLK_INTERNAL_H
#define ANVIL_BLK_INTERNAL_H

#include "virtio_blk.h"
#include "virtio_spec.h"

struct anvil_blk_slot {
	struct anvil_disk_request request; /* first: done() comes back with its address */
	struct anvil_blk *blk;
	struct anvil_descriptor_chain chain;
	struct anvil_descriptor_segment *segment;
	uint8_t *data;
	unsigned int queue;
	uint32_t data_len; /* of `data`, to be stored in the guest with a good status */
	uint32_t step;
	uint32_t steps;
	bool ranges;	  /* each step is a struct virtio_blk_range in `data` */
	bool flush;	  /* a flush is the last step */
	bool taken;	  /* not free */
	bool abandoned;	  /* the guest does not wait for it any more */
	bool cancelled;	  /* the disk was told so */
	bool submitting;  /* inside the disk's submit */
	bool outstanding; /* at the disk */
	int result;
};

/* A request may be answered right away; this is no status. */
#define ANVIL_BLK_GO_ON (-1)

/* ---- virtio_blk_config.c ---- */

bool anvil_blk_options_valid(const struct anvil_blk_options *options);

/* How many bytes of data a slot needs, and how many zones of a report. */
size_t anvil_blk_data_bytes(const struct anvil_blk_options *options);
uint32_t anvil_blk_report_max(const struct anvil_blk_options *options);

/* The configuration space after creation; how long it is depends on what is offered. */
void anvil_blk_config_init(struct anvil_blk *blk);
/* What it tells of zones; without ZONED, zeroes (5.2.5.2). */
void anvil_blk_config_zones(struct anvil_blk *blk, bool told);

/* ---- virtio_blk_request.c ---- */

/* Reads a request and checks it: the status to answer with now, or ANVIL_BLK_GO_ON. */
int anvil_blk_parse(struct anvil_blk_slot *slot);

/* Puts the next step into slot->request; false: there is none, or it cannot be made. */
bool anvil_blk_next_step(struct anvil_blk_slot *slot);

/* ---- virtio_blk_zoned.c ---- */

/* What anvil_blk_parse says of a request of that type. */
int anvil_blk_parse_zone_append(struct anvil_blk_slot *slot, uint64_t sector);
int anvil_blk_parse_zone_report(struct anvil_blk_slot *slot, uint64_t sector);
int anvil_blk_parse_zone_open(struct anvil_blk_slot *slot, uint64_t sector);
int anvil_blk_parse_zone_close(struct anvil_blk_slot *slot, uint64_t sector);
int anvil_blk_parse_zone_finish(struct anvil_blk_slot *slot, uint64_t sector);
int anvil_blk_parse_zone_reset(struct anvil_blk_slot *slot, uint64_t sector);
int anvil_blk_parse_zone_reset_all(struct anvil_blk_slot *slot, uint64_t sector);

/* The disk has carried out the slot's request: what it tells becomes data for the guest. */
void anvil_blk_zone_told(struct anvil_blk_slot *slot);

/* The status for a result of the disk that is not 0. */
uint8_t anvil_blk_failure(const struct anvil_blk *blk, int result);

#endif
