#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The tools that put known bugs back and measure how long finding them takes: a real bug that is
# shown, each way to go wrong named, a real race, and statistics of figures whose answer is known.
# Usage: tests/known_bugs.sh [afl]; afl: a race of AFL++ alone, which needs more to be built. To be
# there: build/asan/anvil, build/fuzz/fuzz_mmio, build/cov/anvil; afl: instead of the last one
# build/afl/asan/fuzz_mmio, build/afl/mutator.
. "$(dirname "$0")/lib.sh"
tree=build/known-bugs-test
[ "${1:-}" != afl ] || tree=build/known-bugs-afl
bug=tests/bugs/A01-notify-signed.patch
witness=crashes/fuzz_mmio/A01-notify-signed

rm -rf "$tree"
mkdir -p "$tree/build/fuzz"
# the sources may be on another file system than build/; objects are links, as what is changed here is put
# in the place of what there was
cp -a Makefile devices harness tests ci corpora crashes dictionaries "$tree" &&
	cp -al build/asan "$tree/build/" && cp -al build/fuzz/obj build/fuzz/fuzz_mmio "$tree/build/fuzz/" || exit 2
if [ "${1:-}" = afl ]; then
	mkdir -p "$tree/build/afl/asan"
	cp -al build/afl/asan/obj "$tree/build/afl/asan/" && cp -al build/afl/mutator "$tree/build/afl/" || exit 2
else
	mkdir -p "$tree/build/cov"
	cp -al build/cov/obj "$tree/build/cov/" || exit 2
fi
cd "$tree" || exit 2
work=build
mkdir -p "$PWD/build/tmp"

# change FILE SCRIPT: sed's script, without writing into the one that is linked
change() {
	sed "$2" "$1" >build/changed
	rm "$1"
	mv build/changed "$1"
}

# spoil FILE SCRIPT WORDS: with this change, the bug fails with these words
spoil() {
	cp "$1" build/kept
	change "$1" "$2"
	gives 1 ci/bugs/check A01
	says 'FAILED A01'
	says "$3"
	rm "$1"
	mv build/kept "$1"
}

if [ "${1:-}" = afl ]; then
	csv=build/bugs/race/afl-none
	gives 0 ci/bugs/race --engine afl --trials 1 --time 20 A01
	says 'A01    fuzz_mmio         1/1'
	expect 'its target counts the steps of devices' sh -c \
		"[ \"\$(objdump -d build/bugs/A01/bin/afl-full/fuzz_mmio | grep -c 'call.*<__wrap___sanitizer_cov_trace_pc>')\" -ge 100 ]"
	expect 'and the bytes that they copy' sh -c \
		"[ \"\$(objdump -d build/bugs/A01/bin/afl-full/fuzz_mmio | grep -c 'call.*<work_asan_mem[a-z]*>')\" -ge 5 ]"
	expect 'AFL++ finds it' grep -q '^A01,fuzz_mmio,afl,none,full,turns,1,20,.*,1,crash:' $csv-full.csv
	gives 0 ci/bugs/race --engine afl --trials 1 --time 20 --without races A01
	expect 'so it does without races' grep -q ',afl,none,races,turns,1,20,.*,1,crash:' $csv-races.csv
	gives 0 ci/bugs/race --engine afl --trials 1 --time 1 --without mutator A01
	expect 'without the mutator there is a trial' grep -q ',afl,none,mutator,turns,1,1,' $csv-mutator.csv
	gives 0 ci/bugs/race --engine afl --trials 1 --time 20 --seeds corpora A01
	expect 'a seed shows it before AFL++ runs' grep -q '^A01,.*,afl,corpora,full,turns,1,20,.*,1,' build/bugs/race/afl-corpora-full.csv
	finish "known bugs' tools"
fi

