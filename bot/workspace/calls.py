"""A call of a Web API method: who calls, with what."""

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.workspace.errors import SlackError
from bot.workspace.identity import Grant
from bot.workspace.json_values import Json, as_array, as_object
from bot.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Arguments come as JSON or as a form: a form's arrays and objects are JSON in a string."""

    workspace: Workspace
    grant: Grant
    method: str
    arguments: Json

    def text(self, name: str) -> str:
        """Return the argument as text, empty where it is absent."""
        value = self.arguments.get(name)
        if value is None:
            return ""
        if not isinstance(value, str | int | float):
            raise SlackError("invalid_arguments", f"must be a string [json-pointer:/{name}]")
        return str(value)

    def required(self, name: str, *, error: str = "invalid_arguments") -> str:
        value = self.text(name)
        if not value:
            raise SlackError(error, f"missing required field: {name}")
        return value

    def number(self, name: str, *, default: int, error: str = "invalid_limit") -> int:
        value = self.text(name) or str(default)
        if not value.isdecimal():
            raise SlackError(error)
        return int(value)

    def flag(self, name: str) -> bool:
        return self.arguments.get(name) in {True, "1", "true", "True"}

    def array(self, name: str, *, error: str) -> list[Any] | None:
        """Return the array, or None where the argument is absent. Raises SlackError `error` where it is no array."""
        value = self._parsed(name, error)
        if value is not None and as_array(value) is None:
            raise SlackError(error)
        return as_array(value)

    def mapping(self, name: str, *, error: str) -> Json | None:
        value = self._parsed(name, error)
        if value is not None and as_object(value) is None:
            raise SlackError(error)
        return as_object(value)

    def need_scope(self, *alternatives: str) -> None:
        """Raise SlackError missing_scope unless the token has one of them."""
        scopes = self.grant.scopes
        if "*" not in scopes and not scopes.intersection(alternatives):
            raise SlackError("missing_scope", needed=",".join(alternatives), provided=",".join(sorted(scopes)))

    def _parsed(self, name: str, error: str) -> Any:
        value = self.arguments.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                return json.loads(value)
            except ValueError as wrong:
                raise SlackError(error) from wrong
        return value


async def read_arguments(request: web.Request) -> Json:
    """Read query, form or JSON. Raises SlackError for a body that is none of them."""
    arguments: Json = dict(request.query)
    body = await request.read()
    if not body:
        return arguments
    if request.content_type == "application/json":
        return arguments | _read_json(body)
    if request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        try:
            form = await request.post()
        except ValueError as wrong:
            raise SlackError("invalid_form_data") from wrong
        return arguments | {name: value for name, value in form.items() if isinstance(value, str)}
    raise SlackError("invalid_post_type")


def _read_json(body: bytes) -> Json:
    try:
        read = as_object(json.loads(body))
    except ValueError as wrong:  # UnicodeDecodeError is one too
        raise SlackError("invalid_json") from wrong
    if read is None:
        raise SlackError("json_not_object")
    return read
