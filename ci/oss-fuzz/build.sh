#!/bin/bash -eu
# SPDX-License-Identifier: BSD-3-Clause
# Builds the fuzz targets the way OSS-Fuzz wants it: its compilers and flags come in $CC, $CXX,
# $CFLAGS, $CXXFLAGS and $LIB_FUZZING_ENGINE; each target goes to $OUT with its seed corpus,
# dictionary and options. ClusterFuzzLite and `make oss-fuzz-check` use it, too.
cd "$SRC/virtio-anvil"

sources=$(make -s --no-print-directory fuzz-sources)
targets=$(make -s --no-print-directory fuzz-targets)
objects=$WORK/virtio-anvil
rm -rf "$objects"

# As everywhere in this project the engine watches devices/ alone, not the harness. afl-clang-fast
# has a variable for that; engines without coverage have no use for the flag. Flags are lists of words:
# the path in one is relative, as the folder's own may have a blank in it.
only_devices="-fsanitize-coverage-ignorelist=ci/oss-fuzz/coverage-ignore -Wno-unused-command-line-argument"
case ${FUZZING_ENGINE:-libfuzzer} in
afl)
	export AFL_LLVM_DENYLIST=$PWD/ci/oss-fuzz/coverage-ignore
	only_devices=
	;;
none) only_devices= ;;
esac
export only_devices objects

# The steps of a device are counted (harness/base/work.h), by a function in the place of the engine's;
# and the bytes that it copies, by functions that end in jumps only from -O2 on
compile() {
	steps= jumps=
	[ "${1%/*}" != devices ] || steps=@ci/steps.flags
	[ "$1" != harness/base/work.c ] || jumps=-O2
	mkdir -p "$objects/${1%/*}"
	# shellcheck disable=SC2086 # flags are lists
	$CC $CFLAGS $only_devices $steps $jumps -std=c11 -D_GNU_SOURCE -Idevices -Iharness \
		-c "$1" -o "$objects/${1%.c}.o"
	[ -z "$steps" ] || objcopy --redefine-syms=harness/base/work.syms "$objects/${1%.c}.o"
}
export -f compile

for target in $targets; do
	sources="$sources harness/targets/$target.c"
done
# shellcheck disable=SC2086 # a list
printf '%s\n' $sources | xargs -P "$(nproc)" -I{} bash -euc 'compile {}'

# The longest script there is, from its header
script_bytes_max() {
	echo "SCRIPT_BYTES_MAX" |
		"$CC" -E -P -D_GNU_SOURCE -Iharness -Idevices -include harness/script/script.h - |
		tail -n 1 | tr -d u
}
max_len=$(($(script_bytes_max)))

for target in $targets; do
	mapfile -t common < <(find "$objects" -name '*.o' ! -name 'fuzz_*' | sort)
	# shellcheck disable=SC2086 # flags are lists
	$CXX $CXXFLAGS "$objects/harness/targets/$target.o" "${common[@]}" \
		$LIB_FUZZING_ENGINE -Wl,--wrap=__sanitizer_cov_trace_pc -o "$OUT/$target"
	find "corpora/$target" "crashes/$target" -type f 2>/dev/null | sort |
		zip -q -X -j -@ "$OUT/${target}_seed_corpus.zip"
	cp "dictionaries/$target.dict" "$OUT/"
	printf '[libfuzzer]\nmax_len = %d\n' "$max_len" >"$OUT/$target.options"
done
