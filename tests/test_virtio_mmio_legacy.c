/* SPDX-License-Identifier: BSD-3-Clause */
/* Version 1 of virtio-mmio and the legacy interface of both devices (4.2.4), in both byte orders.
 */
#include "support.h"

#include <endian.h>

#include "array_size.h"
#include "virtio_blk.h"
#include "virtio_mmio_legacy.h"
#include "virtio_mmio_state.h"
#include "virtio_net.h"

#define QUEUE 16u
#define PAGE  4096u
#define LIVE  7u /* ACKNOWLEDGE, DRIVER, DRIVER_OK */

#define QUEUE_AT  RAM_LOW
#define QUEUE_GAP (2 * PAGE) /* from one queue to the next */
#define DATA_AT	  (RAM_SEAM - 0x100)
#define IN_AT	  (RAM_HIGH + 0x100)

struct fixture {
	struct guest guest; /* its rings are those of version 2: not used here */
	bool big;
	struct fake_device fake;
	struct test_disk disk;
	struct anvil_blk blk;
	struct test_nic nic;
	struct anvil_net net;
	uint16_t avail_idx[3];
	uint16_t used_idx[3];
};

/* ---- a legacy driver ---- */

static void put(struct fixture *f, uint64_t gpa, uint64_t value, size_t bytes)
{
	uint8_t raw[8];

	for (size_t i = 0; i < bytes; i++)
		raw[f->big ? bytes - 1 - i : i] = (uint8_t)(value >> (8 * i));
	ram_put(&f->guest.ram, gpa, raw, bytes);
}

static uint64_t order_bytes(const struct fixture *f, const uint8_t *raw, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)raw[f->big ? bytes - 1 - i : i] << (8 * i);
	return value;
}

static uint64_t get(struct fixture *f, uint64_t gpa, size_t bytes)
{
	uint8_t raw[8];

	ram_get(&f->guest.ram, gpa, raw, bytes);
	return order_bytes(f, raw, bytes);
}

static uint64_t desc_at(unsigned int queue)
{
	return QUEUE_AT + queue * QUEUE_GAP;
}

static uint64_t avail_at(unsigned int queue)
{
	return desc_at(queue) + 16 * QUEUE;
}

static uint64_t used_at(unsigned int queue)
{
	return desc_at(queue) + PAGE;
}

static uint32_t read_pfn(struct fixture *f)
{
	return reg_read(&f->guest, VIRTIO_MMIO_QUEUE_PFN);
}

static void place(struct fixture *f, unsigned int queue, uint32_t size, uint32_t align,
		  uint32_t pfn)
{
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, queue);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SIZE, size);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_ALIGN, align);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_PFN, pfn);
}

static void place_well(struct fixture *f, unsigned int queue)
{
	f->avail_idx[queue] = 0;
	f->used_idx[queue] = 0;
	put(f, avail_at(queue), 0, 4);
	put(f, used_at(queue), 0, 4);
	place(f, queue, f->fake.dev.queue ? 8 : QUEUE, PAGE, (uint32_t)(desc_at(queue) / PAGE));
}

/* As far as the features, the way that stock drivers go: the page size comes before the reset. */
static void begin(struct fixture *f, uint32_t features)
{
	reg_write(&f->guest, VIRTIO_MMIO_GUEST_PAGE_SIZE, PAGE);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 1);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 3);
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES, 0);
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES, features);
}

static void drive(struct fixture *f, uint32_t features, unsigned int queues)
{
	begin(f, features);
	for (unsigned int i = 0; i < queues; i++)
		place_well(f, i);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE);
	assert_int_equal(guest_status(&f->guest), LIVE);
}

static void describe(struct fixture *f, unsigned int queue, unsigned int index,
		     const struct buffer *b, bool more)
{
	uint64_t at = desc_at(queue) + 16 * index;

	put(f, at, b->gpa, 8);
	put(f, at + 8, b->len, 4);
	put(f, at + 12, b->flags | (more ? NEXT : 0u), 2);
	put(f, at + 14, index + 1, 2);
}

/* Makes one chain from descriptor 0 on available, and notifies. */
static void submit(struct fixture *f, unsigned int queue, const struct buffer *b,
		   unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		describe(f, queue, i, &b[i], i + 1 < count);
	put(f, avail_at(queue) + 4 + 2 * (f->avail_idx[queue] % QUEUE), 0, 2);
	put(f, avail_at(queue) + 2, ++f->avail_idx[queue], 2);
	guest_notify(&f->guest, queue);
}

/* The next used entry is chain 0 with this length. */
static void expect_used(struct fixture *f, unsigned int queue, uint32_t len)
{
	uint64_t at = used_at(queue) + 4 + 8 * (f->used_idx[queue] % QUEUE);

	assert_int_equal(get(f, used_at(queue) + 2, 2), ++f->used_idx[queue]);
	assert_int_equal(get(f, at, 4), 0);
	assert_int_equal(get(f, at + 4, 4), len);
}

/* ---- fixtures ---- */

static void attach(struct fixture *f, struct anvil_device *dev)
{
	guest_attach(&f->guest, dev); /* for the interrupts; then anew */

	const struct anvil_mmio_host_ops *host = f->guest.mmio.host;
	void *opaque = f->guest.mmio.opaque;

	dev->transport = NULL;
	assert_int_equal(anvil_mmio_init_legacy(&f->guest.mmio, dev, host, opaque, f->big), 0);
}

static struct fixture *begin_fixture(bool big)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	guest_init(&f->guest);
	f->big = big;
	return f;
}

static int setup_fake(void **state)
{
	struct fixture *f = begin_fixture(false);

	fake_device_init(&f->fake, &f->guest.ram.memory);
	attach(f, &f->fake.dev);
	*state = f;
	return 0;
}

static int teardown_fake(void **state)
{
	struct fixture *f = *state;

	anvil_device_destroy(&f->fake.dev);
	guest_destroy(&f->guest);
	free(f);
	return 0;
}

