"""The examples inside rule packs, run through the core."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from . import _core
from .api import classify
from .engine import Engine, _pack, builtin_packs
from .errors import StateprintError
from .verdict import Verdict

EXCHANGES = ("endpoints", "shapes", "markers", "overrides", "wrappers", "bodies", "inference_like")


def pack_texts(packs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """(name, JSON) of these packs and the built-in ones."""
    for pack in packs:
        yield _pack(pack)
    yield from builtin_packs()


def _judge(example: Mapping[str, Any], engine: Engine) -> tuple[Verdict, set[str]]:
    request: dict[str, Any] = dict(example["request"]) if isinstance(example.get("request"), Mapping) else {"body": dict(example)}
    v = classify(
        _body(request.get("body")),
        method=request.get("method"),
        url=request.get("url"),
        headers=request.get("headers"),
        response=example.get("response"),
        time=example.get("time"),
        engine=engine,
    )
    return v, {mark.rule for mark in v.evidence if mark.rule} | ({v.rule} if v.rule else set())


def _body(body: Any) -> bytes | None:
    return None if body is None else json.dumps(body).encode()


def _expected(v: Verdict, expect: Mapping[str, Any]) -> str | None:
    for key, want in expect.items():
        got = getattr(v, key)
        same = set(got or ()) == set(want) if isinstance(want, list) else got == want
        if not same:
            return f"{key} is {sorted(got) if isinstance(want, list) else got}, expected {want}"
    return None


def _exchange(kind: str, entry: Mapping[str, Any], example: Mapping[str, Any], engine: Engine, good: bool, twins: int) -> str | None:
    v, rules = _judge(example, engine)
    told = f"{v.api} {v.operation}"
    if kind in {"endpoints", "shapes"}:
        fits = (v.api, v.operation) == (entry["api"], entry["operation"])
        if fits and not good and twins > 1:  # an entry of the same names may be meant
            fits = entry["id"] in rules
    elif kind == "inference_like":
        fits, told = v.missing == "operation" or v.operation != "unknown", f"state {v.state}"
    elif kind == "bodies":
        fits, told = v.body_state == entry["state"], f"body_state {v.body_state}"
    elif kind == "wrappers":
        fits = v.operation != "unknown"
    else:
        fits, told = entry["id"] in rules, f"fired: {', '.join(sorted(rules)) or 'nothing'}"
    if fits != good:
        return ("does not apply" if good else "applies") + f" ({told})"
    return _expected(v, example.get("expect", {})) if good else None


def _host(entry: Mapping[str, Any], name: Any, engine: Engine, good: bool) -> str | None:
    if isinstance(name, Mapping):
        v, _ = _judge(name, engine)
    else:
        v = classify(None, method="GET", url=name if "://" in name else f"https://{name}/", engine=engine)
    return None if (v.provider == entry["provider"]) == good else f"provider is {v.provider}"


def _model(entry: Mapping[str, Any], name: str, engine: Engine, good: bool) -> str | None:
    v = classify({"model": name, "messages": [{"role": "user", "content": "hi"}]}, engine=engine)
    return None if (v.model_family == entry.get("family")) == good else f"model_family is {v.model_family}"


def run_examples(packs: Iterable[str] = ()) -> Iterator[tuple[str, str | None]]:
    """(name of the example, what is wrong or None) for every example of the packs."""
    packs = tuple(packs)
    engine = Engine(rules=packs, with_text=True)
    names: dict[tuple[Any, Any], int] = {}
    for _, text in pack_texts(packs):
        for kind in ("endpoints", "shapes"):
            for entry in json.loads(text).get(kind, ()):
                key = (entry["api"], entry["operation"])
                names[key] = names.get(key, 0) + 1
    for pack, text in pack_texts(packs):
        for kind, items in json.loads(text).items():
            for entry in items if isinstance(items, list) else ():
                examples = entry.get("examples") or {}
                for answer in ("yes", "no"):
                    for number, example in enumerate(examples.get(answer, ()), 1):
                        name = f"{pack} {entry['id']} {answer} {number}"
                        try:
                            if kind in EXCHANGES:
                                yield (
                                    name,
                                    _exchange(
                                        kind,
                                        entry,
                                        example,
                                        engine,
                                        answer == "yes",
                                        names.get((entry.get("api"), entry.get("operation")), 0),
                                    ),
                                )
                            elif kind == "hosts":
                                yield name, _host(entry, example, engine, answer == "yes")
                            elif kind == "models" and entry.get("family"):
                                yield name, _model(entry, example, engine, answer == "yes")
                        except (StateprintError, _core.CoreError) as e:
                            yield name, f"{type(e).__name__}: {e}"
                if kind in {"endpoints", "shapes", "markers"} and not (examples.get("yes") and examples.get("no")):
                    yield f"{pack} {entry['id']}", "has not at least one yes and one no example"
