/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A block device of one queue with everything on offer that is not zoned, and a driver's requests
 * to it. See blk_rig.h for zones, several queues and the rarer requests.
 */
#ifndef TESTS_BLK_FIXTURE_H
#define TESTS_BLK_FIXTURE_H

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

static inline struct anvil_features everything(void)
{
	struct anvil_features set = { { 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(all_features); i++)
		anvil_features_add(&set, (unsigned int)all_features[i]);
	return set;
}

/* Accepted by most tests: no EVENT_IDX, so that notifications are simple; write-back. */
static inline struct anvil_features usual(void)
{
	return features(VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES,
			VIRTIO_F_INDIRECT_DESC, VIRTIO_F_RING_RESET, -1);
}

static inline void create(struct fixture *f)
{
	assert_int_equal(anvil_blk_init(&f->blk, &f->options), 0);
	guest_attach(&f->guest, &f->blk.dev);
}

static inline void recreate(struct fixture *f)
{
	anvil_blk_destroy(&f->blk);
	create(f);
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

static inline uint64_t in_gpa(const struct request *r)
{
	return r->in ? r->in : IN;
}

/* Stores the request's bytes; returns how many are device-readable. */
static inline uint32_t store_request(struct fixture *f, const struct request *r)
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

static inline uint16_t offer(struct fixture *f, const struct request *r)
{
	struct buffer b[2] = { { r->out ? r->out : OUT, store_request(f, r), 0 },
			       { in_gpa(r), r->in_len, WRITABLE } };

	return ring_chain(&f->guest.ring[0], b, r->in_len ? 2 : 1);
}

static inline uint8_t status_of(struct fixture *f, const struct request *r)
{
	return ram_get8(&f->guest.ram, in_gpa(r) + r->in_len - 1);
}

/* One request from start to end: its status, and its used entry checked. */
static inline uint8_t perform(struct fixture *f, const struct request *r, uint32_t used_len)
{
	uint16_t head = offer(f, r);

	guest_notify(&f->guest, 0);
	ring_expect(&f->guest.ring[0], head, used_len);
	ring_expect_none(&f->guest.ring[0]);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_USED);
	return r->in_len ? status_of(f, r) : NO_STATUS;
}

static inline const uint8_t *disk_at(const struct fixture *f, uint64_t sector)
{
	return f->disk.data + sector * ANVIL_DISK_SECTOR_BYTES;
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

/* ---- discard and write zeroes ---- */

/* As the driver writes them; the last few calls' stay. */
static inline struct request ranges(uint32_t type, const struct virtio_blk_range *range,
				    uint32_t count)
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

/* ---- requests in flight ---- */

/* Request number i, of its own places, reading sector i. */
static inline struct request read_nr(unsigned int i)
{
	return (struct request){ T_IN, i, .in_len = 513, .out = OUT + 0x100 * i,
				 .in = RAM_SEAM + 0x400 * i };
}

static inline uint16_t offer_read(struct fixture *f, unsigned int i)
{
	struct request r = read_nr(i);

	return offer(f, &r);
}

static inline void expect_read(struct fixture *f, unsigned int i, uint16_t head)
{
	struct request r = read_nr(i);
	uint8_t got[512];

	ring_expect(&f->guest.ring[0], head, 513);
	assert_int_equal(status_of(f, &r), OK);
	ram_get(&f->guest.ram, r.in, got, sizeof(got));
	assert_memory_equal(got, disk_at(f, i), sizeof(got));
}

/* ---- registration ---- */

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
