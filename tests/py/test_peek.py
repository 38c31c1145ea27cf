"""A first look at a log: format, confidence and reasons, and the draft of a mapping that brings in a log of one's own."""

import gzip
import io
import json
import re
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import stateprint as sp
from harness import DATA, ROOT, engine, load_jsonl
from stateprint import _core
from stateprint._peek.pointers import closed
from stateprint.cli import main
from stateprint.config import toml_text

SAMPLES = DATA / "samples"
HOME = DATA / "homemade"
FORMATS = {reading["file"]: reading["format"] for reading in load_jsonl(SAMPLES / "readings.jsonl")}
NO_CALLS = {"langfuse-blob-traces.jsonl", "openai-batch-error.jsonl"}
"""Logs of a format, without a call in them."""
NO_MODEL = "bedrock-invocation-overflow-input.json"
"""A payload that names no model: nothing tells it from other JSON with messages."""

S, W = "label.session_header", "write.store_default"
CALLS: list[tuple[Any, ...]] = [
    # id, seconds after 09:15, status, operation, model, state, facts; of the facts those that the requests show
    ("c1", 0, 200, "chat.completions.create", "gpt-4.1-mini", "stateless", {S}),
    ("c2", 5, 200, "chat.completions.create", "gpt-4.1-mini", "stateless", {S, "replay.assistant_turn"}),
    ("c3", 10, 200, "responses.create", "gpt-4.1-mini", "stateful", {S, W}),
    ("c4", 15, 200, "responses.create", "gpt-4.1-mini", "stateful", {S, W, "read.previous_response"}),
    ("c5", 20, 200, "responses.create", "gpt-4.1-mini", "stateful", {S, W, "read.conversation", "write.conversation"}),
    ("c6", 25, 200, "responses.create", "gpt-5-mini", "stateless", {S, "replay.assistant_turn", "replay.reasoning"}),
    ("c7", 30, 200, "chat.completions.create", "gpt-4.1-mini", "stateless", {S, "retain.store_explicit", "label.metadata", "label.user"}),
    ("c8", 35, 200, "threads.runs.create", "gpt-4.1-mini", "stateful", {S, "read.thread", "write.thread", "reference.assistant"}),
    ("c9", 40, 200, "responses.retrieve", "gpt-4.1-mini-2025-04-14", "stateful", {"manage.response"}),
    ("c10", 45, 400, "responses.create", "gpt-4.1-mini", "stateful", {S, W, "read.previous_response"}),
]
"""The calls of tests/data/homemade, as its README has them."""
TOKENS = [(27, 12), (51, 8), (14, 11), (36, 9), (15, 7), (44, 5), (15, 12), (None, None), (14, 11), (None, None)]


def brought_in(log: Path, tmp_path: Path) -> list[dict[str, Any]]:
    """What an analyst gets who does no more than `peek --write-map` and `scan --map`."""
    draft, table = tmp_path / "draft.toml", tmp_path / "table.ndjson"
    done = CliRunner().invoke(main, ["peek", str(log), "--write-map", str(draft)])
    assert (done.exit_code, json.loads(done.stdout)["drafted"]) == (0, True)
    done = CliRunner().invoke(main, ["scan", str(log), "--map", str(draft), "-o", str(table)])
    assert done.exit_code == 0, done.stderr
    return load_jsonl(table)


def shown(row: dict[str, Any]) -> tuple[Any, ...]:
    seconds = re.fullmatch(r"2026-03-02T09:15:(\d\d)(\.\d+)?(Z|\+00:00)", row["time"])
    assert seconds is not None, row["time"]
    facts = {fact for fact in row["facts"] if not fact.endswith("_reported")}
    return (row["request_id"], int(seconds[1]), row["status"], row["operation"], row["model"], row["state"], facts)


# --------------------------------------------------------------------------------------------------------------- format and reasons
@pytest.mark.parametrize("file", sorted(FORMATS))
def test_every_sample_is_told_with_reasons(file: str) -> None:
    found = sp.peek(SAMPLES / file, engine=engine())
    assert found.format == FORMATS[file]
    assert found.confidence == ("unknown" if file == NO_MODEL else "guess" if file in NO_CALLS else found.confidence), (
        f"{found.confidence}: {found.reasons}"
    )
    assert found.is_log == (file not in NO_CALLS | {NO_MODEL}) or found.mapped
    assert found.is_log == (found.confidence in {"certain", "likely"})
    assert found.reasons, "every confidence has its reasons"
    assert not found.drafted, "what a reader knows is not read by a draft"


