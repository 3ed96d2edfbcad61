/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network of libslirp's: what libslirp gives comes to the guest as it was, in order, each once,
 * or is counted as lost; libslirp gets what the guest sends, or that is counted; nothing of the
 * host is reached that was not asked for; sockets, events and timers are looked after. libslirp is
 * the real one, and nobody here judges its answers: its entry points and callbacks pass through
 * here (-Wl,--wrap).
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "array_size.h"
#include "host.h"
#include "nic_slirp.h"
#include "packet.h"
#include "play.h"

#define RING_MOST  256u
#define POLLS	   80u
#define TIMERS	   6u
#define FDS_ENOUGH 6000u
#define NAMED	   53u /* port */
#define NEVER	   INT64_MAX
#define TICK_MS	   499

struct given {
	uint8_t data[ANVIL_NIC_SLIRP_FRAME_BYTES];
	uint32_t len;
};

struct timer {
	void *handle; /* NULL: it is none */
	int64_t at;   /* ms */
	bool again;   /* sets itself anew */
};

static struct {
	struct anvil_nic_slirp nic;
	struct packet packet;
	/* libslirp */
	const SlirpCb *callbacks;
	bool refused; /* it does not begin */
	bool silent;  /* it does not forward, and does not say why */
	unsigned int inputs;
	struct given given[RING_MOST]; /* and not taken yet */
	uint32_t ring;
	uint32_t first;
	uint32_t waiting;
	uint64_t lost;
	unsigned int burst; /* frames that it gives of its own accord */
	uint32_t burst_len;
	struct timer timer[TIMERS];
	unsigned int timers;
	int registered[POLLS];
	bool listener[POLLS];
	unsigned int sockets;
	/* the guest */
	bool inside;
	bool full;
	unsigned int room;
	uint64_t sent_lost;
	uint64_t sent_refused;
	/* the host */
	struct anvil_nic_slirp_options options;
	bool opening;
	bool asks_names;
	struct pollfd polled[POLLS];
	int events[POLLS]; /* as libslirp asked for */
	unsigned int polls;
	int64_t ticked; /* ms */
} rig;

#define V(i) (line->v[i])

static int64_t now_ms(void)
{
	return host_sockets.clock / 1000000;
}

/* In place of GLib's: what libslirp warns of is nobody's business here. */
void g_log(const char *domain, int level, const char *format, ...);

void g_log(const char *domain, int level, const char *format, ...)
{
	(void)domain, (void)level, (void)format;
}

/* ---- libslirp's calls into the nic ---- */

/* Both ways, bit for bit. */
static int same_bits(int bits, bool to_poll)
{
	static const struct {
		int slirp;
		int poll;
	} bit[] = { { SLIRP_POLL_IN, POLLIN },
		    { SLIRP_POLL_OUT, POLLOUT },
		    { SLIRP_POLL_PRI, POLLPRI },
		    { SLIRP_POLL_ERR, POLLERR },
		    { SLIRP_POLL_HUP, POLLHUP } };
	int out = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bit); i++)
		out |= bits & (to_poll ? bit[i].slirp : bit[i].poll)
			       ? (to_poll ? bit[i].poll : bit[i].slirp)
			       : 0;
	return out;
}

static void remember(const void *data, size_t len)
{
	struct given *g = &rig.given[(rig.first + rig.waiting) % RING_MOST];

	if (len > ANVIL_NIC_SLIRP_FRAME_BYTES || rig.waiting == rig.ring) {
		rig.lost++;
		return;
	}
	memcpy(g->data, data, len);
	g->len = (uint32_t)len;
	rig.waiting++;
}

static bool is_awake(void)
{
	const struct host_fd *event = host_find(rig.nic.wake);

	return event && event->events > 0;
}

static ssize_t give(const void *data, size_t len, void *opaque)
{
	uint32_t waited = rig.waiting;
	ssize_t result;

	remember(data, len);
	result = rig.callbacks->send_packet(data, len, opaque);
	if (result != (ssize_t)len || rig.nic.dropped_to_guest != rig.lost)
		steps_finding("takes a frame of %zu bytes with %zd, and has lost %llu, not %llu",
			      len, result, (unsigned long long)rig.nic.dropped_to_guest,
			      (unsigned long long)rig.lost);
	if (rig.waiting > waited && !is_awake())
		steps_finding("sleeps on a frame for the guest");
	return result;
}

