/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hobby VMM's network device (tests/foreign): each of its mistakes shows, and is absent without
 * it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "foreign/net_rig.h"

/* ---- what it does with a mistake: 0 is well, and 2 is not ---- */

static int config_write(void)
{
	uint64_t before = mac();

	dut->write(dut, MMIO_CONFIG, 1, 0xff);
	return wrong_if(mac() != before);
}

static int notify_unchecked(void)
{
	bring_up(0, 2);
	set(MMIO_QUEUE_NOTIFY, 1u << 26);
	return 0; /* or the device is not there any more */
}

static int queue_size(void)
{
	return wrong_if(set_up(RX, 128));
}

static int not_ready(void)
{
	bring_up(0, 0);
	return wrong_if(receive(60));
}

static int before_driver_ok(void)
{
	negotiate(0);
	set_up(RX, RING_SIZE);
	lend(0, DATA, 1600);
	return wrong_if(receive(60));
}

static void offer_more(void)
{
	struct vring_avail *avail = ram(own_page(0));

	avail->idx = 2;
}

static int avail_again(void)
{
	struct vring_avail *avail = ram(own_page(0));

	negotiate(0);
	place(TX, RING_SIZE, GPA(0), own_page(0), GPA(0xa00));
	set(MMIO_QUEUE_READY, 1);
	set(MMIO_STATUS, RUNNING);
	desc(0, 0, DATA, HEADER + 60, 0, 0);
	avail->idx = 1;
	after_access(own_page(0), offer_more);
	set(MMIO_QUEUE_NOTIFY, TX);
	return wrong_if(frames_sent > 1);
}

static int head_masked(void)
{
	bring_up(0, 2);
	desc(TX, 3, DATA, HEADER + 60, 0, 0);
	submit(TX, RING_SIZE + 3);
	return wrong_if(!broken());
}

static int next_past_by_one(void)
{
	bring_up(0, 2);
	desc(TX, 0, DATA, HEADER, DESC_NEXT, RING_SIZE);
	desc(TX, RING_SIZE, DATA, 60, 0, 0);
	submit(TX, 0);
	return wrong_if(!broken());
}

static int table_in_itself(void)
{
	bring_up(VIRTIO_F_INDIRECT, 2);
	desc(TX, 0, GPA(TX * 0x1000), 16, DESC_INDIRECT, 0);
	submit(TX, 0);
	return wrong_if(!broken());
}

static int chain_endless(void)
{
	bring_up(0, 2);
	desc(TX, 0, DATA, 0, DESC_NEXT, 0);
	submit(TX, 0);
	return wrong_if(!broken());
}

static int address_start(void)
{
	bring_up(0, 2);
	desc(TX, 0, dut->ram[1].gpa + dut->ram[1].bytes - 16, 32, 0, 0);
	submit(TX, 0);
	return wrong_if(!broken());
}

/* A descriptor's length grows in the meantime, to what is never valid. */
static void grow(void)
{
	struct vring_desc *table = ram(own_page(0));

	table[0].len = 1u << 30;
}

static int length_twice(void)
{
	struct vring_desc *table = ram(own_page(0));
	struct vring_avail *avail = ram(GPA(0x800));

	negotiate(0);
	place(RX, RING_SIZE, own_page(0), GPA(0x800), GPA(0xa00));
	set(MMIO_QUEUE_READY, 1);
	set(MMIO_STATUS, RUNNING);
	memset(ram(DATA), NOTHING, 400);
	table[0] = (struct vring_desc){ DATA, 100, DESC_NEXT | DESC_WRITE, 1 };
	table[1] = (struct vring_desc){ DATA + 200, 50, DESC_WRITE, 0 };
	avail->idx = 1;
	after_access(own_page(0), grow);
	return wrong_if(receive(150 - HEADER) && touched(DATA + 100, 100));
}

static int tx_short(void)
{
	bring_up(0, 2);
	transmit(HEADER - 8);
	return wrong_if(frames_sent);
}

static int tx_long(void)
{
	bring_up(0, 2);
	transmit(HEADER + 1600);
	return wrong_if(frames_sent);
}

static int tx_trailer(void)
{
	bring_up(0, 2);
	transmit(HEADER + 20);
	return wrong_if(frames_sent != 1 || frame_bytes > 60);
}

static int tx_lost(void)
{
	bring_up(0, 2);
	transmit(HEADER - 8);
	return wrong_if(used(TX)->idx != 1);
}

static int rx_overrun(void)
{
	bring_up(0, 2);
	lend(0, DATA, 50);
	return wrong_if(receive(60) || touched(DATA + 50, 22));
}

static int rx_past_end(void)
{
	bring_up(0, 2);
	lend(0, DATA, 1600);
	return wrong_if(!receive(61) || touched(DATA + HEADER + 61, 8));
}

static int rx_header(void)
{
	bring_up(F_MRG_RXBUF, 1);
	lend(1, DATA + 0x1000, 100);
	lend(0, DATA, 4);
	desc(RX, 0, DATA, 4, DESC_NEXT | DESC_WRITE, 1);
	((struct vring_avail *)ram(GPA(0x800)))->idx = 0;
	offer(RX, 0);
	return wrong_if(!receive(60) || touched(DATA + 4, 60));
}

static int rx_write_flag(void)
{
	bring_up(0, 2);
	lend(0, DATA, 50);
	memset(ram(DATA), NOTHING, 300);
	desc(RX, 0, DATA, 50, DESC_NEXT | DESC_WRITE, 1);
	desc(RX, 1, DATA + 50, 100, 0, 0);
	return wrong_if(receive(60) || touched(DATA + 50, 100));
}

