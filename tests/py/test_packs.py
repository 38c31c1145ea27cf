"""Rule packs: what is refused and where, and what the built-in pack says of places that are easily misread."""

import json
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from harness import engine, scan_bytes

BASE: dict[str, Any] = {"format": 1, "pack": "acme", "version": "1", "sources": {"A": "acme's own documents"}, "facts": {"read.acme": "x"}}
AZURE = "https://acme.openai.azure.com"
CHAT = {"model": "m", "messages": [{"role": "user", "content": "x"}]}


def endpoint(**more: Any) -> dict[str, Any]:
    return {"id": "a.ask", "source": "A", "api": "acme", "operation": "ask", "inference": True, "path": ["/ask/{name}"], **more}


def when(**test: Any) -> list[dict[str, Any]]:
    return [{"at": "body:/x"}, {"any": [{"at": "body:/y"}, test]}]


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ({"endpoints": [endpoint(when=when(at="path:name", **{"in": ["a"]}))]}, '"path:name"'),
        ({"shapes": [{**endpoint(when=when(at="qs:beta")), "path": None}]}, '"qs:beta"'),
        ({"hosts": [{"id": "h", "source": "A", "provider": "p", "cloud": "p", "headers": when(provider=["q"])}]}, '["q"]'),
        ({"bodies": [{"id": "b", "source": "A", "state": "redacted", "when": when(host=["h"])}]}, '["h"]'),
        ({"wrappers": [{"id": "w", "source": "A", "body": "/b", "when": when(at="path:x")}]}, '"path:x"'),
        ({"inference_like": [{"id": "l", "source": "A", "when": when(at="path:x")}]}, '"path:x"'),
        ({"inference_like": [{"id": "l", "source": "A", "when": when(each="hdr:x", where=[{"at": "y"}])}]}, '"hdr:x"'),
        ({"layouts": [{"id": "l", "source": "A", "turns": ["/m"], "context": ["/system", "/parts/*/text"]}]}, '"/parts/*/text"'),
        ({"layouts": [{"id": "l", "source": "A", "turns": ["/m"], "tools": "/tools/*/functions"}]}, '"/tools/*/functions"'),
        ({"layouts": [{"id": "l", "source": "A", "turns": ["/m"], "stream": "sse"}]}, '"sse"'),
        ({"endpoints": [endpoint(confidence="high")]}, '"high"'),
        *(
            ({"endpoints": [endpoint(path=path)]}, f'"{path}"')
            for path in ("/a/{id=x}", "/a/{=x*}", "/a/{id=*}", "/a/b{id=x*}", "/a/{id=x*}b")
        ),
    ],
)
def test_what_could_never_hold_is_refused_at_its_place(tmp_path: Path, entries: dict[str, Any], found: str) -> None:
    for listed in entries.values():
        for entry in listed:
            if entry.get("path", "") is None:
                del entry["path"]
    text = json.dumps({**BASE, **entries})
    path = tmp_path / "acme.json"
    path.write_text(text.replace(found, "\n" + found))
    with pytest.raises(sp.ConfigError) as caught:
        sp.Engine(rules=[path])
    assert (caught.value.line, caught.value.column) == (2, 1), str(caught.value)
    assert caught.value.file == str(path)


def test_examples_are_read_by_no_rule_but_checked_as_json(tmp_path: Path) -> None:
    path = tmp_path / "acme.json"
    pack = {**BASE, "endpoints": [{**endpoint(), "examples": {"yes": ["HERE"]}}]}
    for example in ('{"a": 1, "a": 2}', '"\\ud83d"', "123456789012345678901"):  # payloads that a rule is about may be so
        path.write_text(json.dumps(pack).replace('"HERE"', example))
        assert sp.Engine(rules=[path]).describe()["entries"]
    path.write_text(json.dumps(pack).replace('"HERE"', "\ntru"))
    with pytest.raises(sp.ConfigError) as caught:
        sp.Engine(rules=[path])
    assert (caught.value.code, caught.value.line, caught.value.column) == ("syntax", 2, 4)
    path.write_text(json.dumps(pack).replace('"id": "a.ask"', '"id": "a.ask", "id": "a.ask"'))
    with pytest.raises(sp.ConfigError, match="without repeated names"):
        sp.Engine(rules=[path])


def test_a_catch_may_say_how_it_begins() -> None:
    entry = {**endpoint(path=["/ask/{thread_id=th_*}"]), "ids": {"conversation_id": ["path:thread_id"]}}
    rules = sp.Engine(rules=[{**BASE, "endpoints": [entry]}]).rules
    lines = [b'{"method":"POST","url":"/ask/%s","body":{}}' % name for name in (b"th_1", b"th_", b"xth_1")]
    rows = scan_bytes(b"\n".join(lines), rules=rules).rows
    assert [row["conversation_id"] for row in rows] == ["th_1", None, None]
    assert [row["operation"] for row in rows] == ["ask", "unknown", "unknown"]


