"""The workspace is installed with the app's own manifest."""

from pathlib import Path

import pytest

from bot.workspace.manifest import DEFAULT, read_manifest
from tests.bot.workspace.driver import ROOT


def test_default_is_the_manifest_that_slack_is_given() -> None:
    assert read_manifest(ROOT / "deploy" / "slack-manifest.yaml") == DEFAULT


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "oauth_config: {scopes: {bot: [chat:write]}}"])
def test_what_is_no_manifest_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    place = tmp_path / "manifest.yaml"
    place.write_text(text)
    with pytest.raises(ValueError, match="is not an app manifest"):
        read_manifest(place)