static int rx_lost(void)
{
	bring_up(0, 2);
	lend(0, DATA, 50);
	receive(60);
	return wrong_if(!receive(38));
}

static uint16_t idx_then;

static void note(uint64_t gpa)
{
	(void)gpa;
	idx_then = used(RX)->idx;
}

static int rx_one_by_one(void)
{
	bring_up(F_MRG_RXBUF, 1);
	lend(0, DATA, 50);
	lend(1, own_page(0), 50);
	at_first_store(own_page(0), note);
	return wrong_if(!receive(60) || idx_then != 0);
}

static int rx_num_buffers(void)
{
	bring_up(F_MRG_RXBUF, 1);
	lend(0, DATA, 50);
	lend(1, DATA + 0x1000, 50);
	return wrong_if(!receive(60) || ((uint8_t *)ram(DATA))[10] != 2);
}

static int rx_used_len(void)
{
	bring_up(0, 2);
	lend(0, DATA, 1600);
	return wrong_if(!receive(60) || used(RX)->ring[0].len != HEADER + 60);
}

static int rx_stale_header(void)
{
	static const uint8_t header[HEADER] = { [10] = 1 };

	bring_up(0, 2);
	memset(ram(DATA), 0x55, HEADER);
	transmit(HEADER + 60);
	lend(0, DATA, 1600);
	return wrong_if(!receive(60) || memcmp(ram(DATA), header, HEADER) != 0);
}

static int ctrl_length(void)
{
	bring_up(F_CTRL, 3);
	return wrong_if(command(1, 1, "\2abcdefghijklmnopqrstuvw", 24) != 1);
}

static int ctrl_no_ack(void)
{
	bring_up(F_CTRL, 3);
	desc(CTRL, 0, DATA, 8, 0, 0);
	submit(CTRL, 0);
	return wrong_if(!broken());
}

static int ctrl_unanswered(void)
{
	bring_up(F_CTRL, 3);
	return wrong_if(command(77, 0, "", 0) != 1);
}

static int ctrl_unnegotiated(void)
{
	bring_up(F_CTRL_VQ, 3);
	return wrong_if(command(1, 1, "\2abcde", 6) != 1);
}

static int reset_keeps_mac(void)
{
	uint64_t before = mac();

	bring_up(F_CTRL, 3);
	command(1, 1, "\2abcde", 6);
	set(MMIO_STATUS, 0);
	return wrong_if(mac() != before);
}

static const struct shown all_shown[] = {
	{ MISTAKE_NET_CONFIG_WRITE, config_write, false },
	{ MISTAKE_NET_NOTIFY_UNCHECKED, notify_unchecked, false },
	{ MISTAKE_NET_QUEUE_SIZE, queue_size, false },
	{ MISTAKE_NET_NOT_READY, not_ready, false },
	{ MISTAKE_NET_BEFORE_DRIVER_OK, before_driver_ok, false },
	{ MISTAKE_NET_AVAIL_AGAIN, avail_again, true },
	{ MISTAKE_NET_HEAD_MASKED, head_masked, false },
	{ MISTAKE_NET_NEXT_PAST_BY_ONE, next_past_by_one, false },
	{ MISTAKE_NET_TABLE_IN_ITSELF, table_in_itself, false },
	{ MISTAKE_NET_CHAIN_ENDLESS, chain_endless, false },
	{ MISTAKE_NET_ADDRESS_START, address_start, false },
	{ MISTAKE_NET_LENGTH_TWICE, length_twice, true },
	{ MISTAKE_NET_TX_SHORT, tx_short, false },
	{ MISTAKE_NET_TX_LONG, tx_long, false },
	{ MISTAKE_NET_TX_TRAILER, tx_trailer, false },
	{ MISTAKE_NET_TX_LOST, tx_lost, false },
	{ MISTAKE_NET_RX_OVERRUN, rx_overrun, false },
	{ MISTAKE_NET_RX_PAST_END, rx_past_end, false },
	{ MISTAKE_NET_RX_HEADER, rx_header, false },
	{ MISTAKE_NET_RX_WRITE_FLAG, rx_write_flag, false },
	{ MISTAKE_NET_RX_LOST, rx_lost, false },
	{ MISTAKE_NET_RX_ONE_BY_ONE, rx_one_by_one, false },
	{ MISTAKE_NET_RX_NUM_BUFFERS, rx_num_buffers, false },
	{ MISTAKE_NET_RX_USED_LEN, rx_used_len, false },
	{ MISTAKE_NET_RX_STALE_HEADER, rx_stale_header, false },
	{ MISTAKE_NET_CTRL_LENGTH, ctrl_length, false },
	{ MISTAKE_NET_CTRL_NO_ACK, ctrl_no_ack, false },
	{ MISTAKE_NET_CTRL_UNANSWERED, ctrl_unanswered, false },
	{ MISTAKE_NET_CTRL_UNNEGOTIATED, ctrl_unnegotiated, false },
	{ MISTAKE_NET_RESET_KEEPS_MAC, reset_keeps_mac, false },
};

static void each_mistake_shows(void **state)
{
	(void)state;
	all_are_shown(all_shown, COUNT(all_shown), MISTAKE_NET_CONFIG_WRITE,
		      MISTAKE_NET_RESET_KEEPS_MAC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_mistake_shows, driver_power_on),
	};

	return cmocka_run_group_tests(tests, driver_create, NULL);
}
