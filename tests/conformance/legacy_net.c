/* SPDX-License-Identifier: BSD-3-Clause */
/* The legacy interface of network devices (5.1.9.1, 5.1.9.5). */
#include "legacy_bench.h"

#define CTRL_AT (RAM_LOW + 0x4000)

static void net_headers_are_in_the_byte_order_of_the_guest(void **state)
{
	static const struct anvil_nic_offload needs_csum = { .needs_csum = true,
							     .csum_start = 0x22,
							     .csum_offset = 0x10 };
	struct bench *b = *state;

	for (unsigned int big = 0; big < 2; big++) {
		struct virtio_net_header header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM };
		struct anvil_features set =
			features(VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM, -1);
		struct buffer tx = { OUT_AT, 10 + 100, 0 };
		struct buffer rx = { IN_AT, 2000, WRITABLE };
		struct driver d;
		uint32_t len;

		for (unsigned int merge = 0; merge < 2; merge++) {
			uint32_t header_len = merge ? 12 : 10;

			if (merge)
				anvil_features_add(&set, VIRTIO_NET_F_MRG_RXBUF);
			make_legacy(&d, b, big);
			start(&d, set);
			header.csum_start = u16(&d, 0x22);
			header.csum_offset = u16(&d, 0x10);
			tx.len = header_len + 100;
			ram_put(&b->guest.ram, OUT_AT, &header, header_len);
			ram_put(&b->guest.ram, OUT_AT + header_len, net_frame(net_broadcast, 100),
				100);
			perform(&d, ANVIL_NET_TX, &tx, 1, 0);
			assert_int_equal(b->nic.len, 100);
			assert_true(b->nic.offload.needs_csum);
			assert_int_equal(b->nic.offload.csum_start, 0x22);
			assert_int_equal(b->nic.offload.csum_offset, 0x10);

			struct virtio_net_header got;
			uint16_t head = offer(&d, ANVIL_NET_RX, &rx, 1);

			net_receive(b, net_frame(net_broadcast, 100), 100, needs_csum);
			assert_true(used(&d, ANVIL_NET_RX, head, &len));
			assert_int_equal(len, header_len + 100);
			ram_get(&b->guest.ram, IN_AT, &got, sizeof(got));
			assert_int_equal(u16(&d, got.csum_start), 0x22);
			assert_int_equal(u16(&d, got.csum_offset), 0x10);
			if (merge)
				assert_int_equal(u16(&d, got.num_buffers), 1);
			else /* the frame is there already */
				assert_int_equal(ram_get8(&b->guest.ram, IN_AT + 10), 0xff);
		}
	}
}

static uint8_t command(struct driver *d, uint8_t class, uint8_t number, const void *data,
		       uint32_t len)
{
	uint8_t out[2 + 64] = { class, number };
	struct buffer buffer[] = { { CTRL_AT, 2 + len, 0 }, { CTRL_AT + 0x100, 1, WRITABLE } };

	memcpy(out + 2, data, len);
	ram_put(&d->b->guest.ram, CTRL_AT, out, 2 + len);
	perform(d, ANVIL_NET_CTRL, buffer, 2, 1);
	return ram_get8(&d->b->guest.ram, CTRL_AT + 0x100);
}

/* Whether a frame gets through, with a tag if `tag` is not 0. */
static bool passes(struct driver *d, const uint8_t *to, uint16_t tag)
{
	static const struct anvil_nic_offload none;
	struct legacy_ring *r = &d->ring[ANVIL_NET_RX];
	struct buffer rx = { IN_AT, 2000, WRITABLE };
	uint8_t frame[64];
	uint32_t len;

	memcpy(frame, net_frame(to, sizeof(frame)), sizeof(frame));
	if (tag) {
		frame[12] = 0x81;
		frame[13] = 0;
		frame[14] = (uint8_t)(tag >> 8);
		frame[15] = (uint8_t)tag;
	}
	if (r->avail_idx == r->used_idx)
		offer(d, ANVIL_NET_RX, &rx, 1);
	net_receive(d->b, frame, sizeof(frame), none);
	return used(d, ANVIL_NET_RX, (uint16_t)(r->used_idx % r->size), &len);
}

