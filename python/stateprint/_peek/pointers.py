"""The members of the records of an unknown log, by the pointers that a mapping would name them with (docs/mappings.md, Descriptions)."""

import json
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

ARROW = " => json"
MOST_LAYERS = 4
"""Texts within texts that are opened, as max_embedded_layers says unless it is told."""
MOST_DEPTH, MOST_MEMBERS = 12, 2000
"""Of one record: deeper members, and more of them, are not looked at."""
MOST_NESTED = 1000
"""Of a document that stops somewhere: what is nested deeper is not read."""
MOST_LISTS_WITHIN = 2
"""Lists within lists that may hold records."""


@dataclass
class Field:
    """Values at one pointer, by the number of the record. A string that is JSON text counts as the value that the text holds."""

    pointer: str
    values: dict[int, Any] = field(default_factory=dict)
    wrapped: bool = False
    """Whether one of them stands in a string."""

    @property
    def name(self) -> str:
        """The last name in the pointer, in lower case."""
        return re.split(r"[/=]", self.pointer.removesuffix("/value"))[-1].rstrip("}").lower()

    def among(self, records: Container[int]) -> "Field":
        """The same member in these records only."""
        return Field(self.pointer, {n: value for n, value in self.values.items() if n in records}, self.wrapped)

    def count(self, test: Callable[[Any], Any]) -> int:
        """In how many records the value passes."""
        return sum(bool(test(value)) for value in self.values.values())

    def all(self, test: Callable[[Any], Any]) -> bool:
        """Whether the value passes wherever it is not null, and is there at all."""
        given = [value for value in self.values.values() if value is not None]
        return bool(given) and all(map(test, given))


def unwrapped(value: Any) -> Any:
    """What a string of JSON text holds, however often it was wrapped; any other value as it is."""
    for _ in range(MOST_LAYERS):
        if not isinstance(value, str) or value.lstrip()[:1] not in {"{", "[", '"'}:
            break
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            break
    return value


_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{},]', re.DOTALL)
"""A string that has no end goes on to the end of the text."""
_Open = tuple[str, "_Open"] | None
"""The mark that closes the innermost array or object, and those around it."""


def closed(text: str) -> Any:
    """A document whose text stops somewhere: as far as the last element of an array that is whole. None where there is none, and where it
    is nested too deeply."""
    at: _Open = None
    depth = 0
    end: tuple[int, _Open] | None = None
    for token in _TOKENS.finditer(text):
        mark = token[0]
        if mark in {"[", "{"}:
            at, depth = ("]" if mark == "[" else "}", at), depth + 1
            if depth > MOST_NESTED:
                return None
        elif mark in {"]", "}"} and at is not None:
            at, depth = at[1], depth - 1
        elif mark == "," and at is not None and at[0] == "]":
            end = token.start(), at
    try:
        return json.loads(text if end is None or at is None else text[: end[0]] + "".join(_marks(end[1])))
    except (ValueError, RecursionError):
        return None


def _marks(at: _Open) -> Iterator[str]:
    while at is not None:
        yield at[0]
        at = at[1]


def named(value: Any) -> dict[str, Any] | None:
    """A list of {name, value} or {key, value} as a mapping; None for anything else."""
    if not isinstance(value, list) or not value:
        return None
    found = {}
    for one in value:
        name = (one.get("name", one.get("key")) if "value" in one else None) if isinstance(one, Mapping) else None
        if not isinstance(name, str):
            return None
        found[name] = one["value"]
    return found


def _fit(name: str) -> bool:
    """Whether a pointer can name it, and a file of text show it."""
    return (
        name.isprintable() and not {"{", "}"} & set(name) and ARROW.strip() not in name and 0 < len(name.encode("utf-8", "replace")) <= 64
    )


def _step(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _below(pointer: str, step: str) -> str:
    return f"{pointer} {step}" if pointer.endswith(ARROW) else pointer + step


def _walk(value: Any, pointer: str, depth: int) -> Iterator[tuple[str, Any, bool]]:
    """(pointer, value, whether it stands in a string) of a value and all members of it. Of a list that has one element, those of it."""
    inner = unwrapped(value)
    in_text = isinstance(value, str) and isinstance(inner, Mapping | list)
    yield pointer, inner, in_text
    if depth == MOST_DEPTH:
        return
    if in_text:
        pointer += ARROW
    pairs = named(inner)
    steps: list[tuple[str, Any]] = []
    if isinstance(inner, Mapping):
        steps = [(_below(pointer, _step(name)), member) for name, member in inner.items() if _fit(name)]
    elif pairs is not None:
        steps = [(f"{pointer}{{name={name}}}/value", member) for name, member in pairs.items() if _fit(name)]
    elif isinstance(inner, list) and len(inner) == 1 and isinstance(inner[0], Mapping):
        steps = [(_below(pointer, "/0"), inner[0])]
    for below, member in steps:
        yield from _walk(member, below, depth + 1)


def members_of(records: Sequence[Any]) -> dict[str, Field]:
    """All members of the records, by their pointers."""
    found: dict[str, Field] = {}
    for n, record in enumerate(records):
        for pointer, value, wrapped in islice(_walk(record, "", 0), 1, MOST_MEMBERS):  # the first is the record itself
            member = found.setdefault(pointer, Field(pointer))
            member.values[n] = value
            member.wrapped |= wrapped
    return found


def without(members: Mapping[str, Field], pointers: Iterable[str]) -> dict[str, Field]:
    """The members that are none of these and stand in none of these."""
    out = tuple(pointers)
    inside = tuple(pointer + mark for pointer in out for mark in "/ {")
    return {pointer: member for pointer, member in members.items() if pointer not in out and not pointer.startswith(inside)}


def lists_of(value: Any, pointer: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Lists of objects within a document, each with the pointer that names it as records; what is within such a list comes after it."""
    if isinstance(value, Mapping) and pointer.count("/") < 8:
        for name, member in value.items():
            if _fit(name) and name != "*":
                yield from lists_of(member, pointer + _step(name))
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        yield pointer, value
        inner: dict[str, list[Any]] = {}
        for one in value[:20] if pointer.count("/*") < MOST_LISTS_WITHIN else ():
            for below, found in lists_of(one, pointer + "/*") if isinstance(one, Mapping) else ():
                inner.setdefault(below, []).extend(found)
        yield from inner.items()
