/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second opinion on the register window (4.2.2): what each write changes, what each read returns.
 */
#include <endian.h>
#include <string.h>

#include "oracle_internal.h"

#define FEATURES_BIT(n) (1ull << (n))

static const uint32_t device_id[DEVICE_KINDS] = {
	[DEVICE_BLK] = VIRTIO_ID_BLOCK, [DEVICE_NET] = VIRTIO_ID_NET, [DEVICE_ECHO] = 0x2a
};

uint32_t oracle_device_id(const struct oracle *o)
{
	return device_id[o->p->kind];
}

void oracle_put_config(struct oracle *o, unsigned int at, uint64_t number, unsigned int bytes)
{
	oracle_put(o, o->config + at, number, bytes);
}

void oracle_write_config(struct oracle *o, uint64_t at, unsigned int width, uint64_t value)
{
	for (unsigned int i = 0; i < width; i++)
		o->config[at + i] = (uint8_t)(value >> (8 * i));
}

void oracle_config_changed(struct oracle *o)
{
	o->generation++;
	if (o->status & VIRTIO_STATUS_DRIVER_OK)
		o->interrupts |= VIRTIO_INTERRUPT_CONFIG;
}

static void clear_registers(struct oracle *o)
{
	o->status = 0;
	o->driver_features[0] = 0;
	o->driver_features[1] = 0;
	o->agreed = false;
	o->device_sel = 0;
	o->driver_sel = 0;
	o->queue_sel = 0;
	o->interrupts = 0;
	o->logs = 0;
	o->log_used = 0;
	o->suspending = false;
	for (unsigned int i = 0; i < o->p->queues; i++) {
		oracle_stop_queue(o, i);
		o->stopped[i].reset = false;
		o->queue[i].ran_before = false;
	}
	if (o->p->kind == DEVICE_ECHO)
		oracle_write_config(o, 0, 8, 0x0908070605040302);
}

/*
 * In one call: each chain of a full ring, as long as may be, with a few accesses for each
 * descriptor and each chain; and no more than a device of ours promises (VIRTIO_DEVICE_ACCESSES).
 */
static uint64_t calls_accesses(const struct personality *p)
{
	uint64_t promised = 5 * 16384 + 8ull * p->queue_size_max + 512;
	uint64_t rings = (p->queue_size_max + 8ull) * (4ull * p->queue_size_max + 32);

	if (p->kind == DEVICE_BLK && p->queues > 1) /* a free slot may serve all queues */
		rings *= p->queues + 1;
	rings *= p->pairs; /* when the nic can send again, all of them do */
	return rings < promised ? rings : promised;
}

void oracle_start(struct oracle *o, const struct personality *p, jmp_buf *escape)
{
	o->p = p;
	o->escape = escape;
	o->broken_rule = 0;
	o->digest = (struct oracle_digest){ 0 };
	o->reason[0] = 0;
	o->generation = 0;
	o->page_size = 0;
	o->config_late = 0;
	o->irq = false;
	o->in_read = false;
	o->access_bound = calls_accesses(p);
	o->saw_jump = false;
	o->accesses = 0;
	o->walk.active = false;
	o->last = NULL;
	o->logs = 0;
	o->log_used = 0;
	o->at_work = NULL;
	o->order = 0;
	o->at_disk = 0;
	o->resetting = 0;
	o->capacity = p->capacity;
	memset(o->config, 0, sizeof(o->config));
	o->config_bytes = 10;
	clear_registers(o);
	if (p->kind == DEVICE_BLK)
		oracle_blk_reset(o, true);
	if (p->kind == DEVICE_NET)
		oracle_net_reset(o, true);
}

/* ---- status ---- */

struct need {
	unsigned int feature;
	uint64_t one_of;
};

static bool wants(const struct oracle *o, unsigned int feature)
{
	return o->driver_features[feature / 64] >> (feature % 64) & 1;
}

/* Features above 63 that require one of their kind. */
static bool high_needs_met(const struct oracle *o)
{
	return (!wants(o, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM) ||
		wants(o, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO)) &&
	       (!wants(o, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM) ||
		wants(o, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO));
}

