/* SPDX-License-Identifier: BSD-3-Clause */
/* Who listens, and to which range. */
#include "tap/tap.h"
#include "tap_internal.h"

uintptr_t tap_from = TAP_NOWHERE;
size_t tap_bytes;

const struct tap_locks *tap_locks;
void *tap_locks_opaque;

static const struct tap_listener nobody;
static const struct tap_listener *listens = &nobody;
static void *told_to;

void tap_listen(const void *from, size_t bytes, const struct tap_listener *listener, void *opaque)
{
	bool heard = listener && bytes;

	tap_from = heard ? (uintptr_t)from : TAP_NOWHERE;
	tap_bytes = heard ? bytes : 0;
	listens = heard ? listener : &nobody;
	told_to = opaque;
}

void tap_tell_load(const void *at, size_t bytes, const void *place)
{
	if (listens->load)
		listens->load(told_to, at, bytes, place);
}

void tap_tell_store(const void *at, size_t bytes, const void *place)
{
	if (listens->store)
		listens->store(told_to, at, bytes, place);
}

void tap_tell_stored(const void *at, size_t bytes, const void *place)
{
	if (listens->stored)
		listens->stored(told_to, at, bytes, place);
}

void tap_listen_locks(const struct tap_locks *locks, void *opaque)
{
	tap_locks = locks;
	tap_locks_opaque = opaque;
}
