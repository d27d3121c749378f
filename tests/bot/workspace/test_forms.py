"""Commands, clicks and forms, from a person's hand to Bolt's listeners and back."""

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from tests.bot.workspace.apps import App, connected_app
from tests.bot.workspace.driver import Json, Workspace, running_workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def _form(**more: Any) -> Json:
    """Ask what was wrong, and what it should have said."""
    wrong = {
        "type": "checkboxes",
        "action_id": "wrong",
        "options": [{"text": _plain(name), "value": name} for name in ("route", "sources", "text")],
    }
    return {
        "type": "modal",
        "callback_id": "correction",
        "private_metadata": "exchange-1",
        "title": _plain("What was wrong?"),
        "submit": _plain("Send"),
        "blocks": [
            {"type": "input", "block_id": "wrong", "label": _plain("What was wrong?"), "element": wrong},
            {
                "type": "input",
                "block_id": "said",
                "optional": True,
                "label": _plain("What should it have said?"),
                "element": {"type": "plain_text_input", "action_id": "said", "multiline": True},
            },
        ],
        **more,
    }


FEEDBACK: Json = {
    "type": "context_actions",
    "elements": [
        {
            "type": "feedback_buttons",
            "action_id": "feedback",
            "positive_button": {"text": _plain("Good"), "value": "up:exchange-1"},
            "negative_button": {"text": _plain("Bad"), "value": "down:exchange-1"},
        }
    ],
}


async def _answer_with_buttons(workspace: Workspace) -> Json:
    asked = await workspace.post("ada", "handbook", "a question")
    await workspace.bot().chat_postMessage(
        channel=workspace.channel("handbook"), thread_ts=asked, text="an answer", blocks=[FEEDBACK]
    )
    [answer] = await workspace.answers("handbook", asked)
    return answer


def _open_form_on_feedback(app: App, form: Json) -> None:
    @app.bolt.action("feedback")
    async def open_form(ack: Any, body: Json, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=form)


async def test_feedback_click_opens_a_form_and_its_submission_reaches_the_app(shared_workspace: Workspace) -> None:
    answer, ada = await _answer_with_buttons(shared_workspace), await shared_workspace.frames("ada")
    async with connected_app(shared_workspace) as app:
        _open_form_on_feedback(app, _form())
        app.bolt.view("correction")(_acknowledge)
        clicked = await shared_workspace.feedback("ada", "handbook", answer, positive=False)
        view = (await ada.wait_for("view_opened"))["view"]
        values = {
            "wrong": {"selected_options": [{"value": "sources", "text": _plain("sources")}]},
            "said": {"value": "25 days."},
        }
        submitted = await shared_workspace.submit("ada", view, values)
        action, submission = await app.heard("block_actions"), await app.heard("view_submission")
    assert clicked["ok"]
    assert action["actions"][0]["value"] == "down:exchange-1"
    assert action["message"]["ts"] == answer["ts"]
    assert submitted == {"ok": True, "response_action": None}
    state = submission["view"]["state"]["values"]
    assert state["said"]["said"] == {"type": "plain_text_input", "value": "25 days."}
    assert [option["value"] for option in state["wrong"]["wrong"]["selected_options"]] == ["sources"]
    assert submission["view"]["private_metadata"] == "exchange-1"


async def test_required_input_left_empty_is_refused_before_the_app_hears(shared_workspace: Workspace) -> None:
    answer, ada = await _answer_with_buttons(shared_workspace), await shared_workspace.frames("ada")
    async with connected_app(shared_workspace) as app:
        _open_form_on_feedback(app, _form())
        await shared_workspace.feedback("ada", "handbook", answer, positive=False)
        view = (await ada.wait_for("view_opened"))["view"]
        submitted = await shared_workspace.submit("ada", view, {})
    assert submitted["response_action"] == "errors"
    assert set(submitted["errors"]) == {"wrong"}
    assert "view_submission" not in {body.get("type") for body in app.bodies}


