"""Inputs: files, directories, globs and standard input, unpacked as streams. Nothing that is found in data is ever opened."""

import contextlib
import errno
import glob
import os
import select
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from .errors import CompressedInputError, InputError, InputLimitExceeded, input_error_of
from .unpack import GZIP, Fault, gunzip, is_zstd, unzstd

CHUNK = 4 << 20
"""Bytes of one read of a plain file."""
PIECE = 256 << 10
"""Most bytes of one read of a packed one, so that progress moves."""
UNPACKED_LIMIT = 1 << 40
RATIO_FROM, RATIO = 256 << 20, 500
HEAD = 10
"""Bytes by which a packing is told."""
OTHER_PACKINGS = (
    (b"BZh", "bzip2", "bunzip2 -c"),
    (b"\xfd7zXZ\0", "xz", "xz -dc"),
    (b"\x1f\x9d", "compress", "uncompress -c"),
    (b"\x04\x22\x4d\x18", "lz4", "lz4 -dc"),
    (b"PK\x03\x04", "zip", "unzip -p"),
)
KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)


def expand(inputs: Iterable[str | os.PathLike[str]]) -> Iterator[str]:
    """The files that the names stand for, in order: a directory gives its regular files by name (links are not followed), a pattern its
    matches, `-` standard input. InputError where there is none."""
    for item in inputs:
        name = os.fsdecode(item)
        if name == "-" or not (os.path.isdir(name) or (glob.has_magic(name) and not os.path.lexists(name))):
            yield name
            continue
        found = _walk(name) if os.path.isdir(name) else _matches(name)
        if not found:
            what = "there is no regular file in this folder" if os.path.isdir(name) else "no file matches this pattern"
            raise InputError(what, code="no_match", source=name, hint="check the name")
        yield from found


def _walk(name: str) -> list[str]:
    found = []
    for folder, folders, files in os.walk(name, onerror=_raise):
        folders.sort()
        paths = (os.path.join(folder, file) for file in sorted(files))
        found += [path for path in paths if stat.S_ISREG(os.lstat(path).st_mode)]
    return found


def _raise(error: OSError) -> None:
    raise input_error_of(error, os.fsdecode(error.filename or ""))


def _matches(pattern: str) -> list[str]:
    """Files, and files of folders, that match; `**` follows no link."""
    fixed = pattern.split("*")[0]
    found: dict[str, None] = {}
    for path in sorted(glob.glob(pattern, recursive=True)):
        if "**" in pattern and _linked(path, fixed):
            continue
        if os.path.isdir(path):
            found |= dict.fromkeys(_walk(path)) if "**" not in pattern else {}
        else:
            found[path] = None
    return list(found)


def _linked(path: str, fixed: str) -> bool:
    here = os.path.dirname(path)
    while len(here) > len(fixed):
        if os.path.islink(here):
            return True
        here = os.path.dirname(here)
    return False


def other_packing(head: bytes) -> tuple[str, str] | None:
    """Name and tool of a packing that is recognised and not read."""
    for magic, name, tool in OTHER_PACKINGS:
        if head.startswith(magic) and (name != "bzip2" or head[4:10] in {b"1AY&SY", b"\x17rE8P\x90"}):
            return name, tool
    return None


