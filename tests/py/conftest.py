"""Fixtures and settings for all tests."""

import os
from pathlib import Path

import pytest

from stateprint.inputs import deflate

ROOT = Path(__file__).resolve().parents[2]


def shared_folder() -> Path | None:
    """The folder of the larger corpora: STATEPRINT_SHARED, or `shared` beside the repository."""
    named = os.environ.get("STATEPRINT_SHARED")
    path = Path(named) if named else ROOT.parent / "shared"
    return path if (path / "corpus").is_dir() else None


@pytest.fixture(params=deflate.inflaters(), ids=lambda i: i.name)
def inflater(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> deflate.Inflater:
    """Each decoder of gzip that is installed, in turn the one that is used."""
    chosen: deflate.Inflater = request.param
    monkeypatch.setattr(deflate, "inflaters", lambda: [chosen])
    return chosen


@pytest.fixture(scope="session")
def shared() -> Path:
    path = shared_folder()
    if path is None:
        pytest.skip("needs the larger corpora: a folder `shared` beside the repository, or STATEPRINT_SHARED")
    return path
