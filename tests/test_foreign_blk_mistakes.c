/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hobby VMM's block device (tests/foreign): each of its mistakes shows, and is absent without
 * it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "foreign/blk_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- what it does with a mistake: 0 is well, and 2 is not ---- */

static int config_past_end(void)
{
	return wrong_if(dut->read(dut, MMIO_CONFIG + 20, 8) != 0);
}

static int config_writable(void)
{
	bring_up(0, 1);
	dut->write(dut, MMIO_CONFIG, 8, 1 << 20);
	return wrong_if(request(IN, SECTORS, 512) == OK);
}

static int queue_select(void)
{
	set(MMIO_QUEUE_SEL, 1);
	return wrong_if(get(MMIO_QUEUE_NUM_MAX) != 0);
}

static int queue_too_large(void)
{
	return wrong_if(set_up(0, 256));
}

static int queue_zero(void)
{
	return wrong_if(set_up(0, 0) || set_up(0, 3));
}

static int queue_changes(void)
{
	bring_up(0, 1);
	set(MMIO_QUEUE_NUM, 1);
	/* the second one is in the second place */
	request(IN, 0, 512);
	return wrong_if(request(GET_ID, 0, 20) != OK || used(0)->ring[1].len != 21);
}

static int ring_unchecked(void)
{
	place(0, RING_SIZE, GPA(0), GPA(0x800), 0x1000);
	set(MMIO_QUEUE_READY, 1);
	return wrong_if(get(MMIO_QUEUE_READY));
}

static int features_any(void)
{
	return wrong_if(negotiate(1ull << 34) & STATUS_FEATURES_OK);
}

static int status_any(void)
{
	set(MMIO_STATUS, STATUS_DRIVER_OK | STATUS_NEEDS_RESET);
	return wrong_if(get(MMIO_STATUS));
}

static int reset_keeps_index(void)
{
	bring_up(0, 1);
	request(IN, 0, 512);
	bring_up(0, 1);
	return wrong_if(request(IN, 0, 512) != OK);
}

static int reset_keeps_queue(void)
{
	bring_up(0, 1);
	set(MMIO_STATUS, 0);
	return wrong_if(request(IN, 0, 512) != NOTHING);
}

static int avail_jump(void)
{
	struct vring_avail *avail = ram(GPA(0x800));

	bring_up(0, 1);
	avail->idx = 0xfffe;
	request(IN, 0, 512);
	return wrong_if(!broken());
}

/* The descriptor behind the table is a chain with a status alone. */
static int behind_table(uint16_t head)
{
	bring_up(0, 1);
	put_header(IN, 0);
	desc(0, 0, HEADER, 16, DESC_NEXT, RING_SIZE);
	desc(0, RING_SIZE, STATUS, 1, DESC_WRITE, 0);
	submit(0, head);
	return wrong_if(!broken());
}

static int head_unchecked(void)
{
	return behind_table(RING_SIZE);
}

static int next_unchecked(void)
{
	return behind_table(0);
}

static int chain_endless(void)
{
	bring_up(0, 1);
	desc(0, 0, 0, 0, DESC_NEXT, 0);
	submit(0, 0);
	return wrong_if(!broken());
}

/* A request whose status is there. */
static int status_at(uint64_t gpa, uint32_t len)
{
	bring_up(0, 1);
	put_header(99, 0);
	desc(0, 0, HEADER, 16, DESC_NEXT, 1);
	desc(0, 1, gpa, len, DESC_WRITE, 0);
	submit(0, 0);
	return wrong_if(!broken());
}

static int address_unchecked(void)
{
	return status_at(GPA(dut->ram[0].bytes), 1);
}

static int address_wraps(void)
{
	return status_at(UINT64_MAX - 15, 32);
}

static int header_is_table(uint32_t len)
{
	bring_up(VIRTIO_F_INDIRECT, 1);
	put_header(IN, 0);
	desc(0, 0, DATA, len, DESC_INDIRECT, 0);
	submit(0, 0);
	return wrong_if(!broken());
}

static int indirect_length(void)
{
	struct vring_desc *table = ram(DATA);

	table[0] = (struct vring_desc){ STATUS, 1, DESC_WRITE, 0 };
	return header_is_table(24);
}

static int indirect_nested(void)
{
	struct vring_desc *table = ram(DATA);

	table[0] = (struct vring_desc){ DATA, 16, DESC_INDIRECT, 0 };
	return header_is_table(16);
}

static int write_flag(void)
{
	bring_up(0, 1);
	put_header(IN, 0);
	memset(ram(DATA), NOTHING, 512);
	desc(0, 0, HEADER, 16, DESC_NEXT, 1);
	desc(0, 1, DATA, 256, DESC_NEXT | DESC_WRITE, 2);
	desc(0, 2, DATA + 256, 256, DESC_NEXT, 3);
	desc(0, 3, STATUS, 1, DESC_WRITE, 0);
	submit(0, 0);
	return wrong_if(touched(DATA + 256, 256));
}

