"""Parquet files, Arrow files, and tables in memory: a row is a record, its values with the names of the columns."""

import base64
import contextlib
import datetime as dt
import decimal
import json
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from .. import _core
from ..engine import Engine
from ..errors import InputError, StateprintError, library
from ..inputs.places import InMemory
from ..inputs.sources import Source
from ..show import rfc3339

PARQUET, ARROW_FILE, ARROW_STREAM = b"PAR1", b"ARROW1\0\0", b"\xff\xff\xff\xff"
GIVEN = 1 << 20
"""Bytes of records after which rows may be taken."""
ROWS, BATCH = 1024, 8 << 20
"""Most rows of a batch that is read of a Parquet file, and about how many bytes."""

Batches = Iterator[Any]
Column = tuple[Any, Callable[[Any], Any]]
"""Its values, and what reads one of them."""


def tables_of(head: bytes, source: Source, engine: Engine) -> "Tables | None":
    """The front of a table: of one in memory, or of a file that begins as one."""
    if isinstance(source.file, InMemory):
        return Tables(source, engine, "table", _in_memory)
    for magic, container, batches in (
        (PARQUET, "parquet", _parquet),
        (ARROW_FILE, "arrow", _arrow_file),
        (ARROW_STREAM, "arrow", _arrow_stream),
    ):
        if head.startswith(magic):
            return Tables(source, engine, container, batches)
    return None


class Tables:
    """The rows of a table, batch by batch. A table of one column is that column: its values are the records."""

    def __init__(self, source: Source, engine: Engine, container: str, batches: Callable[[Any, Source], Batches]) -> None:
        self.container = container
        self._source, self._by_name, self._batches = source, engine.map is not None, batches
        self._arrow = library("pyarrow", "arrow", "a table")
        self._row = 0

    def records(self, core: _core.Scan) -> Iterator[None]:
        for names, columns, rows in self._read():
            yield from self._give(core, names, columns, rows)

    def _read(self) -> Iterator[tuple[list[str], list[Column], int]]:
        """Names, columns and number of rows of each batch. A damaged file can raise anything in a reader, also for
        want of the memory that it asks for: that is where the table ends."""
        failed = False
        try:
            for batch in self._batches(self._arrow, self._source):
                names = [json.dumps(name, ensure_ascii=False) for name in batch.schema.names]
                yield names, [self._readable(column) for column in batch.columns], batch.num_rows
        except StateprintError:
            raise
        except Exception:
            failed = True
        if failed:
            what = f"the table can't be read from row {self._row + 1} on"
            raise InputError(what, code="table_data", source=self._source.name, hint="what came before is given")

    def _give(self, core: _core.Scan, names: list[str], columns: list[Column], rows: int) -> Iterator[None]:
        single = len(names) == 1 and not self._by_name
        given = 0
        for i in range(rows):
            text, error = b"", None
            try:
                values = [read(column[i]) for column, read in columns]
                text = _single(values[0]) if single else _object(names, values)
            except UnicodeError:
                error = "invalid_utf8"
            except RecursionError:
                error = "too_deep"
            except (ValueError, ArithmeticError, LookupError, TypeError, self._arrow.ArrowException):
                error = "syntax"
            self._source.count(len(text))
            core.put(text, self._row + 1, self._row, self._row, error)
            self._row += 1
            given += len(text)
            if given >= GIVEN:
                given = 0
                yield
        yield

    def _readable(self, column: Any) -> Column:
        """Times get no finer than microseconds."""
        types = self._arrow.types
        if types.is_timestamp(column.type) and column.type.unit == "ns":
            column = column.cast(self._arrow.timestamp("us", column.type.tz), safe=False)
        if types.is_temporal(column.type):
            return column, _time
        return column, _map if types.is_map(column.type) else _plain


