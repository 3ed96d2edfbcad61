/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest of the tests: see driver.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

struct device_under_test *dut;
bool irq;
unsigned int frames_sent;
size_t frame_bytes;
uint8_t frame[2048];

static void set_irq(struct device_under_test *of, bool asserted)
{
	(void)of;
	irq = asserted;
}

static void sent(struct device_under_test *of, const void *data, size_t bytes)
{
	(void)of;
	frames_sent++;
	frame_bytes = bytes;
	if (bytes <= sizeof(frame))
		memcpy(frame, data, bytes);
}

const struct dut_host driver_host = { .set_irq = set_irq, .sent = sent };

int driver_create(void **state)
{
	(void)state;
	dut = device_under_test();
	return dut->create(dut, &driver_host);
}

int driver_power_on(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < DUT_RAM_REGIONS; i++) {
		if (dut->ram[i].bytes > 0)
			memset(dut->ram[i].host, 0, dut->ram[i].bytes);
	}
	for (size_t i = 0; dut->disk && i < dut->sectors * 512; i++)
		((uint8_t *)dut->disk)[i] = (uint8_t)(i / 512 + i);
	foreign_mistake = MISTAKE_NONE;
	frames_sent = 0;
	irq = false;
	dut->power_cycle(dut);
	return 0;
}

void *ram(uint64_t gpa)
{
	for (unsigned int i = 0; i < DUT_RAM_REGIONS; i++) {
		if (gpa - dut->ram[i].gpa < dut->ram[i].bytes)
			return (uint8_t *)dut->ram[i].host + (gpa - dut->ram[i].gpa);
	}
	abort();
}

uint32_t get(uint64_t offset)
{
	return (uint32_t)dut->read(dut, offset, 4);
}

void set(uint64_t offset, uint32_t value)
{
	dut->write(dut, offset, 4, value);
}

