/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The recorder, told of drivers that do anything at all: it changes nothing that they see, and what
 * it writes plays.
 */
#include "recorder_linux.h"

static uint64_t random_state;

static uint32_t any(uint32_t below)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(random_state >> 33) % below;
}

static uint64_t any_address(void)
{
	switch (any(6)) {
	case 0:
		return HIGH + any(HIGH_BYTES);
	case 1:
		return LOW_BYTES - any(64);
	case 2:
		return UINT64_MAX - any(4096);
	case 3:
		return vq[any(3)].desc + any(0x3000);
	default:
		return any(LOW_BYTES);
	}
}

static uint32_t any_len(void)
{
	static const uint32_t len[] = { 0, 1, 11, 12, 15, 16, 17, 20, 512, 1536, 4096, 65536 };

	return any(20) ? len[any(12)] : UINT32_MAX - any(100);
}

/* Descriptors of all kinds, mostly bad ones, with loops and tables in tables. */
static void any_chain(struct ring *q)
{
	unsigned int count = any(6);

	for (unsigned int i = 0; i <= count; i++) {
		struct sg sg = { any(3) ? allocate(64) : any_address(), any_len(),
				 any(3) ? i == count : any(2) };
		unsigned int flags = i < count ? VIRTQ_DESC_F_NEXT : 0;
		unsigned int next = q->next + 1u;

		if (any(12) == 0)
			flags = any(8);
		if (any(12) == 0)
			next = any(300);
		if (any(3) == 0)
			put16(sg.gpa < LOW_BYTES - 64 ? sg.gpa : 0x1000, any(16));
		put_desc(any(20) ? q->desc : 0x1000, q->next % q->size, &sg, flags, next % 300);
		if (i == 0)
			put16(q->avail + 4 + 2ull * (q->avail_idx % q->size), q->next % q->size);
		q->next++;
	}
	if (any(10) == 0)
		put16(q->avail + 4 + 2ull * (q->avail_idx % q->size), any(0x10000));
	q->avail_idx = (uint16_t)(q->avail_idx + (any(20) ? 1 : any(0x10000)));
	put16(q->avail + 2, q->avail_idx);
	if (any(2))
		writel(VIRTIO_MMIO_QUEUE_NOTIFY, q->index);
}

static void any_good_request(void)
{
	if (!rig.is_net) {
		queue_blk(any(16), any(SECTORS + 10), any(10), any(4) ? 512 * (1 + any(9)) : 100);
		kick(&vq[0]);
	} else if (any(3)) {
		queue_frame(any(2) ? &tso_offload : &csum_offload, any(2), any(5));
		kick(&vq[ANVIL_NET_TX]);
	} else {
		fill_receive(1 + any(8));
	}
}

static void any_bring_up(void)
{
	uint64_t base = any(8) ? 0x321000 : any(2) ? HIGH + 0x1000 : any_address() & ~15ull;

	negotiate(any(4) ? UINT64_MAX : ~BIT(any(41)));
	for (unsigned int i = 0; i < (rig.is_net ? 3 : 1); i++) {
		set_up_queue(i, base + i * 0x8000);
		if (vq[i].size == 0 || base > LOW_BYTES) /* we write there, too */
			set_up_queue(i, 0x321000 + i * 0x8000);
		if (vq[i].size == 0)
			vq[i].size = 1;
	}
	memset(ram[0] + 0x321000, 0, 0x18000);
	add_status(VIRTIO_STATUS_DRIVER_OK);
}

static void any_access(void)
{
	static const unsigned int width[] = { 4, 4, 4, 4, 1, 2, 8, 3 };
	uint64_t offset = any(ANVIL_MMIO_WINDOW / 4) * 4 + (any(8) ? 0 : any(4));

	if (any(2))
		rd(offset, width[any(8)]);
	else
		wr(offset, width[any(8)], any(4) ? any(4) : any_address());
}

static void any_act(void)
{
	uint8_t frame[100];

	switch (any(12)) {
	case 0:
	case 1:
		any_access();
		break;
	case 2:
	case 3:
		any_chain(&vq[any(rig.is_net ? 3 : 1)]);
		break;
	case 4:
		interrupt();
		break;
	case 5:
		for (unsigned int i = 0; i < sizeof(frame); i++)
			frame[i] = (uint8_t)any(256);
		if (rig.is_net)
			arrives(frame, 14 + any(80));
		break;
	case 6:
		if (any(6) == 0)
			any_bring_up();
		break;
	default:
		any_good_request();
	}
}

/* All that can be seen from outside of the device. */
static uint64_t digest(void)
{
	uint64_t sum = 0;
	const void *part[] = { ram[0], ram[1], rig.access, rig.log.event };
	const size_t len[] = { LOW_BYTES, HIGH_BYTES, sizeof(rig.access), sizeof(rig.log.event) };

	for (size_t i = 0; i < 4; i++) {
		for (size_t at = 0; at < len[i]; at += 8) {
			uint64_t word;

			memcpy(&word, (const uint8_t *)part[i] + at, 8);
			sum = (sum ^ word) * 0x9e3779b97f4a7c15ull;
		}
	}
	return sum;
}

static bool races;

