/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest for the tests of these devices: a driver's side of the window and of the rings, and what
 * it takes to see a mistake. It knows a device by device_under_test() alone.
 *
 * The rings of queue q are at GPA(q * 0x1000); buffers are from GPA(BUFFERS) on.
 */
#ifndef DRIVER_H
#define DRIVER_H

#include "device/device_under_test.h"
#include "mistakes.h"
#include "virtio.h"

#define COUNT(x)  (sizeof(x) / sizeof((x)[0]))
#define GPA(at)	  (dut->ram[0].gpa + (at))
#define BUFFERS	  0x4000u
#define RING_SIZE 16u
#define PAGE	  4096u
#define NOTHING	  0xee /* in buffers, before the device stores there */

#define RUNNING	 (STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK)
#define FEATURES (STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK)

extern struct device_under_test *dut;
extern const struct dut_host driver_host;
extern bool irq;
/* frames that the device sent, and the last one */
extern unsigned int frames_sent;
extern size_t frame_bytes;
extern uint8_t frame[2048];

/* The device is created, for all tests: cmocka's group set-up. */
int driver_create(void **state);
/* As new, with RAM of zeroes and without a mistake: cmocka's set-up. */
int driver_power_on(void **state);

void *ram(uint64_t gpa);
uint32_t get(uint64_t offset);
void set(uint64_t offset, uint32_t value);

/* Resets the device and accepts these features, VERSION_1 among them. Returns the status. */
uint32_t negotiate(uint64_t features);
/* Where a queue is, and how large; not ready yet. */
void place(unsigned int queue, uint32_t num, uint64_t desc, uint64_t avail, uint64_t used);
/* The same at the usual place, and ready. Returns QueueReady. */
uint32_t set_up(unsigned int queue, uint32_t num);
/* All of the above for as many queues of RING_SIZE, and DRIVER_OK. */
void bring_up(uint64_t features, unsigned int queues);

struct vring_used *used(unsigned int queue);
void desc(unsigned int queue, unsigned int i, uint64_t gpa, uint32_t len, uint16_t flags,
	  uint16_t next);
/* Makes the chain that begins with this one available; and tells the device. */
void offer(unsigned int queue, uint16_t head);
void submit(unsigned int queue, uint16_t head);
bool broken(void);

/* ---- mistakes ---- */

/* What a guest does; returns 0 where the device did as it must, and else 2 or more. */
typedef int script(void);

enum outcome {
	WELL = 0,
	DIED = -1, /* by a signal or a sanitizer */
	HUNG = -2, /* a second of the processor's time was not enough */
};

/* What a script returns. */
int wrong_if(bool wrong);
/* Whether these bytes of RAM are no longer NOTHING. */
bool touched(uint64_t gpa, size_t len);

/* The outcome of a script in a process of its own, or what it returned. */
int outcome(int with_mistake, script *run);

/* A page of RAM of its own, behind two pages of BUFFERS, the n-th: its gpa. */
uint64_t own_page(unsigned int n);
/* The device's first store there calls `seen` before it takes place. */
void at_first_store(uint64_t page, void (*seen)(uint64_t gpa));
/* Right after the device's `race_after`-th access there, `strike` is called: a guest's other
 * processor. `outcome_of_race` tries each moment, and returns the first outcome that is not WELL.
 */
void after_access(uint64_t page, void (*strike)(void));
int outcome_of_race(int with_mistake, script *run);

/* A mistake, and a script that shows it; with a race, or without. */
struct shown {
	int mistake;
	script *run;
	bool race;
};

/* Fails unless each mistake from `first` to `last` is shown, and absent without it. */
void all_are_shown(const struct shown *shown, size_t count, int first, int last);

#endif
