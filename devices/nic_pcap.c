/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The format: a header of 24 bytes, then records, each a header of 16 bytes and a frame. The magic
 * number tells in which byte order all numbers are, and whether times have micro- or nanoseconds.
 */
#include "nic_pcap.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAGIC_MICROSECONDS 0xa1b2c3d4u
#define MAGIC_NANOSECONDS  0xa1b23c4du
#define MAGIC_PCAPNG	   0x0a0d0d0au
#define VERSION_MAJOR	   2u
#define VERSION_MINOR	   4u
#define SNAPLEN		   262144u /* what tcpdump takes at most */
#define LINKTYPE_ETHERNET  1u	   /* and, in the upper bits, no frame check sequence */

#define FILE_BUFFER_BYTES 131072u

struct file_header {
	uint32_t magic;
	uint16_t major;
	uint16_t minor;
	uint32_t zone;
	uint32_t accuracy;
	uint32_t snaplen;
	uint32_t linktype;
};

struct record_header {
	uint32_t seconds;
	uint32_t fraction;
	uint32_t captured; /* bytes that follow */
	uint32_t original; /* bytes that the frame had */
};

_Static_assert(sizeof(struct file_header) == 24, "as in the file");
_Static_assert(sizeof(struct record_header) == 16, "as in the file");

/* ---- reading ---- */

static uint32_t get32(const struct anvil_nic_pcap *pcap, uint32_t raw)
{
	return pcap->big_endian ? be32toh(raw) : le32toh(raw);
}

static uint16_t get16(const struct anvil_nic_pcap *pcap, uint16_t raw)
{
	return pcap->big_endian ? be16toh(raw) : le16toh(raw);
}

/* All or nothing: -ENODATA at the end of the file, -EINVAL if it ends in between. */
static int read_all(FILE *in, void *bytes, size_t len)
{
	errno = 0;

	size_t got = fread(bytes, 1, len, in);

	if (got == len)
		return 0;
	if (ferror(in))
		return errno ? -errno : -EIO;
	return got ? -EINVAL : -ENODATA;
}

static const char *check_lengths(uint32_t captured, uint32_t original)
{
	if (captured == 0)
		return "is empty";
	if (captured > ANVIL_NIC_FRAME_BYTES_MAX)
		return "is longer than a frame can be (65589 bytes)";
	if (captured < original)
		return "was cut short when it was captured; capture with: tcpdump -s 0";
	if (captured < ANVIL_NIC_FRAME_BYTES_MIN)
		return "is shorter than an Ethernet header (14 bytes)";
	return NULL;
}

/* The next frame to `data` and `len`. If the answer is -EINVAL, `why` goes on from "frame 1". */
static int read_record(struct anvil_nic_pcap *pcap, const char **why)
{
	struct record_header header;
	int err = read_all(pcap->in, &header, sizeof(header));

	*why = "has an incomplete header: the file is cut short";
	if (err)
		return err;

	uint32_t len = get32(pcap, header.captured);

	*why = check_lengths(len, get32(pcap, header.original));
	if (*why)
		return -EINVAL;
	*why = "is incomplete: the file is cut short";
	err = read_all(pcap->in, pcap->data, len);
	if (err)
		return err == -ENODATA ? -EINVAL : err;
	pcap->len = len;
	return 0;
}

static bool known_magic(uint32_t magic)
{
	return magic == MAGIC_MICROSECONDS || magic == MAGIC_NANOSECONDS;
}

static const char *check_header(struct anvil_nic_pcap *pcap, const struct file_header *header)
{
	pcap->big_endian = known_magic(be32toh(header->magic));
	if (header->magic == MAGIC_PCAPNG) /* the same in both byte orders */
		return "is a pcapng file; convert it with: editcap -F pcap";
	if (!pcap->big_endian && !known_magic(le32toh(header->magic)))
		return "is no pcap file; make one with: tcpdump -w";
	if (get16(pcap, header->major) != VERSION_MAJOR ||
	    get16(pcap, header->minor) != VERSION_MINOR)
		return "is of an unknown version of pcap; convert it with: editcap -F pcap";
	if (get32(pcap, header->linktype) != LINKTYPE_ETHERNET)
		return "holds no Ethernet frames (link type 1), or their checksum trailers too";
	return NULL;
}

/* Both of these return an error with its line written, or 0. */

