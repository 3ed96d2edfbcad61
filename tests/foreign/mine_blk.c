/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * This VMM's block device, for the harness. FOREIGN_MISTAKE=NAME puts a mistake in (mistakes.h),
 * FOREIGN_READ_ONLY=1 makes the disk read-only.
 */
#include "blk.h"
#include "device/device_under_test.h"
#include "mistakes.h"

#include <stdlib.h>
#include <string.h>

#define RAM_BYTES (256u << 10)
#define SECTORS	  128u

static const struct dut_host *host;
static struct blk blk;
static struct vm vm;
static struct disk disk;
static uint8_t first[SECTORS * 512]; /* what is on it when a script begins */

static void irq(struct vm *of, bool asserted)
{
	host->set_irq(of->opaque, asserted);
}

static int create(struct device_under_test *dut, const struct dut_host *calls)
{
	/* each on the heap, so that AddressSanitizer sees where it ends */
	dut->ram[0] = (struct dut_ram){ 0x80000000, RAM_BYTES, calloc(1, RAM_BYTES) };
	disk = (struct disk){ calloc(SECTORS, 512), SECTORS, getenv("FOREIGN_READ_ONLY") };
	for (size_t i = 0; i < sizeof(first); i++)
		first[i] = (uint8_t)(i / 512 + i);
	host = calls;
	vm = (struct vm){ .irq = irq, .opaque = dut };
	vm.ram[0] = (struct vm_ram){ 0x80000000, RAM_BYTES, dut->ram[0].host };
	dut->disk = disk.data;
	return foreign_mistake_from_environment("BLK_");
}

static void power_cycle(struct device_under_test *dut)
{
	memcpy(disk.data, first, sizeof(first));
	blk_init(dut->opaque, &vm, &disk);
	host->set_irq(dut, false);
}

static uint64_t get(struct device_under_test *dut, uint64_t offset, unsigned int width)
{
	return blk_read(dut->opaque, offset, width);
}

static void set(struct device_under_test *dut, uint64_t offset, unsigned int width, uint64_t value)
{
	blk_write(dut->opaque, offset, width, value);
}

struct device_under_test *device_under_test(void)
{
	static struct device_under_test mine = {
		.version = DUT_VERSION,
		.name = "hobby blk",
		.traits = DUT_TRAITS,
		.opaque = &blk,
		.sectors = SECTORS,
		.create = create,
		.read = get,
		.write = set,
		.power_cycle = power_cycle,
	};

	return &mine;
}
