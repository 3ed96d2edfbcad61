/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host_device.h: interrupts, a reset while the back end has requests, more to poll than the process
 * may have files, its thread, what it says of itself, and what it opens.
 */
#include "host_disk_rig.h"
#include "host_rig.h"

#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>

#include "virtio_blk.h"
#include "virtio_spec.h"

/* ---- interrupts ---- */

static unsigned int edges(const struct host_device *d)
{
	eventfd_t count;

	return eventfd_read(d->irq_fd, &count) ? 0 : (unsigned int)count;
}

static void raise_interrupt(const struct host_device *d, uint32_t events)
{
	d->dev->transport->interrupt(d->dev->transport_opaque, events);
}

/* The driver acknowledges what it saw; what came after that must not wait for ever. */
static void each_reason_for_an_interrupt_has_an_edge(void **state)
{
	struct anvil_guest_memory memory;
	struct host_device *d;
	struct ram ram;

	(void)state;
	assert_int_equal(ram_create(&ram, RAM_MIB_MIN), 0);
	assert_int_equal(open_disk(&d, &ram, &memory, false), 0);
	raise_interrupt(d, VIRTIO_INTERRUPT_USED);
	assert_int_equal(edges(d), 1);
	raise_interrupt(d, VIRTIO_INTERRUPT_CONFIG);
	assert_int_equal(edges(d), 0); /* the handler is still to come */
	host_device_write(d, VIRTIO_MMIO_INTERRUPT_ACK, 4, VIRTIO_INTERRUPT_USED);
	assert_int_equal(edges(d), 1);
	host_device_write(d, VIRTIO_MMIO_INTERRUPT_ACK, 4, VIRTIO_INTERRUPT_CONFIG);
	assert_int_equal(edges(d), 0);
	raise_interrupt(d, VIRTIO_INTERRUPT_USED);
	assert_int_equal(edges(d), 1);
	host_device_destroy(d);
	ram_destroy(&ram);
}

/* ---- a reset while the back end has requests ---- */

/* A disk that cannot cancel: the device's thread hears of a request's end when it looks around. */
struct slow {
	struct host_device device; /* first */
	struct anvil_disk disk;
	struct anvil_blk blk;
	struct anvil_disk_request *request;
	unsigned int finished;
	struct ram ram;
	struct anvil_guest_memory memory;
};

static void slow_submit(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	((struct slow *)(void *)((char *)disk - offsetof(struct slow, disk)))->request = request;
}

static void slow_cancel(struct anvil_disk *disk, struct anvil_disk_request *request)
{
	struct slow *s = (struct slow *)(void *)((char *)disk - offsetof(struct slow, disk));

	(void)request;
	(void)eventfd_write(s->device.wake_fd, 1);
}

static unsigned int slow_fill(struct host_device *d, struct pollfd *pollfds, unsigned int room,
			      int *timeout)
{
	(void)d, (void)pollfds, (void)room, (void)timeout;
	return 0;
}

/* Only what was cancelled ends. */
static void slow_dispatch(struct host_device *d, const struct pollfd *pollfds, unsigned int count)
{
	struct slow *s = (struct slow *)(void *)d;
	struct anvil_disk_request *request = s->request;

	(void)pollfds, (void)count;
	if (!request || !anvil_mmio_resetting(&d->mmio))
		return;
	s->request = NULL;
	s->finished++;
	request->done(request, 0);
}

static void slow_destroy(struct host_device *d)
{
	anvil_blk_destroy(&((struct slow *)(void *)d)->blk);
}

#define SLOW_QUEUE 8u

static const struct host_device_ops slow_ops = { .fill = slow_fill,
						 .dispatch = slow_dispatch,
						 .destroy = slow_destroy };

static const struct anvil_disk_ops slow_disk_ops = { slow_submit, slow_cancel };