/* The first feature of the driver's below 64 that lacks what it requires, or -1. */
static int unmet_need(const struct oracle *o)
{
	static const struct need net[] = {
		{ VIRTIO_NET_F_GUEST_TSO4, FEATURES_BIT(VIRTIO_NET_F_GUEST_CSUM) },
		{ VIRTIO_NET_F_GUEST_TSO6, FEATURES_BIT(VIRTIO_NET_F_GUEST_CSUM) },
		{ VIRTIO_NET_F_GUEST_ECN,
		  FEATURES_BIT(VIRTIO_NET_F_GUEST_TSO4) | FEATURES_BIT(VIRTIO_NET_F_GUEST_TSO6) },
		{ VIRTIO_NET_F_HOST_TSO4, FEATURES_BIT(VIRTIO_NET_F_CSUM) },
		{ VIRTIO_NET_F_HOST_TSO6, FEATURES_BIT(VIRTIO_NET_F_CSUM) },
		{ VIRTIO_NET_F_HOST_ECN,
		  FEATURES_BIT(VIRTIO_NET_F_HOST_TSO4) | FEATURES_BIT(VIRTIO_NET_F_HOST_TSO6) },
		{ VIRTIO_NET_F_CTRL_RX, FEATURES_BIT(VIRTIO_NET_F_CTRL_VQ) },
		{ VIRTIO_NET_F_CTRL_VLAN, FEATURES_BIT(VIRTIO_NET_F_CTRL_VQ) },
		{ VIRTIO_NET_F_CTRL_RX_EXTRA, FEATURES_BIT(VIRTIO_NET_F_CTRL_VQ) },
		{ VIRTIO_NET_F_CTRL_MAC_ADDR, FEATURES_BIT(VIRTIO_NET_F_CTRL_VQ) },
		{ VIRTIO_NET_F_GUEST_ANNOUNCE, FEATURES_BIT(VIRTIO_NET_F_CTRL_VQ) },
		{ VIRTIO_NET_F_MQ, FEATURES_BIT(VIRTIO_NET_F_CTRL_VQ) },
		{ VIRTIO_NET_F_RSS, FEATURES_BIT(VIRTIO_NET_F_CTRL_VQ) },
		{ VIRTIO_NET_F_NOTF_COAL, FEATURES_BIT(VIRTIO_NET_F_CTRL_VQ) },
		{ VIRTIO_NET_F_VQ_NOTF_COAL, FEATURES_BIT(VIRTIO_NET_F_CTRL_VQ) },
		{ VIRTIO_NET_F_HASH_REPORT, FEATURES_BIT(VIRTIO_NET_F_CTRL_VQ) },
		{ VIRTIO_NET_F_HASH_TUNNEL, FEATURES_BIT(VIRTIO_NET_F_CTRL_VQ) },
		{ VIRTIO_NET_F_HASH_TUNNEL,
		  FEATURES_BIT(VIRTIO_NET_F_RSS) | FEATURES_BIT(VIRTIO_NET_F_HASH_REPORT) },
		{ VIRTIO_NET_F_GUEST_USO4, FEATURES_BIT(VIRTIO_NET_F_GUEST_CSUM) },
		{ VIRTIO_NET_F_GUEST_USO6, FEATURES_BIT(VIRTIO_NET_F_GUEST_CSUM) },
		{ VIRTIO_NET_F_HOST_USO, FEATURES_BIT(VIRTIO_NET_F_CSUM) },
		{ VIRTIO_NET_F_RSS_CONTEXT, FEATURES_BIT(VIRTIO_NET_F_RSS) },
		{ VIRTIO_NET_F_RSS_CONTEXT, FEATURES_BIT(VIRTIO_NET_F_CTRL_VQ) },
		{ VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO, FEATURES_BIT(VIRTIO_NET_F_GUEST_TSO4) },
		{ VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO, FEATURES_BIT(VIRTIO_NET_F_GUEST_TSO6) },
		{ VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO, FEATURES_BIT(VIRTIO_NET_F_GUEST_USO4) },
		{ VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO, FEATURES_BIT(VIRTIO_NET_F_GUEST_USO6) },
		{ VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO, FEATURES_BIT(VIRTIO_NET_F_HOST_TSO4) },
		{ VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO, FEATURES_BIT(VIRTIO_NET_F_HOST_TSO6) },
		{ VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO, FEATURES_BIT(VIRTIO_NET_F_HOST_USO) },
	};
	static const struct need echo[] = { { 1, FEATURES_BIT(0) } };
	const struct need *need = o->p->kind == DEVICE_NET ? net : echo;
	size_t needs = o->p->kind == DEVICE_NET ? sizeof(net) / sizeof(net[0]) : 1;

	if (o->p->kind == DEVICE_BLK)
		return -1;
	for (size_t i = 0; i < needs; i++) {
		if (wants(o, need[i].feature) && !(o->driver_features[0] & need[i].one_of))
			return (int)need[i].feature;
	}
	return -1;
}

