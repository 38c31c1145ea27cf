"""zip as a stream: each member when it is come to, by the header in front of it (APPNOTE 6.3.4, sections 4.3 to 4.5). The directory at the end
must name the same members. So a pipe is read as a file is, and of an archive that was cut all is read that is there."""

import hashlib
import itertools
import struct
import zlib
from collections.abc import Iterator

from .deflate import inflate, inflaters
from .streams import Bytes, Fault, Member, Part, name_of

LOCAL, LISTED, DESCRIPTOR, END = b"PK\3\4", b"PK\1\2", b"PK\7\x08", b"PK\5\6"
END64, LOCATOR = b"PK\6\6", b"PK\6\7"
LOCAL_FIELDS = struct.Struct("<2x2H4x3L2H")
"""Flags, method; checksum, packed and unpacked length; lengths of name and extra field. All without the magic."""
LISTED_FIELDS = struct.Struct("<4x2H4x3L3H8xL")
"""The same, the length of the comment, and where the header of the member stands."""
ENCRYPTED, LENGTHS_BEHIND, UTF8 = 1, 8, 1 << 11
STORED, DEFLATED = 0, 8
METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "zstd", 95: "xz", 98: "PPMd"}
LOST = "where it ends can't be told, so what is behind it is not read"
IN_EXTRA = 0xFFFFFFFF
"""A length that stands in the extra field, as eight bytes."""


def zip_members(src: Bytes) -> Iterator[Member]:
    """The files of the archive. Fault, after them, where it is cut or damaged, or its directory names others."""
    unlisted = 0  # sum over the members that were come to, less those of the directory
    while (magic := src.take(4)) in {LOCAL, LISTED}:
        if magic == LISTED:
            unlisted -= _listed(src)
            continue
        entry = _Entry(src)
        unlisted += entry.mark
        if not entry.folder:
            yield Member(entry.name, src, entry.pieces())
        if not entry.skip():
            return
    while magic in {END64, LOCATOR}:
        length = int.from_bytes(_taken(src, 8), "little") if magic == END64 else 16
        if not src.skip(length):
            raise _cut(src)
        magic = src.take(4)
    if magic is None:
        raise _cut(src)
    if magic != END:
        raise Fault("zip_data", "a header is damaged: what is behind it is not read", src.place - 4, cut=True)
    comment = int.from_bytes(_taken(src, 18)[16:], "little")
    if not src.skip(comment):
        raise _cut(src)
    if unlisted:
        raise Fault("zip_directory", "the directory of the archive names other files than those that it has", src.place, cut=False)
    if src.want(1):
        raise Fault("zip_trailing_garbage", "something follows the end of the archive", src.place, cut=False)


def _taken(src: Bytes, n: int) -> bytes:
    data = src.take(n)
    if data is None:
        raise _cut(src)
    return data


def _cut(src: Bytes) -> Fault:
    return Fault("zip_truncated", "the archive stops before its end: files may be missing", src.place + len(src.rest()), cut=True)


def _mark(place: int, name: bytes) -> int:
    """A number for a member. Sums of them tell whether two lists are the same, in any order, without keeping either."""
    return int.from_bytes(hashlib.blake2b(name, digest_size=16, salt=place.to_bytes(8, "little")).digest())


def _listed(src: Bytes) -> int:
    """The mark of a member that stands in the directory."""
    _, _, _, packed, unpacked, name_bytes, extra_bytes, comment, place = LISTED_FIELDS.unpack(_taken(src, LISTED_FIELDS.size))
    name, extra = _taken(src, name_bytes), _taken(src, extra_bytes)
    _, _, place = _long(extra, unpacked, packed, place)
    if not src.skip(comment):
        raise _cut(src)
    return _mark(place, name)


