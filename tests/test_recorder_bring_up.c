/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The recorder, told of a driver's bring-up as Linux does it: what it writes plays, and brings up
 * the same.
 */
#include "recorder_linux.h"

/* The same accesses as the first ones of the log, with the rings moved. */
static void assert_accesses(const struct script *script, unsigned int count)
{
	assert_int_equal(script->ops, count);
	for (unsigned int i = 0; i < count; i++) {
		const struct script_op *op = &script->op[i];
		const struct access *a = &rig.access[i];

		assert_int_equal(op->code, a->code);
		assert_int_equal(op->write.offset, a->offset);
		assert_int_equal(op->write.width, a->width == 4 ? 0 : a->width);
		if (a->code == OP_WRITE && (a->offset < VIRTIO_MMIO_QUEUE_DESC_LOW ||
					    a->offset > VIRTIO_MMIO_QUEUE_DEVICE_HIGH))
			assert_int_equal(op->write.value, a->value);
	}
}

/* All registers that the driver read have the same values in the script. */
static void assert_reads(unsigned int count)
{
	unsigned int reads = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (rig.access[i].code != OP_READ)
			continue;
		assert_int_equal(trace.read[reads].offset, rig.access[i].offset);
		if (rig.access[i].offset < VIRTIO_MMIO_CONFIG)
			assert_int_equal(trace.read[reads].value, rig.access[i].value);
		reads++;
	}
}

/* Plays the bring-up and asks afterwards whether the queues run. */
static void assert_brings_up(const struct script *script, unsigned int queues)
{
	struct script more = *script;
	unsigned int reads = 0;

	more.ops -= more.ops + 2 * queues > SCRIPT_OPS_MAX ? 2 * queues : 0;
	for (unsigned int i = 0; i < more.ops; i++)
		reads += more.op[i].code == OP_READ;
	for (unsigned int i = 0; i < queues; i++) {
		more.op[more.ops] = script_op(OP_WRITE);
		more.op[more.ops].write.offset = VIRTIO_MMIO_QUEUE_SEL;
		more.op[more.ops++].write.value = i;
		more.op[more.ops] = script_op(OP_READ);
		more.op[more.ops++].read.offset = VIRTIO_MMIO_QUEUE_READY;
	}
	play(&more);
	for (unsigned int i = 0; i < queues; i++)
		assert_int_equal(trace.read[reads + i].value, 1);
}

static void a_bring_up_is_there_access_by_access(void **state)
{
	struct script s;
	unsigned int accesses;

	(void)state;
	start_blk(256, BLK_FEATURES);
	start_recorder();
	probe_blk(0x321000);
	accesses = rig.accesses;
	do_blk(VIRTIO_BLK_T_IN, 8, 1, 4096);
	stop_device();
	assert_true(recorded("bring_up_01", &s));
	assert_false(recorded("bring_up_02", &s));
	assert_accesses(&s, accesses);
	play(&s);
	assert_reads(accesses);
	assert_brings_up(&s, 1);
	remove_folder();
}

static const struct script_op *find_write(const struct script *s, uint64_t offset)
{
	for (unsigned int i = 0; i < s->ops; i++) {
		if (s->op[i].code == OP_WRITE && s->op[i].write.offset == offset)
			return &s->op[i];
	}
	fail_msg("0x%x was not written", (unsigned int)offset);
	return NULL;
}

static void rings_stay_low_or_high_and_aligned_as_they_were(void **state)
{
	static const uint64_t base[] = { 0x321000, HIGH + 0x2000, HIGH + 0x2004 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct script s;
		uint64_t is;

		start_blk(64, BLK_FEATURES);
		start_recorder();
		probe_blk(base[i]);
		stop_device();
		assert_true(recorded("bring_up_01", &s));
		is = find_write(&s, VIRTIO_MMIO_QUEUE_DESC_LOW)->write.value |
		     find_write(&s, VIRTIO_MMIO_QUEUE_DESC_HIGH)->write.value << 32;
		assert_int_equal(is, i ? MAP_HIGH + (base[i] & 15) : MAP_LOW);
		if (i < 2)
			assert_brings_up(&s, 1);
		else
			play(&s);
		remove_folder();
	}
}

static void a_long_bring_up_goes_on_in_a_second_script(void **state)
{
	struct script first;
	struct script second;
	unsigned int accesses;

	(void)state;
	start_net(256, NET_FEATURES);
	start_recorder();
	probe_net(0x321000);
	config_many(0, 1, 6);
	accesses = rig.accesses;
	assert_true(accesses > SCRIPT_OPS_MAX);
	fill_receive(1);
	stop_device();
	assert_true(recorded("bring_up_01", &first));
	assert_true(recorded("bring_up_02", &second));
	assert_false(recorded("bring_up_03", &second));
	assert_accesses(&first, SCRIPT_OPS_MAX);
	play(&first);
	assert_reads(SCRIPT_OPS_MAX);
	assert_true(recorded("bring_up_02", &second));
	assert_brings_up(&second, 3);
	for (unsigned int i = 1; i <= accesses - SCRIPT_OPS_MAX; i++)
		assert_int_equal(second.op[second.ops - i].write.offset,
				 rig.access[accesses - i].offset);
	remove_folder();
}

static void larger_queues_become_the_largest_there_are(void **state)
{
	struct script s;

	(void)state;
	start_blk(1024, BLK_FEATURES);
	start_recorder();
	probe_blk(0x321000);
	for (unsigned int i = 0; i < 600; i++)
		queue_blk(VIRTIO_BLK_T_IN, i, 1, 4096);
	kick(&vq[0]);
	stop_device();
	assert_true(recorded("bring_up_01", &s));
	assert_int_equal(find_write(&s, VIRTIO_MMIO_QUEUE_SIZE)->write.value, SETUP_QUEUE_SIZE);
	assert_brings_up(&s, 1);
	assert_true(recorded("requests_01", &s));
	play(&s);
	assert_int_equal(played.events, s.ops - 1);
	remove_folder();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bring_up_is_there_access_by_access),
		cmocka_unit_test(rings_stay_low_or_high_and_aligned_as_they_were),
		cmocka_unit_test(a_long_bring_up_goes_on_in_a_second_script),
		cmocka_unit_test(larger_queues_become_the_largest_there_are),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
