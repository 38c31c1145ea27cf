"""Properties of the core that hold for every request: hypothesis draws the requests and how they are spelled.

Numbers in brackets are those of the list of properties in the reliability notes: 1-9 and 14-16 of single payloads, 10-13 of logs.
The draws are the same in every run, unless STATEPRINT_RANDOM is set.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

import reference
import stateprint
import twins
from stateprint import _core
from twins import Case, Core

QUICK = os.environ.get("STATEPRINT_SANITIZED") == "1"
COMMON: dict[str, Any] = {
    "deadline": None,
    "derandomize": not os.environ.get("STATEPRINT_RANDOM"),
    "database": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
}
many = settings(max_examples=60 if QUICK else 250, **COMMON)
few = settings(max_examples=15 if QUICK else 50, **COMMON)

CHAT = {
    "turns": ["/messages"],
    "turn_content": ["content"],
    "context": ["/system", "/tools"],
    "context_roles": ["system"],
    "tools": "/tools",
}
CASE = Case(CHAT, "chat", "chat", ("replay",))
CORE = Core([CASE])
HASHES = ["payload", "shape", "context", "turns", "chain", "text"]


# --- requests ---------------------------------------------------------------------------------------------------------

texts = st.one_of(
    st.text(max_size=12), st.sampled_from(["", "hi", "caf\u00e9", "cafe\u0301", "\U0001f602\u20ac", "a/b~c", '"\\\n\t\0', "null", "1"])
)
names = st.one_of(texts, st.sampled_from(["role", "content", "type", "text", "id", "name", "store", "messages"]))
numbers = st.one_of(
    st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0, 1, -1, 0.5, 1e21, 2**53])
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(scalars, lambda v: st.one_of(st.lists(v, max_size=4), st.dictionaries(names, v, max_size=4)), max_leaves=8)
parts = st.one_of(texts, st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": texts}), max_size=3), st.none())
turns = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "tool"]), "content": parts},
    optional={"name": texts, "tool_calls": st.lists(values, max_size=2), "x": values},
)
tools = st.fixed_dictionaries({"type": st.just("function"), "function": st.fixed_dictionaries({"name": texts, "parameters": values})})
chats = st.fixed_dictionaries(
    {"model": texts, "messages": st.lists(turns, max_size=5)},
    optional={"system": parts, "tools": st.lists(tools, max_size=3), "temperature": numbers, "stream": st.booleans(), "metadata": values},
)
payloads = st.one_of(chats, chats, values.map(lambda v: {"messages": v}), values.map(lambda v: [v]))
seeds = st.integers(0, 2**32 - 1)


def shown(text: str | bytes) -> dict[str, Any]:
    data = text if isinstance(text, bytes) else text.encode("utf-8")
    return CORE.shown(data, CASE)


def plain(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


# --- spelling: the same value, written as differently as JSON allows --------------------------------------------------


class Spelling:
    """Writes a value; what is left to chance is what was asked for."""

    def __init__(self, seed: int, *, order: bool = False, space: bool = False, escapes: bool = False, numbers: bool = False) -> None:
        self.draw = random.Random(seed)
        self.order, self.space, self.escapes, self.numbers = order, space, escapes, numbers

    def gap(self) -> str:
        return "".join(self.draw.choices(" \t\r\n", k=self.draw.randrange(3))) if self.space else ""

    def string(self, s: str) -> str:
        if not self.escapes:
            return json.dumps(s, ensure_ascii=False)
        return '"' + "".join(map(self.letter, s)) + '"'

    def letter(self, c: str) -> str:
        short = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
        ways = [c] if c >= " " and c not in '"\\' else []
        ways += [short[c]] if c in short else []
        units = c.encode("utf-16-be")
        hexes = [f"{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2)]
        ways.append("".join("\\u" + self.draw.choice([h, h.upper(), h.title()]) for h in hexes))
        return self.draw.choice(ways)

    def number(self, x: float) -> str:
        text = json.dumps(x)
        if not self.numbers or isinstance(x, int):
            return text
        ways = [text, f"{x:.16e}", f"{x:.17E}", f"{x:.20e}".replace("e+", "e").replace("e-", "e-0")]
        if x == int(x) and abs(x) < 1e15:
            ways += [f"{x:.1f}", f"{x:.5f}", f"{int(x)}e0", f"{int(x) * 10}E-1", f"{int(x)}.0e+00"]
        return self.draw.choice(ways)

    def write(self, v: Any) -> str:
        return self.gap() + self.body(v) + self.gap()

    def body(self, v: Any) -> str:
        if isinstance(v, str):
            return self.string(v)
        if isinstance(v, (int, float)) and not isinstance(v, bool):
            return self.number(v)
        if isinstance(v, list):
            return "[" + (",".join(map(self.write, v)) or self.gap()) + "]"
        if isinstance(v, dict):
            members = list(v.items())
            if self.order:
                self.draw.shuffle(members)
            return "{" + (",".join(f"{self.gap()}{self.string(k)}{self.gap()}:{self.write(m)}" for k, m in members) or self.gap()) + "}"
        return json.dumps(v)


@many
@given(payloads, seeds)
def test_order_of_members_has_no_influence(value: Any, seed: int) -> None:
    """(1)"""
    assert shown(Spelling(seed, order=True).write(value)) == shown(plain(value))


@many
@given(payloads, seeds)
def test_white_space_has_no_influence(value: Any, seed: int) -> None:
    """(2)"""
    assert shown(Spelling(seed, space=True).write(value)) == shown(plain(value))


@many
@given(payloads, seeds)
def test_escapes_have_no_influence(value: Any, seed: int) -> None:
    """(3)"""
    assert shown(Spelling(seed, escapes=True).write(value)) == shown(plain(value))


@many
@given(payloads, seeds)
def test_spelling_of_numbers_has_no_influence(value: Any, seed: int) -> None:
    """(4) For numbers with a fraction or exponent; the spelling of an integer is its value."""
    with_doubles = json.loads(plain(value), parse_float=float)
    assert shown(Spelling(seed, numbers=True).write(with_doubles)) == shown(plain(with_doubles))


@many
@given(payloads, seeds)
def test_everything_at_once_and_the_twin(value: Any, seed: int) -> None:
    """(1-4), and the slow twin finds the same."""
    text = Spelling(seed, order=True, space=True, escapes=True, numbers=True).write(value).encode()
    assert shown(text) == shown(plain(value)) == twins.reference_form(reference.fingerprint(text, CHAT), CASE)


@pytest.mark.parametrize("spelling", ["1", "1.0", "1e0", "100E-2", "1.000", "0.1e1", "10e-01"])
def test_one(spelling: str) -> None:
    """(4)"""
    assert shown(f"[{spelling}]") == shown("[1]")


@pytest.mark.parametrize(
    ("a", "b"), [("9007199254740992", "9007199254740993"), ("1", "-1"), ("0.1", "0.10000000000000002"), ("1e400", "1e401"), ("1", '"1"')]
)
def test_numbers_that_differ(a: str, b: str) -> None:
    """(4)"""
    assert shown(f"[{a}]")["payload"] != shown(f"[{b}]")["payload"]


literals = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@many
@given(literals)
@example("-0")
@example("1.50E+0400")
def test_canonical_numbers(literal: str) -> None:
    """(5) Canonical text is a JSON number, is the twin's, and stays as it is; but `1e400` written as an integer would be another number."""
    text = _core.canonical_number(literal)
    assert text == reference.canonical_number(literal)
    assert _core.canonical_number(text) == text
    json.loads(text)


