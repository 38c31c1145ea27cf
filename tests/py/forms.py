"""One exchange in the form of each format that can carry it, as its writer would put it down. What a form leaves out is what that writer leaves out."""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

Exchange = Mapping[str, Any]
"""time (RFC 3339, UTC), id, provider, method, url, headers, body (None: none), status, response (a body, or None)."""
Record = dict[str, Any]


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, separators=(",", ":"))


def _path(x: Exchange) -> str:
    parts = urlsplit(x["url"])
    return parts.path + ("?" + parts.query if parts.query else "")


def _nanoseconds(x: Exchange) -> str:
    return f"{int(dt.datetime.fromisoformat(x['time']).timestamp())}000000000"


def _kind(x: Exchange) -> str:
    """What the writers that know calls by kinds call it."""
    path = urlsplit(x["url"]).path
    kinds = {"/chat/completions": "chat", "/responses": "responses", "/embeddings": "embeddings", "/messages": "messages"}
    return next((kind for end, kind in kinds.items() if path.endswith(end)), "")


def _pairs_of(headers: Mapping[str, str]) -> list[Record]:
    return [{"name": name, "value": value} for name, value in headers.items()]


# ------------------------------------------------------------------------------------------------------------------------- as it was sent
def bodies(x: Exchange) -> Record | None:
    body: Record | None = x["body"]
    return body


def bare_pairs(x: Exchange) -> Record | None:
    return x["body"] and {"time": x["time"], "id": x["id"], "request": x["body"], "response": x["response"]}


def pairs(x: Exchange) -> Record:
    request = {name: x[name] for name in ("method", "url", "headers", "body")}
    return {"time": x["time"], "id": x["id"], "request": request, "response": {"status": x["status"], "body": x["response"]}}


def flat(x: Exchange) -> Record:
    return {"ts": x["time"], **{name: x[name] for name in ("id", "method", "url", "headers", "body", "status", "response")}}


def batch(x: Exchange) -> Record | None:
    if x["provider"] != "openai" or x["body"] is None:
        return None
    return {"custom_id": x["id"], "method": x["method"], "url": _path(x), "body": x["body"]}


def apim(x: Exchange) -> Record:
    about = {"backendMethod": x["method"], "backendUrl": x["url"], "responseCode": x["status"], "backendRequestHeaders": x["headers"]}
    texts = {"backendRequestBody": _text(x["body"]), "backendResponseBody": _text(x["response"])}
    return {"time": x["time"], "category": "GatewayLogs", "correlationId": x["id"], "properties": about | texts}


def helicone(x: Exchange) -> Record | None:
    if x["body"] is None:
        return None
    about = {"request_id": x["id"], "request_created_at": x["time"], "request_path": _path(x), "target_url": x["url"]}
    return about | {"request_body": x["body"], "response_status": x["status"], "response_body": x["response"]}


def har(x: Exchange) -> Record:
    request = {"method": x["method"], "url": x["url"], "headers": _pairs_of(x["headers"])}
    if x["body"] is not None:
        request["postData"] = {"mimeType": "application/json", "text": _text(x["body"])}
    content = {"mimeType": "application/json", "text": _text(x["response"]) or ""}
    response = {"status": x["status"], "headers": _pairs_of({"x-request-id": x["id"]}), "content": content}
    return {"startedDateTime": x["time"], "request": request, "response": response}


def vcr(x: Exchange) -> Record:
    headers = {name: [value] for name, value in x["headers"].items()}
    request = {"method": x["method"], "uri": x["url"], "headers": headers, "body": {"string": _text(x["body"]) or ""}}
    date = dt.datetime.fromisoformat(x["time"]).strftime("%a, %d %b %Y %H:%M:%S GMT")
    answer = {
        "status": {"code": x["status"]},
        "headers": {"date": [date], "x-request-id": [x["id"]]},
        "body": {"string": _text(x["response"])},
    }
    return {"request": request, "response": answer}


def nginx(x: Exchange) -> Record:
    about = {"time": x["time"], "request_id": x["id"], "method": x["method"], "uri": _path(x), "status": x["status"]}
    return about | {"request_body": _text(x["body"])}


def kong(x: Exchange) -> Record | None:
    if x["provider"] not in {"openai", "anthropic"} or x["body"] is None:
        return None
    payload = {"request": _text(x["body"]), "response": _text(x["response"])}
    started = int(dt.datetime.fromisoformat(x["time"]).timestamp() * 1000)
    about = {"started_at": started, "request": {"id": x["id"], "method": x["method"], "headers": x["headers"]}, "upstream_uri": _path(x)}
    return about | {"response": {"status": x["status"]}, "ai": {"proxy": {"meta": {"provider_name": x["provider"]}, "payload": payload}}}


def portkey(x: Exchange) -> Record | None:
    if x["body"] is None:
        return None
    about = {"created_at": x["time"], "ai_org": x["provider"], "ai_model": None, "request_method": x["method"], "request_url": x["url"]}
    return about | {"request": {"body": x["body"]}, "response": {"body": x["response"]}, "response_status_code": x["status"]}


def cloudflare(x: Exchange) -> Record | None:
    if x["provider"] not in {"openai", "anthropic"} or x["body"] is None:
        return None
    endpoint = _path(x).removeprefix("/v1/" if x["provider"] == "openai" else "/")
    about = {"Gateway": "gw", "Provider": x["provider"], "Endpoint": endpoint, "StatusCode": x["status"]}
    return about | {"RequestBody": x["body"], "ResponseBody": x["response"]}


