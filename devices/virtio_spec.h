/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The virtio specification's numbers and wire structures (version 1.4), by its own names. Nothing
 * here is ours to choose; section numbers are given where a name alone does not lead to the text.
 * All multi-byte fields are little-endian on the wire, but for legacy interfaces.
 *
 * Linux's headers (<linux/virtio_blk.h> and the like) have the same names: a program includes them
 * or this file, not both. No other public header includes this one.
 */
#ifndef ANVIL_SPEC_H
#define ANVIL_SPEC_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* 2.1 Device Status Field */
#define VIRTIO_STATUS_ACKNOWLEDGE 1u
#define VIRTIO_STATUS_DRIVER	  2u
#define VIRTIO_STATUS_DRIVER_OK	  4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_SUSPEND	  16u
#define VIRTIO_STATUS_NEEDS_RESET 64u
#define VIRTIO_STATUS_FAILED	  128u

/* 6 Reserved Feature Bits */
#define VIRTIO_F_INDIRECT_DESC 28
#define VIRTIO_F_EVENT_IDX     29
#define VIRTIO_F_VERSION_1     32
#define VIRTIO_F_RING_RESET    40

#define VIRTIO_F_RING_PACKED	   34
#define VIRTIO_F_IN_ORDER	   35
#define VIRTIO_F_ORDER_PLATFORM	   36
#define VIRTIO_F_NOTIFICATION_DATA 38
#define VIRTIO_F_SUSPEND	   43

/* 6.3 Legacy Interface: Reserved Feature Bits */
#define VIRTIO_F_ANY_LAYOUT 27

/* 5 Device Types */
#define VIRTIO_ID_NET	1u
#define VIRTIO_ID_BLOCK 2u

/* 2.7 Split Virtqueues */
#define VIRTQ_DESC_F_NEXT     1u
#define VIRTQ_DESC_F_WRITE    2u
#define VIRTQ_DESC_F_INDIRECT 4u

#define VIRTQ_AVAIL_F_NO_INTERRUPT 1u
#define VIRTQ_USED_F_NO_NOTIFY	   1u

#define VIRTQ_SIZE_MAX 32768u

struct virtq_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};
static_assert(sizeof(struct virtq_desc) == 16, "2.7.5");

struct virtq_used_elem {
	uint32_t id;
	uint32_t len;
};
static_assert(sizeof(struct virtq_used_elem) == 8, "2.7.8");

/* 2.7.6: flags, idx, ring[size], used_event */
#define VIRTQ_AVAIL_FLAGS      0u
#define VIRTQ_AVAIL_IDX	       2u
#define VIRTQ_AVAIL_RING       4u
#define VIRTQ_AVAIL_ENTRY_SIZE 2u

/* 2.7.8: flags, idx, ring[size], avail_event */
#define VIRTQ_USED_FLAGS 0u
#define VIRTQ_USED_IDX	 2u
#define VIRTQ_USED_RING	 4u

/* 2.8 Packed Virtqueues: NEXT, WRITE and INDIRECT are those of 2.7 */
#define VIRTQ_DESC_F_AVAIL 0x80u
#define VIRTQ_DESC_F_USED  0x8000u

struct pvirtq_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
	uint16_t flags;
};
static_assert(sizeof(struct pvirtq_desc) == 16, "2.8.13");

/* 2.8.14: a place in the ring, then what is wished for there; the device's and the driver's */
#define PVIRTQ_EVENT_DESC  0u
#define PVIRTQ_EVENT_FLAGS 2u
#define PVIRTQ_EVENT_SIZE  4u

/* A place in the ring: an offset, in descriptors, and the wrap counter of that lap. */
#define PVIRTQ_PLACE_OFFSET 0x7fffu
#define PVIRTQ_PLACE_WRAP   0x8000u
#define PVIRTQ_IDS	    65536u /* buffer ids that there are */

#define RING_EVENT_FLAGS_ENABLE	 0u
#define RING_EVENT_FLAGS_DISABLE 1u
#define RING_EVENT_FLAGS_DESC	 2u
#define RING_EVENT_FLAGS_MASK	 3u

