/* SPDX-License-Identifier: BSD-3-Clause */
/* The split ring, as a block and a network device use it (2.7). */
#include "array_size.h"
#include "bench.h"

#include <endian.h>

/* ---- 2.7.4 ---- */

#define DATA_BYTES ANVIL_DISK_SECTOR_BYTES

/* A list of pieces of `len` bytes from `gpa` on, in a way that `cut` chooses. */
static unsigned int pieces(struct buffer *b, uint64_t gpa, uint32_t len, uint16_t flags,
			   unsigned int cut)
{
	unsigned int count = 0;

	for (uint32_t done = 0; done < len;) {
		uint32_t left = len - done;
		uint32_t part = count == 4 ? left : cut % 7 == 0 ? 1 : cut % 7 * 11;

		cut /= 7;
		part = part < left ? part : left;
		b[count++] = (struct buffer){ gpa + done, part, flags };
		done += part;
	}
	return count;
}

static void requests_work_however_they_are_cut(void **state)
{
	struct bench *b = *state;
	uint8_t data[DATA_BYTES];
	uint8_t got[DATA_BYTES];

	bench_drive(b, features(-1));
	for (unsigned int cut = 0; cut < 7 * 7 * 7; cut++) {
		struct virtio_blk_header header = { htole32(VIRTIO_BLK_T_OUT), 0, htole64(3) };
		struct buffer buffer[BENCH_QUEUE];
		unsigned int count;

		memset(data, (int)cut, sizeof(data));
		ram_put(&b->guest.ram, BLK_OUT, &header, sizeof(header));
		ram_put(&b->guest.ram, BLK_OUT + sizeof(header), data, sizeof(data));
		ram_fill(&b->guest.ram, BLK_IN, BLK_NO_STATUS, 1);
		count = pieces(buffer, BLK_OUT, (uint32_t)sizeof(header) + DATA_BYTES, 0, cut);
		count += pieces(buffer + count, BLK_IN, 1, WRITABLE, cut);
		b->disk.logs = 0;
		ring_expect_none(&b->guest.ring[0]);
		ring_chain(&b->guest.ring[0], buffer, count);
		guest_notify(&b->guest, 0);
		b->guest.ring[0].used_idx++;
		assert_int_equal(ram_get8(&b->guest.ram, BLK_IN), VIRTIO_BLK_S_OK);
		assert_memory_equal(b->disk.data + 3 * DATA_BYTES, data, sizeof(data));

		header.type = htole32(VIRTIO_BLK_T_IN);
		ram_put(&b->guest.ram, BLK_OUT, &header, sizeof(header));
		ram_fill(&b->guest.ram, BLK_IN, BLK_NO_STATUS, DATA_BYTES + 1);
		count = pieces(buffer, BLK_OUT, (uint32_t)sizeof(header), 0, cut);
		count += pieces(buffer + count, BLK_IN, DATA_BYTES + 1, WRITABLE, cut / 7);
		ring_chain(&b->guest.ring[0], buffer, count);
		guest_notify(&b->guest, 0);
		b->guest.ring[0].used_idx++;
		ram_get(&b->guest.ram, BLK_IN, got, sizeof(got));
		assert_memory_equal(got, data, sizeof(data));
		assert_int_equal(ram_get8(&b->guest.ram, BLK_IN + DATA_BYTES), VIRTIO_BLK_S_OK);
	}
}

