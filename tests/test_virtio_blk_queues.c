/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_blk.h: several queues that share the slots (5.2.2, VIRTIO_BLK_F_MQ). */
#include "array_size.h"
#include "blk_rig.h"

static int setup(void **state)
{
	struct rig *rig = rig_new();

	anvil_features_add(&rig->options.features, VIRTIO_BLK_F_MQ);
	rig->options.num_queues = 3;
	rig_create(rig);
	guest_drive(&rig->guest, rig->options.features, 3, RIG_QUEUE);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	rig_free(*state);
	return 0;
}

/* Makes a read of `sector` available in `queue`, which names its buffers, too. */
static uint16_t read_of(struct rig *rig, unsigned int queue, unsigned int place)
{
	struct ask a = {
		.type = T_IN, .sector = place, .in_len = 513, .queue = queue, .place = place
	};

	return rig_offer(rig, &a);
}

static void expect_at_disk(struct rig *rig, unsigned int index, uint64_t sector)
{
	assert_true(index < rig->disk.logs);
	assert_int_equal(rig->disk.log[index].sector, sector);
}

/* 5.2.4: num_queues is there if MQ is */
static void config_tells_how_many_queues_there_are(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(anvil_mmio_read(&rig->guest.mmio, VIRTIO_MMIO_CONFIG + 34, 2), 3);
	anvil_blk_destroy(&rig->blk);
	rig->options.features = features(VIRTIO_BLK_F_FLUSH, -1);
	rig_create(rig);
	assert_int_equal(anvil_mmio_read(&rig->guest.mmio, VIRTIO_MMIO_CONFIG + 34, 2), 0);
}

static void number_of_queues_is_checked(void **state)
{
	struct rig *rig = *state;
	static const struct {
		uint16_t queues;
		int result;
	} t[] = { { 0, -EINVAL }, { 1, 0 }, { 64, 0 }, { 65, -EINVAL }, { 0xffff, -EINVAL } };

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct anvil_blk blk;

		rig->options.num_queues = t[i].queues;
		assert_int_equal(anvil_blk_init(&blk, &rig->options), t[i].result);
		if (!t[i].result)
			anvil_blk_destroy(&blk);
	}
}

/* 5.2.2: one queue if MQ is not negotiated; the others are there again after a reset */
static void without_mq_there_is_one_queue(void **state)
{
	struct rig *rig = *state;

	reg_write(&rig->guest, VIRTIO_MMIO_STATUS, 0);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_SEL, 2);
	assert_int_equal(reg_read(&rig->guest, VIRTIO_MMIO_QUEUE_SIZE_MAX), RIG_QUEUE);
	assert_true(guest_negotiate(&rig->guest, features(-1)));
	for (uint32_t queue = 0; queue < 4; queue++) {
		reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_SEL, queue);
		assert_int_equal(reg_read(&rig->guest, VIRTIO_MMIO_QUEUE_SIZE_MAX),
				 queue == 0 ? RIG_QUEUE : 0);
	}
	assert_false(guest_start_queue(&rig->guest, 1));
	guest_drive(&rig->guest, rig->options.features, 3, RIG_QUEUE);
}

static void each_queue_gets_its_own_answers(void **state)
{
	struct rig *rig = *state;

	for (unsigned int queue = 0; queue < 3; queue++) {
		struct ask a = { .type = T_IN,
				 .sector = queue + 5,
				 .in_len = 513,
				 .queue = queue,
				 .place = queue };

		assert_int_equal(rig_ask(rig, a), S_OK);
		for (unsigned int other = 0; other < 3; other++)
			ring_expect_none(&rig->guest.ring[other]);
	}
}

