/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_device.h: the status machine, features, queues, configuration space, serving (2, 3). */
#include "array_size.h"
#include "support.h"

struct fixture {
	struct ram ram;
	struct ring ring;
	struct fake_device fake;
	struct anvil_device *dev;
	unsigned int used_interrupts;
	unsigned int config_interrupts;
	unsigned int defers;
};

static void interrupt(void *opaque, uint32_t events)
{
	struct fixture *f = opaque;

	f->used_interrupts += events == VIRTIO_INTERRUPT_USED;
	f->config_interrupts += events == VIRTIO_INTERRUPT_CONFIG;
	assert_true(events == VIRTIO_INTERRUPT_USED || events == VIRTIO_INTERRUPT_CONFIG);
}

static void defer(void *opaque)
{
	((struct fixture *)opaque)->defers++;
}

static void refused(void *opaque, unsigned int queue, int err)
{
	(void)opaque, (void)queue;
	assert_true(err < 0);
}

static const struct anvil_transport_ops transport = {
	.interrupt = interrupt,
	.defer = defer,
	.refused = refused,
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	ram_init(&f->ram);
	fake_device_init(&f->fake, &f->ram.memory);
	f->dev = &f->fake.dev;
	f->dev->transport = &transport;
	f->dev->transport_opaque = f;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	anvil_device_destroy(f->dev);
	ram_destroy(&f->ram);
	free(f);
	return 0;
}

static void accept(struct fixture *f, struct anvil_features set)
{
	anvil_device_set_status(f->dev, 0);
	anvil_device_set_status(f->dev, UP_TO_ACKNOWLEDGE);
	anvil_device_set_status(f->dev, UP_TO_DRIVER);
	for (uint32_t sel = 0; sel < 4; sel++)
		anvil_device_set_driver_features(f->dev, sel,
						 (uint32_t)(set.word[sel / 2] >> (sel % 2 * 32)));
	anvil_device_set_status(f->dev, UP_TO_FEATURES_OK);
}

static void program(struct fixture *f, unsigned int index)
{
	struct anvil_virtqueue *vq = &f->dev->queue[index];

	ring_init(&f->ring, &f->ram, RAM_LOW, 8);
	vq->size = 8;
	vq->desc_area = f->ring.desc;
	vq->driver_area = f->ring.avail;
	vq->device_area = f->ring.used;
}

/* Queue 0 runs, with `set` and VERSION_1. */
static void go_live(struct fixture *f, struct anvil_features set)
{
	anvil_features_add(&set, VIRTIO_F_VERSION_1);
	accept(f, set);
	program(f, 0);
	anvil_device_start_queue(f->dev, 0);
	anvil_device_set_status(f->dev, UP_TO_DRIVER_OK);
	assert_true(anvil_device_queue_live(f->dev, 0));
}

static void offer_byte(struct fixture *f, uint16_t head)
{
	ring_desc(&f->ring, head, RAM_HIGH, 1, 0, 0);
	ring_offer(&f->ring, head);
}

/* ---- creation ---- */

