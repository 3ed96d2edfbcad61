/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hands a file to what reads such files, as the host does, and holds the answer to what the headers
 * promise; each ends the process if that is broken.
 */
#ifndef FILES_LOOK_H
#define FILES_LOOK_H

#include <stdbool.h>

#include "handed.h"

void look_capture(const struct handed *h);
void look_image(const struct handed *h);
void look_kernel(const struct handed *h);
void look_initrd(const struct handed *h);
void look_disk(const struct handed *h);
void look_net(const struct handed *h);
void look_script(const struct handed *h);
void look_known(const struct handed *h);
void look_report(const struct handed *h);

/* ---- answers ---- */

#define LOOK_ROOM 512u

/* What comes with an error: one line that is not empty. With 0: nothing. */
void look_at_error(int err, const char *error);

/* Whether it is one line. */
bool look_one_line(const char *text);

/* Lines that were told on stderr since. */
void look_complaints_forget(void);
unsigned int look_complaints(void);

/* ---- files ---- */

#define LOOK_PATH 64u

/* A file in memory with these bytes, and a path to it. Returns its descriptor. */
int look_file(const struct handed *h, char path[LOOK_PATH]);

/* The same file once more, as another program opens it. */
int look_open_again(const char *path);

void look_close(int fd);

/* How many descriptors are open. */
unsigned int look_descriptors(void);

#endif
