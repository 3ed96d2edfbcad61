/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many queues of a device that is not ours a script has, and how long these are. The device is
 * in this file: registers alone.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/device_under_test.h"
#include "device/machine.h"
#include "script/operands.h"

#define RAM (256u << 10)

static struct machine machine;
static jmp_buf escape;

/* what the device is */
static unsigned int id, version, queues, size, pairs;
static uint64_t features;
static uint32_t features_sel, queue_sel;

static int create_dut(struct device_under_test *d, const struct dut_host *calls)
{
	(void)calls;
	d->ram[0] = (struct dut_ram){ 0x80000000, RAM, aligned_alloc(4096, RAM) };
	return d->ram[0].host ? 0 : -ENOMEM;
}

static void power_cycle(struct device_under_test *d)
{
	(void)d;
	features_sel = queue_sel = 0;
}

static uint64_t get(struct device_under_test *d, uint64_t offset, unsigned int width)
{
	(void)d, (void)width;
	switch (offset) {
	case VIRTIO_MMIO_MAGIC:
		return VIRTIO_MMIO_MAGIC_VALUE;
	case VIRTIO_MMIO_VERSION:
		return version;
	case VIRTIO_MMIO_DEVICE_ID:
		return id;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return features_sel < 2 ? (uint32_t)(features >> 32 * features_sel) : 0;
	case VIRTIO_MMIO_QUEUE_SIZE_MAX:
		return queue_sel < queues ? size : 0;
	case VIRTIO_MMIO_CONFIG + 8:
		return pairs;
	default:
		return 0;
	}
}

static void set(struct device_under_test *d, uint64_t offset, unsigned int width, uint64_t value)
{
	(void)d, (void)width;
	if (offset == VIRTIO_MMIO_DEVICE_FEATURES_SEL)
		features_sel = (uint32_t)value;
	if (offset == VIRTIO_MMIO_QUEUE_SEL)
		queue_sel = (uint32_t)value;
}

static struct device_under_test dut = {
	.version = DUT_VERSION,
	.name = "queues",
	.create = create_dut,
	.power_cycle = power_cycle,
	.read = get,
	.write = set,
};

/* A disk of so many queues. */
static void is_disk(unsigned int of, unsigned int entries)
{
	id = VIRTIO_ID_BLOCK;
	version = 2;
	queues = of;
	size = entries;
	pairs = 0;
	features = 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_BLK_F_MQ;
}

static void is_nic(unsigned int of, unsigned int entries)
{
	is_disk(2 * of + 1, entries);
	id = VIRTIO_ID_NET;
	pairs = of;
	features =
		1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_NET_F_MQ | 1ull << VIRTIO_NET_F_CTRL_VQ;
}

/* What a script meets whose header asks for that. */
static const struct setup *meets(uint8_t asked_queues, uint8_t asked_size)
{
	static bool created;
	char error[200];
	struct script_op header = script_op(OP_INIT);
	struct setup p;

	if (!created)
		assert_true(machine_create_foreign(&machine, &dut, error, sizeof(error)));
	created = true;
	memset(&machine.offer, 0, sizeof(machine.offer));
	assert_true(machine_ask(&machine, error, sizeof(error)));
	memset(&header, 0, sizeof(header));
	header.code = (uint8_t)machine.offer.kind;
	header.device.queues = asked_queues;
	header.device.size = asked_size;
	setup_from(&header, &p);
	machine_start(&machine, &p, &escape);
	machine_stop(&machine);
	return &machine.p;
}

static void assert_is(const struct setup *p, unsigned int of, unsigned int entries)
{
	assert_int_equal(p->queues, of);
	assert_int_equal(p->queue_size_max, entries);
}

static void few_queues_are_all_there(void **state)
{
	(void)state;
	is_disk(1, 128);
	assert_is(meets(0, SIZE_16), 1, 16);
	assert_is(meets(0, SIZE_512), 1, 128);
	assert_is(meets(6, SIZE_512), 1, 16);
	is_disk(9, 256);
	assert_is(meets(0, SIZE_512), 9, 256);
	assert_is(meets(6, SIZE_16), 9, 16);
}

static void of_many_a_script_has_a_few_or_many_short_ones(void **state)
{
	(void)state;
	is_disk(200, 1024);
	assert_is(meets(0, SIZE_16), 9, 16);
	assert_is(meets(3, SIZE_256), 9, 256);
	assert_is(meets(5, SIZE_16), 33, 16);
	assert_is(meets(6, SIZE_512), 64, 16);
	assert_int_equal(machine.offer.queue_size_max, 1024);
	is_disk(40, 8);
	assert_is(meets(6, SIZE_16), 40, 8);
}

static void long_ones_are_three(void **state)
{
	(void)state;
	is_disk(64, 512);
	assert_is(meets(0, SIZE_512), 3, 512);
	is_disk(2, 700);
	assert_is(meets(0, SIZE_512), 2, 512);
}

static void a_legacy_device_has_few(void **state)
{
	(void)state;
	is_disk(64, 512);
	version = 1;
	assert_is(meets(6, SIZE_16), 9, 16);
}

static bool offers_mq(const struct setup *p)
{
	return anvil_features_has(&p->offered, VIRTIO_NET_F_MQ);
}

static void the_control_queue_is_behind_all_pairs(void **state)
{
	(void)state;
	is_nic(4, 256);
	assert_is(meets(1, SIZE_16), 9, 16);
	assert_int_equal(machine.p.pairs, 4);
	assert_true(offers_mq(&machine.p));
	is_nic(31, 512);
	assert_is(meets(6, SIZE_16), 63, 16);
	assert_int_equal(machine.p.pairs, 31);
	assert_true(offers_mq(&machine.p));
	/* without those that there is no room for it is behind the first one */
	assert_is(meets(1, SIZE_16), 3, 16);
	assert_int_equal(machine.p.pairs, 1);
	assert_false(offers_mq(&machine.p));
	is_nic(2, 512);
	assert_is(meets(1, SIZE_512), 3, 512);
	assert_int_equal(machine.p.pairs, 1);
	assert_false(offers_mq(&machine.p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_queues_are_all_there),
		cmocka_unit_test(of_many_a_script_has_a_few_or_many_short_ones),
		cmocka_unit_test(long_ones_are_three),
		cmocka_unit_test(a_legacy_device_has_few),
		cmocka_unit_test(the_control_queue_is_behind_all_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
