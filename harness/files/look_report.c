/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a sanitizer reports of somebody's device: any text, of which the device can write a part.
 * What is read from it fits, is one line, and has no more frames than there is room for.
 */
#include <stdlib.h>
#include <string.h>

#include "array_size.h"
#include "base/work.h"
#include "look.h"
#include "run/crash_signature.h"
#include "run/crash_stack.h"

#define STEPS_EACH 2000u /* of code, for a byte of the report */
#define STEPS	   500000u

/* An allocation of that length, which ends where the text may. */
static char *room_for(size_t room)
{
	char *text = malloc(room);

	if (!text)
		abort();
	memset(text, 'x', room);
	return text;
}

static void check_text(const char *text, size_t room, const char *what)
{
	size_t len = strnlen(text, room);

	if (len == room)
		handed_finding("has a %s without an end", what);
	if (memchr(text, '\n', len))
		handed_finding("has a %s of two lines: %s", what, text);
}

static void check_stack(const char *report, bool (*read)(const char *, struct crash_stack *))
{
	struct crash_stack s;
	const struct crash_frame *place;

	if (!read(report, &s))
		return;
	place = crash_stack_place(&s);
	if (s.frames == 0 || s.frames > CRASH_FRAMES || place < s.frame ||
	    place >= s.frame + s.frames)
		handed_finding("has a stack of %u frames, and is read", s.frames);
	check_text(s.error, sizeof(s.error), "error");
	check_text(s.access, sizeof(s.access), "access");
	for (unsigned int i = 0; i < s.frames; i++) {
		check_text(s.frame[i].function, CRASH_FUNCTION_BYTES, "function");
		check_text(s.frame[i].file, sizeof(s.frame[i].file), "file");
		if (!strstr(report, s.frame[i].file) || !strstr(report, s.frame[i].function))
			handed_finding("has frame %u of %s, which it does not have", i,
				       s.frame[i].file);
	}
}

static void check_summary(const char *report)
{
	char function[CRASH_FUNCTION_BYTES];
	struct crash_summary summary;

	if (!crash_summary_read(report, &summary))
		return;
	check_text(summary.error, sizeof(summary.error), "summary's error");
	check_text(summary.place, sizeof(summary.place), "summary's place");
	check_text(summary.function, sizeof(summary.function), "summary's function");
	memset(function, 'x', sizeof(function));
	crash_function(report, &summary, function, sizeof(function));
	check_text(function, sizeof(function), "function");
}

static void check_signature(const char *report, size_t room)
{
	char *text = room_for(room);

	if (crash_signature(report, text, room))
		check_text(text, room, "signature");
	crash_leak(report, text, room);
	check_text(text, room, "leak");
	free(text);
}

static void check_clean(const char *report)
{
	char *clean = crash_report_clean(report);
	char *again = clean ? crash_report_clean(report) : NULL;

	if (!clean || !again || strcmp(clean, again) != 0)
		handed_finding("is cleaned in two ways");
	free(again);
	free(clean);
}

void look_report(const struct handed *h)
{
	static const size_t room[] = { CRASH_SIGNATURE_BYTES, 1, 8, 40 };
	char *report = strndup((const char *)h->bytes, h->len);

	if (!report)
		abort();
	work_begin(UINT64_MAX);
	check_stack(report, crash_stack_read);
	check_stack(report, crash_stack_read_foreign);
	check_summary(report);
	(void)crash_report_environment(report);
	check_clean(report);
	if (work_done() > STEPS + (uint64_t)STEPS_EACH * strlen(report))
		handed_finding("keeps its readers busy for %llu steps",
			       (unsigned long long)work_done());
	for (size_t i = 0; i < ARRAY_SIZE(room); i++)
		check_signature(report, room[i]);
	free(report);
}
