"""tar as a stream (POSIX.1-2001 pax, ustar, GNU and V7): each member when it is come to. The headers are read by tarfile; its own walk takes
a header that is cut or damaged for the end of the archive."""

import contextlib
import re
import tarfile
from collections.abc import Iterator

from .streams import Bytes, Fault, Member, Part, name_of, refused

BLOCK = tarfile.BLOCKSIZE
HEADER_LIMIT = 1 << 20
"""Most bytes of a long name or of an extended header."""
NO_DATA = {tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE}
NOTES = {tarfile.GNUTYPE_LONGLINK, tarfile.XGLTYPE}
"""What may stand between the name of a file and its header, and says nothing of a log."""
NO_FILE = {*NO_DATA, *NOTES, b"D", b"V"}
"""What is no file with a content of its own: links, folders, devices, and what GNU tar notes down of folders and volumes."""
EXTENDED = {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE}
LENGTH = re.compile(r"[0-9]{1,19}")
RECORD = re.compile(rb"(\d{1,7}) ([^=]+)=")


def is_tar(head: bytes) -> bool:
    """Whether a tar archive begins here: its first header has the right checksum."""
    try:
        return bool(_info(head[:BLOCK]).name)
    except tarfile.HeaderError:
        return False


def _info(block: bytes) -> tarfile.TarInfo:
    return tarfile.TarInfo.frombuf(block, "utf-8", "backslashreplace")


def tar_members(src: Bytes) -> Iterator[Member]:
    """The files of the archive. Fault, after them, where it is cut or damaged."""
    name: str | None = None
    extended: dict[str, str] = {}
    while (info := _header(src)) is not None:
        if info.type == tarfile.GNUTYPE_LONGNAME:
            name = name_of(_body(src, info).rstrip(b"\0"))
            continue
        if info.type in EXTENDED:
            extended = _records(_body(src, info), src.place)
            continue
        size = 0 if info.type in NO_DATA else info.size
        if info.type not in NO_FILE and LENGTH.fullmatch(extended.get("size", "")):
            size = int(extended["size"])
        part = Part(src, size, "tar")
        if info.type not in NO_FILE:
            named = extended.get("GNU.sparse.name") or extended.get("path") or name or info.name
            sparse = info.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse.") for key in extended)
            yield Member(named, src, _no_sparse(src) if sparse else iter(part.read, b""))
        if info.type not in NOTES:
            name, extended = None, {}
        if not part.skip():
            return
        if not src.skip(-size % BLOCK):
            raise _cut(src)


def _header(src: Bytes) -> tarfile.TarInfo | None:
    """The next header; None at the end of the archive, behind which there is nothing."""
    start = src.place
    block = src.take(BLOCK)
    if block is None:
        raise _cut(src)
    if not block.strip(b"\0"):
        src.skip_zeros()
        if src.want(1):
            raise Fault("tar_trailing_garbage", "something follows the end of the archive", src.place, cut=False)
        return None
    info: tarfile.TarInfo | None = None
    with contextlib.suppress(tarfile.HeaderError):
        info = _info(block)
    if info is None or info.size < 0:
        raise Fault("tar_data", "a header is damaged: what is behind it is not read", start, cut=True)
    more = block[482] if info.type == tarfile.GNUTYPE_SPARSE else 0
    while more:  # blocks of the map of a sparse file, in the old form
        map_ = src.take(BLOCK)
        if map_ is None:
            raise _cut(src)
        more = map_[504]
    return info


def _cut(src: Bytes) -> Fault:
    return Fault("tar_truncated", "the archive stops before its end: files may be missing", src.place + len(src.rest()), cut=True)


def _body(src: Bytes, info: tarfile.TarInfo) -> bytes:
    if info.size > HEADER_LIMIT:
        raise Fault("tar_data", "a header has more than 1 MiB: what is behind it is not read", src.place, cut=True)
    body = src.take(info.size)
    if body is None or not src.skip(-info.size % BLOCK):
        raise _cut(src)
    return body


def _records(body: bytes, place: int) -> dict[str, str]:
    """An extended header of pax: records of the form `LENGTH NAME=VALUE`."""
    found = {}
    at = 0
    while (record := RECORD.match(body, at)) and record.end() < (end := at + int(record[1])) <= len(body):
        found[name_of(record[2])] = name_of(body[record.end() : end - 1])
        at = end
    if body[at:].strip(b"\0"):
        raise Fault("tar_data", "an extended header is damaged: what is behind it is not read", place, cut=True)
    return found


def _no_sparse(src: Bytes) -> Iterator[bytes]:
    hint = "take it out of the archive with tar"
    return refused(Fault("unsupported_member", "this is a sparse file, which is not read", src.place, cut=False, hint=hint))
