/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The recorder, told of a driver that does what Linux's does, rings and buffers anywhere in RAM:
 * what it writes plays, and does the same. And told of drivers that do anything at all.
 */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "array_size.h"
#include "play/bus_trace.h"
#include "script/files.h"
#include "guest/guest.h"
#include "script/operands.h"
#include "play/player.h"
#include "record/recorder.h"

/* ---- a machine that is not the scripts' ---- */

#define LOW_BYTES  0x400000u
#define HIGH	   0x180000000ull
#define HIGH_BYTES 0x100000u
#define SECTORS	   0x100000u
#define LOG_MAX	   4096u

struct event {
	unsigned int kind; /* enum anvil_disk_op; frames: 100 */
	uint64_t at;
	uint64_t len;
};

struct log {
	struct event event[LOG_MAX];
	unsigned int events;
};

struct access {
	enum op_code code;
	uint64_t offset;
	unsigned int width;
	uint64_t value;
};

struct rig {
	struct anvil_guest_memory memory;
	struct anvil_guest_memory_tap tap;
	unsigned int tapped;
	struct anvil_disk disk;
	struct anvil_nic nic;
	struct anvil_blk blk;
	struct anvil_net net;
	struct anvil_mmio mmio;
	bool is_net;
	bool work;
	bool irq;
	struct recorder recorder;
	bool recording;
	char folder[64];
	struct log log;
	struct access access[LOG_MAX];
	unsigned int accesses;
	uint64_t alloc; /* next free byte for what the driver allocates */
	uint64_t features;
};

/* what the driver knows of a queue */
struct ring {
	unsigned int index;
	uint16_t size;
	uint64_t desc;
	uint64_t avail;
	uint64_t used;
	uint16_t avail_idx;
	uint16_t kicked_idx;
	uint16_t last_used;
	uint16_t next; /* descriptor */
};

static uint8_t *ram[2];
static struct ring vq[3];
static struct rig rig;

static void log_event(struct log *log, unsigned int kind, uint64_t at, uint64_t len)
{
	if (log->events < LOG_MAX)
		log->event[log->events++] = (struct event){ kind, at, len };
}

static void submit(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	(void)disk;
	log_event(&rig.log, request->op, request->sector, request->sectors);
	if (request->op == ANVIL_DISK_READ)
		memset(request->data, 0x11, request->sectors * 512);
	request->done(request, 0);
}

static int send_frame(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	(void)nic;
	log_event(&rig.log, 100 + frame->offload.gso + 10u * frame->offload.needs_csum, 0,
		  frame->len);
	return 0;
}

static void set_irq(void *opaque, bool asserted)
{
	((struct rig *)opaque)->irq = asserted;
}

static void defer(void *opaque)
{
	((struct rig *)opaque)->work = true;
}

static void seen(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	(void)gpa;
	(void)bytes;
	(void)len;
	++*(unsigned int *)opaque;
}

static void fetching(void *opaque, uint64_t gpa, size_t len)
{
	(void)opaque;
	(void)gpa;
	(void)len;
}

static const struct anvil_mmio_host_ops host_ops = { .set_irq = set_irq, .defer = defer };

static void start_rig(void)
{
	const struct anvil_guest_memory_region region[2] = { { 0, LOW_BYTES, ram[0] },
							     { HIGH, HIGH_BYTES, ram[1] } };
	static const struct anvil_disk_ops disk_ops = { .submit = submit };
	static const struct anvil_nic_ops nic_ops = { .send = send_frame };

	memset(&rig, 0, sizeof(rig));
	memset(vq, 0, sizeof(vq));
	memset(ram[0], 0, LOW_BYTES);
	memset(ram[1], 0, HIGH_BYTES);
	assert_int_equal(anvil_guest_memory_init(&rig.memory, region, 2), 0);
	rig.tap = (struct anvil_guest_memory_tap){ fetching, seen, seen, &rig.tapped };
	rig.memory.tap = &rig.tap;
	rig.disk.ops = &disk_ops;
	rig.disk.capacity = SECTORS;
	memcpy(rig.disk.id, "a disk of the test's", ANVIL_DISK_ID_BYTES);
	rig.nic.ops = &nic_ops;
	rig.alloc = 0x123000;
	strcpy(rig.folder, "/tmp/recorder.XXXXXX");
	assert_non_null(mkdtemp(rig.folder));
}

static void start_recorder(void)
{
	struct recorder_options o = {
		.blk = rig.is_net ? NULL : &rig.blk.options,
		.net = rig.is_net ? &rig.net.options : NULL,
		.folder = rig.folder,
		.prefix = "linux",
	};

	assert_int_equal(recorder_init(&rig.recorder, &o), 0);
	rig.recording = true;
}

#define BIT(n)	      (1ull << (n))
#define RING_FEATURES (BIT(VIRTIO_F_INDIRECT_DESC) | BIT(VIRTIO_F_EVENT_IDX))
#define BLK_FEATURES                                                                               \
	(RING_FEATURES | BIT(VIRTIO_F_RING_RESET) | BIT(VIRTIO_BLK_F_SEG_MAX) |                    \
	 BIT(VIRTIO_BLK_F_BLK_SIZE) | BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_TOPOLOGY) |       \
	 BIT(VIRTIO_BLK_F_CONFIG_WCE) | BIT(VIRTIO_BLK_F_DISCARD) |                                \
	 BIT(VIRTIO_BLK_F_WRITE_ZEROES))
#define NET_FEATURES                                                                               \
	(RING_FEATURES | BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) |                   \
	 BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_GUEST_TSO4) |            \
	 BIT(VIRTIO_NET_F_GUEST_TSO6) | BIT(VIRTIO_NET_F_HOST_TSO4) |                              \
	 BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_STATUS) |    \
	 BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_NET_F_CTRL_VLAN) |     \
	 BIT(VIRTIO_NET_F_CTRL_MAC_ADDR))

static void start_blk(uint16_t queue_size_max, uint64_t features)
{
	start_rig();

	struct anvil_blk_options o = {
		.memory = &rig.memory,
		.disk = &rig.disk,
		.features.word = { features },
		.queue_size_max = queue_size_max,
		.slots = 16,
		.transfer_max = 1 << 20,
		.seg_max = 126,
		.blk_size = 512,
		.range_sectors_max = 1 << 15,
		.range_segments_max = 16,
	};

	assert_int_equal(anvil_blk_init(&rig.blk, &o), 0);
	anvil_mmio_init(&rig.mmio, &rig.blk.dev, &host_ops, &rig);
}

static void start_net(uint16_t queue_size_max, uint64_t features)
{
	start_rig();

	struct anvil_net_options o = {
		.memory = &rig.memory,
		.nic = &rig.nic,
		.features.word = { features },
		.queue_size_max = queue_size_max,
		.mac = { 0x02, 0xca, 0xfe, 1, 2, 3 },
		.mtu = 1500,
		.link_up = true,
	};

	rig.is_net = true;
	assert_int_equal(anvil_net_init(&rig.net, &o), 0);
	anvil_mmio_init(&rig.mmio, &rig.net.dev, &host_ops, &rig);
}

static void stop_device(void)
{
	if (rig.recording)
		assert_true(recorder_finish(&rig.recorder));
	rig.recording = false;
	if (rig.is_net)
		anvil_net_destroy(&rig.net);
	else
		anvil_blk_destroy(&rig.blk);
}

static void remove_folder(void)
{
	char *const args[] = { rig.folder };
	size_t count;
	char **path = files_list(args, 1, &count);

	for (size_t i = 0; path && i < count; i++)
		unlink(path[i]);
	files_free(path, count);
	assert_int_equal(rmdir(rig.folder), 0);
}

/* ---- accesses, as a VMM passes them on ---- */

static void log_access(enum op_code code, uint64_t offset, unsigned int width, uint64_t value)
{
	if (rig.accesses < LOG_MAX)
		rig.access[rig.accesses++] = (struct access){ code, offset, width, value };
}

static void settle(void)
{
	while (rig.work) {
		rig.work = false;
		anvil_mmio_poll(&rig.mmio);
	}
}

