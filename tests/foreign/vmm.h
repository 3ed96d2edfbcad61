/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hobby VMM, as far as its devices see it: guest RAM, an interrupt line, a disk, a wire.
 */
#ifndef VMM_H
#define VMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMM_RAM_RANGES 2

/* A range of guest RAM: guest-physical address, bytes, and where that is in this process. */
struct vm_ram {
	uint64_t base;
	uint64_t size;
	uint8_t *host;
};

struct vm {
	struct vm_ram ram[VMM_RAM_RANGES]; /* size 0: there is no such range */
	void (*irq)(struct vm *vm, bool asserted);
	void (*send)(struct vm *vm, const void *frame, size_t len); /* a frame from the guest */
	void *opaque;						    /* of those two */
};

/* Where these bytes of guest RAM are; NULL: not all of them are there. */
static inline void *vm_ptr(const struct vm *vm, uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < VMM_RAM_RANGES; i++) {
		const struct vm_ram *r = &vm->ram[i];
		uint64_t at = gpa - r->base;

		if (at < r->size && len <= r->size - at)
			return r->host + at;
	}
	return NULL;
}

/* A disk in the VMM's memory. */
struct disk {
	uint8_t *data;
	uint64_t sectors; /* of 512 bytes */
	bool read_only;
};

#endif
