#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A target of somebody else's device goes on after a finding, tells each once, keeps its input, and takes
# a list of known ones: checked on the mistakes of tests/foreign/.
# Usage: tests/dut.sh DEVICES MSAN_ANVIL, with what make foreign-devices memory-devices build in DEVICES
set -u
devices=$1
anvil=$2
target=$devices/mine_blk/fuzz_mine_blk
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
. tests/lib.sh

# fuzz STATUS MISTAKE ARGUMENT...: the same inputs each time; libFuzzer would read its corpus again by the clock
fuzz() {
	wanted=$1
	mistake=$2
	shift 2
	rm -rf "$work/found"
	FOREIGN_MISTAKE=$mistake ANVIL_FINDINGS=$work/found gives "$wanted" "$target" -seed=1 -reload=0 "-artifact_prefix=$work/" "$@"
}

# told: the signatures of findings that were told, sorted; listed: those of the closing table
told() {
	sed -n 's/^anvil: finding [0-9]*: //p' "$work/err" | sort
}

listed() {
	sed -n 's/^ *[0-9][0-9]*  \([a-z]*:.*\)/\1/p' "$work/err" | sort
}

# counted SIGNATURE: how often it is in the table
counted() {
	sed -n "s/^ *\([0-9][0-9]*\)  $1.*/\1/p" "$work/err" | head -n 1
}

# often SIGNATURE: more than once
often() {
	[ "$(counted "$1")" -gt 1 ]
}

# finds MISTAKE RUNS SIGNATURE [FOLDER...]: that one among others, if any; each is told once, and kept
finds() {
	found_mistake=$1
	runs=$2
	found=$3
	shift 3
	what=$found_mistake${FOREIGN_UNWRITTEN:-}
	fuzz 1 "$found_mistake" "-runs=$runs" "$@"
	expect "$what: it goes on" grep -q "^Done $runs runs" "$work/err"
	expect "$what: the finding is in the table" grep -q "^ *[0-9]*  $found" "$work/err"
	expect "$what: it comes again and again" often "$found"
	is "$what: what is told" "$(listed)" "$(told)"
	is "$what: each once" "$(told | uniq)" "$(told)"
	is "$what: inputs that are kept" "$(told | wc -l)" "$(ls "$work/found" | wc -l)"
}

says_signature() {
	told | grep -qxF -- "$1"
}

# replays MISTAKE SIGNATURE: the file that the table gives for the first one of these, played again
replays() {
	file=$(grep -A 1 "^ *[0-9]*  $2" "$work/err" | sed -n '2s/^ *//p')
	wanted_signature=$(sed -n "s/^ *[0-9][0-9]*  \($2.*\)/\1/p" "$work/err" | head -n 1)
	mkdir -p "$work/again" && mv "$file" "$work/again/input"
	FOREIGN_MISTAKE=$1 ANVIL_FINDINGS=$work/found gives 1 "$target" "$work/again/input"
	expect "$1: the input gives the same signature" says_signature "$wanted_signature"
}

# ---- a device without mistakes ----

fuzz 0 '' -runs=2000
is 'complaints about a correct device' '' "$(grep '^anvil' "$work/err")"
expect 'nothing is kept of it' test ! -e "$work/found"

# ---- findings ----

finds BLK_WRITE_FLAG 20000 'violation:1 stores # bytes'
replays BLK_WRITE_FLAG violation:1
finds BLK_CONFIG_PAST_END 500 'address:global-buffer-overflow read in blk_read'
replays BLK_CONFIG_PAST_END address:
finds BLK_RANGE_WRAPS 4000 'undefined:addition of unsigned offset to # overflowed to # in do_'
replays BLK_RANGE_WRAPS undefined:
# what an address that is not checked leads to differs from process to process
finds BLK_ADDRESS_UNCHECKED 8000 'signal:SIGSEGV in '

# memory that the device does not touch itself: what it hands over, looked at by a harness without sanitizers
target=$devices/mine_net/fuzz_mine_net
mkdir "$work/corpus"
finds NET_TX_TRAILER 500 'address:stack-buffer-overflow read in transmitted < send_short < transmit' \
	"$work/corpus" corpora/fuzz_net
replays NET_TX_TRAILER address:
# and what is behind a frame that arrives
finds NET_RX_PAST_END 500 'address:use-after-poison read in net_receive' "$work/corpus" corpora/fuzz_net
replays NET_RX_PAST_END address:
rm -r "$work/corpus"

# far behind a variable of the device's, where the harness's would be, is something that nobody may touch
sed 's/blk_write(dut->opaque, offset, width, value);/if (offset == 0x50) ((volatile char *)\&blk)[sizeof(blk) + 200000] = 1;\n\t&/' \
	tests/foreign/mine_blk.c >"$work/mine_far.c"
