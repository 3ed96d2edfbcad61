/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QEMU's microvm has its windows for virtio-mmio every 0x200 bytes from 0xfeb00000, and gives the
 * last one out first. With 3 GiB and a little its RAM covers both ranges of a script's, so that no
 * address has to be changed. QEMU does not look at what comes after a command's last operand; but a
 * line that is no command is an error: those with comments alone have to be taken out.
 */
#include <inttypes.h>
#include <string.h>

#include "export.h"
#include "guest/guest.h"
#include "describe.h"
#include "virtio_mmio.h"

#define WINDOW	    0xfeb02e00u
#define MEMORY_MIB  3073u /* RAM from 0 to 3 GiB, the rest from 4 GiB on */
#define WRITE_CHUNK 256u  /* bytes of one command */

/* ---- accesses ---- */

static char width_letter(unsigned int width)
{
	return width == 1 ? 'b' : width == 2 ? 'w' : width == 4 ? 'l' : 'q';
}

static uint64_t cut(uint64_t value, unsigned int width)
{
	return width == 8 ? value : value & ((1ull << 8 * width) - 1);
}

static void put_access(const struct play_entry *e, FILE *out)
{
	const char *name = describe_register(e->at);

	if (e->at >= ANVIL_MMIO_WINDOW || e->width > ANVIL_MMIO_WINDOW - e->at) {
		fprintf(out, "# left out: %u bytes at offset 0x%" PRIx64 ", not in the window\n",
			e->width, e->at);
		return;
	}
	fprintf(out, "%s%c 0x%" PRIx64, e->kind == PLAY_READ ? "read" : "write",
		width_letter(e->width), WINDOW + e->at);
	if (e->kind == PLAY_WRITE)
		fprintf(out, " 0x%" PRIx64, cut(e->value, e->width));
	fprintf(out, " # %s\n", name);
}

static void put_store_part(uint64_t gpa, const uint8_t *bytes, size_t len, FILE *out)
{
	if (len > 8 && export_uniform(bytes, len)) {
		fprintf(out, "memset 0x%" PRIx64 " 0x%zx 0x%02x\n", gpa, len, bytes[0]);
		return;
	}
	for (size_t part; len; gpa += part, bytes += part, len -= part) {
		part = len < WRITE_CHUNK ? len : WRITE_CHUNK;
		fprintf(out, "write 0x%" PRIx64 " 0x%zx 0x", gpa, part);
		for (size_t i = 0; i < part; i++)
			fprintf(out, "%02x", bytes[i]);
		fputc('\n', out);
	}
}

/* RAM alone: in QEMU there may be something else elsewhere. */
static void put_memory(const struct play_entry *e, const uint8_t *bytes, FILE *out)
{
	uint64_t gpa = e->at;
	size_t len = e->len;

	for (size_t part; len && (part = machine_ram_at(gpa, len));) {
		if (e->kind == PLAY_LOAD)
			fprintf(out, "read 0x%" PRIx64 " 0x%zx\n", gpa, part);
		else
			put_store_part(gpa, bytes + (gpa - e->at), part, out);
		gpa += part;
		len -= part;
	}
	if (len)
		fprintf(out, "# left out: %zu bytes at 0x%" PRIx64 ", not RAM of a script\n", len,
			gpa);
}

/* ---- what QEMU cannot be told ---- */

static const char *how_raced(const struct race *r)
{
	if (r->grows)
		return "grow from then on";
	return r->by == 0 ? "change" : r->by > 0 ? "are one more" : "are one less";
}

