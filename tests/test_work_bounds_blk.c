/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_device.h, virtio_blk.h: the work of one call is bounded. */
#include "array_size.h"
#include "work_bounds.h"

static void submit(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	(void)disk;
	if (t.defers)
		t.at_disk[t.requests++] = request;
	else
		request->done(request, 0);
}

static const struct anvil_disk_ops disk_ops = { .submit = submit };

static void make_blk(unsigned int size, bool in_order, unsigned int queues)
{
	struct anvil_blk_options o = { .queue_size_max = (uint16_t)size,
				       .slots = SLOTS,
				       .transfer_max = 2 * MIB,
				       .blk_size = 512,
				       .range_sectors_max = 1024,
				       .range_segments_max = 256,
				       .num_queues = (uint16_t)queues };

	fresh(size, false);
	t.disk.ops = &disk_ops;
	t.disk.capacity = 8 * MIB;
	o.memory = &t.memory;
	o.disk = &t.disk;
	o.features = features(VIRTIO_F_INDIRECT_DESC, VIRTIO_BLK_F_WRITE_ZEROES, -1);
	if (queues > 1)
		anvil_features_add(&o.features, VIRTIO_BLK_F_MQ);
	if (in_order)
		anvil_features_add(&o.features, VIRTIO_F_IN_ORDER);
	assert_int_equal(anvil_blk_init(&t.blk, &o), 0);
	drive(&t.blk.dev);
}

static void end_blk(void)
{
	anvil_blk_destroy(&t.blk);
	munmap(t.ram, RAM);
}

static void complete(unsigned int which)
{
	struct anvil_disk_request *request = t.at_disk[which];

	t.at_disk[which] = t.at_disk[--t.requests];
	call_begins();
	request->done(request, 0);
	call_ends();
	(void)poll_all();
}

/* A header, data in pieces of `len` bytes, and a status. Sectors have to be whole. */
static void put_request(uint32_t type, unsigned int entries, uint32_t len)
{
	const struct virtio_blk_header header = { .type = type };

	put_table(entries, type == VIRTIO_BLK_T_IN ? 1 : entries - 1, len, 1);
	put(BUFFER, &header, sizeof(header));
	put_desc(TABLE, BUFFER, sizeof(header), NEXT, 1);
}

static void requests_are_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4 * ARRAY_SIZE(sizes); i++) {
		unsigned int size = sizes[i / 4];

		make_blk(size, i % 2, 1);
		put_request(i / 2 % 2 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, size, 2);
		offer_tables(0, size, chains_of(size));
		set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		assert_true(t.deferred);
		(void)poll_all();
		expect_all_used(0);
		end_blk();
	}
}

/* Data in few descriptors is work, too: a disk that is done at once must not do all at once. */
static void bytes_are_bounded(void **state)
{
	const struct virtio_blk_header header = { .type = VIRTIO_BLK_T_IN };

	(void)state;
	make_blk(256, false, 1);
	put(BUFFER, &header, sizeof(header));
	put_desc(TABLE, BUFFER, sizeof(header), NEXT, 1);
	put_desc(TABLE + 16, BUFFER + 4096, 2 * MIB + 1, WRITABLE, 0);
	offer_tables(0, 2, 256);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	/* 16384 units of 256 bytes are two such requests, and the one under way is finished */
	assert_true(used(0) >= 2 && used(0) <= 3);
	assert_true(poll_all() >= 256 / 3 - 1);
	expect_all_used(0);
	end_blk();
}

/* Completions serve queues that waited for a slot: each completion is a call. */
static void completions_are_bounded(void **state)
{
	(void)state;
	for (unsigned int in_order = 0; in_order < 2; in_order++) {
		make_blk(4096, in_order, 3);
		t.defers = true;
		put_request(VIRTIO_BLK_T_IN, 4096, 2);
		put_desc(TABLE + 16, BUFFER, 511, NEXT | WRITABLE, 2);
		for (unsigned int q = 0; q < 3; q++) {
			offer_tables(q, 4096, 512);
			set(VIRTIO_MMIO_QUEUE_NOTIFY, q);
			(void)poll_all();
		}
		while (t.requests)
			complete(t.requests - 1);
		for (unsigned int q = 0; q < 3; q++)
			expect_all_used(q);
		end_blk();
	}
}

/* One that was taken first is done last: then all others are given back in one call. */
static void giving_back_in_order_is_bounded(void **state)
{
	(void)state;
	make_blk(32768, true, 1);
	put_request(VIRTIO_BLK_T_IN, 3, 512);
	t.defers = true;
	offer_tables(0, 3, 1);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	assert_int_equal(t.requests, 1);
	t.defers = false;
	offer_tables(0, 3, 32767);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	(void)poll_all();
	assert_int_equal(used(0), 0);
	complete(0);
	expect_all_used(0);
	end_blk();
}

/* What a driver usually does is one call: a ring full of requests, of small frames. */
static void usual_work_is_not_deferred(void **state)
{
	(void)state;
	make_blk(256, false, 1);
	put_request(VIRTIO_BLK_T_IN, 3, 4096);
	offer_tables(0, 3, 255); /* after a whole ring of them it looks again */
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	assert_false(t.deferred);
	expect_all_used(0);
	end_blk();
	make_net(256, false, 1, false);
	put_table(2, 2, 12, 1514);
	offer_tables(ANVIL_NET_TX, 2, 255);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, ANVIL_NET_TX);
	assert_false(t.deferred);
	assert_int_equal(t.sent, 255);
	end_net();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_bounded),
		cmocka_unit_test(bytes_are_bounded),
		cmocka_unit_test(completions_are_bounded),
		cmocka_unit_test(giving_back_in_order_is_bounded),
		cmocka_unit_test(usual_work_is_not_deferred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