void oracle_cut_features(struct oracle *o)
{
	uint64_t wish = o->driver_features[0];
	int unmet;

	o->driver_features[0] &= o->p->offered.word[0];
	o->driver_features[1] = 0;
	while ((unmet = unmet_need(o)) >= 0)
		o->driver_features[0] &= ~FEATURES_BIT(unmet);
	if (wish != o->driver_features[0])
		hit(MILESTONE_LEGACY_FEATURES_CUT);
}

bool oracle_features_fine(const struct oracle *o)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (o->driver_features[i] & ~o->p->offered.word[i])
			return false;
	}
	if (o->p->kind == DEVICE_BLK && !oracle_blk_needs_met(o))
		return false;
	if (o->p->kind == DEVICE_NET && !high_needs_met(o))
		return false;
	return (o->p->legacy || o->driver_features[0] & FEATURES_BIT(VIRTIO_F_VERSION_1)) &&
	       unmet_need(o) < 0;
}

static void catch_up(struct oracle *o)
{
	unsigned int late = o->config_late;

	if (!late)
		return;
	o->config_late = 0;
	hit(MILESTONE_SUSPEND_CONFIG);
	if (o->p->kind == DEVICE_BLK)
		oracle_blk_capacity(o);
	else
		oracle_net_shows(o, late);
}

void oracle_reset(struct oracle *o)
{
	if (oracle_live(o))
		hit(MILESTONE_RESET_LIVE);
	uint32_t before = o->status;

	for (unsigned int i = 0; o->p->kind == DEVICE_BLK && i < o->p->queues; i++) {
		if (o->queue[i].helds)
			hit(MILESTONE_BLK_RESET_IN_FLIGHT);
	}
	clear_registers(o);
	o->resetting = o->at_disk ? before : 0;
	catch_up(o);
	if (o->p->kind == DEVICE_BLK)
		oracle_blk_reset(o, false);
	if (o->p->kind == DEVICE_NET)
		oracle_net_reset(o, false);
}

void oracle_agreed(struct oracle *o)
{
	if (o->p->kind == DEVICE_NET)
		oracle_net_agreed(o);
	if (o->p->kind != DEVICE_BLK || o->p->legacy)
		return;
	o->writeback = oracle_accepted(o, VIRTIO_BLK_F_CONFIG_WCE) &&
		       oracle_accepted(o, VIRTIO_BLK_F_FLUSH);
	oracle_put_config(o, 32, o->writeback, 1);
	oracle_zones_config(o, oracle_accepted(o, VIRTIO_BLK_F_ZONED));
}

static void agree(struct oracle *o)
{
	if (!oracle_features_fine(o)) {
		hit(MILESTONE_FEATURES_REFUSED);
		return;
	}
	o->status |= VIRTIO_STATUS_FEATURES_OK;
	if (oracle_accepted(o, VIRTIO_F_ORDER_PLATFORM))
		hit(MILESTONE_ORDER_PLATFORM);
	oracle_agreed(o);
}

/* 3.4.2 */
static uint32_t suspend_or_resume(struct oracle *o, uint32_t wish)
{
	if (!oracle_accepted(o, VIRTIO_F_SUSPEND))
		return wish;
	if (o->status == 15 && wish == 31) {
		o->suspending = true;
		if (o->p->kind == DEVICE_NET)
			oracle_net_tell_all(o);
		return 15;
	}
	if (o->status == 27 && wish == 31) {
		hit(MILESTONE_SUSPEND_RESUMED);
		o->status = 15;
		for (unsigned int i = 0; i < o->p->queues; i++)
			o->queue[i].must_look = o->queue[i].ready;
		catch_up(o);
		return 15;
	}
	return o->status & (VIRTIO_STATUS_DRIVER_OK | 16) ? wish : wish & ~16u;
}

void oracle_write_status_early(struct oracle *o, uint32_t value)
{
	hit(MILESTONE_RESET_EARLY);
	if (value)
		return;
	o->device_sel = 0;
	o->driver_sel = 0;
	o->queue_sel = 0;
}

