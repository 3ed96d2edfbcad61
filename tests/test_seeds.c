/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plays each text of tests/seeds/ (README.md there): it must show what it says, and corpora/ must
 * have it as bytes. --write writes corpora/ anew.
 * Usage: test_seeds [--write] [SEEDS CORPORA]
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "array_size.h"
#include "base/complain.h"
#include "play/differ.h"
#include "play/player.h"
#include "script/files.h"

#define RECORDED "linux_" /* how the names of corpora/ begin that `make recordings` writes */
#define NOTHING	 "nothing"

struct seed {
	char *text;   /* its path: SEEDS/TARGET/NAME.txt */
	char *corpus; /* and in binary form: CORPORA/TARGET/NAME */
	struct script script;
	enum verdict_kind verdict; /* that its play has to end with */
	bool says_shows;
	bool shows[MILESTONE_COUNT]; /* what it has to reach */
};

static char *seeds_folder = "tests/seeds";
static char *corpora_folder = "corpora";
static struct seed *seed;
static size_t seeds;

static struct machine machine;
static struct bus bus;

/* ---- reading ---- */

static const struct {
	const char *word;
	enum verdict_kind kind;
} verdict_word[] = { { "ok", VERDICT_OK }, { "rejected", VERDICT_REJECTED } };

static bool take_verdict(struct seed *s, unsigned int line, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(verdict_word); i++) {
		if (strcmp(word, verdict_word[i].word))
			continue;
		s->verdict = verdict_word[i].kind;
		return true;
	}
	complain("%s:%u: there is no verdict \"%s\" of a seed; write ok or rejected", s->text, line,
		 word);
	return false;
}

static bool take_milestone(struct seed *s, unsigned int line, const char *word)
{
	s->says_shows = true;
	if (!strcmp(word, NOTHING))
		return true;
	for (unsigned int i = 0; i < MILESTONE_COUNT; i++) {
		if (strcmp(word, oracle_milestone_name[i]))
			continue;
		s->shows[i] = true;
		return true;
	}
	complain("%s:%u: there is no milestone \"%s\"; harness/base/milestones.h lists them",
		 s->text, line, word);
	return false;
}

/* "# KEY: WORD, WORD"; any other comment is for readers alone. */
static bool take_comment(struct seed *s, unsigned int line, char *comment)
{
	static const struct {
		const char *key;
		bool (*take)(struct seed *s, unsigned int line, const char *word);
	} known[] = { { "shows:", take_milestone }, { "verdict:", take_verdict } };
	char *save;
	char *key = strtok_r(comment, "# \t\r", &save);

	for (size_t i = 0; key && i < ARRAY_SIZE(known); i++) {
		if (strcmp(key, known[i].key))
			continue;
		for (char *word; (word = strtok_r(NULL, ", \t\r", &save));) {
			if (!known[i].take(s, line, word))
				return false;
		}
	}
	return true;
}

static bool take_comments(struct seed *s, char *text)
{
	for (unsigned int line = 1; text; line++) {
		char *here = strsep(&text, "\n");

		if (*here == '#' && !take_comment(s, line, here))
			return false;
	}
	return s->says_shows || complain_of(s->text, "no line \"# shows: MILESTONE\"; anvil health "
						     "--all FILE lists which it reaches");
}

static bool read_seed(struct seed *s)
{
	static char text[FILES_BYTES_MAX + 1];
	char error[128];
	size_t len;
	unsigned int line;

	if (!files_read(s->text, (uint8_t *)text, FILES_BYTES_MAX, &len))
		return false;
	if (len == FILES_BYTES_MAX)
		return complain_of(s->text, "too large for a seed (64 KiB at most)");
	text[len] = 0;
	line = script_parse(text, &s->script, error, sizeof(error));
	if (line)
		complain("%s:%u: %s", s->text, line, error);
	return !line && take_comments(s, text);
}

/* Whether there is the target of a path TARGET/NAME.txt; its length without the suffix */
static bool is_place(const char *path, size_t *length)
{
	const char *slash = strchr(path, '/');
	const char *suffix = slash ? strchr(slash, '.') : NULL;
	char source[256];

	if (!suffix || strcmp(suffix, ".txt") || suffix == slash + 1 || strchr(slash + 1, '/'))
		return false;
	*length = (size_t)(suffix - path);
	snprintf(source, sizeof(source), "harness/targets/%.*s.c", (int)(slash - path), path);
	return !access(source, F_OK);
}

