"""Ids of exchanges and the like: many at once, and those that one continues."""

from collections.abc import Iterable


def batches(ids: Iterable[str], *, at_once: int = 500) -> list[list[str]]:
    """As many in each as every database takes in one statement."""
    ordered = sorted(ids)
    return [ordered[at : at + at_once] for at in range(0, len(ordered), at_once)]


def starts_of(an_id: str) -> list[str]:
    """What it continues, part by part: `a` and `a:b` of `a:b:c`."""
    parts = an_id.split(":")
    return [":".join(parts[:end]) for end in range(1, len(parts))]