/* 2.9 and 4.2.3.3: what QueueNotify carries with NOTIFICATION_DATA */
#define VIRTIO_NOTIFY_QUEUE_MASK  0xffffu
#define VIRTIO_NOTIFY_PLACE_SHIFT 16u

/* 4.2.2 MMIO Device Register Layout */
#define VIRTIO_MMIO_MAGIC		0x000u
#define VIRTIO_MMIO_VERSION		0x004u
#define VIRTIO_MMIO_DEVICE_ID		0x008u
#define VIRTIO_MMIO_VENDOR_ID		0x00cu
#define VIRTIO_MMIO_DEVICE_FEATURES	0x010u
#define VIRTIO_MMIO_DEVICE_FEATURES_SEL 0x014u
#define VIRTIO_MMIO_DRIVER_FEATURES	0x020u
#define VIRTIO_MMIO_DRIVER_FEATURES_SEL 0x024u
#define VIRTIO_MMIO_QUEUE_SEL		0x030u
#define VIRTIO_MMIO_QUEUE_SIZE_MAX	0x034u
#define VIRTIO_MMIO_QUEUE_SIZE		0x038u
#define VIRTIO_MMIO_QUEUE_READY		0x044u
#define VIRTIO_MMIO_QUEUE_NOTIFY	0x050u
#define VIRTIO_MMIO_INTERRUPT_STATUS	0x060u
#define VIRTIO_MMIO_INTERRUPT_ACK	0x064u
#define VIRTIO_MMIO_STATUS		0x070u
#define VIRTIO_MMIO_QUEUE_DESC_LOW	0x080u
#define VIRTIO_MMIO_QUEUE_DESC_HIGH	0x084u
#define VIRTIO_MMIO_QUEUE_DRIVER_LOW	0x090u
#define VIRTIO_MMIO_QUEUE_DRIVER_HIGH	0x094u
#define VIRTIO_MMIO_QUEUE_DEVICE_LOW	0x0a0u
#define VIRTIO_MMIO_QUEUE_DEVICE_HIGH	0x0a4u
#define VIRTIO_MMIO_SHM_SEL		0x0acu
#define VIRTIO_MMIO_SHM_LEN_LOW		0x0b0u
#define VIRTIO_MMIO_SHM_LEN_HIGH	0x0b4u
#define VIRTIO_MMIO_SHM_BASE_LOW	0x0b8u
#define VIRTIO_MMIO_SHM_BASE_HIGH	0x0bcu
#define VIRTIO_MMIO_QUEUE_RESET		0x0c0u
#define VIRTIO_MMIO_CONFIG_GENERATION	0x0fcu
#define VIRTIO_MMIO_CONFIG		0x100u

/* 4.2.4 Legacy interface, where it differs */
#define VIRTIO_MMIO_GUEST_PAGE_SIZE 0x028u
#define VIRTIO_MMIO_QUEUE_ALIGN	    0x03cu
#define VIRTIO_MMIO_QUEUE_PFN	    0x040u

#define VIRTIO_MMIO_MAGIC_VALUE 0x74726976u /* "virt" */

#define VIRTIO_INTERRUPT_USED	1u
#define VIRTIO_INTERRUPT_CONFIG 2u

/* 5.2 Block Device */
#define VIRTIO_BLK_F_SIZE_MAX	  1
#define VIRTIO_BLK_F_SEG_MAX	  2
#define VIRTIO_BLK_F_GEOMETRY	  4
#define VIRTIO_BLK_F_RO		  5
#define VIRTIO_BLK_F_BLK_SIZE	  6
#define VIRTIO_BLK_F_FLUSH	  9
#define VIRTIO_BLK_F_TOPOLOGY	  10
#define VIRTIO_BLK_F_CONFIG_WCE	  11
#define VIRTIO_BLK_F_MQ		  12
#define VIRTIO_BLK_F_DISCARD	  13
#define VIRTIO_BLK_F_WRITE_ZEROES 14
#define VIRTIO_BLK_F_LIFETIME	  15
#define VIRTIO_BLK_F_SECURE_ERASE 16
#define VIRTIO_BLK_F_ZONED	  17

