from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from training.averaging import average
from training.errors import AdapterRefused


def adapter(folder: Path, value: float, *, width: int = 3) -> Path:
    folder.mkdir()
    save_file({"a": torch.full((2, width), value, dtype=torch.bfloat16)}, folder / "adapter_model.safetensors")
    (folder / "recipe.yaml").write_text(f"name: {folder.name}\n")
    return folder


def test_the_mean_weighs_each_adapter_by_its_share_and_keeps_the_firsts_recipe(tmp_path: Path) -> None:
    average({adapter(tmp_path / "one", 1.0): 3, adapter(tmp_path / "other", 5.0): 1}, tmp_path / "mean")
    mean = load_file(tmp_path / "mean" / "adapter_model.safetensors")["a"]
    assert mean.dtype == torch.bfloat16
    assert torch.equal(mean, torch.full((2, 3), 2.0, dtype=torch.bfloat16))
    assert (tmp_path / "mean" / "recipe.yaml").read_text() == "name: one\n"


def test_adapters_of_different_shapes_have_no_mean(tmp_path: Path) -> None:
    with pytest.raises(AdapterRefused, match="different shapes"):
        average({adapter(tmp_path / "one", 1.0): 1, adapter(tmp_path / "other", 1.0, width=4): 1}, tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_a_folder_without_an_adapter_is_named(tmp_path: Path) -> None:
    with pytest.raises(AdapterRefused, match="nothing holds no adapter"):
        average({adapter(tmp_path / "one", 1.0): 1, tmp_path / "nothing": 1}, tmp_path / "mean")
