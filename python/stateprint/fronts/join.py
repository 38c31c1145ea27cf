"""Records that are pieces of one call: put together to one record, in bounded memory."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

from .between import Record, Row, json_of, remade, row_of

CALLS = 4096
"""Most calls that are open at a time, with the records between them."""
PIECES, BYTES = 65536, 32 << 20
"""Most records that they have, and most bytes of these."""
CLOSED = 65536
"""Calls that are remembered after they were given, or a piece of them was, so that pieces that come later are told as such."""
INCOMPLETE = "stateprint.incomplete"
"""Member of a record that was made without all pieces; descriptions of readers ask for it."""


class Kind(Protocol):
    """How the records of one reader are joined."""

    why: str
    """Why the summary passes over the pieces behind the first one."""
    mark: bytes
    """Stands in every piece."""

    def key(self, row: Row) -> list[str] | None:
        """Which call it is a piece of; None: it is no piece."""

    def number(self, row: Row) -> object:
        """Its place among the pieces: a number, or one as text."""

    def ends(self, row: Row) -> bool:
        """Whether no piece of a request comes behind it."""

    def join(self, rows: list[Row]) -> tuple[Row, bool]:
        """One row out of one or more, and whether its request is whole."""


class Pieces:
    """Azure API Management GatewayLlmLog: counts, messages of the request and of the response in rows of their own, and long ones in several."""

    why = "row of a call, joined by CorrelationId"
    mark = b'"CorrelationId"'
    _texts = ("RequestMessages", "ResponseMessages")

    def key(self, row: Row) -> list[str] | None:
        call = row.get("CorrelationId")
        return [call] if isinstance(call, str) and call else None

    def number(self, row: Row) -> object:
        return row.get("SequenceNumber")

    def ends(self, row: Row) -> bool:
        return bool(row.get("ResponseMessages"))

    def join(self, rows: list[Row]) -> tuple[Row, bool]:
        out: Row = {}
        for row in rows:
            for name, value in row.items():
                if out.get(name) in (None, ""):
                    out[name] = value
        for name in self._texts:
            parts = [part for row in rows if (part := row.get(name)) not in (None, "")]
            if len(parts) > 1:
                out[name] = _put_together(parts)
        return out, _is_json(out.get("RequestMessages"))


class Events:
    """OpenTelemetry up to 1.36: an event for each message of a span. They become the attribute that later versions write."""

    why = "event of a span, joined by spanId"
    mark = b"gen_ai."
    _roles: Mapping[str, str] = {
        "gen_ai.system.message": "system",
        "gen_ai.user.message": "user",
        "gen_ai.assistant.message": "assistant",
        "gen_ai.tool.message": "tool",
    }
    _choice = "gen_ai.choice"

    def key(self, row: Row) -> list[str] | None:
        name, span, trace = self._name(row), row.get("spanId"), row.get("traceId")
        if (name != self._choice and name not in self._roles) or not isinstance(span, str) or not span:
            return None
        return [trace if isinstance(trace, str) else "", span]

    def number(self, row: Row) -> object:
        return row.get("observedTimeUnixNano")

    def ends(self, row: Row) -> bool:
        return self._name(row) == self._choice

    def join(self, rows: list[Row]) -> tuple[Row, bool]:
        out = {name: value for name, value in rows[0].items() if name not in {"body", "eventName"}}
        messages = [self._message(self._roles[name], row.get("body")) for row in rows if (name := self._name(row)) in self._roles]
        have = out.get("attributes")
        attributes = [one for one in have if not self._is_name(one)] if isinstance(have, list) else []
        if messages:
            attributes.append({"key": "gen_ai.input.messages", "value": {"arrayValue": {"values": messages}}})
        out["attributes"] = attributes
        return out, True

    def _name(self, row: Row) -> str:
        """Older exporters write it as an attribute only."""
        name = row.get("eventName")
        if not name:
            attributes = row.get("attributes")
            found = (one["value"] for one in attributes if self._is_name(one)) if isinstance(attributes, list) else ()
            name = next((value.get("stringValue") for value in found if isinstance(value, dict)), None)
        return name if isinstance(name, str) else ""

    @staticmethod
    def _is_name(attribute: object) -> bool:
        return isinstance(attribute, dict) and attribute.get("key") == "event.name" and "value" in attribute

    @staticmethod
    def _message(role: str, body: object) -> Row:
        """The body of an event, with the role that its name says where it has none."""
        values: object = body
        for name in ("kvlistValue", "values"):
            values = values.get(name) if isinstance(values, dict) else None
        members = [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []
        if not any(one.get("key") == "role" for one in members):
            members.insert(0, {"key": "role", "value": {"stringValue": role}})
        return {"kvlistValue": {"values": members}}


KINDS: Mapping[str, Kind] = {"apim-llm": Pieces(), "otlp": Events()}
"""By the name of the reader."""


@dataclass
class _Call:
    """Pieces of one call, or one record that is no piece. Texts are kept, and read twice: values could take many times their memory."""

    key: bytes | None
    lacking: bool = False
    ended: bool = False
    pieces: list[tuple[int, Record]] = field(default_factory=list)


class Join:
    """The window over the records of a stream. Calls are given in the order of their first pieces, records between them where they stand."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.joined = 0
        self._open: OrderedDict[bytes | int, _Call] = OrderedDict()
        self._closed: OrderedDict[bytes, None] = OrderedDict()
        self._pieces = self._bytes = self._serial = 0

    @property
    def passed(self) -> dict[str, int]:
        """Records that went into one before them."""
        return {self.kind.why: self.joined} if self.joined else {}

    def add(self, record: Record) -> Iterator[Record]:
        """Takes a record; gives what goes out of the window for it."""
        row = row_of(record[0], self.kind.mark) if record[4] is None else None
        key = self._key(row)
        self._serial += 1
        if row is None and record[4] is None and (lost := self._key(row_of(record[0], self.kind.mark, lax=True))) is not None:
            self._lose(lost)
        call = self._open.get(key) if key is not None else None
        if call is None:
            call = self._open[key or self._serial] = _Call(key, lacking=key in self._closed)
        else:
            self.joined += 1
        call.ended |= row is not None and self.kind.ends(row)
        call.pieces.append((_number(self.kind.number(row)) if row else 0, record))
        self._pieces += 1
        self._bytes += len(record[0])
        while len(self._open) > CALLS or self._pieces > PIECES or self._bytes > BYTES:
            yield self._close(early=True)

    def _key(self, row: Row | None) -> bytes | None:
        parts = self.kind.key(row) if row is not None else None
        return None if parts is None else hashlib.blake2b(json_of(parts), digest_size=16).digest()

    def _lose(self, key: bytes) -> None:
        """Takes note that a piece of the call stays a record of its own."""
        if key in self._open:
            self._open[key].lacking = True
        else:
            self._remember(key)

    def _remember(self, key: bytes) -> None:
        self._closed[key] = None
        if len(self._closed) > CLOSED:
            self._closed.popitem(last=False)

    def flush(self) -> Iterator[Record]:
        """Gives what is left."""
        while self._open:
            yield self._close(early=False)

    def _close(self, *, early: bool) -> Record:
        """The oldest call as one record, which has the place of its first piece. early: more may come."""
        _, call = self._open.popitem(last=False)
        self._pieces -= len(call.pieces)
        self._bytes -= sum(len(record[0]) for _, record in call.pieces)
        first = call.pieces[0][1]
        if call.key is None:
            return first
        self._remember(call.key)
        pieces = sorted(call.pieces, key=lambda numbered: numbered[0])
        rows = [row for _, record in pieces if (row := row_of(record[0], self.kind.mark)) is not None]
        made, whole = self.kind.join(rows)
        made.pop(INCOMPLETE, None)
        if not whole or call.lacking or (early and not call.ended):
            made[INCOMPLETE] = True
        return first if made == rows[0] and len(rows) == 1 else remade(first, made)


def _is_json(value: object) -> bool:
    """Whether what may be JSON text is whole."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except (ValueError, RecursionError):
            return not value
    return True


def _number(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 30:
        return int(value)
    return value if isinstance(value, int) else 0


def _put_together(parts: list[Any]) -> list[Any] | str:
    """Pieces of one value: text after text, elements after elements."""
    if all(isinstance(part, list) for part in parts):
        return list(chain.from_iterable(parts))
    return "".join(part if isinstance(part, str) else json_of(part).decode() for part in parts)
