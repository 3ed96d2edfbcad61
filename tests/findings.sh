#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What comes after a finding, tried with a device that has mistakes: groups, small scripts, tests to
# commit. Usage: tests/findings.sh ANVIL PLANTED, a good tool and one with tests/plant.sed in it.
. "$(dirname "$0")/lib.sh"
anvil=$1
planted=$2
work=build/findings-test
rm -rf "$work"
mkdir -p "$work/in/fuzz_blk" "$work/in/fuzz_net"

pack() {
	printf '%s\n' "$2" >"$work/script.txt"
	"$anvil" pack "$work/script.txt" "$work/in/$1"
}

# two that make the device write behind a buffer, three that lead beyond the disk, of which one at a
# later operation, one that does nothing wrong, and two that never end: of one the steps are counted
pack fuzz_blk/crash-1 'device blk size=6 flags=8
init
used
blk type=3 split=12 bits=0
reset'
pack fuzz_blk/crash-2 'device blk
init
blk sector=3
fill byte=7 base=4 len=9
blk type=3 split=11 flags=1 sector=9'
pack fuzz_blk/crash-3 'device blk capacity=2
init
drain
blk sector=0x50 count=1'
pack fuzz_blk/crash-4 'device blk
init
blk type=1 sector=0x123
ack'
pack fuzz_blk/crash-5 'device blk
init
blk sector=0x40 flags=4
read offset=0x70
kick'
pack fuzz_net/slow-unit-1 'device net
init
tx'
pack fuzz_blk/timeout-1 'device blk
init
blk sector=5 count=3
blk type=4 sector=9 arg=0x100000000
used'
pack fuzz_blk/timeout-2 'device blk
init
blk sector=2
blk type=4 arg=0x777
reset'
# what the fuzzer said about one is no input
echo 'SUMMARY: nothing' >"$work/in/fuzz_blk/crash-1.txt"

groups='hang-blk heap-buffer-overflow-parse_get_id violation-10-blk violation-8-blk'
cp -r "$work/in" "$work/good"

gives 0 "$anvil" triage --out "$work/none" "$work/good"
expect 'no findings are no groups' grep -q '^8 inputs, 0 findings, 0 groups$' "$work/out"

gives 1 "$planted" triage --hang 1 --out "$work/triage" "$work/in"
cp "$work/out" "$work/table"
expect 'four groups' grep -q '^8 inputs, 7 findings, 4 groups$' "$work/table"
for g in $groups; do
	for file in input original script.txt report.txt summary.txt regression.c; do
		expect "$g has $file" test -s "$work/triage/$g/$file"
	done
	expect "$g is in the table" grep -q "^$g " "$work/table"
	expect "$g plays on a good device" "$anvil" play "$work/triage/$g/input"
	"$planted" play --hang 1 "$work/triage/$g/input" >"$work/played"
	expect "$g plays with its verdict" grep -qxF "$(grep '^verdict: ' "$work/triage/$g/report.txt")" "$work/played"
	expect "$g: text and bytes are the same script" sh -c \
		"'$anvil' pack '$work/triage/$g/script.txt' '$work/packed' && cmp '$work/packed' '$work/triage/$g/input'"
	size=$(wc -c <"$work/triage/$g/input")
	expect "$g is small ($size bytes)" test "$size" -le 72
done
expect 'the stack is told' grep -q '^#0 parse_get_id devices/virtio_blk_request.c:[0-9]*$' \
	"$work/triage/heap-buffer-overflow-parse_get_id/report.txt"
expect 'no address is told' sh -c "! grep -Eq '0x[0-9a-f]{9}|==[0-9]+==|/(devices|harness)/' \
	'$work'/triage/heap-buffer-overflow-parse_get_id/*.txt"
expect 'people are told' grep -q 'asks to read 1 sector' "$work/triage/violation-8-blk/summary.txt"

