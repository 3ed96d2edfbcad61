/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network device (5.1) in front of a struct nic: one receive, one transmit and one control
 * queue.
 *
 * Frames from the guest are copied out, their offload header is checked against the frame itself
 * and handed on; what does not check out is dropped. Frames for the guest pass the filters that
 * the driver has set. Checksums and segmentation that the driver did not negotiate: a missing
 * checksum is completed here, a frame to be segmented is dropped.
 */
#ifndef VIRTIO_NET_H
#define VIRTIO_NET_H

#include "backend.h"
#include "virtio_device.h"
#include "virtio_spec.h"

#define VIRTIO_NET_RX	0u
#define VIRTIO_NET_TX	1u
#define VIRTIO_NET_CTRL 2u

/* A table with more entries than this of one kind lets all of that kind pass (5.1.6.5.2). */
#define VIRTIO_NET_MAC_TABLE 64u
#define VIRTIO_NET_VLANS     4096u

/* Longer control commands, in bytes, are refused: some ten thousand addresses. */
#define VIRTIO_NET_COMMAND_MAX 65536u

struct virtio_net_options {
	const struct guest_memory *memory; /* the caller's, must outlive the device */
	struct nic *nic;		   /* likewise */
	/*
	 * Offered: any of CSUM, GUEST_CSUM, MTU, MAC, GUEST_TSO4, GUEST_TSO6, GUEST_ECN, HOST_TSO4,
	 * HOST_TSO6, HOST_ECN, MRG_RXBUF, STATUS, CTRL_VQ, CTRL_RX, CTRL_VLAN, CTRL_RX_EXTRA,
	 * CTRL_MAC_ADDR, INDIRECT_DESC, EVENT_IDX, RING_RESET, ORDER_PLATFORM, SUSPEND, if what
	 * they require (5.1.3.1) is offered too. Offer CSUM and HOST_* only if the nic does that
	 * work. VERSION_1 is added.
	 */
	struct virtio_features features;
	uint16_t queue_size_max; /* power of 2 */
	uint8_t mac[NIC_MAC_BYTES];
	uint16_t mtu; /* 68 to 65,535; also the limit of frames when MTU is not offered */
	bool link_up;
};

struct virtio_net_mac_table {
	uint8_t mac[VIRTIO_NET_MAC_TABLE][NIC_MAC_BYTES];
	uint32_t count;
	bool all; /* did not fit: let all of this kind pass */
};

/* What the driver set through the control queue; all zero after reset. */
struct virtio_net_filter {
	bool promisc;
	bool allmulti;
	bool alluni;
	bool nomulti;
	bool nouni;
	bool nobcast;
	struct virtio_net_mac_table unicast;
	struct virtio_net_mac_table multicast;
	uint64_t vlan[VIRTIO_NET_VLANS / 64];
};

struct virtio_net {
	struct virtio_device dev; /* give it to a transport */
	struct virtio_net_options options;
	struct virtio_net_config config;
	struct virtio_net_filter *filter;      /* ours */
	struct virtio_net_mac_table *proposed; /* two tables, of a command under way */
	struct descriptor_segment *segment;    /* for all chains of one frame together */
	struct descriptor_chain *chain;	       /* of one received frame */
	uint8_t *frame;			       /* NIC_FRAME_BYTES_MAX */
	bool tx_blocked;		       /* the nic said -EAGAIN */
	bool rx_blocked;		       /* we said -EAGAIN */
};

/*
 * Creates the device and all it will ever need, and sets the nic's upcalls. Returns 0, -EINVAL (an
 * option out of range) or -ENOMEM; on failure nothing stays allocated.
 */
int virtio_net_init(struct virtio_net *net, const struct virtio_net_options *options)
	__attribute__((warn_unused_result));
void virtio_net_destroy(struct virtio_net *net);

/* The cable: tells the driver if STATUS was negotiated. While down, frames are dropped both ways.
 */
void virtio_net_set_link(struct virtio_net *net, bool up);

#endif
