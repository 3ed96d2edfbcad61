/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of the recorder.
 */
#ifndef RECORDER_INTERNAL_H
#define RECORDER_INTERNAL_H

#include "recorder.h"

/* ---- recorder_state.c: what the driver programmed ---- */

bool recorder_accepted(const struct recorder *r, unsigned int feature);

/* The features of a split ring. Requests on packed rings are not recorded. */
struct anvil_virtqueue_features recorder_ring_features(const struct recorder *r);

/* Whether the device lets the driver set this queue up now. */
bool recorder_queue_writable(const struct recorder *r, const struct anvil_virtqueue *vq);

/* As far as can be told from outside: whether the device looks into its queues. */
bool recorder_live(const struct recorder *r);

/* The queue that QueueSel says, or NULL. */
struct anvil_virtqueue *recorder_selected(struct recorder *r);

/* The address that a register is one half of, or NULL; of these registers, the bit of the high one.
 */
uint64_t *recorder_ring_area(struct anvil_virtqueue *vq, uint64_t offset);
#define RECORDER_HIGH_HALF 4u

/* Takes down what is written to a register of 32 bits; the reset is not meant. */
void recorder_program(struct recorder *r, uint64_t offset, uint64_t value);

/* The reset. */
void recorder_forget_driver(struct recorder *r);

/* ---- recorder_script.c: what becomes a file ---- */

/* Whether there may be more scripts. */
bool recorder_wants_more(const struct recorder *r);

/* No operations yet. */
void recorder_start_script(struct recorder *r);

/* Write the script if it shows something new. */
void recorder_save_bring_up(struct recorder *r);
void recorder_save_requests(struct recorder *r);

/* A register access as it was; false: no script can say it. */
bool recorder_access_op(enum op_code code, uint64_t offset, unsigned int width, uint64_t value,
			struct script_op *op);

/* ---- recorder_requests.c: after DRIVER_OK, in phase RECORDER_REQUESTS ---- */

void recorder_start_requests(struct recorder *r);
void recorder_end_requests(struct recorder *r);
void recorder_requests_write(struct recorder *r, uint64_t offset, unsigned int width,
			     uint64_t value);
void recorder_requests_read(struct recorder *r, uint64_t offset, unsigned int width);
void recorder_requests_frame(struct recorder *r, const struct anvil_nic_frame *frame);
void recorder_requests_reset(struct recorder *r);

#endif