static void make_slow(struct slow *s, const struct host_device_ops *ops, bool packed)
{
	struct anvil_blk_options o = {
		.memory = &s->memory,
		.disk = &s->disk,
		.queue_size_max = SLOW_QUEUE,
		.slots = 1,
		.transfer_max = ANVIL_DISK_SECTOR_BYTES,
		.blk_size = ANVIL_DISK_SECTOR_BYTES,
		.range_sectors_max = 1,
		.range_segments_max = 1,
	};

	*s = (struct slow){ .disk = { .ops = &slow_disk_ops, .capacity = 8 } };
	assert_int_equal(ram_create(&s->ram, RAM_MIB_MIN), 0);
	ram_for_devices(&s->ram, &s->memory);
	anvil_features_add(&o.features, VIRTIO_BLK_F_FLUSH);
	if (packed)
		anvil_features_add(&o.features, VIRTIO_F_RING_PACKED);
	assert_int_equal(anvil_blk_init(&s->blk, &o), 0);
	assert_int_equal(host_device_init(&s->device, ops, &s->blk.dev), 0);
}

static void end_slow(struct slow *s)
{
	host_device_destroy(&s->device);
	ram_destroy(&s->ram);
}

static void set_register(struct host_device *d, uint32_t reg, uint32_t value)
{
	host_device_write(d, reg, 4, value);
}

/* Up to FEATURES_OK, with these features, and a queue in the page `at`. */
static void negotiate(struct host_device *d, uint64_t features, uint64_t at)
{
	set_register(d, VIRTIO_MMIO_STATUS, 3);
	for (uint32_t i = 0; i < 2; i++) {
		set_register(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, i);
		set_register(d, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32 * i));
	}
	set_register(d, VIRTIO_MMIO_STATUS, 11);
	set_register(d, VIRTIO_MMIO_QUEUE_SIZE, SLOW_QUEUE);
	set_register(d, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)at);
	set_register(d, VIRTIO_MMIO_QUEUE_DRIVER_LOW, (uint32_t)at + 0x100);
	set_register(d, VIRTIO_MMIO_QUEUE_DEVICE_LOW, (uint32_t)at + 0x200);
}

#define PLAIN  (UINT64_C(1) << VIRTIO_F_VERSION_1)
#define PACKED (PLAIN | UINT64_C(1) << VIRTIO_F_RING_PACKED)

/*
 * Up to DRIVER_OK, with rings from `at` on and the whole RAM empty, and a request made available,
 * with room for so many bytes of an answer before its status. All is in one page.
 */
#define ANSWER 0x500u

static void offer(struct host_device *d, const struct anvil_guest_memory *memory, uint64_t at,
		  uint32_t type, uint32_t room)
{
	const struct virtq_desc desc[2] = {
		{ .addr = at + 0x400, .len = 16, .flags = VIRTQ_DESC_F_NEXT, .next = 1 },
		{ .addr = at + ANSWER, .len = room + 1, .flags = VIRTQ_DESC_F_WRITE },
	};
	const uint16_t avail[3] = { 0, 1, 0 };
	const struct virtio_blk_header header = { .type = type };

	assert_int_equal(anvil_guest_memory_write(memory, at, desc, sizeof(desc)), 0);
	assert_int_equal(anvil_guest_memory_write(memory, at + 0x100, avail, sizeof(avail)), 0);
	assert_int_equal(anvil_guest_memory_write(memory, at + 0x400, &header, sizeof(header)), 0);
	negotiate(d, PLAIN | UINT64_C(1) << VIRTIO_BLK_F_FLUSH, at);
	set_register(d, VIRTIO_MMIO_QUEUE_READY, 1);
	set_register(d, VIRTIO_MMIO_STATUS, 15);
}

static void offer_flush(struct host_device *d, const struct anvil_guest_memory *memory, uint64_t at)
{
	offer(d, memory, at, VIRTIO_BLK_T_FLUSH, 0);
}

