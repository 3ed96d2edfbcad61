/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtio-mmio device that the harness attacks: yours, or ours.
 *
 * Fill in one struct device_under_test and return it from device_under_test(). That is all: this
 * header needs nothing else of the harness. What the device offers (its kind, features, queues,
 * their sizes, its configuration space) is read from its registers and never asked for here.
 * Members that are marked optional may be NULL, where the host's side of your device has no such
 * thing.
 *
 * The harness calls from one thread, one call at a time, but for `thread`. Your device may call the
 * host's side back from any of these calls but `create`.
 */
#ifndef DEVICE_UNDER_TEST_H
#define DEVICE_UNDER_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUT_VERSION 2u
/* What is made for an older version has not the members that came with later ones. */
#define DUT_VERSION_THREADS 2u
#define DUT_RAM_REGIONS	    4u
#define DUT_THREADS_MAX	    7u

struct device_under_test;

/* A range of guest RAM. The harness writes there as the guest, and reads what the device has
 * stored. */
struct dut_ram {
	uint64_t gpa;	/* guest-physical address of the first byte */
	uint64_t bytes; /* 0: there is no such range */
	void *host;	/* where the first byte is in this process */
};

/* What your device tells the host's side. It is there from `create` on. */
struct dut_host {
	/* The interrupt line is asserted from now on, or not any more. A device whose interrupt is
	 * an edge says true, then false. */
	void (*set_irq)(struct device_under_test *dut, bool asserted);
	/* A network device sends this frame: `bytes` bytes from the Ethernet header on, without a
	 * struct virtio_net_hdr. They need to be there during this call alone. */
	void (*sent)(struct device_under_test *dut, const void *frame, size_t bytes);

	/* For a device that tells its accesses to guest RAM itself, at one place in its code, and
	 * is not compiled for it: before it fetches, so that a race can strike; after it has
	 * fetched these bytes, in its private memory; and after it has stored them. */
	void (*fetching)(struct device_under_test *dut, uint64_t gpa, size_t len);
	void (*fetched)(struct device_under_test *dut, uint64_t gpa, const void *bytes, size_t len);
	void (*stored)(struct device_under_test *dut, uint64_t gpa, const void *bytes, size_t len);

	/* For a device with threads: another one may go on here, as at each access to guest RAM and
	 * each lock; say so beside atomic accesses that threads share. `waits`: it does nothing
	 * until another one has done something, and has to be called in a loop that waits so. */
	void (*between)(struct device_under_test *dut, bool waits);
};

/* Promises, ORed into `traits`. */
enum dut_trait {
	/* Each access to guest RAM is told, by a device compiled for it (harness/tap/). Then races
	 * can strike, and the rules on what is read, in which order and how often can be checked.
	 */
	DUT_TAPPED = 1,
	/* It fetches as the harness's own devices do, and tells their exact model: theirs alone. */
	DUT_EXACT = 2,
	/* It is compiled with MemorySanitizer, which knows what it has written. */
	DUT_MEMORY = 4,
};

/* What the compiler's flags promise: those of the tap come with -DDUT_TAP. */
#ifdef DUT_TAP
#define DUT_TRAITS DUT_TAPPED
#elif defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define DUT_TRAITS DUT_MEMORY
#endif
#endif
#ifndef DUT_TRAITS
#define DUT_TRAITS 0
#endif

/* The first members, in an initializer. */
#define DUT_INIT .version = DUT_VERSION, .traits = DUT_TRAITS

struct device_under_test {
	uint32_t version; /* DUT_VERSION */
	uint32_t traits;  /* enum dut_trait: DUT_TRAITS, and what else it promises */
	const char *name; /* for reports */
	void *opaque;	  /* yours */
	void *harness;	  /* the harness's */

	/* Guest RAM. `create` may fill this in. 192 KiB at least, in all; all other than these
	 * ranges is not RAM. What scripts use of it is cleared before each power_cycle. For a
	 * guest on /dev/kvm it begins on a page (aligned_alloc). */
	struct dut_ram ram[DUT_RAM_REGIONS];

