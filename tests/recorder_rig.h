/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that the recorder is told of, in a machine that is not the scripts'; and what was
 * recorded, played: for test_recorder_*.c.
 */
#ifndef TESTS_RECORDER_RIG_H
#define TESTS_RECORDER_RIG_H

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

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

static inline void log_event(struct log *log, unsigned int kind, uint64_t at, uint64_t len)
{
	if (log->events < LOG_MAX)
		log->event[log->events++] = (struct event){ kind, at, len };
}

static inline void submit(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	(void)disk;
	log_event(&rig.log, request->op, request->sector, request->sectors);
	if (request->op == ANVIL_DISK_READ)
		memset(request->data, 0x11, request->sectors * 512);
	request->done(request, 0);
}

static inline int send_frame(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	(void)nic;
	log_event(&rig.log, 100 + frame->offload.gso + 10u * frame->offload.needs_csum, 0,
		  frame->len);
	return 0;
}

static inline void set_irq(void *opaque, bool asserted)
{
	((struct rig *)opaque)->irq = asserted;
}

static inline void defer(void *opaque)
{
	((struct rig *)opaque)->work = true;
}

static inline void seen(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	(void)gpa;
	(void)bytes;
	(void)len;
	++*(unsigned int *)opaque;
}

static inline void fetching(void *opaque, uint64_t gpa, size_t len)
{
	(void)opaque;
	(void)gpa;
	(void)len;
}

static const struct anvil_mmio_host_ops host_ops = { .set_irq = set_irq, .defer = defer };

static inline void start_rig(void)
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

static inline void start_recorder(void)
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

static inline void start_blk(uint16_t queue_size_max, uint64_t features)
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

static inline void start_net(uint16_t queue_size_max, uint64_t features)
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

static inline void stop_device(void)
{
	if (rig.recording)
		assert_true(recorder_finish(&rig.recorder));
	rig.recording = false;
	if (rig.is_net)
		anvil_net_destroy(&rig.net);
	else
		anvil_blk_destroy(&rig.blk);
}

static inline void remove_folder(void)
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

static inline void log_access(enum op_code code, uint64_t offset, unsigned int width,
			      uint64_t value)
{
	if (rig.accesses < LOG_MAX)
		rig.access[rig.accesses++] = (struct access){ code, offset, width, value };
}

static inline void settle(void)
{
	while (rig.work) {
		rig.work = false;
		anvil_mmio_poll(&rig.mmio);
	}
}

static inline uint32_t rd(uint64_t offset, unsigned int width)
{
	uint64_t value = anvil_mmio_read(&rig.mmio, offset, width);

	if (rig.recording)
		recorder_read(&rig.recorder, offset, width);
	log_access(OP_READ, offset, width, value);
	return (uint32_t)value;
}

static inline void wr(uint64_t offset, unsigned int width, uint64_t value)
{
	if (rig.recording)
		recorder_write(&rig.recorder, offset, width, value);
	anvil_mmio_write(&rig.mmio, offset, width, value);
	settle();
	log_access(OP_WRITE, offset, width, value);
}

static inline uint32_t readl(uint64_t offset)
{
	return rd(offset, 4);
}

static inline void writel(uint64_t offset, uint32_t value)
{
	wr(offset, 4, value);
}

static inline void arrives(const uint8_t *bytes, uint32_t len)
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
static inline void put(uint64_t gpa, const void *bytes, size_t len)
{
	struct anvil_guest_memory quiet = rig.memory;
	int err;

	quiet.tap = NULL;
	err = anvil_guest_memory_write(&quiet, gpa, bytes, len);
	(void)err;
}

static inline void put16(uint64_t gpa, unsigned int value)
{
	uint16_t raw = htole16((uint16_t)value);

	put(gpa, &raw, sizeof(raw));
}

static inline uint16_t get16(uint64_t gpa)
{
	struct anvil_guest_memory quiet = rig.memory;
	uint16_t raw = 0;
	int err;

	quiet.tap = NULL;
	err = anvil_guest_memory_read(&quiet, gpa, &raw, sizeof(raw));
	(void)err;
	return le16toh(raw);
}

static inline uint64_t allocate(uint64_t len)
{
	uint64_t at = rig.alloc;

	rig.alloc += (len + 63) & ~63ull;
	if (rig.alloc > LOW_BYTES) {
		at = 0x200000;
		rig.alloc = at + ((len + 63) & ~63ull);
	}
	return at;
}

/* ---- what was recorded ---- */

static struct machine machine;
static struct bus bus;
static struct bus_trace trace;
static struct log played;
static const struct anvil_disk_ops *inner_disk;
static const struct anvil_nic_ops *inner_nic;

static inline void played_submit(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	log_event(&played, request->op, request->sector, request->sectors);
	inner_disk->submit(disk, request);
}

static inline void played_cancel(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	inner_disk->cancel(disk, request);
}

static inline int played_send(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	log_event(&played, 100 + frame->offload.gso + 10u * frame->offload.needs_csum, 0,
		  frame->len);
	return inner_nic->send(nic, frame);
}

static inline void played_receivable(struct anvil_nic *nic)
{
	inner_nic->receivable(nic);
}

static inline void watch_machine(void)
{
	static const struct anvil_disk_ops disk = { played_submit, played_cancel };
	static const struct anvil_nic_ops nic = { played_send, played_receivable };

	machine_create(&machine);
	bus_model_init(&bus, &machine);
	inner_disk = machine.own.disk.disk.ops;
	inner_nic = machine.own.nic.nic.ops;
	machine.own.disk.disk.ops = &disk;
	machine.own.nic.nic.ops = &nic;
}

static inline bool recorded(const char *name, struct script *script)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/linux_%s", rig.folder, name);
	return !access(path, R_OK) && files_read_script(path, script);
}

static inline size_t count_files(void)
{
	char *const args[] = { rig.folder };
	size_t count;
	char **path = files_list(args, 1, &count);

	files_free(path, count);
	return count;
}

/* Plays, and the verdict is ok. What the probe for life at the end does is not logged. */
static inline void play(const struct script *script)
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
static inline char *text_of(const struct script *script)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	script_print(script, -1, f);
	fclose(f);
	return text;
}

static inline void assert_text(const struct script *script, const char *text)
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

static inline void assert_canonical(const struct script *script)
{
	uint8_t bytes[SCRIPT_BYTES_MAX];
	uint8_t again[SCRIPT_BYTES_MAX];
	struct script decoded;
	size_t len = script_encode(script, bytes, sizeof(bytes));

	script_decode(bytes, len, &decoded);
	assert_int_equal(script_encode(&decoded, again, sizeof(again)), len);
	assert_memory_equal(bytes, again, len);
}

static inline void play_all(void)
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

static inline int set_up(void **state)
{
	(void)state;
	ram[0] = aligned_alloc(4096, LOW_BYTES);
	ram[1] = aligned_alloc(4096, HIGH_BYTES);
	watch_machine();
	return ram[0] && ram[1] ? 0 : -1;
}

static inline int tear_down(void **state)
{
	(void)state;
	free(ram[0]);
	free(ram[1]);
	return 0;
}

#endif
