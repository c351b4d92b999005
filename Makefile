# SPDX-License-Identifier: GPL-2.0-or-later
# Every command a person types. `make help` lists them.

MAKEFLAGS += --no-builtin-rules
, := ,
.SUFFIXES:
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

# As in the kernel's build: LLVM=1 for clang, lld and llvm-objcopy, O= for where objects go, WERROR=0 for a compiler
# that is newer than this tree. CPPFLAGS, CFLAGS and LDFLAGS come after ours; fuzzers and mutants have flags of their own.
LLVM_IS := $(filter-out 0,$(LLVM))
CC      := $(if $(filter default,$(origin CC)),$(if $(LLVM_IS),clang,gcc),$(CC))
LD      := $(if $(filter default,$(origin LD)),$(if $(LLVM_IS),ld.lld,ld),$(LD))
OBJCOPY ?= $(if $(LLVM_IS),llvm-objcopy,objcopy)
PKG_CONFIG ?= pkg-config
BUILD   ?= $(or $(O),build)$(if $(MADE),-made)
V       ?= 0
WERROR  ?= 1
# What is missing is named, and installed by `make setup` only.
SETUP   ?= ask

ifneq ($(words $(BUILD)),1)
$(error BUILD must be one word: make cannot have blanks in the names of files)
endif
# `make -j clean all` has an order.
ifneq ($(filter clean,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

# The number, and the commit: git's word, or what git archive wrote behind the number. Only a git of our own is asked.
VERSION := $(shell read -r number commit <VERSION; \
	[ ! -e .git ] || commit=$$(git -c safe.directory='*' describe --always --dirty --exclude='*' 2>/dev/null); \
	case $$commit in (''|*:*) echo "$$number";; (*) echo "$$number+g$$commit";; esac)

WARNINGS := -Wall -Wextra $(if $(filter-out 0,$(WERROR)),-Werror)
CFLAGS   ?= -O2 -g
# Sanitized, the compiler takes five times as long for -O2 -g: lines are enough for reports of where it was, and
# speed matters in a few files only (SPED_UP). CFLAGS of your own are taken as they are.
UNDEFINED := -fsanitize=undefined -fno-sanitize-recover=all -fno-omit-frame-pointer $(if $(filter file,$(origin CFLAGS)),-O0 -g1)
SANITIZE  := -fsanitize=address $(UNDEFINED)
CPPFLAGS_ALL := -I. -D_GNU_SOURCE $(CPPFLAGS)
CFLAGS_ALL    = -std=gnu11 $(WARNINGS) $(CFLAGS)
LIBS      = $(shell $(PKG_CONFIG) --libs hwloc jansson) -lm
LIB_FLAGS = $(shell $(PKG_CONFIG) --cflags hwloc jansson)
JSON_LIB  = $(shell $(PKG_CONFIG) --libs jansson)

# Another host for all that looks at one, in tests: MADE= one of those in tests/made_host.c.
export MADE
MADE_OBJECT = $(if $(MADE),$(BUILD)/made_host.o)
HOST_LIBS   = $(LIBS) $(if $(filter %/made_host.o,$^),$(foreach function,cpuid_read ioctl access open,-Wl$(,)--wrap=$(function)))

# Freestanding, below 2 MiB, no vector registers (CR4.OSFXSR is 0), no red zone (exceptions at CPL 0).
GUEST_FLAGS := -std=gnu11 $(WARNINGS) -O2 -g -I. -ffreestanding -fno-pic -fno-pie -mno-red-zone \
	-mgeneral-regs-only -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables \
	-fno-strict-aliasing

GUEST_SOURCES := $(wildcard guest/*.c) guest/boot.S guest/enter.S guest/loops.S
HOST_SOURCES  := $(wildcard host/*.c) host/image.S
MODEL_SOURCES := $(wildcard model/*.c)
# Of nested guests: no engine of fuzz/ has one.
NESTED_SOURCES := $(wildcard model/nested/*.c)
EMULATOR_SOURCES := $(wildcard emulator/*.c)
MACHINE_SOURCES := $(wildcard machine/*.c)
# What is in folders called json needs jansson; all else of the fuzz target the C library alone.
LIB_SOURCES   := $(wildcard lib/*.c)
BENCH_SOURCES := $(wildcard bench/*.c lib/json/*.c) $(LIB_SOURCES) $(MODEL_SOURCES) $(NESTED_SOURCES) $(HOST_SOURCES)
# The emulator's engine, and all that a judge of it takes: the proof's, too. engine_emulator_inlined.c is the same in one
# file, for shared objects.
ENGINE_SOURCES := $(wildcard fuzz/case/*.c fuzz/engines/*.c fuzz/oracle/known/*.c fuzz/oracle/known/json/*.c) fuzz/engines/emulator/engine_emulator.c \
	$(EMULATOR_SOURCES) $(MODEL_SOURCES) $(LIB_SOURCES)
FUZZ_SOURCES  := $(wildcard fuzz/inputs/*.c fuzz/oracle/*.c fuzz/report/*.c) $(ENGINE_SOURCES)
# With jansson, and without main().
SURVEY_SOURCES := $(FUZZ_SOURCES) $(wildcard fuzz/enumerate/*.c fuzz/survey/*.c fuzz/triage/*.c lib/json/*.c)
# The engine "kvm", and of host/ what it stands on.
LIVE_SOURCES  := $(wildcard fuzz/engines/live/*.c) $(addprefix host/,context.c counters.c cpuid.c \
	cpuid_pmu.c guest_cpuid.c insn.c probe.c setting.c state.c stats_fd.c vm.c watchdog.c)
DIFF_SOURCES  := $(SURVEY_SOURCES) $(wildcard fuzz/mutants/*.c fuzz/cmd/*.c) $(LIVE_SOURCES)
TARGET_SOURCES := $(FUZZ_SOURCES) $(addprefix fuzz/targets/,target.c target_features.c target_outlet.c)
# On a real machine there is no coverage: other features.
LIVE_TARGET_SOURCES := $(FUZZ_SOURCES) $(addprefix fuzz/targets/,target.c target_features_live.c target_outlet.c) $(LIVE_SOURCES)
# Those that say by what they were built.
PROGRAM_SOURCES := bench/main/rdpmc_bench.c bench/results_json.c fuzz/cmd/main_diff.c fuzz/targets/main_replay.c lib/json/document.c
# What engines in shared objects see.
ENGINE_HEADERS := $(wildcard fuzz/case/*.h fuzz/engines/*.h model/*.h)
TEST_SOURCES  := $(wildcard tests/test_*.c)
TEST_SCRIPTS  := $(wildcard tests/test_*.sh)

ifeq ($(V),0)
quiet = @printf '  %-8s%s\n' $(1) $(2);
else
quiet =
endif

objects = $(patsubst %,$(1)/%.o,$(2))
SANITIZED := $(BUILD)/sanitized
UNDEFINED_ONLY := $(BUILD)/undefined

.PHONY: all setup bench check test hosts doctor list speed clean help setup-build setup-check setup-machine setup-deb bench-machine ab-kernel test-machine setup-test setup-fuzz setup-kernel format FORCE \
	fuzz fuzz-afl fuzz-speed fuzz-target mutants mutants-plain coverage seeds \
	kernel-engine survey-range fuzz-kernel coverage-kernel fuzz-live prove prove-mutants test-prove setup-tree \
	setup-analysis ab aa trend dashboard power example campaign setup-campaign-tree regression man install uninstall deb dist

all: $(BUILD)/rdpmc-bench $(BUILD)/rdpmc-diff $(BUILD)/fuzz-rdpmc-replay ## build the programs into build/

# One result file a time and host; a host's name is data, so only plain characters of it are kept.
bench: $(BUILD)/rdpmc-bench ## measure what RDPMC costs a guest here, within a minute; writes results/
	$(if $(findstring command,$(origin FILTER)),$(error FILTER= is an option of rdpmc-bench: make bench BENCH_ARGS="--filter '$(FILTER)'"))
	@mkdir -p results
	@host=$(if $(findstring --anonymous,$(BENCH_ARGS)),anonymous,$$(uname -n | tr -cd 'A-Za-z0-9._-')); \
	$(BUILD)/rdpmc-bench run --json \
		"results/bench-$$(date -u +%Y%m%dT%H%M%SZ)-$$host-$$$$.json" $(BENCH_ARGS)

# The table of a host that is not here. CPU=, KERNEL= and KVM= as scripts/machine run --help tells them.
KVM_OPTIONS = $(if $(filter undefined,$(origin KVM)),,--kvm "$(KVM)")
CPU    ?= skylake
KERNEL ?= debian:7.3
bench-machine: setup-machine $(BUILD)/rdpmc-bench $(BUILD)/rdpmc-diff ## the same on an emulated host, in instructions (CPU=ice-lake KERNEL=debian:6.12 KVM=)
	@mkdir -p results
	@result="results/bench-$$(date -u +%Y%m%dT%H%M%SZ)-emulated-$$(echo '$(CPU)' | tr -c 'A-Za-z0-9._\n-' _)-$$$$.json"; \
	scripts/machine run --build $(BUILD) --cpu "$(CPU)" --kernel "$(KERNEL)" $(KVM_OPTIONS) --get "bench.json=$$result" --profiles "$$result" -- \
		rdpmc-bench run --runs 3 --time 15 --seed 1 --json bench.json $(BENCH_ARGS)
# A and B are kernels, or, with KDIR=, git revisions of that tree. AB_ARGS: scripts/machine ab --help.
ab-kernel: setup-machine $(BUILD)/rdpmc-bench ## what of each exit differs between two kernels, to the instruction (A=KERNEL B=KERNEL KDIR= CPU= KVM= ROW=)
	$(if $(and $(A),$(B)),,$(error A= and B= name kernels: debian:VERSION, a bzImage, a source tree; with KDIR= git revisions of it))
	@scripts/machine ab --build $(BUILD) --cpu "$(CPU)" $(if $(KDIR),--kdir "$(KDIR)") $(KVM_OPTIONS) $(if $(ROW),--row "$(ROW)") $(AB_ARGS) "$(A)" "$(B)"
test-machine: setup-machine $(BUILD)/rdpmc-bench $(BUILD)/rdpmc-diff ## every emulated host: what doctor, run and rdpmc-diff print there (HOSTS_ARGS=)
	@BUILD="$(BUILD)" tests/machine/hosts.py $(HOSTS_ARGS)

list: $(BUILD)/rdpmc-bench ## list what can be measured here, and why the rest cannot
	@$(BUILD)/rdpmc-bench list

doctor: $(BUILD)/rdpmc-bench ## what on this host blocks or disturbs a measurement
	@$(BUILD)/rdpmc-bench doctor

speed: $(BUILD)/stats-speed ## time the summary code on 10 million samples
	@$(BUILD)/stats-speed

# By all processors, also for who did not ask for it.
AT_ONCE = $(MAKE) --no-print-directory SETUP=no $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$$(nproc))

# Built before any test runs: tests that ask make then find all there.
TEST_PROGRAMS = $(addprefix $(BUILD)/,rdpmc-bench rdpmc-diff prove-repeat prove-known fuzz-rdpmc-replay fuzz-rdpmc \
	fuzz-rdpmc-plain fuzz-rdpmc-afl afl-mutator.so fuzz-rdpmc-live coverage/rdpmc-diff) mutants-plain \
	$(SANITIZED)/rdpmc-bench $(C_TESTS)
C_TESTS := $(patsubst tests/%.c,$(SANITIZED)/%,$(TEST_SOURCES))
# "make check" would run the script as well, and build all that scripts want.
$(foreach both,$(filter $(notdir $(C_TESTS)),$(basename $(notdir $(TEST_SCRIPTS)))),$(error tests/$(both).c and tests/$(both).sh: one name for two tests))
# What was compiled before, in whatever clone, is not again: by ccache, where Debian's is installed.
ifneq ($(wildcard /usr/lib/ccache),)
test check hosts: export PATH := /usr/lib/ccache:$(PATH)
test check hosts: export CCACHE_NOHASHDIR := 1
endif
test: setup-test ## run all tests (ASan and UBSan on)
	+@$(AT_ONCE) $(TEST_PROGRAMS)
	@BUILD=$(BUILD) SANITIZED=$(SANITIZED) FUZZ_OPTIONS="$(FUZZ_OPTIONS)" tests/run $(C_TESTS) $(TEST_SCRIPTS)

# A test is named without its directory: T=test_insn_life, T=test_cli. A script wants the programs, too.
T ?= $(notdir $(C_TESTS))
CHECKED_C  = $(filter $(C_TESTS),$(addprefix $(SANITIZED)/,$(T)))
CHECKED_SH = $(filter $(TEST_SCRIPTS),$(patsubst %,tests/%.sh,$(T)))
check: $(if $(CHECKED_SH),setup-test,setup-check) ## the C tests only: no fuzzers, browser or Python (T=test_cli: one test of any kind)
	$(if $(filter-out $(notdir $(C_TESTS)) $(basename $(notdir $(TEST_SCRIPTS))),$(T)),$(error T=$(T): no such test; tests/ has them))
	+@$(AT_ONCE) $(if $(CHECKED_SH),$(TEST_PROGRAMS),$(CHECKED_C))
	@BUILD=$(BUILD) SANITIZED=$(SANITIZED) FUZZ_OPTIONS="$(FUZZ_OPTIONS)" tests/run $(CHECKED_C) $(CHECKED_SH)

# Those that ask what host this is, as hosts of either vendor: tests/made_host.c. `make test MADE=` runs all others as well.
HOSTS := intel-pvm amd-pvm intel-vmx amd-svm
HOST_TESTS := $(patsubst %,$(BUILD)-made/sanitized/test_%,cases context guest_cpuid insn insn_life intercept live native runner \
	topology vpmu)
hosts: setup-check ## the tests that look at a host, as four made ones: Intel and AMD
	$(if $(MADE),$(error make hosts runs all of them: $(HOSTS); one is make test MADE=$(MADE)))
	+@$(AT_ONCE) BUILD=$(BUILD)-made MADE=yes $(BUILD)-made/rdpmc-bench $(BUILD)-made/rdpmc-diff \
		$(BUILD)-made/sanitized/rdpmc-bench $(HOST_TESTS)
	@for host in $(HOSTS); do echo "as $$host:"; MADE=$$host BUILD=$(BUILD)-made SANITIZED=$(BUILD)-made/sanitized \
		tests/run $(HOST_TESTS) tests/test_cli.sh || exit 1; done

# Results. A and B are git revisions of this tree, or programs; RESULTS what is looked at.
RESULTS ?= results
ab: setup-build setup-analysis ## A against B, measured interleaved and compared (A=REV-OR-PROGRAM B= AB_ARGS=)
	$(if $(and $(A),$(B)),,$(error A= and B= name git revisions, or rdpmc-bench programs))
	@scripts/results ab $(AB_ARGS) "$(A)" "$(B)"

aa: setup-analysis $(BUILD)/rdpmc-bench ## the noise floor of this machine, measured and kept in results/ (AA_ARGS=)
	@scripts/results aa $(AA_ARGS) $(BUILD)/rdpmc-bench

power: setup-analysis $(BUILD)/rdpmc-bench ## would this machine notice 5 %? live, three quarters of an hour (POWER_ARGS=)
	@tests/results/power.py $(POWER_ARGS) $(BUILD)/rdpmc-bench

trend: setup-analysis ## what became slower in a folder of results, since when, and what changed (RESULTS=results)
	@scripts/results trend $(TREND_ARGS) $(RESULTS)

dashboard: setup-analysis ## one HTML file that shows a folder of results (RESULTS=results), in build/
	@mkdir -p $(BUILD)
	@scripts/results dashboard --out $(BUILD)/dashboard.html $(DASHBOARD_ARGS) $(RESULTS)

example: setup-analysis ## a real history with a planted slow-down: its trend and its dashboard
	@rm -rf $(BUILD)/example-history && mkdir -p $(BUILD)
	@tar -xf results/example-history.tar.xz -C $(BUILD)
	@scripts/results trend $(BUILD)/example-history || [ $$? -eq 1 ]
	@scripts/results dashboard --out $(BUILD)/example.html --title 'RDPMC: an example' $(BUILD)/example-history

# As distributions ask for it: PREFIX, DESTDIR, and where each kind goes. rdpmc-diff looks for what is known
# of kernels in ../share/rdpmc beside its directory.
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
MANDIR  ?= $(DATADIR)/man
MAN     ?= yes
INSTALL = BUILD="$(BUILD)" BINDIR="$(DESTDIR)$(BINDIR)" DATADIR="$(DESTDIR)$(DATADIR)" MANDIR="$(DESTDIR)$(MANDIR)" \
	MAN="$(MAN)" scripts/install
PAGES  := $(addprefix $(BUILD)/man/,rdpmc-bench.1 rdpmc-diff.1 fuzz-rdpmc-replay.1 rdpmc-results.1)
man: $(PAGES) ## manual pages from --help, by help2man, into build/man/
# As it is called where it is installed: so it calls itself.
$(BUILD)/rdpmc-results: scripts/results
	@mkdir -p $(@D) && ln -sfr $< $@
$(BUILD)/man/rdpmc-results.1: $(wildcard scripts/rdpmc_results/*.py scripts/rdpmc_results/*/*.py)
$(PAGES): $(BUILD)/man/%.1: $(BUILD)/% docs/%.h2m scripts/man $(BUILD)/version
	$(call quiet,MAN,$@)scripts/man $< $@

install: all $(if $(filter no,$(MAN)),,man) ## programs, pages and data to PREFIX=/usr/local (DESTDIR= MAN=no)
	@$(INSTALL)
uninstall: ## remove exactly what install puts there
	@$(INSTALL) --remove

deb: setup-deb ## a Debian package, for hosts without a compiler: build/rdpmc_VERSION_amd64.deb
	+@BUILD="$(BUILD)" VERSION="$(VERSION)" scripts/deb

# Of a commit the same bytes each time, with the same xz.
dist: ## the last commit as build/rdpmc-VERSION.tar.xz, that builds without git
	@mkdir -p $(BUILD)
	@[ -e .git ] || { echo "dist: no git tree: this is an archive already" >&2; exit 2; }
	@git="git -c safe.directory=* -c core.abbrev=7 -c tar.umask=0022" && commit=$$($$git rev-parse --short HEAD) && \
	read -r number _ <VERSION && name=rdpmc-$$number+g$$commit && \
	$$git archive --prefix=$$name/ -o $(BUILD)/$$name.tar HEAD && xz -f -6 -T1 $(BUILD)/$$name.tar && \
	echo "made $(BUILD)/$$name.tar.xz"

clean: ## remove build/ and build-made/
	rm -rf $(BUILD) $(BUILD)-made

help: ## list these targets
	@echo "make [TARGET] [CC=clang | LLVM=1] [O=DIR] [V=1] [WERROR=0] [CPPFLAGS= CFLAGS= LDFLAGS=] [BENCH_ARGS='--quick ...']"
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name what; do \
		printf '  %-12s %s\n' "$$name" "$$what"; done

# Packages. Silent when all is there.
GROUP ?= test
setup: ## install what is missing, by apt-get and as root (GROUP=test: build, fuzz, kernel, machine, analysis, check, deb, test)
	@CC="$(CC)" SETUP=yes scripts/setup $(GROUP)
$(addprefix setup-,build fuzz kernel machine analysis check deb test): setup-%:
	@CC="$(CC)" SETUP="$(SETUP)" scripts/setup $*

# Objects depend on the flags they were built with: a change of any of them builds anew.
FLAGS = $(CC) $(LD) $(FUZZ_CC) $(AFL_CC) $(CPPFLAGS) $(CFLAGS_ALL) $(LDFLAGS) $(GUEST_FLAGS) $(SANITIZE) $(FUZZ_FLAGS)
$(BUILD)/flags: setup-build FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' > $@
$(BUILD)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@

# The guest: its own flags, its own link, then bytes for host/image.S.
$(BUILD)/guest/%.o: % $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quiet,GUEST,$<)$(CC) $(GUEST_FLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/guest/guest.elf: $(call objects,$(BUILD)/guest,$(GUEST_SOURCES)) guest/guest.lds
	$(call quiet,LD,$@)$(LD) -nostdlib -static -z noexecstack $(if $(findstring lld,$(LD)),,--no-warn-rwx-segments) -T guest/guest.lds -o $@ \
		$(filter %.o,$^)
$(BUILD)/guest/guest.bin: $(BUILD)/guest/guest.elf
	$(call quiet,OBJCOPY,$@)$(OBJCOPY) -O binary $< $@

# The same sources twice: as they ship, and with sanitizers for the tests; a few of them with UBSan only (ENUMERATED).
define compile
$(1)/host/image.S.o: $$(BUILD)/guest/guest.bin
$(1)/host/image.S.o: CPPFLAGS_ALL += -DGUEST_IMAGE_FILE='"$$(BUILD)/guest/guest.bin"'
$$(call objects,$(1),$$(PROGRAM_SOURCES)): $$(BUILD)/version
$$(call objects,$(1),$$(PROGRAM_SOURCES)): CPPFLAGS_ALL += -DPROGRAM_VERSION='"$$(VERSION)"' \
	-DPROGRAM_COMPILER='"$$(shell $$(CC) --version 2>/dev/null | head -n 1)"' -DPROGRAM_FLAGS='"$$(CFLAGS_ALL) $(2)"'
$(1)/%.o: % $$(BUILD)/flags
	@mkdir -p $$(@D)
	$$(call quiet,CC,$$<)$$(CC) $$(CPPFLAGS_ALL) $$(LIB_FLAGS) $$(CFLAGS_ALL) $(2) $$(SPEED) -MMD -MP -c -o $$@ $$<
$(1)/rdpmc-bench: $$(call objects,$(1),$$(BENCH_SOURCES) bench/main/rdpmc_bench.c) $$(MADE_OBJECT)
	$$(call quiet,LINK,$$@)$$(CC) $$(CFLAGS_ALL) $(2) $$(LDFLAGS) -o $$@ $$^ $$(HOST_LIBS)
$(1)/rdpmc-diff: $$(call objects,$(1),$$(DIFF_SOURCES)) $$(MADE_OBJECT)
	$$(call quiet,LINK,$$@)$$(CC) $$(CFLAGS_ALL) $(2) -pthread $$(LDFLAGS) -o $$@ $$^ $$(HOST_LIBS)
$(1)/fuzz-rdpmc-replay: $$(call objects,$(1),$$(TARGET_SOURCES) fuzz/targets/main_replay.c)
	$$(call quiet,LINK,$$@)$$(CC) $$(CFLAGS_ALL) $(2) $$(LDFLAGS) -o $$@ $$^ $$(JSON_LIB)
endef
$(eval $(call compile,$(BUILD),))
$(eval $(call compile,$(SANITIZED),$(SANITIZE)))
$(eval $(call compile,$(UNDEFINED_ONLY),$(UNDEFINED)))
# Where tests read all ECX, ASan takes most of their time. The other tests, and fuzz-rdpmc, run these with both sanitizers.
ENUMERATED := $(MODEL_SOURCES) $(EMULATOR_SOURCES) bench/expect.c bench/modelled.c fuzz/case/case.c \
	fuzz/engines/emulator/engine_emulator.c $(wildcard fuzz/oracle/*.c)
enumerating = $(call objects,$(UNDEFINED_ONLY),$(filter $(ENUMERATED),$(1))) \
	$(call objects,$(SANITIZED),$(filter-out $(ENUMERATED),$(1)))
# In these the tests spend their time.
SPED_UP := $(ENUMERATED) bench/stats.c $(wildcard fuzz/survey/survey_[cgr]*.c machine/*.c) \
	$(patsubst %,tests/test_%.c,expect fuzz_survey intercept machine_model)
$(call objects,$(SANITIZED),$(SPED_UP)) $(call objects,$(UNDEFINED_ONLY),$(ENUMERATED)): SPEED := $(if $(filter file,$(origin CFLAGS)),-O2)

# Fuzzing. By clang unless CC is another clang; edges of the emulator only, no tracing of comparisons:
# the mutator knows the fields, and every feature costs on every execution.
FUZZ_CC    ?= $(if $(findstring clang,$(CC)),$(CC),clang)
AFL_CC     ?= afl-clang-fast
FUZZ_FLAGS  = -std=gnu11 $(WARNINGS) -O2 -g
COVERAGE   := -fsanitize-coverage=bb,inline-8bit-counters,pc-table
# What libFuzzer does beside executing: the corpus is small, cases are short and cheap.
FUZZ_OPTIONS = -max_len=172 -entropic=0 -reduce_inputs=0 -use_counters=0 -mutate_depth=50
TIME ?= 60
JOBS ?= 1
# To libFuzzer anything but a number is no limit at all.
CHECK_TIME = @case "$(TIME)" in ''|*[!0-9]*) echo "make: TIME=$(TIME): a number of seconds is wanted" >&2; exit 2;; esac
FUZZ_RUN = ./fuzz-rdpmc $(FUZZ_OPTIONS) -max_total_time=$(TIME) -print_final_stats=1 \
	$(if $(filter-out 1,$(JOBS)),-fork=$(JOBS))

# A flavour: directory, compiler, flags for all, how to link, program.
INSTRUMENT_libfuzzer := $(COVERAGE)
INSTRUMENT_plain     := $(COVERAGE)
define flavour
$(BUILD)/$(1)/%.o: % $(BUILD)/flags
	@mkdir -p $$(@D)
	$$(call quiet,$(if $(findstring afl,$(2)),AFL,FUZZ),$$<)AFL_QUIET=1 $(2) $$(CPPFLAGS_ALL) $$(FUZZ_FLAGS) $(3) \
		$$(if $$(filter emulator/% fuzz/targets/target_empty.c,$$<),$$(INSTRUMENT_$(1))) -MMD -MP -c -o $$@ $$<
$(5): $$(call objects,$(BUILD)/$(1),$$(TARGET_SOURCES))
	$$(call quiet,LINK,$$@)AFL_QUIET=1 $(2) $$(FUZZ_FLAGS) $(3) -rdynamic -o $$@ $$^ $(4) $$(JSON_LIB)
$(5)-empty: $$(call objects,$(BUILD)/$(1),fuzz/targets/target_empty.c)
	$$(call quiet,LINK,$$@)AFL_QUIET=1 $(2) $$(FUZZ_FLAGS) $(3) -rdynamic -o $$@ $$^ $(4)
endef
$(eval $(call flavour,libfuzzer,$(FUZZ_CC),-fsanitize=address$(,)undefined -fno-sanitize-recover=all,-fsanitize=fuzzer,$(BUILD)/fuzz-rdpmc))
$(eval $(call flavour,plain,$(FUZZ_CC),,-fsanitize=fuzzer,$(BUILD)/fuzz-rdpmc-plain))
$(eval $(call flavour,afl,$(AFL_CC),,-fsanitize=fuzzer,$(BUILD)/fuzz-rdpmc-afl))

# ASan and UBSan watch the harness itself.
$(BUILD)/fuzz-rdpmc-live: $(call objects,$(BUILD)/libfuzzer,$(LIVE_TARGET_SOURCES)) $(MADE_OBJECT)
	$(call quiet,LINK,$@)$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=address,undefined -fsanitize=fuzzer -rdynamic -o $@ $^ $(HOST_LIBS)

$(BUILD)/afl-mutator.so: fuzz/targets/target_afl_mutator.c fuzz/case/mutate.c fuzz/case/case.c $(wildcard fuzz/case/*.h lib/*.h model/*.h)
	@mkdir -p $(@D)
	$(call quiet,LINK,$@)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -shared -fPIC -o $@ $(filter %.c,$^)

fuzz: setup-fuzz $(BUILD)/fuzz-rdpmc ## fuzz the emulator with libFuzzer, ASan and UBSan (TIME=60 JOBS=1)
	$(CHECK_TIME)
	@mkdir -p $(BUILD)/corpus
	cd $(BUILD) && $(FUZZ_RUN) corpus $(CURDIR)/corpus/seeds

fuzz-afl: setup-fuzz $(BUILD)/fuzz-rdpmc-afl $(BUILD)/afl-mutator.so ## fuzz the emulator with AFL++ (TIME=60)
	$(CHECK_TIME)
	AFL_CUSTOM_MUTATOR_LIBRARY=$(BUILD)/afl-mutator.so AFL_CUSTOM_MUTATOR_ONLY=1 AFL_SKIP_CPUFREQ=1 AFL_NO_UI=1 \
	AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_AFFINITY=1 AFL_AUTORESUME=1 \
	afl-fuzz -i corpus/seeds -o $(BUILD)/afl-out -V $(TIME) -- $(BUILD)/fuzz-rdpmc-afl
	@ls $(BUILD)/afl-out/default/crashes/id:* >/dev/null 2>&1 && { echo "crashes in $(BUILD)/afl-out"; exit 1; } || :

# Without a person. TIME and JOBS have other defaults here: without end, and all processors.
CAMPAIGN_PROGRAMS := $(addprefix $(BUILD)/,rdpmc-diff fuzz-rdpmc fuzz-rdpmc-afl afl-mutator.so fuzz-rdpmc-live coverage/rdpmc-diff)
CAMPAIGN_RUN = scripts/campaign --build $(BUILD) $(if $(filter file,$(origin TIME)),,--time "$(TIME)") \
	$(if $(filter file,$(origin JOBS)),,--jobs "$(JOBS)")
# Of a tree all three engines: what judges, what is fuzzed, and what tells the lines.
CAMPAIGN_ENGINE = $(KERNEL_TREE) && for purpose in diff fuzz coverage; do \
	to=$$purpose/; [ $$purpose != diff ] || to=; \
	$(KERNEL_ENGINE) "$(BUILD)/kernel/$$to$$name.so" --for $$purpose "$$tree" $${KOBJ:+"$$KOBJ"} || exit; done
# Asked before anything is built: can this tree be had, and handled?
setup-campaign-tree: setup-kernel
	@$(KERNEL_TREE) && $(ENGINE_OF) --features "$$tree" $${KOBJ:+"$$KOBJ"} >/dev/null
campaign: setup-fuzz $(if $(KDIR),setup-campaign-tree) $(if $(MACHINE),setup-machine) $(CAMPAIGN_PROGRAMS) ## fuzz by all engines and drivers until stopped; resumes (TIME= JOBS= KDIR=TREE MACHINE= CAMPAIGN_ARGS=)
	@$(if $(KDIR),$(CAMPAIGN_ENGINE) && )$(CAMPAIGN_RUN) $(if $(KDIR),--engine "kernel:$$name") \
		$(if $(MACHINE),--engine "machine:$(MACHINE):$(KERNEL)") $(CAMPAIGN_ARGS)

# A finding's page, or cases.
regression: $(BUILD)/rdpmc-diff ## keep cases that found something in corpus/regressions (FROM=build/campaign/findings/NAME)
	$(if $(FROM),,$(error FROM= names a page of a finding, or cases))
	@BUILD=$(BUILD) scripts/regression $(FROM)

# As fuzzing services build: their compiler, flags and engine, everything into $OUT.
fuzz-target: ## the target and its corpus into OUT=, by LIB_FUZZING_ENGINE, CC, CXX, CFLAGS, CXXFLAGS
	@CC="$(CC)" CFLAGS="$(CFLAGS)" BUILD=$(BUILD) FUZZ_OPTIONS="$(FUZZ_OPTIONS)" scripts/fuzz-target \
		$(filter-out fuzz/oracle/known/json/%,$(TARGET_SOURCES))

# The catalogue: each patch on a copy of emulator/, as an engine in a shared object, for each driver.
MUTANTS := $(patsubst fuzz/mutants/patches/%.patch,%,$(wildcard fuzz/mutants/patches/*.patch))
MUTANT_FLAGS = -I$(@D) $(CPPFLAGS_ALL) $(filter-out -g,$(FUZZ_FLAGS)) -shared -fPIC -fvisibility=hidden -DENGINE_NAME='"$*"' \
	-Dengine_emulator=rdpmc_engine fuzz/engines/emulator/engine_emulator_inlined.c -o $@
$(BUILD)/mutants/%/patched: fuzz/mutants/patches/%.patch $(wildcard emulator/*.[ch]) $(BUILD)/flags
	@rm -rf $(@D)/emulator && mkdir -p $(@D) && cp -r emulator $(@D)/
	@patch -s -p1 -d $(@D) < $< && touch $@
$(BUILD)/mutants/%/plain.so: $(BUILD)/mutants/%/patched fuzz/engines/emulator/engine_emulator.c $(ENGINE_HEADERS)
	$(call quiet,MUTANT,$@)$(CC) $(MUTANT_FLAGS)
$(BUILD)/mutants/%/libfuzzer.so: $(BUILD)/mutants/%/patched fuzz/engines/emulator/engine_emulator.c $(ENGINE_HEADERS)
	$(call quiet,MUTANT,$@)$(FUZZ_CC) $(COVERAGE) $(MUTANT_FLAGS)
$(BUILD)/mutants/%/afl.so: $(BUILD)/mutants/%/patched fuzz/engines/emulator/engine_emulator.c $(ENGINE_HEADERS)
	$(call quiet,MUTANT,$@)AFL_QUIET=1 $(AFL_CC) $(MUTANT_FLAGS)
mutants-plain: $(patsubst %,$(BUILD)/mutants/%/plain.so,$(MUTANTS)) ## build each mutant as an engine for rdpmc-diff --engine

MUTANT_PROGRAMS := $(addprefix $(BUILD)/,rdpmc-diff fuzz-rdpmc-plain fuzz-rdpmc-afl afl-mutator.so) \
	$(foreach driver,plain libfuzzer afl,$(patsubst %,$(BUILD)/mutants/%/$(driver).so,$(MUTANTS)))
mutants: setup-fuzz $(MUTANT_PROGRAMS) ## score: how soon each deliberate defect is found (MUTANT_ARGS=)
	$(BUILD)/rdpmc-diff mutants --build $(BUILD) $(MUTANT_ARGS)

# For all inputs instead of many. The same judge natively, to repeat a counterexample.
$(BUILD)/prove-repeat: $(call objects,$(BUILD),prove/repeat.c prove/judge.c prove/blame.c prove/known_none.c $(ENGINE_SOURCES))
	$(call quiet,LINK,$@)$(CC) $(CFLAGS_ALL) -rdynamic $(LDFLAGS) -o $@ $^ $(JSON_LIB) -ldl
$(BUILD)/prove-known: $(call objects,$(BUILD),prove/print_known.c $(ENGINE_SOURCES))
	$(call quiet,LINK,$@)$(CC) $(CFLAGS_ALL) -rdynamic $(LDFLAGS) -o $@ $^ $(JSON_LIB) -ldl
PROVE = scripts/prove --build $(BUILD) $(PROVE_ARGS)
prove: setup-fuzz $(if $(KDIR),setup-tree) $(addprefix $(BUILD)/,rdpmc-diff prove-repeat prove-known) ## prove for all inputs that emulator/, or a kernel tree, answers as model/ does (KDIR=TREE KOBJ= NAME= AGAINST=kernel:NAME)
	@$(if $(KDIR),$(KERNEL_TREE) && $(PROVE) --name "$$name" $(if $(AGAINST),--against "$(AGAINST)") --kernel "$$tree" $${KOBJ:+"$$KOBJ"},$(PROVE))
# Each takes ten minutes and more.
test-prove: $(addprefix $(BUILD)/,rdpmc-diff prove-repeat prove-known) ## proofs of kernels, in full: planted bugs, designs, two trees, the emulator's entry (T=NAME)
	@BUILD=$(BUILD) TEST_LIMIT=$(or $(TEST_LIMIT),90m) tests/run $(if $(findstring command,$(origin T)),$(T:%=tests/prove/%.sh),$(wildcard tests/prove/*.sh))
prove-mutants: setup-fuzz $(BUILD)/rdpmc-diff $(BUILD)/prove-repeat mutants-plain ## does each deliberate defect give a counterexample that names its rule?
	@$(PROVE) --mutants $(MUTANT)

# The corpus replayed, and which lines and branches of model/ and emulator/ that takes.
$(BUILD)/coverage/%.o: % $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quiet,COVER,$<)$(FUZZ_CC) $(CPPFLAGS_ALL) -std=gnu11 $(WARNINGS) -O1 -g -fprofile-instr-generate \
		-fcoverage-mapping -MMD -MP -c -o $@ $<
$(call objects,$(BUILD)/coverage,$(PROGRAM_SOURCES)): CPPFLAGS_ALL += -DPROGRAM_VERSION='"$(VERSION)"' -DPROGRAM_COMPILER='""' \
	-DPROGRAM_FLAGS='""'
$(BUILD)/coverage/rdpmc-diff: $(call objects,$(BUILD)/coverage,$(DIFF_SOURCES))
	$(call quiet,LINK,$@)$(FUZZ_CC) -fprofile-instr-generate -pthread -rdynamic -o $@ $^ $(LIBS)
coverage: setup-fuzz $(BUILD)/coverage/rdpmc-diff ## lines and branches that the corpus covers; HTML in build/coverage/html
	@scripts/coverage $(BUILD)/coverage

# A kernel tree's own code. KDIR is a tree, or debian:6.12; the engine is kernel:NAME, by default its
# version. Which of the tree's files matter only its compiler knows, so it is compiled each time.
export KDIR KOBJ NAME
KERNEL_TREE = $(if $(KDIR),,$(error KDIR= is missing: it names a kernel tree, or debian:6.12))tree=$$(scripts/kernel-tree "$$KDIR") && \
	release=$$(cat "$${KOBJ:-$$tree}"/include/generated/utsrelease.h 2>/dev/null || :) && \
	name=$${NAME:-$$(echo "$$release" | sed -n 's/^\#define UTS_RELEASE "\(.*\)"/\1/p')} && name=$${name:-unknown}
ENGINE_OF = CC=$(FUZZ_CC) scripts/kernel-engine
KERNEL_ENGINE = $(ENGINE_OF) --name "$$name" --out
# Asked before anything is built: can this tree be had, and are KDIR= and KOBJ= such?
setup-tree: setup-kernel
	@$(KERNEL_TREE) && { [ -d "$${KOBJ:-$$tree}/include/generated" ] || $(ENGINE_OF) --features "$$tree" $${KOBJ:+"$$KOBJ"} >/dev/null; }
kernel-engine: setup-tree ## an engine of a kernel tree's own KVM code (KDIR=TREE KOBJ= NAME=)
	+@$(AT_ONCE) $(BUILD)/rdpmc-diff
	@$(KERNEL_TREE) && \
	$(KERNEL_ENGINE) "$(BUILD)/kernel/$$name.so" "$$tree" $${KOBJ:+"$$KOBJ"} && \
	echo "made kernel:$$name; next: $(BUILD)/rdpmc-diff survey --engine kernel:$$name"

# TREES names prepared trees, oldest first, in place of commits. RANGE_ARGS: scripts/survey-range --help.
survey-range: setup-kernel ## what each commit of a kernel's history changes for guests (KDIR=GIT_TREE KOBJ= FROM=REV TO=REV PATHS=, or TREES=)
	$(if $(TREES)$(and $(KDIR),$(FROM)),,$(error KDIR= names a git tree and FROM= a revision of it, or TREES= prepared trees))
	+@$(AT_ONCE) $(BUILD)/rdpmc-diff
	@CC=$(FUZZ_CC) scripts/survey-range --build $(BUILD) $(if $(TREES),$(TREES),--kdir "$(KDIR)" $(if $(KOBJ),--objects "$(KOBJ)") \
		--from "$(FROM)" $(if $(TO),--to "$(TO)") $(if $(PATHS),--paths "$(PATHS)")) $(RANGE_ARGS)

fuzz-kernel: setup-tree ## fuzz that code with libFuzzer, ASan and UBSan (KDIR=TREE TIME=60)
	$(CHECK_TIME)
	+@$(AT_ONCE) $(BUILD)/fuzz-rdpmc
	@mkdir -p $(BUILD)/corpus-kernel
	@$(KERNEL_TREE) && \
	$(KERNEL_ENGINE) "$(BUILD)/kernel/fuzz/$$name.so" --for fuzz "$$tree" $${KOBJ:+"$$KOBJ"} && \
	cd $(BUILD) && RDPMC_ENGINE="kernel/fuzz/$$name.so" $(FUZZ_RUN) -error_exitcode=1 corpus-kernel $(CURDIR)/corpus/seeds

# MACHINE= is an emulated processor, whose kernel may die of it; KERNEL= as for bench-machine.
fuzz-live: setup-fuzz $(if $(MACHINE),setup-machine $(BUILD)/rdpmc-diff) $(BUILD)/fuzz-rdpmc-live ## fuzz the running kernel through /dev/kvm, or an emulated host's (TIME=60 MACHINE=skylake KERNEL=)
	$(CHECK_TIME)
	@mkdir -p $(BUILD)/corpus-live
ifneq ($(MACHINE),)
	@scripts/machine fuzz --build $(BUILD) --cpu "$(MACHINE)" --kernel "$(KERNEL)" --time $(TIME) --corpus $(BUILD)/corpus-live \
		--found $(BUILD) --seeds corpus/seeds $(MACHINE_ARGS) -- $(FUZZ_OPTIONS)
else
	@# Who comes back to this shell has not taken the machine down: its journal goes.
	@cd $(BUILD) && trap : INT TERM HUP && \
	sh -c 'echo $$$$ >fuzz-live.pid; RDPMC_ENGINE=kvm exec ./fuzz-rdpmc-live "$$@"' sh $(FUZZ_OPTIONS) \
		-max_total_time=$(TIME) -print_final_stats=1 -error_exitcode=1 corpus-live $(CURDIR)/corpus/seeds; \
	status=$$?; rm -f "$${RDPMC_JOURNAL:-.}/journal.$$(cat fuzz-live.pid)" fuzz-live.pid; exit $$status
endif

coverage-kernel: setup-tree ## lines of the kernel's RDPMC path that the corpus reaches (KDIR=TREE)
	+@$(AT_ONCE) $(BUILD)/rdpmc-diff
	@$(KERNEL_TREE) && \
	$(KERNEL_ENGINE) "$(BUILD)/kernel/coverage/$$name.so" --for coverage "$$tree" $${KOBJ:+"$$KOBJ"} && \
	scripts/coverage-kernel $(BUILD) "$(BUILD)/kernel/coverage/$$name.so" "$$tree"

SPEED_PROGRAMS := $(foreach target,fuzz-rdpmc fuzz-rdpmc-plain fuzz-rdpmc-afl,$(BUILD)/$(target) $(BUILD)/$(target)-empty) \
	$(BUILD)/afl-mutator.so
fuzz-speed: setup-fuzz $(SPEED_PROGRAMS) ## executions a second, as a share of an empty target's
	@FUZZ_OPTIONS="$(FUZZ_OPTIONS)" scripts/fuzz-speed $(BUILD)

seeds: $(BUILD)/rdpmc-diff ## write corpus/seeds anew
	@rm -rf corpus/seeds && $(BUILD)/rdpmc-diff seeds corpus/seeds

$(BUILD)/stats-speed: $(call objects,$(BUILD),bench/stats.c bench/main/stats_speed.c)
	$(call quiet,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ -lm

# A test links everything but main(): of fuzz/, of machine/ and the model it is held against, or of the benchmark.
define link_test
$(call quiet,LINK,$@)$(CC) $(CFLAGS_ALL) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(HOST_LIBS) -lcmocka
endef
$(SANITIZED)/test_expect: $(call enumerating,tests/test_expect.c $(BENCH_SOURCES)) $(MADE_OBJECT)
	$(link_test)
$(SANITIZED)/test_fuzz_survey $(SANITIZED)/test_fuzz_verdict: $(SANITIZED)/test_fuzz_%: \
		$(SANITIZED)/tests/test_fuzz_%.c.o $(call enumerating,$(SURVEY_SOURCES))
	$(link_test)
$(SANITIZED)/test_machine_%: $(SANITIZED)/tests/test_machine_%.c.o $(call objects,$(SANITIZED),$(MACHINE_SOURCES) $(MODEL_SOURCES))
	$(link_test)
$(SANITIZED)/test_fuzz_clamp: $(call objects,$(SANITIZED),fuzz/engines/live/clamp.c host/cpuid_pmu.c)
$(SANITIZED)/test_fuzz_%: $(SANITIZED)/tests/test_fuzz_%.c.o $(call objects,$(SANITIZED),$(SURVEY_SOURCES))
	$(link_test)
# What a proof says of its engine; the test's is its own.
$(SANITIZED)/test_prove: $(call objects,$(SANITIZED),tests/test_prove.c $(addprefix prove/,judge.c blame.c pass.c known_none.c) \
	$(ENGINE_SOURCES))
	$(link_test)
$(SANITIZED)/test_%: $(SANITIZED)/tests/test_%.c.o $(call objects,$(SANITIZED),$(BENCH_SOURCES)) $(MADE_OBJECT)
	$(link_test)

$(BUILD)/made_host.o: tests/made_host.c host/cpuid.h
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $<

# The compilation database that clangd and other language servers read.
compile_commands.json: FORCE ## each C file's compiler command, for editors
	@$(MAKE) --no-print-directory --always-make --dry-run SETUP=no V=1 $(filter-out %.so coverage/% mutants-plain,$(TEST_PROGRAMS)) | \
		scripts/compile-commands >$@.new && mv $@.new $@

format: ## lay out the C sources by .clang-format
	@clang-format -i $(filter-out tests/% build%,$(wildcard */*.[ch] */*/*.[ch] */*/*/*.[ch]))

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
