/* SPDX-License-Identifier: BSD-3-Clause */
/* Plain and volatile accesses: numbers, fields, loops. */
#include "cases.h"

uint8_t world[MARGIN + RAM_BYTES + MARGIN] __attribute__((aligned(64)));

struct __attribute__((packed)) packed {
	uint8_t a;
	uint32_t b;
	uint64_t c;
	uint16_t d;
};

struct bits {
	uint32_t a : 3, b : 7, c : 22;
};

struct header {
	uint32_t type, ioprio;
	uint64_t sector;
};

/* ---- numbers ---- */

CASE(load_1, .does = "L0+1")
{
	KEEP(*AT(uint8_t, 0));
}

CASE(load_2, .does = "L0+2")
{
	KEEP(*AT(uint16_t, 0));
}

CASE(load_4, .does = "L0+4")
{
	KEEP(*AT(uint32_t, 0));
}

CASE(load_8, .does = "L0+8")
{
	KEEP(*AT(uint64_t, 0));
}

CASE(store_1, .does = "S0+1")
{
	*AT(uint8_t, 0) = 1;
}

CASE(store_2, .does = "S0+2")
{
	*AT(uint16_t, 0) = 1;
}

CASE(store_4, .does = "S0+4")
{
	*AT(uint32_t, 0) = 1;
}

CASE(store_8, .does = "S0+8")
{
	*AT(uint64_t, 0) = 1;
}

CASE(load_16, .does = "*L0+16")
{
	unsigned __int128 v = *AT(unsigned __int128, 0);

	KEEP((uint64_t)(v >> 64) ^ (uint64_t)v);
}

CASE(store_16, .does = "*S0+16")
{
	*AT(unsigned __int128, 0) = kept;
}

CASE(load_double, .does = "L0+8")
{
	KEEP(*AT(double, 0) > 1.0);
}

CASE(copy_long_double, .does = "*L0+10 S32+10", .thread = "", .gcc = "*L0+16 S32+16")
{
	*AT(long double, 32) = *AT(long double, 0);
}

CASE(load_crossing_the_end, .does = "L4094+4")
{
	KEEP(AT(struct packed, 4093)->b);
}

CASE(load_across_the_start, .does = "L-2+4")
{
	KEEP(AT(struct packed, -3)->b);
}

CASE(load_before_and_behind, .does = "")
{
	KEEP(ram[-1] + ram[RAM_BYTES]);
}

CASE(array_constant_offset, .does = "L8+1 L9+1 S10+1")
{
	volatile uint8_t *p = world + MARGIN;

	KEEP(p[8]);
	KEEP(p[9]);
	p[10] = 1;
}

CASE(array_plain, .does = "L12+1 S13+1")
{
	KEEP((world + MARGIN)[12]);
	(world + MARGIN)[13] = 1;
}

CASE(array_variable_offset, .does = "L24+1 S25+1")
{
	KEEP((world + MARGIN)[24 + zero]);
	(world + MARGIN)[25 + zero] = 1;
}

/* ---- the same place twice ---- */

CASE(volatile_twice, .does = "L0+2 L0+2")
{
	volatile uint16_t *p = AT(volatile uint16_t, 0);
	uint16_t a = *p, b = *p;

	KEEP(a + b);
}

CASE(volatile_checked_then_used, .does = "L0+4 L0+4")
{
	volatile uint32_t *p = AT(volatile uint32_t, 0);

	if (*p != 100)
		KEEP(host[*p % 64]);
}

CASE(volatile_store_twice, .does = "S0+2 S0+2")
{
	volatile uint16_t *p = AT(volatile uint16_t, 0);

	*p = 1;
	*p = 2;
}

CASE(volatile_add, .does = "L0+4 S0+4")
{
	volatile uint32_t *p = AT(volatile uint32_t, 0);

	*p = *p + 1;
}

CASE(volatile_store_then_load, .does = "S0+4 L0+4")
{
	volatile uint32_t *p = AT(volatile uint32_t, 0);

	*p = 5;
	KEEP(*p);
}

