/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host that back ends meet here: the system calls that they make are linked to functions of
 * host_*.c (-Wl,--wrap), which keep a disk image, events, a ring, an interface and capture files in
 * memory. So nothing depends on the machine or on what else it does, calls fail when the script
 * says so, and descriptors are counted. What is no descriptor or file of ours goes to the system.
 */
#ifndef BACKEND_HOST_H
#define BACKEND_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- descriptors ---- */

#define HOST_FD_FIRST 5000
#define HOST_FDS      8u

enum host_kind {
	HOST_CLOSED,
	HOST_IMAGE,
	HOST_EVENT,
	HOST_RING,
	HOST_TAP,
	HOST_CAPTURE_IN,
	HOST_CAPTURE_OUT,
};

struct host_fd {
	enum host_kind kind;
	bool may_write;
	uint64_t events;
};

/* ---- what goes wrong ---- */

enum host_call {
	HOST_READ,
	HOST_WRITE,
	HOST_SYNC,
	HOST_ALLOCATE,
	HOST_SUBMIT, /* to the ring */
	HOST_SETUP,  /* whatever opening does */
	HOST_SOCKET, /* a new one */
	HOST_CONNECT,
	HOST_CALLS,
};

enum host_trouble {
	HOST_SHORT, /* less than was asked for */
	HOST_EINTR,
	HOST_EAGAIN,
	HOST_ENOSPC,
	HOST_EIO,
	HOST_EOPNOTSUPP,
	HOST_NOTHING, /* no byte, and no error */
	HOST_EINVAL,
	HOST_EFBIG,
	HOST_ENOSYS,
	HOST_EPERM,
	HOST_ENOMEM,
	HOST_EACCES,
	HOST_EBUSY,
	HOST_TROUBLES,
};

struct host_fault {
	enum host_call call;
	enum host_trouble trouble;
	unsigned int after; /* so many calls go well first */
	unsigned int count; /* then so many do not */
	uint32_t bytes;	    /* are transferred, of SHORT, or before an error */
};

#define HOST_FAULTS 4u

/* How often each trouble came, for whoever judges a result. */
struct host_troubles {
	unsigned int count[HOST_CALLS][HOST_TROUBLES];
};

struct host_image {
	uint64_t bytes;
	bool block_device;
	uint32_t block; /* of that */
	bool zones;	/* it has them */
	bool locked;	/* it can be read alone, however it is opened */
	int lacks;	/* modes of fallocate */
	bool patterned; /* else zeroes at first */
};

struct host {
	struct host_fd fd[HOST_FDS];
	struct host_fault fault[HOST_FAULTS];
	unsigned int faults;
	struct host_troubles troubles;
	bool setting_up;
	struct host_image image;
	/* counted by calls that changed the image */
	uint64_t changes;
	uint64_t synced; /* what `changes` was when the last fdatasync that went well began */
	uint64_t written;
	uint64_t punched;
	/* hears of each access to the image */
	void (*accessed)(enum host_call call, uint64_t offset, uint64_t bytes);
};

extern struct host host;

void host_reset(void);
void host_add_fault(const struct host_fault *fault);
/* What comes of the next such call: 0, or a negative errno; and how many bytes it transfers. */
int host_strike(enum host_call call, uint64_t *bytes);
int host_errno(enum host_trouble trouble);

/* A new descriptor, or -1 with errno. */
int host_open(enum host_kind kind, bool may_write);
struct host_fd *host_find(int fd);
int host_close(int fd);
/* Descriptors that are open. */
unsigned int host_opened(void);

/* ---- host_image.c ---- */

#define HOST_IMAGE_PATH "disk:image"

void host_image_reset(void);
/* Each returns what the system call would, or a negative errno. */
int64_t host_image_read(int fd, void *data, uint64_t len, uint64_t offset);
int64_t host_image_write(int fd, const void *data, uint64_t len, uint64_t offset);
int host_image_sync(int fd);
int host_image_allocate(int fd, int mode, uint64_t offset, uint64_t len);

/* ---- host_ring.c ---- */

void host_ring_reset(bool eager);
/* How many operations the kernel has; carries out one of them. */
unsigned int host_ring_pending(void);
void host_ring_complete(unsigned int which);
/* Whether something is done that nobody has looked at. */
bool host_ring_ready(void);

/* ---- host_tap.c ---- */

#define HOST_TAP_HEADER 12u
#define HOST_TAP_FRAMES 100u

/* The interface as the host sees it. */
struct host_tap {
	struct {
		uint8_t *data; /* header and frame */
		size_t len;
	} in[HOST_TAP_FRAMES];
	unsigned int first;
	unsigned int ins;
	uint8_t *out; /* what was written last; an allocation of its length */
	size_t out_len;
	unsigned int outs;
	unsigned int reads;
};

extern struct host_tap host_tap;

void host_tap_reset(void);
/* A frame arrives, an allocation that is the host's from here on. False: no room. */
bool host_tap_arrives(uint8_t *data, size_t len);

/* ---- host_capture.c ---- */

#define HOST_CAPTURE_IN_PATH  "disk:in"
#define HOST_CAPTURE_OUT_PATH "disk:out"
#define HOST_CAPTURE_BYTES    1000000u

struct host_capture {
	uint8_t in[HOST_CAPTURE_BYTES];
	uint8_t out[HOST_CAPTURE_BYTES];
	size_t in_len;
	size_t out_len;
};

extern struct host_capture host_capture;

void host_capture_reset(void);
/* Whether it has such streams open. */
bool host_capture_open(void);

/* ---- host_socket.c ---- */

#define HOST_SOCKETS	 64u
#define HOST_OWN_ADDRESS 0xc0000201u /* of the host, beside 127.0.0.0/8 */

/* One that somebody opened, as its other end sees it. */
struct host_socket {
	int fd;	   /* theirs; they close it */
	int other; /* ours */
	bool listens;
	bool forward;	  /* made while the back end was opened */
	uint32_t address; /* what it was last connected to, or sent to */
	uint16_t port;
};

/* All that were opened since; the last ones take the place of none. */
struct host_sockets {
	struct host_socket socket[HOST_SOCKETS];
	unsigned int count;
	unsigned int reached; /* connections made, and datagrams sent */
	int64_t clock;	      /* ns; what the clock says */
	uint64_t files;	      /* that a process may have open */
};

extern struct host_sockets host_sockets;

/* Closes the ends that are ours. */
void host_sockets_reset(void);
/* A program connects to this one, which listens. */
void host_socket_comes(struct host_socket *s);

#endif
