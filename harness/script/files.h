/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scripts from and to files, in either form. Errors are told on stderr, one line each.
 */
#ifndef FILES_H
#define FILES_H

#include <stdbool.h>
#include <stdio.h>

#include "script.h"

/* No input of ours is larger, in bytes, text included. */
#define FILES_BYTES_MAX (64u * 1024)

/*
 * Reads a script; binary or, when it begins like one, text. "-" is standard input. Returns whether
 * that went well.
 */
bool files_read_script(const char *path, struct script *script);

/* Reads a file as it is, and of a longer one the first `room` bytes. */
bool files_read(const char *path, uint8_t *bytes, size_t room, size_t *len);

/*
 * Writes a file: whole or not at all, where a link leads. What is no regular file is written into
 * as it is: a device, a pipe. "-" is standard output.
 */
bool files_write(const char *path, const void *bytes, size_t len);

/* Whether it looks as if files_write could, and what was read from `input` would not be lost. */
bool files_can_write(const char *path, const char *input);

/* Writes the binary form. */
bool files_write_script(const char *path, const struct script *script);

/*
 * The paths that a person names, for scripts to be read: likewise, but a folder without a file is
 * an error, and "-" stands for itself.
 */
char **files_operands(char *const *args, int count, size_t *found);

/*
 * The paths of `args`, each folder replaced by the regular files in it and below, sorted. NULL when
 * something cannot be read. Free with files_free.
 */
char **files_list(char *const *args, int count, size_t *found);
void files_free(char **list, size_t count);

/*
 * Makes the folder and its parents. Returns 0, or a negative errno, and path then ends with the one
 * that could not be made.
 */
int files_make_folders(char *path);

/* Writes a word as a shell takes it: quoted where it has to be. */
void files_put_word(const char *word, FILE *out);

/* Writes how to start this program again: from here where it lies below, else as it was started. */
void files_put_program(FILE *out);

#endif
