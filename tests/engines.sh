#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What anvil makes of its engines, with pretend ones that take no time: what AFL++ starts from, where
# what it keeps and finds ends up, and what is said when it cannot. Usage: tests/engines.sh ANVIL PLANTED, a
# good tool and one with tests/plant.sed in it.
. "$(dirname "$0")/lib.sh"
anvil=$1
planted=$2
work=build/engines
rm -rf "$work"
mkdir -p "$work/programs" "$work/path" "$work/empty" "$work/seeds/fuzz_x" "$work/afl/fast" \
	"$work/afl/asan" "$work/afl/cmplog" "$work/afl/mutator"

printed() {
	grep -qE -- "$1" "$work/out"
}

# A libFuzzer target: with -merge=1 the last argument is merged into the last but one. An input that
# begins with "crash WORD" or "hang WORD" ends it, unless it is MENDED; PRETEND: what else happens
cat >"$work/programs/fuzz_x" <<'END'
#!/bin/sh
merge=
for arg; do
	case $arg in
	-merge=1) merge=1 ;;
	-artifact_prefix=*) prefix=${arg#*=} ;;
	-max_total_time=*) seconds=${arg#*=} ;;
	-*) ;;
	*)
		folders="$folders $arg"
		into=$from
		from=$arg
		;;
	esac
done
if [ -n "$merge" ]; then
	i=0
	find "$from" -type f | while read -r file; do
		i=$((i + 1))
		cp "$file" "$into/merged_$i"
	done
	exit
fi

# ends KIND SUMMARY: of the input in the file "unit"
ends() {
	artefact=$prefix$1-$(sha1sum <"$unit" | cut -c -40)
	cp "$unit" "$artefact"
	echo "SUMMARY: $2"
	echo "Test unit written to $artefact"
	exit 77
}

case "$*" in
*-use_counters=0*) echo edges ;;
*) echo counts ;;
esac >>"${prefix%/*/*/}/turns"
name=${prefix%/}
unit=${prefix%/*/*/}/unit-${name##*/}
: >"$unit"
[ "$PRETEND" = hopeless ] && ends crash "Pretended: of no operation"
files=$(find $folders -type f)
IFS='
'
for file in $files; do
	head -c 4096 "$file" >"$unit"
	[ -z "$MENDED" ] || break
	IFS=' ' read -r kind word rest <"$unit"
	case $kind in
	crash | hang) ends "$kind" "Pretended: $word" ;;
	esac
done
printf '#2\tINITED cov: 5 ft: 5 corp: 2/48b rss: 30Mb\n'
if [ "$PRETEND" = shallow ]; then
	echo again >>"${prefix%/*/*/}/starts"
	starts=$(wc -l <"${prefix%/*/*/}/starts")
	echo "fuzzed $starts" >"$unit"
	[ "$starts" -ne 7 ] || ends crash "Pretended: deep"
	[ "$starts" -gt 7 ] || ends crash "Pretended: shallow"
