"""Which archive an input is. It is told by the first bytes, never by the name, and read as a stream: nothing is written anywhere."""

from collections.abc import Callable, Iterator

from .streams import Bytes, Member
from .tars import is_tar, tar_members
from .zips import is_zip, zip_members

ARCHIVES: dict[str, tuple[Callable[[bytes], bool], Callable[[Bytes], Iterator[Member]]]] = {
    "tar": (is_tar, tar_members),
    "zip": (is_zip, zip_members),
}


def archive_of(head: bytes) -> str | None:
    """The archive that begins so, of those that are read."""
    return next((name for name, (begins, _) in ARCHIVES.items() if begins(head)), None)
