"""One payload: classify, identify, fingerprint, explain, and the engine behind them."""

import array
import html.parser
import json
import pickle
import subprocess
import sys
import threading
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest

import stateprint as sp
from harness import DATA, engine, load_jsonl
from stateprint import _core

STATEFUL = b'{"model":"gpt-5","input":"and then?","previous_response_id":"resp_1"}'
CHAT = {"model": "gpt-4o", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "x"}]}
CHAT_URL = "https://api.openai.com/v1/chat/completions"
RESPONSES_URL = "https://api.openai.com/v1/responses"
PACK = {
    "format": 1,
    "pack": "acme",
    "version": "1",
    "sources": {"A": "acme's own documents"},
    "facts": {"read.acme": "acme's memory"},
    "hosts": [{"id": "host.acme", "provider": "acme", "cloud": "acme", "match": ["llm.acme.example"], "source": "A"}],
    "endpoints": [
        {
            "id": "acme.ask",
            "api": "acme",
            "operation": "ask",
            "inference": True,
            "on": ["acme"],
            "path": ["/ask"],
            "sets": ["acme"],
            "source": "A",
        }
    ],
    "markers": [{"id": "acme.memory", "set": "acme", "at": "body:/memory", "expects": ["id"], "fact": "read.acme", "source": "A"}],
}


def test_verdict() -> None:
    v = sp.classify(STATEFUL)
    assert (v.state, v.confidence, v.lens, v.model, v.model_family) == ("stateful", "explicit", "session", "gpt-5", "openai")
    assert v.facts == {"read.previous_response", "write.store_default"}
    assert v.effects == {"read", "write"}
    first = v.evidence[0]
    assert (first.pointer, first.fact, first.holds, first.place) == ("/previous_response_id", "read.previous_response", True, "payload")
    assert STATEFUL[first.byte_start : first.byte_end] == b'"resp_1"'
    assert v.decisive == first
    with pytest.raises(AttributeError):
        v.state = "stateless"  # type: ignore[misc]
    assert not hasattr(v, "__dict__")
    assert hash(v) == hash(sp.classify(STATEFUL))
    assert pickle.loads(pickle.dumps(v)) == v


def test_to_dict_is_json() -> None:
    told = sp.classify(STATEFUL).to_dict()
    assert json.loads(json.dumps(told)) == told
    assert told["facts"] == ["read.previous_response", "write.store_default"]
    assert told["evidence"][0]["pointer"] == "/previous_response_id"


@pytest.mark.parametrize(
    "payload",
    [
        STATEFUL,
        STATEFUL.decode(),
        bytearray(STATEFUL),
        memoryview(STATEFUL),
        array.array("B", STATEFUL),
        json.loads(STATEFUL),
        OrderedDict(json.loads(STATEFUL)),
        MappingProxyType(json.loads(STATEFUL)),
    ],
    ids=lambda p: type(p).__name__,
)
def test_forms_of_a_payload(payload: object) -> None:
    assert sp.classify(payload, engine=engine()).facts == {"read.previous_response", "write.store_default"}
    assert sp.fingerprint(payload, engine=engine()) == sp.fingerprint(STATEFUL, engine=engine())


def test_text_with_half_a_surrogate_pair() -> None:
    v = sp.classify('{"model":"gpt-5","input":"\ud83d"}', engine=engine())
    assert "lone_surrogate" in v.flags
    assert sp.fingerprint({"input": "\ud83d"}).payload == sp.fingerprint(b'{"input":"\\ud83d"}').payload


def test_what_surrounds_a_payload() -> None:
    v = sp.classify({"model": "gpt-5", "input": "x"}, url=RESPONSES_URL, engine=engine())
    assert (v.provider, v.cloud, v.operation, v.state) == ("openai", "openai", "responses.create", "stateful")
    assert sp.classify(None, method="GET", url=RESPONSES_URL + "/resp_1", engine=engine()).effects == {"manage"}
    refused = sp.classify({"model": "gpt-5", "input": "x"}, url=RESPONSES_URL, status=400, engine=engine())
    assert "refused" in refused.flags
    for lens, state in (("continuation", "stateless"), ("session", "stateful"), ("retention", "stateful")):
        assert sp.classify({"model": "gpt-5", "input": "x"}, url=RESPONSES_URL, lens=lens).state == state


@pytest.mark.parametrize(
    "response",
    [
        {"status": 200, "headers": {"x": "y"}, "body": {"id": "resp_2", "object": "response", "store": False}},
        {"body": '{"id":"resp_2","object":"response","store":false}'},
        {"id": "resp_2", "object": "response", "status": "completed", "store": False},
        b'{"id":"resp_2","object":"response","store":false}',
        '{"id":"resp_2","object":"response","store":false}',
    ],
    ids=["envelope", "envelope with text", "mapping", "bytes", "text"],
)
def test_forms_of_a_response(response: object) -> None:
    v = sp.classify({"model": "gpt-5", "input": "x"}, url=RESPONSES_URL, response=response, engine=engine())
    assert (v.state, v.facts) == ("stateless", set())  # the response's own word beats the default


def test_status_of_an_envelope() -> None:
    around = {"url": RESPONSES_URL, "engine": engine()}
    assert "refused" in sp.classify({"model": "m", "input": "x"}, response={"status": 404, "body": {"error": {}}}, **around).flags
    assert "refused" not in sp.classify({"model": "m", "input": "x"}, response={"status": 404, "body": {}}, status=200, **around).flags


@pytest.mark.parametrize(
    "headers", [{"Host": "api.openai.com"}, [("host", "api.openai.com")], {b"host": b"api.openai.com"}, b'{"host":"api.openai.com"}']
)
def test_forms_of_headers(headers: object) -> None:
    v = sp.classify(CHAT, url="/v1/chat/completions", headers=headers, engine=engine())  # type: ignore[arg-type]
    assert v.operation == "chat.completions.create"


def test_time() -> None:
    when = datetime(2026, 3, 1, tzinfo=UTC)
    same = [sp.classify(STATEFUL, time=t, engine=engine()) for t in (when, "2026-03-01T00:00:00Z", when.replace(tzinfo=None), None)]
    assert len({v.state for v in same}) == 1


def test_identify_is_one_line() -> None:
    line = str(sp.identify(STATEFUL, url=RESPONSES_URL))
    assert line.startswith("openai.responses responses.create via openai, model gpt-5, stateful (read.previous_response")
    assert "at /previous_response_id" in line
    assert "\n" not in line
    assert line.endswith(sp.identify(STATEFUL, url=RESPONSES_URL).verdict.fingerprint or "?")


def test_fingerprint_keyed() -> None:
    key = bytes(range(16))
    plain, keyed = sp.fingerprint(CHAT, url=CHAT_URL), sp.fingerprint(CHAT, url=CHAT_URL, engine=sp.Engine(key=key))
    assert plain.keyed(key) == keyed
    assert str(keyed).startswith("sp1k_")
    assert plain.keyed(bytes(16)) != keyed
    assert sp.fingerprint({}, engine=sp.Engine(key=key)) == sp.fingerprint({}).keyed(key)
    for bad, form in ((key[:15], plain), (key, keyed)):
        with pytest.raises(sp.ConfigError):
            form.keyed(bad)


def test_explain_tells_all() -> None:
    text = str(sp.explain(STATEFUL, url=RESPONSES_URL, response={"store": False, "id": "resp_2"}, engine=engine()))
    for word in (
        "responses.create",
        "host and path",
        "/previous_response_id, bytes 60 to 68",
        "responses.previous_response_id",
        "source",
        "lens         session",
        "stateful",
        "denied: write.store_default",
        "fingerprint  sp1_",
        "versions",
    ):
        assert word in text, word
    missing = str(sp.explain(b'{"model":"m","input":"x","store":"false"}', url=RESPONSES_URL, engine=engine()))
    assert "missing      /store" in missing


class _Inert(html.parser.HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"table", "caption", "thead", "tbody", "tr", "th", "td", "pre"}
        assert attrs == []


def test_representations_are_inert() -> None:
    strings = [case["s"] for case in load_jsonl(DATA / "render-hostile/strings.jsonl")] if RENDER else HOSTILE
    for s in strings:
        payload = {"model": s, "messages": [{"role": s, "content": s}], s: s, "previous_response_id": s}
        for call in (sp.classify, sp.identify, sp.explain):
            found = call(payload, engine=WITH_TEXT)
            _Inert().feed(found._repr_html_())
            assert all(line.isprintable() for line in str(found).split("\n"))
            assert repr(found).isprintable() or call is sp.identify


