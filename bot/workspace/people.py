"""The members of the team."""

import time

from bot.workspace import events
from bot.workspace.errors import SlackError
from bot.workspace.json_values import Json
from bot.workspace.state import decode, encode
from bot.workspace.workspace import Workspace


def person(workspace: Workspace, user: str) -> Json:
    """Return Slack's user object. Raises SlackError user_not_found."""
    row = workspace.state.row("SELECT body FROM users WHERE id = ?", user)
    if row is None:
        raise SlackError("user_not_found")
    return decode(row["body"])


def people(workspace: Workspace) -> list[Json]:
    return [decode(row["body"]) for row in workspace.state.rows("SELECT body FROM users ORDER BY rowid")]


def change_person(workspace: Workspace, user: str, changes: Json) -> Json:
    """Make somebody a guest, or deactivate them, as an administrator would."""
    body = person(workspace, user) | changes | {"updated": int(time.time())}
    workspace.state.write("UPDATE users SET body = ? WHERE id = ?", encode(body), user)
    events.tell_app(workspace, "user_change", {"type": "user_change", "user": body})
    return body
