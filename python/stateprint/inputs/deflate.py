"""gzip, zlib and raw deflate as streams: chunks of bounded size, and after the last good byte an exact reason why there are no more."""

import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .streams import CHUNK, Bytes, Fault

GZIP = b"\x1f\x8b"
ZLIB = (b"\x78\x01", b"\x78\x9c", b"\x78\xda")
"""A window of 32 KiB, no dictionary, and a level that is no letter: what begins with `x^` may be text."""


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
