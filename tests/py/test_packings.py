"""zlib, bzip2 and xz, and that rows depend neither on the packing nor on the threads."""

import bz2
import gzip
import lzma
import random
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

import stateprint as sp
from harness import engine, unpacked
from stateprint.inputs import bzip2_xz, deflate

LINES = b"".join(b'{"model":"gpt-5","input":"%d"}\n' % i for i in range(30_000))
WHOLE = random.Random(3).randbytes(400_000) + LINES
"""Several blocks of bzip2; in xz, chunks that are stored and such that are packed."""
PACK: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zstd": zstandard.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


# ------------------------------------------------------------------------------------------------------------------------ bzip2 and xz
BZIP2, XZ = bz2.compress(WHOLE, 2), lzma.compress(WHOLE)
FEW = LINES[:90_000]
BZIP2_FEW, XZ_FEW, ZLIB_FEW = bz2.compress(FEW), lzma.compress(FEW), zlib.compress(FEW)
CASES: dict[str, tuple[bytes, bytes, str | None, bool]] = {
    "bzip2: streams": (BZIP2_FEW + bz2.compress(b"") + BZIP2_FEW, FEW * 2, None, False),
    "bzip2: garbage": (BZIP2_FEW + b"GARBAGE", FEW, "bzip2_trailing_garbage", False),
    "bzip2: cut in the checksum": (BZIP2_FEW[:-2], FEW, "bzip2_truncated", True),
    "bzip2: cut in the block": (BZIP2_FEW[:-40], b"", "bzip2_truncated", True),
    "bzip2: cut in a second header": (BZIP2_FEW + b"BZ", FEW, "bzip2_truncated", True),
    "bzip2: checksum of the stream": (BZIP2_FEW[:-3] + b"abc", FEW, "bzip2_crc", False),
    "bzip2: checksum of the block": (BZIP2_FEW[:10] + b"abcd" + BZIP2_FEW[14:], b"", "bzip2_data", True),
    "bzip2: level": (b"BZh0" + BZIP2_FEW[4:], b"", "bzip2_data", True),
    "xz: streams and padding": (XZ_FEW + bytes(8) + XZ_FEW + lzma.compress(b""), FEW * 2, None, False),
    "xz: padding of no multiple of four": (XZ_FEW + bytes(5), FEW, "xz_trailing_garbage", False),
    "xz: garbage": (XZ_FEW + b"GARBAGE", FEW, "xz_trailing_garbage", False),
    "xz: cut in the index": (XZ_FEW[:-14], FEW, "xz_truncated", True),
    "xz: cut in a second header": (XZ_FEW + XZ_FEW[:4], FEW, "xz_truncated", True),
    "xz: header": (XZ_FEW[:7] + b"\xff" + XZ_FEW[8:], b"", "xz_data", True),
}
CASES |= {
    "zlib: whole": (ZLIB_FEW, FEW, None, False),
    "zlib: garbage": (ZLIB_FEW + b"GARBAGE", FEW, "zlib_trailing_garbage", False),
    "zlib: cut in the checksum": (ZLIB_FEW[:-2], FEW, "zlib_truncated", True),
    "zlib: checksum": (ZLIB_FEW[:-1] + bytes([ZLIB_FEW[-1] ^ 1]), FEW, "zlib_checksum", False),
    "zlib: damage": (ZLIB_FEW[:2] + b"\xff" + ZLIB_FEW[3:], b"", "zlib_data", True),
}
HOW = {"zlib": deflate.unzlib, "bzip2": bzip2_xz.bunzip2, "xz": bzip2_xz.unxz}


@pytest.mark.parametrize("step", [1, 1000, 1 << 20])
@pytest.mark.parametrize(("name", "data", "want", "code", "cut"), [(name, *case) for name, case in CASES.items()], ids=CASES)
def test_streams(name: str, data: bytes, want: bytes, code: str | None, cut: bool, step: int) -> None:
    assert unpacked(HOW[name.split(":")[0]], data, step) == (want, code, cut)


