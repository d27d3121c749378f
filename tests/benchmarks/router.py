"""Learned policies on public data: fitted on four fifths of it, and measured on the rest, until each question was unseen once.

Everything that a fit chooses (calibration, price, thresholds, tilt) it chooses within its own part. The strengths of
regularisation and the weights of the three kinds of figures are constants of the code, set once by trials on these sets.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from knowledge.embedding import open_embedding
from knowledge.index import temporary_index
from knowledge.settings import KnowledgeSettings
from router.datasets import clinc150, mtrag
from router.datasets.examples import OUT_OF_SCOPE, Arm, Example, read_examples
from router.learned.arms import STEPS
from router.learned.encoding import Facts, Reading, read
from router.learned.evaluation import evaluate_arms, evaluate_labels
from router.learned.experiment import gather
from router.learned.fitting_arms import Aims, fit_arms
from router.learned.fitting_labels import fit_labels
from router.learned.measures import auroc, calibration, calibration_error, interval, macro_f1
from router.learned.splits import folds
from tests.benchmarks.bandit import bandit
from tests.benchmarks.documents import DATA
from training.data.judging import end_with_parent

SEEDS = range(5)
FOLDS = 5
AIMS = {"1.6 steps": Aims(mean_steps=1.6), "1.85 steps": Aims(mean_steps=1.85)}


def main(folder: Path, *, small: bool) -> None:
    data, part = DATA, 5 if small else 1
    figures: dict[str, Any] = {}
    sets: dict[str, Callable[[], dict[str, Any]]] = {
        "routing-wiki": lambda: routing_wiki(prepared(read_examples(data / "routing-wiki" / "routing.jsonl")[::part])),
        "clinc150": lambda: clinc(prepared(examples_of(clinc150.convert(data / "clinc150"), folder)[::part])),
        "mtrag-un": lambda: mtrag_un(prepared(asyncio.run(searched(data / "mtrag-un", folder)))),
    }
    for name, run in sets.items():
        if (data / name).is_dir():
            began = time.perf_counter()
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            figures[name] = run() | {"minutes": round((time.perf_counter() - began) / 60, 1)}
            print(json.dumps({name: figures[name]}), file=sys.stderr, flush=True)
        else:
            print(f"{data / name} is not here: set TANDEM_DATA to measure on it", file=sys.stderr)
    print(json.dumps(figures))


Prepared = tuple[list[Example], list[Facts], list[Reading]]


def prepared(examples: list[Example]) -> Prepared:
    embedding = open_embedding(KnowledgeSettings())
    facts = gather(examples, lambda texts: embedding.get_text_embedding_batch(list(texts)))
    return examples, facts, [read(each) for each in facts]


def examples_of(rows: Any, folder: Path) -> list[Example]:
    file = folder / "examples.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return read_examples(file)


async def searched(data: Path, folder: Path) -> list[Example]:
    async with temporary_index(KnowledgeSettings()) as index:
        return examples_of([row async for row in mtrag.convert(data, index)], folder)


def in_parallel(work: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Two at a time, each from a fresh start: a copy of a process that has embedded would have its locks, too."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=end_with_parent) as pool:
        return list(pool.map(work, *zip(*tasks, strict=True)))


def routing_wiki(of_set: Prepared) -> dict[str, Any]:
    examples, facts, readings = of_set
    right = np.array([[example.right[arm] for arm in Arm] for example in examples])
    datasets = np.array([example.dataset for example in examples])
    strata = [example.dataset for example in examples]
    tasks = [
        (examples, readings, fitted_on, unseen)
        for seed in SEEDS
        for fitted_on, unseen in folds(strata, [""] * len(examples), seed=seed, count=FOLDS)
    ]
    told = in_parallel(_arms_of_fold, tasks)
    runs = [_joined(told[number : number + FOLDS]) for number in range(0, len(told), FOLDS)]
    figures: dict[str, Any] = {"questions": len(examples), "unseen": _arms_figures(runs, right, datasets)}
    began = time.perf_counter()
    policy = fit_arms(examples, [read(each) for each in facts], Aims())
    figures["fit_seconds_without_embedding"] = round(time.perf_counter() - began, 1)
    figures["decision"] = vars_of(evaluate_arms(policy, examples[:1000], facts[:1000]).latency)
    return figures | {"bandit": bandit(examples, readings, SEEDS)}


def _arms_of_fold(
    examples: list[Example], readings: list[Reading], fitted_on: list[int], unseen: list[int]
) -> tuple[list[int], Any, dict[str, Any]]:
    """The rows, their probabilities, and for each aim the numbers of the arms chosen."""
    policies = {
        name: fit_arms([examples[n] for n in fitted_on], [readings[n] for n in fitted_on], aims)
        for name, aims in AIMS.items()
    }
    first = next(iter(policies.values()))
    likely = np.array([first.weigh(readings[row]) for row in unseen])
    return unseen, likely, {name: policy.choose(likely) for name, policy in policies.items()}


def _joined(of_folds: Sequence[tuple[list[int], Any, dict[str, Any]]]) -> tuple[Any, dict[str, Any]]:
    count = sum(len(rows) for rows, _, _ in of_folds)
    likely = np.zeros((count, len(Arm)))
    chosen = {name: np.zeros(count, dtype=int) for name in AIMS}
    for rows, of_rows, choices in of_folds:
        likely[rows] = of_rows
        for name, numbers in choices.items():
            chosen[name][rows] = numbers
    return likely, chosen


def _arms_figures(runs: Sequence[tuple[Any, dict[str, Any]]], right: Any, datasets: Any) -> dict[str, Any]:
    """Means over the seeds; intervals over questions, of the mean of the seeds' outcomes on each."""
    direct, everyone = right[:, 0], np.arange(len(right))
    steps = np.array([STEPS[arm] for arm in Arm])
    figures: dict[str, Any] = {
        "auroc": over(runs, right, lambda likely, rows: auroc(direct[rows], likely[rows, 0])),
        "ece": round(statistics.fmean(calibration_error(calibration(direct, likely[:, 0])) for likely, _ in runs), 4),
        "auroc_within": {
            str(name): round(
                statistics.fmean(auroc(direct[datasets == name], likely[datasets == name, 0]) or 0.5 for likely, _ in runs), 3
            )
            for name in np.unique(datasets)
        },
    }  # fmt: skip
    for name in AIMS:
        outcomes = np.mean([right[everyone, chosen[name]] for _, chosen in runs], axis=0)
        figures[name] = {
            "accuracy": told(outcomes),
            "mean_steps": round(statistics.fmean(steps[chosen[name]].mean() for _, chosen in runs), 3),
            "most_steps": round(max(steps[chosen[name]].mean() for _, chosen in runs), 3),
            **{f"more_than_always_{arm}": told(outcomes - right[:, number]) for number, arm in enumerate(Arm)},
        }
    figures["always"] = {arm.value: round(float(right[:, number].mean()), 4) for number, arm in enumerate(Arm)}
    figures["oracle"] = round(float(right.any(axis=1).mean()), 4)
    return figures


