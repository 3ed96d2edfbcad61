/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The target: an input is one file that the host is handed.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/sanitizer.h"
#include "look.h"

/* Each file is looked at for itself: a little of what is freed shows what is late. */
const char sanitizer_options[] =
	"quarantine_size_mb=1:thread_local_quarantine_size_kb=64:"
	"malloc_context_size=4:max_malloc_fill_size=64:allocator_release_to_os_interval_ms=-1";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

static void look(const struct handed *h)
{
	static void (*const looks[])(const struct handed *) = {
		[HANDED_CAPTURE] = look_capture, [HANDED_IMAGE] = look_image,
		[HANDED_KERNEL] = look_kernel,	 [HANDED_INITRD] = look_initrd,
		[HANDED_DISK] = look_disk,	 [HANDED_NET] = look_net,
		[HANDED_SCRIPT] = look_script,	 [HANDED_KNOWN] = look_known,
		[HANDED_REPORT] = look_report,
	};
	unsigned int descriptors = look_descriptors();

	looks[(unsigned char)h->kind](h);
	if (look_descriptors() != descriptors)
		handed_finding("leaves %u descriptors open that were %u", look_descriptors(),
			       descriptors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct handed h;
	size_t before;
	size_t left;

	handed_decode(&h, data, size);
	handed_looks(&h);
	before = sanitizer_allocated();
	look(&h);
	left = sanitizer_allocated() - before;
	if (left != 0) { /* once: the engine's, in another thread, or a library's */
		before = sanitizer_allocated();
		look(&h);
		if (sanitizer_allocated() - before == left)
			handed_finding("keeps %zu bytes of memory", left);
	}
	handed_free(&h);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return handed_mutate(data, size, max_size, seed);
}
