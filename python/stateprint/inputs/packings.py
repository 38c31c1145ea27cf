"""Which packing an input has. It is told by the first bytes, never by the name."""

from collections.abc import Callable, Iterator

from .bzip2_xz import bunzip2, is_bzip2, is_xz, unxz
from .deflate import gunzip, is_gzip, is_zlib, unzlib
from .zstd import is_zstd, unzstd

Unpack = Callable[[bytes, Callable[[int], bytes]], Iterator[bytes]]
"""Of (bytes that were read, a function that reads more) the pieces of the content, and Fault after them."""

PACKINGS: dict[str, tuple[Callable[[bytes], bool], Unpack]] = {
    "gzip": (is_gzip, gunzip),
    "zlib": (is_zlib, unzlib),
    "zstd": (is_zstd, unzstd),
    "bzip2": (is_bzip2, bunzip2),
    "xz": (is_xz, unxz),
}
OTHERS = (
    (b"\x1f\x9d", "compress", "uncompress -c"),
    (b"\x04\x22\x4d\x18", "lz4", "lz4 -dc"),
    (b"7z\xbc\xaf\x27\x1c", "7z", "7z x -so"),
    (b"Rar!\x1a\x07", "rar", "unrar p -inul"),
)


def packing_of(head: bytes) -> str | None:
    """The packing that begins so, of those that are read."""
    return next((name for name, (begins, _) in PACKINGS.items() if begins(head)), None)


def other_packing(head: bytes) -> tuple[str, str] | None:
    """Name and tool of a packing that is recognised and not read."""
    return next(((name, tool) for magic, name, tool in OTHERS if head.startswith(magic)), None)
