"""auth.test, apps.connections.open, users.*: who is calling, and who else there is."""

from bot.workspace.calls import Call
from bot.workspace.errors import SlackError
from bot.workspace.json_values import Json
from bot.workspace.people import people, person
from bot.workspace.sample import TEAM_NAME
from bot.workspace.socket_tickets import give_ticket


def auth_test(call: Call) -> Json:
    team = call.workspace.team
    answer: Json = {
        "url": f"{call.workspace.address}/",
        "team": TEAM_NAME,
        "user": person(call.workspace, call.grant.user)["name"],
        "team_id": team.id,
        "user_id": call.grant.user,
        "is_enterprise_install": False,
    }
    if call.grant.kind == "bot":
        answer["bot_id"] = team.bot.bot
    return answer


def open_connection(call: Call) -> Json:
    if call.workspace.options.request_url is not None:
        # As for an app whose Socket Mode is switched off.
        raise SlackError("forbidden_team")
    address = call.workspace.address.replace("http://", "ws://", 1)
    return {"url": f"{address}/link/?ticket={give_ticket(call.workspace)}&app_id={call.workspace.team.bot.app}"}


def bots_info(call: Call) -> Json:
    bot = call.workspace.team.bot
    if call.text("bot") not in {"", bot.bot}:
        raise SlackError("bot_not_found")
    return {"bot": {"id": bot.bot, "app_id": bot.app, "user_id": bot.user, "name": bot.name, "deleted": False}}


def users_info(call: Call) -> Json:
    return {"user": person(call.workspace, call.required("user", error="user_not_found"))}


def users_list(call: Call) -> Json:
    return {"members": people(call.workspace), "response_metadata": {"next_cursor": ""}}
