"""The decision trace of one exchange, from its row, its evidence and the description of the rules."""

from collections.abc import Iterable, Mapping
from typing import Any

from .engine import Engine
from .show import printable, value
from .verdict import TELLS, Explanation, Mark, Verdict, known, verdict_of

_HOW = {
    "explicit": "by a field",
    "endpoint": "by host, path or operation",
    "default": "by a documented default",
    "inferred": "by the shape of the body",
    "context": "by the context file",
}


def explanation(row: Mapping[str, Any], evidence: Iterable[Mapping[str, Any]], engine: Engine) -> Explanation:
    """The trace as text. `row` and `evidence` are rows of the two tables."""
    if row["state"] is None:
        return Explanation("\n".join(_rejected(row)), None)
    verdict = verdict_of(row, evidence, engine.lens.name)
    described = engine.describe()
    entries = {
        entry["id"]: entry for entry in reversed(described["entries"])
    }  # a layout may share the id of an endpoint, which comes first
    lines = [*_place(row), *_operation(verdict, row, entries), *_marks(verdict, entries), *_decision(verdict, engine)]
    lines.append(f"versions     {row['versions']}")
    return Explanation("\n".join(map(printable, lines)), verdict)


def _place(row: Mapping[str, Any]) -> list[str]:
    if row["source"] is None or row["line"] is None:
        return []
    place = f"at           {row['source']}:{row['line']}"
    if row["byte_start"] is not None:
        place += f", bytes {row['byte_start']} to {row['byte_end']}"
    return [f"exchange     {row['uid']}", place]


def _rejected(row: Mapping[str, Any]) -> list[str]:
    return [*map(printable, _place(row)), "state        none: the line was rejected", f"error        {printable(row['error'])}"]


def _operation(v: Verdict, row: Mapping[str, Any], entries: Mapping[str, Any]) -> list[str]:
    route = [part for part in (v.provider, row["host"], row["region"]) if known(part)]
    lines = [f"route        {', '.join(map(str, route)) or 'unknown'}" + (f", in the cloud of {v.cloud}" if v.cloud else "")]
    if known(v.api):
        rule = row["operation_rule"]
        lines.append(
            f"operation    {v.api} {v.operation}, told by {_told(entries[rule], row)}; {'inference' if v.inference else 'no inference'}"
        )
        lines.append(f"             rule {rule}{_source(entries[rule])}")
    else:
        lines.append("operation    unknown: no endpoint and no shape of the rules fits")
    if v.model:
        lines.append(f"model        {v.model}, family {v.model_family or 'unknown'}")
    lines.append(f"body         {v.body_state}, grade {v.grade}" + (f", status {row['status']}" if row["status"] is not None else ""))
    return lines


def _marks(v: Verdict, entries: Mapping[str, Any]) -> list[str]:
    if not v.evidence:
        return ["marks        none"]
    lines = ["marks"]
    for n, mark in enumerate(v.evidence, 1):
        lines += [
            f"  {n:>3}. {_effect_of(mark)}",
            f"       at {_where(mark)}",
            f"       rule {mark.rule}{_source(entries.get(mark.rule or '', {}))}",
        ]
    denials = [m for m in v.evidence if m.denies]
    for mark in v.evidence:
        if mark.fact and not mark.holds:
            by = ", ".join(dict.fromkeys(str(m.rule) for m in denials)) or "a value that contradicts it"
            lines.append(f"  denied: {mark.fact}, by {by}")
    return lines


def _effect_of(mark: Mark) -> str:
    how = _HOW.get(mark.basis or "", mark.basis or "")
    if mark.rule in TELLS:
        return f"{TELLS[mark.rule]}, {how}"
    if mark.fact is None:
        return f"denies facts or has a form that its API does not define, {how}"
    return f"{mark.fact}, {how}" + ("" if mark.holds else ", does not hold")


def _where(mark: Mark) -> str:
    place = f"{mark.place or 'no place'} {mark.pointer or ''}".strip()
    if mark.byte_start is not None:
        place += f", bytes {mark.byte_start} to {mark.byte_end}"
    elif mark.place == "payload":
        place += ", absent"
    if mark.layer:
        place += f", {mark.layer} layer{'s' if mark.layer > 1 else ''} deep"
    shown = f" = {mark.value}" if mark.value is not None else ""
    return place + (f", {mark.type}" if mark.type else "") + shown


def _told(entry: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    if entry["kind"] == "shape":
        return "the shape of the payload"
    return ("host and path" if row["host"] else "the path") + (", a guess" if entry.get("inferred") else "")


def _source(entry: Mapping[str, Any]) -> str:
    pack = f", pack {entry['pack']}" if entry.get("pack") else ""
    source = f", source {entry['source']}" if entry.get("source") else ""
    return f"{pack}{source}{', unverified' if entry.get('unverified') else ''}"


def _decision(v: Verdict, engine: Engine) -> list[str]:
    lens = engine.lens
    counts = ", ".join(lens.counts) + (f", but not {', '.join(lens.exempts)}" if lens.exempts else "")
    lines = [f"facts        {value(sorted(v.facts)) or 'none'}", f"lens         {lens.name}: stateful is what does {counts}"]
    how = f", known {_HOW.get(v.confidence, v.confidence)}" if v.confidence else ""
    lines.append(f"state        {v.state}{how}" + (f", decided by {v.rule}" if v.rule else ""))
    if v.missing:
        lines.append(f"missing      {v.missing}: what stands there could change the verdict")
    if v.flags:
        lines.append(f"flags        {value(sorted(v.flags))}")
    lines.append(f"fingerprint  {v.fingerprint or 'none'}")
    return lines
