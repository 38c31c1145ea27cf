"""The C tests: one program a file of tests/c/test_*.c, linked with the core. `make VARIANT=asan ctests` runs them under sanitizers."""

import shutil
import subprocess
from pathlib import Path

import pytest

from harness import ROOT, SANITIZED

PROGRAMS = sorted(path.stem for path in (ROOT / "tests/c").glob("test_*.c"))


@pytest.fixture(scope="module")
def built() -> Path:
    if SANITIZED:
        pytest.skip("make VARIANT=asan ctests runs these")
    if shutil.which("make") is None or shutil.which("gcc") is None:
        pytest.skip("needs make and gcc")
    done = subprocess.run(
        ["make", "-s", "VARIANT=plain", "ctests-build"], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return ROOT / "build/c/plain"


@pytest.mark.parametrize("program", PROGRAMS)
def test_c(built: Path, program: str) -> None:
    done = subprocess.run(
        [str(built / program)], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=240
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