fi
[ -z "$PRETEND" ] || sleep "$seconds"
printf '#90\tDONE   cov: 7 ft: 9 corp: 3/48b\n'
printf 'stat::number_of_executed_units: 90\nstat::peak_rss_mb:              31\n'
END
# afl-fuzz; PRETEND: what happens
cat >"$work/path/afl-fuzz" <<'END'
#!/bin/sh
for arg; do
	case $arg in
	-i*) in=${arg#-i} ;;
	-o*) out=${arg#-o} ;;
	-M* | -S*) name=${arg#-?} ;;
	-F*) more=${arg#-F} ;;
	esac
done
if [ "$PRETEND" = failure ]; then
	printf '\033[1;91m[-] PROGRAM ABORT : \033[0mpretended\n'
	exit 1
fi
me=$out/$name
mkdir -p "$me/queue" "$me/crashes" "$me/hangs"
find "$in" -type f | wc -l >"$me/inputs"
[ -z "$more" ] || find "$more" -type f | wc -l >"$me/more"
cp "$in/first/000000" "$me/queue/id:000000,time:0,execs:0,orig:first"
[ "$PRETEND" = nothing ] || printf '\001\002' >"$me/queue/id:000001,src:000000,mutation"
[ "$PRETEND" = crash ] && printf '\000\001' >"$me/crashes/id:000000,sig:06,src:000000,mutation"
[ "$PRETEND" = hang ] && printf '\000\001' >"$me/hangs/id:000000,src:000000,mutation"
if [ "$PRETEND" = slow ]; then
	printf '%-18s: %s\n' execs_done 1000 execs_per_sec 0 >"$me/fuzzer_stats"
	sleep 0.5
fi
[ "$PRETEND" = idle ] && exit
printf '%-18s: %s\n' execs_done 4000 execs_per_sec 2000.00 corpus_count 2 edges_found 11 \
	>"$me/fuzzer_stats"
END
chmod +x "$work/programs/fuzz_x" "$work/path/afl-fuzz"
cp "$work/programs/fuzz_x" "$work/programs/fuzz_empty"
printf 'device blk\ninit\nblk\n' >"$work/seeds/fuzz_x/text"
printf '\000\000\000' >"$work/seeds/fuzz_x/bytes"

command="fuzz --engines $work/programs --afl $work/afl --corpora $work/seeds --time 1 --out"
PATH=$(pwd)/$work/path:$PATH

runs 2 "$anvil" $command "$work/o" --engine honggfuzz
expect 'an unknown engine is named' complained 'libfuzzer or afl'
runs 2 env PATH="$work/empty" "$anvil" $command "$work/o" --engine afl
expect 'a missing afl-fuzz is named' complained 'no afl-fuzz in PATH'
runs 2 "$anvil" $command "$work/o" --engine afl
expect 'a missing program is named' complained 'afl/fast/fuzz_x'
for made in fast/fuzz_x fast/fuzz_empty asan/fuzz_x cmplog/fuzz_x mutator/fuzz_x.so; do
	cp "$work/programs/fuzz_x" "$work/afl/$made"
done
expect 'nothing is written before' [ ! -e "$work/o" ]

runs 0 "$anvil" $command "$work/o" --engine libfuzzer
expect "libFuzzer's numbers are in the table" printed '^fuzz_x +90 +[0-9]+ +7 +3 +31 +0 +-$'
record=$work/o/campaigns/1/libfuzzer-fuzz_x.tsv
expect 'they are in the record' grep -qE '^[0-9.]+	90	[0-9]+	7	3	0$' "$record"
expect 'the record says whose they are' [ "$(sed -n 's/^# [a-z]*	//p' "$record" | sed 3d | tr '\n' ' ')" = \
	'libfuzzer fuzz_x done ' ]

runs 0 "$anvil" $command "$work/o" --engine afl --jobs 3
expect "AFL++'s numbers are in the table" printed '^fuzz_x +12000 +[0-9]+ +11 +2 +[0-9]+ +0 +-$'
expect 'they are in the next record' grep -qE '^[0-9.]+	12000	[0-9]+	11	2	0$' "$work/o/campaigns/2/afl-fuzz_x.tsv"
expect 'all instances ran' [ "$(ls "$work/o/afl/run/fuzz_x/out" | tr '\n' ' ')" = 'asan cmplog main ' ]
expect 'it starts from the seeds and one of its own' [ "$(cat "$work/o/afl/run/fuzz_x/out/main/inputs")" -eq 3 ]
expect 'what it keeps is merged' [ "$(ls "$work/o/corpus/fuzz_x" | wc -l)" -eq 3 ]
expect 'what it kept is a script' cmp -n 2 "$work/o/corpus/fuzz_x/merged_1" \
	"$work/o/afl/run/fuzz_x/out/main/queue/id:000001,src:000000,mutation"
(cd "$work/o/campaigns" && mkdir $(seq 3 40) 9x notes && touch 3/afl-fuzz_x.tsv)
runs 0 "$anvil" $command "$work/o" --engine afl --jobs 1
expect 'the newest records are kept, and what is no campaign' \
	[ "$(ls "$work/o/campaigns" | sort -n | tr '\n' ' ')" = "notes 9x $(seq -s ' ' 22 41) " ]
expect 'the next run starts from the same' [ "$(cat "$work/o/afl/run/fuzz_x/out/main/inputs")" -eq 3 ]
expect 'and is given what was kept' [ "$(cat "$work/o/afl/run/fuzz_x/out/main/more")" -eq 3 ]
expect 'an instance with sanitizers always runs' [ -d "$work/o/afl/run/fuzz_x/out/asan" ]
expect 'the seeds are left as they are' [ "$(ls "$work/seeds/fuzz_x" | wc -l)" -eq 2 ]
runs 0 env PRETEND=nothing "$anvil" $command "$work/o3" --engine afl
expect 'nothing new is no failure' [ "$(ls "$work/o3/corpus/fuzz_x" | wc -l)" -eq 0 ]

runs 2 env PRETEND=idle "$anvil" $command "$work/o3" --engine afl
expect 'a target that ran nothing is no success' complained 'fuzz_x: ran no input'

runs 1 env PRETEND=crash "$anvil" $command "$work/o2" --engine afl
expect 'it is in the record' grep -qE '	1$' "$work/o2/campaigns/1/afl-fuzz_x.tsv"
expect 'a crash is a finding, once' printed '^fuzz_x .* 1 +[0-9.]+ s$'
expect 'that it does not happen again is said' printed 'finding 1 after .* did not happen again'
replay=$(sed -n 's/^  replay: //p' "$work/out")
expect 'its file is there' [ -s "${replay##* }" ]
expect 'its report is there' [ -s "${replay##* }.txt" ]
runs 0 $replay
expect 'the replay plays it' printed ': (ok|rejected)$'
runs 0 env PRETEND=hang "$anvil" $command "$work/o2" --engine afl
expect 'a hang that does not happen again is the machine' printed '^fuzz_x .* 0 +-$'

runs 2 env PRETEND=failure "$anvil" $command "$work/o" --engine afl
expect 'who failed is named' grep -q 'fuzz_x: afl-fuzz -M main exited with status 1' "$work/err"
expect 'the record says so' grep -qxF '# state	failed' "$work/o/campaigns/42/afl-fuzz_x.tsv"
expect 'its last lines are shown, plain' grep -q '^    \[-\] PROGRAM ABORT : pretended$' "$work/err"

runs 0 env PRETEND=slow "$anvil" bench --engine afl --engines "$work/programs" --afl "$work/afl" \
	--corpora "$work/seeds" --time 1 --rounds 1 --out "$work/o"
expect 'bench leaves out the seeds' printed '^fuzz_x +1500 +1500 +1500 +100\.0 %$'
expect 'and has no campaigns of AFL++' [ "$(grep -c campaigns "$work/out")" -eq 0 ]
runs 0 "$anvil" bench --engines "$work/programs" --corpora "$work/seeds" --time 1 --rounds 1 \
	--runs 90 --out "$work/bench"
expect 'libFuzzer runs as in a campaign, too' printed '^as campaigns run: .* of 90 by edges alone and 90 by counters'
expect 'how many edges those reach is said' printed '^fuzz_x +[0-9]+ +[0-9]+ +[0-9]+ +7$'
expect 'edges alone first, then counters' [ "$(tr '\n' ' ' <"$work/bench/turns")" = 'edges edges edges counts ' ]

# ---- inputs that end a target before all are read ----

counts() {
	[ "$(grep -cE -- "$2" "$work/out")" -eq "$1" ]
}

# long enough to go on
long="fuzz --engines $work/programs --afl $work/afl --time 6"

runs 0 env PRETEND=time "$anvil" $long --corpora "$work/seeds" --target x --out "$work/o10" --time 5
expect 'a short campaign looks for edges' [ "$(cat "$work/o10/turns")" = edges ]
runs 0 env PRETEND=time "$anvil" $long --corpora "$work/seeds" --target x --out "$work/o11"
expect 'a longer one for how often they are taken, too, in turns' [ "$(cat "$work/o11/turns")" = "edges
counts" ]
expect 'its inputs are those of both' printed '^fuzz_x +180 '

mkdir -p "$work/bad/fuzz_x/below" "$work/o5/corpus/fuzz_x"
cp "$work/seeds/fuzz_x/"* "$work/bad/fuzz_x"
for i in 1 2 3 4 5; do
	echo "crash one $i" >"$work/bad/fuzz_x/one_$i"
done
echo 'crash two' >"$work/bad/fuzz_x/below/two"
cp "$work/bad/fuzz_x/below/two" "$work/bad/fuzz_x/two_again"
{ echo 'hang three' && head -c 9000 /dev/zero; } >"$work/bad/fuzz_x/a long one"
echo 'crash four' >"$work/o5/corpus/fuzz_x/kept"
echo 'good' >"$work/o5/corpus/fuzz_x/good"
(cd "$work/bad" && find . -type f | sort | xargs -d '\n' sha1sum) >"$work/bad.before"

runs 1 env PRETEND=time "$anvil" $long --corpora "$work/bad" --out "$work/o5"
expect 'it is fuzzed behind inputs that end it' printed '^fuzz_x +(90|180) +[0-9]+ +7 +3 +31 +6 '
for name in "$work/bad/fuzz_x/one_5" "$work/bad/fuzz_x/below/two" "$work/bad/fuzz_x/two_again" \
	"'$work/bad/fuzz_x/a long one'" "$work/o5/corpus/fuzz_x/kept"; do
	expect "$name is named, once" counts 1 "^  set aside: $name\$"
done
expect 'how many is said' printed ' 9 inputs set aside$'
expect 'each of the mistakes is told' [ "$(sed -n 's/.*finding .*: Pretended: //p' "$work/out" | sort | tr '\n' ' ')" = \
	'four one one one three two ' ]
expect 'no report is missing' [ "$(ls "$work/o5/findings/fuzz_x" | grep -c '\.txt$')" -eq 6 ]
expect 'what is not told is not kept' [ "$(ls "$work/o5/findings/fuzz_x" | wc -l)" -eq 12 ]
expect 'what was kept earlier is moved' [ "$(ls "$work/o5/corpus/fuzz_x" "$work/o5/set-aside/fuzz_x" | tr '\n' ' ')" = \
	"$work/o5/corpus/fuzz_x: good  $work/o5/set-aside/fuzz_x: kept " ]
(cd "$work/bad" && find . -type f | sort | xargs -d '\n' sha1sum) >"$work/bad.after"
expect 'the seeds are left as they are' cmp "$work/bad.before" "$work/bad.after"
runs 0 env MENDED=1 "$anvil" $long --corpora "$work/bad" --out "$work/o5" --time 1
expect 'the next campaign tries them again' [ "$(ls "$work/o5/corpus/fuzz_x" "$work/o5/set-aside/fuzz_x" | tr '\n' ' ')" = \
	"$work/o5/corpus/fuzz_x: good kept  $work/o5/set-aside/fuzz_x: " ]

# of three targets at two jobs the one in the middle runs in two pieces
mkdir -p "$work/three" "$work/bad/fuzz_w" "$work/bad/fuzz_y"
cp "$work/programs/fuzz_x" "$work/three/fuzz_w"
cp "$work/programs/fuzz_x" "$work/three/fuzz_x"
cp "$work/programs/fuzz_x" "$work/three/fuzz_y"
rm "$work/bad/fuzz_x/text" "$work/bad/fuzz_x/bytes"
runs 1 env PRETEND=time "$anvil" $long --engines "$work/three" --corpora "$work/bad" --out "$work/o6" \
	--time 12 --jobs 2
expect 'it is fuzzed without seeds when each ends it' printed '^fuzz_x +(90|180) +[0-9]+ +7 +3 +31 +5 .* 8 inputs set aside$'
expect 'each is tried in one piece' counts 8 '^  set aside: '

runs 1 env PRETEND=hopeless "$anvil" $long --corpora "$work/seeds" --out "$work/o7"
expect 'that nothing can be fuzzed is said' printed '^fuzz_x: the input without an operation ends it: nothing can be fuzzed'
expect 'that is one finding' printed '^fuzz_x .* 1 +[0-9.]+ s  stopped$'

runs 1 env PRETEND=shallow "$anvil" $long --corpora "$work/seeds" --out "$work/o8"
expect 'behind one mistake is found another' printed 'finding 4 after .*: SUMMARY: Pretended: deep$'
expect 'what is alike is told three times' counts 3 'finding .*: SUMMARY: Pretended: shallow$'
expect 'and that it is no more' printed 'more that are alike are not told'
expect 'then it goes on' printed '^fuzz_x +[0-9]+ +[0-9]+ +7 +3 +31 +4 '
expect 'nothing of it is kept' [ "$(ls "$work/o8/findings/fuzz_x" | wc -l)" -eq 8 ]

# AFL++: this tool plays the seeds itself, and 40 of them are a mistake that was planted
mkdir -p "$work/many/fuzz_x"
for i in $(seq 40); do
	printf 'device blk\ninit\nblk sector=0x%x count=1\n' $((0x40 + i)) >"$work/many/fuzz_x/beyond_$i"
done
printf 'device blk size=6 flags=8\ninit\nused\nblk type=3 split=12 bits=0\n' >"$work/many/fuzz_x/behind"
cp "$work/seeds/fuzz_x/"* "$work/many/fuzz_x"
runs 1 "$planted" fuzz --engines "$work/programs" --afl "$work/afl" --corpora "$work/many" --time 1 \
	--engine afl --out "$work/o9"
expect 'AFL++ starts from the others, however many' [ "$(cat "$work/o9/afl/run/fuzz_x/out/main/inputs")" -eq 3 ]
expect 'each that is left out is named' counts 41 "^  set aside: $work/many/fuzz_x/be(yond_[0-9]+|hind)\$"
expect 'how many AFL++ left out is said' printed ' 41 inputs set aside$'
expect 'each of the mistakes is told there, too' printed 'finding .*heap-buffer-overflow.* in parse_get_id$'
expect 'what differs in numbers alone is alike' printed '^fuzz_x .* 4 +[0-9.]+ s  41 inputs set aside$'
expect 'what AFL++ keeps is kept nevertheless' [ "$(ls "$work/o9/corpus/fuzz_x" | wc -l)" -ge 1 ]

finish engines
