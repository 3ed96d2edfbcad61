/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_pcap.h: captures of every flavour in, hostile ones refused with clear words, frames delivered
 * as the guest has room.
 */
#include "nic_pcap_rig.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/stat.h>

/* ---- a file whose bytes cannot be read, from one on ---- */

static struct {
	int error; /* 0: files are as the system has them */
	size_t good;
	const struct capture *capture;
} failing;

static ssize_t read_failing(void *cookie, char *data, size_t len)
{
	size_t *at = cookie;
	size_t left = failing.good - *at;

	if (left == 0) {
		errno = failing.error;
		return -1;
	}
	len = len < left ? len : left;
	memcpy(data, failing.capture->bytes + *at, len);
	*at += len;
	return (ssize_t)len;
}

FILE *fdopen(int fd, const char *mode)
{
	static size_t at;
	const cookie_io_functions_t io = { .read = read_failing };
	FILE *(*real)(int, const char *);
	void *found = dlsym(RTLD_NEXT, "fdopen");

	memcpy(&real, &found, sizeof(real));
	if (!failing.error)
		return real(fd, mode);
	(void)close(fd);
	at = 0;
	return fopencookie(&at, mode, io);
}

/* ---- in ---- */

static void every_flavour_is_delivered_in_order(void **state)
{
	struct fixture *f = *state;
	struct capture *c = &f->capture;

	for (unsigned int flavour = 0; flavour < 4; flavour++) {
		c->big_endian = flavour & 1;
		put_header(c, flavour & 2 ? NANO : MICRO);
		put_record(c, 0, ANVIL_NIC_FRAME_BYTES_MIN);
		put_record(c, 1, 1514);
		put_record(c, 2, ANVIL_NIC_FRAME_BYTES_MAX);
		write_in(f);
		f->received = 0;
		f->room = 10;
		assert_int_equal(open_pcap(f, true, false, false), 0);
		assert_int_equal(f->received, 0); /* not before it is asked to */
		assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 2), 2);
		assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 0), 0);
		assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 2), 1);
		assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 2), -ENODATA);
		assert_int_equal(f->received, 3);
		assert_int_equal(f->len[0], ANVIL_NIC_FRAME_BYTES_MIN);
		assert_int_equal(f->len[1], 1514);
		assert_int_equal(f->len[2], ANVIL_NIC_FRAME_BYTES_MAX);
		close_pcap(f);
	}
}

static void frame_waits_until_the_guest_has_room(void **state)
{
	struct fixture *f = *state;

	put_header(&f->capture, MICRO);
	for (unsigned int i = 0; i < 5; i++)
		put_record(&f->capture, i, 60 + i);
	write_in(f);
	assert_int_equal(open_pcap(f, true, true, true), 0);
	f->room = 2;
	assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 100), 2);
	f->room = 1; /* but it has not said so */
	assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 100), -EAGAIN);
	assert_int_equal(f->received, 2);
	f->pcap.nic.ops->receivable(&f->pcap.nic);
	assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 100), 1);
	f->pcap.nic.ops->receivable(&f->pcap.nic); /* too early */
	assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 100), -EAGAIN);
	f->room = 10;
	f->pcap.nic.ops->receivable(&f->pcap.nic);
	assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 100), 2);
	assert_int_equal(f->received, 5);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(f->len[i], 60 + i);
}

static void no_input_is_an_input_without_frames(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_pcap(f, false, false, true), 0);
	assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 1), -ENODATA);
	assert_int_equal(send_frame(f, f->capture.bytes, 60), 0); /* into nothing */
	close_pcap(f);
	put_header(&f->capture, MICRO);
	write_in(f);
	assert_int_equal(open_pcap(f, true, false, false), 0);
	assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 1), -ENODATA);
}

/* ---- refused ---- */

static void expect_refused(struct fixture *f, int err, const char *says)
{
	FILE *out = fopen(f->out, "w");

	assert_non_null(out);
	assert_int_equal(fputs("old", out) < 0, 0);
	assert_int_equal(fclose(out), 0);
	memset(f->error, 0, sizeof(f->error));
	assert_int_equal(open_pcap(f, true, true, false), err);
	assert_int_equal(strncmp(f->error, f->in, strlen(f->in)), 0);
	assert_int_equal(f->error[strlen(f->in)], ':');
	assert_null(strchr(f->error, '\n'));
	if (!strstr(f->error, says))
		fail_msg("\"%s\" does not say \"%s\"", f->error, says);

	struct stat st;

	assert_int_equal(stat(f->out, &st), 0);
	assert_int_equal(st.st_size, 3); /* untouched */
}

/* In the header, in that of a record, and in a frame. */
static void what_cannot_be_read_is_said_why(void **state)
{
	static const struct {
		size_t good;
		int error;
		int err;
		const char *says;
	} t[] = {
		{ 0, ENXIO, -ENXIO, "No such device or address" },
		{ 10, EACCES, -EACCES, "Permission denied" },
		{ 24, ENXIO, -ENXIO, "cannot be read: No such device or address" },
		{ 24 + 7, EACCES, -EACCES, "cannot be read: Permission denied" },
		{ 24 + 16, ENXIO, -ENXIO, "cannot be read: No such device or address" },
		{ 24 + 20, EIO, -EIO, "cannot be read: Input/output error" },
	};
	struct fixture *f = *state;

	put_header(&f->capture, MICRO);
	put_record(&f->capture, 0, 60);
	write_in(f);
	failing.capture = &f->capture;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		failing.error = t[i].error;
		failing.good = t[i].good;
		memset(f->error, 0, sizeof(f->error));
		assert_int_equal(open_pcap(f, true, false, false), t[i].err);
		if (!strstr(f->error, t[i].says))
			fail_msg("\"%s\" does not say \"%s\"", f->error, t[i].says);
	}
	failing.error = 0;
}

