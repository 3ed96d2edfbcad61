/* SPDX-License-Identifier: BSD-3-Clause */
/* The packed ring (2.8), and buffers used in order (6.2). Skipped by devices that have neither. */
#include "array_size.h"
#include "bench.h"

#include <endian.h>

#define RING_PACKED 34
#define IN_ORDER    35

#define AVAIL 0x0080u
#define USED  0x8000u

#define SIZE   7u /* need not be a power of 2 (2.8.10.1) */
#define SECTOR ANVIL_DISK_SECTOR_BYTES

/* Requests of their own: headers, and where each reads to, data and status */
#define HEADER_AT(n) (RAM_LOW + 0x40ull * (n))
#define DATA_AT(n)   (RAM_LOW + 0x4000ull + 0x400ull * (n))

/* A driver's side of a packed ring. */
struct packed {
	struct ram *ram;
	uint64_t desc, driver, device;
	uint16_t next, used;
	bool wrap, used_wrap; /* of the driver, and of what it expects of the device */
};

struct pdesc {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
	uint16_t flags;
};

static void packed_start(struct bench *b, struct packed *p, struct anvil_features with)
{
	struct anvil_features set = with;

	bench_offer_feature(b, RING_PACKED);
	anvil_features_add(&set, RING_PACKED);
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
	assert_true(guest_negotiate(&b->guest, set));
	*p = (struct packed){ .ram = &b->guest.ram,
			      .desc = RAM_HIGH,
			      .driver = RAM_HIGH + 0x800,
			      .device = RAM_HIGH + 0x900,
			      .wrap = true,
			      .used_wrap = true };
	ram_fill(p->ram, RAM_HIGH, 0, 0x1000);
	b->guest.ring[b->queue] = (struct ring){
		.ram = p->ram, .size = SIZE, .desc = p->desc, .avail = p->driver, .used = p->device
	};
	assert_true(guest_start_queue(&b->guest, b->queue));
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, UP_TO_DRIVER_OK);
}

static uint64_t desc_at(const struct packed *p, uint16_t index)
{
	return p->desc + 16u * index;
}

static uint16_t avail_flags(const struct packed *p)
{
	return p->wrap ? AVAIL : USED;
}

static void put_desc(const struct packed *p, uint16_t index, const struct buffer *buffer,
		     uint16_t id, uint16_t flags)
{
	struct pdesc d = { htole64(buffer->gpa), htole32(buffer->len), htole16(id),
			   htole16(flags | buffer->flags) };

	ram_put(p->ram, desc_at(p, index), &d, sizeof(d));
}

/* Makes a list available, its first descriptor last. */
/* Buffers have numbers from 0 on, and any ids (2.8). */
static uint16_t id_of(uint16_t number)
{
	return (uint16_t)(0xfffe + 0x2f01 * number);
}

static void packed_offer(struct packed *p, const struct buffer *buffer, unsigned int count,
			 uint16_t id)
{
	uint16_t first = p->next;
	uint16_t first_flags = avail_flags(p);

	for (unsigned int i = 0; i < count; i++) {
		uint16_t next = i + 1 < count ? NEXT : 0;

		put_desc(p, p->next, &buffer[i], id_of(id),
			 (uint16_t)((i ? avail_flags(p) : avail_flags(p) ^ (AVAIL | USED)) | next));
		if (i == 0)
			first_flags = (uint16_t)(avail_flags(p) | next | buffer[0].flags);
		if (++p->next == SIZE) {
			p->next = 0;
			p->wrap = !p->wrap;
		}
	}
	ram_put16(p->ram, desc_at(p, first) + 14, first_flags);
}

/* Whether there is a used descriptor; it is passed, with all `count` that it stands for. */
static bool packed_used(struct packed *p, unsigned int count, uint16_t *id, uint32_t *len)
{
	struct pdesc d;
	uint16_t flags;

	ram_get(p->ram, desc_at(p, p->used), &d, sizeof(d));
	flags = le16toh(d.flags);
	if (!!(flags & AVAIL) != p->used_wrap || !!(flags & USED) != p->used_wrap)
		return false;
	*id = le16toh(d.id);
	*len = le32toh(d.len);
	p->used = (uint16_t)(p->used + count);
	if (p->used >= SIZE) {
		p->used = (uint16_t)(p->used - SIZE);
		p->used_wrap = !p->used_wrap;
	}
	return true;
}

