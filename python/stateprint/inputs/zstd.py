"""zstd as a stream, as `deflate`. The blocks are walked here, so that memory is bounded and an early end is told from a proper one."""

from collections.abc import Callable, Iterator

from .streams import WINDOW, Bytes, Fault, gathered

MAGIC = b"\x28\xb5\x2f\xfd"


def is_zstd(head: bytes) -> bool:
    """Whether a zstd frame, or a skippable one, begins here."""
    return head.startswith(MAGIC) or _skippable(head)


def _skippable(head: bytes) -> bool:
    return len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50


def unzstd(head: bytes, read: Callable[[int], bytes]) -> Iterator[bytes]:
    """The content of a zstd stream, frame after frame (RFC 8878), as `gunzip`."""
    return gathered(_frames(Bytes(head, read)))


def _frames(src: Bytes) -> Iterator[bytes]:
    while True:
        if not src.want(4):
            if not src.want(1):
                return
            if MAGIC.startswith(src.data[src.at :]):
                raise Fault("zstd_truncated", "the packed data stops within a header", src.place, cut=True)
        magic = src.data[src.at : src.at + 4]
        if _skippable(magic):
            src.at += 4
            size = src.take(4)
            if size is None or not src.skip(int.from_bytes(size, "little")):
                raise Fault("zstd_truncated", "the packed data stops within a skippable frame", src.place, cut=True)
        elif magic == MAGIC:
            yield from _frame(src)
        else:
            raise Fault("zstd_trailing_garbage", "something that is no zstd follows the packed data", src.place, cut=False)


def _frame(src: Bytes) -> Iterator[bytes]:
    import zstandard  # only when such a file is read

    header, checksum = _header(src)
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
        fault = _checksum(src, unpack)
    if fault is not None:
        raise fault


def _checksum(src: Bytes, unpack: object) -> Fault | None:
    import zstandard

    tail = src.take(4)
    if tail is None:
        return Fault("zstd_truncated", "the packed data stops within its checksum", src.place, cut=True)
    try:
        unpack.decompress(tail)  # type: ignore[attr-defined]
    except zstandard.ZstdError:
        return Fault("zstd_checksum", "the checksum is wrong: the lines that were read can't be trusted", src.place - 4, cut=False)
    return None


def _header(src: Bytes) -> tuple[bytes, bool]:
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
