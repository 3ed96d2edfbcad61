/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One command at a time, so that the machine decides what comes next.
 */
#include "bus_guest.h"

#include <endian.h>
#include <linux/kvm.h>
#include <string.h>

bool bus_guest_access(const struct bus_guest *g, struct kvm_run *run)
{
	uint64_t offset = run->mmio.phys_addr - PAYLOAD_WINDOW;
	uint64_t value = 0;

	if (run->exit_reason != KVM_EXIT_MMIO || offset >= PAYLOAD_WINDOW_BYTES)
		return false;
	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, run->mmio.len);
		machine_write(g->bus.machine, offset, run->mmio.len, le64toh(value));
		return true;
	}
	value = htole64(machine_read(g->bus.machine, offset, run->mmio.len));
	memcpy(run->mmio.data, &value, run->mmio.len);
	return true;
}

static struct bus_guest *to_guest(struct bus *c)
{
	return (struct bus_guest *)(void *)c;
}

uint64_t bus_guest_command(struct bus_guest *g, enum payload_op op, uint64_t gpa, uint64_t value)
{
	struct payload_command *m = (struct payload_command *)(void *)g->mailbox;

	m[0] = (struct payload_command){ .op = op, .gpa = gpa, .value = value };
	m[1] = (struct payload_command){ .op = PAYLOAD_END };
	g->work(g);
	return m[0].value;
}

/* 1, 2, 4 or 8 bytes: 0 to 3 */
static unsigned int width_log(unsigned int width)
{
	return width == 8 ? 3 : width == 4 ? 2 : width - 1;
}

/* Beyond its page the device has no addresses: what a script says there cannot be an exit. */
static bool in_window(uint64_t offset, unsigned int width)
{
	return offset <= PAYLOAD_WINDOW_BYTES - width;
}

uint64_t bus_guest_read(struct bus *c, uint64_t offset, unsigned int width)
{
	if (!in_window(offset, width))
		return machine_read(c->machine, offset, width);
	return bus_guest_command(to_guest(c), PAYLOAD_READ1 + width_log(width),
				 PAYLOAD_WINDOW + offset, 0);
}

void bus_guest_write(struct bus *c, uint64_t offset, unsigned int width, uint64_t value)
{
	if (!in_window(offset, width))
		machine_write(c->machine, offset, width, value);
	else
		bus_guest_command(to_guest(c), PAYLOAD_WRITE1 + width_log(width),
				  PAYLOAD_WINDOW + offset, value);
}

void bus_guest_load(struct bus *c, uint64_t gpa, void *bytes, size_t len)
{
	machine_load(c->machine, gpa, bytes, len);
}

static void copy(struct bus_guest *g, uint64_t gpa, const uint8_t *bytes, size_t len)
{
	struct payload_command *m = (struct payload_command *)(void *)g->mailbox;
	const struct payload_command end = { .op = PAYLOAD_END };
	uint8_t *data = (uint8_t *)&m[1];

	m[0] = (struct payload_command){ .op = PAYLOAD_COPY, .len = (uint32_t)len, .gpa = gpa };
	memcpy(data, bytes, len);
	memcpy(data + (len + 7) / 8 * 8, &end, sizeof(end));
	g->work(g);
}

void bus_guest_store(struct bus *c, uint64_t gpa, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;

	while (len > 0) {
		size_t part = machine_ram_at(gpa, len < PAYLOAD_ROOM ? len : PAYLOAD_ROOM);

		if (part == 0)
			return;
		copy(to_guest(c), gpa, from, part);
		machine_touched(c->machine, gpa, part);
		gpa += part;
		from += part;
		len -= part;
	}
}

int bus_guest_map(const struct bus_guest *g,
		  int (*add)(void *opaque, uint64_t gpa, void *host, size_t bytes), void *opaque)
{
	static const uint64_t gpa[MAP_REGIONS] = { MAP_LOW, MAP_LOW_SEAM, MAP_HIGH };
	int err = 0;

	for (unsigned int i = 0; i < MAP_REGIONS && !err; i++)
		err = add(opaque, gpa[i], g->bus.machine->ram[i], MAP_REGION_BYTES);
	return err;
}
