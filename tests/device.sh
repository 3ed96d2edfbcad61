#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Devices of somebody else in shared objects, correct and with mistakes; and what is no device.
# Usage: tests/device.sh ANVIL PLAIN_ANVIL DEVICES, with what make foreign-devices builds in DEVICES
. "$(dirname "$0")/lib.sh"
anvil=$1
plain=$2
devices=$3
blk=$3/mine_blk/mine_blk.so
net=$3/mine_net/mine_net.so
cxx=$3/mine_cxx/mine_cxx.so
wide=$3/mine_wide/mine_wide.so
by_gcc=$3/by_gcc/mine_blk.so
work=build/device
rm -rf "$work"
mkdir -p "$work"

# ---- correct ones ----

gives 0 "$anvil" play --device "$blk" corpora/fuzz_blk
says_like ': ok$'
is 'verdicts other than ok and rejected' '' "$(grep -Ev ': (ok|rejected)$' "$work/out")"
gives 0 "$anvil" play --quiet --repeat 2 --device "$blk" corpora/fuzz_mmio corpora/fuzz_virtqueue
says ', 0 findings'
gives 0 "$anvil" play --device="$net" corpora/fuzz_net
says_like ': ok$'
is 'verdicts other than ok and rejected' '' "$(grep -Ev ': (ok|rejected)$' "$work/out")"
first=$(find corpora/fuzz_blk -type f | sort | head -n 1)
gives 0 "$anvil" play --no-fork --device "$blk" "$first"

# the device has more queues than this script: nobody watches what it sets up there by hand
printf '%s\n' 'device blk' init blk 'write offset=QueueSel value=20' 'write offset=QueueSize value=16' \
	'write offset=QueueDescLow value=0x80000000' 'write offset=QueueDriverLow value=0x80001000' \
	'write offset=QueueDeviceLow value=0x80014000' 'write offset=QueueReady value=1' \
	'write offset=QueueNotify value=20' >"$work/beyond.txt"
gives 0 "$anvil" play --device "$wide" "$work/beyond.txt"
says_like ': ok$'

# a file without a folder is in this one, not where libraries are
anvil_here=$PWD/$anvil
ln -s "$PWD/$blk" "$work/libmine.so"
gives 0 sh -c "cd $work && '$anvil_here' play --device libmine.so '$PWD/$first'"

# ---- correct in another way ----

# made NAME: the device in $work/mine_NAME.c and its source in $work/NAME.c
made() {
	gives 0 env -u MAKEFLAGS make --no-print-directory "$devices/mine_$1/mine_$1.so" DUT="$work/mine_$1.c" \
		SOURCES="$work/$1.c tests/foreign/mistakes.c" DUT_FLAGS=-Itests/foreign
}

# correct NAME FILE...: plays them, and none is a finding
correct() {
	made "$1"
	so=$devices/mine_$1/mine_$1.so
	shift
	gives 0 "$anvil" play --device "$so" "$@"
	says_like ': ok$'
	is "verdicts other than ok and rejected of $so" '' "$(grep -Ev ': (ok|rejected)$' "$work/out")"
}

# what is done for a chain stays done, if the device breaks before it gives the chain back
cp tests/foreign/mine_blk.c "$work/mine_at_the_end.c"
sed 's/^	answer(b, &c, status);$/	later[laters].c = c;\n	later[laters++].status = status;/
	s/^static bool serve_chain/static struct { struct chain c; uint8_t status; } later[1024];\nstatic unsigned int laters;\n\n&/
	s/^	.. the guest sets the flag and looks/	for (unsigned int i = 0; i < laters \&\& !(b->status \& STATUS_NEEDS_RESET); i++)\
		answer(b, \&later[i].c, later[i].status);\
	laters = 0;\n&/' tests/foreign/blk.c >"$work/at_the_end.c"
correct at_the_end corpora/fuzz_blk corpora/fuzz_virtqueue
printf '%s\n' 'device blk' init 'fill byte=0x5a base=data at=0x10 len=0x200' 'blk type=out flags=quiet sector=3' \
	'blk sector=5 wrong=loop' >"$work/breaks.txt"
