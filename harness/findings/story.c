/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A phrase for each operation and each way to get it wrong, from tables.
 */
#include "story.h"

#include <inttypes.h>
#include <string.h>

#include "guest/guest.h"
#include "script/operands.h"
#include "virtio_net.h"

/* ---- rules ---- */

const struct story_rule *story_rule(unsigned int rule)
{
	static const struct story_rule table[ORACLE_RULES + 1] = {
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
			 "accesses memory without bound, fetches what it has fetched before, or "
			 "keeps memory it allocated",
			 "no section: a guest that changes its memory meanwhile is not in the "
			 "specification" },
	};

	return rule >= 1 && rule <= ORACLE_RULES ? &table[rule] : NULL;
}

/* ---- the device ---- */

static void tell_flags(const struct record *header, FILE *out)
{
	static const struct {
		uint8_t flag;
		uint8_t kinds; /* one bit each */
		const char *text;
	} table[] = {
		{ FLAG_READ_ONLY, 1 << DEVICE_BLK, "read-only" },
		{ FLAG_LINK_DOWN, 1 << DEVICE_NET, "its link down" },
		{ FLAG_DEFERRED, 1 << DEVICE_BLK | 1 << DEVICE_ECHO,
		  "whose requests complete only when told to" },
		{ FLAG_CANCEL_LATE, 1 << DEVICE_BLK, "whose cancelled requests complete late" },
		{ FLAG_NIC_STALLED, 1 << DEVICE_NET, "whose host takes no frames at first" },
		{ FLAG_NIC_DROPS, 1 << DEVICE_NET, "whose host drops what finds no buffer" },
		{ FLAG_BACKWARDS, 1 << DEVICE_ECHO, "which answers last one first" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (header->device.flags & table[i].flag && table[i].kinds >> header->code & 1)
			fprintf(out, ", %s", table[i].text);
	}
}

void story_tell_device(const struct record *header, FILE *out)
{
	struct personality p;

	personality_from(header, &p);
	if (p.kind == DEVICE_BLK)
		fprintf(out, "a block device of %" PRIu64 " sector%s", p.capacity,
			p.capacity == 1 ? "" : "s");
	else
		fputs(p.kind == DEVICE_NET ? "a network device" : "the harness's echo device", out);
	if (p.zones.zoned)
		fprintf(out, " in zones of %u (%s)", p.zones.options.zoning.zone_sectors,
			p.zones.options.zoning.model == DISK_HOST_AWARE ? "host-aware"
									: "host-managed");
	if (p.kind == DEVICE_BLK && p.queues > 1)
		fprintf(out, ", with %u queues", p.queues);
	tell_flags(header, out);
	if (header->device.size)
		fprintf(out, ", with queues of at most %u entries", p.queue_size_max);
	if (p.legacy)
		fprintf(out, ", with the legacy interface%s",
			p.big_endian ? " of a big-endian guest" : "");
	if (header->device.hide)
		fputs(", with features hidden", out);
	if (p.fail_every && p.kind == DEVICE_BLK)
		fprintf(out, ", of which request %u and its multiples fail", p.fail_every);
}

/* ---- registers and addresses ---- */

const char *story_register(uint64_t offset)
{
	static const struct {
		uint32_t offset;
		const char *name;
	} table[] = {
		{ VIRTIO_MMIO_MAGIC, "MagicValue" },
		{ VIRTIO_MMIO_VERSION, "Version" },
		{ VIRTIO_MMIO_DEVICE_ID, "DeviceID" },
		{ VIRTIO_MMIO_VENDOR_ID, "VendorID" },
		{ VIRTIO_MMIO_DEVICE_FEATURES, "DeviceFeatures" },
		{ VIRTIO_MMIO_DEVICE_FEATURES_SEL, "DeviceFeaturesSel" },
		{ VIRTIO_MMIO_DRIVER_FEATURES, "DriverFeatures" },
		{ VIRTIO_MMIO_DRIVER_FEATURES_SEL, "DriverFeaturesSel" },
		{ VIRTIO_MMIO_QUEUE_SEL, "QueueSel" },
		{ VIRTIO_MMIO_QUEUE_SIZE_MAX, "QueueSizeMax" },
		{ VIRTIO_MMIO_QUEUE_SIZE, "QueueSize" },
		{ VIRTIO_MMIO_QUEUE_READY, "QueueReady" },
		{ VIRTIO_MMIO_GUEST_PAGE_SIZE, "GuestPageSize" },
		{ VIRTIO_MMIO_QUEUE_ALIGN, "QueueAlign" },
		{ VIRTIO_MMIO_QUEUE_PFN, "QueuePFN" },
		{ VIRTIO_MMIO_QUEUE_NOTIFY, "QueueNotify" },
		{ VIRTIO_MMIO_INTERRUPT_STATUS, "InterruptStatus" },
		{ VIRTIO_MMIO_INTERRUPT_ACK, "InterruptACK" },
		{ VIRTIO_MMIO_STATUS, "Status" },
		{ VIRTIO_MMIO_QUEUE_DESC_LOW, "QueueDescLow" },
		{ VIRTIO_MMIO_QUEUE_DESC_HIGH, "QueueDescHigh" },
		{ VIRTIO_MMIO_QUEUE_DRIVER_LOW, "QueueDriverLow" },
		{ VIRTIO_MMIO_QUEUE_DRIVER_HIGH, "QueueDriverHigh" },
		{ VIRTIO_MMIO_QUEUE_DEVICE_LOW, "QueueDeviceLow" },
		{ VIRTIO_MMIO_QUEUE_DEVICE_HIGH, "QueueDeviceHigh" },
		{ VIRTIO_MMIO_SHM_SEL, "SHMSel" },
		{ VIRTIO_MMIO_QUEUE_RESET, "QueueReset" },
		{ VIRTIO_MMIO_CONFIG_GENERATION, "ConfigGeneration" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].offset == offset)
			return table[i].name;
	}
	return offset >= VIRTIO_MMIO_CONFIG ? "configuration space" : "no register";
}

