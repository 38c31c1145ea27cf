"""coverage: counts against the rows of the table, gaps and clocks, and the answers with the fields that they lack."""

import gzip
import json
import shutil
import subprocess
import sys
import warnings
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from forms import FORMS
from harness import DATA, engine
from stateprint._coverage.questions import percent

SAMPLES = DATA / "samples"
LOGS = [SAMPLES / name for name in ("bedrock-invocation-s3.jsonl", "cloudtrail-bedrock.json", "litellm-standard-logging.jsonl")]
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def scan(*paths: Path, **options: Any) -> sp.Scan:
    return sp.scan(paths, engine=engine(), strict=False, **options)


def log(folder: Path, seconds: list[float | None], name: str = "log.jsonl", **more: Any) -> Path:
    """Whole Chat Completions with ids, one at each of these seconds after START."""
    path = folder / name
    with path.open("w", encoding="utf-8") as out:
        for i, at in enumerate(seconds):
            time = None if at is None else (START + timedelta(seconds=at)).isoformat()
            body = {"model": "gpt-5", "store": False, "messages": [{"role": "user", "content": f"What is {i}?"}]}
            record = {"ts": time, "id": f"req_{name}_{i:08}", "method": "POST", "url": "https://api.openai.com/v1/chat/completions"}
            out.write(json.dumps(record | {"headers": {"a": "b"}, "body": body, "response": {"id": f"chatcmpl-{i:024}"}} | more) + "\n")
    return path


def answers(found: sp.Coverage) -> dict[int, str]:
    return {one.number: one.answer for one in found.answers}


@pytest.mark.parametrize("threads", [1, 3])
def test_counts_are_those_of_the_rows(threads: int) -> None:
    found = sp.coverage(scan(*LOGS, threads=threads))
    rows = [row for row in scan(*LOGS).table().to_pylist() if row["state"] is not None]
    for part in (found.total, *found.files):
        mine = [row for row in rows if part.source in {None, row["source"]}]
        assert part.exchanges == part.calls == len(mine) > 0
        for name, n in part.fields.items():
            assert n == sum(
                row[name] not in {None, "unknown"} for row in mine if name != "model_family" or row["inference"] is not False
            ), name
        for counts, column in ((part.states, "state"), (part.grades, "grade"), (part.bodies, "body_state"), (part.formats, "format")):
            assert counts == Counter(row[column] for row in mine)
        assert part.flags == Counter(flag for row in mine for flag in row["flags"])
        times = [row["time"] for row in mine]
        assert (part.times.first, part.times.last, sum(b.rows for b in part.times.buckets)) == (min(times), max(times), len(mine))
    assert [part.source for part in found.files] == [str(path) for path in LOGS]
    assert found.total.clocks == {"zoned": 20, "naive": 1, "seconds": 7}
    assert found.total.said == {"method": 26, "url": 26, "headers": 0, "response": 15}


def test_a_log_that_answers_all(tmp_path: Path) -> None:
    found = sp.coverage(scan(log(tmp_path, [float(i) for i in range(200)], headers={"x-session-id": "sess-1"})))
    assert {n: answer for n, answer in answers(found).items() if n != 5} == {1: "yes", 2: "yes", 3: "yes", 4: "yes", 6: "yes"}
    assert not any(one.lacks for one in found.answers if one.answer == "yes")
    assert found.total.repeats["request_id"] == sp.coverage(scan(tmp_path / "log.jsonl").table()).total.repeats["request_id"]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    found = sp.coverage(scan(log(tmp_path, [None] * 20, response=None, url=None, body=None)))
    assert answers(found) == {1: "no", 2: "no", 3: "no", 4: "no", 5: "no", 6: "yes"}
    lacks = {one.number: one.lacks for one in found.answers}
    assert "time" in lacks[3]
    assert {"provider", "model_family"} <= set(lacks[2])
    assert "chain_in" in lacks[4]
    assert lacks[6] == ()
    trail = sp.coverage(scan(SAMPLES / "cloudtrail-bedrock.json"))
    assert "body" in {one.number: one.lacks for one in trail.answers}[1]


def test_almost_all_is_enough(tmp_path: Path) -> None:
    path = log(tmp_path, [*map(float, range(99)), None])
    assert answers(sp.coverage(scan(path)))[3] == "yes"
    path.write_bytes(path.read_bytes() + log(tmp_path, [None], "more.jsonl").read_bytes())
    found = sp.coverage(scan(path))
    assert (answers(found)[3], found.answers[2].lacks) == ("partly", ("time",))