static void init_checks_its_arguments(void **state)
{
	static const struct {
		unsigned int queues;
		uint16_t size;
		int result;
	} t[] = {
		{ 0, 8, -EINVAL }, { 1, 8, 0 },	      { 64, 1, 0 },	     { 65, 8, -EINVAL },
		{ 1, 0, -EINVAL }, { 1, 3, -EINVAL }, { 2, 0x8000, 0 },	     { 1, 0x8001, -EINVAL },
		{ 1, 7, -EINVAL }, { 1, 9, -EINVAL }, { 1, 0xffff, -EINVAL }
	};
	struct fixture *f = *state;
	struct anvil_features none = { { 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct anvil_device dev;

		assert_int_equal(anvil_device_init(&dev, f->dev->ops, &f->ram.memory, t[i].queues,
						   t[i].size, &none),
				 t[i].result);
		if (t[i].result)
			continue;
		assert_int_equal(dev.offered.word[0], 1ull << VIRTIO_F_VERSION_1);
		assert_int_equal(dev.offered.word[1], 0);
		assert_int_equal(dev.status, 0);
		anvil_device_destroy(&dev);
	}
}

static void feature_sets_hold_128_bits(void **state)
{
	struct anvil_features set = { { 0 } };

	(void)state;
	for (unsigned int bit = 0; bit < ANVIL_FEATURE_BITS; bit++) {
		assert_false(anvil_features_has(&set, bit));
		anvil_features_add(&set, bit);
		assert_true(anvil_features_has(&set, bit));
		assert_int_equal(set.word[1 - bit / 64], bit < 64 ? 0 : UINT64_MAX);
	}
}

static void rules_hold_as_a_truth_table(void **state)
{
	/* bit 0 may be the first alternative; as the second one 0 means: there is none */
	static const struct anvil_feature_rule rule[] = { { 5, { 0, 6 } }, { 7, { 6 } } };

	(void)state;
	for (unsigned int bits = 0; bits < 16; bits++) {
		bool has0 = bits & 1, has5 = bits & 2, has6 = bits & 4, has7 = bits & 8;
		struct anvil_features set = features(has0 ? 0 : 127, has5 ? 5 : 127, has6 ? 6 : 127,
						     has7 ? 7 : 127, -1);
		bool holds = (!has5 || has0 || has6) && (!has7 || has6);

		assert_int_equal(anvil_device_rules_hold(rule, 2, &set), holds);
		assert_true(anvil_device_rules_hold(rule, 0, &set));
	}
}

/* ---- status (2.1, 3.1.1) ---- */

/* What the specification makes of writing `value` when the features are acceptable. */
static uint8_t expected_status(uint8_t from, uint32_t value)
{
	uint8_t broken = from & VIRTIO_STATUS_NEEDS_RESET;
	uint8_t now = from & (uint8_t)~broken;
	uint32_t to = value & ~VIRTIO_STATUS_NEEDS_RESET;

	if (value == 0)
		return 0;
	if (to == (now | VIRTIO_STATUS_FAILED))
		return from | VIRTIO_STATUS_FAILED;
	if ((now == 0 && (to == UP_TO_ACKNOWLEDGE || to == UP_TO_DRIVER)) ||
	    (now == UP_TO_ACKNOWLEDGE && to == UP_TO_DRIVER) ||
	    (now == UP_TO_DRIVER && to == UP_TO_FEATURES_OK) ||
	    (now == UP_TO_FEATURES_OK && to == UP_TO_DRIVER_OK))
		return (uint8_t)to | broken;
	return from;
}

static void status_moves_one_step_at_a_time(void **state)
{
	struct fixture *f = *state;

	for (uint32_t from = 0; from <= UINT8_MAX; from++) {
		for (uint32_t value = 0; value <= UINT8_MAX; value++) {
			f->dev->status = (uint8_t)from;
			f->dev->driver = features(VIRTIO_F_VERSION_1, -1);
			anvil_device_set_status(f->dev, value);
			if (f->dev->status != expected_status((uint8_t)from, value))
				fail_msg("%#x -> %#x: %#x", from, value, f->dev->status);
		}
	}
}

static void status_bits_above_the_byte_are_not_cut_off(void **state)
{
	static const uint32_t high[] = { 0x100, 0x8000, 0x10000, 0x80000000, 0xffffff00 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(high); i++) {
		anvil_device_set_status(f->dev, 0);
		anvil_device_set_status(f->dev, high[i]); /* no reset and no step */
		assert_int_equal(f->dev->status, 0);
		anvil_device_set_status(f->dev, high[i] | UP_TO_ACKNOWLEDGE);
		assert_int_equal(f->dev->status, 0);
		anvil_device_set_status(f->dev, UP_TO_ACKNOWLEDGE);
		anvil_device_set_status(f->dev, high[i]);
		anvil_device_set_status(f->dev, high[i] | UP_TO_ACKNOWLEDGE | VIRTIO_STATUS_FAILED);
		assert_int_equal(f->dev->status, UP_TO_ACKNOWLEDGE);
	}
}

static void driver_cannot_set_or_clear_needs_reset(void **state)
{
	struct fixture *f = *state;

	anvil_device_set_status(f->dev, VIRTIO_STATUS_NEEDS_RESET);
	assert_int_equal(f->dev->status, 0);
	go_live(f, features(-1));
	anvil_device_set_status(f->dev, STATUS_BROKEN);
	assert_int_equal(f->dev->status, UP_TO_DRIVER_OK);
	anvil_device_break(f->dev, 0, -EPROTO);
	anvil_device_set_status(f->dev, UP_TO_DRIVER_OK);
	assert_int_equal(f->dev->status, STATUS_BROKEN);
	anvil_device_set_status(f->dev, UP_TO_DRIVER_OK | VIRTIO_STATUS_FAILED);
	assert_int_equal(f->dev->status, STATUS_BROKEN | VIRTIO_STATUS_FAILED);
	anvil_device_set_status(f->dev, 0);
	assert_int_equal(f->dev->status, 0);
}

/* ---- features (2.2) ---- */

static void only_acceptable_features_are_accepted(void **state)
{
	struct fixture *f = *state;
	struct anvil_features base = features(VIRTIO_F_VERSION_1, -1);

	for (int bit = 0; bit < (int)ANVIL_FEATURE_BITS; bit++) {
		struct anvil_features set = base;
		bool offered = bit == FAKE_NEEDS_A || bit == FAKE_NEEDS_B || bit == FAKE_QUEUE_2 ||
			       bit == VIRTIO_F_RING_RESET || bit == VIRTIO_F_EVENT_IDX ||
			       bit == VIRTIO_F_INDIRECT_DESC || bit == VIRTIO_F_VERSION_1;

		anvil_features_add(&set, (unsigned int)bit);
		f->fake.accepted = 0;
		accept(f, set);
		assert_int_equal(f->dev->status, offered ? UP_TO_FEATURES_OK : UP_TO_DRIVER);
		assert_int_equal(f->fake.accepted, offered);
		assert_int_equal(anvil_device_has(f->dev, (unsigned int)bit), offered);
	}
	/* FAKE_FEATURE_A alone was refused for its rule */
	accept(f, features(VIRTIO_F_VERSION_1, FAKE_FEATURE_A, FAKE_NEEDS_A, -1));
	assert_int_equal(f->dev->status, UP_TO_FEATURES_OK);
	accept(f, features(VIRTIO_F_VERSION_1, FAKE_FEATURE_A, FAKE_NEEDS_B, -1));
	assert_int_equal(f->dev->status, UP_TO_FEATURES_OK);
	/* 6.2 */
	accept(f, features(-1));
	assert_int_equal(f->dev->status, UP_TO_DRIVER);
	accept(f, features(FAKE_NEEDS_A, -1));
	assert_int_equal(f->dev->status, UP_TO_DRIVER);
}

static void refused_features_can_be_corrected(void **state)
{
	struct fixture *f = *state;

	accept(f, features(VIRTIO_F_VERSION_1, 77, -1));
	assert_int_equal(f->dev->status, UP_TO_DRIVER);
	anvil_device_set_driver_features(f->dev, 2, 0);
	anvil_device_set_status(f->dev, UP_TO_FEATURES_OK);
	assert_int_equal(f->dev->status, UP_TO_FEATURES_OK);
	assert_int_equal(f->fake.accepted, 1);
}

static void features_are_written_between_driver_and_features_ok_alone(void **state)
{
	struct fixture *f = *state;

	for (uint32_t status = 0; status <= UINT8_MAX; status++) {
		f->dev->status = (uint8_t)status;
		for (uint32_t sel = 0; sel < 4; sel++) {
			f->dev->driver = (struct anvil_features){ { 0 } };
			anvil_device_set_driver_features(f->dev, sel, 0xa5a50000u | sel);

			uint64_t word = (uint64_t)(0xa5a50000u | sel) << (sel % 2 * 32);

			assert_int_equal(f->dev->driver.word[sel / 2],
					 status == UP_TO_DRIVER ? word : 0);
			assert_int_equal(f->dev->driver.word[1 - sel / 2], 0);
		}
	}
}

static void feature_words_beyond_the_last_do_not_exist(void **state)
{
	static const uint32_t sel[] = { 4, 5, 31, 32, 0x80000000, UINT32_MAX };
	struct fixture *f = *state;

	f->dev->offered = (struct anvil_features){ { 0x1111111122222222, 0x3333333344444444 } };
	assert_int_equal(anvil_device_offered(f->dev, 0), 0x22222222);
	assert_int_equal(anvil_device_offered(f->dev, 1), 0x11111111);
	assert_int_equal(anvil_device_offered(f->dev, 2), 0x44444444);
	assert_int_equal(anvil_device_offered(f->dev, 3), 0x33333333);
	f->dev->status = UP_TO_DRIVER;
	f->dev->driver = f->dev->offered;
	for (size_t i = 0; i < ARRAY_SIZE(sel); i++) {
		assert_int_equal(anvil_device_offered(f->dev, sel[i]), 0);
		anvil_device_set_driver_features(f->dev, sel[i], UINT32_MAX);
		assert_memory_equal(&f->dev->driver, &f->dev->offered, sizeof(f->dev->driver));
	}
}

/* ---- reset (2.4) ---- */

static void reset_leaves_no_trace(void **state)
{
	struct fixture *f = *state;

	go_live(f, features(FAKE_QUEUE_2, -1));
	program(f, 1); /* programmed, not started */
	anvil_device_defer(f->dev, 0);
	f->fake.resets = 0;
	anvil_device_set_status(f->dev, 0);
	assert_int_equal(f->fake.resets, 1);
	assert_int_equal(f->fake.stopped[0], 1);
	assert_int_equal(f->fake.stopped[1] + f->fake.stopped[2], 0);
	assert_int_equal(f->dev->driver.word[0] | f->dev->driver.word[1], 0);
	assert_false(anvil_device_has(f->dev, FAKE_QUEUE_2));
	for (unsigned int i = 0; i < 3; i++) {
		assert_false(anvil_virtqueue_enabled(&f->dev->queue[i]));
		assert_int_equal(f->dev->queue[i].size, 0);
		assert_int_equal(f->dev->queue[i].desc_area, 0);
	}
	anvil_device_poll(f->dev);
	assert_int_equal(f->fake.notified[0], 0);
}

/* ---- queues (2.6) ---- */

static void queues_exist_by_number_and_purpose(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 3; i++)
		assert_ptr_equal(anvil_device_queue(f->dev, i), &f->dev->queue[i]);
	assert_null(anvil_device_queue(f->dev, 3));
	assert_null(anvil_device_queue(f->dev, 0x10000));
	assert_null(anvil_device_queue(f->dev, UINT32_MAX));

	accept(f, features(VIRTIO_F_VERSION_1, -1));
	assert_non_null(anvil_device_queue(f->dev, 1));
	assert_null(anvil_device_queue(f->dev, 2));
	program(f, 2);
	anvil_device_start_queue(f->dev, 2);
	assert_false(anvil_virtqueue_enabled(&f->dev->queue[2]));

	accept(f, features(VIRTIO_F_VERSION_1, FAKE_QUEUE_2, -1));
	assert_non_null(anvil_device_queue(f->dev, 2));
	program(f, 2);
	anvil_device_start_queue(f->dev, 2);
	assert_true(anvil_virtqueue_enabled(&f->dev->queue[2]));
}

