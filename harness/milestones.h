/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the committed inputs must reach, seen from outside the devices: each kind of request
 * succeeding, each error answer, each rule refusing something. The oracle records them; the health
 * gate fails when one is missing.
 */
#ifndef MILESTONES_H
#define MILESTONES_H

/* clang-format off */
#define MILESTONES(X)                                                                              \
	X(BLK_IN_OK, "blk: a read succeeds")                                                       \
	X(BLK_OUT_OK, "blk: a write succeeds")                                                     \
	X(BLK_FLUSH_OK, "blk: a flush succeeds")                                                   \
	X(BLK_GET_ID_OK, "blk: GET_ID succeeds")                                                   \
	X(BLK_DISCARD_OK, "blk: a discard succeeds")                                               \
	X(BLK_WRITE_ZEROES_OK, "blk: a write zeroes succeeds")                                     \
	X(BLK_MANY_RANGES, "blk: a request with several segments succeeds")                        \
	X(BLK_STABLE_WRITE, "blk: a write is flushed before it completes")                         \
	X(BLK_OUT_OF_ORDER, "blk: requests complete out of order")                                 \
	X(BLK_HOST_FAILS, "blk: a host failure becomes IOERR")                                     \
	X(BLK_IN_BAD, "blk: a bad read is refused")                                                \
	X(BLK_OUT_BAD, "blk: a bad write is refused")                                              \
	X(BLK_FLUSH_BAD, "blk: a bad flush is refused")                                            \
	X(BLK_GET_ID_BAD, "blk: a bad GET_ID is refused")                                          \
	X(BLK_RANGE_BAD, "blk: a bad discard or write zeroes is refused")                          \
	X(BLK_RANGE_FLAG, "blk: an unknown segment flag is unsupported")                           \
	X(BLK_READ_ONLY, "blk: a read-only disk refuses a write")                                  \
	X(BLK_UNKNOWN_TYPE, "blk: an unknown type is unsupported")                                 \
	X(BLK_SHORT_HEADER, "blk: a short header is refused")                                      \
	X(BLK_NO_STATUS, "blk: a request without room for a status is given back")                 \
	X(BLK_RESET_IN_FLIGHT, "blk: a reset while requests are at the disk")                      \
	X(BLK_STARVED, "blk: requests wait for a slot")                                            \
	X(BLK_WRITEBACK, "blk: the cache mode is changed")                                         \
	X(BLK_RESIZED, "blk: the disk is resized while running")                                   \
	X(NET_TX_OK, "net: a frame is sent")                                                       \
	X(NET_TX_CSUM, "net: a frame with a partial checksum is sent")                             \
	X(NET_TX_TSO4, "net: a TSOv4 frame is sent")                                               \
	X(NET_TX_TSO6, "net: a TSOv6 frame is sent")                                               \
	X(NET_TX_BAD, "net: a frame with a bad header is dropped")                                 \
	X(NET_TX_SHORT, "net: a chain too short for a frame is dropped")                           \
	X(NET_TX_LONG, "net: a frame over the limit is dropped")                                   \
	X(NET_TX_BLOCKED, "net: the host takes no frame, the chain goes back")                     \
	X(NET_RX_OK, "net: a frame is received")                                                   \
	X(NET_RX_MERGED, "net: a frame is received over several buffers")                          \
	X(NET_RX_GSO, "net: a large frame is received unsegmented")                                \
	X(NET_RX_CSUM_DONE, "net: a checksum is completed for the driver")                         \
	X(NET_RX_NO_BUFFERS, "net: a frame waits for buffers")                                     \
	X(NET_RX_TOO_LONG, "net: a frame that never fits is dropped")                              \
	X(NET_RX_BAD_BUFFER, "net: a bad receive buffer is given back")                            \
	X(NET_RX_FILTERED_MAC, "net: a frame to another address is filtered")                      \
	X(NET_RX_FILTERED_VLAN, "net: a frame of another VLAN is filtered")                        \
	X(NET_CTRL_MODE, "net: a receive mode is set")                                             \
	X(NET_CTRL_MAC, "net: the address is set")                                                 \
	X(NET_CTRL_TABLE, "net: the address table is set")                                         \
	X(NET_CTRL_TABLE_FULL, "net: an address table overflows")                                  \
	X(NET_CTRL_VLAN, "net: a VLAN is added or removed")                                        \
	X(NET_CTRL_BAD, "net: a bad command is refused")                                           \
	X(NET_CTRL_NO_ACK, "net: a command without room for an ack is given back")                 \
	X(NET_LINK, "net: the link changes")                                                       \
	X(RING_INDIRECT, "ring: an indirect table is followed")                                    \
	X(RING_WRAPPED, "ring: a queue goes round")                                                \
	X(RING_EVENT_IDX, "ring: used_event suppresses a notification")                            \
	X(RING_NO_INTERRUPT, "ring: the avail flag suppresses a notification")                     \
	X(RING_UNPOP, "ring: a chain is given back untaken")                                       \
	X(RING_STOPPED, "ring: a queue is stopped while running")                                  \
	X(RING_RESET, "ring: a queue is reset by QueueReset")                                      \
	X(RING_RESTARTED, "ring: a queue is set up again after DRIVER_OK")                         \
	X(RING_RACED, "ring: the guest changes what the device fetches")                           \
	X(BREAK_INDEX, "rule: the available index jumps")                                          \
	X(BREAK_HEAD, "rule: a head out of range")                                                 \
	X(BREAK_IN_FLIGHT, "rule: a head that is in flight")                                       \
	X(BREAK_NEXT, "rule: next out of range")                                                   \
	X(BREAK_LOOP, "rule: a chain longer than the queue")                                       \
	X(BREAK_INDIRECT, "rule: a bad indirect table")                                            \
	X(BREAK_ORDER, "rule: readable after writable")                                            \
	X(BREAK_ADDRESS, "rule: a buffer outside RAM")                                             \
	X(BREAK_TOTAL, "rule: a chain of more than 4 GiB")                                         \
	X(QUEUE_BAD_SIZE, "rule: a bad queue size")                                                \
	X(QUEUE_BAD_ALIGN, "rule: a misaligned ring")                                              \
	X(QUEUE_BAD_ADDRESS, "rule: a ring outside RAM")                                           \
	X(QUEUE_FROZEN, "rule: a running queue is not changed")                                    \
	X(FEATURES_REFUSED, "rule: features not offered, or without what they need")               \
	X(STATUS_REFUSED, "rule: a status out of order")                                           \
	X(STATUS_FAILED, "transport: the driver gives up")                                         \
	X(RESET_LIVE, "transport: a live device is reset")                                         \
	X(REG_BAD_ACCESS, "transport: a wrong width, offset or direction")                         \
	X(CONFIG_READ, "transport: configuration space is read")                                   \
	X(CONFIG_OUTSIDE, "transport: configuration space is read past the end")                   \
	X(CONFIG_WRITTEN, "transport: configuration space is written")                             \
	X(SUSPENDED, "transport: a device is suspended")                                           \
	X(SUSPEND_WAITS, "transport: a device to be suspended waits for the host")                 \
	X(SUSPEND_RESUMED, "transport: a device is resumed")                                       \
	X(SUSPEND_CONFIG, "transport: a change shows when the device is resumed")                  \
	X(ORDER_PLATFORM, "transport: ORDER_PLATFORM is accepted")                                 \
	X(LEGACY_LIVE, "legacy: a driver sets DRIVER_OK")                                          \
	X(LEGACY_EARLY, "legacy: a request before DRIVER_OK")                                      \
	X(LEGACY_FEATURES_CUT, "legacy: features that will not do fall away")                      \
	X(LEGACY_STOPPED, "legacy: a queue is stopped by QueuePFN")                                \
	X(LEGACY_HIGH, "legacy: a queue is placed above 4 GiB")                                    \
	X(LEGACY_PFN_FROZEN, "legacy: a running queue is not moved")                               \
	X(LEGACY_PAGE_CHANGED, "legacy: GuestPageSize changes while a queue runs")                 \
	X(LEGACY_BAD_PAGE, "legacy: a bad GuestPageSize")                                          \
	X(LEGACY_BAD_ALIGN, "legacy: a bad QueueAlign")                                            \
	X(LEGACY_EARLY_MODE, "legacy: the cache mode is written before ACKNOWLEDGE")               \
	X(LEGACY_MODE_AT_OK, "legacy: DRIVER_OK changes the cache mode")                           \
	X(LEGACY_FLUSH_OUT, "legacy: a FLUSH_OUT succeeds")                                        \
	X(LEGACY_TX, "legacy: a frame behind a header of 10 bytes is sent")                        \
	X(LEGACY_RX, "legacy: a frame behind a header of 10 bytes is received")                    \
	X(LEGACY_MAC, "legacy: the address is written to configuration space")
/* clang-format on */

enum milestone {
#define X(id, text) MILESTONE_##id,
	MILESTONES(X)
#undef X
		MILESTONE_COUNT
};

#endif
