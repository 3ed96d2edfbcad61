/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The status machine: what the driver writes, and the features that are agreed on with it.
 */
#include <errno.h>
#include <string.h>

#include "array_size.h"
#include "virtio_device_internal.h"

/* ---- status (2.1, 3.1.1) ---- */

static bool rule_holds(const struct anvil_feature_rule *rule, const struct anvil_features *set)
{
	return !anvil_features_has(set, rule->feature) ||
	       anvil_features_has(set, rule->any_of[0]) ||
	       (rule->any_of[1] && anvil_features_has(set, rule->any_of[1]));
}

bool anvil_device_rules_hold(const struct anvil_feature_rule *rule, unsigned int rules,
			     const struct anvil_features *set)
{
	for (unsigned int i = 0; i < rules; i++) {
		if (!rule_holds(&rule[i], set))
			return false;
	}
	return true;
}

/* 2.2.1: nothing that was not offered, nothing without what it requires; 6.2: VERSION_1 */
bool anvil_device_features_acceptable(const struct anvil_device *dev)
{
	for (size_t i = 0; i < ANVIL_FEATURE_BITS / 64; i++) {
		if (dev->driver.word[i] & ~dev->offered.word[i])
			return false;
	}
	return (dev->legacy || anvil_features_has(&dev->driver, VIRTIO_F_VERSION_1)) &&
	       anvil_device_rules_hold(dev->ops->rule, dev->ops->rules, &dev->driver);
}

static bool enter_any(const struct anvil_device *dev)
{
	(void)dev;
	return true;
}

static bool enter_legacy(const struct anvil_device *dev)
{
	return dev->legacy;
}

static const struct status_step {
	uint8_t from;
	uint8_t to;
	bool (*may_enter)(const struct anvil_device *dev);
} status_step[] = {
	{ 0, UP_TO_ACKNOWLEDGE, enter_any },
	{ 0, UP_TO_DRIVER, enter_any }, /* firmware sets both at once */
	{ UP_TO_ACKNOWLEDGE, UP_TO_DRIVER, enter_any },
	{ UP_TO_DRIVER, UP_TO_FEATURES_OK, anvil_device_features_acceptable },
	{ UP_TO_FEATURES_OK, UP_TO_DRIVER_OK, enter_any },
	{ UP_TO_DRIVER, UP_TO_LEGACY_DRIVER_OK, enter_legacy },
};

static void stop_all_queues(struct anvil_device *dev)
{
	/* sizes, too: else a guest could start rings of the size that the driver before it wrote */
	for (unsigned int i = 0; i < dev->queues; i++)
		anvil_device_halt_queue(dev, i);
	dev->queue_resets = 0;
	dev->next_poll = 0;
	dev->suspending = false;
}

static void refresh_config(struct anvil_device *dev)
{
	if (!dev->config_held)
		return;

	unsigned int what = dev->config_held;

	dev->config_held = 0;
	dev->ops->config_refresh(dev, what);
}

static void reset(struct anvil_device *dev)
{
	uint8_t before = dev->status;

	dev->status = 0; /* first: nothing is live while the queues stop */
	stop_all_queues(dev);
	memset(&dev->driver, 0, sizeof(dev->driver));
	dev->legacy_final = false;
	dev->queues_used = dev->queues;
	refresh_config(dev);
	dev->ops->reset(dev);
	dev->resetting = dev->draining ? before : 0;
}

uint8_t anvil_device_status(const struct anvil_device *dev)
{
	return dev->resetting ? dev->resetting : dev->status;
}

static void legacy_driver_ok(struct anvil_device *dev)
{
	anvil_device_finalize_legacy(dev);
	if (dev->ops->legacy_driver_ok)
		dev->ops->legacy_driver_ok(dev);
}

static void step_status(struct anvil_device *dev, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < ARRAY_SIZE(status_step); i++) {
		const struct status_step *s = &status_step[i];

		/* all bits: else a guest could take FEATURES_OK back as it adds DRIVER_OK */
		if (s->from != from || s->to != to || !s->may_enter(dev))
			continue;
		dev->status |= s->to;
		if (to == UP_TO_FEATURES_OK && dev->ops->features_accepted)
			dev->ops->features_accepted(dev);
		if (to == UP_TO_LEGACY_DRIVER_OK)
			legacy_driver_ok(dev);
	}
}

/* ---- suspending (3.4) ---- */

