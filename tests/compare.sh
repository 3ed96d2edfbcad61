#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# anvil compare: devices of somebody else beside ours, and beside each other.
# Usage: tests/compare.sh ANVIL PLAIN_ANVIL DEVICES, with what make foreign-devices builds in DEVICES
. "$(dirname "$0")/lib.sh"
anvil=$1
plain=$2
blk=$3/mine_blk/mine_blk.so
net=$3/mine_net/mine_net.so
work=build/compare
rm -rf "$work"
mkdir -p "$work"

# script NAME: of what is on stdin
script() {
	cat >"$work/$1"
}

# ---- correct ones: all seeds, and not one difference ----

gives 0 "$anvil" compare --device "$blk" corpora crashes
says 'second: ours, made like the first'
says '; 0 kinds of differences, 0 known'
gives 0 "$anvil" compare --device "$net" corpora crashes
says '; 0 kinds of differences, 0 known'
cp "$blk" "$work/other.so"
gives 0 "$anvil" compare --device "$blk" --device "$work/other.so" corpora/fuzz_blk
says_like "^second: $work/other.so: blk, features 0x110000244, 1 queue of 128, 128 sectors$"
says '; 0 kinds of differences, 0 known'

# most scripts are compared to their end
compared() {
	[ "$(sed -n 's/.* scripts, \([0-9]*\) of them.*/\1/p' "$work/out")" -lt 100 ]
}
expect 'most scripts are compared' compared

# ---- with a mistake, which is told once, with the script, the operation and the clause ----

# differs MISTAKE DEVICE KIND SCRIPT: and is known when a file says so
differs() {
	gives 1 env FOREIGN_MISTAKE="$1" "$anvil" compare --device "$2" "$work/$4"
	is "$1: kinds '$3'" 1 "$(grep -c "^ *1 $3$" "$work/out")"
	sed -n "s/^ *[0-9]* \([A-Zacdeg-z].*\)/\1/p" "$work/out" >"$work/known"
	gives 0 env FOREIGN_MISTAKE="$1" "$anvil" compare --known "$work/known" --device "$2" "$work/$4"
	says_like "^ *1 $3 [(]known[)]$"
}

script config <<'T'
device blk
init
write offset=0x100 value=5
read offset=0x100
T
differs BLK_CONFIG_WRITABLE "$blk" 'configuration space at 0x00: changed and as at first' config
gives 1 env FOREIGN_MISTAKE=BLK_CONFIG_WRITABLE "$anvil" compare --device "$blk" "$work/config"
says "first in $work/config, operation 2 (read); virtio 1.4: 2.5 (configuration space)"
script ready <<'T'
device blk
init
reset
write offset=QueueSel
read offset=QueueReady
T
differs BLK_RESET_KEEPS_QUEUE "$blk" 'QueueReady reads 0x1 and 0x0' ready
script mac <<'T'
device net
init
ctrl class=mac command=1 value=0x665544332202
reset
read offset=0x100
T
differs NET_RESET_KEEPS_MAC "$net" 'configuration space at 0x00: changed and as at first' mac
script longer <<'T'
device net
init
ctrl class=mac command=1 value=0x665544332202 more=1
T
differs NET_CTRL_LENGTH "$net" 'command 1/1: answered with OK and ERR' longer
script tx <<'T'
device net
init
tx kind=short len=4
T
differs NET_TX_LOST "$net" 'chain of queue 1: given back by the second alone' tx
script read <<'T'
device blk
init
blk sector=3
T
differs BLK_USED_LEN_ALL "$blk" \
	'verdict on the first: violation:3: queue # gives chain # back with # bytes, it has room for #' read
script nothing <<'T'
device blk
T
differs BLK_CONFIG_PAST_END "$blk" 'verdict on the first: crash:global-buffer-overflow in blk_read' nothing

# ---- a difference that breaks no rule; without clang, without a tap ----

# device NAME SED: of tests/foreign/blk.c, changed
device() {
	sed "$2" tests/foreign/blk.c >"$work/$1.c"
	${CC:-cc} -shared -fPIC -D_GNU_SOURCE -Iharness -Itests/foreign tests/foreign/mine_blk.c "$work/$1.c" \
		tests/foreign/mistakes.c -o "$work/$1.so"
}

expect 'a device as it is' device same ''
expect 'one that flushes otherwise' device flush 's/BLK_F_FLUSH ? BLK_OK/BLK_F_FLUSH ? BLK_IOERR/'
expect 'one of fewer features' device fewer 's/| BLK_F_FLUSH |/|/'
script flush <<'T'
device blk
init
blk type=out sector=1
blk type=flush
blk sector=1
T
gives 1 "$plain" compare --device "$work/same.so" --device "$work/flush.so" "$work/flush"
says_like '^ *1 request FLUSH: answered with OK and IOERR$'
says 'operation 2 (blk); virtio 1.4: 5.2.6.2 (requests of a block device)'
says '1 scripts, 0 of them up to where the guest leaves a choice; 1 kinds of differences, 0 known'
printf '# of a disk without a cache\nrequest FLUSH: *\n' >"$work/known"
gives 0 "$plain" compare --known "$work/known" --device "$work/same.so" --device "$work/flush.so" "$work/flush"
says '1 kinds of differences, 1 known'
gives 0 "$plain" compare --device "$work/same.so" corpora/fuzz_blk
# what one of them does not offer is told, and not asked for
gives 0 "$plain" compare --device "$work/same.so" --device "$work/fewer.so" "$work/flush"
says_like '^second: .* features 0x110000044, '
says_like '^common: .* features 0x110000044, '

# ---- what cannot be compared ----

refuses 'nothing can be compared: one is a block, the other one a network device' \
	"$anvil" compare --device "$blk" --device "$net" "$work/read"
refuses '--device: give it once' "$anvil" compare "$work/read"
refuses '--device: give it once' "$anvil" compare --device "$blk" --device "$blk" --device "$blk" "$work/read"
refuses "$work/nowhere.so: cannot open" "$anvil" compare --device "$work/nowhere.so" "$work/read"
refuses "$work/nowhere.so: cannot open" "$anvil" compare --device "$blk" --device "$work/nowhere.so" "$work/read"
refuses "$work/no: No such file" "$anvil" compare --known "$work/no" --device "$blk" "$work/read"
refuses "$work/no: No such file" "$anvil" compare --device "$blk" "$work/no"
refuses 'give FILE|FOLDER' "$anvil" compare --device "$blk"

finish compare
