/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Safety rules for any virtio-mmio device, whoever wrote it. They need no model of how a device
 * works: they look at the rings as the guest has them in its RAM, and at ranges of bytes.
 *
 * A chain is outstanding from the moment when the guest makes it available until the device
 * publishes its used entry. A device may store into the writable descriptors of outstanding chains,
 * its own part of the rings, and nowhere else; it may read the readable ones, tables and rings; it
 * gives each chain back once; and so on (the ten rules of oracle.h). Where the guest races, makes
 * ranges overlap or breaks a ring, more is permitted: all that a chain has been since it was made
 * available counts. Of a queue that was stopped and is started again, without a reset of it, any
 * entry may be meant.
 *
 * What a device does shows in two ways. A tapped device's accesses are told one by one. Of another
 * one only what it has changed is seen, at the end of a call; then rules 2, 5 and 10 cannot be
 * checked, and safety_checks says so.
 *
 * Broken rules go to oracle_fail's `escape`, as those of the exact model do.
 */
#ifndef SAFETY_H
#define SAFETY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "script/setup.h"
#include "virtio_spec.h"

#define SAFETY_RAM	 4u
#define SAFETY_CHAINS	 (2 * SETUP_QUEUE_SIZE)
#define SAFETY_SEGMENTS	 65536u
#define SAFETY_INTERVALS 12u
#define SAFETY_STORES	 16u

/* Guest RAM as the device has it. */
struct safety_ram {
	uint64_t gpa;
	uint64_t bytes; /* 0: there is no such range */
	const uint8_t *host;
};

struct safety_segment {
	uint64_t at; /* where its descriptor stands */
	uint64_t gpa;
	uint32_t said; /* bytes */
	uint32_t len;  /* of these, in RAM */
	bool writable;
	bool table; /* an indirect table: it may be read */
};

/* [from, to). */
struct safety_span {
	uint64_t from;
	uint64_t to;
};

/* What a chain says: as the guest has it now, or once had it. */
struct safety_version {
	unsigned int first; /* of its segments */
	unsigned int count;
	uint64_t readable; /* bytes */
	uint64_t writable;
	unsigned int descriptors;
	bool malformed; /* a device may refuse it */
	bool tables;	/* it has one, at least */
	uint64_t low;	/* of all its segments */
	uint64_t high;	/* behind them */
	uint64_t bound; /* accesses to all of it */
	struct safety_span source;
};

struct safety_chain {
	uint32_t id;
	uint16_t place;		   /* of its available entry; packed: of its first descriptor */
	uint16_t head;		   /* split: what stood there when it was looked at last */
	uint16_t entries;	   /* packed: so many */
	uint64_t order;		   /* in which chains were made available */
	bool wild;		   /* only perhaps available */
	bool vague;		   /* it has changed since it was made available */
	bool stirred;		   /* its data have, or others were stored over them */
	bool sent;		   /* a transmitted frame */
	bool fresh;		   /* what the guest has in `source`, `now` says */
	struct safety_span source; /* descriptors and tables of all versions lie in there */
	struct safety_version now;
	unsigned int first; /* segments of all versions, `now` included */
	unsigned int count;
	unsigned int torn; /* so many there were when they were looked at for mixtures */
	uint64_t low;	   /* of all these */
	uint64_t high;
	uint64_t writable; /* most of all versions */
	uint64_t bound;	   /* accesses to all of them */
	bool tables;	   /* in any of them */
	/* what was stored into the writable bytes, by position; `many`: in more pieces than that */
	bool many;
	unsigned int intervals;
	struct safety_span stored[SAFETY_INTERVALS];
};

struct safety_queue {
	/* as the driver has programmed it, and as it was when it was made ready */
	uint32_t size;
	uint64_t address[3]; /* descriptors, driver's, device's part */
	uint32_t align;
	unsigned int written; /* registers of these, a bit each, since it stopped */
	bool ready;
	bool packed;
	uint32_t entries;
	uint64_t desc;
	uint64_t driver;
	uint64_t device;
	struct safety_parts {
		uint64_t desc; /* bytes of each */
		uint64_t driver;
		uint64_t device;
	} parts;

