"""Trees must not change what is learnt: loss and gradients against the same rows computed apart."""

import pytest
import torch
from peft import PeftModel
from torch.nn import functional

from tests.training.conftest import tiny_llama
from training.finetune import add_adapter, pack_loss
from training.recipe import LoraShape, Recipe
from training.trees import EncodedRow, grow_trees, lay_out

_RECIPE = Recipe(name="tiny", base_model="tiny", lora=LoraShape(rank=4, alpha=8))


def _row(generator: torch.Generator, stem: list[int], length: int, labels: int) -> EncodedRow:
    own = torch.randint(300, (length,), generator=generator).tolist()
    return EncodedRow(ids=(*stem, *own), start=len(stem) + length - labels)


def _stem(generator: torch.Generator, length: int) -> list[int]:
    return torch.randint(300, (length,), generator=generator).tolist()


def _shared() -> list[EncodedRow]:
    """Two contexts asked several questions of different lengths, and a row of its own."""
    generator = torch.Generator().manual_seed(3)
    first, second = _stem(generator, 50), _stem(generator, 70)
    lengths = [(9, 3), (14, 6), (5, 1)]
    return [
        *(_row(generator, first, length, labels) for length, labels in lengths),
        *(_row(generator, second, length, labels) for length, labels in lengths),
        _row(generator, [], 40, 10),
    ]


def _unshared() -> list[EncodedRow]:
    generator = torch.Generator().manual_seed(4)
    return [_row(generator, [], length, labels) for length, labels in [(12, 4), (30, 7), (21, 20)]]


def _same_prompt() -> list[EncodedRow]:
    """Only the completions differ, so the stem's last token predicts several first tokens."""
    generator = torch.Generator().manual_seed(5)
    stem = _stem(generator, 25)
    return [_row(generator, stem, 4, 4) for _ in range(3)]


def _longer_than_a_block() -> list[EncodedRow]:
    generator = torch.Generator().manual_seed(6)
    stem = _stem(generator, 400)
    return [_row(generator, stem, 8, 3) for _ in range(2)]


@pytest.mark.parametrize("rows", [_shared(), _unshared(), _same_prompt(), _longer_than_a_block()])
def test_loss_and_gradients_of_trees_equal_those_of_separate_rows(rows: list[EncodedRow]):
    model = add_adapter(tiny_llama(), _RECIPE)
    _move_adapter_off_zero(model)

    pack = lay_out(grow_trees(rows, max_tokens=4096))
    assert len(pack.targets) == sum(row.labels for row in rows)
    loss = pack_loss(model, pack)
    gradients = torch.autograd.grad(loss, _weights(model))

    model.set_attn_implementation("sdpa")
    expected = torch.stack([_loss_alone(model, row) for row in rows]).sum()
    expected_gradients = torch.autograd.grad(expected, _weights(model))

    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    for gradient, wanted in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, wanted, rtol=1e-3, atol=1e-5)


def test_shared_rows_are_computed_once():
    rows = _shared()
    pack = lay_out(grow_trees(rows, max_tokens=4096))

    assert len(pack.ids) == 50 + 70 + 2 * (9 + 14 + 5) + 40
    assert sum(len(row.ids) for row in rows) == 3 * (50 + 70) + 2 * (9 + 14 + 5) + 40


def _weights(model: PeftModel) -> list[torch.Tensor]:
    return [weight for weight in model.parameters() if weight.requires_grad]


def _move_adapter_off_zero(model: PeftModel) -> None:
    # LoRA's second matrix starts at zero, which would hide the first one's gradient.
    torch.manual_seed(2)
    with torch.no_grad():
        for weight in _weights(model):
            weight.normal_(std=0.1)


def _loss_alone(model: PeftModel, row: EncodedRow) -> torch.Tensor:
    logits = model(input_ids=torch.tensor([row.ids])).logits[0]
    return functional.cross_entropy(logits[row.start - 1 : -1], torch.tensor(row.ids[row.start :]), reduction="sum")
