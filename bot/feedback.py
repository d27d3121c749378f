"""Votes and corrections, from the click to the journal."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.arrivals import CORRECTION_VIEW, Arrival, storable
from bot.directory import Directory
from bot.errors import SlackRefused
from bot.failures import NOT_KEPT
from bot.payloads import Json, Malformed, as_object, inner, objects, optional, required
from bot.rendering import plain
from bot.whispers import Whispers
from router.errors import UnknownExchange
from router.feedback import Feedback, FeedbackKind, Wrong, fold
from router.journal import Journal

_WRONG_BLOCK, _WRONG_ACTION = "what_was_wrong", "wrong"
_SHOULD_BLOCK, _SHOULD_ACTION = "should_have_said", "correction"
_CORRECTION_CHARS = 3_000
_CHOICES: dict[Wrong, str] = {
    "route": "How it was answered: from documents or from memory",
    "sources": "Its sources",
    "text": "What it says",
}
# A vote against an answer is followed by the form, whose trigger lives three seconds: nothing is posted before it.
_THANKS: dict[FeedbackKind, str] = {
    "vote_up": "Thank you: noted as a good answer. Press again to take it back.",
    "unvote": "Your vote is taken back.",
    "correction": "Thank you: your correction is noted.",
}
_MEMBERS_ONLY = "I take feedback from members of this workspace only, so this was not kept."
_GONE = "This answer is no longer on record, so your feedback on it could not be kept."


class FeedbackDesk:
    """Every event's id is that of the stored click or form, so one that is run again changes nothing."""

    def __init__(self, *, journal: Journal, directory: Directory, whispers: Whispers) -> None:
        self._journal = journal
        self._directory = directory
        self._whispers = whispers

    async def vote(self, work_id: str, payload: Mapping[str, Any]) -> FeedbackKind | None:
        """Record a click; a second click on the same button takes the vote back. None: it was not kept."""
        if not await self._may_judge(payload):
            return None
        direction, _, exchange_id = optional(payload, "value").partition(" ")
        person = required(payload, "user")
        pressed: FeedbackKind = "vote_up" if direction == "up" else "vote_down"
        kind = await self._toggled(pressed, exchange_id, person, work_id)
        at = datetime.fromtimestamp(float(required(payload, "version")), UTC)
        event = Feedback(feedback_id=work_id, exchange_id=exchange_id, person=person, kind=kind, at=at)
        return kind if await self._keep(event, payload) else None

    async def correct(self, work_id: str, payload: Mapping[str, Any]) -> None:
        if not await self._may_judge(payload):
            return
        wrong: tuple[Wrong, ...] = tuple(choice for choice in _CHOICES if choice in payload["wrong"])
        event = Feedback(
            feedback_id=work_id,
            exchange_id=required(payload, "exchange_id"),
            person=required(payload, "user"),
            kind="correction",
            at=datetime.fromisoformat(required(payload, "at")),
            what_was_wrong=wrong,
            correction=optional(payload, "correction"),
        )
        await self._keep(event, payload)

    async def own_up(self, payload: Mapping[str, Any]) -> None:
        """Tell the person that a click or form of theirs was not kept."""
        await self._whispers.tell(payload, NOT_KEPT)

    async def _may_judge(self, payload: Mapping[str, Any]) -> bool:
        """Guests and other organisations see answers in their channels; what the team learns from is the team's to say."""
        try:
            is_member = (await self._directory.person(required(payload, "user"))).is_member
        except SlackRefused:
            is_member = False
        if not is_member:
            await self._whispers.tell(payload, _MEMBERS_ONLY)
        return is_member

    async def _toggled(self, pressed: FeedbackKind, exchange_id: str, person: str, work_id: str) -> FeedbackKind:
        events = await self._journal.feedback_events(exchange_id)
        earlier = [event for event in events if event.person == person and event.feedback_id != work_id]
        final = fold(earlier)
        standing = "vote_up" if final.ups else "vote_down" if final.downs else None
        return "unvote" if standing == pressed else pressed

    async def _keep(self, event: Feedback, payload: Mapping[str, Any]) -> bool:
        try:
            await self._journal.add_feedback(event)
        except UnknownExchange:
            await self._whispers.tell(payload, _GONE)
            return False
        if event.kind in _THANKS:
            await self._whispers.tell(payload, _THANKS[event.kind])
        return True


def correction_form(exchange_id: str, *, channel: str, thread_ts: str) -> Json:
    """The form that opens on a vote against an answer. `private_metadata` carries ids only: it holds 3,000 characters."""
    choices = [{"text": plain(label), "value": wrong} for wrong, label in _CHOICES.items()]
    return {
        "type": "modal",
        "callback_id": CORRECTION_VIEW,
        "private_metadata": f"{exchange_id} {channel} {thread_ts}",
        "title": plain("What was wrong?"),
        "submit": plain("Send"),
        "close": plain("Cancel"),
        "blocks": [
            {
                "type": "input",
                "block_id": _WRONG_BLOCK,
                "optional": True,
                "label": plain("What was wrong with it?"),
                "element": {"type": "checkboxes", "action_id": _WRONG_ACTION, "options": choices},
            },
            {
                "type": "input",
                "block_id": _SHOULD_BLOCK,
                "optional": True,
                "label": plain("What should it have said?"),
                "element": {
                    "type": "plain_text_input",
                    "action_id": _SHOULD_ACTION,
                    "multiline": True,
                    "max_length": _CORRECTION_CHARS,
                },
            },
        ],
    }


def is_blank(body: Mapping[str, Any]) -> bool:
    """Whether the form was sent with nothing in it."""
    wrong, correction = _filled_in(body)
    return not wrong and not correction


def read_correction(body: Mapping[str, Any]) -> Arrival | None:
    """The work in a submitted form. Raises Malformed."""
    view = inner(body, "view")
    place = optional(view, "private_metadata").split(" ")
    if len(place) != 3:  # noqa: PLR2004 — the exchange, the channel and the thread
        raise Malformed("private_metadata")
    if is_blank(body):
        return None
    wrong, correction = _filled_in(body)
    exchange_id, channel, thread_ts = place
    team = required(inner(body, "team"), "id")
    return Arrival(
        id=f"slack:{team}:{channel}:correction:{required(view, 'id')}",
        kind="correction",
        payload={
            "exchange_id": exchange_id,
            "channel": channel,
            "thread_ts": thread_ts,
            "user": required(inner(body, "user"), "id"),
            "wrong": wrong,
            "correction": correction,
            "at": datetime.now(UTC).isoformat(),
        },
    )


def _filled_in(body: Mapping[str, Any]) -> tuple[list[str], str]:
    values = inner(inner(inner(body, "view"), "state"), "values")
    chosen = as_object(inner(values, _WRONG_BLOCK).get(_WRONG_ACTION))
    written = as_object(inner(values, _SHOULD_BLOCK).get(_SHOULD_ACTION))
    wrong = [optional(option, "value") for option in objects(chosen, "selected_options")]
    return wrong, storable(optional(written, "value")).strip()
