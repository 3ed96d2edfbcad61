/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Standard input as a guest's keyboard.
 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Remembers how the terminal is set, if standard input is one; and sets it so again. */
void console_save(void);
void console_restore(void);
/* Has the terminal pass each key on as it is. */
void console_raw(void);

/* Ctrl-A x, on a terminal, ends the run; Ctrl-A twice is a Ctrl-A. */
struct console_keys {
	bool escaped;
};

/*
 * Takes the escapes out of `bytes`, in place. Returns how many bytes are left for the guest, and
 * sets `quit` if the person wants to end the run.
 */
size_t console_filter(struct console_keys *keys, uint8_t *bytes, size_t len, bool *quit);

#endif
