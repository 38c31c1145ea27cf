"""One log on its way to rows: what stands in front of the core, the core, and what makes other records of those that it cuts."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from . import _core
from .engine import Engine
from .errors import ConfigError, EncodingUnsupported, InputError
from .fronts import HEAD, between_of, front_of
from .fronts.between import Rows
from .fronts.mirror import Mirror
from .inputs.sources import CHUNK, Source

HINTS = {
    "cr_only": "one line only: does the file have carriage returns as line ends?",
}
"""Hints of the core, in words."""
LAST = "bodies"
"""The reader of what no signature tells."""


class Log:
    """One log, which is read once. One thread drives it."""

    def __init__(
        self,
        source: Source,
        engine: Engine,
        format: str | None,
        records: str | None,
        *,
        threads: int = 1,
        evidence: bool = False,
        mirror: Mirror | None = None,
    ) -> None:
        """ConfigError for a reader that there is not, and for records that are no pointers."""
        self.source, self.engine = source, engine
        self.ended = False
        """Whether all rows were taken."""
        self._error: InputError | None = None
        self._options: dict[str, Any] = {"source": source.name, "threads": threads, "evidence": evidence}
        self._front = front_of(source.look(HEAD), source, engine, text=records is not None)
        self._core = self._made(format, records, self._front.container if self._front else None)
        self._rows = Rows(self._core, partial(between_of, mirror=mirror), partial(_behind, engine, self._options))

    def _made(self, format: str | None, records: str | None, container: str | None) -> _core.Scan:
        try:
            return _core.Scan(self.engine.rules, format=format, records=records, container=container, **self._options)
        except (_core.CoreError, ValueError):
            pass
        known = [form["name"] for form in self.engine.formats()]
        if format is None or format in known:
            raise ConfigError(
                f"records is {records!r}, expected 'lines' or JSON pointers",
                code="option",
                hint="such as /Records or /log/entries; at most 32, of at most 8 names of 64 bytes",
            )
        raise ConfigError(f"no reader is called {format!r}", code="format", hint=f"take one of {', '.join(known)}")

    def batches(self, *, more: bool = False) -> Iterator[tuple[_core.Batch, _core.Batch | None]]:
        """The batches of exchanges and of evidence. Why there are no more, if that isn't the end, is kept in `error`. more: the source is the
        beginning of a log that goes on."""
        try:
            for _ in self._steps():
                yield from self._ready()
        except InputError as e:
            self._error = e.with_traceback(None)  # its frames would hold the log, with the memory of the core
        self._rows.finish(more or (self._error is not None and self._error.cut))
        yield from self._ready()
        self.ended = True

    def _steps(self) -> Iterator[None]:
        """Gives the core the log; yields when rows may be taken."""
        if self._front is not None:
            return self._front.records(self._core)
        return self._direct() if self.source.direct else self._pieces()

    def _direct(self) -> Iterator[None]:
        self._core.feed(self.source.head())
        while True:
            yield
            with self._core.room(CHUNK) as view:
                n = self.source.fill(view)
            self._core.commit(n)
            if n == 0:
                return

    def _pieces(self) -> Iterator[None]:
        for piece in self.source.pieces():
            self._core.feed(piece)
            yield

    def _ready(self) -> Iterator[tuple[_core.Batch, _core.Batch | None]]:
        while (taken := self._rows.take()) is not None:
            yield taken

    def summary(self) -> dict[str, Any]:
        """Counts so far, as of `_core.Scan`."""
        summary = self._rows.summary()
        if self._front is not None:
            summary["bytes"] = self.source.total
        return summary

    def votes(self) -> dict[str, Any]:
        """How the reader was told, as of `_core.Scan`."""
        return self._core.votes()

    @property
    def error(self) -> InputError | None:
        """Why the log could not be read to its end, or as a whole."""
        summary = self._rows.summary()
        if self._error is not None:
            return self._error
        if summary["encoding"]:
            return EncodingUnsupported(
                f"the text is {summary['encoding']}, expected UTF-8",
                code="unsupported_encoding",
                source=self.source.name,
                hint=f"iconv -f {summary['encoding']} -t utf-8",
            )
        if summary["incomplete"] and self.ended:
            return InputError(
                "a record, or what holds the records, has no end",
                code="unclosed",
                source=self.source.name,
                hint="a rejected row says from where on nothing could be read",
            )
        return None


def _behind(engine: Engine, options: Mapping[str, Any], form: str, before: Mapping[str, Any]) -> _core.Scan:
    """The core that reads what was made of what the first one cut."""
    return _core.Scan(engine.rules, format=form, source_id=before["source_id"], container=before["container"], **options)
