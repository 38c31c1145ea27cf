"""The stub says what the extension has."""

import subprocess
import sys

import pytest

from harness import ROOT, SANITIZED


@pytest.mark.skipif(SANITIZED, reason="checks declarations only; the plain run does it")
def test_stubtest() -> None:
    pytest.importorskip("mypy.stubtest")
    command = [sys.executable, "-m", "mypy.stubtest", "stateprint._core", "--mypy-config-file", "pyproject.toml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
