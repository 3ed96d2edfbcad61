/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kernels as files: good ones, and what a person may name by mistake.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "array_size.h"
#include "kvm/initrd.h"
#include "kvm/linux_image.h"

#define FILE_BYTES 8192u
#define MIB	   (1u << 20)

struct fixture {
	struct ram ram;
	struct linux_image image;
	struct vcpu_entry entry;
	uint8_t *file; /* in an allocation that ends where it does */
	char error[256];
};

static void put16(uint8_t *at, uint16_t v)
{
	memcpy(at, &v, 2);
}

static void put32(uint8_t *at, uint32_t v)
{
	memcpy(at, &v, 4);
}

static void put64(uint8_t *at, uint64_t v)
{
	memcpy(at, &v, 8);
}

/* The fields of the boot protocol that are looked at (boot.rst), by their offsets there. */
static void make_bzimage(struct fixture *f)
{
	memset(f->file, 0x90, FILE_BYTES);
	f->file[0x1f1] = 1;				   /* setup_sects */
	put32(f->file + 0x1f4, (FILE_BYTES - 1024) / 16);  /* syssize */
	put32(f->file + 0x248, 0x400);			   /* payload_offset */
	put32(f->file + 0x24c, FILE_BYTES - 1024 - 0x400); /* payload_length */
	put16(f->file + 0x1fe, 0xaa55);
	memcpy(f->file + 0x202, "HdrS", 4);
	put16(f->file + 0x206, 0x20f);
	put16(f->file + 0x20e, 0x100); /* kernel_version */
	memcpy(f->file + 0x300, "6.1.0-test (x@y)", 17);
	put32(f->file + 0x22c, 0x7fffffff); /* initrd_addr_max */
	put16(f->file + 0x236, 1);	    /* xloadflags */
	put32(f->file + 0x238, 255);	    /* cmdline_size */
	put64(f->file + 0x258, 0x1000000);  /* pref_address */
	put32(f->file + 0x260, 4 * MIB);    /* init_size */
	f->image.kernel.len = FILE_BYTES;
}

static const uint8_t note[] = { 4, 0, 0, 0, 4, 0, 0, 0, 18, 0, 0, 0, 'X', 'e', 'n', 0, 0, 1, 0, 1 };

static void make_elf(struct fixture *f)
{
	Elf64_Ehdr e = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_phoff = sizeof(e),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
	};
	Elf64_Phdr p[2] = {
		{ .p_type = PT_LOAD,
		  .p_offset = 4096,
		  .p_paddr = 0x1000000,
		  .p_filesz = 4096,
		  .p_memsz = 8192 },
		{ .p_type = PT_NOTE, .p_offset = 2048, .p_filesz = sizeof(note) },
	};

	memset(f->file, 0x5a, FILE_BYTES);
	memcpy(f->file, &e, sizeof(e));
	memcpy(f->file + sizeof(e), p, sizeof(p));
	memcpy(f->file + 2048, note, sizeof(note));
	f->image.kernel.len = FILE_BYTES;
}

static Elf64_Phdr *segment(struct fixture *f, unsigned int i)
{
	return (Elf64_Phdr *)(void *)(f->file + sizeof(Elf64_Ehdr)) + i;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || ram_create(&f->ram, 32))
		return -1;
	f->file = malloc(FILE_BYTES);
	f->image.kernel = (struct image_file){ "kernel", f->file, FILE_BYTES };
	f->image.cmdline = "console=ttyS0 quiet";
	f->image.rsdp = 0xe0000;
	*state = f;
	return f->file ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	ram_destroy(&f->ram);
	free(f->file);
	free(f);
	return 0;
}

static int load(struct fixture *f)
{
	f->error[0] = 0;
	return linux_load(&f->image, &f->ram, &f->entry, f->error, sizeof(f->error));
}

static void refused(struct fixture *f, int err, const char *word)
{
	assert_int_equal(load(f), err);
	if (!strstr(f->error, word) || strchr(f->error, '\n'))
		fail_msg("says: %s", f->error);
}

static uint64_t get64(const struct fixture *f, uint64_t gpa)
{
	uint64_t v;

	memcpy(&v, ram_at(&f->ram, gpa, 8), 8);
	return v;
}

