"""Logs in tar and zip: each file is a log of its own, read as a stream, whatever is wrong with another one."""

import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

import stateprint as sp
from harness import engine
from stateprint.errors import InputError
from stateprint.inputs import sources
from stateprint.inputs.places import File, expand
from stateprint.inputs.sources import sources_of

LINES = b"".join(b'{"model":"gpt-5","input":"%d"}\n' % i for i in range(400))
FEW = b"".join(LINES.splitlines(keepends=True)[:20])
FILES = {
    "a.jsonl": LINES,
    "2026/b.jsonl.gz": gzip.compress(FEW),
    "empty": b"",
    f"{'long/' * 40}é.jsonl": FEW,
    "array.json": b"[" + FEW.rstrip().replace(b"\n", b",") + b"]",
    "README": b"This is no log.\n",
}


def tarred(files: dict[str, bytes], form: int = tarfile.PAX_FORMAT, **entry: Any) -> bytes:
    """An archive of files; entry: members of each TarInfo."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in entry.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Pipe(io.RawIOBase):
    """What can't be written to twice, so that lengths stand behind the members."""

    def __init__(self) -> None:
        self.data = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += bytes(data)
        return len(data)


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, pipe: bool = False) -> bytes:
    out = Pipe() if pipe else io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            with archive.open(name, "w") as member:
                member.write(content)
    return out.data if isinstance(out, Pipe) else out.getvalue()


ARCHIVES: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "pax": tarred,
    "gnu": lambda files: tarred(files, tarfile.GNU_FORMAT),
    "tar.gz": lambda files: gzip.compress(tarred(files)),
    "tar.zst": lambda files: zstandard.compress(tarred(files)),
    "tar.bz2": lambda files: bz2.compress(tarred(files)),
    "tar.xz": lambda files: lzma.compress(tarred(files)),
    "zip": zipped,
    "stored": lambda files: zipped(files, zipfile.ZIP_STORED),
    "piped": lambda files: zipped(files, pipe=True),
    "zip.gz": lambda files: gzip.compress(zipped(files)),
}


def read(path: Path | str, **options: Any) -> tuple[list[dict[str, Any]], sp.Scan]:
    scan = sp.scan(path, engine=engine(), strict=False, copies="keep", **options)
    return scan.table().to_pylist(), scan


def short(scan: sp.Scan) -> list[tuple[str, str | None]]:
    """What was read, without the name of the archive, and what was wrong."""
    return [(one["source"].partition("!")[2], one["error"]) for one in scan.summary.inputs]


class Pieces(io.RawIOBase):
    """Bytes that come in pieces."""

    def __init__(self, data: bytes, most: int) -> None:
        self.stream, self.most = io.BytesIO(data), most

    def readable(self) -> bool:
        return True

    def readinto(self, view: Any) -> int:
        data = self.stream.read(min(len(view), self.most))
        view[: len(data)] = data
        return len(data)


def contents(data: bytes, most: int = 1 << 20) -> list[tuple[str, bytes, tuple[str, int | None, bool] | None]]:
    """Name, content and error of each log in it."""
    found = []
    for source in sources_of(File("x", Pieces(data, most), len(data)), 1 << 26):  # type: ignore[arg-type]
        content, error = b"", None
        try:
            for piece in source.pieces():
                content += piece
        except InputError as e:
            error = (e.code, e.byte, e.cut)
        found.append((source.name, content, error))
    return found


def codes(data: bytes) -> list[tuple[str, str | None]]:
    return [(name.removeprefix("x!"), error[0] if error else None) for name, _, error in contents(data)]