static void write_status(struct oracle *o, uint32_t value)
{
	uint32_t wish = value & ~(uint32_t)VIRTIO_STATUS_NEEDS_RESET;
	uint32_t now;

	if (o->resetting) {
		oracle_write_status_early(o, value);
		return;
	}
	if (value)
		wish = suspend_or_resume(o, wish);
	now = o->status & 0xbf;
	if (value == 0)
		oracle_reset(o);
	else if (wish == (now | VIRTIO_STATUS_FAILED)) {
		hit(MILESTONE_STATUS_FAILED);
		oracle_forget_waiting(o);
		o->status |= VIRTIO_STATUS_FAILED;
	} else if ((now == 0 && (wish == 1 || wish == 3)) || (now == 1 && wish == 3) ||
		   (now == 11 && wish == 15))
		o->status |= wish;
	else if (now == 3 && wish == 11)
		agree(o);
	else if (wish != now)
		hit(MILESTONE_STATUS_REFUSED);
}

/* ---- queues ---- */

bool oracle_queue_exists(const struct oracle *o, uint32_t queue)
{
	if (queue >= o->p->queues)
		return false;
	if (!oracle_final(o))
		return true;
	if (o->p->kind == DEVICE_BLK && queue > 0)
		return oracle_accepted(o, VIRTIO_BLK_F_MQ);
	return o->p->kind != DEVICE_NET ||
	       queue < 2 * oracle_net_pairs(o) + oracle_accepted(o, VIRTIO_NET_F_CTRL_VQ);
}

bool oracle_may_set_up(const struct oracle *o, const struct model_queue *q)
{
	bool in_use = oracle_in_use(o, (unsigned int)(q - o->queue));

	if (in_use && !q->ready)
		hit(MILESTONE_QUEUE_DRAINING);
	if (o->p->legacy)
		return !in_use && (o->status == 3 || o->status == 7);
	return !in_use &&
	       (o->status == 11 || (oracle_live(o) && oracle_accepted(o, VIRTIO_F_RING_RESET)));
}

void oracle_start_queue(struct oracle *o, struct model_queue *q)
{
	uint64_t event = oracle_accepted(o, VIRTIO_F_EVENT_IDX) ? 2 : 0;
	bool packed = oracle_accepted(o, VIRTIO_F_RING_PACKED);
	uint64_t driver_bytes = packed ? 4 : 4 + 2ull * q->size + event;
	uint64_t device_bytes = packed ? 4 : 4 + 8ull * q->size + event;

	if (q->size == 0 || (!packed && q->size & (q->size - 1)) ||
	    q->size > o->p->queue_size_max) {
		hit(MILESTONE_QUEUE_BAD_SIZE);
		return;
	}
	if (q->desc & 15 || q->driver & (packed ? 3 : 1) || q->device & 3) {
		hit(MILESTONE_QUEUE_BAD_ALIGN);
		return;
	}
	if (!oracle_in_ram(q->desc, 16ull * q->size) || !oracle_in_ram(q->driver, driver_bytes) ||
	    !oracle_in_ram(q->device, device_bytes)) {
		hit(MILESTONE_QUEUE_BAD_ADDRESS);
		return;
	}
	if (oracle_live(o) && q->ran_before)
		hit(MILESTONE_RING_RESTARTED);
	if (packed)
		oracle_packed_start(q);
	q->ready = true;
	q->ran_before = true;
	o->stopped[q - o->queue].reset = false;
}

void oracle_halt_queue(struct oracle *o, uint32_t queue, enum milestone m)
{
	if (!o->queue[queue].ready)
		return;
	if (oracle_live(o))
		hit(m);
	if (o->p->kind == DEVICE_BLK && oracle_live(o) && o->queue[queue].helds)
		oracle_blk_stopped(o, queue);
	oracle_stop_queue(o, queue);
}

static void put_half(uint64_t *address, uint64_t offset, uint32_t value)
{
	if (offset & 4)
		*address = (*address & 0xffffffffu) | (uint64_t)value << 32;
	else
		*address = (*address & 0xffffffff00000000u) | value;
}

