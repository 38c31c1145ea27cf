"""Filters of a scan: what is kept, what is said of what is not, and that nothing else about the rows changes."""

import datetime as dt
import functools
import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stateprint as sp
from batches import rules, scan
from harness import DATA, SANITIZED, Row, engine
from stateprint import _core
from stateprint.filters import REASONS, Expression, columns, vocabularies

SAMPLES = sorted(str(p) for p in (DATA / "samples").glob("*.jsonl"))
HOSTILE = str(DATA / "hostile-lines/all.log")
LOG = [*SAMPLES, HOSTILE, str(DATA / "cases.jsonl")]
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def rows_of(**options: Any) -> list[Row]:
    return sp.scan(LOG, engine=engine(), strict=False, **options).table().to_pylist()


@functools.cache
def every_row() -> list[Row]:
    return rows_of()


@functools.cache
def every_mark() -> list[Row]:
    return sp.scan(LOG, engine=engine(), strict=False).evidence.to_pylist()


@pytest.fixture
def rows() -> list[Row]:
    return every_row()


# ------------------------------------------------------------------------------------------------------------- the core against Python
Answer = bool | None
Test = tuple[str, Callable[[Row], Answer]]
"""An expression as text, and what it says of a row."""


def quoted(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return f"'{value.isoformat()}'"
    if isinstance(value, str):
        quote = "'\""[len(value) % 2]
        return quote + value.replace(quote, quote * 2) + quote
    return {True: "TRUE", False: "false"}[value] if isinstance(value, bool) else str(value)


def clean(value: Any) -> bool:
    """Whether a value of a row is one that a command line can hold as it is."""
    return not isinstance(value, str) or (value.isprintable() and "\ufffd" not in value)


@st.composite
def comparisons(draw: st.DrawFn) -> Test:
    name = draw(st.sampled_from(sorted(columns())))
    kind = columns()[name]
    if draw(st.integers(0, 4)) == 0:
        denied = draw(st.booleans())
        return f"{name} is {'not ' * denied}null", lambda row: (row[name] is None) != denied
    found = [row[name] for row in every_row() if row[name] is not None]
    if kind == "list":
        items = sorted({item for cell in found for item in cell} | {"read"} if name in {"effects", "facts", "flags"} else {"x"})
        if name == "facts":
            items = [item for item in items if item != "read"]
        item = draw(st.sampled_from(items))
        return f"{name} has {quoted(item)}", lambda row: None if row[name] is None else item in row[name]
    invented: Any = {"number": 7, "truth": True, "time": EPOCH}.get(kind, next(iter(vocabularies().get(name, ('it\'s "x"',)))))
    values = st.sampled_from([*(v for v in found if clean(v)), invented])
    if draw(st.booleans()):
        several = draw(st.lists(values, min_size=1, max_size=4))
        denied = draw(st.booleans())
        text = f"{name} {'not ' * denied}IN ({', '.join(map(quoted, several))})"
        return text, lambda row: None if row[name] is None else (row[name] in several) != denied
    value = draw(values)
    sign = draw(st.sampled_from(["=", "!="] if kind == "truth" else ["=", "!=", "<", "<=", ">", ">="]))
    tests: dict[str, Callable[[Any], bool]] = {
        "=": lambda cell: cell == value,
        "!=": lambda cell: cell != value,
        "<": lambda cell: cell < value,
        "<=": lambda cell: cell <= value,
        ">": lambda cell: cell > value,
        ">=": lambda cell: cell >= value,
    }
    return f"{name}{sign}{quoted(value)}", lambda row: None if row[name] is None else tests[sign](row[name])


def both(a: Answer, b: Answer) -> Answer:
    return False if a is False or b is False else None if a is None or b is None else True


def opposite(a: Answer) -> Answer:
    return None if a is None else not a


def joined(a: Test, b: Test, word: str) -> Test:
    if word == "and":
        return f"({a[0]}) and ({b[0]})", lambda row: both(a[1](row), b[1](row))
    return f"({a[0]}) OR ({b[0]})", lambda row: opposite(both(opposite(a[1](row)), opposite(b[1](row))))


def denied(a: Test) -> Test:
    return f"not ({a[0]})", lambda row: opposite(a[1](row))


expressions = st.recursive(
    comparisons(),
    lambda inner: st.one_of(st.builds(joined, inner, inner, st.sampled_from(["and", "or"])), st.builds(denied, inner)),
    max_leaves=6,
)


@settings(max_examples=20 if SANITIZED else 150, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(test=expressions, evidence=st.booleans())
def test_the_core_keeps_what_the_expression_says(test: Test, evidence: bool) -> None:
    text, says = test
    done = sp.scan(LOG, engine=engine(), where=text, strict=False)
    kept: list[Row] = []
    marks: list[Row] = []
    for batch, more in done.batches(evidence):
        kept += batch.to_pylist()
        marks += more.to_pylist() if more is not None else []
    answers = Counter("rejected" if row["error"] and says(row) is None else says(row) for row in every_row())
    assert kept == [row for row in every_row() if says(row) is True], text
    assert done.summary.left_out == {"rejected": answers["rejected"], "where": answers[False], "where_not_known": answers[None]}
    assert done.summary.kept == answers[True]
    if evidence:
        uids = {row["uid"] for row in kept}
        assert marks == [mark for mark in every_mark() if mark["uid"] in uids]


def test_and_binds_before_or_and_not_before_both() -> None:
    def steps(text: str) -> list[Any]:
        return [step[0] if step[1] is None else step[1] for step in Expression(text, engine()).steps]

    assert steps("state = 'unknown' or line = 1 and turns = 2") == ["state", "line", "turns", "and", "or"]
    assert steps("not line = 1 and turns = 2") == ["line", "not", "turns", "and"]
    assert steps("NOT NOT (line = 1 OR turns = 2) AND status IS NULL") == ["line", "turns", "or", "status", "and"]


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("", 1, "expected the name of a column, not or (, found the end", ""),
        ("stat = 'stateful'", 1, "no column is called 'stat'", "state or status"),
        ("line = 1 and xyzzy = 'x'", 14, "no column is called 'xyzzy'", "there are uid, same_call"),
        ("state = stateful", 9, "expected a text in quotes for state, found stateful", ""),
        ("state == 'stateful'", 8, "expected a text in quotes for state, found =", ""),
        ("state = 'stateles'", 9, "state is never 'stateles'", "stateful, stateless, not_inference, unknown"),
        ("state in ('unknown', 'x')", 22, "state is never 'x'", "stateful"),
        ("grade != 'wires'", 10, "grade is never 'wires'", "wire, normalised, metadata"),
        ("body_state = 'cut'", 14, "body_state is never 'cut'", "truncated"),
        ("confidence = 'high'", 14, "confidence is never 'high'", "explicit"),
        ("facts has 'read.previous_respons'", 11, "facts is never 'read.previous_respons'", "read.previous_response"),
        ("flags has 'refuse'", 11, "flags is never 'refuse'", "refused"),
        ("effects = 'read'", 9, "expected has or is, since effects is a list, found =", ""),
        ("state has 'unknown'", 7, "expected =, !=, <, <=, >, >=, in or is, found has", ""),
        ("inference < true", 11, "expected = or !=, since inference is true or false, found <", ""),
        ("inference = 'yes'", 13, "expected true or false for inference", ""),
        ("tokens_in > 1.5", 13, "expected a whole number of 64 bits for tokens_in, found 1.5", ""),
        ("tokens_in > 9223372036854775808", 13, "expected a whole number of 64 bits", ""),
        ("time > '2026-13-01'", 8, "expected a date or a time of RFC 3339 in quotes for time", ""),
        ("time > 5", 8, "expected a date or a time", ""),
        ("status is 200", 11, "expected null or not null, found 200", ""),
        ("status is not 200", 15, "expected null, found 200", ""),
        ("status in 200", 11, "expected ( and values, found 200", ""),
        ("status in (200 201)", 16, "expected , or ), found 201", ""),
        ("status not 200", 12, "expected in, found 200", ""),
        ("(line = 1", 10, "expected and, or, or ), found the end", ""),
        ("line = 1)", 9, "expected and, or, or the end, found )", ""),
        ("line = 1 line = 2", 10, "expected and, or, or the end, found line", ""),
        ("host = 'x", 8, "a text has no closing quote", "written twice"),
        ("length(host) > 1", 1, "no column is called 'length'", ""),
        ("line = 1; drop", 9, "';' means nothing here", ""),
        ("host = 'é' and § = 1", 17, "'§' means nothing here", ""),
        ("(" * 65 + "line = 1" + ")" * 65, 65, "more than 64 parentheses", ""),
    ],
)
def test_what_is_wrong_with_an_expression(text: str, column: int, message: str, hint: str) -> None:
    with pytest.raises(sp.ConfigError) as caught:
        sp.scan(HOSTILE, engine=engine(), where=text)
    assert (caught.value.code, caught.value.file, caught.value.line, caught.value.column) == ("where", "where", 1, column)
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_the_place_in_an_expression_of_several_lines() -> None:
    with pytest.raises(sp.ConfigError) as caught:
        sp.scan(HOSTILE, engine=engine(), where="line = 1\n  and lines = 2")
    assert (caught.value.line, caught.value.column) == (2, 7)


