"""The parts of blocks: texts, buttons, inputs."""

import secrets
from typing import Any

from bot.workspace.json_values import Json, as_array, as_object

TEXT_TYPES = ("plain_text", "mrkdwn")

_SELECTS = {f"{kind}_select" for kind in ("users", "conversations", "channels", "external")}
_MULTI_SELECTS = {f"multi_{kind}_select" for kind in ("static", "users", "conversations", "channels", "external")}
_PRESSED = (
    {"button", "checkboxes", "datepicker", "overflow", "radio_buttons", "static_select", "workflow_button"}
    | _SELECTS
    | _MULTI_SELECTS
)
ALLOWED = {
    "actions": _PRESSED | {"datetimepicker", "timepicker", "rich_text_input"},
    "section": _PRESSED | {"image", "timepicker"},
    "context": {"image", *TEXT_TYPES},
    # Feedback buttons are at home here only: in any other block they are refused.
    "context_actions": {"feedback_buttons", "icon_button"},
    "input": (_PRESSED - {"button", "overflow", "workflow_button"})
    | {"plain_text_input", "email_text_input", "url_text_input", "number_input", "file_input", "rich_text_input"}
    | {"datetimepicker", "timepicker"},
}


def check_text(text: Any, place: str, faults: list[str], *, at_most: int, types: tuple[str, ...] = TEXT_TYPES) -> None:
    kept = as_object(text) or {}
    if kept.get("type") not in types:
        faults.append(f"must be a text object of type {' or '.join(types)} [json-pointer:{place}]")
        return
    written: Any = kept.get("text")
    if not isinstance(written, str) or not written:
        faults.append(f"must be more than 0 characters [json-pointer:{place}/text]")
    elif len(written) > at_most:
        faults.append(f"must be less than {at_most + 1} characters [json-pointer:{place}/text]")


def check_element(element: Any, block: str, place: str, faults: list[str]) -> Json:
    """Return the element with the action id that Slack fills in."""
    checked = {**(as_object(element) or {})}
    if checked.get("type") not in ALLOWED[block]:
        faults.append(f"unsupported element in a block of type {block} [json-pointer:{place}/type]")
        return {}
    if checked["type"] in {"image", *TEXT_TYPES}:
        return checked
    checked.setdefault("action_id", secrets.token_urlsafe(4))
    _check_length(checked, "action_id", 255, place, faults)
    match checked["type"]:
        case "button":
            check_text(checked.get("text"), f"{place}/text", faults, at_most=75, types=("plain_text",))
            _check_length(checked, "value", 2000, place, faults)
            _check_length(checked, "url", 3000, place, faults)
        case "feedback_buttons":
            for name in ("positive_button", "negative_button"):
                _check_feedback_button(checked.get(name), f"{place}/{name}", faults)
        case "icon_button":
            check_text(checked.get("text"), f"{place}/text", faults, at_most=75, types=("plain_text",))
        case "static_select" | "multi_static_select" | "checkboxes" | "radio_buttons" | "overflow" as kind:
            most = {"checkboxes": 10, "radio_buttons": 10, "overflow": 5}.get(kind, 100)
            _check_options(checked, place, faults, at_most=most)
        case "plain_text_input":
            if int(checked.get("max_length") or 1) > 3000:  # noqa: PLR2004
                faults.append(f"must be at most 3000 [json-pointer:{place}/max_length]")
        case _:
            pass
    return checked


def _check_feedback_button(button: Any, place: str, faults: list[str]) -> None:
    kept = as_object(button)
    if kept is None:
        faults.append(f"missing required field [json-pointer:{place}]")
        return
    check_text(kept.get("text"), f"{place}/text", faults, at_most=75, types=("plain_text",))
    if not kept.get("value"):
        faults.append(f"missing required field: value [json-pointer:{place}]")
    _check_length(kept, "value", 2000, place, faults)
    _check_length(kept, "accessibility_label", 75, place, faults)


def _check_options(element: Json, place: str, faults: list[str], *, at_most: int) -> None:
    if as_array(element.get("option_groups")) and element.get("options") is None:
        return
    options = as_array(element.get("options")) or []
    if not 1 <= len(options) <= at_most:
        faults.append(f"must have 1 to {at_most} items [json-pointer:{place}/options]")
        return
    for position, option in enumerate(options):
        kept = as_object(option) or {}
        check_text(kept.get("text"), f"{place}/options/{position}/text", faults, at_most=75)
        _check_length(kept, "value", 150, f"{place}/options/{position}", faults)


def _check_length(element: Json, name: str, at_most: int, place: str, faults: list[str]) -> None:
    if len(str(element.get(name) or "")) > at_most:
        faults.append(f"must be less than {at_most + 1} characters [json-pointer:{place}/{name}]")
