/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that a guest sends into a network of libslirp's, built from the operands of a step, and
 * what of their fields says where they have to go.
 */
#ifndef BACKEND_PACKET_H
#define BACKEND_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "steps.h"

#define PACKET_BYTES	   70000u
#define PACKET_CONNECTIONS 4u
#define PACKET_GUEST	   0x0a00020fu
#define PACKET_GATEWAY	   0x0a000202u
#define PACKET_NAME_SERVER 0x0a000203u

struct packet_connection {
	uint32_t sent; /* the next sequence number */
	uint32_t seen; /* acknowledged */
};

#define PACKET_CHAINS 32u

/* Fragments of a datagram that have passed. */
struct packet_chain {
	uint32_t to;
	uint16_t id;
	uint32_t next;	    /* offset; 0: none */
	unsigned int since; /* the tick it began in */
};

struct packet {
	uint8_t data[PACKET_BYTES];
	uint32_t len;
	uint8_t gateway_mac[6]; /* learned */
	struct packet_connection connection[PACKET_CONNECTIONS];
	struct packet_chain chain[PACKET_CHAINS];
	unsigned int chains;
	unsigned int ticks; /* turns of the event loop, half a second or more apart */
};

void packet_build(struct packet *p, const struct step *line);

/* A frame that came to the guest: it learns the gateway's address, and goes on with connections. */
void packet_came(struct packet *p, const uint8_t *data, uint32_t len);

/* What nic_slirp.h says of a frame that does not ask for offloads, nor is too long. */
enum packet_fate {
	PACKET_EITHER,
	PACKET_PASSES,
	PACKET_IS_REFUSED,
};

struct packet_rules {
	bool host; /* may be reached */
	bool full; /* no more flows */
};

enum packet_fate packet_fate(struct packet *p, const struct packet_rules *rules);

/* It has passed. */
void packet_passed(struct packet *p);

/* Where an IPv4 packet goes; 0: it is none. */
uint32_t packet_to(const struct packet *p);

#endif