static int setup_blk(void **state, bool big)
{
	struct fixture *f = begin_fixture(big);
	struct anvil_blk_options o = {
		.memory = &f->guest.ram.memory,
		.disk = &f->disk.disk,
		.queue_size_max = QUEUE,
		.slots = 2,
		.transfer_max = 4096,
		.size_max = 0x1234,
		.seg_max = 126,
		.blk_size = 512,
		.cylinders = 0x0102,
		.heads = 3,
		.sectors = 4,
		.min_io_size = 0x0506,
		.opt_io_size = 0x0708090a,
		.range_sectors_max = 0x0b0c,
		.range_segments_max = 4,
	};

	test_disk_init(&f->disk);
	o.features =
		features(VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_GEOMETRY,
			 VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_TOPOLOGY,
			 VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES,
			 VIRTIO_F_RING_RESET, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_EVENT_IDX, -1);
	assert_int_equal(anvil_blk_init(&f->blk, &o), 0);
	attach(f, &f->blk.dev);
	*state = f;
	return 0;
}

static int setup_blk_little(void **state)
{
	return setup_blk(state, false);
}

static int setup_blk_big(void **state)
{
	return setup_blk(state, true);
}

static int teardown_blk(void **state)
{
	struct fixture *f = *state;

	anvil_blk_destroy(&f->blk);
	test_disk_destroy(&f->disk);
	guest_destroy(&f->guest);
	free(f);
	return 0;
}

static int setup_net(void **state, bool big)
{
	struct fixture *f = begin_fixture(big);
	struct anvil_net_options o = {
		.memory = &f->guest.ram.memory,
		.nic = &f->nic.nic,
		.queue_size_max = QUEUE,
		.mac = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 },
		.mtu = 1500,
		.link_up = true,
	};

	test_nic_init(&f->nic);
	o.features = features(VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_MTU,
			      VIRTIO_NET_F_MAC, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_MRG_RXBUF,
			      VIRTIO_NET_F_STATUS, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX,
			      VIRTIO_NET_F_CTRL_VLAN, VIRTIO_NET_F_CTRL_MAC_ADDR, -1);
	assert_int_equal(anvil_net_init(&f->net, &o), 0);
	attach(f, &f->net.dev);
	*state = f;
	return 0;
}

static int setup_net_little(void **state)
{
	return setup_net(state, false);
}

static int setup_net_big(void **state)
{
	return setup_net(state, true);
}

static int teardown_net(void **state)
{
	struct fixture *f = *state;

	anvil_net_destroy(&f->net);
	test_nic_destroy(&f->nic);
	guest_destroy(&f->guest);
	free(f);
	return 0;
}

/* ---- arithmetic (2.7.2) ---- */

/* 2.7.2, word for word; ALIGN means a mask there. An overflow fails the test. */
static void right_layout(uint64_t pfn, uint64_t page, uint64_t size, uint64_t align,
			 uint64_t *avail, uint64_t *used)
{
	uint64_t rings;

	assert_false(__builtin_mul_overflow(pfn, page, &rings));
	assert_false(__builtin_add_overflow(rings, 16 * size, avail));
	assert_false(__builtin_add_overflow(*avail, 2 * (3 + size) + align - 1, used));
	*used = *used / align * align;
}

static void layout_is_that_of_the_formula_and_never_overflows(void **state)
{
	static const uint32_t pfn[] = { 0, 1, 0x40000, 0x7fffffff, 0x80000000, UINT32_MAX };
	struct anvil_mmio_legacy_rings r;

	(void)state;
	for (uint32_t size = 1; size <= VIRTQ_SIZE_MAX; size = size < 40 ? size + 1 : size * 2) {
		for (size_t p = 0; p < ARRAY_SIZE(pfn) * 32 * 32; p++) {
			uint32_t page = 1u << (p / 32 % 32);
			uint32_t align = 1u << (p % 32);
			uint64_t avail, used;

			right_layout(pfn[p / 1024], page, size, align, &avail, &used);
			assert_true(anvil_mmio_legacy_layout(pfn[p / 1024], page, size, align, &r));
			assert_true(r.desc == (uint64_t)pfn[p / 1024] * page);
			assert_true(r.avail == avail);
			assert_true(r.used == used);
		}
	}
}

static void layout_refuses_what_is_no_power_of_2_and_sizes_out_of_range(void **state)
{
	static const uint32_t odd[] = { 0, 3, 5, 6, 3000, 0x7fffffff, 0x80000001, UINT32_MAX };
	static const uint32_t size[] = { 0, VIRTQ_SIZE_MAX + 1, 0x10000, UINT32_MAX };
	struct anvil_mmio_legacy_rings r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		assert_false(anvil_mmio_legacy_layout(1, odd[i], 8, PAGE, &r));
		assert_false(anvil_mmio_legacy_layout(1, PAGE, 8, odd[i], &r));
	}
	for (size_t i = 0; i < ARRAY_SIZE(size); i++)
		assert_false(anvil_mmio_legacy_layout(1, PAGE, size[i], PAGE, &r));
}

/* ---- registers (4.2.4) ---- */

static uint32_t fresh_value(uint64_t offset)
{
	switch (offset) {
	case VIRTIO_MMIO_MAGIC:
		return 0x74726976;
	case VIRTIO_MMIO_VERSION:
		return 1;
	case VIRTIO_MMIO_DEVICE_ID:
		return FAKE_DEVICE_ID;
	case VIRTIO_MMIO_VENDOR_ID:
		return 0x4c56414e;
	case VIRTIO_MMIO_DEVICE_FEATURES: /* 6.3: ANY_LAYOUT must be offered */
		return 1 << FAKE_FEATURE_A | 1 << FAKE_NEEDS_A | 1 << FAKE_NEEDS_B |
		       1 << VIRTIO_F_EVENT_IDX | 1 << VIRTIO_F_INDIRECT_DESC | 1 << 27;
	case VIRTIO_MMIO_QUEUE_SIZE_MAX:
		return 8;
	default:
		return 0;
	}
}

