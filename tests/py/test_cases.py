"""452 exchanges with the verdict that the APIs' documentation gives them, in every form in which a log may hold them."""

import copy
import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

import stateprint as sp
from harness import batch_line, cases, compact, contrary, engine, flat_line, pair_line, scan_lines

Case = dict[str, Any]
EFFECTS = {e: e.lower() for e in ("READ", "WRITE", "MANAGE", "RETAIN", "REFERENCE", "CACHE", "REPLAY", "LABEL")}

# Names that the cases and the rule pack spell differently: (api, operation) of the case -> of the pack. `*` keeps the operation.
MAP: dict[tuple[str, str], tuple[str, str]] = {
    ("azure.assistants", "*"): ("openai.assistants", "*"),
    ("azure.chat_completions", "*"): ("openai.chat_completions", "*"),
    ("azure.embeddings", "*"): ("openai.embeddings", "*"),
    ("azure.realtime", "*"): ("openai.realtime", "*"),
    ("azure.responses", "*"): ("openai.responses", "*"),
    ("openai.chat", "*"): ("openai.chat_completions", "*"),
    ("openai.audio", "audio.transcriptions"): ("openai.audio", "audio.transcriptions.create"),
}
# Nothing in the request of `kong-chat` names Kong: a customer's own host, a path that many gateways have, no header.
PROVIDERS: dict[str, str] = {"kong": "unknown"}
# Cases that are held to be wrong, with the reason.
CORRECTED: dict[str, dict[str, Any]] = {
    # The host is the customer's own, and without the gateway's headers nothing in the request names Kong. A context file can.
    "kong-chat": {"provider": "unknown"},
}


def wanted(case: Case) -> dict[str, Any]:
    key = (case["api"], case["operation"])
    api, operation = MAP.get(key) or MAP.get((case["api"], "*")) or key
    expected = {
        "state": case["verdict"],
        "effects": sorted(EFFECTS[e] for e in case["effects"]),
        "provider": PROVIDERS.get(case["provider"], case["provider"]),
        "api": api,
        "operation": case["operation"] if operation == "*" else operation,
    }
    return {**expected, **CORRECTED.get(case["id"], {})}


