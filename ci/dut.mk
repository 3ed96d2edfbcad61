# SPDX-License-Identifier: BSD-3-Clause
# A device of somebody else: make fuzz DUT=mine.c SOURCES="../vmm/virtio_blk.c ..." DUT_FLAGS="-I../vmm"
# builds build/dut/mine/fuzz_mine, and mine.so beside it, which anvil play --device takes. mine.c and the
# sources are compiled so that they tell their accesses to guest RAM (harness/tap/), as C or, by their
# suffix, as C++. SANITIZER=memory builds the same in build/dut/mine-memory/, with MemorySanitizer in place
# of AddressSanitizer, whose checks are what tells accesses: without the tap.

DUT       ?=
SOURCES   ?=
DUT_FLAGS ?=
TAP       ?= yes
SANITIZER ?= address

# said before anything is built. Of the environment (OSS-Fuzz has a SANITIZER there) where it matters alone.
DUT_ASKED := $(if $(DUT)$(findstring command line,$(origin SANITIZER)),$(SANITIZER),address)
ifeq ($(filter address memory,$(DUT_ASKED)),)
$(error SANITIZER=$(SANITIZER): give address or memory)
endif
ifeq ($(DUT_ASKED),memory)
ifeq ($(DUT),)
$(error SANITIZER=memory: is for a device of yours, give its DUT=mine.c)
endif
ifneq ($(filter afl,$(ENGINE))$(filter dut-afl,$(MAKECMDGOALS)),)
$(error SANITIZER=memory: give ENGINE=libfuzzer, or SANITIZER=address for AFL++)
endif
ifneq ($(filter report dut-cov,$(MAKECMDGOALS)),)
$(error SANITIZER=memory: the report is of SANITIZER=address)
endif
DUT_MEMORY := yes
endif

comma := ,
# whether accesses are told
DUT_TOLD := $(if $(DUT_MEMORY)$(filter no,$(TAP)),,yes)
DUT_NAME := $(basename $(notdir $(DUT)))
DUT_DIR  := build/dut/$(DUT_NAME)$(if $(DUT_MEMORY),-memory,$(if $(DUT_TOLD),,-untapped))
CXX_CLANG ?= $(CLANG)++

# sources with a directory of their own each: two may have the same name
dut_object  = $(DUT_DIR)/$(1)/$(subst ..,up,$(2)).o
dut_objects = $(foreach s,$(DUT) $(SOURCES),$(call dut_object,$(1),$(s)))

# said before anything is built
$(foreach s,$(DUT) $(SOURCES),$(if $(wildcard $(s)),,$(error $(s): there is no such file, for DUT or SOURCES)))

# scripts of every target fit any device
DUT_SEEDS = $(wildcard $(foreach t,blk net virtqueue mmio,corpora/fuzz_$(t) crashes/fuzz_$(t)))
DUT_RUN   = mkdir -p $(DUT_DIR)/corpus $(DUT_DIR)/findings && ANVIL_FINDINGS=$(DUT_DIR)/findings \
	ci/dut-campaign $(DUT_DIR) fuzz_$(DUT_NAME) $(ENGINE) $(DUT_RUN_$(ENGINE))
DUT_RUN_afl = ci/dut-afl $(DUT_DIR) $(DUT_NAME) $(T) $(JOBS) $(DUT_SEEDS)
DUT_RUN_libfuzzer = $(DUT_DIR)/fuzz_$(DUT_NAME) -max_total_time=$(T) -timeout=60 \
	-artifact_prefix=$(DUT_DIR)/findings/ $(DUT_DIR)/corpus $(DUT_SEEDS)
DUT_REPORT = ci/report/make --build $(DUT_DIR) --device $(DUT_DIR)/$(DUT_NAME).so \
	--cov $(DUT_DIR)/fuzz_$(DUT_NAME)-cov $(DUT_SEEDS)

DUT_SANITIZE := -fsanitize=undefined -fno-sanitize=alignment,object-size -fno-sanitize-recover=undefined
# the target goes on after a report: of all kinds of undefined behaviour but for a few, which end it or trap
DUT_RECOVER := bool,bounds,builtin,enum,float-cast-overflow,integer-divide-by-zero,nonnull-attribute,null,pointer-overflow,shift,signed-integer-overflow,vla-bound,vptr
DUT_GO_ON_UNDEFINED := -fsanitize-recover=$(DUT_RECOVER) -fsanitize-trap=unreachable,return
DUT_GO_ON := -fsanitize-recover=address $(DUT_GO_ON_UNDEFINED)
# what target_wrap*.c and target_dut.c have
DUT_CHECKS := $(foreach k,load store,$(foreach n,1 2 4 8 16,$(k)$(n) report_$(k)$(n)) $(k)N report_$(k)_n)
DUT_WRAP_ANY := _Exit exit __assert_fail __cxa_pure_virtual _ZSt21__glibcxx_assert_failPKciS0_S0_ \
	$(addprefix __ubsan_handle_,$(shell sed -n 's/^HANDLER(\(.*\))$$/\1/p' harness/targets/target_wrap.c))