static void slow_request(struct slow *s, const struct anvil_guest_memory *memory, uint64_t at)
{
	offer_flush(&s->device, memory, at);
	set_register(&s->device, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	assert_non_null(s->request);
}

/* As Linux does it: 0 is written to Status, and on it goes. */
static void a_processor_waits_for_the_end_of_a_reset(void **state)
{
	static struct slow s;

	(void)state;
	make_slow(&s, &slow_ops, false);
	assert_int_equal(host_device_start(&s.device), 0);
	for (unsigned int i = 0; i < 100; i++) {
		slow_request(&s, &s.memory, 0x200000 + 0x1000 * i);
		set_register(&s.device, VIRTIO_MMIO_STATUS, 0);
		assert_int_equal(s.finished, i + 1);
		assert_int_equal(host_device_read(&s.device, VIRTIO_MMIO_STATUS, 4), 0);
	}
	end_slow(&s);
}

/* ---- more to poll than the process may have files ---- */

#define CROWD	   200u
#define FEW_FILES  64u
#define MANY_TURNS 10000u

static atomic_uint crowd_turns;

static unsigned int crowd_fill(struct host_device *d, struct pollfd *pollfds, unsigned int room,
			       int *timeout)
{
	(void)room, (void)timeout;
	for (unsigned int i = 0; i < CROWD; i++)
		pollfds[i] = (struct pollfd){ .fd = d->irq_fd, .events = POLLERR };
	return CROWD;
}

static void crowd_dispatch(struct host_device *d, const struct pollfd *pollfds, unsigned int count)
{
	(void)d, (void)pollfds, (void)count;
	crowd_turns++;
}

/* poll(2) refuses more entries than RLIMIT_NOFILE. */
static void a_device_is_served_though_poll_refuses(void **state)
{
	static const struct host_device_ops ops = { .fill = crowd_fill,
						    .dispatch = crowd_dispatch,
						    .destroy = slow_destroy };
	static struct slow s;
	struct rlimit before, few;
	struct pollfd kick;

	(void)state;
	make_slow(&s, &ops, false);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = FEW_FILES;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	crowd_turns = 0;
	assert_int_equal(host_device_start(&s.device), 0);
	kick = (struct pollfd){ .fd = s.device.kick_fd[0], .events = POLLIN };
	for (unsigned int i = 0; i < 3; i++) {
		(void)eventfd_write(kick.fd, 1);
		while (poll(&kick, 1, 0) && crowd_turns < MANY_TURNS)
			(void)sched_yield();
	}
	if (crowd_turns >= MANY_TURNS)
		fail_msg("the thread spins");
	host_device_stop(&s.device);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	end_slow(&s);
}

/* ---- the thread and a back end's descriptors ---- */

#define ROOM_OF_ALL 1024u

static sem_t neighbour_turn;
static atomic_uint neighbour_faults;

/* Behind the device's own: the event that wakes it, and one for each queue. */
static unsigned int neighbour_fill(struct host_device *d, struct pollfd *pollfds, unsigned int room,
				   int *timeout)
{
	neighbour_faults += room != ROOM_OF_ALL - 1 - d->dev->queues || *timeout != -1 ||
			    pollfds[-2].fd != d->wake_fd || pollfds[-1].fd != d->kick_fd[0];
	pollfds[0] = (struct pollfd){ .fd = d->irq_fd, .events = POLLIN };
	return 1;
}

static void neighbour_dispatch(struct host_device *d, const struct pollfd *pollfds,
			       unsigned int count)
{
	neighbour_faults += count != 1 || pollfds[0].fd != d->irq_fd;
	if (pollfds[0].revents & POLLIN && edges(d) == 1)
		(void)sem_post(&neighbour_turn);
}

/* For as long as a machine with much to do may take. */
static void wait_for(sem_t *semaphore)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 30;
	assert_int_equal(sem_timedwait(semaphore, &end), 0);
}

