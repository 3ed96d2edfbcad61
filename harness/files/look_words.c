/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Words of --disk and --net: each does what host_disk.h and host_nic.h say, or the whole is refused
 * in one line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm/host_disk.h"
#include "kvm/host_nic.h"
#include "look.h"

#define QUEUES_MOST   8u
#define ZONE_MIB_MOST 1024u
#define LIMIT_MOST    9999999u
#define KNOWN_ROOM    60u

/* The file as a word of a shell: up to a byte of 0. */
static char *argument(const struct handed *h)
{
	size_t len = strnlen((const char *)h->bytes, h->len);
	char *text = malloc(len + 1);

	if (!text)
		abort();
	memcpy(text, h->bytes, len);
	text[len] = 0;
	return text;
}

/* The number that is all of the text; 0: it is none, or not from 1 to `most`. */
static unsigned int number(const char *text, unsigned long most)
{
	unsigned long long n = 0;

	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return 0;
		n = n * 10 + (unsigned int)(*text - '0');
		if (n > most)
			return 0;
	}
	return (unsigned int)n;
}

static bool set(bool *word)
{
	*word = true;
	return true;
}

static bool set_number(unsigned int *word, const char *text, unsigned long most)
{
	*word = number(text, most);
	return *word > 0;
}

/* A line feed of what is quoted is that of the person. */
static void check_answer(int err, const char *error, const char *text)
{
	if (err && err != -EINVAL)
		handed_finding("are words that are answered with %d", err);
	if (err && (!*error || (strchr(error, '\n') && !strchr(text, '\n'))))
		handed_finding("are words that are refused with: %s", error);
}

/* An error that says what is known says all of it, as far as there is room. */
static void check_known(const char *error, const struct option_word *words, bool kinds)
{
	const char *known = strstr(error, "; known: ");
	char list[LOOK_ROOM] = "";

	for (const char *next = known; next; next = strstr(next + 1, "; known: "))
		known = next;
	if (!known)
		return;
	for (; words->name; words++) {
		bool word = words->name[0] == ',';
		size_t len = strlen(list);

		if (word != kinds)
			(void)snprintf(list + len, sizeof(list) - len, "%s%s", len ? ", " : "",
				       words->name + word);
	}
	known += strlen("; known: ");
	if (strncmp(known, list, strlen(known)) != 0 ||
	    strlen(known) < (strlen(list) < KNOWN_ROOM ? strlen(list) : KNOWN_ROOM))
		handed_finding("are words that are answered with: %s", error);
}

static const char *after(const char *word, const char *name)
{
	size_t len = strlen(name);

	return strncmp(word, name, len) == 0 ? word + len : NULL;
}

/* ---- disks ---- */

/* What the word does; false: it is none. */
static bool disk_word(struct host_disk_spec *spec, const char *word)
{
	const char *value;

	if (strcmp(word, "ro") == 0)
		return set(&spec->read_only);
	if (strcmp(word, "raw") == 0)
		return set(&spec->any_content);
	if (strcmp(word, "legacy") == 0)
		return set(&spec->legacy);
	if (strcmp(word, "packed") == 0)
		return set(&spec->packed);
	if (strcmp(word, "zoned") == 0)
		return set_number(&spec->zone_mib, "4", ZONE_MIB_MOST);
	value = after(word, "zoned=");
	if (value)
		return set_number(&spec->zone_mib, value, ZONE_MIB_MOST);
	value = after(word, "queues=");
	return value && set_number(&spec->queues, value, QUEUES_MOST);
}

/* The words behind the name, the last one first. */
static bool apply_words(struct host_disk_spec *spec, char *words)
{
	char *comma;

	while ((comma = strrchr(words, ','))) {
		if (!disk_word(spec, comma + 1))
			return false;
		*comma = 0;
	}
	return *words == 0;
}

static bool same_disk(const struct host_disk_spec *a, const struct host_disk_spec *b)
{
	return a->read_only == b->read_only && a->any_content == b->any_content &&
	       a->legacy == b->legacy && a->packed == b->packed && a->queues == b->queues &&
	       a->zone_mib == b->zone_mib;
}

static void check_disk(const struct host_disk_spec *spec, const char *whole)
{
	struct host_disk_spec ours = { 0 };
	size_t len = strlen(spec->path);
	char *words;

	if (len == 0 || strncmp(spec->path, whole, len) != 0)
		handed_finding("are words of a disk that is another file");
	words = strdup(whole + len);
	if (!words)
		abort();
	if (!apply_words(&ours, words) || !same_disk(&ours, spec))
		handed_finding("are words that do something else");
	if (spec->legacy && (spec->packed || spec->zone_mib))
		handed_finding("are words that contradict each other");
	free(words);
}

