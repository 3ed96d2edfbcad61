/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file that a person hands to the host: the input is a line of eight characters, which says what
 * kind of file it is and what it is handed to, and then the file's bytes, or these as text:
 *
 *	1fe 55aa		bytes in hexadecimal, from this offset (hexadecimal) on
 *	202 "HdrS"		characters
 *	+ 0f02 "x\n"		goes on where the last line ended; \n is a line feed
 *	0 0102 *10		so many times in all (hexadecimal)
 *	# ...			says nothing
 *
 * Every byte string is an input. Seeds are such texts; what the mutator makes has the bytes.
 */
#ifndef FILES_HANDED_H
#define FILES_HANDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HANDED_LINE	8u
#define HANDED_OPERANDS 5u
#define HANDED_BYTES	16384u /* of a file, without its zeroes */

#define HANDED_CAPTURE 'C'
#define HANDED_IMAGE   'I'
#define HANDED_KERNEL  'K'
#define HANDED_INITRD  'R'
#define HANDED_DISK    'D' /* the words of --disk */
#define HANDED_NET     'N'
#define HANDED_SCRIPT  'S'
#define HANDED_KNOWN   'W'
#define HANDED_REPORT  'A'
#define HANDED_KINDS   "CIKRDNSWA"

struct handed {
	char kind;
	uint8_t v[HANDED_OPERANDS]; /* the last one: so many zeroes more at the end, by a table */
	uint8_t *bytes;		    /* an allocation that ends where the file does */
	size_t len;
	size_t given; /* without the zeroes */
};

/* What handed_free gives back. */
void handed_decode(struct handed *h, const uint8_t *data, size_t size);
void handed_free(struct handed *h);

/* Changes an input a little, as libFuzzer asks for. Returns its new size. */
size_t handed_mutate(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* What is looked at from here on. */
void handed_looks(const struct handed *h);

/* Tells what is wrong, and the input as text; then ends the process. */
void handed_finding(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* A number, low byte first or not, of at most eight bytes. */
uint64_t handed_get(const uint8_t *bytes, unsigned int width, bool big_endian);

#endif
