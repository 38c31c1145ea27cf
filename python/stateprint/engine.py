"""Rules, lens and limits, compiled once: immutable, and safe to share between threads, forked children and, pickled, other processes."""

import functools
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import _core
from .config import Toml, as_json, load, read_file
from .errors import ConfigError
from .version import SCHEMA, __version__

MAX_UNPACKED = 1 << 40
Pack = str | os.PathLike[str] | Mapping[str, Any]
Settings = str | os.PathLike[str] | Mapping[str, Any]
"""A TOML file, or a mapping in its place."""


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
    if not isinstance(lens, str) or lens not in LENSES:
        raise ConfigError(f"no lens is called {lens!r}", code="lens", hint=f"take one of {', '.join(LENSES)}, or make a Lens")
    return LENSES[lens]


@functools.cache
def builtin_packs() -> tuple[tuple[str, bytes], ...]:
    """(name, JSON) of the built-in packs, readers first, in the order in which they are tried."""
    return tuple(
        (name, read_file(os.path.join(folder, name), "a built-in pack"))
        for folder in (os.path.join(os.path.dirname(__file__), kind) for kind in ("formats", "rules"))
        for name in sorted(os.listdir(folder))
        if name.endswith(".json")
    )


def read_key(path: str | os.PathLike[str]) -> bytes:
    """The key in a file: 16 bytes, or 32 hexadecimal digits. ConfigError for anything else."""
    data = read_file(path, "the key")
    digits = data.strip()
    if len(data) != 16 and re.fullmatch(rb"[0-9A-Fa-f]{32}", digits):
        data = bytes.fromhex(digits.decode("ascii"))
    if len(data) != 16:
        hint = "expected 16 bytes, or 32 hexadecimal digits: openssl rand -hex 16 > KEY"
        raise ConfigError("this is no key", code="key", file=os.fsdecode(path), hint=hint)
    return data


def _several(rules: Pack | Iterable[Pack]) -> tuple[Pack, ...]:
    """One pack, or several."""
    return (rules,) if isinstance(rules, (str, os.PathLike, Mapping)) else tuple(rules)


def _pack(pack: Pack) -> tuple[str, bytes]:
    if isinstance(pack, Mapping):
        name = str(pack.get("pack", "pack"))
        return name, as_json(pack, name, 1)
    return os.fsdecode(pack), read_file(pack, "the rule pack")


def _context(context: Settings | None) -> Toml | None:
    return None if context is None else Toml.of(*load(context, "context", "the context file"))


class Map(NamedTuple):
    """A mapping: the description of one reader, which is selected by giving it."""

    toml: Toml
    reader: str
    records: str | None
    """What a record is, as in `scan`; None: told by the head."""

    @classmethod
    def of(cls, given: Settings) -> "Map":
        """ConfigError for a file that is no mapping. What the core has to say of it is said later."""
        name, content, text = load(given, "map", "the mapping")
        records = content.pop("records", None)
        pointers = [records] if isinstance(records, str) else records
        if records is not None and not (isinstance(pointers, list) and pointers and all(isinstance(one, str) for one in pointers)):
            line = next((n for n, row in enumerate(text.split("\n"), 1) if row.lstrip().startswith("records")), 0)
            raise ConfigError("records: expected lines, a JSON pointer, or a list of pointers", code="meaning", file=name, line=line)
        reader = {"id": "map", "title": "a mapping", **content}
        return cls(Toml.of(name, reader | {"source": "MAP"}, text), str(reader["id"]), "\n".join(pointers) if pointers else None)

    @property
    def pack(self) -> tuple[str, bytes]:
        """The rule pack of the reader. Its lines are those of `toml`."""
        start = b'{"format": 1, "pack": "map", "version": "1", "sources": {"MAP": "a mapping of the user"}, "formats": ['
        return self.toml.name, start + b"\n".join(self.toml.json) + b"]}"


