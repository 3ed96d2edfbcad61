/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All that a device meets while a script is played, in order: the guest's accesses, as a bus
 * around another one sees them, and what the host does. Each is taken down before it happens, into
 * memory that survives the process: when the device crashes, what led there is known.
 */
#ifndef PLAY_LOG_H
#define PLAY_LOG_H

#include "device/bus.h"

enum play_entry_kind {
	PLAY_READ,  /* a register: `width` bytes at `at`, gave `value` */
	PLAY_WRITE, /* a register: `width` bytes at `at`, `value` */
	PLAY_LOAD,  /* guest RAM: `len` bytes at `at` */
	PLAY_STORE, /* guest RAM: `len` bytes at `at`, see play_log_bytes */
	PLAY_EVENT, /* `event`; its bytes, too, are at play_log_bytes */
};

struct play_entry {
	enum play_entry_kind kind;
	int op; /* during which operation; the script's number of operations: after the last one */
	unsigned int width;
	uint64_t at;
	uint64_t value;
	uint32_t len;
	size_t bytes;
	bool answered; /* a read whose value is there */
	struct machine_event event;
};

#define PLAY_ACCESSES	  64u
#define PLAY_ACCESS_BYTES 16u

/* What the device did to guest RAM */
struct play_access {
	bool store; /* else a fetch */
	uint64_t at;
	uint32_t len;
	uint8_t bytes[PLAY_ACCESS_BYTES]; /* the first of them */
};

/* Stands before one of the machine's taps */
struct play_tap {
	struct play_log *log;
	struct anvil_guest_memory_tap inner;
};

struct play_log {
	struct bus bus; /* first: play on this one */
	struct bus *inner;
	const volatile int *op;
	bool full; /* some is missing at the end */
	size_t entries;
	size_t used;
	struct play_entry *entry;

	/* The device's accesses in the last operation that had any: how many, and the last of them,
	 * number N at N % PLAY_ACCESSES */
	int access_op;
	size_t accesses;
	struct play_access access[PLAY_ACCESSES];
	bool checking; /* the oracle had not yet accepted the last one when the play ended */
	struct play_tap tap[SETUP_QUEUES + 1];
	uint8_t *storage;
};

/* An empty log in memory that a child process shares. NULL: not enough memory. */
struct play_log *play_log_create(void);
void play_log_destroy(struct play_log *log);

/* Empties the log, and puts it around `inner` and its machine; `op` is the player's progress. */
void play_log_begin(struct play_log *log, struct bus *inner, const volatile int *op);

const uint8_t *play_log_bytes(const struct play_log *log, const struct play_entry *e);

#endif