static uint32_t rd(uint64_t offset, unsigned int width)
{
	uint64_t value = anvil_mmio_read(&rig.mmio, offset, width);

	if (rig.recording)
		recorder_read(&rig.recorder, offset, width);
	log_access(OP_READ, offset, width, value);
	return (uint32_t)value;
}

static void wr(uint64_t offset, unsigned int width, uint64_t value)
{
	if (rig.recording)
		recorder_write(&rig.recorder, offset, width, value);
	anvil_mmio_write(&rig.mmio, offset, width, value);
	settle();
	log_access(OP_WRITE, offset, width, value);
}

static uint32_t readl(uint64_t offset)
{
	return rd(offset, 4);
}

static void writel(uint64_t offset, uint32_t value)
{
	wr(offset, 4, value);
}

static void arrives(const uint8_t *bytes, uint32_t len)
{
	struct anvil_nic_frame frame = { .data = bytes, .len = len };
	int result;

	if (rig.recording)
		recorder_frame(&rig.recorder, &frame);
	result = rig.nic.receive(&rig.nic, &frame);
	(void)result;
	settle();
}

/* The driver's own stores and loads; outside RAM they do nothing. */
static void put(uint64_t gpa, const void *bytes, size_t len)
{
	struct anvil_guest_memory quiet = rig.memory;
	int err;

	quiet.tap = NULL;
	err = anvil_guest_memory_write(&quiet, gpa, bytes, len);
	(void)err;
}

static void put16(uint64_t gpa, unsigned int value)
{
	uint16_t raw = htole16((uint16_t)value);

	put(gpa, &raw, sizeof(raw));
}

static uint16_t get16(uint64_t gpa)
{
	struct anvil_guest_memory quiet = rig.memory;
	uint16_t raw = 0;
	int err;

	quiet.tap = NULL;
	err = anvil_guest_memory_read(&quiet, gpa, &raw, sizeof(raw));
	(void)err;
	return le16toh(raw);
}

static uint64_t allocate(uint64_t len)
{
	uint64_t at = rig.alloc;

	rig.alloc += (len + 63) & ~63ull;
	if (rig.alloc > LOW_BYTES) {
		at = 0x200000;
		rig.alloc = at + ((len + 63) & ~63ull);
	}
	return at;
}

/* ---- what Linux does: virtio_mmio.c, virtio.c, virtio_ring.c ---- */

struct sg {
	uint64_t gpa;
	uint32_t len;
	bool in;
};

static void identify(void)
{
	readl(VIRTIO_MMIO_MAGIC);
	readl(VIRTIO_MMIO_VERSION);
	readl(VIRTIO_MMIO_DEVICE_ID);
	readl(VIRTIO_MMIO_VENDOR_ID);
}

static void add_status(uint32_t bits)
{
	writel(VIRTIO_MMIO_STATUS, readl(VIRTIO_MMIO_STATUS) | bits);
}

