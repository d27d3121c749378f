import stat
from pathlib import Path

import pytest

from bot.home import prepare_home


def _mode(place: Path) -> int:
    return stat.S_IMODE(place.stat().st_mode)


def test_new_home_lets_others_through_and_not_look(tmp_path):
    prepare_home(tmp_path / "home")
    assert _mode(tmp_path / "home") == 0o711


def test_home_that_is_there_keeps_its_mode(tmp_path):
    tmp_path.chmod(0o750)
    prepare_home(tmp_path)
    assert _mode(tmp_path) == 0o750


@pytest.mark.parametrize("name", ["tandem.db", "tandem.db-wal", "durable.db", "tandem.db-shm"])
def test_database_that_others_could_read_is_closed(tmp_path, name):
    (tmp_path / name).touch(0o644)
    prepare_home(tmp_path)
    assert _mode(tmp_path / name) == 0o600


@pytest.mark.parametrize("name", ["corrections", "exports", "forgetting", "index", "logs", "workspace"])
def test_folder_of_what_people_wrote_is_closed(tmp_path, name):
    (tmp_path / name).mkdir(0o755)
    prepare_home(tmp_path)
    assert _mode(tmp_path / name) == 0o700


@pytest.mark.parametrize("name", ["model", "adapters", "handbook"])
def test_folder_that_a_model_server_or_a_person_reads_stays_open(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name).chmod(0o755)
    prepare_home(tmp_path)
    assert _mode(tmp_path / name) == 0o755
