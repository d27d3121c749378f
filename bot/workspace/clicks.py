"""A person's click, checked against what was posted: nobody presses a button that is not there."""

from typing import Any

from bot.workspace.errors import SlackError
from bot.workspace.json_values import Json

_CHOICES = {
    "static_select": "selected_option",
    "radio_buttons": "selected_option",
    "overflow": "selected_option",
    "checkboxes": "selected_options",
    "multi_static_select": "selected_options",
}
_FREE = (
    "value",
    "selected_user",
    "selected_users",
    "selected_conversation",
    "selected_conversations",
    "selected_channel",
    "selected_channels",
    "selected_date",
    "selected_time",
)


def find_action(blocks: list[Json], clicked: Json, *, now: str) -> Json:
    """Return the action as the app is to hear of it. Raises SlackError action_not_found."""
    block_id, action_id = clicked.get("block_id"), clicked.get("action_id")
    for block in blocks:
        for element in _elements(block):
            if block["block_id"] == block_id and element.get("action_id") == action_id:
                heard = {"type": element["type"], "block_id": block_id, "action_id": action_id, "action_ts": now}
                return heard | _chosen(element, clicked)
    raise SlackError("action_not_found")


def _elements(block: Json) -> list[Json]:
    return [*block.get("elements", []), *(block[name] for name in ("accessory", "element") if block.get(name))]


def _chosen(element: Json, clicked: Json) -> Json:
    kind = element["type"]
    if kind in {"button", "icon_button"}:
        return {name: element[name] for name in ("text", "value", "style") if element.get(name) is not None}
    if kind == "feedback_buttons":
        for name in ("positive_button", "negative_button"):
            if element[name]["value"] == clicked.get("value"):
                return {"text": element[name]["text"], "value": element[name]["value"]}
        raise SlackError("action_not_found")
    if kind in _CHOICES:
        return _choose(element, _CHOICES[kind], clicked)
    return {name: clicked[name] for name in _FREE if name in clicked}


def _choose(element: Json, field: str, clicked: Json) -> Json:
    groups: list[Json] = element.get("option_groups") or [{"options": element.get("options", [])}]
    offered = {option["value"]: option for group in groups for option in group["options"]}
    chosen: Any = clicked.get(field)
    picked: list[Any] = chosen if field == "selected_options" else [chosen] if chosen else []
    try:
        options = [offered[option["value"]] for option in picked]
    except (KeyError, TypeError) as error:
        raise SlackError("action_not_found") from error
    if field == "selected_options":
        return {field: options}
    return {field: options[0] if options else None}