static void negotiate(uint64_t wanted)
{
	writel(VIRTIO_MMIO_STATUS, 0);
	add_status(VIRTIO_STATUS_ACKNOWLEDGE);
	add_status(VIRTIO_STATUS_DRIVER);
	writel(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	rig.features = (uint64_t)readl(VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	writel(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	rig.features |= readl(VIRTIO_MMIO_DEVICE_FEATURES);
	rig.features &= wanted | BIT(VIRTIO_F_VERSION_1);
	writel(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	writel(VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(rig.features >> 32));
	writel(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	writel(VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)rig.features);
	add_status(VIRTIO_STATUS_FEATURES_OK);
	readl(VIRTIO_MMIO_STATUS);
}

static void write64(uint32_t low, uint64_t value)
{
	writel(low, (uint32_t)value);
	writel(low + 4, (uint32_t)(value >> 32));
}

/* Rings one after the other from `base` on, the used ring on a page of its own. */
static void set_up_queue(unsigned int index, uint64_t base)
{
	struct ring *q = &vq[index];

	memset(q, 0, sizeof(*q));
	q->index = index;
	writel(VIRTIO_MMIO_QUEUE_SEL, index);
	readl(VIRTIO_MMIO_QUEUE_READY);
	q->size = (uint16_t)readl(VIRTIO_MMIO_QUEUE_SIZE_MAX);
	q->desc = base;
	q->avail = base + 16ull * q->size;
	q->used = (q->avail + 6 + 2ull * q->size + 0xfff) & ~0xfffull;
	writel(VIRTIO_MMIO_QUEUE_SIZE, q->size);
	write64(VIRTIO_MMIO_QUEUE_DESC_LOW, q->desc);
	write64(VIRTIO_MMIO_QUEUE_DRIVER_LOW, q->avail);
	write64(VIRTIO_MMIO_QUEUE_DEVICE_LOW, q->used);
	writel(VIRTIO_MMIO_QUEUE_READY, 1);
}

static void put_desc(uint64_t table, unsigned int index, const struct sg *sg, unsigned int flags,
		     unsigned int next)
{
	struct virtq_desc d = {
		.addr = htole64(sg->gpa),
		.len = htole32(sg->len),
		.flags = htole16((uint16_t)(flags | (sg->in ? VIRTQ_DESC_F_WRITE : 0))),
		.next = htole16((uint16_t)next),
	};

	put(table + 16ull * index, &d, sizeof(d));
}

static void put_table(uint64_t table, const struct sg *sg, unsigned int count, unsigned int first,
		      unsigned int size)
{
	for (unsigned int i = 0; i < count; i++)
		put_desc(table, (first + i) % size, &sg[i], i + 1 < count ? VIRTQ_DESC_F_NEXT : 0,
			 i + 1 < count ? (first + i + 1) % size : 0);
}

/* As virtqueue_add: indirect if that was accepted and there is more than one. */
static void add_chain(struct ring *q, const struct sg *sg, unsigned int count)
{
	bool indirect = count > 1 && rig.features & BIT(VIRTIO_F_INDIRECT_DESC);
	struct sg table = { 0, 16 * count, false };

	put16(q->avail + 4 + 2ull * (q->avail_idx % q->size), q->next % q->size);
	if (indirect) {
		table.gpa = allocate(table.len);
		put_table(table.gpa, sg, count, 0, count);
		put_desc(q->desc, q->next % q->size, &table, VIRTQ_DESC_F_INDIRECT, 0);
		q->next++;
	} else {
		put_table(q->desc, sg, count, q->next % q->size, q->size);
		q->next = (uint16_t)(q->next + count);
	}
	put16(q->avail + 2, ++q->avail_idx);
}

static void kick(struct ring *q)
{
	uint16_t event = get16(q->used + 4 + 8ull * q->size);
	uint16_t old = q->kicked_idx;

	q->kicked_idx = q->avail_idx;
	if (rig.features & BIT(VIRTIO_F_EVENT_IDX) &&
	    (uint16_t)(q->avail_idx - event - 1) >= (uint16_t)(q->avail_idx - old))
		return;
	writel(VIRTIO_MMIO_QUEUE_NOTIFY, q->index);
}

/* vm_interrupt, then vring_interrupt of each queue. */
static void interrupt(void)
{
	if (!rig.irq)
		return;
	writel(VIRTIO_MMIO_INTERRUPT_ACK, readl(VIRTIO_MMIO_INTERRUPT_STATUS));
	for (unsigned int i = 0; i < 3 && vq[i].size; i++) {
		vq[i].last_used = get16(vq[i].used + 2);
		if (rig.features & BIT(VIRTIO_F_EVENT_IDX))
			put16(vq[i].avail + 4 + 2ull * vq[i].size, vq[i].last_used);
	}
}

/* virtio_cread of several bytes */
static void config_many(uint32_t offset, unsigned int width, unsigned int count)
{
	readl(VIRTIO_MMIO_CONFIG_GENERATION);
	for (unsigned int i = 0; i < count; i++)
		rd(VIRTIO_MMIO_CONFIG + offset + i * width, width);
	readl(VIRTIO_MMIO_CONFIG_GENERATION);
}

static void config(uint32_t offset, unsigned int width)
{
	rd(VIRTIO_MMIO_CONFIG + offset, width);
}

/* ---- virtio_blk.c ---- */

static void probe_blk(uint64_t rings)
{
	identify();
	negotiate(~BIT(VIRTIO_F_RING_RESET));
	config(12, 4);
	set_up_queue(0, rings);
	config(32, 1);
	config(20, 4);
	config(24, 1);
	config(25, 1);
	config(26, 2);
	config(28, 4);
	config(44, 4);
	config(36, 4);
	config(40, 4);
	config(48, 4);
	config(52, 4);
	config_many(0, 4, 2);
	add_status(VIRTIO_STATUS_DRIVER_OK);
}

/* `cuts` segments of `len` bytes each, and no notification. */
static void queue_blk(uint32_t type, uint64_t sector, unsigned int cuts, uint32_t len)
{
	struct virtio_blk_header header = { htole32(type), 0, htole64(sector) };
	uint64_t at = allocate(32);
	struct sg sg[34] = { { at, 16, false } };
	unsigned int count = 1;

	put(at, &header, sizeof(header));
	for (unsigned int i = 0; i < cuts; i++)
		sg[count++] = (struct sg){ allocate(len), len, type != VIRTIO_BLK_T_OUT };
	sg[count++] = (struct sg){ at + 16, 1, true };
	add_chain(&vq[0], sg, count);
}

static void queue_ranges(uint32_t type, uint64_t sector, uint32_t sectors, unsigned int count,
			 uint32_t flags)
{
	struct virtio_blk_header header = { htole32(type), 0, 0 };
	uint64_t at = allocate(32);
	uint64_t ranges = allocate(16 * count);
	const struct sg sg[] = { { at, 16, false },
				 { ranges, 16 * count, false },
				 { at + 16, 1, true } };

	put(at, &header, sizeof(header));
	for (unsigned int i = 0; i < count; i++) {
		struct virtio_blk_range r = { htole64(sector + i * sectors), htole32(sectors),
					      htole32(flags) };

		put(ranges + 16ull * i, &r, sizeof(r));
	}
	add_chain(&vq[0], sg, 3);
}

static void do_blk(uint32_t type, uint64_t sector, unsigned int cuts, uint32_t len)
{
	queue_blk(type, sector, cuts, len);
	kick(&vq[0]);
	interrupt();
}

/* ---- virtio_net.c ---- */

static void probe_net(uint64_t rings)
{
	identify();
	negotiate(UINT64_MAX);
	config(10, 2);
	config_many(0, 1, 6);
	for (unsigned int i = 0; i < 3; i++)
		set_up_queue(i, rings + i * 0x8000ull);
	add_status(VIRTIO_STATUS_DRIVER_OK);
	config(6, 2);
}

static void fill_receive(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct sg sg = { allocate(1536), 1536, true };

		add_chain(&vq[ANVIL_NET_RX], &sg, 1);
	}
	kick(&vq[ANVIL_NET_RX]);
}

static void command(uint8_t class, uint8_t cmd, const void *data, uint32_t len)
{
	uint64_t at = allocate(4096);
	const uint8_t head[] = { class, cmd };
	const struct sg sg[] = { { at, 2, false }, { at + 16, len, false }, { at + 8, 1, true } };

	put(at, head, 2);
	put(at + 16, data, len);
	add_chain(&vq[ANVIL_NET_CTRL], sg, 3);
	kick(&vq[ANVIL_NET_CTRL]);
}

/* virtnet_set_rx_mode: the tables lie in two buffers */
static void command_tables(unsigned int unicast, unsigned int multicast)
{
	uint64_t at = allocate(4096);
	const uint8_t head[] = { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET };
	const struct sg sg[] = { { at, 2, false },
				 { at + 16, 4 + 6 * unicast, false },
				 { at + 2048, 4 + 6 * multicast, false },
				 { at + 8, 1, true } };
	uint32_t counts[] = { htole32(unicast), htole32(multicast) };

	put(at, head, 2);
	put(at + 16, &counts[0], 4);
	put(at + 2048, &counts[1], 4);
	add_chain(&vq[ANVIL_NET_CTRL], sg, 4);
	kick(&vq[ANVIL_NET_CTRL]);
}

/* An IPv4 TCP frame with timestamps, or an ARP request. */
static unsigned int build(uint8_t *at, bool tcp)
{
	memset(at, 0, 66);
	memcpy(at, "\xff\xff\xff\xff\xff\xff\x02\xca\xfe\x01\x02\x03\x08\x06", 14);
	if (!tcp)
		return 42;
	memcpy(at, "\x52\x55\x0a\x00\x02\x02", 6);
	at[13] = 0;
	at[14] = 0x45;
	at[23] = 6;
	at[34 + 12] = 0x80;
	return 66;
}

/* As xmit_skb: header and linear part in one buffer, the rest in pages. */
static void queue_frame(const struct virtio_net_header *header, bool tcp, unsigned int pages)
{
	uint64_t at = allocate(4096);
	uint8_t bytes[128];
	struct sg sg[18] = { { at, 12, false } };

	sg[0].len += build(bytes, tcp);
	put(at, header, 12);
	put(at + 12, bytes, sg[0].len - 12);
	for (unsigned int i = 0; i < pages; i++)
		sg[i + 1] = (struct sg){ allocate(4096), 4096, false };
	add_chain(&vq[ANVIL_NET_TX], sg, 1 + pages);
}

static const struct virtio_net_header no_offload;
static const struct virtio_net_header csum_offload = { .flags = 1,
						       .csum_start = 34,
						       .csum_offset = 16 };
static const struct virtio_net_header tso_offload = { .flags = 1,
						      .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
						      .hdr_len = 66,
						      .gso_size = 1448,
						      .csum_start = 34,
						      .csum_offset = 16 };

/* ---- what was recorded ---- */

static struct machine machine;
static struct bus bus;
static struct bus_trace trace;
static struct log played;
static const struct anvil_disk_ops *inner_disk;
static const struct anvil_nic_ops *inner_nic;

static void played_submit(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	log_event(&played, request->op, request->sector, request->sectors);
	inner_disk->submit(disk, request);
}

static void played_cancel(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	inner_disk->cancel(disk, request);
}

static int played_send(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	log_event(&played, 100 + frame->offload.gso + 10u * frame->offload.needs_csum, 0,
		  frame->len);
	return inner_nic->send(nic, frame);
}

static void played_receivable(struct anvil_nic *nic)
{
	inner_nic->receivable(nic);
}

static void watch_machine(void)
{
	static const struct anvil_disk_ops disk = { played_submit, played_cancel };
	static const struct anvil_nic_ops nic = { played_send, played_receivable };

	machine_create(&machine);
	bus_model_init(&bus, &machine);
	inner_disk = machine.disk.disk.ops;
	inner_nic = machine.nic.nic.ops;
	machine.disk.disk.ops = &disk;
	machine.nic.nic.ops = &nic;
}

static bool recorded(const char *name, struct script *script)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/linux_%s", rig.folder, name);
	return !access(path, R_OK) && files_read_script(path, script);
}

static size_t count_files(void)
{
	char *const args[] = { rig.folder };
	size_t count;
	char **path = files_list(args, 1, &count);

	files_free(path, count);
	return count;
}

/* Plays, and the verdict is ok. What the probe for life at the end does is not logged. */
static void play(const struct script *script)
{
	struct verdict v;

	played.events = 0;
	bus_trace_init(&trace, &bus);
	player_play(&trace.bus, script, NULL, &v);
	if (v.kind != VERDICT_OK) {
		script_print(script, v.op, stderr);
		fail_msg("verdict %d rule %u at operation %d: %s", v.kind, v.rule, v.op, v.reason);
	}
	if (script->header.code == DEVICE_NET && played.events)
		played.events--;
}

/* As text, to be freed. */
static char *text_of(const struct script *script)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	script_print(script, -1, f);
	fclose(f);
	return text;
}

static void assert_text(const struct script *script, const char *text)
{
	struct script wanted;
	char error[128];

	assert_int_equal(script_parse(text, &wanted, error, sizeof(error)), 0);
	char *is = text_of(script);
	char *right = text_of(&wanted);

	assert_string_equal(is, right);
	free(right);
	free(is);
}

static void assert_canonical(const struct script *script)
{
	uint8_t bytes[SCRIPT_BYTES_MAX];
	uint8_t again[SCRIPT_BYTES_MAX];
	struct script decoded;
	size_t len = script_encode(script, bytes, sizeof(bytes));

	script_decode(bytes, len, &decoded);
	assert_int_equal(script_encode(&decoded, again, sizeof(again)), len);
	assert_memory_equal(bytes, again, len);
}

/* ---- bring-ups ---- */

/* The same accesses as the first ones of the log, with the rings moved. */
static void assert_accesses(const struct script *script, unsigned int count)
{
	assert_int_equal(script->ops, count);
	for (unsigned int i = 0; i < count; i++) {
		const struct script_op *op = &script->op[i];
		const struct access *a = &rig.access[i];

		assert_int_equal(op->code, a->code);
		assert_int_equal(op->write.offset, a->offset);
		assert_int_equal(op->write.width, a->width == 4 ? 0 : a->width);
		if (a->code == OP_WRITE && (a->offset < VIRTIO_MMIO_QUEUE_DESC_LOW ||
					    a->offset > VIRTIO_MMIO_QUEUE_DEVICE_HIGH))
			assert_int_equal(op->write.value, a->value);
	}
}

/* All registers that the driver read have the same values in the script. */
static void assert_reads(unsigned int count)
{
	unsigned int reads = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (rig.access[i].code != OP_READ)
			continue;
		assert_int_equal(trace.read[reads].offset, rig.access[i].offset);
		if (rig.access[i].offset < VIRTIO_MMIO_CONFIG)
			assert_int_equal(trace.read[reads].value, rig.access[i].value);
		reads++;
	}
}