static void queues_are_set_up_in_the_states_that_allow_it_alone(void **state)
{
	struct fixture *f = *state;

	for (unsigned int ring_reset = 0; ring_reset < 2; ring_reset++) {
		for (uint32_t status = 0; status <= UINT8_MAX; status++) {
			bool may = status == UP_TO_FEATURES_OK ||
				   (status == UP_TO_DRIVER_OK && ring_reset);

			anvil_device_set_status(f->dev, 0);
			f->dev->driver = features(VIRTIO_F_VERSION_1,
						  ring_reset ? VIRTIO_F_RING_RESET : -1, -1);
			f->dev->status = (uint8_t)status;
			assert_int_equal(anvil_device_queue_writable(f->dev, &f->dev->queue[0]),
					 may);
			program(f, 0);
			anvil_device_start_queue(f->dev, 0);
			assert_int_equal(anvil_virtqueue_enabled(&f->dev->queue[0]), may);
			assert_false(may && anvil_device_queue_writable(f->dev, &f->dev->queue[0]));
		}
	}
}

static void running_queue_is_not_started_again(void **state)
{
	struct fixture *f = *state;

	go_live(f, features(VIRTIO_F_RING_RESET, -1));
	f->dev->queue[0].next_avail = 5;
	anvil_device_start_queue(f->dev, 0);
	assert_int_equal(f->dev->queue[0].next_avail, 5);
	anvil_device_start_queue(f->dev, 3);
	anvil_device_start_queue(f->dev, UINT32_MAX);
}

