/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An independent model of what a device may do. It is told all that shows outside of the device, in
 * the order in which it happens, and keeps a model of the device's state from it:
 *
 *   the guest's register accesses  which state the driver has reached, what it programmed; a read
 *                                  has one right value
 *   the device's fetches (the tap) which chains it has taken, and what each of them says: the model
 *                                  parses the very bytes that the device got
 *   the device's stores (the tap)  each byte must be owed to a chain in flight, or be a used entry,
 *                                  an index or an event field, with the right value
 *   requests to the back end       each must follow from a request that was fetched; its result
 *                                  decides what the guest is owed
 *   the interrupt line             it must rise when the driver asked to hear of what was used
 *
 * Example, a read of a sector: the fetch of the header makes a model_chain of a known type and
 * sector; the disk request must be a read of that sector; its data is what the stores to the
 * writable buffers must be; used.len must be the count of these stores, and the status byte the
 * last of them.
 *
 * The oracle never looks into the device: a model that asks the device repeats the device's
 * mistakes.
 *
 * It holds the device to ten rules (oracle_rule, below). A broken rule ends the script: oracle_fail
 * does not return.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <setjmp.h>

#include "backend.h"
#include "base/milestones.h"
#include "script/setup.h"
#include "virtio_spec.h"

#define ORACLE_CAPTURE_BYTES (72u * 1024)
#define ORACLE_LOG_MAX	     1024u
/* With IN_ORDER, of chains that are finished and wait for their turn: the most stores, the most
 * bytes. */
#define ORACLE_WAITING_LOG   65536u
#define ORACLE_WAITING_BYTES (SETUP_SIZE_USUAL * ORACLE_CAPTURE_BYTES)
#define ORACLE_ANSWER_BYTES  32768u
#define ORACLE_DISK_REQUESTS (SETUP_SLOTS + 1)
#define ORACLE_ZONE_SPANS    1024u
#define ORACLE_RULES	     10u

/* A rule in words: the table is in oracle_rules.c. */
struct oracle_rule {
	const char *name;	   /* "used length" */
	const char *broken;	   /* what the device does: "reports more or less than ..." */
	const char *specification; /* sections of virtio 1.4, or why there is none */
};

/* `rule` is 1 to ORACLE_RULES; NULL: there is no such rule. */
const struct oracle_rule *oracle_rule(unsigned int rule);

struct model_segment {
	uint64_t gpa;
	uint32_t len;
};

enum model_plan { PLAN_NONE, PLAN_ANSWER, PLAN_RUN };

/* A chain that the device holds, as fetched. */
struct model_chain {
	bool taken;
	uint16_t head;
	uint16_t entries; /* of a packed ring */
	unsigned int count;
	unsigned int readable;
	uint64_t readable_bytes;
	uint64_t writable_bytes;
	uint64_t read_pos; /* end of what the device read, in the stream of readable bytes */
	uint8_t *capture;  /* what it read, by position */
	struct model_segment segment[SETUP_QUEUE_SIZE];

	/* block requests */
	enum model_plan plan;
	uint8_t status; /* the answer that is due */
	uint32_t type;
	bool old_name; /* FLUSH_OUT */
	uint64_t sector;
	uint32_t steps;
	uint32_t step;
	bool flush;
	bool flushed;
	bool waiting;
	bool failed;
	uint64_t data_bytes;
	const struct anvil_disk_request *request;
	unsigned int order;
	uint8_t failure;     /* the status if it failed */
	uint32_t zones;	     /* a report has room for these */
	uint64_t zone_asked; /* where the request was for before the disk had it */

	/* transmitted frames */
	bool sent;
};

/* Of a packed ring. A place is an offset and, in bit 15, the wrap counter of that lap. */
struct model_packed {
	uint16_t avail; /* next chain to take */
	uint16_t used;	/* next used entry to write */
	uint16_t known; /* entries from `avail` on that were available before they went back */
	uint16_t held;	/* entries of chains in flight */
	uint16_t head_flags;
	bool seen; /* the entry at `avail` as fetched last is available */

	/* used entries that are not published: the first one, and the flags that are due */
	uint16_t first;
	uint16_t first_flags;
	bool flags_due;
	uint16_t due_place;
	uint16_t due_flags;

	/* what was published last, and that the event's place is still to be fetched */
	uint16_t ask_first;
	bool ask_place;
};

struct model_coalescing {
	uint32_t packets;
	uint32_t usecs;
};

struct model_counters {
	uint64_t basic[6];
	uint64_t csum[4];
	uint64_t gso[6];
};

