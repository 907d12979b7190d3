# SPDX-License-Identifier: MIT
#
# One Makefile, not recursive (`test`, `check`, `demo` and `bench` start it again only because what the build needs may have
# just been installed).
# `make help` lists what there is. Objects go to build/, mirroring the source tree.

VERSION := 0.1.0
CC      ?= gcc
PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   := build
JOBS    := $(shell nproc)

# CFLAGS, CPPFLAGS and LDFLAGS are the user's: a packager's or a debugging person's. What we need of our own stands beside them. Warnings
# are errors in `make check` only (WERROR): a compiler that is newer than the code must not keep anybody from building.
CFLAGS ?= -O2 -g
WERROR ?=
WARN   := -Wall -Wextra $(WERROR) -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings
BASE   := -std=gnu11 $(WARN) -MMD -MP -I. -D_GNU_SOURCE

# The analyzer reads files that others made. _FORTIFY_SOURCE needs an optimizing compiler, and a level that the user asks for stays.
optimized := $(filter-out -O0,$(lastword $(filter -O%,$(CFLAGS))))
fortified := $(findstring _FORTIFY_SOURCE,$(CFLAGS) $(CPPFLAGS))
HARDEN_CFLAGS  := -fPIE -fstack-protector-strong $(if $(optimized),$(if $(fortified),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))
HARDEN_LDFLAGS := $(if $(filter -static -static-pie -no-pie,$(CFLAGS) $(LDFLAGS)),,-pie) -Wl,-z,relro -Wl,-z,now

# The shim: no libc start-up, no DT_NEEDED (it loads under glibc and musl), TLS that needs no allocation, no stack protector
# (its failure path prints), no fortify (it would call the _chk functions that the shim itself stands in for), no sanitizer, profile or
# instrumentation (their libraries would be needed by every program that is traced), no link-time optimization (wrappers in assembly
# and symbols' names are part of the source). Cancellation unwinds through wrappers: -fexceptions.
# Null pointers are checked for where libc's headers say that none is given, too: programs give them.
# No RELRO: the table of real functions cannot be read-only anyway, and each image would pay for a mapping more (1.5 % of an exec).
# Whatever flags the user has, these come behind them; those that cannot be taken back are left out.
SHIM_CFLAGS  := -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-stack-protector -U_FORTIFY_SOURCE \
                -fno-builtin-printf -fno-math-errno -fexceptions -fno-delete-null-pointer-checks -fno-lto -fno-sanitize=all -include shim/weak.h
SHIM_LDFLAGS := -shared -nostdlib -fno-lto -fno-sanitize=all -Wl,-Bsymbolic -Wl,-z,noseparate-code -Wl,-z,now -Wl,-z,norelro -Wl,-z,nodelete -Wl,-z,undefs -Wl,-soname,libsockatlas.so -Wl,--hash-style=both -Wl,-O1 -Wl,--sort-section=name
for_shim = $(filter-out -pg -p -finstrument-functions --coverage -coverage -fprofile-arcs -ftest-coverage -fprofile-generate% \
           -fprofile-instr-generate% -fcoverage-mapping -pie -no-pie -static -static-pie -Wl$(comma)--gc-sections %_FORTIFY_SOURCE=0 %_FORTIFY_SOURCE=1 %_FORTIFY_SOURCE=2 %_FORTIFY_SOURCE=3,$(1))
comma   := ,

# V=1 shows commands as they are.
ifeq ($(V),1)
say =
Q   :=
else
say = @echo '  $(1) $(2)'
Q   := @
endif