	/* Optional. A block device's content, its first `sectors` of 512 bytes, in memory that is
	 * there from `create` on: the harness puts its own there before each power_cycle, and reads
	 * it between calls. A few hundred sectors are enough, of a larger disk, too; 1 GiB is the
	 * most. */
	void *disk;
	uint64_t sectors;

	/* Once a process, before anything else. Returns 0 or a negative errno. `host` stays valid.
	 */
	int (*create)(struct device_under_test *dut, const struct dut_host *host);
	/* The device as new: before each script, thousands of times a second. Nothing of the last
	 * script may be left, neither in registers nor in host memory nor in the content of a disk
	 * that `disk` does not show. The interrupt line need not be told: it is not asserted. */
	void (*power_cycle)(struct device_under_test *dut);

	/* The guest reads or writes `width` bytes (1, 2, 4 or 8) at `offset` of the register window
	 * (virtio 1.4, 4.2.2), which begins with the magic value. Any offset below 0x1000, aligned
	 * or not. */
	uint64_t (*read)(struct device_under_test *dut, uint64_t offset, unsigned int width);
	void (*write)(struct device_under_test *dut, uint64_t offset, unsigned int width,
		      uint64_t value);

	/* Optional: the device goes on with work that it left for later. Returns whether there is
	 * more. NULL: all is done when `write` returns. */
	bool (*poll)(struct device_under_test *dut);

	/* Optional, a network device: a frame arrives from the host, of `bytes` bytes from the
	 * Ethernet header on. Returns whether it was taken; false: there is no buffer, and the
	 * frame is lost. */
	bool (*frame)(struct device_under_test *dut, const void *frame, size_t bytes);
	/* Optional, a network device: the link is up or down. */
	void (*link)(struct device_under_test *dut, bool up);
	/* Optional, a block device: the disk has so many sectors from now on. */
	void (*resize)(struct device_under_test *dut, uint64_t sectors);
	/* Optional: requests that wait for the host; and one of them, number `which` % waiting,
	 * completes: `result` is 0 or a negative errno. */
	unsigned int (*waiting)(struct device_under_test *dut);
	void (*complete)(struct device_under_test *dut, unsigned int which, int result);
	/* Optional: from now on requests wait until they are completed by the above, or do not. */
	void (*defer)(struct device_under_test *dut, bool deferred);
	/* Optional: it is `usecs` now, counted from power_cycle. Returns whether the device wants
	 * to be told again, and from when on. */
	bool (*time)(struct device_under_test *dut, uint64_t usecs, uint64_t *next);
	/* Optional, a network device: the guest has moved, and shall announce itself; the link has
	 * this speed in Mbit/s and duplex (1: full); the host takes no frames, or takes them again.
	 */
	void (*announce)(struct device_under_test *dut);
	void (*speed)(struct device_under_test *dut, uint32_t mbits, uint8_t duplex);
	void (*stall)(struct device_under_test *dut, bool stalled);

	/* Optional: the device has so many threads, up to DUT_THREADS_MAX, that work at the same
	 * time as the calls above. Number `which`, from 0 on, looks for work, does what it finds
	 * without waiting for more, and returns whether there was any. With DUT_TAPPED it is called
	 * on a stack of its own, and may stop in the middle, at an access to guest RAM or a lock,
	 * while others go on, calls from the guest among them; else when a call is done.
	 * power_cycle comes when no thread goes on any more, wherever it was: all locks are free
	 * then. */
	unsigned int threads;
	bool (*thread)(struct device_under_test *dut, unsigned int which);
};

/* You define it; called once. In C++ `struct` stays before the type's name, which the function has,
 * too. */
#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
struct device_under_test *device_under_test(void);
#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#ifdef __cplusplus
}
#endif

#endif
