/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device of somebody else in a shared object, as `make dut` builds it: it has
 * device_under_test(), and finds the calls of sanitizers and of the tap in this program.
 */
#ifndef DEVICE_FILE_H
#define DEVICE_FILE_H

#include "device/machine.h"

/* Loads it, and makes a machine with it; once a process. Then asks it what it offers. False: one
 * line in `error`, which names the file and says why not. */
bool device_file_create(struct machine *m, const char *path, char *error, size_t room);
bool device_file_ask(struct machine *m, const char *path, char *error, size_t room);

#endif