static int read_header(struct anvil_nic_pcap *pcap, const char *path, char *error, size_t len)
{
	struct file_header header;
	int err = read_all(pcap->in, &header, sizeof(header));
	const char *why = err ? "has no whole pcap header; make one with: tcpdump -w" : NULL;

	if (err && err != -ENODATA && err != -EINVAL)
		why = strerror(-err);
	else if (err)
		err = -EINVAL;
	if (!err)
		why = check_header(pcap, &header);
	if (!why)
		return 0;
	(void)snprintf(error, len, "%s: %s", path, why);
	return err ? err : -EINVAL;
}

static int check_records(struct anvil_nic_pcap *pcap, const char *path, char *error, size_t len)
{
	unsigned long long frame = 1;
	const char *why;
	int err;

	for (err = read_record(pcap, &why); !err; err = read_record(pcap, &why))
		frame++;
	pcap->len = 0;
	if (err == -ENODATA && !fseeko(pcap->in, sizeof(struct file_header), SEEK_SET))
		return 0;
	if (err == -EINVAL) {
		(void)snprintf(error, len, "%s: frame %llu %s", path, frame, why);
		return err;
	}
	err = err == -ENODATA ? -errno : err;
	(void)snprintf(error, len, "%s: cannot be read: %s", path, strerror(-err));
	return err;
}

/* ---- writing ---- */

/* The first failure ends the capture: later records would not be found behind a partial one. */
static void write_all(struct anvil_nic_pcap *pcap, const void *bytes, size_t len)
{
	if (pcap->out_end)
		return;
	errno = 0;
	if (fwrite(bytes, 1, len, pcap->out) != len)
		pcap->out_end = errno ? -errno : -EIO;
}

static void flush(struct anvil_nic_pcap *pcap)
{
	if (!pcap->out || pcap->out_end)
		return;
	errno = 0;
	if (fflush(pcap->out))
		pcap->out_end = errno ? -errno : -EIO;
}

static void write_header(struct anvil_nic_pcap *pcap)
{
	const struct file_header header = {
		.magic = MAGIC_NANOSECONDS,
		.major = VERSION_MAJOR,
		.minor = VERSION_MINOR,
		.snaplen = SNAPLEN,
		.linktype = LINKTYPE_ETHERNET,
	};

	write_all(pcap, &header, sizeof(header));
	flush(pcap);
}

static void write_record(struct anvil_nic_pcap *pcap, const uint8_t *data, uint32_t len)
{
	struct timespec now = { 0 };

	if (!pcap->out)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);

	const struct record_header header = { (uint32_t)now.tv_sec, (uint32_t)now.tv_nsec, len,
					      len };

	if (sizeof(header) + len > pcap->room) {
		flush(pcap);
		pcap->out_end = pcap->out_end ? pcap->out_end : -EFBIG;
		return;
	}
	pcap->room -= sizeof(header) + len;
	write_all(pcap, &header, sizeof(header));
	write_all(pcap, data, len);
}

/* ---- frames ---- */

static struct anvil_nic_pcap *to_pcap(struct anvil_nic *nic)
{
	return (struct anvil_nic_pcap *)(void *)nic;
}

static int send_frame(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	write_record(to_pcap(nic), frame->data, frame->len);
	return 0;
}

static void receivable(struct anvil_nic *nic)
{
	to_pcap(nic)->waiting = false;
}

static const struct anvil_nic_ops pcap_ops = { .send = send_frame, .receivable = receivable };

/* Returns 0, or why there is none. */
static int next_frame(struct anvil_nic_pcap *pcap)
{
	const char *why;

	if (pcap->len == 0 && !pcap->in_end)
		pcap->in_end = read_record(pcap, &why);
	return pcap->in_end;
}

static int deliver(struct anvil_nic_pcap *pcap)
{
	int err = next_frame(pcap);
	const struct anvil_nic_frame frame = { .data = pcap->data, .len = pcap->len };

	if (err)
		return err;
	if (pcap->nic.receive(&pcap->nic, &frame)) {
		pcap->waiting = true;
		return -EAGAIN;
	}
	if (pcap->delivered_too)
		write_record(pcap, frame.data, frame.len);
	pcap->len = 0;
	return 0;
}

