/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A capture file of Ethernet frames, made byte by byte: for test_nic_pcap_*.c and
 * test_host_nic_device.c.
 */
#ifndef TESTS_CAPTURE_H
#define TESTS_CAPTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MICRO 0xa1b2c3d4u
#define NANO  0xa1b23c4du

struct capture {
	uint8_t bytes[262144];
	size_t len;
	bool big_endian;
};

static inline void put(struct capture *c, uint32_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++) {
		unsigned int shift = 8 * (c->big_endian ? bytes - 1 - i : i);

		assert_true(c->len < sizeof(c->bytes));
		c->bytes[c->len++] = (uint8_t)(value >> shift);
	}
}

static inline void put_header(struct capture *c, uint32_t magic)
{
	c->len = 0;
	put(c, magic, 4);
	put(c, 2, 2);
	put(c, 4, 2);
	put(c, 0, 4);
	put(c, 0, 4);
	put(c, 65535, 4);
	put(c, 1, 4);
}

static inline uint8_t frame_byte(uint32_t number, uint32_t i)
{
	return (uint8_t)(number * 37 + i);
}

/* `captured` bytes follow in the file, whatever the header is made to say later */
static inline void put_record(struct capture *c, uint32_t number, uint32_t captured)
{
	put(c, 1700000000 + number, 4);
	put(c, number, 4);
	put(c, captured, 4);
	put(c, captured, 4);
	for (uint32_t i = 0; i < captured; i++)
		put(c, frame_byte(number, i), 1);
}

#endif
