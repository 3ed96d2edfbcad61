/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network interface without privileges: libslirp plays the network 10.0.2.0/24 and speaks to the
 * world through sockets of this process. IPv4; gateway (and the host's loopback) 10.0.2.2, name
 * server 10.0.2.3, the guest gets 10.0.2.15 by DHCP.
 *
 * It does no offloads: offer neither CSUM nor HOST_* in front of it. Frames that ask for such work,
 * or that are longer than NIC_SLIRP_FRAME_BYTES, are dropped and counted.
 *
 * The guest decides how many connections libslirp opens, thus how much memory and how many file
 * descriptors it uses: limit the process (RLIMIT_NOFILE, a control group). libslirp writes to
 * sockets whose other end may be gone: the embedder ignores SIGPIPE.
 *
 * An event loop repeats
 *	count = nic_slirp_fill(nic, pollfds, ROOM, &timeout);
 *	poll(pollfds, count, timeout);
 *	nic_slirp_dispatch(nic, pollfds, count);
 * Frames reach the device from inside nic_slirp_dispatch and `receivable` alone, never from inside
 * `send`: the device may be using its buffers then. `send` makes the poll return at once instead,
 * also one that another thread has entered already.
 */
#ifndef NIC_SLIRP_H
#define NIC_SLIRP_H

#include "backend.h"

#define NIC_SLIRP_FRAME_BYTES 1514u /* an MTU of 1,500 */
#define NIC_SLIRP_TIMERS      4u

struct pollfd;
struct nic_slirp_frame;

/* What comes in at a port of the host goes to the guest. Addresses are dotted IPv4. */
struct nic_slirp_forward {
	bool udp;
	const char *host_address; /* NULL: 127.0.0.1, not reachable from elsewhere */
	uint16_t host_port;
	const char *guest_address; /* NULL: 10.0.2.15 */
	uint16_t guest_port;
};

struct nic_slirp_options {
	const struct nic_slirp_forward *forwards; /* needed during open only */
	size_t forward_count;
	uint32_t ring_frames; /* how many wait for the guest before they are dropped; 0: 256 */
	bool isolated; /* the guest reaches DHCP, the gateway's ARP and what forwards bring in */
	bool no_host_loopback; /* 10.0.2.2 is not the host's 127.0.0.1 */
};

struct nic_slirp_timer {
	void (*expired)(void *opaque);
	void *opaque;
	int64_t at; /* ms; INT64_MAX: not set */
	bool used;
};

struct nic_slirp {
	struct nic nic; /* give it to a device; the struct must not move once open */
	/* frames lost because nobody took them in time, or they were too long; only ever rise */
	uint64_t dropped_to_guest;
	uint64_t dropped_from_guest;
	/* private */
	void *slirp;
	int wake; /* an eventfd */
	struct nic_slirp_frame *ring;
	uint32_t ring_frames;
	uint32_t ring_first;
	uint32_t ring_used;
	bool guest_full; /* receive said -EAGAIN */
	struct nic_slirp_timer timer[NIC_SLIRP_TIMERS];
};

/*
 * Starts a network. All frames that will ever wait are allocated here. Returns 0, or with nothing
 * open
 *   -EINVAL  an address or a port of a forward is none
 *   -ENOMEM
 *   what the system said to a forward's host port, such as -EADDRINUSE or -EACCES
 * and in `error`, of `error_len` bytes, one line that says what to do. A line that does not fit is
 * cut off; error_len may be 0.
 */
int nic_slirp_open(struct nic_slirp *nic, const struct nic_slirp_options *options, char *error,
		   size_t error_len) __attribute__((warn_unused_result));

/* Ends all connections; frames that wait are lost. No device may use the nic any more. */
void nic_slirp_close(struct nic_slirp *nic);

/*
 * What to poll for. Fills at most `room` (2 or more, 1024 are plenty) entries, returns how many,
 * and lowers `timeout` (ms as for poll, -1: none) to when something is due. Connections that find
 * no room stand still.
 */
unsigned int nic_slirp_fill(struct nic_slirp *nic, struct pollfd *pollfds, unsigned int room,
			    int *timeout);

/* After poll, whatever it returned: moves data both ways, runs timers, hands frames over. `count`
 * is what the last fill returned. */
void nic_slirp_dispatch(struct nic_slirp *nic, const struct pollfd *pollfds, unsigned int count);

#endif
