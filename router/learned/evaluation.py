"""How good a policy's decisions are on examples, how true its odds, and how long it takes."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.datasets.examples import OUT_OF_SCOPE, Arm, Example
from router.errors import PolicyUnreadable
from router.learned.arms import ArmsPolicy, choose, steps_of
from router.learned.encoding import Facts, Floats
from router.learned.labels import LabelPolicy, Weighed
from router.learned.measures import (
    Bin,
    Truths,
    auroc,
    calibration,
    calibration_error,
    macro_f1,
    risk_coverage,
)

_PRICES = (0.0, *np.geomspace(0.001, 0.5, 30).tolist(), 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds from a question with its embedding to the decision."""

    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Selective:
    """What is left when the policy may decline: the share answered, the share of it that is wrong, and the direct part."""

    risk: float
    answered: float
    wrong: float
    direct: float
    direct_wrong: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmsFigures:
    """`auroc` and `ece` are of “the answer without a search is right”; `auroc_within` is the mean over the data sets.

    `always` is what each arm would reach alone, `oracle` what the best one for each question would. `quality_cost` has
    (price of a step, mean steps, accuracy).
    """

    questions: int
    accuracy: float
    mean_steps: float
    auroc: float | None
    auroc_within: float | None
    auroc_by_dataset: Mapping[str, float | None]
    auroc_by_arm: Mapping[str, float | None]
    ece: float
    chosen: Mapping[str, float]
    always: Mapping[str, float]
    oracle: float
    selective: Selective
    risk_coverage: Sequence[tuple[float, float]]
    calibration: Sequence[Bin]
    quality_cost: Sequence[tuple[float, float, float]]
    latency: Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFigures:
    """`in_scope_accuracy` counts a label that is right and was not turned away as out of scope; `ece` is of the chosen
    label's probability. What needs questions out of scope, or within it, is None without them. `auroc_by_label` tells
    how well a label's own probability ranks its questions before all others.
    """  # noqa: D205

    questions: int
    accuracy: float
    macro_f1: float
    in_scope_accuracy: float | None
    oos_recall: float | None
    oos_auroc: float | None
    auroc_by_label: Mapping[str, float | None]
    ece: float
    risk_coverage: Sequence[tuple[float, float]]
    calibration: Sequence[Bin]
    latency: Latency


def evaluate_arms(policy: ArmsPolicy, examples: Sequence[Example], facts: Sequence[Facts]) -> ArmsFigures:
    """Raises PolicyUnreadable where the policy weighs arms that the examples do not tell of."""
    missing = [arm for arm in policy.arms if any(arm not in example.right for example in examples)]
    if missing:
        raise PolicyUnreadable(f"The policy chooses among arms of which not every line tells: {', '.join(missing)}")
    probabilities, latency = _timed(policy, facts)
    right = np.array([[example.right[arm] for arm in policy.arms] for example in examples])
    datasets = np.array([example.dataset for example in examples])
    return measure_arms(policy, probabilities, right, datasets, latency)


def measure_arms(
    policy: ArmsPolicy, probabilities: Floats, right: Truths, datasets: NDArray[np.str_], latency: Latency
) -> ArmsFigures:
    rows, steps = np.arange(len(right)), steps_of(policy.arms)
    chosen = policy.choose(probabilities)
    direct = policy.arms.index(Arm.NONE) if Arm.NONE in policy.arms else 0
    by_dataset = {
        str(name): auroc(right[datasets == name, direct], probabilities[datasets == name, direct])
        for name in np.unique(datasets)
    }
    known = [value for value in by_dataset.values() if value is not None]
    bins = calibration(right[:, direct], probabilities[:, direct])
    return ArmsFigures(
        questions=len(right),
        accuracy=float(right[rows, chosen].mean()),
        mean_steps=float(steps[chosen].mean()),
        auroc=auroc(right[:, direct], probabilities[:, direct]),
        auroc_within=float(np.mean(known)) if known else None,
        auroc_by_dataset=by_dataset,
        auroc_by_arm={arm: auroc(right[:, n], probabilities[:, n]) for n, arm in enumerate(policy.arms)},
        ece=calibration_error(bins),
        chosen={arm: float((chosen == number).mean()) for number, arm in enumerate(policy.arms)},
        always={arm: float(right[:, number].mean()) for number, arm in enumerate(policy.arms)},
        oracle=float(right.any(axis=1).mean()),
        selective=_selective(policy, probabilities, right),
        risk_coverage=risk_coverage(right[rows, chosen], probabilities[rows, chosen]),
        calibration=bins,
        quality_cost=[_priced(price, probabilities, right, steps) for price in _PRICES],
        latency=latency,
    )


