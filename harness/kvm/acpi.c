/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tables are fixed structures with checksums (5.2); the DSDT is AML, made of the few terms that
 * stand here as functions (20.2, 6.4).
 */
#include "acpi.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

struct out {
	uint8_t *bytes;
	uint64_t gpa; /* of bytes[0] */
	size_t len;
};

static void put(struct out *o, const void *bytes, size_t len)
{
	assert(len <= ACPI_TABLES_BYTES - o->len);
	memcpy(o->bytes + o->len, bytes, len);
	o->len += len;
}

static void put_le(struct out *o, uint64_t value, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)(value >> (8 * i));

		put(o, &byte, 1);
	}
}

static void put_zeroes(struct out *o, size_t len)
{
	while (len-- > 0)
		put_le(o, 0, 1);
}

static void align(struct out *o)
{
	put_zeroes(o, -o->len & 15);
}

static uint8_t checksum(const uint8_t *bytes, size_t len)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += bytes[i];
	return (uint8_t)-sum;
}

/* ---- tables ---- */

#define TABLE_LENGTH   4u
#define TABLE_CHECKSUM 9u

static size_t begin_table(struct out *o, const char *signature, uint8_t revision)
{
	size_t at;

	align(o);
	at = o->len;
	put(o, signature, 4);
	put_le(o, 0, 4); /* length, filled in at the end */
	put_le(o, revision, 1);
	put_le(o, 0, 1); /* checksum, likewise */
	put(o, "ANVIL ", 6);
	put(o, "ANVILVM ", 8);
	put_le(o, 1, 4);
	put(o, "ANVL", 4);
	put_le(o, 1, 4);
	return at;
}

static uint64_t end_table(struct out *o, size_t at)
{
	uint8_t *table = o->bytes + at;
	struct out length = { .bytes = table, .len = TABLE_LENGTH };

	put_le(&length, o->len - at, 4);
	table[TABLE_CHECKSUM] = checksum(table, o->len - at);
	return o->gpa + at;
}

/* ---- AML ---- */

#define AML_NAME	 0x08
#define AML_BYTE	 0x0a
#define AML_DWORD	 0x0c
#define AML_STRING	 0x0d
#define AML_SCOPE	 0x10
#define AML_BUFFER	 0x11
#define AML_PACKAGE	 0x12
#define AML_EXT		 0x5b
#define AML_DEVICE	 0x82
#define AML_LENGTH_BYTES 3u /* enough for a package of a megabyte */

static void aml_op(struct out *o, uint8_t op)
{
	put_le(o, op, 1);
}

static void aml_number(struct out *o, uint32_t value)
{
	aml_op(o, AML_DWORD);
	put_le(o, value, 4);
}

static void aml_name(struct out *o, const char *name)
{
	aml_op(o, AML_NAME);
	put(o, name, 4);
}

/* A package's length counts itself, and is known at its end. */
static size_t aml_begin(struct out *o)
{
	put_zeroes(o, AML_LENGTH_BYTES);
	return o->len - AML_LENGTH_BYTES;
}

static void aml_end(struct out *o, size_t at)
{
	size_t len = o->len - at;

	o->bytes[at] = (uint8_t)(2 << 6 | (len & 15));
	o->bytes[at + 1] = (uint8_t)(len >> 4);
	o->bytes[at + 2] = (uint8_t)(len >> 12);
}

static size_t aml_begin_device(struct out *o, const char *name, const char *hid, uint32_t uid)
{
	size_t at;

	aml_op(o, AML_EXT);
	aml_op(o, AML_DEVICE);
	at = aml_begin(o);
	put(o, name, 4);
	aml_name(o, "_HID");
	aml_op(o, AML_STRING);
	put(o, hid, strlen(hid) + 1);
	aml_name(o, "_UID");
	aml_number(o, uid);
	return at;
}

/* ---- resources (6.4) ---- */

struct resources {
	size_t package;
	size_t size; /* where the buffer's size stands */
};

static struct resources begin_resources(struct out *o)
{
	struct resources r;