static void a_bzimage_is_entered_in_long_mode(void **state)
{
	static const uint8_t initrd[5000] = { 7, 8, 9 };
	struct fixture *f = *state;
	const uint8_t *params;
	uint32_t at;

	make_bzimage(f);
	f->image.initrd = (struct image_file){ "initrd", initrd, sizeof(initrd) };
	assert_int_equal(load(f), 0);
	assert_int_equal(f->entry.rip, 0x1000200);
	assert_true(f->entry.tables != 0);
	assert_int_equal(get64(f, 0x1000000), 0x9090909090909090ull);
	params = ram_at(&f->ram, f->entry.rsi, 4096);
	memcpy(&at, params + 0x228, 4); /* cmd_line_ptr */
	assert_string_equal((const char *)ram_at(&f->ram, at, 64), "console=ttyS0 quiet");
	memcpy(&at, params + 0x218, 4); /* ramdisk_image */
	assert_int_equal(at % 4096, 0);
	assert_memory_equal(ram_at(&f->ram, at, sizeof(initrd)), initrd, sizeof(initrd));
	assert_int_equal(params[0x1e8], 3); /* e820_entries */
	assert_int_equal(get64(f, f->entry.rsi + 0x70), 0xe0000);
	/* the tables' first entries: 0 is at 0, 2 MiB at 2 MiB */
	assert_int_equal(get64(f, f->entry.tables + 2 * 4096 + 8), (2u << 20) | 0x83);
}

static void a_kernel_with_a_pvh_entry_is_entered_there(void **state)
{
	struct fixture *f = *state;

	make_elf(f);
	memset(ram_at(&f->ram, 0x1001000, 4096), 0, 4096);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->entry.rip, 0x1000100);
	assert_int_equal(f->entry.tables, 0);
	assert_int_equal(get64(f, f->entry.rbx) & 0xffffffff, 0x336ec578);
	assert_int_equal(get64(f, f->entry.rbx + 32), 0xe0000);
	assert_int_equal(get64(f, 0x1000000), 0x5a5a5a5a5a5a5a5aull);
	assert_int_equal(get64(f, 0x1001000), 0); /* beyond what the file has */
}

static void what_is_no_kernel_is_refused(void **state)
{
	struct fixture *f = *state;

	memset(f->file, 'a', FILE_BYTES);
	refused(f, -EINVAL, "neither bzImage nor 64-bit ELF");
	f->image.kernel.len = 3;
	refused(f, -EINVAL, "neither bzImage nor 64-bit ELF");
	make_bzimage(f);
	put16(f->file + 0x236, 0);
	refused(f, -EINVAL, "64-bit entry");
	make_bzimage(f);
	put16(f->file + 0x206, 0x20b);
	refused(f, -EINVAL, "64-bit entry");
	make_bzimage(f);
	f->image.kernel.len = 1024;
	refused(f, -EINVAL, "cut short");
	make_elf(f);
	f->file[2048 + 8] = 17;
	refused(f, -EINVAL, "no PVH entry");
}

/* A kernel that is cut short ran, and the run ended without a word, or started anew for ever. */
static void a_kernel_that_is_cut_short_is_refused(void **state)
{
	static const size_t len[] = { 1500,	     2048, 4096, FILE_BYTES / 2, FILE_BYTES - 16,
				      FILE_BYTES - 1 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(len); i++) {
		make_bzimage(f);
		f->image.kernel.len = len[i];
		refused(f, -EINVAL, "is cut short; copy it again");
	}
	make_bzimage(f);
	put32(f->file + 0x24c, FILE_BYTES); /* the payload alone */
	refused(f, -EINVAL, "is cut short");

	make_elf(f);
	f->image.kernel.len = FILE_BYTES - 1;
	refused(f, -EINVAL, "not in the file");
	f->image.kernel.len = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
	refused(f, -EINVAL, "is cut short");
	make_elf(f);
	put64(f->file + offsetof(Elf64_Ehdr, e_shoff), FILE_BYTES);
	put16(f->file + offsetof(Elf64_Ehdr, e_shentsize), 64);
	put16(f->file + offsetof(Elf64_Ehdr, e_shnum), 1);
	refused(f, -EINVAL, "is cut short");
	make_elf(f);
	segment(f, 0)->p_paddr = 0x1001000;
	refused(f, -EINVAL, "PVH entry outside");
}

/* Such a kernel was put on top of its own page tables, or where these do not lead. */
static void a_kernel_wants_memory_that_can_be_its(void **state)
{
	static const uint64_t bad[] = {
		0, 0x8000, 0xff000, RAM_LOW_END, RAM_HIGH_START, UINT64_MAX
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		make_bzimage(f);
		put64(f->file + 0x258, bad[i]);
		refused(f, -EINVAL, "no machine has");
		make_elf(f);
		segment(f, 0)->p_paddr = bad[i] == RAM_HIGH_START ? RAM_LOW_END : bad[i];
		refused(f, -EINVAL, "no memory can be");
	}
	make_bzimage(f);
	put32(f->file + 0x260, 16); /* and has more code */
	refused(f, -EINVAL, "no machine has");
	make_bzimage(f);
	put64(f->file + 0x258, MIB);
	assert_int_equal(load(f), 0);
}

