from dataclasses import replace

import numpy as np
import pytest

from router.datasets.examples import Arm, Example
from router.errors import ExamplesUnreadable
from router.learned.arms import steps_of
from router.learned.encoding import Facts, read
from router.learned.evaluation import ArmsFigures, evaluate_arms
from router.learned.fitting_arms import Aims, fit_arms
from tests.router.learned.made_up import arms, asked, facts_of


def fitted(count: int = 300, **aims: float):
    examples = arms(count)
    return fit_arms(examples, [read(each) for each in facts_of(examples)], Aims(**aims))


def on_a_line(count: int = 400, *, seed: int) -> tuple[list[Example], list[Facts]]:
    """The same words throughout; known by heart is what lies near the middle."""
    places = np.random.default_rng(seed).uniform(-1.5, 1.5, count)
    question = asked("What is it?")
    examples = [
        Example(question=question, right={arm: bool(abs(place) < 0.75) == (arm is Arm.NONE) for arm in Arm})
        for place in places
    ]
    return examples, [Facts(question=question, passages=None, vector=np.array([place])) for place in places]


def figures(policy, count: int = 300) -> ArmsFigures:
    unseen = arms(count, seed=1)
    return evaluate_arms(policy, unseen, facts_of(unseen))


@pytest.fixture(scope="module")
def policy():
    return fitted()


def test_questions_that_words_tell_apart_go_to_the_arm_that_knows(policy):
    told = figures(policy)
    assert told.auroc is not None
    assert told.auroc > 0.85
    assert told.accuracy > max(told.always["none"], told.always["single"]) + 0.1
    assert told.mean_steps < 1.6


def test_what_lies_around_a_place_is_told_from_what_lies_on_either_side_of_it():
    examples, facts = on_a_line(seed=0)
    policy = fit_arms(examples, [read(each) for each in facts], Aims())
    told = evaluate_arms(policy, *on_a_line(seed=1))
    assert told.auroc is not None
    assert told.auroc > 0.8


def test_odds_come_true(policy):
    assert figures(policy).ece < 0.1


def test_each_arm_has_odds_of_its_own(policy):
    odds = policy.odds(facts_of(arms(1))[0])
    assert set(odds) == set(Arm)
    assert all(0 < chance < 1 for chance in odds.values())


def test_searches_cost_more_where_fewer_are_allowed():
    cheap, dear = fitted(mean_steps=0.5), fitted(mean_steps=3.8)
    assert figures(cheap).mean_steps < 0.7 < figures(dear).mean_steps
    assert cheap.price > dear.price


def test_what_is_answered_keeps_the_risk_and_a_smaller_risk_answers_less(policy):
    careful = replace(policy, thresholds=fitted(risk=0.1).thresholds)
    told, bold = figures(careful).selective, figures(replace(policy, thresholds=fitted(risk=0.5).thresholds)).selective
    assert 0 < told.answered < bold.answered
    assert told.wrong < 0.1
    assert told.direct_wrong < 0.1


def test_arm_chosen_is_one_of_its_own_or_none_at_all(policy):
    sure = replace(policy, thresholds=replace(policy.thresholds, answer=1.0))
    (facts,) = facts_of(arms(1))
    assert sure.decide(facts) is None
    assert replace(policy, thresholds=replace(policy.thresholds, answer=0.0)).decide(facts) in Arm


def test_direct_answer_below_its_threshold_is_searched_for_instead(policy):
    forbidden = replace(policy, thresholds=replace(policy.thresholds, direct=1.0, answer=0.0))
    chosen = forbidden.decide_among(np.array([[0.99, 0.2, 0.1]]))
    assert steps_of(policy.arms)[chosen[0]] > 0


def test_two_of_the_arms_serve_too():
    examples = [
        replace(example, right={arm: is_right for arm, is_right in example.right.items() if arm is not Arm.MULTI})
        for example in arms(120)
    ]
    policy = fit_arms(examples, [read(each) for each in facts_of(examples)], Aims())
    assert policy.arms == (Arm.NONE, Arm.SINGLE)
    assert figures(policy).mean_steps <= 1


def test_arm_that_is_never_right_is_fitted_too():
    examples = [replace(example, right={**example.right, Arm.NONE: False}) for example in arms(120)]
    policy = fit_arms(examples, [read(each) for each in facts_of(examples)], Aims())
    assert all(policy.odds(facts)[Arm.NONE] < 0.05 for facts in facts_of(arms(20)))


def test_too_few_questions_are_refused():
    examples = arms(20)
    with pytest.raises(ExamplesUnreadable, match="50 questions or more; here are 20"):
        fit_arms(examples, [read(each) for each in facts_of(examples)], Aims())


def test_arm_told_of_in_some_lines_only_is_refused():
    examples = arms(80)
    examples[40] = replace(examples[40], right={Arm.NONE: True})
    with pytest.raises(ExamplesUnreadable, match="as the first one does"):
        fit_arms(examples, [read(each) for each in facts_of(examples)], Aims())


def test_message_unlike_all_examples_gets_odds_too(policy):
    for text in ("", "🎉", "x" * 4000, "1 2 3 " * 500):
        facts = facts_of(arms(1))[0]
        odds = policy.odds(replace(facts, question=asked(text)))
        assert all(0 < chance < 1 for chance in odds.values())


def test_questions_of_one_conversation_are_too_few_conversations():
    examples = [replace(example, conversation="one") for example in arms(60)]
    with pytest.raises(ExamplesUnreadable, match="5 conversations or more"):
        fit_arms(examples, [read(facts) for facts in facts_of(examples)], Aims())
