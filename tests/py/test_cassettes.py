"""Cassettes in YAML: one interaction at a time, with its place; nothing in them is run, expanded without bound, or lost."""

import base64
import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import stateprint as sp
from harness import DATA, Row, compact, engine

SAMPLES = sorted((DATA / "samples").glob("vcr-*.yaml"))
PLACE = ("uid", "line", "byte_start", "byte_end", "source")
HEAD = "interactions:\n"
ONE = """- request:
    method: POST
    uri: https://api.openai.com/v1/responses
    body: '{"model": "gpt-5", "input": "%s", "previous_response_id": "resp_1"}'
  response:
    status: {code: 200, message: OK}
    body: {string: "{}"}
"""
END = "version: 1\n"


def scanned(path: Path, **options: Any) -> tuple[list[Row], list[Row], sp.Scan]:
    scan = sp.scan(path, engine=options.pop("rules", engine()), strict=False, **options)
    table = scan.table()
    summary = scan.summary
    assert summary.records == sum(summary.classified.values()) + sum(summary.rejected.values())
    return table.to_pylist(), table.evidence.to_pylist(), scan


def of(tmp_path: Path, text: str | bytes, **options: Any) -> tuple[list[Row], list[Row], sp.Scan]:
    path = tmp_path / "cassette.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return scanned(path, **options)


def codes(rows: list[Row]) -> list[str]:
    return [(row["error"] or "-").split(" ")[0] for row in rows]


def interactions(text: bytes) -> list[Any]:
    document = yaml.safe_load(text)
    found: list[Any] = document.get("interactions") or document["http_interactions"]
    return found