gives 0 env -u MAKEFLAGS make --no-print-directory dut DUT="$work/mine_far.c" \
	SOURCES="tests/foreign/blk.c tests/foreign/mistakes.c" DUT_FLAGS=-Itests/foreign
target=$devices/mine_far/fuzz_mine_far
fuzz 1 '' -runs=200 corpora/fuzz_blk/read_one_sector
expect 'what is far behind a variable' grep -q '^anvil: finding 1: address:use-after-poison write in set' "$work/err"

# a length for malloc that no machine has is answered, and the campaign goes on
sed 's/status = execute(b, &c);/free(malloc((size_t)-64));\n\t&/' tests/foreign/blk.c | sed '1i #include <stdlib.h>' >"$work/much.c"
cp tests/foreign/mine_blk.c "$work/mine_much.c"
gives 0 env -u MAKEFLAGS make --no-print-directory dut DUT="$work/mine_much.c" \
	SOURCES="$work/much.c tests/foreign/mistakes.c" DUT_FLAGS=-Itests/foreign
target=$devices/mine_much/fuzz_mine_much
fuzz 0 '' -runs=2000
expect 'malloc of too much: it goes on' grep -q '^Done 2000 runs' "$work/err"

# ---- C++ ----

target=$devices/mine_cxx/fuzz_mine_cxx
fuzz 0 '' -runs=500
finds BLK_CONFIG_PAST_END 500 'address:.*buffer-overflow read in blk_read < .*block_device::read'
finds BLK_RANGE_WRAPS 4000 'undefined:addition of unsigned offset to # overflowed to # in do_'
replays BLK_RANGE_WRAPS undefined:

# one that ends by std::terminate, in three ways, again and again: each is told once, with the reason
sed 's/blk_write(&device, offset, width, value);/if (offset == 0x50) ends();\n\t\t&/' tests/foreign/mine_cxx.cc |
	sed '/^class block_device/i struct base {\
	base() { pass(); }\
	void pass() { pure(); }\
	virtual void pure() = 0;\
};\
struct derived : base {\
	void pure() override { }\
};\
void ends()\
{\
	static unsigned int times;\
	if (++times % 3 == 0)\
		throw std::runtime_error("short");\
	if (times % 3 == 1)\
		derived();\
	(void)std::vector<int>(2).at(times);\
}' | sed '1i #include <stdexcept>' >"$work/terminates.cc"
gives 0 env -u MAKEFLAGS make --no-print-directory "$devices/terminates/fuzz_terminates" DUT="$work/terminates.cc" \
	SOURCES='tests/foreign/blk.c tests/foreign/mistakes.c' DUT_FLAGS=-Itests/foreign
target=$devices/terminates/fuzz_terminates
fuzz 1 '' -runs=3000
for reason in 'std::terminate: nobody catches std::runtime_error' 'std::terminate: nobody catches std::out_of_range' \
	'a pure virtual function is called'; do
	is "how often it says '$reason'" 1 "$(grep -cxF "$reason" "$work/err")"
done
expect 'they come again and again' often 'signal:SIGABRT in .*::ends() < '
is 'what the library says by itself' '' "$(grep -E '^terminate|^pure virtual' "$work/err")"
target=$devices/mine_blk/fuzz_mine_blk

# ---- threads ----

# what a script says of them is all that decides; a crash of a thread names the device's function
target=$devices/mine_iot/fuzz_mine_iot
seeds="corpora/fuzz_blk corpora/fuzz_virtqueue corpora/fuzz_mmio $devices/seeds_iot"
mkdir "$work/corpus"
# shellcheck disable=SC2086 # folders
fuzz 0 '' -runs=20000 "$work/corpus" $seeds
is 'complaints about a correct device with threads' '' "$(grep '^anvil' "$work/err")"
rm -r "$work/corpus" && mkdir "$work/corpus"
# shellcheck disable=SC2086
finds IOT_BUSY_LATE 20000 'undefined:applying .* to null pointer in desc_at < walk < carry_out' "$work/corpus" $seeds
replays IOT_BUSY_LATE undefined:
rm -r "$work/corpus"
target=$devices/mine_blk/fuzz_mine_blk

# ---- MemorySanitizer ----

# memory KIND: the device's target and shared object, and its seeds behind a folder of their own
memory() {
	target=$devices/mine_$1-memory/fuzz_mine_$1
	so=$devices/mine_$1-memory/mine_$1.so
	seeds="corpora/fuzz_$1 crashes/fuzz_$1 corpora/fuzz_virtqueue corpora/fuzz_mmio"
	rm -rf "$work/corpus"
	mkdir "$work/corpus"
}

