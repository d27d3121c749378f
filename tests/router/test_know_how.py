import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from knowledge.audience import EVERYONE
from knowledge.errors import KnowledgeError
from router.decisions import Route
from router.journal import Journal
from router.know_how import KNOW_HOW, KnowHow
from router.model import ModelClient
from router.policies import Policies
from router.policy import Policy
from router.questions import Question
from router.releases import Release, Releases
from router.router import Router
from router.settings import RouterSettings
from tests.router.fakes import FakeSearch, ScriptedModel, passage

_WORDS = ("laptop", "font", "door", "release")
_FAR = [passage("Trains are booked ahead.", title="Travel", similarity=0.12)]


class WordEmbedding:
    """A text's vector says which of a few words it holds."""

    def __init__(self) -> None:
        self.embedded: list[str] = []
        self.length = len(_WORDS)
        self.embedding_name = "words"
        self.fails = False
        self.has_room = asyncio.Event()
        self.has_room.set()

    async def embed_question(self, text: str) -> list[float]:
        return [float(word in text) for word in _WORDS] + [0.0] * (self.length - len(_WORDS))

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.embedded += texts
        await self.has_room.wait()
        if self.fails:
            raise KnowledgeError
        return [await self.embed_question(text) for text in texts]


def asked(text: str) -> Question:
    return Question(text=text, audience=EVERYONE, asker="U1")


def release(folder: Path, *taught: str, name: str = "team@1") -> Release:
    folder.mkdir(parents=True, exist_ok=True)
    if taught:
        (folder / KNOW_HOW).write_text(json.dumps(taught))
    return Release(adapter=name, path=str(folder), base="base", promoted_at=datetime.now(UTC))


class Asker:
    """Embeds a question, and asks how near it comes."""

    def __init__(self, embedding: WordEmbedding) -> None:
        self.embedding = embedding
        self.know_how = KnowHow(embedding)

    async def nearness(self, text: str, release: Release | None) -> float:
        vector = await self.embedding.embed_question(text)
        return (await self.know_how.nearest(vector, release)).nearness


@pytest.fixture
def embed() -> WordEmbedding:
    return WordEmbedding()


@pytest.fixture
def know_how(embed: WordEmbedding) -> Asker:
    return Asker(embed)


async def test_question_in_other_words_is_near_to_what_was_taught(know_how: Asker, tmp_path: Path):
    taught = release(tmp_path, "Who orders a laptop?", "Which font?")

    assert await know_how.nearness("My laptop is old", taught) == 1.0
    assert await know_how.nearness("laptop and door", taught) == pytest.approx(0.7071, abs=1e-4)
    assert await know_how.nearness("The door is broken", taught) == 0.0


async def test_what_was_taught_goes_with_the_adapter(know_how: Asker, tmp_path: Path):
    taught = release(tmp_path / "team", "Who orders a laptop?")
    before = release(tmp_path / "grounding", name="grounding@1")

    assert await know_how.nearness("a laptop?", taught) == 1.0
    assert await know_how.nearness("a laptop?", before) == 0.0
    assert await know_how.nearness("a laptop?", None) == 0.0


async def test_what_was_taught_is_embedded_once(know_how: Asker, embed: WordEmbedding, tmp_path: Path):
    taught = release(tmp_path, "Who orders a laptop?")
    for _ in range(3):
        await know_how.nearness("door", taught)

    assert embed.embedded.count("Who orders a laptop?") == 1


async def test_embedding_of_another_length_embeds_what_was_taught_anew(
    know_how: Asker, embed: WordEmbedding, tmp_path: Path
):
    taught = release(tmp_path, "Who orders a laptop?")
    await know_how.nearness("door", taught)
    embed.length = 9

    assert await know_how.nearness("a laptop?", taught) == 1.0


async def test_broken_list_teaches_nothing(know_how: Asker, tmp_path: Path):
    broken = release(tmp_path, name="team@2")
    (tmp_path / KNOW_HOW).write_text('{"no": "list"}')

    assert not await know_how.know_how.is_any(broken)
    assert await know_how.nearness("a laptop?", broken) == 0.0


async def test_embedding_that_failed_is_asked_again(know_how: Asker, embed: WordEmbedding, tmp_path: Path):
    taught = release(tmp_path, "Who orders a laptop?")
    embed.fails = True
    with pytest.raises(KnowledgeError):
        await know_how.know_how.nearest([1.0, 0.0, 0.0, 0.0], taught)
    embed.fails = False

    assert await know_how.nearness("a laptop?", taught) == 1.0


async def test_questions_that_wait_for_one_embedding_are_told_alike_that_it_failed(
    know_how: Asker, embed: WordEmbedding, tmp_path: Path
):
    taught = release(tmp_path, "Who orders a laptop?")
    embed.fails = True
    waiting = (know_how.nearness("a laptop?", taught) for _ in range(3))
    assert [type(error) for error in await asyncio.gather(*waiting, return_exceptions=True)] == [KnowledgeError] * 3


async def test_long_list_that_nobody_waited_for_is_there_for_a_later_question(
    know_how: Asker, embed: WordEmbedding, tmp_path: Path
):
    taught = release(tmp_path, "Who orders a laptop?")
    embed.has_room.clear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await know_how.nearness("a laptop?", taught)
    embed.has_room.set()

    assert await know_how.nearness("a laptop?", taught) == 1.0
    assert embed.embedded.count("Who orders a laptop?") == 1


@pytest.mark.parametrize("text", ["What is our rule for code review?", "Who orders new laptops?"])
def test_question_that_was_taught_is_answered_directly_and_says_why(text: str):
    untaught = Policy().decide(asked(text), _FAR)
    decision = Policy().decide(asked(text), _FAR, 0.8)

    assert untaught.route is not Route.DIRECT
    assert decision.route is Route.DIRECT
    assert "taught" in decision.reason


def test_question_that_is_far_from_what_was_taught_goes_where_it_went():
    found = [passage("Employees get sixteen weeks of paid parental leave.", title="Parental leave", similarity=0.68)]
    question = asked("How much parental leave do we get?")

    assert Policy().decide(question, found, 0.4).route is Policy().decide(question, found).route is Route.RETRIEVE


async def test_near_question_is_sent_with_the_words_in_which_it_was_taught(
    server: ScriptedModel, model: ModelClient, sqlite_engine: AsyncEngine, embed: WordEmbedding, tmp_path: Path
):
    server.names.append("team@1")
    releases = Releases(sqlite_engine)
    await releases.put_in_service(release(tmp_path / "team", "Who orders a laptop?", "Which font?"))
    router = Router(
        search=FakeSearch(passages=_FAR), model=model, policies=Policies(tmp_path),
        journal=Journal(sqlite_engine), releases=releases, settings=RouterSettings(model_name="base"), embedding=embed,
    )  # fmt: skip
    for text in ("My laptop is old", "Who lights the lamps in our office?"):
        async for _ in router.answer(asked(text), exchange_id=text):
            pass

    [sent] = [request["messages"][-1]["content"] for request in server.requests if request["model"] == "team@1"]
    assert sent == "My laptop is old\nIn other words: Who orders a laptop?"