def test_a_damaged_block_of_bzip2_takes_nothing_along_that_is_before_it() -> None:
    marks = [found.start() - 1 for found in bzip2_xz.MARK.finditer(BZIP2)]
    lengths = [len(unpacked(bzip2_xz.bunzip2, BZIP2[: mark + 1], 1 << 20)[0]) for mark in marks]
    assert len(marks) >= 4
    assert (lengths[0], lengths[-1]) == (0, len(WHOLE))
    for mark, length in zip(marks[1:-1], lengths[1:-1], strict=True):
        bad = bytearray(BZIP2)
        bad[mark + 40] ^= 1
        for step in (4097, 1 << 20):
            assert unpacked(bzip2_xz.bunzip2, bytes(bad), step) == (WHOLE[:length], "bzip2_data", True)


@pytest.mark.parametrize(("how", "data"), [(bzip2_xz.bunzip2, BZIP2), (bzip2_xz.unxz, XZ)], ids=["bzip2", "xz"])
def test_cut_or_damaged_anywhere_gives_the_same_whatever_the_reads(
    how: Callable[[bytes, Callable[[int], bytes]], Iterator[bytes]], data: bytes
) -> None:
    rng = random.Random(5)
    for _ in range(6):
        at = rng.randrange(len(data))
        out, code, cut = unpacked(how, data[:at], 1 << 20)
        assert WHOLE.startswith(out)
        assert code is not None
        assert (code.split("_")[1], cut) == ("truncated", True)
        bad = data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]
        out, code, cut = unpacked(how, bad, 1 << 20)
        assert unpacked(how, bad, 4097) == (out, code, cut)
        assert code is not None
        assert out[: at // 2] == WHOLE[: min(at // 2, len(out))]


def test_what_xz_gives_before_damage_lacks_little() -> None:
    """Of a block whose chunks are good up to there: less than what comes out of one call."""
    text = "".join(f'{{"model":"gpt-5","input":"{random.Random(i).random()}"}}\n' for i in range(20_000)).encode()
    data = lzma.compress(text)
    whole, _, _ = unpacked(bzip2_xz.unxz, data[: len(data) // 2], 1 << 20)
    assert text.startswith(whole)
    assert len(whole) > len(text) // 3
    assert len(text) - len(unpacked(bzip2_xz.unxz, data[:-30] + b"abcd" + data[-26:], 1 << 20)[0]) < bzip2_xz.XZ_OUT


def test_a_dictionary_of_xz_beyond_the_bound_is_refused() -> None:
    header = bytearray(XZ_FEW[12:24])
    assert header[:4] == b"\x02\0\x21\x01"
    header[4] = 32  # 256 MiB
    header[-4:] = zlib.crc32(header[:-4]).to_bytes(4, "little")
    out, code, cut = unpacked(bzip2_xz.unxz, XZ_FEW[:12] + header + XZ_FEW[24:], 1 << 20)
    assert (out, code, cut) == (b"", "xz_window", True)


# --------------------------------------------------------------------------------------------------------------------- the same bytes out
def test_the_same_rows_whatever_the_packing_and_the_threads(tmp_path: Path) -> None:
    outs = {}
    for name, pack in PACK.items():
        (tmp_path / "log.jsonl").write_bytes(pack(LINES[:600_000]))
        for threads in (1, 3):
            scan = sp.scan(str(tmp_path / "log.jsonl"), engine=engine(), threads=threads)
            scan.write(tmp_path / "out.ndjson", force=True)
            outs[name, threads] = (tmp_path / "out.ndjson").read_bytes()
            assert scan.summary.inputs[0]["packing"] == (None if name == "plain" else name)
    assert len(set(outs.values())) == 1
    assert outs["plain", 1].count(b"\n") > 10_000


@pytest.mark.parametrize(("pack", "code"), [(bz2.compress, "bzip2_truncated"), (lzma.compress, "xz_truncated")])
def test_a_cut_log_is_read_as_far_as_it_goes(tmp_path: Path, pack: Callable[[bytes], bytes], code: str) -> None:
    (tmp_path / "log").write_bytes(pack(WHOLE[-1_600_000:])[:-4])
    scan = sp.scan(tmp_path / "log", engine=engine(), strict=False)
    rows = scan.table()
    assert [e.code for e in scan.errors] == [code]
    assert scan.summary.lines == len(rows) > 1000
    assert not scan.summary.complete
