"""Writes tests/data/fingerprint-vectors.jsonl: inputs chosen here, hashes by the slow twin (tests/py/reference.py).

    python tools/make_vectors.py            writes the file
    python tools/make_vectors.py --check    only says whether the file is what it would write

A line is {"name", "payload" (the JSON text; "payload_base64" where it is no text), "layout", "response", "api", "operation", "effects",
"out": {…}, "key", "keyed": {…}}; parts that a vector does not use are left out. A refused payload has "refused" in place of "out".
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "py"))

import reference  # noqa: E402

OUT = ROOT / "tests" / "data" / "fingerprint-vectors.jsonl"

LAYOUTS: dict[str, dict[str, Any]] = {
    "chat": {
        "turns": ["/messages"],
        "turn_content": ["content", "tool_calls"],
        "context": ["/tools", "/functions", "/response_format"],
        "context_roles": ["system", "developer"],
        "response": [{"role": "/choices/0/message/role", "content": "/choices/0/message/content"}],
        "tools": "/tools",
    },
    "responses": {
        "turns": ["/input"],
        "turn_content": ["content", "output"],
        "context": ["/instructions", "/tools"],
        "context_roles": ["system", "developer"],
        "response": ["/output/*"],
        "tools": "/tools",
    },
    "anthropic": {
        "turns": ["/messages"],
        "turn_content": ["content"],
        "context": ["/system", "/tools"],
        "response": [{"role": "/role", "content": "/content"}],
        "tools": "/tools",
    },
    "gemini": {
        "turns": ["/contents"],
        "turn_content": ["parts"],
        "context": ["/systemInstruction", "/system_instruction", "/tools"],
        "response": ["/candidates/0/content"],
        "tools": "/tools",
    },
    "converse": {
        "turns": ["/messages"],
        "turn_content": ["content"],
        "context": ["/system", "/toolConfig"],
        "response": ["/output/message"],
        "tools": "/toolConfig/tools",
    },
    "completions": {"turns": ["/prompt"], "response": ["/choices/0/text"]},
    "two": {"turns": ["/chat_history", "/message"], "turn_content": ["message"], "context": ["/preamble"], "response": ["/text"]},
}
NAMES = {
    "chat": ("openai.chat", "chat.completions.create"),
    "responses": ("openai.responses", "responses.create"),
    "anthropic": ("anthropic.messages", "messages.create"),
    "gemini": ("gemini", "generateContent"),
    "converse": ("bedrock.converse", "Converse"),
    "completions": ("openai.completions", "completions.create"),
    "two": ("cohere.chat", "chat"),
}
KEY = bytes(range(16))
OTHER_KEY = bytes.fromhex("ffeeddccbbaa99887766554433221100")

vectors: list[dict[str, Any]] = []


def vector(name: str, payload: str | bytes, **more: Any) -> None:
    v: dict[str, Any] = {"name": name}
    data = payload.encode("utf-8") if isinstance(payload, str) else payload
    if isinstance(payload, str):
        v["payload"] = payload
    else:
        v["payload_base64"] = base64.b64encode(data).decode("ascii")
    v.update(more)
    v.update(expected(v, data))
    vectors.append(v)


def expected(v: dict[str, Any], data: bytes) -> dict[str, Any]:
    response = v["response"].encode("utf-8") if "response" in v else None
    try:
        f = reference.fingerprint(data, v.get("layout"), response)
    except reference.RefusedError as e:
        return {"refused": e.reason}
    out = {"out": shown(f, v)}
    if "key" in v:
        out["keyed"] = shown(f.keyed(bytes.fromhex(v["key"])), v)
    return out


def shown(f: reference.Fingerprint, v: dict[str, Any]) -> dict[str, Any]:
    return {
        "payload": f.payload.hex(),
        "shape": f.shape.hex(),
        "context": f.context.hex(),
        "turns": [h.hex() for h in f.turns],
        "chain": [h.hex() for h in f.chain],
        "chain_out": None if f.chain_out is None else f.chain_out.hex(),
        "text": f.text(v.get("api"), v.get("operation"), v.get("effects", [])),
    }


def of(layout: str, name: str, payload: str, **more: Any) -> None:
    """A vector with one of the layouts above, with its API's names, and in the keyed form, too."""
    api, operation = NAMES[layout]
    more = {"layout": LAYOUTS[layout], "api": api, "operation": operation, "effects": [], "key": KEY.hex()} | more
    vector(f"{layout}: {name}", payload, **more)


