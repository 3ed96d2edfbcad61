/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A script: what a hostile guest and its host do, in order. This is the fuzz input.
 *
 * Binary form: a header of SCRIPT_OP_BYTES that chooses the setup, then operations of
 * the same size each. So every byte string is a script, and deleting or changing one operation
 * leaves the others as they are. A last record cut short is filled up with zeroes; what comes after
 * SCRIPT_OPS_MAX operations is ignored. All-zero bytes mean a common, valid choice everywhere.
 *
 * Text form: one line each, `name operand=value ...`, operands that are zero left out, # for
 * comments. A value is a number, or a name (operands.h); flags have commas between them.
 * Both forms say the same, and convert both ways without loss, once a script is canonical: operands
 * that an operation does not have are zero.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SCRIPT_OP_BYTES	 24u
#define SCRIPT_OPS_MAX	 64u
#define SCRIPT_BYTES_MAX (SCRIPT_OP_BYTES * (SCRIPT_OPS_MAX + 1))

/*
 * The header, or an operation: its code, then its operands, in the order of the binary form and at
 * the same places, on any machine. script_op_form says what values they take, operands.h what those
 * mean.
 */
struct script_op {
	union {
		uint8_t code; /* enum op_code; in the header enum device_kind */
		struct {
			uint8_t code, size, flags, slots, capacity, transfer, fail, limits;
			_Alignas(8) uint64_t hide;
			uint8_t refuse, ring, queues, transport, zones, net, more, extra;
		} device; /* the header */
		struct {
			uint8_t code, size, wrong, only, decline64, grab64;
			_Alignas(8) uint64_t decline, grab;
		} init;
		struct {
			uint8_t code, width;
			_Alignas(8) uint64_t offset, value;
		} write, read; /* read: no value */
		struct {
			uint8_t code, len, base, queue;
			_Alignas(8) uint64_t at, bytes;
		} poke;
		struct {
			uint8_t code, byte, base, queue;
			_Alignas(8) uint64_t at, len;
		} fill;
		struct {
			uint8_t code, queue, size, wrong, ready, skip;
		} queue;
		struct {
			uint8_t code, queue, how;
		} stop;
		struct {
			uint8_t code, queue, readable, writable, where, len, flags, wrong;
			_Alignas(8) uint64_t at, arg;
		} chain;
		struct {
			uint8_t code, own[3], flags, wrong;
		} request; /* what blk, tx, rx and ctrl have in common */
		struct {
			uint8_t code, type, split, where, flags, wrong, count, bits;
			_Alignas(8) uint64_t sector, arg;
		} blk;
		struct {
			uint8_t code, kind, split, where, flags, wrong, bits, offload;
			_Alignas(8) uint64_t headers;
			uint32_t len;
			uint8_t pair, outer, inner, flow;
		} tx;
		struct {
			uint8_t code, count, len, where, flags, wrong, pieces, pair;
			_Alignas(8) uint64_t none, arg;
		} rx;
		struct {
			uint8_t code, class, command, split, flags, wrong, more, where;
			_Alignas(8) uint64_t value, counts;
		} ctrl;
		struct {
			uint8_t code, queue, raw;
			_Alignas(8) uint64_t value;
		} kick;
		struct {
			uint8_t code, queue, how, none, flags;
			_Alignas(8) uint64_t value;
		} avail;
		struct {
			uint8_t code, queue, event;
		} used;
		struct {
			uint8_t code, kind, to, vlan, offload, flow, spoil, by;
			_Alignas(8) uint64_t value, len;
		} frame;
		struct {
			uint8_t code, which, result, more;
		} complete;
		struct {
			uint8_t code, down, announce, duplex;
			_Alignas(8) uint64_t speed;
		} link;
		struct {
			uint8_t code, capacity;
		} resize;
		struct {
			uint8_t code, nic, disk;
		} stall;
		struct {
			uint8_t code, base, queue, nth, len, field, again;
			_Alignas(8) uint64_t at, bytes;
		} race;
		struct {
			uint8_t code, how, len;
			_Alignas(8) uint64_t at, bytes;
		} restore;
		struct {
			uint8_t code;
			_Alignas(8) uint64_t usecs;
		} time;
		struct {
			uint8_t code, queue, count, kind, heads, flags;
			_Alignas(8) uint64_t sector;
		} many;
		struct {
			uint8_t code, which, state;
		} zone;
		struct {
			uint8_t code, after;
			_Alignas(8) uint64_t choices;
		} schedule;
	};
};

