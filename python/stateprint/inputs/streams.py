"""Bytes that come one after another: what the readers of packings and archives share."""

from collections.abc import Callable, Iterator

READ = 1 << 18
CHUNK = 1 << 19
"""Most bytes of one unpacked chunk, about. Twice as many were no quicker, rather slower: docs/performance.md."""
WINDOW = 1 << 27
"""Most bytes that a decoder keeps of what it has unpacked."""


class Fault(Exception):
    """Why a packed stream ends early. Caught by the reader of the input, never seen outside. `cut`: bytes of the data are missing, so the
    last line may be a part of one; `byte`: place in the packed stream."""

    def __init__(self, code: str, message: str, byte: int, *, cut: bool, hint: str = "") -> None:
        super().__init__(code)
        self.code, self.message, self.byte, self.cut, self.hint = code, message, byte, cut, hint


class Ahead:
    """Bytes that come in pieces, with a look ahead: what was looked at is given again, and a Fault is raised after all that came before it."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._ready = b""
        self._fault: Fault | None = None

    def peek(self, n: int) -> bytes:
        """The next bytes: n or more, fewer where no more come."""
        while len(self._ready) < n and self._fault is None:
            try:
                piece = next(self._pieces, b"")
            except Fault as e:
                self._fault, piece = e.with_traceback(None), b""
            if not piece:
                break
            self._ready += piece
        return self._ready

    def read(self, _: int = 0) -> bytes:
        """The next piece, of any length; none at the end."""
        ready, self._ready = self._ready, b""
        if ready:
            return ready
        if self._fault is not None:
            raise self._fault
        return next(self._pieces, b"")


class Bytes:
    """A window over the packed bytes: what was read and not used yet."""

    def __init__(self, head: bytes, read: Callable[[int], bytes], before: int = 0) -> None:
        self._read = read
        self.data = head
        self.at = 0
        self.before = before  # bytes of the stream that are gone from `data`

    @property
    def place(self) -> int:
        return self.before + self.at

    def want(self, n: int) -> bool:
        """Whether n bytes are there; reads until they are, or until the end."""
        while len(self.data) - self.at < n:
            more = self._read(max(READ, n - (len(self.data) - self.at)))
            if not more:
                return False
            self.before += self.at
            self.data = self.data[self.at :] + more
            self.at = 0
        return True

    def take(self, n: int) -> bytes | None:
        """The next n bytes, or None when fewer are left."""
        if not self.want(n):
            return None
        self.at += n
        return self.data[self.at - n : self.at]

    def rest(self) -> bytes:
        """All that is there, and it is used up; empty at the end."""
        self.want(1)
        data = self.data[self.at :]
        self.at = len(self.data)
        return data

    def back(self, unused: int) -> None:
        """The last bytes of `rest` were not used."""
        self.at -= unused

    def skip_zeros(self) -> None:
        """Goes on to the next byte that isn't zero, or to the end."""
        while self.want(1) and not self.data[self.at]:
            rest = self.data[self.at :]
            self.at += len(rest) - len(rest.lstrip(b"\0"))

    def skip(self, n: int) -> bool:
        """Goes n bytes on without keeping them."""
        while n:
            if not self.want(1):
                return False
            step = min(n, len(self.data) - self.at)
            self.at += step
            n -= step
        return True


def gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of about CHUNK, and a Fault after all that came before it."""
    ready: list[bytes] = []
    size = 0
    fault: Fault | None = None
    try:
        for piece in pieces:
            ready.append(piece)
            size += len(piece)
            if size >= CHUNK:
                yield b"".join(ready)
                ready, size = [], 0
    except Fault as e:
        fault = e
    if size:
        yield b"".join(ready)
    if fault is not None:
        raise fault


class Part:
    """The bytes of an archive that are stored for one of its members."""

    def __init__(self, src: Bytes, size: int, archive: str) -> None:
        self._src, self.left, self._archive = src, size, archive
        self.failed = False
        """That they end early was told."""

    def read(self, _: int = 0) -> bytes:
        """The next piece; none at the end. Fault where the archive ends before it."""
        if not self.left:
            return b""
        self.failed = True
        if not self._src.want(1):
            raise Fault(f"{self._archive}_truncated", "the archive stops within this member", self._src.place, cut=True)
        self.failed = False
        piece = self._src.take(min(self.left, len(self._src.data) - self._src.at)) or b""
        self.left -= len(piece)
        return piece

    def skip(self) -> bool:
        """Goes on to the end; False where that they end early was told before."""
        while self.left and not self.failed:
            self.read()
        return not self.failed


class Member:
    """A log in an archive, as it comes out of it."""

    def __init__(self, name: str, src: Bytes, pieces: Iterator[bytes]) -> None:
        self.name = name
        self._src, self._start, self._pieces = src, src.place, pieces

    @property
    def taken(self) -> int:
        """Bytes of the archive that were read for it."""
        return self._src.place - self._start

    def read(self, _: int = 0) -> bytes:
        """The next piece; none at the end. Fault where it can't be read on."""
        return next(self._pieces, b"")


def name_of(raw: bytes) -> str:
    """The name of a member, fit for a table: what is no UTF-8, and NUL, as escapes. It names the log, and no file is ever opened by it."""
    return raw.decode("utf-8", "backslashreplace").replace("\0", "\\0")


def refused(fault: Fault) -> Iterator[bytes]:
    """The pieces of a member that can't be read."""
    yield from ()
    raise fault
