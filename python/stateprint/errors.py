"""The exceptions of stateprint: a closed set with stable codes. None of them holds, quotes or chains to a payload; all can be pickled."""

import errno as _errno
import importlib
import os
from collections.abc import Callable
from typing import Any

__all__ = [
    "CompressedInputError",
    "ConfigError",
    "EncodingUnsupported",
    "InputError",
    "InputLimitExceeded",
    "InputWarning",
    "InternalError",
    "OutputError",
    "PayloadEncodingError",
    "PayloadError",
    "PayloadLimitError",
    "PayloadSyntaxError",
    "StateprintError",
]


def _rebuild(kind: type["StateprintError"], state: dict[str, Any]) -> "StateprintError":
    return kind(**state)


class StateprintError(Exception):
    """Base of all errors. `code` is stable and meant for programs, `hint` says what to do (may be empty)."""

    fields: tuple[str, ...] = ()
    """Keywords of the constructor beside message, code and hint."""

    def __init__(self, message: str, *, code: str = "error", hint: str = "") -> None:
        self.message, self.code, self.hint = message, code, hint
        super().__init__(message)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Callable[..., "StateprintError"], tuple[type["StateprintError"], dict[str, Any]]]:
        names = ("message", "code", "hint", *self.fields)
        return _rebuild, (type(self), {name: getattr(self, name) for name in names})


class ConfigError(StateprintError, ValueError):
    """An option, limit, lens, policy or rule file is refused. `file`, `line` and `column` (from 1, in bytes; 0: no place) tell where."""

    fields = ("file", "line", "column")

    def __init__(self, message: str, *, code: str = "meaning", hint: str = "", file: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(message, code=code, hint=hint)
        self.file, self.line, self.column = file, line, column

    def __str__(self) -> str:
        place = ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)]) if self.file else ""
        return f"{place}: {self.message}" if place else self.message


class MissingExtra(ConfigError, ImportError):
    """A library that is needed is not installed. The message names the extra to install."""


def library(module: str, extra: str, what: str) -> Any:
    """The module of an extra. MissingExtra where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        pass
    raise MissingExtra(f"{module.partition('.')[0]} is needed for {what}: pip install 'stateprint[{extra}]'", code="extra")


class InputError(StateprintError):
    """One input as a whole. `source` is its name, `byte` the place in the file as it is stored (None: no place), `lines_done` what was
    read before it failed, `cut` whether bytes are missing at the end, so that the last line may be a part of one."""

    fields: tuple[str, ...] = ("source", "byte", "lines_done", "cut")

    def __init__(
        self,
        message: str,
        *,
        code: str = "unreadable",
        hint: str = "",
        source: str = "",
        byte: int | None = None,
        lines_done: int = 0,
        cut: bool = False,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.source, self.byte, self.lines_done, self.cut = source, byte, lines_done, cut

    def __str__(self) -> str:
        return f"{self.source}: {self.message}" if self.source else self.message


class EncodingUnsupported(InputError):
    """`unsupported_encoding`: the input is UTF-16 or UTF-32. No line of it was read."""


class CompressedInputError(InputError):
    """The packed stream or the archive is cut, damaged, packed twice, or followed by something else, or a member of it can't be read; what could be
    unpacked was read."""


class InputLimitExceeded(InputError):
    """`unpacked_limit`, `reject_limit`."""


class InputWarning(UserWarning):
    """An input could be read in part only, or is like another one. Said by a scan whose caller did not ask to look at `errors`
    (`strict=False`)."""


class _SystemInputError(InputError):
    """An input that the system can't open: also an OSError of the class that the system gave."""

    fields = (*InputError.fields, "errno", "strerror", "filename")
    errno: int | None
    strerror: str | None
    filename: str | None

    def __init__(
        self, message: str, *, errno: int | None = None, strerror: str | None = None, filename: str | None = None, **rest: Any
    ) -> None:
        super().__init__(message, **rest)
        self.errno, self.strerror, self.filename = errno, strerror, filename