gives 0 ci/bugs/check A01
says 'ok     A01   crash:'
gives 0 ci/bugs/check A01 # once more: nothing to do
says 'bugs: 1 shown, 0 failed'
spoil $bug 's/^ \(.*[a-z]\)/ \1x/' "$bug: does not apply"
spoil $bug 's/^Signal: .*/Signal: wedged/' "$witness: crash:"
spoil $bug '/^Source/d' "$bug: its head has no Source"
spoil $bug 's/^+\(.*;\)/+#error/' "$bug: does not build"
mv $witness build/kept
gives 1 ci/bugs/check A01
says "$witness: there is no such witness"
mv build/kept $witness
mv build/asan/anvil build/kept
mkdir build/bin
printf '#!/bin/sh\nexit 1\n' >build/bin/fails
chmod +x build/bin/fails
cp build/bin/fails build/asan/anvil
rm -f build/bugs/A01/key
gives 1 ci/bugs/check A01
says "$witness: not silent on the devices as they are"
rm build/asan/anvil
gives 2 ci/bugs/check A01
complains 'no build/asan/anvil; make bugs builds it'
mv build/kept build/asan/anvil
gives 2 ci/bugs/check Z99
complains 'tests/bugs/Z99-*.patch: no such bug'

# a signal, when a program is known to run: it ends, and its tree goes
mkfifo build/began
printf '#!/bin/sh\necho $$ >build/began\nexec sleep 1000\n' >build/bin/patch
chmod +x build/bin/patch
PATH=$PWD/build/bin:$PATH ci/bugs/check A01 >build/out 2>build/err &
read -r child <build/began
kill $!
wait $!
is 'the status after a signal' 130 $?
expect 'nothing is said' test ! -s build/out -a ! -s build/err
expect 'what ran has ended' sh -c "! kill -0 $child"
expect 'the tree is gone' test -f build/bugs/A01/hardened -a ! -e build/bugs/A01/tree

gives 2 ci/bugs/tree tests/bugs/none.patch build/asan/anvil
complains 'tests/bugs/none.patch: no such patch'
gives 2 ci/bugs/tree $bug
complains 'it takes other arguments; --help has them'
gives 2 ci/bugs/tree $bug build/none/anvil
complains 'build/none/obj: make build/none/anvil first'

gives 2 ci/bugs/race --trials 0
complains '--trials 0'
gives 2 ci/bugs/race --time x
complains '--time x'
gives 2 ci/bugs/race --engine honggfuzz
complains '--engine honggfuzz'
gives 2 ci/bugs/race --seeds all
complains '--seeds all'
gives 2 ci/bugs/race --without sleep
complains '--without sleep'
gives 2 ci/bugs/race --plan slow
complains '--plan slow'
gives 2 ci/bugs/race --engine afl --plan edges
complains '--plan edges: of libFuzzer alone'
gives 2 ci/bugs/race --quiet
complains '--quiet: no such option'
gives 2 ci/bugs/race Z99
complains 'no such bug'
gives 2 ci/bugs/headline
complains 'nothing measured'
gives 2 ci/bugs/table build/bugs/race/none.csv
complains 'no such file'

gives 0 ci/bugs/race --trials 2 --time 20 A01
says 'A01    fuzz_mmio         2/2'
says '1 bugs, 2 trials each of 20 s'
expect 'a line for each trial' test "$(grep -c '^A01,fuzz_mmio,libfuzzer,none,full,turns,[12],20,.*,1,crash:' build/bugs/race/libfuzzer-none-full.csv)" -eq 2
says 'all 1 '
expect 'the page is XML' xmllint --noout --nonet build/bugs/index.html
expect 'it has the bug' grep -q '<td>A01 ' build/bugs/index.html

cp build/bugs/race/libfuzzer-none-full.csv build/kept.csv
gives 0 ci/bugs/race --trials 1 --time 20 --csv build/elsewhere/bugs.csv A01
says 'A01    fuzz_mmio         1/1'
expect 'it is where it was asked for' grep -q '^A01,.*,1,crash:' build/elsewhere/bugs.csv
expect 'nothing else has changed' cmp build/kept.csv build/bugs/race/libfuzzer-none-full.csv