/* A flush whose header is `len` bytes long, and device-writable or not. */
static int flush_of(uint32_t len, uint16_t flags)
{
	bring_up(F_FLUSH, 1);
	put_header(FLUSH, 0);
	desc(0, 0, HEADER, len, DESC_NEXT | flags, 1);
	desc(0, 1, STATUS, 1, DESC_WRITE, 0);
	submit(0, 0);
	return wrong_if(*(uint8_t *)ram(STATUS) != IOERR);
}

static int header_writable(void)
{
	return flush_of(16, DESC_WRITE);
}

static int header_length(void)
{
	return flush_of(4, 0);
}

static int no_status(void)
{
	bring_up(0, 1);
	put_header(IN, 0);
	desc(0, 0, HEADER, 16, 0, 0);
	submit(0, 0);
	return wrong_if(!broken());
}

static int range_wraps(void)
{
	bring_up(0, 1);
	return wrong_if(request(IN, (1ull << 55) - 1, 1024) != IOERR);
}

static int range_start(void)
{
	bring_up(0, 1);
	return wrong_if(request(IN, SECTORS - 1, 1024) != IOERR);
}

static int length_odd(void)
{
	bring_up(0, 1);
	return wrong_if(request(IN, SECTORS, 100) != IOERR);
}

static int read_only_asked(void)
{
	int with_mistake = foreign_mistake;

	setenv("FOREIGN_READ_ONLY", "1", 1);
	if (dut->create(dut, &driver_host))
		return 3;
	foreign_mistake = with_mistake;
	dut->power_cycle(dut);
	if (!(get(MMIO_DEVICE_FEATURES) & F_RO))
		return 3;
	bring_up(0, 1);
	return wrong_if(request(OUT, 0, 512) != IOERR);
}

static int id_length(void)
{
	bring_up(0, 1);
	memset(ram(DATA), NOTHING, 64);
	request(GET_ID, 0, 4);
	return wrong_if(touched(DATA + 4, 60));
}

static int unanswered(void)
{
	bring_up(0, 1);
	request(99, 0, 0);
	return wrong_if(used(0)->idx != 1);
}

static int answered_twice(void)
{
	bring_up(0, 1);
	request(IN, SECTORS, 512);
	return wrong_if(used(0)->idx != 1);
}

static uint64_t first_store;

static void note(uint64_t gpa)
{
	if (first_store == 0)
		first_store = gpa;
}

static int index_first(void)
{
	uint64_t ring = own_page(0);

	negotiate(0);
	place(0, RING_SIZE, GPA(0), GPA(0x800), ring);
	set(MMIO_QUEUE_READY, 1);
	set(MMIO_STATUS, RUNNING);
	at_first_store(ring, note);
	if (request(IN, 0, 512) != OK)
		return 3;
	return wrong_if(first_store < ring + sizeof(struct vring_used));
}

static int used_len_unwritten(void)
{
	bring_up(0, 1);
	request(IN, SECTORS, 512);
	return wrong_if(used_len(0) != 0);
}

static int used_len_all(void)
{
	bring_up(F_FLUSH, 1);
	request(FLUSH, 0, 0);
	return wrong_if(used_len(0) != 1);
}

/* A descriptor's length grows in the meantime, to what is never valid. */
static void grow(void)
{
	struct vring_desc *table = ram(own_page(0));

	table[1].len = 1u << 30;
}

static int desc_twice(void)
{
	struct vring_desc *table = ram(own_page(0));

	negotiate(0);
	place(0, RING_SIZE, own_page(0), GPA(0x800), GPA(0xa00));
	set(MMIO_QUEUE_READY, 1);
	set(MMIO_STATUS, RUNNING);
	put_header(IN, 0);
	memset(ram(DATA), NOTHING, 512);
	table[0] = (struct vring_desc){ HEADER, 16, DESC_NEXT, 1 };
	table[1] = (struct vring_desc){ DATA, 256, DESC_NEXT | DESC_WRITE, 2 };
	table[2] = (struct vring_desc){ DATA + 512, 256, DESC_NEXT | DESC_WRITE, 3 };
	table[3] = (struct vring_desc){ STATUS, 1, DESC_WRITE, 0 };
	after_access(own_page(0), grow);
	submit(0, 0);
	return wrong_if(touched(DATA + 256, 256) && *(uint8_t *)ram(STATUS) == OK);
}

static void move(void)
{
	uint64_t *header = ram(own_page(0));

	header[1] = 1ull << 40;
}

static int sector_twice(void)
{
	uint64_t *header = ram(own_page(0));

	bring_up(0, 1);
	header[0] = OUT;
	header[1] = 0;
	desc(0, 0, own_page(0), 16, DESC_NEXT, 1);
	desc(0, 1, DATA, 512, DESC_NEXT, 2);
	desc(0, 2, STATUS, 1, DESC_WRITE, 0);
	after_access(own_page(0), move);
	submit(0, 0);
	return 0; /* or the device is not there any more */
}

