/* SPDX-License-Identifier: BSD-3-Clause */
/* virtqueue.h over the packed ring: which notifications either side wants (2.8.10). */
#include "packed_ring.h"

/* ---- whether the driver wants to hear of it (2.8.10) ---- */

static void driver_flags_are_obeyed(void **state)
{
	struct fixture *f = *state;

	for (uint32_t flags = 0; flags < 0x10000; flags += 1 + flags / 3) {
		assert_int_equal(enable(f, 5, PACKED()), 0);
		ram_put16(&f->ram, DRIVER + 2, (uint16_t)flags);
		offer_desc(f, DATA, 1, 0, 0);
		pop_and_push(f);
		/* only two bits of it mean anything; DESC is not valid without EVENT_IDX */
		assert_int_equal(anvil_virtqueue_publish(&f->vq),
				 (flags & 3) != RING_EVENT_FLAGS_DISABLE);
	}
}

/* Every place of two laps and beyond, against a step-by-step count. */
static void event_place_asks_for_one_entry(void **state)
{
	struct fixture *f = *state;

	for (uint32_t size = 1; size <= 5; size++) {
		for (unsigned int start = 0; start < 2 * size; start++) {
			for (uint32_t event = 0; event < 0x10000;
			     event += event % 0x8000 < 9 ? 1 : 97) {
				uint16_t count = (uint16_t)(1 + start % size);
				bool among = false;

				assert_int_equal(enable(f, size, PACKED(.event_idx = true)), 0);
				for (unsigned int i = 0; i < start; i++) {
					offer_desc(f, DATA, 1, 0, 0);
					pop_and_push(f);
					(void)!anvil_virtqueue_publish(&f->vq);
				}
				ram_put16(&f->ram, DRIVER, (uint16_t)event);
				ram_put16(&f->ram, DRIVER + 2, RING_EVENT_FLAGS_DESC);
				for (uint16_t i = 0; i < count; i++) {
					among |= f->next == event;
					offer_desc(f, DATA, 1, i, 0);
					pop_and_push(f);
				}
				assert_int_equal(anvil_virtqueue_publish(&f->vq), among);
			}
		}
	}
}

/* ---- whether we want to hear of it ---- */

static void device_flags_say_so_without_event_idx(void **state)
{
	struct fixture *f = *state;

	anvil_virtqueue_suppress_notification(&f->vq);
	assert_int_equal(ram_get16(&f->ram, DEVICE + 2), RING_EVENT_FLAGS_DISABLE);
	assert_false(anvil_virtqueue_want_notification(&f->vq));
	assert_int_equal(ram_get16(&f->ram, DEVICE + 2), RING_EVENT_FLAGS_ENABLE);
	assert_int_equal(ram_get16(&f->ram, DEVICE), 0);
	offer_desc(f, DATA, 1, 0, 0);
	assert_true(anvil_virtqueue_want_notification(&f->vq));
}

static void event_is_the_next_entry_not_seen_available(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(enable(f, 5, PACKED(.event_idx = true)), 0);
	for (unsigned int round = 0; round < 23; round++) {
		anvil_virtqueue_suppress_notification(&f->vq);
		assert_false(anvil_virtqueue_want_notification(&f->vq));
		assert_int_equal(ram_get16(&f->ram, DEVICE), f->next);
		assert_int_equal(ram_get16(&f->ram, DEVICE + 2), RING_EVENT_FLAGS_DESC);
		offer_list(f, 2, 0);
		assert_true(anvil_virtqueue_want_notification(&f->vq));
		/* given back: the driver will not make these available again */
		assert_int_equal(pop(f), 1);
		anvil_virtqueue_unpop(&f->vq, &f->chain[0]);
		assert_false(anvil_virtqueue_want_notification(&f->vq));
		assert_int_equal(ram_get16(&f->ram, DEVICE), f->next);
		pop_and_push(f);
		(void)!anvil_virtqueue_publish(&f->vq);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(driver_flags_are_obeyed),
		TEST(event_place_asks_for_one_entry),
		TEST(device_flags_say_so_without_event_idx),
		TEST(event_is_the_next_entry_not_seen_available),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