/* Plays the bring-up and asks afterwards whether the queues run. */
static void assert_brings_up(const struct script *script, unsigned int queues)
{
	struct script more = *script;
	unsigned int reads = 0;

	more.ops -= more.ops + 2 * queues > SCRIPT_OPS_MAX ? 2 * queues : 0;
	for (unsigned int i = 0; i < more.ops; i++)
		reads += more.op[i].code == OP_READ;
	for (unsigned int i = 0; i < queues; i++) {
		more.op[more.ops] = script_op(OP_WRITE);
		more.op[more.ops].write.offset = VIRTIO_MMIO_QUEUE_SEL;
		more.op[more.ops++].write.value = i;
		more.op[more.ops] = script_op(OP_READ);
		more.op[more.ops++].read.offset = VIRTIO_MMIO_QUEUE_READY;
	}
	play(&more);
	for (unsigned int i = 0; i < queues; i++)
		assert_int_equal(trace.read[reads + i].value, 1);
}

static void a_bring_up_is_there_access_by_access(void **state)
{
	struct script s;
	unsigned int accesses;

	(void)state;
	start_blk(256, BLK_FEATURES);
	start_recorder();
	probe_blk(0x321000);
	accesses = rig.accesses;
	do_blk(VIRTIO_BLK_T_IN, 8, 1, 4096);
	stop_device();
	assert_true(recorded("bring_up_01", &s));
	assert_false(recorded("bring_up_02", &s));
	assert_accesses(&s, accesses);
	play(&s);
	assert_reads(accesses);
	assert_brings_up(&s, 1);
	remove_folder();
}

static const struct script_op *find_write(const struct script *s, uint64_t offset)
{
	for (unsigned int i = 0; i < s->ops; i++) {
		if (s->op[i].code == OP_WRITE && s->op[i].write.offset == offset)
			return &s->op[i];
	}
	fail_msg("0x%x was not written", (unsigned int)offset);
	return NULL;
}

static void rings_stay_low_or_high_and_aligned_as_they_were(void **state)
{
	static const uint64_t base[] = { 0x321000, HIGH + 0x2000, HIGH + 0x2004 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct script s;
		uint64_t is;

		start_blk(64, BLK_FEATURES);
		start_recorder();
		probe_blk(base[i]);
		stop_device();
		assert_true(recorded("bring_up_01", &s));
		is = find_write(&s, VIRTIO_MMIO_QUEUE_DESC_LOW)->write.value |
		     find_write(&s, VIRTIO_MMIO_QUEUE_DESC_HIGH)->write.value << 32;
		assert_int_equal(is, i ? MAP_HIGH + (base[i] & 15) : MAP_LOW);
		if (i < 2)
			assert_brings_up(&s, 1);
		else
			play(&s);
		remove_folder();
	}
}

static void a_long_bring_up_goes_on_in_a_second_script(void **state)
{
	struct script first;
	struct script second;
	unsigned int accesses;

	(void)state;
	start_net(256, NET_FEATURES);
	start_recorder();
	probe_net(0x321000);
	config_many(0, 1, 6);
	accesses = rig.accesses;
	assert_true(accesses > SCRIPT_OPS_MAX);
	fill_receive(1);
	stop_device();
	assert_true(recorded("bring_up_01", &first));
	assert_true(recorded("bring_up_02", &second));
	assert_false(recorded("bring_up_03", &second));
	assert_accesses(&first, SCRIPT_OPS_MAX);
	play(&first);
	assert_reads(SCRIPT_OPS_MAX);
	assert_true(recorded("bring_up_02", &second));
	assert_brings_up(&second, 3);
	for (unsigned int i = 1; i <= accesses - SCRIPT_OPS_MAX; i++)
		assert_int_equal(second.op[second.ops - i].write.offset,
				 rig.access[accesses - i].offset);
	remove_folder();
}

static void larger_queues_become_the_largest_there_are(void **state)
{
	struct script s;

	(void)state;
	start_blk(1024, BLK_FEATURES);
	start_recorder();
	probe_blk(0x321000);
	for (unsigned int i = 0; i < 600; i++)
		queue_blk(VIRTIO_BLK_T_IN, i, 1, 4096);
	kick(&vq[0]);
	stop_device();
	assert_true(recorded("bring_up_01", &s));
	assert_int_equal(find_write(&s, VIRTIO_MMIO_QUEUE_SIZE)->write.value, SETUP_QUEUE_SIZE);
	assert_brings_up(&s, 1);
	assert_true(recorded("requests_01", &s));
	play(&s);
	assert_int_equal(played.events, s.ops - 1);
	remove_folder();
}

/* ---- requests ---- */