static const char *base_name(unsigned int base)
{
	static const char *const name[] = {
		"the descriptor table", "the available ring",	    "the used ring",
		"the indirect tables",	"the data buffers",	    "memory above 4 GiB",
		"the end of a region",	"guest-physical address 0",
	};

	return name[base % 8];
}

static bool base_has_queue(unsigned int base)
{
	return base % 8 < 3;
}

static void tell_place(unsigned int base, unsigned int queue, uint64_t at, FILE *out)
{
	fputs(base_name(base), out);
	if (base_has_queue(base))
		fprintf(out, " of queue %u", queue);
	if (at)
		fprintf(out, " + 0x%" PRIx64, at);
}

/* ---- chains ---- */

static void tell_wrong(unsigned int wrong, FILE *out)
{
	static const char *const text[WRONG_KINDS] = {
		[WRONG_HEAD] = "its head is beyond the queue size",
		[WRONG_NEXT] = "its last descriptor leads beyond the table",
		[WRONG_LOOP] = "its last descriptor leads back to the first",
		[WRONG_SELF] = "its last descriptor leads to itself",
		[WRONG_TABLE_EMPTY] = "its indirect table has no bytes",
		[WRONG_TABLE_ODD] = "its indirect table's length is no multiple of 16",
		[WRONG_TABLE_NEXT] = "its indirect descriptor has a next one",
		[WRONG_TABLE_NESTED] = "its indirect table leads to another",
		[WRONG_TABLE_OUTSIDE] = "its indirect table ends behind RAM",
		[WRONG_ALL_READABLE] = "all of it is device-readable",
		[WRONG_ALL_WRITABLE] = "all of it is device-writable",
		[WRONG_ORDER] = "its descriptors stand last one first",
		[WRONG_EMPTY] = "one of its descriptors has no bytes",
		[WRONG_HUGE] = "one of its descriptors has 4 GiB - 1 bytes",
		[WRONG_OUTSIDE] = "one of its descriptors is not in RAM",
		[WRONG_WRAP] = "one of its descriptors wraps around the address space",
		[WRONG_PAST_END] = "one of its descriptors ends a byte beyond RAM",
		[WRONG_TWICE] = "it is made available twice",
		[WRONG_JUMP] = "the index jumps by more than the queue size",
		[WRONG_STALE] = "the index counts one too many",
		[WRONG_OVER_TABLE] = "one of its buffers is the descriptor table",
		[WRONG_OVER_AVAIL] = "one of its buffers is the available ring",
		[WRONG_OVER_USED] = "one of its buffers is the used ring",
		[WRONG_FLAGS] = "its descriptors have unknown flags",
		[WRONG_SHORT] = "its last descriptor is missing",
		[WRONG_MORE_READABLE] = "it has a device-readable byte more",
		[WRONG_MORE_WRITABLE] = "it has a device-writable byte more",
		[WRONG_TABLE_WRITE] = "its indirect descriptor says device-writable",
		[WRONG_BACKWARDS] = "the index goes back",
		[WRONG_HIGH_HEAD] = "its head has a high bit set",
		[WRONG_FULL] = "it has as many descriptors as the queue has entries",
	};

	if (text[wrong % WRONG_KINDS])
		fprintf(out, ", but %s", text[wrong % WRONG_KINDS]);
}

