/* SPDX-License-Identifier: BSD-3-Clause */
/* This VMM's block device, for the harness. FOREIGN_MISTAKE=NAME puts a mistake in (mistakes.h). */
#include "blk.h"
#include "device/device_under_test.h"
#include "mistakes.h"

#include <stdlib.h>

#define SECTORS 128u

static const struct dut_host *host;
static struct blk blk;
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
	disk = (struct disk){ calloc(SECTORS, 512), SECTORS, getenv("FOREIGN_READ_ONLY") };
	dut->disk = disk.data;
	vm = (struct vm){ .irq = irq, .opaque = dut };
	vm.ram[0] = (struct vm_ram){ 0x80000000, 256u << 10, dut->ram[0].host };
	host = calls;
	return foreign_mistake_from_environment("BLK_");
}

static void power_cycle(struct device_under_test *dut)
{
	blk_init(dut->opaque, &vm, &disk);
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
	static struct device_under_test mine = { DUT_INIT,	   .name = "hobby blk",
						 .opaque = &blk,   .sectors = SECTORS,
						 .create = create, .power_cycle = power_cycle,
						 .read = get,	   .write = set };

	return &mine;
}