def _refused(args: tuple[Any, ...], context: Toml | None, mapping: Map | None, lens: Lens) -> ConfigError:
    code, file, line, column, message, hint = args
    if file == "context" and context is not None:
        return context.refused(code, line, message, hint or "")
    if mapping is not None and file == mapping.toml.name:
        message = message.removeprefix("/formats/0: ")
        return mapping.toml.refused(code, line, message.removeprefix("/formats/0") if message[:1] == "/" else message, hint or "")
    if file == "lens":
        file = f"lens {lens.name}"
    return ConfigError(message, code=code, hint=hint or "", file=file or "", line=line, column=column)


def _as_key(key: bytes | None, name: str) -> bytes | None:
    if key is None:
        return None
    if not isinstance(key, (bytes, bytearray, memoryview)):
        raise ConfigError(f"{name} is {type(key).__name__}, expected 16 bytes", code="key")
    data = bytes(key)
    if len(data) != 16:
        raise ConfigError(f"{name} has {len(data)} bytes, expected 16", code="key")
    return data


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


class Arguments(NamedTuple):
    """What an engine was made of, checked: what it is equal by, and what a pickle of it holds."""

    packs: tuple[tuple[str, bytes], ...]
    lens: Lens
    limits: tuple[tuple[str, int], ...]
    key: bytes | None
    tag_key: bytes | None
    tags: bool
    with_text: bool
    context: Toml | None
    map: Map | None
    kernel: str | None


