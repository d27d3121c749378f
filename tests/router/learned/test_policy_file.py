import json
from pathlib import Path

import numpy as np
import pytest

from router.errors import PolicyUnreadable
from router.learned.arms import ArmsPolicy, steps_of
from router.learned.encoding import Facts, read
from router.learned.fits import fit_policy
from router.learned.fitting_arms import Aims
from router.learned.labels import LabelPolicy
from router.learned.linear import logistic
from router.learned.policy_file import FILE, PolicyFile, read_policy, write_policy
from tests.router.learned.made_up import arms, facts_of, labels

# Of odds that are written with four digits: what is nearer to a tie may fall to either side.
ROUNDING = 0.001


@pytest.fixture(scope="module")
def of_arms() -> PolicyFile:
    examples = arms(200)
    return fit_policy(examples, facts_of(examples), embedding="four", aims=Aims())


@pytest.fixture(scope="module")
def of_labels() -> PolicyFile:
    examples = labels(200)
    return fit_policy(examples, facts_of(examples), embedding="four", aims=Aims())


def test_policy_over_arms_decides_alike_after_it_was_written_and_read(of_arms: PolicyFile, tmp_path: Path):
    write_policy(of_arms, tmp_path)
    back = read_policy(tmp_path)
    assert (back.embedding, back.questions) == ("four", 200)
    assert isinstance(of_arms.policy, ArmsPolicy)
    assert isinstance(back.policy, ArmsPolicy)
    for facts in facts_of(arms(50, seed=3)):
        assert back.policy.decide(facts) == of_arms.policy.decide(facts) or lead(of_arms.policy, facts) < ROUNDING
        was, is_ = of_arms.policy.odds(facts), back.policy.odds(facts)
        assert all(is_[arm] == pytest.approx(was[arm], abs=0.02) for arm in was)


def test_policy_over_labels_decides_alike_after_it_was_written_and_read(of_labels: PolicyFile, tmp_path: Path):
    back = read_policy(write_policy(of_labels, tmp_path)).policy
    assert isinstance(of_labels.policy, LabelPolicy)
    assert isinstance(back, LabelPolicy)
    for facts in facts_of(labels(50, seed=3)):
        weighed, before = back.weigh(read(facts)), of_labels.policy.weigh(read(facts))
        assert weighed.choice == before.choice
        assert weighed.out_of_scope == pytest.approx(before.out_of_scope, abs=0.02)
    assert np.allclose(back.tilt, of_labels.policy.tilt, atol=1e-3)


def test_file_is_plain_json_with_names(of_arms: PolicyFile, tmp_path: Path):
    told = json.loads(write_policy(of_arms, tmp_path).read_text())
    assert set(told["outputs"]) == {"none", "single", "multi"}
    assert "ends_asking" in told["figures"]
    assert "ends_asking" in told["outputs"]["none"]["figures"]


def test_policy_without_centres_is_a_linear_one(of_arms: PolicyFile, tmp_path: Path):
    file = write_policy(of_arms, tmp_path)
    told = json.loads(file.read_text())
    file.write_text(json.dumps({name: value for name, value in told.items() if name != "near"}))
    back = read_policy(tmp_path).policy
    (facts,) = facts_of(arms(1))
    assert isinstance(back, ArmsPolicy)
    assert np.allclose(back.probabilities(facts), logistic(back.model.scores(back.encoder.weigh(read(facts)))))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: told | {"tandem_policy": 2},
        lambda told: told | {"kind": "other"},
        lambda told: told | {"more": 1},
        lambda told: told | {"price": None},
        lambda told: {name: value for name, value in told.items() if name != "outputs"},
        lambda told: told | {"outputs": {"none": told["outputs"]["none"], "nobody": told["outputs"]["multi"]}},
        lambda told: with_output(told, places=[10**9]),
        lambda told: with_output(told, places=[-1]),
        lambda told: with_output(told, embedding=[1.0]),
        lambda told: with_output(told, figures={}),
        lambda told: with_output(told, bias="NaN"),
        lambda told: told | {"near": told["near"] | {"scale": told["near"]["scale"][1:]}},
        lambda told: told | {"near": told["near"] | {"centres": told["near"]["centres"][1:]}},
        lambda told: told | {"near": told["near"] | {"weights": {}}},
    ],
)
def test_file_that_is_no_policy_is_refused(of_arms: PolicyFile, tmp_path: Path, spoil):
    file = write_policy(of_arms, tmp_path)
    file.write_text(json.dumps(spoil(json.loads(file.read_text()))))
    with pytest.raises(PolicyUnreadable, match="is not a policy"):
        read_policy(tmp_path)


@pytest.mark.parametrize("bytes_", [b"", b"\x80\x04\x95 a pickle", b"[]", b'{"tandem_policy": 1}'])
def test_bytes_that_are_no_policy_are_refused(tmp_path: Path, bytes_: bytes):
    (tmp_path / FILE).write_bytes(bytes_)
    with pytest.raises(PolicyUnreadable, match="is not a policy"):
        read_policy(tmp_path)


def test_missing_policy_is_said(tmp_path: Path):
    with pytest.raises(PolicyUnreadable, match="tandem route fit writes one"):
        read_policy(tmp_path)


def lead(policy: ArmsPolicy, facts: Facts) -> float:
    """How much more the best arm is worth than the next one, its searches paid."""
    second, best = np.sort(policy.probabilities(facts) - policy.price * steps_of(policy.arms))[-2:]
    return best - second


def with_output(told, **changes):
    none = told["outputs"]["none"] | changes
    if "places" in changes:
        none["ngrams"] = [1.0]
    return told | {"outputs": told["outputs"] | {"none": none}}