gives 0 ci/bugs/race --trials 1 --time 1 --without mutator F08a
says_like '^F08a +fuzz_blk +0/1 +- +not reached$'
expect 'why it was not found' grep -qx 'F08a,libfuzzer-none-mutator,not reached' build/bugs/race/libfuzzer-none-mutator.reason
mv build/asan/anvil build/kept
cp build/bin/fails build/asan/anvil
gives 0 ci/bugs/race --trials 1 --time 20 A01
expect 'found on the devices as they are: not found' grep -q '^A01,.*,0,unconfirmed$' build/bugs/race/libfuzzer-none-full.csv
rm build/asan/anvil
mv build/kept build/asan/anvil
cp build/bin/fails build/bugs/A01/bin/libfuzzer-full/fuzz_mmio
gives 0 ci/bugs/race --trials 1 --time 1 A01
expect 'a trial that ends early is told' grep -q 'A01, trial 1: ended after 0.0. s, see build/bugs/A01/race/.*/log' build/err
change $bug 's/^+\(.*;\)/+#error/'
gives 2 ci/bugs/race A01
expect 'a bug that does not build is told' grep -q "ci/bugs/race: $bug: does not build, see build/bugs/A01/log" build/err

# csv NAME TIME...: of a bug that was found after these times; "-": not within a minute
csv() {
	name=$1
	shift
	mkdir -p build/bugs/race
	echo bug,target,engine,seeds,without,plan,trial,limit,seconds,found,what
	for t; do
		found=1
		[ "$t" != - ] || found=0 t=60.01
		echo "B99,fuzz_net,$(echo "$name" | tr - ,),turns,1,60,$t,$found,violation:9"
	done
}

rm -rf build/bugs/race
csv libfuzzer-none-full 1 2 3 4 5 >build/one.csv
csv libfuzzer-none-mutator 6 7 8 - - >build/two.csv
# U is 0; two of ten are tied: z = 12 / sqrt(25 / 12 * (11 - 6 / 90))
gives 0 python3 -B ci/bugs/races.py build/one.csv build/two.csv
says "libfuzzer-none-mutator	1	0.012	1.000	1	0"
gives 0 python3 -B ci/bugs/races.py build/two.csv build/one.csv
says "libfuzzer-none-full	1	0.012	0.000	0	1"
gives 0 python3 -B ci/bugs/races.py build/one.csv build/one.csv
says "libfuzzer-none-full	1	1	0.500	0	0"
# what the longer trials found later than the shorter could have does not count
csv libfuzzer-none-full 1 2 3 40 50 >build/one.csv
csv libfuzzer-none-oracle 1 2 3 - - | sed 's/,60,/,10,/' >build/short.csv
gives 0 python3 -B ci/bugs/races.py build/one.csv build/short.csv
says "libfuzzer-none-oracle	1	1	0.500	0	0"
csv libfuzzer-none-full 1 2 3 4 5 >build/one.csv
mkdir -p build/bugs/race
csv libfuzzer-none-full 1 2 - 3 - >build/bugs/race/libfuzzer-none-full.csv
gives 0 ci/bugs/headline
expect 'the median counts those not found' grep -Eq '^libfuzzer +none +- +turns +1 +5x60 +1 +1 +1 +3.00 s +3 s *$' build/out
csv libfuzzer-none-full 1 - - 2 - >build/bugs/race/libfuzzer-none-full.csv
gives 0 ci/bugs/headline
expect 'found by less than half is not found' grep -Eq '^libfuzzer +none +- +turns +1 +5x60 +0 +0 +0 +- +60 s *$' build/out
cp build/one.csv build/bugs/race/libfuzzer-none-full.csv
cp build/two.csv build/bugs/race/libfuzzer-none-mutator.csv
gives 0 ci/bugs/headline
expect 'a race is held against the first' grep -Eq '^libfuzzer +none +mutator +turns +1 +5x60 +1 +1 +0 +8.00 s +8 s +0.012$' build/out

finish "known bugs' tools"
