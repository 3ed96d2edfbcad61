/* SPDX-License-Identifier: BSD-3-Clause */
#include "mutator_afl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"

struct mutator_afl {
	uint32_t seed; /* of the next mutation */
	bool crossed;
	uint8_t out[SCRIPT_BYTES_MAX];

	/* of the script being trimmed */
	struct script kept;
	struct script tried;
	unsigned int tries;
	unsigned int tries_max; /* one an operation */
};

struct mutator_afl *afl_custom_init(void *afl, unsigned int seed)
{
	struct mutator_afl *m = calloc(1, sizeof(*m));

	(void)afl;
	if (m)
		m->seed = seed;
	else
		perror("afl_custom_init");
	return m;
}

void afl_custom_deinit(struct mutator_afl *m)
{
	free(m);
}

/* Only its upper bits are fit to choose by; the mutator scrambles all of it */
static uint32_t next_seed(struct mutator_afl *m)
{
	m->seed = m->seed * 1664525u + 1013904223u;
	return m->seed;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* As often as libFuzzer does: half of the mutants, when there is something to cross with */
static size_t start_of(struct mutator_afl *m, const uint8_t *buf, size_t size, const uint8_t *other,
		       size_t other_size, size_t room)
{
	m->crossed = other && next_seed(m) >> 31;
	if (m->crossed)
		return mutator_crossover(&fuzz_target, buf, size, other, other_size, m->out, room,
					 next_seed(m));
	size = smaller(size, sizeof(m->out)); /* what follows is ignored in any case */
	memcpy(m->out, buf, size);
	return mutator_mutate(&fuzz_target, m->out, size, room, next_seed(m));
}

size_t afl_custom_fuzz(struct mutator_afl *m, uint8_t *buf, size_t size, uint8_t **out,
		       uint8_t *other, size_t other_size, size_t room)
{
	size_t made;

	room = smaller(room, sizeof(m->out));
	made = start_of(m, buf, size, other, other_size, room);
	/* libFuzzer goes on from a mutant up to five times: so does this */
	while (next_seed(m) >> 31)
		made = mutator_mutate(&fuzz_target, m->out, made, room, next_seed(m));
	*out = m->out;
	return made;
}

const char *afl_custom_describe(struct mutator_afl *m, size_t room)
{
	(void)room; /* AFL++ cuts it */
	return m->crossed ? "crossover" : "mutation";
}

int32_t afl_custom_init_trim(struct mutator_afl *m, uint8_t *buf, size_t size)
{
	script_decode(buf, size, &m->kept);
	m->tries = 0;
	m->tries_max = m->kept.ops;
	return (int32_t)m->tries_max;
}

/* Those before it are all still there */
static void leave_out(struct script *s, unsigned int at)
{
	memmove(&s->op[at], &s->op[at + 1], (s->ops - at - 1) * sizeof(s->op[0]));
	s->ops--;
}

size_t afl_custom_trim(struct mutator_afl *m, uint8_t **out)
{
	m->tried = m->kept;
	leave_out(&m->tried, m->tries_max - m->tries - 1);
	*out = m->out;
	return script_encode(&m->tried, m->out, sizeof(m->out));
}

int32_t afl_custom_post_trim(struct mutator_afl *m, uint8_t success)
{
	if (success)
		m->kept = m->tried;
	return (int32_t)++m->tries;
}
