/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fixed parts of exported programs, and what both exporters need.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"

/* clang-format off */
#define PART(name, file)                                                                           \
	__asm__(".pushsection .rodata\n"                                                           \
		".globl " #name ", " #name "_end\n"                                                \
		#name ":\n"                                                                        \
		"	.incbin \"" file "\"\n"                                                    \
		#name "_end:\n"                                                                    \
		".byte 0\n"                                                                        \
		".popsection\n")

PART(export_watch, "harness/findings/export/watch.h");
PART(export_guest, "harness/findings/export/guest.h");
PART(export_disk, "harness/findings/export/disk.h");
PART(export_nic, "harness/findings/export/nic.h");
/* clang-format on */

void export_script(const struct exported *e, const char *prefix, FILE *out)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f)
		script_print(e->script, -1, f);
	if (f && !fclose(f)) {
		for (char *save, *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			fprintf(out, "%s%s\n", prefix, line);
	}
	free(text);
}

bool export_watched(const struct exported *e)
{
	return e->outcome->finding && !e->outcome->report && strcmp(e->outcome->verdict, "hang");
}

size_t export_access(const struct exported *e)
{
	bool there = e->log->checking && e->log->access_op == e->outcome->op;

	return there ? e->log->accesses : 0;
}

static void put_access(const struct play_access *a, const char *prefix, FILE *out)
{
	fprintf(out, "%s%s %u byte%s at 0x%" PRIx64 ":", prefix, a->store ? "stores" : "fetches",
		a->len, a->len == 1 ? "" : "s", a->at);
	for (size_t i = 0; i < a->len && i < PLAY_ACCESS_BYTES; i++)
		fprintf(out, " %02x", a->bytes[i]);
	fputs(a->len > PLAY_ACCESS_BYTES ? " ...\n" : "\n", out);
}

void export_accesses(const struct exported *e, const char *prefix, FILE *out)
{
	const struct play_log *log = e->log;
	size_t first = log->accesses > PLAY_ACCESSES ? log->accesses - PLAY_ACCESSES : 0;

	fprintf(out, "%sThe verdict here: %s%s%s.\n", prefix, e->outcome->verdict,
		e->outcome->reason[0] ? ", " : "", e->outcome->reason);
	if (log->access_op != e->outcome->op || log->accesses == 0) {
		fprintf(out, "%sIn this operation the device left guest RAM alone.\n", prefix);
		return;
	}
	fprintf(out, "%sWhat the device did to guest RAM in this operation", prefix);
	if (first)
		fprintf(out, ", after %zu accesses more", first);
	fputs(log->checking ? "; the last one breaks the rule:\n" : ":\n", out);
	for (size_t i = first; i < log->accesses; i++)
		put_access(&log->access[i % PLAY_ACCESSES], prefix, out);
}

bool export_uniform(const uint8_t *bytes, size_t len)
{
	for (size_t i = 1; i < len; i++) {
		if (bytes[i] != bytes[0])
			return false;
	}
	return true;
}
