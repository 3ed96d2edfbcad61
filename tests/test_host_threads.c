/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host_device.h: what may happen at once does. A driver with requests under way and resets between
 * them, a second processor that reads every register and notifies, and somebody who changes the
 * device from outside; for a disk and a network card. What is not ordered between them
 * ThreadSanitizer tells (build/tsan/), whatever the order was this time.
 */
#include "host_disk_rig.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "kvm/host_nic.h"
#include "virtio_spec.h"

#define ROUNDS	   20u
#define BATCHES	   10u
#define QUEUE_SIZE 64u
#define RINGS	   0x100000ull
#define DATA	   0x200000ull
#define SLOT	   0x1000ull /* of the memory of a request */
#define PATIENCE   60000     /* ms: more than anything takes here */

struct bench {
	struct ram ram;
	struct anvil_guest_memory memory;
	struct host_device *device;
	const char *const *controls; /* up to NULL */
	unsigned int queue;	     /* that the driver uses */
	uint16_t made;		     /* chains, since the queue runs */
	atomic_bool over;
	atomic_uint looks;
	atomic_uint changes;
};

static void *at(const struct bench *b, uint64_t gpa)
{
	return ram_at(&b->ram, gpa, SLOT);
}

static void set(const struct bench *b, uint64_t reg, uint32_t value)
{
	host_device_write(b->device, reg, 4, value);
}

static uint32_t get(const struct bench *b, uint64_t reg)
{
	return (uint32_t)host_device_read(b->device, reg, 4);
}

/* ---- the others ---- */

static void *second_processor(void *opaque)
{
	struct bench *b = opaque;

	while (!b->over) {
		for (uint64_t reg = 0; reg < VIRTIO_MMIO_CONFIG + 32; reg += 4)
			(void)get(b, reg);
		set(b, VIRTIO_MMIO_QUEUE_NOTIFY, b->queue);
		b->looks++;
	}
	return NULL;
}

static void *somebody_outside(void *opaque)
{
	struct bench *b = opaque;

	while (!b->over) {
		for (unsigned int i = 0; b->controls[i]; i++)
			(void)host_device_control(b->device, b->controls[i]);
		b->changes++;
	}
	return NULL;
}

/* ---- the driver ---- */

