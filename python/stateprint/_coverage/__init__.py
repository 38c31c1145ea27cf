"""coverage: which fields a log has and how often, over time, and so which of the six questions it can answer. docs/coverage.md has the
definitions. Batches are counted as they come, in bounded memory."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from .. import _core, show
from .._same_call import SameCalls
from .._scan import Scan, scan
from ..errors import ConfigError
from ..inputs.places import Input
from ..table import Table
from .counting import Counts
from .parts import Answer, InputCoverage
from .questions import answers
from .showing import rows_of, sections_of


@dataclass(frozen=True, slots=True, repr=False)
class Coverage:
    """What a log holds: `files`, one part for each input, and `total`, all together."""

    files: tuple[InputCoverage, ...]
    total: InputCoverage

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Which of the six questions of docs/coverage.md all inputs together can answer."""
        return self.total.answers

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row a count, first of all inputs (source None), then of each: source, section, name, n, of, seconds, text."""
        for part in (self.total, *self.files):
            yield from rows_of(part)

    def sections(self) -> Iterator[tuple[str, tuple[str, ...], list[list[str]]]]:
        """Title, names of columns and rows of each section, as text for people."""
        yield from sections_of(self.total, self.files)

    def __repr__(self) -> str:
        told = ", ".join(f"{a.number} {a.answer}" for a in self.answers)
        return f"<Coverage of {len(self.files)} input{'s' if len(self.files) != 1 else ''}, {self.total.records:,} records: {told}>"

    def _repr_html_(self) -> str:
        return "".join(
            show.html_table(names, [dict(zip(names, row, strict=True)) for row in rows], title) for title, names, rows in self.sections()
        )


def coverage(inputs: Input | Iterable[Input] | Table | Scan | SameCalls, **options: Any) -> Coverage:
    """Which fields a log has and how often, what it looks like over time, and which of the six questions it can answer.

    inputs: what `scan` takes, with its options; or a scan, or a table of exchanges, or what `same_call` told of these: then, and where a table
    has the column `same_call` filled, the total counts each call once, by the row that stands for it. A scan tells more than a table: container
    and packing of each input, records that were passed over, how times are written, whether there are methods, URLs, headers and responses.
    Memory does not grow with the log, but for `same_call`. One thread at a time.

    Raises what `scan` raises; ConfigError for options beside a table or a scan.
    """
    if not isinstance(inputs, (Table, Scan, SameCalls)):
        inputs = scan(inputs, **options)
    elif options:
        raise ConfigError(f"{next(iter(options))} is an option of a scan", code="option", hint="give names of files, or scan(…) itself")
    if isinstance(inputs, Table):
        return _counted((((0, 0), batch) for batch in inputs.batches()), _leaders_of(inputs), dict)
    if isinstance(inputs, SameCalls):
        return _counted(((inputs.place, batch) for batch, _ in inputs.batches()), inputs.leaders, inputs.inputs)
    return _counted(
        (((0, inputs.at), batch) for batch in inputs), None, lambda: {(0, i): one for i, one in enumerate(inputs.summary.inputs)}
    )


Leaders = Callable[[_core.Batch, int], _core.Batch]
Place = tuple[int, int]
"""Where a batch is from, as `place` of SameCalls: names of inputs may be the same."""


def _leaders_of(table: Table) -> Leaders | None:
    """What gives the rows that stand for their calls, where the table tells."""
    calls = _core.Calls(None)
    told = False
    for batch in table.batches():
        calls.add(batch)
        told = told or any(same is not None for (same,) in batch.counts("same_call"))
    calls.join()
    return calls.leaders if told else None


def _counted(
    batches: Iterator[tuple[Place, _core.Batch]], leaders: Leaders | None, inputs: Callable[[], Mapping[Place, Mapping[str, Any]]]
) -> Coverage:
    """leaders: gives the rows of the total, where these are fewer. inputs: what a scan knows of its inputs, once it has run."""
    total, at = Counts(), 0
    parts: list[tuple[Place, InputCoverage]] = []
    for (place, source), group in groupby(batches, lambda one: (one[0], _source_of(one[1]))):
        one, standing = Counts(), Counts()
        for _, batch in group:
            one.add(batch)
            if leaders is not None:
                standing.add(leaders(batch, at))
            at += len(batch)
        total.merge(one if leaders is None else standing)
        parts.append((place, one.part(source)))
    files = _with_known(parts, inputs())
    whole = _together(total.part(None), files)
    return Coverage(tuple(replace(part, answers=answers(part)) for part in files), replace(whole, answers=answers(whole)))


def _with_known(parts: list[tuple[Place, InputCoverage]], read: Mapping[Place, Mapping[str, Any]]) -> list[InputCoverage]:
    """The parts in order, those of scans with what the summary says of them, and those that have no rows."""
    counted = dict(parts)
    found = [(place, _known(counted.get(place) or Counts().part(info["source"]), info)) for place, info in read.items()]
    found += [(place, part) for place, part in parts if place not in read]
    return [part for _, part in sorted(found, key=lambda one: one[0])]


def _source_of(batch: _core.Batch) -> str:
    """A batch is of one source."""
    return next((source or "" for (source,) in batch.counts("source")), "")


def _known(part: InputCoverage, info: Mapping[str, Any]) -> InputCoverage:
    """A part of a scan with what the summary says of its input."""
    return replace(
        part,
        container=info["container"],
        packing=info["packing"],
        error=info["error"],
        complete=info["complete"],
        like=info["like"],
        piped=info["source"] == "-",
        file_flags=tuple(info["file_flags"]),
        hints=tuple(info["hints"]),
        records=info["records"],
        read=info["read"],
        rejected=info["rejected"],
        passed_over=info["passed_over"],
        clocks=info["clocks"],
        said=info["said"],
    )


def _together(total: InputCoverage, files: list[InputCoverage]) -> InputCoverage:
    """The total with what only its files know: added up."""
    sums: dict[str, Counter[str]] = {name: Counter() for name in ("rejected", "passed_over", "clocks", "said")}
    for part in files:
        for name, counts in sums.items():
            counts.update(getattr(part, name))
    return replace(
        total,
        piped=any(part.piped for part in files),
        complete=all(part.complete for part in files),
        file_flags=tuple(dict.fromkeys(flag for part in files for flag in part.file_flags)),
        records=sum(part.records for part in files),
        read=sum(part.read for part in files),
        rows=sum(part.rows for part in files),
        exchanges=sum(part.exchanges for part in files),
        rejected=dict(sums["rejected"]),
        passed_over=dict(sums["passed_over"]),
        clocks=dict(sums["clocks"]),
        said=dict(sums["said"]),
    )
