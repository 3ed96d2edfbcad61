/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The version of virtio-anvil, and what it promises.
 *
 * Versions with the same major number are compatible in source. A program that includes the
 * installed headers, and was compiled with an older version, compiles with a newer one and means
 * the same:
 *  - Functions, macros and constants stay, with their arguments, results and errors.
 *  - A struct ..._options may get members. 0 in a new member is what was before, so initialise the
 *    whole struct: = { 0 }, or with designators.
 *  - A struct ..._ops may get members at its end. NULL in a new member is what was before.
 *  - All other members belong to the device unless its header says that the embedder sets or reads
 *    them. Their layout may change.
 *  - A saved state is read by all later versions (ANVIL_MMIO_STATE_VERSION).
 *
 * Names begin with anvil_, ANVIL_ or VIRTIO_ANVIL_, in headers and in the library. virtio_spec.h
 * has the specification's names, as Linux's headers have: include one or the other.
 *
 * Compiled code is not compatible: structs may grow. Compile again with each version, and link the
 * library that the headers came with. A new minor version adds, or mends; a new major one says in
 * devices/README.md what is different.
 */
#ifndef VIRTIO_ANVIL_H
#define VIRTIO_ANVIL_H

#define VIRTIO_ANVIL_VERSION_MAJOR 1
#define VIRTIO_ANVIL_VERSION_MINOR 0

/* The same as text: "1.0" */
#define VIRTIO_ANVIL_VERSION                                                                       \
	VIRTIO_ANVIL_TEXT(VIRTIO_ANVIL_VERSION_MAJOR)                                              \
	"." VIRTIO_ANVIL_TEXT(VIRTIO_ANVIL_VERSION_MINOR)
#define VIRTIO_ANVIL_TEXT(number)  VIRTIO_ANVIL_TEXT_(number)
#define VIRTIO_ANVIL_TEXT_(number) #number

#endif
