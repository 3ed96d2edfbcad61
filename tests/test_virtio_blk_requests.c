/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_blk.h: every request and its status, and the bytes that it moves (5.2.6). */
#include "array_size.h"
#include "blk_fixture.h"

/* ---- requests ---- */

static const struct {
	const char *what;
	struct request r;
	uint8_t status;
	uint32_t used_len;
	unsigned int submitted;
} requests[] = {
	{ "read one sector", { T_IN, 0, .in_len = 513 }, OK, 513, 1 },
	{ "read the last", { T_IN, LAST, .in_len = 513 }, OK, 513, 1 },
	{ "read past the end", { T_IN, LAST + 1, .in_len = 513 }, IOERR, 0, 0 },
	{ "read over the end", { T_IN, LAST, .in_len = 1025 }, IOERR, 0, 0 },
	{ "read at 2^64 - 1", { T_IN, UINT64_MAX, .in_len = 513 }, IOERR, 0, 0 },
	{ "read at 2^55: bytes wrap", { T_IN, 1ull << 55, .in_len = 513 }, IOERR, 0, 0 },
	{ "read wraps the sum", { T_IN, UINT64_MAX, .in_len = 1025 }, IOERR, 0, 0 },
	{ "read most", { T_IN, 0, .in_len = TRANSFER + 1 }, OK, TRANSFER + 1, 1 },
	{ "read too much", { T_IN, 0, .in_len = TRANSFER + 513 }, IOERR, 0, 0 },
	{ "read a byte less", { T_IN, 0, .in_len = 512 }, IOERR, 0, 0 },
	{ "read a byte more", { T_IN, 0, .in_len = 514 }, IOERR, 0, 0 },
	{ "read nothing", { T_IN, 0, .in_len = 1 }, OK, 1, 0 },
	{ "read nothing at the end", { T_IN, LAST + 1, .in_len = 1 }, OK, 1, 0 },
	{ "read nothing past it", { T_IN, LAST + 2, .in_len = 1 }, IOERR, 1, 0 },
	{ "read with data out", { T_IN, 0, .out_len = 1, .in_len = 513 }, IOERR, 0, 0 },
	{ "read, no status byte", { T_IN, 0, .in_len = 0 }, NO_STATUS, 0, 0 },
	{ "write one sector", { T_OUT, 0, .out_len = 512, .in_len = 1 }, OK, 1, 1 },
	{ "write the last", { T_OUT, LAST, .out_len = 512, .in_len = 1 }, OK, 1, 1 },
	{ "write past the end", { T_OUT, LAST + 1, .out_len = 512, .in_len = 1 }, IOERR, 1, 0 },
	{ "write over the end", { T_OUT, LAST, .out_len = 1024, .in_len = 1 }, IOERR, 1, 0 },
	{ "write wraps", { T_OUT, UINT64_MAX, .out_len = 1024, .in_len = 1 }, IOERR, 1, 0 },
	{ "write most", { T_OUT, 0, .out_len = TRANSFER, .in_len = 1 }, OK, 1, 1 },
	{ "write too much", { T_OUT, 0, .out_len = TRANSFER + 512, .in_len = 1 }, IOERR, 1, 0 },
	{ "write 511", { T_OUT, 0, .out_len = 511, .in_len = 1 }, IOERR, 1, 0 },
	{ "write 513", { T_OUT, 0, .out_len = 513, .in_len = 1 }, IOERR, 1, 0 },
	{ "write nothing", { T_OUT, 0, .in_len = 1 }, OK, 1, 0 },
	{ "write with data in", { T_OUT, 0, .out_len = 512, .in_len = 2 }, IOERR, 0, 0 },
	{ "write, no status byte", { T_OUT, 0, .out_len = 512 }, NO_STATUS, 0, 0 },
	{ "flush", { T_FLUSH, 0, .in_len = 1 }, OK, 1, 1 },
	{ "flush, sector ignored", { T_FLUSH, UINT64_MAX, .in_len = 1 }, OK, 1, 1 },
	{ "flush with data out", { T_FLUSH, 0, .out_len = 1, .in_len = 1 }, IOERR, 1, 0 },
	{ "flush with data in", { T_FLUSH, 0, .in_len = 2 }, IOERR, 0, 0 },
	{ "identify", { T_ID, 0, .in_len = 21 }, OK, 21, 0 },
	{ "identify, sector ignored", { T_ID, UINT64_MAX, .in_len = 21 }, OK, 21, 0 },
	{ "identify short", { T_ID, 0, .in_len = 20 }, IOERR, 0, 0 },
	{ "identify long", { T_ID, 0, .in_len = 22 }, IOERR, 0, 0 },
	{ "identify nothing", { T_ID, 0, .in_len = 1 }, IOERR, 1, 0 },
	{ "identify with data out", { T_ID, 0, .out_len = 1, .in_len = 21 }, IOERR, 0, 0 },
	{ "unknown", { 99, 0, .in_len = 513 }, UNSUPP, 0, 0 },
	{ "unknown, no data", { 99, 0, .in_len = 1 }, UNSUPP, 1, 0 },
	{ "half a header", { T_IN, 0, .header_len = 8, .in_len = 513 }, IOERR, 0, 0 },
	{ "a byte short", { T_FLUSH, 0, .header_len = 15, .in_len = 1 }, IOERR, 1, 0 },
	{ "one byte", { T_IN, 0, .header_len = 1, .in_len = 1 }, IOERR, 1, 0 },
};

