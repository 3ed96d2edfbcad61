/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For calls whose arguments were checked before, such as an access to a ring that was found in RAM:
 * a failure would be our own mistake, never a guest's.
 */
#ifndef ANVIL_CANNOT_FAIL_H
#define ANVIL_CANNOT_FAIL_H

#include <assert.h>

static inline void anvil_cannot_fail(int err)
{
	assert(!err);
	(void)err;
}

#endif
