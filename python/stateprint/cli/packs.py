"""Commands that show what the tool knows: rules, formats."""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import click

from ..engine import Engine
from ..errors import ConfigError
from ..show import printable
from .display import print_grid
from .program import FOUND, USAGE, leave, main, say, told


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
    from ..examples import run_examples

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
    from ..examples import pack_texts

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
