"""The slow twin: every hash of docs/fingerprint.md, written from that page alone and for reading, not for speed.

It shares no code with the core. XXH3 comes from the package `xxhash`; JSON, numbers, pointers, SipHash are written out here.

A JSON value is one of: None, True, False, Number, bytes (a string, as section 2.1 writes it), list, Object.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, NamedTuple

import xxhash

MAX_DEPTH = 1024
MAX_NUMBER_BYTES = 4096
MAX_KEY_BYTES = 65536


class Number(NamedTuple):
    literal: str


class Object(NamedTuple):
    members: list[tuple[bytes, Any]]  # in document order, duplicates included

    def all(self, name: bytes) -> list[Any]:
        return [value for key, value in self.members if key == name]


class RefusedError(ValueError):
    """The bytes are no JSON text. offset: the smallest index at which no valid text can go on."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(f"{reason} at byte {offset}")
        self.reason = reason
        self.offset = offset


# --- reading (RFC 8259, strict) ---------------------------------------------------------------------------------------

SPACE = re.compile(rb"[ \t\n\r]*+")
PLAIN = re.compile(rb'[^"\\\x00-\x1f]*+')
DIGITS = re.compile(rb"[0-9]*+")
HEX = frozenset(b"0123456789abcdefABCDEF")
ESCAPES = {ord("n"): b"\n", ord("t"): b"\t", ord("r"): b"\r", ord("b"): b"\b", ord("f"): b"\f"}
ESCAPES.update({ord(c): c.encode() for c in '"\\/'})


