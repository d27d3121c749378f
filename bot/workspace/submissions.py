"""What a person wrote into a form: checked as Slack's client checks it, before the app hears of it."""

from typing import Any

from bot.workspace.errors import SlackError
from bot.workspace.json_values import Json, as_array, as_object
from bot.workspace.uploads import read_file_body, share_file
from bot.workspace.workspace import Workspace

_FILLED = (
    "value",
    "selected_option",
    "selected_options",
    "selected_conversation",
    "selected_user",
    "selected_channel",
    "selected_date",
    "selected_time",
    "files",
    "rich_text_value",
)


def read_values(workspace: Workspace, view: Json, state: Any) -> tuple[Json, dict[str, str]]:
    """Return the state for the app, and what is wrong by block id."""
    given = as_object((as_object(state) or {}).get("values")) or {}
    values: Json = {}
    errors: dict[str, str] = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            if block["block_id"] in given:
                values[block["block_id"]] = given[block["block_id"]]
            continue
        element: Json = block["element"]
        value = _value(workspace, element, _given(given, block["block_id"], element["action_id"]))
        values[block["block_id"]] = {element["action_id"]: value}
        fault = _fault(element, value, optional=bool(block.get("optional")))
        if fault:
            errors[block["block_id"]] = fault
    return {"values": values}, errors


def _given(values: Json, block_id: str, action_id: str) -> Json:
    return as_object((as_object(values.get(block_id)) or {}).get(action_id)) or {}


def _value(workspace: Workspace, element: Json, given: Json) -> Json:
    value: Json = {**given, "type": element["type"]}
    if element["type"] in {"plain_text_input", "url_text_input", "email_text_input", "number_input"}:
        value["value"] = given.get("value") or None
    if element["type"] == "file_input":
        value["files"] = [_hand_over(workspace, entry) for entry in as_array(given.get("files")) or []]
    return value


def _hand_over(workspace: Workspace, entry: Any) -> Json:
    """Let the app read a file that was put into its form."""
    file = read_file_body(workspace, str((as_object(entry) or {}).get("id", "")))
    share_file(workspace, file["id"], workspace.team.bot.user)
    return file


def _fault(element: Json, value: Json, *, optional: bool) -> str:
    filled = [value[name] for name in _FILLED if value.get(name)]
    if not filled:
        return "" if optional else "Please complete this required field."
    text = value.get("value")
    if isinstance(text, str):
        least, most = int(element.get("min_length") or 0), int(element.get("max_length") or 3000)
        if not least <= len(text) <= most:
            return f"Please write {least} to {most} characters."
        if element["type"] == "url_text_input" and not text.startswith(("http://", "https://")):
            return "Please enter a valid address."
    if element["type"] == "file_input" and len(value["files"]) > int(element.get("max_files") or 10):
        raise SlackError("invalid_arguments", "too many files")
    return ""
