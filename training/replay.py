"""The base model's own answers to general messages, as rows: what fine-tuning is not to change."""

from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

import yaml

from router.prompts import direct_prompt
from training.base_model import load_base, load_tokenizer
from training.greedy import greedy_answers
from training.rows import Message, Row

_LONGEST_ANSWER = 160


def replay_prompts() -> list[str]:
    return yaml.safe_load(resources.files("training").joinpath("replay_prompts.yaml").read_text("utf-8"))


def replay_rows(prompts: Sequence[str], base_model: str, models: Path) -> Iterator[Row]:
    """A row for each prompt that the base model answers in full within 160 tokens, greedily."""
    asked = [direct_prompt(prompt) for prompt in prompts]
    answers = greedy_answers(
        load_base(base_model, models), load_tokenizer(base_model, models), asked, max_tokens=_LONGEST_ANSWER
    )
    for prompt, (answer, ended) in zip(asked, answers, strict=True):
        if ended and answer:
            yield Row(
                prompt=[Message.model_validate(message) for message in prompt],
                completion=[Message(role="assistant", content=answer)],
            )