	aml_name(o, "_CRS");
	aml_op(o, AML_BUFFER);
	r.package = aml_begin(o);
	aml_number(o, 0);
	r.size = o->len - 4;
	return r;
}

static void end_resources(struct out *o, struct resources r)
{
	struct out size = { .bytes = o->bytes, .len = r.size };

	put_le(o, 0x79, 1); /* the end, with no checksum */
	put_le(o, 0, 1);
	put_le(&size, o->len - r.size - 4, 4);
	aml_end(o, r.package);
}

static void resource_ports(struct out *o, uint16_t port, uint8_t ports)
{
	put_le(o, 0x47, 1);
	put_le(o, 1, 1); /* all 16 bits are decoded */
	put_le(o, port, 2);
	put_le(o, port, 2);
	put_le(o, 1, 1);
	put_le(o, ports, 1);
}

static void resource_window(struct out *o, uint32_t base, uint32_t bytes)
{
	put_le(o, 0x86, 1);
	put_le(o, 9, 2);
	put_le(o, 1, 1); /* can be written */
	put_le(o, base, 4);
	put_le(o, bytes, 4);
}

static void resource_interrupt(struct out *o, uint32_t gsi)
{
	put_le(o, 0x89, 1);
	put_le(o, 6, 2);
	put_le(o, 0x03, 1); /* consumer, edge, active high, exclusive */
	put_le(o, 1, 1);
	put_le(o, gsi, 4);
}

/* ---- what is in the machine ---- */

static void put_serial(struct out *o, const struct acpi_machine *m)
{
	size_t device = aml_begin_device(o, "COM1", "PNP0501", 0);
	struct resources r = begin_resources(o);

	resource_ports(o, m->serial_port, 8);
	resource_interrupt(o, m->serial_gsi);
	end_resources(o, r);
	aml_end(o, device);
}

static void put_virtio(struct out *o, const struct acpi_device *d, uint32_t number)
{
	static const char digit[] = "0123456789ABCDEF";
	const char name[5] = { 'V', 'R', digit[number / 16], digit[number % 16], 0 };
	size_t device = aml_begin_device(o, name, "LNRO0005", number);
	struct resources r = begin_resources(o);

	resource_window(o, d->window, d->bytes);
	resource_interrupt(o, d->gsi);
	end_resources(o, r);
	aml_end(o, device);
}

/* Name(_S5_, Package() { 5 }): the sleep type for power-off. */
static void put_power_off(struct out *o)
{
	size_t at;

	aml_name(o, "_S5_");
	aml_op(o, AML_PACKAGE);
	at = aml_begin(o);
	put_le(o, 2, 1);
	for (int i = 0; i < 2; i++) {
		aml_op(o, AML_BYTE);
		put_le(o, 5, 1);
	}
	aml_end(o, at);
}

static uint64_t put_dsdt(struct out *o, const struct acpi_machine *m)
{
	size_t table = begin_table(o, "DSDT", 2);
	size_t scope;

	put_power_off(o);
	aml_op(o, AML_SCOPE);
	scope = aml_begin(o);
	put(o, "\\_SB_", 5);
	put_serial(o, m);
	for (unsigned int i = 0; i < m->devices; i++)
		put_virtio(o, &m->device[i], i);
	aml_end(o, scope);
	return end_table(o, table);
}

/* A register of one byte in the space of ports (5.2.3.2). */
static void put_port(struct out *o, uint16_t port)
{
	put_le(o, 1, 1);
	put_le(o, 8, 1);
	put_le(o, 0, 1);
	put_le(o, 1, 1);
	put_le(o, port, 8);
}

#define FADT_BOOT_FLAGS	  109u
#define FADT_FLAGS	  112u
#define FADT_RESET	  116u
#define FADT_MINOR	  131u
#define FADT_X_DSDT	  140u
#define FADT_SLEEP	  244u
#define FADT_HYPERVISOR	  268u
#define BOOT_NO_VGA	  (1u << 2)
#define BOOT_NO_MSI	  (1u << 3)
#define BOOT_NO_RTC	  (1u << 5)
#define FLAG_RESET	  (1u << 10)
#define FLAG_HW_REDUCED	  (1u << 20)
#define FLAG_WBINVD	  1u
#define FLAG_NO_SLEEP_KEY ((1u << 4) | (1u << 5)) /* power and sleep buttons: none of the fixed */