static void requests_get_their_status(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		f->disk.logs = 0;

		uint8_t status = perform(f, &requests[i].r, requests[i].used_len);

		if (status != requests[i].status || f->disk.logs != requests[i].submitted)
			fail_msg("%s: status %u, %u requests", requests[i].what, status,
				 f->disk.logs);
	}
	assert_int_equal(guest_status(&f->guest), UP_TO_DRIVER_OK);
}

static void unknown_types_are_unsupported(void **state)
{
	struct fixture *f = *state;

	guest_drive(&f->guest, features(-1), 1, QUEUE); /* no FLUSH, DISCARD, WRITE_ZEROES */
	for (uint32_t i = 0; i < 256 + 32; i++) {
		uint32_t type = i < 256 ? i : (1u << (i - 256)) | 0x100;
		struct request r = { type, 0, .in_len = 1 };

		if (type != T_IN && type != T_OUT && type != T_ID)
			assert_int_equal(perform(f, &r, 1), UNSUPP);
	}
	assert_int_equal(f->disk.logs, 0);
}

static void chain_without_readable_bytes_is_answered(void **state)
{
	struct fixture *f = *state;
	struct buffer b = { IN, 4, WRITABLE };

	ram_fill(&f->guest.ram, IN, NO_STATUS, 4);
	ring_chain(&f->guest.ring[0], &b, 1);
	guest_notify(&f->guest, 0);
	ring_expect(&f->guest.ring[0], 0, 0);
	assert_int_equal(ram_get8(&f->guest.ram, IN + 2), NO_STATUS);
	assert_int_equal(ram_get8(&f->guest.ram, IN + 3), IOERR);

	b = (struct buffer){ 0, 0, 0 }; /* not a byte at all */
	ring_chain(&f->guest.ring[0], &b, 1);
	guest_notify(&f->guest, 0);
	ring_expect(&f->guest.ring[0], 1, 0);
}

/* ---- data ---- */

/* Two cuts, one in the readable and one in the writable bytes, at all places; empty pieces too. */
static void perform_cut(struct fixture *f, const struct request *r, uint32_t out_cut,
			uint32_t in_cut)
{
	uint32_t out_len = store_request(f, r);
	struct buffer b[] = { { OUT, out_cut, 0 },
			      { OUT + out_cut, out_len - out_cut, 0 },
			      { IN, in_cut, WRITABLE },
			      { IN + in_cut, r->in_len - in_cut, WRITABLE } };
	uint16_t head = ring_chain(&f->guest.ring[0], b, ARRAY_SIZE(b));

	guest_notify(&f->guest, 0);
	f->disk.logs = 0;
	ring_expect(&f->guest.ring[0], head, r->in_len);
	if (status_of(f, r) != OK)
		fail_msg("type %u cut at %u and %u", r->type, out_cut, in_cut);
}

