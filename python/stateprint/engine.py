"""Rules, lens and limits, compiled once: immutable, and safe to share between threads, forked children and, pickled, other processes."""

import contextlib
import functools
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from . import _core
from .errors import ConfigError
from .version import SCHEMA, __version__

MAX_UNPACKED = 1 << 40
Pack = str | os.PathLike[str] | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Lens:
    """A definition of stateful: the effects, facts, or beginnings of facts (`write.store*`) that count, and those that don't."""

    name: str
    counts: tuple[str, ...]
    exempts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part in ("counts", "exempts"):
            names = getattr(self, part)
            object.__setattr__(self, part, (names,) if isinstance(names, str) else tuple(names))


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
    """(name, JSON) of the built-in packs, readers first, in the order in which they are tried."""
    return tuple(
        (name, _read(os.path.join(folder, name), "a built-in pack"))
        for folder in (os.path.join(os.path.dirname(__file__), kind) for kind in ("formats", "rules"))
        for name in sorted(os.listdir(folder))
        if name.endswith(".json")
    )


def _read(path: str | os.PathLike[str], what: str) -> bytes:
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError as e:
        problem = e.strerror or "unreadable"
    except ValueError:  # a NUL in the name
        problem = "no such file"
    raise ConfigError(f"{what} can't be read: {problem}", code="unreadable", file=os.fsdecode(path))


def read_key(path: str | os.PathLike[str]) -> bytes:
    """The key in a file: 16 bytes, or 32 hexadecimal digits. ConfigError for anything else."""
    data = _read(path, "the key")
    digits = data.strip()
    if len(data) != 16 and re.fullmatch(rb"[0-9A-Fa-f]{32}", digits):
        data = bytes.fromhex(digits.decode("ascii"))
    if len(data) != 16:
        hint = "expected 16 bytes, or 32 hexadecimal digits: openssl rand -hex 16 > KEY"
        raise ConfigError("this is no key", code="key", file=os.fsdecode(path), hint=hint)
    return data


def _pack(pack: Pack) -> tuple[str, bytes]:
    if isinstance(pack, Mapping):
        name = str(pack.get("pack", "pack"))
        return name, _json(pack, name, 1)
    return os.fsdecode(pack), _read(pack, "the rule pack")


def _json(value: Any, name: str, indent: int | None = None) -> bytes:
    with contextlib.suppress(TypeError, ValueError, RecursionError):
        return json.dumps(value, allow_nan=False, indent=indent, default=_stamp).encode()
    raise ConfigError("it holds a value that JSON does not have", code="syntax", file=name)


