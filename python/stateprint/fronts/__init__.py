"""What stands in front of the core where its byte stream can't carry a log as it is: makes JSON records, each with its place in the source.
A front is told by the first 64 KiB of the unpacked stream, never by the name."""

from collections.abc import Iterator
from typing import Protocol

from .. import _core
from ..engine import Engine
from ..sources import Source

HEAD = 65536
"""Bytes of the unpacked stream by which a front is told."""


class Front(Protocol):
    """One input. One thread drives it."""

    container: str
    """What the summary calls it."""

    def records(self, core: _core.Scan) -> Iterator[None]:
        """Gives the records to the core (`put`), and yields when rows may be taken. InputError where they end early, after all that could
        be read were given."""


def front_of(head: bytes, source: Source, engine: Engine) -> Front | None:
    """The front that the stream asks for; None where the core reads its bytes. ConfigError, where a library is missing."""
    from . import cassette, query

    if cassette.is_yaml(head):
        return cassette.Cassette(source, engine.limits)
    if query.is_query(head):
        return query.Query(source, engine)
    return None