/* Whatever was made available before has to be found without a notification. */
static void resume(struct anvil_device *dev)
{
	dev->status = UP_TO_DRIVER_OK;
	refresh_config(dev);
	for (unsigned int i = 0; i < dev->queues; i++) {
		if (anvil_virtqueue_enabled(&dev->queue[i]))
			anvil_device_defer(dev, i);
	}
}

/* 3.4.2: the bit means nothing before the device is live */
static uint32_t check_suspend(struct anvil_device *dev, uint32_t to)
{
	if (!anvil_device_has(dev, VIRTIO_F_SUSPEND))
		return to;
	if (dev->status == UP_TO_DRIVER_OK && to == (UP_TO_DRIVER_OK | VIRTIO_STATUS_SUSPEND)) {
		dev->suspending = true;
		anvil_device_suspend_when_idle(dev);
	} else if (dev->status == UP_TO_SUSPEND &&
		   to == (UP_TO_SUSPEND | VIRTIO_STATUS_DRIVER_OK)) {
		resume(dev);
	} else if (!(dev->status & (VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_SUSPEND))) {
		return to & ~VIRTIO_STATUS_SUSPEND;
	}
	return to;
}

bool anvil_device_hold_config(struct anvil_device *dev, unsigned int what)
{
	if (dev->status & VIRTIO_STATUS_SUSPEND)
		dev->config_held |= (uint8_t)what;
	return dev->status & VIRTIO_STATUS_SUSPEND;
}

void anvil_device_set_status(struct anvil_device *dev, uint32_t value)
{
	uint32_t from = dev->status & ~VIRTIO_STATUS_NEEDS_RESET;
	uint32_t to = value & ~VIRTIO_STATUS_NEEDS_RESET;

	if (dev->resetting) /* 2.4: who does not wait for the end of a reset starts nothing */
		return;
	if (value == 0) {
		reset(dev);
		return;
	}
	if (dev->legacy)
		to &= ~VIRTIO_STATUS_FEATURES_OK;
	to = check_suspend(dev, to);
	if (to == (from | VIRTIO_STATUS_FAILED))
		dev->status |= VIRTIO_STATUS_FAILED;
	else
		step_status(dev, from, to);
}

/* ---- features (2.2) ---- */

uint32_t anvil_device_offered(const struct anvil_device *dev, uint32_t sel)
{
	if (sel >= ANVIL_FEATURE_BITS / 32)
		return 0;
	return (uint32_t)(dev->offered.word[sel / 2] >> (sel % 2 * 32));
}

void anvil_device_set_driver_features(struct anvil_device *dev, uint32_t sel, uint32_t bits)
{
	if (dev->status != UP_TO_DRIVER || dev->legacy_final || sel >= ANVIL_FEATURE_BITS / 32)
		return;

	unsigned int shift = sel % 2 * 32;
	uint64_t *word = &dev->driver.word[sel / 2];

	*word = (*word & ~(0xffffffffull << shift)) | (uint64_t)bits << shift;
}

/* 2.2.1, without a way to refuse: only what was offered counts, with what it requires. Each round
 * but the last takes a feature away. */
static void cut_features(struct anvil_device *dev)
{
	const struct anvil_device_ops *ops = dev->ops;

	for (size_t i = 0; i < ANVIL_FEATURE_BITS / 64; i++)
		dev->driver.word[i] &= dev->offered.word[i];
	while (!anvil_device_rules_hold(ops->rule, ops->rules, &dev->driver)) {
		for (unsigned int i = 0; i < ops->rules; i++) {
			if (!rule_holds(&ops->rule[i], &dev->driver))
				anvil_features_remove(&dev->driver, ops->rule[i].feature);
		}
	}
}

void anvil_device_finalize_legacy(struct anvil_device *dev)
{
	if (dev->legacy_final)
		return;
	cut_features(dev);
	dev->legacy_final = true;
	if (dev->ops->features_accepted)
		dev->ops->features_accepted(dev);
}

int anvil_device_make_legacy(struct anvil_device *dev, bool big_endian)
{
	if (dev->status || dev->transport)
		return -EINVAL;
	dev->legacy = true;
	dev->big_endian = big_endian;
	dev->offered.word[0] &= UINT32_MAX;
	memset(&dev->offered.word[1], 0, sizeof(dev->offered) - sizeof(dev->offered.word[0]));
	anvil_features_add(&dev->offered, VIRTIO_F_ANY_LAYOUT);
	return dev->ops->make_legacy ? dev->ops->make_legacy(dev) : 0;
}
