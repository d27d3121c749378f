"""What a night's rows may show of the team's documents."""

from pathlib import Path

import pytest

from training.data.corrections import fact_place
from training.nightly.passages import TeamPassage, learnable

_PLAIN = TeamPassage(title="Leave", text="Everyone has 28 days.", document_id="d", uri="https://wiki.example/leave")


@pytest.mark.parametrize(
    "private",
    [
        "The token is ghp_0123456789abcdefghijABCDEFGHIJ012345.",
        "Pay to DE89 3704 0044 0532 0130 00.",
        "Ask ada@example.com.",
        "Call +44 20 7946 0958.",
    ],
)
def test_passage_with_a_secret_or_personal_data_is_left_out(tmp_path: Path, private: str):
    in_text = TeamPassage(title="Leave", text=private, document_id="e", uri="u")
    in_title = TeamPassage(title=private, text="Everyone has 28 days.", document_id="f", uri="u")

    assert learnable([in_text, _PLAIN, in_title], tmp_path) == [_PLAIN]


def test_fact_from_a_person_s_correction_is_left_out(tmp_path: Path):
    fact = TeamPassage(title="Garden", text="Open on Sundays.", uri=fact_place(tmp_path, "x-0").as_uri())

    assert learnable([fact, _PLAIN], tmp_path) == [_PLAIN]
