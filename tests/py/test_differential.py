"""What is JSON, by four readers: the core (A), jansson (B), CPython's json behind a strict wrapper (C), and the slow twin.

A and the twin must agree on everything: acceptance, reason, offset, hash. A may differ from B and C only as the table of allowed
differences says; each of its rows is a test of its own below, and `allowed` finds out which rows apply to a text.
"""

from __future__ import annotations

import csv
import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest

import reference
import twins
from stateprint import _core

DATA = twins.DATA
CORE = twins.plain()


# --- the readers ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def jansson(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return twins.build_jansson_twin(tmp_path_factory.mktemp("twin"))


def no_constant(name: str) -> NoReturn:
    raise ValueError(name)


class Pairs(list[tuple[str, Any]]):
    """An object as CPython's json read it, duplicates included."""


def encoded(v: Any) -> Any:
    """A value that CPython read, in the twin's form."""
    if isinstance(v, str):
        return v.encode("utf-8", "surrogatepass")
    if isinstance(v, Pairs):
        return reference.Object([(encoded(k), encoded(m)) for k, m in v])
    return [encoded(e) for e in v] if isinstance(v, list) else v


def number(literal: str) -> reference.Number:
    if re.fullmatch("-?[0-9]+", literal):
        int(literal)  # refuses more than 4,300 digits, as it does without the hook
    return reference.Number(literal)


def cpython(data: bytes) -> str | None:
    """Hash of the value that CPython reads; None where it refuses."""
    hooks: dict[str, Any] = {"object_pairs_hook": Pairs, "parse_int": number, "parse_float": number, "parse_constant": no_constant}
    try:
        value = json.loads(data.decode("utf-8"), **hooks)
    except (ValueError, RecursionError):
        return None
    with reference.deep():
        return reference.H(encoded(value)).hex()


class Answers(NamedTuple):
    a: str | None  # hash, or None: refused
    error: dict[str, Any] | None
    twin: str | None
    twin_error: reference.RefusedError | None
    b: str | None
    c: str | None


def line_form(data: bytes) -> bytes:
    """The jansson twin reads lines. A carriage return is as good as a line feed: white space between tokens, refused in strings."""
    return data.replace(b"\n", b"\r")


def ask(jansson: Path, texts: list[bytes]) -> Iterator[tuple[bytes, Answers]]:
    for data, line in zip(texts, twins.run_jansson_twin(jansson, [line_form(t) for t in texts]), strict=True):
        row = CORE.row(data)
        twin, twin_error = None, None
        try:
            twin = reference.fingerprint(data).payload.hex()
        except reference.RefusedError as e:
            twin_error = e
        a = None if row["refused"] else row["payload_hash"]
        if row["body_state"] == "absent" and data.strip() == b'""':
            a = twin  # an empty string in place of a body is no body; everything else is hashed
        yield data, Answers(a, row["refused"], twin, twin_error, line["payload"] if line else None, cpython(data))


def values(v: Any, depth: int = 0) -> Iterator[tuple[Any, int]]:
    """Every value (names of members included) with its depth; without recursion."""
    todo = [(v, depth)]
    while todo:
        v, depth = todo.pop()
        yield v, depth
        if isinstance(v, list):
            todo += [(e, depth + 1) for e in v]
        elif isinstance(v, reference.Object):
            yield from ((k, depth + 1) for k, _ in v.members)
            todo += [(m, depth + 1) for _, m in v.members]


SURROGATE = re.compile(rb"\xed[\xa0-\xbf]")


def allowed(data: bytes) -> set[str]:
    """Rows of the table that apply to this text."""
    try:
        value = reference.read(data)
    except reference.RefusedError as e:
        if e.reason == "nul_byte" and re.search(rb"[0-9]\0", data[max(0, e.offset - 1) :]):
            return {"nul_after_number"}
        return {e.reason} & {"too_deep", "number_too_long", "key_too_long"}
    out = set()
    for v, depth in values(value):
        if isinstance(v, bytes) and SURROGATE.search(v):
            out.add("lone_surrogate")
        elif isinstance(v, reference.Number):
            integer = not set(v.literal) & set(".eE")
            if not -(2**63) <= int(v.literal) < 2**63 if integer else abs(float(v.literal)) == float("inf"):
                out.add("beyond_64_bits")
        elif isinstance(v, reference.Object):
            names = [k for k, _ in v.members]
            if len(set(names)) < len(names):
                out.add("duplicate_names")
            if any(b"\0" in k for k in names):
                out.add("nul_in_name")
        if depth > 800:
            out.add("deep")
    return out