static void packed_expect(struct packed *p, unsigned int count, uint16_t id, uint32_t len)
{
	uint16_t got_id = 0xffff;
	uint32_t got_len = 0;

	assert_true(packed_used(p, count, &got_id, &got_len));
	assert_int_equal(got_id, id_of(id));
	assert_int_equal(got_len, len);
}

static void packed_expect_none(struct packed *p)
{
	struct packed copy = *p;
	uint16_t id;
	uint32_t len;

	assert_false(packed_used(&copy, 1, &id, &len));
}

/* The two descriptors of request number n: a sector is read. */
static void read_request(struct bench *b, unsigned int n, uint64_t sector,
			 struct buffer buffer[static 2])
{
	struct virtio_blk_header header = { htole32(VIRTIO_BLK_T_IN), 0, htole64(sector) };

	ram_put(&b->guest.ram, HEADER_AT(n), &header, sizeof(header));
	ram_fill(&b->guest.ram, DATA_AT(n), BLK_NO_STATUS, SECTOR + 1);
	buffer[0] = (struct buffer){ HEADER_AT(n), sizeof(header), 0 };
	buffer[1] = (struct buffer){ DATA_AT(n), SECTOR + 1, WRITABLE };
}

static void offer_read(struct bench *b, struct packed *p, unsigned int n, uint64_t sector)
{
	struct buffer buffer[2];

	read_request(b, n, sector, buffer);
	packed_offer(p, buffer, 2, (uint16_t)n);
}

/* ---- 2.8.12 ---- */

static void requests_start_in_the_order_of_the_ring(void **state)
{
	struct bench *b = *state;
	struct packed p;

	packed_start(b, &p, features(-1));
	for (unsigned int round = 0; round < 20; round++) {
		static const uint64_t sector[] = { 9, 2, 31 };

		b->disk.logs = 0;
		for (unsigned int n = 0; n < 3; n++)
			offer_read(b, &p, (n + round) % 3, sector[n]);
		guest_notify(&b->guest, 0);
		assert_int_equal(b->disk.logs, 3);
		for (unsigned int n = 0; n < 3; n++) {
			assert_int_equal(b->disk.log[n].sector, sector[n]);
			packed_expect(&p, 2, (uint16_t)((n + round) % 3), SECTOR + 1);
		}
		packed_expect_none(&p);
	}
}

static void frames_start_in_the_order_of_the_ring(void **state)
{
	static const struct virtio_net_header plain;
	struct bench *b = *state;
	struct packed p;

	packed_start(b, &p, features(-1));
	b->nic.verdict = -EAGAIN;
	for (uint16_t n = 0; n < SIZE; n++) {
		struct buffer buffer = { HEADER_AT(4 * n), NET_HEADER + 60u + n, 0 };

		ram_put(&b->guest.ram, HEADER_AT(4 * n), &plain, NET_HEADER);
		ram_put(&b->guest.ram, HEADER_AT(4 * n) + NET_HEADER,
			net_frame(net_broadcast, 60u + n), 60u + n);
		packed_offer(&p, &buffer, 1, n);
	}
	guest_notify(&b->guest, b->queue);
	packed_expect_none(&p);
	for (uint16_t n = 0; n < SIZE; n++)
		assert_int_equal(b->nic.len, 60); /* the first one still waits */
	b->nic.verdict = 0;
	b->nic.nic.sendable(&b->nic.nic);
	assert_int_equal(b->nic.len, 60u + SIZE - 1);
	for (uint16_t n = 0; n < SIZE; n++)
		packed_expect(&p, 1, n, 0);
}

