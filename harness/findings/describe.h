/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A script in words, for people who know virtio but not the operands of a script.
 */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include "script/script.h"

/* "a block device of 64 sectors, read-only" */
void describe_device(const struct script_op *header, FILE *out);

/* One operation, without the subject: "negotiates, sets up all queues and says DRIVER_OK". */
void describe_op(const struct script_op *op, FILE *out);

/* All operations but those after `last` in one sentence, each with its name in brackets. `device`:
 * the shared object that they are played on; NULL: ours. */
void describe_script(const struct script *script, const char *device, int last, FILE *out);

/* The name of an operation, or "end" for what comes after the last one. */
const char *describe_op_name(const struct script *script, int op);

/* Whether the host does it, not the guest. */
bool describe_is_host(const struct script_op *op);

/* "QueueNotify" for 0x50; "configuration space" or "no register" where there is no such name. */
const char *describe_register(uint64_t offset);

/* The script as text, each line followed by what it does and what its operands mean, as comments.
 */
void describe_lines(const struct script *script, FILE *out);

/* All operations, their operands, and the names of values. */
void describe_operands(FILE *out);

#endif
