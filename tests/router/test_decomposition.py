import pytest

from router.decomposition import parts_of


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "What is the notice period, and who signs the letter?",
            ["What is the notice period", "who signs the letter"],
        ),
        (
            "How long is parental leave? And what does the sabbatical cost?",
            ["How long is parental leave", "what does the sabbatical cost"],
        ),
        (
            "What is the difference between the travel budget and the training budget?",
            ["travel budget", "training budget"],
        ),
        ("Compare Lisbon with Porto", ["Lisbon", "Porto"]),
        ("parental leave versus sick leave", ["parental leave", "sick leave"]),
        (
            "Compare employees and contractors on parental leave",
            ["employees on parental leave", "contractors on parental leave"],
        ),
        (
            "How much leave do employees and contractors get?",
            ["How much leave do employees get", "How much leave do contractors get"],
        ),
        (
            "Which desks are free in Lisbon and in Porto?",
            ["Which desks are free in Lisbon", "Which desks are free in Porto"],
        ),
        (
            "Does Ada Okafor and Jonas Weber report to finance?",
            ["Does Ada Okafor report to finance", "Does Jonas Weber report to finance"],
        ),
    ],
)
def test_question_for_several_things_is_taken_apart(text: str, parts: list[str]):
    assert parts_of(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "How long is parental leave?",
        "How long is parental leave and is it paid?",
        "Who approves travel and how?",
        "What is the health and safety policy?",
        "Where do I get pen and paper?",
        "and?",
        "",
        "compare",
        "What is the difference?",
        "🎉 and 🎉",
    ],
)
def test_question_for_one_thing_stays_whole(text: str):
    assert parts_of(text) == []


def test_at_most_three_parts_are_looked_for():
    text = "What may a lead sign? What does a desk cost? What does a badge open? What does a locker hold?"
    assert len(parts_of(text)) == 3


def test_long_message_is_not_taken_apart():
    assert parts_of("What is the notice period, and who signs the letter? " * 20) == []