static int64_t clock_ns(void *opaque)
{
	int64_t now = rig.callbacks->clock_get_ns(opaque);

	if (now != host_sockets.clock)
		steps_finding("says that it is %lld", (long long)now);
	return now;
}

static void opened(int fd, void *opaque)
{
	rig.callbacks->register_poll_fd(fd, opaque);
	if (fd < 0)
		return;
	for (unsigned int i = 0; i < POLLS; i++) {
		if (rig.registered[i] < 0) {
			rig.registered[i] = fd;
			rig.listener[i] = rig.opening;
			rig.sockets += !rig.opening;
			return;
		}
	}
}

static void closed(int fd, void *opaque)
{
	rig.callbacks->unregister_poll_fd(fd, opaque);
	for (unsigned int i = 0; i < POLLS && fd >= 0; i++) {
		if (rig.registered[i] == fd) {
			rig.registered[i] = -1;
			rig.sockets -= !rig.listener[i];
			return;
		}
	}
}

static void notify(void *opaque)
{
	rig.callbacks->notify(opaque);
	if (!is_awake())
		steps_finding("sleeps when libslirp says that there is something to do");
}

static void guest_error(const char *message, void *opaque)
{
	rig.callbacks->guest_error(message, opaque);
}

static void *timer_new(SlirpTimerCb expired, void *timer_opaque, void *opaque)
{
	return rig.callbacks->timer_new(expired, timer_opaque, opaque);
}

static void timer_free(void *timer, void *opaque)
{
	rig.callbacks->timer_free(timer, opaque);
}

static void timer_mod(void *timer, int64_t at, void *opaque)
{
	rig.callbacks->timer_mod(timer, at, opaque);
}

static const SlirpCb between = {
	.send_packet = give,
	.guest_error = guest_error,
	.clock_get_ns = clock_ns,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = opened,
	.unregister_poll_fd = closed,
	.notify = notify,
};

/* ---- the nic's calls into libslirp ---- */

Slirp *__real_slirp_new(const SlirpConfig *config, const SlirpCb *callbacks, void *opaque);
Slirp *__wrap_slirp_new(const SlirpConfig *config, const SlirpCb *callbacks, void *opaque);
void __real_slirp_cleanup(Slirp *slirp);
void __wrap_slirp_cleanup(Slirp *slirp);
int __real_slirp_add_hostfwd(Slirp *slirp, int udp, struct in_addr from, int port,
			     struct in_addr to, int to_port);
int __wrap_slirp_add_hostfwd(Slirp *slirp, int udp, struct in_addr from, int port,
			     struct in_addr to, int to_port);
void __real_slirp_input(Slirp *slirp, const uint8_t *data, int len);
void __wrap_slirp_input(Slirp *slirp, const uint8_t *data, int len);
void __real_slirp_pollfds_fill(Slirp *slirp, uint32_t *timeout, SlirpAddPollCb add, void *opaque);
void __wrap_slirp_pollfds_fill(Slirp *slirp, uint32_t *timeout, SlirpAddPollCb add, void *opaque);
void __real_slirp_pollfds_poll(Slirp *slirp, int error, SlirpGetREventsCb get, void *opaque);
void __wrap_slirp_pollfds_poll(Slirp *slirp, int error, SlirpGetREventsCb get, void *opaque);

Slirp *__wrap_slirp_new(const SlirpConfig *config, const SlirpCb *callbacks, void *opaque)
{
	if (config->in6_enabled || !config->in_enabled ||
	    !config->disable_host_loopback != rig.options.host ||
	    !config->restricted == rig.options.isolated)
		steps_finding("begins a network that was not asked for");
	rig.callbacks = callbacks;
	return rig.refused ? NULL : __real_slirp_new(config, &between, opaque);
}

void __wrap_slirp_cleanup(Slirp *slirp)
{
	__real_slirp_cleanup(slirp);
}

int __wrap_slirp_add_hostfwd(Slirp *slirp, int udp, struct in_addr from, int port,
			     struct in_addr to, int to_port)
{
	return rig.silent ? -1 : __real_slirp_add_hostfwd(slirp, udp, from, port, to, to_port);
}

void __wrap_slirp_input(Slirp *slirp, const uint8_t *data, int len)
{
	if (!rig.inside || (uint32_t)len != rig.packet.len ||
	    memcmp(data, rig.packet.data, rig.packet.len) != 0)
		steps_finding("gives libslirp another frame than the guest's");
	rig.inputs++;
	__real_slirp_input(slirp, data, len);
}

