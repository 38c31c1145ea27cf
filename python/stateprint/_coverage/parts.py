"""What coverage tells of each input, and of all together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

GAP_LEAST_S, GAP_TIMES, GAPS_KEPT = 60.0, 50, 100
MINUTE, HOUR, DAY = 60, 3600, 86400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUESTIONS = (
    "which calls were stateless, which stateful",
    "where each went, and which family of model it asked",
    "whether the traffic kept to a policy between two dates",
    "which calls are one conversation, and who held its memory",
    "which sessions are chains of self-contained calls, and what lies beneath a front door",
    "whether somebody else gets the same from the same files",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question: `yes`, `partly` or `no`, and the figures that decide it. number: from 1. lacks: names of the fields that a
    part of the calls would have to have for a `yes`."""

    number: int
    answer: str
    why: str
    lacks: tuple[str, ...] = ()

    @property
    def question(self) -> str:
        """The question in words."""
        return QUESTIONS[self.number - 1]


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
