import pytest

from router.agreement import contradicts


@pytest.mark.parametrize(
    ("memory", "answer"),
    [
        ("Parental leave is 12 weeks.", "Parental leave is 20 weeks [1]."),
        ("You get twelve weeks of leave.", "Employees get sixteen weeks of leave [2]."),
        ("Yes, you may.", "No, contractors may not [1]."),
        ("No.", "Yes, with the lead's word [1]."),
    ],
)
def test_other_figures_or_the_opposite_contradict(memory: str, answer: str):
    assert contradicts(memory, answer)


@pytest.mark.parametrize(
    ("memory", "answer"),
    [
        ("Parental leave is twenty weeks.", "Parental leave is 20 weeks [1]."),
        ("Parental leave is long.", "Parental leave is 20 weeks [1]."),
        ("The moon is 384,000 km away.", "Parental leave is 20 weeks [1]."),
        ("Parental leave is 20 weeks, or 140 days.", "Parental leave is 20 weeks [1]."),
        ("Leave is fine.", "Leave is paid [12]."),
        ("", "Leave is paid [1]."),
    ],
)
def test_what_cannot_be_told_apart_for_certain_does_not(memory: str, answer: str):
    assert not contradicts(memory, answer)
