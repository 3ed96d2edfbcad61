/* SPDX-License-Identifier: BSD-3-Clause */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "array_size.h"
#include "base/complain.h"

static volatile sig_atomic_t stop_requests;

static void request_stop(int signal_number)
{
	(void)signal_number;
	if (stop_requests < 2)
		stop_requests++;
}

bool signals_catch(void)
{
	static const int caught[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = request_stop };

	for (size_t i = 0; i < ARRAY_SIZE(caught); i++) {
		if (sigaction(caught[i], &action, NULL) != 0) {
			complain("cannot catch signals: %s", strerror(errno));
			return false;
		}
	}
	return true;
}

int signals_stop_requests(void)
{
	return stop_requests;
}
