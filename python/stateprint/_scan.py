"""Logs: lazy, in bounded memory, rows in input order."""

import contextlib
import os
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from . import _core
from .config import whole_number
from .engine import Engine, Lens, Pack, Settings, engine_of, joined
from .errors import ConfigError, InputError, InputLimitExceeded, InputWarning
from .filters import REASONS, Filter, Time, filter_of
from .fronts.mirror import Mirror
from .inputs.copies import Likeness, likenesses
from .inputs.places import Input, Place, expand, inputs_of
from .inputs.sources import Source, sources_of
from .logs import HINTS, LAST, Log
from .show import value
from .table import Table, add_counts, counts, write
from .verdict import known

COUNTS = ("rejected", "passed_over", "clocks", "said")
"""Counts of the core that the summary has of each input."""
MOST = (1 << 63) - 1
BLIND = "nothing in it looks like a call; stateprint peek says what stands there"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a scan is: bytes of all inputs as stored (total None where it can't be told), rows so far, and the input at hand."""

    done: int
    total: int | None
    rows: int
    source: str


@dataclass
class Summary:
    """Counts of a scan; `records = classified + rejected + passed over` always holds. A record is a line, or what a container holds: each
    counts as one line; one with several exchanges (frames of a socket) is as many records. One that is no exchange is passed over: counted by
    the reason, without a row. These count all that was read: filters change only how many rows are kept. `classified + rejected = kept +
    left_out`, where `left_out` has the reasons of the filters that there are, each row under the first that held. `first` and `last` are the
    times of what was read, told by scans with filters."""

    lines_total: int = 0
    lines_blank: int = 0
    records: int = 0
    classified: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    passed_over: dict[str, int] = field(default_factory=dict)
    flags: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    inputs: list[dict[str, Any]] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)
    versions: str = ""
    kept: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None

    @property
    def complete(self) -> bool:
        """Whether every input that was come to was read to its end."""
        return all(one["complete"] for one in self.inputs)

    @property
    def lines(self) -> int:
        return self.lines_total - self.lines_blank

    def add_rows(self, rows: Mapping[tuple[Any, ...], int]) -> None:
        """Counts by (state, error) of the rows of an input in which the limit was reached: without the lines that the scan did not come to."""
        for (state, error), n in rows.items():
            self.lines_total += n
            self.records += n
            kind, key = (self.classified, state) if error is None else (self.rejected, error.split(" ", 1)[0])
            kind[key] = kind.get(key, 0) + n

    def add_kept(self, rows: int, left: Mapping[str, int], first: datetime | None, last: datetime | None) -> None:
        """Adds what a filter made of one batch."""
        self.kept += rows
        self.left_out = {why: n + left[why] for why, n in self.left_out.items()}
        self.first = min((t for t in (self.first, first) if t is not None), default=None)
        self.last = max((t for t in (self.last, last) if t is not None), default=None)

    def add(self, part: Mapping[str, Any]) -> None:
        """Adds what the core counted of one input."""
        for key in ("lines_total", "lines_blank", "records", "bytes"):
            setattr(self, key, getattr(self, key) + part[key])
        for key in ("classified", "rejected", "passed_over", "flags"):
            mine: dict[str, int] = getattr(self, key)
            for k, n in part[key].items():
                if n:
                    mine[k] = mine.get(k, 0) + n

    def add_copy(self, name: str, like: Likeness) -> None:
        """Adds an input that is not read, since its content is in another one."""
        self.inputs.append(_entry(source=name, likeness=like.kind, like=like.other))

    def add_lost(self, name: str, error: InputError) -> None:
        """Adds an input that could not be opened when it was to be read."""
        self.inputs.append(_entry(source=name, complete=False, error=error.code))

    def add_input(
        self, part: Mapping[str, Any], source: Source, error: InputError | None, *, ended: bool, blind: bool, like: Likeness | None
    ) -> None:
        """Adds an input that was read; ended: its end was come to; blind: no reader knows it, and no call was seen in it."""
        entry = _entry(
            source=source.name,
            complete=ended and error is None,
            error=error.code if error else None,
            stored=source.taken,
            read=sum(part["classified"].values()),
            packing="+".join(source.packings) or None,
            file_flags=[*part["file_flags"], *source.finish()],
            hints=[*(HINTS.get(h, h) for h in part["hints"]), *([BLIND] if blind else [])],
            recognised=not blind,
            **{name: part[name] for name in ("bytes", "format", "container", "records", *COUNTS)},
        )
        self.inputs.append(entry | ({"likeness": like.kind, "like": like.other} if like else {}))

    def to_dict(self) -> dict[str, Any]:
        """All counts, and each input's completeness."""
        return {
            "lines_total": self.lines_total,
            "lines_blank": self.lines_blank,
            "lines": self.lines,
            "records": self.records,
            "classified": self.classified,
            "rejected": self.rejected,
            "passed_over": self.passed_over,
            "flags": self.flags,
            "bytes": self.bytes,
            "kept": self.kept,
            "left_out": self.left_out,
            "first": value(self.first) or None,
            "last": value(self.last) or None,
            "complete": self.complete,
            "inputs": self.inputs,
            "limits": self.limits,
            "versions": self.versions,
        }

    def __getitem__(self, key: str) -> Any:
        return self.to_dict()[key]

    def __str__(self) -> str:
        states = ", ".join(f"{n} {state}" for state, n in self.classified.items() if n)
        reasons = ", ".join(f"{n} {code}" for code, n in self.rejected.items() if n)
        what = "lines" if all(one["container"] in {"jsonl", None} for one in self.inputs) else "records"
        counts = f"{self.records} {what} = {sum(self.classified.values())} classified + {sum(self.rejected.values())} rejected"
        if self.passed_over:
            counts += f" + {sum(self.passed_over.values())} passed over"
        return counts + (f"; {states}" if states else "") + (f"; rejected: {reasons}" if reasons else "") + self._kept_text()

    def _kept_text(self) -> str:
        if not self.left_out:
            return ""
        left = self._left_text()
        return f"; kept {self.kept} of {self.kept + sum(self.left_out.values())}" + (f" (left out: {left})" if left else "")

    def _left_text(self) -> str:
        return ", ".join(f"{n} {REASONS[why]}" for why, n in self.left_out.items() if n)

    @property
    def why_no_rows(self) -> str:
        """Why a scan that ran to its end gave no rows; nothing where it gave some."""
        left = sum(self.left_out.values())
        if self.kept:
            return ""
        if not self.records:
            return (
                ", ".join(f"{one['source']} ({one['error'] or 'no lines'})" for one in self.inputs if one["likeness"] in {None, "begins"})
                or "nothing was read"
            )
        if left and self.left_out.get("outside_time") == left:
            return f"all {left} are outside the time window; the log is of {value(self.first)} to {value(self.last)}"
        if left:
            return f"left out: {self._left_text()}"
        return "all records were passed over: " + ", ".join(f"{n} {why}" for why, n in self.passed_over.items())


