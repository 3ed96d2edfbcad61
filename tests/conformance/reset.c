/* SPDX-License-Identifier: BSD-3-Clause */
/* Reset of a device (2.4) and of a queue (2.6.1). */
#include "bench.h"

/* ---- 2.4 ---- */

static void reset_clears_status_interrupts_and_queues(void **state)
{
	struct bench *b = *state;

	for (unsigned int broken = 0; broken < 2; broken++) {
		bench_drive(b, bench_features(b));
		bench_offer(b);
		if (broken)
			ring_offer(bench_ring(b), BENCH_QUEUE);
		guest_notify(&b->guest, b->queue);
		assert_int_not_equal(reg_read(&b->guest, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
		reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
		assert_int_equal(guest_status(&b->guest), 0);
		assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
		assert_false(b->guest.irq);
		for (unsigned int i = 0; i < bench_queues(b, bench_features(b)); i++) {
			reg_write(&b->guest, VIRTIO_MMIO_QUEUE_SEL, i);
			assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_QUEUE_READY), 0);
		}
	}
}

static void nothing_happens_after_a_reset(void **state)
{
	struct bench *b = *state;
	unsigned int edges;

	b->disk.defer = true;
	b->nic.verdict = -EAGAIN;
	bench_drive(b, features(-1));
	bench_offer(b);
	guest_notify(&b->guest, b->queue);
	assert_int_equal(bench_host_requests(b), 1);
	bench_offer(b);
	if (!b->is_blk)
		net_offer(b, NET_RX_AT, 2048);
	edges = b->guest.irq_edges;
	bench_watch(b);
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
	while (b->disk.pendings)
		test_disk_finish(&b->disk, 0, 0);
	b->nic.verdict = 0;
	if (!b->is_blk)
		b->nic.nic.sendable(&b->nic.nic);
	bench_poke(b);
	assert_int_equal(b->accesses, 0);
	assert_int_equal(b->guest.irq_edges, edges);
	assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	/* a driver that comes later is served */
	b->disk.defer = false;
	bench_drive(b, features(-1));
	bench_request(b);
}

/* ---- 2.6.1 ---- */

static void reset_queue(struct bench *b)
{
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_SEL, b->queue);
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
}

static void nothing_happens_for_a_queue_after_its_reset(void **state)
{
	struct bench *b = *state;
	unsigned int edges;

	b->disk.defer = true;
	b->nic.verdict = -EAGAIN;
	bench_drive(b, features(VIRTIO_F_RING_RESET, -1));
	bench_offer(b);
	guest_notify(&b->guest, b->queue);
	edges = b->guest.irq_edges;
	bench_watch(b);
	reset_queue(b);
	while (b->disk.pendings)
		test_disk_finish(&b->disk, 0, 0);
	b->nic.verdict = 0;
	if (!b->is_blk)
		b->nic.nic.sendable(&b->nic.nic);
	bench_offer(b);
	guest_notify(&b->guest, b->queue);
	anvil_mmio_poll(&b->guest.mmio);
	assert_int_equal(b->accesses, 0);
	assert_int_equal(b->guest.irq_edges, edges);
	assert_int_equal(guest_status(&b->guest), UP_TO_DRIVER_OK);
}

/* As a driver waits for the end of a reset, with a disk that cannot cancel: what it still carries
 * out, it does before. */
static void wait_for_reset(struct bench *b, uint32_t reg)
{
	while (reg_read(&b->guest, reg)) {
		assert_true(b->disk.pendings > 0);
		test_disk_finish(&b->disk, 0, 0);
	}
	assert_int_equal(b->disk.pendings, 0);
}

/* What the host finishes late is not for the ring that stands there by then. */
static void requests_of_before_do_not_reach_the_queue_of_after(void **state)
{
	struct bench *b = *state;

	for (unsigned int whole = 0; whole < 2; whole++) {
		unsigned int requests;

		b->disk.defer = true;
		b->nic.verdict = -EAGAIN;
		bench_drive(b, features(VIRTIO_F_RING_RESET, -1));
		bench_offer(b);
		guest_notify(&b->guest, b->queue);
		b->disk.defer = false;
		b->nic.verdict = 0;
		if (whole) {
			reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
			wait_for_reset(b, VIRTIO_MMIO_STATUS);
			bench_drive(b, features(VIRTIO_F_RING_RESET, -1));
		} else {
			reset_queue(b);
			wait_for_reset(b, VIRTIO_MMIO_QUEUE_RESET);
			ring_init(bench_ring(b), &b->guest.ram, RAM_HIGH + 0x6000, BENCH_QUEUE);
			assert_true(guest_start_queue(&b->guest, b->queue));
		}
		bench_request(b);
		guest_take_interrupts(&b->guest);
		requests = bench_host_requests(b);
		bench_watch(b);
		if (!b->is_blk)
			b->nic.nic.sendable(&b->nic.nic);
		anvil_mmio_poll(&b->guest.mmio);
		assert_false(bench_stored(b, 0, UINT64_MAX));
		assert_int_equal(bench_host_requests(b), requests);
		assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
		bench_request(b);
	}
}

static void queue_reset_forgets_all_state(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(VIRTIO_F_RING_RESET, -1));
	for (unsigned int i = 0; i < 3; i++)
		bench_request(b);
	reset_queue(b);
	/* not what was programmed before, either */
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_QUEUE_READY), 0);
	/* nor what was programmed since */
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_SIZE, BENCH_QUEUE);
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_DESC_LOW, RAM_LOW);
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_DRIVER_LOW, RAM_LOW + 0x1000);
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_DEVICE_LOW, RAM_LOW + 0x2000);
	reset_queue(b);
	reg_write(&b->guest, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(reg_read(&b->guest, VIRTIO_MMIO_QUEUE_READY), 0);
	/* and both indices are 0 again */
	ring_init(bench_ring(b), &b->guest.ram, RAM_HIGH, BENCH_QUEUE);
	assert_true(guest_start_queue(&b->guest, b->queue));
	bench_request(b);
	assert_int_equal(ring_published(bench_ring(b)), 1);
}

static void queue_comes_back_with_new_size_and_addresses(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(VIRTIO_F_RING_RESET, -1));
	for (uint16_t size = BENCH_QUEUE; size >= 2; size /= 2) {
		reset_queue(b);
		ring_init(bench_ring(b), &b->guest.ram, RAM_HIGH + 0x5000 + 0x100u * size, size);
		assert_true(guest_start_queue(&b->guest, b->queue));
		for (unsigned int i = 0; i < 2u * BENCH_QUEUE; i++)
			bench_request(b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BOTH("2.4.1/1 4.2.2.1/5", reset_clears_status_interrupts_and_queues),
		BOTH("2.4.1/2", nothing_happens_after_a_reset),
		BOTH("2.6.1.1.1/1", nothing_happens_for_a_queue_after_its_reset),
		BOTH("2.4.1/2 2.6.1.1.1/1 2.6.1.1.1/2",
		     requests_of_before_do_not_reach_the_queue_of_after),
		BOTH("2.6.1.1.1/2", queue_reset_forgets_all_state),
		BOTH("2.6.1.2.1/1", queue_comes_back_with_new_size_and_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
