/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_mmio.h: every register at every width and offset, interrupts, a driver's way in (4.2). */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array_size.h"
#include "support.h"

struct fixture {
	struct guest guest;
	struct fake_device fake;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	guest_init(&f->guest);
	fake_device_init(&f->fake, &f->guest.ram.memory);
	guest_attach(&f->guest, &f->fake.dev);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	anvil_device_destroy(&f->fake.dev);
	guest_destroy(&f->guest);
	free(f);
	return 0;
}

/* 4.2.2, the table; `fresh` is what a register reads as after creation and after reset */
static const struct {
	uint32_t offset;
	bool readable;
	bool writable;
	uint32_t fresh;
} reg[] = {
	{ VIRTIO_MMIO_MAGIC, true, false, 0x74726976 },
	{ VIRTIO_MMIO_VERSION, true, false, 2 },
	{ VIRTIO_MMIO_DEVICE_ID, true, false, FAKE_DEVICE_ID },
	{ VIRTIO_MMIO_VENDOR_ID, true, false, 0x4c56414e },
	{ VIRTIO_MMIO_DEVICE_FEATURES, true, false,
	  1 << FAKE_FEATURE_A | 1 << FAKE_NEEDS_A | 1 << FAKE_NEEDS_B | 1 << VIRTIO_F_EVENT_IDX |
		  1 << VIRTIO_F_INDIRECT_DESC },
	{ VIRTIO_MMIO_DEVICE_FEATURES_SEL, false, true, 0 },
	{ VIRTIO_MMIO_DRIVER_FEATURES, false, true, 0 },
	{ VIRTIO_MMIO_DRIVER_FEATURES_SEL, false, true, 0 },
	{ VIRTIO_MMIO_QUEUE_SEL, false, true, 0 },
	{ VIRTIO_MMIO_QUEUE_SIZE_MAX, true, false, 8 },
	{ VIRTIO_MMIO_QUEUE_SIZE, false, true, 0 },
	{ VIRTIO_MMIO_QUEUE_READY, true, true, 0 },
	{ VIRTIO_MMIO_QUEUE_NOTIFY, false, true, 0 },
	{ VIRTIO_MMIO_INTERRUPT_STATUS, true, false, 0 },
	{ VIRTIO_MMIO_INTERRUPT_ACK, false, true, 0 },
	{ VIRTIO_MMIO_STATUS, true, true, 0 },
	{ VIRTIO_MMIO_QUEUE_DESC_LOW, false, true, 0 },
	{ VIRTIO_MMIO_QUEUE_DESC_HIGH, false, true, 0 },
	{ VIRTIO_MMIO_QUEUE_DRIVER_LOW, false, true, 0 },
	{ VIRTIO_MMIO_QUEUE_DRIVER_HIGH, false, true, 0 },
	{ VIRTIO_MMIO_QUEUE_DEVICE_LOW, false, true, 0 },
	{ VIRTIO_MMIO_QUEUE_DEVICE_HIGH, false, true, 0 },
	{ VIRTIO_MMIO_SHM_SEL, false, true, 0 },
	{ VIRTIO_MMIO_SHM_LEN_LOW, true, false, UINT32_MAX },
	{ VIRTIO_MMIO_SHM_LEN_HIGH, true, false, UINT32_MAX },
	{ VIRTIO_MMIO_SHM_BASE_LOW, true, false, UINT32_MAX },
	{ VIRTIO_MMIO_SHM_BASE_HIGH, true, false, UINT32_MAX },
	{ VIRTIO_MMIO_QUEUE_RESET, true, true, 0 },
	{ VIRTIO_MMIO_CONFIG_GENERATION, true, false, 0 },
};

static uint32_t fresh_value(uint64_t offset)
{
	for (size_t i = 0; i < ARRAY_SIZE(reg); i++) {
		if (reg[i].offset == offset)
			return reg[i].fresh;
	}
	return 0;
}

