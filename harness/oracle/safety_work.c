/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a call into the device computes (rule 10): steps that it takes beside its accesses, and
 * bytes that it copies, of code that counts them (base/work.h). So many are permitted for a call,
 * and more for each access and each byte that the guest or the host gave. Our devices copy such a
 * byte once, between guest memory and their own; where they copy or clear it once more, the back
 * end that gives it permits that, too.
 */
#include "base/work.h"
#include "safety_internal.h"

#define STEPS_OURS   8192u /* twice what our devices need for one that gives nothing */
#define EACH_USUAL   64u   /* slots that are looked at */
#define STEPS_EACH   16u
#define STEPS_OTHERS 131072u
#define STEPS_UNTOLD (1u << 24) /* where accesses are not known */
#define STEPS_ACCESS 32u
#define STEPS_BYTE   4u

#define COPIES_OURS   8192u /* of the device's own, such as filters, which a reset clears */
#define COPIES_QUEUE  8192u /* and a bit for each chain of a queue that may be in flight */
#define COPIES_ACCESS 256u  /* twice what is cleared for a chain, in four accesses or more */

static void over(void *opaque)
{
	struct safety *s = opaque;

	safety_fail(s, 10, "computes more than %llu steps in one call, for what it was given",
		    (unsigned long long)work_done() - 1);
	if (s->exact) /* at once: there may be no end of it */
		oracle_fail(s->oracle, 10, "%s", s->reason);
}

/* A reset looks at each queue, and for each at all slots, and so does each request that comes back
 * then: with many that is much. */
static uint64_t steps_of_ours(const struct setup *p)
{
	uint64_t slots = p->kind == DEVICE_BLK ? p->slots : 4;
	uint64_t each = p->queues * slots + (slots > SETUP_SLOTS_USUAL ? slots * slots : 0);

	return STEPS_OURS + (each > EACH_USUAL ? STEPS_EACH * (each - EACH_USUAL) : 0);
}

void safety_work_begins(struct safety *s)
{
	work_watch(over, s);
	work_begin(s->exact ? steps_of_ours(s->p) : s->tapped ? STEPS_OTHERS : STEPS_UNTOLD);
	work_allow_copies(COPIES_OURS + (uint64_t)COPIES_QUEUE * s->p->queues);
}

void safety_work_shown(size_t len)
{
	work_allow(STEPS_ACCESS + (uint64_t)STEPS_BYTE * len);
}

void safety_work_given(size_t len)
{
	safety_work_shown(len);
	work_allow_copies(COPIES_ACCESS + (uint64_t)len);
}

void safety_work_copies(size_t len)
{
	work_allow_copies(len);
}

/* Copies come before what they are for is told, and each ends: it is enough to look here. */
void safety_work_ends(struct safety *s)
{
	work_watch(NULL, NULL);
	if (!s->exact || work_copied() <= work_copies_allowed())
		return;
	oracle_fail(s->oracle, 10,
		    "copies %llu bytes in one call, more than %llu, for what it was given",
		    (unsigned long long)work_copied(), (unsigned long long)work_copies_allowed());
}

void safety_work_abandoned(void)
{
	work_watch(NULL, NULL);
}
