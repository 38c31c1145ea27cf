"""The first bytes of a log, and what the core reads in them: once for every reader that is tried."""

import contextlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .. import _core
from ..engine import Engine
from ..errors import ConfigError, InputError
from ..fronts import HEAD, Front
from ..fronts.tables import tables_of
from ..inputs.places import File, Input, expand, inputs_of
from ..inputs.sources import Allowance, Source, sources_of
from ..logs import HINTS, Log
from ..verdict import known

BY_NAME = {"grade": "wire"}
"""A mapping with which the rows of a table are records by the names of all columns, as every mapping finds them."""
MOST = 4 << 20
"""Bytes of the unpacked log that are looked at where no record ends in the first 64 KiB, and in the line that they end in."""

_decode = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a log, unpacked."""

    name: str
    data: bytes
    whole: bool
    """Whether there is no more."""
    packing: str | None
    hints: tuple[str, ...]
    table: str | None = None
    """What kind of a table it is; its rows are lines of JSON here."""

    def cut(self) -> "Head":
        """The first 64 KiB of it and the line that they end in."""
        end = self.data.find(b"\n", HEAD) + 1
        return replace(self, data=self.data[:end], whole=False) if 0 < end < len(self.data) else self

    def values(self) -> "Head":
        """Of a table of one column its values, which are the records where no mapping names the column. Anything else as it is."""
        lines = self.data.decode("utf-8", "replace").split("\n") if self.table is not None else []
        if _only(next(filter(None, lines), "")) is None:
            return self
        texts = (line if (text := _only(line)) is None else text.replace("\n", " ") for line in lines)
        return replace(self, data="\n".join(texts).encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Reading:
    """The head as one reader reads it."""

    rows: tuple[dict[str, Any], ...]
    summary: Mapping[str, Any]
    cut: int
    """Rows of records that the head cuts, which are left out."""
    votes: Mapping[str, Any]
    """By which the reader was told; without one where it was given."""

    @property
    def records(self) -> int:
        """Records that are whole."""
        return int(self.summary["records"]) - self.cut

    @property
    def recognised(self) -> int:
        """Records in which a call to a known API is recognised."""
        return sum(known(row["api"]) for row in self.rows)

    @property
    def sure(self) -> int:
        """Those of them that name a host, or a model that is known, too: many things that are no calls have the shape of a payload."""
        return sum(known(row["api"]) and (row["host"] is not None or known(row["model_family"])) for row in self.rows)

    @property
    def seen(self) -> int:
        """Those that are recognised, and show their body."""
        return sum(known(row["api"]) and row["body_state"] != "absent" for row in self.rows)


def _only(line: str) -> str | None:
    """The value in an object that has one member, as a table writes it; None for anything else."""
    try:
        _, end = _decode(line, 1)
        value, after = _decode(line, end + 1)
    except (ValueError, RecursionError):
        return None
    return None if line[after:] != "}" else value if isinstance(value, str) else line[end + 1 : after]


def head_of(given: Input, engine: Engine) -> Head:
    """The head of the first log that an input gives, of a table by the names of its columns. It is read once, for a stream can't be read
    again. What is damaged behind it is no matter; InputError where nothing can be read, or the text is no UTF-8."""
    places = expand(inputs_of(given))
    place = next(places, None)
    if place is None:
        raise ConfigError("there is no input", code="option", hint="give a name, a path or a table")
    hints = ["there are more files: this is the first of them"] if next(places, None) is not None else []
    with contextlib.closing(place.open()) as file:
        source = next(sources_of(file, engine.max_unpacked_bytes, place.member))
        if source.name != file.name and not place.member:
            hints.append("it is an archive: this is the first file of it")
        table = tables_of(source.look(HEAD), source, engine)
        if table is not None and engine.map is None:
            table = tables_of(source.look(HEAD), source, engine.with_map(BY_NAME))
        data, whole = bytearray(), True
        try:
            for piece in source.pieces() if table is None else _lines(table, source.name, engine):
                data += piece
                if len(data) >= MOST:
                    whole = False
                    break
        except InputError as e:
            if not data:
                raise
            hints.append(str(e))
            whole = not e.cut
        return Head(
            source.name, bytes(data[:MOST]), whole, "+".join(source.packings) or None, tuple(hints), table.container if table else None
        )


def _lines(table: Front, name: str, engine: Engine) -> Iterator[bytes]:
    """The rows of a table, a line each."""
    core = _core.Scan(engine.rules, source=name, container=table.container)
    steps = table.records(core)
    more = True
    while more:
        more = next(steps, steps) is not steps
        if not more:
            core.finish()
        while (records := core.cut()) is not None:
            yield from (text.replace(b"\n", b" ") + b"\n" for text, *_ in records)


def read_head(head: Head, engine: Engine, format: str | None, records: str | None) -> Reading:
    """What a reader gives of the head; None: the one that the head tells. InputError for what no reader can read."""
    file = File(head.name, io.BytesIO(head.data), len(head.data))
    log = Log(Source(file.name, file, file, Allowance()), engine, format, records)
    rows = [row for exchanges, _ in log.batches(more=not head.whole) for row in exchanges.to_pylist()]
    summary = log.summary()
    if summary["encoding"] and log.error is not None:
        raise log.error
    kept = tuple(row for row in rows if not (row["error"] or "").startswith("input_cut"))
    return Reading(kept, summary, len(rows) - len(kept), log.votes())


def text_of(head: Head, row: Mapping[str, Any]) -> str:
    """The record of a row as it stands in the log."""
    return head.data[row["byte_start"] or 0 : row["byte_end"] or 0].decode("utf-8", "replace")


def record_of(head: Head, row: Mapping[str, Any]) -> Any:
    """The record of a row as JSON; None where it is none."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text_of(head, row))
    return None


def hints_of(head: Head, reading: Reading, *, given: bool) -> Iterator[str]:
    """What the head says of itself, for people. given: another reader than the one that it tells was named, which may read more of it."""
    yield from head.hints
    yield from (HINTS.get(hint, hint) for hint in reading.summary["hints"])
    records, read = reading.votes["records"], reading.votes["read"]
    if not records:
        yield "no record ends within the head" if head.data.strip() else "there is nothing in it"
    elif given:
        return
    elif not read:
        yield "no record is a JSON object, and no pattern fits"
    elif read < records:
        yield f"{records - read} of {records} records are no JSON objects, and no pattern fits them"
