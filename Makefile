# SPDX-License-Identifier: BSD-3-Clause
# Every command a person needs. `make help` lists them.
#
# Flavours, each in build/<flavour>/:
#   asan   AddressSanitizer and UndefinedBehaviorSanitizer everywhere: replays and findings
#   fuzz   the same on devices/, with coverage for the engine; the harness is plain, and optimized
#          as one at link time, so that the time goes to what is tested: fuzz targets
#   msan   MemorySanitizer everywhere: replays; devices of others (ci/dut.mk)
#   tsan   ThreadSanitizer everywhere: the tests of what may happen at once, and in which order
#   cov    source-based coverage: `make coverage`, `make health`
#   gcc clang   plain builds for unit tests
#   lib    devices/ as programs embed them: make install
#   files  as fuzz, and what reads a host's files, too: their target
#   afl/fast afl/asan afl/cmplog   the targets as AFL++ wants them, devices/ alone instrumented:
#          without sanitizers; with those of fuzz; telling AFL++ what is compared with what. The
#          harness is that of fuzz
#   i386 s390x  32 bits, with AddressSanitizer and UndefinedBehaviorSanitizer; big-endian: `make portable`

T      ?= 60
JOBS   ?= $(shell nproc)
CLANG  ?= clang
GCC    ?= gcc
ENGINE ?= libfuzzer
AFL_CLANG ?= afl-clang-fast
OPTIMIZE ?= -O2
FRAMES := -fno-omit-frame-pointer
# make install: where to, and below which folder in the meantime
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
DESTDIR ?=

AFL_FLAVOURS := afl/fast afl/asan afl/cmplog
# other machines, with Debian's libraries from ci/sysroot
FOREIGN      := i386 s390x
ALL_FLAVOURS := asan fuzz files msan tsan cov gcc clang lib $(FOREIGN) $(AFL_FLAVOURS)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror
# the same bytes wherever the checkout is, so that reports and signatures do not tell where that was
# (not those of coverage, whose pages llvm-cov makes from the sources where they are)
COMMON    = -std=c11 -D_GNU_SOURCE $(OPTIMIZE) -g $(FRAMES) $(WARNINGS) -Idevices -Iharness \
	$(if $(filter build/cov/%,$@),,"-ffile-prefix-map=$$PWD=.")
ASAN     := -fsanitize=address,undefined -fno-sanitize-recover=all
MSAN     := -fsanitize=memory -fno-sanitize-recover=all -fsanitize-memory-track-origins
TSAN     := -fsanitize=thread
COVERAGE := -fprofile-instr-generate -fcoverage-mapping

CC_asan  := $(CLANG)
CC_fuzz  := $(CLANG)
CC_files := $(CLANG)
CC_msan  := $(CLANG)
CC_tsan  := $(CLANG)
CC_cov   := $(CLANG)
CC_gcc   := $(GCC)
CC_clang := $(CLANG)
CC_lib   := $(GCC)
$(foreach f,$(AFL_FLAVOURS),$(eval CC_$(f) := $(CLANG)))

# what is instrumented by more than the flags of clang
AFL := env AFL_QUIET=1 AFL_LLVM_DENYLIST=ci/coverage-ignore
INSTRUMENT_afl/fast   := $(AFL) $(AFL_CLANG)
INSTRUMENT_afl/asan   := $(AFL) $(AFL_CLANG)
INSTRUMENT_afl/cmplog := $(AFL) AFL_LLVM_CMPLOG=1 $(AFL_CLANG)

# relative, as are all paths of what runs here: a checkout's own path may have any character
SYSROOT   = build/sysroot
CC_i386   = $(CLANG) --target=i386-linux-gnu --sysroot=$(SYSROOT)/i386
CC_s390x  = $(CLANG) --target=s390x-linux-gnu --sysroot=$(SYSROOT)/s390x

# flags of devices/, of everything else, and for linking
# basic blocks are counted: base/work.h. AFL++'s compiler leaves the flag out, if it is not in a file
STEPS        := -fsanitize-coverage=trace-pc
STEPS_AFL    := @ci/steps.flags
STEPS_LINK   := -Wl,--wrap=__sanitizer_cov_trace_pc
DEVICE_asan  := $(ASAN) $(STEPS)
# Without the checks that cost most and that something else makes: a null pointer faults,
# AddressSanitizer knows an object's size, and alignment is checked by the replays of asan/.
FAST_ASAN    := $(ASAN) -fno-sanitize=null,object-size,alignment -fsanitize-address-use-after-return=never
DEVICE_fuzz  := $(FAST_ASAN) $(STEPS) \
	-fsanitize-coverage=inline-8bit-counters,pc-table -fsanitize-coverage-ignorelist=ci/coverage-ignore