# --- what must differ -------------------------------------------------------------------------------------------------


def frozen(v: Any) -> Any:
    """Equal exactly if two values are equal as JSON: 1 is 1.0, but neither is true."""
    if isinstance(v, dict):
        return ("object", frozenset((k, frozen(m)) for k, m in v.items()))
    if isinstance(v, list):
        return ("array", tuple(map(frozen, v)))
    if isinstance(v, (int, float)) and not isinstance(v, bool):
        return ("number", reference.canonical_number(json.dumps(v)))
    return (type(v).__name__, v)


tiny = st.recursive(
    st.sampled_from([None, True, False, 0, 1, "", "a", "b", "ab", "0", "null"]),
    lambda v: st.one_of(st.lists(v, max_size=3), st.dictionaries(st.sampled_from(["", "a", "b", "0"]), v, max_size=3)),
    max_leaves=6,
)


@many
@given(st.one_of(st.tuples(payloads, payloads), st.tuples(tiny, tiny)))
def test_equal_hashes_mean_equal_values(pair: tuple[Any, Any]) -> None:
    """(6)"""
    a, b = ([v] for v in pair)
    assert (CORE.hash(plain(a)) == CORE.hash(plain(b))) == (frozen(a) == frozen(b))


def test_a_million_pairs() -> None:
    """(6) Small values of all kinds: as many hashes as values."""
    draw = random.Random(6)
    leaves: list[Any] = [None, True, False, 0, 1, 10, 0.5, "", "a", "b", "ab", "ba", "0", "1", "null", "[]", "{}", "\0", "a\0", [], {}]
    values = {frozen(v): v for v in leaves}
    while len(values) < 1500:  # more than a million pairs
        some = draw.choices(list(values.values())[:300], k=draw.randrange(4))
        new: Any = some if draw.random() < 0.5 else {draw.choice(["", "a", "b", "ab", "0"]): v for v in some}
        values[frozen(new)] = new
    hashes = {CORE.hash(plain([v])) for v in values.values()}
    assert len(hashes) == len(values) == 1500


