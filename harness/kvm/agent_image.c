/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The agent is part of the tool, so that it is found wherever that is run.
 */
#include "agent_image.h"

/* clang-format off */
__asm__(
	".pushsection .rodata\n"
	".globl agent_image, agent_image_end\n"
	"agent_image:\n"
	"	.incbin \"build/agent\"\n"
	"agent_image_end:\n"
	".popsection\n");
/* clang-format on */
