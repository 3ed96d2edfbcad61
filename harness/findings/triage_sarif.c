/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All groups for machines: SARIF 2.1.0, as code scanning services read it, and plain JSON.
 *
 * A rule of SARIF is one of the oracle's, or a kind of death. A result is a group. It lies where
 * its stack says, and else at the top of the device's source file: an oracle sees what a device
 * does, not where in it.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "describe.h"
#include "triage.h"

#define RULE_BYTES 80u

/* "violation-8", "wedged", "hang", "heap-buffer-overflow" */
static void rule_id(const struct triage_group *g, char *id)
{
	if (g->stack.frames)
		snprintf(id, RULE_BYTES, "%s", g->stack.error);
	else
		snprintf(id, RULE_BYTES, "%.70s", g->outcome.verdict);
	for (char *c = id; *c; c++)
		*c = *c == ':' || *c == ' ' ? '-' : *c;
}

static char *told(const struct triage_group *g)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	triage_tell(g, f);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	text[len - 1] = 0; /* the new line */
	return text;
}

static void put_message(struct json *j, const char *name, const char *text)
{
	json_open_object(j, name);
	json_text(j, "text", text);
	json_close_object(j);
}

/* ---- rules ---- */

static const char *rule_text(const struct triage_group *g)
{
	const struct oracle_rule *r = oracle_rule(g->rule);

	if (r)
		return r->broken;
	if (g->stack.frames && !strcmp(g->stack.error, "leak"))
		return "a guest makes the device lose memory";
	if (g->stack.frames)
		return "a guest makes the device's process die";
	return "a guest makes the device useless";
}

static void put_rule(struct json *j, const struct triage_group *g, const char *id)
{
	const struct oracle_rule *r = oracle_rule(g->rule);
	char text[256];

	json_open_object(j, NULL);
	json_text(j, "id", id);
	json_text(j, "name", r ? r->name : id);
	snprintf(text, sizeof(text), "The device %s.", rule_text(g));
	put_message(j, "shortDescription", r ? text : rule_text(g));
	snprintf(text, sizeof(text), "In the specification (virtio 1.4): %.180s.",
		 r ? r->specification : "no guest may bring a device to do that");
	put_message(j, "help", text);
	json_open_object(j, "defaultConfiguration");
	json_text(j, "level", "error");
	json_close_object(j);
	json_open_object(j, "properties");
	json_open_array(j, "tags");
	json_text(j, NULL, "security");
	json_text(j, NULL, "virtio");
	json_close_array(j);
	json_text(j, "precision", "very-high");
	json_text(j, "security-severity", g->stack.frames ? "8.8" : "6.5");
	json_close_object(j);
	json_close_object(j);
}

/* The number of a group's rule among all, in the order in which groups first need them. */
static size_t rule_index(const struct triage *t, size_t group)
{
	char id[RULE_BYTES];
	char other[RULE_BYTES];
	size_t index = 0;

	rule_id(&t->group[group], id);
	for (size_t i = 0; i < group; i++) {
		bool new = true;

		rule_id(&t->group[i], other);
		if (!strcmp(other, id))
			return rule_index(t, i);
		for (size_t k = 0; k < i && new; k++) {
			char before[RULE_BYTES];

			rule_id(&t->group[k], before);
			new = strcmp(before, other) != 0;
		}
		index += new;
	}
	return index;
}

static void put_driver(struct json *j, const struct triage *t)
{
	size_t rules = 0;

	json_open_object(j, "tool");
	json_open_object(j, "driver");
	json_text(j, "name", "virtio-anvil");
	json_open_array(j, "rules");
	for (size_t i = 0; i < t->groups; i++) {
		char id[RULE_BYTES];

		if (rule_index(t, i) != rules)
			continue;
		rule_id(&t->group[i], id);
		put_rule(j, &t->group[i], id);
		rules++;
	}
	json_close_array(j);
	json_close_object(j);
	json_close_object(j);
}

/* ---- results ---- */

static const char *device_file(const struct triage_group *g)
{
	static const char *const file[DEVICE_KINDS] = {
		[DEVICE_BLK] = "devices/virtio_blk.c",
		[DEVICE_NET] = "devices/virtio_net.c",
		[DEVICE_ECHO] = "devices/virtqueue.c",
	};

	return g->device ? g->device : file[g->script.header.code];
}

/* A file's name is any bytes; in an address most of them are told as %20. */
static void put_address(struct json *j, const char *file)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/";
	char uri[3 * PATH_MAX + 8];
	size_t used = 0;

	if (file[0] == '/')
		used = (size_t)snprintf(uri, sizeof(uri), "file://");
	for (; *file && used + 4 <= sizeof(uri); file++) {
		if (strchr(plain, *file))
			uri[used++] = *file;
		else
			used += (size_t)snprintf(uri + used, 4, "%%%02X", (unsigned char)*file);
	}
	uri[used] = 0;
	json_text(j, "uri", uri);
}