static void every_offset_reads_as_the_table_says_at_every_width(void **state)
{
	struct fixture *f = *state;

	for (unsigned int width = 0; width <= 9; width++) {
		for (uint64_t offset = 0; offset < VIRTIO_MMIO_CONFIG; offset++) {
			uint64_t value = anvil_mmio_read(&f->guest.mmio, offset, width);

			if (value != (width == 4 ? fresh_value(offset) : 0))
				fail_msg("%#x, %u bytes: %#x", (unsigned int)offset, width,
					 (unsigned int)value);
		}
	}
}

static void registers_of_version_2_do_nothing(void **state)
{
	static const uint32_t modern[] = {
		VIRTIO_MMIO_QUEUE_READY,       VIRTIO_MMIO_QUEUE_DESC_LOW,
		VIRTIO_MMIO_QUEUE_DESC_HIGH,   VIRTIO_MMIO_QUEUE_DRIVER_LOW,
		VIRTIO_MMIO_QUEUE_DRIVER_HIGH, VIRTIO_MMIO_QUEUE_DEVICE_LOW,
		VIRTIO_MMIO_QUEUE_DEVICE_HIGH, VIRTIO_MMIO_SHM_SEL,
		VIRTIO_MMIO_QUEUE_RESET,       VIRTIO_MMIO_CONFIG_GENERATION,
	};
	struct fixture *f = *state;

	drive(f, 0, 1);
	for (size_t i = 0; i < ARRAY_SIZE(modern); i++) {
		for (uint32_t value = 0; value < 2; value++) {
			struct anvil_virtqueue before = f->fake.dev.queue[0];

			reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, 0);
			reg_write(&f->guest, modern[i], value);
			assert_memory_equal(&before, &f->fake.dev.queue[0], sizeof(before));
			assert_int_equal(reg_read(&f->guest, modern[i]), 0);
		}
	}
}

/* Registers of version 1 do not exist in version 2, either. */
static void registers_of_version_1_do_nothing_in_version_2(void **state)
{
	static const uint32_t legacy[] = { VIRTIO_MMIO_GUEST_PAGE_SIZE, VIRTIO_MMIO_QUEUE_ALIGN,
					   VIRTIO_MMIO_QUEUE_PFN };
	struct fixture *f = *state;
	struct fake_device modern;
	struct guest guest;

	(void)f;
	guest_init(&guest);
	fake_device_init(&modern, &guest.ram.memory);
	guest_attach(&guest, &modern.dev);
	guest_drive(&guest, features(-1), 1, 8);
	for (size_t i = 0; i < ARRAY_SIZE(legacy); i++) {
		struct anvil_virtqueue before = modern.dev.queue[0];

		reg_write(&guest, legacy[i], 0);
		reg_write(&guest, legacy[i], 8);
		assert_memory_equal(&before, &modern.dev.queue[0], sizeof(before));
		assert_int_equal(reg_read(&guest, legacy[i]), 0);
	}
	assert_int_equal(guest.mmio.guest_page_size, 0);
	anvil_device_destroy(&modern.dev);
	guest_destroy(&guest);
}

static void a_device_in_use_is_not_made_legacy(void **state)
{
	struct fixture *f = *state;
	struct anvil_mmio other;

	assert_int_equal(
		anvil_mmio_init_legacy(&other, &f->fake.dev, f->guest.mmio.host, NULL, false),
		-EINVAL);
	f->fake.dev.transport = NULL;
	f->fake.dev.status = 1;
	assert_int_equal(anvil_device_make_legacy(&f->fake.dev, false), -EINVAL);
}

/* ---- features and status (2.2.3, 3.1.2) ---- */

static void features_above_bit_31_do_not_exist(void **state)
{
	struct fixture *f = *state;

	for (uint32_t sel = 1; sel < 6; sel++) {
		reg_write(&f->guest, VIRTIO_MMIO_DEVICE_FEATURES_SEL, sel);
		assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	}
	begin(f, 0);
	for (uint32_t sel = 1; sel < 4; sel++) {
		reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, sel);
		reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
	}
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE);
	for (unsigned int bit = 0; bit < ANVIL_FEATURE_BITS; bit++)
		assert_false(anvil_device_has(&f->fake.dev, bit));
}

/* 2.2.1 has no way to refuse here: what will not do falls away. */
static void features_that_were_not_offered_or_lack_another_fall_away(void **state)
{
	struct fixture *f = *state;

	begin(f, UINT32_MAX & ~(1u << FAKE_NEEDS_A | 1u << FAKE_NEEDS_B));
	assert_false(anvil_device_has(&f->fake.dev, VIRTIO_F_EVENT_IDX));
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE);
	assert_int_equal(f->fake.accepted, 1);
	for (unsigned int bit = 0; bit < ANVIL_FEATURE_BITS; bit++)
		assert_int_equal(anvil_device_has(&f->fake.dev, bit),
				 bit == VIRTIO_F_EVENT_IDX || bit == VIRTIO_F_INDIRECT_DESC ||
					 bit == VIRTIO_F_ANY_LAYOUT);
}

static void features_are_final_with_the_first_queue_or_driver_ok(void **state)
{
	struct fixture *f = *state;

	begin(f, 1u << VIRTIO_F_EVENT_IDX);
	place_well(f, 0);
	assert_int_equal(f->fake.accepted, 1);
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES, 1u << VIRTIO_F_INDIRECT_DESC);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE);
	assert_int_equal(f->fake.accepted, 1);
	assert_true(anvil_device_has(&f->fake.dev, VIRTIO_F_EVENT_IDX));
	assert_false(anvil_device_has(&f->fake.dev, VIRTIO_F_INDIRECT_DESC));
	assert_true(f->fake.dev.queue[0].event_idx);

	begin(f, 1u << VIRTIO_F_INDIRECT_DESC);
	assert_false(anvil_device_has(&f->fake.dev, VIRTIO_F_EVENT_IDX));
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE);
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES, 1u << VIRTIO_F_EVENT_IDX);
	assert_true(anvil_device_has(&f->fake.dev, VIRTIO_F_INDIRECT_DESC));
	assert_false(anvil_device_has(&f->fake.dev, VIRTIO_F_EVENT_IDX));
}