def langsmith(x: Exchange) -> Record | None:
    if x["provider"] not in {"openai", "anthropic"} or _kind(x) not in {"chat", "responses", "messages"}:
        return None
    about = {"id": x["id"], "run_type": "llm", "start_time": x["time"], "extra": {"metadata": {"ls_provider": x["provider"]}}}
    return about | {"inputs": x["body"], "outputs": x["response"]}


def bedrock(x: Exchange) -> Record | None:
    if x["provider"] != "bedrock":
        return None
    _, _, model, action = urlsplit(x["url"]).path.split("/")
    operation = {"converse": "Converse", "invoke": "InvokeModel"}[action]
    about = {"schemaType": "ModelInvocationLog", "timestamp": x["time"], "requestId": x["id"], "operation": operation}
    body = {"inputContentType": "application/json", "inputBodyJson": x["body"]}
    return about | {"region": "us-east-1", "modelId": model, "input": body, "output": {"outputBodyJson": x["response"]}}


# ------------------------------------------------------------------------------------------------- put into a form of the writer's own
def litellm(x: Exchange) -> Record | None:
    kinds = {"chat": "completion", "responses": "responses", "embeddings": "embedding", "messages": "anthropic_messages"}
    if x["provider"] not in {"openai", "anthropic"} or _kind(x) not in kinds:
        return None
    body = x["body"]
    about = {"id": (x["response"] or {}).get("id"), "call_id": x["id"], "call_type": kinds[_kind(x)], "custom_llm_provider": x["provider"]}
    parameters = {name: value for name, value in body.items() if name not in {"model", "messages", "input"}}
    more = {"startTime": x["time"], "model": body["model"], "messages": body.get("messages", body.get("input")), "response": x["response"]}
    return about | more | {"model_parameters": parameters, "hidden_params": {}}


def otlp(x: Exchange) -> Record | None:
    response = (x["response"] or {}).get("id")
    if x["body"] is None or response is None:
        return None
    about = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": x["provider"], "gen_ai.request.model": x["body"].get("model")}
    if _kind(x) == "embeddings":
        about["gen_ai.operation.name"] = "embeddings"
    about |= {"gen_ai.response.id": response}
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in about.items() if value]
    return {"traceId": "0" * 32, "spanId": x["id"], "startTimeUnixNano": _nanoseconds(x), "attributes": attributes}


# ---------------------------------------------------------------------------------------------------------------------- what was around it
def envoy_ai(x: Exchange) -> Record:
    about = {"start_time": x["time"], "x-request-id": x["id"], "method": x["method"], "x-envoy-origin-path": _path(x)}
    return about | {"response_code": x["status"], "gen_ai.request.model": (x["body"] or {}).get("model")}


def azure_openai(x: Exchange) -> Record | None:
    names = {"chat": "ChatCompletions_Create", "responses": "Create_Response", "embeddings": "Embeddings_Create"}
    if x["provider"] != "azure" or _kind(x) not in names:
        return None
    properties = _text({"modelDeploymentName": "d", "modelName": "gpt-5"})
    about = {"time": x["time"], "category": "RequestResponse", "operationName": names[_kind(x)], "correlationId": x["id"]}
    return about | {"resultSignature": str(x["status"]), "properties": properties}


def cloudtrail(x: Exchange) -> Record | None:
    if x["provider"] != "bedrock":
        return None
    _, _, model, action = urlsplit(x["url"]).path.split("/")
    name = {"converse": "Converse", "invoke": "InvokeModel"}[action]
    about = {"eventSource": "bedrock.amazonaws.com", "eventName": name, "eventTime": x["time"], "awsRegion": "us-east-1"}
    return about | {"requestID": x["id"], "requestParameters": {"modelId": quote(model)}}


# ---------------------------------------------------------------------------------------------------------------------------------- files
def json_lines(records: Iterable[Record]) -> Iterator[bytes]:
    return (_dump(record) + b"\n" for record in records)


def within(head: bytes, tail: bytes) -> Callable[[Iterable[Record]], Iterator[bytes]]:
    """A file of one JSON text that holds the records in an array."""

    def pieces(records: Iterable[Record]) -> Iterator[bytes]:
        yield head
        for i, record in enumerate(records):
            yield (b",\n" if i else b"\n") + _dump(record)
        yield b"\n" + tail

    return pieces


def _dump(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


Form = tuple[Callable[[Exchange], Record | None], Callable[[Iterable[Record]], Iterator[bytes]]]
FORMS: dict[str, Form] = {
    "bodies": (bodies, json_lines),
    "bare-pairs": (bare_pairs, json_lines),
    "pairs": (pairs, json_lines),
    "flat": (flat, json_lines),
    "batch": (batch, json_lines),
    "apim": (apim, within(b'{"records":[', b"]}")),
    "helicone": (helicone, json_lines),
    "har": (har, within(b'{"log":{"version":"1.2","entries":[', b"]}}")),
    "vcr": (vcr, within(b'{"version":1,"interactions":[', b"]}")),
    "nginx": (nginx, json_lines),
    "kong": (kong, json_lines),
    "portkey": (portkey, json_lines),
    "cloudflare": (cloudflare, json_lines),
    "langsmith": (langsmith, json_lines),
    "bedrock": (bedrock, json_lines),
    "litellm": (litellm, json_lines),
    "otlp": (otlp, within(b'{"resourceSpans":[{"scopeSpans":[{"spans":[', b"]}]}]}")),
    "envoy-ai": (envoy_ai, json_lines),
    "azure-openai": (azure_openai, within(b'{"records":[', b"]}")),
    "cloudtrail": (cloudtrail, within(b'{"Records":[', b"]}")),
}
"""By the name of the reader; only such as can be told by themselves."""