def as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): as_json(v) for k, v in value.items()}
    if isinstance(value, list):
        return [as_json(v) for v in value]
    if isinstance(value, bytes):
        return (gzip.decompress(value) if value[:2] == b"\x1f\x8b" else value).decode()
    return value


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_rows_are_those_of_the_same_interactions_in_json(path: Path, tmp_path: Path) -> None:
    rows, marks, scan = scanned(path)
    assert scan.summary.inputs[0]["container"] == "yaml"
    assert scan.summary.bytes == path.stat().st_size
    twin = tmp_path / "twin.jsonl"
    twin.write_bytes(b"".join(compact(as_json(one)) + b"\n" for one in interactions(path.read_bytes())))
    others, other_marks, _ = scanned(twin)
    without = [{k: v for k, v in row.items() if k not in PLACE} for row in rows]
    assert without == [{k: v for k, v in row.items() if k not in PLACE} for row in others]
    assert [(mark["rule"], mark["pointer"]) for mark in marks] == [(mark["rule"], mark["pointer"]) for mark in other_marks]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_places(path: Path, end: bytes, tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf# \xc3\xa9\xe2\x82\xac\n".replace(b"\n", end) + path.read_bytes().replace(b"\n", end)
    rows, marks, _ = of(tmp_path, data)
    wanted = interactions(data)
    assert len(rows) == len(wanted)
    for row, one in zip(rows, wanted, strict=True):
        within = data[row["byte_start"] : row["byte_end"]]
        assert within.strip() == within
        assert yaml.safe_load(b"  " + within) == one
        assert row["line"] == data[: row["byte_start"]].count(b"\n") + 1
        assert row["uid"].endswith(f":{row['byte_start']:x}")
    spans = {row["uid"]: (row["byte_start"], row["byte_end"]) for row in rows}
    assert {(mark["byte_start"], mark["byte_end"]) for mark in marks if mark["type"]} <= {*spans.values(), (None, None)}


class Pieces:
    """Standard input that comes in pieces of one size."""

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size, self.at, self.buffer = data, size, 0, self

    def read1(self, n: int) -> bytes:
        self.at += (step := min(n, self.size))
        return self.data[self.at - step : self.at]

    def read(self, n: int = -1) -> bytes:
        return self.read1(n)

    def readinto1(self, view: memoryview) -> int:
        got = self.read1(len(view))
        view[: len(got)] = got
        return len(got)


def test_the_same_in_any_pieces_packed_and_on_any_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEAD + "".join(ONE % f"né €{i} 🙂\\n" + "\n" * (i % 3) + "# ü\n" for i in range(300)) + END
    want = of(tmp_path, text)[:2]
    assert len(want[0]) == 300
    packed = tmp_path / "cassette.yaml.gz"
    packed.write_bytes(gzip.compress(text.encode()))

    def plain(rows: list[Row]) -> list[Row]:
        return [{k: v for k, v in row.items() if k != "source"} for row in rows]

    assert plain(scanned(packed)[0]) == plain(want[0])
    for size, threads in ((1, 1), (7, 2), (4093, 8)):
        monkeypatch.setattr(sys, "stdin", Pieces(text.encode(), size))
        rows, marks, _ = scanned(Path("-"), threads=threads)
        assert (plain(rows), marks) == (plain(want[0]), want[1])


def test_what_is_told_as_a_cassette(tmp_path: Path) -> None:
    body = ONE % "a"
    for head, n in (
        (HEAD, 1),
        ("---\nhttp_interactions:\n", 1),
        ("# recorded\n\n%YAML 1.1\n---\nversion: 1\ninteractions:\n", 1),
        ("", 1),
        ("interactions: []\n", 0),
    ):
        text = head + (body if n else "") + ("" if not head or "version" in head else "recorded_with: VCR 6.0\n")
        rows, _, scan = of(tmp_path, text)
        assert (scan.summary.inputs[0]["container"], len(rows), scan.errors) == ("yaml", n, [])
    for text in ('{"interactions": [{"request": 1}]}', "interactions\n", "- request\n", "log:\n  interactions:\n", "version: 1\n"):
        assert of(tmp_path, text)[2].summary.inputs[0]["container"] != "yaml"
    rows, _, scan = of(tmp_path, HEAD + body + END, records="lines")
    assert scan.summary.inputs[0]["container"] == "jsonl"


def test_bytes_of_a_body(tmp_path: Path) -> None:
    """gzip is unpacked; what is no text stays base64; Ruby's base64_string is its string."""
    payload = b'{"model": "gpt-5", "input": "hi", "previous_response_id": "resp_9"}'

    def body(text: str) -> str | None:
        (row,), _, _ = of(
            tmp_path, HEAD + f"- request:\n    method: POST\n    uri: https://api.openai.com/v1/responses\n    body: {text}\n" + END
        )
        return str(row["previous_id"] or (row["error"] or row["flags"]))

    for data in (payload, gzip.compress(payload), gzip.compress(payload[:20]) + gzip.compress(payload[20:])):
        assert body("!!binary " + base64.b64encode(data).decode()) == "resp_9"
        assert body("!binary |-\n      " + base64.encodebytes(data).decode().replace("\n", "\n      ")) == "resp_9"
    assert body("!!binary /w==") == "['body_not_json']"
    assert "body_truncated" in str(body("!!binary " + base64.b64encode(gzip.compress(payload)[:-12]).decode()))
    bomb = base64.b64encode(gzip.compress(b" " * (64 << 20))).decode()
    assert str(body("!!binary " + bomb)).startswith("line_too_long ")


def test_no_tag_builds_anything(tmp_path: Path) -> None:
    mark = tmp_path / "made"
    tags = (
        f'!!python/object/apply:os.system ["touch {mark}"]',
        f"!!python/object/new:os.system [touch {mark}]",
        "!ruby/hash:ActiveSupport::HashWithIndifferentAccess {a: 1}",
        "!ruby/object:Gem::Requirement {requirements: 1}",
        "!!python/name:os.system x",
        "!!set {a, b}",
        "!<tag:example.com,2000:x> x",
    )
    text = HEAD + "".join(ONE % "a" + f"  extra: {tag}\n" for tag in tags) + END
    rows, _, scan = of(tmp_path, text)
    assert codes(rows) == ["-"] * len(tags)
    assert scan.errors == []
    assert not mark.exists()


def test_scalars_are_those_of_yaml(tmp_path: Path) -> None:
    """A field that a rule reads tells which type a spelling has."""
    for spelling, state in (("false", "stateless"), ("no", "stateless"), ("true", "stateful"), ("'false'", None), ("~", "stateful")):
        text = f"- request:\n    method: POST\n    uri: https://api.openai.com/v1/responses\n    parsed_body: {{model: gpt-5, input: x, store: {spelling}}}\n"
        (row,), _, _ = of(tmp_path, HEAD + text + END)
        assert row["error"] is None
        assert state is None or row["state"] == state, spelling
    for number in ("12", "0b11", "0x1F", "1_000", "190:20:30", ".inf", "-.NaN", "1e3", "1.5", "9" * 5000, "2001-01-01", "=", "<<"):
        (row,), _, _ = of(tmp_path, HEAD + f"- request: {{method: GET, uri: 'https://api.openai.com/v1/models', x: {number}}}\n" + END)
        assert (row["error"] or "number_too_long").split(" ")[0] == "number_too_long"


def test_aliases_are_bounded(tmp_path: Path) -> None:
    levels = "".join(f"    x{i}: &x{i} [{', '.join(['*x' + str(i - 1)] * 10) if i else 'lol'}]\n" for i in range(12))
    bomb = ONE.replace("  response:", levels + "  response:") % "b"
    shared = ONE.replace("  response:", "    headers: &h {a: [b]}\n  response:") % "a"
    text = (
        HEAD
        + shared
        + (ONE % "c" + "  more: *h\n")
        + bomb
        + (ONE % "d" + "  more: *none\n")
        + (ONE % "e" + "  s: &s [*s]\n")
        + ONE % "f"
        + END
    )
    rows, _, scan = of(tmp_path, text)
    assert codes(rows) == ["-", "-", "too_many_nodes", "syntax", "syntax", "-"]
    assert scan.errors == []


def test_odd_records_are_rows(tmp_path: Path) -> None:
    odd = "- [1, 2]\n- text\n- ? {a: b}\n  : c\n- ? [x]\n  : {d: [e, {f: g}]}\n- 1: x\n  null: y\n- {}\n"
    rows, _, scan = of(tmp_path, HEAD + ONE % "a" + odd + ONE % "b" + END)
    assert codes(rows)[:5] == ["-", "not_an_object", "not_an_object", "syntax", "syntax"]
    assert codes(rows)[-1] == "-"
    assert len(rows) == 8
    assert scan.errors == []


def test_records_over_the_limit(tmp_path: Path) -> None:
    rules = sp.Engine(limits={"max_line_bytes": 1000, "max_nodes": 50})
    many = ONE.replace("  response:", "    x: [" + "1, " * 100 + "]\n  response:") % "a"
    rows, _, _ = of(tmp_path, HEAD + ONE % "a" + ONE % ("b" * 1000) + many + ONE % "c" + END, rules=rules)
    assert codes(rows) == ["-", "line_too_long", "too_many_nodes", "-"]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_cut_cassette(path: Path, tmp_path: Path) -> None:
    """Every interaction that stood whole before the cut is as it is in the whole file; of the rest a row and an error say something."""
    data = path.read_bytes()
    whole, _, _ = scanned(path)
    for k in range(1, len(data), 211):
        rows, _, scan = of(tmp_path, data[:k])
        if scan.summary.inputs[0]["container"] != "yaml":
            continue
        ended = {row["uid"].split(":")[1]: row for row in whole if row["byte_end"] <= k}
        good = [row for row in rows if row["error"] is None]
        assert [row["state"] for row in good] == [ended[row["uid"].split(":")[1]]["state"] for row in good]
        assert len(good) >= len(ended) - 1
        assert scan.errors or data[k:].strip() == b"" or b"\nversion" in data[:k] or b"\nrecorded_with" in data[:k] or not rows
        assert not scan.errors or not scan.summary.complete


@pytest.mark.parametrize(("damage", "code"), [(b"\xc3\x28", "syntax"), (b"\0", "syntax"), (b"'\n ]: [", "syntax")])
def test_a_damaged_cassette(damage: bytes, code: str, tmp_path: Path) -> None:
    data = (HEAD + ONE % "a" + ONE % "b" + ONE % "SECRET" + END).encode()
    at = data.index(b"SECRET")
    rows, _, scan = of(tmp_path, data[:at] + damage + data[at:])
    assert codes(rows)[:2] == ["-", "-"] or len(data) < 65536  # the parser reads ahead
    assert codes(rows)[-1] == code
    (error,) = scan.errors
    assert error.code == "yaml_syntax"
    assert "SECRET" not in str(error)
    assert error.__context__ is None


def test_a_packed_cassette_that_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "cassette.yaml.gz"
    text = HEAD + "".join(ONE % (i * 37 % 1009) for i in range(3000)) + END
    path.write_bytes(gzip.compress(text.encode())[:-3000])
    rows, _, scan = scanned(path)
    assert [error.code for error in scan.errors] == ["gzip_truncated"]
    assert set(codes(rows[:-1])) == {"-"}
    assert codes(rows[-1:]) == ["input_cut"]


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cassette.yaml"
    path.write_text(HEAD + ONE % "a" + END)
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(sp.ConfigError) as caught:
        list(sp.scan(path, engine=engine()))
    assert "stateprint[yaml]" in str(caught.value)


def test_memory_is_that_of_an_interaction(tmp_path: Path) -> None:
    """The reader never asks for the next interaction before the one at hand was given to the core."""
    from stateprint import _core
    from stateprint.fronts.cassette import Cassette
    from stateprint.inputs.places import expand
    from stateprint.inputs.sources import sources_of

    path = tmp_path / "cassette.yaml"
    path.write_text(HEAD + (ONE % ("x" * 500_000)) * 10 + END)
    file = next(expand([path])).open()
    (source,) = sources_of(file, 1 << 30)
    core = _core.Scan(engine().rules, source="test", container="yaml")

    def taken() -> Iterator[int]:
        for _ in Cassette(source, engine().limits).records(core):
            while (batch := core.take()) is not None:
                yield batch[0].rows

    first = next(taken())
    assert first < 10
    assert file.taken < 5_000_000
    file.close()


@pytest.mark.parametrize("value", ['!!int ""', '!!int "-"', '!!float ""', "1" + ":1" * 300 + ".5"])
def test_numbers_that_are_none(tmp_path: Path, value: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        f'interactions:\n- request: {{method: GET, uri: "http://a/"}}\n  response: {{x: {value}}}\nversion: 1\n', encoding="utf-8"
    )
    assert len(sp.scan(path).table()) == 1
