/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The devices under test and a driver's requests.
 */
#include "bench.h"

#include <endian.h>

#include "array_size.h"

static const uint8_t mac[ANVIL_NIC_MAC_BYTES] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 };
const uint8_t net_broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* ---- devices ---- */

static struct anvil_blk_options blk_options(struct bench *b)
{
	return (struct anvil_blk_options){
		.memory = &b->guest.ram.memory,
		.disk = &b->disk.disk,
		.features = features(
			VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_GEOMETRY,
			VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_TOPOLOGY,
			VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES,
			VIRTIO_F_INDIRECT_DESC, VIRTIO_F_EVENT_IDX, VIRTIO_F_RING_RESET, -1),
		.queue_size_max = BENCH_QUEUE,
		.slots = 8,
		.transfer_max = 16u * ANVIL_DISK_SECTOR_BYTES,
		.size_max = 0x1000,
		.seg_max = 2,
		.blk_size = 512,
		.cylinders = 0x1122,
		.heads = 0x33,
		.sectors = 0x44,
		.physical_block_exp = 3,
		.alignment_offset = 1,
		.min_io_size = 0x55,
		.opt_io_size = 0x66,
		.range_sectors_max = TEST_DISK_SECTORS,
		.range_segments_max = 4,
	};
}

static struct anvil_net_options net_options(struct bench *b)
{
	struct anvil_net_options options = {
		.memory = &b->guest.ram.memory,
		.nic = &b->nic.nic,
		.features = features(
			VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_MTU,
			VIRTIO_NET_F_MAC, VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6,
			VIRTIO_NET_F_GUEST_ECN, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6,
			VIRTIO_NET_F_HOST_ECN, VIRTIO_NET_F_MRG_RXBUF, VIRTIO_NET_F_STATUS,
			VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_VLAN,
			VIRTIO_NET_F_CTRL_RX_EXTRA, VIRTIO_NET_F_CTRL_MAC_ADDR,
			VIRTIO_F_INDIRECT_DESC, VIRTIO_F_EVENT_IDX, VIRTIO_F_RING_RESET, -1),
		.queue_size_max = BENCH_QUEUE,
		.mtu = BENCH_MTU,
		.link_up = true,
	};

	memcpy(options.mac, mac, sizeof(mac));
	return options;
}

static void create(struct bench *b)
{
	if (b->is_blk)
		assert_int_equal(anvil_blk_init(&b->blk, &b->blk_options), 0);
	else
		assert_int_equal(anvil_net_init(&b->net, &b->net_options), 0);
	b->guest.irq = false; /* with the device before it went its interrupt */
	b->dev = b->is_blk ? &b->blk.dev : &b->net.dev;
	b->queue = b->is_blk ? 0 : ANVIL_NET_TX;
	guest_attach(&b->guest, b->dev);
}

static void destroy(struct bench *b)
{
	if (b->is_blk)
		anvil_blk_destroy(&b->blk);
	else
		anvil_net_destroy(&b->net);
}

static int setup(void **state, bool is_blk)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->is_blk = is_blk;
	guest_init(&b->guest);
	test_disk_init(&b->disk);
	test_nic_init(&b->nic);
	b->blk_options = blk_options(b);
	b->net_options = net_options(b);
	create(b);
	*state = b;
	return 0;
}

int bench_setup_blk(void **state)
{
	return setup(state, true);
}

int bench_setup_net(void **state)
{
	return setup(state, false);
}

int bench_teardown(void **state)
{
	struct bench *b = *state;

	if (b->is_blk)
		assert_true(anvil_blk_idle(&b->blk));
	destroy(b);
	test_disk_destroy(&b->disk);
	test_nic_destroy(&b->nic);
	guest_destroy(&b->guest);
	free(b);
	return 0;
}

void bench_recreate(struct bench *b)
{
	destroy(b);
	create(b);
}

void bench_offer_feature(struct bench *b, unsigned int bit)
{
	struct anvil_features *set =
		b->is_blk ? &b->blk_options.features : &b->net_options.features;

	anvil_features_add(set, bit);
	destroy(b);
	create(b);
}

/* ---- a driver's way in ---- */

struct anvil_features bench_features(const struct bench *b)
{
	return b->is_blk ? b->blk_options.features : b->net_options.features;
}

unsigned int bench_queues(const struct bench *b, struct anvil_features set)
{
	if (b->is_blk)
		return 1;
	return anvil_features_has(&set, VIRTIO_NET_F_CTRL_VQ) ? 3 : 2;
}

struct ring *bench_ring(struct bench *b)
{
	return &b->guest.ring[b->queue];
}

