"""Packed layers compute what the plain ones do."""

# pyright: reportAttributeAccessIssue=false
# A module's parts are not typed.

import copy

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel

from knowledge.packing import pack

# Asked of torch itself, so that a guard in the code that is wrong about it is seen.
can_pack = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(),
    reason="oneDNN has no bfloat16 products on this processor",
)


@pytest.fixture
def model() -> BertModel:
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=99, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128
    )
    return BertModel(config).bfloat16().eval()


@can_pack
def test_a_packed_model_says_the_same(model: BertModel) -> None:
    ids = torch.randint(0, 99, (3, 16))
    packed = pack(copy.deepcopy(model))
    with torch.inference_mode():
        near = torch.nn.functional.cosine_similarity(
            model(ids).last_hidden_state.float(), packed(ids).last_hidden_state.float(), dim=-1
        )
    assert near.min() > 0.999


@can_pack
def test_every_layer_is_packed_and_none_keeps_its_weights_twice(model: BertModel) -> None:
    packed = pack(model)
    assert not [layer for layer in packed.modules() if isinstance(layer, nn.Linear)]


@can_pack
def test_an_activation_that_is_no_exact_gelu_stays(model: BertModel) -> None:
    [first, second] = model.encoder.layer
    first.intermediate.intermediate_act_fn = nn.ReLU()
    pack(model)
    assert isinstance(first.intermediate.intermediate_act_fn, nn.ReLU)
    assert isinstance(second.intermediate.intermediate_act_fn, nn.Identity)


def test_a_processor_without_such_products_leaves_a_model_as_it_is(
    model: BertModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    before = list(model.modules())
    assert list(pack(model).modules()) == before
