/* SPDX-License-Identifier: BSD-3-Clause */
/* The register window (4.2.2.1). */
#include "bench.h"

#define USED   VIRTIO_INTERRUPT_USED
#define CONFIG VIRTIO_INTERRUPT_CONFIG

static void magic_value_and_version(void **state)
{
	struct bench *b = *state;

	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_MAGIC), 0x74726976);
		assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_VERSION), 2);
		bench_drive(b, bench_features(b));
	}
}

static uint32_t interrupts(struct bench *b)
{
	uint32_t status = reg_read(&b->guest, VIRTIO_MMIO_INTERRUPT_STATUS);

	assert_int_equal(b->guest.irq, status != 0); /* 4.2.3.4 */
	return status;
}

static void ack(struct bench *b, uint32_t bits)
{
	reg_write(&b->guest, VIRTIO_MMIO_INTERRUPT_ACK, bits);
}

static void change_config(struct bench *b)
{
	if (b->is_blk) {
		b->disk.disk.capacity--;
		anvil_blk_resized(&b->blk);
	} else {
		anvil_net_set_link(&b->net, !b->net.link.up);
	}
}

static void events_stand_until_acknowledged(void **state)
{
	struct bench *b = *state;

	bench_drive(b, b->is_blk ? features(-1) : features(VIRTIO_NET_F_STATUS, -1));
	assert_int_equal(interrupts(b), 0);
	bench_request(b);
	assert_int_equal(interrupts(b), USED);
	assert_int_equal(interrupts(b), USED); /* reading is no acknowledgement */
	change_config(b);
	assert_int_equal(interrupts(b), USED | CONFIG);
	ack(b, 0);
	ack(b, ~(USED | CONFIG));
	assert_int_equal(interrupts(b), USED | CONFIG);
	ack(b, USED);
	assert_int_equal(interrupts(b), CONFIG);
	ack(b, USED);
	assert_int_equal(interrupts(b), CONFIG);
	ack(b, CONFIG);
	assert_int_equal(interrupts(b), 0);
	change_config(b);
	assert_int_equal(interrupts(b), CONFIG);
	ack(b, USED | CONFIG);
	bench_request(b);
	assert_int_equal(interrupts(b), USED);
	ack(b, USED | CONFIG);
	assert_int_equal(interrupts(b), 0);
}

static void events_that_come_while_others_are_handled_are_not_lost(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(-1));
	bench_request(b);
	ack(b, USED);
	bench_request(b);
	assert_int_equal(interrupts(b), USED);
}

static void read_config(struct bench *b, uint8_t *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)anvil_mmio_read(&b->guest.mmio, VIRTIO_MMIO_CONFIG + i, 1);
}

#define CONFIG_BYTES 0x100u

/* Whether config and its generation have changed since the last call. */
static void generation_follows(struct bench *b, uint8_t *before, uint32_t *generation,
			       bool must_change)
{
	uint32_t now = reg_read(&b->guest, VIRTIO_MMIO_CONFIG_GENERATION);
	uint8_t bytes[CONFIG_BYTES];

	read_config(b, bytes, sizeof(bytes));
	if (memcmp(bytes, before, sizeof(bytes)) != 0)
		assert_int_not_equal(now, *generation);
	else
		assert_false(must_change);
	*generation = now;
	memcpy(before, bytes, sizeof(bytes));
}

static void config_generation_changes_with_config(void **state)
{
	static const uint8_t mac[6] = { 2, 9, 8, 7, 6, 5 };
	struct bench *b = *state;
	uint8_t before[CONFIG_BYTES];
	uint32_t generation;

	bench_drive(b, bench_features(b));
	read_config(b, before, sizeof(before));
	generation = reg_read(&b->guest, VIRTIO_MMIO_CONFIG_GENERATION);
	generation_follows(b, before, &generation, false);
	for (unsigned int i = 0; i < 300; i++) {
		change_config(b);
		generation_follows(b, before, &generation, !b->is_blk || i < 60);
		if (b->disk.disk.capacity == 1)
			break;
	}
	if (b->is_blk)
		return;
	assert_int_equal(net_command(b, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, 6),
			 VIRTIO_NET_OK);
	generation_follows(b, before, &generation, true);
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0); /* the address is the first one again */
	generation_follows(b, before, &generation, true);
}

