"""The draft of a mapping: where in the records of an unknown log the parts of an exchange stand. That is told by what the values are; names
decide between equals. The draft holds pointers, thus names, and no value of the log."""

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ..api import run
from ..config import toml_line, toml_text
from ..engine import Engine
from ..errors import StateprintError
from ..verdict import known
from . import looks
from .pointers import ARROW, Field, lists_of, members_of, without

RECORDS = 200
"""Most records that a draft is drawn from."""
LISTS = 64
"""Most lists of a document that are tried for records."""
POINTERS = 4
"""Most of a field that stands at several."""
_WHEN = (
    r"start|begin|request|creat|receiv|sent",
    r"time|date|stamp|(^|_)(ts|at|when|t)$",
    "",
    r"end|finish|complet|respon|stop|updat|expir",
)
_ID = (r"request|req|corr|call", r"(^|_)(id|ref|uuid|rid)$", r"id$", "")
_MODEL = ("req", "^model", "model", "")
_SESSION = re.compile(r"sess|conversation|thread|trace|chat_?id|dialog")
_OUT = r"(tok|usage).*(out|completion)|(out|completion|output)_?tok"
_TOKENS = {"tokens_in": r"(tok|usage).*(in|prompt)|(in|prompt|input)_?tok", "tokens_out": _OUT, "tokens_cached": r"cache.*tok|tok.*cache"}
_NOT_IN = re.compile(_OUT + "|cache")
_TURNS = {"messages": r"chat|messages", "input": r"responses", "contents": r"enerateContent"}
"""Where the turns of an operation stand in its payload."""
_HEAD = (
    "A draft of a mapping, made by stateprint peek out of {total} records. It holds names of the log, and none of its values.",
    "Check it, change it, use it: stateprint scan --map THIS-FILE YOUR-LOG. What the members mean: docs/mappings.md.",
)
_GRADES = {
    "wire": "DECIDE: bodies are as they were sent. If the logger leaves members out, say normalised: what isn't seen then proves nothing",
    "normalised": "the body doesn't stand here as it was sent, so what isn't seen proves nothing",
}
_NOT_FOUND = {
    "time": "no member looks like the time of the call",
    "url": "no member looks like the URL or the path: the operation is told by the body, and the route is unknown",
    "body": "no member looks like the body",
    "response": "no member looks like a response",
}
_ORDER = ("time", "id", "method", "url", "host", "status", "headers", "base64", "body", "response", "events", "response_headers")


@dataclass(frozen=True)
class Placed:
    """One member of the mapping: pointers, tried in order, in how many records they have a value, and those that could stand there, too."""

    pointers: tuple[str, ...]
    records: int
    note: str = ""
    rivals: tuple[tuple[str, int], ...] = ()


