"""Bodies that a log of Bedrock names instead of holding them, out of a local copy of the bucket."""

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from harness import DATA, Row, compact, load_jsonl, summed

SAMPLES = DATA / "samples"
LOG = SAMPLES / "bedrock-invocation-s3.jsonl"
RECORD: Row = next(one for one in load_jsonl(LOG) if "inputBodyS3Path" in one["input"])
ADDRESS: str = RECORD["input"]["inputBodyS3Path"]
BUCKET, KEY = ADDRESS.removeprefix("s3://").split("/", 1)
BODY = (SAMPLES / "bedrock-invocation-overflow-input.json").read_bytes()


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def mirror(tmp_path: Path, name: str = f"{BUCKET}/{KEY}", data: bytes = gzip.compress(BODY)) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir(exist_ok=True)
    put(folder, name, data)
    return folder


def of(tmp_path: Path, records: list[Row], folder: Path, **options: Any) -> list[Row]:
    log = put(tmp_path, "log.jsonl", b"".join(compact(one) + b"\n" for one in records))
    return summed(log, mirror=folder, **options)[0]


def inline(body: Any) -> Row:
    """The record as it is where the body is small."""
    kept = {name: value for name, value in RECORD["input"].items() if name != "inputBodyS3Path"}
    return {**RECORD, "input": {**kept, "inputBodyJson": body}}


@pytest.mark.parametrize("name", [f"{BUCKET}/{KEY}", KEY])
@pytest.mark.parametrize("packed", [True, False])
def test_a_body_is_joined(name: str, packed: bool, tmp_path: Path) -> None:
    """As if it stood in the record. The folder is a copy of the bucket, or of several by their names."""
    folder = mirror(tmp_path, name, gzip.compress(BODY) if packed else BODY)
    (want,) = of(tmp_path, [inline(json.loads(BODY))], folder)
    (got,) = of(tmp_path, [RECORD], folder)
    assert (got["body_state"], got["effects"]) == ("full", ["cache", "replay"])
    own = {"uid", "byte_end", "payload_bytes"}
    assert {k: v for k, v in got.items() if k not in own} == {k: v for k, v in want.items() if k not in own}


def test_all_else_stays(tmp_path: Path) -> None:
    """Rows and their names are those of the scan without a mirror, but for the call whose body was joined; on any threads."""
    folder = mirror(tmp_path)
    before, _ = summed(LOG)
    after, _ = summed(LOG, mirror=folder, threads=3)
    (at,) = (i for i, row in enumerate(before) if row["body_state"] == "offloaded")
    assert after[at]["body_state"] == "full"
    assert [row["uid"] for row in after] == [row["uid"] for row in before]
    assert [row for i, row in enumerate(after) if i != at] == [row for i, row in enumerate(before) if i != at]


def test_of_cloudwatch_too(tmp_path: Path) -> None:
    """Where the record is a text in the record."""
    event = {"eventId": "1", "timestamp": 1, "message": json.dumps(RECORD), "ingestionTime": 2, "logStreamName": "x"}
    (row,) = of(tmp_path, [event], mirror(tmp_path))
    assert (row["body_state"], row["effects"]) == ("full", ["cache", "replay"])


def test_responses_are_joined(tmp_path: Path) -> None:
    address = f"s3://{BUCKET}/data/x_output.json.gz"
    record = {**inline(json.loads(BODY)), "output": {"outputBodyS3Path": address}}
    chunks = [{"type": "message_start", "message": {"id": "msg_1", "role": "assistant", "content": []}}]
    folder = mirror(tmp_path, f"{BUCKET}/data/x_output.json.gz", gzip.compress(compact(chunks)))
    (row,) = of(tmp_path, [record], folder)
    assert row["response_id"] == "msg_1"


@pytest.mark.parametrize(
    "data", [b"", gzip.compress(BODY)[:-20], gzip.compress(b"\xff\xfe\x00\x01"), b"PK\x03\x04\0"], ids=["empty", "cut", "binary", "zip"]
)
def test_an_object_that_cannot_be_read(data: bytes, tmp_path: Path) -> None:
    (row,) = of(tmp_path, [RECORD], mirror(tmp_path, data=data))
    assert (row["body_state"], row["state"]) == ("offloaded" if data else "absent", "unknown")


def test_an_object_that_is_no_json(tmp_path: Path) -> None:
    rows = [of(tmp_path, [RECORD], mirror(tmp_path, data=data))[0] for data in (BODY[:50], b"hello")]
    assert [(row["body_state"], row["flags"]) for row in rows] == [("truncated", ["body_truncated"]), ("full", ["body_not_json"])]


