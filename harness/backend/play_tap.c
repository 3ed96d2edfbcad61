/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A TAP interface: frames arrive as they were, in order, each once, or are counted as lost; what
 * the guest sends is on the interface as it was, or counted as lost.
 */
#include <errno.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "array_size.h"
#include "host.h"
#include "nic_tap.h"
#include "play.h"

#define ARRIVED_MAX 1024u

struct arrival {
	uint8_t *data; /* header and frame; ours, the host has a copy */
	size_t len;
};

static struct {
	struct anvil_nic_tap tap;
	struct arrival arrived[ARRIVED_MAX];
	unsigned int arrivals;
	unsigned int delivered; /* so many of them, with those that are not valid before */
	unsigned int lost;
	unsigned int room; /* frames that the guest takes */
	bool full;
	bool blocked;
	bool gone;
	unsigned int sendables;
	uint64_t lost_out;
} rig;

#define V(i) (line->v[i])

/* ---- frames ---- */

static uint8_t *fresh(size_t len, uint8_t seed)
{
	uint8_t *data = malloc(len + 1);

	if (!data)
		abort();
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7 + i / 256 + seed);
	return data;
}

/* What nic_tap.h makes of a header, or false: it makes no sense. */
static bool understand(const struct arrival *arrival, struct anvil_nic_offload *offload)
{
	struct virtio_net_hdr_v1 h;
	size_t len = arrival->len - HOST_TAP_HEADER;
	const uint8_t *data = arrival->data + HOST_TAP_HEADER;

	memset(offload, 0, sizeof(*offload));
	if (arrival->len < HOST_TAP_HEADER + ANVIL_NIC_FRAME_BYTES_MIN ||
	    len > ANVIL_NIC_FRAME_BYTES_MAX)
		return false;
	memcpy(&h, arrival->data, sizeof(h));
	offload->needs_csum = h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	offload->csum_valid = !offload->needs_csum && h.flags & VIRTIO_NET_HDR_F_DATA_VALID;
	if (offload->needs_csum) {
		offload->csum_start = h.csum_start;
		offload->csum_offset = h.csum_offset;
		if ((size_t)h.csum_start + h.csum_offset + 2 > len)
			return false;
	}
	if (h.gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return true;

	unsigned int type = h.gso_type & ~(unsigned int)VIRTIO_NET_HDR_GSO_ECN;
	size_t tcp = h.csum_start;

	if ((type != VIRTIO_NET_HDR_GSO_TCPV4 && type != VIRTIO_NET_HDR_GSO_TCPV6) ||
	    h.gso_size == 0 || !offload->needs_csum || h.csum_offset != 16 ||
	    tcp < ANVIL_NIC_FRAME_BYTES_MIN || tcp + 20 > len)
		return false;

	size_t header = (size_t)(data[tcp + 12] >> 4) * 4;

	if (header < 20 || tcp + header > len || tcp + header > UINT16_MAX)
		return false;
	offload->gso = type == VIRTIO_NET_HDR_GSO_TCPV4 ? ANVIL_NIC_GSO_TCP4 : ANVIL_NIC_GSO_TCP6;
	offload->gso_ecn = h.gso_type & VIRTIO_NET_HDR_GSO_ECN;
	offload->gso_size = h.gso_size;
	offload->header_len = (uint16_t)(tcp + header);
	return true;
}

static bool same_offload(const struct anvil_nic_offload *a, const struct anvil_nic_offload *b)
{
	return a->needs_csum == b->needs_csum && a->csum_start == b->csum_start &&
	       a->csum_offset == b->csum_offset && a->csum_valid == b->csum_valid &&
	       a->gso == b->gso && a->gso_ecn == b->gso_ecn && a->gso_size == b->gso_size &&
	       a->header_len == b->header_len && a->tunnel == b->tunnel;
}

/* ---- the guest's side ---- */

static int receive(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	struct anvil_nic_offload offload;
	unsigned int at = rig.delivered;
	unsigned int lost = 0;

	if (nic != &rig.tap.nic)
		steps_finding("hands over a frame of another nic");
	for (; at < rig.arrivals && !understand(&rig.arrived[at], &offload); at++)
		lost++;
	if (at == rig.arrivals)
		steps_finding("delivers a frame of %u bytes that did not arrive", frame->len);
	if (frame->len != rig.arrived[at].len - HOST_TAP_HEADER ||
	    memcmp(frame->data, rig.arrived[at].data + HOST_TAP_HEADER, frame->len) != 0)
		steps_finding("delivers frame %u of %zu bytes as one of %u", at,
			      rig.arrived[at].len - HOST_TAP_HEADER, frame->len);
	if (!same_offload(&offload, &frame->offload))
		steps_finding("delivers frame %u with other work to do", at);
	rig.full = rig.room == 0;
	if (rig.full)
		return -EAGAIN;
	rig.room--;
	rig.delivered = at + 1;
	rig.lost += lost;
	return 0;
}

static void sendable(struct anvil_nic *nic)
{
	(void)nic;
	rig.sendables++;
}

/* ---- operations ---- */

static void arrive(const struct step *line)
{
	static const uint32_t length[] = { 60,	14,    54,    13,    1514, 1500, 0,
					   200, 65589, 65590, 70000, 15,   66,	 34 };
	static const uint16_t start[] = { 34, 14, 13, 0, 54, 65535, 40, 1500 };
	static const uint8_t gso[] = { 0, 1, 4, 0x81, 3, 5, 0x80, 0x84 };
	size_t len = HOST_TAP_HEADER + length[V(0) % ARRAY_SIZE(length)] - (V(5) & 8 ? 12u : 0u);
	struct virtio_net_hdr_v1 h = {
		.flags = V(1) % 4,
		.gso_type = gso[V(1) / 4 % ARRAY_SIZE(gso)],
		.hdr_len = V(4),
		.gso_size = (uint16_t)(V(4) * 100u),
		.csum_start = start[V(2) % ARRAY_SIZE(start)],
		.csum_offset = V(3) & 1 ? V(3) : 16,
	};
	uint8_t *data = fresh(len, (uint8_t)rig.arrivals);
	uint8_t *copy = fresh(len, (uint8_t)rig.arrivals);

	memcpy(data, &h, len < sizeof(h) ? len : sizeof(h));
	if (len > HOST_TAP_HEADER + h.csum_start + 12u)
		data[HOST_TAP_HEADER + h.csum_start + 12] = (uint8_t)(V(5) % 8 ? 0x50 : V(5) * 16);
	memcpy(copy, data, len);
	if (rig.arrivals < ARRIVED_MAX && host_tap_arrives(copy, len)) {
		rig.arrived[rig.arrivals++] = (struct arrival){ data, len };
		return;
	}
	free(copy);
	free(data);
}

static void check_sent(const struct anvil_nic_frame *frame)
{
	const struct anvil_nic_offload *o = &frame->offload;
	static const uint8_t type[] = { 0, VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_GSO_TCPV6, 5,
					5 };
	struct virtio_net_hdr_v1 h = { 0 };

	if (o->needs_csum) {
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.csum_start = o->csum_start;
		h.csum_offset = o->csum_offset;
	} else if (o->csum_valid) {
		h.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (o->gso) {
		h.gso_type = (uint8_t)(type[o->gso] | (o->gso_ecn ? VIRTIO_NET_HDR_GSO_ECN : 0));
		h.gso_size = o->gso_size;
		h.hdr_len = o->header_len;
	}
	if (host_tap.out_len != HOST_TAP_HEADER + (size_t)frame->len ||
	    memcmp(host_tap.out, &h, HOST_TAP_HEADER) != 0)
		steps_finding("sends a frame of %u bytes with %zu, or another header", frame->len,
			      host_tap.out_len);
	if (memcmp(host_tap.out + HOST_TAP_HEADER, frame->data, frame->len) != 0)
		steps_finding("sends other bytes than the guest's");
}

static void send_frame(const struct step *line)
{
	static const uint32_t length[] = { 60, 14, 1514, 65589, 100 };
	uint32_t len = length[V(0) % ARRAY_SIZE(length)];
	uint8_t *data = fresh(len, V(4));
	struct anvil_nic_frame frame = { .data = data, .len = len };
	struct anvil_nic_offload *o = &frame.offload;
	unsigned int agains = host.troubles.count[HOST_WRITE][HOST_EAGAIN];
	unsigned int outs = host_tap.outs;
	int result;

	o->gso = (enum anvil_nic_gso)(V(1) % 5);
	o->needs_csum = V(2) & 1 || o->gso;
	o->csum_valid = V(2) & 2;
	o->gso_ecn = V(2) & 4;
	o->csum_start = V(3);
	o->csum_offset = V(4);
	o->gso_size = V(5);
	o->header_len = (uint16_t)(V(3) + 20u);
	result = rig.tap.nic.ops->send(&rig.tap.nic, &frame);
	if (result && (result != -EAGAIN || rig.gone ||
		       host.troubles.count[HOST_WRITE][HOST_EAGAIN] == agains))
		steps_finding("answers a frame with %d", result);
	if (result)
		rig.blocked = true;
	else if (host_tap.outs == outs + 1)
		check_sent(&frame);
	else
		rig.lost_out++;
	if (host_tap.outs > outs + (result ? 0 : 1) || rig.tap.dropped_from_guest != rig.lost_out)
		steps_finding("counts %llu frames lost of %llu",
			      (unsigned long long)rig.tap.dropped_from_guest,
			      (unsigned long long)rig.lost_out);
	free(data);
}

static void check_lost(void)
{
	unsigned int lost = rig.lost;
	unsigned int read = rig.delivered;
	struct anvil_nic_offload offload;

	/* those that were read and not delivered: not valid, or the one that waits */
	for (; read < host_tap.reads; read++)
		lost += !understand(&rig.arrived[read], &offload);
	if (rig.tap.dropped_to_guest != lost)
		steps_finding("counts %llu frames lost on their way to the guest, not %u",
			      (unsigned long long)rig.tap.dropped_to_guest, lost);
	if (host_tap.reads - rig.delivered - (lost - rig.lost) != (rig.full ? 1u : 0u))
		steps_finding("has read %u frames of which %u came to the guest", host_tap.reads,
			      rig.delivered);
}

static void dispatch(const struct step *line)
{
	struct pollfd event;
	short in = host_tap.ins > 0 ? POLLIN : 0;
	unsigned int reads = host_tap.reads;
	unsigned int sendables = rig.sendables;
	bool full = rig.full;
	bool tell;

	anvil_nic_tap_fill(&rig.tap, &event);
	if (!rig.gone && event.events != ((full ? 0 : POLLIN) | (rig.blocked ? POLLOUT : 0)))
		steps_finding("waits for 0x%x", (unsigned int)event.events);
	if (rig.gone && event.fd >= 0)
		steps_finding("waits for an interface that is gone");
	event.revents = (short)(event.events & (in | (V(0) & 1 ? 0 : POLLOUT)));
	if (V(0) % 16 == 15)
		event.revents |= POLLERR;
	rig.gone = rig.gone || event.revents & POLLERR;
	tell = rig.blocked && (rig.gone || event.revents & POLLOUT);
	if (tell)
		rig.blocked = false;
	anvil_nic_tap_dispatch(&rig.tap, &event);
	if (rig.sendables != sendables + tell)
		steps_finding("says %u times that frames can be sent", rig.sendables - sendables);
	if (host_tap.reads - reads > ANVIL_NIC_TAP_BURST || (full && host_tap.reads != reads))
		steps_finding("reads %u frames at once", host_tap.reads - reads);
	check_lost();
}

static void set_offloads(const struct step *line)
{
	struct anvil_nic_tap_offloads o = { V(0) & 1, V(0) & 2, V(0) & 4, V(0) & 8 };
	bool bad = ((o.tso4 || o.tso6) && !o.csum) || (o.ecn && !o.tso4 && !o.tso6);
	int result = anvil_nic_tap_set_offloads(&rig.tap, &o);

	if (result != (bad ? -EINVAL : 0))
		steps_finding("answers offloads with %d", result);
}

static void fault(const struct step *line)
{
	static const enum host_trouble trouble[] = { HOST_EINTR, HOST_EAGAIN, HOST_EIO,
						     HOST_ENOSPC };

	host_add_fault(&(struct host_fault){ .call = V(0) & 1 ? HOST_WRITE : HOST_READ,
					     .trouble = trouble[V(1) % ARRAY_SIZE(trouble)],
					     .after = V(2) % 8,
					     .count = 1 + V(3) % 8 });
}

static void play_op(const struct step *line)
{
	switch (line->name) {
	case 'A':
		for (unsigned int i = 0; i < (V(5) & 16 && V(0) % 14 < 4 ? 70u : 1u); i++)
			arrive(line);
		break;
	case 'W':
		send_frame(line);
		break;
	case 'P':
		dispatch(line);
		break;
	case 'R':
		rig.room = V(0);
		rig.tap.nic.ops->receivable(&rig.tap.nic);
		check_lost();
		break;
	case 'G':
		rig.room = V(0);
		break;
	case 'I':
		fault(line);
		break;
	default:
		set_offloads(line);
		break;
	}
}

static bool open_tap(const struct step *line)
{
	char error[256] = "";
	int err;

	if (V(5) % 16 > 0)
		host_add_fault(
			&(struct host_fault){ .call = HOST_SETUP,
					      .trouble = (enum host_trouble)(HOST_EIO + V(4) % 2u),
					      .after = V(5) % 16 - 1u,
					      .count = 1 });
	host.setting_up = true;
	err = anvil_nic_tap_open(&rig.tap, V(0) & 1 ? "tap0" : NULL, error, sizeof(error));
	host.setting_up = false;
	if (err && (host.faults == 0 || !*error || strchr(error, '\n')))
		steps_finding("is not opened (%d): %s", err, error);
	if (err && host_opened() > 0)
		steps_finding("is not opened, and leaves %u descriptors open", host_opened());
	if (err)
		memset(&rig.tap, 0, sizeof(rig.tap));
	host.faults = 0;
	return !err;
}

void play_tap(struct steps *steps)
{
	memset(&rig, 0, sizeof(rig));
	host_reset();
	host_tap_reset();
	rig.room = 1000;
	if (!open_tap(&steps->setup))
		return;
	rig.tap.nic.receive = receive;
	rig.tap.nic.sendable = sendable;
	for (steps->now = 0; steps->now < (int)steps->ops; steps->now++)
		play_op(&steps->op[steps->now]);
	anvil_nic_tap_close(&rig.tap);
	if (host_opened() > 0)
		steps_finding("is closed, and leaves %u descriptors open", host_opened());
	while (rig.arrivals > 0)
		free(rig.arrived[--rig.arrivals].data);
	host_tap_reset();
}
