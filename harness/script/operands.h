/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The values of operands that have names: the name in C, the number in a script's bytes, the name
 * in its text, and what it means, as findings say it. One list an operand; the tables that text is
 * read and written by are made of them (operands.c).
 *
 * To add a value: at the end of its list, so that committed scripts keep their meaning, and one
 * more in `choices` of the operand's form (script_forms.c).
 */
#ifndef OPERANDS_H
#define OPERANDS_H

#include <stdint.h>

/* One value of an operand; a table of them ends with one that has no name. */
struct operand_value {
	uint32_t value;
	const char *name;
	const char *says; /* NULL: nothing unusual */
};

/* What a value says, or NULL. */
const char *operand_says(const struct operand_value *values, uint64_t value);

/* clang-format off */
#define OPERAND_ENUM(code, number, name, says) code = number,
#define OPERAND_VALUE(code, number, name, says) { number, name, says },

/* ways to get the bring-up wrong: `wrong` of init */
#define INIT_WRONGS(X)                                                                             \
	X(INIT_RIGHT, 0, "nothing", NULL)                                                          \
	X(INIT_NO_ACKNOWLEDGE, 1, "no_acknowledge", "without ACKNOWLEDGE")                         \
	X(INIT_NO_DRIVER, 2, "no_driver", "without DRIVER")                                        \
	X(INIT_NO_FEATURES_OK, 3, "no_features_ok", "without FEATURES_OK (legacy: with it)")       \
	X(INIT_NO_QUEUES, 4, "no_queues", "without any queue")                                     \
	X(INIT_QUEUES_LATE, 5, "queues_late", "with the queues after DRIVER_OK")                   \
	X(INIT_FEATURES_LATE, 6, "features_late", "with features changed after FEATURES_OK")       \
	X(INIT_FAILS, 7, "fails", "and gives up with FAILED")                                      \
	X(INIT_NO_RESET, 8, "no_reset", "without a reset before")                                  \
	X(INIT_NO_DRIVER_OK, 9, "no_driver_ok", "but leaves out DRIVER_OK")                        \
	X(INIT_AT_ONCE, 10, "at_once", "with all status bits at once")                             \
	X(INIT_ALL_FEATURES, 11, "all_features", "accepting all features there could be")          \
	X(INIT_NO_WAIT, 12, "no_wait", "without waiting for the end of the reset")
enum init_wrong { INIT_WRONGS(OPERAND_ENUM) INIT_KINDS };

/* registers that keep their value: `skip` of queue */
#define SETUP_SKIPS(X)                                                                             \
	X(SKIP_SIZE, 1, "size", "QueueSize")                                                       \
	X(SKIP_DESC, 2, "desc", "QueueDesc")                                                       \
	X(SKIP_DRIVER, 4, "driver", "QueueDriver")                                                 \
	X(SKIP_DEVICE, 8, "device", "QueueDevice")                                                 \
	X(SKIP_PAGE_SIZE, 16, "page_size", "GuestPageSize (legacy)")                               \
	X(SKIP_ALIGN, 32, "align", "QueueAlign (legacy)")
enum setup_skip { SETUP_SKIPS(OPERAND_ENUM) };

/* ways to set a queue up wrong: `wrong` of queue; legacy drivers have their own */
#define QUEUE_WRONGS(X)                                                                            \
	X(QUEUE_RIGHT, 0, "nothing", NULL)                                                         \
	X(QUEUE_SIZE_ZERO, 1, "size_zero", "with size 0")                                          \
	X(QUEUE_SIZE_ODD, 2, "size_odd", "with a size that is no power of 2")                      \
	X(QUEUE_SIZE_OVER, 3, "size_over", "with twice the largest size")                          \
	X(QUEUE_DESC_ODD, 4, "desc_odd",                                                           \
	  "with a misaligned descriptor table (legacy: with QueueAlign 0)")                        \
	X(QUEUE_DRIVER_ODD, 5, "driver_odd",                                                       \
	  "with a misaligned available ring (legacy: with a QueueAlign that is no power of 2)")    \
	X(QUEUE_DEVICE_ODD, 6, "device_odd", "with a misaligned used ring")                        \
	X(QUEUE_DESC_OUTSIDE, 7, "desc_outside",                                                   \
	  "with its descriptor table outside RAM (legacy: with a QueueAlign of 2 GiB)")            \
	X(QUEUE_DRIVER_OUTSIDE, 8, "driver_outside",                                               \
	  "with its available ring outside RAM (legacy: with GuestPageSize 0)")                    \
	X(QUEUE_DEVICE_OUTSIDE, 9, "device_outside",                                               \
	  "with its used ring outside RAM (legacy: with the last page number there is)")           \
	X(QUEUE_AT_END, 10, "at_end",                                                              \
	  "with its descriptor table at the end of RAM (legacy: with its end at the end of RAM)")  \
	X(QUEUE_PAST_END, 11, "past_end", "with its descriptor table across the end of RAM")       \
	X(QUEUE_OVER_SEAM, 12, "over_seam", "with its descriptor table across two regions")        \
	X(QUEUE_HIGH, 13, "high", "above 4 GiB")                                                   \
	X(QUEUE_USED_PAST_END, 14, "used_past_end",                                                \
	  "with its used ring across the end of RAM (legacy: with a GuestPageSize that is no "     \
	  "power of 2)")                                                                           \
	X(QUEUE_SIZE_HUGE, 15, "size_huge", "with a size above 65,535")                            \
	X(QUEUE_AVAIL_EVENT_PAST_END, 16, "avail_event_past_end",                                  \
	  "with avail_event beyond the end of RAM (legacy: and then tries to move it)")            \
	X(QUEUE_USED_EVENT_PAST_END, 17, "used_event_past_end",                                    \
	  "with used_event beyond the end of RAM (legacy: and then changes GuestPageSize)")        \
	X(QUEUE_NO_WAIT, 18, "no_wait", "without waiting until it is not in use any more")
enum queue_wrong { QUEUE_WRONGS(OPERAND_ENUM) };

