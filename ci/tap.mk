# SPDX-License-Identifier: BSD-3-Clause
# harness/tap/: flags for the sources of a device whose accesses are told, what it is linked with, and
# tests/tap/. After it is compiled a device's object needs
#     objcopy --redefine-syms=harness/tap/tap_libc.syms device.o

# calls stay calls, so that a place is in the function that makes the access
TAP_COMMON := -U_FORTIFY_SOURCE -fno-optimize-sibling-calls
# each access by a call, also those that look safe or done twice
TAP_CLANG  := $(TAP_COMMON) -mllvm -asan-instrumentation-with-call-threshold=0 -mllvm -asan-opt=0 \
	-mllvm -asan-memory-access-callback-prefix=__tap_
TAP_ASAN_FLAGS  := -fsanitize=address $(TAP_CLANG)
TAP_ALONE_FLAGS := -fsanitize=kernel-address -mllvm -asan-stack=0 -mllvm -asan-globals=0 $(TAP_CLANG)
# no vectors of more than 16 bytes, which are not told; behind -O, which would make them again
TAP_THREAD_FLAGS := -fsanitize=thread $(TAP_COMMON) -fno-vectorize -fno-slp-vectorize \
	-mllvm -tsan-instrument-read-before-write=1 -mllvm -tsan-instrument-func-entry-exit=0
# calls of these stay calls, which tap_libc.syms renames
TAP_GCC_FLAGS   := -fsanitize=thread -Wno-tsan --param=tsan-instrument-func-entry-exit=0 $(TAP_COMMON) \
	$(addprefix -fno-builtin-,memcpy memmove memset memcmp bcmp memchr strlen strnlen strncpy mempcpy) \
	-fno-tree-loop-distribute-patterns

# what a program has beside the device's objects
TAP_ANY   := tap tap_libc tap_calls tap_locks
TAP_ASAN  := $(patsubst %,build/tap/%.o,$(TAP_ANY) tap_asan)
TAP_ALONE := $(patsubst %,build/tap/%.o,$(TAP_ANY) tap_mem tap_alone)
TAP_THREAD := $(patsubst %,build/tap/%.o,$(TAP_ANY) tap_mem tap_tsan)
TAP_GCC   := $(TAP_THREAD)
# what anvil has by flavour, for devices that it loads: with clang's sanitizers, or without any
TAP_LOADED_asan := $(TAP_ASAN)
$(foreach f,gcc clang,$(eval TAP_LOADED_$(f) := $(patsubst %,build/$(f)/obj/harness/tap/%.o,\
	$(TAP_ANY) tap_mem tap_alone tap_tsan)))
# not all of its names: a device may have some of them for its own
TAP_EXPORT := '-Wl,--export-dynamic-symbol=__tap_*,--export-dynamic-symbol=__tsan_*,--export-dynamic-symbol=__wrap___sanitizer_cov_trace_pc'

# 16 bytes at once, where a machine can
TAP_WIDE := $(if $(filter x86_64,$(shell uname -m)),-mcx16)
# without sanitizers; callbacks end in a jump, and have no frame on the way that most accesses take
build/tap/%.o: harness/tap/%.c Makefile ci/tap.mk
	@mkdir -p $(@D)
	@echo "  tap $<"
	@$(CLANG) $(COMMON) -O2 -momit-leaf-frame-pointer $(TAP_WIDE) -MMD -MP -c $< -o $@