@contextmanager
def deep() -> Iterator[None]:
    """Room for recursion over max_depth levels; put back afterwards, since CPython's json looks at the same number."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 12 * MAX_DEPTH))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def read(data: bytes) -> Any:
    """The value of one JSON text; RefusedError where it is none."""
    if data.startswith(b"\xef\xbb\xbf"):
        raise RefusedError("unexpected_bom", 0)
    good = len(data)
    try:
        data.decode("utf-8")  # RFC 3629, strictly
    except UnicodeDecodeError as e:
        good = e.start
    refused = None
    value = None
    with deep():
        try:
            value = _Reader(data[:good]).text()
        except RefusedError as e:
            refused = e
    if refused is not None and (refused.offset < good or good == len(data)):
        raise refused
    if good < len(data):
        raise RefusedError("invalid_utf8", good)
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.pos = 0
        self.depth = 0

    def fail(self, reason: str, at: int) -> RefusedError:
        if at >= len(self.data):
            return RefusedError("truncated", len(self.data))
        return RefusedError("nul_byte" if self.data[at] == 0 else reason, at)

    def peek(self) -> int:
        """The next byte, or -1 at the end."""
        return self.data[self.pos] if self.pos < len(self.data) else -1

    def skip(self, what: re.Pattern[bytes]) -> bytes:
        m = what.match(self.data, self.pos)
        assert m is not None
        self.pos = m.end()
        return m.group()

    def text(self) -> Any:
        self.skip(SPACE)
        value = self.value()
        self.skip(SPACE)
        if self.pos < len(self.data):
            raise self.fail("trailing_data", self.pos)
        return value

    def value(self) -> Any:
        match self.peek():
            case 0x7B:
                return self.object()
            case 0x5B:
                return self.array()
            case 0x22:
                return self.string()
            case 0x74:
                return self.literal(b"true", True)
            case 0x66:
                return self.literal(b"false", False)
            case 0x6E:
                return self.literal(b"null", None)
            case c if c == 0x2D or 0x30 <= c <= 0x39:
                return self.number()
        if self.data.startswith((b"NaN", b"Infinity"), self.pos):
            raise RefusedError("non_finite_literal", self.pos)
        raise self.fail("syntax", self.pos)

    def literal(self, word: bytes, value: bool | None) -> bool | None:
        for c in word:
            if self.peek() != c:
                raise self.fail("syntax", self.pos)
            self.pos += 1
        return value

    def number(self) -> Number:
        start = self.pos
        if self.peek() == 0x2D:
            self.pos += 1
            if self.data.startswith(b"Infinity", self.pos):
                raise RefusedError("non_finite_literal", self.pos)
        if self.peek() == 0x30:
            self.pos += 1
            if 0x30 <= self.peek() <= 0x39:
                raise self.fail("syntax", self.pos)
        else:
            self.digits()
        if self.peek() == 0x2E:
            self.pos += 1
            self.digits()
        if self.peek() in (0x65, 0x45):
            self.pos += 1
            if self.peek() in (0x2B, 0x2D):
                self.pos += 1
            self.digits()
        if self.pos - start > MAX_NUMBER_BYTES:
            raise RefusedError("number_too_long", start)
        return Number(self.data[start : self.pos].decode("ascii"))

    def digits(self) -> None:
        if not self.skip(DIGITS):
            raise self.fail("syntax", self.pos)

    def string(self) -> bytes:
        out = []
        self.pos += 1
        while True:
            out.append(self.skip(PLAIN))
            c = self.peek()
            if c == 0x22:
                self.pos += 1
                return b"".join(out)
            if c != 0x5C:
                raise self.fail("control_character", self.pos)
            out.append(self.escape())

    def escape(self) -> bytes:
        self.pos += 1
        c = self.peek()
        if c == 0x75:
            self.pos += 1
            unit = self.hex4()
            if 0xD800 <= unit <= 0xDBFF and self.data.startswith(b"\\u", self.pos):
                back = self.pos
                self.pos += 2
                low = self.hex4()
                if 0xDC00 <= low <= 0xDFFF:
                    return chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)).encode()
                self.pos = back  # no partner: the second escape is read by itself
            return chr(unit).encode("utf-8", "surrogatepass")
        if c not in ESCAPES:
            raise self.fail("invalid_escape", self.pos)
        self.pos += 1
        return ESCAPES[c]

    def hex4(self) -> int:
        start = self.pos
        for at in range(start, start + 4):
            if self.peek() not in HEX:
                raise self.fail("invalid_escape", at)
            self.pos += 1
        return int(self.data[start : self.pos], 16)

    def enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise RefusedError("too_deep", self.pos)
        self.pos += 1
        self.skip(SPACE)

    def leave(self) -> None:
        self.depth -= 1
        self.pos += 1

    def array(self) -> list[Any]:
        out: list[Any] = []
        self.enter()
        if self.peek() == 0x5D:
            self.leave()
            return out
        while True:
            out.append(self.value())
            self.skip(SPACE)
            if self.peek() == 0x5D:
                self.leave()
                return out
            if self.peek() != 0x2C:
                raise self.fail("syntax", self.pos)
            self.pos += 1
            self.skip(SPACE)

    def object(self) -> Object:
        out = Object([])
        self.enter()
        if self.peek() == 0x7D:
            self.leave()
            return out
        while True:
            start = self.pos
            if self.peek() != 0x22:
                raise self.fail("syntax", self.pos)
            key = self.string()
            if self.pos - start - 2 > MAX_KEY_BYTES:
                raise RefusedError("key_too_long", start)
            self.skip(SPACE)
            if self.peek() != 0x3A:
                raise self.fail("syntax", self.pos)
            self.pos += 1
            self.skip(SPACE)
            out.members.append((key, self.value()))
            self.skip(SPACE)
            if self.peek() == 0x7D:
                self.leave()
                return out
            if self.peek() != 0x2C:
                raise self.fail("syntax", self.pos)
            self.pos += 1
            self.skip(SPACE)


# --- section 2.2: numbers ---------------------------------------------------------------------------------------------


def ecmascript(x: float) -> str:
    """Number-to-String of ECMAScript. repr() finds the same shortest digits; only where the point stands differs."""
    if x == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(x)).normalize().as_tuple()
    s = "".join(map(str, digits))
    k = len(s)
    n = int(exponent) + k
    if k <= n <= 21:
        body = s + "0" * (n - k)
    elif 0 < n <= 21:
        body = s[:n] + "." + s[n:]
    elif -6 < n <= 0:
        body = "0." + "0" * -n + s
    else:
        body = s[0] + ("." + s[1:] if k > 1 else "") + f"e{n - 1:+d}"
    return "-" * sign + body


def canonical_number(literal: str) -> str:
    if not set(literal) & set(".eE"):
        return "0" if literal == "-0" else literal
    x = float(literal)
    if x not in (float("inf"), float("-inf")):
        return ecmascript(x)
    mantissa, e, exponent = literal.lower().partition("e")
    if e:
        minus = "-" if exponent[0] == "-" else ""
        e += minus + (exponent.lstrip("+-").lstrip("0") or "0")
    return mantissa + e


# --- sections 1, 3, 4 -------------------------------------------------------------------------------------------------


def x128(data: bytes) -> bytes:
    return xxhash.xxh3_128_digest(data)


def x64(data: bytes) -> bytes:
    return xxhash.xxh3_64_digest(data)


def T(c: str) -> bytes:  # noqa: N802 (the letter of the page)
    return c.encode("ascii") + bytes(15)


def H(v: Any) -> bytes:  # noqa: N802
    if v is None or v is True or v is False:
        return x128({None: b"null", True: b"true", False: b"false"}[v])
    if isinstance(v, Number):
        return x128(canonical_number(v.literal).encode("ascii"))
    if isinstance(v, bytes):
        return x128(b'"' + v)
    if isinstance(v, list):
        return x128(T("[") + b"".join([H(e) for e in v]))
    return x128(T("{") + b"".join([H(k) + H(m) for k, m in ordered(v)]))


def ordered(o: Object) -> list[tuple[bytes, Any]]:
    """Members by H of their names; sorted() is stable, so equal names keep the document's order."""
    return sorted(o.members, key=lambda member: H(member[0]))