def test_gaps_and_order(tmp_path: Path) -> None:
    seconds: list[float | None] = [*range(100), 4000.0, 3990.0, None, *range(4001, 4100), 90000.0]
    times = sp.coverage(scan(log(tmp_path, seconds))).total.times
    assert (times.rows, times.out_of_order, times.furthest_back_s, times.gap_count) == (len(seconds) - 1, 1, 10.0, 2)
    assert [(gap.start - START, gap.end - START) for gap in times.gaps] == [
        (timedelta(seconds=a), timedelta(seconds=b)) for a, b in ((99, 3990), (4099, 90000))
    ]
    assert times.usual_s <= 2
    assert answers(sp.coverage(scan(tmp_path / "log.jsonl")))[3] == "partly"
    assert {bucket.start.minute for bucket in times.buckets} == {0}
    assert sp.coverage(scan(log(tmp_path, [None]))).total.times.first is None


def test_bodies_and_responses_over_time(tmp_path: Path) -> None:
    paths = [
        log(tmp_path, [0.0], "a.jsonl"),
        log(tmp_path, [1.0], "b.jsonl", body=None),
        log(tmp_path, [2.0], "c.jsonl", body="[REDACTED]"),
    ]
    paths.append(log(tmp_path, [3.0], "d.jsonl", response='data: {"id":"chatcmpl-1","cho'))
    (bucket,) = sp.coverage(scan(*paths)).total.times.buckets
    assert (bucket.rows, bucket.withheld, bucket.absent, bucket.response_cut) == (4, 1, 1, 1)


def test_repeats(tmp_path: Path) -> None:
    path = log(tmp_path, [0.0, 1.0])
    path.write_bytes(path.read_bytes() * 3)
    repeats = sp.coverage(scan(path)).total.repeats
    assert {key: (one.rows, one.repeats, one.at_least) for key, one in repeats.items()} == {
        "request_id": (6, 4, False),
        "response_id": (6, 4, False),
        "payload_and_time": (6, 4, False),
    }


def test_a_call_counts_once() -> None:
    calls = sp.same_call(scan(*LOGS))
    found = sp.coverage(calls)
    assert (found.total.exchanges, found.total.calls) == (28, 24)
    assert sum(found.total.grades.values()) == 24
    assert found.total.grades["wire"] == 10  # of a call that both wrote, the body counts
    assert [part.calls for part in found.files] == [10, 10, 8]
    table = sp.coverage(calls.table())
    assert (table.total.calls, table.total.fields, table.total.times) == (24, found.total.fields, found.total.times)
    assert sp.coverage(scan(*LOGS).table()).total.calls == 28
    assert found.total.times.out_of_order == sp.coverage(scan(*LOGS)).total.times.out_of_order == 0  # each input has an order of its own


def test_rejects_and_what_is_passed_over(tmp_path: Path) -> None:
    path = log(tmp_path, [0.0, 1.0])
    path.write_bytes(path.read_bytes() + b"{oops}\n")
    total = sp.coverage(scan(path, SAMPLES / "langsmith-runs.jsonl")).total
    assert total.rejected == {"syntax": 1}
    assert total.passed_over
    assert total.records == total.exchanges + sum(total.rejected.values()) + sum(total.passed_over.values())
    kept = sp.coverage(scan(path, where="time < '2026-03-02T09:00:01Z'")).total
    assert (kept.records, kept.read, kept.exchanges) == (3, 2, 1)


def test_an_input_that_is_not_whole(tmp_path: Path) -> None:
    whole = log(tmp_path, [float(i) for i in range(2000)])
    (tmp_path / "cut.gz").write_bytes(gzip.compress(whole.read_bytes().replace(b"req_log", b"req_cut"))[:-20])
    found = sp.coverage(scan(whole, tmp_path / "cut.gz"))
    assert [(part.complete, part.error) for part in found.files] == [(True, None), (False, "gzip_truncated")]
    assert (found.total.complete, found.answers[2].answer) == (False, "partly")
    assert found.answers[2].why.endswith("an input is not whole")


def test_inputs_without_rows(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"")
    found = sp.coverage(scan(log(tmp_path, [0.0]), tmp_path / "empty.jsonl"))
    assert [(Path(part.source or "").name, part.rows) for part in found.files] == [("log.jsonl", 1), ("empty.jsonl", 0)]
    nothing = sp.coverage(scan(tmp_path / "empty.jsonl"))
    assert answers(nothing)[1] == "no"
    assert list(nothing.rows())
    assert nothing._repr_html_()


def test_inputs_that_are_not_read(tmp_path: Path) -> None:
    path = log(tmp_path, [0.0])
    copy = shutil.copy(path, tmp_path / "copy.jsonl")
    found = sp.coverage(scan(path, copy))
    assert [(part.source, part.rows, part.records) for part in found.files] == [(str(path), 1, 1), (str(copy), 0, 0)]
    assert list(found.rows())


