/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linked in place of the exact model, and sees nothing (make bugs-race WITHOUT=model). Only what
 * would corrupt the harness itself still ends a script, by rule 0.
 */
#include "oracle/oracle.h"

#include <stdarg.h>
#include <stdio.h>

#include "device/fake_disk.h"
#include "without.h"

bool oracle_milestone[MILESTONE_COUNT];

/* there in a program that wants to know what a device does */
__attribute__((weak)) void without_oracle_seen(uint64_t what, const void *bytes, size_t len);

static void see(uint64_t what, const void *bytes, size_t len)
{
	if (without_oracle_seen)
		without_oracle_seen(what, bytes, len);
}

bool oracle_has_allocated(const struct oracle *o)
{
	(void)o;
	return false;
}

void oracle_create(struct oracle *o)
{
	(void)o;
}

void oracle_start(struct oracle *o, const struct setup *p, jmp_buf *escape)
{
	o->p = p;
	o->escape = escape;
	o->capacity = p->capacity;
	o->broken_rule = 0;
	o->reason[0] = '\0';
}

void oracle_fail(struct oracle *o, unsigned int rule, const char *format, ...)
{
	va_list args;

	o->broken_rule = (int)rule;
	va_start(args, format);
	vsnprintf(o->reason, sizeof(o->reason), format, args);
	va_end(args);
	longjmp(*o->escape, 1);
}

void oracle_write(struct oracle *o, uint64_t offset, unsigned int width, uint64_t value)
{
	(void)o, (void)offset, (void)width, (void)value;
}

void oracle_event(struct oracle *o)
{
	(void)o;
}

void oracle_polls(struct oracle *o)
{
	(void)o;
}

void oracle_settle(struct oracle *o, uint32_t status)
{
	(void)o;
	see(0, &status, sizeof(status));
}

void oracle_read_begins(struct oracle *o)
{
	(void)o;
}

void oracle_read(struct oracle *o, uint64_t offset, unsigned int width, uint64_t value)
{
	(void)o, (void)width;
	see(offset, &value, sizeof(value));
}

void oracle_works_at(struct oracle *o, unsigned int queue, uint16_t head)
{
	(void)o, (void)queue, (void)head;
}

void oracle_ring_fetched(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			 size_t len)
{
	(void)o, (void)queue;
	see(gpa, bytes, len);
}

void oracle_ring_stored(struct oracle *o, unsigned int queue, uint64_t gpa, const void *bytes,
			size_t len)
{
	(void)o, (void)queue;
	see(gpa, bytes, len);
}

void oracle_buffer_fetched(struct oracle *o, uint64_t gpa, const void *bytes, size_t len)
{
	(void)o;
	see(gpa, bytes, len);
}

void oracle_buffer_stored(struct oracle *o, uint64_t gpa, const void *bytes, size_t len)
{
	(void)o;
	see(gpa, bytes, len);
}

void oracle_saved(struct oracle *o, int err)
{
	(void)o, (void)err;
}

void oracle_took_state(struct oracle *o, bool fine, int err)
{
	(void)o, (void)fine, (void)err;
}

void oracle_took_state_busy(struct oracle *o, int err)
{
	(void)o, (void)err;
}

void oracle_restored_same(struct oracle *o, bool fine)
{
	(void)o, (void)fine;
}

void oracle_raced(struct oracle *o)
{
	(void)o;
}

void oracle_irq(struct oracle *o, bool asserted)
{
	(void)o;
	see(1, &asserted, sizeof(asserted));
}

void oracle_disk_completed(struct oracle *o, const struct anvil_disk_request *request, int result)
{
	(void)o, (void)request, (void)result;
}

void oracle_sent(struct oracle *o, const struct anvil_nic_frame *frame, int result)
{
	(void)o, (void)result;
	see(frame->len, frame->data, frame->len);
	see(2, &frame->offload.csum_start, sizeof(frame->offload.csum_start));
}

void oracle_frame_begins(struct oracle *o, const struct anvil_nic_frame *frame)
{
	(void)o, (void)frame;
}

void oracle_frame_ends(struct oracle *o, int result)
{
	(void)o, (void)result;
}

void oracle_link(struct oracle *o, bool up)
{
	(void)o, (void)up;
}

void oracle_announce(struct oracle *o)
{
	(void)o;
}

void oracle_speed(struct oracle *o, uint32_t speed, uint8_t duplex)
{
	(void)o, (void)speed, (void)duplex;
}

void oracle_time(struct oracle *o, uint64_t now)
{
	(void)o, (void)now;
}

void oracle_unpopped(struct oracle *o, unsigned int queue)
{
	(void)o, (void)queue;
}

void oracle_drained(struct oracle *o, unsigned int queue, const uint8_t *avail)
{
	(void)o, (void)queue, (void)avail;
}

bool oracle_draining(const struct oracle *o)
{
	(void)o;
	return false;
}

/* a disk that is asked for what it does not have answers with an error, which ends this */
void oracle_disk_submitted(struct oracle *o, const struct anvil_disk_request *request)
{
	if (request->op != ANVIL_DISK_FLUSH &&
	    (request->sector > o->capacity || request->sectors > o->capacity - request->sector))
		oracle_fail(o, 0, "beyond the disk");
	see(request->sector, &request->sectors, sizeof(request->sectors));
	see((uint64_t)request->op, request->data, 0);
}

void oracle_disk_cancelled(struct oracle *o, const struct anvil_disk_request *request)
{
	(void)o, (void)request;
}

void oracle_below_submitted(struct oracle *o, const struct anvil_disk_request *request,
			    const struct anvil_disk_request *part)
{
	(void)o, (void)request, (void)part;
}

void oracle_below_completed(struct oracle *o, const struct anvil_disk_request *request, int result)
{
	(void)o, (void)request, (void)result;
}

void oracle_zone_failed(struct oracle *o, unsigned int zone, bool offline)
{
	(void)o, (void)zone, (void)offline;
}

void oracle_resized(struct oracle *o, uint64_t capacity)
{
	o->capacity = capacity;
}

bool oracle_restored(struct oracle *o, const uint8_t *image, size_t len)
{
	(void)o, (void)image, (void)len;
	return true;
}

void oracle_timed(struct oracle *o, bool waits, uint64_t next)
{
	(void)o, (void)waits, (void)next;
}

bool oracle_waits(const struct oracle *o, uint64_t *due)
{
	(void)o, (void)due;
	return false;
}

uint64_t oracle_avail_gpa(const struct oracle *o, unsigned int queue)
{
	(void)o, (void)queue;
	return 0;
}

bool oracle_queue_live(const struct oracle *o, unsigned int queue)
{
	(void)o, (void)queue;
	return true;
}

bool oracle_accepted(const struct oracle *o, unsigned int feature)
{
	(void)o, (void)feature;
	return false;
}