@dataclass
class Source:
    """One input, open. `flags` fill while it is read."""

    name: str
    file: BinaryIO
    size: int | None
    """Bytes as stored; None where it can't be told."""
    limit: int = UNPACKED_LIMIT
    """Most bytes, unpacked."""
    read: int = 0
    total: int = 0
    """Bytes given, unpacked."""
    packing: str | None = None
    flags: list[str] = field(default_factory=list)
    _head: bytes = b""
    _first: list[bytes] = field(default_factory=list)
    _later: Iterator[bytes] = field(default_factory=lambda: iter(()))
    _error: InputError | None = None
    _before: os.stat_result | None = None

    @classmethod
    def open(cls, name: str, limit: int = UNPACKED_LIMIT) -> "Source":
        """Opens a regular file, or standard input for `-`. InputError for anything else."""
        if name == "-":
            return cls(name, sys.stdin.buffer, None, limit)
        failed: OSError | None = None
        fd = -1
        try:
            fd = os.open(name, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
        except OSError as e:
            failed = e
        except ValueError:  # a NUL in the name
            failed = FileNotFoundError(errno.ENOENT, "")
        info = os.fstat(fd) if failed is None else None
        if info is None:
            with contextlib.suppress(OSError, ValueError):  # a socket can't be opened, and the system's word for it says little
                info = os.stat(name)
            if failed is not None and (info is None or not stat.S_ISSOCK(info.st_mode)):
                raise input_error_of(failed, name)
        assert info is not None
        if not stat.S_ISREG(info.st_mode):
            if fd >= 0:
                os.close(fd)
            what = next((word for test, word in KINDS if test(info.st_mode)), "something else")
            raise InputError(f"this is {what}, not a regular file", code="not_a_file", source=name, hint="pipe it in with -")
        return cls(name, os.fdopen(fd, "rb", buffering=0), info.st_size, limit, _before=info)

    def start(self) -> None:
        """Reads the first bytes and tells the packing by them, never by the name."""
        while len(self._head) < HEAD and (more := self._some(1 << 16)):
            self._head += more
        if self._head.startswith(GZIP):
            self.packing = "gzip"
        elif is_zstd(self._head):
            self.packing = "zstd"
        elif (other := other_packing(self._head)) is not None:
            name, tool = other
            raise InputError(
                f"this is packed with {name}, which is not read yet",
                code="unsupported_packing",
                source=self.name,
                hint=f"unpack it and pipe it in: {tool} FILE | stateprint scan -",
            )

    def _some(self, n: int) -> bytes:
        read = getattr(self.file, "read1", self.file.read)  # of a pipe: what is there, not all that was asked for
        data: bytes | None = self._try(read, min(n, PIECE))
        self.read += len(data or b"")
        return data or b""

    def _try(self, call: Callable[[Any], Any], argument: object) -> Any:
        failed: OSError | None = None
        try:
            while (got := call(argument)) is None:  # standard input that doesn't block
                select.select([self.file], [], [])
        except OSError as e:
            failed = e
        if failed is not None:
            error = input_error_of(failed, self.name)
            error.cut, error.byte = True, self.read
            raise error
        return got

    def look(self, n: int) -> bytes:
        """After `start`: the first n bytes, unpacked, or all that there are. They are given again, and then the error that came with them."""
        try:
            if self.packing is None:
                while len(self._head) < n and (more := self._some(1 << 16)):
                    self._head += more
            else:
                self._later = self._unpack()
                while sum(map(len, self._first)) < n and (piece := next(self._later, b"")):
                    self._first.append(piece)
        except InputError as e:
            self._error = e
        return self._head[: min(n, self.limit)] if self.packing is None else b"".join(self._first)[:n]

    def pieces(self) -> Iterator[bytes]:
        """The whole stream, unpacked. InputError at its end if it is damaged, or over the limit."""
        if self.packing is not None:
            yield from self.unpacked()
            return
        yield self.head()
        room = bytearray(PIECE)
        with memoryview(room) as view:
            while n := self.fill(view):
                yield bytes(view[:n])

    def head(self) -> bytes:
        """What `start` and `look` read of a plain input."""
        self.total = len(self._head)
        if self.total > self.limit:
            self.total = self.limit
        return self._head[: self.total]

    def fill(self, view: memoryview) -> int:
        """Reads plain bytes into the view; 0 at the end. InputLimitExceeded beyond the limit."""
        if self._error is not None:
            raise self._error
        left = self.limit - self.total
        if left == 0 and self.read > self.total:
            raise self._beyond()
        call = getattr(self.file, "readinto1", None) or self.file.readinto  # type: ignore[attr-defined]
        with view[: left + 1] as room:
            n: int = self._try(call, room)
        self.read += n
        kept = min(n, left)
        self.total += kept
        return kept or self._end(n)

    def _end(self, n: int) -> int:
        if n:
            raise self._beyond()
        return 0

    def _beyond(self) -> InputLimitExceeded:
        hint = "raise max_unpacked_bytes, if you trust the file"
        error = InputLimitExceeded(f"more than {self.limit:,} bytes unpacked", code="unpacked_limit", source=self.name, hint=hint)
        error.cut = True
        return error

    def unpacked(self) -> Iterator[bytes]:
        """The unpacked stream of a packed input. CompressedInputError at its end if it is damaged; .cut tells that bytes are missing."""
        yield from self._first
        if self._error is not None:
            raise self._error
        yield from self._later

    def _unpack(self) -> Iterator[bytes]:
        pieces = (gunzip if self.packing == "gzip" else unzstd)(self._head, self._some)
        head: bytes | None = b""
        fault: Fault | None = None
        while fault is None:
            piece = b""
            try:
                piece = next(pieces, b"")
            except Fault as e:
                fault = e
            if head is not None:  # the first bytes tell whether it is packed again
                head += piece
                if piece and len(head) < HEAD:
                    continue
                if head.startswith(GZIP) or is_zstd(head) or other_packing(head):
                    what = f"this is packed twice: within the {self.packing} file there is another packed one"
                    fault = Fault("nested_compression", what, 0, cut=False, hint="unpack it once, then try again")
                    break
                piece, head = head, None
            left = self.limit - self.total
            if piece:
                self.total += min(len(piece), left)
                yield piece[:left]
            if len(piece) > left:
                raise self._beyond()
            if not piece:
                break
        if fault is not None:
            error = CompressedInputError(fault.message, code=fault.code, hint=fault.hint, source=self.name, byte=fault.byte)
            error.cut = fault.cut
            raise error

    def finish(self) -> list[str]:
        """At the end: the flags, with whether the file changed meanwhile and whether it was packed beyond measure."""
        if self.packing and self.total > RATIO_FROM and self.total > RATIO * self.read:
            self.flags.append("high_ratio")
        if self._before is not None and not self.file.closed:
            now, was = os.fstat(self.file.fileno()), self._before
            if (now.st_size, now.st_mtime_ns) != (was.st_size, was.st_mtime_ns):
                self.flags.append("input_changed")
        return self.flags

    def close(self) -> None:
        """Closes the file; standard input stays open."""
        if self.name != "-":
            self.file.close()