static void some_blk_requests(void)
{
	do_blk(VIRTIO_BLK_T_GET_ID, 0, 1, 20);
	do_blk(VIRTIO_BLK_T_IN, 0, 1, 4096);
	do_blk(VIRTIO_BLK_T_IN, 1000, 2, 4096);
	do_blk(VIRTIO_BLK_T_OUT, 0xffff0, 1, 8192);
	do_blk(VIRTIO_BLK_T_OUT, 0xfff00, 5, 4096);
	do_blk(VIRTIO_BLK_T_IN, 77, 32, 4096);
	queue_blk(VIRTIO_BLK_T_IN, 8, 1, 512);
	queue_blk(VIRTIO_BLK_T_OUT, 9, 1, 1024);
	queue_blk(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	kick(&vq[0]);
	interrupt();
	queue_ranges(VIRTIO_BLK_T_DISCARD, 128, 16, 1, 0);
	queue_ranges(VIRTIO_BLK_T_WRITE_ZEROES, 4000, 32768, 1, VIRTIO_BLK_SEG_UNMAP);
	queue_ranges(VIRTIO_BLK_T_DISCARD, 40, 8, 4, 0);
	kick(&vq[0]);
	interrupt();
}

/* The same kinds in the same order, with no more sectors. */
static void assert_same_events(void)
{
	assert_int_equal(played.events, rig.log.events);
	for (unsigned int i = 0; i < played.events; i++) {
		assert_int_equal(played.event[i].kind, rig.log.event[i].kind);
		assert_true(played.event[i].len <= rig.log.event[i].len);
	}
}

static void requests_of_a_disk_are_made_again(void **state)
{
	struct script s;

	(void)state;
	start_blk(256, BLK_FEATURES);
	start_recorder();
	probe_blk(0x321000);
	some_blk_requests();
	stop_device();
	assert_int_equal(count_files(), 2);
	assert_true(recorded("requests_01", &s));
	assert_text(&s, "device blk size=7 slots=3 capacity=3 transfer=3 limits=3 hide=0x12\n"
			"init decline=0x10000000000\n"
			"blk type=3 flags=1\n"
			"used event=1\n"
			"blk flags=1 count=7\n"
			"used event=1\n"
			"blk split=9 flags=1 count=0xf sector=0x60\n"
			"used event=1\n"
			"blk type=1 flags=1 count=0xf sector=0x21\n"
			"used event=1\n"
			"blk type=1 split=0xe flags=1 count=0x27 sector=0x4e\n"
			"used event=1\n"
			"blk split=9 flags=1 count=0x7e sector=1\n"
			"used event=1\n"
			"blk flags=5 sector=8\n"
			"blk type=1 flags=5 count=1 sector=9\n"
			"blk type=2 flags=1\n"
			"used event=1\n"
			"blk type=4 flags=5 sector=0xf arg=0x10\n"
			"blk type=5 flags=5 bits=1 arg=0x80\n"
			"blk type=4 flags=1 count=3 sector=0x28 arg=8\n"
			"used event=1\n");
	assert_canonical(&s);
	memset(oracle_milestone, 0, sizeof(oracle_milestone));
	play(&s);
	assert_same_events();
	assert_true(oracle_milestone[MILESTONE_BLK_GET_ID_OK]);
	assert_true(oracle_milestone[MILESTONE_BLK_MANY_RANGES]);
	assert_false(oracle_milestone[MILESTONE_BLK_IN_BAD]);
	assert_false(oracle_milestone[MILESTONE_BLK_OUT_BAD]);
	assert_false(oracle_milestone[MILESTONE_BLK_RANGE_BAD]);
	remove_folder();
}

static void chains_without_tables_and_event_indices_are_too(void **state)
{
	struct script s;

	(void)state;
	start_blk(64, BLK_FEATURES & ~RING_FEATURES);
	start_recorder();
	probe_blk(HIGH + 0x3000);
	put16(vq[0].avail, 1);
	some_blk_requests();
	stop_device();
	assert_true(recorded("requests_01", &s));
	for (unsigned int i = 0; i < s.ops; i++)
		assert_false(s.op[i].code == OP_BLK && s.op[i].blk.flags & CHAIN_INDIRECT);
	assert_int_equal(s.op[1].code, OP_AVAIL);
	assert_int_equal(s.op[1].avail.value, 1);
	play(&s);
	assert_same_events();
	remove_folder();
}

static void bad_requests_stay_bad(void **state)
{
	static const enum milestone reached[] = {
		MILESTONE_BLK_IN_BAD,	    MILESTONE_BLK_OUT_BAD,    MILESTONE_BLK_RANGE_BAD,
		MILESTONE_BLK_UNKNOWN_TYPE, MILESTONE_BLK_GET_ID_BAD, MILESTONE_BLK_FLUSH_BAD,
		MILESTONE_BLK_SHORT_HEADER, MILESTONE_BLK_NO_STATUS,  MILESTONE_BLK_RANGE_FLAG,
	};
	const struct sg short_request[] = { { 0x5000, 9, false }, { 0x6000, 513, true } };
	struct sg piece = { 0x5000, 9, false };
	struct script s;

	(void)state;
	start_blk(256, BLK_FEATURES);
	start_recorder();
	probe_blk(0x321000);
	do_blk(VIRTIO_BLK_T_IN, SECTORS, 1, 512);
	do_blk(VIRTIO_BLK_T_OUT, SECTORS - 1, 2, 512);
	queue_ranges(VIRTIO_BLK_T_DISCARD, SECTORS - 1, 2, 1, 0);
	queue_ranges(VIRTIO_BLK_T_DISCARD, 1, 2, 1, 2);
	do_blk(99, 0, 1, 512);
	do_blk(VIRTIO_BLK_T_GET_ID, 0, 1, 24);
	do_blk(VIRTIO_BLK_T_FLUSH, 0, 1, 1);
	add_chain(&vq[0], &piece, 1);
	add_chain(&vq[0], short_request, 2);
	piece.len = 16;
	add_chain(&vq[0], &piece, 1);
	kick(&vq[0]);
	stop_device();
	assert_int_equal(rig.log.events, 0);
	assert_true(recorded("requests_01", &s));
	memset(oracle_milestone, 0, sizeof(oracle_milestone));
	play(&s);
	assert_int_equal(played.events, 0);
	for (size_t i = 0; i < ARRAY_SIZE(reached); i++) {
		if (!oracle_milestone[reached[i]])
			fail_msg("not reached: %s", oracle_milestone_text[reached[i]]);
	}
	remove_folder();
}

static void some_net_traffic(void)
{
	uint8_t frame[2000] = { 0 };

	fill_receive(256);
	command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, "", 1);
	command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, "\1", 1);
	command_tables(0, 3);
	command(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, "\5", 2);
	command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, "\2\xca\xfe\1\2\3", 6);
	queue_frame(&no_offload, false, 0);
	kick(&vq[ANVIL_NET_TX]);
	queue_frame(&csum_offload, true, 0);
	queue_frame(&tso_offload, true, 3);
	queue_frame(&csum_offload, true, 1);
	kick(&vq[ANVIL_NET_TX]);
	build(frame, false);
	arrives(frame, 42);
	interrupt();
	build(frame, true);
	memcpy(frame, "\2\xca\xfe\1\2\3", 6);
	arrives(frame, 1514);
	arrives(frame, 66);
	interrupt();
	fill_receive(3);
}

static void traffic_of_a_nic_is_made_again(void **state)
{
	struct script s;

	(void)state;
	start_net(256, NET_FEATURES);
	start_recorder();
	probe_net(0x321000);
	some_net_traffic();
	stop_device();
	assert_true(recorded("requests_01", &s));
	assert_text(&s, "device net size=7 hide=0x10000102200\n"
			"init\n"
			"rx count=0x20 flags=4\n"
			"rx count=0x20 flags=4\n"
			"rx count=0x20 flags=4\n"
			"rx count=0x20 flags=4\n"
			"rx count=0x20 flags=4\n"
			"rx count=0x20 flags=4\n"
			"rx count=0x20 flags=4\n"
			"rx count=0x18\n"
			"ctrl flags=1\n"
			"ctrl command=1 flags=1 value=1\n"
			"ctrl class=1 split=4 flags=1 counts=0x30000\n"
			"ctrl class=2 flags=1 value=5\n"
			"ctrl class=1 command=1 flags=1 value=0x563412005452\n"
			"tx split=1 len=0x2a\n"
			"tx kind=1 split=1 flags=4 bits=1 len=0x42\n"
			"tx kind=1 split=0xf flags=5 offload=1 len=0x3042\n"
			"tx kind=1 split=7 flags=1 bits=1 len=0x1042\n"
			"frame to=1 len=0x29\n"
			"used event=1\n"
			"used queue=1 event=1\n"
			"used queue=2 event=1\n"
			"frame kind=1 len=0x5e9\n"
			"frame kind=1 len=0x41\n"
			"used event=1\n");
	assert_canonical(&s);
	memset(oracle_milestone, 0, sizeof(oracle_milestone));
	play(&s);
	assert_same_events();
	assert_true(oracle_milestone[MILESTONE_NET_TX_TSO4]);
	assert_true(oracle_milestone[MILESTONE_NET_TX_CSUM]);
	assert_true(oracle_milestone[MILESTONE_NET_RX_OK]);
	assert_true(oracle_milestone[MILESTONE_NET_CTRL_MODE]);
	assert_true(oracle_milestone[MILESTONE_NET_CTRL_TABLE]);
	assert_true(oracle_milestone[MILESTONE_NET_CTRL_VLAN]);
	assert_true(oracle_milestone[MILESTONE_NET_CTRL_MAC]);
	assert_false(oracle_milestone[MILESTONE_NET_CTRL_BAD]);
	assert_false(oracle_milestone[MILESTONE_NET_TX_BAD]);
	remove_folder();
}

