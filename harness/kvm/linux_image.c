/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first megabyte at the start:
 *	0x0500	descriptors of the flat segments
 *	0x6000	PVH start information
 *	0x7000	boot_params, which Linux calls the zero page
 *	0x9000	page tables: the first 4 GiB, each address at itself
 *	0x20000	command line
 *
 * Every number in a kernel's file is checked before use: a person may give us any file.
 */
#include "linux_image.h"

#include <asm/bootparam.h>
#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GDT_GPA		0x500u
#define START_INFO_GPA	0x6000u
#define BOOT_PARAMS_GPA 0x7000u
#define STACK_GPA	0x9000u /* grows down from here */
#define TABLES_GPA	0x9000u
#define CMDLINE_GPA	0x20000u
#define CMDLINE_ROOM	0x10000u
#define PAGE		0x1000u

/* ---- files ---- */

static int refuse(char *error, size_t room, const char *path, int err, const char *what,
		  const char *advice)
{
	snprintf(error, room, "%s: %s; %s", path, what, advice);
	return err;
}

/* Returns 0, or a negative errno; -ENODATA if it ends before `len`. */
static int read_whole(int fd, uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = read(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENODATA;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static const char *check_file(const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return "is a directory";
	if (!S_ISREG(st->st_mode))
		return "is not a regular file";
	if (st->st_size == 0)
		return "is empty";
	return (uint64_t)st->st_size > RAM_LOW_END ? "is larger than any memory for it" : NULL;
}

/* O_NONBLOCK: opening a FIFO must not wait for a writer before we can say what is wrong */
int image_open(struct image_file *image, const char *path, const char *what, char *error,
	       size_t room)
{
	struct stat st = { 0 };
	uint8_t *bytes = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int err = fd < 0 || fstat(fd, &st) ? -errno : 0;
	const char *wrong = err ? strerror(-err) : check_file(&st);

	if (!wrong) {
		bytes = malloc((size_t)st.st_size);
		err = bytes ? read_whole(fd, bytes, (size_t)st.st_size) : -ENOMEM;
		wrong = err ? strerror(-err) : NULL;
	} else if (!err) {
		err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	}
	if (fd >= 0)
		close(fd);
	if (wrong) {
		snprintf(error, room, "%s: %s; name a readable %s", path, wrong, what);
		free(bytes);
		return err;
	}
	*image = (struct image_file){ path, bytes, (size_t)st.st_size };
	return 0;
}

void image_close(struct image_file *image)
{
	free((void *)(uintptr_t)image->bytes);
	image->bytes = NULL;
}

/* ---- what both ways have in common ---- */

/* Room that every machine has, below RAM_BASE_END. */
static uint8_t *base_memory(const struct ram *ram, uint64_t gpa, uint64_t len)
{
	uint8_t *at = ram_at(ram, gpa, len);

	assert(at && gpa + len <= RAM_BASE_END);
	return at;
}

static int put_cmdline(const struct linux_image *image, const struct ram *ram, uint64_t most,
		       char *error, size_t room)
{
	size_t len = strlen(image->cmdline) + 1;

	if (len > most || len > CMDLINE_ROOM) {
		snprintf(error, room,
			 "--cmdline: has %zu characters, and this kernel takes %llu; shorten it",
			 len - 1,
			 (unsigned long long)(most < CMDLINE_ROOM ? most : CMDLINE_ROOM) - 1);
		return -EINVAL;
	}
	memcpy(base_memory(ram, CMDLINE_GPA, len), image->cmdline, len);
	return 0;
}

/* At the end of memory, above `from`, and not beyond `most`. */
static int put_initrd(const struct linux_image *image, const struct ram *ram, uint64_t from,
		      uint64_t most, uint64_t *gpa, char *error, size_t room)
{
	uint64_t end = ram_low_end(ram) < most ? ram_low_end(ram) : most;
	size_t len = image->initrd.len;

	*gpa = 0;
	if (len == 0)
		return 0;
	if (end < from || end - from < len + PAGE)
		return refuse(error, room, image->initrd.path, -ENOSPC,
			      "does not fit into memory beside the kernel", "give more --memory");
	*gpa = (end - len) & ~(uint64_t)(PAGE - 1);
	memcpy(ram_at(ram, *gpa, len), image->initrd.bytes, len);
	return 0;
}

static int too_small(const struct linux_image *image, uint64_t needs, char *error, size_t room)
{
	snprintf(error, room, "%s: needs %llu MiB of memory to start; give more --memory",
		 image->kernel.path, (unsigned long long)(needs >> 20) + 1);
	return -ENOSPC;
}

static void put_segments(const struct ram *ram, bool long_mode)
{
	static const uint64_t flat = 0x00cf00000000ffffull;
	uint64_t gdt[5] = { 0 };

	gdt[VCPU_CODE / 8] = long_mode ? 0x00af9b000000ffffull : flat | 0x9bull << 40;
	gdt[VCPU_DATA / 8] = flat | 0x93ull << 40;
	gdt[VCPU_TASK / 8] = 0x00008b0000000067ull;
	memcpy(base_memory(ram, GDT_GPA, sizeof(gdt)), gdt, sizeof(gdt));
}

/* Pages of 2 MiB: one table of each of the upper levels, and one for each GiB. */
static void put_page_tables(const struct ram *ram)
{
	enum { PRESENT = 1, WRITABLE = 2, LARGE = 0x80, GIBS = 4, ENTRIES = PAGE / 8 };
	uint8_t *at = base_memory(ram, TABLES_GPA, (2 + GIBS) * PAGE);
	uint64_t entry = (TABLES_GPA + PAGE) | PRESENT | WRITABLE;

	memset(at, 0, (2 + GIBS) * PAGE);
	memcpy(at, &entry, sizeof(entry));
	for (uint64_t i = 0; i < GIBS; i++) {
		entry = (TABLES_GPA + (2 + i) * PAGE) | PRESENT | WRITABLE;
		memcpy(at + PAGE + 8 * i, &entry, sizeof(entry));
	}
	for (uint64_t i = 0; i < (uint64_t)GIBS * ENTRIES; i++) {
		entry = i << 21 | PRESENT | WRITABLE | LARGE;
		memcpy(at + (size_t)2 * PAGE + 8 * i, &entry, sizeof(entry));
	}
}

/* ---- bzImage ---- */

#define HEADER_AT     0x1f1u
#define HEADER_MAGIC  0x53726448u /* "HdrS" */
#define VERSION_64BIT 0x20cu	  /* xloadflags came with it */
#define LOADER_OTHER  0xffu
#define SECTOR	      512u
#define ENTRY_64      0x200u

static bool is_bzimage(const struct image_file *kernel, struct setup_header *header)
{
	if (kernel->len < HEADER_AT + sizeof(*header))
		return false;
	memcpy(header, kernel->bytes + HEADER_AT, sizeof(*header));
	return header->boot_flag == 0xaa55 && header->header == HEADER_MAGIC;
}

/* The real-mode part, which is not run, comes first. */
static size_t setup_bytes(const struct setup_header *header)
{
	return ((header->setup_sects ? header->setup_sects : 4u) + 1u) * SECTOR;
}

#define PARAGRAPH 16u /* what syssize counts */

/* Whether the file has the code that its header tells of, and in that the compressed kernel. */
static bool is_whole(const struct image_file *kernel, const struct setup_header *header)
{
	size_t skip = setup_bytes(header);
	uint64_t len = kernel->len > skip ? kernel->len - skip : 0;
	uint64_t payload = (uint64_t)header->payload_offset + header->payload_length;

	return len > ENTRY_64 && payload <= len &&
	       len + PARAGRAPH > (uint64_t)header->syssize * PARAGRAPH;
}

/*
 * Whether it wants to be where a kernel can be: not on top of what lies in the first megabyte, and
 * where the page tables lead to.
 */
static bool has_place(const struct setup_header *header, size_t len)
{
	return header->pref_address >= RAM_FIRMWARE_END && header->pref_address <= RAM_LOW_END &&
	       header->init_size <= RAM_LOW_END - header->pref_address && len <= header->init_size;
}

static void fill_map(struct boot_params *params, const struct ram *ram)
{
	struct ram_map_entry map[RAM_MAP_MAX];
	unsigned int n = ram_map(ram, map);

	for (unsigned int i = 0; i < n; i++) {
		params->e820_table[i].addr = map[i].gpa;
		params->e820_table[i].size = map[i].bytes;
		params->e820_table[i].type = map[i].type;
	}
	params->e820_entries = (uint8_t)n;
}

static void put_boot_params(const struct linux_image *image, const struct ram *ram,
			    const struct setup_header *header, uint64_t initrd)
{
	struct boot_params params;

	memset(&params, 0, sizeof(params));
	params.hdr = *header;
	params.hdr.type_of_loader = LOADER_OTHER;
	params.hdr.cmd_line_ptr = CMDLINE_GPA;
	params.hdr.ramdisk_image = (uint32_t)initrd;
	params.hdr.ramdisk_size = (uint32_t)image->initrd.len;
	params.acpi_rsdp_addr = image->rsdp;
	fill_map(&params, ram);
	memcpy(base_memory(ram, BOOT_PARAMS_GPA, sizeof(params)), &params, sizeof(params));
}

static int load_bzimage(const struct linux_image *image, const struct setup_header *header,
			const struct ram *ram, struct vcpu_entry *entry, char *error, size_t room)
{
	size_t skip = setup_bytes(header);
	size_t len = image->kernel.len - skip;
	uint64_t at = header->pref_address;
	uint64_t initrd;
	int err;

	if (header->version < VERSION_64BIT || !(header->xloadflags & XLF_KERNEL_64))
		return refuse(error, room, image->kernel.path, -EINVAL, "has no 64-bit entry",
			      "name a 64-bit kernel of Linux 3.8 or newer");
	if (!is_whole(&image->kernel, header))
		return refuse(error, room, image->kernel.path, -EINVAL, "is cut short",
			      "copy it again");
	if (!has_place(header, len))
		return refuse(error, room, image->kernel.path, -EINVAL,
			      "wants memory that no machine has for it", "copy it again");
	if (at + header->init_size > ram_low_end(ram))
		return too_small(image, at + header->init_size, error, room);
	err = put_cmdline(image, ram, header->cmdline_size + 1ull, error, room);
	if (!err)
		err = put_initrd(image, ram, at + header->init_size, header->initrd_addr_max + 1ull,
				 &initrd, error, room);
	if (err)
		return err;
	memcpy(ram_at(ram, at, len), image->kernel.bytes + skip, len);
	put_boot_params(image, ram, header, initrd);
	put_segments(ram, true);
	put_page_tables(ram);
	*entry = (struct vcpu_entry){
		.rip = at + ENTRY_64,
		.rsi = BOOT_PARAMS_GPA,
		.rsp = STACK_GPA,
		.tables = TABLES_GPA,
		.gdt = GDT_GPA,
	};
	return 0;
}

bool linux_release(const struct image_file *kernel, char *release, size_t room)
{
	struct setup_header header;
	size_t from;
	size_t n = 0;

	if (!is_bzimage(kernel, &header) || header.kernel_version == 0)
		return false;
	from = header.kernel_version + 0x200u;
	while (from + n < kernel->len && n + 1 < room && kernel->bytes[from + n] > ' ') {
		release[n] = (char)kernel->bytes[from + n];
		n++;
	}
	release[n] = 0;
	return n > 0 && from + n < kernel->len && kernel->bytes[from + n] <= ' ';
}

/* ---- ELF with a PVH entry ---- */

#define START_MAGIC	0x336ec578u
#define NOTE_PVH_ENTRY	18u /* XEN_ELFNOTE_PHYS32_ENTRY */
#define START_VERSION	1u
#define START_MAP_AT	0x100u /* in the page at START_INFO_GPA */
#define START_MODULE_AT 0x800u

struct start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t modules;
	uint64_t module_list;
	uint64_t cmdline;
	uint64_t rsdp;
	uint64_t map;
	uint32_t map_entries;
	uint32_t reserved;
};

struct start_module {
	uint64_t gpa;
	uint64_t bytes;
	uint64_t cmdline;
	uint64_t reserved;
};

struct start_map_entry {
	uint64_t gpa;
	uint64_t bytes;
	uint32_t type;
	uint32_t reserved;
};

static bool is_elf(const struct image_file *kernel, Elf64_Ehdr *elf)
{
	if (kernel->len < sizeof(*elf))
		return false;
	memcpy(elf, kernel->bytes, sizeof(*elf));
	return !memcmp(elf->e_ident, ELFMAG, SELFMAG) && elf->e_ident[EI_CLASS] == ELFCLASS64 &&
	       elf->e_machine == EM_X86_64;
}

static bool in_file(const struct image_file *file, uint64_t offset, uint64_t len)
{
	return offset <= file->len && len <= file->len - offset;
}

/* Program header number `i`; false if the file has none. */
static bool program_header(const struct image_file *kernel, const Elf64_Ehdr *elf, unsigned int i,
			   Elf64_Phdr *p)
{
	uint64_t at = i * sizeof(*p);

	if (i >= elf->e_phnum || elf->e_phentsize != sizeof(*p) || elf->e_phoff > kernel->len ||
	    !in_file(kernel, elf->e_phoff + at, sizeof(*p)))
		return false;
	memcpy(p, kernel->bytes + elf->e_phoff + at, sizeof(*p));
	return true;
}

/* Program headers, and the section headers, which stand at the end. */
static bool has_all_headers(const struct image_file *kernel, const Elf64_Ehdr *elf)
{
	Elf64_Phdr last;

	return elf->e_phnum > 0 && program_header(kernel, elf, elf->e_phnum - 1u, &last) &&
	       in_file(kernel, elf->e_shoff, (uint64_t)elf->e_shnum * elf->e_shentsize);
}

/* Looks for the entry among the notes of one segment, which is in the file. */
static bool find_entry(const struct image_file *kernel, const Elf64_Phdr *p, uint32_t *entry)
{
	uint64_t at = p->p_offset;
	uint64_t end = p->p_offset + p->p_filesz;
	Elf64_Nhdr n;

	while (end - at >= sizeof(n)) {
		uint64_t name;
		uint64_t desc;

		memcpy(&n, kernel->bytes + at, sizeof(n));
		name = at + sizeof(n);
		desc = name + ((uint64_t)n.n_namesz + 3) / 4 * 4;
		at = desc + ((uint64_t)n.n_descsz + 3) / 4 * 4;
		if (at > end)
			return false;
		if (n.n_type == NOTE_PVH_ENTRY && n.n_namesz == 4 && n.n_descsz >= 4 &&
		    !memcmp(kernel->bytes + name, "Xen", 4)) {
			memcpy(entry, kernel->bytes + desc, sizeof(*entry));
			return true;
		}
	}
	return false;
}

/* Notes are parts of the file: all of them together are no longer than that. */
static bool pvh_entry(const struct image_file *kernel, const Elf64_Ehdr *elf, uint32_t *entry)
{
	uint64_t left = kernel->len;
	Elf64_Phdr p;

	for (unsigned int i = 0; program_header(kernel, elf, i, &p); i++) {
		if (p.p_type != PT_NOTE || !in_file(kernel, p.p_offset, p.p_filesz))
			continue;
		if (p.p_filesz > left)
			return false;
		left -= p.p_filesz;
		if (find_entry(kernel, &p, entry))
			return true;
	}
	return false;
}

/* Whether the file has it, and a machine can have memory for it: on one side of the hole. */
static bool has_segment(const struct image_file *kernel, const Elf64_Phdr *p)
{
	const uint64_t most = RAM_HIGH_START + ((uint64_t)RAM_MIB_MAX << 20);

	if (!in_file(kernel, p->p_offset, p->p_filesz) || p->p_filesz > p->p_memsz ||
	    p->p_paddr < RAM_FIRMWARE_END || p->p_paddr > most || p->p_memsz > most - p->p_paddr)
		return false;
	return p->p_paddr >= RAM_HIGH_START || p->p_paddr + p->p_memsz <= RAM_LOW_END;
}

static bool is_loaded(const Elf64_Phdr *p)
{
	return p->p_type == PT_LOAD && p->p_memsz > 0;
}

/*
 * Loads all segments, one of which has `start`; `end` is where the last one ends. All together are
 * no larger than memory, so that a file with very many that are all the same is not copied for
 * ever.
 */
static int load_segments(const struct linux_image *image, const Elf64_Ehdr *elf, uint32_t start,
			 const struct ram *ram, uint64_t *end, char *error, size_t room)
{
	uint64_t left = ram_bytes(ram);
	bool has_start = false;
	Elf64_Phdr p;

	*end = 0;
	for (unsigned int i = 0; program_header(&image->kernel, elf, i, &p); i++) {
		uint8_t *to;

		if (!is_loaded(&p))
			continue;
		if (!has_segment(&image->kernel, &p))
			return refuse(error, room, image->kernel.path, -EINVAL,
				      "has a segment that is not in the file, or where no memory "
				      "can be",
				      "copy it again");
		to = ram_at(ram, p.p_paddr, p.p_memsz);
		if (!to)
			return too_small(image, p.p_paddr + p.p_memsz, error, room);
		if (p.p_memsz > left)
			return refuse(error, room, image->kernel.path, -EINVAL,
				      "has segments on top of each other", "copy it again");
		left -= p.p_memsz;
		memcpy(to, image->kernel.bytes + p.p_offset, p.p_filesz);
		if (p.p_paddr + p.p_memsz > *end)
			*end = p.p_paddr + p.p_memsz;
		has_start = has_start || (start >= p.p_paddr && start - p.p_paddr < p.p_filesz);
	}
	if (!has_start)
		return refuse(error, room, image->kernel.path, -EINVAL,
			      "has a PVH entry outside of what it loads", "copy it again");
	return 0;
}

static uint32_t put_start_map(const struct ram *ram, uint8_t *out)
{
	struct ram_map_entry map[RAM_MAP_MAX];
	unsigned int n = ram_map(ram, map);

	for (unsigned int i = 0; i < n; i++) {
		const struct start_map_entry e = { map[i].gpa, map[i].bytes, map[i].type, 0 };

		memcpy(out + i * sizeof(e), &e, sizeof(e));
	}
	return n;
}

static void put_start_info(const struct linux_image *image, const struct ram *ram, uint64_t initrd)
{
	const struct start_module module = { .gpa = initrd, .bytes = image->initrd.len };
	uint8_t *page = base_memory(ram, START_INFO_GPA, PAGE);
	struct start_info info = {
		.magic = START_MAGIC,
		.version = START_VERSION,
		.modules = image->initrd.len > 0,
		.module_list = START_INFO_GPA + START_MODULE_AT,
		.cmdline = CMDLINE_GPA,
		.rsdp = image->rsdp,
		.map = START_INFO_GPA + START_MAP_AT,
	};

	info.map_entries = put_start_map(ram, page + START_MAP_AT);
	memcpy(page + START_MODULE_AT, &module, sizeof(module));
	memcpy(page, &info, sizeof(info));
}

static int load_elf(const struct linux_image *image, const Elf64_Ehdr *elf, const struct ram *ram,
		    struct vcpu_entry *entry, char *error, size_t room)
{
	uint32_t start = 0;
	uint64_t initrd;
	uint64_t end;
	int err;

	if (!has_all_headers(&image->kernel, elf))
		return refuse(error, room, image->kernel.path, -EINVAL, "is cut short",
			      "copy it again");
	if (!pvh_entry(&image->kernel, elf, &start))
		return refuse(error, room, image->kernel.path, -EINVAL, "has no PVH entry",
			      "name a bzImage, or a kernel built with CONFIG_PVH");
	err = load_segments(image, elf, start, ram, &end, error, room);
	if (!err)
		err = put_cmdline(image, ram, CMDLINE_ROOM, error, room);
	if (!err)
		err = put_initrd(image, ram, end, RAM_LOW_END, &initrd, error, room);
	if (err)
		return err;
	put_start_info(image, ram, initrd);
	put_segments(ram, false);
	*entry = (struct vcpu_entry){ .rip = start, .rbx = START_INFO_GPA, .gdt = GDT_GPA };
	return 0;
}

int linux_load(const struct linux_image *image, const struct ram *ram, struct vcpu_entry *entry,
	       char *error, size_t room)
{
	struct setup_header header;
	Elf64_Ehdr elf;

	if (is_bzimage(&image->kernel, &header))
		return load_bzimage(image, &header, ram, entry, error, room);
	if (is_elf(&image->kernel, &elf))
		return load_elf(image, &elf, ram, entry, error, room);
	return refuse(error, room, image->kernel.path, -EINVAL, "is neither bzImage nor 64-bit ELF",
		      "name a kernel such as /boot/vmlinuz");
}
