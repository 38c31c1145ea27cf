"""The same content given twice: told by the bytes, read once, said."""

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from harness import engine
from stateprint.inputs.copies import ALIKE, MOST, START, Likeness, likenesses
from stateprint.inputs.places import expand

LINE = b'{"model":"gpt-5","input":"%08d"}\n'
SHORT = b"".join(LINE % i for i in range(20))
MIDDLE = b"".join(LINE % i for i in range(2 * START // len(LINE % 0)))
LONG = b"".join(LINE % i for i in range(3 * ALIKE // len(LINE % 0)))


def put(folder: Path, **files: bytes) -> list[str]:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [str(folder / name) for name in files]


def found(names: list[str]) -> dict[int, tuple[str, str]]:
    """What the inputs are like: number → kind, number of the other."""
    told = likenesses(list(expand(names)), 1 << 40)
    return {i: (like.kind, names[names.index(like.other)]) for i, like in told.items()}


def zstd(data: bytes) -> bytes:
    packed: bytes = pytest.importorskip("zstandard").ZstdCompressor().compress(data)
    return packed


@pytest.mark.parametrize("data", [SHORT, MIDDLE, LONG], ids=["short", "middle", "long"])
def test_the_same_content_in_any_packing(tmp_path: Path, data: bytes) -> None:
    members = gzip.compress(data[: len(data) // 2], 1) + gzip.compress(data[len(data) // 2 :])
    names = put(tmp_path, plain=data, other=data, packed=gzip.compress(data), members=members, zstd=zstd(data))
    assert found(names) == dict.fromkeys(range(1, 5), ("same", names[0]))
    assert found(names[::-1]) == dict.fromkeys(range(1, 5), ("same", names[4]))


def test_the_same_file_under_another_name(tmp_path: Path) -> None:
    (name,) = put(tmp_path, log=LONG)
    os.link(name, tmp_path / "linked")
    (tmp_path / "pointed").symlink_to(name)
    names = [name, str(tmp_path / "linked"), str(tmp_path / "pointed"), name, os.path.relpath(name), f"{tmp_path}/./log"]
    assert found(names) == dict.fromkeys(range(1, 6), ("file", name))
    (tmp_path / "again").write_bytes(LONG)
    assert found([str(tmp_path / "again"), *names[:2]]) == {1: ("same", str(tmp_path / "again")), 2: ("same", str(tmp_path / "again"))}


SIZES = (1, 100, len(SHORT) - 1, START - 1, START, START + 1, len(MIDDLE) - 1, ALIKE, len(LONG) - 1)


@pytest.mark.parametrize(("whole", "size"), [(whole, size) for whole in (SHORT, MIDDLE, LONG) for size in SIZES if size < len(whole)])
def test_what_another_one_goes_on_from(tmp_path: Path, whole: bytes, size: int) -> None:
    names = put(tmp_path, whole=whole, part=whole[:size], packed=gzip.compress(whole[:size]))
    part = ("part", names[0])
    assert found(names) == {1: part, 2: part}
    assert found(names[1:] + names[:1]) == {0: part, 1: part}
    assert found([names[2], names[0]]) == {0: part}


def test_of_several_that_go_on_the_longest_is_read(tmp_path: Path) -> None:
    sizes = (300, 100, len(LONG) - 5, len(MIDDLE), len(LONG), START)
    names = put(tmp_path, **{f"log{size}": LONG[:size] for size in sizes})
    assert found(names) == dict.fromkeys((0, 1, 2, 3, 5), ("part", names[4]))


@pytest.mark.parametrize("data", [SHORT, MIDDLE, LONG[: ALIKE - 34]], ids=["short", "middle", "long"])
def test_other_content_is_no_copy(tmp_path: Path, data: bytes) -> None:
    names = put(tmp_path, log=data + LINE % 1, other=data + LINE % 2, packed=gzip.compress(data + LINE % 3), lone=b"x" + data, none=b"")
    assert found(names) == {}


@pytest.mark.parametrize("other", [LONG + LINE % 1, LONG[:-9] + LONG[-9:].upper() + b" ", LONG[:-3] + b"x" + LONG[-2:]])
def test_content_that_begins_alike_is_said(tmp_path: Path, other: bytes) -> None:
    names = put(tmp_path, log=LONG + LINE % 2, other=other, packed=gzip.compress(other))
    assert found(names) == {1: ("begins", names[0]), 2: ("same", names[1])}
    assert found([names[0], names[2]]) == {1: ("begins", names[0])}


def test_files_without_content_are_all_read(tmp_path: Path) -> None:
    assert found(put(tmp_path, one=b"", two=b"", three=gzip.compress(b""))) == {}


def test_what_is_damaged_is_read(tmp_path: Path) -> None:
    """It could hold more; but a copy of a damaged file is a copy, and what came before the damage may hold all of another one."""
    cut = gzip.compress(LONG)[:-20]
    names = put(tmp_path, whole=gzip.compress(LONG), cut=cut, again=cut, noise=b"\x1f\x8bnoise", part=LONG[:ALIKE])
    assert found(names) == {1: ("begins", names[0]), 2: ("same", names[1]), 4: ("part", names[0])}
    assert found(names[1:]) == {1: ("same", names[1]), 3: ("part", names[1])}
    assert found(names[1::-1]) == {1: ("begins", names[1])}
    assert found(put(tmp_path, short=gzip.compress(SHORT)[:-6], plain=SHORT, longer=MIDDLE)) == {1: ("part", str(tmp_path / "longer"))}


def test_no_more_than_some_are_compared(tmp_path: Path) -> None:
    names = put(tmp_path, **{f"log{i:02}": LONG + LINE % i for i in range(MOST + 2)}, last=LONG + LINE % (MOST + 1), early=LONG + LINE % 1)
    told = found(names)
    assert told[len(names) - 1] == ("same", names[1])
    assert told[len(names) - 2] == ("begins", names[0])


# ----------------------------------------------------------------------------------------------------------------------------- the scan
def scanned(names: list[str], **options: Any) -> sp.Scan:
    done = sp.scan(names, engine=engine(), strict=False, **options)
    done.table()
    return done


def test_a_copy_is_read_once(tmp_path: Path) -> None:
    names = put(tmp_path, log=LONG, other=SHORT.replace(b"input", b"other"), copy=gzip.compress(LONG))
    once, alone = scanned(names), scanned(names[:2])
    assert once.table().to_pylist() == alone.table().to_pylist()
    assert once.summary.lines == alone.summary.lines == (LONG + SHORT).count(b"\n")
    assert once.summary.complete
    assert [(one["source"], one["likeness"], one["like"], one["bytes"]) for one in once.summary.inputs] == [
        (names[0], None, None, len(LONG)),
        (names[1], None, None, len(SHORT)),
        (names[2], "same", names[0], 0),
    ]
    with pytest.warns(sp.InputWarning, match="copy has the same content as .*log: its rows are given once"):
        list(sp.scan(names, engine=engine()))
    with pytest.warns(sp.InputWarning, match="log is named twice"):
        list(sp.scan([names[0], names[0]], engine=engine()))


def test_a_log_that_was_copied_before_it_went_on(tmp_path: Path) -> None:
    names = put(tmp_path, copy=SHORT[:-10], log=MIDDLE)
    done = scanned(names)
    assert done.table().to_pylist() == scanned(names[1:]).table().to_pylist()
    assert [(one["source"], one["likeness"]) for one in done.summary.inputs] == [(names[0], "part"), (names[1], None)]
    assert Likeness("part", "b").told("a") == "a is the beginning of b: its rows are given once"


def test_copies_are_kept_when_asked(tmp_path: Path) -> None:
    names = put(tmp_path, log=SHORT, copy=gzip.compress(SHORT))
    twice = scanned(names, copies="keep")
    assert twice.summary.lines == 40
    assert [one["likeness"] for one in twice.summary.inputs] == [None, None]
    with pytest.raises(sp.ConfigError, match="expected 'skip' or 'keep'"):
        scanned(names, copies="drop")


def test_a_file_that_goes_on_otherwise_is_read_and_said(tmp_path: Path) -> None:
    done = scanned(put(tmp_path, log=LONG + LINE % 1, other=LONG + SHORT))
    assert [one["like"] for one in done.summary.inputs] == [None, str(tmp_path / "log")]
    assert done.summary.lines == (2 * LONG + SHORT).count(b"\n") + 1
    with pytest.warns(sp.InputWarning, match="other begins as .*log does: rows may be there twice"):
        list(sp.scan([tmp_path / "log", tmp_path / "other"], engine=engine()))


def test_progress_counts_what_is_read(tmp_path: Path) -> None:
    seen: list[Any] = []
    scanned(put(tmp_path, log=SHORT, copy=SHORT), progress=seen.append)
    assert (seen[-1].done, seen[-1].total) == (len(SHORT), len(SHORT))


def test_an_input_that_is_gone_meanwhile_is_like_nothing(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path in paths:
        path.write_bytes(b"x" * (2 * START))
    places = list(expand(map(str, paths)))
    paths[1].unlink()
    assert likenesses(places, 1 << 40) == {2: Likeness("same", str(paths[0]))}
