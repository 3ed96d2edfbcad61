/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The forms of all records: which operands there are, where they lie, what they take.
 */
#include "script.h"

#include "operands.h"

/* clang-format off */
#define OPERAND(op, m, kind, count, values, help)                                                  \
	{ #m, help, offsetof(struct script_op, op.m), sizeof(((struct script_op *)0)->op.m), kind,       \
	  count, values }

const struct op_form script_header_form = { "device", "the device, its limits, and how its host behaves", {
		OPERAND(device, size, FIELD_CHOICE, 9, operand_queue_sizes, "most entries of a queue"),
		OPERAND(device, flags, FIELD_FLAGS, 0, operand_device_flags, "how the host behaves"),
		OPERAND(device, slots, FIELD_CHOICE, 5, operand_slot_counts, "requests at work at once"),
		OPERAND(device, capacity, FIELD_CHOICE, 11, operand_capacities, "size of the disk"),
		OPERAND(device, transfer, FIELD_CHOICE, 4, operand_transfers, "longest piece that goes to the disk at once"),
		OPERAND(device, fail, FIELD_COUNT, 0, NULL, "each n-th request to the disk fails; 0: none"),
		OPERAND(device, limits, FIELD_CHOICE, 4, operand_limits, "limits of ranges, block size, MTU"),
		OPERAND(device, hide, FIELD_FEATURES, 0, NULL, "features 0 to 63 that are not offered, a bit each"),
		OPERAND(device, refuse, FIELD_CHOICE, 50, NULL, "a mistake in the options that is tried first (device/bad_options.c); 0: none"),
		OPERAND(device, ring, FIELD_CHOSEN_FLAGS, 8, operand_ring_offers, "features of rings beside the usual"),
		OPERAND(device, queues, FIELD_CHOICE, 7, NULL, "disk: queues beside the first, modulo 4, 5: 32, 6: 63; network: pairs with MQ, 0 without, 5: 17, 6: 31"),
		OPERAND(device, transport, FIELD_CHOICE, 3, operand_transports, "the register interface"),
		OPERAND(device, zones, FIELD_CHOICE, 13, operand_zones, "zones and erasing of the disk"),
		OPERAND(device, net, FIELD_FLAGS, 0, operand_net_offers, "features of the network device beside the common ones"),
		OPERAND(device, more, FIELD_FLAGS, 0, NULL, "features 64 to 71 that are not offered, a bit each"),
		OPERAND(device, extra, FIELD_CHOSEN_FLAGS, 4, operand_extra_offers, "features of all devices beside the usual"),
	}, 16 };