/* The same segment, or the same notes, very many times: hours of copying, and of looking. */
static void headers_that_are_all_the_same_are_no_work(void **state)
{
	enum { HEADERS = 60000, AT = 64, ZEROES = AT + HEADERS * sizeof(Elf64_Phdr) };
	struct fixture *f = *state;
	Elf64_Phdr notes = { .p_type = PT_NOTE, .p_offset = ZEROES, .p_filesz = 16 * MIB };
	uint8_t *file = calloc(1, ZEROES + notes.p_filesz);
	Elf64_Phdr large;

	assert_non_null(file);
	make_elf(f);
	put16(f->file + offsetof(Elf64_Ehdr, e_phnum), HEADERS);
	memcpy(file, f->file, FILE_BYTES);
	for (size_t i = 0; i < HEADERS; i++)
		memcpy(file + AT + i * sizeof(notes), &notes, sizeof(notes));
	f->image.kernel = (struct image_file){ "kernel", file, ZEROES + notes.p_filesz };
	refused(f, -EINVAL, "no PVH entry");

	memcpy(file + ZEROES, note, sizeof(note));
	large = *segment(f, 0);
	large.p_filesz = large.p_memsz = 8 * MIB;
	for (size_t i = 1; i < HEADERS; i++)
		memcpy(file + AT + i * sizeof(large), &large, sizeof(large));
	refused(f, -EINVAL, "on top of each other");
	free(file);
}

static void check_initrd(const char *bytes, size_t len, const char *says)
{
	const struct image_file image = { "initrd", (const uint8_t *)bytes, len };
	char error[256] = "";

	assert_int_equal(initrd_check(&image, error, sizeof(error)), says ? -EINVAL : 0);
	if (says && (!strstr(error, says) || strchr(error, '\n')))
		fail_msg("says: %s", error);
}

#define ENTRY(size, name_len)                                                                      \
	"070701"                                                                                   \
	"00000001000081a40000000000000000000000010000000000" size                                  \
	"00000000000000000000000000000000" name_len "00000000"

static void an_initrd_is_whole_or_refused(void **state)
{
	static const char archive[] = ENTRY("000005", "00000002") "a\0hello\0\0\0" ENTRY(
		"000000", "0000000b") "TRAILER!!!\0\0\0\0";
	static const char magic[][6] = { "\x1f\x8b",	    "BZh",     "\x5d",
					 "\3757zXZ",	    "\x89LZO", "\x02\x21\x4c",
					 "\x28\xb5\x2f\xfd" };
	static const char number[][9] = { "       5", "0x000005", "+0000005", "-0000005",
					  "0000005g" };
	char both[2 * sizeof(archive)] = { 0 };

	(void)state;
	check_initrd(archive, sizeof(archive) - 1, NULL);
	for (size_t len = 1; len < sizeof(archive) - 8; len++)
		check_initrd(archive, len, len < 6 ? "no initial RAM disk" : "cut short");
	for (size_t i = 0; i < ARRAY_SIZE(magic); i++) {
		check_initrd(magic[i], sizeof(magic[i]), NULL);
		memcpy(both, archive, sizeof(archive) - 1);
		memcpy(both + sizeof(both) - 8, magic[i], sizeof(magic[i]));
		check_initrd(both, sizeof(both), NULL);
	}
	memcpy(both + sizeof(both) - 8, "none", 4);
	check_initrd(both, sizeof(both), "no initial RAM disk");
	memset(both, 0, sizeof(both));
	check_initrd(both, sizeof(both), "nothing but zeroes");
	check_initrd("MZ some kernel", 14, "no initial RAM disk");
	/* numbers that are none for Linux */
	for (size_t i = 0; i < ARRAY_SIZE(number); i++) {
		memcpy(both, archive, sizeof(archive) - 1);
		memcpy(both + 54, number[i], 8);
		check_initrd(both, sizeof(archive) - 1, "cut short");
	}
}

static void too_little_memory_is_said(void **state)
{
	static const uint8_t initrd[MIB];
	struct fixture *f = *state;

	make_bzimage(f);
	put32(f->file + 0x260, 17 * MIB);
	refused(f, -ENOSPC, "34 MiB of memory");
	put32(f->file + 0x260, 16 * MIB);
	f->image.initrd = (struct image_file){ "initrd", initrd, sizeof(initrd) };
	refused(f, -ENOSPC, "initrd");
	f->image.initrd.len = 0;
	assert_int_equal(load(f), 0);
	make_elf(f);
	segment(f, 0)->p_memsz = 17 * MIB;
	refused(f, -ENOSPC, "34 MiB of memory");
}

static void a_command_line_has_a_limit(void **state)
{
	char line[300];
	struct fixture *f = *state;

	memset(line, 'x', sizeof(line));
	line[255] = 0;
	f->image.cmdline = line;
	make_bzimage(f);
	assert_int_equal(load(f), 0);
	line[255] = 'x';
	line[256] = 0;
	refused(f, -EINVAL, "256 characters");
}

