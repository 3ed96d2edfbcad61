/* Guest RAM, the racing guest, and the registers: what each exported program has. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend.h"
#include "virtio_blk.h"
#include "virtio_mmio.h"
#include "virtio_net.h"
#include "virtio_spec.h"

/* ---- guest RAM: each region between pages that fault ---- */

#define REGION_BYTES 0x10000u
#define REGIONS	     3u
#define RACES	     8u

static struct anvil_guest_memory_region region[REGIONS] = {
	{ .gpa = 0x40000000, .size = REGION_BYTES },
	{ .gpa = 0x40010000, .size = REGION_BYTES },
	{ .gpa = 0x100000000, .size = REGION_BYTES },
};
static struct anvil_guest_memory memory;
static struct anvil_mmio mmio;
static int deferred_work;

/* "When the device fetches from this range for the n-th time, first change these bytes." */
static struct race {
	uint64_t watch;
	uint64_t watch_bytes;
	unsigned int countdown;
	uint64_t gpa;
	const char *bytes; /* NULL: the number there changes by `by` */
	size_t len;
	int by;
	int grows; /* again, at each fetch in the same call */
	int grown;
} race[RACES];
static unsigned int races;

/* What is not RAM is left out. */
HELPER void store(uint64_t gpa, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		for (unsigned int r = 0; r < REGIONS; r++) {
			if (gpa + i - region[r].gpa < region[r].size)
				((char *)region[r].host)[gpa + i - region[r].gpa] = bytes[i];
		}
	}
}

HELPER void fill(uint64_t gpa, char byte, size_t len)
{
	for (size_t i = 0; i < len; i++)
		store(gpa + i, &byte, 1);
}

/* What is not RAM reads as 0. */
static void change_by(uint64_t gpa, int by)
{
	unsigned char number[2] = { 0, 0 };
	int value;

	for (unsigned int i = 0; i < 2; i++) {
		for (unsigned int r = 0; r < REGIONS; r++) {
			if (gpa + i - region[r].gpa < region[r].size)
				number[i] =
					((unsigned char *)region[r].host)[gpa + i - region[r].gpa];
		}
	}
	value = number[!guest_big_endian] * 256 + number[guest_big_endian] + by;
	number[guest_big_endian] = (unsigned char)value;
	number[!guest_big_endian] = (unsigned char)(value >> 8);
	store(gpa, (const char *)number, 2);
}

static void fetching(void *opaque, uint64_t gpa, size_t len)
{
	(void)opaque;
	for (unsigned int i = 0; i < races; i++) {
		struct race *r = &race[i];
		int apart =
			gpa >= r->watch ? gpa - r->watch >= r->watch_bytes : r->watch - gpa >= len;

		if (!r->countdown || apart || --r->countdown)
			continue;
		if (r->bytes)
			store(r->gpa, r->bytes, r->len);
		else
			change_by(r->gpa, r->by);
		if (r->grows)
			r->grown = r->countdown = 1;
		if (shows())
			printf("  guest changes %zu bytes at 0x%llx meanwhile\n", r->len,
			       (unsigned long long)r->gpa);
	}
}

HELPER void arm_race(uint64_t watch, uint64_t watch_bytes, unsigned int nth, uint64_t gpa,
		     const char *bytes, size_t len)
{
	if (races < RACES)
		race[races++] = (struct race){ watch, watch_bytes, nth, gpa, bytes, len, 0, 0, 0 };
}

/* A number of 16 bits becomes one more, or one less. */
HELPER void arm_change(uint64_t watch, uint64_t watch_bytes, unsigned int nth, uint64_t gpa, int by,
		       int grows)
{
	if (races < RACES)
		race[races++] =
			(struct race){ watch, watch_bytes, nth, gpa, NULL, 2, by, grows, 0 };
}

static void *new_region(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *at =
		mmap(NULL, REGION_BYTES + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED || mprotect(at + page, REGION_BYTES, PROT_READ | PROT_WRITE))
		abort();
	return at + page;
}

static void create_memory(void)
{
	static const struct anvil_guest_memory_tap tap = { fetching, fetched, stored, NULL };

	for (unsigned int r = 0; r < REGIONS; r++)
		region[r].host = new_region();
	if (anvil_guest_memory_init(&memory, region, REGIONS))
		abort();
	memory.tap = &tap;
}

/* ---- registers ---- */

static void set_irq(void *opaque, bool asserted)
{
	(void)opaque, (void)asserted;
}

static void defer(void *opaque)
{
	(void)opaque;
	deferred_work = 1;
}

/* The device has come back. */
static void stop_growing(void)
{
	for (unsigned int i = 0; i < races; i++) {
		if (race[i].grown)
			race[i].countdown = 0;
	}
}

/* What the device left over, as an embedder does it soon after. */
static void settle(void)
{
	stop_growing();
	for (unsigned int i = 0; deferred_work && i < 4096; i++) {
		deferred_work = 0;
		anvil_mmio_poll(&mmio);
		stop_growing();
	}
}

static void attach(struct anvil_device *dev, bool legacy, bool big_endian)
{
	static const struct anvil_mmio_host_ops host = { .set_irq = set_irq, .defer = defer };

	guest_legacy = legacy;
	guest_big_endian = big_endian;
	if (!legacy)
		anvil_mmio_init(&mmio, dev, &host, NULL);
	else if (anvil_mmio_init_legacy(&mmio, dev, &host, NULL, big_endian))
		abort();
}

HELPER void reg_write(uint64_t offset, unsigned int width, uint64_t value)
{
	show_register("writes", offset, width, value);
	if (width == 4)
		follow(offset, value);
	anvil_mmio_write(&mmio, offset, width, value);
	settle();
}

/* `was` is what it gave when this program was made; another device may give something else. */
HELPER void reg_read(uint64_t offset, unsigned int width, uint64_t was)
{
	uint64_t value = anvil_mmio_read(&mmio, offset, width);

	show_register("reads", offset, width, value);
	if (value != was)
		printf("register 0x%llx reads 0x%llx, was 0x%llx\n", (unsigned long long)offset,
		       (unsigned long long)value, (unsigned long long)was);
}
