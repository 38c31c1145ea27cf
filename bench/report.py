"""What the benchmarks print and write: medians with their spread, tables, a plot, and where they were measured."""

import datetime as dt
import importlib.metadata
import json
import math
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build/bench/results"
PROGRAMS = ROOT / "build/bench"
PACKAGES = ("stateprint", "orjson", "xxhash", "msgspec", "duckdb", "polars", "pandas")


def number(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def spread(values: Iterable[float]) -> str:
    found = sorted(values)
    return f"{number(statistics.median(found))} ({number(found[0])}–{number(found[-1])})"


def said(*command: str) -> str | None:
    """The first line that a program prints, or None where it can't be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    except (OSError, subprocess.CalledProcessError):
        return None
    return (done.stdout.splitlines() or [""])[0]


def setting() -> dict[str, Any]:
    """Machine, commit and versions: without them a figure says nothing."""
    try:
        cpu = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        cpu = None
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    for name, command in (("simdjson", "bench_simdjson"), ("jansson", "bench_jansson"), ("yyjson", "bench_yyjson")):
        told = said(str(PROGRAMS / command), "--version")
        if told:
            versions[name] = told.removeprefix(f"{name} ")
    versions["jq"] = (said("jq", "--version") or "").removeprefix("jq-")
    return {
        "cpu": f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} CPUs",
        "system": platform.platform(),
        "python": platform.python_version(),
        "compiler": said(os.environ.get("CC", "gcc"), "--version") or "",
        "commit": (said("git", "rev-parse", "--short=12", "HEAD") or "unknown")
        + ("+changes" if said("git", "status", "--porcelain") else ""),
        "time": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "load": round(os.getloadavg()[0], 2),
        "versions": {name: version for name, version in versions.items() if version},
    }


def where(found: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return (
        f"{found['cpu']}; {found['system']}; Python {found['python']}; {found['compiler']}; commit {found['commit']}; {found['time']}; "
        f"load when it began {found['load']}. {versions}."
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown, aligned so that a terminal shows it well."""
    cells = [list(head), *([str(c) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def write(name: str, text: str, data: dict[str, Any], plot: str | None = None) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text + "\n", encoding="utf-8")
    (RESULTS / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    if plot is not None:
        (RESULTS / f"{name}.svg").write_text(plot, encoding="utf-8")


def bars(title: str, groups: Sequence[tuple[str, Sequence[tuple[str, Sequence[float], bool]]]], unit: str) -> str:
    """Horizontal bars on a logarithmic axis, one block a group: (label, measured values, whether it is ours); whiskers are min and max."""
    low, high, left, width, step = 0.005, 50.0, 250, 620, 17

    def x(value: float) -> float:
        return left + width * (math.log10(min(high, max(low, value))) - math.log10(low)) / (math.log10(high) - math.log10(low))

    out: list[str] = []
    y = 50
    for name, rows in groups:
        out.append(f'<text x="8" y="{y + 4}" font-weight="bold">{escape(name)}</text>')
        y += step
        for label, values, ours in rows:
            middle = statistics.median(values)
            out.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{escape(label)}</text>')
            out.append(
                f'<rect x="{left}" y="{y - 5}" width="{x(middle) - left:.1f}" height="11" fill="{"#1f6f8b" if ours else "#b9c3cc"}"/>'
            )
            out.append(f'<path d="M{x(min(values)):.1f} {y + 0.5}H{x(max(values)):.1f}" stroke="#333"/>')
            out.append(f'<text x="{x(max(values)) + 5:.1f}" y="{y + 4}">{middle:.3g}</text>')
            y += step
        y += 10
    for tick in (0.01, 0.1, 1.0, 10.0):
        out.insert(0, f'<path d="M{x(tick):.1f} 36V{y}" stroke="#ddd"/><text x="{x(tick):.1f}" y="34" text-anchor="middle">{tick:g}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 60}" height="{y + 10}" font-family="sans-serif" font-size="11">'
    title = f'<rect width="100%" height="100%" fill="#fff"/><text x="8" y="18" font-size="14">{escape(title)}, {escape(unit)}, logarithmic</text>'
    return "\n".join([head, title, *out, "</svg>", ""])