/* Numbers that point out of the file or out of memory; AddressSanitizer watches. */
static void no_number_in_a_file_is_trusted(void **state)
{
	static const uint64_t bad[] = { 1,	    FILE_BYTES - 1, FILE_BYTES,
					UINT32_MAX, UINT64_MAX - 7, UINT64_MAX };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		make_elf(f);
		put64(f->file + offsetof(Elf64_Ehdr, e_phoff), bad[i]);
		assert_true(load(f) < 0);
		make_elf(f);
		segment(f, 0)->p_offset = bad[i];
		(void)load(f);
		make_elf(f);
		segment(f, 0)->p_filesz = bad[i];
		(void)load(f);
		make_elf(f);
		segment(f, 0)->p_paddr = bad[i];
		(void)load(f);
		make_elf(f);
		segment(f, 1)->p_offset = bad[i];
		assert_true(load(f) < 0);
		make_elf(f);
		segment(f, 1)->p_filesz = bad[i];
		(void)load(f);
		make_elf(f);
		put32(f->file + 2048, (uint32_t)bad[i]);
		(void)load(f);
		make_bzimage(f);
		put64(f->file + 0x258, bad[i]);
		(void)load(f);
		make_bzimage(f);
		put32(f->file + 0x260, (uint32_t)bad[i]);
		(void)load(f);
		make_bzimage(f);
		f->file[0x1f1] = (uint8_t)bad[i];
		(void)load(f);
		make_bzimage(f);
		put32(f->file + 0x22c, (uint32_t)bad[i]);
		(void)load(f);
	}
}

/* Any bytes at all. */
static void random_headers_are_survived(void **state)
{
	struct fixture *f = *state;
	uint32_t x = 1;

	for (unsigned int n = 0; n < 20000; n++) {
		if (n % 2)
			make_elf(f);
		else
			make_bzimage(f);
		for (unsigned int k = 0; k < 4; k++) {
			x = x * 1664525u + 1013904223u;
			f->file[(n % 2 ? 16 : 0x1f1) + (x >> 8) % (n % 2 ? 160 : 120)] =
				(uint8_t)(x >> 24);
		}
		(void)load(f);
	}
}

static void a_release_is_read(void **state)
{
	struct fixture *f = *state;
	char release[64];

	make_bzimage(f);
	assert_true(linux_release(&f->image.kernel, release, sizeof(release)));
	assert_string_equal(release, "6.1.0-test");
	put16(f->file + 0x20e, 0xfe00); /* beyond the file */
	assert_false(linux_release(&f->image.kernel, release, sizeof(release)));
	make_elf(f);
	assert_false(linux_release(&f->image.kernel, release, sizeof(release)));
}

static void files_that_cannot_be_read_are_named(void **state)
{
	char dir[] = "/tmp/anvil-image.XXXXXX";
	struct image_file image;
	char error[256];
	char path[64];

	(void)state;
	assert_int_equal(image_open(&image, "/nowhere/k", "kernel", error, sizeof(error)), -ENOENT);
	assert_string_equal(error, "/nowhere/k: No such file or directory; name a readable kernel");
	assert_int_equal(image_open(&image, "/tmp", "kernel", error, sizeof(error)), -EISDIR);
	assert_string_equal(error, "/tmp: is a directory; name a readable kernel");
	assert_int_equal(image_open(&image, "/dev/null", "kernel", error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "/dev/null: is not a regular file; name a readable kernel");
	assert_int_equal(mkdtemp(dir) ? 0 : -1, 0);
	(void)snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(image_open(&image, path, "kernel", error, sizeof(error)), -EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(close(open(path, O_WRONLY | O_CREAT, 0600)), 0);
	assert_int_equal(image_open(&image, path, "kernel", error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, ": is empty; name a readable kernel"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_bzimage_is_entered_in_long_mode),
		TEST(a_kernel_with_a_pvh_entry_is_entered_there),
		TEST(what_is_no_kernel_is_refused),
		TEST(a_kernel_that_is_cut_short_is_refused),
		TEST(a_kernel_wants_memory_that_can_be_its),
		TEST(headers_that_are_all_the_same_are_no_work),
		TEST(an_initrd_is_whole_or_refused),
		TEST(too_little_memory_is_said),
		TEST(a_command_line_has_a_limit),
		TEST(no_number_in_a_file_is_trusted),
		TEST(random_headers_are_survived),
		TEST(a_release_is_read),
		TEST(files_that_cannot_be_read_are_named),
	};

	return cmocka_run_group_tests_name("linux_image", tests, NULL, NULL);
}
