"""Records that are pieces of one call are joined in a bounded window; nothing is lost, whatever comes late."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from harness import DATA, Row, compact, load_jsonl, summed
from stateprint.fronts import join

SAMPLES = DATA / "samples"
MESSAGES = [{"role": "user", "content": "héllo 🙂"}, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "more"}]
ROW, EVENT = "row of a call, joined by CorrelationId", "event of a span, joined by spanId"


def piece(call: int, number: int, **columns: Any) -> dict[str, Any]:
    empty = {"RequestMessages": None, "ResponseMessages": None, "PromptTokens": None, "CompletionTokens": None, "ModelName": ""}
    return {"Type": "ApiManagementGatewayLlmLog", "CorrelationId": f"call-{call}", "SequenceNumber": number, **empty, **columns}


def pieces(call: int) -> list[dict[str, Any]]:
    text = json.dumps(MESSAGES)
    return [
        piece(call, 0, PromptTokens=10 + call, ModelName="gpt-4.1-mini"),
        piece(call, 1, RequestMessages=text[:20]),
        piece(call, 2, RequestMessages=text[20:]),
        piece(call, 3, ResponseMessages="[]", CompletionTokens=7),
    ]


def event(span: str, name: str, *members: tuple[str, Any], at: int = 0, **more: Any) -> dict[str, Any]:
    body = {"kvlistValue": {"values": [{"key": key, "value": value} for key, value in members]}}
    attributes = [{"key": "gen_ai.system", "value": {"stringValue": "openai"}}]
    return {
        "traceId": "t",
        "spanId": span,
        "eventName": name,
        "observedTimeUnixNano": str(at),
        "attributes": attributes,
        "body": body,
        **more,
    }


def of(tmp_path: Path, records: list[Mapping[str, Any] | bytes], **options: Any) -> tuple[list[Row], sp.Scan]:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join((one if isinstance(one, bytes) else compact(one)) + b"\n" for one in records))
    return summed(path, **options)


def test_pieces_are_joined_in_their_order(tmp_path: Path) -> None:
    """Whatever the order of the rows, and however calls are mixed; at the place of the first row of each."""
    calls = [pieces(i) for i in range(20)]
    mixed = [call[k] for k in (3, 2, 0, 1) for call in calls]
    rows, scan = of(tmp_path, mixed)
    assert [row["request_id"] for row in rows] == [f"call-{i}" for i in range(20)]
    assert [row["line"] for row in rows] == list(range(1, 21))
    assert {(row["tokens_out"], row["body_state"], tuple(row["effects"])) for row in rows} == {(7, "full", ("replay",))}
    assert [row["tokens_in"] for row in rows] == [10 + i for i in range(20)]
    assert scan.summary.passed_over == {ROW: 60}
    data = (tmp_path / "log.jsonl").read_bytes()
    assert [json.loads(data[row["byte_start"] : row["byte_end"]])["CorrelationId"] for row in rows] == [row["request_id"] for row in rows]


def test_what_a_piece_holds_may_be_a_list(tmp_path: Path) -> None:
    rows, _ = of(tmp_path, [piece(1, 1, RequestMessages=MESSAGES[:1]), piece(1, 2, RequestMessages=MESSAGES[1:])])
    assert [row["effects"] for row in rows] == [["replay"]]


@pytest.mark.parametrize("missing", [1, 2])
def test_a_call_without_one_of_its_pieces_is_truncated(missing: int, tmp_path: Path) -> None:
    call = pieces(1)
    rows, _ = of(tmp_path, [*(one for one in call if one["SequenceNumber"] != missing), *pieces(2)])
    assert [(row["body_state"], row["state"]) for row in rows] == [("truncated", "unknown"), ("full", "unknown")]


def test_a_call_without_messages_has_no_body(tmp_path: Path) -> None:
    rows, _ = of(tmp_path, pieces(1)[:1])
    assert [(row["body_state"], row["tokens_in"], row["model"]) for row in rows] == [("absent", 11, "gpt-4.1-mini")]


@pytest.mark.parametrize(("name", "limit"), [("CALLS", 2), ("PIECES", 5), ("BYTES", 700)])
def test_what_falls_out_of_the_window_says_so(name: str, limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call whose response was not seen when it had to go, and what of it comes later, are truncated; one that was whole is not."""
    monkeypatch.setattr(join, name, limit)
    first, *rest = pieces(1)
    others = [one for i in range(2, 8) for one in pieces(i)]
    rows, scan = of(tmp_path, [first, *others, *rest], threads=2)
    of_first = [row for row in rows if row["request_id"] == "call-1"]
    assert len(of_first) >= 2
    assert rows[0] == of_first[0]
    assert {row["body_state"] for row in of_first} == {"truncated"}
    assert [row["line"] for row in rows] == sorted(row["line"] for row in rows)
    assert len(rows) + scan.summary.passed_over[ROW] == 28
    if name == "CALLS":
        assert [row["request_id"] for row in rows] == [f"call-{i}" for i in (*range(1, 8), 1)]
        assert {row["body_state"] for row in rows if row["request_id"] != "call-1"} == {"full"}


