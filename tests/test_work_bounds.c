/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_device.h: the work of one call, whatever a guest has in its rings. All chains of a queue
 * may be as long as the queue, through one table that they share: what a call does must not grow
 * with the square of the queue's size. Counted are accesses to guest memory, in each call.
 */
#include "support.h"

#include <sys/mman.h>

#include "array_size.h"
#include "virtio_blk.h"
#include "virtio_mmio_state.h"
#include "virtio_net.h"

#define MIB	 (1024u * 1024u)
#define RAM	 (64u * MIB)
#define QUEUES	 8u
#define DESC(q)	 (2u * MIB * (q))
#define AVAIL(q) (DESC(q) + MIB)
#define USED(q)	 (AVAIL(q) + MIB / 4)
#define TABLE	 (2u * MIB * QUEUES)
#define BUFFER	 (48u * MIB)
#define SLOTS	 8u

static struct {
	uint8_t *ram;
	struct anvil_guest_memory memory;
	struct anvil_guest_memory_tap tap;
	struct anvil_mmio mmio;
	bool deferred;
	bool irq;

	unsigned int size;
	bool packed;
	uint64_t accesses; /* of the call */
	uint64_t most;	   /* of any call */
	unsigned int calls;
	uint16_t avail[QUEUES];

	struct anvil_nic nic;
	struct anvil_net net;
	bool stalled;
	unsigned int sent;

	struct anvil_disk disk;
	struct anvil_blk blk;
	bool defers;
	struct anvil_disk_request *at_disk[SLOTS];
	unsigned int requests;
} t;

/* ---- a machine that counts ---- */

static void fetching(void *opaque, uint64_t gpa, size_t len)
{
	(void)opaque, (void)gpa, (void)len;
}

static void accessed(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	(void)opaque, (void)gpa, (void)bytes, (void)len;
	t.accesses++;
}

static void set_irq(void *opaque, bool asserted)
{
	(void)opaque;
	t.irq = asserted;
}

static void defer(void *opaque)
{
	(void)opaque;
	t.deferred = true;
}

static const struct anvil_mmio_host_ops host = { .set_irq = set_irq, .defer = defer };

static void call_begins(void)
{
	t.accesses = 0;
}

/* The right number, said once more: ANVIL_DEVICE_ACCESSES. */
static void call_ends(void)
{
	t.calls++;
	if (t.accesses > t.most)
		t.most = t.accesses;
	assert_true(t.accesses <= 5 * 16384 + 8ull * t.size + 512);
}

static uint32_t get(unsigned int offset)
{
	return (uint32_t)anvil_mmio_read(&t.mmio, offset, 4);
}

static void set(unsigned int offset, uint32_t value)
{
	call_begins();
	anvil_mmio_write(&t.mmio, offset, 4, value);
	call_ends();
}

/* Goes on until nothing is left over. Returns after how many polls. */
static unsigned int poll_all(void)
{
	unsigned int polls = 0;

	while (t.deferred) {
		t.deferred = false;
		call_begins();
		anvil_mmio_poll(&t.mmio);
		call_ends();
		polls++;
		assert_true(polls <= QUEUES * 32768);
	}
	return polls;
}

static void put(uint64_t gpa, const void *bytes, size_t len)
{
	assert_true(gpa + len <= RAM);
	memcpy(t.ram + gpa, bytes, len);
}

/* Packed rings have flags where split ones have `next`. */
static void put_desc(uint64_t at, uint64_t gpa, uint32_t len, unsigned int flags, unsigned int next)
{
	const struct virtq_desc d = { gpa, len, (uint16_t)(t.packed ? 0 : flags),
				      (uint16_t)(t.packed ? flags & WRITABLE : next) };

	put(at, &d, sizeof(d));
}

/* A table of `entries`, the first `readable` ones of `len` bytes for the device to read. */
static void put_table(unsigned int entries, unsigned int readable, uint32_t len, uint32_t last)
{
	for (unsigned int i = 0; i < entries; i++)
		put_desc(TABLE + 16ull * i, BUFFER + i * 64ull, i + 1 < entries ? len : last,
			 (i < readable ? 0 : WRITABLE) | (i + 1 < entries ? NEXT : 0), i + 1);
}