static void put_place(struct json *j, const char *file, unsigned int line)
{
	json_open_object(j, "physicalLocation");
	json_open_object(j, "artifactLocation");
	put_address(j, file);
	if (file[0] != '/')
		json_text(j, "uriBaseId", "%SRCROOT%");
	json_close_object(j);
	json_open_object(j, "region");
	json_number(j, "startLine", line ? line : 1);
	json_close_object(j);
	json_close_object(j);
}

static void put_locations(struct json *j, const struct triage_group *g)
{
	const struct crash_frame *f = g->stack.frames ? crash_stack_place(&g->stack) : NULL;

	json_open_array(j, "locations");
	json_open_object(j, NULL);
	put_place(j, f ? f->file : device_file(g), f ? f->line : 1);
	json_close_object(j);
	json_close_array(j);
}

static void put_stacks(struct json *j, const struct triage_group *g)
{
	json_open_array(j, "stacks");
	json_open_object(j, NULL);
	json_open_array(j, "frames");
	for (unsigned int i = 0; i < g->stack.frames; i++) {
		const struct crash_frame *f = &g->stack.frame[i];

		json_open_object(j, NULL);
		json_open_object(j, "location");
		put_place(j, f->file, f->line);
		put_message(j, "message", f->function);
		json_close_object(j);
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);
	json_close_array(j);
}

/* FNV-1a of the key: the same finding has the same print in the next run. */
static void put_fingerprint(struct json *j, const struct triage_group *g)
{
	uint64_t hash = 0xcbf29ce484222325;
	char text[20];

	for (const char *c = g->key; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 0x100000001b3;
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash);
	json_open_object(j, "partialFingerprints");
	json_text(j, "anvilGroup/v1", text);
	json_close_object(j);
}

static void put_result(struct json *j, const struct triage *t, size_t group)
{
	const struct triage_group *g = &t->group[group];
	char *text = told(g);
	char id[RULE_BYTES];

	rule_id(g, id);
	json_open_object(j, NULL);
	json_text(j, "ruleId", id);
	json_number(j, "ruleIndex", rule_index(t, group));
	json_text(j, "level", "error");
	put_message(j, "message", text ? text : g->outcome.reason);
	put_locations(j, g);
	if (g->stack.frames)
		put_stacks(j, g);
	put_fingerprint(j, g);
	json_open_object(j, "properties");
	json_text(j, "group", g->name);
	json_number(j, "inputs", g->inputs);
	json_close_object(j);
	json_close_object(j);
	free(text);
}

void triage_write_sarif(const struct triage *t, FILE *out)
{
	struct json j;

	json_begin(&j, out);
	json_open_object(&j, NULL);
	json_text(&j, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
	json_text(&j, "version", "2.1.0");
	json_open_array(&j, "runs");
	json_open_object(&j, NULL);
	put_driver(&j, t);
	json_open_array(&j, "results");
	for (size_t i = 0; i < t->groups; i++)
		put_result(&j, t, i);
	json_close_array(&j);
	json_text(&j, "columnKind", "utf16CodeUnits");
	json_close_object(&j);
	json_close_array(&j);
	json_close_object(&j);
	json_end(&j);
}

/* ---- plain ---- */

static void put_script(struct json *j, const struct script *script)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f)
		script_print(script, -1, f);
	if (f && !fclose(f))
		json_text(j, "script", text);
	free(text);
}

static void put_frames(struct json *j, const struct triage_group *g)
{
	json_open_array(j, "stack");
	for (unsigned int i = 0; i < g->stack.frames; i++) {
		const struct crash_frame *f = &g->stack.frame[i];

		json_open_object(j, NULL);
		json_text(j, "function", f->function);
		json_text(j, "file", f->file);
		json_number(j, "line", f->line);
		json_close_object(j);
	}
	json_close_array(j);
}

static void put_group(struct json *j, const struct triage_group *g)
{
	char *text = told(g);

	json_open_object(j, NULL);
	json_text(j, "name", g->name);
	json_text(j, "verdict", g->outcome.verdict);
	json_text(j, "device", script_device_name[g->script.header.code]);
	json_text(j, "target", g->target);
	json_number(j, "rule", g->rule);
	json_text(j, "operation", describe_op_name(&g->script, g->outcome.op));
	json_text(j, "reason", g->outcome.reason);
	json_text(j, "key", g->key);
	json_text(j, "summary", text ? text : "");
	json_bool(j, "shrunk", g->shrunk);
	json_bool(j, "unstable", g->outcome.unstable);
	json_number(j, "operations", g->script.ops);
	put_script(j, &g->script);
	put_frames(j, g);
	json_open_array(j, "inputs");
	for (size_t i = 0; i < g->inputs; i++)
		json_text(j, NULL, g->input[i]->path);
	json_close_array(j);
	json_close_object(j);
	free(text);
}

void triage_write_json(const struct triage *t, FILE *out)
{
	struct json j;

	json_begin(&j, out);
	json_open_object(&j, NULL);
	json_number(&j, "inputs", t->inputs);
	json_number(&j, "findings", triage_findings(t));
	json_open_array(&j, "groups");
	for (size_t i = 0; i < t->groups; i++)
		put_group(&j, &t->group[i]);
	json_close_array(&j);
	json_close_object(&j);
	json_end(&j);
}
