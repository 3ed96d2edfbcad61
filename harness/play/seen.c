/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Takes down what a device shows.
 */
#include "seen.h"

#include <endian.h>
#include <string.h>

#include "script/operands.h"

/* ---- the script ---- */

static void hide(struct script_op *header, unsigned int feature)
{
	header->device.hide |= 1ull << feature;
}

static void fit_queues(struct script_op *h, const struct machine_offer *ground)
{
	unsigned int asked = h->device.queues % 4u;

	if (ground->kind == DEVICE_BLK) {
		h->device.queues = (uint8_t)(asked < ground->queues ? asked : ground->queues - 1);
		return;
	}
	if (ground->pairs < 2 || ground->pairs > 4) {
		hide(h, VIRTIO_NET_F_MQ);
		hide(h, VIRTIO_NET_F_RSS);
	}
	h->device.queues = (uint8_t)(ground->pairs > 1 && asked ? ground->pairs : 0);
}

void seen_fit(struct script *script, const struct machine_offer *ground)
{
	struct script_op *h = &script->header;
	bool read_only = ground->kind == DEVICE_BLK &&
			 anvil_features_has(&ground->features, VIRTIO_BLK_F_RO);

	h->code = (uint8_t)ground->kind;
	h->device.hide |= ~ground->features.word[0];
	h->device.more |= (uint8_t)~ground->features.word[1];
	h->device.flags = (uint8_t)(read_only ? FLAG_READ_ONLY : FLAG_NIC_DROPS);
	h->device.transport = ground->legacy ? TRANSPORT_LEGACY : 0;
	h->device.slots = 3;
	h->device.transfer = 3;
	h->device.fail = 0;
	h->device.refuse = 0;
	h->device.zones = 0;
	h->device.extra = 0;
	h->device.limits = ground->kind == DEVICE_NET ? 2 : 3; /* as wide as there are */
	fit_queues(h, ground);
}

/* ---- what is free ---- */

/* Features that the device has and the script's driver was not offered. */
static bool takes_more(const struct machine *m)
{
	const struct anvil_features *has = m->exact ? &m->p.offered : &m->offer.features;

	for (unsigned int i = 0; i < 2; i++) {
		if (m->safety.features[i] & has->word[i] & ~m->p.offered.word[i])
			return true;
	}
	return false;
}

static bool is_free(const struct seen_bus *b)
{
	const struct machine *m = b->bus.machine;

	for (unsigned int i = 0; i < m->p.queues; i++) {
		if (m->safety.queue[i].broken)
			return true;
	}
	return b->raced || b->wrong || m->safety.off || takes_more(m);
}

/* ---- items ---- */

static uint64_t hash_of(uint64_t hash, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ull;
	return hash ? hash : 1;
}

static struct seen_item *add(struct seen_bus *b, enum seen_kind kind)
{
	struct seen *s = b->seen;
	struct seen_item *i = &s->item[s->items];

	if (b->over || s->items == SEEN_ITEMS) {
		s->full |= !b->over;
		return NULL;
	}
	s->items++;
	*i = (struct seen_item){ .kind = kind, .op = (uint8_t)b->at, .answer = -1 };
	i->free = is_free(b);
	return i;
}

/* ---- after an operation ---- */

