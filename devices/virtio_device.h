/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every virtio device has, whatever its type and transport (2): status, feature bits,
 * configuration space, queues, interrupts.
 *
 * A device type fills in one `static const struct anvil_device_ops` and embeds struct
 * anvil_device; a transport turns register accesses into the calls below. The embedder serialises
 * all calls into one device.
 */
#ifndef ANVIL_DEVICE_H
#define ANVIL_DEVICE_H

#include "virtqueue.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ANVIL_FEATURE_BITS 128u

/* A set of feature bits; bit n is bit n % 64 of word n / 64. */
struct anvil_features {
	uint64_t word[ANVIL_FEATURE_BITS / 64];
};

bool anvil_features_has(const struct anvil_features *set, unsigned int bit);
void anvil_features_add(struct anvil_features *set, unsigned int bit);
void anvil_features_remove(struct anvil_features *set, unsigned int bit);

/* "`feature` requires one of `any_of`", which ends at the first 0 after the first entry (5.1.3.1)
 */
struct anvil_feature_rule {
	uint8_t feature;
	uint8_t any_of[2];
};

/* Whether `set` keeps all these rules. */
bool anvil_device_rules_hold(const struct anvil_feature_rule *rule, unsigned int rules,
			     const struct anvil_features *set);

struct anvil_device;

struct anvil_device_ops {
	uint32_t device_id;
	const struct anvil_feature_rule *rule;
	unsigned int rules;
	/* The driver has accepted features (FEATURES_OK); may lower queues_used. May be NULL. */
	void (*features_accepted)(struct anvil_device *dev);
	/* This live queue may have chains: serve them, within the bound of anvil_device_serve. */
	void (*notified)(struct anvil_device *dev, unsigned int queue);
	/* This queue stops: forget its chains, and do not touch the guest for them. */
	void (*queue_stopped)(struct anvil_device *dev, unsigned int queue);
	/*
	 * Asked after queue_stopped: whether the back end still has requests of this queue. If so,
	 * the reset goes on until anvil_device_queue_drained is called. NULL: it never has.
	 */
	bool (*queue_draining)(const struct anvil_device *dev, unsigned int queue);
	/* Bytes of the configuration space were written, all inside it. NULL: read-only. */
	void (*config_written)(struct anvil_device *dev, uint32_t offset, const uint8_t *bytes,
			       uint32_t len);
	/* Back to the state after creation, configuration space included; queues are stopped. */
	void (*reset)(struct anvil_device *dev);
	/*
	 * The device resumes, and the host changed values of the configuration space meanwhile:
	 * store them, and call anvil_device_config_changed. `what`: which values, bits of
	 * config_kinds, as passed to anvil_device_hold_config. NULL: there are no such values.
	 */
	void (*config_refresh)(struct anvil_device *dev, unsigned int what);
	uint8_t config_kinds;
	/* anvil_device_make_legacy: `offered` and the byte order are set, the configuration space
	 * has to follow. Returns 0, or -EINVAL: this device cannot be had that way. May be NULL. */
	int (*make_legacy)(struct anvil_device *dev);
	/* A legacy driver has set DRIVER_OK. May be NULL. */
	void (*legacy_driver_ok)(struct anvil_device *dev);
	/* Whether notifications of this queue may be put off (anvil_virtqueue_unnotified), and:
	 * notifies the driver now of what was. NULL: never. */
	bool (*coalesces)(const struct anvil_device *dev, unsigned int queue);
	void (*notify_coalesced)(struct anvil_device *dev, unsigned int queue);
	/* Writes the state of this type, beside features and queues. Nothing is in flight. */
	void (*save)(const struct anvil_device *dev, struct anvil_state_writer *w);
	/*
	 * Reads what save wrote, into a device with the same features, before any queue is served.
	 * Returns false if a device with these features cannot have this state; a reset follows.
	 * What the host changed since is announced as usual (anvil_device_config_changed).
	 */
	bool (*restore)(struct anvil_device *dev, struct anvil_state_reader *r);
};

/* How a device reaches its embedder; set by the transport. */
struct anvil_transport_ops {
	/* something for the driver happened: VIRTIO_INTERRUPT_* */
	void (*interrupt)(void *opaque, uint32_t events);
	/* work is left over: call anvil_device_poll soon, from outside any device call */
	void (*defer)(void *opaque);
	/* this queue was not started, or has broken the device: `err` says why */
	void (*refused)(void *opaque, unsigned int queue, int err);
};

