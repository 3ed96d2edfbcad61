/* SPDX-License-Identifier: BSD-3-Clause */
#include "commands.h"

const struct command *const commands[] = {
	&command_play,	 &command_show,	  &command_pack,  &command_shrink, &command_compare,
	&command_triage, &command_export, &command_merge, &command_fuzz,   &command_bench,
	&command_boot,	 &command_health, NULL,
};