const struct op_form script_op_form[OP_CODES] = {
	[OP_INIT] = { "init", "negotiates, sets up the queues and says DRIVER_OK", {
		OPERAND(init, size, FIELD_CHOICE, 9, operand_queue_sizes, "entries of each queue; 0: as many as may be"),
		OPERAND(init, wrong, FIELD_CHOICE, 13, operand_init_wrongs, "what the driver gets wrong"),
		OPERAND(init, only, FIELD_QUEUE, 0, NULL, "0: all queues are set up; n: queue n - 1 alone"),
		OPERAND(init, decline, FIELD_FEATURES, 0, NULL, "features 0 to 63 that are offered and not accepted"),
		OPERAND(init, grab, FIELD_FEATURES, 0, NULL, "features 0 to 63 that are accepted in any case"),
		OPERAND(init, decline64, FIELD_FLAGS, 0, NULL, "features 64 to 71 that are offered and not accepted"),
		OPERAND(init, grab64, FIELD_FLAGS, 0, NULL, "features 64 to 71 that are accepted in any case"),
	}, 7 },
	[OP_RESET] = { "reset", "writes 0 to Status, and waits until it reads as 0", {
		{ 0 },
	}, 0 },
	[OP_WRITE] = { "write", "writes to the register window", {
		OPERAND(write, width, FIELD_CHOICE, 4, operand_widths, "bytes"),
		OPERAND(write, offset, FIELD_OFFSET, 0, operand_registers, "offset in the window"),
		OPERAND(write, value, FIELD_VALUE, 0, NULL, "what is written"),
	}, 3 },
	[OP_READ] = { "read", "reads from the register window", {
		OPERAND(read, width, FIELD_CHOICE, 4, operand_widths, "bytes"),
		OPERAND(read, offset, FIELD_OFFSET, 0, operand_registers, "offset in the window"),
	}, 2 },
	[OP_POKE] = { "poke", "puts bytes into guest memory", {
		OPERAND(poke, len, FIELD_CHOICE, 9, NULL, "how many bytes; 0: 8"),
		OPERAND(poke, base, FIELD_CHOICE, 8, operand_bases, "what `at` is relative to"),
		OPERAND(poke, queue, FIELD_QUEUE, 0, NULL, "whose ring"),
		OPERAND(poke, at, FIELD_ADDRESS, 0, NULL, "bytes from there"),
		OPERAND(poke, bytes, FIELD_VALUE, 0, NULL, "the bytes, lowest first"),
	}, 5 },
	[OP_FILL] = { "fill", "fills guest memory with one byte", {
		OPERAND(fill, byte, FIELD_BYTE, 0, NULL, "the byte"),
		OPERAND(fill, base, FIELD_CHOICE, 8, operand_bases, "what `at` is relative to"),
		OPERAND(fill, queue, FIELD_QUEUE, 0, NULL, "whose ring"),
		OPERAND(fill, at, FIELD_ADDRESS, 0, NULL, "bytes from there"),
		OPERAND(fill, len, FIELD_VALUE, 0, NULL, "how many bytes, modulo 4,097"),
	}, 5 },
	[OP_QUEUE] = { "queue", "sets a queue up", {
		OPERAND(queue, queue, FIELD_QUEUE, 0, NULL, "which, modulo how many there are"),
		OPERAND(queue, size, FIELD_CHOICE, 9, operand_queue_sizes, "its entries; 0: as many as may be"),
		OPERAND(queue, wrong, FIELD_CHOICE, 19, operand_queue_wrongs, "what the driver gets wrong"),
		OPERAND(queue, ready, FIELD_BYTE, 0, NULL, "written to QueueReady, with bit 0 inverted"),
		OPERAND(queue, skip, FIELD_FLAGS, 0, operand_setup_skips, "registers that are not written"),
	}, 5 },
	[OP_STOP] = { "stop", "stops a queue", {
		OPERAND(stop, queue, FIELD_QUEUE, 0, NULL, "which"),
		OPERAND(stop, how, FIELD_CHOICE, 2, operand_stop_hows, "by which register"),
	}, 2 },
	[OP_CHAIN] = { "chain", "gives a queue a chain of buffers", {
		OPERAND(chain, queue, FIELD_QUEUE, 0, NULL, "which"),
		OPERAND(chain, readable, FIELD_COUNT, 0, NULL, "device-readable buffers, bit 0 inverted, modulo 24"),
		OPERAND(chain, writable, FIELD_COUNT, 0, NULL, "device-writable buffers, modulo 24"),
		OPERAND(chain, where, FIELD_CHOICE, 16, operand_places, "where they lie"),
		OPERAND(chain, len, FIELD_CHOICE, 16, operand_chain_lens, "bytes of each"),
		OPERAND(chain, flags, FIELD_FLAGS, 0, operand_chain_flags, "how the chain is made and shown"),
		OPERAND(chain, wrong, FIELD_CHOICE, 32, operand_chain_wrongs, "what is wrong with it"),
		OPERAND(chain, at, FIELD_ADDRESS, 0, NULL, "guest-physical address of all of them; 0: as `where` says"),
		OPERAND(chain, arg, FIELD_VALUE, 0, NULL, "what `wrong` and `len` may need"),
	}, 9 },
	[OP_BLK] = { "blk", "makes a request of the block device", {
		OPERAND(blk, type, FIELD_CHOICE, 20, operand_blk_types, "which"),
		OPERAND(blk, split, FIELD_CHOICE, 17, operand_request_splits, "how it is cut into descriptors"),
		OPERAND(blk, where, FIELD_CHOICE, 16, operand_places, "where its buffers lie"),
		OPERAND(blk, flags, FIELD_FLAGS, 0, operand_chain_flags, "how the chain is made and shown, and its queue"),
		OPERAND(blk, wrong, FIELD_CHOICE, 32, operand_chain_wrongs, "what is wrong with the chain"),
		OPERAND(blk, count, FIELD_COUNT, 0, NULL, "sectors, ranges or zones, beside the first"),
		OPERAND(blk, bits, FIELD_FLAGS, 0, operand_blk_bits, "what is wrong with the request"),
		OPERAND(blk, sector, FIELD_SECTOR, 0, NULL, "first sector, of 512 bytes"),
		OPERAND(blk, arg, FIELD_VALUE, 0, NULL, "other_in and other_out: the type; ranges: sectors of each, 0: as many as fit"),
	}, 9 },
	[OP_TX] = { "tx", "sends a frame", {
		OPERAND(tx, kind, FIELD_CHOICE, 31, operand_tx_kinds, "which"),
		OPERAND(tx, split, FIELD_CHOICE, 17, operand_request_splits, "how it is cut into descriptors"),
		OPERAND(tx, where, FIELD_CHOICE, 16, operand_places, "where its buffers lie"),
		OPERAND(tx, flags, FIELD_FLAGS, 0, operand_chain_flags, "how the chain is made and shown"),
		OPERAND(tx, wrong, FIELD_CHOICE, 32, operand_chain_wrongs, "what is wrong with the chain"),
		OPERAND(tx, bits, FIELD_FLAGS, 0, NULL, "flags of its header that are inverted"),
		OPERAND(tx, offload, FIELD_CHOICE, 16, operand_tx_offloads, "segmentation that it asks for"),
		OPERAND(tx, headers, FIELD_HEADERS, 0, NULL, "added to gso_size, csum_start, csum_offset and hdr_len, 16 bits each"),
		OPERAND(tx, len, FIELD_VALUE, 0, NULL, "bytes of the frame; 0: a short one"),
		OPERAND(tx, pair, FIELD_QUEUE, 0, NULL, "which pair of queues"),
		OPERAND(tx, outer, FIELD_BYTE, 0, NULL, "added to outer_th_offset"),
		OPERAND(tx, inner, FIELD_BYTE, 0, NULL, "added to inner_nh_offset"),
		OPERAND(tx, flow, FIELD_BYTE, 0, NULL, "part of its innermost addresses and ports"),
	}, 13 },
	[OP_RX] = { "rx", "offers receive buffers", {
		OPERAND(rx, count, FIELD_COUNT, 0, NULL, "chains beside the first, modulo 33"),
		OPERAND(rx, len, FIELD_CHOICE, 8, operand_rx_lens, "bytes of each"),
		OPERAND(rx, where, FIELD_CHOICE, 16, operand_places, "where they lie"),
		OPERAND(rx, flags, FIELD_FLAGS, 0, operand_chain_flags, "how the chains are made and shown"),
		OPERAND(rx, wrong, FIELD_CHOICE, 32, operand_chain_wrongs, "what is wrong with them"),
		OPERAND(rx, pieces, FIELD_COUNT, 0, NULL, "descriptors of each beside the first, modulo 5"),
		OPERAND(rx, arg, FIELD_VALUE, 0, NULL, "what `wrong` may need"),
		OPERAND(rx, pair, FIELD_QUEUE, 0, NULL, "which pair of queues"),
	}, 8 },
	[OP_CTRL] = { "ctrl", "gives the network device a command", {
		OPERAND(ctrl, class, FIELD_CHOICE, 11, operand_ctrl_classes, "its class"),
		OPERAND(ctrl, command, FIELD_CHOICE, 8, NULL, "its number in the class (5.1.6.5)"),
		OPERAND(ctrl, split, FIELD_CHOICE, 17, operand_request_splits, "how it is cut into descriptors"),
		OPERAND(ctrl, flags, FIELD_FLAGS, 0, operand_chain_flags, "how the chain is made and shown"),
		OPERAND(ctrl, wrong, FIELD_CHOICE, 32, operand_chain_wrongs, "what is wrong with the chain"),
		OPERAND(ctrl, more, FIELD_BYTE, 0, NULL, "bytes more than right, -128 to 127"),
		OPERAND(ctrl, where, FIELD_BYTE, 0, NULL, "where its buffers lie, as in blk, modulo 16"),
		OPERAND(ctrl, value, FIELD_VALUE, 0, NULL, "its data: a mode, an address, how many pairs, ... (guest_net.c)"),
		OPERAND(ctrl, counts, FIELD_HEADERS, 0, NULL, "numbers of entries and lengths, 16 bits each (guest_net.c)"),
	}, 9 },
	[OP_KICK] = { "kick", "notifies the device", {
		OPERAND(kick, queue, FIELD_QUEUE, 0, NULL, "which queue"),
		OPERAND(kick, raw, FIELD_CHOICE, 2, operand_kick_raws, "what is written to QueueNotify"),
		OPERAND(kick, value, FIELD_VALUE, 0, NULL, "with raw=value: that"),
	}, 3 },
	[OP_AVAIL] = { "avail", "changes the available ring by hand", {
		OPERAND(avail, queue, FIELD_QUEUE, 0, NULL, "of which queue"),
		OPERAND(avail, how, FIELD_CHOICE, 5, operand_avail_hows, "how"),
		OPERAND(avail, flags, FIELD_FLAGS, 0, operand_chain_flags, "quiet: without a notification"),
		OPERAND(avail, value, FIELD_VALUE, 0, NULL, "descriptor, number or flags"),
	}, 4 },
	[OP_USED] = { "used", "takes back what the device has used, and acknowledges the interrupt", {
		OPERAND(used, queue, FIELD_QUEUE, 0, NULL, "of which queue"),
		OPERAND(used, event, FIELD_CHOICE, 5, operand_used_events, "when the driver asks to be notified next"),
	}, 2 },
	[OP_FRAME] = { "frame", "a frame arrives", {
		OPERAND(frame, kind, FIELD_CHOICE, 31, operand_frames, "which"),
		OPERAND(frame, to, FIELD_CHOICE, 8, operand_frame_tos, "its destination"),
		OPERAND(frame, vlan, FIELD_CHOICE, 2, operand_frame_vlans, "its tag"),
		OPERAND(frame, offload, FIELD_CHOICE, 16, operand_frame_offloads, "work that is left to the guest"),
		OPERAND(frame, value, FIELD_VALUE, 0, NULL, "parts of destination and tag"),
		OPERAND(frame, len, FIELD_VALUE, 0, NULL, "bytes, less 1; 0: a short one"),
		OPERAND(frame, flow, FIELD_BYTE, 0, NULL, "part of its innermost addresses and ports"),
		OPERAND(frame, spoil, FIELD_BYTE, 0, NULL, "a byte of its headers, modulo 160, ..."),
		OPERAND(frame, by, FIELD_BYTE, 0, NULL, "... of which these bits are inverted"),
	}, 9 },
	[OP_COMPLETE] = { "complete", "the disk completes requests", {
		OPERAND(complete, which, FIELD_COUNT, 0, NULL, "the oldest, or later ones, modulo how many wait"),
		OPERAND(complete, result, FIELD_CHOICE, 3, operand_complete_results, "how they end"),
		OPERAND(complete, more, FIELD_COUNT, 0, NULL, "requests beside the first, modulo 17"),
	}, 3 },
	[OP_LINK] = { "link", "the link of the network changes", {
		OPERAND(link, down, FIELD_CHOICE, 2, operand_link_downs, "it goes up or down"),
		OPERAND(link, announce, FIELD_CHOICE, 2, operand_link_announces, "the guest is asked to announce itself instead"),
		OPERAND(link, duplex, FIELD_BYTE, 0, NULL, "with speed: duplex"),
		OPERAND(link, speed, FIELD_VALUE, 0, NULL, "Mbit/s; 0: as it is"),
	}, 4 },
	[OP_RESIZE] = { "resize", "the disk has another size", {
		OPERAND(resize, capacity, FIELD_CHOICE, 11, operand_capacities, "which"),
	}, 1 },
	[OP_STALL] = { "stall", "back ends from now on", {
		OPERAND(stall, nic, FIELD_CHOICE, 3, operand_stall_nics, "of the network"),
		OPERAND(stall, disk, FIELD_CHOICE, 3, operand_stall_disks, "of the disk"),
	}, 2 },
	[OP_RACE] = { "race", "waits for a fetch by the device and changes memory just before", {
		OPERAND(race, base, FIELD_CHOICE, 8, operand_bases, "what `at` counts in: descriptors, ring entries, bytes"),
		OPERAND(race, queue, FIELD_QUEUE, 0, NULL, "whose ring"),
		OPERAND(race, nth, FIELD_COUNT, 0, NULL, "the n-th fetch after the first"),
		OPERAND(race, len, FIELD_CHOICE, 9, NULL, "bytes that change; 0: 8"),
		OPERAND(race, field, FIELD_COUNT, 0, NULL, "where in what is fetched, in bytes"),
		OPERAND(race, again, FIELD_CHOICE, 4, operand_race_agains, "how often"),
		OPERAND(race, at, FIELD_ADDRESS, 0, NULL, "which descriptor, entry or byte"),
		OPERAND(race, bytes, FIELD_VALUE, 0, NULL, "what is put there, lowest first"),
	}, 8 },
	[OP_DRAIN] = { "drain", "all that waits is completed", {
		{ 0 },
	}, 0 },
	[OP_ACK] = { "ack", "acknowledges the interrupt", {
		{ 0 },
	}, 0 },
	[OP_RESTORE] = { "restore", "the device is saved, and made anew from its state", {
		OPERAND(restore, how, FIELD_CHOICE, 7, operand_damages, "what becomes of the state before"),
		OPERAND(restore, len, FIELD_CHOICE, 9, NULL, "bytes that change; 0: 1"),
		OPERAND(restore, at, FIELD_PLACE, 0, NULL, "the first of them, or how many are left"),
		OPERAND(restore, bytes, FIELD_VALUE, 0, NULL, "what is put there, lowest first"),
	}, 4 },
	[OP_TIME] = { "time", "time passes", {
		OPERAND(time, usecs, FIELD_VALUE, 0, NULL, "microseconds"),
	}, 1 },
	[OP_MANY] = { "many", "fills a queue with chains, then notifies the device once", {
		OPERAND(many, queue, FIELD_QUEUE, 0, NULL, "which"),
		OPERAND(many, count, FIELD_COUNT, 0, NULL, "chains beside the first, as long as there is room; 255: as many as there is room for"),
		OPERAND(many, kind, FIELD_CHOICE, 3, operand_many_kinds, "what they ask of a disk"),
		OPERAND(many, heads, FIELD_CHOICE, 3, operand_heads, "which heads they take"),
		OPERAND(many, flags, FIELD_FLAGS, 0, operand_chain_flags, "how the chains are made and shown"),
		OPERAND(many, sector, FIELD_SECTOR, 0, NULL, "of the first one; of each other one the next"),
	}, 6 },
	[OP_ZONE] = { "zone", "a zone of the disk fails", {
		OPERAND(zone, which, FIELD_COUNT, 0, NULL, "which, modulo how many there are; a conventional one does not fail"),
		OPERAND(zone, state, FIELD_CHOICE, 2, operand_zone_fails, "what becomes of it"),
	}, 2 },
	[OP_SCHEDULE] = { "schedule", "chooses the order in which the threads of the device go on, from now on", {
		OPERAND(schedule, after, FIELD_COUNT, 0, NULL, "accesses and locks that are left as they are before"),
		OPERAND(schedule, choices, FIELD_VALUE, 0, NULL, "2 bits for each of the next ones, lowest first: 0: it goes on; else another thread does, the first to the third behind it"),
	}, 2 },
};
/* clang-format on */
