"""One payload: classify, identify, fingerprint, explain, and the engine behind them."""

import array
import copy
import dataclasses
import gc
import html.parser
import json
import pickle
import subprocess
import sys
import threading
from collections import OrderedDict
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import MappingProxyType

import pytest

import stateprint as sp
from harness import DATA, SANITIZED, engine, load_jsonl
from stateprint import _core, api
from stateprint.show import rfc3339
from stateprint.verdict import verdict_of

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


ASKED: list[dict[str, object]] = [
    {"payload": STATEFUL},
    {"payload": STATEFUL, "url": RESPONSES_URL, "status": 200, "response": {"id": "resp_2", "object": "response", "store": False}},
    {"payload": CHAT, "url": CHAT_URL, "headers": {"host": "api.openai.com"}, "time": "2026-03-01T00:00:00Z"},
    {"payload": b"[1]"},
    {"payload": None, "method": "GET", "url": RESPONSES_URL + "/resp_1", "lens": "retention"},
]


@pytest.mark.parametrize("asked", ASKED, ids=range(len(ASKED)))
def test_values_are_made_when_asked(asked: dict[str, object]) -> None:
    """Nothing tells a verdict whose values were not asked for from one that was made whole."""

    def untouched() -> sp.Verdict:
        return sp.classify(**{"engine": engine(), **asked})  # type: ignore[arg-type]

    found = api.run(**{"engine": engine(), **asked})  # type: ignore[arg-type]
    whole = verdict_of(found.row, found.evidence, found.engine.lens.name)
    names = [f.name for f in dataclasses.fields(sp.Verdict)]
    assert untouched() == whole
    assert whole == untouched()
    assert untouched() == untouched()
    assert hash(untouched()) == hash(whole)
    assert (repr(untouched()), str(untouched())) == (repr(whole), str(whole))
    assert untouched()._repr_html_() == whole._repr_html_()
    assert untouched().to_dict() == whole.to_dict()
    assert untouched().decisive == whole.decisive
    assert dataclasses.asdict(untouched()) == dataclasses.asdict(whole)
    assert dataclasses.replace(untouched(), model="m") == dataclasses.replace(whole, model="m")
    assert copy.copy(untouched()) == copy.deepcopy(untouched()) == whole
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(untouched(), protocol)) == whole
    half = untouched()
    for name in reversed(names):
        value = getattr(half, name)
        assert value == getattr(whole, name)
        assert type(value) is type(getattr(whole, name))
        assert getattr(half, name) is value
    assert half == whole


def test_a_verdict_has_no_other_attributes() -> None:
    v = sp.classify(STATEFUL, engine=engine())
    for name in ("sate", "uid", "__dict__"):
        assert not hasattr(v, name)
    with pytest.raises(AttributeError, match="'Verdict' object has no attribute 'sate'"):
        v.sate  # type: ignore[attr-defined]  # noqa: B018
    for change in (lambda: setattr(v, "state", "x"), lambda: delattr(v, "state"), lambda: setattr(v, "sate", "x")):
        with pytest.raises((AttributeError, TypeError)):
            change()
    assert v.state == "stateful"


def test_a_verdict_stands_alone() -> None:
    """Its engine may go, and the payload, before a value is asked for; it keeps neither."""
    own = sp.Engine(lens="retention")
    payload = bytearray(STATEFUL)
    v, want = sp.classify(payload, engine=own), sp.classify(STATEFUL, engine=own).to_dict()
    payload[:] = b"x" * len(payload)
    del own
    gc.collect()
    assert v.to_dict() == want


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


def test_a_missing_time_of_a_data_frame() -> None:
    nothing = pytest.importorskip("pandas").NaT  # a datetime with no parts
    given, none = (sp.classify(STATEFUL, time=t, engine=engine()).to_dict() for t in (nothing, None))
    assert given == none


def test_times_as_text() -> None:
    def text(hours: float, *at: int) -> str:
        return rfc3339(datetime(*at, tzinfo=timezone(timedelta(hours=hours))))  # type: ignore[arg-type]

    assert text(2, 2026, 3, 1) == "2026-02-28T22:00:00Z"
    assert rfc3339(datetime(2026, 3, 1, 1, 2, 3, 4, tzinfo=UTC).replace(tzinfo=None)) == "2026-03-01T01:02:03.000004Z"
    assert text(5, 1, 1, 1) == "0001-01-01T00:00:00+05:00"  # in UTC there is no such year
    assert text(1 / 120, 1, 1, 1, 0, 0, 10) == "0001-01-01T00:00:10+00:00:30"
    assert text(-1, 9999, 12, 31, 23) == "9999-12-31T23:00:00-01:00"


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
    for key in (b"", b"short", bytes(17), "sixteen letters.", 16, memoryview(bytes(64)).cast("I")):
        for name in ("key", "tag_key"):
            with pytest.raises(sp.ConfigError, match=f"{name} .*expected 16"):
                sp.Engine(**{name: key})  # type: ignore[arg-type]
    for lens in ("continuum", ["session"], 5):
        with pytest.raises(sp.ConfigError, match="no lens"):
            sp.Engine(lens=lens)  # type: ignore[arg-type]


