"""The plain questions by which settings are chosen are neither the gate's nor learnt from."""

import re
from pathlib import Path

import yaml

from training.gate.general import general_cases
from training.replay import replay_prompts
from training.scoring import holds_gold

_PLAIN = Path(__file__).parents[1] / "benchmarks" / "plain.yaml"


def test_plain_questions_are_asked_once_and_nowhere_else():
    asked = [_words(each["q"]) for each in yaml.safe_load(_PLAIN.read_text("utf-8"))]

    assert len(asked) == len(set(asked)) > 100
    assert not {*asked} & {_words(prompt) for prompt in replay_prompts()}
    assert not {*asked} & {_words(case.prompt[-1]["content"]) for case in general_cases(from_pages=0)}


def test_no_plain_question_tells_its_answer():
    told = [each["q"] for each in yaml.safe_load(_PLAIN.read_text("utf-8")) if holds_gold(each["q"], tuple(each["a"]))]

    assert not told


def _words(question: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", question.casefold()))
