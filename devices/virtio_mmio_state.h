/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device behind virtio-mmio saved as bytes, and made anew from them, perhaps by another process
 * on another host: for migration and snapshots.
 *
 * Guest memory, the disk's content and the network belong to the embedder, who stops the guest
 * meanwhile. Whoever restores creates a device alike, with the same features, queues and sizes. The
 * bytes may come from anybody: they are checked like what a guest writes, and a device made from
 * them is as safe as any other.
 */
#ifndef ANVIL_MMIO_STATE_H
#define ANVIL_MMIO_STATE_H

#include "virtio_mmio.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The version that anvil_mmio_save writes; older ones are read. */
#define ANVIL_MMIO_STATE_VERSION 1u

/*
 * Writes the state into `bytes` and its length into `len`. Returns 0, or
 *   -EBUSY   the back end has requests of the device, those of queues that were reset included: let
 *            it finish them, then ask again
 *   -ENOSPC  there is not room enough; `len` is what it takes
 */
int anvil_mmio_save(const struct anvil_mmio *mmio, uint8_t *bytes, size_t room, size_t *len)
	__attribute__((warn_unused_result));

/*
 * Gives the state to a device that was created alike and is attached, new or reset. Returns 0, or
 * with the device as it was
 *   -ENODATA   cut short
 *   -EBADMSG   no saved state, or changed since
 *   -EBUSY     its reset is not complete (anvil_mmio_resetting)
 *   -ENOTSUP   of a version newer than ANVIL_MMIO_STATE_VERSION
 *   -ENODEV    of another type of device
 *   -EINVAL    no device created alike can have been in this state, or guest memory has not got its
 *              rings
 * The interrupt line is asserted if it was, and deferred work asked for where a queue runs.
 */
int anvil_mmio_restore(struct anvil_mmio *mmio, const uint8_t *bytes, size_t len)
	__attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif

#endif
