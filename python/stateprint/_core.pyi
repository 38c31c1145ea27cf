"""The C core, as Python sees it. Everything here is immutable once made, unless it says otherwise, and safe to share between threads."""

from collections.abc import Buffer, Sequence  # type: ignore[attr-defined]
from datetime import datetime
from typing import Any, Self, final

__version__: str

class CoreError(Exception):
    """A pack, lens or limit is refused. args: (code, file, line, column, message, hint)."""

@final
class Rules:
    """Frozen rule set: packs, lens, limits and key."""

    def __new__(
        cls,
        packs: Sequence[tuple[str, bytes]],
        /,
        *,
        lens: tuple[Sequence[str], Sequence[str]],
        limits: dict[str, int] | None = None,
        key: bytes | None = None,
        tag_key: bytes | None = None,
        tags: bool = False,
        with_text: bool = False,
        context: bytes | None = None,
        kernel: str | None = None,
        versions: str = "",
    ) -> Self:
        """packs: (name, JSON) from the lowest to the highest. lens: what counts, and what does not: effects, facts, or `write.store*`.
        key: 16 bytes for the keyed form. tag_key: 16 bytes for tags of values that are not shown. context: JSON of the context file.
        kernel: one of `kernels()`, None is the first; results are the same."""
    def describe(self) -> bytes:
        """JSON: packs, versions, digest, and every entry with its kind, id, source, file, line. For `rules list` and `rules show`."""
    def limits(self) -> dict[str, int]: ...
    def kernel(self) -> str:
        """Name of the kernel that reads strings."""

@final
class Batch:
    """Rows of one slice of a log. Only the core makes them."""

    @property
    def rows(self) -> int: ...
    @property
    def nbytes(self) -> int:
        """Bytes of the buffers; those of the whole for a slice."""
    @property
    def table(self) -> str:
        """`exchanges` or `evidence`."""
    def __len__(self) -> int: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        """Capsules of schema and rows. Nothing is cast. Metadata: stateprint.schema (the table), stateprint.version, stateprint.rules."""
    def __arrow_c_schema__(self) -> object: ...
    def to_pylist(self, limit: int | None = None) -> list[dict[str, Any]]:
        """The first rows as dicts; times as datetime in UTC."""
    def to_ndjson(self) -> bytes:
        """A JSON object a line; times as RFC 3339 in UTC. Control, format and bidirectional characters are escaped."""
    def to_csv(self, header: bool, safe: bool = True) -> bytes:
        """RFC 4180 (lines end in CR LF); null is empty, the empty text and list are `""`; lists are joined by spaces. safe: a text that is
        any number of ' and then = + - @ tab CR LF NUL or a full-width = + - @ gets one more ' in front; a reader takes one away from a
        text of one or more ' and then one of these."""
    def counts(self, *columns: str) -> dict[tuple[Any, ...], int]:
        """How often each combination of values occurs, in the order of first rows; lists as tuples. KeyError: no such column."""
    def slice(self, offset: int, length: int | None = None) -> Batch:
        """Some of the rows, without a copy. Past the end there are none."""

@final
class Answer:
    """What was found of one exchange. Values are made when they are asked for. Only the core makes it."""

    @property
    def error(self) -> dict[str, Any] | None:
        """None, or why the payload is refused: reason, offset, line, column, expected, path."""
    def cell(self, column: int, /) -> Any:
        """The value of a column of `exchanges`, by its number; as in `to_pylist`. IndexError: no such column."""
    def exchanges(self) -> Batch:
        """The row, as a table."""
    def evidence(self) -> Batch:
        """Its evidence, as a table."""

@final
class Filter:
    """Which rows of a batch are kept. Immutable."""

    def __new__(
        cls,
        steps: Sequence[tuple[str, str | None, tuple[str | int, ...]]],
        /,
        *,
        since: int | None = None,
        until: int | None = None,
        share: float | None = None,
        seed: int | None = 0,
    ) -> Self:
        """steps: an expression in postfix order; none: every row. (operation, column, values): `null`, `in`, `less`, `at_most`, `has` of a column,
        `not`, `and`, `or` of what comes before. since, until: microseconds since 1970, `until` not included. share: of the rows, by uid and seed.
        ValueError: no expression, or values that don't fit their column. KeyError: no such column."""
    def apply(
        self, exchanges: Batch, evidence: Batch | None = None, limit: int | None = None
    ) -> tuple[Batch, Batch | None, int, dict[str, int], datetime | None, datetime | None]:
        """Rows that are kept, at most `limit`, and the evidence of these; how many rows were come to (up to the last one that is kept where the
        limit was reached); how many were left out, by reason (no_time, outside_time, where, where_not_known, sample); first and last time of
        those come to. A batch of which all is kept is shared, not copied. The GIL is released."""

@final
class Calls:
    """Which rows of exchanges are one call that several loggers wrote: add the batches, join, then fill or leaders. 72 bytes a row. Mutable:
    one thread drives it."""

    def __new__(cls, window: int | None, /) -> Self:
        """window: microseconds that rows of one call may be apart. None: the column same_call tells which are one."""
    def add(self, batch: Batch, /) -> None:
        """Takes the keys of the rows, which come after those before."""
    def join(self) -> dict[str, Any]:
        """Tells the calls, once: rows (that are exchanges) and calls, joined {key: n} with rows = calls + these, apart {(key, reason): rows}:
        rows that share a key and can't be one call."""
    def fill(self, batch: Batch, at: int, /) -> Batch:
        """The batch with same_call filled. at: how many rows were added before these. ValueError: other rows were added there."""
    def leaders(self, batch: Batch, at: int, /) -> Batch:
        """The rows that stand for their calls, and those that are none. ValueError likewise."""

