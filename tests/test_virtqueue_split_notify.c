/* SPDX-License-Identifier: BSD-3-Clause */
/* virtqueue.h over the split ring: which notifications either side wants (2.7.7, 2.7.10). */
#include "array_size.h"
#include "split_ring.h"

/* ---- whether the driver wants to hear of it (2.7.7) ---- */

static void interrupt_flag_counts_without_event_idx_alone(void **state)
{
	struct fixture *f = *state;

	for (unsigned int event = 0; event < 2; event++) {
		for (uint16_t flags = 0; flags < 4; flags++) {
			assert_int_equal(enable(f, SIZE, true, event), 0);
			ram_put16(&f->ram, f->ring.avail, flags);
			offer_byte(f, 0);
			assert_int_equal(pop(f), 1);
			anvil_virtqueue_fill(&f->vq, &f->chain);
			assert_int_equal(anvil_virtqueue_publish(&f->vq), event || !(flags & 1));
		}
	}
}

/* 2.7.7.2: notify iff the entry at index used_event is among those published */
static void used_event_asks_for_one_entry(void **state)
{
	static const uint16_t start[] = { 0, 1, 0x7ffc, 0xfffc, 0xffff };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(start); i++) {
		for (uint16_t pushed = 0; pushed <= SIZE; pushed++) {
			for (int event = -20; event <= 20; event++) {
				uint16_t used_event = (uint16_t)(start[i] + event);
				bool among = event >= 0 && event < pushed;

				assert_int_equal(enable(f, SIZE, true, true), 0);
				f->vq.next_used = start[i];
				f->vq.flushed_used = start[i];
				f->vq.notified_used = start[i];
				ram_put16(&f->ram, f->ring.avail + 4 + 2 * SIZE, used_event);
				for (uint16_t n = 0; n < pushed; n++) {
					offer_byte(f, n);
					assert_int_equal(pop(f), 1);
					anvil_virtqueue_fill(&f->vq, &f->chain);
				}
				assert_int_equal(anvil_virtqueue_publish(&f->vq), among);
				assert_false(anvil_virtqueue_publish(&f->vq)); /* nothing new */
				assert_int_equal(ring_published(&f->ring),
						 pushed ? (uint16_t)(start[i] + pushed) : 0);
			}
		}
	}
}

/* ---- whether we want to hear of it (2.7.10) ---- */

static uint16_t used_flags(struct fixture *f)
{
	return ram_get16(&f->ram, f->ring.used);
}

static void suppression_uses_the_flag_without_event_idx(void **state)
{
	struct fixture *f = *state;

	ram_put16(&f->ram, f->ring.used + 4 + 8 * SIZE, 0x5555);
	anvil_virtqueue_suppress_notification(&f->vq);
	assert_int_equal(used_flags(f), VIRTQ_USED_F_NO_NOTIFY);
	assert_false(anvil_virtqueue_want_notification(&f->vq));
	assert_int_equal(used_flags(f), 0);
	assert_int_equal(avail_event(f), 0x5555); /* not our field */
}

static void suppression_leaves_the_flag_alone_with_event_idx(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enable(f, SIZE, true, true), 0);
	anvil_virtqueue_suppress_notification(&f->vq);
	assert_int_equal(used_flags(f), 0);
	for (uint16_t i = 0; i < 3; i++) {
		offer_byte(f, i);
		assert_int_equal(pop(f), 1);
	}
	assert_false(anvil_virtqueue_want_notification(&f->vq));
	assert_int_equal(used_flags(f), 0);
	assert_int_equal(avail_event(f), 3);
}

static void wanting_a_notification_finds_what_came_meanwhile(void **state)
{
	struct fixture *f = *state;

	for (unsigned int event = 0; event < 2; event++) {
		assert_int_equal(enable(f, SIZE, true, event), 0);
		assert_false(anvil_virtqueue_want_notification(&f->vq));
		offer_byte(f, 1);
		assert_true(anvil_virtqueue_want_notification(&f->vq));
		assert_int_equal(pop(f), 1);
		assert_false(anvil_virtqueue_want_notification(&f->vq));
		/* a broken index is news too, and pop then says so */
		set_avail_idx(f, 0x4000);
		assert_true(anvil_virtqueue_want_notification(&f->vq));
		assert_int_equal(pop(f), -EPROTO);
	}
}

/* The index arrives between our wish and our last look: no wake-up may be lost. */
static void index_that_races_with_the_wish_is_seen(void **state)
{
	struct fixture *f = *state;

	for (unsigned int event = 0; event < 2; event++) {
		assert_int_equal(enable(f, SIZE, true, event), 0);
		ring_desc(&f->ring, 0, DATA, 1, 0, 0);
		ram_watch(&f->ram);
		f->ram.race_at = f->ring.avail + 2;
		f->ram.race_gpa = f->ring.avail + 2;
		f->ram.race_value = 1;
		f->ram.race_len = 2;
		assert_true(anvil_virtqueue_want_notification(&f->vq));
		assert_int_equal(pop(f), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(interrupt_flag_counts_without_event_idx_alone),
		TEST(used_event_asks_for_one_entry),
		TEST(suppression_uses_the_flag_without_event_idx),
		TEST(suppression_leaves_the_flag_alone_with_event_idx),
		TEST(wanting_a_notification_finds_what_came_meanwhile),
		TEST(index_that_races_with_the_wish_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
