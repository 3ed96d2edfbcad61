/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Putting the parts together, and deciding whose an exit is.
 */
#include "board.h"

#include <assert.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "acpi.h"
#include "host_device.h"

#define IO_APIC	       0xfec00000u
#define LOCAL_APIC     0xfee00000u
#define SERIAL_PORT    0x3f8u
#define SERIAL_GSI     4u
#define SLEEP_CONTROL  0x600u
#define SLEEP_STATUS   0x601u
#define RESET	       0x602u
#define KEYBOARD       0x64u /* the classic way to reset a PC */
#define KEYBOARD_RESET 0xfeu
#define RESET_VECTOR   0xffff0u

/* ---- the serial port ---- */

static void output(void *opaque, uint8_t byte)
{
	struct board *b = opaque;
	ssize_t n;

	atomic_store_explicit(&b->heard, true, memory_order_relaxed);
	do {
		n = write(b->console_fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
}

static void serial_interrupt(void *opaque)
{
	const struct board *b = opaque;

	(void)eventfd_write(b->serial_irq_fd, 1);
}

static const struct serial_ops serial_ops = { output, serial_interrupt };

size_t board_type(struct board *b, const uint8_t *bytes, size_t len)
{
	pthread_mutex_lock(&b->serial_lock);
	if (len > serial_room(&b->serial))
		len = serial_room(&b->serial);
	serial_receive(&b->serial, bytes, len);
	pthread_mutex_unlock(&b->serial_lock);
	return len;
}

/* ---- making it ---- */

static int make_cpus(struct board *b, unsigned int cpus)
{
	for (unsigned int i = 0; i < cpus; i++) {
		int err = vcpu_create(&b->cpu[i], &b->vm, i);

		b->cpus = i + 1;
		if (!err)
			err = vcpu_describe(&b->cpu[i], &b->vm, i, cpus);
		if (err)
			return err;
	}
	return 0;
}

static int give_memory(struct board *b)
{
	for (unsigned int i = 0; i < b->ram.regions; i++) {
		const struct ram_region *r = &b->ram.region[i];
		int err = vm_add_memory(&b->vm, r->gpa, r->host, r->bytes);

		if (err)
			return err;
	}
	return 0;
}

static int make_serial(struct board *b)
{
	serial_init(&b->serial, &serial_ops, b);
	b->serial_irq_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return b->serial_irq_fd < 0 ? -errno : vm_bind_irq(&b->vm, b->serial_irq_fd, SERIAL_GSI);
}

void board_init(struct board *b)
{
	memset(b, 0, sizeof(*b));
	b->vm.kvm = b->vm.fd = b->serial_irq_fd = -1;
	b->console_fd = STDOUT_FILENO;
	pthread_mutex_init(&b->serial_lock, NULL);
}

int board_create(struct board *b, unsigned int cpus, unsigned int mib, char *error, size_t room)
{
	int err = vm_create(&b->vm, error, room);

	if (err)
		return err;
	if (ram_create(&b->ram, mib)) {
		snprintf(error, room, "--memory: this host has no %u MiB for a guest", mib);
		return -ENOMEM;
	}
	ram_for_devices(&b->ram, &b->memory);
	err = give_memory(b);
	if (!err)
		err = vm_add_irqchip(&b->vm);
	if (!err)
		err = make_cpus(b, cpus);
	if (!err)
		err = make_serial(b);
	if (err)
		snprintf(error, room,
			 "/dev/kvm: a machine with %u processors and %u MiB cannot be set up: %s; "
			 "try fewer --cpus or less --memory",
			 cpus, mib, strerror(-err));
	return err;
}

int board_add_reserved(struct board *b, uint64_t gpa, void *host, size_t bytes)
{
	int err = vm_add_memory(&b->vm, gpa, host, bytes);

	if (!err)
		ram_add_reserved(&b->ram, gpa, host, bytes);
	return err;
}

static uint64_t window(unsigned int device)
{
	return BOARD_WINDOWS + (uint64_t)device * BOARD_WINDOW_STEP;
}

int board_add_device(struct board *b, struct host_device *device, char *error, size_t room)
{
	int err;

	if (b->devices == BOARD_DEVICES_MAX) {
		snprintf(error, room, "a machine has room for %u disks and network cards",
			 BOARD_DEVICES_MAX);
		host_device_destroy(device);
		return -ENOSPC;
	}
	err = host_device_bind(device, &b->vm, window(b->devices), BOARD_FIRST_GSI + b->devices);
	b->device[b->devices] = device;
	b->devices++;
	if (err)
		snprintf(error, room, "/dev/kvm: a device cannot be connected: %s", strerror(-err));
	return err;
}

static void put_tables(struct board *b)
{
	struct acpi_device device[BOARD_DEVICES_MAX];
	const struct acpi_machine machine = {
		.cpus = b->cpus,
		.local_apic = LOCAL_APIC,
		.io_apic = IO_APIC,
		.serial_port = SERIAL_PORT,
		.serial_gsi = SERIAL_GSI,
		.sleep_control = SLEEP_CONTROL,
		.sleep_status = SLEEP_STATUS,
		.reset = RESET,
		.device = device,
		.devices = b->devices,
	};

	for (unsigned int i = 0; i < b->devices; i++)
		device[i] = (struct acpi_device){ (uint32_t)window(i), BOARD_WINDOW_STEP,
						  BOARD_FIRST_GSI + i };
	acpi_build(&machine, RAM_FIRMWARE, ram_at(&b->ram, RAM_FIRMWARE, ACPI_TABLES_BYTES));
}

/*
 * Linux believes that a machine of this kind of ACPI has EFI, which restarts it, and where there is
 * none jumps to where a BIOS would start.
 */
static void put_firmware(struct board *b)
{
	static const uint8_t code[] = {
		0xb0, KEYBOARD_RESET, /* mov $KEYBOARD_RESET, %al */
		0xe6, KEYBOARD,	      /* out %al, $KEYBOARD */
		0xeb, 0xfe,	      /* jmp . */
	};

	memcpy(ram_at(&b->ram, RESET_VECTOR, sizeof(code)), code, sizeof(code));
}

int board_load(struct board *b, struct linux_image *image, char *error, size_t room)
{
	struct vcpu_entry entry;
	int err;

	put_tables(b);
	put_firmware(b);
	image->rsdp = RAM_FIRMWARE;
	err = linux_load(image, &b->ram, &entry, error, room);
	if (err)
		return err;
	err = vcpu_start_at(&b->cpu[0], &entry);
	if (err)
		snprintf(error, room, "/dev/kvm: a processor cannot be started: %s",
			 strerror(-err));
	return err;
}

void board_needs(const struct board *b, struct sandbox_needs *needs)
{
	for (unsigned int i = 0; i < b->devices; i++)
		b->device[i]->ops->needs(b->device[i], needs);
}

int board_start(struct board *b, char *error, size_t room)
{
	int err = 0;

	for (unsigned int i = 0; i < b->devices && !err; i++)
		err = host_device_start(b->device[i]);
	if (err)
		snprintf(error, room, "no thread for a device: %s", strerror(-err));
	return err;
}

void board_destroy(struct board *b)
{
	for (unsigned int i = 0; i < b->devices; i++)
		host_device_destroy(b->device[i]);
	for (unsigned int i = 0; i < b->cpus; i++)
		vcpu_destroy(&b->cpu[i]);
	vm_destroy(&b->vm);
	if (b->serial_irq_fd >= 0)
		close(b->serial_irq_fd);
	ram_destroy(&b->ram);
	pthread_mutex_destroy(&b->serial_lock);
}

/* ---- running it ---- */

static bool is_ours(const struct board *b, uint64_t gpa)
{
	return gpa >= BOARD_WINDOWS && gpa < window(b->devices);
}

static enum board_event on_mmio(struct board *b, struct kvm_run *run)
{
	uint64_t gpa = run->mmio.phys_addr - BOARD_WINDOWS;
	uint64_t offset = gpa % BOARD_WINDOW_STEP;
	struct host_device *d;
	uint64_t value = 0;

	if (!is_ours(b, run->mmio.phys_addr)) {
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
		return BOARD_OTHER;
	}
	atomic_store_explicit(&b->heard, true, memory_order_relaxed);
	d = b->device[gpa / BOARD_WINDOW_STEP];
	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, run->mmio.len);
		host_device_write(d, offset, run->mmio.len, value);
	} else {
		value = host_device_read(d, offset, run->mmio.len);
		memcpy(run->mmio.data, &value, run->mmio.len);
	}
	return BOARD_HANDLED;
}

