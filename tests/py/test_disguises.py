"""33 ways to make a stateful request look stateless: none ends as `stateless` without any flag."""

import base64
import copy
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from harness import cases, compact, pair_line, scan_lines

Case = dict[str, Any]


def samples() -> list[tuple[Case, str]]:
    """(case, key): stateful requests in which a member of the body decides, with `store: false` where that is what the API knows."""
    chosen = [c for c in cases() if c["verdict"] == "stateful" and isinstance(c["request"]["body"], dict) and c["request"].get("url")]
    result = scan_lines((compact(pair_line(c)) for c in chosen), evidence=True)
    found = []
    for case, row in zip(chosen, result.rows, strict=True):
        for mark in result.marks_of(row):
            key = (mark["pointer"] or "").removeprefix("/")
            proves = mark["holds"] and mark["effect"] in {"read", "write", "manage"} and mark["basis"] == "explicit"
            if proves and mark["place"] == "payload" and key in case["request"]["body"]:
                case = {**copy.deepcopy(case), "response": None}
                if case["operation"] == "responses.create" and key != "store":
                    case["request"]["body"].setdefault("store", False)
                found.append((case, key))
                break
    return found


@pytest.fixture(scope="module")
def stateful() -> list[tuple[Case, str]]:
    found = samples()
    assert len(found) > 40
    return found


def body_text(case: Case, key: str, *, name: str | None = None, value: Any = ..., before: str = "", after: str = "") -> str:
    """The body with the deciding member last, spelled as told; `before` and `after` are members as text."""
    body = case["request"]["body"]
    rest = [f"{json.dumps(k)}:{json.dumps(v)}" for k, v in body.items() if k != key]
    own = f'"{name if name is not None else key}":{json.dumps(body[key] if value is ... else value)}'
    return "{" + ",".join([*rest, *([before] if before else []), own, *([after] if after else [])]) + "}"


def line(case: Case, body: str, **request: Any) -> bytes:
    """A pair line around a body as text."""
    head = json.dumps({**{k: v for k, v in case["request"].items() if k != "body"}, **request})[:-1]
    return f'{{"id":{json.dumps(case["id"])},"request":{head},"body":{body}}}}}'.encode("utf-8", "surrogatepass")


def as_string(text: str, layers: int) -> str:
    for _ in range(layers):
        text = json.dumps(text)
    return text


def escape(text: str) -> str:
    return "".join(f"\\u{ord(c):04x}" for c in text)


def cut_points(text: str) -> list[int]:
    return [len(text) * i // 11 for i in range(1, 11)]


def elsewhere(url: str, change: Callable[[str], str]) -> str:
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}/{change(path)}"


def percent(path: str) -> str:
    at = next((i for i, c in enumerate(path) if c.isalpha()), 0)
    return path[:at] + f"%{ord(path[at]):02x}" + path[at + 1 :] if path else path


Disguise = Callable[[Case, str], list[bytes]]


def spelled(**options: Any) -> Disguise:
    return lambda case, key: [line(case, body_text(case, key, **{k: v(key) if callable(v) else v for k, v in options.items()}))]


def moved(change: Callable[[str], str]) -> Disguise:
    return lambda case, key: [line(case, body_text(case, key), url=elsewhere(case["request"]["url"], change))]


def wrapped(text: Callable[[str], str], **request: Any) -> Disguise:
    return lambda case, key: [line(case, text(body_text(case, key)), **request)]


def in_envelope(case: Case, key: str) -> list[bytes]:
    """A second body beside the first, harmless one: before it and after it."""
    harmless = '{"model":"m","input":"hi","messages":[{"role":"user","content":"hi"}],"store":false}'
    own = body_text(case, key)
    head = json.dumps({k: v for k, v in case["request"].items() if k != "body"})[:-1]
    return [f'{{"id":"1","request":{head},"body":{a},"body":{b}}}}}'.encode() for a, b in ((harmless, own), (own, harmless))]


def mix_case(path: str) -> str:
    return "".join(c.upper() if i % 2 else c for i, c in enumerate(path))