static void frames_work_however_they_are_cut(void **state)
{
	static const struct virtio_net_header plain;
	static const struct anvil_nic_offload none;
	struct bench *b = *state;
	struct ring *tx = &b->guest.ring[ANVIL_NET_TX];
	struct ring *rx = &b->guest.ring[ANVIL_NET_RX];
	uint8_t got[200];

	bench_drive(b, features(-1));
	for (unsigned int cut = 0; cut < 7 * 7 * 7; cut++) {
		const uint8_t *frame = net_frame(net_broadcast, sizeof(got));
		struct buffer buffer[BENCH_QUEUE];
		unsigned int count;
		uint16_t head;

		ram_put(&b->guest.ram, NET_TX_AT, &plain, NET_HEADER);
		ram_put(&b->guest.ram, NET_TX_AT + NET_HEADER, frame, sizeof(got));
		count = pieces(buffer, NET_TX_AT, NET_HEADER + sizeof(got), 0, cut);
		ring_chain(tx, buffer, count);
		guest_notify(&b->guest, ANVIL_NET_TX);
		assert_int_equal(b->nic.sends, cut + 1);
		assert_int_equal(b->nic.len, sizeof(got));
		assert_memory_equal(b->nic.frame, frame, sizeof(got));

		ram_fill(&b->guest.ram, NET_RX_AT, 0xee, NET_HEADER + sizeof(got));
		count = pieces(buffer, NET_RX_AT, NET_HEADER + sizeof(got), WRITABLE, cut);
		head = ring_chain(rx, buffer, count);
		assert_int_equal(net_receive(b, frame, sizeof(got), none), 0);
		ring_expect(rx, head, NET_HEADER + sizeof(got));
		ram_get(&b->guest.ram, NET_RX_AT + NET_HEADER, got, sizeof(got));
		assert_memory_equal(got, frame, sizeof(got));
	}
}

/* ---- 2.7.5 ---- */

static void only_writable_buffers_and_the_used_ring_are_written(void **state)
{
	struct bench *b = *state;
	const struct ring *ring = bench_ring(b);
	static const struct anvil_nic_offload none;

	bench_drive(b, bench_features(b));
	bench_watch(b);
	bench_request(b);
	if (!b->is_blk) {
		net_offer(b, NET_RX_AT, 2048);
		net_receive(b, net_frame(net_broadcast, 60), 60, none);
		net_command(b, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, "\1", 1);
	}
	for (unsigned int i = 0; i < b->accesses; i++) {
		const struct bench_access *a = &b->log[i];
		bool used = false;

		if (!a->store)
			continue;
		for (unsigned int q = 0; q < ARRAY_SIZE(b->guest.ring); q++) {
			ring = &b->guest.ring[q];
			used |= ring->ram && a->gpa >= ring->used &&
				a->gpa + a->len <= ring->used + 6 + 8u * ring->size;
		}
		if (!used && !(a->gpa >= BLK_IN && a->gpa < RAM_LOW_END) &&
		    a->gpa != NET_CTRL_AT + 0x4000)
			fail_msg("%zu bytes at %#llx", a->len, (unsigned long long)a->gpa);
	}
	assert_true(bench_stored(b, b->is_blk ? BLK_IN : NET_RX_AT, 1));
}

static void readable_buffers_and_descriptors_stay_as_they_are(void **state)
{
	struct bench *b = *state;
	uint8_t out[16 + DATA_BYTES];
	uint8_t table[16 * BENCH_QUEUE];
	uint8_t after[sizeof(out)];
	struct ring *ring = bench_ring(b);

	bench_drive(b, bench_features(b));
	for (unsigned int i = 0; i < 100; i++) {
		bench_offer(b);
		ram_get(&b->guest.ram, RAM_LOW, out, sizeof(out));
		ram_get(&b->guest.ram, ring->desc, table, sizeof(table));
		guest_notify(&b->guest, b->queue);
		ring->used_idx++;
		ring_expect_none(ring);
		ram_get(&b->guest.ram, RAM_LOW, after, sizeof(after));
		assert_memory_equal(after, out, sizeof(out));
		ram_get(&b->guest.ram, ring->desc, after, sizeof(table));
		assert_memory_equal(after, table, sizeof(table));
	}
}

