# What CI calls, and a person types. `make check` wants what tools/setup.sh sets up.
PYTHON ?= .venv/bin/python
CC ?= gcc
CLANG ?= clang
VARIANT ?= plain
O := build/c/$(VARIANT)

WARN := -Wall -Wextra -Wconversion -Wshadow -Werror
FLAGS_plain := -O2 -g
FLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_tsan := -O1 -g -fsanitize=thread
FLAGS_cov := $(FLAGS_asan) --coverage
FLAGS_bench := -O2 -DNDEBUG -fPIC -fvisibility=hidden -fno-tree-slp-vectorize -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong # as setup.py
FLAGS_arm := $(FLAGS_plain)
FLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -DSP_FUZZING
CFLAGS_ALL := -std=gnu11 $(WARN) -Icsrc -Itests/c -pthread $(FLAGS_$(VARIANT)) $(CFLAGS)
LIBS := -ljansson -lxxhash -lm -pthread

CORE := $(patsubst csrc/%.c,$(O)/%.o,$(wildcard csrc/*.c))
CTESTS := $(patsubst tests/c/%.c,%,$(wildcard tests/c/test_*.c))
CHELP := $(patsubst tests/c/%.c,$(O)/%.o,$(filter-out tests/c/test_%.c tests/c/twin_%.c,$(wildcard tests/c/*.c)))
FUZZERS := $(patsubst fuzz/%.c,%,$(wildcard fuzz/fuzz_*.c))
HEADERS := $(wildcard csrc/*.h csrc/*.def csrc/include/*.h tests/c/*.h fuzz/*.h)
SECONDS_EACH ?= 20
C_FILES := $(wildcard bench/c/*.[ch] bench/c/*.cpp csrc/*.[ch] csrc/binding/*.[ch] csrc/include/*.h tests/c/*.[ch] fuzz/*.[ch])

# Left out: what cppcheck 2.10 gets wrong here (`c ? (type){0} : x`; structs filled by memcpy; a pointer that it takes for its out parameter).
CPPCHECK := --quiet --error-exitcode=1 --enable=warning,performance,portability --inline-suppr --std=c11 -Icsrc --suppress=missingIncludeSystem \
  --suppress=internalAstError --suppress=uninitvar --suppress=returnDanglingLifetime
TIDY := -*,clang-analyzer-*,-clang-analyzer-security.insecureAPI.*,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-narrowing-conversions,-bugprone-assignment-in-if-condition,-bugprone-implicit-widening-of-multiplication-result,-bugprone-not-null-terminated-result

.PHONY: check ctests ctests-build kernels asan arm cov fuzz-build fuzz-short bench bench-build format lint tidy docs clean
.SECONDARY:

check: ctests ## C tests and the Python suite
	$(PYTHON) -m pytest

$(O)/%.o: csrc/%.c $(HEADERS)
	@mkdir -p $(O)
	$(CC) $(CFLAGS_ALL) -c $< -o $@
$(O)/%.o: tests/c/%.c $(HEADERS)
	@mkdir -p $(O)
	$(CC) $(CFLAGS_ALL) -c $< -o $@
$(O)/test_%: $(O)/test_%.o $(CORE) $(CHELP)
	$(CC) $(CFLAGS_ALL) $^ -o $@ $(LIBS)
$(O)/fuzz_%: fuzz/fuzz_%.c $(CORE) $(CHELP)
	$(CC) $(CFLAGS_ALL) -fsanitize=fuzzer $^ -o $@ $(LIBS)

ctests-build: $(addprefix $(O)/,$(CTESTS)) ## C test programs of VARIANT (plain, asan, tsan, cov, arm)
ctests: ctests-build
	@for t in $(CTESTS); do $(RUN) $(O)/$$t >$(O)/$$t.log 2>&1 || { cat $(O)/$$t.log; echo "FAILED: $$t"; exit 1; }; done; echo "C tests ($(VARIANT)): $(words $(CTESTS)) programs passed"

# test_kernels.py compares all kernels over logs; here each one has to answer for itself, against what the tests say of bytes.
kernels: ## the Python tests that look closest at bytes, once by each kernel that this processor runs
	@for k in $$($(PYTHON) -c 'import stateprint as sp; print(*sp.kernels())'); do echo "kernel $$k:"; \
	  STATEPRINT_KERNEL=$$k $(PYTHON) -m pytest -q $(foreach t,conformance hostile_lines differential cases disguises,tests/py/test_$(t).py) || exit 1; done

asan: ## C tests and the Python suite under AddressSanitizer and UBSan
	$(MAKE) --no-print-directory VARIANT=asan ctests
	tools/pytest_sanitized.sh

arm: ## C tests on 64-bit ARM, which qemu plays (gcc-aarch64-linux-gnu, qemu-user, and libjansson-dev and libxxhash-dev of arm64)
	$(MAKE) --no-print-directory VARIANT=arm CC=aarch64-linux-gnu-gcc RUN=qemu-aarch64 ctests

cov: ## line coverage of the C core, out of one instrumented run of everything; fails under 90 %
	rm -rf build/c/cov build/sanitized
	$(MAKE) --no-print-directory VARIANT=cov ctests
	COVERAGE=1 tools/pytest_sanitized.sh
	$(PYTHON) tools/coverage.py --fail-under 90

fuzz-build:
	$(MAKE) --no-print-directory VARIANT=fuzz CC=$(CLANG) $(addprefix build/c/fuzz/,$(FUZZERS))
fuzz-short: fuzz-build ## every fuzz target for SECONDS_EACH seconds
	@for f in $(FUZZERS); do SECONDS_EACH=$(SECONDS_EACH) tools/fuzz.sh $$f || exit 1; done

# Peers may use all that this processor has; ours is built as it is shipped, for any. A peer whose headers are missing is left out.
B := build/bench
BENCH_FLAGS := -std=gnu11 $(WARN) -O3 -Ibench/c -pthread
has = $(shell printf '\043include <$(1)>\n' | $(CXX) -E -x c++ - >/dev/null 2>&1 && echo $(2))
BENCH_PEERS := floor jansson $(call has,yyjson.h,yyjson) $(call has,simdjson.h,simdjson)
bench-build: ## programs of the benchmarks
	@$(MAKE) --no-print-directory VARIANT=bench $(addprefix $(B)/bench_,batch scan $(BENCH_PEERS))
$(B)/%.o: bench/c/%.c bench/c/bench.h bench/c/bench_tree.h $(HEADERS)
	@mkdir -p $(B)
	$(CC) $(BENCH_FLAGS) $(if $(filter batch scan,$(*:bench_%=%)),-Icsrc -Itests/c -DBENCH_PACKS='"python/stateprint"',-march=native) -c $< -o $@
$(B)/bench_batch $(B)/bench_scan: $(B)/bench_%: $(B)/bench_%.o $(B)/bench.o $(CORE)
	$(CC) $^ -o $@ $(LIBS)
$(B)/bench_simdjson: bench/c/bench_simdjson.cpp bench/c/bench.h $(B)/bench.o
	$(CXX) -O3 -march=native -DNDEBUG -std=c++17 -Wall -Wextra -Werror -pthread $< $(B)/bench.o -o $@ -lsimdjson -lxxhash
$(B)/bench_%: $(B)/bench_%.o $(B)/bench.o
	$(CC) $^ -o $@ -ljansson -lxxhash $(if $(filter yyjson,$*),-lyyjson)

bench: ## all benchmarks: logs, latency, growth, readers, threads; see bench/README.md
	$(PYTHON) bench/run.py $(BENCH_ARGS)

format: ## formats C and Python in place
	clang-format -i $(C_FILES)
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

lint: ## all that is checked without running anything
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	clang-format --dry-run -Werror $(C_FILES)
	cppcheck $(CPPCHECK) csrc/*.c
	$(PYTHON) tools/check_layers.py
	$(PYTHON) tools/gen_docs.py --check

tidy: ## the slow analysis, for a person to read
	clang-tidy --quiet --checks='$(TIDY)' csrc/*.c -- -std=gnu11 -Icsrc

docs: ## the generated pages, and the output that the README shows
	$(PYTHON) tools/gen_docs.py
	$(PYTHON) tools/fill_readme.py

clean:
	rm -rf build dist python/*.egg-info python/stateprint/*.so