static void every_offset_reads_as_the_table_says_at_every_width(void **state)
{
	struct fixture *f = *state;

	for (unsigned int width = 0; width <= 9; width++) {
		for (uint64_t offset = 0; offset < VIRTIO_MMIO_CONFIG; offset++) {
			uint64_t value = anvil_mmio_read(&f->guest.mmio, offset, width);

			if (value != (width == 4 ? fresh_value(offset) : 0))
				fail_msg("%#x, %u bytes: %#x", (unsigned int)offset, width,
					 (unsigned int)value);
		}
	}
}

/* As much of the state as a driver, or an embedder, can tell apart. */
struct snapshot {
	struct anvil_features driver;
	uint8_t status;
	uint32_t sel[3];
	struct anvil_virtqueue queue[3];
	uint32_t interrupts;
	unsigned int notified;
	unsigned int config_writes;
};

static void take(const struct fixture *f, struct snapshot *s)
{
	memset(s, 0, sizeof(*s));
	s->driver = f->fake.dev.driver;
	s->status = f->fake.dev.status;
	s->sel[0] = f->guest.mmio.device_features_sel;
	s->sel[1] = f->guest.mmio.driver_features_sel;
	s->sel[2] = f->guest.mmio.queue_sel;
	memcpy(s->queue, f->fake.dev.queue, sizeof(s->queue));
	s->interrupts = f->guest.mmio.interrupt_status;
	s->notified = f->fake.notified[0] + f->fake.notified[1] + f->fake.notified[2];
	s->config_writes = f->fake.config_writes;
}

static bool writable(uint64_t offset)
{
	for (size_t i = 0; i < ARRAY_SIZE(reg); i++) {
		if (reg[i].offset == offset)
			return reg[i].writable;
	}
	return false;
}

static void writes_that_name_no_register_change_nothing(void **state)
{
	static const uint64_t value[] = { 0, 1, 2, UINT32_MAX, UINT64_MAX };
	struct fixture *f = *state;
	struct snapshot before, after;

	guest_drive(&f->guest, features(VIRTIO_F_RING_RESET, -1), 1, 8);
	anvil_device_config_changed(&f->fake.dev); /* so that an ack would be seen */
	take(f, &before);
	for (unsigned int width = 0; width <= 9; width++) {
		for (uint64_t offset = 0; offset < VIRTIO_MMIO_CONFIG; offset++) {
			if (width == 4 && writable(offset))
				continue;
			for (size_t i = 0; i < ARRAY_SIZE(value); i++)
				anvil_mmio_write(&f->guest.mmio, offset, width, value[i]);
			take(f, &after);
			assert_memory_equal(&after, &before, sizeof(after));
		}
	}
}

static void config_space_answers_one_two_and_four_bytes_at_any_offset(void **state)
{
	struct fixture *f = *state;

	assert_true(guest_negotiate(&f->guest, features(-1)));
	for (unsigned int width = 0; width <= 9; width++) {
		bool good = width == 1 || width == 2 || width == 4;

		for (uint64_t offset = 0; offset <= 0x200; offset++) {
			uint64_t expected = 0;
			bool inside = good && offset + width <= sizeof(f->fake.config);

			for (unsigned int i = 0; inside && i < width; i++)
				expected |= (0xc0ull + offset + i) << (8 * i);
			assert_int_equal(
				anvil_mmio_read(&f->guest.mmio, VIRTIO_MMIO_CONFIG + offset, width),
				expected);
			f->fake.config_writes = 0;
			anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_CONFIG + offset, width,
					 0x8877665544332211);
			assert_int_equal(f->fake.config_writes, inside);
			if (!inside)
				continue;
			assert_int_equal(f->fake.config_offset, offset);
			assert_int_equal(f->fake.config_len, width);
			assert_memory_equal(f->fake.config_bytes, "\x11\x22\x33\x44", width);
		}
	}
}

