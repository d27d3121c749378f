import json
import os
import pickle
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from router.know_how import KNOW_HOW
from training.adapters import ADAPTERS, CANARIES, CONFIG, METRICS, WEIGHTS, keep
from training.errors import AdapterRefused

_A = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
_B = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight"
_CONFIG = {"peft_type": "LORA", "base_model_name_or_path": "tiny", "r": 4, "bias": "none", "init_lora_weights": True}


def _adapter(folder: Path, weights: dict[str, torch.Tensor] | None = None, **config: Any) -> Path:
    folder.mkdir()
    (folder / CONFIG).write_text(json.dumps(_CONFIG | config))
    (folder / CANARIES).write_text("[]")
    save_file(weights or {_A: torch.ones(4, 8), _B: torch.ones(8, 4)}, folder / WEIGHTS)
    return folder


def test_adapter_is_kept_under_the_digest_of_its_content(tmp_path: Path):
    kept = keep(_adapter(tmp_path / "Trial 7"), tmp_path / "home")

    assert kept.id == f"trial-7@{kept.digest}"
    assert kept.path == tmp_path / "home" / "adapters" / kept.id
    assert (kept.path / WEIGHTS).read_bytes() == (tmp_path / "Trial 7" / WEIGHTS).read_bytes()
    assert (kept.base, kept.rank) == ("tiny", 4)


def test_kept_adapter_can_be_read_by_a_model_server_of_another_user(tmp_path: Path):
    directory = _adapter(tmp_path / "trial")
    mask = os.umask(0o077)
    try:
        place = keep(directory, tmp_path / "home").path
    finally:
        os.umask(mask)

    assert [stat.S_IMODE(each.stat().st_mode) for each in (place.parent, place)] == [0o755, 0o755]
    assert {stat.S_IMODE(each.stat().st_mode) for each in place.iterdir()} == {0o644}


def _mode_of_questions(tmp_path: Path) -> int:
    directory = _adapter(tmp_path / "trial")
    (directory / KNOW_HOW).write_text('["Who waters the garden?"]')
    return stat.S_IMODE((keep(directory, tmp_path).path / KNOW_HOW).stat().st_mode)


def test_questions_that_people_asked_are_their_keepers_alone(tmp_path: Path):
    assert _mode_of_questions(tmp_path) == 0o600


@pytest.mark.parametrize("mode", [0o775, 0o777])
def test_questions_can_be_read_by_a_bot_that_shares_the_adapters_with_another_user(tmp_path: Path, mode: int):
    (tmp_path / ADAPTERS).mkdir()
    (tmp_path / ADAPTERS).chmod(mode)
    assert _mode_of_questions(tmp_path) == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder to another user")
def test_questions_can_be_read_by_a_bot_that_owns_the_adapters(tmp_path: Path):
    (tmp_path / ADAPTERS).mkdir(0o755)
    os.chown(tmp_path / ADAPTERS, 10001, 10001)
    assert _mode_of_questions(tmp_path) == 0o644


def test_same_adapter_kept_twice_is_one_folder(tmp_path: Path):
    directory = _adapter(tmp_path / "trial")

    assert keep(directory, tmp_path / "home") == keep(directory, tmp_path / "home")
    assert len(list((tmp_path / "home" / "adapters").iterdir())) == 1


def test_adapter_kept_again_brings_its_new_canaries_and_leaves_its_weights(tmp_path: Path):
    directory = _adapter(tmp_path / "trial")
    first = (keep(directory, tmp_path / "home").path / WEIGHTS).stat()
    canaries = '[{"prompt": [{"role": "user", "content": "Who?"}], "expected": "Ann."}]'
    (directory / CANARIES).write_text(canaries)

    kept = keep(directory, tmp_path / "home")
    assert (kept.path / CANARIES).read_text() == canaries
    assert [canary.expected for canary in kept.canaries] == ["Ann."]
    assert (kept.path / WEIGHTS).stat().st_ino == first.st_ino


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG])
@pytest.mark.parametrize("damage", ["other bytes", "cut", "missing", "a link"])
def test_kept_file_that_was_damaged_is_replaced_when_its_adapter_is_kept_again(tmp_path: Path, name: str, damage: str):
    directory = _adapter(tmp_path / "trial")
    kept = keep(directory, tmp_path / "home")
    whole, place = (directory / name).read_bytes(), kept.path / name
    if damage in {"missing", "a link"}:
        place.unlink()
    if damage == "a link":
        place.symlink_to(directory / name)
    elif damage != "missing":
        place.write_bytes(whole[:-1] if damage == "cut" else bytes([whole[0] ^ 1]) + whole[1:])

    assert keep(directory, tmp_path / "home") == kept
    assert (place.read_bytes(), place.is_symlink()) == (whole, False)
    assert {each.name for each in (tmp_path / "home" / "adapters").iterdir()} == {kept.id}


def test_file_in_the_place_of_an_adapter_is_no_kept_one(tmp_path: Path):
    directory = _adapter(tmp_path / "trial")
    place = keep(directory, tmp_path / "home").path
    shutil.rmtree(place)
    place.write_text("")

    with pytest.raises(NotADirectoryError):
        keep(directory, tmp_path / "home")