static void write_geometry(struct oracle *o, uint64_t offset, uint32_t value)
{
	struct model_queue *q = &o->queue[o->queue_sel];

	if (!oracle_may_set_up(o, q)) {
		if (q->ready)
			hit(MILESTONE_QUEUE_FROZEN);
		return;
	}
	switch (offset & ~4ull) {
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
		put_half(&q->desc, offset, value);
		break;
	case VIRTIO_MMIO_QUEUE_DRIVER_LOW:
		put_half(&q->driver, offset, value);
		break;
	case VIRTIO_MMIO_QUEUE_DEVICE_LOW:
		put_half(&q->device, offset, value);
		break;
	default:
		q->size = value;
	}
}

static void write_queue_register(struct oracle *o, uint64_t offset, uint32_t value)
{
	if (!oracle_queue_exists(o, o->queue_sel))
		return;
	if (offset == VIRTIO_MMIO_QUEUE_RESET) {
		if (value == 1 && oracle_accepted(o, VIRTIO_F_RING_RESET)) {
			oracle_halt_queue(o, o->queue_sel, MILESTONE_RING_RESET);
			oracle_stop_queue(o, o->queue_sel);
			o->stopped[o->queue_sel].reset = true;
		}
	} else if (offset != VIRTIO_MMIO_QUEUE_READY) {
		write_geometry(o, offset, value);
	} else if (value == 0) {
		oracle_halt_queue(o, o->queue_sel, MILESTONE_RING_STOPPED);
	} else if (value == 1 && oracle_may_set_up(o, &o->queue[o->queue_sel])) {
		oracle_start_queue(o, &o->queue[o->queue_sel]);
	}
}

/* ---- configuration space ---- */

/* 5.2.5.3: before DRIVER_OK a legacy driver need not have accepted anything */
static bool mode_writable(const struct oracle *o)
{
	if (o->p->legacy && !(o->status & VIRTIO_STATUS_DRIVER_OK))
		return o->p->offered.word[0] & FEATURES_BIT(VIRTIO_BLK_F_CONFIG_WCE);
	return oracle_accepted(o, VIRTIO_BLK_F_CONFIG_WCE);
}

static void write_config(struct oracle *o, uint64_t at, unsigned int width, uint64_t value)
{
	if (!(o->p->legacy || o->status & VIRTIO_STATUS_FEATURES_OK) || o->resetting ||
	    o->status & 16 || at > o->config_bytes || width > o->config_bytes - at)
		return;
	if (o->p->kind == DEVICE_ECHO && at + width <= 8) {
		oracle_write_config(o, at, width, value);
		hit(MILESTONE_CONFIG_WRITTEN);
	}
	if (o->p->kind == DEVICE_NET && o->p->legacy)
		oracle_net_config_written(o, at, width, value);
	if (o->p->kind == DEVICE_BLK && at == 32 && width == 1 && value <= 1 && mode_writable(o)) {
		if (o->writeback != value)
			hit(o->status ? MILESTONE_BLK_WRITEBACK : MILESTONE_LEGACY_EARLY_MODE);
		o->writeback = value;
		oracle_put_config(o, 32, value, 1);
	}
}

/* ---- accesses ---- */

static uint64_t cut(uint64_t value, unsigned int width)
{
	return width < 8 ? value & ((1ull << (8 * width)) - 1) : value;
}

void oracle_take_features(struct oracle *o, uint32_t value)
{
	if (o->status != 3 || o->agreed || o->driver_sel > 3)
		return;

	uint64_t *word = &o->driver_features[o->driver_sel / 2];

	if (o->driver_sel & 1)
		*word = (*word & 0xffffffffu) | (uint64_t)value << 32;
	else
		*word = (*word & ~0xffffffffull) | value;
}

static void write_register(struct oracle *o, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		o->device_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		o->driver_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		oracle_take_features(o, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		o->queue_sel = value;
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		o->interrupts &= ~value;
		break;
	case VIRTIO_MMIO_STATUS:
		write_status(o, value);
		break;
	case VIRTIO_MMIO_QUEUE_SIZE:
	case VIRTIO_MMIO_QUEUE_READY:
	case VIRTIO_MMIO_QUEUE_RESET:
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
	case VIRTIO_MMIO_QUEUE_DRIVER_LOW:
	case VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
	case VIRTIO_MMIO_QUEUE_DEVICE_LOW:
	case VIRTIO_MMIO_QUEUE_DEVICE_HIGH:
		write_queue_register(o, offset, value);
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		if (oracle_accepted(o, VIRTIO_F_NOTIFICATION_DATA)) {
			if (value >> 16 && oracle_live(o))
				hit(MILESTONE_NOTIFICATION_DATA);
			value &= 0xffff;
		}
		if (value < o->p->queues && oracle_queue_live(o, value))
			o->queue[value].notified = true;
		if (o->p->kind == DEVICE_NET)
			oracle_net_notified(o, value);
		break;
	case VIRTIO_MMIO_SHM_SEL:
		break;
	default:
		hit(MILESTONE_REG_BAD_ACCESS);
	}
}

