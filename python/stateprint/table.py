"""Tables: re-readable, exported by the Arrow PyCapsule protocol, written to files whole or not at all."""

import contextlib
import html
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from . import _core
from .errors import ConfigError, OutputError

FORMATS = (".parquet", ".arrow", ".ndjson", ".csv")


def _need(module: str, extra: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise ImportError(f"{module} is needed for this: pip install 'stateprint[{extra}]'") from None


class Table:
    """Rows of a scan. Any reader of the Arrow PyCapsule protocol takes it as it is: `pl.DataFrame(t)`, `pa.table(t)`, DuckDB."""

    __slots__ = ("_batches", "_evidence", "_name")

    def __init__(self, batches: Iterable[_core.Batch], name: str = "exchanges", evidence: "Table | None" = None) -> None:
        self._batches, self._name, self._evidence = tuple(batches), name, evidence

    @property
    def evidence(self) -> "Table":
        """A row per mark, tied to the exchanges by `uid`."""
        if self._evidence is None:
            raise AttributeError("this table has no evidence")
        return self._evidence

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in order."""
        return [name for name, _, _ in _core.columns(self._name)]

    def __len__(self) -> int:
        return sum(len(b) for b in self._batches)

    def batches(self) -> Iterator[_core.Batch]:
        """The record batches."""
        yield from self._batches

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        del requested_schema  # best effort: the table has one schema
        return _core.stream(list(self._batches), self._name)

    def __arrow_c_schema__(self) -> object:
        if self._batches:
            return self._batches[0].__arrow_c_schema__()
        return _need("pyarrow", "arrow").table(self).schema.__arrow_c_schema__()

    def to_arrow(self) -> Any:
        """A pyarrow.Table."""
        return _need("pyarrow", "arrow").table(self)

    def to_pandas(self) -> Any:
        """A pandas.DataFrame; without rows it still has the columns."""
        _need("pandas", "pandas")
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """A polars.DataFrame."""
        return _need("polars", "polars").DataFrame(self)

    def to_duckdb(self, connection: Any = None) -> Any:
        """A DuckDB relation, on the default connection unless one is given."""
        duckdb = _need("duckdb", "duckdb")
        return (connection or duckdb.default_connection()).from_arrow(self.to_arrow())

    def to_pylist(self) -> list[dict[str, Any]]:
        """The rows as mappings."""
        return [row for b in self._batches for row in b.to_pylist()]

    def counts(self, *columns: str) -> dict[tuple[Any, ...], int]:
        """How often each combination of values occurs."""
        total: dict[tuple[Any, ...], int] = {}
        for b in self._batches:
            for key, n in b.counts(*columns).items():
                total[key] = total.get(key, 0) + n
        return total

    def write(self, path: str | os.PathLike[str], *, to: str | None = None, force: bool = False, csv_safe: bool = True) -> None:
        """Writes .parquet, .arrow, .ndjson or .csv (by suffix, or `to`). The final name appears only when the file is complete."""
        write(self._batches, self._name, path, to=to, force=force, csv_safe=csv_safe)

    def __repr__(self) -> str:
        return f"<Table {self._name}: {len(self):,} rows, {len(self.columns)} columns>"

    def _repr_html_(self) -> str:
        names = ("line", "provider", "api", "operation", "state", "rule", "confidence") if self._name == "exchanges" else tuple(self.columns[:8])
        rows = [row for b in self._batches[:1] for row in b.to_pylist(20)]
        head = "".join(f"<th>{n}</th>" for n in names)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(str(r[n]))}</td>" for n in names) + "</tr>" for r in rows)
        return f"<table><caption>{html.escape(repr(self))}</caption><tr>{head}</tr>{body}</table>"


def format_of(path: str | os.PathLike[str], to: str | None) -> str:
    """The format of an output: `to`, or the suffix of its name."""
    suffix = f".{to}" if to else Path(path).suffix
    if suffix not in FORMATS:
        raise ConfigError(f"no output format {suffix or 'without a suffix'!r}", code="format", hint=f"take one of {', '.join(FORMATS)}")
    return suffix


def write(
    batches: Iterable[_core.Batch], name: str, path: str | os.PathLike[str], *, to: str | None = None, force: bool = False, csv_safe: bool = True
) -> None:
    """Writes batches as they come: first NAME.part (mode 0600), then, complete and synced, under the final name."""
    kind = format_of(path, to)
    final, part = os.fspath(path), os.fspath(path) + ".part"
    if not force and os.path.lexists(final):
        raise OutputError("the file exists", filename=final, hint="--force replaces it")
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with os.fdopen(fd, "wb") as out:
            _write(kind, batches, name, out, csv_safe)
            out.flush()
            os.fsync(out.fileno())
        os.replace(part, final)
        folder = os.open(os.path.dirname(final) or ".", os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as e:
        if isinstance(e, OutputError) or getattr(e, "code", None):
            raise
        raise OutputError(
            os.strerror(e.errno) if e.errno else "can't be written", errno=e.errno, filename=final, part_kept=os.path.lexists(part)
        ) from None


def _write(kind: str, batches: Iterable[_core.Batch], name: str, out: IO[bytes], csv_safe: bool) -> None:
    if kind in {".ndjson", ".csv"}:
        write_text(kind, batches, name, out, csv_safe)
        return
    pa = _need("pyarrow", "arrow")
    schema = pa.table(Table([], name)).schema
    if kind == ".parquet":
        writer = _need("pyarrow.parquet", "arrow").ParquetWriter(out, schema)
    else:
        writer = _need("pyarrow.ipc", "arrow").new_file(out, schema)
    with writer:
        for batch in batches:
            writer.write_batch(pa.record_batch(batch).replace_schema_metadata(schema.metadata))


def write_text(kind: str, batches: Iterable[_core.Batch], name: str, out: IO[bytes], csv_safe: bool = True) -> None:
    """NDJSON or CSV, batch by batch."""
    first = True
    for batch in batches:
        out.write(batch.to_ndjson() if kind == ".ndjson" else batch.to_csv(first, csv_safe))
        first = False
    if first and kind == ".csv":
        out.write(",".join(column for column, _, _ in _core.columns(name)).encode() + b"\r\n")
