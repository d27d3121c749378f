"""A file that others find whole, the one before or the new one, whenever its writer is killed."""

from pathlib import Path

RECORD = "night.json"
"""In a night's folder once it has ended: what came of each stage."""


def put_text(place: Path, text: str) -> None:
    """Write it in UTF-8 beside its place, in a folder that is there, and then put it there. Raises OSError."""
    temporary = place.with_name(f".{place.name}.partial")
    temporary.write_text(text, "utf-8")
    temporary.replace(place)