@pytest.mark.parametrize(
    ("answer", "frame"),
    [
        ({"response_action": "errors", "errors": {"said": "Say more."}}, None),
        ({"response_action": "update", "view": _form(callback_id="second")}, "view_updated"),
        ({"response_action": "push", "view": _form(callback_id="second")}, "view_pushed"),
        ({"response_action": "clear"}, "view_closed"),
    ],
    ids=lambda value: value["response_action"] if isinstance(value, dict) else "",
)
async def test_apps_answer_to_a_form_is_done(shared_workspace: Workspace, answer: Json, frame: str | None) -> None:
    message, ada = await _answer_with_buttons(shared_workspace), await shared_workspace.frames("ada")
    async with connected_app(shared_workspace) as app:
        _open_form_on_feedback(app, _form())

        @app.bolt.view("correction")
        async def reply(ack: Any) -> None:
            await ack(**answer)

        await shared_workspace.feedback("ada", "handbook", message, positive=False)
        view = (await ada.wait_for("view_opened"))["view"]
        chosen = {"wrong": {"selected_options": [{"value": "text"}]}}
        submitted = await shared_workspace.submit("ada", view, chosen)
    assert submitted["response_action"] == answer["response_action"]
    if frame is not None:
        await ada.wait_for(frame)


async def test_form_is_updated_only_against_its_latest_hash(shared_workspace: Workspace) -> None:
    message, ada = await _answer_with_buttons(shared_workspace), await shared_workspace.frames("ada")
    async with connected_app(shared_workspace) as app:
        _open_form_on_feedback(app, _form())
        await shared_workspace.feedback("ada", "handbook", message, positive=False)
        view = (await ada.wait_for("view_opened"))["view"]
    bot = shared_workspace.bot()
    await bot.views_update(view_id=view["id"], hash=view["hash"], view=_form(callback_id="second"))
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await bot.views_update(view_id=view["id"], hash=view["hash"], view=_form(callback_id="third"))
    assert (await ada.wait_for("view_updated"))["view"]["callback_id"] == "second"


async def test_closed_form_is_told_to_an_app_that_asked_for_it(shared_workspace: Workspace) -> None:
    message, ada = await _answer_with_buttons(shared_workspace), await shared_workspace.frames("ada")
    async with connected_app(shared_workspace) as app:
        _open_form_on_feedback(app, _form(notify_on_close=True))
        app.bolt.view_closed("correction")(_acknowledge)
        await shared_workspace.feedback("ada", "handbook", message, positive=False)
        view = (await ada.wait_for("view_opened"))["view"]
        await shared_workspace.close_view("ada", view)
        closed = await app.heard("view_closed")
    assert closed["view"]["id"] == view["id"]
    assert not closed["is_cleared"]


async def test_nobody_presses_a_button_that_is_not_there(shared_workspace: Workspace) -> None:
    message = await _answer_with_buttons(shared_workspace)
    forged = await shared_workspace.click("ada", "handbook", message, action_id="feedback", value="up:another")
    assert (forged["ok"], forged["error"]) == (False, "action_not_found")


async def test_click_without_an_app_says_so(shared_workspace: Workspace) -> None:
    message = await _answer_with_buttons(shared_workspace)
    clicked = await shared_workspace.feedback("ada", "handbook", message, positive=True)
    assert (clicked["ok"], clicked["error"]) == (False, "dispatch_failed")


async def test_command_is_answered_to_one_person_and_by_its_response_url(shared_workspace: Workspace) -> None:
    ada = await shared_workspace.frames("ada")
    async with connected_app(shared_workspace) as app:

        @app.bolt.command("/ingest")
        async def ingest(ack: Any, respond: Any) -> None:
            await ack("looking at it")
            await respond("added", response_type="in_channel")

        assert await shared_workspace.command("ada", "general", "/ingest", "https://example.org/") == {"ok": True}
        command = await app.heard("/ingest")
        looking = await ada.wait_for("ephemeral", lambda frame: frame["message"]["text"] == "looking at it")
        await ada.wait_for("message", lambda frame: frame["message"]["text"] == "added")
    assert (command["text"], command["channel_name"]) == ("https://example.org/", "general")
    assert looking["channel"] == shared_workspace.channel("general")


async def test_response_url_serves_five_times(shared_workspace: Workspace) -> None:
    async with connected_app(shared_workspace) as app:
        app.bolt.command("/ingest")(_acknowledge)
        await shared_workspace.command("ada", "general", "/ingest")
        url = (await app.heard("/ingest"))["response_url"]
    async with aiohttp.ClientSession() as session:
        statuses = [(await session.post(url, json={"text": f"{number}"})).status for number in range(6)]
    assert statuses == [200, 200, 200, 200, 200, 404]


async def test_command_that_is_not_acknowledged_times_out(shared_workspace: Workspace) -> None:
    async with connected_app(shared_workspace):  # no listener: Bolt does not acknowledge
        answered = await shared_workspace.command("ada", "general", "/ingest")
    assert (answered["ok"], answered["error"]) == (False, "operation_timeout")
    unknown = await shared_workspace.command("ada", "general", "/nothing")
    assert unknown["error"] == "dispatch_unknown_command"