static void a_back_end_is_asked_and_told_of_its_own(void **state)
{
	static const struct host_device_ops ops = { .fill = neighbour_fill,
						    .dispatch = neighbour_dispatch,
						    .destroy = slow_destroy };
	static struct slow s;

	(void)state;
	make_slow(&s, &ops, false);
	assert_int_equal(sem_init(&neighbour_turn, 0, 0), 0);
	neighbour_faults = 0;
	assert_int_equal(host_device_start(&s.device), 0);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(eventfd_write(s.device.irq_fd, 1), 0);
		wait_for(&neighbour_turn);
	}
	end_slow(&s);
	assert_int_equal(neighbour_faults, 0);
}

/* ---- what it says of itself ---- */

/* What host_device_report writes to stderr. */
static const char *reported(struct host_device *d)
{
	static char text[1024];
	struct listener l;

	listen_to_stderr(&l);
	host_device_report(d, 5);
	hear_stderr(&l, text, sizeof(text));
	return text;
}

static void put16(const struct anvil_guest_memory *memory, uint64_t gpa, uint16_t value)
{
	assert_int_equal(anvil_guest_memory_write(memory, gpa, &value, sizeof(value)), 0);
}

static void it_says_how_far_driver_and_device_have_come(void **state)
{
	static struct slow s;

	(void)state;
	make_slow(&s, &slow_ops, false);
	assert_string_equal(reported(&s.device),
			    "device 5, type 2: status 0x0, interrupt status 0x0\n");
	slow_request(&s, &s.memory, 0x200000);
	put16(&s.memory, 0x200000 + 0x100 + 2, 3);
	put16(&s.memory, 0x200000 + 0x100 + 4 + 2 * SLOW_QUEUE, 7);
	assert_string_equal(reported(&s.device),
			    "device 5, type 2: status 0xf, interrupt status 0x0\n"
			    "  queue 0 of 8: the driver offered 3 and wants to hear of 7; taken 1, "
			    "known 1, used 0, published 0, in flight 1\n");
	s.device.dev->transport->defer(s.device.dev->transport_opaque);
	raise_interrupt(&s.device, VIRTIO_INTERRUPT_CONFIG);
	pthread_mutex_lock(&s.device.lock);
	assert_non_null(strstr(reported(&s.device), "status 0x2, busy, work deferred\n"));
	pthread_mutex_unlock(&s.device.lock);
	assert_int_equal(host_device_start(&s.device), 0);
	set_register(&s.device, VIRTIO_MMIO_STATUS, 0);
	end_slow(&s);
}

static void it_says_so_of_packed_rings(void **state)
{
	static struct slow s;
	const uint64_t at = 0x200000;

	(void)state;
	make_slow(&s, &slow_ops, true);
	negotiate(&s.device, PACKED, at);
	put16(&s.memory, at + 14, 0x1234);
	put16(&s.memory, at + 16 + 14, 0x4321);
	put16(&s.memory, at + 0x100, 0x8005);
	put16(&s.memory, at + 0x100 + 2, 2);
	set_register(&s.device, VIRTIO_MMIO_QUEUE_READY, 1);
	set_register(&s.device, VIRTIO_MMIO_STATUS, 15);
	assert_string_equal(reported(&s.device),
			    "device 5, type 2: status 0xf, interrupt status 0x0\n"
			    "  queue 0 of 8: packed; the driver's next entry has flags 0x1234, it "
			    "wants to hear in mode 2 of 0x8005; taken up to 0x8000, used 32768, "
			    "published 32768, in flight 0\n");
	end_slow(&s);
}

