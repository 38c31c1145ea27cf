#!/usr/bin/env python3
"""Logs to measure with: the same name, size and seed give the same bytes, from a clone alone.

    bench/logs.py                                  what there is
    bench/logs.py NAME MEGABYTES [--seed N] [--out FILE]
    bench/logs.py --census FILE                    lines, bytes and repeats of any log

`traffic` is the odd one out: it comes from a generator that goes with a larger corpus, beside the repository or where --traffic or
STATEPRINT_TRAFFIC says.
"""

import argparse
import hashlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "build/bench/logs"
TRAFFIC = ROOT.parent / "shared/bench/make_log.py"
STREAM_PART = 100_000_000  # a longer stream goes on with a fresh seed, so that it never runs dry of new text
ELEMENT = 128  # bytes; a shorter repeated element is cheaper to read than to recognise

WORDS = """
the of and to in is that for it as was with be by on not he his but at are this have from or had an they which one you were her all there
would their we him been has when who will more no if out so said what up its about into than them can only other new some could time these
two may then do first any my now such like our over man me even most made after also did many before must through back years where much your
way well down should because each just those people how too little state good very make world still own see men work long get here between
both life being under never day same another know while last might us great old year off come since against
"""
CODE = (
    '    if (count_{n} > {n}) {{\n        return "{a} {b}\\n";\n    }}\n',
    'def {a}_{b}(self, {b}: dict[str, int]) -> None:\n    self.{a}["{b}"] = {n}\n',
    '\tfor i := 0; i < {n}; i++ {{\n\t\tlog.Printf("%s: %d", {a}, i)\n\t}}\n',
    "SELECT {a}, count(*) FROM {b} WHERE id = {n} AND name <> '{a}';\n",
    'C:\\{a}\\{b}\\{n}.txt: "{b}" & <{a}>\n',
    'error[E{n:04}]: {a} {b}\n  --> src/{a}.rs:{n}:9\n   |\n{n} |     let {b} = "{a}";\n',
)
SCRIPTS = ((0x430, 32), (0x904, 50), (0x4E00, 2000), (0x5D0, 27), (0x3B1, 24), (0xE0, 30), (0xAC00, 2000))  # first letter, how many


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Maker:
    """Text, tools and envelopes, all out of one seed."""

    def __init__(self, seed: str) -> None:
        self.rng = rng = Random(seed)
        letters = "etaoinshrdlucmfwypvbgkqjxz"
        made = ["".join(rng.choices(letters, range(26, 0, -1), k=rng.randint(3, 10))) for _ in range(1500)]
        self.words = WORDS.split() * 6 + made
        prose = []
        for word in rng.choices(self.words, k=60_000):
            r = rng.random()
            prose.append(
                word if r < 0.9 else f"{word}," if r < 0.95 else f"{word}.\n\n" if r < 0.96 else f"{word}." if r < 0.99 else f'"{word}"'
            )
        self.prose = " ".join(prose)
        self.code = "".join(rng.choice(CODE).format(a=rng.choice(made), b=rng.choice(made), n=rng.randrange(4000)) for _ in range(4_000))
        foreign = []
        for _ in range(12_000):
            first, count = rng.choice(SCRIPTS)
            word = "".join(chr(first + rng.randrange(count)) for _ in range(rng.randint(2, 9)))
            foreign.append(word if rng.random() < 0.97 else f"{word} 📈✅")
        self.foreign = " ".join(foreign)
        self.serial = 0

    def token(self, n: int) -> str:
        return f"{self.rng.getrandbits(4 * n):0{n}x}"

    def size(self, median: int, spread: float = 0.7, most: int = 30_000) -> int:
        return max(8, min(most, int(self.rng.lognormvariate(0, spread) * median)))

    def text(self, n: int, pool: str | None = None) -> str:
        """About n characters that were never there before."""
        if pool is None:
            r = self.rng.random()
            pool = self.prose if r < 0.75 else self.code if r < 0.92 else self.foreign
        parts = [self.token(8)]
        while n > 0:
            at, take = self.rng.randrange(len(pool) - 64), min(n, 4000)
            parts.append(pool[at : at + take])
            n -= len(parts[-1])
        return " ".join(parts)

    def tool(self) -> dict[str, Any]:
        """A tool with its schema, about 1.7 KB."""
        rng, members = self.rng, {}
        for _ in range(rng.randint(5, 11)):
            member: dict[str, Any] = {
                "type": rng.choice(("string", "integer", "boolean", "number")),
                "description": self.text(rng.randint(20, 90), self.prose),
            }
            if rng.random() < 0.3:
                member["enum"] = rng.choices(self.words, k=rng.randint(2, 6))
            if rng.random() < 0.2:
                member = {
                    "type": "array",
                    "items": {"type": "object", "properties": {"id": {"type": "string"}, "value": member}, "required": ["id"]},
                }
            members[f"{rng.choice(self.words)}_{rng.choice(self.words)}"] = member
        parameters = {"type": "object", "properties": members, "required": list(members)[:3], "additionalProperties": False}
        name = f"{rng.choice(self.words)}_{self.token(6)}"
        return {"type": "function", "function": {"name": name, "description": self.text(150, self.prose), "parameters": parameters}}

    def line(self, url: str, body: str, client: str) -> bytes:
        """One exchange, spelled as a gateway writes it, around a body that is spelled already."""
        self.serial += 1
        s = self.serial
        out = (
            f'{{"ts":"2026-03-{1 + s // 90_000 % 28:02}T{s // 3600 % 24:02}:{s // 60 % 60:02}:{s % 60:02}.000Z","id":"req-{s:08}","method":"POST","url":"{url}",'
            f'"headers":{{"content-type":"application/json","user-agent":"{client}","x-request-id":"{self.token(32)}"}},"body":{body},"status":200,'
            f'"response":{{"id":"resp_{self.token(24)}","usage":{{"prompt_tokens":{len(body) // 4},"completion_tokens":{self.rng.randrange(2000)}}}}}}}'
        )
        return out.encode()