B_MAY_DIFFER = {"lone_surrogate", "beyond_64_bits", "duplicate_names", "nul_in_name"}
C_MAY_DIFFER = {"deep"}
LIMITS_OF_A = {"too_deep", "number_too_long", "key_too_long"}


def check(data: bytes, of: Answers) -> None:
    rows = allowed(data)
    shown = data[:80]
    assert of.a == of.twin, shown
    if of.error is not None and of.twin_error is not None:
        assert same_refusal(data, of.error, of.twin_error), (shown, of.error, str(of.twin_error))
    if of.a is None:
        assert of.b is None or rows & (LIMITS_OF_A | {"nul_after_number"}), shown
        assert of.c is None or rows & LIMITS_OF_A, shown
    else:
        assert of.b == of.a or (of.b is None and rows & B_MAY_DIFFER), shown
        assert of.c == of.a or (of.c is None and rows & C_MAY_DIFFER), shown


def same_refusal(data: bytes, error: dict[str, Any], twin: reference.RefusedError) -> bool:
    """Reason and offset, where several names fit: an empty text may be called blank; `NaN` may be plain syntax, and -Infinity may be
    refused at its sign; a NUL in an escape is a bad escape, too; and in `01`, by itself, the 1 is what comes after a document."""
    if not data.strip(b" \t\r\n"):
        return True
    reasons, offsets = {twin.reason}, {twin.offset}
    if twin.reason == "syntax" and twin.offset == 1 and data[:1] == b"0":  # `00`: a number with a leading zero, or two numbers
        reasons.add("trailing_data")
    if twin.reason == "nul_byte" and b"\\u" in data[max(0, twin.offset - 5) : twin.offset]:  # a NUL where a hexadecimal digit belongs
        reasons.add("invalid_escape")
    if twin.reason == "non_finite_literal":
        reasons.add("syntax")
        offsets.add(twin.offset - (data[twin.offset - 1 : twin.offset] == b"-"))
    if twin.reason == "nul_byte":
        reasons.add("invalid_escape")
    if re.match(rb"[ \t\r\n]*-?0[0-9]", data):
        reasons.add("trailing_data")
    return error["reason"] in reasons and error["offset"] in offsets


# --- the table of allowed differences ---------------------------------------------------------------------------------


def verdicts(jansson: Path, data: bytes) -> tuple[bool, bool, bool]:
    [(_, of)] = ask(jansson, [data])
    check(data, of)
    return of.a is not None, of.b is not None, of.c is not None


def test_allowed_nul_after_a_number(jansson: Path) -> None:
    assert verdicts(jansson, b"[1]\0") == (False, False, False)
    assert verdicts(jansson, b"123\0") == (False, True, False)


def test_allowed_nul_in_a_name(jansson: Path) -> None:
    assert verdicts(jansson, rb'{"a\u0000":1}') == (True, False, True)
    assert verdicts(jansson, rb'{"a":"\u0000"}') == (True, True, True)


@pytest.mark.parametrize("text", [rb'"\ud83d"', rb'["\ude02"]', rb'{"\ud83d":1}', rb'"\ud83d\ud83d\ude02"'])
def test_allowed_lone_surrogate(jansson: Path, text: bytes) -> None:
    assert verdicts(jansson, text) == (True, False, True)


@pytest.mark.parametrize("text", [b"9223372036854775808", b"-9223372036854775809", b"[1e400]", b"-1.8e308", b"1" * 4000])
def test_allowed_number_beyond_64_bits(jansson: Path, text: bytes) -> None:
    assert verdicts(jansson, text) == (True, False, True)


@pytest.mark.parametrize("text", [b"9223372036854775807", b"-9223372036854775808", b"1.7976931348623157e308", b"1e-999"])
def test_no_difference_within_64_bits(jansson: Path, text: bytes) -> None:
    assert verdicts(jansson, text) == (True, True, True)


def test_allowed_long_number(jansson: Path) -> None:
    assert verdicts(jansson, b"1" * 4096)[0] is True
    assert verdicts(jansson, b"1" * 4097) == (False, False, True)
    assert verdicts(jansson, b"1" * 4301) == (False, False, False)
    assert verdicts(jansson, b"0." + b"1" * 4094) == (True, True, True)
    assert verdicts(jansson, b"0." + b"1" * 4095) == (False, True, True)


def test_allowed_depth(jansson: Path) -> None:
    def nested(n: int) -> bytes:
        return b"[" * n + b"]" * n

    assert verdicts(jansson, nested(500)) == (True, True, True)
    assert verdicts(jansson, nested(1024))[:2] == (True, True)
    assert verdicts(jansson, nested(1025))[:2] == (False, True)
    assert verdicts(jansson, nested(2048))[:2] == (False, True)
    assert verdicts(jansson, nested(2049))[:2] == (False, False)
    assert verdicts(jansson, b'{"a":' * 1024 + b"0" + b"}" * 1024)[:2] == (True, True)
    assert verdicts(jansson, b'{"a":' * 1025 + b"0" + b"}" * 1025)[:2] == (False, True)