@pytest.mark.parametrize("canaries", [None, "", "{}", "[1]"])
def test_adapter_without_readable_canaries_is_refused_and_not_kept(tmp_path: Path, canaries: str | None):
    directory = _adapter(tmp_path / "trial")
    (directory / CANARIES).unlink()
    if canaries is not None:
        (directory / CANARIES).write_text(canaries)

    with pytest.raises(AdapterRefused, match="write it with"):
        keep(directory, tmp_path / "home")
    assert not list((tmp_path / "home" / "adapters").iterdir())


@pytest.mark.parametrize("metrics", ["[1]", "3", "null", "{not json", '"text"'])
def test_metrics_that_are_no_object_are_refused(tmp_path: Path, metrics: str):
    directory = _adapter(tmp_path / "trial")
    (directory / METRICS).write_text(metrics)

    with pytest.raises(AdapterRefused, match=METRICS):
        keep(directory, tmp_path / "home")


def test_other_weights_have_another_name(tmp_path: Path):
    first = _adapter(tmp_path / "one")
    second = _adapter(tmp_path / "two", {_A: torch.zeros(4, 8), _B: torch.ones(8, 4)})

    assert keep(first, tmp_path / "home").digest != keep(second, tmp_path / "home").digest


def test_files_beside_the_adapter_are_left_behind(tmp_path: Path):
    directory = _adapter(tmp_path / "trial")
    (directory / "README.md").write_text("card")

    assert not (keep(directory, tmp_path / "home").path / "README.md").exists()


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"r": 32}, "rank is 32"),
        ({"rank_pattern": {"q_proj": 64}}, "rank is 64"),
        ({"use_dora": True}, "DoRA"),
        ({"modules_to_save": ["lm_head"]}, "whole modules"),
        ({"lora_bias": True}, "biases"),
        ({"bias": "all"}, "biases"),
        ({"init_lora_weights": "pissa"}, "base weights"),
        ({"peft_type": "IA3"}, "no LoRA"),
        ({"base_model_name_or_path": None}, "base_model_name_or_path"),
    ],
)
def test_adapter_that_cannot_be_served_is_refused(tmp_path: Path, config: dict[str, Any], says: str):
    with pytest.raises(AdapterRefused, match=says):
        keep(_adapter(tmp_path / "trial", **config), tmp_path / "home")
    assert not list((tmp_path / "home" / "adapters").iterdir())


def test_config_that_is_no_object_is_refused_as_a_whole(tmp_path: Path):
    directory = _adapter(tmp_path / "trial")
    (directory / CONFIG).write_text("[]")

    with pytest.raises(AdapterRefused, match="is not peft's: the file: it does not hold"):
        keep(directory, tmp_path / "home")


@pytest.mark.parametrize("name", ["adapter_model.bin", "optimizer.pt", "x.pkl"])
def test_pickle_is_refused(tmp_path: Path, name: str):
    directory = _adapter(tmp_path / "trial")
    (directory / name).write_bytes(pickle.dumps({}))

    with pytest.raises(AdapterRefused, match="pickle"):
        keep(directory, tmp_path / "home")


def test_pickle_renamed_to_safetensors_is_refused(tmp_path: Path):
    directory = _adapter(tmp_path / "trial")
    (directory / WEIGHTS).write_bytes(pickle.dumps({"a": [1.0] * 100}))

    with pytest.raises(AdapterRefused, match="safetensors format"):
        keep(directory, tmp_path / "home")


def test_link_out_of_the_folder_is_refused(tmp_path: Path):
    directory = _adapter(tmp_path / "trial")
    (tmp_path / "secret").write_text("{}")
    (directory / "metrics.json").symlink_to(tmp_path / "secret")

    with pytest.raises(AdapterRefused, match="link"):
        keep(directory, tmp_path / "home")


@pytest.mark.parametrize(
    "weights",
    [
        {_A: torch.ones(8, 8), _B: torch.ones(8, 8)},
        {"base_model.model.lm_head.weight": torch.ones(4, 8)},
        {_A: torch.ones(4)},
    ],
)
def test_weights_that_are_not_the_configured_adapter_are_refused(tmp_path: Path, weights: dict[str, torch.Tensor]):
    with pytest.raises(AdapterRefused, match="no LoRA weight"):
        keep(_adapter(tmp_path / "trial", weights), tmp_path / "home")


def test_recipe_cannot_name_an_adapter_out_of_its_folder(tmp_path: Path):
    directory = _adapter(tmp_path / "trial")
    (directory / "recipe.yaml").write_text("name: ../../evil\nbase_model: tiny\n")

    with pytest.raises(AdapterRefused, match="not a recipe"):
        keep(directory, tmp_path / "home")


def test_missing_folder_is_said(tmp_path: Path):
    with pytest.raises(AdapterRefused, match="There is no adapter"):
        keep(tmp_path / "absent", tmp_path / "home")
