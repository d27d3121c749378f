"""CLINC150 (Larson et al., 2019): short requests with 150 intents, and requests that fit none of them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from router.errors import ExamplesUnreadable

FILE = "train_val.json"
_PARTS = TypeAdapter(dict[str, list[tuple[str, str]]])


def convert(folder: Path) -> Iterator[Mapping[str, object]]:
    """Rows of all parts; what fits no intent is labelled `oos` in the data itself. Raises ExamplesUnreadable."""
    file = folder / FILE
    try:
        parts = _PARTS.validate_json(file.read_bytes())
    except ValidationError as error:
        raise ExamplesUnreadable(f"{file} is not JSON of parts with pairs of a text and its intent") from error
    for part, pairs in parts.items():
        for text, intent in pairs:
            yield {"question": text, "label": intent, "split": part}
