"""27 fake secrets in 17 places of a line: no output shows 12 characters in a row of one, raw or encoded."""

import base64
import html
import io
import json
import pickle
import traceback
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import stateprint as sp
from harness import DATA, engine, load_jsonl, scan_bytes
from stateprint.cli import main

CANARIES = {c["id"]: "".join(c["parts"]) for c in load_jsonl(DATA / "secrets/canaries.jsonl")}
WINDOW = 12


def lines() -> list[bytes]:
    made = []
    for template in load_jsonl(DATA / "secrets/lines.jsonl"):
        for canary in CANARIES.values():
            text: str = template["line"].replace("@@X@@", json.dumps(canary, ensure_ascii=False)[1:-1])
            made.append(text.encode().replace(b"@@FF@@", b"\xff"))
    return made


def grams(text: str, size: int = WINDOW) -> Iterator[str]:
    for at in range(len(text) - size + 1):
        yield text[at : at + size]


def needles() -> dict[int, set[str]]:
    """Length -> what must not be seen, for every way in which a piece of 12 characters may be written."""
    found: dict[int, set[str]] = {}

    def add(text: str) -> None:
        if len(set(text)) == 1:  # a run of zeros is in many hashes, and tells nothing
            return
        found.setdefault(len(text), set()).add(text)

    for canary in CANARIES.values():
        for gram in grams(canary):
            for form in (
                gram,
                json.dumps(gram)[1:-1],
                json.dumps(gram, ensure_ascii=False)[1:-1],
                html.escape(gram),
                urllib.parse.quote(gram, safe=""),
            ):
                add(form)
            add(gram.encode().hex())
            add(gram.encode().hex().upper())
        for shift in range(3):  # whatever stands before it, the inner digits are one of three sequences
            coded = base64.b64encode(b"\0" * shift + canary.encode()).decode().rstrip("=")[4:-4]
            for gram in grams(coded, 16):
                add(gram)
    return found


NEEDLES = needles()
STARTS = {needle[:8] for these in NEEDLES.values() for needle in these}


def leaks(text: str) -> set[str]:
    """What of the secrets stands in the text."""
    starts = [at for at in range(len(text) - 7) if text[at : at + 8] in STARTS]
    return {text[at : at + size] for at in starts for size, these in NEEDLES.items() if text[at : at + size] in these}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secrets") / "log.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines()))
    return path


def test_there_are_459_lines_and_a_leak_is_found() -> None:
    assert len(lines()) == 459
    canary = next(iter(CANARIES.values()))
    assert leaks("x" + canary[5:20])
    assert leaks(base64.b64encode(b"ab" + canary.encode()).decode())
    assert not leaks("nothing to see here, move along please")


def test_rows_and_evidence(log: Path) -> None:
    result = scan_bytes(log.read_bytes(), evidence=True)
    assert len(result.rows) == 459
    shown = leaks("\n".join(map(str, result.rows)) + "\n".join(map(str, result.marks)) + str(result.summary))
    assert shown == set()


@pytest.mark.parametrize("suffix", ["ndjson", "csv", "parquet", "arrow"])
def test_files(log: Path, tmp_path: Path, suffix: str) -> None:
    table = sp.scan(log, engine=engine()).table()
    path = tmp_path / f"out.{suffix}"
    table.write(path)
    if suffix not in {"parquet", "arrow"}:  # their packed integers may spell anything
        assert leaks(path.read_bytes().decode("latin-1")) == set()
    if suffix in {"parquet", "arrow"}:
        feather, parquet = pytest.importorskip("pyarrow.feather"), pytest.importorskip("pyarrow.parquet")
        read = parquet.read_table(path) if suffix == "parquet" else feather.read_table(path)
        assert read.num_rows == 459
        assert leaks(str(read.to_pylist())) == set()


def test_representations(log: Path) -> None:
    scan = sp.scan(log, engine=engine())
    table = scan.table()
    shown = [repr(scan), str(scan), repr(table), str(table), str(getattr(table, "_repr_html_", str)())]
    assert leaks("\n".join(shown)) == set()


@pytest.mark.parametrize(
    "arguments",
    [("scan", "--to", "table"), ("scan", "--to", "ndjson"), ("scan", "--to", "csv"), ("scan",), ("identify",)],
    ids=" ".join,
)
def test_command_line(log: Path, arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*arguments, str(log)])
    assert result.exit_code in {0, 3}, result.output[-2000:]
    assert leaks(result.output) == set()


@pytest.mark.parametrize("first", range(0, 459, 27))
def test_explain(log: Path, first: int) -> None:
    """One line of each template, with a canary of its own."""
    number = first + (first // 27) % 27 + 1
    result = CliRunner().invoke(main, ["explain", f"{log}:{number}"])
    assert leaks(result.output) == set()
    assert result.output


def everything_of(error: BaseException) -> str:
    parts = []
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        e = todo.pop()
        if e is not None and id(e) not in seen:
            seen.add(id(e))
            parts += [str(e), repr(e), repr(e.args), repr(getattr(e, "__dict__", {})), pickle.dumps(e).decode("latin-1")]
            parts += ["".join(traceback.format_exception_only(e))]
            todo += [e.__cause__, e.__context__]
    return "\n".join(parts)


def test_exceptions_and_verdicts() -> None:
    texts, raised = io.StringIO(), 0
    for line in lines():
        for payload in (line, line[:-1], line[: len(line) // 2], line.replace(b'"', b"'", 1)):
            for call in (sp.classify, sp.fingerprint, sp.identify, sp.explain):
                try:
                    value = call(payload, engine=engine())
                    texts.write(f"{value!r} {value}\n")
                except sp.StateprintError as e:
                    raised += 1
                    texts.write(everything_of(e))
    assert raised > 1000
    assert leaks(texts.getvalue()) == set()


def test_options_of_one_call_do_not_leak() -> None:
    """What is given around a payload is as secret as the payload."""
    texts = []
    for canary in CANARIES.values():
        for around in (
            {"url": f"https://api.openai.com/v1/responses?key={canary}"},
            {"headers": {"authorization": canary, "x-session": canary}},
        ):
            try:
                texts.append(str(sp.explain(b'{"model":"m","input":"hi"}', engine=engine(), **around)))
            except sp.StateprintError as e:
                texts.append(everything_of(e))
    assert leaks("\n".join(texts)) == set()
