/* SPDX-License-Identifier: BSD-3-Clause */
/* Structs as a whole; memcpy and the like, and other functions of the C library. */
#include <string.h>

#include "cases.h"

struct three {
	uint8_t bytes[3];
};

struct seven {
	uint8_t bytes[7];
};

struct big {
	uint8_t bytes[200];
};

static struct desc own_desc;
static struct big own_big;

/* ---- structs ---- */

CASE(descriptor_to_own, .does = "*L16+16")
{
	own_desc = *AT(struct desc, 16);
	KEEP(own_desc.addr + own_desc.len + own_desc.flags + own_desc.next);
}

CASE(descriptor_to_stack, .does = "*L16+16")
{
	struct desc d = *AT(struct desc, 16);

	KEEP(d.addr + d.len + d.flags + d.next);
}

CASE(descriptor_to_stack_in_part, .does = "*L16+16")
{
	volatile struct desc d = *AT(struct desc, 16);

	KEEP(d.addr);
}

CASE(descriptor_volatile, .does = "*L16+16")
{
	struct desc d = *AT(volatile struct desc, 16);

	KEEP(d.addr + d.flags);
}

CASE(descriptor_from_own, .does = "*S16+16")
{
	*AT(struct desc, 16) = own_desc;
}

CASE(descriptor_inside_ram, .does = "*L16+16 S64+16", .gcc_store_first = true)
{
	*AT(struct desc, 64) = *AT(struct desc, 16);
}

CASE(struct_of_3, .does = "*L0+3 S32+3", .gcc_store_first = true)
{
	*AT(struct three, 32) = *AT(struct three, 0);
}

CASE(struct_of_7, .does = "*L0+7 S32+7", .gcc_store_first = true)
{
	*AT(struct seven, 32) = *AT(struct seven, 0);
}

CASE(struct_of_200_in, .does = "*L0+200")
{
	own_big = *AT(struct big, 0);
	KEEP(own_big.bytes[3] + own_big.bytes[150]);
}

CASE(struct_of_200_out, .does = "*S0+200")
{
	*AT(struct big, 0) = own_big;
}

static __attribute__((noinline)) uint64_t by_value(struct big big)
{
	return big.bytes[3] + (uint64_t)big.bytes[100];
}

CASE(struct_as_argument, .does = "*L0+200", .gcc = "")
{
	uint64_t (*volatile call)(struct big) = by_value;

	KEEP(call(*AT(struct big, 0)));
}

static __attribute__((noinline)) struct big loaded(void)
{
	return *AT(struct big, 0);
}

CASE(struct_as_result, .does = "*L0+200", .elsewhere = true)
{
	own_big = loaded();
	KEEP(own_big.bytes[3] + own_big.bytes[150]);
}

static __attribute__((noinline)) struct big filled(void)
{
	struct big big;

	memset(&big, (int)kept, sizeof(big));
	return big;
}

CASE(struct_as_result_to_ram, .does = "*S0+200", .elsewhere = true, .gcc = "")
{
	*AT(struct big, 0) = filled();
}

/* ---- memcpy, memmove, memset ---- */

CASE(memcpy_2, .does = "L2+2")
{
	uint16_t v;

	memcpy(&v, ram + 2, sizeof(v));
	KEEP(v);
}

CASE(memcpy_4_unaligned, .does = "L1+4")
{
	uint32_t v;

	memcpy(&v, ram + 1, sizeof(v));
	KEEP(v);
}

CASE(memcpy_8_unaligned_out, .does = "S3+8")
{
	uint64_t v = kept;

	memcpy(ram + 3, &v, sizeof(v));
}

CASE(memcpy_16, .does = "*L0+16")
{
	memcpy(host, ram, 16);
}

CASE(memcpy_37, .does = "*L1+37")
{
	memcpy(host, ram + 1, 37);
}

CASE(memcpy_512, .does = "L0+512")
{
	memcpy(host, ram, 512);
}

CASE(memcpy_of_any_length, .does = "L5+300")
{
	memcpy(host, ram + 5, 300 + zero);
}