static void it_says_which_queue_was_refused(void **state)
{
	static struct slow s;

	(void)state;
	make_slow(&s, &slow_ops, false);
	negotiate(&s.device, PLAIN, 0x200001);
	set_register(&s.device, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_non_null(strstr(reported(&s.device), "  queue 0 was refused: Invalid argument\n"));
	end_slow(&s);
}

static sem_t told;

static void told_dispatch(struct host_device *d, const struct pollfd *pollfds, unsigned int count)
{
	slow_dispatch(d, pollfds, count);
	(void)sem_post(&told);
}

static const struct host_device_ops told_ops = { .fill = slow_fill,
						 .dispatch = told_dispatch,
						 .destroy = slow_destroy };

/* What is put off is done by the thread, once it runs. */
static void deferred_work_is_done(void **state)
{
	static struct slow s;

	(void)state;
	make_slow(&s, &told_ops, false);
	assert_int_equal(sem_init(&told, 0, 0), 0);
	offer_flush(&s.device, &s.memory, 0x200000);
	anvil_device_defer(s.device.dev, 0);
	assert_true(s.device.deferred);
	assert_null(s.request);
	assert_int_equal(host_device_start(&s.device), 0);
	wait_for(&told);
	pthread_mutex_lock(&s.device.lock);
	assert_false(s.device.deferred);
	assert_non_null(s.request);
	pthread_mutex_unlock(&s.device.lock);
	set_register(&s.device, VIRTIO_MMIO_STATUS, 0);
	end_slow(&s);
}

/* ---- records ---- */

static void what_a_driver_does_is_written_down(void **state)
{
	char folder[] = "/tmp/anvil-record.XXXXXX";
	struct anvil_guest_memory memory;
	struct host_device *d;
	struct ram ram;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(ram_create(&ram, RAM_MIB_MIN), 0);
	assert_int_equal(open_disk(&d, &ram, &memory, false), 0);
	assert_int_equal(host_device_record(d, folder, "disk-"), 0);
	host_device_write(d, VIRTIO_MMIO_STATUS, 4, VIRTIO_STATUS_ACKNOWLEDGE);
	host_device_write(d, VIRTIO_MMIO_STATUS, 4, 3);
	assert_int_equal(host_device_read(d, VIRTIO_MMIO_STATUS, 4), 3);
	host_device_destroy(d);
	assert_int_equal(take_recorded(folder, "disk-", OP_WRITE), 2);
	ram_destroy(&ram);
}

/* ---- descriptors ---- */

/* 0 is one like others, where the runner was started without standard input. */
static void descriptors_are_given_back_whatever_their_number(void **state)
{
	struct anvil_guest_memory memory;
	struct host_device *d;
	struct ram ram;
	int input = dup(STDIN_FILENO);
	unsigned int before;

	(void)state;
	assert_int_equal(ram_create(&ram, RAM_MIB_MIN), 0);
	assert_int_equal(open_disk(&d, &ram, &memory, false), 0); /* what is opened once is */
	host_device_destroy(d);
	before = open_files();
	assert_int_equal(open_disk(&d, &ram, &memory, false), 0);
	assert_true(open_files() > before);
	host_device_destroy(d);
	assert_int_equal(open_files(), before);
	assert_true(input >= 0);
	close(STDIN_FILENO);
	assert_int_equal(open_disk(&d, &ram, &memory, false), 0);
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
	host_device_destroy(d);
	assert_int_equal(open_files(), before - 1);
	assert_int_equal(dup2(input, STDIN_FILENO), STDIN_FILENO);
	close(input);
	ram_destroy(&ram);
}

/* The kernel has the request, and nobody has looked for its end. */
static void what_is_under_way_ends_before_a_disk_goes(void **state)
{
	struct anvil_guest_memory memory;
	struct host_device *d;
	struct ram ram;

	(void)state;
	assert_int_equal(ram_create(&ram, RAM_MIB_MIN), 0);
	assert_int_equal(open_disk(&d, &ram, &memory, false), 0);
	offer_flush(d, &memory, 0x200000);
	set_register(d, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	assert_int_equal(d->dev->queue[0].in_flight, 1);
	host_device_destroy(d);
	ram_destroy(&ram);
}

static void answer(struct host_device *d, struct pollfd *pollfds)
{
	while (d->dev->queue[0].in_flight) {
		assert_int_equal(poll(pollfds, 1, 30000), 1);
		d->ops->dispatch(d, pollfds, 1);
		assert_int_equal(poll(pollfds, 1, 0), 0); /* taken */
	}
}

/* Polled and asked as by its thread: the identity is the number that the disk was made with. */
static void a_disk_is_polled_for_its_answers(void **state)
{
	struct host_disk_spec spec = { .path = image, .queues = 1 };
	char id[VIRTIO_BLK_ID_BYTES + 1];
	struct pollfd pollfds[2] = { { .fd = -1 }, { .fd = -1 } };
	struct anvil_guest_memory memory;
	const uint64_t at = 0x200000;
	struct host_device *d;
	int timeout = -1;
	struct ram ram;

	(void)state;
	assert_int_equal(ram_create(&ram, RAM_MIB_MIN), 0);
	ram_for_devices(&ram, &memory);
	assert_int_equal(host_disk_create(&d, &spec, 17, &memory, error, sizeof(error)), 0);
	assert_int_equal(d->ops->fill(d, pollfds, 0, &timeout), 0);
	assert_int_equal(pollfds[0].fd, -1);
	assert_int_equal(d->ops->fill(d, pollfds, 2, &timeout), 1);
	assert_int_equal(timeout, -1);
	offer(d, &memory, at, VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_ID_BYTES);
	set_register(d, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	answer(d, pollfds);
	assert_int_equal(anvil_guest_memory_read(&memory, at + ANSWER, id, sizeof(id)), 0);
	assert_string_equal(id, "anvil17");
	assert_int_equal(id[VIRTIO_BLK_ID_BYTES], VIRTIO_BLK_S_OK);
	set_register(d, VIRTIO_MMIO_STATUS, 0);
	offer(d, &memory, at, VIRTIO_BLK_T_IN, ANVIL_DISK_SECTOR_BYTES);
	set_register(d, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	answer(d, pollfds);
	assert_int_equal(
		anvil_guest_memory_read(&memory, at + ANSWER + ANVIL_DISK_SECTOR_BYTES, id, 1), 0);
	assert_int_equal(id[0], VIRTIO_BLK_S_OK);
	host_device_destroy(d);
	ram_destroy(&ram);
}

/* All that a disk with zones has is given back: AddressSanitizer looks for it. */
static void a_disk_with_zones_is_given_back(void **state)
{
	struct host_disk_spec spec = { .path = image, .queues = 1, .zone_mib = 1 };
	struct anvil_guest_memory memory;
	struct host_device *d;
	struct ram ram;

	(void)state;
	assert_int_equal(ram_create(&ram, RAM_MIB_MIN), 0);
	ram_for_devices(&ram, &memory);
	assert_int_equal(host_disk_create(&d, &spec, 0, &memory, error, sizeof(error)), 0);
	host_device_destroy(d);
	ram_destroy(&ram);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reason_for_an_interrupt_has_an_edge),
		cmocka_unit_test(a_processor_waits_for_the_end_of_a_reset),
		cmocka_unit_test(a_device_is_served_though_poll_refuses),
		cmocka_unit_test(a_back_end_is_asked_and_told_of_its_own),
		cmocka_unit_test(it_says_how_far_driver_and_device_have_come),
		cmocka_unit_test(it_says_so_of_packed_rings),
		cmocka_unit_test(it_says_which_queue_was_refused),
		cmocka_unit_test(deferred_work_is_done),
		cmocka_unit_test(what_a_driver_does_is_written_down),
		cmocka_unit_test(descriptors_are_given_back_whatever_their_number),
		cmocka_unit_test(what_is_under_way_ends_before_a_disk_goes),
		cmocka_unit_test(a_disk_is_polled_for_its_answers),
		cmocka_unit_test(a_disk_with_zones_is_given_back),
	};

	return cmocka_run_group_tests(tests, make_image, remove_image);
}
