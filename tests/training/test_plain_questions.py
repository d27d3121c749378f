"""The plain questions by which settings are chosen are neither the gate's nor learnt from."""

from pathlib import Path

import yaml

from training.gate.general import general_cases
from training.replay import replay_prompts

_PLAIN = Path(__file__).parents[1] / "benchmarks" / "plain.yaml"


def test_plain_questions_are_asked_once_and_nowhere_else():
    asked = [each["q"] for each in yaml.safe_load(_PLAIN.read_text("utf-8"))]

    assert len(asked) == len(set(asked)) > 100
    assert not {*asked} & {*replay_prompts()}
    assert not {*asked} & {case.prompt[-1]["content"] for case in general_cases(from_pages=0)}
