/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network back end behind virtio_net, for a machine that boots a kernel.
 */
#ifndef HOST_NIC_H
#define HOST_NIC_H

#include "base/command.h"
#include "guest_memory.h"
#include "host_device.h"

enum host_nic_kind {
	HOST_NIC_NONE, /* nobody is there: what is sent is gone */
	HOST_NIC_USER,
	HOST_NIC_TAP,
	HOST_NIC_PCAP,
	HOST_NIC_KINDS,
};

#define HOST_NIC_FORWARDS    8u
#define HOST_NIC_CAPTURE_MIB 1024u

struct host_nic_spec {
	enum host_nic_kind kind;
	char name[256];	     /* of the TAP interface, or the file to capture into */
	char input[256];     /* a capture whose frames the guest gets; empty: none */
	unsigned int limit;  /* of the capture, in MiB; 0: HOST_NIC_CAPTURE_MIB */
	bool mergeable;	     /* offer MRG_RXBUF */
	bool legacy;	     /* for host_device_make_legacy */
	bool packed;	     /* offer RING_PACKED */
	unsigned int queues; /* pairs of them; 0: as many as others have */
	struct {
		uint16_t host;
		uint16_t guest;
	} forward[HOST_NIC_FORWARDS]; /* TCP ports */
	unsigned int forwards;
	bool host;     /* the guest reaches the host: 10.0.2.2 is its 127.0.0.1 */
	bool isolated; /* the guest reaches nothing but what forwards bring in */
};

/* Kinds of network, and what may stand after them, up to an entry without a name. */
extern const struct option_word host_nic_words[];

/*
 * One of the kinds, and any of the words that go with it. Returns 0, or -EINVAL with one line in
 * `error`.
 */
int host_nic_parse(struct host_nic_spec *spec, const char *text, char *error, size_t room)
	__attribute__((warn_unused_result));

/*
 * Opens the back end, and makes a device of it, number `number` among the machine's, with the MAC
 * address 02:00:00:00:00:number. Returns 0, or with nothing open a negative errno and one line in
 * `error`. host_device_destroy frees all.
 */
int host_nic_create(struct host_device **device, const struct host_nic_spec *spec,
		    unsigned int number, const struct anvil_guest_memory *memory, char *error,
		    size_t room) __attribute__((warn_unused_result));

#endif