struct model_queue {
	uint32_t size;
	uint64_t desc;
	uint64_t driver;
	uint64_t device;
	uint32_t align; /* legacy */
	uint32_t pfn;
	bool ready;
	uint16_t seen_idx;
	uint16_t next_avail;
	uint16_t next_used; /* published */
	uint16_t filled;    /* not published yet */
	bool must_ask;	    /* the device has to look whether the driver wants a notification */
	uint16_t ask_from;
	uint16_t used_flags;
	uint16_t avail_event;
	/* in this call the guest broke the ring: its index was too far ahead, or (packed) a chain
	 * was not available any more */
	bool saw_jump;
	bool must_look; /* resumed: there may be chains that it was not told of */
	bool gave_back; /* a chain went back untaken, and none was taken since */
	bool notified;	/* and the device has not looked since */
	bool ran_before;
	unsigned int helds;
	bool packed; /* then `at` counts instead of the indices */
	struct model_packed at;

	/* kept when the queue is cleared */
	/* of oracle->chain, as many as the largest queue has entries; of a split ring, one a head
	 */
	struct model_chain *chain;
	struct model_chain *held[SETUP_QUEUE_SIZE]; /* in the order taken */
};

/* A request that zones in front of a slow disk have, and what they made of it (oracle_blk_front.c).
 */
struct model_flight {
	enum anvil_disk_op op;
	uint64_t sector; /* of an append, its place */
	uint64_t sectors;
	uint64_t order; /* in which they came */
	bool writes;
	bool changes;	/* the disk below has to be asked, and is changed by it */
	bool overtaken; /* a write whose zone was emptied, or failed, or lost one before it */
	bool cancelled;
	bool answered; /* by coming: it is over */
	bool asked;    /* the disk below was */
	bool below;    /* and has not answered */
	bool back;     /* that is over, or is not to be done any more */
	int result;
	/* what is read now, and from when on */
	uint64_t piece;
	uint64_t piece_sectors;
	uint64_t piece_order;
	unsigned int since; /* in the log of what sectors held */
};

/* A request at the disk; `stopped`: its queue was stopped after it was submitted. */
struct model_disk_request {
	const struct anvil_disk_request *request;
	unsigned int queue;
	bool stopped;
	struct model_flight flight;
};

struct model_zone {
	uint64_t start;
	uint64_t capacity;
	uint64_t written; /* all up to here is there; stays when a zone is finished */
	uint64_t
		pointer; /* where the next write begins: ahead of that while writes are under way */
	uint8_t type;
	uint8_t state;
};

/* [from, to) */
struct model_span {
	uint64_t from;
	uint64_t to;
};

/* What each of the first sectors holds, as a sum, and what it held before. */
#define MODEL_CONTENT_LOG 2048u
struct model_content {
	uint64_t now[SETUP_SECTORS];
	struct model_held {
		unsigned int sector;
		uint64_t value;
	} log[MODEL_CONTENT_LOG];
	unsigned int logs; /* beyond MODEL_CONTENT_LOG: nobody knows any more */
};

struct model_walk {
	bool active;
	unsigned int queue;
	uint64_t table;
	uint32_t entries;
	uint32_t index;
	bool indirect;
	struct model_chain *chain;
	uint16_t place; /* packed: of the entry to fetch */
	uint16_t id;
};

struct model_store {
	const struct model_chain
		*by; /* the chain that it must belong to; NULL: any, as with a network device */
	uint64_t gpa;
	uint32_t len;
	const uint8_t *bytes;
};

struct model_mac_table {
	uint32_t count;
	bool all;
	uint8_t mac[64][6];
};

/* A connection, and the flow that the device says it is. */
struct model_flow {
	uint8_t version;
	uint8_t protocol; /* 6 or 17: with ports; else 0 */
	uint8_t end[2][18];
	int number;
};

#define MODEL_FLOWS 32u

struct model_net {
	bool mode[6];
	struct model_mac_table table[2];
	uint64_t vlan[64];
	bool vlans; /* some are there */
	uint8_t mac[6];
	bool link_up;
	bool sending; /* inside the nic's send */
	bool announce;
	uint32_t speed; /* as the host has them now */
	uint8_t duplex;
	uint64_t offloads[2]; /* for received frames, as enabled */

	/* steering */
	unsigned int pairs; /* in use */
	bool rss;
	bool many; /* receive queues to choose from */
	uint32_t hash_types;
	unsigned int mask;
	unsigned int unclassified;
	uint16_t indirection[128];
	uint8_t key[40];
	uint32_t tunnels;
	bool context[8];
	uint8_t flow[256]; /* by number: 1 + the pair on which the driver last sent it */
	struct model_flow flow_known[MODEL_FLOWS];
	unsigned int flows_known; /* so far; the newest ones are there */

	/* coalescing */
	uint64_t now;
	struct model_coalescing all[2];
	struct model_coalescing each[SETUP_QUEUES];
	uint32_t waiting[SETUP_QUEUES]; /* packets that the driver has not heard of */
	uint64_t since[SETUP_QUEUES];