def scalars() -> None:
    for word in ("null", "true", "false"):
        vector(f"literal {word}", word)
    numbers = """0 -0 1 -1 10 1.0 1e0 100E-2 0.1 -0.1 1.10 0.0 -0.0 0e5 -0E-0 1e-999 -1e-999 123456789 9007199254740991 9007199254740992
        9007199254740993 9007199254740993.0 18446744073709551616 -9223372036854775809 123456789012345678901234567890 1e20 1e21 1E+21 1e-6
        1E-7 1.5e-7 123456789012345678901.0 0.000001 0.0000001 5e-324 4.9e-324 2.2250738585072014e-308 1.7976931348623157e308 1.8e308
        -1.8E+308 1.50E+0400 -1e00400 1e+999 333333333.33333329 4.50 2e-3 0.000000000000000000000000001 1424953923781206.2
        7.120236347223045e-307 9.5e-1 1.25 -2.5E+2"""
    for n in numbers.split():
        vector(f"number {n}", n)
    vector("number of 400 digits with a point", "1" * 400 + ".0")
    vector("number of 400 digits and an exponent of zero", "1" * 400 + "e-00")
    vector("integer of 400 digits", "9" * 400)
    strings = {
        "empty": '""',
        "letter": '"a"',
        "a digit": '"1"',
        "a literal": '"null"',
        "short escapes": r'"\"\\\/\b\f\n\r\t"',
        "short escapes as u": r'"\u0022\u005C\u002f\u0008\u000c\u000A\u000d\u0009"',
        "NUL": r'"a\u0000b"',
        "NUL alone": r'"\u0000"',
        "controls": r'"\u0001\u001f\u007f\u0080"',
        "NFC": '"caf\u00e9"',
        "NFC escaped": r'"caf\u00E9"',
        "NFD": '"cafe\u0301"',
        "three bytes": '"\u20ac\u6f22"',
        "astral": '"\U0001f602"',
        "astral as a pair": r'"\ud83d\ude02"',
        "astral as a pair, upper case": r'"\uD83D\uDE02"',
        "last code point": r'"\udbff\udfff"',
        "high surrogate alone": r'"\ud83d"',
        "low surrogate alone": r'"\ude02"',
        "low before high": r'"\ude02\ud83d"',
        "high, high, low": r'"\ud83d\ud83d\ude02"',
        "high, then a letter": r'"\ud83dA"',
        "high, then another escape": r'"\ud83d\n\ude02"',
        "U+FEFF inside": '"\ufeffa"',
        "line separators": '"\u2028\u2029\u0085"',
        "non-characters": '"\ufffe\uffff"',
        "quotation mark first": r'"\"a"',
        "long": '"' + "0123456789abcdef" * 20 + '"',
    }
    for name, s in strings.items():
        vector(f"string: {name}", s)


