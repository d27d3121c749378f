"""How likely a model finds the completions of a row: one pass over the prompt, logits only where there is a label."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
# torch lets a module hold anything, so what a model consists of has no types.

from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from torch.nn import functional

from training.encoding import EncodedRow

# Models in which a token knows of others by attention alone, over the whole text. In any other, two completions behind
# one prompt would see each other in ways that a mask does not reach.
_PLAIN_ATTENTION = frozenset({"llama", "mistral", "qwen2", "qwen3"})


def log_likelihoods(model: PeftModel, row: EncodedRow) -> Tensor:
    """The summed log-probability of each completion after the prompt, in nats: (n_completions,) float32."""
    if len(row.completions) == 1 or not _shares_prompt(model):
        return torch.stack([_of_one(model, row.prompt, completion) for completion in row.completions])
    return _of_all(model, row)


def _shares_prompt(model: PeftModel) -> bool:
    config: Any = model.get_base_model().config
    return config.model_type in _PLAIN_ATTENTION and getattr(config, "sliding_window", None) is None


def _of_one(model: PeftModel, prompt: tuple[int, ...], completion: tuple[int, ...]) -> Tensor:
    causal_lm: Any = model.get_base_model()
    ids = torch.tensor([prompt + completion], device=causal_lm.device)
    hidden = causal_lm.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state[0]
    return _sum_of(causal_lm, hidden[len(prompt) - 1 : -1], completion)


def _of_all(model: PeftModel, row: EncodedRow) -> Tensor:
    """The completions stand behind one another, each at the prompt's end and blind to the others.

    A prompt with passages is some fifty times as long as its answers, and is read once instead of once for each.
    """
    causal_lm: Any = model.get_base_model()
    device = causal_lm.device
    lengths = [len(completion) for completion in row.completions]
    start = len(row.prompt)
    # 0 is the prompt, and each completion a number of its own.
    part = torch.repeat_interleave(torch.arange(len(lengths) + 1), torch.tensor([start, *lengths]))
    position = torch.cat([torch.arange(start), *(torch.arange(start, start + length) for length in lengths)])
    sees = (part[:, None] == part[None, :]) | (part[None, :] == 0)
    ids = [*row.prompt, *(token for completion in row.completions for token in completion)]
    hidden = causal_lm.get_decoder()(
        input_ids=torch.tensor([ids], device=device),
        position_ids=position[None].to(device),
        attention_mask=sees.tril()[None, None].to(device),
        use_cache=False,
    ).last_hidden_state[0]
    found: list[Tensor] = []
    for completion in row.completions:
        # The first token of each follows the prompt's last one.
        before = torch.cat([hidden[len(row.prompt) - 1 : len(row.prompt)], hidden[start : start + len(completion) - 1]])
        found.append(_sum_of(causal_lm, before, completion))
        start += len(completion)
    return torch.stack(found)


def _sum_of(causal_lm: Any, hidden: Tensor, completion: tuple[int, ...]) -> Tensor:
    # The head is a third of a small model's work: it is run only where there is a label.
    logits = causal_lm.get_output_embeddings()(hidden).float()
    return -functional.cross_entropy(logits, torch.tensor(completion, device=logits.device), reduction="sum")
