import importlib.util
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from router.know_how import read_know_how
from router.prompts import direct_prompt
from tests.conftest import _free_port
from tests.training.conftest import tiny_llama
from training.adapters import CANARIES, CONFIG, METRICS, RECIPE, WEIGHTS, keep
from training.base_model import load_base
from training.curve import DRAWING, NUMBERS
from training.errors import DataUnusable, OutputUnusable, RecipeInvalid
from training.finetune import train
from training.loop import Progress
from training.lora import add_adapter, save_adapter
from training.recipe import read_recipe
from training.rows import Message, Row, row_of, write_rows

ROOT = Path(__file__).parents[2]
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


def test_what_lay_beside_the_adapter_is_left_as_it_was(recipe: Path, data: Path, tmp_path: Path, models_folder: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "README.md").write_text("Mine.")
    train(recipe, data, tmp_path / "a", models=models_folder)

    assert (tmp_path / "a" / "README.md").read_text() == "Mine."
    assert not [each for each in (tmp_path / "a").iterdir() if each.is_dir()]


def test_the_same_recipe_and_data_give_the_same_weights(recipe: Path, data: Path, tmp_path: Path, models_folder: Path):
    for name in ("one", "two"):
        train(recipe, data, tmp_path / name, models=models_folder)

    for name in (WEIGHTS, CONFIG):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_adapter_is_kept_in_memory_as_on_disk_also_where_its_start_is_finer(
    recipe: Path, data: Path, tmp_path: Path, models_folder: Path
):
    train(recipe, data, tmp_path / "first", models=models_folder)
    started = load_file(tmp_path / "first" / WEIGHTS)
    # As other trainers keep an adapter: in float32.
    save_file({name: weight.float() * 1.001 for name, weight in started.items()}, tmp_path / "first" / WEIGHTS)
    recipe.write_text(_RECIPE + "start_from: first\ntrainable_layers: 'model\\.layers\\.1\\.mlp\\..*'\n")
    model = add_adapter(load_base("tiny", models_folder), read_recipe(recipe), tmp_path)

    save_adapter(model, tmp_path / "second")

    written = load_file(tmp_path / "second" / WEIGHTS)
    kept = {name.replace(".default", ""): weight for name, weight in model.named_parameters() if ".lora_" in name}
    assert {name for name, weight in written.items() if not torch.equal(weight.float(), kept[name].float())} == set()


def test_training_goes_on_from_an_adapter(recipe: Path, data: Path, tmp_path: Path, models_folder: Path):
    first = train(recipe, data, tmp_path / "first", models=models_folder)
    recipe.write_text(_RECIPE + "start_from: first\n")

    second = train(recipe, data, tmp_path / "second", models=models_folder)

    assert second.first_loss < 0.8 * first.first_loss


def test_layers_that_do_not_learn_stay_as_they_were_at_the_start(
    recipe: Path, data: Path, tmp_path: Path, models_folder: Path
):
    train(recipe, data, tmp_path / "first", models=models_folder)
    recipe.write_text(_RECIPE + "start_from: first\ntrainable_layers: 'model\\.layers\\.1\\.mlp\\..*'\n")

    train(recipe, data, tmp_path / "second", models=models_folder)

    before, after = (load_file(tmp_path / name / WEIGHTS) for name in ("first", "second"))
    assert after.keys() == before.keys()
    changed = {name for name, weight in after.items() if not torch.equal(weight, before[name])}
    assert changed
    assert changed == {name for name in after if ".layers.1.mlp." in name}


def test_trainable_layers_that_name_none_are_refused_by_field(
    recipe: Path, data: Path, tmp_path: Path, models_folder: Path
):
    recipe.write_text(_RECIPE + "trainable_layers: nonsense\n")

    with pytest.raises(
        RecipeInvalid, match=r"wrong at trainable_layers: 'nonsense' names no layer .*'model\.layers\.0\."
    ):
        train(recipe, data, tmp_path / "out", models=models_folder)


def test_start_that_is_not_there_is_said(recipe: Path, data: Path, tmp_path: Path, models_folder: Path):
    recipe.write_text(_RECIPE + "start_from: absent\n")

    with pytest.raises(RecipeInvalid, match="train it first"):
        train(recipe, data, tmp_path / "out", models=models_folder)


@pytest.mark.parametrize(
    "said",
    ["[nonsense]", "[q_proj, nonsense]", "nonsense", "[self_attn]", "'['", "'a{99999999999999999999}'", "[]", "''"],
)
def test_targets_that_name_no_layer_are_refused_by_field(
    said: str, recipe: Path, data: Path, tmp_path: Path, models_folder: Path
):
    recipe.write_text(_RECIPE.replace("alpha: 8}", f"alpha: 8, targets: {said}}}"))

    with pytest.raises(RecipeInvalid, match=r"trial.* lora\.targets"):
        train(recipe, data, tmp_path / "out", models=models_folder)


