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
