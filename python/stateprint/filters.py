"""Which rows of a scan are kept: a window of time, an expression over columns, a share of the rows. Read here, run in the core."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from . import _core
from .config import whole_number
from .engine import Engine
from .errors import ConfigError
from .show import near

Time = str | date
"""RFC 3339 or a date; datetime and date. What has no offset is UTC."""
DEPTH = 64
"""Parentheses within each other."""
REASONS = {
    "rejected": "rejected",
    "no_time": "without a time",
    "outside_time": "outside the time window",
    "where": "by where",
    "where_not_known": "by where, for want of a value",
    "sample": "by sample",
}
"""Why the core leaves rows out, and how the summary says it."""

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?)?", re.ASCII)
_SPACE = re.compile(r"\s*")
_TOKEN = re.compile(
    r"""(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?P<number>[+-]?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_]\w*)|(?P<sign><=|>=|!=|[=<>(),])""",
    re.ASCII,
)
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
Step = tuple[str, str | None, tuple[str | int, ...]]
Kind = str
"""text, number, truth, time or list: what a column is compared with."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter as the core has it, and the reasons for which it may leave rows out. Immutable; any thread may use it."""

    core: _core.Filter
    reasons: tuple[str, ...]


def filter_of(
    engine: Engine, *, since: Time | None, until: Time | None, where: str | None, sample: float | None, seed: int | None
) -> Filter:
    """The filter of a scan's options; without any it keeps all rows. ConfigError says what is wrong and where."""
    first, last = _bound("since", since), _bound("until", until)
    if first is not None and last is not None and first >= last:
        raise ConfigError("no time is at or after since and before until", code="option", hint="since is included, until is not")
    if seed is not None and sample is None:
        raise ConfigError("seed goes with sample", code="option", hint="sample is the share of the rows, such as 0.01")
    if sample is not None and not (isinstance(sample, int | float) and 0 < sample <= 1):
        raise ConfigError(
            f"sample is {str(sample)[:80]!r}, expected a share over 0, at most 1", code="option", hint="0.01 is one row in a hundred"
        )
    whole_number("seed", seed, 0, (1 << 64) - 1)
    if where is not None and not isinstance(where, str):
        raise ConfigError(f"where is {str(where)[:80]!r}, expected an expression", code="option")
    reasons = {
        "rejected": (first, last, where),
        "no_time": (first, last),
        "outside_time": (first, last),
        "where": (where,),
        "where_not_known": (where,),
        "sample": (sample,),
    }
    steps = () if where is None else Expression(where, engine).steps
    try:
        core = _core.Filter(steps, since=first, until=last, share=sample, seed=seed)
    except ValueError:  # the rest was checked
        core = None
    if core is None:
        raise ConfigError("the expression is too long", code="where", file="where", hint="at most 4,096 comparisons, of 65,536 values")
    return Filter(core, tuple(why for why, options in reasons.items() if any(option is not None for option in options)))


def _bound(name: str, value: Time | None) -> int | None:
    found = None if value is None else microseconds(value)
    if value is not None and found is None:
        hint = "such as 2026-03-01, or 2026-03-01T12:00:00Z; UTC unless it says otherwise"
        raise ConfigError(f"{name} is {str(value)[:80]!r}, expected a date or a time of RFC 3339", code="option", hint=hint)
    return found


def microseconds(value: Time) -> int | None:
    """Microseconds since 1970-01-01T00:00:00Z; None for what is no time."""
    at = _read(value) if isinstance(value, str) else value
    if not isinstance(at, date) or at != at:  # pandas.NaT is a date, and unequal to itself
        return None
    if not isinstance(at, datetime):
        at = datetime.combine(at, time())
    if at.utcoffset() is None:
        at = at.replace(tzinfo=UTC)
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _read(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.upper()) if _RFC3339.fullmatch(text) else None
    except ValueError:  # the 31st of February
        return None


@functools.cache
def columns() -> dict[str, Kind]:
    """Columns of the exchanges: name → what they are compared with."""
    kinds = {"int64": "number", "int32": "number", "bool": "truth", "timestamp[us, UTC]": "time", "list<utf8>": "list"}
    return {name: kinds.get(kind, "text") for name, kind, _ in _core.columns("exchanges")}


@functools.cache
def vocabularies() -> dict[str, tuple[str, ...]]:
    """Columns whose values the core knows all."""
    return _core.vocabularies()


