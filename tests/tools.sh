#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What a machine can lack for the tools in ci/: one line that says what, and which command brings it;
# status 2. What ci/format, ci/layers, ci/readme and ci/side-by-side make of small trees. Usage: tests/tools.sh
. "$(dirname "$0")/lib.sh"
matching=-E
complaints() {
	grep '^ci/' "$work/err"
}

work=$PWD/build/tools
rm -rf "$work"
mkdir -p "$work/bin" "$work/sudo" "$work/apt"
chmod 755 build "$work" "$work"/*

# a machine with the least: what every Debian has, and git and make
for tool in sh env id mktemp rm cat cut sed grep head tail paste tee mkdir dirname chmod ldd make git; do
	ln -s "$(command -v $tool)" "$work/bin/"
done
# stands for an apt-get without a network; nothing here may install anything
cat >"$work/apt/apt-get" <<-'END'
	#!/bin/sh
	echo 'E: no network on the moon'
	exit 100
END
printf '#!/bin/sh\nexit 1\n' >"$work/sudo/sudo"
chmod 755 "$work/apt/apt-get" "$work/sudo/sudo"
# from here: who is nobody may not come by absolute paths to a checkout in a home of root
bare=PATH=build/tools/bin
dry=$bare:build/tools/apt
if [ "$(id -u)" -eq 0 ]; then
	nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
	refuses 'could not install them: E: no network on the moon.*as root run: .* clang ' env "$dry" ci/deps
else
	nobody=
fi
root_runs='as root run: apt-get update && apt-get install .* clang .*libclang-rt.* binutils-s390x-linux-gnu$'
refuses 'no apt-get here; install these .* clang ' env "$bare" ci/deps
refuses "not root, and no sudo; $root_runs" $nobody env "$dry" ci/deps
refuses "sudo wants a password, but there is no terminal; $root_runs" $nobody env \
	"$dry:build/tools/sudo" ci/deps

refuses 'usage' $nobody ci/debian
refuses 'no release "potato"; there are 12 and 13' $nobody ci/debian potato true
[ -z "$nobody" ] || refuses 'needs root.*sudo' $nobody ci/debian 13 true

# what is not understood, or missing
for command in ci/guest-kernel ci/health ci/workflows ci/with-kvm; do
	refuses 'no option --fast' $command --fast
done
refuses 'no option --new=x' ci/guest-kernel --new=x
refuses 'one argument too many: x' ci/guest-kernel --new x
refuses 'no architecture given.*ARCHITECTURE' ci/sysroot
refuses 'no option --fast' ci/sysroot --fast
refuses 'one argument too many: x' ci/sysroot i386 x
refuses 'no architecture given' ci/portable
refuses 'no test program' ci/tests
refuses 'one argument too many: x' ci/workflows x

# no network: the proxy is a port that nobody listens on
printf 'Acquire::http::Proxy "http://127.0.0.1:9/"; Acquire::Retries "0";\n' >"$work/apt.conf"
if command -v apt-get >/dev/null; then
	alone=$work/tree # nothing is there already
	mkdir -p "$alone/ci"
	cp ci/* "$alone/ci/" 2>/dev/null
	# as env takes a path with "=" for no command
	without_network() {
		env APT_CONFIG="$work/apt.conf" http_proxy=http://127.0.0.1:9/ sh -c 'cd "$0" && exec "$@"' "$alone" "$@"
	}
	refuses 'sysroot: .*lists.*127.0.0.1.*network' without_network ci/sysroot i386
	refuses 'kernel: .*lists of backports.*127.0.0.1' without_network ci/guest-kernel --new
	refuses 'kernel: .*download.*127.0.0.1' without_network ci/guest-kernel
	rm -rf "$alone"
else
	echo "SKIPPED: apt without a network (no apt-get)"
fi

# packages of backports come from where this machine's apt has its own
if command -v apt-get >/dev/null; then
	got=$(. ci/mirror.sh && debian_mirror)
	case $got in
	http*://*) pass ;;
	*) fail "the mirror is: $got" ;;
	esac
	refuses 'kernel: .*lists of backports.*moon.invalid' env DEBIAN_MIRROR=http://moon.invalid/debian APT_CONFIG="$work/apt.conf" \
		sh -c 'mkdir -p "$0/ci" && cp ci/* "$0/ci/" 2>/dev/null; exec "$0/ci/guest-kernel" --new' "$work/other"
fi
# names that scripts use stand for something else in the environment of some people
mkdir -p "$work/mine"
refuses 'no option --fast' env work="$work/mine" id=mine dir="$work/mine" tmp="$work/mine" ci/with-kvm --fast
refuses 'no architecture' env work="$work/mine" id=mine dir="$work/mine" tmp="$work/mine" ci/sysroot
expect 'scripts leave a folder that they did not make' test -d "$work/mine"

# a build that is not there, or that takes a defect's name for one
for what in no-target defect:libfuzzer:address:x86_64 libfuzzer; do
	refuses "$what: no such build or defect; there are libfuzzer" ci/oss-fuzz/check "$what"
done

# format: all files in one run, each that is wrong is named once
mkdir -p "$work/format/ci" "$work/format/devices"
cp ci/format ci/help.sh "$work/format/ci/"
cp .clang-format "$work/format/"
printf 'int  a;\nint  b;\n' >"$work/format/devices/bad.c"
printf 'int c;\n' | tee "$work/format/devices/good.c" >"$work/format/devices/good.h"
printf '%s\n' '/* 0, or -EINVAL  a is bad */' '/*' ' * a' ' *b' ' *	c' ' */' >>"$work/format/devices/good.h"
git -C "$work/format" init -q
printf '%s\n' 'devices/bad.c: not formatted; run clang-format -i devices/bad.c' \
	'devices/good.h:2:/* 0, or -EINVAL  a is bad */  <- one line an errno' \
	'devices/good.h:5: *b  <- a torn comment' 1 >"$work/wanted"
{ "$work/format/ci/format" && echo 0 || echo $?; } >"$work/out" 2>&1
expect 'what ci/format says' diff "$work/wanted" "$work/out"

