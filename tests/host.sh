#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What a host may refuse or do: it is one line, exit status 2 where it cannot go on, and never a
# finding. What a device does to its own process still is one.
# Usage: tests/host.sh ANVIL, with build/tests/deny and build/fuzz/fuzz_mmio there.
. "$(dirname "$0")/lib.sh"
anvil=$1
deny=build/tests/deny
work=build/host-test
script=corpora/fuzz_mmio
rm -rf "$work"
mkdir -p "$work/corpora" "$work/path"

# ---- ptrace ----

leaks='leaks are not looked for'
one=$script/$(ls $script | head -n 1)
answers 0 "$leaks" $deny ptrace 1 "$anvil" play --quiet $script
says ' 0 findings'
answers 0 "$leaks" $deny ptrace 1 "$anvil" triage --out "$work/triage" $script
answers 0 "$leaks" $deny ptrace 1 "$anvil" export --as c corpora/fuzz_blk/read_one_sector
answers 0 '' $deny ptrace 1 "$anvil" show "$one"
answers 0 '' "$anvil" play --quiet $script
answers 0 "$leaks" $deny ptrace 1 "$anvil" fuzz --time 2 --target mmio --jobs 1 --out "$work/fuzz"
says ' 0 findings'
answers 0 '' $deny ptrace 1 "$anvil" merge --target mmio "$work/merged" $script
says ' inputs added'
answers 0 '' $deny ptrace 1 "$anvil" bench --time 2 --rounds 1 --target mmio --out "$work/bench"
if command -v strace >/dev/null; then
	answers 0 "$leaks" strace -f -o "$work/trace" "$anvil" play --quiet "$one"
fi

# ---- processes, files, memory ----

refuses 'no process to play in: Resource temporarily unavailable' $deny clone 11 "$anvil" play "$one"
refuses 'no process to play in: Too many open files' $deny pipe2 24 $deny pipe 24 "$anvil" play "$one"
refuses 'no process to play in: Permission denied' $deny memfd_create 13 "$anvil" play "$one"
refuses "'ulimit -v unlimited' helps" sh -c 'ulimit -v 4000000 && exec "$@"' sh "$anvil" play "$one"
answers 0 '' env TMPDIR=/nowhere "$anvil" play --quiet "$one"

# ---- addresses ----

# as vm.mmap_rnd_bits=32 would have it: wherever this program lies is too far out
cat >"$work/fixed.c" <<'END'
#include <sys/personality.h>
int main(void)
{
	return personality(0xffffffff) & ADDR_NO_RANDOMIZE ? 0 : 3;
}
END
for sanitizer in address memory; do
	${CLANG:-clang} -O2 -g -D_GNU_SOURCE -fsanitize=$sanitizer -DPROGRAM_MAX=0ull -Iharness harness/base/sanitizer.c \
		"$work/fixed.c" -o "$work/fixed-$sanitizer"
	answers 0 '' "$work/fixed-$sanitizer"
	refuses 'sudo sysctl vm.mmap_rnd_bits=28' $deny personality 1 "$work/fixed-$sanitizer"
done

# ---- a process that somebody ends ----

cat >"$work/long.txt" <<'END'
device blk
init
blk sector=3
END
"$anvil" pack "$work/long.txt" "$work/long"

# ended SIGNAL TIMES PLAYS: a run of so many plays whose process is sent it so many times
ended() {
	"$anvil" play --quiet --repeat "$3" "$work/long" >"$work/out" 2>"$work/err" </dev/null &
	run=$!
	last=
	before=
	sent=0
	while [ $sent -lt "$2" ] && kill -0 $run 2>/dev/null; do
		child=$(pgrep -P $run | head -n 1)
		# seen twice: not the short one that tries whether it may be traced
		[ -n "$child" ] && [ "$child" != "$last" ] && [ "$child" = "$before" ] || {
			before=$child
			continue
		}
		kill -s "$1" "$child" 2>/dev/null && sent=$((sent + 1)) last=$child
	done
	wait $run || return
	[ $sent -eq "$2" ] # else nothing was tried
}

for signal in KILL TERM INT HUP QUIT SEGV ABRT BUS VTALRM USR1; do
	answers 0 '' ended $signal 1 3000
	says '1 scripts, 0 findings'
done
refuses 'killed from outside' ended KILL 3 1000000
refuses '(Terminated)' ended TERM 3 1000000

finish host