gives 0 "$anvil" play --device "$so" "$work/breaks.txt"
says_like ': rejected$'

# a frame that was copied leaves after its chain was given back
cp tests/foreign/net.c "$work/late.c"
sed 's/^	host->sent(of->opaque, frame, len);/	if (keeps < 64 \&\& len <= sizeof(kept[0].bytes)) {\
		memcpy(kept[keeps].bytes, frame, len);\
		kept[keeps++].len = len;\
	}\
	(void)of;/
	s/^static void transmitted/static struct { size_t len; uint8_t bytes[2048]; } kept[64];\nstatic unsigned int keeps;\n\n&/
	s/^struct device_under_test .device_under_test(void)/static bool send_kept(struct device_under_test *dut)\
{\
	for (unsigned int i = 0; i < keeps; i++)\
		host->sent(dut, kept[i].bytes, kept[i].len);\
	keeps = 0;\
	return false;\
}\n\n&/
	s/^		.link = cable,/&\n		.poll = send_kept,/' tests/foreign/mine_net.c | sed '1i #include <string.h>' >"$work/mine_late.c"
correct late corpora/fuzz_net
# one that sends something else then is wrong all the same
sed -i 's/kept\[i\].len);/kept[i].len - (kept[i].len > 20));/' "$work/mine_late.c"
made late
gives 1 "$anvil" play --device "$devices/mine_late/mine_late.so" corpora/fuzz_net
says_like '^verdict: violation:9'

# a size that a ring cannot have is not taken
cp tests/foreign/mine_blk.c "$work/mine_sizes.c"
sed 's/^	uint64_t num = q->num;/	uint64_t num = q->num \& (q->num - 1) ? (q->num = BLK_QUEUE_MAX) : q->num;/' \
	tests/foreign/blk.c >"$work/sizes.c"
printf '%s\n' 'device blk' 'init wrong=no_queues' 'queue wrong=size_odd' blk blk blk >"$work/odd.txt"
correct sizes corpora/fuzz_virtqueue corpora/fuzz_blk "$work/odd.txt"

# used entries that are shown too early: where that is known, they are read when they are there
echo 'violation:5 *' >"$work/known"
gives 0 env FOREIGN_MISTAKE=BLK_INDEX_FIRST "$anvil" play --known "$work/known" --device "$blk" corpora/fuzz_blk corpora/fuzz_virtqueue
is 'verdicts of one that is known to show entries too early' '' "$(grep -Ev ': (ok|rejected)$' "$work/out")"

# ---- with a mistake ----

verdicts() {
	sed -n 's/^\(corpora\|build\)\([^ ]*: \)/\1\2/p' "$work/out"
}

# shows MISTAKE DEVICE VERDICT CORPUS: some scripts are findings, and one of them has this verdict; and all
# verdicts are the same when they are played again
shows() {
	gives 1 env FOREIGN_MISTAKE="$1" "$anvil" play --device "$2" "$4"
	verdicts >"$work/verdicts"
	gives 1 env FOREIGN_MISTAKE="$1" "$anvil" play --repeat 2 --device "$2" "$4"
	is "$1, again" "$(cat "$work/verdicts")" "$(verdicts)"
	says_like "^verdict: $3"
}

shows BLK_USED_LEN_ALL "$blk" violation:3 corpora/fuzz_blk
shows BLK_RESET_KEEPS_QUEUE "$blk" violation:6 corpora/fuzz_blk
shows BLK_HEADER_LENGTH "$blk" violation:2 corpora/fuzz_blk
shows BLK_CHAIN_ENDLESS "$blk" 'crash:stack-buffer-overflow in chain_add$' corpora/fuzz_virtqueue
shows BLK_QUEUE_ZERO "$blk" 'crash:undefined-behavior at tests/foreign/blk.c:' corpora/fuzz_mmio
shows NET_CTRL_UNANSWERED "$net" violation:4 corpora/fuzz_net
shows NET_TX_LONG "$net" 'crash:global-buffer-overflow in [a-z]' corpora/fuzz_net
shows BLK_USED_LEN_ALL "$cxx" violation:3 corpora/fuzz_blk
# a read behind the end of a disk of 128 sectors
printf 'device blk\ninit\nblk\nread offset=0x100\nblk sector=0x7f count=3\nblk\n' >"$work/end.txt"
shows BLK_RANGE_START "$blk" 'crash:heap-buffer-overflow in copy_in$' "$work/end.txt"
says_like '#1 .* in copy_in .*tests/foreign/blk.c:[0-9]'

