#!/usr/bin/env python3
"""Reads the #include lines of csrc and fails where a file includes a header of a higher layer, or a library that belongs to another file.

Dependencies point down only; a file includes headers of its own or a lower layer. A unit is the name without suffix; `x_impl` and
`x.def` belong to `x`. A new unit has to be put into LAYERS.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "csrc"

LAYERS: dict[int, str] = {
    0: "sp_status sp_flags sp_limits sp_arena sp_text sp_hash sp_kernel sp_number sp_order sp_time sp_ident sp_split",  # no knowledge of payloads
    1: "sp_json sp_trie sp_near sp_scan sp_replay sp_diagnose sp_events sp_anyvalue sp_assemble sp_pattern sp_frames",  # one text: bytes to marks, hashes and byte ranges
    2: "sp_rules sp_build sp_places sp_derive sp_pack sp_context sp_formats sp_form sp_url sp_find sp_verdict sp_print",  # one exchange: what it is, what it means
    3: "sp_columns sp_answer sp_one sp_exchange sp_settle sp_stream sp_row sp_batch sp_given sp_pool sp_arrow sp_export sp_group sp_pick sp_filter sp_calls sp_tally",  # many exchanges: rows, workers, tables
    4: "binding",  # Python
}
LIBRARIES = {
    "Python.h": r"binding/.*",
    "structmember.h": r"binding/.*",
    "xxhash.h": r"sp_hash\w*\.[ch]|binding/core_module\.c",
    "jansson.h": r"sp_json\.[ch]|binding/core_module\.c",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def layer(name: str) -> int | None:
    """Layer of a file by the longest unit that its name begins with (sp_rules_impl.h belongs to sp_rules)."""
    if name.startswith("binding/"):
        return 4
    stem = name.split(".")[0]
    best = max(
        (unit for units in LAYERS.values() for unit in units.split() if stem == unit or stem.startswith(unit + "_")), key=len, default=""
    )
    return next((number for number, units in LAYERS.items() if best in units.split()), None)


def problems(root: Path) -> list[str]:
    found: list[str] = []
    for path in sorted(p for p in root.rglob("*") if p.suffix in {".c", ".h"} and "include" not in p.parts):
        name = path.relative_to(root).as_posix()
        own = layer(name)
        if own is None:
            found.append(f"csrc/{name}: in no layer; put its unit into tools/check_layers.py")
            continue
        for kind, header in INCLUDE.findall(path.read_text(encoding="utf-8")):
            if kind == "<":
                where = LIBRARIES.get(header)
                if where is not None and not re.fullmatch(where, name):
                    found.append(f"csrc/{name}: includes <{header}>, which only {where} may")
                continue
            if header == "stateprint.h":  # the public header, of no layer
                continue
            other = layer(f"binding/{header}" if (path.parent / header).exists() and own == 4 else header)
            if other is None or other > own:
                found.append(f"csrc/{name} (layer {own}): includes {header} (layer {other})")
    return found


def main() -> int:
    found = problems(ROOT)
    print("\n".join(found) if found else "layers: every include points down")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
