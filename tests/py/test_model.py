"""Column `model`: the model or deployment that was asked for, else the one that the response names."""

import json
from typing import Any

import pytest

import stateprint as sp
from harness import DATA, engine

OPENAI = "https://api.openai.com/v1"
CHAT = {"messages": [{"role": "user", "content": "x"}]}


@pytest.mark.parametrize(
    ("method", "url", "body", "response", "model"),
    [
        ("POST", f"{OPENAI}/chat/completions", {"model": "gpt-5", **CHAT}, {"model": "gpt-5-2025-08-07"}, "gpt-5"),
        ("GET", f"{OPENAI}/responses/resp_1", None, {"id": "resp_1", "model": "gpt-5"}, "gpt-5"),
        ("GET", f"{OPENAI}/responses/resp_1?stream=true", None, [{"type": "response.created", "response": {"model": "gpt-5"}}], "gpt-5"),
        ("GET", f"{OPENAI}/models/ft:gpt-4o:acme", None, {"id": "x"}, "ft:gpt-4o:acme"),
        ("GET", "https://api.together.xyz/v1/models/meta/llama-3", None, {"id": "x"}, None),
        ("DELETE", f"{OPENAI}/models/meta/x/..//llama", None, {"id": "x"}, "meta/llama"),
        # ids of other objects
        ("GET", f"{OPENAI}/files/file-1", None, {"id": "file-1", "object": "file"}, None),
        ("DELETE", f"{OPENAI}/vector_stores/vs_1", None, {"id": "vs_1", "deleted": True}, None),
        ("POST", "https://api.anthropic.com/v1/messages/batches/msgbatch_1/cancel", None, {"id": "msgbatch_1"}, None),
        ("POST", "https://x.langgraph.app/runs", {"assistant_id": "agent_1", "input": {}}, {"run_id": "r"}, None),
        ("POST", "https://api.coze.com/v3/chat", {"bot_id": "7342", "user_id": "u"}, {"data": {"id": "1"}}, None),
        ("POST", "https://api.mistral.ai/v1/conversations", {"agent_id": "ag_1", "inputs": "x"}, {"conversation_id": "conv_1"}, None),
        ("POST", "https://a.example/mcp", {"jsonrpc": "2.0", "id": "call-7", "method": "tools/list"}, {"id": "call-7"}, None),
    ],
)
def test_the_model_is_what_was_asked_for_else_what_the_response_names(
    method: str, url: str, body: Any, response: Any, model: str | None
) -> None:
    answer = {"status": 200, "events": response} if isinstance(response, list) else {"status": 200, "body": response}
    assert sp.classify(body, method=method, url=url, response=answer, engine=engine()).model == model


def test_the_model_of_a_form_is_read_where_it_is_certain() -> None:
    head = 'Content-Disposition: form-data; name="'
    audio = f'--b\r\n{head}file"; filename="a.mp3"\r\nContent-Type: audio/mpeg\r\n\r\nID3\r\n'
    model_part = f'--b\r\n{head}model"\r\n\r\nwhisper-1\r\n'
    form = f"{audio}{model_part}--b--\r\n"
    for body, model in ((form, "whisper-1"), (form[:-9], None), (model_part + form, None), ("model=whisper-1&n=2", "whisper-1")):
        v = sp.classify(json.dumps(body), url=f"{OPENAI}/audio/transcriptions", engine=engine())
        assert (v.model, v.model_family if model else "openai", v.state) == (model, "openai", "stateless"), body
    azure = "https://acme.openai.azure.com/openai/deployments/scribe/audio/transcriptions"
    assert sp.classify(json.dumps(form), url=azure, engine=engine()).model == "scribe"


def test_no_recorded_exchange_has_an_id_for_a_model() -> None:
    rows = sp.scan(DATA / "corpus-sample.jsonl.gz").table().to_pylist()
    ids = {row[name] for row in rows for name in ("response_id", "previous_id", "conversation_id", "request_id")} - {None}
    assert [row["model"] for row in rows if row["model"] in ids and row["api"] != "openai.models"] == []
    assert len({row["model"] for row in rows}) > 60
