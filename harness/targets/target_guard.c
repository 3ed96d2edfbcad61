/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The harness's first bytes in a target of somebody else's device, behind which its own variables
 * lie. A device that writes behind the end of one of its variables, too far for what
 * AddressSanitizer leaves free there, meets these, which nobody may touch, and not the harness.
 */
#include <stdint.h>

#include "base/asan.h"

#define KEPT __attribute__((used, aligned(8)))

static KEPT uint8_t before_variables[1 << 20];
static KEPT uint8_t before_values[1 << 16] = { 1 };

/* before constructors of the device's */
static void __attribute__((constructor(101))) guard(void)
{
	fence_off(before_variables, sizeof(before_variables));
	fence_off(before_values, sizeof(before_values));
}
