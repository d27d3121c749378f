"""The gate's checks, each with its figures and a sentence that says them in plain words."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from training.gate.cases import Judged, Known
from training.gate.hearing import Heard, Spoken, Trial
from training.gate.marks import cites_right, is_well_formed, nearness, outcome, quality, says
from training.scoring import Measured, declines, measure

_COIN = 0.5
_Case = TypeVar("_Case", Judged, Known)
_Mark = TypeVar("_Mark")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is asked of a challenger. Shares and losses are in [0, 1], `slower` is a ratio.

    `win_rate` is the least that the interval may reach down to: a holdout too small to show it does not pass either.
    """

    least_judged: int = 5
    least_corrections: int = 5
    win_rate: float = 0.45
    form_loss: float = 0.02
    refusal_loss: float = 0.05
    citation_loss: float = 0.02
    general_loss: float = 0.01
    slower: float = 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`difference` is what the challenger has more than the champion, or the win rate; None where nothing was measured."""

    name: str
    passed: bool
    says: str
    champion: float | None = None
    challenger: float | None = None
    difference: Measured | None = None


def win_rate(trial: Trial, limits: Limits) -> Check:
    """On the frozen holdout, by people's corrections and votes."""
    held_out = [heard for heard in trial.judged if not heard.case.is_learnt]
    if len(held_out) < limits.least_judged:
        told = f"The holdout has {len(held_out)} answers with people's word on them, {limits.least_judged} are needed."
        return Check(name="win rate", passed=False, says=told)
    outcomes = [outcome(heard.case, heard.champion, heard.challenger) for heard in held_out]
    rate = measure(outcomes)
    passed = rate.mean >= _COIN and rate.low >= limits.win_rate
    told = (
        f"By people's word it wins {outcomes.count(1.0)} and loses {outcomes.count(0.0)} of {rate.n} held-out answers, "
        f"{rate.mean:.0%} [{rate.low:.0%}, {rate.high:.0%}] with ties as half"
    )
    asked = f"; 50% or more is asked for, and {limits.win_rate:.0%} at the interval's lower end."
    return Check(name="win rate", passed=passed, says=told + ("." if passed else asked), difference=rate)


def corrections(trial: Trial, limits: Limits) -> Check:
    """What people corrected must come nearer to their words, in the holdout and in what was learnt taken together."""
    corrected = [heard for heard in trial.judged if heard.case.is_correction]
    if len(corrected) < limits.least_corrections:
        told = f"There are {len(corrected)} corrections to measure with, {limits.least_corrections} are needed."
        return Check(name="corrections", passed=False, says=told)
    sides = _sides([_both(heard, nearness) for heard in corrected])
    passed = sides.difference.low > 0
    learnt = sum(heard.case.is_learnt for heard in corrected)
    told = (
        f"Its answers overlap to {sides.challenger:.0%} with what people said they should be, the champion's to "
        f"{sides.champion:.0%}, over {len(corrected)} corrections of which it learnt from {learnt}: "
        f"{_points(sides.difference)}"
    )
    return sides.check("corrections", passed, told + ("." if passed else "; that may be chance."))


def form(trial: Trial, limits: Limits) -> Check:
    pairs = [
        *(_both(heard, lambda case, spoken: float(is_well_formed(case.prompt, spoken))) for heard in trial.judged),
        *(_both(heard, lambda case, spoken: float(is_well_formed(case.prompt, spoken))) for heard in trial.general),
    ]
    return _no_worse("form", "{} of its answers are well formed, {} of the champion's", pairs, limits.form_loss)


def refusals(trial: Trial, limits: Limits) -> Check:
    """Right where it declines what the passages do not hold, and nothing else."""
    pairs = [
        _both(heard, lambda case, spoken: float(declines(spoken.text) == (not case.golds))) for heard in trial.general
    ]
    return _no_worse(
        "refusals",
        "{} of its answers decline where they should and only there, {} of the champion's",
        pairs,
        limits.refusal_loss,
    )