def _entry(source: str, **known: Any) -> dict[str, Any]:
    """An input in a summary: what is known of it, and of the rest what stands for nothing."""
    nothing: dict[str, Any] = {
        "source": source,
        "recognised": True,
        "likeness": None,
        "like": None,
        "complete": True,
        "error": None,
        "bytes": 0,
        "stored": 0,
        "format": None,
        "container": None,
        "records": 0,
        "read": 0,
        **{name: {} for name in COUNTS},
        "packing": None,
        "file_flags": [],
        "hints": [],
    }
    return nothing | known


class Scan:
    """A scan that has not begun: iterate it for batches (each an Arrow record batch by protocol), or take `table()`. It can be iterated
    again, and then reads again. `summary` and `errors` are those of the last iteration, up to where it came. One thread at a time."""

    def __init__(
        self,
        inputs: tuple[Input, ...],
        engine: Engine,
        *,
        format: str | None,
        records: str | None,
        threads: int,
        strict: bool,
        limit: int | None,
        max_rejects: int | None,
        progress: Callable[[Progress], object] | None,
        filter: Filter,
        copies: bool,
        mirror: Mirror | None,
    ) -> None:
        self.inputs, self.engine, self._filter, self._copies, self._mirror = inputs, engine, filter, copies, mirror
        self._format, self._records = engine.reading(format, records)
        self._threads, self._strict, self._limit, self._max_rejects, self._progress = threads, strict, limit, max_rejects, progress
        self._evidence: Table | None = None
        self._rows: dict[tuple[Any, ...], int] | None = None  # of the input in which the limit was reached
        self.summary = Summary()
        self.errors: list[InputError] = []

    def __iter__(self) -> Iterator[_core.Batch]:
        for batch, _ in self.batches():
            yield batch

    def batches(self, evidence: bool = False) -> Iterator[tuple[_core.Batch, _core.Batch | None]]:
        """Batches of exchanges and, if asked for, of evidence; in input order. InputError, before the first, for an input that can't be
        opened."""
        self.summary, self.errors = Summary(limits=dict(self.engine.limits)), []
        self.summary.left_out = dict.fromkeys(self._filter.reasons, 0)
        self._rows = None
        left = self._limit
        places = list(expand(self.inputs))
        if sum(place.name == "-" for place in places) > 1:
            raise InputError("standard input can be read once only", code="usage", source="-")
        for place in places:  # nothing is given out before all can be opened
            place.open().close()
        if left == 0:
            return
        done = rows = rejects = 0
        like = {} if self._copies else likenesses(places, self.engine.max_unpacked_bytes)
        total = _total([place for i, place in enumerate(places) if i not in like or not like[i].whole])
        with contextlib.closing(self._sources(places, like)) as sources:
            for source, before, likeness in sources:
                seen: dict[tuple[Any, ...], int] = {}
                for batch, found in self._one(source, evidence, likeness):
                    exchanges, marks, come_to = self._kept(batch, found, left)
                    if left is not None:
                        left -= len(exchanges)
                        add_counts(seen, batch.slice(0, come_to), ("state", "error"))
                        self._rows = seen if left == 0 else None
                    rows += come_to
                    if not self.summary.versions and len(batch):
                        self.summary.versions = batch.to_pylist(1)[0]["versions"] or ""
                    if len(exchanges):
                        yield exchanges, marks
                    if self._progress:
                        self._progress(Progress(before + source.file.taken, total, rows, source.name))
                    if left == 0:
                        return
                    if self._max_rejects is not None:
                        rejects += batch.slice(0, come_to).counts("state").get((None,), 0)
                        if rejects > self._max_rejects:
                            self._too_many(source.name)
                            return
                done = before + source.file.taken
        if self._progress:
            self._progress(Progress(done, total, rows, ""))

    @property
    def at(self) -> int:
        """While it is iterated: which input the last batch is of, by its place in `summary.inputs`. Names don't tell: two may be the same."""
        return len(self.summary.inputs)

    def _sources(self, places: list[Place], like: Mapping[int, Likeness]) -> Generator[tuple[Source, int, Likeness | None]]:
        """Each log that is not in another one, the bytes of the files before the one that it lies in, and what that is like."""
        before = 0
        for i, place in enumerate(places):
            likeness = like.get(i)
            if likeness is not None:
                self._told(place.name, likeness)
            if likeness is not None and likeness.whole:
                self.summary.add_copy(place.name, likeness)
                continue
            try:
                file = place.open()
            except InputError as e:  # it could be opened before
                self.summary.add_lost(place.name, e)
                self._failed(e, partly=True)
                continue
            with contextlib.closing(file):
                for source in sources_of(file, self.engine.max_unpacked_bytes, place.member):
                    yield source, before, likeness
            before += file.taken

    def _kept(self, batch: _core.Batch, marks: _core.Batch | None, limit: int | None) -> tuple[_core.Batch, _core.Batch | None, int]:
        """What filter and limit leave of a batch, and how many of its rows were come to."""
        if not self._filter.reasons and limit is None:
            self.summary.kept += len(batch)
            return batch, marks, len(batch)
        exchanges, kept, come_to, left, first, last = self._filter.core.apply(batch, marks, limit)
        self.summary.add_kept(len(exchanges), left, first, last)
        return exchanges, kept, come_to

    def _told(self, name: str, like: Likeness) -> None:
        if self._strict:
            warnings.warn(f"{like.told(name)} (copies='keep' reads all)", InputWarning, stacklevel=2)

    def _too_many(self, name: str) -> None:
        what = f"more than {self._max_rejects:,} lines were rejected, so the scan stopped"
        self._failed(
            InputLimitExceeded(what, code="reject_limit", source=name, hint="--format names the reader; --max-rejects sets the number")
        )

    def _failed(self, error: InputError, *, partly: bool = False) -> None:
        self.errors.append(error)
        if self._strict:
            if error.lines_done == 0 and not partly:
                raise error
            warnings.warn(f"{error}; its rows up to there are given (strict=False says that this is known)", InputWarning, stacklevel=2)

    def _one(self, source: Source, evidence: bool, like: Likeness | None) -> Iterator[tuple[_core.Batch, _core.Batch | None]]:
        log = Log(source, self.engine, self._format, self._records, threads=self._threads, evidence=evidence, mirror=self._mirror)
        blind = self._format is None
        try:
            for batch, marks in log.batches():
                blind = blind and _no_calls(batch)
                yield batch, marks
        finally:  # also when the caller, a limit or Ctrl-C stopped it
            part, error = log.summary(), log.error
            if error is not None:
                error.lines_done = part["lines_total"]
            if self._rows is None:
                self.summary.add(part)
            else:
                self.summary.add_rows(self._rows)
            blind = blind and log.ended and sum(part["classified"].values()) > 0
            self.summary.add_input(part, source, error, ended=log.ended, blind=blind, like=like)
        if error is not None:
            self._failed(error, partly=source.rest)

    def table(self) -> Table:
        """Reads everything. The table can be read again and again, and speaks the Arrow PyCapsule protocol; its `evidence` is another."""
        table = self._tables(evidence=True)
        self._evidence = table.evidence
        return table

    @property
    def evidence(self) -> Table:
        """The marks behind the rows, as a table: that of the last `table()`, or of one that is made now."""
        return self._evidence if self._evidence is not None else self.table().evidence

    def _tables(self, *, evidence: bool) -> Table:
        exchanges: list[_core.Batch] = []
        marks: list[_core.Batch] = []
        for batch, more in self.batches(evidence):
            exchanges.append(batch)
            if more is not None:
                marks.append(more)
        return Table(exchanges, "exchanges", Table(marks, "evidence"))

    def counts(self, *columns: str) -> dict[tuple[Any, ...], int]:
        """Reads everything, in bounded memory: how often each combination of values of these columns occurs, the most frequent first, then by
        value, null first. ConfigError, before anything is read, for a name that no column has."""
        return counts(self, columns)

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

    def write(self, path: str | os.PathLike[str], *, to: str | None = None, force: bool = False) -> None:
        """Writes the exchanges, batch by batch, in bounded memory: .parquet, .arrow, .ndjson, .csv."""
        write((batch for batch in self), "exchanges", path, to=to, force=force)

    def __repr__(self) -> str:
        return f"<Scan of {len(self.inputs)} input{'s' if len(self.inputs) != 1 else ''}, lens {self.engine.lens.name}>"


