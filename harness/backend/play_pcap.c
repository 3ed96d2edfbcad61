/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Capture files: all frames of one go to the guest in order, each once; the other one holds what
 * was sent, up to where writing failed or the limit is.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array_size.h"
#include "host.h"
#include "nic_pcap.h"
#include "play.h"

#define FRAMES_MAX   16u
#define HEADER_BYTES 24u
#define RECORD_BYTES 16u

static struct {
	struct anvil_nic_pcap pcap;
	unsigned int frames;
	uint32_t len[FRAMES_MAX];
	size_t at[FRAMES_MAX]; /* in the input */
	unsigned int next;     /* to be delivered */
	unsigned int room;
	bool waiting;
	bool has_out;
	bool delivered_too;
	bool changed;			  /* the input shrank */
	bool ended;			  /* by the limit */
	uint64_t left;			  /* of the limit */
	uint8_t want[HOST_CAPTURE_BYTES]; /* records without their times */
	size_t wants;
} rig;

#define V(i) (line->v[i])

/* ---- the input ---- */

enum damage {
	SOUND,
	SHORT_HEADER,
	SHORT_RECORD,
	SHORT_FRAME,
	CUT_FRAME,
	EMPTY_FRAME,
	LONG_FRAME,
	TINY_FRAME,
	NO_CAPTURE,
	OTHER_FORMAT,
	OTHER_VERSION,
	OTHER_LINK,
	DAMAGES,
};

static void put(uint64_t value, unsigned int bytes, bool big_endian)
{
	for (unsigned int i = 0; i < bytes; i++) {
		unsigned int shift = 8 * (big_endian ? bytes - 1 - i : i);

		host_capture.in[host_capture.in_len++] = (uint8_t)(value >> shift);
	}
}

static uint8_t frame_byte(unsigned int frame, size_t i)
{
	return (uint8_t)(frame * 37 + i * 3 + i / 256);
}

static void put_frame(const struct step *line, enum damage damage, unsigned int i)
{
	static const uint32_t length[] = { 60, 14, 1514, 65589, 100, 333, 9000, 15 };
	bool big = V(1) & 8;
	uint32_t len = length[(V(4) + i * (V(4) / 8 + 1u)) % ARRAY_SIZE(length)];
	uint32_t told;

	len = damage == EMPTY_FRAME  ? 0
	      : damage == LONG_FRAME ? 65590
	      : damage == TINY_FRAME ? 13
				     : len;
	told = len + (damage == CUT_FRAME);
	put(1700000000 + i, 4, big);
	put(i, 4, big);
	put(len, 4, big);
	if (damage == SHORT_RECORD)
		return;
	put(told, 4, big);
	rig.len[i] = len;
	rig.at[i] = host_capture.in_len;
	for (size_t n = 0; n < len - (damage == SHORT_FRAME); n++)
		host_capture.in[host_capture.in_len++] = frame_byte(i, n);
}

/* Returns whether it is sound. */
static bool make_in(const struct step *line)
{
	enum damage damage = (enum damage)(V(3) % DAMAGES);
	bool big = V(1) & 8;
	uint32_t magic = V(1) & 16 ? 0xa1b23c4du : 0xa1b2c3d4u;

	host_capture.in_len = 0;
	rig.frames = V(0) % FRAMES_MAX;
	put(damage == NO_CAPTURE     ? 0x12345678
	    : damage == OTHER_FORMAT ? 0x0a0d0d0a
				     : magic,
	    4, big);
	put(damage == OTHER_VERSION ? 3 : 2, 2, big);
	put(4, 2, big);
	put(0, 8, big);
	put(65535, 4, big);
	put(damage == OTHER_LINK ? 101 : 1, 4, big);
	for (unsigned int i = 0; i < rig.frames; i++) /* the last one is not sound */
		put_frame(line, i + 1 == rig.frames ? damage : SOUND, i);
	if (damage == SHORT_HEADER)
		host_capture.in_len = 10;
	return damage == SOUND ||
	       (damage >= SHORT_RECORD && damage <= TINY_FRAME && rig.frames == 0);
}

/* ---- the output ---- */

static void want(const uint8_t *data, uint32_t len)
{
	uint32_t lengths[2] = { htole32(len), htole32(len) };

	if (!rig.has_out || rig.ended)
		return;
	if (RECORD_BYTES + (uint64_t)len > rig.left) {
		rig.ended = true;
		return;
	}
	rig.left -= RECORD_BYTES + len;
	memset(rig.want + rig.wants, 0, 8);
	memcpy(rig.want + rig.wants + 8, lengths, 8);
	memcpy(rig.want + rig.wants + RECORD_BYTES, data, len);
	rig.wants += RECORD_BYTES + len;
}

