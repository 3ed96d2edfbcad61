/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device of somebody else offers, and what of that a script's driver uses.
 */
#include "machine_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t get(const struct machine *m, uint64_t offset)
{
	return (uint32_t)machine_get(m, offset, 4);
}

static void put(const struct machine *m, uint64_t offset, uint32_t value)
{
	m->dut->write(m->dut, offset, 4, value);
	machine_go_on(m);
}

/* Numbers of questions: from each of these on, one a word, a queue, a byte */
enum {
	ASKS_IDENTITY,
	ASKS_FEATURES,
	ASKS_QUEUES = ASKS_FEATURES + 4,
	ASKS_CONFIGURATION = ASKS_QUEUES + SETUP_QUEUES + 1,
	ASKS_SPACE,
};
_Static_assert(ASKS_SPACE + MACHINE_CONFIG_BYTES == MACHINE_QUESTIONS, "one number a question");

/* False: it is left out. */
static bool begin_question(const struct machine *m, unsigned int number)
{
	if (m->questions && m->questions->left_out[number])
		return false;
	if (m->questions)
		m->questions->now = number;
	return true;
}

static void ask_features(struct machine *m)
{
	for (uint32_t i = 0; i < 4; i++) {
		if (!begin_question(m, ASKS_FEATURES + i))
			continue;
		put(m, VIRTIO_MMIO_DEVICE_FEATURES_SEL, i);
		m->offer.features.word[i / 2] |= (uint64_t)get(m, VIRTIO_MMIO_DEVICE_FEATURES)
						 << (i % 2 * 32);
	}
}

/* The largest size of queue `index`; 0: it is not there. */
static uint32_t ask_queue(const struct machine *m, unsigned int number, uint32_t index)
{
	if (!begin_question(m, ASKS_QUEUES + number))
		return 0;
	put(m, VIRTIO_MMIO_QUEUE_SEL, index);
	return get(m, VIRTIO_MMIO_QUEUE_SIZE_MAX);
}

static void ask_queues(struct machine *m)
{
	m->offer.queue_size_max = VIRTQ_SIZE_MAX;
	for (uint32_t i = 0; i < SETUP_QUEUES; i++) {
		uint32_t size = ask_queue(m, i, i);

		if (!size)
			break;
		while (m->offer.queue_size_max > size)
			m->offer.queue_size_max /= 2;
		m->offer.queues++;
	}
	/* it says the same of queues that it does not have: those that each of its kind has */
	if (ask_queue(m, SETUP_QUEUES, UINT32_MAX))
		m->offer.queues = m->offer.kind == DEVICE_BLK ? 1 : 2;
}

static void ask_configuration(struct machine *m)
{
	m->offer.pairs = 1;
	if (!begin_question(m, ASKS_CONFIGURATION))
		return;
	if (m->offer.kind == DEVICE_BLK) {
		m->offer.capacity = get(m, VIRTIO_MMIO_CONFIG);
		m->offer.capacity |= (uint64_t)get(m, VIRTIO_MMIO_CONFIG + 4) << 32;
		return;
	}
	if (anvil_features_has(&m->offer.features, VIRTIO_NET_F_MQ))
		m->offer.pairs = (unsigned int)machine_get(m, VIRTIO_MMIO_CONFIG + 8, 2) & 0xffff;
	while (2 * m->offer.pairs > m->offer.queues)
		m->offer.pairs--;
}

/* What a driver reads of it again at the end; behind a byte that is left out: nothing. */
static void ask_space(const struct machine *m, uint8_t *space)
{
	memset(space, 0, MACHINE_CONFIG_BYTES);
	for (uint32_t i = 0; i < MACHINE_CONFIG_BYTES && begin_question(m, ASKS_SPACE + i); i++)
		space[i] = (uint8_t)machine_get(m, VIRTIO_MMIO_CONFIG + i, 1);
}

