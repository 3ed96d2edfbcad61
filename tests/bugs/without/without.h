/* SPDX-License-Identifier: BSD-3-Clause */
/* What without/oracle.c is linked with may look at. */
#ifndef WITHOUT_H
#define WITHOUT_H

#include <stddef.h>
#include <stdint.h>

/*
 * The device did something that a guest or its host can see: it fetched or stored these bytes, its
 * register gave them, they went to the disk or the network. `what` says where.
 */
void without_oracle_seen(uint64_t what, const void *bytes, size_t len);

#endif
