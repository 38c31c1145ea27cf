"""What the files of the user hold: bytes, JSON for the core, and TOML whose errors name file and line."""

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from .errors import ConfigError
from .show import rfc3339


def read_file(path: str | os.PathLike[str], what: str) -> bytes:
    """All bytes of the file. ConfigError, which calls it `what`, where it can't be read."""
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError as e:
        problem = e.strerror or "unreadable"
    except ValueError:  # a NUL in the name
        problem = "no such file"
    raise ConfigError(f"{what} can't be read: {problem}", code="unreadable", file=os.fsdecode(path))


def whole_number(name: str, value: object, least: int, most: int) -> None:
    """ConfigError, unless the option called `name` is a whole number of that range, or None."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most):
        bounds = f"{least} or more" if most >= 1 << 62 else f"{least} to {most}"
        raise ConfigError(f"{name} is {str(value)[:80]!r}, expected a whole number, {bounds}", code="option")


def as_json(value: Any, name: str, indent: int | None = None) -> bytes:
    """JSON of the value, times as RFC 3339. ConfigError, in the file `name`, for what JSON does not have."""
    with contextlib.suppress(TypeError, ValueError, RecursionError):
        return json.dumps(value, allow_nan=False, indent=indent, default=_stamp).encode()
    raise ConfigError("it holds a value that JSON does not have", code="syntax", file=name)


def _stamp(value: object) -> str:
    """RFC 3339 of the times of TOML; those without an offset are UTC."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat() + "T00:00:00Z"
    raise TypeError


def load(given: str | os.PathLike[str] | Mapping[str, Any], name: str, what: str) -> tuple[str, dict[str, Any], str]:
    """Name, content and text of a TOML file, which errors call `what`; of a mapping, which they call `name`, it has no text. ConfigError
    for what is no TOML."""
    if isinstance(given, Mapping):
        return name, dict(given), ""
    import tomllib

    file, problem, content = os.fsdecode(given), "", dict[str, Any]()
    text = read_file(given, what).decode("utf-8", "replace")
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as e:  # also a number of too many digits, and lists in lists in lists
        problem = str(e) if isinstance(e, tomllib.TOMLDecodeError) else "a value is too long, or too deep"
    if problem:
        at = re.search(r"\(at line (\d+), column (\d+)\)", problem)
        line, column = (int(at[1]), int(at[2])) if at else (0, 0)
        raise ConfigError(f"this is no TOML: {problem.split(' (at ')[0]}", code="syntax", file=file, line=line, column=column)
    return file, content, text


_HEAD = re.compile(r"\s*\[\[?\s*([A-Za-z_]+)\s*\]")
_KEY = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*=""")


def _lines_of(text: str) -> tuple[dict[str, list[int]], dict[tuple[str, str], int]]:
    """Where each table begins, and where each member of a table is given (of the file itself: of the table without a name)."""
    heads: dict[str, list[int]] = {}
    members: dict[tuple[str, str], int] = {}
    table = ""
    for n, row in enumerate(text.split("\n"), 1):
        if (head := _HEAD.match(row)) is not None:
            table = head[1]
            heads.setdefault(table, []).append(n)
        elif (key := _KEY.match(row)) is not None:
            members.setdefault((table, key[1] or key[2] or key[3] or ""), n)
    return heads, members


@dataclass(frozen=True, slots=True)
class Toml:
    """Content of a TOML file as JSON with one entry a line, so that what the core says of a line can be said of the file."""

    name: str
    json: tuple[bytes, ...]
    places: tuple[str, ...]
    """What stands in each line of `json`: `LINE:[table] member` or `LINE:[[table]] no. N`; line 0 where there is no file."""

    @classmethod
    def of(cls, name: str, content: Mapping[str, Any], text: str) -> "Toml":
        """The content, and the text that it was read from."""
        heads, members = _lines_of(text)
        json, places = [b"{"], [""]

        def put(line: bytes, at: int, what: str) -> None:
            json.append(line)
            places.append(f"{at}:{what}" if what else "")

        for k, (table, value) in enumerate(content.items()):
            at = members.get(("", table), heads.get(table, [0])[0])
            first = (b"," if k else b"") + as_json(table, name) + b": "
            if not isinstance(value, list | Mapping) or (isinstance(value, list) and not all(isinstance(one, Mapping) for one in value)):
                put(first + as_json(value, name), at, table)
                continue
            ends = b"{}" if isinstance(value, Mapping) else b"[]"
            put(first + ends[:1], at, table)
            found = iter(heads.get(table, []))
            for i, (key, one) in enumerate(value.items() if isinstance(value, Mapping) else enumerate(value)):
                line = as_json(one, name)
                if isinstance(value, Mapping):
                    line, here, what = as_json(key, name) + b": " + line, members.get((table, key), at), f"[{table}] {key}"
                else:
                    here, what = next(found, at), f"[[{table}]] no. {i + 1}"
                put((b"," if i else b"") + line, here, what)
            put(ends[1:], 0, "")
        put(b"}", 0, "")
        return cls(name, tuple(json), tuple(places))

    def refused(self, code: str, line: int, message: str, hint: str) -> ConfigError:
        """The error for what the core says of a line of `json`."""
        stands = self.places[line - 1] if 0 < line <= len(self.places) else ""
        if not stands and (pointer := re.match(r"/([^/:]+)/(\d+)", message)) is not None:  # of a member that is missing
            wanted = f":[[{pointer[1]}]] no. {int(pointer[2]) + 1}"
            stands = next((place for place in self.places if place.endswith(wanted)), "")
        at, _, entry = stands.partition(":")
        return ConfigError(f"{entry}: {message}" if entry else message, code=code, hint=hint, file=self.name, line=int(at or 0))


Notes = Mapping[tuple[str, str], Sequence[str]]
"""What is said of a member, by table ("": the file itself) and name: the first behind it, others on lines of their own; by the name "", what is
said at the end of its table."""


def toml_text(content: Mapping[str, Any], notes: Notes) -> str:
    """What `load` reads as this content, with the notes as comments. Tables, and lists of them, come after plain members."""
    tables = {name for name, value in content.items() if isinstance(value, Mapping)}
    lists = {name for name, value in content.items() if isinstance(value, list) and value and isinstance(value[0], Mapping)}
    lines = list(_members("", {name: value for name, value in content.items() if name not in tables | lists}, notes))
    for name in content:
        for part in [content[name]] if name in tables else content[name] if name in lists else ():
            lines += ["", f"[{_key(name)}]" if name in tables else f"[[{_key(name)}]]", *_members(name, part, notes)]
    return "\n".join(lines) + "\n"


def _members(table: str, content: Mapping[str, Any], notes: Notes) -> Iterator[str]:
    for name, value in content.items():
        behind, *below = notes.get((table, name), ("",))
        yield f"{_key(name)} = {_value(value)}" + (f"  # {behind}" if behind else "")
        yield from (f"# {line}" for line in below)
    yield from (f"# {line}" for line in notes.get((table, ""), ()))


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: Any) -> str:
    """Lists and tables on one line; texts as basic strings, whose escapes are those of JSON."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_value(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_line(name: str, value: Any) -> str:
    """One member, as it would stand in a file: for a note that says what else could be written."""
    return f"{_key(name)} = {_value(value)}"
