"""Causal attention for training on a CPU: plain products of blocks instead of torch's own kernel.

torch's flash kernel for the CPU takes 38% of a step here, since its backward pass does not use the processor's fast
bfloat16 products. Blocks of the lower triangle as ordinary products take two thirds of its time (at 700 tokens 32 ms for 50 a layer); what they keep for the
backward pass is half a matrix of heads × tokens² a layer.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportPrivateImportUsage=false, reportUnknownParameterType=false
# autograd.Function and transformers' registries are annotated only in part.

from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

_NAME = "tandem_blocks"
_BLOCK = 128
# Below, one block is nearly the whole triangle, and nothing is won.
_SHORTEST = 320


def use_blocks(model: Any) -> None:
    """Where it is the faster one: with bfloat16 weights on a CPU. A model of another kind of attention is left alone."""
    if model.dtype is not torch.bfloat16 or model.device.type != "cpu" or model.config._attn_implementation != "sdpa":  # noqa: SLF001
        return
    AttentionInterface.register(_NAME, _attend)
    AttentionMaskInterface.register(_NAME, sdpa_mask)
    model.set_attn_implementation(_NAME)


def _attend(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **given: Any
) -> tuple[Tensor, None]:
    """All are (1, heads, tokens, width); the answer is (1, tokens, heads, width)."""
    plain = attention_mask is None and query.shape[0] == 1 and query.shape[2] == key.shape[2] >= _SHORTEST
    if not plain or not query.requires_grad or given.get("dropout") or given.get("position_bias") is not None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **given)
    heads = query.shape[1] // key.shape[1]
    # Queries of the heads that share a key stand side by side: (key heads, heads of each, tokens, width).
    grouped = query[0].unflatten(0, (key.shape[1], heads))
    found = _Blocks.apply(grouped, key[0], value[0], given.get("scaling") or query.shape[-1] ** -0.5)
    return found.flatten(0, 1).transpose(0, 1)[None].contiguous(), None


class _Blocks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        groups, heads, tokens, width = query.shape
        found = query.new_empty(query.shape)
        shares: list[Tensor] = []
        for start in range(0, tokens, _BLOCK):
            end = min(tokens, start + _BLOCK)
            block = query[:, :, start:end].reshape(groups, -1, width)
            scores = torch.bmm(block, key[:, :end].transpose(1, 2)).float().mul_(scale)
            scores = scores.view(groups, heads, end - start, end)
            scores[..., start:].masked_fill_(_later(end - start), float("-inf"))
            share = torch.softmax(scores, -1).to(query.dtype).view(groups, -1, end)
            found[:, :, start:end] = torch.bmm(share, value[:, :end]).view(groups, heads, -1, width)
            shares.append(share)
        ctx.save_for_backward(query, key, value, found, *shares)
        ctx.scale = scale
        return found

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        query, key, value, found, *shares = ctx.saved_tensors
        groups, heads, tokens, width = query.shape
        to_query = torch.empty_like(query)
        to_key, to_value = (torch.zeros_like(each, dtype=torch.float32) for each in (key, value))
        carried = (gradient.float() * found.float()).sum(-1, keepdim=True)
        for number, start in enumerate(range(0, tokens, _BLOCK)):
            end = min(tokens, start + _BLOCK)
            share = shares[number]
            block, arriving = (each[:, :, start:end].reshape(groups, -1, width) for each in (query, gradient))
            to_value[:, :end] += torch.bmm(share.transpose(1, 2), arriving)
            to_score = torch.bmm(arriving, value[:, :end].transpose(1, 2)).float()
            to_score.sub_(carried[:, :, start:end].reshape(groups, -1, 1)).mul_(share).mul_(ctx.scale)
            to_score = to_score.to(query.dtype)
            to_query[:, :, start:end] = torch.bmm(to_score, key[:, :end]).view(groups, heads, -1, width)
            to_key[:, :end] += torch.bmm(to_score.transpose(1, 2), block)
        return to_query, to_key.to(key.dtype), to_value.to(value.dtype), None


def _later(tokens: int) -> Tensor:
    return torch.ones(tokens, tokens, dtype=torch.bool).triu_(1)