# What runs in each image stands first, on pages that the loader reads anyway: a page touched is a fault.
SHIM_FIRST := shim/load.c shim/real.c shim/elf.c shim/config.c
SHIM_SRC := $(SHIM_FIRST) $(filter-out $(SHIM_FIRST),$(wildcard shim/*.c))

# One shim for each machine, FOLDER/libsockatlas.so: for the one that this is built on below $(BUILD), for others below $(BUILD)/MACHINE.
# AArch64's atomics are written out: those that GCC calls by name instead are in a library.
triple     := $(shell $(CC) -dumpmachine)
CC_aarch64 ?= aarch64-linux-gnu-gcc
shim_flags_aarch64 := -mno-outline-atomics
machine    := $(firstword $(subst -, ,$(triple)))

# 32-bit programs on x86-64, where the compiler makes them: gcc-multilib, or libc6-dev-i386 and lib32gcc-N-dev, which leave <asm/...>
# where only 64-bit programs find it. Clang calls 64-bit atomics by name, so GCC makes this one. Old programs, and some signal handlers,
# have their stack aligned to 4 bytes.
CC_i386         ?= $(if $(findstring clang,$(CC)),gcc,$(CC)) -m32 -idirafter /usr/include/x86_64-linux-gnu
shim_flags_i386 := -mstackrealign
shim_wide_i386  := -D_FILE_OFFSET_BITS=64
shim_libs_i386  := -lgcc
has_i386        := $(if $(filter x86_64,$(machine)),$(shell test -e "$$($(CC_i386) -print-libgcc-file-name)" && \
                       printf '\043include <sys/socket.h>\n' | $(CC_i386) -x c -fsyntax-only - 2>/dev/null && echo yes))

# Programs without a libc to interpose on are followed where the piece is written for the processor.
has_piece := $(filter x86_64,$(machine))
# So is attaching to processes that run.
has_attach := $(filter x86_64,$(machine))

# What both halves must know exactly alike: sources of the shim that the analyzer is linked with too.
SHARED_SRC    := shim/site.c shim/folder.c shim/storage.c shim/memory_log.c shim/target.c shim/launch.c shim/log_name.c shim/tcp_info.c
# sockatlas-patch is a program of its own.
PATCHER_SRC   := analyzer/patch/main.c analyzer/patch/inject.c
ANALYZER_SRC  := $(filter-out $(PATCHER_SRC),$(wildcard analyzer/*.c analyzer/*/*.c))
ANALYZER_OBJ  := $(ANALYZER_SRC:%.c=$(BUILD)/%.o) $(SHARED_SRC:%.c=$(BUILD)/%.o)
ANALYZER_LIBS := -lcjson -lnettle -lncursesw -lsodium -lz -lzstd

# tests/unit/NAME.c: Criterion, linked with the analyzer. tests/targets/NAME.c: a tiny program to trace. tests/tools/NAME.c: what the
# test scripts call. tests/truth/compare.c: lays strace's output beside a trace. tests/fault/:
# account.c lays a program's own count beside its trace, kills.c kills one again and again; filter.c makes a seccomp filter of what a
# program was seen to call, enter.c puts a program under it.
UNIT_SRC   := $(wildcard tests/unit/*.c)
UNIT_BIN   := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/tests/%)
TARGET_SRC := $(wildcard tests/targets/*.c)
TARGET_BIN := $(foreach folder,$(BUILD) $(if $(has_i386),$(BUILD)/i386),$(TARGET_SRC:tests/targets/%.c=$(folder)/targets/%))
DOCTOR_SRC := $(wildcard tests/doctor/targets/*.c)
DOCTOR_BIN := $(DOCTOR_SRC:tests/doctor/targets/%.c=$(BUILD)/doctor/%)
TOOL_SRC   := $(wildcard tests/tools/*.c)
TOOL_BIN   := $(TOOL_SRC:tests/tools/%.c=$(BUILD)/tools/%)

# tests/bench/: load*.c is the program that is measured, one_socket.c a program that it starts, empty.c an object to preload,
# generate.c makes big traces, floor.c reads them and does nothing else, all else is the runner.
BENCH_SRC := $(filter-out tests/bench/load%.c tests/bench/one_socket.c tests/bench/empty.c tests/bench/generate.c tests/bench/floor.c,$(wildcard tests/bench/*.c))
LOAD_SRC  := $(wildcard tests/bench/load*.c)
BENCH_BIN := $(BUILD)/bench/bench $(BUILD)/bench/load $(BUILD)/bench/one_socket $(BUILD)/bench/generate $(BUILD)/bench/floor $(BUILD)/bench/empty.so

# tests/fuzz/fuzz_NAME.c: a libFuzzer target; all of the analyzer is compiled again for them, with clang and sanitizers.
FUZZ_BIN    := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_OBJ    := $(patsubst %.c,$(BUILD)/fuzz/%.o,$(filter-out analyzer/main.c,$(ANALYZER_SRC)) $(SHARED_SRC) tests/fuzz/fuzz.c tests/fuzz/slots.c tests/fuzz/views.c tests/fuzz/oracle.c)
FUZZ_CC     ?= clang
FUZZ_CFLAGS := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all

SANDBOX_BIN := $(BUILD)/fault/filter $(BUILD)/fault/enter $(BUILD)/fault/enter.so
TRUTH_BIN  := $(BUILD)/truth/compare $(BUILD)/fault/account $(BUILD)/fault/kills $(BUILD)/fault/hostile
# The analyzer once more, counting how much it does: tests/fault/hostile.sh.
COUNTED_OBJ := $(ANALYZER_OBJ:$(BUILD)/%=$(BUILD)/counted/%)
GROUND_BIN := $(BUILD)/ground/ground $(BUILD)/ground/actor $(BUILD)/ground/compare $(BUILD)/ground/fleet $(BUILD)/ground/agree
GROUND_COMPARE_SRC := tests/ground/compare.c tests/ground/report.c
GROUND_ACTOR_SRC := $(wildcard tests/ground/actor*.c)
GROUND_SRC := $(filter-out $(GROUND_ACTOR_SRC) tests/ground/agree.c tests/ground/fleet.c $(GROUND_COMPARE_SRC),$(wildcard tests/ground/*.c))

SAMPLES := $(notdir $(patsubst %/run.sh,%,$(wildcard samples/*/run.sh)))