/* Whether the end of it is a word, but for its value: then it cannot be the name's. */
static bool ends_in_a_word(const char *whole)
{
	const char *comma = strrchr(whole, ',');
	struct host_disk_spec ours = { 0 };

	return comma && disk_word(&ours, comma + 1);
}

void look_disk(const struct handed *h)
{
	char *text = argument(h);
	char *whole = argument(h);
	char error[LOOK_ROOM] = "";
	struct host_disk_spec spec;
	int err = host_disk_parse(&spec, text, error, sizeof(error));

	check_answer(err, error, whole);
	check_known(error, host_disk_words, false);
	if (!err)
		check_disk(&spec, whole);
	if (!err && ends_in_a_word(whole) && strlen(spec.path) == strlen(whole))
		handed_finding("are words that are taken for a name");
	free(whole);
	free(text);
}

/* ---- networks ---- */

static bool forward_word(struct host_nic_spec *spec, char *value)
{
	char *colon = strchr(value, ':');

	if (!colon || spec->forwards == HOST_NIC_FORWARDS)
		return false;
	*colon = 0;
	spec->forward[spec->forwards].host = (uint16_t)number(value, UINT16_MAX);
	spec->forward[spec->forwards].guest = (uint16_t)number(colon + 1, UINT16_MAX);
	spec->forwards++;
	return number(value, UINT16_MAX) && number(colon + 1, UINT16_MAX);
}

static bool user_word(struct host_nic_spec *spec, char *word)
{
	if (strcmp(word, "host") == 0)
		return set(&spec->host);
	if (strcmp(word, "isolated") == 0)
		return set(&spec->isolated);
	return after(word, "forward=") && forward_word(spec, word + strlen("forward="));
}

static bool pcap_word(struct host_nic_spec *spec, const char *word)
{
	const char *value = after(word, "in=");

	if (value) {
		(void)snprintf(spec->input, sizeof(spec->input), "%s", value);
		return *value;
	}
	value = after(word, "limit=");
	return value && set_number(&spec->limit, value, LIMIT_MOST);
}

static bool net_word(struct host_nic_spec *spec, char *word)
{
	const char *value = after(word, "queues=");

	if (value)
		return set_number(&spec->queues, value, QUEUES_MOST);
	if (strcmp(word, "legacy") == 0)
		return set(&spec->legacy);
	if (strcmp(word, "packed") == 0)
		return set(&spec->packed);
	if (strcmp(word, "mergeable=off") == 0) {
		spec->mergeable = false;
		return true;
	}
	if (spec->kind == HOST_NIC_USER)
		return user_word(spec, word);
	return spec->kind == HOST_NIC_PCAP && pcap_word(spec, word);
}

static bool net_kind(struct host_nic_spec *spec, const char *word)
{
	const char *name = after(word, "tap:");

	spec->kind = name ? HOST_NIC_TAP : HOST_NIC_PCAP;
	if (!name)
		name = after(word, "pcap:");
	if (name) {
		(void)snprintf(spec->name, sizeof(spec->name), "%s", name);
		return *name;
	}
	spec->kind = strcmp(word, "user") == 0 ? HOST_NIC_USER : HOST_NIC_NONE;
	return spec->kind == HOST_NIC_USER || strcmp(word, "none") == 0;
}

/* Cuts the text. */
static bool understand(struct host_nic_spec *spec, char *text)
{
	bool fine = strlen(text) < sizeof(spec->name);
	char *rest = text;

	*spec = (struct host_nic_spec){ .mergeable = true };
	fine = fine && net_kind(spec, strsep(&rest, ","));
	while (fine && rest)
		fine = net_word(spec, strsep(&rest, ","));
	return fine && !(spec->legacy && spec->packed) && !(spec->host && spec->isolated);
}

static bool same_net(const struct host_nic_spec *a, const struct host_nic_spec *b)
{
	return a->kind == b->kind && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->input, b->input) == 0 && a->limit == b->limit &&
	       a->mergeable == b->mergeable && a->legacy == b->legacy && a->packed == b->packed &&
	       a->queues == b->queues && a->forwards == b->forwards && a->host == b->host &&
	       a->isolated == b->isolated &&
	       memcmp(a->forward, b->forward, sizeof(a->forward)) == 0;
}

void look_net(const struct handed *h)
{
	char *text = argument(h);
	char error[LOOK_ROOM] = "";
	struct host_nic_spec spec;
	struct host_nic_spec ours;
	int err = host_nic_parse(&spec, text, error, sizeof(error));
	bool fine;

	check_answer(err, error, text);
	check_known(error, host_nic_words, strncmp(error, "unknown network", 15) == 0);
	fine = understand(&ours, text);
	if (fine != !err)
		handed_finding("are words that %s, and are answered with %d: %s",
			       fine ? "are fine" : "will not do", err, error);
	if (!err && !same_net(&ours, &spec))
		handed_finding("are words that do something else");
	free(text);
}
