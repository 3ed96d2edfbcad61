/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network device (5.1) in front of a struct anvil_nic: pairs of a receive and a transmit queue,
 * and a control queue.
 *
 * Frames from the guest are copied out, their offload header is checked against the frame itself
 * and handed on; what does not check out, or would become more than ANVIL_NIC_SEGMENTS_MAX
 * segments, is dropped and counted as malformed (tx_drop_malformed). Frames for the guest pass the
 * filters that the driver has set, and go to the receive queue that steering chooses.
 *
 * Who does which work:
 *   checksums from the guest (CSUM)             the nic
 *   segmentation from the guest (HOST_*)        the nic
 *   checksums that the driver does not take     this device, before the frame is delivered
 *   segmentation that the driver does not take  nobody: such a frame is dropped, so the nic must
 *                                               be told what the driver accepted
 *   receive hash, steering, coalescing          this device
 *
 * A call into the device takes no more chains than ANVIL_DEVICE_WORK allows, and the rest is
 * deferred; a frame for the guest takes up to twice as many descriptors as a queue has entries, or
 * ANVIL_DEVICE_WORK of buffers that cannot be used. A frame sent is of at most
 * ANVIL_NIC_FRAME_BYTES_MAX bytes, a command of ANVIL_NET_COMMAND_MAX.
 *
 * Left out, and refused as an option: GUEST_UFO and HOST_UFO (deprecated in favor of USO), RSC_EXT
 * (for devices that coalesce), STANDBY (a matter of two devices), IPSEC, and flow filters, which
 * need an administration queue that virtio-mmio has no place for. Statistics have no RX_SPEED and
 * TX_SPEED: nothing here limits the speed.
 */
#ifndef ANVIL_NET_H
#define ANVIL_NET_H

#include "backend.h"
#include "virtio_device.h"
#include "virtio_config.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Queues of a device with one pair. Of several, pair n, from 0 on, has 2n (RX) and 2n + 1 (TX); the
 * control queue comes last. */
#define ANVIL_NET_RX   0u
#define ANVIL_NET_TX   1u
#define ANVIL_NET_CTRL 2u

#define ANVIL_NET_PAIRS_MAX 31u

/* A table with more entries than this of one kind lets all of that kind pass (5.1.9.5.2). */
#define ANVIL_NET_MAC_TABLE 64u
#define ANVIL_NET_VLANS	    4096u

/* Longer control commands, in bytes, are refused: some ten thousand addresses. */
#define ANVIL_NET_COMMAND_MAX 65536u

/* What configuration space says of RSS and hashes (5.1.4): the least there may be */
#define ANVIL_NET_RSS_KEY    40u
#define ANVIL_NET_RSS_TABLE  128u
#define ANVIL_NET_HASH_TYPES 0x1ffu
/* GRE_2784, GRE_2890, VXLAN, GENEVE, IPIP and NVGRE (5.1.9.4.4) */
#define ANVIL_NET_TUNNEL_TYPES 0x1d3u

#define ANVIL_NET_RSS_CONTEXTS 4u

/* A STATS_GET command that asks for more entries is refused. */
#define ANVIL_NET_STATS_WISHES 64u

/* Flows that automatic steering tells apart. */
#define ANVIL_NET_FLOWS 256u

#define ANVIL_NET_SPEED_UNKNOWN	 0xffffffffu
#define ANVIL_NET_DUPLEX_HALF	 0u
#define ANVIL_NET_DUPLEX_FULL	 1u
#define ANVIL_NET_DUPLEX_UNKNOWN 0xffu