/* how a queue is stopped: `how` of stop */
#define STOP_HOWS(X)                                                                               \
	X(STOP_READY, 0, "ready", "by QueueReady")                                                 \
	X(STOP_RESET, 1, "reset", "by QueueReset")
enum stop_how { STOP_HOWS(OPERAND_ENUM) };

/* `flags` of chain, blk, tx, rx, ctrl and avail; QUEUE_1 and QUEUE_2 of blk alone, modulo how many
 * queues there are */
#define CHAIN_FLAGS(X)                                                                             \
	X(CHAIN_INDIRECT, 1, "indirect", "all of it in an indirect table")                         \
	X(CHAIN_HOLD, 2, "hold", "written, but not made available yet")                            \
	X(CHAIN_QUIET, 4, "quiet", "without a notification")                                       \
	X(CHAIN_MIXED, 8, "mixed", "the first descriptor direct, the others in a table")           \
	X(CHAIN_NO_TAIL, 16, "no_tail", "without a byte for the status or the ack")                \
	X(CHAIN_QUEUE_1, 32, "queue_1", "queue 1; with queue_2: queue 3")                          \
	X(CHAIN_QUEUE_2, 64, "queue_2", "queue 2; with queue_1: queue 3")                          \
	X(CHAIN_SPARSE, 128, "sparse", "unused entries between those of the table")
enum chain_flag { CHAIN_FLAGS(OPERAND_ENUM) };
#define CHAIN_QUEUE(flags) ((flags) >> 5 & 3u)

/* ways to get a chain wrong: `wrong` of chain, blk, tx, rx and ctrl */
#define CHAIN_WRONGS(X)                                                                            \
	X(WRONG_NOTHING, 0, "nothing", NULL)                                                       \
	X(WRONG_HEAD, 1, "head", "its head is beyond the queue size") /* packed: right, 2.8 */     \
	X(WRONG_NEXT, 2, "next", "its last descriptor leads beyond the table")                     \
	X(WRONG_LOOP, 3, "loop", "its last descriptor leads back to the first")                    \
	X(WRONG_SELF, 4, "self", "its last descriptor leads to itself")                            \
	X(WRONG_TABLE_EMPTY, 5, "table_empty", "its indirect table has no bytes")                  \
	X(WRONG_TABLE_ODD, 6, "table_odd", "its indirect table's length is no multiple of 16")     \
	X(WRONG_TABLE_NEXT, 7, "table_next", "its indirect descriptor has a next one")             \
	X(WRONG_TABLE_NESTED, 8, "table_nested", "its indirect table leads to another")            \
	X(WRONG_TABLE_OUTSIDE, 9, "table_outside", "its indirect table ends behind RAM")           \
	X(WRONG_ALL_READABLE, 10, "all_readable", "all of it is device-readable")                  \
	X(WRONG_ALL_WRITABLE, 11, "all_writable", "all of it is device-writable")                  \
	X(WRONG_ORDER, 12, "order", "its descriptors stand last one first")                        \
	X(WRONG_EMPTY, 13, "empty", "one of its descriptors has no bytes")                         \
	X(WRONG_HUGE, 14, "huge", "one of its descriptors has 4 GiB - 1 bytes")                    \
	X(WRONG_OUTSIDE, 15, "outside", "one of its descriptors is not in RAM")                    \
	X(WRONG_WRAP, 16, "wrap", "one of its descriptors wraps around the address space")         \
	X(WRONG_PAST_END, 17, "past_end", "one of its descriptors ends a byte beyond RAM")         \
	X(WRONG_TWICE, 18, "twice", "it is made available twice")                                  \
	X(WRONG_JUMP, 19, "jump", "the index jumps by more than the queue size")                   \
	X(WRONG_STALE, 20, "stale", "the index counts one too many")                               \
	X(WRONG_OVER_TABLE, 21, "over_table", "one of its buffers is the descriptor table")        \
	X(WRONG_OVER_AVAIL, 22, "over_avail", "one of its buffers is the available ring")          \
	X(WRONG_OVER_USED, 23, "over_used", "one of its buffers is the used ring")                 \
	X(WRONG_FLAGS, 24, "flags", "its descriptors have unknown flags")                          \
	X(WRONG_SHORT, 25, "short", "its last descriptor is missing")                              \
	X(WRONG_MORE_READABLE, 26, "more_readable", "it has a device-readable byte more")          \
	X(WRONG_MORE_WRITABLE, 27, "more_writable", "it has a device-writable byte more")          \
	X(WRONG_TABLE_WRITE, 28, "table_write", /* right, 2.7.5.3.2 */                             \
	  "its indirect descriptor says device-writable")                                          \
	X(WRONG_BACKWARDS, 29, "backwards", "the index goes back")                                 \
	X(WRONG_HIGH_HEAD, 30, "high_head", "its head has a high bit set") /* packed: right */     \
	X(WRONG_FULL, 31, "full", /* right */                                                      \
	  "it has as many descriptors as the queue has entries")
enum chain_wrong { CHAIN_WRONGS(OPERAND_ENUM) WRONG_KINDS };

/* where buffers lie: `where` */
#define PLACES(X)                                                                                  \
	X(PLACE_DATA, 0, "data", NULL)                                                             \
	X(PLACE_HIGH, 1, "high", "above 4 GiB")                                                    \
	X(PLACE_SEAM, 2, "seam", "across two regions of RAM")                                      \
	X(PLACE_LOW_END, 3, "low_end", "at the end of low RAM")                                    \
	X(PLACE_HIGH_END, 4, "high_end", "at the end of high RAM")                                 \
	X(PLACE_SAME, 5, "same", "all in the same place")                                          \
	X(PLACE_TABLE, 6, "table", "over the descriptor table")                                    \
	X(PLACE_AVAIL, 7, "avail", "over the available ring")                                      \
	X(PLACE_USED, 8, "used", "over the used ring")                                             \
	X(PLACE_INDIRECT, 9, "indirect", "over the indirect tables")                               \
	X(PLACE_HOLE, 10, "hole", "in the hole between the RAM ranges")                            \
	X(PLACE_PAST_END, 11, "past_end", "a byte beyond low RAM")                                 \
	X(PLACE_WRAP, 12, "wrap", "around the end of the address space")                           \
	X(PLACE_ZERO, 13, "zero", "at address 0")                                                  \
	X(PLACE_WINDOW, 14, "window", "in the devices' register windows")                          \
	X(PLACE_BELOW_HIGH, 15, "below_high", "one byte below high RAM")