void bench_drive(struct bench *b, struct anvil_features set)
{
	guest_drive(&b->guest, set, bench_queues(b, set), BENCH_QUEUE);
	guest_take_interrupts(&b->guest);
}

void bench_prepare(struct bench *b, struct anvil_features set)
{
	reg_write(&b->guest, VIRTIO_MMIO_STATUS, 0);
	assert_true(guest_negotiate(&b->guest, set));
	for (unsigned int i = 0; i < bench_queues(b, set); i++) {
		ring_init(&b->guest.ring[i], &b->guest.ram, RAM_HIGH + 0x1000ull * i, BENCH_QUEUE);
		assert_true(guest_start_queue(&b->guest, i));
	}
}

/* ---- what the device does to guest memory ---- */

static void log_access(struct bench *b, bool store, uint64_t gpa, const void *bytes, size_t len)
{
	struct bench_access *a = &b->log[b->accesses];

	assert_true(b->accesses < BENCH_LOG);
	*a = (struct bench_access){ .store = store, .gpa = gpa, .len = len };
	if (len <= sizeof(a->value)) {
		memcpy(&a->value, bytes, len);
		a->value = le64toh(a->value);
	}
	b->accesses++;
}

static void fetching(void *opaque, uint64_t gpa, size_t len)
{
	(void)opaque;
	(void)gpa;
	(void)len;
}

static void fetched(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	log_access(opaque, false, gpa, bytes, len);
}

static void stored(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	log_access(opaque, true, gpa, bytes, len);
}

void bench_watch(struct bench *b)
{
	b->tap = (struct anvil_guest_memory_tap){ fetching, fetched, stored, b };
	b->guest.ram.memory.tap = &b->tap;
	b->accesses = 0;
}

static bool touched(const struct bench *b, bool store, uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < b->accesses; i++) {
		const struct bench_access *a = &b->log[i];

		if (a->store == store && a->gpa < gpa + len && gpa < a->gpa + a->len)
			return true;
	}
	return false;
}

bool bench_stored(const struct bench *b, uint64_t gpa, uint64_t len)
{
	return touched(b, true, gpa, len);
}

bool bench_fetched(const struct bench *b, uint64_t gpa, uint64_t len)
{
	return touched(b, false, gpa, len);
}

/* ---- any device's request ---- */

uint16_t bench_offer(struct bench *b)
{
	static const struct virtio_net_header plain;
	struct buffer buffer = { NET_TX_AT, NET_HEADER + 60, 0 };

	if (b->is_blk)
		return blk_offer(b, VIRTIO_BLK_T_IN, 1, NULL, 0, ANVIL_DISK_SECTOR_BYTES);
	ram_put(&b->guest.ram, NET_TX_AT, &plain, NET_HEADER);
	ram_put(&b->guest.ram, NET_TX_AT + NET_HEADER, net_frame(net_broadcast, 60), 60);
	return ring_chain(bench_ring(b), &buffer, 1);
}

uint32_t bench_used_len(const struct bench *b)
{
	return b->is_blk ? ANVIL_DISK_SECTOR_BYTES + 1 : 0;
}

void bench_request(struct bench *b)
{
	uint16_t head = bench_offer(b);

	guest_notify(&b->guest, b->queue);
	ring_expect(bench_ring(b), head, bench_used_len(b));
	ring_expect_none(bench_ring(b));
}

unsigned int bench_host_requests(const struct bench *b)
{
	return b->is_blk ? b->disk.logs : b->nic.sends;
}

void bench_poke(struct bench *b)
{
	static const struct anvil_nic_offload none;

	for (uint32_t queue = 0; queue < 4; queue++)
		guest_notify(&b->guest, queue);
	anvil_mmio_poll(&b->guest.mmio);
	if (!b->is_blk)
		net_receive(b, net_frame(net_broadcast, 60), 60, none);
}

/* ---- block requests ---- */

uint16_t blk_offer(struct bench *b, uint32_t type, uint64_t sector, const void *out,
		   uint32_t out_len, uint32_t in_len)
{
	struct virtio_blk_header header = { htole32(type), 0, htole64(sector) };
	struct buffer buffer[2] = { { BLK_OUT, (uint32_t)sizeof(header) + out_len, 0 },
				    { BLK_IN, in_len + 1, WRITABLE } };

	ram_put(&b->guest.ram, BLK_OUT, &header, sizeof(header));
	if (out_len)
		ram_put(&b->guest.ram, BLK_OUT + sizeof(header), out, out_len);
	ram_fill(&b->guest.ram, BLK_IN, BLK_NO_STATUS, in_len + 1);
	b->disk.logs = 0;
	return ring_chain(&b->guest.ring[0], buffer, 2);
}

