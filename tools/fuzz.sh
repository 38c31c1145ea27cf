#!/usr/bin/env bash
# Runs one fuzz target: tools/fuzz.sh fuzz_scan [libFuzzer arguments]. SECONDS_EACH sets the time (20). What it finds stays in build/fuzz/NAME.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
shift
work=build/fuzz/$name
mkdir -p "$work/corpus" "$work/found"
if [ ! -e "$work/seeded" ]; then # files of the test data under 4 KiB
    find tests/data fuzz/corpus -type f -size -4k -not -name '*.md' -not -name LICENSE 2>/dev/null | while read -r f; do
        cp "$f" "$work/corpus/$(printf %s "$f" | tr / _)"
    done
    touch "$work/seeded"
fi
dictionary=fuzz/${name#fuzz_}.dict
[ -e "$dictionary" ] || dictionary=tests/data/yyjson/fuzzer.dict
regression=fuzz/corpus/${name#fuzz_}
[ ! -d "$regression" ] || build/c/fuzz/"$name" -runs=0 "$regression" >"$work/regression.log" 2>&1 || { tail -50 "$work/regression.log"; exit 1; }
build/c/fuzz/"$name" -max_total_time="${SECONDS_EACH:-20}" -timeout=10 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 -dict="$dictionary" \
    -artifact_prefix="$work/found/" "$@" "$work/corpus" >"$work/log" 2>&1 || { tail -60 "$work/log"; echo "FAILED: $name, see $work"; exit 1; }
echo "$name: $(grep -o 'number_of_executed_units: .*' "$work/log" | grep -o '[0-9]*') inputs, no finding"
