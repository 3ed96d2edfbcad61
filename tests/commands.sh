#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What a person can get wrong with the tool: each time one line on stderr that names the thing, exit
# status 2, and nothing half-written. Usage: tests/commands.sh ANVIL
. "$(dirname "$0")/lib.sh"
anvil=$1
work=build/commands
rm -rf "$work"
mkdir -p "$work/folder"

printf 'device blk\ninit\nblk speed=3\n' >"$work/bad.txt"
printf 'device blk\ninit\nblk\n' >"$work/good.txt"
printf 'device echo\ninit\n' >"$work/echo.txt"
printf 'device net transport=2\ninit\n' >"$work/big-endian.txt"
head -c 70000 /dev/zero >"$work/large"

refuses 'anvil: give a command; see anvil --help' "$anvil"
refuses 'anvil: there is no command fly' "$anvil" fly
refuses '--fly' "$anvil" --fly
refuses 'no command fly' "$anvil" help fly
refuses 'anvil play: give FILE|FOLDER; see anvil play --help' "$anvil" play
refuses 'give FILE' "$anvil" play --quiet --
refuses 'there is no option --fast;' "$anvil" play --fast "$work/good.txt"
refuses 'there is no option -q;' "$anvil" play -q "$work/good.txt"
refuses 'there is no option --fast;' "$anvil" play "$work/good.txt" --fast
refuses 'there is no option --quie=yes;' "$anvil" play --quie=yes "$work/good.txt"
refuses '--quiet takes no value' "$anvil" play --quiet=yes "$work/good.txt"
refuses '--fast' "$anvil" play -- --fast
refuses '--on mars: give model, kvm or linux' "$anvil" play --on=mars "$work/good.txt"
refuses '--on mars: give model, kvm or linux' "$anvil" play --on mars "$work/good.txt"
refuses '--repeat 1x: give a whole number from 1 to 1000000' "$anvil" play --repeat=1x "$work/good.txt"
refuses '--repeat 99999999999999999999: give' "$anvil" play --repeat 99999999999999999999 "$work/good.txt"
refuses '--repeat : give' "$anvil" play --repeat= "$work/good.txt"
refuses '--repeat -1: give' "$anvil" play --repeat -1 "$work/good.txt"
refuses '--repeat: give its NUMBER' "$anvil" play "$work/good.txt" --repeat
refuses '--repeat 0: give a whole number from 1 to 1000000' "$anvil" play --repeat 0 "$work/good.txt"
refuses 'nowhere' "$anvil" play "$work/nowhere"
refuses 'large' "$anvil" play "$work/large"
refuses 'bad.txt:3' "$anvil" play "$work/bad.txt"
refuses 'speed=3' "$anvil" show "$work/bad.txt"
refuses 'give FILE' "$anvil" show
refuses 'bad.txt: one operand too many' "$anvil" show "$work/good.txt" "$work/bad.txt"
refuses 'a?b: No such file' "$anvil" show "$(printf 'a\nb')"
refuses 'directory' "$anvil" show "$work/folder"
refuses '--operands takes no FILE' "$anvil" show --operands "$work/good.txt"
gives 0 "$anvil" show --operands
expect 'harness/script/OPERATIONS.md is what anvil show --operands says' cmp "$work/out" harness/script/OPERATIONS.md
refuses '--rules takes no FILE' "$anvil" show --rules "$work/good.txt"
gives 0 "$anvil" show --rules
says '3 used length'
gives 0 "$anvil" show --explain "$work/good.txt"
cp "$work/out" "$work/explained.txt"
gives 0 "$anvil" show "$work/explained.txt"
expect 'an explained script is the same script' cmp "$work/out" "$work/good.txt"
refuses 'give OUT' "$anvil" pack "$work/good.txt"
refuses 'absent/out' "$anvil" pack "$work/good.txt" "$work/absent/out"
refuses 'give OUT' "$anvil" shrink "$work/good.txt"
refuses 'absent/out' "$anvil" shrink "$work/good.txt" "$work/absent/out"
refuses 'give FILE|FOLDER' "$anvil" triage
refuses '--fast' "$anvil" triage --fast "$work/good.txt"
refuses '--out: give its FOLDER' "$anvil" triage --out
refuses '--out: is empty; give its FOLDER' "$anvil" triage --out '' "$work/good.txt"
refuses '--hang 0: give a whole number from 1 to 3600' "$anvil" triage --hang 0 "$work/good.txt"
refuses '3600' "$anvil" triage --hang 1x "$work/good.txt"
refuses '--hang 3601' "$anvil" play --hang 3601 "$work/good.txt"
refuses 'nowhere' "$anvil" triage "$work/nowhere"
refuses 'large' "$anvil" triage "$work/large"
refuses 'bad.txt:3' "$anvil" triage --out "$work/triage" "$work/bad.txt"
refuses 'good.txt' "$anvil" triage --out "$work/good.txt" "$work/good.txt"
refuses 'give another --out' "$anvil" triage --out "$work" "$work/good.txt"
refuses 'good.txt' "$anvil" triage --out "$work/good.txt/below" "$work/good.txt"
refuses 'give FILE' "$anvil" export
refuses '--as pascal: give c or qtest' "$anvil" export --as pascal "$work/good.txt"
refuses 'nowhere' "$anvil" export --as c "$work/nowhere"
refuses 'bad.txt:3' "$anvil" export --as qtest "$work/bad.txt"
refuses 'echo.txt' "$anvil" export --as c "$work/echo.txt"
refuses 'big-endian.txt: its guest is big-endian' "$anvil" export --as qtest "$work/big-endian.txt"
refuses 'give OUT' "$anvil" merge
refuses 'give FOLDER' "$anvil" merge "$work/merged"
refuses '--target: give its NAME' "$anvil" merge --target
refuses '--fast' "$anvil" merge --fast "$work/merged" corpora/fuzz_blk
refuses 'give --target' "$anvil" merge "$work/merged" "$work/folder"
refuses 'fuzz_nothing' "$anvil" merge --target nothing "$work/merged" corpora/fuzz_blk
refuses 'absent' "$anvil" merge --engines "$work/absent" "$work/merged" corpora/fuzz_blk
printf '#!/bin/sh\necho no room on the moon\nexit 1\n' >"$work/fuzz_moon"
chmod +x "$work/fuzz_moon"
refuses 'moon' "$anvil" merge --engines "$work" --target moon "$work/merged" corpora/fuzz_blk
refuses 'nowhere' "$anvil" merge --engines "$work" --target moon "$work/merged" "$work/nowhere"
refuses 'good.txt' "$anvil" merge --engines "$work" --target moon "$work/merged" "$work/good.txt"
refuses 'good.txt' "$anvil" merge --engines "$work" --target moon "$work/good.txt" corpora/fuzz_blk
[ -e "$work/merged" ] || ls "$work" | grep -q 'part$' && fail "a merge that failed left a folder"
refuses 'give FILE|FOLDER' "$anvil" health
refuses '--every' "$anvil" health --every corpora
refuses 'nowhere' "$anvil" health "$work/nowhere"
refuses '--time never: give a whole' "$anvil" fuzz --time never
refuses '--engine honggfuzz: give libfuzzer or afl' "$anvil" fuzz --engine honggfuzz
refuses 'corpora: one operand too many' "$anvil" fuzz corpora
refuses '--target a/b' "$anvil" fuzz --target a/b
refuses '--rounds 101: give a whole number from 1 to 100' "$anvil" bench --rounds 101
# libFuzzer would take it for an option, and write to the seeds
refuses '--out --help: begins with a dash' "$anvil" fuzz --out --help
refuses '--out --help: begins with a dash' "$anvil" bench --out=--help
refuses '-a: begins with a dash' "$anvil" merge --target blk -- "$work/merged" -a
refuses '--kernel --initrd: begins with a dash' "$anvil" boot --kernel --initrd "$work/large"
refuses 'absent' "$anvil" fuzz --engines "$work/absent"
refuses 'folder' "$anvil" fuzz --engines "$work/folder"
refuses 'absent' "$anvil" bench --engines "$work/absent"