static void reads_work_however_they_are_cut(void **state)
{
	struct fixture *f = *state;
	struct request r = { T_IN, 5, .in_len = 513 };
	uint8_t got[512];

	for (uint32_t out_cut = 0; out_cut <= 16; out_cut++) {
		for (uint32_t in_cut = 0; in_cut <= r.in_len; in_cut++) {
			perform_cut(f, &r, out_cut, in_cut);
			ram_get(&f->guest.ram, IN, got, sizeof(got));
			assert_memory_equal(got, disk_at(f, 5), sizeof(got));
		}
	}
}

static void writes_work_however_they_are_cut(void **state)
{
	struct fixture *f = *state;
	uint8_t data[512];
	struct request r = { T_OUT, 7, .data = data, .out_len = 512, .in_len = 1 };

	for (uint32_t out_cut = 0; out_cut <= 528; out_cut++) {
		for (uint32_t in_cut = 0; in_cut <= 1; in_cut++) {
			memset(data, (int)(out_cut * 2 + in_cut), sizeof(data));
			data[511] ^= 0xff;
			perform_cut(f, &r, out_cut, in_cut);
			assert_memory_equal(disk_at(f, 7), data, sizeof(data));
		}
	}
}

static void every_byte_may_have_its_own_descriptor(void **state)
{
	struct fixture *f = *state;
	struct request r = { T_ID, 0, .in_len = 21 };
	struct buffer b[37];
	uint8_t got[21];

	store_request(f, &r);
	for (uint32_t i = 0; i < ARRAY_SIZE(b); i++)
		b[i] = i < 16 ? (struct buffer){ OUT + i, 1, 0 }
			      : (struct buffer){ IN + i - 16, 1, WRITABLE };
	ring_chain(&f->guest.ring[0], b, ARRAY_SIZE(b));
	guest_notify(&f->guest, 0);
	ring_expect(&f->guest.ring[0], 0, 21);
	ram_get(&f->guest.ram, IN, got, sizeof(got));
	assert_memory_equal(got, "twenty bytes of name\0", sizeof(got));
}

static void requests_work_from_an_indirect_table(void **state)
{
	struct fixture *f = *state;
	struct request r = { T_IN, 9, .in_len = 513 };
	uint64_t table = RAM_HIGH + 0x8000;
	uint8_t got[512];

	store_request(f, &r);
	ram_desc(&f->guest.ram, table, OUT, 16, NEXT, 1);
	ram_desc(&f->guest.ram, table + 16, IN, 513, WRITABLE, 0);
	ring_desc(&f->guest.ring[0], 0, table, 32, INDIRECT, 0);
	ring_offer(&f->guest.ring[0], 0);
	guest_notify(&f->guest, 0);
	ring_expect(&f->guest.ring[0], 0, 513);
	ram_get(&f->guest.ram, IN, got, sizeof(got));
	assert_memory_equal(got, disk_at(f, 9), sizeof(got));
}

/* Nothing is stored but the answer, its used entry, and the used ring's flags and index. */
static void stores_go_where_they_must_alone(void **state)
{
	static const struct request r[] = { { T_IN, 1, .in_len = 1025 },
					    { T_OUT, 1, .out_len = 512, .in_len = 1 },
					    { T_ID, 0, .in_len = 21 },
					    { 99, 0, .in_len = 100 } };
	struct fixture *f = *state;
	struct ram *ram = &f->guest.ram;

	for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
		uint16_t head = offer(f, &r[i]);

		ram_watch(ram);
		ram->allowed[0][0] = IN;
		ram->allowed[0][1] = r[i].in_len;
		ram->allowed[1][0] = f->guest.ring[0].used;
		ram->allowed[1][1] = 4;
		ram->allowed[2][0] = f->guest.ring[0].used + 4 + 8 * i;
		ram->allowed[2][1] = 8;
		ram->alloweds = 3;
		guest_notify(&f->guest, 0);
		assert_true(ram->stores >= 4);
		ring_expect(&f->guest.ring[0], head, i == 3 ? 0 : r[i].in_len);
	}
}