/* 5.2.3.1: of the legacy interface alone */
#define VIRTIO_BLK_F_BARRIER 0
#define VIRTIO_BLK_F_SCSI    7

#define VIRTIO_BLK_T_IN		  0u
#define VIRTIO_BLK_T_OUT	  1u
#define VIRTIO_BLK_T_FLUSH	  4u
#define VIRTIO_BLK_T_GET_ID	  8u
#define VIRTIO_BLK_T_DISCARD	  11u
#define VIRTIO_BLK_T_WRITE_ZEROES 13u

#define VIRTIO_BLK_T_GET_LIFETIME 10u
#define VIRTIO_BLK_T_SECURE_ERASE 14u

#define VIRTIO_BLK_T_ZONE_APPEND    15u
#define VIRTIO_BLK_T_ZONE_REPORT    16u
#define VIRTIO_BLK_T_ZONE_OPEN	    18u
#define VIRTIO_BLK_T_ZONE_CLOSE	    20u
#define VIRTIO_BLK_T_ZONE_FINISH    22u
#define VIRTIO_BLK_T_ZONE_RESET	    24u
#define VIRTIO_BLK_T_ZONE_RESET_ALL 26u

/* 5.2.6.4: of the legacy interface alone */
#define VIRTIO_BLK_T_SCSI_CMD	  2u
#define VIRTIO_BLK_T_SCSI_CMD_OUT 3u
#define VIRTIO_BLK_T_BARRIER	  0x80000000u

#define VIRTIO_BLK_S_OK	    0u
#define VIRTIO_BLK_S_IOERR  1u
#define VIRTIO_BLK_S_UNSUPP 2u

#define VIRTIO_BLK_S_ZONE_INVALID_CMD	  3u
#define VIRTIO_BLK_S_ZONE_UNALIGNED_WP	  4u
#define VIRTIO_BLK_S_ZONE_OPEN_RESOURCE	  5u
#define VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE 6u

#define VIRTIO_BLK_ID_BYTES  20u
#define VIRTIO_BLK_SECTOR    512u
#define VIRTIO_BLK_SEG_UNMAP 1u

/* 5.2.6.3: what legacy drivers may say instead of FLUSH */
#define VIRTIO_BLK_T_FLUSH_OUT 5u

/* 5.2.6: what stands before the data of a request */
struct virtio_blk_header {
	uint32_t type;
	uint32_t reserved;
	uint64_t sector;
};
static_assert(sizeof(struct virtio_blk_header) == 16, "5.2.6");

struct virtio_blk_range {
	uint64_t sector;
	uint32_t num_sectors;
	uint32_t flags;
};
static_assert(sizeof(struct virtio_blk_range) == 16, "5.2.6");

/* 5.2.6: what GET_LIFETIME tells; greater values are reserved */
struct virtio_blk_lifetime {
	uint16_t pre_eol_info;
	uint16_t device_lifetime_est_typ_a;
	uint16_t device_lifetime_est_typ_b;
};
static_assert(sizeof(struct virtio_blk_lifetime) == 6, "5.2.6");

#define VIRTIO_BLK_PRE_EOL_INFO_UNDEFINED 0u
#define VIRTIO_BLK_PRE_EOL_INFO_URGENT	  3u
#define VIRTIO_BLK_LIFETIME_UNDEFINED	  0u
#define VIRTIO_BLK_LIFETIME_EXCEEDED	  11u

/* 5.2.6: the reply to ZONE_REPORT: this, and a descriptor for each zone */
struct virtio_blk_zone_report {
	uint64_t nr_zones;
	uint8_t reserved[56];
};
static_assert(sizeof(struct virtio_blk_zone_report) == 64, "5.2.6");

