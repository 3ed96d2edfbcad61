/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads what is given to `--net` into a struct host_nic_spec.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host_nic.h"
#include "host_words.h"

#define CAPTURE_MIB_MAX 9999999u
#define PORT_ROOM	256u /* as many characters as may stand there at all */

enum {
	KIND_USER,
	WORD_FORWARD,
	WORD_HOST,
	WORD_ISOLATED,
	KIND_TAP,
	KIND_PCAP,
	WORD_IN,
	WORD_LIMIT,
	KIND_NONE,
	WORD_MERGEABLE,
	WORD_LEGACY,
	WORD_PACKED,
	WORD_QUEUES,
	WORDS,
};

const struct option_word host_nic_words[] = {
	[KIND_USER] = { "user",
			"a network without privileges; the guest is 10.0.2.15, the host 10.0.2.2" },
	[WORD_FORWARD] = { ",forward=HOSTPORT:GUESTPORT",
			   "after user: TCP from the host; may be repeated" },
	[WORD_HOST] = { ",host", "after user: 10.0.2.2 is the host's 127.0.0.1, its own addresses "
				 "are reached" },
	[WORD_ISOLATED] = { ",isolated",
			    "after user: the guest reaches nothing but what forwards bring in" },
	[KIND_TAP] = { "tap:NAME",
		       "a TAP interface, with the kernel's checksums and segmentation" },
	[KIND_PCAP] = { "pcap:FILE", "a capture of what passes" },
	[WORD_IN] = { ",in=FILE", "after pcap: a capture whose frames the guest gets" },
	[WORD_LIMIT] = { ",limit=MIB", "after pcap: of the capture (1024 if not given)" },
	[KIND_NONE] = { "none", "a cable to nowhere" },
	[WORD_MERGEABLE] = { ",mergeable=off", "hides MRG_RXBUF" },
	[WORD_LEGACY] = { ",legacy", "as --legacy, for this card" },
	[WORD_PACKED] = { ",packed", "as --packed" },
	[WORD_QUEUES] = { ",queues=N", "as --queues" },
	[WORDS] = { 0 },
};

static const uint8_t kind_word[HOST_NIC_KINDS] = {
	[HOST_NIC_NONE] = KIND_NONE,
	[HOST_NIC_USER] = KIND_USER,
	[HOST_NIC_TAP] = KIND_TAP,
	[HOST_NIC_PCAP] = KIND_PCAP,
};

/* 1 + the only kind that a word goes with; 0: with all */
static const uint8_t word_kind[WORDS] = {
	[WORD_FORWARD] = 1 + HOST_NIC_USER,  [WORD_HOST] = 1 + HOST_NIC_USER,
	[WORD_ISOLATED] = 1 + HOST_NIC_USER, [WORD_IN] = 1 + HOST_NIC_PCAP,
	[WORD_LIMIT] = 1 + HOST_NIC_PCAP,
};

/* "HOSTPORT:GUESTPORT", both of them digits and nothing else. */
static bool take_ports(const char *text, unsigned int *host, unsigned int *guest)
{
	char first[PORT_ROOM];
	size_t len = strcspn(text, ":");

	if (text[len] != ':' || len >= sizeof(first))
		return false;
	memcpy(first, text, len);
	first[len] = 0;
	return host_word_number(first, UINT16_MAX, host) &&
	       host_word_number(text + len + 1, UINT16_MAX, guest);
}

static bool take_forward(struct host_nic_spec *spec, const char *text)
{
	unsigned int host;
	unsigned int guest;

	if (!take_ports(text, &host, &guest) || spec->forwards == HOST_NIC_FORWARDS)
		return false;
	spec->forward[spec->forwards].host = (uint16_t)host;
	spec->forward[spec->forwards].guest = (uint16_t)guest;
	spec->forwards++;
	return true;
}

