"""Every format beside the plain form: the same exchanges written as each writer does, and how quickly each file is read; and the memory of long containers."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import logs
import report

sys.path.append(str(report.ROOT / "tests/py"))
from forms import FORMS

PROVIDERS = {logs.OPENAI: "openai", logs.RESPONSES: "openai", logs.ANTHROPIC: "anthropic"}
PLAIN = "flat"
TIMED = ("pairs", "bare-pairs", "batch", "apim", "helicone", "har", "vcr", "nginx", "kong", "portkey", "cloudflare", "langsmith", "litellm")
LONG = ("apim", "har")
"""Containers whose memory is looked at."""


def exchanges(size: int, seed: int) -> Iterator[dict[str, Any]]:
    for line in logs.lines("mixed", size, seed):
        call = json.loads(line)
        call["time"] = call.pop("ts")
        call["body"] = json.loads(call["body"]) if isinstance(call["body"], str) else call["body"]
        yield call | {"provider": PROVIDERS[call["url"]]}


def write(form: str, size: int, seed: int) -> Path:
    """A file of that form, of about `size` bytes."""
    record, pack = FORMS[form]
    path = logs.CACHE / f"reader-{form}-{size}-{seed}"
    logs.CACHE.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as f:
        made = filter(None, map(record, exchanges(4 * size, seed)))
        f.writelines(pack(itertools.takewhile(lambda _: f.tell() < size, made)))
    return path


def run(path: Path, threads: int) -> dict[str, Any]:
    command = [sys.executable, "bench/jobs.py", "stateprint", str(path), str(threads)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, cwd=report.ROOT).stdout)
    return found


def timed(form: str, size: int, rounds: int, seed: int, plain: Path) -> tuple[list[str], dict[str, Any]]:
    """One row of the table: bytes a second, and that of the plain form in the same round."""
    path = write(form, size, seed)
    samples: dict[str, list[float]] = {"gbs": [], "ratio": [], "ratio_two": []}
    peak = bad = lines = 0
    for number in range(rounds):
        order = (path, plain) if number % 2 else (plain, path)
        one = {p: run(p, 1) for p in order}
        two = {p: run(p, 2) for p in order}
        speeds = {p: one[p]["bytes"] / one[p]["cpu"] / 1e9 for p in order}
        samples["gbs"].append(speeds[path])
        samples["ratio"].append(speeds[path] / speeds[plain])
        samples["ratio_two"].append(two[path]["bytes"] / two[path]["wall"] / (two[plain]["bytes"] / two[plain]["wall"]))
        lines, bad = one[path]["lines"], one[path]["bad"]
        peak = max(peak, one[path]["rss_kb"], two[path]["rss_kb"])
    megabytes = os.path.getsize(path) / 1e6
    path.unlink()
    row = [form, f"{megabytes:.0f}", f"{lines:,}", str(bad), *map(report.spread, samples.values()), f"{peak / 1024:.0f}"]
    return row, {"megabytes": megabytes, "lines": lines, "rejected": bad, "peak_mb": peak / 1024, **samples}


def part(*, rounds: int, quick: bool, seed: int) -> None:
    where = report.setting()
    size = (20 if quick else 500) * 1_000_000
    long = (100 if quick else 2000) * 1_000_000
    print(f"\n# Readers\n\n{report.where(where)}\n", flush=True)
    plain = write(PLAIN, size, seed)
    rows, data = [], {}
    for form in TIMED:
        row, data[form] = timed(form, size, rounds, seed, plain)
        rows.append(row)
        print("  " + ", ".join(row), file=sys.stderr, flush=True)
    plain.unlink()
    head = ("format", "MB", "records", "rejected", "GB/s", f"× {PLAIN}, one thread", f"× {PLAIN}, two threads", "peak MB")
    text = report.table(head, rows) + "\n"
    memory = {}
    for form in LONG:
        path = write(form, long, seed)
        found = run(path, 2)
        memory[form] = {"megabytes": os.path.getsize(path) / 1e6, "lines": found["lines"], "peak_mb": found["rss_kb"] / 1024}
        path.unlink()
    cells = [(form, f"{m['megabytes']:.0f}", f"{m['lines']:,}", f"{m['peak_mb']:.0f}") for form, m in memory.items()]
    text += "\nLong containers, two threads:\n\n" + report.table(("format", "MB", "records", "peak MB"), cells) + "\n"
    print(text, flush=True)
    plot = report.bars(
        "Bytes a second beside the plain form", [("one thread", [(f, d["ratio"], True) for f, d in data.items()])], f"× {PLAIN}"
    )
    report.write(
        "readers",
        f"# Readers\n\n{report.where(where)}\n\n{text}",
        {"setting": where, "rounds": rounds, "formats": data, "memory": memory},
        plot,
    )
