/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A kernel: refused in one line, or in memory as linux_image.h promises and the boot protocols
 * want it, without anything on top of anything else.
 */
#include <asm/bootparam.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array_size.h"
#include "base/work.h"
#include "kvm/linux_image.h"
#include "look.h"

#define RSDP		 RAM_FIRMWARE
#define CMDLINE_MOST	 0x10000u
#define CMDLINE_ROOM	 70000u
#define PVH_MAGIC	 0x336ec578u
#define PVH_CMDLINE	 24u
#define PVH_MODULES	 12u
#define PVH_MODULE_LIST	 16u
#define STEPS_EACH	 20u /* of code, for a byte of the file */
#define STEPS		 50000u
#define GIB		 (1ull << 30)
#define IDENTITY_ENTRIES 2048u /* of 2 MiB: the first 4 GiB */

struct range {
	uint64_t gpa;
	uint64_t end;
};

struct kernel {
	const struct handed *h;
	struct ram ram;
	struct linux_image image;
	struct vcpu_entry entry;
	char error[LOOK_ROOM];
	struct range initrd;
};

/* ---- what is handed over ---- */

static char *command_line(const struct handed *h)
{
	static const uint32_t length[] = { 20, 0, 255, 256, 2047, 2048, 65535, 65536 };
	size_t len = length[h->v[2] % ARRAY_SIZE(length)];
	char *text = malloc(len + 1);

	if (!text)
		abort();
	memset(text, 'k', len);
	text[len] = 0;
	return text;
}

static uint8_t *initial_disk(const struct handed *h, size_t *len)
{
	static const uint32_t length[] = { 0, 1, 5000, 1u << 20, 15u << 20, 30u << 20 };
	uint8_t *bytes;

	*len = length[h->v[1] % ARRAY_SIZE(length)];
	bytes = malloc(*len ? *len : 1);
	if (!bytes)
		abort();
	memset(bytes, 0xd1, *len);
	return bytes;
}

static unsigned int mebibytes(const struct handed *h)
{
	static const unsigned int mib[] = { RAM_MIB_MIN, 64, 3072, 4096 };

	return mib[h->v[0] % ARRAY_SIZE(mib)];
}

/* ---- what is in memory then ---- */

static const uint8_t *at(const struct kernel *k, uint64_t gpa, uint64_t len, const char *what)
{
	const uint8_t *bytes = ram_at(&k->ram, gpa, len);

	if (!bytes)
		handed_finding("has its %s at 0x%llx, of 0x%llx bytes, which is no memory", what,
			       (unsigned long long)gpa, (unsigned long long)len);
	return bytes;
}

static uint64_t number(const struct kernel *k, uint64_t gpa, unsigned int width, const char *what)
{
	return handed_get(at(k, gpa, width, what), width, false);
}

static void check_cmdline(const struct kernel *k, uint64_t gpa)
{
	size_t len = strlen(k->image.cmdline) + 1;

	if (memcmp(at(k, gpa, len, "command line"), k->image.cmdline, len) != 0)
		handed_finding("gets another command line");
	if (gpa + len > RAM_BASE_END)
		handed_finding("has a command line in the firmware");
}

static void check_initrd(struct kernel *k, uint64_t gpa, uint64_t len)
{
	if (len != k->image.initrd.len)
		handed_finding("gets an initial RAM disk of %llu bytes", (unsigned long long)len);
	if (len == 0)
		return;
	if (memcmp(at(k, gpa, len, "initial RAM disk"), k->image.initrd.bytes, len) != 0)
		handed_finding("gets another initial RAM disk");
	if (gpa % 4096 != 0 || gpa < RAM_FIRMWARE_END)
		handed_finding("has its initial RAM disk at 0x%llx", (unsigned long long)gpa);
	k->initrd = (struct range){ gpa, gpa + len };
}

/* A part of the kernel lies above the first megabyte, and is not the initial RAM disk's. */
static void check_part(const struct kernel *k, uint64_t gpa, uint64_t len, const char *what)
{
	(void)at(k, gpa, len, what);
	if (gpa < RAM_FIRMWARE_END)
		handed_finding("has its %s at 0x%llx, where the machine's tables are", what,
			       (unsigned long long)gpa);
	if (gpa < k->initrd.end && gpa + len > k->initrd.gpa)
		handed_finding("has its %s on top of the initial RAM disk", what);
}