DEVICE_files := $(DEVICE_fuzz)
DEVICE_msan  := $(MSAN)
DEVICE_tsan  := $(TSAN)
# for programs, plug-ins and what a distribution adds; a newer compiler's warnings are not its users'
DEVICE_lib    = -fPIC -Wno-error $(CPPFLAGS) $(CFLAGS)
DEVICE_cov   := $(COVERAGE)
DEVICE_i386  := $(ASAN) -D_FILE_OFFSET_BITS=64
OTHER_fuzz   := -O3 -flto
OTHER_asan   := $(ASAN)
OTHER_msan   := $(MSAN)
OTHER_tsan   := $(TSAN)
OTHER_i386   := $(ASAN) -D_FILE_OFFSET_BITS=64
# A program at a fixed place is out of the way of AddressSanitizer's maps, however many bits of an
# address are random (vm.mmap_rnd_bits): clang 14 dies where they meet. C++'s library is for devices
# that throw: AddressSanitizer looks for it when the program starts. lld takes half the time.
LINK_asan    := $(ASAN) $(STEPS_LINK) -no-pie -fuse-ld=lld -Wl,--push-state,--no-as-needed -lstdc++ -Wl,--pop-state
# what is linked with objects for link-time optimization
LTO          := -fuse-ld=lld -Wl,--lto-O3
LINK_fuzz    := $(ASAN) $(STEPS_LINK) -no-pie $(LTO)
LINK_files   := $(ASAN) $(STEPS_LINK) -no-pie -fuse-ld=lld
LINK_msan    := $(MSAN)
LINK_tsan    := $(TSAN)
LINK_cov     := $(COVERAGE)
DEVICE_afl/asan := $(FAST_ASAN) $(STEPS_AFL)
LINK_afl/asan   := $(ASAN) $(STEPS_LINK) -no-pie
$(foreach f,$(AFL_FLAVOURS),$(eval OTHER_$(f) := -O3)$(eval LINK_$(f) += $(LTO))$(eval HARNESS_$(f) := fuzz))
# this machine's processor runs it, with that libraries; for s390x QEMU finds them
LINK_i386     = $(ASAN) -Wl,--disable-new-dtags -Wl,--dynamic-linker=$(SYSROOT)/i386/lib/ld-linux.so.2 \
	-Wl,-rpath=$(SYSROOT)/i386/lib/i386-linux-gnu:$(SYSROOT)/i386/usr/lib/i386-linux-gnu

