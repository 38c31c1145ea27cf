#!/usr/bin/env bash
# Sets everything up and runs all tests. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh test 1>&2
exec .venv/bin/python -m pytest "$@"
