"""What came in as JSON, as a type: an object, an array, or not what was expected."""

from typing import Any, cast

Json = dict[str, Any]


def as_object(value: Any) -> Json | None:
    return cast("Json", value) if isinstance(value, dict) else None


def as_array(value: Any) -> list[Any] | None:
    return cast("list[Any]", value) if isinstance(value, list) else None
