/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between libslirp, which pushes frames whenever it likes, and a device that takes them when the
 * guest has buffers, lies a ring of frames.
 */
#include "nic_slirp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <slirp/libslirp.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "array_size.h"

#define RING_FRAMES 256u
#define NETWORK	    0x0a000200u
#define NETMASK	    0xffffff00u
#define GATEWAY	    0x0a000202u
#define NAME_SERVER 0x0a000203u
#define GUEST	    0x0a00020fu

struct anvil_nic_slirp_frame {
	uint32_t len;
	uint8_t data[ANVIL_NIC_SLIRP_FRAME_BYTES];
};

/* An event loop's array, seen by libslirp's callbacks. */
struct poll_view {
	const struct anvil_nic_slirp_guard *guard;
	struct pollfd *out;
	const struct pollfd *in;
	unsigned int count;
	unsigned int room;
};

static void lock(struct anvil_nic_slirp *n)
{
	if (n->lock)
		(void)pthread_mutex_lock(n->lock);
}

static void unlock(struct anvil_nic_slirp *n)
{
	if (n->lock)
		(void)pthread_mutex_unlock(n->lock);
}

static void wake(struct anvil_nic_slirp *n)
{
	ssize_t ignored = write(n->wake, &(uint64_t){ 1 }, sizeof(uint64_t));

	(void)ignored; /* it can only be awake already */
}

/* ---- frames ---- */

static void enqueue(struct anvil_nic_slirp *n, const void *data, size_t len)
{
	uint32_t last = (uint32_t)(((uint64_t)n->ring_first + n->ring_used) % n->ring_frames);

	if (len > ANVIL_NIC_SLIRP_FRAME_BYTES || n->ring_used == n->ring_frames) {
		n->dropped_to_guest++;
		return;
	}
	n->ring[last].len = (uint32_t)len;
	memcpy(n->ring[last].data, data, len);
	n->ring_used++;
	wake(n);
}

static void deliver(struct anvil_nic_slirp *n)
{
	while (n->ring_used > 0 && !n->guest_full) {
		const struct anvil_nic_slirp_frame *first = &n->ring[n->ring_first];
		struct anvil_nic_frame frame = { .data = first->data, .len = first->len };

		if (n->nic.receive(&n->nic, &frame) == -EAGAIN) {
			n->guest_full = true;
			return;
		}
		n->ring_first = (n->ring_first + 1) % n->ring_frames;
		n->ring_used--;
	}
}

static int send_frame(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	struct anvil_nic_slirp *n = (struct anvil_nic_slirp *)(void *)nic;

	if (frame->len > ANVIL_NIC_SLIRP_FRAME_BYTES || frame->offload.needs_csum ||
	    frame->offload.gso != ANVIL_NIC_GSO_NONE) {
		n->dropped_from_guest++;
		return 0;
	}
	lock(n);
	if (anvil_nic_slirp_guard_admits(n->guard, frame->data, frame->len))
		slirp_input(n->slirp, frame->data, (int)frame->len);
	else
		n->refused_from_guest++;
	anvil_nic_slirp_guard_done(n->guard);
	unlock(n);
	wake(n); /* there may be new sockets to poll */
	return 0;
}

static void receivable(struct anvil_nic *nic)
{
	struct anvil_nic_slirp *n = (struct anvil_nic_slirp *)(void *)nic;

	n->guest_full = false;
	deliver(n);
}

static const struct anvil_nic_ops slirp_nic_ops = { .send = send_frame, .receivable = receivable };

/* ---- what libslirp calls ---- */

static ssize_t on_packet(const void *data, size_t len, void *opaque)
{
	enqueue(opaque, data, len);
	return (ssize_t)len;
}

static void on_guest_error(const char *message, void *opaque)
{
	(void)message, (void)opaque; /* the guest's business */
}

