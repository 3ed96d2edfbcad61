/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Classic mistakes of devices, one switch each. A device without a mistake is meant to be correct;
 * `foreign_mistake` puts one in. What is said of each completes the sentence "a guest could ...".
 */
#ifndef MISTAKES_H
#define MISTAKES_H

#include <string.h>

/* of the block device */
#define BLK_MISTAKES(X)                                                                            \
	X(BLK_CONFIG_PAST_END, "read the VMM's memory behind the configuration space")             \
	X(BLK_CONFIG_WRITABLE, "set the capacity, and reach memory behind the disk")               \
	X(BLK_QUEUE_SELECT, "reach the registers of a queue that is not there")                    \
	X(BLK_QUEUE_TOO_LARGE, "have more descriptors in a chain than the device has room for")    \
	X(BLK_QUEUE_ZERO, "have the device divide by a queue size of zero")                        \
	X(BLK_QUEUE_CHANGES, "change size and addresses of a ring that was checked")               \
	X(BLK_RING_UNCHECKED, "have a ring outside of RAM, which is a null pointer")               \
	X(BLK_FEATURES_ANY, "accept features that were not offered")                               \
	X(BLK_STATUS_ANY, "start a device without features, or say that it is broken")             \
	X(BLK_RESET_KEEPS_INDEX, "have a queue go on behind its end after a reset")                \
	X(BLK_RESET_KEEPS_QUEUE, "have the rings touched after a reset")                           \
	X(BLK_AVAIL_JUMP, "have 65,535 stale entries carried out by one jump of an index")         \
	X(BLK_HEAD_UNCHECKED, "have a descriptor taken from behind the table, as a head")          \
	X(BLK_NEXT_UNCHECKED, "have a descriptor taken from behind the table, as the next")        \
	X(BLK_CHAIN_ENDLESS, "have a chain in a loop walked for ever")                             \
	X(BLK_ADDRESS_UNCHECKED, "have any memory of the VMM read and written")                    \
	X(BLK_ADDRESS_WRAPS, "have any memory accessed: address + length wraps")                   \
	X(BLK_DESC_TWICE, "change a descriptor between its check and its use")                     \
	X(BLK_INDIRECT_LENGTH, "have descriptors taken from behind RAM, by a long table")          \
	X(BLK_INDIRECT_NESTED, "have tables that lead to each other walked for ever")              \
	X(BLK_WRITE_FLAG, "have data stored in a device-readable buffer")                          \
	X(BLK_HEADER_WRITABLE, "have a header read from a device-writable buffer")                 \
	X(BLK_HEADER_LENGTH, "have 16 bytes read from a shorter buffer")                           \
	X(BLK_SECTOR_TWICE, "change the sector between its check and its use")                     \
	X(BLK_NO_STATUS, "have a status stored where no buffer is writable")                       \
	X(BLK_RANGE_WRAPS, "reach memory before the disk: sector * 512 + length wraps")            \
	X(BLK_RANGE_START, "reach memory behind the disk: only the first sector is checked")       \
	X(BLK_LENGTH_ODD, "reach memory behind the disk by a part of a sector")                    \
	X(BLK_READ_ONLY_ASKED, "write to a read-only disk by not accepting that it is one")        \
	X(BLK_ID_LENGTH, "have 20 bytes stored in a shorter buffer")                               \
	X(BLK_UNANSWERED, "lose a chain: a request of an unknown type never completes")            \
	X(BLK_ANSWERED_TWICE, "have a chain completed twice: first failed, then again")            \
	X(BLK_INDEX_FIRST, "read a used entry before it is there: the index is stored first")      \
	X(BLK_USED_LEN_UNWRITTEN, "take old bytes of its memory for what a failed request read")   \
	X(BLK_USED_LEN_ALL, "read behind its buffer: the length counts what was readable, too")

