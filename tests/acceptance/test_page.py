"""The workspace's page as a person meets it, in a real browser, with a small Bolt app as its bot."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.acceptance.browsing import Visitor, WorkspaceProcess, browsing
from tests.acceptance.echo_bot import VOTES, EchoBot

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    async with browsing(chromium_path) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workspace(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkspaceProcess]:
    process = WorkspaceProcess(home=tmp_path_factory.mktemp("workspace"))
    await process.start()
    yield process
    await process.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(workspace: WorkspaceProcess) -> AsyncIterator[EchoBot]:
    started = EchoBot(workspace.address, workspace.tokens)
    await started.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def visiting(browser: Browser, workspace: WorkspaceProcess) -> Visitor:
    return Visitor(browser, workspace)


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(visiting: Visitor) -> AsyncIterator[Visitor]:
    """Whatever a test does, the page breaks no policy, throws nothing and asks nothing of the network outside."""
    visiting.faults.clear()
    yield visiting
    assert visiting.faults == []


async def test_mention_is_completed_and_its_answer_streams_into_the_thread(visitor: Visitor, bot: EchoBot) -> None:
    page = await visitor.open(channel="general")
    composer = page.get_by_role("textbox", name="Message #general")
    await composer.press_sequentially("@tan")
    await expect(page.get_by_role("option", name="@tandem")).to_be_visible()
    await composer.press("Enter")
    await composer.press_sequentially("may I work remotely?")
    await composer.press("Enter")

    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.get_by_role("status")).to_contain_text("Tandem is searching the documents…")
    bot.may_go_on.release()
    answer = thread.get_by_role("article", name="Tandem")
    for part in ("Remote work is agreed with your lead", "Say until when", "That is all."):
        await expect(answer).to_contain_text(part)
        await expect(answer).to_have_attribute("aria-busy", "true")
        bot.may_go_on.release()
    await expect(answer).not_to_have_attribute("aria-busy", "true")
    await expect(thread.get_by_role("status")).to_have_count(0)
    source = answer.get_by_role("link", name="Working remotely")
    await expect(source).to_have_attribute("href", "https://handbook.example/remote")
    await expect(source).to_have_attribute("rel", "noopener noreferrer")
    await expect(page.get_by_role("main").get_by_role("button", name="1 reply")).to_be_visible()
    assert bot.heard[-1][1]["text"] == f"<@{await _bot_user(visitor)}> may I work remotely?"


async def test_answer_that_overtakes_its_question_is_shown_all_the_same(visitor: Visitor, bot: EchoBot) -> None:
    page = await visitor.open(channel="people-ops")
    replies = page.get_by_role("main").get_by_role("button", name="1 reply")

    async def hold_back(route: Route) -> None:
        response = await route.fetch()
        await expect(replies).to_have_count(1)
        await route.fulfill(response=response)

    await page.route("**/api/chat.postMessage", hold_back)
    await _say(page, "Message #people-ops", "@tandem echo overtaken")
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.get_by_role("article", name="Tandem")).to_contain_text("echo overtaken")
    await expect(replies).to_be_visible()
    await page.unroute("**/api/chat.postMessage")


async def test_question_in_a_direct_message_is_answered_in_its_thread(visitor: Visitor, bot: EchoBot) -> None:
    page = await visitor.open()
    await page.get_by_role("link", name="Direct message with Tandem").click()
    await _say(page, "Message Tandem", "echo of a quiet question")
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.get_by_role("article", name="Tandem")).to_contain_text("echo of a quiet question")


async def test_vote_down_opens_a_form_that_says_what_is_wrong_and_takes_the_correction(
    visitor: Visitor, bot: EchoBot
) -> None:
    page = await visitor.open(channel="handbook")
    answer = await _post(visitor, "handbook", text="An answer", blocks=[_section("An answer to vote on"), VOTES])
    article = page.get_by_role("article").filter(has_text="An answer to vote on")
    down = article.get_by_role("button", name="This answer is wrong")
    await expect(down).to_have_attribute("aria-pressed", "false")
    await down.click()

    form = page.get_by_role("dialog", name="What was wrong?")
    await expect(form.get_by_role("checkbox", name="The route")).to_be_focused()
    await form.get_by_role("button", name="Send").click()
    await expect(form.get_by_role("group", name="What was wrong")).to_have_attribute("aria-invalid", "true")
    await form.get_by_role("checkbox", name="The sources").check()
    await form.get_by_role("radio", name="Misleading").check()
    await form.get_by_role("combobox", name="Who may read it").select_option("This channel")
    correction = form.get_by_role("textbox", name="What it should have said")
    await correction.fill("It is not so.")
    await form.get_by_role("button", name="Send").click()
    await expect(form.get_by_role("alert").filter(has_text="instead of what is not")).to_be_visible()
    await expect(correction).to_be_focused()
    await expect(form.get_by_role("checkbox", name="The sources")).to_be_checked()
    await correction.fill("Ask your lead first.")
    await form.get_by_role("button", name="Send").click()
    await expect(form).to_have_count(0)

    values = (await _heard(bot, "view"))[-1]
    assert [option["value"] for option in values["what"]["what"]["selected_options"]] == ["sources"]
    assert values["urgency"]["urgency"]["selected_option"]["value"] == "high"
    assert values["audience"]["audience"]["selected_option"]["value"] == "channel"
    assert values["correction"]["text"]["value"] == "Ask your lead first."
    await expect(down).to_have_attribute("aria-pressed", "true")
    await page.reload()
    await expect(down).to_have_attribute("aria-pressed", "true")
    await visitor.workspace.client().chat_delete(channel=answer["channel"], ts=answer["ts"])
    await expect(article).to_have_count(0)


async def test_votes_exclude_each_other_and_can_be_taken_back(visitor: Visitor, bot: EchoBot) -> None:
    page = await visitor.open(channel="handbook")
    await _post(visitor, "handbook", text="Vote", blocks=[_section("Another answer"), VOTES])
    article = page.get_by_role("article").filter(has_text="Another answer")
    up = article.get_by_role("button", name="This answer is right")
    down = article.get_by_role("button", name="This answer is wrong")
    await down.click()
    await page.get_by_role("dialog").get_by_role("button", name="Not now").click()
    await up.click()
    await expect(up).to_have_attribute("aria-pressed", "true")
    await expect(down).to_have_attribute("aria-pressed", "false")
    await up.click()
    await expect(up).to_have_attribute("aria-pressed", "false")
    actions = await _heard(bot, "action", 3)
    assert [action["value"] for action in actions[-3:]] == ["down", "up", "up"]


async def test_slash_command_is_offered_and_its_form_takes_a_file(visitor: Visitor, bot: EchoBot) -> None:
    page = await visitor.open(channel="handbook")
    composer = page.get_by_role("textbox", name="Message #handbook")
    await composer.press_sequentially("/ing")
    await expect(page.get_by_role("option", name="/ingest")).to_be_visible()
    await composer.press("Tab")
    await composer.press_sequentially("https://handbook.example/leave")
    await composer.press("Enter")

    form = page.get_by_role("dialog")
    await form.get_by_label("A document that says so").set_input_files(_file("leave.md", "text/markdown", b"# Leave"))
    await expect(form.get_by_role("button", name="Remove leave.md")).to_be_visible()
    await form.get_by_role("checkbox", name="The text").check()
    await form.get_by_role("textbox", name="What it should have said").fill("As in the file.")
    await form.get_by_role("button", name="Send").click()
    await expect(form).to_have_count(0)

    assert (await _heard(bot, "command"))[-1]["text"] == "https://handbook.example/leave"
    [file] = (await _heard(bot, "view"))[-1]["files"]["files"]["files"]
    stored = await visitor.workspace.client().files_info(file=file["id"])
    assert dict(stored["file"] or {})["name"] == "leave.md"


async def test_unknown_command_is_refused_in_words_and_stays_in_the_composer(visitor: Visitor, bot: EchoBot) -> None:
    page = await visitor.open(channel="handbook")
    await _say(page, "Message #handbook", "/nothing here")
    await expect(page.get_by_role("alert").filter(has_text="There is no such command")).to_be_visible()
    await expect(page.get_by_role("textbox", name="Message #handbook")).to_have_value("/nothing here")


async def test_every_block_is_drawn_and_its_controls_reach_the_app(visitor: Visitor, bot: EchoBot) -> None:
    page = await visitor.open(channel="handbook")
    await _say(page, "Message #handbook", "@tandem show me blocks")
    answer = page.get_by_role("complementary", name="Thread").get_by_role("article", name="Tandem")
    await expect(answer.get_by_role("heading", name="Every block ✨")).to_be_visible()
    await expect(answer.get_by_role("row", name="Care 10")).to_be_visible()
    await expect(answer.get_by_role("listitem").filter(has_text="carried over")).to_have_count(
        2
    )  # itself and its parent
    await expect(answer.get_by_role("link", name="second")).to_be_visible()
    await expect(answer.get_by_role("button", name="This answer is right")).to_be_in_viewport()
    await expect(answer.get_by_role("img")).to_have_count(0)
    await expect(answer).to_contain_text("A chart from outside")

    await answer.get_by_role("button", name="Try again").click()
    await answer.get_by_role("combobox", name="Answer by route").select_option("From documents")
    await answer.get_by_role("button", name="More options").click()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await answer.get_by_role("button", name="Forget").click()
    await page.get_by_role("dialog", name="Forget this?").get_by_role("button", name="Keep it").click()
    actions = await _heard(bot, "action", 3)
    assert [action["action_id"] for action in actions[-3:]] == ["retry", "route", "more"]
    assert actions[-2]["selected_option"]["value"] == "retrieve"
    assert actions[-1]["selected_option"]["value"] == "report"


HOSTILE = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'
LINKS = "[a](javascript:window.hit=1) [b](data:text/html,x) ![c](https://evil.example/?q=1) [d](https://fine.example/)"


async def test_text_from_messages_never_becomes_markup_or_a_strange_link(visitor: Visitor) -> None:
    page = await visitor.open(channel="handbook")
    escaped = HOSTILE.replace("<", "&lt;").replace(">", "&gt;")
    await _post(visitor, "handbook", text=f"hostile {escaped} <javascript:window.hit=1|click>")
    await _post(visitor, "handbook", text="x", blocks=[{"type": "markdown", "text": f"hostile {HOSTILE}\n\n{LINKS}"}])
    rich = [
        {"type": "text", "text": f"hostile {HOSTILE}"},
        {"type": "link", "url": "javascript:window.hit=1", "text": "go"},
    ]
    section = {"type": "rich_text_section", "elements": rich}
    await _post(visitor, "handbook", text="x", blocks=[{"type": "rich_text", "elements": [section]}])
    articles = page.get_by_role("article").filter(has_text="hostile")
    await expect(articles).to_have_count(3)
    for article in await articles.all():
        await expect(article).to_contain_text(HOSTILE)
        await expect(article.locator("img, script, iframe")).to_have_count(0)
    addresses = await articles.locator("a").evaluate_all("links => links.map(link => [link.protocol, link.rel])")
    assert addresses == [["https:", "noopener noreferrer"]] * 2
    assert await page.evaluate("window.hit") is None


async def test_edited_and_deleted_messages_change_for_everyone(visitor: Visitor) -> None:
    mine, theirs = await visitor.open(channel="random"), await visitor.open("jonas", "random")
    await _say(mine, "Message #random", "first thought & <more>")
    article = mine.get_by_role("article").filter(has_text="first thought & <more>")
    await article.hover()
    await article.get_by_role("button", name="Edit message").click()
    editor = mine.get_by_role("textbox", name="Edit your message")
    await expect(editor).to_have_value("first thought & <more>")
    await editor.fill("second thought for @jonas")
    await editor.press("Enter")
    seen = theirs.get_by_role("article").filter(has_text="second thought for @jonas")
    await expect(seen).to_contain_text("(edited)")
    await expect(seen.get_by_role("button", name="Edit message")).to_have_count(0)

    changed = mine.get_by_role("article").filter(has_text="second thought")
    await changed.hover()
    await changed.get_by_role("button", name="Delete message").click()
    await mine.get_by_role("dialog", name="Delete this message?").get_by_role("button", name="Delete").click()
    await expect(seen).to_have_count(0)
    await expect(changed).to_have_count(0)


async def test_private_channel_is_shown_to_its_members_only(visitor: Visitor) -> None:
    page = await visitor.open_anew("ada", "people-ops")
    await expect(page.get_by_role("heading", name="people-ops")).to_be_visible()
    await page.get_by_role("button", name="Switch user").click()
    await page.get_by_role("menuitemradio", name="Sam Rivera").click()
    await expect(page.get_by_role("button", name="You are Sam Rivera")).to_be_visible()
    await expect(page.get_by_role("heading", name="general")).to_be_visible()
    await expect(page.get_by_role("link", name="people-ops")).to_have_count(0)


async def test_unread_messages_are_counted_until_they_are_read(visitor: Visitor) -> None:
    page = await visitor.open("sam", "general")
    random = await visitor.workspace.channel("random")
    for text in ("one for sam", "two for sam"):
        await visitor.workspace.client("jonas").chat_postMessage(channel=random, text=text)
    unread = page.get_by_role("link", name="Channel random, 2 unread")
    await expect(unread).to_be_visible()
    await expect(page).to_have_title("(2) #general · Tandem")
    await page.reload()
    await unread.click()
    await expect(page.get_by_role("separator").filter(has_text="New")).to_be_visible()
    await expect(page.get_by_role("link", name="Channel random", exact=True)).to_be_visible()
    await expect(page).to_have_title("#random · Tandem")


async def test_ephemeral_message_is_seen_by_one_person_until_it_is_dismissed(visitor: Visitor, bot: EchoBot) -> None:
    mine, theirs = await visitor.open(channel="handbook"), await visitor.open("jonas", "handbook")
    await _say(mine, "Message #handbook", "@tandem whisper")
    whisper = mine.get_by_role("article").filter(has_text="A word in your ear")
    await expect(whisper).to_contain_text("Only visible to you")
    await expect(theirs.get_by_role("article").filter(has_text="@tandem whisper")).to_be_visible()
    await expect(theirs.get_by_text("A word in your ear")).to_have_count(0)
    await whisper.hover()
    await whisper.get_by_role("button", name="Dismiss").click()
    await expect(whisper).to_have_count(0)


async def test_files_are_attached_by_button_and_by_dragging_and_come_back_whole(visitor: Visitor) -> None:
    page = await visitor.open(channel="random")
    main = page.get_by_role("main")
    await main.locator("input[type=file]").set_input_files(_file("notes.txt", "text/plain", "naïve ☃".encode()))
    await _drop(main, "dot.png", "image/png", PIXEL)
    await expect(main.get_by_role("list", name="Files to send").get_by_role("listitem")).to_have_count(2)
    await _say(page, "Message #random", "two files for you")
    article = page.get_by_role("article").filter(has_text="two files for you")
    await expect(article.get_by_role("img", name="dot.png")).to_have_js_property("naturalWidth", 1)
    async with page.expect_download() as download:
        await article.get_by_role("button", name="Download notes.txt").click()
    path = await (await download.value).path()
    assert Path(path).read_text() == "naïve ☃"


async def test_page_says_that_it_reconnects_and_catches_up_after_a_restart(browser: Browser, tmp_path: Path) -> None:
    workspace = WorkspaceProcess(home=tmp_path)
    await workspace.start()
    visiting = Visitor(browser, workspace)
    page = await visiting.open()
    general = await workspace.channel("general")
    await workspace.client("jonas").chat_postMessage(channel=general, text="before the restart")
    await expect(page.get_by_text("before the restart")).to_be_visible()
    await workspace.stop()
    await expect(page.get_by_role("status").filter(has_text="Reconnecting")).to_be_visible()
    await workspace.start()
    await workspace.client("jonas").chat_postMessage(channel=general, text="while you were away")
    await expect(page.get_by_text("while you were away")).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text="Reconnecting")).to_be_hidden()
    await workspace.client("jonas").chat_postMessage(channel=general, text="and live again")
    await expect(page.get_by_text("and live again")).to_have_count(1)
    await page.context.close()
    await workspace.stop()
    assert visiting.faults == []


async def test_narrow_page_shows_one_thing_at_a_time_and_never_scrolls_sideways(visitor: Visitor, bot: EchoBot) -> None:
    page = await visitor.open_anew("ada", width=390, height=844)
    await expect(page.get_by_role("main")).to_be_hidden()
    await page.get_by_role("link", name="Channel handbook").click()
    await expect(page.get_by_role("navigation")).to_be_hidden()
    await _say(page, "Message #handbook", "@tandem narrow blocks")
    await page.get_by_role("button", name="1 reply").last.click()
    await expect(page.get_by_role("main")).to_be_hidden()
    await expect(page.get_by_role("row", name="Care 10")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await page.get_by_role("button", name="Back to the conversation").click()
    await expect(page.get_by_role("heading", name="handbook")).to_be_visible()
    await page.get_by_role("button", name="Back to conversations").click()
    await expect(page.get_by_role("navigation", name="Conversations")).to_be_visible()


async def test_page_can_be_used_without_a_mouse(visitor: Visitor, bot: EchoBot) -> None:
    page = await visitor.open("jonas", "general")
    composer = page.get_by_role("textbox", name="Message #general")
    await composer.focus()
    await page.keyboard.type("@tandem echo by keyboard")
    await page.keyboard.press("Enter")
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.get_by_role("article", name="Tandem")).to_contain_text("echo by keyboard")
    await thread.get_by_role("textbox", name="Reply in thread").focus()
    await page.keyboard.press("Escape")
    await expect(thread).to_be_hidden()
    await page.get_by_role("button", name="Switch user").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("menuitemradio", name="Jonas Lindqvist")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Switch user")).to_be_focused()
    unnamed = "all => all.filter(button => !(button.ariaLabel || button.textContent).trim()).length"
    assert await page.locator("button, a").evaluate_all(unnamed) == 0


async def _say(page: Page, composer: str, text: str) -> None:
    field = page.get_by_role("textbox", name=composer)
    await field.fill(text)
    await field.press("Escape")  # no suggestion is taken in place of what was typed
    await field.press("Enter")


async def _post(visitor: Visitor, channel: str, **message: Any) -> dict[str, Any]:
    answer = await visitor.workspace.client().chat_postMessage(
        channel=await visitor.workspace.channel(channel), **message
    )
    return {"channel": answer["channel"], "ts": answer["ts"]}


async def _bot_user(visitor: Visitor) -> str:
    return str((await visitor.workspace.client().auth_test())["user_id"])


async def _heard(bot: EchoBot, kind: str, at_least: int = 1) -> list[Any]:
    """What the app heard of a kind, once it heard enough: a click is shown before the app has it."""
    for _ in range(100):
        found = [what for heard, what in bot.heard if heard == kind]
        if len(found) >= at_least:
            return found
        await asyncio.sleep(0.02)
    pytest.fail(f"The app heard no {kind}")


async def _drop(pane: Locator, name: str, kind: str, content: bytes) -> None:
    await pane.evaluate(
        """(pane, [name, type, content]) => {
            const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
            const carried = new DataTransfer();
            carried.items.add(new File([bytes], name, { type }));
            for (const kind of ["dragover", "drop"]) {
                pane.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
            }
        }""",
        [name, kind, base64.b64encode(content).decode()],
    )


def _file(name: str, kind: str, content: bytes) -> Any:
    return {"name": name, "mimeType": kind, "buffer": content}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}
