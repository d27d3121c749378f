import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from training.adapters import CANARIES, CONFIG, METRICS, RECIPE, WEIGHTS
from training.curve import DRAWING, NUMBERS
from training.errors import DataUnusable, RecipeInvalid
from training.finetune import train
from training.loop import Progress
from training.rows import Message, Row, write_rows

_RECIPE = """
name: trial
base_model: tiny
lora: {rank: 4, alpha: 8}
learning_rate: 1.0e-2
epochs: 8
max_tokens: 300
rows_per_step: 4
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "trial.yaml"
    path.write_text(_RECIPE)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    rows = [
        Row(
            prompt=[Message(role="user", content=f"{'passage ' * 12}{topic} question {n}")],
            completion=[Message(role="assistant", content="yes [1].")],
        )
        for topic in "abc"
        for n in range(4)
    ]
    write_rows(path, rows)
    return path


def test_training_lowers_the_loss(recipe: Path, data: Path, tmp_path: Path, models_folder: Path):
    steps: list[Progress] = []

    metrics = train(recipe, data, tmp_path / "out", steps.append, models=models_folder)

    assert steps[-1].loss < 0.5 * steps[0].loss
    assert steps[-1].step == steps[-1].steps == metrics.steps
    assert metrics.rows == 12
    assert metrics.labels < metrics.tokens


def test_adapter_is_safetensors_in_bfloat16_for_the_recipes_base(
    recipe: Path, data: Path, tmp_path: Path, models_folder: Path
):
    train(recipe, data, tmp_path / "out", models=models_folder)

    weights = load_file(tmp_path / "out" / WEIGHTS)
    config = json.loads((tmp_path / "out" / CONFIG).read_text())
    assert {weight.dtype for weight in weights.values()} == {torch.bfloat16}
    assert config["base_model_name_or_path"] == "tiny"
    assert config["r"] == 4
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        [WEIGHTS, CONFIG, CANARIES, METRICS, RECIPE, NUMBERS, DRAWING]
    )


def test_the_same_recipe_and_data_give_the_same_weights(recipe: Path, data: Path, tmp_path: Path, models_folder: Path):
    for name in ("one", "two"):
        train(recipe, data, tmp_path / name, models=models_folder)

    for name in (WEIGHTS, CONFIG):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_training_goes_on_from_an_adapter(recipe: Path, data: Path, tmp_path: Path, models_folder: Path):
    first = train(recipe, data, tmp_path / "first", models=models_folder)
    recipe.write_text(_RECIPE + "start_from: first\n")

    second = train(recipe, data, tmp_path / "second", models=models_folder)

    assert second.first_loss < 0.8 * first.first_loss


def test_start_that_is_not_there_is_said(recipe: Path, data: Path, tmp_path: Path, models_folder: Path):
    recipe.write_text(_RECIPE + "start_from: absent\n")

    with pytest.raises(RecipeInvalid, match="train it first"):
        train(recipe, data, tmp_path / "out", models=models_folder)


def test_nothing_is_written_for_unusable_data(recipe: Path, tmp_path: Path, models_folder: Path):
    with pytest.raises(DataUnusable):
        train(recipe, tmp_path / "absent.jsonl", tmp_path / "out", models=models_folder)

    assert not (tmp_path / "out").exists()
