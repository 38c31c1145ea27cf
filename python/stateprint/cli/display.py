"""What people see: tables, counts, the summary, progress."""

import contextlib
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from .. import _core
from .._coverage import Coverage
from .._scan import Progress, Scan
from ..inputs.copies import Likeness
from ..show import printable, value
from .program import say, told

if TYPE_CHECKING:
    from .._peek import Peek

SHOWN = 40
"""Rows of a table on a terminal."""
MOST_TEXT = 2000
"""Characters of a record that `peek` shows."""

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


@contextlib.contextmanager
def summarised(done: Scan) -> Iterator[None]:
    """Says at the end what was read, also where something went wrong after a part of it."""
    try:
        yield
    except BaseException as e:
        if done.summary.inputs and not isinstance(e, BrokenPipeError):
            summarise(done)
        raise
    summarise(done)


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
            cells = (value(k) if isinstance(k, datetime) else k for k in key)
            click.echo(json.dumps({**dict(zip(by, cells, strict=True)), "count": n}))
    elif found:
        print_grid((*by, "count"), [[*(value(k) for k in key), f"{n:,}"] for key, n in found.items()], set(by))


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