static void fill_to(struct out *o, size_t table, size_t offset)
{
	put_zeroes(o, table + offset - o->len);
}

/* 5.2.9. What is not written stays 0. */
static uint64_t put_fadt(struct out *o, const struct acpi_machine *m, uint64_t dsdt)
{
	size_t table = begin_table(o, "FACP", 6);

	fill_to(o, table, FADT_BOOT_FLAGS);
	put_le(o, BOOT_NO_VGA | BOOT_NO_MSI | BOOT_NO_RTC, 2);
	fill_to(o, table, FADT_FLAGS);
	put_le(o, FLAG_WBINVD | FLAG_NO_SLEEP_KEY | FLAG_RESET | FLAG_HW_REDUCED, 4);
	put_port(o, m->reset);
	put_le(o, ACPI_RESET, 1);
	fill_to(o, table, FADT_MINOR);
	put_le(o, 3, 1);
	fill_to(o, table, FADT_X_DSDT);
	put_le(o, dsdt, 8);
	fill_to(o, table, FADT_SLEEP);
	put_port(o, m->sleep_control);
	put_port(o, m->sleep_status);
	fill_to(o, table, FADT_HYPERVISOR);
	put(o, "ANVIL\0\0\0", 8);
	return end_table(o, table);
}

/* 5.2.12 */
static uint64_t put_madt(struct out *o, const struct acpi_machine *m)
{
	size_t table = begin_table(o, "APIC", 5);

	put_le(o, m->local_apic, 4);
	put_le(o, 0, 4); /* flags: no 8259 */
	for (unsigned int i = 0; i < m->cpus; i++) {
		put_le(o, 0, 1); /* a processor */
		put_le(o, 8, 1);
		put_le(o, i, 1);
		put_le(o, i, 1);
		put_le(o, 1, 4); /* enabled */
	}
	put_le(o, 1, 1); /* the I/O APIC */
	put_le(o, 12, 1);
	put_le(o, 0, 2);
	put_le(o, m->io_apic, 4);
	put_le(o, 0, 4); /* its first GSI */
	return end_table(o, table);
}

/* 5.2.8: pointers to the others */
static uint64_t put_xsdt(struct out *o, uint64_t fadt, uint64_t madt)
{
	size_t table = begin_table(o, "XSDT", 1);

	put_le(o, fadt, 8);
	put_le(o, madt, 8);
	return end_table(o, table);
}

/* 5.2.5.3; the first 20 bytes have a checksum of their own. */
static void put_rsdp(uint8_t *out, uint64_t xsdt)
{
	struct out o = { .bytes = out };

	put(&o, "RSD PTR ", 8);
	put_le(&o, 0, 1);
	put(&o, "ANVIL ", 6);
	put_le(&o, 2, 1);
	put_le(&o, 0, 4);
	put_le(&o, ACPI_RSDP_BYTES, 4);
	put_le(&o, xsdt, 8);
	put_zeroes(&o, 4);
	out[8] = checksum(out, 20);
	out[32] = checksum(out, ACPI_RSDP_BYTES);
}

size_t acpi_build(const struct acpi_machine *machine, uint64_t gpa, uint8_t *out)
{
	struct out o = { .bytes = out, .gpa = gpa };
	uint64_t fadt;
	uint64_t madt;

	assert(machine->devices <= ACPI_DEVICES_MAX && gpa % 16 == 0);
	put_zeroes(&o, ACPI_RSDP_BYTES);
	fadt = put_fadt(&o, machine, put_dsdt(&o, machine));
	madt = put_madt(&o, machine);
	put_rsdp(out, put_xsdt(&o, fadt, madt));
	return o.len;
}
