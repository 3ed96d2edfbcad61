/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of a network device's model: features, configuration, frames (one file a
 * direction), commands and statistics (oracle_net_control.c), hashes and steering, coalescing,
 * saved states.
 */
#ifndef ORACLE_NET_INTERNAL_H
#define ORACLE_NET_INTERNAL_H

#include "oracle_internal.h"

/* What a hash is made of. */
struct packet {
	unsigned int version; /* 4, 6, 0: neither */
	unsigned int
		protocol; /* 6 or 17 if that header is there; 4, 47: what may be inside; else 0 */
	unsigned int transport;
	bool extended;
	uint8_t from[16];
	uint8_t to[16];
	uint8_t home[16];
	uint8_t care[16];
	uint8_t ports[4];
};

static inline bool oracle_net_refused(enum milestone m)
{
	hit(m);
	return false;
}

/* ---- oracle_net_features.c ---- */

/* The first feature of the driver's below 64 that lacks what it requires, or -1; those above. */
int oracle_net_unmet_need(const struct oracle *o);
bool oracle_net_high_needs_met(const struct oracle *o);

/* ---- oracle_net_config.c ---- */

/* Queue pairs that the driver may use; whether a queue is for received frames. */
unsigned int oracle_net_pairs(const struct oracle *o);
bool oracle_net_is_rx(const struct oracle *o, unsigned int queue);
void oracle_net_agreed(struct oracle *o);

/* What of the configuration space depends on features; what is shown of some of LATE_*. */
void oracle_net_fixed_config(struct oracle *o);
void oracle_net_shows(struct oracle *o, unsigned int what);

/* The driver writes its address, which a legacy one may. */
void oracle_net_config_written(struct oracle *o, uint64_t at, unsigned int width, uint64_t value);

/* ---- oracle_net_frame.c ---- */

/* Bytes of the header of each frame (5.1.9.3.1). */
unsigned int oracle_net_header_bytes(const struct oracle *o);

/* Where the IP header of a frame starts, and which one its type says that it is; 0: none. */
unsigned int oracle_net_ip_at(const uint8_t *f, uint64_t len, unsigned int *ip);

/* How long this frame may be, and whether its tags make it longer than it else may be. */
uint64_t oracle_net_longest(const struct oracle *o, const uint8_t *frame, uint64_t len);
bool oracle_net_longer_by_tags(const struct oracle *o, const struct anvil_nic_frame *f);

/* ---- oracle_net_transmit.c, oracle_net_receive.c ---- */

/* What is owed for a chain of such a queue. */
void oracle_net_due_tx(struct oracle *o, unsigned int queue, struct model_chain *c);
void oracle_net_due_rx(struct oracle *o, unsigned int queue, struct model_chain *c,
		       struct due *due);
void oracle_net_published(struct oracle *o, unsigned int queue);

/* ---- oracle_net_packet.c ---- */

/* The end of the Ethernet header at `at`, which is there, and of up to 8 tags; and what follows. */
uint64_t oracle_net_untag(const uint8_t *f, uint64_t len, uint64_t at, unsigned int *type);

/* Any bytes, from the Ethernet header on. */
void oracle_net_look_into(const uint8_t *f, uint64_t len, struct packet *p);
/* The packet in a tunnel of one of these types (bits of 5.1.9.4.3.4). False: there is none. */
bool oracle_net_look_inside(const uint8_t *f, uint64_t len, uint32_t enabled,
			    const struct packet *outer, struct packet *p);

/* ---- oracle_net_flow.c ---- */

/* The driver has sent this frame on that queue. */
void oracle_net_flow_sent(struct oracle *o, unsigned int queue, const uint8_t *frame, uint64_t len);
/* The pair that a frame for the guest goes to, without RSS; whether it runs is not asked. */
unsigned int oracle_net_by_flow(struct oracle *o, const struct anvil_nic_frame *f);
void oracle_net_flows_reset(struct oracle *o);

/* ---- oracle_net_steering.c, oracle_net_control.c, oracle_net_coalesce.c ---- */

/* Where a frame goes, and its hash; it may turn out not to be wanted. */
void oracle_net_choose(struct oracle *o, const struct anvil_nic_frame *f);
void oracle_net_steering_reset(struct oracle *o);

/* Commands: from class and number on; whether they are good ones. */
bool oracle_net_mq(struct oracle *o, unsigned int number, const uint8_t *data, uint64_t len);
bool oracle_net_tunnels(struct oracle *o, unsigned int number, const uint8_t *data, uint64_t len);
bool oracle_net_contexts(struct oracle *o, unsigned int number, const uint8_t *data, uint64_t len,
			 uint64_t *answer);
bool oracle_net_coalescing(struct oracle *o, unsigned int number, const uint8_t *data, uint64_t len,
			   uint64_t *answer);
void oracle_net_command(struct oracle *o, struct model_chain *c, struct due *due);

/* Entries of a receive or transmit queue were shown; commands or time may have made notifications
 * due. */
void oracle_net_shown(struct oracle *o, unsigned int queue);
void oracle_net_look(struct oracle *o);

/* What was put off has to be told now. */
void oracle_net_tell_all(struct oracle *o);
void oracle_net_stopped(struct oracle *o, unsigned int queue);
void oracle_net_interrupt(struct oracle *o, unsigned int queue);
void oracle_net_notified(struct oracle *o, uint32_t queue);

/* ---- oracle_net_state.c ---- */

bool oracle_net_restored(struct oracle *o, struct oracle_image *im);
uint64_t oracle_net_saved(const struct oracle *o);

bool oracle_net_guest_has(const struct oracle *o, unsigned int feature);
void oracle_net_put_status(struct oracle *o);

static inline unsigned int net_be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static inline unsigned int net_le16(const uint8_t *p)
{
	return (unsigned int)p[1] << 8 | p[0];
}

static inline uint32_t net_le32(const uint8_t *p)
{
	return (uint32_t)net_le16(p + 2) << 16 | net_le16(p);
}

static inline uint64_t net_le64(const uint8_t *p)
{
	return (uint64_t)net_le32(p + 4) << 32 | net_le32(p);
}

#endif