static uint64_t hash_disk(const struct machine *m, const uint8_t *disk)
{
	uint64_t words = m->p.capacity * 512 / 8;
	uint64_t hash = 1;

	for (uint64_t i = 0; i < words; i++) {
		uint64_t word;

		memcpy(&word, disk + 8 * i, 8);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	return hash;
}

static void end_op(struct seen_bus *b)
{
	const struct machine *m = b->bus.machine;
	struct seen_op *op = &b->seen->op[b->seen->ops++];
	uint64_t sectors;
	const uint8_t *disk = machine_disk(m, &sectors);

	/* at the end of a script each device is reset */
	if (b->at < b->script_ops)
		op->status = m->exact ? m->oracle.status : m->safety.device_status;
	else
		op->status = 0;
	op->free = is_free(b);
	op->sent_free = b->sent_free;
	op->received_free = b->received_free;
	b->disk_unknown |= m->safety.off;
	op->disk_known = m->ground->disk && disk && !b->disk_unknown && sectors >= m->p.capacity;
	op->disk = op->disk_known ? hash_disk(m, disk) : 0;
}

/* Before anything else happens to the device. */
static void first_look(struct seen_bus *b)
{
	struct machine *m = b->bus.machine;

	b->begun = true;
	if (!m->exact) {
		memcpy(b->space, m->offer.space, sizeof(b->space));
		return;
	}
	for (uint32_t i = 0; i < MACHINE_CONFIG_BYTES; i++)
		b->space[i] = (uint8_t)m->dut->read(m->dut, VIRTIO_MMIO_CONFIG + i, 1);
}

static void go_to(struct seen_bus *b)
{
	unsigned int now = (unsigned int)*b->op;

	if (!b->begun)
		first_look(b);
	while (b->at < now && b->seen->ops < SEEN_OPS) {
		end_op(b);
		b->at++;
	}
}

/* ---- registers ---- */

static uint64_t own(bool as_offered, uint64_t value)
{
	return as_offered ? SEEN_OWN : value;
}

static bool queue_known(const struct seen_bus *b)
{
	return b->queue_sel >= 0 && (unsigned int)b->queue_sel < b->bus.machine->p.queues;
}

/* Which bytes of the configuration space are not as they were at first. */
static uint32_t changed(const struct seen_bus *b, uint64_t at, unsigned int width, uint64_t value)
{
	uint32_t mask = 0;

	for (unsigned int i = 0; i < width; i++)
		mask |= (uint32_t)(b->space[at + i] != (uint8_t)(value >> 8 * i)) << i;
	return mask;
}

/* A read as a driver makes it (2.5.1), of what there is: a network device has a status with STATUS.
 */
static bool reads_config(const struct machine *m, uint64_t at, unsigned int width)
{
	bool status = at < 8 && at + width > 6;

	if (width > 4 || at % width || at + width > MACHINE_CONFIG_BYTES)
		return false;
	return m->p.kind != DEVICE_NET || !status ||
	       anvil_features_has(&m->p.offered, VIRTIO_NET_F_STATUS);
}

/* What is to be compared of a read; false: nothing. */
static bool reads(const struct seen_bus *b, uint64_t offset, unsigned int width, uint64_t *value)
{
	const struct machine *m = b->bus.machine;
	const struct anvil_features *has = m->exact ? &m->p.offered : &m->offer.features;
	unsigned int half = (unsigned int)b->features_sel;

	if (offset >= VIRTIO_MMIO_CONFIG)
		return reads_config(m, offset - VIRTIO_MMIO_CONFIG, width);
	if (width != 4)
		return false;
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES:
		if (half > 3)
			return false;
		*value = own(*value == (uint32_t)(has->word[half / 2] >> half % 2 * 32), *value);
		return true;
	case VIRTIO_MMIO_QUEUE_SIZE_MAX:
		*value = own(*value >= m->ground->offer.queue_size_max, *value);
		return queue_known(b);
	case VIRTIO_MMIO_QUEUE_READY:
	case VIRTIO_MMIO_QUEUE_PFN:
		if (m->p.legacy)
			*value = *value != 0;
		return queue_known(b) && m->p.legacy == (offset == VIRTIO_MMIO_QUEUE_PFN);
	case VIRTIO_MMIO_MAGIC:
	case VIRTIO_MMIO_VERSION:
	case VIRTIO_MMIO_DEVICE_ID:
	case VIRTIO_MMIO_INTERRUPT_STATUS:
	case VIRTIO_MMIO_STATUS:
		return true;
	default:
		return false;
	}
}

static struct seen_bus *to_seen(struct bus *c)
{
	return (struct seen_bus *)(void *)c;
}