struct virtio_blk_zone_descriptor {
	uint64_t z_cap;
	uint64_t z_start;
	uint64_t z_wp;
	uint8_t z_type;
	uint8_t z_state;
	uint8_t reserved[38];
};
static_assert(sizeof(struct virtio_blk_zone_descriptor) == 64, "5.2.6");

#define VIRTIO_BLK_ZT_CONV 1u
#define VIRTIO_BLK_ZT_SWR  2u
#define VIRTIO_BLK_ZT_SWP  3u

#define VIRTIO_BLK_ZS_NOT_WP  0u
#define VIRTIO_BLK_ZS_EMPTY   1u
#define VIRTIO_BLK_ZS_IOPEN   2u
#define VIRTIO_BLK_ZS_EOPEN   3u
#define VIRTIO_BLK_ZS_CLOSED  4u
#define VIRTIO_BLK_ZS_RDONLY  13u
#define VIRTIO_BLK_ZS_FULL    14u
#define VIRTIO_BLK_ZS_OFFLINE 15u

/* 5.2.4: zoned.model */
#define VIRTIO_BLK_Z_NONE 0u
#define VIRTIO_BLK_Z_HM	  1u
#define VIRTIO_BLK_Z_HA	  2u

/* 5.1 Network Device */
#define VIRTIO_NET_F_CSUM		       0
#define VIRTIO_NET_F_GUEST_CSUM		       1
#define VIRTIO_NET_F_CTRL_GUEST_OFFLOADS       2
#define VIRTIO_NET_F_MTU		       3
#define VIRTIO_NET_F_MAC		       5
#define VIRTIO_NET_F_GUEST_TSO4		       7
#define VIRTIO_NET_F_GUEST_TSO6		       8
#define VIRTIO_NET_F_GUEST_ECN		       9
#define VIRTIO_NET_F_HOST_TSO4		       11
#define VIRTIO_NET_F_HOST_TSO6		       12
#define VIRTIO_NET_F_HOST_ECN		       13
#define VIRTIO_NET_F_MRG_RXBUF		       15
#define VIRTIO_NET_F_STATUS		       16
#define VIRTIO_NET_F_CTRL_VQ		       17
#define VIRTIO_NET_F_CTRL_RX		       18
#define VIRTIO_NET_F_CTRL_VLAN		       19
#define VIRTIO_NET_F_CTRL_RX_EXTRA	       20
#define VIRTIO_NET_F_GUEST_ANNOUNCE	       21
#define VIRTIO_NET_F_MQ			       22
#define VIRTIO_NET_F_CTRL_MAC_ADDR	       23
#define VIRTIO_NET_F_DEVICE_STATS	       50
#define VIRTIO_NET_F_HASH_TUNNEL	       51
#define VIRTIO_NET_F_VQ_NOTF_COAL	       52
#define VIRTIO_NET_F_NOTF_COAL		       53
#define VIRTIO_NET_F_GUEST_USO4		       54
#define VIRTIO_NET_F_GUEST_USO6		       55
#define VIRTIO_NET_F_HOST_USO		       56
#define VIRTIO_NET_F_HASH_REPORT	       57
#define VIRTIO_NET_F_GUEST_HDRLEN	       59
#define VIRTIO_NET_F_RSS		       60
#define VIRTIO_NET_F_STANDBY		       62
#define VIRTIO_NET_F_SPEED_DUPLEX	       63
#define VIRTIO_NET_F_RSS_CONTEXT	       64
#define VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO      65
#define VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM 66
#define VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO       67
#define VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM  68
#define VIRTIO_NET_F_OUT_NET_HEADER	       69

#define VIRTIO_NET_S_LINK_UP  1u
#define VIRTIO_NET_S_ANNOUNCE 2u

#define VIRTIO_NET_HDR_F_NEEDS_CSUM	 1u
#define VIRTIO_NET_HDR_F_DATA_VALID	 2u
#define VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM 8u

