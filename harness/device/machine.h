/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's side of a script, the same on every bus: guest RAM, one device with its transport,
 * the back ends, the tap with the racing guest, and the oracle that watches it all. A bus
 * decides only how the guest's accesses come about.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "oracle/safety.h"
#include "own_device.h"
#include "virtio_spec.h"

#define MACHINE_RACES	   8u
#define MACHINE_DIRTY_UNIT 128u

/* "When the device fetches from this range for the n-th time, first change these bytes." Or, at
 * this and each fetch in the same call, make the 16-bit number there one more: a guest that adds as
 * fast as the device takes. */
struct race {
	uint64_t watch;
	uint32_t watch_bytes;
	unsigned int countdown; /* 1: at the next such fetch; 0: done */
	uint64_t gpa;
	uint8_t bytes[8];
	unsigned int len;
	int by;	    /* the 16-bit number there changes by it; 0: these bytes are put there */
	bool grows; /* and again at each fetch in the same call */
	bool grown; /* in this call */
};

struct machine;

enum machine_event_kind {
	MACHINE_FRAME,	  /* `len` bytes at `bytes` arrive, with `offload` */
	MACHINE_COMPLETE, /* request number `number` that waits, with `result` */
	MACHINE_LINK,	  /* the link goes up if `number` is not 0, else down */
	MACHINE_RESIZE,	  /* the disk has `number` sectors now */
	MACHINE_STALL,	  /* the nic takes no frames if `number` is not 0, else takes them again */
	MACHINE_DEFER,	  /* the disk completes at once if `number` is 0, else only when told to */
	MACHINE_RETRY,	  /* the first frame that waits is tried once more, and goes on waiting */
	MACHINE_RACE,	  /* a racing guest is armed: `race` */
	MACHINE_CALM,	  /* no races any more */
	MACHINE_ANNOUNCE, /* the guest has moved */
	MACHINE_SPEED,	  /* `number` Mbit/s, duplex `len` */
	MACHINE_TIME,	  /* the device is told that it is `number` us now */
	MACHINE_ZONE,	  /* zone `number` goes offline if `result` is not 0, else read-only */
	MACHINE_SCHEDULE, /* threads go on by these choices, `number`, after `len` points */
};

/* What a device meets beside the guest's accesses, but for a restore: the host, a racing guest. */
struct machine_event {
	enum machine_event_kind kind;
	uint64_t number;
	int result;
	uint32_t len;
	const uint8_t *bytes;
	struct anvil_nic_offload offload;
	struct race race;
};

#define MACHINE_IMAGE_BYTES 65536u

/* What becomes of a saved state before it is taken back. */
struct machine_damage {
	enum machine_damage_kind how;
	uint64_t at; /* any number */
	uint8_t bytes[8];
	size_t len; /* of those, 1 to 8 */
};

#define MACHINE_CONFIG_BYTES 60u
#define MACHINE_DISK_SECTORS (1u << 21) /* most that a device of somebody else shows: 1 GiB */

/* What the host's side of a device has, ORed: optional members of struct device_under_test. */
enum machine_host {
	MACHINE_HAS_FRAME = 1,
	MACHINE_HAS_LINK = 2,
	MACHINE_HAS_RESIZE = 4,
	MACHINE_HAS_COMPLETE = 8, /* and waiting, defer */
	MACHINE_HAS_TIME = 16,
	MACHINE_HAS_ANNOUNCE = 32,
	MACHINE_HAS_SPEED = 64,
	MACHINE_HAS_STALL = 128,
};

/* What a device of somebody else offers. */
struct machine_offer {
	enum device_kind kind;
	bool legacy;
	struct anvil_features features;
	unsigned int queues; /* SETUP_QUEUES at most */
	unsigned int pairs;
	uint16_t queue_size_max; /* of each; a power of 2 */
	uint64_t capacity;
	uint8_t space[MACHINE_CONFIG_BYTES]; /* the configuration space */
	unsigned int host;		     /* enum machine_host */
};

