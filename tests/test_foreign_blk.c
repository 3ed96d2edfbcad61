/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hobby VMM's block device (tests/foreign): what it does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "foreign/blk_rig.h"

static void it_says_what_it_is(void **state)
{
	(void)state;
	assert_int_equal(get(MMIO_MAGIC), 0x74726976);
	assert_int_equal(get(MMIO_VERSION), 2);
	assert_int_equal(get(MMIO_DEVICE_ID), 2);
	assert_int_equal(get(MMIO_QUEUE_NUM_MAX), 128);
	set(MMIO_QUEUE_SEL, 1);
	assert_int_equal(get(MMIO_QUEUE_NUM_MAX), 0);
	set(MMIO_DEVICE_FEATURES_SEL, 1);
	assert_int_equal(get(MMIO_DEVICE_FEATURES), 1);
	assert_int_equal(dut->read(dut, MMIO_CONFIG, 8), SECTORS);
	assert_int_equal(dut->read(dut, MMIO_CONFIG + 20, 4), 512);
	assert_int_equal(dut->sectors, SECTORS);
}

static void it_reads_and_writes(void **state)
{
	(void)state;
	bring_up(F_FLUSH, 1);
	used(0)->flags = 0xffff;
	assert_int_equal(request(IN, 3, 1024), OK);
	assert_int_equal(used(0)->flags, 0);
	assert_memory_equal(ram(DATA), (const uint8_t *)dut->disk + 3 * 512, 1024);
	assert_int_equal(used_len(0), 1025);
	assert_true(irq);
	memset(ram(DATA), 0x77, 512);
	assert_int_equal(request(OUT, SECTORS - 1, 512), OK);
	assert_int_equal(used_len(1), 1);
	assert_memory_equal(ram(DATA), (const uint8_t *)dut->disk + (SECTORS - 1) * 512, 512);
	assert_int_equal(request(FLUSH, 0, 0), OK);
	assert_int_equal(used(0)->idx, 3);
	assert_int_equal(get(MMIO_INTERRUPT_STATUS), INTERRUPT_USED);
	set(MMIO_INTERRUPT_ACK, INTERRUPT_USED);
	assert_false(irq);
	/* and a new script finds the first content */
	driver_power_on(state);
	bring_up(0, 1);
	assert_int_equal(request(IN, SECTORS - 1, 512), OK);
	assert_int_not_equal(*(uint8_t *)ram(DATA), 0x77);
}

static void it_says_its_name(void **state)
{
	(void)state;
	bring_up(0, 1);
	assert_int_equal(request(GET_ID, 0, 20), OK);
	assert_string_equal(ram(DATA), "hobby disk");
	assert_int_equal(used_len(0), 21);
	/* a longer buffer: the status does not follow on the name */
	assert_int_equal(request(GET_ID, 0, 64), OK);
	assert_int_equal(used_len(1), 20);
}

static void wrong_requests_are_answered(void **state)
{
	(void)state;
	bring_up(0, 1);
	assert_int_equal(request(IN, SECTORS, 512), IOERR);
	assert_int_equal(request(OUT, SECTORS - 1, 1024), IOERR);
	assert_int_equal(request(OUT, UINT64_MAX, 512), IOERR);
	assert_int_equal(request(IN, 0, 511), IOERR);
	assert_int_equal(request(FLUSH, 0, 0), UNSUPP); /* not accepted */
	assert_int_equal(request(99, 0, 0), UNSUPP);
	desc(0, 0, HEADER, 15, DESC_NEXT, 2);
	submit(0, 0);
	assert_int_equal(*(uint8_t *)ram(STATUS), IOERR);
	assert_int_equal(used(0)->idx, 7);
	assert_int_equal(get(MMIO_STATUS), RUNNING);
}

static void any_framing_is_understood(void **state)
{
	struct vring_desc *table = ram(GPA(BUFFERS + 0x200));

	(void)state;
	bring_up(VIRTIO_F_INDIRECT, 1);
	put_header(IN, 1);
	/* one in the ring, the others in a table, whose write flag is ignored; an empty one */
	desc(0, 0, HEADER, 1, DESC_NEXT, 1);
	desc(0, 1, GPA(BUFFERS + 0x200), 5 * 16, DESC_INDIRECT | DESC_WRITE, 0);
	table[0] = (struct vring_desc){ HEADER + 1, 10, DESC_NEXT, 3 };
	table[3] = (struct vring_desc){ HEADER + 11, 5, DESC_NEXT, 1 };
	table[1] = (struct vring_desc){ 0, 0, DESC_NEXT | DESC_WRITE, 2 };
	table[2] = (struct vring_desc){ DATA, 500, DESC_NEXT | DESC_WRITE, 4 };
	table[4] = (struct vring_desc){ DATA + 500, 13, DESC_WRITE, 0 };
	submit(0, 0);
	assert_int_equal(used(0)->idx, 1);
	assert_int_equal(used_len(0), 513);
	assert_memory_equal(ram(DATA), (const uint8_t *)dut->disk + 512, 512);
	assert_int_equal(((uint8_t *)ram(DATA))[512], OK);
}

static void a_broken_ring_needs_a_reset(void **state)
{
	(void)state;
	bring_up(0, 1);
	put_header(IN, 0);
	desc(0, 0, HEADER, 16, DESC_INDIRECT, 0); /* not accepted */
	submit(0, 0);
	assert_true(broken());
	assert_int_equal(get(MMIO_INTERRUPT_STATUS), INTERRUPT_CONFIG);
	assert_int_equal(request(IN, 0, 512), NOTHING);
	bring_up(0, 1);
	assert_int_equal(get(MMIO_INTERRUPT_STATUS), 0);
	assert_int_equal(request(IN, 0, 512), OK);
}

static void a_reset_leaves_nothing(void **state)
{
	uint32_t before[MMIO_WINDOW / 4];

	(void)state;
	for (uint32_t i = 0; i < COUNT(before); i++)
		before[i] = get(4 * i);
	bring_up(F_FLUSH, 1);
	request(IN, 0, 512);
	set(MMIO_QUEUE_SEL, 5);
	set(MMIO_DEVICE_FEATURES_SEL, 1);
	set(MMIO_STATUS, 0);
	assert_false(irq);
	for (uint32_t i = 0; i < COUNT(before); i++)
		assert_int_equal(before[i], get(4 * i));
}

static void no_interrupt_where_none_is_wanted(void **state)
{
	struct vring_avail *avail = ram(GPA(0x800));

	(void)state;
	bring_up(0, 1);
	avail->flags = AVAIL_NO_INTERRUPT;
	assert_int_equal(request(IN, 0, 512), OK);
	assert_false(irq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_says_what_it_is, driver_power_on),
		cmocka_unit_test_setup(it_reads_and_writes, driver_power_on),
		cmocka_unit_test_setup(it_says_its_name, driver_power_on),
		cmocka_unit_test_setup(wrong_requests_are_answered, driver_power_on),
		cmocka_unit_test_setup(any_framing_is_understood, driver_power_on),
		cmocka_unit_test_setup(a_broken_ring_needs_a_reset, driver_power_on),
		cmocka_unit_test_setup(a_reset_leaves_nothing, driver_power_on),
		cmocka_unit_test_setup(no_interrupt_where_none_is_wanted, driver_power_on),
	};

	return cmocka_run_group_tests(tests, driver_create, NULL);
}
