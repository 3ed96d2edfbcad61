#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Scripts without the harness: C programs against devices/ alone, which must see what the harness
# saw, and commands for stock QEMU. Usage: tests/export.sh ANVIL PLANTED [all], a good tool and one
# with tests/plant.sed in it; `all` compiles every script, not one in forty.
. "$(dirname "$0")/lib.sh"
anvil=$1
planted=$2
every=40
[ "${3:-}" = all ] && every=1
work=build/export-test
rm -rf "$work"
mkdir -p "$work"

# scripts with a device that others have, too
find crashes corpora -type f | sort | while read -r script; do
	"$anvil" export --as qtest "$script" >"$work/one.qtest" 2>"$work/log" || continue
	echo "$script" >>"$work/scripts"
	# QEMU may have a known bug itself: Debian 12's ends at a frame shorter than its header
	[ ! -e "tests/bugs/${script##*/}.patch" ] || continue
	{
		read -r _
		read -r _
		read -r _ _ device _ # "#   device blk"
	} <"$work/one.qtest"
	{
		echo 'writel 0xfeb02e70 0x0' # the device is reset between them
		cat "$work/one.qtest"
	} >>"$work/all-$device.qtest"
done
expect 'there are scripts of both devices' test -s "$work/all-blk.qtest" -a -s "$work/all-net.qtest"

# ---- C ----

cc="${CLANG:-clang} -std=gnu11 -g -O0 -fsanitize=address,undefined -fno-sanitize-recover=all -Idevices"
own='guest_memory|state_bytes|descriptor_chain|virtqueue|virtio|zoned_disk'
# of the sources that there are: objects of others may be left from before
objects=$(find devices -name '*.c' | sed -nE "s#^(devices/($own)[^/]*)\.c#build/asan/obj/\1.o#p" | sort)
objects="$objects build/asan/obj/harness/base/work.o" # what they count with

# runs_same SCRIPT: without an error, and each register reads as it did
runs_same() {
	"$anvil" export --as c "$1" >"$work/one.c" &&
		$cc -Wall -Wextra -Werror "$work/one.c" $objects -o "$work/one" &&
		"$work/one" >"$work/said" && [ ! -s "$work/said" ]
}

number=0
while read -r script; do
	number=$((number + 1))
	case $script in
	crashes/* | */eager_guest) ;;
	*) [ $((number % every)) -eq 0 ] || continue ;;
	esac
	if runs_same "$script" >"$work/log" 2>&1; then
		pass
	else
		fail "$script as C: $(cat "$work/log" "$work/said" | head -n 5)"
	fi
done <"$work/scripts"

# QEMU's machine has no such guests
for script in corpora/fuzz_blk/big_endian_requests corpora/fuzz_net/big_endian_filters; do
	expect "$script as C" runs_same "$script"
done

# as_told SCRIPT: compiled as the program's first comment says
as_told() {
	"$anvil" export --as c "$1" >"$work/plain.c"
	command=$(sed -n 's/^ \*     \(cc .*\)\\$/\1/p; s/^ \*         \(devices[^\\]*\)\\*$/\1/p' "$work/plain.c" | tr '\n' ' ')
	expect "the command of $1's comment" sh -c "$(echo "$command" | sed "s#FILE.c#$work/plain.c -o $work/plain#")"
	expect "what that compiles" "$work/plain"
}

as_told crashes/fuzz_blk/flush-carries-unmap
as_told corpora/fuzz_blk/zone_append # with more of devices/

# a device that writes behind a buffer: the same death, with and without the harness
printf 'device blk size=6\ninit\nblk sector=3\nblk type=3 split=12\nreset\n' >"$work/bad.txt"
"$planted" play "$work/bad.txt" | sed -n 's/^SUMMARY: //p' >"$work/death.harness"
"$planted" export --as c "$work/bad.txt" >"$work/bad.c"
# shellcheck disable=SC2086 # lists of words
expect 'a finding as C' $cc -Ibuild/planted/devices "$work/bad.c" build/planted/virtio_blk_request.o \
	$(echo "$objects" | grep -v virtio_blk_request.o) -o "$work/bad"
"$work/bad" 2>&1 | sed -n 's/^SUMMARY: //p' >"$work/death.alone"
expect 'the harness sees it' grep -q 'heap-buffer-overflow .* in parse_get_id$' "$work/death.harness"
expect 'the same death' cmp "$work/death.harness" "$work/death.alone"

