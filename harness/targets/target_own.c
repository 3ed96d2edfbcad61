/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A target of one of our own devices: a finding ends the process.
 */
#include "target.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/complain.h"
#include "base/sanitizer.h"
#include "play/differ.h"
#include "play/player.h"

/*
 * A device is created and destroyed for each input: keep what that costs small. It frees nothing
 * before it is destroyed, so little of what is freed is kept back; and where a block was allocated
 * is not recorded here: the replay that the runner prints tells. What is asked for in one piece
 * must stay below the limit of what the process may take. Around each are more bytes that nobody
 * may touch than any of our structures has, so that an index just outside an array hits them.
 */
const char sanitizer_options[] =
	"quarantine_size_mb=0:thread_local_quarantine_size_kb=64:malloc_context_size=0:"
	"max_malloc_fill_size=64:max_allocation_size_mb=2048:redzone=1024";

void target_create(struct machine *m)
{
	machine_create(m);
}

const struct mutator_profile *target_profile(void)
{
	return &fuzz_target;
}

static void report(const struct script *script, const struct verdict *v)
{
	char name[32];

	player_verdict_name(v, name, sizeof(name));
	complain("%s at operation %d: %s", name, v->op, v->reason);
	script_print(script, v->op, stderr);
	abort();
}

void target_play(struct bus *bus, const struct script *script, const uint8_t *data, size_t size)
{
	struct verdict v;

	(void)data;
	(void)size;
	player_play(bus, script, NULL, &v);
	if (differ_chosen(script))
		differ_play(bus, script, NULL, &v);
	if (v.kind == VERDICT_VIOLATION || v.kind == VERDICT_WEDGED)
		report(script, &v);
}
