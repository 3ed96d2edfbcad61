/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anvil_guest_memory_read gives a private copy also where the compiler sees through it.
 *
 * A compiler may delete a copy that is made with memcpy and only read afterwards: uses of the
 * "copy" become loads from guest memory, at times of its choosing. So here guest_memory.c is
 * compiled as one with its caller, a guest page is taken its access rights, and the instructions
 * that touch it are counted, one by one. After the first, the guest changes the bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "virtio_spec.h"

/* Names of our own beside the devices' that are linked as well; and a copy of 16 bytes that can be
 * optimised, as after profiling or by a cleverer compiler. */
#define anvil_guest_memory_init	     inlined_init
#define anvil_guest_memory_contains  inlined_contains
#define anvil_guest_memory_read	     inlined_read
#define anvil_guest_memory_write     inlined_write
#define anvil_guest_memory_load_u16  inlined_load_u16
#define anvil_guest_memory_store_u16 inlined_store_u16

static inline void *sized_memcpy(void *dst, const void *src, size_t len)
{
	return len == 16 ? __builtin_memcpy(dst, src, 16) : __builtin_memcpy(dst, src, len);
}

#define memcpy sized_memcpy
#include "guest_memory.c"
#undef memcpy

#if defined(__SANITIZE_ADDRESS__)
#define COPIES_IN_ONE_LOAD 0
#elif defined(__has_feature)
#define COPIES_IN_ONE_LOAD (!__has_feature(address_sanitizer) && !__has_feature(memory_sanitizer))
#else
#define COPIES_IN_ONE_LOAD 1
#endif

#if defined(__x86_64__) && defined(__OPTIMIZE__) && COPIES_IN_ONE_LOAD

#define PAGE	  4096u
#define TRAP_FLAG 0x100

static uint8_t *page;		 /* as the device sees it: without access rights */
static struct virtq_desc *guest; /* the same bytes, as the guest sees them */
static unsigned int touches;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uintptr_t at = (uintptr_t)info->si_addr;

	if (at < (uintptr_t)page || at >= (uintptr_t)page + PAGE)
		_exit(128 + signal);
	touches++;
	(void)mprotect(page, PAGE, PROT_READ);
	uc->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG; /* for one instruction */
}

static void on_step(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)signal;
	(void)info;
	guest->len = 7;
	guest->flags = 0;
	(void)mprotect(page, PAGE, PROT_NONE);
	uc->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

static int setup(void **state)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	page = mmap(NULL, PAGE, PROT_NONE, MAP_SHARED, fd, 0);
	guest = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(page, MAP_FAILED);
	assert_ptr_not_equal(guest, MAP_FAILED);
	assert_int_equal(close(fd), 0);
	guest->len = 5;
	guest->flags = VIRTQ_DESC_F_NEXT;
	touches = 0;
	return 0;
}

/* In the test itself: cmocka sets handlers of its own before each. */
static void start_counting(void)
{
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct sigaction step = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };

	assert_int_equal(sigaction(SIGSEGV, &fault, NULL), 0);
	assert_int_equal(sigaction(SIGTRAP, &step, NULL), 0);
}

static int teardown(void **state)
{
	(void)state;
	(void)signal(SIGSEGV, SIG_DFL);
	(void)signal(SIGTRAP, SIG_DFL);
	assert_int_equal(munmap(page, PAGE), 0);
	assert_int_equal(munmap(guest, PAGE), 0);
	return 0;
}

static unsigned int table[16] = { [5] = 500, [7] = 700 };

/* What a device does with a copy: one field is checked, another one used later. */
static inline unsigned int check(const struct virtq_desc *desc)
{
	if (desc->len >= 16)
		return 1;

	unsigned int sum = table[desc->len];

	if (desc->flags & VIRTQ_DESC_F_NEXT)
		sum += desc->len;
	return sum;
}

/* That there is no tap is in plain sight: a call to one would hold the compiler off, too. */
__attribute__((noinline, flatten)) static unsigned int read_and_check(void *host)
{
	struct anvil_guest_memory memory = { .region = { { 0, PAGE, host } }, .regions = 1 };
	struct virtq_desc desc;

	return anvil_guest_memory_read(&memory, 0, &desc, sizeof(desc)) ? 2 : check(&desc);
}

/* The heart of it, where nothing else is in the compiler's way. */
__attribute__((noinline, flatten)) static unsigned int copy_and_check(const void *host)
{
	struct virtq_desc desc;

	memcpy(&desc, host, sizeof(desc));
	compiler_barrier(&desc);
	return check(&desc);
}

static void counter_counts_every_load(void **state)
{
	volatile struct virtq_desc *device = (volatile struct virtq_desc *)(void *)page;

	(void)state;
	start_counting();
	assert_int_equal(device->len, 5);
	assert_int_equal(touches, 1);
	assert_int_equal(device->len, 7);
	assert_int_equal(device->flags, 0);
	assert_int_equal(touches, 3);
}

static void descriptor_is_loaded_once_and_checked_as_it_was(void **state)
{
	(void)state;
	start_counting();
	assert_int_equal(read_and_check(page), 505);
	assert_int_equal(touches, 1);
	assert_int_equal(read_and_check(page), 700);
	assert_int_equal(touches, 2);
}

static void barrier_makes_a_copy_private(void **state)
{
	(void)state;
	start_counting();
	assert_int_equal(copy_and_check(page), 505);
	assert_int_equal(touches, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#else /* elsewhere one copy may take several loads, or they cannot be counted */

static void counter_counts_every_load(void **state)
{
	(void)state;
	skip();
}

static void descriptor_is_loaded_once_and_checked_as_it_was(void **state)
{
	(void)state;
	skip();
}

static void barrier_makes_a_copy_private(void **state)
{
	(void)state;
	skip();
}

#define TEST(name) cmocka_unit_test(name)

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(counter_counts_every_load),
		TEST(descriptor_is_loaded_once_and_checked_as_it_was),
		TEST(barrier_makes_a_copy_private),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