static void tell_where(unsigned int where, FILE *out)
{
	static const char *const text[16] = {
		[1] = "above 4 GiB",
		[2] = "across two regions of RAM",
		[3] = "at the end of low RAM",
		[4] = "at the end of high RAM",
		[5] = "all in the same place",
		[6] = "over the descriptor table",
		[7] = "over the available ring",
		[8] = "over the used ring",
		[9] = "over the indirect tables",
		[10] = "in the hole between the RAM ranges",
		[11] = "a byte beyond low RAM",
		[12] = "around the end of the address space",
		[13] = "at address 0",
		[14] = "in the devices' register windows",
		[15] = "one byte below high RAM",
	};

	if (text[where % 16])
		fprintf(out, ", with buffers %s", text[where % 16]);
}

static void tell_chain_flags(unsigned int flags, FILE *out)
{
	if (flags & CHAIN_INDIRECT)
		fputs(", through an indirect table", out);
	else if (flags & CHAIN_MIXED)
		fputs(", partly through an indirect table", out);
	if (flags & CHAIN_SPARSE && flags & (CHAIN_INDIRECT | CHAIN_MIXED))
		fputs(" with gaps", out);
	if (flags & CHAIN_NO_TAIL)
		fputs(", without a byte for the answer", out);
	if (flags & CHAIN_HOLD)
		fputs(", not made available yet", out);
	else if (flags & CHAIN_QUIET)
		fputs(", without notifying the device", out);
}

/* ---- what the guest does ---- */

static void tell_init(const struct record *r, FILE *out)
{
	static const char *const text[] = {
		[INIT_RIGHT] = NULL,
		[INIT_NO_ACKNOWLEDGE] = "without ACKNOWLEDGE",
		[INIT_NO_DRIVER] = "without DRIVER",
		[INIT_NO_FEATURES_OK] = "without FEATURES_OK (legacy: with it)",
		[INIT_NO_QUEUES] = "without any queue",
		[INIT_QUEUES_LATE] = "with the queues after DRIVER_OK",
		[INIT_FEATURES_LATE] = "with features changed after FEATURES_OK",
		[INIT_FAILS] = "and gives up with FAILED",
		[INIT_NO_RESET] = "without a reset before",
		[INIT_NO_DRIVER_OK] = "but leaves out DRIVER_OK",
		[INIT_AT_ONCE] = "with all status bits at once",
		[INIT_ALL_FEATURES] = "accepting all features there could be",
		[INIT_NO_WAIT] = "without waiting for the end of the reset",
	};

	fputs("negotiates, sets up the queues and says DRIVER_OK", out);
	if (text[r->init.wrong % INIT_KINDS])
		fprintf(out, ", %s", text[r->init.wrong % INIT_KINDS]);
	if (r->init.decline)
		fputs(", declining features", out);
	if (r->init.grab)
		fputs(", accepting features that may not be offered", out);
}

static void tell_reset(const struct record *r, FILE *out)
{
	(void)r;
	fputs("resets the device", out);
}

static unsigned int width(const struct record *r)
{
	static const uint8_t table[] = { 4, 1, 2, 8 };

	return table[r->write.width % 4];
}

static void tell_write(const struct record *r, FILE *out)
{
	fprintf(out, "writes 0x%" PRIx64 " (%u bytes) to offset 0x%" PRIx64 ", %s", r->write.value,
		width(r), r->write.offset, story_register(r->write.offset));
}

