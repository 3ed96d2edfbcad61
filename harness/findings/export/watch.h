/* What the device does to guest RAM, for a reader: shown when `watched`. */
#define _DEFAULT_SOURCE /* -std=c11 does for all that follows */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELPER static __attribute__((unused))

#define QUEUES	     9u
#define BUFFERS	     256u
#define BYTES_SHOWN  16u
#define SHOWN_MAX    10000u
#define AREAS	     3u
#define AREA_DRIVER  1u
#define AREA_DEVICE  2u
#define DESC_BYTES   16u
#define FLAGS_SPLIT  12u
#define FLAGS_PACKED 14u
#define RING_PACKED  34u
#define LEGACY_ALIGN 4096u

/* Where the finding was: during which operation, at which access (0: at none), and what it was. */
static int watched, operation, finding_at = -1;
static unsigned int accesses, finding_access, shown;
static const char *finding;

/* ---- what the driver has said of its queues ---- */

static int guest_big_endian, guest_legacy, packed;
static uint32_t feature_word, selected, page_bytes = LEGACY_ALIGN;

static struct queue {
	uint64_t area[AREAS]; /* descriptors, driver's, device's */
	uint32_t size, align;
} queue[QUEUES];

/* Of descriptors that the device fetched, the newest last. */
static struct buffer {
	uint64_t at;
	uint32_t len;
	unsigned int flags, queue, index;
} buffer[BUFFERS];
static unsigned int buffers;

static void place_legacy(struct queue *q, uint64_t page)
{
	uint64_t align = q->align ? q->align : LEGACY_ALIGN;

	q->area[0] = page * page_bytes;
	q->area[AREA_DRIVER] = q->area[0] + (uint64_t)DESC_BYTES * q->size;
	q->area[AREA_DEVICE] =
		(q->area[AREA_DRIVER] + 6 + 2 * (uint64_t)q->size + align - 1) / align * align;
}

/* QueueDescLow to QueueDeviceHigh: two registers an area */
static void place(struct queue *q, uint64_t offset, uint64_t value)
{
	uint64_t *area = &q->area[(offset - 0x80) / 0x10];

	if (offset % 0x10 == 0)
		*area = (*area & ~(uint64_t)UINT32_MAX) | value;
	else if (offset % 0x10 == 4)
		*area = (*area & UINT32_MAX) | value << 32;
}

static void follow(uint64_t offset, uint64_t value)
{
	struct queue *q = &queue[selected < QUEUES ? selected : 0];

	if (offset == 0x24)
		feature_word = (uint32_t)value;
	else if (offset == 0x20 && feature_word == RING_PACKED / 32)
		packed = value >> (RING_PACKED % 32) & 1;
	else if (offset == 0x28)
		page_bytes = (uint32_t)value;
	else if (offset == 0x30)
		selected = (uint32_t)value;
	else if (offset == 0x70 && value == 0)
		buffers = 0;
	if (selected >= QUEUES)
		return;
	if (offset == 0x38)
		q->size = (uint32_t)value;
	else if (offset == 0x3c)
		q->align = (uint32_t)value;
	else if (offset == 0x40 && guest_legacy)
		place_legacy(q, value);
	else if (offset >= 0x80 && offset < 0xb0)
		place(q, offset, value);
}

/* ---- what an address is ---- */

static uint64_t number_of(const unsigned char *bytes, unsigned int len)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < len; i++)
		n |= (uint64_t)bytes[i] << 8 * (guest_big_endian ? len - 1 - i : i);
	return n;
}

/* Fetched at once; or of a packed ring the flags first, which say whether there is more */
static void remember_descriptor(const unsigned char *bytes, size_t len, uint64_t at, unsigned int q)
{
	static unsigned int flags;
	unsigned int from = packed ? FLAGS_PACKED : FLAGS_SPLIT;

	if (packed && len == 2 && at % DESC_BYTES == FLAGS_PACKED)
		flags = (unsigned int)number_of(bytes, 2);
	if (at % DESC_BYTES || len < 12)
		return;
	if (len == DESC_BYTES)
		flags = (unsigned int)number_of(bytes + from, 2);
	buffer[buffers++ % BUFFERS] =
		(struct buffer){ number_of(bytes, 8), (uint32_t)number_of(bytes + 8, 4), flags, q,
				 (unsigned int)(at / DESC_BYTES) };
}

static int inside(uint64_t gpa, uint64_t len, uint64_t at, uint64_t room)
{
	return len <= room && gpa - at <= room - len;
}

static uint64_t area_bytes(const struct queue *q, unsigned int area)
{
	uint64_t n = q->size;

	if (area == 0)
		return DESC_BYTES * n;
	if (packed)
		return 4;
	return area == AREA_DRIVER ? 6 + 2 * n : 6 + 8 * n;
}

static void name_descriptor(uint64_t at, size_t len)
{
	unsigned int from = (unsigned int)(at % DESC_BYTES);

	printf("descriptor %u", (unsigned int)(at / DESC_BYTES));
	if (packed && from == FLAGS_PACKED && len == 2)
		fputs(", flags", stdout);
	else if (from)
		printf(", from byte %u on", from);
}