# layers: each violation is told with its place
mkdir -p "$work/layers/ci" "$work/layers/devices" "$work/layers/harness"
cp ci/layers "$work/layers/ci/"
printf 'int anvil_guest_memory_read(void);\n' >"$work/layers/devices/guest_memory.h"
cat >"$work/layers/devices/guest_memory.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include "guest_memory.h"
#include "virtqueue.h"
static int reads;
#ifdef FUZZING
#endif
int anvil_guest_memory_read(void)
{
	puts("read");
	return malloc(1) ? anvil_virtqueue_pop() : reads++;
}
END
printf 'int anvil_virtqueue_pop(void);\n' >"$work/layers/devices/virtqueue.h"
printf '#include "guest_memory.h"\n#include "virtqueue.h"\nint anvil_virtqueue_pop(void)\n{\n\treturn anvil_guest_memory_read();\n}\n' \
	>"$work/layers/devices/virtqueue.c"
mkdir -p "$work/layers/harness/play" "$work/layers/harness/oracle" "$work/layers/harness/attic"
printf '%s\n' '/* int gone(void); */' '#ifdef __cplusplus' 'extern "C" {' '#endif' 'int play(void);' 'int shrink(void);' \
	'#ifdef __cplusplus' '}' '#endif' >"$work/layers/harness/play/play_internal.h"
printf '#include "play_internal.h"\n#include "oracle/oracle.h"\nint play(void)\n{\n\treturn shrink() + oracle();\n}\n' \
	>"$work/layers/harness/play/play_all.c"
printf '#include "play_internal.h"\nint shrink(void)\n{\n\treturn 0;\n}\n' >"$work/layers/harness/play/shrink.c"
printf 'int oracle(void);\n' >"$work/layers/harness/oracle/oracle.h"
printf '#include "oracle.h"\n#include "virtqueue_layout.h"\n#include "play/play.h"\nint shrink(void);\nint oracle(void)\n{\n\treturn shrink();\n}\n' \
	>"$work/layers/harness/oracle/oracle.c"
printf '\n' >"$work/layers/harness/play/play.h"
printf '\n' >"$work/layers/devices/virtqueue_layout.h"
printf 'int attic;\n' >"$work/layers/harness/attic/old.c"
printf 'int x;\n' >"$work/layers/devices/stray.c"
refuses 'no build/gcc/obj/devices/guest_memory.o; run make layers' "$work/layers/ci/layers"
refuses 'no option --fast' "$work/layers/ci/layers" --fast
for file in devices/guest_memory devices/virtqueue devices/stray harness/attic/old harness/oracle/oracle \
	harness/play/play_all harness/play/shrink; do
	mkdir -p "$work/layers/build/gcc/obj/${file%/*}"
	gcc -I"$work/layers/devices" -I"$work/layers/harness" -c "$work/layers/$file.c" -o "$work/layers/build/gcc/obj/$file.o"
