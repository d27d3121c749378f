"""Slack's rate limits, held against slack_sdk."""

import asyncio
from pathlib import Path

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler

from bot.workspace.errors import RateLimited
from bot.workspace.pacing import POST_BURST, Pacing
from tests.bot.workspace.driver import running_workspace


async def test_posts_beyond_the_burst_get_429_until_the_time_is_up(tmp_path: Path) -> None:
    async with running_workspace(tmp_path) as workspace:
        bot, channel = workspace.bot(), workspace.channel("handbook")
        with pytest.raises(SlackApiError) as limited:
            await asyncio.gather(*(bot.chat_postMessage(channel=channel, text="x") for _ in range(POST_BURST * 5)))
        response = limited.value.response
        assert (response.status_code, response["error"]) == (429, "ratelimited")
        assert response.headers["Retry-After"] == "1"
        await bot.chat_postMessage(channel=workspace.channel("general"), text="another channel has its own count")
        patient = workspace.bot()
        patient.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=2))
        await patient.chat_postMessage(channel=channel, text="after the pause")
        for number in range(POST_BURST * 5):
            await workspace.post("ada", "handbook", f"people are not limited: {number}")


def test_methods_are_counted_by_their_tier() -> None:
    pacing = Pacing(enforced=True)
    for _ in range(20):
        pacing.call("chat.stopStream", 2)
    with pytest.raises(RateLimited) as limited:
        pacing.call("chat.stopStream", 2)
    assert limited.value.retry_after_s == 3
    pacing.call("chat.startStream", 2)
