"""VCR cassettes in YAML: one interaction at a time, never a tree of the whole. No tag builds anything: what YAML's own types don't cover is
read as the plain map, list or text that it is written as."""

import base64
import binascii
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .. import _core
from ..errors import InputError, library
from ..inputs.deflate import GZIP, gunzip
from ..inputs.sources import RATIO, Source
from ..inputs.streams import Fault

ANCHORED = 64 << 20
"""Bytes of anchored values that are kept for aliases; an alias to a later one is a rejected record."""
FREE_RATIO = 1 << 20
"""Bytes to which a packed body may be unpacked whatever its ratio."""

_HEAD = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t\r]*(?:#[^\n]*)?\n|%[^\n]*\n|---[ \t\r]*(?:#[^\n]*)?\n)*(.*)")
_INTERACTIONS = re.compile(rb"(?:http_)?interactions:[ \t\r]*(?:#.*|\[\])?$|-[ \t]+request:[ \t\r]*$", re.MULTILINE)
_BEFORE = re.compile(rb"(?:version|recorded_with):[ \t]+\S")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WHITE = b" \t\r\n"
_LISTS = {"interactions", "http_interactions"}
_ENDS = {"version", "recorded_with"}
"""Members that a recorder writes beside the list: a cassette without them was cut, maybe within its last interaction."""
_YAML = "tag:yaml.org,2002:"
_TRUE, _FALSE = {"yes", "true", "on", "y"}, {"no", "false", "off", "n"}
_BASE64 = '"base64_string"'
"""Ruby's name for a body that is kept exactly; it is read as `string`."""
_quoted = json.encoder.encode_basestring


def is_yaml(head: bytes) -> bool:
    """Whether the stream is a cassette in YAML: by its first line that is no comment."""
    found = _HEAD.match(head)
    first = found.start(1) if found else 0
    if _INTERACTIONS.match(head, first):
        return True
    return bool(_BEFORE.match(head, first) and re.search(rb"^(?:http_)?interactions:", head, re.MULTILINE))


class _Stream:
    """What the parser reads. Knows where in the source its characters stand, from the last place that was asked for on."""

    def __init__(self, source: Source) -> None:
        self._pieces = source.pieces()
        self._rest = b""
        self._chunks: deque[tuple[int, int, int, int, bytes]] = deque()
        """First character, first byte, line feeds before it, the byte after the last one before it that is no white space, and the bytes;
        each begins with a whole character."""
        self._next = (0, 0, 0, 0)
        self.error: InputError | None = None

    def read(self, n: int) -> bytes:
        """The next bytes; none at the end, also where the source fails: then `error` says why."""
        piece = b""
        try:
            piece = next(self._pieces, b"")
        except InputError as e:
            self.error = e
        data = self._rest + piece
        if self._next[1] == 0 and data.startswith(b"\xef\xbb\xbf"):  # the parser doesn't count it
            self._next, data = (0, 3, 0, 0), data[3:]
        whole = len(data) - (_begun(data) if piece else 0)
        self._rest, data = data[whole:], data[:whole]
        if piece and not data:
            return self.read(n)
        if data:
            self._chunks.append((*self._next, data))
            character, byte, line, solid = self._next
            solid = byte + len(stripped) if (stripped := data.rstrip(_WHITE)) else solid
            self._next = (character + _characters(data), byte + len(data), line + data.count(b"\n"), solid)
        return data

    def place(self, index: int) -> tuple[int, int]:
        """The byte at which a character stands, and its physical line from 1. Nothing before it can be asked for any more."""
        while len(self._chunks) > 1 and self._chunks[1][0] <= index:
            self._chunks.popleft()
        if not self._chunks:
            return self._next[1], self._next[2] + 1
        character, byte, line, _, data = self._chunks[0]
        within = _bytes_of(data, index - character)
        return byte + within, line + data.count(b"\n", 0, within) + 1

    def end(self, index: int) -> int:
        """The byte after the last one before a character that is no white space."""
        byte, _ = self.place(index)
        if not self._chunks:
            return self._next[3]
        _, first, _, solid, data = self._chunks[0]
        stripped = data[: byte - first].rstrip(_WHITE)
        return first + len(stripped) if stripped else solid

    @property
    def given(self) -> tuple[int, int]:
        """Where the parser's input ends: byte and line."""
        return self._next[1], self._next[2] + 1


def _begun(data: bytes) -> int:
    """Bytes at the end that may be the beginning of a character."""
    for k in range(1, min(4, len(data)) + 1):
        if data[-k] & 0xC0 != 0x80:
            return k if data[-k] >= 0xC0 and k < (2 if data[-k] < 0xE0 else 3 if data[-k] < 0xF0 else 4) else 0
    return 0


def _characters(data: bytes) -> int:
    return len(data) if data.isascii() else len(data.decode("utf-8", "replace"))


def _bytes_of(data: bytes, characters: int) -> int:
    return min(characters, len(data)) if data.isascii() else len(data.decode("utf-8", "replace")[:characters].encode())


class _Rejected(Exception):
    """Why a value can't be a record: code of a status of the core."""


@dataclass(slots=True)
class _Open:
    """A list or map that is not whole."""

    is_map: bool
    anchor: str | None
    first: int
    """The part with which it begins."""
    nodes: int
    """Values before it."""
    name: str | None = None
    """Of the member whose value is due, as JSON."""
    filled: bool = False


class _Value:
    """The JSON text of one value, put together from its events. What can't be a record has a reason in `failed`, and no text."""

    def __init__(self, front: "Cassette") -> None:
        self._front = front
        self._parts: list[str] = []
        self._open: list[_Open] = []
        self.nodes = self.size = 0
        self.failed: str | None = None

    def take(self, event: Any) -> bool:
        """Whether the value is whole."""
        kind = type(event).__name__
        if kind in {"MappingEndEvent", "SequenceEndEvent"}:
            self._end()
        elif kind in {"MappingStartEvent", "SequenceStartEvent"}:
            is_map = kind == "MappingStartEvent"
            self._separate(None)
            self._open.append(_Open(is_map, event.anchor, len(self._parts), self.nodes))
            self._add("{" if is_map else "[", 1)
        else:
            self._single(event, alias=kind == "AliasEvent")
        return not self._open

    @property
    def text(self) -> bytes:
        return "".join(self._parts).encode()

    def fail(self, why: str) -> None:
        self.failed, self._parts = self.failed or why, []

    def _single(self, event: Any, *, alias: bool) -> None:
        top = self._open[-1] if self._open else None
        due = top is not None and top.is_map and top.name is None
        text, nodes = "null", 1
        try:
            if alias:
                text, nodes = self._front.anchored(event.anchor)
            elif due:
                text = _quoted(event.value)
            else:
                text = self._front.scalar(event, top.name if top else None)
        except _Rejected as e:
            self.fail(str(e))
        if not alias and event.anchor is not None and self.failed is None:
            self._front.keep(event.anchor, text, 1)
        if due and text.startswith('"'):
            self._separate(text)
        else:  # a list or a map as a name is refused
            self._separate(None)
            self._add(text, nodes)
            self._done()

    def _end(self) -> None:
        top = self._open.pop()
        self._add("}" if top.is_map else "]", 0)
        if top.anchor is not None and self.failed is None:
            text = "".join(self._parts[top.first :])
            self._parts[top.first :] = [text]
            self._front.keep(top.anchor, text, self.nodes - top.nodes)
        self._done()

    def _separate(self, name: str | None) -> None:
        """Writes what stands between two values or members, and the name of the next member."""
        if not self._open:
            return
        top = self._open[-1]
        if top.is_map and name is None:
            if top.name is None:
                top.name = '""'
                self.fail("syntax")
            return
        if top.filled:
            self._add(",", 0)
        top.filled = True
        if name is not None:
            top.name = name
            self._add(('"string"' if name == _BASE64 else name) + ":", 0)

    def _done(self) -> None:
        if self._open:
            self._open[-1].name = None

    def _add(self, text: str, nodes: int) -> None:
        if self.failed is not None:
            return
        self._parts.append(text)
        self.size += len(text)
        self.nodes += nodes
        if self.size > self._front.limits["max_line_bytes"]:
            self.fail("line_too_long")
        elif self.nodes > self._front.limits["max_nodes"]:
            self.fail("too_many_nodes")


class Cassette:
    """The interactions of a cassette, or of several in one stream."""

    container = "yaml"

    def __init__(self, source: Source, limits: Mapping[str, int]) -> None:
        self._source, self.limits = source, limits
        self._yaml = library("yaml", "yaml", "a cassette in YAML")
        self._stream = _Stream(source)
        self._anchors: dict[str, tuple[str, int]] = {}
        self._kept = 0
        self._loader: Any = None
        self._held: tuple[bytes, int, int, int, str | None] | None = None
        """The last interaction, until it is known that the cassette goes on behind it."""
        self._begun: tuple[int, int] | None = None
        """Byte and line of the interaction under way."""
        self._cut = False

    def records(self, core: _core.Scan) -> Iterator[None]:
        loader = getattr(self._yaml, "CSafeLoader", self._yaml.SafeLoader)
        broken = False
        self._loader = loader(self._stream)
        try:
            yield from self._documents(core)
        except self._yaml.YAMLError:
            broken = True
        finally:
            self._loader.dispose()
        self._give(core, whole=True)
        error = self._stream.error
        if broken or error is not None:
            end, last = self._stream.given
            start, line = self._begun or (end, last)
            if broken:
                core.put(b"", line, start, max(end, start), "input_cut" if error is not None else "syntax")
        if error is None and (broken or self._cut):
            what = f"the YAML can't be read from line {line} on" if broken else "the cassette has no end: its last interaction may be cut"
            hint = "a rejected row says from where on nothing could be read"
            error = InputError(what, code="yaml_syntax" if broken else "unclosed", source=self._source.name, hint=hint)
        if error is not None:
            raise error

    def _documents(self, core: _core.Scan) -> Iterator[None]:
        event = self._next()
        while not isinstance(event, self._yaml.StreamEndEvent):
            if isinstance(event, self._yaml.DocumentStartEvent):
                self._anchors, self._kept = {}, 0
                event = self._next()
                if isinstance(event, self._yaml.MappingStartEvent):
                    yield from self._members(core)
                elif isinstance(event, self._yaml.SequenceStartEvent):  # of a very old vcrpy
                    yield from self._interactions(core)
                    self._give(core, whole=True)
                else:
                    self._value(event)
            event = self._next()

    def _members(self, core: _core.Scan) -> Iterator[None]:
        ended = False
        while not isinstance(event := self._next(), self._yaml.MappingEndEvent):
            name = getattr(event, "value", None)
            self._value(event)
            ended |= name in _ENDS
            event = self._next()
            if name in _LISTS and isinstance(event, self._yaml.SequenceStartEvent):
                yield from self._interactions(core)
            else:
                self._value(event)
                self._give(core, whole=True)
        self._cut |= self._held is not None and not ended
        self._give(core, whole=ended)

    def _interactions(self, core: _core.Scan) -> Iterator[None]:
        while not isinstance(event := self._next(), self._yaml.SequenceEndEvent):
            self._give(core, whole=True)
            yield
            start, line = self._begun = self._stream.place(event.start_mark.index)
            value, last = self._value(event)
            end = max(self._stream.end(last.end_mark.index), start)
            self._held = (b"" if value.failed else value.text, line, start, end, value.failed)
            self._begun = None

    def _give(self, core: _core.Scan, *, whole: bool) -> None:
        if self._held is not None:
            text, line, start, end, failed = self._held
            core.put(text, line, start, end, failed if whole else "input_cut")
            self._held = None

    def _next(self) -> Any:
        return self._loader.get_event()

    def _value(self, event: Any) -> tuple[_Value, Any]:
        """The value that begins with the event, and its last event."""
        value = _Value(self)
        while not value.take(event):
            event = self._next()
        return value, event

    # -------------------------------------------------------------------------------------------------------------------- what values are

    def keep(self, anchor: str, text: str, nodes: int) -> None:
        """For aliases to the anchor."""
        self._kept += len(text) - len(self._anchors.pop(anchor, ("", 0))[0])
        if self._kept <= ANCHORED:
            self._anchors[anchor] = text, nodes
        else:
            self._kept -= len(text)

    def anchored(self, anchor: str) -> tuple[str, int]:
        """What an alias stands for: also a scalar, also one that is a name. Not what it stands in."""
        found = self._anchors.get(anchor)
        if found is None:
            raise _Rejected("syntax")
        return found

    def scalar(self, event: Any, name: str | None) -> str:
        """The JSON of a scalar, by its tag, or by its spelling where it has none and is plain."""
        tag, value = event.tag, event.value
        if tag is None and event.implicit[0]:
            tag = self._loader.resolve(self._yaml.ScalarNode, value, (True, False))
        kind = tag[len(_YAML) :] if tag is not None and tag.startswith(_YAML) else tag
        if kind in {"binary", "!binary"} or name == _BASE64:
            return _quoted(self._binary(value))
        if kind == "null":
            return "null"
        if kind == "bool":
            low = value.lower()
            return "true" if low in _TRUE else "false" if low in _FALSE else _quoted(value)
        if kind in {"int", "float"}:
            return self._number(value, kind)
        return _quoted(value)

    def _number(self, value: str, kind: str) -> str:
        if _NUMBER.fullmatch(value):
            return value
        make = self._loader.construct_yaml_int if kind == "int" else self._loader.construct_yaml_float
        try:
            return json.dumps(make(self._yaml.ScalarNode(_YAML + kind, value)), allow_nan=False)
        except (ValueError, IndexError, OverflowError):  # a number that JSON does not have, or none
            return _quoted(value)

    def _binary(self, value: str) -> str:
        """The text that base64 stands for, unpacked where it is gzip; base64 where it is no text."""
        plain = "".join(value.split())
        try:
            data = base64.b64decode(plain, validate=True)
        except (binascii.Error, ValueError):
            return value
        cut = False
        if data.startswith(GZIP):
            data, cut = self._unpacked(data)
        try:
            return data.decode("utf-8", "ignore" if cut else "strict")
        except UnicodeDecodeError:
            return plain

    def _unpacked(self, data: bytes) -> tuple[bytes, bool]:
        """What a gzip body holds, or begins with where it is damaged; and whether it is."""
        most = min(self.limits["max_line_bytes"], max(FREE_RATIO, RATIO * len(data)))
        out, size, cut = [], 0, False
        try:
            for piece in gunzip(data, lambda n: b""):
                out.append(piece)
                size += len(piece)
                if size > most:
                    raise _Rejected("line_too_long")
        except Fault as e:
            cut = e.cut
        return b"".join(out), cut
