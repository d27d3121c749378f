"""`tandem route fit` and `tandem route eval` as a person types them, without a model and with the real one."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot import cli
from tests.router.learned.made_up import arms, labels


@pytest.fixture(autouse=True)
def _plain_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TANDEM_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def _tandem(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def _written(file: Path, examples) -> Path:
    rows = [
        {"question": each.question.text, "dataset": each.dataset}
        | ({"acc": {arm: int(right) for arm, right in each.right.items()}} if each.right else {"label": each.label})
        for each in examples
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def _fitted(folder: Path, examples, *options: object) -> Path:
    told = _tandem("route", "fit", _written(folder / "train.jsonl", examples), "--out", folder / "policy", *options)
    assert told.exit_code == 0, told.output
    return folder / "policy"


def test_policy_over_arms_is_fitted_and_measured_on_questions_it_has_never_seen(tmp_path: Path):
    policy = _fitted(tmp_path, arms(200), "--no-embed")
    unseen = _written(tmp_path / "unseen.jsonl", arms(200, seed=1))
    told = _tandem("route", "eval", policy, unseen, "--json")
    assert told.exit_code == 0, told.output
    figures = json.loads(told.stdout)
    assert {"accuracy", "mean_steps", "auroc", "auroc_within", "ece", "risk_coverage", "latency"} <= set(figures)
    assert figures["auroc"] > 0.8
    assert json.loads((policy / "evaluation" / "figures.json").read_text()) == figures


def test_plots_stand_beside_the_figures(tmp_path: Path):
    policy = _fitted(tmp_path, arms(200), "--no-embed")
    told = _tandem("route", "eval", policy, tmp_path / "train.jsonl", "--out", tmp_path / "told", "--json")
    plots = json.loads(told.stdout)["plots"]
    assert sorted(Path(plot).name for plot in plots) == ["calibration.svg", "quality.svg", "risk.svg"]
    assert all(Path(plot).read_text().startswith("<svg ") for plot in plots)


def test_policy_over_labels_is_fitted_and_measured(tmp_path: Path):
    policy = _fitted(tmp_path, labels(200), "--no-embed")
    unseen = _written(tmp_path / "unseen.jsonl", labels(200, seed=1))
    figures = json.loads(_tandem("route", "eval", policy, unseen, "--json").stdout)
    assert figures["in_scope_accuracy"] > 0.9
    assert figures["oos_recall"] > 0.8
    assert figures["oos_auroc"] > 0.95
    plain = _tandem("route", "eval", policy, unseen)
    assert "oos_auroc" in plain.stdout
    assert plain.exit_code == 0


def test_one_question_can_be_measured(tmp_path: Path):
    policy = _fitted(tmp_path, arms(200), "--no-embed")
    one = tmp_path / "one.jsonl"
    one.write_text('{"question": "Who?", "em": {"none": 1, "single": 0, "multi": 0}}')
    told = _tandem("route", "eval", policy, one, "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["auroc"] is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nonsense", "line 1: this is no JSON object"),
        ('{"question": "Who?", "label": "weather"}', "The examples tell of labels, and the policy was fitted on arms"),
        ('{"question": "Who?", "acc": {"none": 1}}', "of which not every line tells: single, multi"),
    ],
)
def test_what_cannot_be_measured_is_one_line(tmp_path: Path, line: str, told: str):
    policy = _fitted(tmp_path, arms(100), "--no-embed")
    bad = tmp_path / "bad.jsonl"
    bad.write_text(line)
    result = _tandem("route", "eval", policy, bad)
    assert result.exit_code == 1
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_policy_that_is_not_there_is_one_line(tmp_path: Path):
    data = _written(tmp_path / "data.jsonl", arms(10))
    result = _tandem("route", "eval", tmp_path / "absent", data)
    assert result.exit_code == 1
    assert "tandem route fit writes one" in result.stderr


def test_embeddings_of_the_model_that_search_uses_are_weighed(tmp_path: Path):
    policy = _fitted(tmp_path, arms(60))
    assert json.loads((policy / "policy.json").read_text())["embedding"] == "all-MiniLM-L6-v2"
    told = _tandem("route", "eval", policy, tmp_path / "train.jsonl", "--json")
    assert told.exit_code == 0, told.output


def test_policy_of_another_embedding_model_is_refused(tmp_path: Path):
    policy = _fitted(tmp_path, arms(60)) / "policy.json"
    policy.write_text(policy.read_text().replace("all-MiniLM-L6-v2", "another-model"))
    result = _tandem("route", "eval", policy.parent, tmp_path / "train.jsonl")
    assert result.exit_code == 1
    assert "look at TANDEM_EMBEDDING_MODEL" in result.stderr
