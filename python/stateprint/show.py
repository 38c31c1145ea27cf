"""Text for people: nothing that a terminal, a browser or a notebook would run. All texts from a log pass here."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any


def printable(text: object, width: int = 0) -> str:
    """The text with everything that moves, hides or reorders output written as an escape; cut at `width` characters if that is not 0."""
    raw = str(text)
    shown = raw if raw.isprintable() else "".join(c if c.isprintable() else _escape(ord(c)) for c in raw)
    return shown if not width or len(shown) <= width else shown[: width - 1] + "…"


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def rfc3339(time: datetime) -> str:
    """The time in UTC as RFC 3339 writes it. One without an offset is taken for UTC."""
    if time.utcoffset() is None:
        time = time.replace(tzinfo=UTC)
    with contextlib.suppress(OverflowError):  # the first hours of the year 1 and the last of 9999: they keep their offset
        time = time.astimezone(UTC)
    text = time.isoformat()
    return text if time.utcoffset() else text.removesuffix("+00:00") + "Z"


def value(cell: Any) -> str:
    """A cell of a table as text."""
    if cell is None:
        return ""
    if isinstance(cell, list | tuple | set | frozenset):
        return " ".join(map(printable, cell))
    if isinstance(cell, datetime):
        return rfc3339(cell)
    return printable(cell)


def near(word: str, names: Iterable[str]) -> str:
    """A hint: the names that look like the word, or all of them."""
    import difflib

    names = list(names)
    found = difflib.get_close_matches(word, names)
    return f"did you mean {' or '.join(found)}?" if found else f"there are {', '.join(names)}"


def html_table(names: Sequence[str], rows: Iterable[Mapping[str, Any]], caption: str = "") -> str:
    """An inert HTML table."""
    import html

    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(value(row.get(name)))}</td>" for name in names) + "</tr>" for row in rows)
    title = f"<caption>{html.escape(printable(caption))}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def html_text(text: str) -> str:
    """Lines of text as an inert block."""
    import html

    return "<pre>" + html.escape("\n".join(map(printable, text.split("\n")))) + "</pre>"