done
cat >"$work/wanted" <<'END'
devices/guest_memory.c:1: includes <stdio.h>, which only back ends may
devices/guest_memory.c:4: includes virtqueue.h, which is not below it
devices/guest_memory.c:6: the code fuzzed must be the code shipped
devices/stray.c:1: this file has no layer; give it a line in ci/layers
harness/attic/old.c:1: this file has no room; give its folder a line in ci/layers
harness/oracle/oracle.c:2: includes virtqueue_layout.h, which is private to its folder
harness/oracle/oracle.c:3: includes play/play.h, which is not below oracle
harness/oracle/oracle.c:1: uses shrink of harness/play/shrink.c, not below oracle
devices/guest_memory.c:1: a circle of 2 files, each needs the next: devices/guest_memory.c, devices/virtqueue.c
    devices/guest_memory.c -> devices/virtqueue.c: anvil_virtqueue_pop
    devices/virtqueue.c -> devices/guest_memory.c: anvil_guest_memory_read
harness/play/play_internal.h:6: shrink is in harness/play/shrink.c, not in play.c or play_*.c
devices/guest_memory.c:5: variable reads: state belongs in the device
devices/guest_memory.c:10: anvil_guest_memory_read uses puts, which only back ends may
devices/guest_memory.c:11: anvil_guest_memory_read calls malloc; only init may
devices/stray.c:1: variable x: state belongs in the device
1
END
{ "$work/layers/ci/layers" && echo 0 || echo $?; } >"$work/out" 2>&1
expect 'what ci/layers says' diff "$work/wanted" "$work/out"

