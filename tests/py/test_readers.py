"""Readers as descriptions: a pack of one's own says where the fields of an exchange stand in a line."""

import json
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp

RESPONSES = {"model": "gpt-5", "input": "Hi", "store": False}
CHAT = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]}


def pack(**reader: Any) -> dict[str, Any]:
    given = {
        "id": "own",
        "title": "a log of our own",
        "source": "US",
        "grade": "wire",
        "signature": [[{"at": "log:/kind", "in": ["call"]}]],
    }
    return {"format": 1, "pack": "own", "version": "1", "sources": {"US": "us"}, "formats": [given | reader]}


def read(tmp_path: Path, lines: list[dict[str, Any]], **reader: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps({"kind": "call"} | line) + "\n" for line in lines), encoding="utf-8")
    scan = sp.scan(log, engine=sp.Engine(rules=[pack(**reader)]))
    rows = [row for batch in scan for row in batch.to_pylist()]
    summary = scan.summary.to_dict()
    assert [part["format"] for part in summary["inputs"]] == ["own"]
    return rows, summary


def test_it_is_tried_before_the_built_in_ones(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, [{"request": {"body": {}}, "payload": CHAT}], fields={"body": ["/payload"]})
    assert [row["operation"] for row in rows] == ["chat.completions.create"]
    assert next(form["name"] for form in sp.Engine(rules=[pack(fields={})]).formats()) == "own"


@pytest.mark.parametrize(
    "inner", [{"id": "r1", "body": CHAT}, json.dumps({"id": "r1", "body": CHAT}), json.dumps({"id": "r1", "body": json.dumps(CHAT)})]
)
def test_places_in_json_text(tmp_path: Path, inner: Any) -> None:
    """A string that is JSON text, or the value itself: some writers do both."""
    fields = {"id": ["/record => json /id"], "body": ["/record => json /body => json"]}
    rows, _ = read(tmp_path, [{"record": inner}], fields=fields)
    assert [(row["request_id"], row["operation"], row["turns"]) for row in rows] == [("r1", "chat.completions.create", 1)]


def test_lists_of_names_within_lists_of_names(tmp_path: Path) -> None:
    events = [
        {"name": "other", "attributes": [{"key": "text", "value": "no"}]},
        {"name": "call", "attributes": [{"key": "text", "value": json.dumps(CHAT)}]},
    ]
    rows, _ = read(tmp_path, [{"steps": events}], fields={"body": ["/steps{name=call}/attributes{key=text}/value => json"]})
    assert [(row["operation"], row["turns"]) for row in rows] == [("chat.completions.create", 1)]


def test_a_host_that_stands_apart_from_the_path(tmp_path: Path) -> None:
    lines = [
        {"to": "api.openai.com", "path": "/v1/responses"},
        {"to": "acme.openai.azure.com", "path": "https://api.openai.com/v1/responses"},
        {"path": "/v1/responses"},
        {"to": "api.openai.com"},
        {"to": "api.openai.com", "at": [{"key": "op", "value": "responses"}]},
    ]
    asks = [{"when": [{"at": "log:/at{key=op}/value"}], "path": "/v1/{/at{key=op}/value}"}]
    rows, _ = read(
        tmp_path,
        [line | {"body": RESPONSES} for line in lines],
        fields={"host": ["/to"], "url": ["/path"], "body": ["/body"]},
        requests=asks,
    )
    assert [row["host"] for row in rows] == ["api.openai.com", "api.openai.com", None, None, "api.openai.com"]
    assert [row["provider"] for row in rows] == ["openai", "openai", "unknown", "unknown", "openai"]
    assert {row["operation"] for row in rows} == {"responses.create"}


