/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames as reads and writes, each behind the kernel's struct virtio_net_hdr_v1 in the host's byte
 * order.
 */
#include "nic_tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#define DRIVER	     "/dev/net/tun"
#define HEADER_BYTES 12u
#define BUFFER_BYTES (HEADER_BYTES + ANVIL_NIC_FRAME_BYTES_MAX + 1) /* 1: too long shows */
#define TCP_HEADER   20u
#define TCP_OFFSET   12u
#define TCP_CSUM     16u
#define GSO_UDP_L4   5u /* VIRTIO_NET_HDR_GSO_UDP_L4, which older headers lack */

_Static_assert(sizeof(struct virtio_net_hdr_v1) == HEADER_BYTES, "the kernel's header");
_Static_assert(ANVIL_NIC_TAP_NAME_BYTES == IFNAMSIZ, "the kernel's names");

/* ---- headers ---- */

static void make_header(const struct anvil_nic_offload *offload, struct virtio_net_hdr_v1 *header)
{
	memset(header, 0, sizeof(*header));
	if (offload->needs_csum) {
		header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header->csum_start = offload->csum_start;
		header->csum_offset = offload->csum_offset;
	} else if (offload->csum_valid) {
		header->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (offload->gso == ANVIL_NIC_GSO_NONE)
		return;
	header->gso_type = offload->gso == ANVIL_NIC_GSO_TCP4	? VIRTIO_NET_HDR_GSO_TCPV4
			   : offload->gso == ANVIL_NIC_GSO_TCP6 ? VIRTIO_NET_HDR_GSO_TCPV6
								: GSO_UDP_L4;
	if (offload->gso_ecn)
		header->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	header->gso_size = offload->gso_size;
	header->hdr_len = offload->header_len;
}

/* The kernel's hdr_len is what happens to be in one piece: the TCP header says where it ends. */
static int parse_gso(const struct virtio_net_hdr_v1 *header, struct anvil_nic_frame *frame)
{
	struct anvil_nic_offload *offload = &frame->offload;
	uint8_t type = header->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	uint32_t tcp = offload->csum_start;

	if (type != VIRTIO_NET_HDR_GSO_TCPV4 && type != VIRTIO_NET_HDR_GSO_TCPV6)
		return -EINVAL;
	if (header->gso_size == 0 || !offload->needs_csum || offload->csum_offset != TCP_CSUM ||
	    tcp < ANVIL_NIC_FRAME_BYTES_MIN || tcp + TCP_HEADER > frame->len)
		return -EINVAL;

	uint32_t end = tcp + (uint32_t)(frame->data[tcp + TCP_OFFSET] >> 4) * 4;

	if (end < tcp + TCP_HEADER || end > frame->len || end > UINT16_MAX)
		return -EINVAL;
	offload->gso = type == VIRTIO_NET_HDR_GSO_TCPV4 ? ANVIL_NIC_GSO_TCP4 : ANVIL_NIC_GSO_TCP6;
	offload->gso_ecn = header->gso_type & VIRTIO_NET_HDR_GSO_ECN;
	offload->gso_size = header->gso_size;
	offload->header_len = (uint16_t)end;
	return 0;
}

static int parse_header(const struct virtio_net_hdr_v1 *header, struct anvil_nic_frame *frame)
{
	struct anvil_nic_offload *offload = &frame->offload;

	memset(offload, 0, sizeof(*offload));
	if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		offload->needs_csum = true;
		offload->csum_start = header->csum_start;
		offload->csum_offset = header->csum_offset;
		if ((uint32_t)offload->csum_start + offload->csum_offset + 2 > frame->len)
			return -EINVAL;
	} else if (header->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		offload->csum_valid = true;
	}
	return header->gso_type == VIRTIO_NET_HDR_GSO_NONE ? 0 : parse_gso(header, frame);
}

/* ---- from the guest ---- */

