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
	X(BLK_LATE_WRITE, "blk: a write is carried out when its queue is reset already")           \
	X(BLK_STARVED, "blk: requests wait for a slot")                                            \
	X(BLK_WRITEBACK, "blk: the cache mode is changed")                                         \
	X(BLK_RESIZED, "blk: the disk is resized while running")                                   \
	X(BLK_MANY_QUEUES, "blk: requests of several queues are at the disk")                      \
	X(BLK_QUEUES_IN_TURN, "blk: queues that wait for a slot have their turns")                 \
	X(BLK_STOP_ONE, "blk: a queue stops while others have requests at the disk")               \
	X(BLK_LIFETIME_OK, "blk: GET_LIFETIME succeeds")                                           \
	X(BLK_LIFETIME_BAD, "blk: a bad GET_LIFETIME is refused")                                  \
	X(BLK_LIFETIME_RESERVED, "blk: reserved lifetime values are not told")                     \
	X(BLK_ERASE_OK, "blk: a secure erase succeeds")                                            \
	X(BLK_ERASE_BAD, "blk: a bad secure erase is refused")                                     \
	X(BLK_SCSI, "blk: a SCSI command is unsupported")                                          \
	X(BLK_ZONES_REFUSED, "zones: a driver without ZONED is refused a host-managed disk")       \
	X(BLK_ZONES_NOT_TOLD, "zones: a driver without ZONED uses a host-aware disk")              \
	X(BLK_ZONE_APPEND, "zones: an append succeeds")                                            \
	X(BLK_ZONE_NO_APPEND, "zones: an append to a disk that has none is unsupported")           \
	X(BLK_ZONE_REPORT, "zones: zones are reported")                                            \
	X(BLK_ZONE_REPORT_EMPTY, "zones: a report has no room for a zone")                         \
	X(BLK_ZONE_OPEN, "zones: a zone is opened explicitly")                                     \
	X(BLK_ZONE_CLOSE, "zones: a zone is closed")                                               \
	X(BLK_ZONE_FINISH, "zones: a zone is finished")                                            \
	X(BLK_ZONE_RESET, "zones: a zone is reset")                                                \
	X(BLK_ZONE_RESET_ALL, "zones: all zones are reset")                                        \
	X(BLK_ZONE_FILLED, "zones: a zone is written to its end")                                  \
	X(BLK_ZONE_PREFERRED, "zones: a zone that need not be written in order is written")        \
	X(BLK_ZONE_UNWRITTEN, "zones: what was not written is read")                               \
	X(BLK_ZONE_ERASED, "zones: a zone is erased")                                              \
	X(BLK_BEYOND_4_GIB, "blk: a sector behind the first 4 GiB is read or written")             \
	X(BLK_BEYOND_2_TIB, "blk: a sector behind the first 2^32 is read or written")              \
	X(BLK_RANGE_BEYOND, "blk: sectors behind the first 2^32 are discarded or zeroed")          \
	X(BLK_ZONE_BEYOND, "zones: a zone behind the first 2^32 sectors is written")               \
	X(BLK_MANY_AT_DISK, "blk: more than 256 requests are at the disk")                         \
	X(BLK_ZONE_IMPLICIT_CLOSE, "zones: a zone is closed to make room for another")             \
	X(BLK_ZONE_BAD, "zones: a malformed request is refused")                                   \
	X(BLK_ZONE_INVALID, "zones: INVALID_CMD")                                                  \
	X(BLK_ZONE_UNALIGNED, "zones: UNALIGNED_WP")                                               \
	X(BLK_ZONE_OPEN_LIMIT, "zones: OPEN_RESOURCE")                                             \
	X(BLK_ZONE_ACTIVE_LIMIT, "zones: ACTIVE_RESOURCE")                                         \
	X(BLK_ZONE_HELD, "zones: a request waits for another one of its sectors")                  \
	X(BLK_ZONE_TURN, "zones: a write is done, and waits for those before it")                  \
	X(BLK_ZONE_OVERTAKEN, "zones: a write is under way in a zone that is emptied or fails")    \
	X(BLK_ZONE_LOST, "zones: a write fails and takes its zone back")                           \
	X(BLK_ZONE_FAILS, "zones: a zone fails")                                                   \
	X(BLK_ZONE_OFFLINE_READ, "zones: a zone goes offline under a read")                        \
	X(BLK_ZONE_GIVEN_UP, "zones: a held request is cancelled")                                 \
	X(BLK_ZONE_LATE, "zones: a write ends that nobody waits for any more")                                         \
	X(NET_TX_OK, "net: a frame is sent")                                                       \
	X(NET_TX_CSUM, "net: a frame with a partial checksum is sent")                             \
	X(NET_TX_TSO4, "net: a TSOv4 frame is sent")                                               \
	X(NET_TX_TSO6, "net: a TSOv6 frame is sent")                                               \
	X(NET_TX_BAD, "net: a frame with a bad header is dropped")                                 \
	X(NET_TX_SHORT, "net: a chain too short for a frame is dropped")                           \
	X(NET_TX_LONG, "net: a frame over the limit is dropped")                                   \
	X(NET_TX_TAGS, "net: a frame that is longer by its VLAN tags is sent")                     \
	X(NET_TX_SEGMENTS, "net: a frame to be cut into too many is dropped")                      \
	X(NET_TX_BLOCKED, "net: the host takes no frame, the chain goes back")                     \
	X(NET_RX_OK, "net: a frame is received")                                                   \
	X(NET_RX_MERGED, "net: a frame is received over several buffers")                          \
	X(NET_RX_GSO, "net: a large frame is received unsegmented")                                \
	X(NET_RX_CSUM_DONE, "net: a checksum is completed for the driver")                         \
	X(NET_RX_NO_BUFFERS, "net: a frame waits for buffers")                                     \
	X(NET_RX_TAGS, "net: a frame that is longer by its VLAN tags is received")                 \
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
	X(NET_SPEED, "net: the speed changes")                                                     \
	X(NET_ANNOUNCE, "net: the driver is asked to announce itself")                             \
	X(NET_ANNOUNCE_ACK, "net: the driver has announced itself")                                \
	X(NET_OFFLOADS, "net: offloads of received frames are set")                                \
	X(NET_MQ_PAIRS, "net: a number of queue pairs is set")                                     \
	X(NET_MQ_TX, "net: a frame is sent on another queue than the first")                       \
	X(NET_MQ_RX, "net: automatic steering chooses another queue than the first")               \
	X(NET_MQ_FLOW, "net: a flow follows the queue that it was sent on")                        \
	X(NET_MQ_RESELECTED, "net: steering passes over a stopped queue")                          \
	X(NET_MQ_OVERRUN, "net: with several queues a frame without buffers is dropped")           \
	X(NET_RSS_CONFIG, "net: RSS is configured")                                                \
	X(NET_RSS_RX, "net: RSS chooses another queue than the first")                             \
	X(NET_RSS_UNCLASSIFIED, "net: RSS meets a frame without a hash")                           \
	X(NET_RSS_STOPPED, "net: RSS drops the frames of a stopped queue")                         \
	X(NET_RSS_CONTEXT, "net: an RSS context is added, changed or deleted")                     \
	X(NET_HASH_CONFIG, "net: the hash is configured without RSS")                              \
	X(NET_HASH, "net: a hash is calculated")                                                   \
	X(NET_HASH_EXTENDED, "net: a hash of IPv6 extension headers is calculated")                \
	X(NET_HASH_INNER, "net: the inner header of a tunnel is hashed")                           \
	X(NET_COAL_SET, "net: coalescing is set for all queues")                                   \
	X(NET_COAL_VQ, "net: coalescing is set for one queue")                                     \
	X(NET_COAL_GET, "net: coalescing of one queue is asked for")                               \
	X(NET_COAL_WAITS, "net: a notification waits")                                             \
	X(NET_COAL_PACKETS, "net: enough packets end the wait for a notification")                 \
	X(NET_COAL_TIME, "net: time ends the wait for a notification")                             \
	X(NET_STATS, "net: statistics are given")                                                  \
	X(NET_STATS_CUT, "net: an answer longer than its room is cut off")                         \
	X(NET_TX_USO, "net: a USO frame is sent")                                                  \
	X(NET_TX_TUNNEL, "net: a frame to be segmented in a UDP tunnel is sent")                   \
	X(NET_TX_TUNNEL_BAD, "net: a frame with a bad tunnel header is dropped")                   \
	X(NET_RX_USO, "net: a large UDP frame is received unsegmented")                            \
	X(NET_RX_TUNNEL, "net: a large frame in a UDP tunnel is received unsegmented")             \
	X(NET_HIGH_PAIR, "net: a frame goes to a pair of queues above 16")                         \
	X(RING_INDIRECT, "ring: an indirect table is followed")                                    \
	X(RING_WRAPPED, "ring: a queue goes round")                                                \
	X(RING_EVENT_IDX, "ring: used_event suppresses a notification")                            \
	X(RING_NO_INTERRUPT, "ring: the avail flag suppresses a notification")                     \
	X(RING_UNPOP, "ring: a chain is given back untaken")                                       \
	X(RING_STOPPED, "ring: a queue is stopped while running")                                  \
	X(RING_RESET, "ring: a queue is reset by QueueReset")                                      \
	X(RING_RESTARTED, "ring: a queue is set up again after DRIVER_OK")                         \
	X(RESET_EARLY, "reset: a driver does not wait for the end of it")                          \
	X(QUEUE_RESETTING, "reset: QueueReset reads as 1")                                         \
	X(QUEUE_DRAINING, "reset: a queue is set up while the disk has requests of it")            \
	X(RING_RACED, "ring: the guest changes what the device fetches")                           \
	X(RING_IN_ORDER, "ring: a used entry waits for those before it")                           \
	X(RING_HIGH_QUEUE, "ring: a chain of a queue from 32 on comes back")                       \
	X(RING_HIGH_HEAD, "ring: a chain of a head above 255 comes back")                          \
	X(RING_MANY_HELD, "ring: more than 256 chains of a queue are in flight")                   \
	X(RING_LONG_CHAIN, "ring: a chain of more than 256 descriptors comes back")                \
	X(PACKED_WRAPPED, "packed: a ring goes round")                                             \
	X(PACKED_ODD_SIZE, "packed: a ring of no power of 2 goes round")                           \
	X(PACKED_LIST, "packed: a list of several entries is taken")                               \
	X(PACKED_INDIRECT, "packed: an indirect table is followed")                                \
	X(PACKED_OUT_OF_ORDER, "packed: chains come back out of order")                            \
	X(PACKED_BATCH, "packed: several used entries are published at once")                      \
	X(PACKED_EVENT, "packed: an event at another place suppresses a notification")             \
	X(PACKED_EVENT_NOW, "packed: an event at a place just used asks for a notification")       \
	X(PACKED_DISABLED, "packed: the event flags suppress a notification")                      \
	X(PACKED_UNPOP, "packed: a chain is given back untaken")                                   \
	X(PACKED_ANY_ID, "packed: an id of the queue's size or more is taken")                     \
	X(PACKED_BREAK_IN_FLIGHT, "packed: an id that is in flight")                               \
	X(PACKED_BREAK_PART, "packed: a list that is not all there")                               \
	X(PACKED_BREAK_WITHDRAWN, "packed: a chain that went back is withdrawn")                   \
	X(PACKED_BREAK_LONG, "packed: more entries than the ring has left")                        \
	X(PACKED_BREAK_TABLE, "packed: a bad indirect table")                                      \
	X(NOTIFICATION_DATA, "transport: a notification tells where the driver stands")            \
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
	X(STATE_TAKEN, "state: a device goes on after save and restore")                           \
	X(STATE_ALTERED, "state: an altered state is taken")                                       \
	X(STATE_REFUSED, "state: an impossible state is refused")                                  \
	X(STATE_PACKED, "state: a packed ring goes on where it was")                               \
	X(STATE_UNTOLD, "state: what was used and not told is told afterwards")                    \
	X(STATE_BUSY, "state: no saving with requests in flight")                                  \
	X(STATUS_FAILED, "transport: the driver gives up")                                         \
	X(RESET_LIVE, "transport: a live device is reset")                                         \
	X(REG_BAD_ACCESS, "transport: a wrong width, offset or direction")                         \
	X(CONFIG_READ, "transport: configuration space is read")                                   \
	X(CONFIG_OUTSIDE, "transport: configuration space is read past the end")                   \
	X(CONFIG_WRITTEN, "transport: configuration space is written")                             \
	X(SUSPENDED, "transport: a device is suspended")                                           \
	X(SUSPEND_WAITS, "transport: a device to be suspended waits for the host")                 \
	X(SUSPEND_TELLS, "transport: before it is suspended, a device tells what it put off")       \
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
	X(LEGACY_MAC, "legacy: the address is written to configuration space")                     \
	X(LEGACY_BIG_ENDIAN, "legacy: a big-endian guest's request is served")                     \
	X(LEGACY_BIG_ENDIAN_STATE, "legacy: a big-endian guest's device is restored")
/* clang-format on */

enum milestone {
#define X(id, text) MILESTONE_##id,
	MILESTONES(X)
#undef X
		MILESTONE_COUNT
};

#endif
