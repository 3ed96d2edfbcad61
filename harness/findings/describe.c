/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A phrase for each operation and each way to get it wrong, from tables.
 */
#include "describe.h"

#include <inttypes.h>
#include <string.h>

#include "guest/guest.h"
#include "script/operands.h"
#include "virtio_net.h"

/* ---- registers and addresses ---- */

const char *describe_register(uint64_t offset)
{
	for (const struct operand_value *v = operand_registers; v->name; v++) {
		if (v->value == offset)
			return v->name;
	}
	return offset >= VIRTIO_MMIO_CONFIG ? "configuration space" : "no register";
}

static bool base_has_queue(unsigned int base)
{
	return base % BASE_KINDS <= BASE_USED;
}

static void tell_place(unsigned int base, unsigned int queue, uint64_t at, FILE *out)
{
	fputs(operand_says(operand_bases, base % BASE_KINDS), out);
	if (base_has_queue(base))
		fprintf(out, " of queue %u", queue);
	if (at)
		fprintf(out, " + 0x%" PRIx64, at);
}

/* ---- chains ---- */

static void tell_wrong(unsigned int wrong, FILE *out)
{
	const char *says = operand_says(operand_chain_wrongs, wrong);

	if (says)
		fprintf(out, ", but %s", says);
}

static void tell_where(unsigned int where, FILE *out)
{
	const char *says = operand_says(operand_places, where % PLACE_KINDS);

	if (says)
		fprintf(out, ", with buffers %s", says);
}

static void tell_chain_flags(unsigned int flags, FILE *out)
{
	if (flags & CHAIN_INDIRECT)
		fputs(", through an indirect table", out);
	else if (flags & CHAIN_MIXED)
		fputs(", partly through an indirect table", out);
	if (flags & CHAIN_SPARSE && flags & (CHAIN_INDIRECT | CHAIN_MIXED))
		fputs(" with gaps", out);
	if (flags & CHAIN_NO_TAIL)
		fputs(", without a byte for the answer", out);
	if (flags & CHAIN_HOLD)
		fputs(", not made available yet", out);
	else if (flags & CHAIN_QUIET)
		fputs(", without notifying the device", out);
}

/* ---- what the guest does ---- */

static void tell_init(const struct script_op *r, FILE *out)
{
	const char *says = operand_says(operand_init_wrongs, r->init.wrong);

	fputs("negotiates, sets up the queues and says DRIVER_OK", out);
	if (says)
		fprintf(out, ", %s", says);
	if (r->init.decline)
		fputs(", declining features", out);
	if (r->init.grab)
		fputs(", accepting features that may not be offered", out);
}

static void tell_reset(const struct script_op *r, FILE *out)
{
	(void)r;
	fputs("resets the device", out);
}

static unsigned int width(const struct script_op *r)
{
	static const uint8_t table[] = { 4, 1, 2, 8 };

	return table[r->write.width % 4];
}

static void tell_write(const struct script_op *r, FILE *out)
{
	fprintf(out, "writes 0x%" PRIx64 " (%u bytes) to offset 0x%" PRIx64 ", %s", r->write.value,
		width(r), r->write.offset, describe_register(r->write.offset));
}

static void tell_read(const struct script_op *r, FILE *out)
{
	fprintf(out, "reads %u bytes at offset 0x%" PRIx64 ", %s", width(r), r->read.offset,
		describe_register(r->read.offset));
}

static void tell_poke(const struct script_op *r, FILE *out)
{
	fprintf(out, "puts %u bytes into ", r->poke.len % 9 ? r->poke.len % 9u : 8u);
	tell_place(r->poke.base, r->poke.queue, r->poke.at, out);
}

static void tell_fill(const struct script_op *r, FILE *out)
{
	fprintf(out, "fills %" PRIu64 " bytes of ", r->fill.len % 4097);
	tell_place(r->fill.base, r->fill.queue, r->fill.at, out);
	fprintf(out, " with 0x%02x", r->fill.byte);
}

static void tell_queue(const struct script_op *r, FILE *out)
{
	const char *says = operand_says(operand_queue_wrongs, r->queue.wrong);

	fprintf(out, "sets up queue %u", r->queue.queue);
	if (says)
		fprintf(out, " %s", says);
	if ((r->queue.ready ^ 1u) != 1)
		fprintf(out, ", writing %u to QueueReady", r->queue.ready ^ 1u);
}

static void tell_stop(const struct script_op *r, FILE *out)
{
	fprintf(out, "%s queue %u", r->stop.how ? "resets" : "stops", r->stop.queue);
}