/*
 * What a device of somebody else is asked before a script, and again at its end. For whoever asks
 * again in a new process what has ended one: in memory that both share.
 */
#define MACHINE_QUESTIONS (1 + 4 + SETUP_QUEUES + 1 + 1 + MACHINE_CONFIG_BYTES)

struct machine_questions {
	volatile unsigned int now;	  /* 0: one without whose answer no driver goes on */
	bool left_out[MACHINE_QUESTIONS]; /* never put: the answer is 0 */
};

/* What two devices have in common, so that one script can be played on both. */
struct machine_ground {
	struct machine_offer offer; /* capacity: SETUP_SECTORS at most; without a space */
	/* the content with which both disks begin, offer.capacity sectors; NULL: not known, or not
	 * the same */
	const uint8_t *disk;
};

struct machine {
	struct setup p;
	struct device_under_test *dut;
	bool exact;		    /* it is our own device, and the exact model watches it */
	struct own_device own;	    /* which is this one */
	struct machine_offer offer; /* else */
	struct machine_questions *questions; /* NULL: all are put */
	/* where the script's regions are: in this process, and for the device */
	uint8_t *ram[MAP_REGIONS];
	uint64_t window[MAP_REGIONS];
	struct dut_host host; /* what the device calls */
	bool inside;	      /* a call into a device that is not ours is going on */
	void (*leave)(void);  /* of a script that was given up; else NULL */
	/* of a device that was compiled to tell its accesses: a store that is being made */
	uint64_t store_gpa;
	size_t store_len;
	uint8_t *copy;	/* of the script's regions, for a device that tells no accesses */
	bool unseen;	/* in this script it may have stored what was not looked at */
	bool spilled;	/* the device has stored outside of them */
	uint8_t *frame; /* room for the next one, of a device that is not ours */
	uint8_t *disk;	/* what is on such a device's disk when a script begins; NULL: not known */
	uint64_t dirty[MAP_REGIONS * MAP_REGION_BYTES / MACHINE_DIRTY_UNIT / 64];
	uint8_t *image; /* of a saved device */
	uint64_t now;	/* us */
	bool stalled;	/* the nic takes no frames */

	struct machine_threads *threads; /* of a device that has some; else NULL */

	struct race race[MACHINE_RACES];
	unsigned int races;
	struct oracle oracle; /* the exact model of our devices */
	struct safety safety; /* rules for any device */

	/* told of each event before it happens; NULL: nobody is */
	void (*told)(void *opaque, const struct machine_event *event);
	void *told_opaque;
	/* told of each frame that the device sends; NULL: nobody is */
	void (*told_sent)(void *opaque, const void *frame, size_t len);
	void *sent_opaque;

	const struct machine_ground *ground; /* all that the device may show; NULL: all it has */
};

/* Once a process; never fails (no memory for it: abort). */
void machine_create(struct machine *m);

/* The same, with the device of somebody else; machine_ask is next. False: it cannot be attacked,
 * and `error` says why. */
bool machine_create_foreign(struct machine *m, struct device_under_test *dut, char *error,
			    size_t room);
/* Asks the device what it offers, as a driver would: it may fail there like anywhere. False: the
 * same. */
bool machine_ask(struct machine *m, char *error, size_t room);

/* What ours can be beside `other`: all that it offers, as far as ours has it at all. */
void machine_offer_ours(const struct machine_offer *other, struct machine_offer *ours);
/* What both offer. False: nothing can be compared, and `error` says why. */
bool machine_offer_common(const struct machine_offer *a, const struct machine_offer *b,
			  struct machine_offer *common, char *error, size_t room);
/* From the next script on the device shows no more than that, which stays the caller's; our own one
 * has just that. The header of the script must be fit for it (play/seen.h). */