/* The second script begins with receive buffers, or its frames would get lost. */
static void later_scripts_have_receive_buffers(void **state)
{
	uint8_t frame[66];
	struct script s;

	(void)state;
	start_net(256, NET_FEATURES);
	start_recorder();
	probe_net(0x321000);
	fill_receive(256);
	build(frame, false);
	for (unsigned int i = 0; i < RECORDER_REQUEST_OPS; i++)
		arrives(frame, 42);
	arrives(frame, 60);
	build(frame, true);
	arrives(frame, 60);
	stop_device();
	assert_true(recorded("requests_02", &s));
	assert_int_equal(s.op[1].code, OP_RX);
	memset(oracle_milestone, 0, sizeof(oracle_milestone));
	play(&s);
	assert_true(oracle_milestone[MILESTONE_NET_RX_OK]);
	assert_false(oracle_milestone[MILESTONE_NET_RX_NO_BUFFERS]);
	remove_folder();
}

/* Added while the device was looking: no notification, and yet in the script, at the interrupt. */
static void chains_without_a_notification_are_not_lost(void **state)
{
	struct script s;

	(void)state;
	start_blk(256, BLK_FEATURES);
	start_recorder();
	probe_blk(0x321000);
	do_blk(VIRTIO_BLK_T_IN, 0, 1, 512);
	queue_blk(VIRTIO_BLK_T_IN, 0, 1, 1024);
	anvil_device_notify(&rig.blk.dev, 0); /* the device came by itself */
	interrupt();
	stop_device();
	assert_true(recorded("requests_01", &s));
	assert_text(&s, "device blk size=7 slots=3 capacity=3 transfer=3 limits=3 hide=0x12\n"
			"init decline=0x10000000000\n"
			"blk flags=1\n"
			"used event=1\n"
			"blk flags=1 count=1\n"
			"used event=1\n");
	play(&s);
	assert_same_events();
	remove_folder();
}

static void queues_stop_and_start_again(void **state)
{
	struct script s;

	(void)state;
	start_blk(64, BLK_FEATURES);
	start_recorder();
	identify();
	negotiate(UINT64_MAX);
	set_up_queue(0, 0x321000);
	add_status(VIRTIO_STATUS_DRIVER_OK);
	do_blk(VIRTIO_BLK_T_IN, 0, 1, 512);
	writel(VIRTIO_MMIO_QUEUE_SEL, 0);
	writel(VIRTIO_MMIO_QUEUE_RESET, 1);
	readl(VIRTIO_MMIO_QUEUE_RESET);
	memset(ram[0] + 0x321000, 0, 0x4000);
	set_up_queue(0, 0x321000);
	do_blk(VIRTIO_BLK_T_IN, 0, 1, 1024);
	stop_device();
	assert_true(recorded("requests_01", &s));
	memset(oracle_milestone, 0, sizeof(oracle_milestone));
	play(&s);
	assert_same_events();
	assert_true(oracle_milestone[MILESTONE_RING_RESET]);
	assert_true(oracle_milestone[MILESTONE_RING_RESTARTED]);
	remove_folder();
}

/* ---- which scripts ---- */

static void what_was_seen_is_not_written_again(void **state)
{
	struct script s;
	size_t files;

	(void)state;
	start_blk(256, BLK_FEATURES);
	start_recorder();
	for (unsigned int i = 0; i < 3; i++) {
		if (i) /* the driver starts over; nobody looks for the device again */
			negotiate(~BIT(VIRTIO_F_RING_RESET));
		memset(ram[0] + 0x321000, 0, 0x8000);
		probe_blk(0x321000);
		some_blk_requests();
		if (i == 1)
			files = count_files();
	}
	do_blk(VIRTIO_BLK_T_IN, 0, 1, 1536);
	stop_device();
	/* the last one has something new */
	assert_int_equal(count_files(), files + 1);
	assert_true(recorded("requests_02", &s));
	remove_folder();
}

static void there_is_an_end_to_it(void **state)
{
	(void)state;
	start_blk(64, BLK_FEATURES);
	start_recorder();
	for (uint32_t i = 0; i < 2000; i++) {
		negotiate(UINT64_MAX);
		writel(VIRTIO_MMIO_DEVICE_FEATURES_SEL, i); /* something new each time */
		set_up_queue(0, 0x321000);
		add_status(VIRTIO_STATUS_DRIVER_OK);
	}
	stop_device();
	assert_int_equal(count_files(), RECORDER_SCRIPTS_MAX);
	remove_folder();
}

static void a_folder_that_is_not_there_is_told(void **state)
{
	(void)state;
	start_blk(64, BLK_FEATURES);
	remove_folder();
	start_recorder();
	probe_blk(0x321000);
	some_blk_requests();
	assert_false(recorder_finish(&rig.recorder));
	rig.recording = false;
	stop_device();
}

/* ---- drivers that do anything ---- */

static uint64_t random_state;

static uint32_t any(uint32_t below)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(random_state >> 33) % below;
}

static uint64_t any_address(void)
{
	switch (any(6)) {
	case 0:
		return HIGH + any(HIGH_BYTES);
	case 1:
		return LOW_BYTES - any(64);
	case 2:
		return UINT64_MAX - any(4096);
	case 3:
		return vq[any(3)].desc + any(0x3000);
	default:
		return any(LOW_BYTES);
	}
}

static uint32_t any_len(void)
{
	static const uint32_t len[] = { 0, 1, 11, 12, 15, 16, 17, 20, 512, 1536, 4096, 65536 };

	return any(20) ? len[any(12)] : UINT32_MAX - any(100);
}

/* Descriptors of all kinds, mostly bad ones, with loops and tables in tables. */
static void any_chain(struct ring *q)
{
	unsigned int count = any(6);

	for (unsigned int i = 0; i <= count; i++) {
		struct sg sg = { any(3) ? allocate(64) : any_address(), any_len(),
				 any(3) ? i == count : any(2) };
		unsigned int flags = i < count ? VIRTQ_DESC_F_NEXT : 0;
		unsigned int next = q->next + 1u;

		if (any(12) == 0)
			flags = any(8);
		if (any(12) == 0)
			next = any(300);
		if (any(3) == 0)
			put16(sg.gpa < LOW_BYTES - 64 ? sg.gpa : 0x1000, any(16));
		put_desc(any(20) ? q->desc : 0x1000, q->next % q->size, &sg, flags, next % 300);
		if (i == 0)
			put16(q->avail + 4 + 2ull * (q->avail_idx % q->size), q->next % q->size);
		q->next++;
	}
	if (any(10) == 0)
		put16(q->avail + 4 + 2ull * (q->avail_idx % q->size), any(0x10000));
	q->avail_idx = (uint16_t)(q->avail_idx + (any(20) ? 1 : any(0x10000)));
	put16(q->avail + 2, q->avail_idx);
	if (any(2))
		writel(VIRTIO_MMIO_QUEUE_NOTIFY, q->index);
}

static void any_good_request(void)
{
	if (!rig.is_net) {
		queue_blk(any(16), any(SECTORS + 10), any(10), any(4) ? 512 * (1 + any(9)) : 100);
		kick(&vq[0]);
	} else if (any(3)) {
		queue_frame(any(2) ? &tso_offload : &csum_offload, any(2), any(5));
		kick(&vq[ANVIL_NET_TX]);
	} else {
		fill_receive(1 + any(8));
	}
}

static void any_bring_up(void)
{
	uint64_t base = any(8) ? 0x321000 : any(2) ? HIGH + 0x1000 : any_address() & ~15ull;

	negotiate(any(4) ? UINT64_MAX : ~BIT(any(41)));
	for (unsigned int i = 0; i < (rig.is_net ? 3 : 1); i++) {
		set_up_queue(i, base + i * 0x8000);
		if (vq[i].size == 0 || base > LOW_BYTES) /* we write there, too */
			set_up_queue(i, 0x321000 + i * 0x8000);
		if (vq[i].size == 0)
			vq[i].size = 1;
	}
	memset(ram[0] + 0x321000, 0, 0x18000);
	add_status(VIRTIO_STATUS_DRIVER_OK);
}