static void queue_that_is_not_ready_is_not_accessed(void **state)
{
	static const struct anvil_nic_offload none;
	struct bench *b = *state;
	unsigned int receive = b->is_blk ? 0 : ANVIL_NET_RX;

	bench_drive(b, features(-1));
	bench_request(b);
	bench_offer(b);
	if (!b->is_blk)
		net_offer(b, NET_RX_AT, 2048);
	bench_watch(b);
	for (unsigned int i = 0; i < 2; i++) {
		reg_write(&b->guest, VIRTIO_MMIO_QUEUE_SEL, i ? b->queue : receive);
		reg_write(&b->guest, VIRTIO_MMIO_QUEUE_READY, 0);
		assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_QUEUE_READY), 0);
	}
	guest_notify(&b->guest, b->queue);
	guest_notify(&b->guest, receive);
	anvil_mmio_poll(&b->guest.mmio);
	if (!b->is_blk)
		net_receive(b, net_frame(net_broadcast, 60), 60, none);
	assert_int_equal(b->accesses, 0);
	/* nor one that was never made ready */
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
	assert_true(guest_negotiate(&b->guest, features(-1)));
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, UP_TO_DRIVER_OK);
	guest_notify(&b->guest, b->queue);
	guest_notify(&b->guest, receive);
	if (!b->is_blk)
		net_receive(b, net_frame(net_broadcast, 60), 60, none);
	assert_int_equal(b->accesses, 0);
}

/* ---- QueueReset ---- */

static uint32_t queue_reg(struct bench *b, uint32_t offset)
{
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_SEL, b->queue);
	return reg_read(&b->guest, offset);
}

static void queue_reset_is_0_after_reset_and_ready(void **state)
{
	struct bench *b = *state;

	for (unsigned int i = 0; i < 3; i++) {
		reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
		assert_int_equal(queue_reg(b, VIRTIO_MMIO_QUEUE_RESET), 0);
		bench_drive(b, features(VIRTIO_F_RING_RESET, -1));
		assert_int_equal(queue_reg(b, VIRTIO_MMIO_QUEUE_READY), 1);
		assert_int_equal(queue_reg(b, VIRTIO_MMIO_QUEUE_RESET), 0);
		reg_write(&b->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
		if (i == 0)
			continue;
		ring_init(bench_ring(b), &b->guest.ram, RAM_HIGH + 0x6000, BENCH_QUEUE);
		assert_true(guest_start_queue(&b->guest, b->queue));
		assert_int_equal(queue_reg(b, VIRTIO_MMIO_QUEUE_RESET), 0);
		bench_request(b);
	}
}

/* The disk may still carry out a request: the reset is complete when it is back. A network device
 * leaves nothing to the host. */
static void queue_reset_reads_1_until_it_is_complete(void **state)
{
	struct bench *b = *state;

	b->disk.defer = true;
	b->nic.verdict = -EAGAIN;
	bench_drive(b, features(VIRTIO_F_RING_RESET, -1));
	bench_offer(b);
	guest_notify(&b->guest, b->queue);
	queue_reg(b, VIRTIO_MMIO_QUEUE_RESET);
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	bench_watch(b);
	assert_int_equal(queue_reg(b, VIRTIO_MMIO_QUEUE_RESET), b->is_blk);
	assert_int_equal(anvil_mmio_resetting(&b->guest.mmio), b->is_blk);
	while (b->disk.pendings)
		test_disk_finish(&b->disk, 0, 0);
	if (!b->is_blk)
		b->nic.nic.sendable(&b->nic.nic);
	assert_int_equal(b->accesses, 0);
	assert_int_equal(queue_reg(b, VIRTIO_MMIO_QUEUE_RESET), 0);
	assert_int_equal(queue_reg(b, VIRTIO_MMIO_QUEUE_READY), 0);
}

static void queue_reset_resets_the_queue(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(VIRTIO_F_RING_RESET, -1));
	bench_request(b);
	guest_take_interrupts(&b->guest);
	queue_reg(b, VIRTIO_MMIO_QUEUE_RESET);
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_RESET, 0); /* not this one */
	bench_request(b);
	guest_take_interrupts(&b->guest);
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(queue_reg(b, VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(queue_reg(b, VIRTIO_MMIO_QUEUE_RESET), 0);
	bench_watch(b);
	bench_offer(b);
	guest_notify(&b->guest, b->queue);
	assert_int_equal(b->accesses, 0);
	ring_init(bench_ring(b), &b->guest.ram, RAM_HIGH, BENCH_QUEUE);
	assert_true(guest_start_queue(&b->guest, b->queue));
	bench_request(b);
	/* others go on */
	assert_int_equal(guest_status(&b->guest), UP_TO_DRIVER_OK);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BOTH("4.2.2.1/1 4.2.2.1/2", magic_value_and_version),
		BOTH("4.2.2.1/3 4.2.2.1/4", events_stand_until_acknowledged),
		BOTH("4.2.2.1/3", events_that_come_while_others_are_handled_are_not_lost),
		BOTH("4.2.2.1/6", config_generation_changes_with_config),
		BOTH("4.2.2.1/7", queue_that_is_not_ready_is_not_accessed),
		BOTH("4.2.2.1/8 4.2.2.1/9", queue_reset_is_0_after_reset_and_ready),
		BOTH("4.2.2.1/11 4.2.2.1/12", queue_reset_reads_1_until_it_is_complete),
		BOTH("4.2.2.1/10 4.2.2.1/12", queue_reset_resets_the_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
