"""Values that stand in several payloads are scanned once; the rows are those of a scan that keeps none."""

import gzip
import json
import random
from typing import Any

import pytest

import stateprint as sp
from harness import DATA, Outcome, scan_bytes

PLACES = (
    ("https://api.openai.com/v1/chat/completions", "messages"),
    ("https://api.openai.com/v1/responses", "input"),
    ("https://api.anthropic.com/v1/messages", "messages"),
    ("https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent", "contents"),
    ("https://bedrock-runtime.us-east-1.amazonaws.com/model/us.amazon.nova-lite-v1%3A0/converse", "messages"),
)


def without() -> sp.Engine:
    return sp.Engine(limits={"replay_table_bytes": 0})


def both(log: bytes, **options: Any) -> tuple[Outcome, Outcome]:
    """With the table and without. Where no evidence is asked for, a known value gives one mark, and the rows are the same again."""
    found = scan_bytes(log, evidence=True, rules=sp.Engine().rules, **options)
    assert scan_bytes(log, rules=sp.Engine().rules, **options).rows == found.rows
    return found, scan_bytes(log, evidence=True, rules=without().rules, **options)


def element(dice: random.Random, i: int) -> str:
    """A turn as a client writes it, with what makes hashing, marks and flags hard; its text differs from all others behind byte 32."""
    text = json.dumps(f"turn {i} " + 'wörd \U0001f642 \\ " \n' * dice.randrange(1, 9), ensure_ascii=dice.random() < 0.5)
    role = dice.choice(["user", "assistant", "system", "tool", "developer", "model"])
    return dice.choice(
        [
            f'{{"role":"{role}","content":{text}}}',
            f'{{"content" : {text} , "role" : "{role}" }}',
            f'{{"role":"{role}","content":[{{"type":"text","text":{text},"cache_control":{{"type":"ephemeral"}}}}]}}',
            f'{{"role":"{role}","parts":[{{"text":{text}}}]}}',
            f'{{"role":"{role}","content":{text},"role":"user"}}',
            f'{{"r\\u006fle":"{role}","content":{text},"n":[1e400,{2**70},1.0,-0]}}',
            f'{{"role":"{role}","content":{text},"lone":"\\ud83d","nul":"\\u0000"}}',
            f'{{"type":"function_call_output","call_id":"call_{i}","output":{text}}}',
            f'{{"type":"item_reference","id":"msg_{i:08}","pad":{text}}}',
            text,
        ]
    )


def lines(seed: int, count: int) -> list[bytes]:
    """Payloads that share elements: grown, shuffled, compacted, in objects and in strings, some with names that stand twice."""
    dice = random.Random(seed)
    pool = [element(dice, i) for i in range(40)]
    tools = [json.dumps({"type": "function", "name": f"tool_{i}", "parameters": {"p": "x" * 90, "i": i}}) for i in range(8)]
    found = []
    for i in range(count):
        url, name = dice.choice(PLACES)
        start = dice.randrange(30)
        turns = pool[start : start + dice.randrange(1, 12)]
        if dice.random() < 0.3:
            dice.shuffle(turns)
        gap = dice.choice(["", " ", "\t"])
        inside = f'"model":"gpt-5","{name}":[{f",{gap}".join(turns)}],"tools":[{",".join(dice.sample(tools, 3))}]'
        if dice.random() < 0.1:
            inside += f',"{name}":[{",".join(pool[:3])}]'
        inside += dice.choice(
            ["", ',"store":false', f',"instructions":{json.dumps("be " + "kind " * 60)}', ',"previous_response_id":"resp_1"']
        )
        body = "{" + inside + "}"
        if dice.random() < 0.05:
            body = body[: dice.randrange(len(body))]
        if dice.random() < 0.3:
            body = json.dumps(body, ensure_ascii=dice.random() < 0.5)
        found.append(f'{{"id":"r{i}","method":"POST","url":"{url}","body":{body},"status":200}}\n'.encode())
    return found


@pytest.mark.parametrize("seed", range(8))
def test_rows_and_marks_are_those_of_a_scan_that_keeps_nothing(seed: int) -> None:
    with_table, plain = both(b"".join(lines(seed, 300)))
    assert len(plain.rows) == 300
    assert with_table.rows == plain.rows
    assert with_table.marks == plain.marks
    assert {"duplicate_key", "lone_surrogate", "nul_escape", "big_integer", "number_overflow"} <= {
        f for r in plain.rows for f in r["flags"] or []
    }


def test_turns_outside_of_a_body() -> None:
    """LiteLLM logs turns, and the other parameters apart: there is no payload, and turns are known all the same."""
    dice = random.Random(3)
    pool = [element(dice, i) for i in range(40)]
    log = ""
    for i in range(200):
        start = dice.randrange(30)
        turns = ",".join(dice.sample(pool, 3) if i % 5 == 0 else pool[start : start + dice.randrange(1, 12)])
        log += f'{{"id":"r{i}","call_type":"acompletion","custom_llm_provider":"openai","hidden_params":null,"messages":[{turns}]}}\n'
    with_table, plain = both(log.encode(), form="litellm")
    assert len({(*r["facts"], *(r["flags"] or ())) for r in plain.rows}) > 10
    assert with_table.rows == plain.rows
    assert with_table.marks == plain.marks


def test_recorded_exchanges_twice() -> None:
    recorded = gzip.decompress((DATA / "corpus-sample.jsonl.gz").read_bytes())
    with_table, plain = both(recorded * 2)
    assert with_table.rows == plain.rows
    assert with_table.marks == plain.marks


def test_a_table_that_is_too_small_for_the_log_changes_nothing() -> None:
    log = b"".join(lines(9, 300)) * 12
    small = sp.Engine(limits={"replay_table_bytes": 11_700_000}).rules  # little more than the table takes by itself
    assert scan_bytes(log, rules=small).rows == scan_bytes(log, rules=without().rules).rows


def test_limits_hold_for_known_values() -> None:
    """A turn that was read in a line of its own is refused, with the same place, in a line or at a depth that passes a limit."""
    wide = '{"role":"user","content":[' + ",".join(["1"] * 30) + "," + json.dumps("y" * 200) + "]}"
    deep = '{"role":"user","content":' + "[" * 7 + json.dumps("x" * 200) + "]" * 7 + "}"
    log = "".join('{{"messages":[{}]}}\n'.format(",".join([wide] * n)) for n in (1, 2, 3))
    in_text = json.dumps(f'{{"messages":[{deep}]}}')
    log += f'{{"url":"/v1/chat/completions","body":{in_text}}}\n' + f'{{"url":"/v1/chat/completions","body":{{"messages":[{deep}]}}}}\n'
    for limit, number, reason in (("max_nodes", 80, "too_many_nodes"), ("max_depth", 10, "too_deep")):
        got, plain = (
            scan_bytes(log.encode(), rules=sp.Engine(limits={limit: number, "replay_table_bytes": size}).rules, form="flat").rows
            for size in (33_554_432, 0)
        )
        assert got == plain
        assert [(r["error"] or "").split(" ")[0] for r in plain].count(reason) == 1


def test_switch() -> None:
    assert sp.Engine(limits={"replay_table_bytes": 0}).limits["replay_table_bytes"] == 0
    with pytest.raises(sp.ConfigError):
        sp.Engine(limits={"max_depth": 0})
