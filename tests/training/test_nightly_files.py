from pathlib import Path

import pytest

from training.nightly.files import put_text


def test_new_file_takes_the_place_of_the_one_before(tmp_path: Path):
    place = tmp_path / "night.json"
    for text in ("earlier", "später"):
        put_text(place, text)
        assert place.read_text("utf-8") == text
    assert list(tmp_path.iterdir()) == [place]


def test_file_that_could_not_be_written_to_its_end_leaves_the_one_before(tmp_path: Path):
    place = tmp_path / "night.json"
    put_text(place, "earlier")
    with pytest.raises(UnicodeEncodeError):
        put_text(place, "half of it \ud800")
    assert place.read_text("utf-8") == "earlier"