-include $(wildcard build/tap/*.d)

# ---- tests ----

# how a device is compiled; "recover" is asan that goes on after a report
TAP_WAYS    := asan recover alone thread gcc
TAP_CC_gcc = $(GCC)
TAP_FLAGS_asan    := $(TAP_ASAN_FLAGS)
TAP_FLAGS_recover := $(TAP_ASAN_FLAGS) -fsanitize-recover=address
TAP_FLAGS_alone   := $(TAP_ALONE_FLAGS)
TAP_FLAGS_thread  := $(TAP_THREAD_FLAGS)
TAP_FLAGS_gcc     := $(TAP_GCC_FLAGS)
TAP_LINK_asan    = $(CLANG) -fsanitize=address -rdynamic $(TAP_ASAN)
TAP_LINK_recover = $(TAP_LINK_asan)
TAP_LINK_alone   = $(CLANG) -rdynamic $(TAP_ALONE)
TAP_LINK_thread  = $(CLANG) -rdynamic $(TAP_THREAD)
TAP_LINK_gcc     = $(GCC) -rdynamic $(TAP_GCC)
TAP_CXX = -x c++ -std=c++20 -D_GNU_SOURCE -g -fno-omit-frame-pointer -Wall -Wextra -Wno-missing-field-initializers \
	-Werror -Idevices -Iharness
TAP_CASES := $(patsubst tests/tap/%,%.o,$(wildcard tests/tap/cases*.c tests/tap/cases*.cc))
TAP_RUNS  := $(foreach w,$(TAP_WAYS),$(foreach l,0 1 2 3,build/tap/tests/$(w)-O$(l)))

# in build/tap/tests/WAY-OLEVEL/
tap_way   = $(firstword $(subst -, ,$(notdir $(@D))))
tap_cc    = $(or $(TAP_CC_$(tap_way)),$(CLANG))
tap_flags = -$(lastword $(subst -, ,$(notdir $(@D)))) $(TAP_FLAGS_$(tap_way)) $(TAP_WIDE)

define tap_rules
$(1)/%.c.o: tests/tap/%.c tests/tap/cases.h harness/tap/tap_libc.syms Makefile ci/tap.mk
	@mkdir -p $$(@D)
	@$$(tap_cc) $$(COMMON) $$(tap_flags) -DTAPPED -c $$< -o $$@
	@objcopy --redefine-syms=harness/tap/tap_libc.syms $$@

$(1)/%.cc.o: tests/tap/%.cc tests/tap/cases.h harness/tap/tap_libc.syms Makefile ci/tap.mk
	@mkdir -p $$(@D)
	@$$(tap_cc) $$(TAP_CXX) $$(tap_flags) -c $$< -o $$@
	@objcopy --redefine-syms=harness/tap/tap_libc.syms $$@

$(1)/run: $(TAP_CASES:%=$(1)/%) build/tap/run.o $(TAP_ASAN) $(TAP_ALONE) $(TAP_GCC)
	@$$(TAP_LINK_$$(tap_way)) $(TAP_CASES:%=$(1)/%) build/tap/run.o -lstdc++ -o $$@
endef
$(foreach r,$(TAP_RUNS),$(eval $(call tap_rules,$(r))))

build/tap/run.o: tests/tap/run.c tests/tap/cases.h harness/tap/tap.h Makefile ci/tap.mk
	@mkdir -p $(@D)
	@$(CLANG) $(COMMON) -c $< -o $@

$(foreach w,asan recover,build/tap/tests/$(w)-O1/faults): %: %.c.o $(TAP_ASAN)
	@$(TAP_LINK_asan) $< -o $@

TAP_LEAVE   := $(foreach w,asan alone thread gcc,build/tap/tests/$(w)-O2/leave)
TAP_ATOMICS := $(foreach w,thread gcc,build/tap/tests/$(w)-O2/atomics)
$(TAP_LEAVE) $(TAP_ATOMICS): %: %.c.o $(TAP_ASAN) $(TAP_ALONE) $(TAP_GCC)
	@$(TAP_LINK_$(tap_way)) $< -o $@

# without the tap
build/tap/tests/faults: tests/tap/faults.c Makefile ci/tap.mk
	@mkdir -p $(@D)
	@$(CLANG) $(COMMON) -O1 -fsanitize=address $< -o $@

build/tap/tests/listen: tests/tap/listen.c harness/tap/tap.h $(TAP_ALONE)
	@mkdir -p $(@D)
	@$(CLANG) $(COMMON) $< $(TAP_ALONE) -o $@

TAP_FAULTS := build/tap/tests/faults $(foreach w,asan recover,build/tap/tests/$(w)-O1/faults)

TAP_TESTS := $(TAP_RUNS:%=%/run) $(TAP_LEAVE) $(TAP_ATOMICS) $(TAP_FAULTS) build/tap/tests/listen

tap: $(TAP_TESTS) ## what is told of a device, by each way to compile it (CLANG, GCC)
	@for p in $(TAP_ATOMICS) build/tap/tests/listen; do $$p || exit 1; done
	@status=0; for r in $(notdir $(TAP_RUNS)); do \
		build/tap/tests/$$r/run $${r%-*} $$r || status=1; done; exit $$status
	@tests/tap/reports asan $(wordlist 1,2,$(TAP_FAULTS))
	@ASAN_OPTIONS=halt_on_error=0 tests/tap/reports recover $(firstword $(TAP_FAULTS)) $(lastword $(TAP_FAULTS))
	@for l in $(TAP_LEAVE); do ASAN_OPTIONS=detect_stack_use_after_return=1 $$l && $$l || exit 1; done

# two minutes
tap-deaf: $(TAP_RUNS:%=%/run) ## whether make tap sees the loss of any one of the calls that tell accesses
	@$(foreach w,$(TAP_WAYS),tests/tap/deaf $(w) '$(TAP_CASES:%=build/tap/tests/$(w)-O2/%)' \
		$(TAP_LINK_$(w)) build/tap/run.o &&) true