RENDER = (DATA / "render-hostile").is_dir()
HOSTILE = ["<script>alert(1)</script>", '" onload="x', "\x1b]0;x\x07\x1b[31m", "\u202e\u200b\ufeff", "'=1+1", "a\nb\rc", "&lt;b&gt;"]
WITH_TEXT = sp.Engine(with_text=True)


# -------------------------------------------------------------------------------------------------------------------------------- engine
def test_engine_is_a_value() -> None:
    e = sp.Engine(rules=[PACK], lens="retention", limits={"max_depth": 100}, key=bytes(16))
    assert e == sp.Engine(rules=[PACK], lens="retention", limits={"max_depth": 100}, key=bytes(16))
    assert hash(e) == hash(pickle.loads(pickle.dumps(e)))
    assert pickle.loads(pickle.dumps(e)) == e != sp.Engine()
    assert e.with_lens("retention") is e
    assert e.with_lens("session").with_lens("retention") == e
    assert e.limits["max_depth"] == 100
    for name in ("rules", "_rules", "new"):
        with pytest.raises(AttributeError):
            setattr(e, name, 1)


def test_user_packs_come_first(tmp_path: Path) -> None:
    path = tmp_path / "acme.json"
    path.write_text(json.dumps(PACK))
    for given in (PACK, path, str(path)):
        e = sp.Engine(rules=[given])  # type: ignore[list-item]
        v = sp.classify({"memory": "m1"}, url="https://llm.acme.example/ask", engine=e)
        assert (v.provider, v.api, v.state, v.facts) == ("acme", "acme", "stateful", {"read.acme"})
    claimed = {
        **PACK,
        "pack": "mine",
        "hosts": [{"id": "host.mine", "provider": "mine", "cloud": "mine", "match": ["api.openai.com"], "source": "A"}],
    }
    assert sp.classify(CHAT, url=CHAT_URL, engine=sp.Engine(rules=[claimed])).provider == "mine"


def test_lenses_of_users() -> None:
    lens = sp.Lens("strict", counts=("read", "write"), exempts=("write.store_default",))
    assert sp.classify({"model": "gpt-5", "input": "x"}, url=RESPONSES_URL, lens=lens).state == "stateless"
    assert sp.classify(STATEFUL, lens=lens).lens == "strict"
    assert hash(sp.Engine(lens=sp.Lens("l", counts=["read"])))  # type: ignore[arg-type]
    with pytest.raises(sp.ConfigError, match="reed"):
        sp.Engine(lens=sp.Lens("typo", counts=("reed",)))
    with pytest.raises(sp.ConfigError, match="no lens"):
        sp.classify(STATEFUL, lens="sesion")


def test_refused_options(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps({**PACK, "markers": [{**PACK["markers"][0], "at": "nowhere:/x"}]}, indent=1))  # type: ignore[index]
    with pytest.raises(sp.ConfigError) as caught:
        sp.Engine(rules=[bad])
    line = bad.read_text()[: bad.read_text().index('"nowhere')].count("\n") + 1
    assert caught.value.file == str(bad)
    assert line - 3 <= caught.value.line <= line  # the entry, or the value in it
    assert str(caught.value).startswith(f"{bad}:{caught.value.line}:")
    bad.write_text('{"format": 1,\n "pack": }')
    with pytest.raises(sp.ConfigError) as caught:
        sp.Engine(rules=[bad])
    assert (caught.value.code, caught.value.line, caught.value.column) == ("syntax", 2, 10)
    with pytest.raises(sp.ConfigError, match="can't be read"):
        sp.Engine(rules=[tmp_path / "missing.json"])
    for limits in ({"max_depth": 0}, {"max_depth": 2001}, {"max_depth": True}, {"max_dept": 5}, {"max_depth": "9"}):
        with pytest.raises(sp.ConfigError):
            sp.Engine(limits=limits)  # type: ignore[arg-type]
    for key in (b"", b"short", bytes(17)):
        with pytest.raises(sp.ConfigError):
            sp.Engine(key=key)


