"""Between the core that cuts a stream into records and the one that reads them: what makes other records of them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

from .. import _core

Record = tuple[bytes, int, int, int, str | None, bool]
"""As of `Scan.cut` and `Scan.put`."""
Row = dict[str, Any]


class Between(Protocol):
    """Takes records in their order, and gives records."""

    @property
    def passed(self) -> Mapping[str, int]:
        """Records that were not given, by the reason."""

    def add(self, record: Record) -> Iterator[Record]:
        """Takes a record; gives what is due."""

    def flush(self) -> Iterator[Record]:
        """Gives what is left."""


def row_of(text: bytes, mark: bytes, *, lax: bool = False) -> Row | None:
    """The object that the text is, where it holds the mark and can be read; None: it stays as it is. lax: also one with a name twice, or a
    number that is none or too large; no record is made of it, for what it says depends on who reads it, and the core tells that."""
    if mark not in text:
        return None
    try:
        row = (json.loads if lax else _strict)(text)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def json_of(value: object) -> bytes:
    """Its JSON text. Half of a surrogate pair becomes its JSON escape."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def remade(record: Record, row: Row) -> Record:
    """The row in the place of the record."""
    _, line, start, end, _, _ = record
    try:
        return json_of(row), line, start, end, None, True
    except RecursionError:
        return b"", line, start, end, "too_deep", True


def _refused(_: str) -> Any:
    raise ValueError


def _unique(members: list[tuple[str, Any]]) -> Row:
    row = dict(members)
    if len(row) < len(members):
        raise ValueError
    return row


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError
    return number


_strict = partial(json.loads, parse_constant=_refused, parse_float=_finite, object_pairs_hook=_unique)


class Rows:
    """A core of which rows are taken, with what stands between it and the rows."""

    def __init__(
        self,
        core: _core.Scan,
        between: Callable[[str, str], Between | None],
        another: Callable[[str, Mapping[str, Any]], _core.Scan],
    ) -> None:
        """between: what stands there, by the names of reader and container. another: makes the core that reads what was made, from the name
        of the reader and the summary so far."""
        self._core, self._choose, self._another = core, between, another
        self._told = self._ended = False
        self._between: Between | None = None
        self._second = core

    def take(self) -> tuple[_core.Batch, _core.Batch | None] | None:
        """As that of the core."""
        if not self._told and (name := self._core.tell()) is not None:
            self._told = True
            summary = self._core.summary()
            self._between = self._choose(name, summary["container"])
            if self._between is not None:
                self._second = self._another(name, summary)
        taken = self._second.take() if self._told else None
        while taken is None and self._between is not None and (records := self._core.cut()) is not None:
            for record in records:
                self._put(self._between.add(record))
            taken = self._second.take()
        if taken is None and self._between is not None and self._ended:
            self._put(self._between.flush())
            self._second.finish()
            taken = self._second.take()
        return taken

    def _put(self, records: Iterable[Record]) -> None:
        for record in records:
            self._second.put(*record)

    def finish(self, cut: bool) -> None:
        """As that of the core."""
        self._core.finish(cut)
        self._ended = True

    def summary(self) -> dict[str, Any]:
        """As that of the core; records that went into others are passed over."""
        summary = self._core.summary()
        if self._between is not None:
            second = self._second.summary()
            summary |= {name: second[name] for name in ("classified", "rejected", "flags", "passed_over", "clocks", "said")}
            for why, n in self._between.passed.items():
                summary["passed_over"][why] = summary["passed_over"].get(why, 0) + n
        return summary