static ssize_t write_frame(int fd, struct virtio_net_hdr_v1 *header,
			   const struct anvil_nic_frame *frame)
{
	struct iovec part[] = {
		{ header, HEADER_BYTES },
		{ (void *)(uintptr_t)frame->data, frame->len },
	};
	ssize_t n;

	do
		n = writev(fd, part, 2);
	while (n < 0 && errno == EINTR);
	return n;
}

/* An interface that is down, or a frame that the kernel does not like: as on a wire, it is lost */
static int send_frame(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	struct anvil_nic_tap *tap = (struct anvil_nic_tap *)(void *)nic;
	struct virtio_net_hdr_v1 header;

	make_header(&frame->offload, &header);
	if (write_frame(tap->fd, &header, frame) >= 0)
		return 0;
	if (errno == EAGAIN && !tap->gone) {
		tap->send_blocked = true;
		return -EAGAIN;
	}
	tap->dropped_from_guest++;
	return 0;
}

static void unblock(struct anvil_nic_tap *tap)
{
	if (!tap->send_blocked)
		return;
	tap->send_blocked = false;
	tap->nic.sendable(&tap->nic);
}

/* ---- to the guest ---- */

/* Returns 1 with a frame in tap->waiting, 0 if it was dropped, or a negative errno. */
static int read_frame(struct anvil_nic_tap *tap)
{
	struct virtio_net_hdr_v1 header;
	ssize_t n = read(tap->fd, tap->buffer, BUFFER_BYTES);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;

	size_t len = (size_t)n;

	tap->dropped_to_guest++; /* unless all is well */
	if (len < HEADER_BYTES + ANVIL_NIC_FRAME_BYTES_MIN ||
	    len > HEADER_BYTES + ANVIL_NIC_FRAME_BYTES_MAX)
		return 0;
	memcpy(&header, tap->buffer, HEADER_BYTES);
	tap->waiting.data = tap->buffer + HEADER_BYTES;
	tap->waiting.len = (uint32_t)(len - HEADER_BYTES);
	if (parse_header(&header, &tap->waiting))
		return 0;
	tap->dropped_to_guest--;
	return 1;
}

static void deliver(struct anvil_nic_tap *tap)
{
	tap->guest_full = tap->nic.receive(&tap->nic, &tap->waiting) == -EAGAIN;
}

static void receivable(struct anvil_nic *nic)
{
	struct anvil_nic_tap *tap = (struct anvil_nic_tap *)(void *)nic;

	if (tap->guest_full)
		deliver(tap); /* the next ones are found by poll */
}

static const struct anvil_nic_ops tap_ops = { .send = send_frame, .receivable = receivable };

static void read_burst(struct anvil_nic_tap *tap)
{
	for (unsigned int i = 0; i < ANVIL_NIC_TAP_BURST && !tap->guest_full; i++) {
		int got = read_frame(tap);

		if (got < 0)
			return;
		if (got > 0)
			deliver(tap);
	}
}

/* ---- polling ---- */

void anvil_nic_tap_fill(const struct anvil_nic_tap *tap, struct pollfd *pollfd)
{
	short in = tap->guest_full ? 0 : POLLIN;
	short out = tap->send_blocked ? POLLOUT : 0;

	*pollfd = (struct pollfd){ .fd = tap->gone ? -1 : tap->fd, .events = (short)(in | out) };
}

/* POLLERR stays for ever: polling on would spin. Without the interface, sending always succeeds */
void anvil_nic_tap_dispatch(struct anvil_nic_tap *tap, const struct pollfd *pollfd)
{
	if (pollfd->revents & (POLLERR | POLLHUP | POLLNVAL))
		tap->gone = true;
	if (tap->gone || pollfd->revents & POLLOUT)
		unblock(tap);
	if (pollfd->revents & POLLIN)
		read_burst(tap);
}

/* ---- opening ---- */