/* While the recorder looks, other processors of the guest's write. */
static void fire_race(void *opaque, uint64_t gpa, size_t len)
{
	(void)opaque;
	if (any(4) == 0)
		put16((gpa + any((uint32_t)len + 1)) & ~1ull, any(4) ? any(300) : any(0x10000));
}

static uint64_t any_guest(unsigned int seed, bool record)
{
	static const struct anvil_guest_memory_tap race = { fire_race, seen, seen, &rig.tapped };
	uint16_t size = (uint16_t)(1u << seed % 10);
	uint64_t sum;

	random_state = seed;
	if (seed / 10 % 2)
		start_net(size, any(3) ? NET_FEATURES : NET_FEATURES & ~RING_FEATURES);
	else
		start_blk(size, any(3) ? BLK_FEATURES : BLK_FEATURES & ~RING_FEATURES);
	if (record)
		start_recorder();
	if (races)
		rig.recorder.memory.tap = &race;
	if (any(8))
		any_bring_up();
	for (unsigned int i = 0; i < 3; i++)
		vq[i].size = vq[i].size ? vq[i].size : 1;
	for (unsigned int i = 0; i < 300; i++)
		any_act();
	sum = digest();
	stop_device();
	return sum;
}

/* All files, as one number. */
static uint64_t sum_files(void)
{
	char *const args[] = { rig.folder };
	size_t count;
	char **path = files_list(args, 1, &count);
	uint64_t sum = count;

	for (size_t i = 0; i < count; i++) {
		uint8_t bytes[SCRIPT_BYTES_MAX];
		struct script s;
		size_t len;

		assert_true(files_read_script(path[i], &s));
		len = script_encode(&s, bytes, sizeof(bytes));
		for (size_t at = 0; at < len; at++)
			sum = (sum ^ bytes[at]) * 0x100000001b3ull;
	}
	files_free(path, count);
	return sum;
}

static void the_same_guest_gives_the_same_scripts(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 40; seed++) {
		uint64_t sum;

		any_guest(seed, true);
		sum = sum_files();
		remove_folder();
		any_guest(seed, true);
		assert_int_equal(sum_files(), sum);
		remove_folder();
	}
}

static void nothing_a_guest_does_harms_or_shows(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 120; seed++) {
		uint64_t without = any_guest(seed, false);
		unsigned int tapped = rig.tapped;

		remove_folder();
		assert_int_equal(any_guest(seed, true), without);
		assert_int_equal(rig.tapped, tapped);
		play_all();
		remove_folder();
	}
}

static void memory_that_changes_meanwhile_does_no_harm(void **state)
{
	(void)state;
	races = true;
	for (unsigned int seed = 1; seed <= 400; seed++) {
		any_guest(seed, true);
		play_all();
		remove_folder();
	}
	races = false;
}

/* Rings that a device must refuse; the recording ends, and goes on after a reset. */
static void broken_rings_end_the_recording_until_a_reset(void **state)
{
	(void)state;
	for (unsigned int way = 0; way < 6; way++) {
		struct sg sg = { 0x5000, 16, false };
		struct script s;

		start_blk(64, BLK_FEATURES);
		start_recorder();
		probe_blk(0x321000);
		do_blk(VIRTIO_BLK_T_IN, 0, 1, 512);
		put16(vq[0].avail + 4 + 2, vq[0].next);
		if (way == 0) /* itself, for ever */
			put_desc(vq[0].desc, vq[0].next, &sg, VIRTQ_DESC_F_NEXT, vq[0].next);
		sg.gpa = way == 1 ? UINT64_MAX - 8 : sg.gpa;
		sg.len = way == 2 ? UINT32_MAX : sg.len;
		if (way == 1 || way == 2)
			put_desc(vq[0].desc, vq[0].next, &sg, 0, 0);
		sg.len = 0xfffffff0;
		if (way == 3) /* a table of 4 GiB */
			put_desc(vq[0].desc, vq[0].next, &sg, VIRTQ_DESC_F_INDIRECT, 0);
		if (way == 4)
			put_desc(vq[0].desc, vq[0].next, &sg, VIRTQ_DESC_F_NEXT, 0xffff);
		if (way == 5)
			put16(vq[0].avail + 4 + 2, 64);
		put16(vq[0].avail + 2, 2);
		writel(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
		assert_true(readl(VIRTIO_MMIO_STATUS) & VIRTIO_STATUS_NEEDS_RESET);
		do_blk(VIRTIO_BLK_T_IN, 0, 1, 1024);
		memset(ram[0] + 0x321000, 0, 0x8000);
		probe_blk(0x321000);
		do_blk(VIRTIO_BLK_T_IN, 0, 1, 2048);
		stop_device();
		assert_true(recorded("requests_01", &s));
		assert_int_equal(s.ops, 3); /* init, blk, used */
		play(&s);
		assert_true(recorded("requests_02", &s));
		assert_int_equal(s.ops, 3);
		play(&s);
		remove_folder();
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_guest_gives_the_same_scripts),
		cmocka_unit_test(nothing_a_guest_does_harms_or_shows),
		cmocka_unit_test(memory_that_changes_meanwhile_does_no_harm),
		cmocka_unit_test(broken_rings_end_the_recording_until_a_reset),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
