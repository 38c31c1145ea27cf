"""bzip2 and xz as streams, as `deflate`. Their decoders keep what comes out of a call that meets damage to themselves, and can't go back
a step: so what they are fed is cut where that takes the least along, and in the same places whatever the reads."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import bz2
    import lzma

from .streams import CHUNK, WINDOW, Bytes, Fault, gathered

# ------------------------------------------------------------------------------------------------------------------------------ bzip2
BLOCK, END = b"1AY&SY", b"\x17rE8P\x90"
"""What blocks of bzip2 begin with, and what stands behind the last; neither at the start of a byte, as a rule."""


def _middles(magic: bytes) -> bytes:
    """Pattern of the five bytes after the first one in which the magic has bits, wherever in that byte it begins."""
    bits = int.from_bytes(magic, "big")
    return b"|".join(re.escape((bits >> late & (1 << 40) - 1).to_bytes(5, "big")) for late in range(8))


MARK = re.compile(b"(" + _middles(BLOCK) + b")|(" + _middles(END) + b")", re.DOTALL)
MARK_BYTES = 5


def is_bzip2(head: bytes) -> bool:
    """Whether a bzip2 stream begins here: its header, and that of a block or of the end."""
    return head.startswith(b"BZh") and b"1" <= head[3:4] <= b"9" and head[4:10] in {BLOCK, END}


def bunzip2(head: bytes, read: Callable[[int], bytes]) -> Iterator[bytes]:
    """The content of a bzip2 file, stream after stream, as `gunzip`. Nothing in a block means anything before its checksum was found
    right, so a damaged block is not given, and all before it is."""
    src = Bytes(head, read)
    while True:
        yield from _bzip2_stream(src)
        if not src.want(1):
            return
        src.want(3)
        here = src.data[src.at : src.at + 3]
        if here != b"BZh" and b"BZh".startswith(here):
            raise Fault("bzip2_truncated", "the packed data stops within a header", src.place, cut=True)
        if here != b"BZh":
            raise Fault("bzip2_trailing_garbage", "something that is no bzip2 follows the packed data", src.place, cut=False)


def _bzip2_stream(src: Bytes) -> Iterator[bytes]:
    """Fed from mark to mark, so that all of a block has come out, and its checksum was right, before the next one is looked at. What looks
    like a mark and is none does no harm: nothing comes out of a part of a block."""
    import bz2

    decoder = bz2.BZ2Decompressor()
    start, ending, behind = src.place, False, 0
    while not decoder.eof:
        more = src.want(MARK_BYTES + 1)
        mark = MARK.search(src.data, src.at + behind)
        stop = mark.start() if mark else len(src.data) - (MARK_BYTES if more else 0)
        step = src.take(stop - src.at)
        if not step:
            raise Fault("bzip2_truncated", "the packed data stops before its end", src.place, cut=True)
        out = _bzip2_drained(decoder, step)
        if out is None and ending:
            raise Fault("bzip2_crc", "the checksum is wrong: the lines that were read can't be trusted", start, cut=False)
        if out is None:
            raise Fault("bzip2_data", "a block of the packed data is damaged", start, cut=True)
        yield from out
        behind = mark is not None
        if mark is not None:
            start, ending = src.place - 1, mark[2] is not None
    src.back(len(decoder.unused_data))


def _bzip2_drained(decoder: "bz2.BZ2Decompressor", data: bytes) -> list[bytes] | None:
    """All that comes out; None where the data is damaged."""
    out = []
    try:
        out.append(decoder.decompress(data, CHUNK))
        while out[-1] and not decoder.eof:  # the checksum is looked at when all has come out
            out.append(decoder.decompress(b"", CHUNK))
    except OSError:
        return None
    return [piece for piece in out if piece]


# --------------------------------------------------------------------------------------------------------------------------------- xz
XZ = b"\xfd7zXZ\0"
XZ_MEMORY = WINDOW + (WINDOW >> 2)
"""Most memory of the decoder: a dictionary of WINDOW, and what goes with it."""
XZ_IN, XZ_OUT = 1 << 12, 1 << 12
"""Bytes that go in, and come out, in one call: the latter are lost, at most, before damage."""


def is_xz(head: bytes) -> bool:
    """Whether an xz stream begins here."""
    return head.startswith(XZ)


def unxz(head: bytes, read: Callable[[int], bytes]) -> Iterator[bytes]:
    """The content of an xz file, stream after stream (The .xz File Format, 1.2.1, section 2), as `gunzip`."""
    return gathered(_xz_streams(Bytes(head, read)))


def _xz_streams(src: Bytes) -> Iterator[bytes]:
    while True:
        yield from _xz_stream(src)
        end = src.place
        src.skip_zeros()  # padding
        if not src.want(1) and (src.place - end) % 4 == 0:
            return
        src.want(len(XZ))
        here = src.data[src.at : src.at + len(XZ)]
        if (src.place - end) % 4 or not XZ.startswith(here):
            raise Fault("xz_trailing_garbage", "something that is no xz follows the packed data", src.place, cut=False)
        if here != XZ:
            raise Fault("xz_truncated", "the packed data stops within a header", src.place, cut=True)


def _xz_stream(src: Bytes) -> Iterator[bytes]:
    import lzma

    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
    fault: Fault | None = None
    while not decoder.eof and fault is None:
        data = b""
        if decoder.needs_input:
            start = src.place
            data = src.take(XZ_IN) or src.rest()
            if not data:
                raise Fault("xz_truncated", "the packed data stops before its end", src.place, cut=True)
        try:
            yield decoder.decompress(data, XZ_OUT)
        except lzma.LZMAError as e:
            fault = _xz_fault(e, start)
    if fault is not None:
        raise fault
    src.back(len(decoder.unused_data))


def _xz_fault(error: "lzma.LZMAError", place: int) -> Fault:
    if "Memory usage limit" in str(error):  # the only way to tell it
        hint = "unpack it with xz -dc"
        return Fault("xz_window", "unpacking needs a dictionary of more than 128 MiB", place, cut=True, hint=hint)
    what = "the packed data is damaged, or its checksum is wrong: the last lines that were read can't be trusted"
    return Fault("xz_data", what, place, cut=True)
