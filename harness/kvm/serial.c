/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registers and interrupt of a 16550A.
 */
#include "serial.h"

#include <string.h>

enum reg {
	REG_DATA,
	REG_INTERRUPT_ENABLE,
	REG_INTERRUPT_IDENT, /* written: FIFO control */
	REG_LINE_CONTROL,
	REG_MODEM_CONTROL,
	REG_LINE_STATUS,
	REG_MODEM_STATUS,
	REG_SCRATCH,
};

#define IER_RECEIVED	  0x01
#define IER_TRANSMITTED	  0x02
#define IER_ALL		  0x0f
#define IIR_NONE	  0x01
#define IIR_TRANSMITTED	  0x02
#define IIR_RECEIVED	  0x04
#define IIR_FIFO	  0xc0
#define FCR_ENABLE	  0x01
#define FCR_CLEAR_RECEIVE 0x02
#define LCR_DIVISOR	  0x80
#define MCR_LOOPBACK	  0x10
#define LSR_RECEIVED	  0x01
#define LSR_IDLE	  0x60 /* transmitter and its FIFO are empty */
#define MSR_READY	  0xb0 /* carrier, data set ready, clear to send */

void serial_init(struct serial *s, const struct serial_ops *ops, void *opaque)
{
	memset(s, 0, sizeof(*s));
	s->ops = ops;
	s->opaque = opaque;
	s->divisor[0] = 12; /* 9,600 baud; no time passes here */
}

static bool received_due(const struct serial *s)
{
	return (s->interrupt_enable & IER_RECEIVED) && s->used > 0;
}

static bool sent_due(const struct serial *s)
{
	return (s->interrupt_enable & IER_TRANSMITTED) && s->sent;
}

/* The line is an edge for each time that there begins to be a reason. */
static void update(struct serial *s)
{
	bool due = received_due(s) || sent_due(s);

	if (due && !s->asserted)
		s->ops->interrupt(s->opaque);
	s->asserted = due;
}

size_t serial_room(const struct serial *s)
{
	return SERIAL_FIFO - s->used;
}

void serial_receive(struct serial *s, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len && s->used < SERIAL_FIFO; i++) {
		s->fifo[(s->first + s->used) % SERIAL_FIFO] = bytes[i];
		s->used++;
	}
	update(s);
}

static uint8_t take(struct serial *s)
{
	uint8_t byte;

	if (s->used == 0)
		return 0;
	byte = s->fifo[s->first];
	s->first = (s->first + 1) % SERIAL_FIFO;
	s->used--;
	/* an edge for each byte left: the guest may stop reading after one */
	s->asserted = false;
	return byte;
}

static uint8_t identify(struct serial *s)
{
	uint8_t fifo = s->fifo_control & FCR_ENABLE ? IIR_FIFO : 0;

	if (received_due(s))
		return fifo | IIR_RECEIVED;
	if (sent_due(s)) {
		s->sent = false; /* reading this acknowledges it */
		return fifo | IIR_TRANSMITTED;
	}
	return fifo | IIR_NONE;
}

/* With loopback the modem's inputs are its outputs. */
static uint8_t modem_status(const struct serial *s)
{
	uint8_t c = s->modem_control;

	if (!(c & MCR_LOOPBACK))
		return MSR_READY;
	return (uint8_t)((c & 0x0c) << 4 | (c & 0x02) << 3 | (c & 0x01) << 5);
}

static uint8_t read_register(struct serial *s, unsigned int reg)
{
	switch (reg) {
	case REG_DATA:
		return s->line_control & LCR_DIVISOR ? s->divisor[0] : take(s);
	case REG_INTERRUPT_ENABLE:
		return s->line_control & LCR_DIVISOR ? s->divisor[1] : s->interrupt_enable;
	case REG_INTERRUPT_IDENT:
		return identify(s);
	case REG_LINE_CONTROL:
		return s->line_control;
	case REG_MODEM_CONTROL:
		return s->modem_control;
	case REG_LINE_STATUS:
		return LSR_IDLE | (s->used > 0 ? LSR_RECEIVED : 0);
	case REG_MODEM_STATUS:
		return modem_status(s);
	default:
		return s->scratch;
	}
}

uint8_t serial_read(struct serial *s, unsigned int reg)
{
	uint8_t value = read_register(s, reg);

	update(s);
	return value;
}

static void send(struct serial *s, uint8_t value)
{
	if (s->modem_control & MCR_LOOPBACK)
		serial_receive(s, &value, 1);
	else
		s->ops->output(s->opaque, value);
	s->sent = true;
}

static void write_register(struct serial *s, unsigned int reg, uint8_t value)
{
	switch (reg) {
	case REG_DATA:
		if (s->line_control & LCR_DIVISOR)
			s->divisor[0] = value;
		else
			send(s, value);
		break;
	case REG_INTERRUPT_ENABLE:
		if (s->line_control & LCR_DIVISOR) {
			s->divisor[1] = value;
			break;
		}
		if (value & ~s->interrupt_enable & IER_TRANSMITTED)
			s->sent = true;
		s->interrupt_enable = value & IER_ALL;
		break;
	case REG_INTERRUPT_IDENT:
		s->fifo_control = value;
		if (value & FCR_CLEAR_RECEIVE)
			s->used = 0;
		break;
	case REG_LINE_CONTROL:
		s->line_control = value;
		break;
	case REG_MODEM_CONTROL:
		s->modem_control = value;
		break;
	case REG_SCRATCH:
		s->scratch = value;
		break;
	default:
		break;
	}
}

void serial_write(struct serial *s, unsigned int reg, uint8_t value)
{
	write_register(s, reg, value);
	update(s);
}
