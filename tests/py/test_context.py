"""The context file: what it says counts in every format and in every command, within its dates, and says so in the evidence."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from forms import FORMS
from harness import ROOT, Row

CALL: dict[str, Any] = {
    "time": "2026-03-02T09:15:00+00:00",
    "id": "req-1",
    "provider": "openai",
    "method": "POST",
    "url": "https://llm.corp.example/v1/responses",
    "headers": {},
    "body": {"model": "prod-7", "input": "Hi"},
    "status": 200,
    "response": {"id": "resp_2", "object": "response", "output": []},
}
HOST = {"host": "llm.corp.example", "provider": "openai", "cloud": "azure"}
MODEL = {"name": "prod-7", "model": "gpt-5"}
RETENTION = {"provider": "openai", "mode": "zdr"}
WITH_HOST = {"pairs", "flat", "apim", "har", "vcr", "helicone", "portkey"}
TOLD = {"kong", "cloudflare", "langsmith"}
"""Forms in which the log names the provider."""
WITHOUT_OPERATION = {"bodies", "bare-pairs"}


def read(tmp_path: Path, form: str, call: dict[str, Any], **context: list[dict[str, Any]]) -> tuple[Row, list[Row]]:
    """The row of the call in a log of that form, and its marks of basis context."""
    write, pack = FORMS[form]
    record = write(call)
    assert record is not None
    log = tmp_path / "log"
    log.write_bytes(b"".join(pack([record])))
    scan = sp.scan(log, context=context, format=form)
    (row,) = scan.table().to_pylist()
    assert [row] == [row for batch in scan for row in batch.to_pylist()], "it is the same without evidence"
    return row, [mark for mark in scan.evidence.to_pylist() if mark["basis"] == "context"]


@pytest.mark.parametrize("form", [form for form, (write, _) in FORMS.items() if write(CALL) is not None])
def test_every_form(form: str, tmp_path: Path) -> None:
    plain, none = read(tmp_path, form, CALL)
    row, marks = read(tmp_path, form, CALL, host=[HOST], model=[MODEL], retention=[RETENTION])
    told = {mark["rule"]: mark for mark in marks}
    assert none == []
    assert (plain["model_family"], row["model_family"]) == ("unknown", "unknown" if form in WITHOUT_OPERATION else "openai")
    assert ("context.model" in told) == (form not in WITHOUT_OPERATION)
    assert {mark["value"] for mark in marks if mark["rule"] == "context.model"} <= {"prod-7"}
    assert ("context.host" in told) == (form in WITH_HOST)
    if form in WITH_HOST:
        assert (plain["provider"], row["provider"], row["cloud"]) == ("unknown", "openai", "azure")
        assert row["route"] == "openai/llm.corp.example/"
    if form in WITH_HOST | TOLD:
        assert (plain["state"], row["state"], row["rule"], row["confidence"]) == ("stateful", "stateless", "context.retention", "context")
        assert (told["context.retention"]["value"], told["context.retention"]["holds"]) == ("openai", True)
    else:
        assert (row["state"], row["rule"]) == (plain["state"], plain["rule"])
    kept = ("payload_hash", "shape_hash", "context_hash", "model", "host", "time", "status")
    assert [row[name] for name in kept] == [plain[name] for name in kept]


@pytest.mark.parametrize("form", ["flat", "har", "portkey"])
@pytest.mark.parametrize(
    ("time", "counts"),
    [
        ("2026-02-28T23:59:59+00:00", False),
        ("2026-03-01T00:00:00+00:00", True),
        ("2026-03-31T23:59:59+00:00", True),
        ("2026-04-01T00:00:00+00:00", False),
    ],
)
def test_entries_have_dates(form: str, time: str, counts: bool, tmp_path: Path) -> None:
    period = {"from": "2026-03-01T00:00:00Z", "until": "2026-04-01T00:00:00Z"}
    row, marks = read(tmp_path, form, CALL | {"time": time}, host=[HOST | period], model=[MODEL | period], retention=[RETENTION | period])
    assert (row["provider"], row["model_family"]) == (("openai", "openai") if counts else ("unknown", "unknown"))
    assert {mark["rule"] for mark in marks} == ({"context.host", "context.model", "context.retention"} if counts else set())
    row, marks = read(tmp_path, form, CALL | {"time": time}, host=[HOST], model=[MODEL | period], retention=[RETENTION | period])
    assert row["state"] == ("stateless" if counts else "stateful")
    assert {mark["rule"] for mark in marks} >= {"context.host"}


def test_a_call_without_time(tmp_path: Path) -> None:
    timeless = {name: value for name, value in CALL.items() if name != "time"} | {"time": None}
    for period, counts in (({}, True), ({"from": "2026-03-01T00:00:00Z"}, True), ({"until": "2026-03-01T00:00:00Z"}, False)):
        row, marks = read(tmp_path, "flat", timeless, host=[HOST | period], model=[MODEL | period])
        assert (row["provider"], row["model_family"], len(marks)) == (("openai", "openai", 2) if counts else ("unknown", "unknown", 0))


def test_a_name_in_the_path(tmp_path: Path) -> None:
    azure = "https://acme.openai.azure.com/openai/deployments/prod-7/chat/completions?api-version=2024-10-21"
    call = CALL | {"url": azure, "body": {"messages": [{"role": "user", "content": "Hi"}]}}
    for provider, counts in (("azure", True), ("openai", False)):
        row, marks = read(tmp_path, "har", call, model=[MODEL | {"provider": provider}])
        assert row["model_family"] == ("openai" if counts else "unknown")
        assert [(mark["rule"], mark["place"], mark["value"]) for mark in marks] == [("context.model", "url", "prod-7")] * counts


def test_what_one_provider_keeps_says_nothing_of_another(tmp_path: Path) -> None:
    """Azure serves paths of OpenAI; an account at OpenAI is none at Azure."""
    call = CALL | {"url": "https://acme.openai.azure.com/openai/v1/responses"}
    for provider, state in (("openai", "stateful"), ("azure", "stateless")):
        row, marks = read(tmp_path, "pairs", call, retention=[{"provider": provider, "mode": "zdr"}])
        assert (row["provider"], row["state"], len(marks)) == ("azure", state, state == "stateless")


def test_what_is_read_is_still_read(tmp_path: Path) -> None:
    call = CALL | {"url": "https://api.openai.com/v1/responses", "body": {**CALL["body"], "previous_response_id": "resp_1"}}
    row, marks = read(tmp_path, "pairs", call, retention=[RETENTION])
    assert (row["state"], row["facts"]) == ("stateful", ["read.previous_response"])
    assert [mark["rule"] for mark in marks] == ["context.retention"]


def test_it_decides_what_would_be_otherwise_without_it() -> None:
    """Chat Completions with `store: true` is kept and not continued: stateless for sessions, also without the entry."""
    stored = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}], "store": True}
    for lens, rule in (("session", "openai.chat.create"), ("retention", "context.retention")):
        e = sp.Engine(context={"retention": [RETENTION]}, lens=lens)
        v = sp.classify(stored, url="https://api.openai.com/v1/chat/completions", engine=e)
        assert (v.state, v.rule, "context.retention" in {mark.rule for mark in v.evidence}) == ("stateless", rule, True)


def test_marks_in_words() -> None:
    e = sp.Engine(context={"host": [HOST], "model": [MODEL], "retention": [RETENTION]})
    v = sp.classify(CALL["body"], url=CALL["url"], engine=e)
    said = {mark.rule: (mark.denies, str(mark)) for mark in v.evidence if mark.basis == "context"}
    assert said == {
        "context.host": (False, "tells the provider (context) at url, rule context.host"),
        "context.model": (False, "tells the model (context) at payload /model, rule context.model"),
        "context.retention": (True, "denies (context) at url, rule context.retention"),
    }
    assert v.decisive is not None
    assert v.decisive.rule == "context.retention"
    text = str(sp.explain(CALL["body"], url=CALL["url"], engine=e))
    assert "tells the provider, by the context file" in text
    assert "denied: write.store_default, by context.retention\n" in text


def test_the_limit_of_marks_holds(tmp_path: Path) -> None:
    for most, cut in ((3, True), (4, False)):
        e = sp.Engine(context={"host": [HOST], "model": [MODEL], "retention": [RETENTION]}, limits={"max_evidence_items": most})
        v = sp.classify(CALL["body"], url=CALL["url"], engine=e)
        assert (len(v.evidence), "evidence_cut" in v.flags) == (most, cut)


def test_every_command(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(json.dumps(FORMS["flat"][0](CALL)) + "\n")
    (tmp_path / "context.toml").write_text(
        "".join(
            f"[[{table}]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in entry.items())
            for table, entry in (("host", HOST), ("model", MODEL), ("retention", RETENTION))
        )
    )

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "stateprint", *words, "--context", "context.toml"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=True).stdout

    row = json.loads(run("scan", "log.jsonl", "--where", "confidence = 'context'", "--evidence", "marks.ndjson"))
    assert (row["provider"], row["model_family"], row["rule"]) == ("openai", "openai", "context.retention")
    marks = [json.loads(line) for line in (tmp_path / "marks.ndjson").read_text().splitlines()]
    assert [m["rule"] for m in marks if m["basis"] == "context"] == ["context.host", "context.model", "context.retention"]
    assert run("scan", "log.jsonl", "--by", "cloud,rule") == '{"cloud": "azure", "rule": "context.retention", "count": 1}\n'
    assert "stateless (denied by context.retention, context)" in run("identify", "log.jsonl")
    assert "state        stateless, known by the context file, decided by context.retention" in run("explain", "log.jsonl:1")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"host": [HOST | {"foo": 1}]}, "/host/0/foo: not a member of such an entry"),
        ({"retention": [RETENTION | {"frm": "2027-01-01"}]}, "/retention/0/frm: not a member of such an entry"),
        ({"host": [HOST | {"host": ""}]}, "expected a string that is not empty"),
        ({"model": [MODEL | {"from": "2027-01-01", "until": "2026-01-01"}]}, "expected from to be before until"),
        ({"host": ["llm.corp.example"]}, "expected a table"),
    ],
)
def test_what_an_entry_can_not_mean_is_refused(entry: dict[str, Any], said: str) -> None:
    with pytest.raises(sp.ConfigError) as caught:
        sp.Engine(context=entry)
    assert said in str(caught.value)