refuses 'give --kernel FILE' "$anvil" boot
refuses '--turbo' "$anvil" boot --turbo
refuses '--kernel: give its FILE' "$anvil" boot --kernel
refuses '--cpus many: give a whole number from 1 to 64' "$anvil" boot --kernel "$work/large" --cpus many
refuses '1 to 64' "$anvil" boot --kernel "$work/large" --cpus 0
refuses '32 to 65536' "$anvil" boot --kernel "$work/large" --memory 8
refuses 'image' "$anvil" boot --kernel "$work/large" --disk ,ro
refuses '"queues=9" in --disk build/commands/disk,queues=9: give queues=N, of 1 to 8' "$anvil" boot --kernel "$work/large" --disk "$work/disk,queues=9"
refuses '"zoned=0" in --disk i,zoned=0,ro: give zoned[=MIB], of 1 to 1024' "$anvil" boot --kernel "$work/large" --disk i,zoned=0,ro
# a word that is none is named, with those that are; a file may have a comma in its name
for word in foo RO ro=1 'ro ' '' rw zone; do
	refuses "unknown word \"$word\" in --disk i,$word; known: ro, raw, zoned[=MIB], legacy, packed, queues=N" \
		"$anvil" boot --kernel "$work/large" --disk "i,$word"
done
refuses 'unknown word "foo" in --disk i,foo,ro;' "$anvil" boot --kernel "$work/large" --disk i,foo,ro
refuses 'unknown word "foo" in --disk i,queues=2,foo;' "$anvil" boot --kernel "$work/large" --disk i,queues=2,foo
refuses '"queues=+2" in --disk i,queues=+2:' "$anvil" boot --kernel "$work/large" --disk i,queues=+2
refuses 'unknown word "foo" in --net user,foo; known: forward=HOSTPORT:GUESTPORT, host, isolated, in=FILE,' \
	"$anvil" boot --kernel "$work/large" --net user,foo
