"""A small Bolt app to drive the page with: it streams, posts every block there is, opens forms, and notes what it hears."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

ANSWER = (
    "**Remote work** is agreed with your lead, [in writing](https://handbook.example/remote).",
    "\n\n1. Say where you will be\n2. Say until when\n",
    "\n```python\nprint('hello')\n```\n\nThat is all. [1]",
)
VOTES = {
    "type": "context_actions",
    "block_id": "votes",
    "elements": [
        {
            "type": "feedback_buttons",
            "action_id": "vote",
            "positive_button": {
                "text": {"type": "plain_text", "text": "👍"},
                "value": "up",
                "accessibility_label": "This answer is right",
            },
            "negative_button": {
                "text": {"type": "plain_text", "text": "👎"},
                "value": "down",
                "accessibility_label": "This answer is wrong",
            },
        }
    ],
}
SOURCES = {
    "type": "context",
    "elements": [{"type": "mrkdwn", "text": "[1] <https://handbook.example/remote|Working remotely> · from documents"}],
}


def option(value: str, text: str) -> dict[str, Any]:
    return {"text": {"type": "plain_text", "text": text}, "value": value}


FORM: dict[str, Any] = {
    "type": "modal",
    "callback_id": "correction",
    "title": {"type": "plain_text", "text": "What was wrong?"},
    "submit": {"type": "plain_text", "text": "Send"},
    "close": {"type": "plain_text", "text": "Not now"},
    "blocks": [
        {"type": "section", "text": {"type": "mrkdwn", "text": "Your correction *helps* the next answer."}},
        {
            "type": "input",
            "block_id": "what",
            "label": {"type": "plain_text", "text": "What was wrong"},
            "element": {
                "type": "checkboxes",
                "action_id": "what",
                "options": [option("route", "The route"), option("sources", "The sources"), option("text", "The text")],
            },
        },
        {
            "type": "input",
            "block_id": "urgency",
            "label": {"type": "plain_text", "text": "How bad is it"},
            "element": {
                "type": "radio_buttons",
                "action_id": "urgency",
                "options": [option("low", "Could be better"), option("high", "Misleading")],
                "initial_option": option("low", "Could be better"),
            },
        },
        {
            "type": "input",
            "block_id": "audience",
            "optional": True,
            "label": {"type": "plain_text", "text": "Who may read it"},
            "element": {
                "type": "static_select",
                "action_id": "audience",
                "options": [option("public", "Everyone"), option("channel", "This channel")],
            },
        },
        {
            "type": "input",
            "block_id": "correction",
            "label": {"type": "plain_text", "text": "What it should have said"},
            "hint": {"type": "plain_text", "text": "One or two sentences."},
            "element": {"type": "plain_text_input", "action_id": "text", "multiline": True},
        },
        {
            "type": "input",
            "block_id": "files",
            "optional": True,
            "label": {"type": "plain_text", "text": "A document that says so"},
            "element": {"type": "file_input", "action_id": "files", "max_files": 1},
        },
    ],
}

EVERY_BLOCK: list[dict[str, Any]] = [
    {"type": "header", "text": {"type": "plain_text", "text": "Every block :sparkles:"}},
    {
        "type": "section",
        "text": {"type": "mrkdwn", "text": "*Bold*, _slanted_, ~gone~, `code` and <https://example.com|a link>\n&gt; quoted"},
        "accessory": {
            "type": "overflow",
            "action_id": "more",
            "options": [option("copy", "Copy"), option("report", "Report")],
        },
    },
    {
        "type": "section",
        "fields": [{"type": "mrkdwn", "text": "*Route*\nretrieve"}, {"type": "mrkdwn", "text": "*Sure*\n0.82"}],
    },
    {"type": "divider"},
    {
        "type": "markdown",
        "text": "## Leave\n\n- **Paid**: 25 days\n  - carried over: *5*\n- Unpaid\n\n| Kind | Days |\n|:--|--:|\n| Paid | 25 |\n| Care | 10 |\n\n> Ask early.",
    },
    {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": "Rich ", "style": {"bold": True}}, {"type": "emoji", "name": "tada"}]},
            {
                "type": "rich_text_list",
                "style": "bullet",
                "elements": [
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": "first"}]},
                    {"type": "rich_text_section", "elements": [{"type": "link", "url": "https://example.com/rich", "text": "second"}]},
                ],
            },
        ],
    },
    {"type": "image", "image_url": "https://outside.example/leak.png?secret=1", "alt_text": "A chart from outside"},
    {
        "type": "actions",
        "block_id": "do",
        "elements": [
            {"type": "button", "action_id": "retry", "style": "primary", "text": {"type": "plain_text", "text": "Try again"}, "value": "again"},
            {
                "type": "button",
                "action_id": "forget",
                "style": "danger",
                "text": {"type": "plain_text", "text": "Forget"},
                "value": "forget",
                "confirm": {
                    "title": {"type": "plain_text", "text": "Forget this?"},
                    "text": {"type": "plain_text", "text": "It cannot be undone."},
                    "confirm": {"type": "plain_text", "text": "Forget it"},
                    "deny": {"type": "plain_text", "text": "Keep it"},
                },
            },
            {
                "type": "static_select",
                "action_id": "route",
                "placeholder": {"type": "plain_text", "text": "Answer by route"},
                "options": [option("direct", "Direct"), option("retrieve", "From documents")],
            },
        ],
    },
    VOTES,
]  # fmt: skip


@dataclass
class EchoBot:
    """`heard` holds what came, in order: (kind, what). A streamed answer waits for `may_go_on` at each of its steps."""

    address: str
    tokens: dict[str, Any]
    heard: list[tuple[str, Any]] = field(default_factory=list)
    may_go_on: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def start(self) -> None:
        self.client = AsyncWebClient(token=self.tokens["bot_token"], base_url=f"{self.address}/api/")
        self.app = AsyncApp(client=self.client)
        self.app.event("app_mention")(self._mentioned)
        self.app.event("message")(self._messaged)
        self.app.event("app_home_opened")(self._ignored)
        self.app.command("/ingest")(self._commanded)
        for action in ("vote", "retry", "forget", "route", "more"):
            self.app.action(action)(self._acted)
        self.app.view("correction")(self._submitted)
        self._handler = AsyncSocketModeHandler(self.app, self.tokens["app_token"])
        await self._handler.connect_async()

    async def stop(self) -> None:
        await self._handler.close_async()

    async def _ignored(self, event: dict[str, Any]) -> None:
        pass

    async def _mentioned(self, event: dict[str, Any]) -> None:
        await self._answer(event)

    async def _messaged(self, event: dict[str, Any]) -> None:
        if (
            event.get("channel_type") == "im"
            and not event.get("bot_id")
            and event.get("subtype") in (None, "file_share")
        ):
            await self._answer(event)

    async def _answer(self, event: dict[str, Any]) -> None:
        self.heard.append(("message", event))
        channel, thread, text = event["channel"], event.get("thread_ts", event["ts"]), event["text"]
        if "whisper" in text:
            await self.client.chat_postEphemeral(channel=channel, user=event["user"], text="A word in your ear.")
        elif "blocks" in text:
            await self.client.chat_postMessage(
                channel=channel, thread_ts=thread, text="Every block", blocks=EVERY_BLOCK
            )
        elif "echo" in text:
            await self.client.chat_postMessage(channel=channel, thread_ts=thread, text=text)
        else:
            await self._stream(channel, thread, event["user"])

    async def _stream(self, channel: str, thread: str, user: str) -> None:
        await self.client.assistant_threads_setStatus(
            channel_id=channel, thread_ts=thread, status="is searching the documents…"
        )
        await self.may_go_on.acquire()
        stream = await self.client.chat_stream(
            channel=channel, thread_ts=thread, recipient_user_id=user, recipient_team_id=self.tokens["team_id"], buffer_size=1
        )  # fmt: skip
        for part in ANSWER:
            await stream.append(markdown_text=part)
            await self.may_go_on.acquire()
        await stream.stop(blocks=[SOURCES, VOTES])

    async def _commanded(self, ack: Any, command: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        self.heard.append(("command", command))
        await client.views_open(trigger_id=command["trigger_id"], view=FORM)

    async def _acted(self, ack: Any, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        self.heard.append(("action", action))
        if action.get("value") == "down":
            await client.views_open(trigger_id=body["trigger_id"], view=FORM)

    async def _submitted(self, ack: Any, view: dict[str, Any]) -> None:
        values = view["state"]["values"]
        if "not" in values["correction"]["text"]["value"]:
            await ack(response_action="errors", errors={"correction": "Say what is so, instead of what is not."})
            return
        await ack()
        self.heard.append(("view", values))
