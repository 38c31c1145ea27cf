"""178 lines whose author may want the tool to fall over or to say the wrong thing: each outcome, reason, offset and flag exactly."""

import base64
import json
from typing import Any

import pytest

from harness import DATA, Outcome, load_jsonl, scan_bytes

FOLDER = DATA / "hostile-lines"
CASES: list[dict[str, Any]] = load_jsonl(FOLDER / "cases.jsonl")
# Flags that say something about the operation or the answer, which the list leaves open.
UNLISTED = {"refused", "failed", "open_weights", "evidence_cut"}


@pytest.fixture(scope="module")
def result() -> Outcome:
    return scan_bytes((FOLDER / "all.log").read_bytes(), evidence=True)


@pytest.fixture(scope="module")
def by_line(result: Outcome) -> dict[int, dict[str, Any]]:
    return {row["line"]: row for row in result.rows}


def reason(row: dict[str, Any]) -> tuple[str, int]:
    code, rest = row["error"].split(" ", 1)
    return code.rstrip(":,"), int("".join(c if c.isdigit() else " " for c in rest).split()[0])


def test_the_log_is_the_cases() -> None:
    assert (FOLDER / "all.log").read_bytes() == b"".join(base64.b64decode(case["line_b64"]) + b"\n" for case in CASES)


def test_totals(result: Outcome) -> None:
    want = json.loads((FOLDER / "all.expected.json").read_bytes())
    got = result.summary
    assert {k: got[k] for k in ("lines_total", "lines_blank")} == {k: want[k] for k in ("lines_total", "lines_blank")}
    assert (got["lines"], sum(got["classified"].values()), sum(got["rejected"].values())) == (
        want["lines_in"],
        want["classified"],
        want["rejected"],
    )
    assert {k: n for k, n in got["rejected"].items() if n} == want["rejected_by_reason"]


def test_outcomes_reasons_offsets(by_line: dict[int, dict[str, Any]]) -> None:
    wrong = {}
    for number, case in enumerate(CASES, 1):
        row = by_line.get(number)
        got: Any = "blank" if row is None else "accept" if row["error"] is None else ("reject", *reason(row))
        want = ("reject", case["reason"], case["offset"]) if case["outcome"] == "reject" else case["outcome"]
        if got != want:
            wrong[case["id"]] = {"want": want, "got": got, "note": case["note"]}
    assert wrong == {}


def test_flags(by_line: dict[int, dict[str, Any]]) -> None:
    wrong = {}
    for number, case in enumerate(CASES, 1):
        if case["outcome"] == "accept":
            got, want = set(by_line[number]["flags"]) - UNLISTED, set(case["flags"])
            if got != want:
                wrong[case["id"]] = {"missing": want - got, "more": got - want, "note": case["note"]}
    assert wrong == {}


def test_verdicts_that_must_not_be_given(by_line: dict[int, dict[str, Any]]) -> None:
    wrong = {}
    for number, case in enumerate(CASES, 1):
        row = by_line.get(number)
        if row is not None and row["state"] in case["never"]:
            wrong[case["id"]] = {"state": row["state"], "flags": row["flags"], "note": case["note"]}
        if row is not None and row["error"] is not None:
            assert row["state"] is None
    assert wrong == {}


def same(by_line: dict[int, dict[str, Any]], *prefixes: str) -> set[str]:
    return {by_line[n]["payload_hash"] for n, case in enumerate(CASES, 1) if case["id"].startswith(prefixes)}


def test_equal_and_unequal_content(by_line: dict[int, dict[str, Any]]) -> None:
    assert len(same(by_line, "inv-")) == 1
    assert len(same(by_line, "u-pair-ok", "u-raw-emoji")) == 1
    assert len(same(by_line, "num-forms-")) == 1
    assert len(same(by_line, "u-nfc", "u-nfd")) == 2
    assert len({by_line[n]["payload_hash"] for n, case in enumerate(CASES, 1) if case["id"] in {"num-2p53", "num-2p53p1"}}) == 2


def test_both_values_of_a_duplicate_are_in_the_evidence(result: Outcome, by_line: dict[int, dict[str, Any]]) -> None:
    number = next(n for n, case in enumerate(CASES, 1) if case["id"] == "dup-prev-two-ids")
    values = {m["value"] for m in result.marks_of(by_line[number]) if m["pointer"] == "/previous_response_id"}
    assert values == {"resp_A1", "resp_B2"}


def test_byte_ranges_of_evidence(result: Outcome) -> None:
    """A range in the evidence holds the value that it names."""
    log = (FOLDER / "all.log").read_bytes()
    rows = {row["uid"]: row for row in result.rows}
    checked = 0
    for mark in result.marks:
        if mark["byte_start"] is None:
            continue
        row = rows[mark["uid"]]
        assert row["byte_start"] <= mark["byte_start"] < mark["byte_end"] <= row["byte_end"]
        if mark["type"] == "boolean" and mark["layer"] == 0:
            assert log[mark["byte_start"] : mark["byte_end"]] in {b"true", b"false"}
            checked += 1
    assert checked


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_read_size_changes_nothing(result: Outcome, size: int) -> None:
    assert scan_bytes((FOLDER / "all.log").read_bytes(), size=size, evidence=True) == result
