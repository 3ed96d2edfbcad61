# SPDX-License-Identifier: BSD-3-Clause
# Mistakes for devices/virtio_blk_request.c, which tests/findings.sh has to find again: a store behind the
# buffer of a request that asks for the disk's identity, but only in one cut into many
# pieces, a transfer that is not compared with the disk's capacity, a loop over ranges
# that a range of no sectors keeps where it is, one without a step that is counted for ranges of 0x777
# sectors, and, for tests/export.sh, a store to guest RAM that
# is nobody's buffer, in a write to sector 7.
/^static int parse_get_id/,/^}/ {
	s/^\t(void)sector;$/\t(void)sector;\n\tif (slot->chain.count > 4)\n\t\tslot->data[slot->blk->options.transfer_max] = 0;/
}
/^static bool transfer_valid/,/^}/ s/range_inside(.*;/sector + 1 > 0;/
/^static int parse_ranges/,/^}/ {
	s/i++/i += range.num_sectors > 0/
	s/^\t\tget_range(.*/&\n\t\tif (range.num_sectors == 0x777)\n\t\t\t__asm__ volatile("1: jmp 1b");/
}
/^static int parse_out/,/^}/ s/^\tuint64_t len = .*/&\n\n\tif (sector == 7 \&\& anvil_guest_memory_write(slot->blk->options.memory, 0x4000f000, \&sector, 3))\n\t\treturn VIRTIO_BLK_S_IOERR;/