static void writable_buffers_are_not_read(void **state)
{
	static const struct anvil_nic_offload none;
	struct bench *b = *state;

	bench_drive(b, bench_features(b));
	bench_watch(b);
	bench_request(b);
	if (b->is_blk) {
		blk_request(b, VIRTIO_BLK_T_OUT, 0, b->disk.data, DATA_BYTES, 0);
		blk_request(b, VIRTIO_BLK_T_IN, TEST_DISK_SECTORS, NULL, 0, DATA_BYTES);
		blk_request(b, 99, 0, NULL, 0, DATA_BYTES);
	} else {
		net_offer(b, NET_RX_AT, 2048);
		net_receive(b, net_frame(net_broadcast, 60), 60, none);
		net_command(b, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, "\1", 1);
		assert_false(bench_fetched(b, NET_CTRL_AT + 0x4000, 1));
	}
	assert_true(bench_stored(b, BLK_IN, 1));
	assert_false(bench_fetched(b, BLK_IN, RAM_LOW_END - BLK_IN));
}

#define TABLE (RAM_LOW + 0x6000)

/* Reads a sector with `direct` descriptors before the one that has a table. */
static void read_by_table(struct bench *b, unsigned int direct, uint16_t flags)
{
	struct ring *ring = &b->guest.ring[0];
	uint32_t part[3] = { 4, 8, 0 };
	uint16_t first;
	uint32_t done = 0;

	blk_offer(b, VIRTIO_BLK_T_IN, 2, NULL, 0, DATA_BYTES); /* for what it stores */
	ring->avail_idx--;
	ring->free = 0;
	first = ring->free;
	for (unsigned int i = 0; i < direct; i++) {
		ring_desc(ring, (uint16_t)(first + i), BLK_OUT + done, part[i], NEXT,
			  (uint16_t)(first + i + 1));
		done += part[i];
	}
	ring_desc(ring, (uint16_t)(first + direct), TABLE, 3 * 16, INDIRECT | flags, 0);
	ram_desc(&b->guest.ram, TABLE, BLK_OUT + done, 16 - done, NEXT, 1);
	ram_desc(&b->guest.ram, TABLE + 16, BLK_IN, DATA_BYTES, NEXT | WRITABLE, 2);
	ram_desc(&b->guest.ram, TABLE + 32, BLK_IN + DATA_BYTES, 1, WRITABLE, 0);
	ring_offer(ring, first);
	guest_notify(&b->guest, 0);
	ring_expect(ring, first, DATA_BYTES + 1);
	assert_int_equal(ram_get8(&b->guest.ram, BLK_IN + DATA_BYTES), VIRTIO_BLK_S_OK);
	assert_int_equal(ram_get8(&b->guest.ram, BLK_IN), b->disk.data[2 * DATA_BYTES]);
}

static void write_flag_of_a_table_is_ignored(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(VIRTIO_F_INDIRECT_DESC, -1));
	for (unsigned int direct = 0; direct <= 3; direct++) {
		read_by_table(b, direct, WRITABLE);
		read_by_table(b, direct, 0);
	}
}

static void table_may_follow_on_descriptors(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(VIRTIO_F_INDIRECT_DESC, -1));
	for (unsigned int direct = 0; direct <= 3; direct++)
		read_by_table(b, direct, 0);
}

/* ---- 2.7.7 ---- */

static void set_flags(struct bench *b, uint16_t flags)
{
	ram_put16(&b->guest.ram, bench_ring(b)->avail, flags);
}

static void set_used_event(struct bench *b, uint16_t event)
{
	ram_put16(&b->guest.ram, bench_ring(b)->avail + 4 + 2u * BENCH_QUEUE, event);
}

/* Whether a request was notified of. */
static bool notified(struct bench *b)
{
	bench_request(b);
	return guest_take_interrupts(&b->guest) & VIRTIO_INTERRUPT_USED;
}

static void flags_alone_count_without_event_idx(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(-1));
	for (uint16_t i = 0; i < 40; i++) {
		set_flags(b, i % 2);
		/* that of before, of this one, of the next one, of none */
		set_used_event(b, (uint16_t)(i + i / 2 % 4 - 1 + i / 8 * 1000));
		assert_int_equal(notified(b), i % 2 == 0);
	}
}