OPENAI = "https://api.openai.com/v1/chat/completions"
RESPONSES = "https://api.openai.com/v1/responses"
ANTHROPIC = "https://api.anthropic.com/v1/messages"


def conversation(m: Maker, apps: list[tuple[str, list[str]]]) -> Iterator[bytes]:
    """An agent that resends its whole history with every request, as three APIs have it."""
    rng = m.rng
    system, tools = rng.choice(apps)
    api, client = rng.choice(((OPENAI, "OpenAI/Python 2.8.1"), (ANTHROPIC, "Anthropic/Python 0.71.0"), (RESPONSES, "OpenAI/JS 6.18.0")))
    pool = m.foreign if rng.random() < 0.1 else None
    turns: list[str] = []
    for _ in range(rng.randint(6, 30)):
        call, user = "call_" + m.token(24), m.text(m.size(200), pool)
        if turns and rng.random() < 0.6:  # the agent goes on by itself: a call and its result
            asked = compact({"query": m.text(40), "limit": rng.randrange(50)})
            result = m.text(m.size(900, 1.0), pool if rng.random() < 0.5 else m.code)
            if api == ANTHROPIC:
                turns.append(
                    compact(
                        {"role": "assistant", "content": [{"type": "tool_use", "id": call, "name": "lookup", "input": {"query": asked}}]}
                    )
                )
                turns.append(
                    compact(
                        {
                            "role": "user",
                            "content": [{"type": "tool_result", "tool_use_id": call, "content": [{"type": "text", "text": result}]}],
                        }
                    )
                )
            elif api == OPENAI:
                turns.append(
                    compact(
                        {
                            "role": "assistant",
                            "content": None,
                            "tool_calls": [{"id": call, "type": "function", "function": {"name": "lookup", "arguments": asked}}],
                        }
                    )
                )
                turns.append(compact({"role": "tool", "tool_call_id": call, "content": result}))
            else:
                turns.append(compact({"type": "function_call", "call_id": call, "name": "lookup", "arguments": asked}))
                turns.append(compact({"type": "function_call_output", "call_id": call, "output": result}))
        else:
            if turns:
                answer = m.text(m.size(600), pool)
                turns.append(compact({"role": "assistant", "content": [{"type": "text", "text": answer}] if api == ANTHROPIC else answer}))
            turns.append(compact({"role": "user", "content": user}))
        history = ",".join(turns)
        if api == OPENAI:
            first = compact({"role": "system", "content": system})
            body = f'{{"model":"gpt-5.1","messages":[{first},{history}],"tools":[{",".join(tools)}],"temperature":0.2,"stream":true}}'
        elif api == ANTHROPIC:
            body = f'{{"model":"claude-sonnet-4-5","max_tokens":4096,"system":{compact(system)},"messages":[{history}],"tools":[{",".join(tools)}]}}'
        else:
            body = f'{{"model":"gpt-5.1","instructions":{compact(system)},"input":[{history}],"tools":[{",".join(tools)}],"store":false}}'
        yield m.line(api, body, client)


