"""What a strict reader of RFC 8259 accepts and refuses, at which byte, by four suites of others."""

import base64
import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from harness import DATA, engine, scan_lines


def outcome(payload: bytes) -> tuple[str, int | None]:
    """("accept", None), or reason and offset. What the error says holds nothing of the payload."""
    try:
        sp.classify(payload, engine=engine())
    except sp.PayloadError as e:
        error = e
    else:
        return "accept", None
    around = payload[error.offset : error.offset + 12].decode("latin-1")
    if len(around) == 12:
        assert around not in str(error)
    return error.reason, error.offset


def suite() -> list[dict[str, str]]:
    with (DATA / "jsontestsuite/expected.tsv").open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t"))


@pytest.mark.parametrize("kind", ["y", "n", "i"])
def test_json_test_suite(kind: str) -> None:
    wrong = {}
    rows = [row for row in suite() if row["class"] == kind]
    assert len(rows) == {"y": 95, "n": 188, "i": 35}[kind]
    for row in rows:
        data = (DATA / "jsontestsuite/test_parsing" / row["file"]).read_bytes()
        want = (row["strict"], int(row["offset"]) if row["offset"] else None)
        if row["strict"] == "blank":  # a word about lines: a payload of white space just stops
            want = ("truncated", len(data))
        want = NON_FINITE.get(row["file"], want)
        got = outcome(data)
        assert (got[0] == "accept") == (row["wanted"] == "accept"), row["file"]
        if got != want:
            wrong[row["file"]] = (want, got)
    assert wrong == {}


# The list knows these as `syntax`; here they have a reason of their own, at the first letter of the word.
NON_FINITE = {f"n_number_{name}.json": ("non_finite_literal", 1) for name in ("NaN", "infinity", "minus_infinity")}


def test_json_test_suite_flags() -> None:
    wrong = {}
    for row in suite():
        if row["wanted"] != "accept":
            continue
        got = set(sp.classify((DATA / "jsontestsuite/test_parsing" / row["file"]).read_bytes(), engine=engine()).flags)
        want = set(row["flags"].replace(",", " ").split())
        if got & STRUCTURAL != want & STRUCTURAL:
            wrong[row["file"]] = (want, got)
    assert wrong == {}


STRUCTURAL = {"duplicate_key", "lone_surrogate", "nul_escape", "big_integer", "number_overflow"}


def test_json_test_suite_transform_is_pinned() -> None:
    """No answer is prescribed for these; ours must not change without notice."""
    files = sorted((DATA / "jsontestsuite/test_transform").iterdir())
    got = {file.name: outcome(file.read_bytes()) for file in files}
    flags = {
        f.name: sorted(STRUCTURAL & set(sp.classify(f.read_bytes(), engine=engine()).flags)) for f in files if got[f.name][0] == "accept"
    }
    refused = {name for name, what in got.items() if what != ("accept", None)}
    assert refused == {f"string_{n}_invalid_codepoint{'s' * (n > 1)}.json" for n in (1, 2, 3)}  # bytes that are no UTF-8
    assert {name: f for name, f in flags.items() if f} == TRANSFORM_FLAGS


TRANSFORM_FLAGS = {
    "number_-9223372036854775808.json": ["big_integer"],
    "number_-9223372036854775809.json": ["big_integer"],
    "number_10000000000000000999.json": ["big_integer"],
    "number_9223372036854775807.json": ["big_integer"],
    "number_9223372036854775808.json": ["big_integer"],
    "object_same_key_different_values.json": ["duplicate_key"],
    "object_same_key_same_value.json": ["duplicate_key"],
    "object_same_key_unclear_values.json": ["duplicate_key"],
    "string_1_escaped_invalid_codepoint.json": ["lone_surrogate"],
    "string_2_escaped_invalid_codepoints.json": ["lone_surrogate"],
    "string_3_escaped_invalid_codepoints.json": ["lone_surrogate"],
    "string_with_escaped_NULL.json": ["nul_escape"],
}


def jansson_cases(folder: str) -> list[Path]:
    return sorted(p for p in (DATA / "jansson" / folder).iterdir() if (p / "input").exists())


def jansson_input(case: Path) -> bytes:
    return (case / "input").read_bytes()


def test_jansson_valid() -> None:
    wrong = {case.name: got for case in jansson_cases("valid") if (got := outcome(jansson_input(case)))[0] != "accept"}
    assert wrong == {}


@pytest.mark.parametrize("folder", ["invalid", "invalid-unicode"])
def test_jansson_invalid(folder: str) -> None:
    accepted = {case.name for case in jansson_cases(folder) if outcome(jansson_input(case))[0] == "accept"}
    assert accepted == JANSSON_OURS[folder]


# What jansson refuses and RFC 8259 allows: it can't hold the value, or wants an object or array at the top.
JANSSON_OURS: dict[str, set[str]] = {
    "invalid": {
        "invalid-second-surrogate",
        "lone-second-surrogate",
        "null",
        "null-byte-in-object-key",
        "null-escape-in-string",
        "real-negative-overflow",
        "real-positive-overflow",
        "too-big-negative-integer",
        "too-big-positive-integer",
        "truncated-unicode-surrogate",
    },
    "invalid-unicode": set(),
}