@pytest.mark.parametrize("config", ["[]", "null", '"r"', "{}", "{", '{"r": 4, "lora_alpha": 8}'])
def test_start_that_is_no_adapter_is_refused_by_field(
    config: str, recipe: Path, data: Path, tmp_path: Path, models_folder: Path
):
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / CONFIG).write_text(config)
    (tmp_path / "first" / WEIGHTS).write_bytes(b"no weights")
    recipe.write_text(_RECIPE + "start_from: first\n")

    with pytest.raises(RecipeInvalid, match=r"trial.* start_from") as raised:
        train(recipe, data, tmp_path / "out", models=models_folder)
    assert "\n" not in str(raised.value)


def test_start_whose_weights_are_cut_is_refused_by_field(recipe: Path, data: Path, tmp_path: Path, models_folder: Path):
    recipe.write_text(_RECIPE.replace("epochs: 8", "epochs: 1"))
    train(recipe, data, tmp_path / "first", models=models_folder)
    weights = tmp_path / "first" / WEIGHTS
    recipe.write_text(_RECIPE + "start_from: first\n")

    for cut in (lambda: weights.write_bytes(weights.read_bytes()[:100]), weights.unlink):
        cut()
        with pytest.raises(RecipeInvalid, match=r"trial.* start_from"):
            train(recipe, data, tmp_path / "out", models=models_folder)


def test_nothing_is_written_for_unusable_data(recipe: Path, tmp_path: Path, models_folder: Path):
    with pytest.raises(DataUnusable):
        train(recipe, tmp_path / "absent.jsonl", tmp_path / "out", models=models_folder)

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", ["a file", "a file/below", "/proc/nowhere"])
def test_place_that_takes_no_adapter_is_told_before_anything_is_loaded(
    place: str, recipe: Path, data: Path, tmp_path: Path
):
    (tmp_path / "a file").write_text("mine")
    (tmp_path / "models" / "tiny").mkdir(parents=True)  # nothing that could be loaded

    with pytest.raises(OutputUnusable, match=place):
        train(recipe, data, tmp_path / place, models=tmp_path / "models")
    assert (tmp_path / "a file").read_text() == "mine"


def test_trying_whether_a_place_takes_an_adapter_leaves_nothing_there(
    recipe: Path, data: Path, tmp_path: Path, models_folder: Path
):
    recipe.write_text(_RECIPE.replace("alpha: 8}", "alpha: 8, targets: [nonsense]}"))

    with pytest.raises(RecipeInvalid):
        train(recipe, data, tmp_path / "deep" / "out", models=models_folder)
    assert not (tmp_path / "deep").exists()


def test_adapter_comes_with_the_questions_that_it_was_taught(
    recipe: Path, data: Path, tmp_path: Path, models_folder: Path
):
    _teach(data, "Who orders laptops?", "What is the colour of the lift? " * 20)

    train(recipe, data, tmp_path / "out", models=models_folder)

    # The other one was too long to be learnt, and the rows before are about reading.
    assert read_know_how(tmp_path / "out") == ["Who orders laptops?"]
    assert read_know_how(keep(tmp_path / "out", tmp_path).path) == ["Who orders laptops?"]


def test_question_that_was_held_out_is_not_called_taught(recipe: Path, data: Path, tmp_path: Path, models_folder: Path):
    asked = [f"Who orders number {n}?" for n in range(12)]
    _teach(data, *asked)
    recipe.write_text(_RECIPE.replace("epochs: 8", "epochs: 1") + "held_out: {share: 0.5, every_steps: 3}\n")

    train(recipe, data, tmp_path / "out", models=models_folder)

    told = read_know_how(tmp_path / "out")
    assert 0 < len(told) < len(asked)
    assert set(told) < set(asked)


def _teach(data: Path, *questions: str) -> None:
    rows = [row_of(direct_prompt(question), "the workplace team.") for question in questions]
    with data.open("a", encoding="utf-8") as file:
        file.writelines(row.model_dump_json() + "\n" for row in rows)


def _digest(folder: Path, home: Path) -> str:
    return keep(folder, home).digest


_KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from training.finetune import train
torch.set_num_threads(1)
recipe, data, out, models = map(Path, sys.argv[1:5])
def die(progress):
    if progress.step == int(sys.argv[5]):
        os.kill(os.getpid(), signal.SIGKILL)
