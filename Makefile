# SPDX-License-Identifier: MIT
#
# One Makefile, not recursive. `make help` lists what there is. Objects go to build/, mirroring the source tree.

CC      ?= gcc
PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   := build

WARN     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings
CFLAGS   ?= -O2 -g
CPPFLAGS += -I. -D_GNU_SOURCE
BASE     := -std=gnu11 $(WARN) -MMD -MP

# The shim: no libc start-up, no DT_NEEDED (it loads under glibc and musl), TLS that needs no allocation, no stack protector
# (its failure path prints), no fortify (it would call the _chk doors that the shim itself stands in).
SHIM_CFLAGS  := -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-stack-protector -U_FORTIFY_SOURCE \
                -fno-builtin-printf -fno-math-errno -fexceptions
SHIM_LDFLAGS := -shared -nostdlib -Wl,-z,now -Wl,-z,relro -Wl,-soname,libsockatlas.so -Wl,--hash-style=both -Wl,-O1

SHIM_SRC := $(wildcard shim/*.c)
SHIM_OBJ := $(SHIM_SRC:%.c=$(BUILD)/%.o)

ANALYZER_SRC  := $(wildcard analyzer/*.c analyzer/*/*.c)
ANALYZER_OBJ  := $(ANALYZER_SRC:%.c=$(BUILD)/%.o)
ANALYZER_LIBS := -lcjson

.PHONY: all help clean install
all: $(BUILD)/libsockatlas.so $(BUILD)/sockatlas ## build the shim and the analyzer

help: ## what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BUILD)/libsockatlas.so: $(SHIM_OBJ)
	$(CC) $(CFLAGS) $(SHIM_LDFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/sockatlas: $(ANALYZER_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(ANALYZER_LIBS)

$(BUILD)/shim/%.o: shim/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(SHIM_CFLAGS) -c -o $@ $<

$(BUILD)/analyzer/%.o: analyzer/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

clean: ## remove build/
	rm -rf $(BUILD)

-include $(SHIM_OBJ:.o=.d) $(ANALYZER_OBJ:.o=.d)