def test_a_log_without_calls_is_told_at_its_end_only(tmp_path: Path) -> None:
    (tmp_path / "app.jsonl").write_text('{"level": "info", "text": "up"}\n' * 3)
    for limit, recognised in ((None, False), (1, True)):
        result = sp.scan(tmp_path / "app.jsonl", engine=engine(), limit=limit)
        result.table()
        assert [part["recognised"] for part in result.summary.inputs] == [recognised]


def test_inputs_that_share_a_name(tmp_path: Path) -> None:
    path = log(tmp_path, [0.0, 1.0, 2.0])
    twice = scan(path, path, copies="keep")
    for found in (sp.coverage(twice), sp.coverage(sp.same_call(twice))):
        assert [(part.source, part.rows, part.records) for part in found.files] == [(str(path), 3, 3)] * 2
        assert (found.total.rows, found.total.records) == (6, 6)
    table = scan(path).table()
    assert [part.rows for part in sp.coverage(sp.same_call(table, table)).files] == [3, 3]


def test_members_of_an_archive_that_share_a_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "logs.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the name that stands twice
        for name, times in (("a", [0.0]), ("b", [0.0, 1.0])):
            archive.writestr("log.jsonl", log(tmp_path, times, name).read_bytes())
    found = sp.coverage(scan(tmp_path / "logs.zip"))
    assert [part.rows for part in found.files] == [1, 2]


def test_frames_that_share_a_name(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    frames = [
        pa.Table.from_pylist([json.loads(line) for line in log(tmp_path, times).read_text().splitlines()]) for times in ([0.0], [0.0, 1.0])
    ]
    assert [part.rows for part in sp.coverage(sp.scan(frames, engine=engine())).files] == [1, 2]


def test_a_table_beside_a_scan(tmp_path: Path) -> None:
    table, path = scan(log(tmp_path, [0.0], "a")).table(), log(tmp_path, [1.0, 2.0], "b")
    found = sp.coverage(sp.same_call(table, scan(path)))
    assert [(Path(part.source or "").name, part.rows) for part in found.files] == [("a", 1), ("b", 2)]
    assert found.total.rows == 3


def test_options_go_to_scans(tmp_path: Path) -> None:
    path = log(tmp_path, [0.0, 1.0])
    assert sp.coverage(path, limit=1).total.exchanges == 1
    for what in (scan(path), scan(path).table()):
        with pytest.raises(sp.ConfigError, match="limit"):
            sp.coverage(what, limit=1)


def test_every_form_is_covered(tmp_path: Path) -> None:
    """Of each format that a call can be written in, the fields that its rows have are those that are counted."""
    call = {"time": "2026-03-02T09:15:00+00:00", "id": "req_7f3a90c2d1e84b56", "provider": "openai", "method": "POST", "status": 200}
    call |= {"url": "https://api.openai.com/v1/responses", "headers": {}, "body": {"model": "gpt-5", "input": "Hi"}}
    call |= {"response": {"id": "resp_0123456789abcdef", "output": []}}
    for name, (form, pack) in FORMS.items():
        if (record := form(call)) is not None:
            (tmp_path / name).write_bytes(b"".join(pack([record])))
    paths = sorted(tmp_path.iterdir())
    found = sp.coverage(scan(*paths))
    rows = {row["source"]: row for row in scan(*paths).table().to_pylist()}
    assert {part.source: part.fields["time"] for part in found.files} == {
        source: int(row["time"] is not None) for source, row in rows.items()
    }
    assert {part.source: list(part.formats) for part in found.files} == {str(path): [path.name] for path in paths}


def test_percent() -> None:
    assert [percent(*pair) for pair in ((0, 0), (0, 9), (9, 9), (1, 1000), (999, 1000), (1, 2))] == [
        "0 %",
        "0 %",
        "100 %",
        "1 %",
        "99 %",
        "50 %",
    ]


def test_command_line(tmp_path: Path) -> None:
    def run(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
        command = [sys.executable, "-m", "stateprint", "coverage", *arguments, *map(str, LOGS)]
        return subprocess.run(command, capture_output=True, check=True, stdin=subprocess.DEVNULL)

    piped = run()
    rows = [json.loads(line) for line in piped.stdout.splitlines()]
    assert rows == list(sp.coverage(scan(*LOGS)).rows())
    assert {tuple(row) for row in rows} == {("source", "section", "name", "n", "of", "seconds", "text")}
    assert b"28 records = 28 classified + 0 rejected" in piped.stderr
    assert run("-j", "1").stdout == piped.stdout
    shown = run("--to", "table", "--same-call").stdout.decode()
    assert "24  100 %" in shown
    for title in ("files", "fields", "times", "over time", "questions"):
        assert f"\n{title}\n" in f"\n{shown}"
    assert "What is" not in shown
