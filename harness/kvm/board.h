/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine that boots a kernel: processors, memory, a serial port, virtio devices, ports for
 * power, and the ACPI tables that describe them.
 *
 * Guest-physical map: RAM from 0 (ram.h); windows of virtio devices from BOARD_WINDOWS on, a page
 * each; I/O APIC and local APICs where PCs have them. GSI 4 is the serial port's, and
 * BOARD_FIRST_GSI on are the devices'.
 */
#ifndef BOARD_H
#define BOARD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest_memory.h"
#include "linux_image.h"
#include "ram.h"
#include "serial.h"
#include "vcpu.h"
#include "vm.h"

#define BOARD_CPUS_MAX	  64u
#define BOARD_WINDOWS	  0xc0000000u
#define BOARD_WINDOW_STEP 0x1000u
#define BOARD_FIRST_GSI	  5u
#define BOARD_DEVICES_MAX (VM_GSIS - BOARD_FIRST_GSI)

/* What a guest writes here, one byte, becomes the exit status. */
#define BOARD_STATUS_PORT 0xf4u

struct host_device;
struct sandbox_needs;

struct board {
	struct vm vm;
	struct ram ram;
	struct anvil_guest_memory memory; /* for devices */
	struct vcpu cpu[BOARD_CPUS_MAX];
	unsigned int cpus;
	struct serial serial;
	pthread_mutex_t serial_lock;
	int serial_irq_fd;
	int console_fd; /* where what it sends goes: at first standard output */
	struct host_device *device[BOARD_DEVICES_MAX];
	unsigned int devices;
	atomic_bool heard; /* the guest wrote to the console or touched a device */
};

/* Nothing, which board_destroy may be called for. */
void board_init(struct board *b);

/*
 * After board_init: a machine with memory and processors, 1 to BOARD_CPUS_MAX, and no devices yet.
 * Returns 0, or a negative errno with one line in `error`.
 */
int board_create(struct board *b, unsigned int cpus, unsigned int mib, char *error, size_t room)
	__attribute__((warn_unused_result));

/* Adds memory, before board_load, that neither the kernel nor devices may use; it stays the
 * caller's. Returns 0 or a negative errno. */
int board_add_reserved(struct board *b, uint64_t gpa, void *host, size_t bytes)
	__attribute__((warn_unused_result));

/* Takes over a device, whatever is returned: 0, or a negative errno with one line in `error`. */
int board_add_device(struct board *b, struct host_device *device, char *error, size_t room)
	__attribute__((warn_unused_result));

/*
 * Describes the machine and loads the kernel. `image->rsdp` is set here. Returns 0, or a negative
 * errno with one line in `error`.
 */
int board_load(struct board *b, struct linux_image *image, char *error, size_t room)
	__attribute__((warn_unused_result));

/* What its devices ask of a sandbox. */
void board_needs(const struct board *b, struct sandbox_needs *needs);

/* Starts the devices' threads. Returns 0, or a negative errno with one line in `error`. */
int board_start(struct board *b, char *error, size_t room) __attribute__((warn_unused_result));

/* Nothing runs any more: ends the devices' threads and frees all. */
void board_destroy(struct board *b);

enum board_event {
	BOARD_HANDLED,	   /* never returned */
	BOARD_INTERRUPTED, /* by a signal */
	BOARD_OTHER, /* an access to what the board does not have: a write, or a read that gives all
			ones unless the caller changes that in the processor's `run` */
	BOARD_POWER_OFF,
	BOARD_RESET,
	BOARD_STATUS, /* the guest ended the run; *status is what it said */
	BOARD_FAILED, /* KVM cannot go on; `report` says where the processor stood */
};

#define BOARD_REPORT 256u

/* Runs processor `cpu` until something happens. */
enum board_event board_run(struct board *b, unsigned int cpu, unsigned int *status,
			   char report[BOARD_REPORT]);

/* What someone types. Returns how many bytes the serial port took; the rest may be tried later. */
size_t board_type(struct board *b, const uint8_t *bytes, size_t len);

#endif
