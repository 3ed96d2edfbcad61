/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kinds of devices that others have, too.
 */
#include "export.h"

const struct export_kind *export_kind(enum device_kind kind)
{
	static const struct export_kind *const kinds[DEVICE_KINDS] = {
		[DEVICE_BLK] = &export_kind_blk,
		[DEVICE_NET] = &export_kind_net,
	};

	return kinds[kind];
}
