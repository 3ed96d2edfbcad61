/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One function an operation, one call an access.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "export.h"
#include "script/frames.h"
#include "describe.h"

/* ---- bytes and numbers ---- */

static void put_number(uint64_t n, FILE *out)
{
	if (n < 10)
		fprintf(out, "%" PRIu64, n);
	else
		fprintf(out, "0x%" PRIx64, n);
}

#define BYTES_A_LINE 20u

static void put_bytes(const uint8_t *bytes, size_t len, FILE *out)
{
	fputc('"', out);
	for (size_t i = 0; i < len; i++) {
		if (i && i % BYTES_A_LINE == 0)
			fputs("\"\n\t      \"", out);
		fprintf(out, "\\x%02x", bytes[i]);
	}
	fputc('"', out);
}

/* ---- one entry ---- */

static void put_access(const struct play_entry *e, FILE *out)
{
	fprintf(out, "\treg_%s(", e->kind == PLAY_READ ? "read" : "write");
	put_number(e->at, out);
	fprintf(out, ", %u, ", e->width);
	put_number(e->value, out);
	fprintf(out, "); /* %s%s */\n", describe_register(e->at),
		e->kind == PLAY_READ && !e->answered ? ", where it ended" : "");
}

/* Long runs of one byte need no string. */
#define FILL_MIN 24u

static void put_store(const struct play_entry *e, const uint8_t *bytes, FILE *out)
{
	bool same = e->len >= FILL_MIN && export_uniform(bytes, e->len);

	if (e->len == 0)
		return;
	fprintf(out, "\t%s(0x%" PRIx64 ", ", same ? "fill" : "store", e->at);
	if (same)
		fprintf(out, "(char)0x%02x", bytes[0]);
	else
		put_bytes(bytes, e->len, out);
	fprintf(out, ", %u);\n", e->len);
}

static void put_offload(const struct anvil_nic_offload *w, FILE *out)
{
	static const char *const gso[] = { "ANVIL_NIC_GSO_NONE", "ANVIL_NIC_GSO_TCP4",
					   "ANVIL_NIC_GSO_TCP6", "ANVIL_NIC_GSO_UDP4",
					   "ANVIL_NIC_GSO_UDP6" };

	fprintf(out,
		"(struct anvil_nic_offload){\n"
		"\t\t      .needs_csum = %d, .csum_start = %u, .csum_offset = %u, .csum_valid = "
		"%d,\n"
		"\t\t      .gso = %s, .gso_ecn = %d, .gso_size = %u, .header_len = %u,\n"
		"\t\t      .tunnel = %d, .outer_csum = %d, .outer_th = %u, .inner_nh = %u }",
		w->needs_csum, w->csum_start, w->csum_offset, w->csum_valid, gso[w->gso],
		w->gso_ecn, w->gso_size, w->header_len, w->tunnel, w->outer_csum, w->outer_th,
		w->inner_nh);
}

static void put_frame(const struct machine_event *v, const uint8_t *bytes, FILE *out)
{
	uint32_t begin = v->len < FRAME_HEADERS_MAX ? v->len : FRAME_HEADERS_MAX;

	fputs("\tframe(", out);
	put_bytes(bytes, begin, out);
	fprintf(out, ", %u, %u,\n\t      ", begin, v->len);
	put_offload(&v->offload, out);
	fputs(");\n", out);
}

static void put_race(const struct race *r, FILE *out)
{
	if (r->by) {
		fprintf(out, "\tarm_change(0x%" PRIx64 ", %u, %u, 0x%" PRIx64 ", %d, %d);\n",
			r->watch, r->watch_bytes, r->countdown, r->gpa, r->by, r->grows);
		return;
	}
	fprintf(out, "\tarm_race(0x%" PRIx64 ", %u, %u, 0x%" PRIx64 ", ", r->watch, r->watch_bytes,
		r->countdown, r->gpa);
	put_bytes(r->bytes, r->len, out);
	fprintf(out, ", %u);\n", r->len);
}

