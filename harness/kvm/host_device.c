/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The thread: poll, lock, do what is due, unlock.
 */
#include "host_device.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "virtio_spec.h"
#include "vm.h"

#define POLL_ROOM     1024u
#define POLL_RETRY_MS 100

static void set_irq(void *opaque, bool asserted)
{
	struct host_device *d = opaque;

	/* A driver acknowledges before it looks into the rings, so that an edge is enough. */
	if (asserted)
		(void)eventfd_write(d->irq_fd, 1);
}

static void defer(void *opaque)
{
	struct host_device *d = opaque;

	d->deferred = true;
	(void)eventfd_write(d->wake_fd, 1);
}

static void refused(void *opaque, unsigned int queue, int err)
{
	struct host_device *d = opaque;

	d->refused_queue = queue;
	d->refused = err;
}

/*
 * In the order of their coming: who waits for the lock holds the door meanwhile. So the thread,
 * which may have deferred work for as long as a guest likes, cannot take the lock again before
 * those that wait for it had it.
 */
static void lock(struct host_device *d)
{
	pthread_mutex_lock(&d->door);
	pthread_mutex_lock(&d->lock);
	pthread_mutex_unlock(&d->door);
}

static const struct anvil_mmio_host_ops mmio_ops = {
	.set_irq = set_irq,
	.defer = defer,
	.refused = refused,
};

int host_device_init(struct host_device *d, const struct host_device_ops *ops,
		     struct anvil_device *dev)
{
	bool failed;

	d->ops = ops;
	d->dev = dev;
	pthread_mutex_init(&d->door, NULL);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->reset_done, NULL);
	atomic_init(&d->stop, false);
	d->irq_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	failed = d->irq_fd < 0 || d->wake_fd < 0;
	for (unsigned int q = 0; q < HOST_DEVICE_QUEUES_MAX; q++) {
		d->kick_fd[q] = q < dev->queues ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
		failed = failed || (q < dev->queues && d->kick_fd[q] < 0);
	}
	anvil_mmio_init(&d->mmio, d->dev, &mmio_ops, d);
	return failed ? -EMFILE : 0;
}

int host_device_make_legacy(struct host_device *d)
{
	d->dev->transport = NULL;
	return anvil_mmio_init_legacy(&d->mmio, d->dev, &mmio_ops, d, false);
}

int host_device_bind(struct host_device *d, const struct vm *vm, uint64_t window, unsigned int gsi)
{
	int err = vm_bind_irq(vm, d->irq_fd, gsi);

	for (unsigned int q = 0; q < d->dev->queues && q < HOST_DEVICE_QUEUES_MAX && !err; q++)
		err = vm_bind_write(vm, d->kick_fd[q], window + VIRTIO_MMIO_QUEUE_NOTIFY, q);
	return err;
}

int host_device_record(struct host_device *d, const char *folder, const char *prefix)
{
	struct recorder_options options = { .folder = folder, .prefix = prefix };
	int err;

	d->ops->describe(d, &options);
	d->recorder = calloc(1, sizeof(*d->recorder));
	if (!d->recorder)
		return -ENOMEM;
	err = recorder_init(d->recorder, &options);
	if (err) {
		free(d->recorder);
		d->recorder = NULL;
	}
	return err;
}

uint64_t host_device_read(struct host_device *d, uint64_t offset, unsigned int width)
{
	uint64_t value;

	lock(d);
	value = anvil_mmio_read(&d->mmio, offset, width);
	if (d->recorder)
		recorder_read(d->recorder, offset, width);
	pthread_mutex_unlock(&d->lock);
	return value;
}

static void write_locked(struct host_device *d, uint64_t offset, unsigned int width, uint64_t value)
{
	if (d->recorder)
		recorder_write(d->recorder, offset, width, value);
	anvil_mmio_write(&d->mmio, offset, width, value);
	/* what came between the driver's look and its acknowledgement takes an edge of its own */
	if (offset == VIRTIO_MMIO_INTERRUPT_ACK && d->mmio.interrupt_status)
		set_irq(d, true);
}