static uint64_t seen_read(struct bus *c, uint64_t offset, unsigned int width)
{
	struct seen_bus *b = to_seen(c);
	uint64_t value, shown;
	struct seen_item *i;

	go_to(b);
	shown = value = b->inner->ops->read(b->inner, offset, width);
	if (b->at >= b->script_ops || !reads(b, offset, width, &shown))
		return value;
	i = add(b, SEEN_READ);
	if (i) {
		i->at = offset;
		i->value = shown;
		if (offset >= VIRTIO_MMIO_CONFIG)
			i->what = changed(b, offset - VIRTIO_MMIO_CONFIG, width, value);
	}
	return value;
}

/* Whether a driver writes this Status now (3.1.1, 2.1.1). */
static bool is_next(const struct seen_bus *b, uint32_t value)
{
	static const uint32_t modern[] = { 0, 1, 3, 0xb, 0xf };
	static const uint32_t legacy[] = { 0, 1, 3, 7, 7 };
	const struct machine *m = b->bus.machine;
	const uint32_t *step = m->p.legacy ? legacy : modern;
	uint32_t status = m->exact ? m->oracle.status : m->safety.device_status;

	if (value == 0 || value == (b->status | VIRTIO_STATUS_FAILED))
		return true;
	if (!m->p.legacy && value & VIRTIO_STATUS_DRIVER_OK &&
	    !(status & VIRTIO_STATUS_FEATURES_OK))
		return false;
	for (unsigned int i = 1; i < 5; i++) {
		if (value == step[i] && (b->status == step[i] || b->status == step[i - 1]))
			return true;
	}
	return false;
}

static void take_note(struct seen_bus *b, uint64_t offset, uint64_t value)
{
	if (offset == VIRTIO_MMIO_DEVICE_FEATURES_SEL)
		b->features_sel = (int)(uint32_t)value;
	if (offset == VIRTIO_MMIO_QUEUE_SEL)
		b->queue_sel = (int)(uint32_t)value;
	/* without QueueReset there is no way back */
	if (offset == VIRTIO_MMIO_QUEUE_READY && !value)
		b->wrong = true;
	if (offset != VIRTIO_MMIO_STATUS)
		return;
	if (b->at >= b->script_ops && !b->over) {
		end_op(b);
		b->over = true;
	}
	b->wrong |= !is_next(b, (uint32_t)value);
	b->status = (uint32_t)value;
	if (value)
		return;
	b->features_sel = b->queue_sel = -1;
	b->wrong = false;
}

static void seen_write(struct bus *c, uint64_t offset, unsigned int width, uint64_t value)
{
	struct seen_bus *b = to_seen(c);

	go_to(b);
	take_note(b, offset, value);
	b->inner->ops->write(b->inner, offset, width, value);
}

static void seen_load(struct bus *c, uint64_t gpa, void *bytes, size_t len)
{
	struct bus *inner = to_seen(c)->inner;

	inner->ops->load(inner, gpa, bytes, len);
}

static void seen_store(struct bus *c, uint64_t gpa, const void *bytes, size_t len)
{
	struct bus *inner = to_seen(c)->inner;

	inner->ops->store(inner, gpa, bytes, len);
}

/* ---- the host ---- */

/* Any device sends and receives a frame of such a length. */
static bool is_usual(uint64_t len)
{
	return len >= 14 && len <= 1514;
}

static void told(void *opaque, const struct machine_event *event)
{
	struct seen_bus *b = opaque;

	go_to(b);
	b->raced |= event->kind == MACHINE_RACE;
	b->received_free |= event->kind == MACHINE_FRAME && !is_usual(event->len);
}

/* What becomes of bytes by an offload is the device's affair. */
static bool changes_frames(const struct machine *m)
{
	const uint64_t some = 1ull << VIRTIO_NET_F_CSUM | 1ull << VIRTIO_NET_F_GUEST_CSUM;

	return m->safety.features[0] & some || m->safety.features[1];
}