enum place { PLACES(OPERAND_ENUM) PLACE_KINDS };

/* how a request's bytes are cut into descriptors: `split`; its header is, say, 16 bytes of a block
 * request */
#define REQUEST_SPLITS(X)                                                                          \
	X(SPLIT_HEADER, 0, "header", "the header, the data")                                       \
	X(SPLIT_ONE, 1, "one", "all in one")                                                       \
	X(SPLIT_HALF_HEADER, 2, "half_header", "half of the header, the other half, the data")     \
	X(SPLIT_ONE_BYTE, 3, "one_byte", "a byte, the rest of the header, the data")               \
	X(SPLIT_HALF_DATA, 4, "half_data", "the header, half of the data, the other half")         \
	X(SPLIT_LAST_BYTE, 5, "last_byte", "the header, the data, its last byte")                  \
	X(SPLIT_EARLY, 6, "early", "a byte before the end of the header")                          \
	X(SPLIT_LATE, 7, "late", "a byte behind the end of the header")                            \
	X(SPLIT_EMPTY, 8, "empty", "the header, nothing, the data")                                \
	X(SPLIT_512, 9, "every_512", "every 512 bytes")                                            \
	X(SPLIT_100, 10, "every_100", "every 100 bytes")                                           \
	X(SPLIT_5, 11, "every_5", "every 5 bytes")                                                 \
	X(SPLIT_1, 12, "every_byte", "every byte, up to 20")                                       \
	X(SPLIT_ODD, 13, "odd", "behind 3 bytes, and 5 behind the header")                         \
	X(SPLIT_4096, 14, "every_4096", "the header, then every 4,096 bytes")                      \
	X(SPLIT_THIRDS, 15, "thirds", "at a third and at half")                                    \
	X(SPLIT_LONG, 16, "long", "every byte, until the chain is as long as the queue")
enum split { REQUEST_SPLITS(OPERAND_ENUM) SPLITS };

/* how long the buffers of a chain are: `len` */
#define CHAIN_LENS(X)                                                                              \
	X(LEN_16, 0, "16bytes", NULL)                                                              \
	X(LEN_0, 1, "0bytes", NULL)                                                                \
	X(LEN_1, 2, "1byte", NULL)                                                                 \
	X(LEN_2, 3, "2bytes", NULL)                                                                \
	X(LEN_12, 4, "12bytes", NULL)                                                              \
	X(LEN_64, 5, "64bytes", NULL)                                                              \
	X(LEN_100, 6, "100bytes", NULL)                                                            \
	X(LEN_512, 7, "512bytes", NULL)                                                            \
	X(LEN_513, 8, "513bytes", NULL)                                                            \
	X(LEN_1526, 9, "1526bytes", NULL)                                                          \
	X(LEN_4096, 10, "4096bytes", NULL)                                                         \
	X(LEN_65536, 11, "65536bytes", NULL)                                                       \
	X(LEN_65535, 12, "65535bytes", NULL)                                                       \
	X(LEN_2G_LESS, 13, "2GiB_less_1", "2 GiB - 1")                                             \
	X(LEN_2G, 14, "2GiB", NULL)                                                                \
	X(LEN_ARG, 15, "arg", "the low half of arg")
enum chain_len { CHAIN_LENS(OPERAND_ENUM) };

/* requests of a block device: `type` of blk */
#define BLK_TYPES(X)                                                                               \
	X(BLK_IN, 0, "in", "read")                                                                 \
	X(BLK_OUT, 1, "out", "write")                                                              \
	X(BLK_FLUSH, 2, "flush", "flush the disk")                                                 \
	X(BLK_GET_ID, 3, "get_id", "the disk's identity")                                          \
	X(BLK_DISCARD, 4, "discard", "discard ranges")                                             \
	X(BLK_WRITE_ZEROES, 5, "write_zeroes", "zero ranges")                                      \
	X(BLK_OTHER_IN, 6, "other_in", "type arg, without data out")                               \
	X(BLK_OTHER_OUT, 7, "other_out", "type arg, with data out")                                \
	X(BLK_GET_LIFETIME, 8, "get_lifetime", "the disk's lifetime")                              \
	X(BLK_SECURE_ERASE, 9, "secure_erase", "erase ranges for good")                            \
	X(BLK_ZONE_APPEND, 10, "zone_append", "append to the zone")                                \
	X(BLK_ZONE_REPORT, 11, "zone_report", "report zones")                                      \
	X(BLK_ZONE_OPEN, 12, "zone_open", "open the zone")                                         \
	X(BLK_ZONE_CLOSE, 13, "zone_close", "close the zone")                                      \
	X(BLK_ZONE_FINISH, 14, "zone_finish", "finish the zone")                                   \
	X(BLK_ZONE_RESET, 15, "zone_reset", "reset the zone")                                      \
	X(BLK_ZONE_RESET_ALL, 16, "zone_reset_all", "reset all zones")                             \
	X(BLK_SCSI_CMD, 17, "scsi_cmd", "a SCSI command (legacy)")                                 \
	X(BLK_SCSI_CMD_OUT, 18, "scsi_cmd_out", "a SCSI command out (legacy)")                     \
	X(BLK_BARRIER, 19, "barrier", "write behind a barrier (legacy)")
enum blk_type { BLK_TYPES(OPERAND_ENUM) };

