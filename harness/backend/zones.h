/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What zoned_disk.h promises of zones, beside what any disk does.
 */
#ifndef BACKEND_ZONES_H
#define BACKEND_ZONES_H

#include <stdbool.h>
#include <stdint.h>

#include "job.h"
#include "zoned_disk.h"

/* The set-up that an operand chooses. */
const struct anvil_zoned_disk_options *zones_options(unsigned int choice);
/* A fresh disk. */
void zones_reset(const struct anvil_disk *disk, const struct anvil_zoned_disk_options *options);

unsigned int zones_count(void);
uint64_t zones_start(unsigned int zone);
/* Where that zone is to be written next, if nothing goes wrong. */
uint64_t zones_next(unsigned int zone);

extern const struct job_rules zones_rules;

/* The host failed a zone. */
void zones_failed(unsigned int zone, enum anvil_disk_zone_state state);

#endif