# what it does when it is asked what it offers is a finding of its own, told once, and hides no other
asked() {
	env FOREIGN_MISTAKE=BLK_CONFIG_PAST_END "$anvil" play "$@" "$work/end.txt" "$work/past.txt"
}
printf 'device blk\ninit\nread offset=0x13c\n' >"$work/past.txt"
gives 1 asked --device "$blk" "$first"
says "$blk: crash:global-buffer-overflow in blk_read"
says 'died when it was asked what it offers, before the first script'
says_like '#1 .* in blk_read .*tests/foreign/blk.c:[0-9]'
is 'findings' 2 "$(grep -c '^verdict: crash:' "$work/out")"
says_like "^$first: ok$"
says 'end.txt: ok'
says 'past.txt: crash:global-buffer-overflow in blk_read'
signature=$(sed -n 's/^signature: //p' "$work/out")
is 'its signature' 'address:global-buffer-overflow read in blk_read < get' "$signature"
gives 1 asked --quiet --repeat 2 --device "$blk"
says '2 scripts, 2 findings'
echo "$signature" >"$work/known"
gives 1 asked --quiet --known "$work/known" --device "$blk"
says '2 scripts, 1 findings'
gives 0 env FOREIGN_MISTAKE=BLK_CONFIG_PAST_END "$anvil" shrink --device "$blk" "$work/past.txt" "$work/asked"
says ': crash:global-buffer-overflow in blk_read, 1 operations'

# the signature of the fuzz target, with whole names of C++
FOREIGN_MISTAKE=BLK_CONFIG_PAST_END ANVIL_FINDINGS=$work/found "$3/mine_cxx/fuzz_mine_cxx" -runs=1 2>"$work/fuzz"
gives 1 asked --device "$cxx"
says "signature: $(sed -n 's/^anvil: finding 1: //p' "$work/fuzz")"
says_like '^signature: .* < [(]anonymous namespace[)]::block_device::read[(]unsigned long, unsigned int[)] < '

# dies NAME CONDITION: a device that ends where a register is read
dies() {
	sed "s/const struct virtqueue .q = selected(b);/&\n	if ($2) abort();/" tests/foreign/blk.c |
		sed '1i #include <stdlib.h>' >"$work/$1.c"
	${CC:-cc} -shared -fPIC -D_GNU_SOURCE -Iharness -Itests/foreign tests/foreign/mine_blk.c "$work/$1.c" \
		tests/foreign/mistakes.c -o "$work/$1.so"
}
dies words 'offset == MMIO_DEVICE_FEATURES \&\& b->device_features_sel > 1'
gives 1 "$anvil" play --quiet --device "$work/words.so" corpora/fuzz_blk
says "$work/words.so: crash:Aborted"
says 'signature: crash:Aborted'
is 'findings' 1 "$(grep -c '^verdict: crash:' "$work/out")"
dies queues 'offset == MMIO_QUEUE_NUM_MAX \&\& b->queue_sel'
gives 1 "$anvil" play --device "$work/queues.so" "$first"
says_like "^$first: ok$"
# without a kind of device and without queues there is nothing to play on
dies kind 'offset == MMIO_DEVICE_ID'
refuses "$work/kind.so: no script can be played, as it does not say what it offers: crash:Aborted" \
	"$anvil" play --device "$work/kind.so" "$first"
