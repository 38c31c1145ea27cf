"""Logs as the core is given them: unpacked, within limits, and after the last good byte the reason why there are no more."""

from collections.abc import Iterator
from typing import Protocol

from .errors import CompressedInputError, InputError, InputLimitExceeded
from .packings import PACKINGS, other_packing, packing_of
from .places import PIECE, Anywhere, File
from .streams import Ahead, Fault

CHUNK = 4 << 20
"""Bytes of one read of a plain file."""
UNPACKED_LIMIT = 1 << 40
RATIO_FROM, RATIO = 256 << 20, 500
HEAD = 512
"""Bytes by which it is told what an input is."""


class Stored(Protocol):
    """Bytes of a log as they are stored."""

    name: str
    taken: int
    """Bytes that were read."""

    def read(self, n: int, /) -> bytes:
        """1 to n more bytes, or none at the end. Fault or InputError where they can't be read."""


class Allowance:
    """Bytes that an input may still give, unpacked."""

    def __init__(self, limit: int = UNPACKED_LIMIT) -> None:
        self.limit = self.left = limit
        self.exceeded = False

    def take(self, n: int) -> int:
        """How many of n bytes may be given."""
        kept = min(n, self.left)
        self.left -= kept
        self.exceeded |= kept < n
        return kept


class Source:
    """One log. `flags` fill while it is read."""

    def __init__(self, stored: Stored, file: File, allowed: Allowance) -> None:
        """Reads the first bytes of `stored`, which lies in `file`, and tells the packing by them, never by the name."""
        self.name, self.file = stored.name, file
        self.packing: str | None = None
        self.flags: list[str] = []
        self.total = 0
        """Bytes given, unpacked."""
        self._stored, self._allowed = stored, allowed
        self._why: Fault | InputError | None = None
        """Why there are no more bytes, if it isn't their end."""
        self._content = Ahead(self._as_stored())
        self._tell()

    @property
    def taken(self) -> int:
        """Bytes that were read, as they are stored."""
        return self._stored.taken

    @property
    def direct(self) -> bool:
        """Whether the bytes of the file are those of the log: then `fill` reads on after `head`."""
        return self._stored is self.file and self.packing is None and self._why is None

    def _as_stored(self) -> Iterator[bytes]:
        """What is stored, to its end. Why it ends early is kept, so that a decoder gives all that it has before it is told."""
        while self._why is None:
            piece = b""
            try:
                piece = self._stored.read(PIECE)
            except (Fault, InputError) as e:
                self._why = e
            if not piece:
                break
            yield piece

    def _tell(self) -> None:
        head = self._content.peek(HEAD)
        self.packing = packing_of(head)
        if self.packing is not None:
            self._content = Ahead(PACKINGS[self.packing][1](b"", self._content.read))
            head = self._content.peek(HEAD)
            if packing_of(head) or other_packing(head):
                what = f"this is packed twice: within the {self.packing} file there is another packed one"
                self._refuse(Fault("nested_compression", what, 0, cut=False, hint="unpack it once, then try again"))
        elif (other := other_packing(head)) is not None:
            self._refuse(
                InputError(
                    f"this is packed with {other[0]}, which is not read yet",
                    code="unsupported_packing",
                    source=self.name,
                    hint=f"unpack it and pipe it in: {other[1]} FILE | stateprint scan -",
                )
            )

    def _refuse(self, why: Fault | InputError) -> None:
        self._why, self._content = why, Ahead(iter(()))

    def anywhere(self) -> Anywhere:
        """The log, to be read at any place. InputError where it can only be read from its start on."""
        found = self.file.anywhere() if self.direct else None
        if found is None:
            what, hint = "a table is read at any place, which a pipe or a packed file can't be", "unpack it to a file of its own"
            raise InputError(what, code="table_in_stream", source=self.name, hint=hint)
        return found

    def count(self, n: int) -> None:
        """Counts bytes that were made of a log which is not read as bytes. InputLimitExceeded beyond the limit."""
        kept = self._allowed.take(n)
        self.total += kept
        if kept < n:
            raise self._beyond()

    def look(self, n: int) -> bytes:
        """The first n bytes of the content, or all that there are. They are given again."""
        return self._content.peek(n)[: min(n, self._allowed.left)]

    def head(self) -> bytes:
        """The bytes of a direct one that were looked at."""
        head = self._content.read()
        self.total = self._allowed.take(len(head))
        return head[: self.total]

    def fill(self, view: memoryview) -> int:
        """Reads plain bytes into the view; 0 at the end. InputLimitExceeded beyond the limit."""
        kept = n = 0
        if not self._allowed.exceeded:
            with view[: self._allowed.left + 1] as room:
                n = self.file.fill(room)
            kept = self._allowed.take(n)
            self.total += kept
        if self._allowed.exceeded and not kept:
            raise self._beyond()
        return kept

    def pieces(self) -> Iterator[bytes]:
        """The content. InputError at its end if that is not the end of the log; .cut tells that bytes are missing."""
        fault: Fault | None = None
        while fault is None:
            piece = b""
            try:
                piece = self._content.read()
            except Fault as e:
                fault = e
            if not piece:
                break
            kept = self._allowed.take(len(piece))
            self.total += kept
            if kept:
                yield piece[:kept]
            if kept < len(piece):
                raise self._beyond()
        why = self._why or fault
        if why is not None:
            raise self._told(why)

    def _beyond(self) -> InputLimitExceeded:
        what, hint = f"more than {self._allowed.limit:,} bytes unpacked", "raise max_unpacked_bytes, if you trust the file"
        error = InputLimitExceeded(what, code="unpacked_limit", source=self.name, hint=hint)
        error.cut = True
        return error

    def _told(self, why: Fault | InputError) -> InputError:
        if isinstance(why, InputError):
            return why
        error = CompressedInputError(why.message, code=why.code, hint=why.hint, source=self.name, byte=why.byte)
        error.cut = why.cut
        return error

    def finish(self) -> list[str]:
        """At the end: the flags, with whether the file changed meanwhile and whether it was packed beyond measure."""
        if self.total > RATIO_FROM and self.total > RATIO * self.taken:
            self.flags.append("high_ratio")
        if self.file.changed():
            self.flags.append("input_changed")
        return self.flags


def sources_of(file: File, limit: int) -> Iterator[Source]:
    """The logs in a file, in its order."""
    yield Source(file, file, Allowance(limit))