static int64_t on_clock(void *opaque)
{
	struct timespec now;

	(void)opaque;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t clock_ms(void)
{
	return on_clock(NULL) / 1000000;
}

static void *on_timer_new(SlirpTimerCb expired, void *timer_opaque, void *opaque)
{
	struct anvil_nic_slirp *n = opaque;

	for (unsigned int i = 0; i < ANVIL_NIC_SLIRP_TIMERS; i++) {
		if (n->timer[i].used)
			continue;
		n->timer[i] =
			(struct anvil_nic_slirp_timer){ expired, timer_opaque, INT64_MAX, true };
		return &n->timer[i];
	}
	return NULL;
}

static void on_timer_free(void *timer, void *opaque)
{
	(void)opaque;
	if (timer)
		((struct anvil_nic_slirp_timer *)timer)->used = false;
}

static void on_timer_mod(void *timer, int64_t at, void *opaque)
{
	if (timer)
		((struct anvil_nic_slirp_timer *)timer)->at = at;
	wake(opaque);
}

/* anvil_nic_slirp_fill asks for all of them each time: these two are for counting them. */

static void on_opened(int fd, void *opaque)
{
	anvil_nic_slirp_guard_opened(((struct anvil_nic_slirp *)opaque)->guard, fd);
}

static void on_closed(int fd, void *opaque)
{
	anvil_nic_slirp_guard_closed(((struct anvil_nic_slirp *)opaque)->guard, fd);
}

static void on_notify(void *opaque)
{
	wake(opaque);
}

static const SlirpCb callbacks = {
	.send_packet = on_packet,
	.guest_error = on_guest_error,
	.clock_get_ns = on_clock,
	.timer_new = on_timer_new,
	.timer_free = on_timer_free,
	.timer_mod = on_timer_mod,
	.register_poll_fd = on_opened,
	.unregister_poll_fd = on_closed,
	.notify = on_notify,
};

/* ---- polling ---- */

static const struct {
	int slirp;
	short poll;
} event_bits[] = {
	{ SLIRP_POLL_IN, POLLIN },   { SLIRP_POLL_OUT, POLLOUT }, { SLIRP_POLL_PRI, POLLPRI },
	{ SLIRP_POLL_ERR, POLLERR }, { SLIRP_POLL_HUP, POLLHUP },
};

#define EVENT_BITS (ARRAY_SIZE(event_bits))

static int put_poll(struct poll_view *view, int fd, int events)
{
	struct pollfd *p;

	if (view->count == view->room)
		return -1;
	p = &view->out[view->count];
	*p = (struct pollfd){ .fd = fd };
	for (size_t i = 0; i < EVENT_BITS; i++) {
		if (events & event_bits[i].slirp)
			p->events = (short)(p->events | event_bits[i].poll);
	}
	return (int)view->count++;
}

/* Returns an index for get_revents; libslirp takes -1 for: not polled this time */
static int add_poll(int fd, int events, void *opaque)
{
	struct poll_view *view = opaque;

	return anvil_nic_slirp_guard_polls(view->guard, fd) ? put_poll(view, fd, events) : -1;
}

static int get_revents(int index, void *opaque)
{
	const struct poll_view *view = opaque;
	int events = 0;

	if (index < 0 || (unsigned int)index >= view->count)
		return 0;
	for (size_t i = 0; i < EVENT_BITS; i++) {
		if (view->in[index].revents & event_bits[i].poll)
			events |= event_bits[i].slirp;
	}
	return events;
}

static void lower_timeout(int *timeout, int64_t ms)
{
	int64_t at_least = ms < 0 ? 0 : ms;

	if (at_least < INT_MAX && (*timeout < 0 || at_least < *timeout))
		*timeout = (int)at_least;
}

unsigned int anvil_nic_slirp_fill(struct anvil_nic_slirp *n, struct pollfd *pollfds,
				  unsigned int room, int *timeout)
{
	struct poll_view view = { .guard = n->guard, .out = pollfds, .room = room };
	uint32_t due = UINT32_MAX;

	(void)put_poll(&view, n->wake, SLIRP_POLL_IN);
	lock(n);
	slirp_pollfds_fill(n->slirp, &due, add_poll, &view);
	unlock(n);
	if (due != UINT32_MAX)
		lower_timeout(timeout, due);
	for (unsigned int i = 0; i < ANVIL_NIC_SLIRP_TIMERS; i++) {
		if (n->timer[i].used && n->timer[i].at != INT64_MAX)
			lower_timeout(timeout, n->timer[i].at - clock_ms());
	}
	if (n->ring_used > 0 && !n->guest_full)
		*timeout = 0;
	return view.count;
}

static void run_timers(struct anvil_nic_slirp *n)
{
	for (unsigned int i = 0; i < ANVIL_NIC_SLIRP_TIMERS; i++) {
		struct anvil_nic_slirp_timer *t = &n->timer[i];

		if (!t->used || t->at > clock_ms())
			continue;
		t->at = INT64_MAX; /* it may set itself again */
		t->expired(t->opaque);
	}
}

void anvil_nic_slirp_dispatch(struct anvil_nic_slirp *n, const struct pollfd *pollfds,
			      unsigned int count)
{
	struct poll_view view = { .in = pollfds, .count = count };
	uint64_t wakes;
	ssize_t ignored = read(n->wake, &wakes, sizeof(wakes));

	(void)ignored; /* nobody may have called */
	lock(n);
	slirp_pollfds_poll(n->slirp, 0, get_revents, &view);
	run_timers(n);
	anvil_nic_slirp_guard_tick(n->guard, clock_ms());
	unlock(n);
	deliver(n);
}

/* ---- opening ---- */

static struct in_addr address(uint32_t value)
{
	return (struct in_addr){ htonl(value) };
}

static bool parse_address(const char *text, uint32_t standard, struct in_addr *out)
{
	*out = address(standard);
	return !text || inet_pton(AF_INET, text, out) == 1;
}

static bool in_network(struct in_addr guest)
{
	return (ntohl(guest.s_addr) & NETMASK) == NETWORK;
}

static int add_forward(struct anvil_nic_slirp *n, const struct anvil_nic_slirp_forward *f,
		       char *error, size_t len)
{
	const char *from = f->host_address ? f->host_address : "127.0.0.1";
	const char *to = f->guest_address ? f->guest_address : "10.0.2.15";
	struct in_addr host, guest;

	if (!parse_address(from, 0, &host)) {
		(void)snprintf(error, len, "%s: is not an IPv4 address to forward from", from);
		return -EINVAL;
	}
	if (!parse_address(to, GUEST, &guest) || !in_network(guest)) {
		(void)snprintf(error, len, "%s: is not an address of the guest's 10.0.2.0/24", to);
		return -EINVAL;
	}
	if (f->host_port == 0 || f->guest_port == 0) {
		(void)snprintf(error, len, "port 0 cannot be forwarded; name one from 1 to 65535");
		return -EINVAL;
	}
	errno = 0;
	anvil_nic_slirp_guard_listens(n->guard);
	if (slirp_add_hostfwd(n->slirp, f->udp, host, f->host_port, guest, f->guest_port) == 0)
		return 0;

	int err = errno ? errno : EADDRINUSE;

	(void)snprintf(error, len, "%s port %u of %s cannot be forwarded: %s; choose another",
		       f->udp ? "UDP" : "TCP", f->host_port, from, strerror(err));
	return -err;
}

static int add_forwards(struct anvil_nic_slirp *n, const struct anvil_nic_slirp_options *options,
			char *error, size_t len)
{
	for (size_t i = 0; i < options->forward_count; i++) {
		int err = add_forward(n, &options->forwards[i], error, len);

		if (err)
			return err;
	}
	anvil_nic_slirp_guard_done(n->guard);
	return 0;
}

static Slirp *start(struct anvil_nic_slirp *n, const struct anvil_nic_slirp_options *options)
{
	SlirpConfig config = {
		.version = 1,
		.restricted = options->isolated,
		.in_enabled = true,
		.vnetwork = address(NETWORK),
		.vnetmask = address(NETMASK),
		.vhost = address(GATEWAY),
		.vdhcp_start = address(GUEST),
		.vnameserver = address(NAME_SERVER),
		.disable_host_loopback = !options->host,
	};

	return slirp_new(&config, &callbacks, n);
}

/* How many files the process may have open while the network runs. */
static int fds_allowed(const struct anvil_nic_slirp_options *options)
{
	struct rlimit fds = { .rlim_cur = RLIM_INFINITY };
	rlim_t most = options->fds ? options->fds : INT_MAX;

	(void)getrlimit(RLIMIT_NOFILE, &fds);
	return (int)(fds.rlim_cur < most ? fds.rlim_cur : most);
}

static struct anvil_nic_slirp_guard *make_guard(const struct anvil_nic_slirp_options *options)
{
	const struct anvil_nic_slirp_guard_options o = {
		.flows = options->flows ? options->flows : ANVIL_NIC_SLIRP_FLOWS,
		.listeners = options->forward_count,
		.fds = fds_allowed(options) - (int)ANVIL_NIC_SLIRP_FDS_KEPT,
		.host = options->host,
		.gateway = GATEWAY,
		.name_server = NAME_SERVER,
		.broadcast = NETWORK | ~NETMASK,
	};

	return anvil_nic_slirp_guard_create(&o);
}

static int out_of_fds(char *error, size_t len)
{
	(void)snprintf(error, len,
		       "user-mode network: too few files may be open; raise the limit: "
		       "ulimit -n");
	return -EMFILE;
}

static int out_of_memory(char *error, size_t len)
{
	(void)snprintf(error, len, "user-mode network: out of memory");
	return -ENOMEM;
}

int anvil_nic_slirp_open(struct anvil_nic_slirp *n, const struct anvil_nic_slirp_options *options,
			 char *error, size_t error_len)
{
	memset(n, 0, sizeof(*n));
	n->nic.ops = &slirp_nic_ops;
	n->ring_frames = options->ring_frames ? options->ring_frames : RING_FRAMES;
	n->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* enough to answer DHCP and open a few connections */
	if (n->wake < 0 || n->wake + (int)ANVIL_NIC_SLIRP_FDS_KEPT + 8 >= fds_allowed(options)) {
		if (n->wake >= 0)
			(void)close(n->wake);
		return out_of_fds(error, error_len);
	}
	n->lock = options->lock;
	n->ring = calloc(n->ring_frames, sizeof(*n->ring));
	n->guard = make_guard(options);
	lock(n);
	if (n->ring && n->guard)
		n->slirp = start(n, options);

	int err = n->slirp ? add_forwards(n, options, error, error_len)
			   : out_of_memory(error, error_len);

	unlock(n);
	if (err)
		anvil_nic_slirp_close(n);
	return err;
}

uint32_t anvil_nic_slirp_flows(const struct anvil_nic_slirp *n)
{
	return anvil_nic_slirp_guard_flows(n->guard);
}

void anvil_nic_slirp_close(struct anvil_nic_slirp *n)
{
	lock(n);
	if (n->slirp)
		slirp_cleanup(n->slirp);
	unlock(n);
	n->slirp = NULL;
	anvil_nic_slirp_guard_destroy(n->guard);
	n->guard = NULL;
	free(n->ring);
	n->ring = NULL;
	n->ring_used = 0;
	(void)close(n->wake);
	n->wake = -1;
}
