#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What a person can get wrong with the tool: each time one line on stderr that names the thing, exit
# status 2, and nothing half-written. Usage: tests/commands.sh ANVIL
anvil=$1
work=build/commands
rm -rf "$work"
mkdir -p "$work/folder"
passed=0
failed=0

bad() {
	echo "FAIL: $*"
	failed=$((failed + 1))
}

# refuses WORD COMMAND...: status 2, one line, WORD in it
refuses() {
	word=$1
	shift
	"$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	if [ $status -ne 2 ]; then
		bad "status $status: $*"
	elif [ "$(wc -l <"$work/err")" -ne 1 ] || ! grep -qF -- "$word" "$work/err"; then
		bad "says: $(cat "$work/err") ($*)"
	else
		passed=$((passed + 1))
	fi
}

# gives STATUS COMMAND...
gives() {
	want=$1
	shift
	"$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	if [ $status -eq "$want" ]; then
		passed=$((passed + 1))
	else
		bad "status $status instead of $want: $*: $(cat "$work/err")"
	fi
}

printf 'device blk\ninit\nblk speed=3\n' >"$work/bad.txt"
printf 'device blk\ninit\nblk\n' >"$work/good.txt"
printf 'device echo\ninit\n' >"$work/echo.txt"
printf 'device net transport=2\ninit\n' >"$work/big-endian.txt"
head -c 70000 /dev/zero >"$work/large"

refuses '"fly"' "$anvil" fly
refuses 'play' "$anvil" play
refuses '--fast' "$anvil" play --fast "$work/good.txt"
refuses '--on' "$anvil" play --on mars "$work/good.txt"
refuses '--repeat' "$anvil" play --repeat 0 "$work/good.txt"
refuses 'nowhere' "$anvil" play "$work/nowhere"
refuses 'large' "$anvil" play "$work/large"
refuses 'bad.txt:3' "$anvil" play "$work/bad.txt"
refuses 'speed=3' "$anvil" show "$work/bad.txt"
refuses 'show' "$anvil" show
refuses 'directory' "$anvil" show "$work/folder"
refuses 'pack' "$anvil" pack "$work/good.txt"
refuses 'absent/out' "$anvil" pack "$work/good.txt" "$work/absent/out"
refuses 'shrink' "$anvil" shrink "$work/good.txt"
refuses 'absent/out' "$anvil" shrink "$work/good.txt" "$work/absent/out"
refuses 'no inputs' "$anvil" triage
refuses '--out' "$anvil" triage --fast "$work/good.txt"
refuses '--out' "$anvil" triage --out
refuses '--out' "$anvil" triage --out '' "$work/good.txt"
refuses '3600' "$anvil" triage --hang 0 "$work/good.txt"
refuses '3600' "$anvil" triage --hang 1x "$work/good.txt"
refuses '"--hang"' "$anvil" play --hang 3601 "$work/good.txt"
refuses 'nowhere' "$anvil" triage "$work/nowhere"
refuses 'large' "$anvil" triage "$work/large"
refuses 'bad.txt:3' "$anvil" triage --out "$work/triage" "$work/bad.txt"
refuses 'good.txt' "$anvil" triage --out "$work/good.txt" "$work/good.txt"
refuses 'give another --out' "$anvil" triage --out "$work" "$work/good.txt"
refuses 'good.txt' "$anvil" triage --out "$work/good.txt/below" "$work/good.txt"
refuses 'usage' "$anvil" export
refuses 'usage' "$anvil" export "$work/good.txt"
refuses '"pascal"' "$anvil" export --as pascal "$work/good.txt"
refuses 'nowhere' "$anvil" export --as c "$work/nowhere"
refuses 'bad.txt:3' "$anvil" export --as qtest "$work/bad.txt"
refuses 'echo.txt' "$anvil" export --as c "$work/echo.txt"
refuses 'big-endian.txt: its guest is big-endian' "$anvil" export --as qtest "$work/big-endian.txt"
refuses 'no folders' "$anvil" merge
refuses 'no folders' "$anvil" merge "$work/merged"
refuses 'operand' "$anvil" merge --target
refuses 'no such option' "$anvil" merge --fast "$work/merged" corpora/fuzz_blk
refuses '--target' "$anvil" merge "$work/merged" "$work/folder"
refuses 'fuzz_nothing' "$anvil" merge --target nothing "$work/merged" corpora/fuzz_blk
refuses 'absent' "$anvil" merge --engines "$work/absent" "$work/merged" corpora/fuzz_blk
printf '#!/bin/sh\necho no room on the moon\nexit 1\n' >"$work/fuzz_moon"
chmod +x "$work/fuzz_moon"
refuses 'moon' "$anvil" merge --engines "$work" --target moon "$work/merged" "$work/folder"
refuses 'nowhere' "$anvil" merge --engines "$work" --target moon "$work/merged" "$work/nowhere"
refuses 'good.txt' "$anvil" merge --engines "$work" --target moon "$work/merged" "$work/good.txt"
refuses 'good.txt' "$anvil" merge --engines "$work" --target moon "$work/good.txt" "$work/folder"
[ -e "$work/merged" ] || [ -e "$work/merged.part" ] && bad "a merge that failed left a folder"
refuses 'health' "$anvil" health
refuses '--all' "$anvil" health --every corpora
refuses 'nowhere' "$anvil" health "$work/nowhere"
refuses 'time' "$anvil" fuzz --time never
refuses 'absent' "$anvil" fuzz --engines "$work/absent"
refuses 'folder' "$anvil" fuzz --engines "$work/folder"
refuses 'absent' "$anvil" bench --engines "$work/absent"

