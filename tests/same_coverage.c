/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linked with a fuzz target in place of an engine: whether what an input covers of devices/ depends
 * on that input alone. An engine keeps what covers something new; where that is chance, so is a
 * campaign. INPUTS inputs, the files and what the target's mutator makes of them, are played in two
 * orders; each has to take each edge as often in both.
 * Usage: same_coverage FILE...
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUTS	   1000u
#define STRIDE	   617u /* no divisor in common with INPUTS */
#define BYTES_MAX  4096u
#define RANGES_MAX 256u
#define TOLD_MAX   10u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed);
void __sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *stop);

/* ---- what engines have ---- */

/* the counters of edges, of each object file; each is told once or more often */
static struct {
	uint8_t *start;
	size_t count;
} range[RANGES_MAX];
static unsigned int ranges;
static size_t edges;

void __sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *stop)
{
	for (unsigned int i = 0; i < ranges; i++) {
		if (range[i].start == start)
			return;
	}
	if (start == stop)
		return;
	if (ranges == RANGES_MAX)
		abort();
	range[ranges].start = start;
	range[ranges].count = (size_t)(stop - start);
	edges += range[ranges++].count;
}

/* ---- inputs ---- */

static struct input {
	uint8_t bytes[BYTES_MAX];
	size_t size;
	const char *file;
	unsigned int mutations;
} input[INPUTS];

static void read_input(struct input *to, const char *path)
{
	FILE *f = fopen(path, "rb");

	if (!f) {
		perror(path);
		exit(2);
	}
	to->size = fread(to->bytes, 1, sizeof(to->bytes), f);
	to->file = path;
	fclose(f);
}

/* The files first, then each one mutated, and mutated again. */
static void make_inputs(unsigned int files, char **file)
{
	for (unsigned int i = 0; i < INPUTS; i++) {
		if (i < files) {
			read_input(&input[i], file[i]);
			continue;
		}
		input[i] = input[i - files];
		input[i].mutations++;
		input[i].size =
			LLVMFuzzerCustomMutator(input[i].bytes, input[i].size, BYTES_MAX, i);
	}
}

/* ---- what they cover ---- */

static void play(const struct input *i, uint8_t *covered)
{
	for (unsigned int k = 0; k < ranges; k++)
		memset(range[k].start, 0, range[k].count);
	(void)LLVMFuzzerTestOneInput(i->bytes, i->size);
	for (unsigned int k = 0; k < ranges; k++) {
		memcpy(covered, range[k].start, range[k].count);
		covered += range[k].count;
	}
}

static void tell(const struct input *i, const uint8_t *first, const uint8_t *again)
{
	size_t differ = 0;

	for (size_t e = 0; e < edges; e++)
		differ += first[e] != again[e];
	printf("%s, mutated %u times: %zu of %zu edges are not taken as often\n", i->file,
	       i->mutations, differ, edges);
}

int main(int argc, char **argv)
{
	uint8_t *first = calloc(INPUTS, edges);
	uint8_t *again = calloc(1, edges);
	unsigned int changed = 0;

	if (argc < 2 || argc > (int)INPUTS || !edges || !first || !again) {
		fprintf(stderr, "same_coverage: give 1 to %u files, to a target with counters\n",
			INPUTS);
		return 2;
	}
	make_inputs((unsigned int)argc - 1, argv + 1);
	for (unsigned int i = 0; i < INPUTS; i++)
		play(&input[i], first + i * edges);
	for (unsigned int k = 0; k < INPUTS; k++) {
		unsigned int i = k * STRIDE % INPUTS;

		play(&input[i], again);
		if (memcmp(again, first + i * edges, edges) && changed++ < TOLD_MAX)
			tell(&input[i], first + i * edges, again);
	}
	printf("%u inputs in two orders, %zu edges: %u differ\n", INPUTS, edges, changed);
	free(first);
	free(again);
	return changed != 0;
}
