"""The general set: what every adapter must still be able to do, whatever it learnt last night."""

import random
from importlib import resources

import yaml

from router.prompts import direct_prompt, grounded_prompt
from training.evaluation import grounding_cases
from training.gate.cases import Known
from training.invented_pages import held_out_pages

# Enough for an interval of some six points, and nine minutes of both adapters on two cores without bfloat16.
_PAGE_QUESTIONS = 130


def general_cases(*, from_pages: int = _PAGE_QUESTIONS, seed: int = 0) -> list[Known]:
    """Questions on held-out pages, half of them with passages that do not hold the answer, and plain ones without passages.

    The same seed gives the same questions, so that one night's figures stand beside another's.
    """
    cases = grounding_cases(held_out_pages(), seed=seed)
    chosen = random.Random(seed).sample(cases, min(from_pages, len(cases)))  # noqa: S311 — a sample, not a secret
    grounded = [
        Known(
            prompt=tuple(grounded_prompt(case.question, case.passages)),
            golds=case.golds if case.right is not None else (),
            right=case.right,
        )
        for case in chosen
    ]
    return [*grounded, *_plain()]


def _plain() -> list[Known]:
    asked = yaml.safe_load(resources.files("training.gate").joinpath("general.yaml").read_text("utf-8"))
    return [Known(prompt=tuple(direct_prompt(each["q"])), golds=tuple(each["a"])) for each in asked]
