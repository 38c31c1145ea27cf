"""Which archive an input is. It is told by the first bytes, never by the name, and read as a stream: nothing is written anywhere."""

from collections.abc import Iterator

from .streams import Bytes, Member

ZIP = (b"PK\3\4", b"PK\5\6")
"""What a zip archive begins with: the header of a member, or, of one without any, its end."""
HEADER = 512
"""Bytes of the first header of tar, which is padded with zeros."""


def archive_of(head: bytes) -> str | None:
    """The archive that begins so, of those that are read."""
    if head.startswith(ZIP):
        return "zip"
    if b"\0" not in head[:HEADER]:
        return None
    from .tars import is_tar

    return "tar" if is_tar(head) else None


def members(archive: str, src: Bytes) -> Iterator[Member]:
    """The files of an archive, in its order. Fault, after them, where it is cut or damaged."""
    if archive == "zip":
        from .zips import zip_members

        return zip_members(src)
    from .tars import tar_members

    return tar_members(src)
