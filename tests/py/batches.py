"""Batches out of the core alone, for the tests of the binding."""

import functools
import json
from collections.abc import Iterable

from harness import ROOT
from stateprint import _core

PACKS = ("formats/90-plain.json", "rules/00-hosts.json", "rules/01-common.json", "rules/10-openai.json")
URL = "https://api.openai.com/v1/responses"


@functools.cache
def rules() -> _core.Rules:
    """A few of the packs: enough for texts, lists, numbers and truth values in the rows."""
    folder = ROOT / "python/stateprint"
    return _core.Rules([(name, (folder / name).read_bytes()) for name in PACKS], lens=(["read", "write"], []), versions="test")


def line(i: int) -> bytes:
    """Line i of a log of bodies; every seventh is broken."""
    if i % 7 == 6:
        return b"{oops}\n"
    body = {"model": f"gpt-5-{i % 3}", "input": "wörds \U0001f642 " * (i % 5), "store": i % 2 == 0}
    if i % 4 == 0:
        body["previous_response_id"] = f"resp_{i:04}"
    return json.dumps(body).encode() + b"\n"


def scan(data: bytes, *, evidence: bool = False, threads: int = 1) -> list[tuple[_core.Batch, _core.Batch | None]]:
    reader = _core.Scan(rules(), source="log.jsonl", evidence=evidence, threads=threads)
    reader.feed(data)
    reader.finish()
    return list(iter(reader.take, None))


def exchanges(lines: Iterable[int] = range(100)) -> _core.Batch:
    """One batch; without lines one that has no rows."""
    data = b"".join(map(line, lines))
    if not data:
        return exchanges(range(1)).slice(0, 0)
    (pair,) = scan(data)
    return pair[0]


def many() -> list[_core.Batch]:
    """More than one batch: a log of over two slices."""
    pad = json.dumps({"model": "gpt-5", "input": "x" * 100_000}).encode() + b"\n"
    return [pair[0] for pair in scan(b"".join(line(i) + pad for i in range(50)))]


def timed() -> _core.Batch:
    """One row with a time."""
    return _core.classify(rules(), line(0), url=URL, method="POST", status=200, time="2026-03-01T12:34:56.000001Z").exchanges()
