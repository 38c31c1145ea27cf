"""Tables: re-readable, exported by the Arrow PyCapsule protocol, written to files whole or not at all."""

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from typing import IO, Any

from . import _core
from .errors import ConfigError, OutputError, StateprintError, library
from .show import html_table, near

FORMATS = (".parquet", ".arrow", ".ndjson", ".csv")
GROUP_BYTES = 16 << 20
"""Rows that are written to Parquet or Arrow at once, in bytes of memory."""


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
        from .engine import default_engine

        answer = _core.classify(default_engine().rules, b"{}")  # any batch of the table has its schema
        return (answer.exchanges() if self._name == "exchanges" else answer.evidence()).__arrow_c_schema__()

    def to_arrow(self) -> Any:
        """A pyarrow.Table."""
        return library("pyarrow", "arrow", "to_arrow()").table(self)

    def to_pandas(self) -> Any:
        """A pandas.DataFrame; without rows it still has the columns."""
        library("pandas", "pandas", "to_pandas()")
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """A polars.DataFrame."""
        return library("polars", "polars", "to_polars()").DataFrame(self)

    def to_duckdb(self, connection: Any = None) -> Any:
        """A DuckDB relation, on the default connection unless one is given."""
        duckdb = library("duckdb", "duckdb", "to_duckdb()")
        return (connection or duckdb.default_connection()).from_arrow(self.to_arrow())

    def to_pylist(self, limit: int | None = None) -> list[dict[str, Any]]:
        """The rows as mappings: all of them, or the first ones."""
        rows: list[dict[str, Any]] = []
        for b in self._batches:
            if limit is not None and len(rows) >= limit:
                break
            rows += b.to_pylist(None if limit is None else limit - len(rows))
        return rows

    def counts(self, *columns: str) -> dict[tuple[Any, ...], int]:
        """How often each combination of values of these columns occurs: the most frequent first, then by value, null first. ConfigError for
        a name that no column has."""
        return counts(self._batches, columns, self._name)

    def write(self, path: str | os.PathLike[str], *, to: str | None = None, force: bool = False, csv_safe: bool = True) -> None:
        """Writes .parquet, .arrow, .ndjson or .csv (by suffix, or `to`). The final name appears only when the file is complete."""
        write(self._batches, self._name, path, to=to, force=force, csv_safe=csv_safe)

    def __repr__(self) -> str:
        return f"<Table {self._name}: {len(self):,} rows, {len(self.columns)} columns>"

    def _repr_html_(self) -> str:
        names = (
            ("line", "provider", "api", "operation", "state", "rule", "confidence")
            if self._name == "exchanges"
            else tuple(self.columns[:8])
        )
        rows = [row for b in self._batches[:1] for row in b.to_pylist(20)]
        return html_table(names, rows, repr(self))


def counts(batches: Iterable[_core.Batch], columns: Iterable[str], name: str = "exchanges") -> dict[tuple[Any, ...], int]:
    """How often each combination of values occurs in batches of the table `name`, in bounded memory. Order and errors as `Table.counts`."""
    columns, known = tuple(columns), [column for column, _, _ in _core.columns(name)]
    for column in columns:
        if column not in known:
            raise ConfigError(f"no column is called {column[:80]!r}", code="column", hint=near(column, known))
    total: dict[tuple[Any, ...], int] = {}
    for batch in batches:
        add_counts(total, batch, columns)
    return dict(sorted(total.items(), key=lambda item: (-item[1], [(cell is not None, cell) for cell in item[0]])))


def add_counts(total: dict[tuple[Any, ...], int], batch: _core.Batch, columns: Iterable[str]) -> None:
    """Adds how often each combination of values occurs in a batch."""
    for key, n in batch.counts(*columns).items():
        total[key] = total.get(key, 0) + n


def format_of(path: str | os.PathLike[str], to: str | None) -> str:
    """The format of an output: `to`, or the suffix of its name."""
    suffix = f".{to}" if to else os.path.splitext(os.fsdecode(path))[1]
    if suffix not in FORMATS:
        raise ConfigError(f"no output format {suffix or 'without a suffix'!r}", code="format", hint=f"take one of {', '.join(FORMATS)}")
    return suffix


def write(
    batches: Iterable[_core.Batch],
    name: str,
    path: str | os.PathLike[str],
    *,
    to: str | None = None,
    force: bool = False,
    csv_safe: bool = True,
) -> None:
    """Writes batches as they come: first NAME.part (mode 0600), then, complete and synced, under the final name."""
    kind = format_of(path, to)
    if kind in {".parquet", ".arrow"}:
        library("pyarrow", "arrow", "Parquet and Arrow files")
    with Output(path, force=force) as out:
        writer = Writer(kind, name, out, csv_safe)
        for batch in batches:
            writer.write(batch)
        writer.close()