def agents(m: Maker, live: int) -> Iterator[bytes]:
    apps = [(m.text(m.size(1500)), [compact(m.tool()) for _ in range(m.rng.randint(0, 4))]) for _ in range(40)]
    going = [conversation(m, apps) for _ in range(live)]
    while True:
        i = m.rng.randrange(live)
        line = next(going[i], None)
        if line is None:
            going[i] = conversation(m, apps)
        else:
            yield line


def chat(m: Maker, texts: list[str], spell: Callable[[Any], str] = compact, **more: Any) -> bytes:
    roles = itertools.cycle(("user", "assistant"))
    turns = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
    return m.line(OPENAI, spell({"model": "gpt-4o-mini", "messages": turns, **more}), "python-httpx/0.28.1")


def single(m: Maker) -> Iterator[bytes]:
    while True:
        yield chat(m, [m.text(m.size(9000, 0.6))])


def tiny(m: Maker) -> Iterator[bytes]:
    while True:
        text = compact(m.text(m.rng.randint(10, 70), m.prose))
        model = m.rng.choice(("gpt-4o-mini", "gpt-5-nano", "gpt-4.1"))
        yield f'{{"method":"POST","url":"{OPENAI}","body":{{"model":"{model}","messages":[{{"role":"user","content":{text}}}]}},"status":200}}'.encode()


