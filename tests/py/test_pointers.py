"""Every pointer of every description leads somewhere: to a value in a sample, or in a record here, whose row says what it was read as."""

import functools
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from harness import DATA, ROOT
from stateprint import _core

SAMPLES = DATA / "samples"
OPENAI = "https://api.openai.com"
CHAT = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]}
ANSWER = {"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-5", "choices": []}
CALL = {"method": "POST", "url": f"{OPENAI}/v1/chat/completions"}
NOON = "2026-03-02T12:00:00Z"
LABEL = {"x-session-id": "s-1"}


def har(**more: Any) -> dict[str, Any]:
    request = CALL | {"postData": {"text": json.dumps(CHAT)}}
    return {"startedDateTime": NOON, "request": request, "response": {"status": 200, "headers": []}} | more


def answered(header: str) -> dict[str, Any]:
    return har(response={"status": 200, "headers": [{"name": header, "value": "r-1"}]})


def recorded(header: str) -> dict[str, Any]:
    return {"request": CALL | {"uri": CALL["url"]}, "response": {"status": {"code": 200}, "headers": {header: ["r-1"]}}}


def gateway(**properties: Any) -> dict[str, Any]:
    about = {"method": "POST", "url": CALL["url"], "responseCode": 200, "requestBody": json.dumps(CHAT)}
    return {"category": "GatewayLogs", "time": NOON, "correlationId": "r-1", "properties": about | properties}


def run(**metadata: Any) -> dict[str, Any]:
    return {"run_type": "llm", "inputs": CHAT, "outputs": ANSWER, "extra": {"metadata": {"ls_provider": "openai"} | metadata}}


def litellm(**parameters: Any) -> dict[str, Any]:
    about = {"call_type": "responses", "custom_llm_provider": "openai", "hidden_params": {}, "messages": "Hi"}
    return about | {"model_parameters": parameters}


