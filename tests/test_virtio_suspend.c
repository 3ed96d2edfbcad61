/* SPDX-License-Identifier: BSD-3-Clause */
/* Suspending a device and resuming it (3.4), and the platform's feature bits (6). */
#include "support.h"

#include "virtio_blk.h"
#include "virtio_mmio_state.h"
#include "virtio_net.h"

#define UP_TO_SUSPEND (UP_TO_FEATURES_OK | VIRTIO_STATUS_SUSPEND)
#define ASK	      (UP_TO_DRIVER_OK | VIRTIO_STATUS_SUSPEND)

struct fixture {
	struct guest guest;
	struct test_disk disk;
	struct anvil_blk_options options;
	struct anvil_blk blk;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	guest_init(&f->guest);
	test_disk_init(&f->disk);
	f->disk.defer = true;
	f->options = (struct anvil_blk_options){
		.memory = &f->guest.ram.memory,
		.disk = &f->disk.disk,
		.queue_size_max = 16,
		.slots = 2,
		.transfer_max = 4096,
		.blk_size = 512,
		.range_sectors_max = 1,
		.range_segments_max = 1,
	};
	f->options.features =
		features(VIRTIO_F_SUSPEND, VIRTIO_F_ORDER_PLATFORM, VIRTIO_F_RING_RESET,
			 VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_CONFIG_WCE, -1);
	assert_int_equal(anvil_blk_init(&f->blk, &f->options), 0);
	guest_attach(&f->guest, &f->blk.dev);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	while (f->disk.pendings)
		test_disk_finish(&f->disk, 0, 0);
	anvil_blk_destroy(&f->blk);
	test_disk_destroy(&f->disk);
	guest_destroy(&f->guest);
	free(f);
	return 0;
}

static void drive(struct fixture *f)
{
	guest_drive(&f->guest,
		    features(VIRTIO_F_SUSPEND, VIRTIO_F_RING_RESET, VIRTIO_BLK_F_FLUSH,
			     VIRTIO_BLK_F_CONFIG_WCE, -1),
		    1, 16);
	guest_take_interrupts(&f->guest);
}

static void ask(struct fixture *f)
{
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, ASK);
}

/* Makes a read of one sector available; whoever wants notifies. */
static void offer_read(struct fixture *f)
{
	const struct virtio_blk_header header = { 0 };
	const struct buffer b[] = { { RAM_LOW, sizeof(header), 0 },
				    { RAM_LOW + 0x1000, 513, WRITABLE } };

	ram_put(&f->guest.ram, RAM_LOW, &header, sizeof(header));
	ring_chain(&f->guest.ring[0], b, 2);
}

static void poll(struct fixture *f)
{
	for (; f->guest.defers; f->guest.defers--)
		anvil_mmio_poll(&f->guest.mmio);
}

/* 3.4.2: "Stop consuming", "Wait until all buffers that are being processed have been used",
 * "Send used buffer notifications" */
static void what_is_in_flight_is_used_before(void **state)
{
	struct fixture *f = *state;

	drive(f);
	offer_read(f);
	guest_notify(&f->guest, 0);
	offer_read(f);
	ask(f);
	assert_int_equal(guest_status(&f->guest), UP_TO_DRIVER_OK);
	guest_notify(&f->guest, 0);
	ask(f); /* once more is the same */
	assert_int_equal(f->disk.pendings, 1);
	test_disk_finish(&f->disk, 0, 0);
	assert_int_equal(guest_status(&f->guest), UP_TO_SUSPEND);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_USED);
	ring_expect(&f->guest.ring[0], 0, 513);
	ring_expect_none(&f->guest.ring[0]);
	assert_int_equal(f->disk.pendings, 0);
}

/* 3.4.2: "MUST NOT ... access any virtqueues"; resumed, what was left is served by itself. */
static void suspended_it_touches_nothing_and_goes_on_when_resumed(void **state)
{
	struct fixture *f = *state;

	drive(f);
	ask(f);
	assert_int_equal(guest_status(&f->guest), UP_TO_SUSPEND);
	ram_watch(&f->guest.ram);
	offer_read(f);
	guest_notify(&f->guest, 0);
	anvil_mmio_poll(&f->guest.mmio);
	assert_int_equal(f->guest.ram.fetches + f->guest.ram.stores, 0);
	assert_false(f->guest.irq);
	ask(f); /* UP_TO_SUSPEND with DRIVER_OK */
	assert_int_equal(guest_status(&f->guest), UP_TO_DRIVER_OK);
	poll(f);
	assert_int_equal(f->disk.pendings, 1);
	test_disk_finish(&f->disk, 0, 0);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_USED);
}

