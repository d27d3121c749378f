import json
import random
from pathlib import Path

import pytest

from router.support import Evidence, best_supporting, claim_of

PAGE = (
    "Employees get sixteen weeks of paid\nparental leave. Apply with form TL-7, 30 days\nbefore.\n\n"
    "Contractors get none.\n\n- Budget: $1,000 a year\n- Approved by Maria Lopez"
)


@pytest.mark.parametrize(
    "claim",
    [
        "Sixteen weeks.",
        "16 weeks of parental leave",
        "You apply 30 days before with form TL-7.",
        "$1000 a year.",
        "Maria Lopez approves it.",
        "Contractors get none.",
    ],
)
def test_claim_in_the_words_of_the_page_is_supported(claim: str):
    assert Evidence(PAGE).supports(claim_of(claim, "How much leave, and who approves the budget?"))


@pytest.mark.parametrize(
    "claim",
    [
        "Eighteen weeks.",
        "Sixteen months of unpaid vacation time abroad.",
        "The budget is $2,000 a year.",
        "Approved by Robert Lopez.",
        "Interns receive free lunches.",
        "",
    ],
)
def test_invented_claim_is_not_supported(claim: str):
    assert not Evidence(PAGE).supports(claim_of(claim, "How much leave, and who approves the budget?"))


@pytest.mark.parametrize(
    ("question", "claim"),
    [
        ("Is parental leave 20 weeks?", "Parental leave is 20 weeks."),
        ("Is parental leave twenty weeks?", "Parental leave is twenty weeks."),
        ("Do employees get 52 weeks of paid parental leave?", "Yes, employees get 52 weeks of paid parental leave."),
        ("Is the budget $1,500 a year?", "The budget is $1500 a year."),
    ],
)
def test_figure_of_the_question_must_stand_in_the_page(question: str, claim: str):
    assert not Evidence(PAGE).supports(claim_of(claim, question))


@pytest.mark.parametrize(
    "limit",
    ["just", "only", "merely", "under", "below", "over", "before", "until", "less", "more", "fewer", "exceeding"],
)
@pytest.mark.parametrize("claim", ["Parental leave is not {} 20 weeks.", "Parental leave isn’t {} twenty weeks."])
def test_figure_that_is_only_a_limit_is_not_denied(claim: str, limit: str):
    claimed = claim_of(claim.format(limit), "Is parental leave 20 weeks?")
    assert "20" in claimed.must_stand
    assert not Evidence(PAGE).supports(claimed)


@pytest.mark.parametrize(
    "claim",
    [
        "Parental leave is not 20 weeks.",
        "Parental leave isn't 20 weeks.",
        "Employees do not get 20 weeks of parental leave.",
        "Parental leave is not the 20 weeks.",
    ],
)
def test_figure_that_is_denied_need_not_stand_in_the_page(claim: str):
    assert Evidence(PAGE).supports(claim_of(claim, "Is parental leave 20 weeks?"))


@pytest.mark.parametrize(
    ("question", "claim"),
    [
        ("Is parental leave 16 weeks?", "Parental leave is sixteen weeks."),
        ("Is parental leave sixteen weeks?", "Yes, it is 16 weeks."),
        ("Is the budget 1000 dollars?", "The budget is one thousand a year."),
    ],
)
def test_figure_of_the_page_is_supported_in_any_form(question: str, claim: str):
    assert Evidence(PAGE).supports(claim_of(claim, question))


@pytest.mark.parametrize("claim", ["Parental leave is one week.", "Parental leave is 1 week."])
def test_one_of_a_unit_must_stand_as_well(claim: str):
    question = "Is parental leave one week?"
    assert not Evidence(PAGE).supports(claim_of(claim, question))
    for page in ("Parental leave is one week.", "Parental leave is a week.", "Parental leave: 1 paid week."):
        assert Evidence(page).supports(claim_of(claim, question))


def test_invented_name_that_opens_a_sentence_is_not_supported():
    page = Evidence("Employees apply to the people team first.")
    claim = "Robert is whom employees apply to first, at the people team."
    assert not page.supports(claim_of(claim, "Whom do employees apply to first?"))


@pytest.mark.parametrize(
    "claim",
    [
        "However, employees apply to the people team first.",
        "Everyone applies to the people team first.",
        "Apply to the people team first.",
        "Twenty-five days before, apply to the people team.",
    ],
)
def test_ordinary_word_that_opens_a_sentence_is_no_name(claim: str):
    page = Evidence("Employees apply to the people team first, 25 days before.")
    assert page.supports(claim_of(claim, "Whom do employees apply to?"))


def test_word_that_another_page_writes_in_lower_case_is_no_name():
    page = Evidence("Employees apply to the people team first.")
    claim = "Colleagues apply to the people team first."
    assert not page.supports(claim_of(claim.replace("Colleagues", "Robert"), ordinary=frozenset({"colleagues"})))
    assert page.supports(claim_of(claim, ordinary=frozenset({"colleagues"})))


def test_quote_is_the_sentence_that_holds_the_claim():
    claim = claim_of("30 days before.", "When do I apply?")
    assert Evidence(PAGE).quote(claim) == "Apply with form TL-7, 30 days before."


def test_best_supporting_passage_is_found_or_none():
    pages = [Evidence("Trains are booked 14 days ahead."), Evidence(PAGE)]
    assert best_supporting(pages, claim_of("Sixteen weeks.")) == 1
    assert best_supporting(pages, claim_of("Nine lives.")) is None
    assert best_supporting([], claim_of("Nine lives.")) is None


def test_human_answers_are_told_from_invented_ones(data_dir: Path):
    """On other people's questions: nearly all gold answers are supported by their passage, few by another's."""
    articles = json.loads((data_dir / "xquad-en" / "xquad.en.json").read_text())["data"]
    chance = random.Random(7)
    right = other = invented = asked = 0
    for article in articles[::4]:
        pages = [Evidence(paragraph["context"]) for paragraph in article["paragraphs"]]
        for place, paragraph in enumerate(article["paragraphs"]):
            for row in paragraph["qas"]:
                claim = claim_of(row["answers"][0]["text"] + ".", row["question"])
                asked += 1
                right += pages[place].supports(claim)
                other += chance.choice(pages[:place] + pages[place + 1 :]).supports(claim)
                wrong = claim_of(f"About 4711 {row['answers'][0]['text']}.", row["question"])
                invented += pages[place].supports(wrong)
    assert right / asked > 0.98
    assert other / asked < 0.12
    assert invented == 0