struct anvil_device {
	const struct anvil_device_ops *ops;
	const struct anvil_transport_ops *transport;
	void *transport_opaque;

	struct anvil_features offered;
	struct anvil_features driver; /* as written; checked at FEATURES_OK */
	bool legacy;		      /* used through the legacy interface */
	bool legacy_final;	      /* whose driver's features are final until the next reset */
	bool big_endian;	      /* the guest is, and the interface a legacy one */
	uint8_t status;
	uint32_t config_generation;

	uint8_t *config; /* in the driver's byte order, as it sees it; the device type's */
	uint32_t config_len;

	struct anvil_virtqueue *queue; /* ours */
	unsigned int queues;
	unsigned int queues_used; /* these many have a purpose with the features accepted */
	uint64_t unserved;	  /* queues with work left over, one bit each */
	bool polled;		  /* `notified` is called for such work: the driver did not */
	unsigned int next_poll;	  /* the queue to be polled first */
	uint32_t work;		  /* that may still be done in this call */

	/* stopped queues of which the back end still has requests, one bit each, and those of them
	 * that were reset */
	uint64_t draining;
	uint64_t queue_resets;
	uint8_t resetting; /* Device Status before a reset that is not complete; else 0 */

	bool suspending;     /* takes no more chains, and waits for those in flight (3.4) */
	uint8_t config_held; /* of which config_refresh is due */

	bool calls_out; /* the transport calls its embedder, who must not call back */
};

#define ANVIL_DEVICE_QUEUES_MAX 64u

/*
 * The work of one call into a device, whatever a guest has in its rings: a register access, a poll,
 * a completion, a frame. A device takes chains as long as less than ANVIL_DEVICE_WORK was done in
 * this call (virtqueue.h says how much a chain is; a block device adds its requests to the disk),
 * and the rest is deferred. The last chain is finished, so that one call does at most
 *
 *   ANVIL_DEVICE_WORK, and what one chain is: descriptors fetched, and 256 bytes copied for each
 *   ANVIL_DEVICE_ACCESSES guest memory accesses, with queues of that size
 *
 * and no call takes more chains than its queue has entries. A frame for the guest takes no more
 * than that of receive buffers, those included that are no good.
 */
#define ANVIL_DEVICE_WORK		  16384u
#define ANVIL_DEVICE_ACCESSES(queue_size) (5ull * ANVIL_DEVICE_WORK + 8ull * (queue_size) + 512)

/*
 * A device in its state after creation: `queues` stopped queues of `queue_size_max` entries each
 * (anvil_virtqueue_init), `offered` plus VERSION_1 on offer. Returns 0, -EINVAL or -ENOMEM; on
 * failure nothing stays allocated. The transport is attached afterwards.
 *
 * Every device type can offer SUSPEND and ORDER_PLATFORM; the latter is for drivers that insist on
 * it: this is software on the guest's own processors, and does the same with and without. None
 * offers ACCESS_PLATFORM: addresses are guest-physical, there is no IOMMU in between (6, 6.2).
 */
int anvil_device_init(struct anvil_device *dev, const struct anvil_device_ops *ops,
		      const struct anvil_guest_memory *memory, unsigned int queues,
		      uint16_t queue_size_max, const struct anvil_features *offered)
	__attribute__((warn_unused_result));
void anvil_device_destroy(struct anvil_device *dev);

/*
 * Gives a device in its state after creation, without a transport, the legacy interface that
 * drivers from before the specification's version 1.0 know. VERSION_1 and all features from bit 32
 * on are not offered, ANY_LAYOUT is (6.3). `big_endian` is the guest's byte order, in which rings,
 * request headers and configuration space are then kept (2.5.3, 2.7.3); bytes that the
 * specification calls le16 to le64 inside a request's data stay little-endian. For transports;
 * embedders call anvil_mmio_init_legacy. Returns 0 or -EINVAL (the device is in use, or its type
 * refuses).
 *
 * Differences (3.1.2):
 *  - there is no FEATURES_OK: what the driver writes there is ignored. Its features become final
 *    with the first queue that it places (anvil_device_finalize_legacy) or with DRIVER_OK. Features
 *    that were not offered, or whose prerequisite is missing, are cleared then.
 *  - queues are set up from DRIVER on, and run at once, not only after DRIVER_OK.
 *  - the configuration space can be written at any time.
 */
