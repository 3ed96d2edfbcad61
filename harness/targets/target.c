/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The doors of libFuzzer, the same for all targets: play, mutate, cross over.
 */
#include "target.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/complain.h"
#include "play/differ.h"
#include "play/player.h"
#include "base/sanitizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out, unsigned int seed);
/* not every engine has it: one that only replays does without */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

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

static void report(const struct script *script, const struct verdict *v)
{
	char name[32];

	player_verdict_name(v, name, sizeof(name));
	complain("%s at operation %d: %s", name, v->op, v->reason);
	script_print(script, v->op, stderr);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct machine machine;
	static struct bus bus;
	struct script script;
	struct verdict v;

	if (!bus.ops) {
		target_create(&machine);
		bus_model_init(&bus, &machine);
	}
	script_decode(data, size, &script);
	player_play(&bus, &script, NULL, &v);
	if (machine.exact && differ_chosen(&script))
		differ_play(&bus, &script, NULL, &v);
	if (v.kind == VERDICT_VIOLATION || v.kind == VERDICT_WEDGED)
		report(&script, &v);
	return 0;
}

/* Now and then the engine's own mutator works on one operation: it knows compared values. */
static void mutate_bytes(uint8_t *data, size_t size, unsigned int seed)
{
	size_t ops = size / SCRIPT_OP_BYTES;
	size_t at = seed / 16 % ops * SCRIPT_OP_BYTES;

	LLVMFuzzerMutate(data + at + 1, SCRIPT_OP_BYTES - 1, SCRIPT_OP_BYTES - 1);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	if (LLVMFuzzerMutate && size >= SCRIPT_OP_BYTES && seed % 16 == 0) {
		mutate_bytes(data, size, seed);
		return size;
	}
	return mutator_mutate(target_profile(), data, size, max_size, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out, unsigned int seed)
{
	return mutator_crossover(target_profile(), data1, size1, data2, size2, out, max_out, seed);
}