static void tell_chain(const struct script_op *r, FILE *out)
{
	fprintf(out, "gives queue %u a chain of %u device-readable and %u device-writable buffers",
		r->chain.queue, (r->chain.readable ^ 1u) % 24, r->chain.writable % 24u);
	tell_where(r->chain.where, out);
	tell_chain_flags(r->chain.flags, out);
	tell_wrong(r->chain.wrong, out);
}

static void tell_blk_type(const struct script_op *r, FILE *out)
{
	static const char *const zone_verb[] = { "open", "close", "finish", "reset" };
	static const char *const other[] = {
		[0] = "asks for the disk's lifetime",
		[BLK_ZONE_RESET_ALL - BLK_GET_LIFETIME] = "asks to reset all zones",
		[BLK_SCSI_CMD - BLK_GET_LIFETIME] = "makes a SCSI command",
		[BLK_SCSI_CMD_OUT - BLK_GET_LIFETIME] = "makes a SCSI command out",
		[BLK_BARRIER - BLK_GET_LIFETIME] = "asks to write behind a barrier",
	};

	switch (r->blk.type) {
	case 0:
	case 1:
		fprintf(out, "asks to %s %u sector%s at sector %" PRIu64,
			r->blk.type ? "write" : "read", r->blk.count + 1u, r->blk.count ? "s" : "",
			r->blk.sector);
		break;
	case 2:
		fputs("asks to flush the disk", out);
		break;
	case 3:
		fputs("asks for the disk's identity", out);
		break;
	case 4:
	case 5:
		fprintf(out, "asks to %s %u range%s from sector %" PRIu64 " on",
			r->blk.type == 4 ? "discard" : "zero", 1 + r->blk.count % RANGES_MAX,
			r->blk.count % RANGES_MAX ? "s" : "", r->blk.sector);
		break;
	case BLK_SECURE_ERASE:
		fprintf(out, "asks to erase %u range%s for good from sector %" PRIu64 " on",
			1 + r->blk.count % RANGES_MAX, r->blk.count % RANGES_MAX ? "s" : "",
			r->blk.sector);
		break;
	case BLK_ZONE_APPEND:
		fprintf(out, "asks to append %u sector%s to the zone at sector %" PRIu64,
			r->blk.count + 1u, r->blk.count ? "s" : "", r->blk.sector);
		break;
	case BLK_ZONE_REPORT:
		fprintf(out, "asks for a report of %u zone%s from sector %" PRIu64 " on",
			r->blk.count + 1u, r->blk.count ? "s" : "", r->blk.sector);
		break;
	case BLK_ZONE_OPEN:
	case BLK_ZONE_CLOSE:
	case BLK_ZONE_FINISH:
	case BLK_ZONE_RESET:
		fprintf(out, "asks to %s the zone at sector %" PRIu64,
			zone_verb[r->blk.type - BLK_ZONE_OPEN], r->blk.sector);
		break;
	case BLK_GET_LIFETIME:
	case BLK_ZONE_RESET_ALL:
	case BLK_SCSI_CMD:
	case BLK_SCSI_CMD_OUT:
	case BLK_BARRIER:
		fputs(other[r->blk.type - BLK_GET_LIFETIME], out);
		break;
	default:
		fprintf(out, "makes a request of type %" PRIu32, (uint32_t)r->blk.arg);
	}
}

static void tell_blk_bits(unsigned int bits, FILE *out)
{
	for (const struct operand_value *v = operand_blk_bits; v->name; v++) {
		if (bits & v->value)
			fprintf(out, ", %s", v->says);
	}
}

static void tell_blk(const struct script_op *r, FILE *out)
{
	tell_blk_type(r, out);
	tell_blk_bits(r->blk.bits, out);
	if (CHAIN_QUEUE(r->blk.flags))
		fprintf(out, ", in queue %u", CHAIN_QUEUE(r->blk.flags));
	tell_where(r->blk.where, out);
	tell_chain_flags(r->blk.flags, out);
	tell_wrong(r->blk.wrong, out);
}

static void tell_tx(const struct script_op *r, FILE *out)
{
	fprintf(out, "sends %s", operand_says(operand_tx_kinds, r->tx.kind));
	if (r->tx.len)
		fprintf(out, " of %" PRIu32 " bytes", r->tx.len & 0x1ffff);
	if (r->tx.pair)
		fprintf(out, " on pair %u", r->tx.pair);
	if (r->tx.offload)
		fputs(", to be segmented", out);
	if (r->tx.headers || r->tx.bits)
		fputs(", with a header that says otherwise", out);
	tell_where(r->tx.where, out);
	tell_chain_flags(r->tx.flags, out);
	tell_wrong(r->tx.wrong, out);
}

