/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network interface without privileges: libslirp plays the network 10.0.2.0/24 and speaks to the
 * world through sockets of this process. IPv4; gateway 10.0.2.2, name server 10.0.2.3, the guest
 * gets 10.0.2.15 by DHCP.
 *
 * The guest reaches what this process reaches, but not the host itself: not 127.0.0.0/8, not
 * 0.0.0.0/8, no other address of the host's, and nothing behind 10.0.2.2. `host` opens all of that,
 * and makes 10.0.2.2 the host's 127.0.0.1. The name server that /etc/resolv.conf names is asked in
 * any case, and forwards bring in what they are made for. IPv6 is off.
 *
 * It does no offloads: offer neither CSUM nor HOST_* in front of it. Frames that ask for such work,
 * or that are longer than ANVIL_NIC_SLIRP_FRAME_BYTES, are dropped and counted. It knows no VLANs:
 * frames other than ARP and IPv4 are nobody's.
 *
 * What a guest makes libslirp keep is limited; what is more is dropped and counted:
 *   connections and datagram sockets  `flows` at one time, and while fewer than
 *                                     ANVIL_NIC_SLIRP_FDS_KEPT file descriptors are left to the
 *                                     process; a TCP connection takes up to 256 KiB. A forward's
 *                                     connections wait meanwhile.
 *   fragments of IP packets           ANVIL_NIC_SLIRP_REASSEMBLIES packets at one time, of up to
 *                                     ANVIL_NIC_SLIRP_FRAGMENTS each, from front to back within
 *                                     15 s; one that is never complete is forgotten after 30 s
 *   addresses that answer no ARP      64 frames from them in half a second
 *
 * libslirp writes to sockets whose other end may be gone: the embedder ignores SIGPIPE.
 *
 * libslirp has data that all networks of a process share, without a lock. With more than one thread
 * that opens, uses or closes a nic_slirp, give all of them the same `lock`; it is held during each
 * call into libslirp, `send` included, and never while frames reach the device. Calls for one
 * nic_slirp are serialised by the embedder anyway, as those for its device.
 *
 * An event loop repeats
 *	count = anvil_nic_slirp_fill(nic, pollfds, ROOM, &timeout);
 *	poll(pollfds, count, timeout);
 *	anvil_nic_slirp_dispatch(nic, pollfds, count);
 * Frames reach the device from inside anvil_nic_slirp_dispatch and `receivable` alone, never from
 * inside `send`: the device may be using its buffers then. `send` makes the poll return at once
 * instead, also one that another thread has entered already.
 */
#ifndef ANVIL_NIC_SLIRP_H
#define ANVIL_NIC_SLIRP_H

#include <pthread.h>

#include "backend.h"
#include "nic_slirp_guard.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ANVIL_NIC_SLIRP_FRAME_BYTES 1514u /* an MTU of 1,500 */
#define ANVIL_NIC_SLIRP_TIMERS	    4u
#define ANVIL_NIC_SLIRP_FLOWS	    512u
#define ANVIL_NIC_SLIRP_FDS_KEPT    16u

struct pollfd;
struct anvil_nic_slirp_frame;

/* What comes in at a port of the host goes to the guest. Addresses are dotted IPv4. */
struct anvil_nic_slirp_forward {
	bool udp;
	const char *host_address; /* NULL: 127.0.0.1, not reachable from elsewhere */
	uint16_t host_port;
	const char *guest_address; /* NULL: 10.0.2.15 */
	uint16_t guest_port;
};

struct anvil_nic_slirp_options {
	const struct anvil_nic_slirp_forward *forwards; /* needed during open only */
	size_t forward_count;
	uint32_t ring_frames; /* how many wait for the guest before they are dropped; 0: 256 */
	bool isolated;	/* the guest reaches DHCP, the gateway's ARP and what forwards bring in */
	bool host;	/* the guest reaches the host, and 10.0.2.2 is its 127.0.0.1 */
	uint32_t flows; /* 0: ANVIL_NIC_SLIRP_FLOWS */
	uint32_t fds;	/* files that the process may open later on; 0: as many as now */
	pthread_mutex_t *lock; /* see above; NULL: one thread has all of them */
};

struct anvil_nic_slirp_timer {
	void (*expired)(void *opaque);
	void *opaque;
	int64_t at; /* ms; INT64_MAX: not set */
	bool used;
};

struct anvil_nic_slirp {
	struct anvil_nic nic; /* give it to a device; the struct must not move once open */
	/* frames lost because nobody took them in time, or they were too long; only ever rise */
	uint64_t dropped_to_guest;
	uint64_t dropped_from_guest;
	/* frames that go nowhere, or would have been too much; only ever rises */
	uint64_t refused_from_guest;
	/* private */
	void *slirp;
	struct anvil_nic_slirp_guard *guard;
	pthread_mutex_t *lock;
	int wake; /* an eventfd */
	struct anvil_nic_slirp_frame *ring;
	uint32_t ring_frames;
	uint32_t ring_first;
	uint32_t ring_used;
	bool guest_full; /* receive said -EAGAIN */
	struct anvil_nic_slirp_timer timer[ANVIL_NIC_SLIRP_TIMERS];
};

/*
 * Starts a network. All frames that will ever wait are allocated here. Returns 0, or with nothing
 * open
 *   -EINVAL  an address or a port of a forward is none
 *   -EMFILE  the process may not have enough files open
 *   -ENOMEM
 *   what the system said to a forward's host port, such as -EADDRINUSE or -EACCES
 * and in `error`, of `error_len` bytes, one line that says what to do. A line that does not fit is
 * cut off; error_len may be 0.
 */
int anvil_nic_slirp_open(struct anvil_nic_slirp *nic, const struct anvil_nic_slirp_options *options,
			 char *error, size_t error_len) __attribute__((warn_unused_result));

/* Ends all connections; frames that wait are lost. No device may use the nic any more. */
void anvil_nic_slirp_close(struct anvil_nic_slirp *nic);

/* Connections and datagram sockets that are open. */
uint32_t anvil_nic_slirp_flows(const struct anvil_nic_slirp *nic);

/*
 * What to poll for. Fills at most `room` (2 or more, 1024 are plenty) entries, returns how many,
 * and lowers `timeout` (ms as for poll, -1: none) to when something is due. Connections that find
 * no room stand still.
 */
unsigned int anvil_nic_slirp_fill(struct anvil_nic_slirp *nic, struct pollfd *pollfds,
				  unsigned int room, int *timeout);

/* After poll, whatever it returned: moves data both ways, runs timers, hands frames over. `count`
 * is what the last fill returned. */
void anvil_nic_slirp_dispatch(struct anvil_nic_slirp *nic, const struct pollfd *pollfds,
			      unsigned int count);

#ifdef __cplusplus
}
#endif

#endif