static void any_access(void)
{
	static const unsigned int width[] = { 4, 4, 4, 4, 1, 2, 8, 3 };
	uint64_t offset = any(ANVIL_MMIO_WINDOW / 4) * 4 + (any(8) ? 0 : any(4));

	if (any(2))
		rd(offset, width[any(8)]);
	else
		wr(offset, width[any(8)], any(4) ? any(4) : any_address());
}

static void any_act(void)
{
	uint8_t frame[100];

	switch (any(12)) {
	case 0:
	case 1:
		any_access();
		break;
	case 2:
	case 3:
		any_chain(&vq[any(rig.is_net ? 3 : 1)]);
		break;
	case 4:
		interrupt();
		break;
	case 5:
		for (unsigned int i = 0; i < sizeof(frame); i++)
			frame[i] = (uint8_t)any(256);
		if (rig.is_net)
			arrives(frame, 14 + any(80));
		break;
	case 6:
		if (any(6) == 0)
			any_bring_up();
		break;
	default:
		any_good_request();
	}
}

/* All that can be seen from outside of the device. */
static uint64_t digest(void)
{
	uint64_t sum = 0;
	const void *part[] = { ram[0], ram[1], rig.access, rig.log.event };
	const size_t len[] = { LOW_BYTES, HIGH_BYTES, sizeof(rig.access), sizeof(rig.log.event) };

	for (size_t i = 0; i < 4; i++) {
		for (size_t at = 0; at < len[i]; at += 8) {
			uint64_t word;

			memcpy(&word, (const uint8_t *)part[i] + at, 8);
			sum = (sum ^ word) * 0x9e3779b97f4a7c15ull;
		}
	}
	return sum;
}

static bool races;

/* While the recorder looks, other processors of the guest's write. */
static void fire_race(void *opaque, uint64_t gpa, size_t len)
{
	(void)opaque;
	if (any(4) == 0)
		put16((gpa + any((uint32_t)len + 1)) & ~1ull, any(4) ? any(300) : any(0x10000));
}

static uint64_t any_guest(unsigned int seed, bool record)
{
	static const struct anvil_guest_memory_tap race = { fire_race, seen, seen, &rig.tapped };
	uint16_t size = (uint16_t)(1u << seed % 10);
	uint64_t sum;

	random_state = seed;
	if (seed / 10 % 2)
		start_net(size, any(3) ? NET_FEATURES : NET_FEATURES & ~RING_FEATURES);
	else
		start_blk(size, any(3) ? BLK_FEATURES : BLK_FEATURES & ~RING_FEATURES);
	if (record)
		start_recorder();
	if (races)
		rig.recorder.memory.tap = &race;
	if (any(8))
		any_bring_up();
	for (unsigned int i = 0; i < 3; i++)
		vq[i].size = vq[i].size ? vq[i].size : 1;
	for (unsigned int i = 0; i < 300; i++)
		any_act();
	sum = digest();
	stop_device();
	return sum;
}

static void play_all(void)
{
	char *const args[] = { rig.folder };
	size_t count;
	char **path = files_list(args, 1, &count);

	assert_true(count <= RECORDER_SCRIPTS_MAX);
	for (size_t i = 0; i < count; i++) {
		struct script s;

		assert_true(files_read_script(path[i], &s));
		assert_canonical(&s);
		play(&s);
	}
	files_free(path, count);
}

/* All files, as one number. */
static uint64_t sum_files(void)
{
	char *const args[] = { rig.folder };
	size_t count;
	char **path = files_list(args, 1, &count);
	uint64_t sum = count;

	for (size_t i = 0; i < count; i++) {
		uint8_t bytes[SCRIPT_BYTES_MAX];
		struct script s;
		size_t len;

		assert_true(files_read_script(path[i], &s));
		len = script_encode(&s, bytes, sizeof(bytes));
		for (size_t at = 0; at < len; at++)
			sum = (sum ^ bytes[at]) * 0x100000001b3ull;
	}
	files_free(path, count);
	return sum;
}

static void the_same_guest_gives_the_same_scripts(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 40; seed++) {
		uint64_t sum;

		any_guest(seed, true);
		sum = sum_files();
		remove_folder();
		any_guest(seed, true);
		assert_int_equal(sum_files(), sum);
		remove_folder();
	}
}

static void nothing_a_guest_does_harms_or_shows(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 120; seed++) {
		uint64_t without = any_guest(seed, false);
		unsigned int tapped = rig.tapped;

		remove_folder();
		assert_int_equal(any_guest(seed, true), without);
		assert_int_equal(rig.tapped, tapped);
		play_all();
		remove_folder();
	}
}

static void memory_that_changes_meanwhile_does_no_harm(void **state)
{
	(void)state;
	races = true;
	for (unsigned int seed = 1; seed <= 400; seed++) {
		any_guest(seed, true);
		play_all();
		remove_folder();
	}
	races = false;
}

