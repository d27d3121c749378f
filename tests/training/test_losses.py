"""Our losses against TRL's own trainers, on the same rows and the same weights."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from peft import PeftModel
from transformers import AutoTokenizer
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import KTOTrainer

from tests.training.conftest import TEMPLATE, tiny_llama
from training.base_model import Tokenizer
from training.encoding import EncodedRow, encode_rows
from training.likelihood import log_likelihoods
from training.lora import add_adapter
from training.losses import kto_loss, step_loss
from training.recipe import LoraShape, Preference, Recipe
from training.rows import Message, PreferenceRow, RatedRow

_BETA = 0.3
_ASKED = [f"{'passage ' * n}question {n}?" for n in range(1, 6)]


@pytest.fixture
def vendor(models_folder: Path) -> Any:
    """Turns end with the stop token: a line break behind it is learnt by TRL and left out by us."""
    tokenizer = AutoTokenizer.from_pretrained(models_folder / "tiny")
    tokenizer.chat_template = TEMPLATE.replace("</s>\n", "</s>")
    return tokenizer


def _message(role: Any, content: str) -> list[Message]:
    return [Message(role=role, content=content)]


def _recipe(method: Any, **preference: float) -> Recipe:
    return Recipe(
        name="tiny",
        base_model="tiny",
        method=method,
        lora=LoraShape(rank=4, alpha=8),
        preference=Preference(beta=_BETA, **preference),
    )


def _model(recipe: Recipe) -> PeftModel:
    """A start that is not the base model's, as of an adapter that was trained before."""
    model = add_adapter(tiny_llama(), recipe)
    torch.manual_seed(2)
    _shake(model, 0.2)
    return model


def _shake(model: PeftModel, by: float) -> None:
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if ".default." in name:
                weight.add_(torch.randn_like(weight), alpha=by)


@torch.no_grad()
def _likelihoods(model: PeftModel, rows: Sequence[EncodedRow]) -> torch.Tensor:
    return torch.stack([log_likelihoods(model, row) for row in rows])


def _theirs(trainer: Any) -> float:
    batch = trainer.data_collator([trainer.train_dataset[n] for n in range(len(_ASKED))])
    with torch.no_grad():
        return trainer.compute_loss(trainer.model, batch).item()


def _settings(tmp_path: Path) -> dict[str, Any]:
    return {
        "output_dir": str(tmp_path),
        "beta": _BETA,
        "per_device_train_batch_size": len(_ASKED),
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "report_to": "none",
    }


def test_preference_loss_is_that_of_trl(tmp_path: Path, vendor: Any):
    recipe = _recipe("dpo")
    rows = [
        PreferenceRow(
            prompt=_message("user", asked),
            chosen=_message("assistant", f"yes {n} [1]."),
            rejected=_message("assistant", "no" * n),
        )
        for n, asked in enumerate(_ASKED, 1)
    ]
    model = _model(recipe)
    encoded = encode_rows(rows, Tokenizer(vendor), max_tokens=400).rows
    trainer = DPOTrainer(
        model=model,
        args=DPOConfig(**_settings(tmp_path)),
        train_dataset=Dataset.from_list([row.model_dump() for row in rows]),
        processing_class=vendor,
    )
    references = _likelihoods(model, encoded)
    _shake(model, 0.1)

    ours = step_loss(recipe, encoded, _likelihoods(model, encoded), references).item()

    assert ours != pytest.approx(0.6931, abs=1e-2)
    assert ours == pytest.approx(_theirs(trainer), rel=1e-4)


def test_votes_loss_is_that_of_trl(tmp_path: Path, vendor: Any):
    recipe = _recipe("kto", liked=1.0, disliked=1.5)
    rows = [
        RatedRow(prompt=_message("user", asked), completion=_message("assistant", f"yes {n} [1]."), label=bool(n % 2))
        for n, asked in enumerate(_ASKED, 1)
    ]
    model = _model(recipe)
    encoded = encode_rows(rows, Tokenizer(vendor), max_tokens=400).rows
    # TRL takes the stranger from the row before, within a batch.
    before = [encoded[-1], *encoded[:-1]]
    encoded = [
        replace(row, completions=(row.completions[0], other.completions[0]))
        for row, other in zip(encoded, before, strict=True)
    ]
    trainer = KTOTrainer(
        model=model,
        args=KTOConfig(**_settings(tmp_path), desirable_weight=1.0, undesirable_weight=1.5),
        train_dataset=Dataset.from_list([row.model_dump() for row in rows]),
        processing_class=vendor,
    )
    references = _likelihoods(model, encoded)
    _shake(model, 0.1)

    ours = step_loss(recipe, encoded, _likelihoods(model, encoded), references).item()

    assert ours != pytest.approx(0.6, abs=1e-2)
    assert ours == pytest.approx(_theirs(trainer), rel=1e-4)


def test_nothing_is_learnt_through_the_reference_point_of_votes():
    gains, strangers = torch.zeros(2, requires_grad=True), torch.ones(2, requires_grad=True)

    loss = kto_loss(gains, strangers, torch.tensor([True, False]), Preference(beta=1.0))

    assert loss.item() == pytest.approx(
        1 - (torch.sigmoid(torch.tensor(-1.0)) + torch.sigmoid(torch.tensor(1.0))).item() / 2
    )
    assert torch.autograd.grad(loss, strangers, allow_unused=True) == (None,)