/* Makes `count` chains available, each of them that one table. */
static void offer_tables(unsigned int queue, unsigned int entries, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		uint16_t slot = (uint16_t)((t.avail[queue] + i) % t.size);

		if (t.packed) {
			const struct pvirtq_desc d = { .addr = TABLE,
						       .len = 16 * entries,
						       .id = slot,
						       .flags = INDIRECT | VIRTQ_DESC_F_AVAIL };

			put(DESC(queue) + 16ull * slot, &d, sizeof(d));
			continue;
		}
		put_desc(DESC(queue) + 16ull * slot, TABLE, 16 * entries, INDIRECT, 0);
		put(AVAIL(queue) + 4 + 2ull * slot, &slot, sizeof(slot));
	}
	t.avail[queue] = (uint16_t)(t.avail[queue] + count);
	if (!t.packed)
		put(AVAIL(queue) + 2, &t.avail[queue], 2);
}

static uint16_t used(unsigned int queue)
{
	uint16_t index;

	memcpy(&index, t.ram + USED(queue) + 2, 2);
	return index;
}

static void expect_all_used(unsigned int queue)
{
	if (t.packed) {
		for (unsigned int i = 0; i < t.avail[queue]; i++)
			assert_true(t.ram[DESC(queue) + 16ull * i + 15] & 0x80);
	} else {
		assert_int_equal(used(queue), t.avail[queue]);
	}
}

static void start_queue(unsigned int queue)
{
	set(VIRTIO_MMIO_QUEUE_SEL, queue);
	set(VIRTIO_MMIO_QUEUE_SIZE, t.size);
	set(VIRTIO_MMIO_QUEUE_DESC_LOW, DESC(queue));
	set(VIRTIO_MMIO_QUEUE_DRIVER_LOW, AVAIL(queue));
	set(VIRTIO_MMIO_QUEUE_DEVICE_LOW, USED(queue));
	set(VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(get(VIRTIO_MMIO_QUEUE_READY), 1);
}

/* All that is offered is accepted. */
static void drive(struct anvil_device *dev)
{
	anvil_mmio_init(&t.mmio, dev, &host, NULL);
	set(VIRTIO_MMIO_STATUS, 1);
	set(VIRTIO_MMIO_STATUS, 3);
	for (uint32_t i = 0; i < 4; i++) {
		set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, i);
		set(VIRTIO_MMIO_DRIVER_FEATURES_SEL, i);
		set(VIRTIO_MMIO_DRIVER_FEATURES, get(VIRTIO_MMIO_DEVICE_FEATURES));
	}
	set(VIRTIO_MMIO_STATUS, 11);
	assert_int_equal(get(VIRTIO_MMIO_STATUS), 11);
	for (unsigned int i = 0; i < dev->queues; i++)
		start_queue(i);
	set(VIRTIO_MMIO_STATUS, 15);
}

static void fresh(unsigned int size, bool packed)
{
	struct anvil_guest_memory_region region = { 0, RAM, NULL };
	uint8_t *ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_ptr_not_equal(ram, MAP_FAILED);
	memset(&t, 0, sizeof(t));
	t.ram = ram;
	t.size = size;
	t.packed = packed;
	region.host = ram;
	assert_int_equal(anvil_guest_memory_init(&t.memory, &region, 1), 0);
	t.tap = (struct anvil_guest_memory_tap){ fetching, accessed, accessed, NULL };
	t.memory.tap = &t.tap;
}

/* ---- the network device ---- */

static int send(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	(void)nic, (void)frame;
	if (t.stalled)
		return -EAGAIN;
	t.sent++;
	return 0;
}

static const struct anvil_nic_ops nic_ops = { .send = send };

static void make_net(unsigned int size, bool packed, unsigned int pairs, bool in_order)
{
	struct anvil_net_options o = { .queue_size_max = (uint16_t)size,
				       .mtu = 1500,
				       .link_up = true,
				       .queue_pairs_max = (uint16_t)pairs };

	fresh(size, packed);
	t.nic.ops = &nic_ops;
	o.memory = &t.memory;
	o.nic = &t.nic;
	o.features = features(VIRTIO_F_INDIRECT_DESC, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MRG_RXBUF,
			      VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_DEVICE_STATS, -1);
	if (pairs > 1)
		anvil_features_add(&o.features, VIRTIO_NET_F_MQ);
	if (packed)
		anvil_features_add(&o.features, VIRTIO_F_RING_PACKED);
	if (in_order)
		anvil_features_add(&o.features, VIRTIO_F_IN_ORDER);
	assert_int_equal(anvil_net_init(&t.net, &o), 0);
	drive(&t.net.dev);
}