/* No two sectors and no two bytes beside each other are the same. */
static void choose_disk(struct machine *m)
{
	size_t bytes = (size_t)m->dut->sectors * 512;

	m->disk = malloc(bytes);
	if (!m->disk)
		abort();
	for (size_t i = 0; i < bytes; i++)
		m->disk[i] = (uint8_t)(i / 512 + i);
}

void machine_power_cycle(struct machine *m)
{
	if (m->disk)
		memcpy(m->dut->disk, m->disk, (size_t)m->dut->sectors * 512);
	m->dut->power_cycle(m->dut);
}

static void ask_host(struct machine *m)
{
	const struct device_under_test *d = m->dut;
	unsigned int *host = &m->offer.host;

	*host |= d->frame ? MACHINE_HAS_FRAME : 0u;
	*host |= d->link ? MACHINE_HAS_LINK : 0u;
	*host |= d->resize ? MACHINE_HAS_RESIZE : 0u;
	*host |= d->complete ? MACHINE_HAS_COMPLETE : 0u;
	*host |= d->time ? MACHINE_HAS_TIME : 0u;
	*host |= d->announce ? MACHINE_HAS_ANNOUNCE : 0u;
	*host |= d->speed ? MACHINE_HAS_SPEED : 0u;
	*host |= d->stall ? MACHINE_HAS_STALL : 0u;
}

bool machine_ask(struct machine *m, char *error, size_t room)
{
	uint32_t id;

	if (m->dut->disk)
		choose_disk(m);
	machine_power_cycle(m);
	id = get(m, VIRTIO_MMIO_DEVICE_ID);
	m->offer.kind = id == VIRTIO_ID_NET ? DEVICE_NET : DEVICE_BLK;
	m->offer.legacy = get(m, VIRTIO_MMIO_VERSION) == 1;
	ask_host(m);
	ask_features(m);
	ask_queues(m);
	(void)begin_question(m, ASKS_IDENTITY);
	if (get(m, VIRTIO_MMIO_MAGIC) != VIRTIO_MMIO_MAGIC_VALUE)
		snprintf(error, room, "no virtio-mmio device: the magic value is 0x%x",
			 get(m, VIRTIO_MMIO_MAGIC));
	else if (id != VIRTIO_ID_NET && id != VIRTIO_ID_BLOCK)
		snprintf(error, room, "device id %u: only network (1) and block devices (2)", id);
	else if (m->offer.queues < (id == VIRTIO_ID_NET ? 2u : 1u))
		snprintf(error, room, "it has %u queues", m->offer.queues);
	else {
		ask_configuration(m);
		ask_space(m, m->offer.space);
		if (m->dut->disk && m->offer.kind == DEVICE_BLK && !m->dut->complete &&
		    !m->dut->resize)
			safety_see_disk(&m->safety, m->dut->disk, m->dut->sectors);
		return true;
	}
	return false;
}

/* All would be more than there is room for: of a network device one pair then, without what makes
 * it have more, since where its control queue is depends on how many there are (5.1.2). */
static void use_queues(struct setup *p, const struct machine_offer *o, unsigned int most)
{
	p->pairs = o->kind == DEVICE_NET ? o->pairs : 1;
	if (o->kind == DEVICE_NET && 2 * p->pairs > most) {
		p->offered.word[0] &= ~(1ull << VIRTIO_NET_F_MQ | 1ull << VIRTIO_NET_F_RSS);
		p->pairs = 1;
		most = 3;
	}
	p->queues = o->queues < most ? o->queues : most;
}

/* A script has few queues of a device with many, or all that it asks for, which are short then; or
 * some that are long (setup.h). */
static void choose_queues(struct setup *p, const struct machine_offer *o)
{
	bool many = p->queues > SETUP_QUEUES_FEW && o->queues > SETUP_QUEUES_FEW;

	if (p->queue_size_max > o->queue_size_max)
		p->queue_size_max = o->queue_size_max;
	if (many && !o->legacy)
		use_queues(p, o, o->kind == DEVICE_NET ? SETUP_QUEUES : p->queues);
	else
		use_queues(p, o,
			   p->queue_size_max > SETUP_SIZE_USUAL ? SETUP_LONG_QUEUES
								: SETUP_QUEUES_FEW);
}

