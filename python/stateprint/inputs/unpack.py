"""gzip, zlib and zstd as streams: chunks of bounded size, and after the last good byte an exact reason why there are no more."""

import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .streams import CHUNK, WINDOW, Bytes, Fault, gathered

GZIP = b"\x1f\x8b"
ZLIB = (b"\x78\x01", b"\x78\x9c", b"\x78\xda")
"""A window of 32 KiB, no dictionary, and a level that is no letter: what begins with `x^` may be text."""
ZSTD = b"\x28\xb5\x2f\xfd"


# ------------------------------------------------------------------------------------------------------------------------------- gzip
class Inflater(NamedTuple):
    """A decoder of raw deflate, by the interface of zlib."""

    name: str
    start: Callable[[], Any]
    """Makes a decompressobj."""
    crc32: Callable[[bytes, int], int]
    error: type[Exception]


def inflaters() -> list[Inflater]:
    """Those that are installed, the quickest first. They must agree byte for byte on damaged data, too, and be able to go back a step
    (`copy`): a row must not depend on what is installed. Hence no ISA-L, which finds damage later than zlib does, or not before the checksum."""
    found = [Inflater("zlib", lambda: zlib.decompressobj(-zlib.MAX_WBITS), zlib.crc32, zlib.error)]
    try:
        from zlib_ng import zlib_ng  # the extra `fast`
    except ImportError:
        return found
    return [Inflater("zlib-ng", lambda: zlib_ng.decompressobj(-zlib_ng.MAX_WBITS), zlib_ng.crc32, zlib_ng.error), *found]


def is_gzip(head: bytes) -> bool:
    """Whether a gzip member begins here."""
    return head.startswith(GZIP)


def gunzip(head: bytes, read: Callable[[int], bytes], by: Inflater | None = None) -> Iterator[bytes]:
    """The content of a gzip stream, member after member (RFC 1952). `head` is what was read of it before, read(n) gives 1 to n more
    bytes or none at the end; `by`: the quickest unless given. Raises Fault when all that could be unpacked was given."""
    by = by or inflaters()[0]
    src = Bytes(head, read)
    while True:
        _gzip_header(src)
        yield from _gzip_member(src, by)
        src.skip_zeros()  # after the last member
        if not src.want(1):
            return
        src.want(2)
        if not src.data.startswith(GZIP, src.at):
            raise Fault("gzip_trailing_garbage", "something that is no gzip follows the packed data", src.place, cut=False)


def _gzip_header(src: Bytes) -> None:
    start = src.place
    crc = 0

    def part(n: int) -> bytes:
        nonlocal crc
        got = src.take(n)
        if got is None:
            raise Fault("gzip_truncated", "the packed data stops within a header", src.place, cut=True)
        crc = zlib.crc32(got, crc)
        return got

    fixed = part(10)
    flags = fixed[3]
    if fixed[2] != 8 or flags & 0xE0:
        raise Fault("gzip_data", "the header names a method that gzip does not define", start + 2, cut=True)
    if flags & 4:
        part(int.from_bytes(part(2), "little"))
    for bit in (8, 16):  # name and comment: read over, never used
        if flags & bit:
            while part(1) != b"\0":
                pass
    if flags & 2:
        want = crc & 0xFFFF
        if int.from_bytes(part(2), "little") != want:
            raise Fault("gzip_crc", "the checksum of a header is wrong", start, cut=True)


def _gzip_member(src: Bytes, by: Inflater) -> Iterator[bytes]:
    crc = size = 0
    for out in inflate(src, by, "gzip"):
        crc = by.crc32(out, crc)
        size += len(out)
        yield out
    trailer = src.take(8)
    if trailer is None:
        raise Fault("gzip_truncated", "the packed data stops within its checksum", src.place, cut=True)
    if int.from_bytes(trailer[:4], "little") != crc:
        raise Fault("gzip_crc", "the checksum is wrong: the lines that were read can't be trusted", src.place - 8, cut=False)
    if int.from_bytes(trailer[4:], "little") != size & 0xFFFFFFFF:
        raise Fault("gzip_length", "the length is wrong: the lines that were read can't be trusted", src.place - 4, cut=False)


def is_zlib(head: bytes) -> bool:
    """Whether a zlib stream begins here, as HAR files are packed that are called .zhar."""
    return head.startswith(ZLIB)


def unzlib(head: bytes, read: Callable[[int], bytes]) -> Iterator[bytes]:
    """The content of a zlib stream (RFC 1950), as `gunzip`."""
    src, by = Bytes(head, read), inflaters()[0]
    adler = 1
    src.take(len(ZLIB[0]))
    for out in inflate(src, by, "zlib"):
        adler = zlib.adler32(out, adler)
        yield out
    trailer = src.take(4)
    if trailer is None:
        raise Fault("zlib_truncated", "the packed data stops within its checksum", src.place, cut=True)
    if int.from_bytes(trailer, "big") != adler:
        raise Fault("zlib_checksum", "the checksum is wrong: the lines that were read can't be trusted", src.place - 4, cut=False)
    if src.want(1):
        raise Fault("zlib_trailing_garbage", "something follows the packed data", src.place, cut=False)


