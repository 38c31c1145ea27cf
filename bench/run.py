#!/usr/bin/env python3
"""Ours and the peers side by side, in interleaved rounds: prints tables and writes them to build/bench/results.

    bench/run.py                                    logs, latency, growth, readers and threads
    bench/run.py logs --quick --logs replay tiny --peers simdjson orjson
    bench/run.py logs --file gateway.jsonl          a log of your own
    bench/run.py logs --env STATEPRINT_KERNEL=avx2  ours once more with that in its environment

What the figures mean: bench/README.md.
"""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import growth
import latency
import logs
import peers
import readers
import report
import threads
from peers import OURS, Variant

PARTS = ("logs", "latency", "growth", "readers", "threads")

Samples = dict[Variant, dict[int, dict[str, Any]]]  # variant → round → what its run gave


def seconds(v: Variant, found: dict[str, Any]) -> float:
    """CPU time of the process with one thread, the clock with several."""
    return float(found["cpu"] if v.threads == 1 else found["wall"])


def measure(
    variants: list[Variant], log: Path, census: dict[str, Any], rounds: int, slow_rounds: int
) -> tuple[Samples, dict[Variant, str]]:
    samples: Samples = {v: {} for v in variants}
    refused: dict[Variant, str] = {}
    logs.warm(log)
    for number in range(rounds):
        turn = number * 5 % len(variants)
        for v in variants[turn:] + variants[:turn]:
            if v in refused or (v.slow and number >= slow_rounds):
                continue
            try:
                found = peers.run(v, log, census["longest_line"])
            except peers.Refused as e:
                refused[v] = str(e)
                continue
            if found.get("lines", 0) not in (0, census["lines"]):
                refused[v] = f"read {found['lines']} of {census['lines']} lines"
                continue
            samples[v][number] = found
        print(f"  round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return samples, refused


def best(samples: Samples, peer: str, *, memory: bool, threads: int) -> Variant | None:
    """The quickest variant of a peer, by its median."""
    fit = [v for v, rows in samples.items() if rows and v.peer == peer and v.threads == threads and (v.loader == "memory") == memory]
    return min(fit, key=lambda v: statistics.median(seconds(v, r) for r in samples[v].values()), default=None)


def ratios(samples: Samples, mine: Variant | None, other: Variant | None) -> list[float]:
    """How many times as quick ours is, round by round."""
    if mine is None or other is None:
        return []
    return [seconds(other, samples[other][n]) / seconds(mine, samples[mine][n]) for n in samples[other] if n in samples[mine]]


def rows_of(samples: Samples, census: dict[str, Any], refused: dict[Variant, str], *, threads: int) -> list[dict[str, Any]]:
    mine = {memory: best(samples, OURS, memory=memory, threads=threads) for memory in (False, True)}
    fields = next((r for v in samples if v.name == "dom" for r in samples[v].values()), {})
    rows = []
    for peer in dict.fromkeys(v.peer for v in samples if v.threads == threads):
        row: dict[str, Any] = {"peer": peer, "note": ""}
        for memory in (False, True):
            v = best(samples, peer, memory=memory, threads=threads)
            if v is not None:
                key = "memory" if memory else "file"
                row[f"{key}_variant"] = v.label
                row[f"{key}_gbs"] = [census["bytes"] / seconds(v, r) / 1e9 for r in samples[v].values()]
                row[f"{key}_ratio"] = ratios(samples, mine[memory], v)
                if not memory:
                    if all("rss_kb" in r for r in samples[v].values()):
                        row["mb"] = max(r["rss_kb"] for r in samples[v].values()) / 1024
                    found = next(iter(samples[v].values()))
                    if fields.get("text_bytes") and found.get("text_bytes") and abs(found["text_bytes"] / fields["text_bytes"] - 1) > 0.01:
                        row["note"] = f"reads {found['text_bytes'] / fields['text_bytes']:.0%} of simdjson's text"
        if "file_gbs" not in row and "memory_gbs" not in row:
            row["note"] = "; ".join(dict.fromkeys(reason for v, reason in refused.items() if v.peer == peer and v.threads == threads))
        rows.append(row)
    return rows


def shown(rows: list[dict[str, Any]]) -> str:
    def cell(row: dict[str, Any], key: str) -> str:
        return report.spread(row[key]) if row.get(key) else "–"

    head = ("", "GB/s from file", "ours is × as quick", "GB/s in memory", "ours is × as quick", "peak MB", "variant", "")
    body = [
        (
            row["peer"],
            cell(row, "file_gbs"),
            cell(row, "file_ratio") if row["peer"] != OURS else "1",
            cell(row, "memory_gbs"),
            cell(row, "memory_ratio") if row["peer"] != OURS else "1",
            f"{row['mb']:.0f}" if "mb" in row else "–",
            row.get("file_variant", row.get("memory_variant", "–")),
            row["note"],
        )
        for row in rows
    ]
    return report.table(head, body)


def logs_part(options: argparse.Namespace) -> None:
    where = report.setting()
    text = [f"# Whole scan and peers\n\n{report.where(where)}\n"]
    data: dict[str, Any] = {"setting": where, "rounds": options.rounds, "seed": options.seed, "logs": {}}
    variants, absent = [], {}
    for v in peers.chosen(options.peers, options.env):
        why = peers.missing(v)
        if why is None:
            variants.append(v)
        else:
            absent[v.peer] = why
    text.extend(f"Skipped: {name}: {why}." for name, why in absent.items())
    print("\n".join(text), flush=True)
    plots = []
    inputs = [(path.name, path.name, path) for path in options.file] or [(name, logs.LOGS[name].title, None) for name in options.logs]
    for name, title, path in inputs:
        if path is None:
            if name == "traffic" and logs.traffic_maker(options.traffic) is None:
                say(text, f"\n## {name}\n\nSkipped: its generator is not here (--traffic, STATEPRINT_TRAFFIC).")
                continue
            path = logs.cached(name, int((options.size or logs.LOGS[name].megabytes) * 1e6), options.seed, options.traffic)
            census = logs.cached_census(path)
        else:
            with path.open("rb") as f:
                census = logs.census(iter(f))
        say(
            text,
            f"\n## {name}: {title}\n\n{census['lines']:,} lines, {census['bytes']:,} bytes, {census['mean_line']:,} a line, longest {census['longest_line']:,}, "
            f"{census['damaged']} damaged; {census['repeated']:.1%} of the bytes in repeated elements.\n",
        )
        samples, refused = measure(variants, path, census, options.rounds, options.slow_rounds)
        one, two = (rows_of(samples, census, refused, threads=n) for n in (1, 2))
        say(text, shown(one))
        clock = [
            (row["peer"], report.spread(row[f"{key}_gbs"]), report.spread(scale), "file" if key == "file" else "memory")
            for row in two
            for key in ("file", "memory")
            if row.get(f"{key}_gbs")
            for scale in [speedup(samples, row["peer"], memory=key == "memory")]
            if scale
        ]
        say(text, "\nTwo threads, by the clock:\n\n" + report.table(("", "GB/s", "× one thread", "from"), clock))
        data["logs"][name] = {
            "title": title,
            "census": census,
            "one_thread": one,
            "two_threads": two,
            "refused": {f"{v.peer}: {v.label}": why for v, why in refused.items()},
            "samples": {f"{v.peer}: {v.label}, {v.threads}": list(rows.values()) for v, rows in samples.items()},
        }
        plots.append((name, [(r["peer"], r["file_gbs"], r["peer"].startswith(OURS)) for r in one if r.get("file_gbs")]))
        report.write("logs", "\n".join(text), data, report.bars("From a file, one thread", plots, "GB/s"))
    say(
        text,
        "\n## All logs\n\nHow many times as quick as that peer the whole scan is, from a file, one thread: median of the ratios inside a round.\n",
    )
    say(text, summary(data["logs"]))
    report.write("logs", "\n".join(text), data, report.bars("From a file, one thread", plots, "GB/s"))


def speedup(samples: Samples, peer: str, *, memory: bool) -> list[float]:
    """One thread against two by the clock, inside a round."""
    one, two = (best(samples, peer, memory=memory, threads=n) for n in (1, 2))
    if one is None or two is None:
        return []
    return [samples[one][n]["wall"] / samples[two][n]["wall"] for n in samples[two] if n in samples[one]]


def summary(found: dict[str, Any]) -> str:
    peers_ = list(dict.fromkeys(row["peer"] for log in found.values() for row in log["one_thread"] if row["peer"] != OURS))
    body = []
    for peer in peers_:
        cells = []
        for log in found.values():
            row = next(r for r in log["one_thread"] if r["peer"] == peer)
            cells.append(report.number(statistics.median(row["file_ratio"])) if row.get("file_ratio") else "–")
        body.append((peer, *cells))
    speeds = []
    for log in found.values():
        row = next(r for r in log["one_thread"] if r["peer"] == OURS)
        speeds.append(report.number(statistics.median(row["file_gbs"])) if row.get("file_gbs") else "–")
    return report.table(("", *found), [("ours, GB/s", *speeds), *body])


def say(text: list[str], more: str) -> None:
    text.append(more)
    print(more, flush=True)


def pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("expected NAME=VALUE")
    return name, value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all unless given")
    parser.add_argument("--rounds", type=int, help="5, or 3 with --quick")
    parser.add_argument("--slow-rounds", type=int, default=2, help="rounds of the peers that take seconds (2)")
    parser.add_argument("--logs", nargs="+", choices=list(logs.LOGS), default=list(logs.LOGS), metavar="NAME", help=", ".join(logs.LOGS))
    parser.add_argument("--peers", nargs="+", metavar="WORD", help="those whose name holds one of the words; `none` for ours alone")
    parser.add_argument("--size", type=float, metavar="MB", help="of every log, in place of its own")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--traffic", metavar="SCRIPT", help="the generator of the log `traffic`")
    parser.add_argument("--file", type=Path, action="append", default=[], help="measure this log in place of the made ones")
    parser.add_argument(
        "--env", type=pair, action="append", default=[], metavar="NAME=VALUE", help="ours once more, with this in its environment"
    )
    parser.add_argument("--quick", action="store_true", help="20 MB a log, 3 rounds, slow peers once, growth to 200 MB")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    options.rounds = options.rounds or (3 if options.quick else 5)
    if options.quick:
        options.size, options.slow_rounds = options.size or 20, 1
    if subprocess.run(["make", "-s", "-C", str(report.ROOT), "bench-build"], check=False).returncode:
        sys.exit("can't build bench/c: it needs make, gcc and the headers of jansson and xxHash")
    parts = options.parts or PARTS
    if "logs" in parts:
        logs_part(options)
    if "latency" in parts:
        latency.part(options.rounds)
    if "growth" in parts:
        growth.part(rounds=min(options.rounds, 3), quick=options.quick, seed=options.seed)
    if "readers" in parts:
        readers.part(rounds=options.rounds, quick=options.quick, seed=options.seed)
    if "threads" in parts:
        threads.part(rounds=options.rounds, quick=options.quick, seed=options.seed)


if __name__ == "__main__":
    main()
