/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ACPI tables, read back by ACPICA's iasl, which is not ours.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "array_size.h"
#include "kvm/acpi.h"

#define AT	   0xe0000u
#define TEXT_BYTES 65536u

static struct acpi_device devices[ACPI_DEVICES_MAX];
static uint8_t tables[ACPI_TABLES_BYTES];

static size_t build(unsigned int cpus, unsigned int count)
{
	struct acpi_machine m = {
		.cpus = cpus,
		.local_apic = 0xfee00000,
		.io_apic = 0xfec00000,
		.serial_port = 0x3f8,
		.serial_gsi = 4,
		.sleep_control = 0x600,
		.sleep_status = 0x601,
		.reset = 0x602,
		.device = devices,
		.devices = count,
	};

	for (unsigned int i = 0; i < count; i++)
		devices[i] = (struct acpi_device){ 0xc0000000u + i * 0x1000u, 0x1000, 5 + i };
	memset(tables, 0xcc, sizeof(tables));
	return acpi_build(&m, AT, tables);
}

static uint32_t le32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static unsigned int sum(const uint8_t *bytes, size_t len)
{
	unsigned int s = 0;

	for (size_t i = 0; i < len; i++)
		s += bytes[i];
	return s & 0xff;
}

/* The table that a 64-bit pointer at `at` names. */
static const uint8_t *follow(const uint8_t *at, const char *signature, size_t len)
{
	uint32_t gpa = le32(at);
	const uint8_t *table = tables + (gpa - AT);

	assert_int_equal(le32(at + 4), 0);
	assert_true(gpa >= AT && gpa - AT + 36 <= len);
	assert_memory_equal(table, signature, 4);
	assert_true(gpa - AT + le32(table + 4) <= len);
	assert_int_equal(sum(table, le32(table + 4)), 0);
	return table;
}

static void pointers_lead_from_the_root_to_every_table(void **state)
{
	size_t len = build(3, 5);
	const uint8_t *xsdt;
	const uint8_t *fadt;

	(void)state;
	assert_memory_equal(tables, "RSD PTR ", 8);
	assert_int_equal(sum(tables, 20), 0);
	assert_int_equal(sum(tables, ACPI_RSDP_BYTES), 0);
	xsdt = follow(tables + 24, "XSDT", len);
	assert_int_equal(le32(xsdt + 4), 36 + 2 * 8);
	fadt = follow(xsdt + 36, "FACP", len);
	follow(fadt + 140, "DSDT", len);
	follow(xsdt + 44, "APIC", len);
}

/* ---- iasl ---- */

static char folder[] = "/tmp/anvil-acpi.XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char path[600];
	DIR *dir = opendir(folder);

	(void)state;
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		(void)unlink(path);
	}
	if (dir)
		closedir(dir);
	return rmdir(folder);
}

static void write_table(const char *name, const uint8_t *bytes, size_t len)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.dat", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

static void read_all(FILE *f, char *text)
{
	size_t n = f ? fread(text, 1, TEXT_BYTES - 1, f) : 0;

	assert_non_null(f);
	text[n] = 0;
}

/* Has iasl work; complaints of any kind are failures. */
static void run_iasl(const char *options, const char *file)
{
	static const char *const complaint[] = { "Error    ", "Warning  ", "Could not",
						 "Incorrect", "not found", "Invalid" };
	static char text[TEXT_BYTES];
	char command[128];
	FILE *out;

	snprintf(command, sizeof(command), "iasl %s %s/%s 2>&1", options, folder, file);
	out = popen(command, "r");
	read_all(out, text);
	if (pclose(out) != 0)
		fail_msg("%s: %s", command, text);
	for (size_t i = 0; i < ARRAY_SIZE(complaint); i++) {
		if (strstr(text, complaint[i]))
			fail_msg("%s: %s", command, text);
	}
}

static char *disassemble(const char *name, const uint8_t *table)
{
	static char text[TEXT_BYTES];
	char file[64];
	FILE *f;

	write_table(name, table, le32(table + 4));
	snprintf(file, sizeof(file), "%s.dat", name);
	run_iasl("-d", file);
	snprintf(file, sizeof(file), "%s/%s.dsl", folder, name);
	f = fopen(file, "r");
	read_all(f, text);
	fclose(f);
	return text;
}

static void expect(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no \"%s\" in: %s", line, text);
}

static unsigned int count(const char *text, const char *what)
{
	unsigned int n = 0;

	for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
		n++;
	return n;
}

static void iasl_reads_every_table(void **state)
{
	size_t len = build(2, 19);
	const uint8_t *xsdt = follow(tables + 24, "XSDT", len);
	const uint8_t *fadt = follow(xsdt + 36, "FACP", len);
	const char *text;

	(void)state;
	disassemble("xsdt", xsdt);
	text = disassemble("madt", follow(xsdt + 44, "APIC", len));
	assert_int_equal(count(text, "[Processor Local APIC]"), 2);
	expect(text, "Address : FEC00000");
	text = disassemble("fadt", fadt);
	expect(text, "Hardware Reduced (V5) : 1");
	expect(text, "Reset Register Supported (V2) : 1");
	expect(text, "Value to cause reset : 01");
	text = disassemble("dsdt", follow(fadt + 140, "DSDT", len));
	assert_int_equal(count(text, "\"LNRO0005\""), 19);
	assert_int_equal(count(text, "ResourceConsumer, Edge, ActiveHigh, Exclusive"), 20);
	expect(text, "0xC0012000,         // Address Base");
	expect(text, "0x00000017,"); /* the last GSI */
	expect(text, "\"PNP0501\"");
	expect(text, "_S5");
	run_iasl("-tc", "dsdt.dsl"); /* what it read, it takes */
}

static void the_largest_machine_has_room(void **state)
{
	(void)state;
	assert_true(build(64, ACPI_DEVICES_MAX) <= ACPI_TABLES_BYTES);
}

static void a_machine_may_have_no_devices(void **state)
{
	size_t len = build(1, 0);
	const uint8_t *xsdt = follow(tables + 24, "XSDT", len);
	const uint8_t *fadt = follow(xsdt + 36, "FACP", len);

	(void)state;
	assert_int_equal(count(disassemble("none", follow(fadt + 140, "DSDT", len)), "LNRO"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pointers_lead_from_the_root_to_every_table),
		cmocka_unit_test(iasl_reads_every_table),
		cmocka_unit_test(the_largest_machine_has_room),
		cmocka_unit_test(a_machine_may_have_no_devices),
	};

	return cmocka_run_group_tests_name("acpi", tests, make_folder, remove_folder);
}
