"""What is wrong with a file, in one line for a person."""

from collections.abc import Mapping

from pydantic import ValidationError

# Where pydantic's own words speak of classes and inputs.
_PLAINLY: Mapping[str, str] = {
    "extra_forbidden": "there is no such field",
    "missing": "it is missing",
    "model_type": "it does not hold fields by name",
}


def first_fault(error: ValidationError, *, whole: str) -> str:
    """`field: what is wrong with it`, for the first field that is; `whole` names what stands in no field."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or whole
    return f"{field}: {_PLAINLY.get(first['type'], first['msg'].removeprefix('Value error, '))}"
