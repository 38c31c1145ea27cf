"""The logs that benchmarks are measured with are what they say. Nothing is timed here."""

import functools
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import stateprint as sp

ROOT = Path(__file__).resolve().parents[2]
SIZE = 60_000
MADE = ["replay", "mixed", "single", "tiny", "tools", "tools-new", "escapes", "spaced", "huge", "payload-20000"]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_logs", ROOT / "bench/logs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


logs = load()


@functools.cache
def made(name: str, size: int = SIZE, seed: int = 1) -> bytes:
    return b"".join(line + b"\n" for line in logs.lines(name, size, seed))


def census(name: str) -> dict[str, float]:
    found: dict[str, float] = logs.census(iter(made(name).splitlines(keepends=True)))
    return found


def test_same_seed_same_bytes() -> None:
    """In another process, with other hashes of strings, too."""
    command = [sys.executable, "bench/logs.py", "mixed", "0.06", "--seed", "7"]
    there = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "77"}, capture_output=True, check=True).stdout
    assert hashlib.sha256(there).hexdigest() == hashlib.sha256(made("mixed", seed=7)).hexdigest()
    assert made("mixed", seed=7) != made("mixed", seed=8)


@pytest.mark.parametrize("name", MADE)
def test_every_line_is_classified(name: str, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(made(name))
    assert SIZE * 0.95 <= log.stat().st_size < SIZE * 2.5
    scan = sp.scan(log, threads=1)
    states = {row["state"] for batch in scan for row in batch.to_pylist()}
    assert scan.summary.lines == log.read_bytes().count(b"\n")
    assert scan.summary.rejected == {}
    assert states == {"stateless"}


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("replay", 0.5, 0.95),
        ("mixed", 0.1, 0.95),
        ("single", 0, 0),
        ("tiny", 0, 0),
        ("tools-new", 0, 0),
        ("escapes", 0, 0),
        ("spaced", 0, 0),
    ],
)
def test_share_of_repeats(name: str, least: float, most: float) -> None:
    assert least <= census(name)["repeated"] <= most


def test_tool_sets_repeat() -> None:
    source = logs.schemas(logs.Maker("few sets"), 2)
    assert logs.census(iter([next(source) for _ in range(12)]))["repeated"] > 0.5
    assert json.loads(next(source))["body"]["tools"]


def test_census_counts_elements_of_128_bytes() -> None:
    def line(*turns: str) -> bytes:
        return json.dumps({"body": {"messages": [{"role": "user", "content": t} for t in turns]}}).encode() + b"\n"

    long, short = "a" * 200, "b" * 20
    once = logs.census(iter([line(long, short), line("c" * 200, short)]))
    assert once["repeated"] == 0
    again = logs.census(iter([line(long, short), line(long, short), b"{broken\n"]))
    element = len(logs.compact({"role": "user", "content": long}))
    assert again["repeated"] == pytest.approx(
        element / (2 * len(logs.compact(json.loads(line(long, short)))) + len(b"{broken\n")), abs=1e-4
    )
    assert (again["lines"], again["damaged"]) == (3, 1)


def test_each_log_is_what_its_title_says() -> None:
    assert 150 < census("tiny")["mean_line"] < 250
    assert made("huge").count(b"\n") == 1
    assert made("escapes").isascii()
    assert rb"\u" in made("escapes")
    bodies = [json.loads(line)["body"] for line in made("spaced").splitlines()]
    assert {type(body) for body in bodies} == {dict, str}
    assert all("\n  " in body for body in bodies if isinstance(body, str))
    apps = {json.dumps(json.loads(line)["body"].get("tools")) for line in made("mixed").splitlines()}
    assert len(apps) > 5  # many conversations under way


def test_a_long_stream_goes_on_with_a_fresh_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "STREAM_PART", 30_000)
    lines = made("single", 90_000).splitlines()
    assert len(set(lines)) == len(lines)
    assert sum(map(len, lines)) > 85_000
