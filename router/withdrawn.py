"""Adapters that learnt from what was forgotten since: they keep their place and their name, and are never served again."""

from pathlib import Path

WITHDRAWN = "withdrawn.json"
"""The file in an adapter's folder that says so. What else was there is deleted."""
WITHDRAWN_SAYS = "withdrawn: it learnt from what was forgotten"


def is_withdrawn(folder: Path) -> bool:
    return (folder / WITHDRAWN).exists()