static void put_event(const struct play_entry *e, const uint8_t *bytes, bool completes, FILE *out)
{
	const struct machine_event *v = &e->event;

	switch (v->kind) {
	case MACHINE_FRAME:
		put_frame(v, bytes, out);
		break;
	case MACHINE_COMPLETE:
		if (completes)
			fprintf(out, "\tcomplete(%" PRIu64 ", %s);\n", v->number,
				v->result == -ETIMEDOUT ? "-ETIMEDOUT"
				: v->result		? "-EIO"
							: "0");
		break;
	case MACHINE_LINK:
		fprintf(out, "\tlink_up(%s);\n", v->number ? "true" : "false");
		break;
	case MACHINE_RESIZE:
		fprintf(out, "\tresize(%" PRIu64 "u);\n", v->number);
		break;
	case MACHINE_STALL:
		fprintf(out, "\tstall(%" PRIu64 ");\n", v->number);
		break;
	case MACHINE_DEFER:
		if (completes)
			fprintf(out, "\tdisk_deferred = %" PRIu64 ";\n", v->number);
		break;
	case MACHINE_RETRY:
		fputs("\tretry();\n", out);
		break;
	case MACHINE_ANNOUNCE:
		fputs("\tannounce();\n", out);
		break;
	case MACHINE_SPEED:
		fprintf(out, "\tspeed(%" PRIu64 "u, %u);\n", v->number, v->len);
		break;
	case MACHINE_TIME:
		fprintf(out, "\ttell_time(%" PRIu64 "u);\n", v->number);
		break;
	case MACHINE_ZONE:
		fprintf(out, "\tfail_zone(%" PRIu64 ", ANVIL_DISK_ZONE_%s);\n", v->number,
			v->result ? "OFFLINE" : "READ_ONLY");
		break;
	case MACHINE_RACE:
		put_race(&v->race, out);
		break;
	case MACHINE_CALM:
		fputs("\traces = 0;\n", out);
		break;
	case MACHINE_SCHEDULE:
		fputs("\t/* left out: the order in which the device's threads go on */\n", out);
		break;
	}
}

static const struct export_kind *kind_of(const struct exported *e)
{
	return export_kind((enum device_kind)e->script->header.code);
}

static void put_entry(const struct exported *e, const struct play_entry *p, FILE *out)
{
	const uint8_t *bytes = play_log_bytes(e->log, p);

	switch (p->kind) {
	case PLAY_READ:
	case PLAY_WRITE:
		put_access(p, out);
		break;
	case PLAY_STORE:
		put_store(p, bytes, out);
		break;
	case PLAY_EVENT:
		put_event(p, bytes, kind_of(e)->completes, out);
		break;
	case PLAY_LOAD:
		break; /* what the driver looks at in its own memory has no effect */
	}
}

/* ---- operations ---- */

static void put_function_name(const struct script *s, int op, FILE *out)
{
	if (op < (int)s->ops)
		fprintf(out, "op_%d_%s", op, describe_op_name(s, op));
	else
		fputs("the_end", out);
}

/* Returns the first entry behind this operation. */
static size_t put_op(const struct exported *e, int op, size_t at, FILE *out)
{
	fputs("\n/* ", out);
	if (op < (int)e->script->ops) {
		fputs(describe_is_host(&e->script->op[op]) ? "The host: " : "The guest ", out);
		describe_op(&e->script->op[op], out);
		fputs(". */\nstatic void ", out);
	} else {
		fputs("All that waits is completed; then a reset, and a well-formed request. */\n"
		      "static void ",
		      out);
	}
	put_function_name(e->script, op, out);
	fputs("(void)\n{\n", out);
	for (; at < e->log->entries && e->log->entry[at].op == op; at++)
		put_entry(e, &e->log->entry[at], out);
	if (op == e->outcome->op && export_watched(e)) {
		fputs("\t/*\n", out);
		export_accesses(e, "\t * ", out);
		fputs("\t */\n", out);
	} else if (at == e->log->entries && e->outcome->finding) {
		fprintf(out, "\t/* here the verdict was %s */\n", e->outcome->verdict);
	}
	fputs("}\n", out);
	return at;
}

