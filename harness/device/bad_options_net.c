/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options of the network device.
 */
#include "bad_options_internal.h"

int bad_options_net(struct own_device *d, unsigned int which)
{
	struct anvil_net_options o;
	int err;

	own_net_options(d, &o);
	bad_options_spoil(which, &o.queue_size_max, &o.features, 1u << 10);
	switch (which) {
	case 0:
	case 1:
	case 2:
	case 3:
		break;
	case 4:
		o.features.word[0] = 1ull << VIRTIO_NET_F_GUEST_ECN;
		break;
	case 5:
		o.mtu = 67;
		break;
	case 7:
		anvil_features_add(&o.features, VIRTIO_NET_F_CTRL_VQ);
		anvil_features_add(&o.features, VIRTIO_NET_F_MQ);
		o.queue_pairs_max = ANVIL_NET_PAIRS_MAX + 1;
		break;
	case 8:
		o.features.word[0] = 0;
		o.features.word[1] = 0;
		o.queue_pairs_max = 2;
		break;
	case 9:
		o.speed = 0x80000000;
		break;
	case 10:
		o.duplex = 2;
		break;
	default:
		o.queue_size_max = 0x8001;
	}
	err = anvil_net_init(&d->net, &o);
	if (!err)
		anvil_net_destroy(&d->net);
	return err;
}