DUT_WRAP  := $(DUT_WRAP_ANY) $(addprefix __asan_,report_error memcpy memmove memset $(DUT_CHECKS:%=%_noabort))
dut_wrap   = $(addprefix -Wl$(comma)--wrap=,$(1))
DUT_COVERAGE := -fsanitize-coverage=inline-8bit-counters,pc-table,trace-cmp,trace-pc
DUT_TAPPED   := $(TAP_ASAN_FLAGS) -DDUT_TAP
DUT_REPORTS_ANY := $(DUT_SANITIZE) -O1 -g -fno-omit-frame-pointer
DUT_REPORTS  := $(DUT_REPORTS_ANY) -fsanitize-address-use-after-return=never
DUT_COMPILE   = $(if $(DUT_TOLD),$(DUT_TAPPED),-fsanitize=address) $(DUT_REPORTS)
DUT_LINK_ANY := $(STEPS_LINK) -rdynamic -Wl,-u,LLVMFuzzerTestOneInput
DUT_LINK     := -fsanitize=address,undefined -no-pie $(DUT_LINK_ANY) $(call dut_wrap,$(DUT_WRAP))
DUT_LINK_SO  := -shared $(STEPS_LINK) -fsanitize=address,undefined

# the same with MemorySanitizer. All has to be compiled for it, the harness, too; libraries are not, and what
# they write is taken for unwritten. Programs and where they lie: see LINK_msan.
DUT_COMPILE_MEMORY := $(filter-out -fno-sanitize-recover=%,$(MSAN)) $(DUT_REPORTS_ANY) -fno-optimize-sibling-calls
DUT_KIND_MEMORY    := $(DUT_COVERAGE) -fsanitize-recover=memory $(DUT_GO_ON_UNDEFINED)
DUT_LINK_MEMORY    := -fsanitize=memory,undefined $(DUT_LINK_ANY) \
	$(call dut_wrap,$(DUT_WRAP_ANY) $(addprefix __msan_,warning_with_origin warning_with_origin_noreturn \
	check_mem_is_initialized))
DUT_LINK_SO_MEMORY := -shared $(STEPS_LINK) -fsanitize=memory,undefined

# in obj/ for the fuzz target, in afl/ for that of AFL++, in cov/ for that of the report, in so/ for the
# shared object
DUT_KIND_obj := $(DUT_COVERAGE) $(DUT_GO_ON)
DUT_KIND_afl := $(DUT_GO_ON)
# What is counted goes straight to a file (%c), as a device may end the target at any time. The door to it
# is not counted, where it has files of its own.
DUT_COUNTED   = $(if $(SOURCES),$(SOURCES),$(DUT))
DUT_KIND_cov  = $(DUT_KIND_obj) $(if $(filter $<,$(DUT_COUNTED)),$(COVERAGE) -mllvm -runtime-counter-relocation)
# these two would want libraries of C++ in the program that loads it
DUT_KIND_so  := -fPIC $(STEPS) -fno-sanitize=vptr,function

# all that a target is linked with beside the device. Of its names those alone are seen that others call: a
# device may have the rest for its own. Our devices are in it for reference, and not looked at.
DUT_LIBRARY  := build/lib/libvirtio-anvil-fuzz.a
DUT_GLOBAL   := LLVMFuzzer* __tap_* __wrap_* __asan_default_options __msan_default_options __lsan_is_turned_off \
	__sanitizer_report_error_summary
DUT_SOURCES  := $(patsubst %,harness/targets/%.c,target target_dut target_catch target_terminate target_wrap target_findings \
	target_signature) $(HARNESS)
DUT_HARNESS  := $(patsubst %.c,build/fuzz/obj/%.o,$(filter-out $(TAP_PLAIN),$(DUT_SOURCES)) \
	harness/targets/target_wrap_address.c)
DUT_PARTS_MEMORY := $(patsubst %.c,build/msan/obj/%.o,$(DUT_SOURCES) harness/targets/target_wrap_memory.c) $(DEV_OBJ_msan)

build/lib/obj/fuzz-harness.o: $(DUT_HARNESS) harness/targets/target_copy.syms Makefile ci/dut.mk
	@mkdir -p $(@D)
	@echo "  fuzz harness for devices of others"
	@$(JOIN_FUZZ)

# first of all, which objects for link-time optimization are not
DUT_GUARD    := build/fuzz/obj/harness/targets/target_guard.o
$(DUT_GUARD): OTHER_fuzz := -O2

build/lib/obj/fuzz.o: $(DUT_GUARD) build/lib/obj/fuzz-harness.o $(TARGET_COPY) $(DEV_OBJ_clang) $(TAP_ASAN)
build/lib/obj/fuzz-memory.o: $(DUT_PARTS_MEMORY)
build/lib/obj/fuzz.o build/lib/obj/fuzz-memory.o: ci/dut.mk
	@mkdir -p $(@D)
	@$(JOIN) $(filter %.o,$^) -o $@
	@objcopy --wildcard $(DUT_GLOBAL:%=--keep-global-symbol='%') $@

