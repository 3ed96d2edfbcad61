/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the pretend driver does otherwise when it knows the legacy interface alone (4.2.4).
 */
#ifndef GUEST_LEGACY_H
#define GUEST_LEGACY_H

#include "guest.h"

/* Moves the rings of a queue of `size` entries to where version 1 expects them. */
void guest_legacy_place(struct guest_queue *q);

/* Says the page size, before the reset as Linux does, and knows its frames' headers. */
void guest_legacy_begin(struct guest_driver *g);

/* After QueueSel and QueueSize: alignment and place. */
void guest_legacy_start_queue(struct guest_driver *g, unsigned int queue);

/* What a legacy driver programs. */
struct guest_legacy_setup {
	uint32_t page_size;
	uint32_t size;
	uint32_t align;
	uint32_t pfn;
};

/* The operation `queue` in two steps: where the rings will be, then the registers. */
void guest_legacy_choose(struct guest_driver *g, const struct script_op *r, unsigned int queue,
			 struct guest_legacy_setup *s);
void guest_legacy_set_queue(struct guest_driver *g, const struct script_op *r, unsigned int queue,
			    const struct guest_legacy_setup *s);

#endif
