"""Fixtures and settings for all tests."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def shared_folder() -> Path | None:
    """The folder of the larger corpora: STATEPRINT_SHARED, or `shared` beside the repository."""
    named = os.environ.get("STATEPRINT_SHARED")
    path = Path(named) if named else ROOT.parent / "shared"
    return path if (path / "corpus").is_dir() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    path = shared_folder()
    if path is None:
        pytest.skip("needs the larger corpora: a folder `shared` beside the repository, or STATEPRINT_SHARED")
    return path
