/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is exported of a network device alone.
 */
#include <inttypes.h>

#include "export.h"

static void put_create(const struct setup *p, FILE *out)
{
	static struct own_device d;
	struct anvil_net_options o;

	d.p = *p;
	own_net_options(&d, &o);
	fprintf(out,
		"static void create_device(void)\n"
		"{\n"
		"\tstruct anvil_net_options options = {\n"
		"\t\t.memory = &memory,\n"
		"\t\t.nic = &nic,\n"
		"\t\t.features.word = { 0x%" PRIx64 ", 0x%" PRIx64 " },\n"
		"\t\t.queue_size_max = %u,\n"
		"\t\t.queue_pairs_max = %u,\n"
		"\t\t.speed = %u,\n"
		"\t\t.duplex = %u,\n"
		"\t\t.mac = { 0x%02x, 0x%02x, 0x%02x, 0x%02x, 0x%02x, 0x%02x },\n"
		"\t\t.mtu = %u,\n"
		"\t\t.link_up = %s,\n"
		"\t};\n"
		"\n"
		"\tnic_stalled = %d;\n"
		"\tnic_drops = %d;\n"
		"\tif (anvil_net_init(&net, &options))\n"
		"\t\tabort();\n"
		"\tattach(&net.dev, %s, %s);\n"
		"}\n",
		o.features.word[0], o.features.word[1], o.queue_size_max, o.queue_pairs_max,
		o.speed, o.duplex, o.mac[0], o.mac[1], o.mac[2], o.mac[3], o.mac[4], o.mac[5],
		o.mtu, o.link_up ? "true" : "false", !!(p->flags & FLAG_NIC_STALLED),
		!!(p->flags & FLAG_NIC_DROPS), p->legacy ? "true" : "false",
		p->big_endian ? "true" : "false");
}

static void put_qemu(const struct setup *p, FILE *out)
{
	(void)p;
	fprintf(out,
		"#   -netdev socket,id=n,udp=127.0.0.1:9,localaddr=127.0.0.1:0 \\\n"
		"#   -device virtio-net-device,netdev=n,mac=%02x:%02x:%02x:%02x:%02x:%02x "
		"-qtest stdio\n",
		setup_mac[0], setup_mac[1], setup_mac[2], setup_mac[3], setup_mac[4], setup_mac[5]);
}

const struct export_kind export_kind_net = {
	.part = export_nic,
	.part_end = export_nic_end,
	.put_create = put_create,
	.put_qemu = put_qemu,
};
