/* SPDX-License-Identifier: BSD-3-Clause */
/* Without the exact model, what would corrupt the harness ends a script, and is no finding. */
#include "play/player.h"

void __real_player_play(struct bus *bus, const struct script *script, volatile int *progress,
			struct verdict *v);
void __wrap_player_play(struct bus *bus, const struct script *script, volatile int *progress,
			struct verdict *v);

void __wrap_player_play(struct bus *bus, const struct script *script, volatile int *progress,
			struct verdict *v)
{
	__real_player_play(bus, script, progress, v);
	if (v->kind == VERDICT_VIOLATION && v->rule == 0)
		v->kind = VERDICT_OK;
}
