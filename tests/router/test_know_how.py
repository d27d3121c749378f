import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowledge.audience import EVERYONE
from knowledge.errors import KnowledgeError
from router.decisions import Route
from router.know_how import KNOW_HOW, KnowHow
from router.policy import Policy
from router.questions import Question
from router.releases import Release
from tests.router.fakes import passage

_WORDS = ("laptop", "font", "door", "release")
_FAR = [passage("Trains are booked ahead.", title="Travel", similarity=0.12)]


class WordEmbedding:
    """A text's vector says which of a few words it holds."""

    def __init__(self) -> None:
        self.embedded: list[str] = []
        self.length = len(_WORDS)

    async def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        self.embedded += texts
        return [[float(word in text) for word in _WORDS] + [0.0] * (self.length - len(_WORDS)) for text in texts]


def asked(text: str) -> Question:
    return Question(text=text, audience=EVERYONE, asker="U1")


def release(folder: Path, *taught: str, name: str = "team@1") -> Release:
    folder.mkdir(parents=True, exist_ok=True)
    if taught:
        (folder / KNOW_HOW).write_text(json.dumps(taught))
    return Release(adapter=name, path=str(folder), base="base", promoted_at=datetime.now(UTC))


@pytest.fixture
def embed() -> WordEmbedding:
    return WordEmbedding()


@pytest.fixture
def know_how(embed: WordEmbedding) -> KnowHow:
    return KnowHow(embed, timeout_s=60)


async def test_question_in_other_words_is_near_to_what_was_taught(know_how: KnowHow, tmp_path: Path):
    taught = release(tmp_path, "Who orders a laptop?", "Which font?")

    assert await know_how.nearness(asked("My laptop is old"), taught) == 1.0
    assert await know_how.nearness(asked("laptop and door"), taught) == pytest.approx(0.7071, abs=1e-4)
    assert await know_how.nearness(asked("The door is broken"), taught) == 0.0


async def test_what_was_taught_goes_with_the_adapter(know_how: KnowHow, tmp_path: Path):
    taught = release(tmp_path / "team", "Who orders a laptop?")
    before = release(tmp_path / "grounding", name="grounding@1")

    assert await know_how.nearness(asked("a laptop?"), taught) == 1.0
    assert await know_how.nearness(asked("a laptop?"), before) == 0.0
    assert await know_how.nearness(asked("a laptop?"), None) == 0.0


async def test_what_was_taught_is_embedded_once(know_how: KnowHow, embed: WordEmbedding, tmp_path: Path):
    taught = release(tmp_path, "Who orders a laptop?")
    for _ in range(3):
        await know_how.nearness(asked("door"), taught)

    assert embed.embedded.count("Who orders a laptop?") == 1


async def test_embedding_of_another_length_embeds_what_was_taught_anew(
    know_how: KnowHow, embed: WordEmbedding, tmp_path: Path
):
    taught = release(tmp_path, "Who orders a laptop?")
    await know_how.nearness(asked("door"), taught)
    embed.length = 9

    assert await know_how.nearness(asked("a laptop?"), taught) == 1.0


async def test_broken_list_or_embedding_leaves_a_question_to_the_other_figures(know_how: KnowHow, tmp_path: Path):
    async def failing(_: Sequence[str]) -> list[list[float]]:
        raise KnowledgeError

    broken = release(tmp_path / "broken", name="team@2")
    (tmp_path / "broken" / KNOW_HOW).write_text('{"no": "list"}')
    taught = release(tmp_path / "good", "Who orders a laptop?")

    assert await know_how.nearness(asked("a laptop?"), broken) == 0.0
    assert await KnowHow(failing, timeout_s=60).nearness(asked("a laptop?"), taught) == 0.0
    assert await KnowHow(None, timeout_s=60).nearness(asked("a laptop?"), taught) == 0.0


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