# the same inputs, the same output: over the old one, too
cp -r "$work/triage" "$work/first"
gives 1 "$planted" triage --hang 1 --out "$work/triage" "$work/in"
expect 'the same output' diff -r "$work/first" "$work/triage"
expect 'nothing half-written' test ! -e "$work/triage.part"

# the same output wherever the checkout is, and whatever the folders on the way to it are called
for where in plain "a b (c), café's [d]/devices/x in harness/tests"; do
	at=$work/$where
	mkdir -p "$at/build/planted"
	cp "$planted" "$at/build/planted/anvil"
	mkdir "$at/in" && cp -r "$work/in/fuzz_blk" "$at/in" && rm "$at/in/fuzz_blk/timeout-2"
	gives 1 env -C "$at" HOME="$at" TMPDIR="$at" build/planted/anvil triage --hang 1 --out build/triage in
	mv "$work/out" "$at/table"
done
expect 'the same output from another checkout' diff -r "$work/plain/build/triage" "$at/build/triage"
expect 'the same table from another checkout' cmp "$work/plain/table" "$at/table"
expect 'no checkout is told' sh -c "! grep -r 'BuildId\|$work' '$work/plain/build/triage'"

# the regressions compile, pass with a good device, and fail with this one
cc="${CLANG:-clang} -std=c11 -D_GNU_SOURCE -g $(sed -n 's/^WARNINGS := //p' Makefile)
	-fsanitize=address,undefined -fno-sanitize-recover=all -Idevices -Iharness"
# those of the sources that there are: a file that had another name left its object
for source in devices/*.c harness/*/*.c; do
	object=build/asan/obj/${source%.c}.o
	[ ! -e "$object" ] || echo "$object"
done | xargs ar rcs "$work/all.a"
for g in $groups; do
	regression=$work/triage/$g/regression.c
	# shellcheck disable=SC2086 # a list of words
	expect "$g: its test compiles" $cc "$regression" "$work/all.a" -lcmocka -o "$work/$g.good"
	# shellcheck disable=SC2086
	expect "$g: its test compiles" $cc "$regression" build/planted/virtio_blk_request.o "$work/all.a" -lcmocka -o "$work/$g.bad"
	expect "$g: its test passes" "$work/$g.good"
	expect "$g: its test fails with the mistake" sh -c "ulimit -t 10; ! timeout 100 '$work/$g.bad'"
done

# SARIF as code scanning wants it, and JSON
cat >"$work/right.py" <<'END'
import json, sys
what, path = sys.argv[1:]
told = json.load(open(path))
if what == "json":
    assert told["inputs"] == 8 and told["findings"] == 7
    groups = told["groups"]
    assert [len(group["inputs"]) for group in groups] == [1, 2, 1, 3]
    assert groups[1]["stack"][0]["function"] == "parse_get_id" and [group.get("rule") for group in groups[2:]] == [10, 8]
    sys.exit()
assert told["version"] == "2.1.0" and told["$schema"].endswith("sarif-2.1.0.json")
(run,) = told["runs"]
rules = run["tool"]["driver"]["rules"]
assert run["tool"]["driver"]["name"] == "virtio-anvil"
if what == "none":
    assert run["results"] == rules == []
    sys.exit()
assert len(run["results"]) == 4 and len({rule["id"] for rule in rules}) == len(rules) == 4
assert all(rule["shortDescription"]["text"] for rule in rules)
for result in run["results"]:
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"] and len(result["message"]["text"]) > 20
    (place,) = result["locations"]
    place = place["physicalLocation"]
    assert place["artifactLocation"]["uri"].startswith("devices/") and place["region"]["startLine"] > 0
    assert len(result["partialFingerprints"]) == 1
END
expect 'SARIF' python3 "$work/right.py" sarif "$work/triage/triage.sarif"
expect 'SARIF without findings' python3 "$work/right.py" none "$work/none/triage.sarif"
expect 'JSON' python3 "$work/right.py" json "$work/triage/triage.json"

finish findings