static void name_ring(const struct queue *q, unsigned int area, uint64_t at)
{
	unsigned int entry = area == AREA_DRIVER ? 2 : 8;

	if (packed)
		printf("%s event suppression", area == AREA_DRIVER ? "driver" : "device");
	else if (at < 2)
		printf("%s ring, flags", area == AREA_DRIVER ? "available" : "used");
	else if (at < 4)
		printf("%s ring, idx", area == AREA_DRIVER ? "available" : "used");
	else if (at < 4 + (uint64_t)entry * q->size)
		printf("%s ring, entry %u", area == AREA_DRIVER ? "available" : "used",
		       (unsigned int)(at - 4) / entry);
	else
		printf("%s ring, %s", area == AREA_DRIVER ? "available" : "used",
		       area == AREA_DRIVER ? "used_event" : "avail_event");
}

/* Of a ring: its name, and a descriptor is remembered. */
static int name_area(uint64_t gpa, const unsigned char *bytes, size_t len, int fetch)
{
	for (unsigned int i = 0; i < QUEUES * AREAS; i++) {
		unsigned int area = i % AREAS;
		const struct queue *q = &queue[i / AREAS];
		uint64_t at = gpa - q->area[area];

		if (!q->size || !q->area[area] ||
		    !inside(gpa, len, q->area[area], area_bytes(q, area)))
			continue;
		if (watched)
			printf("queue %u, ", i / AREAS);
		if (watched && area == 0)
			name_descriptor(at, len);
		else if (watched)
			name_ring(q, area, at);
		if (area == 0 && fetch)
			remember_descriptor(bytes, len, at, i / AREAS);
		return 1;
	}
	return 0;
}

static int name_buffer(uint64_t gpa, const unsigned char *bytes, size_t len, int fetch)
{
	unsigned int oldest = buffers > BUFFERS ? buffers - BUFFERS : 0;

	for (unsigned int i = buffers; i-- > oldest;) {
		const struct buffer b = buffer[i % BUFFERS];

		if (!inside(gpa, len, b.at, b.len))
			continue;
		if (watched)
			printf("%s of queue %u's descriptor %u, %u bytes, device-%s",
			       b.flags & 4 ? "indirect table" : "buffer", b.queue, b.index, b.len,
			       b.flags & 2 ? "writable" : "readable");
		if (b.flags & 4 && fetch)
			remember_descriptor(bytes, len, gpa - b.at, b.queue);
		return 1;
	}
	return 0;
}

/* ---- showing ---- */

/* Whether there is room for one more line */
static int shows(void)
{
	if (watched && shown++ == SHOWN_MAX)
		puts("  and so on: no more is shown");
	watched = watched && shown <= SHOWN_MAX;
	return watched;
}

static void show_access(const char *does, uint64_t gpa, const unsigned char *bytes, size_t len,
			int fetch)
{
	int this_one = operation == finding_at && ++accesses == finding_access;

	if (shows()) {
		printf("  device %s %zu byte%s at 0x%llx:", does, len, len == 1 ? "" : "s",
		       (unsigned long long)gpa);
		for (size_t i = 0; i < len && i < BYTES_SHOWN; i++)
			printf(" %02x", bytes[i]);
		printf("%s; ", len > BYTES_SHOWN ? " ..." : "");
	}
	if (!name_area(gpa, bytes, len, fetch) && !name_buffer(gpa, bytes, len, fetch) && watched)
		fputs("no ring and no buffer", stdout);
	if (watched)
		putchar('\n');
	if (watched && this_one)
		printf("  ^ here the harness said %s\n", finding);
}

static void fetched(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	(void)opaque;
	show_access("fetches", gpa, bytes, len, 1);
}

static void stored(void *opaque, uint64_t gpa, const void *bytes, size_t len)
{
	(void)opaque;
	show_access("stores", gpa, bytes, len, 0);
}

HELPER void show_register(const char *does, uint64_t offset, unsigned int width, uint64_t value)
{
	if (shows())
		printf("  guest %s register 0x%llx, %u byte%s: 0x%llx\n", does,
		       (unsigned long long)offset, width, width == 1 ? "" : "s",
		       (unsigned long long)value);
}

HELPER void show_request(const char *what, uint64_t sectors, uint64_t sector)
{
	if (shows())
		printf("  device asks the disk: %s %llu sectors at %llu\n", what,
		       (unsigned long long)sectors, (unsigned long long)sector);
}

/* An operation begins. */
static void begin(int op, const char *name, int all)
{
	if (watched && finding && operation == finding_at && !finding_access)
		printf("  ^ here the harness said %s\n", finding);
	operation = op;
	accesses = 0;
	watched = (all || (finding && op == finding_at)) && shown <= SHOWN_MAX;
	if (watched)
		printf("operation %d, %s:\n", op, name);
}