	bool broken;   /* by the guest: the device may leave chains alone, or take what it finds */
	bool wild;     /* so much that any entry may be meant */
	bool confused; /* what stands in the ring is not the device's alone */
	bool behind;   /* used entries are shown that are not written yet */
	uint16_t walked; /* next available entry to look at; packed: place */
	uint16_t used;	 /* next used entry; packed: place */
	uint64_t newest; /* order of the newest chain that was given back, and 1 more */
	bool stopping;	 /* it was stopped with chains in flight, and may read as in use */
	bool was_reset;	 /* after that: when it is done, the device has nothing of it any more */
	bool paused; /* it was stopped, but not reset: where it goes on is the device's own affair
		      */
	/* parts of used entries that the device has written, but not yet shown */
	struct safety_slots {
		uint64_t id[SETUP_QUEUE_SIZE / 64];
		uint64_t len[SETUP_QUEUE_SIZE / 64];
		/* packed: and that it has written there since a chain was made available */
		uint64_t flags[SETUP_QUEUE_SIZE / 64];
		uint64_t over[SETUP_QUEUE_SIZE / 64];
	} slot;
	uint64_t bound;			  /* accesses to all that is outstanding */
	struct safety_span source;	  /* what that says stands in there; to: 0: nowhere */
	uint16_t named[SETUP_QUEUE_SIZE]; /* how many of that have an id, modulo that */
	unsigned int chains;		  /* outstanding */
	struct safety_chain **held;    /* SAFETY_CHAINS: these in order, then those that are free */
	struct safety_chain **wild_at; /* SETUP_QUEUE_SIZE: by place, if `wild` */
};

struct safety_fetch {
	uint64_t call;
	uint64_t gpa;
	const void *place;
	uint64_t take; /* number of the chain that was being taken */
	uint64_t gone; /* chains that had been given back */
};

#define SAFETY_FETCHES 4096u

#define SAFETY_FRAMES	   8u
#define SAFETY_OWED	   16u
#define SAFETY_FRAME_BYTES 65700u

/* The content of a disk that the harness can see, and as it should be. */
struct safety_disk {
	const uint8_t *seen; /* NULL: it cannot be seen */
	uint8_t *first;	     /* when a script begins */
	uint8_t *should;
	uint64_t sectors;
	bool touched; /* in this script */
	bool unknown; /* by a request that may be taken in one way or another */
};

/* Frames that the host has handed over and the guest has not got; and what the device stores. */
struct safety_frames {
	uint8_t *frame[SAFETY_FRAMES];
	size_t len[SAFETY_FRAMES];
	unsigned int next;
	uint8_t *stored; /* header and frame, by the receive buffers of this call */
	size_t bytes;
	unsigned int buffers;
	unsigned int shown; /* so often the used index was stored */
	bool unknown;
	/* transmit chains that were given back before their frame was sent; and as many more of
	 * which it is not known what they hold */
	struct {
		size_t len;
		uint64_t hash;
	} owed[SAFETY_OWED];
	unsigned int oweds;
	unsigned int owed_any;
};

struct safety {
	struct oracle *oracle; /* whose oracle_fail is used */
	const struct setup *p;
	struct anvil_features offered;
	struct safety_ram ram[SAFETY_RAM];
	bool tapped;
	bool exact; /* it keeps to the specification's letter where others may do as they like */
	bool off;   /* what the queues are is not known until the next reset */

	unsigned int broken_rule; /* to be told at the end of the call; 0: none */
	char reason[256];

	uint32_t status;	/* all that the driver has set */
	uint32_t device_status; /* as the device had it after the last call */
	bool resetting;		/* in this call */
	bool reset_goes_on;	/* one that has not ended: the driver waits for it (2.4.2) */
	int stopping;		/* this queue, in this call; -1: none */
	int starting;		/* the same; not of an exact device */
	uint64_t features[2];
	bool features_final; /* legacy: with the first queue */
	uint64_t had;	     /* accepted at some time in this script, of the first 64 */
	uint32_t features_sel;
	uint32_t queue_sel;
	bool sel_known;
	uint32_t page_size;
	uint64_t live;			/* queues that are ready, a bit each */
	bool over_rings;		/* there are, or were, buffers that lie over a ring */
	const struct safety_chain *hit; /* where the device was last; NULL: it is gone */
	bool stale;			/* the guest has stored since the rings were looked at */
	/* where; SAFETY_STORES and more: perhaps anywhere */
	unsigned int stores;
	struct safety_span store[SAFETY_STORES];
	bool raced; /* and in the middle of this call */
	/* threads of the device took turns in this call: what one reads another one may write */
	bool overlaps;
	struct safety_queue queue[SETUP_QUEUES];

	struct safety_segment *segment; /* SAFETY_SEGMENTS */
	unsigned int segments;
	uint64_t order;
	uint64_t call; /* number of the call into the device */
	uint64_t accesses;
	uint64_t access_bound;
	struct safety_fetch *fetch; /* SAFETY_FETCHES, by address */
	uint64_t take;		    /* chains that the device began to take */
	uint64_t gone;		    /* that it has given back */
	struct safety_disk disk;
	struct safety_frames frames;
	/* told of each chain that the device gives back; NULL: nobody is */
	void (*returned)(void *opaque, unsigned int queue, const struct safety_chain *c,
			 uint32_t len);
	void *returned_opaque;
	/* asked of each broken rule, but of a loop: whether it is known, and the script goes on;
	 * NULL: it ends. Not of an exact device. */
	bool (*known)(void *opaque, unsigned int rule, const char *reason);
	void *known_opaque;
};

