/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host_nic.h: a network card of the runner, without its thread: what it offers, the frames of a
 * capture, a TAP interface's offloads as its driver wants them, and what it gives back.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "array_size.h"
#include "capture.h"
#include "host_rig.h"
#include "kvm/host_device.h"
#include "kvm/host_nic.h"
#include "kvm/ram.h"
#include "kvm/sandbox.h"
#include "virtio_net.h"
#include "virtio_spec.h"

/* ---- a TAP interface that is none ---- */

#define TUN_SET_OFFLOAD 0x400454d0ul

static struct {
	int fd; /* -1: none is open */
	unsigned int asked;
	unsigned long offloads;
	int error;
} tap = { .fd = -1 };

int open(const char *path, int flags, ...)
{
	va_list list;

	va_start(list, flags);
	unsigned int mode = flags & O_CREAT ? va_arg(list, unsigned int) : 0;
	va_end(list);
	if (strcmp(path, "/dev/net/tun") != 0)
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	tap.fd = eventfd(0, EFD_NONBLOCK);
	return tap.fd;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list list;

	va_start(list, request);
	unsigned long argument = va_arg(list, unsigned long);
	va_end(list);
	if (fd != tap.fd)
		return (int)syscall(SYS_ioctl, fd, request, argument);
	if (request != TUN_SET_OFFLOAD)
		return 0;
	tap.asked++;
	if (tap.error) {
		errno = tap.error;
		return -1;
	}
	tap.offloads = argument;
	return 0;
}

/* ---- a machine with a card ---- */

#define QUEUE	   16u
#define RINGS(q)   (0x200000u + 0x10000u * (q))
#define DRIVER(q)  (RINGS(q) + 0x1000u)
#define DEVICE(q)  (RINGS(q) + 0x2000u)
#define BUFFERS(q) (RINGS(q) + 0x4000u)
#define BUFFER	   2048u

struct fixture {
	struct ram ram;
	struct anvil_guest_memory memory;
	struct host_device *d;
	uint16_t sent; /* frames */
	char in[32];
	char out[32];
	char error[512];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int in, out;

	assert_non_null(f);
	strcpy(f->in, "/tmp/anvil-in.XXXXXX");
	strcpy(f->out, "/tmp/anvil-out.XXXXXX");
	in = mkstemp(f->in);
	out = mkstemp(f->out);
	assert_true(in >= 0 && out >= 0);
	close(in);
	close(out);
	assert_int_equal(ram_create(&f->ram, RAM_MIB_MIN), 0);
	ram_for_devices(&f->ram, &f->memory);
	memset(&tap, 0, sizeof(tap));
	tap.fd = -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->d)
		host_device_destroy(f->d);
	ram_destroy(&f->ram);
	unlink(f->in);
	unlink(f->out);
	free(f);
	return 0;
}

static struct host_nic_spec kind_of(struct fixture *f, enum host_nic_kind kind)
{
	struct host_nic_spec s = { .kind = kind, .mergeable = true };

	if (kind == HOST_NIC_PCAP) {
		strcpy(s.name, f->out);
		strcpy(s.input, f->in);
	} else if (kind == HOST_NIC_TAP) {
		strcpy(s.name, "tap7");
	}
	return s;
}

static void create(struct fixture *f, const struct host_nic_spec *s)
{
	int err = host_nic_create(&f->d, s, 3, &f->memory, f->error, sizeof(f->error));

	if (err)
		fail_msg("%d: %s", err, f->error);
}

static void destroy(struct fixture *f)
{
	host_device_destroy(f->d);
	f->d = NULL;
}

static void set(struct fixture *f, uint64_t offset, uint32_t value)
{
	host_device_write(f->d, offset, 4, value);
}

static uint32_t get(struct fixture *f, uint64_t offset)
{
	return (uint32_t)host_device_read(f->d, offset, 4);
}

static void store(struct fixture *f, uint64_t gpa, const void *bytes, uint32_t len)
{
	assert_int_equal(anvil_guest_memory_write(&f->memory, gpa, bytes, len), 0);
}

static uint16_t load16(struct fixture *f, uint64_t gpa)
{
	uint16_t value;

	assert_int_equal(anvil_guest_memory_load_u16(&f->memory, gpa, &value), 0);
	return value;
}

