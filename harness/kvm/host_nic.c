/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_net in front of one of the network back ends.
 */
#include "host_nic.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/complain.h"
#include "nic_pcap.h"
#include "nic_slirp.h"
#include "nic_tap.h"
#include "sandbox.h"
#include "virtio_net.h"
#include "virtio_spec.h"

#define QUEUE_SIZE 256u
#define PCAP_BURST 64u
#define MTU	   1500u
#define SPEED	   10000u /* Mbit/s; as good as any other number */

struct host_nic {
	struct host_device device; /* first */
	struct anvil_net net;
	enum host_nic_kind kind;
	struct anvil_nic none;
	struct anvil_nic_slirp slirp;
	struct anvil_nic_tap tap;
	struct anvil_nic_tap_offloads offloads; /* as the TAP interface has them now */
	struct anvil_nic_pcap pcap;
	char capture[256]; /* its name, until it is said that it has ended */
	bool pcap_ended;   /* all frames were delivered, or cannot be read any more */
	int (*receive)(struct anvil_nic *nic,
		       const struct anvil_nic_frame *frame); /* the device's */
	bool held; /* the frame was offered before, and is recorded */
};

static struct host_nic *to_nic(struct host_device *d)
{
	return (struct host_nic *)(void *)d;
}

/* ---- none ---- */

static int drop(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	(void)nic, (void)frame;
	return 0;
}

static const struct anvil_nic_ops none_ops = { .send = drop };

/* ---- the thread's part ---- */

/* Stands before the device's own `receive`: a recorder hears of each frame once. */
static int receive(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	struct anvil_net *net = nic->device;
	struct host_nic *n = (void *)((char *)net - offsetof(struct host_nic, net));
	int result;

	if (n->device.recorder && !n->held)
		recorder_frame(n->device.recorder, frame);
	result = n->receive(nic, frame);
	n->held = result == -EAGAIN;
	return result;
}

/* What the driver takes now, the kernel may leave undone. */
static void follow_offloads(struct host_nic *n)
{
	const struct anvil_features *takes = &n->net.guest;
	const struct anvil_nic_tap_offloads o = {
		.csum = anvil_features_has(takes, VIRTIO_NET_F_GUEST_CSUM),
		.tso4 = anvil_features_has(takes, VIRTIO_NET_F_GUEST_TSO4),
		.tso6 = anvil_features_has(takes, VIRTIO_NET_F_GUEST_TSO6),
		.ecn = anvil_features_has(takes, VIRTIO_NET_F_GUEST_ECN),
	};

	if (memcmp(&o, &n->offloads, sizeof(o)) && anvil_nic_tap_set_offloads(&n->tap, &o) == 0)
		n->offloads = o;
}

static bool ended(int delivered)
{
	return delivered < 0 && delivered != -EAGAIN;
}

static bool pcap_can_deliver(const struct host_nic *n)
{
	return !n->pcap_ended && !n->pcap.waiting &&
	       anvil_device_queue_live(&n->net.dev, ANVIL_NET_RX);
}

/* Each card has a thread, and libslirp data for all of them. */
static pthread_mutex_t slirp_lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Until notifications that were put off are due, in milliseconds; no later than `timeout`. */
static int until_tick(const struct host_nic *n, int timeout)
{
	uint64_t next;
	uint64_t now = microseconds();
	uint64_t wait;

	if (!anvil_net_next_tick(&n->net, &next))
		return timeout;
	wait = next > now ? (next - now + 999) / 1000 : 0;
	return timeout >= 0 && wait > (uint64_t)timeout ? timeout
	       : wait > INT_MAX				? INT_MAX
							: (int)wait;
}

static unsigned int fill_back_end(struct host_nic *n, struct pollfd *pollfds, unsigned int room,
				  int *timeout)
{
	switch (n->kind) {
	case HOST_NIC_USER:
		return anvil_nic_slirp_fill(&n->slirp, pollfds, room, timeout);
	case HOST_NIC_TAP:
		follow_offloads(n);
		anvil_nic_tap_fill(&n->tap, pollfds);
		return 1;
	case HOST_NIC_PCAP:
		if (pcap_can_deliver(n))
			*timeout = 0;
		return 0;
	default:
		return 0;
	}
}

static unsigned int fill(struct host_device *d, struct pollfd *pollfds, unsigned int room,
			 int *timeout)
{
	struct host_nic *n = to_nic(d);
	unsigned int count = fill_back_end(n, pollfds, room, timeout);

	*timeout = until_tick(n, *timeout);
	return count;
}

