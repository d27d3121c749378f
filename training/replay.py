"""A model's own answers to general messages, as rows: what fine-tuning is not to change."""

from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

import yaml

from router.prompts import direct_prompt
from training.base_model import load_base, load_tokenizer
from training.greedy import greedy_answers
from training.lora import load_adapter
from training.rows import Row, row_of

LONGEST_ANSWER = 160
"""In tokens: one that is longer is not learnt from."""


def replay_prompts(most: int | None = None) -> list[str]:
    """All of them, or that many, evenly spread."""
    prompts: list[str] = yaml.safe_load(resources.files("training").joinpath("replay_prompts.yaml").read_text("utf-8"))
    if most is None or most >= len(prompts):
        return prompts
    return [prompts[len(prompts) * n // most] for n in range(most)]


def replay_rows(prompts: Sequence[str], base_model: str, models: Path, *, adapter: Path | None = None) -> Iterator[Row]:
    """A row for each prompt that the base model, or it with the adapter, answers in full within 160 tokens, greedily."""
    asked = [direct_prompt(prompt) for prompt in prompts]
    base = load_base(base_model, models)
    model = load_adapter(base, adapter) if adapter else base
    answers = greedy_answers(model, load_tokenizer(base_model, models), asked, max_tokens=LONGEST_ANSWER)
    for prompt, (answer, ended) in zip(asked, answers, strict=True):
        if ended and answer:
            yield row_of(prompt, answer)