# readme: each rule that a README breaks is told with its place
page() {
	mkdir -p "$work/readme/$(dirname "$1")"
	cat >"$work/readme/$1"
}
page ci/readme <ci/readme
chmod 755 "$work/readme/ci/readme"
echo "all='check'" | page .ci/run
echo 'check:' | page Makefile
echo '/build/' | page .gitignore
{
	cat <<-'END'
		# Front

		[room](room/README.md), [gone](room/gone.c), [no part](room/README.md#no-part), [above](#nowhere),
		[outside](../bin), [a site](https://example.org/gone), [second](room/README.md#the-second-part-1),
		[folder](box), [its heading](box#none)
	END
	yes '' | head -n 296
} | page README.md
page room/README.md <<'END'
# Room

## The `second` part!

    unmarked

## The second part

<!-- typed by step: check bakery -->

    make check

<!-- same as: room/gone.c -->

    int gone;

<!-- lines of: Makefile -->

    check:
    cheque:

`make cheque`, `ci/cheque`
END
echo '[up](../README.md)' | page box/README.md
echo '[cellar](../cellar/README.md)' | page attic/README.md
echo '[attic](../attic/README.md)' | page cellar/README.md
printf '    unmarked\n' | page build/copy/README.md
cat >"$work/wanted" <<'END'
README.md:3: this links to room/gone.c: room/gone.c is not in this tree
README.md:3: this links to room/README.md#no-part: room/README.md has no such heading
README.md:3: this links to #nowhere: README.md has no such heading
README.md:4: this links to ../bin: ../bin is not in this tree
README.md:5: this links to box#none: box has no such heading
room/README.md:5: this block has no mark, or one that is not understood: ci/readme has them at its top
room/README.md:11: .ci/run has no step bakery
room/README.md:15: room/gone.c is not there
room/README.md:19: Makefile has no line 'cheque:'
room/README.md:22: make cheque: the Makefile has no such goal
room/README.md:22: ci/cheque is not there
attic/README.md:1: no link leads here from README.md
cellar/README.md:1: no link leads here from README.md
README.md:301: the front page has 301 lines; 300 at most
1
END
{ "$work/readme/ci/readme" && echo 0 || echo $?; } >"$work/out" 2>&1
expect 'what ci/readme says' diff "$work/wanted" "$work/out"

# readme: blocks are typed, the front page first, and one file or block alone
page README.md <<'END'
[A](A/README.md)

<!-- typed -->

    mkdir -p build/front
END
page A/README.md <<'END'
<!-- typed -->

    $ ls build
    front

<!-- typed, status 2 -->

    sh -c 'exit 2'
END
rm -r "$work/readme/room" "$work/readme/box" "$work/readme/attic" "$work/readme/cellar"
git -C "$work/readme" init -q
keep_pages() {
	git -C "$work/readme" add .
	git -C "$work/readme" -c user.name=a -c user.email=a@example.org commit -q -m a
}
keep_pages

# types WANTED [FILE[:LINE]]...: what it says, without times
types() {
	printf '%b\n' "$1" >"$work/wanted"
	shift
	README_TYPED=1 "$work/readme/ci/readme" --type "$@" 2>&1 | sed 's/ ([0-9]* s)$//' >"$work/out"
	expect "what ci/readme --type $* does" diff "$work/wanted" "$work/out"
}
types "ok   README.md:5: mkdir -p build/front\nok   A/README.md:3: ls build\nok   A/README.md:8: sh -c 'exit 2'
readme: 3 blocks typed, 0 failed"
types "ok   A/README.md:8: sh -c 'exit 2'\nreadme: 1 blocks typed, 0 failed" A/README.md:8
types "FAIL A/README.md:3: ls build
    ls build does not print 'front' where it should; see build/readme/A-README.md-3.log
ok   A/README.md:8: sh -c 'exit 2'\nreadme: 1 blocks typed, 1 failed" A/README.md
expect 'a log of a block that fails' test -e "$work/readme/build/readme/A-README.md-3.log"
# lines that stand together may begin twice: first in what goes on in another way
table='echo one 1 s; echo two 2 s; echo three 3 s; echo end'
page B/README.md <<END
<!-- printed by: echo one 1 s; echo three 3 s; $table -->

    one 7 s
    two 7 s
    ...
    end

<!-- printed by: $table -->

    one 7 s
    two 7 s
    end
END
keep_pages
types "ok   B/README.md:3: echo one 1 s; echo three 3 s; $table
FAIL B/README.md:10: $table
    $table does not print 'end' where it should; see build/readme/B-README.md-10.log
readme: 1 blocks typed, 1 failed" B/README.md
refuses 'README.md:4: no block' ci/readme --type README.md:4
refuses 'attic/README.md: no block' ci/readme --type attic/README.md
refuses 'no option --fast' ci/readme --fast

# goals side by side: b and c end before a, which waits for c; what each says is in order
mkdir -p "$work/side/ci"
cp ci/side-by-side ci/help.sh "$work/side/ci/"
mkfifo "$work/side/told"
cat >"$work/side/Makefile" <<'END'
check:
	@JOBS=2 ci/side-by-side a b c d
a:
	@echo a; read told <told
b:
	@echo b
c:
	@echo c; echo >told; $(BAD) true
d:
	@echo d
END

# shows WANTED COMMAND...: the letters and status of goals
shows() {
	letters=$1
	shift
	said=$(env -u MAKEFLAGS -C "$work/side" timeout 60 "$@" 2>/dev/null; echo $?)
	said=$(echo "$said" | grep -x '.' | tr '\n' ' ')
	is "what '$*' does" "$letters" "$said"
}
refuses 'no goal' ci/side-by-side
shows 'a b c d 0 ' make check
shows 'a b c 2 ' make check BAD=!
shows 'a b c d 2 ' make -k check BAD=!
shows 'a b c d 0 ' make -j4 check

# what is stopped leaves nothing behind that runs: its goals hold the lock
cat >"$work/side/Makefile" <<'END'
check:
	@JOBS=2 ci/side-by-side a b
a:
	@exec flock lock sh -c 'echo >told; exec sleep 100'
b:
	@exec sleep 100
END
setsid make -s -C "$work/side" check >/dev/null 2>&1 &
# shellcheck disable=SC2162,SC2034 # a word that says that the lock is taken
read told <"$work/side/told"
pkill -TERM -s $! -f ci/side-by-side
expect 'no goal goes on when ci/side-by-side is stopped' flock -w 20 "$work/side/lock" true
wait

# nor does .ci/run, which has packages of debian13 come while another step runs
mkdir -p "$work/side/.ci"
mkfifo "$work/side/asked"
printf '#!/bin/sh\nexec flock packages sh -c '\''echo "$*" >asked; exec sleep 100'\'' sh "$@"\n' >"$work/side/ci/debian"
chmod 755 "$work/side/ci/debian"
cp .ci/run "$work/side/.ci/"
cat >"$work/side/Makefile" <<'END'
portable:
	@exec flock lock sh -c 'echo >told; exec sleep 100'
END
setsid "$work/side/.ci/run" portable debian13 >/dev/null 2>&1 &
run=$!
# shellcheck disable=SC2162,SC2034
read told <"$work/side/told"
is 'what ci/debian is asked for meanwhile' '13 ci/deps' "$(timeout 20 cat "$work/side/asked")"
kill -TERM $run
expect 'no step goes on when .ci/run is stopped' flock -w 20 "$work/side/lock" true
expect 'and no packages' flock -w 20 "$work/side/packages" true
wait $run
is 'the status of .ci/run when it is stopped' 143 $?

finish tools
