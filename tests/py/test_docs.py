"""The documents say what the code does: generated pages, the README's output, and every link between pages."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import stateprint as sp
from harness import ROOT
from stateprint import _core

README = (ROOT / "README.md").read_text(encoding="utf-8")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "150", "TERM": "dumb", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment, check=False)


def test_generated_pages_are_up_to_date() -> None:
    done = run(sys.executable, "tools/gen_docs.py", "--check")
    assert done.returncode == 0, done.stdout


def test_pages_agree_with_the_built_core() -> None:
    errors, limits, columns = ((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("errors.md", "limits.md", "columns.md"))
    for name, default, hard, _ in _core.limits():
        assert f"| `{name}` | {default:,} | {hard:,} |" in limits
    for code, _ in _core.statuses():
        assert code == "ok" or f"| `{code}` |" in errors
    for name, _ in _core.flags():
        assert f"| `{name}` |" in errors
    for table in ("exchanges", "evidence"):
        for name, _, meaning in _core.columns(table):
            assert f"| `{name}` |" in columns
            assert meaning.replace("|", "\\|") in columns


def shown() -> list[tuple[str, str]]:
    """(command, output) of every console block of the README and of the pages that have some: `$ command`, then what it prints."""
    pages = "".join([README, *(page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").glob("*.md")))])
    blocks = re.findall(r"```console\n\$ (.*?)\n(.*?)```", pages, re.DOTALL)
    return [(command, output) for command, output in blocks if output.strip()]


@pytest.mark.parametrize(("command", "output"), shown(), ids=[command for command, _ in shown()])
def test_output_in_pages_is_real(command: str, output: str) -> None:
    words = shlex.split(command)
    if words[0] == "tools/try.sh":
        words = ["stateprint", *words[1:]] if len(words) > 1 else ["stateprint", "scan", "--to", "table", "examples/sample.jsonl"]
    assert words[0] == "stateprint"
    done = run(sys.executable, "-m", *words)
    want = [line.rstrip() for line in output.rstrip("\n").split("\n")]
    got = [line.rstrip() for line in (done.stdout + done.stderr).rstrip("\n").split("\n")]
    if "…" in want:  # rows left out
        at = want.index("…")
        assert got[:at] == want[:at]
        assert got[len(got) - len(want) + at + 1 :] == want[at + 1 :]
    else:
        assert got == want


def test_readme_shows_a_run() -> None:
    assert any("examples/sample.jsonl" in command or command == "tools/try.sh" for command, _ in shown())


def test_readme_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every python block of the README, one after the other, in one namespace."""
    pytest.importorskip("pandas")
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)  # noqa: S102
    assert names["v"].state == "stateful"  # type: ignore[attr-defined]


def test_examples_in_pages_are_true() -> None:
    """Blocks ```json in docs/states.md: a payload a line, with the state and the facts that the page gives it in the line before."""
    page = (ROOT / "docs/states.md").read_text(encoding="utf-8")
    found = re.findall(r"^<!-- (POST|GET|DELETE) (\S+) -> (\w+)((?: [\w.]+)*) -->\n```json\n(.*?)\n?```", page, re.MULTILINE | re.DOTALL)
    assert len(found) >= 8
    for method, url, state, facts, payload in found:
        verdict = sp.classify(payload.encode() or None, method=method, url=url)
        assert (verdict.state, set(facts.split()) - set(verdict.facts)) == (state, set()), (url, payload, verdict.facts)


@pytest.mark.parametrize(
    "page", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")]), ids=lambda p: p.name
)
def test_links(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = [link for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text) if "://" not in link and not (page.parent / link).exists()]
    assert broken == []
