/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the parts of the network device's model: frames (oracle_net.c), commands and statistics
 * (oracle_net_control.c), hashes and steering (oracle_net_steering.c), oracle_net_coalesce.c.
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

/* The end of the Ethernet header at `at`, which is there, and of up to 8 tags; and what follows. */
uint64_t oracle_net_untag(const uint8_t *f, uint64_t len, uint64_t at, unsigned int *type);

/* Any bytes, from the Ethernet header on. */
void oracle_net_look_into(const uint8_t *f, uint64_t len, struct packet *p);

/* Where a frame goes, and its hash; it may turn out not to be wanted. */
void oracle_net_choose(struct oracle *o, const struct nic_frame *f);
void oracle_net_flow_sent(struct oracle *o, unsigned int queue, const uint8_t *frame, uint64_t len);
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

bool oracle_net_guest_has(const struct oracle *o, unsigned int feature);
void oracle_net_put_status(struct oracle *o);

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
