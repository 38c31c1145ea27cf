"""The command line. Data goes to stdout; progress, warnings and the summary to stderr."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import click

from . import _core
from .engine import LENSES, Engine
from .errors import ConfigError, InputError, InternalError, OutputError, StateprintError
from .scan import Progress, Scan, scan
from .show import printable
from .table import format_of, write_text
from .trace import explanation
from .verdict import describe, verdict_of
from .version import __version__

FOUND, USAGE, INPUT, OUTPUT, BUG, INTERRUPTED = 1, 2, 3, 5, 70, 130
SHOWN = 40
"""Rows of a table on a terminal."""


def say(text: str) -> None:
    """A line for people, on stderr."""
    click.echo("\n".join(map(printable, text.split("\n"))), err=True)


def told(error: StateprintError) -> str:
    return f"error: {error}" + (f"\n  {error.hint}" if error.hint else "")


def leave(code: int) -> NoReturn:
    """Ends the process, quietly also where stdout was closed."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


class Program(click.Group):
    """Turns exceptions into messages and exit codes."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            devnull = os.open(os.devnull, os.O_WRONLY)
            os.dup2(devnull, 1)
            sys.exit(0)
        except KeyboardInterrupt:
            say("interrupted")
            sys.exit(INTERRUPTED)
        except ConfigError as e:
            say(told(e))
            sys.exit(USAGE)
        except OutputError as e:
            say(told(e))
            sys.exit(OUTPUT)
        except InputError as e:
            say(told(e))
            sys.exit(INPUT)
        except InternalError as e:
            say(told(e))
            sys.exit(BUG)
        except StateprintError as e:
            say(told(e))
            sys.exit(INPUT)
        except ImportError as e:
            say(f"error: {e}")
            sys.exit(USAGE)


def options(*those: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def wrap(f: Any) -> Any:
        for option in reversed(those):
            f = option(f)
        return f

    return wrap


ENGINE = options(
    click.option("--lens", default="session", show_default=True, help=f"Definition of stateful: {', '.join(LENSES)}."),
    click.option("--rules", "packs", multiple=True, metavar="PACK", help="Rule pack tried before the built-in ones."),
    click.option("--context", metavar="FILE", help="TOML file of what the log doesn't say."),
    click.option("--key", metavar="FILE", help="File with a 16-byte key: fingerprints and tags are keyed."),
    click.option("--tags", is_flag=True, help="Show no identifier, only tags."),
    click.option("--with-text", is_flag=True, help="Show values as they are."),
    click.option("--format", "form", metavar="NAME", help="The reader; `stateprint formats` lists them."),
    click.option("-j", "threads", type=click.IntRange(1), metavar="N", help="Threads; all cores unless told."),
)


def make_engine(lens: str, packs: tuple[str, ...], context: str | None, key: str | None, tags: bool, with_text: bool) -> Engine:
    secret = None
    if key is not None:
        try:
            secret = Path(key).read_bytes()
        except OSError as e:
            raise ConfigError(f"the key can't be read: {e.strerror}", code="unreadable", file=key) from None
    return Engine(rules=packs, lens=lens, context=context, key=secret, tag_key=secret, tags=tags, with_text=with_text)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="stateprint")
def main() -> None:
    """Fingerprints requests to LLM APIs and says of each whether it is stateless or stateful, and why."""


# ---------------------------------------------------------------------------------------------------------------------------- scan
def progress_bar(mode: str) -> tuple[Callable[[Progress], object] | None, Callable[[], object]]:
    if mode == "never" or (mode == "auto" and not sys.stderr.isatty()):
        return None, lambda: None
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.fields[rows]:,} rows"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task("scan", total=None, rows=0)
    bar.start()
    return lambda p: bar.update(task, completed=p.done, total=p.total, rows=p.rows), bar.stop


def summarise(done: Scan) -> None:
    summary = done.summary
    say(str(summary))
    for one in summary.inputs:
        for hint in one["hints"]:
            say(f"{one['source']}: {hint}")
        if one["file_flags"]:
            say(f"{one['source']}: {', '.join(one['file_flags'])}")
    for error in done.errors:
        say(told(error))
    if not summary.lines:
        read = ", ".join(f"{one['source']} ({one['error'] or 'no lines'})" for one in summary.inputs)
        say(f"no rows: {read or 'no file matched'}")


def exit_code(done: Scan, max_rejects: int | None) -> int:
    rejected = sum(done.summary.rejected.values())
    nothing = not done.summary.lines or rejected == done.summary.lines
    return INPUT if done.errors or nothing or (max_rejects is not None and rejected > max_rejects) else 0


def show_table(batches: Iterator[_core.Batch], width: int | None = None) -> None:
    """The first rows, and counts of all."""
    from rich.console import Console
    from rich.table import Table as Grid

    grid = Grid(box=None, pad_edge=False)
    names = ("line", "route", "operation", "model", "state", "facts", "confidence")
    for name in names:
        grid.add_column(name, overflow="ellipsis", no_wrap=True, ratio=3 if name in {"route", "facts"} else None)
    rows = 0
    states: dict[tuple[Any, ...], int] = {}
    for batch in batches:
        for row in batch.to_pylist(max(0, SHOWN - rows)):
            row["facts"] = ", ".join(row["facts"] or ())
            if row["state"] is None:
                row["state"], row["facts"] = "rejected", row["error"]
            elif row["missing"]:
                row["confidence"] = f"? {row['missing']}"
            grid.add_row(*(printable("" if row[n] is None else str(row[n])) for n in names))
        rows += len(batch)
        for key, n in batch.counts("state").items():
            states[key] = states.get(key, 0) + n
    console = Console(width=width, highlight=False, markup=False, emoji=False)
    if rows:
        console.print(grid)
    if rows > SHOWN:
        console.print(f"… and {rows - SHOWN:,} more rows: -o FILE writes them all")


def show_counts(batches: Iterator[_core.Batch], by: list[str], to: str | None) -> None:
    known = {name for name, _, _ in _core.columns("exchanges")}
    unknown = [name for name in by if name not in known]
    if unknown:
        raise ConfigError(f"no column is called {unknown[0]!r}", code="column", hint=f"the columns: {', '.join(sorted(known))}")
    counts: dict[tuple[Any, ...], int] = {}
    for batch in batches:
        for key, n in batch.counts(*by).items():
            counts[key] = counts.get(key, 0) + n
    order = sorted(counts.items(), key=lambda kv: (-kv[1], str(kv[0])))
    if to == "ndjson" or (to is None and not sys.stdout.isatty()):
        for key, n in order:
            click.echo(json.dumps({**dict(zip(by, key, strict=True)), "count": n}))
        return
    from rich.console import Console
    from rich.table import Table as Grid

    grid = Grid(*by, "count", box=None, pad_edge=False)
    for key, n in order:
        grid.add_row(*(printable("" if k is None else str(k)) for k in key), f"{n:,}")
    Console(highlight=False, markup=False, emoji=False).print(grid)


@main.command("scan")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@ENGINE
@click.option("-o", "--output", metavar="FILE", help="Write all rows: .parquet, .arrow, .ndjson, .csv by suffix.")
@click.option("--to", type=click.Choice(["table", "ndjson", "csv", "parquet", "arrow"]), help="Name the format instead.")
@click.option("--evidence", metavar="FILE", help="Also write the table of marks.")
@click.option("--by", metavar="COLUMNS", help="Print counts by these columns instead of rows: route,state")
@click.option("--limit", type=click.IntRange(0), metavar="N", help="Stop after N rows.")
@click.option("--force", is_flag=True, help="Replace existing files.")
@click.option("--max-rejects", type=click.IntRange(0), metavar="N", help="Exit with 3 when more lines are rejected.")
@click.option("--strict", is_flag=True, help="The same as --max-rejects 0.")
@click.option("--progress", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
def scan_command(
    inputs: tuple[str, ...],
    form: str | None,
    threads: int | None,
    output: str | None,
    to: str | None,
    evidence: str | None,
    by: str | None,
    limit: int | None,
    force: bool,
    max_rejects: int | None,
    strict: bool,
    progress: str,
    **known: Any,
) -> None:
    """The table of exchanges of request logs: files, directories, patterns, - for stdin."""
    report, stop = progress_bar(progress)
    done = scan(inputs, engine=make_engine(**known), format=form, threads=threads, strict=False, limit=limit, progress=report)
    try:
        if output or evidence:
            write_files(done, output, to, evidence, force)
        elif by:
            show_counts(iter(done), [c.strip() for c in by.split(",")], to)
        elif to in {"parquet", "arrow"}:
            raise ConfigError(f"{to} goes to a file", code="option", hint="-o FILE")
        elif to == "table" or (to is None and sys.stdout.isatty()):
            show_table(iter(done))
        else:
            write_text(f".{to or 'ndjson'}", iter(done), "exchanges", sys.stdout.buffer)
    finally:
        stop()
    summarise(done)
    leave(exit_code(done, 0 if strict else max_rejects))


def write_files(done: Scan, output: str | None, to: str | None, evidence: str | None, force: bool) -> None:
    if output:
        format_of(output, to)
    if evidence:
        format_of(evidence, None)
        table = done.table()
        table.evidence.write(evidence, force=force)
        if output:
            table.write(output, to=to, force=force)
    elif output:
        done.write(output, to=to, force=force)


# ---------------------------------------------------------------------------------------------------------------- identify, explain
@main.command("identify")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@ENGINE
@click.option("--limit", type=click.IntRange(0), metavar="N", help="Stop after N payloads.")
def identify_command(inputs: tuple[str, ...], form: str | None, threads: int | None, limit: int | None, **known: Any) -> None:
    """One line per payload, as file(1) does: API, operation, state, deciding pointer, fingerprint."""
    done = scan(inputs, engine=make_engine(**known), format=form, threads=threads, strict=False, limit=limit)
    for batch, marks in done.batches(evidence=True):
        by_uid: dict[str, list[dict[str, Any]]] = {}
        for mark in marks.to_pylist() if marks is not None else ():
            by_uid.setdefault(mark["uid"], []).append(mark)
        for row in batch.to_pylist():
            what = describe(verdict_of(row, by_uid.get(row["uid"], []), done.engine.lens.name)) if row["state"] else f"rejected: {row['error']}"
            click.echo(printable(f"{row['source']}:{row['line']}: {what}"))
    summarise(done)
    leave(exit_code(done, None))


@main.command("explain")
@click.argument("place", metavar="FILE:LINE")
@ENGINE
def explain_command(place: str, form: str | None, threads: int | None, **known: Any) -> None:
    """The decision trace for one exchange of a log."""
    name, colon, number = place.rpartition(":")
    if not colon or not number.isdigit() or int(number) < 1:
        raise ConfigError("expected FILE:LINE, with the line from 1", code="usage")
    engine = make_engine(**known)
    done = scan(name, engine=engine, format=form, threads=threads)
    for batch, marks in done.batches(evidence=True):
        for row in batch.to_pylist():
            if row["line"] != int(number):
                continue
            evidence = [m for m in marks.to_pylist() if m["uid"] == row["uid"]] if marks is not None else []
            click.echo(str(explanation(row, evidence, engine)))
            leave(INPUT if row["error"] else 0)
    say(f"error: {name} has no exchange in line {number}; blank lines have none")
    leave(INPUT)


# ------------------------------------------------------------------------------------------------------------------- rules, formats
@main.group("rules")
def rules_group() -> None:
    """Rule packs: what an API means, as data."""


PACK = click.option("--rules", "packs", multiple=True, metavar="PACK", help="Rule pack tried before the built-in ones.")


@rules_group.command("list")
@PACK
@click.option("--kind", help="endpoint, shape, marker, host, override, …")
def rules_list(packs: tuple[str, ...], kind: str | None) -> None:
    """Every entry: kind, id, pack, source."""
    for entry in Engine(rules=packs).describe()["entries"]:
        if kind is None or entry["kind"] == kind:
            click.echo(printable("\t".join(str(entry.get(k, "")) for k in ("kind", "id", "pack", "source"))))


@rules_group.command("show")
@click.argument("entry_id", metavar="ID")
@PACK
def rules_show(entry_id: str, packs: tuple[str, ...]) -> None:
    """One entry as it stands in its pack."""
    for entry in entries(packs):
        if entry["id"] == entry_id:
            click.echo(json.dumps(entry, indent=2, ensure_ascii=True))
            return
    raise ConfigError(f"no entry has the id {entry_id!r}", code="rule", hint="stateprint rules list")


@rules_group.command("check")
@click.argument("packs", nargs=-1, required=True, metavar="PACK...")
def rules_check(packs: tuple[str, ...]) -> None:
    """Whether packs can be used; an error names file, line, column and what was expected."""
    Engine(rules=packs)
    for pack in packs:
        click.echo(printable(f"{pack}: good"))


@rules_group.command("test")
@PACK
@click.option("-v", "--verbose", is_flag=True, help="Name every example.")
def rules_test(packs: tuple[str, ...], verbose: bool) -> None:
    """Runs the examples inside the packs."""
    from .examples import run_examples

    passed, failures = 0, []
    for name, problem in run_examples(packs):
        if problem is None:
            passed += 1
            if verbose:
                click.echo(printable(f"ok      {name}"))
        else:
            failures.append(name)
            click.echo(printable(f"FAILED  {name}: {problem}"))
    say(f"{passed + len(failures)} examples = {passed} good + {len(failures)} failed")
    leave(FOUND if failures else 0)


def entries(packs: Iterable[str]) -> Iterator[dict[str, Any]]:
    from .examples import pack_texts

    for _, text in pack_texts(packs):
        for items in json.loads(text).values():
            if isinstance(items, list):
                yield from items


@main.command("formats")
def formats_command() -> None:
    """The readers, and where the fields of an exchange stand."""
    for form in _core.formats():
        click.echo(f"{form['name']:<8} {form['title']}")
        for field, pointers in form["fields"].items():
            click.echo(f"         {field:<17} {', '.join(p or '(the line)' for p in pointers)}")