static void end_net(void)
{
	anvil_net_destroy(&t.net);
	munmap(t.ram, RAM);
}

static const unsigned int sizes[] = { 256, 2048, 32768 };

/* For each size, with both kinds of rings; chains of a hostile guest are few of the largest. */
static unsigned int chains_of(unsigned int size)
{
	return size <= 2048 ? size : 64;
}

static void transmit_is_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		unsigned int size = sizes[i / 2];

		make_net(size, i % 2, 1, false);
		put_table(size, size, 65536 / size, 65536 / size);
		offer_tables(ANVIL_NET_TX, size, chains_of(size));
		set(VIRTIO_MMIO_QUEUE_NOTIFY, ANVIL_NET_TX);
		assert_true(t.deferred);
		assert_true(t.most > 1000);
		(void)poll_all();
		expect_all_used(ANVIL_NET_TX);
		end_net();
	}
}

/* Direct chains can share descriptors just as well: each one is the rest of the table. */
static void chains_that_share_descriptors_are_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned int size = sizes[i];

		make_net(size, false, 1, false);
		for (unsigned int k = 0; k < size; k++) {
			uint16_t head = (uint16_t)(k % 64);

			put_desc(DESC(ANVIL_NET_TX) + 16ull * k, BUFFER, 2, k + 1 < size ? NEXT : 0,
				 k + 1);
			put(AVAIL(ANVIL_NET_TX) + 4 + 2ull * k, &head, 2);
		}
		t.avail[ANVIL_NET_TX] = (uint16_t)chains_of(size);
		put(AVAIL(ANVIL_NET_TX) + 2, &t.avail[ANVIL_NET_TX], 2);
		set(VIRTIO_MMIO_QUEUE_NOTIFY, ANVIL_NET_TX);
		(void)poll_all();
		expect_all_used(ANVIL_NET_TX);
		end_net();
	}
}

static void commands_are_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned int size = sizes[i];

		make_net(size, false, 1, false);
		put_table(size, size - 1, 1, 1);
		offer_tables(ANVIL_NET_CTRL, size, chains_of(size));
		set(VIRTIO_MMIO_QUEUE_NOTIFY, ANVIL_NET_CTRL);
		(void)poll_all();
		expect_all_used(ANVIL_NET_CTRL);
		end_net();
	}
}

/* Sixty-four questions for all statistics in one command, and the answers in one long chain. */
static void statistics_are_bounded(void **state)
{
	struct virtio_net_stats_wish wish[ANVIL_NET_STATS_WISHES];
	const uint8_t command[2] = { VIRTIO_NET_CTRL_STATS, VIRTIO_NET_CTRL_STATS_GET };

	(void)state;
	make_net(4096, false, 1, false);
	memset(wish, 0, sizeof(wish));
	for (size_t i = 0; i < ARRAY_SIZE(wish); i++) {
		wish[i].vq_index = 1;
		wish[i].types_bitmap = 1ull << VIRTIO_NET_STATS_TX_BASIC;
	}
	put(BUFFER, command, sizeof(command));
	put(BUFFER + 2, wish, sizeof(wish));
	put_desc(TABLE, BUFFER, sizeof(command) + sizeof(wish), NEXT, 1);
	put_desc(TABLE + 16, BUFFER + 65536, 65536, WRITABLE, 0);
	offer_tables(ANVIL_NET_CTRL, 2, 4096);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, ANVIL_NET_CTRL);
	assert_true(t.deferred);
	(void)poll_all();
	expect_all_used(ANVIL_NET_CTRL);
	assert_int_equal(t.ram[BUFFER + 65536], VIRTIO_NET_OK);
	end_net();
}

static int receive(uint32_t len)
{
	static const uint8_t frame[1514] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	int result;

	call_begins();
	result = t.nic.receive(&t.nic, &(struct anvil_nic_frame){ .data = frame, .len = len });
	call_ends();
	return result;
}

/* Buffers that are no good are used up; a frame looks at no more of them than one call may. */
static void bad_receive_buffers_are_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		unsigned int size = sizes[i / 2];

		make_net(size, false, 1, i % 2);
		put_table(size, size, 1, 1); /* readable ones */
		offer_tables(ANVIL_NET_RX, size, chains_of(size));
		for (unsigned int k = 0; k < 2 * size && receive(1514) == -EAGAIN &&
					 used(ANVIL_NET_RX) != t.avail[ANVIL_NET_RX];
		     k++)
			(void)poll_all();
		expect_all_used(ANVIL_NET_RX);
		end_net();
	}
}