static void expect_turns(struct rig *rig, const unsigned int queue[3])
{
	static const uint64_t order[] = { 0, 1, 2, 4, 6, 3, 5, 7 };

	rig->disk.defer = true;
	for (unsigned int place = 0; place < 4; place++)
		(void)read_of(rig, queue[0], place);
	for (unsigned int place = 4; place < 6; place++)
		(void)read_of(rig, queue[1], place);
	for (unsigned int place = 6; place < 8; place++)
		(void)read_of(rig, queue[2], place);
	for (unsigned int i = 0; i < 3; i++)
		guest_notify(&rig->guest, queue[i]);
	/* two slots: the rest waits, and is taken as they become free, one of each queue */
	for (unsigned int i = 0; i < 8; i++) {
		expect_at_disk(rig, i, order[i]);
		if (i > 0)
			test_disk_finish(&rig->disk, 0, 0);
	}
	assert_int_equal(rig->disk.logs, 8);
	test_disk_finish(&rig->disk, 0, 0);
	assert_int_equal(rig->disk.pendings, 0);
}

static void slots_go_to_the_queues_in_turn(void **state)
{
	static const unsigned int queues[3] = { 0, 1, 2 };

	expect_turns(*state, queues);
}

/* The disk may end many requests in one call, and do new ones at once: nobody is forgotten. */
static void all_queues_are_served_when_slots_become_free_together(void **state)
{
	struct rig *rig = *state;

	rig->disk.defer = true;
	for (unsigned int place = 0; place < 8; place++)
		(void)read_of(rig, place % 3, place);
	for (unsigned int queue = 0; queue < 3; queue++)
		guest_notify(&rig->guest, queue);
	assert_int_equal(rig->disk.logs, 2);
	rig->disk.defer = false;
	test_disk_finish(&rig->disk, 0, 0);
	assert_int_equal(rig->disk.logs, 8);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(ring_published(&rig->guest.ring[i]), i == 0 ? 2 : i == 1 ? 3 : 2);
	test_disk_finish(&rig->disk, 0, 0);
	assert_int_equal(ring_published(&rig->guest.ring[0]), 3);
	/* and they are asked to notify again */
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(ram_get16(&rig->guest.ram, rig->guest.ring[i].used), 0);
}

/* 2.6.1: a queue that is reset loses its requests, and no other queue any of its own */
static void queue_reset_cancels_its_own_requests_alone(void **state)
{
	struct rig *rig = *state;

	rig->disk.defer = true;
	rig->disk.cancel_finishes = true;
	(void)read_of(rig, 0, 0);
	(void)read_of(rig, 1, 1);
	guest_notify(&rig->guest, 0);
	guest_notify(&rig->guest, 1);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_SEL, 1);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(rig->disk.cancels, 1);
	assert_int_equal(rig->disk.pendings, 1);
	ring_expect_none(&rig->guest.ring[1]);
	test_disk_finish(&rig->disk, 0, 0);
	ring_expect(&rig->guest.ring[0], 0, 513);
}

static void slot_of_a_queue_that_is_reset_goes_to_one_that_waits(void **state)
{
	struct rig *rig = *state;

	rig->disk.defer = true;
	rig->disk.cancel_finishes = true;
	(void)read_of(rig, 0, 0);
	(void)read_of(rig, 0, 1);
	(void)read_of(rig, 2, 2);
	(void)read_of(rig, 0, 3);
	guest_notify(&rig->guest, 0);
	guest_notify(&rig->guest, 2);
	assert_int_equal(rig->disk.logs, 2);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_SEL, 0);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(rig->disk.pendings, 1);
	expect_at_disk(rig, 2, 2);
	test_disk_finish(&rig->disk, 0, 0);
	ring_expect(&rig->guest.ring[2], 0, 513);
	assert_int_equal(rig->disk.logs, 3);
}

