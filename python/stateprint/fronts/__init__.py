"""What stands in front of the core where its byte stream can't carry a log as it is: makes JSON records, each with its place in the source.
A front is told by the first 64 KiB of the unpacked stream, never by the name. Beside the fronts stands what lies between records of one log:
pieces that are one call (`between`, `join`), and bodies that were stored apart (`mirror`)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from .. import _core
from ..engine import Engine
from ..inputs.sources import Source
from .between import Between

if TYPE_CHECKING:
    from .mirror import Mirror

HEAD = 65536
"""Bytes of the unpacked stream by which a front is told."""


class Front(Protocol):
    """One input. One thread drives it."""

    container: str
    """What the summary calls it."""

    def records(self, core: _core.Scan) -> Iterator[None]:
        """Gives the records to the core (`put`), and yields when rows may be taken. InputError where they end early, after all that could
        be read were given."""


SPANS = "/resourceSpans/*/scopeSpans/*/spans"
"""A container whose records are never pieces of a call."""


def between_of(reader: str, container: str, mirror: "Mirror | None") -> Between | None:
    """What stands between the records of a reader and their rows; None where nothing does."""
    from . import join
    from .mirror import Bodies

    if reader in join.KINDS and container != SPANS:
        return join.Join(join.KINDS[reader])
    return Bodies(mirror) if reader == "bedrock" and mirror is not None else None


def front_of(head: bytes, source: Source, engine: Engine, *, text: bool) -> Front | None:
    """The front that the stream asks for; None where the core reads its bytes. text: what its records are is known, if it is text.
    ConfigError, where a library is missing."""
    from . import cassette, query, tables

    table = tables.tables_of(head, source, engine)
    if table is not None or text:
        return table
    if cassette.is_yaml(head):
        return cassette.Cassette(source, engine.limits)
    if query.is_query(head):
        return query.Query(source, engine)
    return None
