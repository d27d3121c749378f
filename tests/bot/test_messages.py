from typing import cast

import pytest

from bot.directory import Directory
from bot.errors import SlackUnreachable
from bot.messages import plain_text
from bot.slack import Slack
from tests.bot.fakes import FakeSlack, channel, person


async def _plain(text: str, **replies: object) -> str:
    slack = FakeSlack(**{"users__info": person(), "conversations__info": channel(), **replies})  # type: ignore[arg-type]
    return await plain_text(text, bot_user="UBOT", directory=Directory(cast("Slack", slack), team="T1"))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<@UBOT> how many days?", "how many days?"),
        ("how <@UBOT|tandem> many days?", "how many days?"),
        ("<@UBOT>", ""),
        ("ask <@U1> about it", "ask @ada about it"),
        ("ask <@U1|bob>", "ask @bob"),
        ("see <#C1> and <#C2|pay>", "see #general and #pay"),
        ("<!here> and <!subteam^S1|@people>", "@here and @people"),
        ("<https://a.example/x>", "https://a.example/x"),
        ("<https://a.example/x|the page>", "the page (https://a.example/x)"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"),
        ("&lt;@U1&gt;", "<@U1>"),
        ("one  two\nthree", "one two\nthree"),
        ("🎉", "🎉"),
    ],
)
async def test_text_reads_as_on_the_screen(written: str, read: str) -> None:
    assert await _plain(written) == read


async def test_name_that_cannot_be_found_is_somebody() -> None:
    assert await _plain("ask <@U9>", users__info=SlackUnreachable("gone")) == "ask @someone"


async def test_message_of_a_thousand_references_asks_slack_for_a_few() -> None:
    slack = FakeSlack(users__info=person())
    text = " ".join(f"<@U{n}>" for n in range(1000))
    read = await plain_text(text, bot_user="UBOT", directory=Directory(cast("Slack", slack), team="T1"))
    assert len(slack.calls) <= 20
    assert read.startswith("@ada @ada")
    assert read.endswith("@someone")