# ---------------------------------------------------------------------------------------------------------------------------- batches
def _parquet(arrow: Any, source: Source) -> Batches:
    """Row group by row group. Columns with a dictionary stay as they are, so that a batch is no larger than what is stored of it."""
    parquet = library("pyarrow.parquet", "arrow", "a Parquet file")
    how = {"buffer_size": 1 << 20, "pre_buffer": False}  # a pre-buffer is filled by threads, which may outlive the interpreter
    with parquet.ParquetFile(source.anywhere(), **how) as file:
        meta = file.metadata
        whole = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        coded = _coded(file)
    rows = max(1, min(ROWS, BATCH * meta.num_rows // max(whole, 1)))
    with parquet.ParquetFile(source.anywhere(), **how, read_dictionary=coded) as file:
        for group in range(meta.num_row_groups):  # a batch over two of them would be lost with the second one
            for batch in file.iter_batches(batch_size=rows, row_groups=[group], use_threads=False):
                yield _sound(arrow, batch)


def _coded(file: Any) -> list[str]:
    """Columns of text of which a part is stored as a dictionary. Metadata of a column can be such that asking for it ends the process. Reading
    a row needs it, too, and raises an error: no group is asked from there on, and nothing of it will be read."""
    found: dict[str, None] = {}
    with contextlib.suppress(Exception):
        for i in range(file.metadata.num_row_groups):
            next(file.iter_batches(batch_size=1, row_groups=[i], use_threads=False), None)
            group = file.metadata.row_group(i)
            for k in range(group.num_columns):
                chunk = group.column(k)
                if chunk.physical_type == "BYTE_ARRAY" and chunk.has_dictionary_page:
                    found[chunk.path_in_schema] = None
    return list(found)


def _arrow_file(arrow: Any, source: Source) -> Batches:
    ipc = library("pyarrow.ipc", "arrow", "an Arrow file")
    with ipc.open_file(source.anywhere(), options=ipc.IpcReadOptions(use_threads=False)) as file:
        for i in range(file.num_record_batches):
            yield _sound(arrow, file.get_batch(i))


def _arrow_stream(arrow: Any, source: Source) -> Batches:
    ipc = library("pyarrow.ipc", "arrow", "an Arrow stream")
    with ipc.open_stream(source.anywhere(), options=ipc.IpcReadOptions(use_threads=False)) as stream:
        for batch in stream:
            yield _sound(arrow, batch)


def _sound(arrow: Any, batch: Any) -> Any:
    """The batch, of which no value lies outside its memory; ArrowInvalid for any other. Texts are checked as bytes: one that is no UTF-8
    costs its row only."""
    for column in batch.columns:
        kind = _as_bytes(arrow, column.type)
        (column if kind == column.type else column.view(kind)).validate(full=True)
    return batch


def _as_bytes(arrow: Any, kind: Any) -> Any:
    """The type, with bytes for texts at any depth."""
    inner, types = partial(_as_bytes, arrow), arrow.types
    for is_text, same in (
        (types.is_string, arrow.binary),
        (types.is_large_string, arrow.large_binary),
        (types.is_string_view, arrow.binary_view),
    ):
        if is_text(kind):
            return same()
    if types.is_struct(kind):
        return arrow.struct([field.with_type(inner(field.type)) for field in kind])
    if types.is_list(kind) or types.is_large_list(kind):
        make = arrow.list_ if types.is_list(kind) else arrow.large_list
        return make(kind.value_field.with_type(inner(kind.value_type)))
    if types.is_map(kind):
        return arrow.map_(kind.key_field.with_type(inner(kind.key_type)), kind.item_field.with_type(inner(kind.item_type)))
    return arrow.dictionary(kind.index_type, inner(kind.value_type), kind.ordered) if types.is_dictionary(kind) else kind


def _in_memory(arrow: Any, source: Source) -> Batches:
    """A column by itself, as of a frame, comes by the same protocol."""
    assert isinstance(source.file, InMemory)
    stream = None
    with contextlib.suppress(arrow.ArrowInvalid):
        stream = arrow.RecordBatchReader.from_stream(source.file.table)
    if stream is None:
        for chunk in arrow.chunked_array(source.file.table).chunks:
            yield arrow.record_batch([chunk], names=["column"])
        return
    with stream:
        yield from stream


# ----------------------------------------------------------------------------------------------------------------------------- values
def _plain(scalar: Any) -> Any:
    return scalar.as_py()


def _time(scalar: Any) -> Any:
    """RFC 3339 has four digits for the year: null for a time that is further away."""
    with contextlib.suppress(OverflowError, ValueError):
        return scalar.as_py()
    return None


def _map(scalar: Any) -> Any:
    pairs = scalar.as_py()
    return None if pairs is None else {key if isinstance(key, str) else str(key): value for key, value in pairs}


def _single(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else _json(value).encode()


def _object(names: list[str], values: list[Any]) -> bytes:
    return ("{" + ",".join(f"{name}:{_json(value)}" for name, value in zip(names, values, strict=True)) + "}").encode()


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_other, allow_nan=False)
    except ValueError as e:
        if isinstance(e, UnicodeDecodeError):
            raise
        return json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), default=_other)


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinities: null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _other(value: Any) -> Any:
    """What JSON has no type for. Bytes are their text, or base64; times are in UTC, those without an offset, too."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode("ascii")
    if isinstance(value, dt.datetime):
        return rfc3339(value)
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else str(value)