static void tell_rx(const struct script_op *r, FILE *out)
{
	static const uint32_t room[] = { 1600, 12, 11, 64, 4096, 0, 26, 65601 };

	fprintf(out, "offers %u receive buffer%s of %u bytes", r->rx.count % 33 + 1u,
		r->rx.count % 33 ? "s" : "", room[r->rx.len % 8]);
	tell_where(r->rx.where, out);
	tell_chain_flags(r->rx.flags, out);
	tell_wrong(r->rx.wrong, out);
}

static void tell_ctrl(const struct script_op *r, FILE *out)
{
	fprintf(out, "commands %s (class %u, command %u)",
		operand_says(operand_ctrl_classes, r->ctrl.class), r->ctrl.class, r->ctrl.command);
	if (r->ctrl.more)
		fprintf(out, ", %d bytes longer than right", (int8_t)r->ctrl.more);
	tell_where(r->ctrl.where, out);
	tell_chain_flags(r->ctrl.flags, out);
	tell_wrong(r->ctrl.wrong, out);
}

static void tell_kick(const struct script_op *r, FILE *out)
{
	if (r->kick.raw)
		fprintf(out, "notifies queue number 0x%" PRIx32, (uint32_t)r->kick.value);
	else
		fprintf(out, "notifies queue %u", r->kick.queue);
}

static void tell_avail(const struct script_op *r, FILE *out)
{
	fprintf(out, "%s %u (queue %u)", operand_says(operand_avail_hows, r->avail.how),
		(unsigned int)(uint16_t)r->avail.value, r->avail.queue);
}

static void tell_used(const struct script_op *r, FILE *out)
{
	fprintf(out, "takes back what queue %u has used, and acknowledges the interrupt",
		r->used.queue);
}

static void tell_ack(const struct script_op *r, FILE *out)
{
	(void)r;
	fputs("acknowledges the interrupt", out);
}

static void tell_race(const struct script_op *r, FILE *out)
{
	fputs("waits for the device to fetch from ", out);
	tell_place(r->race.base, r->race.queue, r->race.at, out);
	if (r->race.nth)
		fprintf(out, " for the time number %u", r->race.nth + 1u);
	switch (r->race.again % 4) {
	case RACE_GROWS:
		fputs(", and just before this and each fetch in the same call makes the 16-bit "
		      "number there one more",
		      out);
		break;
	case RACE_MORE:
	case RACE_LESS:
		fprintf(out, ", to make the 16-bit number there one %s just before",
			r->race.again % 4 == RACE_MORE ? "more" : "less");
		break;
	default:
		fprintf(out, ", to change %u bytes there just before",
			r->race.len % 9 ? r->race.len % 9u : 8u);
	}
}

/* ---- what the host does ---- */

static void tell_frame(const struct script_op *r, FILE *out)
{
	fprintf(out, "%s arrives", operand_says(operand_frames, r->frame.kind));
	if (r->frame.len)
		fprintf(out, ", of %" PRIu64 " bytes",
			r->frame.len % ANVIL_NIC_FRAME_BYTES_MAX + 1);
	if (r->frame.by)
		fprintf(out, ", spoiled in byte %u", r->frame.spoil);
	if (r->frame.offload)
		fputs(", with work left to the guest", out);
}

static void tell_complete(const struct script_op *r, FILE *out)
{
	fprintf(out, "%u request%s %s", r->complete.more % 17 + 1u,
		r->complete.more % 17 ? "s" : "",
		r->complete.result == COMPLETE_DONE_ERROR
			? "carried out by the disk, which says that it failed"
		: r->complete.result ? "failed by the disk"
				     : "completed by the disk");
}

static void tell_link(const struct script_op *r, FILE *out)
{
	if (r->link.announce)
		fputs("the guest has moved and is asked to announce itself", out);
	else if (r->link.speed)
		fprintf(out, "the link has %" PRIu32 " Mbit/s now", (uint32_t)r->link.speed);
	else
		fprintf(out, "the link goes %s", r->link.down ? "down" : "up");
}

static void tell_time(const struct script_op *r, FILE *out)
{
	fprintf(out, "%" PRIu64 " us pass", r->time.usecs);
}

static void tell_many(const struct script_op *r, FILE *out)
{
	unsigned int queue = r->many.queue;

	if (r->many.count == UINT8_MAX)
		fprintf(out, "fills queue %u", queue);
	else
		fprintf(out, "gives queue %u up to %u chains", queue, r->many.count + 1u);
	if (r->many.heads)
		fprintf(out, ", %s", operand_says(operand_heads, r->many.heads % HEADS_KINDS));
	fprintf(out, "; of a disk: %s",
		operand_says(operand_many_kinds, r->many.kind % MANY_KINDS));
	if (r->many.sector)
		fprintf(out, " from sector 0x%" PRIx64 " on", r->many.sector);
	tell_chain_flags(r->many.flags & ~(unsigned int)CHAIN_HOLD, out);
}

