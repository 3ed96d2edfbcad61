/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The seeds of all targets: each is a short story, played here with what it has to show. With
 * `--write FOLDER` they become the committed corpora; without, the committed ones must be these.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "play/differ.h"
#include "script/files.h"
#include "play/player.h"

struct seed {
	const char *target;
	const char *name;
	enum verdict_kind verdict;
	unsigned int shows[3]; /* M(...) */
	const char *text;
};

#define M(name)	 (MILESTONE_##name + 1) /* 0: nothing more */
#define OK	 VERDICT_OK
#define REJECTED VERDICT_REJECTED

static const struct seed seed[] = {
#include "seeds.inc"
#include "seeds_legacy.inc"
#include "seeds_net.inc"
#include "seeds_packed.inc"
};

#define SEEDS (sizeof(seed) / sizeof(seed[0]))

static struct machine machine;
static struct carrier carrier;

static void parse(const struct seed *s, struct script *script)
{
	char error[128];
	unsigned int line = script_parse(s->text, script, error, sizeof(error));

	if (line)
		fail_msg("%s, line %u: %s", s->name, line, error);
}

/* Tells what is wrong with a seed; the number of complaints. */
static unsigned int play_seed(const struct seed *s)
{
	struct script script;
	struct verdict v;
	unsigned int bad = 0;

	parse(s, &script);
	memset(oracle_milestone, 0, sizeof(oracle_milestone));
	player_play(&carrier, &script, NULL, &v);
	if (v.kind != s->verdict) {
		print_error("%s: verdict %d rule %u at operation %d: %s\n", s->name, v.kind, v.rule,
			    v.op, v.reason);
		bad++;
	}
	for (size_t i = 0; i < 3; i++) {
		if (s->shows[i] && !oracle_milestone[s->shows[i] - 1]) {
			print_error("%s does not show: %s\n", s->name,
				    oracle_milestone_text[s->shows[i] - 1]);
			bad++;
		}
	}
	return bad;
}

static void every_seed_shows_what_it_says(void **state)
{
	unsigned int bad = 0;

	(void)state;
	for (size_t i = 0; i < SEEDS; i++)
		bad += play_seed(&seed[i]);
	assert_int_equal(bad, 0);
}

static void a_second_play_backwards_gives_the_same(void **state)
{
	unsigned int bad = 0;

	(void)state;
	for (size_t i = SEEDS; i > 0; i--)
		bad += play_seed(&seed[i - 1]);
	assert_int_equal(bad, 0);
}

/* Of those that are about what a driver does; most others are about breaking a ring. */
static void seeds_end_the_same_on_either_ring_and_interface(void **state)
{
	unsigned int compared = 0;

	(void)state;
	for (size_t i = 0; i < SEEDS; i++) {
		struct script script;
		struct verdict v = { .kind = seed[i].verdict };

		parse(&seed[i], &script);
		compared += differ_play(&carrier, &script, NULL, &v);
		if (v.kind != seed[i].verdict)
			fail_msg("%s: %s", seed[i].name, v.reason);
	}
	assert_true(compared >= 300);
	print_message("%u comparisons\n", compared);
}

static void there_are_enough_of_each_target(void **state)
{
	static const char *const target[] = { "fuzz_blk", "fuzz_net", "fuzz_mmio", "fuzz_virtqueue",
					      "fuzz_restore" };

	(void)state;
	assert_true(SEEDS >= 60);
	for (size_t t = 0; t < sizeof(target) / sizeof(target[0]); t++) {
		size_t count = 0;

		for (size_t i = 0; i < SEEDS; i++)
			count += !strcmp(seed[i].target, target[t]);
		assert_true(count >= 10);
	}
}

static void committed_corpora_are_these(void **state)
{
	(void)state;
	for (size_t i = 0; i < SEEDS; i++) {
		struct script here;
		struct script there;
		uint8_t a[SCRIPT_BYTES_MAX];
		uint8_t b[SCRIPT_BYTES_MAX];
		char path[256];

		snprintf(path, sizeof(path), "corpora/%s/%s", seed[i].target, seed[i].name);
		assert_true(files_read_script(path, &there));
		parse(&seed[i], &here);
		size_t len = script_encode(&here, a, sizeof(a));

		assert_int_equal(len, script_encode(&there, b, sizeof(b)));
		assert_memory_equal(a, b, len);
	}
}

static void text_and_binary_say_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < SEEDS; i++) {
		struct script here;
		struct script again;
		uint8_t bytes[SCRIPT_BYTES_MAX];
		char text[8192];
		char error[128];
		FILE *f = fmemopen(text, sizeof(text), "w");

		parse(&seed[i], &here);
		script_decode(bytes, script_encode(&here, bytes, sizeof(bytes)), &again);
		assert_int_equal(here.ops, again.ops);
		script_print(&again, 0, f);
		fclose(f);
		memset(&again, 0xff, sizeof(again));
		assert_int_equal(script_parse(text, &again, error, sizeof(error)), 0);
		assert_memory_equal(&here, &again, sizeof(here));
	}
}

static int write_all(const char *folder)
{
	for (size_t i = 0; i < SEEDS; i++) {
		struct script script;
		char path[512];
		char error[128];

		snprintf(path, sizeof(path), "%s/%s", folder, seed[i].target);
		mkdir(path, 0777);
		snprintf(path, sizeof(path), "%s/%s/%s", folder, seed[i].target, seed[i].name);
		if (script_parse(seed[i].text, &script, error, sizeof(error)) ||
		    !files_write_script(path, &script)) {
			fprintf(stderr, "%s: %s\n", seed[i].name, error);
			return 1;
		}
	}
	printf("%zu seeds written\n", SEEDS);
	return 0;
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

	machine_create(&machine);
	carrier_model_init(&carrier, &machine);
	if (argc == 3 && !strcmp(argv[1], "--write"))
		return write_all(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
