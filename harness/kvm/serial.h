/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A serial port as the guest sees it: the 16550A's eight registers, as far as a console needs them.
 * What the guest sends goes out at once; what is received waits in a FIFO. One thread at a time.
 */
#ifndef SERIAL_H
#define SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIAL_FIFO 1024u

struct serial_ops {
	void (*output)(void *opaque, uint8_t byte);
	void (*interrupt)(void *opaque); /* an edge */
};

struct serial {
	const struct serial_ops *ops;
	void *opaque;
	uint8_t divisor[2];
	uint8_t interrupt_enable;
	uint8_t fifo_control;
	uint8_t line_control;
	uint8_t modem_control;
	uint8_t scratch;
	bool sent; /* the interrupt for an empty transmitter is due */
	bool asserted;
	uint8_t fifo[SERIAL_FIFO];
	unsigned int first;
	unsigned int used;
};

void serial_init(struct serial *s, const struct serial_ops *ops, void *opaque);

/* Accesses to register 0 to 7, one byte each. */
uint8_t serial_read(struct serial *s, unsigned int reg);
void serial_write(struct serial *s, unsigned int reg, uint8_t value);

/* How many bytes can be received now, and receiving them; what does not fit is lost. */
size_t serial_room(const struct serial *s);
void serial_receive(struct serial *s, const uint8_t *bytes, size_t len);

#endif