# the objects that want a library go only into programs that use it
LIBRARIES :=
URING    := devices/disk_io_uring.c
SLIRP    := devices/nic_slirp.c devices/nic_slirp_guard.c
RUNNER_BACK_ENDS := $(URING) $(SLIRP)
RUNNER_LIBRARIES := -luring -lslirp -lseccomp -lpthread -ldl
DEVICES  := $(filter-out $(URING) $(SLIRP),$(wildcard devices/*.c))
# what an embedder includes: not what the parts of a device say to each other
PUBLIC_HEADERS := $(filter-out %_internal.h %_layout.h devices/virtio_net_%.h devices/virtio_mmio_legacy.h \
	devices/disk_format.h devices/array_size.h devices/cannot_fail.h,$(wildcard devices/*.h))
# Which room of harness/ goes into which program
room     = $(foreach r,$(1),$(wildcard harness/$(r)/*.c))
TAP_PLAIN := $(wildcard harness/tap/tap.c)
HARNESS  := $(call room,base script oracle device guest play) $(TAP_PLAIN)
AROUND   := $(call room,record kvm run engine findings)
TOOL     := $(AROUND) $(call room,cli)
TARGETS  := $(wildcard harness/targets/fuzz_*.c)
# what each target has beside HARNESS; what AFL++ loads into itself, and into a target
TARGET   := harness/targets/target.c harness/targets/target_own.c
TARGET_COPY := build/fuzz/obj/harness/targets/target_copy.o
AFL_DOOR := harness/targets/mutator_afl.c
AFL_PART := harness/targets/target_afl.c
# back ends, and the host in memory that their system calls are linked to
BACKEND  := $(call room,backend) $(addprefix harness/base/,complain.c sanitizer.c work.c) \
	$(filter devices/disk_% devices/zoned_% devices/nic_%,$(DEVICES)) $(RUNNER_BACK_ENDS)
BACKEND_CALLS := open close fstat lseek fcntl ioctl pread pwrite fdatasync fallocate read write writev fdopen fileno \
	ftruncate eventfd eventfd_read eventfd_write syscall $(addprefix io_uring_,queue_init queue_exit submit \
	submit_and_wait get_probe_ring free_probe register_eventfd) \
	clock_gettime getrlimit $(addprefix slirp_,new cleanup add_hostfwd input pollfds_fill pollfds_poll)
BACKEND_TESTS := build/fuzz/backend/fuzz_backend build/fuzz/backend/planted
# what reads a host's files, and what that needs
FILES    := $(call room,files kvm record base script oracle device guest) $(wildcard harness/run/crash_*.c) $(TAP_PLAIN) \
	$(RUNNER_BACK_ENDS) $(DEVICES)
FILES_CALLS := complain complain_of anvil_disk_io_uring_open
FILES_TESTS := build/files/fuzz_files build/files/planted/fuzz_files
# the exact model of our devices; the safety rules stay
MODEL    := $(filter harness/oracle/oracle%,$(call room,oracle))
# unit tests of devices/ alone, and tests of the harness
HARNESS_TESTS := $(wildcard $(patsubst %,tests/test_%.c,harness acpi linux_image serial runner_* boot host_* \
	sandbox* recorder* findings finding_* mutator_afl campaign machine_queues))
SEEDS_TEST    := tests/test_seeds.c
# the test of threads, which ThreadSanitizer watches, too
THREADS_TEST  := tests/test_host_threads.c
# tests in which the devices tell what they would tell ThreadSanitizer
ORDER_TESTS   := $(wildcard tests/test_memory_order_*.c)
# tests of a hobby VMM's devices, which know nothing of ours, and what these tests share
VMM_BLK_TESTS := $(wildcard tests/test_foreign_blk*.c)
VMM_NET_TESTS := $(wildcard tests/test_foreign_net*.c)
VMM_TESTS     := $(VMM_BLK_TESTS) $(VMM_NET_TESTS)
VMM_PARTS     := tests/foreign/mistakes.c tests/foreign/driver.c
# tests of threads that a machine lets go on; the second plays scripts on a device that tells its accesses
MACHINE_TEST  := tests/test_machine_threads.c
IOT_TEST      := tests/test_foreign_iot.c
DEVICE_TESTS  := $(filter-out $(HARNESS_TESTS) $(SEEDS_TEST) $(VMM_TESTS) $(ORDER_TESTS) $(MACHINE_TEST) $(IOT_TEST),\
	$(wildcard tests/test_*.c))
# of these, the tests of what wants a library
SLIRP_TESTS   := $(wildcard tests/test_nic_slirp*.c)
URING_TESTS   := $(wildcard tests/test_disk_io_uring*.c tests/test_disk_block.c)
# tests of devices/ against the specification's clauses, and what they share
CONFORMANCE_BENCH := tests/conformance/bench.c
CONFORMANCE   := $(filter-out $(CONFORMANCE_BENCH),$(wildcard tests/conformance/*.c))

.PHONY: all help deps fuzz fuzz-backend backend fuzz-files files install uninstall embed check same-coverage all-tests release release-tests export test conformance conformance-quiet commands replay kvm direct guest guest-kernel compare bugs bugs-race bugs-afl mutants mutant-judges readme layers format health coverage report report-shots bench seeds recordings findings manual afl-there oss-fuzz-check fuzz-sources fuzz-targets portable tap tap-deaf dut dut-so dut-cov dut-afl kit foreign foreign-bench foreign-devices memory-devices clean
.DEFAULT_GOAL := all

# a word for the shell, whatever is in it
quoted = '$(subst ','\'',$(1))'
INSTALL = ci/install $(1) $(2) $(call quoted,$(DESTDIR)) $(call quoted,$(PREFIX)) $(call quoted,$(LIBDIR)) \
	$(PUBLIC_HEADERS)

# said before anything is built
IN_THE_WAY := $(foreach g,$(filter install uninstall,$(MAKECMDGOALS)),$(shell $(call INSTALL,--check,$(g)) 2>&1))
ifneq ($(strip $(IN_THE_WAY)),)
$(error $(IN_THE_WAY))
endif

ifeq ($(filter $(ENGINE),libfuzzer afl),)
$(error ENGINE=$(ENGINE): give libfuzzer or afl)
endif

include ci/tap.mk
$(foreach FLAVOUR,$(ALL_FLAVOURS),$(eval include ci/flavour.mk))
# no rule makes these: without this one, make looks for one through all there are, for each
%.d: ;
.SECONDARY:
.DELETE_ON_ERROR:

include ci/dut.mk

# what runs inside a guest; no sanitizer's: it is not what is tested
build/agent: harness/kvm/agent/agent.c harness/kvm/agent/agent.h harness/kvm/payload.h harness/script/setup.h Makefile
	@mkdir -p $(@D)
	@echo "  guest $<"
	@$(CLANG) $(COMMON) -static $< -o $@

# One object of several: of those of the harness, whose copies are then not AddressSanitizer's, but TARGET_COPY's
JOIN      = $(CLANG) -r -nostdlib $(LTO)
JOIN_FUZZ = $(JOIN) $(filter %.o,$^) -o $@ && objcopy --redefine-syms=harness/targets/target_copy.syms $@

build/fuzz/obj/harness.o: $(patsubst %.c,build/fuzz/obj/%.o,$(TARGET) $(HARNESS)) harness/targets/target_copy.syms Makefile
	@echo "  fuzz harness"
	@$(JOIN_FUZZ)

# what the engine costs on instrumented code
build/fuzz/obj/harness/targets/fuzz_empty.o: OTHER_fuzz = $(DEVICE_fuzz)
$(foreach f,$(AFL_FLAVOURS),$(eval build/$(f)/obj/harness/targets/fuzz_empty.o: CC_$(f) = $(INSTRUMENT_$(f))))

$(foreach f,$(AFL_FLAVOURS),$(eval $(foreach d,$(f) $(addprefix $(f)/without/,mutator oracle model races),$(patsubst harness/targets/%.c,build/$(d)/%,$(TARGETS))): build/$(f)/obj/$(AFL_PART:.c=.o)))

# loaded by afl-fuzz: a target's mutator
build/afl/mutator/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  afl/mutator $<"
	@$(CLANG) $(COMMON) -O3 -fPIC -MMD -MP -c $< -o $@

build/afl/mutator/%.so: $(patsubst %,build/afl/mutator/obj/harness/%.o,targets/% targets/mutator_afl script/mutator script/mutator_pairs script/operands script/script script/script_forms)
	@$(CLANG) -shared -Wl,-z,defs -Wl,-Bsymbolic $^ -o $@

-include $(shell find build/afl/mutator/obj -name '*.d' 2>/dev/null)

FUZZ_BINARIES := $(TARGETS:harness/targets/%.c=build/fuzz/%)
REAL_TARGETS  := $(filter-out fuzz_empty,$(TARGETS:harness/targets/%.c=%))
AFL_BINARIES  := build/afl/fast/fuzz_empty $(REAL_TARGETS:%=build/afl/mutator/%.so) \
	$(foreach f,$(AFL_FLAVOURS),$(REAL_TARGETS:%=build/$(f)/%))
# libFuzzer's own, too, for AFL++: they merge what it finds
ENGINE_BINARIES := $(if $(filter afl,$(ENGINE)),afl-there $(AFL_BINARIES)) $(FUZZ_BINARIES)
# test_private_copy counts the loads of a plain build: a sanitizer adds its own
TEST_BINARIES := $(filter-out build/asan/tests/test_private_copy,$(foreach f,gcc clang asan,\
	$(patsubst tests/%.c,build/$(f)/tests/%,$(DEVICE_TESTS) $(HARNESS_TESTS) $(SEEDS_TEST) $(VMM_TESTS) $(MACHINE_TEST)))) \
	$(IOT_TEST:tests/%.c=build/asan/tests/%) $(patsubst tests/%.c,build/tsan/tests/%,$(THREADS_TEST) $(ORDER_TESTS))

CONFORMANCE_TESTS := $(foreach f,gcc asan,$(CONFORMANCE:tests/%.c=build/$(f)/tests/%))

# without a compiler's output for x86-64 to look at, rings in this machine's byte order, and the runner
FOREIGN_TESTS := $(filter-out test_private_copy test_work_bounds_%,$(DEVICE_TESTS:tests/%.c=%)) test_seeds embed_example

all: build/asan/anvil build/msan/anvil build/cov/anvil $(FUZZ_BINARIES) $(TEST_BINARIES) ## builds everything into build/<flavour>/

help: ## lists the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1 \t/' | expand -t 22

deps: ## installs what is missing (apt; elsewhere says what to install)
	@ci/deps

# make PROGRAM... on all cores, before what runs on its own
BUILD = @+$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

fuzz: ## runs all targets for T seconds in all (default 60); ENGINE=afl: by AFL++; DUT=mine.c SOURCES="...": a device of yours; SANITIZER=memory: that with MemorySanitizer
	$(BUILD) $(if $(DUT),dut,$(ENGINE_BINARIES) build/asan/anvil)
	@$(if $(DUT),$(DUT_RUN),build/asan/anvil fuzz --engine $(ENGINE) --time $(T) --jobs $(JOBS))

# a disk that takes a transfer that was cut short for a whole one: a test of the target
build/backend/planted/disk_file.c: devices/disk_file.c Makefile
	@mkdir -p $(@D)
	@sed 's/len -= (uint64_t)n;/len = 0;/' $< >$@
	@if cmp -s $< $@; then echo 'Makefile: plants nothing in $<' >&2; rm $@; exit 1; fi

build/backend/planted/disk_file.o: build/backend/planted/disk_file.c
	@echo "  planted $<"
	@$(CC_fuzz) $(COMMON) $(DEVICE_fuzz) -c $< -o $@

# what makes a finding is in findings/, and what reaches something new in corpus/, beside the seeds
FUZZ_BACKEND := build/fuzz/backend/fuzz_backend -artifact_prefix=build/backend/findings/ -max_len=456 -timeout=10

fuzz-backend: ## runs the target of the back ends for T seconds: disks and nics on a host that fails; findings: build/backend/findings/
	$(BUILD) build/fuzz/backend/fuzz_backend
	@mkdir -p build/backend/findings build/backend/corpus
	@$(FUZZ_BACKEND) -max_total_time=$(T) build/backend/corpus harness/backend/seeds

# Seeds, and from there on always the same way; and that they find what is planted. Of $(1), the target with
# its options: $(2) its twin with a mistake, $(3) where both work, $(4) seeds, $(5) its name in a finding, $(6) to people
define play_seeds
@rm -rf $(3)/check && mkdir -p $(3)/findings $(3)/check
@$(1) -seed=1 -reload=0 -runs=20000 $(3)/check $(4) >$(3)/check.log 2>&1 || { cat $(3)/check.log; exit 1; }
@if $(2) -artifact_prefix=$(3)/check/ $(4)/* >$(3)/planted.log 2>&1 || ! grep -q '^anvil: $(5): ' $(3)/planted.log; then \
	echo 'the seeds do not find a planted mistake: $(3)/planted.log' >&2; exit 1; fi
@echo "$(6): $$(ls $(4) | wc -l) seeds and 20000 inputs, 0 findings"
endef

backend: $(BACKEND_TESTS)
	$(call play_seeds,$(FUZZ_BACKEND),build/fuzz/backend/planted,build/backend,harness/backend/seeds,backend,back ends)

# what reads files, as what a device has
FILES_READERS := $(patsubst %.c,build/files/obj/%.o,$(call room,kvm script) harness/base/known.c $(wildcard harness/run/crash_*.c))
$(FILES_READERS): OTHER_files = $(DEVICE_files)

LINK_FILES = $(CLANG) $(LINK_files) -fsanitize=fuzzer $^ $(FILES_CALLS:%=-Wl,--wrap=%) $(RUNNER_LIBRARIES) -o $@

build/files/fuzz_files: $(patsubst %.c,build/files/obj/%.o,$(FILES))
	@mkdir -p $(@D)
	@$(LINK_FILES)

# a kernel may have more code than it asks memory for: a test of the target
build/files/planted/linux_image.c: harness/kvm/linux_image.c Makefile
	@mkdir -p $(@D)
	@sed 's/ len <= header->init_size;/ len > 0;/' $< >$@
	@if cmp -s $< $@; then echo 'Makefile: plants nothing in $<' >&2; rm $@; exit 1; fi

build/files/planted/linux_image.o: build/files/planted/linux_image.c
	@echo "  planted $<"
	@$(CC_files) $(COMMON) -Iharness/kvm $(DEVICE_files) -c $< -o $@

build/files/planted/fuzz_files: build/files/planted/linux_image.o \
		$(patsubst %.c,build/files/obj/%.o,$(filter-out harness/kvm/linux_image.c,$(FILES)))
	@mkdir -p $(@D)
	@$(LINK_FILES)

FUZZ_FILES := build/files/fuzz_files -artifact_prefix=build/handed/findings/ -max_len=8192 -timeout=10

fuzz-files: ## runs the target of files that a host is handed for T seconds: captures, images, kernels, ...; findings: build/handed/findings/
	$(BUILD) build/files/fuzz_files
	@mkdir -p build/handed/findings build/handed/corpus
	@$(FUZZ_FILES) -max_total_time=$(T) build/handed/corpus harness/files/seeds

files: $(FILES_TESTS)
	$(call play_seeds,$(FUZZ_FILES),build/files/planted/fuzz_files,build/handed,harness/files/seeds,files,files)

afl-there:
	@command -v $(AFL_CLANG) >/dev/null || { echo 'no $(AFL_CLANG); make deps installs AFL++' >&2; exit 2; }

check: all-tests ## all tests: units, replays, layers, format, health gate
	@JOBS=$(JOBS) ci/side-by-side test conformance-quiet commands findings foreign tap export embed backend files replay kvm \
		same-coverage readme layers format health direct
	@echo "check: all passed"

# programs of ci/bugs/race, which no other test links
RACED := $(addprefix build/fuzz/without/,mutator/fuzz_blk oracle/fuzz_blk model/fuzz_blk races/fuzz_blk) build/cov/tests/bugs/digest

all-tests: release-tests
	$(BUILD) build/msan/anvil $(RACED) $(SAME_COVERAGE)
	$(BUILD) memory-devices

release-tests:
	$(BUILD) build/asan/anvil build/cov/anvil $(FUZZ_BINARIES) $(TEST_BINARIES) build/gcc/anvil build/planted/anvil \
		$(BACKEND_TESTS) $(FILES_TESTS) \
		build/clang/tests/embed_example $(CONFORMANCE_TESTS) $(INSTALLED) $(TAP_TESTS)
	$(BUILD) foreign-devices

$(ORDER_TESTS:tests/%.c=build/tsan/tests/%): build/tsan/tests/%: build/clang/obj/tests/%.o \
		$(patsubst %,build/clang/obj/tests/%.o,memory_order support) $(DEV_OBJ_tsan)
	@mkdir -p $(@D)
	@$(CLANG) $^ -lcmocka -o $@

# a device of tests/foreign/ that tells its accesses, in one program with what plays scripts
build/asan/tapped/%.o: tests/foreign/%.c $(wildcard tests/foreign/*.h) Makefile ci/tap.mk ci/dut.mk
	@mkdir -p $(@D)
	@echo "  asan tapped $<"
	@$(CC_asan) $(COMMON) $(DUT_TAPPED) $(DUT_REPORTS) $(STEPS) -c $< -o $@
	@objcopy --redefine-syms=harness/tap/tap_libc.syms $@

$(IOT_TEST:tests/%.c=build/asan/tests/%): $(IOT_TEST:%.c=build/asan/obj/%.o) \
		$(patsubst %,build/asan/tapped/%.o,mine_iot iot mistakes) \
		$(filter-out $(TAP_PLAIN:%.c=build/asan/obj/%.o),$(LIB_OBJ_asan)) $(TAP_LOADED_asan)
	@mkdir -p $(@D)
	@$(CC_asan) $(LINK_asan) $^ -lcmocka -o $@

# a target with tests/same_coverage.c in place of an engine
SAME_COVERAGE := $(REAL_TARGETS:%=build/fuzz/tests/same_coverage/%)

$(SAME_COVERAGE): build/fuzz/tests/same_coverage/%: build/fuzz/obj/harness/targets/%.o build/fuzz/obj/tests/same_coverage.o \
		build/fuzz/obj/harness.o $(TARGET_COPY) $(DEV_OBJ_fuzz)
	@mkdir -p $(@D)
	@$(CC_fuzz) $(LINK_fuzz) $^ -o $@

same-coverage: $(SAME_COVERAGE)
	@for t in $(REAL_TARGETS); do printf '%s: ' $$t && \
		build/fuzz/tests/same_coverage/$$t corpora/$$t/* $$(find crashes/$$t -type f | sort) || exit 1; done

test: $(TEST_BINARIES) build/clang/tests/embed_example build/gcc/anvil
	@ci/tests $(TEST_BINARIES) build/clang/tests/embed_example

conformance: $(CONFORMANCE_TESTS) ## which clauses of the specification the devices are held to, and how that went
	@tests/conformance/run $(CONFORMANCE_TESTS)

conformance-quiet: $(CONFORMANCE_TESTS)
	@tests/conformance/run --quiet $(CONFORMANCE_TESTS)

foreign: foreign-devices
	@tests/foreign/bench --quiet $(FOREIGN_TARGETS)

# the same, mistake by mistake; and without seeds, and without the tap
foreign-bench: foreign-devices ## devices of others: which of 79 mistakes are found, how, and how soon; T=60 seconds each at most
	@for k in blk net wide; do $(MAKE) --no-print-directory dut TAP=no DUT=tests/foreign/mine_$$k.c \
		SOURCES="tests/foreign/$$k.c tests/foreign/mistakes.c" DUT_FLAGS=-Itests/foreign || exit 1; done
	@tests/foreign/bench --time $(T) --ways seeds,nothing,untapped $(FOREIGN_TARGETS)

FOREIGN_TARGETS := $(foreach k,blk net iot wide,build/dut/mine_$(k)/fuzz_mine_$(k))

# those of threads, as bytes
SEEDS_IOT := $(patsubst tests/foreign/seeds_iot/%.txt,build/dut/seeds_iot/%,$(wildcard tests/foreign/seeds_iot/*.txt))

build/dut/seeds_iot/%: tests/foreign/seeds_iot/%.txt build/gcc/anvil
	@mkdir -p $(@D)
	@build/gcc/anvil pack $< $@

# tests/foreign/ as others build theirs; one by gcc, one in C++
foreign-devices: build/dut/by_gcc/mine_blk.so build/fuzz/fuzz_blk $(DUT_LIBRARY) $(SEEDS_IOT)
	@for d in mine_blk.c:blk.c mine_net.c:net.c mine_iot.c:iot.c mine_wide.c:wide.c mine_cxx.cc:blk.c; do \
		$(MAKE) --no-print-directory dut TAP=yes DUT=tests/foreign/$${d%:*} \
		SOURCES="tests/foreign/$${d#*:} tests/foreign/mistakes.c" DUT_FLAGS=-Itests/foreign || exit 1; done
	@for k in blk iot; do $(MAKE) --no-print-directory dut-afl DUT=tests/foreign/mine_$$k.c \
		SOURCES="tests/foreign/$$k.c tests/foreign/mistakes.c" DUT_FLAGS=-Itests/foreign || exit 1; done

# the same for MemorySanitizer, and what plays them
memory-devices: build/msan/anvil
	@for k in blk net; do $(MAKE) --no-print-directory dut SANITIZER=memory DUT=tests/foreign/mine_$$k.c \
		SOURCES="tests/foreign/$$k.c tests/foreign/mistakes.c" DUT_FLAGS=-Itests/foreign || exit 1; done

build/dut/by_gcc/mine_blk.so: $(wildcard tests/foreign/*.[ch]) Makefile ci/tap.mk
	@mkdir -p $(@D)
	@echo "  gcc $@"
	@$(GCC) -r -O1 $(TAP_GCC_FLAGS) -fPIC -D_GNU_SOURCE -DDUT_TAP -Iharness -Itests/foreign \
		tests/foreign/mine_blk.c tests/foreign/blk.c tests/foreign/mistakes.c -o $(@D)/mine_blk.o
	@objcopy --redefine-syms=harness/tap/tap_libc.syms $(@D)/mine_blk.o
	@$(GCC) -shared $(@D)/mine_blk.o -o $@

commands: build/asan/anvil build/planted/anvil build/gcc/anvil build/asan/tests/test_seeds foreign-devices
	@tests/commands.sh build/asan/anvil
	@tests/device.sh build/asan/anvil build/gcc/anvil build/dut
	@tests/compare.sh build/asan/anvil build/gcc/anvil build/dut
	@tests/seeds.sh build/asan/anvil build/asan/tests/test_seeds
	@tests/engines.sh build/asan/anvil build/planted/anvil
	@tests/tools.sh
	@python3 -B -m unittest -q tests/test_*.py
	@tests/with_kvm.sh --no-host build/asan/anvil

export: build/asan/anvil build/planted/anvil
	@tests/export.sh build/asan/anvil build/planted/anvil

# refuses a system call, for tests of what a host refuses
build/tests/deny: tests/deny.c Makefile
	@mkdir -p $(@D)
	@$(CLANG) $(COMMON) $< -lseccomp -o $@

findings: build/asan/anvil build/planted/anvil build/cov/anvil build/fuzz/fuzz_blk build/fuzz/fuzz_mmio build/fuzz/fuzz_empty build/tests/deny foreign-devices memory-devices
	@tests/host.sh build/asan/anvil
	@tests/debugger.sh build/asan/anvil
	@tests/findings.sh build/asan/anvil build/planted/anvil
	@tests/merge.sh build/asan/anvil
	@tests/report.sh build/asan/anvil build/planted/anvil build/cov/anvil
	@tests/known_bugs.sh
	@tests/dut.sh build/dut build/msan/anvil

# what make install puts beside the tool
build/man/anvil.1: build/gcc/anvil
	@mkdir -p $(@D)
	@$< --man >$@

build/completion/anvil: build/gcc/anvil
	@mkdir -p $(@D)
	@$< --completion >$@

manual: build/man/anvil.1 build/completion/anvil ## anvil(1) and completion for bash: build/man/, build/completion/

build/lib/libvirtio-anvil.a: $(DEV_OBJ_lib)
build/lib/libvirtio-anvil-uring.a: $(URING:%.c=build/lib/obj/%.o)
build/lib/libvirtio-anvil-slirp.a: $(SLIRP:%.c=build/lib/obj/%.o)
build/lib/%.a:
	@rm -f $@
	@$(AR) rcsD $@ $^

INSTALLED := build/gcc/anvil build/asan/anvil build/man/anvil.1 build/completion/anvil \
	$(addprefix build/lib/libvirtio-anvil,.a -uring.a -slirp.a) build/msan/anvil $(DUT_LIBRARY) \
	$(DUT_LIBRARY_MEMORY) $(KIT)

install: $(INSTALLED) ## libraries, headers, pkg-config's files, anvil, its manual, seeds: PREFIX=/usr/local LIBDIR=PREFIX/lib DESTDIR=
	@$(call INSTALL,,install)

uninstall: ## takes away what make install put there: PREFIX=/usr/local DESTDIR=
	@$(call INSTALL,,uninstall)

# what an embedder does with it
embed: $(INSTALLED)
	@tests/install.sh $(PUBLIC_HEADERS)
	@tests/kit.sh

# a block device with mistakes, for tests of what comes after a finding
build/planted/devices/virtio_blk_request.c: tests/plant.sed $(wildcard devices/*.[ch])
	@rm -rf build/planted && mkdir -p $(@D) && cp devices/*.[ch] $(@D)
	@sed -f $< devices/virtio_blk_request.c >$@
	@if cmp -s devices/virtio_blk_request.c $@; then echo 'tests/plant.sed: plants nothing' >&2; rm $@; exit 1; fi

build/planted/virtio_blk_request.o: build/planted/devices/virtio_blk_request.c Makefile
	@echo "  planted $<"
	@$(CC_asan) $(COMMON) $(DEVICE_asan) -c $< -o $@

build/planted/anvil: build/planted/virtio_blk_request.o $(filter-out %/virtio_blk_request.o,$(TOOL:%.c=build/asan/obj/%.o) \
		$(RUNNER_BACK_ENDS:%.c=build/asan/obj/%.o) $(LIB_OBJ_asan))
	@$(CC_asan) $(LINK_asan) $^ $(RUNNER_LIBRARIES) -o $@

guest-kernel: ## fetches Debian's stock cloud kernel into build/guest-kernel/
	@ci/guest-kernel

# two minutes more in software: not here, but in .ci/run
direct: build/asan/anvil
	@if [ "$$(ci/with-kvm --which)" = direct ]; then $(MAKE) --no-print-directory guest DIRECT=yes; \
	else echo 'SKIPPED: stock kernels, for which make guest takes a KVM host in software here'; fi

guest: build/asan/anvil build/guest/peer build/guest/guestctl foreign-devices ## boots stock kernels that use the devices; ROWS="disk net": only these
	@$(if $(ROWS)$(DIRECT),,tests/with_kvm.sh build/asan/anvil)
	@tests/guest/run $(ROWS)

compare: build/gcc/anvil build/guest/guestctl ## times of anvil boot and of QEMU's microvm: start, disk
	@tests/guest/compare

# for the host that a guest runs on, and for the guest, where there is no C library
build/guest/peer build/guest/guestctl: build/guest/%: tests/guest/%.c Makefile
	@mkdir -p $(@D)
	@$(GCC) $(COMMON) -static $< -o $@

readme: ## every README.md shows what is there; ci/readme --type: and types it
	@ci/readme

bugs: build/asan/anvil ## puts known bugs back, one at a time: the witness of each has to show it; ONLY="A01 F05": only these
	@ci/bugs/check $(ONLY)

TRIALS  := 5
SEEDS   := none
WITHOUT := none
PLAN := turns
bugs-race: build/asan/anvil $(ENGINE_BINARIES) ## how long finding each takes: TRIALS=5 T=60 ENGINE= SEEDS=none|corpora WITHOUT=mutator|oracle|model|races PLAN=counters|edges|short ONLY="A01 F05"
	@ci/bugs/race --trials $(TRIALS) --time $(T) --engine $(ENGINE) --seeds $(SEEDS) --without $(WITHOUT) --plan $(PLAN) $(ONLY)

bugs-afl: afl-there build/asan/anvil build/fuzz/fuzz_mmio build/afl/asan/fuzz_mmio build/afl/mutator/fuzz_mmio.so
	@tests/known_bugs.sh afl

# what may notice a mutant, and what compilers make of the sources as they are
MUTANT_JUDGES := build/asan/anvil build/msan/anvil $(REAL_TARGETS:%=build/fuzz/%) build/fuzz/backend/fuzz_backend build/files/fuzz_files \
	$(patsubst tests/%.c,build/tsan/tests/%,$(THREADS_TEST) $(ORDER_TESTS)) \
	$(filter $(patsubst tests/%.c,build/asan/tests/%,$(DEVICE_TESTS) $(filter tests/test_host_% tests/test_boot.c,$(HARNESS_TESTS))),$(TEST_BINARIES)) \
	build/gcc/tests/test_private_copy \
	$(patsubst %.c,build/gcc/obj/%.o,$(wildcard devices/*.c harness/kvm/host_*.c))

mutant-judges: $(MUTANT_JUDGES)

SEED := 1
N    := 60
mutants: T := 10
mutants: ## mistakes by rule, a sample of them, and whether seeds, unit tests or T seconds (default 10) of fuzzing notice each; SEED=1 N=60 ASK="--all | --fuzzing-only"
	$(BUILD) mutant-judges
	@ci/mutants/run --seed $(SEED) --number $(N) --time $(T) --jobs $(JOBS) $(ASK)

# what another release of compilers, libraries and QEMU may change; and ten seconds of each target
release:
	@ci/deps
	$(BUILD) release-tests build/afl/fast/fuzz_blk build/afl/mutator/fuzz_blk.so
	@JOBS=$(JOBS) ci/side-by-side test conformance-quiet commands tap export embed format health
	@ci/bugs/check A01
	@$(MAKE) --no-print-directory fuzz T=$$((10 * $(words $(REAL_TARGETS)) / $(JOBS)))

replay: build/asan/anvil build/msan/anvil
	build/asan/anvil play --quiet --repeat 2 corpora crashes
	build/msan/anvil play --quiet corpora crashes

kvm: build/asan/anvil
	@if [ -w /dev/kvm ]; then echo 'build/asan/anvil play --quiet --on kvm corpora crashes'; \
		build/asan/anvil play --quiet --on kvm corpora crashes; \
	else echo 'SKIPPED: scripts on a KVM guest (no /dev/kvm that can be written)'; fi

layers: $(patsubst %.c,build/gcc/obj/%.o,$(wildcard devices/*.c harness/*/*.c))
	@ci/layers build/gcc/obj

