"""Logs: lazy, in bounded memory, rows in input order."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import _core
from .engine import Engine, Lens, Pack, engine_for
from .errors import CompressedInputError, ConfigError, EncodingUnsupported, InputError, InputLimitExceeded
from .sources import CHUNK, Source, expand
from .table import Table

Input = str | os.PathLike[str]
HINTS = {
    "cr_only": "one line only: does the file have carriage returns as line ends?",
    "array": "is it one big array? Make it a line per element, for example with jq -c '.[]'",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a scan is: bytes of all inputs as stored (total None where it can't be told), rows so far, and the input at hand."""

    done: int
    total: int | None
    rows: int
    source: str


@dataclass
class Summary:
    """Counts of a scan; `lines = classified + rejected` always holds."""

    lines_total: int = 0
    lines_blank: int = 0
    classified: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    flags: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    inputs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def lines(self) -> int:
        return self.lines_total - self.lines_blank

    def limited(self, batch: _core.Batch) -> None:
        """Counts of rows of a scan that stops early: without the lines that it did not come to."""
        for (state, error), n in batch.counts("state", "error").items():
            self.lines_total += n
            kind, key = (self.classified, state) if error is None else (self.rejected, error.split(" ", 1)[0])
            kind[key] = kind.get(key, 0) + n

    def add(self, name: str, part: Mapping[str, Any], source: Source, error: InputError | None, *, counted: bool) -> None:
        """Adds what the core counted of one input; counted: `limited` did."""
        for key in ("lines_total", "lines_blank", "bytes") if not counted else ():
            setattr(self, key, getattr(self, key) + part[key])
        for key in ("classified", "rejected", "flags") if not counted else ():
            mine: dict[str, int] = getattr(self, key)
            for k, n in part[key].items():
                if n:
                    mine[k] = mine.get(k, 0) + n
        self.inputs.append(
            {
                "source": name,
                "complete": error is None,
                "error": error.code if error else None,
                "format": part["format"],
                "packing": source.packing,
                "file_flags": [*part["file_flags"], *source.flags],
                "hints": [HINTS.get(h, h) for h in part["hints"]],
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """All counts, and each input's completeness."""
        return {
            "lines_total": self.lines_total,
            "lines_blank": self.lines_blank,
            "lines": self.lines,
            "classified": self.classified,
            "rejected": self.rejected,
            "flags": self.flags,
            "bytes": self.bytes,
            "inputs": self.inputs,
        }

    def __getitem__(self, key: str) -> Any:
        return self.to_dict()[key]

    def __str__(self) -> str:
        states = ", ".join(f"{n} {state}" for state, n in self.classified.items() if n)
        reasons = ", ".join(f"{n} {code}" for code, n in self.rejected.items() if n)
        counts = f"{self.lines} lines = {sum(self.classified.values())} classified + {sum(self.rejected.values())} rejected"
        return counts + (f"; {states}" if states else "") + (f"; rejected: {reasons}" if reasons else "")


class Scan:
    """A scan that has not begun: iterate it for batches (each an Arrow record batch by protocol), or take `table()`. It can be iterated
    again, and then reads again. `summary` and `errors` are those of the last iteration. One thread at a time."""

    def __init__(
        self,
        inputs: tuple[Input, ...],
        engine: Engine,
        *,
        format: str | None,
        threads: int,
        strict: bool,
        limit: int | None,
        progress: Callable[[Progress], object] | None,
    ) -> None:
        self.inputs, self.engine = inputs, engine
        self._format, self._threads, self._strict, self._limit, self._progress = format, threads, strict, limit, progress
        self.summary = Summary()
        self.errors: list[InputError] = []

    def __iter__(self) -> Iterator[_core.Batch]:
        for batch, _ in self.batches():
            yield batch

    def batches(self, evidence: bool = False) -> Iterator[tuple[_core.Batch, _core.Batch | None]]:
        """Batches of exchanges and, if asked for, of evidence; in input order."""
        self.summary, self.errors = Summary(), []
        left = self._limit
        names = list(expand(self.inputs))
        done = rows = 0
        total = _total(names)
        for name in names:
            if left == 0:
                return
            try:
                source = Source.open(name)
            except InputError as e:
                self._failed(e)
                continue
            try:
                for exchanges, marks in self._one(source, evidence):
                    if left is not None:
                        exchanges = exchanges.slice(0, left)
                        left -= len(exchanges)
                        self.summary.limited(exchanges)
                    rows += len(exchanges)
                    yield exchanges, marks
                    if self._progress:
                        self._progress(Progress(done + source.read, total, rows, name))
                    if left == 0:
                        return
            finally:
                source.close()
            done += source.read
        if self._progress:
            self._progress(Progress(done, total, rows, ""))

    def _failed(self, error: InputError) -> None:
        self.errors.append(error)
        if self._strict and error.lines_done == 0 and not isinstance(error, CompressedInputError):
            raise error

    def _one(self, source: Source, evidence: bool) -> Iterator[tuple[_core.Batch, _core.Batch | None]]:
        try:
            core = _core.Scan(self.engine.rules, source=source.name, format=self._format, threads=self._threads, evidence=evidence)
        except ValueError:
            known = ", ".join(f["name"] for f in _core.formats())
            raise ConfigError(f"no reader is called {self._format!r}", code="format", hint=f"take one of {known}") from None
        error: InputError | None = None
        try:
            source.start()
            yield from self._plain(core, source) if source.packing is None else self._packed(core, source)
        except InputError as e:
            error = e
        core.finish(bool(getattr(error, "cut", False)))
        yield from _drain(core)
        part = core.summary()
        if part["encoding"] and error is None:
            error = EncodingUnsupported(
                f"the text is {part['encoding']}, expected UTF-8",
                code="unsupported_encoding",
                source=source.name,
                hint=f"iconv -f {part['encoding']} -t utf-8",
            )
        if error is not None:
            error.lines_done = part["lines_total"]
        self.summary.add(source.name, part, source, error, counted=self._limit is not None)
        if error is not None:
            self._failed(error)

    def _plain(self, core: _core.Scan, source: Source) -> Iterator[tuple[_core.Batch, _core.Batch | None]]:
        core.feed(source.head())
        chunk = CHUNK * max(1, self._threads)
        while True:
            yield from _drain(core)
            with core.room(chunk) as view:
                n = source.fill(view)
            core.commit(n)
            if n == 0:
                return

    def _packed(self, core: _core.Scan, source: Source) -> Iterator[tuple[_core.Batch, _core.Batch | None]]:
        for piece in source.unpacked():
            core.feed(piece)
            yield from _drain(core)

    def table(self) -> Table:
        """Reads everything. The table can be read again and again, and speaks the Arrow PyCapsule protocol; its `evidence` is another."""
        return self._tables(evidence=True)

    def _tables(self, *, evidence: bool) -> Table:
        exchanges: list[_core.Batch] = []
        marks: list[_core.Batch] = []
        for batch, more in self.batches(evidence):
            exchanges.append(batch)
            if more is not None:
                marks.append(more)
        return Table(exchanges, "exchanges", Table(marks, "evidence"))

    def to_pandas(self) -> Any:
        """table().to_pandas()"""
        return self._tables(evidence=False).to_pandas()

    def to_polars(self) -> Any:
        """table().to_polars()"""
        return self._tables(evidence=False).to_polars()

    def to_arrow(self) -> Any:
        """table().to_arrow()"""
        return self._tables(evidence=False).to_arrow()

    def to_duckdb(self) -> Any:
        """table().to_duckdb()"""
        return self._tables(evidence=False).to_duckdb()

    def write(self, path: Input, *, to: str | None = None, force: bool = False) -> None:
        """Writes the exchanges, batch by batch, in bounded memory: .parquet, .arrow, .ndjson, .csv."""
        from .table import write

        write((batch for batch in self), "exchanges", path, to=to, force=force)

    def __repr__(self) -> str:
        return f"<Scan of {len(self.inputs)} input{'s' if len(self.inputs) != 1 else ''}, lens {self.engine.lens.name}>"


def _drain(core: _core.Scan) -> Iterator[tuple[_core.Batch, _core.Batch | None]]:
    while (taken := core.take()) is not None:
        yield taken


def _total(names: list[str]) -> int | None:
    try:
        return sum(os.stat(name).st_size for name in names) if "-" not in names else None
    except OSError:
        return None


def scan(
    inputs: Input | Iterable[Input],
    *,
    engine: Engine | None = None,
    lens: str | Lens | None = None,
    rules: Iterable[Pack] = (),
    context: Any = None,
    format: str | None = None,
    threads: int | None = None,
    strict: bool = True,
    limit: int | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> Scan:
    """A lazy scan of request logs.

    inputs: a file, directory, pattern or `-`, or several. engine, or lens, rules and context for one: what it works with. format: the reader
    (told by the first 64 KiB unless given). threads: all cores unless given; the rows don't depend on it. strict: an input of which nothing
    could be read raises InputError; otherwise, and for inputs that could be read in part, the error is kept in `errors`. limit: most rows.
    progress: called with a Progress after every batch.
    """
    if isinstance(inputs, (str, os.PathLike)):
        inputs = (inputs,)
    rules = tuple(rules)
    if rules or context is not None:
        if engine is not None:
            raise ConfigError("rules and context belong to the engine", code="option", hint="give them to Engine(…)")
        engine = Engine(rules=rules, context=context, lens=lens or "session")
    if threads is not None and threads < 1:
        raise ConfigError(f"threads is {threads}, expected at least 1", code="option")
    if limit is not None and limit < 0:
        raise ConfigError(f"limit is {limit}, expected 0 or more", code="option")
    workers = threads or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    return Scan(
        tuple(inputs), engine_for(engine, lens), format=format, threads=workers, strict=strict, limit=limit, progress=progress
    )


__all__ = ["InputLimitExceeded", "Progress", "Scan", "Summary", "scan"]