/* Three queues, of which the first has so many buffers. */
static void drive(struct fixture *f, uint64_t features, uint16_t buffers)
{
	uint8_t nothing[0x3000] = { 0 };

	set(f, VIRTIO_MMIO_STATUS, 3);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32 | 1));
	set(f, VIRTIO_MMIO_STATUS, 11);
	assert_int_equal(get(f, VIRTIO_MMIO_STATUS), 11);
	for (unsigned int q = 0; q < 3; q++) {
		store(f, RINGS(q), nothing, sizeof(nothing));
		set(f, VIRTIO_MMIO_QUEUE_SEL, q);
		set(f, VIRTIO_MMIO_QUEUE_SIZE, QUEUE);
		set(f, VIRTIO_MMIO_QUEUE_DESC_LOW, RINGS(q));
		set(f, VIRTIO_MMIO_QUEUE_DRIVER_LOW, DRIVER(q));
		set(f, VIRTIO_MMIO_QUEUE_DEVICE_LOW, DEVICE(q));
		set(f, VIRTIO_MMIO_QUEUE_READY, q < 2 || features >> VIRTIO_NET_F_CTRL_VQ & 1);
	}
	for (uint16_t i = 0; i < buffers; i++) {
		const struct virtq_desc desc = { BUFFERS(0) + i * BUFFER, BUFFER,
						 VIRTQ_DESC_F_WRITE, 0 };

		store(f, RINGS(0) + 16u * i, &desc, sizeof(desc));
		store(f, DRIVER(0) + 4 + 2u * i, &i, sizeof(i));
	}
	store(f, DRIVER(0) + 2, &buffers, sizeof(buffers));
	set(f, VIRTIO_MMIO_STATUS, 15);
	set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

/* What the thread does between two looks at its descriptors. Returns the timeout it would have. */
static int turn(struct fixture *f, int timeout, unsigned int count)
{
	struct pollfd pollfds[64] = { 0 };

	assert_int_equal(f->d->ops->fill(f->d, pollfds, ARRAY_SIZE(pollfds), &timeout), count);
	f->d->ops->dispatch(f->d, pollfds, count);
	return timeout;
}

/* ---- what it offers ---- */

#define BIT(n) (UINT64_C(1) << (n))

#define ALWAYS                                                                                     \
	(BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) |                    \
	 BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS) |                \
	 BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_NET_F_CTRL_VLAN) |     \
	 BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) |                      \
	 BIT(VIRTIO_NET_F_CTRL_MAC_ADDR) | BIT(VIRTIO_F_INDIRECT_DESC) | BIT(VIRTIO_F_EVENT_IDX) | \
	 BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_RING_RESET) | BIT(VIRTIO_NET_F_DEVICE_STATS) |     \
	 BIT(VIRTIO_NET_F_VQ_NOTF_COAL) | BIT(VIRTIO_NET_F_NOTF_COAL) |                            \
	 BIT(VIRTIO_NET_F_SPEED_DUPLEX))
#define MERGEABLE BIT(VIRTIO_NET_F_MRG_RXBUF)
#define OFFLOADS                                                                                   \
	(BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6) |    \
	 BIT(VIRTIO_NET_F_GUEST_ECN) | BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) | \
	 BIT(VIRTIO_NET_F_HOST_ECN))

static uint64_t offered(struct fixture *f)
{
	uint64_t word[2];

	for (uint32_t i = 0; i < 2; i++) {
		set(f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, i);
		word[i] = get(f, VIRTIO_MMIO_DEVICE_FEATURES);
	}
	return word[0] | word[1] << 32;
}

static void write_capture(struct fixture *f, unsigned int frames);

static void each_kind_offers_what_it_can_do(void **state)
{
	static const uint64_t features[HOST_NIC_KINDS] = {
		[HOST_NIC_NONE] = ALWAYS | MERGEABLE,
		[HOST_NIC_USER] = ALWAYS | MERGEABLE,
		[HOST_NIC_TAP] = ALWAYS | MERGEABLE | OFFLOADS,
		[HOST_NIC_PCAP] = ALWAYS | MERGEABLE,
	};
	struct fixture *f = *state;

	write_capture(f, 1);
	for (unsigned int kind = 0; kind < HOST_NIC_KINDS; kind++) {
		struct host_nic_spec s = kind_of(f, kind);
		struct sandbox_needs needs = { .disk_file = false };

		create(f, &s);
		assert_true(offered(f) == features[kind]);
		f->d->ops->needs(f->d, &needs);
		assert_int_equal(needs.tap, kind == HOST_NIC_TAP);
		assert_int_equal(needs.sockets, kind == HOST_NIC_USER);
		assert_int_equal(needs.readable_count, kind == HOST_NIC_USER);
		destroy(f);
	}
}

