/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The doors of libFuzzer, the same for all targets: play, mutate, cross over.
 */
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out, unsigned int seed);
/* not every engine has it: one that only replays does without */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct machine machine;
	static struct bus bus;
	struct script script;

	if (!bus.ops) {
		target_create(&machine);
		bus_model_init(&bus, &machine);
	}
	script_decode(data, size, &script);
	target_play(&bus, &script, data, size);
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