/* A limit, or a full disk. Once. */
static void tell_capture_end(struct host_nic *n)
{
	int err = n->pcap.out_end;

	if (!err || !n->capture[0])
		return;
	complain("%s: the capture ends here: %s", n->capture,
		 err == -EFBIG ? "it has reached its limit; choose another with ,limit=MIB"
			       : strerror(-err));
	n->capture[0] = 0;
}

static void dispatch(struct host_device *d, const struct pollfd *pollfds, unsigned int count)
{
	struct host_nic *n = to_nic(d);
	uint64_t next;

	(void)anvil_net_tick(&n->net, microseconds(), &next);
	switch (n->kind) {
	case HOST_NIC_USER:
		anvil_nic_slirp_dispatch(&n->slirp, pollfds, count);
		break;
	case HOST_NIC_TAP:
		anvil_nic_tap_dispatch(&n->tap, pollfds);
		break;
	case HOST_NIC_PCAP:
		if (pcap_can_deliver(n))
			n->pcap_ended = ended(anvil_nic_pcap_poll(&n->pcap, PCAP_BURST));
		tell_capture_end(n);
		break;
	default:
		break;
	}
}

static void describe(const struct host_device *d, struct recorder_options *options)
{
	options->net = &((const struct host_nic *)(const void *)d)->net.options;
}

static void needs(const struct host_device *d, struct sandbox_needs *needs)
{
	static const char *const name_servers[] = { "/etc/resolv.conf" };
	const struct host_nic *n = (const struct host_nic *)(const void *)d;

	if (n->kind == HOST_NIC_TAP)
		needs->tap = true;
	if (n->kind == HOST_NIC_USER) {
		needs->sockets = true;
		needs->readable = name_servers;
		needs->readable_count = 1;
	}
}

static void close_back_end(struct host_nic *n)
{
	switch (n->kind) {
	case HOST_NIC_USER:
		anvil_nic_slirp_close(&n->slirp);
		break;
	case HOST_NIC_TAP:
		anvil_nic_tap_close(&n->tap);
		break;
	case HOST_NIC_PCAP:
		if (anvil_nic_pcap_close(&n->pcap) && n->capture[0])
			complain("the capture is not complete: it could not be written");
		break;
	default:
		break;
	}
}

static void destroy(struct host_device *d)
{
	struct host_nic *n = to_nic(d);

	anvil_net_destroy(&n->net);
	close_back_end(n);
	free(n);
}

static const char *control(struct host_device *d, const char *what)
{
	struct anvil_net *net = &to_nic(d)->net;

	if (!strcmp(what, "link up"))
		anvil_net_set_link(net, true);
	else if (!strcmp(what, "link down"))
		anvil_net_set_link(net, false);
	else if (!strcmp(what, "announce"))
		anvil_net_announce(net);
	else
		return "a network card knows: link up, link down, announce";
	return NULL;
}

static const struct host_device_ops ops = { fill, dispatch, describe, control, needs, destroy };

/* ---- making it ---- */

static int open_user(struct host_nic *n, const struct host_nic_spec *spec, char *error, size_t room)
{
	struct anvil_nic_slirp_forward forward[HOST_NIC_FORWARDS] = { 0 };
	const struct anvil_nic_slirp_options o = {
		.forwards = forward,
		.forward_count = spec->forwards,
		.isolated = spec->isolated,
		.host = spec->host,
		.fds = SANDBOX_DESCRIPTORS,
		.lock = &slirp_lock,
	};

	for (unsigned int i = 0; i < spec->forwards; i++) {
		forward[i].host_port = spec->forward[i].host;
		forward[i].guest_port = spec->forward[i].guest;
	}
	return anvil_nic_slirp_open(&n->slirp, &o, error, room);
}

static int open_back_end(struct host_nic *n, const struct host_nic_spec *spec, char *error,
			 size_t room)
{
	const struct anvil_nic_pcap_options pcap = {
		.in = spec->input[0] ? spec->input : NULL,
		.out = spec->name,
		.delivered_too = true,
		.limit = (uint64_t)(spec->limit ? spec->limit : HOST_NIC_CAPTURE_MIB) << 20,
	};

	n->kind = spec->kind;
	snprintf(n->capture, sizeof(n->capture), "%s", spec->name);
	switch (spec->kind) {
	case HOST_NIC_USER:
		return open_user(n, spec, error, room);
	case HOST_NIC_TAP:
		return anvil_nic_tap_open(&n->tap, spec->name, error, room);
	case HOST_NIC_PCAP:
		return anvil_nic_pcap_open(&n->pcap, &pcap, error, room);
	default:
		n->none.ops = &none_ops;
		return 0;
	}
}

