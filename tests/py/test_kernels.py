"""Every kernel that this processor runs gives the same bytes; one that it doesn't run is refused, and the environment names one, too."""

import functools
import gzip
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

import pytest

import stateprint as sp
from harness import DATA, ROOT, SANITIZED, chunks
from stateprint import _core
from stateprint.inputs import deflate
from test_bench import made
from test_replay import lines

KERNELS = sp.kernels()
SAMPLE = ROOT / "examples/sample.jsonl"


def hostile_strings() -> bytes:
    """Strings whose escapes, ends and damage stand at every place of a vector; all of their values are shown, or at least hashed."""
    dice = random.Random(5)
    parts = [
        "\\n",
        '\\"',
        "\\\\",
        "\\u00e9",
        "\\ud83d\\ude00",
        "\\ud83d",
        "\\u0000",
        "é",
        "\U0001f642",
        "\\u12",
        "\\x",
        "\x01",
        '"',
        "x" * 9,
    ]
    found = []
    for at in range(140):
        text = "y" * at + "".join(dice.choices(parts[:-4], k=dice.randrange(6))) + dice.choice(parts) + "z" * dice.choice([0, 3, 40, 200])
        found.append(f'{{"model":"{text[:60]}","input":"{text}","previous_response_id":"resp_{at:08}","{text[at:]}":1}}\n'.encode())
        found.append(
            b'{"model":"gpt-5","input":"' + b"y" * at + dice.choice([b"\xff", b"\xe2\x82", b"\xed\xa0\x80", b"\xc3\xa9"]) + b'"}\n'
        )
    return b"".join(found)


@functools.cache
def log(name: str) -> bytes:
    part = 2 if SANITIZED else 1
    if name == "generated":
        return b"".join(made(n, 400_000 // part) for n in ("replay", "escapes", "mixed")) + b"".join(lines(3, 300))
    if name == "recorded":
        return gzip.decompress((DATA / "corpus-sample.jsonl.gz").read_bytes())
    return (DATA / "hostile-lines/all.log").read_bytes() + (DATA / "cases.jsonl").read_bytes() + hostile_strings()


@functools.cache
def output(name: str, kernel: str, table: bool) -> bytes:
    """Rows and marks of the log, and its counts."""
    limits = {} if table else {"replay_table_bytes": 0}
    engine = sp.Engine(kernel=kernel, limits=limits, with_text=True)  # the values themselves stand in the rows, and not tags
    scan = _core.Scan(engine.rules, source="log", evidence=True)
    found = []

    def drain() -> None:
        while (taken := scan.take()) is not None:
            found.extend(batch.to_ndjson() for batch in taken if batch is not None)

    for piece in chunks(log(name), 1 << 20):
        scan.feed(piece)
        drain()
    scan.finish()
    drain()
    return b"".join(found) + repr(scan.summary()).encode()


@pytest.mark.parametrize("table", [True, False], ids=["replay", "no replay"])
@pytest.mark.parametrize("name", ["generated", "recorded", "hostile"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_same_bytes(kernel: str, name: str, table: bool) -> None:
    want = output(name, "plain", False)
    assert want.count(b"\n") > log(name).count(b"\n")  # a row a line, and marks
    assert output(name, kernel, table) == want


def test_the_logs_are_hard() -> None:
    """Each log has what the kernels do differently: escapes of all kinds, text beyond ASCII, and in the hostile one what is refused."""
    for name in ("generated", "recorded", "hostile"):
        assert all(part in log(name) for part in (b"\\n", b'\\"', b"\\u")), name
        assert any(byte > 0x7F for byte in log(name)), name
    refused = output("hostile", "plain", False).rpartition(b"\n")[2]
    assert all(code in refused for code in (b"invalid_utf8", b"invalid_escape", b"control_character", b"lone_surrogate"))


def test_engines_name_their_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATEPRINT_KERNEL", raising=False)
    assert KERNELS[-1] == "plain"
    assert sp.Engine().kernel == KERNELS[0]
    for kernel in KERNELS:
        engine = sp.Engine(kernel=kernel)
        assert engine.kernel == engine.with_lens("retention").kernel == pickle.loads(pickle.dumps(engine)).kernel == kernel
        assert sp.classify(b'{"input":"\\u00e9"}', engine=engine) == sp.classify(b'{"input":"\xc3\xa9"}')


@pytest.mark.parametrize("name", ["", "avx3", "AVX2", "avx512\0", "é", 5])
def test_a_kernel_that_does_not_run_here(name: str) -> None:
    with pytest.raises(sp.ConfigError) as caught:
        sp.Engine(kernel=name)
    assert caught.value.code == "kernel"
    assert all(kernel in caught.value.hint for kernel in KERNELS)
    assert repr(name) in str(caught.value)
    if isinstance(name, str):
        with pytest.raises(_core.CoreError, match="kernel"):
            _core.Rules([], lens=([], []), kernel=name)


def test_an_engine_from_another_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    there = pickle.dumps(sp.Engine(kernel=KERNELS[0]))
    monkeypatch.setattr(_core, "kernels", lambda: ["plain"])
    if KERNELS[0] != "plain":
        with pytest.raises(sp.ConfigError, match=KERNELS[0]):
            pickle.loads(there)
        with pytest.raises(sp.ConfigError, match="runs no kernel"):
            sp.Engine(kernel=KERNELS[0])


def test_the_environment_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for kernel in KERNELS:
        monkeypatch.setenv("STATEPRINT_KERNEL", kernel)
        engine = sp.Engine()
        assert engine.kernel == kernel
        assert sp.Engine(kernel="plain").kernel == "plain"  # an argument wins
        monkeypatch.setenv("STATEPRINT_KERNEL", "")
        assert sp.Engine().kernel == KERNELS[0]
        assert engine.with_lens("retention").kernel == kernel  # read once
    monkeypatch.setenv("STATEPRINT_KERNEL", "avx3")
    with pytest.raises(sp.ConfigError, match=r"^STATEPRINT_KERNEL: .*'avx3'"):
        sp.Engine()


def run(*arguments: str | Path, kernel: str | None = None) -> tuple[int, str, str]:
    environment = {k: v for k, v in os.environ.items() if k != "STATEPRINT_KERNEL"} | ({"STATEPRINT_KERNEL": kernel} if kernel else {})
    command = [sys.executable, "-m", "stateprint", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment, check=False)
    return done.returncode, done.stdout, done.stderr


def test_the_command_line() -> None:
    kernels = ", ".join(KERNELS)
    head = f"stateprint, version {sp.__version__}\ngzip by {deflate.inflaters()[0].name}\n"
    assert run("--version") == (0, f"{head}kernel {KERNELS[0]}, of {kernels}\n", "")
    assert run("--version", kernel="plain")[1].endswith(f"\nkernel plain, of {kernels}\n")
    code, out, err = run("--version", kernel="avx3")
    assert (code, out) == (2, head)
    assert "STATEPRINT_KERNEL" in err
    assert kernels in err
    want = run("scan", SAMPLE)
    assert want[0] == 0
    assert run("scan", SAMPLE, "--kernel", "plain") == want == run("scan", SAMPLE, kernel="plain")
    for code, out, err in (run("scan", SAMPLE, "--kernel", "avx3"), run("scan", SAMPLE, kernel="avx3")):
        assert (code, out) == (2, "")
        assert "'avx3'" in err
        assert kernels in err
