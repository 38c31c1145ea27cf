#!/usr/bin/env bash
# Sets everything up and scans a real sample log: the table of examples/sample.jsonl. Other arguments replace it.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
"$here/tools/setup.sh" 1>&2
[ $# -gt 0 ] || { cd "$here" && set -- scan --to table examples/sample.jsonl; }
exec "$here/.venv/bin/stateprint" "$@"