CASE(volatile_unused_load, .does = "L0+1")
{
	(void)*AT(volatile uint8_t, 0);
}

CASE(barrier_between, .does = "L0+2 L0+2")
{
	uint16_t a = *AT(uint16_t, 0);

	__asm__ volatile("" ::: "memory");
	KEEP(a + *AT(uint16_t, 0));
}

CASE(checked_then_used_later, .does = "L0+4 L0+4")
{
	uint32_t n = *AT(uint32_t, 0) & 7;

	for (uint32_t i = 0; i < n; i++)
		KEEP(host[i]);
	__asm__ volatile("" ::: "memory");
	KEEP(*AT(uint32_t, 0));
}

/* ---- read, modify, write ---- */

CASE(add, .does = "L0+4 S0+4")
{
	*AT(uint32_t, 0) += 3;
}

CASE(increment, .does = "L2+2 S2+2")
{
	(*AT(uint16_t, 2))++;
}

CASE(bit_field_load, .does = "*L0+4", .gcc = "L0+2")
{
	KEEP(AT(struct bits, 0)->b);
}

CASE(bit_field_store, .does = "*L0+4 S0+4", .gcc = "S0+4")
{
	AT(struct bits, 0)->b = 5;
}

CASE(bit_field_volatile, .does = "*L0+4 S0+4", .gcc = "S0+4")
{
	AT(volatile struct bits, 0)->a = 1;
}

CASE(byte_swap, .does = "L0+4 S8+4")
{
	*AT(uint32_t, 8) = __builtin_bswap32(*AT(uint32_t, 0));
}

/* ---- fields ---- */

CASE(packed_loads, .does = "L1+4 L5+8 L13+2")
{
	KEEP(AT(volatile struct packed, 0)->b);
	KEEP(AT(volatile struct packed, 0)->c);
	KEEP(AT(volatile struct packed, 0)->d);
}

CASE(packed_stores, .does = "S1+4 S5+8")
{
	AT(volatile struct packed, 0)->b = 1;
	AT(volatile struct packed, 0)->c = 2;
}

CASE(packed_plain, .does = "*L1+4 L5+8 L13+2")
{
	KEEP(AT(struct packed, 0)->b + AT(struct packed, 0)->c + AT(struct packed, 0)->d);
}

CASE(descriptor_fields, .does = "L16+8 L24+4 L28+2")
{
	struct desc *d = AT(struct desc, 16);

	KEEP(d->addr);
	KEEP(d->len);
	KEEP(d->flags);
}

CASE(used_entry_then_index, .does = "S4+4 S8+4 S2+2")
{
	struct {
		uint32_t id, len;
	} *used = (void *)(ram + 4);

	used->id = 1;
	used->len = (uint32_t)kept;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*AT(uint16_t, 2) = 1;
}

CASE(neighbours_stored, .does = "*S0+4")
{
	ram[0] = 1;
	ram[1] = 2;
	ram[2] = 3;
	ram[3] = 4;
}

CASE(neighbours_loaded, .does = "*L0+4")
{
	KEEP(ram[0] + ram[1] * 0x100u + ram[2] * 0x10000u + ram[3] * 0x1000000u);
}

/* ---- branches ---- */

CASE(branch_store, .does = "S0+1")
{
	if (host[0])
		*AT(uint8_t, 0) = 1;
}

CASE(branch_not_taken, .does = "")
{
	if (zero)
		*AT(uint8_t, 0) = *AT(uint8_t, 1);
}

CASE(branch_on_type, .does = "*L0+4 L4+4")
{
	struct header *h = AT(struct header, 0);

	if (h->type == 0)
		KEEP(h->sector);
	else
		KEEP(h->ioprio);
}

CASE(switch_on_load, .does = "L0+4")
{
	switch (*AT(volatile uint32_t, 0)) {
	case 0:
		KEEP(1);
		break;
	case 1:
		KEEP(2);
		break;
	case 2:
		KEEP(9);
		break;
	case 0x0b080502:
		KEEP(3);
		break;
	default:
		KEEP(4);
	}
}