/* Which callback the call goes on to; one call at a time. */
static struct {
	SlirpAddPollCb add;
	SlirpGetREventsCb get;
} passing;

/* libslirp does not tell of all that listen. */
static bool listens(int fd)
{
	for (unsigned int i = 0; i < POLLS; i++) {
		if (rig.registered[i] == fd)
			return rig.listener[i];
	}
	return true;
}

static uint32_t flows_allowed(void)
{
	return rig.options.flows ? rig.options.flows : ANVIL_NIC_SLIRP_FLOWS;
}

static int add_poll(int fd, int events, void *opaque)
{
	int index = passing.add(fd, events, opaque);

	if (index >= (int)POLLS || index == 0)
		steps_finding("gives place %d to descriptor %d", index, fd);
	if (index < 0)
		return index;
	if (listens(fd) && rig.sockets >= flows_allowed())
		steps_finding("waits for connections that find no room");
	rig.polls++;
	rig.events[index] = events;
	return index;
}

void __wrap_slirp_pollfds_fill(Slirp *slirp, uint32_t *timeout, SlirpAddPollCb add, void *opaque)
{
	passing.add = add;
	__real_slirp_pollfds_fill(slirp, timeout, add_poll, opaque);
}

static int get_revents(int index, void *opaque)
{
	int events = passing.get(index, opaque);
	int expected =
		index > 0 && index < (int)POLLS ? same_bits(rig.polled[index].revents, false) : 0;

	if (events != expected)
		steps_finding("says of place %d that 0x%x happened, not 0x%x", index, events,
			      expected);
	return events;
}

static void give_burst(void *opaque)
{
	static uint8_t frame[2 * ANVIL_NIC_SLIRP_FRAME_BYTES];

	for (; rig.burst > 0; rig.burst--) {
		memset(frame, (int)rig.burst, sizeof(frame));
		(void)give(frame, rig.burst_len, opaque);
	}
}

void __wrap_slirp_pollfds_poll(Slirp *slirp, int error, SlirpGetREventsCb get, void *opaque)
{
	if (error)
		steps_finding("says that its poll went wrong");
	passing.get = get;
	__real_slirp_pollfds_poll(slirp, error, get_revents, opaque);
	give_burst(&rig.nic);
}

/* ---- the guest's side ---- */

static int receive(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	static const struct anvil_nic_offload none;
	const struct given *g = &rig.given[rig.first % RING_MOST];

	if (nic != &rig.nic.nic || rig.inside)
		steps_finding("delivers a frame out of turn");
	if (rig.full)
		steps_finding("delivers a frame to a guest that has no room");
	if (rig.waiting == 0 || frame->len != g->len || memcmp(frame->data, g->data, g->len) != 0 ||
	    memcmp(&frame->offload, &none, sizeof(none)) != 0)
		steps_finding("delivers a frame of %u bytes that is not the next one", frame->len);
	rig.full = rig.room == 0;
	if (rig.full)
		return -EAGAIN;
	packet_came(&rig.packet, frame->data, frame->len);
	rig.room--;
	rig.first++;
	rig.waiting--;
	return 0;
}

static void check_counts(void)
{
	if (rig.nic.dropped_from_guest != rig.sent_lost ||
	    rig.nic.refused_from_guest != rig.sent_refused || rig.nic.dropped_to_guest != rig.lost)
		steps_finding("has lost %llu, refused %llu and dropped %llu frames",
			      (unsigned long long)rig.nic.dropped_from_guest,
			      (unsigned long long)rig.nic.refused_from_guest,
			      (unsigned long long)rig.nic.dropped_to_guest);
	if (anvil_nic_slirp_flows(&rig.nic) != rig.sockets)
		steps_finding("has %u flows, of %u sockets", anvil_nic_slirp_flows(&rig.nic),
			      rig.sockets);
	if (rig.sockets > flows_allowed() + rig.options.forward_count)
		steps_finding("has %u flows of at most %u", rig.sockets, flows_allowed());
}

/* What was connected to, or sent to, since there were `before` sockets. */
static void check_reach(unsigned int reached)
{
	if (host_sockets.reached == reached || rig.asks_names)
		return;
	for (unsigned int i = 0; i < host_sockets.count; i++) {
		const struct host_socket *s = &host_sockets.socket[i];
		bool own = s->address >> 24 == 127 || s->address >> 24 == 0 ||
			   s->address == HOST_OWN_ADDRESS;

		if (s->port && s->port != NAMED && own && !rig.options.host && !s->forward)
			steps_finding("reaches the host at 0x%08x", s->address);
		if (s->port && rig.options.isolated && !s->forward)
			steps_finding("is isolated, and reaches 0x%08x", s->address);
	}
}

