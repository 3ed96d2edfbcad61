/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_blk.h: every request and its answer, in flight, failing and cancelled (5.2). */
#include "support.h"

#include <endian.h>

#include "array_size.h"
#include "virtio_blk.h"

#define QUEUE	 64u
#define SLOTS	 3u
#define TRANSFER (16u * ANVIL_DISK_SECTOR_BYTES)
#define RANGES	 4u
#define RANGE	 32u /* sectors */

#define OUT RAM_LOW
#define IN  (RAM_SEAM - 300) /* so that answers cross the seam */

struct fixture {
	struct guest guest;
	struct test_disk disk;
	struct anvil_blk_options options;
	struct anvil_blk blk;
};

static const int all_features[] = {
	VIRTIO_BLK_F_SIZE_MAX,	 VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_GEOMETRY,
	VIRTIO_BLK_F_BLK_SIZE,	 VIRTIO_BLK_F_FLUSH,   VIRTIO_BLK_F_TOPOLOGY,
	VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES,
	VIRTIO_F_INDIRECT_DESC,	 VIRTIO_F_EVENT_IDX,   VIRTIO_F_RING_RESET,
	VIRTIO_F_RING_PACKED,	 VIRTIO_F_IN_ORDER,    VIRTIO_F_NOTIFICATION_DATA,
	VIRTIO_F_ORDER_PLATFORM, VIRTIO_F_SUSPEND
};

static struct anvil_features everything(void)
{
	struct anvil_features set = { { 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(all_features); i++)
		anvil_features_add(&set, (unsigned int)all_features[i]);
	return set;
}

/* Accepted by most tests: no EVENT_IDX, so that notifications are simple; write-back. */
static struct anvil_features usual(void)
{
	return features(VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES,
			VIRTIO_F_INDIRECT_DESC, VIRTIO_F_RING_RESET, -1);
}

static void create(struct fixture *f)
{
	assert_int_equal(anvil_blk_init(&f->blk, &f->options), 0);
	guest_attach(&f->guest, &f->blk.dev);
}

static void recreate(struct fixture *f)
{
	anvil_blk_destroy(&f->blk);
	create(f);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	guest_init(&f->guest);
	test_disk_init(&f->disk);
	f->options = (struct anvil_blk_options){
		.memory = &f->guest.ram.memory,
		.disk = &f->disk.disk,
		.features = everything(),
		.queue_size_max = QUEUE,
		.slots = SLOTS,
		.transfer_max = TRANSFER,
		.size_max = 0x1122,
		.seg_max = 0x33,
		.blk_size = 4096,
		.cylinders = 0x4455,
		.heads = 0x66,
		.sectors = 0x77,
		.physical_block_exp = 0x88,
		.alignment_offset = 0x99,
		.min_io_size = 0xaabb,
		.opt_io_size = 0xccddeeff,
		.range_sectors_max = RANGE,
		.range_segments_max = RANGES,
	};
	create(f);
	guest_drive(&f->guest, usual(), 1, QUEUE);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_true(anvil_blk_idle(&f->blk));
	anvil_blk_destroy(&f->blk);
	test_disk_destroy(&f->disk);
	guest_destroy(&f->guest);
	free(f);
	return 0;
}

/* ---- a driver's requests ---- */

/* Header and `out_len` bytes at `out`; `in_len` bytes to be written at `in`, the status included.
 */
struct request {
	uint32_t type;
	uint64_t sector;
	uint32_t header_len; /* 0: all of it */
	const void *data;    /* NULL: zeroes */
	uint32_t out_len;
	uint32_t in_len;
	uint64_t out; /* 0: OUT and IN */
	uint64_t in;
};

#define NO_STATUS 0xee

static uint64_t in_gpa(const struct request *r)
{
	return r->in ? r->in : IN;
}

/* Stores the request's bytes; returns how many are device-readable. */
static uint32_t store_request(struct fixture *f, const struct request *r)
{
	struct virtio_blk_header header = { htole32(r->type), 0, htole64(r->sector) };
	uint64_t out = r->out ? r->out : OUT;
	uint32_t header_len = r->header_len ? r->header_len : (uint32_t)sizeof(header);

	ram_put(&f->guest.ram, out, &header, sizeof(header));
	if (r->data)
		ram_put(&f->guest.ram, out + header_len, r->data, r->out_len);
	else
		ram_fill(&f->guest.ram, out + header_len, 0, r->out_len);
	ram_fill(&f->guest.ram, in_gpa(r), NO_STATUS, r->in_len);
	return header_len + r->out_len;
}

static uint16_t offer(struct fixture *f, const struct request *r)
{
	struct buffer b[2] = { { r->out ? r->out : OUT, store_request(f, r), 0 },
			       { in_gpa(r), r->in_len, WRITABLE } };

	return ring_chain(&f->guest.ring[0], b, r->in_len ? 2 : 1);
}

static uint8_t status_of(struct fixture *f, const struct request *r)
{
	return ram_get8(&f->guest.ram, in_gpa(r) + r->in_len - 1);
}

/* One request from start to end: its status, and its used entry checked. */
static uint8_t perform(struct fixture *f, const struct request *r, uint32_t used_len)
{
	uint16_t head = offer(f, r);

	guest_notify(&f->guest, 0);
	ring_expect(&f->guest.ring[0], head, used_len);
	ring_expect_none(&f->guest.ring[0]);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_USED);
	return r->in_len ? status_of(f, r) : NO_STATUS;
}

