from pathlib import Path

import pytest

from training.embedded_model import EMBEDDED_MODEL
from training.errors import RecipeInvalid
from training.recipe import read_recipe

_SHIPPED = Path(__file__).parents[2] / "training" / "recipes" / "grounding.yaml"


def test_shipped_recipe_trains_the_embedded_model_within_the_servers_rank():
    recipe = read_recipe(_SHIPPED)

    assert recipe.base_model == EMBEDDED_MODEL
    assert recipe.lora.rank <= 16


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: x\nbase_model: tiny\nlearning_rat: 1", "learning_rat"),
        ("name: ../x\nbase_model: tiny", "name"),
        ("name: x\nbase_model: tiny\nlora: {rank: 0}", "lora.rank"),
        ("name: x\nbase_model: tiny\nlora: {rank: 32}", "lora.rank: the model server takes up to 16"),
        (
            "name: x\nbase_model: tiny\ntrainable_layers: '['",
            "trainable_layers: it is no regular expression",
        ),
        (
            f"name: x\nbase_model: tiny\ntrainable_layers: 'a{{{'9' * 20}}}'",
            "trainable_layers: it is no regular expression",
        ),
        (
            f"name: x\nbase_model: tiny\ntrainable_layers: '{'(' * 5000}'",
            "trainable_layers: it is no regular expression",
        ),
        ("- a\n- b", "the file"),
        ("name: [", "not YAML"),
    ],
)
def test_wrong_recipe_is_refused_by_field(tmp_path: Path, text: str, says: str):
    (tmp_path / "r.yaml").write_text(text)

    with pytest.raises(RecipeInvalid) as raised:
        read_recipe(tmp_path / "r.yaml")
    assert says in str(raised.value)


def test_missing_recipe_is_said(tmp_path: Path):
    with pytest.raises(RecipeInvalid, match="cannot be read"):
        read_recipe(tmp_path / "absent.yaml")
