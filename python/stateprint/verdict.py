"""What is known of one exchange: Verdict, Mark, Fingerprint, Identification, Explanation. Frozen values, made from rows of the core."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from . import _core, show
from ._siphash import siphash128
from .errors import ConfigError

__all__ = ["Explanation", "Fingerprint", "Identification", "Mark", "Verdict"]


TELLS = {"context.host": "tells the provider", "context.model": "tells the model"}
"""Entries of a context file that prove no fact and deny none."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A piece of evidence: where something stands (`place`, `pointer`, bytes of the payload or of the unpacked source; None where a
    default speaks), which rule read it, and the fact that it proves. `holds` is False where something of more authority denies it."""

    rule: str | None
    fact: str | None
    effect: str | None
    basis: str | None
    holds: bool | None
    place: str | None
    pointer: str | None
    layer: int | None
    byte_start: int | None
    byte_end: int | None
    type: str | None
    value: str | None
    digest: str | None

    @property
    def denies(self) -> bool:
        """Whether it proves no fact and is held against some."""
        return self.fact is None and self.rule not in TELLS

    def __str__(self) -> str:
        where = f"{self.place} {self.pointer or ''}".strip() if self.place else "nowhere"
        what = self.fact or TELLS.get(self.rule or "", "denies")
        denied = "" if self.holds or self.fact is None else ", denied"
        return show.printable(f"{what} ({self.basis}{denied}) at {where}, rule {self.rule}")


def mark_of(row: Mapping[str, Any]) -> Mark:
    """The mark in a row of the evidence table."""
    return Mark(**{f.name: row.get(f.name) for f in fields(Mark)})


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return show.rfc3339(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Mark):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    return value


class _Lazy:
    """A value whose slots are empty until they are asked for; then they are filled from the answer of the core."""

    __slots__ = ("_answer",)
    _answer: _core.Answer

    if not TYPE_CHECKING:  # to a checker an unknown name is an error

        def __getattr__(self, name: str) -> Any:
            if name not in _VALUES:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            value = _VALUES[name](self._answer)
            object.__setattr__(self, name, value)
            return value


@dataclass(frozen=True, slots=True, repr=False)
class Verdict(_Lazy):
    """State of one exchange under a lens, with its evidence. `missing` names what an `unknown` lacks."""

    state: str
    facts: frozenset[str]
    effects: frozenset[str]
    evidence: tuple[Mark, ...]
    confidence: str | None
    rule: str | None
    missing: str | None
    provider: str | None
    cloud: str | None
    route: str | None
    api: str | None
    operation: str | None
    inference: bool | None
    model: str | None
    model_family: str | None
    flags: frozenset[str]
    grade: str | None
    body_state: str | None
    fingerprint: str | None
    lens: str

    @property
    def decisive(self) -> Mark | None:
        """The mark that decided, where one did."""
        return next((m for m in self.evidence if m.rule == self.rule and (m.holds or m.fact is None)), None)

    def to_dict(self) -> dict[str, Any]:
        """Values that JSON knows: sets as sorted lists, marks as dicts."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}

    def __str__(self) -> str:
        return describe(self)

    def __repr__(self) -> str:
        return f"<Verdict {describe(self)}>"

    def _repr_html_(self) -> str:
        told = {name: value for name, value in self.to_dict().items() if name != "evidence" and value not in (None, [])}
        rows = [{"": name, "value": show.value(value)} for name, value in told.items()]
        marks = [_plain(m) for m in self.evidence]
        names = ["rule", "fact", "basis", "holds", "place", "pointer", "byte_start", "byte_end", "value"]
        return show.html_table(["", "value"], rows, "verdict") + (show.html_table(names, marks, "evidence") if marks else "")


_SETS = ("facts", "effects", "flags")


def verdict_of(row: Mapping[str, Any], evidence: Iterable[Mapping[str, Any]], lens: str) -> Verdict:
    """The verdict in a row of the exchanges table and its rows of evidence."""
    values: dict[str, Any] = {f.name: row.get(f.name) for f in fields(Verdict)}
    values |= {name: frozenset(row.get(name) or ()) for name in _SETS}
    values |= {"evidence": tuple(map(mark_of, evidence)), "lens": lens}
    return Verdict(**values)