def _long(extra: bytes, *values: int) -> list[int]:
    """The values, with those that stand in the extra field for long ones (4.5.3: in this order, only those that are missing)."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        at += 4
        if kind == 1:
            field = extra[at : at + length]
            missing = values.count(IN_EXTRA)
            if len(field) >= 8 * missing:
                found = iter(struct.unpack_from(f"<{missing}Q", field))
                return [next(found) if value == IN_EXTRA else value for value in values]
        at += length
    return list(values)


class _Entry:
    """A member, from its header to the next one. The stream stands behind the header."""

    def __init__(self, src: Bytes) -> None:
        self._src, self._start = src, src.place - 4
        self._flags, self._method, crc, packed, unpacked, name_bytes, extra_bytes = LOCAL_FIELDS.unpack(_taken(src, LOCAL_FIELDS.size))
        name, extra = _taken(src, name_bytes), _taken(src, extra_bytes)
        unpacked, packed = _long(extra, unpacked, packed)
        self.name, self.mark = _name(name, self._flags), _mark(self._start, name)
        self.folder = self.name.endswith("/")
        self._crc, self._length = crc, unpacked
        self._behind = bool(self._flags & LENGTHS_BEHIND)
        src.want(20)
        empty = src.data.startswith(DESCRIPTOR + bytes(12), src.at)
        self._part = Part(src, packed, "zip") if packed or empty or not self._behind else None
        """The packed bytes; None where only they tell how many they are."""
        self._past = self._lost = False

    def pieces(self) -> Iterator[bytes]:
        """The content. Fault where it can't be read, or is not what its checksum says."""
        refusal = self._refusal()
        if refusal is not None:
            self._lost = self._part is None
            raise refusal
        crc = length = 0
        for piece in self._content():
            crc, length = zlib.crc32(piece, crc), length + len(piece)
            yield piece
        place = self._src.place
        self._go_past()
        if crc != self._crc:
            raise Fault("zip_crc", "the checksum is wrong: the lines that were read can't be trusted", place, cut=False)
        if length & IN_EXTRA != self._length & IN_EXTRA:
            raise Fault("zip_length", "the length is wrong: the lines that were read can't be trusted", place, cut=False)

    def _refusal(self) -> Fault | None:
        if self._flags & ENCRYPTED:
            code, what, hint = "encrypted_member", "this member is encrypted", "take it out of the archive with its password"
        elif self._method not in {STORED, DEFLATED}:
            method = METHODS.get(self._method, f"method {self._method}")
            code, what, hint = (
                "unsupported_member",
                f"this member is packed with {method}, which is not read in zip",
                "take it out of the archive",
            )
        elif self._method == STORED and self._part is None:
            code, what, hint = "unsupported_member", "this member is stored, and its length stands behind it", "take it out of the archive"
        else:
            return None
        if self._part is None:
            what += f"; {LOST}"
        return Fault(code, what, self._start, cut=False, hint=hint)

    def _content(self) -> Iterator[bytes]:
        if self._part is None:
            self._lost = True  # until its end is come to
            try:
                yield from inflate(self._src, inflaters()[0], "zip")
            except Fault as e:
                if e.code == "zip_data":
                    e.message += f"; {LOST}"
                raise
            self._lost = False
        elif self._method == STORED:
            yield from iter(self._part.read, b"")
        else:
            packed = Bytes(b"", self._part.read, self._src.place)
            yield from inflate(packed, inflaters()[0], "zip")
            if packed.want(1):
                raise Fault("zip_length", "the packed data ends before its length says", packed.place, cut=False)

    def skip(self) -> bool:
        """Goes on to the next header; False where that there is none was told before."""
        if self._lost or (self._part is not None and not self._part.skip()):
            return False
        folder = self._part is None and self._method == DEFLATED and not self._past
        if folder and len(list(itertools.islice(self._content(), 2))) == 2:
            raise Fault("zip_data", "a folder has a content: what is behind it is not read", self._start, cut=False)
        if not self._past:
            self._go_past()
        return True

    def _go_past(self) -> None:
        """Goes past what stands behind the packed bytes: checksum and lengths (4.3.9), with a magic or without, of four bytes or of eight;
        which of these it is, is told by the magic of the next header."""
        self._past = True
        if not self._behind:
            return
        self._lost = True
        self._src.want(28)
        ahead = self._src.data[self._src.at : self._src.at + 28]
        magic = 4 if ahead.startswith(DESCRIPTOR) else 0
        wide = next((n for n in (4, 8) if ahead[magic + 4 + 2 * n :].startswith((LOCAL, LISTED))), None)
        if wide is None:
            what = "the lengths behind this member are damaged: what is behind them is not read"
            raise Fault("zip_truncated" if len(ahead) < 28 else "zip_data", what, self._src.place, cut=False)
        self._src.skip(magic + 4 + 2 * wide)
        self._crc = int.from_bytes(ahead[magic : magic + 4], "little")
        self._length = int.from_bytes(ahead[magic + 4 + wide : magic + 4 + 2 * wide], "little")
        self._lost = False


def _name(name: bytes, flags: int) -> str:
    """UTF-8 where the header says so, and where it can be that: many writers don't say it."""
    try:
        name.decode()
    except UnicodeDecodeError:
        name = name if flags & UTF8 else name.decode("cp437").encode()
    return name_of(name)
