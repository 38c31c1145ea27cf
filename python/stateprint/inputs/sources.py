"""Logs as the core is given them: unpacked, within limits, and after the last good byte the reason why there are no more."""

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Protocol

from ..errors import CompressedInputError, InputError, InputLimitExceeded
from .archives import archive_of, members
from .packings import PACKINGS, other_packing, packing_of
from .places import PIECE, Anywhere, File
from .streams import Ahead, Bytes, Fault, Member

CHUNK = 4 << 20
"""Bytes of one read of a plain file."""
UNPACKED_LIMIT = 1 << 40
MEMBERS = 100_000
"""Most files of one archive: each has an entry in the summary."""
RATIO_FROM, RATIO = 256 << 20, 500
HEAD = 512
"""Bytes by which it is told what an input is."""


class Stored(Protocol):
    """Bytes of a log as they are stored."""

    @property
    def taken(self) -> int:
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

    def __init__(self, name: str, stored: Stored, file: File, allowed: Allowance, within: tuple[str, ...] = ()) -> None:
        """Reads the first bytes of `stored`, which lies in `file`, and tells the packing by them, never by the name. within: packings
        and archive that it lies in."""
        self.name, self.file = name, file
        self.packings = within
        """What it is packed in, from the outermost on."""
        self.rest = False
        """Whether this is what is behind the logs of an archive, of which something was read."""
        self.flags: list[str] = []
        self.total = 0
        """Bytes given, unpacked."""
        self._stored, self._allowed = stored, allowed
        self._why: Fault | InputError | None = None
        """Why there are no more bytes, if it isn't their end."""
        self._content = Ahead(self._as_stored())
        self._tell(within)

    @property
    def taken(self) -> int:
        """Bytes that were read, as they are stored."""
        return self._stored.taken

    @property
    def direct(self) -> bool:
        """Whether the bytes of the file are those of the log: then `fill` reads on after `head`."""
        return self._stored is self.file and not self.packings and self._why is None

    def _as_stored(self) -> Iterator[bytes]:
        """What is stored, to its end. Why it ends early is kept, so that a decoder gives all that it has before it is told."""
        while self._why is None:
            piece = b""
            try:
                piece = self._stored.read(PIECE)
            except (Fault, InputError) as e:
                self._why = e.with_traceback(None)  # its frames would hold who reads
            if not piece:
                break
            yield piece

    def _tell(self, within: tuple[str, ...]) -> None:
        head = self._content.peek(HEAD)
        packing = packing_of(head)
        if packing is not None:
            self.packings += (packing,)
            self._content = Ahead(PACKINGS[packing][1](b"", self._content.read))
            head = self._content.peek(HEAD)
        other = other_packing(head)
        if packing is not None and (packing_of(head) or other):
            what = f"this is packed twice: within the {packing} file there is another packed one"
            self._refuse(Fault("nested_compression", what, 0, cut=False, hint="unpack it once, then try again"))
        elif other is not None:
            hint = f"unpack it and pipe it in: {other[1]} FILE | stateprint scan -"
            self._refuse(Fault("unsupported_packing", f"this is packed with {other[0]}, which is not read yet", 0, cut=False, hint=hint))
        elif within and archive_of(head):
            what = "this is an archive within an archive, which is not read"
            self._refuse(Fault("nested_archive", what, 0, cut=False, hint="take it out, then try again"))

    def _refuse(self, why: Fault) -> None:
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
            raise self.beyond()

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
            raise self.beyond()
        return kept

    def read(self, _: int = 0) -> bytes:
        """The next piece of the content, without regard to the limit; none at the end. Fault or InputError where it is not the end."""
        fault: Fault | None = None
        piece = b""
        try:
            piece = self._content.read()
        except Fault as e:
            fault = e
        why = self._why or fault
        if not piece and why is not None:
            raise why
        return piece

    def pieces(self) -> Iterator[bytes]:
        """The content. InputError at its end if that is not the end of the log; .cut tells that bytes are missing."""
        why: Fault | InputError | None = None
        while why is None:
            piece = b""
            try:
                piece = self.read()
            except (Fault, InputError) as e:
                why = e
            if not piece:
                break
            kept = self._allowed.take(len(piece))
            self.total += kept
            if kept:
                yield piece[:kept]
            if kept < len(piece):
                raise self.beyond()
        if why is not None:
            raise self._told(why)

    def beyond(self) -> InputLimitExceeded:
        """The error beyond the limit."""
        what, hint = f"more than {self._allowed.limit:,} bytes unpacked", "raise max_unpacked_bytes, if you trust the file"
        return InputLimitExceeded(what, code="unpacked_limit", source=self.name, hint=hint, cut=True)

    def _told(self, why: Fault | InputError) -> InputError:
        if isinstance(why, InputError):
            return why
        return CompressedInputError(why.message, code=why.code, hint=why.hint, source=self.name, byte=why.byte, cut=why.cut)

    def finish(self) -> list[str]:
        """At the end: the flags, with whether the file changed meanwhile and whether it was packed beyond measure."""
        given = self._allowed.limit - self._allowed.left
        if given > RATIO_FROM and given > RATIO * self.file.taken:
            self.flags.append("high_ratio")
        if self.file.changed():
            self.flags.append("input_changed")
        return self.flags


class _Unread:
    """What is stored where nothing can be read."""

    taken = 0

    def __init__(self, why: Fault | InputError) -> None:
        self._why = why

    def read(self, _: int) -> bytes:
        raise self._why


def sources_of(file: File, limit: int, only: str = "") -> Iterator[Source]:
    """The logs in a file, in its order: the file itself, or the members of the archive that it is (only: those of this name), and behind
    them one without content where there is something to say of the archive."""
    allowed = Allowance(limit)
    whole = Source(file.name, file, file, allowed)
    archive = archive_of(whole.look(HEAD))
    if archive is None and not only:
        yield whole
        return
    within = (*whole.packings, archive) if archive else whole.packings
    read = Allowance(limit)  # of the archive itself, with all in it that is no log
    why: Fault | InputError | None = None
    found = False
    count = 0
    try:
        for member in members(archive, Bytes(b"", partial(_within, whole, read))) if archive else ():
            if count == MEMBERS:
                why = _too_many(file.name)
                break
            if only in {"", member.name}:
                found = True
                yield Source(f"{file.name}!{member.name}", member, file, allowed, within)
            _pass(member, allowed)
            count += 1
            if allowed.exceeded:
                why = whole.beyond()
                break
    except (Fault, InputError) as e:
        why = e
    if why is None and not found:
        what = "there is no file of this name in the archive" if only else "there is no file in this archive"
        why = InputError(what, code="no_match", source=file.name, hint="check the name")
    if why is not None:
        rest = Source(file.name, _Unread(why), file, allowed, within)
        rest.rest = found
        yield rest


def _too_many(name: str) -> InputLimitExceeded:
    what = f"there are more than {MEMBERS:,} files in this archive: the rest is not read"
    return InputLimitExceeded(what, code="member_limit", source=name, hint="unpack it to a folder")


def _within(whole: Source, allowed: Allowance, n: int) -> bytes:
    """The next piece of an archive. InputLimitExceeded beyond the limit."""
    piece = whole.read(n)
    if allowed.take(len(piece)) < len(piece):
        raise whole.beyond()
    return piece


def _pass(member: Member, allowed: Allowance) -> None:
    """Goes on to the end of a member, within the limit. Why it can't be read, its own log has told, if anybody wanted it."""
    with contextlib.suppress(Fault, InputError):
        while (piece := member.read()) and not allowed.exceeded:
            allowed.take(len(piece))
