#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What an embedder does with what make install puts: compile the example of devices/README.md as C and
# as C++, by pkg-config, Meson and CMake, and run it. Then nothing of it is left.
# Usage: tests/install.sh HEADER...
work=$PWD/build/install-test
rm -rf "$work"
mkdir -p "$work"
# a path that pkg-config, Meson and CMake take as it is, wherever the checkout is
short=$(mktemp -d) || exit 2
trap 'rm -rf "$short"' EXIT
ln -s "$work" "$short/tree"
stage=$short/tree/stage
. tests/lib.sh
matching=-E

# same WHAT WANTED GOT: two files
same() {
	expect "$1" diff "$2" "$3"
}

# a make of its own, not a part of the one that runs this
unset MAKEFLAGS MFLAGS MAKELEVEL PREFIX LIBDIR DESTDIR PKG_CONFIG_PATH
staged() {
	make -s "$@" DESTDIR="$stage" PREFIX=/usr/local
}

# ---- what is there ----

expect 'install' staged install
{
	echo bin/anvil
	echo share/man/man1/anvil.1
	echo share/bash-completion/completions/anvil
	echo share/virtio-anvil/installed
	for library in '' -uring -slirp; do
		echo "lib/libvirtio-anvil$library.a"
		echo "lib/pkgconfig/virtio-anvil$library.pc"
	done
	for header; do
		echo "include/virtio-anvil/${header##*/}"
	done
	# the kit, which kit.sh uses
	echo bin/anvil-asan
	echo bin/anvil-msan
	printf 'lib/libvirtio-anvil-fuzz%s.a\n' '' -memory
	echo include/virtio-anvil/device/device_under_test.h
	printf 'lib/pkgconfig/virtio-anvil-%s.pc\n' fuzz device fuzz-memory device-memory
	printf 'share/virtio-anvil/%s.flags\n' fuzz device fuzz-memory device-memory
	printf 'share/virtio-anvil/%s.link\n' fuzz device fuzz-memory device-memory
	echo share/virtio-anvil/tap_libc.syms
	for target in blk mmio net virtqueue; do
		echo "share/virtio-anvil/dictionaries/$target.dict"
		find "corpora/fuzz_$target" "crashes/fuzz_$target" -type f |
			sed "s|.*/|share/virtio-anvil/seeds/$target/|"
	done
} | sort >"$work/wanted"
(cd "$stage/usr/local" && find . -type f | sed 's/^..//' | sort) >"$work/got"
same 'what make install puts' "$work/wanted" "$work/got"

# each header alone, twice, as the strictest take it
each_header() {
	for header in "$stage"/usr/local/include/virtio-anvil/*.h; do
		printf '#include "%s"\n#include "%s"\nextern int x;\n' "${header##*/}" "${header##*/}" |
			"$@" -I "$stage/usr/local/include/virtio-anvil" -Wall -Wextra -Wpedantic -Wshadow \
				-Wconversion -Werror -D_FILE_OFFSET_BITS=64 -fsyntax-only - || return
	done
}
expect 'headers as C' each_header gcc -x c -std=c11
expect 'headers as C' each_header clang -x c -std=c11
expect 'headers as C++' each_header g++ -x c++ -std=c++11
expect 'headers as C++' each_header clang++ -x c++ -std=c++20

# all of them but virtio_spec.h, which has Linux's own names, before and behind Linux's headers, which
# C++ does not take
beside_linux() {
	for header in "$stage"/usr/local/include/virtio-anvil/*.h; do
		[ "${header##*/}" = virtio_spec.h ] || echo "#include \"${header##*/}\""
	done >"$work/ours"
	for header in blk config ids mmio net ring; do
		echo "#include <linux/virtio_$header.h>"
	done >"$work/linux"
	for order in 'ours linux' 'linux ours'; do
		# shellcheck disable=SC2086 # two words
		(cd "$work" && cat $order) |
			"$@" -I "$stage/usr/local/include/virtio-anvil" -Werror -fsyntax-only - || return
	done
}
expect 'headers beside those of Linux' beside_linux gcc -x c
expect 'headers beside those of Linux' beside_linux clang -x c

# ---- names: all that a program sees begins with anvil_ ----

for library in '' -uring -slirp; do
	nm -g --defined-only "$stage/usr/local/lib/libvirtio-anvil$library.a" | awk 'NF == 3 { print $3 }'