def test_long_expressions() -> None:
    many = " or ".join(f"line = {i}" for i in range(2000))
    assert len(sp.scan(HOSTILE, engine=engine(), where=many).table()) == len(sp.scan(HOSTILE, engine=engine()).table())
    several = ", ".join(f"'x{i}'" for i in range(65_000))
    assert len(sp.scan(HOSTILE, engine=engine(), where=f"uid not in ({several})").table()) == 174
    for long in (f"{many} or {many}", f"uid in ({several}, {several})"):
        with pytest.raises(sp.ConfigError, match="too long"):
            sp.scan(HOSTILE, engine=engine(), where=long)


def test_a_pack_of_your_own_has_its_own_facts() -> None:
    with pytest.raises(sp.ConfigError, match=r"never 'write\.diary'"):
        sp.scan(HOSTILE, engine=engine(), where="facts has 'write.diary'")
    own = sp.Engine(rules=[{"format": 1, "pack": "mine", "version": "1", "facts": {"write.diary": "a diary is kept"}}])
    assert len(sp.scan(HOSTILE, engine=own, where="facts has 'write.diary'").table()) == 0


# --------------------------------------------------------------------------------------------------------------------------------- time
def test_the_window_has_its_start_and_not_its_end(rows: list[Row]) -> None:
    times = sorted({row["time"] for row in rows if row["time"]})
    since, until = times[len(times) // 4], times[len(times) // 2]
    done = sp.scan(LOG, engine=engine(), strict=False, since=since, until=until)
    kept = done.table().to_pylist()
    assert kept == [row for row in rows if row["time"] and since <= row["time"] < until] != []
    rejected = sum(row["time"] is None and row["error"] is not None for row in rows)
    unknown = sum(row["time"] is None for row in rows) - rejected
    assert done.summary.left_out == {"rejected": rejected, "no_time": unknown, "outside_time": len(rows) - unknown - rejected - len(kept)}
    assert (done.summary.first, done.summary.last) == (times[0], times[-1])
    assert f"kept {len(kept)} of {len(rows)} (left out: {rejected} rejected, {unknown} without a time, " in str(done.summary)


@pytest.mark.parametrize(
    "same",
    [
        "2026-03-01", dt.date(2026, 3, 1), dt.datetime(2026, 3, 1), # noqa: DTZ001
        "2026-03-01T00:00:00Z", "2026-03-01t00:00z", "2026-03-01 00:00:00.000000999",
        "2026-03-01T01:00:00+01:00", dt.datetime(2026, 2, 28, 23, tzinfo=dt.timezone(dt.timedelta(hours=-1))),
    ],
)  # fmt: skip
def test_ways_to_write_a_time(tmp_path: Path, same: Any) -> None:
    log = tmp_path / "log.jsonl"
    times = ("2026-02-28T23:59:59.999999Z", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00.000001Z")
    log.write_text("".join(json.dumps({"ts": t, "url": "https://api.openai.com/v1/responses", "body": {}}) + "\n" for t in times))
    assert [row["line"] for row in sp.scan(log, engine=engine(), since=same).table().to_pylist()] == [2, 3]
    assert [row["line"] for row in sp.scan(log, engine=engine(), until=same).table().to_pylist()] == [1]
    if isinstance(same, str):
        assert [row["line"] for row in sp.scan(log, engine=engine(), where=f"time >= '{same}'").table().to_pylist()] == [2, 3]


@pytest.mark.parametrize(
    "wrong", ["", "yesterday", "2026-3-1", "2026-02-30", "2026-03-01T25:00Z", "20260301", "2026-W01-1", "1", "２０２６-03-01"]
)
def test_what_is_no_time(wrong: str) -> None:
    with pytest.raises(sp.ConfigError, match="expected a date or a time") as caught:
        sp.scan(HOSTILE, engine=engine(), since=wrong)
    assert caught.value.code == "option"


def test_options_that_make_no_sense() -> None:
    for options in (
        {"since": "2026-03-01", "until": "2026-03-01"}, {"sample": 0}, {"sample": 1.5}, {"sample": float("nan")}, {"seed": 1},
        {"sample": 0.5, "seed": -1}, {"sample": 0.5, "seed": 2**64},
    ):  # fmt: skip
        with pytest.raises(sp.ConfigError):
            sp.scan(HOSTILE, engine=engine(), **options)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------------------------------- sample
def test_a_sample_is_a_part_of_a_larger_one(rows: list[Row]) -> None:
    before = {row["uid"] for row in rows}
    for share in (1, 0.7, 0.2, 0.01):
        now = {row["uid"] for row in rows_of(sample=share, seed=5)}
        assert now <= before
        assert share < 1 or now == before
        before = now
    assert {row["uid"] for row in rows_of(sample=0.5, seed=1)} != {row["uid"] for row in rows_of(sample=0.5)}
    assert rows_of(sample=0.5, seed=0) == rows_of(sample=0.5)


def test_a_sample_has_about_its_share(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'{"model":"gpt-5","input":"x"}\n' * 20_000)
    for seed in range(5):
        kept = sp.scan(log, engine=engine(), sample=0.1, seed=seed)
        kept.table()
        assert 1850 < kept.summary.kept < 2150  # 3.5 standard deviations
        assert kept.summary.left_out == {"sample": 20_000 - kept.summary.kept}


def test_the_rows_of_a_sample_are_fixed(tmp_path: Path) -> None:
    """They stay the same from version to version, as the uid and the hash do."""
    log = tmp_path / "log.jsonl"
    log.write_text("".join(f'{{"model":"gpt-5","input":"{i}"}}\n' for i in range(1, 201)))
    kept = [row["line"] for row in sp.scan(log, engine=engine(), sample=0.03, seed=1).table().to_pylist()]
    assert kept == [109, 136, 156]


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("packed", [False, True])
def test_the_same_rows_however_they_come(tmp_path: Path, threads: int, packed: bool) -> None:
    data = (DATA / "cases.jsonl").read_bytes() * 12
    plain = tmp_path / "plain.jsonl"
    plain.write_bytes(data)
    options: dict[str, Any] = {"where": "turns > 1 or state = 'stateful'", "sample": 0.4, "seed": 9}
    wanted = b"".join(batch.to_ndjson() for batch in sp.scan(plain, engine=engine(), threads=1, **options))
    other = tmp_path / "other" / "plain.jsonl"
    other.parent.mkdir()
    other.write_bytes(gzip.compress(data) if packed else data)
    got = b"".join(batch.to_ndjson() for batch in sp.scan(other, engine=engine(), threads=threads, **options))
    assert got.replace(str(other).encode(), str(plain).encode()) == wanted
    assert wanted.count(b"\n") > 100


# ------------------------------------------------------------------------------------------------------------- limit, summary, rejects
@pytest.mark.parametrize("limit", [0, 1, 7, 60, 10_000])
def test_a_limit_counts_what_is_kept(rows: list[Row], limit: int) -> None:
    done = sp.scan(LOG, engine=engine(), strict=False, where="state = 'stateful'", limit=limit)
    kept = done.table().to_pylist()
    wanted = [row for row in rows if row["state"] == "stateful"][:limit]
    assert kept == wanted
    s = done.summary
    come_to = rows[: rows.index(wanted[-1]) + 1] if len(wanted) == limit and limit else rows if limit else []
    assert s.kept + sum(s.left_out.values()) == len(come_to) == sum(s.classified.values()) + sum(s.rejected.values())
    assert sum(s.rejected.values()) == sum(row["state"] is None for row in come_to)


def test_a_limit_that_is_not_reached_changes_no_count() -> None:
    whole, limited = (sp.scan(LOG, engine=engine(), strict=False, limit=limit) for limit in (None, 10_000))
    assert len(whole.table()) == len(limited.table())
    assert whole.summary.to_dict() | {"first": None, "last": None} == limited.summary.to_dict() | {"first": None, "last": None}


def test_counts_of_what_was_read_are_those_without_filters() -> None:
    whole, filtered = (sp.scan(LOG, engine=engine(), strict=False, where=where) for where in (None, "turns > 1"))
    whole.table(), filtered.table()
    names = ("lines", "lines_blank", "records", "classified", "rejected", "passed_over", "flags", "bytes", "inputs")
    assert [whole.summary[name] for name in names] == [filtered.summary[name] for name in names]
    assert whole.summary.left_out == {}
    assert whole.summary.kept == len(whole.table())
    assert filtered.summary.kept < whole.summary.kept
    assert set(REASONS) == {"rejected", "no_time", "outside_time", "where", "where_not_known", "sample"}


def test_rejected_rows_are_rows_as_others() -> None:
    rejected = sp.scan(HOSTILE, engine=engine(), where="error is not null")
    assert {row["state"] for row in rejected.table().to_pylist()} == {None}
    others = sp.scan(HOSTILE, engine=engine(), where="state != 'unknown'")
    assert all(row["error"] is None for row in others.table().to_pylist())
    assert others.summary.left_out["rejected"] == len(rejected.table()) == sum(others.summary.rejected.values()) > 0
    with pytest.raises(sp.InputLimitExceeded):  # rejects count whether or not their rows are kept
        list(sp.scan(HOSTILE, engine=engine(), where="state = 'stateful'", max_rejects=0))


def test_no_rows_have_a_reason(tmp_path: Path) -> None:
    log, blank, passed = tmp_path / "log.jsonl", tmp_path / "blank.jsonl", tmp_path / "passed.jsonl"
    log.write_text('{"ts": "2026-03-01T00:00:00Z", "url": "https://api.openai.com/v1/responses", "body": {}}\n' * 3)
    blank.write_text("\n")
    runs = (DATA / "samples/langsmith-runs.jsonl").read_bytes().splitlines(keepends=True)
    passed.write_bytes(b"".join(run for run in runs if json.loads(run)["run_type"] != "llm"))

    def reason(path: Path, **options: Any) -> str:
        done = sp.scan(path, engine=engine(), strict=False, **options)
        done.table()
        return done.summary.why_no_rows

    window = "all 3 are outside the time window; the log is of 2026-03-01T00:00:00Z to 2026-03-01T00:00:00Z"
    assert reason(log, since="2026-04-01") == window
    assert reason(log, since="2026-02-01", where="status = 1") == "left out: 3 by where, for want of a value"
    assert reason(log) == ""
    assert reason(log, limit=0) == "nothing was read"
    assert reason(blank) == f"{blank} (no lines)"
    assert reason(passed) == "all records were passed over: 1 parent run"


def test_a_batch_without_rows_is_not_given() -> None:
    assert [len(batch) for batch in sp.scan(LOG, engine=engine(), strict=False, where="line = -1")] == []
    table = sp.scan(LOG, engine=engine(), strict=False, where="line = -1").table()
    assert (len(table), table.columns) == (0, list(columns()))


# ------------------------------------------------------------------------------------------------------------------------------- counts
def test_counts_are_those_of_the_rows(rows: list[Row]) -> None:
    done = sp.scan(LOG, engine=engine(), strict=False, where="not state is null")
    for names in (("state",), ("route", "state"), ("facts", "time"), ("inference", "turns")):
        wanted = Counter(tuple(tuple(v) if isinstance(v := row[n], list) else v for n in names) for row in rows if row["state"])
        got = done.counts(*names)
        assert got == wanted == done.table().counts(*names)
        order = [(-n, [(cell is not None, cell) for cell in key]) for key, n in got.items()]
        assert order == sorted(order)
    assert done.evidence.counts("rule", "place") == Counter((m["rule"], m["place"]) for m in done.evidence.to_pylist())
    counts: list[Callable[..., object]] = [done.counts, done.table().counts]
    for count in counts:
        with pytest.raises(sp.ConfigError, match="no column is called 'routes'") as caught:
            count("routes")
        assert "route" in caught.value.hint


# ------------------------------------------------------------------------------------------------------------------------- the binding
def test_a_filter_of_the_core_is_checked() -> None:
    wrong: list[Any] = [
        [("and", None, ())], [("in", "state", ("x",)), ("in", "state", ("x",))], [("in", "state", (5,))], [("in", "turns", ("x",))],
        [("has", "state", ("x",))], [("no", "state", ("x",))], [("in", "state", ())],
    ]  # fmt: skip
    for steps in wrong:
        with pytest.raises(ValueError, match="steps"):
            _core.Filter(steps)
    for steps in ([5], [("in", "state")], [("in", "state", ["x"])], [("in", "state", (None,))], [("in", 5, ("x",))], 5):
        with pytest.raises(TypeError):
            _core.Filter(steps)  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        _core.Filter([("in", "colour", ("x",))])
    for options in ({"since": 2**64}, {"seed": 2**64}, {"seed": -1}, {"steps": ()}, {"share": "x"}):
        with pytest.raises((OverflowError, TypeError)):
            _core.Filter([], **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="share"):
        _core.Filter([], share=0)


def test_a_filter_takes_batches_of_its_tables() -> None:
    ((exchanges, evidence),) = scan(b'{"model":"gpt-5","input":"x","previous_response_id":"resp_1"}\n', evidence=True)
    every = _core.Filter([])
    assert evidence is not None
    same, marks, come_to, left, first, last = every.apply(exchanges, evidence)
    assert (same.to_pylist(), come_to, set(left.values()), first, last) == (exchanges.to_pylist(), 1, {0}, None, None)
    assert marks is not None
    assert marks.to_pylist() == evidence.to_pylist()
    assert every.apply(exchanges.slice(1))[2] == 0
    assert len(every.apply(exchanges, limit=0)[0]) == 0
    for arguments in ((evidence,), (exchanges, exchanges), (5,), (exchanges, 5), (None,)):
        with pytest.raises((TypeError, ValueError)):
            every.apply(*arguments)  # type: ignore[arg-type]
    assert rules() is not None


def test_vocabularies_are_what_rows_have(rows: list[Row]) -> None:
    for name, known in vocabularies().items():
        cells = [row[name] for row in rows if row[name] is not None]
        found = {item for cell in cells for item in (cell if isinstance(cell, list) else [cell])}
        assert found <= set(known)
        assert found
