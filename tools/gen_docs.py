#!/usr/bin/env python3
"""Writes docs/columns.md, docs/limits.md and docs/errors.md out of the lists in csrc. With --check: says which are out of date."""

import re
import sys
from ast import literal_eval
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STRING = r'("(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*)'
NOTE = "<!-- Written by tools/gen_docs.py out of {sources}. Change those. -->\n\n"


def entries(file: str, macro: str, fields: str) -> list[tuple[str, ...]]:
    """Arguments of every `macro(...)` of a file. fields: one letter each, w a word or number, s a string."""
    pattern = rf"(?<!define )\b{macro}\(" + r"\s*,\s*".join(STRING if f == "s" else r"([\w.]+)" for f in fields) + r"\s*\)"
    text = (ROOT / "csrc" / file).read_text(encoding="utf-8")
    rows = [m.groups() for m in re.finditer(pattern, text)]
    if not rows:
        raise SystemExit(f"no {macro} in csrc/{file}")
    return [tuple(str(literal_eval(f"({v})")).replace("|", "\\|") if v.startswith('"') else v for v in row) for row in rows]


def table(head: str, rows: list[list[str]]) -> str:
    names = head.split("|")
    return (
        "\n".join(["| " + " | ".join(names) + " |", "|" + " --- |" * len(names), *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"
    )


def kind_names() -> dict[str, str]:
    return {
        "STR": "text",
        "DICT": "text, dictionary",
        "NAME": "text, dictionary",
        "HEX": "text, hex",
        "I64": "int64",
        "I32": "int32",
        "BOOL": "bool",
        "TIME": "timestamp (µs, UTC)",
        "STRS": "list of text",
        "HEXS": "list of text, hex",
    }


def columns() -> str:
    text = "# Columns\n\n" + NOTE.format(sources="csrc/sp_columns.def")
    text += (
        "Tables come as Arrow, pandas, Polars, DuckDB, Parquet, NDJSON or CSV, with these columns in this order. Every column but `uid`\n"
        "can be null. In CSV a list is joined with `;`. Identifiers are shown where they look like one; anything else stands as a tag\n"
        "(`--with-text` shows values). A dictionary is Arrow's: each text once a batch, and a code a row. pandas makes it a `category`, Polars a\n"
        "`Categorical`; `.arrow` files have plain text there, since that format has one dictionary a file.\n"
    )
    for title, macro, lead in (
        (
            "exchanges",
            "SP_EXCHANGE_COLUMN",
            "One row for every exchange of the log, in its order; a line that can't be read has a row with `state` null and an `error`.",
        ),
        ("evidence", "SP_EVIDENCE_COLUMN", "One row for every mark that a verdict rests on; joined to `exchanges` by `uid`."),
    ):
        rows = [[f"`{name}`", kind_names()[kind], meaning] for name, kind, meaning in entries("sp_columns.def", macro, "wws")]
        text += f"\n## {title}\n\n{lead}\n\n{table('column|type|meaning', rows)}"
    return text


def limits() -> str:
    rows = [
        [f"`{name}`", f"{int(default):,}", f"{int(hard):,}", meaning]
        for name, default, hard, meaning in entries("sp_limits.h", "X", "wwws")
    ]
    return (
        "# Limits\n\n"
        + NOTE.format(sources="csrc/sp_limits.h")
        + "Every bound of the core. A bound is passed only with a reject or a flag that says so, never in silence. Settable per engine\n"
        "(`Engine(limits={...})`) up to the hard maximum.\n\n"
        + table("name|default|hard maximum|what it bounds, and what happens beyond", rows)
    )


def errors() -> str:
    statuses = [[f"`{code}`", expected] for _, code, expected in entries("sp_status.def", "SP_STATUS", "wss") if code != "ok"]
    flags = [[f"`{name}`", meaning] for _, name, meaning in entries("sp_flags.def", "SP_FLAG", "wss")]
    return (
        "# Rejects, flags, errors\n\n"
        + NOTE.format(sources="csrc/sp_status.def and csrc/sp_flags.def")
        + """## Why a line or a payload is rejected

A scan gives such a line a row with `state` null and goes on; `classify` and its like raise `PayloadError` with the same parts: `reason`,
`offset`, `line`, `column`, `expected`, `path`. The text never quotes the payload.

`offset` counts bytes from 0 within the line, before any decoding. It is the smallest index at which no valid document can go on; the
length of the line where it just stops; for bad UTF-8 the first byte of the sequence. `line_too_long` wins over everything, since such a
line is not read. At the same offset the order is `unexpected_bom`, `invalid_utf8`, `nul_byte`, the rest. `number_too_long` and
`key_too_long` point at the start of the token.

"""
        + table("reason|what was expected", statuses)
        + """
## Flags

What is remarkable about an exchange that was read. None of them changes the verdict by itself.

"""
        + table("flag|meaning", flags)
        + """
## An input as a whole

`InputError` (`source`, `byte`, `lines_done`); what could be read before is classified, and the exit code is 3.

| code | meaning |
| --- | --- |
| `unsupported_encoding` | UTF-16 or UTF-32; no line is read |
| `gzip_truncated`, `zlib_truncated`, `zstd_truncated`, `bzip2_truncated`, `xz_truncated` | the packed stream stops; a last line without its end is rejected as `input_cut` |
| `gzip_crc`, `gzip_length`, `gzip_data`, `zlib_checksum`, `zlib_data`, `zstd_checksum`, `zstd_data`, `bzip2_crc`, `xz_data` | what was read can't be trusted |
| `bzip2_data` | a block is damaged; it is not read, all before it is |
| `gzip_trailing_garbage`, `zlib_trailing_garbage`, `zstd_trailing_garbage`, `bzip2_trailing_garbage`, `xz_trailing_garbage` | other bytes after the packed stream |
| `zstd_window`, `xz_window` | unpacking needs more than 128 MiB of memory |
| `zstd_dictionary` | the data was packed with a dictionary |
| `unsupported_packing` | a packing that is recognised and not read (lz4, compress, 7z, rar); no line is read |
| `nested_compression` | the unpacked stream is packed again; no line is read |
| `tar_truncated`, `zip_truncated` | the archive stops, in a file that is read so far, or between two: files may be missing |
| `tar_data`, `zip_data` | a header or packed data is damaged |
| `zip_crc`, `zip_length` | what was read of this file can't be trusted |
| `zip_directory` | the directory of the archive names other files than those that it has |
| `tar_trailing_garbage`, `zip_trailing_garbage` | other bytes after the archive |
| `nested_archive` | an archive in an archive; it is not read |
| `encrypted_member`, `unsupported_member` | a file in an archive that can't be read; the others are |
| `no_match` | no file has this name, or is in this folder or archive |
| `no_draft` | `--write-map`: the records are payloads already, or no call is recognised in them |
| `unclosed` | a record, or what holds the records, has no end; a rejected row says from where on nothing could be read |
| `yaml_syntax` | the same, of a cassette that is no YAML from there on |
| `table_data` | a table (Parquet, Arrow, a frame) can't be read from some row on; the rows before it are given |
| `table_in_stream` | a Parquet or Arrow file that is packed, or comes through a pipe: it has to be a file of its own; no row is read |
| `unpacked_limit` | more bytes than `max_unpacked_bytes` |
| `member_limit` | an archive of more than 100,000 files; the rest is not read |
| `reject_limit` | more rejected lines than `--max-rejects` |
| `input_changed` | a file was written to between two readings (`same_call`) |
| `not_a_file` | a device, a pipe, or standard input that is closed |

## An option that is refused

`ConfigError`, before anything is read; the exit code is 2. Files of yours are named with line and column.

| code | meaning |
| --- | --- |
| `option`, `usage` | a value that the option does not have, or two options that exclude each other |
| `where` | an expression that can't be read: line and column in it, and what was expected there ([filters](filters.md)) |
| `format`, `lens`, `kernel`, `limit`, `key`, `rule`, `column` | there is no such one, or it is none |
| `unreadable` | a file of yours that can't be read |
| `mirror` | there is no such folder |
| `extra` | a library is not installed; the message names the extra (`MissingExtra`, which is an `ImportError`, too) |
| `syntax`, `meaning` | a rule pack, a context file or a mapping: it can't be read; it says something that means nothing |

## An output that is not written

`OutputError` (an `OSError`, too: `errno`, `filename`); what stood at its place before is as it was, and the exit code is 5.

| code | meaning |
| --- | --- |
| `output` | the place can't be written to: a folder, a device, a full disk, a pipe that is closed |
| `exists` | there is a file of that name; `--force` replaces it |

## Exit codes

| code | meaning |
| --- | --- |
| 0 | ran |
| 1 | an example of `rules test` failed |
| 2 | usage, or a rule, lens, context file or mapping that is refused |
| 3 | input unreadable or incomplete, or no call recognised in any input |
| 5 | an output could not be written |
| 70 | a bug; please report it |
| 130 | interrupted |

If several apply: 70, 130, 5, 3, 2, 1.
"""
    )


PAGES = {"columns.md": columns, "limits.md": limits, "errors.md": errors}


def main(check: bool) -> int:
    stale = []
    for name, page in PAGES.items():
        path, text = ROOT / "docs" / name, page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    if stale:
        print(("out of date, run tools/gen_docs.py: " if check else "written: ") + ", ".join(f"docs/{name}" for name in stale))
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
