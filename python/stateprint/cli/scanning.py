"""Commands that read whole logs: scan, coverage."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click

from .. import _core
from .._coverage import coverage
from .._same_call import SameCalls, same_call
from .._scan import Scan
from ..errors import ConfigError
from ..table import Output, Writer, counts, format_of, write_text
from .display import progress_bar, show_counts, show_coverage, show_table, summarised
from .options import ENGINE, PROGRESS, READING, SAME_CALL, open_scan
from .program import exit_code, leave, main, say


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
@PROGRESS
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
    if output and evidence and os.path.realpath(output) == os.path.realpath(evidence):
        raise ConfigError("-o and --evidence name one file", code="option", hint="they are two tables")
    report, stop = progress_bar(progress)
    done = open_scan(inputs, form, threads, known, max_rejects=most, progress=report)
    with summarised(done), contextlib.ExitStack() as files:
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


@main.command("coverage")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@ENGINE
@READING
@click.option("--to", type=click.Choice(["table", "ndjson"]), help="Name the format: a table goes to people, NDJSON to programs.")
@SAME_CALL
@PROGRESS
def coverage_command(
    inputs: tuple[str, ...], form: str | None, threads: int | None, to: str | None, same: bool, window: str, progress: str, **known: Any
) -> None:
    """Which fields a log has and how often, over time, and so which questions it can answer."""
    report, stop = progress_bar(progress)
    done = open_scan(inputs, form, threads, known, progress=report)
    with summarised(done):
        with contextlib.ExitStack() as files:
            files.callback(stop)
            found = coverage(told_calls(done, window) if same else done)
        if to == "table" or (to is None and sys.stdout.isatty()):
            show_coverage(found)
        else:
            for row in found.rows():
                click.echo(json.dumps(row))
    leave(exit_code(done, None))
