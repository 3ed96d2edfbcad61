# SPDX-License-Identifier: BSD-3-Clause
# A device of somebody else: make fuzz DUT=mine.c SOURCES="../vmm/virtio_blk.c ..." DUT_FLAGS="-I../vmm"
# builds build/dut/mine/fuzz_mine, and mine.so beside it, which anvil play --device takes. mine.c and the
# sources are compiled so that they tell their accesses to guest RAM (harness/tap/), as C or, by their
# suffix, as C++.

DUT       ?=
SOURCES   ?=
DUT_FLAGS ?=
TAP       ?= yes

comma := ,
DUT_NAME := $(basename $(notdir $(DUT)))
DUT_DIR  := build/dut/$(DUT_NAME)$(if $(filter no,$(TAP)),-untapped)
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
DUT_GO_ON := -fsanitize-recover=address,$(DUT_RECOVER) -fsanitize-trap=unreachable,return
# what target_wrap*.c and target_dut.c have
DUT_CHECKS := $(foreach k,load store,$(foreach n,1 2 4 8 16,$(k)$(n) report_$(k)$(n)) $(k)N report_$(k)_n)
DUT_WRAP  := _Exit exit __assert_fail $(addprefix __asan_,memcpy memmove memset $(DUT_CHECKS:%=%_noabort)) \
	$(addprefix __ubsan_handle_,$(shell sed -n 's/^HANDLER(\(.*\))$$/\1/p' harness/targets/target_wrap.c))
DUT_COVERAGE := -fsanitize-coverage=inline-8bit-counters,pc-table,trace-cmp
DUT_TAPPED   := $(TAP_ASAN_FLAGS) -DDUT_TAP
DUT_REPORTS  := $(DUT_SANITIZE) -fsanitize-address-use-after-return=never -O1 -g -fno-omit-frame-pointer
DUT_COMPILE   = $(if $(filter no,$(TAP)),-fsanitize=address,$(DUT_TAPPED)) $(DUT_REPORTS) -D_GNU_SOURCE \
	-Iharness $(DUT_FLAGS)
DUT_LINK     := -fsanitize=address,undefined -no-pie -rdynamic -Wl,-u,LLVMFuzzerTestOneInput \
	$(addprefix -Wl$(comma)--wrap=,$(DUT_WRAP))

# in obj/ for the fuzz target, in afl/ for that of AFL++, in cov/ for that of the report, in so/ for the
# shared object
DUT_KIND_obj := $(DUT_COVERAGE) $(DUT_GO_ON)
DUT_KIND_afl := $(DUT_GO_ON)
# What is counted goes straight to a file (%c), as a device may end the target at any time. The door to it
# is not counted, where it has files of its own.
DUT_COUNTED   = $(if $(SOURCES),$(SOURCES),$(DUT))
DUT_KIND_cov  = $(DUT_KIND_obj) $(if $(filter $<,$(DUT_COUNTED)),$(COVERAGE) -mllvm -runtime-counter-relocation)
# these two would want libraries of C++ in the program that loads it
DUT_KIND_so  := -fPIC -fno-sanitize=vptr,function

# all that a target is linked with beside the device. Of its names those alone are seen that others call: a
# device may have the rest for its own. Our devices are in it for reference, and not looked at.
DUT_LIBRARY  := build/lib/libvirtio-anvil-fuzz.a
DUT_GLOBAL   := LLVMFuzzer* __tap_* __wrap_* __asan_default_options __msan_default_options __lsan_is_turned_off
DUT_PARTS    := $(patsubst %,build/fuzz/obj/harness/targets/%.o,target target_dut target_catch target_wrap target_wrap_address \
	target_findings target_signature) $(patsubst %.c,build/fuzz/obj/%.o,$(filter-out $(TAP_PLAIN),$(HARNESS))) $(DEV_OBJ_clang)

build/lib/obj/fuzz.o: $(DUT_PARTS) $(TAP_ASAN) ci/dut.mk
	@mkdir -p $(@D)
	@$(LD) -r $(filter %.o,$^) -o $@
	@objcopy --wildcard $(DUT_GLOBAL:%=--keep-global-symbol='%') $@

$(DUT_LIBRARY): build/lib/obj/fuzz.o

# the same flags for those who have installed it
build/kit/%: Makefile ci/dut.mk ci/tap.mk harness/targets/target_wrap.c
	@mkdir -p $(@D)
	@printf '%s\n' $(KIT_$*) >$@
KIT_fuzz.flags   := $(DUT_TAPPED) $(DUT_REPORTS) $(DUT_KIND_obj)
KIT_fuzz.link    := $(DUT_LINK)
KIT_device.flags := $(DUT_TAPPED) $(DUT_REPORTS) $(DUT_KIND_so)
KIT_device.link  := -shared -fsanitize=address,undefined
KIT := $(addprefix build/kit/,fuzz.flags fuzz.link device.flags device.link)

kit: $(DUT_LIBRARY) $(KIT)
	@:

define dut_rule
$(call dut_object,$(2),$(1)): $(1) Makefile ci/dut.mk ci/tap.mk
	@mkdir -p $$(@D)
	@echo "  dut $$<"
	@$(if $(filter afl,$(2)),$(AFL) $(AFL_CLANG),$(CLANG))$(if $(filter %.cc %.cpp %.cxx,$(1)),++) $$(DUT_COMPILE) $$(DUT_KIND_$(2)) -MMD -MP -c $$< -o $$@
	@$(if $(filter no,$(TAP)),,objcopy --redefine-syms=harness/tap/tap_libc.syms $$@)
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
	@$(CXX_CLANG) $(KIT_device.link) $^ -o $@

-include $(shell find $(addprefix $(DUT_DIR)/,obj afl cov so) -name '*.d' 2>/dev/null)

# quiet when there is nothing to do
dut: $(DUT_DIR)/fuzz_$(DUT_NAME) dut-so $(if $(filter afl,$(ENGINE)),dut-afl)
	@:
dut-so: $(DUT_DIR)/$(DUT_NAME).so
	@:
dut-cov: $(DUT_DIR)/fuzz_$(DUT_NAME)-cov
	@:
dut-afl: afl-there $(DUT_DIR)/fuzz_$(DUT_NAME)-afl $(foreach k,blk net,build/afl/mutator/fuzz_$(k).so)
	@:
