"""README and .env.example tell every setting there is, as it is."""

import re

import pytest

from tests.settings_reference import EXAMPLE, README, ROOT, SECTIONS, Setting, example, sections, with_table

SETTINGS = [setting for _, settings in sections() for setting in settings]


def test_the_readmes_table_is_what_the_settings_classes_say():
    readme = README.read_text(encoding="utf-8")
    assert with_table(readme) == readme, "run python -m tests.settings_reference"


def test_env_example_is_what_the_settings_classes_say():
    assert EXAMPLE.read_text(encoding="utf-8") == example(), "run python -m tests.settings_reference"


def test_every_settings_class_of_the_packages_is_told():
    defined = {
        name
        for package in ("bot", "router", "knowledge", "training")
        for path in (ROOT / package).rglob("*.py")
        for name in re.findall(r"^class (\w+)\(BaseSettings\)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert defined == {kind.__name__ for kind in SECTIONS.values()}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.variable)
def test_every_setting_is_described_in_a_sentence(setting: Setting):
    assert len(setting.description.split()) >= 3


def test_all_defaults_written_out_mean_the_same_as_none(monkeypatch: pytest.MonkeyPatch):
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)
    untouched = [kind() for kind in SECTIONS.values()]
    for setting in SETTINGS:
        if setting.default:
            monkeypatch.setenv(setting.variable, setting.default)
    assert [kind() for kind in SECTIONS.values()] == untouched