done >"$work/symbols"
(cd "$stage/usr/local/include/virtio-anvil" && ls -- *.h | grep -vx virtio_spec.h | xargs sed -nE \
	-e 's/^#define (\w+).*/\1/p' -e 's/^(struct|enum|union) (\w+) \{.*/\2/p') >"$work/names"
expect 'there are symbols' test "$(wc -l <"$work/symbols")" -gt 100
expect 'there are names in headers' test "$(wc -l <"$work/names")" -gt 100
grep -v '^anvil_' "$work/symbols" >"$work/others"
is 'a symbol without the prefix' '' "$(cat "$work/others")"
grep -vE '^(anvil_|ANVIL_|VIRTIO_ANVIL_)' "$work/names" >"$work/others"
is 'a name in a header without the prefix' '' "$(cat "$work/others")"

# ---- pkg-config ----

in_stage() {
	PKG_CONFIG_LIBDIR=$stage/usr/local/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$stage "$@"
}

# the word behind it is the compiler's; pkg-config writes words as a shell reads them
example() {
	rm -f "$work/example"
	eval "set -- \"\$@\" $(pkg-config --cflags virtio-anvil) tests/embed_example.c \
		$(pkg-config --libs virtio-anvil)"
	"$@" -o "$work/example" && "$work/example"
}
expect 'example as C' in_stage example gcc -Wall -Werror -x c
expect 'example as C' in_stage example clang -Wall -Werror -x c
expect 'example as C++' in_stage example g++ -std=c++20 -Wall -Werror -x c++
expect 'example as C++' in_stage example clang++ -std=c++20 -Wall -Werror -x c++
expect 'example without shared libraries' in_stage example gcc -static -x c
plug_in() {
	eval "set -- $(pkg-config --libs virtio-anvil)"
	gcc -shared -Wl,--whole-archive "$@" -Wl,--no-whole-archive,--no-undefined -o "$work/plug-in.so"
}
expect 'a library to be loaded' in_stage plug_in

version=$("$stage/usr/local/bin/anvil" --version | sed 's/.* //')
for package in virtio-anvil virtio-anvil-uring virtio-anvil-slirp virtio-anvil-fuzz virtio-anvil-device \
	virtio-anvil-fuzz-memory virtio-anvil-device-memory; do
	PKG_CONFIG_PATH=$stage/usr/local/lib/pkgconfig pkg-config --modversion "$package" >"$work/got" 2>&1
	echo "$version" >"$work/wanted"
	same "version of $package" "$work/wanted" "$work/got"
done

# ---- Meson and CMake ----

# project LANGUAGE: a folder with the example as C or C++, and that README's files for it
project() {
	rm -rf "$work/project"
	mkdir "$work/project"
	if [ "$1" = cpp ]; then
		cp tests/embed_example.c "$work/project/vmm.cpp"
		sed "s/'c')/'cpp')/; s/vmm\.c/vmm.cpp/" tests/embed/meson.build >"$work/project/meson.build"
		sed 's/ C)/ CXX)/; s/vmm\.c/vmm.cpp/' tests/embed/CMakeLists.txt >"$work/project/CMakeLists.txt"
	else
		cp tests/embed_example.c "$work/project/vmm.c"
		cp tests/embed/meson.build tests/embed/CMakeLists.txt "$work/project/"
	fi
}

by_meson() {
	meson setup "$@" "$work/project/made" "$work/project" && meson compile -C "$work/project/made" &&
		"$work/project/made/vmm"
}

by_cmake() {
	cmake "$@" -S "$work/project" -B "$work/project/built" && cmake --build "$work/project/built" &&
		"$work/project/built/vmm"
}
project c
expect 'Meson, C' in_stage by_meson
expect 'CMake, C' in_stage by_cmake
project cpp
expect 'Meson, C++' in_stage by_meson -Dcpp_std=c++20
expect 'CMake, C++' in_stage by_cmake -DCMAKE_CXX_STANDARD=20

# ---- again, and away ----

# an older version had a file more; a file of somebody else's stays, and so does its folder
installed=$stage/usr/local/share/virtio-anvil/installed
: >"$stage/usr/local/include/virtio-anvil/older.h"
echo /usr/local/include/virtio-anvil/older.h >>"$installed"
mkdir -p "$stage/usr/local/lib/others"
: >"$stage/usr/local/include/virtio-anvil/mine.h"
expect 'install over an older version' staged install
expect 'what the older version had is gone' test ! -e "$stage/usr/local/include/virtio-anvil/older.h"
expect 'uninstall' staged uninstall
printf '%s\n' . ./usr ./usr/local ./usr/local/include ./usr/local/include/virtio-anvil \
	./usr/local/include/virtio-anvil/mine.h ./usr/local/lib ./usr/local/lib/others >"$work/wanted"
