/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that arrive at the host of a network device.
 */
#include <string.h>

#include "player_internal.h"
#include "script/frames.h"

/* From class 8 on: UDP segmentation, then the same and TCP's in a tunnel, with and without the
 * outer checksum left to do. */
static void host_tunnel(struct anvil_nic_offload *w, unsigned int class,
			const struct frame_layout *l)
{
	if (class < 10)
		return;
	w->tunnel = true;
	w->outer_csum = class == 11 || class == 15;
	w->outer_th = (uint16_t)l->outer_th;
	w->inner_nh = (uint16_t)l->inner_nh;
}

static void host_offload(struct anvil_nic_offload *w, unsigned int class, uint32_t len,
			 const struct frame_layout *l, unsigned int headers)
{
	static const enum anvil_nic_gso gso[16] = {
		[3] = ANVIL_NIC_GSO_TCP4,  [4] = ANVIL_NIC_GSO_TCP6,  [5] = ANVIL_NIC_GSO_TCP4,
		[7] = ANVIL_NIC_GSO_TCP6,  [8] = ANVIL_NIC_GSO_UDP4,  [9] = ANVIL_NIC_GSO_UDP6,
		[10] = ANVIL_NIC_GSO_TCP4, [11] = ANVIL_NIC_GSO_TCP4, [12] = ANVIL_NIC_GSO_TCP6,
		[13] = ANVIL_NIC_GSO_UDP4, [14] = ANVIL_NIC_GSO_UDP6, [15] = ANVIL_NIC_GSO_UDP6,
	};

	memset(w, 0, sizeof(*w));
	if (class == 0)
		return;
	if (class == 2 || len < l->transport + l->csum + 2) {
		w->csum_valid = true;
		return;
	}
	w->needs_csum = true;
	w->csum_start = (uint16_t)l->transport;
	w->csum_offset = (uint16_t)l->csum;
	w->gso = gso[class];
	w->gso_ecn = class == 5 || class == 7;
	if (w->gso != ANVIL_NIC_GSO_NONE) {
		w->gso_size = 1448;
		w->header_len = (uint16_t)headers;
	}
	host_tunnel(w, class, l);
}

static void choose_destination(const struct script_op *r, uint8_t *to)
{
	static const uint8_t base[8][6] = {
		{ 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 }, /* the device's */
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
		{ 0x01, 0x00, 0x5e, 0x00, 0x00, 0x00 }, /* in a table, perhaps */
		{ 0x52, 0x54, 0x00, 0x00, 0x00, 0x00 },
		{ 0x33, 0x33, 0x00, 0x00, 0x00, 0x01 },
		{ 0x02, 0x00, 0x00, 0x00, 0x00, 0x01 },
		{ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00 },
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe },
	};

	memcpy(to, base[r->frame.to % 8], 6);
	if (r->frame.to == TO_MULTICAST || r->frame.to == TO_OTHER) {
		to[4] = (uint8_t)r->frame.value;
		to[5] = (uint8_t)(r->frame.value >> 8);
	}
	if (r->frame.to == TO_ANY)
		for (unsigned int i = 0; i < 6; i++)
			to[i] = (uint8_t)(r->frame.value >> (8 * i));
}

void player_frame(struct guest_driver *g, const struct script_op *r)
{
	struct machine *m = g->bus->machine;
	struct anvil_nic_offload offload;
	unsigned int vlan = r->frame.vlan ? (unsigned int)(r->frame.value >> 16) & 0xffff : 5;
	uint8_t to[6];
	struct frame_layout layout;

	if (!m->dut->frame)
		return;
	choose_destination(r, to);

	uint8_t *at = machine_frame_room(m);
	/* the payload behind the longest headers is there once and for all */
	unsigned int headers = frame_build(at, (enum frame_kind)(r->frame.kind % FRAME_KINDS), to,
					   vlan, r->frame.flow, &layout);
	at[r->frame.spoil % FRAME_HEADERS_MAX] ^= r->frame.by;

	uint32_t len = r->frame.len ? (uint32_t)(r->frame.len % ANVIL_NIC_FRAME_BYTES_MAX) + 1
				    : headers + 46;

	if (r->frame.kind == FRAME_ZERO_UDP4)
		frame_zero_checksum(at, len, &layout);
	host_offload(&offload, r->frame.offload, len, &layout, headers);
	machine_frame(m, len, &offload);
}