static void tell_read(const struct record *r, FILE *out)
{
	fprintf(out, "reads %u bytes at offset 0x%" PRIx64 ", %s", width(r), r->read.offset,
		story_register(r->read.offset));
}

static void tell_poke(const struct record *r, FILE *out)
{
	fprintf(out, "puts %u bytes into ", r->poke.len % 9 ? r->poke.len % 9u : 8u);
	tell_place(r->poke.base, r->poke.queue, r->poke.at, out);
}

static void tell_fill(const struct record *r, FILE *out)
{
	fprintf(out, "fills %" PRIu64 " bytes of ", r->fill.len % 4097);
	tell_place(r->fill.base, r->fill.queue, r->fill.at, out);
	fprintf(out, " with 0x%02x", r->fill.byte);
}

static void tell_queue(const struct record *r, FILE *out)
{
	static const char *const text[19] = {
		[1] = "with size 0",
		[2] = "with a size that is no power of 2",
		[3] = "with twice the largest size",
		[4] = "with a misaligned descriptor table (legacy: with QueueAlign 0)",
		[5] = "with a misaligned available ring (legacy: with a QueueAlign that is no "
		      "power of 2)",
		[6] = "with a misaligned used ring",
		[7] = "with its descriptor table outside RAM (legacy: with a QueueAlign of 2 GiB)",
		[8] = "with its available ring outside RAM (legacy: with GuestPageSize 0)",
		[9] = "with its used ring outside RAM (legacy: with the last page number there is)",
		[10] = "with its descriptor table at the end of RAM (legacy: with its end at the "
		       "end of RAM)",
		[11] = "with its descriptor table across the end of RAM",
		[12] = "with its descriptor table across two regions",
		[13] = "above 4 GiB",
		[14] = "with its used ring across the end of RAM (legacy: with a GuestPageSize "
		       "that is no power of 2)",
		[15] = "with a size above 65,535",
		[16] = "with avail_event beyond the end of RAM (legacy: and then tries to move it)",
		[17] = "with used_event beyond the end of RAM (legacy: and then changes "
		       "GuestPageSize)",
		[18] = "without waiting until it is not in use any more",
	};

	fprintf(out, "sets up queue %u", r->queue.queue);
	if (text[r->queue.wrong % 19])
		fprintf(out, " %s", text[r->queue.wrong % 19]);
	if ((r->queue.ready ^ 1u) != 1)
		fprintf(out, ", writing %u to QueueReady", r->queue.ready ^ 1u);
}

static void tell_stop(const struct record *r, FILE *out)
{
	fprintf(out, "%s queue %u", r->stop.how ? "resets" : "stops", r->stop.queue);
}

static void tell_chain(const struct record *r, FILE *out)
{
	fprintf(out, "gives queue %u a chain of %u device-readable and %u device-writable buffers",
		r->chain.queue, (r->chain.readable ^ 1u) % 24, r->chain.writable % 24u);
	tell_where(r->chain.where, out);
	tell_chain_flags(r->chain.flags, out);
	tell_wrong(r->chain.wrong, out);
}

