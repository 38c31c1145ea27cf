"""Where inputs lie: files, folders, patterns and standard input. Nothing that is found in data is ever opened."""

import contextlib
import dataclasses
import errno
import glob
import io
import os
import select
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, BinaryIO, Protocol, TypeGuard, runtime_checkable

from ..errors import ConfigError, InputError, input_error_of

PIECE = 256 << 10
"""Most bytes of one read of what is packed, so that progress moves."""
KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)


class File:
    """An open file, read from its start to its end. Every error of the system becomes an InputError that says `cut`."""

    errors: tuple[type[Exception], ...] = (OSError,)

    def __init__(self, name: str, file: BinaryIO, size: int | None, before: os.stat_result | None = None) -> None:
        self.name, self.size = name, size
        """Bytes as stored; None where it can't be told."""
        self.taken = 0
        """Bytes that were read."""
        self.stays = False
        """Whether it is the caller's, and stays open."""
        self._file, self._before = file, before

    @property
    def node(self) -> tuple[int, int] | None:
        """What the system knows the file by, whatever its names; None where it has no such."""
        return None if self._before is None else (self._before.st_dev, self._before.st_ino)

    def read(self, n: int) -> bytes:
        """1 to n more bytes, or none at the end."""
        call = getattr(self._file, "read1", self._file.read)  # of a pipe: what is there, not all that was asked for
        data: bytes = self._try(call, min(n, PIECE))
        self.taken += len(data)
        return data

    def fill(self, view: memoryview) -> int:
        """Reads into the view; 0 at the end."""
        call = getattr(self._file, "readinto1", None) or self._file.readinto  # type: ignore[attr-defined]
        n: int = self._try(call, view)
        self.taken += n
        return n

    def anywhere(self) -> "Anywhere | None":
        """The same file, to be read at any place, from its start on; None where that can't be."""
        return Anywhere(self, self._file) if self._file.seekable() else None

    def _try(self, call: Callable[[Any], Any], argument: object) -> Any:
        failed: InputError | None = None
        try:
            while (got := call(argument)) is None:  # standard input that doesn't block
                select.select([self._file], [], [])
        except self.errors as e:
            failed = self._error(e)
        if failed is not None:
            failed.cut, failed.byte = True, self.taken
            raise failed
        return got

    def _error(self, error: Any) -> InputError:
        return input_error_of(error, self.name)

    def changed(self) -> bool:
        """Whether the file changed since it was opened."""
        if self._before is None or self._file.closed:
            return False
        now, was = os.fstat(self._file.fileno()), self._before
        return (now.st_size, now.st_mtime_ns) != (was.st_size, was.st_mtime_ns)

    def close(self) -> None:
        """Closes the file; standard input stays open."""
        if not self.stays:
            self._file.close()


class Anywhere(io.RawIOBase):
    """A file that is read at any place. What was read is counted, and the file stays open."""

    def __init__(self, file: File, inner: BinaryIO) -> None:
        self._counted, self._inner = file, inner
        self.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._try(partial(self._inner.seek, offset), whence)

    def read(self, size: int | None = -1, /) -> bytes | None:
        """No more than there is: a damaged file can ask for any number of bytes, and room for them is made first."""
        most = self._counted.size
        return super().read(-1 if size is None else size if most is None else min(size, most))

    def readinto(self, room: Any, /) -> int:
        n: int = self._try(self._inner.readinto, room)  # type: ignore[attr-defined]
        self._counted.taken += n
        return n

    def _try(self, call: Callable[[Any], int], argument: object) -> int:
        failed: InputError | None = None
        try:
            return call(argument)
        except self._counted.errors as e:
            failed = self._counted._error(e)
        raise failed


@runtime_checkable
class ArrowStream(Protocol):
    """A table of any library, by the Arrow PyCapsule protocol."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A capsule `arrow_array_stream`."""


class InMemory(File):
    """A table in memory. It has no bytes."""

    def __init__(self, table: ArrowStream) -> None:
        super().__init__(f"<{type(table).__name__}>", io.BytesIO(), None)
        self.table = table