/* Threads of the device take turns in this call. */
static inline void safety_overlaps(struct safety *s)
{
	s->overlaps = true;
}

/* Once a process; then a device's RAM. */
void safety_create(struct safety *s, struct oracle *oracle);
void safety_attach(struct safety *s, const struct safety_ram *ram, bool tapped, bool exact);
/* A new device, which offers these features. */
void safety_start(struct safety *s, const struct setup *p, const struct anvil_features *offered);

/* Whether the register says of the selected queue how large it is, or where. */
static inline bool safety_programs(uint64_t offset)
{
	return offset == VIRTIO_MMIO_QUEUE_SIZE || offset == VIRTIO_MMIO_QUEUE_ALIGN ||
	       (offset >= VIRTIO_MMIO_QUEUE_DESC_LOW && offset <= VIRTIO_MMIO_QUEUE_DEVICE_HIGH);
}

/* Before a register write. Of an exact device, if the register programs the selected queue: whether
 * that reads as in use; it is then not to be programmed. */
void safety_write(struct safety *s, uint64_t offset, unsigned int width, uint64_t value,
		  bool in_use);
/* Whether the selected queue was reset (2.6.1) with chains in flight. */
bool safety_queue_was_reset(const struct safety *s);
/* After QueueReady, or QueuePFN, was written: whether the device says that the queue runs, and
 * before that, whether it said so, and that a reset of it was not done yet. */
void safety_queue_runs(struct safety *s, bool before, bool resets, bool runs);
/* Before another event: a call into the device begins. */
void safety_event(struct safety *s);
/* The device goes on with what it has deferred: as much work again. */
void safety_polls(struct safety *s);
/* What a call is given beside guest memory, a saved state: it may compute more, and copy that. */
void safety_work_given(size_t len);
/* What it is shown, a frame, which it copies only for what the guest gives: it may compute more. */
void safety_work_shown(size_t len);
/* What it may copy beside. */
void safety_work_copies(size_t len);
/* A call that computes: safety_event begins one, and so does this, for a read of a register. */
void safety_work_begins(struct safety *s);
void safety_work_ends(struct safety *s);
/* A call was left in the middle. */
void safety_work_abandoned(void);
/* At the end of a call: the device's Status. */
void safety_settle(struct safety *s, uint32_t status);

/* The guest has stored there; a racing guest, in the middle of a call. */
void safety_guest_stored(struct safety *s, uint64_t gpa, size_t len);
void safety_raced(struct safety *s);

/* The device: before it loads, from a place in its code, or NULL; after it has stored. */
void safety_load(struct safety *s, uint64_t gpa, size_t len, const void *place);
void safety_stored(struct safety *s, uint64_t gpa, size_t len);

/* What of a disk can be seen between calls, as it is when a script begins: `sectors` of it. */
void safety_see_disk(struct safety *s, const void *content, uint64_t sectors);
/* A frame arrives from the host; the device sends one to it. */
void safety_frame(struct safety *s, const void *frame, size_t len);
void safety_sent(struct safety *s, const void *frame, size_t len);

/* Where a device may store, if it tells nothing: buffers, and its parts of the rings. */
void safety_each_buffer(const struct safety *s,
			void (*each)(void *opaque, uint64_t gpa, uint64_t len), void *opaque);
void safety_each_ring(const struct safety *s,
		      void (*each)(void *opaque, uint64_t gpa, uint64_t len), void *opaque);

/* Copies up to `len` bytes from byte `from` of a chain's readable or its writable stream, and
 * returns how many there were. */
size_t safety_chain_copy(const struct safety *s, const struct safety_chain *c, bool writable,
			 uint64_t from, void *bytes, size_t len);
/* Whether nobody can tell what its bytes were when the device had them. */
bool safety_chain_unclear(const struct safety *s, const struct safety_chain *c);

/* The device has been given a saved state. */
void safety_restored(struct safety *s);

/* A rule is broken. Beside the exact model the first one waits for the end of the call, so that
 * what the model has to say comes first. Returns then, and if this one is known. */
void safety_fail(struct safety *s, unsigned int rule, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether the driver may expect this queue to work. */
bool safety_queue_live(const struct safety *s, unsigned int queue);
/* At the end of a script, when nothing is left to wait for: each chain must have been answered. */
void safety_drained(struct safety *s, unsigned int queue);
/* And the disk must be what was written to it. */
void safety_ends(struct safety *s);

#endif