# ----------------------------------------------------------------------------------------------------------------------- what is in it
@pytest.mark.parametrize("form", ARCHIVES)
def test_an_archive_gives_what_its_files_give(tmp_path: Path, form: str) -> None:
    """In the order of the archive, with the same uids; only the source has another name."""
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    want, plain = read([tmp_path / name for name in FILES])  # type: ignore[arg-type]
    (tmp_path / "logs").write_bytes(ARCHIVES[form](FILES))
    for threads in (1, 3):
        rows, scan = read(tmp_path / "logs", threads=threads)
        assert [row | {"source": ""} for row in rows] == [row | {"source": ""} for row in want]
        assert [one["source"] for one in scan.summary.inputs] == [f"{tmp_path}/logs!{name}" for name in FILES]
        assert scan.summary.complete
        assert scan.summary.rejected == plain.summary.rejected == {"syntax": 1}
        for key in ("bytes", "format", "container"):
            assert [one[key] for one in scan.summary.inputs] == [one[key] for one in plain.summary.inputs]
        packings = [one["packing"] for one in scan.summary.inputs]
        around = {"pax": "tar", "gnu": "tar", "stored": "zip", "piped": "zip", "zip": "zip", "zip.gz": "gzip+zip"}
        around |= {"tar.gz": "gzip+tar", "tar.zst": "zstd+tar", "tar.bz2": "bzip2+tar", "tar.xz": "xz+tar"}
        assert packings[:3] == [around[form], f"{around[form]}+gzip", around[form]]


def test_one_file_of_an_archive(tmp_path: Path) -> None:
    """By the name that the table has for it."""
    (tmp_path / "a!.zip").write_bytes(zipped({"b": LINES, "c": FEW}))
    rows, _ = read(f"{tmp_path}/a!.zip!c")
    assert {row["source"] for row in rows} == {f"{tmp_path}/a!.zip!c"}
    assert len(rows) == 20
    assert [error.code for error in read(f"{tmp_path}/a!.zip!d")[1].errors] == ["no_match"]
    (tmp_path / "plain").write_bytes(LINES)
    assert [error.code for error in read(f"{tmp_path}/plain!d")[1].errors] == ["no_match"]
    (tmp_path / "plain!d").write_bytes(LINES)
    assert [place.member for place in expand([f"{tmp_path}/plain!d"])] == [""]  # a file of that name comes first


def test_members_that_are_named_are_inputs_of_their_own(tmp_path: Path) -> None:
    """Two of one archive are not the same file; one that is named twice, or lies beside the archive, is."""
    (tmp_path / "logs").write_bytes(zipped({"a": LINES, "b": FEW[-90:] + LINES}))
    (tmp_path / "alone").write_bytes(LINES)
    inputs = [f"{tmp_path}/logs!{name}" for name in "aba"]
    scan = sp.scan([*inputs, tmp_path / "alone"], engine=engine(), strict=False)
    assert len(scan.table()) == 400 + 403
    assert [one["likeness"] for one in scan.summary.inputs] == [None, None, "file", "same"]
    (tmp_path / "logs").write_bytes(zipped({"a": LINES, "b": LINES + FEW}))
    scan = sp.scan(inputs[:2], engine=engine(), strict=False)
    assert len(scan.table()) == 420
    assert [one["likeness"] for one in scan.summary.inputs] == ["part", None]


def test_a_folder_of_all_kinds(tmp_path: Path) -> None:
    (tmp_path / "1.zip").write_bytes(zipped({"a": LINES}))
    (tmp_path / "2.jsonl").write_bytes(LINES)
    (tmp_path / "3.tgz").write_bytes(gzip.compress(tarred({"a": LINES, "b": LINES})))
    (tmp_path / "4.xz").write_bytes(lzma.compress(LINES))
    rows, scan = read(tmp_path)
    assert len(rows) == 5 * 400
    assert [one["packing"] for one in scan.summary.inputs] == ["zip", None, "gzip+tar", "gzip+tar", "xz"]


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "C:\\x", "x\0y", "é\n"])
def test_names_are_only_names(tmp_path: Path, name: str) -> None:
    (tmp_path / "logs").write_bytes(tarred({"a": LINES}, pax_headers={"path": name}))
    rows, _ = read(tmp_path / "logs")
    assert len(rows) == 400
    assert rows[0]["source"] == f"{tmp_path}/logs!{name}".replace("\0", "\\0")
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_names_that_are_no_utf8() -> None:
    assert codes(tarred({"\udcffA": LINES}, tarfile.GNU_FORMAT)) == [("\\xffA", None)]
    data = zipped({"nn": LINES})
    assert codes(data.replace(b"nn", b"\xe4n")) == [("Σn", None)]  # code page 437, where nothing says UTF-8
    assert codes(data.replace(b"nn", "é".encode())) == [("é", None)]


