/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest's code and its page tables.
 */
#include "payload.h"

#include <string.h>

/* clang-format off */
__asm__(
	".pushsection .rodata\n"
	".globl payload_code, payload_code_end\n"
	"payload_code:\n"
	"	mov $0x18000, %esi\n"		/* PAYLOAD_MAILBOX */
	"1:	mov (%rsi), %eax\n"		/* op */
	"	mov 4(%rsi), %ecx\n"		/* len */
	"	mov 8(%rsi), %rdi\n"		/* gpa */
	"	mov 16(%rsi), %rdx\n"		/* value */
	"	lea 24(%rsi), %rbx\n"		/* the next command */
	"	cmp $0, %eax\n"
	"	je 9f\n"
	"	cmp $9, %eax\n"
	"	je 8f\n"
	"	cmp $5, %eax\n"
	"	jae 5f\n"
	"	cmp $2, %eax\n"
	"	je 2f\n"
	"	ja 3f\n"
	"	mov %dl, (%rdi)\n"
	"	jmp 7f\n"
	"2:	mov %dx, (%rdi)\n"
	"	jmp 7f\n"
	"3:	cmp $4, %eax\n"
	"	je 4f\n"
	"	mov %edx, (%rdi)\n"
	"	jmp 7f\n"
	"4:	mov %rdx, (%rdi)\n"
	"	jmp 7f\n"
	"5:	xor %edx, %edx\n"
	"	cmp $6, %eax\n"
	"	je 51f\n"
	"	ja 52f\n"
	"	mov (%rdi), %dl\n"
	"	jmp 6f\n"
	"51:	mov (%rdi), %dx\n"
	"	jmp 6f\n"
	"52:	cmp $8, %eax\n"
	"	je 53f\n"
	"	mov (%rdi), %edx\n"
	"	jmp 6f\n"
	"53:	mov (%rdi), %rdx\n"
	"6:	mov %rdx, 16(%rsi)\n"
	"7:	mov %rbx, %rsi\n"
	"	jmp 1b\n"
	"8:	mov %rbx, %rsi\n"		/* copy: the bytes follow, filled up to 8 */
	"	lea 7(%rbx,%rcx), %rbx\n"
	"	and $-8, %rbx\n"
	"	cld\n"
	"	rep movsb\n"
	"	jmp 7b\n"
	"9:	out %al, $0x10\n"		/* PAYLOAD_PORT */
	"	jmp payload_code\n"
	"payload_code_end:\n"
	".popsection\n");
/* clang-format on */

extern const uint8_t payload_code[];
extern const uint8_t payload_code_end[];

#define PAGE	    0x1000u
#define PRESENT	    3ull /* and writable */
#define LARGE	    (1ull << 7)
#define ENTRIES	    512u
#define LARGE_BYTES (2ull << 20)
#define GIB	    (1ull << 30)

/* The gigabytes that a payload touches: its own, both RAM ranges, the window. */
static const uint64_t mapped[] = { 0, 1, 3, 4 };

static void put_entry(uint8_t *memory, uint64_t table, uint64_t index, uint64_t value)
{
	memcpy(memory + (table - PAYLOAD_GPA) + index * sizeof(value), &value, sizeof(value));
}

/* An identity map with pages of 2 MiB. */
static void put_tables(uint8_t *memory)
{
	const uint64_t top = PAYLOAD_TABLES;
	const uint64_t pointers = top + PAGE;

	put_entry(memory, top, 0, pointers | PRESENT);
	for (uint64_t i = 0; i < sizeof(mapped) / sizeof(mapped[0]); i++) {
		uint64_t directory = pointers + (1 + i) * PAGE;

		put_entry(memory, pointers, mapped[i], directory | PRESENT);
		for (uint64_t k = 0; k < ENTRIES; k++)
			put_entry(memory, directory, k,
				  (mapped[i] * GIB + k * LARGE_BYTES) | PRESENT | LARGE);
	}
}

void payload_install(uint8_t *memory)
{
	memset(memory, 0, PAYLOAD_BYTES);
	memcpy(memory, payload_code, (size_t)(payload_code_end - payload_code));
	put_tables(memory);
}