static void what_is_asked_for_is_offered(void **state)
{
	struct fixture *f = *state;
	struct host_nic_spec s = kind_of(f, HOST_NIC_NONE);

	s.mergeable = false;
	s.packed = true;
	s.queues = 2;
	create(f, &s);
	assert_true(offered(f) == (ALWAYS | BIT(VIRTIO_F_RING_PACKED) | BIT(VIRTIO_NET_F_MQ) |
				   BIT(VIRTIO_NET_F_RSS)));
	assert_int_equal(host_device_read(f->d, VIRTIO_MMIO_CONFIG + 8, 2), 2);
	destroy(f);
	s.packed = s.mergeable = false;
	s.queues = 1;
	create(f, &s);
	assert_true(offered(f) == ALWAYS);
}

static void its_configuration_is_a_card(void **state)
{
	struct fixture *f = *state;
	struct host_nic_spec s = kind_of(f, HOST_NIC_NONE);

	create(f, &s);
	drive(f, ALWAYS, 0);
	assert_int_equal(get(f, VIRTIO_MMIO_CONFIG), 2);
	assert_int_equal(host_device_read(f->d, VIRTIO_MMIO_CONFIG + 4, 2), 0x300);
	assert_int_equal(host_device_read(f->d, VIRTIO_MMIO_CONFIG + 6, 2), 1);
	assert_int_equal(host_device_read(f->d, VIRTIO_MMIO_CONFIG + 10, 2), 1500);
	assert_int_equal(get(f, VIRTIO_MMIO_CONFIG + 12), 10000);
	assert_int_equal(host_device_read(f->d, VIRTIO_MMIO_CONFIG + 16, 1), 1);
	assert_int_equal(get(f, VIRTIO_MMIO_QUEUE_SIZE_MAX), 256);
}

static void it_does_what_somebody_wants(void **state)
{
	struct fixture *f = *state;
	struct host_nic_spec s = kind_of(f, HOST_NIC_NONE);

	create(f, &s);
	drive(f, ALWAYS, 0);
	assert_null(host_device_control(f->d, "link down"));
	assert_int_equal(host_device_read(f->d, VIRTIO_MMIO_CONFIG + 6, 2), 0);
	assert_null(host_device_control(f->d, "link up"));
	assert_int_equal(host_device_read(f->d, VIRTIO_MMIO_CONFIG + 6, 2), 1);
	assert_null(host_device_control(f->d, "announce"));
	assert_int_equal(host_device_read(f->d, VIRTIO_MMIO_CONFIG + 6, 2), 3);
	assert_string_equal(host_device_control(f->d, "resize"),
			    "a network card knows: link up, link down, announce");
}

/* ---- a capture ---- */

#define FRAME 60u

/* To everybody. */
static void write_capture(struct fixture *f, unsigned int frames)
{
	static struct capture c;
	FILE *file = fopen(f->in, "wb");

	put_header(&c, MICRO);
	for (unsigned int i = 0; i < frames; i++) {
		put_record(&c, i, FRAME);
		memset(c.bytes + c.len - FRAME, 0xff, 6);
	}
	assert_non_null(file);
	assert_int_equal(fwrite(c.bytes, c.len, 1, file), 1);
	assert_int_equal(fclose(file), 0);
}

static void frames_come_to_a_driver_that_listens(void **state)
{
	struct fixture *f = *state;
	struct host_nic_spec s = kind_of(f, HOST_NIC_PCAP);
	uint8_t last;

	write_capture(f, 3);
	create(f, &s);
	assert_int_equal(turn(f, -1, 0), -1);
	assert_int_equal(turn(f, 7, 0), 7);
	drive(f, ALWAYS, 8);
	assert_int_equal(load16(f, DEVICE(0) + 2), 0);
	assert_int_equal(turn(f, -1, 0), 0);
	assert_int_equal(load16(f, DEVICE(0) + 2), 3);
	assert_int_equal(anvil_guest_memory_read(
				 &f->memory, BUFFERS(0) + 2 * BUFFER + 12 + FRAME - 1, &last, 1),
			 0);
	assert_int_equal(last, frame_byte(2, FRAME - 1));
	assert_int_equal(turn(f, -1, 0), 0); /* hears that there are no more */
	assert_int_equal(turn(f, -1, 0), -1);
	assert_int_equal(load16(f, DEVICE(0) + 2), 3);
}