def pair(request: dict[str, Any] | None = None, response: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return more | {"request": CALL | {"body": CHAT} | (request or {}), "response": {"status": 200, "body": ANSWER} | (response or {})}


def flat(**more: Any) -> dict[str, Any]:
    return CALL | {"body": CHAT} | more


SOCKET = {
    "type": "send",
    "time": 1772452800,
    "data": json.dumps({"type": "response.create", "model": "gpt-5", "input": "Hi"}),
}
CAME = {"type": "receive", "time": 1772452801, "data": json.dumps({"type": "response.completed", "response": {"id": "resp_1"}})}
SPAN = {"spanId": "a1", "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}]}
OBSERVED = {"id": "o-1", "type": "GENERATION", "traceId": "t-1", "startTime": NOON, "model": "gpt-5"}

# Reader, record, and the column with its value. Where it is about a time, that is noon.
Case = tuple[str, dict[str, Any], str, Any]
CASES: list[Case] = [
    ("apim", gateway(requestHeaders=LABEL), "session_label", "s-1"),
    ("apim", gateway(backendResponseHeaders={"x-request-id": "other"}), "request_id", "r-1"),
    (
        "kong",
        {"started_at": 0, "ai": {"payload": {"request": json.dumps(CHAT), "response": json.dumps(ANSWER)}}},
        "response_id",
        "chatcmpl-1",
    ),
    ("portkey", {"ai_org": None, "ai_model": None, "request.body": CHAT, "response.body": ANSWER}, "response_id", "chatcmpl-1"),
    ("nginx", {"request_method": "GET", "request_uri": "/v1/responses/resp_1", "request_body": None}, "operation", "responses.retrieve"),
    ("nginx", {"request_uri": "/v1/x", "request_body": None, "time_iso8601": NOON}, "time", NOON),
    ("nginx", {"request_uri": "/v1/x", "request_body": None, "time_local": "02/Mar/2026:12:00:00 +0000"}, "time", NOON),
    ("langsmith", run(session_id="s-1"), "session_label", "s-1"),
    ("langsmith", run(conversation_id="s-1"), "session_label", "s-1"),
    ("litellm", litellm(conversation="conv_1"), "conversation_id", "conv_1"),
    ("litellm", litellm(store=True), "facts", ["write.store_explicit"]),
    ("langfuse", OBSERVED | {"providedModelName": None, "inputUsage": 1}, "model", "gpt-5"),
    ("langfuse-blob", {"id": "o-1", "trace_id": "t-1", "type": "GENERATION", "model": "gpt-5", "start_time": NOON}, "model", "gpt-5"),
    (
        "langfuse-blob",
        {"id": "o-1", "trace_id": "t-1", "type": "GENERATION", "start_time": NOON, "metadata": json.dumps({"conversation": "conv_1"})},
        "conversation_id",
        "conv_1",
    ),
    (
        "otlp",
        SPAN | {"attributes": [*SPAN["attributes"], {"key": "gen_ai.conversation.id", "value": {"stringValue": "thread_1"}}]},
        "conversation_id",
        "thread_1",
    ),
    ("har", har(request=har()["request"] | {"headers": [{"name": "X-Session-Id", "value": "s-1"}]}), "session_label", "s-1"),
    ("har", answered("request-id"), "request_id", "r-1"),
    ("har", answered("x-amzn-requestid"), "request_id", "r-1"),
    ("har", answered("apim-request-id"), "request_id", "r-1"),
    ("har", har(_webSocketMessages=[SOCKET, CAME]), "time", NOON),
    ("har", har(_webSocketMessages=[SOCKET, CAME]), "response_id", "resp_1"),
    ("vcr", recorded("request-id"), "request_id", "r-1"),
    ("vcr", recorded("x-amzn-requestid"), "request_id", "r-1"),
    *[("bare-pairs", {"request": CHAT, "response": None, name: NOON}, "time", NOON) for name in ("time", "ts", "timestamp")],
    *[("bare-pairs", {"request": CHAT, "response": None, name: "r-1"}, "request_id", "r-1") for name in ("id", "request_id")],
    ("bare-pairs", {"request": CHAT, "response": None, "status": 429}, "status", 429),
    *[("pairs", pair(**{name: NOON}), "time", NOON) for name in ("time", "ts", "timestamp")],
    ("pairs", pair({"time": NOON}), "time", NOON),
    *[("pairs", pair(**{name: "r-1"}), "request_id", "r-1") for name in ("id", "request_id")],
    ("pairs", pair({"method": "GET", "url": f"{OPENAI}/v1/responses/resp_1", "body": None}), "operation", "responses.retrieve"),
    ("pairs", {"request": {"path": "/v1/chat/completions", "body": CHAT}}, "rule", "any.chat"),
    ("pairs", pair({"headers": LABEL}), "session_label", "s-1"),
    ("pairs", pair({"body": "eyJtb2RlbCI6ImdwdC01IiwibWVzc2FnZXMiOltdfQ==", "isBase64Encoded": True}), "model", "gpt-5"),
    ("pairs", pair(response={"status": None, "status_code": 429}), "status", 429),
    ("pairs", pair(), "response_id", "chatcmpl-1"),
    ("pairs", pair(response={"headers": {"x-request-id": "other"}}), "status", 200),
    ("pairs", pair(response={"body": None, "events": [ANSWER | {"object": "chat.completion.chunk"}]}), "response_id", "chatcmpl-1"),
    *[("flat", flat(**{name: NOON}), "time", NOON) for name in ("ts", "time", "timestamp")],
    *[("flat", flat(**{name: "r-1"}), "request_id", "r-1") for name in ("id", "request_id")],
    ("flat", {"method": "GET", "path": "/v1/responses/resp_1", "status": 404}, "operation", "responses.retrieve"),
    ("flat", flat(headers=LABEL), "session_label", "s-1"),
    ("flat", flat(body="eyJtb2RlbCI6ImdwdC01IiwibWVzc2FnZXMiOltdfQ==", isBase64Encoded=True), "model", "gpt-5"),
    ("flat", flat(status=429), "status", 429),
    ("flat", flat(response=ANSWER), "response_id", "chatcmpl-1"),
    ("flat", flat(response_headers={"x-request-id": "other"}), "state", "stateless"),
]


@functools.cache
def engine() -> sp.Engine:
    return sp.Engine(with_text=True)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{form}-{column}-{i}" for i, (form, _, column, _) in enumerate(CASES)])
def test_what_a_value_is_read_as(number: int, tmp_path: Path) -> None:
    form, record, column, value = CASES[number]
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps(record), encoding="utf-8")
    [row] = [row for batch in sp.scan(log, format=form, engine=engine()) for row in batch.to_pylist()]
    got = row[column]
    assert (got.isoformat().replace("+00:00", "Z") if column == "time" else got) == value


# --------------------------------------------------------------------------------------------------------- pointers, read as the page says
def steps_of(pointer: str) -> list[tuple[str, str]]:
    steps: list[tuple[str, str]] = []
    for part in re.split(r" (=> \w+) ?", pointer):
        if part.startswith("=>"):
            steps.append(("=>", part[3:]))
        else:
            steps += [(kind, name) for name, kind in ((m[1] or m[2], m[0][:1]) for m in re.finditer(r"/([^/{]*)|\{([^}]*)\}", part))]
    return steps


def plain_value(value: Any) -> Any:
    """What an AnyValue of OpenTelemetry stands for."""
    if isinstance(value, dict) and "arrayValue" in value:
        return [plain_value(one) for one in value["arrayValue"].get("values", [])]
    if isinstance(value, dict) and "kvlistValue" in value:
        return {one["key"]: plain_value(one.get("value")) for one in value["kvlistValue"].get("values", [])}
    return next(iter(value.values())) if isinstance(value, dict) and len(value) == 1 else value


def opened(value: Any) -> Any:
    while isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            break
    return value


def below(value: Any, kind: str, name: str) -> Iterator[Any]:
    """The values that one step of a pointer leads to."""
    if kind == "=>":
        yield opened(value) if name == "json" else plain_value(value)
    elif kind == "/" and isinstance(value, dict):
        yield from (one for key, one in value.items() if key.lower() == name.lower())
    elif kind == "/" and isinstance(value, list):
        yield from (one for i, one in enumerate(value) if name in {"*", str(i)})
    elif kind == "{" and "=" in name and isinstance(value, list):
        member, text = name.split("=", 1)
        pattern = re.compile(re.escape(text).replace(r"\*", "[0-9]+"), re.IGNORECASE)
        yield from (one for one in value if isinstance(one, dict) and pattern.fullmatch(str(one.get(member, ""))))
    elif kind == "{" and name.endswith("*") and isinstance(value, str) and value.startswith(name[:-1]):
        yield value
    elif kind == "{" and not name and isinstance(value, list):
        yield from value


def stands(value: Any, steps: list[tuple[str, str]]) -> bool:
    if not steps:
        return value not in (None, "")
    return any(stands(one, steps[1:]) for one in below(value, *steps[0]))


def pointers_of(form: dict[str, Any]) -> set[str]:
    found = {pointer for role in ("fields", "places") for pointers in form.get(role, {}).values() for pointer in pointers}
    places = [place for ids in form.get("ids", {}).values() for place in ids] + form.get("model", [])
    found |= {place.removeprefix("log:") for place in places if place.startswith("log:")}
    for request in form.get("requests", []):
        found |= set(re.findall(r"\{\+?(/[^}]*)\}", request.get("url", "") + request.get("path", "")))
    return {pointer for pointer in found if not pointer.startswith("/frame/")}  # of records that the core makes: CASES have them


def samples() -> dict[str, list[Any]]:
    """The records of all samples, by their reader."""
    yaml = pytest.importorskip("yaml")
    found: dict[str, list[Any]] = {}
    for path in sorted(SAMPLES.iterdir()):
        if path.suffix == ".md" or path.is_dir() or path.name == "readings.jsonl":
            continue
        scan = sp.scan(path, strict=False)
        for _ in scan:
            pass
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        mine = found.setdefault(scan.summary.inputs[0]["format"], [])
        if path.suffix == ".yaml":
            content = yaml.load(data, Loader=yaml.CBaseLoader)  # texts only
            mine += content.get("interactions") or content["http_interactions"]
        else:
            mine += cut(data)
    return found


def cut(data: bytes) -> Iterator[Any]:
    """The records of a file that are JSON."""
    scan = _core.Scan(engine().rules, source="sample")
    scan.feed(data)
    scan.finish()
    while (records := scan.cut()) is not None:
        for text, *_ in records:
            value = opened(text.decode())
            if not isinstance(value, str):
                yield value


def test_every_pointer_leads_somewhere() -> None:
    records = samples()
    for form, record, _, _ in CASES:
        records.setdefault(form, []).append(record)
    lost = []
    for pack in sorted((ROOT / "python/stateprint/formats").glob("*.json")):
        for form in json.loads(pack.read_bytes())["formats"]:
            mine = records.get(form["id"], [])
            lost += [(form["id"], pointer) for pointer in sorted(pointers_of(form)) if not any(stands(r, steps_of(pointer)) for r in mine)]
    assert lost == []