def evaluate_labels(policy: LabelPolicy, examples: Sequence[Example], facts: Sequence[Facts]) -> LabelFigures:
    """Raises PolicyUnreadable where no label of the examples is known to the policy."""
    given = np.array([example.label for example in examples])
    if not set(given.tolist()) & {*policy.labels, OUT_OF_SCOPE}:
        raise PolicyUnreadable("The policy knows none of the labels in this file")
    weighed: list[Weighed] = []
    seconds: list[float] = []
    for each in facts:
        began = time.perf_counter()
        weighed.append(policy.weigh_facts(each))
        seconds.append(time.perf_counter() - began)
    return measure_labels(policy.labels, weighed, given, _latency(seconds))


def measure_labels(
    labels: Sequence[str], weighed: Sequence[Weighed], given: NDArray[np.str_], latency: Latency
) -> LabelFigures:
    chosen = np.array([each.choice for each in weighed])
    outside = given == OUT_OF_SCOPE
    right = chosen == given
    unknown = np.array([each.out_of_scope or 0.0 for each in weighed])
    sure = np.array([_confidence(each) for each in weighed])
    judges = any(each.out_of_scope is not None for each in weighed)
    bins = calibration(right, sure)
    return LabelFigures(
        questions=len(given),
        accuracy=float(right.mean()),
        macro_f1=macro_f1(given.tolist(), chosen.tolist()),
        in_scope_accuracy=float(right[~outside].mean()) if not outside.all() else None,
        oos_recall=float(right[outside].mean()) if outside.any() else None,
        oos_auroc=auroc(outside, unknown) if judges else None,
        auroc_by_label={
            label: auroc(given == label, np.array([each.probabilities[label] for each in weighed])) for label in labels
        },
        ece=calibration_error(bins),
        risk_coverage=risk_coverage(right, sure),
        calibration=bins,
        latency=latency,
    )


def _timed(policy: ArmsPolicy, facts: Sequence[Facts]) -> tuple[Floats, Latency]:
    found: list[Floats] = []
    seconds: list[float] = []
    for each in facts:
        began = time.perf_counter()
        probabilities = policy.probabilities(each)
        policy.decide_among(probabilities[None, :])
        seconds.append(time.perf_counter() - began)
        found.append(probabilities)
    return np.array(found), _latency(seconds)


def _latency(seconds: Sequence[float]) -> Latency:
    p50, p95 = np.percentile(seconds, [50, 95]) * 1000
    return Latency(p50_ms=round(float(p50), 3), p95_ms=round(float(p95), 3))


def _selective(policy: ArmsPolicy, probabilities: Floats, right: Truths) -> Selective:
    steps = steps_of(policy.arms)
    chosen = policy.decide_among(probabilities)
    answered = np.flatnonzero(chosen >= 0)
    was_right = right[answered, chosen[answered]]
    was_direct = steps[chosen[answered]] == 0
    return Selective(
        risk=policy.thresholds.risk,
        answered=len(answered) / len(right),
        wrong=_wrong(was_right),
        direct=float(was_direct.sum() / len(right)),
        direct_wrong=_wrong(was_right[was_direct]),
    )


def _wrong(right: Truths) -> float:
    return float(1 - right.mean()) if len(right) else 0.0


def _priced(price: float, probabilities: Floats, right: Truths, steps: Floats) -> tuple[float, float, float]:
    chosen = choose(probabilities, steps, price)
    return price, float(steps[chosen].mean()), float(right[np.arange(len(right)), chosen].mean())


def _confidence(weighed: Weighed) -> float:
    """The probability of what was chosen: that no label fits, or that one does and it is this one."""
    unknown = weighed.out_of_scope or 0.0
    if weighed.choice == OUT_OF_SCOPE:
        return unknown
    return (1 - unknown) * weighed.probabilities[weighed.choice]