def got_of(row: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    if row["error"]:
        return {"error": row["error"]}
    got = {k: row[k] for k in keys}
    got["effects"] = sorted(got["effects"] or [])
    for key in ("provider", "api", "operation"):
        if key in got:
            got[key] = got[key] or "unknown"
    return got


def differences(chosen: list[Case], lines: list[bytes], *, but: tuple[str, ...] = (), form: str | None = None) -> dict[str, Any]:
    """id -> {column: (wanted, got)} over all cases whose row differs."""
    result = scan_lines(lines, form=form)
    assert len(result.rows) == len(lines)
    wrong = {}
    for case, row in zip(chosen, result.rows, strict=True):
        want = {k: v for k, v in wanted(case).items() if k not in but}
        got = got_of(row, want)
        if got != want:
            wrong[case["id"]] = {k: (v, got.get(k, got)) for k, v in want.items() if got.get(k) != v}
    return wrong


def with_events(case: Case) -> bool:
    return "events" in (case.get("response") or {})


def encoded(case: Case) -> Case:
    """The body as a JSON string."""
    case = copy.deepcopy(case)
    body = case["request"]["body"]
    if isinstance(body, dict):
        case["request"]["body"] = compact(body).decode()
    return case


def test_all_cases_are_here() -> None:
    assert len(cases()) == 452
    assert sum(case["verdict"] == "unknown" for case in cases()) == 24


def test_one_by_one() -> None:
    wrong = {}
    for case in cases():
        request, response = case["request"], case.get("response") or {}
        body = request["body"]
        payload = None if body is None else body.encode() if isinstance(body, str) else compact(body)
        try:
            verdict = sp.classify(
                payload,
                method=request.get("method") or "POST",
                url=request.get("url"),
                headers=request.get("headers"),
                response=None if with_events(case) else response.get("body"),
                status=response.get("status"),
                engine=engine(),
            )
        except sp.PayloadError:
            continue  # a payload by itself has to be whole; in a log, the row says body_truncated or body_not_json
        want = wanted(case)
        got = {k: getattr(verdict, k) for k in want}
        got["effects"] = sorted(got["effects"])
        got |= {k: got[k] or "unknown" for k in ("provider", "api", "operation")}
        if got != want and not with_events(case) and not response.get("headers"):
            wrong[case["id"]] = {k: (v, got[k]) for k, v in want.items() if got[k] != v}
    assert wrong == {}


Form = Callable[[Case], bytes]


def shuffled(line: Callable[[Case], dict[str, Any]]) -> Form:
    return lambda case: contrary(line(case), random.Random(case["id"])).encode("utf-8", "surrogatepass")


FORMS: dict[str, tuple[Form, Callable[[Case], bool]]] = {
    "pair": (lambda case: compact(pair_line(case)), lambda _: True),
    "flat": (lambda case: compact(flat_line(case)), lambda case: not with_events(case)),
    "pair, shuffled and escaped": (shuffled(pair_line), lambda _: True),
    "flat, shuffled and escaped": (shuffled(flat_line), lambda case: not with_events(case)),
    "pair, body as a string": (lambda case: compact(pair_line(encoded(case))), lambda _: True),
    "flat, body as a string": (lambda case: compact(flat_line(encoded(case))), lambda case: not with_events(case)),
    "flat, body as a string, shuffled": (shuffled(lambda case: flat_line(encoded(case))), lambda case: not with_events(case)),
}


@pytest.mark.parametrize("name", FORMS)
def test_form(name: str) -> None:
    line, fits = FORMS[name]
    chosen = [case for case in cases() if fits(case)]
    assert differences(chosen, [line(case) for case in chosen]) == {}


def body_only(case: Case) -> bool:
    return case["request"].get("url") is None and isinstance(case["request"]["body"], dict) and not case.get("response")


@pytest.mark.parametrize("write", [compact, lambda body: contrary(body, random.Random(1)).encode()], ids=["as they are", "shuffled"])
def test_plain_bodies(write: Callable[[Any], bytes]) -> None:
    """A log of plain bodies. Some bodies are batch lines, which have a reader of their own."""
    chosen = [
        case for case in cases() if body_only(case) and "custom_id" not in case["request"]["body"] and not case["request"].get("headers")
    ]
    assert len(chosen) > 35
    assert differences(chosen, [write(case["request"]["body"]) for case in chosen], form="bodies") == {}


def batchable(case: Case) -> bool:
    request = case["request"]
    return (
        case["provider"] == "openai"
        and request.get("method") == "POST"
        and case["operation"]
        in {"responses.create", "chat.completions.create", "embeddings.create", "completions.create", "moderations.create"}
        and str(request.get("url")).startswith("https://api.openai.com/v1/")
        and isinstance(request["body"], dict)
        and not request.get("headers")
        and not case.get("response")
    )


def test_batch_lines() -> None:
    chosen = [case for case in cases() if batchable(case)]
    assert len(chosen) > 50
    assert differences(chosen, [compact(batch_line(case)) for case in chosen], form="batch", but=("provider",)) == {}


def test_unknown_names_what_is_missing() -> None:
    result = scan_lines(compact(pair_line(case)) for case in cases())
    rows = dict(zip((case["id"] for case in cases()), result.rows, strict=True))
    assert [name for name, row in rows.items() if row["state"] == "unknown" and not row["missing"]] == []
    assert [name for name, row in rows.items() if row["state"] == "stateless" and row["missing"]] == []


def without(body: Any, pointer: str) -> Any:
    """The body without the member or element at the pointer; None where there is no such place."""
    body = copy.deepcopy(body)
    *path, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    at = body
    try:
        for part in path:
            at = at[int(part)] if isinstance(at, list) else at[part]
        del at[int(last) if isinstance(at, list) else last]
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return body


def place_of(mark: Mapping[str, Any]) -> tuple[str, str]:
    return mark["place"], mark["pointer"]


def test_removing_the_deciding_mark_changes_the_verdict() -> None:
    """Where a place in the body decided, the body without that place gives another verdict: other facts, if not another state."""
    before = scan_lines((compact(pair_line(case)) for case in cases()), evidence=True)
    changed: list[tuple[str, dict[str, Any], Case]] = []
    for case, row in zip(cases(), before.rows, strict=True):
        marks = [m for m in before.marks_of(row) if m["holds"] and m["fact"]]
        deciding = {place_of(m) for m in marks if m["rule"] == row["rule"] and m["place"] == "payload" and m["basis"] == "explicit"}
        body = case["request"]["body"]
        for place in deciding if isinstance(body, dict) and row["state"] == "stateful" else []:
            proven_here = {m["fact"] for m in marks if place_of(m) == place} - {m["fact"] for m in marks if place_of(m) != place}
            rest = without(body, place[1])
            if rest is not None and proven_here:
                changed.append((f"{case['id']} {place[1]}", row, {**case, "request": {**case["request"], "body": rest}}))
    assert len(changed) > 40
    after = scan_lines(compact(pair_line(case)) for *_, case in changed)
    verdict = ("state", "facts", "api", "operation")
    assert [name for (name, row, _), new in zip(changed, after.rows, strict=True) if all(row[k] == new[k] for k in verdict)] == []


def test_padding_and_foreign_keys_change_no_verdict() -> None:
    """Unknown members, white space and long text before everything else."""
    chosen = [case for case in cases() if isinstance(case["request"]["body"], dict) and case["request"].get("url")]
    padded = []
    for case in chosen:
        case = copy.deepcopy(case)
        case["request"]["body"] = {
            "x_padding": ["x" * 5000, {"previous_response_id": "resp_decoy", "store": True}],
            **case["request"]["body"],
        }
        padded.append(compact(pair_line(case)).replace(b'{"id"', b'{ \t "id"', 1))
    assert differences(chosen, padded) == {}


def test_cutting_a_stateful_body_never_makes_it_stateless() -> None:
    chosen = [
        case
        for case in cases()
        if case["verdict"] == "stateful" and isinstance(case["request"]["body"], dict) and case["request"].get("url")
    ]
    lines = []
    for case in chosen:
        text = json.dumps(case["request"]["body"])
        for at in random.Random(case["id"]).sample(range(1, max(2, len(text))), min(6, len(text) - 1)):
            cut = {**case, "request": {**case["request"], "body": text[:at]}}
            lines.append(compact(pair_line(cut)))
    assert [row["request_id"] for row in scan_lines(lines).rows if row["state"] == "stateless"] == []