static void status_has_no_features_ok_and_keeps_its_order(void **state)
{
	struct fixture *f = *state;

	for (uint32_t from = 0; from < 3; from++) {
		static const uint32_t step[] = { 0, 1, 3 };

		for (uint32_t to = 1; to <= UINT8_MAX; to++) {
			uint32_t bits = to & ~(8u | 64u);
			bool may = bits == step[from] || bits == (step[from] | 128u) ||
				   (step[from] == 0 && (bits == 1 || bits == 3)) ||
				   (step[from] == 1 && bits == 3) || (step[from] == 3 && bits == 7);

			reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
			if (step[from])
				reg_write(&f->guest, VIRTIO_MMIO_STATUS, step[from]);
			reg_write(&f->guest, VIRTIO_MMIO_STATUS, to);
			assert_int_equal(guest_status(&f->guest), may ? bits : step[from]);
		}
	}
}

/* 3.1.2: "The transitional device MUST support the driver using the device before ... DRIVER_OK" */
static void queues_run_before_driver_ok(void **state)
{
	struct fixture *f = *state;

	begin(f, 0);
	place_well(f, 0);
	guest_notify(&f->guest, 0);
	assert_int_equal(f->fake.notified[0], 1);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE);
	guest_notify(&f->guest, 0);
	assert_int_equal(f->fake.notified[0], 2);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE | 128);
	guest_notify(&f->guest, 0);
	assert_int_equal(f->fake.notified[0], 2);
	/* but not before there is a driver */
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 1);
	place_well(f, 0);
	assert_int_equal(read_pfn(f), 0);
}

/* 2.1.2: the notification of DEVICE_NEEDS_RESET is due if DRIVER_OK is set */
static void a_broken_device_interrupts_after_driver_ok_alone(void **state)
{
	struct fixture *f = *state;

	begin(f, 0);
	anvil_device_break(&f->fake.dev, 0, -EPROTO);
	assert_int_equal(guest_status(&f->guest), 3 | 64);
	assert_false(f->guest.irq);
	drive(f, 0, 1);
	anvil_device_break(&f->fake.dev, 0, -EPROTO);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);
	guest_notify(&f->guest, 0);
	assert_int_equal(f->fake.notified[0], 0);
}

/* ---- queues ---- */

static void queue_pfn_starts_and_stops_a_queue(void **state)
{
	struct fixture *f = *state;
	uint32_t pfn = (uint32_t)(desc_at(1) / PAGE);

	drive(f, 0, 2);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, 1);
	assert_int_equal(read_pfn(f), pfn);
	assert_int_equal(f->fake.dev.queue[1].desc_area, desc_at(1));
	assert_int_equal(f->fake.dev.queue[1].driver_area, desc_at(1) + 16 * 8);
	assert_int_equal(f->fake.dev.queue[1].device_area, used_at(1));

	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_PFN, 0);
	assert_int_equal(read_pfn(f), 0);
	assert_int_equal(f->fake.stopped[1], 1);
	guest_notify(&f->guest, 1);
	assert_int_equal(f->fake.notified[1], 0);
	/* nothing of it is left: it has to be set up anew */
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_PFN, pfn);
	assert_int_equal(read_pfn(f), 0);
	place_well(f, 1);
	assert_int_equal(read_pfn(f), pfn);

	/* "The device sets QueuePFN to zero for all queues": */
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	for (uint32_t i = 0; i < 3; i++) {
		reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, i);
		assert_int_equal(read_pfn(f), 0);
	}
}

static void a_running_queue_stays_where_it_is(void **state)
{
	struct fixture *f = *state;
	struct anvil_virtqueue before;

	drive(f, 0, 1);
	before = f->fake.dev.queue[0];
	reg_write(&f->guest, VIRTIO_MMIO_GUEST_PAGE_SIZE, 2 * PAGE);
	place(f, 0, 4, 64, 7);
	assert_memory_equal(&before, &f->fake.dev.queue[0], sizeof(before));
	assert_int_equal(read_pfn(f), QUEUE_AT / PAGE);
}

static void numbers_that_fit_no_queue_leave_it_stopped(void **state)
{
	static const struct {
		uint32_t page, size, align, pfn;
	} bad[] = {
		{ 0, 8, PAGE, QUEUE_AT / PAGE },
		{ 3000, 8, PAGE, QUEUE_AT / PAGE },
		{ PAGE, 8, 0, QUEUE_AT / PAGE },
		{ PAGE, 8, 0x600, QUEUE_AT / PAGE },
		{ PAGE, 8, 2, QUEUE_AT / PAGE }, /* the used ring would not be at a multiple of 4 */
		{ PAGE, 0, PAGE, QUEUE_AT / PAGE },
		{ PAGE, 3, PAGE, QUEUE_AT / PAGE },
		{ PAGE, 16, PAGE, QUEUE_AT / PAGE }, /* above QueueSizeMax */
		{ PAGE, 0x10008, PAGE, QUEUE_AT / PAGE },
		{ PAGE, UINT32_MAX, PAGE, QUEUE_AT / PAGE },
		{ 8, 8, 4, QUEUE_AT / 8 + 1 }, /* no multiple of 16 */
		{ PAGE, 8, 0x80000000, QUEUE_AT / PAGE },
		{ PAGE, 8, PAGE, (RAM_LOW_END - PAGE) / PAGE },
		{ PAGE, 8, PAGE, RAM_LOW_END / PAGE },
		{ PAGE, 8, PAGE, UINT32_MAX },
		{ 0x80000000, 8, PAGE, UINT32_MAX },
		{ 0x80000000, 8, 0x80000000, UINT32_MAX },
		{ 1, 8, PAGE, 1 },
	};
	struct fixture *f = *state;

	drive(f, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		reg_write(&f->guest, VIRTIO_MMIO_GUEST_PAGE_SIZE, bad[i].page);
		place(f, 0, bad[i].size, bad[i].align, bad[i].pfn);
		if (read_pfn(f))
			fail_msg("row %zu is taken", i);
		guest_notify(&f->guest, 0);
		assert_int_equal(f->fake.notified[0], 0);
	}
	/* the same queue in the same place, with the numbers right */
	reg_write(&f->guest, VIRTIO_MMIO_GUEST_PAGE_SIZE, PAGE);
	place_well(f, 0);
	assert_int_equal(read_pfn(f), QUEUE_AT / PAGE);
}