says "$work/kind.so: crash:Aborted"
refuses 'no script can be played' "$anvil" triage --out "$work/none" --device "$work/kind.so" "$first"
refuses 'no script can be played' "$anvil" compare --device "$work/kind.so" "$first"
dies none 'offset == MMIO_QUEUE_NUM_MAX'
refuses "$work/none.so: it has 0 queues" "$anvil" play --device "$work/none.so" "$first"
says "$work/none.so: crash:Aborted"

# ends NAME VERDICT END: a device that ends the process in its way, at a request
ends() {
	sed "s/case TYPE_GET_ID:/&\n		$3;/" tests/foreign/blk.c | sed '1i #include <assert.h>\n#include <stdlib.h>' \
		>"$work/$1.c"
	${CC:-cc} -shared -fPIC -D_GNU_SOURCE -Iharness -Itests/foreign tests/foreign/mine_blk.c "$work/$1.c" \
		tests/foreign/mistakes.c -o "$work/$1.so"
	printf 'device blk\ninit\nblk\nblk type=get_id\nblk\n' >"$work/$1.txt"
	gives 1 "$anvil" play --device "$work/$1.so" "$work/$1.txt" "$work/end.txt"
	says "$1.txt: crash:$2"
	says '# ^ here (operation 2)'
	says_like 'end.txt: (ok|rejected)$'
	gives 0 "$anvil" shrink --device "$work/$1.so" "$work/$1.txt" "$work/$1.small"
	says "$1.small: crash:$2"
	says ', 2 operations, after'
}
ends asserts Aborted 'assert(!b->status)'

# a rule that is known to be broken hides nothing behind it
export FOREIGN_MISTAKE=BLK_USED_LEN_ALL
printf 'device blk\ninit\nfill byte=1 base=data len=0x200\nblk type=out\nblk type=get_id\n' >"$work/behind.txt"
printf '# what counts as written\nviolation:3 queue # gives chain # back with # bytes, *\n' >"$work/known"
gives 1 "$anvil" play --device "$work/asserts.so" "$work/behind.txt"
says 'behind.txt: violation:3'
gives 1 "$anvil" play --device "$work/asserts.so" --known "$work/known" "$work/behind.txt"
says 'behind.txt: crash:Aborted'
says '# ^ here (operation 3)'
gives 0 "$anvil" play --device "$blk" --known "$work/known" "$work/behind.txt"
gives 0 "$anvil" shrink --device "$work/asserts.so" --known "$work/known" "$work/behind.txt" "$work/behind.small"
says 'behind.small: crash:Aborted, 2 operations, after'
gives 1 "$anvil" triage --device "$work/asserts.so" --known "$work/known" --out "$work/behind" "$work/behind.txt"
says_like '^assertion-execute'
echo 'violation:2 *' >"$work/known"
gives 1 "$anvil" play --device "$blk" --known "$work/known" "$work/behind.txt"
says 'behind.txt: violation:3'
unset FOREIGN_MISTAKE
for command in play triage "shrink $work/behind.txt"; do
	# shellcheck disable=SC2086 # two words
	refuses '--known is for a device of yours' "$anvil" $command --known "$work/known" "$work/behind.txt"
done
refuses "$work/nowhere: No such file" "$anvil" play --device "$blk" --known "$work/nowhere" "$work/behind.txt"

ends aborts Aborted 'abort()'
ends exits 'exit status 7' 'exit(7)'
ends leaves 'exit status 0' 'exit(0)'

# ---- what is left open ----

# a queue that is stopped and started again: at its first entry, or where it was
sed 's/if (!mistake(BLK_RESET_KEEPS_INDEX))/if (!q->desc)/' tests/foreign/blk.c >"$work/goes_on.c"
${CC:-cc} -shared -fPIC -D_GNU_SOURCE -Iharness -Itests/foreign tests/foreign/mine_blk.c "$work/goes_on.c" \
	tests/foreign/mistakes.c -o "$work/goes_on.so"
printf 'device blk\ninit\nblk\nstop\nqueue\nblk\nblk\nblk\n' >"$work/again.txt"
for device in "$work/goes_on.so" "$blk"; do
	gives 0 "$anvil" play --device "$device" "$work/again.txt" corpora/fuzz_blk/legacy_resized
