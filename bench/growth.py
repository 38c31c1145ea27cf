"""Cost a byte and peak memory, as the log grows and as the payload grows. The log is made while it is read: no disk is needed."""

import json
import subprocess
import sys
from typing import Any

import logs
import report

LOG_SIZES = (100, 200, 500, 1000, 2000)  # MB
PAYLOADS = (200, 2_000, 20_000, 200_000, 2_000_000, 20_000_000, 100_000_000)  # bytes
PIPE_BYTES = 1 << 20


def piped(name: str, size: int, seed: int) -> dict[str, Any]:
    """The whole scan of a stream, by a process of its own; only its time counts, not that of the maker."""
    child = subprocess.Popen(
        [sys.executable, "bench/jobs.py", "stateprint", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=report.ROOT
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        import fcntl

        fcntl.fcntl(child.stdin, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except (ImportError, AttributeError, OSError):
        pass  # other systems: smaller reads, a little dearer
    held, parts = 0, []
    with child.stdin as pipe:
        for line in logs.lines(name, size, seed):
            parts.append(line)
            held += len(line)
            if held >= PIPE_BYTES:
                pipe.write(b"\n".join([*parts, b""]))
                held, parts = 0, []
        pipe.write(b"\n".join([*parts, b""]) if parts else b"")
    out = child.stdout.read()
    if child.wait():
        raise RuntimeError(f"the scan of {name} failed with exit code {child.returncode}")
    found: dict[str, Any] = json.loads(out)
    return found


def part(*, rounds: int, quick: bool, seed: int) -> None:
    where = report.setting()
    print(f"\n# Growth\n\n{report.where(where)}\n", flush=True)
    runs = [("log", "mixed", s * 1_000_000, f"{s} MB") for s in LOG_SIZES if not quick or s <= 200]
    total = (20 if quick else 100) * 1_000_000
    runs += [("payload", f"payload-{p}", max(p, total), f"{p:,} B") for p in PAYLOADS if not quick or p <= 20_000_000]
    rows: dict[str, dict[str, dict[str, Any]]] = {"log": {}, "payload": {}}
    for number in range(rounds):
        for kind, name, size, label in runs:
            found = piped(name, size, seed)
            row = rows[kind].setdefault(label, {"lines": found["lines"], "bad": found["bad"], "ns_a_byte": [], "peak_mb": []})
            row["ns_a_byte"].append(found["cpu"] / found["bytes"] * 1e9)
            row["peak_mb"].append(found["rss_kb"] / 1024)
        print(f"  round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    text = ""
    for kind, title in (("log", "size of the log (`mixed`)"), ("payload", "size of a payload")):
        first = next(iter(rows[kind].values()))["ns_a_byte"]
        body = [
            (
                label,
                f"{row['lines']:,}",
                str(row["bad"]),
                report.spread(row["ns_a_byte"]),
                report.spread([a / b for a, b in zip(row["ns_a_byte"], first, strict=True)]),
                f"{max(row['peak_mb']):.0f}",
            )
            for label, row in rows[kind].items()
        ]
        text += "\n" + report.table((title, "lines", "rejected", "ns a byte", "× the first", "peak MB"), body) + "\n"
    print(text, flush=True)
    plot = report.bars(
        "Cost of the whole scan as it grows",
        [(kind, [(x, r["ns_a_byte"], True) for x, r in rows[kind].items()]) for kind in rows],
        "ns a byte",
    )
    report.write("growth", f"# Growth\n\n{report.where(where)}\n{text}", {"setting": where, "rounds": rounds, **rows}, plot)
