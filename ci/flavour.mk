# SPDX-License-Identifier: BSD-3-Clause
# The rules of one flavour, $(FLAVOUR); the Makefile includes them once for each. Targets and
# prerequisites are read with that flavour; recipes run later, and have it by their target's name.

build/$(FLAVOUR)/%: FLAVOUR := $(FLAVOUR)

# this flavour's objects of these sources
obj = $(patsubst %.c,build/$(FLAVOUR)/obj/%.o,$(1))

# that of the harness in fuzz targets, which AFL++'s flavours have from another one
target_obj = $(patsubst %.c,build/$(or $(HARNESS_$(FLAVOUR)),$(FLAVOUR))/obj/%.o,$(1))

DEV_OBJ_$(FLAVOUR) := $(call obj,$(DEVICES))
LIB_OBJ_$(FLAVOUR) := $(call obj,$(DEVICES) $(HARNESS))
TARGET_LIB_OBJ_$(FLAVOUR) := $(DEV_OBJ_$(FLAVOUR)) $(call target_obj,$(HARNESS))

COMPILE    = $(CC_$(FLAVOUR)) $(COMMON)
INSTRUMENT = $(or $(INSTRUMENT_$(FLAVOUR)),$(CC_$(FLAVOUR)))
LINK       = $(CC_$(FLAVOUR)) $(LINK_$(FLAVOUR))
# where steps are counted, bytes that are copied are, too
COUNT_COPIES = $(if $(filter $(STEPS) $(STEPS_AFL),$(DEVICE_$(FLAVOUR))),&& objcopy --redefine-syms=harness/base/work.syms $@)
LINK_FUZZ  = $(INSTRUMENT) $(LINK_$(FLAVOUR)) -fsanitize=fuzzer

build/$(FLAVOUR)/obj/devices/%.o: devices/%.c harness/base/work.syms Makefile ci/flavour.mk
	@mkdir -p $(@D)
	@echo "  $(FLAVOUR) $<"
	@$(INSTRUMENT) $(COMMON) $(DEVICE_$(FLAVOUR)) -MMD -MP -c $< -o $@ $(COUNT_COPIES)

build/$(FLAVOUR)/obj/%.o: %.c Makefile ci/flavour.mk
	@mkdir -p $(@D)
	@echo "  $(FLAVOUR) $<"
	@$(COMPILE) $(OTHER_$(FLAVOUR)) -MMD -MP -c $< -o $@