# watched SCRIPT: a finding that no sanitizer sees, alone
watched() {
	"$planted" export --as c "$1" >"$work/seen.c"
	# shellcheck disable=SC2086 # lists of words
	expect "$1 as C" $cc -Wall -Wextra -Werror -Ibuild/planted/devices "$work/seen.c" \
		build/planted/virtio_blk_request.o $(echo "$objects" | grep -v virtio_blk_request.o) -o "$work/seen"
	expect "$1 runs" sh -c "'$work/seen' >'$work/seen.txt'"
}

# one that stores where no buffer is: the program shows the access, and the text has it, too
printf 'device blk size=6\ninit\nblk sector=3\nblk type=1 sector=7 count=1\nreset\n' >"$work/stray.txt"
watched "$work/stray.txt"
printf '%s\n' '  device stores 3 bytes at 0x4000f000: 07 00 00; no ring and no buffer' >"$work/stray.want"
"$planted" play "$work/stray.txt" | sed -n 's/^reason: /  ^ here the harness said violation:1, /p' >>"$work/stray.want"
grep -m 1 -A 1 '0x4000f000' "$work/seen.txt" >"$work/stray.got"
expect 'the store that breaks rule 1 is shown' cmp "$work/stray.want" "$work/stray.got"
expect 'the operation is named, alone' test "$(grep '^operation' "$work/seen.txt")" = 'operation 2, blk:'
expect 'what leads there is named' grep -qE \
	"^  device fetches 16 bytes at 0x[0-9a-f]+: [0-9a-f ]+; queue 0, descriptor [0-9]+\$" "$work/seen.txt"
expect 'and the header' grep -q "; buffer of queue 0's descriptor [0-9]*, 16 bytes, device-readable\$" "$work/seen.txt"
expect 'its text says it, for other devices' grep -qF '	 * stores 3 bytes at 0x4000f000: 07 00 00' "$work/seen.c"
expect 'and that it is the one' grep -q '; the last one breaks the rule:' "$work/seen.c"
"$work/seen" all >"$work/all.txt"
expect 'with an argument, all operations' test "$(grep -c '^operation' "$work/all.txt")" -eq 3
"$work/seen" all | cmp - "$work/all.txt" || fail 'the program is not the same each time'
"$planted" export --as qtest "$work/stray.txt" >"$work/seen.qtest"
expect 'for QEMU, too' grep -qF '# stores 3 bytes at 0x4000f000: 07 00 00' "$work/seen.qtest"

# one that no access shows: what the device asked of the disk
printf 'device blk capacity=2\ninit\nblk sector=0x50 count=1\n' >"$work/beyond.txt"
watched "$work/beyond.txt"
expect 'what it asked of the disk is shown' grep -q '^  device asks the disk: read 2 sectors at 80$' "$work/seen.txt"
expect 'and the verdict after it' sh -c "tail -n 1 '$work/seen.txt' | grep -q '^  ^ here the harness said violation:8, '"

# names of each layout: what a good device does is in a ring or in a buffer
for script in fuzz_blk/data_indirect fuzz_blk/legacy_read_and_write fuzz_blk/packed_requests \
	fuzz_blk/big_endian_requests fuzz_net/legacy_mergeable_buffers fuzz_net/coalesce_packed_ring; do
	[ -e "corpora/$script" ] || fail "corpora/$script: no such script"
	expect "$script as C" runs_same "corpora/$script"
	"$work/one" all >"$work/all.txt"
	expect "$script: accesses are shown" grep -q '^  device stores' "$work/all.txt"
	expect "$script: each has a name" sh -c "! grep -F 'no ring and no buffer' '$work/all.txt'"
done
expect 'it is C11' $cc -std=c11 -Wall -Wextra -Werror -fsyntax-only "$work/one.c"
expect 'a packed ring' grep -q '; queue [0-9], device event suppression$' "$work/all.txt"

# ---- QEMU ----

qemu=qemu-system-x86_64
if ! command -v $qemu >/dev/null; then
	echo "SKIPPED: scripts on QEMU's devices (no $qemu; ci/deps installs it)"
	finish export
fi

# answered NAME COUNT: waits for so many answers, or 50 s
answered() {
	rounds=0
	until [ "$(grep -Ec '^(OK|FAIL|ERR)' "$work/$1.answers")" -ge "$2" ]; do
		rounds=$((rounds + 1))
		[ $rounds -lt 500 ] || return
		sleep 0.1
	done
}

