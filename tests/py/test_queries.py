"""Results of log queries: their rows are records, with the names of the columns."""

import json
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from harness import DATA, Row, compact, summed

SAMPLE = DATA / "samples" / "azure-loganalytics-query.json"
URL, BODY = "https://api.openai.com/v1/responses", '{"model":"gpt-5","input":"x","previous_response_id":"resp_1"}'


def result(*tables: tuple[list[str], list[Any]], rows_first: bool = False) -> bytes:
    made = []
    for names, rows in tables:
        columns = [{"name": name, "type": "string"} for name in names]
        made.append({"rows": rows, "columns": columns} if rows_first else {"name": "T", "columns": columns, "rows": rows})
    return compact({"tables": made})


def of(tmp_path: Path, data: bytes, **options: Any) -> tuple[list[Row], sp.Scan]:
    path = tmp_path / "result.json"
    path.write_bytes(data)
    return summed(path, **options)


def test_a_query_is_its_rows(tmp_path: Path) -> None:
    """The rows of a query, one by one as objects, give the rows of the table; with their places in the result."""
    data = SAMPLE.read_bytes()
    (table,) = json.loads(data)["tables"]
    names = [column["name"] for column in table["columns"]]
    lines = b"".join(compact(dict(zip(names, row, strict=True))) + b"\n" for row in table["rows"])
    want, _ = of(tmp_path, lines)
    got, scan = summed(SAMPLE)
    but = {"uid", "source", "line", "byte_start", "byte_end"}
    assert [{k: v for k, v in row.items() if k not in but} for row in got] == [
        {k: v for k, v in row.items() if k not in but} for row in want
    ]
    assert [json.loads(data[row["byte_start"] : row["byte_end"]])[1] for row in got] == [row["request_id"] for row in got]
    assert [row["line"] for row in got] == [data.count(b"\n", 0, row["byte_start"]) + 1 for row in got]
    assert scan.summary.inputs[0]["container"] == "/tables/*/rows"


@pytest.mark.parametrize("rows_first", [False, True])
def test_tables_of_a_query(rows_first: bool, tmp_path: Path) -> None:
    """Each has columns of its own, before its rows or behind them; a row that does not fit them is a reject."""
    rows = [[URL, BODY], [URL], 5, [URL, BODY, 1], []]
    data = result((["url", "body"], rows), (["body", "x", "url"], [[BODY, 1.50, URL]]), ([], []), rows_first=rows_first)
    got, scan = of(tmp_path, data, format="flat")
    assert [row["state"] for row in got] == ["stateful", None, None, None, None, "stateful"]
    assert scan.summary.rejected == {"not_an_object": 4}
    assert scan.errors == []


def test_values_are_those_of_the_result(tmp_path: Path) -> None:
    """As they are spelled: numbers beyond a double, names with escapes, half a surrogate pair."""
    data = b'{"tables":[{"columns":[{"name":"u\\u0072l"},{"name":"body"},{"type":"int"}],"rows":[[ "%s" ,{"model":"a\\ud800","n":1e999}, 7 ]]}]}'
    (row,), _ = of(tmp_path, data % URL.encode())
    assert (row["host"], sorted(row["flags"])) == ("api.openai.com", ["lone_surrogate", "number_overflow"])


def test_a_cut_query(tmp_path: Path) -> None:
    data = result((["url", "body"], [[URL, '{"model":"gpt-5"}']] * 5))
    for k in range(data.index(b"rows") + 8, len(data) - 4, 7):
        rows, scan = of(tmp_path, data[:k], format="flat")
        assert [error.code for error in scan.errors] == ["unclosed"]
        assert sum(row["error"] is None for row in rows) == data[:k].count(b'}"]')


def test_a_table_over_the_limit(tmp_path: Path) -> None:
    small = sp.Engine(limits={"max_line_bytes": 400})
    rows, _ = of(tmp_path, result((["a"], [["x" * 500]]), (["url", "body"], [[URL, BODY]])), engine=small)
    assert [(row["error"] or row["state"]).split(" ")[0] for row in rows] == ["line_too_long", "stateful"]


def test_what_only_begins_like_one(tmp_path: Path) -> None:
    """Other documents stay what they are."""
    for data in (b'{"tables":[]}', b'{"tables":[{"name":"x","columns":5}]}', b'{"tables":"columns"}'):
        _, scan = of(tmp_path, data)
        assert scan.summary.inputs[0]["container"] != "/tables/*/rows"