static void offsets_near_the_end_of_64_bits_are_harmless(void **state)
{
	struct fixture *f = *state;

	assert_true(guest_negotiate(&f->guest, features(-1)));
	for (unsigned int width = 0; width <= 9; width++) {
		for (uint64_t i = 0; i < 0x120; i++) {
			uint64_t offset[] = { UINT64_MAX - i, 0x100000000 + i,
					      0x8000000000000000 + i };

			for (size_t o = 0; o < ARRAY_SIZE(offset); o++) {
				assert_int_equal(anvil_mmio_read(&f->guest.mmio, offset[o], width),
						 0);
				anvil_mmio_write(&f->guest.mmio, offset[o], width, 0);
			}
		}
	}
	assert_int_equal(f->fake.config_writes, 0);
	assert_int_equal(guest_status(&f->guest), UP_TO_FEATURES_OK);
}

static void values_wider_than_the_register_lose_their_upper_half(void **state)
{
	struct fixture *f = *state;

	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_STATUS, 4, 0xdead00000001);
	assert_int_equal(guest_status(&f->guest), UP_TO_ACKNOWLEDGE);
	anvil_mmio_write(&f->guest.mmio, VIRTIO_MMIO_STATUS, 4, 0x100000000);
	assert_int_equal(guest_status(&f->guest), 0);
}

/* ---- features ---- */

static void feature_words_are_selected(void **state)
{
	static const uint32_t far[] = { 2, 3, 4, 5, 0x80000000, UINT32_MAX };
	struct fixture *f = *state;
	struct guest *g = &f->guest;

	reg_write(g, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_DEVICE_FEATURES),
			 1 << (VIRTIO_F_VERSION_1 - 32) | 1 << (VIRTIO_F_RING_RESET - 32) |
				 1 << (FAKE_QUEUE_2 - 32));
	for (size_t i = 0; i < ARRAY_SIZE(far); i++) {
		reg_write(g, VIRTIO_MMIO_DEVICE_FEATURES_SEL, far[i]);
		assert_int_equal(reg_read(g, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	}
	reg_write(g, VIRTIO_MMIO_STATUS, UP_TO_ACKNOWLEDGE);
	reg_write(g, VIRTIO_MMIO_STATUS, UP_TO_DRIVER);
	reg_write(g, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	reg_write(g, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	reg_write(g, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 4);
	reg_write(g, VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
	assert_int_equal(f->fake.dev.driver.word[0], 1ull << VIRTIO_F_VERSION_1);
	assert_int_equal(f->fake.dev.driver.word[1], 0);
}

static void features_freeze_with_features_ok(void **state)
{
	struct fixture *f = *state;

	assert_true(guest_negotiate(&f->guest, features(-1)));
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg_write(&f->guest, VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
	assert_int_equal(f->fake.dev.driver.word[0], 1ull << VIRTIO_F_VERSION_1);
}

/* ---- queues ---- */

static void queue_registers_need_a_queue(void **state)
{
	static const uint32_t none[] = { 2, 3, 4, 0xffff, 0x10000, UINT32_MAX };
	struct fixture *f = *state;
	struct guest *g = &f->guest;
	struct snapshot before, after;

	/* queue 2 has no purpose here */
	assert_true(guest_negotiate(g, features(VIRTIO_F_RING_RESET, -1)));
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		reg_write(g, VIRTIO_MMIO_QUEUE_SEL, none[i]);
		assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_SIZE_MAX), 0);
		assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 0);
		assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_RESET), 0);
		take(f, &before);
		for (uint32_t reg_at = VIRTIO_MMIO_QUEUE_SIZE; reg_at < VIRTIO_MMIO_CONFIG;
		     reg_at += 4) {
			if (reg_at != VIRTIO_MMIO_STATUS)
				reg_write(g, reg_at, 1);
		}
		take(f, &after);
		assert_memory_equal(&after, &before, sizeof(after));
	}
}

