from collections.abc import Mapping
from typing import Any, cast

import pytest

from bot.arrivals import Arrival, Identity
from bot.deliveries import Deliveries
from bot.durable import Durable
from bot.errors import NotStored
from bot.failpoints import Failpoints
from bot.following import Following
from bot.intake import Intake
from knowledge.errors import CatalogueUnavailable

_ME = Identity(team="T1", user="UBOT", bot="BBOT")


class _Store:
    """Stands for the stored work, the table of deliveries, and the channels that are followed."""

    change: Arrival | Exception | None = None

    def __init__(self, *, known: set[str] | None = None, threads: set[str] | None = None, broken: bool = False) -> None:
        self.known, self.threads, self.broken = known or set(), threads or set(), broken
        self.stored: list[Arrival] = []

    async def store(self, arrival: Arrival) -> None:
        if self.broken:
            raise NotStored("the disk is full")
        self.stored.append(arrival)

    async def read(self, body: Mapping[str, Any]) -> Arrival | None:
        if isinstance(self.change, Exception):
            raise self.change
        return self.change

    async def has(self, work_id: str) -> bool:
        return work_id in self.known

    async def took_part(self, channel: str, thread_ts: str) -> bool:
        return thread_ts in self.threads

    async def find(self, key: str) -> object | None:
        return key if key in self.known else None


def _intake(store: _Store) -> Intake:
    return Intake(
        durable=cast("Durable", store),
        deliveries=cast("Deliveries", store),
        following=cast("Following", store),
        me=_ME,
        failpoints=Failpoints(),
    )


def _event(**event: Any) -> dict[str, Any]:
    given = {"type": "message", "channel": "C1", "ts": "100.2", "user": "U1", "text": "hello", **event}
    return {"type": "event_callback", "team_id": "T1", "event": given}


async def test_delivery_is_acknowledged_once_it_is_stored() -> None:
    store = _Store()
    status, arrival = await _intake(store).take_in(_event(type="app_mention", text="<@UBOT> hello"))
    assert status == 200
    assert store.stored == [arrival]


async def test_delivery_that_cannot_be_stored_is_not_acknowledged() -> None:
    status, _ = await _intake(_Store(broken=True)).take_in(_event(type="app_mention"))
    assert status == 503


async def test_delivery_after_the_end_has_begun_is_left_to_slack() -> None:
    store = _Store()
    intake = _intake(store)
    intake.open = False
    assert (await intake.take_in(_event(type="app_mention")))[0] == 503
    assert store.stored == []


@pytest.mark.parametrize("event", [{"type": "reaction_added"}, {"text": "hello all"}, {"subtype": "channel_topic"}])
async def test_what_asks_nothing_of_the_bot_is_acknowledged_and_not_stored(event: dict[str, Any]) -> None:
    store = _Store()
    assert (await _intake(store).take_in(_event(**event)))[0] == 200
    assert store.stored == []


async def test_reply_is_for_the_bot_only_in_a_thread_that_it_is_in() -> None:
    store = _Store(threads={"50.1"})
    intake = _intake(store)
    await intake.take_in(_event(thread_ts="50.1"))
    await intake.take_in(_event(thread_ts="60.1", ts="100.3"))
    assert [arrival.payload["ts"] for arrival in store.stored] == ["100.2"]


async def test_reply_counts_as_the_bots_while_the_threads_question_is_still_waiting() -> None:
    store = _Store(known={"slack:T1:C1:50.1"})
    await _intake(store).take_in(_event(thread_ts="50.1"))
    assert len(store.stored) == 1


async def test_mention_is_stored_after_its_copy_without_a_mention_was_not() -> None:
    store = _Store()
    intake = _intake(store)
    await intake.take_in(_event(thread_ts="50.1"))
    await intake.take_in(_event(type="app_mention", thread_ts="50.1"))
    assert [arrival.id for arrival in store.stored] == ["slack:T1:C1:100.2"]


async def test_deletion_of_a_strangers_message_is_not_stored() -> None:
    store = _Store(known={"slack:T1:C1:1.1"})
    intake = _intake(store)
    for ts in ("1.1", "2.2"):
        await intake.take_in(_event(subtype="message_deleted", deleted_ts=ts, event_ts="300.1"))
    assert [arrival.payload["ts"] for arrival in store.stored] == ["1.1"]


@pytest.mark.parametrize(
    "body",
    [
        {"type": "event_callback"},
        {"type": "event_callback", "event": "x", "team_id": "T1"},
        {"type": "event_callback", "team_id": "T1", "event": {"type": "app_mention"}},
        {"type": "block_actions", "actions": []},
        {"type": "view_submission", "view": {"callback_id": "tandem_correction"}},
    ],
)
async def test_malformed_delivery_is_refused_with_a_4xx(body: dict[str, Any]) -> None:
    assert (await _intake(_Store()).take_in(body))[0] == 400


async def test_reply_in_a_thread_whose_question_still_waits_its_turn_is_for_the_bot() -> None:
    store = _Store()
    intake = _intake(store)
    await intake.take_in(_event(type="app_mention", ts="100.5", thread_ts="100.1", text="<@UBOT> how long is leave?"))
    await intake.take_in(_event(ts="100.6", thread_ts="100.1", text="and for contractors?"))
    await intake.take_in(_event(ts="100.7", thread_ts="100.3", text="in another thread"))
    assert [arrival.payload["ts"] for arrival in store.stored] == ["100.5", "100.6"]


async def test_reply_after_a_restart_is_for_the_bot_though_the_threads_question_still_waits() -> None:
    store = _Store()
    intake = _intake(store)
    intake.remember("question", {"channel": "C1", "thread_ts": "100.1"})
    await intake.take_in(_event(ts="100.6", thread_ts="100.1", text="and for contractors?"))
    assert len(store.stored) == 1


_CHANGE = Arrival(id="w2", kind="thread", payload={"channel": "C1", "ts": "100.2", "thread_ts": "100.2"})


async def test_message_that_is_a_question_and_changes_a_document_is_stored_as_both() -> None:
    store = _Store()
    store.change = _CHANGE
    status, arrival = await _intake(store).take_in(_event(type="app_mention", text="<@UBOT> hello"))
    assert (status, store.stored) == (200, [arrival, _CHANGE])


async def test_message_that_only_changes_a_document_is_stored_as_that() -> None:
    store = _Store()
    store.change = _CHANGE
    assert await _intake(store).take_in(_event()) == (200, None)
    assert store.stored == [_CHANGE]


async def test_change_that_cannot_be_looked_up_is_not_acknowledged() -> None:
    store = _Store()
    store.change = CatalogueUnavailable()
    assert (await _intake(store).take_in(_event()))[0] == 503