/* The first 4 GiB are mapped to themselves. */
static void check_tables(const struct kernel *k)
{
	uint64_t top = number(k, k->entry.tables, 8, "page tables");

	for (uint64_t i = 0; i < IDENTITY_ENTRIES; i += 511) {
		uint64_t gib = i << 21 >> 30;
		uint64_t upper = number(k, (top & ~4095ull) + 8 * gib, 8, "page tables");
		uint64_t entry = number(k, (upper & ~4095ull) + 8 * (i % 512), 8, "page tables");

		if (!(top & 1) || !(upper & 1) || entry != ((i << 21) | 0x83))
			handed_finding("is not mapped at 0x%llx", (unsigned long long)(i << 21));
	}
}

static void check_map(const struct kernel *k, const struct boot_params *params)
{
	struct ram_map_entry map[RAM_MAP_MAX];
	unsigned int n = ram_map(&k->ram, map);

	if (params->e820_entries != n)
		handed_finding("is told of %u pieces of memory", params->e820_entries);
	for (unsigned int i = 0; i < n; i++) {
		if (params->e820_table[i].addr != map[i].gpa ||
		    params->e820_table[i].size != map[i].bytes ||
		    params->e820_table[i].type != map[i].type)
			handed_finding("is told other things of piece %u of memory", i);
	}
}

static void check_bzimage(struct kernel *k)
{
	struct setup_header file;
	struct boot_params params;
	size_t skip;

	memcpy(&file, k->h->bytes + 0x1f1, sizeof(file));
	memcpy(&params, at(k, k->entry.rsi, sizeof(params), "parameters"), sizeof(params));
	skip = (size_t)((file.setup_sects ? file.setup_sects : 4) + 1) * 512;
	if (file.boot_flag != 0xaa55 || file.header != 0x53726448 || file.version < 0x20c ||
	    !(file.xloadflags & XLF_KERNEL_64) || k->h->len <= skip + 512)
		handed_finding("is no 64-bit bzImage, and is taken for one");
	if (strlen(k->image.cmdline) > file.cmdline_size)
		handed_finding("gets %zu characters, and takes %u", strlen(k->image.cmdline),
			       file.cmdline_size);
	check_cmdline(k, params.hdr.cmd_line_ptr);
	check_initrd(k, params.hdr.ramdisk_image, params.hdr.ramdisk_size);
	if (k->initrd.end > (uint64_t)file.initrd_addr_max + 1)
		handed_finding("has its initial RAM disk where it cannot reach it");
	check_part(k, file.pref_address, file.init_size, "code");
	if (k->h->len - skip > file.init_size ||
	    memcmp(at(k, file.pref_address, k->h->len - skip, "code"), k->h->bytes + skip,
		   k->h->len - skip) != 0)
		handed_finding("has other code in memory than in its file");
	if (k->entry.rip != file.pref_address + 0x200 ||
	    file.pref_address + file.init_size > 4 * GIB)
		handed_finding("is entered at 0x%llx", (unsigned long long)k->entry.rip);
	if (params.acpi_rsdp_addr != RSDP || params.hdr.type_of_loader != 0xff)
		handed_finding("is not told where its tables are, or by whom it is loaded");
	if ((uint64_t)file.payload_offset + file.payload_length > k->h->len - skip ||
	    k->h->len - skip + 16 <= file.syssize * 16ull)
		handed_finding("is cut short, and is taken");
	check_map(k, &params);
	check_tables(k);
}

static void check_segment(const struct kernel *k, const Elf64_Phdr *p, bool *entered)
{
	if (p->p_type != PT_LOAD || p->p_memsz == 0)
		return;
	if (p->p_offset > k->h->len || p->p_filesz > k->h->len - p->p_offset ||
	    p->p_filesz > p->p_memsz)
		handed_finding("has a segment that is not in its file, and is taken");
	check_part(k, p->p_paddr, p->p_memsz, "segment");
	*entered =
		*entered || (k->entry.rip >= p->p_paddr && k->entry.rip - p->p_paddr < p->p_filesz);
}

