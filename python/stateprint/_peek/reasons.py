"""Why a log is taken for one of a format, and not for one of another: the votes of its records, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .head import Reading

MOST_REASONS, MOST_WORDS = 3, 7
NO_SIGNATURE = "no reader has a signature that these records have"
_VERBS = {"in": "is", "prefix": "begins with", "has": "holds"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reader whose signature, or pattern, some records have."""

    format: str
    title: str
    records: int
    """How many have it."""
    share: float
    """Of the records that were looked at."""
    reasons: tuple[str, ...]
    """What they have, in words and pointers: one for each alternative of the signature that is met, the commonest first."""
    why_not: str
    """Why the log isn't taken for one of this format; empty: it is."""


def candidates_of(reading: Reading, forms: Mapping[str, Mapping[str, Any]]) -> list[Candidate]:
    """The readers whose signature some records have: the one that was told first, then the likeliest."""
    votes, chosen = reading.votes, str(reading.summary["format"])
    found = []
    for name, vote in votes["formats"].items():
        if vote["has"]:
            why = "" if name == chosen else _why_not(vote, votes["formats"][chosen], chosen, votes["records"])
            reasons = _reasons(forms[name], vote["alternatives"], votes["records"]) or (f"{vote['has']} lines fit a pattern of it",)
            found.append(Candidate(name, forms[name]["title"], vote["has"], vote["has"] / votes["records"], reasons, why))
    return sorted(found, key=lambda one: (bool(one.why_not), -one.records))


def _why_not(vote: Mapping[str, Any], told: Mapping[str, Any], chosen: str, total: int) -> str:
    if vote["first"] == 0:
        return "its records have the signature of a reader that is tried before it, too"
    return f"{vote['first']} of {total} records are left to it by the readers that are tried before it, and {told['first']} to {chosen}"


def confidence_of(reading: Reading, chosen: Candidate | None) -> tuple[str, float, tuple[str, ...]]:
    """Confidence, share of the records that it rests on, and reasons for the format that was told; chosen: by its signature."""
    total, recognised = reading.votes["records"], reading.recognised
    if chosen is not None:
        sure = "certain" if chosen.share == 1 else "likely" if chosen.share >= 0.5 else "guess"
        return sure if recognised else "guess", chosen.share, chosen.reasons
    if not recognised:
        return "unknown", 0.0, (f"{NO_SIGNATURE}, and none of them is a payload that is known",)
    why = f"{recognised} of {total} records have the shape of a payload, and {reading.sure} of them name a model that is known"
    if not reading.sure:
        return "unknown", 0.0, (NO_SIGNATURE, f"{why}: --format {reading.summary['format']} reads them all the same")
    sure = "likely" if 10 * recognised >= 9 * total and 2 * reading.sure >= recognised else "guess"
    return sure, recognised / total, (NO_SIGNATURE, why)


def _reasons(form: Mapping[str, Any], counts: Sequence[int], total: int) -> tuple[str, ...]:
    held = sorted(((n, i) for i, n in enumerate(counts) if n), key=lambda one: (-one[0], one[1]))[:MOST_REASONS]
    return tuple(f"{n} of {total} records have {_list([_test(one) for one in form['signature'][i]], 'and')}" for n, i in held)


def _test(test: Mapping[str, Any]) -> str:
    """A test of a signature in words."""
    for key, word in (("any", "one of "), ("none", "none of "), ("all", "all of ")):
        if key in test:
            return word + _list([_test(one) for one in test[key]], "and" if key == "all" else "or")
    where = str(test.get("at", test.get("each", "the exchange"))).removeprefix("log:")
    for key, verb in _VERBS.items():
        if key in test:
            return f"{where} that {verb} {_list(_texts(test[key]), 'or')}"
    forms = _texts(test.get("is", "present"))
    return where if set(forms) <= {"present", "null"} else f"{where} that is {_list(forms, 'or')}"


def _texts(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _list(words: Sequence[str], last: str) -> str:
    shown = list(words) if len(words) <= MOST_WORDS else [*words[: MOST_WORDS - 1], "…"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {last} {shown[-1]}"