class InputNotFound(_SystemInputError, FileNotFoundError):
    """No such file."""


class InputForbidden(_SystemInputError, PermissionError):
    """No right to read the file."""


class InputUnreadable(_SystemInputError, OSError):
    """Any other error of the system on opening or reading."""


def input_error_of(error: OSError, source: str) -> InputError:
    """The InputError for an OSError on opening or reading `source`. Never raised by itself."""
    kinds: dict[int | None, type[_SystemInputError]] = {
        _errno.ENOENT: InputNotFound,
        _errno.ENOTDIR: InputNotFound,
        _errno.EACCES: InputForbidden,
        _errno.EPERM: InputForbidden,
    }
    kind = kinds.get(error.errno, InputUnreadable)
    what = os.strerror(error.errno) if error.errno else "can't be read"
    hint = {InputNotFound: "check the name", InputForbidden: "ask for the right to read it"}.get(kind, "")
    return kind(what, errno=error.errno, strerror=what, filename=source, source=source, hint=hint)


class PayloadError(StateprintError, ValueError):
    """One payload is refused; in a scan it is a row instead. `reason` is the code, `offset` counts bytes from 0, `line` and `column`
    (in bytes) from 1; `expected` is fixed text; `path` is the JSON pointer of the innermost container, unknown names shown as `?`."""

    fields = ("offset", "line", "column", "expected", "path")

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "syntax",
        hint: str = "",
        offset: int = 0,
        line: int = 1,
        column: int = 1,
        expected: str = "",
        path: str = "",
    ) -> None:
        super().__init__(message or f"{expected or 'JSON'} expected at byte {offset} ({path or '/'})", code=code, hint=hint)
        self.offset, self.line, self.column, self.expected, self.path = offset, line, column, expected, path

    @property
    def reason(self) -> str:
        """The same as `code`."""
        return self.code


class PayloadSyntaxError(PayloadError):
    """No JSON (RFC 8259)."""


class PayloadEncodingError(PayloadError):
    """No valid UTF-8, a NUL byte, or a byte order mark."""


class PayloadLimitError(PayloadError):
    """Beyond a limit of the engine: `too_deep`, `too_many_nodes`, `key_too_long`, `number_too_long`, `line_too_long`."""


_ENCODING = {"invalid_utf8", "nul_byte", "unexpected_bom"}
_LIMIT = {"line_too_long", "too_deep", "too_many_nodes", "key_too_long", "number_too_long", "too_many_marks"}


def payload_error(found: dict[str, Any]) -> StateprintError:
    """The exception for what the core says of a refused payload (reason, offset, line, column, expected, path)."""
    code = found["reason"]
    if code == "internal":
        return InternalError()
    kind = PayloadEncodingError if code in _ENCODING else PayloadLimitError if code in _LIMIT else PayloadSyntaxError
    place = {k: found[k] for k in ("offset", "line", "column", "expected", "path")}
    return kind(code=code, hint="Engine(limits={…}) sets the limits" if kind is PayloadLimitError else "", **place)


class OutputError(StateprintError, OSError):
    """An output could not be written. The final name was not touched; `part_kept`: the unfinished NAME.part is still there."""

    fields = ("errno", "filename", "part_kept")
    errno: int | None
    filename: str | None

    def __init__(
        self,
        message: str,
        *,
        code: str = "output",
        hint: str = "",
        errno: int | None = None,
        filename: str | None = None,
        part_kept: bool = False,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.errno, self.filename, self.part_kept = errno, filename, part_kept

    def __str__(self) -> str:
        return f"{self.filename}: {self.message}" if self.filename else self.message


class InternalError(StateprintError, RuntimeError):
    """A bug of stateprint. Holds no payload, so that it may be reported as it is."""

    def __init__(
        self,
        message: str = "a bug of stateprint",
        *,
        code: str = "internal",
        hint: str = "please report it, with the version and the command",
    ) -> None:
        super().__init__(message, code=code, hint=hint)