def test_every_limit_at_its_maximum_and_above() -> None:
    for name, (default, most, _) in sp.limits().items():
        assert sp.Engine().limits[name] == default
        assert sp.Engine(limits={name: most}).limits[name] == most
        with pytest.raises(sp.ConfigError):
            sp.Engine(limits={name: most + 1})


CONTEXT = """# what we know
[[host]]
host = "llm.corp.example"
provider = "azure"

[[host]]
host = "gpu.corp.example"
provider = "vllm"
from = 2026-01-01
until = 2026-06-01T00:00:00Z

[[model]]
name = "prod-7"
model = "gpt-4o"
"""


def test_context_file(tmp_path: Path) -> None:
    path = tmp_path / "context.toml"
    path.write_text(CONTEXT)
    e = sp.Engine(context=path)
    v = sp.classify({**CHAT, "model": "prod-7"}, url="https://llm.corp.example/v1/chat/completions", engine=e)
    assert (v.provider, v.model_family) == ("azure", "openai")
    for time, provider in (("2026-02-01T00:00:00Z", "vllm"), ("2026-06-01T00:00:00Z", "unknown")):
        assert sp.classify(CHAT, url="https://gpu.corp.example/v1/chat/completions", time=time, engine=e).provider == provider
    assert pickle.loads(pickle.dumps(e)) == e


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('provider = "vllm"', "provider = 7", 6),
        ("[[model]]", "[[modle]]", 12),
        ('model = "gpt-4o"', "", 12),
        ("= 2026-01-01", "= 2026-01-", 9),
    ],
)
def test_a_bad_context_names_the_place(tmp_path: Path, old: str, new: str, line: int) -> None:
    path = tmp_path / "context.toml"
    path.write_text(CONTEXT.replace(old, new))
    with pytest.raises(sp.ConfigError) as caught:
        sp.Engine(context=path)
    assert (caught.value.file, caught.value.line) == (str(path), line)
    path.write_bytes(b"x = \xff")
    with pytest.raises(sp.ConfigError):
        sp.Engine(context=path)


# --------------------------------------------------------------------------------------------------------------------- threads, fork, import
def numbered_payloads() -> list[bytes]:
    return [json.dumps({"model": "gpt-5", "input": "x" * i, "previous_response_id": f"resp_{i}"}).encode() for i in range(200)]


def test_threads_agree() -> None:
    payloads = numbered_payloads()
    want = [sp.fingerprint(p, engine=engine()).text for p in payloads]
    found: list[list[str]] = [[] for _ in range(8)]
    gate = threading.Barrier(8)

    def work(n: int) -> None:
        gate.wait()
        found[n] = [sp.fingerprint(p, engine=engine()).text for p in payloads]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [want] * 8


def test_a_forked_child_agrees() -> None:
    """In a process of its own, whose only threads are those of scans that have ended: what else a test run has loaded may keep locks."""
    code = """
import os, sys
import stateprint as sp
engine = sp.Engine()
payloads = [b'{"model":"gpt-5","input":"%s","previous_response_id":"resp_%d"}' % (b"x" * i, i) for i in range(200)]
def work():
    rows = [row for batch in sp.scan(sys.argv[1], engine=engine, threads=3) for row in batch.to_pylist()]
    return [sp.fingerprint(p, engine=engine).text for p in payloads], rows
want = work()
child = os.fork()
if child == 0:
    code = 1
    try:
        code = 0 if work() == want else 2
    finally:
        os._exit(code)
print(len(want[1]), os.waitpid(child, 0)[1])
"""
    done = subprocess.run([sys.executable, "-c", code, str(DATA / "cases.jsonl")], capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout.split()[1:], done.stderr) == (["0"], "")


def test_import_is_light_and_quiet() -> None:
    """What would make it slow is not loaded, and nothing is started. How quick it is, is for bench/ to say."""
    code = """
import sys, threading
import stateprint
heavy = {"rich", "click", "pyarrow", "pandas", "polars", "duckdb", "zstandard", "numpy", "asyncio", "concurrent.futures"} & set(sys.modules)
assert not heavy, heavy
assert threading.active_count() == 1
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_public_names() -> None:
    assert sp.__version__ == _core.__version__ == "0.1.0"
    assert all(hasattr(sp, name) for name in sp.__all__)
    assert len(set(sp.__all__)) == len(sp.__all__)
