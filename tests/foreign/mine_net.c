/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * This VMM's network device, for the harness. FOREIGN_MISTAKE=NAME puts a mistake in (mistakes.h).
 */
#include "device/device_under_test.h"
#include "mistakes.h"
#include "net.h"

#include <stdlib.h>

#define RAM_BYTES (128u << 10)

static const struct dut_host *host;
static struct net net;
static struct vm vm;

static void irq(struct vm *of, bool asserted)
{
	host->set_irq(of->opaque, asserted);
}

static void transmitted(struct vm *of, const void *frame, size_t len)
{
	host->sent(of->opaque, frame, len);
}

static int create(struct device_under_test *dut, const struct dut_host *calls)
{
	host = calls;
	vm = (struct vm){ .irq = irq, .send = transmitted, .opaque = dut };
	for (unsigned int i = 0; i < VMM_RAM_RANGES; i++) {
		struct vm_ram r = { i * 0x100000000, RAM_BYTES, aligned_alloc(4096, RAM_BYTES) };

		vm.ram[i] = r;
		dut->ram[i] = (struct dut_ram){ r.base, r.size, r.host };
	}
	return foreign_mistake_from_environment("NET_");
}

static void power_cycle(struct device_under_test *dut)
{
	net_init(dut->opaque, &vm, (const uint8_t[6]){ 0x02, 'h', 'o', 'b', 'b', 'y' });
}

static uint64_t get(struct device_under_test *dut, uint64_t offset, unsigned int width)
{
	return net_read(dut->opaque, offset, width);
}

static void set(struct device_under_test *dut, uint64_t offset, unsigned int width, uint64_t value)
{
	net_write(dut->opaque, offset, width, value);
}

static bool frame(struct device_under_test *dut, const void *data, size_t bytes)
{
	return net_receive(dut->opaque, data, bytes);
}

static void cable(struct device_under_test *dut, bool up)
{
	net_set_link(dut->opaque, up);
}

struct device_under_test *device_under_test(void)
{
	static struct device_under_test mine = {
		DUT_INIT,
		.name = "hobby net",
		.opaque = &net,
		.create = create,
		.power_cycle = power_cycle,
		.read = get,
		.write = set,
		.frame = frame,
		.link = cable,
	};

	return &mine;
}
