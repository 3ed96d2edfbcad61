/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parts of the runner that need no KVM: options of a network card, disks that are in use, the
 * console's escape key, initial RAM disks.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <seccomp.h>

#include "array_size.h"
#include "kvm/console.h"
#include "kvm/cpio.h"
#include "kvm/guest_kernel.h"
#include "kvm/host_disk.h"
#include "kvm/host_nic.h"
#include "kvm/ram.h"
#include "kvm/watch.h"
#include "virtio_blk.h"
#include "virtio_spec.h"

static char error[512];

/* ---- network cards ---- */

static void nic_options_are_understood(void **state)
{
	struct host_nic_spec s;

	(void)state;
	assert_int_equal(host_nic_parse(&s, "none", error, sizeof(error)), 0);
	assert_int_equal(s.kind, HOST_NIC_NONE);
	assert_true(s.mergeable);
	assert_false(s.legacy);
	assert_int_equal(host_nic_parse(&s, "user,forward=2222:22,forward=80:8080,mergeable=off",
					error, sizeof(error)),
			 0);
	assert_int_equal(s.kind, HOST_NIC_USER);
	assert_false(s.mergeable);
	assert_int_equal(s.forwards, 2);
	assert_int_equal(s.forward[0].host, 2222);
	assert_int_equal(s.forward[1].guest, 8080);
	assert_false(s.host || s.isolated);
	assert_int_equal(host_nic_parse(&s, "user,host", error, sizeof(error)), 0);
	assert_true(s.host);
	assert_int_equal(host_nic_parse(&s, "user,isolated", error, sizeof(error)), 0);
	assert_true(s.isolated);
	assert_int_equal(host_nic_parse(&s, "tap:tap0", error, sizeof(error)), 0);
	assert_int_equal(s.kind, HOST_NIC_TAP);
	assert_string_equal(s.name, "tap0");
	assert_int_equal(host_nic_parse(&s, "pcap:a.pcap,in=b.pcap", error, sizeof(error)), 0);
	assert_string_equal(s.name, "a.pcap");
	assert_string_equal(s.input, "b.pcap");
	assert_int_equal(host_nic_parse(&s, "pcap:a,limit=3", error, sizeof(error)), 0);
	assert_int_equal(s.limit, 3);
	assert_int_equal(host_nic_parse(&s, "none,legacy", error, sizeof(error)), 0);
	assert_true(s.legacy);
	assert_int_equal(host_nic_parse(&s, "tap:t,queues=8,packed", error, sizeof(error)), 0);
	assert_true(s.packed && s.queues == 8);
}

static void other_nic_options_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"bridge",
		"users",
		"none:",
		"tap",
		"tap:",
		"pcap",
		"pcap:",
		"user,forward=1",
		"user,forward=0:1",
		"user,forward=1:65536",
		"user,forward=1:2x",
		"tap:t,forward=1:2",
		"none,in=x",
		"pcap:a,in=",
		"pcap:a,limit=0",
		"pcap:a,limit=1x",
		"pcap:a,limit=99999999",
		"user,limit=1",
		"user,mergeable=on?",
		"user,host=1",
		"user,host,isolated",
		"tap:t,host",
		"none,isolated",
		"user,legacy=on",
		"user,legacy,packed",
		"user,queues=0",
		"user,queues=9",
		"user,queues=2x",
		"user,queues",
		"user,",
	};
	struct host_nic_spec s;
	char forwards[256] = "user";
	char longest[400];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (host_nic_parse(&s, bad[i], error, sizeof(error)) != -EINVAL)
			fail_msg("\"%s\" is taken", bad[i]);
		assert_null(strchr(error, '\n'));
	}
	for (unsigned int i = 0; i <= HOST_NIC_FORWARDS; i++)
		strcat(forwards, ",forward=1:2");
	assert_int_equal(host_nic_parse(&s, forwards, error, sizeof(error)), -EINVAL);
	memset(longest, 'x', sizeof(longest) - 1);
	memcpy(longest, "pcap:", 5);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(host_nic_parse(&s, longest, error, sizeof(error)), -EINVAL);
}

/* ---- processors ---- */

