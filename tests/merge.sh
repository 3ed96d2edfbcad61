#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Merging corpora: the coverage stays, seeds keep their names, nothing is overwritten.
# Usage: tests/merge.sh ANVIL, with build/fuzz/fuzz_blk there.
. "$(dirname "$0")/lib.sh"
anvil=$1
work=build/merge-test
seeds=corpora/fuzz_blk
rm -rf "$work"
mkdir -p "$work/new"

# all_in FOLDER FOLDER: each file of the first is in the second, the same
all_in() {
	for file in "$1"/*; do
		cmp "$file" "$2/$(basename "$file")" || return 1
	done
}

coverage() {
	build/fuzz/fuzz_blk -runs=0 -use_counters=0 -max_len=4096 "$1" 2>&1 | sed -n 's/.*INITED cov: \([0-9]*\) .*/\1/p'
}

# a script that no seed is, and a seed by another name
printf 'device blk capacity=2 limits=2\ninit\nblk sector=0x123456789 wrong=7 where=9\nresize capacity=7\n' >"$work/script.txt"
"$anvil" pack "$work/script.txt" "$work/new/whatever"
cp "$seeds/read_one_sector" "$work/new/another"

expect 'merge' "$anvil" merge "$work/small" "$seeds"
count=$(find "$work/small" -type f | wc -l)
expect "some are enough ($count)" test "$count" -gt 5 -a "$count" -lt "$(find "$seeds" -type f | wc -l)"
expect 'seeds keep their names' all_in "$work/small" "$seeds"
expect 'the coverage stays' test "$(coverage "$work/small")" = "$(coverage "$seeds")"
expect 'the coverage is there' test "$(coverage "$seeds")" -gt 100

expect 'merge again' "$anvil" merge "$work/small/" "$seeds/"
expect 'nothing is added twice' test "$(find "$work/small" -type f | wc -l)" -eq "$count"

expect 'merge by target' "$anvil" merge --target blk "$work/both" "$work/new"
expect 'a seed gets its name back' cmp "$work/both/read_one_sector" "$seeds/read_one_sector"
for file in "$work"/both/*; do
	[ "$file" = "$work/both/read_one_sector" ] && continue
	expect "$file is called by its content" test "$(basename "$file")" = "$(sha1sum <"$file" | cut -d ' ' -f 1)"
	expect "$file is the new one" cmp "$file" "$work/new/whatever"
done
expect 'both are there' test "$(find "$work/both" -type f | wc -l)" -eq 2

# what is there stays as it is, whatever it is called
mkdir "$work/mine"
echo 'device blk' >"$work/mine/read_one_sector"
cp "$work/mine/read_one_sector" "$work/kept"
expect 'merge over a name' "$anvil" merge --target blk "$work/mine" "$work/new"
expect 'nothing is overwritten' cmp "$work/mine/read_one_sector" "$work/kept"
expect 'it came by another name' cmp "$work/mine/$(sha1sum <"$seeds/read_one_sector" | cut -d ' ' -f 1)" "$seeds/read_one_sector"
cp -r "$seeds" "$work/copy"
expect 'merge into seeds' "$anvil" merge --target blk "$work/copy" "$work/new"
expect 'the seeds are as they were' all_in "$seeds" "$work/copy"
# a file whose reading fails is no empty one
mkdir "$work/broken"
ln -s /proc/self/mem "$work/broken/bad"
"$anvil" merge --target blk "$work/broken" "$work/new" >"$work/told" 2>&1
expect 'a file that cannot be read is told' test $? -eq 2
expect 'and named' grep -q 'broken/bad: ' "$work/told"
expect 'nothing half-written' sh -c "! ls -d '$work'/*.part"

finish merge