static void queue_addresses_are_made_of_two_halves(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest;
	struct anvil_virtqueue *vq = &f->fake.dev.queue[1];
	uint64_t *const field[] = { &vq->desc_area, &vq->driver_area, &vq->device_area };
	static const uint32_t low[] = { VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DRIVER_LOW,
					VIRTIO_MMIO_QUEUE_DEVICE_LOW };

	assert_true(guest_negotiate(g, features(-1)));
	reg_write(g, VIRTIO_MMIO_QUEUE_SEL, 1);
	for (size_t i = 0; i < ARRAY_SIZE(low); i++) {
		reg_write(g, low[i] + 4, 0xffffffff);
		assert_int_equal(*field[i], 0xffffffff00000000);
		reg_write(g, low[i], 0x89abcdef);
		assert_int_equal(*field[i], 0xffffffff89abcdef);
		reg_write(g, low[i] + 4, 0x01234567);
		assert_int_equal(*field[i], 0x0123456789abcdef);
	}
	assert_int_equal(f->fake.dev.queue[0].desc_area, 0);
}

static void queue_starts_reads_ready_and_stops(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest;

	assert_true(guest_negotiate(g, features(-1)));
	ring_init(&g->ring[1], &g->ram, RAM_LOW, 4);
	assert_true(guest_start_queue(g, 1));
	reg_write(g, VIRTIO_MMIO_QUEUE_SEL, 0);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 0);
	reg_write(g, VIRTIO_MMIO_QUEUE_SEL, 1);
	reg_write(g, VIRTIO_MMIO_QUEUE_READY, 2); /* neither start nor stop */
	reg_write(g, VIRTIO_MMIO_QUEUE_READY, 0x80000000);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 1);
	reg_write(g, VIRTIO_MMIO_QUEUE_READY, 0);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(f->fake.stopped[1], 1);
	reg_write(g, VIRTIO_MMIO_QUEUE_READY, UINT32_MAX);
	reg_write(g, VIRTIO_MMIO_QUEUE_READY, 2);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 0);
}

static void queue_programmed_wrongly_does_not_become_ready(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest;

	assert_true(guest_negotiate(g, features(-1)));
	ring_init(&g->ring[0], &g->ram, RAM_LOW, 8);
	g->ring[0].size = 16; /* above QueueSizeMax */
	assert_false(guest_start_queue(g, 0));
	g->ring[0].size = 0;
	assert_false(guest_start_queue(g, 0));
	g->ring[0].size = 8;
	g->ring[0].desc += 8;
	assert_false(guest_start_queue(g, 0));
	g->ring[0].desc = RAM_LOW_END;
	assert_false(guest_start_queue(g, 0));
	g->ring[0].desc = RAM_LOW;
	assert_true(guest_start_queue(g, 0));
}

/* Geometry of a ready queue cannot be changed, nor any once DRIVER_OK is set */
static void queue_geometry_freezes(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest;
	struct snapshot before, after;

	guest_drive(g, features(-1), 1, 8);
	for (uint32_t queue = 0; queue < 2; queue++) {
		reg_write(g, VIRTIO_MMIO_QUEUE_SEL, queue);
		take(f, &before);
		reg_write(g, VIRTIO_MMIO_QUEUE_SIZE, 2);
		for (uint32_t at = VIRTIO_MMIO_QUEUE_DESC_LOW; at <= VIRTIO_MMIO_QUEUE_DEVICE_HIGH;
		     at += 4)
			reg_write(g, at, 0x40000000);
		reg_write(g, VIRTIO_MMIO_QUEUE_READY, 1);
		reg_write(g, VIRTIO_MMIO_QUEUE_RESET, 1); /* not negotiated */
		take(f, &after);
		assert_memory_equal(&after, &before, sizeof(after));
	}
}