/* Returns NULL, or what the word's value has to be. */
static const char *take_value(struct host_nic_spec *spec, int word, const char *value)
{
	_Static_assert(HOST_NIC_FORWARDS == 8 && HOST_DEVICE_PAIRS_MAX == 8, "as is told");
	switch (word) {
	case WORD_FORWARD:
		return take_forward(spec, value) ? NULL : ", of 1 to 65535, 8 of them at most";
	case WORD_IN:
		snprintf(spec->input, sizeof(spec->input), "%s", value);
		return *value ? NULL : "";
	case WORD_LIMIT:
		return host_word_number(value, CAPTURE_MIB_MAX, &spec->limit) ? NULL
									      : ", of 1 to 9999999";
	case WORD_MERGEABLE:
		spec->mergeable = false;
		return strcmp(value, "off") ? "" : NULL;
	default:
		return host_word_number(value, HOST_DEVICE_PAIRS_MAX, &spec->queues)
			       ? NULL
			       : ", of 1 to 8";
	}
}

static const char *take_word(struct host_nic_spec *spec, int word, const char *value)
{
	switch (word) {
	case WORD_HOST:
		spec->host = true;
		return NULL;
	case WORD_ISOLATED:
		spec->isolated = true;
		return NULL;
	case WORD_LEGACY:
		spec->legacy = true;
		return NULL;
	case WORD_PACKED:
		spec->packed = true;
		return NULL;
	default:
		return take_value(spec, word, value);
	}
}

static const char *kind_name(unsigned int kind)
{
	return host_nic_words[kind_word[kind]].name;
}

static bool take_kind(struct host_nic_spec *spec, const char *word)
{
	for (unsigned int k = 0; k < HOST_NIC_KINDS; k++) {
		const char *name = kind_name(k);
		size_t len = strcspn(name, ":");
		bool named = name[len] == ':';

		len += named;
		if (strncmp(word, name, len) || (word[len] == 0) == named)
			continue;
		spec->kind = (enum host_nic_kind)k;
		snprintf(spec->name, sizeof(spec->name), "%s", word + len);
		return true;
	}
	return false;
}

/* As `word` stands in what was asked for: `text`. Returns 0, or -EINVAL with a line in `error`. */
static int read_word(struct host_nic_spec *spec, const char *word, const char *text, char *error,
		     size_t room)
{
	const char *value;
	const char *wanted;
	char known[128];
	int i = host_word_find(host_nic_words, word, &value);

	if (i < 0) {
		host_word_list(host_nic_words, true, known, sizeof(known));
		snprintf(error, room, "unknown word \"%.64s\" in --net %.200s; known: %s", word,
			 text, known);
		return -EINVAL;
	}
	if (word_kind[i] && word_kind[i] != 1 + (unsigned int)spec->kind) {
		snprintf(error, room, "\"%.64s\" in --net %.200s: goes with %s alone", word, text,
			 kind_name(word_kind[i] - 1u));
		return -EINVAL;
	}
	wanted = take_word(spec, i, value);
	if (wanted)
		snprintf(error, room, "\"%.64s\" in --net %.200s: give %s%s", word, text,
			 host_nic_words[i].name + 1, wanted);
	return wanted ? -EINVAL : 0;
}

/* Words that are good, each alone, but not together */
static const char *contradiction(const struct host_nic_spec *spec)
{
	if (spec->legacy && spec->packed)
		return "a legacy device has no packed rings";
	if (spec->host && spec->isolated)
		return "name host or isolated, not both";
	return NULL;
}

int host_nic_parse(struct host_nic_spec *spec, const char *text, char *error, size_t room)
{
	char copy[sizeof(spec->name)];
	char known[64];
	char *rest = copy;
	const char *kind;

	*spec = (struct host_nic_spec){ .mergeable = true };
	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy)) {
		snprintf(error, room, "--net %.40s...: too long; give at most %zu characters", text,
			 sizeof(copy) - 1);
		return -EINVAL;
	}
	kind = strsep(&rest, ",");
	if (!take_kind(spec, kind)) {
		host_word_list(host_nic_words, false, known, sizeof(known));
		snprintf(error, room, "unknown network \"%.64s\" in --net %.200s; known: %s", kind,
			 text, known);
		return -EINVAL;
	}
	while (rest) {
		if (read_word(spec, strsep(&rest, ","), text, error, room))
			return -EINVAL;
	}
	if (!contradiction(spec))
		return 0;
	snprintf(error, room, "--net %.200s: %s", text, contradiction(spec));
	return -EINVAL;
}
