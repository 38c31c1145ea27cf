"""The C core, as Python sees it. Everything here is immutable once made, unless it says otherwise, and safe to share between threads."""

from collections.abc import Buffer  # type: ignore[attr-defined]
from typing import Any, final

__version__: str

class CoreError(Exception):
    """A pack, lens or limit is refused. args: (code, file, line, column, message, hint)."""

@final
class Rules:
    """Frozen rule set: packs, lens, limits and key."""

    def __init__(
        self,
        packs: list[tuple[str, bytes]],
        /,
        *,
        lens: tuple[list[str], list[str]],
        limits: dict[str, int] = ...,
        key: bytes | None = None,
        tag_key: bytes | None = None,
        tags: bool = False,
        with_text: bool = False,
        context: bytes | None = None,
        versions: str = "",
    ) -> None:
        """packs: (name, JSON) from the lowest to the highest. lens: what counts, and what does not: effects, facts, or `write.store*`.
        key: 16 bytes for the keyed form. tag_key: 16 bytes for tags of values that are not shown. context: JSON of the context file."""
    def describe(self) -> bytes:
        """JSON: packs, versions, digest, and every entry with its kind, id, source, file, line. For `rules list` and `rules show`."""
    def limits(self) -> dict[str, int]: ...

@final
class Batch:
    """Rows of one slice of a log."""

    @property
    def rows(self) -> int: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...
    def __arrow_c_schema__(self) -> object: ...
    def to_pylist(self, limit: int | None = None) -> list[dict[str, Any]]: ...
    def to_ndjson(self) -> bytes: ...
    def to_csv(self, header: bool, safe: bool = True) -> bytes: ...
    def counts(self, *columns: str) -> dict[tuple[Any, ...], int]: ...

@final
class Scan:
    """Reads one input. Mutable: one thread drives it; its workers are its own. The GIL is released while they work."""

    def __init__(
        self,
        rules: Rules,
        /,
        *,
        source: str,
        format: str | None = None,
        threads: int = 1,
        evidence: bool = False,
        source_id: str | None = None,
    ) -> None: ...
    def feed(self, data: Buffer, /) -> None:
        """Adds bytes of the unpacked stream. They are copied."""
    def room(self, n: int, /) -> memoryview:
        """At least n writable bytes at the end of the input, to read into; ends with `commit`."""
    def commit(self, n: int, /) -> None:
        """Says how many bytes of `room` were filled."""
    def finish(self, cut: bool = False) -> None:
        """The stream ends here; cut: before its true end, so a last line without line feed is rejected as input_cut."""
    def take(self) -> tuple[Batch, Batch | None] | None:
        """Classifies what has come and gives the next batch (exchanges, evidence), or None when it needs more bytes (or is at the end)."""
    def summary(self) -> dict[str, Any]:
        """lines_total, lines_blank, lines, classified {state: n}, rejected {code: n}, flags {name: n}, bytes, format, file_flags, first_bad."""

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
) -> tuple[Batch, Batch, dict[str, Any] | None]:
    """One exchange: its row, its evidence, and the error (reason, offset, line, column, expected, path) if the payload is refused."""

def formats() -> list[dict[str, Any]]:
    """The readers: name, what they are, and where the fields stand."""

def columns(table: str) -> list[tuple[str, str, str]]:
    """(name, kind, meaning) of `exchanges` or `evidence`."""

def statuses() -> list[tuple[str, str]]: ...
def flags() -> list[tuple[str, str]]: ...
def limits() -> list[tuple[str, int, int, str]]: ...
def canonical_number(text: str, /) -> str: ...