int anvil_nic_tap_set_offloads(struct anvil_nic_tap *tap,
			       const struct anvil_nic_tap_offloads *offloads)
{
	bool tso = offloads->tso4 || offloads->tso6;
	unsigned long flags =
		(offloads->csum ? TUN_F_CSUM : 0u) | (offloads->tso4 ? TUN_F_TSO4 : 0u) |
		(offloads->tso6 ? TUN_F_TSO6 : 0u) | (offloads->ecn ? TUN_F_TSO_ECN : 0u);

	if ((tso && !offloads->csum) || (offloads->ecn && !tso))
		return -EINVAL;
	return ioctl(tap->fd, TUNSETOFFLOAD, flags) ? -errno : 0;
}

static int explain_driver(int err, char *error, size_t len)
{
	switch (err) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		(void)snprintf(error, len, "%s: no such driver; load it with: modprobe tun",
			       DRIVER);
		return -ENODEV;
	case EACCES:
	case EPERM:
		(void)snprintf(error, len, "%s: no permission; ask root for it", DRIVER);
		return -EACCES;
	default:
		(void)snprintf(error, len, "%s: cannot be opened: %s", DRIVER, strerror(err));
		return -err;
	}
}

static int explain_interface(int err, const char *name, char *error, size_t len)
{
	const char *shown = *name ? name : "a new interface";

	switch (err) {
	case EACCES:
	case EPERM:
		(void)snprintf(error, len,
			       "%s: no permission; let root make it with: ip tuntap add dev %s "
			       "mode tap user $USER",
			       shown, *name ? name : "tap0");
		return -EACCES;
	case EBUSY:
		(void)snprintf(error, len, "%s: in use by another program; name another one",
			       shown);
		return -EBUSY;
	case EINVAL:
		(void)snprintf(error, len,
			       "%s: is not a TAP interface with one queue, nor a name for a new "
			       "one; name another one",
			       shown);
		return -EINVAL;
	default:
		(void)snprintf(error, len, "%s: cannot be used: %s", shown, strerror(err));
		return -err;
	}
}

/* Leaves the name that the kernel chose in tap->name. */
static int attach(struct anvil_nic_tap *tap)
{
	static const struct anvil_nic_tap_offloads none;
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int header = HEADER_BYTES;

	memcpy(request.ifr_name, tap->name, IFNAMSIZ);
	if (ioctl(tap->fd, TUNSETIFF, &request))
		return errno;
	if (ioctl(tap->fd, TUNSETVNETHDRSZ, &header))
		return errno;
	memcpy(tap->name, request.ifr_name, IFNAMSIZ);
	return -anvil_nic_tap_set_offloads(tap, &none);
}

static int open_interface(struct anvil_nic_tap *tap, char *error, size_t len)
{
	tap->fd = open(DRIVER, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (tap->fd < 0)
		return explain_driver(errno, error, len);

	int err = attach(tap);

	return err ? explain_interface(err, tap->name, error, len) : 0;
}

int anvil_nic_tap_open(struct anvil_nic_tap *tap, const char *name, char *error, size_t error_len)
{
	size_t len = name ? strlen(name) : 0;

	memset(tap, 0, sizeof(*tap));
	tap->nic.ops = &tap_ops;
	tap->fd = -1;
	if (len >= IFNAMSIZ) {
		(void)snprintf(error, error_len,
			       "%s: too long for an interface; use up to 15 characters", name);
		return -ENAMETOOLONG;
	}
	if (len > 0)
		memcpy(tap->name, name, len);
	tap->buffer = malloc(BUFFER_BYTES);
	if (!tap->buffer) {
		(void)snprintf(error, error_len, "%s: out of memory", DRIVER);
		return -ENOMEM;
	}

	int err = open_interface(tap, error, error_len);

	if (err)
		anvil_nic_tap_close(tap);
	return err;
}

void anvil_nic_tap_close(struct anvil_nic_tap *tap)
{
	if (tap->fd >= 0)
		(void)close(tap->fd);
	tap->fd = -1;
	free(tap->buffer);
	tap->buffer = NULL;
}
