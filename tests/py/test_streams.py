"""Responses that came as streams: ids, counts and models, and the turn that they add to the chain, as if they had come in one piece."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import stateprint as sp
from harness import DATA, Row, compact, engine, load_jsonl, scan_lines

Json = dict[str, Any]
QUESTION = {"role": "user", "content": "What is a bill of lading?"}
NEXT = {"role": "user", "content": "And demurrage?"}


class Api(NamedTuple):
    url: str
    request: Json
    events: list[Json]
    whole: Json  # the response in one piece, with the same content
    replay: Json  # the next request, which holds the answer
    want: Json
    done: bool = False  # `[DONE]` at the end


def chat(delta: Json, finish: str | None = None, **more: Any) -> Json:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {
        "id": "chatcmpl-d0f631ca1ddb",
        "object": "chat.completion.chunk",
        "model": "gpt-4.1-mini-2025-04-14",
        "choices": [choice],
        **more,
    }


CALLS = [{"id": "call_Ab12", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Zürich \U0001f600"}'}}]
CHAT_USAGE = {"prompt_tokens": 21, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}}
TEXT = 'It is a receipt: "signed", and a title.\nYes\U0001f600.'
MESSAGE = {"role": "assistant", "content": TEXT}
CALL_MESSAGE = {"role": "assistant", "content": None, "tool_calls": CALLS}
OUTPUT = [
    {"id": "rs_1", "type": "reasoning", "summary": []},
    {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": TEXT}]},
]
BLOCKS = [
    {"type": "thinking", "thinking": "Let me see.", "signature": "EqQBCg=="},
    {"type": "text", "text": TEXT},
    {"type": "tool_use", "id": "toolu_01", "name": "get_weather", "input": {"city": "Zürich", "days": [1, 2.50]}},
]
ARGUMENTS = '{"city": "Zürich", "days": [1, 2.5]}'


def responses(kind: str, output: list[Json], usage: Json | None) -> Json:
    return {
        "type": kind,
        "response": {"id": "resp_68c1f0a2b7d48190a4e2", "object": "response", "model": "gpt-5-2025", "output": output, "usage": usage},
    }


def anthropic_events() -> list[Json]:
    start = {"id": "msg_01XFDUDYJgAACzvn", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929", "content": []}
    head, tail = TEXT[:10], TEXT[10:]
    deltas: list[tuple[int, Json]] = [
        (0, {"type": "thinking_delta", "thinking": "Let me "}),
        (0, {"type": "thinking_delta", "thinking": "see."}),
        (0, {"type": "signature_delta", "signature": "EqQBCg=="}),
        (1, {"type": "text_delta", "text": head}),
        (1, {"type": "text_delta", "text": tail}),
        (2, {"type": "input_json_delta", "partial_json": ""}),
        (2, {"type": "input_json_delta", "partial_json": ARGUMENTS[:14]}),
        (2, {"type": "input_json_delta", "partial_json": ARGUMENTS[14:]}),
    ]
    begun: Json = {0: {**BLOCKS[0], "thinking": "", "signature": ""}, 1: {**BLOCKS[1], "text": ""}, 2: {**BLOCKS[2], "input": {}}}
    usage = {"input_tokens": 21, "cache_read_input_tokens": 4, "output_tokens": 1}
    events: list[Json] = [{"type": "message_start", "message": {**start, "usage": usage}}, {"type": "ping"}]
    for index, block in begun.items():
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": i, "delta": delta} for i, delta in deltas if i == index]
        events.append({"type": "content_block_stop", "index": index})
    events += [{"type": "message_delta", "delta": {}, "usage": {"output_tokens": 5}}]
    events += [{"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}}, {"type": "message_stop"}]
    return events


ANTHROPIC = {"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": [QUESTION]}
ANTHROPIC_WHOLE = {
    "id": "msg_01XFDUDYJgAACzvn",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": BLOCKS,
    "usage": {"input_tokens": 21, "cache_read_input_tokens": 4, "output_tokens": 9},
}
PARTS = [{"text": TEXT}, {"functionCall": {"name": "get_weather", "args": {"city": "Zürich"}}}]
CONVERSE_CONTENT = [
    {"text": TEXT},
    {"toolUse": {"toolUseId": "tooluse_1", "name": "get_weather", "input": {"city": "Zürich", "days": [1, 2.5]}}},
]
CONVERSE_TURN = {"role": "user", "content": [{"text": "What is a bill of lading?"}]}
COUNTS = {"tokens_in": 21, "tokens_out": 9, "tokens_cached": 4}
OPENAI = "https://api.openai.com/v1/"
RUNTIME = "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/"


def gemini(parts: list[Json], **more: Any) -> Json:
    candidate = {"content": {"parts": parts, "role": "model"}, "index": 0, **more}
    usage = {"promptTokenCount": 21, "candidatesTokenCount": 9 if more else 2, "cachedContentTokenCount": 4}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "gemini-answer-7"}


APIS: dict[str, Api] = {
    "chat": Api(
        OPENAI + "chat/completions",
        {"model": "gpt-4.1-mini", "messages": [QUESTION], "stream": True},
        [
            chat({"role": "assistant", "content": "", "refusal": None}, usage=None),
            *(chat({"content": c}, usage=None) for c in TEXT),
            chat({}, "stop", usage=None),
            {**chat({}), "choices": [], "usage": CHAT_USAGE},
        ],
        {
            "id": "chatcmpl-d0f631ca1ddb",
            "model": "gpt-4.1-mini-2025-04-14",
            "choices": [{"index": 0, "message": MESSAGE}],
            "usage": CHAT_USAGE,
        },
        {"model": "gpt-4.1-mini", "messages": [QUESTION, MESSAGE, NEXT]},
        {"response_id": "chatcmpl-d0f631ca1ddb", "model": "gpt-4.1-mini", **COUNTS},
        done=True,
    ),
    "chat, calls": Api(
        OPENAI + "chat/completions",
        {"model": "gpt-4.1-mini", "messages": [QUESTION], "stream": True},
        [
            chat({"role": "assistant", "content": None}),
            chat({"tool_calls": [{"index": 0, **CALLS[0], "function": {"name": "get_weather", "arguments": ""}}]}),
            *(chat({"tool_calls": [{"index": 0, "function": {"arguments": c}}]}) for c in str(CALLS[0]["function"]["arguments"])),  # type: ignore[index]
            chat({}, "tool_calls"),
        ],
        {"id": "chatcmpl-d0f631ca1ddb", "model": "gpt-4.1-mini-2025-04-14", "choices": [{"index": 0, "message": CALL_MESSAGE}]},
        {"model": "gpt-4.1-mini", "messages": [QUESTION, CALL_MESSAGE, {"role": "tool", "tool_call_id": "call_Ab12", "content": "Rain"}]},
        {"response_id": "chatcmpl-d0f631ca1ddb", "tokens_in": None, "tokens_out": None},
        done=True,
    ),
    "responses": Api(
        OPENAI + "responses",
        {"model": "gpt-5", "input": [QUESTION], "stream": True, "store": False},
        [
            responses("response.created", [], None),
            responses("response.in_progress", [], None),
            {"type": "response.output_item.done", "output_index": 0, "item": OUTPUT[0]},
            {"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 1, "delta": "It"},
            {"type": "response.output_item.done", "output_index": 1, "item": OUTPUT[1]},
            responses("response.completed", OUTPUT, {"input_tokens": 21, "output_tokens": 9, "input_tokens_details": {"cached_tokens": 4}}),
        ],
        {
            "id": "resp_68c1f0a2b7d48190a4e2",
            "model": "gpt-5-2025",
            "output": OUTPUT,
            "usage": {"input_tokens": 21, "output_tokens": 9, "input_tokens_details": {"cached_tokens": 4}},
        },
        {"model": "gpt-5", "input": [QUESTION, *OUTPUT, NEXT], "store": False},
        {"response_id": "resp_68c1f0a2b7d48190a4e2", "model": "gpt-5", **COUNTS},
    ),
    "completions": Api(
        OPENAI + "completions",
        {"model": "gpt-3.5-turbo-instruct", "prompt": "Say hi", "stream": True},
        [
            {"id": "cmpl-1aB2", "model": "m", "choices": [{"text": "H", "index": 0, "finish_reason": None}]},
            {"id": "cmpl-1aB2", "model": "m", "choices": [{"text": "i", "index": 0, "finish_reason": "stop"}]},
        ],
        {"id": "cmpl-1aB2", "model": "m", "choices": [{"text": "Hi", "index": 0, "finish_reason": "stop"}]},
        {},
        {"response_id": "cmpl-1aB2"},
        done=True,
    ),
    "anthropic": Api(
        "https://api.anthropic.com/v1/messages",
        {**ANTHROPIC, "stream": True},
        anthropic_events(),
        ANTHROPIC_WHOLE,
        {**ANTHROPIC, "messages": [QUESTION, {"role": "assistant", "content": BLOCKS}, NEXT]},
        {"response_id": "msg_01XFDUDYJgAACzvn", "model": "claude-sonnet-4-5", **COUNTS},
    ),
    "gemini": Api(
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:streamGenerateContent",
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
        [gemini([{"text": TEXT[:7]}]), gemini([{"text": TEXT[7:]}]), gemini([PARTS[1]]), gemini([{"text": ""}], finishReason="STOP")],
        gemini(PARTS, finishReason="STOP"),
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": PARTS}]},
        {"response_id": "gemini-answer-7", "model": "gemini-2.5-flash", **COUNTS},
    ),
    "converse": Api(
        RUNTIME + "converse-stream",
        {"messages": [CONVERSE_TURN]},
        [
            {"messageStart": {"role": "assistant"}},
            *({"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": c}}} for c in TEXT),
            {"contentBlockStop": {"contentBlockIndex": 0}},
            {"contentBlockStart": {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "tooluse_1", "name": "get_weather"}}}},
            *({"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"toolUse": {"input": c}}}} for c in ARGUMENTS),
            {"messageStop": {"stopReason": "tool_use"}},
            {"metadata": {"usage": {"inputTokens": 21, "outputTokens": 9, "cacheReadInputTokens": 4}}},
        ],
        {
            "output": {"message": {"role": "assistant", "content": CONVERSE_CONTENT}},
            "usage": {"inputTokens": 21, "outputTokens": 9, "cacheReadInputTokens": 4},
        },
        {"messages": [CONVERSE_TURN, {"role": "assistant", "content": CONVERSE_CONTENT}, CONVERSE_TURN]},
        {"response_id": None, **COUNTS},
    ),
    "invoke": Api(
        RUNTIME + "invoke-with-response-stream",
        {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64, "messages": [QUESTION]},
        anthropic_events(),
        ANTHROPIC_WHOLE,
        {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 64,
            "messages": [QUESTION, {"role": "assistant", "content": BLOCKS}, NEXT],
        },
        {"response_id": "msg_01XFDUDYJgAACzvn", **COUNTS},
    ),
}

# ------------------------------------------------------------------------------------------------------------------- how a stream is written


def sse(api: Api, end: str = "\n", *, ascii_only: bool = False) -> str:
    lines = [": keep-alive", ""]
    for event in api.events:
        if "type" in event:
            lines.append(f"event: {event['type']}")
        lines += ["data: " + json.dumps(event, ensure_ascii=ascii_only), ""]
    return end.join([*lines, *(["data: [DONE]", ""] if api.done else []), ""])


def sse_on_lines(api: Api) -> str:
    """Every event over many `data` lines."""
    return "".join("".join(f"data: {line}\n" for line in json.dumps(e, indent=1).split("\n")) + "\n" for e in api.events)


def frame(name: str, payload: bytes) -> bytes:
    headers = b"".join(
        bytes([len(k)]) + k + b"\x07" + struct.pack(">H", len(v)) + v
        for k, v in [(b":event-type", name.encode()), (b":content-type", b"application/json"), (b":message-type", b"event")]
    )
    prelude = struct.pack(">II", 12 + len(headers) + len(payload) + 4, len(headers))
    prelude += struct.pack(">I", zlib.crc32(prelude))
    return prelude + headers + payload + struct.pack(">I", zlib.crc32(prelude + headers + payload))


def frames(api: Api) -> bytes:
    """As the runtime sends them: the events of Converse without their names, those of InvokeModel as base64 in JSON."""
    if "converse" in api.url:
        return b"".join(frame(name, compact(value)) for e in api.events for name, value in e.items())
    return b"".join(frame("chunk", compact({"bytes": base64.b64encode(compact(e)).decode(), "p": "abc"})) for e in api.events)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


WRITTEN: dict[str, Callable[[Api], Json]] = {
    "sse": lambda a: {"body": sse(a)},
    "sse, crlf": lambda a: {"body": sse(a, "\r\n")},
    "sse, cr": lambda a: {"body": sse(a, "\r")},
    "sse, ascii": lambda a: {"body": sse(a, ascii_only=True)},
    "sse, byte order mark": lambda a: {"body": "\ufeff" + sse(a)},
    "sse, no blank lines": lambda a: {"body": "\n".join(x for x in sse(a).split("\n") if x)},
    "sse, data over lines": lambda a: {"body": sse_on_lines(a)},
    "sse, base64": lambda a: {"body": b64(sse(a).encode())},
    "json lines": lambda a: {"body": "\n".join(json.dumps(e) for e in a.events)},
    "list": lambda a: {"body": a.events},
    "list, string": lambda a: {"body": json.dumps(a.events, indent=1)},
    "list, string in string": lambda a: {"body": json.dumps(json.dumps(a.events))},
    "events": lambda a: {"events": a.events},
    "frames": lambda a: {"body": b64(frames(a))},
    "frames, latin-1": lambda a: {"body": frames(a).decode("latin-1")},
}


def line(api: Api, response: Json | None, request: Json | None = None) -> bytes:
    exchange: Json = {"request": {"method": "POST", "url": api.url, "body": request or api.request}}
    if response is not None:
        exchange["response"] = {"status": 200, **response}
    return compact(exchange)


def rows(*lines: bytes) -> list[Row]:
    return scan_lines(lines, form="pairs").rows


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("name", APIS)
def test_a_stream_says_what_the_whole_response_says(name: str, written: str) -> None:
    api = APIS[name]
    if written.startswith("frames") and "bedrock" not in api.url:
        pytest.skip("frames are Bedrock's")
    streamed, whole = rows(line(api, WRITTEN[written](api)), line(api, {"body": api.whole}))
    assert {k: streamed[k] for k in api.want} == api.want
    assert whole["chain_out"] is not None
    same = ("chain_out", "response_id", "tokens_in", "tokens_out", "tokens_cached", "model", "model_family", "state", "effects", "flags")
    if "latin-1" in written:
        streamed["flags"].remove("nul_escape")
    assert {k: streamed[k] for k in same} == {k: whole[k] for k in same}


@pytest.mark.parametrize("name", [name for name, api in APIS.items() if api.replay])
def test_the_next_request_goes_on_where_the_stream_ended(name: str) -> None:
    api = APIS[name]
    first, then = rows(line(api, {"body": sse(api)}), line(api, None, api.replay))
    assert first["chain_out"] in then["prefix"]
    added = then["prefix"].index(first["chain_out"]) + 1 - len(first["prefix"])
    assert added == (2 if name == "responses" else 1)


@pytest.mark.parametrize("name", APIS)
def test_one_by_one(name: str) -> None:
    """classify() reads the same texts."""
    api = APIS[name]
    ways: list[Any] = [sse(api), sse(api).encode(), api.events, {"events": api.events}, json.dumps(api.events)]
    if "bedrock" in api.url:
        ways.append(frames(api))
    want = sp.classify(api.request, url=api.url, response=api.whole, status=200, engine=engine())
    for response in ways:
        got = sp.classify(api.request, url=api.url, response=response, status=200, engine=engine())
        assert (got.state, got.facts, got.model, got.flags) == (want.state, want.facts, want.model, want.flags)
        bad = sp.classify(api.request, url=api.url, response=(sse(api) + 'data: {"x": ').encode() + b"\xff\n\n", engine=engine())
        assert "response_cut" in bad.flags


# ---------------------------------------------------------------------------------------------------------------- streams that are damaged


@pytest.mark.parametrize("name", APIS)
def test_cut_anywhere(name: str) -> None:
    """Whatever is cut off: the id stays once it was said, and either the answer is whole or the row says that it isn't."""
    api = APIS[name]
    text = sse(api)
    ends = range(0, len(text), 1 + len(text) // 700)
    want = rows(line(api, {"body": api.whole}))[0]
    begun = text.index("\n", text.index("data: "))
    for at, row in zip(ends, rows(*(line(api, {"body": text[:at]}) for at in ends)), strict=True):
        assert row["error"] is None
        assert row["state"] == want["state"]
        if at > begun:
            assert row["response_id"] == want["response_id"]
            assert row["chain_out"] == (None if "response_cut" in row["flags"] else want["chain_out"])
    assert "response_cut" in rows(line(api, {"body": text[: len(text) // 2]}))[0]["flags"]


@pytest.mark.parametrize("name", ["converse", "invoke"])
def test_frames_cut_or_damaged(name: str) -> None:
    api = APIS[name]
    data = frames(api)
    want = rows(line(api, {"body": api.whole}))[0]
    places = range(0, len(data), 1 + len(data) // 300)
    first = struct.unpack(">I", data[:4])[0]
    cuts = rows(*(line(api, {"body": b64(data[:at])}) for at in places if at > first))
    assert all("response_cut" in row["flags"] or row["chain_out"] == want["chain_out"] for row in cuts)
    assert {row["response_id"] for row in cuts} == {want["response_id"]}
    flipped = [data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :] for at in places if at >= first]
    for row in rows(*(line(api, {"body": b64(d)}) for d in flipped)):
        assert "response_cut" in row["flags"]
        assert row["chain_out"] is None
        assert row["response_id"] == want["response_id"]


def test_an_event_that_is_no_json() -> None:
    api = APIS["chat"]
    text = sse(api)
    middle = text.index("data: ", len(text) // 2)
    for odd in (
        "data: hello\n\n",
        "data: {'a': 1}\n\n",
        'data: {"a": "\ud83d\n"}\n\n'.encode("utf-8", "replace").decode(),
        "data: {}}\n\n",
    ):
        row = rows(line(api, {"body": text[:middle] + odd + text[middle:]}))[0]
        assert "response_cut" in row["flags"]
        assert row["chain_out"] is None
        assert {k: row[k] for k in api.want} == api.want  # what came before and after it counts


def test_a_whole_response_that_is_cut() -> None:
    api = APIS["chat"]
    row = rows(line(api, {"body": json.dumps(api.whole)[:-9]}))[0]
    assert "response_cut" in row["flags"]
    assert row["response_id"] == "chatcmpl-d0f631ca1ddb"


def test_an_answer_that_is_an_error_is_not_cut() -> None:
    api = APIS["chat"]
    body = 'data: {"error": {"message": "no", "code": 429}}\n\n'
    exchange = {"request": {"method": "POST", "url": api.url, "body": api.request}, "response": {"status": 429, "body": body}}
    assert rows(compact(exchange))[0]["flags"] == ["refused"]


# ------------------------------------------------------------------------------------------------------ what can't be put together is left out

UNFAITHFUL: dict[str, tuple[str, list[Json]]] = {
    "chat, audio": ("chat", [chat({"role": "assistant", "audio": {"id": "audio_1"}}), chat({}, "stop")]),
    "chat, parts": ("chat", [chat({"role": "assistant", "content": [{"type": "thinking"}]}), chat({}, "stop")]),
    "chat, nothing": ("chat", [chat({"role": "assistant"}), chat({}, "stop")]),
    "gemini, signature of a text": (
        "gemini",
        [gemini([{"text": "a"}]), gemini([{"text": "", "thoughtSignature": "c2ln"}], finishReason="STOP")],
    ),
    "anthropic, citations": (
        "anthropic",
        [
            {"type": "message_start", "message": {"role": "assistant", "content": []}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": {}}},
            {"type": "message_stop"},
        ],
    ),
}


@pytest.mark.parametrize("name", UNFAITHFUL)
def test_rather_no_chain_than_a_wrong_one(name: str) -> None:
    api, events = UNFAITHFUL[name]
    row = rows(line(APIS[api], {"body": sse(APIS[api]._replace(events=events))}))[0]
    assert row["chain_out"] is None
    assert "response_cut" not in row["flags"]


def test_an_api_whose_streams_nobody_puts_together() -> None:
    events = [
        {"type": "message-start", "id": "c1"},
        {"type": "content-delta", "delta": {}, "message": {"role": "assistant"}},
        {"type": "message-end"},
    ]
    request = {"model": "command-r", "messages": [QUESTION], "stream": True}
    exchange = {
        "request": {"method": "POST", "url": "https://api.cohere.com/v2/chat", "body": request},
        "response": {"status": 200, "body": events},
    }
    row = rows(compact(exchange))[0]
    assert (row["response_id"], row["chain_out"]) == ("c1", None)


def test_a_list_of_things_is_no_stream() -> None:
    body = [{"id": "thread_1", "thread_id": "t"}, {"id": "thread_2"}]
    exchange = {"request": {"method": "GET", "url": OPENAI + "threads"}, "response": {"status": 200, "body": body}}
    assert rows(compact(exchange))[0]["response_id"] is None


def test_empty_ids_of_events_before_the_answer() -> None:
    api = APIS["chat"]
    first = {"id": "", "model": "", "choices": [], "prompt_filter_results": []}
    assert rows(line(api, {"body": sse(api._replace(events=[first, *api.events]))}))[0]["response_id"] == "chatcmpl-d0f631ca1ddb"


def test_places_in_a_stream_are_places_in_the_log() -> None:
    api = APIS["responses"]
    created: Json = {
        "type": "response.created",
        "response": {"id": "resp_1", "previous_response_id": "resp_68b9bda81f5c8197", "output": []},
    }
    text = sse(api._replace(events=[created, *api.events[1:]]))
    lines = [line(api, {"body": text}), line(api, {"body": b64(text.encode())}), line(api, {"events": [created]})]
    found = scan_lines(lines, form="pairs", evidence=True)
    whole = b"".join(x + b"\n" for x in lines)
    for n, row in enumerate(found.rows):
        mark = next(m for m in found.marks_of(row) if m["place"] == "response" and m["fact"] == "read.previous_response_reported")
        there = whole[mark["byte_start"] : mark["byte_end"]]
        if n == 1:
            at = (mark["byte_start"] - whole.index(b64(text.encode()).encode())) % 4
            assert b"resp_68b9bda81f5c8197" in base64.b64decode(there[(4 - at) % 4 :] + b"===")
        else:
            assert there.strip(b'\\"') == b"resp_68b9bda81f5c8197"


# ------------------------------------------------------------------------------------------------------------------------ recorded ones

HAR = {
    "har-browser.har#1": {"response_id": "chatcmpl-d0f631ca1ddba8db3bcfcb9e057cd", "flags": []},
    "har-browser.har#2": {"response_id": "chatcmpl-9c0abe51c6e6655d81de2d044d4fb"},
    "har-browser.har#5": {"response_id": "resp_a2ec8adac7fd24b4b7a8edd89d06990579f6123f5724a14b", "tokens_in": 54, "tokens_out": 14},
    "har-mitmproxy.har#3": {"response_id": None, "tokens_in": 25, "tokens_out": 18, "flags": []},
}


def check_har(exchanges: list[Json]) -> None:
    assert [x["id"] for x in exchanges] == list(HAR)
    for exchange, row in zip(exchanges, rows(*map(compact, exchanges)), strict=True):
        assert row["chain_out"] is not None
        assert {k: row[k] for k in HAR[exchange["id"]]} == HAR[exchange["id"]]


def test_streams_of_har_files() -> None:
    check_har(load_jsonl(DATA / "streams.jsonl"))


def test_the_same_in_the_har_files_themselves(shared: Path) -> None:
    exchanges = []
    for name in HAR:
        file, n = name.split("#")
        path = shared / "knowledge" / "samples" / file
        if not path.exists():
            pytest.skip(f"needs {file} among the samples")
        entry = json.loads(path.read_bytes())["log"]["entries"][int(n)]
        request = {"method": "POST", "url": entry["request"]["url"], "body": entry["request"]["postData"]["text"]}
        exchanges.append({"id": name, "request": request, "response": {"status": 200, "body": entry["response"]["content"]["text"]}})
    check_har(exchanges)


def is_stream(exchange: Json) -> bool:
    body = (exchange.get("response") or {}).get("body")
    return isinstance(body, str) and body.startswith(("data:", "event:", ": "))


def check_recorded(lines: list[bytes]) -> tuple[int, int]:
    """How many recorded streams there are, and how many of them end in a turn."""
    streams = [x for x in lines if is_stream(json.loads(x))]
    found = rows(*streams)
    for text, row in zip(streams, found, strict=True):
        assert row["error"] is None
        if len(json.loads(text)["response"]["body"]) >= 4096:  # where the recordings were cut
            assert row["chain_out"] is None or "response_cut" not in row["flags"]
    known = [
        r for r in found if r["api"] in {"openai.chat_completions", "openai.responses", "anthropic.messages", "google.generate_content"}
    ]
    assert all(r["chain_out"] is None for r in known if "response_cut" in r["flags"])
    assert sum(r["response_id"] is not None for r in known) >= 0.8 * len(known)
    return len(streams), sum(r["chain_out"] is not None for r in found)


def test_recorded_streams_of_the_sample() -> None:
    streams, turns = check_recorded(gzip.decompress((DATA / "corpus-sample.jsonl.gz").read_bytes()).splitlines())
    assert streams >= 15
    assert turns >= 5


def test_recorded_streams(shared: Path) -> None:
    lines: list[bytes] = []
    for file in sorted((shared / "corpus").glob("*.jsonl.gz")):
        lines += gzip.decompress(file.read_bytes()).splitlines()
    streams, turns = check_recorded(lines)
    assert streams > 1000
    assert turns > 500