/* how a block request is spoiled: `bits` of blk */
#define BLK_BITS(X)                                                                                \
	X(BITS_UNMAP, 1, "unmap", "asking to unmap")                                               \
	X(BITS_UNKNOWN_FLAG, 2, "unknown_flag", "with an unknown flag")                            \
	X(BITS_BYTE_MORE, 4, "byte_more", "with a byte of data more")                              \
	X(BITS_BYTE_LESS, 8, "byte_less", "with a byte less")                                      \
	X(BITS_SHORT_HEADER, 16, "short_header", "with a short header")                            \
	X(BITS_NO_DATA, 32, "no_data", "without data")                                             \
	X(BITS_DATA_BOTH, 64, "data_both", "with data in both ways")
enum blk_bits { BLK_BITS(OPERAND_ENUM) };
#define RANGES_MAX 40u /* of a discard, write zeroes or secure erase */

/* in which order chains take their heads: `heads` of many */
#define HEADS(X)                                                                                   \
	X(HEADS_FREED, 0, "freed", "those first that came back last")                              \
	X(HEADS_HIGH, 1, "high", "the highest first")                                              \
	X(HEADS_ENDS, 2, "ends", "the highest, the lowest, and so on to the middle")
enum heads { HEADS(OPERAND_ENUM) HEADS_KINDS };

/* what each of many chains is, `kind` of many; of a network device the queue decides */
#define MANY_KINDS_OF(X)                                                                           \
	X(MANY_FLUSH, 0, "flush", "flushes")                                                       \
	X(MANY_IN, 1, "in", "reads of a sector each")                                              \
	X(MANY_OUT, 2, "out", "writes of a sector each")
enum many_kind { MANY_KINDS_OF(OPERAND_ENUM) MANY_KINDS };

/* frames: `kind` of frame, and of tx but for 6 and 7 */
#define FRAMES_BELOW_6(X)                                                                          \
	X(FRAME_PLAIN, 0, "plain", "an Ethernet frame")                                            \
	X(FRAME_TCP4, 1, "tcp4", "a TCP/IPv4 frame")                                               \
	X(FRAME_TCP6, 2, "tcp6", "a TCP/IPv6 frame")                                               \
	X(FRAME_VLAN_TCP4, 3, "vlan_tcp4", "a tagged TCP/IPv4 frame")                              \
	X(FRAME_VLAN_TCP6, 4, "vlan_tcp6", "a tagged TCP/IPv6 frame")                              \
	X(FRAME_BAD_TCP4, 5, "bad_tcp4", "a frame with a bad IPv4 header")
#define FRAMES_ABOVE_7(X)                                                                          \
	X(FRAME_UDP4, 8, "udp4", "a UDP/IPv4 frame")                                               \
	X(FRAME_UDP6, 9, "udp6", "a plain UDP/IPv6 frame")                                         \
	X(FRAME_FRAGMENT4, 10, "fragment4", "an IPv4 fragment") /* the first, with a TCP header */ \
	X(FRAME_FRAGMENT6, 11, "fragment6", "an IPv6 fragment") /* a later one */                  \
	/* hop-by-hop options, a home address, routing type 2 */                                   \
	X(FRAME_EX_TCP6, 12, "ex_tcp6", "a TCP/IPv6 frame with extension headers")                 \
	/* a fragment header that says it is whole, destination options */                         \
	X(FRAME_EX_UDP6, 13, "ex_udp6", "a UDP/IPv6 frame with extension headers")                 \
	/* destination options longer than the frame */                                            \
	X(FRAME_EX_CUT6, 14, "ex_cut6", "an IPv6 frame with cut extension headers")                \
	X(FRAME_VXLAN_TCP4, 15, "vxlan_tcp4", "TCP/IPv4 in VXLAN")                                 \
	X(FRAME_VXLAN_TCP6, 16, "vxlan_tcp6", "TCP/IPv6 in VXLAN")                                 \
	X(FRAME_VXLAN_UDP6, 17, "vxlan_udp6", "UDP/IPv6 in VXLAN")                                 \
	X(FRAME_GENEVE_UDP4, 18, "geneve_udp4", "UDP/IPv4 in GENEVE") /* with an option */         \
	/* without Ethernet inside, over IPv6 */                                                   \
	X(FRAME_GENEVE_TCP6, 19, "geneve_tcp6", "TCP/IPv6 in GENEVE")                              \
	X(FRAME_IPIP_TCP4, 20, "ipip_tcp4", "TCP/IPv4 in IPv4")                                    \
	/* RFC 2784, with a checksum field */                                                      \
	X(FRAME_GRE_TCP4, 21, "gre_tcp4", "TCP/IPv4 in GRE")                                       \
	/* RFC 2890, with key and sequence number */                                               \
	X(FRAME_GRE_KEY_TCP4, 22, "gre_key_tcp4", "TCP/IPv4 in GRE with a key")                    \
	X(FRAME_NVGRE_UDP4, 23, "nvgre_udp4", "UDP/IPv4 in NVGRE")                                 \
	/* both of 802.1Q */                                                                       \
	X(FRAME_2TAGS_TCP4, 24, "2tags_tcp4", "a TCP/IPv4 frame with 2 tags")                      \
	/* one of 802.1ad, then one of 802.1Q */                                                   \
	X(FRAME_2TAGS_TCP6, 25, "2tags_tcp6", "a TCP/IPv6 frame with 2 tags")                      \
	X(FRAME_8TAGS_UDP4, 26, "8tags_udp4", "a UDP/IPv4 frame with 8 tags") /* all counted */    \
	X(FRAME_9TAGS_TCP4, 27, "9tags_tcp4", "a TCP/IPv4 frame with 9 tags") /* no packet */     \
	X(FRAME_8EX_UDP6, 28, "8ex_udp6", "a UDP/IPv6 frame with 8 extension headers")             \
	X(FRAME_9EX_TCP6, 29, "9ex_tcp6", "a TCP/IPv6 frame with 9 extension headers")             \
	/* if it arrives with its checksum left to do */                                           \
	X(FRAME_ZERO_UDP4, 30, "zero_udp4", "a UDP/IPv4 frame whose checksum is 0")
#define FRAMES(X)                                                                                  \
	FRAMES_BELOW_6(X)                                                                          \
	X(FRAME_BAD_TCP6, 6, "bad_tcp6", "a UDP/IPv6 frame") /* another protocol */                \
	X(FRAME_BARE_VLAN, 7, "bare_vlan", "a frame that ends with its tag")                       \
	FRAMES_ABOVE_7(X)
