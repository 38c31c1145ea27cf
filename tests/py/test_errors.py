"""The exceptions: a closed tree with stable codes, picklable, that hold and chain to no payload."""

import errno
import pickle

import pytest

import stateprint as sp
from harness import engine
from stateprint import errors

SECRET = "sk-canary-0123456789abcdef"
EXAMPLES = [
    sp.ConfigError("expected a string", file="pack.json", line=3, column=9, hint="see docs/rules.md"),
    sp.InputError("no file matches this pattern", code="no_match", source="x*"),
    sp.EncodingUnsupported("the text is utf-16-le", code="unsupported_encoding", source="a", lines_done=0),
    sp.CompressedInputError("cut", code="gzip_truncated", source="a.gz", byte=12, lines_done=3),
    sp.InputLimitExceeded("too much", code="unpacked_limit", source="a.gz"),
    errors.input_error_of(FileNotFoundError(errno.ENOENT, "No such file or directory"), "a"),
    errors.input_error_of(PermissionError(errno.EACCES, "Permission denied"), "a"),
    errors.input_error_of(OSError(errno.EIO, "Input/output error"), "a"),
    sp.PayloadSyntaxError(code="syntax", offset=812, line=1, column=813, expected="literal", path="/input/4/role"),
    sp.PayloadEncodingError(code="invalid_utf8", offset=3, column=4, expected="valid UTF-8"),
    sp.PayloadLimitError(code="too_deep", offset=1024, column=1025, expected="nesting within max_depth"),
    sp.OutputError("No space left on device", errno=errno.ENOSPC, filename="o.csv", part_kept=True),
    sp.InternalError(),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda e: type(e).__name__)
def test_pickled_and_back(error: sp.StateprintError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.code, again.hint, vars(again)) == (str(error), error.code, error.hint, vars(error))
    for name in ("errno", "filename"):
        assert getattr(again, name, None) == getattr(error, name, None)


def test_the_tree() -> None:
    bases = {
        sp.ConfigError: ValueError,
        sp.PayloadError: ValueError,
        sp.OutputError: OSError,
        sp.InternalError: RuntimeError,
        sp.EncodingUnsupported: sp.InputError,
        sp.CompressedInputError: sp.InputError,
        sp.InputLimitExceeded: sp.InputError,
        sp.PayloadSyntaxError: sp.PayloadError,
        sp.PayloadEncodingError: sp.PayloadError,
        sp.PayloadLimitError: sp.PayloadError,
    }
    for kind, base in bases.items():
        assert issubclass(kind, base)
        assert issubclass(kind, sp.StateprintError)


def test_errors_of_the_system_keep_their_class() -> None:
    for number, kind in ((errno.ENOENT, FileNotFoundError), (errno.EACCES, PermissionError), (errno.EIO, OSError)):
        error = errors.input_error_of(OSError(number, "x"), "log.jsonl")
        assert isinstance(error, kind)
        assert isinstance(error, sp.InputError)
        assert error.source == "log.jsonl"


def test_a_payload_error_says_what_and_where() -> None:
    with pytest.raises(sp.PayloadError) as caught:
        sp.classify(b'{"model":"gpt-5","input":[{"role":"user","content":nope}]}', engine=engine())
    e = caught.value
    assert (e.reason, e.code, e.offset, e.line, e.column, e.path) == ("syntax", "syntax", 52, 1, 53, "/input/0")
    assert str(e) == f"{e.expected} expected at byte 52 (/input/0)"


@pytest.mark.parametrize(
    ("payload", "kind", "code"),
    [
        (b'{"a":', sp.PayloadSyntaxError, "truncated"),
        (b"{} {}", sp.PayloadSyntaxError, "trailing_data"),
        (b'{"a":NaN}', sp.PayloadSyntaxError, "non_finite_literal"),
        (b'{"a":"\xff"}', sp.PayloadEncodingError, "invalid_utf8"),
        (b'{"a":"\x00"}', sp.PayloadEncodingError, "nul_byte"),
        (b"[" * 1025 + b"]" * 1025, sp.PayloadLimitError, "too_deep"),
        (b"1" * 4097, sp.PayloadLimitError, "number_too_long"),
        ({"a": float("inf")}, sp.PayloadSyntaxError, "non_finite_literal"),
    ],
)
def test_kinds_of_payload_errors(payload: object, kind: type[sp.PayloadError], code: str) -> None:
    for call in (sp.classify, sp.identify, sp.fingerprint, sp.explain):
        with pytest.raises(kind) as caught:
            call(payload, engine=engine())
        assert caught.value.code == code
        assert caught.value.__context__ is None
        assert caught.value.__cause__ is None


def test_what_json_dumps_refuses_holds_no_payload() -> None:
    loop: dict[str, object] = {"secret": SECRET}
    loop["self"] = loop
    deep: list[object] = [SECRET]
    for _ in range(100_000):
        deep = [deep]
    for payload, kind in (
        (loop, sp.PayloadSyntaxError),
        ({"d": deep}, sp.PayloadLimitError),
        ({"s": {SECRET}}, TypeError),
        (object(), TypeError),
    ):
        with pytest.raises(kind) as caught:
            sp.classify(payload, engine=engine())
        assert SECRET not in repr(caught.value) + str(caught.value.args)
        assert caught.value.__context__ is None


def test_hints_stay_fixed_text() -> None:
    line = f'{{"{SECRET}":{{"{SECRET}":[{SECRET}]}}}}'
    with pytest.raises(sp.PayloadError) as caught:
        sp.classify(line, engine=engine())
    assert SECRET not in pickle.dumps(caught.value).decode("latin-1") + str(caught.value) + repr(caught.value)
    assert caught.value.path == "/?/?"