class Engine:
    """What a scan and `classify` work with.

    rules: a pack of your own, or several, tried before the built-in ones, the last first: paths, or packs as mappings.
    lens: `continuation`, `session`, `retention`, or a Lens. limits: name → number (docs/limits.md).
    key: 16 bytes; fingerprints are then keyed (docs/fingerprint.md, section 7). tag_key: 16 bytes for the tags of values that are not shown.
    tags: show no identifier at all. with_text: show every value. context: a TOML file, or a mapping, of what the log doesn't say.
    map: a TOML file, or a mapping, that says how a log of one's own is read (docs/mappings.md); scans then take its reader.
    kernel: one of `kernels()`, to measure or to test: rows are the same. None is that of the variable STATEPRINT_KERNEL, else the first.
    ConfigError, with file, line and column, when one of these is refused.
    """

    __slots__ = ("_arguments", "_rules")
    _arguments: "Arguments"
    _rules: _core.Rules

    def __init__(
        self,
        *,
        rules: Pack | Iterable[Pack] = (),
        lens: str | Lens = "session",
        limits: Mapping[str, int] | None = None,
        key: bytes | None = None,
        tag_key: bytes | None = None,
        tags: bool = False,
        with_text: bool = False,
        context: Settings | None = None,
        map: Settings | None = None,
        kernel: str | None = None,
    ) -> None:
        kernel = _kernel(kernel) if kernel is not None else _kernel(os.environ.get(KERNEL) or None, KERNEL)
        packs = tuple(_pack(p) for p in _several(rules))
        numbers = tuple(sorted(_limits(limits or {}).items()))
        keys = _as_key(key, "key"), _as_key(tag_key, "tag_key")
        mapping = None if map is None else Map.of(map)
        self._build(Arguments(packs, lens_of(lens), numbers, *keys, bool(tags), bool(with_text), _context(context), mapping, kernel))

    def _build(self, given: "Arguments") -> None:
        object.__setattr__(self, "_arguments", given)
        refused: tuple[Any, ...] | None = None
        try:
            made = _core.Rules(
                self._packs(),
                lens=(list(given.lens.counts), list(given.lens.exempts)),
                limits={name: n for name, n in given.limits if name != "max_unpacked_bytes"},
                key=given.key,
                tag_key=given.tag_key,
                tags=given.tags,
                with_text=given.with_text,
                context=b"\n".join(given.context.json) if given.context else None,
                kernel=given.kernel,
                versions=f"schema {SCHEMA}, stateprint {__version__}, rules {_rules_version()}",
            )
        except _core.CoreError as e:
            refused = e.args
        if refused is not None:
            raise _refused(refused, given.context, given.map, given.lens)
        object.__setattr__(self, "_rules", made)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Engine can't be changed: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"an Engine can't be changed: {name}")

    def __copy__(self) -> "Engine":
        return self

    def __deepcopy__(self, memo: object) -> "Engine":
        return self

    def _packs(self) -> list[tuple[str, bytes]]:
        """(name, JSON) of all packs, in the order in which they are tried."""
        return [*([self.map.pack] if self.map else []), *reversed(self._arguments.packs), *builtin_packs()]

    @property
    def map(self) -> Map | None:
        """The mapping that scans take."""
        return self._arguments.map

    def reading(self, format: str | None, records: str | None) -> tuple[str | None, str | None]:
        """Reader and records of a scan: what the caller says, else what the mapping says. ConfigError where both name a reader."""
        if self.map is None:
            return format, records
        if format not in {None, self.map.reader}:
            raise ConfigError("a mapping selects its own reader", code="option", hint="leave format away, or map")
        return self.map.reader, self.map.records if records is None else records

    @property
    def rules(self) -> _core.Rules:
        """The frozen rule set of the core."""
        return self._rules

    @property
    def lens(self) -> Lens:
        """What counts as stateful."""
        return self._arguments.lens

    @property
    def with_text(self) -> bool:
        """Whether every value is shown."""
        return self._arguments.with_text

    @property
    def max_unpacked_bytes(self) -> int:
        """Most bytes of one input, unpacked."""
        return dict(self._arguments.limits).get("max_unpacked_bytes", MAX_UNPACKED)

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
        return self if lens == self.lens else _rebuild(*self._arguments._replace(lens=lens))

    def with_map(self, map: Settings) -> "Engine":
        """The same engine with this mapping. ConfigError where it is refused."""
        return _rebuild(*self._arguments._replace(map=Map.of(map)))

    def describe(self) -> dict[str, Any]:
        """Packs, digest, facts and entries of the rule set."""
        found: dict[str, Any] = json.loads(self._rules.describe())
        return found

    def __reduce__(self) -> tuple[Callable[..., "Engine"], tuple[Any, ...]]:
        return _rebuild, tuple(self._arguments)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Engine) and self._arguments == other._arguments

    def __hash__(self) -> int:
        return hash(self._arguments)

    def formats(self) -> list[dict[str, Any]]:
        """The readers, in the order in which they are tried: name, title, grade, and where the fields of an exchange stand in a line."""
        found = [entry for _, text in self._packs() for entry in json.loads(text).get("formats", ())]
        last = {"title": "one plain request body a line", "grade": "wire", "fields": {"body": [""]}}
        listed = {entry["id"]: {k: v for k, v in entry.items() if k not in {"id", "examples"}} for entry in reversed(found)}
        return [{"name": name, **listed[name]} for name in dict.fromkeys(entry["id"] for entry in found)] + [{"name": "bodies", **last}]

    def __repr__(self) -> str:
        return f"<Engine lens={self.lens.name} packs={len(self._arguments.packs) + len(builtin_packs())}>"


def _rebuild(*arguments: Any) -> Engine:
    given = Arguments(*arguments)
    _kernel(given.kernel)  # the processor may be another one
    engine = Engine.__new__(Engine)
    engine._build(given)
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


def engine_of(
    engine: Engine | None, lens: str | Lens | None, rules: Pack | Iterable[Pack], context: Settings | None, map: Settings | None
) -> Engine:
    """The engine of a call that may name one, or what one is made of. ConfigError where it names both."""
    packs = _several(rules)
    if not packs and context is None and map is None:
        return engine_for(engine, lens)
    if engine is not None:
        raise ConfigError("rules, context and map belong to the engine", code="option", hint="give them to Engine(…)")
    return Engine(rules=packs, context=context, map=map, lens="session" if lens is None else lens)


def joined(records: str | Iterable[str] | None) -> str | None:
    """`records` of a scan as the core takes it."""
    if records is None or isinstance(records, str):
        return records
    pointers = list(records) if isinstance(records, Iterable) else [records]
    if not all(isinstance(one, str) for one in pointers):
        raise ConfigError("records is no text, expected 'lines' or JSON pointers", code="option", hint="such as /Records or /log/entries")
    return "\n".join(pointers)