/* The script's own choices, as far as they are to be had. */
void machine_adapt(struct machine *m)
{
	struct setup *p = &m->p;
	const struct machine_offer *o = &m->offer;
	uint64_t always = 1ull << VIRTIO_F_VERSION_1;

	p->kind = o->kind;
	p->legacy = o->legacy;
	p->big_endian = false;
	p->bad_option = 0;
	memset(&p->zones, 0, sizeof(p->zones));
	p->offered.word[0] = o->features.word[0] & (p->offered.word[0] | always);
	p->offered.word[1] &= o->features.word[1];
	choose_queues(p, o);
	p->capacity = o->capacity;
}

/* ---- at the end of a script ---- */

static void check_queues(struct machine *m)
{
	for (uint32_t i = 0; i < m->p.queues && i < m->offer.queues; i++) {
		put(m, VIRTIO_MMIO_QUEUE_SEL, i);
		if (!m->offer.legacy && get(m, VIRTIO_MMIO_QUEUE_READY))
			safety_fail(&m->safety, 6, "after a reset, QueueReady of queue %u is not 0",
				    i);
		if (m->offer.legacy && get(m, VIRTIO_MMIO_QUEUE_PFN))
			safety_fail(&m->safety, 6, "after a reset, QueuePFN of queue %u is not 0",
				    i);
	}
}

static void check_features(struct machine *m)
{
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t first = (uint32_t)(m->offer.features.word[i / 2] >> (i % 2 * 32));
		uint32_t now;

		if (!begin_question(m, ASKS_FEATURES + i))
			continue;
		put(m, VIRTIO_MMIO_DEVICE_FEATURES_SEL, i);
		now = get(m, VIRTIO_MMIO_DEVICE_FEATURES);
		if (now != first)
			safety_fail(&m->safety, 7,
				    "it offers features 0x%x in word %u, 0x%x before", now, i,
				    first);
	}
}

/* What the driver can write, or the host changes. */
static bool may_change(const struct machine *m, uint32_t at, bool was_reset)
{
	bool mac = m->offer.legacy || m->safety.had >> VIRTIO_NET_F_CTRL_MAC_ADDR & 1;

	if (m->offer.kind == DEVICE_BLK)
		return (at < 8 && m->dut->resize) || at == 32;
	if (at < 6)
		return mac && !was_reset;
	return at < 8 || (at >= 12 && m->dut->speed);
}

static void check_space(struct machine *m, bool was_reset)
{
	uint8_t now[MACHINE_CONFIG_BYTES];

	ask_space(m, now);
	for (uint32_t i = 0; i < MACHINE_CONFIG_BYTES; i++) {
		if (now[i] != m->offer.space[i] && !may_change(m, i, was_reset))
			safety_fail(
				&m->safety, was_reset ? 6 : 7,
				"byte %u of the configuration space is 0x%02x%s, and was 0x%02x", i,
				now[i], was_reset ? " after a reset" : "", m->offer.space[i]);
	}
}

void machine_check_reset(struct machine *m)
{
	if (m->copy)
		machine_untapped_ends(m);
	check_space(m, false);
	machine_check_disk(m);
	safety_ends(&m->safety);
	machine_write(m, VIRTIO_MMIO_STATUS, 4, 0);
	if (get(m, VIRTIO_MMIO_STATUS))
		safety_fail(&m->safety, 6, "after a reset, Status is 0x%x",
			    get(m, VIRTIO_MMIO_STATUS));
	if (get(m, VIRTIO_MMIO_INTERRUPT_STATUS))
		safety_fail(&m->safety, 6, "after a reset, InterruptStatus is 0x%x",
			    get(m, VIRTIO_MMIO_INTERRUPT_STATUS));
	check_queues(m);
	check_features(m);
	check_space(m, true);
}
