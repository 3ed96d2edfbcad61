/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plays a script on a device that may fail in any way, and comes back: from reports of
 * AddressSanitizer and UndefinedBehaviorSanitizer, from signals, from abort, assert and exit. The
 * device's next call is power_cycle. A loop without end is left to the engine's time limit.
 *
 * At once, before anything worse comes of it; what AddressSanitizer says of a call of the C library
 * alone at the device's next access to guest RAM, or when it returns. For that the device is
 * compiled with -fsanitize-recover=address,undefined and linked with --wrap for what target_wrap.c
 * and target_wrap_address.c have (ci/dut.mk).
 */
#ifndef TARGET_CATCH_H
#define TARGET_CATCH_H

#include "play/player.h"

#define CAUGHT_FRAMES 48u
#define CAUGHT_BYTES  16384u
#define CAUGHT_HEAD   256u /* of a report that is not made again */

enum caught_how {
	CAUGHT_NOTHING,
	CAUGHT_ADDRESS,	  /* a report of AddressSanitizer */
	CAUGHT_UNDEFINED, /* of UndefinedBehaviorSanitizer */
	CAUGHT_ASSERTION,
	CAUGHT_EXIT,
	CAUGHT_SIGNAL,
	CAUGHT_LOOP, /* the device does not come back */
};

struct caught {
	enum caught_how how;
	int signal;
	const void *address;	       /* of a signal */
	char text[CAUGHT_BYTES];       /* of a report; what was asserted */
	const void *pc[CAUGHT_FRAMES]; /* where functions go on, the innermost first */
	unsigned int frames;
};

/* Once a process, before the device is created. `ends` is called where there is no way back: the
 * process ends when it returns. */
void catch_start(void (*ends)(void));

/* As player_play; false: the script was left, and `caught`, valid until the next call, says why. */
bool catch_play(struct bus *bus, const struct script *script, volatile int *progress,
		struct verdict *v, const struct caught **caught);

/* What a sanitizer has reported before the first script; else NULL. */
const struct caught *catch_pending(void);

/* Ends the process as a crash that the engine sees, and keeps the input of. After a catch_play. */
void catch_die(void) __attribute__((noreturn));

/* Of target_wrap.c: leaves the script, if one is played. The text, or NULL: what a sanitizer has
 * just reported. */
void catch_leave(enum caught_how how, const char *text);
/* Of target_wrap_address.c: the same, for an access that is wrong by AddressSanitizer's map.
 * `report` is called if nothing like it was reported yet. */
void catch_access(const void *at, size_t bytes, uint8_t kind, bool store,
		  void (*report)(const void *at, size_t bytes));

#endif
