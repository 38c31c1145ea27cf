"""Rows that several loggers wrote of one call: joined where they have to be, left apart where it isn't sure, whatever the order and the threads."""

import json
import subprocess
import sys
from collections import defaultdict
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from forms import FORMS
from harness import DATA, engine
from stateprint import _core

SAMPLES = DATA / "samples"
CALL: dict[str, Any] = {
    "time": "2026-03-02T09:15:00+00:00",
    "id": "req_7f3a90c2d1e84b56",
    "provider": "openai",
    "method": "POST",
    "url": "https://api.openai.com/v1/chat/completions",
    "headers": {"x-request-id": "req_7f3a90c2d1e84b56"},
    "body": {"model": "gpt-5", "messages": [{"role": "user", "content": "Who pays it?"}]},
    "status": 200,
    "response": {"id": "chatcmpl-9c0abe51c6e6655d81de2d04", "object": "chat.completion", "choices": [], "usage": {"prompt_tokens": 9}},
}


def scan(*paths: Path, **options: Any) -> sp.Scan:
    return sp.scan(paths, engine=engine(), strict=False, **options)


def file_of(folder: Path, name: str, *calls: dict[str, Any]) -> Path:
    form, pack = FORMS[name]
    path = folder / f"{name}.log"
    path.write_bytes(b"".join(pack(record for record in map(form, calls) if record is not None)))
    return path


def groups(found: sp.SameCalls) -> list[list[tuple[str, int]]]:
    """(file, line) of each call that several rows are, sorted."""
    calls = defaultdict(list)
    for row in found.table().to_pylist():
        calls[row["same_call"]].append((Path(row["source"]).name, row["line"]))
    calls.pop(None, None)
    return sorted(sorted(rows) for rows in calls.values() if len(rows) > 1)


def test_bedrock_and_its_trail() -> None:
    found = sp.same_call(scan(SAMPLES / "bedrock-invocation-s3.jsonl", SAMPLES / "cloudtrail-bedrock.json"))
    assert groups(found) == [
        [("bedrock-invocation-s3.jsonl", 1), ("cloudtrail-bedrock.json", 3)],
        [("bedrock-invocation-s3.jsonl", 3), ("cloudtrail-bedrock.json", 51)],
        [("bedrock-invocation-s3.jsonl", 10), ("cloudtrail-bedrock.json", 96)],
    ]
    assert found.joined == {"uid": 0, "response_id": 0, "request_id": 3, "body": 0}
    assert found.rows == found.calls + 3
    stands = {row["same_call"]: row["grade"] for row in found.table().to_pylist() if row["uid"] == row["same_call"]}
    assert [stands[row["same_call"]] for row in found.table().to_pylist() if row["line"] == 96] == ["wire"]  # the body, not the trail of it


def test_what_a_gateway_wrapped_is_the_providers(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (SAMPLES / "litellm-standard-logging.jsonl").read_bytes().splitlines()]
    assert "resp_bGl0ZWxsbTp" in json.dumps(rows[3])
    path = tmp_path / "provider.jsonl"
    body = {"model": "gpt-4.1", "input": "Which berth?"}
    answer = {"id": "resp_e49d63b2a8a78f048bafc4b4590029603a5a4165ee8bf98a", "object": "response", "store": True}
    path.write_text(
        json.dumps({"url": "https://acme.openai.azure.com/openai/v1/responses", "method": "POST", "body": body, "response": answer})
    )
    found = sp.same_call(scan(SAMPLES / "litellm-standard-logging.jsonl", path))
    assert [("litellm-standard-logging.jsonl", 4), ("provider.jsonl", 1)] in groups(found)


IN_PAIRS = sorted(set(FORMS) - {"bodies", "batch", "bedrock", "cloudtrail", "azure-openai"})
NO_RESPONSE = {"nginx", "envoy-ai"}
NO_TIME = {"cloudflare"}


@pytest.mark.parametrize("names", list(combinations(IN_PAIRS, 2)), ids=" ".join)
def test_two_logs_of_one_call(tmp_path: Path, names: tuple[str, str]) -> None:
    """Every two formats that can carry it: what they have in common is enough, or nothing is claimed."""
    found = sp.same_call(scan(*(file_of(tmp_path, name, CALL) for name in names)))
    assert found.rows == 2
    if not NO_RESPONSE & set(names):
        assert found.joined["response_id"] == 1
    else:
        rows = found.table().to_pylist()
        shared = rows[0]["request_id"] is not None and rows[0]["request_id"] == rows[1]["request_id"]
        near = rows[0]["payload_hash"] is not None and rows[0]["payload_hash"] == rows[1]["payload_hash"] and not NO_TIME & set(names)
        assert (found.joined["request_id"], found.joined["body"]) == (shared, near and not shared)


def test_order_threads_and_tables_make_no_difference() -> None:
    paths = sorted(path for path in SAMPLES.iterdir() if path.suffix in {".jsonl", ".json", ".har"} and path.name != "readings.jsonl")
    want = sp.same_call(scan(*paths, threads=1))
    assert want.rows - want.calls > 40
    assert want.rows == want.calls + sum(want.joined.values())
    back = sp.same_call(scan(*reversed(paths), threads=2))
    assert back.to_dict() == want.to_dict()
    told = {row["uid"]: row["same_call"] for row in want.table().to_pylist()}
    assert {row["uid"]: row["same_call"] for row in back.table().to_pylist()} == told
    half = len(paths) // 2
    tables = sp.same_call(scan(*paths[:half]).table(), scan(*paths[half:]).table())
    assert tables.table().to_pylist() == want.table().to_pylist()
    assert tables.table().evidence.to_pylist() == want.table().evidence.to_pylist()