int anvil_device_make_legacy(struct anvil_device *dev, bool big_endian)
	__attribute__((warn_unused_result));

/* ---- for transports ---- */

/* Makes a legacy driver's features final; nothing happens if they are already. */
void anvil_device_finalize_legacy(struct anvil_device *dev);

/*
 * The driver writes Device Status (2.1, 3.1.1). 0 resets. Otherwise bits are accepted one step at
 * a time, in the order of 3.1.1, ACKNOWLEDGE and DRIVER also together; FAILED at any time. A value
 * that is no such step changes nothing. With F_SUSPEND, SUSPEND suspends a live device once no
 * chain is in flight, DRIVER_OK resumes it (3.4). FEATURES_OK stays clear when the features are not
 * acceptable (2.2.2). NEEDS_RESET is the device's: what the driver writes there is ignored.
 *
 * A reset stops all queues at once: nothing of the guest is touched afterwards, and there are no
 * interrupts. It is complete when the back end has no request of the device any more (2.4). Until
 * then anvil_device_status is what it was before, not 0, all else is as after the reset, and no
 * write has an effect on status, features, queues or configuration space.
 */
void anvil_device_set_status(struct anvil_device *dev, uint32_t value);

/* Device Status as the driver reads it. */
uint8_t anvil_device_status(const struct anvil_device *dev);

/* 32 feature bits from 32 * sel; beyond what exists, 0 and no effect. */
uint32_t anvil_device_offered(const struct anvil_device *dev, uint32_t sel);
/* Has an effect between DRIVER and FEATURES_OK alone (3.1.1), or until features are final. */
void anvil_device_set_driver_features(struct anvil_device *dev, uint32_t sel, uint32_t bits);

/* The queue, or NULL if there is none or the accepted features have no use for it. */
struct anvil_virtqueue *anvil_device_queue(const struct anvil_device *dev, uint32_t index);
/* Whether the driver may set this queue up now: stopped and drained, and between FEATURES_OK and
 * DRIVER_OK (3.1.1), or, with RING_RESET, later (2.6.1). */
bool anvil_device_queue_writable(const struct anvil_device *dev, const struct anvil_virtqueue *vq);
/* Starts a queue; nothing happens if what was programmed is not valid, or the time not right. */
void anvil_device_start_queue(struct anvil_device *dev, uint32_t index);
/* Stops a running queue and forgets all about it; while requests of it are at the back end, it is
 * still in use, and cannot be set up. */
void anvil_device_stop_queue(struct anvil_device *dev, uint32_t index);
/* The same, and forgets what was programmed for a queue that does not run, too (2.6.1.1.1). */
void anvil_device_reset_queue(struct anvil_device *dev, uint32_t index);
/* Whether the queue runs, or was stopped and is not drained yet; whether that was by a reset. */
bool anvil_device_queue_in_use(const struct anvil_device *dev, uint32_t index);
bool anvil_device_queue_resetting(const struct anvil_device *dev, uint32_t index);
/* An available buffer notification (2.9); spurious ones are harmless. */
void anvil_device_notify(struct anvil_device *dev, uint32_t index);
/* Serves queues in turn that had work left over when `defer` was called; bounded as one call. */
void anvil_device_poll(struct anvil_device *dev);

/*
 * Configuration space (2.5). An access that is not wholly inside reads as zeroes, and is not
 * written. `len` up to 8. Writes have an effect after FEATURES_OK alone (3.1.1), those of a legacy
 * driver always.
 */
void anvil_device_config_read(const struct anvil_device *dev, uint64_t offset, uint8_t *bytes,
			      uint32_t len);
void anvil_device_config_write(struct anvil_device *dev, uint64_t offset, const uint8_t *bytes,
			       uint32_t len);

/*
 * Writes the device's state. Returns 0, or -EBUSY while chains are in flight or a reset is not
 * complete: requests are no part of the state, so let the back end finish them first.
 */
int anvil_device_save(const struct anvil_device *dev, struct anvil_state_writer *w)
	__attribute__((warn_unused_result));

/*
 * Reads the saved state into a device in its state after creation, which was created as the saved
 * one was. All of it is checked as if the driver had written it; no guest memory is touched.
 * Returns 0, or -EINVAL: then reset the device.
 */
int anvil_device_restore(struct anvil_device *dev, struct anvil_state_reader *r)
	__attribute__((warn_unused_result));

