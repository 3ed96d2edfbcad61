/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guest RAM, as the device has it.
 */
#include "safety_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The range that holds `gpa`, or NULL. */
static const struct safety_ram *range_of(const struct safety *s, uint64_t gpa)
{
	for (unsigned int i = 0; i < SAFETY_RAM; i++) {
		if (gpa >= s->ram[i].gpa && gpa - s->ram[i].gpa < s->ram[i].bytes)
			return &s->ram[i];
	}
	return NULL;
}

static uint64_t part_in(const struct safety_ram *r, uint64_t gpa, uint64_t len)
{
	uint64_t room = r->bytes - (gpa - r->gpa);

	return len < room ? len : room;
}

uint64_t safety_in_ranges(const struct safety *s, uint64_t gpa, uint64_t len)
{
	const struct safety_ram *r;
	uint64_t done = 0;

	while (done < len && gpa + done >= gpa && (r = range_of(s, gpa + done)))
		done += part_in(r, gpa + done, len - done);
	return done;
}

bool safety_copy_ranges(const struct safety *s, uint64_t gpa, void *bytes, size_t len)
{
	const struct safety_ram *r;
	uint8_t *to = bytes;

	memset(bytes, 0, len);
	for (; len && (r = range_of(s, gpa));) {
		size_t part = (size_t)part_in(r, gpa, len);

		memcpy(to, r->host + (gpa - r->gpa), part);
		to += part;
		gpa += part;
		len -= part;
	}
	return len == 0;
}

void safety_fail(struct safety *s, unsigned int rule, const char *format, ...)
{
	va_list args;

	if (!s->broken_rule) {
		va_start(args, format);
		vsnprintf(s->reason, sizeof(s->reason), format, args);
		va_end(args);
		s->broken_rule = rule;
	}
	if (!s->exact && s->known && s->known(s->known_opaque, rule, s->reason))
		s->broken_rule = 0;
	else if (!s->exact || s->accesses > 2 * s->access_bound)
		oracle_fail(s->oracle, s->broken_rule, "%s", s->reason);
}