def test_reasons_are_members_and_rivals_say_why_not() -> None:
    found = sp.peek(SAMPLES / "kong-ai-log.jsonl", engine=engine())
    assert (found.format, found.confidence, found.share) == ("kong", "certain", 1.0)
    assert found.reasons[0] == "7 of 7 records have /ai/proxy and /started_at"
    assert {one.format for one in found.candidates} == {"vcr", "pairs"}
    assert all("tried before it" in one.why_not and one.records == 7 for one in found.candidates)


def test_confidence_is_that_of_the_share() -> None:
    found = sp.peek(SAMPLES / "plain-request-response.jsonl", engine=engine())
    assert (found.format, found.confidence, round(found.share, 2)) == ("bare-pairs", "likely", 0.89)
    [other] = found.candidates
    assert (other.format, other.records) == ("pairs", 1)
    assert other.why_not == "1 of 9 records are left to it by the readers that are tried before it, and 8 to bare-pairs"


def test_plain_bodies_have_a_confidence_too() -> None:
    found = sp.peek(SAMPLES / "plain-bodies.jsonl", engine=engine())
    assert (found.format, found.confidence, found.mapping) == ("bodies", "likely", None)
    assert found.reasons[1] == "12 of 12 records have the shape of a payload, and 9 of them name a model that is known"
    with pytest.raises(sp.InputError, match="its records are payloads"):
        found.write_map("never.toml")


def test_a_reader_that_is_given_is_not_told() -> None:
    found = sp.peek(HOME / "pairs.jsonl", format="bodies")
    assert (found.format, found.confidence, found.reasons) == ("bodies", "given", ())
    with pytest.raises(sp.ConfigError, match="no reader is called"):
        sp.peek(HOME / "pairs.jsonl", format="none")


def test_what_is_missing_is_named() -> None:
    assert sp.peek(HOME / "pairs.jsonl", engine=engine()).missing == ()
    assert sp.peek(SAMPLES / "envoy-ai-gateway-access.jsonl", engine=engine()).missing == ("host", "body")


def test_packed_logs_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = sp.peek(HOME / "pairs.jsonl", engine=engine())
    packed = tmp_path / "pairs"
    packed.write_bytes(gzip.compress((HOME / "pairs.jsonl").read_bytes()))
    found = sp.peek(packed, engine=engine())
    assert (found.packing, found.exchanges) == ("gzip", plain.exchanges)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(packed.read_bytes())))
    assert sp.peek("-", engine=engine()).exchanges == plain.exchanges


def test_only_the_head_is_read(tmp_path: Path) -> None:
    line = (HOME / "pairs.jsonl").read_bytes().split(b"\n")[0] + b"\n"
    log = tmp_path / "long.jsonl"
    log.write_bytes(line * 500 + b"\xff\xff no JSON\n" * 1000)
    found = sp.peek(log, engine=engine())
    assert (found.confidence, found.hints) == ("certain", ())
    assert found.records == -(-65536 // len(line))
    log.write_bytes(gzip.compress(log.read_bytes())[:-9])
    assert sp.peek(log, engine=engine()).format == "pairs", "what is damaged behind the head is no matter"


def test_a_record_that_is_longer_than_the_head(tmp_path: Path) -> None:
    record = json.loads((HOME / "pairs.jsonl").read_bytes().split(b"\n")[0])
    record["request"]["body"]["messages"] += [{"role": "user", "content": "x" * 1000}] * 200
    log = tmp_path / "long.json"
    log.write_text(json.dumps([record], indent=1), encoding="utf-8")
    assert sp.peek(log, engine=engine()).recognised == 1


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b"", "there is nothing in it"),
        (b"2026 ready\n", "no record is a JSON object"),
        (b'{"a":1}\nready\n', "1 of 2 records are no JSON objects"),
    ],
)
def test_what_is_no_log_says_so(tmp_path: Path, data: bytes, hint: str) -> None:
    log = tmp_path / "log"
    log.write_bytes(data)
    found = sp.peek(log, engine=engine())
    assert (found.confidence, found.is_log, found.exchanges) == ("unknown", False, ())
    assert hint in found.hints[0]


