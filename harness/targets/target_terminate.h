/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device in C++ that ends by std::terminate, again and again: what for is told with the finding,
 * and nothing on stderr.
 */
#ifndef TARGET_TERMINATE_H
#define TARGET_TERMINATE_H

/* Once a process. */
void terminate_start(void);

#endif