@final
class Tally:
    """Counts over batches of exchanges, in bounded memory. Mutable: one thread drives it."""

    def __new__(cls) -> Self: ...
    def add(self, batch: Batch, /) -> None:
        """Adds the rows, which come after those before."""
    def merge(self, other: Tally, /) -> None:
        """Adds the counts of another input; what repeats across both repeats."""
    def counts(self) -> dict[str, Any]:
        """rows; present {column: rows that are not null}; timed (rows with a time), backwards (rows whose time is before that of the row
        above), furthest (how far, in microseconds); spacing (by number of bits: rows by the microseconds between them and the row above);
        cells, ascending, each of `unit` microseconds: (first, last, rows, bodies that are withheld, bodies that are absent, responses that
        are cut), times in microseconds since 1970; ids {request_id, response_id, payload_and_time: (rows, repeats, unkept)}: rows that have
        one, rows whose id an earlier row has, rows whose id was not kept (then repeats is a lower bound)."""

@final
class Scan:
    """Reads one input. Mutable: one thread drives it (a call while another is at work raises RuntimeError); its workers are its own. The
    GIL is released while they work. After `finish`, `feed` and `room` raise ValueError."""

    def __new__(
        cls,
        rules: Rules,
        /,
        *,
        source: str,
        format: str | None = None,
        threads: int = 1,
        evidence: bool = False,
        source_id: str | None = None,
        records: str | None = None,
        container: str | None = None,
    ) -> Self:
        """container: what the records come from; then they are given (`put`), and no bytes are."""
    def feed(self, data: Buffer, /) -> None:
        """Adds bytes of the unpacked stream. They are copied."""
    def room(self, n: int, /) -> memoryview:
        """At most n writable bytes at the end of the input, to read into: as many as suit. The next call of any method but `summary` ends it: the memoryview is
        released then, and BufferError is raised, and nothing done, while another view of it (a slice, an array) is alive."""
    def commit(self, n: int, /) -> None:
        """Says how many bytes of `room` were filled, and releases its memoryview."""
    def put(self, text: bytes, line: int, start: int, end: int, error: str | None = None, made: bool = True) -> None:
        """Instead of bytes: the next record, and its place in the source: physical line, and bytes; end = start: it has none. error: one of
        `statuses()`, why the text isn't read. made: it is not what stands there, so a mark's range is all of it."""
    def tell(self) -> str | None:
        """Name of the reader; None while it isn't told, or where there is nothing to read."""
    def cut(self) -> list[tuple[bytes, int, int, int, str | None, bool]] | None:
        """Instead of `take`, always: the records of the next slice as they stand, as arguments of `put`; or None, as `take`. They are counted,
        and not classified."""
    def finish(self, cut: bool = False) -> None:
        """The stream ends here; cut: before its true end, so a last line without line feed is rejected as input_cut."""
    def take(self) -> tuple[Batch, Batch | None] | None:
        """Classifies what has come and gives the next batch (exchanges, evidence), or None when it needs more bytes (or is at the end)."""
    def summary(self) -> dict[str, Any]:
        """lines_total, lines_blank, lines, records, passed_over, classified {state: n}, rejected {code: n}, flags {name: n}, clocks {form: n}
        (these without zeros) and said {method, url, headers, response: n} (of the classified records: how their times are written, and how
        many have these), bytes, format, container and source_id (None while it isn't told), incomplete (a container has no end), encoding
        (None, or why the input is refused), file_flags [bom, crlf], hints [cr_only]."""
    def votes(self) -> dict[str, Any]:
        """How the format was told, by the records that begin in the first 64 KiB: records (looked at), read (those that are JSON objects or fit a
        pattern), formats {name: {first, has, alternatives}}: how many are read by it, as no reader before it has their signature; how many have its
        signature or pattern; how many have each alternative of it, in order. All 0 until it is told, and where a format was given."""

def classify(
    rules: Rules,
    payload: Buffer | None,
    /,
    *,
    method: str | None = None,
    url: str | None = None,
    headers: bytes | None = None,
    response: bytes | None = None,
    response_headers: bytes | None = None,
    status: int | None = None,
    time: str | None = None,
) -> Answer:
    """One exchange: its row, its evidence, and why the payload is refused, if it is."""

def stream(batches: Sequence[Batch], table: str, metadata: dict[str, str] | None = None) -> object:
    """A capsule `arrow_array_stream` that gives the batches of one table in order, also when there are none. metadata: all of the schema's;
    without it, that of the batches."""

def columns(table: str) -> list[tuple[str, str, str]]:
    """(name, kind, meaning) of `exchanges` or `evidence`. Kinds: utf8, int64, int32, bool,
    timestamp[us, UTC], list<utf8>, dictionary<int32, utf8>."""

def statuses() -> list[tuple[str, str]]: ...
def flags() -> list[tuple[str, str]]: ...
def vocabularies() -> dict[str, tuple[str, ...]]:
    """Columns of `exchanges` whose values the core knows all, each with these."""

def limits() -> list[tuple[str, int, int, str]]: ...
def kernels() -> list[str]:
    """Names of the string kernels that run on this processor, best first."""

def canonical_number(text: str, /) -> str:
    """ValueError when the text is no JSON number."""
