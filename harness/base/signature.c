/* SPDX-License-Identifier: BSD-3-Clause */
#include "signature.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* "0x80001000", "-17", "512": how many characters at `at`; 0: no number, or a part of a name */
static size_t number(const char *begin, const char *at)
{
	size_t sign = *at == '-';
	size_t len;

	if (at > begin && in_word(at[-1]))
		return 0;
	if (!strncmp(at, "0x", 2))
		len = 2 + strspn(at + 2, "0123456789abcdef");
	else
		len = sign + strspn(at + sign, "0123456789");
	return len > sign && !in_word(at[len]) ? len : 0;
}

void signature_add(char *text, size_t room, const char *what, size_t len)
{
	size_t used = strlen(text);

	for (const char *at = what; at < what + len && *at && *at != '\n' && used + 1 < room;) {
		size_t digits = number(what, at);

		text[used++] = digits ? '#' : *at;
		at += digits ? digits : 1;
	}
	text[used] = 0;
}

void signature_of_rule(unsigned int rule, const char *reason, char *text, size_t room)
{
	snprintf(text, room, "violation:%u ", rule);
	signature_add(text, room, reason, strlen(reason));
}

static void add(char *text, size_t room, const char *what)
{
	size_t used = strlen(text);

	snprintf(text + used, room - used, "%s", what);
}

/* What comes behind the mark; NULL: it is not there. */
static const char *behind(const char *report, const char *mark)
{
	const char *at = strstr(report, mark);

	return at ? at + strlen(mark) : NULL;
}

/* "==7==ERROR: AddressSanitizer: heap-buffer-overflow on address ...", "READ of size 4 at ..." */
static void address(const char *report, const char *kind, char *text, size_t room)
{
	if (!strncmp(kind, "attempting ", 11)) /* "attempting double-free on" */
		kind += 11;
	signature_add(text, room, kind, strcspn(kind, ": \n"));
	if (strstr(report, "\nREAD of size"))
		add(text, room, " read");
	else if (strstr(report, "\nWRITE of size"))
		add(text, room, " write");
}

void signature_of_report(const char *report, char *text, size_t room)
{
	const char *undefined = behind(report, ": runtime error: ");
	const char *memory = behind(report, "MemorySanitizer: ");
	const char *given_out = behind(report, "anvil: "); /* "never written: guest RAM at 0x80" */
	const char *kind = behind(report, "AddressSanitizer: ");

	if (given_out && strncmp(given_out, "never written: ", 15) == 0)
		memory = given_out;
	if (undefined) {
		snprintf(text, room, "undefined:");
		signature_add(text, room, undefined, strlen(undefined));
	} else if (memory) {
		snprintf(text, room, "memory:");
		signature_add(text, room, memory, strlen(memory));
	} else {
		snprintf(text, room, "address:");
		address(report, kind ? kind : "", text, room);
	}
}