/* ---- the file ---- */

static void put_head(const struct exported *e, const struct setup *p, FILE *out)
{
	fprintf(out,
		"/* SPDX-License-Identifier: BSD-3-Clause */\n"
		"/*\n"
		" * %s, without the harness, made by anvil export --as c:\n *\n",
		e->name);
	export_script(e, " *     ", out);
	fprintf(out, " *\n * Its verdict there: %s%s%s\n *\n", e->outcome->verdict,
		e->outcome->reason[0] ? ", " : "", e->outcome->reason);
	fputs(" *     cc -g -fsanitize=address,undefined -Idevices FILE.c devices/guest_memory.c "
	      "\\\n"
	      " *         devices/descriptor_chain.c devices/state_bytes.c devices/virtqueue*.c "
	      "\\\n *         devices/virtio_*.c",
	      out);
	fputs(p->zones.zoned ? " \\\n *         devices/zoned_disk*.c\n" : "\n", out);
	if (export_watched(e))
		fprintf(out,
			" *\n * No sanitizer sees this one: the oracle of the harness does. The "
			"program shows what the\n * device does to guest RAM in operation %d, "
			"where it was; with an argument, in all of them.\n",
			e->outcome->op);
	else
		fputs(" *\n * With an argument the program shows what the device does to guest "
		      "RAM.\n",
		      out);
	if (p->bad_option)
		fputs(" *\n * Left out: a device that must not be created, and is tried first.\n",
		      out);
	if (e->log->full)
		fputs(" *\n * Cut: the script does more than can be taken down.\n", out);
	fputs(" */\n", out);
}

/* A string of C */
static void put_string(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void put_main(const struct exported *e, int ops, FILE *out)
{
	char what[sizeof(e->outcome->verdict) + sizeof(e->outcome->reason) + 4];

	fputs("\nint main(int argc, char **argv)\n{\n"
	      "\t(void)argv;\n"
	      "\tsetvbuf(stdout, NULL, _IOLBF, BUFSIZ);\n",
	      out);
	if (export_watched(e)) {
		snprintf(what, sizeof(what), "%s%s%s", e->outcome->verdict,
			 e->outcome->reason[0] ? ", " : "", e->outcome->reason);
		fprintf(out,
			"\tfinding_at = %d;\n\tfinding_access = %zu;\n\tfinding = ", e->outcome->op,
			export_access(e));
		put_string(what, out);
		fputs(";\n", out);
	}
	fputs("\tcreate_memory();\n\tcreate_device();\n", out);
	for (int op = 0; op < ops; op++) {
		fprintf(out, "\tbegin(%d, \"%s\", argc > 1);\n\t", op,
			op < (int)e->script->ops ? describe_op_name(e->script, op) : "the end");
		put_function_name(e->script, op, out);
		fputs("();\n", out);
	}
	fprintf(out, "\tbegin(%d, \"\", 0);\n\tdestroy_device();\n\treturn 0;\n}\n", ops);
}

void export_c(const struct exported *e, FILE *out)
{
	const struct export_kind *kind = kind_of(e);
	struct setup p;
	size_t at = 0;
	int ops = 0;

	setup_from(&e->script->header, &p);
	put_head(e, &p, out);
	fwrite(export_watch, 1, (size_t)(export_watch_end - export_watch), out);
	fputc('\n', out);
	fwrite(export_guest, 1, (size_t)(export_guest_end - export_guest), out);
	fwrite(kind->part, 1, (size_t)(kind->part_end - kind->part), out);
	fputc('\n', out);
	kind->put_create(&p, out);
	for (; at < e->log->entries || ops == 0; ops++)
		at = put_op(e, ops, at, out);
	put_main(e, ops, out);
}