def test_allowed_duplicate_names(jansson: Path) -> None:
    """jansson and CPython keep the last one unless asked; the jansson twin asks for a refusal, since all of them count here."""
    assert verdicts(jansson, b'{"a":1,"a":2}') == (True, False, True)
    assert json.loads(b'{"a":1,"a":2}') == {"a": 2}
    assert CORE.hash(b'{"a":1,"a":2}') != CORE.hash(b'{"a":2}')


@pytest.mark.parametrize("text", [b"null", b"1", b'"a"', b"[]"])
def test_allowed_no_object_at_the_top(jansson: Path, text: bytes) -> None:
    """For a payload. A line of a log must be an object; jansson takes a scalar only with a flag."""
    assert verdicts(jansson, text) == (True, True, True)


def test_long_name_is_a_limit_of_ours(jansson: Path) -> None:
    assert verdicts(jansson, b'{"' + b"k" * 65536 + b'":1}') == (True, True, True)
    assert verdicts(jansson, b'{"' + b"k" * 65537 + b'":1}') == (False, True, True)


# --- corpora ----------------------------------------------------------------------------------------------------------


def check_all(jansson: Path, texts: list[bytes]) -> list[Answers]:
    out = []
    for data, of in ask(jansson, texts):
        check(data, of)
        out.append(of)
    return out


def files(pattern: str, at_least: int) -> list[Path]:
    found = sorted(p for p in DATA.glob(pattern) if p.is_file())
    assert len(found) >= at_least, pattern
    return found


def test_jsontestsuite(jansson: Path) -> None:
    with (DATA / "jsontestsuite" / "expected.tsv").open(encoding="utf-8", newline="") as f:
        wanted = {row["file"]: row for row in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE)}
    found = files("jsontestsuite/test_parsing/*.json", 318)
    assert {p.name for p in found} == set(wanted)
    for path, of in zip(found, check_all(jansson, [p.read_bytes() for p in found]), strict=True):
        row = wanted[path.name]
        assert (of.a is not None) == (row["wanted"] == "accept"), path.name
        if row["offset"] and of.error is not None and row["strict"] not in ("blank", "syntax"):
            assert of.error["offset"] == int(row["offset"]), path.name


def test_jsontestsuite_transform(jansson: Path) -> None:
    """No fixed answer upstream; ours: everything that is JSON is accepted, and what parsers merge stays apart."""
    found = files("jsontestsuite/test_transform/*.json", 22)
    answers = {p.name: of.a for p, of in zip(found, check_all(jansson, [p.read_bytes() for p in found]), strict=True)}
    assert {name for name, a in answers.items() if a is None} == SURROGATES_AS_BYTES
    assert answers["object_key_nfc_nfd.json"] == answers["object_key_nfd_nfc.json"]  # two names, in either order
    different = ["object_same_key_same_value.json", "object_same_key_different_values.json", "object_same_key_unclear_values.json"]
    different += ["number_1.0.json", "number_1.000000000000000005.json", "number_1000000000000000.json", "number_10000000000000000999.json"]
    assert answers[different[3]] == answers[different[4]]
    del different[4]
    assert len({answers[name] for name in different}) == len(different)


SURROGATES_AS_BYTES = {"string_1_invalid_codepoint.json", "string_2_invalid_codepoints.json", "string_3_invalid_codepoints.json"}
ACCEPTED_OF_JANSSON_INVALID = {
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
}


def test_jansson_suite(jansson: Path) -> None:
    for kind, n, want in (("valid", 35, None), ("invalid", 50, ACCEPTED_OF_JANSSON_INVALID), ("invalid-unicode", 18, set())):
        found = files(f"jansson/{kind}/*/input", n)
        answers = check_all(jansson, [p.read_bytes() for p in found])
        accepted = {p.parent.name for p, of in zip(found, answers, strict=True) if of.a is not None}
        assert accepted == ({p.parent.name for p in found} if want is None else want)


YYJSON_REFUSED = ["fail", "comma", "comment", "endcomment", "inf", "nan", "ext_num", "ext_esc"]
YYJSON_REFUSED += ["ext_ws", "str_sq", "str_uq", "bom", "garbage", "str_err"]