def test_a_call_of_very_many_pieces(tmp_path: Path) -> None:
    text = json.dumps([{"role": "assistant", "content": "x" * 8_000_000}])
    parts = [text[k : k + 1000] for k in range(0, len(text), 1000)]
    rows, scan = of(tmp_path, [piece(1, i, RequestMessages=part) for i, part in enumerate(parts)])
    assert [(row["body_state"], row["effects"]) for row in rows] == [("full", ["replay"])]
    assert scan.summary.passed_over == {ROW: len(parts) - 1}


def test_the_end_of_the_log_is_no_reason(tmp_path: Path) -> None:
    """A call that failed has no response: it is as whole as its messages are."""
    rows, _ = of(tmp_path, pieces(1)[:3])
    assert [row["body_state"] for row in rows] == ["full"]


def test_a_log_cannot_say_that_it_is_whole(tmp_path: Path) -> None:
    """The mark of what is incomplete belongs to the window."""
    name = join.INCOMPLETE
    rows, _ = of(tmp_path, [piece(1, 1, RequestMessages="[", **{name: False}), piece(2, 1, RequestMessages="[]", **{name: True})])
    assert [row["body_state"] for row in rows] == ["truncated", "full"]


def test_a_record_that_is_no_piece_stays_as_it_is(tmp_path: Path) -> None:
    odd: list[Mapping[str, Any] | bytes] = [
        b"{oops",
        {"a": 1},
        piece(9, 1) | {"CorrelationId": None},
        b'{"CorrelationId":"x","n":1e999}',
        b"[" * 3000,
    ]
    rows, scan = of(tmp_path, [*pieces(1), *odd, *pieces(2)])
    assert [row["line"] for row in rows] == [1, 5, 6, 7, 8, 9, 10]
    assert [(row["error"] or "-").split(" ")[0] for row in rows] == ["-", "syntax", "-", "-", "-", "too_deep", "-"]
    assert rows[4]["flags"] == ["number_overflow"]
    assert scan.summary.passed_over == {ROW: 6}


def test_a_call_of_one_row_keeps_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n" + compact(piece(1, 0, RequestMessages=MESSAGES)) + b"\n" + compact(piece(2, 0, ModelName="gpt-5")) + b"\n")
    marks = [mark for _, batch in sp.scan(path).batches(evidence=True) for mark in batch.to_pylist()]
    data = path.read_bytes()
    assert [data[mark["byte_start"] : mark["byte_end"]] for mark in marks if mark["fact"]] == [compact(MESSAGES[1])]


def test_half_a_surrogate_pair_is_flagged(tmp_path: Path) -> None:
    second = b'{"CorrelationId":"call-1","SequenceNumber":2,"x":"\\ud800"}'
    rows, _ = of(tmp_path, [piece(1, 1), second])
    assert [row["flags"] for row in rows] == [["lone_surrogate"]]


@pytest.mark.parametrize("at", range(4))
def test_a_piece_with_a_name_twice_stays_as_it_is(at: int, tmp_path: Path) -> None:
    """Which of its two values counts nobody can say: the row is flagged, and its call has not all pieces."""
    call: list[Mapping[str, Any] | bytes] = [*pieces(1)]
    call[at] = compact(pieces(1)[at]).replace(b'"Type":', b'"RequestMessages":"[]","Type":')
    rows, scan = of(tmp_path, [*call, *pieces(2)])
    assert [(row["line"], row["request_id"], row["body_state"]) for row in rows if "duplicate_key" not in row["flags"]] == [
        (2 if at == 0 else 1, "call-1", "truncated"),
        (5, "call-2", "full"),
    ]
    assert [(row["line"], row["request_id"], row["state"]) for row in rows if "duplicate_key" in row["flags"]] == [
        (at + 1, "call-1", "unknown")
    ]
    assert scan.summary.passed_over == {ROW: 5}


def test_a_call_lacks_a_piece_whose_number_is_too_large(tmp_path: Path) -> None:
    large = compact(piece(1, 2, RequestMessages="[]")).replace(b'"PromptTokens":null', b'"PromptTokens":1e999')
    rows, _ = of(tmp_path, [piece(1, 1, RequestMessages="[]"), large])
    assert [(row["body_state"], "number_overflow" in row["flags"]) for row in rows] == [("truncated", False), ("full", True)]


def test_an_event_with_a_name_twice_stays_as_it_is(tmp_path: Path) -> None:
    user = compact(event("1", "gen_ai.user.message", ("content", {"stringValue": "x"})))
    twice = user.replace(b'"key":"role"', b'"key":"x"').replace(b'"body":', b'"body":null,"body":')
    rows, scan = of(tmp_path, [json.loads(user), twice, event("1", "gen_ai.choice"), event("2", "gen_ai.user.message")])
    assert [(row["line"], "duplicate_key" in row["flags"], row["body_state"] == "truncated") for row in rows][:2] == [
        (1, False, True),
        (2, True, False),
    ]
    assert scan.summary.passed_over == {EVENT: 1}


@pytest.mark.parametrize(
    "name", ["azure-apim-llmlog.jsonl", "azure-loganalytics-query.json", "otlp-genai-logs-v136.json", "otlp-genai-logs-latest.json"]
)
def test_the_same_on_any_threads_and_packed(name: str, tmp_path: Path) -> None:
    want, _ = summed(SAMPLES / name)
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress((SAMPLES / name).read_bytes()))
    for path, threads in ((SAMPLES / name, 3), (packed, 1)):
        got, _ = summed(path, threads=threads)
        assert [{**row, "source": ""} for row in got] == [{**row, "source": ""} for row in want]


def test_the_same_over_several_slices(tmp_path: Path) -> None:
    """Pieces of a call stand further apart than a slice of the stream is long."""
    filler = [piece(1000 + i, 0, ResponseMessages="x" * 3000) for i in range(900)]
    log = [*pieces(1)[:2], *filler, *pieces(1)[2:], *pieces(2)]
    want, scan = of(tmp_path, log, threads=1)
    assert [row["request_id"] for row in want][:1] + [row["request_id"] for row in want][-1:] == ["call-1", "call-2"]
    assert (want[0]["body_state"], len(want), scan.summary.passed_over) == ("full", 902, {ROW: 6})
    assert summed(tmp_path / "log.jsonl", threads=4)[0] == want


# ------------------------------------------------------------------------------------------------------------------ events of OpenTelemetry
def test_events_of_a_span(tmp_path: Path) -> None:
    """Messages of one span in the order in which they were seen, wherever they stand in the log."""
    document = json.loads((SAMPLES / "otlp-genai-logs-v136.json").read_bytes())
    records = [one for resource in document["resourceLogs"] for scope in resource["scopeLogs"] for one in scope["logRecords"]]
    want, _ = summed(SAMPLES / "otlp-genai-logs-v136.json")
    got, scan = of(tmp_path, list(reversed(records)))
    about = ("request_id", "effects", "body_state", "provider", "turns", "payload_hash")
    assert [[row[name] for name in about] for row in reversed(got)] == [[row[name] for name in about] for row in want]
    assert scan.summary.passed_over == {EVENT: 6}


def test_the_role_of_an_event(tmp_path: Path) -> None:
    """That of its body, else that of its name, which older exporters write as an attribute."""
    text = ("content", {"stringValue": "x"})
    named = [
        {"key": "event.name", "value": {"stringValue": "gen_ai.assistant.message"}},
        {"key": "gen_ai.system", "value": {"stringValue": "x"}},
    ]
    log = [
        event("1", "gen_ai.user.message", text),
        event("2", "gen_ai.user.message", text, ("role", {"stringValue": "assistant"})),
        event("3", "gen_ai.assistant.message", text),
        event("4", "", text, attributes=named),
        event("5", "gen_ai.tool.message", text),
    ]
    rows, _ = of(tmp_path, log)
    assert [row["effects"] for row in rows] == [[], ["replay"], ["replay"], ["replay"], ["replay"]]
    assert {row["body_state"] for row in rows} == {"full"}


def test_nothing_stands_between_spans_and_the_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(join, "Join")
    for name in ("otlp-genai-traces.json", "otlp-genai-traces-file.jsonl"):
        assert summed(SAMPLES / name)[1].summary.inputs[0]["format"] == "otlp"
    with pytest.raises(AttributeError):
        summed(SAMPLES / "otlp-genai-logs-v136.json")


def test_hostile_events_do_not_stop_a_scan(tmp_path: Path) -> None:
    deep: Any = {"stringValue": "x"}
    for _ in range(300):
        deep = {"arrayValue": {"values": [deep]}}
    name = "gen_ai.user.message"
    records = [
        event("1", name, ("content", deep)),
        {**event("1", name), "spanId": {"a": 1}},
        {**event("2", name), "eventName": ["gen_ai.choice"], "attributes": {"a": 1}},
        {**event("3", name), "attributes": 5, "body": {"kvlistValue": {"values": [1, {"key": 2}]}}},
        {**event("3", name), "observedTimeUnixNano": "9" * 40, "body": None},
        {**event("3", name), "attributes": [{"key": "event.name"}, {"key": "event.name", "value": 7}, 3]},
    ]
    rows, scan = of(tmp_path, records, format="otlp")
    assert len(rows) == 4
    assert scan.summary.passed_over == {EVENT: 2}


def test_the_sample_of_pieces_is_what_it_says() -> None:
    """The request of the last call stands in two rows, and only both are JSON."""
    parts = [one["RequestMessages"] for one in load_jsonl(SAMPLES / "azure-apim-llmlog.jsonl")[6:] if one["RequestMessages"]]
    assert len(parts) == 2
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(parts[0])
    assert [message["role"] for message in json.loads("".join(parts))] == ["system", "user", "assistant", "user"]
