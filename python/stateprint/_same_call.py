"""same_call: rows that several loggers wrote of one call are recognised as one; both rows stay. docs/same-call.md has the rules."""

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from . import _core
from ._scan import Scan, scan
from .errors import ConfigError, InputError
from .inputs.places import Input
from .table import Table, write

Window = str | float | timedelta
WINDOW = "2s"
DAY = 86400
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def window_of(window: Window) -> int:
    """Microseconds of a length of time: `2s`, `500ms`, `1m`, seconds as a number, or a timedelta. ConfigError for anything else."""
    length = -1.0
    if isinstance(window, timedelta):
        length = window.total_seconds()
    elif isinstance(window, int | float) and -1 <= window <= DAY:
        length = float(window)
    elif isinstance(window, str) and (found := re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)", window)):
        length = float(found[1]) * UNITS[found[2]]
    if not 0 <= length <= DAY:
        what = f"window is {str(window)[:80]!r}, expected a length of time up to a day"
        raise ConfigError(what, code="option", hint="such as 2s, 500ms or 1m")
    return round(length * 1e6)


class SameCalls:
    """Which rows are one call: `rows` that are exchanges are `calls` different ones; `joined`: by each key, how many calls fewer it made them
    (rows = calls + all of these); `apart`: by key and reason, how many rows share it and can't be one call. `batches()`, `table()` and
    `write()` give the rows, in their order, with `same_call` filled: the uid of the row that stands for the call (the one that says most),
    of a row that is alone its own, of a rejected line null. They read a scan again. One thread at a time."""

    def __init__(self, sources: tuple[Table | Scan, ...], window: Window) -> None:
        self._sources, self._place = sources, (0, 0)
        self._core = _core.Calls(window_of(window))
        self._all = 0
        for batch, _ in self._read(evidence=False):
            self._core.add(batch)
            self._all += len(batch)
        told = self._core.join()
        self.rows: int = told["rows"]
        self.calls: int = told["calls"]
        self.joined: dict[str, int] = told["joined"]
        self.apart: dict[str, int] = {f"{key}: {reason}": n for (key, reason), n in told["apart"].items()}

    def _read(self, *, evidence: bool) -> Iterator[tuple[_core.Batch, _core.Batch | None]]:
        for n, source in enumerate(self._sources):
            if isinstance(source, Scan):
                for batches in source.batches(evidence):
                    self._place = n, source.at
                    yield batches
            else:
                self._place = n, 0
                yield from ((batch, None) for batch in source.batches())

    @property
    def place(self) -> tuple[int, int]:
        """While batches are read: where the last one is from, as (number of the source, number of the input of a scan, 0 of a table)."""
        return self._place

    def batches(self, evidence: bool = False) -> Iterator[tuple[_core.Batch, _core.Batch | None]]:
        """Batches of exchanges and, of a scan and if asked for, of evidence. InputError, `input_changed`: a scan gave other rows than before."""
        at = 0
        for batch, marks in self._read(evidence=evidence):
            try:
                filled = self._core.fill(batch, at)
            except ValueError:
                raise _changed() from None
            yield filled, marks
            at += len(batch)
        if at != self._all:
            raise _changed()

    def leaders(self, batch: _core.Batch, at: int) -> _core.Batch:
        """The rows of a batch that stand for their calls, and rejected ones; at: how many rows come before them."""
        return self._core.leaders(batch, at)

    def inputs(self) -> dict[tuple[int, int], dict[str, Any]]:
        """What the summaries of the scans say of each input, by its place, of the last time that they were read."""
        scans = ((n, source) for n, source in enumerate(self._sources) if isinstance(source, Scan))
        return {(n, i): info for n, source in scans for i, info in enumerate(source.summary.inputs)}

    def table(self) -> Table:
        """All rows, with their evidence."""
        exchanges: list[_core.Batch] = []
        marks = [batch for source in self._sources if isinstance(source, Table) for batch in source.evidence.batches()]
        for batch, more in self.batches(evidence=True):
            exchanges.append(batch)
            if more is not None:
                marks.append(more)
        return Table(exchanges, "exchanges", Table(marks, "evidence"))

    def write(self, path: str | os.PathLike[str], *, to: str | None = None, force: bool = False) -> None:
        """Writes the rows, batch by batch: .parquet, .arrow, .ndjson, .csv."""
        write((batch for batch, _ in self.batches()), "exchanges", path, to=to, force=force)

    def to_dict(self) -> dict[str, Any]:
        """The counts as a mapping."""
        return {"rows": self.rows, "calls": self.calls, "joined": self.joined, "apart": self.apart}

    def __str__(self) -> str:
        joined = ", ".join(f"{n:,} by {key}" for key, n in self.joined.items() if n)
        apart = ", ".join(f"{n:,} by {why}" for why, n in self.apart.items())
        text = f"{self.rows:,} rows are {self.calls:,} calls" + (f"; joined: {joined}" if joined else "")
        return text + (f"; left apart: {apart}" if apart else "")

    def __repr__(self) -> str:
        return f"<SameCalls: {self}>"


def _once(given: Input) -> str:
    """What an input is that can be read once only; empty: it can be read again."""
    if isinstance(given, str | os.PathLike):
        return "standard input" if os.fspath(given) == "-" else ""
    return f"this {type(given).__name__}" if isinstance(given, Iterator) else ""


def _changed() -> InputError:
    return InputError(
        "the rows are not those that were read before",
        code="input_changed",
        hint="a file was written to meanwhile; read a copy that stays as it is",
    )


def same_call(*sources: Table | Scan | Input, window: Window = WINDOW) -> SameCalls:
    """Recognises rows that several loggers wrote of one call: by response id, else request id, else body and time (docs/same-call.md).

    sources: tables of exchanges, or scans, or what `scan` takes. Scans are read now, and again when their rows are asked for: so a log of any length is
    written in bounded memory, but for 72 bytes a row (32 more while the calls are told). window: how far apart rows of one call may be that have the same
    body, and rows of one log that have the same response id; at most a day. One thread at a time.

    Raises what a scan raises; ConfigError for a bad window, and for standard input and streams of Arrow batches, which can be read once only.
    """
    read = tuple(source if isinstance(source, Table | Scan) else scan(source) for source in sources)
    once = next(filter(None, (_once(given) for source in read if isinstance(source, Scan) for given in source.inputs)), "")
    if once:
        raise ConfigError(f"{once} can be read once only, and same_call reads twice", code="option", hint="write it to a file first")
    return SameCalls(read, window)