#define VIRTIO_NET_HDR_GSO_NONE		   0u
#define VIRTIO_NET_HDR_GSO_TCPV4	   1u
#define VIRTIO_NET_HDR_GSO_TCPV6	   4u
#define VIRTIO_NET_HDR_GSO_UDP_L4	   5u
#define VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4 0x20u
#define VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6 0x40u
#define VIRTIO_NET_HDR_GSO_ECN		   0x80u

/* 5.1.9; with VERSION_1 num_buffers is always there, before that with MRG_RXBUF (5.1.9.1) */
struct virtio_net_header {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t num_buffers;
};
static_assert(sizeof(struct virtio_net_header) == 12, "5.1.9");
#define VIRTIO_NET_HEADER_LEGACY_BYTES 10u
static_assert(offsetof(struct virtio_net_header, num_buffers) == 10, "5.1.9.1");

/* 5.1.9: the header with all that features can add; shorter ones end after a field of it */
struct virtio_net_header_long {
	struct virtio_net_header base;
	uint32_t hash_value;
	uint16_t hash_report;
	uint16_t padding_reserved;
	uint16_t outer_th_offset;
	uint16_t inner_nh_offset;
	uint16_t outer_nh_offset;
	uint8_t padding_reserved_2[6];
};
static_assert(sizeof(struct virtio_net_header_long) == 32, "5.1.9");
static_assert(offsetof(struct virtio_net_header_long, outer_th_offset) == 20, "5.1.9");

/* 5.1.9.5 Control Virtqueue */
#define VIRTIO_NET_OK  0u
#define VIRTIO_NET_ERR 1u

#define VIRTIO_NET_CTRL_RX	    0u
#define VIRTIO_NET_CTRL_RX_PROMISC  0u
#define VIRTIO_NET_CTRL_RX_ALLMULTI 1u
#define VIRTIO_NET_CTRL_RX_ALLUNI   2u
#define VIRTIO_NET_CTRL_RX_NOMULTI  3u
#define VIRTIO_NET_CTRL_RX_NOUNI    4u
#define VIRTIO_NET_CTRL_RX_NOBCAST  5u

#define VIRTIO_NET_CTRL_MAC	      1u
#define VIRTIO_NET_CTRL_MAC_TABLE_SET 0u
#define VIRTIO_NET_CTRL_MAC_ADDR_SET  1u

#define VIRTIO_NET_CTRL_VLAN	 2u
#define VIRTIO_NET_CTRL_VLAN_ADD 0u
#define VIRTIO_NET_CTRL_VLAN_DEL 1u

#define VIRTIO_NET_CTRL_ANNOUNCE     3u
#define VIRTIO_NET_CTRL_ANNOUNCE_ACK 0u

#define VIRTIO_NET_CTRL_MQ		4u
#define VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET 0u
#define VIRTIO_NET_CTRL_MQ_RSS_CONFIG	1u
#define VIRTIO_NET_CTRL_MQ_HASH_CONFIG	2u

#define VIRTIO_NET_CTRL_GUEST_OFFLOADS	   5u
#define VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET 0u
/* bits of that command that are not the feature's own number (5.1.9.5.9.1) */
#define VIRTIO_NET_OFFLOAD_UDP_TUNNEL_GSO      46
#define VIRTIO_NET_OFFLOAD_UDP_TUNNEL_GSO_CSUM 47

#define VIRTIO_NET_CTRL_NOTF_COAL	 6u
#define VIRTIO_NET_CTRL_NOTF_COAL_TX_SET 0u
#define VIRTIO_NET_CTRL_NOTF_COAL_RX_SET 1u
#define VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET 2u
#define VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET 3u

#define VIRTIO_NET_CTRL_HASH_TUNNEL	7u
#define VIRTIO_NET_CTRL_HASH_TUNNEL_SET 0u

#define VIRTIO_NET_CTRL_STATS	    8u
#define VIRTIO_NET_CTRL_STATS_QUERY 0u
#define VIRTIO_NET_CTRL_STATS_GET   1u

