// SPDX-License-Identifier: BSD-3-Clause
// The same in C++: what its library and its language make of accesses to guest RAM.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>

#include "cases.h"

namespace
{

template <typename T> T &at(size_t offset)
{
	return *reinterpret_cast<T *>(ram + offset);
}

// little-endian in RAM, whatever the machine is
class le32
{
	uint32_t raw;

      public:
	operator uint32_t() const
	{
		return raw;
	}
	le32 &operator=(uint32_t value)
	{
		raw = value;
		return *this;
	}
};

struct header {
	le32 type, ioprio;
	uint64_t sector;
};

struct device {
	virtual ~device() = default;
	uint64_t number = 5;
};

} // namespace

extern "C" {

CASE(cxx_reference, .does = "L0+4", .elsewhere = true)
{
	const uint32_t &v = at<uint32_t>(0);

	KEEP(v);
}

CASE(cxx_operators, .does = "L0+4 S4+4", .elsewhere = true)
{
	header &h = at<header>(0);

	KEEP(h.type);
	h.ioprio = 7;
}

CASE(cxx_copy_of_struct, .does = "*L0+16 S32+16", .gcc_store_first = true)
{
	at<header>(32) = at<header>(0);
}

CASE(cxx_std_copy, .does = "*L0+100", .elsewhere = true)
{
	std::copy(ram, ram + 100, host);
}

CASE(cxx_std_fill, .does = "*S0+100", .elsewhere = true)
{
	std::fill(ram, ram + 100 + zero, uint8_t(7));
}

CASE(cxx_std_memcpy, .does = "L3+50")
{
	std::memcpy(host, ram + 3, 50 + zero);
}

CASE(cxx_loop_over_range, .does = "*L0+64")
{
	uint32_t sum = 0;

	for (uint32_t v : at<uint32_t[16]>(0))
		sum += v;
	KEEP(sum);
}

CASE(cxx_lambda, .does = "L8+8", .elsewhere = true)
{
	auto load = [](size_t offset) { return at<uint64_t>(offset); };

	KEEP(load(8));
}

CASE(cxx_swap, .does = "*L0+4 L8+4 S0+4 S8+4", .elsewhere = true)
{
	std::swap(at<uint32_t>(0), at<uint32_t>(8));
}

// its pointer to a table of functions, too
CASE(cxx_new_in_ram, .does = "*S16+16", .elsewhere = true)
{
	new (ram + 16) device;
}

CASE(cxx_atomic_load, .does = "L2+2", .elsewhere = true)
{
	KEEP(at<std::atomic<uint16_t>>(2).load(std::memory_order_acquire));
}

CASE(cxx_atomic_store, .does = "S2+2", .elsewhere = true)
{
	at<std::atomic<uint16_t>>(2).store(3, std::memory_order_release);
}

CASE(cxx_atomic_add, .does = "L4+4 S4+4", .clang = "S4+4", .elsewhere = true)
{
	KEEP(at<std::atomic<uint32_t>>(4)++);
}

CASE(cxx_atomic_exchange, .does = "L4+4 S4+4", .clang = "S4+4", .elsewhere = true)
{
	KEEP(at<std::atomic<uint32_t>>(4).exchange(1));
}

CASE(cxx_atomic_compare_swap, .does = "L4+4", .clang = "S4+4", .elsewhere = true)
{
	uint32_t expected = 0;

	KEEP(at<std::atomic<uint32_t>>(4).compare_exchange_strong(expected, 1));
}

} // extern "C"