def _stamp(value: object) -> str:
    """RFC 3339 of the times of TOML; those without an offset are UTC."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z") if value.tzinfo else value.isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat() + "T00:00:00Z"
    raise TypeError


Context = tuple[str, bytes, tuple[str, ...]]
"""Name of a context file, its content as JSON with one entry a line, and what stands in each of these lines: `LINE:[[table]] no. N`."""


def _context(context: str | os.PathLike[str] | Mapping[str, Any] | None) -> Context | None:
    if context is None:
        return None
    name, text, problem = "context", "", ""
    content: Mapping[str, Any] = {}
    if isinstance(context, Mapping):
        content = context
    else:
        import tomllib

        name = os.fsdecode(context)
        text = _read(context, "the context file").decode("utf-8", "replace")
        try:
            content = tomllib.loads(text)
        except tomllib.TOMLDecodeError as e:
            problem = str(e)
    if problem:
        at = re.search(r"\(at line (\d+), column (\d+)\)", problem)
        line, column = (int(at[1]), int(at[2])) if at else (0, 0)
        raise ConfigError(f"this is no TOML: {problem.split(' (at ')[0]}", code="syntax", file=name, line=line, column=column)
    heads: dict[str, list[int]] = {}
    for n, row in enumerate(text.split("\n"), 1):
        if (head := re.match(r"\s*\[\[?\s*([A-Za-z_]+)\s*\]", row)) is not None:
            heads.setdefault(head[1], []).append(n)
    lines, places = [b"{"], [""]
    for k, (table, entries) in enumerate(content.items()):
        found = iter(heads.get(str(table), []))
        items = entries if isinstance(entries, list) else None
        first = _json(str(table), name) + b": " + (b"[" if items is not None else _json(entries, name))
        lines += [b"," + first if k else first]
        places.append(f"{heads.get(str(table), [0])[0]}:{table}")
        for i, entry in enumerate(items or ()):
            lines.append((b"," if i else b"") + _json(entry, name))
            places.append(f"{next(found, 0)}:[[{table}]] no. {i + 1}")
        if items is not None:
            lines.append(b"]")
            places.append("")
    return name, b"\n".join([*lines, b"}"]), tuple(places)


def _refused(args: tuple[Any, ...], context: Context | None, lens: Lens) -> ConfigError:
    code, file, line, column, message, hint = args
    if file == "context" and context is not None:
        file = context[0]
        stands = context[2][line - 1] if 0 < line <= len(context[2]) else ""
        if not stands and (pointer := re.match(r"/([^/:]+)/(\d+)", message)) is not None:  # of a member that is missing
            wanted = f":[[{pointer[1]}]] no. {int(pointer[2]) + 1}"
            stands = next((place for place in context[2] if place.endswith(wanted)), "")
        at, _, entry = stands.partition(":")
        line, column, message = int(at or 0), 0, f"{entry}: {message}" if entry else message
    elif file == "lens":
        file = f"lens {lens.name}"
    return ConfigError(message, code=code, hint=hint or "", file=file or "", line=line, column=column)


def _as_key(key: bytes | None, name: str) -> bytes | None:
    if key is not None and len(key) != 16:
        raise ConfigError(f"{name} has {len(key)} bytes, expected 16", code="key")
    return None if key is None else bytes(key)


def limits() -> dict[str, tuple[int, int, str]]:
    """Every limit: name → (default, hard maximum, what it bounds)."""
    found = {name: (default, most, why) for name, default, most, why in _core.limits()}
    return found | {"max_unpacked_bytes": (MAX_UNPACKED, 1 << 62, "bytes of one input, unpacked; beyond: input error unpacked_limit")}


KERNEL = "STATEPRINT_KERNEL"
"""Variable of the environment that names the kernel of engines that are told none."""


def kernels() -> tuple[str, ...]:
    """The kernels of the core that this processor can run, best first: inner loops over the bytes of strings, all with the same results."""
    return tuple(_core.kernels())


def _kernel(name: str | None, place: str = "") -> str | None:
    if name is not None and name not in (known := kernels()):
        what = f"this processor runs no kernel that is called {str(name)[:80]!r}"
        raise ConfigError(what, code="kernel", hint=f"take one of {', '.join(known)}; {known[0]} unless told", file=place)
    return name


def _limits(given: Mapping[str, int]) -> dict[str, int]:
    known = limits()
    for name, number in given.items():
        if name not in known:
            raise ConfigError(f"no limit is called {str(name)[:80]!r}", code="limit", hint=f"take one of {', '.join(known)}")
        least, most = name != "replay_table_bytes", known[name][1]  # 0 switches that table off
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise ConfigError(f"{name} has to be a whole number from {least:d} to {most:,}", code="limit")
    return dict(given)


class Engine:
    """What a scan and `classify` work with.

    rules: packs of your own, tried before the built-in ones, the last first: paths, or packs as mappings.
    lens: `continuation`, `session`, `retention`, or a Lens. limits: name → number (docs/limits.md).
    key: 16 bytes; fingerprints are then keyed (docs/fingerprint.md, section 7). tag_key: 16 bytes for the tags of values that are not shown.
    tags: show no identifier at all. with_text: show every value. context: a TOML file, or a mapping, of what the log doesn't say.
    kernel: one of `kernels()`, to measure or to test: rows are the same. None is that of the variable STATEPRINT_KERNEL, else the first.
    ConfigError, with file, line and column, when one of these is refused.
    """

    __slots__ = ("_arguments", "_rules")
    _arguments: tuple[Any, ...]
    _rules: _core.Rules

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
        kernel: str | None = None,
    ) -> None:
        kernel = _kernel(kernel) if kernel is not None else _kernel(os.environ.get(KERNEL) or None, KERNEL)
        packs = tuple(_pack(p) for p in rules)
        numbers = tuple(sorted(_limits(limits or {}).items()))
        keys = _as_key(key, "key"), _as_key(tag_key, "tag_key")
        self._build(packs, lens_of(lens), numbers, *keys, bool(tags), bool(with_text), _context(context), kernel)

    def _build(
        self,
        packs: tuple[tuple[str, bytes], ...],
        lens: Lens,
        limits: tuple[tuple[str, int], ...],
        key: bytes | None,
        tag_key: bytes | None,
        tags: bool,
        with_text: bool,
        context: Context | None,
        kernel: str | None,
    ) -> None:
        object.__setattr__(self, "_arguments", (packs, lens, limits, key, tag_key, tags, with_text, context, kernel))
        refused: tuple[Any, ...] | None = None
        try:
            made = _core.Rules(
                [*reversed(packs), *builtin_packs()],
                lens=(list(lens.counts), list(lens.exempts)),
                limits={name: n for name, n in limits if name != "max_unpacked_bytes"},
                key=key,
                tag_key=tag_key,
                tags=tags,
                with_text=with_text,
                context=context[1] if context else None,
                kernel=kernel,
                versions=f"schema {SCHEMA}, stateprint {__version__}, rules {_rules_version()}",
            )
        except _core.CoreError as e:
            refused = e.args
        if refused is not None:
            raise _refused(refused, context, lens)
        object.__setattr__(self, "_rules", made)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Engine can't be changed: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"an Engine can't be changed: {name}")

    def __copy__(self) -> "Engine":
        return self

    def __deepcopy__(self, memo: object) -> "Engine":
        return self

    @property
    def rules(self) -> _core.Rules:
        """The frozen rule set of the core."""
        return self._rules

    @property
    def lens(self) -> Lens:
        """What counts as stateful."""
        lens: Lens = self._arguments[1]
        return lens

    @property
    def max_unpacked_bytes(self) -> int:
        """Most bytes of one input, unpacked."""
        found: int = dict(self._arguments[2]).get("max_unpacked_bytes", MAX_UNPACKED)
        return found

    @property
    def limits(self) -> dict[str, int]:
        """All limits in force."""
        return {**self._rules.limits(), "max_unpacked_bytes": self.max_unpacked_bytes}

    @property
    def kernel(self) -> str:
        """The kernel of the core that reads strings."""
        return self._rules.kernel()

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
        return hash(self._arguments)

    def formats(self) -> list[dict[str, Any]]:
        """The readers, in the order in which they are tried: name, title, grade, and where the fields of an exchange stand in a line."""
        found = [entry for _, text in (*reversed(self._arguments[0]), *builtin_packs()) for entry in json.loads(text).get("formats", ())]
        last = {"title": "one plain request body a line", "grade": "wire", "fields": {"body": [""]}}
        listed = {entry["id"]: {k: v for k, v in entry.items() if k not in {"id", "examples"}} for entry in reversed(found)}
        return [{"name": name, **listed[name]} for name in dict.fromkeys(entry["id"] for entry in found)] + [{"name": "bodies", **last}]

    def __repr__(self) -> str:
        return f"<Engine lens={self.lens.name} packs={len(self._arguments[0]) + len(builtin_packs())}>"


def _rebuild(*arguments: Any) -> Engine:
    _kernel(arguments[-1])  # the processor may be another one
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
        return default_engine("session" if lens is None else lens)
    return engine if lens is None else engine.with_lens(lens)