struct anvil_net_options {
	const struct anvil_guest_memory *memory; /* the caller's, must outlive the device */
	struct anvil_nic *nic;			 /* likewise */
	/*
	 * Offered: any of CSUM, GUEST_CSUM, CTRL_GUEST_OFFLOADS, MTU, MAC, GUEST_TSO4, GUEST_TSO6,
	 * GUEST_ECN, HOST_TSO4, HOST_TSO6, HOST_ECN, MRG_RXBUF, STATUS, CTRL_VQ, CTRL_RX,
	 * CTRL_VLAN, CTRL_RX_EXTRA, GUEST_ANNOUNCE, MQ, CTRL_MAC_ADDR, DEVICE_STATS, HASH_TUNNEL,
	 * VQ_NOTF_COAL, NOTF_COAL, GUEST_USO4, GUEST_USO6, HOST_USO, HASH_REPORT, GUEST_HDRLEN,
	 * RSS, SPEED_DUPLEX, RSS_CONTEXT, GUEST_UDP_TUNNEL_GSO, GUEST_UDP_TUNNEL_GSO_CSUM,
	 * HOST_UDP_TUNNEL_GSO, HOST_UDP_TUNNEL_GSO_CSUM, OUT_NET_HEADER, INDIRECT_DESC, EVENT_IDX,
	 * RING_RESET, RING_PACKED, IN_ORDER, NOTIFICATION_DATA, ORDER_PLATFORM, SUSPEND, if what
	 * they require (5.1.3.1) is offered too. VERSION_1 is added. Offer CSUM and HOST_* only if
	 * the nic does that work, and NOTF_COAL and VQ_NOTF_COAL only if anvil_net_tick is called.
	 * Legacy interfaces have several pairs with MQ alone.
	 */
	struct anvil_features features;
	uint16_t queue_size_max; /* power of 2 */
	/* 0 or 1: one pair; more, up to ANVIL_NET_PAIRS_MAX, need MQ or RSS */
	uint16_t queue_pairs_max;
	uint8_t mac[ANVIL_NIC_MAC_BYTES];
	/*
	 * 68 to 65,535; also the limit of frames when MTU is not offered. It counts the bytes
	 * behind the Ethernet header (14 bytes) and up to 8 VLAN tags (4 bytes each, 0x8100 or
	 * 0x88a8): with 1,500, frames have up to 1,514 bytes, 1,518 with one tag, 1,522 with two
	 * (5.1.4.1). Longer ones are dropped both ways, unless they are to be segmented.
	 */
	uint16_t mtu;
	/* anvil_net_set_link and anvil_net_set_speed change these later */
	bool link_up;
	/* with SPEED_DUPLEX: Mbit/s up to 0x7fffffff, or unknown; and VIRTIO_NET_DUPLEX_* */
	uint32_t speed;
	uint8_t duplex;
};

struct anvil_net_mac_table {
	uint8_t mac[ANVIL_NET_MAC_TABLE][ANVIL_NIC_MAC_BYTES];
	uint32_t count;
	bool all; /* did not fit: let all of this kind pass */
};

/* What the driver set through the control queue; all zero after reset. */
struct anvil_net_filter {
	bool promisc;
	bool allmulti;
	bool alluni;
	bool nomulti;
	bool nouni;
	bool nobcast;
	struct anvil_net_mac_table unicast;
	struct anvil_net_mac_table multicast;
	uint64_t vlan[ANVIL_NET_VLANS / 64];
};

/* What an RSS_CONFIG or HASH_CONFIG command says, checked; the key filled up with zeroes. */
struct anvil_net_rss {
	uint32_t hash_types;
	uint16_t mask;	       /* a power of 2 less 1 */
	uint16_t unclassified; /* this and the table: pairs that exist */
	uint16_t table[ANVIL_NET_RSS_TABLE];
	uint16_t pairs; /* that may transmit */
	uint8_t key[ANVIL_NET_RSS_KEY];
};

struct anvil_net_steering {
	uint16_t pairs; /* in use; 1 after reset */
	bool rss;	/* the table decides, not the flow */
	struct anvil_net_rss config;
	uint32_t tunnel_types; /* whose inner header is hashed */
	uint64_t contexts;     /* RSS contexts that exist, one bit each; bit 0 stands for ID 1 */
	/* 1 + the pair on which the driver last sent a frame of this flow; 0: it sent none */
	uint8_t flow[ANVIL_NET_FLOWS];
};