def containers() -> None:
    deepest = "[" * 1024 + "]" * 1024
    cases = {
        "empty array": "[]",
        "empty object": "{}",
        "array of an empty array": "[[]]",
        "array of an empty object": "[{}]",
        "array of two empty arrays": "[[],[]]",
        "nested arrays": "[1,[2,[3,[4,[5,[]]]]]]",
        "other nesting": "[1,[2,[3,[4,[5]],[]]]]",
        "array order": "[2,1]",
        "array order, the other": "[1,2]",
        "framing 1": '["ab","c"]',
        "framing 2": '["a","bc"]',
        "framing 3": '["abc"]',
        "array of nulls": "[null,null,null]",
        "white space": ' \t\r\n{ "a" : [ 1 , 2 ] ,\r\n "b" : null } \n',
        "no white space": '{"a":[1,2],"b":null}',
        "order of members": '{"b":null,"a":[1,2]}',
        "escaped names": r'{"\u0061":[1,2],"\u0062":null}',
        "name and value": '{"a":"b"}',
        "value and name": '{"b":"a"}',
        "object as array": '["a","b"]',
        "empty name": '{"":0}',
        "NUL in a name": r'{"a\u0000":0}',
        "lone surrogate in a name": r'{"\ud800":0,"a":1}',
        "duplicates": '{"a":1,"a":2}',
        "duplicates, the other order": '{"a":2,"a":1}',
        "duplicates, equal": '{"a":1,"a":1}',
        "duplicates, escaped, apart": r'{"a":1,"b":0,"\u0061":2}',
        "duplicates, other members moved": r'{"b":0,"a":1,"a":2}',
        "many names": json.dumps({f"k{i}": i for i in range(40)}),
        "many names, backwards": json.dumps({f"k{i}": i for i in reversed(range(40))}),
        "weird names": '{"\u20ac":1,"\\r":2,"\ufb33":3,"1":4,"\U0001f602":5,"\u0080":6,"\u00f6":7,"</script>":8}',
        "depth 1024": deepest,
        "all types": '{"n":null,"t":true,"f":false,"i":1,"d":1.5,"s":"x","a":[],"o":{}}',
    }
    for name, text in cases.items():
        vector(f"container: {name}", text)


def shapes() -> None:
    cases = {
        "scalars": '{"a":1,"b":"x","c":null,"d":true}',
        "other scalars, same types": '{"d":false,"c":null,"b":"yy","a":-2.5}',
        "one letter for both booleans": "[true,false]",
        "distinct elements": '[1,"a",2,"b",3]',
        "distinct elements, other order": '["a",1]',
        "elements of one type": "[1,2,3]",
        "objects in arrays": '[{"a":1},{"a":2},{"b":1}]',
        "object at depth 3": '{"a":{"b":{"c":1}}}',
        "object at depth 4": '{"a":{"b":{"c":{"d":1}}}}',
        "object at depth 4, other names": '{"a":{"b":{"c":{"e":[],"f":2}}}}',
        "array at depth 4": '{"a":{"b":{"c":[1,"x"]}}}',
        "array at depth 4 with objects": '{"a":{"b":{"c":[{"d":1},{"e":2}]}}}',
        "array at depth 4 with arrays": '{"a":{"b":{"c":[[1],["x"],[[null]]]}}}',
        "array in an object at depth 4": '{"a":{"b":{"c":{"d":[1]}}}}',
        "arrays do not count": '{"a":[[[[{"b":[[{"c":1}]]}]]]]}',
        "arrays do not count, one deeper": '{"a":[[[[{"b":[[{"c":{"d":1}}]]}]]]]}',
        "empty containers": '{"a":[],"b":{},"c":[[]],"d":[{}]}',
        "duplicates": '{"a":1,"a":"x"}',
        "duplicates, the other order": '{"a":"x","a":1}',
    }
    for name, text in cases.items():
        vector(f"shape: {name}", text)


