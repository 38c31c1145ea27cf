"""classify() on small payloads: nanoseconds a call, verdict object included, beside json.loads and orjson.loads of the same bytes."""

import importlib.util
import json
import time
from collections.abc import Callable
from random import Random
from typing import Any

import report

SIZES = (200, 500, 1000, 2000)
SHARE = 0.03  # seconds of one sample: long enough for the clock, short enough that all come under the same load


def payload(size: int) -> bytes:
    """A Chat Completions request of exactly that many bytes: a system message, then turns."""
    rng = Random(size)
    body: dict[str, Any] = {"model": "gpt-5.1", "temperature": 0.2, "messages": [{"role": "system", "content": "Answer briefly."}]}
    while len(json.dumps(body, separators=(",", ":"))) + 80 < size:
        room = size - len(json.dumps(body, separators=(",", ":"))) - 40
        text = " ".join("".join(rng.choices("etaoinshrdlu", k=rng.randint(2, 9))) for _ in range(80))
        body["messages"].append({"role": ("user", "assistant")[len(body["messages"]) % 2 == 0], "content": text[: min(room, 260)]})
    text = json.dumps(body, separators=(",", ":"))
    body["messages"][-1]["content"] += "x" * (size - len(text))
    return json.dumps(body, separators=(",", ":")).encode()


def part(rounds: int) -> None:
    import stateprint as sp

    engine = sp.Engine()
    url = "https://api.openai.com/v1/chat/completions"
    calls: dict[str, Callable[[bytes], object]] = {
        "classify(payload)": lambda p: sp.classify(p, engine=engine),
        "classify(payload, url=…)": lambda p: sp.classify(p, url=url, engine=engine),
        "the same, every value read": lambda p: hash(sp.classify(p, url=url, engine=engine)),
        "the same, state read": lambda p: sp.classify(p, url=url, engine=engine).state,
        "json.loads": json.loads,
    }
    if importlib.util.find_spec("orjson") is not None:
        import orjson

        calls["orjson.loads"] = orjson.loads
    where = report.setting()
    took: dict[int, dict[str, list[float]]] = {size: {name: [] for name in calls} for size in SIZES}
    for size in SIZES:
        data = payload(size)
        assert len(data) == size
        assert sp.classify(data, url=url, engine=engine).state == "stateless"
        loops = {name: max(10, int(SHARE / timed(call, data, 50))) for name, call in calls.items()}
        for _ in range(rounds):
            for name, call in calls.items():
                took[size][name].append(timed(call, data, loops[name]))
    first = "classify(payload, url=…)"
    body = [
        (
            f"{size} B",
            name,
            report.spread(s * 1e6 for s in seconds),
            report.spread([a / b for a, b in zip(took[size][first], seconds, strict=True)]),
        )
        for size in SIZES
        for name, seconds in took[size].items()
    ]
    text = f"# Latency of classify()\n\n{report.where(where)}\n\n" + report.table(
        ("payload", "call", "µs a call", f"{first} takes × as long as this"), body
    )
    print(f"\n{text}", flush=True)
    report.write("latency", text, {"setting": where, "rounds": rounds, "seconds": took})


def timed(call: Callable[[bytes], object], text: bytes, loops: int) -> float:
    """CPU seconds a call, as timeit takes them but for the clock."""
    started = time.process_time()
    for _ in range(loops):
        call(text)
    return (time.process_time() - started) / loops
