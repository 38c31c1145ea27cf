#!/usr/bin/env python3
"""Draws tests/data/corpus-sample.jsonl.gz and examples/sample.jsonl out of the development corpus, by a seed.

    tools/sample_corpus.py CORPUS_FOLDER

Groups are host and shape of the path; each group is walked repository by repository, so that a drawing of any size spreads over both.
"""

import gzip
import json
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SEED = 20261124
ROOT = Path(__file__).resolve().parent.parent
Exchange = dict[str, Any]


def shape(exchange: Exchange) -> str:
    """Method, host and path with every name of a resource taken out."""
    url = urlsplit(exchange["request"].get("url") or "")
    path = re.sub(r"/(deployments|models?|projects|locations|threads|runs)/[^/:]+", r"/\1/*", url.path)
    path = re.sub(r"[^/]*\d[^/]{5,}", "*", path)
    host = re.sub(r"[a-z]+-[a-z]+-?\d|^[^.]+(?=\.(openai|services\.ai)\.azure|\.cognitive)", "*", url.hostname or "")
    return f"{exchange['request'].get('method')} {host}{path}"


def spread(exchanges: list[tuple[str, str]], rng: random.Random) -> Iterator[str]:
    """Lines in an order in which every prefix spreads over groups, and within a group over repositories."""
    groups: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for group, line in exchanges:
        groups[group][json.loads(line)["id"].split("#")[0]].append(line)
    queues: list[list[str]] = []
    for group in sorted(groups):
        repositories = [sorted(lines) for _, lines in sorted(groups[group].items())]
        for lines in repositories:
            rng.shuffle(lines)
        rng.shuffle(repositories)
        queues.append([line for turn in range(max(map(len, repositories))) for r in repositories if turn < len(r) for line in (r[turn],)])
    rng.shuffle(queues)
    for turn in range(max(map(len, queues), default=0)):
        for queue in queues:
            if turn < len(queue):
                yield queue[turn]


def draw(exchanges: list[tuple[str, str]], count: int, most_bytes: int, seed: int) -> list[str]:
    fitting = [(group, line) for group, line in exchanges if len(line) <= most_bytes]
    chosen: list[str] = []
    for line in spread(fitting, random.Random(seed)):
        if len(chosen) == count:
            break
        chosen.append(line)
    return sorted(chosen, key=lambda line: str(json.loads(line)["id"]))


# What the sample for the README shows: how many exchanges of which kind. A kind is a pattern over `METHOD host/path` and one over the body.
KINDS = [
    (4, r"POST api.openai.com/v1/responses$", r'"previous_response_id": ?"'),
    (3, r"POST api.openai.com/v1/responses$", r'"store": ?false'),
    (4, r"POST api.openai.com/v1/responses$", r"^(?!.*(store|previous_response_id))"),
    (1, r"POST api.openai.com/v1/responses$", r'"conversation": ?"'),
    (1, r"POST api.openai.com/v1/conversations", ""),
    (4, r"POST api.openai.com/v1/chat/completions$", ""),
    (1, r"POST api.openai.com/v1/chat/completions$", r'"store": ?true'),
    (1, r"POST api.openai.com/v1/threads/", ""),
    (1, r"POST api.openai.com/v1/embeddings$", ""),
    (4, r"POST .*openai\.azure\.com/.*(chat/completions|responses)$", ""),
    (3, r"POST api.anthropic.com/v1/messages$", ""),
    (3, r"POST bedrock-runtime.*/(converse|invoke)", ""),
    (3, r"POST generativelanguage.*generateContent$", ""),
    (1, r"POST .*aiplatform.*generateContent$", ""),
    (2, r"POST api.(mistral|cohere).(ai|com)/v\d/(chat|conversations)", ""),
    (2, r"POST (api.groq.com|openrouter.ai)/", ""),
    (1, r"POST (localhost|127).*/api/(chat|generate)$", ""),
    (1, r"GET api.openai.com/v1/models$", ""),
]


def main(folder: str) -> None:
    exchanges: list[tuple[str, str]] = []
    for file in sorted(Path(folder).glob("dev-*.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as f:
            exchanges += [(shape(json.loads(line)), line) for line in f]
    sample = "".join(draw(exchanges, 300, 24_000, SEED))
    out = ROOT / "tests/data/corpus-sample.jsonl.gz"
    with out.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
        packed.write(sample.encode())
    examples: list[str] = []
    for count, where, what in KINDS:
        path, body = re.compile(where), re.compile(what)
        kind = [
            (g, x)
            for g, x in exchanges
            if path.match(g.replace("//openai", "/openai")) and body.search(json.dumps(json.loads(x)["request"]["body"]))
        ]
        examples += draw([e for e in kind if e[1] not in examples], count, 6_000, SEED)
    random.Random(SEED).shuffle(examples)
    (ROOT / "examples/sample.jsonl").write_text("".join(examples), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
