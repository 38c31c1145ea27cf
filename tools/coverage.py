#!/usr/bin/env python3
"""Line coverage of the C core, out of every .gcda file below build. Prints a line a file; --fail-under N fails below N percent in all."""

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def counts() -> dict[str, dict[int, int]]:
    """csrc file -> line -> how often it ran, summed over all programs."""
    found: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for data in sorted(ROOT.joinpath("build").rglob("*.gcda")):
        out = subprocess.run(["gcov", "--json-format", "--stdout", str(data)], capture_output=True, check=True, cwd=ROOT).stdout
        for document in out.splitlines():
            if not document.strip():
                continue
            parsed = json.loads(document)
            for file in parsed["files"]:
                path = Path(parsed["current_working_directory"], file["file"]).resolve()
                if path.is_relative_to(ROOT / "csrc"):
                    for line in file["lines"]:
                        found[path.relative_to(ROOT).as_posix()][line["line_number"]] += line["count"]
    return found


def unreachable(file: str) -> set[int]:
    """Lines that end in a comment `unreachable`, which an assertion guards."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return {number for number, text in enumerate(lines, 1) if "/* unreachable" in text}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fail-under", type=float, default=0.0)
    parser.add_argument("--missed", action="store_true", help="list the lines that never ran")
    options = parser.parse_args()
    core_hit = core_all = 0
    for file, lines in sorted(counts().items()):
        skipped = unreachable(file)
        ran = {number: count for number, count in lines.items() if number not in skipped}
        hit = sum(1 for count in ran.values() if count)
        missed = [number for number, count in sorted(ran.items()) if not count]
        print(
            f"{file:32} {hit:5} of {len(ran):5}  {100 * hit / max(len(ran), 1):6.1f} %"
            + (f"  {missed}" if options.missed and missed else "")
        )
        if "/binding/" not in file:
            core_hit, core_all = core_hit + hit, core_all + len(ran)
    percent = 100 * core_hit / core_all if core_all else 0.0
    print(f"C core (without the binding): {core_hit} of {core_all} lines, {percent:.1f} %")
    if percent < options.fail_under:
        print(f"coverage is under {options.fail_under:g} %")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
