/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network interface made of capture files (classic pcap, as tcpdump and Wireshark read and write
 * it): the frames of one go to the guest in order, as fast as it takes them, and those that the
 * guest sends go to another. Either may be missing: then nothing arrives, or what is sent is gone.
 *
 * Frames go on to be taken and dropped once the capture has ended. They are whole, their checksums
 * as they stand. One that the guest leaves to be segmented or summed is written as the guest sent
 * it.
 *
 * The embedder ignores SIGPIPE (`out` may be a pipe whose reader is gone) and SIGXFSZ (`out` may be
 * as large as a file can be). Then a failed write ends the capture, not the process.
 */
#ifndef ANVIL_NIC_PCAP_H
#define ANVIL_NIC_PCAP_H

#include <stdio.h>

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

struct anvil_nic_pcap {
	struct anvil_nic nic; /* give it to a device */
	FILE *in;	      /* NULL: none */
	FILE *out;	      /* NULL: none */
	int in_end;	      /* 0, or why no more is read: a negative errno */
	int out_end;	      /* 0, or why no more is written: a negative errno */
	bool big_endian;
	bool delivered_too;
	uint64_t room; /* bytes of records that may still be written */
	bool waiting;  /* the guest had no buffers for the frame */
	uint32_t len;  /* of the frame to be delivered; 0: none read yet */
	uint8_t *data; /* that frame: ANVIL_NIC_FRAME_BYTES_MAX bytes, and then buffers of the files
			*/
};

struct anvil_nic_pcap_options {
	const char *in;	    /* NULL: none */
	const char *out;    /* NULL: none; replaced if it exists */
	bool delivered_too; /* `out` also gets the frames that the guest was given */
	/*
	 * Bytes of records, 16 and the frame's each, that `out` gets at most; 0: any number, so
	 * that a guest fills the disk. What would be more ends the capture, with whole records:
	 * out_end is -EFBIG then. A full disk ends it, too, perhaps in the midst of a record.
	 */
	uint64_t limit;
};

/*
 * Opens the files; `options` is not needed afterwards. Every record of the input is checked here,
 * so that a hostile file is refused at once. Input may have either endianness and count
 * microseconds or nanoseconds. Output counts nanoseconds. Returns 0, or with nothing open
 *   -EINVAL  `in` is no regular file or no classic pcap file of Ethernet frames, ends inside a
 *	      record, or has a frame that is empty, cut short when it was captured, or not of
 *	      ANVIL_NIC_FRAME_BYTES_MIN to ANVIL_NIC_FRAME_BYTES_MAX bytes; or `in` and `out`
 *	      are one file (`out` is untouched)
 *   -ENOMEM  no memory
 *   an error of opening, reading or writing a file
 * and in `error`, of `error_len` bytes, one line that names the file and says what is wrong. A line
 * that does not fit is cut off; error_len may be 0.
 */
int anvil_nic_pcap_open(struct anvil_nic_pcap *pcap, const struct anvil_nic_pcap_options *options,
			char *error, size_t error_len) __attribute__((warn_unused_result));

/*
 * Delivers up to `most` frames, or fewer if the guest has no buffers; until it has some again, each
 * call returns -EAGAIN at once. Call it from the event loop once the device was created, not
 * from `send`. The capture so far is in the file afterwards. Returns how many frames were
 * delivered, or
 *   -EAGAIN   none, the guest must make room first
 *   -ENODATA  none, all were delivered
 *   -EINVAL   the file has changed since it was opened; counts as its end from now on
 *   an error of reading; likewise
 */
int anvil_nic_pcap_poll(struct anvil_nic_pcap *pcap, unsigned int most);

/* Returns 0, or the first error of writing the capture, which then ends there. */
int anvil_nic_pcap_close(struct anvil_nic_pcap *pcap);

#ifdef __cplusplus
}
#endif

#endif
