"""The questions about the team handbook are fair: answered on their page, and not in its words.

Written by reading the pages, and committed before the first search over them.
"""

import json
import re
from pathlib import Path
from typing import TypedDict

import pytest

pytestmark = pytest.mark.data


class HandbookQuestion(TypedDict):
    question: str
    page: str
    gold: list[str]


_QUESTIONS: list[HandbookQuestion] = json.loads(
    Path(__file__).with_name("handbook_questions.json").read_text(encoding="utf-8")
)


@pytest.fixture
def pages(data_dir: Path) -> Path:
    return data_dir / "team-handbook" / "pages"


def test_there_are_twenty_different_questions_on_twenty_pages():
    assert len({entry["question"] for entry in _QUESTIONS}) == 20
    assert len({entry["page"] for entry in _QUESTIONS}) == 20


@pytest.mark.parametrize("entry", _QUESTIONS, ids=lambda entry: entry["page"])
def test_every_gold_answer_stands_in_its_page(entry: HandbookQuestion, pages: Path):
    page = (pages / entry["page"]).read_text(encoding="utf-8")
    assert entry["gold"]
    for gold in entry["gold"]:
        assert gold in page
        assert 1 <= len(gold.split()) <= 8


@pytest.mark.parametrize("entry", _QUESTIONS, ids=lambda entry: entry["page"])
def test_question_shares_no_run_of_four_words_with_its_page(entry: HandbookQuestion, pages: Path):
    page = (pages / entry["page"]).read_text(encoding="utf-8")
    assert runs_of_words(entry["question"]).isdisjoint(runs_of_words(page))


def test_a_copied_run_of_four_words_is_noticed_across_case_punctuation_and_lines():
    page = "Members who have been\ninactive (for more than) **90 days** become guests."
    assert runs_of_words("Who is inactive for more, than?") & runs_of_words(page)
    assert runs_of_words("Is it a two-week-long pause?") & runs_of_words("a two week long pause")
    assert not runs_of_words("Who is idle for more than ninety days?") & runs_of_words(page)


def runs_of_words(text: str, length: int = 4) -> set[tuple[str, ...]]:
    """Every run of `length` words, lower-cased; punctuation within a word is dropped ("year-end" is "yearend") or parts it."""
    joined = [stripped for word in text.lower().split() if (stripped := re.sub(r"[\W_]", "", word))]
    parted = re.findall(r"[^\W_]+", text.lower())
    return {
        tuple(words[start : start + length]) for words in (joined, parted) for start in range(len(words) - length + 1)
    }
