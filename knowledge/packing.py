# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# torch is typed in part only.
"""A transformer's layers with their weights laid out once for the processor, instead of at each call.

With a short text that is a third of the time. The products are oneDNN's, as torch's compiler calls them; without a
compiler there is no public door to them, so where this torch or this processor lacks them a model stays as it is.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers.activations import GELUActivation


def pack(model: nn.Module) -> nn.Module:
    """Give a bfloat16 model for inference packed layers, in place; an exact GELU is joined to the layer before it."""
    if not _is_possible():
        return model
    for module in list(model.modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, nn.Linear):
                setattr(module, name, _PackedLinear(layer, activation="gelu" if _is_joined(module, name) else "none"))
        if _is_joined(module, "dense"):
            module.intermediate_act_fn = nn.Identity()
    return model


class _PackedLinear(nn.Module):
    def __init__(self, layer: nn.Linear, *, activation: str) -> None:
        super().__init__()
        # No parameter: it is opaque to torch, and nothing but the product below can read it.
        self._weight: Any = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach())  # noqa: SLF001
        self._bias = None if layer.bias is None else layer.bias.detach()  # pyright: ignore[reportUnnecessaryComparison]
        self._activation = activation

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(  # noqa: SLF001
            inputs, self._weight, self._bias, self._activation, [], "none"
        )


def _is_possible() -> bool:
    needed = ("_is_mkldnn_bf16_supported", "_linear_pointwise", "_reorder_linear_weight")
    return (
        torch.backends.mkldnn.is_available()
        and all(hasattr(torch.ops.mkldnn, name) for name in needed)
        and torch.ops.mkldnn._is_mkldnn_bf16_supported()  # noqa: SLF001
    )


def _is_joined(module: nn.Module, name: str) -> bool:
    """Whether this is the layer before the activation in a block as BERT and its kin have it."""
    activation = getattr(module, "intermediate_act_fn", None)
    return name == "dense" and isinstance(activation, GELUActivation) and activation.act is nn.functional.gelu