/* of the network device */
#define NET_MISTAKES(X)                                                                            \
	X(NET_CONFIG_WRITE, "write behind the MAC address, and behind the configuration space")    \
	X(NET_NOTIFY_UNCHECKED, "notify a queue that is not there")                                \
	X(NET_QUEUE_SIZE, "have more descriptors in a chain than the device has room for")         \
	X(NET_NOT_READY, "have a frame stored in a queue that it has not set up")                  \
	X(NET_BEFORE_DRIVER_OK, "be sent frames before the driver is ready, or after it broke")    \
	X(NET_AVAIL_AGAIN, "keep the device busy by adding to a queue that is being emptied")      \
	X(NET_HEAD_MASKED, "have another chain served than it made available")                     \
	X(NET_NEXT_PAST_BY_ONE, "have the descriptor behind the table taken")                      \
	X(NET_TABLE_IN_ITSELF, "have the queue's own descriptors walked for ever as a table")      \
	X(NET_CHAIN_ENDLESS, "have a chain in a loop walked for ever")                             \
	X(NET_ADDRESS_START, "reach memory behind RAM: only a buffer's first byte is checked")     \
	X(NET_LENGTH_TWICE, "change a length between its check and its use")                       \
	X(NET_TX_SHORT, "have the VMM's memory sent: length - 12 of a chain that is shorter")      \
	X(NET_TX_LONG, "overrun the device's buffer by a frame longer than that")                  \
	X(NET_TX_TRAILER, "have the VMM's stack sent: 4 bytes behind a short frame")               \
	X(NET_TX_LOST, "lose a chain: a frame that is not sent never completes")                   \
	X(NET_RX_OVERRUN, "have a frame stored behind a buffer that is too small for it")          \
	X(NET_RX_PAST_END, "be given the host's memory behind a frame that arrives")               \
	X(NET_RX_HEADER, "have a header stored behind a buffer that is shorter than 12 bytes")     \
	X(NET_RX_WRITE_FLAG, "have a frame stored in a device-readable buffer")                    \
	X(NET_RX_LOST, "lose all its buffers to a frame that is too large for them")               \
	X(NET_RX_ONE_BY_ONE, "see a part of a frame: each buffer is published on its own")         \
	X(NET_RX_NUM_BUFFERS, "take a frame's second buffer for another frame")                    \
	X(NET_RX_USED_LEN, "take old bytes of its memory for a part of a frame")                   \
	X(NET_RX_STALE_HEADER, "read in a received frame's header what was in another one's")      \
	X(NET_CTRL_LENGTH, "overrun a MAC address by a longer one")                                \
	X(NET_CTRL_NO_ACK, "have an answer stored where no buffer is writable")                    \
	X(NET_CTRL_UNANSWERED, "lose a chain: an unknown command never completes")                 \
	X(NET_CTRL_UNNEGOTIATED, "change the MAC address without the feature")                     \
	X(NET_RESET_KEEPS_MAC, "leave a MAC address to the next driver")

/* of the block device with I/O threads: each shows by the order in which these go on alone */
#define IOT_MISTAKES(X)                                                                            \
	X(IOT_RESET_NO_WAIT, "have a thread go on with a request after a reset")                   \
	X(IOT_BUSY_LATE, "have a thread look for a queue that a reset has taken away")             \
	X(IOT_AVAIL_UNLOCKED, "have a chain taken by two threads, and another one by none")        \
	X(IOT_USED_UNLOCKED, "lose a chain: two threads put theirs into one used entry")           \
	X(IOT_INDEX_EARLY, "read a used entry before the thread that has it has stored it")        \
	X(IOT_LOCK_ORDER, "stop the VMM: two locks are taken in one order and in the other")       \
	X(IOT_RESET_SPINS, "stop the VMM: a reset waits with the lock that a thread needs")        \
	X(IOT_ERROR_KEEPS_LOCK, "stop the VMM: a thread fails during a reset, and keeps the lock") \
	X(IOT_QUEUE_RESET_NO_WAIT, "have old data stored when its queue was reset and runs anew")

/* of the block device of many queues: numbers that are cut */
#define WIDE_MISTAKES(X)                                                                           \
	X(WIDE_HEAD_BYTE, "get another chain back than it made available, by a head above 255")    \
	X(WIDE_IN_FLIGHT_64, "have the 65th chain at once put behind a table of 64")               \
	X(WIDE_QUEUE_MASK, "notify queue 33, and have queue 1 served")                             \
	X(WIDE_POSITION_BYTE, "have chains served again, by a ring of more than 256 entries")      \
	X(WIDE_SECTOR_32, "write to a sector of which it named another one, 2 TiB behind")

enum foreign_mistake {
	MISTAKE_NONE,
#define X(name, could) MISTAKE_##name,
	BLK_MISTAKES(X) NET_MISTAKES(X) IOT_MISTAKES(X) WIDE_MISTAKES(X)
#undef X
		MISTAKES,
};

struct foreign_mistake_text {
	const char *name;
	const char *could; /* a guest could ... */
};

/* which one is in force, and all of them; that of MISTAKE_NONE has an empty name */
extern int foreign_mistake;
extern const struct foreign_mistake_text foreign_mistakes[MISTAKES];

/* whether this one is */
#define mistake(name) (foreign_mistake == MISTAKE_##name)

/*
 * What FOREIGN_UNWRITTEN names is left unwritten, and looked at or handed out all the same: a sight
 * for MemorySanitizer alone, so none of the mistakes above. NULL: nothing is.
 */
extern const char *foreign_unwritten;
#define unwritten(name) (foreign_unwritten && !strcmp(foreign_unwritten, #name))

/*
 * Puts in the mistake that the environment variable FOREIGN_MISTAKE names, if any, whose name has
 * to begin with `of`: BLK_, NET_, IOT_ or WIDE_; and takes FOREIGN_UNWRITTEN. Returns 0, or says
 * what is wrong and returns -EINVAL.
 */
int foreign_mistake_from_environment(const char *of);

#endif