static bool hardware_in(const char *cpuinfo)
{
	char path[] = "/tmp/anvil-cpuinfo.XXXXXX";
	int fd = mkstemp(path);
	bool hardware;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, cpuinfo, strlen(cpuinfo)), (ssize_t)strlen(cpuinfo));
	assert_int_equal(close(fd), 0);
	hardware = watch_hardware(path);
	assert_int_equal(unlink(path), 0);
	return hardware;
}

/* What does not say that it has none may have it. */
static void hardware_for_guests_is_seen(void **state)
{
	(void)state;
	assert_true(hardware_in("processor\t: 0\nflags\t\t: fpu vmx sse\n\n"));
	assert_true(hardware_in("processor\t: 0\nflags\t\t: fpu sse svm\n"));
	assert_true(hardware_in("flags\t\t: fpu\nflags\t\t: svm"));
	assert_false(hardware_in("flags\t\t: fpu svm_lock xvmx\nbugs\t\t: vmx\n"));
	assert_false(hardware_in("flags\t\t:\nvmx flags\t: vnmi\n"));
	assert_true(hardware_in(""));
	assert_true(hardware_in("processor\t: 0\nFeatures\t: fp asimd\n"));
	assert_true(watch_hardware("/nowhere/cpuinfo"));
}

/* ---- disks ---- */

static char image[] = "/tmp/anvil-disk.XXXXXX";

static int make_image(void **state)
{
	int fd = mkstemp(image);

	(void)state;
	return fd < 0 || ftruncate(fd, 1 << 20) || close(fd) ? -1 : 0;
}

static int remove_image(void **state)
{
	(void)state;
	return unlink(image);
}

static int open_disk(struct host_device **d, const struct ram *ram,
		     struct anvil_guest_memory *memory, bool read_only)
{
	struct host_disk_spec spec = { .path = image, .read_only = read_only, .queues = 1 };

	ram_for_devices(ram, memory);
	return host_disk_create(d, &spec, 0, memory, error, sizeof(error));
}

static void disk_options_are_understood(void **state)
{
	static const struct {
		const char *text;
		struct host_disk_spec want;
	} good[] = {
		{ "a", { 0 } },
		{ "a,ro", { .read_only = true } },
		{ "a,legacy,ro", { .read_only = true, .legacy = true } },
		{ "a,packed,queues=8", { .packed = true, .queues = 8 } },
		{ "a,zoned", { .zone_mib = 4 } },
		{ "a,zoned=1024,queues=1,ro",
		  { .read_only = true, .queues = 1, .zone_mib = 1024 } },
	};
	static const char *const bad[] = {
		"",
		",ro",
		"a,legacy,packed",
		"a,zoned,legacy",
		"a,queues=0",
		"a,queues=9",
		"a,queues=2x",
		"a,zoned=0",
		"a,zoned=1025",
		"a,foo",
		"a,foo,ro",
		"a,",
		"a,,ro",
		"a,RO",
		"a,queues=+2",
		"a,queues= 2",
		"a,queues=",
		"a,queues",
		"a,zoned=",
		"/nowhere/a,b",
		"a,b,zoned=4",
	};
	struct host_disk_spec s;
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		snprintf(text, sizeof(text), "%s", good[i].text);
		assert_int_equal(host_disk_parse(&s, text, error, sizeof(error)), 0);
		assert_string_equal(s.path, "a");
		assert_int_equal(s.read_only, good[i].want.read_only);
		assert_int_equal(s.legacy, good[i].want.legacy);
		assert_int_equal(s.packed, good[i].want.packed);
		assert_int_equal(s.queues, good[i].want.queues);
		assert_int_equal(s.zone_mib, good[i].want.zone_mib);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "%s", bad[i]);
		if (host_disk_parse(&s, text, error, sizeof(error)) != -EINVAL)
			fail_msg("\"%s\" is taken", bad[i]);
		assert_null(strchr(error, '\n'));
	}
}

