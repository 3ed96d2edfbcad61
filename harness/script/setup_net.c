/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network device.
 */
#include "setup_internal.h"

#include "array_size.h"

static const struct setup_required ground[] = {
	{ BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6),
	  BIT(VIRTIO_NET_F_GUEST_CSUM) },
	{ BIT(VIRTIO_NET_F_GUEST_ECN),
	  BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6) },
	{ BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6), BIT(VIRTIO_NET_F_CSUM) },
	{ BIT(VIRTIO_NET_F_HOST_ECN), BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) },
	{ BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_NET_F_CTRL_VLAN) |
		  BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) | BIT(VIRTIO_NET_F_CTRL_MAC_ADDR),
	  BIT(VIRTIO_NET_F_CTRL_VQ) },
	{ BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) | BIT(VIRTIO_NET_F_MQ) | BIT(VIRTIO_NET_F_NOTF_COAL) |
		  BIT(VIRTIO_NET_F_VQ_NOTF_COAL) | BIT(VIRTIO_NET_F_RSS) |
		  BIT(VIRTIO_NET_F_HASH_REPORT) | BIT(VIRTIO_NET_F_HASH_TUNNEL),
	  BIT(VIRTIO_NET_F_CTRL_VQ) },
	{ BIT(VIRTIO_NET_F_HASH_TUNNEL), BIT(VIRTIO_NET_F_RSS) | BIT(VIRTIO_NET_F_HASH_REPORT) },
	{ BIT(VIRTIO_NET_F_GUEST_USO4) | BIT(VIRTIO_NET_F_GUEST_USO6),
	  BIT(VIRTIO_NET_F_GUEST_CSUM) },
	{ BIT(VIRTIO_NET_F_HOST_USO), BIT(VIRTIO_NET_F_CSUM) },
};

/* What operand `net` adds: one flag each */
static const struct anvil_features net_extra[8] = {
	{ { BIT(VIRTIO_NET_F_RSS) | BIT(VIRTIO_NET_F_HASH_REPORT) |
	    BIT(VIRTIO_NET_F_HASH_TUNNEL) } },
	{ { BIT(VIRTIO_NET_F_NOTF_COAL) | BIT(VIRTIO_NET_F_VQ_NOTF_COAL) } },
	{ { BIT(VIRTIO_NET_F_DEVICE_STATS) } },
	{ { BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) | BIT(VIRTIO_NET_F_SPEED_DUPLEX) } },
	{ { BIT(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) } },
	{ { BIT(VIRTIO_NET_F_GUEST_USO4) | BIT(VIRTIO_NET_F_GUEST_USO6) |
	    BIT(VIRTIO_NET_F_HOST_USO) | BIT(VIRTIO_NET_F_GUEST_HDRLEN) } },
	{ { 0, BIT(VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO - 64) |
		       BIT(VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM - 64) |
		       BIT(VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO - 64) |
		       BIT(VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM - 64) |
		       BIT(VIRTIO_NET_F_OUT_NET_HEADER - 64) } },
	{ { 0, BIT(VIRTIO_NET_F_RSS_CONTEXT - 64) } },
};

static struct anvil_features net_asked(const struct script_op *header)
{
	struct anvil_features f = { { 0 } };

	if (header->device.queues)
		anvil_features_add(&f, VIRTIO_NET_F_MQ);
	for (unsigned int i = 0; i < 8; i++) {
		if (header->device.net >> i & 1) {
			f.word[0] |= net_extra[i].word[0];
			f.word[1] |= net_extra[i].word[1];
		}
	}
	f.word[1] &= ~(uint64_t)header->device.more;
	return f;
}

/* Features above 63 that lack what they require */
static uint64_t without_required(uint64_t low, uint64_t high)
{
	const uint64_t guest = BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6) |
			       BIT(VIRTIO_NET_F_GUEST_USO4) | BIT(VIRTIO_NET_F_GUEST_USO6);
	const uint64_t host = BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) |
			      BIT(VIRTIO_NET_F_HOST_USO);
	uint64_t these = 0;

	if ((low & guest) != guest)
		these |= BIT(VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO - 64);
	if ((low & host) != host)
		these |= BIT(VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO - 64);
	if (!(low & BIT(VIRTIO_NET_F_RSS)))
		these |= BIT(VIRTIO_NET_F_RSS_CONTEXT - 64);
	high &= ~these;
	if (!(high & BIT(VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO - 64)))
		these |= BIT(VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM - 64);
	if (!(high & BIT(VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO - 64)))
		these |= BIT(VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM - 64);
	return these;
}

static unsigned int pairs_asked(const struct script_op *header)
{
	static const uint8_t pairs[] = { 1, 1, 2, 3, 4, 17, (SETUP_QUEUES - 1) / 2 };

	return pairs[header->device.queues % ARRAY_SIZE(pairs)];
}

static void choose(const struct script_op *header, struct setup *p)
{
	/* num_buffers is always there, or with MRG_RXBUF alone (5.1.6.1) */
	p->legacy_differs = !anvil_features_has(&p->offered, VIRTIO_NET_F_MRG_RXBUF);
	p->offered.word[1] &= ~without_required(p->offered.word[0], p->offered.word[1]);
	if (header->device.queues && (anvil_features_has(&p->offered, VIRTIO_NET_F_MQ) ||
				      anvil_features_has(&p->offered, VIRTIO_NET_F_RSS)))
		p->pairs = pairs_asked(header);
}

static void make_legacy(struct setup *p)
{
	if (!anvil_features_has(&p->offered, VIRTIO_NET_F_MQ))
		p->pairs = 1;
	if (2 * p->pairs + 1 > SETUP_QUEUES_FEW) /* their rings take up pages */
		p->pairs = (SETUP_QUEUES_FEW - 1) / 2;
}

static unsigned int queues(const struct script_op *header, const struct setup *p)
{
	(void)header;
	return 2 * p->pairs + anvil_features_has(&p->offered, VIRTIO_NET_F_CTRL_VQ);
}

const struct setup_kind setup_kind_net = {
	.supported = RING_FEATURES | BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) |
		     BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_GUEST_TSO4) |
		     BIT(VIRTIO_NET_F_GUEST_TSO6) | BIT(VIRTIO_NET_F_GUEST_ECN) |
		     BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) |
		     BIT(VIRTIO_NET_F_HOST_ECN) | BIT(VIRTIO_NET_F_MRG_RXBUF) |
		     BIT(VIRTIO_NET_F_STATUS) | BIT(VIRTIO_NET_F_CTRL_VQ) |
		     BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_NET_F_CTRL_VLAN) |
		     BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) | BIT(VIRTIO_NET_F_CTRL_MAC_ADDR),
	.ground = ground,
	.grounds = ARRAY_SIZE(ground),
	.asked = net_asked,
	.choose = choose,
	.make_legacy = make_legacy,
	.queues = queues,
};