static void features_reach_the_queue(void **state)
{
	struct fixture *f = *state;

	go_live(f, features(-1));
	assert_false(f->dev->queue[0].indirect);
	assert_false(f->dev->queue[0].event_idx);
	go_live(f, features(VIRTIO_F_INDIRECT_DESC, -1));
	assert_true(f->dev->queue[0].indirect);
	assert_false(f->dev->queue[0].event_idx);
	go_live(f, features(VIRTIO_F_EVENT_IDX, -1));
	assert_false(f->dev->queue[0].indirect);
	assert_true(f->dev->queue[0].event_idx);
}

static void stopped_queue_is_forgotten(void **state)
{
	struct fixture *f = *state;

	go_live(f, features(VIRTIO_F_RING_RESET, -1));
	anvil_device_defer(f->dev, 0);
	anvil_device_stop_queue(f->dev, 0);
	assert_int_equal(f->fake.stopped[0], 1);
	assert_false(anvil_device_queue_live(f->dev, 0));
	assert_int_equal(f->dev->queue[0].size, 0);
	anvil_device_notify(f->dev, 0);
	anvil_device_poll(f->dev);
	assert_int_equal(f->fake.notified[0], 0);
	anvil_device_stop_queue(f->dev, 0); /* again: nothing to stop */
	anvil_device_stop_queue(f->dev, 1);
	anvil_device_stop_queue(f->dev, 3);
	anvil_device_stop_queue(f->dev, UINT32_MAX);
	assert_int_equal(f->fake.stopped[0] + f->fake.stopped[1], 1);
	/* and comes back (2.6.1.2) */
	program(f, 0);
	anvil_device_start_queue(f->dev, 0);
	assert_true(anvil_device_queue_live(f->dev, 0));
}

