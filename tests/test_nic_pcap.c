/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_pcap.h: captures of every flavour in, hostile ones refused with clear words, frames delivered
 * as the guest has room, and what comes out is read back here and, if it is installed, by tcpdump.
 */
#include "support.h"

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "array_size.h"
#include "nic_pcap.h"

#define MICRO 0xa1b2c3d4u
#define NANO  0xa1b23c4du

/* ---- a capture, byte by byte ---- */

struct capture {
	uint8_t bytes[262144];
	size_t len;
	bool big_endian;
};

static void put(struct capture *c, uint32_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++) {
		unsigned int shift = 8 * (c->big_endian ? bytes - 1 - i : i);

		assert_true(c->len < sizeof(c->bytes));
		c->bytes[c->len++] = (uint8_t)(value >> shift);
	}
}

static void put_header(struct capture *c, uint32_t magic)
{
	c->len = 0;
	put(c, magic, 4);
	put(c, 2, 2);
	put(c, 4, 2);
	put(c, 0, 4);
	put(c, 0, 4);
	put(c, 65535, 4);
	put(c, 1, 4);
}

static uint8_t frame_byte(uint32_t number, uint32_t i)
{
	return (uint8_t)(number * 37 + i);
}

/* `captured` bytes follow in the file, whatever the header is made to say later */
static void put_record(struct capture *c, uint32_t number, uint32_t captured)
{
	put(c, 1700000000 + number, 4);
	put(c, number, 4);
	put(c, captured, 4);
	put(c, captured, 4);
	for (uint32_t i = 0; i < captured; i++)
		put(c, frame_byte(number, i), 1);
}

/* ---- the files and the guest ---- */

struct fixture {
	uint64_t limit; /* of the capture */
	struct anvil_nic_pcap pcap;
	struct capture capture;
	char dir[32];
	char in[64];
	char out[64];
	char error[256];
	bool open;
	/* the guest: */
	unsigned int room; /* frames it still takes */
	unsigned int received;
	uint32_t len[16]; /* of those */
};

static struct fixture *the;

/* Stands for the device. */
static int receive(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	assert_ptr_equal(nic, &the->pcap.nic);
	if (the->room == 0)
		return -EAGAIN;
	the->room--;
	assert_true(the->received < ARRAY_SIZE(the->len));
	for (uint32_t i = 0; i < frame->len; i++)
		assert_int_equal(frame->data[i], frame_byte(the->received, i));
	assert_int_equal(frame->offload.gso, ANVIL_NIC_GSO_NONE);
	assert_false(frame->offload.needs_csum);
	the->len[the->received++] = frame->len;
	return 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/nic_pcap.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->in, sizeof(f->in), "%s/in.pcap", f->dir);
	(void)snprintf(f->out, sizeof(f->out), "%s/out.pcap", f->dir);
	f->room = ARRAY_SIZE(f->len);
	*state = the = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->open)
		assert_int_equal(anvil_nic_pcap_close(&f->pcap), 0);
	(void)unlink(f->in);
	(void)unlink(f->out);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static void write_in(struct fixture *f)
{
	FILE *file = fopen(f->in, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(f->capture.bytes, 1, f->capture.len, file), f->capture.len);
	assert_int_equal(fclose(file), 0);
}

static int open_pcap(struct fixture *f, bool in, bool out, bool delivered_too)
{
	struct anvil_nic_pcap_options options = {
		.in = in ? f->in : NULL,
		.out = out ? f->out : NULL,
		.delivered_too = delivered_too,
		.limit = f->limit,
	};
	int err = anvil_nic_pcap_open(&f->pcap, &options, f->error, sizeof(f->error));

	f->open = !err;
	f->pcap.nic.receive = receive;
	return err;
}

static void close_pcap(struct fixture *f)
{
	assert_int_equal(anvil_nic_pcap_close(&f->pcap), 0);
	f->open = false;
}

