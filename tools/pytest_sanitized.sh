#!/usr/bin/env bash
# Builds the extension under AddressSanitizer and UBSan into build/sanitized and runs the Python suite against it. Arguments go to pytest.
# COVERAGE=1 counts lines, too.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$PWD/build/sanitized
log=$out/build.log
mkdir -p "$out"
SANITIZE=address,undefined STATEPRINT_WERROR=1 .venv/bin/python setup.py -q build --build-base "$out/tmp" --build-lib "$out/lib" >"$log" 2>&1 ||
    { cat "$log"; exit 1; }
# Leaks at exit are those of the interpreter; the C tests look for ours. Modules that can't live with a preloaded sanitizer are left out.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export PYTHONMALLOC=malloc PYTHONPATH="$out/lib" STATEPRINT_SANITIZED=1
export LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libstdc++.so)"
exec .venv/bin/python -m pytest -q -p no:cacheprovider "$@"