@dataclass
class Draft:
    """A mapping in the making."""

    total: int
    """Records that it is drawn from."""
    payloads: int = 0
    """Records in which a payload was recognised."""
    records: str | None = None
    grade: str = "wire"
    model: Placed | None = None
    tables: dict[str, dict[str, Placed]] = field(default_factory=lambda: {"fields": {}, "places": {}, "ids": {}})
    turns: str | None = None
    """Where the turns stand, if the members of a payload stand in columns of their own."""
    silent: tuple[str, int] | None = None
    """A pointer that is absent in the records that are no calls, and how many these are."""
    apart: tuple[int, str] | None = None
    """How many records look like responses on lines of their own, and the pointer of the id that they share with the requests, if any."""

    @property
    def fields(self) -> dict[str, Placed]:
        return self.tables["fields"]

    @property
    def split(self) -> str:
        """What to do where requests and responses stand on lines of their own; empty: they don't."""
        if self.apart is None:
            return ""
        n, pointer = self.apart
        by = pointer or "what a request and its response share"
        what = f"{n} of {self.total} records look like responses on lines of their own"
        return f"{what}; a mapping can't join lines: join them first (jq, DuckDB), by {by}"

    def mapping(self) -> dict[str, Any]:
        """As `map` of an Engine."""
        tables = {
            table: {name: [self._log(table, pointer) for pointer in parts[name].pointers] for name in self._ordered(table)}
            for table, parts in self.tables.items()
            if parts
        }
        plain: dict[str, Any] = {"title": "a log of one's own", "grade": self.grade}
        if self.records is not None:
            plain["records"] = self.records
        if self.model is not None:
            plain["model"] = [self._log("ids", pointer) for pointer in self.model.pointers]
        states = {"bodies": [{"when": [{"at": f"log:{self.turns}"}], "state": "full"}]} if self.turns else {}
        return plain | tables | states

    def __str__(self) -> str:
        notes: dict[tuple[str, str], list[str]] = {
            ("", "grade"): [_GRADES[self.grade]],
            ("", "records"): ["where the list of the calls stands"],
        }
        if self.model is not None:
            notes["", "model"] = self._notes("ids", "model", self.model)
        for table, parts in self.tables.items():
            notes |= {(table, name): self._notes(table, name, part) for name, part in parts.items()}
        missing = [name for name in _NOT_FOUND if name not in self.fields and not (name == "body" and self.tables["places"])]
        notes["fields", ""] = [f"DECIDE: {name}: {_NOT_FOUND[name]}" for name in missing]
        if self.split:
            notes["fields", ""].append(f"DECIDE: {self.split}")
        if self.silent is not None:
            notes["fields", ""] += self._passing(*self.silent)
        head = "".join(f"# {line.format(total=self.total)}\n" for line in _HEAD)
        return head + toml_text(self.mapping(), notes)

    def _ordered(self, table: str) -> Iterable[str]:
        return [name for name in _ORDER if name in self.fields] if table == "fields" else self.tables[table]

    @staticmethod
    def _log(table: str, pointer: str) -> str:
        return f"log:{pointer}" if table == "ids" else pointer

    def _notes(self, table: str, name: str, part: Placed) -> list[str]:
        seen = f"{part.records} of {self.total} records" + (f": {part.note}" if part.note else "")
        other = [f"DECIDE: or {toml_line(name, [self._log(table, at)])}  ({n} of {self.total} records)" for at, n in part.rivals]
        return [seen, *other]

    def _passing(self, pointer: str, n: int) -> list[str]:
        when = [{"at": f"log:{pointer}", "is": "absent"}]
        return [
            f"DECIDE: {n} of {self.total} records have no {pointer}. If these are no calls, pass them over:",
            "[[pass_over]]",
            toml_line("when", when),
            toml_line("why", "no call"),
        ]


def draft(records: Sequence[Any], engine: Engine, where: str | None = None) -> Draft:
    """The draft for these records, of which the first 200 are looked at. where: the pointer at which they stand, if the log is no JSON Lines."""
    used = [record for record in records[:RECORDS] if isinstance(record, Mapping)]
    return _Drafter(members_of(used), len(used), engine).draft(where)


def draft_within(document: Any, engine: Engine) -> Draft | None:
    """The draft for a list that stands somewhere in a document: the one with most payloads. None where no list has any."""
    tried = ((pointer, found, draft(found[:20], engine).payloads) for pointer, found in islice(lists_of(document), LISTS))
    best = max(tried, key=lambda one: one[2], default=None)
    return draft(best[1], engine, best[0]) if best is not None and best[2] else None


