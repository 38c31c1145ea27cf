"""Who is measured, and how: the table of variants, and one run of one of them in a process of its own."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "build/bench"
OURS = "stateprint"
TIMEOUT = 300


class Variant(NamedTuple):
    peer: str  # a row of the table; of a peer's variants the quickest counts
    name: str
    program: str  # in build/bench; "jobs.py" for Python, or "jq"
    loader: str = "read"  # read, mmap; memory: the bytes are there before
    threads: int = 1
    slow: bool = False  # takes part in the first rounds only
    env: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        return " ".join([self.name, self.loader, *(f"{k}={v}" for k, v in self.env)])


def native(
    peer: str, program: str, *names: str, loaders: tuple[str, ...] = ("read", "mmap", "memory"), slow: bool = False
) -> list[Variant]:
    return [Variant(peer, name, program, loader, slow=slow) for name in names for loader in loaders]


def ours(env: tuple[tuple[str, str], ...] = ()) -> list[Variant]:
    """The whole scan. A kernel that is named by the environment (STATEPRINT_KERNEL) is one more call, with --env."""
    name = " ".join([OURS, *(f"{k}={v}" for k, v in env)])
    return [
        Variant(name, "stateprint", "jobs.py", env=env),
        Variant(name, "whole", "bench_batch", "memory", env=env),
        Variant(name, "stateprint", "jobs.py", threads=2, env=env),
        Variant(name, "whole-2", "bench_batch", "memory", threads=2, env=env),
    ]


PEERS: list[Variant] = [
    *ours(),
    *native("stateprint, scanner alone", "bench_scan", "scan"),
    *native("simdjson DOM, parse alone", "bench_simdjson", "dom-parse", "dom-parse-many"),
    *native("simdjson DOM", "bench_simdjson", "dom", "dom-many"),
    *native("simdjson DOM + XXH3", "bench_simdjson", "dom+xxh3"),
    *native("simdjson On-Demand", "bench_simdjson", "ondemand", "ondemand-many"),
    *native("simdjson On-Demand + XXH3", "bench_simdjson", "ondemand+xxh3", "ondemand-many+xxh3"),
    *native("yyjson", "bench_yyjson", "copy"),
    *native("yyjson", "bench_yyjson", "insitu", loaders=("read",)),
    *native("jansson", "bench_jansson", "malloc", "arena", loaders=("read",), slow=True),
    *native("jansson", "bench_jansson", "malloc", loaders=("memory",), slow=True),
    Variant("orjson + xxhash", "orjson", "jobs.py"),
    Variant("msgspec + xxhash", "msgspec", "jobs.py"),
    Variant("DuckDB", "duckdb", "jobs.py", slow=True),
    Variant("DuckDB", "duckdb", "jobs.py", threads=2, slow=True),
    Variant("Polars", "polars", "jobs.py"),
    Variant("Polars", "polars", "jobs.py", threads=2),
    Variant("pandas", "pandas", "jobs.py", slow=True),
    Variant("jq", "plain", "jq", slow=True),
    Variant("jq", "lines", "jq", slow=True),
    *native("floor: XXH3", "bench_floor", "xxh3"),
    *native("floor: newlines", "bench_floor", "newlines"),
    *native("floor: read", "bench_floor", "read", loaders=("read", "mmap")),
]
NEEDS = {
    "orjson": ("orjson", "xxhash"),
    "msgspec": ("msgspec", "xxhash"),
    "duckdb": ("duckdb",),
    "polars": ("polars",),
    "pandas": ("pandas",),
}
JQ = """def text: if type == "string" then . elif type == "array" then .[] | objects | .text? | strings else empty end;
objects | .body | (if type == "string" then (fromjson? // null) else . end) | objects
| [.model, ((.messages, .input, .contents) | if type == "array" then .[] | objects | .role, ((.content, .parts) | text | utf8bytelength) else strings end)]"""


def missing(v: Variant) -> str | None:
    """What a variant lacks on this machine, or None."""
    if v.program == "jq":
        return None if shutil.which("jq") else "jq is not installed"
    if v.program == "jobs.py":
        lacks = [name for name in NEEDS.get(v.name, ()) if importlib.util.find_spec(name) is None]
        return f"not installed: {', '.join(lacks)} (extra `bench`)" if lacks else None
    return None if (PROGRAMS / v.program).exists() else "not built: its headers are missing"


class Refused(Exception):
    """A variant that can't do the job on this log; the text says why."""


def run(v: Variant, log: Path, longest: int) -> dict[str, Any]:
    """Seconds (cpu, wall), peak memory, and what the pass found."""
    if v.program == "jq":
        return jq(v, log)
    if v.program == "jobs.py":
        command = [sys.executable, str(ROOT / "bench/jobs.py"), v.name, str(log), str(v.threads), str(longest)]
    else:
        command = [str(PROGRAMS / v.program), v.name, str(log), v.loader, "--longest", str(longest)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **dict(v.env)}, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"took longer than {TIMEOUT} s") from None
    if done.returncode:
        # The kind of the error alone: its text may quote the log.
        kinds = re.findall(r"^([\w.]*(?:Error|Exception|Exit))\b", done.stderr, re.MULTILINE)
        raise Refused(f"fails on this log: {kinds[-1].rpartition('.')[2]}" if kinds else f"ends with exit code {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def jq(v: Variant, log: Path) -> dict[str, Any]:
    """`lines` survives damaged lines; `plain` parses the file itself."""
    command = ["jq", "-c", *(["-R", f"fromjson? | {JQ}"] if v.name == "lines" else [JQ]), str(log)]
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, use = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise Refused("stops at a damaged line")
    return {"cpu": use.ru_utime + use.ru_stime, "wall": time.perf_counter() - started}


def chosen(names: list[str] | None, extra: list[tuple[str, str]]) -> Iterator[Variant]:
    """Ours always, and the peers whose name holds one of the given words."""
    for v in PEERS:
        if v.peer == OURS or not names or any(name.lower() in v.peer.lower() for name in names):
            yield v
    for pair in extra:
        yield from ours((pair,))