OTHER_TYPES: list[Any] = [7, True, [], {}, [None]]
DISGUISES: dict[str, Disguise] = {
    "key escaped in one letter": spelled(name=lambda k: escape(k[0]) + k[1:]),
    "key escaped in all letters": spelled(name=escape),
    "duplicated, null first": spelled(before=lambda k: f'"{k}":null'),
    "duplicated, null last": spelled(after=lambda k: f'"{k}":null'),
    "duplicated, other id": spelled(after=lambda k: f'"{k}":"resp_other"'),
    "duplicated in the envelope": in_envelope,
    "upper case": spelled(name=lambda k: k.upper() if k.upper() != k else k.lower()),
    "trailing blank": spelled(name=lambda k: k + " "),
    "zero-width joiner": spelled(name=lambda k: k[:2] + "\u200d" + k[2:]),
    "homoglyph": spelled(name=lambda k: k.translate(str.maketrans("aceiops", "асеіорѕ"))),
    "byte order mark": spelled(name=lambda k: k + "\ufeff"),
    "NUL suffix": spelled(name=lambda k: k + "\\u0000"),
    "1 MiB of text before it": spelled(before='"x_text":"' + "x" * (1 << 20) + '"'),
    "100,000 unknown keys before it": spelled(before=",".join(f'"x{i}":0' for i in range(100_000))),
    "deep decoy before it": spelled(before='"x_deep":' + '{"a":' * 200 + "1" + "}" * 200),
    "body as a string": wrapped(lambda text: as_string(text, 1)),
    "body as a string twice": wrapped(lambda text: as_string(text, 2)),
    "body as a string five times": wrapped(lambda text: as_string(text, 5)),
    "body in base64": lambda case, key: [
        line(case, json.dumps(base64.b64encode(body_text(case, key).encode("utf-8", "surrogatepass")).decode()), isBase64Encoded=mark)
        for mark in (True, False)
    ],
    "base64 of gzip": lambda case, key: [
        line(
            case,
            json.dumps(base64.b64encode(gzip.compress(body_text(case, key).encode("utf-8", "surrogatepass"))).decode()),
            isBase64Encoded=mark,
        )
        for mark in (True, False)
    ],
    "body cut at 10 places": lambda case, key: [
        line(case, json.dumps(text[:at])) for text in (body_text(case, key),) for at in cut_points(text)
    ],
    "body redacted": wrapped(lambda _: '"[REDACTED]"'),
    "body null": wrapped(lambda _: "null"),
    "value of another type": lambda case, key: [line(case, body_text(case, key, value=value)) for value in OTHER_TYPES],
    "value blank": lambda case, key: [line(case, body_text(case, key, value=value)) for value in ("", " ", "\u200b")],
    "bad UTF-8 after it": lambda case, key: [
        line(case, body_text(case, key)).replace(b"}}", b',"x":"\xff"}}', 1),
        line(case, body_text(case, key)) + b"\xff",
    ],
    "NUL after it": lambda case, key: [line(case, body_text(case, key)) + b"\x00"],
    "a second document after a harmless one": lambda case, key: [
        line(case, '{"model":"m","input":"hi","store":false}') + line(case, body_text(case, key)),
        line(case, json.dumps('{"model":"m","input":"hi","store":false}' + body_text(case, key))),
    ],
    "path percent-coded": moved(percent),
    "dot segments": moved(lambda path: "x/../" + path),
    "double slash": moved(lambda path: path.replace("/", "//", 1)),
    "path in another case": moved(mix_case),
    "harmless path in the query": moved(lambda path: path + ("&" if "?" in path else "?") + "path=/v1/chat/completions"),
}
FEW = {"1 MiB of text before it", "100,000 unknown keys before it", "deep decoy before it"}


def test_there_are_33() -> None:
    assert len(DISGUISES) == 33


@pytest.mark.parametrize("name", DISGUISES)
def test_no_plain_stateless(name: str, stateful: list[tuple[Case, str]]) -> None:
    chosen = stateful[::12] if name in FEW else stateful
    made = [(case["id"], key, made) for case, key in chosen for made in DISGUISES[name](case, key)]
    result = scan_lines(text for *_, text in made)
    assert len(result.rows) == len(made)
    plain = {
        f"{case} /{key}": text[-300:].decode("utf-8", "replace")
        for (case, key, text), row in zip(made, result.rows, strict=True)
        if row["state"] == "stateless" and not row["flags"]
    }
    assert plain == {}


def test_the_samples_are_stateful_undisguised(stateful: list[tuple[Case, str]]) -> None:
    result = scan_lines(line(case, body_text(case, key)) for case, key in stateful)
    assert {row["state"] for row in result.rows} == {"stateful"}