/* Up to the last byte, event fields included where they count (2.7.6, 2.7.8). */
static void a_queue_may_end_where_ram_ends(void **state)
{
	struct fixture *f = *state;
	uint64_t bytes =
		2 * 16 + 12 + 4 + 2 * 8; /* of 2 entries, its used ring at a multiple of 4 */

	for (uint32_t event = 0; event < 2; event++) {
		begin(f, event << VIRTIO_F_EVENT_IDX);
		reg_write(&f->guest, VIRTIO_MMIO_GUEST_PAGE_SIZE, 16);
		place(f, 0, 2, 4, (uint32_t)((RAM_LOW_END - bytes) / 16));
		assert_int_equal(read_pfn(f) != 0, !event);
		place(f, 1, 2, 4, (uint32_t)((RAM_LOW_END - bytes) / 16) - 1);
		assert_int_not_equal(read_pfn(f), 0);
		place(f, 2, 2, 4, (uint32_t)((RAM_LOW_END - bytes) / 16) + 1);
		assert_int_equal(read_pfn(f), 0);
	}
}

static void queues_that_do_not_exist_take_nothing(void **state)
{
	struct fixture *f = *state;

	begin(f, 0);
	for (uint32_t sel = 3; sel < 70; sel++) {
		place(f, sel, 8, PAGE, QUEUE_AT / PAGE);
		assert_int_equal(read_pfn(f), 0);
		assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_QUEUE_SIZE_MAX), 0);
	}
	/* queue 2 has no purpose without a feature of above bit 31 */
	place(f, 2, 8, PAGE, QUEUE_AT / PAGE);
	assert_int_equal(read_pfn(f), 0);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, UINT32_MAX);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_PFN, 0);
}

/* Stock drivers write it once, before they reset the device for the first time. */
static void the_page_size_outlives_a_reset(void **state)
{
	struct fixture *f = *state;

	reg_write(&f->guest, VIRTIO_MMIO_GUEST_PAGE_SIZE, PAGE);
	for (unsigned int i = 0; i < 2; i++) {
		reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
		reg_write(&f->guest, VIRTIO_MMIO_STATUS, 3);
		place_well(f, 0);
		assert_int_not_equal(read_pfn(f), 0);
	}
}

/* 3.1.2: "MUST support the driver writing device configuration fields before ..." features */
static void configuration_space_can_be_written_at_any_time(void **state)
{
	struct fixture *f = *state;

	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 1, 2, 0x1234);
	assert_int_equal(f->fake.config_writes, 1);
	drive(f, 0, 1);
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 1, 2, 0x1234);
	assert_int_equal(f->fake.config_writes, 2);
	assert_int_equal(f->fake.config_offset, 1);
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 11, 2, 0x1234);
	assert_int_equal(f->fake.config_writes, 2);
}

/* ---- the block device ---- */

static uint64_t config(struct fixture *f, uint32_t offset, size_t bytes)
{
	uint8_t raw[8];

	for (uint32_t i = 0; i < bytes; i++)
		raw[i] = (uint8_t)anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + offset + i,
						  1);
	return order_bytes(f, raw, bytes);
}

/* 5.2.4.1: in the native endian of the guest */
static void blk_configuration_is_in_the_guests_byte_order(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(config(f, 0, 8), TEST_DISK_SECTORS);
	assert_int_equal(config(f, 8, 4), 0x1234);
	assert_int_equal(config(f, 12, 4), 126);
	assert_int_equal(config(f, 16, 2), 0x0102);
	assert_int_equal(config(f, 20, 4), 512);
	assert_int_equal(config(f, 26, 2), 0x0506);
	assert_int_equal(config(f, 28, 4), 0x0708090a);
	assert_int_equal(config(f, 36, 4), 0x0b0c);
	assert_int_equal(config(f, 52, 4), 4);

	drive(f, 0, 1);
	f->disk.disk.capacity = 32;
	anvil_blk_resized(&f->blk);
	assert_int_equal(config(f, 0, 8), 32);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);
}

/* The status of a request: a header as 5.2.6.3 says, then `out` and `in` bytes of data. */
static uint8_t request(struct fixture *f, uint32_t type, uint64_t sector, uint32_t out, uint32_t in)
{
	struct buffer b[4] = { { DATA_AT, 16, 0 } };
	unsigned int count = 1;

	put(f, DATA_AT, type, 4);
	put(f, DATA_AT + 4, 0x77, 4); /* ioprio, not looked at */
	put(f, DATA_AT + 8, sector, 8);
	if (out)
		b[count++] = (struct buffer){ DATA_AT + 16, out, 0 };
	if (in)
		b[count++] = (struct buffer){ IN_AT, in, WRITABLE };
	b[count++] = (struct buffer){ IN_AT + in, 1, WRITABLE };
	ram_fill(&f->guest.ram, IN_AT + in, 0xee, 1);
	submit(f, 0, b, count);
	return ram_get8(&f->guest.ram, IN_AT + in);
}

