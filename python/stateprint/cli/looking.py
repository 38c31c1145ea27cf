"""Commands that look at single exchanges: identify, explain, peek."""

import json
import os
import sys
from typing import Any

import click

from .._scan import scan
from ..engine import Engine
from ..errors import ConfigError
from ..show import printable
from ..trace import explanation
from ..verdict import describe, verdict_of
from .display import show_peek, summarised
from .options import ENGINE, READING, RECORDS, RULES, WHAT, make_engine, open_scan
from .program import INPUT, exit_code, leave, main, say, told


@main.command("identify")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@ENGINE
@READING
def identify_command(inputs: tuple[str, ...], form: str | None, threads: int | None, **known: Any) -> None:
    """One line per payload, as file(1) does: API, operation, state, deciding pointer, fingerprint."""
    done = open_scan(inputs, form, threads, known)
    with summarised(done):
        for batch, marks in done.batches(evidence=True):
            lines(batch.to_pylist(), marks.to_pylist() if marks is not None else [], done.engine)
    leave(exit_code(done, None))


def lines(rows: list[dict[str, Any]], marks: list[dict[str, Any]], engine: Engine) -> None:
    """A line for each row."""
    by_uid: dict[str, list[dict[str, Any]]] = {}
    for mark in marks:
        by_uid.setdefault(mark["uid"], []).append(mark)
    for row in rows:
        what = describe(verdict_of(row, by_uid.get(row["uid"], []), engine.lens.name)) if row["state"] else f"rejected: {row['error']}"
        click.echo(printable(f"{row['source']}:{row['line']}: {what}"))


def only_record(
    name: str, engine: Engine, form: str | None, records: tuple[str, ...] | None, mirror: str | None
) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    """Row and marks of a file that is one document over several lines; None where it is anything else."""
    done = scan(name, engine=engine, format=form, records=records, threads=1, strict=False, limit=2, mirror=mirror)
    rows: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    for batch, more in done.batches(evidence=True):
        rows += batch.to_pylist()
        marks += more.to_pylist() if more is not None else []
    return (rows[0], marks) if len(rows) == 1 and done.summary.inputs[0]["container"] != "jsonl" else None


@main.command("explain")
@click.argument("place", metavar="FILE[:LINE]")
@ENGINE
@RECORDS
def explain_command(place: str, form: str | None, threads: int | None, records: tuple[str, ...], mirror: str | None, **known: Any) -> None:
    """The decision trace for one exchange: of a line of a log, or of a file that is one JSON document."""
    name, colon, number = place.rpartition(":")
    engine = make_engine(**known)
    if os.path.isfile(place) and (only := only_record(place, engine, form, records or None, mirror)) is not None:
        row, marks = only
        click.echo(str(explanation(row, marks, engine)))
        leave(INPUT if row["error"] else 0)
    if not colon or not number.isascii() or not number.isdigit() or int(number) < 1:
        raise ConfigError("expected FILE:LINE, with the line from 1", code="usage", hint="stateprint explain log.jsonl:3")
    done = scan(name, engine=engine, format=form, records=records or None, threads=threads, strict=False, mirror=mirror)
    for batch, found in done.batches(evidence=True):
        last = batch.slice(len(batch) - 1).to_pylist() if len(batch) else []
        if not last or last[0]["line"] < int(number):
            continue
        for row in batch.to_pylist():
            if row["line"] != int(number):
                continue
            evidence = [m for m in found.to_pylist() if m["uid"] == row["uid"]] if found is not None else []
            click.echo(str(explanation(row, evidence, engine)))
            leave(INPUT if row["error"] else 0)
        break
    for error in done.errors:
        say(told(error))
    say(f"error: {name} has no exchange in line {number}; blank lines have none")
    leave(INPUT)


@main.command("peek")
@click.argument("input_", metavar="INPUT")
@RULES
@WHAT
@click.option("--limit", type=click.IntRange(0), default=5, show_default=True, metavar="N", help="Exchanges to show.")
@click.option("--to", type=click.Choice(["table", "ndjson"]), help="A table on a terminal, one line of JSON when piped, unless told.")
@click.option("--write-map", metavar="FILE", help="Write the draft of a mapping, as TOML, for --map.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
def peek_command(
    input_: str, form: str | None, records: tuple[str, ...], limit: int, to: str | None, write_map: str | None, force: bool, **known: Any
) -> None:
    """A first look at a log: its format, with confidence and reasons, and the first exchanges as they are read."""
    from .._peek import peek

    found = peek(input_, engine=make_engine(**known), format=form, records=records or None, limit=limit)
    if to == "table" or (to is None and sys.stdout.isatty()):
        show_peek(found)
    else:
        click.echo(json.dumps(found.to_dict()))
    if write_map is not None:
        found.write_map(write_map, force=force)
        say(f"{write_map}: the draft, for stateprint scan --map {write_map} {input_}")
    leave(0 if found.is_log else INPUT)