$(DUT_LIBRARY): build/lib/obj/fuzz.o
DUT_LIBRARY_MEMORY := build/lib/libvirtio-anvil-fuzz-memory.a
$(DUT_LIBRARY_MEMORY): build/lib/obj/fuzz-memory.o

# the same flags for those who have installed it
build/kit/%: Makefile ci/dut.mk ci/tap.mk harness/targets/target_wrap.c
	@mkdir -p $(@D)
	@printf '%s\n' $(KIT_$*) >$@
KIT_fuzz.flags   := $(DUT_TAPPED) $(DUT_REPORTS) $(DUT_KIND_obj)
KIT_fuzz.link    := $(DUT_LINK)
KIT_device.flags := $(DUT_TAPPED) $(DUT_REPORTS) $(DUT_KIND_so)
KIT_device.link  := $(DUT_LINK_SO)
KIT_fuzz-memory.flags   := $(DUT_COMPILE_MEMORY) $(DUT_KIND_MEMORY)
KIT_fuzz-memory.link    := $(DUT_LINK_MEMORY)
KIT_device-memory.flags := $(DUT_COMPILE_MEMORY) $(DUT_KIND_so)
KIT_device-memory.link  := $(DUT_LINK_SO_MEMORY)
KIT := $(foreach k,fuzz device fuzz-memory device-memory,build/kit/$(k).flags build/kit/$(k).link)

kit: $(DUT_LIBRARY) $(DUT_LIBRARY_MEMORY) $(KIT)
	@:

ifeq ($(DUT_MEMORY),yes)
DUT_LIBRARY  := $(DUT_LIBRARY_MEMORY)
DUT_COMPILE   = $(DUT_COMPILE_MEMORY)
DUT_LINK     := $(DUT_LINK_MEMORY)
DUT_LINK_SO  := $(DUT_LINK_SO_MEMORY)
DUT_KIND_obj := $(DUT_KIND_MEMORY)
endif

define dut_rule
$(call dut_object,$(2),$(1)): $(1) Makefile ci/dut.mk ci/tap.mk
	@mkdir -p $$(@D)
	@echo "  dut $$<"
	@$(if $(filter afl,$(2)),$(AFL) $(AFL_CLANG),$(CLANG))$(if $(filter %.cc %.cpp %.cxx,$(1)),++) $$(DUT_COMPILE) -D_GNU_SOURCE -Iharness $$(DUT_FLAGS) $$(DUT_KIND_$(2)) -MMD -MP -c $$< -o $$@
	@$(if $(DUT_TOLD),objcopy --redefine-syms=harness/tap/tap_libc.syms $$@)
endef
$(foreach k,obj afl cov so,$(foreach s,$(DUT) $(SOURCES),$(eval $(call dut_rule,$(s),$(k)))))

$(DUT_DIR)/fuzz_$(DUT_NAME): $(call dut_objects,obj) $(DUT_LIBRARY)
	@$(CXX_CLANG) $(DUT_LINK) -fsanitize=fuzzer $^ -o $@

$(DUT_DIR)/fuzz_$(DUT_NAME)-cov: $(call dut_objects,cov) $(DUT_LIBRARY)
	@$(CXX_CLANG) $(DUT_LINK) $(COVERAGE) -fsanitize=fuzzer $^ -o $@

# AFL++ watches the device alone: afl-clang-fast has not compiled the rest
$(DUT_DIR)/fuzz_$(DUT_NAME)-afl: $(call dut_objects,afl) build/afl/mutator/obj/$(AFL_PART:.c=.o) $(DUT_LIBRARY)
	@$(AFL) $(AFL_CLANG)++ $(DUT_LINK) -fsanitize=fuzzer $^ -o $@

# the sanitizers and the tap are in the program that loads it
$(DUT_DIR)/$(DUT_NAME).so: $(call dut_objects,so)
	@$(CXX_CLANG) $(DUT_LINK_SO) $^ -o $@

-include $(shell find $(addprefix $(DUT_DIR)/,obj afl cov so) -name '*.d' 2>/dev/null)

# quiet when there is nothing to do
dut: $(DUT_DIR)/fuzz_$(DUT_NAME) dut-so $(if $(filter afl,$(ENGINE)),dut-afl)
	@:
dut-so: $(DUT_DIR)/$(DUT_NAME).so
	@:
dut-cov: $(DUT_DIR)/fuzz_$(DUT_NAME)-cov
	@:
dut-afl: afl-there $(DUT_DIR)/fuzz_$(DUT_NAME)-afl $(foreach k,blk net,build/afl/mutator/dut_$(k).so build/afl/mutator/dut_$(k)_threads.so)
	@:
