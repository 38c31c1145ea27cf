"""Logs of every format that is read or is to be read, against a table of readings made by eye (tests/data/samples)."""

import datetime as dt
import functools
import gzip
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

import stateprint as sp
from harness import DATA, ROOT, load_jsonl

SAMPLES = DATA / "samples"

Reading = dict[str, Any]
READINGS: list[Reading] = load_jsonl(SAMPLES / "readings.jsonl")
FILES = sorted({reading["file"] for reading in READINGS})
# Members of a reading that are no columns of the table.
ABOUT = {"file", "record", "part", "format", "passed_over", "not", "note"}
STATES = {"stateful", "stateless", "not_inference", "unknown"}


def readings_of(file: str) -> list[Reading]:
    return [reading for reading in READINGS if reading["file"] == file]


@functools.cache
def shown() -> sp.Engine:
    """Values as they stand: some ids of the samples look like something that is not to be shown."""
    return sp.Engine(with_text=True)


def agrees(column: str, wanted: Any, got: Any) -> bool:
    if column == "effects":  # a label that only the envelope carries may count or not
        return got is not None and set(wanted) <= set(got) and set(got) - set(wanted) <= {"label"}
    if column == "time":
        return got is not None and dt.datetime.fromisoformat(wanted) == got
    return bool(wanted == got)


def differences(reading: Reading, row: dict[str, Any]) -> list[str]:
    at = f"{reading['file']} record {reading['record']}"
    wrong = [
        f"{at}: {column} is {row.get(column)!r}, not {wanted!r}"
        for column, wanted in reading.items()
        if column not in ABOUT and wanted is not None and not agrees(column, wanted, row.get(column))
    ]
    return wrong + [f"{at}: {column} is {value!r}" for column, value in reading.get("not", {}).items() if row.get(column) == value]


@pytest.mark.parametrize("file", FILES)
def test_readings(file: str) -> None:
    scan = sp.scan(SAMPLES / file, engine=shown(), strict=False)
    rows = [row for batch in scan for row in batch.to_pylist()]
    summary = scan.summary.to_dict()
    readings = readings_of(file)
    exchanges = [reading for reading in readings if "passed_over" not in reading]
    assert {part["format"] for part in summary["inputs"]} == {reading["format"] for reading in readings}
    assert len(rows) == len(exchanges), "one row for every exchange"
    assert sum(summary.get("passed_over", {}).values()) == len(readings) - len(exchanges)
    assert [line for reading, row in zip(exchanges, rows, strict=True) for line in differences(reading, row)] == []


@pytest.mark.parametrize("file", FILES)
def test_a_time_that_is_not_known_is_none(file: str) -> None:
    """Some writers give 0 for it."""
    times = [row["time"] for batch in sp.scan(SAMPLES / file, strict=False) for row in batch.to_pylist()]
    assert all(time is None or time.year > 2020 for time in times)


# --------------------------------------------------------------------------------------------- the table itself

Count = Callable[[bytes], int]


def lines(data: bytes) -> int:
    return sum(bool(line.strip()) for line in data.split(b"\n"))


def items(*path: str | int) -> Count:
    """How many elements the lists at a place hold; `*` is any element."""

    def count(data: bytes) -> int:
        values: list[Any] = [json.loads(data)]
        for step in path:
            values = [inner for value in values for inner in (value if step == "*" else [value[step]])]
        return sum(len(value) for value in values)

    return count


def spans(top: str, scope: str, inner: str) -> Count:
    def count(data: bytes) -> int:
        documents = [json.loads(line) for line in data.split(b"\n") if line] if b"\n{" in data.strip() else [json.loads(data)]
        return sum(len(part[inner]) for document in documents for resource in document[top] for part in resource[scope])

    return count


def yaml_requests(data: bytes) -> int:
    return len(re.findall(rb"^- request:", data, re.MULTILINE))


TRACES, LOGS = ("resourceSpans", "scopeSpans", "spans"), ("resourceLogs", "scopeLogs", "logRecords")
RECORDS: dict[str, Count] = {
    "azure-apim-gatewaylogs-eventhub.json": items("records"),
    "azure-loganalytics-query.json": items("tables", 0, "rows"),
    "bedrock-invocation-cloudwatch-subscription.json": items("logEvents"),
    "bedrock-invocation-cloudwatch.json": items("events"),
    "bedrock-invocation-overflow-input.json": lambda data: 1,
    "cloudflare-aigw-logs-api.json": items("result"),
    "cloudtrail-bedrock.json": items("Records"),
    "cloudtrail-lookup-events.json": items("Events"),
    "datadog-llmobs-intake.json": items("*", "spans"),
    "har-browser.har": items("log", "entries"),
    "har-mitmproxy.har": items("log", "entries"),
    "helicone-signed-body.json": lambda data: 1,
    "langfuse-observations-api.json": items("data"),
    "otlp-genai-logs-latest.json": spans(*LOGS),
    "otlp-genai-logs-v136.json": spans(*LOGS),
    "otlp-genai-traces-file.jsonl": spans(*TRACES),
    "otlp-genai-traces-legacy.json": spans(*TRACES),
    "otlp-genai-traces.json": spans(*TRACES),
    "vcr-parsed-body.yaml": yaml_requests,
    "vcr-ruby.yaml": yaml_requests,
    "vcr-testagent.json": lambda data: 1,
    "vcr-vcrpy.json": items("interactions"),
    "vcr-vcrpy.yaml": yaml_requests,
}


def test_every_file_is_in_the_table() -> None:
    assert [path.name for path in sorted(SAMPLES.iterdir()) if path.is_file() and path.name not in ("README.md", "readings.jsonl")] == FILES
    assert len(FILES) == 48


@pytest.mark.parametrize("file", FILES)
def test_every_record_is_accounted_for(file: str) -> None:
    data = (SAMPLES / file).read_bytes()
    if file.endswith(".gz"):
        data = gzip.decompress(data)
    numbers = [reading["record"] for reading in readings_of(file)]
    assert sorted(set(numbers)) == list(range(RECORDS.get(file, lines)(data)))
    assert numbers == sorted(numbers), "rows come in the order of the file"


def test_the_table_claims_no_more_than_it_can() -> None:
    """Absence is proof in a whole body as it was sent, and nowhere else."""
    for reading in READINGS:
        if "passed_over" in reading:
            continue
        assert reading["state"] is None or reading["state"] in STATES
        if reading["state"] == "stateless":
            assert (reading["grade"], reading["body_state"]) == ("wire", "full"), reading
        if reading["state"] == "stateful":
            assert {"read", "write", "manage"} & set(reading["effects"]), reading
        if reading["effects"] and {"read", "write", "manage"} & set(reading["effects"]):
            assert reading["state"] == "stateful", reading


# ------------------------------------------------------------------------------------------------- the pages


def test_the_page_of_formats_says_what_is_read() -> None:
    """A row a format with a page of its own: those that `stateprint formats` lists."""
    page = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[([a-z-]+)\]\(formats/([a-z-]+)\.md\) \|.*\|$", page, re.MULTILINE)
    assert all(name == link for name, link in rows)
    names = sorted(name for name, _ in rows)
    assert names == sorted(path.stem for path in (ROOT / "docs/formats").glob("*.md"))
    assert names == sorted(form["name"] for form in sp.Engine().formats())
    assert {reading["format"] for reading in READINGS} <= set(names)