/* One call ends, whatever the guest piles up: the rest is deferred. */
static void work_of_one_call_is_bounded(void **state)
{
	struct rig *rig = *state;
	unsigned int before;

	rig->disk.defer = true;
	(void)read_of(rig, 0, 0);
	(void)read_of(rig, 0, 1);
	guest_notify(&rig->guest, 0);
	for (unsigned int i = 0; i < 7; i++) {
		(void)read_of(rig, 1, 2);
		(void)read_of(rig, 2, 3);
		(void)read_of(rig, 0, 4);
	}
	for (unsigned int queue = 0; queue < 3; queue++)
		guest_notify(&rig->guest, queue);
	rig->disk.defer = false;
	before = rig->disk.logs;
	test_disk_finish(&rig->disk, 0, 0);
	assert_true(rig->disk.logs - before <= RIG_QUEUE);
	assert_int_equal(rig->guest.defers, 1);
	while (rig->guest.defers) {
		rig->guest.defers = 0;
		anvil_mmio_poll(&rig->guest.mmio);
	}
	assert_int_equal(rig->disk.logs - before, 21);
	test_disk_finish(&rig->disk, 0, 0);
}

/* 2.5.1, 5.2.6.2: the driver hears of a resize whatever its queues do */
static void resizing_is_told_with_all_queues_busy(void **state)
{
	struct rig *rig = *state;
	struct ask last = {
		.type = T_IN, .sector = TEST_DISK_SECTORS - 1, .in_len = 513, .queue = 2, .place = 3
	};
	uint32_t generation = reg_read(&rig->guest, VIRTIO_MMIO_CONFIG_GENERATION);

	rig->disk.defer = true;
	(void)read_of(rig, 0, 0);
	(void)read_of(rig, 1, 1);
	guest_notify(&rig->guest, 0);
	guest_notify(&rig->guest, 1);
	rig->disk.disk.capacity = TEST_DISK_SECTORS / 2;
	anvil_blk_resized(&rig->blk);
	assert_int_equal(guest_take_interrupts(&rig->guest), VIRTIO_INTERRUPT_CONFIG);
	assert_int_not_equal(reg_read(&rig->guest, VIRTIO_MMIO_CONFIG_GENERATION), generation);
	test_disk_finish(&rig->disk, 0, 0);
	test_disk_finish(&rig->disk, 0, 0);
	rig->disk.defer = false;
	assert_int_equal(rig_ask(rig, last), S_IOERR);
}

/* ---- as many queues as there may be ---- */

#define MOST	 ANVIL_DEVICE_QUEUES_MAX
#define ENTRIES	 16u
#define RING_GAP 0x400ull

/* 64 small rings, and room for a request of each queue at a time. */
static void drive_most_queues(struct rig *rig)
{
	struct guest *g = &rig->guest;

	anvil_blk_destroy(&rig->blk);
	ram_fill(&g->ram, RAM_HIGH, 0, MOST * RING_GAP);
	rig->options.num_queues = MOST;
	rig_create(rig);
	assert_true(guest_negotiate(g, rig->options.features));
	for (unsigned int i = 0; i < MOST; i++) {
		uint64_t base = RAM_HIGH + RING_GAP * i;

		g->ring[i] = (struct ring){ .ram = &g->ram,
					    .size = ENTRIES,
					    .desc = base,
					    .avail = base + 0x100,
					    .used = base + 0x200 };
		assert_true(guest_start_queue(g, i));
	}
	reg_write(g, VIRTIO_MMIO_STATUS, UP_TO_DRIVER_OK);
}

static void each_of_64_queues_is_served(void **state)
{
	struct rig *rig = *state;

	drive_most_queues(rig);
	assert_int_equal(anvil_mmio_read(&rig->guest.mmio, VIRTIO_MMIO_CONFIG + 34, 2), MOST);
	for (unsigned int queue = 0; queue < MOST; queue++) {
		uint16_t head = read_of(rig, queue, queue % 8);

		guest_notify(&rig->guest, queue);
		ring_expect(&rig->guest.ring[queue], head, 513);
		for (unsigned int other = 0; other < MOST; other++)
			ring_expect_none(&rig->guest.ring[other]);
		assert_int_equal(guest_take_interrupts(&rig->guest), VIRTIO_INTERRUPT_USED);
	}
	guest_notify(&rig->guest, MOST);
	reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_SEL, MOST);
	assert_int_equal(reg_read(&rig->guest, VIRTIO_MMIO_QUEUE_SIZE_MAX), 0);
}

