/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mutator that AFL++ loads for a network device of others.
 */
#include "dut_ops.h"
#include "target.h"

FUZZ_TARGET(DEVICE_NET, DUT_OPS_NET);