/* It was usable with a comma, and is: if it is there, or if what follows cannot be a word. */
static void a_disk_may_have_a_comma_in_its_name(void **state)
{
	char folder[] = "/tmp/anvil,disk.XXXXXX";
	char path[64];
	char text[80];
	struct host_disk_spec s;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a,b", folder);
	snprintf(text, sizeof(text), "%s,ro", path);
	assert_int_equal(host_disk_parse(&s, text, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "unknown word \"b\" in --disk "));
	assert_int_equal(symlink("nowhere", path), 0);
	snprintf(text, sizeof(text), "%s,ro", path);
	assert_int_equal(host_disk_parse(&s, text, error, sizeof(error)), 0);
	assert_string_equal(s.path, path);
	assert_true(s.read_only);
	snprintf(text, sizeof(text), "%s/c", folder);
	assert_int_equal(host_disk_parse(&s, text, error, sizeof(error)), 0);
	snprintf(path, sizeof(path), "%s/c", folder);
	assert_string_equal(s.path, path);
	snprintf(path, sizeof(path), "%s/a,b", folder);
	assert_int_equal(unlink(path) | rmdir(folder), 0);
}

static void a_disk_has_one_writer_or_many_readers(void **state)
{
	struct anvil_guest_memory memory;
	struct host_device *first;
	struct host_device *second;
	struct ram ram;

	(void)state;
	assert_int_equal(ram_create(&ram, RAM_MIB_MIN), 0);
	assert_int_equal(open_disk(&first, &ram, &memory, false), 0);
	assert_int_equal(open_disk(&second, &ram, &memory, false), -EBUSY);
	assert_non_null(strstr(error, "in use by another program"));
	assert_int_equal(open_disk(&second, &ram, &memory, true), -EBUSY);
	host_device_destroy(first);
	assert_int_equal(open_disk(&first, &ram, &memory, true), 0);
	assert_int_equal(open_disk(&second, &ram, &memory, true), 0);
	host_device_destroy(second);
	assert_int_equal(open_disk(&second, &ram, &memory, false), -EBUSY);
	host_device_destroy(first);
	ram_destroy(&ram);
}

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

static void slow_register(struct slow *s, uint32_t reg, uint32_t value)
{
	host_device_write(&s->device, reg, 4, value);
}