static int send_frame(struct fixture *f, const uint8_t *data, uint32_t len)
{
	struct anvil_nic_frame frame = { .data = data, .len = len };

	return f->pcap.nic.ops->send(&f->pcap.nic, &frame);
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

/* ---- out ---- */

struct record {
	uint32_t seconds;
	uint32_t fraction;
	uint32_t captured;
	uint32_t original;
};

static FILE *open_result(struct fixture *f)
{
	uint32_t header[6]; /* in the order of this machine's bytes */
	uint16_t version[2];
	FILE *out = fopen(f->out, "r");

	assert_non_null(out);
	assert_int_equal(fread(header, 1, sizeof(header), out), sizeof(header));
	assert_int_equal(header[0], NANO);
	memcpy(version, &header[1], sizeof(version));
	assert_int_equal(version[0], 2);
	assert_int_equal(version[1], 4);
	assert_int_equal(header[2] | header[3], 0);
	assert_true(header[4] >= ANVIL_NIC_FRAME_BYTES_MAX);
	assert_int_equal(header[5], 1);
	return out;
}

static void expect_record(FILE *out, const uint8_t *data, uint32_t len)
{
	static uint8_t got[ANVIL_NIC_FRAME_BYTES_MAX];
	struct record record;
	struct timespec now; /* time() may be a tick behind it, in the second before */

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	assert_int_equal(fread(&record, 1, sizeof(record), out), sizeof(record));
	assert_int_equal(record.captured, len);
	assert_int_equal(record.original, len);
	assert_in_range(record.seconds, now.tv_sec - 60, now.tv_sec);
	assert_in_range(record.fraction, 0, 999999999);
	assert_int_equal(fread(got, 1, len, out), len);
	assert_memory_equal(got, data, len);
}

static void expect_end(FILE *out)
{
	assert_int_equal(fgetc(out), EOF);
	assert_int_equal(fclose(out), 0);
}

static void fill(uint8_t *data, uint32_t number, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		data[i] = frame_byte(number, i);
}

static void what_the_guest_sends_is_in_the_capture(void **state)
{
	static const uint32_t len[] = { ANVIL_NIC_FRAME_BYTES_MIN, 60, 1514,
					ANVIL_NIC_FRAME_BYTES_MAX };
	static uint8_t data[ANVIL_NIC_FRAME_BYTES_MAX];
	struct fixture *f = *state;

	assert_int_equal(open_pcap(f, false, true, false), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(len); i++) {
		struct anvil_nic_frame frame = { .data = data, .len = len[i] };

		fill(data, i, len[i]);
		frame.offload.gso = i == 3 ? ANVIL_NIC_GSO_TCP4 : ANVIL_NIC_GSO_NONE;
		assert_int_equal(f->pcap.nic.ops->send(&f->pcap.nic, &frame), 0);
	}
	assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 1),
			 -ENODATA); /* the file is up to date now */

	FILE *out = open_result(f);

	for (unsigned int i = 0; i < ARRAY_SIZE(len); i++) {
		fill(data, i, len[i]);
		expect_record(out, data, len[i]);
	}
	expect_end(out);
	close_pcap(f);
	assert_int_equal(open_pcap(f, false, true, false), 0);
	close_pcap(f);
	expect_end(open_result(f)); /* replaced */
}

/* A guest does not fill the disk; what is in the capture is whole. */
static void capture_ends_at_its_limit(void **state)
{
	static uint8_t data[100];
	struct fixture *f = *state;
	struct anvil_nic_frame frame = { .data = data, .len = sizeof(data) };

	f->limit = 4 * (sizeof(struct record) + sizeof(data)) - 1;
	assert_int_equal(open_pcap(f, false, true, false), 0);
	fill(data, 0, sizeof(data));
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(f->pcap.nic.ops->send(&f->pcap.nic, &frame), 0);
	assert_int_equal(f->pcap.out_end, -EFBIG);
	assert_int_equal(anvil_nic_pcap_close(&f->pcap), -EFBIG);
	f->open = false;

	FILE *out = open_result(f);

	for (unsigned int i = 0; i < 3; i++)
		expect_record(out, data, sizeof(data));
	expect_end(out);
}

static void delivered_frames_are_in_it_if_wanted(void **state)
{
	static uint8_t data[100];
	struct fixture *f = *state;

	put_header(&f->capture, MICRO);
	for (unsigned int i = 0; i < 3; i++)
		put_record(&f->capture, i, 100);
	write_in(f);
	for (unsigned int wanted = 0; wanted < 2; wanted++) {
		f->received = 0;
		f->room = 2;
		assert_int_equal(open_pcap(f, true, true, wanted), 0);
		assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 1), 1);
		fill(data, 9, 64);
		assert_int_equal(send_frame(f, data, 64), 0);
		assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 9), 1); /* the third does not fit */
		close_pcap(f);

		FILE *out = open_result(f);

		for (unsigned int i = 0; i < 3; i++) {
			fill(data, i == 1 ? 9 : i / 2, i == 1 ? 64 : 100);
			if (wanted || i == 1)
				expect_record(out, data, i == 1 ? 64 : 100);
		}
		expect_end(out);
	}
}