Input = str | os.PathLike[str] | ArrowStream


def inputs_of(given: Input | Iterable[Input]) -> tuple[Input, ...]:
    """One input, or several. ConfigError for what is none; of it nothing is read or told."""
    alone = _is_input(given) or _content(given) or not isinstance(given, Iterable)
    found: tuple[object, ...] = (given,) if alone else tuple(given)  # type: ignore[arg-type]
    for one in found:
        if not _is_input(one):
            what, hint = _content(one) or (f"{type(one).__name__} is no input", "give a name, a path or a table, or several")
            raise ConfigError(what, code="option", hint=hint)
    return found  # type: ignore[return-value]


def _is_input(given: object) -> TypeGuard[Input]:
    return isinstance(given, (str, os.PathLike, ArrowStream))


def _content(given: object) -> tuple[str, str] | None:
    """What to say of what holds a log, or a payload, in place of its name."""
    if hasattr(given, "read"):
        return "an open file is no input", "give its name, or - for standard input"
    if isinstance(given, (bytes, bytearray, memoryview, Mapping)):
        return f"{type(given).__name__} is no input", "give the name of a file; classify() takes a payload"
    if hasattr(given, "__dataframe__"):
        return f"this {type(given).__name__} is no input", "a table needs the Arrow PyCapsule protocol, which pandas has from 2.2 on"
    return None


@dataclasses.dataclass(frozen=True)
class Place:
    """An input that can be opened, as often as wanted."""

    name: str
    size: int | None
    """Bytes as stored; None where it can't be told."""
    open: Callable[[], File]
    member: str = ""
    """The one that is wanted of an archive; empty for all that is there."""


def expand(inputs: Iterable[Input]) -> Iterator[Place]:
    """The places that the names stand for, in order: a directory gives its regular files by name (links are not followed), a pattern its
    matches, `-` standard input, `ARCHIVE!NAME` a file in an archive, a URL what lies elsewhere, and a table
    in memory itself. InputError where there is none."""
    from .remote import is_url, remote  # which has its files and places from here

    for item in inputs:
        if isinstance(item, ArrowStream):
            yield Place(InMemory(item).name, None, partial(InMemory, item))
            continue
        name = os.fsdecode(item)
        if is_url(name) and not os.path.lexists(name):
            yield from remote(name)
            continue
        end = 0 if os.path.lexists(name) else archive_end(name, os.path.isfile)
        if end:
            yield dataclasses.replace(_local(name[:end]), member=name[end + 1 :])
            continue
        if name == "-" or not (os.path.isdir(name) or (glob.has_magic(name) and not os.path.lexists(name))):
            yield _local(name)
            continue
        found = _walk(name) if os.path.isdir(name) else _matches(name)
        if not found:
            raise nothing_in(name, folder=os.path.isdir(name))
        yield from map(_local, found)


def archive_end(name: str, is_file: Callable[[str], bool]) -> int:
    """Where the name of the archive ends, in one of a file in an archive; 0 in any other."""
    return next((at for at, letter in enumerate(name) if letter == "!" and is_file(name[:at])), 0)


def nothing_in(name: str, *, folder: bool) -> InputError:
    """The error for a folder or a pattern that stands for no file."""
    what = "there is no regular file in this folder" if folder else "no file matches this pattern"
    return InputError(what, code="no_match", source=name, hint="check the name")


def _local(name: str) -> Place:
    size = None
    if name != "-":
        with contextlib.suppress(OSError, ValueError):  # opening it says why
            size = os.stat(name).st_size
    return Place(name, size, partial(_open, name))


def _stdin() -> File:
    if sys.stdin is None:
        raise InputError("standard input is closed", code="not_a_file", source="-", hint="name a file")
    file = File("-", sys.stdin.buffer, None)
    file.stays = True
    return file


def _open(name: str) -> File:
    """Opens a regular file, or standard input for `-`. InputError for anything else."""
    if name == "-":
        return _stdin()
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
    return File(name, os.fdopen(fd, "rb", buffering=0), info.st_size, info)


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
