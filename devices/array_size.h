/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The number of elements of an array; not of a pointer. For files of this tree, not for embedders.
 */
#ifndef ANVIL_ARRAY_SIZE_H
#define ANVIL_ARRAY_SIZE_H

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