/* Up to DRIVER_OK, with rings from `at` on and the whole RAM empty, and a flush made available. */
static void slow_request(struct slow *s, const struct anvil_guest_memory *memory, uint64_t at)
{
	const struct virtq_desc desc[2] = {
		{ .addr = at + 0x400, .len = 16, .flags = VIRTQ_DESC_F_NEXT, .next = 1 },
		{ .addr = at + 0x500, .len = 1, .flags = VIRTQ_DESC_F_WRITE },
	};
	const uint16_t avail[3] = { 0, 1, 0 };
	const struct virtio_blk_header header = { .type = VIRTIO_BLK_T_FLUSH };

	assert_int_equal(anvil_guest_memory_write(memory, at, desc, sizeof(desc)), 0);
	assert_int_equal(anvil_guest_memory_write(memory, at + 0x100, avail, sizeof(avail)), 0);
	assert_int_equal(anvil_guest_memory_write(memory, at + 0x400, &header, sizeof(header)), 0);
	slow_register(s, VIRTIO_MMIO_STATUS, 3);
	slow_register(s, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	slow_register(s, VIRTIO_MMIO_DRIVER_FEATURES, 1u << VIRTIO_BLK_F_FLUSH);
	slow_register(s, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	slow_register(s, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	slow_register(s, VIRTIO_MMIO_STATUS, 11);
	slow_register(s, VIRTIO_MMIO_QUEUE_SIZE, SLOW_QUEUE);
	slow_register(s, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)at);
	slow_register(s, VIRTIO_MMIO_QUEUE_DRIVER_LOW, (uint32_t)at + 0x100);
	slow_register(s, VIRTIO_MMIO_QUEUE_DEVICE_LOW, (uint32_t)at + 0x200);
	slow_register(s, VIRTIO_MMIO_QUEUE_READY, 1);
	slow_register(s, VIRTIO_MMIO_STATUS, 15);
	slow_register(s, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	assert_non_null(s->request);
}

/* As Linux does it: 0 is written to Status, and on it goes. */
static void a_processor_waits_for_the_end_of_a_reset(void **state)
{
	static const struct anvil_disk_ops disk_ops = { slow_submit, slow_cancel };
	static const struct host_device_ops device_ops = { .fill = slow_fill,
							   .dispatch = slow_dispatch,
							   .destroy = slow_destroy };
	static struct slow s;
	struct anvil_guest_memory memory;
	struct ram ram;
	struct anvil_blk_options o = {
		.memory = &memory,
		.disk = &s.disk,
		.queue_size_max = SLOW_QUEUE,
		.slots = 1,
		.transfer_max = ANVIL_DISK_SECTOR_BYTES,
		.blk_size = ANVIL_DISK_SECTOR_BYTES,
		.range_sectors_max = 1,
		.range_segments_max = 1,
	};

	(void)state;
	assert_int_equal(ram_create(&ram, RAM_MIB_MIN), 0);
	ram_for_devices(&ram, &memory);
	s.disk = (struct anvil_disk){ .ops = &disk_ops, .capacity = 8 };
	anvil_features_add(&o.features, VIRTIO_BLK_F_FLUSH);
	assert_int_equal(anvil_blk_init(&s.blk, &o), 0);
	assert_int_equal(host_device_init(&s.device, &device_ops, &s.blk.dev), 0);
	assert_int_equal(host_device_start(&s.device), 0);
	for (unsigned int i = 0; i < 100; i++) {
		slow_request(&s, &memory, 0x200000 + 0x1000 * i);
		slow_register(&s, VIRTIO_MMIO_STATUS, 0);
		assert_int_equal(s.finished, i + 1);
		assert_int_equal(host_device_read(&s.device, VIRTIO_MMIO_STATUS, 4), 0);
	}
	host_device_destroy(&s.device);
	ram_destroy(&ram);
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
	static const struct anvil_disk_ops disk_ops = { slow_submit, slow_cancel };
	static const struct host_device_ops device_ops = { .fill = crowd_fill,
							   .dispatch = crowd_dispatch,
							   .destroy = slow_destroy };
	static struct slow s;
	struct rlimit before, few;
	struct anvil_guest_memory memory;
	struct pollfd kick;
	struct ram ram;
	struct anvil_blk_options o = {
		.memory = &memory,
		.disk = &s.disk,
		.queue_size_max = SLOW_QUEUE,
		.slots = 1,
		.transfer_max = ANVIL_DISK_SECTOR_BYTES,
		.blk_size = ANVIL_DISK_SECTOR_BYTES,
		.range_sectors_max = 1,
		.range_segments_max = 1,
	};

	(void)state;
	assert_int_equal(ram_create(&ram, RAM_MIB_MIN), 0);
	ram_for_devices(&ram, &memory);
	s.disk = (struct anvil_disk){ .ops = &disk_ops, .capacity = 8 };
	assert_int_equal(anvil_blk_init(&s.blk, &o), 0);
	assert_int_equal(host_device_init(&s.device, &device_ops, &s.blk.dev), 0);
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
	host_device_destroy(&s.device);
	ram_destroy(&ram);
}

/* In a process of its own, which the kernel lets have no io_uring. */
static void without_io_uring(const struct ram *ram)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	struct anvil_guest_memory memory;
	struct host_device *d;

	if (!filter || freopen("/dev/null", "w", stderr) == NULL ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(io_uring_setup), 0) ||
	    seccomp_load(filter) || open_disk(&d, ram, &memory, false))
		_exit(1);
	_exit(host_device_read(d, VIRTIO_MMIO_CONFIG, 4) == 2048 ? 0 : 2);
}

static void a_disk_does_without_io_uring(void **state)
{
	struct ram ram;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(ram_create(&ram, RAM_MIB_MIN), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		without_io_uring(&ram);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	ram_destroy(&ram);
}

/* ---- memory ---- */

static void memory_goes_on_above_the_windows(void **state)
{
	static uint8_t own[4096] __attribute__((aligned(4096)));
	struct ram_map_entry map[RAM_MAP_MAX];
	struct anvil_guest_memory memory;
	struct ram ram;

	(void)state;
	assert_int_equal(ram_create(&ram, 4096), 0);
	assert_int_equal(ram_low_end(&ram), RAM_LOW_END);
	assert_non_null(ram_at(&ram, RAM_HIGH_START, 1ull << 30));
	assert_null(ram_at(&ram, RAM_HIGH_START, (1ull << 30) + 1));
	assert_null(ram_at(&ram, RAM_LOW_END - 1, 2));
	assert_null(ram_at(&ram, UINT64_MAX, 1));
	ram_add_reserved(&ram, 0x200000000ull, own, sizeof(own));
	assert_null(ram_at(&ram, 0x200000000ull, 1));
	assert_int_equal(ram_map(&ram, map), 5);
	assert_int_equal(map[3].gpa, RAM_HIGH_START);
	assert_int_equal(map[4].type, RAM_MAP_RESERVED);
	ram_for_devices(&ram, &memory);
	assert_true(anvil_guest_memory_contains(&memory, RAM_HIGH_START, 1ull << 30));
	assert_false(anvil_guest_memory_contains(&memory, 0x200000000ull, 1));
	ram_destroy(&ram);
}

/* ---- initial RAM disks ---- */

static void cpio_itself_unpacks_an_archive(void **state)
{
	static const char *const listing = "modules\nmodules/00\ninit\n";
	char name[] = "/tmp/anvil-cpio.XXXXXX";
	struct cpio c = { .bytes = NULL };
	char command[128];
	char text[256];
	size_t n;
	FILE *out;
	int fd;

	(void)state;
	assert_int_equal(cpio_add(&c, "modules", S_IFDIR | 0755, NULL, 0), 0);
	assert_int_equal(cpio_add(&c, "modules/00", S_IFREG | 0644, "odd", 3), 0);
	assert_int_equal(cpio_add(&c, "init", S_IFREG | 0755, "#!/bin/true\n", 12), 0);
	assert_int_equal(cpio_end(&c), 0);
	assert_int_equal(c.len % 4, 0);
	fd = mkstemp(name);
	assert_int_equal(write(fd, c.bytes, c.len), (ssize_t)c.len);
	close(fd);
	snprintf(command, sizeof(command),
		 "cpio --quiet -it <%s && cpio --quiet -i --to-stdout init <%s", name, name);
	out = popen(command, "r");
	n = fread(text, 1, sizeof(text) - 1, out);
	text[n] = 0;
	assert_int_equal(pclose(out), 0);
	assert_memory_equal(text, listing, strlen(listing));
	assert_string_equal(text + strlen(listing), "#!/bin/true\n");
	unlink(name);
	free(c.bytes);
}

/* ---- kernels and modules ---- */

static void a_kernel_that_is_named_must_be_there(void **state)
{
	char path[GUEST_KERNEL_ROOM];
	struct cpio c = { .bytes = NULL };

	(void)state;
	assert_int_equal(guest_kernel_find("/nowhere/k", path, error, sizeof(error)), -ENOENT);
	assert_non_null(strstr(error, "/nowhere/k"));
	assert_int_equal(guest_kernel_find(image, path, error, sizeof(error)), 0);
	assert_string_equal(path, image);
	assert_int_equal(guest_kernel_add_modules(&c, image, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "name a bzImage"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nic_options_are_understood),
		cmocka_unit_test(other_nic_options_are_refused),
		cmocka_unit_test(hardware_for_guests_is_seen),
		cmocka_unit_test(disk_options_are_understood),
		cmocka_unit_test(a_disk_may_have_a_comma_in_its_name),
		cmocka_unit_test(a_disk_has_one_writer_or_many_readers),
		cmocka_unit_test(each_reason_for_an_interrupt_has_an_edge),
		cmocka_unit_test(a_processor_waits_for_the_end_of_a_reset),
		cmocka_unit_test(a_device_is_served_though_poll_refuses),
		cmocka_unit_test(a_disk_does_without_io_uring),
		cmocka_unit_test(memory_goes_on_above_the_windows),
		cmocka_unit_test(cpio_itself_unpacks_an_archive),
		cmocka_unit_test(a_kernel_that_is_named_must_be_there),
	};

	return cmocka_run_group_tests_name("runner parts", tests, make_image, remove_image);
}