static const uint8_t *disk_at(const struct fixture *f, uint64_t sector)
{
	return f->disk.data + sector * ANVIL_DISK_SECTOR_BYTES;
}

/* ---- creation ---- */

static void init_checks_its_options(void **state)
{
	struct fixture *f = *state;
	struct anvil_blk blk;

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		struct anvil_blk_options o = f->options;                                           \
		change;                                                                            \
		assert_int_equal(anvil_blk_init(&blk, &o), -EINVAL);                               \
	} while (0)
#define TAKEN(change)                                                                              \
	do {                                                                                       \
		struct anvil_blk_options o = f->options;                                           \
		change;                                                                            \
		assert_int_equal(anvil_blk_init(&blk, &o), 0);                                     \
		assert_true(anvil_blk_idle(&blk));                                                 \
		anvil_blk_destroy(&blk);                                                           \
	} while (0)
	REFUSED(o.slots = 0);
	TAKEN(o.slots = 1);
	REFUSED(o.transfer_max = 0);
	REFUSED(o.transfer_max = 511);
	REFUSED(o.transfer_max = 513);
	TAKEN(o.transfer_max = 512);
	REFUSED(o.blk_size = 0);
	REFUSED(o.blk_size = 256);
	REFUSED(o.blk_size = 513);
	REFUSED(o.blk_size = 1536);
	TAKEN(o.blk_size = 512);
	REFUSED(o.range_sectors_max = 0);
	TAKEN(o.range_sectors_max = 1);
	TAKEN(o.range_sectors_max = UINT32_MAX);
	REFUSED(o.range_segments_max = 0);
	TAKEN(o.range_segments_max = 1);
	TAKEN(o.range_segments_max = 256);
	REFUSED(o.range_segments_max = 257);
	REFUSED(o.queue_size_max = 0);
	REFUSED(o.queue_size_max = 63);
	TAKEN(o.queue_size_max = 1);
	REFUSED(o.features = features(VIRTIO_BLK_F_CONFIG_WCE, -1));
	TAKEN(o.features = features(-1));
	for (int bit = 0; bit < (int)ANVIL_FEATURE_BITS; bit++) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(all_features); i++)
			known |= all_features[i] == bit;
		if (known)
			TAKEN(o.features = features(bit, VIRTIO_BLK_F_FLUSH, -1));
		else
			REFUSED(o.features = features(bit, VIRTIO_BLK_F_FLUSH, -1));
	}
}

static void read_only_is_offered_for_a_read_only_disk(void **state)
{
	struct fixture *f = *state;

	assert_false(anvil_features_has(&f->blk.dev.offered, VIRTIO_BLK_F_RO));
	f->disk.disk.read_only = true;
	recreate(f);
	assert_true(anvil_features_has(&f->blk.dev.offered, VIRTIO_BLK_F_RO));
	assert_true(anvil_features_has(&f->blk.dev.offered, VIRTIO_F_VERSION_1));
}

static void config_space_holds_what_is_offered(void **state)
{
	/* 5.2.4, by hand; writeback is 0 before negotiation */
	static const uint8_t full[60] = { 64,	 0,    0,    0,	    0,	    0, 0,    0,	     0x22,
					  0x11,	 0,    0,    0x33,  0,	    0, 0,    0x55,   0x44,
					  0x66,	 0x77, 0,    0x10,  0,	    0, 0x88, 0x99,   0xbb,
					  0xaa,	 0xff, 0xee, 0xdd,  0xcc,   0, 0,    0,	     0,
					  RANGE, 0,    0,    0,	    RANGES, 0, 0,    0,	     8,
					  0,	 0,    0,    RANGE, 0,	    0, 0,    RANGES, 0,
					  0,	 0,    1,    0,	    0,	    0 };
	static const uint8_t bare[60] = { 64 };
	struct fixture *f = *state;

	for (unsigned int offered = 0; offered < 2; offered++) {
		f->options.features = offered ? everything() : features(-1);
		recreate(f);
		for (uint32_t i = 0; i < sizeof(full); i++)
			assert_int_equal(anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + i, 1),
					 offered ? full[i] : bare[i]);
		assert_int_equal(anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 60, 1), 0);
	}
}

/* ---- requests ---- */

