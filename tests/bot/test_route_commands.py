import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot import cli, control
from router.calibration import ArmCalibration, Calibration
from router.decisions import Route
from tests.bot.test_control import Scripted
from tests.bot.test_route_learning import _fitted
from tests.router.learned.made_up import arms, labels


def _tandem(*arguments: str) -> dict | list:
    told = CliRunner().invoke(cli.app, ["route", *arguments, "--json"])
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout)


def _refused(*arguments: str) -> str:
    told = CliRunner().invoke(cli.app, ["route", *arguments])
    assert told.exit_code == 1
    (line,) = told.stderr.splitlines()
    return line


def _written(folder: Path, bias: float) -> Path:
    folder.mkdir()
    policy = Calibration(base="rules", arms={Route.DIRECT: ArmCalibration(bias=bias)})
    (folder / "policy.json").write_text(policy.model_dump_json())
    return folder


def test_policies_are_promoted_rolled_back_and_listed(home: Path, tmp_path: Path):
    for name, bias in (("first", -1.0), ("Second Try", -2.0)):
        promoted = _tandem("promote", str(_written(tmp_path / name, bias)))
        assert isinstance(promoted, dict)
        assert (home / "policies" / f"{promoted['policy']}.json").is_file()
    back = _tandem("rollback")
    assert isinstance(back, dict)
    listed = [each["policy"] for each in _tandem("history")]
    assert [name.split("@")[0] for name in listed] == ["first", "second-try", "first"]
    assert listed[0] == back["policy"]
    _tandem("rollback")
    assert "nothing to roll back to" in _refused("rollback")


def test_folder_without_a_policy_is_refused_in_a_sentence(home: Path, tmp_path: Path):
    assert "There is no policy in" in _refused("promote", str(tmp_path))
    (tmp_path / "policy.json").write_text('{"base": "rules", "code": "import os"}')
    assert "is no policy: code" in _refused("promote", str(tmp_path))
    assert _tandem("history") == []


def test_policy_whose_file_is_gone_is_not_rolled_back_to(home: Path, tmp_path: Path):
    first = _tandem("promote", str(_written(tmp_path / "first", 0.5)))
    second = _tandem("promote", str(_written(tmp_path / "second", 0.6)))
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    (home / "policies" / f"{first['policy']}.json").unlink()
    assert "There is no policy in" in _refused("rollback")
    assert _tandem("history")[0] == second


def test_refused_policy_leaves_no_file(home: Path, tmp_path: Path):
    (tmp_path / "policy.json").write_text('{"base": "gone@0123456789ab", "arms": {}}')
    assert "corrects gone@0123456789ab, which cannot be read" in _refused("promote", str(tmp_path))
    (tmp_path / "policy.json").write_text("{}")
    assert "it holds nothing" in _refused("promote", str(tmp_path))
    assert not (home / "policies").exists()


def test_policy_that_was_fitted_on_arms_is_promoted_and_rolled_back(home: Path, tmp_path: Path):
    policy = _fitted(tmp_path, arms(100), "--no-embed")
    promoted = _tandem("promote", str(policy))
    assert isinstance(promoted, dict)
    assert (home / "policies" / f"{promoted['policy']}.json").read_bytes() == (policy / "policy.json").read_bytes()
    back = _tandem("rollback")
    assert isinstance(back, dict)
    assert back["policy"] == ""


def test_policy_that_was_fitted_on_labels_is_refused_with_what_decides(home: Path, tmp_path: Path):
    told = _refused("promote", str(_fitted(tmp_path, labels(200), "--no-embed")))
    assert "tandem route eval measures it" in told
    assert "fitted on questions with none, single and multi" in told
    assert _tandem("history") == []


def test_policy_that_weighs_another_embedding_is_refused_with_both_names(home: Path, tmp_path: Path):
    policy = _fitted(tmp_path, arms(100), "--no-embed") / "policy.json"
    policy.write_text(policy.read_text().replace('"embedding": ""', '"embedding": "e5-small"'))
    told = _refused("promote", str(policy))
    assert "weighs embeddings of e5-small, and all-MiniLM-L6-v2 is set" in told
    assert _tandem("history") == []


def test_refit_without_feedback_says_that_there_is_too_little(home: Path):
    told = _tandem("refit")
    assert isinstance(told, dict)
    assert (told["policy"], told["outcomes"]) == ("", 0)
    assert "too little feedback" in told["reason"]


@pytest.mark.parametrize("user", ["", "ada"])
async def test_running_bot_explains(home: Path, user: str):
    async with control.serving(home, Scripted()):
        told = await asyncio.to_thread(_tandem, "explain", "How long?", "--as", user)
    assert told == {"arm": "retrieve", "text": "How long?", "user": user}


def test_message_is_explained_without_a_bot(home: Path):
    told = _tandem("explain", "hello!")
    assert isinstance(told, dict)
    assert (told["arm"], told["policy"]) == ("smalltalk", "rules")
    assert sum(told["odds"].values()) == pytest.approx(1, abs=1e-3)
    assert told["features"]["social"] > 0
    assert told["reasons"]
