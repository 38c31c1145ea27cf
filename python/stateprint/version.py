"""The version of the program and of the tables' schema."""

__version__ = "0.1.0"
SCHEMA = 1
"""Rises when a column changes its name, type or meaning."""
