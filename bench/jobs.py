#!/usr/bin/env python3
"""One pass of one Python program over one log, in a process of its own: bench/jobs.py NAME FILE [THREADS [LONGEST LINE [wait]]] prints a line of JSON.

Every job reads model, roles and contents of each line, as those who know the library write it; what can't read a body that is a string at
once parses it a second time. Libraries are imported, and what is compiled once is compiled, before the clock starts.
"""

import json
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

Job = Callable[[], dict[str, int]]
TURNS = ("messages", "input", "contents")


def stateprint(path: str, threads: int, longest: int) -> Job:
    import stateprint as sp

    engine = sp.Engine()
    with tempfile.NamedTemporaryFile() as empty:
        for _ in sp.scan(empty.name, engine=engine):  # imports what it imports when it is asked for
            pass

    def job() -> dict[str, int]:
        scan = sp.scan(path, threads=threads, engine=engine)
        for _ in scan:
            pass
        return {"lines": scan.summary.lines, "bad": sum(scan.summary.rejected.values()), "bytes": scan.summary.bytes}

    return job


def count(value: Any, add: Callable[[str], None], roles: list[int]) -> None:
    """Roles and contents of one list of turns."""
    if isinstance(value, str):
        add(value)
    elif isinstance(value, list):
        for turn in value:
            if isinstance(turn, dict):
                roles[0] += "role" in turn
                for name in ("content", "parts"):
                    content = turn.get(name)
                    if isinstance(content, str):
                        add(content)
                    elif isinstance(content, list):
                        for part in content:
                            if isinstance(part, dict) and isinstance(part.get("text"), str):
                                add(part["text"])


def orjson(path: str, threads: int, longest: int) -> Job:
    import orjson as library
    import xxhash

    def job() -> dict[str, int]:
        loads, digest = library.loads, xxhash.xxh3_64_intdigest
        c: Counter[str] = Counter()
        roles = [0]

        def add(text: str) -> None:
            data = text.encode("utf-8", "surrogatepass")
            digest(data)
            c["texts"] += 1
            c["text_bytes"] += len(data)

        with open(path, "rb", buffering=1 << 20) as f:
            for line in f:
                c["lines"] += 1
                try:
                    body = loads(line).get("body")
                    if isinstance(body, str):
                        body = loads(body)
                except ValueError:
                    c["bad"] += 1
                    continue
                if isinstance(body, dict):
                    c["models"] += "model" in body
                    for name in TURNS:
                        if name in body:
                            count(body[name], add, roles)
        return {**c, "roles": roles[0]}

    return job


def msgspec(path: str, threads: int, longest: int) -> Job:
    import msgspec as library
    import xxhash

    def struct(name: str, **fields: Any) -> Any:
        return library.defstruct(name, [(field, kind | None, None) for field, kind in fields.items()], gc=False)

    # Types say what is wanted, and all else is skipped.
    part: Any = struct("Part", text=str)
    turn: Any = struct("Turn", role=str, content=list[part] | str, parts=list[part])
    body_type = struct("Body", model=str, messages=list[turn] | str, input=list[turn | str] | str, contents=list[turn] | str)
    line_type = struct("Line", body=body_type | str)
    of_line, of_body = library.json.Decoder(line_type), library.json.Decoder(body_type)
    # A body whose values have other types than these is rare; it is read once more as it is.
    loose = library.json.Decoder()

    def job() -> dict[str, int]:
        digest = xxhash.xxh3_64_intdigest
        c: Counter[str] = Counter()
        texts = roles = size = 0

        def add(text: str) -> None:
            nonlocal texts, size
            data = text.encode("utf-8", "surrogatepass")
            digest(data)
            texts += 1
            size += len(data)

        def contents(value: Any) -> None:
            if isinstance(value, str):
                add(value)
            elif value is not None:
                for item in value:
                    if item.text is not None:
                        add(item.text)

        with open(path, "rb", buffering=1 << 20) as f:
            for line in f:
                c["lines"] += 1
                try:
                    body = of_line.decode(line).body
                    if isinstance(body, str):
                        body = of_body.decode(body)
                except library.ValidationError:
                    try:
                        body = loose.decode(line).get("body")
                        body = loose.decode(body) if isinstance(body, str) else body
                    except (library.DecodeError, UnicodeDecodeError):
                        c["bad"] += 1
                        continue
                    found = [0]
                    if isinstance(body, dict):
                        c["models"] += "model" in body
                        for name in TURNS:
                            count(body.get(name), add, found)
                    roles += found[0]
                    continue
                except (library.DecodeError, UnicodeDecodeError):
                    c["bad"] += 1
                    continue
                if body is None:
                    continue
                c["models"] += body.model is not None
                for turns in (body.messages, body.input, body.contents):
                    if isinstance(turns, str):
                        add(turns)
                    elif turns is not None:
                        for t in turns:
                            if not isinstance(t, str):
                                roles += t.role is not None
                                contents(t.content)
                                contents(t.parts)
        return {**c, "roles": roles, "texts": texts, "text_bytes": size}

    return job


