/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Booting a kernel on our devices, from its first instruction to the end of its run.
 */
#ifndef BOOT_H
#define BOOT_H

#include <stdbool.h>
#include <stddef.h>

#include "host_disk.h"
#include "host_nic.h"

#define BOOT_DEVICES_MAX 19u

struct boot_device {
	bool is_disk; /* or a network card */
	struct host_disk_spec disk;
	struct host_nic_spec nic;
};

struct boot_options {
	const char *kernel;
	const char *initrd; /* NULL: none */
	const char *cmdline;
	unsigned int mib;
	unsigned int cpus;
	struct boot_device device[BOOT_DEVICES_MAX];
	unsigned int devices;
	const char *record;  /* a folder for scripts of what the drivers do, or NULL */
	const char *control; /* a named pipe, or NULL; see README.md */
	bool no_reboot;
	bool no_sandbox;
	bool try_sandbox; /* make a call that it refuses, instead of running the guest */
};

/*
 * Boots, with standard input and output as the console, in a process of its own, anew each time
 * that the guest resets the machine. SIGUSR2 has it say on stderr how far the devices are. Returns
 * the exit status that the guest gave, 0 after power-off or, with no_reboot, after a reset; or,
 * after one line on stderr, EXIT_USAGE, EXIT_FINDING or SANDBOX_REFUSED.
 */
int boot(const struct boot_options *options);

#endif
