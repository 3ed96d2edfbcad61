/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network device, in front of a fake network interface.
 */
#include <string.h>

#include "own_device_internal.h"

void own_net_options(struct own_device *d, struct anvil_net_options *o)
{
	const struct setup *p = &d->p;

	*o = (struct anvil_net_options){
		.memory = &d->buffer.memory,
		.nic = &d->nic.nic,
		.features = own_asked(p),
		.queue_size_max = p->queue_size_max,
		.mtu = p->mtu,
		.link_up = !(p->flags & FLAG_LINK_DOWN),
		.queue_pairs_max = (uint16_t)p->pairs,
		.speed = SETUP_SPEED,
		.duplex = SETUP_DUPLEX,
	};

	memcpy(o->mac, setup_mac, sizeof(o->mac));
}

static void sent(struct fake_nic *n, const struct anvil_nic_frame *frame)
{
	struct own_device *d =
		(struct own_device *)(void *)((char *)n - offsetof(struct own_device, nic));

	d->host->sent(&d->dut, frame->data, frame->len);
}

static void create(struct own_device *d)
{
	fake_nic_create(&d->nic, d->oracle);
	d->nic.sent = sent;
}

static void begin(struct own_device *d)
{
	fake_nic_start(&d->nic, &d->p);
}

static int start(struct own_device *d)
{
	struct anvil_net_options o;

	own_net_options(d, &o);
	d->dev = &d->net.dev;
	return anvil_net_init(&d->net, &o);
}

static void stop(struct own_device *d)
{
	anvil_net_destroy(&d->net);
}

/* ---- its host ---- */

uint8_t *own_device_frame(struct own_device *d)
{
	return fake_nic_frame(&d->nic);
}

void own_device_frame_arrives(struct own_device *d, uint32_t len,
			      const struct anvil_nic_offload *offload)
{
	fake_nic_arrives(&d->nic, len, offload);
}

/* A frame that was built in the slot where it waits. */
static bool frame(struct device_under_test *dut, const void *bytes, size_t len)
{
	static const struct anvil_nic_offload none;

	(void)bytes;
	own_device_frame_arrives(to_own(dut), (uint32_t)len, &none);
	return true;
}

static void link(struct device_under_test *dut, bool up)
{
	anvil_net_set_link(&to_own(dut)->net, up);
}

static void announce(struct device_under_test *dut)
{
	anvil_net_announce(&to_own(dut)->net);
}

static void speed(struct device_under_test *dut, uint32_t mbits, uint8_t duplex)
{
	anvil_net_set_speed(&to_own(dut)->net, mbits, duplex);
}

static bool tell_time(struct device_under_test *dut, uint64_t usecs, uint64_t *next)
{
	return anvil_net_tick(&to_own(dut)->net, usecs, next);
}

static void stall(struct device_under_test *dut, bool stalled)
{
	fake_nic_stall(&to_own(dut)->nic, stalled);
}

const struct own_kind own_kind_net = {
	.create = create,
	.begin = begin,
	.start = start,
	.stop = stop,
	.host = {
		.frame = frame,
		.link = link,
		.announce = announce,
		.speed = speed,
		.time = tell_time,
		.stall = stall,
	},
};
