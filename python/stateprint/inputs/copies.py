"""Inputs whose content is there twice: one file under several names, a copy in any packing, a log that another one goes on from."""

import contextlib
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal

from ..errors import InputError
from .places import PIECE, File, Place
from .sources import sources_of

START = 4096
"""Bytes of the content by which two inputs are told apart before anything else of them is read."""
ALIKE = 65536
"""Bytes from which on it is said that two inputs begin alike. The core names a source by as many, so that equal rows have one uid."""
MOST = 16
"""Different inputs with one start with which another one is compared; their number must not make this slow."""
Kind = Literal["file", "same", "part", "begins"]


@dataclass(frozen=True, slots=True)
class Likeness:
    """What an input has in common with the one called `other`: it is that file, it has the same content, its content is the beginning of
    the other's; or both begin alike, and then go on differently."""

    kind: Kind
    other: str

    @property
    def whole(self) -> bool:
        """Whether all of its content is in the other."""
        return self.kind != "begins"

    def told(self, name: str) -> str:
        """What is said of the input."""
        words: dict[Kind, str] = {
            "file": "is named twice" if name == self.other else f"is the same file as {self.other}",
            "same": f"has the same content as {self.other}",
            "part": f"is the beginning of {self.other}",
            "begins": f"begins as {self.other} does",
        }
        return f"{name} {words[self.kind]}: " + ("its rows are given once" if self.whole else "rows may be there twice, with the same uid")


def likenesses(places: list[Place], limit: int) -> dict[int, Likeness]:
    """Those of the inputs, by their numbers, that are like another one: of two with the same content the later, of two that begin alike the
    shorter. limit: most bytes of one input, unpacked. Only where inputs start alike is more than the start read. What is damaged is like
    another one only as a file of the same bytes; standard input is like nothing."""
    found: dict[int, Likeness] = {}
    others: dict[int, tuple[Kind, int]] = {}
    nodes: dict[tuple[int, int, str], int] = {}
    starts: dict[tuple[bytes, bool], list[int]] = {}
    for i, place in enumerate(places if len(places) > 1 else ()):
        if place.name == "-":
            continue
        with contextlib.closing(_Content(place, limit)) as content:
            if content.node is not None and (first := nodes.setdefault(content.node, i)) != i:
                others[i] = ("file", first)
                continue
            start, ended = content.start()
        if start:
            starts.setdefault((start, ended), []).append(i)
    for (_, ended), group in starts.items():
        others |= dict.fromkeys(group[1:], ("same", group[0])) if ended else _compared(places, group, limit)
    order = sorted(starts)
    for (start, ended), longer in pairwise(order):  # what begins with a text stands behind it
        if ended and longer[0].startswith(start):
            others[starts[start, ended][0]] = ("part", starts[longer][0])
    for i, (kind, other) in others.items():
        while kind != "begins" and other in others and others[other][0] != "begins":  # the other is not read either
            kind, other = "part" if "part" in {kind, others[other][0]} else "same", others[other][1]
        found[i] = Likeness(kind, places[other].name)
    return found


def _compared(places: list[Place], group: list[int], limit: int) -> dict[int, tuple[Kind, int]]:
    """What the members of a group that starts alike are to each other."""
    found: dict[int, tuple[Kind, int]] = {}
    apart: list[int] = []  # of which none holds another one
    for i in group:
        for other in apart[:MOST]:
            kind, earlier = _compare(places[i], places[other], limit)
            if kind in {"same", "part"} and not earlier:
                found[i] = (kind, other)
                break
            if kind == "part":
                found[other] = (kind, i)
                apart.remove(other)
            elif kind == "begins":
                found.setdefault(i, (kind, other))
        else:
            apart.append(i)
    return found


def _compare(a: Place, b: Place, limit: int) -> tuple[Kind | None, bool]:
    """What a is to b; or, where the second is true, b to a."""
    if (a.size, a.member) == (b.size, b.member) and _stored_alike(a, b):
        return "same", False
    with contextlib.closing(_Content(a, limit)) as first, contextlib.closing(_Content(b, limit)) as second:
        alike, x, y = _alike(first.next, second.next)
    if first.ended and not x:
        return ("same" if second.ended and not y else "part"), False
    if second.ended and not y:
        return "part", True
    return "begins" if alike >= ALIKE else None, False


def _stored_alike(a: Place, b: Place) -> bool:
    with contextlib.suppress(InputError), contextlib.closing(a.open()) as first, contextlib.closing(b.open()) as second:
        _, x, y = _alike(partial(first.read, PIECE), partial(second.read, PIECE))
        return not x and not y
    return False


def _alike(a: Callable[[], bytes], b: Callable[[], bytes]) -> tuple[int, bytes, bytes]:
    """How many bytes two streams have in common, and what is left of their pieces there: nothing at the end of a stream."""
    n = 0
    x, y = a(), b()
    while x and y:
        k = min(len(x), len(y))
        if x[:k] != y[:k]:
            return n + bisect_left(range(k), True, key=lambda at: x[: at + 1] != y[: at + 1]), x, y
        n += k
        x, y = x[k:] or a(), y[k:] or b()
    return n, x, y


class _Content:
    """All logs of a place, one after another, unpacked. `ended`: it was read to its end, without an error."""

    def __init__(self, place: Place, limit: int) -> None:
        self.ended = False
        self._file: File | None = None
        self.node: tuple[int, int, str] | None = None
        """What is read, by whatever path."""
        self._pieces: Iterator[bytes] = iter(())
        with contextlib.suppress(InputError):  # said when it is its turn to be read
            self._file = place.open()
            self.node = (*self._file.node, place.member) if self._file.node else None
            self._pieces = self._read(self._file, place.member, limit)

    def _read(self, file: File, member: str, limit: int) -> Iterator[bytes]:
        with contextlib.suppress(InputError):
            for source in sources_of(file, limit, member):
                yield from source.pieces()
            self.ended = True

    def next(self) -> bytes:
        """The next piece; none at the end, or where it can't be read any further."""
        return next((piece for piece in self._pieces if piece), b"")

    def start(self) -> tuple[bytes, bool]:
        """The first bytes, and whether they are all that there are."""
        start = b""
        while len(start) < START and (piece := self.next()):
            start += piece
        return start[:START], self.ended and len(start) < START

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
