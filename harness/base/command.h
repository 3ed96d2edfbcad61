/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A command of anvil: its options, their values and defaults, its operands. Commands are tables, so
 * that each room can add the options and words that are its own.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/* What a command returns, unless its table says more */
#define EXIT_OK	     0
#define EXIT_FINDING 1 /* a finding, a gate that failed */
#define EXIT_USAGE   2 /* after one line on stderr that names the thing and what to do */

/* One of the words that a value may be; or, beginning with a comma, that may follow in it */
struct option_word {
	const char *name; /* as "model", ",queues=N", "tap:NAME" */
	const char *help;
};

enum option_type {
	OPTION_SWITCH, /* bool: no value */
	OPTION_NUMBER, /* unsigned int: min to max */
	OPTION_WORD,   /* unsigned int: the index of one of words */
	OPTION_TEXT,   /* const char *: not empty; no dash at its start unless `value` is TEXT */
	OPTION_TEXTS,  /* struct option_texts: may be repeated */
	OPTION_OTHER,  /* what `take` makes of it; may be repeated */
};

#define OPTION_TEXTS_MAX 64u

struct option_texts {
	const char *text[OPTION_TEXTS_MAX];
	size_t count;
};

struct command_option {
	const char *name;    /* without the dashes */
	const char *value;   /* what to give, as "SECONDS"; FILE and FOLDER are completed as such */
	const char *help;    /* a few words, with no full stop */
	const char *initial; /* the value when none is given; NULL: none, the member is 0 */
	enum option_type type;
	size_t at;			 /* the member's offset in the command's arguments */
	unsigned int min, max;		 /* of a number */
	unsigned int bytes_max;		 /* of a text, with its end; 0: any */
	const struct option_word *words; /* up to one without a name; NULL: none */
	/* May keep and change the value. false after a complaint. */
	bool (*take)(void *arguments, char *value);
};

/* Which member an option sets: entries begin with the name and end with one of these. */
/* clang-format off */
#define MEMBER_AT(args, member, of) \
	(offsetof(args, member) + 0 * sizeof(_Generic(((args *)0)->member, of: 0)))
/* clang-format on */
#define SETS_SWITCH(args, member) .type = OPTION_SWITCH, .at = MEMBER_AT(args, member, bool)
#define SETS_NUMBER(args, member, least, most)                                                     \
	.type = OPTION_NUMBER, .at = MEMBER_AT(args, member, unsigned int), .min = (least),        \
	.max = (most)
#define SETS_WORD(args, member) .type = OPTION_WORD, .at = MEMBER_AT(args, member, unsigned int)
#define SETS_TEXT(args, member) .type = OPTION_TEXT, .at = MEMBER_AT(args, member, const char *)
#define SETS_TEXTS(args, member)                                                                   \
	.type = OPTION_TEXTS, .at = MEMBER_AT(args, member, struct option_texts)

struct command_operand {
	const char *name; /* as "FILE" */
	const char *help;
	bool repeated; /* the last: any number of them, one at least */
	bool optional; /* the last: may be left out */
};

struct command {
	const char *name;
	const char *help;    /* a few words */
	const char *details; /* paragraphs, each ended by a line feed; NULL: none */
	const struct command_option *options;	/* up to one without a name */
	const struct command_operand *operands; /* likewise */
	size_t arguments_size;			/* of what the options set; at first all 0 */
	int (*run)(void *arguments, char **operand, int operands);
};

#endif
