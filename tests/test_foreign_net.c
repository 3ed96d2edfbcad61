/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hobby VMM's network device (tests/foreign): what it does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "foreign/net_rig.h"

static void it_says_what_it_is(void **state)
{
	(void)state;
	assert_int_equal(get(MMIO_MAGIC), 0x74726976);
	assert_int_equal(get(MMIO_VERSION), 2);
	assert_int_equal(get(MMIO_DEVICE_ID), 1);
	for (uint32_t i = 0; i < 4; i++) {
		set(MMIO_QUEUE_SEL, i);
		assert_int_equal(get(MMIO_QUEUE_NUM_MAX), i < 3 ? 64 : 0);
	}
	assert_int_equal(mac(), 0x7962626f6802);
	assert_int_equal(dut->read(dut, MMIO_CONFIG + 6, 2), 1);
}

static void it_sends(void **state)
{
	(void)state;
	bring_up(VIRTIO_F_INDIRECT, 2);
	memset(ram(DATA), 0x55, 100);
	transmit(HEADER + 60);
	assert_int_equal(frames_sent, 1);
	assert_int_equal(frame_bytes, 60);
	assert_memory_equal(frame, (uint8_t *)ram(DATA) + HEADER, 60);
	assert_int_equal(used(TX)->idx, 1);
	assert_int_equal(used(TX)->ring[0].len, 0);
	assert_true(irq);
	/* a header in pieces, and a frame from high RAM, by a table */
	struct vring_desc *table = ram(GPA(BUFFERS + 0x800));
	uint64_t high = dut->ram[1].gpa + dut->ram[1].bytes - 64;

	memset(ram(high), 0x33, 64);
	table[0] = (struct vring_desc){ DATA, 5, DESC_NEXT, 1 };
	table[1] = (struct vring_desc){ DATA, 7, DESC_NEXT, 2 };
	table[2] = (struct vring_desc){ high, 64, 0, 0 };
	desc(TX, 3, GPA(BUFFERS + 0x800), 48, DESC_INDIRECT, 0);
	submit(TX, 3);
	assert_int_equal(frames_sent, 2);
	assert_int_equal(frame_bytes, 64);
	assert_memory_equal(frame, ram(high), 64);
}

static void it_receives(void **state)
{
	static const uint8_t header[HEADER] = { [10] = 1 };

	(void)state;
	bring_up(0, 2);
	assert_false(receive(60));
	lend(0, DATA, 1600);
	assert_true(receive(60));
	assert_memory_equal(ram(DATA), header, HEADER);
	assert_true(received(DATA + HEADER, 0, 60));
	assert_int_equal(used(RX)->idx, 1);
	assert_int_equal(used(RX)->ring[0].len, HEADER + 60);
	assert_true(irq);
	/* one that has no room is lost, its buffer is not */
	lend(1, DATA, 50);
	assert_false(receive(60));
	assert_true(receive(38));
	assert_int_equal(used(RX)->ring[1].len, 50);
}

static void it_merges_buffers(void **state)
{
	(void)state;
	bring_up(F_MRG_RXBUF, 1);
	for (uint16_t i = 0; i < 2; i++)
		lend(i, DATA + i * 0x1000u, 100);
	assert_false(receive(200));
	lend(2, DATA + 0x2000, 100);
	assert_true(receive(200));
	assert_int_equal(used(RX)->idx, 3);
	assert_int_equal(((uint8_t *)ram(DATA))[10], 3);
	assert_true(received(DATA + HEADER, 0, 88));
	assert_true(received(DATA + 0x1000, 88, 100));
	assert_true(received(DATA + 0x2000, 188, 12));
	assert_int_equal(used(RX)->ring[2].len, 12);
}

static void it_obeys_commands(void **state)
{
	uint32_t generation;

	(void)state;
	bring_up(F_CTRL, 3);
	generation = get(MMIO_CONFIG_GENERATION);
	assert_int_equal(command(1, 1, "\2abcde", 6), 0);
	assert_int_equal(mac(), 0x656463626102);
	assert_int_not_equal(generation, get(MMIO_CONFIG_GENERATION));
	assert_int_equal(command(1, 1, "\2abcd", 5), 1);
	assert_int_equal(command(1, 0, "", 0), 1);
	assert_int_equal(command(77, 0, "", 0), 1);
	assert_int_equal(used(CTRL)->idx, 4);
	assert_int_equal(used(CTRL)->ring[0].len, 1);
}

static void the_link_goes_down(void **state)
{
	(void)state;
	bring_up(F_STATUS, 2);
	dut->link(dut, false);
	assert_int_equal(get(MMIO_INTERRUPT_STATUS), INTERRUPT_CONFIG);
	assert_int_equal(dut->read(dut, MMIO_CONFIG + 6, 2), 0);
	transmit(HEADER + 60);
	assert_int_equal(used(TX)->idx, 1);
	assert_int_equal(frames_sent, 0);
	lend(0, DATA, 1600);
	assert_false(receive(60));
	dut->link(dut, true);
	assert_true(receive(60));
}

static void a_broken_ring_needs_a_reset(void **state)
{
	(void)state;
	bring_up(0, 2);
	desc(TX, 0, GPA(dut->ram[0].bytes) - 1, 2, 0, 0);
	submit(TX, 0);
	assert_true(broken());
	assert_int_equal(get(MMIO_INTERRUPT_STATUS), INTERRUPT_CONFIG);
	lend(0, DATA, 1600);
	assert_false(receive(60));
	bring_up(0, 2);
	/* too small for a header */
	lend(0, DATA, HEADER - 1);
	assert_false(receive(60));
	assert_true(broken());
}

static void commands_need_their_queue(void **state)
{
	(void)state;
	assert_int_equal(negotiate(F_CTRL_MAC_ADDR), STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	bring_up(0, 3);
	assert_int_equal(command(1, 1, "\2abcde", 6), NOTHING);
}

static void a_reset_leaves_nothing(void **state)
{
	uint32_t before[MMIO_WINDOW / 4];

	(void)state;
	for (uint32_t i = 0; i < COUNT(before); i++)
		before[i] = get(4 * i);
	bring_up(F_CTRL, 3);
	command(1, 1, "\2abcde", 6);
	set(MMIO_STATUS, 0);
	assert_false(irq);
	for (uint32_t i = 0; i < COUNT(before); i++)
		assert_int_equal(before[i], get(4 * i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_says_what_it_is, driver_power_on),
		cmocka_unit_test_setup(it_sends, driver_power_on),
		cmocka_unit_test_setup(it_receives, driver_power_on),
		cmocka_unit_test_setup(it_merges_buffers, driver_power_on),
		cmocka_unit_test_setup(it_obeys_commands, driver_power_on),
		cmocka_unit_test_setup(the_link_goes_down, driver_power_on),
		cmocka_unit_test_setup(a_broken_ring_needs_a_reset, driver_power_on),
		cmocka_unit_test_setup(commands_need_their_queue, driver_power_on),
		cmocka_unit_test_setup(a_reset_leaves_nothing, driver_power_on),
	};

	return cmocka_run_group_tests(tests, driver_create, NULL);
}