#define T_IN	VIRTIO_BLK_T_IN
#define T_OUT	VIRTIO_BLK_T_OUT
#define T_FLUSH VIRTIO_BLK_T_FLUSH
#define T_ID	VIRTIO_BLK_T_GET_ID
#define T_DISC	VIRTIO_BLK_T_DISCARD
#define T_ZERO	VIRTIO_BLK_T_WRITE_ZEROES
#define OK	VIRTIO_BLK_S_OK
#define IOERR	VIRTIO_BLK_S_IOERR
#define UNSUPP	VIRTIO_BLK_S_UNSUPP
#define LAST	(TEST_DISK_SECTORS - 1)

static void requests_get_their_status(void **state)
{
	static const struct {
		const char *what;
		struct request r;
		uint8_t status;
		uint32_t used_len;
		unsigned int submitted;
	} t[] = {
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
		{ "write past the end",
		  { T_OUT, LAST + 1, .out_len = 512, .in_len = 1 },
		  IOERR,
		  1,
		  0 },
		{ "write over the end",
		  { T_OUT, LAST, .out_len = 1024, .in_len = 1 },
		  IOERR,
		  1,
		  0 },
		{ "write wraps", { T_OUT, UINT64_MAX, .out_len = 1024, .in_len = 1 }, IOERR, 1, 0 },
		{ "write most", { T_OUT, 0, .out_len = TRANSFER, .in_len = 1 }, OK, 1, 1 },
		{ "write too much",
		  { T_OUT, 0, .out_len = TRANSFER + 512, .in_len = 1 },
		  IOERR,
		  1,
		  0 },
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
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		f->disk.logs = 0;

		uint8_t status = perform(f, &t[i].r, t[i].used_len);

		if (status != t[i].status || f->disk.logs != t[i].submitted)
			fail_msg("%s: status %u, %u requests", t[i].what, status, f->disk.logs);
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

/* ---- discard and write zeroes ---- */

/* As the driver writes them; the last few calls' stay. */
static struct request ranges(uint32_t type, const struct virtio_blk_range *range, uint32_t count)
{
	static struct virtio_blk_range wire[8][RANGES + 1];
	static unsigned int calls;
	struct virtio_blk_range *to = wire[calls++ % ARRAY_SIZE(wire)];

	for (uint32_t i = 0; i < count; i++)
		to[i] = (struct virtio_blk_range){ htole64(range[i].sector),
						   htole32(range[i].num_sectors),
						   htole32(range[i].flags) };
	return (struct request){ type, 0, .data = to, .out_len = count * (uint32_t)sizeof(*range),
				 .in_len = 1 };
}

static void ranges_get_their_status(void **state)
{
	static const struct {
		const char *what;
		uint32_t count;
		struct virtio_blk_range range[RANGES + 1];
		uint8_t discard;
		uint8_t zero;
	} t[] = {
		{ "one sector", 1, { { 0, 1, 0 } }, OK, OK },
		{ "unmap", 1, { { 0, 1, 1 } }, UNSUPP, OK },
		{ "unknown flag", 1, { { 0, 1, 2 } }, UNSUPP, UNSUPP },
		{ "top flag", 1, { { 0, 1, 0x80000000 } }, UNSUPP, UNSUPP },
		{ "unmap and unknown", 1, { { 0, 1, 3 } }, UNSUPP, UNSUPP },
		{ "unknown in the second", 2, { { 0, 1, 0 }, { 0, 1, 4 } }, UNSUPP, UNSUPP },
		{ "unknown after a bad range",
		  2,
		  { { UINT64_MAX, 1, 0 }, { 0, 1, 4 } },
		  UNSUPP,
		  UNSUPP },
		{ "no sectors", 1, { { 0, 0, 0 } }, IOERR, IOERR },
		{ "most sectors", 1, { { 0, RANGE, 0 } }, OK, OK },
		{ "a sector too many", 1, { { 0, RANGE + 1, 0 } }, IOERR, IOERR },
		{ "2^32 - 1 sectors", 1, { { 0, UINT32_MAX, 0 } }, IOERR, IOERR },
		{ "to the end", 1, { { TEST_DISK_SECTORS - RANGE, RANGE, 0 } }, OK, OK },
		{ "over the end",
		  1,
		  { { TEST_DISK_SECTORS - RANGE + 1, RANGE, 0 } },
		  IOERR,
		  IOERR },
		{ "past the end", 1, { { TEST_DISK_SECTORS, 1, 0 } }, IOERR, IOERR },
		{ "wraps", 1, { { UINT64_MAX, 2, 0 } }, IOERR, IOERR },
		{ "second one bad", 2, { { 0, 1, 0 }, { TEST_DISK_SECTORS, 1, 0 } }, IOERR, IOERR },
		{ "most ranges",
		  RANGES,
		  { { 0, 1, 0 }, { 1, 2, 0 }, { 9, 3, 0 }, { 9, 3, 0 } },
		  OK,
		  OK },
		{ "a range too many",
		  RANGES + 1,
		  { { 0, 1, 0 }, { 1, 2, 0 }, { 9, 3, 0 }, { 9, 3, 0 }, { 0, 1, 0 } },
		  IOERR,
		  IOERR },
		{ "none", 0, { { 0, 0, 0 } }, IOERR, IOERR },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		for (unsigned int zero = 0; zero < 2; zero++) {
			uint8_t expected = zero ? t[i].zero : t[i].discard;
			struct request r = ranges(zero ? T_ZERO : T_DISC, t[i].range, t[i].count);

			f->disk.logs = 0;

			uint8_t status = perform(f, &r, 1);

			if (status != expected)
				fail_msg("%s, %u: status %u", t[i].what, zero, status);
			assert_int_equal(f->disk.logs, expected == OK ? t[i].count : 0);
			for (unsigned int n = 0; n < f->disk.logs; n++) {
				const struct anvil_disk_request *log = &f->disk.log[n];

				assert_int_equal(log->op, zero ? ANVIL_DISK_WRITE_ZEROES
							       : ANVIL_DISK_DISCARD);
				assert_int_equal(log->sector, t[i].range[n].sector);
				assert_int_equal(log->sectors, t[i].range[n].num_sectors);
				assert_int_equal(log->unmap, t[i].range[n].flags & 1);
			}
		}
	}
}

static void ranges_of_wrong_length_are_io_errors(void **state)
{
	struct fixture *f = *state;

	for (uint32_t len = 0; len <= 16 * RANGES + 17; len++) {
		uint8_t data[16 * RANGES + 17] = { 0 };
		struct request r = { T_DISC, 0, .data = data, .out_len = len, .in_len = 1 };

		for (uint32_t i = 8; i < sizeof(data); i += 16)
			data[i] = 1; /* num_sectors */
		assert_int_equal(perform(f, &r, 1),
				 len && len % 16 == 0 && len <= 16 * RANGES ? OK : IOERR);
		r.in_len = 2;
		assert_int_equal(perform(f, &r, 0), IOERR);
	}
}

static void unmap_does_not_stick_to_the_slot(void **state)
{
	static const struct virtio_blk_range range[] = { { 0, 1, 1 }, { 0, 1, 0 } };
	struct fixture *f = *state;
	struct request r = ranges(T_ZERO, range, 2);

	assert_int_equal(perform(f, &r, 1), OK);
	r = ranges(T_DISC, range + 1, 1);
	assert_int_equal(perform(f, &r, 1), OK);
	assert_true(f->disk.log[0].unmap);
	assert_false(f->disk.log[1].unmap);
	assert_false(f->disk.log[2].unmap);
}

static void refused_request_leaves_nothing_behind_in_its_slot(void **state)
{
	static const struct virtio_blk_range bad = { 0, 0, 0 };
	struct fixture *f = *state;
	struct request discard = ranges(T_DISC, &bad, 1);
	struct request read = { T_IN, 3, .in_len = 513 };

	guest_drive(&f->guest, features(VIRTIO_BLK_F_DISCARD, -1), 1, QUEUE); /* write-through */
	assert_int_equal(perform(f, &discard, 1), IOERR);
	assert_int_equal(perform(f, &read, 513), OK);
	assert_int_equal(f->disk.logs, 1); /* no flush, no range */
	assert_int_equal(f->disk.log[0].op, ANVIL_DISK_READ);
	assert_int_equal(f->disk.log[0].sector, 3);
}

static void requests_larger_than_the_disk_are_refused(void **state)
{
	static const struct virtio_blk_range two = { 0, 2, 0 }, one = { 0, 1, 0 };
	struct fixture *f = *state;

	for (uint64_t capacity = 0; capacity < 3; capacity++) {
		struct request r[] = { { T_IN, 0, .in_len = 1025 },
				       { T_OUT, 0, .out_len = 1024, .in_len = 1 },
				       ranges(T_DISC, &two, 1),
				       ranges(T_ZERO, &two, 1),
				       ranges(T_ZERO, &one, 1) };

		f->disk.disk.capacity = capacity;
		for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
			bool fits = capacity >= (i == 4 ? 1 : 2);

			assert_int_equal(perform(f, &r[i], fits || i ? r[i].in_len : 0),
					 fits ? OK : IOERR);
		}
	}
}

/* The disk shrinks while a request of several ranges is on its way (5.2.6.2, capacity). */
static void later_ranges_are_held_against_the_capacity_of_their_time(void **state)
{
	static const struct virtio_blk_range range[] = { { 0, 1, 0 }, { LAST, 1, 0 } };
	struct fixture *f = *state;
	struct request r = ranges(T_DISC, range, 2);

	f->disk.defer = true;
	offer(f, &r);
	guest_notify(&f->guest, 0);
	f->disk.disk.capacity = LAST;
	anvil_blk_resized(&f->blk);
	test_disk_finish(&f->disk, 0, 0);
	assert_int_equal(f->disk.logs, 1);
	ring_expect(&f->guest.ring[0], 0, 1);
	assert_int_equal(status_of(f, &r), IOERR);
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

/* ---- the cache (5.2.5.2, 5.2.6.2) ---- */

static void writes_are_stable_when_the_driver_cannot_flush(void **state)
{
	static const struct virtio_blk_range range[] = { { 0, 1, 0 }, { 1, 1, 0 } };
	static const struct {
		const char *what;
		bool offered;
		bool flush, wce;
		int writeback; /* written by the driver, or -1 */
		bool stable;
	} t[] = {
		{ "nothing offered", false, false, false, -1, false },
		{ "neither accepted", true, false, false, -1, true },
		{ "flush", true, true, false, -1, false },
		{ "flush and mode, as it comes", true, true, true, -1, false },
		{ "flush and mode, write-through", true, true, true, 0, true },
		{ "flush and mode, write-back", true, true, true, 1, false },
		{ "mode alone, as it comes", true, false, true, -1, true },
		{ "mode alone, write-through", true, false, true, 0, true },
		{ "mode alone, write-back", true, false, true, 1, false },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct anvil_features set =
			features(VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES, -1);

		f->options.features = set;
		if (t[i].offered) {
			anvil_features_add(&f->options.features, VIRTIO_BLK_F_FLUSH);
			anvil_features_add(&f->options.features, VIRTIO_BLK_F_CONFIG_WCE);
		}
		recreate(f);
		if (t[i].flush)
			anvil_features_add(&set, VIRTIO_BLK_F_FLUSH);
		if (t[i].wce)
			anvil_features_add(&set, VIRTIO_BLK_F_CONFIG_WCE);
		guest_drive(&f->guest, set, 1, QUEUE);
		if (t[i].writeback >= 0)
			anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 32, 1,
					 (uint64_t)t[i].writeback);

		struct request r[] = { { T_OUT, 0, .out_len = 512, .in_len = 1 },
				       ranges(T_ZERO, range, 2),
				       ranges(T_DISC, range, 2) };

		for (size_t n = 0; n < ARRAY_SIZE(r); n++) {
			unsigned int steps = n ? 2 : 1;

			f->disk.logs = 0;
			assert_int_equal(perform(f, &r[n], 1), OK);
			if (f->disk.logs != steps + t[i].stable)
				fail_msg("%s: %u requests", t[i].what, f->disk.logs);
			if (t[i].stable)
				assert_int_equal(f->disk.log[steps].op, ANVIL_DISK_FLUSH);
		}

		struct request read = { T_IN, 0, .in_len = 513 };

		f->disk.logs = 0;
		assert_int_equal(perform(f, &read, 513), OK);
		assert_int_equal(f->disk.logs, 1);
	}
}

static uint64_t writeback(struct fixture *f)
{
	return anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 32, 1);
}