/* A guest that has no buffers is waited for, without a look at the clock; a frame that waits comes
 * once, and so it is recorded and captured. */
static void frames_wait_for_buffers(void **state)
{
	struct fixture *f = *state;
	struct host_nic_spec s = kind_of(f, HOST_NIC_PCAP);
	char folder[] = "/tmp/anvil-record.XXXXXX";
	const uint16_t more = 4;
	struct stat st;

	write_capture(f, 4);
	create(f, &s);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(host_device_record(f->d, folder, "net-"), 0);
	drive(f, ALWAYS, 2);
	assert_int_equal(turn(f, -1, 0), 0);
	assert_int_equal(load16(f, DEVICE(0) + 2), 2);
	assert_int_equal(turn(f, -1, 0), -1);
	store(f, DRIVER(0) + 2, &more, sizeof(more));
	set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	assert_int_equal(turn(f, -1, 0), 0);
	assert_int_equal(load16(f, DEVICE(0) + 2), 4);
	destroy(f);
	assert_int_equal(take_recorded(folder, "net-", OP_FRAME), 4);
	assert_int_equal(stat(f->out, &st), 0);
	assert_int_equal(st.st_size, 24 + 4 * (16 + FRAME));
}

/* What is said on stderr while `times` turns are made. */
static void take_text(struct fixture *f, unsigned int times, char *text, size_t room)
{
	struct listener l;

	listen_to_stderr(&l);
	for (unsigned int i = 0; i < times; i++)
		(void)turn(f, -1, 0);
	hear_stderr(&l, text, room);
}

/* Up to this number of them. */
static void send_up_to(struct fixture *f, uint16_t count)
{
	const struct virtq_desc desc = { BUFFERS(1), 12 + 1514, 0, 0 };

	store(f, RINGS(1), &desc, sizeof(desc));
	while (f->sent < count) {
		f->sent = (uint16_t)(f->sent + QUEUE < count ? f->sent + QUEUE : count);
		store(f, DRIVER(1) + 2, &f->sent, sizeof(f->sent));
		set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	}
}

static void the_end_of_a_capture_is_told_once(void **state)
{
	struct fixture *f = *state;
	struct host_nic_spec s = kind_of(f, HOST_NIC_PCAP);
	char text[1024], told[512];

	s.input[0] = '\0';
	s.limit = 1;
	create(f, &s);
	drive(f, ALWAYS, 0);
	send_up_to(f, 100);
	take_text(f, 2, text, sizeof(text));
	assert_string_equal(text, "");
	send_up_to(f, 800);
	take_text(f, 3, text, sizeof(text));
	snprintf(told, sizeof(told),
		 "%s: the capture ends here: it has reached its limit; choose another with "
		 ",limit=MIB\n",
		 f->out);
	assert_non_null(strstr(text, told));
	assert_null(strchr(strchr(text, '\n') + 1, '\n'));
}

/* ---- notifications that are put off ---- */

static uint8_t command(struct fixture *f, const void *bytes, uint32_t len)
{
	const struct virtq_desc desc[] = {
		{ BUFFERS(2), len, VIRTQ_DESC_F_NEXT, 1 },
		{ BUFFERS(2) + 256, 1, VIRTQ_DESC_F_WRITE, 0 },
	};
	const uint16_t one = 1;
	uint8_t ack = 0xee;

	store(f, RINGS(2), desc, sizeof(desc));
	store(f, BUFFERS(2), bytes, len);
	store(f, DRIVER(2) + 2, &one, sizeof(one));
	set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 2);
	assert_int_equal(anvil_guest_memory_read(&f->memory, BUFFERS(2) + 256, &ack, 1), 0);
	return ack;
}