def test_what_a_line_proves_and_how_its_body_stands(tmp_path: Path) -> None:
    """Markers of a reader fire whatever the operation; a number in a name is any; a text that a logger leaves means that it cut something."""
    roles = [{"key": f"role.{i}.of", "value": role} for i, role in enumerate(["user", "assistant"])]
    lines = [
        {"body": CHAT},
        {"body": CHAT, "tags": roles},
        {"body": CHAT, "tags": roles[:1]},
        {"body": CHAT, "note": "... (cut here) ..."},
        {"body": CHAT, "rebuilt": True},
        {"conversation": "conv_1"},
        {"conversation": "sess_1"},
    ]
    at = "/tags{key=role.*.of}/value"
    marker = {"id": "own.turn", "at": f"log:{at}", "in": ["assistant"], "fact": "replay.assistant_turn", "source": "US"}
    rows, _ = read(
        tmp_path,
        lines,
        fields={"body": ["/body"]},
        markers=[marker, {"id": "own.read", "at": "log:/conversation{conv_*}", "is": "id", "fact": "read.conversation", "source": "US"}],
        bodies=[{"holds": ["(cut here)"], "state": "truncated"}],
        grades=[{"when": [{"at": "log:/rebuilt", "is": "true"}], "grade": "normalised"}],
        ids={"session_label": ["log:/conversation"]},
    )
    assert [row["facts"] for row in rows] == [[], ["replay.assistant_turn"], [], [], [], ["read.conversation"], []]
    assert [row["state"] for row in rows] == ["stateless"] * 3 + ["unknown"] * 2 + ["stateful", "not_inference"]
    assert [row["body_state"] for row in rows] == ["full"] * 3 + ["truncated", "full", "absent", "absent"]
    assert [row["grade"] for row in rows] == ["wire"] * 4 + ["normalised"] + ["wire"] * 2
    assert [row["session_label"] for row in rows][-2:] == [None, "sess_1"]


def test_text_that_is_no_json_has_nothing_in_it(tmp_path: Path) -> None:
    rows, _ = read(
        tmp_path,
        [{"record": '{"id": "r1", "body"'}, {"record": "plain"}],
        fields={"body": ["/record => json /body"], "id": ["/record => json /id"]},
    )
    assert [(row["body_state"], row["error"]) for row in rows] == [("absent", None)] * 2


def test_lists_of_names_and_values(tmp_path: Path) -> None:
    headers = [{"name": "X-Request-ID", "value": "req_1"}, {"value": "s-1", "name": "X-Session"}, {"name": "other"}]
    rows, _ = read(
        tmp_path,
        [
            {
                "headers": headers,
                "body": CHAT,
                "tags": [{"key": "who", "value": {"text": "them"}}, {"key": "label", "value": {"text": "l-1"}}],
            }
        ],
        fields={"id": ["/headers{name=X-Request-ID}/value"], "body": ["/body"]},
        ids={"session_label": ["log:/tags{key=label}/value/text"]},
    )
    assert [(row["request_id"], row["session_label"]) for row in rows] == [("req_1", "l-1")]


@pytest.mark.parametrize(
    ("element", "read_as"),
    [
        ('{"name": "id", "name": "other", "value": "a"}', None),
        ('{"name": "other", "value": "a", "name": "id"}', "a"),
        ('{"name": "id", "value": "a", "value": "b"}', "b"),
        ('{"name": "id", "value": "a"}, {"name": "other", "value": "b"}', "a"),
        ('{"name": "id", "deep": {"name": "other"}, "value": "a"}', "a"),
        ('{"name": {"name": "id"}, "value": "a"}', None),
    ],
)
def test_names_and_values_that_stand_twice(tmp_path: Path, element: str, read_as: str | None) -> None:
    """The last counts, as of any member of an object."""
    log = tmp_path / "log.jsonl"
    log.write_text('{"kind": "call", "pairs": [' + element + "]}\n", encoding="utf-8")
    reader = pack(fields={"id": ["/pairs{name=id}/value"], "body": ["/body"]})
    (row,) = (row for batch in sp.scan(log, engine=sp.Engine(rules=[reader])) for row in batch.to_pylist())
    assert (row["request_id"], row["error"]) == (read_as, None)