static void blk_requests_are_in_the_guests_byte_order(void **state)
{
	struct fixture *f = *state;
	uint8_t sector[512];

	drive(f, 1u << VIRTIO_BLK_F_FLUSH, 1);
	ram_fill(&f->guest.ram, DATA_AT + 16, 0x5a, 512);
	assert_int_equal(request(f, VIRTIO_BLK_T_OUT, 3, 512, 0), VIRTIO_BLK_S_OK);
	expect_used(f, 0, 1);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_USED);
	assert_int_equal(f->disk.data[3 * 512], 0x5a);
	assert_int_equal(request(f, VIRTIO_BLK_T_IN, 3, 0, 512), VIRTIO_BLK_S_OK);
	expect_used(f, 0, 513);
	ram_get(&f->guest.ram, IN_AT, sector, sizeof(sector));
	assert_memory_equal(sector, f->disk.data + 3 * 512, sizeof(sector));
	assert_int_equal(request(f, VIRTIO_BLK_T_IN, TEST_DISK_SECTORS, 0, 512),
			 VIRTIO_BLK_S_IOERR);
}

/* The ranges behind the header are le64 and le32 in any case: they are not in struct virtio_blk_req
 * itself (5.2.6.3), and drivers keep them so. */
static void blk_ranges_stay_little_endian(void **state)
{
	struct fixture *f = *state;
	struct virtio_blk_range range = { .sector = htole64(5), .num_sectors = htole32(2) };

	drive(f, 1u << VIRTIO_BLK_F_DISCARD, 1);
	ram_put(&f->guest.ram, DATA_AT + 16, &range, sizeof(range));
	assert_int_equal(request(f, VIRTIO_BLK_T_DISCARD, 0, sizeof(range), 0), VIRTIO_BLK_S_OK);
	assert_int_equal(f->disk.log[0].op, ANVIL_DISK_DISCARD);
	assert_int_equal(f->disk.log[0].sector, 5);
	assert_int_equal(f->disk.log[0].sectors, 2);
}

/* 5.2.6.3: FLUSH_OUT is FLUSH; barriers and SCSI commands were not offered */
static void blk_types_of_old(void **state)
{
	struct fixture *f = *state;

	drive(f, 1u << VIRTIO_BLK_F_FLUSH | 1u | 1u << 7, 1);
	assert_int_equal(request(f, VIRTIO_BLK_T_FLUSH_OUT, 0, 0, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(f->disk.logs, 1);
	assert_int_equal(f->disk.log[0].op, ANVIL_DISK_FLUSH);
	assert_int_equal(request(f, 2, 0, 0, 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(f, 3, 0, 0, 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(f, 0x80000000, 0, 0, 512), VIRTIO_BLK_S_UNSUPP);
	drive(f, 0, 1);
	assert_int_equal(request(f, VIRTIO_BLK_T_FLUSH_OUT, 0, 0, 0), VIRTIO_BLK_S_UNSUPP);
}

static uint8_t mode(struct fixture *f)
{
	return (uint8_t)anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 32, 1);
}

static void set_mode(struct fixture *f, uint8_t value)
{
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 32, 1, value);
}

/* Whether a write is followed by a flush. */
static bool stable(struct fixture *f)
{
	f->disk.logs = 0;
	assert_int_equal(request(f, VIRTIO_BLK_T_OUT, 1, 512, 0), VIRTIO_BLK_S_OK);
	return f->disk.logs == 2 && f->disk.log[1].op == ANVIL_DISK_FLUSH;
}

#define WCE   (1u << VIRTIO_BLK_F_CONFIG_WCE)
#define FLUSH (1u << VIRTIO_BLK_F_FLUSH)

/* 5.2.5.3 */
static void blk_cache_mode_is_the_drivers(void **state)
{
	struct fixture *f = *state;

	/* "the driver MAY read or write writeback before setting the DRIVER ... bit" */
	assert_int_equal(mode(f), 1);
	set_mode(f, 0);
	assert_int_equal(mode(f), 0);
	set_mode(f, 2);
	assert_int_equal(mode(f), 0);
	/* neither features nor status bits change it, but for DRIVER_OK without CONFIG_WCE */
	reg_write(&f->guest, VIRTIO_MMIO_GUEST_PAGE_SIZE, PAGE);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 3);
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES, WCE | FLUSH);
	place_well(f, 0);
	assert_int_equal(mode(f), 0);
	assert_true(stable(f));
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE);
	assert_int_equal(mode(f), 0);
	assert_true(stable(f));
	set_mode(f, 1);
	assert_false(stable(f));
	/* "for example if the driver sets ... CONFIG_WCE but does not set ... FLUSH" */
	drive(f, WCE, 1);
	assert_int_equal(mode(f), 1);
	assert_true(stable(f));
	/* drivers that cannot write it */
	drive(f, FLUSH, 1);
	assert_int_equal(mode(f), 1);
	assert_false(stable(f));
	set_mode(f, 0);
	assert_int_equal(mode(f), 1);
	begin(f, 0);
	place_well(f, 0);
	assert_int_equal(mode(f), 1);
	assert_true(stable(f));
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, LIVE);
	assert_int_equal(mode(f), 0);
	assert_true(stable(f));
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(mode(f), 1);
}

static void blk_reset_with_a_request_at_the_disk(void **state)
{
	struct fixture *f = *state;
	uint64_t sum;

	f->disk.defer = true;
	drive(f, 0, 1);
	request(f, VIRTIO_BLK_T_IN, 0, 0, 512);
	assert_int_equal(f->disk.pendings, 1);
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_PFN, 0);
	sum = ram_sum(&f->guest.ram);
	test_disk_finish(&f->disk, 0, 0);
	assert_true(sum == ram_sum(&f->guest.ram));
	assert_true(anvil_blk_idle(&f->blk));
}

/* ---- the network device ---- */

#define MRG (1u << VIRTIO_NET_F_MRG_RXBUF)