static void sent(void *opaque, const void *frame, size_t len)
{
	struct seen_bus *b = opaque;
	struct seen_item *i = add(b, SEEN_SENT);

	if (!i)
		return;
	i->at = b->sent++;
	i->value = len;
	if (!changes_frames(b->bus.machine))
		i->bytes = hash_of(1, frame, len);
}

/* ---- chains ---- */

static uint64_t hash_stored(const struct safety *s, const struct safety_chain *c, uint64_t len)
{
	uint8_t part[2048];
	uint64_t hash = 1;

	for (uint64_t at = 0; at < len; at += sizeof(part)) {
		size_t more = len - at < sizeof(part) ? (size_t)(len - at) : sizeof(part);
		size_t got = safety_chain_copy(s, c, true, at, part, more);

		hash = hash_of(hash, part, got);
		if (got < more) /* a device may say any length */
			break;
	}
	return hash;
}

/* A request that the two disks need not treat alike. */
static bool disks_part(const struct machine *m, uint64_t sector, uint64_t bytes)
{
	const struct anvil_features *has = m->exact ? &m->p.offered : &m->offer.features;
	uint64_t all = m->exact ? m->p.capacity : m->offer.capacity;
	bool beyond = sector > m->p.capacity || (bytes + 511) / 512 > m->p.capacity - sector;

	return (beyond && all > m->p.capacity) ||
	       anvil_features_has(has, VIRTIO_BLK_F_RO) !=
		       anvil_features_has(&m->ground->offer.features, VIRTIO_BLK_F_RO);
}

/* As a driver makes it (5.2.6.1), and of a type whose answer does not depend on limits. */
static bool is_request(const struct safety_chain *c, uint32_t type, uint64_t sector)
{
	uint64_t out = c->now.readable - sizeof(struct virtio_blk_header);
	uint64_t in = c->now.writable - 1;

	switch (type) {
	case VIRTIO_BLK_T_IN:
		return !out && in && in % 512 == 0;
	case VIRTIO_BLK_T_OUT:
		return !in && out && out % 512 == 0;
	case VIRTIO_BLK_T_FLUSH:
		return !in && !out && !sector;
	case VIRTIO_BLK_T_GET_ID:
		return !out && in == 20;
	default:
		return false;
	}
}

static void returned_blk(struct seen_bus *b, struct seen_item *i, const struct safety_chain *c)
{
	const struct machine *m = b->bus.machine;
	uint64_t data = c->now.writable - 1;
	struct virtio_blk_header h;
	uint8_t status;

	if (c->now.readable < sizeof(h) || !c->now.writable) {
		i->free = b->disk_unknown = true;
		return;
	}
	safety_chain_copy(&m->safety, c, false, 0, &h, sizeof(h));
	safety_chain_copy(&m->safety, c, true, data, &status, 1);
	i->what = m->p.big_endian ? be32toh(h.type) : le32toh(h.type);
	i->answer = status;
	if (i->what != VIRTIO_BLK_T_IN)
		data = c->now.readable - sizeof(h);
	i->free |= !is_request(c, i->what, le64toh(h.sector));
	if (i->what <= VIRTIO_BLK_T_OUT)
		i->free |= disks_part(m, le64toh(h.sector), data);
	if (i->what == VIRTIO_BLK_T_IN && !status && m->ground->disk && !b->disk_unknown)
		i->bytes = hash_stored(&m->safety, c, data);
	if (i->what != VIRTIO_BLK_T_IN && (i->free || (status && i->what == VIRTIO_BLK_T_OUT)))
		b->disk_unknown = true;
}