static void table_entries_are_in_the_byte_order_of_the_guest(void **state)
{
	static const uint8_t listed[6] = { 2, 7, 7, 7, 7, 7 };
	static const uint8_t group[6] = { 1, 7, 7, 7, 7, 7 };

	for (unsigned int big = 0; big < 2; big++) {
		uint8_t data[2 * (4 + 6)];
		struct driver d;
		uint32_t entries;

		make_legacy(&d, *state, big);
		start(&d, features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX, -1));
		entries = u32(&d, 1);
		memcpy(data, &entries, 4);
		memcpy(data + 4, listed, 6);
		memcpy(data + 10, &entries, 4);
		memcpy(data + 14, group, 6);
		assert_false(passes(&d, listed, 0));
		assert_int_equal(command(&d, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
					 data, sizeof(data)),
				 VIRTIO_NET_OK);
		assert_true(passes(&d, listed, 0));
		assert_true(passes(&d, group, 0));
	}
}

static void vlan_ids_are_in_the_byte_order_of_the_guest(void **state)
{
	for (unsigned int big = 0; big < 2; big++) {
		struct driver d;
		uint16_t id;

		make_legacy(&d, *state, big);
		start(&d, features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VLAN, -1));
		id = u16(&d, 0x102);
		assert_int_equal(
			command(&d, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, &id, 2),
			VIRTIO_NET_OK);
		assert_true(passes(&d, net_broadcast, 0x102));
		assert_false(passes(&d, net_broadcast, 0x201));
	}
}

/* Skipped by devices that do not have the commands. One pair is enough: 1 is 256 the other way. */
static void pair_counts_are_in_the_byte_order_of_the_guest(void **state)
{
	enum { F_MQ = 22, CLASS_MQ = 4 };
	struct bench *b = *state;

	bench_offer_feature(b, F_MQ);
	for (unsigned int big = 0; big < 2; big++) {
		struct driver d;
		uint16_t pairs;

		make_legacy(&d, b, big);
		start(&d, features(VIRTIO_NET_F_CTRL_VQ, F_MQ, -1));
		pairs = u16(&d, 1);
		assert_int_equal(command(&d, CLASS_MQ, 0, &pairs, sizeof(pairs)), VIRTIO_NET_OK);
		pairs = u16(&d, 0x100);
		assert_int_equal(command(&d, CLASS_MQ, 0, &pairs, sizeof(pairs)), VIRTIO_NET_ERR);
	}
}

static void offloads_are_in_the_byte_order_of_the_guest(void **state)
{
	enum { F_CTRL_GUEST_OFFLOADS = 2, CLASS_OFFLOADS = 5 };
	struct bench *b = *state;

	bench_offer_feature(b, F_CTRL_GUEST_OFFLOADS);
	for (unsigned int big = 0; big < 2; big++) {
		struct driver d;
		uint64_t offloads;

		make_legacy(&d, b, big);
		start(&d, features(VIRTIO_NET_F_CTRL_VQ, F_CTRL_GUEST_OFFLOADS,
				   VIRTIO_NET_F_GUEST_CSUM, -1));
		offloads = u64(&d, 1ull << VIRTIO_NET_F_GUEST_CSUM);
		assert_int_equal(command(&d, CLASS_OFFLOADS, 0, &offloads, sizeof(offloads)),
				 VIRTIO_NET_OK);
		offloads = u64(&d, 1ull << 57);
		assert_int_equal(command(&d, CLASS_OFFLOADS, 0, &offloads, sizeof(offloads)),
				 VIRTIO_NET_ERR);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		NET("5.1.9.1/1", net_headers_are_in_the_byte_order_of_the_guest),
		NET("5.1.9.5.2.3/1", table_entries_are_in_the_byte_order_of_the_guest),
		NET("5.1.9.5.6.3/1", pair_counts_are_in_the_byte_order_of_the_guest),
		NET("5.1.9.5.9.3/1", offloads_are_in_the_byte_order_of_the_guest),
		NET("5.1.9.5.3.2/1", vlan_ids_are_in_the_byte_order_of_the_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