/* Two slots, and 62 queues that wait; 32 apart from one that waits is one that does not. */
static void each_of_64_queues_gets_a_slot(void **state)
{
	struct rig *rig = *state;

	drive_most_queues(rig);
	rig->disk.defer = true;
	for (unsigned int queue = 0; queue < MOST; queue++) {
		(void)read_of(rig, queue, queue % 8);
		guest_notify(&rig->guest, queue);
	}
	assert_int_equal(rig->disk.pendings, 2);
	for (unsigned int done = 0; done < MOST; done++) {
		assert_true(rig->disk.pendings > 0);
		rig->disk.logs = 0;
		test_disk_finish(&rig->disk, 0, 0);
		while (rig->guest.defers) {
			rig->guest.defers = 0;
			anvil_mmio_poll(&rig->guest.mmio);
		}
	}
	assert_int_equal(rig->disk.pendings, 0);
	for (unsigned int queue = 0; queue < MOST; queue++) {
		ring_expect(&rig->guest.ring[queue], 0, 513);
		ring_expect_none(&rig->guest.ring[queue]);
	}
}

/* 2.6.1: of 64 queues that wait, one is reset, and goes on with what is new in it */
static void reset_of_a_high_queue_is_of_that_queue(void **state)
{
	static const unsigned int queues[] = { 31, 32, 33, 63 };
	struct rig *rig = *state;

	for (size_t i = 0; i < ARRAY_SIZE(queues); i++) {
		unsigned int low = queues[i] - 31;

		drive_most_queues(rig);
		rig->disk.logs = 0;
		rig->disk.defer = true;
		(void)read_of(rig, 0, 0);
		(void)read_of(rig, 0, 1);
		guest_notify(&rig->guest, 0);
		(void)read_of(rig, low ? low : 1, 2);
		(void)read_of(rig, queues[i], 3);
		guest_notify(&rig->guest, low ? low : 1);
		guest_notify(&rig->guest, queues[i]);
		reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_SEL, queues[i]);
		reg_write(&rig->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
		assert_int_equal(reg_read(&rig->guest, VIRTIO_MMIO_QUEUE_RESET), 0);
		assert_int_equal(reg_read(&rig->guest, VIRTIO_MMIO_QUEUE_READY), 0);
		test_disk_finish(&rig->disk, 0, 0);
		test_disk_finish(&rig->disk, 0, 0);
		expect_at_disk(rig, 2, 2); /* the other one's, and no more */
		test_disk_finish(&rig->disk, 0, 0);
		assert_int_equal(rig->disk.logs, 3);
		ring_expect_none(&rig->guest.ring[queues[i]]);
		(void)guest_take_interrupts(&rig->guest);
	}
}

static void slots_go_to_high_queues_in_turn(void **state)
{
	static const unsigned int queues[3] = { 0, 40, 63 };

	drive_most_queues(*state);
	expect_turns(*state, queues);
}

/* 2.6.1: what the disk has of a queue is waited for, of that queue alone */
static void reset_of_a_high_queue_waits_for_the_disk(void **state)
{
	static const unsigned int queues[] = { 31, 32, 63 };
	struct rig *rig = *state;
	struct guest *g = &rig->guest;

	drive_most_queues(rig);
	rig->disk.defer = true;
	for (size_t i = 0; i < ARRAY_SIZE(queues); i++) {
		unsigned int low = queues[i] % 32;

		(void)read_of(rig, queues[i], 0);
		guest_notify(g, queues[i]);
		reg_write(g, VIRTIO_MMIO_QUEUE_SEL, queues[i]);
		reg_write(g, VIRTIO_MMIO_QUEUE_RESET, 1);
		assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_RESET), 1);
		assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 1); /* still */
		reg_write(g, VIRTIO_MMIO_QUEUE_SEL, low == queues[i] ? low + 32 : low);
		assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_RESET), 0);
		test_disk_finish(&rig->disk, 0, 0);
		reg_write(g, VIRTIO_MMIO_QUEUE_SEL, queues[i]);
		assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_RESET), 0);
		ring_expect_none(&g->ring[queues[i]]);
	}
}