def inflate(src: Bytes, by: Inflater, name: str) -> Iterator[bytes]:
    """The content of raw deflate (RFC 1951), to its end and no further; `name` begins the codes of its faults."""
    inflater = by.start()
    while not inflater.eof:
        data = inflater.unconsumed_tail
        if not data:
            data = src.rest()
            if not data:
                raise Fault(f"{name}_truncated", "the packed data stops before its end", src.place, cut=True)
        saved = inflater.copy()
        try:
            out = inflater.decompress(data, CHUNK)
        except by.error:
            out = None
        if out is None:
            good, used = _salvage(saved, data, by)
            if good:
                yield good
            raise Fault(f"{name}_data", "the packed data is damaged", src.place - len(data) + used, cut=True)
        if out:
            yield out
    src.back(len(inflater.unused_data))


def _salvage(inflate: Any, data: bytes, by: Inflater) -> tuple[bytes, int]:
    """What comes out before the damage, byte by byte, and how many bytes of `data` went in."""
    good = []
    for i in range(len(data)):
        try:
            good.append(inflate.decompress(data[i : i + 1]))
        except by.error:
            return b"".join(good), i
    return b"".join(good), len(data)


# ------------------------------------------------------------------------------------------------------------------------------- zstd
def is_zstd(head: bytes) -> bool:
    """Whether a zstd frame, or a skippable one, begins here."""
    return head.startswith(ZSTD) or _skippable(head)


def _skippable(head: bytes) -> bool:
    return len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50


def unzstd(head: bytes, read: Callable[[int], bytes]) -> Iterator[bytes]:
    """The content of a zstd stream, frame after frame (RFC 8878), as `gunzip`. The blocks are walked here, so that memory is bounded
    and an early end is told from a proper one."""
    return gathered(_zstd_frames(Bytes(head, read)))


def _zstd_frames(src: Bytes) -> Iterator[bytes]:
    while True:
        if not src.want(4):
            if not src.want(1):
                return
            if ZSTD.startswith(src.data[src.at :]):
                raise Fault("zstd_truncated", "the packed data stops within a header", src.place, cut=True)
        magic = src.data[src.at : src.at + 4]
        if _skippable(magic):
            src.at += 4
            size = src.take(4)
            if size is None or not src.skip(int.from_bytes(size, "little")):
                raise Fault("zstd_truncated", "the packed data stops within a skippable frame", src.place, cut=True)
        elif magic == ZSTD:
            yield from _zstd_frame(src)
        else:
            raise Fault("zstd_trailing_garbage", "something that is no zstd follows the packed data", src.place, cut=False)


def _zstd_frame(src: Bytes) -> Iterator[bytes]:
    import zstandard  # only when such a file is read

    header, checksum = _zstd_header(src)
    unpack = zstandard.ZstdDecompressor(max_window_size=WINDOW).decompressobj()
    fault: Fault | None = None
    last = False
    piece: bytes | None = header
    while True:
        at = src.place - len(piece or b"")
        if piece is None:
            fault = Fault("zstd_truncated", "the packed data stops before its end", src.place, cut=True)
            break
        try:
            yield unpack.decompress(piece)
        except zstandard.ZstdError:
            fault = Fault("zstd_data", "the packed data is damaged", at, cut=True)
            break
        if last:
            break
        head = src.take(3)
        kind = length = 0
        if head is not None:
            bits = int.from_bytes(head, "little")
            last, kind, length = bool(bits & 1), bits >> 1 & 3, bits >> 3
            if kind == 3 or length > 1 << 17:
                fault = Fault("zstd_data", "the packed data is damaged", src.place - 3, cut=True)
                break
        body = src.take(1 if kind == 1 else length) if head is not None else None
        piece = head + body if head is not None and body is not None else None
    if fault is None and checksum:
        fault = _zstd_checksum(src, unpack)
    if fault is not None:
        raise fault


def _zstd_checksum(src: Bytes, unpack: "object") -> Fault | None:
    import zstandard

    tail = src.take(4)
    if tail is None:
        return Fault("zstd_truncated", "the packed data stops within its checksum", src.place, cut=True)
    try:
        unpack.decompress(tail)  # type: ignore[attr-defined]
    except zstandard.ZstdError:
        return Fault("zstd_checksum", "the checksum is wrong: the lines that were read can't be trusted", src.place - 4, cut=False)
    return None


def _zstd_header(src: Bytes) -> tuple[bytes, bool]:
    """Magic and frame header, and whether a checksum follows the blocks."""
    start = src.place
    fixed = src.take(5)
    rest = b""
    if fixed is not None:
        single = fixed[4] >> 5 & 1
        dictionary = (0, 1, 2, 4)[fixed[4] & 3]
        length = (single, 2, 4, 8)[fixed[4] >> 6]
        got = src.take((0 if single else 1) + dictionary + length)
        fixed, rest = (fixed, got) if got is not None else (None, b"")
    if fixed is None:
        raise Fault("zstd_truncated", "the packed data stops within a header", src.place, cut=True)
    if any(rest[1 - single : 1 - single + dictionary]):
        hint = "unpack it with zstd -d -D DICTIONARY"
        raise Fault("zstd_dictionary", "the data was packed with a dictionary", start, cut=True, hint=hint)
    if single:
        window = int.from_bytes(rest[dictionary:], "little") + (256 if length == 2 else 0)
    else:
        base = 1 << (10 + (rest[0] >> 3))
        window = base + (base >> 3) * (rest[0] & 7)
    if window > WINDOW:
        hint = "unpack it with zstd -d --long=31"
        raise Fault("zstd_window", "unpacking needs a window of more than 128 MiB", start, cut=True, hint=hint)
    return fixed + rest, bool(fixed[4] & 4)