def over(runs: Sequence[tuple[Any, Any]], right: Any, figure: Callable[[Any, Any], float | None]) -> dict[str, float]:
    def mean(rows: Any) -> float:
        return statistics.fmean(figure(likely, rows) or 0.5 for likely, _ in runs)

    low, high = interval(mean, len(right), draws=200)
    return {"mean": round(mean(np.arange(len(right))), 4), "low": round(low, 4), "high": round(high, 4)}


def told(outcomes: Any) -> dict[str, float]:
    low, high = interval(lambda rows: float(outcomes[rows].mean()), len(outcomes))
    return {"mean": round(float(outcomes.mean()), 4), "low": round(low, 4), "high": round(high, 4)}


def clinc(of_set: Prepared) -> dict[str, Any]:
    """Intervals over questions, of the mean of the seeds' outcomes on each, and of the seeds' mean AUROC."""
    examples, facts, readings = of_set
    given = np.array([example.label for example in examples])
    tasks = [
        (examples, facts, readings, *split)
        for seed in SEEDS
        for split in folds(given.tolist(), [""] * len(given), seed=seed, count=FOLDS)
    ]
    of_folds = in_parallel(_clinc_of_fold, tasks)
    runs: list[tuple[Any, None]] = []
    for first in range(0, len(of_folds), FOLDS):
        right, unknown = np.zeros(len(given)), np.zeros(len(given))
        for rows, choices, likely, _ in of_folds[first : first + FOLDS]:
            right[rows], unknown[rows] = given[rows] == choices, likely
        runs.append((np.stack([right, unknown], axis=1), None))
    right = np.mean([run[:, 0] for run, _ in runs], axis=0)
    outside = given == OUT_OF_SCOPE
    return {
        "questions": len(given),
        "out_of_scope": int(outside.sum()),
        "in_scope_accuracy": told(right[~outside]),
        "oos_recall": told(right[outside]),
        "oos_auroc": over(runs, given, lambda run, rows: auroc(outside[rows], run[rows, 1])),
        "decision_p95_ms": max(p95_ms for *_, p95_ms in of_folds),
    }