/* anvil_mmio_resetting: it is the thread that hears of the back end's completions. */
static void wait_for_reset(struct host_device *d)
{
	while (anvil_mmio_resetting(&d->mmio) && d->started && !atomic_load(&d->stop))
		pthread_cond_wait(&d->reset_done, &d->lock);
}

static bool may_reset(uint64_t offset)
{
	return offset == VIRTIO_MMIO_STATUS || offset == VIRTIO_MMIO_QUEUE_READY ||
	       offset == VIRTIO_MMIO_QUEUE_RESET || offset == VIRTIO_MMIO_QUEUE_PFN;
}

void host_device_write(struct host_device *d, uint64_t offset, unsigned int width, uint64_t value)
{
	lock(d);
	write_locked(d, offset, width, value);
	if (may_reset(offset))
		wait_for_reset(d);
	pthread_mutex_unlock(&d->lock);
}

/* ---- the thread ---- */

static bool take(int fd, const struct pollfd *pollfd)
{
	eventfd_t count;

	return (pollfd->revents & POLLIN) && eventfd_read(fd, &count) == 0;
}

/* The events of the device itself come first: one to wake it, and one for each queue. */
static unsigned int own_fds(const struct host_device *d)
{
	return 1 + d->dev->queues;
}

static unsigned int fill(struct host_device *d, struct pollfd *pollfds, int *timeout)
{
	unsigned int own = own_fds(d);

	pollfds[0] = (struct pollfd){ .fd = d->wake_fd, .events = POLLIN };
	for (unsigned int q = 0; q < d->dev->queues; q++)
		pollfds[1 + q] = (struct pollfd){ .fd = d->kick_fd[q], .events = POLLIN };
	*timeout = -1;
	return own + d->ops->fill(d, pollfds + own, POLL_ROOM - own, timeout);
}

static void dispatch(struct host_device *d, const struct pollfd *pollfds, unsigned int count)
{
	unsigned int own = own_fds(d);

	(void)take(d->wake_fd, &pollfds[0]);
	for (unsigned int q = 0; q < d->dev->queues; q++) {
		if (take(d->kick_fd[q], &pollfds[1 + q]))
			write_locked(d, VIRTIO_MMIO_QUEUE_NOTIFY, 4, q);
	}
	if (d->deferred) {
		d->deferred = false;
		anvil_mmio_poll(&d->mmio);
	}
	d->ops->dispatch(d, pollfds + own, count - own);
	if (!anvil_mmio_resetting(&d->mmio))
		pthread_cond_broadcast(&d->reset_done);
}

/* More descriptors than the process may have now cannot be polled: the device's own still can, and
 * the others come later, not at once, so that the thread does not spin. */
static void wait_for_events(const struct host_device *d, struct pollfd *pollfds, unsigned int count,
			    int timeout)
{
	if (poll(pollfds, count, timeout) >= 0)
		return;
	for (unsigned int i = 0; i < count; i++)
		pollfds[i].revents = 0;
	if (errno != EINTR)
		(void)poll(pollfds, own_fds(d), POLL_RETRY_MS);
}

static void *serve(void *opaque)
{
	struct host_device *d = opaque;
	struct pollfd pollfds[POLL_ROOM];

	while (!atomic_load(&d->stop)) {
		unsigned int count;
		int timeout;

		lock(d);
		count = fill(d, pollfds, &timeout);
		pthread_mutex_unlock(&d->lock);
		wait_for_events(d, pollfds, count, timeout);
		lock(d);
		dispatch(d, pollfds, count);
		pthread_mutex_unlock(&d->lock);
	}
	return NULL;
}

int host_device_start(struct host_device *d)
{
	int err = pthread_create(&d->thread, NULL, serve, d);

	d->started = err == 0;
	return -err;
}