/* A byte in each: all of the ring for one frame, or not enough. */
static void small_receive_buffers_are_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		unsigned int size = sizes[i / 2];

		make_net(size, false, 1, i % 2);
		put_desc(TABLE, BUFFER, 13, WRITABLE, 0);
		offer_tables(ANVIL_NET_RX, 1, size);
		(void)receive(1514);
		(void)receive(60);
		end_net();
	}
}

/* All pairs wait for the nic; when it can send again, one call does what one call may. */
static void sending_again_is_bounded(void **state)
{
	unsigned int polls;

	(void)state;
	make_net(1024, false, 3, false);
	t.stalled = true;
	put_table(1024, 1024, 1, 1);
	for (unsigned int pair = 0; pair < 3; pair++) {
		offer_tables(2 * pair + ANVIL_NET_TX, 1024, 1024);
		set(VIRTIO_MMIO_QUEUE_NOTIFY, 2 * pair + ANVIL_NET_TX);
	}
	assert_false(t.deferred);
	t.stalled = false;
	call_begins();
	t.nic.sendable(&t.nic);
	call_ends();
	polls = poll_all();
	assert_true(polls > 3 * 1024 * 1032 / 16384 - 3);
	for (unsigned int pair = 0; pair < 3; pair++)
		expect_all_used(2 * pair + ANVIL_NET_TX);
	end_net();
}

/* A queue with ever more work does not keep another one from its own. */
static void queues_have_their_turns(void **state)
{
	(void)state;
	make_net(1024, false, 3, false);
	put_table(1024, 1024, 64, 64);
	for (unsigned int pair = 0; pair < 3; pair++) {
		offer_tables(2 * pair + ANVIL_NET_TX, 1024, 512);
		set(VIRTIO_MMIO_QUEUE_NOTIFY, 2 * pair + ANVIL_NET_TX);
	}
	for (unsigned int polls = 0; polls < 9; polls++) {
		assert_true(t.deferred);
		t.deferred = false;
		call_begins();
		anvil_mmio_poll(&t.mmio);
		call_ends();
	}
	for (unsigned int pair = 1; pair < 3; pair++) {
		assert_true(used(2 * pair + 1) + 20 > used(1));
		assert_true(used(2 * pair + 1) < used(1) + 20);
	}
	end_net();
}

/* ---- the block device ---- */

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

/* A reset, a saved state taken back, a queue of that size stopped: none looks at what is in rings.
 */
static void other_calls_are_bounded(void **state)
{
	static uint8_t image[65536];
	size_t len;

	(void)state;
	make_net(32768, false, 1, false);
	put_table(32768, 32768, 2, 2);
	offer_tables(ANVIL_NET_TX, 32768, 64);
	assert_int_equal(anvil_mmio_save(&t.mmio, image, sizeof(image), &len), 0);
	set(VIRTIO_MMIO_STATUS, 0);
	call_begins();
	assert_int_equal(anvil_mmio_restore(&t.mmio, image, len), 0);
	call_ends();
	assert_int_equal(t.accesses, 0);
	assert_true(t.deferred);
	(void)poll_all();
	expect_all_used(ANVIL_NET_TX);
	set(VIRTIO_MMIO_QUEUE_SEL, 1);
	set(VIRTIO_MMIO_QUEUE_READY, 0);
	anvil_net_set_link(&t.net, false);
	end_net();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transmit_is_bounded),
		cmocka_unit_test(chains_that_share_descriptors_are_bounded),
		cmocka_unit_test(commands_are_bounded),
		cmocka_unit_test(statistics_are_bounded),
		cmocka_unit_test(bad_receive_buffers_are_bounded),
		cmocka_unit_test(small_receive_buffers_are_bounded),
		cmocka_unit_test(sending_again_is_bounded),
		cmocka_unit_test(queues_have_their_turns),
		cmocka_unit_test(requests_are_bounded),
		cmocka_unit_test(bytes_are_bounded),
		cmocka_unit_test(completions_are_bounded),
		cmocka_unit_test(giving_back_in_order_is_bounded),
		cmocka_unit_test(usual_work_is_not_deferred),
		cmocka_unit_test(other_calls_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