uint8_t blk_request(struct bench *b, uint32_t type, uint64_t sector, const void *out,
		    uint32_t out_len, uint32_t in_len)
{
	uint16_t head = blk_offer(b, type, sector, out, out_len, in_len);
	uint8_t status;

	guest_notify(&b->guest, 0);
	status = ram_get8(&b->guest.ram, BLK_IN + in_len);
	ring_expect(&b->guest.ring[0], head,
		    status == VIRTIO_BLK_S_OK || in_len == 0 ? in_len + 1 : 0);
	ring_expect_none(&b->guest.ring[0]);
	return status;
}

/* ---- network requests ---- */

const uint8_t *net_frame(const uint8_t *to, uint32_t len)
{
	static uint8_t frame[ANVIL_NIC_FRAME_BYTES_MAX + 16];

	assert_true(len >= ANVIL_NIC_FRAME_BYTES_MIN && len <= sizeof(frame));
	for (uint32_t i = 0; i < len; i++)
		frame[i] = (uint8_t)(i * 13 + i / 256 + 1);
	memcpy(frame, to, 6);
	frame[12] = 0x88; /* local experimental */
	frame[13] = 0xb5;
	return frame;
}

bool net_send(struct bench *b, const struct virtio_net_header *header, const uint8_t *frame,
	      uint32_t len)
{
	struct buffer buffer = { NET_TX_AT, NET_HEADER + len, 0 };
	struct ring *ring = &b->guest.ring[ANVIL_NET_TX];
	unsigned int sends = b->nic.sends;
	uint16_t head;

	ram_put(&b->guest.ram, NET_TX_AT, header, NET_HEADER);
	ram_put(&b->guest.ram, NET_TX_AT + NET_HEADER, frame, len);
	head = ring_chain(ring, &buffer, 1);
	guest_notify(&b->guest, ANVIL_NET_TX);
	ring_expect(ring, head, 0);
	ring_expect_none(ring);
	if (b->nic.sends == sends)
		return false;
	assert_int_equal(b->nic.sends, sends + 1);
	assert_int_equal(b->nic.len, len);
	return true;
}

uint16_t net_offer(struct bench *b, uint64_t gpa, uint32_t len)
{
	struct buffer buffer = { gpa, len, WRITABLE };

	ram_fill(&b->guest.ram, gpa, 0xee, len);
	return ring_chain(&b->guest.ring[ANVIL_NET_RX], &buffer, 1);
}

int net_receive(struct bench *b, const uint8_t *frame, uint32_t len,
		struct anvil_nic_offload offload)
{
	struct anvil_nic_frame from_host = { frame, len, offload };

	return b->nic.nic.receive(&b->nic.nic, &from_host);
}

bool net_arrives(struct bench *b, const uint8_t *frame, uint32_t len,
		 struct anvil_nic_offload offload, struct virtio_net_header *header, uint8_t *got)
{
	struct ring *ring = &b->guest.ring[ANVIL_NET_RX];

	if (ring->avail_idx == ring->used_idx)
		net_offer(b, NET_RX_AT, 0x10000);
	assert_int_equal(net_receive(b, frame, len, offload), 0);
	if (ring_published(ring) == ring->used_idx)
		return false;
	ring->used_idx++;
	ring_expect_none(ring);
	if (header)
		ram_get(&b->guest.ram, NET_RX_AT, header, NET_HEADER);
	if (got)
		ram_get(&b->guest.ram, NET_RX_AT + NET_HEADER, got, len);
	return true;
}

bool net_passes(struct bench *b, const uint8_t *to)
{
	static const struct anvil_nic_offload none;

	return net_arrives(b, net_frame(to, 60), 60, none, NULL, NULL);
}

uint8_t net_command(struct bench *b, uint8_t class, uint8_t number, const void *data, uint32_t len)
{
	struct buffer buffer[] = { { NET_CTRL_AT, 2 + len, 0 },
				   { NET_CTRL_AT + 0x4000, 1, WRITABLE } };
	struct ring *ring = &b->guest.ring[ANVIL_NET_CTRL];
	uint16_t head;

	ram_put(&b->guest.ram, NET_CTRL_AT, &class, 1);
	ram_put(&b->guest.ram, NET_CTRL_AT + 1, &number, 1);
	ram_put(&b->guest.ram, NET_CTRL_AT + 2, data, len);
	ram_fill(&b->guest.ram, NET_CTRL_AT + 0x4000, 0xee, 1);
	head = ring_chain(ring, buffer, ARRAY_SIZE(buffer));
	guest_notify(&b->guest, ANVIL_NET_CTRL);
	ring_expect(ring, head, 1);
	ring_expect_none(ring);
	return ram_get8(&b->guest.ram, NET_CTRL_AT + 0x4000);
}