uint32_t negotiate(uint64_t features)
{
	features |= VIRTIO_F_VERSION_1;
	set(MMIO_STATUS, 0);
	set(MMIO_STATUS, STATUS_ACKNOWLEDGE);
	set(MMIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	for (uint32_t i = 0; i < 2; i++) {
		set(MMIO_DRIVER_FEATURES_SEL, i);
		set(MMIO_DRIVER_FEATURES, (uint32_t)(features >> (32 * i)));
	}
	set(MMIO_STATUS, FEATURES);
	return get(MMIO_STATUS);
}

void place(unsigned int queue, uint32_t num, uint64_t table, uint64_t avail, uint64_t used_ring)
{
	set(MMIO_QUEUE_SEL, queue);
	set(MMIO_QUEUE_NUM, num);
	set(MMIO_DESC_LOW, (uint32_t)table);
	set(MMIO_DESC_HIGH, (uint32_t)(table >> 32));
	set(MMIO_AVAIL_LOW, (uint32_t)avail);
	set(MMIO_AVAIL_HIGH, (uint32_t)(avail >> 32));
	set(MMIO_USED_LOW, (uint32_t)used_ring);
	set(MMIO_USED_HIGH, (uint32_t)(used_ring >> 32));
}

uint32_t set_up(unsigned int queue, uint32_t num)
{
	uint64_t at = GPA(queue * 0x1000u);

	memset(ram(at), 0, 0x1000);
	place(queue, num, at, at + 0x800, at + 0xa00);
	set(MMIO_QUEUE_READY, 1);
	return get(MMIO_QUEUE_READY);
}

void bring_up(uint64_t features, unsigned int queues)
{
	bool up = negotiate(features) == FEATURES;

	for (unsigned int i = 0; i < queues; i++)
		up &= set_up(i, RING_SIZE) == 1;
	set(MMIO_STATUS, RUNNING);
	if (up && get(MMIO_STATUS) == RUNNING)
		return;
	/* no assertion: this may be in a process of a script */
	fprintf(stderr, "the device does not come up\n");
	abort();
}

struct vring_used *used(unsigned int queue)
{
	return ram(GPA(queue * 0x1000u + 0xa00));
}

void desc(unsigned int queue, unsigned int i, uint64_t gpa, uint32_t len, uint16_t flags,
	  uint16_t next)
{
	struct vring_desc *table = ram(GPA(queue * 0x1000u));

	table[i] = (struct vring_desc){ gpa, len, flags, next };
}

void offer(unsigned int queue, uint16_t head)
{
	struct vring_avail *avail = ram(GPA(queue * 0x1000u + 0x800));

	avail->ring[avail->idx++ % RING_SIZE] = head;
}

void submit(unsigned int queue, uint16_t head)
{
	offer(queue, head);
	set(MMIO_QUEUE_NOTIFY, queue);
}

bool broken(void)
{
	return get(MMIO_STATUS) & STATUS_NEEDS_RESET;
}

/* ---- processes ---- */

int wrong_if(bool wrong)
{
	return wrong ? 2 : 0;
}

bool touched(uint64_t gpa, size_t len)
{
	const uint8_t *at = ram(gpa);

	for (size_t i = 0; i < len; i++) {
		if (at[i] != NOTHING)
			return true;
	}
	return false;
}

int outcome(int with_mistake, script *run)
{
	static const struct rlimit second = { 1, 2 }, none = { 0, 0 };
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		/* what a sanitizer says is not a failure of the test */
		int nowhere = open("/dev/null", O_WRONLY);

		dup2(nowhere, STDOUT_FILENO);
		dup2(nowhere, STDERR_FILENO);
		setrlimit(RLIMIT_CPU, &second);
		setrlimit(RLIMIT_CORE, &none);
		foreign_mistake = with_mistake;
		_exit(run());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGXCPU ? HUNG : DIED;
	/* 1: a sanitizer's */
	return WEXITSTATUS(status) == 1 ? DIED : WEXITSTATUS(status);
}

/* ---- accesses ---- */

static uint8_t *watched;
static void (*on_store)(uint64_t gpa);
static void (*on_access)(void);
static unsigned int race_after, accesses;

uint64_t own_page(unsigned int n)
{
	uint64_t behind = GPA(BUFFERS + 2 * PAGE);

	/* a page of this process, wherever its RAM is */
	return behind + (PAGE - ((uintptr_t)ram(behind) & (PAGE - 1))) + n * PAGE;
}

static void protect(int how)
{
	if (mprotect(watched, PAGE, how))
		_exit(3);
}

static void stored(int number, siginfo_t *info, void *context)
{
	uint8_t *at = info->si_addr;

	(void)context;
	if (at < watched || at >= watched + PAGE) {
		signal(number, SIG_DFL);
		return;
	}
	protect(PROT_READ | PROT_WRITE);
	on_store(dut->ram[0].gpa + (uint64_t)(at - (uint8_t *)dut->ram[0].host));
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

	if (sigaction(number, &action, NULL))
		_exit(3);
}

void at_first_store(uint64_t page, void (*seen)(uint64_t gpa))
{
	watched = ram(page);
	on_store = seen;
	handle(SIGSEGV, stored);
	protect(PROT_READ);
}

#ifdef __x86_64__
#define TRAP_FLAG 0x100

/* The page is there for one instruction, and then not any more. */
static void accessed(int number, siginfo_t *info, void *context)
{
	uint8_t *at = info->si_addr;

	if (at < watched || at >= watched + PAGE) {
		signal(number, SIG_DFL);
		return;
	}
	accesses++;
	protect(PROT_READ | PROT_WRITE);
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void stepped(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
	if (accesses == race_after)
		on_access();
	else
		protect(PROT_NONE);
}

void after_access(uint64_t page, void (*strike)(void))
{
	watched = ram(page);
	on_access = strike;
	accesses = 0;
	handle(SIGSEGV, accessed);
	handle(SIGTRAP, stepped);
	protect(PROT_NONE);
}

int outcome_of_race(int with_mistake, script *run)
{
	int found = WELL;

	for (race_after = 1; race_after <= 32 && found == WELL; race_after++)
		found = outcome(with_mistake, run);
	return found;
}
#endif

void all_are_shown(const struct shown *shown, size_t count, int first, int last)
{
	for (int m = first; m <= last; m++) {
		size_t i = 0;
		int (*look)(int, script *) = outcome;

		while (i < count && shown[i].mistake != m)
			i++;
		if (i == count)
			fail_msg("%s: no script shows it", foreign_mistakes[m].name);
		if (shown[i].race) {
#ifdef __x86_64__
			look = outcome_of_race;
#else
			continue;
#endif
		}
		if (look(MISTAKE_NONE, shown[i].run) != WELL)
			fail_msg("%s: the device does so without it", foreign_mistakes[m].name);
		if (look(m, shown[i].run) == WELL)
			fail_msg("%s: the device does not", foreign_mistakes[m].name);
	}
}
