/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_tap.h with system calls that answer what a test wants, for what a kernel seldom says.
 */
#include "nic_tap_rig.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "array_size.h"

#define HEADER_BYTES ((uint32_t)sizeof(struct virtio_net_header))

/* ---- the system calls ---- */

#define PRETEND_FD 1000 /* stands for an opened driver that answers as `host` says */

static struct {
	bool pretend;
	int open_error;
	int attach_error;
	int write_error;
	unsigned int interrupts; /* so many reads or writes end in EINTR first */
	const uint8_t *input;
	size_t input_len;
	unsigned int inputs; /* how often it can be read */
	struct virtio_net_header sent;
	size_t sent_len;
	unsigned long offloads;
} host;

static int fail_with(int error)
{
	errno = error;
	return -1;
}

int open(const char *path, int flags, ...)
{
	if (!host.pretend || strcmp(path, "/dev/net/tun") != 0)
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
	return host.open_error ? fail_with(host.open_error) : PRETEND_FD;
}

int close(int fd)
{
	return fd == PRETEND_FD ? 0 : (int)syscall(SYS_close, fd);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list list;

	va_start(list, request);
	unsigned long argument = va_arg(list, unsigned long);
	va_end(list);
	if (fd != PRETEND_FD)
		return (int)syscall(SYS_ioctl, fd, request, argument);
	if (request == 0x400454d0) /* TUNSETOFFLOAD */
		host.offloads = argument;
	return host.attach_error ? fail_with(host.attach_error) : 0;
}

static bool interrupted(void)
{
	if (host.interrupts == 0)
		return false;
	host.interrupts--;
	return true;
}

ssize_t writev(int fd, const struct iovec *part, int count)
{
	if (fd != PRETEND_FD)
		return syscall(SYS_writev, fd, part, count);
	if (interrupted())
		return fail_with(EINTR);
	if (host.write_error)
		return fail_with(host.write_error);
	assert_int_equal(count, 2);
	assert_int_equal(part[0].iov_len, HEADER_BYTES);
	memcpy(&host.sent, part[0].iov_base, HEADER_BYTES);
	host.sent_len = part[1].iov_len;
	return (ssize_t)(HEADER_BYTES + host.sent_len);
}

ssize_t read(int fd, void *data, size_t len)
{
	if (fd != PRETEND_FD)
		return syscall(SYS_read, fd, data, len);
	if (interrupted())
		return fail_with(EINTR);
	if (host.inputs == 0)
		return fail_with(EAGAIN);
	host.inputs--;
	if (len > host.input_len)
		len = host.input_len;
	memcpy(data, host.input, len);
	return (ssize_t)len;
}

/* ---- a kernel that does as it is told ---- */

static int setup_pretend(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	memset(&host, 0, sizeof(host));
	host.pretend = true;
	assert_int_equal(open_nic(f, "tap7"), 0);
	*state = f;
	return 0;
}

static int teardown_pretend(void **state)
{
	struct fixture *f = *state;

	anvil_nic_tap_close(&f->nic);
	free(f);
	return 0;
}

static void full_interface_says_when_it_takes_frames_again(void **state)
{
	static const struct anvil_nic_offload none;
	static const uint8_t frame[60];
	struct fixture *f = *state;
	struct pollfd p;

	anvil_nic_tap_fill(&f->nic, &p);
	assert_int_equal(p.events, POLLIN);
	host.write_error = EAGAIN;
	assert_int_equal(send_to(f, frame, sizeof(frame), &none), -EAGAIN);
	anvil_nic_tap_fill(&f->nic, &p);
	assert_int_equal(p.events, POLLIN | POLLOUT);
	anvil_nic_tap_dispatch(&f->nic, &p);
	assert_int_equal(f->sendables, 0);
	p.revents = POLLOUT;
	anvil_nic_tap_dispatch(&f->nic, &p);
	anvil_nic_tap_dispatch(&f->nic, &p);
	assert_int_equal(f->sendables, 1);
	assert_int_equal(f->nic.dropped_from_guest, 0);
	host.write_error = EIO;
	assert_int_equal(send_to(f, frame, sizeof(frame), &none), 0);
	assert_int_equal(f->nic.dropped_from_guest, 1);
	host.write_error = 0;
	host.interrupts = 3;
	assert_int_equal(send_to(f, frame, sizeof(frame), &none), 0);
	assert_int_equal(host.sent_len, sizeof(frame));
}

static void deleted_interface_neither_spins_nor_stalls(void **state)
{
	static const struct anvil_nic_offload none;
	static const uint8_t frame[60];
	struct fixture *f = *state;
	struct pollfd p = { .revents = POLLERR };

	host.write_error = EAGAIN;
	assert_int_equal(send_to(f, frame, sizeof(frame), &none), -EAGAIN);
	anvil_nic_tap_dispatch(&f->nic, &p);
	assert_int_equal(f->sendables, 1);
	assert_int_equal(send_to(f, frame, sizeof(frame), &none), 0);
	anvil_nic_tap_fill(&f->nic, &p);
	assert_int_equal(p.fd, -1);
}

