"""What more threads give, beside what the machine gives: as many processes of one thread each, at once, share nothing but its memory."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import logs
import report

LOG = "mixed"


def started(path: Path, threads: int) -> "subprocess.Popen[str]":
    """A scan that waits for a line before it begins."""
    command = [sys.executable, "bench/jobs.py", "stateprint", str(path), str(threads), "0", "wait"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=report.ROOT)
    assert child.stdout is not None
    child.stdout.readline()
    return child


def at_once(path: Path, *threads: int) -> list[dict[str, Any]]:
    """What scans of the log say that begin at the same moment, each with so many threads."""
    children = [started(path, n) for n in threads]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    said = [child.communicate()[0] for child in children]
    if any(child.returncode for child in children):
        raise RuntimeError(f"a scan of {path.name} failed")
    return [json.loads(text) for text in said]


def part(*, rounds: int, quick: bool, seed: int) -> None:
    where = report.setting()
    print(f"\n# Threads\n\n{report.where(where)}\n", flush=True)
    path = logs.cached(LOG, (100 if quick else 1000) * 1_000_000, seed, None)
    logs.warm(path)
    count = min(os.cpu_count() or 1, 8)
    found: dict[str, list[float]] = {name: [] for name in ("one", "clock", "cpu", "processes", "share")}
    for number in range(rounds):
        one = at_once(path, 1)[0]
        many = at_once(path, count)[0]
        apart = max(run["wall"] for run in at_once(path, *[1] * count))
        found["one"].append(one["bytes"] / one["wall"] / 1e9)
        found["clock"].append(one["wall"] / many["wall"])
        found["cpu"].append(many["cpu"] / one["cpu"])
        found["processes"].append(count * one["wall"] / apart)
        found["share"].append(apart / count / many["wall"])
        print(f"  round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    cells = [
        ("one thread, GB/s by the clock", report.spread(found["one"])),
        (f"{count} threads, × as quick", report.spread(found["clock"])),
        (f"{count} threads, × the CPU time", report.spread(found["cpu"])),
        (f"{count} processes of one thread at once, × as quick together", report.spread(found["processes"])),
        (f"{count} threads beside {count} processes, × as quick", report.spread(found["share"])),
    ]
    text = report.table((f"`{LOG}`, {path.stat().st_size / 1e6:.0f} MB", ""), cells)
    print(text, flush=True)
    report.write(
        "threads", f"# Threads\n\n{report.where(where)}\n\n{text}", {"setting": where, "rounds": rounds, "threads": count, **found}
    )
