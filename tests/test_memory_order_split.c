/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtqueue.h over the split ring: in which order a driver on another processor sees what the
 * device does (memory_order.h).
 */
#include "array_size.h"
#include "memory_order.h"
#include "split_ring.h"

enum {
	AVAIL_IDX = 1,
	AVAIL_ENTRY,
	DESCRIPTOR,
	DATA_LOAD,
	DATA_STORE,
	USED_ENTRY,
	USED_IDX,
	WISH_LOAD, /* of the driver */
	WISH_STORE /* of the device, which wants to hear */
};

static unsigned int class_of_load(const struct fixture *f, uint64_t gpa)
{
	uint64_t avail = f->ring.avail;

	if (gpa == avail + VIRTQ_AVAIL_IDX)
		return AVAIL_IDX;
	if (gpa == avail + VIRTQ_AVAIL_FLAGS || gpa == avail + VIRTQ_AVAIL_RING + 2 * SIZE)
		return WISH_LOAD;
	if (gpa - avail < VIRTQ_AVAIL_RING + 2 * SIZE)
		return AVAIL_ENTRY;
	if (gpa - f->ring.desc < 16 * SIZE || gpa - TABLE < 16 * SIZE)
		return DESCRIPTOR;
	return DATA_LOAD;
}

static unsigned int class_of_store(const struct fixture *f, uint64_t gpa, const uint8_t *bytes)
{
	uint64_t used = f->ring.used;

	if (gpa == used + VIRTQ_USED_IDX)
		return USED_IDX;
	if (gpa == used + VIRTQ_USED_FLAGS) /* that it does not want to is no promise */
		return bytes[0] & VIRTQ_USED_F_NO_NOTIFY ? 0 : WISH_STORE;
	if (gpa == used + VIRTQ_USED_RING + 8 * SIZE)
		return WISH_STORE;
	return gpa - used < VIRTQ_USED_RING + 8 * SIZE ? USED_ENTRY : DATA_STORE;
}

static unsigned int classify(const void *opaque, bool store, uint64_t gpa, const void *bytes,
			     size_t len)
{
	(void)len;
	return store ? class_of_store(opaque, gpa, bytes) : class_of_load(opaque, gpa);
}

static const struct order_rule rules[] = {
	{ AVAIL_IDX, AVAIL_ENTRY, "an entry is read once idx shows it (2.7.13.3)" },
	{ AVAIL_IDX, DESCRIPTOR, "descriptors are read once idx shows them (2.7.13.3)" },
	{ AVAIL_IDX, DATA_LOAD, "data are read once idx shows them (2.7.13.3)" },
	{ AVAIL_IDX, DATA_STORE, "buffers are written once idx shows them (2.7.13.3)" },
	{ DESCRIPTOR, USED_IDX, "a chain is read before it is given back (2.7.8)" },
	{ DATA_LOAD, USED_IDX, "data are read before they are given back (2.7.8)" },
	{ DATA_STORE, USED_IDX, "data are there when idx shows them (2.7.8)" },
	{ USED_ENTRY, USED_IDX, "an entry is there when idx shows it (2.7.8)" },
	{ USED_IDX, WISH_LOAD, "idx is shown before the driver's wish is read (2.7.7.2)" },
	{ WISH_STORE, AVAIL_IDX, "we ask to hear before we look again (2.7.10)" },
};

/* One chain of two buffers; with a table, if any is to be had. */
static void offer(struct fixture *f, bool table)
{
	static const struct buffer direct[] = { { DATA, 1, 0 }, { DATA + 1, 1, WRITABLE } };
	const struct buffer indirect[] = { { TABLE, 32, INDIRECT } };

	ram_desc(&f->ram, TABLE, DATA, 1, NEXT, 1);
	ram_desc(&f->ram, TABLE + 16, DATA + 1, 1, WRITABLE, 0);
	ring_chain(&f->ring, table ? indirect : direct, table ? 1 : 2);
}

static void serve(struct fixture *f)
{
	uint8_t byte;

	assert_int_equal(pop(f), 1);
	assert_int_equal(anvil_descriptor_chain_read(&f->chain, &byte, 1), 0);
	assert_int_equal(anvil_descriptor_chain_write(&f->chain, &byte, 1), 0);
	anvil_virtqueue_fill(&f->vq, &f->chain);
}

static void each_access_is_in_order(struct fixture *f, bool event_idx)
{
	assert_int_equal(enable(f, SIZE, true, event_idx), 0);
	order_record(&f->ram.memory, classify, f);
	anvil_virtqueue_suppress_notification(&f->vq);
	offer(f, false);
	offer(f, true);
	serve(f);
	serve(f);
	assert_true(anvil_virtqueue_publish(&f->vq) || event_idx);
	assert_false(anvil_virtqueue_want_notification(&f->vq));
	offer(f, true);
	serve(f);
	assert_true(anvil_virtqueue_publish(&f->vq) || event_idx);
	order_check(rules, ARRAY_SIZE(rules));
}

static void with_flags(void **state)
{
	each_access_is_in_order(*state, false);
}

static void with_event_idx(void **state)
{
	each_access_is_in_order(*state, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(with_flags),
		TEST(with_event_idx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
