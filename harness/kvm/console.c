/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Terminal modes and the escape key.
 */
#include "console.h"

#include <termios.h>
#include <unistd.h>

#define ESCAPE_KEY 1u /* Ctrl-A */

static struct termios saved;
static bool is_terminal;

void console_save(void)
{
	is_terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &saved) == 0;
}

void console_restore(void)
{
	if (is_terminal)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

void console_raw(void)
{
	struct termios raw = saved;

	if (!is_terminal)
		return;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST; /* messages of ours are lines */
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

size_t console_filter(struct console_keys *keys, uint8_t *bytes, size_t len, bool *quit)
{
	size_t kept = 0;

	if (!is_terminal)
		return len;
	for (size_t i = 0; i < len; i++) {
		if (keys->escaped) {
			keys->escaped = false;
			if (bytes[i] == 'x')
				*quit = true;
			else if (bytes[i] == ESCAPE_KEY)
				bytes[kept++] = ESCAPE_KEY;
		} else if (bytes[i] == ESCAPE_KEY) {
			keys->escaped = true;
		} else {
			bytes[kept++] = bytes[i];
		}
	}
	return kept;
}
