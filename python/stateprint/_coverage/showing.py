"""Coverage as rows for programs and as sections for people."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from ..show import rfc3339
from .counting import buckets_of
from .parts import DAY, EPOCH, HOUR, MINUTE, InputCoverage, Times
from .questions import percent

COUNTED = {
    "rejected": "records",
    "passed_over": "records",
    "clocks": "read",
    "said": "read",
    **dict.fromkeys(("states", "formats", "grades", "bodies", "missing", "fields", "flags"), "calls"),
}
"""Sections of counts, and of what they are a share."""
SHOWN_BUCKETS, BAR = 40, 40


def _text(time: datetime | None) -> str | None:
    return None if time is None else rfc3339(time)


def _row(part: InputCoverage, section: str, name: str | None, n: int | None = None, of: int | None = None, **more: Any) -> dict[str, Any]:
    cells = {"source": part.source, "section": section, "name": name, "n": n, "of": of}
    return {**cells, "seconds": more.get("seconds"), "text": more.get("text")}


def rows_of(part: InputCoverage) -> Iterator[dict[str, Any]]:
    """A part as rows, one a count, as `rows` of Coverage."""
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


def sections_of(total: InputCoverage, files: Sequence[InputCoverage]) -> Iterator[tuple[str, tuple[str, ...], list[list[str]]]]:
    """As `sections` of Coverage."""
    shares = ("what", "in", "of", "share")
    yield (
        "files",
        ("file", "format", "packed", "grade", "records", "exchanges", "calls", "rejected", "passed over", "first", "last", "remarks"),
        [_file(part) for part in (*files, *([total] if len(files) > 1 else []))],
    )
    yield "fields", ("field", *shares[1:]), [*_shares(total, "fields"), *_shares(total, "said")]
    yield "grades, bodies and clocks", shares, [row for name in ("grades", "bodies", "clocks") for row in _shares(total, name)]
    if remarks := [row for name in ("flags", "rejected", "passed_over") for row in _shares(total, name)]:
        yield "flags, errors and what was passed over", shares, remarks
    if total.times.first is not None:
        yield "times", ("what", "value"), _times_text(total)
        yield "over time", ("from", "rows", "", "withheld", "absent", "response cut"), _bars(total.times)
    told = [[str(a.number), a.question, a.answer, f"{a.why}; lacks {', '.join(a.lacks)}" if a.lacks else a.why] for a in total.answers]
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
        buckets = tuple(buckets_of(cells, seconds))
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
