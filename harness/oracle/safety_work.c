/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a call into the device computes (rule 10): steps that it takes beside its accesses, of code
 * that counts them (base/work.h). So many are permitted for a call, and more for each access and
 * each byte that the guest or the host gave.
 */
#include "base/work.h"
#include "safety_internal.h"

#define STEPS_OURS   8192u /* twice what our devices need for one that gives nothing */
#define STEPS_OTHERS 131072u
#define STEPS_UNTOLD (1u << 24) /* where accesses are not known */
#define STEPS_ACCESS 32u
#define STEPS_BYTE   4u

static void over(void *opaque)
{
	struct safety *s = opaque;

	safety_fail(s, 10, "computes more than %llu steps in one call, for what it was given",
		    (unsigned long long)work_done() - 1);
	if (s->exact) /* at once: there may be no end of it */
		oracle_fail(s->oracle, 10, "%s", s->reason);
}

void safety_work_begins(struct safety *s)
{
	work_watch(over, s);
	work_begin(s->exact ? STEPS_OURS : s->tapped ? STEPS_OTHERS : STEPS_UNTOLD);
}

void safety_work_given(size_t len)
{
	work_allow(STEPS_ACCESS + (uint64_t)STEPS_BYTE * len);
}

void safety_work_ends(void)
{
	work_watch(NULL, NULL);
}