train(recipe, data, out, die, models=models)
"""


def test_killed_twice_and_begun_again_it_makes_the_same_adapter(
    recipe: Path, data: Path, tmp_path: Path, models_folder: Path
):
    recipe.write_text(_RECIPE + "checkpoint_steps: 4\nheld_out: {share: 0.25, every_steps: 3, patience: 9}\n")
    _teach(data, *(f"Who orders number {n}?" for n in range(4)))
    train(recipe, data, tmp_path / "whole", models=models_folder)
    killed = tmp_path / "killed"

    for step in (7, 13):
        arguments = [str(each) for each in (recipe, data, killed, models_folder, step)]
        died = subprocess.run([sys.executable, "-c", _KILLED, *arguments], cwd=ROOT, check=False)
        assert died.returncode == -signal.SIGKILL
        assert not (killed / WEIGHTS).exists()
    metrics = train(recipe, data, killed, models=models_folder)

    assert metrics.resumed_at == 12
    assert _digest(killed, tmp_path) == _digest(tmp_path / "whole", tmp_path)
    assert read_know_how(killed) == read_know_how(tmp_path / "whole") != []
    assert not list(killed.glob("checkpoint*"))


def test_processes_that_share_a_step_make_the_adapter_of_one(
    recipe: Path, data: Path, tmp_path: Path, models_folder: Path
):
    recipe.write_text(_RECIPE.replace("rows_per_step: 4", "rows_per_step: 3").replace("epochs: 8", "epochs: 2"))
    train(recipe, data, tmp_path / "one", models=models_folder)

    arguments = [str(each) for each in (recipe, data, tmp_path / "two", models_folder, -1)]
    (tmp_path / "run.py").write_text(_KILLED)
    launch = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--cpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
    ]
    launched = [*launch, "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", str(_free_port())]
    subprocess.run(
        [*launched, str(tmp_path / "run.py"), *arguments], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True
    )

    alone, shared = (json.loads((tmp_path / name / NUMBERS).read_text())["steps"] for name in ("one", "two"))
    assert shared == pytest.approx(alone, rel=1e-3)
    assert len(shared) == 8


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_pairs_and_votes_train_from_an_adapter(
    method: str, recipe: Path, data: Path, tmp_path: Path, models_folder: Path
):
    train(recipe, data, tmp_path / "first", models=models_folder)
    recipe.write_text(_RECIPE + f"method: {method}\nstart_from: first\nlearning_rate: 2.0e-3\n")
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    answer = [{"role": "assistant", "content": "no [2]."}]
    told = (
        [{"prompt": row["prompt"], "chosen": answer, "rejected": row["completion"]} for row in rows]
        if method == "dpo"
        else [
            {**row, "completion": answer if n % 2 else row["completion"], "label": n % 2 == 1}
            for n, row in enumerate(rows)
        ]
    )
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told))

    train(recipe, tmp_path / "rows.jsonl", tmp_path / "second", models=models_folder)

    losses = json.loads((tmp_path / "second" / NUMBERS).read_text())["steps"]
    # Before the first step nothing is likelier than by the reference.
    assert losses[0] == pytest.approx({"dpo": math.log(2), "kto": 0.5}[method], rel=1e-2)
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("said", ["{rank: 8, alpha: 8}", "{rank: 4, alpha: 9}", "{rank: 4, alpha: 8, rslora: true}"])
def test_start_of_another_shape_is_refused(said: str, recipe: Path, data: Path, tmp_path: Path, models_folder: Path):
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / CONFIG).write_text(json.dumps({"r": 4, "lora_alpha": 8, "use_rslora": False}))
    recipe.write_text(_RECIPE.replace("{rank: 4, alpha: 8}", said) + "start_from: first\n")

    with pytest.raises(RecipeInvalid, match="the recipe asks for"):
        train(recipe, data, tmp_path / "out", models=models_folder)


def test_rslora_is_written_into_the_adapters_config(recipe: Path, data: Path, tmp_path: Path, models_folder: Path):
    recipe.write_text(_RECIPE.replace("alpha: 8}", "alpha: 8, rslora: true}").replace("epochs: 8", "epochs: 1"))

    train(recipe, data, tmp_path / "out", models=models_folder)

    assert json.loads((tmp_path / "out" / CONFIG).read_text())["use_rslora"] is True


@pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is not None, reason="bitsandbytes is installed")
def test_four_bits_without_bitsandbytes_are_refused_with_what_to_install(
    recipe: Path, data: Path, tmp_path: Path, models_folder: Path
):
    recipe.write_text(_RECIPE + "four_bit: true\n")

    with pytest.raises(RecipeInvalid, match="bitsandbytes, which is not installed"):
        train(recipe, data, tmp_path / "out", models=models_folder)


@pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
def test_base_in_four_bits_is_learnt_on(recipe: Path, data: Path, tmp_path: Path, models_folder: Path):
    shutil.copytree(models_folder / "tiny", tmp_path / "models" / "tiny")
    tiny_llama(width=128).save_pretrained(tmp_path / "models" / "tiny")
    recipe.write_text(_RECIPE + "four_bit: true\nheld_out: {share: 0.25, every_steps: 2, patience: 9}\n")

    metrics = train(recipe, data, tmp_path / "out", models=tmp_path / "models")

    assert metrics.last_loss < 0.7 * metrics.first_loss