/* So that the thread is there in time. */
static void a_notification_that_is_put_off_ends_the_wait(void **state)
{
	/* received frames: 10 of them, or after a quarter of an hour */
	static const uint8_t coalesce[] = { VIRTIO_NET_CTRL_NOTF_COAL,
					    VIRTIO_NET_CTRL_NOTF_COAL_RX_SET,
					    10,
					    0,
					    0,
					    0,
					    0,
					    0x9f,
					    0xa4,
					    0x35 };
	struct fixture *f = *state;
	struct host_nic_spec s = kind_of(f, HOST_NIC_PCAP);
	int timeout;

	write_capture(f, 1);
	create(f, &s);
	drive(f, ALWAYS, 8);
	assert_int_equal(command(f, coalesce, sizeof(coalesce)), 0);
	(void)turn(f, -1, 0);
	(void)turn(f, -1, 0);
	timeout = turn(f, -1, 0);
	assert_true(timeout > 800000 && timeout <= 900000);
	assert_int_equal(turn(f, 5, 0), 5);
	assert_int_equal(turn(f, 0, 0), 0);
}

/* ---- a TAP interface ---- */

static void offloads_are_as_the_driver_takes_them(void **state)
{
	static const struct {
		uint64_t features;
		unsigned long offloads; /* TUN_F_*: checksum 1, TSO4 2, TSO6 4, ECN 8 */
	} t[] = {
		{ BIT(VIRTIO_NET_F_GUEST_CSUM), 1 },
		{ BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_TSO4), 3 },
		{ BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_TSO6), 5 },
		{ BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_TSO4) |
			  BIT(VIRTIO_NET_F_GUEST_ECN),
		  11 },
		{ 0, 0 },
	};
	struct fixture *f = *state;
	struct host_nic_spec s = kind_of(f, HOST_NIC_TAP);

	create(f, &s);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		set(f, VIRTIO_MMIO_STATUS, 0);
		drive(f, t[i].features, 0);
		/* a kernel that refuses is asked again, one that did it is not */
		tap.asked = 0;
		tap.error = EINVAL;
		(void)turn(f, -1, 1);
		(void)turn(f, -1, 1);
		assert_int_equal(tap.asked, 2);
		tap.error = 0;
		(void)turn(f, -1, 1);
		(void)turn(f, -1, 1);
		assert_int_equal(tap.asked, 3);
		assert_int_equal(tap.offloads, t[i].offloads);
	}
}

/* ---- what it gives back ---- */

/* 0 is one like others, where the runner was started without standard input. */
static void descriptors_may_have_any_number(void **state)
{
	struct fixture *f = *state;
	int input = dup(STDIN_FILENO);
	unsigned int before;

	write_capture(f, 1);
	close(STDIN_FILENO);
	before = open_files();
	for (unsigned int kind = 0; kind < HOST_NIC_KINDS; kind++) {
		for (unsigned int with = 0; with < 2; with++) {
			struct host_nic_spec s = kind_of(f, kind);

			if (!with)
				s.input[0] = '\0';
			create(f, &s);
			assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
			destroy(f);
			assert_int_equal(open_files(), before);
		}
	}
	assert_int_equal(dup2(input, STDIN_FILENO), STDIN_FILENO);
	close(input);
}

static void all_is_given_back_also_when_no_device_can_be_made(void **state)
{
	struct fixture *f = *state;

	write_capture(f, 1);
	for (unsigned int kind = 0; kind < HOST_NIC_KINDS; kind++) {
		struct host_nic_spec s = kind_of(f, kind);
		unsigned int before;

		create(f, &s); /* what is opened once is */
		destroy(f);
		before = open_files();
		create(f, &s);
		assert_true(open_files() > before);
		destroy(f);
		assert_int_equal(open_files(), before);
		s.queues = ANVIL_NET_PAIRS_MAX + 1;
		assert_int_equal(
			host_nic_create(&f->d, &s, 0, &f->memory, f->error, sizeof(f->error)),
			-EINVAL);
		assert_non_null(strstr(f->error, "--net: no device can be made"));
		assert_int_equal(open_files(), before);
		f->d = NULL;
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(each_kind_offers_what_it_can_do),
		TEST(what_is_asked_for_is_offered),
		TEST(its_configuration_is_a_card),
		TEST(it_does_what_somebody_wants),
		TEST(frames_come_to_a_driver_that_listens),
		TEST(frames_wait_for_buffers),
		TEST(the_end_of_a_capture_is_told_once),
		TEST(a_notification_that_is_put_off_ends_the_wait),
		TEST(offloads_are_as_the_driver_takes_them),
		TEST(descriptors_may_have_any_number),
		TEST(all_is_given_back_also_when_no_device_can_be_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