def S(v: Any, d: int) -> bytes:  # noqa: N802
    if v is None:
        return x64(b"n")
    if v is True or v is False:
        return x64(b"b")
    if isinstance(v, Number):
        return x64(b"0")
    if isinstance(v, bytes):
        return x64(b"s")
    if isinstance(v, list):
        if d > 4:
            return x64(b"a")
        return x64(T("[") + b"".join(sorted({S(e, d) for e in v})))
    if d > 3:
        return x64(b"o")
    return x64(T("{") + b"".join([H(k) + S(m, d + 1) for k, m in ordered(v)]))


# --- section 5 --------------------------------------------------------------------------------------------------------


def at(value: Any, pointer: str) -> list[Any]:
    """What stands at a pointer (RFC 6901, and `*` for any element or member), in document order. Of equal names the last counts."""
    found = [value]
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~").encode()
        below: list[Any] = []
        for v in found:
            if isinstance(v, list):
                if step == "*":
                    below += v
                elif re.fullmatch(r"0|[1-9][0-9]*", step) and int(step) < len(v):
                    below.append(v[int(step)])
            elif isinstance(v, Object):
                below += [m for _, m in v.members] if step == "*" else v.all(name)[-1:]
        found = below
    return found


def request_turns(payload: Any, layout: dict[str, Any]) -> list[Any]:
    out: list[Any] = []
    for pointer in layout.get("turns", []):
        for v in at(payload, pointer):
            if isinstance(v, list):
                out += v
            elif v is not None:
                out.append(v)
    return out


def content(turn: Any, layout: dict[str, Any]) -> Any:
    """`first` goes by the order of the layout: the order of members has no influence on anything."""
    if isinstance(turn, Object):
        for name in layout.get("turn_content", []):
            for v in turn.all(name.encode())[-1:]:
                if v is not None:
                    return v
    return turn


def response_turns(response: Any, layout: dict[str, Any]) -> list[Any]:
    out: list[Any] = []
    for part in layout.get("response", []):
        if isinstance(part, dict):
            members = [(name.encode(), [v for v in at(response, pointer) if v is not None][:1]) for name, pointer in part.items()]
            there = [(name, values[0]) for name, values in members if values]
            if there:
                out.append(Object(there))
        elif part.endswith("/*"):
            out += at(response, part)
        else:
            out += [v for v in at(response, part) if v is not None]
    return out


def has_context_role(turn: Any, layout: dict[str, Any]) -> bool:
    roles = [role.encode() for role in layout.get("context_roles", [])]
    return isinstance(turn, Object) and any(isinstance(v, bytes) and v in roles for v in turn.all(b"role")[-1:])


def context_parts(payload: Any, turns: Sequence[Any], layout: dict[str, Any]) -> list[tuple[bytes, Any]]:
    """(name, value) of all that is context, in order."""
    parts = [(p[1:].encode(), v) for p in layout.get("context", []) for v in at(payload, p) if v is not None]
    return parts + [(b"*", turn) for turn in turns if has_context_role(turn, layout)]


def count_tools(payload: Any, layout: dict[str, Any]) -> int:
    pointer = layout.get("tools")
    return sum(len(v) for v in at(payload, pointer) if isinstance(v, list)) if pointer is not None else 0


def chain_on(start: bytes, turns: Sequence[Any]) -> list[bytes]:
    out = []
    for turn in turns:
        start = x128(start + H(turn))
        out.append(start)
    return out


# --- section 7: SipHash-2-4, 128 bits ---------------------------------------------------------------------------------

