"""The command line. Data goes to stdout; progress, warnings and the summary to stderr."""

import contextlib
import errno
import json
import os
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import click

from . import _core
from .copies import Likeness
from .coverage import Coverage, coverage
from .engine import LENSES, Engine, kernels, read_key
from .errors import ConfigError, InternalError, OutputError, StateprintError
from .same_call import WINDOW, SameCalls, same_call
from .scan import Progress, Scan, scan
from .show import printable, value
from .table import Output, Writer, counts, format_of, write_text
from .trace import explanation
from .unpack import inflaters
from .verdict import describe, verdict_of
from .version import __version__

if TYPE_CHECKING:
    from .peek import Peek

FOUND, USAGE, INPUT, OUTPUT, BUG, INTERRUPTED = 1, 2, 3, 5, 70, 130
SHOWN = 40
"""Rows of a table on a terminal."""
MOST_TEXT = 2000
"""Characters of a record that `peek` shows."""


def say(text: str) -> None:
    """A line for people, on stderr."""
    click.echo("\n".join(map(printable, text.split("\n"))), err=True)


def told(error: StateprintError) -> str:
    return f"error: {error}" + (f"\n  {error.hint}" if error.hint else "")


def leave(code: int) -> NoReturn:
    """Ends the process, quietly also where stdout was closed."""
    try:
        sys.stdout.flush()
    except OSError as e:
        code = _stdout_failed(e)
    sys.exit(code)


def _stdout_failed(error: OSError) -> int:
    """The exit code for an error on stdout; nothing more is written there."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno == errno.EPIPE:
        return 0
    say(f"error: stdout: {os.strerror(error.errno) if error.errno else 'it could not be written'}")
    return OUTPUT


def _code(error: StateprintError) -> int:
    return (
        USAGE
        if isinstance(error, ConfigError)
        else OUTPUT
        if isinstance(error, OutputError)
        else BUG
        if isinstance(error, InternalError)
        else INPUT
    )


def _stop(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end a run as Ctrl-C does, while it lasts: whoever calls `main` in a process of their own gets it back as it was."""
    taken = []
    try:
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            with contextlib.suppress(ValueError, OSError):  # outside the main thread
                if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, _stop)
                    taken.append(number)
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


