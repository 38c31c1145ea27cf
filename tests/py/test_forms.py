"""The same exchanges in every format that can carry them: the same facts, hashes and verdicts where the grade allows, `unknown` where not."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from forms import FORMS

OPENAI, AZURE = "https://api.openai.com/v1", "https://acme.openai.azure.com/openai"
HI = [{"role": "user", "content": "What is demurrage?"}]
TALK = [*HI, {"role": "assistant", "content": "A fee for late unloading."}, {"role": "user", "content": "Who pays it?"}]
CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-5",
    "choices": [{"index": 0, "message": TALK[1], "finish_reason": "stop"}],
}
ANSWER = {"id": "resp_2", "object": "response", "model": "gpt-5", "output": [], "usage": {"input_tokens": 9, "output_tokens": 4}}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "A fee."}],
    "model": "claude-sonnet-4-5",
}
ASKED = [{"role": "user", "content": [{"text": "What is demurrage?"}]}]
CONVERSE = {"output": {"message": {"role": "assistant", "content": [{"text": "A fee."}]}}, "usage": {"inputTokens": 9, "outputTokens": 4}}

CALLS: list[tuple[str, str, str, dict[str, Any] | None, dict[str, Any]]] = [
    ("openai", "POST", f"{OPENAI}/chat/completions", {"model": "gpt-5", "messages": TALK}, CHAT),
    ("openai", "POST", f"{OPENAI}/chat/completions", {"model": "gpt-5", "messages": HI, "store": True}, CHAT),
    ("openai", "POST", f"{OPENAI}/responses", {"model": "gpt-5", "input": "Hi", "store": False}, ANSWER),
    ("openai", "POST", f"{OPENAI}/responses", {"model": "gpt-5", "input": "Hi", "store": False, "previous_response_id": "resp_1"}, ANSWER),
    ("openai", "POST", f"{OPENAI}/embeddings", {"model": "text-embedding-3-small", "input": "Hi"}, {"object": "list", "data": []}),
    ("openai", "GET", f"{OPENAI}/responses/resp_1", None, ANSWER),
    ("azure", "POST", f"{AZURE}/deployments/d/chat/completions?api-version=2024-10-21", {"messages": HI}, CHAT),
    ("azure", "POST", f"{AZURE}/v1/responses", {"model": "d", "input": "Hi"}, ANSWER),
    (
        "anthropic",
        "POST",
        "https://api.anthropic.com/v1/messages",
        {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": TALK},
        MESSAGE,
    ),
    (
        "bedrock",
        "POST",
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-pro-v1:0/converse",
        {"messages": ASKED},
        CONVERSE,
    ),
]
EXCHANGES = [
    {
        "time": f"2026-03-02T09:15:{i:02}+00:00",
        "id": f"req-{i}",
        "provider": provider,
        "method": method,
        "url": url,
        "headers": {"x-session-id": "s-1"},
        "body": body,
        "status": 200,
        "response": response,
    }
    for i, (provider, method, url, body, response) in enumerate(CALLS)
]
READ = [
    ("stateless", "chat.completions.create"),
    ("stateless", "chat.completions.create"),
    ("stateless", "responses.create"),
    ("stateful", "responses.create"),
    ("stateless", "embeddings.create"),
    ("stateful", "responses.retrieve"),
    ("stateless", "chat.completions.create"),
    ("stateful", "responses.create"),
    ("stateless", "messages.create"),
    ("stateless", "Converse"),
]
# What follows from the payload alone, what from the call; and what a form can only have if its writer puts it down.
OF_BODY = ("payload_hash", "shape_hash", "context_hash", "chain_in", "prefix", "turns", "previous_id", "payload_bytes")
OF_CALL = ("api", "operation", "inference", "state", "facts", "effects", "fingerprint")
OF_LOG = ("time", "request_id", "status", "provider", "host", "rule", "confidence", "response_id", "chain_out", "tokens_in", "tokens_out")
ANSWER_OF = {"response_id", "chain_out", "tokens_in", "tokens_out"}
NOT_WRITTEN = {
    "bodies": {*OF_LOG},
    "bare-pairs": {"status", "provider", "host", "rule", "confidence"},
    "batch": {"time", "status", "host", "provider", "rule", *ANSWER_OF},
    "nginx": {"host", "provider", "rule", *ANSWER_OF},
    "kong": {"host"},
    "portkey": {"request_id"},
    "cloudflare": {"time", "request_id", "host"},
    "langsmith": {"status", "host"},
    "bedrock": {"status"},
}
WITH_HEADERS = {"pairs", "flat", "apim", "har", "vcr", "kong"}
WITHOUT_URL = {"bodies", "bare-pairs"}


def read(form: str, tmp_path: Path, exchanges: list[dict[str, Any]] = EXCHANGES) -> dict[int, dict[str, Any]]:
    """The rows, by the number of their exchange."""
    write, pack = FORMS[form]
    records = [(i, record) for i, x in enumerate(exchanges) if (record := write(x)) is not None]
    log = tmp_path / form
    log.write_bytes(b"".join(pack(record for _, record in records)))
    scan = sp.scan(log)
    rows = [row for batch in scan for row in batch.to_pylist()]
    assert [part["format"] for part in scan.summary.to_dict()["inputs"]] == [form]
    assert [row["error"] for row in rows] == [None] * len(records)
    return {i: row for (i, _), row in zip(records, rows, strict=True)}


def test_what_the_plain_form_gives(tmp_path: Path) -> None:
    rows = read("pairs", tmp_path).values()
    assert [(row["state"], row["operation"]) for row in rows] == READ
    assert [row["time"].second for row in rows] == list(range(10))
    assert {row["session_label"] for row in rows} == {"s-1"}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_exchanges(form: str, tmp_path: Path) -> None:
    headers = form in WITH_HEADERS
    plain = read("pairs", tmp_path, EXCHANGES if headers else [x | {"headers": {}} for x in EXCHANGES])
    columns = ({*OF_BODY, *OF_CALL, *OF_LOG} | ({"session_label"} if headers else set())) - NOT_WRITTEN.get(form, set())
    wrong, compared = [], 0
    for i, row in read(form, tmp_path).items():
        want = plain[i]
        if row["grade"] != "wire" or (form in WITHOUT_URL and row["operation"] == "unknown"):
            assert row["state"] in {want["state"], "unknown"} - {"stateless"}, (i, row["state"])
            assert row["missing"] or row["state"] != "unknown"
            known = ("operation", "time", "request_id", "response_id")
            wrong += [(i, name, row[name], want[name]) for name in known if row[name] not in {want[name], None, "unknown"}]
        else:
            wrong += [(i, name, row[name], want[name]) for name in columns if row[name] != want[name]]
            compared += 1
    assert wrong == []
    assert bool(compared) == (form not in {"litellm", "otlp", "envoy-ai", "azure-openai", "cloudtrail"}), "these are no wire logs"


def test_every_form_carries_some() -> None:
    carried = {form: sum(write(x) is not None for x in EXCHANGES) for form, (write, _) in FORMS.items()}
    assert min(carried.values()) >= 1
    assert {form for form, n in carried.items() if n == len(EXCHANGES)} == {"pairs", "flat", "apim", "har", "vcr", "nginx", "envoy-ai"}


def test_times_of_the_same_moment(tmp_path: Path) -> None:
    """RFC 3339, milliseconds and nanoseconds since 1970, an HTTP date: the same instant."""
    for form in ("flat", "kong", "otlp", "vcr", "har"):
        for i, row in read(form, tmp_path).items():
            assert row["time"] == dt.datetime.fromisoformat(EXCHANGES[i]["time"]), form
