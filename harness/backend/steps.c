/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decoding, mutation, and what is told of a steps.
 */
#include "steps.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"

#define SETUPS "FUZRTPS"

static struct steps *playing;

const char *steps_names(char setup)
{
	switch (setup) {
	case STEPS_FILE:
	case STEPS_URING:
		return "RWFDZEPKISG";
	case STEPS_ZONED:
	case STEPS_RZONED:
		return "RWFDZEPKISGAOCHXLQN";
	case STEPS_TAP:
		return "AWPRIGO";
	case STEPS_SLIRP:
		return "WPRIGATZC";
	default:
		return "WPRIT";
	}
}

static char choose(const char *names, uint8_t byte)
{
	const char *found = byte ? strchr(names, byte) : NULL;

	return found ? *found : names[byte % strlen(names)];
}

static void decode_line(struct step *line, const char *names, const uint8_t *data, size_t size)
{
	memset(line, 0, sizeof(*line));
	line->name = choose(names, size ? data[0] : 0);
	for (size_t i = 0; i < STEPS_OPERANDS && i + 1 < size; i++)
		line->v[i] = (uint8_t)(data[i + 1] - '0');
}

void steps_decode(struct steps *steps, const uint8_t *data, size_t size)
{
	decode_line(&steps->setup, SETUPS, data, size);
	steps->ops = 0;
	for (size_t at = STEPS_LINE; at < size && steps->ops < STEPS_OPS_MAX; at += STEPS_LINE)
		decode_line(&steps->op[steps->ops++], steps_names(steps->setup.name), data + at,
			    size - at);
}

/* ---- mutation ---- */

static unsigned int draw(unsigned int *seed, unsigned int below)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % below;
}

/* Mostly small numbers: they choose from tables. */
static void fresh_line(uint8_t *line, const char *names, unsigned int *seed)
{
	line[0] = (uint8_t)names[draw(seed, (unsigned int)strlen(names))];
	for (unsigned int i = 1; i <= STEPS_OPERANDS; i++) {
		unsigned int most = draw(seed, 8) == 0 ? 75 : draw(seed, 2) ? 4 : 16;

		line[i] = (uint8_t)('0' + draw(seed, most));
	}
	line[STEPS_LINE - 1] = '\n';
}

static void change(uint8_t *line, const char *names, unsigned int *seed)
{
	unsigned int at = draw(seed, STEPS_LINE - 1);

	if (at == 0)
		line[0] = (uint8_t)names[draw(seed, (unsigned int)strlen(names))];
	else
		line[at] = (uint8_t)('0' + draw(seed, draw(seed, 4) ? 16 : 75));
}

static size_t insert(uint8_t *data, size_t lines, size_t at, const uint8_t *line)
{
	memmove(data + (at + 1) * STEPS_LINE, data + at * STEPS_LINE, (lines - at) * STEPS_LINE);
	memcpy(data + at * STEPS_LINE, line, STEPS_LINE);
	return lines + 1;
}

static size_t mutate_once(uint8_t *data, size_t lines, size_t most, unsigned int *seed)
{
	size_t at = 1 + draw(seed, (unsigned int)lines);
	unsigned int how = draw(seed, 8);
	uint8_t line[STEPS_LINE];
	struct step setup;

	decode_line(&setup, SETUPS, data, STEPS_LINE);

	const char *names = steps_names(setup.name);

	if (how < 3 && lines < most) {
		fresh_line(line, names, seed);
		return insert(data, lines, at, line);
	}
	if (how == 3 && lines < most) { /* once more */
		memcpy(line, data + (size_t)draw(seed, (unsigned int)lines) * STEPS_LINE,
		       STEPS_LINE);
		return insert(data, lines, at, line);
	}
	if (how == 4 && at < lines) {
		memmove(data + at * STEPS_LINE, data + (at + 1) * STEPS_LINE,
			(lines - at - 1) * STEPS_LINE);
		return lines - 1;
	}
	if (how == 5 && draw(seed, 4) == 0)
		fresh_line(data, SETUPS, seed);
	else if (how == 5 || at == lines)
		change(data, SETUPS, seed);
	else
		change(data + at * STEPS_LINE, names, seed);
	return lines;
}

size_t steps_mutate(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	size_t lines = size / STEPS_LINE;
	size_t most = max_size / STEPS_LINE;

	if (most == 0)
		return size < max_size ? size : max_size;
	if (most > STEPS_OPS_MAX + 1)
		most = STEPS_OPS_MAX + 1;
	if (lines > most)
		lines = most;
	if (lines == 0) {
		fresh_line(data, SETUPS, &seed);
		lines = 1;
	}
	for (unsigned int n = 1 + draw(&seed, 4); n > 0; n--)
		lines = mutate_once(data, lines, most, &seed);
	return lines * STEPS_LINE;
}

/* ---- findings ---- */

void steps_playing(struct steps *steps)
{
	playing = steps;
	playing->now = -1;
}

static void print_line(const struct step *line, bool here)
{
	(void)fputc(line->name, stderr);
	for (unsigned int i = 0; i < STEPS_OPERANDS; i++) {
		uint8_t c = (uint8_t)(line->v[i] + '0');

		(void)fprintf(stderr, c > ' ' && c < 0x7f ? "%c" : "\\x%02x", c);
	}
	(void)fprintf(stderr, "%s\n", here ? "   <- here" : "");
}

static void name_place(char *name, size_t len)
{
	if (playing->now < 0)
		(void)snprintf(name, len, "set-up (%c)", playing->setup.name);
	else if ((unsigned int)playing->now < playing->ops)
		(void)snprintf(name, len, "operation %d (%c)", playing->now,
			       playing->op[playing->now].name);
	else
		(void)snprintf(name, len, "the end");
}

void steps_finding(const char *format, ...)
{
	char place[32];
	char why[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	name_place(place, sizeof(place));
	complain("backend: %s: %s", place, why);
	print_line(&playing->setup, playing->now < 0);
	for (unsigned int i = 0; i < playing->ops; i++)
		print_line(&playing->op[i], (int)i == playing->now);
	abort();
}
