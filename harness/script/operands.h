/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the operands of the driver's operations mean.
 */
#ifndef OPERANDS_H
#define OPERANDS_H

/* ways to get the bring-up wrong, operand `wrong` of init */
enum init_wrong {
	INIT_RIGHT,
	INIT_NO_ACKNOWLEDGE,
	INIT_NO_DRIVER,
	INIT_NO_FEATURES_OK,
	INIT_NO_QUEUES,
	INIT_QUEUES_LATE,
	INIT_FEATURES_LATE,
	INIT_FAILS,
	INIT_NO_RESET,
	INIT_NO_DRIVER_OK,
	INIT_AT_ONCE,
	INIT_ALL_FEATURES,
	INIT_NO_WAIT,
	INIT_KINDS,
};

/* Registers that are left as they are, operand `skip` of queue. */
enum setup_skip {
	SKIP_SIZE = 1,
	SKIP_DESC = 2,
	SKIP_DRIVER = 4,
	SKIP_DEVICE = 8,
	SKIP_PAGE_SIZE = 16, /* legacy */
	SKIP_ALIGN = 32,     /* legacy */
};

/* operand `wrong` of queue, of legacy drivers, too: sets it up though it may still be in use */
#define QUEUE_NO_WAIT 18u

/* chain flags */
#define CHAIN_INDIRECT 1u   /* all in an indirect table */
#define CHAIN_HOLD     2u   /* written, but not made available */
#define CHAIN_QUIET    4u   /* made available, but without a notification */
#define CHAIN_MIXED    8u   /* the first one direct, the rest indirect */
#define CHAIN_NO_TAIL  16u  /* no byte for a status or an ack */
#define CHAIN_SPARSE   128u /* entries that are not used lie between those of an indirect table */

/* the queue of a blk operation, modulo how many there are: flags, too */
#define CHAIN_QUEUE(flags) ((flags) >> 5 & 3u)

/* ways to get a chain wrong */
enum chain_wrong {
	WRONG_NOTHING,
	WRONG_HEAD,	     /* head at or above the queue size (packed: right, 2.8) */
	WRONG_NEXT,	     /* next at or above the table size */
	WRONG_LOOP,	     /* the last one leads to the first */
	WRONG_SELF,	     /* the last one leads to itself */
	WRONG_TABLE_EMPTY,   /* an indirect table of no bytes */
	WRONG_TABLE_ODD,     /* ... of 17 bytes more */
	WRONG_TABLE_NEXT,    /* ... that has a next */
	WRONG_TABLE_NESTED,  /* ... inside another */
	WRONG_TABLE_OUTSIDE, /* ... that ends behind RAM */
	WRONG_ALL_READABLE,  /* WRITE missing */
	WRONG_ALL_WRITABLE,  /* WRITE everywhere */
	WRONG_ORDER,	     /* last one first */
	WRONG_EMPTY,	     /* one of no bytes */
	WRONG_HUGE,	     /* one of 4 GiB - 1 */
	WRONG_OUTSIDE,	     /* one in the hole */
	WRONG_WRAP,	     /* one around the end of the address space */
	WRONG_PAST_END,	     /* one a byte too far */
	WRONG_TWICE,	     /* made available twice */
	WRONG_JUMP,	     /* the index jumps by more than the queue size */
	WRONG_STALE,	     /* the index counts one too many */
	WRONG_OVER_TABLE,    /* one lies over the descriptor table */
	WRONG_OVER_AVAIL,    /* ... over the available ring */
	WRONG_OVER_USED,     /* ... over the used ring */
	WRONG_FLAGS,	     /* unknown flags */
	WRONG_SHORT,	     /* the last one is missing */
	WRONG_MORE_READABLE, /* one more device-readable byte */
	WRONG_MORE_WRITABLE, /* one more device-writable byte */
	WRONG_TABLE_WRITE,   /* WRITE on the table's descriptor (right, 2.7.5.3.2) */
	WRONG_BACKWARDS,     /* the index goes back */
	WRONG_HIGH_HEAD,     /* head with a high bit set (packed: right) */
	WRONG_FULL,	     /* as many pieces as the queue has entries (right) */
	WRONG_KINDS,
};

/* operand `type` of blk, beside those that each device has, and 6 and 7, any other type */
enum blk_type {
	BLK_GET_LIFETIME = 8,
	BLK_SECURE_ERASE,
	BLK_ZONE_APPEND,
	BLK_ZONE_REPORT,
	BLK_ZONE_OPEN,
	BLK_ZONE_CLOSE,
	BLK_ZONE_FINISH,
	BLK_ZONE_RESET,
	BLK_ZONE_RESET_ALL,
	BLK_SCSI_CMD,
	BLK_SCSI_CMD_OUT,
	BLK_BARRIER,
};

/* operand `bits` of blk */
#define BITS_UNMAP	  1u
#define BITS_UNKNOWN_FLAG 2u
#define BITS_BYTE_MORE	  4u
#define BITS_BYTE_LESS	  8u
#define BITS_SHORT_HEADER 16u
#define BITS_NO_DATA	  32u
#define BITS_DATA_BOTH	  64u

#define RANGES_MAX 40u /* of a discard or write zeroes */

/* operand `kind` of tx, beside enum frame_kind */
#define TX_HEADER_ONLY 6u
#define TX_SHORT       7u

#endif
