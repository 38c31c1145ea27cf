"""docs/fingerprint.md: vectors, the twins against the core, and what a change at each place of a payload changes."""

from __future__ import annotations

import base64
import json
import random
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import reference
import stateprint
import twins
from stateprint import _core
from twins import Case, Core

VECTORS = twins.vectors()
GOOD = [v for v in VECTORS if "out" in v]
BAD = [v for v in VECTORS if "refused" in v]
LAYOUTS = {v["name"].split(":")[0]: v["layout"] for v in GOOD if v.get("layout")}
RFC8785 = twins.DATA / "rfc8785"


def data_of(v: dict[str, Any]) -> bytes:
    return base64.b64decode(v["payload_base64"]) if "payload_base64" in v else v["payload"].encode("utf-8")


def response_of(v: dict[str, Any]) -> bytes | None:
    return v["response"].encode("utf-8") if "response" in v else None


def ids(vs: list[dict[str, Any]]) -> list[str]:
    return [v["name"] for v in vs]


@pytest.fixture(scope="session")
def jansson(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return twins.build_jansson_twin(tmp_path_factory.mktemp("twin"))


@pytest.fixture(scope="session")
def cores() -> dict[str, Core]:
    """By key in hex; "" without a key. All cases of all vectors."""
    cases = [Case.of(v) for v in GOOD]
    keys = {v["key"] for v in GOOD if "key" in v}
    return {"": Core(cases)} | {key: Core(cases, key=bytes.fromhex(key)) for key in keys}


# --- vectors ----------------------------------------------------------------------------------------------------------


def test_vectors_are_what_the_generator_writes() -> None:
    done = subprocess.run([sys.executable, str(twins.ROOT / "tools" / "make_vectors.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_vectors_are_many_and_distinct() -> None:
    assert len(GOOD) > 180
    assert len(BAD) > 10
    assert len({v["name"] for v in VECTORS}) == len(VECTORS)


@pytest.mark.parametrize("v", GOOD, ids=ids(GOOD))
def test_vector_python(v: dict[str, Any]) -> None:
    f = reference.fingerprint(data_of(v), v.get("layout"), response_of(v))
    assert twins.reference_form(f, Case.of(v)) == v["out"]
    if "key" in v:
        assert twins.reference_form(f.keyed(bytes.fromhex(v["key"])), Case.of(v)) == v["keyed"]


@pytest.mark.parametrize("v", BAD, ids=ids(BAD))
def test_vector_refused_python(v: dict[str, Any]) -> None:
    with pytest.raises(reference.RefusedError) as e:
        reference.read(data_of(v))
    assert e.value.reason == v["refused"]


@pytest.mark.parametrize("v", GOOD, ids=ids(GOOD))
def test_vector_core(v: dict[str, Any], cores: dict[str, Core]) -> None:
    if v["payload"] == '""':
        assert cores[""].row(data_of(v))["body_state"] == "absent"  # an empty string in place of a body is no body
        return
    assert cores[""].shown(data_of(v), Case.of(v), response_of(v)) == v["out"]
    if "key" in v:
        assert cores[v["key"]].shown(data_of(v), Case.of(v), response_of(v)) == v["keyed"]


@pytest.mark.parametrize("v", BAD, ids=ids(BAD))
def test_vector_refused_core(v: dict[str, Any], cores: dict[str, Core]) -> None:
    row = cores[""].row(data_of(v))
    assert row["refused"]
    assert row["refused"]["reason"] == v["refused"]
    assert row["fingerprint"] is None
    assert row["payload_hash"] is None


def test_vectors_jansson(jansson: Path) -> None:
    compared = 0
    for v in GOOD:
        if "\n" in v["payload"]:
            continue
        [line] = twins.run_jansson_twin(jansson, [data_of(v)], v.get("layout"))
        if line is not None:
            assert {k: line[k] for k in ("payload", "shape", "context", "chain", "turns")} == {
                k: v["out"][k] for k in ("payload", "shape", "context", "chain", "turns")
            }, v["name"]
            compared += 1
    assert compared > 150


# --- the rest of the primitives ---------------------------------------------------------------------------------------


def test_siphash_of_the_reference_implementation() -> None:
    """The first two of the official vectors for 128 bits, and one more computed with OpenSSL's SIPHASH (size 16)."""
    key = bytes(range(16))
    assert reference.siphash128(key, b"").hex() == "a3817f04ba25a8e66df67214c7550293"
    assert reference.siphash128(key, b"\0").hex() == "da87c1d86b99af44347659119b22fc45"
    assert reference.siphash128(key, bytes(range(16))).hex() == SIPHASH_OF_16


SIPHASH_OF_16 = "6ee2a4ca67b054bbfd3315bf85230577"


def test_xxh3_of_the_package() -> None:
    lines = [line for line in (twins.DATA / "xxh3-vectors" / "vectors.jsonl").read_text("ascii").split("\n") if line]
    empty = next(v for v in map(json.loads, lines) if v["len"] == 0 and int(v["seed"], 16) == 0)
    assert reference.x64(b"").hex() == empty["xxh3_64"]
    assert reference.x128(b"").hex() == empty["xxh3_128"]


def test_depth_leaves_the_recursion_limit_alone() -> None:
    before = sys.getrecursionlimit()
    reference.fingerprint(b"[" * 1024 + b"]" * 1024)
    assert sys.getrecursionlimit() == before


# --- the public function ----------------------------------------------------------------------------------------------


def test_public_function_gives_the_same_hashes() -> None:
    body = b'{"model":"gpt-5","messages":[{"role":"system","content":"s"},{"role":"user","content":"x"}],"tools":[]}'
    f = stateprint.fingerprint(body, url="https://api.openai.com/v1/chat/completions")
    r = reference.fingerprint(body, {"turns": ["/messages"]})
    assert (f.payload, f.shape) == (r.payload.hex(), r.shape.hex())
    assert list(f.chain) == [h.hex() for h in r.chain]
    assert len(f.turns) == 2
    assert f.text.startswith("sp1_openai.chat")
    assert f.text.endswith(f"_t02u00_{f.shape}_{f.context}_{f.chain[0][:16]}")


def test_a_payload_that_is_refused_has_no_fingerprint() -> None:
    with pytest.raises(stateprint.PayloadError):
        stateprint.fingerprint(b'{"a":')


# --- RFC 8785 ---------------------------------------------------------------------------------------------------------


def rfc8785_names() -> list[str]:
    names = sorted(p.name for p in (RFC8785 / "input").glob("*.json"))
    assert len(names) == 6
    return names


def core_hash(data: bytes) -> str | None:
    return twins.plain().hash(data)


def reference_hash(data: bytes) -> str | None:
    try:
        return reference.fingerprint(data).payload.hex()
    except reference.RefusedError:
        return None


HASHES: list[Callable[[bytes], str | None]] = [core_hash, reference_hash]


@pytest.mark.parametrize("of", HASHES)
def test_rfc8785_input_and_output_are_one_value(of: Callable[[bytes], str | None]) -> None:
    seen = set()
    for name in rfc8785_names():
        h = of((RFC8785 / "input" / name).read_bytes())
        assert h is not None
        assert h == of((RFC8785 / "output" / name).read_bytes()), name
        seen.add(h)
    assert len(seen) == 6


def es6_numbers() -> Iterator[tuple[float, str]]:
    for part in ("first1000", "random1000"):
        for line in (RFC8785 / f"es6-numbers-{part}.txt").read_text("ascii").split():
            bits, text = line.split(",")
            yield struct.unpack(">d", bytes.fromhex(bits.zfill(16)))[0], text


@pytest.mark.parametrize("of", [reference.canonical_number, _core.canonical_number])
def test_es6_numbers(of: Callable[[str], str]) -> None:
    """Spelled with 17 digits and an exponent, and with 25; both must come back as ECMAScript writes the double."""
    n = 0
    for x, text in es6_numbers():
        assert of(f"{x:.16e}") == text
        assert of(f"{x:.24E}") == text
        n += 1
    assert n == 2000


def test_numbers_core_is_the_twin() -> None:
    """Random doubles, powers of two and their neighbours, and decimal literals with every kind of spelling."""
    draw = random.Random(8785)
    literals = [f"{2.0**e:.16e}" for e in range(-1074, 1024)]
    for _ in range(4000):
        x = struct.unpack("<d", draw.randbytes(8))[0]
        if abs(x) < float("inf"):
            literals += [f"{x!r}", f"{x:.15e}", f"{x:.30E}"]
    for _ in range(4000):
        mantissa = str(draw.randrange(10 ** draw.randrange(1, 25)))
        fraction = "." + str(draw.randrange(10 ** draw.randrange(1, 25))) if draw.random() < 0.7 else ""
        exponent = draw.choice(["", "e", "E", "e+", "E-", "e-0", "E+00"])
        literals.append(draw.choice(["", "-"]) + mantissa + fraction + (exponent and exponent + str(draw.randrange(340))))
    for literal in literals:
        assert _core.canonical_number(literal) == reference.canonical_number(literal), literal


# --- pointers ---------------------------------------------------------------------------------------------------------


def test_layouts_of_one_pack_do_not_disturb_each_other() -> None:
    """`*`, an index and a name at the same place, each in a layout of its own, in one rule set."""
    pointers = ["/o/*", "/o/m", "/o/0", "/o/1", "/o/*/c", "/o/m/c", "/o/0/c", "/o", "/*/m", "/*/0/c"]
    cases = [Case({"turns": ["/t"], "response": [p]}, "x", p) for p in pointers]
    core = Core(cases)
    answers = [b'{"o":{"m":{"c":1},"n":{"c":2},"0":{"c":3}}}', b'{"o":[{"c":1},{"c":2},{"m":3}]}', b'{"o":[],"p":{"m":1}}', b'{"o":"x"}']
    wrong = []
    for case in cases:
        for answer in answers:
            f = reference.fingerprint(b"{}", case.layout, answer)
            if core.shown(b"{}", case, answer) != twins.reference_form(f, case):
                wrong.append((case.operation, answer))
    assert not wrong


# --- corpora ----------------------------------------------------------------------------------------------------------

WIDE = {
    "turns": ["/messages", "/input", "/contents", "/prompt"],
    "turn_content": ["content", "parts", "output", "tool_calls"],
    "context": ["/system", "/instructions", "/systemInstruction", "/tools", "/toolConfig"],
    "context_roles": ["system", "developer"],
    "response": ["/output/*", {"role": "/choices/0/message/role", "content": "/choices/0/message/content"}],
    "tools": "/tools",
}
WIDE_CASE = Case(WIDE, "wide", "wide")


def corpus(limit: int = 900) -> Iterator[tuple[bytes, bytes | None]]:
    """Requests and responses of the sample, and evenly drawn ones of the shared corpus where it is there."""
    for path in twins.corpus_files():
        n = 0
        for e in twins.exchanges(path, 1 if path == twins.SAMPLE else 40):
            body, answer = e["request"]["body"], e["response"]["body"]
            if isinstance(body, dict) and n < limit:
                n += 1
                yield twins.dumps(body), twins.dumps(answer) if isinstance(answer, dict) else None


def test_corpus_core_is_the_twin() -> None:
    core = Core([WIDE_CASE])
    n = turns = answers = 0
    for body, answer in corpus():
        f = reference.fingerprint(body, WIDE, answer)
        assert core.shown(body, WIDE_CASE, answer) == twins.reference_form(f, WIDE_CASE)
        n, turns, answers = n + 1, turns + len(f.turns), answers + (f.chain_out is not None)
    assert n > 100
    assert turns > n / 2
    assert answers == 20 if list(twins.corpus_files()) == [twins.SAMPLE] else answers > 20


def test_corpus_jansson_is_the_twin(jansson: Path) -> None:
    payloads = [body for body, _ in corpus()]
    for body, line in zip(payloads, twins.run_jansson_twin(jansson, payloads, WIDE), strict=True):
        assert line is not None, "nothing in the corpus is beyond jansson"
        assert line == twins.jansson_form(reference.fingerprint(body, WIDE))


def test_the_shared_corpus_is_looked_at() -> None:
    if twins.shared() is None:
        pytest.skip("no STATEPRINT_SHARED and no folder `shared` beside the repository: the corpus tests saw only the sample")
    assert len(twins.corpus_files()) > 1


def builtin_packs() -> list[tuple[str, bytes]]:
    root = Path(stateprint.__file__).parent
    return [(p.name, p.read_bytes()) for kind in ("formats", "rules") for p in sorted((root / kind).glob("*.json"))]


def builtin_layouts(packs: list[tuple[str, bytes]]) -> dict[tuple[str, str], dict[str, Any] | None]:
    """(api, operation) -> layout, where all endpoints and shapes of that name agree on it."""
    layouts: dict[str, dict[str, Any]] = {}
    named: dict[tuple[str, str], set[str | None]] = {}
    for _, text in packs:
        pack = json.loads(text)
        layouts |= {entry["id"]: entry for entry in pack.get("layouts", [])}
        for entry in pack.get("endpoints", []) + pack.get("shapes", []):
            named.setdefault((entry["api"], entry["operation"]), set()).add(entry.get("layout"))
    return {name: layouts[i] if (i := next(iter(used))) else None for name, used in named.items() if len(used) == 1}


def test_corpus_with_the_builtin_packs() -> None:
    """Every row whose operation is known has the fingerprint that the twin finds with the layout of that operation."""
    packs = builtin_packs()
    layouts = builtin_layouts(packs)
    rules = _core.Rules(packs, lens=twins.LENS)
    used, n = set(), 0
    for path in twins.corpus_files():
        for e in twins.exchanges(path, 1 if path == twins.SAMPLE else 40):
            request, answer = e["request"], e["response"]["body"]
            if not isinstance(request["body"], dict):
                continue
            body, answer = twins.dumps(request["body"]), twins.dumps(answer) if isinstance(answer, dict) else None
            found = _core.classify(rules, body, method=request["method"], url=request["url"], response=answer)
            [row] = found.exchanges().to_pylist()
            name = (row["api"], row["operation"])
            if name not in layouts or row["payload_bytes"] != len(body):
                continue
            f = reference.fingerprint(body, layouts[name], answer)
            assert twins.core_form(row) == twins.reference_form(f, Case(layouts[name], *name, tuple(row["effects"] or ())))
            used.add((layouts[name] or {}).get("id"))
            n += 1
    assert n > 50
    assert len(used) > 3


# --- what a change changes --------------------------------------------------------------------------------------------
#
# A plain model of section 5 over Python values decides what belongs where: two payloads must agree in a hash exactly if they
# agree in what the hash is of. Beside it stands the rule by places, for changes of a value that keeps its type.


def draw_payload(draw: random.Random, api: str) -> dict[str, Any]:
    def word() -> str:
        return draw.choice(["what", "is", "demurrage", "caf\u00e9", "\U0001f602", "", "a\nb"]) + str(draw.randrange(100))

    def extra() -> Any:
        return draw.choice([word(), draw.randrange(1000), 0.5, True, None, [1, word()], {"k": word(), "l": {"m": {"n": 1}}}, [], {}])

    def text() -> Any:
        if api == "gemini":
            return [{"text": word()}]
        return draw.choice([word(), [{"type": "text", "text": word()}], [{"type": "text", "text": word(), "x": extra()}, {"text": word()}]])

    def turn(role: str) -> Any:
        out = {"role": role, {"gemini": "parts"}.get(api, "content"): text()}
        if draw.random() < 0.3:
            out[draw.choice(["id", "name", "extra"])] = extra()
        return out

    roles = ["system", "user", "assistant", "user", "assistant"] if api in ("chat", "responses") else ["user", "assistant", "user"]
    turns = [turn(role) for role in roles[: draw.randrange(1, 6)]]
    schema = {"type": "object", "properties": {word() + "p": {"type": "string"}}}
    tools = [{"name": word(), "parameters": schema} for _ in range(draw.randrange(3))]
    out: dict[str, Any] = {"model": word(), "x": extra(), "y": extra()}
    match api:
        case "chat":
            out |= {"messages": turns, "tools": tools, "temperature": 0.25}
        case "responses":
            out |= {"input": draw.choice([word(), turns, turns]), "instructions": draw.choice([None, word()]), "store": False}
        case "anthropic":
            out |= {"system": text(), "messages": turns, "tools": tools}
        case "gemini":
            out |= {"contents": turns, "systemInstruction": {"parts": [{"text": word()}]}, "generationConfig": {"topK": 1}}
        case "converse":
            out |= {"messages": turns, "toolConfig": {"tools": tools}}
    return out


Path_ = tuple[Any, ...]


def places(v: Any, path: Path_ = ()) -> Iterator[Path_]:
    yield path
    if isinstance(v, dict):
        for k, m in v.items():
            yield from places(m, (*path, k))
    elif isinstance(v, list):
        for i, e in enumerate(v):
            yield from places(e, (*path, i))


def get(v: Any, path: Path_) -> Any:
    for step in path:
        v = v[step]
    return v


def put(v: Any, path: Path_, new: Any) -> Any:
    if not path:
        return new
    below = put(v[path[0]], path[1:], new)
    if isinstance(v, dict):
        return {k: below if k == path[0] else m for k, m in v.items()}
    return [below if i == path[0] else e for i, e in enumerate(v)]


def without(v: Any, path: Path_) -> Any:
    around = get(v, path[:-1])
    if isinstance(around, dict):
        return put(v, path[:-1], {k: m for k, m in around.items() if k != path[-1]})
    return put(v, path[:-1], [e for i, e in enumerate(around) if i != path[-1]])


def mutations(payload: Any, path: Path_) -> Iterator[tuple[str, Any]]:
    v = get(payload, path)
    other: dict[type, list[Any]] = {
        str: [7, None, [v], {"a": v}, True],
        bool: [str(v).lower(), None],
        int: [str(v), None, [v]],
        float: [str(v), None],
        type(None): [0, "null", False],
        list: [{}, None, "x"],
        dict: [[], None, "x"],
    }
    match v:
        case bool():
            yield "value", put(payload, path, not v)
        case str():
            yield "value", put(payload, path, v + "x")
            yield "value", put(payload, path, "x" + v)
        case int() | float():
            yield "value", put(payload, path, v + 1)
        case dict():
            yield "member added", put(payload, path, v | {"zz": 1})
            for k in v:
                renamed = {(k + "z" if name == k else name): m for name, m in v.items()}
                yield "member renamed", put(payload, path, renamed)
        case list():
            yield "element added", put(payload, path, [*v, "zz"])
            yield "element added", put(payload, path, [None, *v])
            if len(v) > 1 and v != v[::-1]:
                yield "order", put(payload, path, v[::-1])
    for new in other[type(v)]:
        yield "type", put(payload, path, new)
    if path:
        yield "removed", without(payload, path)


def frozen(v: Any) -> Any:
    if isinstance(v, dict):
        return ("object", frozenset((k, frozen(m)) for k, m in v.items()))
    if isinstance(v, list):
        return ("array", tuple(frozen(e) for e in v))
    return (type(v).__name__.replace("float", "int"), v)


def outline(v: Any, d: int) -> Any:
    """What `shape` is of."""
    if isinstance(v, dict):
        return ("object", frozenset((k, outline(m, d + 1)) for k, m in v.items())) if d <= 3 else "o"
    if isinstance(v, list):
        return ("array", frozenset(outline(e, d) for e in v)) if d <= 4 else "a"
    return type(v).__name__.replace("float", "int")


def member(v: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        v = v.get(step) if isinstance(v, dict) else None
    return v


def model(payload: Any, layout: dict[str, Any]) -> dict[str, Any]:
    turns: list[Any] = []
    for pointer in layout["turns"]:
        v = member(payload, pointer)
        turns += v if isinstance(v, list) else [] if v is None else [v]
    contents = []
    for t in turns:
        named = [t[name] for name in layout["turn_content"] if isinstance(t, dict) and t.get(name) is not None]
        contents.append(named[0] if named else t)
    context = [(p, member(payload, p)) for p in layout["context"] if member(payload, p) is not None]
    roles = layout.get("context_roles", [])
    context += [("*", t) for t in turns if isinstance(t, dict) and isinstance(t.get("role"), str) and t["role"] in roles]
    return {
        "payload": frozen(payload),
        "shape": outline(payload, 1),
        "context": frozen([[name, v] for name, v in context]),
        "turns": [frozen(c) for c in contents],
        "chain": [frozen(turns[: i + 1]) for i in range(len(turns))],
    }


def same(a: Any, b: Any) -> Any:
    """Where two forms agree: for hashes, and position by position for lists (their lengths being part of it)."""
    if isinstance(a, list):
        return [x == y for x, y in zip(a, b, strict=False)] + [False] * abs(len(a) - len(b))
    return a == b


def check_place(layout: dict[str, Any], payload: Any, path: Path_, before: dict[str, Any], after: dict[str, Any]) -> None:
    """A value that keeps its type: the sections that its place belongs to, and no others."""
    [turns_name] = [p[1:] for p in layout["turns"]]
    turns = payload[turns_name]
    in_turn = bool(path) and path[0] == turns_name and (isinstance(turns, str) or len(path) > 1)
    i = path[1] if in_turn and not isinstance(turns, str) else 0
    role = in_turn and isinstance(turns, list) and turns[i]["role"] in layout.get("context_roles", [])
    assert before["payload"] != after["payload"]
    assert before["shape"] == after["shape"]
    assert len(before["chain"]) == len(after["chain"])
    for k in range(len(before["chain"])):
        assert (before["chain"][k] != after["chain"][k]) == (in_turn and k >= i), (path, k)
        in_content = isinstance(turns, str) or (len(path) > 2 and path[2] in layout["turn_content"])
        assert (before["turns"][k] != after["turns"][k]) == (in_turn and k == i and in_content), (path, k)
    in_context = bool(path) and any(path[: p.count("/")] == tuple(p.split("/")[1:]) for p in layout["context"])
    assert (before["context"] != after["context"]) == (in_context or role), path


def mutate_and_check(api: str, seed: int, show: Callable[[bytes], dict[str, Any]]) -> int:
    layout = LAYOUTS[api]
    payload = draw_payload(random.Random(f"{api} {seed}"), api)
    before, was = show(twins.dumps(payload)), model(payload, layout)
    n = 0
    for path in places(payload):
        for what, mutant in mutations(payload, path):
            after, now = show(twins.dumps(mutant)), model(mutant, layout)
            assert before["payload"] != after["payload"], (what, path)
            for part in ("payload", "shape", "context", "turns", "chain"):
                assert same(before[part], after[part]) == same(was[part], now[part]), (api, seed, what, path, part)
            if what == "value":
                check_place(layout, payload, path, before, after)
            n += 1
    return n


APIS = ["chat", "responses", "anthropic", "gemini", "converse"]


@pytest.mark.parametrize("api", APIS)
def test_mutations_core(api: str) -> None:
    """100 payloads in all."""
    case = Case(LAYOUTS[api], api, api)
    core = Core([case])
    assert sum(mutate_and_check(api, seed, lambda b: core.shown(b, case)) for seed in range(20)) > 1000


@pytest.mark.parametrize("api", APIS)
def test_mutations_python(api: str) -> None:
    """A few of the same payloads: it is slow."""
    case = Case(LAYOUTS[api], api, api)

    def show(b: bytes) -> dict[str, Any]:
        return twins.reference_form(reference.fingerprint(b, LAYOUTS[api]), case)

    assert sum(mutate_and_check(api, seed, show) for seed in range(4)) > 200