def test_yyjson_suite(jansson: Path) -> None:
    found = files("yyjson/test_yyjson/*.json", 200)
    for path, of in zip(found, check_all(jansson, [p.read_bytes() for p in found]), strict=True):
        strict = any(f"({mark})" in path.name for mark in YYJSON_REFUSED) and not path.name.startswith("invalid_utf8_escape")
        assert (of.a is None) == strict, path.name


def test_yyjson_encodings(jansson: Path) -> None:
    found = files("yyjson/test_encoding/*.json", 10)
    answers = check_all(jansson, [p.read_bytes() for p in found])
    assert [p.name for p, of in zip(found, answers, strict=True) if of.a is not None] == ["utf8.json"]


def test_yyjson_numbers(jansson: Path) -> None:
    for path in files("yyjson/num/*.txt", 9):
        numbers = [line for line in path.read_bytes().split(b"\n") if line.strip() and not line.startswith(b"#")]
        answers = check_all(jansson, numbers)
        assert numbers
        for number, of in zip(numbers, answers, strict=True):
            assert (of.a is None) == ("(fail)" in path.name), (path.name, number[:60])


def test_rfc8785(jansson: Path) -> None:
    found = files("rfc8785/*put/*.json", 12)
    assert all(of.a is not None for of in check_all(jansson, [p.read_bytes() for p in found]))


def test_nativejson_roundtrip(jansson: Path) -> None:
    found = files("nativejson-roundtrip/*.json", 27)
    assert all(of.a is not None and of.b is not None for of in check_all(jansson, [p.read_bytes() for p in found]))


def float_lines() -> Iterator[tuple[int, str]]:
    """Bits of the double, and the decimal string."""
    for path in files("float-parse/*.txt", 3):
        for line in path.read_text("ascii").split("\n"):
            if line:
                yield int(line[14:30], 16), line[31:]


def test_float_parse(jansson: Path) -> None:
    lines = list(float_lines())
    numbers = 0
    for (bits, text), of in zip(lines, check_all(jansson, [text.encode("ascii") for _, text in lines]), strict=True):
        if of.a is None:
            continue
        numbers += 1
        canonical = _core.canonical_number(text)
        assert canonical == reference.canonical_number(text), text
        if set(text) & set(".eE"):
            got = struct.unpack(">Q", struct.pack(">d", float(canonical)))[0]
            assert got == bits or (bits == 1 << 63 and got == 0), text  # -0 is written 0
    assert len(lines) == 14103
    assert numbers == 14043


def utf8_cases() -> Iterator[tuple[str, bool, bytes]]:
    for line in (DATA / "utf8tests" / "utf8tests.txt").read_text("ascii").split("\n"):
        if m := re.fullmatch(r"([0-9][^:]*): ?(valid|valid hex|invalid hex): ?([^:]*).*", line):
            name, kind, rest = m.groups()
            yield name, kind != "invalid hex", bytes.fromhex(rest) if kind.endswith("hex") else rest.encode("ascii")


def test_utf8(jansson: Path) -> None:
    """Each sequence in a string, and as the last bytes of a text that is cut."""
    cases = list(utf8_cases())
    assert len(cases) == 222
    assert sum(valid for _, valid, _ in cases) == 77
    whole = check_all(jansson, [b'{"k":"' + data + b'"}' for _, _, data in cases])
    cut = check_all(jansson, [b'{"k":"' + data for _, _, data in cases])
    for (name, valid, data), in_string, at_end in zip(cases, whole, cut, strict=True):
        assert at_end.error is not None
        control = re.search(rb'[\x00-\x1f"\\]', data)
        if control is not None and (valid or control.start() < bad_utf8(data)):
            assert in_string.a is None, name  # for another reason, which the twin has checked
        elif valid:
            assert in_string.a is not None, name
        else:
            for of in (in_string, at_end):
                assert of.error is not None, name
                assert (of.error["reason"], of.error["offset"]) == ("invalid_utf8", 6 + bad_utf8(data)), name


def bad_utf8(data: bytes) -> int:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as e:
        return e.start
    raise AssertionError(data)


def test_one_byte_changed(jansson: Path) -> None:
    """Every byte of a text with all kinds of tokens replaced by each of some bytes, taken out, and the text cut before it."""
    text = '{"a":[1,-2.5e+3,true,null],"\u00e9\\n":{"":"\U0001f602\\u00e9x"}}'.encode()
    texts = [text]
    for i in range(len(text)):
        texts += [text[:i] + bytes([c]) + text[i + 1 :] for c in b'\0\t "\\,:]}[{0-+.eEu\x7f\x80\xc0\xe9\xff'.replace(b"\n", b"")]
        texts += [text[:i] + text[i + 1 :], text[:i]]
    check_all(jansson, texts)