static bool add_seed(const char *path)
{
	const char *below = path + strlen(seeds_folder) + 1;
	struct seed *s = &seed[seeds];
	size_t length;

	if (!strcmp(below, "README.md"))
		return true;
	if (!is_place(below, &length))
		return complain_of(
			path, "is no seed; name it TARGET/NAME.txt, TARGET as in harness/targets/");
	s->text = strdup(path);
	if (!s->text || asprintf(&s->corpus, "%s/%.*s", corpora_folder, (int)length, below) < 0)
		return complain_of(path, strerror(ENOMEM));
	seeds++;
	return read_seed(s);
}

/* Tells everything that is wrong with any. */
static bool read_seeds(void)
{
	size_t found;
	bool good = true;
	char **path = files_operands(&seeds_folder, 1, &found);

	seed = path ? calloc(found, sizeof(*seed)) : NULL;
	for (size_t i = 0; seed && i < found; i++)
		good = add_seed(path[i]) && good;
	files_free(path, found);
	if (seed && good && !seeds)
		return complain_of(seeds_folder, "no seeds in it");
	return seed && good;
}

/* ---- playing ---- */

static bool ends_as_it_says(const struct seed *s, const struct verdict *v)
{
	char is[32];
	char says[32];

	if (v->kind == s->verdict)
		return true;
	player_verdict_name(v, is, sizeof(is));
	player_verdict_name(&(struct verdict){ .kind = s->verdict }, says, sizeof(says));
	complain("%s: its verdict is %s, not %s, at operation %d%s%s", s->text, is, says, v->op,
		 v->reason[0] ? ": " : "", v->reason);
	return false;
}

/* Tells what is wrong with it; the number of complaints. */
static unsigned int play_seed(const struct seed *s)
{
	struct verdict v;
	unsigned int bad;

	memset(oracle_milestone, 0, sizeof(oracle_milestone));
	player_play(&bus, &s->script, NULL, &v);
	bad = !ends_as_it_says(s, &v);
	for (unsigned int i = 0; i < MILESTONE_COUNT; i++) {
		if (!s->shows[i] || oracle_milestone[i])
			continue;
		complain("%s: does not show %s (%s)", s->text, oracle_milestone_name[i],
			 oracle_milestone_text[i]);
		bad++;
	}
	return bad;
}

static unsigned int play_seeds(void)
{
	unsigned int bad = 0;

	for (size_t i = 0; i < seeds; i++)
		bad += play_seed(&seed[i]);
	return bad;
}

/* ---- the binary form ---- */

static unsigned int compare_with_corpus(const struct seed *s)
{
	uint8_t here[SCRIPT_BYTES_MAX];
	uint8_t there[SCRIPT_BYTES_MAX + 1];
	size_t len = script_encode(&s->script, here, sizeof(here));
	size_t found;

	if (access(s->corpus, F_OK)) {
		complain("%s: is not there; make seeds writes it from %s", s->corpus, s->text);
		return 1;
	}
	if (!files_read(s->corpus, there, sizeof(there), &found))
		return 1;
	if (found == len && !memcmp(here, there, len))
		return 0;
	complain("%s: is not what %s says; make seeds writes it anew", s->corpus, s->text);
	return 1;
}

static bool has_text(const char *corpus)
{
	const char *name = strrchr(corpus, '/') + 1;

	for (size_t i = 0; i < seeds; i++) {
		if (!strcmp(seed[i].corpus, corpus))
			return true;
	}
	return !strncmp(name, RECORDED, strlen(RECORDED));
}

/* Tells what differs between the texts and the corpora; the number of complaints. */
static unsigned int compare_with_corpora(void)
{
	unsigned int bad = 0;
	size_t found;
	char **path = files_operands(&corpora_folder, 1, &found);

	if (!path)
		return 1;
	for (size_t i = 0; i < seeds; i++)
		bad += compare_with_corpus(&seed[i]);
	for (size_t i = 0; i < found; i++) {
		if (has_text(path[i]))
			continue;
		complain("%s: no text in %s says it; write one (anvil show), or remove this file",
			 path[i], seeds_folder);
		bad++;
	}
	files_free(path, found);
	return bad;
}

static bool write_seed(const struct seed *s)
{
	char *folder = strdup(s->corpus);
	int err = -ENOMEM;

	if (folder) {
		*strrchr(folder, '/') = 0;
		err = files_make_folders(folder);
	}
	free(folder);
	return err ? complain_of(s->corpus, strerror(-err))
		   : files_write_script(s->corpus, &s->script);
}

