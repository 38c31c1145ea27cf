#!/usr/bin/env bash
# Sets everything up: Debian packages (as root), a virtual environment in .venv, and the build of stateprint into it.
#   tools/setup.sh [EXTRA…]       extras of pyproject.toml: all, test, lint, …; `ci` adds the tools that .ci/run needs
# Environment: PYTHON, the interpreter to use (python3). Where something can't be installed, it says what is missing and how to get it.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
extras="" ci=0
for e in "$@"; do if [ "$e" = ci ]; then ci=1; else extras="${extras:+$extras,}$e"; fi; done

missing=() packages=()
need() { missing+=("$1"); packages+=("$2"); } # what, Debian package
look() {
    missing=() packages=()
    if ! command -v "$PYTHON" >/dev/null; then
        need "Python 3.11 or later" python3
        need "Python's virtual environments" python3-venv
        need "Python's headers" python3-dev
    elif ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        echo "stateprint needs Python 3.11 or later; $PYTHON is $("$PYTHON" -V 2>&1). Name another one: PYTHON=/path/to/python3.11 $0" >&2
        exit 1
    else
        "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null || need "Python's virtual environments" python3-venv
        "$PYTHON" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' ||
            need "Python's headers (Python.h)" python3-dev
    fi
    command -v gcc >/dev/null || need "a C compiler (gcc)" gcc
    [ -e /usr/include/stdlib.h ] || need "the C library's headers" libc6-dev
    local header
    for header in jansson.h:libjansson-dev xxhash.h:libxxhash-dev; do
        [ -e "/usr/include/${header%%:*}" ] || [ -e "/usr/local/include/${header%%:*}" ] || need "${header%%:*}" "${header##*:}"
    done
    case ",$extras," in *,test,*) command -v make >/dev/null || need make make ;; esac
    if [ "$ci" = 1 ]; then
        local tool
        for tool in clang:clang clang-format:clang-format cppcheck:cppcheck; do
            command -v "${tool%%:*}" >/dev/null || need "${tool%%:*}" "${tool##*:}"
        done
        compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer*' >/dev/null || need "libFuzzer" "$(fuzzer_package)"
    fi
}
fuzzer_package() { apt-cache search --names-only '^libclang-rt-[0-9]+-dev$' 2>/dev/null | cut -d' ' -f1 | sort -V | head -1 | grep . || echo libclang-rt-14-dev; }

look
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Debian packages: ${packages[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null >&2 || echo "apt-get update failed; trying with the package lists that are here" >&2
    apt-get install -y -qq --no-install-recommends "${packages[@]}" </dev/null >&2 || true
    look
fi
if [ ${#missing[@]} -gt 0 ]; then
    {
        echo "stateprint can't be built here. Missing:"
        for i in "${!missing[@]}"; do echo "  - ${missing[$i]}   (Debian package ${packages[$i]})"; done
        echo "As root on Debian or Ubuntu:  apt-get install ${packages[*]}"
    } >&2
    exit 1
fi

[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
say_pip() {
    echo "pip could not install stateprint's Python packages (click, rich, zstandard${extras:+, and those of the extras $extras}); see its message above." >&2
    echo "They come from the package index that pip is configured for; without one, put the wheels into a folder and set PIP_FIND_LINKS and PIP_NO_INDEX=1." >&2
    exit 1
}
# What was built is up to date when nothing that it is made of is newer.
stamp=.venv/stateprint-${extras:-base}
if [ ! -e "$stamp" ] || [ -n "$(find csrc python setup.py pyproject.toml -newer "$stamp" -type f -not -name '*.pyc' -not -path '*/__pycache__/*' -print -quit)" ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "setuptools>=77" </dev/null || say_pip
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -e ".${extras:+[$extras]}" </dev/null || say_pip
    touch "$stamp"
fi
