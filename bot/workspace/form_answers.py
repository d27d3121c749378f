"""What the app answers to a submitted form: nothing, errors, an update, one more form, or the end of all."""

from typing import Any

from bot.workspace.errors import SlackError
from bot.workspace.forms import add_view, check_view, close_views, open_views, replace_view
from bot.workspace.json_values import Json, as_object
from bot.workspace.workspace import Workspace


def apply_answer(workspace: Workspace, user: str, view: Json, answer: Json) -> Json:
    """Do what the app said, and return what the page is to show. Raises SlackError for what Slack refuses."""
    action = answer.get("response_action")
    match action:
        case None:
            close_views(workspace, [view])
            return {"response_action": None}
        case "clear":
            close_views(workspace, open_views(workspace, user))
            return {"response_action": "clear"}
        case "errors":
            return {"response_action": "errors", "errors": _errors(view, answer.get("errors"))}
        case "update":
            changed = replace_view(workspace, view, check_view(_view(answer), view["type"]))
            return {"response_action": "update", "view": changed}
        case "push":
            pushed = add_view(workspace, user, check_view(_view(answer), "modal"), beneath=view["id"])
            return {"response_action": "push", "view": pushed}
        case _:
            raise SlackError("invalid_arguments", f"unknown response_action: {action}")


def _errors(view: Json, errors: Any) -> Json:
    inputs = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    named = as_object(errors)
    if not named or set(named) - inputs:
        raise SlackError("invalid_arguments", "errors must name input blocks of the form")
    return named


def _view(answer: Json) -> Json:
    view = as_object(answer.get("view"))
    if view is None:
        raise SlackError("invalid_arguments", "missing required field: view")
    return view
