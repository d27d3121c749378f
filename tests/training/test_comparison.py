import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from router import tables as router_tables
from router.answers import Source
from router.decisions import Decision, Route
from router.errors import ModelUnavailable
from router.exchanges import Exchange
from router.feedback import Feedback
from router.journal import Journal
from router.model import ModelClient
from router.prompts import DECLINE
from router.releases import Release, Releases
from router.settings import RouterSettings
from tests.router.fakes import FakeSearch, ScriptedModel, passage
from tests.training.lineages import learnt
from tests.training.trained import trained
from training import tables as training_tables
from training.articles import Article, Paragraph
from training.articles import Asked as Asking
from training.comparison.arms import ARMS, answers_of
from training.comparison.corrected import Corrected, corrected
from training.comparison.questions import Asked, read_questions
from training.comparison.scores import plot_of, scores_of
from training.comparison.xquad import arguments, lines_of
from training.data.corrections import Corrections, Verdict
from training.errors import DataUnusable, RowInvalid

_LONG = "The bridge was opened in 1907.\nIt carries two lanes."


def _file(folder: Path, *lines: dict) -> Path:
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_documents_are_named_or_given_and_each_text_is_kept_once(tmp_path: Path):
    questions = read_questions(
        _file(
            tmp_path,
            {"question": "q1", "answers": ["1907"], "documents": [{"title": "Bridge", "text": "a"}, "Mill"]},
            {"question": "q2", "answers": ["two"], "documents": [{"title": "Bridge", "text": "a"}, _LONG]},
            {"question": "q3", "answers": ["two"], "documents": [{"title": "Bridge", "text": "another"}, _LONG]},
        )
    )

    assert [each.documents for each in questions.asked] == [
        ("Bridge", "Mill"),
        ("Bridge", "Document 2"),
        ("Bridge (2)", "Document 2"),
    ]
    assert [(each.title, each.text) for each in questions.texts] == [
        ("Bridge", "a"),
        ("Document 2", _LONG),
        ("Bridge (2)", "another"),
    ]


def test_question_without_answers_is_one_that_nothing_answers(tmp_path: Path):
    lines = [{"question": "q"}, {"question": "q", "answers": ["x"], "answerable": False}]
    assert [each.is_answerable for each in read_questions(_file(tmp_path, *lines)).asked] == [False, False]


@pytest.mark.parametrize(
    ("line", "why"), [({"answers": ["x"]}, "1: question"), ({"question": "q", "answerable": True}, "1: answers")]
)
def test_broken_question_is_named_by_its_line(tmp_path: Path, line: dict, why: str):
    with pytest.raises(RowInvalid, match=why):
        read_questions(_file(tmp_path, line))


def test_of_an_article_the_last_paragraph_is_asked_about_and_not_shown(tmp_path: Path):
    paragraphs = [
        Paragraph(title="Owls", text=f"text {n}", questions=(Asking(text=f"q{n}", golds=("a", "a")),)) for n in range(3)
    ]
    lines = lines_of([Article(title="Owls", paragraphs=tuple(paragraphs))])
    questions = read_questions(_file(tmp_path, *lines))

    assert [(each.question, each.answers) for each in questions.asked] == [("q0", ("a",)), ("q1", ("a",)), ("q2", ())]
    assert [each.text for each in questions.texts] == ["text 0", "text 1"]