done
# it counts up to the next reset of the device
printf 'device blk\ninit\nstop\nqueue\ninit\nblk\n' >"$work/anew.txt"
gives 1 env FOREIGN_MISTAKE=BLK_USED_LEN_ALL "$anvil" play --device "$work/goes_on.so" "$work/anew.txt"
says 'anew.txt: violation:3'
says '# ^ here (operation 4)'

# ---- memory that is lost ----

# loses NAME SED: a device that does so
loses() {
	sed "$2" tests/foreign/blk.c | sed '1i #include <stdlib.h>' >"$work/$1.c"
	${CC:-cc} -shared -fPIC -g -fno-omit-frame-pointer -D_GNU_SOURCE -Iharness -Itests/foreign tests/foreign/mine_blk.c \
		"$work/$1.c" tests/foreign/mistakes.c -o "$work/$1.so"
}
lost='*(char *volatile *)\&(char *){ malloc(24) } = NULL;'
loses request "s/case TYPE_GET_ID:/&\n		$lost/"
printf 'device blk\ninit\nblk\nblk type=get_id\nblk\n' >"$work/id.txt"
for repeat in 1 2; do
	gives 1 "$anvil" play --repeat $repeat --device "$work/request.so" "$work/end.txt" "$work/id.txt" "$first" "$work/id.txt"
	is 'verdicts' "$work/end.txt: ok $work/id.txt: leak:execute $first: ok $work/id.txt: leak:execute " \
		"$(grep -E ': (ok|leak:.*)$' "$work/out" | grep -v '^verdict' | tr '\n' ' ')"
done
says_like "#1 .* in execute .*$work/request.c:[0-9]"
gives 0 "$anvil" shrink --device "$work/request.so" "$work/id.txt" "$work/id.small"
says ': leak:execute, 2 operations'
gives 1 "$anvil" triage --out "$work/lost" --device "$work/request.so" "$work/id.txt" "$work/end.txt"
says_like "^leak-execute +request +1 +2  execute at $work/request.c:[0-9]+$"
expect 'it is told in words' grep -q 'lost memory that was allocated in execute' "$work/lost/leak-execute/summary.txt"
gives 1 "$anvil" compare --device "$work/request.so" "$work/id.txt"
says 'verdict on the first: leak:execute'
# without a sanitizer nobody looks
gives 0 "$plain" play --device "$work/request.so" "$work/id.txt"

# at each power cycle: that is no script's
loses cycle "/^void blk_init/,/^{/ s/^{/{\n$lost/"
gives 1 "$anvil" play --device "$work/cycle.so" "$first" "$work/end.txt"
says "$work/cycle.so: leak:blk_init"
is 'findings' 1 "$(grep -c '^verdict: ' "$work/out")"
echo 'leak:blk_init' >"$work/known"
gives 0 "$anvil" play --known "$work/known" --device "$work/cycle.so" "$first"

# of two ways to break a rule, the smallest script has the one that the finding has
cp tests/foreign/mine_blk.c "$work/mine_ways.c"
sed 's/^	last->host\[last->len - 1\] = status;/	if (c->in_len != 21)\n	&/
	s/^	push_used(&b->vq\[0\], c);/	if (c->in_len == 513)\n		c->written = 600;\n&/' tests/foreign/blk.c >"$work/ways.c"
made ways
printf 'device blk\ninit\nblk type=get_id\n' >"$work/ways.txt"
gives 0 "$anvil" shrink --device "$devices/mine_ways/mine_ways.so" "$work/ways.txt" "$work/ways.small"
gives 1 "$anvil" play --device "$devices/mine_ways/mine_ways.so" "$work/ways.small"
says_like '^reason: .* of which it stored'

# a million steps for a request, without a look at memory; and for ever
busy() {
	sed "s/status = execute(b, &c);/for (volatile unsigned int i = 0; i < $2; i++)\n		;\n	&/" tests/foreign/blk.c >"$work/$1.c"
	cp tests/foreign/mine_blk.c "$work/mine_$1.c"
	made "$1"
	gives "$3" "$anvil" play --device "$devices/mine_$1/mine_$1.so" "$first"
}
busy little 1000 0
busy busy 1000000 1
says_like '^reason: computes more than [0-9]* steps in one call, for what it was given$'
busy endless 'i + 1' 1
says 'verdict: violation:10'