struct anvil_net_coalescing {
	uint32_t max_packets;
	uint32_t max_usecs; /* either 0: notify at once */
};

/* Counters wrap around (5.1.9.5.11); in the order of the specification's structures. */
struct anvil_net_queue {
	struct anvil_net_coalescing coalescing;
	uint32_t waiting; /* packets that the driver was not notified of */
	uint64_t since;	  /* when the first one of them came */
	bool blocked;	  /* transmit: the nic said -EAGAIN */
	uint64_t basic[6];
	uint64_t csum[4];
	uint64_t gso[6];
};

struct anvil_net {
	struct anvil_device dev; /* give it to a transport */
	struct anvil_net_options options;
	struct anvil_net_config config;
	struct {
		bool up;
		uint32_t speed;
		uint8_t duplex;
	} link;			     /* as the host last said */
	unsigned int pairs;	     /* that exist with the features accepted */
	struct anvil_features guest; /* offloads of received frames that are enabled */
	struct anvil_net_steering steering;
	struct anvil_net_coalescing coalescing[2]; /* for queues that are enabled; RX, TX */
	uint64_t now;				   /* us, as last told */
	uint64_t commands[2];			   /* received, completed well */
	struct anvil_net_queue *queue;		   /* one for each of dev.queue; the device's own */
	struct anvil_net_filter *filter;	   /* the device's own */
	struct anvil_net_mac_table *proposed;	   /* two tables, of a command under way */
	struct anvil_descriptor_segment *segment;  /* for all chains of one frame together */
	struct anvil_descriptor_chain *chain;	   /* of one received frame */
	uint8_t *frame;				   /* ANVIL_NIC_FRAME_BYTES_MAX */
	unsigned int next_tx_pair; /* the pair whose turn it is when the nic can send again */
	bool rx_blocked;	   /* we said -EAGAIN */
	bool announce;		   /* the driver is to announce itself, and has not */
};

/*
 * Creates the device and all it will ever need, and sets the nic's upcalls. Returns 0, -EINVAL (an
 * option out of range) or -ENOMEM; on failure nothing stays allocated.
 *
 * The nic waits (-EAGAIN) for receive buffers only while one pair is in use. With several, a frame
 * for a queue without buffers is dropped, so that no queue waits for another one's.
 */
int anvil_net_init(struct anvil_net *net, const struct anvil_net_options *options)
	__attribute__((warn_unused_result));
void anvil_net_destroy(struct anvil_net *net);

/* The cable: tells the driver if STATUS was negotiated. While down, frames are dropped both ways.
 */
void anvil_net_set_link(struct anvil_net *net, bool up);

/* Other values than at creation; call it while the link is down (5.1.4.1). Nothing happens without
 * SPEED_DUPLEX on offer, or if `speed` or `duplex` is none of the values above. */
void anvil_net_set_speed(struct anvil_net *net, uint32_t speed, uint8_t duplex);

/* Asks the driver to announce itself on the network (5.1.9.5.4), after the guest has moved. Nothing
 * happens unless GUEST_ANNOUNCE and STATUS were negotiated. */
void anvil_net_announce(struct anvil_net *net);

/*
 * The host's clock, in microseconds from any start, never going back. Sends the notifications that
 * are due by now (5.1.9.5.10). Returns whether one is still waiting; then `next` is the time by
 * which this is to be called again. Look at anvil_net_next_tick after each call into the device.
 */
bool anvil_net_tick(struct anvil_net *net, uint64_t now, uint64_t *next);
bool anvil_net_next_tick(const struct anvil_net *net, uint64_t *next);

#ifdef __cplusplus
}
#endif

#endif
