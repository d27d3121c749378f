"""What a step makes smaller, by the recipe's method, as functions of how likely the completions are.

`likelihoods` are log-probabilities in nats, summed over a completion; `references` are those of the same completions
before the first step, by the adapter that the run starts from.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from training.encoding import EncodedRow
from training.recipe import Preference, Recipe


def step_loss(recipe: Recipe, rows: Sequence[EncodedRow], likelihoods: Tensor, references: Tensor) -> Tensor:
    """The loss of the rows taken together; both tensors are (n_rows, n_completions)."""
    match recipe.method:
        case "sft":
            return sft_loss(likelihoods[:, 0], sum(row.labels for row in rows))
        case "dpo":
            gains = likelihoods - references
            return dpo_loss(gains[:, 0], gains[:, 1], beta=recipe.preference.beta)
        case "kto":
            gains = likelihoods - references
            liked = torch.tensor([row.liked for row in rows])
            return kto_loss(gains[:, 0], gains[:, 1], liked, recipe.preference)


def sft_loss(likelihoods: Tensor, labels: int) -> Tensor:
    """The mean cross-entropy of all labels of the step."""
    return -likelihoods.sum() / labels


def dpo_loss(chosen: Tensor, rejected: Tensor, *, beta: float) -> Tensor:
    """Direct preference optimization (arXiv 2305.18290, equation 7), of gains over the reference."""
    return -functional.logsigmoid(beta * (chosen - rejected)).mean()


def kto_loss(gains: Tensor, strangers: Tensor, liked: Tensor, preference: Preference) -> Tensor:
    """Kahneman-Tversky optimization (arXiv 2402.01306, equations 7 and 8).

    `strangers` are the gains of completions that belong to other prompts. Their mean estimates how far the adapter has
    moved from its start, which is what a gain is measured against; nothing is learnt through it.
    """
    moved = strangers.detach().mean().clamp(min=0)
    sign = torch.where(liked, 1.0, -1.0)
    weight = torch.where(liked, preference.liked, preference.disliked)
    return (weight * (1 - torch.sigmoid(sign * preference.beta * (gains - moved)))).mean()
