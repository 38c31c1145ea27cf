#!/usr/bin/env python3
"""Runs the commands that README.md and pages of docs show (```console blocks: `$ stateprint …`) and puts their real output below them.

A line `…` in a block stands for lines left out: as many as before stay above and below it.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"(```console\n\$ (.*?)\n)(.*?)(```)", re.DOTALL)
USAGE = 2  # what is wrong is worth showing, too
DEFAULT = ["scan", "--to", "table", "examples/sample.jsonl"]  # what tools/try.sh runs


def run(command: str) -> list[str]:
    """Lines that the command prints, stdout before stderr."""
    words = shlex.split(command)
    if words[0] == "tools/try.sh":
        words = ["stateprint", *(words[1:] or DEFAULT)]
    environment = {**os.environ, "COLUMNS": "150", "TERM": "dumb", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment, check=False
    )
    if done.returncode not in {0, USAGE}:
        sys.exit(f"{command} failed:\n{done.stderr}")
    return [line.rstrip() for line in (done.stdout + done.stderr).rstrip("\n").split("\n")]


def fill(block: re.Match[str]) -> str:
    shown, lines = block[3].rstrip("\n").split("\n"), run(block[2])
    if "…" in shown:
        above = shown.index("…")
        below = len(shown) - above - 1
        lines = [*lines[:above], "…", *lines[len(lines) - below :]]
    return block[1] + "\n".join(lines) + "\n" + block[4]


def main() -> None:
    for path in PAGES:
        path.write_text(BLOCK.sub(fill, path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
