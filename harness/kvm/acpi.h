/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ACPI tables: how a kernel learns of processors, interrupt controller, serial port, virtio devices
 * and power control. Hardware-reduced ACPI 6.3: no legacy hardware is claimed.
 */
#ifndef ACPI_H
#define ACPI_H

#include <stddef.h>
#include <stdint.h>

#define ACPI_DEVICES_MAX 32u

/* A virtio-mmio device, which has the hardware id LNRO0005: its registers and its interrupt. */
struct acpi_device {
	uint32_t window;
	uint32_t bytes;
	uint32_t gsi; /* an edge, active high */
};

struct acpi_machine {
	unsigned int cpus; /* their APIC ids are 0, 1, ... */
	uint32_t local_apic;
	uint32_t io_apic;
	uint16_t serial_port; /* a 16550 on eight ports */
	uint32_t serial_gsi;
	uint16_t sleep_control; /* port: writing ACPI_POWER_OFF turns the machine off */
	uint16_t sleep_status;	/* port */
	uint16_t reset;		/* port: writing ACPI_RESET resets the machine */
	const struct acpi_device *device;
	unsigned int devices; /* up to ACPI_DEVICES_MAX */
};

/* SLP_TYP 5 with SLP_EN, as the register wants it (4.8.3.7). */
#define ACPI_POWER_OFF 0x34u
#define ACPI_RESET     1u

#define ACPI_TABLES_BYTES 8192u
#define ACPI_RSDP_BYTES	  36u

/*
 * Writes all tables as they are to lie at `gpa`, which is below 4 GiB and a multiple of 16; the
 * root pointer (RSDP) comes first. Returns how many bytes they take, at most ACPI_TABLES_BYTES,
 * which `out` has.
 */
size_t acpi_build(const struct acpi_machine *machine, uint64_t gpa, uint8_t *out);

#endif