class Expression:
    """An expression, read: `steps` are what the core runs, in postfix order (docs/filters.md has the grammar)."""

    def __init__(self, text: str, engine: Engine) -> None:
        self.steps: list[Step] = []
        self._text, self._engine = text, engine
        self._at = self._end = 0
        self._kind: str | None = None
        self._token = ""
        self._next()
        self._either(0)
        if self._kind is not None:
            raise self._expected("and, or, or the end")

    def _next(self) -> None:
        """Steps on to the next token; `_kind` None at the end."""
        space = _SPACE.match(self._text, self._end)
        self._at = space.end() if space is not None else self._end
        found = _TOKEN.match(self._text, self._at)
        if found is not None:
            self._kind, self._end, self._token = found.lastgroup, found.end(), found[0]
        elif self._at == len(self._text):
            self._kind, self._token = None, ""
        elif self._text[self._at] in "'\"":
            raise self._error("a text has no closing quote", hint="a quote within a text is written twice")
        else:
            hint = "comparisons such as state = 'stateful', with and, or, not"
            raise self._error(f"{self._text[self._at]!r} means nothing here", hint=hint)

    def _error(self, message: str, hint: str = "") -> ConfigError:
        before = self._text[: self._at]
        column = len(before.rpartition("\n")[2].encode("utf-8", "surrogatepass")) + 1
        return ConfigError(message, code="where", hint=hint, file="where", line=before.count("\n") + 1, column=column)

    def _expected(self, what: str) -> ConfigError:
        found = "the end" if self._kind is None else self._token[:80]
        return self._error(f"expected {what}, found {found}")

    def _is(self, word: str) -> bool:
        """Takes the keyword or sign, if it is the next one."""
        here = self._kind in {"word", "sign"} and self._token.lower() == word
        if here:
            self._next()
        return here

    def _either(self, depth: int) -> None:
        self._both(depth)
        while self._is("or"):
            self._both(depth)
            self.steps.append(("or", None, ()))

    def _both(self, depth: int) -> None:
        self._one(depth)
        while self._is("and"):
            self._one(depth)
            self.steps.append(("and", None, ()))

    def _one(self, depth: int) -> None:
        denied = False
        while self._is("not"):
            denied = not denied
        if self._token == "(" and self._kind == "sign":
            if depth == DEPTH:
                raise self._error(f"more than {DEPTH} parentheses within each other")
            self._next()
            self._either(depth + 1)
            if not self._is(")"):
                raise self._expected("and, or, or )")
        else:
            self._comparison()
        self._deny(denied)

    def _deny(self, denied: bool) -> None:
        if denied:
            self.steps.append(("not", None, ()))

    def _comparison(self) -> None:
        name = self._token
        if self._kind != "word":
            raise self._expected("the name of a column, not or (")
        if name not in columns():
            raise self._error(f"no column is called {name[:80]!r}", hint=near(name, columns()))
        self._next()
        if self._is("is"):
            denied = self._is("not")
            if not self._is("null"):
                raise self._expected("null" if denied else "null or not null")
            self.steps.append(("null", name, ()))
            self._deny(denied)
        elif columns()[name] == "list":
            if not self._is("has"):
                raise self._expected(f"has or is, since {name} is a list")
            self.steps.append(("has", name, (self._value(name, closed=True),)))
        elif self._kind == "sign" and self._token in _COMPARISONS:
            self._compare(name)
        else:
            denied = self._is("not")
            if not self._is("in"):
                raise self._expected("in" if denied else f"{', '.join(_COMPARISONS)}, in or is")
            self.steps.append(("in", name, self._values(name)))
            self._deny(denied)

    def _compare(self, name: str) -> None:
        sign = self._token
        if columns()[name] == "truth" and sign not in {"=", "!="}:
            raise self._expected(f"= or !=, since {name} is true or false")
        self._next()
        # the core knows less, at most and equal; the others are their opposites
        operation = {"=": "in", "!=": "in", "<": "less", ">=": "less", "<=": "at_most", ">": "at_most"}[sign]
        self.steps.append((operation, name, (self._value(name, closed=operation == "in"),)))
        self._deny(sign in {"!=", ">=", ">"})

    def _values(self, name: str) -> tuple[str | int, ...]:
        if not self._is("("):
            raise self._expected("( and values")
        found = [self._value(name, closed=True)]
        while self._is(","):
            found.append(self._value(name, closed=True))
        if not self._is(")"):
            raise self._expected(", or )")
        return tuple(found)

    def _value(self, name: str, *, closed: bool) -> str | int:
        """Takes the next token as a value of the column. closed: it has to be one of those that there are."""
        read: dict[Kind, tuple[str, Callable[[], str | int | None]]] = {
            "number": ("a whole number of 64 bits", self._number),
            "truth": ("true or false", self._truth),
            "time": ("a date or a time of RFC 3339 in quotes", self._time),
        }
        what, call = read.get(columns()[name], ("a text in quotes", self._quoted))
        found = call()
        if found is None:
            raise self._expected(f"{what} for {name}")
        if closed and isinstance(found, str) and (known := self._known(name)) and found not in known:
            hint = near(found, known) if len(known) > 16 else f"it is {', '.join(known)}"
            raise self._error(f"{name} is never {found[:80]!r}", hint=hint)
        self._next()
        return found

    def _known(self, name: str) -> tuple[str, ...]:
        if name == "facts":
            return tuple(sorted({fact["fact"] for fact in self._engine.describe()["facts"]}))
        return vocabularies().get(name, ())

    def _quoted(self) -> str | None:
        quote = self._token[:1]
        return self._token[1:-1].replace(quote * 2, quote) if self._kind == "text" else None

    def _number(self) -> int | None:
        number = int(self._token) if self._kind == "number" and "." not in self._token and len(self._token) < 21 else None
        return number if number is not None and abs(number) < 1 << 63 else None

    def _truth(self) -> int | None:
        return {"true": 1, "false": 0}.get(self._token.lower()) if self._kind == "word" else None

    def _time(self) -> int | None:
        text = self._quoted()
        return None if text is None else microseconds(text)
