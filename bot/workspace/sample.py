"""The sample team, made at the first start: three people, a bot and a few channels."""

import time
from dataclasses import dataclass
from pathlib import Path

from bot.workspace.identity import Bot, Tokens, new_id
from bot.workspace.json_values import Json
from bot.workspace.state import State, encode

TEAM_NAME = "Tandem sample team"

# The workspace's administrator.
ADMIN = "ada"
# name, real name, title. Sam is in no private channel: a person to try "who may read" with.
PEOPLE = (
    ("ada", "Ada Okafor", "People lead"),
    ("jonas", "Jonas Lindqvist", "Engineer"),
    ("sam", "Sam Rivera", "Contractor"),
)
# name, kind, topic, people, and whether the bot is in it: #random is the channel that it has to be invited to.
CHANNELS = (
    ("general", "public", "Everything the whole team should see", ("ada", "jonas", "sam"), True),
    ("handbook", "public", "How we work: ask, and it answers with its source", ("ada", "jonas", "sam"), True),
    ("random", "public", "Not about work", ("ada", "jonas", "sam"), False),
    ("people-ops", "private", "Pay, contracts, and other things said quietly", ("ada", "jonas"), True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    id: str
    bot: Bot


def open_team(state: State, home: Path) -> Team:
    """Return the team of this home, made at random where there is none yet."""
    kept = {row["name"]: row["value"] for row in state.rows("SELECT name, value FROM meta")}
    if "team" not in kept:
        return _make_team(state, home)
    bot = Bot(user=kept["bot_user"], bot=kept["bot"], app=kept["app"], name="tandem")
    return Team(id=kept["team"], bot=bot)


def _make_team(state: State, home: Path) -> Team:
    team = Team(id=new_id("T"), bot=Bot(user=new_id("U"), bot=new_id("B"), app=new_id("A"), name="tandem"))
    ids = {name: new_id("U") for name, _, _ in PEOPLE}
    # The tokens first: a home that has its team always has them.
    Tokens.make(list(ids.values())).save(home, team=team.id, names={user: name for name, user in ids.items()})
    with state.transaction():
        for name, real_name, title in PEOPLE:
            _add_user(state, ids[name], name, _user(team, ids[name], name, real_name, title))
        bot = _user(team, team.bot.user, team.bot.name, "Tandem", "")
        bot["is_bot"] = True
        bot["profile"] |= {"bot_id": team.bot.bot, "api_app_id": team.bot.app}
        _add_user(state, team.bot.user, team.bot.name, bot)
        for name, kind, topic, people, has_bot in CHANNELS:
            members = [ids[person] for person in people] + ([team.bot.user] if has_bot else [])
            _add_channel(state, new_id("C"), (name, kind, topic), members)
        for user in ids.values():
            _add_channel(state, new_id("D"), ("", "im", ""), [user, team.bot.user])
        marks = {"team": team.id, "bot_user": team.bot.user, "bot": team.bot.bot, "app": team.bot.app}
        for name, value in marks.items():
            state.write("INSERT INTO meta (name, value) VALUES (?, ?)", name, value)
    return team


def _user(team: Team, user: str, name: str, real_name: str, title: str) -> Json:
    return {
        "id": user,
        "team_id": team.id,
        "name": name,
        "real_name": real_name,
        "deleted": False,
        "is_bot": False,
        "is_app_user": False,
        "is_admin": name == ADMIN,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "tz": "Etc/UTC",
        "tz_offset": 0,
        "updated": int(time.time()),
        "profile": {"real_name": real_name, "display_name": name, "title": title, "team": team.id},
    }


def _add_user(state: State, user: str, name: str, body: Json) -> None:
    state.write("INSERT INTO users (id, name, body) VALUES (?, ?, ?)", user, name, encode(body))


def _add_channel(state: State, channel: str, described: tuple[str, str, str], members: list[str]) -> None:
    state.write(
        "INSERT INTO channels (id, name, kind, topic, created) VALUES (?, ?, ?, ?, ?)",
        *(channel, *described, int(time.time())),
    )
    for user in members:
        state.write("INSERT INTO members (channel, user) VALUES (?, ?)", channel, user)
