"""assistant.threads.*: what shows under a thread while the bot works."""

from bot.workspace.calls import Call
from bot.workspace.channels import Channel, find_channel, readers
from bot.workspace.errors import SlackError
from bot.workspace.json_values import Json
from bot.workspace.messages import find_message
from bot.workspace.status import show_status

LOADING_MESSAGES = 10


def set_status(call: Call) -> Json:
    channel, thread_ts = _thread(call)
    messages = call.array("loading_messages", error="invalid_arguments") or []
    if len(messages) > LOADING_MESSAGES:
        raise SlackError("invalid_arguments", f"no more than {LOADING_MESSAGES} items [json-pointer:/loading_messages]")
    if "status" not in call.arguments:
        raise SlackError("invalid_arguments", "missing required field: status")
    show_status(call.workspace, channel, thread_ts, call.text("status"), [str(message) for message in messages])
    return {}


def set_suggested_prompts(call: Call) -> Json:
    channel = find_channel(call.workspace, call.required("channel_id", error="channel_not_found"), call.grant)
    prompts = call.array("prompts", error="invalid_arguments") or []
    frame = {
        "type": "suggested_prompts",
        "channel": channel.id,
        "thread_ts": call.text("thread_ts") or None,
        "title": call.text("title"),
        "prompts": prompts,
    }
    call.workspace.live.announce(readers(call.workspace, channel), frame)
    return {}


def set_title(call: Call) -> Json:
    _thread(call)
    call.required("title")
    return {}


def _thread(call: Call) -> tuple[Channel, str]:
    channel = find_channel(call.workspace, call.required("channel_id", error="channel_not_found"), call.grant)
    if not channel.holds(call.grant.user):
        raise SlackError("channel_not_found")
    ts = call.required("thread_ts", error="invalid_thread_ts")
    row = find_message(call.workspace, channel, ts, error="invalid_thread_ts")
    return channel, row["thread_ts"] or row["ts"]
