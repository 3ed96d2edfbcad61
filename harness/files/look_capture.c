/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A capture that the guest gets: nic_pcap.h says which are refused; the frames of others come as
 * they are in the file, in order, each once.
 */
#include <errno.h>
#include <string.h>

#include "look.h"
#include "nic_pcap.h"

#define HEADER_BYTES 24u
#define RECORD_BYTES 16u
#define FRAMES_MAX   1200u /* records that fit into an input, and the zeroes after it */

static struct {
	size_t at[FRAMES_MAX];
	uint32_t len[FRAMES_MAX];
	unsigned int frames;
	unsigned int next;
	unsigned int room;
	const struct handed *h;
} rig;

/* ---- what the file has ---- */

static bool sound_header(const struct handed *h, bool *big)
{
	uint64_t magic;

	if (h->len < HEADER_BYTES)
		return false;
	magic = handed_get(h->bytes, 4, true);
	*big = magic == 0xa1b2c3d4 || magic == 0xa1b23c4d;
	magic = handed_get(h->bytes, 4, *big);
	return (magic == 0xa1b2c3d4 || magic == 0xa1b23c4d) &&
	       handed_get(h->bytes + 4, 2, *big) == 2 && handed_get(h->bytes + 6, 2, *big) == 4 &&
	       handed_get(h->bytes + 20, 4, *big) == 1;
}

/* Whether all of it is sound; its frames. */
static bool understand(const struct handed *h)
{
	size_t at = HEADER_BYTES;
	bool big;

	rig.frames = 0;
	if (!sound_header(h, &big))
		return false;
	for (; at < h->len; rig.frames++) {
		uint64_t len;

		if (h->len - at < RECORD_BYTES || rig.frames == FRAMES_MAX)
			return false;
		len = handed_get(h->bytes + at + 8, 4, big);
		if (len < ANVIL_NIC_FRAME_BYTES_MIN || len > ANVIL_NIC_FRAME_BYTES_MAX ||
		    len < handed_get(h->bytes + at + 12, 4, big))
			return false;
		at += RECORD_BYTES;
		if (h->len - at < len)
			return false;
		rig.at[rig.frames] = at;
		rig.len[rig.frames] = (uint32_t)len;
		at += len;
	}
	return true;
}

/* ---- what the guest gets ---- */

static int receive(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	(void)nic;
	if (rig.next >= rig.frames)
		handed_finding("has more frames than the %u in the file", rig.frames);
	if (frame->len != rig.len[rig.next] ||
	    memcmp(frame->data, rig.h->bytes + rig.at[rig.next], frame->len) != 0)
		handed_finding("gives frame %u otherwise than it is in the file", rig.next);
	if (rig.room == 0)
		return -EAGAIN;
	rig.room--;
	rig.next++;
	return 0;
}

/* All of it, a few frames at a time, with room for fewer. */
static void drain(struct anvil_nic_pcap *pcap)
{
	unsigned int most = 1 + rig.h->v[0] % 8u;
	int n;

	do {
		rig.room = rig.h->v[1] % 8u + 1;
		pcap->nic.ops->receivable(&pcap->nic);
		n = anvil_nic_pcap_poll(pcap, most);
	} while (n > 0);
	if (n != -ENODATA || rig.next != rig.frames)
		handed_finding("ends with %d after %u frames of %u", n, rig.next, rig.frames);
}

void look_capture(const struct handed *h)
{
	struct anvil_nic_pcap pcap;
	struct anvil_nic_pcap_options options = { 0 };
	char error[LOOK_ROOM] = "";
	char path[LOOK_PATH];
	int fd = look_file(h, path);
	bool sound = understand(h);
	int err;

	options.in = path;
	err = anvil_nic_pcap_open(&pcap, &options, error, sizeof(error));
	look_at_error(err, error);
	if (err != (sound ? 0 : -EINVAL))
		handed_finding("is a capture that is %ssound, and answered with %d: %s",
			       sound ? "" : "not ", err, error);
	if (!err) {
		rig.h = h;
		rig.next = 0;
		pcap.nic.receive = receive;
		drain(&pcap);
		err = anvil_nic_pcap_close(&pcap);
		if (err)
			handed_finding("is closed with %d", err);
	}
	look_close(fd);
}
