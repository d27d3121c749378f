"""The line that says what the bot is doing, under a thread. It is on show only, and kept nowhere."""

from bot.workspace.channels import Channel, readers
from bot.workspace.workspace import Workspace


def show_status(
    workspace: Workspace, channel: Channel, thread_ts: str, status: str, loading_messages: list[str]
) -> None:
    frame = {"type": "status", "channel": channel.id, "thread_ts": thread_ts, "status": status}
    workspace.live.announce(readers(workspace, channel), {**frame, "loading_messages": loading_messages})


def clear_status(workspace: Workspace, channel: Channel, thread_ts: str | None) -> None:
    """Clear it, as Slack does by itself when the bot answers."""
    if thread_ts is not None:
        show_status(workspace, channel, thread_ts, "", [])
