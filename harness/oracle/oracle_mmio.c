/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second opinion on the register window (4.2.2): what each write changes, what each read returns.
 */
#include "oracle_internal.h"

/* ---- status ---- */

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
	if (o->status == SAID_DRIVER_OK && wish == (SAID_DRIVER_OK | VIRTIO_STATUS_SUSPEND)) {
		o->suspending = true;
		if (o->kind->suspends)
			o->kind->suspends(o);
		return SAID_DRIVER_OK;
	}
	if (o->status == SAID_SUSPEND && wish == (SAID_DRIVER_OK | VIRTIO_STATUS_SUSPEND)) {
		hit(MILESTONE_SUSPEND_RESUMED);
		o->status = SAID_DRIVER_OK;
		for (unsigned int i = 0; i < o->p->queues; i++)
			o->queue[i].must_look = o->queue[i].ready;
		oracle_catch_up(o);
		return SAID_DRIVER_OK;
	}
	return o->status & (VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_SUSPEND)
		       ? wish
		       : wish & ~(uint32_t)VIRTIO_STATUS_SUSPEND;
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
	now = o->status & ~(uint32_t)VIRTIO_STATUS_NEEDS_RESET;
	if (value == 0)
		oracle_reset(o);
	else if (wish == (now | VIRTIO_STATUS_FAILED)) {
		hit(MILESTONE_STATUS_FAILED);
		oracle_forget_waiting(o);
		o->status |= VIRTIO_STATUS_FAILED;
	} else if ((now == 0 && (wish == SAID_ACKNOWLEDGE || wish == SAID_DRIVER)) ||
		   (now == SAID_ACKNOWLEDGE && wish == SAID_DRIVER) ||
		   (now == SAID_FEATURES_OK && wish == SAID_DRIVER_OK))
		o->status |= wish;
	else if (now == SAID_DRIVER && wish == SAID_FEATURES_OK)
		agree(o);
	else if (wish != now)
		hit(MILESTONE_STATUS_REFUSED);
}

/* ---- queues ---- */

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

/* ---- accesses ---- */

static uint64_t cut(uint64_t value, unsigned int width)
{
	return width < 8 ? value & ((1ull << (8 * width)) - 1) : value;
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
		if (o->kind->notified)
			o->kind->notified(o, value);
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
		oracle_config_write(o, offset - VIRTIO_MMIO_CONFIG, width, value);
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
		return o->kind->device_id;
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

void oracle_read_begins(struct oracle *o)
{
	o->in_read = true;
}

void oracle_read(struct oracle *o, uint64_t offset, unsigned int width, uint64_t value)
{
	uint64_t right = 0;

	o->in_read = false;
	if (offset >= VIRTIO_MMIO_CONFIG && width < 8)
		right = oracle_config_read(o, offset - VIRTIO_MMIO_CONFIG, width);
	else if (offset < VIRTIO_MMIO_CONFIG && width == 4 && !(offset & 3))
		right = (o->p->legacy ? oracle_legacy_read : read_register)(o, offset);
	else
		hit(MILESTONE_REG_BAD_ACCESS);
	if (value != right)
		oracle_fail(o, o->status ? 7 : 6, "register 0x%llx reads 0x%llx instead of 0x%llx",
			    (unsigned long long)offset, (unsigned long long)value,
			    (unsigned long long)right);
}
