"""Texts made to have equal XXH3 hashes: here they are told apart, cost no more than others, and a key is no XXH3 seed."""

import base64
import json
import time
from itertools import pairwise
from typing import Any

import pytest

import stateprint as sp
from harness import DATA, ROOT, SANITIZED, compact, engine, load_jsonl, scan_lines

FOLDER = DATA / "xxh3-forgery"
PAIRS: list[dict[str, Any]] = [p for p in load_jsonl(FOLDER / "pairs.jsonl") if "a" in p and p["a"].startswith("{")]
MULTI: dict[str, Any] = json.loads((FOLDER / "multicollision.json").read_bytes())


def hash_of(payload: bytes) -> str:
    return str(sp.fingerprint(payload, engine=engine()).payload)


def test_pairs_are_told_apart() -> None:
    assert len(PAIRS) >= 3
    for pair in PAIRS:
        a, b = pair["a"].encode(), pair["b"].encode()
        assert a != b
        assert hash_of(a) != hash_of(b), pair["id"]


def messages(count: int) -> list[bytes]:
    """The first `count` of 65,536 valid messages with one XXH3 value."""
    base = base64.b64decode(MULTI["base_b64"])
    made = []
    for number in range(count):
        text = bytearray(base)
        for bit, toggle in enumerate(MULTI["toggles"]):
            if number >> bit & 1:
                for at, to in (("at1", "to1_hex"), ("at2", "to2_hex")):
                    text[toggle[at] : toggle[at] + 8] = bytes.fromhex(toggle[to])
        made.append(bytes(text))
    return made


def lines(texts: list[bytes]) -> list[bytes]:
    return [b'{"url":"https://api.openai.com/v1/chat/completions","body":{"model":"m","messages":[' + text + b"]}}" for text in texts]


def test_a_multicollision_merges_nothing_and_costs_nothing() -> None:
    count = 2048 if SANITIZED else 16384
    forged = messages(count)
    ordinary = [compact({"role": "user", "content": f"{i:08d}" + "x" * (len(forged[0]) - 40)}) for i in range(count)]
    assert len(set(forged)) == count
    seconds: dict[str, float] = {}
    for name, texts in (("ordinary", ordinary), ("forged", forged), ("ordinary again", ordinary)):
        started = time.process_time()
        result = scan_lines(lines(texts), form="flat")
        seconds[name] = time.process_time() - started
        assert len({row["payload_hash"] for row in result.rows}) == count
        assert len({row["chain_in"] for row in result.rows}) == count
    assert seconds["forged"] < 3 * max(seconds["ordinary"], seconds["ordinary again"])


def test_a_known_text_gives_no_key_away() -> None:
    """A keyed hash is a keyed function over the finished hash: it is not the seeded XXH3 of any text that we know."""
    xxhash = pytest.importorskip("xxhash")
    key = bytes(range(16))
    keyed = sp.Engine(key=key)
    for text in json.loads((FOLDER / "seed-recovery.json").read_bytes())["examples"]:
        plain = text["text"]
        payload = json.dumps(plain).encode()
        hashed = str(sp.fingerprint(payload, engine=keyed).payload)
        assert hashed != hash_of(payload)
        for seed in (0, int.from_bytes(key[:8], "little"), int.from_bytes(key[:8], "big"), int.from_bytes(key[8:], "little")):
            for form in (plain.encode(), payload):
                assert hashed != xxhash.xxh3_128_hexdigest(form, seed)
    assert str(sp.fingerprint(b"{}", engine=keyed)).startswith("sp1k_")


def test_the_page_says_index_not_proof() -> None:
    page = (ROOT / "docs/fingerprint.md").read_text(encoding="utf-8")
    assert "index, not proof" in page
    assert all(a != b for a, b in pairwise(p["id"] for p in PAIRS))
