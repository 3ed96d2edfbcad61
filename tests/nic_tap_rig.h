/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A card on nic_tap.h and frames made by hand: for test_nic_tap_*.c.
 */
#ifndef TESTS_NIC_TAP_RIG_H
#define TESTS_NIC_TAP_RIG_H

#include "support.h"

#include "nic_tap.h"

#define ETH 14u
#define IP  (ETH + 20u)
#define UDP (IP + 8u)
#define TCP (IP + 20u)

/* ---- a device ---- */

struct fixture {
	struct anvil_nic_tap nic;
	int packets; /* an AF_PACKET socket on the interface, with offload headers */
	bool full;
	unsigned int got;
	unsigned int sendables;
	uint8_t frame[ANVIL_NIC_FRAME_BYTES_MAX]; /* the last one of IPv4 */
	uint32_t len;
	struct anvil_nic_offload offload;
	char error[256];
};

static inline int receive(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	struct fixture *f = nic->device;

	assert_in_range(frame->len, ANVIL_NIC_FRAME_BYTES_MIN, ANVIL_NIC_FRAME_BYTES_MAX);
	if (f->full)
		return -EAGAIN;
	if (frame->data[0] & 1 || frame->data[12] != 8 || frame->data[13] != 0)
		return 0; /* the kernel looking for neighbours */
	memcpy(f->frame, frame->data, frame->len);
	f->len = frame->len;
	f->offload = frame->offload;
	f->got++;
	return 0;
}

static inline void sendable(struct anvil_nic *nic)
{
	((struct fixture *)nic->device)->sendables++;
}

static inline int open_nic(struct fixture *f, const char *name)
{
	int err = anvil_nic_tap_open(&f->nic, name, f->error, sizeof(f->error));

	f->nic.nic.device = f;
	f->nic.nic.receive = receive;
	f->nic.nic.sendable = sendable;
	return err;
}

static inline int send_to(struct fixture *f, const uint8_t *data, uint32_t len,
			  const struct anvil_nic_offload *offload)
{
	struct anvil_nic_frame frame = { data, len, *offload };

	return f->nic.nic.ops->send(&f->nic.nic, &frame);
}

/* ---- frames ---- */

static inline void put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static const struct anvil_nic_offload long_tcp = { .needs_csum = true,
						   .csum_start = IP,
						   .csum_offset = 16,
						   .gso = ANVIL_NIC_GSO_TCP4,
						   .gso_size = 1000,
						   .header_len = TCP };

#endif