static void tell_blk_type(const struct record *r, FILE *out)
{
	static const char *const zone_verb[] = { "open", "close", "finish", "reset" };
	static const char *const other[] = {
		[0] = "asks for the disk's lifetime",
		[BLK_ZONE_RESET_ALL - BLK_GET_LIFETIME] = "asks to reset all zones",
		[BLK_SCSI_CMD - BLK_GET_LIFETIME] = "makes a SCSI command",
		[BLK_SCSI_CMD_OUT - BLK_GET_LIFETIME] = "makes a SCSI command out",
		[BLK_BARRIER - BLK_GET_LIFETIME] = "asks to write behind a barrier",
	};

	switch (r->blk.type) {
	case 0:
	case 1:
		fprintf(out, "asks to %s %u sector%s at sector %" PRIu64,
			r->blk.type ? "write" : "read", r->blk.count + 1u, r->blk.count ? "s" : "",
			r->blk.sector);
		break;
	case 2:
		fputs("asks to flush the disk", out);
		break;
	case 3:
		fputs("asks for the disk's identity", out);
		break;
	case 4:
	case 5:
		fprintf(out, "asks to %s %u range%s from sector %" PRIu64 " on",
			r->blk.type == 4 ? "discard" : "zero", 1 + r->blk.count % RANGES_MAX,
			r->blk.count % RANGES_MAX ? "s" : "", r->blk.sector);
		break;
	case BLK_SECURE_ERASE:
		fprintf(out, "asks to erase %u range%s for good from sector %" PRIu64 " on",
			1 + r->blk.count % RANGES_MAX, r->blk.count % RANGES_MAX ? "s" : "",
			r->blk.sector);
		break;
	case BLK_ZONE_APPEND:
		fprintf(out, "asks to append %u sector%s to the zone at sector %" PRIu64,
			r->blk.count + 1u, r->blk.count ? "s" : "", r->blk.sector);
		break;
	case BLK_ZONE_REPORT:
		fprintf(out, "asks for a report of %u zone%s from sector %" PRIu64 " on",
			r->blk.count + 1u, r->blk.count ? "s" : "", r->blk.sector);
		break;
	case BLK_ZONE_OPEN:
	case BLK_ZONE_CLOSE:
	case BLK_ZONE_FINISH:
	case BLK_ZONE_RESET:
		fprintf(out, "asks to %s the zone at sector %" PRIu64,
			zone_verb[r->blk.type - BLK_ZONE_OPEN], r->blk.sector);
		break;
	case BLK_GET_LIFETIME:
	case BLK_ZONE_RESET_ALL:
	case BLK_SCSI_CMD:
	case BLK_SCSI_CMD_OUT:
	case BLK_BARRIER:
		fputs(other[r->blk.type - BLK_GET_LIFETIME], out);
		break;
	default:
		fprintf(out, "makes a request of type %" PRIu32, (uint32_t)r->blk.arg);
	}
}

static void tell_blk_bits(unsigned int bits, FILE *out)
{
	static const char *const text[] = {
		"asking to unmap",	  "with an unknown flag", "with a byte of data more",
		"with a byte less",	  "with a short header",  "without data",
		"with data in both ways",
	};

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		if (bits >> i & 1)
			fprintf(out, ", %s", text[i]);
	}
}

static void tell_blk(const struct record *r, FILE *out)
{
	tell_blk_type(r, out);
	tell_blk_bits(r->blk.bits, out);
	if (CHAIN_QUEUE(r->blk.flags))
		fprintf(out, ", in queue %u", CHAIN_QUEUE(r->blk.flags));
	tell_where(r->blk.where, out);
	tell_chain_flags(r->blk.flags, out);
	tell_wrong(r->blk.wrong, out);
}

static const char *frame_name(unsigned int kind)
{
	static const char *const name[] = {
		"an Ethernet frame",
		"a TCP/IPv4 frame",
		"a TCP/IPv6 frame",
		"a tagged TCP/IPv4 frame",
		"a tagged TCP/IPv6 frame",
		"a frame with a bad IPv4 header",
		"a UDP/IPv6 frame",
		"a frame that ends with its tag",
		"a UDP/IPv4 frame",
		"a plain UDP/IPv6 frame",
		"an IPv4 fragment",
		"an IPv6 fragment",
		"a TCP/IPv6 frame with extension headers",
		"a UDP/IPv6 frame with extension headers",
		"an IPv6 frame with cut extension headers",
		"TCP/IPv4 in VXLAN",
		"TCP/IPv6 in VXLAN",
		"UDP/IPv6 in VXLAN",
		"UDP/IPv4 in GENEVE",
		"TCP/IPv6 in GENEVE",
		"TCP/IPv4 in IPv4",
		"TCP/IPv4 in GRE",
		"TCP/IPv4 in GRE with a key",
		"UDP/IPv4 in NVGRE",
		"a TCP/IPv4 frame with 2 tags",
		"a TCP/IPv6 frame with 2 tags",
		"a UDP/IPv4 frame with 8 tags",
		"a TCP/IPv4 frame with 9 tags",
	};

	return name[kind % 28];
}

