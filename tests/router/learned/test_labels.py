from dataclasses import replace

import numpy as np
import pytest

from router.errors import ExamplesUnreadable, PolicyUnreadable
from router.learned.encoding import read
from router.learned.evaluation import evaluate_labels
from router.learned.fitting_labels import fit_labels
from tests.router.learned.made_up import asked, facts_of, labels


def fitted(*, out_of_scope: bool = True):
    examples = labels(300, out_of_scope=out_of_scope)
    return fit_labels(examples, [read(each) for each in facts_of(examples)])


@pytest.fixture(scope="module")
def policy():
    return fitted()


def test_labels_and_what_fits_none_are_told_apart(policy):
    unseen = labels(200, seed=1)
    told = evaluate_labels(policy, unseen, facts_of(unseen))
    assert told.in_scope_accuracy is not None
    assert told.oos_recall is not None
    assert told.oos_auroc is not None
    assert told.in_scope_accuracy > 0.95
    assert told.oos_recall > 0.9
    assert told.oos_auroc > 0.98
    assert told.macro_f1 > 0.95


def test_without_examples_out_of_scope_nothing_is_turned_away():
    policy = fitted(out_of_scope=False)
    unseen = labels(100, seed=1)
    told = evaluate_labels(policy, unseen, facts_of(unseen))
    assert policy.scope is None
    assert (told.oos_recall, told.oos_auroc) == (0.0, None)


def test_probabilities_of_the_labels_sum_to_one(policy):
    weighed = policy.weigh_facts(facts_of(labels(1))[0])
    assert sum(weighed.probabilities.values()) == pytest.approx(1)
    assert set(weighed.probabilities) == {"transfer", "weather", "music"}


def test_data_without_any_out_of_scope_is_measured_without_it(policy):
    unseen = labels(100, seed=1, out_of_scope=False)
    told = evaluate_labels(policy, unseen, facts_of(unseen))
    assert (told.oos_recall, told.oos_auroc) == (None, None)
    assert told.in_scope_accuracy == told.accuracy


def test_labels_that_the_policy_has_never_met_are_refused(policy):
    unseen = [replace(example, label="other") for example in labels(10)]
    with pytest.raises(PolicyUnreadable, match="none of the labels"):
        evaluate_labels(policy, unseen, facts_of(unseen))


def test_too_little_to_learn_from_is_refused():
    few = labels(30)
    with pytest.raises(ExamplesUnreadable, match="50 questions or more"):
        fit_labels(few, [read(each) for each in facts_of(few)])
    alike = [replace(example, label="one") for example in labels(80)]
    with pytest.raises(ExamplesUnreadable, match="two labels or more"):
        fit_labels(alike, [read(each) for each in facts_of(alike)])
    mostly = labels(80, out_of_scope=False) + [e for e in labels(200) if e.label == "oos"][:5]
    with pytest.raises(ExamplesUnreadable, match="20 questions or more; 5 are labelled so"):
        fit_labels(mostly, [read(each) for each in facts_of(mostly)])


def test_many_labels_are_told_apart():
    words = [
        f"{first}{second}"
        for first in ("tea", "oak", "sun", "ice", "map", "ink")
        for second in ("pot", "er", "s", "ed")
    ]
    examples = [
        replace(example, label=word, question=asked(f"{word} {example.question.text}"))
        for number, example in enumerate(labels(480))
        for word in [words[number % len(words)]]
    ]
    policy = fit_labels(examples, [read(each) for each in facts_of(examples)])
    assert len(policy.labels) == 24
    assert evaluate_labels(policy, examples[:100], facts_of(examples[:100])).macro_f1 > 0.95


def test_rare_label_is_not_forgotten():
    common = [example for example in labels(600) if example.label == "transfer"]
    rare = [example for example in labels(600) if example.label == "weather"][:12]
    examples = common + rare
    policy = fit_labels(examples, [read(each) for each in facts_of(examples)])
    assert np.all(policy.tilt >= 0)
    unseen = [example for example in labels(100, seed=2) if example.label in {"transfer", "weather"}]
    assert evaluate_labels(policy, unseen, facts_of(unseen)).macro_f1 > 0.95