static void offloads_become_the_kernels_header(void **state)
{
	static const uint8_t frame[100];
	struct fixture *f = *state;
	struct anvil_nic_offload o = long_tcp;

	o.gso_ecn = true;
	assert_int_equal(send_to(f, frame, sizeof(frame), &o), 0);
	assert_int_equal(host.sent.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(host.sent.gso_type, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN);
	assert_int_equal(host.sent.hdr_len, TCP);
	assert_int_equal(host.sent.gso_size, 1000);
	assert_int_equal(host.sent.csum_start, IP);
	assert_int_equal(host.sent.csum_offset, 16);
	o.gso = ANVIL_NIC_GSO_TCP6;
	o.gso_ecn = false;
	assert_int_equal(send_to(f, frame, sizeof(frame), &o), 0);
	assert_int_equal(host.sent.gso_type, VIRTIO_NET_HDR_GSO_TCPV6);
	memset(&o, 0, sizeof(o));
	o.csum_valid = true;
	assert_int_equal(send_to(f, frame, sizeof(frame), &o), 0);
	assert_int_equal(host.sent.flags, VIRTIO_NET_HDR_F_DATA_VALID);
	assert_int_equal(host.sent.gso_type, 0);
}

static void offloads_wanted_are_checked(void **state)
{
	static const struct {
		struct anvil_nic_tap_offloads want;
		int err;
		unsigned long flags;
	} t[] = {
		{ { false, false, false, false }, 0, 0 },
		{ { true, false, false, false }, 0, 1 },
		{ { true, true, true, true }, 0, 15 },
		{ { true, false, true, false }, 0, 5 },
		{ { false, true, false, false }, -EINVAL, 5 },
		{ { false, false, true, false }, -EINVAL, 5 },
		{ { true, false, false, true }, -EINVAL, 5 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		assert_int_equal(anvil_nic_tap_set_offloads(&f->nic, &t[i].want), t[i].err);
		assert_int_equal(host.offloads, t[i].flags);
	}
}

static void arrive(struct fixture *f, const uint8_t *input, size_t len)
{
	struct pollfd p = { .revents = POLLIN };

	host.input = input;
	host.input_len = len;
	host.inputs = 1;
	anvil_nic_tap_dispatch(&f->nic, &p);
}

#define NEEDS VIRTIO_NET_HDR_F_NEEDS_CSUM
#define TCP4  VIRTIO_NET_HDR_GSO_TCPV4

/* A frame of 100 bytes, its TCP header of 20 at IP */
static void headers_from_the_kernel_are_checked(void **state)
{
	static const struct {
		struct virtio_net_header header;
		uint8_t words; /* of the TCP header */
		bool good;
	} t[] = {
		{ { 0 }, 5, true },
		{ { .flags = NEEDS, .csum_start = 98, .csum_offset = 0 }, 5, true },
		{ { .flags = NEEDS, .csum_start = 98, .csum_offset = 1 }, 5, false },
		{ { .flags = NEEDS, .csum_start = 65535, .csum_offset = 65535 }, 5, false },
		{ { NEEDS, TCP4, 0, 1, IP, 16, 0 }, 5, true },
		{ { NEEDS, TCP4, 65535, 1, IP, 16, 0 }, 16 - 1, true }, /* 34 + 60 */
		{ { NEEDS, TCP4, 0, 1, IP, 16, 0 }, 4, false },
		{ { NEEDS, TCP4, 0, 0, IP, 16, 0 }, 5, false },
		{ { 0, TCP4, 0, 1, IP, 16, 0 }, 5, false },
		{ { NEEDS, TCP4, 0, 1, IP, 6, 0 }, 5, false },
		{ { NEEDS, TCP4, 0, 1, 13, 16, 0 }, 5, false },
		{ { NEEDS, TCP4, 0, 1, 81, 16, 0 }, 5, false },
		{ { NEEDS, 3, 0, 1, IP, 16, 0 }, 5, false }, /* UDP fragmentation */
		{ { NEEDS, 5, 0, 1, IP, 16, 0 }, 5, false },
		{ { NEEDS, VIRTIO_NET_HDR_GSO_ECN, 0, 1, IP, 16, 0 }, 5, false },
	};
	struct fixture *f = *state;
	uint8_t input[HEADER_BYTES + 100] = { 0 };
	uint64_t dropped = 0;

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		unsigned int had = f->got;

		memcpy(input, &t[i].header, HEADER_BYTES);
		put16(input + HEADER_BYTES + 12, 0x0800);
		input[HEADER_BYTES + IP + 12] = (uint8_t)(t[i].words << 4);
		arrive(f, input, sizeof(input));
		assert_int_equal(f->got, had + t[i].good);
		dropped += !t[i].good;
		assert_int_equal(f->nic.dropped_to_guest, dropped);
		if (t[i].good && t[i].header.gso_type)
			assert_int_equal(f->offload.header_len, IP + t[i].words * 4u);
	}
}

static void frames_of_any_length_are_survived(void **state)
{
	static uint8_t input[HEADER_BYTES + ANVIL_NIC_FRAME_BYTES_MAX + 100];
	struct fixture *f = *state;
	static const size_t bad[] = {
		0, 1, 11, 12, 25, HEADER_BYTES + ANVIL_NIC_FRAME_BYTES_MAX + 1, sizeof(input)
	};

	put16(input + HEADER_BYTES + 12, 0x0800);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		arrive(f, input, bad[i]);
		assert_int_equal(f->nic.dropped_to_guest, i + 1);
	}
	assert_int_equal(f->got, 0);
	host.interrupts = 2;
	arrive(f, input, 26);
	assert_int_equal(f->got, 1);
	assert_int_equal(f->len, ANVIL_NIC_FRAME_BYTES_MIN);
	arrive(f, input, HEADER_BYTES + ANVIL_NIC_FRAME_BYTES_MAX);
	assert_int_equal(f->got, 2);
	assert_int_equal(f->len, ANVIL_NIC_FRAME_BYTES_MAX);
}