static void tell_tx(const struct record *r, FILE *out)
{
	if (r->tx.kind == TX_HEADER_ONLY)
		fputs("sends a header without a frame", out);
	else if (r->tx.kind == TX_SHORT)
		fputs("sends less than a header", out);
	else
		fprintf(out, "sends %s", frame_name(r->tx.kind));
	if (r->tx.len)
		fprintf(out, " of %" PRIu32 " bytes", r->tx.len & 0x1ffff);
	if (r->tx.pair)
		fprintf(out, " on pair %u", r->tx.pair);
	if (r->tx.offload)
		fputs(", to be segmented", out);
	if (r->tx.headers || r->tx.bits)
		fputs(", with a header that says otherwise", out);
	tell_where(r->tx.where, out);
	tell_chain_flags(r->tx.flags, out);
	tell_wrong(r->tx.wrong, out);
}

static void tell_rx(const struct record *r, FILE *out)
{
	static const uint32_t room[] = { 1600, 12, 11, 64, 4096, 0, 26, 65601 };

	fprintf(out, "offers %u receive buffer%s of %u bytes", r->rx.count % 33 + 1u,
		r->rx.count % 33 ? "s" : "", room[r->rx.len % 8]);
	tell_where(r->rx.where, out);
	tell_chain_flags(r->rx.flags, out);
	tell_wrong(r->rx.wrong, out);
}

static void tell_ctrl(const struct record *r, FILE *out)
{
	static const char *const classes[] = {
		"a receive mode", "a MAC address or table",
		"a VLAN",	  "an announcement",
		"steering",	  "offloads",
		"coalescing",	  "hashes of tunnels",
		"statistics",	  "an RSS context",
		"nothing known",
	};

	fprintf(out, "commands %s (class %u, command %u)", classes[r->ctrl.class % 11],
		r->ctrl.class, r->ctrl.command);
	if (r->ctrl.more)
		fprintf(out, ", %d bytes longer than right", (int8_t)r->ctrl.more);
	tell_where(r->ctrl.where, out);
	tell_chain_flags(r->ctrl.flags, out);
	tell_wrong(r->ctrl.wrong, out);
}

static void tell_kick(const struct record *r, FILE *out)
{
	if (r->kick.raw)
		fprintf(out, "notifies queue number 0x%" PRIx32, (uint32_t)r->kick.value);
	else
		fprintf(out, "notifies queue %u", r->kick.queue);
}

static void tell_avail(const struct record *r, FILE *out)
{
	static const char *const text[] = {
		"makes available once more descriptor",
		"moves the available index by",
		"sets the available index to",
		"sets the available ring's flags to",
		"sets used_event to",
	};

	fprintf(out, "%s %u (queue %u)", text[r->avail.how % 5],
		(unsigned int)(uint16_t)r->avail.value, r->avail.queue);
}

static void tell_used(const struct record *r, FILE *out)
{
	fprintf(out, "takes back what queue %u has used, and acknowledges the interrupt",
		r->used.queue);
}

static void tell_ack(const struct record *r, FILE *out)
{
	(void)r;
	fputs("acknowledges the interrupt", out);
}

static void tell_race(const struct record *r, FILE *out)
{
	fputs("waits for the device to fetch from ", out);
	tell_place(r->race.base, r->race.queue, r->race.at, out);
	if (r->race.nth)
		fprintf(out, " for the time number %u", r->race.nth + 1u);
	fprintf(out, ", to change %u bytes there just before",
		r->race.len % 9 ? r->race.len % 9u : 8u);
}

/* ---- what the host does ---- */

static void tell_frame(const struct record *r, FILE *out)
{
	fprintf(out, "%s arrives", frame_name(r->frame.kind));
	if (r->frame.len)
		fprintf(out, ", of %" PRIu64 " bytes", r->frame.len % NIC_FRAME_BYTES_MAX + 1);
	if (r->frame.by)
		fprintf(out, ", spoiled in byte %u", r->frame.spoil);
	if (r->frame.offload)
		fputs(", with work left to the guest", out);
}

static void tell_complete(const struct record *r, FILE *out)
{
	fprintf(out, "%u request%s %s", r->complete.more % 17 + 1u,
		r->complete.more % 17 ? "s" : "",
		r->complete.result ? "failed by the disk" : "completed by the disk");
}

