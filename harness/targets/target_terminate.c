/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * C++'s library says why it ends a process once, and "terminate called recursively" each time from
 * then on.
 */
#include "target_terminate.h"

#include <stddef.h>
#include <stdlib.h>

#include "target_catch.h"

/* There where the device is in C++: std::set_terminate, the type of the exception that is thrown (a
 * std::type_info), its name for people. */
void (*_ZSt13set_terminatePFvvE(void (*handler)(void)))(void) __attribute__((weak));
const void *__cxa_current_exception_type(void) __attribute__((weak));
char *__cxa_demangle(const char *name, char *room, size_t *bytes, int *status)
	__attribute__((weak));

void __cxa_end_catch(void) __attribute__((weak));

#define CAUGHT_MAX 64u /* exceptions, one in a handler of the other */

struct type_info {
	const void *calls;
	const char *name; /* '*' before it: no part of it */
};

static void __attribute__((noreturn)) terminate(void)
{
	const struct type_info *type =
		__cxa_current_exception_type ? __cxa_current_exception_type() : NULL;
	const char *name = type ? type->name + (type->name[0] == '*') : NULL;
	char *plain = name && __cxa_demangle ? __cxa_demangle(name, NULL, NULL, NULL) : NULL;

	if (name)
		catch_say("std::terminate: nobody catches %s", plain ? plain : name);
	else
		catch_say("std::terminate");
	free(plain);
	/* whatever is being caught will not be: the script is left */
	for (unsigned int i = 0; i < CAUGHT_MAX && type; i++) {
		__cxa_end_catch();
		type = __cxa_current_exception_type();
	}
	abort();
}

void terminate_start(void)
{
	if (_ZSt13set_terminatePFvvE)
		(void)_ZSt13set_terminatePFvvE(terminate);
}
