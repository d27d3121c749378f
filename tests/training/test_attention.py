from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.training.conftest import tiny_llama
from training.attention import _attend, use_blocks
from training.encoding import EncodedRow
from training.likelihood import log_likelihoods
from training.loop import Loop
from training.lora import add_adapter
from training.recipe import LoraShape, Recipe

_RECIPE = Recipe(name="tiny", base_model="tiny", lora=LoraShape(rank=4, alpha=8))
_MODULE = SimpleNamespace(num_key_value_groups=3, is_causal=True)


def _found(query: Tensor, key: Tensor, value: Tensor, weights: Tensor) -> list[Tensor]:
    """What is attended to, and its gradients."""
    attended = _attend(_MODULE, query, key, value, None, scaling=0.125)[0]
    return [attended, *torch.autograd.grad((attended.float() * weights).sum(), (query, key, value))]


@pytest.mark.parametrize("tokens", [320, 384, 401])
def test_blocks_attend_as_the_whole_triangle_does(tokens: int):
    torch.manual_seed(1)
    query = torch.randn(1, 6, tokens, 16, dtype=torch.bfloat16, requires_grad=True)
    key, value = (torch.randn(1, 2, tokens, 16, dtype=torch.bfloat16, requires_grad=True) for _ in range(2))
    weights = torch.randn(1, tokens, 6, 16)
    exact = [each.detach().float().requires_grad_() for each in (query, key, value)]
    attended = functional.scaled_dot_product_attention(
        exact[0], exact[1], exact[2], is_causal=True, enable_gqa=True, scale=0.125
    )
    expected = [attended.transpose(1, 2), *torch.autograd.grad((attended.transpose(1, 2) * weights).sum(), exact)]

    for mine, theirs in zip(_found(query, key, value, weights), expected, strict=True):
        assert (mine.float() - theirs).norm() < 0.01 * theirs.norm()


def _gradients(dtype: torch.dtype, *, blocks: bool) -> Tensor:
    """Of all weights of an adapter, in one row."""
    base: Any = tiny_llama()
    model = add_adapter(base.to(dtype), _RECIPE)
    torch.manual_seed(2)
    learnt = [weight for weight in model.parameters() if weight.requires_grad]
    with torch.no_grad():
        for weight in learnt:
            weight.copy_(torch.randn(weight.shape) * 0.2)
    if blocks:
        use_blocks(model.get_base_model())
        assert _kind(model) == "tandem_blocks"
    row = EncodedRow(prompt=tuple(n % 200 for n in range(380)), completions=((40, 41, 42),))
    return torch.cat([each.float().flatten() for each in torch.autograd.grad(log_likelihoods(model, row)[0], learnt)])


def test_gradients_with_blocks_are_as_exact_as_those_of_torchs_own_attention():
    exact = _gradients(torch.float32, blocks=False)
    plain, blocked = (_gradients(torch.bfloat16, blocks=blocks) for blocks in (False, True))

    assert (blocked - exact).norm() < 1.25 * (plain - exact).norm()
    assert not torch.equal(blocked, plain)


def test_models_that_gain_nothing_are_left_alone():
    model = add_adapter(tiny_llama(), _RECIPE)

    Loop(model, [EncodedRow(prompt=(1, 2), completions=((3,),))], _RECIPE)

    assert _kind(model) == "sdpa"


def _kind(model: Any) -> str:
    return model.get_base_model().config._attn_implementation