# what a device has allocated when it is left in the middle of a call is not lost by it
sed 's/status = execute(b, &c);/char *volatile held = malloc(99);\n	&/; s/^	answer(b, &c, status);/&\n	free(held);/' \
	tests/foreign/blk.c | sed '1i #include <stdlib.h>' >"$work/left.c"
cp tests/foreign/mine_blk.c "$work/mine_blk_left.c"
gives 0 env -u MAKEFLAGS make --no-print-directory "$3/mine_blk_left/mine_blk_left.so" DUT="$work/mine_blk_left.c" \
	SOURCES="$work/left.c tests/foreign/mistakes.c" DUT_FLAGS=-Itests/foreign
breaks=corpora/fuzz_virtqueue/readable_after_writable
gives 1 env FOREIGN_MISTAKE=BLK_WRITE_FLAG "$anvil" play --device "$3/mine_blk_left/mine_blk_left.so" \
	"$breaks" "$first" "$breaks" "$first"
is 'verdicts' 'violation:1 ok violation:1 ok ' "$(sed -n 's/^corpora.*: //p' "$work/out" | tr '\n' ' ')"

# throws NAME STATEMENT: a device in C++ that does this at each notification
throws() {
	sed "s/blk_write(&device, offset, width, value);/if (offset == 0x50) { $2 }\n		&/" tests/foreign/mine_cxx.cc |
		sed '1i #include <stdexcept>' >"$work/$1.cc"
	for source in blk mistakes; do
		${CC:-cc} -c -fPIC -D_GNU_SOURCE -Itests/foreign "tests/foreign/$source.c" -o "$work/$source.o"
	done
	clang++ -shared -fPIC -D_GNU_SOURCE -Iharness -Itests/foreign "$work/$1.cc" "$work/blk.o" "$work/mistakes.o" \
		-o "$work/$1.so"
}
throws caught 'try { throw std::runtime_error("short"); } catch (const std::exception \&) { }'
gives 0 "$anvil" play --device "$work/caught.so" corpora/fuzz_blk/write_then_read_back
throws uncaught 'throw std::runtime_error("a short chain");'
gives 1 "$anvil" play --device "$work/uncaught.so" corpora/fuzz_blk/write_then_read_back
says 'write_then_read_back: crash:Aborted'
says '# ^ here (operation 2)'
says 'a short chain'

export FOREIGN_MISTAKE=BLK_RANGE_START
gives 0 "$anvil" shrink --device "$blk" "$work/end.txt" "$work/small"
says ': crash:heap-buffer-overflow in copy_in, 2 operations, after'
gives 1 "$anvil" play --device "$blk" "$work/small"
says 'verdict: crash:heap-buffer-overflow in copy_in'
unset FOREIGN_MISTAKE
gives 0 "$anvil" play --device "$blk" "$work/small"
refuses 'its verdict is ok' "$anvil" shrink --device "$blk" "$work/small" "$work/smaller"

# ---- in groups ----

# triages MISTAKE DEVICE INPUT...
triages() {
	mistake=$1
	shift
	gives 1 env FOREIGN_MISTAKE="$mistake" "$anvil" triage --out "$work/triage" --device "$@"
}

# sarif FILE LINE: the one finding is told there
sarif() {
	expect "SARIF tells $1:$2" python3 -c '
import json, sys
run = json.load(open(sys.argv[1]))["runs"][0]
[result] = run["results"]
place = result["locations"][0]["physicalLocation"]
assert place["artifactLocation"] == {"uri": sys.argv[2], "uriBaseId": "%SRCROOT%"}, place
assert sys.argv[3] in ("", str(place["region"]["startLine"])), place
' "$work/triage/triage.sarif" "$1" "$2"
}

