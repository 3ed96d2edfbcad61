/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The target: an input is a script for one back end.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/sanitizer.h"
#include "play.h"

/* Memory is lent for one request: a little of what is freed is kept back, to show what is late. */
const char sanitizer_options[] =
	"quarantine_size_mb=1:thread_local_quarantine_size_kb=64:"
	"malloc_context_size=4:max_malloc_fill_size=64:allocator_release_to_os_interval_ms=-1";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* What libslirp keeps is its own business; LeakSanitizer looks after the rest. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libslirp.so\nleak:libglib-2.0.so\n";
}

/* Returns how many bytes of memory are left over. */
static size_t play(struct steps *steps)
{
	size_t before = sanitizer_allocated();

	steps_playing(steps);
	if (steps->setup.name == STEPS_TAP)
		play_tap(steps);
	else if (steps->setup.name == STEPS_PCAP)
		play_pcap(steps);
	else if (steps->setup.name == STEPS_SLIRP)
		play_slirp(steps);
	else
		play_disk(steps);
	return steps->setup.name == STEPS_SLIRP ? 0 : sanitizer_allocated() - before;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct steps steps;
	size_t left;

	steps_decode(&steps, data, size);
	left = play(&steps);
	if (left != 0 && play(&steps) == left) /* once: the engine's, in another thread */
		steps_finding("is closed, and keeps %zu bytes of memory", left);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return steps_mutate(data, size, max_size, seed);
}
