"""A first look at a log: its format, with confidence and reasons, the first exchanges as they are read, and the draft of a mapping for a
shape that no reader knows (docs/mappings.md)."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from .. import show
from ..engine import Engine, Lens, Pack, Settings, engine_of, joined
from ..errors import InputError
from ..inputs.places import Input
from ..logs import LAST
from ..table import Output
from ..verdict import known
from .draft import Draft, draft, draft_within
from .head import Head, Reading, head_of, hints_of, read_head, record_of, text_of
from .pointers import closed
from .reasons import Candidate, candidates_of, confidence_of

__all__ = ["Candidate", "Peek", "peek"]

DOCUMENTS = 3
"""Most records that are searched for a list of calls."""
COLUMNS = (
    "line",
    "time",
    "request_id",
    "route",
    "operation",
    "model",
    "state",
    "facts",
    "confidence",
    "missing",
    "status",
    "grade",
    "body_state",
)
MISSING = {
    "time": "the order of the calls is not known, nor which of several rules was in force",
    "host": "where the calls went is not known, or told by the body alone",
    "status": "which calls were refused or failed is not known",
    "response": "no ids and tokens of responses, nor what they say of state",
    "body": "what isn't seen proves nothing: the state is unknown where host and path don't decide",
}


@dataclass(frozen=True, slots=True, repr=False)
class Peek:
    """What was seen in the first 64 KiB of a log."""

    source: str
    packing: str | None
    container: str | None
    """What holds the records, as in the summary of a scan."""
    records: int
    """Records that were looked at."""
    format: str
    title: str
    confidence: str
    """`certain`: all records have the signature of the format, and calls are recognised in them; `likely`: most of them; `guess`: some, or no
    call is recognised. Without any signature (`bodies`): `likely` or `guess` by the share of payloads that are recognised, `unknown`
    where none is, or none names a model that is known. `given`: the caller named the reader, or gave a mapping."""
    share: float
    """Of the records: those that the confidence rests on."""
    reasons: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    """Other readers whose signature some of the records have, the likeliest first, each with why it was not taken."""
    recognised: int
    """Records in which a call to a known API is recognised."""
    exchanges: tuple[dict[str, Any], ...]
    """The first ones, as they are read: columns of `exchanges`; with `with_text` also `text`, the record as it stands in the log."""
    drafted: bool
    """Whether they were read with the draft, as no reader sees the body of a call in them."""
    missing: tuple[str, ...]
    """What these don't show: time, host, status, response, body."""
    hints: tuple[str, ...]
    mapping: str | None
    """The draft of a mapping, as TOML; None where nothing is recognised to draft it from. It holds names and no values of the log."""
    mapped: int
    """Records in which a call is recognised with the draft."""

    @property
    def is_log(self) -> bool:
        """Whether a call is recognised in it, as it is read or with the draft."""
        return bool(self.recognised or self.mapped)

    def write_map(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Writes the draft of the mapping. InputError where there is none, OutputError where it can't be written."""
        if self.mapping is None:
            raise InputError(
                "there is nothing to draft a mapping from: "
                + ("its records are payloads" if self.recognised else "no call is recognised in it"),
                code="no_draft",
                source=self.source,
                hint="scan it as it is" if self.recognised else "write one by hand: docs/mappings.md",
            )
        with Output(path, force=force) as out:
            out.write(self.mapping.encode())

    def to_dict(self) -> dict[str, Any]:
        """Values that JSON knows."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        found["candidates"] = [{f.name: getattr(one, f.name) for f in fields(one)} for one in self.candidates]
        found["exchanges"] = [{name: show.value(cell) if name == "time" else cell for name, cell in row.items()} for row in self.exchanges]
        return found

    def facts(self) -> Iterator[tuple[str, str]]:
        """(what, text) of all but the exchanges and the mapping, for people."""
        packed = f", packed with {self.packing}" if self.packing else ""
        yield "file", f"{self.source}{packed}; records: {self.container or 'none'}, {self.records} looked at"
        share = "" if self.confidence in {"given", "unknown"} else f", {self.share:.0%} of the records"
        named = self.confidence if self.confidence == "unknown" else f"{self.format} ({self.title}), {self.confidence}{share}"
        yield "format", named
        yield from (("because", reason) for reason in self.reasons)
        for other in self.candidates:
            yield "not", f"{other.format}: {other.why_not}; {other.reasons[0]}"
        calls = f"recognised in {self.recognised} of {self.records} records" if self.recognised else "none is recognised"
        yield "calls", calls + (f", with the draft of a mapping in {self.mapped}" if self.drafted else "")
        yield from (("missing", f"{name}: {MISSING[name]}") for name in self.missing)
        yield from (("hint", hint) for hint in self.hints)

    def __str__(self) -> str:
        return "\n".join(show.printable(f"{what:<9}{text}") for what, text in self.facts())

    def __repr__(self) -> str:
        what = "format unknown" if self.confidence == "unknown" else f"{self.format}, {self.confidence}"
        return show.printable(f"<Peek {self.source}: {what}, calls in {self.recognised} of {self.records} records>")

    def _repr_html_(self) -> str:
        head = show.html_table(("", "value"), ({"": what, "value": text} for what, text in self.facts()), "peek")
        return head + (show.html_table(COLUMNS, self.exchanges, "exchanges") if self.exchanges else "")


def peek(
    input: Input,
    *,
    engine: Engine | None = None,
    lens: str | Lens | None = None,
    rules: Pack | Iterable[Pack] = (),
    context: Settings | None = None,
    map: Settings | None = None,
    format: str | None = None,
    records: str | Iterable[str] | None = None,
    limit: int = 5,
) -> Peek:
    """A first look at one log, from its first 64 KiB (and the line that they end in).

    input: as one of `scan`; of several files the first. engine, or lens, rules, context and map for one; format, records: as in `scan`. limit:
    most exchanges to show. InputError for what can't be read, ConfigError for options that are refused. Safe to call from many threads.
    """
    engine = engine_of(engine, lens, rules, context, map)
    where = joined(records)
    by_name = head_of(input, engine)
    whole = by_name.values() if engine.map is None else by_name
    head = whole.cut()
    told = read_head(head, engine, None, where)
    if not told.rows and head is not whole:
        head, told = whole, read_head(whole, engine, None, where)
    given, given_records = engine.reading(format, where)
    reading = told if given is None else read_head(head, engine, given, given_records)
    plain = given is None and reading.summary["format"] == LAST and reading.sure
    named = head if whole is by_name else by_name.cut()
    made = _drafted(named, engine, where) if engine.map is None and not plain else None
    mapped = _mapped(named, engine, made)
    return _looked(head, named, engine, told, reading, made if mapped is not None else None, mapped, given is not None, limit)


def _drafted(head: Head, engine: Engine, records: str | None) -> Draft | None:
    """The draft of a mapping, from records as the core cuts them; where these hold no payloads, from lists within them."""
    found = [record for row in read_head(head, engine, LAST, records).rows if (record := record_of(head, row)) is not None]
    made = draft(found, engine, records)
    if made.payloads or records is not None:
        return made if made.payloads else None
    documents = found or [closed(head.data.decode("utf-8", "replace"))]
    return next((within for document in documents[:DOCUMENTS] if (within := draft_within(document, engine)) is not None), None)


def _mapped(head: Head, engine: Engine, made: Draft | None) -> Reading | None:
    """The head as the draft reads it; None where it recognises nothing."""
    if made is None:
        return None
    mapped = engine.with_map(made.mapping())
    found = read_head(head, mapped, *mapped.reading(None, None))
    return found if found.sure else None


def _looked(
    head: Head,
    named: Head,
    engine: Engine,
    told: Reading,
    reading: Reading,
    made: Draft | None,
    mapped: Reading | None,
    given: bool,
    limit: int,
) -> Peek:
    forms = {form["name"]: form for form in engine.formats()}
    name = str(reading.summary["format"] or LAST)
    candidates = candidates_of(told, forms)
    mine = next((one for one in candidates if not one.why_not), None)
    confidence, share, reasons = ("given", 0.0, ()) if given else confidence_of(reading, mine)
    recognised = reading.recognised if confidence != "unknown" else 0
    blind = not reading.seen or not recognised
    drafted = mapped is not None and mapped.seen > 0 and blind and forms[name]["grade"] != "metadata"
    shown = mapped if mapped is not None and drafted else reading
    hint = [_hint(made, mapped), *filter(None, [made.split])] if made is not None and mapped is not None and drafted else []
    return Peek(
        source=head.name,
        packing=head.packing,
        container=head.table or shown.summary["container"],
        records=shown.records,
        format=name,
        title=forms[name]["title"],
        confidence=confidence,
        share=share,
        reasons=reasons,
        candidates=tuple(one for one in candidates if one.format != name),
        recognised=recognised,
        exchanges=tuple(_exchanges(named if drafted else head, shown, engine.with_text, limit)) if recognised or drafted else (),
        drafted=drafted,
        missing=tuple(_missing(shown)) if recognised or drafted else (),
        hints=(*hints_of(head, told, given=given), *hint),
        mapping=str(made) if made is not None else None,
        mapped=mapped.recognised if mapped is not None else 0,
    )


def _exchanges(head: Head, reading: Reading, with_text: bool, limit: int) -> Iterator[dict[str, Any]]:
    for row in [row for row in reading.rows if row["error"] is None][:limit]:
        yield {name: row[name] for name in COLUMNS} | ({"text": text_of(head, row)} if with_text else {})


def _missing(reading: Reading) -> Iterator[str]:
    rows = [row for row in reading.rows if known(row["api"])]
    has = {
        "time": any(row["time"] is not None for row in rows),
        "host": any(row["host"] is not None for row in rows),
        "status": any(row["status"] is not None for row in rows),
        "response": any(row[name] is not None for row in rows for name in ("response_id", "tokens_in", "chain_out")),
        "body": any(row["body_state"] != "absent" for row in rows),
    }
    yield from (name for name, there in has.items() if not there)


def _hint(made: Draft, mapped: Reading) -> str:
    where = f" in the list at {made.records}" if made.records else ""
    return f"calls stand{where} in a shape that no reader knows: --write-map FILE drafts a mapping, with which {mapped.seen} are seen"