static void used_event_alone_counts_with_event_idx(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(VIRTIO_F_EVENT_IDX, -1));
	for (uint16_t i = 0; i < 200; i++) {
		static const uint16_t away[] = { 0, 0, 1, 2, 100, 0x7fff, 0x8000, 0xffff };
		uint16_t off = away[i % ARRAY_SIZE(away)];

		set_flags(b, i / 8 % 2);
		set_used_event(b, (uint16_t)(i + off));
		assert_int_equal(notified(b), off == 0);
	}
}

static void entries_before_used_event_are_not_notified_of(void **state)
{
	struct bench *b = *state;
	unsigned int edges;

	bench_drive(b, features(VIRTIO_F_EVENT_IDX, -1));
	set_used_event(b, 10);
	edges = b->guest.irq_edges;
	for (unsigned int i = 0; i < 10; i++)
		bench_request(b);
	assert_int_equal(b->guest.irq_edges, edges);
	assert_true(notified(b));
	assert_false(notified(b));
}

/* ---- 2.7.8 ---- */

/* The number of the first store of idx after `from`, and the entries stored before it. */
static unsigned int idx_store(const struct bench *b, const struct ring *ring, unsigned int from)
{
	for (unsigned int i = from; i < b->accesses; i++) {
		if (b->log[i].store && b->log[i].gpa == ring->used + 2)
			return i;
	}
	fail_msg("idx was not stored");
	return 0;
}

static bool stored_before(const struct bench *b, unsigned int end, uint64_t gpa, uint64_t len)
{
	struct bench *mutable = (struct bench *)(uintptr_t)b;
	unsigned int accesses = b->accesses;
	bool all = true;

	mutable->accesses = end;
	for (uint64_t i = 0; i < len; i++)
		all &= bench_stored(b, gpa + i, 1);
	mutable->accesses = accesses;
	return all;
}

static void len_and_data_are_stored_before_idx(void **state)
{
	static const struct anvil_nic_offload none;
	struct bench *b = *state;
	const struct ring *ring = b->is_blk ? &b->guest.ring[0] : &b->guest.ring[ANVIL_NET_RX];

	bench_drive(b, bench_features(b));
	for (uint16_t n = 0; n < 40; n++) {
		uint64_t elem = ring->used + 4 + 8u * (n % BENCH_QUEUE);
		unsigned int idx;

		bench_watch(b);
		if (b->is_blk) {
			bench_request(b);
		} else {
			net_offer(b, NET_RX_AT, 2048);
			net_receive(b, net_frame(net_broadcast, 300), 300, none);
		}
		idx = idx_store(b, ring, 0);
		assert_true(stored_before(b, idx, elem, 8));
		assert_true(stored_before(b, idx, BLK_IN, ram_get16(&b->guest.ram, elem + 4)));
		assert_int_equal(ram_get16(&b->guest.ram, elem + 4),
				 b->is_blk ? DATA_BYTES + 1 : NET_HEADER + 300);
		assert_int_equal(ring_published(ring), n + 1);
	}
}

/* What failed claims no more than was written from the first byte on. */
static void len_is_not_more_than_was_written(void **state)
{
	static const struct {
		uint32_t type;
		uint64_t sector;
		uint32_t in_len;
	} t[] = {
		{ VIRTIO_BLK_T_IN, TEST_DISK_SECTORS, DATA_BYTES },
		{ VIRTIO_BLK_T_IN, 0, DATA_BYTES - 1 },
		{ VIRTIO_BLK_T_IN, 0, 0 },
		{ VIRTIO_BLK_T_GET_ID, 0, 19 },
		{ VIRTIO_BLK_T_GET_ID, 0, 20 },
		{ VIRTIO_BLK_T_FLUSH, 0, 10 },
		{ 99, 0, 100 },
	};
	struct bench *b = *state;
	struct ring *ring = &b->guest.ring[0];

	bench_drive(b, features(VIRTIO_BLK_F_FLUSH, -1));
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		uint64_t elem = ring->used + 4 + 8u * ring->used_idx;
		unsigned int len;

		blk_offer(b, t[i].type, t[i].sector, NULL, 0, t[i].in_len);
		bench_watch(b);
		guest_notify(&b->guest, 0);
		ring->used_idx++;
		ring_expect_none(ring);
		len = ram_get16(&b->guest.ram, elem + 4);
		if (!stored_before(b, idx_store(b, ring, 0), BLK_IN, len))
			fail_msg("request %zu: not all of %u bytes", i, len);
	}
}

