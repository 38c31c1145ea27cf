#!/usr/bin/env python3
"""The whole scan with one thread against simdjson's DOM parse of the same file, in interleaved rounds.

    bench/compare.py LOG [--rounds N] [--threads N]

Prints a line a round, then medians with their spread, the ratio, the machine and the versions. The log is read once before, so that
both find it in the page cache. simdjson parses every line into its tree and looks at nothing; the scan reads the file, classifies every
line and makes the rows, which are dropped batch by batch.
"""

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import stateprint as sp

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "build/bench/bench_simdjson"


def build() -> None:
    if subprocess.run(["make", "-s", "-C", str(ROOT), "bench-build"], check=False).returncode:
        sys.exit("can't build bench/c: it needs make, g++ and simdjson (Debian: apt-get install make g++ libsimdjson-dev)")


def simdjson(log: Path) -> tuple[float, float]:
    """Seconds for the file that simdjson's DOM parse, and the core's scanner alone, need: medians of three rounds in one process."""
    out = subprocess.run([str(PROGRAM), str(log), "3"], capture_output=True, text=True, check=True).stdout
    found = [float(re.search(rf"^{name}.*? ([\d.]+) GB/s", out, re.MULTILINE)[1]) for name in ("simdjson DOM", "scan")]  # type: ignore[index]
    size = log.stat().st_size / 1e9
    return size / found[0], size / found[1]


def scan(log: Path, threads: int, engine: sp.Engine) -> float:
    """Seconds of the whole scan: CPU time of the process with one thread (as simdjson is measured), else time on the clock."""
    clock = time.process_time if threads == 1 else time.perf_counter
    started = clock()
    for _ in sp.scan(log, threads=threads, engine=engine):
        pass
    return clock() - started


def cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    return f"{found[1] if found else platform.machine()}, {os.cpu_count()} CPUs"


def spread(seconds: list[float], size: int) -> str:
    speeds = sorted(size / s / 1e9 for s in seconds)
    return f"{statistics.median(speeds):.3f} GB/s (min {speeds[0]:.3f}, max {speeds[-1]:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    build()
    size = options.log.stat().st_size
    with options.log.open("rb") as f:
        while f.read(1 << 24):
            pass
    engine = sp.Engine()
    ours: list[float] = []
    theirs: list[float] = []
    scanner: list[float] = []
    for number in range(1, options.rounds + 1):
        dom, alone = simdjson(options.log)
        theirs.append(dom)
        scanner.append(alone)
        ours.append(scan(options.log, options.threads, engine))
        print(f"round {number}: scan {ours[-1]:.3f} s, simdjson DOM {dom:.3f} s, ratio {dom / ours[-1]:.2f}", flush=True)
    ratios = sorted(t / o for t, o in zip(theirs, ours, strict=True))
    middle = statistics.median(ratios)
    print(f"whole scan, {options.threads} thread(s): {spread(ours, size)}")
    print(f"scanner alone:           {spread(scanner, size)}")
    print(f"simdjson DOM:            {spread(theirs, size)}")
    print(f"ratio whole scan / simdjson: median {middle:.2f} (min {ratios[0]:.2f}, max {ratios[-1]:.2f}), {options.rounds} rounds")
    print(f"{size / 1e6:.0f} MB; {cpu()}; Python {platform.python_version()}, stateprint {sp.__version__}, {platform.platform()}")


if __name__ == "__main__":
    main()