def layouts() -> None:
    ask = '{"role":"user","content":"What is demurrage?"}'
    say = '{"role":"assistant","content":"A charge for delay."}'
    sys_ = '{"role":"system","content":"Be brief."}'
    tool = '{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"q":{"type":"string"}}}}}'
    reply = '{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"A charge for delay.","refusal":null}}]}'
    of("chat", "one turn", f'{{"model":"m","messages":[{ask}]}}')
    of("chat", "one turn with the answer", f'{{"model":"m","messages":[{ask}]}}', response=reply)
    of("chat", "the answer sent back", f'{{"model":"m","messages":[{ask},{say}]}}', effects=["replay"])
    of("chat", "system turn", f'{{"messages":[{sys_},{ask},{say}],"tools":[{tool}]}}', effects=["replay"])
    of("chat", "developer turn", f'{{"messages":[{sys_.replace("system", "developer")},{ask}]}}')
    of("chat", "two context turns", f'{{"messages":[{sys_},{ask},{sys_}],"tools":null,"response_format":{{"type":"text"}}}}')
    of("chat", "the same, context in another order", f'{{"response_format":{{"type":"text"}},"messages":[{sys_},{ask},{sys_}]}}')
    of("chat", "content null, tool calls", '{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"a"}]}]}')
    of("chat", "both contents, names in another order", '{"messages":[{"tool_calls":[1],"role":"assistant","content":"x"}]}')
    of("chat", "no content", '{"messages":[{"role":"user"},{"role":"user","content":null},{}]}')
    of("chat", "turns that are no objects", '{"messages":["a",1,null,[],["b"],true]}')
    of("chat", "role of another type", '{"messages":[{"role":["system"],"content":"x"},{"role":null},{"role":"System"}]}')
    of("chat", "no turns", '{"messages":[]}')
    of("chat", "no turns, an answer", '{"messages":[]}', response=reply)
    of("chat", "turns null", '{"messages":null}')
    of("chat", "turns absent", '{"model":"m"}')
    of("chat", "turns an object", '{"messages":{"role":"user","content":"x"}}')
    of("chat", "turns a number", '{"messages":1.0}')
    of("chat", "payload no object", "[1]")
    of("chat", "duplicate messages", f'{{"messages":[{ask}],"messages":[{say}]}}')
    of("chat", "duplicate content", '{"messages":[{"role":"user","content":null,"content":"b","content":"c"}]}')
    of("chat", "duplicate role", '{"messages":[{"role":"user","role":"system","content":"b"}]}')
    of("chat", "duplicate tools", '{"tools":[1,2],"tools":[3],"messages":[]}')
    of("chat", "escaped names", r'{"mess\u0061ges":[{"r\u006fle":"syst\u0065m","cont\u0065nt":"x"}]}')
    of(
        "chat",
        "an answer with null content",
        f'{{"messages":[{ask}]}}',
        response='{"choices":[{"message":{"role":"assistant","content":null}}]}',
    )
    of("chat", "an answer without content", f'{{"messages":[{ask}]}}', response='{"choices":[{"message":{"role":"assistant"}}]}')
    of("chat", "an answer without choices", f'{{"messages":[{ask}]}}', response='{"choices":[]}')
    for n in (0, 1, 2, 3, 4, 7, 8, 16):
        turns, tools = ",".join([ask] * n), ",".join([tool] * n)
        of("chat", f"{n} turns and tools", f'{{"messages":[{turns}],"tools":[{tools}]}}')
    of("chat", "tools no array", f'{{"messages":[{ask}],"tools":{{"a":1}}}}')
    of("responses", "text input", '{"model":"m","input":"What is demurrage?"}', effects=["write"])
    of("responses", "list input", f'{{"input":[{sys_},{ask},{{"type":"function_call_output","call_id":"c","output":"42"}}]}}')
    of("responses", "instructions", '{"instructions":"Be brief.","input":"x","previous_response_id":"resp_1"}', effects=["read", "write"])
    of(
        "responses",
        "two output items",
        '{"input":"x"}',
        response='{"output":[{"type":"reasoning","id":"r"},'
        '{"type":"message","role":"assistant","content":[{"type":"output_text","text":"y"}]}]}',
        effects=["write", "retain"],
    )
    of("responses", "no output items", '{"input":"x"}', response='{"output":[]}')
    of("responses", "answer is null", '{"input":"x"}', response="null")
    of(
        "anthropic",
        "system text",
        '{"system":"Be brief.","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]}',
        effects=["cache"],
    )
    of(
        "anthropic",
        "answer",
        '{"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":"x"}]}',
        response='{"id":"msg_1","role":"assistant","content":[{"type":"text","text":"y"}]}',
        effects=["cache"],
    )
    of("gemini", "two turns", '{"contents":[{"role":"user","parts":[{"text":"x"}]},{"parts":[{"text":"y"}],"role":"model"}]}')
    of(
        "gemini",
        "system, tools, answer",
        '{"systemInstruction":{"parts":[{"text":"s"}]},"tools":[{"functionDeclarations":[{"name":"f"}]}],'
        '"contents":{"parts":[{"text":"x"}]}}',
        response='{"candidates":[{"content":{"role":"model","parts":[{"text":"y"}]}}]}',
        effects=["reference"],
    )
    of(
        "converse",
        "system, tools, answer",
        '{"system":[{"text":"s"}],"toolConfig":{"tools":[{"toolSpec":{"name":"f"}},{"cachePoint":{"type":"default"}}]},'
        '"messages":[{"role":"user","content":[{"text":"x"}]}]}',
        response='{"output":{"message":{"role":"assistant","content":[{"text":"y"}]}}}',
        effects=["label"],
        key=OTHER_KEY.hex(),
    )
    of("completions", "one prompt", '{"prompt":"x"}', response='{"choices":[{"text":"y"}]}')
    of("completions", "prompts", '{"prompt":["x","y"]}', response='{"choices":[{"text":null}]}')
    of(
        "two",
        "both pointers",
        '{"message":"c","chat_history":[{"role":"USER","message":"a"},{"role":"CHATBOT","message":"b"}],"preamble":"p"}',
    )
    of("two", "only the second", '{"message":"c","preamble":null,"chat_history":null}', response='{"text":"d"}')
    vector("layout: no parts", f'{{"messages":[{ask}],"tools":[1]}}', layout={}, api="a", operation="b")
    vector("layout: pointer with an index", '{"a":[{"b":"x"},{"b":"y"}]}', layout={"turns": ["/a/1/b"]}, api="a", operation="b")
    vector("layout: pointer with escapes", '{"a/b":{"c~d":["x","y"]}}', layout={"turns": ["/a~1b/c~0d"]}, api="a", operation="b")
    vector(
        "layout: context at some depth",
        '{"a":{"b":"x"},"c":[{"d":1},{"d":2}]}',
        layout={"context": ["/c/1/d", "/a/b", "/a/none"]},
        api="a",
        operation="b",
    )


