/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A signature costs milliseconds, as functions have to be named; a hash of the places' addresses
 * says whether it is there already.
 */
#include "target_findings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/complain.h"
#include "base/known.h"
#include "target_signature.h"

#define ENTRIES 512u
#define HASHES	8192u
#define STEM	80u /* characters of a signature in a file's name */

struct entry {
	char signature[SIGNATURE_BYTES];
	char path[PATH_MAX]; /* of its first input; "": not kept */
	uint64_t count;
	bool known;
};

/* The last one takes what has no room. */
static struct entry entry[ENTRIES];
static unsigned int entries;
static struct {
	uint64_t hash; /* 0: free */
	struct entry *entry;
} seen[HASHES];
static struct known known;
static char folder[PATH_MAX - 256];

void findings_start(const char *program)
{
	const char *at = getenv("ANVIL_FINDINGS");
	const char *list = getenv("ANVIL_KNOWN");
	const char *slash = strrchr(program, '/');

	if (at && *at)
		snprintf(folder, sizeof(folder), "%s", at);
	else
		snprintf(folder, sizeof(folder), "%.*sfindings",
			 slash ? (int)(slash - program) + 1 : 0, program);
	if (list && *list && !known_read(&known, list))
		exit(2);
}

/* ---- signatures ---- */

static uint64_t hash_of(const char *head, const struct caught *c)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (; *head; head++)
		hash = (hash ^ (uint8_t)*head) * 0x100000001b3ull;
	for (unsigned int i = 0; c && i < c->frames; i++)
		hash = (hash ^ (uintptr_t)c->pc[i]) * 0x100000001b3ull;
	return hash ? hash : 1;
}

static struct entry *entry_of(const char *signature)
{
	for (unsigned int i = 0; i < entries; i++) {
		if (!strcmp(entry[i].signature, signature))
			return &entry[i];
	}
	if (entries == ENTRIES)
		return &entry[ENTRIES - 1];
	snprintf(entry[entries].signature, SIGNATURE_BYTES, "%s",
		 entries == ENTRIES - 1 ? "others" : signature);
	entry[entries].known = known_has(&known, signature);
	return &entry[entries++];
}

static struct entry *look_up(const struct finding *f)
{
	char text[SIGNATURE_BYTES];
	uint64_t hash;
	size_t at;

	signature_head(f->verdict, f->caught, text, sizeof(text));
	hash = hash_of(text, f->caught);
	for (at = hash % HASHES; seen[at].hash; at = (at + 1) % HASHES) {
		if (seen[at].hash == hash)
			return seen[at].entry;
		if (at == (hash + HASHES - 2) % HASHES)
			break; /* full */
	}
	if (f->caught)
		signature_add_functions(f->caught, text, sizeof(text));
	if (!seen[at].hash) {
		seen[at].entry = entry_of(text);
		seen[at].hash = hash;
		return seen[at].entry;
	}
	return entry_of(text);
}

/* ---- the first time ---- */

/* "violation-8-writes-to-a-read-only-disk"; what is cut off is told by a number. */
static void name_file(const char *signature, char *name, size_t room)
{
	size_t used = 0;

	for (const char *at = signature; *at && used < STEM; at++) {
		bool kept = strchr(
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", *at);

		if (kept || (used && name[used - 1] != '-'))
			name[used++] = kept ? *at : '-';
	}
	while (used && name[used - 1] == '-')
		used--;
	snprintf(name + used, room - used, "-%08x", (unsigned int)hash_of(signature, NULL));
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t done = write(fd, data, size);

		if (done < 0)
			return false;
		data += done;
		size -= (size_t)done;
	}
	return true;
}

/* One that is there already is of an earlier run. */
static void keep(struct entry *e, const struct finding *f)
{
	char name[STEM + 16];
	int fd;

	name_file(e->signature, name, sizeof(name));
	snprintf(e->path, sizeof(e->path), "%s/%s", folder, name);
	(void)mkdir(folder, 0777);
	fd = open(e->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return;
	if (fd < 0 || !write_all(fd, f->data, f->size)) {
		complain("%s: %s", e->path, strerror(errno));
		e->path[0] = 0;
	}
	if (fd >= 0)
		(void)close(fd);
}

static void tell(const struct entry *e, const struct finding *f)
{
	complain("finding %u: %s", entries, e->signature);
	if (e->path[0])
		fprintf(stderr, "input: %s\n", e->path);
	if (!f->caught)
		fprintf(stderr, "%s at operation %d\n", f->verdict->reason, f->verdict->op);
	else
		fprintf(stderr, "at operation %d\n", f->verdict->op);
	script_print(f->script, f->verdict->op, stderr);
	if (!f->caught)
		return;
	if (f->caught->text[0])
		signature_print_report(f->caught->text, stderr);
	if (f->caught->how == CAUGHT_SIGNAL && f->caught->address)
		fprintf(stderr, "address %p\n", f->caught->address);
	if (f->caught->how != CAUGHT_ADDRESS && f->caught->how != CAUGHT_MEMORY)
		signature_print_stack(f->caught, stderr);
}

bool findings_add(const struct finding *f)
{
	struct entry *e = look_up(f);

	if (e->count++ || e->known)
		return !e->known;
	keep(e, f);
	tell(e, f);
	return true;
}

bool findings_pass(void *opaque, unsigned int rule, const char *reason)
{
	struct verdict v = { .kind = VERDICT_VIOLATION, .rule = rule };
	const struct finding f = { .verdict = &v };
	struct entry *e;

	(void)opaque;
	snprintf(v.reason, sizeof(v.reason), "%s", reason);
	e = look_up(&f);
	e->count += e->known;
	return e->known;
}

/* ---- the end ---- */

static int by_count(const void *a, const void *b)
{
	const struct entry *x = *(const struct entry *const *)a;
	const struct entry *y = *(const struct entry *const *)b;

	if (x->known != y->known)
		return x->known ? 1 : -1;
	return x->count < y->count   ? 1
	       : x->count > y->count ? -1
				     : strcmp(x->signature, y->signature);
}

bool findings_close(void)
{
	static struct entry *sorted[ENTRIES];
	static bool closed;
	unsigned int unknown = 0;

	for (unsigned int i = 0; i < entries; i++) {
		sorted[i] = &entry[i];
		unknown += !entry[i].known;
	}
	if (entries == 0 || closed)
		return unknown;
	closed = true;
	qsort(sorted, entries, sizeof(sorted[0]), by_count);
	fprintf(stderr, "anvil: %u findings, %u of them known:\n", entries, entries - unknown);
	for (unsigned int i = 0; i < entries; i++)
		fprintf(stderr, "%10llu  %s\n%12s%s\n", (unsigned long long)sorted[i]->count,
			sorted[i]->signature, "",
			sorted[i]->known     ? "known"
			: sorted[i]->path[0] ? sorted[i]->path
					     : "not kept");
	return unknown;
}
