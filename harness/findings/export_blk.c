/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is exported of a block device alone.
 */
#include <inttypes.h>

#include "export.h"

/* What not every disk has; the lines go before that of the device. */
static void put_extras(const struct setup *p, FILE *out)
{
	const struct anvil_disk_zoning *z = &p->zones.options.zoning;

	if (anvil_features_has(&p->offered, VIRTIO_BLK_F_LIFETIME))
		fprintf(out,
			"\tstatic const struct anvil_disk_lifetime lifetime = { %u, %u, %u };\n"
			"\tdisk.lifetime = &lifetime;\n",
			p->lifetime.reserve, p->lifetime.wear_a, p->lifetime.wear_b);
	if (anvil_features_has(&p->offered, VIRTIO_BLK_F_SECURE_ERASE))
		fputs("\tdisk.secure_erase = true;\n", out);
	if (!p->zones.zoned)
		return;
	fprintf(out,
		"\tstatic const struct anvil_zoned_disk_options zones = {\n"
		"\t\t.zoning = { %s, %u, %u, %u, %u, %u },\n"
		"\t\t.conventional = %" PRIu64 ",\n"
		"\t\t.zone_capacity = %u,\n"
		"\t};\n"
		"\tif (anvil_zoned_disk_init(&zoned, &disk, &zones))\n"
		"\t\tabort();\n",
		z->model == ANVIL_DISK_HOST_AWARE ? "ANVIL_DISK_HOST_AWARE"
						  : "ANVIL_DISK_HOST_MANAGED",
		z->zone_sectors, z->open_max, z->active_max, z->append_sectors_max,
		z->write_granularity, p->zones.options.conventional,
		p->zones.options.zone_capacity);
	if (p->zones.read_only)
		fprintf(out,
			"\tanvil_zoned_disk_fail_zone(&zoned, %u, ANVIL_DISK_ZONE_READ_ONLY);\n",
			p->zones.read_only);
	if (p->zones.offline)
		fprintf(out, "\tanvil_zoned_disk_fail_zone(&zoned, %u, ANVIL_DISK_ZONE_OFFLINE);\n",
			p->zones.offline);
	fputs("\toptions.disk = &zoned.disk;\n", out);
}

static void put_create(const struct setup *p, FILE *out)
{
	static struct own_device d;
	struct anvil_blk_options o;

	d.p = *p;
	own_blk_options(&d, &o);
	if (p->zones.zoned)
		fputs("#include \"zoned_disk.h\"\n\n"
		      "static struct anvil_zoned_disk zoned;\n\n"
		      "HELPER void fail_zone(uint64_t zone, enum anvil_disk_zone_state state)\n"
		      "{\n"
		      "\tanvil_zoned_disk_fail_zone(&zoned, zone, state);\n"
		      "\tsettle();\n"
		      "}\n\n",
		      out);
	fprintf(out,
		"static void create_device(void)\n"
		"{\n"
		"\tstruct anvil_blk_options options = {\n"
		"\t\t.memory = &memory,\n"
		"\t\t.disk = &disk,\n"
		"\t\t.features.word[0] = 0x%" PRIx64 ",\n"
		"\t\t.queue_size_max = %u,\n"
		"\t\t.slots = %u,\n"
		"\t\t.transfer_max = %u,\n"
		"\t\t.size_max = %u,\n"
		"\t\t.seg_max = %u,\n"
		"\t\t.blk_size = %u,\n"
		"\t\t.cylinders = %u,\n"
		"\t\t.heads = %u,\n"
		"\t\t.sectors = %u,\n"
		"\t\t.physical_block_exp = %u,\n"
		"\t\t.alignment_offset = %u,\n"
		"\t\t.min_io_size = %u,\n"
		"\t\t.opt_io_size = %u,\n"
		"\t\t.range_sectors_max = %uu,\n"
		"\t\t.range_segments_max = %u,\n"
		"\t\t.num_queues = %u,\n"
		"\t\t.erase_sectors_max = %u,\n"
		"\t\t.erase_segments_max = %u,\n"
		"\t\t.erase_sector_alignment = %u,\n"
		"\t};\n"
		"\n",
		o.features.word[0], o.queue_size_max, o.slots, o.transfer_max, o.size_max,
		o.seg_max, o.blk_size, o.cylinders, o.heads, o.sectors, o.physical_block_exp,
		o.alignment_offset, o.min_io_size, o.opt_io_size, o.range_sectors_max,
		o.range_segments_max, o.num_queues, o.erase_sectors_max, o.erase_segments_max,
		o.erase_sector_alignment);
	fprintf(out, "\tcreate_disk(%" PRIu64 "u, %s);\n", p->capacity,
		p->flags & FLAG_READ_ONLY ? "true" : "false");
	put_extras(p, out);
	fprintf(out,
		"\tdisk_deferred = %d;\n"
		"\tcancel_late = %d;\n"
		"\tfail_every = %u;\n"
		"\tif (anvil_blk_init(&blk, &options))\n"
		"\t\tabort();\n"
		"\tattach(&blk.dev, %s, %s);\n"
		"}\n",
		!!(p->flags & FLAG_DEFERRED), !!(p->flags & FLAG_CANCEL_LATE), p->fail_every,
		p->legacy ? "true" : "false", p->big_endian ? "true" : "false");
}

static void put_disk_image(uint64_t capacity, FILE *out)
{
	uint64_t filled = capacity < SETUP_SECTORS ? capacity : SETUP_SECTORS;

	fprintf(out,
		"# The disk of a script, each sector full of 0x80 plus its number:\n"
		"#   for s in $(seq 0 %" PRIu64 "); do\n"
		"#   head -c 512 /dev/zero | tr '\\0' \"\\\\$(printf %%o $((128 + s)))\"; done "
		">disk.img\n",
		filled - 1);
	if (capacity > INT64_MAX / 512)
		fputs("# and more sectors than a file can have\n", out);
	else if (capacity > filled)
		fprintf(out,
			"#   truncate -s %" PRIu64 " disk.img\n"
			"# in which what is behind them is zeroes\n",
			capacity * 512);
}

static void put_image(const struct setup *p, FILE *out)
{
	if (p->capacity)
		put_disk_image(p->capacity, out);
	else
		fputs("# A disk without a sector:\n#   : >disk.img\n", out);
}

static void put_qemu(const struct setup *p, FILE *out)
{
	if (p->zones.zoned)
		fputs("# The disk of the script has zones, which QEMU takes from a zoned host "
		      "device "
		      "alone:\n",
		      out);
	fprintf(out,
		"#   -drive file=disk.img,format=raw,if=none,id=d%s \\\n"
		"#   -device virtio-blk-device,drive=d,num-queues=%u -qtest stdio\n",
		p->flags & FLAG_READ_ONLY ? ",readonly=on" : "", p->queues);
}

const struct export_kind export_kind_blk = {
	.part = export_disk,
	.part_end = export_disk_end,
	.put_create = put_create,
	.completes = true,
	.put_image = put_image,
	.put_qemu = put_qemu,
};