static void tell_link(const struct record *r, FILE *out)
{
	if (r->link.announce)
		fputs("the guest has moved and is asked to announce itself", out);
	else if (r->link.speed)
		fprintf(out, "the link has %" PRIu32 " Mbit/s now", (uint32_t)r->link.speed);
	else
		fprintf(out, "the link goes %s", r->link.down ? "down" : "up");
}

static void tell_time(const struct record *r, FILE *out)
{
	fprintf(out, "%" PRIu64 " us pass", r->time.usecs);
}

static void tell_resize(const struct record *r, FILE *out)
{
	fprintf(out, "the disk now has %" PRIu64 " sectors",
		personality_capacity(r->resize.capacity));
}

static void tell_stall(const struct record *r, FILE *out)
{
	static const char *const nic[] = { "the nic takes frames again",
					   "the nic takes no more frames",
					   "the nic stays as it is" };
	static const char *const disk[] = { "", ", the disk completes only when told to",
					    ", the disk completes at once" };

	fprintf(out, "%s%s", nic[r->stall.nic % 3], disk[r->stall.disk % 3]);
}

static void tell_drain(const struct record *r, FILE *out)
{
	(void)r;
	fputs("all that waits is completed", out);
}

static void tell_restore(const struct record *r, FILE *out)
{
	static const char *const how[] = {
		"as it is",
		"with bytes changed in it and a checksum that is right",
		"with bytes changed anywhere",
		"cut short",
		"cut short, with length and checksum that are right",
		"made longer, with length and checksum that are right",
		"with bytes raised in it and a checksum that is right",
	};

	fprintf(out, "the device is saved, and made anew from its state, %s",
		how[r->restore.how % (sizeof(how) / sizeof(how[0]))]);
}

static void (*const tell_op[OP_CODES])(const struct record *r, FILE *out) = {
	[OP_INIT] = tell_init,	     [OP_RESET] = tell_reset,	[OP_WRITE] = tell_write,
	[OP_READ] = tell_read,	     [OP_POKE] = tell_poke,	[OP_FILL] = tell_fill,
	[OP_QUEUE] = tell_queue,     [OP_STOP] = tell_stop,	[OP_CHAIN] = tell_chain,
	[OP_BLK] = tell_blk,	     [OP_TX] = tell_tx,		[OP_RX] = tell_rx,
	[OP_CTRL] = tell_ctrl,	     [OP_KICK] = tell_kick,	[OP_AVAIL] = tell_avail,
	[OP_USED] = tell_used,	     [OP_FRAME] = tell_frame,	[OP_COMPLETE] = tell_complete,
	[OP_LINK] = tell_link,	     [OP_RESIZE] = tell_resize, [OP_STALL] = tell_stall,
	[OP_RACE] = tell_race,	     [OP_DRAIN] = tell_drain,	[OP_ACK] = tell_ack,
	[OP_RESTORE] = tell_restore, [OP_TIME] = tell_time,
};

bool story_is_host(const struct record *op)
{
	switch ((enum op_code)op->code) {
	case OP_FRAME:
	case OP_COMPLETE:
	case OP_LINK:
	case OP_RESIZE:
	case OP_STALL:
	case OP_DRAIN:
	case OP_RESTORE:
	case OP_TIME:
		return true;
	default:
		return false;
	}
}

void story_tell_op(const struct record *op, FILE *out)
{
	tell_op[op->code](op, out);
}

const char *story_op_name(const struct script *script, int op)
{
	return op >= 0 && op < (int)script->ops ? script_op_form[script->op[op].code].name : "end";
}

void story_tell(const struct script *script, int last, FILE *out)
{
	fputs("On ", out);
	story_tell_device(&script->header, out);
	if (script->ops == 0)
		fputs(", the guest does nothing", out);
	for (unsigned int i = 0; i < script->ops && (int)i <= last; i++) {
		bool host = story_is_host(&script->op[i]);
		bool same = i > 0 && host == story_is_host(&script->op[i - 1]);

		fputs(i == 0 ? ", " : "; then ", out);
		if (!same)
			fputs(host ? "at the host, " : "the guest ", out);
		story_tell_op(&script->op[i], out);
		fprintf(out, " (%s)", script_op_form[script->op[i].code].name);
	}
	fputs(".", out);
}