static bool written_badly(void)
{
	for (unsigned int t = HOST_EINTR; t < HOST_TROUBLES; t++) {
		if (host.troubles.count[HOST_WRITE][t] || host.troubles.count[HOST_SYNC][t])
			return true;
	}
	return false;
}

/* All of it is there, or, if a write failed, the beginning. Times are nobody's business. */
static void check_out(void)
{
	static const uint8_t header[HEADER_BYTES] = { 0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0,
						      0,    0,	  0,	0,    0, 0, 0, 0,
						      0,    0,	  4,	0,    1, 0, 0, 0 };
	size_t len = host_capture.out_len;
	size_t expected = HEADER_BYTES + rig.wants;

	if (len > expected || (len < expected && !written_badly()))
		steps_finding("has written a capture of %zu bytes, not %zu", len, expected);
	if (memcmp(host_capture.out, header, len < HEADER_BYTES ? len : HEADER_BYTES) != 0)
		steps_finding("has written another header than captures have");
	for (size_t at = 0; at < rig.wants && HEADER_BYTES + at < len;) {
		uint32_t bytes;
		size_t have = len - HEADER_BYTES - at;

		memcpy(&bytes, rig.want + at + 8, sizeof(bytes));
		bytes = le32toh(bytes) + RECORD_BYTES;
		if (have > bytes)
			have = bytes;
		if (have > 8 && memcmp(host_capture.out + HEADER_BYTES + at + 8, rig.want + at + 8,
				       have - 8) != 0)
			steps_finding("has written another record at %zu", HEADER_BYTES + at);
		at += bytes;
	}
}

/* ---- the guest's side ---- */

static int receive(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	static const struct anvil_nic_offload none;

	(void)nic;
	if (rig.next >= rig.frames || frame->len != rig.len[rig.next])
		steps_finding("delivers a frame of %u bytes that is not the next one", frame->len);
	for (size_t i = 0; i < frame->len; i++) {
		if (frame->data[i] != frame_byte(rig.next, i))
			steps_finding("delivers frame %u with another byte %zu", rig.next, i);
	}
	if (memcmp(&frame->offload, &none, sizeof(none)) != 0)
		steps_finding("delivers a frame that is not complete");
	if (rig.room == 0)
		return -EAGAIN;
	rig.room--;
	rig.next++;
	return 0;
}

/* ---- operations ---- */

static void send_frame(const struct step *line)
{
	static const uint32_t length[] = { 60, 14, 1514, 65589, 100 };
	uint32_t len = length[V(0) % ARRAY_SIZE(length)];
	uint8_t *data = malloc(len);
	struct anvil_nic_frame frame = { .data = data, .len = len };

	if (!data)
		abort();
	if (rig.wants + RECORD_BYTES + len > sizeof(rig.want) - HEADER_BYTES) {
		free(data);
		return;
	}
	for (size_t i = 0; i < len; i++)
		data[i] = frame_byte(V(1), i);
	if (rig.pcap.nic.ops->send(&rig.pcap.nic, &frame))
		steps_finding("does not take a frame");
	want(data, len);
	free(data);
}

static bool read_badly(void)
{
	for (unsigned int t = HOST_EINTR; t < HOST_TROUBLES; t++) {
		if (host.troubles.count[HOST_READ][t])
			return true;
	}
	return rig.changed;
}

static void poll_frames(const struct step *line)
{
	unsigned int most = V(0) % 20;
	unsigned int left = rig.frames - rig.next;
	unsigned int room = rig.waiting ? 0 : rig.room;
	unsigned int can = most < left ? most : left;
	unsigned int before = rig.next;
	int expected = 0;
	int result;

	if (can > room)
		can = room;
	if (can > 0)
		expected = (int)can;
	else if (rig.waiting || (most > 0 && left > 0))
		expected = -EAGAIN;
	else if (most > 0)
		expected = -ENODATA;
	result = anvil_nic_pcap_poll(&rig.pcap, most);
	if (result != expected && !(read_badly() && (result < 0 || result < expected)))
		steps_finding("answers a poll for %u frames with %d, not %d", most, result,
			      expected);
	if (rig.next - before != (result > 0 ? (unsigned int)result : 0))
		steps_finding("counts %d frames delivered of %u", result, rig.next - before);
	if (!rig.waiting && most > 0 && left > rig.next - before && rig.room == 0 &&
	    rig.next - before < most)
		rig.waiting = rig.pcap.waiting;
	for (unsigned int i = before; i < rig.next && rig.delivered_too; i++)
		want(host_capture.in + rig.at[i], rig.len[i]);
	if (rig.has_out && !written_badly() && host_capture.out_len != HEADER_BYTES + rig.wants)
		steps_finding("has written %zu bytes of a capture of %zu", host_capture.out_len,
			      HEADER_BYTES + rig.wants);
}

