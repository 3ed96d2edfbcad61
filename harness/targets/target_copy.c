/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copies of a fuzz target's harness, which target_copy.syms names so once it is compiled. In the
 * program itself memcpy is AddressSanitizer's, which looks at each byte's shadow; the harness's own
 * memory is looked at by the replays of build/asan/, and a device's where it is handed over
 * (base/asan.h). These go straight to the C library.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

void *plain_memcpy(void *to, const void *from, size_t len);
void *plain_memmove(void *to, const void *from, size_t len);
void *plain_memset(void *to, int byte, size_t len);
int plain_memcmp(const void *a, const void *b, size_t len);
int plain_bcmp(const void *a, const void *b, size_t len);

/* The library's, behind the program's own */
static void *behind(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (!function)
		abort();
	return function;
}

/* Looked for once, when it is called first, which may be before any constructor. */
#define PLAIN(result, name, parameters, arguments)                                                 \
	static result first_##name parameters;                                                     \
	static result(*real_##name) parameters = first_##name;                                     \
                                                                                                   \
	static result first_##name parameters                                                      \
	{                                                                                          \
		*(void **)&real_##name = behind(#name);                                            \
		return real_##name arguments;                                                      \
	}                                                                                          \
                                                                                                   \
	result plain_##name parameters                                                             \
	{                                                                                          \
		return real_##name arguments;                                                      \
	}

PLAIN(void *, memcpy, (void *to, const void *from, size_t len), (to, from, len))
PLAIN(void *, memmove, (void *to, const void *from, size_t len), (to, from, len))
PLAIN(void *, memset, (void *to, int byte, size_t len), (to, byte, len))
PLAIN(int, memcmp, (const void *a, const void *b, size_t len), (a, b, len))
PLAIN(int, bcmp, (const void *a, const void *b, size_t len), (a, b, len))