def test_window(tmp_path: Path) -> None:
    late = CALL | {"time": "2026-03-02T09:15:30+00:00"}
    paths = [file_of(tmp_path, "nginx", CALL), file_of(tmp_path, "vcr", late | {"id": "req_of_another_log"})]
    assert sp.same_call(scan(*paths)).joined["body"] == 0
    for window in ("30s", "0.5m", "30000ms", 30, 30.0, timedelta(seconds=30)):
        assert sp.same_call(scan(*paths), window=window).joined["body"] == 1
    for wrong in ("30", "1d", "25h", -1, "soon", float("nan"), timedelta(days=2)):
        with pytest.raises(sp.ConfigError, match="length of time"):
            sp.same_call(scan(*paths), window=wrong)


def test_answers_of_a_cache_stay_apart(tmp_path: Path) -> None:
    again = CALL | {"time": "2026-03-02T10:15:00+00:00", "id": "req_8f3a90c2d1e84b57", "headers": {}}
    found = sp.same_call(scan(file_of(tmp_path, "har", CALL, again), file_of(tmp_path, "litellm", CALL | {"id": "call_0123456789"})))
    assert found.calls == 3
    assert found.apart == {"response_id: one log has it at several times": 3}
    assert str(found) == "3 rows are 3 calls; left apart: 3 by response_id: one log has it at several times"


def test_write_and_rejects(tmp_path: Path) -> None:
    path = file_of(tmp_path, "flat", CALL)
    path.write_bytes(path.read_bytes() + b"{oops}\n")
    found = sp.same_call(scan(path, file_of(tmp_path, "har", CALL)))
    assert (found.rows, found.calls) == (2, 1)
    found.write(tmp_path / "out.ndjson")
    rows = [json.loads(line) for line in (tmp_path / "out.ndjson").read_bytes().splitlines()]
    assert [row["same_call"] for row in rows] == [rows[0]["same_call"], None, rows[0]["same_call"]]
    assert rows[0]["same_call"] in {row["uid"] for row in rows}


def test_a_file_that_changes(tmp_path: Path) -> None:
    path = file_of(tmp_path, "flat", CALL, CALL | {"id": "req_2222222222222222"})
    whole = path.read_bytes()
    found = sp.same_call(scan(path))
    for now in (whole.splitlines(keepends=True)[0], whole + whole, b"{}\n" + whole):
        path.write_bytes(now)
        with pytest.raises(sp.InputError) as caught:
            list(found.batches())
        assert caught.value.code == "input_changed"
    path.write_bytes(whole)
    assert sum(len(batch) for batch, _ in found.batches()) == 2


def test_a_file_that_becomes_shorter(tmp_path: Path) -> None:
    """The rows that are left have the same names, as those are made of the first 64 KiB."""
    path = file_of(tmp_path, "flat", *(CALL | {"id": f"req_{i:016}"} for i in range(400)))
    found = sp.same_call(scan(path))
    path.write_bytes(path.read_bytes()[: (1 << 16) + (1 << 14)].rsplit(b"\n", 1)[0])
    with pytest.raises(sp.InputError, match="not those that were read before"):
        list(found.batches())


def test_standard_input_is_read_once() -> None:
    with pytest.raises(sp.ConfigError, match="read once"):
        sp.same_call(sp.scan("-"))


def test_a_stream_is_read_once() -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"request": [{"model": "gpt-5", "input": "Hi"}], "when": ["2026-03-02T09:00:00Z"]})
    with pytest.raises(sp.ConfigError, match="this RecordBatchReader can be read once only"):
        sp.same_call(sp.scan([table, table.to_reader()]))
    assert sp.same_call(table).rows == 1


def test_core_calls(tmp_path: Path) -> None:
    batches = list(scan(file_of(tmp_path, "flat", CALL), file_of(tmp_path, "har", CALL)))
    calls = _core.Calls(2_000_000)
    with pytest.raises(ValueError, match="join"):
        calls.fill(batches[0], 0)
    for batch in batches:
        calls.add(batch)
    assert calls.join()["calls"] == 1
    for again in (calls.join, lambda: calls.add(batches[0])):
        with pytest.raises(ValueError, match=r"join|add"):
            again()
    assert [len(calls.leaders(batch, i)) for i, batch in enumerate(batches)] in ([1, 0], [0, 1])
    for batch, at in ((batches[0], 1), (batches[1], 2), (batches[0], 99)):
        with pytest.raises(ValueError, match="added"):
            calls.fill(batch, at)
    known = _core.Calls(None)
    filled = [calls.fill(batch, i) for i, batch in enumerate(batches)]
    for batch in filled:
        known.add(batch)
    assert known.join()["calls"] == 1
    wrong: Any = _core.Calls
    for window in ("2s", -1, 2.5):
        with pytest.raises((TypeError, ValueError)):
            wrong(window)


def test_command_line(tmp_path: Path) -> None:
    paths = [str(file_of(tmp_path, "flat", CALL)), str(file_of(tmp_path, "har", CALL))]
    run = [sys.executable, "-m", "stateprint", "scan", "--same-call"]
    done = subprocess.run([*run, *paths], capture_output=True, check=True, stdin=subprocess.DEVNULL)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len({row["same_call"] for row in rows}) == 1
    assert b"2 rows are 1 calls; joined: 1 by response_id\n" in done.stderr
    assert [row | {"same_call": None} for row in rows] == [
        json.loads(line) for batch in scan(*map(Path, paths)) for line in batch.to_ndjson().splitlines()
    ]
    assert subprocess.run([*run, "-"], input=b"{}\n", capture_output=True, check=False).returncode == 2
