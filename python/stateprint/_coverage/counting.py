"""The counts of rows while their batches come, in bounded memory."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from .. import _core
from .parts import DAY, EPOCH, GAP_LEAST_S, GAP_TIMES, GAPS_KEPT, HOUR, MINUTE, Bucket, Gap, InputCoverage, Repeats, Times

NAMED = ("provider", "operation", "model_family")
"""Columns whose value may be `unknown`: only another one counts."""
FIELDS = (
    *("time", "provider", "host", "region", "operation", "model", "model_family", "status", "request_id", "response_id", "previous_id"),
    *("conversation_id", "session_label", "tokens_in", "tokens_out", "tokens_cached", "payload_hash", "chain_in"),
)


class Counts:
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

    def merge(self, other: "Counts") -> None:
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
        buckets=tuple(buckets_of(((cell[0] // 1_000_000, *cell[2:]) for cell in cells), bucket)),
    )


def buckets_of(cells: Iterable[tuple[int, ...]], seconds: int) -> Iterator[Bucket]:
    """(second, rows, withheld, absent, cut) of each, ascending, added up."""
    sums: dict[int, list[int]] = {}
    for second, *counts in cells:
        at = sums.setdefault(second // seconds * seconds, [0, 0, 0, 0])
        at[:] = [a + b for a, b in zip(at, counts, strict=True)]
    for start, (rows, withheld, absent, cut) in sums.items():
        yield Bucket(EPOCH + timedelta(seconds=start), rows, withheld, absent, cut)
