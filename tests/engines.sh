#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What anvil makes of its engines, with pretend ones that take no time: what AFL++ starts from, where
# what it keeps and finds ends up, and what is said when it cannot. Usage: tests/engines.sh ANVIL
anvil=$1
work=build/engines
rm -rf "$work"
mkdir -p "$work/programs" "$work/path" "$work/empty" "$work/seeds/fuzz_x" "$work/afl/fast" \
	"$work/afl/asan" "$work/afl/cmplog" "$work/afl/mutator"
passed=0
failed=0

bad() {
	echo "FAIL: $*"
	sed 's/^/    /' "$work/stdout" "$work/stderr"
	failed=$((failed + 1))
}

# runs STATUS COMMAND...
runs() {
	want=$1
	shift
	"$@" >"$work/stdout" 2>"$work/stderr" </dev/null
	status=$?
	[ $status -eq "$want" ] || bad "status $status instead of $want: $*"
}

# that WHAT CONDITION...
that() {
	what=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		bad "$what"
	fi
}

says() {
	grep -qE -- "$1" "$work/stdout"
}

complains() {
	[ "$(wc -l <"$work/stderr")" -eq 1 ] && grep -qF -- "$1" "$work/stderr"
}

# A libFuzzer target: with -merge=1 the last argument is merged into the last but one
cat >"$work/programs/fuzz_x" <<'END'
#!/bin/sh
merge=
for arg; do
	[ "$arg" = -merge=1 ] && merge=1
	into=$from
	from=$arg
done
if [ -n "$merge" ]; then
	i=0
	find "$from" -type f | while read -r file; do
		i=$((i + 1))
		cp "$file" "$into/merged_$i"
	done
else
	printf '#2\tINITED cov: 5 ft: 5 corp: 2/48b rss: 30Mb\n#90\tDONE   cov: 7 ft: 9 corp: 3/48b\n'
	printf 'stat::number_of_executed_units: 90\nstat::peak_rss_mb:              31\n'
fi
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
that 'an unknown engine is named' complains 'libfuzzer or afl'
runs 2 env PATH="$work/empty" "$anvil" $command "$work/o" --engine afl
that 'a missing afl-fuzz is named' complains 'no afl-fuzz in PATH'
runs 2 "$anvil" $command "$work/o" --engine afl
that 'a missing program is named' complains 'afl/fast/fuzz_x'
for made in fast/fuzz_x fast/fuzz_empty asan/fuzz_x cmplog/fuzz_x mutator/fuzz_x.so; do
	cp "$work/programs/fuzz_x" "$work/afl/$made"
done
that 'nothing is written before' [ ! -e "$work/o" ]

runs 0 "$anvil" $command "$work/o" --engine libfuzzer
that "libFuzzer's numbers are in the table" says '^fuzz_x +90 +[0-9]+ +7 +3 +31 +0 +-$'
record=$work/o/campaigns/1/libfuzzer-fuzz_x.tsv
that 'they are in the record' grep -qE '^[0-9.]+	90	[0-9]+	7	3	0$' "$record"
that 'the record says whose they are' [ "$(sed -n 's/^# [a-z]*	//p' "$record" | sed 3d | tr '\n' ' ')" = \
	'libfuzzer fuzz_x done ' ]

runs 0 "$anvil" $command "$work/o" --engine afl --jobs 3
that "AFL++'s numbers are in the table" says '^fuzz_x +12000 +[0-9]+ +11 +2 +[0-9]+ +0 +-$'
that 'they are in the next record' grep -qE '^[0-9.]+	12000	[0-9]+	11	2	0$' "$work/o/campaigns/2/afl-fuzz_x.tsv"
that 'all instances ran' [ "$(ls "$work/o/afl/run/fuzz_x/out" | tr '\n' ' ')" = 'asan cmplog main ' ]
that 'it starts from the seeds and one of its own' [ "$(cat "$work/o/afl/run/fuzz_x/out/main/inputs")" -eq 3 ]
that 'what it keeps is merged' [ "$(ls "$work/o/corpus/fuzz_x" | wc -l)" -eq 3 ]
that 'what it kept is a script' cmp -n 2 "$work/o/corpus/fuzz_x/merged_1" \
	"$work/o/afl/run/fuzz_x/out/main/queue/id:000001,src:000000,mutation"
(cd "$work/o/campaigns" && mkdir $(seq 3 40) 9x notes && touch 3/afl-fuzz_x.tsv)
runs 0 "$anvil" $command "$work/o" --engine afl --jobs 1
that 'the newest records are kept, and what is no campaign' \
	[ "$(ls "$work/o/campaigns" | sort -n | tr '\n' ' ')" = "notes 9x $(seq -s ' ' 22 41) " ]
that 'the next run starts from the same' [ "$(cat "$work/o/afl/run/fuzz_x/out/main/inputs")" -eq 3 ]
that 'and is given what was kept' [ "$(cat "$work/o/afl/run/fuzz_x/out/main/more")" -eq 3 ]
that 'an instance with sanitizers always runs' [ -d "$work/o/afl/run/fuzz_x/out/asan" ]
that 'the seeds are left as they are' [ "$(ls "$work/seeds/fuzz_x" | wc -l)" -eq 2 ]
runs 0 env PRETEND=nothing "$anvil" $command "$work/o3" --engine afl
that 'nothing new is no failure' [ "$(ls "$work/o3/corpus/fuzz_x" | wc -l)" -eq 0 ]

runs 2 env PRETEND=idle "$anvil" $command "$work/o3" --engine afl
that 'a target that ran nothing is no success' complains 'fuzz_x: ran no input'

runs 1 env PRETEND=crash "$anvil" $command "$work/o2" --engine afl
that 'it is in the record' grep -qE '	1$' "$work/o2/campaigns/1/afl-fuzz_x.tsv"
that 'a crash is a finding, once' says '^fuzz_x .* 1 +[0-9.]+ s$'
that 'that it does not happen again is said' says 'finding 1 after .* did not happen again'
replay=$(sed -n 's/^  replay: //p' "$work/stdout")
that 'its file is there' [ -s "${replay##* }" ]
that 'its report is there' [ -s "${replay##* }.txt" ]
runs 0 $replay
that 'the replay plays it' says ': (ok|rejected)$'
runs 0 env PRETEND=hang "$anvil" $command "$work/o2" --engine afl
that 'a hang that does not happen again is the machine' says '^fuzz_x .* 0 +-$'

runs 2 env PRETEND=failure "$anvil" $command "$work/o" --engine afl
that 'who failed is named' grep -q 'fuzz_x: afl-fuzz -M main exited with status 1' "$work/stderr"
that 'the record says so' grep -qxF '# state	failed' "$work/o/campaigns/42/afl-fuzz_x.tsv"
that 'its last lines are shown, plain' grep -q '^    \[-\] PROGRAM ABORT : pretended$' "$work/stderr"

runs 0 env PRETEND=slow "$anvil" bench --engine afl --engines "$work/programs" --afl "$work/afl" \
	--corpora "$work/seeds" --time 1 --rounds 1 --out "$work/o"
that 'bench leaves out the seeds' says '^fuzz_x +1500 +1500 +1500 +100\.0 %$'

echo "engines: $passed passed, $failed failed"
[ $failed -eq 0 ]