refuses 'unknown word "" in --net none,;' "$anvil" boot --kernel "$work/large" --net none,
refuses '"limit=1" in --net user,limit=1: goes with pcap:FILE alone' "$anvil" boot --kernel "$work/large" --net user,limit=1
refuses '"isolated" in --net tap:t,isolated: goes with user alone' "$anvil" boot --kernel "$work/large" --net tap:t,isolated
refuses '"in=" in --net pcap:a,in=: give in=FILE' "$anvil" boot --kernel "$work/large" --net pcap:a,in=
refuses '"queues=x" in --net none,queues=x: give queues=N, of 1 to 8' "$anvil" boot --kernel "$work/large" --net none,queues=x
refuses 'legacy' "$anvil" boot --kernel "$work/large" --disk "$work/disk,legacy,packed"
refuses 'legacy' "$anvil" boot --kernel "$work/large" --disk "$work/disk,zoned,legacy"
refuses '--legacy --packed: legacy' "$anvil" boot --kernel "$work/large" --legacy --packed
refuses 'legacy' "$anvil" boot --kernel "$work/large" --net none,packed,legacy
refuses '--queues 9: give a whole number from 1 to 8' "$anvil" boot --kernel "$work/large" --queues 9
refuses 'mkfifo' "$anvil" boot --kernel "$work/large" --control "$work/nowhere"
refuses 'mkfifo' "$anvil" boot --kernel "$work/large" --control "$work/large"
refuses 'unknown network "bridge" in --net bridge,ro; known: user, tap:NAME, pcap:FILE, none' "$anvil" boot --kernel "$work/large" --net bridge,ro
refuses 'user,forward=80' "$anvil" boot --kernel "$work/large" --net user,forward=80
refuses '--record' "$anvil" boot --kernel "$work/large" --record "$work/nowhere"
refuses 'legacy' "$anvil" boot --kernel "$work/large" --net none,legacy --record "$work/folder"
refuses 'nowhere' "$anvil" boot --kernel "$work/nowhere"
refuses 'directory' "$anvil" boot --kernel "$work/folder"
refuses 'nowhere' "$anvil" play --on linux --kernel "$work/nowhere" "$work/good.txt"

# without a /dev/kvm, with a processor that could have one, and with one that could not
printf 'processor\t: 0\nflags\t\t: fpu vmx\n' >"$work/able"
printf 'processor\t: 0\nflags\t\t: fpu svm_lock hypervisor\n' >"$work/unable"
if unshare -m true 2>/dev/null; then
	without_dev() {
		cpuinfo=$1
		shift
		unshare -m sh -c 'mount -t tmpfs none /dev && mount --bind "$0" /proc/cpuinfo && exec "$@"' "$cpuinfo" "$@"
	}
	for command in "boot --kernel $work/large" "play --on kvm $work/good.txt"; do
		# shellcheck disable=SC2086 # words
		{
			refuses 'kvm_intel' without_dev "$work/able" "$anvil" $command
			refuses 'neither VMX nor SVM' without_dev "$work/unable" "$anvil" $command
		}
	done
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

