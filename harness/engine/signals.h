/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIGINT, SIGTERM and SIGHUP, as requests to stop a command that runs long.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <stdbool.h>

/* From this call on they are counted, up to 2; false after a complaint. */
bool signals_catch(void);
int signals_stop_requests(void);

/* The exit status of a command that was stopped so */
#define EXIT_INTERRUPTED 130

#endif