def test_what_is_no_file_is_passed_over() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "of all"}) as archive:
        for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo("x" * 150)
            info.type, info.linkname = kind, "y" * 150
            archive.addfile(info)
        info = tarfile.TarInfo("a")
        info.size = len(LINES)
        archive.addfile(info, io.BytesIO(LINES))
    assert contents(out.getvalue()) == [("x!a", LINES, None)]
    archive_of_folders = zipped({"folder/": b"", "a": LINES}, pipe=True)
    assert contents(archive_of_folders) == [("x!a", LINES, None)]


@pytest.mark.parametrize(
    "data", [tarred({"x/": b""}, type=tarfile.DIRTYPE), zipped({}), zipped({"x/": b""})], ids=["tar", "zip", "zip folder"]
)
def test_an_archive_without_files_says_so(data: bytes) -> None:
    assert codes(data) == [("x", "no_match")]


# ---------------------------------------------------------------------------------------------------------------- what can't be read
@pytest.mark.parametrize("pipe", [False, True])
def test_an_archive_in_an_archive_is_refused_and_the_rest_is_read(pipe: bool) -> None:
    inner = {"tar": tarred({"x": LINES}), "zip": zipped({"x": LINES}), "tgz": gzip.compress(tarred({"x": LINES}))}
    data = zipped({"a": LINES, **inner, "twice": gzip.compress(gzip.compress(LINES)), "b": LINES}, pipe=pipe)
    refused = dict.fromkeys(inner, "nested_archive")
    assert codes(data) == list({"a": None, **refused, "twice": "nested_compression", "b": None}.items())


def test_encrypted_and_unknown_members_of_zip() -> None:
    """A plain error for these, and the others are read."""
    data = bytearray(zipped({"a": LINES, "b": LINES, "c": LINES}))
    at = data.index(b"PK\3\4", 10)
    data[at + 6] |= 1
    assert codes(bytes(data)) == [("a", None), ("b", "encrypted_member"), ("c", None)]
    assert codes(zipped({"a": LINES, "b": LINES}, zipfile.ZIP_BZIP2)) == [("a", "unsupported_member"), ("b", "unsupported_member")]
    stored = zipped({"a": LINES, "b": LINES}, zipfile.ZIP_STORED, pipe=True)
    assert codes(stored) == [("a", "unsupported_member")]
    assert codes(zipped({"a": b"", "b": b""}, zipfile.ZIP_STORED, pipe=True)) == [("a", None), ("b", None)]


def header(block: bytes, at: int, to: bytes) -> bytes:
    """A header of tar, changed, with the checksum that it then has."""
    block = changed(changed(block, at, to), 148, b" " * 8)
    return changed(block, 148, b"%06o\0 " % sum(block))


@pytest.mark.parametrize("maps", [0, 2])
def test_sparse_files_of_tar(maps: int) -> None:
    data = bytearray(tarred({"a": LINES, "b": LINES}, tarfile.GNU_FORMAT))
    data[482] = maps > 0
    data[:512] = header(data[:512], 156, tarfile.GNUTYPE_SPARSE)
    data[512:512] = b"".join(bytes(504) + bytes([n < maps - 1]) + bytes(7) for n in range(maps))
    assert codes(bytes(data)) == [("a", "unsupported_member"), ("b", None)]
    assert codes(tarred({"a": LINES}, pax_headers={"GNU.sparse.major": "1", "GNU.sparse.name": "real"})) == [("real", "unsupported_member")]


def test_the_limit_is_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "logs").write_bytes(zipped({"a": LINES, "b": LINES, "c": LINES}))
    limit = len(LINES) * 3 // 2
    scan = sp.scan(tmp_path / "logs", engine=sp.Engine(limits={"max_unpacked_bytes": limit}), strict=False)
    scan.table()
    assert short(scan) == [("a", None), ("b", "unpacked_limit"), ("", "unpacked_limit")]
    assert scan.summary.bytes == limit


# ------------------------------------------------------------------------------------------------------------------------------- damage
def test_an_archive_that_is_cut_gives_all_that_is_there() -> None:
    """Wherever that is; and it is told once, by the log at hand or, between two, by the archive."""
    files = {name: content for name, content in FILES.items() if name != "2026/b.jsonl.gz"}
    for form in ("pax", "gnu", "zip", "piped"):
        data = ARCHIVES[form](files)
        end = len(data) if form in {"zip", "piped"} else len(data.rstrip(b"\0")) + 600
        for at in range(600, end - 30, 397):
            found = contents(data[:at])
            assert contents(data[:at], 313) == found
            *whole, (name, content, error) = found
            assert [(n, c, e) for n, c, e in whole] == [(f"x!{n}", files[n], None) for n in list(files)[: len(whole)]]
            assert error is not None
            assert error[0] in {"tar_truncated", "zip_truncated", "zip_data"}
            assert name == "x" or files[name[2:]].startswith(content)


