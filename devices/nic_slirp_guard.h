/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stands between a guest and libslirp, for nic_slirp.c. libslirp keeps what a guest makes it keep:
 * fragments, sockets, answers for neighbours that it has to look for. This passes on only as much
 * as the limits in nic_slirp.h allow, and only frames that libslirp has a use for: ARP, and IPv4
 * that is well-formed.
 *
 * Apart from anvil_nic_slirp_guard_admits, which asks the host whether an address is its own, these
 * are functions of frames and tables. The caller serialises them, as it does libslirp.
 */
#ifndef ANVIL_NIC_SLIRP_GUARD_H
#define ANVIL_NIC_SLIRP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* IP packets that wait for fragments, and fragments of each, that libslirp keeps at one time. */
#define ANVIL_NIC_SLIRP_REASSEMBLIES 32u
#define ANVIL_NIC_SLIRP_FRAGMENTS    128u

struct anvil_nic_slirp_guard;

struct anvil_nic_slirp_guard_options {
	uint32_t flows;	  /* that may be open at one time; at least 1 */
	size_t listeners; /* for forwards; not part of the above */
	int fds;	  /* from this descriptor on the process has too few left */
	bool host;	  /* the host's own addresses may be reached */
	uint32_t gateway; /* host byte order, as all addresses here */
	uint32_t name_server;
	uint32_t broadcast; /* of the guest's network */
};

/* NULL: no memory. */
struct anvil_nic_slirp_guard *
anvil_nic_slirp_guard_create(const struct anvil_nic_slirp_guard_options *options);
void anvil_nic_slirp_guard_destroy(struct anvil_nic_slirp_guard *guard);

/* Whether libslirp gets this frame, of at least ANVIL_NIC_FRAME_BYTES_MIN bytes. What libslirp
 * opens before anvil_nic_slirp_guard_done belongs to the frame. */
bool anvil_nic_slirp_guard_admits(struct anvil_nic_slirp_guard *guard, const uint8_t *frame,
				  uint32_t len);
void anvil_nic_slirp_guard_done(struct anvil_nic_slirp_guard *guard);

/* What libslirp opens before anvil_nic_slirp_guard_done listens for a forward. */
void anvil_nic_slirp_guard_listens(struct anvil_nic_slirp_guard *guard);

/* libslirp has opened a socket, or is about to close it; a negative descriptor is none. */
void anvil_nic_slirp_guard_opened(struct anvil_nic_slirp_guard *guard, int fd);
void anvil_nic_slirp_guard_closed(struct anvil_nic_slirp_guard *guard, int fd);

/* Connections that come in at a forward wait in the kernel while no more may be open. */
bool anvil_nic_slirp_guard_polls(const struct anvil_nic_slirp_guard *guard, int fd);

/* Connections and datagram sockets that are open. */
uint32_t anvil_nic_slirp_guard_flows(const struct anvil_nic_slirp_guard *guard);

/* Time goes on, in milliseconds. */
void anvil_nic_slirp_guard_tick(struct anvil_nic_slirp_guard *guard, int64_t now);

#ifdef __cplusplus
}
#endif

#endif