static void used_descriptors_are_written_in_the_order_of_completion(void **state)
{
	static const unsigned int order[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
						 { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct bench *b = *state;
	struct packed p;

	packed_start(b, &p, features(-1));
	b->disk.defer = true;
	for (size_t i = 0; i < 4 * ARRAY_SIZE(order); i++) {
		const unsigned int *o = order[i % ARRAY_SIZE(order)];

		b->disk.logs = 0;
		for (unsigned int n = 0; n < 3; n++)
			offer_read(b, &p, n, n);
		guest_notify(&b->guest, 0);
		assert_int_equal(b->disk.pendings, 3);
		for (unsigned int n = 0; n < 3; n++) {
			unsigned int index = 0;

			packed_expect_none(&p);
			while (b->disk.pending[index]->sector != o[n])
				index++;
			test_disk_finish(&b->disk, index, 0);
			packed_expect(&p, 2, (uint16_t)o[n], SECTOR + 1);
			assert_int_equal(ram_get8(&b->guest.ram, DATA_AT(o[n]) + SECTOR),
					 VIRTIO_BLK_S_OK);
		}
	}
}

/* ---- 2.8.15 ---- */

static void only_writable_buffers_are_written_and_not_read(void **state)
{
	struct bench *b = *state;
	struct packed p;

	packed_start(b, &p, features(-1));
	bench_watch(b);
	for (unsigned int i = 0; i < 40; i++) {
		offer_read(b, &p, i % 3, i);
		guest_notify(&b->guest, 0);
		packed_expect(&p, 2, (uint16_t)(i % 3), SECTOR + 1);
	}
	for (unsigned int i = 0; i < b->accesses; i++) {
		const struct bench_access *a = &b->log[i];
		bool data = a->gpa >= DATA_AT(0) && a->gpa < DATA_AT(3);
		bool ring = a->gpa >= p.desc && a->gpa + a->len <= p.desc + 16u * SIZE;
		bool device = a->gpa >= p.device && a->gpa + a->len <= p.device + 4;

		if (a->store ? !data && !ring && !device : data)
			fail_msg("%s %zu bytes at %#llx", a->store ? "stores" : "fetches", a->len,
				 (unsigned long long)a->gpa);
	}
	assert_true(bench_stored(b, DATA_AT(0), 1));
}

/* Flags that a descriptor may have while it is not available, in each of two laps. */
static void descriptor_is_not_used_before_its_avail_bit_changed(void **state)
{
	struct bench *b = *state;
	struct packed p;

	packed_start(b, &p, features(-1));
	for (unsigned int i = 0; i < 30; i++) {
		uint16_t not_yet[] = { (uint16_t)(p.wrap ? 0 : AVAIL | USED),
				       (uint16_t)(p.wrap ? USED : AVAIL),
				       (uint16_t)(p.wrap ? AVAIL | USED : 0) };
		struct buffer buffer[2];
		struct buffer one = { DATA_AT(3), 512, 0 };

		b->disk.logs = 0;
		for (size_t n = 0; n < ARRAY_SIZE(not_yet); n++) {
			put_desc(&p, p.next, &one, 0, not_yet[n]);
			guest_notify(&b->guest, 0);
			assert_int_equal(b->disk.logs, 0);
			assert_int_equal(guest_status(&b->guest), UP_TO_DRIVER_OK);
		}
		/* all but the flags of the first one */
		read_request(b, 0, i, buffer);
		packed_offer(&p, buffer, 2, 0);
		uint16_t first = (uint16_t)((p.next + SIZE - 2) % SIZE);
		uint16_t flags = ram_get16(&b->guest.ram, desc_at(&p, first) + 14);

		ram_put16(&b->guest.ram, desc_at(&p, first) + 14, flags ^ (AVAIL | USED));
		guest_notify(&b->guest, 0);
		assert_int_equal(b->disk.logs, 0);
		ram_put16(&b->guest.ram, desc_at(&p, first) + 14, flags);
		guest_notify(&b->guest, 0);
		assert_int_equal(b->disk.logs, 1);
		packed_expect(&p, 2, 0, SECTOR + 1);
	}
}

static void descriptor_is_not_changed_once_it_is_used(void **state)
{
	struct bench *b = *state;
	struct packed p;

	packed_start(b, &p, features(-1));
	for (unsigned int i = 0; i < 40; i++) {
		uint16_t place = p.used;
		bool used = false;

		offer_read(b, &p, i % 3, i);
		bench_watch(b);
		guest_notify(&b->guest, 0);
		for (unsigned int n = 0; n < b->accesses; n++) {
			const struct bench_access *a = &b->log[n];

			if (!a->store || a->gpa >= desc_at(&p, place) + 16 ||
			    a->gpa + a->len <= desc_at(&p, place))
				continue;
			assert_false(used);
			used = a->gpa + a->len == desc_at(&p, place) + 16; /* its flags */
		}
		assert_true(used);
		packed_expect(&p, 2, (uint16_t)(i % 3), SECTOR + 1);
	}
}

/* ---- 2.8.18 ---- */

static void lists_are_used_in_their_order(void **state)
{
	struct bench *b = *state;
	uint8_t out[SECTOR];
	struct packed p;

	packed_start(b, &p, features(-1));
	for (uint32_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + i / 256);
	for (unsigned int i = 0; i < 60; i++) {
		struct virtio_blk_header header = { htole32(VIRTIO_BLK_T_OUT), 0, htole64(i % 64) };
		uint32_t cut = 1 + i * 7 % (SECTOR - 2);
		/* in an order of addresses that is not that of the list */
		struct buffer buffer[] = { { DATA_AT(5), 4, 0 },
					   { DATA_AT(4), 12, 0 },
					   { DATA_AT(3), cut, 0 },
					   { DATA_AT(2), SECTOR - cut, 0 },
					   { DATA_AT(1), 1, WRITABLE } };
		unsigned int count = ARRAY_SIZE(buffer);

		ram_put(&b->guest.ram, DATA_AT(5), &header, 4);
		ram_put(&b->guest.ram, DATA_AT(4), (const uint8_t *)&header + 4, 12);
		ram_put(&b->guest.ram, DATA_AT(3), out, cut);
		ram_put(&b->guest.ram, DATA_AT(2), out + cut, SECTOR - cut);
		b->disk.logs = 0;
		packed_offer(&p, buffer, count, 3);
		guest_notify(&b->guest, 0);
		packed_expect(&p, count, 3, 1);
		assert_int_equal(ram_get8(&b->guest.ram, DATA_AT(1)), VIRTIO_BLK_S_OK);
		assert_memory_equal(b->disk.data + i % 64 * SECTOR, out, SECTOR);
	}
}

/* ---- 6.2 ---- */

/* Completions in any order; the next used buffer is always the oldest that is not used. */
static void split_ring_is_used_in_order(void **state)
{
	static const unsigned int order[][3] = {
		{ 2, 1, 0 }, { 1, 2, 0 }, { 2, 0, 1 }, { 0, 2, 1 }
	};
	struct bench *b = *state;
	struct ring *ring = &b->guest.ring[0];

	bench_offer_feature(b, IN_ORDER);
	bench_drive(b, features(IN_ORDER, -1));
	b->disk.defer = true;
	for (size_t i = 0; i < 4 * ARRAY_SIZE(order); i++) {
		bool done[3] = { false };
		uint16_t head[3];
		unsigned int used = 0;

		for (unsigned int n = 0; n < 3; n++) {
			struct buffer buffer[2];

			read_request(b, n, n, buffer);
			head[n] = ring_chain(ring, buffer, 2);
		}
		b->disk.logs = 0;
		guest_notify(&b->guest, 0);
		for (unsigned int n = 0; n < 3; n++) {
			unsigned int index = 0;

			while (b->disk.pending[index]->sector != order[i % ARRAY_SIZE(order)][n])
				index++;
			test_disk_finish(&b->disk, index, 0);
			done[order[i % ARRAY_SIZE(order)][n]] = true;
			for (; used < 3 && done[used]; used++)
				ring_expect(ring, head[used], SECTOR + 1);
			ring_expect_none(ring);
		}
		assert_int_equal(used, 3);
	}
}

static void packed_ring_is_used_in_order(void **state)
{
	struct bench *b = *state;
	struct packed p;

	bench_offer_feature(b, IN_ORDER);
	packed_start(b, &p, features(IN_ORDER, -1));
	b->disk.defer = true;
	for (unsigned int i = 0; i < 20; i++) {
		b->disk.logs = 0;
		for (unsigned int n = 0; n < 3; n++)
			offer_read(b, &p, n, n);
		guest_notify(&b->guest, 0);
		test_disk_finish(&b->disk, 2, 0);
		packed_expect_none(&p);
		test_disk_finish(&b->disk, i % 2, 0);
		if (i % 2 == 0)
			packed_expect(&p, 2, 0, SECTOR + 1);
		packed_expect_none(&p);
		test_disk_finish(&b->disk, 0, 0);
		for (uint16_t n = i % 2 == 0 ? 1 : 0; n < 3; n++)
			packed_expect(&p, 2, n, SECTOR + 1);
		packed_expect_none(&p);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BLK("2.8.12/1", requests_start_in_the_order_of_the_ring),
		NET("2.8.12/1", frames_start_in_the_order_of_the_ring),
		BLK("2.8.12/2", used_descriptors_are_written_in_the_order_of_completion),
		BLK("2.8.15/1 2.8.15/2", only_writable_buffers_are_written_and_not_read),
		BLK("2.8.15/3", descriptor_is_not_used_before_its_avail_bit_changed),
		BLK("2.8.15/4", descriptor_is_not_changed_once_it_is_used),
		BLK("2.8.18/1", lists_are_used_in_their_order),
		BLK("6.2/5", split_ring_is_used_in_order),
		BLK("6.2/5", packed_ring_is_used_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
