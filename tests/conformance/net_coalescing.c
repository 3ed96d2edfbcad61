/* SPDX-License-Identifier: BSD-3-Clause */
/* Network devices that coalesce notifications (5.1.9.5.10.6). */
#include "array_size.h"
#include "net_bench.h"

static uint8_t coal(struct many *m, uint8_t number, unsigned int queue, unsigned int reserved,
		    uint32_t packets, uint32_t usecs)
{
	uint8_t data[12];
	uint32_t len = 0;

	if (number >= 2)
		len = put16(data, put16(data, 0, queue), reserved);
	if (number < 3) {
		len = put16(data, put16(data, len, packets), packets >> 16);
		len = put16(data, put16(data, len, usecs), usecs >> 16);
	}
	return command(m, CLASS_COAL, number, data, len, number == 3 ? 8 : 0);
}

/* VQ_GET: packets and microseconds of a queue. */
static void coal_is(struct many *m, unsigned int queue, uint32_t packets, uint32_t usecs)
{
	uint32_t got[2];

	assert_int_equal(coal(m, 3, queue, 0, 0, 0), OK);
	memcpy(got, m->reply, sizeof(got));
	assert_int_equal(le32toh(got[0]), packets);
	assert_int_equal(le32toh(got[1]), usecs);
}

static void start_coal(struct many *m, struct bench *b)
{
	start(m, b, features(F_NOTF_COAL, F_VQ_NOTF_COAL, -1));
}

static void coalescing_ignores_what_is_reserved(void **state)
{
	struct many m = { 0 };

	start_coal(&m, *state);
	assert_int_equal(coal(&m, 2, 1, 0xffff, 5, 6), OK);
	coal_is(&m, 1, 5, 6);
	assert_int_equal(coal(&m, 3, 1, 0xffff, 0, 0), OK);
}

static void coalescing_says_whether_it_is_in_force(void **state)
{
	struct many m = { 0 };

	start_coal(&m, *state);
	for (uint8_t number = 0; number < 2; number++) { /* TX_SET, RX_SET */
		uint32_t packets = 7u + number;

		assert_int_equal(coal(&m, number, 0, 0, packets, 9), OK);
		for (unsigned int pair = 0; pair < PAIRS; pair++)
			coal_is(&m, 2 * pair + !number, packets, 9);
		assert_int_equal(command(&m, CLASS_COAL, number, "\1\0\0\0\1\0\0", 7, 0), ERR);
		coal_is(&m, !number, packets, 9);
	}
	for (unsigned int queue = 0; queue < CTRL; queue++) {
		assert_int_equal(coal(&m, 2, queue, 0, 20 + queue, 30), OK);
		coal_is(&m, queue, 20 + queue, 30);
	}
	assert_int_equal(command(&m, CLASS_COAL, 2, "\1\0\0\0\1\0\0", 7, 0), ERR);
	coal_is(&m, 1, 21, 30);
}

static void coalescing_is_for_enabled_queues(void **state)
{
	static const unsigned int bad[] = { CTRL, CTRL + 1, 100, 0xffff };
	struct many m = { 0 };

	start_coal(&m, *state);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(coal(&m, 2, bad[i], 0, 1, 1), ERR);
		assert_int_equal(coal(&m, 3, bad[i], 0, 0, 0), ERR);
	}
	reset_queue(&m, 2);
	assert_int_equal(coal(&m, 2, 2, 0, 1, 1), ERR);
	assert_int_equal(coal(&m, 3, 2, 0, 0, 0), ERR);
	start_queue(&m, 2);
	assert_int_equal(coal(&m, 2, 2, 0, 1, 1), OK);
}

static void queue_enabled_again_has_the_common_parameters(void **state)
{
	struct many m = { 0 };

	for (uint8_t number = 0; number < 2; number++) {
		unsigned int queue = 2u + !number;

		start_coal(&m, *state);
		assert_int_equal(coal(&m, 2, queue, 0, 5, 6), OK);
		reset_queue(&m, queue);
		start_queue(&m, queue);
		coal_is(&m, queue, 0, 0);
		assert_int_equal(coal(&m, number, 0, 0, 11, 12), OK);
		assert_int_equal(coal(&m, 2, queue, 0, 5, 6), OK);
		coal_is(&m, queue, 5, 6);
		reset_queue(&m, queue);
		start_queue(&m, queue);
		coal_is(&m, queue, 11, 12);
	}
}

static void coalescing_does_not_overrule_suppression(void **state)
{
	struct many m = { 0 };
	uint64_t next;

	start_coal(&m, *state);
	assert_int_equal(coal(&m, 0, 0, 0, 3, 100), OK);
	guest_take_interrupts(&m.b->guest);
	ram_put16(&m.b->guest.ram, m.ring[1].avail, VIRTQ_AVAIL_F_NO_INTERRUPT);
	for (unsigned int i = 0; i < 10; i++)
		transmit(&m, 0, flow_frame(1, true));
	anvil_net_tick(&m.b->net, 1000, &next);
	assert_int_equal(guest_take_interrupts(&m.b->guest), 0);
	/* and without it three at a time are told of */
	ram_put16(&m.b->guest.ram, m.ring[1].avail, 0);
	guest_take_interrupts(&m.b->guest);
	for (unsigned int i = 0; i < 3; i++)
		transmit(&m, 0, flow_frame(1, true));
	assert_int_equal(guest_take_interrupts(&m.b->guest), VIRTIO_INTERRUPT_USED);
}

static void coalescing_is_0_after_a_reset(void **state)
{
	struct many m = { 0 };

	start_coal(&m, *state);
	assert_int_equal(coal(&m, 0, 0, 0, 11, 12), OK);
	assert_int_equal(coal(&m, 1, 0, 0, 13, 14), OK);
	assert_int_equal(coal(&m, 2, 2, 0, 15, 16), OK);
	restart(&m, features(F_NOTF_COAL, F_VQ_NOTF_COAL, -1));
	for (unsigned int i = 0; i < CTRL; i++)
		coal_is(&m, i, 0, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		NET("5.1.9.5.10.6/1", coalescing_ignores_what_is_reserved),
		NET("5.1.9.5.10.6/2 5.1.9.5.10.6/3", coalescing_says_whether_it_is_in_force),
		NET("5.1.9.5.10.6/4", coalescing_is_for_enabled_queues),
		NET("5.1.9.5.10.6/5 5.1.9.5.10.6/6", queue_enabled_again_has_the_common_parameters),
		NET("5.1.9.5.10.6/8", coalescing_does_not_overrule_suppression),
		NET("5.1.9.5.10.6/9", coalescing_is_0_after_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
