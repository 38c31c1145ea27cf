"""The command line. Data goes to stdout; progress, warnings and the summary to stderr."""

from . import looking, packs, scanning  # their commands become those of `main`
from .program import main

__all__ = ["looking", "main", "packs", "scanning"]
