"""coverage: which fields a log has and how often, over time, and so which of the six questions it can answer. docs/coverage.md has the
definitions. Batches are counted as they come, in bounded memory."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

from . import _core, show
from .errors import ConfigError
from .inputs.places import Input
from .questions import Answer, answers, percent
from .same_call import SameCalls
from .scan import Scan, scan
from .table import Table

NAMED = ("provider", "operation", "model_family")
"""Columns whose value may be `unknown`: only another one counts."""
FIELDS = (
    *("time", "provider", "host", "region", "operation", "model", "model_family", "status", "request_id", "response_id", "previous_id"),
    *("conversation_id", "session_label", "tokens_in", "tokens_out", "tokens_cached", "payload_hash", "chain_in"),
)
GAP_LEAST_S, GAP_TIMES, GAPS_KEPT = 60.0, 50, 100
MINUTE, HOUR, DAY = 60, 3600, 86400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A stretch of time that has rows: how many, and of how many the body is there in part, elsewhere or not to be read, or is absent, and the
    response is cut."""

    start: datetime
    rows: int
    withheld: int
    absent: int
    response_cut: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without rows: from the row before it to the row after it."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True)
class Times:
    """Rows over time. rows: those that have a time. out_of_order: rows before the row above in their file; furthest_back_s: how far.
    usual_s: the median time between a row and the row above, rounded up to a power of two. gap_s: from what length on a stretch without
    rows is a gap. gaps: the longest (at most GAPS_KEPT), in their order. bucket_s: length of a bucket; those without rows are left out."""

    first: datetime | None = None
    last: datetime | None = None
    rows: int = 0
    out_of_order: int = 0
    furthest_back_s: float = 0.0
    usual_s: float = 0.0
    gap_s: float = GAP_LEAST_S
    gap_count: int = 0
    gaps: tuple[Gap, ...] = ()
    bucket_s: int = HOUR
    buckets: tuple[Bucket, ...] = ()


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows that have a key, and those whose key an earlier row has, too. at_least: not all keys were kept, so there may be more."""

    rows: int
    repeats: int
    at_least: bool


@dataclass(frozen=True, slots=True)
class InputCoverage:
    """What one input holds, or all of them together (`source` None).

    records = exchanges + rejected + passed over, before filters. rows: those that are counted here, rejected ones among them. calls: different
    calls among these, as far as `same_call` tells; all from `asked` on counts each call once. asked: calls that may be inference. strange:
    those in which nothing looks like a call. read: exchanges before filters, which `clocks` and `said` count. Members that only a scan
    knows are None or empty for a table."""

    source: str | None
    container: str | None = None
    packing: str | None = None
    error: str | None = None
    complete: bool = True
    like: str | None = None
    piped: bool = False
    file_flags: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    records: int = 0
    read: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    passed_over: Mapping[str, int] = field(default_factory=dict)
    clocks: Mapping[str, int] = field(default_factory=dict)
    said: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0
    exchanges: int = 0
    calls: int = 0
    asked: int = 0
    strange: int = 0
    states: Mapping[str, int] = field(default_factory=dict)
    formats: Mapping[str, int] = field(default_factory=dict)
    grades: Mapping[str, int] = field(default_factory=dict)
    bodies: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    fields: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, int] = field(default_factory=dict)
    times: Times = Times()
    repeats: Mapping[str, Repeats] = field(default_factory=dict)
    answers: tuple[Answer, ...] = ()


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
            yield from _tidy(part)

    def sections(self) -> Iterator[tuple[str, tuple[str, ...], list[list[str]]]]:
        """Title, names of columns and rows of each section, as text for people."""
        yield from _sections(self)

    def __repr__(self) -> str:
        told = ", ".join(f"{a.number} {a.answer}" for a in self.answers)
        return f"<Coverage of {len(self.files)} input{'s' if len(self.files) != 1 else ''}, {self.total.records:,} records: {told}>"

    def _repr_html_(self) -> str:
        return "".join(
            show.html_table(names, [dict(zip(names, row, strict=True)) for row in rows], title) for title, names, rows in self.sections()
        )


# ------------------------------------------------------------------------------------------------------------------------------ counting
class _Counts:
    """The counts of rows while their batches come."""

    def __init__(self) -> None:
        self.tally = _core.Tally()
        self.by: dict[str, Counter[str]] = {
            name: Counter() for name in ("states", "rejected", "formats", "grades", "bodies", "missing", "flags", *NAMED)
        }
        self.asked = self.strange = 0

    def add(self, batch: _core.Batch) -> None:
        self.tally.add(batch)
        by = self.by
        for (state, missing, grade, body, form), n in batch.counts("state", "missing", "grade", "body_state", "format").items():
            if state is None:
                continue
            by["states"][state] += n
            by["grades"][grade] += n
            by["bodies"][body] += n
            by["formats"][form or ""] += n
            if state == "unknown":
                by["missing"][missing or ""] += n
        for (*named, inference, state), n in batch.counts(*NAMED, "inference", "state").items():
            if state is not None:
                self.asked += n * (inference is not False)
                self.strange += n * (state == "not_inference" and named[NAMED.index("operation")] in {None, "unknown"})
                for name, value in zip(NAMED, named, strict=True):
                    by[name][value or "unknown"] += n * (name != "model_family" or inference is not False)
        for (flags,), n in batch.counts("flags").items():
            for flag in flags or ():
                by["flags"][flag] += n
        if batch.counts("state").get((None,)):
            for (error,), n in batch.counts("error").items():
                if error is not None:
                    by["rejected"][error.split(" ", 1)[0]] += n

    def merge(self, other: "_Counts") -> None:
        self.tally.merge(other.tally)
        self.asked += other.asked
        self.strange += other.strange
        for name, counts in other.by.items():
            self.by[name].update(counts)

    def part(self, source: str | None) -> InputCoverage:
        """What was counted."""
        told, by = self.tally.counts(), {name: _sorted(counts) for name, counts in self.by.items()}
        fields = {name: told["present"][name] for name in FIELDS}
        fields |= {name: sum(n for value, n in by[name].items() if value != "unknown") for name in NAMED}
        exchanges = sum(by["states"].values())
        return InputCoverage(
            source=source,
            records=told["rows"],
            read=exchanges,
            rejected=by["rejected"],
            rows=told["rows"],
            exchanges=exchanges,
            calls=exchanges,
            asked=self.asked,
            strange=self.strange,
            states=by["states"],
            formats=by["formats"],
            grades=by["grades"],
            bodies=by["bodies"],
            missing=by["missing"],
            fields=fields,
            flags=by["flags"],
            times=_times(told),
            repeats={key: Repeats(rows, repeats, unkept > 0) for key, (rows, repeats, unkept) in told["ids"].items()},
        )


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(((name, n) for name, n in counts.items() if n), key=lambda kv: (-kv[1], kv[0])))


def _at(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


def _times(told: Mapping[str, Any]) -> Times:
    cells, spacing, unit = told["cells"], told["spacing"], told["unit"]
    if not cells:
        return Times()
    first, last, steps = cells[0][0], max(cell[1] for cell in cells), sum(spacing)
    bits, seen = 0, spacing[0]
    while 2 * seen < steps:
        bits += 1
        seen += spacing[bits]
    usual = 2**bits if bits else 0
    least = max(round(GAP_LEAST_S * 1e6), GAP_TIMES * usual, unit)
    gaps = [Gap(_at(a[1]), _at(b[0])) for a, b in pairwise(cells) if b[0] - a[1] > least]
    longest = sorted(gaps, key=lambda gap: (-gap.seconds, gap.start))[:GAPS_KEPT]
    span = (last - first) / 1e6
    bucket = max(MINUTE if span <= 2 * HOUR else HOUR if span <= 3 * DAY else DAY, unit // 1_000_000)
    return Times(
        first=_at(first),
        last=_at(last),
        rows=told["timed"],
        out_of_order=told["backwards"],
        furthest_back_s=told["furthest"] / 1e6,
        usual_s=usual / 1e6,
        gap_s=least / 1e6,
        gap_count=len(gaps),
        gaps=tuple(sorted(longest, key=lambda gap: gap.start)),
        bucket_s=bucket,
        buckets=tuple(_buckets(((cell[0] // 1_000_000, *cell[2:]) for cell in cells), bucket)),
    )


def _buckets(cells: Iterable[tuple[int, ...]], seconds: int) -> Iterator[Bucket]:
    """(second, rows, withheld, absent, cut) of each, ascending, added up."""
    sums: dict[int, list[int]] = {}
    for second, *counts in cells:
        at = sums.setdefault(second // seconds * seconds, [0, 0, 0, 0])
        at[:] = [a + b for a, b in zip(at, counts, strict=True)]
    for start, (rows, withheld, absent, cut) in sums.items():
        yield Bucket(EPOCH + timedelta(seconds=start), rows, withheld, absent, cut)


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
    total, at = _Counts(), 0
    parts: list[tuple[Place, InputCoverage]] = []
    for (place, source), group in groupby(batches, lambda one: (one[0], _source_of(one[1]))):
        one, standing = _Counts(), _Counts()
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
    found = [(place, _known(counted.get(place) or _Counts().part(info["source"]), info)) for place, info in read.items()]
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


# ------------------------------------------------------------------------------------------------------------------------------- showing
def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat().replace("+00:00", "Z")


def _row(part: InputCoverage, section: str, name: str | None, n: int | None = None, of: int | None = None, **more: Any) -> dict[str, Any]:
    cells = {"source": part.source, "section": section, "name": name, "n": n, "of": of}
    return {**cells, "seconds": more.get("seconds"), "text": more.get("text")}


COUNTED = {
    "rejected": "records",
    "passed_over": "records",
    "clocks": "read",
    "said": "read",
    **dict.fromkeys(("states", "formats", "grades", "bodies", "missing", "fields", "flags"), "calls"),
}
"""Sections of counts, and of what they are a share."""


def _tidy(part: InputCoverage) -> Iterator[dict[str, Any]]:
    for name in ("container", "packing", "error", "like"):
        if (text := getattr(part, name)) is not None:
            yield _row(part, "input", name, text=text)
    for name in (*part.file_flags, *part.hints, *(() if part.complete else ("incomplete",))):
        yield _row(part, "input", name)
    for name, of in (("records", None), ("read", part.records), ("rows", None), ("exchanges", part.rows), ("calls", part.exchanges)):
        yield _row(part, "records", name, getattr(part, name), of)
    for section, whole in COUNTED.items():
        for name, n in getattr(part, section).items():
            yield _row(part, section, name, n, getattr(part, whole))
    times = part.times
    if times.first is not None:
        yield _row(part, "times", "first", text=_text(times.first))
        yield _row(part, "times", "last", text=_text(times.last))
        yield _row(part, "times", "usual", seconds=times.usual_s)
        yield _row(part, "times", "out_of_order", times.out_of_order, times.rows, seconds=times.furthest_back_s)
        yield _row(part, "times", "gaps", times.gap_count, seconds=times.gap_s)
    for gap in times.gaps:
        yield _row(part, "gaps", _text(gap.start), seconds=gap.seconds, text=_text(gap.end))
    for bucket in times.buckets:
        for section in ("rows", "withheld", "absent", "response_cut"):
            n, of = getattr(bucket, section), None if section == "rows" else bucket.rows
            if n:
                yield _row(part, f"over_time.{section}", _text(bucket.start), n, of, seconds=float(times.bucket_s))
    for key, repeats in part.repeats.items():
        yield _row(part, "repeats", key, repeats.repeats, repeats.rows, text="at least" if repeats.at_least else None)
    for one in part.answers:
        yield _row(part, "answers", str(one.number), text=f"{one.answer}: {one.why}")
        for name in one.lacks:
            yield _row(part, "lacks", str(one.number), text=name)


SHOWN_BUCKETS, BAR = 40, 40


def _sections(done: Coverage) -> Iterator[tuple[str, tuple[str, ...], list[list[str]]]]:
    total, shares = done.total, ("what", "in", "of", "share")
    yield (
        "files",
        ("file", "format", "packed", "grade", "records", "exchanges", "calls", "rejected", "passed over", "first", "last", "remarks"),
        [_file(part) for part in (*done.files, *([total] if len(done.files) > 1 else []))],
    )
    yield "fields", ("field", *shares[1:]), [*_shares(total, "fields"), *_shares(total, "said")]
    yield "grades, bodies and clocks", shares, [row for name in ("grades", "bodies", "clocks") for row in _shares(total, name)]
    if remarks := [row for name in ("flags", "rejected", "passed_over") for row in _shares(total, name)]:
        yield "flags, errors and what was passed over", shares, remarks
    if total.times.first is not None:
        yield "times", ("what", "value"), _times_text(total)
        yield "over time", ("from", "rows", "", "withheld", "absent", "response cut"), _bars(total.times)
    told = [[str(a.number), a.question, a.answer, f"{a.why}; lacks {', '.join(a.lacks)}" if a.lacks else a.why] for a in done.answers]
    yield "questions", ("", "question", "answer", "because"), told


def _file(part: InputCoverage) -> list[str]:
    counts = (part.records, part.exchanges, part.calls, sum(part.rejected.values()), sum(part.passed_over.values()))
    times = (_text(t.replace(microsecond=0)) or "" if t else "" for t in (part.times.first, part.times.last))
    like = (f"like {part.like}",) if part.like else ()
    remarks = ", ".join((*([part.error] if part.error else []), *like, *part.file_flags, *part.hints))
    name = part.source if part.source is not None else "all"
    return [
        *(name, ", ".join(part.formats), part.packing or "", ", ".join(part.grades)),
        *(f"{n:,}" for n in counts),
        *times,
        remarks,
    ]


def _shares(part: InputCoverage, section: str) -> list[list[str]]:
    of, kind = getattr(part, COUNTED[section]), {"bodies": "body ", "clocks": "clock "}.get(section, "")
    return [[kind + name, f"{n:,}", f"{of:,}", percent(n, of)] for name, n in getattr(part, section).items()]


def _span(seconds: float) -> str:
    """A length of time in the unit that suits it."""
    for unit, size in (("days", DAY), ("h", HOUR), ("min", MINUTE), ("s", 1)):
        if seconds >= 2 * size or size == 1:
            return f"{seconds / size:.3g} {unit}"
    raise AssertionError


def _times_text(part: InputCoverage) -> list[list[str]]:
    times = part.times
    rows = [
        ["rows with a time", f"{times.rows:,} of {part.calls:,}"],
        ["first, last", f"{_text(times.first)}, {_text(times.last)}"],
        ["usual spacing", f"at most {_span(times.usual_s)} (median, between a row and the row above)"],
        ["out of order", f"{times.out_of_order:,} rows, at most {_span(times.furthest_back_s)} back" if times.out_of_order else "none"],
        ["gaps", f"{times.gap_count:,} stretches without rows that are longer than {_span(times.gap_s)}" if times.gap_count else "none"],
    ]
    rows += [["", f"{_text(gap.start)} to {_text(gap.end)}, {_span(gap.seconds)}"] for gap in times.gaps[:10]]
    for key, one in part.repeats.items():
        least = "at least " if one.at_least else ""
        rows.append(
            [f"same {key.replace('_', ' ')}", f"{least}{one.repeats:,} of {one.rows:,} rows repeat one" if one.rows else "no row has one"]
        )
    return rows


def _bars(times: Times) -> list[list[str]]:
    """Buckets as rows; where they are too many for a screen, several in one."""
    buckets, seconds = times.buckets, times.bucket_s
    if len(buckets) > SHOWN_BUCKETS:
        spread = (buckets[-1].start - buckets[0].start).total_seconds() / seconds + 1
        seconds *= -(-int(spread) // SHOWN_BUCKETS)
        cells = ((int((b.start - EPOCH).total_seconds()), b.rows, b.withheld, b.absent, b.response_cut) for b in buckets)
        buckets = tuple(_buckets(cells, seconds))
    most = max(b.rows for b in buckets)
    return [
        [
            str(_text(b.start)),
            f"{b.rows:,}",
            "█" * max(1, b.rows * BAR // most),
            *(percent(n, b.rows) if n else "" for n in (b.withheld, b.absent, b.response_cut)),
        ]
        for b in buckets
    ]