#define VIRTIO_NET_CTRL_RSS_CTX		9u /* VIRTNET_RSS_CTX_CTRL there */
#define VIRTIO_NET_CTRL_RSS_CTX_CAP_GET 0u
#define VIRTIO_NET_CTRL_RSS_CTX_ADD	1u
#define VIRTIO_NET_CTRL_RSS_CTX_MOD	2u
#define VIRTIO_NET_CTRL_RSS_CTX_DEL	3u

/* 5.1.9.4.3 Hash calculation for incoming packets: report n stands for type bit n - 1 */
#define VIRTIO_NET_HASH_REPORT_NONE	0u
#define VIRTIO_NET_HASH_REPORT_IPV4	1u
#define VIRTIO_NET_HASH_REPORT_TCPV4	2u
#define VIRTIO_NET_HASH_REPORT_UDPV4	3u
#define VIRTIO_NET_HASH_REPORT_IPV6	4u
#define VIRTIO_NET_HASH_REPORT_TCPV6	5u
#define VIRTIO_NET_HASH_REPORT_UDPV6	6u
#define VIRTIO_NET_HASH_REPORT_IPV6_EX	7u
#define VIRTIO_NET_HASH_REPORT_TCPV6_EX 8u
#define VIRTIO_NET_HASH_REPORT_UDPV6_EX 9u

#define VIRTIO_NET_HASH_TUNNEL_GRE_2784 1u
#define VIRTIO_NET_HASH_TUNNEL_GRE_2890 2u
#define VIRTIO_NET_HASH_TUNNEL_VXLAN	0x10u
#define VIRTIO_NET_HASH_TUNNEL_GENEVE	0x40u
#define VIRTIO_NET_HASH_TUNNEL_IPIP	0x80u
#define VIRTIO_NET_HASH_TUNNEL_NVGRE	0x100u

/* 5.1.9.5.7: what stands in front of virtio_net_rss_config's table, and after it */
struct virtio_net_rss_head {
	uint32_t hash_types;
	uint16_t indirection_table_mask;
	uint16_t unclassified_queue;
} __attribute__((packed));
struct virtio_net_rss_tail {
	uint16_t max_tx_vq;
	uint8_t hash_key_length;
} __attribute__((packed));
static_assert(sizeof(struct virtio_net_rss_tail) == 3, "5.1.9.5");

struct virtio_net_hash_config {
	uint32_t hash_types;
	uint16_t reserved[4];
	uint8_t hash_key_length;
} __attribute__((packed));
static_assert(sizeof(struct virtio_net_hash_config) == 13, "5.1.9.5");

struct virtio_net_ctrl_coal {
	uint32_t max_packets;
	uint32_t max_usecs;
};

struct virtio_net_ctrl_coal_vq {
	uint16_t vq_index;
	uint16_t reserved;
	struct virtio_net_ctrl_coal coal;
};
static_assert(sizeof(struct virtio_net_ctrl_coal_vq) == 12, "5.1.9.5");

/* Device statistics: types, as a reply names them; type n is bit n of a bitmap */
#define VIRTIO_NET_STATS_RX_BASIC 0u
#define VIRTIO_NET_STATS_RX_CSUM  1u
#define VIRTIO_NET_STATS_RX_GSO	  2u
#define VIRTIO_NET_STATS_TX_BASIC 16u
#define VIRTIO_NET_STATS_TX_CSUM  17u
#define VIRTIO_NET_STATS_TX_GSO	  18u
#define VIRTIO_NET_STATS_CVQ	  32u

struct virtio_net_stats_wish {
	uint16_t vq_index;
	uint16_t reserved[3];
	uint64_t types_bitmap;
};
static_assert(sizeof(struct virtio_net_stats_wish) == 16, "5.1.9.5");

struct anvil_net_stats_reply {
	uint8_t type;
	uint8_t reserved;
	uint16_t vq_index;
	uint16_t reserved1;
	uint16_t size;
};
static_assert(sizeof(struct anvil_net_stats_reply) == 8, "5.1.9.5");

#endif
