/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_device.h, virtio_net.h: the work of one call is bounded. */
#include "array_size.h"
#include "virtio_mmio_state.h"
#include "work_bounds.h"

static void transmit_is_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		unsigned int size = sizes[i / 2];

		make_net(size, i % 2, 1, false);
		put_table(size, size, 65536 / size, 65536 / size);
		offer_tables(ANVIL_NET_TX, size, chains_of(size));
		set(VIRTIO_MMIO_QUEUE_NOTIFY, ANVIL_NET_TX);
		assert_true(t.deferred);
		assert_true(t.most > 1000);
		(void)poll_all();
		expect_all_used(ANVIL_NET_TX);
		end_net();
	}
}

/* Direct chains can share descriptors just as well: each one is the rest of the table. */
static void chains_that_share_descriptors_are_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned int size = sizes[i];

		make_net(size, false, 1, false);
		for (unsigned int k = 0; k < size; k++) {
			uint16_t head = (uint16_t)(k % 64);

			put_desc(DESC(ANVIL_NET_TX) + 16ull * k, BUFFER, 2, k + 1 < size ? NEXT : 0,
				 k + 1);
			put(AVAIL(ANVIL_NET_TX) + 4 + 2ull * k, &head, 2);
		}
		t.avail[ANVIL_NET_TX] = (uint16_t)chains_of(size);
		put(AVAIL(ANVIL_NET_TX) + 2, &t.avail[ANVIL_NET_TX], 2);
		set(VIRTIO_MMIO_QUEUE_NOTIFY, ANVIL_NET_TX);
		(void)poll_all();
		expect_all_used(ANVIL_NET_TX);
		end_net();
	}
}

static void commands_are_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned int size = sizes[i];

		make_net(size, false, 1, false);
		put_table(size, size - 1, 1, 1);
		offer_tables(ANVIL_NET_CTRL, size, chains_of(size));
		set(VIRTIO_MMIO_QUEUE_NOTIFY, ANVIL_NET_CTRL);
		(void)poll_all();
		expect_all_used(ANVIL_NET_CTRL);
		end_net();
	}
}

/* Sixty-four questions for all statistics in one command, and the answers in one long chain. */
static void statistics_are_bounded(void **state)
{
	struct virtio_net_stats_wish wish[ANVIL_NET_STATS_WISHES];
	const uint8_t command[2] = { VIRTIO_NET_CTRL_STATS, VIRTIO_NET_CTRL_STATS_GET };

	(void)state;
	make_net(4096, false, 1, false);
	memset(wish, 0, sizeof(wish));
	for (size_t i = 0; i < ARRAY_SIZE(wish); i++) {
		wish[i].vq_index = 1;
		wish[i].types_bitmap = 1ull << VIRTIO_NET_STATS_TX_BASIC;
	}
	put(BUFFER, command, sizeof(command));
	put(BUFFER + 2, wish, sizeof(wish));
	put_desc(TABLE, BUFFER, sizeof(command) + sizeof(wish), NEXT, 1);
	put_desc(TABLE + 16, BUFFER + 65536, 65536, WRITABLE, 0);
	offer_tables(ANVIL_NET_CTRL, 2, 4096);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, ANVIL_NET_CTRL);
	assert_true(t.deferred);
	(void)poll_all();
	expect_all_used(ANVIL_NET_CTRL);
	assert_int_equal(t.ram[BUFFER + 65536], VIRTIO_NET_OK);
	end_net();
}

static int receive(uint32_t len)
{
	static const uint8_t frame[1514] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	int result;

	call_begins();
	result = t.nic.receive(&t.nic, &(struct anvil_nic_frame){ .data = frame, .len = len });
	call_ends();
	return result;
}

/* Buffers that are no good are used up; a frame looks at no more of them than one call may. */
static void bad_receive_buffers_are_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		unsigned int size = sizes[i / 2];

		make_net(size, false, 1, i % 2);
		put_table(size, size, 1, 1); /* readable ones */
		offer_tables(ANVIL_NET_RX, size, chains_of(size));
		for (unsigned int k = 0; k < 2 * size && receive(1514) == -EAGAIN &&
					 used(ANVIL_NET_RX) != t.avail[ANVIL_NET_RX];
		     k++)
			(void)poll_all();
		expect_all_used(ANVIL_NET_RX);
		end_net();
	}
}