def test_what_can_not_be_read_is_an_error(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes('{"a": 1}\n'.encode("utf-16"))
    with pytest.raises(sp.EncodingUnsupported):
        sp.peek(log)
    with pytest.raises(sp.InputError):
        sp.peek(tmp_path / "none")
    with pytest.raises(sp.ConfigError, match="belong to the engine"):
        sp.peek(log, engine=engine(), map={"grade": "wire"})


@pytest.mark.parametrize("number", ["1" * 400, "-" + "9" * 400, "1e999"])
def test_a_number_of_any_size(tmp_path: Path, number: str) -> None:
    ask = json.dumps({"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]})
    log = tmp_path / "log.jsonl"
    log.write_text(f'{{"n": {number}, "when": 1772442900, "ask": {ask}}}\n' * 2, encoding="utf-8")
    found = sp.peek(log, engine=engine())
    assert found.mapped == 2
    assert found.mapping is not None
    assert tomllib.loads(found.mapping)["fields"]["time"] == ["/when"]


def test_a_document_that_stops_somewhere() -> None:
    assert closed('[{"a": 1}, {"b": "x, [') == [{"a": 1}]
    assert closed('[1, "x, y') == [1], "a string that has no end hides what is in it"
    assert closed('{"a": [1, 2], "b": {"c": ') == {"a": [1]}
    assert closed('{"a": [[1, 2], [3], {"b": ') == {"a": [[1, 2], [3]]}
    assert closed('{"a": ') is None


@pytest.mark.parametrize("text", ['[{"a":"' + '\\"' * 100_000, "[" * 100_000 + "1," * 100_000], ids=["quotes", "arrays"])
def test_a_hostile_document_is_read_once(text: str) -> None:
    assert closed(text) is None


def test_of_a_folder_the_first_file(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes((HOME / "pairs.jsonl").read_bytes())
    found = sp.peek(tmp_path, engine=engine())
    assert found.source.endswith("a.jsonl")
    assert found.hints == ("there are more files: this is the first of them",)


def test_of_an_archive_the_first_file(tmp_path: Path) -> None:
    log = tmp_path / "logs.zip"
    with zipfile.ZipFile(log, "w") as archive:
        for name in ("a.jsonl", "b.jsonl"):
            archive.write(HOME / "pairs.jsonl", name)
    found = sp.peek(log, engine=engine())
    assert (found.source, found.packing, found.recognised) == (f"{log}!a.jsonl", "zip", 10)
    assert found.hints == ("it is an archive: this is the first file of it",)
    assert sp.peek(f"{log}!b.jsonl", engine=engine()).hints == ()


def test_votes_are_those_of_the_head() -> None:
    core = _core.Scan(engine().rules, source="x")
    core.feed(b'{"request": {"url": "/v1/x"}}\n{"request": {"url": "/v1/x", "method": "GET"}}\n{"a": 1}\n[1]\n')
    core.finish()
    core.take()
    votes = core.votes()
    told = {name: vote for name, vote in votes["formats"].items() if vote["has"] or vote["first"]}
    assert (votes["records"], votes["read"]) == (4, 3)
    assert told == {
        "pairs": {"first": 2, "has": 2, "alternatives": [2, 0, 1, 0, 0]},
        "bodies": {"first": 1, "has": 0, "alternatives": []},
    }


# ---------------------------------------------------------------------------------------------------------------------- the mapping
def test_nested_rows_with_json_in_a_string(tmp_path: Path) -> None:
    first, *calls = brought_in(HOME / "applog.jsonl", tmp_path)
    assert (first["line"], first["operation"], first["state"]) == (1, "unknown", "not_inference"), "an event that is no call"
    assert [shown(row) for row in calls] == CALLS
    assert [(row["tokens_in"], row["tokens_out"]) for row in calls] == TOKENS
    assert {row["session_label"] for row in calls} == {"sess-7f31"}
    assert {row["host"] for row in calls} == {"api.openai.com"}


def test_an_export_of_one_document(tmp_path: Path) -> None:
    rows = brought_in(HOME / "export.json", tmp_path)
    assert [shown(row) for row in rows] == CALLS
    assert [(row["tokens_in"], row["tokens_out"]) for row in rows] == TOKENS
    assert {(row["host"], row["session_label"]) for row in rows} == {("api.openai.com", "sess-7f31")}


def test_members_of_a_call_in_columns(tmp_path: Path) -> None:
    rows = brought_in(HOME / "rows.jsonl", tmp_path)
    assert [(row["request_id"], row["status"], row["operation"]) for row in rows] == [(call[0], call[2], call[3]) for call in CALLS]
    states = {"c4": "stateful", "c5": "stateful", "c8": "stateful", "c9": "stateful", "c10": "stateful"}
    assert {row["request_id"]: row["state"] for row in rows} == {call[0]: states.get(call[0], "unknown") for call in CALLS}, (
        "what a row without the body does not show is not ruled out"
    )
    assert rows[3]["facts"] == ["read.previous_response"]
    assert set(rows[4]["facts"]) == {"read.conversation", "write.conversation"}
    assert {row["grade"] for row in rows} == {"normalised"}
    assert {row["session_label"] for row in rows} == {"sess-7f31"}
    assert (rows[0]["tokens_in"], rows[0]["tokens_out"], rows[0]["response_id"]) == (27, 12, "chatcmpl-C0000001")


def test_pairs_with_odd_names_in_a_packed_array(tmp_path: Path) -> None:
    pairs = [
        {
            "begun": 1772442900 + 60 * n,
            "finished": 1772442901 + 60 * n,
            "ref": f"call-{n}",
            "ask": {"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": [{"role": "user", "content": f"Question {n}"}]},
            "answer": {
                "id": f"msg_0000000{n}",
                "type": "message",
                "role": "assistant",
                "model": "claude-sonnet-4-5",
                "usage": {"input_tokens": n},
            },
            "result": 200 if n else 429,
        }
        for n in range(3)
    ]
    log = tmp_path / "calls.json.gz"
    log.write_bytes(gzip.compress(json.dumps({"v": 2, "days": [{"calls": pairs}]}).encode()))
    rows = brought_in(log, tmp_path)
    assert [(row["request_id"], row["status"], row["api"], row["state"], row["tokens_in"]) for row in rows] == [
        ("call-0", 429, "anthropic.messages", "stateless", 0),
        ("call-1", 200, "anthropic.messages", "stateless", 1),
        ("call-2", 200, "anthropic.messages", "stateless", 2),
    ]
    assert [row["time"][:16] for row in rows] == ["2026-03-02T09:15", "2026-03-02T09:16", "2026-03-02T09:17"]
    assert tomllib.loads((tmp_path / "draft.toml").read_text())["records"] == "/days/*/calls"


def test_a_body_in_base64_has_its_flag(tmp_path: Path) -> None:
    import base64

    body = {"model": "gpt-5", "input": "and then?", "previous_response_id": "resp_0123456789"}
    lines = [
        {
            "hook": {
                "packed": True,
                "data": base64.b64encode(json.dumps(body).encode()).decode(),
                "to": "https://api.openai.com/v1/responses",
            }
        },
        {"hook": {"packed": False, "data": "ready"}},
    ]
    log = tmp_path / "hooks.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    row = brought_in(log, tmp_path)[0]
    assert (row["operation"], row["state"], row["facts"][0]) == ("responses.create", "stateful", "read.previous_response")


def test_the_draft_says_what_is_to_be_decided(tmp_path: Path) -> None:
    found = sp.peek(HOME / "applog.jsonl", engine=engine())
    assert found.mapping is not None
    decide = [line for line in found.mapping.split("\n") if "DECIDE" in line]
    assert any("grade = " in line for line in decide)
    assert any("1 of 11 records have no /evt/payload" in line for line in decide)
    at = found.mapping.index("# [[pass_over]]")
    chosen = found.mapping[:at] + found.mapping[at:].replace("# [[", "[[").replace("# when", "when").replace("# why", "why")
    scan = sp.scan(HOME / "applog.jsonl", map=tomllib.loads(chosen))
    assert len(scan.table()) == 10
    assert scan.summary.passed_over == {"no call": 1}
    rival = sp.peek(HOME / "export.json", engine=engine()).mapping
    assert rival is not None
    assert '# DECIDE: or time = ["/ended"]  (10 of 10 records)' in rival


def test_the_draft_of_the_page_is_real() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/mappings.md").read_text(encoding="utf-8"), re.DOTALL)
    assert sp.peek(HOME / "export.json", engine=engine()).mapping in blocks


def test_the_draft_is_read_by_whoever_looks_again(tmp_path: Path) -> None:
    draft = tmp_path / "draft.toml"
    sp.peek(HOME / "rows.jsonl", engine=engine()).write_map(draft)
    found = sp.peek(HOME / "rows.jsonl", map=draft)
    assert (found.format, found.confidence, found.recognised, found.mapping) == ("map", "given", 10, None)
    with pytest.raises(sp.StateprintError, match="exists"):
        sp.peek(HOME / "rows.jsonl", engine=engine()).write_map(draft)


def test_a_file_of_a_mapping_is_read_back_whatever_its_names_are() -> None:
    content: dict[str, Any] = {
        "grade": "wire",
        'a "b"\n': 'c\\d "e" \x7f ü',
        "fields": {"plain": ["/x"], "body:/model": ["/m", "/'n'"]},
        "bodies": [{"when": [{"at": "log:/a", "is": ["null"]}], "state": "full"}, {"when": [], "state": "absent"}],
    }
    notes = {("", "grade"): ["behind", "below"], ("fields", ""): ["at the end"]}
    text = toml_text(content, notes)
    assert tomllib.loads(text) == content
    assert 'grade = "wire"  # behind\n# below\n' in text
    assert "# at the end\n\n[[bodies]]" in text


# ------------------------------------------------------------------------------------------------------------ privacy, command line
def test_no_text_unless_it_is_asked_for(tmp_path: Path) -> None:
    secret = "the cargo is late"
    record = {"body": {"model": "gpt-5", "input": secret}, "who": secret, "url": f"https://api.openai.com/v1/responses?q={secret}"}
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps({"outer": record}) + "\n", encoding="utf-8")
    found = sp.peek(log, engine=engine())
    assert found.mapping is not None
    assert secret not in json.dumps(found.to_dict()) + str(found) + repr(found) + found._repr_html_()
    assert secret in json.dumps(sp.peek(log, engine=sp.Engine(with_text=True)).to_dict())
    plain = ["peek", str(log), "--to", "table"]
    assert secret not in CliRunner().invoke(main, plain).output
    assert secret in CliRunner().invoke(main, [*plain, "--with-text"]).output


def test_a_table_for_people_and_json_for_programs() -> None:
    name = str(HOME / "export.json")
    piped = CliRunner().invoke(main, ["peek", name, "--limit", "2"])
    assert piped.stdout.count("\n") == 1
    found = json.loads(piped.stdout)
    assert (found["container"], found["mapped"], len(found["exchanges"])) == ("/export/calls", 10, 2)
    assert found["exchanges"][0]["time"] == "2026-03-02T09:15:00Z"
    table = CliRunner().invoke(main, ["peek", name, "--to", "table"]).stdout
    assert re.search(r"^format   unknown\nbecause  no reader has", table, re.MULTILINE)
    assert re.search(r"^   6 .* chat\.completions\.create .* stateless ", table, re.MULTILINE)


def test_exit_codes(tmp_path: Path) -> None:
    no_log = str(DATA / "not-logs" / "messages-helpdesk.json")
    assert CliRunner().invoke(main, ["peek", no_log]).exit_code == 3
    done = CliRunner().invoke(main, ["peek", no_log, "--write-map", str(tmp_path / "draft.toml")])
    assert (done.exit_code, (tmp_path / "draft.toml").exists()) == (3, False)
    assert "no call is recognised" in done.stderr


# ---------------------------------------------------------------------------------------------------------------------------- tables
def test_a_table_is_looked_at_and_its_columns_are_drafted(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    lines = [json.loads(line) for line in (HOME / "applog.jsonl").read_bytes().split(b"\n") if line]
    calls = [line["evt"]["payload"] | {"when": line["evt"]["at"], "corr": line["corr"]} for line in lines[1:]]
    columns = {"when": [c["when"] for c in calls], "ref": [c["corr"] for c in calls], "to": [c["target"] for c in calls]}
    columns |= {"how": [c["verb"] for c in calls], "sent": [c.get("req_json") for c in calls]}
    log = tmp_path / "calls.parquet"
    parquet.write_table(pa.table(columns), log)
    rows = brought_in(log, tmp_path)
    assert [(row["request_id"], row["operation"], row["state"]) for row in rows] == [(call[0], call[3], call[5]) for call in CALLS]
    found = sp.peek(pa.table(columns), engine=engine())
    assert (found.container, found.drafted, found.mapped) == ("table", True, 10)


def test_a_table_of_one_column_is_drafted_by_its_name(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    log = tmp_path / "calls.parquet"
    parquet.write_table(pa.table({"line": (HOME / "applog.jsonl").read_text(encoding="utf-8").splitlines()}), log)
    rows = brought_in(log, tmp_path)
    assert [row["state"] for row in rows[1:]] == [call[5] for call in CALLS]
    parquet.write_table(pa.table({"line": (HOME / "pairs.jsonl").read_text(encoding="utf-8").splitlines()}), log)
    found = sp.peek(log, engine=engine())
    assert (found.container, found.format, found.confidence, found.recognised) == ("parquet", "pairs", "certain", 10)


@pytest.mark.parametrize("names", [["line"], ["line", "line"], ["line", "n"]])
def test_a_stream_is_read_once(names: list[str]) -> None:
    pa = pytest.importorskip("pyarrow")
    for log in ("applog.jsonl", "pairs.jsonl"):
        lines = (HOME / log).read_text(encoding="utf-8").splitlines()
        table = pa.table([lines] * len(names), names=names)
        of_table, of_stream = (sp.peek(given, engine=engine()).to_dict() for given in (table, table.to_reader()))
        assert of_stream.pop("source") != of_table.pop("source")
        assert of_stream == of_table
    assert bool(of_table["recognised"]) == (len(names) == 1), "two columns of a name are two"


@pytest.mark.parametrize("value", [None, 1, {"a": [1]}, "", "two\nlines"])
def test_values_of_one_column_are_records(value: object) -> None:
    pa = pytest.importorskip("pyarrow")
    call = json.dumps({"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]})
    text = value if isinstance(value, str) else json.dumps(value)
    of_values = sp.peek(pa.table({"ask": [call, text]}), engine=engine())
    assert (of_values.recognised, of_values.records) == (1, 1 if value == "" else 2)


# ------------------------------------------------------------------------------------------------------------------- single members
def fields_of(tmp_path: Path, records: list[dict[str, Any]]) -> dict[str, Any]:
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    mapping = sp.peek(log, engine=engine()).mapping
    assert mapping is not None
    return tomllib.loads(mapping)


def test_an_envelope_is_no_body() -> None:
    mapping = sp.peek(HOME / "pairs.jsonl", engine=engine()).mapping
    assert mapping is not None
    fields = tomllib.loads(mapping)["fields"]
    assert (fields["body"], fields["url"]) == (["/request/body"], ["/request/url"])


def test_members_in_lists_of_names_and_values(tmp_path: Path) -> None:
    ask = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]}
    tags = [[{"name": "ref", "value": f"call-{n}"}, {"name": "code", "value": 200}] for n in range(3)]
    fields = fields_of(tmp_path, [{"tags": one, "ask": ask} for one in tags])["fields"]
    assert fields == {"id": ["/tags{name=ref}/value"], "status": ["/tags{name=code}/value"], "body": ["/ask"]}


def test_what_differs_in_each_call_is_no_session(tmp_path: Path) -> None:
    ask = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]}
    calls = [{"trace_id": f"t-{n}", "thread": f"th-{n // 2}", "ask": ask} for n in range(4)]
    found = fields_of(tmp_path, calls)
    assert (found["fields"]["id"], found["ids"]["session_label"]) == (["/trace_id"], ["log:/thread"])
    for call in calls:
        del call["thread"]
    assert "session_label" not in fields_of(tmp_path, calls).get("ids", {})
    assert fields_of(tmp_path, calls[:1])["ids"]["session_label"] == ["log:/trace_id"], "one call can't tell"


@pytest.mark.parametrize("names", [("ask", "answer"), ("data", "data"), ("ask", "lines")])
def test_responses_on_lines_of_their_own(tmp_path: Path, names: tuple[str, str]) -> None:
    ask = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]}
    answer: Any = {"id": "chatcmpl-C0000001", "object": "chat.completion", "choices": []}
    if names[1] == "lines":
        answer = [{"type": "message_start"}, {"type": "message_stop"}]
    log = tmp_path / "log.jsonl"
    records = [{"cid": f"c-{n}", "app": "chat", name: value} for n in range(3) for name, value in zip(names, (ask, answer), strict=True)]
    log.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    told = "3 of 6 records look like responses on lines of their own; a mapping can't join lines: join them first (jq, DuckDB), by /cid"
    found = sp.peek(log, engine=engine())
    assert found.hints[-1] == told
    assert found.mapping is not None
    assert f"# DECIDE: {told}\n" in found.mapping
    for record in records:
        del record["cid"]
    log.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    assert sp.peek(log, engine=engine()).hints[-1].endswith("by what a request and its response share")
    log.write_text(json.dumps({"ask": ask, "answer": answer}) + "\n" + json.dumps({"answer": answer}) + "\n", encoding="utf-8")
    assert "lines of their own" not in str(sp.peek(log, engine=engine()).mapping), "a response without a request is that of a GET"


def test_turns_in_a_text(tmp_path: Path) -> None:
    turns = json.dumps([{"role": "user", "content": "Hi"}])
    found = fields_of(tmp_path, [{"llm": "gpt-5", "talk": turns}] * 2)
    assert found["places"] == {"body:/messages": ["/talk => json"], "body:/model": ["/llm"]}