static uint8_t read_port(struct board *b, uint16_t port)
{
	uint8_t value = 0xff;

	if (port >= SERIAL_PORT && port < SERIAL_PORT + 8) {
		pthread_mutex_lock(&b->serial_lock);
		value = serial_read(&b->serial, port - SERIAL_PORT);
		pthread_mutex_unlock(&b->serial_lock);
	} else if (port == SLEEP_STATUS || port == SLEEP_CONTROL || port == KEYBOARD) {
		value = 0;
	}
	return value;
}

static enum board_event write_port(struct board *b, uint16_t port, uint8_t value,
				   unsigned int *status)
{
	if (port >= SERIAL_PORT && port < SERIAL_PORT + 8) {
		pthread_mutex_lock(&b->serial_lock);
		serial_write(&b->serial, port - SERIAL_PORT, value);
		pthread_mutex_unlock(&b->serial_lock);
		return BOARD_HANDLED;
	}
	if (port == BOARD_STATUS_PORT) {
		*status = value;
		return BOARD_STATUS;
	}
	if (port == SLEEP_CONTROL && value == ACPI_POWER_OFF)
		return BOARD_POWER_OFF;
	if ((port == RESET && value == ACPI_RESET) || (port == KEYBOARD && value == KEYBOARD_RESET))
		return BOARD_RESET;
	return BOARD_OTHER;
}

