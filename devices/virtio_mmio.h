/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio over MMIO, version 2 (4.2) or version 1 (legacy, 4.2.4): the register window of one
 * device.
 *
 * The embedder decodes the window's address and passes each guest access on. No access can fail:
 * what the specification forbids reads as 0 or is ignored, as anvil_mmio_read says. The
 * work of a call is bounded (ANVIL_DEVICE_WORK in virtio_device.h), whatever the guest has
 * prepared; what is left is deferred to anvil_mmio_poll.
 */
#ifndef ANVIL_MMIO_H
#define ANVIL_MMIO_H

#include "virtio_device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Registers and the largest configuration space of ours; what a VMM sets aside, in bytes. */
#define ANVIL_MMIO_WINDOW 0x200u

/*
 * What the embedder does for the transport. `opaque` comes back as given to anvil_mmio_init.
 *
 * Re-entrance: all are called from inside a call into the device: a register write, a poll, a
 * restore, a completion of the back end, a frame, a change by the host. They do not call into this
 * device or its back end, and take no lock that is held around calls into it. Writing to an eventfd
 * or an ioctl is right. Without NDEBUG, an assertion fails on a call back.
 *
 * Interrupts: the line is asserted while InterruptStatus is not 0 (4.2.2). The guest is told the
 * kind of line by its device tree, ACPI or command line, and the host has the same kind:
 *  - level, by KVM_IRQ_LINE or an interrupt controller of the embedder's: pass the level on.
 *  - level, by an irqfd with KVM_IRQFD_FLAG_RESAMPLE: signal the irqfd when `asserted`, and again
 *    when the resample eventfd is signalled while interrupt_status is not 0.
 *  - edge, by a plain irqfd: signal it when `asserted`, and again after each write to InterruptACK
 *    that leaves interrupt_status at another value than 0. Such an event came after the driver read
 *    InterruptStatus; the line stayed asserted, so set_irq was not called for it.
 * interrupt_status of struct anvil_mmio is for the embedder to read.
 *
 * Notifications: an ioeventfd may take the guest's writes of 4 bytes to QueueNotify, one for each
 * queue with the queue's index as its datamatch. When it is signalled, call
 * anvil_mmio_write(mmio, VIRTIO_MMIO_QUEUE_NOTIFY, 4, index), serialised with all other calls.
 * Late, merged and spurious ones are harmless. With NOTIFICATION_DATA accepted, most values match
 * no datamatch, and come as accesses like any other.
 */
struct anvil_mmio_host_ops {
	/* the level of the interrupt line; called when it changes; at first it is not asserted */
	void (*set_irq)(void *opaque, bool asserted);
	/*
	 * Call anvil_mmio_poll soon, not from inside a call into this device. A guest can
	 * keep a device in this state: release a lock on the device between two polls.
	 */
	void (*defer)(void *opaque);
	/*
	 * For a log; may be NULL. This queue was not started (anvil_virtqueue_enable says why), or
	 * broke the device, which says NEEDS_RESET (anvil_virtqueue_pop says why); `err` is
	 * negative. The guest can have this called as often as it likes.
	 */
	void (*refused)(void *opaque, unsigned int queue, int err);
};

struct anvil_mmio {
	struct anvil_device *dev;
	const struct anvil_mmio_host_ops *host;
	void *opaque;
	uint32_t device_features_sel;
	uint32_t driver_features_sel;
	uint32_t queue_sel;
	uint32_t interrupt_status;
	uint32_t guest_page_size; /* legacy; as last written */
};

/* Attaches a transport to a device that has none yet. Both stay the caller's. */
void anvil_mmio_init(struct anvil_mmio *mmio, struct anvil_device *dev,
		     const struct anvil_mmio_host_ops *host, void *opaque);

/*
 * The same, with the window of version 1 and the legacy interface (anvil_device_make_legacy), for
 * drivers that know no other; stock ones of today know both. The device must be as created. Returns
 * 0, or -EINVAL with nothing attached.
 *
 * QueuePFN places and starts a queue, or with 0 stops it (4.2.4). The layout of 2.7.2 is computed
 * once, from GuestPageSize, QueueSize and QueueAlign as they are at that moment. The queue is then
 * checked as in version 2; if it does not fit, QueuePFN stays 0. While a queue runs, only 0 has an
 * effect. GuestPageSize outlives a reset, since drivers write it before
 * they reset a device for the first time; all else is forgotten. Features above bit 31,
 * ConfigGeneration, QueueReset and shared memory do not exist.
 *
 * `big_endian` is the byte order of the guest. Values of registers are the same in both orders, and
 * multi-byte accesses to configuration space, too, are passed on as for a little-endian bus: the
 * lowest byte of `value` is the one at `offset`.
 */
int anvil_mmio_init_legacy(struct anvil_mmio *mmio, struct anvil_device *dev,
			   const struct anvil_mmio_host_ops *host, void *opaque, bool big_endian)
	__attribute__((warn_unused_result));

/*
 * A guest access of `width` bytes at `offset` in the window; any numbers are allowed.
 *
 * Registers below 0x100 answer 32-bit aligned accesses; configuration space answers 1, 2 and 4
 * bytes at any offset that keeps the access inside it (4.2.2.2). All else, gaps in the table,
 * write-only registers when read and read-only ones when written, reads as 0 and ignores writes.
 * Per-queue registers read as 0 and ignore writes while QueueSel names no queue.
 *
 * A write that resets the device (Status 0) or stops a queue (QueueReset 1, QueueReady 0, QueuePFN
 * 0) ends all access to the guest's memory for it. The reset is complete when the back end has none
 * of the requests any more, since one of them may still reach the disk (2.4, 2.6.1.1.1). Until then
 *  - Status keeps the value it had, or QueueReset reads as 1; QueueReady as 1, or QueuePFN as it
 *    was. The driver reads them until they are 0.
 *  - such a queue cannot be set up or started, nor stopped twice; the others go on.
 *  - while the device is reset, nothing can be set up: what is written to Status, features, queues
 *    and configuration space is ignored, and all but Status and QueueReady is as after the reset.
 *    InterruptStatus is 0 and stays so.
 *  - a device that is to be suspended is not suspended yet, and none is saved or restored.
 */
uint64_t anvil_mmio_read(struct anvil_mmio *mmio, uint64_t offset, unsigned int width);
void anvil_mmio_write(struct anvil_mmio *mmio, uint64_t offset, unsigned int width, uint64_t value);

/*
 * Whether a reset of the device, or a stop of a queue, is not complete (anvil_mmio_write). There
 * are drivers that do not read the registers back: that of Linux for this transport writes 0 to
 * Status and goes on at once, and would then find a device that does not listen. So an embedder
 * whose back end is asynchronous does not let the processor go on behind a write while this is
 * true, but runs the back end until it is not. With a back end that completes all requests inside
 * submit, it never is.
 */
bool anvil_mmio_resetting(const struct anvil_mmio *mmio);

/*
 * Goes on with deferred work. Like any other call, it does a bounded part of it
 * (ANVIL_DEVICE_WORK), and may say `defer` again.
 */
void anvil_mmio_poll(struct anvil_mmio *mmio);

#ifdef __cplusplus
}
#endif

#endif