ALL_C := $(wildcard shim/*.[ch] shim/*/*.[ch] analyzer/*.[ch] analyzer/*/*.[ch] tests/*/*.[ch] tests/*/*/*.[ch])

# Objects made on the way to another target are kept.
.SECONDARY:

.PHONY: all help dist deb deps deps-html deps-fleet test test-html test-laps test-programs demo fuzz fuzz-binaries bench install uninstall clean check check-format check-warnings check-tidy check-cppcheck check-structure test-binaries
all: $(BUILD)/libsockatlas.so $(BUILD)/sockatlas $(if $(has_piece),$(BUILD)/sockatlas-patch) $(if $(has_attach),$(BUILD)/musl/libsockatlas.so) $(if $(has_i386),$(BUILD)/i386/linked) ## build the shim and the analyzer

help: ## what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

deps: ## install what the build needs and is missing (apt-get)
	@tests/deps build

test: ## install what is missing, build, run every test; T=NAME runs the suites of that name
	@tests/deps build test fuzz programs demo samples $(SAMPLES)
	@$(MAKE) --no-print-directory -j$(JOBS) all test-binaries fuzz-binaries
	@tests/run $(SUITES) $(T)

test-programs: ## as test: the real programs' own checks that take minutes, with the shim and without
	@tests/deps build test programs samples $(SAMPLES)
	@$(MAKE) --no-print-directory -j$(JOBS) all test-binaries
	@tests/run --slow $(T)

test-laps: ## as test, with rings so small that each log that is busy is written full many times; tests/README.md says what fails then
	@SOCKATLAS_TEST_LIMIT=64K $(MAKE) --no-print-directory test T="$(T)"

deps-html: ## install what the page's tests need: Chromium, node, npm and what npm brings (large)
	@tests/deps html
	@mkdir -p $(BUILD)/npm
	@cp tests/html/package.json $(BUILD)/npm/
	@cd $(BUILD)/npm && npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts

deps-fleet: ## install what the SQL's tests need beside Debian's ClickHouse: the current one as a library, from npm (large)
	@tests/deps npm
	@mkdir -p $(BUILD)/npm-fleet
	@cp tests/fleet/package.json $(BUILD)/npm-fleet/
	@cd $(BUILD)/npm-fleet && npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts

test-html: deps-html ## test the page of `map --format html` in a browser
	@tests/deps build test samples microservices
	@$(MAKE) --no-print-directory -j$(JOBS) all test-binaries
	@tests/run browser microservices

demo: ## install what is missing, build, trace nginx + curl + redis and draw their map
	@tests/deps build demo
	@$(MAKE) --no-print-directory all $(BUILD)/tools/port $(BUILD)/tools/gone
	@samples/demo.sh

test-binaries: $(UNIT_BIN) $(TARGET_BIN) $(DOCTOR_BIN) $(TOOL_BIN) $(TRUTH_BIN) $(SANDBOX_BIN) $(GROUND_BIN) $(BUILD)/html/generate $(BENCH_BIN) $(BUILD)/counted/sockatlas

# Flags stand in this file.
$(ANALYZER_OBJ): Makefile

define shim_for # FOLDER, COMPILER, MACHINE
$(1)/libsockatlas.so: $$(SHIM_SRC:%.c=$(1)/%.o)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$(2) $$(call for_shim,$$(CFLAGS) $$(LDFLAGS)) $$(SHIM_LDFLAGS) -o $$@ $$(or $$^,-x c /dev/null) $$(shim_libs_$(3))

$(1)/shim/%.o: shim/%.c Makefile
	@mkdir -p $$(@D)
	$$(call say,CC,$$(if $$(filter $(1),$$(BUILD)),$$<,$$@))
	$$(Q)$(2) $$(BASE) $$(call for_shim,$$(CPPFLAGS) $$(CFLAGS)) $$(SHIM_CFLAGS) $$(shim_flags_$(3)) $$(if $$(filter shim/hook_%,$$<),,$$(shim_wide_$(3))) -c -o $$@ $$<
endef
$(eval $(call shim_for,$(BUILD),$(CC),$(machine)))
$(eval $(call shim_for,$(BUILD)/i386,$(CC_i386),i386))
$(eval $(call shim_for,$(BUILD)/aarch64,$(CC_aarch64),aarch64))
# For a process of musl's that is attached to: its dlopen() refuses variables at a fixed place, and makes space for all threads' others at once.
shim_flags_musl := -ftls-model=global-dynamic
$(eval $(call shim_for,$(BUILD)/musl,$(CC),musl))

# The piece: the shim as it is put into programs without a libc to interpose on (shim/piece/piece.h). Nothing but general registers may
# change in it, no variable is the thread pointer's, nothing is taken from elsewhere: what is left out by --gc-sections may ask for libc.
# GCC alone keeps a register for a variable.
CC_piece     ?= $(if $(findstring clang,$(CC)),gcc,$(CC))
PIECE_CFLAGS := -DSOCKATLAS_PIECE -ffixed-r15 -fPIC -fvisibility=hidden -ffreestanding -mgeneral-regs-only -fno-stack-protector -fcf-protection=none \
                -U_FORTIFY_SOURCE -ffunction-sections -fdata-sections -fno-tree-loop-distribute-patterns -fno-math-errno \
                -fno-asynchronous-unwind-tables -fno-exceptions -fno-delete-null-pointer-checks -fno-lto -fno-sanitize=all
PIECE_SRC    := $(filter-out shim/real.c shim/hook_32.c,$(wildcard shim/*.c)) $(wildcard shim/piece/*.c)

$(BUILD)/piece.elf: $(PIECE_SRC:%.c=$(BUILD)/piece/%.o) shim/piece/piece.ld
	$(call say,LD,$@)
	$(Q)$(CC_piece) -nostdlib -static-pie -fno-lto -fno-sanitize=all -Wl,--gc-sections -Wl,-z,norelro -Wl,-z,noexecstack -Wl,--build-id=none -Wl,--no-dynamic-linker -Wl,-T,shim/piece/piece.ld -o $@ $(filter %.o,$^)

$(BUILD)/piece/shim/%.o: shim/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC_piece) $(BASE) $(call for_shim,$(CPPFLAGS) $(CFLAGS)) $(PIECE_CFLAGS) -c -o $@ $<

PATCHER_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard analyzer/patch/*.c) shim/site.c)
$(BUILD)/sockatlas-patch: $(PATCHER_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(HARDEN_LDFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/analyzer/patch/inject.o: OWN += -DSOCKATLAS_PIECE_FILE='"$(BUILD)/piece.elf"'
$(BUILD)/analyzer/patch/inject.o: $(BUILD)/piece.elf

# The loaders' choice between the two of x86-64: PRELOAD/$LIB/libsockatlas.so. glibc puts there the folder in which the distribution has
# libraries of its word size (Debian's, its 32-bit packages', Fedora's, Arch's); musl leaves it as it is.
plain_lib  := $(if $(has_i386),$(if $(filter ../lib,$(shell $(CC_i386) -print-multi-os-directory)),i386))
lib_folders = $(if $(has_i386),$$LIB lib64 lib/x86_64-linux-gnu $(if $(plain_lib),,lib))
lib_folders_i386 = $(if $(has_i386),lib32 lib/i386-linux-gnu $(if $(plain_lib),lib))
# In a recipe, `links FOLDER` makes them there, where both shims are.
links = links() { \
        for each in $(foreach folder,$(lib_folders),'$(folder):libsockatlas.so') $(foreach folder,$(lib_folders_i386),$(folder):i386/libsockatlas.so); do \
            folder "$$1/$${each%%:*}"; \
            ln -sf "$$(echo "$${each%%:*}" | sed 's|[^/][^/]*|..|g')/$${each\#*:}" "$$1/$${each%%:*}/libsockatlas.so"; \
        done; \
    }

$(BUILD)/i386/linked: $(BUILD)/libsockatlas.so $(BUILD)/i386/libsockatlas.so
	@folder() { mkdir -p "$$1"; }; $(links); links '$(BUILD)'
	@touch $@

# The page of `map --format html`, in two halves that the data comes between. Its library is not ours: without it the page is left out.
D3       ?= /usr/share/nodejs/d3/dist/d3.min.js
PAGE_SRC := $(wildcard analyzer/view/html/*)
PAGE     := $(if $(wildcard $(D3)),$(BUILD)/page)

$(BUILD)/page/begin.html: $(PAGE_SRC) $(wildcard $(D3))
	@mkdir -p $(@D)
	$(call say,PAGE,$@)
	$(Q)sed $(foreach file,$(D3) $(filter %.css %.js,$(PAGE_SRC)),-e '/^@include $(notdir $(file))$$/{' -e 'r $(file)' -e 'd' -e '}') \
	    analyzer/view/html/page.html >$(@D)/page.html
	$(Q)! grep -n '^@include' $(@D)/page.html
	$(Q)sed '/^@data$$/,$$d' $(@D)/page.html >$(@D)/end.html.new
	$(Q)mv $(@D)/end.html.new $@
	$(Q)sed '1,/^@data$$/d' $(@D)/page.html >$(@D)/end.html

# The system calls that the shim makes for itself, for `run` to try: hook_syscall.c and site*.c have those of programs, launch.c and
# site_redirect.c those that are made under no filter.
$(BUILD)/shim_calls.h: $(filter-out shim/hook_syscall.c shim/launch.c shim/site.c shim/site_entry.c shim/site_redirect.c,$(SHIM_SRC))
	@mkdir -p $(@D)
	$(call say,CALLS,$@)
	$(Q)grep -ohE 'SYS_[a-z0-9_]+' $^ | sort -u | sed 's/^SYS_\(.*\)/#ifdef SYS_\1\nCALL(\1)\n#endif/' >$@.new
	$(Q)mv $@.new $@

run_filter := $(foreach each,analyzer counted/analyzer fuzz/analyzer,$(BUILD)/$(each)/cmd/run_filter.o)
$(run_filter): $(BUILD)/shim_calls.h
$(run_filter): OWN += -DSOCKATLAS_SHIM_CALLS='"$(BUILD)/shim_calls.h"'

$(BUILD)/analyzer/cmd/map_cluster.o: $(addprefix analyzer/clickhouse/questions/,map.sql listeners.sql)
$(BUILD)/analyzer/view/html_page.o: $(if $(PAGE),$(BUILD)/page/begin.html)
$(BUILD)/analyzer/view/html_page.o: OWN += $(if $(PAGE),-DSOCKATLAS_PAGE='"$(PAGE)"')

# PGO=1, with gcc: the analyzer is built to count what it does, reads traces, and is built again from those counts, which gcc
# finds by the objects' names, so both times in $(BUILD)/pgo.
ifeq ($(PGO),1)
pgo      := $(BUILD)/pgo
pgo_make  = $(MAKE) --no-print-directory BUILD=$(pgo) PGO= CFLAGS="$(CFLAGS) $(1)" LDFLAGS="$(LDFLAGS) $(1)" $(2)
$(BUILD)/sockatlas: $(filter analyzer/% shim/%,$(ALL_C)) $(wildcard analyzer/view/html/* analyzer/clickhouse/*/*) Makefile
	$(Q)$(CC) -v 2>&1 | grep -q '^gcc version' || { echo "make: PGO=1 is for gcc, and $(CC) is not" >&2; exit 2; }
	$(Q)rm -rf $(pgo)
	$(Q)+$(call pgo_make,-fprofile-generate -fprofile-update=single,$(pgo)/sockatlas $(pgo)/bench/generate)
	$(call say,TRAIN,$(pgo)/sockatlas)
	$(Q)$(pgo)/bench/generate $(pgo)/trace 100000
	$(Q)for view in map list summary doctor tuned events 'events --json' 'list --json' 'export --format chrome' 'export --format jsonl'; do \
	    for trace in $(pgo)/trace tests/traces/v2-kinds; do \
	        $(pgo)/sockatlas $$view $$trace >/dev/null 2>&1; [ $$? -le 3 ] || exit 1; \
	    done; \
	done
	$(Q)find $(pgo) -name '*.o' -delete && rm -rf $(pgo)/sockatlas $(pgo)/trace
	$(Q)+$(call pgo_make,-flto=auto -fprofile-use -fprofile-partial-training -Wno-missing-profile,$(pgo)/sockatlas)
	$(Q)cp $(pgo)/sockatlas $@
