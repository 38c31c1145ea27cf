"""What a value of an unknown log looks like: a time, a status, headers, a response. The payload of a request is for the core to tell."""

import base64
import binascii
import http
import re
from collections.abc import Mapping
from typing import Any

from .pointers import named, unwrapped

METHODS = {*http.HTTPMethod, "WS"}
STATUSES = {*map(int, http.HTTPStatus), 499, 520, 522, 524, 529}
"""Those of the standard, and what nginx, Cloudflare and Anthropic add."""
_ANSWERS = {"choices", "candidates", "usage", "stop_reason", "stopReason", "output", "usageMetadata", "completion", "embeddings"}
_BESIDE = {"id", "object", "model", "content", "role", "metrics", "created", "created_at", "type", "data", "status"}
_ERROR = {"message", "type", "code"}
_EVENT = {"type", "choices", "candidates"}
_ENVELOPE = {"method", "url", "path", "body", "status"}
_OF_REQUESTS = {
    "authorization",
    "user-agent",
    "accept",
    "host",
    "api-key",
    "x-api-key",
    "anthropic-version",
    "openai-beta",
    "x-goog-api-key",
    "x-session-id",
}
_OF_RESPONSES = {
    "server",
    "date",
    "set-cookie",
    "cf-ray",
    "openai-processing-ms",
    "openai-version",
    "transfer-encoding",
    "x-ratelimit-limit-requests",
}
_OF_EITHER = {"content-type", "content-length", "accept-encoding", "x-request-id", "traceparent", "connection"}
_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?P<zone>[Zz]| UTC|[+-]\d\d:?\d\d)?)?")
_SPANS = (
    ("seconds since 1970", 1),
    ("milliseconds since 1970", 10**3),
    ("microseconds since 1970", 10**6),
    ("nanoseconds since 1970", 10**9),
)
_REPLY = re.compile(r"(?:resp_|chatcmpl-|msg_|cmpl-|run_|gen-)[A-Za-z0-9_-]{6,}")


def from_base64(value: Any) -> Any:
    """What base64 of a JSON object holds, or None."""
    if not isinstance(value, str) or len(value) < 16:
        return None
    try:
        inner = unwrapped(base64.b64decode(value, validate=True).decode())
    except (binascii.Error, ValueError):
        return None
    return inner if isinstance(inner, Mapping) else None


def is_response(value: Any) -> bool:
    """Whether it is what an API of models answers: JSON, or a stream of events as text."""
    if isinstance(value, str):
        return re.match(r"\s*(?:data|event|id|retry|):", value) is not None and "data:" in value
    if not isinstance(value, Mapping):
        return False
    names = set(value)
    if isinstance(value.get("error"), Mapping) and _ERROR & set(value["error"]):
        return True
    answer = bool(_ANSWERS & names) and len((_ANSWERS | _BESIDE) & names) > 1
    return answer or (isinstance(value.get("object"), str) and isinstance(value.get("id"), str))


def is_envelope(value: Mapping[str, Any]) -> bool:
    """Whether it is what stands around a body, not a body."""
    return len(_ENVELOPE & set(value)) > 1


def is_events(value: Any) -> bool:
    """Whether it is a list of the events of a stream."""
    return isinstance(value, list) and len(value) > 1 and all(isinstance(one, Mapping) and _EVENT & set(one) for one in value)


def is_turns(value: Any) -> bool:
    """Whether it is the list of the messages of a conversation."""
    return isinstance(value, list) and any(isinstance(one, Mapping) and isinstance(one.get("role"), str) for one in value)


def time_form(value: Any) -> str:
    """How the value writes a time between 2001 and 2049; empty: it doesn't."""
    if isinstance(value, str) and (written := _TIME.fullmatch(value)) is not None:
        return "a date" if len(value) == 10 else "RFC 3339" if written["zone"] else "a time without an offset: taken as UTC"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ""
    if isinstance(value, str) and not re.fullmatch(r"\d{10,19}(?:\.\d+)?", value):
        return ""
    number = float(value) if isinstance(value, str) else value  # an integer may be too large for a float
    return next((what for what, unit in _SPANS if 10**9 * unit <= number < 25 * 10**8 * unit), "")


def is_method(value: Any) -> bool:
    """Whether it is a method of HTTP, in any case."""
    return isinstance(value, str) and value.upper() in METHODS


def is_status(value: Any) -> bool:
    """Whether it is a status of HTTP: a number, or a text such as 200, or 200 with its reason."""
    if isinstance(value, str) and re.fullmatch(r"\d{3}(?: [A-Za-z' -]+)?", value):
        value = int(value[:3])
    return not isinstance(value, bool) and isinstance(value, int) and value in STATUSES


def is_name(value: Any) -> bool:
    """Whether it could be an id."""
    return isinstance(value, str) and 2 <= len(value) <= 128 and re.fullmatch(r"[A-Za-z0-9._:/=+-]+", value) is not None


def is_reply_id(value: Any) -> bool:
    """Whether it is an id that an API gives a response."""
    return isinstance(value, str) and _REPLY.fullmatch(value) is not None


def is_count(value: Any) -> bool:
    """Whether it could count tokens."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40


def is_host(value: Any) -> bool:
    """Whether it could be the host of a URL."""
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:\d+)?", value) is not None


def headers_of(value: Any) -> str:
    """Whose headers it is: `request`, `response`, `either`; empty: none."""
    pairs = named(value) if isinstance(value, list) else value
    if not isinstance(pairs, Mapping) or not pairs:
        return ""
    names = {str(name).lower() for name in pairs}
    if names & _ENVELOPE or not all(isinstance(one, str | list | int) for one in pairs.values()):
        return ""
    kinds = (("response", _OF_RESPONSES), ("request", _OF_REQUESTS), ("either", _OF_EITHER))
    return next((kind for kind, known in kinds if names & known), "")