def _reader(name: str, column: int) -> Callable[[_core.Answer], Any]:
    if name in _SETS:
        return lambda answer: frozenset(answer.cell(column) or ())
    return lambda answer: answer.cell(column)


_VALUES = {name: _reader(name, i) for i, (name, _, _) in enumerate(_core.columns("exchanges")) if name in Verdict.__slots__}
_VALUES["evidence"] = lambda answer: tuple(map(mark_of, answer.evidence().to_pylist()))
_put_answer, _put_lens = (getattr(Verdict, name).__set__ for name in ("_answer", "lens"))


def verdict_in(answer: _core.Answer, lens: str) -> Verdict:
    """The verdict in an answer of the core: equal to that of its rows, but its values are made when they are asked for."""
    verdict = object.__new__(Verdict)
    _put_answer(verdict, answer)
    _put_lens(verdict, lens)
    return verdict


def known(name: str | None) -> bool:
    """Whether the tables give a name and not `unknown`."""
    return name is not None and name != "unknown"


def describe(v: Verdict) -> str:
    """One line, as file(1) would put it."""
    what = f"{v.api} {v.operation}" if known(v.api) else "no API that is known"
    mark = v.decisive
    reasons = []
    if v.state == "unknown":
        reasons.append(f"missing {v.missing}")
    elif mark is not None:
        reasons.append(f"{mark.fact or 'denied by ' + str(mark.rule)}, {v.confidence}" + (f", at {mark.pointer}" if mark.pointer else ""))
    elif v.confidence:
        reasons.append(f"{v.confidence}")
    route = f" via {v.provider}" if known(v.provider) else ""
    model = f", model {v.model}" if v.model else ""
    flags = f", flags {' '.join(sorted(v.flags))}" if v.flags else ""
    why = f" ({'; '.join(reasons)})" if reasons else ""
    return show.printable(f"{what}{route}{model}, {v.state}{why}{flags}, {v.fingerprint or 'no fingerprint'}")


@dataclass(frozen=True, slots=True)
class Identification:
    """One payload in one line; `str()` gives it."""

    line: str
    verdict: Verdict

    def __str__(self) -> str:
        return self.line

    def _repr_html_(self) -> str:
        return show.html_text(self.line)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The hashes of docs/fingerprint.md, in lower-case hex: `payload` 128 bits, `shape` and `context` 64, `chain` a prefix hash per turn,
    `turns` a content hash per turn, `text` the printable form."""

    payload: str
    shape: str
    context: str
    chain: tuple[str, ...]
    turns: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return self.text

    def keyed(self, key: bytes) -> "Fingerprint":
        """The keyed form under a key of 16 bytes, fit for sharing. Raises ConfigError for another length or a keyed fingerprint."""
        if not isinstance(key, bytes) or len(key) != 16:
            raise ConfigError("a key has to be 16 bytes", code="key")
        if not self.text.startswith("sp1_"):
            raise ConfigError("this fingerprint is keyed already", code="key")

        def hashed(digest: str) -> str:
            raw = bytes.fromhex(digest)
            return siphash128(key, raw)[: len(raw)].hex()

        payload, shape, context = map(hashed, (self.payload, self.shape, self.context))
        chain, turns = tuple(map(hashed, self.chain)), tuple(map(hashed, self.turns))
        head = self.text.removeprefix("sp1_").rsplit("_", 3)[0]
        text = f"sp1k_{head}_{shape}_{context}_{chain[0][:16] if chain else '0' * 16}"
        return Fingerprint(payload, shape, context, chain, turns, text)


def fingerprint_of(row: Mapping[str, Any]) -> Fingerprint:
    """The fingerprint in a row of the exchanges table."""
    payload, shape, context = (str(row[f"{n}_hash"] or "") for n in ("payload", "shape", "context"))
    chain, turns = tuple(row["prefix"] or ()), tuple(row["turn_hashes"] or ())
    return Fingerprint(payload, shape, context, chain, turns, row["fingerprint"] or "")


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """The decision trace of one exchange; `str()` gives it as text, `verdict` is None for a line that was rejected."""

    text: str
    verdict: Verdict | None

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Explanation of {self.verdict.state if self.verdict else 'a rejected line'}>"

    def _repr_html_(self) -> str:
        return show.html_text(self.text)