static void play_op(const struct step *line)
{
	switch (line->name) {
	case 'W':
		send_frame(line);
		break;
	case 'P':
		poll_frames(line);
		break;
	case 'R':
		rig.room = V(0);
		rig.waiting = false;
		rig.pcap.nic.ops->receivable(&rig.pcap.nic);
		break;
	case 'I':
		host_add_fault(
			&(struct host_fault){ .call = V(0) % 3 == 0   ? HOST_WRITE
						      : V(0) % 3 == 1 ? HOST_READ
								      : HOST_SYNC,
					      .trouble = (enum host_trouble)(V(1) % HOST_TROUBLES),
					      .after = V(2) % 8,
					      .count = 1 + V(3) % 4,
					      .bytes = V(4) * 20u });
		break;
	default: /* what is read ahead already is not changed by that */
		rig.changed = true;
		host_capture.in_len /= 2;
		break;
	}
}

static bool open_pcap(const struct step *line)
{
	static const uint64_t limit[] = { 0, 1, 30, 76, 77, 1000, 70000 };
	bool sound = make_in(line) || !(V(1) & 1);
	struct anvil_nic_pcap_options options = {
		.in = V(1) & 1 ? HOST_CAPTURE_IN_PATH : NULL,
		.out = V(1) & 2 ? HOST_CAPTURE_OUT_PATH : NULL,
		.delivered_too = V(1) & 4,
		.limit = limit[V(2) % ARRAY_SIZE(limit)],
	};
	char error[256] = "";
	int err;

	if (V(5) % 16 > 0)
		host_add_fault(&(struct host_fault){ .call = HOST_SETUP,
						     .trouble = V(5) & 16 ? HOST_EIO : HOST_ENOMEM,
						     .after = V(5) % 16 - 1u,
						     .count = 1 });
	host.setting_up = true;
	err = anvil_nic_pcap_open(&rig.pcap, &options, error, sizeof(error));
	host.setting_up = false;
	if (!err && !sound)
		steps_finding("opens a capture that is not sound");
	if (err && sound && host.faults == 0)
		steps_finding("is not opened (%d): %s", err, error);
	if (err && (!*error || strchr(error, '\n')))
		steps_finding("says of what it refuses (%d): %s", err, error);
	if (err && (host_opened() > 0 || host_capture_open()))
		steps_finding("is not opened, and leaves %u descriptors open", host_opened());
	if (err)
		memset(&rig.pcap, 0, sizeof(rig.pcap));
	host.faults = 0;
	rig.has_out = options.out;
	rig.delivered_too = options.delivered_too;
	rig.left = options.limit ? options.limit : UINT64_MAX;
	if (!options.in)
		rig.frames = 0;
	return !err;
}

static void close_pcap(void)
{
	int result = anvil_nic_pcap_close(&rig.pcap);

	if (host_opened() > 0 || host_capture_open())
		steps_finding("is closed, and leaves %u descriptors open", host_opened());
	if (!rig.has_out ? result != 0 : !written_badly() && result != (rig.ended ? -EFBIG : 0))
		steps_finding("is closed with %d", result);
	if (rig.has_out)
		check_out();
	if (rig.has_out && result == 0 && host_capture.out_len != HEADER_BYTES + rig.wants)
		steps_finding("loses records, and does not say so");
}

void play_pcap(struct steps *steps)
{
	memset(&rig, 0, offsetof(__typeof__(rig), want));
	rig.wants = 0;
	rig.room = 1000;
	host_reset();
	host_capture_reset();
	if (!open_pcap(&steps->setup))
		return;
	rig.pcap.nic.receive = receive;
	for (steps->now = 0; steps->now < (int)steps->ops; steps->now++)
		play_op(&steps->op[steps->now]);
	close_pcap();
}
