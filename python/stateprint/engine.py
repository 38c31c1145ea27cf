"""Rules, lens and limits, compiled once: immutable, and safe to share between threads, forked children and, pickled, other processes."""

import functools
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from . import _core
from .errors import ConfigError
from .version import SCHEMA, __version__

Pack = str | os.PathLike[str] | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Lens:
    """A definition of stateful: the effects, facts, or beginnings of facts (`write.store*`) that count, and those that don't."""

    name: str
    counts: tuple[str, ...]
    exempts: tuple[str, ...] = ()


LENSES = {
    "continuation": Lens("continuation", ("read",)),
    "session": Lens("session", ("read", "write", "manage")),
    "retention": Lens("retention", ("read", "write", "manage", "retain", "reference")),
}
"""The built-in lenses, each wider than the one before."""


def lens_of(lens: str | Lens) -> Lens:
    """The lens of that name. ConfigError when there is none."""
    if isinstance(lens, Lens):
        return lens
    if lens not in LENSES:
        raise ConfigError(f"no lens is called {lens!r}", code="lens", hint=f"take one of {', '.join(LENSES)}, or make a Lens")
    return LENSES[lens]


@functools.cache
def builtin_packs() -> tuple[tuple[str, bytes], ...]:
    """(name, JSON) of the built-in packs, in the order in which they are tried."""
    folder = resources.files(__package__) / "rules"
    return tuple((f.name, f.read_bytes()) for f in sorted(folder.iterdir(), key=lambda f: f.name) if f.name.endswith(".json"))


def _read(path: str | os.PathLike[str], what: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as e:
        raise ConfigError(f"{what} can't be read: {e.strerror}", code="unreadable", file=os.fspath(path)) from None


def _pack(pack: Pack) -> tuple[str, bytes]:
    if isinstance(pack, Mapping):
        return str(pack.get("pack", "pack")), json.dumps(pack).encode()
    return os.path.basename(os.fspath(pack)), _read(pack, "the rule pack")


def _context(context: str | os.PathLike[str] | Mapping[str, Any] | None) -> bytes | None:
    if context is None:
        return None
    if not isinstance(context, Mapping):
        import tomllib

        try:
            context = tomllib.loads(_read(context, "the context file").decode())
        except UnicodeDecodeError:
            raise ConfigError("the context file is not UTF-8", code="syntax", file=os.fspath(context)) from None
        except tomllib.TOMLDecodeError as e:
            raise ConfigError(f"no TOML: {e}", code="syntax", file=os.fspath(context)) from None
    return json.dumps(context, default=lambda v: v.isoformat() if hasattr(v, "isoformat") else str(v)).encode()


def _as_key(key: bytes | None, name: str) -> bytes | None:
    if key is not None and len(key) != 16:
        raise ConfigError(f"{name} has {len(key)} bytes, expected 16", code="key")
    return None if key is None else bytes(key)


class Engine:
    """What a scan and `classify` work with.

    rules: packs of your own, tried before the built-in ones, the last first: paths, or packs as mappings.
    lens: `continuation`, `session`, `retention`, or a Lens. limits: name → number (docs/limits.md).
    key: 16 bytes; fingerprints are then keyed (docs/fingerprint.md, section 7). tag_key: 16 bytes for the tags of values that are not shown.
    tags: show no identifier at all. with_text: show every value. context: a TOML file, or a mapping, of what the log doesn't say.
    ConfigError, with file, line and column, when one of these is refused.
    """

    __slots__ = ("_arguments", "_rules")

    def __init__(
        self,
        *,
        rules: Iterable[Pack] = (),
        lens: str | Lens = "session",
        limits: Mapping[str, int] | None = None,
        key: bytes | None = None,
        tag_key: bytes | None = None,
        tags: bool = False,
        with_text: bool = False,
        context: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    ) -> None:
        packs = tuple(_pack(p) for p in rules)
        self._build(packs, lens_of(lens), dict(limits or {}), _as_key(key, "key"), _as_key(tag_key, "tag_key"), tags, with_text, _context(context))

    def _build(
        self,
        packs: tuple[tuple[str, bytes], ...],
        lens: Lens,
        limits: dict[str, int],
        key: bytes | None,
        tag_key: bytes | None,
        tags: bool,
        with_text: bool,
        context: bytes | None,
    ) -> None:
        self._arguments = (packs, lens, limits, key, tag_key, tags, with_text, context)
        try:
            self._rules = _core.Rules(
                [*reversed(packs), *builtin_packs()],
                lens=(list(lens.counts), list(lens.exempts)),
                limits=limits,
                key=key,
                tag_key=tag_key,
                tags=tags,
                with_text=with_text,
                context=context,
                versions=f"schema {SCHEMA}, stateprint {__version__}, rules {_rules_version()}",
            )
        except _core.CoreError as e:
            code, file, line, column, message, hint = e.args
            raise ConfigError(message, code=code, hint=hint or "", file=file or "", line=line, column=column) from None
        except (KeyError, ValueError, OverflowError) as e:
            raise ConfigError(str(e.args[0]) if e.args else "a limit is refused", code="limit", hint="docs/limits.md lists them") from None

    @property
    def rules(self) -> _core.Rules:
        """The frozen rule set of the core."""
        return self._rules

    @property
    def lens(self) -> Lens:
        return self._arguments[1]

    @property
    def limits(self) -> dict[str, int]:
        """All limits in force."""
        return self._rules.limits()

    def with_lens(self, lens: str | Lens) -> "Engine":
        """The same engine under another lens; itself if that is its own."""
        lens = lens_of(lens)
        return self if lens == self.lens else _rebuild(self._arguments[0], lens, *self._arguments[2:])

    def describe(self) -> dict[str, Any]:
        """Packs, digest, facts and entries of the rule set."""
        found: dict[str, Any] = json.loads(self._rules.describe())
        return found

    def __reduce__(self) -> tuple[Callable[..., "Engine"], tuple[Any, ...]]:
        return _rebuild, self._arguments

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Engine) and self._arguments == other._arguments

    def __hash__(self) -> int:
        packs, lens, limits, *rest = self._arguments
        return hash((packs, lens, tuple(sorted(limits.items())), *rest))

    def __repr__(self) -> str:
        return f"<Engine lens={self.lens.name} packs={len(self._arguments[0]) + len(builtin_packs())}>"


def _rebuild(*arguments: Any) -> Engine:
    engine = Engine.__new__(Engine)
    engine._build(*arguments)
    return engine


def _rules_version() -> str:
    return max((json.loads(text).get("version", "") for _, text in builtin_packs()[:1]), default="0")


@functools.lru_cache(maxsize=8)
def default_engine(lens: str | Lens = "session") -> Engine:
    """The engine of calls that name none: built-in packs, default limits."""
    return Engine(lens=lens)


def engine_for(engine: Engine | None, lens: str | Lens | None) -> Engine:
    """The engine of a call: the one given, under the lens given."""
    if engine is None:
        return default_engine(lens or "session")
    return engine if lens is None else engine.with_lens(lens)
