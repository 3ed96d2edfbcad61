/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network interface that is a Linux TAP interface: what the guest sends, the host receives there,
 * and the other way round. Checksums and segmentation are the kernel's work: CSUM, HOST_TSO4,
 * HOST_TSO6 and HOST_ECN may be offered in front of it, HOST_USO if the host's kernel is Linux 6.2
 * or later, but not HOST_UDP_TUNNEL_GSO: tunnel offsets are not handed on.
 *
 * An event loop repeats
 *	anvil_nic_tap_fill(nic, &pollfd);
 *	poll(&pollfd, 1, timeout);
 *	anvil_nic_tap_dispatch(nic, &pollfd);
 * While the guest has no buffers nothing is read, and the kernel drops what its queue does not
 * hold.
 */
#ifndef ANVIL_NIC_TAP_H
#define ANVIL_NIC_TAP_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ANVIL_NIC_TAP_NAME_BYTES 16u /* with the NUL at the end */

/* Frames read in one dispatch at most, so that others get their turn. */
#define ANVIL_NIC_TAP_BURST 64u

struct pollfd;

/* Work on frames for the guest that the kernel may leave undone. */
struct anvil_nic_tap_offloads {
	bool csum; /* the others require it */
	bool tso4;
	bool tso6;
	bool ecn; /* requires tso4 or tso6 */
};

struct anvil_nic_tap {
	struct anvil_nic nic;		     /* give it to a device */
	char name[ANVIL_NIC_TAP_NAME_BYTES]; /* of the interface */
	/* frames lost to an error or a header that makes no sense; only ever rise */
	uint64_t dropped_to_guest;
	uint64_t dropped_from_guest;
	/* private */
	int fd;
	bool gone;	   /* the interface was deleted */
	bool send_blocked; /* send said -EAGAIN */
	bool guest_full;   /* receive said -EAGAIN: `waiting` is to be handed over first */
	struct anvil_nic_frame waiting;
	uint8_t *buffer; /* a header and a frame */
};

/*
 * Opens an interface, which is created if the caller may do that; NULL or "": the kernel chooses a
 * name. It starts with no offloads, and is brought up and given addresses by others. Returns 0, or
 * with nothing open
 *   -ENAMETOOLONG  a name has 1 to 15 characters
 *   -ENODEV        the host has no TAP driver
 *   -EACCES        no permission to use it, or this interface
 *   -EBUSY         another program has it
 *   -EINVAL        it is an interface of another kind, or no name for one
 *   -ENOMEM, or any other error that the system gave
 * and in `error`, of `error_len` bytes, one line that says what to do. A line that does not fit is
 * cut off; error_len may be 0.
 */
int anvil_nic_tap_open(struct anvil_nic_tap *nic, const char *name, char *error, size_t error_len)
	__attribute__((warn_unused_result));

/* No device may use the nic any more. An interface that was created goes away. */
void anvil_nic_tap_close(struct anvil_nic_tap *nic);

/*
 * Says what the guest takes; a device does with any of it, but drops segments-to-be that its driver
 * did not accept, so tso4 and tso6 follow GUEST_TSO4 and GUEST_TSO6 as accepted. Returns 0, or
 * -EINVAL (a requirement above is not met), or what the system said; then nothing has changed.
 */
int anvil_nic_tap_set_offloads(struct anvil_nic_tap *nic,
			       const struct anvil_nic_tap_offloads *offloads)
	__attribute__((warn_unused_result));

/* What to poll for. There is always an entry, which poll ignores once the interface is gone. */
void anvil_nic_tap_fill(const struct anvil_nic_tap *nic, struct pollfd *pollfd);

/* After poll, whatever it returned: calls `sendable`, and hands over what came in. */
void anvil_nic_tap_dispatch(struct anvil_nic_tap *nic, const struct pollfd *pollfd);

#ifdef __cplusplus
}
#endif

#endif
