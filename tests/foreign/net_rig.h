/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the network device share.
 */
#ifndef FOREIGN_NET_RIG_H
#define FOREIGN_NET_RIG_H

#include "driver.h"

#define F_MRG_RXBUF	(1ull << 15)
#define F_STATUS	(1ull << 16)
#define F_CTRL_VQ	(1ull << 17)
#define F_CTRL_MAC_ADDR (1ull << 23)
#define F_CTRL		(F_CTRL_VQ | F_CTRL_MAC_ADDR)

#define HEADER 12u
#define DATA   GPA(BUFFERS)
#define ACK    GPA(BUFFERS + 0xf00)

enum {
	RX = 0,
	TX = 1,
	CTRL = 2,
};

/* A frame from the host, of bytes that count up. Returns whether the device took it. */
static inline bool receive(size_t bytes)
{
	uint8_t data[2048];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i + 1);
	return dut->frame(dut, data, bytes);
}

/* Whether `len` bytes there are those of such a frame from byte `from` on. */
static inline bool received(uint64_t gpa, unsigned int from, size_t len)
{
	const uint8_t *at = ram(gpa);

	for (size_t i = 0; i < len; i++) {
		if (at[i] != (uint8_t)(from + i + 1))
			return false;
	}
	return true;
}

/* A buffer of one descriptor for a frame. */
static inline void lend(uint16_t i, uint64_t gpa, uint32_t len)
{
	memset(ram(gpa), NOTHING, len + 256);
	desc(RX, i, gpa, len, DESC_WRITE, 0);
	offer(RX, i);
}

/* Sends so many bytes, a header's among them. */
static inline void transmit(uint32_t bytes)
{
	desc(TX, 0, DATA, bytes, 0, 0);
	submit(TX, 0);
}

/* A command. Returns its answer. */
static inline unsigned int command(uint8_t class, uint8_t what, const char *data, uint32_t len)
{
	uint8_t *at = ram(DATA);

	at[0] = class;
	at[1] = what;
	memcpy(at + 2, data, len);
	*(uint8_t *)ram(ACK) = NOTHING;
	desc(CTRL, 0, DATA, 2 + len, DESC_NEXT, 1);
	desc(CTRL, 1, ACK, 1, DESC_WRITE, 0);
	submit(CTRL, 0);
	return *(uint8_t *)ram(ACK);
}

static inline uint64_t mac(void)
{
	return dut->read(dut, MMIO_CONFIG, 8) & 0xffffffffffff;
}

#endif
