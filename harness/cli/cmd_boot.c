/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil boot: a real kernel on our devices.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "base/complain.h"
#include "kvm/board.h"
#include "kvm/boot.h"

struct arguments {
	struct boot_options boot;
	/* What is said of all devices */
	bool legacy;
	bool packed;
	unsigned int queues;
};

static bool take_device(struct boot_options *o, bool is_disk, char *value)
{
	struct boot_device *d = &o->device[o->devices];
	char error[512];
	int err;

	if (o->devices == BOOT_DEVICES_MAX) {
		complain("--%s %s: one too many; there is room for %u disks and network cards",
			 is_disk ? "disk" : "net", value, BOOT_DEVICES_MAX);
		return false;
	}
	o->devices++;
	d->is_disk = is_disk;
	err = d->is_disk ? host_disk_parse(&d->disk, value, error, sizeof(error))
			 : host_nic_parse(&d->nic, value, error, sizeof(error));
	if (err)
		complain("%s", error);
	return !err;
}

static bool take_disk(void *arguments, char *value)
{
	return take_device(&((struct arguments *)arguments)->boot, true, value);
}

static bool take_net(void *arguments, char *value)
{
	return take_device(&((struct arguments *)arguments)->boot, false, value);
}

/* Gives all devices what was said of all of them. */
static void apply(struct boot_options *o, const struct arguments *all)
{
	for (unsigned int i = 0; i < o->devices; i++) {
		struct host_disk_spec *disk = &o->device[i].disk;
		struct host_nic_spec *nic = &o->device[i].nic;

		disk->legacy = disk->legacy || all->legacy;
		nic->legacy = nic->legacy || all->legacy;
		disk->packed = disk->packed || (all->packed && !disk->legacy);
		nic->packed = nic->packed || (all->packed && !nic->legacy);
		disk->queues = disk->queues ? disk->queues : all->queues;
		nic->queues = nic->queues ? nic->queues : all->queues;
	}
}

/* What is asked for, each alone, goes together. */
static bool agrees(const struct arguments *a)
{
	const struct boot_options *o = &a->boot;
	struct stat st;

	if (!o->kernel) {
		complain("give --kernel FILE; see anvil boot --help");
		return false;
	}
	if (a->legacy && a->packed) {
		complain(
			"--legacy --packed: legacy devices have no packed rings; give one of them");
		return false;
	}
	if (o->record &&
	    (stat(o->record, &st) || !S_ISDIR(st.st_mode) || access(o->record, W_OK))) {
		complain("--record %s: give a folder that can be written", o->record);
		return false;
	}
	for (unsigned int i = 0; o->record && i < o->devices; i++) {
		if (!o->device[i].disk.legacy && !o->device[i].nic.legacy)
			continue;
		complain("--record %s: devices with the legacy interface are not recorded",
			 o->record);
		return false;
	}
	return true;
}

static int run(void *opaque, char **operand, int operands)
{
	struct arguments *a = opaque;

	(void)operand, (void)operands;
	apply(&a->boot, a);
	return agrees(a) ? boot(&a->boot) : EXIT_USAGE;
}

static const struct command_option options[] = {
	{ "kernel", "FILE", "64-bit: bzImage, or ELF with a PVH entry", NULL,
	  SETS_TEXT(struct arguments, boot.kernel) },
	{ "initrd", "FILE", "its initial RAM disk", NULL,
	  SETS_TEXT(struct arguments, boot.initrd) },
	{ "cmdline", "TEXT", "its command line", "console=ttyS0",
	  SETS_TEXT(struct arguments, boot.cmdline) },
	{ "memory", "MIB", "of memory", "256",
	  SETS_NUMBER(struct arguments, boot.mib, RAM_MIB_MIN, RAM_MIB_MAX) },
	{ "cpus", "NUMBER", "of processors", "1",
	  SETS_NUMBER(struct arguments, boot.cpus, 1, BOARD_CPUS_MAX) },
	{ "disk", "FILE[,WORD]...", "a raw image or a block device", .type = OPTION_OTHER,
	  .take = take_disk, .words = host_disk_words },
	{ "net", "KIND[,WORD]...", "a network card", .type = OPTION_OTHER, .take = take_net,
	  .words = host_nic_words },
	{ "legacy", NULL, "virtio-mmio version 1, as drivers before virtio 1.0 have it", NULL,
	  SETS_SWITCH(struct arguments, legacy) },
	{ "packed", NULL, "packed rings on offer", NULL, SETS_SWITCH(struct arguments, packed) },
	{ "queues", "NUMBER", "of queues for each disk, of pairs of them for each card", "1",
	  SETS_NUMBER(struct arguments, queues, 1, HOST_DEVICE_PAIRS_MAX) },
	{ "control", "PIPE", "a named pipe for what happens to devices while the guest runs", NULL,
	  SETS_TEXT(struct arguments, boot.control) },
	{ "no-reboot", NULL, "a reset ends the run instead of starting the guest anew", NULL,
	  SETS_SWITCH(struct arguments, boot.no_reboot) },
	{ "record", "FOLDER", "for what the guest's drivers do, as scripts; without the sandbox",
	  NULL, SETS_TEXT(struct arguments, boot.record) },
	{ "no-sandbox", NULL, "for debuggers", NULL,
	  SETS_SWITCH(struct arguments, boot.no_sandbox) },
	{ "try-sandbox", NULL, "show what a refusal looks like", NULL,
	  SETS_SWITCH(struct arguments, boot.try_sandbox) },
	{ 0 },
};

const struct command command_boot = {
	.name = "boot",
	.help = "Boots a real kernel on these devices",
	.details =
		"The terminal is the guest's console; Ctrl-A x ends the run. Lines written to "
		"PIPE, "
		"with devices counted from 0: \"0 resize\", \"1 link down\", \"1 link up\", "
		"\"1 announce\", \"report\".\n"
		"The exit status is what the guest writes to I/O port 0xf4, and 0 after power-off; "
		"1: the run broke off; 2: something was wrong with what was asked for; 3: the "
		"sandbox refused a system call.\n",
	.options = options,
	.arguments_size = sizeof(struct arguments),
	.run = run,
};