M64 = (1 << 64) - 1


def rotate(x: int, by: int) -> int:
    return (x << by | x >> (64 - by)) & M64


def sip_rounds(n: int, v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    for _ in range(n):
        v0 = (v0 + v1) & M64
        v1 = rotate(v1, 13) ^ v0
        v0 = rotate(v0, 32)
        v2 = (v2 + v3) & M64
        v3 = rotate(v3, 16) ^ v2
        v0 = (v0 + v3) & M64
        v3 = rotate(v3, 21) ^ v0
        v2 = (v2 + v1) & M64
        v1 = rotate(v1, 17) ^ v2
        v2 = rotate(v2, 32)
    return v0, v1, v2, v3


def siphash128(key: bytes, data: bytes) -> bytes:
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:16], "little")
    v0, v1 = 0x736F6D6570736575 ^ k0, 0x646F72616E646F6D ^ k1 ^ 0xEE
    v2, v3 = 0x6C7967656E657261 ^ k0, 0x7465646279746573 ^ k1
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 255])
    for i in range(0, len(padded), 8):
        word = int.from_bytes(padded[i : i + 8], "little")
        v0, v1, v2, v3 = sip_rounds(2, v0, v1, v2, v3 ^ word)
        v0 ^= word
    v0, v1, v2, v3 = sip_rounds(4, v0, v1, v2 ^ 0xEE, v3)
    low = v0 ^ v1 ^ v2 ^ v3
    v0, v1, v2, v3 = sip_rounds(4, v0, v1 ^ 0xDD, v2, v3)
    return low.to_bytes(8, "little") + (v0 ^ v1 ^ v2 ^ v3).to_bytes(8, "little")


# --- all of it --------------------------------------------------------------------------------------------------------

EFFECTS = {
    "read": "r",
    "write": "w",
    "manage": "m",
    "retain": "t",
    "reference": "f",
    "cache": "c",
    "replay": "p",
    "label": "l",
}


@dataclass(frozen=True)
class Fingerprint:
    payload: bytes
    shape: bytes
    context: bytes
    turns: list[bytes] = field(default_factory=list)
    chain: list[bytes] = field(default_factory=list)
    chain_out: bytes | None = None
    tools: int = 0
    is_keyed: bool = False

    def keyed(self, key: bytes) -> Fingerprint:
        def K(h: bytes) -> bytes:  # noqa: N802
            return siphash128(key, h)[: len(h)]

        return replace(
            self,
            payload=K(self.payload),
            shape=K(self.shape),
            context=K(self.context),
            turns=[K(h) for h in self.turns],
            chain=[K(h) for h in self.chain],
            chain_out=None if self.chain_out is None else K(self.chain_out),
            is_keyed=True,
        )

    def text(self, api: str | None, operation: str | None, effects: Sequence[str] = ()) -> str:
        def name(s: str | None) -> str:
            return "unknown" if s is None else re.sub(r"[^A-Za-z0-9.]", "-", s)

        letters = "".join(letter for effect, letter in EFFECTS.items() if effect in effects) or "0"
        counts = f"t{len(self.turns).bit_length():02d}u{self.tools.bit_length():02d}"
        root = self.chain[0][:8].hex() if self.chain else "0" * 16
        start = "sp1k" if self.is_keyed else "sp1"
        parts = [start, name(api), name(operation), letters, counts, self.shape.hex(), self.context.hex(), root]
        return "_".join(parts)


def of_value(payload: Any, layout: dict[str, Any] | None = None, response: Any = None) -> Fingerprint:
    """Of a value as read() gives it. response: the value of the response's body; None (null) has no turns anyway."""
    layout = layout or {}
    with deep():
        turns = request_turns(payload, layout)
        chain = chain_on(T("c"), turns)
        out = chain_on(chain[-1] if chain else T("c"), response_turns(response, layout))
        parts = context_parts(payload, turns, layout)
        return Fingerprint(
            payload=H(payload),
            shape=S(payload, 1),
            context=x64(T("x") + b"".join([x128(b"/" + name + b"\0") + H(v) for name, v in parts])),
            turns=[H(content(turn, layout)) for turn in turns],
            chain=chain,
            chain_out=out[-1] if out else None,
            tools=count_tools(payload, layout),
        )


def fingerprint(payload: bytes, layout: dict[str, Any] | None = None, response: bytes | None = None) -> Fingerprint:
    return of_value(read(payload), layout, None if response is None else read(response))