refuses '--kernel' "$anvil" boot
refuses '--turbo' "$anvil" boot --turbo
refuses '--kernel' "$anvil" boot --kernel
refuses '"many"' "$anvil" boot --kernel "$work/large" --cpus many
refuses '1 to 64' "$anvil" boot --kernel "$work/large" --cpus 0
refuses '32 to 65536' "$anvil" boot --kernel "$work/large" --memory 8
refuses 'image' "$anvil" boot --kernel "$work/large" --disk ,ro
refuses 'zoned=1 to 1024' "$anvil" boot --kernel "$work/large" --disk "$work/disk,queues=9"
refuses 'legacy' "$anvil" boot --kernel "$work/large" --disk "$work/disk,legacy,packed"
refuses 'legacy' "$anvil" boot --kernel "$work/large" --disk "$work/disk,zoned,legacy"
refuses 'legacy' "$anvil" boot --kernel "$work/large" --legacy --packed
refuses 'legacy' "$anvil" boot --kernel "$work/large" --net none,packed,legacy
refuses '1 to 8' "$anvil" boot --kernel "$work/large" --queues 9
refuses 'mkfifo' "$anvil" boot --kernel "$work/large" --control "$work/nowhere"
refuses 'mkfifo' "$anvil" boot --kernel "$work/large" --control "$work/large"
refuses '"bridge"' "$anvil" boot --kernel "$work/large" --net bridge
refuses 'user,forward=80' "$anvil" boot --kernel "$work/large" --net user,forward=80
refuses '--record' "$anvil" boot --kernel "$work/large" --record "$work/nowhere"
refuses 'legacy' "$anvil" boot --kernel "$work/large" --net none,legacy --record "$work/folder"
refuses 'nowhere' "$anvil" boot --kernel "$work/nowhere"
refuses 'directory' "$anvil" boot --kernel "$work/folder"
refuses 'nowhere' "$anvil" play --on linux --kernel "$work/nowhere" "$work/good.txt"

# without a /dev/kvm
if unshare -m true 2>/dev/null; then
	without_dev="unshare -m sh -c 'mount -t tmpfs none /dev && exec \"\$@\"' sh"
	refuses 'kvm_intel' eval "$without_dev" "$anvil" boot --kernel "$work/large"
	refuses 'kvm_intel' eval "$without_dev" "$anvil" play --on kvm "$work/good.txt"
else
	echo "(no right to a mount namespace: a host without /dev/kvm is not tried)"
fi

# what comes after /dev/kvm was opened; and what does where it cannot be
if [ -w /dev/kvm ]; then
	head -c 4096 /dev/zero >"$work/disk"
	refuses 'neither bzImage nor 64-bit ELF' "$anvil" boot --kernel "$work/large"
	refuses 'nowhere' "$anvil" boot --kernel "$work/large" --disk "$work/nowhere"
	refuses 'nowhere' "$anvil" boot --kernel "$work/large" --disk "$work/disk" --disk "$work/nowhere,ro"
	refuses 'in use' "$anvil" boot --kernel "$work/large" --disk "$work/disk" --disk "$work/disk"
	refuses 'nowhere' "$anvil" boot --kernel "$work/large" --net "pcap:$work/nowhere/out"
	refuses '19' "$anvil" boot --kernel "$work/large" $(for i in $(seq 20); do echo --net none; done)
	if [ "$(id -u)" -eq 0 ]; then
		as_nobody="setpriv --reuid=65534 --clear-groups"
		chmod 755 "$work"
		if $as_nobody test ! -w /dev/kvm -a -x "$anvil"; then
			refuses 'Permission denied' $as_nobody "$anvil" boot --kernel "$work/large"
			refuses 'Permission denied' $as_nobody "$anvil" play --on kvm "$work/good.txt"
		else
			echo "(no user without a right to /dev/kvm: its refusal is not tried)"
		fi
		refuses 'TAP' "$anvil" boot --kernel "$work/large" --net tap:lo
	fi
else
	refuses '/dev/kvm' "$anvil" play --on kvm "$work/good.txt"
	refuses '/dev/kvm' "$anvil" boot --kernel "$work/large"
fi

gives 0 "$anvil" --help
gives 2 "$anvil"
gives 0 "$anvil" play "$work/good.txt"
gives 0 "$anvil" pack "$work/good.txt" "$work/good"
gives 0 "$anvil" play --quiet "$work/good" "$work/folder"
gives 0 "$anvil" shrink "$work/good" "$work/small"
gives 0 "$anvil" export --as c "$work/good"
gives 0 "$anvil" export --as qtest "$work/good"
gives 0 "$anvil" export --as c "$work/big-endian.txt"
gives 2 sh -c "'$anvil' export --as c '$work/good' >/dev/full"
gives 0 "$anvil" triage --out "$work/triage" "$work/good" "$work/folder"
"$anvil" show "$work/good" | cmp -s - "$work/good.txt" || bad "show does not give back what pack took"
gives 2 sh -c "'$anvil' show '$work/good' >/dev/full"
ls "$work" | grep -q part && bad "a partial file is left"

# a full disk: nothing half-written
if [ -w /dev/shm ] && mkdir -p "$work/full" && mount -t tmpfs -o size=4k tmpfs "$work/full" 2>/dev/null; then
	head -c 4096 /dev/zero >"$work/full/filler" 2>/dev/null
	refuses 'full/out' "$anvil" pack "$work/good.txt" "$work/full/out"
	[ -e "$work/full/out" ] || [ -e "$work/full/out.part" ] && bad "a file is left on the full disk"
	umount "$work/full"
else
	echo "(no right to mount: the full disk is not tried)"
fi
echo "commands: $passed passed, $failed failed"
[ $failed -eq 0 ]