def _no_calls(batch: _core.Batch) -> bool:
    """Whether no reader knows these rows, and none of them is a call to a known API."""
    return all(form in {None, LAST} and not known(api) for form, api in batch.counts("format", "api"))


def _total(places: list[Place]) -> int | None:
    sizes = [place.size for place in places if place.size is not None]
    return sum(sizes) if len(sizes) == len(places) else None


def scan(
    inputs: Input | Iterable[Input],
    *,
    engine: Engine | None = None,
    lens: str | Lens | None = None,
    rules: Pack | Iterable[Pack] = (),
    context: Settings | None = None,
    map: Settings | None = None,
    format: str | None = None,
    records: str | Iterable[str] | None = None,
    threads: int | None = None,
    strict: bool = True,
    limit: int | None = None,
    max_rejects: int | None = None,
    progress: Callable[[Progress], object] | None = None,
    since: Time | None = None,
    until: Time | None = None,
    where: str | None = None,
    sample: float | None = None,
    seed: int | None = None,
    copies: Literal["skip", "keep"] = "skip",
    mirror: str | os.PathLike[str] | None = None,
) -> Scan:
    """A lazy scan of request logs.

    inputs: a file, directory, pattern, URL or `-`, a file in an archive (`ARCHIVE!NAME`), or a table of any library with the Arrow PyCapsule protocol, or several. engine, or lens, rules, context and map for one: what it works with. format: the reader
    (told by the first 64 KiB unless given). records: what a record is: told by the first 64 KiB unless given; "lines", or one or several JSON
    pointers to arrays of records (`*` is any element), such as /Records. threads: all cores unless given; the rows don't depend on it. strict: an input of which nothing
    could be read raises InputError, and one that could be read in part is warned of (InputWarning); otherwise the error is only kept in
    `errors`. mirror: a folder that holds the objects of a bucket, for bodies that the log names instead of holding them
    (docs/formats/bedrock.md). limit: most rows. max_rejects: stop when more lines are rejected. progress: called with a Progress after every batch.

    Rows are kept that pass all filters, and the summary counts the others (docs/filters.md); the limit is one of those that are kept. since,
    until: the time window, since included, until not; a date, a datetime or RFC 3339, UTC unless it says otherwise. where: comparisons of
    columns, such as "state = 'stateful' and not host is null". sample: a share of the rows, over 0, at most 1, chosen by uid and seed (0 to
    2^64 - 1; 0 unless given).

    copies: "skip" reads content once that inputs have twice, under several names, in several packings, or as the beginning of another one
    (docs/inputs.md), and warns of it (InputWarning, unless strict is False); "keep" does not look for such. ConfigError for an option that is refused; `where`: with the place in the expression.
    """
    given = inputs_of(inputs)
    engine = engine_of(engine, lens, rules, context, map)
    for name, number, least, most in (("threads", threads, 1, 1024), ("limit", limit, 0, MOST), ("max_rejects", max_rejects, 0, MOST)):
        whole_number(name, number, least, most)
    if copies not in {"skip", "keep"}:
        raise ConfigError(f"copies is {str(copies)[:80]!r}, expected 'skip' or 'keep'", code="option")
    workers = threads or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    return Scan(
        given,
        engine,
        format=format,
        records=joined(records),
        threads=workers,
        strict=strict,
        limit=limit,
        max_rejects=max_rejects,
        progress=progress,
        filter=filter_of(engine, since=since, until=until, where=where, sample=sample, seed=seed),
        copies=copies == "keep",
        mirror=None if mirror is None else Mirror(mirror, engine.limits["max_line_bytes"]),
    )
