/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One command at a time through the mailbox; the exits that it causes become calls into the
 * machine.
 */
#include "carrier_kvm.h"

#include <endian.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "payload.h"
#include "vcpu.h"
#include "vm.h"

struct carrier_kvm {
	struct carrier carrier; /* first */
	struct vm vm;
	struct vcpu cpu;
	uint8_t *memory; /* the payload's */
};

static struct carrier_kvm *to_kvm(struct carrier *c)
{
	return (struct carrier_kvm *)(void *)c;
}

/* Nothing that a script does can lead here: the runner's own mistake, or the host's. */
static _Noreturn void give_up(const struct carrier_kvm *k, const char *what)
{
	fprintf(stderr, "anvil: kvm: %s (exit reason %u)\n", what, k->cpu.run->exit_reason);
	exit(2);
}

static void on_mmio(struct carrier_kvm *k)
{
	struct kvm_run *run = k->cpu.run;
	uint64_t offset = run->mmio.phys_addr - PAYLOAD_WINDOW;
	uint64_t value = 0;

	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, run->mmio.len);
		machine_write(k->carrier.machine, offset, run->mmio.len, le64toh(value));
		return;
	}
	value = htole64(machine_read(k->carrier.machine, offset, run->mmio.len));
	memcpy(run->mmio.data, &value, run->mmio.len);
}

/* Lets the guest work off its mailbox. */
static void run_payload(struct carrier_kvm *k)
{
	struct kvm_run *run = k->cpu.run;

	for (;;) {
		int err = vcpu_run(&k->cpu);

		if (err == -EINTR)
			continue;
		if (err)
			give_up(k, "the guest does not run");
		if (run->exit_reason == KVM_EXIT_MMIO)
			on_mmio(k);
		else if (run->exit_reason == KVM_EXIT_IO && run->io.port == PAYLOAD_PORT)
			return;
		else
			give_up(k, "an exit that the payload does not make");
	}
}

static struct payload_command *mailbox(const struct carrier_kvm *k)
{
	return (struct payload_command *)(void *)(k->memory + PAYLOAD_MAILBOX - PAYLOAD_GPA);
}

static uint64_t command(struct carrier_kvm *k, enum payload_op op, uint64_t gpa, uint64_t value)
{
	struct payload_command *m = mailbox(k);

	m[0] = (struct payload_command){ .op = op, .gpa = gpa, .value = value };
	m[1] = (struct payload_command){ .op = PAYLOAD_END };
	run_payload(k);
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
	return offset <= 0x1000 - width;
}

static uint64_t kvm_read(struct carrier *c, uint64_t offset, unsigned int width)
{
	if (!in_window(offset, width))
		return machine_read(c->machine, offset, width);
	return command(to_kvm(c), PAYLOAD_READ1 + width_log(width), PAYLOAD_WINDOW + offset, 0);
}

static void kvm_write(struct carrier *c, uint64_t offset, unsigned int width, uint64_t value)
{
	if (!in_window(offset, width))
		machine_write(c->machine, offset, width, value);
	else
		command(to_kvm(c), PAYLOAD_WRITE1 + width_log(width), PAYLOAD_WINDOW + offset,
			value);
}

static void kvm_load(struct carrier *c, uint64_t gpa, void *bytes, size_t len)
{
	machine_load(c->machine, gpa, bytes, len);
}

static void copy(struct carrier_kvm *k, uint64_t gpa, const uint8_t *bytes, size_t len)
{
	struct payload_command *m = mailbox(k);
	uint8_t *data = (uint8_t *)&m[1];
	struct payload_command end = { .op = PAYLOAD_END };

	m[0] = (struct payload_command){ .op = PAYLOAD_COPY, .len = (uint32_t)len, .gpa = gpa };
	memcpy(data, bytes, len);
	memcpy(data + (len + 7) / 8 * 8, &end, sizeof(end));
	run_payload(k);
}

static void kvm_store(struct carrier *c, uint64_t gpa, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;

	while (len > 0) {
		size_t part = machine_ram_at(gpa, len < PAYLOAD_ROOM ? len : PAYLOAD_ROOM);

		if (part == 0)
			return;
		copy(to_kvm(c), gpa, from, part);
		machine_touched(c->machine, gpa, part);
		gpa += part;
		from += part;
		len -= part;
	}
}

static const struct carrier_ops kvm_ops = {
	.name = "kvm",
	.read = kvm_read,
	.write = kvm_write,
	.load = kvm_load,
	.store = kvm_store,
};

static int add_memory(struct carrier_kvm *k)
{
	static const uint64_t gpa[MAP_REGIONS] = { MAP_LOW, MAP_LOW_SEAM, MAP_HIGH };
	int err = vm_add_memory(&k->vm, PAYLOAD_GPA, k->memory, PAYLOAD_BYTES);

	for (unsigned int i = 0; i < MAP_REGIONS && !err; i++)
		err = vm_add_memory(&k->vm, gpa[i], k->carrier.machine->ram[i], MAP_REGION_BYTES);
	return err;
}

static int set_up(struct carrier_kvm *k, char *error, size_t room)
{
	int err = vm_create(&k->vm, error, room);

	if (err)
		return err;
	err = vcpu_create(&k->cpu, &k->vm, 0);
	if (!err)
		err = add_memory(k);
	if (err)
		snprintf(error, room, "/dev/kvm: a guest cannot be set up: %s; play --on model",
			 strerror(-err));
	return err;
}

void carrier_kvm_restart(struct carrier *c)
{
	const struct vcpu_entry entry = {
		.rip = PAYLOAD_CODE,
		.rsp = PAYLOAD_STACK,
		.tables = PAYLOAD_TABLES,
	};
	struct carrier_kvm *k = to_kvm(c);

	vcpu_finish_exit(&k->cpu);
	if (vcpu_start_at(&k->cpu, &entry))
		give_up(k, "the processor cannot be set up");
}

int carrier_kvm_create(struct carrier **carrier, struct machine *machine, char *error, size_t room)
{
	struct carrier_kvm *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return -ENOMEM;
	k->carrier.ops = &kvm_ops;
	k->carrier.machine = machine;
	k->cpu.fd = -1;
	k->memory = mmap(NULL, PAYLOAD_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	if (k->memory == MAP_FAILED) {
		snprintf(error, room, "not enough memory for a guest");
		free(k);
		return -ENOMEM;
	}
	payload_install(k->memory);
	err = set_up(k, error, room);
	if (err) {
		carrier_kvm_destroy(&k->carrier);
		return err;
	}
	*carrier = &k->carrier;
	return 0;
}

void carrier_kvm_destroy(struct carrier *c)
{
	struct carrier_kvm *k = to_kvm(c);

	vcpu_destroy(&k->cpu);
	vm_destroy(&k->vm);
	munmap(k->memory, PAYLOAD_BYTES);
	free(k);
}