def schemas(m: Maker, sets: int) -> Iterator[bytes]:
    """Requests that are nearly all tool schemas: out of a number of sets, half of them a random subset; with no sets, all of them new."""
    made: list[list[str]] = [[] for _ in range(sets)]  # filled when first wanted
    while True:
        tools = m.rng.choice(made) if made else []
        if not tools:
            tools += [compact(m.tool()) for _ in range(m.rng.randint(8, 24))]
        if made and m.rng.random() < 0.5:
            tools = m.rng.sample(tools, m.rng.randint(len(tools) // 2, len(tools)))
        turn = compact({"role": "user", "content": m.text(m.size(300))})
        yield m.line(
            OPENAI, f'{{"model":"gpt-5.1","messages":[{turn}],"tools":[{",".join(tools)}],"tool_choice":"auto"}}', "OpenAI/Python 2.8.1"
        )


def escapes(m: Maker) -> Iterator[bytes]:
    while True:
        texts = [m.text(m.size(1500), m.foreign if m.rng.random() < 0.5 else m.code) for _ in range(m.rng.randint(1, 5))]
        yield chat(m, texts, json.dumps)


def spaced(m: Maker) -> Iterator[bytes]:
    def wide(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, indent=2).replace("\n", " ")  # in a string a line feed is an escape

    def indented(value: Any) -> str:
        return json.dumps(json.dumps(value, ensure_ascii=False, indent=2), ensure_ascii=False)

    while True:
        texts = [m.text(m.size(300)) for _ in range(m.rng.randint(1, 9))]
        yield chat(m, texts, m.rng.choice((wide, indented)), metadata={"user": m.token(12), "tags": m.rng.choices(m.words, k=12)}, stop=[])


def sized(m: Maker, body: int) -> Iterator[bytes]:
    """Bodies of about that many bytes; long ones are many turns of 4 KB."""
    while True:
        left, texts = body - 80, []
        while left > 0:
            texts.append(m.text(max(8, min(left, 4000)), m.prose))
            left -= int(len(texts[-1]) * 1.02) + 30
        yield chat(m, texts)


class Log(NamedTuple):
    title: str
    megabytes: int
    lines: Callable[[Maker], Iterator[bytes]] | None  # None: the generator beside the repository


LOGS = {
    "traffic": Log("mixed traffic of many clients, 120 conversations under way, one line in a thousand damaged", 200, None),
    "replay": Log("agents that resend their history, one conversation after the other", 200, lambda m: agents(m, 1)),
    "mixed": Log("the same, 64 conversations interleaved", 200, lambda m: agents(m, 64)),
    "single": Log("single calls with long texts, nothing repeated", 100, single),
    "tiny": Log("many requests of about 200 bytes", 50, tiny),
    "tools": Log("tool schemas out of 300 sets, half the requests a random subset", 100, lambda m: schemas(m, 300)),
    "tools-new": Log("tool schemas, nothing repeated", 100, lambda m: schemas(m, 0)),
    "escapes": Log(r"\uXXXX and \n: text of other scripts and code, written in ASCII", 100, escapes),
    "spaced": Log("white space in the line, and indented bodies in a string", 100, spaced),
    "huge": Log("one payload", 100, lambda m: sized(m, 100_000_000)),
}


def lines(name: str, size: int, seed: int) -> Iterator[bytes]:
    """The lines of a log without their line feeds, `size` bytes and the rest of the last line. Names: those of LOGS, and `payload-N` with bodies of N bytes."""
    written = part = 0
    while written < size:
        m = Maker(f"{name}/{seed}/{part}")
        part += 1
        if name.startswith("payload-"):
            source = sized(m, int(name.removeprefix("payload-")))
        elif name == "huge":
            source = itertools.islice(sized(m, size), 1)
        else:
            made = LOGS[name].lines
            if made is None:
                raise ValueError(f"{name} has no generator here")
            source = made(m)
        for line in source:
            yield line
            written += len(line) + 1
            if written >= min(size, part * STREAM_PART):
                break
        if name == "huge":
            break


def traffic_maker(given: str | None = None) -> Path | None:
    """The generator of `traffic`, or None."""
    path = Path(given or os.environ.get("STATEPRINT_TRAFFIC") or TRAFFIC)
    return path if path.is_file() else None


def cached(name: str, size: int, seed: int, traffic: str | None = None) -> Path:
    """The log as a file; made when it is not there yet, and again when its generator has changed."""
    maker = traffic_maker(traffic) if name == "traffic" else Path(__file__)
    if maker is None:
        raise FileNotFoundError("no generator for `traffic`")
    version = hashlib.sha256(maker.read_bytes()).hexdigest()[:8]
    path = CACHE / f"{name}-{size}-{seed}-{version}.jsonl"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        if name == "traffic":
            command = [sys.executable, str(maker), str(size / 1e6), "--seed", str(seed), "--active", "120", "--out", str(part)]
            subprocess.run(command, check=True)
        else:
            with part.open("wb", buffering=1 << 20) as f:
                f.writelines(line + b"\n" for line in lines(name, size, seed))
        part.replace(path)
    return path


def warm(path: Path) -> None:
    """Reads the log into the page cache, for everybody."""
    with path.open("rb") as f:
        while f.read(1 << 24):
            pass


def elements(value: Any) -> Iterator[str]:
    """The elements of the outermost arrays of a payload, spelled compactly."""
    for member in value.values() if isinstance(value, dict) else ():
        for element in member if isinstance(member, list) else ():
            yield compact(element)


def census(log: Iterator[bytes]) -> dict[str, Any]:
    """Lines, bytes, mean line, longest line, and the share of bytes in elements (of 128 bytes or more) that stood in the log before.
    Elements are compared and weighed as compact UTF-8, against the lines spelled the same way."""
    count = size = longest = damaged = repeated = weight = 0
    seen: set[bytes] = set()
    for line in log:
        count += 1
        size += len(line)
        longest = max(longest, len(line))
        try:
            value = json.loads(line)
            body = value.get("body")
            body = json.loads(body) if isinstance(body, str) else body
        except (ValueError, AttributeError, RecursionError):
            damaged += 1
            weight += len(line)
            continue
        weight += len(compact({**value, "body": body}).encode("utf-8", "replace"))
        for element in elements(body):
            text = element.encode("utf-8", "replace")
            if len(text) >= ELEMENT:
                key = hashlib.blake2b(text, digest_size=12).digest()
                repeated += len(text) if key in seen else 0
                seen.add(key)
    return {
        "lines": count,
        "bytes": size,
        "mean_line": round(size / max(1, count)),
        "longest_line": longest,
        "damaged": damaged,
        "repeated": round(repeated / max(1, weight), 4),
    }


def cached_census(path: Path) -> dict[str, Any]:
    side = path.with_suffix(".json")
    if not side.exists():
        with path.open("rb") as f:
            side.write_text(json.dumps(census(iter(f))), encoding="utf-8")
    found: dict[str, Any] = json.loads(side.read_text(encoding="utf-8"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?")
    parser.add_argument("megabytes", nargs="?", type=float)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--census", type=Path)
    options = parser.parse_args()
    if options.census:
        with options.census.open("rb") as f:
            print(json.dumps(census(iter(f))))
    elif options.name and options.megabytes:
        out = options.out.open("wb") if options.out else sys.stdout.buffer
        with out:
            for line in lines(options.name, int(options.megabytes * 1e6), options.seed):
                out.write(line + b"\n")
    else:
        for name, log in LOGS.items():
            print(f"{name:10} {log.megabytes:4} MB  {log.title}")


if __name__ == "__main__":
    main()
