"""The sample handbook: what a newcomer's first questions are answered from."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import kreuzberg
import pytest

_SAMPLE = Path(__file__).resolve().parents[2] / "bot" / "sample"
_PAGES = sorted((_SAMPLE / "pages").iterdir())
_QUESTIONS: list[dict[str, Any]] = json.loads((_SAMPLE / "questions.json").read_text(encoding="utf-8"))


def test_a_dozen_pages_try_every_format_of_the_first_form():
    assert Counter(page.suffix for page in _PAGES) == {".md": 7, ".html": 2, ".pdf": 2, ".docx": 1}


@pytest.mark.parametrize("entry", _QUESTIONS, ids=lambda entry: entry["question"])
def test_every_suggested_question_is_answered_on_its_page(entry: dict[str, Any]):
    text = words_of(page_text(_SAMPLE / "pages" / entry["page"]))
    for gold in entry["gold"]:
        assert words_of(gold) in text


@pytest.mark.parametrize(
    "page", [page for page in _PAGES if page.suffix in {".pdf", ".docx"}], ids=lambda page: page.name
)
def test_a_binary_page_says_what_its_source_says(page: Path):
    source = _SAMPLE / "sources" / f"{page.stem}.md"
    assert words_of(page_text(page)) == words_of(source.read_text(encoding="utf-8"))


def page_text(page: Path) -> str:
    return kreuzberg.extract_file_sync(str(page)).content


def words_of(text: str) -> str:
    """The words alone, without marks of headings and lists."""
    return " ".join(re.findall(r"[\w€.,:@/+'-]*\w", text))
