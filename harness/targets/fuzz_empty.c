/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Does nothing: what the engine itself costs, for `make bench` to compare with.
 */
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)data;
	(void)size;
	return 0;
}
