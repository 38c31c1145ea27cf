"""Mappings: a log of one's own, read as a TOML file says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import stateprint as sp
from harness import ROOT
from stateprint.cli import main

CALLS: list[dict[str, Any]] = [
    {
        "t": 1772442900.25,
        "rid": "c1",
        "verb": "post",
        "route": "/v1/chat/completions",
        "http": "200 OK",
        "model": "gpt-5",
        "msgs": [{"role": "user", "content": "Hi"}],
    },
    {"t": 1772442901, "rid": "c2", "verb": "POST", "route": "/v1/responses", "http": 400, "model": "gpt-5", "msgs": [], "prev": "resp_1"},
]


def mapping(page: str = "docs/mappings.md") -> str:
    """The one of the page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.search(r"```toml\n(.*?)```", text.partition("## Mappings")[2] or text, re.DOTALL)
    assert found is not None
    return found[1]


def files(tmp_path: Path, text: str) -> tuple[Path, Path]:
    log, toml = tmp_path / "own.json", tmp_path / "own.toml"
    log.write_text(json.dumps({"made by": "us", "export": {"calls": CALLS}}), encoding="utf-8")
    toml.write_text(text, encoding="utf-8")
    return log, toml


def test_it_says_what_the_records_are_and_where_fields_stand(tmp_path: Path) -> None:
    log, toml = files(tmp_path, mapping())
    rows = [row for batch in sp.scan(log, map=toml) for row in batch.to_pylist()]
    assert [(row["request_id"], row["status"], row["model"], row["time"].isoformat()) for row in rows] == [
        ("c1", 200, "gpt-5", "2026-03-02T09:15:00.250000+00:00"),
        ("c2", 400, "gpt-5", "2026-03-02T09:15:01+00:00"),
    ]
    assert [(row["operation"], row["state"], row["previous_id"]) for row in rows] == [
        ("chat.completions.create", "unknown", None),
        ("responses.create", "stateful", "resp_1"),
    ], "what a normalised log does not show is not ruled out"


def test_every_command_that_reads_logs_takes_it(tmp_path: Path) -> None:
    log, toml = files(tmp_path, mapping())
    done = CliRunner().invoke(main, ["scan", str(log), "--map", str(toml), "--to", "ndjson"])
    assert done.exit_code == 0
    assert [json.loads(line)["request_id"] for line in done.stdout.splitlines()] == ["c1", "c2"]
    done = CliRunner().invoke(main, ["identify", str(log), "--map", str(toml)])
    assert "responses.create" in done.stdout


@pytest.mark.parametrize(
    ("wrong", "line", "part"),
    [
        ('grade = "full"', 1, "expected wire, normalised or metadata"),
        ('grade = "wire"\n[fields]\ntime = ["/t"]\nbodies = ["/b"]', 4, "expected time, id, method"),
        ('grade = "wire"\n[fields\n', 2, "no TOML"),
        ('grade = "wire"\nrecords = 1', 2, "expected lines, a JSON pointer"),
        ('grade = "wire"\n[[bodies]]\nwhen = []\nstate = "full"\n[[bodies]]\nwhen = []\nstate = "gone"', 5, "expected full, truncated"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, wrong: str, line: int, part: str) -> None:
    log, toml = files(tmp_path, wrong)
    with pytest.raises(sp.ConfigError, match=part) as caught:
        sp.scan(log, map=toml)
    assert (caught.value.file, caught.value.line) == (str(toml), line)


def test_lines_of_text(tmp_path: Path) -> None:
    log, toml = files(tmp_path, mapping("docs/formats/nginx.md"))
    body = json.dumps({"model": "gpt-5", "messages": CALLS[0]["msgs"]}).replace('"', "\\x22")
    log.write_text(f'192.0.2.1 [02/Mar/2026:09:15:00 +0000] "POST /v1/chat/completions HTTP/1.1" 200 "{body}" req_1\n', encoding="utf-8")
    [row] = [row for batch in sp.scan(log, map=toml) for row in batch.to_pylist()]
    assert (row["request_id"], row["status"], row["model"], row["state"]) == ("req_1", 200, "gpt-5", "stateless")
    assert row["time"].isoformat() == "2026-03-02T09:15:00+00:00"