triages BLK_RANGE_START "$blk" "$work/end.txt" corpora/fuzz_blk/write_then_read_back
says_like '^heap-buffer-overflow-copy_in mine_blk +1 +2  copy_in at tests/foreign/blk.c:[0-9]+$'
says '2 inputs, 1 findings, 1 groups'
sarif tests/foreign/blk.c "$(grep -n 'memcpy(c->buf.i..host, src, n)' tests/foreign/blk.c | cut -d: -f1)"
group=$work/triage/heap-buffer-overflow-copy_in
expect 'its summary says how to see it again' \
	grep -qF "$anvil play --device $blk $group/input" "$group/summary.txt"
is 'files of a group' 'input original report.txt script.txt summary.txt ' "$(ls "$group" | tr '\n' ' ')"
gives 1 env FOREIGN_MISTAKE=BLK_RANGE_START "$anvil" play --device "$blk" "$group/input"
says 'verdict: crash:heap-buffer-overflow in copy_in'
triages BLK_USED_LEN_ALL "$blk" "$work/end.txt"
sarif "$blk" 1
cp "$blk" "$work/50% of #1.so"
triages BLK_USED_LEN_ALL "$work/50% of #1.so" "$work/end.txt"
sarif "$work/50%25%20of%20%231.so" 1
triages BLK_CONFIG_PAST_END "$blk" "$work/end.txt" corpora/fuzz_blk/write_then_read_back
says_like '^global-buffer-overflow-blk_read +mine_blk +1 +0  blk_read at tests/foreign/blk.c:[0-9]+$'
says '2 inputs, 1 findings, 1 groups'
# sources anywhere, and an assertion there
triages '' "$work/asserts.so" "$work/asserts.txt"
says_like " 2  execute at $work/asserts.c:[0-9]+$"
sarif "$work/asserts.c" ''
refuses "$work/nowhere.so: cannot open" "$anvil" triage --out "$work/none" --device "$work/nowhere.so" "$work/end.txt"
refuses "$blk: what is exported shows our devices" "$anvil" export --device "$blk" "$work/end.txt"

# ---- what is no device ----

# not_played WORDS DEVICE
not_played() {
	refuses "$1" "$anvil" play --device "$2" "$first"
	refuses "$1" "$anvil" play --no-fork --device "$2" "$first"
	refuses "$1" "$anvil" shrink --device "$2" "$first" "$work/smaller"
}

# library NAME: of what is on stdin, without sanitizers
library() {
	${CC:-cc} -shared -fPIC -Iharness -x c - -o "$work/$1.so"
}

not_played "$work/nowhere.so: cannot open shared object file: No such file" "$work/nowhere.so"
not_played "README.md: " README.md
echo 'int nothing;' | library nothing
not_played "$work/nothing.so: no device: it has no function device_under_test" "$work/nothing.so"
library null <<'C'
#include "device/device_under_test.h"
struct device_under_test *device_under_test(void) { return NULL; }
C
not_played "$work/null.so: device_under_test() returns NULL" "$work/null.so"
library old <<'C'
#include "device/device_under_test.h"
static struct device_under_test old = { .version = 99 };
struct device_under_test *device_under_test(void) { return &old; }
C
not_played "$work/old.so: made for version 99 of the door" "$work/old.so"
refuses "$blk: create: Invalid argument (FOREIGN_MISTAKE=NO: " \
	env FOREIGN_MISTAKE=NO "$anvil" play --device "$blk" "$first"
library dies <<'C'
#include "device/device_under_test.h"
#include <stdlib.h>
static int die(struct device_under_test *dut, const struct dut_host *host) { abort(); }
static void power_cycle(struct device_under_test *dut) { }
static uint64_t get(struct device_under_test *dut, uint64_t at, unsigned int width) { return 0; }
static void set(struct device_under_test *dut, uint64_t at, unsigned int width, uint64_t value) { }
static struct device_under_test dies = { .version = DUT_VERSION, .create = die,
	.power_cycle = power_cycle, .read = get, .write = set };