def test_headers_as_a_list(tmp_path: Path) -> None:
    """They count as headers do in any other log."""
    line = {
        "url": "https://api.anthropic.com/v1/messages",
        "method": "POST",
        "body": {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": []},
    }
    fields = {"url": ["/url"], "method": ["/method"], "body": ["/body"], "headers": ["/headers{}"]}
    beta = {"name": "Anthropic-Beta", "value": "files-api-2025-04-14"}
    (with_list,), _ = read(tmp_path, [line | {"headers": [beta]}], fields=fields)
    plain = sp.classify(line["body"], method="POST", url=line["url"], headers={beta["name"]: beta["value"]})
    assert (with_list["state"], set(with_list["facts"])) == (plain.state, set(plain.facts))


def test_requests_are_told_by_values(tmp_path: Path) -> None:
    requests = [
        {"when": [{"at": "log:/op", "in": ["answer"]}], "provider": "openai", "method": "POST", "path": "/v1/responses"},
        {"when": [{"at": "log:/op", "in": ["get"]}], "method": "GET", "url": "https://{/host}/v1/responses/{/id}"},
        {"when": [{"at": "log:/op", "in": ["as it is"]}], "method": "GET", "url": "https://{/host}{+/path}"},
    ]
    rows, _ = read(
        tmp_path,
        [
            {"op": "answer", "body": RESPONSES},
            {"op": "get", "host": "api.openai.com", "id": "a/b"},
            {"op": "as it is", "host": "api.openai.com", "path": "/v1/responses/r"},
        ],
        fields={"body": ["/body"]},
        requests=requests,
    )
    assert [(row["provider"], row["operation"], row["host"]) for row in rows] == [
        ("openai", "responses.create", None),
        ("openai", "responses.retrieve", "api.openai.com"),  # a/b is one segment
        ("openai", "responses.retrieve", "api.openai.com"),
    ]


@pytest.mark.parametrize("grade", ["normalised", "metadata"])
def test_absence_proves_nothing_but_in_bodies_as_sent(tmp_path: Path, grade: str) -> None:
    lines = [{"body": RESPONSES}, {"body": RESPONSES | {"previous_response_id": "resp_1"}}, {"body": CHAT}]
    requests = [{"when": [{"at": "body:/input"}], "provider": "openai", "method": "POST", "path": "/v1/responses"}]
    rows, _ = read(tmp_path, lines, grade=grade, fields={"body": ["/body"]}, requests=requests)
    assert [(row["grade"], row["state"]) for row in rows] == [(grade, "unknown"), (grade, "stateful"), (grade, "unknown")]
    assert [row["missing"] for row in rows] == ["body"] * 3
    rows, _ = read(tmp_path, lines, fields={"body": ["/body"]}, requests=requests)
    assert [row["state"] for row in rows] == ["stateless", "stateful", "stateless"]


def test_values_beside_a_body_count_as_its_own(tmp_path: Path) -> None:
    reader = {
        "grade": "normalised",
        "places": {"body:/previous_response_id": ["/parameters/before"], "body:/messages": ["/turns"]},
        "requests": [{"when": [{"at": "log:/parameters"}], "provider": "openai", "method": "POST", "path": "/v1/responses"}],
    }
    rows, _ = read(tmp_path, [{"parameters": {"before": "resp_1"}}, {"parameters": {}, "turns": CHAT["messages"]}], **reader)
    assert [(row["state"], row["previous_id"]) for row in rows] == [("stateful", "resp_1"), ("unknown", None)]


@pytest.mark.parametrize("pack_up", [json.dumps, lambda turns: turns])
def test_a_place_may_be_json_text(tmp_path: Path, pack_up: Any) -> None:
    turns = [*CHAT["messages"], {"role": "assistant", "content": "Ho"}, {"role": "user", "content": "Hi"}]
    reader = {
        "places": {"body:/messages": ["/turns => json"]},
        "requests": [{"when": [{"at": "log:/turns"}], "provider": "openai", "method": "POST", "path": "/v1/chat/completions"}],
    }
    rows, _ = read(tmp_path, [{"turns": pack_up(turns)}], **reader)
    assert [row["facts"] for row in rows] == [["replay.assistant_turn"]]


def test_what_the_line_says_of_its_body(tmp_path: Path) -> None:
    states = [{"when": [{"at": "log:/stored"}], "state": "offloaded"}]
    rows, _ = read(
        tmp_path,
        [{"stored": "s3://bucket/key", "url": "https://api.openai.com/v1/responses"}],
        fields={"body": ["/body"], "url": ["/url"]},
        bodies=states,
    )
    assert [(row["body_state"], row["state"], row["missing"]) for row in rows] == [("offloaded", "unknown", "body")]


def test_what_is_no_exchange_is_counted_and_gives_no_row(tmp_path: Path) -> None:
    passes = [{"when": [{"at": "log:/type", "in": ["ping"]}], "why": "a ping"}]
    rows, summary = read(tmp_path, [{"type": "ping"}, {"body": CHAT}, {"type": "ping"}], fields={"body": ["/body"]}, pass_over=passes)
    assert len(rows) == 1
    assert summary["passed_over"] == {"a ping": 2}
    assert summary["lines"] == sum(summary["classified"].values()) + sum(summary["rejected"].values()) + 2


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        ({"grade": "full"}, "expected wire, normalised or metadata"),
        ({"fields": {"bodies": ["/x"]}}, "expected time, id, method"),
        ({"fields": {"body": ["x"]}}, "expected a pointer to a member"),
        ({"fields": {"body": ["/list{name=x}/value"]}}, "expected a pointer to a member"),
        ({"fields": {"id": ["/headers{x-id}/value"]}}, "expected {name=X}"),
        ({"fields": {"id": ["/headers{name=x-id}"]}}, "expected /value, or another member"),
        ({"grades": [{"when": [], "grade": "full"}]}, "expected wire, normalised or metadata"),
        ({"markers": [{"id": "m", "source": "NO", "at": "log:/x", "fact": "read.conversation"}]}, "expected a key of `sources`"),
        ({"signature": []}, "expected a list of alternatives"),
        ({"requests": [{"url": "https://{/host", "when": []}]}, "expected } after {"),
        ({"requests": [{"url": "https://h/", "path": "/p"}]}, "not both"),
        ({"bodies": [{"when": [], "state": "gone"}]}, "expected full, truncated"),
        ({"pass_over": [{"when": []}]}, "expected a member: why"),
        ({"places": {"nowhere:/x": ["/y"]}}, "expected a place"),
        ({"lines": ["$a$b"]}, "expected text between two variables"),
        ({"lines": ["[time] request"]}, "expected a pattern with variables"),
        ({"frames": {"list": "/x", "way": "type", "sent": "send", "data": "data"}}, "expected a member: time"),
    ],
)
def test_a_description_that_is_wrong(reader: dict[str, Any], message: str) -> None:
    with pytest.raises(sp.ConfigError) as caught:
        sp.Engine(rules=[pack(**({"fields": {}} | reader))])
    assert message in str(caught.value)
    assert caught.value.line is not None
    assert caught.value.line > 0


