/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plays a script on a device that may fail in any way, and comes back: from reports of
 * AddressSanitizer or MemorySanitizer and of UndefinedBehaviorSanitizer, from signals, from abort,
 * assert and exit. The device's next call is power_cycle. A loop without end is left to the
 * engine's time limit.
 *
 * At once, before anything worse comes of it; what a sanitizer says of a call of the C library
 * alone at the device's next access to guest RAM, or when it returns. For that the device is
 * compiled with -fsanitize-recover=address,undefined and linked with --wrap for what target_wrap.c
 * and target_wrap_address.c have (ci/dut.mk); or with -fsanitize-recover=memory,undefined and
 * target_wrap_memory.c.
 */
#ifndef TARGET_CATCH_H
#define TARGET_CATCH_H

#include "play/player.h"

#define CAUGHT_FRAMES 96u
#define CAUGHT_BYTES  16384u
#define CAUGHT_HEAD   256u /* of a report that is not made again */

/*
 * Options for the sanitizers: reports go on and are told each time, without names, which take long
 * and are asked for once; signals are for target_catch.c.
 */
#define CATCH_OPTIONS                                                                              \
	"color=never:halt_on_error=0:use_sigaltstack=0:stack_trace_format=\"    #%n %p\":"         \
	"handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_sigtrap=0:"          \
	"handle_abort=0:max_allocation_size_mb=1024:allocator_may_return_null=1"

enum caught_how {
	CAUGHT_NOTHING,
	CAUGHT_ADDRESS,	  /* a report of AddressSanitizer */
	CAUGHT_MEMORY,	  /* of MemorySanitizer */
	CAUGHT_UNDEFINED, /* of UndefinedBehaviorSanitizer */
	CAUGHT_ASSERTION,
	CAUGHT_EXIT,
	CAUGHT_SIGNAL,
	CAUGHT_LOOP, /* the device does not come back */
};

struct caught {
	enum caught_how how;
	int signal;
	const void *address;	 /* of a signal */
	char text[CAUGHT_BYTES]; /* of a report; what was asserted */
	/* where functions go on, the innermost first; of MemorySanitizer the stacks of its origins
	 * follow */
	const void *pc[CAUGHT_FRAMES];
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

/* What is wrong, in words, of the device that is about to abort; the first words count. */
void catch_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Of target_wrap_address.c and target_wrap_memory.c: their sanitizer has reported `text`, or NULL:
 * what is written is all. The script is left when it has nothing locked any more. */
void catch_report(enum caught_how how, const char *text);
/* For a report of that kind, which `report` makes its sanitizer write if nothing like it was
 * reported yet: leaves the script. */
void catch_reportable(enum caught_how how, uint64_t kind, void (*report)(const void *opaque),
		      const void *opaque);
/* Of target_wrap.c: leaves the script, if one is played. The text, or NULL: what a sanitizer has
 * just reported. */
void catch_leave(enum caught_how how, const char *text);

#endif