async def test_trigger_opens_one_form_and_soon(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with (
        running_workspace(tmp_path_factory.mktemp("brief"), "--trigger-seconds", "1.5") as workspace,
        connected_app(workspace) as app,
    ):
        app.bolt.command("/ingest")(_acknowledge)
        await workspace.command("ada", "general", "/ingest")
        used = (await app.heard("/ingest"))["trigger_id"]
        await workspace.bot().views_open(trigger_id=used, view=_form())
        with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
            await workspace.bot().views_open(trigger_id=used, view=_form())
        await asyncio.sleep(1.6)
        with pytest.raises(SlackApiError, match="expired_trigger_id"):
            await workspace.bot().views_open(trigger_id=used, view=_form())


async def test_push_beyond_three_forms_is_refused(shared_workspace: Workspace) -> None:
    ada, bot = await shared_workspace.frames("ada"), shared_workspace.bot()
    button = {"type": "button", "action_id": "deeper", "text": _plain("Deeper")}
    form = _form(blocks=[{"type": "actions", "elements": [button]}])
    async with connected_app(shared_workspace) as app:
        _open_form_on_feedback(app, form)
        app.bolt.action("deeper")(_acknowledge)
        await shared_workspace.feedback("ada", "handbook", await _answer_with_buttons(shared_workspace), positive=True)
        view = (await ada.wait_for("view_opened"))["view"]
        for _ in range(2):
            clicked = await shared_workspace.click_in_view("ada", view, action_id="deeper")
            view = (await bot.views_push(trigger_id=clicked["trigger_id"], view=form)).get("view", {})
        clicked = await shared_workspace.click_in_view("ada", view, action_id="deeper")
        with pytest.raises(SlackApiError, match="push_limit_reached"):
            await bot.views_push(trigger_id=clicked["trigger_id"], view=form)
    assert [frame["view"]["previous_view_id"] for frame in ada.of_type("view_pushed")][1] == view["previous_view_id"]


async def test_home_is_published_where_the_manifest_has_the_tab(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("home")
    manifest = folder / "manifest.yaml"
    manifest.write_text(
        "features: {app_home: {home_tab_enabled: true}}\n"
        "oauth_config: {scopes: {bot: [chat:write]}}\n"
        "settings: {event_subscriptions: {bot_events: [app_home_opened]}}\n"
    )
    home: Json = {"type": "home", "blocks": [{"type": "header", "text": _plain("Good morning")}]}
    async with running_workspace(folder / "workspace", "--manifest", str(manifest)) as workspace:
        await workspace.bot().views_publish(user_id=workspace.people["ada"], view=home)
        shown = await workspace.open_home("ada")
        nothing = await workspace.open_home("sam")
    assert shown["view"]["blocks"][0]["text"]["text"] == "Good morning"
    assert nothing["view"] is None


async def test_opened_direct_message_is_told_as_app_home_opened(shared_workspace: Workspace) -> None:
    async with connected_app(shared_workspace) as app:
        await shared_workspace.open_home("ada", tab="messages")
        opened = await app.heard("app_home_opened")
    assert (opened["event"]["tab"], opened["event"]["channel"]) == ("messages", shared_workspace.channel("@ada"))


async def _acknowledge(ack: Any) -> None:
    await ack()


async def test_shortcut_of_a_message_reaches_the_app_with_the_message(shared_workspace: Workspace) -> None:
    ts = await shared_workspace.post("ada", "handbook", "the kettle is upstairs")
    async with connected_app(shared_workspace) as app:
        app.bolt.shortcut("tandem_add_to_knowledge")(_acknowledge)
        chosen = await shared_workspace.shortcut("ada", "handbook", ts, "tandem_add_to_knowledge")
        heard = await app.heard("message_action")
        unknown = await shared_workspace.shortcut("ada", "handbook", ts, "another")
    assert chosen == {"ok": True}
    assert (heard["message"]["text"], heard["message"]["ts"]) == ("the kettle is upstairs", ts)
    assert heard["channel"]["id"] == shared_workspace.channel("handbook")
    assert heard["user"]["id"] == shared_workspace.people["ada"]
    assert unknown["error"] == "action_not_found"


async def test_message_of_a_private_channel_is_in_nobody_elses_menu(shared_workspace: Workspace) -> None:
    ts = await shared_workspace.post("ada", "people-ops", "quietly")
    chosen = await shared_workspace.shortcut("sam", "people-ops", ts, "tandem_add_to_knowledge")
    assert chosen["error"] == "channel_not_found"
