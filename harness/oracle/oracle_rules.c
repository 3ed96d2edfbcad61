/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ten rules in words, for everything that shows them: findings, SARIF, anvil show --rules, and
 * the README of this folder.
 */
#include "oracle.h"

const struct oracle_rule *oracle_rule(unsigned int rule)
{
	static const struct oracle_rule table[ORACLE_RULES + 1] = {
		[1] = { "stores",
			"writes anywhere but into writable descriptors in flight, used rings and "
			"event fields",
			"2.7.5 (device-readable buffers), 2.7.8 (the used ring)" },
		[2] = { "sources",
			"reads request data from anywhere but the request's readable descriptors",
			"2.7.4.2 and 2.7.5 (device-readable before device-writable)" },
		[3] = { "used length",
			"reports more or less than the bytes it stored, or stores what no request "
			"is owed",
			"2.7.8.2 (len of a used element)" },
		[4] = { "completion",
			"answers wrongly, twice, or never; says NEEDS_RESET without a reason, or "
			"not with one",
			"2.1.2 (DEVICE_NEEDS_RESET), 2.7.8 (the used ring), 5.2.6.2 and 5.1.9" },
		[5] = { "publication", "shows an index before its entries, or a wrong num_buffers",
			"2.7.8.2 (the used index), 5.1.9.4.1 (num_buffers)" },
		[6] = { "reset",
			"touches memory while no queue runs, keeps a register over a reset, or "
			"says that one is complete while the disk has requests",
			"2.4 (device reset), 2.6.1 (queue reset)" },
		[7] = { "configuration",
			"lets queues or features change while running, uses what was not accepted",
			"2.2 (feature bits), 3.1.1 (initialization), 4.2.2 (MMIO registers)" },
		[8] = { "disk", "asks the disk for anything but what the request says",
			"5.2.6.2 (requests of a block device)" },
		[9] = { "bytes", "stores or sends any byte but the right one",
			"5.2.6.2 (block requests), 5.1.9 (network frames)" },
		[10] = { "work",
			 "accesses memory, computes or copies without bound, fetches what it has "
			 "fetched before, or allocates memory",
			 "no section: a guest that changes its memory meanwhile is not in the "
			 "specification" },
	};

	return rule >= 1 && rule <= ORACLE_RULES ? &table[rule] : NULL;
}