class _Core:
    """What the core makes of a value."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.operation = functools.lru_cache(4096)(self._operation)
        self.has_family = functools.lru_cache(4096)(self._has_family)

    def _row(self, payload: Any, **around: Any) -> dict[str, Any]:
        try:
            return run(payload, engine=self._engine, **around).row
        except (StateprintError, TypeError):
            return {}

    def is_payload(self, value: Any) -> bool:
        """Whether it is the payload of an API that is known."""
        if not isinstance(value, Mapping) or looks.is_response(value) or looks.is_envelope(value):
            return False
        return known(self._row(value).get("api"))

    def _operation(self, url: str) -> str:
        """What a URL or a path asks for; empty: nothing that is known."""
        rows = (self._row(None, method=method, url=url) for method in ("POST", "GET", "DELETE"))
        return next((str(row["operation"]) for row in rows if known(row.get("operation"))), "")

    def is_provider(self, value: Any) -> bool:
        """Whether it is a host of APIs of models."""
        return looks.is_host(value) and known(self._row(None, method="POST", url=f"https://{value}/").get("provider"))

    def _has_family(self, name: str) -> bool:
        row = self._row({"model": name, "messages": [{"role": "user", "content": ""}]})
        return looks.is_name(name) and known(row.get("model_family"))

    def is_model(self, value: Any) -> bool:
        """Whether it names a model whose family is known."""
        return isinstance(value, str) and self.has_family(value)


class _Drafter:
    def __init__(self, members: dict[str, Field], total: int, engine: Engine) -> None:
        self.members, self.core, self.out = members, _Core(engine), Draft(total)

    def draft(self, where: str | None) -> Draft:
        self.out.records = where
        self._payloads()
        for name, test in (("response", looks.is_response), ("events", looks.is_events)):
            if (part := self._take(name, self._all(test))) is not None:
                self.members = without(self.members, part.pointers)
        self._headers()
        self._url()
        if "body" not in self.out.fields:
            self._table()
        self._around()
        self._ids()
        return self.out

    # --------------------------------------------------------------------------------------------------------------- choosing members
    def _best(
        self,
        test: Callable[[Any], Any],
        *,
        order: Sequence[str] = ("",),
        whole: bool = False,
        within: Mapping[str, Field] | None = None,
    ) -> Placed | None:
        """The member with most values that pass; of several the one whose name comes first in `order`, then the shallowest. whole: all its
        values have to pass."""
        ranked = []
        for member in (self.members if within is None else within).values():
            n = member.count(test) if not whole or member.all(test) else 0
            if n:
                ranked.append((-n, _rank(member.name, order), member.pointer.count("/"), member.pointer))
        ranked.sort()
        if not ranked:
            return None
        return Placed((ranked[0][3],), -ranked[0][0], "", tuple((pointer, -n) for n, _, _, pointer in ranked[1:4]))

    def _all(self, test: Callable[[Any], Any]) -> Placed | None:
        """The best member, and behind it those that have such a value in records where none before has. Not in lists of {name, value}, where
        a reader looks for no body."""
        found: list[str] = []
        seen: set[int] = set()
        hits = {p: {n for n, value in m.values.items() if test(value)} for p, m in self.members.items() if "{" not in p}
        while len(found) < POINTERS:
            best = min(hits, key=lambda p: (-len(hits[p] - seen), p.count("/"), p), default=None)
            if best is None or not hits[best] - seen:
                break
            found.append(best)
            seen |= hits[best]
            inside = tuple(best + mark for mark in "/ ")
            hits = {p: records for p, records in hits.items() if not p.startswith(inside)}
        return Placed(tuple(found), len(seen)) if found else None

    def _take(self, name: str, part: Placed | None, note: str = "") -> Placed | None:
        if part is not None:
            self.out.fields[name] = Placed(part.pointers, part.records, note or part.note, part.rivals)
        return part

    # ------------------------------------------------------------------------------------------------------------- bodies and headers
    def _payloads(self) -> None:
        part = self._all(self.core.is_payload)
        if part is None or part.records < self.out.total:
            packed = self._all(lambda value: self.core.is_payload(looks.from_base64(value)))
            if packed is not None and (part is None or packed.records > part.records):
                part = self._packed(packed)
        if self._take("body", part) is not None and part is not None:
            self.out.payloads = part.records
            self._silent(part)
            self._apart(part)
            self.members = without(self.members, part.pointers)

    def _packed(self, part: Placed) -> Placed:
        """Bodies in base64, and the flag that says so."""
        holders = {n for p in part.pointers for n, v in self.members[p].values.items() if self.core.is_payload(looks.from_base64(v))}
        flags = (m.pointer for m in self.members.values() if {n for n, v in m.values.items() if v is True} == holders)
        if (flag := next(flags, None)) is None:
            return Placed(part.pointers, part.records, "DECIDE: base64, which needs base64 = [a flag in the log that is true]")
        self._take("base64", Placed((flag,), len(holders), "true where the body is base64"))
        return Placed(part.pointers, part.records, "base64")

    def _silent(self, part: Placed) -> None:
        """Records that have not even a place for a payload."""
        parent = part.pointers[0].rsplit("/", 1)[0].removesuffix(" ").removesuffix(ARROW)
        if parent in self.members and (missing := self.out.total - len(self.members[parent].values)):
            self.out.silent = parent, missing

    def _apart(self, part: Placed) -> None:
        """Responses in records that hold no payload, where none stands beside a payload."""
        asked = {n for p in part.pointers for n, v in self.members[p].values.items() if self.core.is_payload(looks.from_base64(v) or v)}
        answered = _answered(self.members) - asked
        if not answered or _answered(without(self.members, part.pointers)) & asked:
            return
        shared = {p: m for p, m in self.members.items() if _joins(m.among(asked), m.among(answered))}
        by = self._best(looks.is_name, order=_ID, within=shared)
        self.out.apart = len(answered), by.pointers[0] if by is not None else ""

    def _headers(self) -> None:
        for name, other in (("headers", "request"), ("response_headers", "response")):
            within = {p: m for p, m in self.members.items() if not m.wrapped and _whose(m) == other}
            if (part := self._best(looks.headers_of, within=within)) is not None:
                listed = any(isinstance(value, list) for value in self.members[part.pointers[0]].values.values())
                self._take(name, Placed((part.pointers[0] + ("{}" if listed else ""),), part.records))
                self.members = without(self.members, part.pointers)

    # ----------------------------------------------------------------------------------------------------------- what stands around it
    def _url(self) -> None:
        whole = self._best(lambda v: isinstance(v, str) and "://" in v[:9] and self.core.operation(v))
        path = self._best(lambda v: isinstance(v, str) and v[:1] == "/" and self.core.operation(v))
        if whole is not None and (path is None or whole.records >= path.records):
            self._take("url", whole)
        elif self._take("url", path, "a path") is not None:
            self._take("host", self._best(self.core.is_provider))

    def _around(self) -> None:
        if (time := self._best(looks.time_form, order=_WHEN, whole=True)) is not None:
            forms = sorted({looks.time_form(v) for v in self.members[time.pointers[0]].values.values() if v is not None})
            self._take("time", time, " or ".join(forms))
        self._take("method", self._best(looks.is_method, whole=True))
        self._take("status", self._best(looks.is_status, order=("status", "code|http", ""), whole=True))
        taken = {pointer for part in self.out.fields.values() for pointer in part.pointers}
        ids = {p: m for p, m in without(self.members, taken).items() if _is_unique(m)}
        self._take("id", self._best(looks.is_name, order=_ID, within=ids))

    def _ids(self) -> None:
        ids = self.out.tables["ids"]
        found = {
            "response_id": {p: m for p, m in self.members.items() if not re.search("prev|parent", m.name) and m.count(looks.is_reply_id)},
            "session_label": {p: m for p, m in self.members.items() if _is_label(m)},
        }
        for name, within in found.items():
            part = self._best(looks.is_reply_id if name == "response_id" else looks.is_name, within=within)
            if part is not None and not (name == "response_id" and "response" in self.out.fields):
                ids[name] = part
        for name, pattern in _TOKENS.items():
            counts = {p: m for p, m in self.members.items() if re.search(pattern, p.lower()) and m.all(looks.is_count)}
            if name == "tokens_in":
                counts = {p: m for p, m in counts.items() if not _NOT_IN.search(m.name)}
            if (part := self._best(looks.is_count, within=counts, order=(pattern, ""))) is not None:
                ids[name] = part
        if "body:/model" not in self.out.tables["places"]:
            self.out.model = self._best(self.core.is_model, order=_MODEL)

    # -------------------------------------------------------------------------------------------------- a call's members in columns
    def _table(self) -> None:
        """No payload stands anywhere as one value: its members may stand in columns of their own."""
        turns = self._best(looks.is_turns)
        asked = self._operations()
        if turns is None or not (asked or self._is_chat(turns)):
            return
        self.out.grade, self.out.payloads = "normalised", turns.records
        member = self.members[turns.pointers[0]]
        given = Placed((member.pointer + (ARROW if member.wrapped else ""),), member.count(lambda v: v is not None), "turns", turns.rivals)
        self.out.turns = member.pointer
        places = self.out.tables["places"]
        for name, pattern in _TURNS.items():
            if any(re.search(pattern, operation) for operation in asked or ("chat",)):
                places[f"body:/{name}"] = given
        self.members = without(self.members, [member.pointer])
        self._place("body:/model", self.core.is_model, _MODEL)
        self._place("body:/previous_response_id", lambda v: isinstance(v, str) and v.startswith("resp_"), ("prev|parent",))
        self._place("body:/conversation", lambda v: isinstance(v, str) and v.startswith("conv_"), ("conv", ""))
        self._place("body:/store", lambda v: isinstance(v, bool), ("stor|keep|retain",))

    def _place(self, place: str, test: Callable[[Any], Any], names: Sequence[str]) -> None:
        """A member whose name fits one of the names, where `""` is any."""
        within = {p: m for p, m in self.members.items() if any(re.search(name, m.name) for name in names)}
        if (part := self._best(test, order=names, whole=place != "body:/model", within=within)) is not None:
            self.out.tables["places"][place] = part

    def _operations(self) -> set[str]:
        part = self.out.fields.get("url")
        values = self.members[part.pointers[0]].values.values() if part is not None else ()
        return {self.core.operation(value) for value in values if isinstance(value, str)} - {""}

    def _is_chat(self, turns: Placed) -> bool:
        """Whether a model is named beside the turns: messages alone are no call."""
        first = next(value for value in self.members[turns.pointers[0]].values.values() if looks.is_turns(value))
        return self._best(self.core.is_model) is not None and self.core.is_payload({"model": "m", "messages": first})


def _rank(name: str, order: Sequence[str]) -> int:
    """The first pattern of the order that the name fits, where `""` is for those that fit none."""
    fits = (i for i, pattern in enumerate(order) if pattern and re.search(pattern, name))
    return next(fits, order.index("") if "" in order else len(order))


def _whose(member: Field) -> str:
    """Whether headers are those of the request or of the response."""
    kinds = {looks.headers_of(value) for value in member.values.values()}
    answer = re.search(r"[/_](res|resp|response|repl|reply|answer|out)(?![a-z])", member.pointer, re.IGNORECASE)
    return "response" if "response" in kinds or ("request" not in kinds and answer) else "request"


def _is_unique(member: Field) -> bool:
    """Whether its values could name the calls."""
    return member.all(looks.is_name) and _differs(member) and not member.count(looks.is_reply_id) and not member.count(looks.time_form)


def _is_label(member: Field) -> bool:
    """Whether its values could name sessions: what is another one in each call names none."""
    return _SESSION.search(member.name) is not None and member.all(looks.is_name) and not _differs(member)


def _differs(member: Field) -> bool:
    """Whether no two records have one value, as far as several tell."""
    given = [value for value in member.values.values() if value is not None]
    return 1 < len(given) == len(set(given))


def _answered(members: Mapping[str, Field]) -> set[int]:
    """The records that hold a response, which stands in no list of {name, value}."""
    parts = (member for pointer, member in members.items() if "{" not in pointer)
    return {n for member in parts for n, value in member.values.items() if looks.is_response(value) or looks.is_events(value)}


def _joins(asked: Field, answered: Field) -> bool:
    """Whether its values could name the calls in requests, each of which has its own, and some of them in responses, too."""
    given = list(asked.values.values())
    return (
        asked.all(looks.is_name)
        and len(set(given)) == len(given)
        and answered.count(lambda value: looks.is_name(value) and value in given) > 0
    )
