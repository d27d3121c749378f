"""Reading Slack's JSON: fields that may be absent, and fields that must be there."""

from collections.abc import Mapping
from typing import Any, cast

Json = dict[str, Any]


class Malformed(ValueError):
    """A payload without a field that Slack documents for it."""


def inner(source: Mapping[str, Any], name: str) -> Json:
    """The object under `name`, or an empty one."""
    return as_object(source.get(name))


def as_object(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def objects(source: Mapping[str, Any], name: str) -> list[Json]:
    """The objects in the array under `name`."""
    found = source.get(name)
    return (
        [cast("Json", each) for each in cast("list[object]", found) if isinstance(each, dict)]
        if isinstance(found, list)
        else []
    )


def strings(source: Mapping[str, Any], name: str) -> list[str]:
    """The texts in the array under `name`."""
    found = source.get(name)
    return [each for each in cast("list[object]", found) if isinstance(each, str)] if isinstance(found, list) else []


def optional(source: Mapping[str, Any], name: str) -> str:
    found = source.get(name)
    return found if isinstance(found, str) else ""


def required(source: Mapping[str, Any], name: str) -> str:
    """The text under `name`. Raises Malformed where there is none."""
    found = optional(source, name)
    if not found:
        raise Malformed(name)
    return found