@pytest.mark.parametrize("told", ["0", "-1", "few"])
def test_no_questions_or_fewer_cannot_be_asked_for(told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        arguments(("--out", str(tmp_path / "questions.jsonl"), "--questions", told))

    assert f"{told} is no number of questions" in capsys.readouterr().err


def test_empty_file_says_so(tmp_path: Path):
    with pytest.raises(DataUnusable, match="no questions"):
        read_questions(_file(tmp_path))


def test_missing_questions_are_said_once(tmp_path: Path):
    with pytest.raises(DataUnusable, match=r"absent.jsonl cannot be read: No such file or directory$"):
        read_questions(tmp_path / "absent.jsonl")


def _exchange(text: str, *cited: str, route: Route = Route.RETRIEVE) -> Exchange:
    sources = tuple(
        Source(n=n, title=title, uri=f"file:{title}", quote="", document_id=title, chunk_id=f"{title}#{n}")
        for n, title in enumerate(cited, 1)
    )
    return Exchange(
        exchange_id="x", asked_at=datetime.now(UTC), team="", channel="", asker="compare", scopes=frozenset({"public"}),
        question="q", thread=(), prompt=(), passages=(), decision=Decision(route=route, probabilities={}, reason=""),
        answer=text, completion=text, sources=sources, usage={"prompt": 100, "completion": 10}, timings_ms={"total": 500.0},
    )  # fmt: skip


_ASKED = Asked(question="q", answers=("1907",), documents=("Bridge",))


def test_right_answer_with_the_right_citation_scores_one():
    (scores,) = scores_of([_ASKED], {"both": [_exchange("1907 [1].", "Bridge")]}).values()

    for measured in (scores.exact, scores.f1, scores.contained, scores.citation_precision, scores.citation_recall):
        assert measured is not None
        assert measured.mean == 1
    assert (scores.prompt_tokens, scores.completion_tokens, scores.latency_p50_ms) == (100, 10, 500)


def test_citations_beside_the_named_document_cost_precision_and_a_missing_one_recall():
    asked = replace(_ASKED, documents=("Bridge", "Mill"))
    (scores,) = scores_of([asked], {"both": [_exchange("In 1907 [1] [2].", "Bridge", "Library", "Pier")]}).values()

    assert scores.citation_precision is not None
    assert scores.citation_recall is not None
    assert (scores.citation_precision.mean, scores.citation_recall.mean) == (pytest.approx(1 / 3), 0.5)
    assert scores.exact is not None
    assert scores.exact.mean == 0


@pytest.mark.parametrize("silent", [_exchange(DECLINE), _exchange("1907", route=Route.ABSTAIN)])
def test_abstention_is_right_where_nothing_answers_and_wrong_elsewhere(silent: Exchange):
    (scores,) = scores_of([_ASKED, Asked(question="q")], {"both": [silent, silent]}).values()

    assert scores.abstains_rightly is not None
    assert scores.abstains_wrongly is not None
    assert scores.f1 is not None
    assert (scores.abstains_rightly.mean, scores.abstains_wrongly.mean, scores.f1.mean) == (1, 1, 0)
    assert scores.citation_precision is None


def test_plot_has_a_row_for_each_way_of_answering():
    scores = scores_of([_ASKED], {"base": [_exchange("no")], "both": [_exchange("1907")]})

    assert plot_of(scores).count("<circle") == 2


async def test_each_way_asks_its_own_model_by_its_own_route(tmp_path: Path):
    bridge = passage("The bridge was opened in 1907.", title="Bridge", similarity=0.9)
    adapter = Release(adapter="team@1", path="/a", base="base", promoted_at=datetime.now(UTC))
    settings = RouterSettings(model_name="base")
    search = FakeSearch([bridge])
    async with ScriptedModel(reply="It was opened in 1907 [1].", names=["base", "team@1"]).running() as server:
        model = ModelClient(url=server.url, settings=settings)
        found = await answers_of(
            [Asked(question="When was the bridge opened?", answers=("1907",))],
            search=search, model=model, adapter=adapter, settings=settings, folder=tmp_path, at_once=2,
        )  # fmt: skip
        await model.aclose()

    told = {arm: (each[0].decision.route, each[0].model, bool(each[0].sources)) for arm, each in found.items()}
    assert told == {
        "base": (Route.DIRECT, "base", False),
        "fine-tuned": (Route.DIRECT, "team@1", False),
        "retrieval": (Route.RETRIEVE, "base", True),
        "both": (Route.RETRIEVE, "team@1", True),
    }
    assert [arm.name for arm in ARMS] == list(found)


async def test_no_other_question_is_asked_once_one_was_not_answered(tmp_path: Path):
    adapter = Release(adapter="team@1", path="/a", base="base", promoted_at=datetime.now(UTC))
    settings = RouterSettings(model_name="base")
    async with ScriptedModel(mode="error").running() as server:
        model = ModelClient(url=server.url, settings=settings)
        with pytest.raises(ModelUnavailable):
            await answers_of(
                [Asked(question=f"Question {n}?") for n in range(3)],
                search=FakeSearch(), model=model, adapter=adapter, settings=settings, folder=tmp_path, at_once=1,
            )  # fmt: skip
        await asyncio.sleep(0.4)
        await model.aclose()

    assert {each["messages"][-1]["content"] for each in server.requests} == {"Question 0?"}


async def test_wait_of_a_correction_ends_with_the_document_or_the_adapter_that_follows_it(tmp_path: Path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tandem.db'}")
    async with engine.begin() as connection:
        for each in (router_tables, training_tables):
            await connection.run_sync(each.metadata.create_all)
    journal, corrections, releases = Journal(engine), Corrections(engine), Releases(engine)
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    verdicts: list[tuple[Verdict | Literal[""], int]] = [
        ("fact", 2),
        ("know_how", 3),
        ("know_how", 3),
        ("rejected", 1),
        ("", 0),
    ]
    for number, (verdict, hours) in enumerate(verdicts):
        await journal.record(replace(_exchange("1 [1]."), exchange_id=f"x{number}"))
        said = Feedback(
            feedback_id=f"x{number}-0",
            exchange_id=f"x{number}",
            person="U1",
            kind="correction",
            at=noon,
            correction="2",
        )
        await journal.add_feedback(said)
        found = await corrections.find(said.feedback_id)
        if verdict:
            await corrections.review(found, verdict, reviewer="U2", at=noon + timedelta(hours=hours))
    assert await corrected(engine) == Corrected(corrections=4, followed=1, p50_hours=2.0, longest_hours=2.0)

    folder = trained(tmp_path / "adapter", weight=1, learnt=(learnt("x1"), learnt("x3"), learnt("x4")))
    for hours in (20, 44):
        at = noon + timedelta(hours=hours)
        await releases.put_in_service(
            Release(adapter="team@1", path=str(folder), base="tiny", promoted_at=at, released_at=at)
        )
    assert await corrected(engine) == Corrected(corrections=4, followed=2, p50_hours=11.0, longest_hours=20.0)
    await engine.dispose()
