/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Heads are made of texts, and are cheap; names of functions are asked of a process that reads the
 * program's debugging information.
 */
#include "target_signature.h"

#include <stdio.h>
#include <string.h>

#include "array_size.h"
#include "base/signature.h"

#define FUNCTIONS  3u
#define NAME_BYTES 512u
#define ALL_BYTES  4096u /* a place of several functions, inlined */

/* Sources of ours, in this folder of theirs, wherever they were compiled: clang's runtime says
 * ./harness/..., from 19 on harness/... */
static bool is_ours(const char *source, const char *folder)
{
	source += strncmp(source, "./", 2) ? 0 : 2;
	return !strncmp(source, folder, strlen(folder));
}

/* Sanitizers have it. The names, one after the other, each with a 0; an empty one ends them. */
void __sanitizer_symbolize_pc(void *pc, const char *format, char *out, size_t room);

static void add(char *text, size_t room, const char *what)
{
	size_t used = strlen(text);

	snprintf(text + used, room - used, "%s", what);
}

/* ---- heads ---- */

static void verdict_head(const struct verdict *v, char *text, size_t room)
{
	if (v->kind == VERDICT_VIOLATION)
		signature_of_rule(v->rule, v->reason, text, room);
	else
		player_verdict_name(v, text, room);
}

static void signal_head(int number_of, char *text, size_t room)
{
	const char *name = sigabbrev_np(number_of);

	snprintf(text, room, "signal:%s%s", name ? "SIG" : "", name ? name : "unknown");
}

/* "blk.c:12: int f(int): Assertion `x > 1' failed." */
static void assertion_head(const char *report, char *text, size_t room)
{
	const char *what = strchr(report, '`');
	const char *end = strrchr(report, '\'');

	add(text, room, "assertion:");
	if (what && end > what)
		signature_add(text, room, what + 1, (size_t)(end - what - 1));
}

void signature_head(const struct verdict *v, const struct caught *c, char *text, size_t room)
{
	text[0] = 0;
	if (!c) {
		verdict_head(v, text, room);
	} else if (c->how == CAUGHT_ADDRESS || c->how == CAUGHT_MEMORY ||
		   c->how == CAUGHT_UNDEFINED) {
		signature_of_report(c->text, text, room);
	} else if (c->how == CAUGHT_SIGNAL) {
		signal_head(c->signal, text, room);
	} else if (c->how == CAUGHT_EXIT) {
		add(text, room, "exit");
	} else if (c->how == CAUGHT_LOOP) {
		add(text, room, "loop");
	} else {
		assertion_head(c->text, text, room);
	}
}

/* ---- functions ---- */

struct code_place {
	char function[NAME_BYTES];
	char source[NAME_BYTES]; /* "devices/blk.c:12"; "<null>:0": it has none */
	bool harness;
	bool library; /* the C library's, which has the device's call */
};

/* Parts of sanitizers, which stand before the device's first function, as the harness's may. */
static bool is_sanitizer(const char *function)
{
	static const char *const prefix[] = { "__asan", "__msan", "__ubsan_", "__sanitizer",
					      "__interceptor_" };

	for (size_t i = 0; i < ARRAY_SIZE(prefix); i++) {
		if (!strncmp(function, prefix[i], strlen(prefix[i])))
			return true;
	}
	return false;
}

static void split(const char *text, struct code_place *p)
{
	size_t len = strcspn(text, "\t");

	snprintf(p->function, sizeof(p->function), "%.*s", (int)len, text);
	text += len + (text[len] != 0);
	len = strcspn(text, "\t");
	snprintf(p->source, sizeof(p->source), "%.*s", (int)len, text);
	p->library = strstr(text + len, "/libc.so");
	p->harness = is_ours(p->source, "harness/");
}

/*
 * Calls `tell` for each place of the device, from the first one up to the harness, which calls it;
 * it returns whether it wants more. The harness may come before, where the device calls its host.
 */
static void each_place(const struct caught *c,
		       bool (*tell)(const struct code_place *p, void *opaque), void *opaque)
{
	static char all[ALL_BYTES];
	bool inside = false;
	struct code_place p;

	for (unsigned int i = 0; i < c->frames; i++) {
		memset(all, 0, sizeof(all));
		__sanitizer_symbolize_pc((void *)(uintptr_t)c->pc[i], "%f\t%s:%l\t%m", all,
					 sizeof(all) - 1);
		for (const char *at = all; *at; at += strlen(at) + 1) {
			split(at, &p);
			if (p.harness && inside)
				return;
			if (p.harness || is_sanitizer(p.function))
				continue;
			inside |= !p.library && p.source[0] && p.source[0] != '<';
			if (!tell(&p, opaque))
				return;
		}
	}
}

struct functions {
	char *text;
	size_t room;
	unsigned int count;
};

static bool add_function(const struct code_place *p, void *opaque)
{
	struct functions *f = opaque;

	if (p->library || !p->source[0] || p->source[0] == '<')
		return true;
	add(f->text, f->room, f->count ? " < " : " in ");
	add(f->text, f->room, p->function);
	return ++f->count < FUNCTIONS;
}

void signature_add_functions(const struct caught *c, char *text, size_t room)
{
	struct functions f = { text, room, 0 };

	each_place(c, add_function, &f);
}

static bool print_place(const struct code_place *p, void *opaque)
{
	fprintf(opaque, "    in %s %s\n", p->function, p->source);
	return true;
}

void signature_print_stack(const struct caught *c, FILE *out)
{
	each_place(c, print_place, out);
}

/* "    #0 0x55..." */
static bool print_frame(const char *line, FILE *out)
{
	static char name[NAME_BYTES];
	unsigned long long pc;
	unsigned int frame;
	char *source;

	if (sscanf(line, "    #%u 0x%llx", &frame, &pc) != 2)
		return false;
	__sanitizer_symbolize_pc((void *)(uintptr_t)(pc + 1), "%f\t%s:%l", name, sizeof(name));
	source = strchr(name, '\t');
	if (source)
		*source++ = 0;
	if (!source || !is_ours(source, "harness/targets/"))
		fprintf(out, "    #%u in %s %s\n", frame, name, source ? source : "");
	return true;
}

void signature_print_report(const char *text, FILE *out)
{
	const char *end = strstr(text, "Shadow bytes around");

	if (!end)
		end = text + strlen(text);
	while (text < end) {
		size_t len = strcspn(text, "\n");

		if (!print_frame(text, out))
			fprintf(out, "%.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}