static void send_frame(const struct step *line)
{
	struct anvil_nic_frame frame = { .data = rig.packet.data };
	const struct packet_rules rules = { rig.options.host, rig.sockets >= flows_allowed() };
	unsigned int reached = host_sockets.reached;
	unsigned int inputs = rig.inputs;
	enum packet_fate fate;
	bool whole;
	int result;

	packet_build(&rig.packet, line);
	frame.len = rig.packet.len;
	frame.offload.needs_csum = V(5) & 1;
	frame.offload.gso = V(5) & 2 ? ANVIL_NIC_GSO_TCP4 : ANVIL_NIC_GSO_NONE;
	whole = frame.len <= ANVIL_NIC_SLIRP_FRAME_BYTES && !(V(5) & 3);
	fate = packet_fate(&rig.packet, &rules);
	rig.asks_names = rig.asks_names || packet_to(&rig.packet) == PACKET_NAME_SERVER;
	rig.inside = true;
	result = rig.nic.nic.ops->send(&rig.nic.nic, &frame);
	rig.inside = false;
	if (result)
		steps_finding("answers a frame with %d", result);
	rig.sent_lost += !whole;
	rig.sent_refused += whole && rig.inputs == inputs;
	if (rig.inputs > inputs + 1 || (!whole && rig.inputs != inputs))
		steps_finding("gives libslirp a frame that it cannot take");
	if (whole && fate != PACKET_EITHER && (fate == PACKET_PASSES) != (rig.inputs > inputs))
		steps_finding("%s a frame against its promise",
			      rig.inputs > inputs ? "passes" : "refuses");
	if (rig.inputs > inputs)
		packet_passed(&rig.packet);
	if (rig.inputs > inputs && !is_awake())
		steps_finding("sleeps on what the guest has sent");
	check_reach(reached);
}

/* ---- timers ---- */

static void expired(void *opaque)
{
	struct timer *t = opaque;

	if (t->at > now_ms())
		steps_finding("lets a timer run out too early");
	t->at = NEVER;
	if (t->again) {
		t->at = now_ms() + 100;
		rig.callbacks->timer_mod(t->handle, t->at, &rig.nic);
	}
}

static void change_timer(const struct step *line)
{
	struct timer *t = &rig.timer[V(0) % TIMERS];

	if (!t->handle) {
		t->handle = rig.callbacks->timer_new(expired, t, &rig.nic);
		if ((t->handle != NULL) != (rig.timers < ANVIL_NIC_SLIRP_TIMERS))
			steps_finding("has %u timers", rig.timers);
		rig.timers += t->handle != NULL;
		t->at = NEVER;
	} else if (V(1) % 4 == 3) {
		rig.callbacks->timer_free(t->handle, &rig.nic);
		t->handle = NULL;
		rig.timers--;
		return;
	}
	if (!t->handle || V(1) % 4 == 0)
		return;
	t->at = now_ms() + V(2) * 10;
	t->again = V(1) % 4 == 2;
	rig.callbacks->timer_mod(t->handle, t->at, &rig.nic);
	if (!is_awake())
		steps_finding("sleeps when a timer is set");
}

static int64_t next_timer(void)
{
	int64_t at = NEVER;

	for (unsigned int i = 0; i < TIMERS; i++) {
		if (rig.timer[i].handle && rig.timer[i].at < at)
			at = rig.timer[i].at;
	}
	return at;
}

/* ---- a turn of the event loop ---- */

static void check_timeout(int timeout, int given)
{
	int64_t at = next_timer();

	if (timeout < -1 || (given >= 0 && (timeout < 0 || timeout > given)))
		steps_finding("raises a timeout of %d to %d", given, timeout);
	if (at != NEVER && (timeout < 0 || timeout > (at > now_ms() ? at - now_ms() : 0)))
		steps_finding("waits for %d ms, and a timer is due sooner", timeout);
	if (rig.waiting > 0 && !rig.full && timeout != 0)
		steps_finding("waits with frames for the guest");
}

static void check_polled(unsigned int count)
{
	if (count != rig.polls + 1 || rig.polled[0].fd != rig.nic.wake ||
	    rig.polled[0].events != POLLIN)
		steps_finding("waits for %u descriptors of %u", count, rig.polls + 1);
	for (unsigned int i = 1; i < count; i++) {
		if (rig.polled[i].events != same_bits(rig.events[i], true))
			steps_finding("waits for 0x%x, and libslirp for 0x%x",
				      (unsigned int)rig.polled[i].events,
				      (unsigned int)rig.events[i]);
	}
}

