/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A board with one processor, which runs on the player's thread: it stops where the agent has
 * nothing to do, and goes on when there is something in the mailbox.
 */
#include "bus_linux.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent_image.h"
#include "board.h"
#include "bus_guest.h"
#include "base/complain.h"
#include "agent/agent.h"
#include "guest_kernel.h"
#include "host_disk.h"
#include "host_nic.h"
#include "watch.h"

#define MEMORY_MIB 192u /* ends below the script's RAM */
#define CMDLINE	   "console=ttyS0 quiet panic=-1"
#define TAIL	   160u /* of the console, for a message */

_Static_assert((MEMORY_MIB << 20) < MAP_LOW, "the script's RAM must not be the kernel's");
_Static_assert(AGENT_MAILBOX_BYTES >= PAYLOAD_ROOM + 2 * sizeof(struct payload_command),
	       "the largest command must fit");

struct bus_linux {
	struct bus_guest guest; /* first */
	struct board board;
	struct cpio initrd;
	uint8_t *mailbox;
	int console;  /* what the kernel printed */
	bool cut_off; /* a script ended inside an access: its guest's is to be finished first */
};

static struct bus_linux *to_linux(struct bus *c)
{
	return (struct bus_linux *)(void *)c;
}

/* ---- running ---- */

/* The last line of the console that says something. */
static void console_tail(const struct bus_linux *l, char *line, size_t room)
{
	char text[TAIL + 1];
	off_t end = lseek(l->console, 0, SEEK_END);
	off_t from = end > (off_t)TAIL ? end - (off_t)TAIL : 0;
	ssize_t n = pread(l->console, text, TAIL, from);
	char *last;

	text[n > 0 ? n : 0] = 0;
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		text[--n] = 0;
	last = strrchr(text, '\n');
	snprintf(line, room, "%s", last ? last + 1 : text);
}

/* Nobody plays: the rest of an access that a script did not live to see. */
static void answer_nothing(struct kvm_run *run)
{
	if (run->exit_reason == KVM_EXIT_MMIO && !run->mmio.is_write)
		memset(run->mmio.data, 0, sizeof(run->mmio.data));
}

static volatile sig_atomic_t overdue;

static void on_overdue(int signal)
{
	(void)signal;
	overdue = 1;
}

/* Runs until the agent waits for work. Returns 0, or -EIO with a line that says why not. */
static int run_to_rest(struct bus_linux *l, bool playing, char *error, size_t room)
{
	struct kvm_run *run = l->board.cpu[0].run;
	char report[BOARD_REPORT];
	char tail[TAIL + 1];
	unsigned int status;

	for (;;) {
		switch (board_run(&l->board, 0, &status, report)) {
		case BOARD_INTERRUPTED:
			if (!overdue || atomic_load(&l->board.heard))
				continue;
			snprintf(error, room, "nothing is heard of the guest: " WATCH_NO_HARDWARE);
			return -EIO;
		case BOARD_OTHER:
			if (run->exit_reason == KVM_EXIT_IO && run->io.port == PAYLOAD_PORT)
				return 0;
			if (!playing)
				answer_nothing(run);
			else
				(void)bus_guest_access(&l->guest, run);
			continue;
		case BOARD_FAILED:
			snprintf(error, room, "%s", report);
			return -EIO;
		default:
			console_tail(l, tail, sizeof(tail));
			snprintf(error, room, "the kernel ended; its last words: %s", tail);
			return -EIO;
		}
	}
}

/* Nothing that a script does can lead here: the kernel's own device is not the script's. */
static _Noreturn void give_up(const char *what)
{
	complain("linux: %s", what);
	exit(2);
}

static void work(struct bus_guest *g)
{
	struct bus_linux *l = (struct bus_linux *)(void *)g;
	char error[512];

	l->cut_off = true;
	if (run_to_rest(l, true, error, sizeof(error)))
		give_up(error);
	l->cut_off = false;
}

static void restart(struct bus *c)
{
	static const char *const what[] = {
		[AGENT_DISK_WRITE] = "the kernel's own disk cannot be written",
		[AGENT_DISK_READ] = "the kernel's own disk cannot be read",
		[AGENT_DISK_CONTENT] = "the kernel's own disk does not have what was written",
		[AGENT_NIC] = "the kernel's own network card does not send",
	};
	struct bus_linux *l = to_linux(c);
	char error[512];
	uint64_t result;

	if (l->cut_off && run_to_rest(l, false, error, sizeof(error)))
		give_up(error);
	result = bus_guest_command(&l->guest, PAYLOAD_OWN, 0, 0);
	if (result != AGENT_OK)
		give_up(result <= AGENT_NIC ? what[result] : "the agent has lost its way");
}

static void destroy(struct bus *c)
{
	struct bus_linux *l = to_linux(c);

	board_destroy(&l->board);
	if (l->mailbox)
		munmap(l->mailbox, AGENT_MAILBOX_BYTES);
	if (l->console >= 0)
		close(l->console);
	free(l->initrd.bytes);
	free(l);
}

static const struct bus_ops linux_ops = {
	.name = "linux",
	.read = bus_guest_read,
	.write = bus_guest_write,
	.load = bus_guest_load,
	.store = bus_guest_store,
	.restart = restart,
	.destroy = destroy,
};

/* ---- setting up ---- */