/* None is written where one does not show what it says. The exit status */
static int write_seeds(void)
{
	if (play_seeds())
		return 1;
	for (size_t i = 0; i < seeds; i++) {
		if (!write_seed(&seed[i]))
			return 1;
	}
	printf("%zu seeds written\n", seeds);
	return compare_with_corpora() != 0;
}

/* ---- tests ---- */

static void every_seed_shows_what_it_says(void **state)
{
	(void)state;
	assert_int_equal(play_seeds(), 0);
}

static void a_second_play_backwards_gives_the_same(void **state)
{
	unsigned int bad = 0;

	(void)state;
	for (size_t i = seeds; i > 0; i--)
		bad += play_seed(&seed[i - 1]);
	assert_int_equal(bad, 0);
}

/* Of those that are about what a driver does; most others are about breaking a ring. */
static void seeds_end_the_same_on_either_ring_and_interface(void **state)
{
	unsigned int compared = 0;

	(void)state;
	for (size_t i = 0; i < seeds; i++) {
		struct verdict v = { .kind = seed[i].verdict };

		compared += differ_play(&bus, &seed[i].script, NULL, &v);
		if (v.kind != seed[i].verdict)
			fail_msg("%s: %s", seed[i].text, v.reason);
	}
	assert_true(compared >= 300);
	print_message("%u comparisons\n", compared);
}

/* Of the target of harness/targets/SOURCE; what is no target's source has enough. */
static bool enough_of(const char *source)
{
	size_t length = strcspn(source, ".");
	size_t count = 0;

	if (strncmp(source, "fuzz_", 5) || !strcmp(source, "fuzz_empty.c"))
		return true;
	for (size_t i = 0; i < seeds; i++) {
		const char *target = seed[i].text + strlen(seeds_folder) + 1;

		count += !strncmp(target, source, length) && target[length] == '/';
	}
	if (count < 10)
		complain("%s/%.*s: %zu seeds; a target has 10 at least", seeds_folder, (int)length,
			 source, count);
	return count >= 10;
}

static void there_are_enough_of_each_target(void **state)
{
	char *folder = "harness/targets";
	unsigned int few = 0;
	size_t found;
	char **path = files_operands(&folder, 1, &found);

	(void)state;
	assert_non_null(path);
	for (size_t i = 0; i < found; i++)
		few += !enough_of(strrchr(path[i], '/') + 1);
	files_free(path, found);
	assert_int_equal(few, 0);
	assert_true(seeds >= 60);
}

static void committed_corpora_are_these(void **state)
{
	(void)state;
	assert_int_equal(compare_with_corpora(), 0);
}

static void text_and_binary_say_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < seeds; i++) {
		const struct script *here = &seed[i].script;
		struct script again;
		uint8_t bytes[SCRIPT_BYTES_MAX];
		char text[8192];
		char error[128];
		FILE *f = fmemopen(text, sizeof(text), "w");

		script_decode(bytes, script_encode(here, bytes, sizeof(bytes)), &again);
		assert_int_equal(here->ops, again.ops);
		script_print(&again, 0, f);
		fclose(f);
		memset(&again, 0xff, sizeof(again));
		assert_int_equal(script_parse(text, &again, error, sizeof(error)), 0);
		assert_memory_equal(here, &again, sizeof(again));
	}
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_are_enough_of_each_target),
		cmocka_unit_test(every_seed_shows_what_it_says),
		cmocka_unit_test(a_second_play_backwards_gives_the_same),
		cmocka_unit_test(seeds_end_the_same_on_either_ring_and_interface),
		cmocka_unit_test(text_and_binary_say_the_same),
		cmocka_unit_test(committed_corpora_are_these),
	};
	bool writes = argc > 1 && !strcmp(argv[1], "--write");

	argv += writes;
	argc -= writes;
	if (argc != 1 && argc != 3) {
		complain("give SEEDS and CORPORA, or none of them");
		return 2;
	}
	if (argc == 3) {
		seeds_folder = argv[1];
		corpora_folder = argv[2];
	}
	if (!read_seeds())
		return 2;
	machine_create(&machine);
	bus_model_init(&bus, &machine);
	return writes ? write_seeds() : cmocka_run_group_tests(tests, NULL, NULL);
}
