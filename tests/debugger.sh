#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A finding in a debugger: a breakpoint in the device is hit, and its stack has sources.
# Usage: tests/debugger.sh ANVIL
. "$(dirname "$0")/lib.sh"
anvil=$1
work=build/debugger-test
script=corpora/fuzz_blk/read_one_sector
rm -rf "$work"
mkdir -p "$work"

if ! command -v gdb >/dev/null; then
	echo 'SKIPPED: breakpoints in a device (no gdb; make deps installs it)'
	exit 0
fi
gdb -q -nx -batch -ex run --args /bin/true >"$work/out" 2>&1 </dev/null
if ! grep -q 'exited normally' "$work/out"; then
	echo "SKIPPED: breakpoints in a device (gdb cannot trace here: $(tail -n 1 "$work/out"))"
	exit 0
fi

gdb -q -nx -batch -ex 'break anvil_mmio_write if offset == 0x50' -ex run -ex backtrace -ex list -ex delete \
	-ex continue --args "$anvil" play --no-fork "$script" >"$work/out" 2>&1 </dev/null
says_like '^Breakpoint 1, anvil_mmio_write '
says_like '^#0 +anvil_mmio_write .* at \./devices/virtio_mmio\.c:[0-9]+$'
says_like 'in player_play .* at \./harness/play/player\.c:[0-9]+$'
says_like '^[0-9]+.*anvil_mmio_write\('
says_like "^$script: ok$"
says_like 'exited normally'
finish debugger
