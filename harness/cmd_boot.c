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
#include "kvm/board.h"
#include "kvm/boot.h"

#define USAGE                                                                                      \
	"anvil boot --kernel FILE [--initrd FILE] [--cmdline TEXT] [--memory MIB] [--cpus N] "     \
	"[--disk FILE[,ro]]... [--net user|tap:NAME|pcap:FILE|none]... [--legacy] [--packed] "     \
	"[--queues N] [--control PIPE] [--record FOLDER] [--no-reboot] "                           \
	"[--no-sandbox|--try-sandbox]"

/* What is said of all devices */
struct of_all {
	bool legacy;
	bool packed;
	unsigned int queues;
};

static int complain(const char *option, const char *value, const char *advice)
{
	fprintf(stderr, "anvil: boot: %s: \"%s\" will not do; %s\n", option, value, advice);
	return EXIT_USAGE;
}

static int take_number(const char *option, const char *value, unsigned int least, unsigned int most,
		       unsigned int *number)
{
	char advice[64];
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (*value >= '0' && *value <= '9' && *end == 0 && n >= least && n <= most) {
		*number = (unsigned int)n;
		return EXIT_OK;
	}
	snprintf(advice, sizeof(advice), "name a number from %u to %u", least, most);
	return complain(option, value, advice);
}

static int take_device(struct boot_options *o, const char *option, char *value)
{
	struct boot_device *d = &o->device[o->devices];
	char error[512];
	int err;

	if (o->devices == BOOT_DEVICES_MAX)
		return complain(option, value, "there is room for 19 disks and network cards");
	o->devices++;
	d->is_disk = !strcmp(option, "--disk");
	err = d->is_disk ? host_disk_parse(&d->disk, value, error, sizeof(error))
			 : host_nic_parse(&d->nic, value, error, sizeof(error));
	if (!err)
		return EXIT_OK;
	fprintf(stderr, "anvil: boot: %s\n", error);
	return EXIT_USAGE;
}

static int take_folder(struct boot_options *o, const char *value)
{
	struct stat st;

	if (stat(value, &st) || !S_ISDIR(st.st_mode) || access(value, W_OK))
		return complain("--record", value, "name a folder that can be written");
	o->record = value;
	return EXIT_OK;
}

/* An option with a value. Returns EXIT_OK, or EXIT_USAGE after a complaint. */
static int take_value(struct boot_options *o, struct of_all *all, const char *option, char *value)
{
	if (!strcmp(option, "--kernel"))
		o->kernel = value;
	else if (!strcmp(option, "--initrd"))
		o->initrd = value;
	else if (!strcmp(option, "--cmdline"))
		o->cmdline = value;
	else if (!strcmp(option, "--control"))
		o->control = value;
	else if (!strcmp(option, "--record"))
		return take_folder(o, value);
	else if (!strcmp(option, "--memory"))
		return take_number(option, value, RAM_MIB_MIN, RAM_MIB_MAX, &o->mib);
	else if (!strcmp(option, "--cpus"))
		return take_number(option, value, 1, BOARD_CPUS_MAX, &o->cpus);
	else if (!strcmp(option, "--queues"))
		return take_number(option, value, 1, HOST_DEVICE_PAIRS_MAX, &all->queues);
	else
		return take_device(o, option, value);
	return EXIT_OK;
}

static bool has_value(const char *option)
{
	static const char *const name[] = { "--kernel",	 "--initrd", "--cmdline", "--memory",
					    "--cpus",	 "--disk",   "--net",	  "--record",
					    "--control", "--queues" };

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		if (!strcmp(option, name[i]))
			return true;
	}
	return false;
}

/* Gives all devices what was said of all of them. */
static void apply(struct boot_options *o, const struct of_all *all)
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

static int take_options(int argc, char **argv, struct boot_options *o)
{
	struct of_all all = { .queues = 1 };

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--no-reboot")) {
			o->no_reboot = true;
		} else if (!strcmp(argv[i], "--legacy")) {
			all.legacy = true;
		} else if (!strcmp(argv[i], "--packed")) {
			all.packed = true;
		} else if (!strcmp(argv[i], "--no-sandbox")) {
			o->no_sandbox = true;
		} else if (!strcmp(argv[i], "--try-sandbox")) {
			o->try_sandbox = true;
		} else if (has_value(argv[i]) && i + 1 < argc) {
			if (take_value(o, &all, argv[i], argv[i + 1]))
				return EXIT_USAGE;
			i++;
		} else {
			fprintf(stderr, "anvil: boot: \"%s\" is not understood; usage: %s\n",
				argv[i], USAGE);
			return EXIT_USAGE;
		}
	}
	if (all.legacy && all.packed) {
		fputs("anvil: boot: legacy devices have no packed rings; name --legacy or "
		      "--packed\n",
		      stderr);
		return EXIT_USAGE;
	}
	apply(o, &all);
	for (unsigned int i = 0; o->record && i < o->devices; i++) {
		if (o->device[i].disk.legacy || o->device[i].nic.legacy)
			return complain("--record", o->record,
					"devices with the legacy interface are not recorded");
	}
	if (o->kernel)
		return EXIT_OK;
	fprintf(stderr, "anvil: boot: no --kernel; usage: %s\n", USAGE);
	return EXIT_USAGE;
}

int cmd_boot(int argc, char **argv)
{
	struct boot_options o = { .cmdline = "console=ttyS0", .mib = 256, .cpus = 1 };
	int status = take_options(argc, argv, &o);

	return status ? status : boot(&o);
}
