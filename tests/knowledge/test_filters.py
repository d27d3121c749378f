from datetime import UTC, datetime

import pytest

from knowledge.errors import InvalidFilter
from knowledge.filters import UNFILTERED, SearchFilter, parse_filter, without_filters

CHANNELS = {"ops": "C0OPS0001", "people-team": "C0PEOPLE1"}
PDF = "application/pdf"


def parsed(text: str) -> tuple[str, SearchFilter]:
    return parse_filter(text, channels=CHANNELS)


def day(year: int, month: int = 1, number: int = 1) -> datetime:
    return datetime(year, month, number, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "rest", "narrowed"),
    [
        ("Who is on call? in:#ops", "Who is on call?", SearchFilter(channels=frozenset({"C0OPS0001"}))),
        ("in:#Ops in:C0OTHER99 pager", "pager", SearchFilter(channels=frozenset({"C0OPS0001", "C0OTHER99"}))),
        ("leave from:Anna, please", "leave , please", SearchFilter(authors=frozenset({"anna"}))),
        ('leave from:"Anna  Schmidt"', "leave", SearchFilter(authors=frozenset({"anna schmidt"}))),
        ("leave from:“Anna Schmidt”", "leave", SearchFilter(authors=frozenset({"anna schmidt"}))),
        ("leave from:@anna.schmidt?", "leave ?", SearchFilter(authors=frozenset({"anna.schmidt"}))),
        ("leave after:2026-02-03", "leave", SearchFilter(since=day(2026, 2, 3))),
        ("leave after:2026-02 before:2027", "leave", SearchFilter(since=day(2026, 2), until=day(2027))),
        ("leave after:2025 after:2026", "leave", SearchFilter(since=day(2026))),
        ("leave before:2025 before:2026", "leave", SearchFilter(until=day(2025))),
        ("Type:PDF the leave form", "the leave form", SearchFilter(kinds=frozenset({PDF}))),
        ("What says the form (of May) type:pdf.", "What says the form (of May)", SearchFilter(kinds=frozenset({PDF}))),
    ],
)
def test_filters_are_read_and_taken_out_of_the_text(text: str, rest: str, narrowed: SearchFilter) -> None:
    assert parsed(text) == (rest, narrowed)


@pytest.mark.parametrize(
    "text",
    [
        "What is in: the box?",
        "Are we in:progress or in:general?",
        "What does `type:module` mean?",
        'What does "after:2026" mean?',
        "Open https://wiki.example/?q=type:pdf",
        "The meeting is at 12:30, from: 1 to 2",
        "a\n\n  b",
    ],
)
def test_other_words_are_no_filters(text: str) -> None:
    assert parsed(text) == (text, UNFILTERED)
    assert without_filters(text) == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("leave in:#salaries", "no channel “#salaries”"),
        ("leave after:yesterday", "“yesterday” is no date"),
        ("leave before:2026-13-01", "“2026-13-01” is no date"),
        ("leave after:2026-01-310", "“2026-01-310” is no date"),
        ("leave after:0000", "“0000” is no date"),
        ("leave type:exe", "“exe” is no kind"),
        ("leave after:2026-02 before:2026-01", "nothing can be found"),
        ("type:pdf in:#ops?", "what you look for"),
    ],
)
def test_a_filter_that_cannot_be_understood_gives_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InvalidFilter, match=sentence):
        parsed(text)