def test_a_method_is_known_to_wrappers_whatever_came_before() -> None:
    wrapper = {"id": "w.post", "source": "A", "when": [{"method": ["POST"]}, {"at": "body:/inner"}], "body": "/inner", "url": "/url"}
    rules = sp.Engine(rules=[{**BASE, "wrappers": [wrapper]}]).rules  # type: ignore[list-item]
    inner = {"url": "https://api.openai.com/v1/chat/completions", "inner": CHAT}
    lines = [json.dumps({"method": m, "url": "https://gw.example/x", "body": inner}).encode() for m in ("POST", "PUT", "POST", "PUT")]
    rows = scan_bytes(b"\n".join(lines), rules=rules).rows
    assert [row["api"] for row in rows] == ["openai.chat_completions", "unknown"] * 2


@pytest.mark.parametrize(
    ("path", "confidence"),
    [("/chat/completions", "inferred"), ("/v1/chat/completions", "inferred"), ("/openai/v1/chat/completions", "endpoint")],
)
def test_an_undocumented_path_is_told_as_a_guess(path: str, confidence: str) -> None:
    v = sp.classify(CHAT, url=AZURE + path, engine=engine())
    assert (v.state, v.api, v.confidence) == ("stateless", "openai.chat_completions", confidence)
    assert sp.classify(CHAT, url="https://m.eastus2.models.ai.azure.com/chat/completions", engine=engine()).confidence == "endpoint"


@pytest.mark.parametrize(
    ("url", "told", "rule"),
    [
        ("https://api.openai.com/v1/chat/completions", "host and path", "openai.chat.create"),
        ("/v1/chat/completions", "the path", "any.chat"),
        (None, "the shape of the payload", "shape.chat"),
        (f"{AZURE}/chat/completions", "host and path, a guess", "azure.bare.chat"),
    ],
)
def test_the_trace_says_which_rule_told_the_operation(url: str | None, told: str, rule: str) -> None:
    lines = str(sp.explain(CHAT, url=url, engine=engine())).split("\n")
    at = next(n for n, line in enumerate(lines) if line.startswith("operation "))
    assert f"chat.completions.create, told by {told}; inference" in lines[at]
    assert lines[at + 1].split(",")[0].split() == ["rule", rule]


@pytest.mark.parametrize(
    ("method", "url", "headers", "operation"),
    [
        ("GET", "https://api.replicate.com/v1/predictions/p1", {}, "predictions.get"),
        ("GET", "https://api.replicate.com/v1/predictions", {}, "predictions.list"),
        ("POST", "https://api.replicate.com/v1/predictions/p1/cancel", {}, "predictions.cancel"),
        ("GET", "https://api.replicate.com/v1/streams/s1", {}, "predictions.stream"),
        ("DELETE", "https://tools.example/mcp", {"Mcp-Session-Id": "s"}, "session.delete"),
        ("GET", "https://tools.example/mcp", {"Mcp-Session-Id": "s"}, "stream"),
    ],
)
def test_control_calls_have_names_of_their_own(method: str, url: str, headers: dict[str, str], operation: str) -> None:
    v = sp.classify(None, method=method, url=url, headers=headers, engine=engine())
    assert (v.operation, v.state) == (operation, "not_inference")


def test_a_function_result_is_replay_beside_its_call_only() -> None:
    url = "https://generativelanguage.googleapis.com/v1beta/interactions"
    call, result = {"type": "function_call", "id": "c"}, {"type": "function_result", "call_id": "c", "result": "r"}
    turns = [{"role": "model", "content": [call]}, {"role": "user", "content": [result]}]
    for items, replayed in (([call, result], True), (turns, True), ([result], False), (turns[1:], False)):
        v = sp.classify({"model": "gemini-3", "input": items, "store": False}, url=url, engine=engine())
        assert ("replay.tool_turn" in v.facts) == replayed, items


def test_a_log_without_headers_says_so_where_a_header_could_show_state() -> None:
    sagemaker = "https://runtime.sagemaker.us-east-1.amazonaws.com/endpoints/llm/invocations"
    assert "no_headers" in sp.classify({"inputs": "x"}, url=sagemaker, engine=engine()).flags
    assert "no_headers" not in sp.classify({"inputs": "x"}, url=sagemaker, headers={}, engine=engine()).flags
    assert "no_headers" not in sp.classify(CHAT, url="https://api.openai.com/v1/chat/completions", engine=engine()).flags
    lines = [json.dumps({"url": sagemaker, "body": {"inputs": "x"}, **more}).encode() for more in ({}, {"headers": None}, {"headers": {}})]
    assert [row["flags"] for row in scan_bytes(b"\n".join(lines)).rows] == [["no_headers"], ["no_headers"], []]