for kind in blk net; do
	memory $kind
	# shellcheck disable=SC2086 # folders
	fuzz 0 '' -runs=20000 "$work/corpus" $seeds
	is "complaints about a correct $kind device" '' "$(grep '^anvil' "$work/err")"
	# shellcheck disable=SC2086
	gives 0 "$anvil" play --quiet --device "$so" $seeds
	says ', 0 findings'
done

# unwritten NAME RUNS SIGNATURE FUNCTION: a finding of the target, whose input is one of anvil's, there. From
# clang 16 on a function may not return what nobody has written; the harness is not asked.
unwritten() {
	export FOREIGN_UNWRITTEN="$1"
	memory "$(echo "${1%%_*}" | tr '[:upper:]' '[:lower:]')"
	# shellcheck disable=SC2086
	finds '' "$2" "$3" "$work/corpus" $seeds
	# nothing of a script that was left is found in the next one; a part of a sector is not OK
	is "$1: broken rules" '' "$(told | grep '^violation' | grep -v '^violation:8 ')"
	replays '' "$3"
	gives 1 "$anvil" play --device "$so" "$work/again/input"
	says_like "^verdict: crash:use-of-uninitialized-value in $4\$"
	unset FOREIGN_UNWRITTEN
}

unwritten BLK_HEADER_REST 1000 'memory:use-of-uninitialized-value in .*execute' '(execute|do_in)'
unwritten BLK_ID_REST 1000 'memory:never written: guest RAM at # in copy_in < ' copy_in
says_like '^anvil: never written: guest RAM at 0x8'
unwritten BLK_USED_LEN 1000 'memory:never written: guest RAM at # in push_used' push_used
unwritten BLK_CONFIG_REST 1000 'memory:.* in .*blk_read' '(blk_read|read_offered|get)'
unwritten BLK_SECTOR_REST 5000 'memory:never written: disk, byte # in write_part' write_part
unwritten NET_PADDING 1000 'memory:never written: frame, byte # in .*transmit' '(transmitted|send_short)'
unwritten NET_RX_HEADER 1000 'memory:never written: guest RAM at # in copy_in < store_packet' copy_in

# asked MAKE_VARIABLE...: what cannot be built is said before anything is
asked() {
	refuses "$1" make -n dut DUT=tests/foreign/mine_blk.c "$2" "${3:-T=1}"
}
asked 'SANITIZER=thread: give address or memory' SANITIZER=thread
asked 'SANITIZER=memory: give ENGINE=libfuzzer' SANITIZER=memory ENGINE=afl
refuses 'SANITIZER=memory: is for a device of yours' make -n fuzz SANITIZER=memory
refuses 'SANITIZER=memory: the report is of SANITIZER=address' make -n report SANITIZER=memory DUT=tests/foreign/mine_blk.c
plain() {
	${CC:-cc} -shared -fPIC -D_GNU_SOURCE -Iharness -Itests/foreign tests/foreign/mine_blk.c tests/foreign/blk.c \
		tests/foreign/mistakes.c -o "$work/plain.so"
}
expect 'a device without sanitizers' plain
refuses 'not compiled with MemorySanitizer' "$anvil" play --device "$work/plain.so" corpora/fuzz_blk
target=$devices/mine_blk/fuzz_mine_blk

# ---- AFL++ ----

# what AFL++ itself keeps is counted before libFuzzer's target plays it
mkdir "$work/afl"
ln -s "$PWD/$devices"/mine_blk/fuzz_mine_blk* "$work/afl"
FOREIGN_MISTAKE=BLK_RANGE_START gives 1 ci/dut-campaign "$work/afl" fuzz_mine_blk afl \
	ci/dut-afl "$work/afl" mine_blk 2 1 corpora/fuzz_mmio
says_like '^AFL.*: [1-9][0-9]* inputs, .*; [1-9][0-9]* inputs that are findings'
expect 'a finding of AFL++' grep -q '^ *[0-9]*  address:heap-buffer-overflow .* in ' "$work/err"
inputs=$(sed -n 's/^AFL++: \([0-9]*\) inputs.*/\1/p' "$work/out")
record=$work/afl/campaigns/1/afl-fuzz_mine_blk.tsv
expect 'the record says how it ended' grep -qx '# state	done' "$record"
is 'inputs and findings of the record' "$inputs	$(told | wc -l)" "$(tail -n 1 "$record" | cut -f 2,6)"
refuses 'usage' ci/dut-afl "$devices/mine_blk"