def scan_of(path: Path, **options: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    scan = sp.scan(path, strict=False, **options)
    rows = [row for batch in scan for row in batch.to_pylist()]
    return rows, scan.summary.to_dict()


def test_lines_of_text(tmp_path: Path) -> None:
    """By the pattern that the server was given; a line that does not fit is a row that says where. JSON lines stay what they are."""
    body = json.dumps(CHAT).replace('"', "\\x22")
    log = tmp_path / "access.log"
    log.write_bytes(
        b"\n".join(
            [
                f'7|[2026-03-02T09:15:00Z] "POST /v1/chat/completions HTTP/1.1" 200 <{body}>'.encode(),
                f'8|[2026-03-02T09:15:01Z] "POST /v1/chat/completions HTTP/1.1" 200 <{body[:50]}'.encode(),
                b"starting up",
                b'9|[x] "\xff" 200 <{}>',
                json.dumps({"id": "10", "request_method": "POST", "request_uri": "/v1/chat/completions", "body": CHAT}).encode(),
            ]
        )
    )
    names = {
        "id": ["/id"],
        "time": ["/at"],
        "method": ["/request_method"],
        "url": ["/request_uri"],
        "status": ["/status"],
        "body": ["/body"],
    }
    mapping = {"grade": "wire", "lines": ['$id|[$at] "$request" $status <$body>'], "fields": names}
    rows, summary = scan_of(log, map=mapping)
    assert [(row["request_id"], row["operation"], row["state"], row["body_state"], row["error"]) for row in rows] == [
        ("7", "chat.completions.create", "stateless", "full", None),
        ("8", "chat.completions.create", "unknown", "truncated", None),
        (None, None, None, None, "pattern at byte 0 (column 1): expected a value, and the text that follows it in the pattern of the log"),
        (None, None, None, None, "invalid_utf8 at byte 7 (column 8): expected valid UTF-8"),
        ("10", "chat.completions.create", "stateless", "full", None),
    ]
    lines = log.read_bytes().split(b"\n")
    assert [log.read_bytes()[row["byte_start"] : row["byte_end"]] for row in rows] == lines, "a row stands for all of its line"
    assert summary["rejected"] == {"pattern": 1, "invalid_utf8": 1}


def entry(*frames: tuple[str, Any], url: str = "wss://api.openai.com/v1/responses") -> dict[str, Any]:
    messages = [
        {"type": way, "time": 1772443060 + i, "opcode": 1, "data": json.dumps(data, indent=1)} for i, (way, data) in enumerate(frames)
    ]
    request = {"method": "GET", "url": url, "headers": [{"name": "x-session-id", "value": "s-1"}]}
    about = {"startedDateTime": "2026-03-02T09:00:00Z", "request": request, "response": {"status": 101, "headers": []}}
    return about | {"_webSocketMessages": messages, "comment": "after the list"}


def har(tmp_path: Path, *entries: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    log = tmp_path / "one.har"
    log.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}), encoding="utf-8")
    rows, summary = scan_of(log, **options)
    assert [part["format"] for part in summary["inputs"]] == ["har"]
    assert (summary["lines_total"], summary["records"]) == (len(entries), len(rows))
    text = log.read_bytes()
    for row in rows:
        json.loads(text[row["byte_start"] : row["byte_end"]])
    assert len({row["uid"] for row in rows}) == len(rows)
    return rows


