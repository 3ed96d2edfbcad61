/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtio-mmio network device (virtio 1.4, 5.1) with one pair of queues and a control queue.
 */
#ifndef NET_H
#define NET_H

#include "virtio.h"
#include "vmm.h"

#define NET_QUEUE_MAX 64u
#define NET_FRAME_MAX 1518u
#define NET_HEADER    12u

enum net_queue_index {
	NET_RX,
	NET_TX,
	NET_CTRL,
	NET_QUEUES,
};

/* as a guest reads it (5.1.4) */
struct net_config {
	uint8_t mac[6];
	uint16_t status;
};

/* One chain: its device-readable buffers, and then its device-writable ones. */
struct net_chain {
	uint16_t head;
	unsigned int nout, nin;
	uint64_t out_len, in_len;
	struct buf buf[NET_QUEUE_MAX];
};

struct net {
	struct vm *vm;
	uint8_t mac[6]; /* the one that it is made with */
	bool link_up;
	uint32_t status;
	uint32_t interrupts;
	uint32_t generation;
	uint32_t device_features_sel, driver_features_sel, queue_sel;
	uint64_t driver_features, driver_features_above; /* bits 0 to 63, 64 to 127 */
	struct virtqueue vq[NET_QUEUES];
	struct net_chain rx[NET_QUEUE_MAX];	    /* those of the frame that is received now */
	uint8_t packet[NET_HEADER + NET_FRAME_MAX]; /* the one that is sent or received now */
	struct net_config config;
};

/* The device as new, with the link up. The VM has to last as long as it does. */
void net_init(struct net *n, struct vm *vm, const uint8_t mac[6]);

/* The guest reads or writes 1, 2, 4 or 8 bytes of the window. */
uint64_t net_read(struct net *n, uint64_t offset, unsigned int width);
void net_write(struct net *n, uint64_t offset, unsigned int width, uint64_t value);

/* A frame for the guest, from the Ethernet header on. Returns false where it is lost: the guest
 * has no room for it, or does not listen. */
bool net_receive(struct net *n, const void *frame, size_t len);

/* The cable is in, or out. */
void net_set_link(struct net *n, bool up);

#endif