def _clinc_of_fold(
    examples: list[Example], facts: list[Facts], readings: list[Reading], fitted_on: list[int], unseen: list[int]
) -> tuple[list[int], list[str], list[float], float]:
    policy = fit_labels([examples[n] for n in fitted_on], [readings[n] for n in fitted_on])
    weighed = [policy.weigh(readings[row]) for row in unseen]
    latency = evaluate_labels(policy, [examples[n] for n in unseen[:1000]], [facts[n] for n in unseen[:1000]]).latency
    return unseen, [each.choice for each in weighed], [each.out_of_scope or 0.0 for each in weighed], latency.p95_ms


def mtrag_un(of_set: Prepared) -> dict[str, Any]:
    examples, _, readings = of_set
    given = np.array([example.label for example in examples])
    conversations = [example.conversation for example in examples]
    tasks = [
        (examples, readings, fitted_on, unseen)
        for seed in SEEDS
        for fitted_on, unseen in folds(given.tolist(), conversations, seed=seed, count=FOLDS)
    ]
    told = in_parallel(_mtrag_of_fold, tasks)
    runs: list[tuple[Any, Any]] = []
    for first in range(0, len(told), FOLDS):
        chosen, unanswerable = np.empty(len(examples), dtype=object), np.zeros(len(examples))
        for rows, choices, likely in told[first : first + FOLDS]:
            chosen[rows], unanswerable[rows] = choices, likely
        runs.append((np.stack([chosen, unanswerable], axis=1), None))
    commonest = max(set(given.tolist()), key=given.tolist().count)
    return {
        "questions": len(examples),
        "conversations": len(set(conversations)),
        "macro_f1": over(runs, given, lambda run, rows: macro_f1(given[rows].tolist(), run[rows, 0].tolist())),
        "macro_f1_of_the_commonest": round(macro_f1(given.tolist(), [commonest] * len(given)), 4),
        "abstention_auroc": over(
            runs, given, lambda run, rows: auroc(given[rows] == "unanswerable", run[rows, 1].astype(float))
        ),
    }


def _mtrag_of_fold(
    examples: list[Example], readings: list[Reading], fitted_on: list[int], unseen: list[int]
) -> tuple[list[int], list[str], list[float]]:
    policy = fit_labels([examples[n] for n in fitted_on], [readings[n] for n in fitted_on])
    weighed = [policy.weigh(readings[row]) for row in unseen]
    return unseen, [each.choice for each in weighed], [each.probabilities["unanswerable"] for each in weighed]


def vars_of(latency: Any) -> dict[str, float]:
    return {"p50_ms": latency.p50_ms, "p95_ms": latency.p95_ms}


if __name__ == "__main__":
    main(Path(sys.argv[1]), small="small" in sys.argv[2:])
