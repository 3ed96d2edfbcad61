/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The same as mine_blk.c, as the author of a VMM in C++11 writes it: the device is behind an
 * interface, guest RAM and the disk are vectors.
 */
#include "device/device_under_test.h"

extern "C" {
#include "blk.h"
#include "mistakes.h"
}

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace
{

constexpr std::uint64_t ram_base = 0x80000000;
constexpr std::size_t ram_bytes = 256u << 10;
constexpr std::size_t sectors = 128;

/* What is on an MMIO bus of this VMM. */
class mmio_device
{
      public:
	virtual ~mmio_device() = default;
	virtual void power_cycle() = 0;
	virtual std::uint64_t read(std::uint64_t offset, unsigned int width) = 0;
	virtual void write(std::uint64_t offset, unsigned int width, std::uint64_t value) = 0;
};

class block_device final : public mmio_device
{
      public:
	block_device(struct device_under_test &of, const dut_host &calls)
	    : ram(ram_bytes), content(sectors * 512), dut(of), host(calls)
	{
		machine.ram[0].base = ram_base;
		machine.ram[0].size = ram.size();
		machine.ram[0].host = ram.data();
		machine.irq = [](vm *where, bool asserted) {
			auto *self = static_cast<block_device *>(where->opaque);

			self->host.set_irq(&self->dut, asserted);
		};
		machine.opaque = this;
		medium.data = content.data();
		medium.sectors = sectors;
		dut.ram[0].gpa = ram_base;
		dut.ram[0].bytes = ram.size();
		dut.ram[0].host = ram.data();
		dut.disk = content.data();
		dut.sectors = sectors;
	}

	void power_cycle() override
	{
		std::size_t at = 0;

		std::generate(content.begin(), content.end(), [&at] {
			at++;
			return static_cast<std::uint8_t>(at / 512 + at);
		});
		blk_init(&device, &machine, &medium);
		host.set_irq(&dut, false);
	}

	std::uint64_t read(std::uint64_t offset, unsigned int width) override
	{
		return blk_read(&device, offset, width);
	}

	void write(std::uint64_t offset, unsigned int width, std::uint64_t value) override
	{
		blk_write(&device, offset, width, value);
	}

      private:
	std::vector<std::uint8_t> ram;
	std::vector<std::uint8_t> content;
	struct device_under_test &dut;
	const dut_host &host;
	vm machine{};
	disk medium{};
	blk device{};
};

std::unique_ptr<mmio_device> attacked;

int create(struct device_under_test *dut, const dut_host *host)
try {
	attacked.reset(new block_device(*dut, *host));
	return foreign_mistake_from_environment("BLK_");
} catch (const std::bad_alloc &) {
	return -ENOMEM;
}

} // namespace

struct device_under_test *device_under_test()
{
	static struct device_under_test mine {
	};

	mine.version = DUT_VERSION;
	mine.name = "hobby blk in C++";
	mine.traits = DUT_TRAITS;
	mine.create = create;
	mine.power_cycle = [](struct device_under_test *) { attacked->power_cycle(); };
	mine.read = [](struct device_under_test *, std::uint64_t offset, unsigned int width) {
		return attacked->read(offset, width);
	};
	mine.write = [](struct device_under_test *, std::uint64_t offset, unsigned int width,
			std::uint64_t value) { attacked->write(offset, width, value); };
	return &mine;
}