/* The header is fetched once: a guest that waits for the second fetch waits for ever. */
static void header_is_fetched_once(void **state)
{
	struct fixture *f = *state;
	struct request r = { T_OUT, 3, .out_len = 512, .in_len = 1 };
	struct ram *ram = &f->guest.ram;

	for (uint64_t at = OUT; at < OUT + 16 + 512; at += 4) {
		uint16_t head = offer(f, &r);

		ram_watch(ram);
		ram->race_at = ram->race_gpa = at;
		ram->race_after = 1;
		ram->race_len = 4;
		guest_notify(&f->guest, 0);
		assert_int_equal(ram->race_after, 0);
		assert_int_equal(ram->race_len, 4);
		ring_expect(&f->guest.ring[0], head, 1);
		f->disk.logs = 0;
	}
}

/* ---- a read-only disk ---- */

static void read_only_disk_is_never_changed(void **state)
{
	static const struct virtio_blk_range range = { 0, 1, 0 };
	struct fixture *f = *state;
	struct request r[] = { { T_OUT, 0, .out_len = 512, .in_len = 1 },
			       { T_OUT, 0, .in_len = 1 },
			       ranges(T_DISC, &range, 1),
			       ranges(T_ZERO, &range, 1) };
	struct request read = { T_IN, 0, .in_len = 513 };

	f->disk.disk.read_only = true;
	recreate(f);
	for (unsigned int accepted = 0; accepted < 2; accepted++) {
		struct anvil_features set = usual();

		if (accepted)
			anvil_features_add(&set, VIRTIO_BLK_F_RO);
		guest_drive(&f->guest, set, 1, QUEUE);
		f->disk.logs = 0;
		for (size_t i = 0; i < ARRAY_SIZE(r); i++)
			assert_int_equal(perform(f, &r[i], 1), IOERR);
		assert_int_equal(f->disk.logs, 0);
		assert_int_equal(perform(f, &read, 513), OK);
	}
}

/* ---- a failing disk ---- */

static void failed_requests_end_in_io_errors_and_show_no_data(void **state)
{
	static const struct virtio_blk_range range[] = { { 0, 1, 0 }, { 1, 1, 0 } };
	struct fixture *f = *state;
	struct request r[] = { { T_IN, 0, .in_len = 1025 },
			       { T_OUT, 0, .out_len = 512, .in_len = 1 },
			       { T_FLUSH, 0, .in_len = 1 },
			       ranges(T_DISC, range, 2),
			       ranges(T_ZERO, range, 2) };

	f->disk.result = -EIO;
	for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
		f->disk.logs = 0;
		assert_int_equal(perform(f, &r[i], r[i].in_len == 1), IOERR);
		assert_int_equal(f->disk.logs, 1); /* the second range was not tried */
		for (uint32_t n = 0; n + 1 < r[i].in_len; n++)
			assert_int_equal(ram_get8(&f->guest.ram, IN + n), NO_STATUS);
	}
	assert_int_equal(guest_status(&f->guest), UP_TO_DRIVER_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(requests_get_their_status),
		TEST(unknown_types_are_unsupported),
		TEST(chain_without_readable_bytes_is_answered),
		TEST(reads_work_however_they_are_cut),
		TEST(writes_work_however_they_are_cut),
		TEST(every_byte_may_have_its_own_descriptor),
		TEST(requests_work_from_an_indirect_table),
		TEST(stores_go_where_they_must_alone),
		TEST(header_is_fetched_once),
		TEST(read_only_disk_is_never_changed),
		TEST(failed_requests_end_in_io_errors_and_show_no_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