static void notifications_reach_live_queues_alone(void **state)
{
	struct fixture *f = *state;

	go_live(f, features(-1));
	for (uint32_t status = 0; status <= UINT8_MAX; status++) {
		f->dev->status = (uint8_t)status;
		f->fake.notified[0] = 0;
		anvil_device_notify(f->dev, 0);
		assert_int_equal(f->fake.notified[0], status == UP_TO_DRIVER_OK);
	}
	f->dev->status = UP_TO_DRIVER_OK;
	anvil_device_notify(f->dev, 1); /* not started */
	anvil_device_notify(f->dev, 3);
	anvil_device_notify(f->dev, 0x10000);
	anvil_device_notify(f->dev, UINT32_MAX);
	assert_int_equal(f->fake.notified[0] + f->fake.notified[1] + f->fake.notified[2], 0);
}

/* ---- breaking (2.1.2) ---- */

static void broken_device_says_so_once_and_rests(void **state)
{
	struct fixture *f = *state;

	go_live(f, features(-1));
	anvil_device_defer(f->dev, 0);
	assert_int_equal(anvil_device_popped(f->dev, 0, 1), ANVIL_SERVED_ONE);
	assert_int_equal(anvil_device_popped(f->dev, 0, 0), ANVIL_SERVED_ALL);
	assert_int_equal(f->dev->status, UP_TO_DRIVER_OK);
	assert_int_equal(anvil_device_popped(f->dev, 0, -EPROTO), ANVIL_SERVED_LATER);
	assert_int_equal(f->dev->status, STATUS_BROKEN);
	assert_int_equal(f->config_interrupts, 1);
	ram_watch(&f->ram);
	anvil_device_poll(f->dev);
	anvil_device_notify(f->dev, 0);
	assert_int_equal(f->fake.notified[0], 0);
	assert_int_equal(f->ram.fetches + f->ram.stores, 0);
	assert_int_equal(f->used_interrupts, 0);
	/* every way of popping wrongly */
	static const int bad[] = { -ELOOP, -EFAULT, -EOVERFLOW };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		go_live(f, features(-1));
		assert_int_equal(anvil_device_popped(f->dev, 0, bad[i]), ANVIL_SERVED_LATER);
		assert_int_equal(f->dev->status, STATUS_BROKEN);
		assert_int_equal(f->config_interrupts, 2 + i);
	}
}

