"""Whether a challenger takes the champion's place: every check must pass."""

from dataclasses import dataclass

from training.gate import checks
from training.gate.checks import Check, Limits
from training.gate.hearing import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    checks: tuple[Check, ...]

    @property
    def is_better(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def says(self) -> str:
        """What came of it, and why, in a few sentences for people."""
        failed = [check.says for check in self.checks if not check.passed]
        if not failed:
            return f"The challenger passes all {len(self.checks)} checks."
        return " ".join(["The champion stays.", *failed])


def judge(trial: Trial, limits: Limits | None = None) -> Verdict:
    limits = limits or Limits()
    return Verdict(
        checks=(
            checks.win_rate(trial, limits),
            checks.corrections(trial, limits),
            checks.form(trial, limits),
            checks.refusals(trial, limits),
            checks.right_citations(trial, limits),
            checks.general(trial, limits),
            checks.latency(trial, limits),
            checks.leaks(trial),
        )
    )
