#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What the author of a device does with what make install puts, in a folder of his own, without this tree:
# builds a fuzz target and a shared object of tests/foreign/ with his own commands, CMake and Meson, and
# finds a mistake. Usage: tests/kit.sh
unset MAKEFLAGS MFLAGS MAKELEVEL LIBDIR DESTDIR ANVIL_KNOWN ANVIL_FINDINGS FOREIGN_MISTAKE
tree=$PWD
work=$PWD/build/kit-test
rm -rf "$work"
mkdir -p "$work"
# a path that CMake takes as it is, wherever the checkout is
short=$(mktemp -d) || exit 2
trap 'rm -rf "$short"' EXIT
ln -s "$work" "$short/tree"
. tests/lib.sh
prefix=$short/tree/kit
PKG_CONFIG_PATH=$prefix/lib/pkgconfig
CC=clang CXX=clang++
export PKG_CONFIG_PATH CC CXX

expect 'install' make -s install PREFIX="$prefix"
mkdir "$work/mine" "$work/mine/build"
cp tests/foreign/*.[ch] tests/foreign/*.cc "$work/mine"
cd "$short/tree/mine" || exit 2

# words of pkg-config, which are a shell's
kit() {
	pkg-config "$@"
}

# the three files of a device; rename: with the step for the C library's calls
compile() {
	for source in mine_blk blk mistakes; do
		clang $(kit --cflags "$2") -Werror -c $source.c -o build/$source.o || return
		[ "$1" != rename ] || objcopy --redefine-syms="$(kit --variable=tap_syms "$2")" build/$source.o || return
	done
}

target() {
	compile "$1" virtio-anvil-fuzz &&
		clang++ build/*.o $(kit --libs virtio-anvil-fuzz) -fsanitize=fuzzer -o build/fuzz_mine
}

shared_object() {
	compile rename virtio-anvil-device && clang++ build/*.o $(kit --libs virtio-anvil-device) -o build/mine.so
}

# finds MISTAKE SIGNATURE TARGET: among the seeds and a bounded number of runs; new inputs go to the first folder
finds() {
	rm -rf "$work/corpus"
	mkdir "$work/corpus"
	FOREIGN_MISTAKE=$1 ANVIL_FINDINGS=$work/found gives 1 "$3" -seed=1 -reload=0 -runs=2000 "-artifact_prefix=$work/" \
		"$work/corpus" "$(kit --variable=seeds virtio-anvil-fuzz)"
	expect "$1: it goes on" grep -q 'DONE' "$work/err"
	expect "$1: the finding is in the table" grep -q "^ *[0-9]*  $2" "$work/err"
}

correct() {
	gives 0 "$1" -runs=0 -seed=1 "-artifact_prefix=$work/" "$(kit --variable=seeds virtio-anvil-fuzz)"
	is 'complaints about a correct device' '' "$(grep '^anvil' "$work/err")"
}

# ---- by hand ----

expect 'the header as C++11' clang++ -x c++ -std=c++11 $(kit --cflags virtio-anvil-fuzz) -Wall -Wextra -Wpedantic \
	-Werror -fsyntax-only "$prefix/include/virtio-anvil/device/device_under_test.h"

expect 'a target' target rename
correct build/fuzz_mine
finds BLK_CONFIG_PAST_END 'address:global-buffer-overflow read in blk_read' build/fuzz_mine
finds BLK_INDEX_FIRST 'violation:5 ' build/fuzz_mine
rm -rf "$work/found"
finds BLK_RANGE_START 'address:heap-buffer-overflow ' build/fuzz_mine
found=$(find "$work/found" -name 'address-heap-buffer-overflow-*' | sort | head -n 1)

expect 'a shared object' shared_object
gives 0 "$prefix/bin/anvil-asan" play --device build/mine.so "$found"
gives 1 env FOREIGN_MISTAKE=BLK_RANGE_START "$prefix/bin/anvil-asan" play --device build/mine.so "$found"
says 'verdict: crash:heap-buffer-overflow'
gives 0 env FOREIGN_MISTAKE=BLK_RANGE_START "$prefix/bin/anvil-asan" shrink --device build/mine.so "$found" "$work/small"
refuses 'installed anvil-asan' "$prefix/bin/anvil" play --device build/mine.so "$found"

# without the step for the C library's calls
rm build/*.o
expect 'a target, not renamed' target as-it-is
correct build/fuzz_mine
finds BLK_INDEX_FIRST 'violation:5 ' build/fuzz_mine

# with MemorySanitizer
memory() {
	rm -f build/*.o
	compile as-it-is virtio-anvil-fuzz-memory &&
		clang++ build/*.o $(kit --libs virtio-anvil-fuzz-memory) -fsanitize=fuzzer -o build/fuzz_memory
}
memory_object() {
	compile as-it-is virtio-anvil-device-memory &&
		clang++ build/*.o $(kit --libs virtio-anvil-device-memory) -o build/memory.so
}
expect 'a target with MemorySanitizer' memory
correct build/fuzz_memory
rm -rf "$work/found"
export FOREIGN_UNWRITTEN=BLK_ID_REST
finds '' 'memory:never written: guest RAM at # in copy_in' build/fuzz_memory
found=$(find "$work/found" -name 'memory-never-written-*' | sort | head -n 1)
expect 'a shared object with MemorySanitizer' memory_object
gives 1 "$prefix/bin/anvil-msan" play --device build/memory.so "$found"
says_like '^verdict: crash:use-of-uninitialized-value in copy_in$'
unset FOREIGN_UNWRITTEN
gives 0 "$prefix/bin/anvil-msan" play --device build/memory.so "$found"
refuses 'installed anvil-msan' "$prefix/bin/anvil-asan" play --device build/memory.so "$found"

# a device's own names are its own
echo 'int player_play, complain, machine_stop, tap_tell_load, script_decode, anvil_blk_init;' >build/names.c
expect 'names of the library' clang -c build/names.c -o build/names.o
expect 'a target with names of the library' target as-it-is
correct build/fuzz_mine

# the same device in C++
cxx_target() {
	rm build/*.o
	compile rename virtio-anvil-fuzz && rm build/mine_blk.o &&
		clang++ $(kit --cflags virtio-anvil-fuzz) -std=c++11 -Werror -c mine_cxx.cc -o build/mine_cxx.o &&
		clang++ build/*.o $(kit --libs virtio-anvil-fuzz) -fsanitize=fuzzer -o build/fuzz_cxx
}
expect 'a target in C++' cxx_target
correct build/fuzz_cxx
finds BLK_INDEX_FIRST 'violation:5 ' build/fuzz_cxx

# ---- OSS-Fuzz ----

# the lines of harness/device/README.md, with what OSS-Fuzz has in the environment
rm -f build/*.o
sed -n '/^    # build.sh/,/^$/s/^    //p' "$tree/harness/device/README.md" |
	sed 's/mine\.c virtio_blk\.c/mine_blk.c blk.c mistakes.c/; s/mine\.o virtio_blk\.o/mine_blk.o blk.o mistakes.o/' >build.sh
mkdir "$work/oss" "$work/src"
ln -s "$tree" "$work/src/virtio-anvil"
expect 'build.sh' env OUT="$work/oss" SRC="$short/tree/src" LIB_FUZZING_ENGINE=-fsanitize=fuzzer CC=clang CXX=clang++ \
	CFLAGS='-O1 -gline-tables-only -fsanitize=address -fsanitize=fuzzer-no-link' \
	CXXFLAGS='-O1 -gline-tables-only -fsanitize=address -fsanitize=fuzzer-no-link' bash -eu build.sh
expect 'seeds for OSS-Fuzz' unzip -q -d "$work/oss/seeds" "$work/oss/fuzz_mine_seed_corpus.zip"
FOREIGN_MISTAKE=BLK_RANGE_START gives 77 "$work/oss/fuzz_mine" -seed=1 -runs=4000 "-artifact_prefix=$work/oss/" \
	"$work/oss/seeds"
expect 'the engine sees a crash' grep -q 'ERROR: libFuzzer: deadly signal' "$work/err"
expect 'the engine keeps its input' ls "$work"/oss/crash-*
expect 'a report of the device' grep -q 'ERROR: AddressSanitizer: heap-buffer-overflow' "$work/err"

# ---- CMake and Meson ----

cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.13)
project(mine LANGUAGES C CXX)
find_package(PkgConfig REQUIRED)
pkg_check_modules(FUZZ REQUIRED IMPORTED_TARGET virtio-anvil-fuzz)
add_executable(fuzz_mine mine_blk.c blk.c mistakes.c)
set_target_properties(fuzz_mine PROPERTIES LINKER_LANGUAGE CXX)
target_link_libraries(fuzz_mine PkgConfig::FUZZ -fsanitize=fuzzer)
END
by_cmake() {
	cmake -S . -B build/cmake && cmake --build build/cmake
}
expect 'CMake' by_cmake
finds BLK_INDEX_FIRST 'violation:5 ' build/cmake/fuzz_mine

cat >meson.build <<'END'
project('mine', 'c', 'cpp')
executable('fuzz_mine', 'mine_blk.c', 'blk.c', 'mistakes.c', dependencies: dependency('virtio-anvil-fuzz'),
  link_args: '-fsanitize=fuzzer', link_language: 'cpp')
END
by_meson() {
	meson setup build/meson && meson compile -C build/meson
}
expect 'Meson' by_meson
finds BLK_INDEX_FIRST 'violation:5 ' build/meson/fuzz_mine

# ---- away ----

cd "$work/.." && cd .. || exit 2
expect 'uninstall' make -s uninstall PREFIX="$prefix"
expect 'nothing left' test ! -e "$prefix"
finish 'kit'