/* ---- 2.7.10 ---- */

static void used_flags_are(struct bench *b, uint16_t most)
{
	const struct ring *ring = bench_ring(b);

	bench_watch(b);
	for (unsigned int i = 0; i < 20; i++)
		bench_request(b);
	guest_notify(&b->guest, b->queue);
	for (unsigned int i = 0; i < b->accesses; i++) {
		const struct bench_access *a = &b->log[i];

		if (a->store && a->gpa < ring->used + 2 && a->gpa + a->len > ring->used)
			assert_in_range(a->value & 0xffff, 0, most);
	}
	assert_in_range(ram_get16(&b->guest.ram, ring->used), 0, most);
}

static void used_flags_are_0_or_1_without_event_idx(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(-1));
	used_flags_are(b, 1);
}

static void used_flags_are_0_with_event_idx(void **state)
{
	struct bench *b = *state;

	bench_drive(b, features(VIRTIO_F_EVENT_IDX, -1));
	used_flags_are(b, 0);
}

static void spurious_notifications_are_harmless(void **state)
{
	struct bench *b = *state;
	struct anvil_features set[] = { features(-1), features(VIRTIO_F_EVENT_IDX, -1) };

	for (size_t n = 0; n < ARRAY_SIZE(set); n++) {
		unsigned int requests;
		unsigned int edges;

		bench_drive(b, set[n]);
		bench_request(b);
		guest_take_interrupts(&b->guest);
		requests = bench_host_requests(b);
		edges = b->guest.irq_edges;
		for (uint32_t i = 0; i < 300; i++)
			guest_notify(&b->guest, i % 3 == 0   ? i
						: i % 3 == 1 ? b->queue
							     : UINT32_MAX - i);
		assert_int_equal(guest_status(&b->guest), UP_TO_DRIVER_OK);
		assert_int_equal(b->guest.irq_edges, edges);
		assert_int_equal(bench_host_requests(b), requests);
		ring_expect_none(bench_ring(b));
		bench_request(b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BLK("2.7.4.1/1", requests_work_however_they_are_cut),
		NET("2.7.4.1/1", frames_work_however_they_are_cut),
		BOTH("2.7.5.1/1 2.7.5.1/4", only_writable_buffers_and_the_used_ring_are_written),
		BOTH("2.7.5.1/1 2.7.5.1/4", readable_buffers_and_descriptors_stay_as_they_are),
		BOTH("2.7.5.1/2", writable_buffers_are_not_read),
		BLK("2.7.5.3.2/1", write_flag_of_a_table_is_ignored),
		BLK("2.7.5.3.2/2", table_may_follow_on_descriptors),
		BOTH("2.7.7.2/1 2.7.7.2/2 2.7.7.2/3", flags_alone_count_without_event_idx),
		BOTH("2.7.7.2/4 2.7.7.2/5 2.7.7.2/6", used_event_alone_counts_with_event_idx),
		BOTH("2.7.7.2/6", entries_before_used_event_are_not_notified_of),
		BOTH("2.7.8.2/1 2.7.8.2/2", len_and_data_are_stored_before_idx),
		BLK("2.7.8.2/2", len_is_not_more_than_was_written),
		BOTH("2.7.10.2/1", used_flags_are_0_or_1_without_event_idx),
		BOTH("2.7.10.2/3", used_flags_are_0_with_event_idx),
		BOTH("2.7.10.2/5", spurious_notifications_are_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