def texts() -> None:
    every = list(reference.EFFECTS)
    for effect in every:
        vector(f"text: {effect}", "{}", api="x.y", operation="z", effects=[effect])
    vector("text: all effects", "{}", api="x.y", operation="z", effects=every, key=KEY.hex())
    vector("text: effects in another order", "{}", api="x.y", operation="z", effects=["label", "read"])
    vector("text: names with odd characters", "{}", api="open_ai/chat v1", operation="chat:create-2.x", key=OTHER_KEY.hex())
    vector("text: nothing is known", '{"a":1}', key=KEY.hex())


def refused() -> None:
    cases: dict[str, str | bytes] = {
        "nothing": "",
        "two texts": "{}{}",
        "trailing comma": "[1,]",
        "leading zero": "[01]",
        "NaN": "NaN",
        "single quotes": "{'a':1}",
        "bad escape": r'"\x41"',
        "raw control character": '"\n"',
        "cut": '{"a":[1,2',
        "NUL after a number": b"1\0",
        "overlong": b'"\xc0\xaf"',
        "surrogate as bytes": b'"\xed\xa0\xbd"',
        "beyond U+10FFFF": b'"\xf4\x90\x80\x80"',
        "cut character": b'"\xe2\x82"',
        "byte order mark": "\ufeff{}",
        "too deep": "[" * 1025 + "]" * 1025,
    }
    for name, text in cases.items():
        vector(f"refused: {name}", text)


def main() -> int:
    for group in (scalars, containers, shapes, layouts, texts, refused):
        group()
    assert len({v["name"] for v in vectors}) == len(vectors)
    text = "".join(json.dumps(v) + "\n" for v in vectors)
    if "--check" in sys.argv[1:]:
        same = OUT.read_text("utf-8") == text
        print(f"{OUT.relative_to(ROOT)}: {'up to date' if same else 'differs'}, {len(vectors)} vectors")
        return 0 if same else 1
    OUT.write_text(text, "utf-8")
    print(f"{OUT.relative_to(ROOT)}: {len(vectors)} vectors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
