/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device that a header stands for, in words.
 */
#include <inttypes.h>

#include "script/setup.h"
#include "describe.h"

static void tell_disk(const struct setup *p, FILE *out)
{
	fprintf(out, " of %" PRIu64 " sector%s", p->capacity, p->capacity == 1 ? "" : "s");
	if (p->zones.zoned)
		fprintf(out, " in zones of %u (%s)", p->zones.options.zoning.zone_sectors,
			p->zones.options.zoning.model == ANVIL_DISK_HOST_AWARE ? "host-aware"
									       : "host-managed");
	if (p->queues > 1)
		fprintf(out, ", with %u queues", p->queues);
}

static void tell_failures(const struct setup *p, FILE *out)
{
	if (p->fail_every)
		fprintf(out, ", of which request %u and its multiples fail", p->fail_every);
}

static const struct kind {
	const char *name;
	uint8_t flags; /* of operand `flags`, those that mean something to it */
	/* what else there is to say of it, behind its name and at the end; may be NULL */
	void (*tell)(const struct setup *p, FILE *out);
	void (*tell_last)(const struct setup *p, FILE *out);
} kinds[DEVICE_KINDS] = {
	[DEVICE_BLK] = { "a block device",
			 FLAG_READ_ONLY | FLAG_DEFERRED | FLAG_CANCEL_LATE | FLAG_ZONES_FRONT,
			 tell_disk, tell_failures },
	[DEVICE_NET] = { "a network device", FLAG_LINK_DOWN | FLAG_NIC_STALLED | FLAG_NIC_DROPS,
			 NULL, NULL },
	[DEVICE_ECHO] = { "the harness's echo device", FLAG_DEFERRED | FLAG_BACKWARDS, NULL, NULL },
};

void describe_device(const struct script_op *header, FILE *out)
{
	const struct kind *kind = &kinds[header->code];
	struct setup p;

	setup_from(header, &p);
	fputs(kind->name, out);
	if (kind->tell)
		kind->tell(&p, out);
	for (const struct operand_value *v = operand_device_flags; v->name; v++) {
		if (header->device.flags & kind->flags & v->value)
			fprintf(out, ", %s", v->says);
	}
	if (header->device.size)
		fprintf(out, ", with queues of at most %u entries", p.queue_size_max);
	if (p.legacy)
		fprintf(out, ", with the legacy interface%s",
			p.big_endian ? " of a big-endian guest" : "");
	if (header->device.hide)
		fputs(", with features hidden", out);
	if (kind->tell_last)
		kind->tell_last(&p, out);
}
