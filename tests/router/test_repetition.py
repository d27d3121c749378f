import pytest

from router.repetition import RepetitionGuard


def loops(text: str) -> bool:
    guard = RepetitionGuard()
    return any(guard.is_looping(text[at : at + 4]) for at in range(0, len(text), 4))


@pytest.mark.parametrize("piece", ["a", "no ", "and so on ", "The same sentence of some length, again and again. "])
def test_endless_repetition_is_noticed(piece: str):
    assert loops("A fine start. " + piece * 300)


@pytest.mark.parametrize(
    "text",
    [
        "| Day | Leave | Pay |\n| --- | --- | --- |\n| Monday | 3 | 4 |\n",
        "-" * 80 + "\nTitle\n" + "-" * 80,
        "".join(f"{number}. Step {number} of the plan\n" for number in range(60)),
        "Yes, yes, yes. No, no, no. " * 2,
        "".join(f"The {name} team meets on day {day}. " for day, name in enumerate("abcdefghijklmnop")),
    ],
)
def test_tables_and_lists_are_not_repetition(text: str):
    assert not loops(text)
