/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The serial port, driven as a 16550A driver does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kvm/serial.h"

static struct serial port;
static char sent[64];
static size_t sent_len;
static unsigned int edges;

static void output(void *opaque, uint8_t byte)
{
	(void)opaque;
	if (sent_len < sizeof(sent) - 1)
		sent[sent_len++] = (char)byte;
}

static void interrupt(void *opaque)
{
	(void)opaque;
	edges++;
}

static int set_up(void **state)
{
	static const struct serial_ops ops = { output, interrupt };

	(void)state;
	memset(sent, 0, sizeof(sent));
	sent_len = 0;
	edges = 0;
	serial_init(&port, &ops, NULL);
	return 0;
}

static void what_is_written_goes_out(void **state)
{
	(void)state;
	assert_int_equal(serial_read(&port, 5), 0x60); /* ready */
	serial_write(&port, 0, 'h');
	serial_write(&port, 0, 'i');
	assert_string_equal(sent, "hi");
	assert_int_equal(edges, 0); /* nobody asked */
}

static void a_transmitter_that_is_empty_interrupts_once(void **state)
{
	(void)state;
	serial_write(&port, 1, 2);
	assert_int_equal(edges, 1);
	assert_int_equal(serial_read(&port, 2) & 15, 2);
	assert_int_equal(serial_read(&port, 2) & 15, 1); /* reading acknowledged it */
	serial_write(&port, 0, 'a');
	serial_write(&port, 0, 'b');
	assert_int_equal(edges, 2);
	assert_int_equal(serial_read(&port, 2) & 15, 2);
}

static void what_is_received_waits(void **state)
{
	(void)state;
	serial_write(&port, 1, 1);
	serial_receive(&port, (const uint8_t *)"xy", 2);
	assert_int_equal(edges, 1);
	assert_int_equal(serial_read(&port, 2) & 15, 4);
	assert_int_equal(serial_read(&port, 5), 0x61);
	assert_int_equal(serial_read(&port, 0), 'x');
	assert_int_equal(edges, 2); /* for the second, should the driver read no more now */
	assert_int_equal(serial_read(&port, 0), 'y');
	assert_int_equal(serial_read(&port, 5), 0x60);
	assert_int_equal(serial_read(&port, 0), 0);
	assert_int_equal(edges, 2);
}

static void more_than_fits_is_lost(void **state)
{
	static const uint8_t many[SERIAL_FIFO + 10];

	(void)state;
	serial_receive(&port, many, sizeof(many));
	assert_int_equal(serial_room(&port), 0);
	serial_write(&port, 2, 3); /* cleared */
	assert_int_equal(serial_room(&port), SERIAL_FIFO);
}

/* What a driver does to find out that there is a 16550A. */
static void a_driver_recognises_it(void **state)
{
	(void)state;
	serial_write(&port, 7, 0x5a);
	assert_int_equal(serial_read(&port, 7), 0x5a);
	serial_write(&port, 1, 0xff);
	assert_int_equal(serial_read(&port, 1), 0x0f);
	serial_write(&port, 4, 0x1a); /* loopback */
	assert_int_equal(serial_read(&port, 6) & 0xf0, 0x90);
	serial_write(&port, 0, 'q');
	assert_int_equal(sent_len, 0);
	assert_int_equal(serial_read(&port, 0), 'q');
	serial_write(&port, 4, 0);
	serial_write(&port, 2, 1);
	assert_int_equal(serial_read(&port, 2) & 0xc0, 0xc0);
	serial_write(&port, 3, 0x83); /* the divisor */
	serial_write(&port, 0, 1);
	serial_write(&port, 1, 0);
	assert_int_equal(serial_read(&port, 0), 1);
	serial_write(&port, 3, 3);
	assert_int_equal(sent_len, 0);
	assert_int_equal(serial_read(&port, 1), 0x0f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_written_goes_out, set_up),
		cmocka_unit_test_setup(a_transmitter_that_is_empty_interrupts_once, set_up),
		cmocka_unit_test_setup(what_is_received_waits, set_up),
		cmocka_unit_test_setup(more_than_fits_is_lost, set_up),
		cmocka_unit_test_setup(a_driver_recognises_it, set_up),
	};

	return cmocka_run_group_tests_name("serial", tests, NULL, NULL);
}
