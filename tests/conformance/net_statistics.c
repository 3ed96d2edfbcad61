/* SPDX-License-Identifier: BSD-3-Clause */
/* Network devices that count what they do (5.1.9.5.11.12). */
#include "array_size.h"
#include "net_bench.h"

#define RX_BASIC (1ull << 0)
#define RX_CSUM	 (1ull << 1)
#define RX_GSO	 (1ull << 2)
#define RX_SPEED (1ull << 3)
#define TX_BASIC (1ull << 16)
#define TX_CSUM	 (1ull << 17)
#define TX_GSO	 (1ull << 18)
#define TX_SPEED (1ull << 19)
#define CVQ	 (1ull << 32)
#define TYPES                                                                                      \
	(RX_BASIC | RX_CSUM | RX_GSO | RX_SPEED | TX_BASIC | TX_CSUM | TX_GSO | TX_SPEED | CVQ)

struct wish {
	unsigned int queue;
	uint64_t types;
};

static uint8_t stats(struct many *m, const struct wish *wish, unsigned int wishes,
		     uint32_t reply_len)
{
	uint8_t data[16 * 8];

	memset(data, 0, sizeof(data));
	for (unsigned int i = 0; i < wishes; i++) {
		uint64_t types = htole64(wish[i].types);

		put16(data, 16 * i, wish[i].queue);
		memcpy(data + 16 * i + 8, &types, 8);
	}
	return command(m, CLASS_STATS, 1, data, 16 * wishes, reply_len);
}

static void start_stats(struct many *m, struct bench *b)
{
	start(m, b,
	      features(F_DEVICE_STATS, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM,
		       VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_HOST_TSO4, -1));
}

static void query_tells_what_can_be_asked_for(void **state)
{
	struct many m = { 0 };
	uint64_t types;

	start_stats(&m, *state);
	assert_int_equal(command(&m, CLASS_STATS, 0, NULL, 0, 8), OK);
	memcpy(&types, m.reply, 8);
	types = le64toh(types);
	assert_int_equal(types & ~TYPES, 0);
	for (unsigned int bit = 0; bit < 64; bit++) {
		struct wish wish = { bit >= 32 ? CTRL : bit >= 16 ? 1 : 0, 1ull << bit };

		assert_int_equal(stats(&m, &wish, 1, 100), types >> bit & 1 ? OK : ERR);
	}
	assert_true(types & RX_BASIC && types & TX_BASIC && types & CVQ);
}

static void wrong_wishes_fail_the_whole_command(void **state)
{
	static const struct wish wrong[] = {
		{ CTRL + 1, RX_BASIC }, { 0xffff, CVQ }, { 0, 1ull << 40 },  { 0, TX_BASIC },
		{ 1, RX_BASIC },	{ 1, CVQ },	 { CTRL, RX_BASIC }, { 0, RX_BASIC | CVQ },
	};
	struct many m = { 0 };

	start_stats(&m, *state);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct wish wish[] = { { 0, RX_BASIC }, wrong[i], { 1, TX_BASIC } };

		assert_int_equal(stats(&m, wish, 3, 200), ERR);
		for (size_t n = 0; n < 200; n++)
			assert_int_equal(m.reply[n], 0xee);
	}
	/* types without their feature */
	start(&m, *state, features(F_DEVICE_STATS, -1));
	for (unsigned int i = 0; i < 4; i++) {
		static const struct wish wish[] = {
			{ 0, RX_CSUM }, { 0, RX_GSO }, { 1, TX_CSUM }, { 1, TX_GSO }
		};

		assert_int_equal(stats(&m, &wish[i], 1, 100), ERR);
	}
}

/* The reply at `at`: its counters follow; returns where the next one is. */
static uint32_t reply_is(struct many *m, uint32_t at, uint8_t type, unsigned int queue,
			 unsigned int counters)
{
	const uint8_t *r = m->reply + at;

	assert_int_equal(r[0], type);
	assert_int_equal(r[2] | r[3] << 8, queue);
	assert_int_equal(r[6] | r[7] << 8, 8 + 8 * counters);
	return at + 8 + 8 * counters;
}

static uint64_t counter(const struct many *m, uint32_t at)
{
	uint64_t value;

	memcpy(&value, m->reply + at, 8);
	return le64toh(value);
}

static void replies_say_type_queue_and_size(void **state)
{
	const struct wish wish[] = { { 2, RX_BASIC }, { 3, TX_BASIC }, { CTRL, CVQ } };
	struct many m = { 0 };
	uint32_t at;

	start_stats(&m, *state);
	transmit(&m, 1, flow_frame(1, true));
	transmit(&m, 1, flow_frame(1, true));
	assert_int_equal(stats(&m, wish, 3, 400), OK);
	at = reply_is(&m, 0, 0, 2, 6);
	assert_int_equal(counter(&m, at + 16), 2);	   /* tx_packets */
	assert_int_equal(counter(&m, at + 24), 2 * FRAME); /* tx_bytes */
	at = reply_is(&m, at, 16, 3, 6);
	assert_int_equal(counter(&m, at + 8), 1); /* commands, this one included */
	assert_int_equal(counter(&m, at + 16), 1);
	at = reply_is(&m, at, 32, CTRL, 2);
	for (; at < 400; at++)
		assert_int_equal(m.reply[at], 0xee); /* nothing beyond what is valid */
}

static void replies_are_cut_at_the_end_of_the_buffer(void **state)
{
	const struct wish wish[] = { { 0, RX_BASIC }, { 1, TX_BASIC } };
	struct many m = { 0 };
	uint8_t whole[112];

	start_stats(&m, *state);
	assert_int_equal(stats(&m, wish, 2, sizeof(whole)), OK);
	memcpy(whole, m.reply, sizeof(whole));
	for (uint32_t len = 0; len <= 300; len += 7) {
		uint32_t valid = len < sizeof(whole) ? len : (uint32_t)sizeof(whole);

		assert_int_equal(stats(&m, wish, 2, len), OK);
		assert_memory_equal(m.reply, whole, valid);
		for (uint32_t i = valid; i < len; i++)
			assert_int_equal(m.reply[i], 0xee);
	}
}

/* From the outside 2^64 frames are too many: the counter is moved there. */
static void counters_wrap(void **state)
{
	const struct wish wish = { 1, TX_BASIC };
	struct many m = { 0 };

	start_stats(&m, *state);
	for (size_t i = 0; i < ARRAY_SIZE(m.b->net.queue[1].basic); i++)
		m.b->net.queue[1].basic[i] = UINT64_MAX;
	transmit(&m, 0, flow_frame(1, true));
	assert_int_equal(stats(&m, &wish, 1, 56), OK);
	assert_int_equal(counter(&m, 16), 0);
	assert_int_equal(counter(&m, 24), FRAME - 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		NET("5.1.9.5.11.12/1", query_tells_what_can_be_asked_for),
		NET("5.1.9.5.11.12/2 5.1.9.5.11.12/3", wrong_wishes_fail_the_whole_command),
		NET("5.1.9.5.11.12/4 5.1.9.5.11.12/5", replies_say_type_queue_and_size),
		NET("5.1.9.5.11.12/6", replies_are_cut_at_the_end_of_the_buffer),
		NET("5.1.9.5.11.12/7", counters_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