static void one_dispatch_reads_a_burst_at_most(void **state)
{
	static uint8_t input[HEADER_BYTES + 60];
	struct fixture *f = *state;
	struct pollfd p = { .revents = POLLIN };

	put16(input + HEADER_BYTES + 12, 0x0800);
	host.input = input;
	host.input_len = sizeof(input);
	host.inputs = ANVIL_NIC_TAP_BURST + 5;
	anvil_nic_tap_dispatch(&f->nic, &p);
	assert_int_equal(f->got, ANVIL_NIC_TAP_BURST);
	f->full = true;
	anvil_nic_tap_dispatch(&f->nic, &p);
	assert_int_equal(host.inputs, 4); /* one waits with us */
	f->full = false;
	f->nic.nic.ops->receivable(&f->nic.nic);
	f->nic.nic.ops->receivable(&f->nic.nic);
	assert_int_equal(f->got, ANVIL_NIC_TAP_BURST + 1);
}

static void what_is_missing_is_said_in_one_line(void **state)
{
	static const struct {
		const char *name;
		int open_error;
		int attach_error;
		int err;
		const char *says;
	} t[] = {
		{ "tap0", ENOENT, 0, -ENODEV,
		  "/dev/net/tun: no such driver; load it with: modprobe" },
		{ "tap0", ENODEV, 0, -ENODEV, "/dev/net/tun: no such driver" },
		{ "tap0", EACCES, 0, -EACCES, "/dev/net/tun: no permission; ask root" },
		{ "tap0", EMFILE, 0, -EMFILE, "/dev/net/tun: cannot be opened: " },
		{ "tap0", 0, EPERM, -EACCES, "ip tuntap add dev tap0 mode tap user" },
		{ "", 0, EPERM, -EACCES, "a new interface: no permission; " },
		{ "tap0", 0, EBUSY, -EBUSY, "tap0: in use by another program" },
		{ "tap0", 0, EINVAL, -EINVAL, "tap0: is not a TAP interface" },
		{ "tap0", 0, ENFILE, -ENFILE, "tap0: cannot be used: " },
		{ "a23456789012345", 0, EBUSY, -EBUSY, "a23456789012345: in use" },
		{ "a234567890123456", 0, 0, -ENAMETOOLONG, "a234567890123456: too long" },
	};
	struct fixture *f = *state;
	struct anvil_nic_tap other;
	char room[8] = "xxxxxxx";

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		host.open_error = t[i].open_error;
		host.attach_error = t[i].attach_error;
		assert_int_equal(anvil_nic_tap_open(&other, t[i].name, f->error, sizeof(f->error)),
				 t[i].err);
		if (!strstr(f->error, t[i].says))
			fail_msg("\"%s\" does not say \"%s\"", f->error, t[i].says);
		assert_null(strchr(f->error, '\n'));
	}
	assert_int_equal(anvil_nic_tap_open(&other, t[10].name, room, 5), -ENAMETOOLONG);
	assert_string_equal(room, "a234");
	assert_int_equal(room[5], 'x');
}

#define PRETEND(name) cmocka_unit_test_setup_teardown(name, setup_pretend, teardown_pretend)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PRETEND(full_interface_says_when_it_takes_frames_again),
		PRETEND(deleted_interface_neither_spins_nor_stalls),
		PRETEND(offloads_become_the_kernels_header),
		PRETEND(offloads_wanted_are_checked),
		PRETEND(headers_from_the_kernel_are_checked),
		PRETEND(frames_of_any_length_are_survived),
		PRETEND(one_dispatch_reads_a_burst_at_most),
		PRETEND(what_is_missing_is_said_in_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
