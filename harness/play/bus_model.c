/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest's accesses are function calls.
 */
#include "device/bus.h"

static uint64_t model_read(struct bus *c, uint64_t offset, unsigned int width)
{
	return machine_read(c->machine, offset, width);
}

static void model_write(struct bus *c, uint64_t offset, unsigned int width, uint64_t value)
{
	machine_write(c->machine, offset, width, value);
}

static void model_load(struct bus *c, uint64_t gpa, void *bytes, size_t len)
{
	machine_load(c->machine, gpa, bytes, len);
}

static void model_store(struct bus *c, uint64_t gpa, const void *bytes, size_t len)
{
	machine_store(c->machine, gpa, bytes, len);
}

void bus_model_init(struct bus *c, struct machine *machine)
{
	static const struct bus_ops ops = {
		.name = "model",
		.read = model_read,
		.write = model_write,
		.load = model_load,
		.store = model_store,
	};

	c->ops = &ops;
	c->machine = machine;
}