/* A byte in each: all of the ring for one frame, or not enough. */
static void small_receive_buffers_are_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		unsigned int size = sizes[i / 2];

		make_net(size, false, 1, i % 2);
		put_desc(TABLE, BUFFER, 13, WRITABLE, 0);
		offer_tables(ANVIL_NET_RX, 1, size);
		(void)receive(1514);
		(void)receive(60);
		end_net();
	}
}

/* All pairs wait for the nic; when it can send again, one call does what one call may. */
static void sending_again_is_bounded(void **state)
{
	unsigned int polls;

	(void)state;
	make_net(1024, false, 3, false);
	t.stalled = true;
	put_table(1024, 1024, 1, 1);
	for (unsigned int pair = 0; pair < 3; pair++) {
		offer_tables(2 * pair + ANVIL_NET_TX, 1024, 1024);
		set(VIRTIO_MMIO_QUEUE_NOTIFY, 2 * pair + ANVIL_NET_TX);
	}
	assert_false(t.deferred);
	t.stalled = false;
	call_begins();
	t.nic.sendable(&t.nic);
	call_ends();
	polls = poll_all();
	assert_true(polls > 3 * 1024 * 1032 / 16384 - 3);
	for (unsigned int pair = 0; pair < 3; pair++)
		expect_all_used(2 * pair + ANVIL_NET_TX);
	end_net();
}

/* A queue with ever more work does not keep another one from its own. */
static void queues_have_their_turns(void **state)
{
	(void)state;
	make_net(1024, false, 3, false);
	put_table(1024, 1024, 64, 64);
	for (unsigned int pair = 0; pair < 3; pair++) {
		offer_tables(2 * pair + ANVIL_NET_TX, 1024, 512);
		set(VIRTIO_MMIO_QUEUE_NOTIFY, 2 * pair + ANVIL_NET_TX);
	}
	for (unsigned int polls = 0; polls < 9; polls++) {
		assert_true(t.deferred);
		t.deferred = false;
		call_begins();
		anvil_mmio_poll(&t.mmio);
		call_ends();
	}
	for (unsigned int pair = 1; pair < 3; pair++) {
		assert_true(used(2 * pair + 1) + 20 > used(1));
		assert_true(used(2 * pair + 1) < used(1) + 20);
	}
	end_net();
}

/* A reset, a saved state taken back, a queue of that size stopped: none looks at what is in rings.
 */
static void other_calls_are_bounded(void **state)
{
	static uint8_t image[65536];
	size_t len;

	(void)state;
	make_net(32768, false, 1, false);
	put_table(32768, 32768, 2, 2);
	offer_tables(ANVIL_NET_TX, 32768, 64);
	assert_int_equal(anvil_mmio_save(&t.mmio, image, sizeof(image), &len), 0);
	set(VIRTIO_MMIO_STATUS, 0);
	call_begins();
	assert_int_equal(anvil_mmio_restore(&t.mmio, image, len), 0);
	call_ends();
	assert_int_equal(t.accesses, 0);
	assert_true(t.deferred);
	(void)poll_all();
	expect_all_used(ANVIL_NET_TX);
	set(VIRTIO_MMIO_QUEUE_SEL, 1);
	set(VIRTIO_MMIO_QUEUE_READY, 0);
	anvil_net_set_link(&t.net, false);
	end_net();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transmit_is_bounded),
		cmocka_unit_test(chains_that_share_descriptors_are_bounded),
		cmocka_unit_test(commands_are_bounded),
		cmocka_unit_test(statistics_are_bounded),
		cmocka_unit_test(bad_receive_buffers_are_bounded),
		cmocka_unit_test(small_receive_buffers_are_bounded),
		cmocka_unit_test(sending_again_is_bounded),
		cmocka_unit_test(queues_have_their_turns),
		cmocka_unit_test(other_calls_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
