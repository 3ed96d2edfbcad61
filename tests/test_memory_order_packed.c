/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtqueue.h over the packed ring: in which order a driver on another processor sees what the
 * device does (memory_order.h).
 */
#include "array_size.h"
#include "memory_order.h"
#include "packed_ring.h"

#define ENTRIES 5u
#define TABLE	(RAM_HIGH + 0x8000)

enum {
	AVAIL_FLAGS = 1, /* of a list's first entry */
	DESCRIPTOR,	 /* the rest of it */
	DATA_LOAD,
	DATA_STORE,
	USED_ENTRY,
	USED_FLAGS,
	WISH_LOAD, /* of the driver */
	WISH_PLACE_LOAD,
	WISH_PLACE_STORE, /* of the device */
	WISH_STORE
};

static unsigned int class_of_load(uint64_t gpa, size_t len)
{
	if (gpa == DRIVER + PVIRTQ_EVENT_FLAGS)
		return WISH_LOAD;
	if (gpa == DRIVER + PVIRTQ_EVENT_DESC)
		return WISH_PLACE_LOAD;
	if (gpa - RING < 16 * ENTRIES)
		return len == 2 ? AVAIL_FLAGS : DESCRIPTOR;
	return gpa - TABLE < 16 * ENTRIES ? DESCRIPTOR : DATA_LOAD;
}

static unsigned int class_of_store(uint64_t gpa, const uint8_t *bytes)
{
	if (gpa == DEVICE + PVIRTQ_EVENT_FLAGS) /* that it does not want to hear is no promise */
		return bytes[0] == RING_EVENT_FLAGS_DISABLE ? 0 : WISH_STORE;
	if (gpa == DEVICE + PVIRTQ_EVENT_DESC)
		return WISH_PLACE_STORE;
	if (gpa - RING < 16 * ENTRIES)
		return (gpa - RING) % 16 == 14 ? USED_FLAGS : USED_ENTRY;
	return DATA_STORE;
}

static unsigned int classify(const void *opaque, bool store, uint64_t gpa, const void *bytes,
			     size_t len)
{
	(void)opaque;
	return store ? class_of_store(gpa, bytes) : class_of_load(gpa, len);
}

static const struct order_rule rules[] = {
	{ AVAIL_FLAGS, DESCRIPTOR, "a list is read once flags show it (2.8.6)" },
	{ AVAIL_FLAGS, DATA_LOAD, "data are read once flags show them (2.8.6)" },
	{ AVAIL_FLAGS, DATA_STORE, "buffers are written once flags show them (2.8.6)" },
	{ DESCRIPTOR, USED_FLAGS, "a list is read before it is given back (2.8.6)" },
	{ DATA_LOAD, USED_FLAGS, "data are read before they are given back (2.8.6)" },
	{ DATA_STORE, USED_FLAGS, "data are there when flags show them (2.8.6)" },
	{ USED_ENTRY, USED_FLAGS, "an entry is there when flags show it (2.8.6)" },
	{ USED_FLAGS, USED_FLAGS, "a batch is there when its first entry shows it (2.8.6)" },
	{ USED_FLAGS, WISH_LOAD, "flags are shown before the driver's wish is read (2.8.10)" },
	{ WISH_STORE, AVAIL_FLAGS, "we ask to hear before we look again (2.8.10)" },
	/* with EVENT_IDX alone */
	{ WISH_LOAD, WISH_PLACE_LOAD, "the place is read once its flags name it (2.8.10)" },
	{ WISH_PLACE_STORE, WISH_STORE, "the place is there when its flags name it (2.8.10)" },
};
#define RULES_WITHOUT_EVENT_IDX (ARRAY_SIZE(rules) - 2)

/* A list of two entries, or one with a table of two; a buffer to read and one to write. */
static void offer(struct fixture *f, uint16_t id, bool table)
{
	put_desc(f, TABLE, DATA, 1, 0, 0);
	put_desc(f, TABLE + 16, DATA + 1, 1, 0, WRITABLE);
	if (table) {
		offer_desc(f, TABLE, 32, id, INDIRECT);
		return;
	}
	offer_desc(f, DATA, 1, id, NEXT);
	offer_desc(f, DATA + 1, 1, id, WRITABLE);
}

static void serve(struct fixture *f)
{
	uint8_t byte;

	assert_int_equal(pop(f), 1);
	assert_int_equal(anvil_descriptor_chain_read(&f->chain[0], &byte, 1), 0);
	assert_int_equal(anvil_descriptor_chain_write(&f->chain[0], &byte, 1), 0);
	anvil_virtqueue_fill(&f->vq, &f->chain[0]);
}

static void each_access_is_in_order(struct fixture *f, bool event_idx, unsigned int count)
{
	assert_int_equal(enable(f, ENTRIES, PACKED(.indirect = true, .event_idx = event_idx)), 0);
	ram_put16(&f->ram, DRIVER + PVIRTQ_EVENT_FLAGS,
		  event_idx ? RING_EVENT_FLAGS_DESC : RING_EVENT_FLAGS_ENABLE);
	order_record(&f->ram.memory, classify, f);
	anvil_virtqueue_suppress_notification(&f->vq);
	offer(f, 1, false);
	offer(f, 2, true);
	offer(f, 3, true);
	serve(f);
	serve(f);
	serve(f);
	assert_true(anvil_virtqueue_publish(&f->vq) || event_idx);
	assert_false(anvil_virtqueue_want_notification(&f->vq));
	offer(f, 1, true);
	serve(f);
	assert_true(anvil_virtqueue_publish(&f->vq) || event_idx);
	order_check(rules, count);
}

static void with_flags(void **state)
{
	each_access_is_in_order(*state, false, RULES_WITHOUT_EVENT_IDX);
}

static void with_event_idx(void **state)
{
	each_access_is_in_order(*state, true, ARRAY_SIZE(rules));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(with_flags),
		TEST(with_event_idx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