static void queue_reset_stops_the_queue_and_lets_it_be_set_up_again(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest;
	static const struct buffer b = { RAM_LOW, 1, 0 };

	guest_drive(g, features(VIRTIO_F_RING_RESET, -1), 2, 8);
	reg_write(g, VIRTIO_MMIO_QUEUE_SEL, 1);
	reg_write(g, VIRTIO_MMIO_QUEUE_RESET, 0);
	reg_write(g, VIRTIO_MMIO_QUEUE_RESET, 2);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 1);
	reg_write(g, VIRTIO_MMIO_QUEUE_RESET, 1);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_RESET), 0);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(f->fake.stopped[1], 1);
	assert_int_equal(f->fake.stopped[0], 0);
	guest_notify(g, 1);
	assert_int_equal(f->fake.notified[1], 0);

	ring_init(&g->ring[1], &g->ram, RAM_SEAM, 2);
	assert_true(guest_start_queue(g, 1));
	assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_RESET), 0);
	ring_chain(&g->ring[1], &b, 1);
	guest_notify(g, 1);
	assert_int_equal(f->fake.notified[1], 1);
}

/* 2.9, 4.2.3.3: the queue is in the lower half; the rest is a hint, right or wrong */
static void notification_data_is_a_hint(void **state)
{
	static const uint32_t hint[] = { 0, 1, 0x7fff, 0x8000, 0xffff };
	struct fixture *f = *state;
	struct guest *g = &f->guest;

	anvil_features_add(&f->fake.dev.offered, VIRTIO_F_NOTIFICATION_DATA);
	guest_drive(g, features(FAKE_QUEUE_2, VIRTIO_F_NOTIFICATION_DATA, -1), 3, 8);
	for (unsigned int i = 0; i < ARRAY_SIZE(hint); i++) {
		guest_notify(g, hint[i] << 16 | 1);
		guest_notify(g, hint[i] << 16 | 3);
		assert_int_equal(f->fake.notified[0], 0);
		assert_int_equal(f->fake.notified[1], i + 1);
		assert_int_equal(f->fake.notified[2], 0);
	}
}

static void notification_names_the_queue_in_its_value(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest;

	guest_drive(g, features(FAKE_QUEUE_2, -1), 3, 8);
	reg_write(g, VIRTIO_MMIO_QUEUE_SEL, 2);
	guest_notify(g, 1);
	guest_notify(g, 3);
	guest_notify(g, 0x10001);
	guest_notify(g, UINT32_MAX);
	assert_int_equal(f->fake.notified[0], 0);
	assert_int_equal(f->fake.notified[1], 1);
	assert_int_equal(f->fake.notified[2], 0);
}

/* ---- interrupts ---- */