static void put_event(const struct machine_event *v, FILE *out)
{
	switch (v->kind) {
	case MACHINE_FRAME:
		fprintf(out, "# left out: a frame of %u bytes arrives\n", v->len);
		break;
	case MACHINE_COMPLETE:
		fprintf(out, "# left out: request %" PRIu64 " completes now%s\n", v->number,
			v->result ? ", and has failed" : "");
		break;
	case MACHINE_LINK:
		fprintf(out, "# left out: the link goes %s\n", v->number ? "up" : "down");
		break;
	case MACHINE_RESIZE:
		fprintf(out, "# left out: the disk has %" PRIu64 " sectors from now on\n",
			v->number);
		break;
	case MACHINE_STALL:
	case MACHINE_DEFER:
		fprintf(out, "# left out: the host %s\n", v->number ? "stalls" : "goes on");
		break;
	case MACHINE_RACE:
		fprintf(out,
			"# left out: %u bytes at 0x%" PRIx64 " %s when the device fetches "
			"0x%" PRIx64 " for time number %u\n",
			v->race.by ? 2 : v->race.len, v->race.gpa, how_raced(&v->race),
			v->race.watch, v->race.countdown);
		break;
	case MACHINE_ANNOUNCE:
		fputs("# left out: the guest has moved\n", out);
		break;
	case MACHINE_SPEED:
		fprintf(out, "# left out: the link has %" PRIu64 " Mbit/s from now on\n",
			v->number);
		break;
	case MACHINE_TIME:
		fprintf(out, "# left out: it is now %" PRIu64 " us\n", v->number);
		break;
	case MACHINE_ZONE:
		fprintf(out, "# left out: zone %" PRIu64 " of the disk fails\n", v->number);
		break;
	case MACHINE_SCHEDULE:
		fputs("# left out: the order in which the device's threads go on\n", out);
		break;
	case MACHINE_RETRY:
	case MACHINE_CALM:
		break;
	}
}

/* ---- the file ---- */

static void put_command(const struct setup *p, FILE *out)
{
	const struct export_kind *kind = export_kind(p->kind);

	if (kind->put_image)
		kind->put_image(p, out);
	fputs("# Firmware that halts: the machine runs, as a network device needs it to send:\n"
	      "#   { head -c 65520 /dev/zero; printf '\\372\\364\\353\\375'; "
	      "head -c 12 /dev/zero; } >halt.bin\n",
	      out);
	fprintf(out,
		"# To run it (Ctrl-C ends QEMU):\n"
		"#   grep -v '^#' THIS | qemu-system-x86_64 -M microvm -m %uM -nodefaults \\\n"
		"#   -display none -accel tcg -bios halt.bin "
		"-global virtio-mmio.force-legacy=%s \\\n",
		MEMORY_MIB, p->legacy ? "true" : "false");
	kind->put_qemu(p, out);
}

static void put_head(const struct exported *e, const struct setup *p, FILE *out)
{
	fprintf(out, "# %s for QEMU, made by anvil export --as qtest:\n#\n", e->name);
	export_script(e, "#   ", out);
	fputs("#\n", out);
	put_command(p, out);
	fputs("#\n"
	      "# These are the accesses as the pretend driver made them in front of our device. "
	      "QEMU's\n"
	      "# device may answer reads otherwise: it offers other features, a request completes "
	      "a "
	      "little\n"
	      "# later than the command that notifies, and what is a hole between the RAM ranges "
	      "of "
	      "a script\n"
	      "# is RAM in QEMU.\n",
	      out);
}

static void put_op(const struct exported *e, int op, FILE *out)
{
	fputs("#\n# ", out);
	fputs(describe_is_host(&e->script->op[op]) ? "the host: " : "the guest ", out);
	describe_op(&e->script->op[op], out);
	fprintf(out, " (%s)\n", describe_op_name(e->script, op));
}

static void put_entry(const struct exported *e, const struct play_entry *p, FILE *out)
{
	switch (p->kind) {
	case PLAY_READ:
	case PLAY_WRITE:
		put_access(p, out);
		break;
	case PLAY_LOAD:
	case PLAY_STORE:
		put_memory(p, play_log_bytes(e->log, p), out);
		break;
	case PLAY_EVENT:
		put_event(&p->event, out);
		break;
	}
}

/* Up to the end of the operations; what the player asks afterwards is not the script's. */
void export_qtest(const struct exported *e, FILE *out)
{
	struct setup p;
	size_t at = 0;

	setup_from(&e->script->header, &p);
	put_head(e, &p, out);
	for (int op = 0; op < (int)e->script->ops && op <= e->outcome->op; op++) {
		put_op(e, op, out);
		for (; at < e->log->entries && e->log->entry[at].op == op; at++)
			put_entry(e, &e->log->entry[at], out);
		if (op == e->outcome->op && export_watched(e))
			export_accesses(e, "# ", out);
	}
	if (p.legacy) /* their place depends on what the driver said */
		return;
	fputs("#\n# what the device has used of each queue\n", out);
	for (unsigned int q = 0; q < p.queues; q++)
		fprintf(out, "readw 0x%" PRIx64 "\n", guest_used_ring(&p, q) + VIRTQ_USED_IDX);
}