/* ---- configuration space (2.5) ---- */

static void config_accesses_are_inside_or_have_no_effect(void **state)
{
	static const uint64_t far[] = { 0x100000000, 0x10000000c, UINT64_MAX - 7, UINT64_MAX - 1,
					UINT64_MAX };
	struct fixture *f = *state;
	static const uint8_t zeroes[8];
	uint8_t bytes[10];

	accept(f, features(VIRTIO_F_VERSION_1, -1));
	for (uint32_t len = 0; len <= 8; len++) {
		for (uint64_t i = 0; i <= 20 + ARRAY_SIZE(far); i++) {
			uint64_t offset = i <= 20 ? i : far[i - 21];
			bool inside = offset + len <= sizeof(f->fake.config) && offset <= 12;

			memset(bytes, 0xaa, sizeof(bytes));
			anvil_device_config_read(f->dev, offset, bytes + 1, len);
			assert_memory_equal(bytes + 1, inside ? f->fake.config + offset : zeroes,
					    len);
			assert_int_equal(bytes[0], 0xaa);
			assert_int_equal(bytes[1 + len], 0xaa);

			f->fake.config_writes = 0;
			anvil_device_config_write(f->dev, offset, (const uint8_t *)"abcdefgh", len);
			assert_int_equal(f->fake.config_writes, inside);
			if (!inside)
				continue;
			assert_int_equal(f->fake.config_offset, offset);
			assert_int_equal(f->fake.config_len, len);
			assert_memory_equal(f->fake.config_bytes, "abcdefgh", len);
		}
	}
}

static void config_is_read_always_and_written_after_features_ok(void **state)
{
	struct fixture *f = *state;
	uint8_t byte = 0;

	for (uint32_t status = 0; status <= UINT8_MAX; status++) {
		f->dev->status = (uint8_t)status;
		f->fake.config_writes = 0;
		anvil_device_config_read(f->dev, 11, &byte, 1);
		assert_int_equal(byte, 0xcb);
		anvil_device_config_write(f->dev, 11, &byte, 1);
		/* 3.4.2: nor while suspended */
		assert_int_equal(f->fake.config_writes, (status & VIRTIO_STATUS_FEATURES_OK) &&
								!(status & VIRTIO_STATUS_SUSPEND));
	}
}