enum frame_kind { FRAMES(OPERAND_ENUM) FRAME_KINDS };

#define TX_KINDS(X)                                                                                \
	FRAMES_BELOW_6(X)                                                                          \
	X(TX_HEADER_ONLY, 6, "header_only", "a header without a frame")                            \
	X(TX_SHORT, 7, "short", "less than a header")                                              \
	FRAMES_ABOVE_7(X)
enum { TX_HEADER_ONLY = 6, TX_SHORT = 7 };

/* segmentation that a sent frame asks for: `offload` of tx */
#define TX_OFFLOADS(X)                                                                             \
	X(TX_NO_GSO, 0, "none", NULL)                                                              \
	X(TX_TCP4, 1, "tcp4", "TCP/IPv4")                                                          \
	X(TX_TCP6, 2, "tcp6", "TCP/IPv6")                                                          \
	X(TX_TCP4_ECN, 3, "tcp4_ecn", "TCP/IPv4 with ECN")                                         \
	X(TX_TCP6_ECN, 4, "tcp6_ecn", "TCP/IPv6 with ECN")                                         \
	X(TX_UFO, 5, "ufo", "UDP fragmentation, never offered")                                    \
	X(TX_ECN, 6, "ecn", "ECN alone")                                                           \
	X(TX_UNKNOWN, 7, "unknown", "an unknown type")                                             \
	X(TX_UDP, 8, "udp", "UDP")                                                                 \
	X(TX_TUNNEL4_TCP4, 9, "tunnel4_tcp4", "TCP/IPv4 in a tunnel over IPv4")                    \
	X(TX_TUNNEL6_TCP6, 10, "tunnel6_tcp6", "TCP/IPv6 in a tunnel over IPv6")                   \
	X(TX_TUNNEL4_UDP, 11, "tunnel4_udp", "UDP in a tunnel over IPv4")                          \
	X(TX_TUNNEL6_UDP, 12, "tunnel6_udp", "UDP in a tunnel over IPv6")                          \
	X(TX_TUNNELS_TCP6, 13, "tunnels_tcp6", "TCP/IPv6 in tunnels over both")                    \
	X(TX_TUNNEL4, 14, "tunnel4", "a tunnel alone")                                             \
	X(TX_UDP_ECN, 15, "udp_ecn", "UDP with ECN")
enum tx_offload { TX_OFFLOADS(OPERAND_ENUM) };

/* how long a receive buffer is: `len` of rx */
#define RX_LENS(X)                                                                                 \
	X(RX_1600, 0, "1600bytes", NULL)                                                           \
	X(RX_12, 1, "12bytes", "a header alone")                                                   \
	X(RX_11, 2, "11bytes", "a byte less than a header")                                        \
	X(RX_64, 3, "64bytes", NULL)                                                               \
	X(RX_4096, 4, "4096bytes", NULL)                                                           \
	X(RX_0, 5, "0bytes", NULL)                                                                 \
	X(RX_26, 6, "26bytes", "a header and 14 bytes")                                            \
	X(RX_65601, 7, "65601bytes", NULL)
enum rx_len { RX_LENS(OPERAND_ENUM) };

/* classes of commands (5.1.6.5): `class` of ctrl */
#define CTRL_CLASSES(X)                                                                            \
	X(CTRL_RX, 0, "rx", "a receive mode")                                                      \
	X(CTRL_MAC, 1, "mac", "a MAC address or table")                                            \
	X(CTRL_VLAN, 2, "vlan", "a VLAN")                                                          \
	X(CTRL_ANNOUNCE, 3, "announce", "an announcement")                                         \
	X(CTRL_MQ, 4, "mq", "steering")                                                            \
	X(CTRL_GUEST_OFFLOADS, 5, "guest_offloads", "offloads")                                    \
	X(CTRL_NOTF_COAL, 6, "notf_coal", "coalescing")                                            \
	X(CTRL_HASH_TUNNEL, 7, "hash_tunnel", "hashes of tunnels")                                 \
	X(CTRL_STATS, 8, "stats", "statistics")                                                    \
	X(CTRL_RSS_CTX, 9, "rss_ctx", "an RSS context")                                            \
	X(CTRL_UNKNOWN, 10, "unknown", "nothing known")
enum ctrl_class { CTRL_CLASSES(OPERAND_ENUM) };

/* `raw` of kick */
#define KICK_RAWS(X)                                                                               \
	X(KICK_QUEUE, 0, "queue", "what a driver writes for this queue")                           \
	X(KICK_VALUE, 1, "value", "any number")
enum kick_raw { KICK_RAWS(OPERAND_ENUM) };

/* what becomes of the available ring: `how` of avail */
#define AVAIL_HOWS(X)                                                                              \
	X(AVAIL_ENTRY, 0, "entry", "makes available once more descriptor")                         \
	X(AVAIL_MOVE, 1, "move", "moves the available index by")                                   \
	X(AVAIL_INDEX, 2, "index", "sets the available index to")                                  \
	X(AVAIL_FLAGS, 3, "flags", "sets the available ring's flags to")                           \
	X(AVAIL_EVENT, 4, "event", "sets used_event to")
enum avail_how { AVAIL_HOWS(OPERAND_ENUM) };

/* what the driver then asks to be notified of: `event` of used */
#define USED_EVENTS(X)                                                                             \
	X(USED_AS_BEFORE, 0, "as_before", NULL)                                                    \
	X(USED_NEXT, 1, "next", "at the next used buffer (EVENT_IDX)")                             \
	X(USED_NEVER, 2, "never", "never")                                                         \
	X(USED_ALWAYS, 3, "always", "always")                                                      \
	X(USED_PAST_END, 4, "past_end", "packed: at a place behind the ring; split: always")
enum used_event { USED_EVENTS(OPERAND_ENUM) };