format:
	@ci/format

health: build/cov/anvil ## fails when the committed scripts no longer reach what they must
	@ci/health

coverage: build/cov/anvil ## HTML under build/coverage/ and a table of devices/, from the corpora
	@ci/health --report

report: build/asan/anvil $(if $(DUT),dut-so dut-cov,build/cov/anvil) ## one page of the last campaigns: build/report/index.html; DUT=mine.c SOURCES="...": build/dut/mine/report/index.html
	@$(if $(DUT),$(DUT_REPORT),ci/report/make)

report-shots: ## pictures of it as a phone and a desk show it, light and dark (Chromium)
	@ci/report/shots $(if $(DUT),$(DUT_DIR))

# of all known bugs those that take longest: medians of three, one process, counters alone
SLOW_BUGS := D02 D03 E01 B08 F16 E04b A14 C23c F19 E04a E19b E29
bench: $(ENGINE_BINARIES) build/asan/anvil ## inputs/s of every target, beside an empty one and as campaigns run; seconds until slow bugs are found
	@build/asan/anvil bench --engine $(ENGINE)
	@ci/bugs/race --trials 3 --time 60 --engine $(ENGINE) --csv build/bench/bugs.csv $(SLOW_BUGS)

portable: ## device tests and scripts on 32 bits (i386) and big-endian (s390x, in QEMU)
	@ci/sysroot i386 && ci/sysroot s390x
	@$(MAKE) --no-print-directory -j$(JOBS) $(foreach a,$(FOREIGN),$(FOREIGN_TESTS:%=build/$(a)/tests/%) build/$(a)/tests/play_files)
	@for a in $(FOREIGN); do ci/portable $$a $(FOREIGN_TESTS:%=build/$$a/tests/%) || exit 1; done
	@echo "portable: all passed"

oss-fuzz-check: ## builds and checks the targets as OSS-Fuzz would, for each engine and sanitizer
	@ci/workflows
	@ci/oss-fuzz/check

# for ci/oss-fuzz/build.sh: a target's sources beside its own file, and the targets
fuzz-sources:
	@echo $(filter-out devices/disk_% devices/nic_%,$(DEVICES)) $(HARNESS) $(TARGET)

fuzz-targets:
	@echo $(filter-out fuzz_empty,$(TARGETS:harness/targets/%.c=%))

seeds: build/clang/tests/test_seeds ## writes corpora/ anew from tests/seeds/
	@build/clang/tests/test_seeds --write

recordings: $(FUZZ_BINARIES) guest-kernel ## records a stock kernel's drivers anew: corpora/*/linux_*
	@ci/recordings

clean: ## removes build/
	rm -rf build
