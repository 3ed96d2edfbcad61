/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The record of a campaign stays small however long it runs, and keeps what matters: where it
 * began, where it ended, and rows that only go forward.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/campaign.h"

#define TICK_MS 200u

static struct campaign_log run_for(uint64_t ms)
{
	struct campaign_log r = { .rows = 0 };

	for (uint64_t now = TICK_MS; now <= ms; now += TICK_MS) {
		const struct campaign_row row = { .ms = now, .inputs = now * 150 };

		campaign_note(&r, &row, now + TICK_MS > ms);
	}
	return r;
}

static void check(const struct campaign_log *r, uint64_t ms)
{
	uint64_t longest = ms / (CAMPAIGN_ROWS / 4) + 1000;

	assert_in_range(r->rows, 1, CAMPAIGN_ROWS);
	assert_int_equal(r->row[0].ms, TICK_MS);
	assert_int_equal(r->row[r->rows - 1].ms, ms);
	for (size_t i = 1; i < r->rows; i++) {
		assert_true(r->row[i].ms > r->row[i - 1].ms);
		assert_true(r->row[i].ms - r->row[i - 1].ms <= longest);
		assert_int_equal(r->row[i].inputs, r->row[i].ms * 150);
	}
}

static void long_and_short_campaigns_have_few_rows(void **state)
{
	(void)state;
	for (uint64_t ms = TICK_MS; ms < 30u * 86400 * 1000; ms *= 3) {
		struct campaign_log r = run_for(ms);

		check(&r, ms);
	}
}

static void what_was_not_said_is_no_row(void **state)
{
	const struct campaign_row nothing = { .ms = 0 };
	struct campaign_log r = { .rows = 0 };

	(void)state;
	campaign_note(&r, &nothing, false);
	campaign_note(&r, &nothing, true);
	assert_int_equal(r.rows, 0);
}

static void the_newest_number_of_a_moment_counts(void **state)
{
	const struct campaign_row early = { .ms = 1000, .inputs = 5 };
	const struct campaign_row late = { .ms = 1000, .inputs = 7 };
	const struct campaign_row stale = { .ms = 900, .inputs = 6 };
	struct campaign_log r = { .rows = 0 };

	(void)state;
	campaign_note(&r, &early, false);
	campaign_note(&r, &late, false);
	campaign_note(&r, &stale, true);
	assert_int_equal(r.rows, 1);
	assert_int_equal(r.row[0].inputs, 7);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_and_short_campaigns_have_few_rows),
		cmocka_unit_test(what_was_not_said_is_no_row),
		cmocka_unit_test(the_newest_number_of_a_moment_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