/* Rings that a device must refuse; the recording ends, and goes on after a reset. */
static void broken_rings_end_the_recording_until_a_reset(void **state)
{
	(void)state;
	for (unsigned int way = 0; way < 6; way++) {
		struct sg sg = { 0x5000, 16, false };
		struct script s;

		start_blk(64, BLK_FEATURES);
		start_recorder();
		probe_blk(0x321000);
		do_blk(VIRTIO_BLK_T_IN, 0, 1, 512);
		put16(vq[0].avail + 4 + 2, vq[0].next);
		if (way == 0) /* itself, for ever */
			put_desc(vq[0].desc, vq[0].next, &sg, VIRTQ_DESC_F_NEXT, vq[0].next);
		sg.gpa = way == 1 ? UINT64_MAX - 8 : sg.gpa;
		sg.len = way == 2 ? UINT32_MAX : sg.len;
		if (way == 1 || way == 2)
			put_desc(vq[0].desc, vq[0].next, &sg, 0, 0);
		sg.len = 0xfffffff0;
		if (way == 3) /* a table of 4 GiB */
			put_desc(vq[0].desc, vq[0].next, &sg, VIRTQ_DESC_F_INDIRECT, 0);
		if (way == 4)
			put_desc(vq[0].desc, vq[0].next, &sg, VIRTQ_DESC_F_NEXT, 0xffff);
		if (way == 5)
			put16(vq[0].avail + 4 + 2, 64);
		put16(vq[0].avail + 2, 2);
		writel(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		assert_true(readl(VIRTIO_MMIO_STATUS) & VIRTIO_STATUS_NEEDS_RESET);
		do_blk(VIRTIO_BLK_T_IN, 0, 1, 1024);
		memset(ram[0] + 0x321000, 0, 0x8000);
		probe_blk(0x321000);
		do_blk(VIRTIO_BLK_T_IN, 0, 1, 2048);
		stop_device();
		assert_true(recorded("requests_01", &s));
		assert_int_equal(s.ops, 3); /* init, blk, used */
		play(&s);
		assert_true(recorded("requests_02", &s));
		assert_int_equal(s.ops, 3);
		play(&s);
		remove_folder();
	}
}

/* ---- the pretend driver, recorded ---- */

struct recording_bus {
	struct bus bus; /* first */
	struct anvil_blk_options blk;
	struct anvil_net_options net;
	bool started;
	int (*receive)(struct anvil_nic *nic, const struct anvil_nic_frame *frame);
};

static struct recording_bus recording;

static int recording_receive(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	recorder_frame(&rig.recorder, frame);
	return recording.receive(nic, frame);
}

/* The player makes the device; at the first access it is there. */
static void start_recording(void)
{
	struct recorder_options o = { .folder = rig.folder, .prefix = "linux" };

	if (recording.started)
		return;
	recording.started = true;
	if (machine.p.kind == DEVICE_BLK) {
		machine_blk_options(&machine, &recording.blk);
		o.blk = &recording.blk;
	} else {
		machine_net_options(&machine, &recording.net);
		o.net = &recording.net;
		recording.receive = machine.nic.nic.receive;
		machine.nic.nic.receive = recording_receive;
	}
	assert_int_equal(recorder_init(&rig.recorder, &o), 0);
}

static uint64_t recording_read(struct bus *c, uint64_t offset, unsigned int width)
{
	uint64_t value;

	(void)c;
	start_recording();
	value = bus.ops->read(&bus, offset, width);
	recorder_read(&rig.recorder, offset, width);
	return value;
}

static void recording_write(struct bus *c, uint64_t offset, unsigned int width, uint64_t value)
{
	(void)c;
	start_recording();
	recorder_write(&rig.recorder, offset, width, value);
	bus.ops->write(&bus, offset, width, value);
}

/* Plays a script and records what its guest does. */
static void record_script(const struct script *script, struct verdict *v)
{
	struct bus_ops ops = *bus.ops;

	ops.read = recording_read;
	ops.write = recording_write;
	memset(&recording, 0, sizeof(recording));
	recording.bus.ops = &ops;
	recording.bus.machine = &machine;
	start_rig();
	player_play(&recording.bus, script, NULL, v);
	assert_true(recording.started);
	assert_true(recorder_finish(&rig.recorder));
}

/* Records the script and gives back as many operations as it has; at its end, the player notifies
 * and resets. */
static void record_again(const char *text, struct script *was, struct script *is)
{
	struct verdict v;
	char error[128];
	unsigned int line = script_parse(text, was, error, sizeof(error));

	if (line)
		fail_msg("line %u of\n%s: %s", line, text, error);
	record_script(was, &v);
	assert_int_equal(v.kind, VERDICT_OK);
	assert_true(recorded("requests_01", is));
	assert_true(is->ops > was->ops);
	is->ops = was->ops;
	remove_folder();
}

static void what_the_pretend_driver_does_comes_back(void **state)
{
	static const char *const text[] = {
		"device blk\ninit\nblk\nblk type=1 sector=3 count=1\nblk type=2 flags=4\n"
		"blk type=3 flags=1\nblk type=4 sector=2 arg=5 count=2\nblk type=5 bits=1 arg=1\n"
		"kick\nblk split=1\nblk split=2\nblk split=9 count=3\nblk type=6 arg=77\n"
		"blk type=7 count=1 arg=88\nblk bits=4\nblk type=3 bits=8\nblk type=2 bits=4\n"
		"blk type=1 bits=0x20\nblk bits=0x10\nblk type=2 flags=0x10\n",
		"device blk size=2 flags=1 slots=2 capacity=4 transfer=1 limits=1 hide=0x6000\n"
		"init decline=0x20000000\nblk\nblk type=1\nblk count=1\nblk sector=8\n"
		"avail how=3 value=1\nblk\n",
		"device blk capacity=1 transfer=2 limits=2\ninit\nblk\n",
		"device blk size=6 limits=3 transfer=3\ninit size=1\nblk type=5 count=0x1f arg=1\n"
		"blk type=1 split=0xe flags=1 count=0x17\nstop how=1\nqueue size=3\nblk type=2\n",
		"device net\ninit\nrx count=4\nrx len=4 count=2\nrx pieces=3 flags=1\n"
		"rx len=1\nrx len=2 flags=4\nrx len=3\nrx len=5\nrx len=6\n",
		"device net limits=3 flags=2\ninit\nrx len=7 where=5\nrx wrong=10 len=3\n"
		"frame len=59\nframe kind=1 len=60\nframe kind=2 len=0x600\n"
		"frame kind=3 vlan=1 value=0x70000 len=100\n"
		"frame kind=4 vlan=1 to=1 value=0x80000 len=100\n"
		"frame kind=7 vlan=1 value=0x90000 len=100\nframe to=1 len=41\n"
		"frame to=2 value=0x605 len=13\nframe to=6 value=0x60504030201 len=0xffff\n"
		"frame kind=1 offload=1 len=99\nframe offload=2 len=99\n"
		"frame kind=1 offload=3 len=0x1000\nframe kind=2 offload=4 len=0x1000\n"
		"frame kind=1 offload=5 len=0x1000\nframe kind=2 offload=7 len=0x1000\n",
		"device net size=6\ninit\ntx len=60\ntx kind=1 bits=1 len=80\n"
		"tx kind=1 offload=1 len=5000\ntx kind=2 offload=2 len=5000\n"
		"tx kind=3 offload=3 len=5000 headers=0x10001\ntx kind=4 offload=4 len=200\n"
		"tx kind=1 offload=5 len=100\ntx offload=6 len=40\ntx offload=7 len=40\n"
		"tx kind=6\ntx kind=7 len=4\ntx bits=1 headers=0x1234567890abcdef len=90\n"
		"tx split=1 len=99\ntx split=7 len=99\ntx split=0xe flags=1 len=0x4000\n"
		"tx len=50 wrong=27\n",
		"device net\ninit\nctrl\nctrl command=1 value=1\nctrl class=1 counts=0x20001\n"
		"ctrl class=1 command=1 value=0x60504030201\nctrl class=2 command=1 value=0x123\n"
		"ctrl class=4 command=7\nctrl split=1\nctrl flags=0x10\nctrl more=3\n"
		"ctrl class=2 more=0xff\nctrl class=1 counts=1 flags=1\nkick queue=2\n"
		"kick raw=1 value=77\nread offset=0xfc\nread width=2 offset=0x106\n"
		"write width=1 offset=0x100 value=7\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		struct script was;
		struct script is;
		char *expected;

		record_again(text[i], &was, &is);
		expected = text_of(&was);
		assert_text(&is, expected);
		free(expected);
	}
}

static void all_committed_scripts_can_be_recorded(void **state)
{
	static char corpora[] = "corpora", crashes[] = "crashes";
	char *const args[] = { corpora, crashes };
	size_t count;
	char **path = files_list(args, 2, &count);

	(void)state;
	assert_non_null(path);
	for (size_t i = 0; i < count; i++) {
		struct script s;
		struct verdict v;

		assert_true(files_read_script(path[i], &s));
		if (s.header.code == DEVICE_ECHO)
			continue;
		record_script(&s, &v);
		assert_true(v.kind == VERDICT_OK || v.kind == VERDICT_REJECTED);
		play_all();
		remove_folder();
	}
	files_free(path, count);
}

static int set_up(void **state)
{
	(void)state;
	ram[0] = aligned_alloc(4096, LOW_BYTES);
	ram[1] = aligned_alloc(4096, HIGH_BYTES);
	watch_machine();
	return ram[0] && ram[1] ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	free(ram[0]);
	free(ram[1]);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bring_up_is_there_access_by_access),
		cmocka_unit_test(rings_stay_low_or_high_and_aligned_as_they_were),
		cmocka_unit_test(a_long_bring_up_goes_on_in_a_second_script),
		cmocka_unit_test(larger_queues_become_the_largest_there_are),
		cmocka_unit_test(requests_of_a_disk_are_made_again),
		cmocka_unit_test(chains_without_tables_and_event_indices_are_too),
		cmocka_unit_test(bad_requests_stay_bad),
		cmocka_unit_test(traffic_of_a_nic_is_made_again),
		cmocka_unit_test(later_scripts_have_receive_buffers),
		cmocka_unit_test(chains_without_a_notification_are_not_lost),
		cmocka_unit_test(queues_stop_and_start_again),
		cmocka_unit_test(what_was_seen_is_not_written_again),
		cmocka_unit_test(there_is_an_end_to_it),
		cmocka_unit_test(a_folder_that_is_not_there_is_told),
		cmocka_unit_test(the_same_guest_gives_the_same_scripts),
		cmocka_unit_test(nothing_a_guest_does_harms_or_shows),
		cmocka_unit_test(memory_that_changes_meanwhile_does_no_harm),
		cmocka_unit_test(broken_rings_end_the_recording_until_a_reset),
		cmocka_unit_test(what_the_pretend_driver_does_comes_back),
		cmocka_unit_test(all_committed_scripts_can_be_recorded),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