static void config_change_is_announced_to_a_running_driver(void **state)
{
	struct fixture *f = *state;
	uint32_t generation = f->dev->config_generation;

	anvil_device_config_changed(f->dev);
	assert_int_equal(f->dev->config_generation, generation + 1);
	accept(f, features(VIRTIO_F_VERSION_1, -1));
	anvil_device_config_changed(f->dev);
	assert_int_equal(f->config_interrupts, 0);
	anvil_device_set_status(f->dev, UP_TO_DRIVER_OK);
	anvil_device_config_changed(f->dev);
	assert_int_equal(f->config_interrupts, 1);
	assert_int_equal(f->dev->config_generation, generation + 3);
}

/* ---- serving ---- */

static unsigned int served;
static bool break_at_two;

static enum anvil_served serve_one(struct anvil_device *dev, unsigned int queue)
{
	struct anvil_descriptor_segment storage[8];
	struct anvil_descriptor_chain chain;

	anvil_descriptor_chain_init(&chain, dev->queue[queue].memory, storage, 8);

	enum anvil_served result =
		anvil_device_popped(dev, queue, anvil_virtqueue_pop(&dev->queue[queue], &chain));

	if (result != ANVIL_SERVED_ONE)
		return result;
	served++;
	anvil_virtqueue_fill(&dev->queue[queue], &chain);
	anvil_device_publish(dev, queue);
	if (break_at_two && served == 2)
		anvil_device_break(dev, 0, -EPROTO);
	return ANVIL_SERVED_ONE;
}

static enum anvil_served serve_later(struct anvil_device *dev, unsigned int queue)
{
	(void)dev;
	(void)queue;
	served++;
	return ANVIL_SERVED_LATER;
}

/* A guest that refills the ring under our hands. */
static enum anvil_served serve_and_refill(struct anvil_device *dev, unsigned int queue)
{
	struct fixture *f = dev->transport_opaque;
	enum anvil_served result = serve_one(dev, queue);

	offer_byte(f, (uint16_t)(served % 8));
	return result;
}

static uint16_t used_flags(struct fixture *f)
{
	return ram_get16(&f->ram, f->ring.used);
}

static void serving_ends_with_the_queue(void **state)
{
	struct fixture *f = *state;

	for (uint16_t n = 0; n < 8; n++) {
		served = 0;
		break_at_two = false;
		f->used_interrupts = 0;
		go_live(f, features(-1));
		for (uint16_t i = 0; i < n; i++)
			offer_byte(f, i);
		anvil_device_serve(f->dev, 0, serve_one);
		assert_int_equal(served, n);
		assert_int_equal(f->used_interrupts, n);
		assert_int_equal(f->defers, 0);
		assert_int_equal(used_flags(f), 0);
		assert_int_equal(ring_published(&f->ring), n);
	}
}

static void serving_is_bounded_by_the_queue_size(void **state)
{
	struct fixture *f = *state;

	served = 0;
	break_at_two = false;
	go_live(f, features(-1));
	offer_byte(f, 0);
	anvil_device_serve(f->dev, 0, serve_and_refill);
	assert_int_equal(served, 8);
	assert_int_equal(f->defers, 1);
	assert_int_equal(used_flags(f), VIRTQ_USED_F_NO_NOTIFY); /* we come back by ourselves */
	anvil_device_poll(f->dev);
	assert_int_equal(f->fake.notified[0], 1);
	anvil_device_poll(f->dev);
	assert_int_equal(f->fake.notified[0], 1);
}

static void serving_stops_when_told_later_or_broken(void **state)
{
	struct fixture *f = *state;

	served = 0;
	go_live(f, features(-1));
	for (uint16_t i = 0; i < 4; i++)
		offer_byte(f, i);
	anvil_device_serve(f->dev, 0, serve_later);
	assert_int_equal(served, 1);
	assert_int_equal(f->defers, 0);

	served = 0;
	break_at_two = true;
	anvil_device_serve(f->dev, 0, serve_one);
	assert_int_equal(served, 2);
	assert_int_equal(f->dev->status, STATUS_BROKEN);
	assert_int_equal(f->defers, 0);
}