/* More than one turn's work is made available before its end, and nobody notifies again. */
static void fill(struct rig *rig, unsigned int queue)
{
	const struct buffer nonsense = { RAM_LOW, 16, 0 };

	for (unsigned int i = 0; i < ENTRIES; i++)
		(void)ring_chain(&rig->guest.ring[queue], &nonsense, 1);
	guest_notify(&rig->guest, queue);
	assert_int_equal(rig->guest.defers, 1);
	rig->guest.defers = 0;
	assert_int_equal(ring_published(&rig->guest.ring[queue]), ENTRIES);
	(void)ring_chain(&rig->guest.ring[queue], &nonsense, 1);
}

static void what_a_turn_leaves_of_a_high_queue_is_served(void **state)
{
	static const unsigned int queues[] = { 31, 32, 63 };
	struct rig *rig = *state;
	struct guest *g = &rig->guest;

	drive_most_queues(rig);
	for (size_t i = 0; i < ARRAY_SIZE(queues); i++) {
		fill(rig, queues[i]);
		/* a reset of another queue takes nothing from this one */
		reg_write(g, VIRTIO_MMIO_QUEUE_SEL, 1);
		reg_write(g, VIRTIO_MMIO_QUEUE_RESET, 1);
		anvil_mmio_poll(&g->mmio);
		assert_int_equal(ring_published(&g->ring[queues[i]]), ENTRIES + 1);
		g->defers = 0;
		reg_write(g, VIRTIO_MMIO_QUEUE_SEL, 1);
		assert_true(guest_start_queue(g, 1));
	}
}

static void late_completions_after_a_reset_touch_no_queue(void **state)
{
	struct rig *rig = *state;
	uint64_t sum;

	rig->disk.defer = true;
	(void)read_of(rig, 1, 0);
	(void)read_of(rig, 2, 1);
	guest_notify(&rig->guest, 1);
	guest_notify(&rig->guest, 2);
	reg_write(&rig->guest, VIRTIO_MMIO_STATUS, 0);
	sum = ram_sum(&rig->guest.ram);
	test_disk_finish(&rig->disk, 0, 0);
	test_disk_finish(&rig->disk, 0, 0);
	assert_int_equal(ram_sum(&rig->guest.ram), sum);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(config_tells_how_many_queues_there_are),
		TEST(number_of_queues_is_checked),
		TEST(without_mq_there_is_one_queue),
		TEST(each_queue_gets_its_own_answers),
		TEST(slots_go_to_the_queues_in_turn),
		TEST(all_queues_are_served_when_slots_become_free_together),
		TEST(queue_reset_cancels_its_own_requests_alone),
		TEST(slot_of_a_queue_that_is_reset_goes_to_one_that_waits),
		TEST(work_of_one_call_is_bounded),
		TEST(resizing_is_told_with_all_queues_busy),
		TEST(each_of_64_queues_is_served),
		TEST(each_of_64_queues_gets_a_slot),
		TEST(reset_of_a_high_queue_is_of_that_queue),
		TEST(slots_go_to_high_queues_in_turn),
		TEST(reset_of_a_high_queue_waits_for_the_disk),
		TEST(what_a_turn_leaves_of_a_high_queue_is_served),
		TEST(late_completions_after_a_reset_touch_no_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