/* ---- loops ---- */

CASE(loop_copy_bytes, .does = "*L0+64")
{
	for (int i = 0; i < 64; i++)
		host[i] = ram[i];
}

CASE(loop_sum, .does = "*L0+256")
{
	uint32_t *p = AT(uint32_t, 0), sum = 0;

	for (int i = 0; i < 64; i++)
		sum += p[i];
	KEEP(sum);
}

CASE(loop_sum_of_any_length, .does = "*L3+61")
{
	uint8_t *p = AT(uint8_t, 3);
	uint32_t sum = 0;

	for (size_t i = 0, n = 61 + zero; i < n; i++)
		sum += p[i];
	KEEP(sum);
}

CASE(loop_fill, .does = "*S0+100")
{
	uint16_t *p = AT(uint16_t, 0);

	for (int i = 0; i < 50; i++)
		p[i] = (uint16_t)(i * 3);
}

CASE(loop_clear, .does = "*S0+33")
{
	uint8_t *p = ram;

	for (size_t i = 0, n = 33 + zero; i < n; i++)
		p[i] = 0;
}

CASE(loop_xor, .does = "*L0+48 S0+48")
{
	uint8_t *p = ram;

	for (int i = 0; i < 48; i++)
		p[i] ^= 0x5a;
}

CASE(loop_over_one_field, .does = "*L8+4 L24+4 L40+4 L56+4")
{
	struct desc *d = AT(struct desc, 0);
	uint32_t sum = 0;

	for (int i = 0; i < 4; i++)
		sum += d[i].len;
	KEEP(sum);
}

CASE(loop_some, .does = "*L0+4 L8+4 S512+4 S520+4")
{
	uint32_t *from = AT(uint32_t, 0), *to = AT(uint32_t, 512), sum = 0;

	for (int i = 0; i < 4; i++) {
		if (host[i] & 1) {
			sum += from[i];
			to[i] = sum;
		}
	}
	KEEP(sum);
}

CASE(loop_volatile, .does = "L0+1 L1+1 L2+1 L3+1")
{
	volatile uint8_t *p = ram;

	for (int i = 0; i < 4; i++)
		KEEP(p[i]);
}

/* by the bytes of PATTERN entry 0 has the flag, and its next is 3, which has it not */
CASE(loop_chain, .does = "L12+2 L14+2 L60+2")
{
	volatile struct desc *d = AT(volatile struct desc, 0);
	unsigned int i = 0;

	for (int n = 0; n < 5 && d[i].flags & 0x40; n++)
		i = d[i].next & 7;
	KEEP(i);
}

/* ---- vectors ---- */

typedef uint32_t vector16 __attribute__((vector_size(16)));
typedef uint32_t vector32 __attribute__((vector_size(32)));

CASE(vector_16, .does = "*L0+16 S32+16")
{
	*AT(vector16, 32) = *AT(vector16, 0) + 1;
}

CASE(vector_32, .does = "*L0+32 S64+32", .thread = "")
{
	*AT(vector32, 64) = *AT(vector32, 0) + 1;
}

CASE(non_temporal_store, .does = "S0+4", .gcc = "")
{
#ifdef __clang__
	__builtin_nontemporal_store(1u, AT(uint32_t, 0));
#else
	__builtin_ia32_movnti(AT(int, 0), 1);
#endif
}

CASE(prefetch, .does = "")
{
	__builtin_prefetch(ram);
}

/* ---- by a function ---- */

static inline uint16_t load_16(const void *p)
{
	return *(const volatile uint16_t *)p;
}

CASE(inline_function, .does = "L0+2 L2+2", .elsewhere = true)
{
	KEEP(load_16(ram));
	KEEP(load_16(ram + 2));
}

__attribute__((noinline, no_sanitize("address", "kernel-address", "thread"))) static uint32_t
load_untold(void)
{
	return *AT(uint32_t, 0);
}

CASE(no_sanitize, .does = "L0+4", UNTOLD)
{
	KEEP(load_untold());
}