(cd "$stage" && find . | sort) >"$work/got"
same 'what make uninstall leaves of others' "$work/wanted" "$work/got"
rm -r "$stage"
expect 'install' staged install
# what cannot be taken away is said, and nothing is forgotten
rm "$stage/usr/local/include/virtio-anvil/virtqueue.h"
mkdir "$stage/usr/local/include/virtio-anvil/virtqueue.h"
stays() {
	staged uninstall 2>"$work/said"
	[ $? -eq 2 ] && grep -q "cannot remove .*virtqueue.h" "$work/said"
}
expect 'what cannot be taken away is told' stays
expect 'the list stays' test -e "$installed"
rmdir "$stage/usr/local/include/virtio-anvil/virtqueue.h"
expect 'uninstall' staged uninstall
echo . >"$work/wanted"
(cd "$stage" && find .) >"$work/got"
same 'what make uninstall leaves' "$work/wanted" "$work/got"

# ---- a PREFIX with blanks and quotes ----

odd="$work/it's a \"test\" #1"
expect 'install' make -s install PREFIX="$odd"
back_ends() {
	eval "set -- $(pkg-config --cflags --libs virtio-anvil-uring virtio-anvil-slirp)"
	gcc -Wall -Werror -Wl,--as-needed tests/embed/back_ends.c "$@" -o "$work/back_ends" && "$work/back_ends"
}
export PKG_CONFIG_PATH="$odd/lib/pkgconfig"
expect 'example, odd PREFIX' example gcc -x c
expect 'io_uring and slirp' back_ends
unset PKG_CONFIG_PATH
expect 'uninstall' make -s uninstall PREFIX="$odd"
expect 'nothing left' test ! -e "$odd"

# ---- libraries elsewhere, as distributions with several architectures have them ----

elsewhere() {
	make -s "$1" DESTDIR="$stage" PREFIX=/usr/ LIBDIR='/usr/lib/one machine'
}
expect 'install' elsewhere install
expect 'a library in LIBDIR' test -f "$stage/usr/lib/one machine/libvirtio-anvil.a"
expect 'no library beside it' test ! -e "$stage/usr/lib/libvirtio-anvil.a"
PKG_CONFIG_LIBDIR="$stage/usr/lib/one machine/pkgconfig" PKG_CONFIG_SYSROOT_DIR=$stage \
	expect 'example, LIBDIR' example gcc -x c
expect 'uninstall' elsewhere uninstall
echo . >"$work/wanted"
(cd "$stage" && find .) >"$work/got"
same 'what make uninstall leaves' "$work/wanted" "$work/got"

# ---- mistakes, each told in one line before anything is built ----

refuses 'PREFIX=build/here: give an absolute path' make install PREFIX=build/here
refuses 'PREFIX=: give an absolute path' make install PREFIX=
refuses 'pkg-config' make install PREFIX='/a\b'
refuses '/etc/passwd: not a folder' make install PREFIX=/etc/passwd/here
refuses 'nothing installed there' make uninstall PREFIX="$work/nothing"
refuses 'PREFIX=here: give an absolute path' make uninstall PREFIX=here
refuses 'LIBDIR=/opt/lib: give a folder below PREFIX=/usr' make install PREFIX=/usr LIBDIR=/opt/lib
refuses 'LIBDIR=/usr/: give a folder below' make install PREFIX=/usr LIBDIR=/usr/
refuses 'pkg-config' make install PREFIX=/usr LIBDIR='/usr/a(b'
mkdir "$work/locked"
chmod 555 "$work/locked"
if [ "$(id -u)" -eq 0 ]; then
	nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
	[ -w "$work" ] && $nobody test -x "$work" || nobody=
	[ -n "$nobody" ] || echo 'SKIPPED: a folder that cannot be written (this checkout is for root alone)'
else
	nobody='env'
fi
# shellcheck disable=SC2086 # a command
[ -z "$nobody" ] || refuses 'locked: not writable' $nobody make install DESTDIR="$work/locked" PREFIX=/usr
refuses 'no such thing to do: away' ci/install away '' /usr /usr/lib
refuses 'usage' ci/install install

rm -rf "$stage"
finish install
