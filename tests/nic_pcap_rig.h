/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures, and a guest's side of nic_pcap.h: for test_nic_pcap_*.c. */
#ifndef TESTS_NIC_PCAP_RIG_H
#define TESTS_NIC_PCAP_RIG_H

#include "support.h"

#include <stdio.h>
#include <unistd.h>

#include "array_size.h"
#include "capture.h"
#include "nic_pcap.h"

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
static inline int receive(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
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

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

static inline void write_in(struct fixture *f)
{
	FILE *file = fopen(f->in, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(f->capture.bytes, 1, f->capture.len, file), f->capture.len);
	assert_int_equal(fclose(file), 0);
}

static inline int open_pcap(struct fixture *f, bool in, bool out, bool delivered_too)
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

static inline void close_pcap(struct fixture *f)
{
	assert_int_equal(anvil_nic_pcap_close(&f->pcap), 0);
	f->open = false;
}

static inline int send_frame(struct fixture *f, const uint8_t *data, uint32_t len)
{
	struct anvil_nic_frame frame = { .data = data, .len = len };

	return f->pcap.nic.ops->send(&f->pcap.nic, &frame);
}

#endif