static void fill(const struct step *line, unsigned int *count)
{
	static const unsigned int rooms[] = { POLLS, 2, 3, 5 };
	unsigned int room = rooms[V(1) % ARRAY_SIZE(rooms)];
	int given = V(2) % 3 == 0 ? -1 : V(2) * 7;
	int timeout = given;

	rig.polls = 0;
	*count = anvil_nic_slirp_fill(&rig.nic, rig.polled, room, &timeout);
	if (*count > room)
		steps_finding("fills %u places of %u", *count, room);
	check_timeout(timeout, given);
	check_polled(*count);
}

static void dispatch(const struct step *line)
{
	unsigned int reached = host_sockets.reached;
	int64_t due = next_timer();
	unsigned int count;

	fill(line, &count);
	(void)poll(rig.polled + 1, count - 1, 0);
	for (unsigned int i = 1; i < count; i++)
		rig.polled[i].revents = V(0) & 1 ? 0 : rig.polled[i].revents;
	anvil_nic_slirp_dispatch(&rig.nic, rig.polled, count);
	if (now_ms() - rig.ticked >= TICK_MS) {
		rig.ticked = now_ms();
		rig.packet.ticks++;
	}
	if (due <= now_ms() && next_timer() <= now_ms())
		steps_finding("does not run a timer");
	if (rig.waiting > 0 && !rig.full)
		steps_finding("keeps %u frames that the guest could take", rig.waiting);
	check_reach(reached);
}

/* Once, or with a turn of the event loop after each time. */
static void pass_time(const struct step *line)
{
	static const unsigned int time[] = { 1, 10, 100, 499, 500, 1000, 30000, 100000 };
	static const struct step turn = { .name = 'P' };
	unsigned int turns = V(1) % 80;

	for (unsigned int i = 0; i < (turns ? turns : 1); i++) {
		host_sockets.clock += time[V(0) % ARRAY_SIZE(time)] * 1000000ll;
		if (turns)
			dispatch(&turn);
	}
}

/* ---- the host's side ---- */