def duckdb(path: str, threads: int, longest: int) -> Job:
    import duckdb as library

    # The objects as they are, and one transform to the wanted types; what it leaves empty is looked at again. read_ndjson with `columns` is the
    # obvious way, but takes gigabytes and half a minute for 10 MB where the names of members vary much (tool schemas). A content that is a list of parts
    # stays JSON text. An object size above what is needed costs twice the time and the parallel reading.
    turns = '[{"role":"VARCHAR","content":"VARCHAR"}]'
    shape = f'{{"model":"VARCHAR","messages":{turns},"input":{turns},"contents":[{{"role":"VARCHAR","parts":[{{"text":"VARCHAR"}}]}}]}}'
    query = f"""
        with lines as (select json from read_ndjson_objects($path, ignore_errors = true, maximum_object_size = {max(16 << 20, longest + 1)})),
        direct as (select json, json_transform(json, '{{"body":{shape}}}').body as f from lines),
        bodies as (select json, case when f.model is null then json_transform(try_cast(json->>'$.body' as JSON), '{shape}') else f end as f from direct),
        fields as (
            select f, case when f.messages is null and f.input is null and f.contents is null then json->>'$.body.input' end as input from bodies
        ),
        texts as (
            select f.model as model, list_concat(list_transform(f.messages, lambda x: x.content), list_transform(f.input, lambda x: x.content),
                list_transform(f.contents, lambda x: x.parts[1].text), case when input is null then [] else [input] end) as texts,
                coalesce(len(f.messages), 0) + coalesce(len(f.input), 0) + coalesce(len(f.contents), 0) as roles from fields
        )
        select count(*), count(model), sum(roles), sum(len(list_filter(texts, lambda t: t is not null))),
            sum(list_sum(list_transform(texts, lambda t: strlen(t)))), bit_xor(list_sum(list_transform(texts, lambda t: hash(t) // 1000000))::hugeint) from texts"""
    connection = library.connect(config={"threads": threads, "memory_limit": "4GB"})

    def job() -> dict[str, int]:
        row = connection.execute(query, {"path": path}).fetchone()
        assert row is not None
        return dict(zip(("lines", "models", "roles", "texts", "text_bytes"), (int(n or 0) for n in row[:5]), strict=True))

    return job


def polars(path: str, threads: int, longest: int) -> Job:
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars as pl

    part = pl.Struct({"text": pl.String})
    turn = pl.Struct({"role": pl.String, "content": pl.String})
    body = pl.Struct(
        {
            "model": pl.String,
            "messages": pl.List(turn),
            "input": pl.List(turn),
            "contents": pl.List(pl.Struct({"role": pl.String, "parts": pl.List(part)})),
        }
    )

    def job() -> dict[str, int]:
        b = pl.col("body").struct
        texts = [b.field(name).explode().struct.field("content") for name in ("messages", "input")]
        query = pl.scan_ndjson(path, schema={"body": body}).select(
            pl.len().alias("lines"),
            b.field("model").count().alias("models"),
            *(t.count().alias(f"texts{i}") for i, t in enumerate(texts)),
            *(t.str.len_bytes().sum().alias(f"size{i}") for i, t in enumerate(texts)),
            *(t.hash().sum().alias(f"hash{i}") for i, t in enumerate(texts)),
        )
        row = query.collect(engine="streaming").row(0, named=True)
        return {
            "lines": row["lines"],
            "models": row["models"],
            "texts": row["texts0"] + row["texts1"],
            "text_bytes": row["size0"] + row["size1"],
        }

    return job


def pandas(path: str, threads: int, longest: int) -> Job:
    import io

    import pandas as pd

    def frames(lines: list[bytes]) -> Iterator[Any]:
        """Damaged lines make a whole chunk fail: it is halved until they stand alone."""
        try:
            yield pd.read_json(io.BytesIO(b"".join(lines)), lines=True, dtype=False, convert_dates=False)
        except ValueError:
            if len(lines) > 1:
                yield from frames(lines[: len(lines) // 2])
                yield from frames(lines[len(lines) // 2 :])

    def job() -> dict[str, int]:
        c: Counter[str] = Counter()
        roles = [0]

        def add(text: str) -> None:
            c["texts"] += 1
            c["text_bytes"] += len(text.encode("utf-8", "surrogatepass"))

        with open(path, "rb", buffering=1 << 20) as f:
            while lines := f.readlines(1 << 24):
                c["lines"] += len(lines)
                for frame in frames(lines):
                    for body in frame.get("body", ()):
                        if isinstance(body, str):
                            try:
                                body = json.loads(body)
                            except ValueError:
                                continue
                        if isinstance(body, dict):
                            c["models"] += "model" in body
                            for name in TURNS:
                                count(body.get(name), add, roles)
        return {**c, "roles": roles[0]}

    return job


JOBS: dict[str, Callable[[str, int, int], Job]] = {
    "stateprint": stateprint,
    "orjson": orjson,
    "msgspec": msgspec,
    "duckdb": duckdb,
    "polars": polars,
    "pandas": pandas,
}


def peak_kb() -> int:
    """Peak memory of this process. What getrusage says begins with that of the parent, from before this program was started."""
    try:
        with open("/proc/self/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    name, path = sys.argv[1:3]
    threads, longest = (int(n) for n in [*sys.argv[3:5], *("1", "0")[len(sys.argv) - 3 :]])
    job = JOBS[name](path, threads, longest)
    if sys.argv[5:] == ["wait"]:  # for others that are to begin at the same moment
        print("ready", flush=True)
        sys.stdin.readline()
    wall, cpu = time.perf_counter(), time.process_time()
    found = job()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(json.dumps({"cpu": cpu, "wall": wall, "rss_kb": peak_kb(), **found}))


if __name__ == "__main__":
    main()