static int make_initrd(struct cpio *cpio, const char *kernel, char *error, size_t room)
{
	int err = guest_kernel_add_modules(cpio, kernel, error, room);

	if (err)
		return err;
	err = cpio_add(cpio, "init", S_IFREG | 0755, agent_image,
		       (size_t)(agent_image_end - agent_image));
	if (!err)
		err = cpio_end(cpio);
	if (err)
		snprintf(error, room, "not enough memory for an initial RAM disk");
	return err;
}

/* A disk of memory: its path is the descriptor's. */
static int add_own_disk(struct board *b, char *error, size_t room)
{
	int fd = memfd_create("anvil-own-disk", MFD_CLOEXEC);
	struct host_device *disk;
	char path[32];
	struct host_disk_spec spec = { .path = path, .queues = 1 };
	int err;

	if (fd < 0 || ftruncate(fd, AGENT_DISK_BYTES)) {
		snprintf(error, room, "no memory for the kernel's own disk: %s", strerror(errno));
		return -errno;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = host_disk_create(&disk, &spec, 0, &b->memory, error, room);
	close(fd);
	return err ? err : board_add_device(b, disk, error, room);
}

static int add_own_nic(struct board *b, char *error, size_t room)
{
	const struct host_nic_spec spec = { .kind = HOST_NIC_NONE, .mergeable = true };
	struct host_device *nic;
	int err = host_nic_create(&nic, &spec, 1, &b->memory, error, room);

	return err ? err : board_add_device(b, nic, error, room);
}

static int add_reserved(void *opaque, uint64_t gpa, void *host, size_t bytes)
{
	return board_add_reserved(opaque, gpa, host, bytes);
}

static int add_memory(struct bus_linux *l, char *error, size_t room)
{
	int err;

	l->mailbox = mmap(NULL, AGENT_MAILBOX_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (l->mailbox == MAP_FAILED)
		l->mailbox = NULL;
	l->guest.mailbox = l->mailbox;
	err = l->mailbox ? board_add_reserved(&l->board, AGENT_MAILBOX, l->mailbox,
					      AGENT_MAILBOX_BYTES)
			 : -ENOMEM;
	if (!err)
		err = bus_guest_map(&l->guest, add_reserved, &l->board);
	if (err)
		snprintf(error, room, "the script's memory cannot be added: %s", strerror(-err));
	return err;
}

static int run_to_first_rest(struct bus_linux *l, char *error, size_t room)
{
	struct sigaction a = { .sa_handler = on_overdue };
	struct sigaction before;
	struct watch watch;
	int err;

	overdue = 0;
	sigaction(SIGPROF, &a, &before);
	err = watch_start(&watch, SIGPROF, gettid());
	if (err)
		snprintf(error, room, "no timer: %s", strerror(-err));
	else
		err = run_to_rest(l, false, error, room);
	watch_stop(&watch);
	sigaction(SIGPROF, &before, NULL);
	return err;
}

static int boot_kernel(struct bus_linux *l, const char *kernel, char *error, size_t room)
{
	struct linux_image image = { .cmdline = CMDLINE };
	int err = image_open(&image.kernel, kernel, "kernel", error, room);

	if (err)
		return err;
	image.initrd = (struct image_file){ "the agent", l->initrd.bytes, l->initrd.len };
	err = board_load(&l->board, &image, error, room);
	image_close(&image.kernel);
	if (!err)
		err = board_start(&l->board, error, room);
	return err ? err : run_to_first_rest(l, error, room);
}

static int set_up(struct bus_linux *l, const char *asked, char *error, size_t room)
{
	char kernel[GUEST_KERNEL_ROOM];
	int err = guest_kernel_find(asked, kernel, error, room);

	if (!err)
		err = make_initrd(&l->initrd, kernel, error, room);
	if (err)
		return err;
	err = board_create(&l->board, 1, MEMORY_MIB, error, room);
	if (err)
		return err;
	l->console = memfd_create("anvil-console", MFD_CLOEXEC);
	l->board.console_fd = l->console;
	err = add_memory(l, error, room);
	if (!err)
		err = add_own_disk(&l->board, error, room);
	if (!err)
		err = add_own_nic(&l->board, error, room);
	return err ? err : boot_kernel(l, kernel, error, room);
}

int bus_linux_create(struct bus **bus, struct machine *machine, const char *kernel, char *error,
		     size_t room)
{
	struct bus_linux *l = calloc(1, sizeof(*l));
	int err;

	if (!l) {
		snprintf(error, room, "not enough memory for a guest");
		return -ENOMEM;
	}
	l->guest.bus.ops = &linux_ops;
	l->guest.bus.machine = machine;
	l->guest.work = work;
	l->console = -1;
	board_init(&l->board);
	err = set_up(l, kernel, error, room);
	if (err)
		destroy(&l->guest.bus);
	else
		*bus = &l->guest.bus;
	return err;
}

bool bus_linux_can(const char *kernel, char *error, size_t room)
{
	char path[GUEST_KERNEL_ROOM];
	struct cpio cpio = { .bytes = NULL };
	struct vm vm;
	bool can = guest_kernel_find(kernel, path, error, room) == 0 &&
		   guest_kernel_add_modules(&cpio, path, error, room) == 0;

	free(cpio.bytes);
	if (!can)
		return false;
	can = vm_create(&vm, error, room) == 0;
	vm_destroy(&vm);
	return can;
}
