#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What a host may refuse or do: it is one line, exit status 2 where it cannot go on, and never a
# finding. What a device does to its own process still is one.
# Usage: tests/host.sh ANVIL, with build/tests/deny and build/fuzz/fuzz_mmio there.
anvil=$1
deny=build/tests/deny
work=build/host-test
script=corpora/fuzz_mmio
rm -rf "$work"
mkdir -p "$work/corpora" "$work/path"
passed=0
failed=0

bad() {
	echo "FAIL: $*"
	sed 's/^/    /' "$work/out" "$work/err" | tail -n 20
	failed=$((failed + 1))
}

# gives STATUS LINE COMMAND...: on stderr one line that has LINE, or none where that is empty
gives() {
	want=$1
	line=$2
	shift 2
	"$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	if [ "$status" -ne "$want" ]; then
		bad "status $status instead of $want: $*"
	elif [ -z "$line" ] && [ -s "$work/err" ]; then
		bad "says something: $*"
	elif [ -n "$line" ] && { [ "$(wc -l <"$work/err")" -ne 1 ] || ! grep -qF -- "$line" "$work/err"; }; then
		bad "does not say '$line' in one line: $*"
	else
		passed=$((passed + 1))
	fi
}

# says WORDS: the last output has them
says() {
	if grep -qF -- "$1" "$work/out"; then
		passed=$((passed + 1))
	else
		bad "does not say '$1'"
	fi
}

# ---- ptrace ----

leaks='leaks are not looked for'
one=$script/$(ls $script | head -n 1)
gives 0 "$leaks" $deny ptrace 1 "$anvil" play --quiet $script
says ' 0 findings'
gives 0 "$leaks" $deny ptrace 1 "$anvil" triage --out "$work/triage" $script
gives 0 "$leaks" $deny ptrace 1 "$anvil" export --as c corpora/fuzz_blk/read_one_sector
gives 0 '' $deny ptrace 1 "$anvil" show "$one"
gives 0 '' "$anvil" play --quiet $script
gives 0 "$leaks" $deny ptrace 1 "$anvil" fuzz --time 2 --target mmio --jobs 1 --out "$work/fuzz"
says ' 0 findings'
gives 0 '' $deny ptrace 1 "$anvil" merge --target mmio "$work/merged" $script
says ' inputs added'
gives 0 '' $deny ptrace 1 "$anvil" bench --time 2 --rounds 1 --target mmio --out "$work/bench"
if command -v strace >/dev/null; then
	gives 0 "$leaks" strace -f -o "$work/trace" "$anvil" play --quiet "$one"
fi

# ---- processes, files, memory ----

gives 2 'no process to play in: Resource temporarily unavailable' $deny clone 11 "$anvil" play "$one"
gives 2 'no process to play in: Too many open files' $deny pipe2 24 $deny pipe 24 "$anvil" play "$one"
gives 2 'no process to play in: Permission denied' $deny memfd_create 13 "$anvil" play "$one"
gives 2 "'ulimit -v unlimited' helps" sh -c 'ulimit -v 4000000 && exec "$@"' sh "$anvil" play "$one"
gives 0 '' env TMPDIR=/nowhere "$anvil" play --quiet "$one"

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
	gives 0 '' "$work/fixed-$sanitizer"
	gives 2 'sudo sysctl vm.mmap_rnd_bits=28' $deny personality 1 "$work/fixed-$sanitizer"
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
	sent=0
	while [ $sent -lt "$2" ] && kill -0 $run 2>/dev/null; do
		child=$(pgrep -P $run | head -n 1)
		[ -n "$child" ] && [ "$child" != "$last" ] || continue
		kill -s "$1" "$child" 2>/dev/null && sent=$((sent + 1)) last=$child
	done
	wait $run
}

for signal in KILL TERM INT HUP QUIT SEGV ABRT BUS VTALRM USR1; do
	gives 0 '' ended $signal 1 3000
	says '1 scripts, 0 findings'
done
gives 2 'killed from outside' ended KILL 3 1000000
gives 2 '(Terminated)' ended TERM 3 1000000

echo "host: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