/* 3.4.2: "MUST ignore any operations on the SUSPEND bit ... if the device has not been completely
 * initialized" */
static void before_it_is_live_the_bit_means_nothing(void **state)
{
	struct fixture *f = *state;

	assert_true(guest_negotiate(&f->guest, features(VIRTIO_F_SUSPEND, -1)));
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, UP_TO_SUSPEND);
	assert_int_equal(guest_status(&f->guest), UP_TO_FEATURES_OK);
	ask(f);
	assert_int_equal(guest_status(&f->guest), UP_TO_DRIVER_OK);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_true(guest_negotiate(&f->guest, features(VIRTIO_F_SUSPEND, -1)));
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, UP_TO_SUSPEND | VIRTIO_STATUS_FAILED);
	assert_int_equal(guest_status(&f->guest), UP_TO_FEATURES_OK | VIRTIO_STATUS_FAILED);
	/* and never to a driver that did not accept the feature */
	guest_drive(&f->guest, features(-1), 1, 16);
	ask(f);
	assert_int_equal(guest_status(&f->guest), UP_TO_DRIVER_OK);
	poll(f);
}

static void other_writes_do_not_resume_it(void **state)
{
	struct fixture *f = *state;

	drive(f);
	ask(f);
	for (uint32_t value = 1; value <= UINT8_MAX; value++) {
		if ((value & ~VIRTIO_STATUS_NEEDS_RESET) == ASK || value & VIRTIO_STATUS_FAILED)
			continue;
		reg_write(&f->guest, VIRTIO_MMIO_STATUS, value);
		assert_int_equal(guest_status(&f->guest), UP_TO_SUSPEND);
	}
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, UP_TO_SUSPEND | VIRTIO_STATUS_FAILED);
	ask(f);
	assert_int_equal(guest_status(&f->guest), UP_TO_SUSPEND | VIRTIO_STATUS_FAILED);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(guest_status(&f->guest), 0);
}

/* 3.4.2: neither the driver nor the host changes the configuration space meanwhile; "the device
 * MUST send the notification when it resumes" */
static void configuration_space_stands_still(void **state)
{
	struct fixture *f = *state;
	uint32_t generation;

	drive(f);
	ask(f);
	generation = reg_read(&f->guest, VIRTIO_MMIO_CONFIG_GENERATION);
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 32, 1, 0);
	f->disk.disk.capacity = 8;
	anvil_blk_resized(&f->blk);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG), TEST_DISK_SECTORS);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG_GENERATION), generation);
	assert_false(f->guest.irq);
	ask(f);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG), 8);
	assert_int_not_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG_GENERATION), generation);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);
	assert_int_equal(anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 32, 1), 1);
	/* a reset shows it, too, without a notification */
	ask(f);
	f->disk.disk.capacity = 16;
	anvil_blk_resized(&f->blk);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG), 16);
	assert_false(f->guest.irq);
	poll(f);
}

/* A queue that is stopped has nothing in flight any more, once the disk has finished. */
static void stopping_the_queue_is_enough(void **state)
{
	struct fixture *f = *state;

	drive(f);
	offer_read(f);
	guest_notify(&f->guest, 0);
	ask(f);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, 0);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(guest_status(&f->guest), UP_TO_DRIVER_OK);
	ram_watch(&f->guest.ram);
	test_disk_finish(&f->disk, 0, 0);
	assert_int_equal(guest_status(&f->guest), UP_TO_SUSPEND);
	assert_int_equal(f->guest.ram.fetches + f->guest.ram.stores, 0);
}

static void a_reset_ends_the_wait(void **state)
{
	struct fixture *f = *state;

	drive(f);
	offer_read(f);
	guest_notify(&f->guest, 0);
	ask(f);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(guest_status(&f->guest), UP_TO_DRIVER_OK);
	test_disk_finish(&f->disk, 0, 0);
	assert_int_equal(guest_status(&f->guest), 0);
	drive(f);
	offer_read(f);
	guest_notify(&f->guest, 0);
	assert_int_equal(f->disk.pendings, 1);
}