/* Only the first byte of an access that is wider than one counts. */
static enum board_event on_port(struct board *b, struct kvm_run *run, unsigned int *status)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	enum board_event event = BOARD_HANDLED;

	for (uint32_t i = 0; i < run->io.count && event == BOARD_HANDLED; i++) {
		if (run->io.direction == KVM_EXIT_IO_IN) {
			memset(data, 0xff, run->io.size);
			*data = read_port(b, run->io.port);
		} else {
			event = write_port(b, run->io.port, *data, status);
		}
		data += run->io.size;
	}
	return event;
}

static enum board_event failed(const struct board *b, unsigned int cpu, const char *what,
			       char report[BOARD_REPORT])
{
	char state[BOARD_REPORT - 96];

	vcpu_state(&b->cpu[cpu], state, sizeof(state));
	snprintf(report, BOARD_REPORT, "processor %u: %s, at %s", cpu, what, state);
	return BOARD_FAILED;
}

static enum board_event on_exit_of(struct board *b, unsigned int cpu, unsigned int *status,
				   char report[BOARD_REPORT])
{
	struct kvm_run *run = b->cpu[cpu].run;
	char what[64];

	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		return on_mmio(b, run);
	case KVM_EXIT_IO:
		return on_port(b, run, status);
	case KVM_EXIT_SHUTDOWN: /* a triple fault */
		return BOARD_RESET;
	case KVM_EXIT_SYSTEM_EVENT:
		return run->system_event.type == KVM_SYSTEM_EVENT_RESET ? BOARD_RESET
									: BOARD_POWER_OFF;
	default:
		snprintf(what, sizeof(what), "KVM stopped with exit reason %u", run->exit_reason);
		return failed(b, cpu, what, report);
	}
}

enum board_event board_run(struct board *b, unsigned int cpu, unsigned int *status,
			   char report[BOARD_REPORT])
{
	enum board_event event = BOARD_HANDLED;

	while (event == BOARD_HANDLED) {
		int err = vcpu_run(&b->cpu[cpu]);

		if (err == -EINTR)
			return BOARD_INTERRUPTED;
		if (err)
			return failed(b, cpu, strerror(-err), report);
		event = on_exit_of(b, cpu, status, report);
	}
	return event;
}
