"""views.*: forms, and the bot's home."""

from bot.workspace.calls import Call
from bot.workspace.errors import SlackError
from bot.workspace.forms import add_view, check_view, home_of, open_views, read_view, replace_view
from bot.workspace.json_values import Json
from bot.workspace.people import person

STACK = 3


def open_view(call: Call) -> Json:
    view = _view(call, "modal")
    user, _ = call.workspace.triggers.exchange(call.required("trigger_id", error="invalid_trigger_id"))
    return {"view": add_view(call.workspace, user, view)}


def push_view(call: Call) -> Json:
    view = _view(call, "modal")
    user, beneath = call.workspace.triggers.exchange(call.required("trigger_id", error="invalid_trigger_id"))
    if beneath is None:
        raise SlackError("not_found")
    if len(open_views(call.workspace, user)) >= STACK:
        raise SlackError("push_limit_reached")
    return {"view": add_view(call.workspace, user, view, beneath=beneath)}


def update_view(call: Call) -> Json:
    kept = read_view(call.workspace, call.text("view_id"), external_id=call.text("external_id"))
    view = _view(call, kept["type"])
    _check_hash(call, kept)
    return {"view": replace_view(call.workspace, kept, view)}


def publish_view(call: Call) -> Json:
    if not call.workspace.manifest.home_tab:
        raise SlackError("not_enabled")
    view = _view(call, "home")
    user = person(call.workspace, call.required("user_id", error="user_not_found"))["id"]
    kept = home_of(call.workspace, user)
    if kept is None:
        return {"view": add_view(call.workspace, user, view)}
    _check_hash(call, kept)
    return {"view": replace_view(call.workspace, kept, view)}


def _view(call: Call, kind: str) -> Json:
    view = call.mapping("view", error="invalid_arguments")
    if view is None:
        raise SlackError("invalid_arguments", "missing required field: view")
    return check_view(view, kind)


def _check_hash(call: Call, kept: Json) -> None:
    if call.text("hash") and call.text("hash") != kept["hash"]:
        raise SlackError("hash_conflict")