/* 5.1.4.3: status and limits in the native endian of the guest */
static void net_configuration_is_in_the_guests_byte_order(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(config(f, 6, 2), VIRTIO_NET_S_LINK_UP);
	assert_int_equal(config(f, 10, 2), 1500);
	drive(f, 1u << VIRTIO_NET_F_STATUS, 2);
	anvil_net_set_link(&f->net, false);
	assert_int_equal(config(f, 6, 2), 0);
	assert_int_equal(guest_take_interrupts(&f->guest), VIRTIO_INTERRUPT_CONFIG);
	anvil_net_set_link(&f->net, true);
	assert_int_equal(config(f, 6, 2), VIRTIO_NET_S_LINK_UP);
}

/* A frame of 60 bytes behind a header with this much of a checksum to do. */
static void send(struct fixture *f, uint32_t header, uint16_t csum_start, uint16_t csum_offset)
{
	struct buffer b[] = { { DATA_AT, header, 0 }, { DATA_AT + header, 60, 0 } };

	ram_fill(&f->guest.ram, DATA_AT, 0, header);
	ram_fill(&f->guest.ram, DATA_AT + header, 0x42, 60);
	if (csum_start) {
		put(f, DATA_AT, VIRTIO_NET_HDR_F_NEEDS_CSUM, 1);
		put(f, DATA_AT + 6, csum_start, 2);
		put(f, DATA_AT + 8, csum_offset, 2);
	}
	submit(f, ANVIL_NET_TX, b, 2);
}

/* 5.1.9.1: "without that feature the structure was 2 bytes shorter" */
static void net_sends_behind_a_header_of_the_right_length(void **state)
{
	struct fixture *f = *state;

	for (unsigned int mrg = 0; mrg < 2; mrg++) {
		drive(f, 1u << VIRTIO_NET_F_CSUM | (mrg ? MRG : 0), 2);
		send(f, mrg ? 12 : 10, 34, 16);
		expect_used(f, ANVIL_NET_TX, 0);
		assert_int_equal(f->nic.sends, mrg + 1);
		assert_int_equal(f->nic.len, 60);
		assert_int_equal(f->nic.frame[0], 0x42);
		assert_int_equal(f->nic.frame[59], 0x42);
		assert_true(f->nic.offload.needs_csum);
		assert_int_equal(f->nic.offload.csum_start, 34);
		assert_int_equal(f->nic.offload.csum_offset, 16);
	}
}

/* One buffer for a frame, cut after the header (2.7.4.3: as drivers without ANY_LAYOUT do). */
static void offer_buffer(struct fixture *f, uint32_t header, uint32_t len)
{
	struct buffer b[] = { { IN_AT, header, WRITABLE }, { IN_AT + header, len, WRITABLE } };

	ram_fill(&f->guest.ram, IN_AT, 0xee, header + len);
	submit(f, ANVIL_NET_RX, b, len ? 2 : 1);
}

static int arrive(struct fixture *f, uint8_t first, bool needs_csum)
{
	uint8_t bytes[60] = { first, 0x11, 0x22, 0x33, 0x44, 0x55 };
	struct anvil_nic_frame frame = { .data = bytes, .len = sizeof(bytes) };

	frame.offload.needs_csum = needs_csum;
	frame.offload.csum_start = needs_csum ? 34 : 0;
	frame.offload.csum_offset = needs_csum ? 16 : 0;
	return f->nic.nic.receive(&f->nic.nic, &frame);
}

static void net_receives_behind_a_header_of_the_right_length(void **state)
{
	struct fixture *f = *state;

	for (unsigned int mrg = 0; mrg < 2; mrg++) {
		uint32_t header = mrg ? 12 : 10;

		drive(f, 1u << VIRTIO_NET_F_GUEST_CSUM | (mrg ? MRG : 0), 2);
		offer_buffer(f, header, 100);
		assert_int_equal(arrive(f, 2, true), 0);
		expect_used(f, ANVIL_NET_RX, header + 60);
		assert_int_equal(get(f, IN_AT, 1), VIRTIO_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(get(f, IN_AT + 6, 2), 34);
		assert_int_equal(get(f, IN_AT + 8, 2), 16);
		if (mrg)
			assert_int_equal(get(f, IN_AT + 10, 2), 1);
		assert_int_equal(ram_get8(&f->guest.ram, IN_AT + header), 2);
		assert_int_equal(ram_get8(&f->guest.ram, IN_AT + header + 5), 0x55);
		assert_int_equal(ram_get8(&f->guest.ram, IN_AT + header + 60), 0xee);
	}
}

static void net_receives_into_exactly_enough_room(void **state)
{
	struct fixture *f = *state;

	drive(f, 0, 2);
	offer_buffer(f, 10, 60);
	assert_int_equal(arrive(f, 2, false), 0);
	expect_used(f, ANVIL_NET_RX, 70);
	/* one byte less than a header: given back unused */
	offer_buffer(f, 9, 0);
	assert_int_equal(arrive(f, 2, false), -EAGAIN);
	expect_used(f, ANVIL_NET_RX, 0);
}

/* 5.1.4.3: "mac is driver-writable", byte by byte, also before any feature */
static void net_address_is_written_to_configuration_space(void **state)
{
	struct fixture *f = *state;

	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG, 1, 0x0a);
	drive(f, 1u << VIRTIO_NET_F_CTRL_VQ | 1u << VIRTIO_NET_F_CTRL_RX, 3);
	assert_int_equal(config(f, 0, 1), 2); /* the reset took it back */
	offer_buffer(f, 10, 100);
	assert_int_equal(arrive(f, 0x0a, false), 0);
	assert_int_equal(get(f, used_at(ANVIL_NET_RX) + 2, 2), 0);
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG, 1, 0x0a);
	assert_int_equal(config(f, 0, 1), 0x0a);
	assert_int_equal(arrive(f, 0x0a, false), 0);
	expect_used(f, ANVIL_NET_RX, 70);
	/* nothing else is writable */
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 5, 2, 0xffff);
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 6, 2, 0xffff);
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + 10, 2, 0xffff);
	assert_int_equal(config(f, 5, 1), 0x55);
	assert_int_equal(config(f, 6, 2), VIRTIO_NET_S_LINK_UP);
	assert_int_equal(config(f, 10, 2), 1500);
}