static void set32(struct fixture *f, size_t at, uint32_t value)
{
	size_t len = f->capture.len;

	f->capture.len = at;
	put(&f->capture, value, 4);
	f->capture.len = len;
	write_in(f);
}

static void headers_that_are_not_ours_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		const char *says;
	} t[] = {
		{ 0, 0, "is no pcap file; make one with: tcpdump -w" },
		{ 0, 0xa1b2cd34, "is no pcap file" },
		{ 0, 0x0a0d0d0a, "is a pcapng file; convert it with: editcap -F pcap" },
		{ 4, 3 | 4 << 16, "unknown version" },
		{ 4, 2 | 3 << 16, "unknown version" },
		{ 20, 0, "no Ethernet frames" },
		{ 20, 113, "no Ethernet frames" },
		{ 20, 1 | 5u << 28, "checksum trailers" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		put_header(&f->capture, MICRO);
		set32(f, t[i].at, t[i].value);
		expect_refused(f, -EINVAL, t[i].says);
	}
}

static void lengths_that_no_frame_has_are_refused(void **state)
{
	static const struct {
		uint32_t captured;
		uint32_t original;
		const char *says;
	} t[] = {
		{ 0, 0, "frame 2 is empty" },
		{ 0, 60, "frame 2 is empty" },
		{ ANVIL_NIC_FRAME_BYTES_MIN - 1, 13, "frame 2 is shorter than an Ethernet header" },
		{ ANVIL_NIC_FRAME_BYTES_MAX + 1, ANVIL_NIC_FRAME_BYTES_MAX + 1,
		  "frame 2 is longer" },
		{ 0x7fffffff, 0x7fffffff, "frame 2 is longer" },
		{ 0x80000000, 0x80000000, "frame 2 is longer" },
		{ 0xffffffff, 0xffffffff, "frame 2 is longer" },
		{ 60, 61, "frame 2 was cut short when it was captured; capture with" },
		{ 61, 61, "frame 2 is incomplete: the file is cut short" },
		{ ANVIL_NIC_FRAME_BYTES_MAX, ANVIL_NIC_FRAME_BYTES_MAX, "frame 2 is incomplete" },
	};
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(t); i++) {
		f->capture.big_endian = i & 1;
		put_header(&f->capture, NANO);
		put_record(&f->capture, 0, 60);
		put_record(&f->capture, 1, 60);
		set32(f, 24 + 76 + 8, t[i / 2].captured);
		set32(f, 24 + 76 + 12, t[i / 2].original);
		expect_refused(f, -EINVAL, t[i / 2].says);
	}
}

static void file_cut_anywhere_is_refused_except_between_frames(void **state)
{
	struct fixture *f = *state;

	for (size_t len = 0; len <= 24 + 2 * 76; len++) {
		put_header(&f->capture, MICRO);
		put_record(&f->capture, 0, 60);
		put_record(&f->capture, 1, 60);
		f->capture.len = len;
		write_in(f);
		if (len >= 24 && (len - 24) % 76 == 0) {
			assert_int_equal(open_pcap(f, true, false, false), 0);
			close_pcap(f);
		} else {
			expect_refused(f, -EINVAL,
				       len < 24 ? "no whole pcap header" : "the file is cut short");
		}
	}
}

static void what_is_no_file_is_refused(void **state)
{
	struct fixture *f = *state;
	char out[sizeof(f->out)];

	expect_refused(f, -ENOENT, "cannot be opened: No such file");
	assert_int_equal(mkfifo(f->in, 0600), 0);
	expect_refused(f, -EINVAL, "not a regular file"); /* and does not wait for a writer */
	assert_int_equal(unlink(f->in), 0);
	assert_int_equal(mkdir(f->in, 0700), 0);
	expect_refused(f, -EINVAL, "not a regular file");
	assert_int_equal(rmdir(f->in), 0);

	put_header(&f->capture, MICRO);
	write_in(f);
	strcpy(out, f->out);
	strcpy(f->out, f->in);
	assert_int_equal(open_pcap(f, true, true, false), -EINVAL);
	assert_non_null(strstr(f->error, "is read from too"));
	(void)snprintf(f->out, sizeof(f->out), "%s/none/out", f->dir);
	assert_int_equal(open_pcap(f, true, true, false), -ENOENT);
	assert_int_equal(strncmp(f->error, f->out, strlen(f->out)), 0);
	strcpy(f->out, out);
	assert_int_equal(open_pcap(f, true, false, false), 0); /* as it was */
}

static void file_that_changes_later_ends_the_input(void **state)
{
	struct fixture *f = *state;

	put_header(&f->capture, MICRO);
	for (unsigned int i = 0; i < 5; i++)
		put_record(&f->capture, i, 60000 / (i + 1));
	write_in(f);
	assert_int_equal(open_pcap(f, true, false, false), 0);
	assert_int_equal(truncate(f->in, 24 + 16 + 100), 0);
	assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 9), -EINVAL);
	write_in(f);
	assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 9), -EINVAL);
	assert_int_equal(f->received, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(every_flavour_is_delivered_in_order),
		TEST(frame_waits_until_the_guest_has_room),
		TEST(no_input_is_an_input_without_frames),
		TEST(what_cannot_be_read_is_said_why),
		TEST(headers_that_are_not_ours_are_refused),
		TEST(lengths_that_no_frame_has_are_refused),
		TEST(file_cut_anywhere_is_refused_except_between_frames),
		TEST(what_is_no_file_is_refused),
		TEST(file_that_changes_later_ends_the_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
