/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is sent goes to the oracle; what arrives waits here while the guest has no buffers.
 */
#include "fake_nic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/asan.h"
#include "oracle/safety.h"

static int send_frame(struct anvil_nic *nic, const struct anvil_nic_frame *frame)
{
	struct fake_nic *n = (struct fake_nic *)(void *)nic;
	int result = n->stalled ? -EAGAIN : 0;

	if (frame->len <= ANVIL_NIC_FRAME_BYTES_MAX) /* else a rule is broken, whatever it is */
		check_handed_over(frame->data, frame->len, false);
	oracle_sent(n->oracle, frame, result);
	if (!result && n->sent)
		n->sent(n, frame);
	return result;
}

#define FENCE_BYTES 256u

/* A frame ends where it ends, whatever its headers say: AddressSanitizer shall know. */
static void fence(struct fake_nic *n, const struct fake_frame *f)
{
	n->fenced = f->data + f->frame.len;
	fence_off(n->fenced, FENCE_BYTES);
}

static void take_fence_away(struct fake_nic *n)
{
	if (n->fenced)
		take_fence(n->fenced, FENCE_BYTES);
	n->fenced = NULL;
}

static int hand_over(struct fake_nic *n, const struct fake_frame *f)
{
	const struct anvil_nic_frame *frame = &f->frame;
	int result;

	oracle_frame_begins(n->oracle, frame);
	fence(n, f);
	if (frame->offload.needs_csum) /* completed in a copy */
		safety_work_copies(frame->len);
	result = n->nic.receive(&n->nic, frame);
	take_fence_away(n);
	oracle_frame_ends(n->oracle, result);
	return result;
}

/* First come, first served; slots keep their storage when they move. */
static void take_first(struct fake_nic *n)
{
	struct fake_frame first = n->waiting[0];

	n->waitings--;
	memmove(n->waiting, n->waiting + 1, (FAKE_NIC_WAITING - 1) * sizeof(first));
	n->waiting[FAKE_NIC_WAITING - 1] = first;
}

static void receivable(struct anvil_nic *nic)
{
	struct fake_nic *n = (struct fake_nic *)(void *)nic;

	while (n->waitings && hand_over(n, &n->waiting[0]) != -EAGAIN)
		take_first(n);
}

bool fake_nic_was_forgotten(struct fake_nic *n)
{
	return n->waitings && hand_over(n, &n->waiting[0]) != -EAGAIN && n->oracle->net.published;
}

uint8_t *fake_nic_frame(struct fake_nic *n)
{
	if (n->waitings == FAKE_NIC_WAITING)
		take_first(n); /* overflow: the oldest is lost */
	return n->waiting[n->waitings].data;
}

void fake_nic_arrives(struct fake_nic *n, uint32_t len, const struct anvil_nic_offload *offload)
{
	struct fake_frame *f = &n->waiting[n->waitings];

	f->frame.data = f->data;
	f->frame.len = len;
	f->frame.offload = *offload;
	if (n->waitings == 0 && hand_over(n, f) != -EAGAIN)
		return;
	if (!n->drops)
		n->waitings++;
}

void fake_nic_stall(struct fake_nic *n, bool stalled)
{
	n->stalled = stalled;
	if (!stalled)
		n->nic.sendable(&n->nic);
}

void fake_nic_create(struct fake_nic *n, struct oracle *oracle)
{
	static const struct anvil_nic_ops ops = { .send = send_frame, .receivable = receivable };

	memset(n, 0, sizeof(*n));
	n->nic.ops = &ops;
	n->oracle = oracle;
	for (unsigned int i = 0; i < FAKE_NIC_WAITING; i++) {
		n->waiting[i].data = malloc(ANVIL_NIC_FRAME_BYTES_MAX + FENCE_BYTES);
		if (!n->waiting[i].data)
			abort();
		memset(n->waiting[i].data, 0x5a, ANVIL_NIC_FRAME_BYTES_MAX);
	}
}

void fake_nic_start(struct fake_nic *n, const struct setup *p)
{
	take_fence_away(n);
	n->waitings = 0;
	n->stalled = p->flags & FLAG_NIC_STALLED;
	n->drops = p->flags & FLAG_NIC_DROPS;
}