/* to whom a frame is: `to` of frame */
#define FRAME_TOS(X)                                                                               \
	X(TO_DEVICE, 0, "device", "the device")                                                    \
	X(TO_BROADCAST, 1, "broadcast", "everybody")                                               \
	X(TO_MULTICAST, 2, "multicast", "01:00:5e:00 and two bytes of value")                      \
	X(TO_OTHER, 3, "other", "52:54:00:00 and two bytes of value")                              \
	X(TO_MULTICAST6, 4, "multicast6", "33:33:00:00:00:01")                                     \
	X(TO_LOCAL, 5, "local", "02:00:00:00:00:01")                                               \
	X(TO_ANY, 6, "any", "six bytes of value")                                                  \
	X(TO_NOT_BROADCAST, 7, "not_broadcast", "ff:ff:ff:ff:ff:fe")
enum frame_to { FRAME_TOS(OPERAND_ENUM) };

/* work on a frame that the host leaves to the guest: `offload` of frame */
#define FRAME_OFFLOADS(X)                                                                          \
	X(RX_NOTHING_LEFT, 0, "none", NULL)                                                        \
	X(RX_CSUM, 1, "csum", "the checksum")                                                      \
	X(RX_VALID, 2, "valid", "none: the checksum is right")                                     \
	X(RX_TCP4, 3, "tcp4", "segments of TCP/IPv4")                                              \
	X(RX_TCP6, 4, "tcp6", "segments of TCP/IPv6")                                              \
	X(RX_TCP4_ECN, 5, "tcp4_ecn", "segments of TCP/IPv4 with ECN")                             \
	X(RX_CSUM_6, 6, "csum_6", "the checksum")                                                  \
	X(RX_TCP6_ECN, 7, "tcp6_ecn", "segments of TCP/IPv6 with ECN")                             \
	X(RX_UDP4, 8, "udp4", "segments of UDP/IPv4")                                              \
	X(RX_UDP6, 9, "udp6", "segments of UDP/IPv6")                                              \
	X(RX_TUNNEL_TCP4, 10, "tunnel_tcp4", "segments of TCP/IPv4 in a tunnel")                   \
	X(RX_TUNNEL_TCP4_CSUM, 11, "tunnel_tcp4_csum", "the same, and its outer checksum")         \
	X(RX_TUNNEL_TCP6, 12, "tunnel_tcp6", "segments of TCP/IPv6 in a tunnel")                   \
	X(RX_TUNNEL_UDP4, 13, "tunnel_udp4", "segments of UDP/IPv4 in a tunnel")                   \
	X(RX_TUNNEL_UDP6, 14, "tunnel_udp6", "segments of UDP/IPv6 in a tunnel")                   \
	X(RX_TUNNEL_UDP6_CSUM, 15, "tunnel_udp6_csum", "the same, and its outer checksum")
enum frame_offload { FRAME_OFFLOADS(OPERAND_ENUM) };

/* `vlan` of frame */
#define FRAME_VLANS(X)                                                                             \
	X(VLAN_5, 0, "tag_5", "tag 5, where there is one")                                            \
	X(VLAN_VALUE, 1, "value", "bits 16 to 31 of value")
enum frame_vlan { FRAME_VLANS(OPERAND_ENUM) };

/* `result` of complete */
#define COMPLETE_RESULTS(X)                                                                        \
	X(COMPLETE_OK, 0, "ok", NULL)                                                              \
	X(COMPLETE_ERROR, 1, "error", "EIO")                                                       \
	X(COMPLETE_DONE_ERROR, 2, "done_error", "ETIMEDOUT, though they are carried out")
enum complete_result { COMPLETE_RESULTS(OPERAND_ENUM) };

/* `state` of zone */
#define ZONE_FAILS(X)                                                                              \
	X(ZONE_FAILS_READ_ONLY, 0, "read_only", "can only be read from now on")                    \
	X(ZONE_FAILS_OFFLINE, 1, "offline", "is offline from now on")
enum zone_fails { ZONE_FAILS(OPERAND_ENUM) };

/* `down` and `announce` of link */
#define LINK_DOWNS(X)                                                                              \
	X(LINK_UP, 0, "up", NULL)                                                                  \
	X(LINK_DOWN, 1, "down", NULL)
enum link_down { LINK_DOWNS(OPERAND_ENUM) };
#define LINK_ANNOUNCES(X)                                                                          \
	X(LINK_SILENT, 0, "no", NULL)                                                              \
	X(LINK_ANNOUNCE, 1, "yes", "the guest has moved and is asked to announce itself")
enum link_announce { LINK_ANNOUNCES(OPERAND_ENUM) };

/* how often a racing guest strikes: `again` of race */
#define RACE_AGAINS(X)                                                                             \
	X(RACE_ONCE, 0, "once", NULL)                                                              \
	X(RACE_GROWS, 1, "grows", "the 16-bit number there grows by 1, at this and each fetch in the same call") \
	X(RACE_MORE, 2, "more", "the 16-bit number there is one more, once")                       \
	X(RACE_LESS, 3, "less", "the 16-bit number there is one less, once")
enum race_again { RACE_AGAINS(OPERAND_ENUM) };

/* back ends from now on: `nic` and `disk` of stall */
#define STALL_NICS(X)                                                                              \
	X(STALL_NIC_GOES, 0, "goes", "the nic takes frames again")                                 \
	X(STALL_NIC_STOPS, 1, "stops", "the nic takes no more frames")                             \
	X(STALL_NIC_SAME, 2, "same", "the nic stays as it is")
enum stall_nic { STALL_NICS(OPERAND_ENUM) };
#define STALL_DISKS(X)                                                                             \
	X(STALL_DISK_SAME, 0, "same", NULL)                                                        \
	X(STALL_DISK_DEFERS, 1, "defers", "the disk completes only when told to")                  \
	X(STALL_DISK_AT_ONCE, 2, "at_once", "the disk completes at once")
enum stall_disk { STALL_DISKS(OPERAND_ENUM) };

