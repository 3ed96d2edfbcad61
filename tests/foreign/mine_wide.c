/* SPDX-License-Identifier: BSD-3-Clause */
/* This VMM's block device of many queues, for the harness. FOREIGN_MISTAKE=NAME puts a mistake in
 * (mistakes.h). */
#include "wide.h"
#include "device/device_under_test.h"
#include "mistakes.h"

#include <errno.h>
#include <stdlib.h>

#define SECTORS 128u

static const struct dut_host *host;
static struct wide wide;
static struct vm vm;
static struct disk disk;

static void irq(struct vm *of, bool asserted)
{
	host->set_irq(of->opaque, asserted);
}

static int create(struct device_under_test *dut, const struct dut_host *calls)
{
	int err = foreign_mistake_from_environment("WIDE_");

	/* each on the heap, so that AddressSanitizer sees where it ends */
	dut->ram[0] = (struct dut_ram){ 0x80000000, 256u << 10, aligned_alloc(4096, 256u << 10) };
	disk = (struct disk){ calloc(SECTORS, 512), SECTORS, false };
	dut->disk = disk.data;
	vm = (struct vm){ .irq = irq, .opaque = dut };
	vm.ram[0] = (struct vm_ram){ 0x80000000, 256u << 10, dut->ram[0].host };
	host = calls;
	if (!err && !wide_create(dut->opaque, &vm, &disk))
		err = -ENOMEM;
	return err;
}

static void power_cycle(struct device_under_test *dut)
{
	wide_power_cycle(dut->opaque);
}

static uint64_t get(struct device_under_test *dut, uint64_t offset, unsigned int width)
{
	return wide_read(dut->opaque, offset, width);
}

static void set(struct device_under_test *dut, uint64_t offset, unsigned int width, uint64_t value)
{
	wide_write(dut->opaque, offset, width, value);
}

static bool loop(struct device_under_test *dut)
{
	wide_serve(dut->opaque);
	return false;
}

struct device_under_test *device_under_test(void)
{
	static struct device_under_test mine = {
		DUT_INIT,	  .name = "hobby blk of many queues",
		.opaque = &wide,  .sectors = SECTORS,
		.create = create, .power_cycle = power_cycle,
		.read = get,	  .write = set,
		.poll = loop,
	};

	return &mine;
}
