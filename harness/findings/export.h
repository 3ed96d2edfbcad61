/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A script without the harness: what its pretend driver does to a device, access by access.
 */
#ifndef EXPORT_H
#define EXPORT_H

#include "run/play_log.h"
#include "run/runner.h"
#include "script/script.h"

struct exported {
	const char *name; /* of the script's file, for the comment at the top */
	const struct script *script;
	const struct play_log *log;
	const struct outcome *outcome; /* on the model */
};

/*
 * A C program against devices/ alone: the accesses as function calls, RAM, a disk or a network
 * interface in memory, the racing guest. It compiles with what its first comment says.
 */
void export_c(const struct exported *e, FILE *out);

/*
 * Commands of QEMU's qtest protocol for its virtio-mmio device in a microvm; lines with # are for
 * people, and to be taken out as the first comment says. What a host does, and races, are comments.
 */
void export_qtest(const struct exported *e, FILE *out);

/* What is exported of a kind of device alone. */
struct export_kind;

/* NULL: such a device is the harness's own, and there is nothing to export. */
const struct export_kind *export_kind(enum device_kind kind);

/* ---- between the exporters ---- */

struct export_kind {
	/* of a C program: the fixed part, its end, and create_device() */
	const char *part;
	const char *part_end;
	void (*put_create)(const struct setup *p, FILE *out);
	bool completes; /* the part has complete() and disk_deferred */
	/* comments for people who run QEMU: what to make first (NULL: nothing), the device */
	void (*put_image)(const struct setup *p, FILE *out);
	void (*put_qemu)(const struct setup *p, FILE *out);
};

extern const struct export_kind export_kind_blk;
extern const struct export_kind export_kind_net;

/* The fixed parts of an exported C program. */
extern const char export_watch[], export_watch_end[];
extern const char export_guest[], export_guest_end[];
extern const char export_disk[], export_disk_end[];
extern const char export_nic[], export_nic_end[];

/* The script as text, each line after `prefix`. */
void export_script(const struct exported *e, const char *prefix, FILE *out);

/* Whether the finding is the oracle's or the player's, of a device that no sanitizer stopped. */
bool export_watched(const struct exported *e);

/* The number of the access that shows the finding, from 1 on among those of its operation; 0: none
 * does. */
size_t export_access(const struct exported *e);

/* What the device did to guest RAM in the finding's operation, each line after `prefix`. */
void export_accesses(const struct exported *e, const char *prefix, FILE *out);

/* Whether all `len` bytes are the same. */
bool export_uniform(const uint8_t *bytes, size_t len);

#endif