def yyjson_wants(name: str) -> bool:
    if name.startswith("invalid_utf8_escape_"):
        return True  # a lone surrogate: accepted and flagged
    return set(re.findall(r"\((\w+)\)", name)) <= {"bignum"}


def test_yyjson() -> None:
    files = sorted((DATA / "yyjson/test_yyjson").glob("*.json"))
    assert len(files) == 208
    assert {f.name: got for f in files if ((got := outcome(f.read_bytes()))[0] == "accept") != yyjson_wants(f.name)} == {}


def test_yyjson_encodings() -> None:
    accepted = {f.name for f in (DATA / "yyjson/test_encoding").glob("*.json") if outcome(f.read_bytes())[0] == "accept"}
    assert accepted - {"utf8bom.json"} == {"utf8.json"}


@pytest.mark.parametrize("file", sorted((DATA / "yyjson/num").glob("*.txt")), ids=lambda p: p.name)
def test_yyjson_numbers(file: Path) -> None:
    valid = "(fail)" not in file.name
    wrong = []
    for line in file.read_bytes().split(b"\n"):
        text = line.strip(b"\r")
        if text and not text.startswith(b"#") and (outcome(text)[0] == "accept") != valid:
            wrong.append(text)
    assert wrong == []


def utf8_cases() -> list[tuple[str, bool, bytes]]:
    found = []
    for line in (DATA / "utf8tests/utf8tests.txt").read_bytes().split(b"\n"):
        match = re.match(rb"([\d.]+): ?(valid|valid hex|invalid hex):(.*)", line)
        if match:
            name, kind, rest = match.groups()
            sequence = bytes.fromhex(rest.split(b":")[0].decode()) if kind.endswith(b"hex") else rest.lstrip(b" ")
            found.append((name.decode(), kind.startswith(b"valid"), sequence))
    return found


def first_bad(data: bytes) -> int | None:
    """Offset of the first byte of the first sequence that is no UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as e:
        return e.start
    return None


def test_utf8() -> None:
    wrong: dict[str, Any] = {}
    tests = utf8_cases()
    assert len(tests) == 222
    for name, valid, sequence in tests:
        got = outcome(b'{"k":"' + sequence + b'"}')
        control = next((i for i, b in enumerate(sequence) if b < 0x20), None)
        quote = next((i for i, b in enumerate(sequence) if b in b'"\\'), None)
        if quote is not None:
            continue  # the sequence closes the string itself
        bad = first_bad(sequence)
        assert (bad is None) == valid, name
        places = [
            (i, r)
            for i, r in (
                (bad, "invalid_utf8"),
                (control, "nul_byte" if control is not None and sequence[control] == 0 else "control_character"),
            )
            if i is not None
        ]
        want = (min(places)[1], 6 + min(places)[0]) if places else ("accept", None)
        if got != want:
            wrong[name] = (want, got)
    assert wrong == {}


def test_utf8_at_the_end_of_a_line() -> None:
    bad = [(name, sequence) for name, valid, sequence in utf8_cases() if not valid and b"\n" not in sequence and b"\x00" not in sequence]
    result = scan_lines([b'{"k":"' + s for _, s in bad])
    reasons = {
        name: (row["error"] or "").split()[0].rstrip(":,") for (name, s), row in zip(bad, result.rows, strict=True) if min(s) >= 0x20
    }
    assert {n: r for n, r in reasons.items() if r != "invalid_utf8"} == {}


@pytest.mark.parametrize("place", ["text", "key", "model", "path", "id"])
def test_naughty_strings(place: str) -> None:
    """515 strings: none is lost, none breaks anything, and different texts have different fingerprints."""
    strings: list[str] = json.loads((DATA / "blns/blns.json").read_bytes())
    strings += [base64.b64decode(s).decode("utf-8", "replace") for s in json.loads((DATA / "blns/blns.base64.json").read_bytes())]
    distinct = list(dict.fromkeys(strings))
    make: dict[str, Callable[[str], dict[str, Any]]] = {
        "text": lambda s: {"url": "https://api.openai.com/v1/responses", "body": {"model": "m", "input": s}},
        "key": lambda s: {"url": "https://api.openai.com/v1/responses", "body": {"model": "m", "input": "hi", "metadata": {s: 1}}},
        "model": lambda s: {"url": "https://api.openai.com/v1/responses", "body": {"model": s, "input": "hi"}},
        "path": lambda s: {"url": "https://api.openai.com/v1/" + s, "body": {"model": "m", "input": "hi"}},
        "id": lambda s: {
            "id": s,
            "url": "https://api.openai.com/v1/responses",
            "body": {"model": "m", "input": "hi", "previous_response_id": s},
        },
    }
    result = scan_lines(json.dumps(make[place](s)).encode() for s in distinct)
    assert len(result.rows) == len(distinct) == result.summary["lines"]
    assert [row["error"] for row in result.rows if row["error"]] == []
    if place in {"text", "key", "model", "id"}:
        assert len({row["payload_hash"] for row in result.rows}) == len(distinct)