def test_frames_of_a_socket(tmp_path: Path) -> None:
    """Each that was sent is an exchange, with what was answered up to the next call."""
    call = {"type": "response.create", "model": "gpt-5", "store": False, "input": "Hi"}
    done = {"id": "resp_1", "model": "gpt-5", "usage": {"input_tokens": 5, "output_tokens": 2}}
    more = {"type": "response.inject", "response_id": "resp_1", "input": []}
    frames = [
        ("receive", {"type": "hello", "response": {"id": "resp_0"}}),
        ("send", call),
        ("send", {"type": "response.cancel"}),
        ("receive", {"type": "response.created", "response": {"id": "resp_1"}}),
        ("receive", {"type": "response.completed", "response": done}),
        ("send", more),
    ]
    rows = har(tmp_path, entry(*frames), entry())
    got = [(row["operation"], row["state"], row["response_id"], row["tokens_out"], row["line"], row["host"]) for row in rows]
    assert got == [
        ("ws.response.create", "stateful", "resp_1", 2, 1, "api.openai.com"),
        ("ws.response.cancel", "stateful", None, None, 1, "api.openai.com"),
        ("ws.response.inject", "stateful", None, None, 1, "api.openai.com"),
        ("ws.connect", "not_inference", None, None, 1, "api.openai.com"),
    ]
    assert [row["time"].second for row in rows] == [41, 42, 45, 0]
    assert [row["session_label"] for row in rows] == ["s-1"] * 4, "headers are those of the socket"


def test_records_of_frames_have_a_bound(tmp_path: Path) -> None:
    """Each repeats what the entry says of its socket; together they are no longer than a line may be, and what does not fit is a row."""
    call = ("send", {"type": "response.create", "model": "gpt-5", "input": "Hi"})
    one = entry(*[call] * 8)
    one["request"]["headers"].append({"name": "cookie", "value": "x" * 3000})
    rows = har(tmp_path, one, engine=sp.Engine(limits={"max_line_bytes": len(json.dumps(one))}))
    errors = [row["error"] for row in rows]
    assert len(rows) == 8
    assert errors[0] is None
    assert errors[-1] is not None
    assert errors[-1].startswith("line_too_long")


@pytest.mark.parametrize("value", ["s-1", ["s-1"], ["s-1", "s-2"]])
def test_headers_as_lists_of_values(tmp_path: Path, value: Any) -> None:
    """Some loggers write every header so: each value counts for the header, the first one is shown."""
    log = tmp_path / "log.jsonl"
    request = {"method": "POST", "url": "https://api.openai.com/v1/responses", "headers": {"X-Session-Id": value}, "body": RESPONSES}
    log.write_text(json.dumps({"request": request}), encoding="utf-8")
    [(rows, marks)] = [(batch.to_pylist(), evidence.to_pylist()) for batch, evidence in sp.scan(log).batches(evidence=True)]
    assert (rows[0]["facts"], rows[0]["session_label"]) == (["label.session_header"], "s-1")
    [mark] = [mark for mark in marks if mark["fact"] == "label.session_header"]
    assert mark["pointer"] == ("x-session-id" if isinstance(value, str) else "x-session-id/0")
    assert log.read_bytes()[mark["byte_start"] : mark["byte_end"]] == b'"s-1"'