/* ... and so no feature is needed for it to come back */
static void net_address_is_saved(void **state)
{
	struct fixture *f = *state;
	uint8_t image[4096];
	size_t len;

	drive(f, 0, 2);
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG, 1, 0x0a);
	assert_int_equal(anvil_mmio_save(&f->guest.mmio, image, sizeof(image), &len), 0);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(config(f, 0, 1), 2);
	assert_int_equal(anvil_mmio_restore(&f->guest.mmio, image, len), 0);
	assert_int_equal(config(f, 0, 1), 0x0a);
}

static uint8_t command(struct fixture *f, uint8_t class, uint8_t number, uint32_t len)
{
	struct buffer b[] = { { DATA_AT, 2, 0 }, { DATA_AT + 2, len, 0 }, { IN_AT, 1, WRITABLE } };

	put(f, DATA_AT, class, 1);
	put(f, DATA_AT + 1, number, 1);
	submit(f, ANVIL_NET_CTRL, b, 3);
	return ram_get8(&f->guest.ram, IN_AT);
}

/* 5.1.9.5.2, 5.1.9.5.3: `entries` and the VLAN id in the native endian of the guest */
static void net_commands_are_in_the_guests_byte_order(void **state)
{
	struct fixture *f = *state;

	drive(f,
	      1u << VIRTIO_NET_F_CTRL_VQ | 1u << VIRTIO_NET_F_CTRL_RX |
		      1u << VIRTIO_NET_F_CTRL_VLAN,
	      3);
	put(f, DATA_AT + 2, 1, 4);
	ram_put(&f->guest.ram, DATA_AT + 6, "\x0a\x11\x22\x33\x44\x55", 6);
	put(f, DATA_AT + 12, 0, 4);
	assert_int_equal(command(f, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 14),
			 VIRTIO_NET_OK);
	offer_buffer(f, 10, 100);
	assert_int_equal(arrive(f, 0x0a, false), 0);
	expect_used(f, ANVIL_NET_RX, 70);
	put(f, DATA_AT + 2, 0x123, 2);
	assert_int_equal(command(f, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 2),
			 VIRTIO_NET_OK);
	assert_true(f->net.filter->vlan[0x123 / 64] == 1ull << (0x123 % 64));
}

/* 5.1.3.1 without a way to refuse: TSO falls away with CSUM, and such frames are dropped */
static void net_offloads_fall_away_together(void **state)
{
	struct fixture *f = *state;

	drive(f, 1u << VIRTIO_NET_F_HOST_TSO4, 2);
	assert_false(anvil_device_has(&f->net.dev, VIRTIO_NET_F_HOST_TSO4));
	send(f, 10, 34, 16);
	expect_used(f, ANVIL_NET_TX, 0);
	assert_int_equal(f->nic.sends, 0);
	/* nor is there a control queue */
	reg_write(&f->guest, VIRTIO_MMIO_QUEUE_SEL, ANVIL_NET_CTRL);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_QUEUE_SIZE_MAX), 0);
}

#define FAKE(name)     cmocka_unit_test_setup_teardown(name, setup_fake, teardown_fake)
#define BLK(name, end) cmocka_unit_test_setup_teardown(name, setup_blk_##end, teardown_blk)
#define NET(name, end) cmocka_unit_test_setup_teardown(name, setup_net_##end, teardown_net)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout_is_that_of_the_formula_and_never_overflows),
		cmocka_unit_test(layout_refuses_what_is_no_power_of_2_and_sizes_out_of_range),
		FAKE(every_offset_reads_as_the_table_says_at_every_width),
		FAKE(registers_of_version_2_do_nothing),
		FAKE(registers_of_version_1_do_nothing_in_version_2),
		FAKE(a_device_in_use_is_not_made_legacy),
		FAKE(features_above_bit_31_do_not_exist),
		FAKE(features_that_were_not_offered_or_lack_another_fall_away),
		FAKE(features_are_final_with_the_first_queue_or_driver_ok),
		FAKE(status_has_no_features_ok_and_keeps_its_order),
		FAKE(queues_run_before_driver_ok),
		FAKE(a_broken_device_interrupts_after_driver_ok_alone),
		FAKE(queue_pfn_starts_and_stops_a_queue),
		FAKE(a_running_queue_stays_where_it_is),
		FAKE(numbers_that_fit_no_queue_leave_it_stopped),
		FAKE(a_queue_may_end_where_ram_ends),
		FAKE(queues_that_do_not_exist_take_nothing),
		FAKE(the_page_size_outlives_a_reset),
		FAKE(configuration_space_can_be_written_at_any_time),
		BLK(blk_configuration_is_in_the_guests_byte_order, little),
		BLK(blk_configuration_is_in_the_guests_byte_order, big),
		BLK(blk_requests_are_in_the_guests_byte_order, little),
		BLK(blk_requests_are_in_the_guests_byte_order, big),
		BLK(blk_ranges_stay_little_endian, little),
		BLK(blk_ranges_stay_little_endian, big),
		BLK(blk_types_of_old, little),
		BLK(blk_types_of_old, big),
		BLK(blk_cache_mode_is_the_drivers, little),
		BLK(blk_reset_with_a_request_at_the_disk, big),
		NET(net_configuration_is_in_the_guests_byte_order, little),
		NET(net_configuration_is_in_the_guests_byte_order, big),
		NET(net_sends_behind_a_header_of_the_right_length, little),
		NET(net_sends_behind_a_header_of_the_right_length, big),
		NET(net_receives_behind_a_header_of_the_right_length, little),
		NET(net_receives_behind_a_header_of_the_right_length, big),
		NET(net_receives_into_exactly_enough_room, little),
		NET(net_address_is_written_to_configuration_space, big),
		NET(net_address_is_saved, big),
		NET(net_commands_are_in_the_guests_byte_order, little),
		NET(net_commands_are_in_the_guests_byte_order, big),
		NET(net_offloads_fall_away_together, little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
