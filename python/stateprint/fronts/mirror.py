"""Bodies that a log names instead of holding them, out of a local copy of the bucket in which they lie."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import ConfigError, InputError
from ..inputs.places import expand
from ..inputs.sources import Allowance, Source
from .between import Record, json_of, remade, row_of

BODIES = (("input", "inputBodyS3Path", "inputBodyJson"), ("output", "outputBodyS3Path", "outputBodyJson"))
"""In a record of Bedrock: the part, its member that names the object, and the one that would hold the body."""
MARK = b"BodyS3Path"


class Mirror:
    """A folder that holds the objects of a bucket by their keys, or the buckets by their names."""

    def __init__(self, folder: str | os.PathLike[str], limit: int) -> None:
        """limit: most bytes of an object, unpacked. ConfigError where there is no such folder."""
        self._root, self._limit = "", limit
        with contextlib.suppress(ValueError):  # a NUL in the name
            self._root = os.path.realpath(os.fsdecode(folder))
        if not os.path.isdir(self._root):
            raise ConfigError(f"there is no folder {os.fsdecode(folder)!r}", code="mirror", hint="aws s3 sync s3://BUCKET MIRROR/BUCKET")

    def text(self, address: str) -> str | None:
        """The content of the object at an address s3://bucket/key, unpacked; None where it is not here, or is no text that can be read to its end."""
        path = self._path(address)
        if path is None:
            return None
        with contextlib.suppress(InputError, UnicodeDecodeError):
            (place,) = expand([path])
            with contextlib.closing(place.open()) as file:
                text = b"".join(Source(place.name, file, file, Allowance(self._limit)).pieces()).decode()
                return None if "\0" in text else text  # an archive of texts, or an image
        return None

    def _path(self, address: str) -> str | None:
        """Always within the folder: an address comes out of a log."""
        scheme, _, rest = address.partition("://")
        bucket, *names = rest.split("/")
        if scheme != "s3" or not names or any(name in {"", ".", ".."} or "\0" in name or os.sep in name for name in (bucket, *names)):
            return None
        for under in ((bucket, *names), names):
            with contextlib.suppress(OSError, ValueError):  # a name that the system can't have
                path = os.path.realpath(os.path.join(self._root, *under))
                if os.path.commonpath([path, self._root]) == self._root and os.path.isfile(path):
                    return path
        return None


class Bodies:
    """Puts bodies into records of Bedrock that name them, as the texts that they are. A record whose object isn't here stays as it is."""

    passed: Mapping[str, int] = {}

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror

    def add(self, record: Record) -> Iterator[Record]:
        """Gives the record, with its bodies where they are found."""
        row = row_of(record[0], MARK) if record[4] is None else None
        yield remade(record, row) if row is not None and self._filled(row) else record

    def flush(self) -> Iterator[Record]:
        """Nothing waits."""
        yield from ()

    def _filled(self, row: dict[str, Any]) -> bool:
        """Whether something was put in. CloudWatch has the record as a text in `message`."""
        found = False
        for part, address, body in BODIES:
            inner = row.get(part)
            text = self._mirror.text(inner[address]) if isinstance(inner, dict) and isinstance(inner.get(address), str) else None
            if text is not None and isinstance(inner, dict) and inner.get(body) is None:
                del inner[address]
                inner[body] = text
                found = True
        message = row.get("message")
        if isinstance(message, str):
            whole = row_of(message.encode("utf-8", "surrogatepass"), MARK)
            if whole is not None and self._filled(whole):
                row["message"] = json_of(whole).decode()
                found = True
        return found
