/* SPDX-License-Identifier: BSD-3-Clause */
/* This VMM's block device with I/O threads, for the harness. FOREIGN_MISTAKE=NAME puts a mistake in
 * (mistakes.h). */
#include "iot.h"
#include "device/device_under_test.h"
#include "mistakes.h"

#include <stdlib.h>

#define SECTORS 128u

static const struct dut_host *host;
static struct iot iot;
static struct vm vm;
static struct disk disk;

static void irq(struct vm *of, bool asserted)
{
	host->set_irq(of->opaque, asserted);
}

static int create(struct device_under_test *dut, const struct dut_host *calls)
{
	/* each on the heap, so that AddressSanitizer sees where it ends */
	dut->ram[0] = (struct dut_ram){ 0x80000000, 256u << 10, aligned_alloc(4096, 256u << 10) };
	disk = (struct disk){ calloc(SECTORS, 512), SECTORS, false };
	dut->disk = disk.data;
	vm = (struct vm){ .irq = irq, .opaque = dut };
	vm.ram[0] = (struct vm_ram){ 0x80000000, 256u << 10, dut->ram[0].host };
	host = calls;
	iot_create(dut->opaque, &vm, &disk);
	return foreign_mistake_from_environment("IOT_");
}

static void power_cycle(struct device_under_test *dut)
{
	iot_power_cycle(dut->opaque);
}

static uint64_t get(struct device_under_test *dut, uint64_t offset, unsigned int width)
{
	return iot_read(dut->opaque, offset, width);
}

static void set(struct device_under_test *dut, uint64_t offset, unsigned int width, uint64_t value)
{
	iot_write(dut->opaque, offset, width, value);
}

static bool work(struct device_under_test *dut, unsigned int which)
{
	(void)which; /* they are all alike */
	return iot_work(dut->opaque);
}

struct device_under_test *device_under_test(void)
{
	static struct device_under_test mine = {
		DUT_INIT,
		.name = "hobby blk with threads",
		.opaque = &iot,
		.sectors = SECTORS,
		.create = create,
		.power_cycle = power_cycle,
		.read = get,
		.write = set,
		.threads = IOT_THREADS,
		.thread = work,
	};

	return &mine;
}