static void check_elf(struct kernel *k)
{
	uint64_t info = k->entry.rbx;
	uint64_t loaded = 0;
	bool entered = false;
	Elf64_Ehdr elf;
	Elf64_Phdr p;

	memcpy(&elf, k->h->bytes, sizeof(elf));
	if (elf.e_phnum == 0 || elf.e_phentsize != sizeof(p) || elf.e_phoff > k->h->len ||
	    elf.e_phnum > (k->h->len - elf.e_phoff) / sizeof(p))
		handed_finding("has no whole program headers, and is taken");
	if (number(k, info, 4, "start information") != PVH_MAGIC)
		handed_finding("gets no start information");
	check_cmdline(k, number(k, info + PVH_CMDLINE, 8, "start information"));
	if (number(k, info + PVH_MODULES, 4, "start information")) {
		uint64_t list = number(k, info + PVH_MODULE_LIST, 8, "start information");

		check_initrd(k, number(k, list, 8, "list"), number(k, list + 8, 8, "list"));
	} else {
		check_initrd(k, 0, 0);
	}
	for (unsigned int i = 0; i < elf.e_phnum; i++) {
		memcpy(&p, k->h->bytes + elf.e_phoff + i * sizeof(p), sizeof(p));
		check_segment(k, &p, &entered);
		loaded += p.p_type == PT_LOAD ? p.p_memsz : 0;
	}
	if (loaded > ram_bytes(&k->ram))
		handed_finding("has more in its segments than memory has");
	if (!entered || k->entry.rip > UINT32_MAX)
		handed_finding("is entered at 0x%llx, where it is not",
			       (unsigned long long)k->entry.rip);
}

/* ---- all of it ---- */

/* The release that it says is characters of the file, up to a blank. */
static void check_release(const struct kernel *k)
{
	char release[64];

	memset(release, 'x', sizeof(release));
	if (!linux_release(&k->image.kernel, release, sizeof(release)))
		return;

	size_t len = strnlen(release, sizeof(release));

	if (len == 0 || len == sizeof(release) || !memmem(k->h->bytes, k->h->len, release, len))
		handed_finding("says a release that it does not have");
}

/* What it asks for is more than there is. */
static void check_needs(const struct kernel *k)
{
	const char *needs = strstr(k->error, ": needs ");
	unsigned long long mib;

	if (needs && sscanf(needs, ": needs %llu MiB", &mib) == 1 && mib <= mebibytes(k->h))
		handed_finding("asks for memory that it has: %s", k->error);
}

static int load(struct kernel *k)
{
	int err;

	if (ram_create(&k->ram, mebibytes(k->h))) {
		perror("fuzz_files: memory");
		exit(1);
	}
	k->error[0] = 0;
	work_begin(UINT64_MAX);
	err = linux_load(&k->image, &k->ram, &k->entry, k->error, sizeof(k->error));
	if (work_done() > STEPS + (uint64_t)STEPS_EACH * k->h->len)
		handed_finding("keeps its loader busy for %llu steps",
			       (unsigned long long)work_done());
	look_at_error(err, k->error);
	if (err == -ENOSPC)
		check_needs(k);
	return err;
}

static void check(struct kernel *k)
{
	if (k->entry.gdt == 0 || k->entry.gdt + 40 > RAM_BASE_END)
		handed_finding("has no segments");
	if (k->entry.tables)
		check_bzimage(k);
	else
		check_elf(k);
}

void look_kernel(const struct handed *h)
{
	struct kernel k = { .h = h };
	char *cmdline = command_line(h);
	size_t initrd_len;
	uint8_t *initrd = initial_disk(h, &initrd_len);
	int err;
	int again;

	k.image = (struct linux_image){ .kernel = { "kernel", h->bytes, h->len },
					.initrd = { "initrd", initrd, initrd_len },
					.cmdline = cmdline,
					.rsdp = RSDP };
	check_release(&k);
	err = load(&k);
	if (err && err != -EINVAL && err != -ENOSPC)
		handed_finding("is a kernel that is answered with %d", err);
	if (!err)
		check(&k);
	ram_destroy(&k.ram);
	again = load(&k);
	if (again != err)
		handed_finding("is answered with %d at first, and with %d then", err, again);
	ram_destroy(&k.ram);
	free(initrd);
	free(cmdline);
}
