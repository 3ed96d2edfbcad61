/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The init of a booted Linux that plays scripts: reads commands from its mailbox, as the bare
 * payload does, and carries them out through /dev/mem. In between it uses the kernel's own virtio
 * disk and network card. Built static; it is all there is in the guest.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"
#include "script/setup.h"

#define MODULE_COMPRESSED 4 /* MODULE_INIT_COMPRESSED_FILE */

/* The console is the host's to show; then there is nothing left to do. */
static _Noreturn void give_up(const char *what)
{
	printf("agent: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	reboot(RB_POWER_OFF);
	_exit(1);
}

/* ---- the kernel's own devices ---- */

static void load_modules(void)
{
	for (unsigned int i = 0;; i++) {
		char name[32];
		int flags = 0;
		int fd;

		snprintf(name, sizeof(name), "/modules/%02u", i);
		fd = open(name, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			snprintf(name, sizeof(name), "/modules/%02u.z", i);
			fd = open(name, O_RDONLY | O_CLOEXEC);
			flags = MODULE_COMPRESSED;
		}
		if (fd < 0)
			return;
		if (syscall(SYS_finit_module, fd, "", flags) && errno != EEXIST)
			give_up(name);
		close(fd);
	}
}

struct own {
	int disk;
	int nic;
	struct sockaddr_ll to;
	uint8_t *sector;
	unsigned int count;
};

static void open_own(struct own *o)
{
	struct ifreq name = { .ifr_name = "eth0" };
	int err;

	o->disk = open("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC);
	if (o->disk < 0)
		give_up("/dev/vda");
	o->nic = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (o->nic < 0 || ioctl(o->nic, SIOCGIFINDEX, &name))
		give_up("eth0");
	o->to = (struct sockaddr_ll){ .sll_family = AF_PACKET, .sll_ifindex = name.ifr_ifindex };
	if (ioctl(o->nic, SIOCGIFFLAGS, &name))
		give_up("eth0");
	name.ifr_flags |= IFF_UP;
	if (ioctl(o->nic, SIOCSIFFLAGS, &name))
		give_up("eth0");
	err = posix_memalign((void **)&o->sector, AGENT_SECTOR, AGENT_SECTOR);
	if (err)
		give_up("no memory");
}

/* Writes a sector and reads it back, and sends a frame. Returns 0, or what failed. */
static uint64_t use_own(struct own *o)
{
	uint8_t frame[64] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = 0x88, 0xb5 };
	off_t at = (off_t)(o->count % AGENT_SECTORS) * AGENT_SECTOR;
	uint8_t mark = (uint8_t)++o->count;

	memset(o->sector, mark, AGENT_SECTOR);
	if (pwrite(o->disk, o->sector, AGENT_SECTOR, at) != AGENT_SECTOR)
		return AGENT_DISK_WRITE;
	memset(o->sector, 0, AGENT_SECTOR);
	if (pread(o->disk, o->sector, AGENT_SECTOR, at) != AGENT_SECTOR)
		return AGENT_DISK_READ;
	if (o->sector[0] != mark || memcmp(o->sector, o->sector + 1, AGENT_SECTOR - 1))
		return AGENT_DISK_CONTENT;
	if (sendto(o->nic, frame, sizeof(frame), 0, (const struct sockaddr *)&o->to,
		   sizeof(o->to)) != sizeof(frame))
		return AGENT_NIC;
	return 0;
}

/* ---- the script's device ---- */

struct mapping {
	uint64_t gpa;
	uint64_t bytes;
	uint8_t *at;
};

static struct mapping map[] = {
	{ PAYLOAD_WINDOW, PAYLOAD_WINDOW_BYTES, NULL },
	{ MAP_LOW, 2ull * MAP_REGION_BYTES, NULL },
	{ MAP_HIGH, MAP_REGION_BYTES, NULL },
	{ AGENT_MAILBOX, AGENT_MAILBOX_BYTES, NULL },
};

#define MAPPINGS (sizeof(map) / sizeof(map[0]))

static void map_all(void)
{
	int fd = open("/dev/mem", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; i < MAPPINGS; i++) {
		void *at = fd < 0 ? MAP_FAILED
				  : mmap(NULL, map[i].bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
					 (off_t)map[i].gpa);

		if (at == MAP_FAILED)
			give_up("/dev/mem");
		map[i].at = at;
	}
}

/* The host asks for nothing that is not mapped. */
static volatile void *address(uint64_t gpa)
{
	for (size_t i = 0; i < MAPPINGS; i++) {
		if (gpa - map[i].gpa < map[i].bytes)
			return map[i].at + (gpa - map[i].gpa);
	}
	errno = EFAULT;
	give_up("an address that is not mapped");
}

/* The bytes follow the command, filled up to 8. */
static volatile struct payload_command *copy(volatile struct payload_command *c)
{
	volatile uint8_t *from = (volatile uint8_t *)(c + 1);
	volatile uint8_t *to = address(c->gpa);
	uint32_t len = c->len;

	for (uint32_t i = 0; i < len; i++)
		to[i] = from[i];
	return (volatile void *)(from + (len + 7) / 8 * 8);
}

/* Returns where the next command stands, or NULL at the end. */
static volatile struct payload_command *carry_out(volatile struct payload_command *c, struct own *o)
{
	switch (c->op) {
	case PAYLOAD_WRITE1:
		*(volatile uint8_t *)address(c->gpa) = (uint8_t)c->value;
		break;
	case PAYLOAD_WRITE2:
		*(volatile uint16_t *)address(c->gpa) = (uint16_t)c->value;
		break;
	case PAYLOAD_WRITE4:
		*(volatile uint32_t *)address(c->gpa) = (uint32_t)c->value;
		break;
	case PAYLOAD_WRITE8:
		*(volatile uint64_t *)address(c->gpa) = c->value;
		break;
	case PAYLOAD_READ1:
		c->value = *(volatile uint8_t *)address(c->gpa);
		break;
	case PAYLOAD_READ2:
		c->value = *(volatile uint16_t *)address(c->gpa);
		break;
	case PAYLOAD_READ4:
		c->value = *(volatile uint32_t *)address(c->gpa);
		break;
	case PAYLOAD_READ8:
		c->value = *(volatile uint64_t *)address(c->gpa);
		break;
	case PAYLOAD_COPY:
		return copy(c);
	case PAYLOAD_OWN:
		c->value = use_own(o);
		break;
	default:
		return NULL;
	}
	return c + 1;
}

int main(void)
{
	struct own own = { .count = 0 };

	mkdir("/dev", 0755);
	if (mount("dev", "/dev", "devtmpfs", 0, NULL) && errno != EBUSY)
		give_up("/dev");
	load_modules();
	open_own(&own);
	map_all();
	if (ioperm(PAYLOAD_PORT, 1, 1))
		give_up("ioperm");
	for (;;) {
		volatile struct payload_command *c = address(AGENT_MAILBOX);

		outb(0, PAYLOAD_PORT); /* the host takes its time, and fills the mailbox */
		while (c)
			c = carry_out(c, &own);
	}
}