def test_an_object_that_is_an_archive(tmp_path: Path) -> None:
    """It is no body, whatever it holds."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name in ("a.json", "b.json"):
            archive.add(put(tmp_path, name, BODY), name)
    (row,) = of(tmp_path, [RECORD], mirror(tmp_path, data=made.getvalue()))
    assert (row["body_state"], row["flags"]) == ("offloaded", [])


def test_an_object_over_the_limit(tmp_path: Path) -> None:
    small = sp.Engine(limits={"max_line_bytes": 2000})
    folder = mirror(tmp_path, data=gzip.compress(BODY + b" " * 2000))
    assert [row["body_state"] for row in of(tmp_path, [RECORD], folder, engine=small)] == ["offloaded"]


def test_a_body_that_is_there_stays(tmp_path: Path) -> None:
    record = {**RECORD, "input": {**RECORD["input"], "inputBodyJson": {"messages": []}}}
    folder = mirror(tmp_path)
    (row,) = of(tmp_path, [record], folder)
    assert (row["body_state"], "replay" in row["effects"]) == ("offloaded", False)


def test_addresses_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    """They come out of a log, and may be anything."""
    folder = mirror(tmp_path, "b/there.json", BODY)
    outside = put(tmp_path, "secret.json", BODY)
    (folder / "b" / "link.json").symlink_to(outside)
    (folder / "b" / "folder").mkdir()
    os.mkfifo(folder / "b" / "pipe")
    good = [inline_address("s3://b/there.json")]
    bad = [
        "s3://b/../../secret.json",
        "s3://../secret.json",
        "s3://b//there.json",
        "s3://b/./there.json",
        f"s3://b/{outside}",
        f"s3:/{outside}",
        str(outside),
        "file://b/there.json",
        "s3://b/link.json",
        "s3://b/folder",
        "s3://b/pipe",
        "s3://b",
        "s3://",
        "",
        "s3://b/\0",
        "s3://b/" + "x" * 5000,
        "s3://b/*.json",
        7,
    ]
    rows = of(tmp_path, [*good, *map(inline_address, bad)], folder)
    assert [row["body_state"] for row in rows] == ["full"] + ["offloaded"] * len(bad)


@pytest.mark.parametrize("address", ["s3://b/\ud800", "s3://\ud800/there.json"])
def test_an_address_that_no_name_can_be(address: str, tmp_path: Path) -> None:
    log = put(tmp_path, "log.jsonl", json.dumps(inline_address(address)).encode() + b"\n")
    (row,), _ = summed(log, mirror=mirror(tmp_path))
    assert (row["body_state"], row["flags"]) == ("offloaded", ["lone_surrogate"])


def inline_address(address: object) -> Row:
    return {**RECORD, "input": {**RECORD["input"], "inputBodyS3Path": address}}


def test_hostile_records(tmp_path: Path) -> None:
    odd: list[Any] = [
        {**RECORD, "input": 5},
        {**RECORD, "input": [ADDRESS], "inputBodyS3Path": ADDRESS},
        {**RECORD, "message": '{"input":{"inputBodyS3Path":"\\ud800"}}'},
        {**RECORD, "message": "BodyS3Path {"},
    ]
    assert [row["body_state"] for row in of(tmp_path, odd, mirror(tmp_path))] == ["absent", "absent"]  # the others are permission lines


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_record_with_a_name_twice_stays_as_it_is(wrapped: bool, tmp_path: Path) -> None:
    """It would have one value only, and lose its flag: the answer is as good as without a mirror."""
    record = {**inline({"messages": []}), "output": {"outputBodyS3Path": f"s3://{BUCKET}/{KEY}"}}
    twice = compact(record).replace(
        b'"messages":[]', b'"messages":[{"role":"assistant","content":"x"}],"messages":[{"role":"user","content":"x"}]'
    )
    if wrapped:
        twice = compact({"eventId": "1", "timestamp": 1, "message": twice.decode(), "ingestionTime": 2, "logStreamName": "x"})
    log = put(tmp_path, "log.jsonl", twice + b"\n")
    want, got = summed(log)[0], summed(log, mirror=mirror(tmp_path))[0]
    assert got == want
    assert "duplicate_key" in got[0]["flags"]


def test_other_formats_do_not_ask_for_it(tmp_path: Path) -> None:
    folder = mirror(tmp_path)
    for name in ("helicone-export.jsonl", "plain-bodies.jsonl", "otlp-genai-traces.json"):
        assert summed(SAMPLES / name, mirror=folder)[0] == summed(SAMPLES / name)[0]


@pytest.mark.parametrize("name", ["none", "a\0b", "\ud800"])
def test_a_mirror_that_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(sp.ConfigError) as caught:
        sp.scan(LOG, mirror=f"{tmp_path}/{name}")
    assert caught.value.code == "mirror"


@pytest.mark.parametrize("command", ["scan", "identify", "explain"])
def test_on_the_command_line(command: str, tmp_path: Path) -> None:
    log = put(tmp_path, "log.jsonl", compact(RECORD) + b"\n")
    program = [sys.executable, "-m", "stateprint", command, f"{log}:1" if command == "explain" else str(log)]
    for options, state in (([], "unknown"), (["--mirror", str(mirror(tmp_path))], "stateless")):
        done = subprocess.run([*program, *options], capture_output=True, text=True, check=True)
        assert state in done.stdout