# a device with threads has their turns made, too
mkdir "$work/threads"
ln -s "$PWD/$devices"/mine_iot/fuzz_mine_iot* "$work/threads"
gives 0 ci/dut-afl "$work/threads" mine_iot 2 1 corpora/fuzz_mmio
expect 'AFL++ has the mutator of threads' grep -q '=build/afl/mutator/dut_blk_threads.so$' "$work/threads/afl-out/main/fuzzer_setup"

# mutants MUTATOR: how many of 100 mutants of a seed, by seed 1, have a schedule
mutants() {
	rm -rf "$work/mutants"
	mkdir "$work/mutants"
	python3 - "$1" "$(find corpora/fuzz_mmio -type f | sort | head -n 1)" "$work/mutants" <<-'END'
		import ctypes, pathlib, sys
		mutator, seed, folder = ctypes.CDLL(sys.argv[1]), pathlib.Path(sys.argv[2]).read_bytes(), sys.argv[3]
		mutator.afl_custom_init.restype = ctypes.c_void_p
		mutator.afl_custom_fuzz.restype = ctypes.c_size_t
		state, made = ctypes.c_void_p(mutator.afl_custom_init(None, 1)), ctypes.c_void_p()
		for i in range(100):
		    size = mutator.afl_custom_fuzz(state, seed, ctypes.c_size_t(len(seed)), ctypes.byref(made), None, ctypes.c_size_t(0),
		                                   ctypes.c_size_t(4096))
		    pathlib.Path(folder, str(i)).write_bytes(ctypes.string_at(made, size))
	END
	for mutant in "$work"/mutants/*; do
		"$anvil" show "$mutant"
	done | grep -c '^schedule'
}
is 'schedules for a device without threads' 0 "$(mutants build/afl/mutator/dut_blk.so)"
expect 'that mutator makes turns of threads' [ "$(mutants build/afl/mutator/dut_blk_threads.so)" -gt 0 ]

# ---- the record of a campaign ----

FOREIGN_MISTAKE=BLK_WRITE_FLAG ANVIL_FINDINGS=$work/found gives 1 ci/dut-campaign "$work" fuzz_mine_blk libfuzzer \
	"$target" -seed=1 -runs=20000 "-artifact_prefix=$work/"
expect 'what is said passes through' grep -q '^Done 20000 runs' "$work/err"
record=$work/campaigns/1/libfuzzer-fuzz_mine_blk.tsv
expect 'the record says how it ended' grep -qx '# state	done' "$record"
is 'inputs and findings of the record' "20000	$(told | wc -l)" "$(tail -n 1 "$record" | cut -f 2,6)"
edges=$(sed -n 's/^#20000\tDONE  *cov: \([0-9]*\) .*/\1/p' "$work/err")
is 'edges of the record' "$edges" "$(tail -n 1 "$record" | cut -f 4)"

# ---- the end ----

FOREIGN_MISTAKE=BLK_WRITE_FLAG ANVIL_FINDINGS=$work/found "$target" -seed=1 "-artifact_prefix=$work/" >"$work/out" 2>"$work/err" &
fuzzer=$!
for try in $(seq 100); do
	grep -q '^anvil: finding' "$work/err" && break
	sleep 0.1
done
kill "$fuzzer"
wait "$fuzzer"
expect 'a campaign that is ended fails' test $? -ne 0
is 'what is told at the end' "$(told)" "$(listed)"

# ---- known ones ----

fuzz 1 BLK_WRITE_FLAG -runs=20000
{
	echo '# accepted'
	echo
	listed
} >"$work/known"
export ANVIL_KNOWN="$work/known"
fuzz 0 BLK_WRITE_FLAG -runs=20000
is 'known ones that are told' '' "$(told)"
expect 'they are counted' often violation:1
expect 'and marked' grep -qx ' *known' "$work/err"
expect 'and not kept' test ! -e "$work/found"
fuzz 1 BLK_RANGE_WRAPS -runs=4000
echo 'violation:1 *' >"$work/known"
fuzz 0 BLK_WRITE_FLAG -runs=20000
echo 'violation:3 *' >"$work/known"
# two requests and the question at the end; and that of an empty script, which is played first
fuzz 0 BLK_USED_LEN_ALL corpora/fuzz_blk/write_then_read_back
is 'a script goes on behind them' 4 "$(counted 'violation:3 .* room for')"
echo 'violation:10 *' >"$work/known"
fuzz 1 BLK_WRITE_FLAG -runs=20000
ANVIL_KNOWN=$work/none
answers 2 "$work/none" "$target" -runs=1

finish "devices of others"
