from typing import Any

import pytest
import torch
from peft import PeftModel
from torch.nn import functional

from tests.training.conftest import tiny_llama
from training.encoding import EncodedRow
from training.likelihood import log_likelihoods
from training.lora import add_adapter
from training.recipe import LoraShape, Recipe

_PROMPT = tuple(range(5, 35))
_ONE, _OTHER = tuple(range(40, 50)), tuple(range(90, 96))


@pytest.fixture
def model() -> PeftModel:
    """With weights that do something: a fresh adapter changes nothing."""
    model = add_adapter(tiny_llama(), Recipe(name="tiny", base_model="tiny", lora=LoraShape(rank=4, alpha=8)))
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.normal_(std=0.3)
    return model


def _plainly(model: PeftModel, completion: tuple[int, ...]) -> float:
    logits = model(input_ids=torch.tensor([_PROMPT + completion])).logits[0]
    labels = torch.tensor(completion)
    return -functional.cross_entropy(logits[len(_PROMPT) - 1 : -1], labels, reduction="sum").item()


def test_only_the_completion_counts(model: PeftModel):
    row = EncodedRow(prompt=_PROMPT, completions=(_ONE,))

    assert log_likelihoods(model, row).tolist() == pytest.approx([_plainly(model, _ONE)], rel=1e-5)


def test_completions_behind_one_prompt_do_not_see_each_other(model: PeftModel):
    row = EncodedRow(prompt=_PROMPT, completions=(_ONE, _OTHER))

    expected = [_plainly(model, _ONE), _plainly(model, _OTHER)]
    assert log_likelihoods(model, row).tolist() == pytest.approx(expected, rel=1e-5)


def test_completion_of_one_token_follows_the_prompt(model: PeftModel):
    row = EncodedRow(prompt=_PROMPT, completions=((41,), (77,)))

    expected = [_plainly(model, (41,)), _plainly(model, (77,))]
    assert log_likelihoods(model, row).tolist() == pytest.approx(expected, rel=1e-5)


def test_models_that_carry_a_state_along_read_the_prompt_for_each_completion(model: PeftModel):
    row = EncodedRow(prompt=_PROMPT, completions=(_ONE, _OTHER))
    together = log_likelihoods(model, row)
    config: Any = model.get_base_model().config
    config.sliding_window = 8  # which the tiny model's own layers do not heed

    assert log_likelihoods(model, row).tolist() == pytest.approx(together.tolist(), rel=1e-5)
