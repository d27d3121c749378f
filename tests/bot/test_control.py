import asyncio
import logging
import stat

import pytest

from bot import control
from bot.control import RemoteOperations
from bot.errors import ControlError, UnknownDocument
from bot.operations import Asked
from knowledge.errors import InvalidScope


class Scripted:
    """Operations that answer from a script and keep what they were asked."""

    def __init__(self):
        self.asked = None
        self.cleared = set()
        self.is_left = asyncio.Event()

    async def ask(self, asked):
        self.asked = asked
        yield {"status": "Searching"}
        if asked.text == "Wait":
            await self.is_left.wait()
            for _ in range(100):
                yield {"text": "Eight "}
                await asyncio.sleep(0)
        yield {"answer": {"answer": "Eight weeks [1].", "route": "retrieve"}}

    async def explain(self, asked):
        return {"arm": "retrieve", "text": asked.text, "user": asked.user}

    async def search(self, text, *, limit, audience):
        return [{"title": text, "score": limit}, {"title": audience, "score": 0}]

    async def learnable(self, *, limit, seed):
        return [{"document_id": f"d{n}", "uri": "u", "title": "Tea", "text": str(seed)} for n in range(limit)]

    async def ingest(self, places, *, scope, whole_site=False):
        if scope == "everyone":
            raise InvalidScope(scope)
        for place in places:
            if place == "/bug":
                raise ZeroDivisionError("secret detail")
            yield {"uri": place, "status": "added", "whole_site": whole_site}

    async def documents(self, *, audience):
        return [{"number": 1, "audience": audience}, {"number": 2, "audience": audience}]

    async def set_aside(self, *, audience):
        return [
            {
                "title": "Tea", "place": "https://a.example/tea", "audience": audience, "channel": "C1",
                "reason": "I broke down.", "tries": 3, "tried_at": "2026-03-01T10:00:00+00:00",
            }
        ]  # fmt: skip

    async def remove(self, reference, *, audience):
        if reference != "1":
            raise UnknownDocument(f"there is no document {reference}")
        return {"number": 1, "audience": audience}

    async def indexed(self, document_ids):
        return {each: 3 for each in document_ids if each not in self.cleared}

    async def clear_index(self, document_ids):
        self.cleared.update(document_ids)

    async def refresh(self, reference, *, audience):
        yield {"uri": reference, "status": "unchanged"}


@pytest.fixture
def scripted():
    return Scripted()


@pytest.fixture
async def remote(tmp_path, scripted):
    async with control.serving(tmp_path, scripted):
        yield RemoteOperations(tmp_path)


async def test_answer_comes_through_the_socket_whole(remote):
    events = [event async for event in remote.ask(Asked(text="How long?", user="ada"))]
    assert events[-1] == {"answer": {"answer": "Eight weeks [1].", "route": "retrieve"}}


async def test_search_results_keep_their_order(remote):
    assert [found["title"] for found in await remote.search("leave", limit=3, audience="public")] == ["leave", "public"]


async def test_passages_to_learn_from_come_through_the_socket(remote):
    assert [found["document_id"] for found in await remote.learnable(limit=2, seed=1)] == ["d0", "d1"]


async def test_documents_are_seen_to_through_the_socket(remote):
    assert [found["number"] for found in await remote.documents(audience="public")] == [1, 2]
    assert [found["title"] for found in await remote.set_aside(audience="public")] == ["Tea"]
    assert await remote.remove("1", audience="channel:C1") == {"number": 1, "audience": "channel:C1"}
    assert [line async for line in remote.refresh("all", audience="public")] == [{"uri": "all", "status": "unchanged"}]
    with pytest.raises(ControlError, match="there is no document 9"):
        await remote.remove("9", audience="public")


async def test_index_is_cleared_of_documents_through_the_socket(remote):
    await remote.clear_index(["d1", "d2"])
    assert await remote.indexed(["d1", "d3"]) == {"d3": 3}


async def test_error_for_people_reaches_the_person(remote):
    with pytest.raises(ControlError, match="write public or channel:ID"):
        _ = [line async for line in remote.ingest(["/a"], scope="everyone")]


async def test_a_whole_site_is_asked_for_as_such(remote):
    lines = [line async for line in remote.ingest(["https://example.com"], scope="public", whole_site=True)]
    assert lines == [{"uri": "https://example.com", "status": "added", "whole_site": True}]


async def test_bug_in_the_bot_is_said_without_its_details(remote):
    with pytest.raises(ControlError, match="see its log") as caught:
        _ = [line async for line in remote.ingest(["/bug"], scope="public")]
    assert "secret" not in str(caught.value)


async def test_command_that_is_broken_off_is_no_bug_in_the_log(remote, scripted, caplog):
    caplog.set_level(logging.INFO)
    events = remote.ask(Asked(text="Wait"))
    assert await anext(events) == {"status": "Searching"}
    await events.aclose()
    scripted.is_left.set()
    async with asyncio.timeout(5):
        while "broken off" not in caplog.text:
            await asyncio.sleep(0.01)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_socket_is_open_to_its_owner_only(remote, tmp_path):
    assert stat.S_IMODE(control.socket_path(tmp_path).stat().st_mode) == 0o600


async def test_bot_that_does_not_run_is_not_reachable(tmp_path):
    assert not await RemoteOperations(tmp_path).reachable()


async def test_socket_left_by_a_killed_bot_is_not_reachable(tmp_path):
    place = control.socket_path(tmp_path)
    place.parent.mkdir(parents=True)
    place.touch()
    assert not await RemoteOperations(tmp_path).reachable()


async def test_home_with_a_long_path_is_served(tmp_path):
    home = tmp_path / ("a" * 90) / ("b" * 90)
    home.mkdir(parents=True)
    async with control.serving(home, Scripted()):
        assert await RemoteOperations(home).reachable()
