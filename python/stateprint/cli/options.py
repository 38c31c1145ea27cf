"""Options that several commands have, and what they ask for."""

from collections.abc import Callable
from typing import Any

import click

from .._same_call import WINDOW
from .._scan import Scan, scan
from ..engine import LENSES, Engine, read_key


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

PROGRESS = click.option("--progress", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)


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