struct script {
	struct script_op header;
	unsigned int ops;
	struct script_op op[SCRIPT_OPS_MAX];
};

enum device_kind { DEVICE_BLK, DEVICE_NET, DEVICE_ECHO, DEVICE_KINDS };

/* clang-format off */
#define SCRIPT_OPS(X)                                                                              \
	X(INIT, init) X(RESET, reset) X(WRITE, write) X(READ, read) X(POKE, poke) X(FILL, fill)    \
	X(QUEUE, queue) X(STOP, stop) X(CHAIN, chain) X(BLK, blk) X(TX, tx) X(RX, rx)              \
	X(CTRL, ctrl) X(KICK, kick) X(AVAIL, avail) X(USED, used) X(FRAME, frame)                  \
	X(COMPLETE, complete) X(LINK, link) X(RESIZE, resize) X(STALL, stall) X(RACE, race)        \
	X(DRAIN, drain) X(ACK, ack) X(RESTORE, restore) X(TIME, time) X(MANY, many)                \
	X(ZONE, zone) X(SCHEDULE, schedule)
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
	FIELD_CHOSEN_FLAGS, /* below `choices` */
	FIELD_BYTE,
	FIELD_OFFSET,  /* in the register window */
	FIELD_ADDRESS, /* guest-physical, or relative to what another operand names */
	FIELD_SECTOR,
	FIELD_PLACE, /* of a byte; what is too large wraps around */
	FIELD_FEATURES,
	FIELD_VALUE,
	FIELD_HEADERS, /* four 16-bit numbers that are added to the right ones */
};

/* FIELD_HEADERS: HEADERS_AS_IS + n, n up to 255, makes it n; other numbers are added to what is
 * right. */
#define HEADERS_AS_IS 0x4000u

struct operand_value;

struct field {
	const char *name;
	const char *help; /* what it says, with its unit */
	uint8_t offset;	  /* in struct script_op, and in the binary form */
	uint8_t bytes;	  /* 1, 4 or 8; little-endian in the binary form */
	enum field_kind kind;
	uint8_t choices;		    /* 0: any value */
	const struct operand_value *values; /* those that have names; NULL: none */
};

#define SCRIPT_FIELDS_MAX 16u

struct op_form {
	const char *name;
	const char *help;
	struct field field[SCRIPT_FIELDS_MAX];
	unsigned int fields;
};

extern const struct op_form script_header_form;
extern const struct op_form script_op_form[OP_CODES];
extern const char *const script_device_name[DEVICE_KINDS];

/* All operands zero. */
struct script_op script_op(enum op_code code);

uint64_t script_get(const struct script_op *r, const struct field *f);
void script_set(struct script_op *r, const struct field *f, uint64_t value);

/* Never fails; the result is canonical. */
void script_decode(const uint8_t *bytes, size_t len, struct script *script);

/* Writes at most `room` bytes, whole records alone, and returns how many. */
size_t script_encode(const struct script *script, uint8_t *bytes, size_t room);

/* Whether its value is made of flags */
static inline bool script_is_flags(const struct field *f)
{
	return f->kind == FIELD_FLAGS || f->kind == FIELD_CHOSEN_FLAGS;
}

/* A value as text has it: names where there are some. */
void script_print_value(const struct field *f, uint64_t value, FILE *out);

/* One operation as a line of text */
void script_print_op(const struct script_op *op, FILE *out);

/* Text out; `mark` is the number of an operation to point at, or -1. */
void script_print(const struct script *script, int mark, FILE *out);

/* Text in. Returns 0, or the number of the bad line with a reason in `error`. */
unsigned int script_parse(const char *text, struct script *script, char *error, size_t room);

#endif