else
$(BUILD)/sockatlas: $(ANALYZER_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(HARDEN_LDFLAGS) $(LDFLAGS) -o $@ $^ $(ANALYZER_LIBS)
endif

$(BUILD)/analyzer/%.o: analyzer/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(BASE) $(OWN) $(HARDEN_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/analyzer/main.o: OWN += -DSOCKATLAS_RELEASE='"$(VERSION)"'

$(BUILD)/tests/%: tests/unit/%.c $(filter-out $(BUILD)/analyzer/main.o,$(ANALYZER_OBJ))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter tests/unit/%.c %.o,$^) $(ANALYZER_LIBS) -lcriterion

$(BUILD)/doctor/%: tests/doctor/targets/%.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

define targets_for # FOLDER, COMPILER
$(1)/targets/%: tests/targets/%.c
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$(2) $$(BASE) $$(CPPFLAGS) $$(CFLAGS) $$(TARGET_CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.c,$$^)

$(1)/targets/entry_points: $$(wildcard tests/targets/entry_points/*.c)
$(1)/targets/arguments: $$(wildcard tests/targets/arguments/*.[ch] tests/targets/arguments/*.def)
$(1)/targets/small_stacks: TARGET_CFLAGS := -pthread
$(1)/targets/static_exit $(1)/targets/attach_static $(1)/targets/static_client: TARGET_CFLAGS := -static
$(1)/targets/closed_in_send $(1)/targets/attach_state $(1)/targets/attach_load: TARGET_CFLAGS := -pthread
endef
$(eval $(call targets_for,$(BUILD),$(CC)))
$(eval $(call targets_for,$(BUILD)/i386,$(CC_i386)))
$(eval $(call targets_for,$(BUILD)/aarch64,$(CC_aarch64)))

$(TRUTH_BIN): $(ANALYZER_OBJ:$(BUILD)/analyzer/main.o=)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(HARDEN_LDFLAGS) $(LDFLAGS) -o $@ $^ $(ANALYZER_LIBS)

$(BUILD)/truth/compare: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/truth/*.c))
$(BUILD)/fault/account: $(BUILD)/tests/fault/account.o $(BUILD)/tests/fault/tally.o
$(BUILD)/fault/kills: $(BUILD)/tests/fault/kills.o $(BUILD)/tests/fault/tally.o
$(BUILD)/fault/hostile: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/fault/hostile*.c))

$(BUILD)/counted/sockatlas: $(COUNTED_OBJ) $(BUILD)/tests/fault/count.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(ANALYZER_LIBS)

$(BUILD)/counted/analyzer/main.o: OWN += -DSOCKATLAS_RELEASE='"counted"'
$(BUILD)/counted/analyzer/view/html_page.o: OWN += -DSOCKATLAS_PAGE='"tests/fuzz/page"'

$(BUILD)/counted/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(BASE) $(OWN) $(CPPFLAGS) $(CFLAGS) -fsanitize-coverage=trace-pc -c -o $@ $<

$(BUILD)/fault/filter: tests/fault/filter.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< -lseccomp

$(BUILD)/fault/enter: tests/fault/enter.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

$(BUILD)/fault/enter.so: tests/fault/enter.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -DENTER_LIBRARY -fPIC -shared -o $@ $<

# tests/ground/: ground.c and its steps play a scenario whose truth they know, with actor.c's processes; compare.c lays two maps side by side.
$(BUILD)/ground/ground: $(GROUND_SRC)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) -lcjson

$(BUILD)/ground/actor: $(GROUND_ACTOR_SRC)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) -lpthread

$(BUILD)/ground/compare: $(GROUND_COMPARE_SRC)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) -lcjson

$(BUILD)/ground/fleet: tests/ground/fleet.c $(filter-out $(BUILD)/analyzer/main.o,$(ANALYZER_OBJ))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c %.o,$^) $(ANALYZER_LIBS)

$(BUILD)/ground/%: tests/ground/%.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< -lcjson

$(BUILD)/tests/truth/%.o: tests/truth/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/tests/fault/%.o: tests/fault/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/tools/%: tests/tools/%.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

fuzz: ## fuzz what reads traces for N seconds each (60); T=NAME one target (fuzz_log, fuzz_jsonl, fuzz_segment, fuzz_diag, fuzz_notice, fuzz_proc)
	@tests/deps build fuzz
	@$(MAKE) --no-print-directory fuzz-binaries
	@SOCKATLAS_FUZZ_SECONDS=$(or $(N),60) tests/fuzz/fuzz.sh $(T)

fuzz-binaries: $(FUZZ_BIN) $(BUILD)/fuzz/sockatlas $(BUILD)/fuzz/mutate

$(BUILD)/fuzz/sockatlas: $(filter-out $(BUILD)/fuzz/tests/%,$(FUZZ_OBJ)) $(BUILD)/fuzz/analyzer/main.o
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,address,undefined -o $@ $^ $(ANALYZER_LIBS)

$(BUILD)/fuzz/analyzer/main.o: CPPFLAGS += -DSOCKATLAS_RELEASE='"fuzzed"'

$(BUILD)/fuzz/mutate: tests/fuzz/mutate.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

$(BUILD)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZ_OBJ)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(FUZZ_CC) $(BASE) $(CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $(filter %.c %.o,$^) $(ANALYZER_LIBS)

# A page of two tags: the real one is long, and its data is what is looked at.
$(BUILD)/fuzz/analyzer/view/html_page.o: OWN += -DSOCKATLAS_PAGE='"tests/fuzz/page"'

$(BUILD)/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(FUZZ_CC) $(BASE) $(OWN) $(CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<

bench: ## measure what watching costs; B='GROUP...' only those (shim call scale server tracer patch analyzer; fleet: by name alone), BIG=1 all sizes
	@tests/deps build
	-@tests/deps bench
	-@mkdir -p $(BUILD)/bench/npm && cp tests/bench/package.json $(BUILD)/bench/npm/ && cd $(BUILD)/bench/npm && npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts
	@$(MAKE) --no-print-directory all $(BENCH_BIN) $(if $(has_piece),$(BUILD)/bench/load_static $(BUILD)/bench/load_go) $(BUILD)/fault/hostile
	@$(if $(filter fleet,$(B)),$(MAKE) --no-print-directory $(BUILD)/ground/fleet && tests/bench/fleet.sh)
	@$(if $(filter-out fleet,$(or $(B),all)),$(BUILD)/bench/bench $(filter-out fleet,$(B)))

$(BUILD)/bench/bench: $(BENCH_SRC)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^)

$(BUILD)/bench/floor: tests/bench/floor.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

$(BUILD)/bench/load_static: $(LOAD_SRC)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -static -o $@ $(filter %.c,$^) -lpthread

# Where there is no Go, `bench` says so.
$(BUILD)/bench/load_go: tests/bench/load.go
	@mkdir -p $(@D) $(BUILD)/go
	$(call say,GO,$@)
	-$(Q)CGO_ENABLED=0 GO111MODULE=off GOFLAGS= GOCACHE=$(abspath $(BUILD)/go) go build -o $@ $<

$(BUILD)/bench/load: $(LOAD_SRC)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) -lpthread

$(BUILD)/bench/one_socket: tests/bench/one_socket.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

$(BUILD)/bench/generate: tests/bench/generate.c $(filter-out $(BUILD)/analyzer/main.o,$(ANALYZER_OBJ))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c %.o,$^) $(ANALYZER_LIBS)

$(BUILD)/html/generate: tests/html/generate.c $(filter-out $(BUILD)/analyzer/main.o,$(ANALYZER_OBJ))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c %.o,$^) $(ANALYZER_LIBS)

$(BUILD)/bench/empty.so: tests/bench/empty.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) -fPIC -shared -nostdlib -o $@ $<

# What goes where below the prefix: FILE:PLACE. The program finds the shim in ../lib/sockatlas, wherever the prefix is.
INSTALLED := $(BUILD)/libsockatlas.so:lib/sockatlas/libsockatlas.so \
             $(if $(has_i386),$(BUILD)/i386/libsockatlas.so:lib/sockatlas/i386/libsockatlas.so) \
             $(if $(has_attach),$(BUILD)/musl/libsockatlas.so:lib/sockatlas/musl/libsockatlas.so) \
             analyzer/sockatlas.1:share/man/man1/sockatlas.1 \
             analyzer/completions/sockatlas.bash:share/bash-completion/completions/sockatlas \
             analyzer/completions/_sockatlas:share/zsh/site-functions/_sockatlas \
             analyzer/completions/sockatlas.fish:share/fish/vendor_completions.d/sockatlas.fish \
             $(foreach schema,$(wildcard analyzer/schema/*.json),$(schema):share/sockatlas/schema/$(notdir $(schema)))

# Both names may have spaces in them, so recipes have them from the environment. Which folders an installation made is noted below
# $(BUILD), for `uninstall` to remove those and no others.
export DESTDIR PREFIX
MADE := $(BUILD)/installed

install: all ## install below $(DESTDIR)$(PREFIX)
	@set -e; top="$$DESTDIR$$PREFIX"; made="$(MADE).$$(printf %s "$$top" | cksum | tr ' ' .)"; \
	folder() { [ -d "$$1" ] || { folder "$$(dirname "$$1")"; mkdir -m 755 "$$1"; echo "$$1" >>"$$made"; }; }; \
	put() { echo "  INSTALL $$top/$$3"; folder "$$(dirname "$$top/$$3")"; install -m "$$1" "$$2" "$$top/$$3"; }; \
	put 755 $(BUILD)/sockatlas bin/sockatlas; \
	$(if $(has_piece),put 755 $(BUILD)/sockatlas-patch lib/sockatlas/sockatlas-patch;) \
	for each in $(INSTALLED); do put 644 "$${each%%:*}" "$${each#*:}"; done; \
	$(links); links "$$top/lib/sockatlas"

uninstall: ## remove what install put there, with the same DESTDIR and PREFIX
	@top="$$DESTDIR$$PREFIX"; made="$(MADE).$$(printf %s "$$top" | cksum | tr ' ' .)"; \
	for each in bin/sockatlas $(if $(has_piece),lib/sockatlas/sockatlas-patch) $(foreach each,$(INSTALLED),$(lastword $(subst :, ,$(each)))) \
	    $(foreach folder,$(lib_folders) $(lib_folders_i386),'lib/sockatlas/$(folder)/libsockatlas.so'); do \
	    echo "  REMOVE $$top/$$each"; rm -f "$$top/$$each"; \
	done; \
	for each in $(foreach folder,$(lib_folders) $(lib_folders_i386),'lib/sockatlas/$(folder)') lib/sockatlas/lib \
	    lib/sockatlas/i386 lib/sockatlas/musl lib/sockatlas share/sockatlas/schema share/sockatlas; do rmdir "$$top/$$each" 2>/dev/null; done; \
	[ ! -f "$$made" ] || { tac "$$made" | while IFS= read -r each; do rmdir "$$each" 2>/dev/null; done; rm -f "$$made"; }; :

# The source tree without what is built: what git knows of, or, in an unpacked archive, all that is not in $(BUILD).
sources = { git ls-files 2>/dev/null || find . -path './$(BUILD)' -prune -o -type f -print | sed 's|^\./||'; } | LC_ALL=C sort
DIST    := sockatlas-$(VERSION)
stamp   := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md))

dist: ## pack the source into build/sockatlas-VERSION.tar.gz
	@mkdir -p $(BUILD)
	$(call say,TAR,$(BUILD)/$(DIST).tar.gz)
	$(Q)$(sources) | tar --create --files-from=- --transform='s|^|$(DIST)/|' --owner=0 --group=0 --numeric-owner --mtime=@$(stamp) --mode=go+rX,go-w | \
	    gzip -9n >$(BUILD)/$(DIST).tar.gz

# Debian's tools want their folder at the top of the tree, so the package is made in a copy. Its version and date are ours, its maintainer
# is who builds it, as with Debian's other tools.
DEBFULLNAME ?= The sockatlas authors
DEBEMAIL    ?= sockatlas@localhost.localdomain
deb: dist ## install what is missing, make a Debian package in build/deb
	@tests/deps build deb
	@rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb
	@tar -xzf $(BUILD)/$(DIST).tar.gz -C $(BUILD)/deb && cp -R analyzer/debian $(BUILD)/deb/$(DIST)/debian
	@sed -i 's/^Maintainer:.*/Maintainer: $(DEBFULLNAME) <$(DEBEMAIL)>/' $(BUILD)/deb/$(DIST)/debian/control
	@printf '%s\n' 'sockatlas ($(VERSION)) unstable; urgency=medium' '' '  * What changed is told in changelog.gz beside this file.' '' \
	    " -- $(DEBFULLNAME) <$(DEBEMAIL)>  $$(date -R -u -d @$(stamp))" >$(BUILD)/deb/$(DIST)/debian/changelog
	$(call say,DEB,$(BUILD)/deb/sockatlas_$(VERSION)_*.deb)
	$(Q)cd $(BUILD)/deb/$(DIST) && env -u MAKEFLAGS -u MAKELEVEL -u DESTDIR -u PREFIX SOURCE_DATE_EPOCH=$(stamp) \
	    dpkg-buildpackage --build=binary --no-sign --jobs=$(JOBS) >../log 2>&1 || { tail -n 30 ../log; exit 1; }

check: ## install what is missing, check layout (clang-format), structure, and both analysers (cppcheck, clang-tidy)
	@tests/deps build check
	@$(MAKE) --no-print-directory check-format check-warnings check-structure check-cppcheck check-tidy

check-format:
	@clang-format --dry-run -Werror $(ALL_C)

# What a developer builds has warnings; here none is left.
check-warnings:
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/warnings WERROR=-Werror all test-binaries

check-structure: all
	@said=$$(tests/check/structure.sh) || { echo "$$said" | grep -v '^ok '; exit 1; }

check-cppcheck:
	@cppcheck --quiet --std=c11 --enable=warning,portability,performance --error-exitcode=1 --inline-suppr \
	    --suppress=missingIncludeSystem --suppress=unusedStructMember --platform=unix64 -D_GNU_SOURCE -D__x86_64__ \
	    -U__aarch64__ "-DElfW(type)=Elf64_##type" "-DTestSuite(...)=" "-DTest(suite,name,...)=static void name(void)" -I. \
	    shim analyzer $(sort $(dir $(wildcard tests/*/*.c tests/*/*/*.c)))

check-tidy:
	@tests/check/tidy -I. -D_GNU_SOURCE $(CPPFLAGS) -DSOCKATLAS_SHIM_CALLS='"$(BUILD)/shim_calls.h"' -DSOCKATLAS_PIECE_FILE='"$(BUILD)/piece.elf"' -DSOCKATLAS_RELEASE='"$(VERSION)"' -std=gnu11 -- $(filter %.c,$(ALL_C))

clean: ## remove build/
	rm -rf $(BUILD)

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d $(BUILD)/fuzz/*/*/*.d $(BUILD)/counted/*/*/*.d)