static const struct shown all_shown[] = {
	{ MISTAKE_BLK_CONFIG_PAST_END, config_past_end, false },
	{ MISTAKE_BLK_CONFIG_WRITABLE, config_writable, false },
	{ MISTAKE_BLK_QUEUE_SELECT, queue_select, false },
	{ MISTAKE_BLK_QUEUE_TOO_LARGE, queue_too_large, false },
	{ MISTAKE_BLK_QUEUE_ZERO, queue_zero, false },
	{ MISTAKE_BLK_QUEUE_CHANGES, queue_changes, false },
	{ MISTAKE_BLK_RING_UNCHECKED, ring_unchecked, false },
	{ MISTAKE_BLK_FEATURES_ANY, features_any, false },
	{ MISTAKE_BLK_STATUS_ANY, status_any, false },
	{ MISTAKE_BLK_RESET_KEEPS_INDEX, reset_keeps_index, false },
	{ MISTAKE_BLK_RESET_KEEPS_QUEUE, reset_keeps_queue, false },
	{ MISTAKE_BLK_AVAIL_JUMP, avail_jump, false },
	{ MISTAKE_BLK_HEAD_UNCHECKED, head_unchecked, false },
	{ MISTAKE_BLK_NEXT_UNCHECKED, next_unchecked, false },
	{ MISTAKE_BLK_CHAIN_ENDLESS, chain_endless, false },
	{ MISTAKE_BLK_ADDRESS_UNCHECKED, address_unchecked, false },
	{ MISTAKE_BLK_ADDRESS_WRAPS, address_wraps, false },
	{ MISTAKE_BLK_DESC_TWICE, desc_twice, true },
	{ MISTAKE_BLK_INDIRECT_LENGTH, indirect_length, false },
	{ MISTAKE_BLK_INDIRECT_NESTED, indirect_nested, false },
	{ MISTAKE_BLK_WRITE_FLAG, write_flag, false },
	{ MISTAKE_BLK_HEADER_WRITABLE, header_writable, false },
	{ MISTAKE_BLK_HEADER_LENGTH, header_length, false },
	{ MISTAKE_BLK_SECTOR_TWICE, sector_twice, true },
	{ MISTAKE_BLK_NO_STATUS, no_status, false },
	{ MISTAKE_BLK_RANGE_WRAPS, range_wraps, false },
	{ MISTAKE_BLK_RANGE_START, range_start, false },
	{ MISTAKE_BLK_LENGTH_ODD, length_odd, false },
	{ MISTAKE_BLK_READ_ONLY_ASKED, read_only_asked, false },
	{ MISTAKE_BLK_ID_LENGTH, id_length, false },
	{ MISTAKE_BLK_UNANSWERED, unanswered, false },
	{ MISTAKE_BLK_ANSWERED_TWICE, answered_twice, false },
	{ MISTAKE_BLK_INDEX_FIRST, index_first, false },
	{ MISTAKE_BLK_USED_LEN_UNWRITTEN, used_len_unwritten, false },
	{ MISTAKE_BLK_USED_LEN_ALL, used_len_all, false },
};

static void each_mistake_shows(void **state)
{
	(void)state;
	all_are_shown(all_shown, COUNT(all_shown), MISTAKE_BLK_CONFIG_PAST_END,
		      MISTAKE_BLK_USED_LEN_ALL);
}

/* ---- their names ---- */

static int chooses(const char *name)
{
	setenv("FOREIGN_MISTAKE", name, 1);
	return foreign_mistake_from_environment("BLK_");
}

static int named(void)
{
	return wrong_if(chooses("BLK_NO_STATUS") != 0 || foreign_mistake != MISTAKE_BLK_NO_STATUS ||
			chooses("") != 0 || foreign_mistake != MISTAKE_NONE);
}

static int misnamed(void)
{
	return wrong_if(chooses("BLK_NO") != -EINVAL || chooses("NET_TX_LONG") != -EINVAL ||
			foreign_mistake != MISTAKE_NONE);
}

static void the_environment_names_one(void **state)
{
	(void)state;
	assert_int_equal(outcome(MISTAKE_NONE, named), WELL);
	assert_int_equal(outcome(MISTAKE_NONE, misnamed), WELL);
}

static void the_readme_names_all(void **state)
{
	FILE *file = fopen("tests/foreign/README.md", "r");
	char text[32768];

	(void)state;
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	for (int m = 1; m < MISTAKES; m++) {
		char cell[64];

		snprintf(cell, sizeof(cell), "| %s |", foreign_mistakes[m].name);
		if (!strstr(text, cell) || !strstr(text, foreign_mistakes[m].could))
			fail_msg("tests/foreign/README.md: no %s", foreign_mistakes[m].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_mistake_shows, driver_power_on),
		cmocka_unit_test_setup(the_environment_names_one, driver_power_on),
		cmocka_unit_test_setup(the_readme_names_all, driver_power_on),
	};

	return cmocka_run_group_tests(tests, driver_create, NULL);
}