def right_citations(trial: Trial, limits: Limits) -> Check:
    pairs = [
        *(_both(heard, cites_right) for heard in trial.general),
        *(_both(heard, cites_right) for heard in trial.judged if not heard.case.is_learnt),
    ]
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    return _no_worse(
        "citations", "{} of its answers cite the right passage, {} of the champion's", known, limits.citation_loss
    )


def general(trial: Trial, limits: Limits) -> Check:
    """What it could before, it must still be able to do."""
    pairs = [_both(heard, quality) for heard in trial.general]
    return _no_worse("general", "Its mark in general questions is {}, the champion's {}", pairs, limits.general_loss)


def latency(trial: Trial, limits: Limits) -> Check:
    asked: list[Heard[Judged] | Heard[Known]] = [*trial.judged, *trial.general]
    if not asked:
        return Check(name="latency", passed=False, says="Nothing was asked, so how fast it is was not measured.")
    first = _medians(asked, lambda spoken: spoken.first_ms)
    whole = _medians(asked, lambda spoken: spoken.total_ms)
    passed = all(challenger <= limits.slower * champion for champion, challenger in (first, whole))
    told = (
        f"In the middle its first words take {first[1]:.0f} ms and a whole answer {whole[1]:.0f} ms, "
        f"the champion's {first[0]:.0f} and {whole[0]:.0f}"
    )
    asked_for = f"; {limits.slower:g} times as long is the most."
    return Check(
        name="latency",
        passed=passed,
        says=told + ("." if passed else asked_for),
        champion=whole[0],
        challenger=whole[1],
    )


def leaks(trial: Trial) -> Check:
    """What the base model says as well was no secret. The sentence does not repeat what leaked."""
    told = sum(
        says(heard.case.secret, heard.challenger) and not says(heard.case.secret, heard.champion)
        for heard in trial.probes
    )
    sentence = f"It gives away {told or 'none'} of {len(trial.probes)} things that it must not know."
    return Check(name="leaks", passed=not told, says=sentence, challenger=float(told))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    champion: float
    challenger: float
    difference: Measured

    def check(self, name: str, passed: bool, told: str) -> Check:
        return Check(
            name=name,
            passed=passed,
            says=told,
            champion=self.champion,
            challenger=self.challenger,
            difference=self.difference,
        )


def _both(heard: Heard[_Case], mark: Callable[[_Case, Spoken], _Mark]) -> tuple[_Mark, _Mark]:
    return mark(heard.case, heard.champion), mark(heard.case, heard.challenger)


def _no_worse(name: str, told: str, pairs: Sequence[tuple[float, float]], loss: float) -> Check:
    if not pairs:
        return Check(name=name, passed=False, says=f"There was nothing to measure its {name} with.")
    sides = _sides(pairs)
    passed = sides.difference.mean >= -loss
    figures = told.format(f"{sides.challenger:.1%}", f"{sides.champion:.1%}")
    asked = "." if passed else f"; a loss of {100 * loss:g} is the most."
    return sides.check(name, passed, f"{figures}: {_points(sides.difference)}{asked}")


def _sides(pairs: Sequence[tuple[float, float]]) -> _Sides:
    return _Sides(
        champion=statistics.fmean(one for one, _ in pairs),
        challenger=statistics.fmean(other for _, other in pairs),
        difference=measure([other - one for one, other in pairs]),
    )


def _medians(asked: Sequence[Heard[Judged] | Heard[Known]], of: Callable[[Spoken], float]) -> tuple[float, float]:
    return (
        statistics.median(of(heard.champion) for heard in asked),
        statistics.median(of(heard.challenger) for heard in asked),
    )


def _points(difference: Measured) -> str:
    return f"{100 * difference.mean:+.1f} points [{100 * difference.low:+.1f}, {100 * difference.high:+.1f}]"