/* Without notifications and interrupts by index (F_EVENT_IDX): each chain is told. */
static void bring_up(struct bench *b)
{
	const uint64_t desc = RINGS;
	const uint64_t avail = RINGS + 0x1000;
	const uint64_t used = RINGS + 0x2000;

	set(b, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(get(b, VIRTIO_MMIO_STATUS), 0);
	set(b, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
	set(b, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(b, VIRTIO_MMIO_DRIVER_FEATURES, 1u << (VIRTIO_F_VERSION_1 - 32));
	set(b, VIRTIO_MMIO_STATUS,
	    VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK);
	memset(ram_at(&b->ram, RINGS, 0x3000), 0, 0x3000);
	b->made = 0;
	set(b, VIRTIO_MMIO_QUEUE_SEL, b->queue);
	set(b, VIRTIO_MMIO_QUEUE_SIZE, QUEUE_SIZE);
	set(b, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)desc);
	set(b, VIRTIO_MMIO_QUEUE_DRIVER_LOW, (uint32_t)avail);
	set(b, VIRTIO_MMIO_QUEUE_DEVICE_LOW, (uint32_t)used);
	set(b, VIRTIO_MMIO_QUEUE_READY, 1);
	set(b, VIRTIO_MMIO_STATUS,
	    VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK |
		    VIRTIO_STATUS_DRIVER_OK);
}

static void add(struct bench *b, const struct virtq_desc *chain, unsigned int count)
{
	uint16_t *avail = at(b, RINGS + 0x1000);
	uint16_t head = (uint16_t)(b->made * 4 % QUEUE_SIZE);
	struct virtq_desc *table = at(b, RINGS);

	for (uint16_t i = 0; i < count; i++) {
		table[head + i] = chain[i];
		table[head + i].next = (uint16_t)(head + i + 1);
		table[head + i].flags |= i + 1u < count ? VIRTQ_DESC_F_NEXT : 0;
	}
	avail[2 + b->made % QUEUE_SIZE] = head;
	b->made++;
}

static void kick(struct bench *b)
{
	uint16_t *avail = at(b, RINGS + 0x1000);

	__atomic_store_n(&avail[1], b->made, __ATOMIC_RELEASE);
	assert_int_equal(eventfd_write(b->device->kick_fd[b->queue], 1), 0);
}

static bool all_used(const struct bench *b)
{
	const uint16_t *used = at(b, RINGS + 0x2000);

	return __atomic_load_n(&used[1], __ATOMIC_ACQUIRE) == b->made;
}

/* Sleeps until interrupts say that all chains are back. */
static void wait_for_all(struct bench *b)
{
	while (!all_used(b)) {
		struct pollfd interrupt = { b->device->irq_fd, POLLIN, 0 };
		eventfd_t count;

		if (poll(&interrupt, 1, PATIENCE) != 1)
			fail_msg("%u chains were made available, and are not all given back",
				 b->made);
		(void)eventfd_read(b->device->irq_fd, &count);
		set(b, VIRTIO_MMIO_INTERRUPT_ACK, get(b, VIRTIO_MMIO_INTERRUPT_STATUS));
	}
}

/* In each round all but the last batch are waited for; that one meets a reset. */
static void drive(struct bench *b, void (*make)(struct bench *b, unsigned int slot),
		  void (*check)(const struct bench *b, unsigned int slot))
{
	for (unsigned int round = 0; round < ROUNDS; round++) {
		bring_up(b);
		for (unsigned int batch = 0; batch < BATCHES; batch++) {
			unsigned int count = 1 + batch;

			for (unsigned int i = 0; i < count; i++)
				make(b, i);
			kick(b);
			if (batch + 1 == BATCHES)
				break;
			wait_for_all(b);
			for (unsigned int i = 0; i < count; i++)
				check(b, i);
		}
	}
	set(b, VIRTIO_MMIO_STATUS, 0);
}

static void all_at_once(struct bench *b, void (*make)(struct bench *b, unsigned int slot),
			void (*check)(const struct bench *b, unsigned int slot))
{
	pthread_t second;
	pthread_t outside;

	assert_int_equal(host_device_start(b->device), 0);
	assert_int_equal(pthread_create(&second, NULL, second_processor, b), 0);
	assert_int_equal(pthread_create(&outside, NULL, somebody_outside, b), 0);
	drive(b, make, check);
	while (!b->looks || !b->changes) /* they have had a turn */
		sched_yield();
	b->over = true;
	assert_int_equal(pthread_join(second, NULL), 0);
	assert_int_equal(pthread_join(outside, NULL), 0);
	/* a link that was taken down is up again: what comes now is not lost */
	bring_up(b);
	make(b, 0);
	kick(b);
	wait_for_all(b);
	check(b, 0);
	host_device_stop(b->device);
	host_device_destroy(b->device);
	ram_destroy(&b->ram);
}

/* ---- a disk ---- */

static void make_request(struct bench *b, unsigned int slot)
{
	uint64_t gpa = DATA + slot * SLOT;
	bool write = slot % 2;
	const struct virtq_desc chain[] = {
		{ .addr = gpa, .len = 16 },
		{ .addr = gpa + 512, .len = 512, .flags = write ? 0 : VIRTQ_DESC_F_WRITE },
		{ .addr = gpa + 32, .len = 1, .flags = VIRTQ_DESC_F_WRITE },
	};
	struct virtio_blk_header *header = at(b, gpa);

	*header = (struct virtio_blk_header){
		.type = write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
		.sector = slot,
	};
	*(uint8_t *)at(b, gpa + 32) = 0xff;
	memset(at(b, gpa + 512), (int)slot, 512);
	add(b, chain, 3);
}

static void check_request(const struct bench *b, unsigned int slot)
{
	const uint8_t *status = at(b, DATA + slot * SLOT + 32);

	assert_int_equal(*status, VIRTIO_BLK_S_OK);
}

static void a_disk(void **state)
{
	static const char *const controls[] = { "resize", NULL };
	struct bench b = { .controls = controls };

	(void)state;
	assert_int_equal(ram_create(&b.ram, RAM_MIB_MIN), 0);
	assert_int_equal(open_disk(&b.device, &b.ram, &b.memory, false), 0);
	all_at_once(&b, make_request, check_request);
}

/* ---- a network card ---- */

static void make_frame(struct bench *b, unsigned int slot)
{
	uint64_t gpa = DATA + slot * SLOT;
	const struct virtq_desc frame = { .addr = gpa, .len = 12 + 60 + slot };

	memset(at(b, gpa), 0, 12);
	memset(at(b, gpa + 12), (int)slot, 60 + slot);
	add(b, &frame, 1);
}

static void check_frame(const struct bench *b, unsigned int slot)
{
	(void)b, (void)slot;
}

static void a_network_card(void **state)
{
	static const char *const controls[] = { "link down", "link up", "announce", NULL };
	char capture[] = "/tmp/anvil-capture.XXXXXX";
	struct host_nic_spec spec = { .kind = HOST_NIC_PCAP, .mergeable = true };
	struct bench b = { .controls = controls, .queue = 1 };
	int fd = mkstemp(capture);
	struct stat st;

	(void)state;
	assert_true(fd >= 0);
	snprintf(spec.name, sizeof(spec.name), "%s", capture);
	assert_int_equal(ram_create(&b.ram, RAM_MIB_MIN), 0);
	ram_for_devices(&b.ram, &b.memory);
	if (host_nic_create(&b.device, &spec, 0, &b.memory, error, sizeof(error)))
		fail_msg("%s", error);
	all_at_once(&b, make_frame, check_frame);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_size > 24); /* more than a capture's header */
	close(fd);
	assert_int_equal(unlink(capture), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_disk, make_image, remove_image),
		cmocka_unit_test(a_network_card),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
