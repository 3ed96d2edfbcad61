/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our own devices behind the door: a block, a network or an echo device, whichever a script's
 * header asks for, with its transport, fake back ends, and the tap that tells the exact model of
 * each access.
 */
#ifndef OWN_DEVICE_H
#define OWN_DEVICE_H

#include "device_under_test.h"
#include "echo_device.h"
#include "fake_disk.h"
#include "fake_nic.h"
#include "virtio_blk.h"
#include "virtio_mmio.h"
#include "virtio_net.h"

struct own_device;
struct own_kind;

/* A memory map with a tap of its own for the rings of each queue, and one for all buffers: the
 * oracle learns from it what an access is for. */
struct own_tap {
	struct anvil_guest_memory_tap tap;
	struct anvil_guest_memory memory;
	struct own_device *own;
	unsigned int queue;
};

struct own_device {
	struct device_under_test dut; /* first */
	const struct dut_host *host;
	const struct own_kind *kind;
	struct setup p;
	struct oracle *oracle;
	struct own_tap ring[SETUP_QUEUES];
	struct own_tap buffer;

	struct anvil_blk blk;
	struct anvil_net net;
	struct echo_device echo;
	struct anvil_device *dev;
	struct anvil_mmio mmio;
	bool deferred_work;

	struct fake_disk disk;
	struct fake_nic nic;
};

/* Once a process. Fills in `dut` for a machine whose RAM is `ram`, MAP_REGIONS of them; the oracle
 * is told of all that the device does. */
void own_device_init(struct own_device *d, struct oracle *oracle, const struct dut_ram *ram);

/* What the next power_cycle makes. */
void own_device_choose(struct own_device *d, const struct setup *p);

/* Destroys the device, in whatever state a violation left it. */
void own_device_stop(struct own_device *d);

/* The next frame is built here, where its slot is, before it arrives with `offload`. */
uint8_t *own_device_frame(struct own_device *d);
void own_device_frame_arrives(struct own_device *d, uint32_t len,
			      const struct anvil_nic_offload *offload);

/* How such a device is made. */
void own_blk_options(struct own_device *d, struct anvil_blk_options *o);
void own_net_options(struct own_device *d, struct anvil_net_options *o);

#endif