static void tell_resize(const struct script_op *r, FILE *out)
{
	fprintf(out, "the disk now has %" PRIu64 " sectors", setup_capacity(r->resize.capacity));
}

static void tell_zone(const struct script_op *r, FILE *out)
{
	fprintf(out, "zone %u of the disk, modulo how many there are, %s", r->zone.which,
		operand_says(operand_zone_fails, r->zone.state));
}

static void tell_stall(const struct script_op *r, FILE *out)
{
	const char *disk = operand_says(operand_stall_disks, r->stall.disk);

	fputs(operand_says(operand_stall_nics, r->stall.nic), out);
	if (disk)
		fprintf(out, ", %s", disk);
}

static void tell_schedule(const struct script_op *r, FILE *out)
{
	if (!r->schedule.choices) {
		fputs("the threads of the device go on one after the other", out);
		return;
	}
	fprintf(out,
		"the threads of the device go on in another order, from access or lock "
		"number %u on:",
		r->schedule.after + 1u);
	for (uint64_t left = r->schedule.choices; left; left >>= 2)
		fprintf(out, " %u", (unsigned int)left & 3u);
}

static void tell_drain(const struct script_op *r, FILE *out)
{
	(void)r;
	fputs("all that waits is completed", out);
}

static void tell_restore(const struct script_op *r, FILE *out)
{
	fprintf(out, "the device is saved, and made anew from its state, %s",
		operand_says(operand_damages, r->restore.how));
}

static void (*const tell_op[OP_CODES])(const struct script_op *r, FILE *out) = {
	[OP_INIT] = tell_init,
	[OP_RESET] = tell_reset,
	[OP_WRITE] = tell_write,
	[OP_READ] = tell_read,
	[OP_POKE] = tell_poke,
	[OP_FILL] = tell_fill,
	[OP_QUEUE] = tell_queue,
	[OP_STOP] = tell_stop,
	[OP_CHAIN] = tell_chain,
	[OP_BLK] = tell_blk,
	[OP_TX] = tell_tx,
	[OP_RX] = tell_rx,
	[OP_CTRL] = tell_ctrl,
	[OP_KICK] = tell_kick,
	[OP_AVAIL] = tell_avail,
	[OP_USED] = tell_used,
	[OP_FRAME] = tell_frame,
	[OP_COMPLETE] = tell_complete,
	[OP_LINK] = tell_link,
	[OP_RESIZE] = tell_resize,
	[OP_STALL] = tell_stall,
	[OP_RACE] = tell_race,
	[OP_DRAIN] = tell_drain,
	[OP_ACK] = tell_ack,
	[OP_RESTORE] = tell_restore,
	[OP_TIME] = tell_time,
	[OP_MANY] = tell_many,
	[OP_ZONE] = tell_zone,
	[OP_SCHEDULE] = tell_schedule,
};

bool describe_is_host(const struct script_op *op)
{
	switch ((enum op_code)op->code) {
	case OP_FRAME:
	case OP_COMPLETE:
	case OP_LINK:
	case OP_RESIZE:
	case OP_STALL:
	case OP_DRAIN:
	case OP_RESTORE:
	case OP_TIME:
	case OP_ZONE:
	case OP_SCHEDULE:
		return true;
	default:
		return false;
	}
}

void describe_op(const struct script_op *op, FILE *out)
{
	tell_op[op->code](op, out);
}

const char *describe_op_name(const struct script *script, int op)
{
	return op >= 0 && op < (int)script->ops ? script_op_form[script->op[op].code].name : "end";
}

void describe_script(const struct script *script, const char *device, int last, FILE *out)
{
	fputs("On ", out);
	if (device)
		fprintf(out, "the device in %s", device);
	else
		describe_device(&script->header, out);
	if (script->ops == 0)
		fputs(", the guest does nothing", out);
	for (unsigned int i = 0; i < script->ops && (int)i <= last; i++) {
		bool host = describe_is_host(&script->op[i]);
		bool same = i > 0 && host == describe_is_host(&script->op[i - 1]);

		fputs(i == 0 ? ", " : "; then ", out);
		if (!same)
			fputs(host ? "at the host, " : "the guest ", out);
		describe_op(&script->op[i], out);
		fprintf(out, " (%s)", script_op_form[script->op[i].code].name);
	}
	fputs(".", out);
}
