/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine of one processor with nothing in it but the payload.
 */
#include "bus_kvm.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bus_guest.h"
#include "base/complain.h"
#include "vcpu.h"
#include "vm.h"

struct bus_kvm {
	struct bus_guest guest; /* first */
	struct vm vm;
	struct vcpu cpu;
	uint8_t *memory; /* the payload's */
};

/* Nothing that a script does can lead here: the runner's own mistake, or the host's. */
static _Noreturn void give_up(const struct bus_kvm *k, const char *what)
{
	complain("kvm: %s (exit reason %u)", what, k->cpu.run->exit_reason);
	exit(2);
}

static void work(struct bus_guest *g)
{
	struct bus_kvm *k = (struct bus_kvm *)(void *)g;
	struct kvm_run *run = k->cpu.run;

	for (;;) {
		int err = vcpu_run(&k->cpu);

		if (err == -EINTR)
			continue;
		if (err)
			give_up(k, "the guest does not run");
		if (run->exit_reason == KVM_EXIT_IO && run->io.port == PAYLOAD_PORT)
			return;
		if (!bus_guest_access(g, run))
			give_up(k, "an exit that the payload does not make");
	}
}

static void restart(struct bus *c)
{
	const struct vcpu_entry entry = {
		.rip = PAYLOAD_CODE,
		.rsp = PAYLOAD_STACK,
		.tables = PAYLOAD_TABLES,
	};
	struct bus_kvm *k = (struct bus_kvm *)(void *)c;

	vcpu_finish_exit(&k->cpu);
	if (vcpu_start_at(&k->cpu, &entry))
		give_up(k, "the processor cannot be set up");
}

static void destroy(struct bus *c)
{
	struct bus_kvm *k = (struct bus_kvm *)(void *)c;

	vcpu_destroy(&k->cpu);
	vm_destroy(&k->vm);
	munmap(k->memory, PAYLOAD_BYTES);
	free(k);
}

static const struct bus_ops kvm_ops = {
	.name = "kvm",
	.read = bus_guest_read,
	.write = bus_guest_write,
	.load = bus_guest_load,
	.store = bus_guest_store,
	.restart = restart,
	.destroy = destroy,
};

static int add_memory(void *opaque, uint64_t gpa, void *host, size_t bytes)
{
	return vm_add_memory(opaque, gpa, host, bytes);
}

static int set_up(struct bus_kvm *k, char *error, size_t room)
{
	int err = vm_create(&k->vm, error, room);

	if (err)
		return err;
	err = vcpu_create(&k->cpu, &k->vm, 0);
	if (!err)
		err = vm_add_memory(&k->vm, PAYLOAD_GPA, k->memory, PAYLOAD_BYTES);
	if (!err)
		err = bus_guest_map(&k->guest, add_memory, &k->vm);
	if (err)
		snprintf(error, room, "/dev/kvm: a guest cannot be set up: %s; play --on model",
			 strerror(-err));
	return err;
}

int bus_kvm_create(struct bus **bus, struct machine *machine, char *error, size_t room)
{
	struct bus_kvm *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return -ENOMEM;
	k->guest.bus.ops = &kvm_ops;
	k->guest.bus.machine = machine;
	k->guest.work = work;
	k->vm.kvm = k->vm.fd = k->cpu.fd = -1;
	k->memory = mmap(NULL, PAYLOAD_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	if (k->memory == MAP_FAILED) {
		snprintf(error, room, "not enough memory for a guest");
		free(k);
		return -ENOMEM;
	}
	k->guest.mailbox = k->memory + PAYLOAD_MAILBOX - PAYLOAD_GPA;
	payload_install(k->memory);
	err = set_up(k, error, room);
	if (err)
		destroy(&k->guest.bus);
	else
		*bus = &k->guest.bus;
	return err;
}