static void use_socket(const struct step *line)
{
	static uint8_t data[4096];
	struct host_socket *s;

	if (host_sockets.count == 0)
		return;
	s = &host_sockets.socket[V(0) % host_sockets.count];
	if (s->listens) {
		host_socket_comes(s);
		return;
	}
	switch (V(1) % 4) {
	case 0:
		(void)!send(s->other, data, 1 + V(2) * 50u, MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	case 1:
		(void)!recv(s->other, data, sizeof(data), MSG_DONTWAIT);
		break;
	case 2:
		(void)shutdown(s->other, SHUT_WR);
		break;
	default:
		(void)shutdown(s->other, SHUT_RDWR);
		break;
	}
}

static void fault(const struct step *line)
{
	static const enum host_trouble trouble[] = { HOST_EACCES, HOST_ENOMEM, HOST_EINTR,
						     HOST_EAGAIN };

	host_add_fault(&(struct host_fault){ .call = V(0) & 1 ? HOST_CONNECT : HOST_SOCKET,
					     .trouble = trouble[V(1) % ARRAY_SIZE(trouble)],
					     .after = V(2) % 8,
					     .count = 1 + V(3) % 8 });
}

static void play_op(const struct step *line)
{
	switch (line->name) {
	case 'W':
		send_frame(line);
		break;
	case 'P':
		dispatch(line);
		break;
	case 'R':
		rig.room = V(0);
		rig.full = false;
		rig.nic.nic.ops->receivable(&rig.nic.nic);
		if (rig.waiting > 0 && !rig.full)
			steps_finding("keeps frames from a guest that has room");
		break;
	case 'G':
		rig.room = V(0);
		break;
	case 'I':
		fault(line);
		break;
	case 'A': /* libslirp has frames */
		rig.burst = 1 + V(0);
		rig.burst_len = V(1) % 3 == 0 ? 60 : ANVIL_NIC_SLIRP_FRAME_BYTES + V(1) % 3 - 1u;
		break;
	case 'T':
		change_timer(line);
		break;
	case 'Z':
		pass_time(line);
		break;
	default:
		use_socket(line);
		break;
	}
	check_counts();
}

/* ---- opening ---- */

/* Returns whether the nic has to refuse it. */
static bool make_forward(struct anvil_nic_slirp_forward *f, uint8_t v)
{
	*f = (struct anvil_nic_slirp_forward){ .udp = v & 8, .host_port = 8080, .guest_port = 80 };
	switch (v % 8) {
	case 1:
		f->host_address = "127.0.0.256";
		return true;
	case 2:
		f->guest_address = "10.0.3.15";
		return true;
	case 3:
		f->host_port = 0;
		return true;
	case 4:
		f->guest_port = 0;
		return true;
	case 5:
		f->host_address = "0.0.0.0";
		f->guest_address = "10.0.2.99";
		return false;
	default:
		return false;
	}
}

static void check_opening(int err, int expected, const char *error)
{
	if (err != expected)
		steps_finding("is opened with %d, not %d: %s", err, expected, error);
	if (err && (!*error || strchr(error, '\n')))
		steps_finding("is not opened (%d): %s", err, error);
	if (err && host_opened() > 0)
		steps_finding("is not opened, and leaves %u descriptors open", host_opened());
}

static int set_up_faults(const struct step *line)
{
	switch (V(5) % 16) {
	case 1: /* the event */
		host_add_fault(&(struct host_fault){ HOST_SETUP, HOST_EACCES, 0, 1, 0 });
		return -EMFILE;
	case 2:
		host_sockets.files = HOST_FD_FIRST + 20;
		return -EMFILE;
	case 3:
		rig.refused = true;
		return -ENOMEM;
	case 4:
		host_add_fault(&(struct host_fault){ HOST_SETUP, HOST_EACCES, 1, 1, 0 });
		return rig.options.forward_count ? -EACCES : 0;
	case 5:
		rig.silent = true;
		return rig.options.forward_count ? -EADDRINUSE : 0;
	default:
		return 0;
	}
}

/* Faults of the host or libslirp meet the first forward, or come before it. */
static int expected_answer(int fault, bool first_bad, bool bad)
{
	if (fault == -EMFILE || fault == -ENOMEM)
		return fault;
	if (first_bad)
		return -EINVAL;
	return !fault && bad ? -EINVAL : fault;
}

static bool open_slirp(const struct step *line)
{
	static struct anvil_nic_slirp_forward forward[2];
	static const uint32_t frames[] = { 0, 1, 4, 16 };
	static const uint32_t flows[] = { 0, 1, 2, 3 };
	char error[256] = "";
	bool bad = make_forward(&forward[0], V(3));
	bool second_bad = make_forward(&forward[1], V(4));
	int expected;
	int err;

	rig.options = (struct anvil_nic_slirp_options){ .forwards = forward,
							.forward_count = V(2) % 3,
							.ring_frames = frames[V(1) % 4],
							.isolated = V(0) & 1,
							.host = V(0) & 2,
							.flows = flows[V(0) / 4 % 4] };
	bad = bad && rig.options.forward_count > 0;
	second_bad = second_bad && rig.options.forward_count > 1;
	rig.ring = rig.options.ring_frames ? rig.options.ring_frames : RING_MOST;
	expected = expected_answer(set_up_faults(line), bad, bad || second_bad);
	host.setting_up = true;
	rig.opening = true;
	err = anvil_nic_slirp_open(&rig.nic, &rig.options, error, sizeof(error));
	host.setting_up = false;
	rig.opening = false;
	host.faults = 0;
	check_opening(err, expected, error);
	return !err;
}

static void close_slirp(void)
{
	anvil_nic_slirp_close(&rig.nic);
	if (host_opened() > 0)
		steps_finding("is closed, and leaves %u descriptors open", host_opened());
	if (rig.sockets > 0)
		steps_finding("is closed with %u sockets", rig.sockets);
}

void play_slirp(struct steps *steps)
{
	memset(&rig, 0, sizeof(rig));
	memset(rig.registered, 0xff, sizeof(rig.registered));
	host_reset();
	host_sockets_reset();
	host_sockets.files = FDS_ENOUGH;
	host_sockets.clock = 1000000000000ll;
	rig.room = 1000;
	(void)signal(SIGPIPE, SIG_IGN); /* as nic_slirp.h asks for */
	if (open_slirp(&steps->setup)) {
		rig.nic.nic.receive = receive;
		for (steps->now = 0; steps->now < (int)steps->ops; steps->now++)
			play_op(&steps->op[steps->now]);
		close_slirp();
	}
	host_sockets_reset();
}
