"""classify, identify, fingerprint, explain: one payload, with what is known around it."""

import contextlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from . import _core
from .engine import Engine, Lens, engine_for
from .errors import PayloadLimitError, PayloadSyntaxError, payload_error
from .show import rfc3339
from .trace import explanation
from .verdict import Explanation, Fingerprint, Identification, Verdict, describe, fingerprint_of, verdict_in

__all__ = ["classify", "explain", "fingerprint", "identify", "run"]

Payload = Any  # bytes, str, any buffer, or a mapping; typing.Buffer needs Python 3.12
Headers = Mapping[str, Any] | Iterable[tuple[str, str]] | bytes | str | None
Response = Any

_ENVELOPE = {"status", "status_code", "headers", "body", "events"}


class Found(NamedTuple):
    """What the core said of one exchange, and the engine that was used."""

    answer: _core.Answer
    engine: Engine

    @property
    def row(self) -> dict[str, Any]:
        """Its row of the exchanges table."""
        return self.answer.exchanges().to_pylist()[0]

    @property
    def evidence(self) -> list[dict[str, Any]]:
        """Its rows of the evidence table."""
        return self.answer.evidence().to_pylist()


def classify(
    payload: Payload,
    *,
    method: str | None = "POST",
    url: str | None = None,
    headers: Headers = None,
    response: Response = None,
    status: int | None = None,
    time: str | datetime | None = None,
    lens: str | Lens | None = None,
    engine: Engine | None = None,
) -> Verdict:
    """Says whether one exchange is stateless or stateful, and why.

    payload: the request body: bytes, str, any buffer, a mapping, or None where there is none.
    method, url, headers: of the request, where they are known; the method counts only with a URL.
    response: its body (mapping, list, bytes or str), or {"status", "headers", "body" or "events"}. status: the HTTP status.
    time: when the call was made (RFC 3339, or a datetime); rules that changed are read as they were then.
    lens: what counts as stateful; None is that of the engine, or `session`. engine: None is the built-in rules.

    Raises PayloadError for a payload that can't be read, ConfigError for a bad lens. Safe to call from many threads.
    """
    found = run(payload, method, url, headers, response, status, time, lens, engine)
    return verdict_in(found.answer, found.engine.lens.name)


def identify(
    payload: Payload,
    *,
    method: str | None = "POST",
    url: str | None = None,
    headers: Headers = None,
    response: Response = None,
    status: int | None = None,
    time: str | datetime | None = None,
    lens: str | Lens | None = None,
    engine: Engine | None = None,
) -> Identification:
    """One line about a payload: API, operation, state, deciding pointer, fingerprint. Arguments and errors as `classify`."""
    found = run(payload, method, url, headers, response, status, time, lens, engine)
    verdict = verdict_in(found.answer, found.engine.lens.name)
    return Identification(describe(verdict), verdict)


def fingerprint(
    payload: Payload,
    *,
    method: str | None = "POST",
    url: str | None = None,
    headers: Headers = None,
    response: Response = None,
    status: int | None = None,
    time: str | datetime | None = None,
    lens: str | Lens | None = None,
    engine: Engine | None = None,
) -> Fingerprint:
    """The hashes of a payload (docs/fingerprint.md). Arguments and errors as `classify`."""
    found = run(payload, method, url, headers, response, status, time, lens, engine)
    return fingerprint_of(found.row)


def explain(
    payload: Payload,
    *,
    method: str | None = "POST",
    url: str | None = None,
    headers: Headers = None,
    response: Response = None,
    status: int | None = None,
    time: str | datetime | None = None,
    lens: str | Lens | None = None,
    engine: Engine | None = None,
) -> Explanation:
    """The decision trace: how the operation was told, each mark with its place, rule and source, what was denied, what is missing,
    and what the lens makes of it. Arguments and errors as `classify`."""
    found = run(payload, method, url, headers, response, status, time, lens, engine)
    return explanation(found.row, found.evidence, found.engine)


def run(
    payload: Payload,
    method: str | None = "POST",
    url: str | None = None,
    headers: Headers = None,
    response: Response = None,
    status: int | None = None,
    time: str | datetime | None = None,
    lens: str | Lens | None = None,
    engine: Engine | None = None,
) -> Found:
    """What the core says of one exchange. Arguments and errors as `classify`."""
    used = engine if engine is not None and lens is None else engine_for(engine, lens)
    body, response_headers, told = (None, None, None) if response is None else _response(response)
    answer = _core.classify(
        used.rules,
        payload if type(payload) is bytes else _payload(payload, "payload"),
        method=None if url is None else method,
        url=url,
        headers=None if headers is None else _headers(headers),
        response=body,
        response_headers=None if response_headers is None else _headers(response_headers),
        status=told if status is None else status,
        time=None if time is None else _time(time),
    )
    refused = answer.error
    if refused is not None:
        raise payload_error(refused)
    return Found(answer, used)


def _payload(value: Payload, what: str) -> Any:
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace")  # half of a surrogate pair becomes its JSON escape
    if isinstance(value, Mapping | list | tuple):
        return _dump(value, what)
    view = None
    with contextlib.suppress(TypeError):
        view = memoryview(value)
    if view is None:
        raise TypeError(f"{what} has to be bytes, str, a buffer or a mapping, not {type(value).__name__}")
    return bytes(view)


def _dump(value: Any, what: str) -> bytes:
    text: str | None = None
    problem: Exception | None = None
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_other)
    except RecursionError:
        problem = PayloadLimitError(code="too_deep", expected="nesting within max_depth")
    except TypeError:
        problem = TypeError(f"{what} holds a value or a name that JSON does not have")
    except ValueError as e:
        if "ircular" in str(e):
            problem = PayloadSyntaxError(code="syntax", expected="a mapping that does not hold itself")
        else:  # Python's limit on the digits of an integer
            problem = PayloadLimitError(code="number_too_long", expected="a number within max_number_bytes")
    if problem is not None:
        raise problem
    assert text is not None
    return text.encode("utf-8", "backslashreplace")


def _other(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError


def _headers(headers: Headers) -> bytes | None:
    if headers is None or isinstance(headers, bytes):
        return headers
    if isinstance(headers, str):
        return headers.encode("utf-8", "backslashreplace")
    merged: dict[str, str] = {}
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        if value is None:
            continue
        key = _header_text(name).lower()
        values = [_header_text(v) for v in value] if isinstance(value, list | tuple) else [_header_text(value)]
        merged[key] = ", ".join([*([merged[key]] if key in merged else []), *values])
    return _dump(merged, "headers")


def _header_text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _response(response: Response) -> tuple[bytes | None, Headers, int | None]:
    """Body, headers and status of a response in any of its forms."""
    if response is None:
        return None, None, None
    if isinstance(response, Mapping) and response and set(response) <= _ENVELOPE and {"body", "events", "headers"} & set(response):
        body = response.get("body")
        if body is None:
            body = response.get("events")
        status = response.get("status", response.get("status_code"))
        return _payload(body, "response"), response.get("headers"), status if isinstance(status, int) else None
    return _payload(response, "response"), None, None


def _time(time: str | datetime | None) -> str | None:
    if isinstance(time, datetime):
        return rfc3339(time) if time == time else None  # pandas' NaT, "no time", is a datetime that equals nothing
    return time