# on_qemu NAME USED FILE OPTION...: the commands of a file; looks at what was used of queues 1 and 0
# until that is USED, two numbers, if it is not empty; and an end. What QEMU answers.
on_qemu() {
	name=$1
	want=$2
	file=$3
	shift 3
	commands=$(grep -cv '^#' "$file")
	: >"$work/$name.answers"
	{
		grep -v '^#' "$file"
		looks=0
		while [ $looks -lt 100 ]; do
			echo 'readw 0x40003402'
			echo 'readw 0x40001402'
			looks=$((looks + 1))
			echo $((commands + 2 * looks)) >"$work/$name.commands"
			answered "$name" $((commands + 2 * looks)) || break
			[ "$want" ] && [ "$(used "$name")" != "$want" ] || break
		done
		echo 'outb 0xf4 0'
	} | timeout 100 $qemu -M microvm -m 3073M -nodefaults -display none -accel tcg -bios "$work/halt.bin" \
		-global virtio-mmio.force-legacy=false -device isa-debug-exit,iobase=0xf4 "$@" \
		-qtest stdio -qtest-log none >"$work/$name.answers" 2>"$work/$name.errors"
}

# what was used of queue 1 and of queue 0 at the last look
used() {
	grep '^OK 0x' "$work/$1.answers" | tail -n 2 | while read -r _ number; do printf '%d ' "$number"; done
}

# Each command is answered with OK. The one that ends QEMU may be, or not: Debian 12's leaves before
# it answers, Debian 13's after.
all_fine() {
	grep -E '^(OK|FAIL|ERR)' "$work/$1.answers" >"$work/$1.all"
	commands=$(cat "$work/$1.commands")
	answers=$(wc -l <"$work/$1.all")
	fine=$(head -n "$commands" "$work/$1.all" | grep -c '^OK')
	if [ "$fine" -eq "$commands" ] && { [ "$answers" -eq "$commands" ] ||
		[ "$(tail -n "+$((commands + 1))" "$work/$1.all")" = OK ]; }; then
		pass
	else
		fail "QEMU, $1: $fine of $commands commands are fine, $answers answers: $(
			grep -E '^(FAIL|ERR)' "$work/$1.all" | head -n 3; tail -n 3 "$work/$1.errors")"
	fi
}

sh -c "$(sed -n 's/^#   \(.*\)halt\.bin$/\1/p' "$work/all-blk.qtest" | head -n 1) $work/halt.bin"
udp=socket,id=n,udp=127.0.0.1:9,localaddr=127.0.0.1:0

# all scripts in one machine
head -c 65536 /dev/zero >"$work/disk.img"
on_qemu all-blk '' "$work/all-blk.qtest" -drive "file=$work/disk.img,format=raw,if=none,id=d" \
	-device virtio-blk-device,drive=d
all_fine all-blk
on_qemu all-net '' "$work/all-net.qtest" -netdev "$udp" -device virtio-net-device,netdev=n
all_fine all-net

# alone NAME SCRIPT USED: one alone, with the disk and the command of its comment
alone() {
	"$anvil" export --as qtest "$2" >"$work/$1.qtest"
	sed -n '/^# The disk/,/disk\.img$/s/^#   //p' "$work/$1.qtest" | sed "s#disk.img#$work/disk.img#" >"$work/make-disk"
	sh "$work/make-disk"
	cp "$work/disk.img" "$work/disk.before"
	# shellcheck disable=SC2046 # options
	on_qemu "$1" "$3" "$work/$1.qtest" $(sed -n 's/^#   \(-drive .*\|-netdev .*\) \\$/\1/p; s/^#   \(-device .*\) -qtest stdio$/\1/p' \
		"$work/$1.qtest" | sed "s#disk.img#$work/disk.img#")
	all_fine "$1"
}

alone read corpora/fuzz_blk/read_one_sector '0 1 '
expect "a read comes back: $(used read)" test "$(used read)" = '0 1 '
expect 'a read changes nothing' cmp "$work/disk.img" "$work/disk.before"
alone write corpora/fuzz_blk/write_then_read_back '0 2 '
expect "both requests come back: $(used write)" test "$(used write)" = '0 2 '
expect 'a write changes the disk' sh -c "! cmp -s '$work/disk.img' '$work/disk.before'"
expect 'it writes what it has to' sh -c "dd if='$work/disk.img' bs=512 skip=3 count=1 2>/dev/null | od -An -tx1 |
	grep -q '03 00 00 61 6e 76 69 6c'"
expect 'and nothing else' sh -c "cmp -l '$work/disk.img' '$work/disk.before' |
	awk '\$1 <= 3 * 512 || \$1 > 4 * 512 { exit 1 }'"
alone send corpora/fuzz_net/send_a_frame '1 0 '
expect "a frame is sent: $(used send)" test "$(used send)" = '1 0 '
alone crash crashes/fuzz_blk/flush-carries-unmap ''
finish export