static void cache_mode_is_written_as_one_byte_of_0_or_1(void **state)
{
	struct fixture *f = *state;
	struct anvil_mmio *m = &f->guest.mmio;
	struct anvil_features set = features(VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_CONFIG_WCE, -1);

	guest_drive(&f->guest, set, 1, QUEUE);
	assert_int_equal(writeback(f), 1);
	anvil_mmio_write(m, VIRTIO_MMIO_CONFIG + 32, 1, 0);
	assert_int_equal(writeback(f), 0);
	for (uint64_t value = 2; value < 256; value++)
		anvil_mmio_write(m, VIRTIO_MMIO_CONFIG + 32, 1, value);
	anvil_mmio_write(m, VIRTIO_MMIO_CONFIG + 32, 2, 1);
	anvil_mmio_write(m, VIRTIO_MMIO_CONFIG + 32, 4, 1);
	anvil_mmio_write(m, VIRTIO_MMIO_CONFIG + 31, 2, 0x0100);
	assert_int_equal(writeback(f), 0);
	anvil_mmio_write(m, VIRTIO_MMIO_CONFIG + 32, 1, 1);
	assert_int_equal(writeback(f), 1);
	for (uint32_t i = 0; i < 60; i++) {
		uint64_t before = anvil_mmio_read(m, VIRTIO_MMIO_CONFIG + i, 1);

		if (i != 32)
			anvil_mmio_write(m, VIRTIO_MMIO_CONFIG + i, 1, ~before);
		assert_int_equal(anvil_mmio_read(m, VIRTIO_MMIO_CONFIG + i, 1), before);
	}
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(writeback(f), 0);

	/* not negotiated: not to be written */
	guest_drive(&f->guest, features(VIRTIO_BLK_F_FLUSH, -1), 1, QUEUE);
	anvil_mmio_write(m, VIRTIO_MMIO_CONFIG + 32, 1, 1);
	assert_int_equal(writeback(f), 0);
	guest_drive(&f->guest, features(VIRTIO_BLK_F_CONFIG_WCE, -1), 1, QUEUE);
	assert_int_equal(writeback(f), 0);
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

static void failed_flush_fails_a_write_through_write(void **state)
{
	struct fixture *f = *state;
	struct request r = { T_OUT, 0, .out_len = 512, .in_len = 1 };

	guest_drive(&f->guest, features(-1), 1, QUEUE);
	f->disk.defer = true;
	offer(f, &r);
	guest_notify(&f->guest, 0);
	test_disk_finish(&f->disk, 0, 0);
	assert_int_equal(f->disk.pending[0]->op, ANVIL_DISK_FLUSH);
	ring_expect_none(&f->guest.ring[0]);
	test_disk_finish(&f->disk, 0, -EIO);
	ring_expect(&f->guest.ring[0], 0, 1);
	assert_int_equal(status_of(f, &r), IOERR);
}

/* ---- requests in flight ---- */

/* Request number i, of its own places, reading sector i. */
static struct request read_nr(unsigned int i)
{
	return (struct request){ T_IN, i, .in_len = 513, .out = OUT + 0x100 * i,
				 .in = RAM_SEAM + 0x400 * i };
}

static uint16_t offer_read(struct fixture *f, unsigned int i)
{
	struct request r = read_nr(i);

	return offer(f, &r);
}

static void expect_read(struct fixture *f, unsigned int i, uint16_t head)
{
	struct request r = read_nr(i);
	uint8_t got[512];

	ring_expect(&f->guest.ring[0], head, 513);
	assert_int_equal(status_of(f, &r), OK);
	ram_get(&f->guest.ram, r.in, got, sizeof(got));
	assert_memory_equal(got, disk_at(f, i), sizeof(got));
}

static void requests_complete_in_the_order_of_the_disk(void **state)
{
	static const unsigned int order[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
						 { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct fixture *f = *state;

	f->disk.defer = true;
	for (size_t o = 0; o < ARRAY_SIZE(order); o++) {
		struct anvil_disk_request *request[3];
		uint16_t head[3];

		for (unsigned int i = 0; i < 3; i++)
			head[i] = offer_read(f, i);
		guest_notify(&f->guest, 0);
		assert_int_equal(f->disk.pendings, 3);
		assert_false(anvil_blk_idle(&f->blk));
		ring_expect_none(&f->guest.ring[0]);
		memcpy(request, f->disk.pending, sizeof(request));
		for (unsigned int n = 0; n < 3; n++) {
			unsigned int at = 0;

			while (f->disk.pending[at] != request[order[o][n]])
				at++;
			test_disk_finish(&f->disk, at, 0);
			expect_read(f, order[o][n], head[order[o][n]]);
			ring_expect_none(&f->guest.ring[0]);
			assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_USED);
		}
		assert_true(anvil_blk_idle(&f->blk));
		f->disk.logs = 0;
	}
}

/* 6, 2.7.9: with IN_ORDER the driver hears of requests as it made them, whatever the disk does */
static void in_order_requests_complete_as_they_were_made(void **state)
{
	static const unsigned int order[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
						 { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct fixture *f = *state;

	guest_drive(&f->guest, features(VIRTIO_BLK_F_FLUSH, VIRTIO_F_IN_ORDER, -1), 1, QUEUE);
	f->disk.defer = true;
	for (size_t o = 0; o < ARRAY_SIZE(order); o++) {
		struct anvil_disk_request *request[3];
		bool done[3] = { 0 };
		uint16_t head[3];
		unsigned int next = 0;

		for (unsigned int i = 0; i < 3; i++)
			head[i] = offer_read(f, i);
		guest_notify(&f->guest, 0);
		memcpy(request, f->disk.pending, sizeof(request));
		for (unsigned int n = 0; n < 3; n++) {
			unsigned int at = 0;

			while (f->disk.pending[at] != request[order[o][n]])
				at++;
			test_disk_finish(&f->disk, at, 0);
			done[order[o][n]] = true;
			for (; next < 3 && done[next]; next++)
				expect_read(f, next, head[next]);
			ring_expect_none(&f->guest.ring[0]);
		}
		f->disk.logs = 0;
	}
}

static void requests_wait_in_the_ring_for_a_slot(void **state)
{
	struct fixture *f = *state;
	uint16_t head[8];

	f->disk.defer = true;
	for (unsigned int i = 0; i < 8; i++)
		head[i] = offer_read(f, i);
	guest_notify(&f->guest, 0);
	guest_notify(&f->guest, 0);
	assert_int_equal(f->disk.pendings, SLOTS);
	/* no further notification is needed */
	for (unsigned int i = 0; i < 8; i++) {
		test_disk_finish(&f->disk, 0, 0);
		expect_read(f, i, head[i]);
		assert_int_equal(f->disk.pendings, 7 - i < SLOTS ? 7 - i : SLOTS);
	}
	ring_expect_none(&f->guest.ring[0]);
	assert_int_equal(f->disk.logs, 8);
	/* and afterwards notifications are wanted again */
	assert_int_equal(ram_get16(&f->guest.ram, f->guest.ring[0].used), 0);
}

static void slot_freed_inside_submit_is_used_again_at_once(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 20; i++)
		offer_read(f, i);
	guest_notify(&f->guest, 0);
	assert_int_equal(ring_published(&f->guest.ring[0]), 20);
}

/* ---- reset with requests in flight ---- */

static void late_completions_after_a_reset_touch_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t sum;

	f->disk.defer = true;
	for (unsigned int i = 0; i < 5; i++)
		offer_read(f, i);
	guest_notify(&f->guest, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(f->disk.cancels, SLOTS);
	assert_false(anvil_blk_idle(&f->blk));
	sum = ram_sum(&f->guest.ram);
	ram_watch(&f->guest.ram);
	for (unsigned int i = 0; i < SLOTS; i++)
		test_disk_finish(&f->disk, 0, i == 1 ? -EIO : 0);
	assert_int_equal(f->disk.pendings, 0);
	assert_int_equal(f->guest.ram.fetches + f->guest.ram.stores, 0);
	assert_int_equal(ram_sum(&f->guest.ram), sum);
	assert_false(f->guest.irq);
	assert_true(anvil_blk_idle(&f->blk));
}

static void second_reset_does_not_cancel_again(void **state)
{
	struct fixture *f = *state;

	f->disk.defer = true;
	offer_read(f, 0);
	guest_notify(&f->guest, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(f->disk.cancels, 1);
	test_disk_finish(&f->disk, 0, 0);
}

static void cancel_may_finish_the_request_at_once(void **state)
{
	struct fixture *f = *state;

	f->disk.defer = true;
	f->disk.cancel_finishes = true;
	for (unsigned int i = 0; i < 5; i++)
		offer_read(f, i);
	guest_notify(&f->guest, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(f->disk.logs, SLOTS); /* those in the ring were not taken */
	assert_true(anvil_blk_idle(&f->blk));
	ring_expect_none(&f->guest.ring[0]);
}

static void cancel_may_be_missing(void **state)
{
	struct fixture *f = *state;
	struct anvil_disk_ops ops = *f->disk.disk.ops;

	ops.cancel = NULL;
	f->disk.disk.ops = &ops;
	f->disk.defer = true;
	offer_read(f, 0);
	guest_notify(&f->guest, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	test_disk_finish(&f->disk, 0, 0);
	ring_expect_none(&f->guest.ring[0]);
}

static void queue_reset_cancels_and_the_queue_works_again(void **state)
{
	struct fixture *f = *state;
	uint16_t head;

	f->disk.defer = true;
	offer_read(f, 0);
	offer_read(f, 1);
	guest_notify(&f->guest, 0);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(f->disk.cancels, 2);
	ram_watch(&f->guest.ram);
	test_disk_finish(&f->disk, 0, 0);
	test_disk_finish(&f->disk, 0, 0);
	assert_int_equal(f->guest.ram.fetches + f->guest.ram.stores, 0);

	ring_init(&f->guest.ring[0], &f->guest.ram, RAM_HIGH, QUEUE);
	assert_true(guest_start_queue(&f->guest, 0));
	head = offer_read(f, 2);
	guest_notify(&f->guest, 0);
	test_disk_finish(&f->disk, 0, 0);
	expect_read(f, 2, head);
}

/* A disk that finishes everything when one request is cancelled, while the queue still stands. */
static void stopping_queue_is_not_touched_by_other_completions(void **state)
{
	struct fixture *f = *state;

	f->disk.defer = true;
	f->disk.cancel_finishes_all = true;
	for (unsigned int i = 0; i < 5; i++)
		offer_read(f, i);
	guest_notify(&f->guest, 0);
	ram_watch(&f->guest.ram);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(f->guest.ram.fetches + f->guest.ram.stores, 0);
	assert_int_equal(f->disk.logs, SLOTS);
	assert_int_equal(f->disk.pendings, 0);
	ring_expect_none(&f->guest.ring[0]);
}

static void cancelled_request_takes_no_further_step(void **state)
{
	static const struct virtio_blk_range range[] = { { 0, 1, 0 }, { 1, 1, 0 } };
	struct fixture *f = *state;
	struct request r = ranges(T_ZERO, range, 2);

	f->disk.defer = true;
	for (unsigned int broken = 0; broken < 2; broken++) {
		guest_drive(&f->guest, usual(), 1, QUEUE);
		f->disk.logs = 0;
		offer(f, &r);
		guest_notify(&f->guest, 0);
		if (broken)
			anvil_device_break(&f->blk.dev, 0, -EPROTO);
		else
			reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
		test_disk_finish(&f->disk, 0, 0);
		assert_int_equal(f->disk.logs, 1);
		assert_true(anvil_blk_idle(&f->blk));
	}
}

/* ---- a broken or failed driver ---- */

static void completions_of_a_broken_or_failed_device_touch_nothing(void **state)
{
	struct fixture *f = *state;

	f->disk.defer = true;
	for (unsigned int failed = 0; failed < 2; failed++) {
		guest_drive(&f->guest, usual(), 1, QUEUE);
		offer_read(f, 0);
		guest_notify(&f->guest, 0);
		if (failed) {
			reg_write(&f->guest, VIRTIO_MMIO_STATUS,
				  UP_TO_DRIVER_OK | VIRTIO_STATUS_FAILED);
		} else {
			ring_offer(&f->guest.ring[0], QUEUE);
			guest_notify(&f->guest, 0);
			assert_int_equal(guest_status(&f->guest), STATUS_BROKEN);
			assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);
		}
		ram_watch(&f->guest.ram);
		test_disk_finish(&f->disk, 0, 0);
		guest_notify(&f->guest, 0);
		assert_int_equal(f->guest.ram.fetches + f->guest.ram.stores, 0);
		assert_false(f->guest.irq);
	}
}

static void requests_before_the_broken_one_are_answered(void **state)
{
	struct fixture *f = *state;
	uint16_t head = offer_read(f, 0);

	ring_offer(&f->guest.ring[0], QUEUE);
	guest_notify(&f->guest, 0);
	expect_read(f, 0, head);
	ring_expect_none(&f->guest.ring[0]);
	assert_int_equal(guest_status(&f->guest), STATUS_BROKEN);
	assert_int_equal(f->guest.refusals, 1);
	assert_int_equal(f->guest.refused_queue, 0);
	assert_int_equal(f->guest.refused_err, -EPROTO);
	assert_int_equal(guest_take_interrupts(&f->guest),
			 VIRTIO_INTERRUPT_USED | VIRTIO_INTERRUPT_CONFIG);
	/* and a reset heals it */
	guest_drive(&f->guest, usual(), 1, QUEUE);
	head = offer_read(f, 1);
	guest_notify(&f->guest, 0);
	expect_read(f, 1, head);
}

static void nothing_is_taken_before_driver_ok(void **state)
{
	struct fixture *f = *state;

	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_true(guest_negotiate(&f->guest, usual()));
	ring_init(&f->guest.ring[0], &f->guest.ram, RAM_HIGH, QUEUE);
	assert_true(guest_start_queue(&f->guest, 0));
	offer_read(f, 0);
	ram_watch(&f->guest.ram);
	guest_notify(&f->guest, 0);
	anvil_mmio_poll(&f->guest.mmio);
	assert_int_equal(f->guest.ram.fetches, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, UP_TO_DRIVER_OK);
	guest_notify(&f->guest, 0);
	expect_read(f, 0, 0);
}

/* ---- capacity ---- */

static void resizing_shows_in_config_and_counts_at_once(void **state)
{
	struct fixture *f = *state;
	struct request r = { T_IN, LAST, .in_len = 513 };
	uint32_t generation = reg_read(&f->guest, VIRTIO_MMIO_CONFIG_GENERATION);

	f->disk.disk.capacity = LAST;
	anvil_blk_resized(&f->blk);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG), LAST);
	assert_int_not_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG_GENERATION), generation);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);
	assert_int_equal(perform(f, &r, 0), IOERR);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(init_checks_its_options),
		TEST(read_only_is_offered_for_a_read_only_disk),
		TEST(config_space_holds_what_is_offered),
		TEST(requests_get_their_status),
		TEST(unknown_types_are_unsupported),
		TEST(chain_without_readable_bytes_is_answered),
		TEST(reads_work_however_they_are_cut),
		TEST(writes_work_however_they_are_cut),
		TEST(every_byte_may_have_its_own_descriptor),
		TEST(requests_work_from_an_indirect_table),
		TEST(stores_go_where_they_must_alone),
		TEST(header_is_fetched_once),
		TEST(ranges_get_their_status),
		TEST(ranges_of_wrong_length_are_io_errors),
		TEST(unmap_does_not_stick_to_the_slot),
		TEST(refused_request_leaves_nothing_behind_in_its_slot),
		TEST(requests_larger_than_the_disk_are_refused),
		TEST(later_ranges_are_held_against_the_capacity_of_their_time),
		TEST(read_only_disk_is_never_changed),
		TEST(writes_are_stable_when_the_driver_cannot_flush),
		TEST(cache_mode_is_written_as_one_byte_of_0_or_1),
		TEST(failed_requests_end_in_io_errors_and_show_no_data),
		TEST(failed_flush_fails_a_write_through_write),
		TEST(requests_complete_in_the_order_of_the_disk),
		TEST(in_order_requests_complete_as_they_were_made),
		TEST(requests_wait_in_the_ring_for_a_slot),
		TEST(slot_freed_inside_submit_is_used_again_at_once),
		TEST(late_completions_after_a_reset_touch_nothing),
		TEST(second_reset_does_not_cancel_again),
		TEST(cancel_may_finish_the_request_at_once),
		TEST(cancel_may_be_missing),
		TEST(queue_reset_cancels_and_the_queue_works_again),
		TEST(stopping_queue_is_not_touched_by_other_completions),
		TEST(cancelled_request_takes_no_further_step),
		TEST(completions_of_a_broken_or_failed_device_touch_nothing),
		TEST(requests_before_the_broken_one_are_answered),
		TEST(nothing_is_taken_before_driver_ok),
		TEST(resizing_shows_in_config_and_counts_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