static void interrupt_line_is_the_or_of_the_status_bits(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest;
	const struct anvil_transport_ops *t = f->fake.dev.transport;

	t->interrupt(f->fake.dev.transport_opaque, VIRTIO_INTERRUPT_USED);
	assert_true(g->irq);
	t->interrupt(f->fake.dev.transport_opaque, VIRTIO_INTERRUPT_USED);
	t->interrupt(f->fake.dev.transport_opaque, VIRTIO_INTERRUPT_CONFIG);
	assert_int_equal(g->irq_edges, 1);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_INTERRUPT_STATUS), 3);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_INTERRUPT_STATUS), 3); /* reading acks nothing */
	reg_write(g, VIRTIO_MMIO_INTERRUPT_ACK, 0);
	reg_write(g, VIRTIO_MMIO_INTERRUPT_ACK, 0xfffffffc);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_INTERRUPT_STATUS), 3);
	reg_write(g, VIRTIO_MMIO_INTERRUPT_ACK, 1);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_INTERRUPT_STATUS), 2);
	assert_true(g->irq);
	reg_write(g, VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX);
	assert_int_equal(reg_read(g, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	assert_false(g->irq);
	reg_write(g, VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX); /* nothing to ack, no edge */
	t->interrupt(f->fake.dev.transport_opaque, VIRTIO_INTERRUPT_CONFIG);
	assert_int_equal(g->irq_edges, 2);
}

/* ---- the embedder ---- */

static void the_host_is_told_why_a_queue_was_refused(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest;

	assert_true(guest_negotiate(g, features(-1)));
	ring_init(&g->ring[0], &g->ram, RAM_HIGH, 3);
	assert_false(guest_start_queue(g, 0));
	assert_int_equal(g->refused_err, -EINVAL);
	ring_init(&g->ring[1], &g->ram, RAM_HIGH, 4);
	g->ring[1].used = UINT64_MAX - 3;
	assert_false(guest_start_queue(g, 1));
	assert_int_equal(g->refused_queue, 1);
	assert_int_equal(g->refused_err, -EFAULT);
	guest_drive(g, features(-1), 2, 4);
	assert_int_equal(g->refusals, 2);
	anvil_device_break(&f->fake.dev, 1, -ELOOP);
	assert_int_equal(g->refusals, 3);
	assert_int_equal(g->refused_queue, 1);
	assert_int_equal(g->refused_err, -ELOOP);
}

static void set_no_irq(void *opaque, bool asserted)
{
	(void)opaque, (void)asserted;
}

static void a_host_that_does_not_ask_is_not_told(void **state)
{
	struct fixture *f = *state;
	const struct anvil_mmio_host_ops host = { .set_irq = set_no_irq };

	anvil_mmio_init(&f->guest.mmio, &f->fake.dev, &host, NULL);
	assert_true(guest_negotiate(&f->guest, features(-1)));
	ring_init(&f->guest.ring[0], &f->guest.ram, RAM_HIGH, 3);
	assert_false(guest_start_queue(&f->guest, 0));
	assert_int_equal(f->guest.refusals, 0);
}

static struct anvil_mmio *called_back;
static unsigned int way_back;

static void call_back(void)
{
	switch (way_back) {
	case 0:
		(void)anvil_mmio_read(called_back, VIRTIO_MMIO_STATUS, 4);
		break;
	case 1:
		anvil_mmio_write(called_back, VIRTIO_MMIO_QUEUE_SEL, 4, 0);
		break;
	case 2:
		anvil_mmio_poll(called_back);
		break;
	default:
		anvil_device_begin(called_back->dev);
	}
}

static void call_back_from_irq(void *opaque, bool asserted)
{
	(void)opaque, (void)asserted;
	call_back();
}

static void call_back_from_defer(void *opaque)
{
	(void)opaque;
	call_back();
}

static void call_back_from_refused(void *opaque, unsigned int queue, int err)
{
	(void)opaque, (void)queue, (void)err;
	call_back();
}

/* In a process of its own: how that ended. */
static int status_of_calling(const struct anvil_transport_ops *t, struct anvil_mmio *mmio,
			     unsigned int from)
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		(void)close(STDERR_FILENO);
		(void)signal(SIGABRT, SIG_DFL);
		if (from == 0)
			t->interrupt(mmio, VIRTIO_INTERRUPT_USED);
		else if (from == 1)
			t->defer(mmio);
		else
			t->refused(mmio, 0, -EINVAL);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void a_host_that_calls_back_fails_an_assertion(void **state)
{
	struct fixture *f = *state;
	const struct anvil_mmio_host_ops host = {
		.set_irq = call_back_from_irq,
		.defer = call_back_from_defer,
		.refused = call_back_from_refused,
	};

	anvil_mmio_init(&f->guest.mmio, &f->fake.dev, &host, NULL);
	called_back = &f->guest.mmio;
	for (way_back = 0; way_back < 4; way_back++) {
		for (unsigned int from = 0; from < 3; from++) {
			int status = status_of_calling(f->fake.dev.transport, called_back, from);

			assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
		}
	}
}

/* ---- reset ---- */

static void reset_brings_back_every_register(void **state)
{
	struct fixture *f = *state;
	struct guest *g = &f->guest;

	guest_drive(g, features(FAKE_QUEUE_2, VIRTIO_F_RING_RESET, -1), 3, 4);
	reg_write(g, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	reg_write(g, VIRTIO_MMIO_QUEUE_SEL, 77);
	anvil_device_break(&f->fake.dev, 0, -EPROTO);
	assert_true(g->irq);
	reg_write(g, VIRTIO_MMIO_STATUS, 0);
	assert_false(g->irq);
	for (size_t i = 0; i < ARRAY_SIZE(reg); i++)
		assert_int_equal(reg_read(g, reg[i].offset), reg[i].fresh);
	for (uint32_t queue = 0; queue < 3; queue++) {
		reg_write(g, VIRTIO_MMIO_QUEUE_SEL, queue);
		assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_READY), 0);
		assert_int_equal(reg_read(g, VIRTIO_MMIO_QUEUE_SIZE_MAX), 8);
		assert_int_equal(f->fake.stopped[queue], 1);
	}
	/* DriverFeaturesSel is 0 again: this write goes to word 0 */
	reg_write(g, VIRTIO_MMIO_STATUS, UP_TO_ACKNOWLEDGE);
	reg_write(g, VIRTIO_MMIO_STATUS, UP_TO_DRIVER);
	reg_write(g, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	assert_int_equal(f->fake.dev.driver.word[0], 1);
}

static void status_that_is_no_reset_keeps_the_selectors(void **state)
{
	struct fixture *f = *state;

	reg_write(&f->guest, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	reg_write(&f->guest, VIRTIO_MMIO_STATUS, UP_TO_ACKNOWLEDGE);
	assert_int_equal(f->guest.mmio.device_features_sel, 1);
}

static void config_generation_counts_changes(void **state)
{
	struct fixture *f = *state;

	anvil_device_config_changed(&f->fake.dev);
	anvil_device_config_changed(&f->fake.dev);
	assert_int_equal(reg_read(&f->guest, VIRTIO_MMIO_CONFIG_GENERATION), 2);
}

static void deferred_work_is_done_by_poll(void **state)
{
	struct fixture *f = *state;

	guest_drive(&f->guest, features(-1), 1, 8);
	anvil_device_defer(&f->fake.dev, 0);
	assert_int_equal(f->guest.defers, 1);
	assert_int_equal(f->fake.notified[0], 0);
	anvil_mmio_poll(&f->guest.mmio);
	assert_int_equal(f->fake.notified[0], 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_offset_reads_as_the_table_says_at_every_width),
		TEST(writes_that_name_no_register_change_nothing),
		TEST(config_space_answers_one_two_and_four_bytes_at_any_offset),
		TEST(offsets_near_the_end_of_64_bits_are_harmless),
		TEST(values_wider_than_the_register_lose_their_upper_half),
		TEST(feature_words_are_selected),
		TEST(features_freeze_with_features_ok),
		TEST(queue_registers_need_a_queue),
		TEST(queue_addresses_are_made_of_two_halves),
		TEST(queue_starts_reads_ready_and_stops),
		TEST(queue_programmed_wrongly_does_not_become_ready),
		TEST(queue_geometry_freezes),
		TEST(queue_reset_stops_the_queue_and_lets_it_be_set_up_again),
		TEST(notification_names_the_queue_in_its_value),
		TEST(notification_data_is_a_hint),
		TEST(interrupt_line_is_the_or_of_the_status_bits),
		TEST(the_host_is_told_why_a_queue_was_refused),
		TEST(a_host_that_does_not_ask_is_not_told),
		TEST(a_host_that_calls_back_fails_an_assertion),
		TEST(reset_brings_back_every_register),
		TEST(status_that_is_no_reset_keeps_the_selectors),
		TEST(config_generation_counts_changes),
		TEST(deferred_work_is_done_by_poll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