TAR, ZIP, PIPED = tarred({"a": LINES, "b": LINES}), zipped({"a": LINES, "b": LINES}), zipped({"a": LINES, "b": LINES}, pipe=True)
SECOND = {"tar": TAR.index(b"b\0", 600), "zip": ZIP.index(b"PK\3\4", 10)}


def changed(data: bytes, at: int, to: bytes) -> bytes:
    return data[:at] + to + data[at + len(to) :]


@pytest.mark.parametrize(
    ("data", "want"),
    [
        (changed(TAR, SECOND["tar"], b"c"), [("a", None), ("x", "tar_data")]),
        (TAR + b"more", [("a", None), ("b", None), ("x", "tar_trailing_garbage")]),
        (TAR + TAR, [("a", None), ("b", None), ("x", "tar_trailing_garbage")]),
        (TAR.rstrip(b"\0") + bytes(-len(TAR.rstrip(b"\0")) % 512), [("a", None), ("b", None), ("x", "tar_truncated")]),
        (gzip.compress(TAR)[:-5] + b"wrong", [("a", None), ("b", None), ("x", "gzip_crc")]),
        (changed(ZIP, 14, b"abcd"), [("a", "zip_crc"), ("b", None)]),
        (changed(ZIP, 22, b"abcd"), [("a", "zip_length"), ("b", None)]),
        (changed(ZIP, 300, b"\xff\xff\xff\xff"), [("a", "zip_data"), ("b", None)]),
        (changed(PIPED, 300, b"\xff\xff\xff\xff"), [("a", "zip_data")]),
        (changed(PIPED, PIPED.index(b"PK\7\x08") + 4, b"abcd"), [("a", "zip_crc"), ("b", None)]),
        (changed(PIPED, PIPED.index(b"PK\7\x08") + 16, b"xx"), [("a", "zip_data")]),
        (changed(ZIP, SECOND["zip"], b"PX"), [("a", None), ("x", "zip_data")]),
        (changed(ZIP, ZIP.rindex(b"PK\1\2") + 46, b"c"), [("a", None), ("b", None), ("x", "zip_directory")]),
        (ZIP + b"more", [("a", None), ("b", None), ("x", "zip_trailing_garbage")]),
    ],
)
def test_damage_is_told_and_the_rest_is_read(data: bytes, want: list[tuple[str, str | None]]) -> None:
    assert codes(data) == want
    assert contents(data, 101) == contents(data)
    assert all(content in {b"", LINES} for _, content, error in contents(data) if error is None)


def test_a_comment_and_long_lengths_of_zip() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = b"PK\5\6 is only text here"
        for name in "ab":
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(LINES)
    assert contents(out.getvalue()) == [("x!a", LINES, None), ("x!b", LINES, None)]
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a", "w", force_zip64=True) as member:
        member.write(LINES)
    assert contents(pipe.data) == [("x!a", LINES, None)]


def test_zip_where_nothing_says_that_lengths_follow() -> None:
    """The magic in front of them is optional."""
    data = zipped({"a": LINES}, pipe=True)
    assert contents(data.replace(b"PK\7\x08", b"")) == [("x!a", LINES, None)]


def test_packed_data_of_zip_that_ends_early() -> None:
    data = zipped({"a": LINES, "b": LINES})
    end, length = SECOND["zip"], int.from_bytes(ZIP[18:22], "little")
    longer = changed(data[:end], 18, (length + 3).to_bytes(4, "little")) + b"xyz" + data[end:]
    assert codes(longer)[:2] == [("a", "zip_length"), ("b", None)]


def test_a_note_between_a_name_and_its_file_in_tar() -> None:
    data = tarred({"a": LINES}, pax_headers={"path": "named"})
    note = tarred({"x": b"y" * 10}, tarfile.USTAR_FORMAT)[:1024]
    assert codes(data[:1024] + header(note[:512], 156, tarfile.XGLTYPE) + note[512:] + data[1024:]) == [("named", None)]


