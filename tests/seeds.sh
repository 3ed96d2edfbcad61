#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What a person can get wrong with a seed: each time one line that names the file and what is wrong,
# and nothing is written. Usage: tests/seeds.sh ANVIL TEST_SEEDS
. "$(dirname "$0")/lib.sh"
anvil=$1
test_seeds=$2
work=build/seeds-test
rm -rf "$work"
mkdir -p "$work/few/fuzz_blk"
cp tests/seeds/README.md "$work/few"
complaints() { # beside what cmocka says
	grep '^anvil: ' "$work/err"
}

# put FILE LINE...: a folder of seeds with this one alone
put() {
	mine=$work/seeds/$1
	shift
	rm -rf "$work/seeds" "$work/corpora"
	cp -r "$work/few" "$work/seeds"
	mkdir -p "$(dirname "$mine")"
	printf '%s\n' "$@" >"$mine"
}

writes() {
	"$test_seeds" --write "$work/seeds" "$work/corpora"
}

# wrong STATUS WORDS LINE...: a seed of these lines is not taken
wrong() {
	answer=$1
	words=$2
	shift 2
	put fuzz_blk/mine.txt "$@"
	answers "$answer" "anvil: $mine$words" writes
	expect 'nothing is written' test ! -e "$work/corpora"
}

# ---- a good one ----

put fuzz_blk/mine.txt '# shows: BLK_OUT_OK,BLK_IN_OK' '# a comment' 'device blk' init '# shows: RESET_LIVE' 'blk type=out' blk
gives 0 writes
"$anvil" pack "$mine" "$work/packed"
expect 'corpora/ has its bytes' cmp "$work/corpora/fuzz_blk/mine" "$work/packed"
"$anvil" show corpora/fuzz_blk/write_out_of_bounds >"$work/found.txt"
put fuzz_blk/mine.txt "$(cat "$work/found.txt")" '# ^ here (operation 3)' '# shows: BLK_OUT_BAD'
gives 0 writes
expect 'a copy of a script is a seed' cmp "$work/corpora/fuzz_blk/mine" corpora/fuzz_blk/write_out_of_bounds
put fuzz_blk/mine.txt '# shows: nothing' '# verdict: rejected' 'device blk' init 'blk wrong=head'
gives 0 writes
gives 1 "$anvil" health --all "$mine"
says 'reached: BREAK_HEAD ('
cp "$mine" "$work/corpora/fuzz_blk/linux_recorded"
gives 0 writes
cp "$mine" "$work/corpora/fuzz_blk/old"
answers 1 "corpora/fuzz_blk/old: no text in $work/seeds says it; write one (anvil show), or remove this file" writes

# ---- what is wrong with a text ----

wrong 2 ': no line "# shows: MILESTONE"; anvil health --all FILE lists which it reaches' 'device blk' init blk
wrong 2 ': no line "# shows: MILESTONE";' '# shows:' 'device blk' init blk
wrong 2 ': no line "# shows: MILESTONE";' '# show: BLK_IN_OK' 'device blk' init blk
wrong 2 ':1: there is no milestone "BLK_IN"; harness/base/milestones.h lists them' '# shows: BLK_IN' 'device blk' init blk
wrong 2 ':2: there is no verdict "wedged" of a seed; write ok or rejected' '# shows: BLK_IN_OK' '# verdict: wedged' 'device blk'
wrong 2 ':4: blk has no operand "speed=3"' '# shows: BLK_IN_OK' 'device blk' init 'blk speed=3'
head -c 70000 /dev/zero | tr '\0' '#' >"$work/large"
wrong 2 ': too large for a seed' "$(cat "$work/large")"
wrong 2 ':2: no "device" line' '# shows: BLK_IN_OK'
wrong 1 ': does not show BLK_OUT_OK (blk: a write succeeds)' '# shows: BLK_OUT_OK' 'device blk' init blk
wrong 1 ': its verdict is rejected, not ok, at operation 2' '# shows: BREAK_HEAD' 'device blk' init 'blk wrong=head'
wrong 1 ': its verdict is ok, not rejected, at operation 2' '# shows: BLK_IN_OK' '# verdict: rejected' 'device blk' init blk

# ---- or with its place ----

for place in fuzz_blk/mine fuzz_blk/mine.text fuzz_blk/.txt mine.txt fuzz_moon/mine.txt fuzz_blk/deep/mine.txt; do
	put "$place" '# shows: BLK_IN_OK' 'device blk' init blk
	case $place in
	*/.txt) answers 2 'seeds: no seeds in it' writes ;; # not visible
	*) answers 2 "$place: is no seed; name it TARGET/NAME.txt, TARGET as in harness/targets/" writes ;;
	esac
done
refuses 'absent: No such file' "$test_seeds" --write "$work/absent" "$work/corpora"
mkdir "$work/empty"
refuses 'empty: no files in it' "$test_seeds" --write "$work/empty" "$work/corpora"
refuses 'give SEEDS and CORPORA' "$test_seeds" "$work/seeds"

# ---- what the test says of all ----

# all: a copy of what is committed
all() {
	rm -rf "$work/seeds" "$work/corpora"
	cp -r tests/seeds corpora "$work"
}

# differs WORDS: one test fails, with one line of this
differs() {
	answers 1 "$1" "$test_seeds" "$work/seeds" "$work/corpora"
}

all
gives 0 "$test_seeds" "$work/seeds" "$work/corpora"
rm "$work/corpora/fuzz_net/statistics"
differs "corpora/fuzz_net/statistics: is not there; make seeds writes it from $work/seeds/fuzz_net/statistics.txt"
all
echo blk >>"$work/seeds/fuzz_blk/flush.txt"
differs "corpora/fuzz_blk/flush: is not what $work/seeds/fuzz_blk/flush.txt says; make seeds writes it anew"
rm "$work/seeds/fuzz_blk/flush.txt"
differs "corpora/fuzz_blk/flush: no text in $work/seeds says it"
all
sed -i 's/^# shows:.*/&, BLK_RESIZED/' "$work/seeds/fuzz_net/statistics.txt"
runs 2 "$test_seeds" "$work/seeds" "$work/corpora" # there and back
expect 'each play tells' test "$(complaints | grep -c 'fuzz_net/statistics.txt: does not show BLK_RESIZED ')" -eq 2
all
find "$work/seeds/fuzz_mmio" "$work/corpora/fuzz_mmio" -type f ! -name '[ab]*' -delete
differs 'seeds/fuzz_mmio: 2 seeds; a target has 10 at least'
finish seeds