int anvil_nic_pcap_poll(struct anvil_nic_pcap *pcap, unsigned int most)
{
	int delivered = 0;
	int err = pcap->waiting ? -EAGAIN : 0;

	assert(pcap->nic.receive);
	while (!err && most-- > 0 && delivered < INT_MAX) {
		err = deliver(pcap);
		delivered += !err;
	}
	flush(pcap);
	return delivered ? delivered : err;
}

/* ---- opening ---- */

static int explain(int err, const char *path, const char *what, char *error, size_t len)
{
	(void)snprintf(error, len, "%s: cannot be %s: %s", path, what, strerror(-err));
	return err;
}

/* Takes the descriptor; on failure closes it. */
static FILE *stream(int fd, const char *mode, uint8_t *buffer)
{
	FILE *file = fdopen(fd, mode);

	if (file)
		(void)setvbuf(file, (char *)buffer, _IOFBF, FILE_BUFFER_BYTES);
	else
		(void)close(fd);
	return file;
}

/* O_NONBLOCK: opening a FIFO must not wait for a writer before we can say what is wrong */
static int open_in(struct anvil_nic_pcap *pcap, const char *path, char *error, size_t len)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st)) {
		int err = -errno;

		if (fd >= 0)
			(void)close(fd);
		return explain(err, path, "opened", error, len);
	}
	pcap->in = stream(fd, "r", pcap->data + ANVIL_NIC_FRAME_BYTES_MAX);
	if (!pcap->in)
		return explain(-ENOMEM, path, "opened", error, len);
	if (!S_ISREG(st.st_mode)) {
		(void)snprintf(error, len, "%s: is not a regular file; name a capture file", path);
		return -EINVAL;
	}

	int err = read_header(pcap, path, error, len);

	return err ? err : check_records(pcap, path, error, len);
}

/* Whether the two are the same regular file. -errno if that cannot be known. */
static int same_file(FILE *in, int fd, bool *regular)
{
	struct stat a;
	struct stat b;

	if (fstat(fd, &b))
		return -errno;
	*regular = S_ISREG(b.st_mode);
	if (!in)
		return 0;
	if (fstat(fileno(in), &a))
		return -errno;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* What was in the file goes only when nothing else can be wrong. */
static int open_out(struct anvil_nic_pcap *pcap, const char *path, char *error, size_t len)
{
	bool regular = false;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);

	if (fd < 0)
		return explain(-errno, path, "opened", error, len);

	int same = same_file(pcap->in, fd, &regular);

	pcap->out = stream(fd, "w", pcap->data + ANVIL_NIC_FRAME_BYTES_MAX + FILE_BUFFER_BYTES);
	if (!pcap->out)
		return explain(-ENOMEM, path, "opened", error, len);
	if (same > 0) {
		(void)snprintf(error, len, "%s: is read from too; write to another file", path);
		return -EINVAL;
	}
	if (same == 0 && regular && ftruncate(fd, 0))
		same = -errno;
	if (same == 0) {
		write_header(pcap);
		same = pcap->out_end;
	}
	return same ? explain(same, path, "written", error, len) : 0;
}

int anvil_nic_pcap_open(struct anvil_nic_pcap *pcap, const struct anvil_nic_pcap_options *options,
			char *error, size_t error_len)
{
	int err = 0;

	memset(pcap, 0, sizeof(*pcap));
	pcap->nic.ops = &pcap_ops;
	pcap->delivered_too = options->delivered_too;
	pcap->room = options->limit ? options->limit : UINT64_MAX;
	pcap->in_end = options->in ? 0 : -ENODATA;
	pcap->data = malloc(ANVIL_NIC_FRAME_BYTES_MAX + 2 * FILE_BUFFER_BYTES);
	if (!pcap->data) {
		(void)snprintf(error, error_len, "no memory for capture files");
		return -ENOMEM;
	}
	if (options->in)
		err = open_in(pcap, options->in, error, error_len);
	if (!err && options->out)
		err = open_out(pcap, options->out, error, error_len);
	if (err)
		(void)anvil_nic_pcap_close(pcap);
	return err;
}

int anvil_nic_pcap_close(struct anvil_nic_pcap *pcap)
{
	int err;

	flush(pcap);
	err = pcap->out_end;
	if (pcap->in)
		(void)fclose(pcap->in);
	if (pcap->out && fclose(pcap->out) && !err)
		err = errno ? -errno : -EIO;
	free(pcap->data);
	pcap->in = NULL;
	pcap->out = NULL;
	pcap->data = NULL;
	return err;
}