static struct anvil_nic *back_end(struct host_nic *n)
{
	switch (n->kind) {
	case HOST_NIC_USER:
		return &n->slirp.nic;
	case HOST_NIC_TAP:
		return &n->tap.nic;
	case HOST_NIC_PCAP:
		return &n->pcap.nic;
	default:
		return &n->none;
	}
}

static void add_features(struct anvil_features *set, const uint8_t *feature, size_t count)
{
	for (size_t i = 0; i < count; i++)
		anvil_features_add(set, feature[i]);
}

static int make_device(struct host_nic *n, const struct host_nic_spec *spec, unsigned int number,
		       const struct anvil_guest_memory *memory)
{
	static const uint8_t always[] = {
		VIRTIO_NET_F_GUEST_CSUM,
		VIRTIO_NET_F_MTU,
		VIRTIO_NET_F_MAC,
		VIRTIO_NET_F_STATUS,
		VIRTIO_NET_F_CTRL_VQ,
		VIRTIO_NET_F_CTRL_RX,
		VIRTIO_NET_F_CTRL_VLAN,
		VIRTIO_NET_F_CTRL_MAC_ADDR,
		VIRTIO_F_INDIRECT_DESC,
		VIRTIO_NET_F_CTRL_RX_EXTRA,
		VIRTIO_F_EVENT_IDX,
		VIRTIO_F_RING_RESET,
		VIRTIO_NET_F_GUEST_ANNOUNCE,
		VIRTIO_NET_F_SPEED_DUPLEX,
		VIRTIO_NET_F_NOTF_COAL,
		VIRTIO_NET_F_VQ_NOTF_COAL,
		VIRTIO_NET_F_DEVICE_STATS,
		VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
	};
	static const uint8_t with_queues[] = { VIRTIO_NET_F_MQ, VIRTIO_NET_F_RSS };
	/* the work that the host's kernel does */
	static const uint8_t with_tap[] = {
		VIRTIO_NET_F_CSUM,	VIRTIO_NET_F_HOST_TSO4,	 VIRTIO_NET_F_HOST_TSO6,
		VIRTIO_NET_F_HOST_ECN,	VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6,
		VIRTIO_NET_F_GUEST_ECN,
	};
	struct anvil_net_options o = {
		.memory = memory,
		.nic = back_end(n),
		.queue_size_max = QUEUE_SIZE,
		.mac = { 2, 0, 0, 0, 0, (uint8_t)number },
		.mtu = MTU,
		.link_up = true,
		.queue_pairs_max = (uint16_t)spec->queues,
		.speed = SPEED,
		.duplex = ANVIL_NET_DUPLEX_FULL,
	};
	int err;

	add_features(&o.features, always, sizeof(always));
	if (spec->queues > 1)
		add_features(&o.features, with_queues, sizeof(with_queues));
	if (spec->packed)
		anvil_features_add(&o.features, VIRTIO_F_RING_PACKED);
	if (spec->mergeable)
		anvil_features_add(&o.features, VIRTIO_NET_F_MRG_RXBUF);
	if (n->kind == HOST_NIC_TAP)
		add_features(&o.features, with_tap, sizeof(with_tap));
	err = anvil_net_init(&n->net, &o);
	if (!err) {
		n->receive = o.nic->receive;
		o.nic->receive = receive;
	}
	return err;
}

int host_nic_create(struct host_device **device, const struct host_nic_spec *spec,
		    unsigned int number, const struct anvil_guest_memory *memory, char *error,
		    size_t room)
{
	struct host_nic *n = calloc(1, sizeof(*n));
	int err;

	if (!n) {
		snprintf(error, room, "--net: not enough memory");
		return -ENOMEM;
	}
	err = open_back_end(n, spec, error, room);
	if (err) {
		free(n);
		return err;
	}
	err = make_device(n, spec, number, memory);
	if (err) {
		snprintf(error, room, "--net: no device can be made: %s", strerror(-err));
		close_back_end(n);
		free(n);
		return err;
	}
	*device = &n->device;
	err = host_device_init(*device, &ops, &n->net.dev);
	if (err) {
		snprintf(error, room, "--net: too many open files; raise the limit: ulimit -n");
		host_device_destroy(*device);
	}
	return err;
}
