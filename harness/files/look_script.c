/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files of the tool itself: scripts, as bytes or text, and lists of known signatures.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array_size.h"
#include "base/known.h"
#include "look.h"
#include "script/files.h"

/* ---- scripts ---- */

struct packed {
	uint8_t bytes[SCRIPT_BYTES_MAX];
	size_t len;
};

static void pack(const struct script *script, struct packed *packed)
{
	packed->len = script_encode(script, packed->bytes, sizeof(packed->bytes));
}

static void same(const struct packed *a, const struct packed *b, const char *how)
{
	if (a->len != b->len || memcmp(a->bytes, b->bytes, a->len) != 0)
		handed_finding("is another script when it is %s", how);
}

/* What is shown is read as the same script. */
static void check_text(const struct script *script, const struct packed *was)
{
	static struct script again;
	struct packed packed;
	char error[128] = "";
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	unsigned int line;

	if (!out)
		abort();
	script_print(script, -1, out);
	(void)fclose(out);
	line = script_parse(text, &again, error, sizeof(error));
	if (line)
		handed_finding("is shown with a line %u that is not read: %s", line, error);
	pack(&again, &packed);
	same(was, &packed, "shown and read");
	free(text);
}

void look_script(const struct handed *h)
{
	static struct script script;
	static struct script again;
	struct packed packed;
	struct packed twice;
	char path[LOOK_PATH];
	int fd = look_file(h, path);
	bool fine;

	look_complaints_forget();
	fine = files_read_script(path, &script);
	if (look_complaints() != !fine)
		handed_finding("is a script that is %s with %u lines said of it",
			       fine ? "read" : "refused", look_complaints());
	if (fine && h->len > FILES_BYTES_MAX)
		handed_finding("is a script of %zu bytes, and is read", h->len);
	if (fine) {
		pack(&script, &packed);
		script_decode(packed.bytes, packed.len, &again);
		pack(&again, &twice);
		same(&packed, &twice, "packed");
		check_text(&script, &packed);
	}
	look_close(fd);
}

/* ---- known signatures ---- */

/* Whether a line of the file is this, or begins it and ends with a star. */
static bool stands_for(const struct handed *h, const char *signature)
{
	for (size_t at = 0; at < h->len;) {
		const uint8_t *end = memchr(h->bytes + at, '\n', h->len - at);
		size_t len = end ? (size_t)(end - (h->bytes + at)) : h->len - at;
		const char *line = (const char *)h->bytes + at;

		at += len + 1;
		len = strnlen(line, len);
		while (len > 0 && strchr(" \t\r", line[len - 1]))
			len--;
		for (; len > 0 && (*line == ' ' || *line == '\t'); len--)
			line++;
		if (len == 0 || *line == '#')
			continue;
		if (line[len - 1] == '*'
			    ? strncmp(line, signature, len - 1) == 0
			    : strlen(signature) == len && memcmp(line, signature, len) == 0)
			return true;
	}
	return false;
}

void look_known(const struct handed *h)
{
	static const char *const signature[] = { "",	"violation:8", "violation:8:read",
						 "#",	"crash",       "crash:heap-buffer-overflow",
						 "hang" };
	struct known known = { 0 };
	char path[LOOK_PATH];
	int fd = look_file(h, path);

	look_complaints_forget();
	if (!known_read(&known, path) || look_complaints())
		handed_finding("is a list that cannot be read");
	for (size_t i = 0; i < ARRAY_SIZE(signature); i++) {
		if (known_has(&known, signature[i]) != stands_for(h, signature[i]))
			handed_finding("is a list that does not say what it says of \"%s\"",
				       signature[i]);
	}
	known_free(&known);
	look_close(fd);
}