void oracle_write(struct oracle *o, uint64_t offset, unsigned int width, uint64_t value)
{
	oracle_event(o);
	value = cut(value, width);
	if (offset >= VIRTIO_MMIO_CONFIG && width < 8)
		write_config(o, offset - VIRTIO_MMIO_CONFIG, width, value);
	else if (offset < VIRTIO_MMIO_CONFIG && width == 4 && !(offset & 3))
		(o->p->legacy ? oracle_legacy_write : write_register)(o, offset, (uint32_t)value);
	else
		hit(MILESTONE_REG_BAD_ACCESS);
}

static uint32_t read_queue_register(const struct oracle *o, uint64_t offset)
{
	if (!oracle_queue_exists(o, o->queue_sel))
		return 0;
	if (offset == VIRTIO_MMIO_QUEUE_SIZE_MAX)
		return o->p->queue_size_max;
	if (offset == VIRTIO_MMIO_QUEUE_READY)
		return oracle_in_use(o, o->queue_sel);
	if (!o->queue[o->queue_sel].ready && o->stopped[o->queue_sel].reset &&
	    oracle_in_use(o, o->queue_sel)) {
		hit(MILESTONE_QUEUE_RESETTING);
		return 1;
	}
	return 0;
}

static uint32_t read_register(const struct oracle *o, uint64_t offset)
{
	switch (offset) {
	case VIRTIO_MMIO_MAGIC:
		return 0x74726976;
	case VIRTIO_MMIO_VERSION:
		return 2;
	case VIRTIO_MMIO_DEVICE_ID:
		return device_id[o->p->kind];
	case VIRTIO_MMIO_VENDOR_ID:
		return 0x4c56414e;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return o->device_sel > 3 ? 0
					 : (uint32_t)(o->p->offered.word[o->device_sel / 2] >>
						      (o->device_sel & 1 ? 32 : 0));
	case VIRTIO_MMIO_QUEUE_SIZE_MAX:
	case VIRTIO_MMIO_QUEUE_READY:
	case VIRTIO_MMIO_QUEUE_RESET:
		return read_queue_register(o, offset);
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return o->interrupts;
	case VIRTIO_MMIO_STATUS:
		return oracle_status(o);
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return 0xffffffff;
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return o->generation;
	default:
		hit(MILESTONE_REG_BAD_ACCESS);
		return 0;
	}
}

static uint64_t read_config(const struct oracle *o, uint64_t at, unsigned int width)
{
	uint64_t value = 0;

	if (at > o->config_bytes || width > o->config_bytes - at) {
		hit(MILESTONE_CONFIG_OUTSIDE);
		return 0;
	}
	for (unsigned int i = 0; i < width; i++)
		value |= (uint64_t)o->config[at + i] << (8 * i);
	hit(MILESTONE_CONFIG_READ);
	return value;
}

void oracle_read_begins(struct oracle *o)
{
	o->in_read = true;
}

void oracle_read(struct oracle *o, uint64_t offset, unsigned int width, uint64_t value)
{
	uint64_t right = 0;

	o->in_read = false;
	if (offset >= VIRTIO_MMIO_CONFIG && width < 8)
		right = read_config(o, offset - VIRTIO_MMIO_CONFIG, width);
	else if (offset < VIRTIO_MMIO_CONFIG && width == 4 && !(offset & 3))
		right = (o->p->legacy ? oracle_legacy_read : read_register)(o, offset);
	else
		hit(MILESTONE_REG_BAD_ACCESS);
	if (value != right)
		oracle_fail(o, o->status ? 7 : 6, "register 0x%llx reads 0x%llx instead of 0x%llx",
			    (unsigned long long)offset, (unsigned long long)value,
			    (unsigned long long)right);
}
