/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A script: what a hostile guest and its host do, in order. This is the fuzz input.
 *
 * Binary form: a header of SCRIPT_RECORD_BYTES that chooses the personality, then operations of
 * the same size each. So every byte string is a script, and deleting or changing one operation
 * leaves the others as they are. A last record cut short is filled up with zeroes; what comes after
 * SCRIPT_OPS_MAX operations is ignored. All-zero bytes mean a common, valid choice everywhere.
 *
 * Text form: one line each, `name field=value ...`, fields that are zero left out, # for comments.
 * Both forms say the same, and convert both ways without loss, once a script is canonical: operands
 * that an operation does not have are zero.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SCRIPT_RECORD_BYTES 24u
#define SCRIPT_OPS_MAX	    64u
#define SCRIPT_BYTES_MAX    (SCRIPT_RECORD_BYTES * (SCRIPT_OPS_MAX + 1))

struct record {
	uint8_t code; /* enum op_code; in the header enum device_kind */
	uint8_t b[7];
	uint64_t x;
	uint64_t y;
};

struct script {
	struct record header;
	unsigned int ops;
	struct record op[SCRIPT_OPS_MAX];
};

enum device_kind { DEVICE_BLK, DEVICE_NET, DEVICE_ECHO, DEVICE_KINDS };

/* clang-format off */
#define SCRIPT_OPS(X)                                                                              \
	X(INIT, init) X(RESET, reset) X(WRITE, write) X(READ, read) X(POKE, poke) X(FILL, fill)    \
	X(QUEUE, queue) X(STOP, stop) X(CHAIN, chain) X(BLK, blk) X(TX, tx) X(RX, rx)              \
	X(CTRL, ctrl) X(KICK, kick) X(AVAIL, avail) X(USED, used) X(FRAME, frame)                  \
	X(COMPLETE, complete) X(LINK, link) X(RESIZE, resize) X(STALL, stall) X(RACE, race)        \
	X(DRAIN, drain) X(ACK, ack) X(RESTORE, restore) X(TIME, time)
/* clang-format on */

enum op_code {
#define X(code, name) OP_##code,
	SCRIPT_OPS(X)
#undef X
		OP_CODES
};

/* What an operand is, so that a mutator can choose values that matter. */
enum field_kind {
	FIELD_CHOICE, /* one of `choices`, taken modulo */
	FIELD_QUEUE,
	FIELD_COUNT,
	FIELD_FLAGS,
	FIELD_BYTE,
	FIELD_OFFSET,  /* in the register window */
	FIELD_ADDRESS, /* guest-physical, or relative to what another operand names */
	FIELD_SECTOR,
	FIELD_PLACE, /* of a byte; what is too large wraps around */
	FIELD_FEATURES,
	FIELD_VALUE,
	FIELD_HEADERS, /* four 16-bit numbers that are added to the right ones */
};

/* From here on, 256 numbers of FIELD_HEADERS stand for 0 to 255 whatever is right. */
#define HEADERS_AS_IS 0x4000u

/* Where the operand lies in struct record: b[0] to b[6], x, y, one byte of y, the lowest first, or
 * the low half of y. */
enum field_place {
	AT_B0,
	AT_B1,
	AT_B2,
	AT_B3,
	AT_B4,
	AT_B5,
	AT_B6,
	AT_X,
	AT_Y,
	AT_Y0,
	AT_Y1,
	AT_Y2,
	AT_Y3,
	AT_Y4,
	AT_Y5,
	AT_Y6,
	AT_Y7,
	AT_YL,
};

struct field {
	const char *name;
	enum field_place place;
	enum field_kind kind;
	uint8_t choices;
};

#define SCRIPT_FIELDS_MAX 16u

struct record_form {
	const char *name;
	struct field field[SCRIPT_FIELDS_MAX];
	unsigned int fields;
};

extern const struct record_form script_header_form;
extern const struct record_form script_op_form[OP_CODES];
extern const char *const script_device_name[DEVICE_KINDS];

uint64_t script_get(const struct record *r, const struct field *f);
void script_set(struct record *r, const struct field *f, uint64_t value);

/* Never fails; the result is canonical. */
void script_decode(const uint8_t *bytes, size_t len, struct script *script);

/* Writes at most `room` bytes, whole records alone, and returns how many. */
size_t script_encode(const struct script *script, uint8_t *bytes, size_t room);

/* Text out; `mark` is the number of an operation to point at, or -1. */
void script_print(const struct script *script, int mark, FILE *out);

/* Text in. Returns 0, or the number of the bad line with a reason in `error`. */
unsigned int script_parse(const char *text, struct script *script, char *error, size_t room);

#endif
