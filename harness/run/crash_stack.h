/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads a sanitizer's report: what went wrong, and the frames of this project that lead there.
 */
#ifndef CRASH_STACK_H
#define CRASH_STACK_H

#include <stdbool.h>
#include <stddef.h>

#define CRASH_FRAMES	     32u
#define CRASH_FUNCTION_BYTES 256u /* of C++, with its parameters */

struct crash_frame {
	char function[CRASH_FUNCTION_BYTES];
	char file[96]; /* "devices/virtio_blk.c": from the project's top, wherever that was built */
	unsigned int line;
	bool device; /* of the device, not of the harness */
};

struct crash_stack {
	char error[64];	 /* "heap-buffer-overflow", "assertion", ... */
	char access[32]; /* "WRITE of size 4", or empty */
	struct crash_frame frame[CRASH_FRAMES];
	unsigned int frames;
};

/*
 * Finds the error and the first stack of a report of AddressSanitizer, MemorySanitizer or
 * UndefinedBehaviorSanitizer, or the line of a failed assertion. Frames of libraries, the compiler
 * and the C library are left out, and those of whoever called the player. False when it finds no
 * frame of ours: no report, or none with names (llvm-symbolizer is missing).
 */
bool crash_stack_read(const char *report, struct crash_stack *stack);
/* The same for a device of somebody else: frames of any source are the device's, but for those of
 * harness/. Their files are named from the working directory on, where they lie below it. */
bool crash_stack_read_foreign(const char *report, struct crash_stack *stack);

/* The frame that a person would look at first: the innermost of the device, else the innermost. */
const struct crash_frame *crash_stack_place(const struct crash_stack *stack);

/* The last line of a report, "SUMMARY: AddressSanitizer: SEGV PLACE in FUNCTION"; "": not told. */
struct crash_summary {
	char error[48];
	char place[96]; /* "devices/virtio_blk.c:107:2"; not told of code without a source */
	char function[CRASH_FUNCTION_BYTES];
};

/* False when there is no such line. */
bool crash_summary_read(const char *report, struct crash_summary *summary);

/* The function that has made the mistake: `summary`'s, or if that is memcpy, as a sanitizer or the
 * tap has it, the one that calls it, or if it is the harness's, which was given what nobody has
 * written, the device's. */
void crash_function(const char *report, const struct crash_summary *summary, char *function,
		    size_t room);

/*
 * The fault of the host that a report, or one line of it, tells of, in words: a sanitizer that was
 * refused something, no memory left, a library that is missing. NULL if it tells of none. Nothing
 * that a device does makes a sanitizer print such a line.
 */
const char *crash_report_environment(const char *report);

/*
 * A copy of the report without what changes from run to run, or from machine to machine: process
 * ids, addresses, where the project or a program lies, and the dump of shadow bytes. One line is a
 * report, too. NULL: not enough memory. Free it.
 */
char *crash_report_clean(const char *report);

#endif
