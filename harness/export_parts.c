/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fixed parts of exported programs, and what both exporters need.
 */
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

PART(export_guest, "harness/export/guest.h");
PART(export_disk, "harness/export/disk.h");
PART(export_nic, "harness/export/nic.h");
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

bool export_uniform(const uint8_t *bytes, size_t len)
{
	for (size_t i = 1; i < len; i++) {
		if (bytes[i] != bytes[0])
			return false;
	}
	return true;
}