def test_one_pack_or_several(tmp_path: Path) -> None:
    pack = tmp_path / "pack.json"
    pack.write_text(json.dumps(PACK))
    engines = [sp.Engine(rules=given) for given in (str(pack), pack, [pack])]
    assert engines[0] == engines[1] == engines[2] != sp.Engine()
    assert sp.Engine(rules=PACK) == sp.Engine(rules=[PACK])


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


def mixed_payloads() -> list[bytes | str]:
    """Good ones and bad ones: cut, doubled names, no JSON, layers, half a pair, deep."""
    good = [p.decode() for p in numbered_payloads()[::10]]
    return [
        variant
        for i, p in enumerate(good)
        for variant in (
            p,
            p[: len(p) // 2],
            p[:-1] + f',"previous_response_id":"resp_{i + 1}"}}',
            json.dumps(p),
            p.encode() + b"\xff",
            "[" * i * 100,
        )
    ]


def outcome(payload: bytes | str) -> object:
    try:
        return sp.classify(payload, url=RESPONSES_URL if len(payload) % 2 else CHAT_URL, engine=engine()).to_dict()
    except sp.PayloadError as e:
        return (e.code, e.offset, e.path)


def alone(payload: bytes | str) -> object:
    """By an engine that read nothing before."""
    url = RESPONSES_URL if len(payload) % 2 else CHAT_URL
    try:
        return sp.classify(payload, url=url, engine=pickle.loads(pickle.dumps(engine()))).to_dict()
    except sp.PayloadError as e:
        return (e.code, e.offset, e.path)


def test_bad_payloads_leave_nothing_to_the_next() -> None:
    payloads = mixed_payloads()[:24]
    want = [alone(p) for p in payloads]
    assert len({type(w) for w in want}) == 2  # verdicts and errors
    for step in (1, 5, 7, 11):
        order = [i * step % len(payloads) for i in range(len(payloads))]
        assert [outcome(payloads[i]) for i in order] == [want[i] for i in order]


def test_threads_classify_alike() -> None:
    payloads = mixed_payloads()
    payloads += [
        json.dumps({"model": "gpt-5", "input": "x" * 70_000, "previous_response_id": f"resp_{i}"}) for i in range(20)
    ]  # without the GIL
    want = [outcome(p) for p in payloads]
    shared = [sp.classify(STATEFUL, engine=engine()) for _ in range(50)]
    found: list[object] = [None] * 12
    gate = threading.Barrier(12)

    def work(n: int) -> None:
        turned = payloads[n * 7 :] + payloads[: n * 7]
        gate.wait()
        seen = [outcome(p) for p in turned]
        found[n] = seen[len(payloads) - n * 7 :] + seen[: len(payloads) - n * 7], [v.to_dict() for v in shared]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    whole = sp.classify(STATEFUL, engine=engine()).to_dict()
    assert found == [(want, [whole] * 50)] * 12


@pytest.mark.skipif(SANITIZED, reason="measures memory")
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_memory_stays_flat() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    own = sp.Engine()
    payloads = [json.dumps({"model": f"m{i}", "input": "x" * i, "previous_response_id": f"resp_{i}"}).encode() for i in range(1000)]

    def work(rounds: int) -> None:
        for _ in range(rounds):
            for i, p in enumerate(payloads):
                v = sp.classify(p, url=f"https://api.openai.com/v1/responses?n={i}", engine=own)
                if i % 50 == 0:
                    assert v.evidence
                    assert v.facts

    work(3)
    sp.classify(b'{"input":"' + b"x" * 30_000_000 + b'"}', engine=own)  # leaves nothing behind
    before = resident()
    work(100)
    assert resident() - before < 1_000_000


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
heavy = {"rich", "click", "pyarrow", "pandas", "polars", "duckdb", "zstandard", "numpy", "asyncio", "concurrent.futures"}
heavy |= {"tarfile", "lzma", "bz2", "stateprint._scan", "stateprint._peek", "stateprint._coverage"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
assert threading.active_count() == 1
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_public_names() -> None:
    assert sp.__version__ == _core.__version__ == "0.1.0"
    assert all(hasattr(sp, name) for name in sp.__all__)
    assert len(set(sp.__all__)) == len(sp.__all__)


def test_names_that_are_loaded_late() -> None:
    """What reads logs comes when it is asked for, and is listed before."""
    code = (
        "import stateprint as sp\n"
        "print({'scan', 'Scan', 'peek', 'coverage', 'same_call'} <= set(dir(sp)), callable(sp.scan), callable(sp.peek), sp.scan is sp.scan)\n"
        "print(sorted(set(sp.__all__) - set(dir(sp))), hasattr(sp, 'scam'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True True True True", "[] False"]
