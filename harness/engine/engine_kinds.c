/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine.h"

const struct engine_kind *engine_kind(unsigned int which)
{
	return which == ENGINE_AFL ? &engine_afl : &engine_libfuzzer;
}