# called at each basic block of a device
build/$(FLAVOUR)/obj/harness/base/work.o: FRAMES := -fomit-frame-pointer
build/$(FLAVOUR)/obj/harness/kvm/agent_image.o: build/agent
build/$(FLAVOUR)/obj/harness/findings/export_parts.o: $(wildcard harness/findings/export/*.h)

# with what tells it the accesses of a device that it loads
build/$(FLAVOUR)/anvil: $(call obj,$(TOOL) $(RUNNER_BACK_ENDS)) \
		$(filter-out $(call obj,$(TAP_PLAIN)),$(LIB_OBJ_$(FLAVOUR))) \
		$(or $(TAP_LOADED_$(FLAVOUR)),$(call obj,$(TAP_PLAIN)))
	@$(LINK) $(TAP_EXPORT) $^ $(RUNNER_LIBRARIES) -o $@

# ---- tests ----

$(DEVICE_TESTS:tests/%.c=build/$(FLAVOUR)/tests/%): build/$(FLAVOUR)/tests/%: build/$(FLAVOUR)/obj/tests/%.o \
		$(call obj,tests/support.c harness/base/sanitizer.c harness/base/work.c) $(DEV_OBJ_$(FLAVOUR))
	@mkdir -p $(@D)
	@$(LINK) $^ -lcmocka $(LIBRARIES) -o $@

$(CONFORMANCE:tests/%.c=build/$(FLAVOUR)/tests/%): build/$(FLAVOUR)/tests/%: build/$(FLAVOUR)/obj/tests/%.o \
		$(call obj,tests/support.c harness/base/sanitizer.c harness/base/work.c $(CONFORMANCE_BENCH)) $(DEV_OBJ_$(FLAVOUR))
	@mkdir -p $(@D)
	@$(LINK) $^ -lcmocka $(LIBRARIES) -o $@

$(VMM_TESTS:tests/%.c=build/$(FLAVOUR)/tests/%): build/$(FLAVOUR)/tests/%: build/$(FLAVOUR)/obj/tests/%.o \
		$(call obj,$(VMM_PARTS) harness/base/sanitizer.c harness/base/work.c)
	@mkdir -p $(@D)
	@$(LINK) $^ -lcmocka -o $@

$(VMM_BLK_TESTS:tests/%.c=build/$(FLAVOUR)/tests/%): $(call obj,tests/foreign/mine_blk.c tests/foreign/blk.c)
$(VMM_NET_TESTS:tests/%.c=build/$(FLAVOUR)/tests/%): $(call obj,tests/foreign/mine_net.c tests/foreign/net.c)

$(SLIRP_TESTS:tests/%.c=build/$(FLAVOUR)/tests/%): $(call obj,$(SLIRP))
$(SLIRP_TESTS:tests/%.c=build/$(FLAVOUR)/tests/%): LIBRARIES := -lslirp

$(URING_TESTS:tests/%.c=build/$(FLAVOUR)/tests/%): $(call obj,$(URING))
$(URING_TESTS:tests/%.c=build/$(FLAVOUR)/tests/%): LIBRARIES := -luring

build/$(FLAVOUR)/tests/test_out_of_memory: LIBRARIES := -Wl,--wrap=malloc -Wl,--wrap=calloc

build/$(FLAVOUR)/tests/test_mutator_afl: $(call obj,$(AFL_DOOR))

$(HARNESS_TESTS:tests/%.c=build/$(FLAVOUR)/tests/%): build/$(FLAVOUR)/tests/%: build/$(FLAVOUR)/obj/tests/%.o \
		$(call obj,$(AROUND) $(RUNNER_BACK_ENDS)) $(LIB_OBJ_$(FLAVOUR))
	@mkdir -p $(@D)
	@$(LINK) $^ -lcmocka $(RUNNER_LIBRARIES) -o $@

# scripts alone, on other machines, too: without the runner and its libraries
build/$(FLAVOUR)/tests/test_seeds: $(call obj,tests/test_seeds.c) $(LIB_OBJ_$(FLAVOUR))
	@mkdir -p $(@D)
	@$(LINK) $^ -lcmocka -o $@

# what the compiler's flags rename in a device, this one calls itself
build/$(FLAVOUR)/tests/test_machine_threads: $(call obj,$(MACHINE_TEST) harness/tap/tap_locks.c) $(LIB_OBJ_$(FLAVOUR))
	@mkdir -p $(@D)
	@$(LINK) $^ -lcmocka -o $@

build/$(FLAVOUR)/tests/play_files: $(call obj,harness/targets/fuzz_blk.c $(TARGET) ci/oss-fuzz/standalone.c) \
		$(LIB_OBJ_$(FLAVOUR))
	@mkdir -p $(@D)
	@$(LINK) $^ -o $@

build/$(FLAVOUR)/tests/embed_example: $(call obj,tests/embed_example.c) $(DEV_OBJ_$(FLAVOUR))
	@mkdir -p $(@D)
	@$(LINK) $^ -o $@

# ---- targets ----

build/$(FLAVOUR)/fuzz_empty: $(call obj,harness/targets/fuzz_empty.c) $(call target_obj,harness/base/sanitizer.c harness/base/work.c)
	@$(LINK_FUZZ) $^ -o $@

build/$(FLAVOUR)/fuzz_%: $(call target_obj,harness/targets/fuzz_%.c) build/fuzz/obj/harness.o $(TARGET_COPY) \
		$(DEV_OBJ_$(FLAVOUR))
	@$(LINK_FUZZ) $^ -o $@

# of its own folder: it plays no scripts of guests
build/$(FLAVOUR)/backend/fuzz_backend: $(call obj,$(BACKEND))
build/$(FLAVOUR)/backend/planted: $(call obj,$(filter-out devices/disk_file.c,$(BACKEND))) build/backend/planted/disk_file.o
build/$(FLAVOUR)/backend/%:
	@mkdir -p $(@D)
	@$(LINK_FUZZ) $^ $(BACKEND_CALLS:%=-Wl,--wrap=%) -luring -lslirp -o $@

# the same without one of the parts, to see what that is worth (make bugs-race WITHOUT=...)
build/$(FLAVOUR)/without/mutator/fuzz_%: $(call target_obj,harness/targets/fuzz_%.c) \
		build/$(FLAVOUR)/without/mutator/harness.o $(TARGET_COPY) $(DEV_OBJ_$(FLAVOUR))
	@$(LINK_FUZZ) $^ -o $@

# the engine finds none
build/$(FLAVOUR)/without/mutator/harness.o: build/fuzz/obj/harness.o
	@mkdir -p $(@D)
	@objcopy -L LLVMFuzzerCustomMutator -L LLVMFuzzerCustomCrossOver $< $@

build/$(FLAVOUR)/without/races/fuzz_%: $(call target_obj,harness/targets/fuzz_%.c) \
		$(call target_obj,$(TARGET) tests/bugs/without/races.c) $(TARGET_LIB_OBJ_$(FLAVOUR))
	@mkdir -p $(@D)
	@$(LINK_FUZZ) $^ -o $@ -Wl,--wrap=guest_race

build/$(FLAVOUR)/without/oracle/fuzz_%: $(call target_obj,harness/targets/fuzz_%.c) \
		$(call target_obj,$(TARGET) tests/bugs/without/oracle.c tests/bugs/without/model.c) \
		$(filter-out $(call target_obj,$(MODEL)),$(TARGET_LIB_OBJ_$(FLAVOUR)))
	@mkdir -p $(@D)
	@$(LINK_FUZZ) $^ -o $@ -Wl,--wrap=player_play -Wl,--wrap=safety_fail

build/$(FLAVOUR)/without/model/fuzz_%: $(call target_obj,harness/targets/fuzz_%.c) \
		$(call target_obj,$(TARGET) tests/bugs/without/rule_zero.c tests/bugs/without/model.c) \
		$(filter-out $(call target_obj,$(MODEL)),$(TARGET_LIB_OBJ_$(FLAVOUR)))
	@mkdir -p $(@D)
	@$(LINK_FUZZ) $^ -o $@ -Wl,--wrap=player_play

build/$(FLAVOUR)/tests/bugs/digest: $(call obj,tests/bugs/digest.c tests/bugs/without/oracle.c tests/bugs/without/model.c) \
		$(filter-out $(call obj,$(MODEL)),$(LIB_OBJ_$(FLAVOUR)))
	@mkdir -p $(@D)
	@$(LINK) $^ -o $@ -Wl,--wrap=player_play -Wl,--wrap=safety_fail

-include $(shell find build/$(FLAVOUR)/obj -name '*.d' 2>/dev/null)