/*
 * Call it when the rest of the image is good, too: sends notifications that are owed, and has
 * running queues served by anvil_device_poll, for which it calls the transport's `defer`.
 */
void anvil_device_restored(struct anvil_device *dev);

/* ---- for device types ---- */

/* Whether the driver's features are final: since FEATURES_OK, or what is it for legacy drivers. */
bool anvil_device_features_final(const struct anvil_device *dev);

/* Whether the driver accepted this feature; false before they are final. */
bool anvil_device_has(const struct anvil_device *dev, unsigned int feature);

/*
 * From the host's byte order to that of the driver's structures, and back: little-endian, for
 * legacy drivers the guest's own.
 */
static inline bool anvil_device_swaps(const struct anvil_device *dev)
{
	return dev->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

static inline uint16_t anvil_device_u16(const struct anvil_device *dev, uint16_t value)
{
	return anvil_device_swaps(dev) ? __builtin_bswap16(value) : value;
}

static inline uint32_t anvil_device_u32(const struct anvil_device *dev, uint32_t value)
{
	return anvil_device_swaps(dev) ? __builtin_bswap32(value) : value;
}

static inline uint64_t anvil_device_u64(const struct anvil_device *dev, uint64_t value)
{
	return anvil_device_swaps(dev) ? __builtin_bswap64(value) : value;
}

/* Whether the device may look into this queue: DRIVER_OK (legacy: DRIVER), not failed or broken,
 * queue running. */
bool anvil_device_queue_live(const struct anvil_device *dev, unsigned int queue);

/* The back end has no request of this stopped queue any more; nothing happens if it was not asked
 * for (queue_draining). */
void anvil_device_queue_drained(struct anvil_device *dev, unsigned int queue);

/* Whether the device may take chains from this queue now: it is live, and no suspend is pending. */
bool anvil_device_queue_takes(const struct anvil_device *dev, unsigned int queue);

/* The guest broke the rules of this live queue, `err` says which (anvil_virtqueue_pop):
 * DEVICE_NEEDS_RESET and its notification (2.1.2); nothing of the guest is touched until it resets.
 */
void anvil_device_break(struct anvil_device *dev, unsigned int queue, int err);

/*
 * Ask before the host changes the configuration space. Returns true if the change has to wait,
 * since the device is suspended (3.4.2); config_refresh is called when it resumes.
 */
bool anvil_device_hold_config(struct anvil_device *dev, unsigned int what);

/* The configuration space changed on the device's side (2.5, 3.2.1). */
void anvil_device_config_changed(struct anvil_device *dev);

/* Shows the driver all used entries that were written, and notifies it if it wants that. */
void anvil_device_publish(struct anvil_device *dev, unsigned int queue);

/* Notifies the driver of what was flushed, if it wants that. Returns whether it did. */
bool anvil_device_notify_driver(struct anvil_device *dev, unsigned int queue);

enum anvil_served {
	ANVIL_SERVED_ONE,   /* took one chain, go on */
	ANVIL_SERVED_ALL,   /* the queue was empty */
	ANVIL_SERVED_LATER, /* cannot go on now; the device type will serve the queue again */
};

/*
 * Has this queue served again by a later poll: there may be work left. Call it also after unpopping
 * a chain long after it was taken: a device that waits to be suspended looks again.
 */
void anvil_device_defer(struct anvil_device *dev, unsigned int queue);

/* What anvil_virtqueue_pop returned for this queue, in these terms; breaks the device if the guest
 * broke the ring. */
enum anvil_served anvil_device_popped(struct anvil_device *dev, unsigned int queue, int popped);

/* Begins a call that does not come from the transport but from a back end. Calls do not nest. */
void anvil_device_begin(struct anvil_device *dev);

/* Counts `work` beside that of chains against this call's bound. */
void anvil_device_charge(struct anvil_device *dev, uint32_t work);

/*
 * Serves a live queue: calls `one` until it does not return ANVIL_SERVED_ONE or the queue stops
 * being live, with notifications suppressed while at it, but at most queue size times, and only
 * while there is work left that this call may do: then the rest is deferred.
 */
void anvil_device_serve(struct anvil_device *dev, unsigned int queue,
			enum anvil_served (*one)(struct anvil_device *dev, unsigned int queue));

#ifdef __cplusplus
}
#endif

#endif
