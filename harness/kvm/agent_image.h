/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The agent's program (agent/agent.c), as built for the guest.
 */
#ifndef AGENT_IMAGE_H
#define AGENT_IMAGE_H

#include <stdint.h>

extern const uint8_t agent_image[];
extern const uint8_t agent_image_end[];

#endif
