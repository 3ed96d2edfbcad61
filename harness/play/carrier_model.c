/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest's accesses are function calls.
 */
#include "device/carrier.h"

static uint64_t model_read(struct carrier *c, uint64_t offset, unsigned int width)
{
	return machine_read(c->machine, offset, width);
}

static void model_write(struct carrier *c, uint64_t offset, unsigned int width, uint64_t value)
{
	machine_write(c->machine, offset, width, value);
}

static void model_load(struct carrier *c, uint64_t gpa, void *bytes, size_t len)
{
	machine_load(c->machine, gpa, bytes, len);
}

static void model_store(struct carrier *c, uint64_t gpa, const void *bytes, size_t len)
{
	machine_store(c->machine, gpa, bytes, len);
}

void carrier_model_init(struct carrier *c, struct machine *machine)
{
	static const struct carrier_ops ops = {
		.name = "model",
		.read = model_read,
		.write = model_write,
		.load = model_load,
		.store = model_store,
	};

	c->ops = &ops;
	c->machine = machine;
}
