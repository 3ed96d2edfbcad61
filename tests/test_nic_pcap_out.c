/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_pcap.h: what comes out is read back here and, if it is installed, by tcpdump.
 */
#include "nic_pcap_rig.h"

#include <fcntl.h>
#include <time.h>

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
	static const struct CMUnitTest tests[] = {
		TEST(what_the_guest_sends_is_in_the_capture),
		TEST(capture_ends_at_its_limit),
		TEST(delivered_frames_are_in_it_if_wanted),
		TEST(capture_of_a_capture_is_the_same),
		TEST(tcpdump_reads_the_capture),
		TEST(full_file_system_ends_the_capture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