def test_headers_of_tar_are_bounded() -> None:
    assert codes(header(TAR[:512], 124, b"\xff" * 12) + TAR[512:]) == [("x", "tar_data")]
    assert codes(tarred({"a": LINES}, pax_headers={"comment": "x" * (2 << 20)})) == [("x", "tar_data")]
    assert codes(tarred({"a": LINES}, pax_headers={"size": "9" * 5000})) == [("a", None)]
    assert codes(tarred({"a": b"x"}, pax_headers={"size": "9" * 19})) == [("a", "tar_truncated")]
    bad = tarred({"a": LINES}, pax_headers={"comment": "x"})
    assert codes(changed(bad, 512, b"99")) == [("x", "tar_data")]


@pytest.mark.parametrize("seed", range(3))
def test_damage_anywhere_gives_the_same_whatever_the_reads(seed: int) -> None:
    rng = random.Random(seed)
    wholes = [form(FILES) for form in ARCHIVES.values()]
    seen = set()
    for _ in range(60):
        data = bytearray(rng.choice(wholes))
        at = rng.randrange(min(rng.choice([600, 1 << 20]), len(data)))
        data[at : at + rng.randrange(1, 5)] = rng.randbytes(rng.randrange(5))
        found = contents(bytes(data))
        assert contents(bytes(data), rng.choice([11, 511, 4096])) == found
        seen |= {error[0] for _, _, error in found if error}
    assert len(seen) > 4


def test_what_is_wrong_behind_the_logs_is_a_warning(tmp_path: Path) -> None:
    """Since they were read; an archive of which nothing can be read is an error."""
    (tmp_path / "logs").write_bytes(ZIP[:-9])
    with pytest.warns(sp.InputWarning, match="files may be missing"):
        assert len(sp.scan(tmp_path / "logs", engine=engine()).table()) == 800
    (tmp_path / "logs").write_bytes(zipped({}))
    with pytest.raises(InputError, match="no file in this archive"):
        sp.scan(tmp_path / "logs", engine=engine()).table()


def test_members_are_read_when_they_are_come_to(tmp_path: Path) -> None:
    """Never an archive as a whole, and no member before the one at hand was given."""
    (tmp_path / "logs").write_bytes(tarred({str(i): LINES * 100 for i in range(20)}))
    file = next(expand([tmp_path / "logs"])).open()
    first = next(iter(sources_of(file, 1 << 40)))
    assert sum(map(len, first.pieces())) == len(LINES) * 100
    assert file.taken < 3 * len(LINES) * 100
    file.close()


def test_what_is_behind_the_last_row_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "logs").write_bytes(zipped({"a": LINES, "b": LINES})[:-9])
    rows, scan = read(tmp_path / "logs", limit=10)
    assert len(rows) == 10
    assert short(scan) == [("a", None)]
    assert scan.errors == []


def test_what_is_no_file_counts_for_the_limit(tmp_path: Path) -> None:
    """A folder with a gigabyte in it is passed over, but not for nothing."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        folder = tarfile.TarInfo("folder")
        folder.type, folder.size = b"D", 1 << 20
        archive.addfile(folder, io.BytesIO(bytes(1 << 20)))
        log = tarfile.TarInfo("log")
        log.size = 3
        archive.addfile(log, io.BytesIO(b"{}\n"))
    path = tmp_path / "a.tgz"
    path.write_bytes(gzip.compress(whole.getvalue()))
    assert len(sp.scan(path).table()) == 1
    scan = sp.scan(path, engine=sp.Engine(limits={"max_unpacked_bytes": 1 << 18}), strict=False)
    assert len(scan.table()) == 0
    assert [error.code for error in scan.errors] == ["unpacked_limit"]


@pytest.mark.parametrize(("files", "codes"), [(2, []), (3, ["member_limit"]), (4, ["member_limit"])])
def test_the_number_of_files_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, codes: list[str]) -> None:
    monkeypatch.setattr(sources, "MEMBERS", 2)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(files):
            archive.writestr(f"{i}.jsonl", b'{"model":"gpt-5","input":"x"}\n')
    scan = sp.scan(path, strict=False)
    assert len(scan.table()) == 2
    assert [error.code for error in scan.errors] == codes