void machine_use_ground(struct machine *m, const struct machine_ground *ground);
/* What can be seen of the disk: up to SETUP_SECTORS; NULL: nothing. */
const uint8_t *machine_disk(const struct machine *m, uint64_t *sectors);

/* The address at which the device finds what a script has at `gpa`; the other way round: false, if
 * no script has it. */
uint64_t machine_gpa(const struct machine *m, uint64_t gpa);
bool machine_script_gpa(const struct machine *m, uint64_t gpa, uint64_t *script);

/* Whether the device says that it has to be reset. */
bool machine_needs_reset(const struct machine *m);
/* Whether the driver may expect this queue to work. */
bool machine_queue_live(const struct machine *m, unsigned int queue);

/* Resets a device that is not ours, and checks that nothing of the script is left. */
void machine_check_reset(struct machine *m);

/* The device as new, with the first content on its disk. */
void machine_power_cycle(struct machine *m);

/* A new device with clean RAM for this setup. The oracle jumps to `escape` at a violation. */
void machine_start(struct machine *m, const struct setup *p, jmp_buf *escape);
/* Destroys the device, in whatever state a violation left it. */
void machine_stop(struct machine *m);

/* The device has failed in the middle of a call: at its next access to guest RAM, or when it
 * returns, `leave` is called, which leaves the script. machine_stop is next. */
void machine_give_up(struct machine *m, void (*leave)(void));

/* What a guest can do: read and write are for registers, load and store for RAM. Outside of RAM
 * they read zeroes, and write nothing. */
uint64_t machine_read(struct machine *m, uint64_t offset, unsigned int width);
void machine_write(struct machine *m, uint64_t offset, unsigned int width, uint64_t value);
void machine_load(const struct machine *m, uint64_t gpa, void *bytes, size_t len);
void machine_store(struct machine *m, uint64_t gpa, const void *bytes, size_t len);
void machine_add_race(struct machine *m, const struct race *race);
void machine_drop_races(struct machine *m);

/* For buses whose guest stores by itself. How many of `len` bytes at `gpa` lie in one RAM region.
 */
size_t machine_ram_at(uint64_t gpa, size_t len);
/* The guest has written these bytes. */
void machine_touched(struct machine *m, uint64_t gpa, size_t len);

/* What its host can do. The next frame is built in machine_frame_room, ANVIL_NIC_FRAME_BYTES_MAX.
 */
uint8_t *machine_frame_room(struct machine *m);
void machine_frame(struct machine *m, uint32_t len, const struct anvil_nic_offload *offload);
void machine_complete(struct machine *m, unsigned int which, int result);
/* How many requests wait for that. */
unsigned int machine_waiting(const struct machine *m);
void machine_link(struct machine *m, bool up);
void machine_announce(struct machine *m);
void machine_speed(struct machine *m, uint32_t speed, uint8_t duplex);
void machine_time(struct machine *m, uint64_t usecs);
void machine_resize(struct machine *m, uint64_t capacity);
/* A zone of the disk, modulo how many there are, can only be read from now on, or is offline. */
void machine_fail_zone(struct machine *m, unsigned int which, bool offline);
void machine_stall(struct machine *m, bool nic_stalled);
/* After so many points the threads of the device go on by these choices, 2 bits each, lowest first.
 * Without threads nothing is done. */
void machine_schedule(struct machine *m, unsigned int after, uint64_t choices);
/* Saves the device and makes it anew from its state after this damage; not with requests in flight.
 */
void machine_restore(struct machine *m, const struct machine_damage *damage);
void machine_disk_deferred(struct machine *m, bool deferred);
/* From here on the disk completes at once: all its requests complete, the nic takes frames again,
 * and time passes until notifications that waited were sent. */
void machine_drain(struct machine *m);
/* Call it after machine_drain and a notification of each queue: a frame may wait only for want of
 * receive buffers. */
void machine_check_waiting(struct machine *m);

#endif
