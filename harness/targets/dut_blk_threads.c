/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mutator that AFL++ loads for a block device of others that has threads.
 */
#include "dut_ops.h"
#include "target.h"

FUZZ_TARGET(DEVICE_BLK, DUT_OPS_BLK, OP_SCHEDULE);