struct device_under_test *device_under_test(void) { return &dies; }
C
refuses "$work/dies.so: before a script was played: crash:" "$anvil" play --device "$work/dies.so" "$first"
library hangs <<'C'
#include "device/device_under_test.h"
static int hang(struct device_under_test *dut, const struct dut_host *host) { for (;;) __asm__ volatile(""); }
static void power_cycle(struct device_under_test *dut) { }
static uint64_t get(struct device_under_test *dut, uint64_t at, unsigned int width) { return 0; }
static void set(struct device_under_test *dut, uint64_t at, unsigned int width, uint64_t value) { }
static struct device_under_test hangs = { .version = DUT_VERSION, .create = hang,
	.power_cycle = power_cycle, .read = get, .write = set };
struct device_under_test *device_under_test(void) { return &hangs; }
C
for sectors in 0 4194304; do
	library disk$sectors <<C
#include "device/device_under_test.h"
static int create(struct device_under_test *dut, const struct dut_host *host) { return 0; }
static void power_cycle(struct device_under_test *dut) { }
static uint64_t get(struct device_under_test *dut, uint64_t at, unsigned int width) { return 0; }
static void set(struct device_under_test *dut, uint64_t at, unsigned int width, uint64_t value) { }
static char disk[512];
static struct device_under_test d = { .version = DUT_VERSION, .create = create, .power_cycle = power_cycle,
	.read = get, .write = set, .disk = disk, .sectors = $sectors };
struct device_under_test *device_under_test(void) { return &d; }
C
	refuses "disk$sectors.so: its disk has $sectors sectors: 1 to" \
		"$anvil" play --device "$work/disk$sectors.so" "$first"
done
refuses "$work/hangs.so: before a script was played: hang;" \
	"$anvil" play --hang 1 --device "$work/hangs.so" "$first"
for callback in create power_cycle read write; do
	library no_$callback <<C
#include "device/device_under_test.h"
static int create(struct device_under_test *dut, const struct dut_host *host) { return 0; }
static void power_cycle(struct device_under_test *dut) { }
static uint64_t get(struct device_under_test *dut, uint64_t at, unsigned int width) { return 0; }
static void set(struct device_under_test *dut, uint64_t at, unsigned int width, uint64_t value) { }
struct device_under_test *device_under_test(void)
{
	static struct device_under_test d = { .version = DUT_VERSION, .create = create,
		.power_cycle = power_cycle, .read = get, .write = set };
	d.$callback = 0;
	return &d;
}
C
	refuses "$work/no_$callback.so: $callback is NULL in its struct device_under_test; define it" \
		"$anvil" play --device "$work/no_$callback.so" "$first"
done
refuses '--device: give its FILE' "$anvil" play "$first" --device
expect 'a shrink that failed writes nothing' test ! -e "$work/smaller"

# ---- without clang's sanitizers ----

refuses 'what make dut builds is for build/asan/anvil' "$plain" play --device "$blk" "$first"
gives 0 "$plain" play --quiet --device "$by_gcc" corpora/fuzz_blk
says ', 0 findings'
gives 1 env FOREIGN_MISTAKE=BLK_HEADER_LENGTH "$plain" play --device "$by_gcc" corpora/fuzz_blk
says 'verdict: violation:2'
refuses 'what make dut builds is for build/asan/anvil' "$anvil" play --device "$by_gcc" "$first"

untapped() {
	${CC:-cc} -shared -fPIC -D_GNU_SOURCE -Iharness -Itests/foreign tests/foreign/mine_blk.c \
		tests/foreign/blk.c tests/foreign/mistakes.c -o "$work/untapped.so"
}
expect 'a device without a tap' untapped
printf 'device blk\ninit\nread offset=0x100\n' >"$work/read.txt"
# a status in the available ring: what is available next is another chain, whose buffers are to be found, too
printf 'device blk ring=in_order\ninit\nblk type=out split=one\nrx count=8 len=11bytes wrong=over_avail\n' >"$work/over.txt"
for program in "$plain" "$anvil"; do
	gives 0 "$program" play --device "$work/untapped.so" "$work/read.txt" "$work/over.txt"
done

finish 'devices in shared objects'
