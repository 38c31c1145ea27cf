"""The program: its exit codes, how errors and signals end it, and what it says to people."""

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import click

from .._scan import Scan
from ..engine import Engine, kernels
from ..errors import ConfigError, InternalError, OutputError, StateprintError
from ..inputs.deflate import inflaters
from ..show import printable
from ..version import __version__

FOUND, USAGE, INPUT, OUTPUT, BUG, INTERRUPTED = 1, 2, 3, 5, 70, 130


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
        if sys.stderr is None:
            sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
        if sys.stdout is None:
            say("error: stdout is closed")
            sys.exit(OUTPUT)
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


def exit_code(done: Scan, max_rejects: int | None) -> int:
    rejected = sum(done.summary.rejected.values())
    nothing = not done.summary.lines or rejected == done.summary.lines or not any(one["recognised"] for one in done.summary.inputs)
    return INPUT if done.errors or nothing or (max_rejects is not None and rejected > max_rejects) else 0


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
