/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio_mmio.h: what the host is told and asked for, and what it must not do meanwhile. */
#include "mmio_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(interrupt_line_is_the_or_of_the_status_bits),
		TEST(the_host_is_told_why_a_queue_was_refused),
		TEST(a_host_that_does_not_ask_is_not_told),
		TEST(a_host_that_calls_back_fails_an_assertion),
		TEST(deferred_work_is_done_by_poll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