/* what an address is relative to: `base` of poke, fill and race */
#define BASES(X)                                                                                   \
	X(BASE_DESC, 0, "desc", "the descriptor table")                                            \
	X(BASE_AVAIL, 1, "avail", "the available ring")                                            \
	X(BASE_USED, 2, "used", "the used ring")                                                   \
	X(BASE_INDIRECT, 3, "indirect", "the indirect tables")                                     \
	X(BASE_DATA, 4, "data", "the data buffers")                                                \
	X(BASE_HIGH, 5, "high", "memory above 4 GiB")                                              \
	X(BASE_SEAM, 6, "seam", "the end of a region")                                             \
	X(BASE_RAW, 7, "raw", "guest-physical address 0")
enum base { BASES(OPERAND_ENUM) BASE_KINDS };

/* what becomes of a saved state before it is taken back: `how` of restore */
#define DAMAGES(X)                                                                                 \
	X(DAMAGE_NONE, 0, "nothing", "as it is")                                                   \
	X(DAMAGE_SEALED, 1, "sealed", "with bytes changed in it and a checksum that is right")     \
	X(DAMAGE_ANYWHERE, 2, "anywhere", "with bytes changed anywhere")                           \
	X(DAMAGE_CUT, 3, "cut", "cut short")                                                       \
	X(DAMAGE_CUT_SEALED, 4, "cut_sealed",                                                      \
	  "cut short, with length and checksum that are right")                                    \
	X(DAMAGE_LONGER, 5, "longer", "made longer, with length and checksum that are right")      \
	X(DAMAGE_ADDED, 6, "added", "with bytes raised in it and a checksum that is right")
enum machine_damage_kind { DAMAGES(OPERAND_ENUM) DAMAGE_KINDS };

/* of register accesses: `width` of write and read */
#define WIDTHS(X)                                                                                  \
	X(WIDTH_4, 0, "4bytes", NULL)                                                              \
	X(WIDTH_1, 1, "1byte", NULL)                                                               \
	X(WIDTH_2, 2, "2bytes", NULL)                                                              \
	X(WIDTH_8, 3, "8bytes", NULL)
enum access_width { WIDTHS(OPERAND_ENUM) };

/* ---- the header ---- */

/* how the host behaves; a clear bit is the common choice: `flags` of device */
#define DEVICE_FLAGS(X)                                                                            \
	X(FLAG_READ_ONLY, 1, "read_only", "read-only")                                             \
	X(FLAG_LINK_DOWN, 2, "link_down", "its link down")                                         \
	X(FLAG_DEFERRED, 4, "deferred", "whose requests complete only when told to")               \
	X(FLAG_CANCEL_LATE, 8, "cancel_late", "whose cancelled requests complete late")            \
	X(FLAG_NIC_STALLED, 16, "nic_stalled", "whose host takes no frames at first")              \
	X(FLAG_NIC_DROPS, 32, "nic_drops", "whose host drops what finds no buffer")                \
	X(FLAG_BACKWARDS, 64, "backwards", "which answers last one first")                         \
	X(FLAG_ZONES_FRONT, 128, "zones_front",                                                    \
	  "whose zones stand in front of where requests wait, not behind")
enum device_flag { DEVICE_FLAGS(OPERAND_ENUM) };

/* `ring`: what is offered beside the usual */
#define RING_OFFERS(X)                                                                             \
	X(RING_OFFERS_PACKED, 1, "packed", "RING_PACKED")                                          \
	X(RING_OFFERS_IN_ORDER, 2, "in_order", "IN_ORDER")                                         \
	X(RING_OFFERS_NOTIFICATION_DATA, 4, "notification_data", "NOTIFICATION_DATA")
enum ring_offer { RING_OFFERS(OPERAND_ENUM) };

/* `transport` */
#define TRANSPORTS(X)                                                                              \
	X(TRANSPORT_MODERN, 0, "modern", NULL)                                                     \
	X(TRANSPORT_LEGACY, 1, "legacy", "the legacy interface (4.2.4)")                           \
	X(TRANSPORT_LEGACY_BIG_ENDIAN, 2, "legacy_big_endian", "and a big-endian guest")
enum transport { TRANSPORTS(OPERAND_ENUM) };

/* `zones` of a disk: what it has beside the common one */
#define ZONES(X)                                                                                   \
	X(ZONES_NONE, 0, "none", NULL)                                                             \
	X(ZONES_MANAGED, 1, "managed", "host-managed zones of 8 sectors")                          \
	X(ZONES_AWARE, 2, "aware", "host-aware zones of 8 sectors")                                \
	X(ZONES_ERASE, 3, "erase", "no zones; LIFETIME and SECURE_ERASE of up to 36 ranges")       \
	X(ZONES_TIGHT, 4, "tight", "host-managed, 6 of 8 sectors usable, 1 open, 2 active")        \
	X(ZONES_16, 5, "zones_of_16", "host-managed zones of 16 sectors, 2 open, 3 active")        \
	X(ZONES_CONVENTIONAL, 6, "conventional", "host-managed, 2 conventional, 2 open")           \
	X(ZONES_BROKEN, 7, "broken", "host-managed, a read-only and an offline zone")              \
	X(ZONES_AWARE_BROKEN, 8, "aware_broken", "host-aware, a read-only and an offline zone")    \
	X(ZONES_RESERVED, 9, "reserved", "no zones; reserved values in its lifetime")              \
	X(ZONES_5, 10, "zones_of_5", "host-managed zones of 5 sectors")                            \
	X(ZONES_128, 11, "zone_of_128", "host-managed, one zone of 128 sectors, 100 usable")       \
	X(ZONES_LARGE, 12, "large", "host-managed, at most 32 zones, however large the disk is")
enum zones { ZONES(OPERAND_ENUM) };