class Output:
    """A file that is there whole or not at all: bytes go to NAME.part (mode 0600), which takes the final name when the block ends well and
    everything is on disk, and is removed otherwise. OutputError for what the system refuses; errors of other sources pass through."""

    def __init__(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        self.final = os.fsdecode(path)
        self.part, self.force = self.final + ".part", force
        if not force and os.path.lexists(self.final):
            raise self._exists()
        if os.path.exists(self.final) and not os.path.isfile(self.final):
            what = "a folder" if os.path.isdir(self.final) else "no regular file, and would be replaced by one"
            raise OutputError(f"this is {what}", filename=self.final)
        self._file: IO[bytes] | None = None

    def _exists(self) -> OutputError:
        return OutputError(
            "the file exists", code="exists", errno=errno.EEXIST, filename=self.final, hint="--force (force=True) replaces it"
        )

    def __enter__(self) -> IO[bytes]:
        failed: OSError | None = None
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.part)  # of a run that was killed
            fd = os.open(
                self.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), 0o600
            )
            self._file = os.fdopen(fd, "wb")
        except OSError as e:
            failed = e
        if failed is not None or self._file is None:
            raise self._error(failed or OSError())
        return self._file

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        assert self._file is not None
        failed: OSError | None = error if isinstance(error, OSError) and not isinstance(error, StateprintError) else None
        if error is None:
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                self._publish()
            except OSError as e:
                failed = e
        if error is None and failed is None:
            return
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            os.unlink(self.part)
        if isinstance(failed, OutputError):
            raise failed
        if failed is not None:
            raise self._error(failed) from None

    def _publish(self) -> None:
        if self.force:
            os.replace(self.part, self.final)
        else:
            try:
                os.link(self.part, self.final)  # unlike a rename, it never replaces a file that came meanwhile
            except OSError as e:
                if e.errno == errno.EEXIST:
                    raise self._exists() from None
                if os.path.lexists(self.final):
                    raise self._exists() from None
                os.replace(self.part, self.final)  # a file system without hard links
            else:
                os.unlink(self.part)
        folder = os.open(os.path.dirname(self.final) or ".", os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _error(self, error: OSError) -> OutputError:
        what = os.strerror(error.errno) if error.errno else "it can't be written"
        return OutputError(what, errno=error.errno, filename=self.final, hint="the file is not there; nothing was left behind")


class Writer:
    """Writes batches of one table, as they come, to an open file; `close` ends the format, not the file."""

    def __init__(self, kind: str, name: str, out: IO[bytes], csv_safe: bool = True) -> None:
        self._kind, self._name, self._out, self._csv_safe = kind, name, out, csv_safe
        self._rows = False
        self._waiting: list[Any] = []
        self._waiting_bytes = 0
        self._packer: Any = None
        self._schema: Any = None
        if kind in {".parquet", ".arrow"}:
            pa = library("pyarrow", "arrow", "Parquet and Arrow files")
            self._schema = pa.table(Table([], name)).schema
            parquet = kind == ".parquet"
            if not parquet:  # a file of this format has one dictionary for all batches, and ours come batch by batch
                plain = [f.with_type(f.type.value_type) if pa.types.is_dictionary(f.type) else f for f in self._schema]
                self._schema = pa.schema(plain, self._schema.metadata)
            self._packer = (
                library("pyarrow.parquet", "arrow", "a Parquet file").ParquetWriter(out, self._schema)
                if parquet
                else library("pyarrow.ipc", "arrow", "an Arrow file").new_file(out, self._schema)
            )

    def write(self, batch: _core.Batch) -> None:
        """Adds the rows of a batch."""
        if self._packer is not None:
            rows = library("pyarrow", "arrow", "Parquet and Arrow files").record_batch(batch)
            self._waiting.append(rows.replace_schema_metadata(self._schema.metadata).cast(self._schema))
            self._waiting_bytes += rows.nbytes
            if self._waiting_bytes >= GROUP_BYTES:
                self._write_group()
        else:
            self._out.write(batch.to_ndjson() if self._kind == ".ndjson" else batch.to_csv(not self._rows, self._csv_safe))
        self._rows = True

    def _write_group(self) -> None:
        """Batches are small, some hundred rows. As row groups of their own they would cost more in names and statistics than in values."""
        if self._waiting:
            table = (
                library("pyarrow", "arrow", "Parquet and Arrow files")
                .Table.from_batches(self._waiting, self._schema)
                .unify_dictionaries()
                .combine_chunks()
            )
            self._packer.write_table(table, table.num_rows)
        self._waiting, self._waiting_bytes = [], 0

    def close(self) -> None:
        """Ends the format: footer, or the header of a CSV without rows."""
        if self._packer is not None:
            self._write_group()
            self._packer.close()
        elif not self._rows and self._kind == ".csv":
            self._out.write(",".join(column for column, _, _ in _core.columns(self._name)).encode() + b"\r\n")


def write_text(kind: str, batches: Iterable[_core.Batch], name: str, out: IO[bytes], csv_safe: bool = True) -> None:
    """NDJSON or CSV, batch by batch."""
    writer = Writer(kind, name, out, csv_safe)
    for batch in batches:
        writer.write(batch)
    writer.close()