/* ---- looking at it, and changing it ---- */

const char *host_device_control(struct host_device *d, const char *what)
{
	const char *refusal;

	lock(d);
	refusal = d->ops->control(d, what);
	pthread_mutex_unlock(&d->lock);
	(void)eventfd_write(d->wake_fd, 1);
	return refusal;
}

/* The driver's number at this place in its memory, if there is any. */
static unsigned int ring_number(const struct anvil_virtqueue *vq, uint64_t gpa)
{
	uint16_t value = 0;

	(void)!anvil_guest_memory_load_u16(vq->memory, gpa, &value);
	return value;
}

static void report_split(const struct anvil_virtqueue *vq)
{
	fprintf(stderr, "the driver offered %u and wants to hear of %u; taken %u, known %u",
		ring_number(vq, vq->driver_area + 2),
		ring_number(vq, vq->driver_area + 4 + 2ull * vq->size), vq->next_avail,
		vq->avail_idx);
}

static void report_packed(const struct anvil_virtqueue *vq)
{
	uint64_t entry = vq->desc_area + 16ull * (vq->next_avail & PVIRTQ_PLACE_OFFSET);

	fprintf(stderr,
		"packed; the driver's next entry has flags 0x%x, it wants to hear in mode %u of "
		"0x%x; taken up to 0x%x",
		ring_number(vq, entry + 14), ring_number(vq, vq->driver_area + PVIRTQ_EVENT_FLAGS),
		ring_number(vq, vq->driver_area + PVIRTQ_EVENT_DESC), vq->next_avail);
}

static void report_queue(const struct anvil_device *dev, unsigned int number)
{
	const struct anvil_virtqueue *vq = &dev->queue[number];

	if (!anvil_virtqueue_enabled(vq))
		return;
	fprintf(stderr, "  queue %u of %u: ", number, vq->size);
	if (anvil_device_has(dev, VIRTIO_F_RING_PACKED))
		report_packed(vq);
	else
		report_split(vq);
	fprintf(stderr, ", used %u, published %u, in flight %u\n", vq->next_used, vq->notified_used,
		vq->in_flight);
}

void host_device_report(struct host_device *d, unsigned int number)
{
	bool locked = pthread_mutex_trylock(&d->lock) == 0;

	fprintf(stderr, "device %u, type %u: status 0x%x, interrupt status 0x%x%s%s\n", number,
		d->dev->ops->device_id, anvil_device_status(d->dev), d->mmio.interrupt_status,
		locked ? "" : ", busy", d->deferred ? ", work deferred" : "");
	for (unsigned int q = 0; q < d->dev->queues; q++)
		report_queue(d->dev, q);
	if (d->refused)
		fprintf(stderr, "  queue %u was refused: %s\n", d->refused_queue,
			strerror(-d->refused));
	if (locked)
		pthread_mutex_unlock(&d->lock);
}

void host_device_stop(struct host_device *d)
{
	if (!d->started)
		return;
	atomic_store(&d->stop, true);
	(void)eventfd_write(d->wake_fd, 1);
	pthread_cond_broadcast(&d->reset_done);
	pthread_join(d->thread, NULL);
	d->started = false;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void host_device_destroy(struct host_device *d)
{
	host_device_stop(d);
	if (d->recorder) {
		(void)recorder_finish(d->recorder); /* it has said what is wrong */
		free(d->recorder);
	}
	anvil_mmio_write(&d->mmio, VIRTIO_MMIO_STATUS, 4, 0);
	close_fd(d->irq_fd);
	close_fd(d->wake_fd);
	for (unsigned int q = 0; q < HOST_DEVICE_QUEUES_MAX; q++)
		close_fd(d->kick_fd[q]);
	pthread_cond_destroy(&d->reset_done);
	pthread_mutex_destroy(&d->lock);
	pthread_mutex_destroy(&d->door);
	d->ops->destroy(d);
}
