# SPDX-License-Identifier: BSD-3-Clause
# A device of somebody else: make fuzz DUT=mine.c SOURCES="../vmm/virtio_blk.c ..." DUT_FLAGS="-I../vmm"
# builds build/dut/mine/fuzz_mine. mine.c and the sources are compiled so that they tell their accesses
# to guest RAM (harness/tap/), as C or, by their suffix, as C++.

DUT       ?=
SOURCES   ?=
DUT_FLAGS ?=
TAP       ?= yes

DUT_NAME := $(basename $(notdir $(DUT)))
DUT_DIR  := build/dut/$(DUT_NAME)$(if $(filter no,$(TAP)),-untapped)
CXX_CLANG ?= $(CLANG)++

# sources with a directory of their own each: two may have the same name
dut_object = $(DUT_DIR)/obj/$(subst ..,up,$(1)).o
DUT_OBJECTS = $(foreach s,$(DUT) $(SOURCES),$(call dut_object,$(s)))

DUT_SANITIZE := -fsanitize=undefined -fno-sanitize=alignment,object-size -fno-sanitize-recover=undefined
DUT_COVERAGE := -fsanitize-coverage=inline-8bit-counters,pc-table,trace-cmp
DUT_COMPILE   = $(if $(filter no,$(TAP)),-fsanitize=address,$(TAP_ASAN_FLAGS) -DDUT_TAP) $(DUT_SANITIZE) \
	$(DUT_COVERAGE) -fsanitize-address-use-after-return=never -O1 -g -fno-omit-frame-pointer -D_GNU_SOURCE \
	-Iharness $(DUT_FLAGS)

define dut_rule
$(call dut_object,$(1)): $(1) Makefile ci/dut.mk ci/tap.mk
	@mkdir -p $$(@D)
	@echo "  dut $$<"
	@$(if $(filter %.cc %.cpp %.cxx,$(1)),$(CXX_CLANG),$(CLANG)) $$(DUT_COMPILE) -MMD -MP -c $$< -o $$@
	@$(if $(filter no,$(TAP)),,objcopy --redefine-syms=harness/tap/tap_libc.syms $$@)
endef
$(foreach s,$(DUT) $(SOURCES),$(eval $(call dut_rule,$(s))))

$(DUT_DIR)/fuzz_$(DUT_NAME): $(DUT_OBJECTS) $(TAP_ASAN) \
		build/fuzz/obj/harness/targets/target.o build/fuzz/obj/harness/targets/target_dut.o \
		$(filter-out build/fuzz/obj/harness/tap/%,$(LIB_OBJ_fuzz))
	@$(CXX_CLANG) $(LINK_fuzz) -fsanitize=fuzzer -rdynamic $^ -o $@

-include $(shell test -d $(DUT_DIR)/obj && find $(DUT_DIR)/obj -name '*.d')

dut: $(DUT_DIR)/fuzz_$(DUT_NAME)
