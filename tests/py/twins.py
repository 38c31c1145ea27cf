"""What the fingerprint tests share: where the data are, the jansson twin, and the core with layouts and names of one's own."""

from __future__ import annotations

import functools
import gzip
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import reference
from stateprint import _core

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
SAMPLE = DATA / "corpus-sample.jsonl.gz"
TWIN = ROOT / "tests" / "c" / "twin_jansson.c"
LENS: tuple[list[str], list[str]] = (["read", "write"], [])
SOURCE = {"S": "tests"}


def shared() -> Path | None:
    """The folder of the larger corpora: STATEPRINT_SHARED, or `shared` beside the repository. None where there is none."""
    named = os.environ.get("STATEPRINT_SHARED")
    path = Path(named) if named else ROOT.parent / "shared"
    return path if (path / "corpus").is_dir() else None


def vectors() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / "fingerprint-vectors.jsonl").read_text("utf-8").split("\n") if line]


def corpus_files() -> list[Path]:
    """The sample that comes with the repository, and all of the shared corpus where it is there."""
    folder = shared()
    return [SAMPLE, *(sorted((folder / "corpus").glob("dev-*.jsonl.gz")) if folder else [])]


def exchanges(path: Path, step: int = 1) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rb") as f:
        for i, line in enumerate(f):
            if i % step == 0:
                yield json.loads(line)


def dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def bodies(path: Path, step: int = 1) -> Iterator[bytes]:
    for e in exchanges(path, step):
        if isinstance(e["request"]["body"], dict):
            yield dumps(e["request"]["body"])


# --- the jansson twin -------------------------------------------------------------------------------------------------


def build_jansson_twin(folder: Path) -> Path:
    exe = folder / "twin_jansson"
    cc = os.environ.get("CC", "cc").split()
    try:
        asked = ["pkg-config", "--cflags", "--libs", "jansson", "libxxhash"]
        libraries = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        libraries = ["-ljansson", "-lxxhash"]
    flags = ["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*cc, *flags, "-o", str(exe), str(TWIN), *libraries, "-lm"], check=True)
    return exe


def run_jansson_twin(exe: Path, payloads: Sequence[bytes], layout: dict[str, Any] | None = None) -> list[dict[str, Any] | None]:
    """None where jansson refuses. The payloads must have no line feed in them."""
    assert not any(b"\n" in p for p in payloads)
    names = {"turns": "turns", "turn_content": "content", "context": "context", "context_roles": "role"}
    lines = [f"{short} {part}\n" for name, short in names.items() for part in (layout or {}).get(name, [])]
    if (layout or {}).get("tools") is not None:
        lines.append(f"tools {layout['tools']}\n")  # type: ignore[index]
    with tempfile.NamedTemporaryFile("w", suffix=".layout", encoding="utf-8") as f:
        f.writelines(lines)
        f.flush()
        done = subprocess.run([exe, f.name], input=b"".join(p + b"\n" for p in payloads), capture_output=True, check=True)
    out = [jansson_line(line) for line in done.stdout.decode("ascii").splitlines()]
    assert len(out) == len(payloads)
    return out


def jansson_line(line: str) -> dict[str, Any] | None:
    if line == "refused":
        return None
    payload, shape, context, tools, chain, turns = line.split(" ")
    return {
        "payload": payload,
        "shape": shape,
        "context": context,
        "tools": int(tools),
        "chain": [] if chain == "-" else chain.split(","),
        "turns": [] if turns == "-" else turns.split(","),
    }


def jansson_form(f: reference.Fingerprint) -> dict[str, Any]:
    return {
        "payload": f.payload.hex(),
        "shape": f.shape.hex(),
        "context": f.context.hex(),
        "tools": f.tools,
        "chain": [h.hex() for h in f.chain],
        "turns": [h.hex() for h in f.turns],
    }


# --- the core ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """What the core must be told so that it takes a payload for this operation: an endpoint of its own."""

    layout: dict[str, Any] | None = None
    api: str | None = None
    operation: str | None = None
    effects: tuple[str, ...] = ()

    @classmethod
    def of(cls, v: dict[str, Any]) -> Case:
        return cls(v.get("layout"), v.get("api"), v.get("operation"), tuple(v.get("effects", ())))


class Core:
    """A rule set with an endpoint (and a layout) for each case, and nothing else in it."""

    def __init__(self, cases: Iterable[Case], **options: Any) -> None:
        self.paths: dict[str, str] = {}
        pack: dict[str, Any] = {"format": 1, "pack": "twins", "version": "1", "sources": SOURCE, "facts": {}}
        pack |= {"layouts": [], "endpoints": []}
        for case in cases:
            key = repr(case)
            if case.api is None or key in self.paths:
                continue
            n = len(self.paths)
            self.paths[key] = f"/case/{n}"
            facts = [f"{effect}.case" for effect in case.effects]
            pack["facts"] |= dict.fromkeys(facts, "a fact of the tests")
            examples = {"yes": [{"request": {"method": "POST", "url": f"https://a.example/case/{n}", "body": {}}}], "no": [{}]}
            endpoint: dict[str, Any] = {
                "id": f"case.{n}",
                "api": case.api,
                "operation": case.operation,
                "inference": True,
                "method": ["POST"],
            }
            endpoint |= {"path": [f"/case/{n}"], "facts": facts, "source": "S", "examples": examples}
            if case.layout is not None:
                pack["layouts"].append({"id": f"layout.{n}", **case.layout, "source": "S"})
                endpoint["layout"] = f"layout.{n}"
            pack["endpoints"].append(endpoint)
        self.rules = _core.Rules([("twins.json", json.dumps(pack).encode())], lens=LENS, **options)

    def row(self, payload: bytes, case: Case | None = None, response: bytes | None = None) -> dict[str, Any]:
        """The row of one exchange, with `refused`: None, or the error."""
        path = self.paths.get(repr(case), "/nothing")
        answer = _core.classify(
            self.rules, payload, method="POST", url=f"https://a.example{path}", response=response, status=None if response is None else 200
        )
        error, row = answer.error, answer.exchanges().to_pylist()[0]
        row["refused"] = error
        return row

    def shown(self, payload: bytes, case: Case | None = None, response: bytes | None = None) -> dict[str, Any]:
        return core_form(self.row(payload, case, response))

    def hash(self, payload: bytes) -> str | None:
        """Hash of the payload; None where it is refused."""
        row = self.row(payload)
        return None if row["refused"] else row["payload_hash"]


def core_form(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "payload": row["payload_hash"],
        "shape": row["shape_hash"],
        "context": row["context_hash"],
        "turns": row["turn_hashes"] or [],
        "chain": row["prefix"] or [],
        "chain_out": row["chain_out"],
        "text": row["fingerprint"],
    }


def reference_form(f: reference.Fingerprint, case: Case | None = None) -> dict[str, Any]:
    case = case or Case()
    return {
        "payload": f.payload.hex(),
        "shape": f.shape.hex(),
        "context": f.context.hex(),
        "turns": [h.hex() for h in f.turns],
        "chain": [h.hex() for h in f.chain],
        "chain_out": None if f.chain_out is None else f.chain_out.hex(),
        "text": f.text(case.api, case.operation, case.effects),
    }


@functools.cache
def plain() -> Core:
    """The core with no rules: for what needs no layout."""
    return Core([])


def accepted(data: bytes) -> bool:
    try:
        reference.read(data)
    except reference.RefusedError:
        return False
    return True
