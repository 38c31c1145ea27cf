"""Results of a log query: `{"tables": [{"columns": [{"name"}], "rows": [[…]]}]}`, each row an object by the names of the columns."""

import contextlib
import json
import re
from collections.abc import Iterator

from .. import _core
from ..engine import Engine
from ..errors import InputError
from ..inputs.sources import Source

_HEAD = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"tables"\s*:\s*\[\s*\{[^\[]*"(?:columns|rows)"\s*:\s*\[')
_decode = json.JSONDecoder().raw_decode
_white = re.compile(r"[ \t\r\n]*")


def is_query(head: bytes) -> bool:
    """Whether the stream is the result of a query, by how it begins."""
    return _HEAD.match(head) is not None


class Query:
    """The rows of a result. A table is kept as a whole, for its columns may stand behind its rows: one over max_line_bytes is a rejected
    record."""

    container = "/tables/*/rows"

    def __init__(self, source: Source, engine: Engine) -> None:
        self._source, self._engine = source, engine

    def records(self, core: _core.Scan) -> Iterator[None]:
        tables = self._cutter("/tables")
        error: InputError | None = None
        try:
            for piece in self._source.pieces():
                tables.feed(piece)
                yield from self._give(core, tables)
        except InputError as e:
            error = e
        tables.finish(error is not None and error.cut)
        yield from self._give(core, tables)
        if error is None and tables.summary()["incomplete"]:
            hint = "a rejected row says from where on nothing could be read"
            error = InputError("a row, or a table, has no end", code="unclosed", source=self._source.name, hint=hint)
        if error is not None:
            raise error

    def _cutter(self, pointer: str) -> _core.Scan:
        return _core.Scan(self._engine.rules, source=self._source.name, records=pointer)

    def _give(self, core: _core.Scan, tables: _core.Scan) -> Iterator[None]:
        while (found := tables.cut()) is not None:
            for text, line, start, end, error, _ in found:
                if text:
                    yield from self._rows(core, text, line, start, cut=error == "input_cut")
                else:
                    core.put(b"", line, start, end, error)

    def _rows(self, core: _core.Scan, table: bytes, line: int, start: int, *, cut: bool) -> Iterator[None]:
        columns = (record for records in self._elements(table, "/columns", cut=cut) for record in records)
        names = [_name(text) for text, _, _, _, error, _ in columns if error is None]
        for records in self._elements(table, "/rows", cut=cut):
            for text, within, first, last, error, _ in records:
                made = _zipped(names, text) if error is None else None
                core.put(made or text, line + within - 1, start + first, start + last, error, made is not None)
            yield

    def _elements(self, table: bytes, pointer: str, *, cut: bool) -> Iterator[list[tuple[bytes, int, int, int, str | None, bool]]]:
        """Those of an array of the table, with their places in it."""
        cutter = self._cutter(pointer)
        cutter.feed(table)
        cutter.finish(cut)
        while (records := cutter.cut()) is not None:
            yield records


def _name(column: bytes) -> str | None:
    """The name of a column, as JSON; None where it has none."""
    found = None
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        found = json.loads(column)["name"]
    return json.dumps(found) if isinstance(found, str) else None


def _zipped(names: list[str | None], row: bytes) -> bytes | None:
    """The object of a row, its values as they are spelled; None where it has not one for each column: the core says what is wrong."""
    values: list[str] | None = None
    with contextlib.suppress(ValueError, IndexError, RecursionError):
        values = _values(row.decode())
    if values is None or len(values) != len(names):
        return None
    return ("{" + ",".join(f"{name}:{value}" for name, value in zip(names, values, strict=True) if name is not None) + "}").encode()


def _values(text: str) -> list[str] | None:
    """The elements of an array, as they are spelled. IndexError or ValueError where it stops, or is none."""
    found: list[str] = []
    at = _behind(text, 1)
    if text[0] != "[":
        return None
    while text[at] != "]" or found:
        _, end = _decode(text, at)
        found.append(text[at:end])
        at = _behind(text, end)
        if text[at] == "]":
            break
        if text[at] != ",":
            return None
        at = _behind(text, at + 1)
    return found


def _behind(text: str, at: int) -> int:
    """What follows the white space there."""
    found = _white.match(text, at)
    return found.end() if found else at