# help for all that there is
names=$("$anvil" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
[ "$(echo "$names" | wc -l)" -ge 11 ] || fail "--help names few commands: $names"
for help in -h help; do
	"$anvil" $help >"$work/help" 2>&1 || fail "$help fails"
	"$anvil" --help | cmp -s - "$work/help" || fail "$help is not --help"
done
"$anvil" --version | grep -Eqx 'anvil \(virtio-anvil\) [0-9]+(\.[0-9]+)+' || fail "--version says: $("$anvil" --version)"
for name in $names; do
	gives 0 "$anvil" "$name" --help
	cp "$work/out" "$work/help"
	head -n 1 "$work/help" | grep -q "^usage: anvil $name" || fail "$name --help says: $(head -n 1 "$work/help")"
	for words in "$name -h" "help $name" "$name --help --no-such-option"; do
		# shellcheck disable=SC2086 # several
		gives 0 "$anvil" $words
		cmp -s "$work/out" "$work/help" || fail "anvil $words is not anvil $name --help"
	done
	# each option that is told is there, and wants its value
	sed -n 's/^  \(--[a-z-]*\) *\([A-Z].*\)*$/\1/p; s/^  \(--[a-z-]*\)  .*/\1/p' "$work/help" | sort -u >"$work/options"
	while read -r option; do
		"$anvil" "$name" "$option=" >"$work/out" 2>&1 </dev/null
		[ $? -eq 2 ] && grep -q -- "$option" "$work/out" && ! grep -q 'there is no option' "$work/out" ||
			fail "$name: $option is told and not there"
	done <"$work/options"
done
gives 2 sh -c "'$anvil' --help >/dev/full"
gives 2 sh -c "'$anvil' play --help >/dev/full"

# scripts say what they are for, and do nothing else
for script in .ci/run ci/* ci/bugs/* ci/report/* ci/oss-fuzz/check tests/conformance/run tests/guest/run; do
	[ -f "$script" ] && head -n 1 "$script" | grep -q '^#!' && [ "${script%.init}" = "$script" ] || continue
	for help in --help -h; do
		gives 0 "$script" $help
		[ -s "$work/out" ] && ! grep -q '^#' "$work/out" && [ ! -s "$work/err" ] || fail "$script $help says: $(head -n 2 "$work/out")"
	done
done

# the runner's words for disks and networks are told, too
for word in $(sed -n 's/^| \(`--disk\|`--net\|`,\)/\1/p' harness/kvm/README.md | sed 's/ |.*//' | grep -oE ',[a-z]+'); do
	"$anvil" boot --help | grep -qE "^ +$word([=[ ]|\$)" || fail "boot --help lacks $word"
done

# the manual page: each command and option is in it, and man can read it
"$anvil" --man >"$work/anvil.1" || fail "--man fails"
tr -d '\\' <"$work/anvil.1" >"$work/page"
for name in $names; do
	grep -qx "\.SS anvil $name" "$work/anvil.1" || fail "the manual page lacks $name"
	"$anvil" "$name" --help | sed -n 's/^  --\([a-z-]*\) .*/\1/p' | while read -r option; do
		grep -qF -- "fB--${option}fR" "$work/page" || echo "the manual page lacks --$option of $name"
	done >"$work/lacks"
	[ ! -s "$work/lacks" ] || fail "$(cat "$work/lacks")"
done
mandoc -Tlint -Wwarning "$work/anvil.1" 2>&1 | grep -v 'missing date' >"$work/lint"
[ ! -s "$work/lint" ] || fail "the manual page: $(head -n 3 "$work/lint")"

# completes WORDS EXPECTED: what bash offers for the last word, one space between two
completes() {
	got=$("$anvil" --completion >"$work/completion" && bash -c '
		. "$1"
		read -ra COMP_WORDS <<<"$2"
		[ "${2% }" = "$2" ] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_anvil
		echo "${COMPREPLY[@]}"' bash "$work/completion" "$1")
	is "what bash offers for \"$1\"" "$2" "$got"
}
completes 'anvil sh' 'show shrink'
completes 'anvil --v' '--version'
completes 'anvil play --o' '--on'
completes 'anvil play --on ' 'model kvm linux'
completes 'anvil play --on l' 'linux'
completes 'anvil play --on =' 'model kvm linux' # as bash has the words of --on=
completes 'anvil play --on = k' 'kvm'
completes 'anvil play --hang ' ''
completes "anvil play $work/goo" "$work/good.txt"
completes "anvil boot --kernel $work/lar" "$work/large"
completes "anvil triage --out $work/fol" "$work/folder"
completes "anvil triage --out $work/goo" ""
completes 'anvil boot --net t' 'tap:'
completes 'anvil fuzz --eng' '--engine --engines'
completes 'anvil merge --target x --corp' '--corpora'
gives 0 "$anvil" play "$work/good.txt"
gives 0 "$anvil" pack "$work/good.txt" "$work/good"
gives 0 "$anvil" play --quiet "$work/good"
refuses 'its verdict is ok' "$anvil" shrink "$work/good" "$work/small"
[ ! -e "$work/small" ] || fail "shrink of a script that is ok has written"
gives 0 "$anvil" export --as c "$work/good"
gives 0 "$anvil" export --as qtest "$work/good"
gives 0 "$anvil" export --as c "$work/big-endian.txt"
gives 2 sh -c "'$anvil' export --as c '$work/good' >/dev/full"
gives 0 "$anvil" triage --out "$work/triage" "$work/good"

# a path that is wrong: a folder without a script
mkdir -p "$work/hidden/.git" "$work/deep/er/est" "$work/pipes"
echo x >"$work/hidden/.git/x"
mkfifo "$work/pipes/pipe"
for empty in folder hidden deep pipes; do
	refuses "$empty: no files in it" "$anvil" play --quiet "$work/good" "$work/$empty"
	refuses "$empty: no files in it" "$anvil" triage --out "$work/triage" "$work/$empty" "$work/good"
	refuses "$empty: no files in it" "$anvil" health "$work/$empty"
done
refuses 'folder: no files in it' "$anvil" merge --engines "$work" --target moon "$work/merged" "$work/folder"
refuses 'absent: no such folder' "$anvil" merge --engines "$work" --target moon --corpora "$work/absent" "$work/merged" corpora/fuzz_blk
for command in show 'export --as c'; do
	# shellcheck disable=SC2086 # several
	refuses 'folder' "$anvil" $command "$work/folder"
done

# what OUT is when it is no file of its own; nothing is half-written
refuses 'folder: is a directory' "$anvil" pack "$work/good.txt" "$work/folder"
refuses 'good.txt: is the input, too' "$anvil" pack "$work/good.txt" "$work/good.txt"
ln -s good.txt "$work/link.txt"
ln "$work/good.txt" "$work/hard.txt"
ln -s nowhere "$work/dangling"
refuses 'link.txt: is the input, too' "$anvil" pack "$work/good.txt" "$work/link.txt"
refuses 'hard.txt: is the input, too' "$anvil" pack "$work/good.txt" "$work/hard.txt"
refuses 'dangling: is a symbolic link to nothing' "$anvil" pack "$work/good.txt" "$work/dangling"
refuses '/dev/full: No space' "$anvil" pack "$work/good.txt" /dev/full
refuses 'standard output: No space' sh -c "'$anvil' pack '$work/good.txt' - >/dev/full"
refuses 'triage/triage.json: is in' "$anvil" triage --out "$work/triage" "$work/triage/triage.json"
[ -c /dev/full ] || fail "/dev/full is no device any more"
echo old >"$work/target"
chmod 640 "$work/target"
ln -s target "$work/link"
gives 0 "$anvil" pack "$work/good.txt" "$work/link"
[ -L "$work/link" ] && cmp -s "$work/target" "$work/good" || fail "pack does not write where a link leads"
[ "$(stat -c %a "$work/target")" = 640 ] || fail "pack changes the mode of what it writes"
mkfifo "$work/fifo"
cat "$work/fifo" >"$work/through" &
gives 0 "$anvil" pack "$work/good.txt" "$work/fifo"
wait $!
[ -p "$work/fifo" ] && cmp -s "$work/through" "$work/good" || fail "pack does not write into a pipe"
"$anvil" pack "$work/good.txt" /dev/stdout | cmp -s - "$work/good" || fail "pack does not write to /dev/stdout"
"$anvil" pack "$work/good.txt" - | cmp -s - "$work/good" || fail "pack does not write to standard output"
"$anvil" pack - - <"$work/good.txt" | "$anvil" show - | cmp -s - "$work/good.txt" || fail "- is not standard input and output"
[ "$("$anvil" play --quiet - <"$work/good")" = '1 scripts, 0 findings' ] || fail "play does not read standard input"
if mknod "$work/device" c 1 3 2>/dev/null && (: >"$work/device") 2>/dev/null; then
	gives 0 "$anvil" pack "$work/good.txt" "$work/device"
	[ -c "$work/device" ] || fail "pack has replaced a device"
else
	echo "(no right to make a device: that pack leaves one alone is tried with /dev/full only)"
fi
"$anvil" show "$work/good" | cmp -s - "$work/good.txt" || fail "show does not give back what pack took"
gives 2 sh -c "'$anvil' show '$work/good' >/dev/full"
ls "$work" | grep -q part && fail "a partial file is left"

# a full disk: nothing half-written
if [ -w /dev/shm ] && mkdir -p "$work/full" && mount -t tmpfs -o size=4k tmpfs "$work/full" 2>/dev/null; then
	head -c 4096 /dev/zero >"$work/full/filler" 2>/dev/null
	refuses 'full/out' "$anvil" pack "$work/good.txt" "$work/full/out"
	[ "$(ls "$work/full")" = filler ] || fail "a file is left on the full disk"
	umount "$work/full"
else
	echo "(no right to mount: the full disk is not tried)"
fi
finish commands