/* While suspended a network device has no buffers: frames are dropped, the link waits. */
static void a_network_device_is_suspended_at_once(void **state)
{
	struct fixture *f = *state;
	const uint8_t bytes[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const struct anvil_nic_frame frame = { .data = bytes, .len = sizeof(bytes) };
	struct anvil_net_options o = {
		.memory = &f->guest.ram.memory, .queue_size_max = 16, .mtu = 1500, .link_up = true
	};
	struct anvil_net net;
	struct test_nic nic;

	test_nic_init(&nic);
	o.nic = &nic.nic;
	o.features = features(VIRTIO_F_SUSPEND, VIRTIO_NET_F_STATUS, -1);
	assert_int_equal(anvil_net_init(&net, &o), 0);
	guest_attach(&f->guest, &net.dev);
	guest_drive(&f->guest, features(VIRTIO_F_SUSPEND, VIRTIO_NET_F_STATUS, -1), 2, 16);
	ask(f);
	assert_int_equal(guest_status(&f->guest), UP_TO_SUSPEND);
	ram_watch(&f->guest.ram);
	assert_int_equal(nic.nic.receive(&nic.nic, &frame), 0);
	anvil_net_set_link(&net, false);
	assert_int_equal(f->guest.ram.fetches + f->guest.ram.stores, 0);
	assert_int_equal(anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 6, 2), 1);
	assert_false(f->guest.irq);
	ask(f);
	assert_int_equal(anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 6, 2), 0);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);
	poll(f);
	anvil_net_destroy(&net);
	test_nic_destroy(&nic);
}

#define STATE_HEADER 18u
#define STATE_TOLD   (STATE_HEADER + 85) /* used entries of queue 0 that the driver heard of */

/* 3.4.2: all was told before. Who resumed and suspended it again would have it tell the rest. */
static void nothing_is_left_to_tell(void **state)
{
	struct fixture *f = *state;
	uint8_t image[1024];
	size_t len;

	drive(f);
	ask(f);
	assert_int_equal(anvil_mmio_save(&f->guest.mmio, image, sizeof(image), &len), 0);
	for (unsigned int unnotified = 0; unnotified < 2; unnotified++) {
		struct anvil_state_writer told = { .bytes = image + STATE_TOLD, .room = 2 };
		struct anvil_state_writer sum = { .bytes = image + STATE_HEADER - 4, .room = 4 };

		anvil_state_put(&told, 0u - unnotified, 2);
		anvil_state_put(&sum,
				anvil_state_checksum(image + STATE_HEADER, len - STATE_HEADER), 4);
		anvil_blk_destroy(&f->blk);
		assert_int_equal(anvil_blk_init(&f->blk, &f->options), 0);
		guest_attach(&f->guest, &f->blk.dev);
		assert_int_equal(anvil_mmio_restore(&f->guest.mmio, image, len),
				 unnotified ? -EINVAL : 0);
	}
	ask(f);
	ask(f);
	assert_int_equal(guest_status(&f->guest), 0);
}

/* 6.2: accepted, and without consequence; ACCESS_PLATFORM and SR_IOV cannot even be asked for. */
static void platform_features(void **state)
{
	struct fixture *f = *state;
	struct anvil_blk other;

	assert_true(guest_negotiate(&f->guest, features(VIRTIO_F_ORDER_PLATFORM, -1)));
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_false(guest_negotiate(&f->guest, features(33, -1)));
	for (int bit = 33; bit <= 37; bit += 4) {
		struct anvil_blk_options o = f->options;

		anvil_features_add(&o.features, (unsigned int)bit);
		assert_int_equal(anvil_blk_init(&other, &o), -EINVAL);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_in_flight_is_used_before),
		TEST(suspended_it_touches_nothing_and_goes_on_when_resumed),
		TEST(before_it_is_live_the_bit_means_nothing),
		TEST(other_writes_do_not_resume_it),
		TEST(configuration_space_stands_still),
		TEST(stopping_the_queue_is_enough),
		TEST(a_reset_ends_the_wait),
		TEST(a_network_device_is_suspended_at_once),
		TEST(nothing_is_left_to_tell),
		TEST(platform_features),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