/* A frame with a header that asks for nothing. */
static bool is_frame(const struct machine *m, const struct safety_chain *c)
{
	uint8_t header[2] = { 0 };
	uint64_t bytes = m->p.legacy && !(m->safety.features[0] >> VIRTIO_NET_F_MRG_RXBUF & 1)
				 ? VIRTIO_NET_HEADER_LEGACY_BYTES
				 : sizeof(struct virtio_net_header);

	safety_chain_copy(&m->safety, c, false, 0, header, sizeof(header));
	return !header[0] && !header[1] && c->now.readable > bytes &&
	       is_usual(c->now.readable - bytes) && !c->now.writable && !m->safety.features[1];
}

/* 5.1.9.3.1: each buffer that a driver gives the device. */
static bool have_room(const struct machine *m, unsigned int queue)
{
	const struct safety_queue *q = &m->safety.queue[queue];
	bool merged = m->safety.features[0] >> VIRTIO_NET_F_MRG_RXBUF & 1;
	uint64_t least = merged ? sizeof(struct virtio_net_header) : 1526;

	for (unsigned int i = 0; i < q->chains; i++) {
		if (q->held[i]->now.writable < least || q->held[i]->now.readable)
			return false;
	}
	return true;
}

static void returned_net(struct seen_bus *b, struct seen_item *i, const struct safety_chain *c)
{
	const struct machine *m = b->bus.machine;
	bool many = (m->safety.features[0] >> VIRTIO_NET_F_MQ & 1) ||
		    (m->safety.features[0] >> VIRTIO_NET_F_RSS & 1);
	unsigned int control = 2 * (many ? m->p.pairs : 1);
	uint8_t what[2];
	uint8_t ack;

	if (i->queue < control && i->queue % 2 == 0) {
		i->kind = SEEN_RECEIVED;
		i->at = b->received[i->queue]++;
		if (!changes_frames(m))
			i->bytes = hash_stored(&m->safety, c, i->value);
		b->received_free |= !have_room(m, i->queue);
		return;
	}
	if (i->queue < control)
		b->sent_free |= !is_frame(m, c);
	if (i->queue != control)
		return;
	if (c->now.readable < sizeof(what) || !c->now.writable) {
		i->free = true;
		return;
	}
	safety_chain_copy(&m->safety, c, false, 0, what, sizeof(what));
	safety_chain_copy(&m->safety, c, true, 0, &ack, 1);
	i->what = (uint32_t)what[0] << 8 | what[1];
	i->answer = ack;
}

static void returned(void *opaque, unsigned int queue, const struct safety_chain *c, uint32_t len)
{
	struct seen_bus *b = opaque;
	const struct machine *m = b->bus.machine;
	struct seen_item *i = add(b, SEEN_USED);

	if (!i)
		return;
	i->queue = (uint8_t)queue;
	i->at = c->order;
	i->value = len;
	i->free |= safety_chain_unclear(&m->safety, c);
	b->seen->in_order |= m->safety.features[0] >> VIRTIO_F_IN_ORDER & 1;
	if (m->p.kind == DEVICE_BLK)
		returned_blk(b, i, c);
	else
		returned_net(b, i, c);
}

/* ---- around a play ---- */

void seen_begin(struct seen_bus *b, struct seen *seen, struct bus *inner,
		const struct script *script, const volatile int *op)
{
	static const struct bus_ops ops = {
		.name = "seen",
		.read = seen_read,
		.write = seen_write,
		.load = seen_load,
		.store = seen_store,
	};
	struct machine *m = inner->machine;

	memset(b, 0, sizeof(*b));
	b->bus = (struct bus){ &ops, m };
	b->inner = inner;
	b->seen = seen;
	b->op = op;
	b->script_ops = script->ops;
	seen->ops = 0;
	seen->items = 0;
	seen->full = false;
	seen->in_order = false;
	m->told = told;
	m->told_opaque = b;
	m->told_sent = sent;
	m->sent_opaque = b;
	m->safety.returned = returned;
	m->safety.returned_opaque = b;
}

void seen_end(struct seen_bus *b)
{
	struct machine *m = b->bus.machine;

	m->told = NULL;
	m->told_sent = NULL;
	m->safety.returned = NULL;
}
