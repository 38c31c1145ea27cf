"""Inputs: files, directories, globs and standard input, unpacked as streams. Nothing that is found in data is ever opened."""

import glob
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from .errors import CompressedInputError, InputError, InputLimitExceeded, input_error_of
from .unpack import GZIP, Fault, gunzip, is_zstd, unzstd

CHUNK = 4 << 20
"""Bytes of one read of a plain file."""
UNPACKED_LIMIT = 1 << 40
RATIO_FROM, RATIO = 256 << 20, 500
OTHER_PACKINGS = {b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"PK\x03\x04": "zip"}


def expand(inputs: Iterable[str | os.PathLike[str]]) -> Iterator[str]:
    """The files that the names stand for, in order: a directory gives its regular files by name (links are not followed), a pattern its
    matches, `-` standard input."""
    for item in inputs:
        name = os.fspath(item)
        if name == "-":
            yield name
        elif os.path.isdir(name):
            for folder, folders, files in os.walk(name):
                folders.sort()
                for file in sorted(files):
                    path = os.path.join(folder, file)
                    if stat.S_ISREG(os.lstat(path).st_mode):
                        yield path
        elif glob.has_magic(name) and not os.path.lexists(name):
            yield from (path for path in sorted(glob.glob(name, recursive=True)) if os.path.isfile(path))
        else:
            yield name


@dataclass
class Source:
    """One input, open. `flags` fill while it is read."""

    name: str
    file: BinaryIO
    size: int | None
    """Bytes as stored; None where it can't be told."""
    read: int = 0
    packing: str | None = None
    flags: list[str] = field(default_factory=list)
    _head: bytes = b""
    _before: os.stat_result | None = None

    @classmethod
    def open(cls, name: str) -> "Source":
        """Opens a regular file, or standard input for `-`. InputError for anything else."""
        if name == "-":
            return cls(name, sys.stdin.buffer, None)
        try:
            fd = os.open(name, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))
        except OSError as e:
            raise input_error_of(e, name) from None
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            os.close(fd)
            raise InputError("not a regular file", source=name, hint="pipe it in with `-`")
        return cls(name, os.fdopen(fd, "rb", buffering=0), info.st_size, _before=info)

    def start(self) -> None:
        """Reads the first bytes and tells the packing by them, never by the name."""
        while len(self._head) < 6 and (more := self._some(1 << 16)):
            self._head += more
        if self._head.startswith(GZIP):
            self.packing = "gzip"
        elif is_zstd(self._head):
            self.packing = "zstd"
        for magic, tool in OTHER_PACKINGS.items():
            if self._head.startswith(magic):
                raise InputError(f"packed with {tool}", code="unsupported_packing", source=self.name, hint=f"unpack it with {tool} and pipe it in")

    def _some(self, n: int) -> bytes:
        try:
            data: bytes = self.file.read(n) or b""
        except OSError as e:
            raise input_error_of(e, self.name) from None
        self.read += len(data)
        return data

    def head(self) -> bytes:
        """What `start` read."""
        return self._head

    def fill(self, view: memoryview) -> int:
        """Reads plain bytes into the view; 0 at the end."""
        try:
            n = self.file.readinto(view) if hasattr(self.file, "readinto") else None  # type: ignore[attr-defined]
        except OSError as e:
            raise input_error_of(e, self.name) from None
        n = n or 0
        self.read += n
        return n

    def unpacked(self) -> Iterator[bytes]:
        """The unpacked stream of a packed input. CompressedInputError at its end if it is damaged; .cut tells that bytes are missing."""
        unpack = gunzip if self.packing == "gzip" else unzstd
        total = 0
        try:
            for piece in unpack(self._head, self._some):
                if total == 0 and (piece.startswith(GZIP) or is_zstd(piece)):
                    raise Fault("nested_compression", "packed twice", 0, cut=False, hint="unpack it once and try again")
                total += len(piece)
                if total > UNPACKED_LIMIT:
                    raise InputLimitExceeded("unpacks to more than 1 TiB", code="unpacked_limit", source=self.name)
                if total > RATIO_FROM and total > RATIO * max(self.read, 1) and "high_ratio" not in self.flags:
                    self.flags.append("high_ratio")
                yield piece
        except Fault as fault:
            error = CompressedInputError(fault.message, code=fault.code, hint=fault.hint, source=self.name, byte=fault.byte)
            error.cut = fault.cut  # type: ignore[attr-defined]
            raise error from None

    def close(self) -> None:
        """Closes the file and notes whether it changed meanwhile."""
        if self.name == "-":
            return
        if self._before is not None:
            now = os.fstat(self.file.fileno())
            if (now.st_size, now.st_mtime_ns) != (self._before.st_size, self._before.st_mtime_ns):
                self.flags.append("input_changed")
        self.file.close()