/* What was written can be read again, by us ... */
static void capture_of_a_capture_is_the_same(void **state)
{
	struct fixture *f = *state;
	char in[sizeof(f->in)];

	put_header(&f->capture, MICRO);
	for (unsigned int i = 0; i < 4; i++)
		put_record(&f->capture, i, 64 + i);
	write_in(f);
	assert_int_equal(open_pcap(f, true, true, true), 0);
	assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 9), 4);
	close_pcap(f);
	strcpy(in, f->in);
	strcpy(f->in, f->out);
	f->received = 0;
	assert_int_equal(open_pcap(f, true, false, false), 0);
	strcpy(f->in, in);
	assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 9), 4);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(f->len[i], 64 + i);
}

/* ... and by others: an ARP request, that tcpdump knows by name. */
static void tcpdump_reads_the_capture(void **state)
{
	static const uint8_t arp[42] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,	0, 0, 0, 0, 1, 8, 6, /* Ethernet */
		0,    1,    8,	  0,	6,    4,    0,	1,		     /* who has */
		2,    0,    0,	  0,	0,    1,    10, 0, 0, 1,	     /* sender */
		0,    0,    0,	  0,	0,    0,    10, 0, 0, 2,	     /* target */
	};
	struct fixture *f = *state;
	char line[256] = "";

	if (system("command -v tcpdump >/dev/null")) {
		printf("skipped: no tcpdump here\n");
		skip();
	}
	assert_int_equal(open_pcap(f, false, true, false), 0);
	assert_int_equal(send_frame(f, arp, sizeof(arp)), 0);
	close_pcap(f);
	(void)snprintf(line, sizeof(line), "tcpdump -n -t -r %s 2>&1", f->out);

	FILE *pipe = popen(line, "r");
	bool found = false;

	assert_non_null(pipe);
	while (fgets(line, sizeof(line), pipe))
		found |= !strncmp(line, "ARP, Request who-has 10.0.0.2 tell 10.0.0.1", 43);
	assert_int_equal(pclose(pipe), 0);
	assert_true(found);
}

static void full_file_system_ends_the_capture(void **state)
{
	struct fixture *f = *state;
	struct anvil_nic_pcap_options options = { .out = "/dev/full" };
	int full;

	assert_int_equal(anvil_nic_pcap_open(&f->pcap, &options, f->error, sizeof(f->error)),
			 -ENOSPC);
	assert_string_equal(f->error, "/dev/full: cannot be written: No space left on device");

	assert_int_equal(open_pcap(f, false, true, false), 0);
	full = open("/dev/full", O_WRONLY);
	assert_true(full >= 0);
	assert_true(dup2(full, fileno(f->pcap.out)) >= 0);
	assert_int_equal(close(full), 0);
	assert_int_equal(send_frame(f, f->capture.bytes, 60), 0);
	assert_int_equal(anvil_nic_pcap_poll(&f->pcap, 1), -ENODATA);
	assert_int_equal(send_frame(f, f->capture.bytes, 60), 0); /* the guest goes on */
	assert_int_equal(anvil_nic_pcap_close(&f->pcap), -ENOSPC);
	f->open = false;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_flavour_is_delivered_in_order),
		TEST(frame_waits_until_the_guest_has_room),
		TEST(no_input_is_an_input_without_frames),
		TEST(headers_that_are_not_ours_are_refused),
		TEST(lengths_that_no_frame_has_are_refused),
		TEST(file_cut_anywhere_is_refused_except_between_frames),
		TEST(what_is_no_file_is_refused),
		TEST(file_that_changes_later_ends_the_input),
		TEST(what_the_guest_sends_is_in_the_capture),
		TEST(capture_ends_at_its_limit),
		TEST(delivered_frames_are_in_it_if_wanted),
		TEST(capture_of_a_capture_is_the_same),
		TEST(tcpdump_reads_the_capture),
		TEST(full_file_system_ends_the_capture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