CASE(memcpy_of_any_length_out, .does = "S5+300")
{
	memcpy(ram + 5, host, 300 + zero);
}

CASE(memcpy_inside_ram, .does = "L5+300 S1000+300")
{
	memcpy(ram + 1000, ram + 5, 300 + zero);
}

CASE(memcpy_of_nothing, .does = "")
{
	memcpy(ram + 5, ram + 100, zero);
}

CASE(memcpy_over_the_end, .does = "L4090+20")
{
	memcpy(host, ram + 4090, 20 + zero);
}

CASE(memcpy_by_pointer, .does = "L0+40")
{
	void *(*volatile copy)(void *, const void *, size_t) = memcpy;

	copy(host, ram, 40);
}

CASE(memcpy_inline, .does = "*L0+24", .gcc = "")
{
#ifdef __clang__
	__builtin_memcpy_inline((void *)host, (void *)ram, 24);
#else
	__builtin_memcpy(host, ram, 24);
#endif
}

CASE(memcpy_builtin, .does = "L0+100")
{
	__builtin_memcpy(host, ram, 100 + zero);
}

CASE(memcpy_fortified, .does = "L0+100")
{
	__builtin___memcpy_chk(host, ram, 100 + zero, 200 + zero);
}

CASE(memmove_fortified, .does = "L0+100")
{
	__builtin___memmove_chk(host, ram, 100 + zero, 200 + zero);
}

CASE(memset_fortified, .does = "S0+100")
{
	__builtin___memset_chk(ram, 1, 100 + zero, 200 + zero);
}

CASE(memmove_24, .does = "*L0+24 S4+24")
{
	memmove(ram + 4, ram, 24);
}

CASE(memmove_of_any_length, .does = "L9+100 S5+100")
{
	memmove(ram + 5, ram + 9, 100 + zero);
}

CASE(mempcpy_of_any_length, .does = "S0+30")
{
	KEEP((uint8_t *)mempcpy(ram, host, 30 + zero) - ram);
}

CASE(mempcpy_by_pointer, .does = "L0+30")
{
	void *(*volatile copy)(void *, const void *, size_t) = mempcpy;

	KEEP((uint8_t *)copy(host, ram, 30) - host);
}

CASE(memset_12, .does = "*S0+12")
{
	memset(ram, 0, 12);
}

CASE(memset_of_any_length, .does = "S5+100")
{
	memset(ram + 5, 7, 100 + zero);
}

/* ---- others that look at it ---- */

CASE(memcmp_4, .does = "L0+4")
{
	KEEP(memcmp(host, ram, 4) == 0);
}

CASE(memcmp_of_any_length, .does = "L0+20")
{
	KEEP(memcmp(host, ram, 20 + zero) < 0);
}

CASE(memcmp_inside_ram, .does = "L0+20 L1792+20")
{
	KEEP(memcmp(ram, ram + 1792, 20 + zero) < 0);
}

CASE(bcmp_of_any_length, .does = "L0+20")
{
	KEEP(bcmp(host, ram, 20 + zero) == 0);
}

CASE(memchr_of_40, .does = "L0+40")
{
	KEEP((const uint8_t *)memchr(ram, PATTERN(25), 40 + zero) - ram);
}

/* by PATTERN the byte at 73 is the first that is 0 */
CASE(strlen_of_text, .does = "L0+74")
{
	KEEP(strlen((const char *)ram));
}

CASE(strnlen_cut, .does = "L0+20")
{
	KEEP(strnlen((const char *)ram, 20 + zero));
}

CASE(strnlen_whole, .does = "L60+14")
{
	KEEP(strnlen((const char *)ram + 60, 20 + zero));
}

CASE(strncpy_out, .does = "S128+20")
{
	strncpy((char *)ram + 128, "virtio-anvil", 20 + zero);
}

CASE(strncpy_in, .does = "L0+20")
{
	strncpy((char *)host, (const char *)ram, 20 + zero);
}