/* `net`: what of the network device is offered beside the common features; MQ with `queues` */
#define NET_OFFERS(X)                                                                              \
	X(NET_HASHES, 1, "hashes", "RSS, HASH_REPORT, HASH_TUNNEL")                                \
	X(NET_COALESCING, 2, "coalescing", "NOTF_COAL, VQ_NOTF_COAL")                              \
	X(NET_STATS, 4, "stats", "DEVICE_STATS")                                                   \
	X(NET_ANNOUNCE, 8, "announce", "GUEST_ANNOUNCE, SPEED_DUPLEX")                             \
	X(NET_OFFLOADS, 16, "offloads", "CTRL_GUEST_OFFLOADS")                                     \
	X(NET_USO, 32, "uso", "GUEST_USO4 and 6, HOST_USO, GUEST_HDRLEN")                          \
	X(NET_TUNNELS, 64, "tunnels", "segments of UDP tunnels, OUT_NET_HEADER")                   \
	X(NET_CONTEXTS, 128, "contexts", "RSS_CONTEXT")
enum net_offer { NET_OFFERS(OPERAND_ENUM) };

/* `extra` */
#define EXTRA_OFFERS(X)                                                                            \
	X(EXTRA_SUSPEND, 1, "suspend", "SUSPEND")                                                  \
	X(EXTRA_ORDER_PLATFORM, 2, "order_platform", "ORDER_PLATFORM")
enum extra_offer { EXTRA_OFFERS(OPERAND_ENUM) };

/* `size` of device, init and queue; of the latter two, 0 is the largest */
#define QUEUE_SIZES(X)                                                                             \
	X(SIZE_16, 0, "16entries", NULL)                                                           \
	X(SIZE_8, 1, "8entries", NULL)                                                             \
	X(SIZE_4, 2, "4entries", NULL)                                                             \
	X(SIZE_2, 3, "2entries", NULL)                                                             \
	X(SIZE_1, 4, "1entry", NULL)                                                               \
	X(SIZE_32, 5, "32entries", NULL)                                                           \
	X(SIZE_64, 6, "64entries", NULL)                                                           \
	X(SIZE_256, 7, "256entries", NULL)                                                         \
	X(SIZE_512, 8, "512entries", NULL)
enum queue_size { QUEUE_SIZES(OPERAND_ENUM) };

/* From here on `queues` of device stands for more than a few, and `count` of many for many. */
#define QUEUES_MANY 5u
#define MANY_LARGE  24u

/* requests at work at once: `slots` */
#define SLOT_COUNTS(X)                                                                             \
	X(SLOTS_2, 0, "2requests", NULL)                                                           \
	X(SLOTS_1, 1, "1request", NULL)                                                            \
	X(SLOTS_4, 2, "4requests", NULL)                                                           \
	X(SLOTS_16, 3, "16requests", NULL)                                                         \
	X(SLOTS_300, 4, "300requests", NULL)
enum slots { SLOT_COUNTS(OPERAND_ENUM) };

/* `capacity` of device and resize */
#define CAPACITIES(X)                                                                              \
	X(CAPACITY_64, 0, "64sectors", NULL)                                                       \
	X(CAPACITY_0, 1, "0sectors", NULL)                                                         \
	X(CAPACITY_1, 2, "1sector", NULL)                                                          \
	X(CAPACITY_128, 3, "128sectors", NULL)                                                     \
	X(CAPACITY_8, 4, "8sectors", NULL)                                                         \
	X(CAPACITY_63, 5, "63sectors", NULL)                                                       \
	X(CAPACITY_2, 6, "2sectors", NULL)                                                         \
	X(CAPACITY_127, 7, "127sectors", NULL)                                                     \
	X(CAPACITY_4GIB, 8, "above_4GiB", "2^23 + 64 sectors: its bytes need 33 bits")             \
	X(CAPACITY_2TIB, 9, "above_2TiB", "2^32 + 64 sectors")                                     \
	X(CAPACITY_MOST, 10, "most", "2^64 - 1 sectors")
enum capacity { CAPACITIES(OPERAND_ENUM) };

/* longest piece that goes to the disk at once: `transfer` */
#define TRANSFERS(X)                                                                               \
	X(TRANSFER_4096, 0, "4096bytes", NULL)                                                     \
	X(TRANSFER_512, 1, "512bytes", NULL)                                                       \
	X(TRANSFER_16384, 2, "16384bytes", NULL)                                                   \
	X(TRANSFER_65536, 3, "65536bytes", NULL)
enum transfer { TRANSFERS(OPERAND_ENUM) };

/* one class for several limits: `limits` */
#define LIMITS(X)                                                                                  \
	X(LIMITS_USUAL, 0, "usual", "ranges of 64 sectors, 4 at once; blocks of 512; MTU 1500")    \
	X(LIMITS_LEAST, 1, "least", "ranges of 1 sector, 1 at once; blocks of 4096; MTU 68")       \
	X(LIMITS_MORE, 2, "more", "ranges of 8 sectors, 16 at once; blocks of 1024; MTU 65535")    \
	X(LIMITS_MOST, 3, "most", "ranges of any length, 256 at once; blocks of 512; MTU 1280")
enum limits { LIMITS(OPERAND_ENUM) };
/* clang-format on */

/* One table a list, and the registers of virtio-mmio by their names in 4.2.2 */
extern const struct operand_value operand_init_wrongs[], operand_setup_skips[],
	operand_queue_wrongs[], operand_stop_hows[], operand_chain_flags[], operand_chain_wrongs[],
	operand_places[], operand_request_splits[], operand_chain_lens[], operand_blk_types[],
	operand_blk_bits[], operand_heads[], operand_many_kinds[], operand_frames[],
	operand_tx_kinds[], operand_tx_offloads[], operand_rx_lens[], operand_ctrl_classes[],
	operand_kick_raws[], operand_avail_hows[], operand_used_events[], operand_frame_tos[],
	operand_frame_offloads[], operand_frame_vlans[], operand_complete_results[],
	operand_zone_fails[], operand_link_downs[], operand_link_announces[], operand_race_agains[],
	operand_stall_nics[], operand_stall_disks[], operand_bases[], operand_damages[],
	operand_widths[], operand_device_flags[], operand_ring_offers[], operand_transports[],
	operand_zones[], operand_net_offers[], operand_extra_offers[], operand_queue_sizes[],
	operand_slot_counts[], operand_capacities[], operand_transfers[], operand_limits[],
	operand_registers[];

#endif