class Program(click.Group):
    """Turns exceptions into messages and exit codes."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with stopped_by_signals():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            say("interrupted")
            sys.exit(INTERRUPTED)
        except StateprintError as e:
            say(told(e))
            sys.exit(_code(e))
        except OSError as e:
            sys.exit(_stdout_failed(e))
        except ImportError as e:
            say(f"error: {e}")
            sys.exit(USAGE)
        except MemoryError:
            say("error: out of memory; fewer threads (-j 1) and smaller limits need less")
            sys.exit(BUG)
        except Exception as e:  # its text may quote what was read
            place = e.__traceback__
            while place is not None and place.tb_next is not None:
                place = place.tb_next
            where = f" in {os.path.basename(place.tb_frame.f_code.co_filename)}:{place.tb_lineno}" if place is not None else ""
            say(f"error: a bug of stateprint {__version__}: {type(e).__name__}{where}\n  please report it, with the command")
            sys.exit(BUG)


def options(*those: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def wrap(f: Any) -> Any:
        for option in reversed(those):
            f = option(f)
        return f

    return wrap


RULES = options(
    click.option("--lens", default="session", show_default=True, help=f"Definition of stateful: {', '.join(LENSES)}."),
    click.option("--rules", "packs", multiple=True, metavar="PACK", help="Rule pack tried before the built-in ones."),
    click.option("--context", metavar="FILE", help="TOML file of what the log doesn't say."),
    click.option("--map", "mapping", metavar="FILE", help="TOML file that says how a log of one's own is read."),
    click.option("--key", metavar="FILE", help="File with a key, 16 bytes or 32 hex digits: fingerprints and tags are keyed."),
    click.option("--tags", is_flag=True, help="Show no identifier, only tags."),
    click.option("--with-text", is_flag=True, help="Show values as they are."),
    click.option("--kernel", metavar="NAME", help="Kernel of the core, to measure or to test; `stateprint --version` lists them."),
    click.option("--format", "form", metavar="NAME", help="The reader; `stateprint formats` lists them."),
)
ENGINE = options(
    RULES,
    click.option("-j", "--threads", "threads", type=click.IntRange(1), metavar="N", help="Threads; all cores unless told."),
)


WHAT = click.option("--records", multiple=True, metavar="WHAT", help="What a record is: lines, or JSON pointers to arrays: /log/entries.")
RECORDS = options(
    WHAT,
    click.option("--mirror", metavar="FOLDER", help="Local copy of the bucket in which bodies lie that a log of Bedrock names."),
)
READING = options(
    RECORDS,
    click.option("--since", metavar="TIME", help="Only rows at or after it: a date, or RFC 3339; UTC unless it says otherwise."),
    click.option("--until", metavar="TIME", help="Only rows before it."),
    click.option("--where", metavar="EXPRESSION", help="Only rows of which it holds: \"state = 'stateful' and tokens_in > 1000\"."),
    click.option("--sample", type=float, metavar="P", help="Only this share of the rows, such as 0.01; the same ones every time."),
    click.option("--seed", type=int, metavar="N", help="Names another sample."),
    click.option("--limit", type=click.IntRange(0), metavar="N", help="Stop after N rows; filters come first."),
    click.option("--keep-copies", is_flag=True, help="Read content again that another input has, too."),
)


SAME_CALL = options(
    click.option(
        "--same-call", "same", is_flag=True, help="Recognise rows that several loggers wrote of one call; reads the inputs twice."
    ),
    click.option(
        "--window", metavar="TIME", default=WINDOW, show_default=True, help="How far apart rows of one call may be: 2s, 500ms, 1m."
    ),
)


def make_engine(
    lens: str,
    packs: tuple[str, ...],
    context: str | None,
    mapping: str | None,
    key: str | None,
    kernel: str | None,
    tags: bool,
    with_text: bool,
) -> Engine:
    secret = None if key is None else read_key(key)
    known: dict[str, Any] = {"context": context, "map": mapping, "kernel": kernel}
    return Engine(rules=packs, lens=lens, key=secret, tag_key=secret, tags=tags, with_text=with_text, **known)


def open_scan(inputs: tuple[str, ...], form: str | None, threads: int | None, known: dict[str, Any], **more: Any) -> Scan:
    """The scan that the options ENGINE and READING ask for."""
    asked = {name: known.pop(name) for name in ("since", "until", "where", "sample", "seed", "limit", "mirror")}
    asked |= {"records": known.pop("records") or None, "copies": "keep" if known.pop("keep_copies") else "skip"}
    return scan(inputs, engine=make_engine(**known), format=form, threads=threads, strict=False, **asked, **more)


def show_version(ctx: click.Context, option: click.Parameter, asked: bool) -> None:
    """The version; then what speed depends on: the decoder of gzip, and the kernel in use with those that this processor runs."""
    if not asked:
        return
    click.echo(f"stateprint, version {__version__}\ngzip by {inflaters()[0].name}")
    try:
        click.echo(f"kernel {Engine().kernel}, of {', '.join(kernels())}")
    except ConfigError as e:  # the environment names none
        say(told(e))
        ctx.exit(USAGE)
    ctx.exit()


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=show_version, help="Show version and kernels.")
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
        if one["like"] is not None:
            say(f"{Likeness(one['likeness'], one['like']).told(one['source'])} (--keep-copies reads all)")
    for error in done.errors:
        say(told(error))
    if summary.why_no_rows:
        say(f"no rows: {summary.why_no_rows}")


def exit_code(done: Scan, max_rejects: int | None) -> int:
    rejected = sum(done.summary.rejected.values())
    nothing = not done.summary.lines or rejected == done.summary.lines
    return INPUT if done.errors or nothing or (max_rejects is not None and rejected > max_rejects) else 0


NUMBERS = {
    "line",
    "count",
    "in",
    "of",
    "share",
    "records",
    "exchanges",
    "calls",
    "rejected",
    "passed over",
    "rows",
    "withheld",
    "absent",
    "response cut",
}
"""Columns that are aligned to the right."""

STYLES = {"stateful": "red", "stateless": "green", "unknown": "yellow", "rejected": "bold red"}


def print_grid(names: tuple[str, ...], rows: list[list[str]], shrink: set[str]) -> None:
    """A table as wide as the terminal; the widest of the columns `shrink` give way."""
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    space = console.width if console.is_terminal or "COLUMNS" in os.environ else 140
    widths = [max(len(name), *(len(row[i]) for row in rows)) if rows else len(name) for i, name in enumerate(names)]
    while sum(widths) + 2 * (len(names) - 1) > space:
        at = max((i for i, name in enumerate(names) if name in shrink), key=lambda i: widths[i], default=0)
        if widths[at] <= 8:
            break
        widths[at] -= 1
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, width in zip(names, widths, strict=True):
        grid.add_column(name, width=width, no_wrap=True, overflow="ellipsis", justify="right" if name in NUMBERS else "left")
    for row in rows:
        grid.add_row(*(Text(printable(cell, width), style=STYLES.get(cell, "")) for cell, width in zip(row, widths, strict=True)))
    Console(width=max(space, sum(widths) + 2 * len(widths)), highlight=False, markup=False, emoji=False).print(grid)


def table_cells(row: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    """A row of `exchanges` for people."""
    told = {"route": str(row["route"] or "").strip("/")}
    if row["state"] is None:
        told |= {"state": "rejected", "facts": row["error"]}
    elif row["missing"]:
        told["confidence"] = f"? {row['missing']}"
    return [value((row | told)[name]) for name in names]


def show_table(batches: Iterator[_core.Batch]) -> None:
    """The first rows, and counts of all."""
    names: tuple[str, ...] = ("line", "route", "operation", "model", "state", "facts", "confidence")
    shown: list[list[str]] = []
    sources: list[str] = []
    rows = 0
    states: dict[str, int] = {}
    for batch in batches:
        for row in batch.to_pylist(max(0, SHOWN - rows)):
            shown.append(table_cells(row, names))
            sources.append(value(row["source"]))
        rows += len(batch)
        for (state,), n in batch.counts("state").items():
            states[state or "rejected"] = states.get(state or "rejected", 0) + n
    if len(set(sources)) > 1:
        names, shown = ("source", *names), [[source, *cells] for source, cells in zip(sources, shown, strict=True)]
    if rows:
        print_grid(names, shown, {"source", "route", "operation", "model", "facts", "confidence"})
        more = f"; {rows - SHOWN:,} of them not shown: -o FILE writes all" if rows > SHOWN else ""
        click.echo(f"{rows:,} rows: " + ", ".join(f"{n:,} {state}" for state, n in states.items()) + more)


def show_counts(found: dict[tuple[Any, ...], int], by: list[str], to: str | None) -> None:
    if to == "ndjson" or (to is None and not sys.stdout.isatty()):
        for key, n in found.items():
            cells = (value(k) if hasattr(k, "isoformat") else k for k in key)
            click.echo(json.dumps({**dict(zip(by, cells, strict=True)), "count": n}))
    elif found:
        print_grid((*by, "count"), [[*(value(k) for k in key), f"{n:,}"] for key, n in found.items()], set(by))


@main.command("scan")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@ENGINE
@READING
@click.option("-o", "--output", metavar="FILE", help="Write all rows: .parquet, .arrow, .ndjson, .csv by suffix.")
@click.option("--to", type=click.Choice(["table", "ndjson", "csv", "parquet", "arrow"]), help="Name the format instead.")
@click.option("--evidence", metavar="FILE", help="Also write the table of marks.")
@click.option("--by", metavar="COLUMNS", help="Print counts by these columns instead of rows: route,state")
@SAME_CALL
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
    same: bool,
    window: str,
    force: bool,
    max_rejects: int | None,
    strict: bool,
    progress: str,
    **known: Any,
) -> None:
    """The table of exchanges of request logs: files, directories, patterns, - for stdin."""
    most = 0 if strict else max_rejects
    if by is not None and (output or to in {"csv", "parquet", "arrow"}):
        raise ConfigError("--by prints counts: as a table, or with --to ndjson", code="option", hint="leave -o away, or --by")
    if to == "table" and output:
        raise ConfigError("a table goes to the terminal", code="option", hint="leave -o away, or name a file format")
    if to in {"parquet", "arrow"} and not output:
        raise ConfigError(f"{to} goes to a file", code="option", hint="-o FILE")
    report, stop = progress_bar(progress)
    done = open_scan(inputs, form, threads, known, max_rejects=most, progress=report)
    try:
        with contextlib.ExitStack() as files:
            files.callback(stop)
            source = told_calls(done, window) if same else done
            rows = written(files, source, output, to, evidence, force, stop)
            if by is not None:
                columns = list(dict.fromkeys(column.strip() for column in by.split(",")))
                show_counts(counts(rows, columns), columns, to)
            elif output:
                for _ in rows:
                    pass
            elif to == "table" or (to is None and sys.stdout.isatty()):
                show_table(rows)
            else:
                write_text(f".{to or 'ndjson'}", rows, "exchanges", sys.stdout.buffer)
    except BaseException as e:
        if done.summary.inputs and not isinstance(e, BrokenPipeError):
            summarise(done)
        raise
    summarise(done)
    leave(exit_code(done, most))


def told_calls(done: Scan, window: str) -> SameCalls:
    """Which rows of the scan are one call; says how many."""
    calls = same_call(done, window=window)
    say(str(calls))
    return calls


def written(
    files: contextlib.ExitStack,
    source: Scan | SameCalls,
    output: str | None,
    to: str | None,
    evidence: str | None,
    force: bool,
    ended: Callable[[], object],
) -> Iterator[_core.Batch]:
    """The batches; on their way they are written to the files that are asked for, in bounded memory. The files are opened at once."""

    def writer(path: str | None, named: str | None, table: str) -> Writer | None:
        return Writer(format_of(path, named), table, files.enter_context(Output(path, force=force))) if path else None

    first, second = writer(output, to, "exchanges"), writer(evidence, None, "evidence")

    def rows() -> Iterator[_core.Batch]:
        for exchanges, marks in source.batches(evidence is not None):
            if first is not None:
                first.write(exchanges)
            if second is not None and marks is not None:
                second.write(marks)
            yield exchanges
        for one in (first, second):
            if one is not None:
                one.close()
        ended()

    return rows()


# ------------------------------------------------------------------------------------------------------------------------- coverage
def show_coverage(found: Coverage) -> None:
    """Sections for a terminal; the answers as text that is broken at its width."""
    width = shutil.get_terminal_size((140, 24)).columns
    for title, names, rows in found.sections():
        click.secho(title, bold=True)
        if title != "questions":
            print_grid(names, rows, {"file", "format", "remarks", "value"})
            click.echo()
            continue
        for number, question, answer, why in rows:
            click.echo(f"{number} {answer:<7} {question}")
            click.echo(textwrap.fill(printable(why), width, initial_indent=" " * 10, subsequent_indent=" " * 10))


@main.command("coverage")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@ENGINE
@READING
@click.option("--to", type=click.Choice(["table", "ndjson"]), help="Name the format: a table goes to people, NDJSON to programs.")
@SAME_CALL
@click.option("--progress", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
def coverage_command(
    inputs: tuple[str, ...], form: str | None, threads: int | None, to: str | None, same: bool, window: str, progress: str, **known: Any
) -> None:
    """Which fields a log has and how often, over time, and so which questions it can answer."""
    report, stop = progress_bar(progress)
    done = open_scan(inputs, form, threads, known, progress=report)
    try:
        with contextlib.ExitStack() as files:
            files.callback(stop)
            found = coverage(told_calls(done, window) if same else done)
        if to == "table" or (to is None and sys.stdout.isatty()):
            show_coverage(found)
        else:
            for row in found.rows():
                click.echo(json.dumps(row))
    except BaseException as e:
        if done.summary.inputs and not isinstance(e, BrokenPipeError):
            summarise(done)
        raise
    summarise(done)
    leave(exit_code(done, None))


# ---------------------------------------------------------------------------------------------------------------- identify, explain
@main.command("identify")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@ENGINE
@READING
def identify_command(inputs: tuple[str, ...], form: str | None, threads: int | None, **known: Any) -> None:
    """One line per payload, as file(1) does: API, operation, state, deciding pointer, fingerprint."""
    done = open_scan(inputs, form, threads, known)
    for batch, marks in done.batches(evidence=True):
        lines(batch.to_pylist(), marks.to_pylist() if marks is not None else [], done.engine)
    summarise(done)
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


# ---------------------------------------------------------------------------------------------------------------------------- peek
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
    from .peek import peek

    found = peek(input_, engine=make_engine(**known), format=form, records=records or None, limit=limit)
    if to == "table" or (to is None and sys.stdout.isatty()):
        show_peek(found)
    else:
        click.echo(json.dumps(found.to_dict()))
    if write_map is not None:
        found.write_map(write_map, force=force)
        say(f"{write_map}: the draft, for stateprint scan --map {write_map} {input_}")
    leave(0 if found.is_log else INPUT)


def show_peek(found: "Peek") -> None:
    """What was told of the log, then the exchanges; below them, where text is to be shown, their records."""
    click.echo(str(found))
    names = ("line", "time", "route", "operation", "model", "state", "facts", "confidence")
    if found.exchanges:
        click.echo("\nas the draft reads it:" if found.drafted else "")
        print_grid(names, [table_cells(row, names) for row in found.exchanges], {"route", "operation", "model", "facts", "confidence"})
    for row in found.exchanges:
        if "text" in row:
            click.echo(printable(f"{row['line']}: {row['text']}", MOST_TEXT))


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
    names = ("kind", "id", "pack", "source")
    found = [entry for entry in Engine(rules=packs).describe()["entries"] if kind is None or entry["kind"] == kind]
    if sys.stdout.isatty():
        print_grid(names, [[str(entry.get(k, "")) for k in names] for entry in found], {"id", "source"})
    else:
        for entry in found:
            click.echo(json.dumps(entry))
    say(f"{len(found)} entries")


@rules_group.command("show")
@click.argument("entry_id", metavar="ID")
@PACK
def rules_show(entry_id: str, packs: tuple[str, ...]) -> None:
    """One entry as it stands in its pack."""
    Engine(rules=packs)
    for pack, line, entry in entries(packs):
        if entry.get("id") == entry_id:
            say(f"{pack}:{line}")
            click.echo(json.dumps(entry, indent=2, ensure_ascii=True))
            return
    raise ConfigError(f"no entry has the id {entry_id!r}", code="rule", hint="stateprint rules list names them")


@rules_group.command("check")
@click.argument("packs", nargs=-1, required=True, metavar="PACK...")
def rules_check(packs: tuple[str, ...]) -> None:
    """Whether packs can be used; an error names file, line, column and what was expected."""
    refused = 0
    for pack in packs:
        try:
            Engine(rules=[pack])
        except ConfigError as e:
            refused += 1
            say(told(e))
        else:
            click.echo(printable(f"{pack}: good"))
    if not refused:
        Engine(rules=packs)  # and all of them together
    leave(USAGE if refused else 0)


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


def entries(packs: Iterable[str]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """(pack, line, entry) of everything in these packs and the built-in ones."""
    from .examples import pack_texts

    for name, text in pack_texts(packs):
        listed = [entry for items in json.loads(text).values() if isinstance(items, list) for entry in items if isinstance(entry, dict)]
        for entry in [*listed, *(marker for reader in listed for marker in reader.get("markers", ()))]:
            at = text.find(b'"' + str(entry.get("id", "")).encode() + b'"')
            yield name, text.count(b"\n", 0, max(at, 0)) + 1, entry


@main.command("formats")
def formats_command() -> None:
    """The readers, and where the fields of an exchange stand."""
    for form in Engine().formats():
        if not sys.stdout.isatty():
            click.echo(json.dumps(form))
            continue
        click.echo(f"{form['name']:<8} {form['title']}")
        for field, pointers in (form["fields"] | form.get("places", {})).items():
            click.echo(f"         {field:<17} {', '.join(p or '(the line)' for p in pointers)}")