@many
@given(chats, st.data())
def test_one_place_changed(value: Any, data: st.DataObject) -> None:
    """(6)"""
    path = data.draw(st.sampled_from(list(places(value))))
    new = data.draw(values)
    changed = put(value, path, new)
    assume(frozen(changed) != frozen(value))
    assert CORE.hash(plain(changed)) != CORE.hash(plain(value))


def places(v: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = v.items() if isinstance(v, dict) else enumerate(v) if isinstance(v, list) else ()
    return [path, *(p for k, m in below for p in places(m, (*path, k)))]


def put(v: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    below = put(v[path[0]], path[1:], new)
    return {**v, path[0]: below} if isinstance(v, dict) else [below if i == path[0] else e for i, e in enumerate(v)]


@few
@given(st.text(alphabet="e\u0301\u00e9a\u030a\u212b\u00c5", min_size=1, max_size=6))
def test_nothing_is_normalised(s: str) -> None:
    """(7)"""
    import unicodedata

    forms = {unicodedata.normalize(f, s) for f in ("NFC", "NFD", "NFKC", "NFKD")} | {s}
    assert len({CORE.hash(plain([f])) for f in forms}) == len(forms)
    assert len({CORE.hash(plain({f: 1})) for f in forms}) == len(forms)


@many
@given(st.lists(values, min_size=2, max_size=6), seeds)
def test_order_of_elements_counts(elements: list[Any], seed: int) -> None:
    """(7)"""
    other = list(elements)
    random.Random(seed).shuffle(other)
    assert (CORE.hash(plain(elements)) == CORE.hash(plain(other))) == (frozen(elements) == frozen(other))


# --- the chain --------------------------------------------------------------------------------------------------------


@many
@given(chats)
def test_a_prefix_hash_is_that_of_the_request_with_these_turns(value: Any) -> None:
    """(8) The k-th of the chain is the last of the chain of the request that has the first k turns, whatever else stands in it."""
    whole = shown(plain(value))
    assert len(whole["chain"]) == len(whole["turns"]) == len(value["messages"])
    for k in range(len(value["messages"]) + 1):
        shorter = shown(plain({"model": "other", "messages": value["messages"][:k]}))
        assert shorter["chain"] == whole["chain"][:k]
        assert shorter["turns"] == whole["turns"][:k]


@many
@given(chats.filter(lambda v: v["messages"]), st.data())
def test_a_change_in_a_turn_changes_the_chain_from_there_on(value: Any, data: st.DataObject) -> None:
    """(8)"""
    i = data.draw(st.integers(0, len(value["messages"]) - 1))
    path = data.draw(st.sampled_from(places(value["messages"][i])))
    changed = put(value, ("messages", i, *path), data.draw(values))
    assume(frozen(changed) != frozen(value))
    a, b = shown(plain(value)), shown(plain(changed))
    assert [x == y for x, y in zip(a["chain"], b["chain"], strict=True)] == [k < i for k in range(len(value["messages"]))]
    assert all(a["turns"][k] == b["turns"][k] for k in range(len(value["messages"])) if k != i)


def test_framing_of_strings() -> None:
    """(9)"""
    texts = [
        '["ab","c"]',
        '["a","bc"]',
        '["abc"]',
        '["abc",""]',
        '["","abc"]',
        '[["ab"],"c"]',
        '{"ab":"c"}',
        '{"a":"bc"}',
        '{"c":"ab"}',
        '"abc"',
    ]
    assert len({CORE.hash(t.encode()) for t in texts}) == len(texts)


@many
@given(st.text(min_size=2, max_size=12).filter(lambda s: s != "user"), st.data())  # that one is the same when it is swapped with its role
def test_framing_of_turns(s: str, data: st.DataObject) -> None:
    """(9) One turn in two, two in one, role and content swapped: other chains."""
    at = data.draw(st.integers(1, len(s) - 1))

    def head(*contents: str, names: tuple[str, str] = ("role", "content")) -> Any:
        chain = shown(plain({"messages": [{names[0]: "user", names[1]: c} for c in contents]}))["chain"]
        return chain[-1]

    heads = [head(s), head(s[:at], s[at:]), head(s, ""), head("", s), head(s, names=("content", "role"))]
    assert len(set(heads)) == len(heads)


# --- verdicts ---------------------------------------------------------------------------------------------------------


@cache
def builtin() -> _core.Rules:
    root = Path(stateprint.__file__).parent
    packs = [p for kind in ("formats", "rules") for p in sorted((root / kind).glob("*.json"))]
    return _core.Rules([(p.name, p.read_bytes()) for p in packs], lens=twins.LENS)


@cache
def recorded() -> list[dict[str, Any]]:
    """The sample of the corpus, requests with an object as body."""
    return [e for e in twins.exchanges(twins.SAMPLE) if isinstance(e["request"]["body"], dict)]


def verdict(request: dict[str, Any], body: bytes) -> dict[str, Any]:
    answer = _core.classify(builtin(), body, method=request["method"], url=request["url"])
    [row] = answer.exchanges().to_pylist()
    return {**row, "refused": answer.error}


STATEFUL = [
    ("https://api.openai.com/v1/responses", {"model": "gpt-5", "input": "and then?", "previous_response_id": "resp_1"}),
    (
        "https://api.openai.com/v1/responses",
        {"model": "gpt-5", "store": False, "conversation": "conv_1", "input": [{"role": "user", "content": "x"}]},
    ),
    ("https://api.openai.com/v1/threads/thread_1/runs", {"assistant_id": "asst_1"}),
    ("https://api.openai.com/v1/responses", {"model": "gpt-5", "input": "x"}),
]
OF_THE_VERDICT = ["state", "effects", "facts", "api", "operation", "missing"]
requests = st.one_of(
    st.sampled_from(range(len(STATEFUL))).map(lambda i: ({"method": "POST", "url": STATEFUL[i][0]}, STATEFUL[i][1])),
    st.deferred(lambda: st.sampled_from(recorded())).map(lambda e: (e["request"], e["request"]["body"])),
)


@pytest.mark.parametrize(("url", "body"), STATEFUL)
def test_a_stateful_body_that_is_cut_is_never_stateless(url: str, body: dict[str, Any]) -> None:
    """(13) Cut at every byte; by itself, and as the body in a line of a log."""
    text = plain(body)
    request = {"method": "POST", "url": url}
    assert verdict(request, text)["state"] == "stateful"
    lines = []
    for cut in range(len(text)):
        row = verdict(request, text[:cut])
        assert row["state"] != "stateless", text[:cut]
        lines.append(plain({"request": {**request, "body": text[:cut].decode()}}))
    _, rows, _ = scan(b"\n".join(lines) + b"\n")
    assert len(rows) == len(lines)
    assert not [row for row in rows if row["state"] == "stateless"]


def test_a_log_without_bodies_never_gains_a_stateless() -> None:
    """(13) The same exchanges, as a log that keeps only metadata would have them."""
    whole = list(twins.exchanges(twins.SAMPLE)) + [
        {"request": {"method": "POST", "url": u, "body": b}, "response": {}} for u, b in STATEFUL
    ]
    bare = [{"request": {k: v for k, v in e["request"].items() if k != "body"}} for e in whole]
    states = [[row["state"] for row in scan(b"".join(plain(e) + b"\n" for e in log))[1]] for log in (whole, bare)]
    assert len(states[0]) == len(states[1]) == len(whole)
    assert not [(a, b) for a, b in zip(*states, strict=True) if b == "stateless" and a != "stateless"]


@few
@given(requests, st.dictionaries(texts.map(lambda s: "zz " + s), values, max_size=4), seeds)
def test_padding_changes_no_verdict(request: tuple[dict[str, Any], dict[str, Any]], extra: dict[str, Any], seed: int) -> None:
    """(14) Members that no rule knows, white space, and other orders and escapes."""
    about, body = request
    want, wider = verdict(about, plain(body)), Spelling(seed, space=True, order=True, escapes=True)
    for text in (plain({**extra, **body}), wider.write(body).encode(), wider.write({**extra, **body}).encode()):
        got = verdict(about, text)
        assert {k: got[k] for k in OF_THE_VERDICT} == {k: want[k] for k in OF_THE_VERDICT}


@pytest.mark.parametrize(("url", "body"), STATEFUL)
@pytest.mark.parametrize(
    "padding", [{"zz": "x" * 2**20}, {f"zz{i}": i for i in range(30000)}, {"zz": [[]] * 30000}], ids=["text", "members", "elements"]
)
def test_a_megabyte_before_the_state_changes_no_verdict(url: str, body: dict[str, Any], padding: dict[str, Any]) -> None:
    """(14)"""
    request = {"method": "POST", "url": url}
    want, got = verdict(request, plain(body)), verdict(request, plain({**padding, **body}))
    assert {k: got[k] for k in OF_THE_VERDICT} == {k: want[k] for k in OF_THE_VERDICT}


WORDS = {"text", "content", "instructions", "system", "prompt", "input_text"}


def reworded(v: Any, seed: int, name: str = "") -> Any:
    """Text of messages replaced by other text of the same length."""
    if isinstance(v, dict):
        return {k: reworded(m, seed, k) for k, m in v.items()}
    if isinstance(v, list):
        return [reworded(e, seed, name) for e in v]
    if isinstance(v, str) and name in WORDS and not v.lstrip().startswith(("data:", "http", "[", "{")):
        draw = random.Random(f"{seed} {v}")
        return "".join(draw.choice("abcdefgh") if c.isascii() and c.isalpha() else c for c in v)
    return v


@few
@given(st.deferred(lambda: st.sampled_from(recorded())), seeds)
def test_text_does_not_show(exchange: dict[str, Any], seed: int) -> None:
    """(15) Other words of the same length give the same row, but for the hashes."""
    about, body = exchange["request"], exchange["request"]["body"]
    a, b = verdict(about, plain(body)), verdict(about, plain(reworded(body, seed)))
    for row in (a, b):
        for column in ("fingerprint", "payload_hash", "context_hash", "chain_in", "chain_out", "prefix", "turn_hashes", "uid"):
            row.pop(column)
    assert a == b


DETERMINISM = """
import sys, json
sys.path.insert(0, sys.argv[1])
import twins, test_properties as t
data = b"".join(t.plain(e) + b"\\n" for e in t.recorded()[:60])
_, rows, summary = t.scan(data, threads=2)
print(json.dumps([rows, summary], default=str))
"""


def test_other_processes_give_the_same_bytes() -> None:
    """(16) Other hash seed, locale, time zone."""
    out = set()
    for seed, locale, zone in (("0", "C", "UTC"), ("1", "tr_TR.UTF-8", "Asia/Kolkata"), ("4242", "de_DE.UTF-8", "America/New_York")):
        env = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": zone, "PYTHONUTF8": "1"}
        done = subprocess.run([sys.executable, "-c", DETERMINISM, str(Path(__file__).parent)], env=env, capture_output=True, check=True)
        out.add(done.stdout)
    assert len(out) == 1
    assert len(out.pop()) > 10000


# --- logs -------------------------------------------------------------------------------------------------------------


def scan(data: bytes, cuts: list[int] | None = None, threads: int = 1) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """Evidence, rows and summary of a log that is fed in pieces."""
    reader = _core.Scan(builtin(), source="log", source_id="id", format=FORMAT, threads=threads, evidence=True, records="lines")
    rows: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []

    def drain() -> None:
        while (taken := reader.take()) is not None:
            rows.extend(taken[0].to_pylist())
            marks.extend(taken[1].to_pylist() if taken[1] is not None else [])

    edges = [0, *sorted(cuts or []), len(data)]
    for start, end in pairwise(edges):
        if (start + end) % 2:
            reader.feed(data[start:end])
        elif end > start:
            room = reader.room(end - start)
            room[: end - start] = data[start:end]
            reader.commit(end - start)
        drain()
    reader.finish()
    drain()
    return marks, rows, reader.summary()


FORMAT = "pairs"
NOT_JSON = [
    b"{",
    b"}",
    b"nonsense",
    b'{"a":1,}',
    b"[1]",
    b'"x"',
    b"\xff",
    b'{"a":"\x00"}',
    b'{"request":{"body":',
    b"{}{}",
    b"{'a':1}",
    b"\xef\xbb\xbf{}",
]


@cache
def good_lines() -> list[bytes]:
    about = [plain({"request": {"method": "POST", "url": url, "body": body}}) for url, body in STATEFUL]
    return about + [plain(e) for e in recorded()[:40]]


lines = st.one_of(
    st.deferred(lambda: st.sampled_from(good_lines())), st.sampled_from([*NOT_JSON, b"", b"  ", b"{}", b'{"body":{"model":"m"}}\r'])
)
logs = st.lists(lines, max_size=12).map(lambda ls: b"".join(line + b"\n" for line in ls))


@few
@given(logs, st.data(), st.integers(1, 4), st.sampled_from([b"", b'{"request":{"body":{}}}', b'{"cut']))
def test_a_stream_is_one_piece(log: bytes, data: st.DataObject, threads: int, rest: bytes) -> None:
    """(10) Any cuts, any number of threads."""
    log += rest
    cuts = data.draw(st.lists(st.integers(0, len(log)), max_size=8))
    assert scan(log, cuts, threads) == scan(log)


def test_a_stream_byte_by_byte() -> None:
    """(10)"""
    log = b"\n".join([*good_lines()[:4], *NOT_JSON, b"", good_lines()[1]])
    assert scan(log, list(range(len(log)))) == scan(log)


def totals(summary: dict[str, Any]) -> Counter[str]:
    out = Counter({k: summary[k] for k in ("lines_total", "lines_blank", "lines", "bytes")})
    for group in ("classified", "rejected", "flags"):
        out.update({f"{group} {k}": n for k, n in summary[group].items() if n})
    return out


@few
@given(logs, logs)
def test_counts_add_up(a: bytes, b: bytes) -> None:
    """(11) And nothing is lost: every line is blank, classified, or rejected."""
    assume(not b.startswith(b"\xef\xbb\xbf"))  # a byte order mark at the start of a file is another thing than one in it
    assume(not a.startswith(b"\xef\xbb\xbf"))
    together = scan(a + b)[2]
    assert totals(scan(a)[2]) + totals(scan(b)[2]) == totals(together)
    assert together["lines_total"] == together["lines_blank"] + together["lines"] == (a + b).count(b"\n")
    assert together["lines"] == sum(together["classified"].values()) + sum(together["rejected"].values())


WHERE = ("line", "byte_start", "byte_end", "uid")


@few
@given(st.lists(lines, max_size=8), st.integers(0, 8), st.sampled_from(NOT_JSON))
def test_a_bad_line_changes_no_other(around: list[bytes], at: int, bad: bytes) -> None:
    """(12) Only line numbers and positions after it."""
    at = min(at, len(around))
    assume(not (bad.startswith(b"\xef\xbb\xbf") and at == 0) and not (around and around[0].startswith(b"\xef\xbb\xbf")))

    def log(ls: list[bytes]) -> bytes:
        return b"".join(line + b"\n" for line in ls)

    def rows(ls: list[bytes]) -> list[dict[str, Any]]:
        return scan(log(ls))[1]

    before, after = rows(around), rows([*around[:at], bad, *around[at:]])
    [the_bad] = [row for row in after if row["line"] == at + 1]
    assert the_bad["state"] is None
    assert the_bad["error"] is not None
    others = [row for row in after if row is not the_bad]
    assert [{k: v for k, v in row.items() if k not in WHERE} for row in others] == [
        {k: v for k, v in row.items() if k not in WHERE} for row in before
    ]
    for old, new in zip(before, others, strict=True):
        moved = len(bad) + 1 if new["line"] > at + 1 else 0
        assert new["byte_start"] - old["byte_start"] == new["byte_end"] - old["byte_end"] == moved
        assert new["line"] - old["line"] == (1 if moved else 0)