static void serving_a_broken_ring_breaks_the_device(void **state)
{
	struct fixture *f = *state;

	served = 0;
	break_at_two = false;
	go_live(f, features(-1));
	offer_byte(f, 0);
	ring_offer(&f->ring, 8);
	anvil_device_serve(f->dev, 0, serve_one);
	assert_int_equal(served, 1);
	assert_int_equal(f->dev->status, STATUS_BROKEN);
	assert_int_equal(f->config_interrupts, 1);
	assert_int_equal(ring_published(&f->ring), 1);
}

/* The next chain arrives just as we go to sleep. */
static void serving_sees_what_comes_at_the_last_moment(void **state)
{
	struct fixture *f = *state;

	served = 0;
	break_at_two = false;
	go_live(f, features(-1));
	ring_desc(&f->ring, 0, RAM_HIGH, 1, 0, 0);
	ram_watch(&f->ram);
	f->ram.race_at = f->ring.avail + 2;
	f->ram.race_gpa = f->ring.avail + 2;
	f->ram.race_value = 1;
	f->ram.race_len = 2;
	f->ram.race_after = 1; /* not at the first look, at the one after asking */
	anvil_device_serve(f->dev, 0, serve_one);
	assert_int_equal(served, 1);
	assert_int_equal(f->defers, 0);
}

static void poll_serves_what_was_deferred_alone(void **state)
{
	struct fixture *f = *state;

	anvil_features_add(&f->dev->offered, 1);
	go_live(f, features(FAKE_QUEUE_2, -1));
	anvil_device_poll(f->dev);
	assert_int_equal(f->fake.notified[0], 0);
	anvil_device_defer(f->dev, 0);
	anvil_device_defer(f->dev, 0);
	assert_int_equal(f->defers, 2);
	anvil_device_poll(f->dev);
	assert_int_equal(f->fake.notified[0], 1);
	assert_int_equal(f->fake.notified[1] + f->fake.notified[2], 0);
}

static void publish_interrupts_if_the_driver_wants_it(void **state)
{
	struct fixture *f = *state;

	break_at_two = false;
	for (uint16_t unwanted = 0; unwanted < 2; unwanted++) {
		f->used_interrupts = 0;
		go_live(f, features(-1));
		ram_put16(&f->ram, f->ring.avail, unwanted);
		offer_byte(f, 0);
		assert_int_equal(serve_one(f->dev, 0), ANVIL_SERVED_ONE);
		assert_int_equal(f->used_interrupts, !unwanted);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(init_checks_its_arguments),
		TEST(feature_sets_hold_128_bits),
		TEST(rules_hold_as_a_truth_table),
		TEST(status_moves_one_step_at_a_time),
		TEST(status_bits_above_the_byte_are_not_cut_off),
		TEST(driver_cannot_set_or_clear_needs_reset),
		TEST(only_acceptable_features_are_accepted),
		TEST(refused_features_can_be_corrected),
		TEST(features_are_written_between_driver_and_features_ok_alone),
		TEST(feature_words_beyond_the_last_do_not_exist),
		TEST(reset_leaves_no_trace),
		TEST(queues_exist_by_number_and_purpose),
		TEST(queues_are_set_up_in_the_states_that_allow_it_alone),
		TEST(running_queue_is_not_started_again),
		TEST(features_reach_the_queue),
		TEST(stopped_queue_is_forgotten),
		TEST(notifications_reach_live_queues_alone),
		TEST(broken_device_says_so_once_and_rests),
		TEST(config_accesses_are_inside_or_have_no_effect),
		TEST(config_is_read_always_and_written_after_features_ok),
		TEST(config_change_is_announced_to_a_running_driver),
		TEST(serving_ends_with_the_queue),
		TEST(serving_is_bounded_by_the_queue_size),
		TEST(serving_stops_when_told_later_or_broken),
		TEST(serving_a_broken_ring_breaks_the_device),
		TEST(serving_sees_what_comes_at_the_last_moment),
		TEST(poll_serves_what_was_deferred_alone),
		TEST(publish_interrupts_if_the_driver_wants_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