	/* statistics */
	struct model_counters counters[SETUP_QUEUES];
	uint64_t commands[2];
	uint8_t *answer; /* storage: ack and result */

	/* the frame that the host is handing over */
	const struct anvil_nic_frame *frame;
	bool wanted;
	unsigned int to; /* the queue that it has to go to */
	uint32_t hash;
	unsigned int report;
	const uint8_t *bytes; /* what the guest has to get */
	uint8_t *completed;   /* storage: the frame with its checksum filled in */
	uint64_t delivered;   /* bytes of header and frame seen so far */
	unsigned int buffers;
	unsigned int bad; /* buffers that were no good, given back */
	uint64_t bad_work;
	unsigned int published;
	unsigned int announced; /* num_buffers */
};

/* What a driver and its host see of a run, whatever the rings look like: sums over all of it. */
struct oracle_digest {
	uint64_t completions; /* queue, number of the chain, length and bytes, in order */
	uint64_t disk;	      /* what the disk carried out, in order */
	uint64_t frames;      /* sent, in order; what became of those for the guest */
	unsigned int completed;
};

struct oracle_kind;

struct oracle {
	const struct setup *p;
	const struct oracle_kind *kind; /* what the kind of device adds */
	bool digests;			/* set from outside: the sums are wanted */
	struct oracle_digest digest;
	jmp_buf *escape;
	int broken_rule; /* 0: none; 1 to 10 */
	char reason[256];

	/* registers */
	uint32_t status;
	uint64_t driver_features[2];
	uint32_t device_sel;
	uint32_t driver_sel;
	uint32_t queue_sel;
	uint32_t page_size; /* legacy; outlives a reset */
	bool agreed;	    /* legacy: features are final */
	uint32_t interrupts;
	uint32_t resetting; /* the status that it had before a reset that is not complete, or 0 */
	bool suspending;    /* takes nothing more, what is in flight has to come back */
	unsigned int config_late; /* LATE_*: the host's change shows when the device is resumed */
	uint32_t generation;
	bool irq;
	uint8_t config[128];
	uint32_t config_bytes;
	bool in_read;  /* a register read has no side effects */
	bool raced;    /* the guest changed memory during this call */
	bool saw_jump; /* of any queue */

	struct model_queue queue[SETUP_QUEUES];
	struct model_chain *chain; /* storage: SETUP_CHAINS, shared out among the queues */
	unsigned int had_queues;   /* in the last script */
	struct model_walk walk;
	struct model_chain *last; /* the chain taken last */
	unsigned int last_queue;
	uint8_t *captures;	 /* of all chains; memory is used as it is written */
	struct model_store *log; /* stores into buffers since the last used entry */
	unsigned int logs;
	uint8_t *log_bytes;
	size_t log_used;
	/* the chain that the device works at: taken last, or its request was just completed */
	const struct model_chain *current;
	struct model_chain *list; /* storage: a packed chain whose id is not known yet */
	uint64_t accesses;
	uint64_t accesses_around; /* of the call in which a nic hands over a frame */
	uint64_t allocations;	  /* of this thread, before the call */
	uint64_t access_bound;

	uint64_t saved[3]; /* sums of registers, queues, and what the type has, when it was saved */

	bool writeback;
	uint64_t capacity;
	struct model_disk_request disk_request[ORACLE_DISK_REQUESTS];
	unsigned int at_disk; /* so many of these */
	/* of a queue that stopped: that by QueueReset, and where it was (legacy) */
	struct {
		bool reset;
		uint32_t pfn;
	} stopped[SETUP_QUEUES];
	struct model_zone zone[SETUP_ZONES];
	unsigned int zones;
	/* sectors that were written since the zone around them was emptied; no two overlap */
	struct model_span zone_span[ORACLE_ZONE_SPANS];
	unsigned int zone_spans;
	struct model_content content;
	uint64_t disk_clock; /* counts requests in front of a slow disk, and those below */
	/* the queue waits for a slot; how many requests others took meanwhile */
	bool starved[SETUP_QUEUES];
	uint8_t passed_by[SETUP_QUEUES][SETUP_QUEUES];
	unsigned int order;
	struct model_net net;
};

/* All milestones since the process began; `make health` wants each from the seeds. */
extern bool oracle_milestone[MILESTONE_COUNT];
extern const char *const oracle_milestone_name[MILESTONE_COUNT]; /* "BLK_IN_OK", ... */
extern const char *const oracle_milestone_text[MILESTONE_COUNT]; /* "blk: a read succeeds", ... */

/* Allocates what a model needs, once a process. */
void oracle_create(struct oracle *o);

