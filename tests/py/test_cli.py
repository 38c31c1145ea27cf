"""The command line, as a child process: what goes where, which code it ends with, and what it shows of hostile text."""

import csv
import fcntl
import gzip
import io
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from harness import DATA, ROOT, engine
from stateprint import cli

SAMPLE = ROOT / "examples/sample.jsonl"
HOSTILE = DATA / "hostile-lines/all.log"
PROGRAM = [sys.executable, "-m", "stateprint"]
COUNTS = re.compile(r"^(\d+) lines = (\d+) classified \+ (\d+) rejected", re.MULTILINE)


def run(*arguments: str | Path, stdin: bytes | None = b"", code: int | None = 0, **options: Any) -> "subprocess.CompletedProcess[bytes]":
    done = subprocess.run([*PROGRAM, *map(str, arguments)], input=stdin, capture_output=True, check=False, **options)
    text = done.stderr.decode()
    assert "Traceback" not in text
    if code is not None:
        assert done.returncode == code, text
    for lines, classified, rejected in COUNTS.findall(text):
        assert int(lines) == int(classified) + int(rejected)
    return done


def on_terminal(*arguments: str | Path, width: int = 100) -> str:
    """stdout when it is a terminal."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "NO_COLOR"}} | {"TERM": "xterm"}
    command = [*PROGRAM, *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=child, stderr=subprocess.DEVNULL, env=environment)
    os.close(child)
    out = b""
    while select.select([parent], [], [], 60)[0]:
        try:
            piece = os.read(parent, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        out += piece
    os.close(parent)
    process.wait()
    return out.decode()


# --------------------------------------------------------------------------------------------------------------------------------- scan
def test_ndjson_when_piped_and_the_summary_on_stderr() -> None:
    done = run("scan", SAMPLE)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == SAMPLE.read_bytes().count(b"\n")
    assert list(rows[0]) == sp.scan(SAMPLE, engine=engine()).table().columns
    assert COUNTS.search(done.stderr.decode())
    assert b"\x1b" not in done.stdout + done.stderr


def test_three_doors_give_the_same() -> None:
    by_module = run("scan", SAMPLE).stdout
    script = Path(sys.executable).parent / "stateprint"
    if script.exists():
        assert subprocess.run([script, "scan", SAMPLE], capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout == by_module
    table = sp.scan(str(SAMPLE), engine=engine()).table()
    assert b"".join(batch.to_ndjson() for batch in table.batches()) == by_module


def test_a_table_on_a_terminal() -> None:
    for width in (60, 80, 100, 200):
        out = on_terminal("scan", SAMPLE, width=width)
        lines = re.sub(r"\x1b\[[0-9;]*m", "", out).replace("\r", "").split("\n")
        assert {"line", "route", "state", "facts"} <= set(lines[0].split())
        states = re.compile(r" (stateful|stateless|unknown|not_inference|rejected) ")
        assert all(states.search(line) for line in lines[1:30])  # the column that matters is never squeezed out
        assert all(len(line.rstrip()) <= max(width, 80) for line in lines)
        assert re.search(r"^39 rows: ", "\n".join(lines), re.MULTILINE)


def test_threads_and_packing_do_not_matter(tmp_path: Path) -> None:
    packed = tmp_path / "other.txt"
    packed.write_bytes(gzip.compress(SAMPLE.read_bytes()))
    rows = [
        [{**json.loads(line), "source": ""} for line in run("scan", name, "-j", n).stdout.splitlines()]
        for name, n in ((SAMPLE, "1"), (packed, "8"))
    ]
    piped = [{**json.loads(line), "source": ""} for line in run("scan", "-", stdin=packed.read_bytes()).stdout.splitlines()]
    assert rows[0] == rows[1] == piped


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "ndjson", "csv"])
def test_output_files(tmp_path: Path, suffix: str) -> None:
    if suffix in {"parquet", "arrow"}:
        pytest.importorskip("pyarrow")
    out, marks = tmp_path / f"out.{suffix}", tmp_path / "marks.ndjson"
    done = run("scan", SAMPLE, "-o", out, "--evidence", marks)
    assert done.stdout == b""
    sp.scan(str(SAMPLE), engine=engine()).table().write(tmp_path / f"api.{suffix}")
    assert out.read_bytes() == (tmp_path / f"api.{suffix}").read_bytes()
    assert marks.read_bytes().count(b"\n") == len(sp.scan(SAMPLE, engine=engine()).evidence)
    assert b"exists" in run("scan", SAMPLE, "-o", out, code=5).stderr
    run("scan", SAMPLE, "-o", out, "--force")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([f"api.{suffix}", "marks.ndjson", f"out.{suffix}"])


def test_to_csv_on_stdout() -> None:
    rows = list(csv.DictReader(io.StringIO(run("scan", SAMPLE, "--to", "csv").stdout.decode(), newline="")))
    assert len(rows) == 39


def test_counts() -> None:
    rows = [json.loads(line) for line in run("scan", SAMPLE, "--by", "provider,state").stdout.splitlines()]
    assert sum(row["count"] for row in rows) == 39
    assert rows == sorted(rows, key=lambda row: (-row["count"], row["provider"], row["state"]))
    assert set(rows[0]) == {"provider", "state", "count"}
    some = run("scan", SAMPLE, "--by", "state", "--where", "line <= 10", "-j", "1").stdout.splitlines()
    assert sum(json.loads(line)["count"] for line in some) == 10
    assert "count" in on_terminal("scan", SAMPLE, "--by", "state")
    wrong = run("scan", SAMPLE, "--by", "state, colours", code=2)
    assert b"no column is called 'colours'\n" in wrong.stderr
    assert wrong.stdout == b""
    assert b"no column is called ''" in run("scan", SAMPLE, "--by", "", code=2).stderr


def test_filters() -> None:
    done = run("scan", SAMPLE, "--where", "state = 'stateful' and effects has 'read'")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["state"] for row in rows} == {"stateful"}
    assert re.search(rf"kept {len(rows)} of 39 \(left out: {39 - len(rows)} by where\)", done.stderr.decode())
    sample = ("scan", SAMPLE, "--sample", "0.5", "--seed")
    assert run(*sample, "3").stdout == run(*sample, "3", "-j", "1").stdout != run(*sample, "4").stdout
    assert run("identify", SAMPLE, "--where", "line in (3, 5)").stdout.count(b"\n") == 2
    assert run("identify", SAMPLE, "--where", "line > 3", "--limit", "4").stdout.count(b"\n") == 4
    kong = DATA / "samples/kong-ai-log.jsonl"
    assert run("scan", kong, "--until", "2100-01-01").stdout == run("scan", kong).stdout
    late = run("scan", kong, "--since", "2100-01-01")
    assert re.search(r"no rows: all \d+ are outside the time window; the log is of 20..-", late.stderr.decode())


@pytest.mark.parametrize(
    ("option", "what", "said"),
    [
        ("--where", "stat = 1", b"error: where:1:1: no column is called 'stat'\n  did you mean state"),
        ("--since", "May", b"since is 'May', expected a date or a time"),
        ("--sample", "2", b"sample is '2.0', expected a share"),
        ("--seed", "1", b"seed goes with sample"),
    ],
)
def test_wrong_filters(option: str, what: str, said: bytes) -> None:
    done = run("scan", SAMPLE, option, what, code=2)
    assert said in done.stderr
    assert done.stdout == b""


def test_filters_change_no_exit_code() -> None:
    everything = run("scan", HOSTILE, "--where", "state = 'unknown'", "--max-rejects", "79", code=3)
    assert b" rejected, " in everything.stderr.partition(b"left out: ")[2]
    assert run("scan", HOSTILE, "--where", "line = -1").stdout == b""


def test_records_are_named(tmp_path: Path) -> None:
    log, other = tmp_path / "log.json", tmp_path / "other.json"
    log.write_text(json.dumps({"mine": [{"model": "gpt-5", "input": "a"}]}))
    other.write_text(json.dumps({"yours": [{"model": "gpt-5", "input": "b"}] * 2}))
    assert run("scan", log, other, "--records", "/mine", "--records", "/yours").stdout.count(b"\n") == 3
    assert run("identify", other, "--records", "/yours").stdout.count(b"\n") == 2
    done = run("scan", log, "--records", "lines", code=3)
    assert (done.stdout.count(b"\n"), b"nothing in it looks like a call" in done.stderr) == (1, True)
    assert b"expected 'lines' or JSON pointers" in run("scan", log, "--records", "mine", code=2).stderr
    assert b"model        gpt-5" in run("explain", f"{log}:1", "--records", "/mine").stdout


def test_content_given_twice(tmp_path: Path) -> None:
    copy, part, lone = tmp_path / "copy.gz", tmp_path / "part.jsonl", tmp_path / "lone.jsonl"
    copy.write_bytes(gzip.compress(SAMPLE.read_bytes()))
    part.write_bytes(SAMPLE.read_bytes()[:9000])
    done = run("scan", part, SAMPLE, copy)
    assert done.stdout == run("scan", SAMPLE).stdout
    assert f"{copy} has the same content as {SAMPLE}: its rows are given once (--keep-copies reads all)" in done.stderr.decode()
    assert f"{part} is the beginning of {SAMPLE}: its rows are given once" in done.stderr.decode()
    assert run("scan", SAMPLE, copy, "--keep-copies").stdout.count(b"\n") == 78
    lone.write_bytes(b"\n")
    assert f"no rows: {lone} (no lines)\n" in run("identify", lone, lone, code=3).stderr.decode()


def test_limit_and_lens() -> None:
    assert run("scan", SAMPLE, "--limit", "5").stdout.count(b"\n") == 5
    states = [json.loads(run("scan", SAMPLE, "--lens", lens, "--by", "state").stdout.splitlines()[0]) for lens in sp.LENSES]
    assert all(state["count"] for state in states)
    assert b"no lens" in run("scan", SAMPLE, "--lens", "sesion", code=2).stderr


def test_keys_tags_and_text(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(
        b'{"model":"gpt-5","input":"x","previous_response_id":"resp_1","metadata":{"session_id":"Jane Q. Public"}}\n'
    )
    (tmp_path / "key").write_text("00112233445566778899aabbccddeeff\n")
    (tmp_path / "raw").write_bytes(bytes.fromhex("00112233445566778899aabbccddeeff"))
    keyed = [run("scan", tmp_path / "log", "--key", tmp_path / name).stdout for name in ("key", "raw")]
    assert keyed[0] == keyed[1]
    row = json.loads(keyed[0])
    assert row["fingerprint"].startswith("sp1k_")
    assert b"resp_1" not in run("scan", tmp_path / "log", "--tags").stdout
    (tmp_path / "key").write_text("no key")
    assert b"this is no key" in run("scan", tmp_path / "log", "--key", tmp_path / "key", code=2).stderr


# ------------------------------------------------------------------------------------------------------------------------- exit codes
def test_exit_codes(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "text.log").write_bytes(b"GET / HTTP/1.1\nno JSON\n")
    (tmp_path / "bad.json").write_text('{"format": 1, "pack" "x"}')
    for code, arguments in (
        (0, ("scan", SAMPLE)),
        (0, ("--version",)),
        (0, ("scan", "--help")),
        (2, ("scan",)),
        (2, ("scan", SAMPLE, "--nonsense")),
        (2, ("scan", SAMPLE, "--format", "toml")),
        (2, ("scan", SAMPLE, "--rules", tmp_path / "bad.json")),
        (2, ("scan", SAMPLE, "--rules", tmp_path / "missing.json")),
        (2, ("scan", SAMPLE, "--context", tmp_path / "missing.toml")),
        (2, ("scan", SAMPLE, "--to", "parquet")),
        (2, ("scan", SAMPLE, "-o", tmp_path / "out.docx")),
        (2, ("explain", SAMPLE)),
        (3, ("scan", tmp_path / "missing")),
        (3, ("scan", tmp_path / "none*")),
        (3, ("scan", "/dev/null")),
        (3, ("scan", tmp_path / "text.log")),
        (3, ("scan", DATA / "gz/cut-in-data.jsonl.gz")),
        (3, ("scan", DATA / "framing/utf16le-bom.jsonl")),
        (3, ("scan", HOSTILE, "--max-rejects", "79")),
        (0, ("scan", HOSTILE, "--max-rejects", "80")),
        (3, ("scan", HOSTILE, "--strict")),
        (3, ("explain", f"{SAMPLE}:9999")),
        (5, ("scan", SAMPLE, "-o", tmp_path / "no/folder/out.csv")),
    ):
        done = run(*arguments, code=code)
        if code:
            assert done.stderr.strip(), arguments
    assert b"no rows: " in run("scan", tmp_path / "empty.jsonl", code=None).stderr


def test_a_full_stdout() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*PROGRAM, "scan", str(SAMPLE)], stdout=full, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 5
    assert b"No space left" in done.stderr


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(SAMPLE.read_bytes() * 200)
    for arguments in (("scan",), ("identify",)):
        with subprocess.Popen([*PROGRAM, *arguments, str(tmp_path / "log")], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            child.stdout.close()
            assert child.stderr is not None
            assert child.stderr.read() == b""
            assert child.wait() == 0


@pytest.mark.parametrize("arguments", [["formats"], ["scan", "no-such-file"], ["scan", "--no-such-option"]], ids=["ran", "failed", "usage"])
def test_signal_handlers_are_given_back(arguments: list[str]) -> None:
    """A program that calls the command line in its own process is stopped by signals as before."""

    def own(number: int, frame: object) -> None: ...

    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, own)
        with pytest.raises(SystemExit):
            cli.main(arguments)
        assert [signal.getsignal(number) for number in numbers[:2]] == [signal.SIG_DFL, own]
        assert signal.getsignal(signal.SIGINT) is before[2]
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "log").write_bytes(SAMPLE.read_bytes() * 60)
    out = tmp_path / "out.ndjson"
    command = [*PROGRAM, "scan", "-", "-o", str(out)]
    before = signal.signal(number, signal.SIG_DFL)  # who runs the tests in the background of a script ignores it, and a child would, too
    try:
        started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        signal.signal(number, before)
    with started as child:
        assert child.stdin is not None
        child.stdin.write((tmp_path / "log").read_bytes())
        child.stdin.flush()
        for _ in range(300):  # the part is there, and the input not at its end
            if (part := tmp_path / "out.ndjson.part").exists() and part.stat().st_size:
                break
            time.sleep(0.05)
        sent = time.monotonic()
        child.send_signal(number)
        assert child.stderr is not None
        told = child.stderr.read()
        assert child.wait() == 130
    assert time.monotonic() - sent < 20  # it ends, also on a busy machine; how soon is for bench/ to say
    assert b"interrupted" in told
    assert COUNTS.search(told.decode())
    assert not out.exists()
    assert not (tmp_path / "out.ndjson.part").exists()


def test_a_bug_is_code_70_and_shows_no_payload(tmp_path: Path) -> None:
    code = "import sys, stateprint.cli as c, stateprint.cli.options as o\ndef scan(*a, **k): raise ZeroDivisionError('secret payload')\no.scan = scan\nc.main()"
    done = subprocess.run([sys.executable, "-c", code, "scan", str(SAMPLE)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 70
    assert "bug" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


# -------------------------------------------------------------------------------------------------------------------- hostile text
def test_names_and_values_are_shown_escaped(tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07\u202e\u200b"
    log = tmp_path / f"log{evil}.jsonl"
    line = {
        "request": {
            "url": "https://api.openai.com/v1/chat/completions",
            "body": {"model": f"m{evil}", "messages": [{"role": evil, "content": evil}]},
        }
    }
    log.write_text(json.dumps(line, ensure_ascii=False) + "\n{" + evil + "}\n")
    for arguments in (
        ("scan",),
        ("scan", "--to", "table"),
        ("scan", "--with-text"),
        ("identify", "--with-text"),
        ("scan", "--by", "model,source"),
    ):
        done = run(*arguments, log)
        shown = (done.stdout + done.stderr).decode()
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]", shown), arguments
    for place in (f"{log}:1", f"{log}:2"):
        shown = run("explain", place, "--with-text", code=None).stdout.decode()
        assert shown
        assert "\x1b" not in shown
    assert "\x1b]" not in run("scan", tmp_path / f"missing{evil}", code=3).stderr.decode()


# ----------------------------------------------------------------------------------------------------------------- identify, explain
def test_identify_lines_and_documents(tmp_path: Path) -> None:
    lines = run("identify", SAMPLE).stdout.decode().splitlines()
    assert len(lines) == 39
    assert all(line.startswith(f"{SAMPLE}:{n}: ") for n, line in enumerate(lines, 1))
    payload = {"model": "gpt-5", "input": "and then?", "previous_response_id": "resp_1"}
    pretty, folded = tmp_path / "pretty.json", tmp_path / "pair.json"
    pretty.write_text(json.dumps(payload, indent=2))
    folded.write_text(json.dumps({"request": {"url": "https://api.openai.com/v1/responses", "body": payload}}, indent=1))
    first, second = run("identify", pretty, folded).stdout.decode().splitlines()
    assert first == f"{pretty}:1: {sp.identify(payload)}"
    assert second.startswith(f"{folded}:1: openai.responses responses.create via openai")
    explained = run("explain", pretty).stdout.decode()
    start = pretty.read_text().index('"resp_1"')
    assert f"bytes {start} to {start + 8}" in explained  # places are those of the file
    assert b"rejected: trailing_data" in run("identify", DATA / "framing/cr-only.jsonl", code=3).stdout


def test_explain_a_line() -> None:
    number = next(
        row["line"] for row in sp.scan(SAMPLE, engine=engine()).table().to_pylist() if "read.previous_response" in (row["facts"] or ())
    )
    text = run("explain", f"{SAMPLE}:{number}").stdout.decode()
    for word in (
        f"sample.jsonl:{number}",
        "operation",
        "marks",
        "read.previous_response",
        "rule",
        "source",
        "lens         session",
        "state        stateful",
    ):
        assert word in text
    rejected = run("explain", f"{DATA / 'framing/glued.jsonl'}:1", code=None)
    assert b"trailing_data" in rejected.stdout or b"trailing_data" in run("explain", f"{DATA / 'framing/glued.jsonl'}:2", code=3).stdout
    assert b"no exchange in line 99" in run("explain", f"{SAMPLE}:99", code=3).stderr


# ----------------------------------------------------------------------------------------------------------------------- rules, formats
PACK = {
    "format": 1,
    "pack": "acme",
    "version": "1",
    "sources": {"A": "acme's own documents"},
    "facts": {"read.acme": "acme's memory"},
    "hosts": [{"id": "host.acme", "provider": "acme", "cloud": "acme", "match": ["llm.acme.example"], "source": "A"}],
}


def test_rules_list_and_show() -> None:
    entries = [json.loads(line) for line in run("rules", "list").stdout.splitlines()]
    assert {"endpoint", "marker", "host", "shape"} <= {e["kind"] for e in entries}
    assert all(json.loads(line)["kind"] == "host" for line in run("rules", "list", "--kind", "host").stdout.splitlines())
    done = run("rules", "show", "responses.previous_response_id")
    assert json.loads(done.stdout)["fact"] == "read.previous_response"
    assert re.search(rb"10-openai\.json:\d+", done.stderr)
    assert b"no entry" in run("rules", "show", "nothing", code=2).stderr


def test_rules_check(tmp_path: Path) -> None:
    good, bad, broken = (tmp_path / f"{name}.json" for name in ("good", "bad", "broken"))
    good.write_text(json.dumps(PACK, indent=1))
    bad.write_text(json.dumps({**PACK, "hosts": [{"id": "host.acme", "match": "x", "source": "B"}]}, indent=1))
    broken.write_text('{"format": 1,\n  "pack": "x",,\n}')
    assert run("rules", "check", good).stdout == f"{good}: good\n".encode()
    done = run("rules", "check", good, bad, broken, code=2)
    assert f"{broken}:2:15: " in done.stderr.decode()
    assert re.search(rf"{re.escape(str(bad))}:\d+:\d+: ", done.stderr.decode())
    assert f"{good}: good" in done.stdout.decode()
    assert run("scan", SAMPLE, "--rules", good, "--limit", "1").stdout


def test_rules_test_finds_a_wrong_example(tmp_path: Path) -> None:
    host = {**PACK["hosts"][0], "examples": {"yes": ["llm.acme.example", "other.example"], "no": ["llm.acme.example"]}}  # type: ignore[index]
    (tmp_path / "acme.json").write_text(json.dumps({**PACK, "hosts": [host]}))
    done = run("rules", "test", "--rules", tmp_path / "acme.json", code=1)
    failed = [line for line in done.stdout.decode().splitlines() if "host.acme" in line]
    assert len(failed) == 2
    assert re.search(rb"\d+ examples = \d+ good \+ \d+ failed", done.stderr)


def test_formats() -> None:
    names = [json.loads(line)["name"] for line in run("formats").stdout.splitlines()]
    assert names[-4:] == ["pairs", "batch", "flat", "bodies"]
    assert {"bedrock", "apim", "helicone", "langsmith"} < set(names)


@pytest.mark.parametrize(("closed", "code"), [("<&-", 3), (">&-", 5), ("2>&- >/dev/null", 0)])
def test_streams_that_are_closed(closed: str, code: int) -> None:
    inputs = "-" if closed == "<&-" else str(SAMPLE)
    done = subprocess.run(["sh", "-c", f"exec {sys.executable} -m stateprint scan {inputs} {closed}"], stderr=subprocess.PIPE, check=False)
    assert done.returncode == code
    assert (b"standard input is closed" in done.stderr, b"stdout is closed" in done.stderr) == (code == 3, code == 5)


def test_outputs_that_would_be_lost(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert b"no regular file" in run("scan", SAMPLE, "-o", pipe, "--to", "csv", "--force", code=5).stderr
    assert pipe.is_fifo()
    same = tmp_path / "same.csv"
    assert b"name one file" in run("scan", SAMPLE, "-o", same, "--evidence", tmp_path / "." / "same.csv", code=2).stderr
    assert not same.exists()


@pytest.mark.parametrize("text", ["a = " + "9" * 5000, "a = " + "[" * 3000])
def test_toml_beyond_measure(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.toml"
    file.write_text(text, encoding="utf-8")
    for option in ("--map", "--context"):
        assert b"this is no TOML" in run("scan", SAMPLE, option, file, code=2).stderr