/* A new device with this setup. oracle_fail jumps to `escape` with 1. */
void oracle_start(struct oracle *o, const struct setup *p, jmp_buf *escape);

_Noreturn void oracle_fail(struct oracle *o, unsigned int rule, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Before a register write. */
void oracle_write(struct oracle *o, uint64_t offset, unsigned int width, uint64_t value);
/* Before an event at the host. */
void oracle_event(struct oracle *o);
/* Before a poll, which may do the work of one call. */
void oracle_polls(struct oracle *o);
/* At the end of a call: nothing may be left half done. `status` is the device's Status register. */
void oracle_settle(struct oracle *o, uint32_t status);

/* Whether the device has allocated memory in this call: it has all when it is created. */
bool oracle_has_allocated(const struct oracle *o);
/* What was allocated in this call until now was not the device's doing. */
void oracle_excuse_allocations(struct oracle *o);

/* Around a register read. */
void oracle_read_begins(struct oracle *o);
void oracle_read(struct oracle *o, uint64_t offset, unsigned int width, uint64_t value);

/* The echo device goes on with this chain. */
void oracle_works_at(struct oracle *o, unsigned int queue, uint16_t head);

/* The tap, for a queue's rings and for buffers. */
void oracle_ring_fetched(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			 size_t len);
void oracle_ring_stored(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			size_t len);
void oracle_buffer_fetched(struct oracle *o, uint64_t gpa, const void *bytes, size_t len);
void oracle_buffer_stored(struct oracle *o, uint64_t gpa, const void *bytes, size_t len);

/* The device has just been saved, which gave `err`: remember the model's state, if it is 0. */
void oracle_saved(struct oracle *o, int err);

/*
 * The device was given the image of oracle_saved, unchanged, and accepted it if `fine`: it must,
 * and its state must be the one of then.
 */
void oracle_restored_same(struct oracle *o, bool fine);

/*
 * The device, which was reset before, is given this image. Returns whether the device must accept
 * it; if not, the device must stay as it was.
 */
bool oracle_restored(struct oracle *o, const uint8_t *image, size_t len);
/* And that gave `err`. */
void oracle_took_state(struct oracle *o, bool fine, int err);
/* A device whose requests are at the disk was given a state, which gave `err`. */
void oracle_took_state_busy(struct oracle *o, int err);

/* The racing guest struck. */
void oracle_raced(struct oracle *o);

/* The interrupt line. */
void oracle_irq(struct oracle *o, bool asserted);

/* The disk. `completed` comes before the device hears of it. */
void oracle_disk_submitted(struct oracle *o, const struct anvil_disk_request *request);
void oracle_disk_completed(struct oracle *o, const struct anvil_disk_request *request, int result);
void oracle_disk_cancelled(struct oracle *o, const struct anvil_disk_request *request);
void oracle_resized(struct oracle *o, uint64_t capacity);

/* Zones in front of the disk ask it for `part` of a request; it has answered. */
void oracle_below_submitted(struct oracle *o, const struct anvil_disk_request *request,
			    const struct anvil_disk_request *part);
void oracle_below_completed(struct oracle *o, const struct anvil_disk_request *request, int result);

/* A zone goes offline, or can only be read from now on. Before the disk is told. */
void oracle_zone_failed(struct oracle *o, unsigned int zone, bool offline);

/* The nic. */
void oracle_sent(struct oracle *o, const struct anvil_nic_frame *frame, int result);
void oracle_frame_begins(struct oracle *o, const struct anvil_nic_frame *frame);
void oracle_frame_ends(struct oracle *o, int result);
void oracle_link(struct oracle *o, bool up);
void oracle_announce(struct oracle *o);
void oracle_speed(struct oracle *o, uint32_t speed, uint8_t duplex);
/* Before the device is told the time. */
void oracle_time(struct oracle *o, uint64_t now);
/* After that: whether the device wants to be told again, and when. */
void oracle_timed(struct oracle *o, bool waits, uint64_t next);
/* Whether a notification waits, and until when. */
bool oracle_waits(const struct oracle *o, uint64_t *due);

/* The echo device says that it gives back the chain taken last. */
void oracle_unpopped(struct oracle *o, unsigned int queue);

/* Where in guest memory the 16 bits are that say whether there is one more chain. */
uint64_t oracle_avail_gpa(const struct oracle *o, unsigned int queue);
/* At the end of a script: each chain must have been answered. `avail` is what stands there. */
void oracle_drained(struct oracle *o, unsigned int queue, const uint8_t *avail);

/* Whether the driver may expect this queue to work. */
bool oracle_queue_live(const struct oracle *o, unsigned int queue);

/* Whether the disk has requests of queues that were stopped: their reset is not complete. */
bool oracle_draining(const struct oracle *o);
bool oracle_accepted(const struct oracle *o, unsigned int feature);

#endif
